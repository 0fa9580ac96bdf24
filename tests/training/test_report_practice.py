"""How the team works, counted from an export: each figure against a plain loop."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from features.language.kinds import Selection
from features.tables import Tables
from tests.support.tables import tables_of
from training.config import Config, config_of
from training.statistics.incidence import LEAST_LEADS, conversion, median_estimate
from training.team.contact import contact_speed, funnel
from training.team.grouping import attribute_levels, cohort, grouping, groups_by_month
from training.team.practice import Practice, practice
from training.team.spend import read_spend
from training.team.upkeep import FieldCompleteness, field_completeness, logging_promptness

HOUR = 1 / 24
NAMES = ("ads", "fair", "friends", None)


def practice_of(tables: Tables, config: Config) -> Practice:
    return practice(tables, config.practice, config.horizons.warm_days)


def made_up(leads: int = 400, seed: int = 3, **more):
    """An export in which a third buys, at any time, and one in four is closed."""
    random = np.random.default_rng(seed)
    rows, events = [], []
    for i in range(leads):
        created = float(random.uniform(0, 200))
        bought = created + float(random.exponential(30)) if random.random() < 0.4 else None
        closed = created + float(random.exponential(40)) if random.random() < 0.25 else None
        if bought is not None and (closed is not None or bought > 200):
            bought = None
        if closed is not None and closed > 200:
            closed = None
        name = NAMES[int(random.integers(0, 4))]
        rows.append(
            {
                "lead_id": f"L{i}",
                "created_at": created,
                "converted_at": bought,
                "closed_at": closed,
                "source": name,
                "owner": ("ana", "boris")[i % 2],
            }
        )
        events += [
            {
                "lead_id": f"L{i}",
                "occurred_at": created + float(random.exponential(4.0)),
                "direction": ("inbound", "outbound", None)[int(random.integers(0, 3))],
                "channel": ("phone", "web")[int(random.integers(0, 2))],
                "kind": ("call", "quote")[int(random.integers(0, 2))],
            }
            for _ in range(int(random.integers(0, 4)))
        ]
    kinds = {"source": "category", "owner": "category"}
    return tables_of(rows, events, kinds=kinds, fixed=("source", "owner"), end_day=200, **more)


def config(**report):
    return config_of({"leads": {"source": "leads.csv"}, "report": report}, Path())


def share_by_loop(days, watched, horizon) -> float:
    """Product-limit estimate as it is taught: one factor for each day of a purchase."""
    left = 1.0
    until = [min(d, w) for d, w in zip(days, watched, strict=True)]
    for moment in sorted({d for d, w in zip(days, watched, strict=True) if d <= min(w, horizon)}):
        at_risk = sum(u >= moment for u in until)
        left *= 1 - sum(d == moment for d in days) / at_risk
    return 1 - left


# Who buys, and how long it takes.


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(40, 120), st.floats(5, 60))
def test_the_share_that_buys_is_the_product_limit_estimate(seed, leads, horizon):
    random = np.random.default_rng(seed)
    days = np.where(random.random(leads) < 0.4, random.integers(1, 80, leads), np.inf)
    watched = random.uniform(1, 100, leads)
    days[days > watched] = np.inf
    found = conversion(days, watched, horizon)
    assert found.bought == sum(d <= horizon for d in days)
    assert found.old_enough == sum(w >= horizon for w in watched)
    if found.old_enough < LEAST_LEADS:
        assert found.share is None
    else:
        assert found.share.value == pytest.approx(share_by_loop(days, watched, horizon), abs=1e-9)
        assert 0 <= found.share.low <= found.share.value <= found.share.high <= 1


def test_without_young_leads_the_share_is_the_plain_one_with_wilsons_interval():
    days = np.array([10.0] * 20 + [np.inf] * 80)
    found = conversion(days, np.full(100, 90.0), 90)
    assert found.share.value == pytest.approx(0.2)
    z2 = 1.959964**2
    half = math.sqrt(z2) * math.sqrt(0.2 * 0.8 / 100 + z2 / 40_000) / (1 + z2 / 100)
    centre = (0.2 + z2 / 200) / (1 + z2 / 100)
    assert (found.share.low, found.share.high) == pytest.approx((centre - half, centre + half))


def test_young_leads_do_not_make_the_share_smaller_than_it_is():
    random = np.random.default_rng(1)
    days = np.where(random.random(20_000) < 0.3, random.uniform(0, 90, 20_000), np.inf)
    watched = random.uniform(0, 200, 20_000)
    seen = np.where(days <= watched, days, np.inf)
    found = conversion(seen, watched, 90)
    assert found.share.low < 0.3 < found.share.high
    assert found.bought / found.leads < 0.25
    assert found.days.low < 45 < found.days.high


def test_the_interval_of_the_share_holds_as_often_as_it_says():
    random, hits = np.random.default_rng(2), 0
    for _ in range(400):
        days = np.where(random.random(300) < 0.15, random.uniform(0, 90, 300), np.inf)
        watched = random.uniform(30, 150, 300)
        share = conversion(np.where(days <= watched, days, np.inf), watched, 90).share
        hits += share.low <= 0.15 <= share.high
    assert 0.92 <= hits / 400 <= 0.98


def test_the_interval_of_a_median_holds_as_often_as_it_says():
    random, hits = np.random.default_rng(2), 0
    for _ in range(1000):
        found = median_estimate(random.exponential(1.0, 40))
        hits += found.low <= math.log(2) <= found.high
    assert 0.94 <= hits / 1000 <= 0.985


def test_too_few_to_tell_are_not_told():
    assert conversion(np.full(29, 5.0), np.full(29, 99.0), 90).share is None
    assert conversion(np.full(30, 5.0), np.full(30, 99.0), 90).share.value == 1
    assert conversion(np.full(30, 5.0), np.full(30, 89.0), 90).share is None
    assert median_estimate(np.arange(9.0)) is None


# By what leads have in common.


def test_groups_are_the_leads_of_each_level_largest_first():
    tables = made_up()
    leads = cohort(tables)
    rows = tables.leads.to_pylist()
    found = grouping("source", attribute_levels(tables, "source"), leads, 60)
    sizes = [group.conversion.leads for group in found.groups]
    assert sizes == sorted(sizes, reverse=True)
    assert {group.level for group in found.groups} == set(NAMES)
    for group in found.groups:
        mine = [i for i, row in enumerate(rows) if row["source"] == group.level]
        assert group.conversion == conversion(leads.days[mine], leads.watched[mine], 60)
    assert (found.small_groups, found.small_leads) == (0, 0)


def test_a_group_too_small_is_counted_but_not_shown():
    rows = [
        {"lead_id": str(i), "created_at": 0, "source": "rare" if i < 7 else "usual"}
        for i in range(60)
    ]
    tables = tables_of(rows, kinds={"source": "category"}, fixed=("source",))
    found = grouping("source", attribute_levels(tables, "source"), cohort(tables), 60)
    assert [group.level for group in found.groups] == ["usual"]
    assert (found.small_groups, found.small_leads) == (1, 7)


def test_an_attribute_of_the_log_counts_as_it_was_known_last():
    rows = [{"lead_id": name, "created_at": 0} for name in "abc"]
    log = [
        {"lead_id": "a", "recorded_at": 5, "name": "owner", "text": "boris"},
        {"lead_id": "a", "recorded_at": 2, "name": "owner", "text": "ana"},
        {"lead_id": "c", "recorded_at": 2, "name": "owner", "text": "ana"},
    ]
    levels = attribute_levels(tables_of(rows, log=log, kinds={"owner": "category"}), "owner")
    assert [levels.words[code] for code in levels.codes] == ["boris", "no value", "ana"]


def test_months_are_those_of_creation_earliest_first():
    tables = made_up()
    created = [row["created_at"].strftime("%Y-%m") for row in tables.leads.to_pylist()]
    found = groups_by_month(cohort(tables), 60)
    assert [m.level for m in found] == sorted(set(created))
    assert [m.conversion.leads for m in found] == [created.count(m.level) for m in found]
    assert found[-1].conversion.share is None  # nobody of the last month is old enough


# Speed and funnel.


def test_speeds_are_compared_among_leads_still_open_on_the_third_day():
    tables = made_up(800)
    found = contact_speed(tables, cohort(tables), 60)
    first: dict[str, float] = {}
    created = {row["lead_id"]: row["created_at"] for row in tables.leads.to_pylist()}
    for event in tables.interactions.to_pylist():
        if event["direction"] == "outbound":
            hours = (event["occurred_at"] - created[event["lead_id"]]).total_seconds() / 3600
            first[event["lead_id"]] = min(hours, first.get(event["lead_id"], math.inf))
    expected = dict.fromkeys([(0.0, 1.0), (1.0, 4.0), (4.0, 24.0), (24.0, 72.0), (None, None)], 0)
    sales = dict(expected)
    for row in tables.leads.to_pylist():
        end = min(row["converted_at"] or math.inf, row["closed_at"] or math.inf, key=_stamp)
        age = (tables.data_end / 1e6 - row["created_at"].timestamp()) / 86_400
        if _stamp(end) <= row["created_at"].timestamp() + 3 * 86_400 or age <= 3:
            continue
        hours = first.get(row["lead_id"], math.inf)
        span = next(
            (s for s in expected if s[0] is not None and s[0] <= hours < s[1]), (None, None)
        )
        expected[span] += 1
        if row["converted_at"]:
            days = (row["converted_at"] - row["created_at"]).total_seconds() / 86_400
            sales[span] += days <= 63
    shown = {(g.from_hours, g.to_hours): g.conversion for g in found.groups}
    assert {span: one.leads for span, one in shown.items()} == expected
    assert {span: one.bought for span, one in shown.items()} == sales


def _stamp(moment) -> float:
    return moment if moment == math.inf else moment.timestamp()


def test_a_contact_that_nothing_depends_on_is_worth_nothing_though_buyers_leave_early():
    """Purchases at a rate that knows no contact: by the landmark no speed looks better."""
    random = np.random.default_rng(5)
    rows = [
        {"lead_id": str(i), "created_at": 0, "converted_at": d if d < 100 else None}
        for i, d in enumerate(random.exponential(30, 6000).tolist())
    ]
    events = [
        {"lead_id": str(i), "occurred_at": at, "direction": "outbound"}
        for i, at in enumerate(random.exponential(2, 6000).tolist())
        if at < (rows[i]["converted_at"] or 100)
    ]
    tables = tables_of(rows, events)
    found = contact_speed(tables, cohort(tables), 30)
    truth = 1 - math.exp(-1)
    for group in found.groups:
        assert group.conversion.share.low < truth < group.conversion.share.high


def test_without_directions_nothing_is_said_about_speed():
    tables = tables_of(
        [{"lead_id": "a", "created_at": 0}], [{"lead_id": "a", "occurred_at": 1, "kind": "call"}]
    )
    assert contact_speed(tables, cohort(tables), 30) is None


@pytest.mark.parametrize(
    "steps",
    [
        (
            ("contacted", Selection(direction=("outbound",))),
            ("responded", Selection(direction=("inbound",))),
        ),
        (("quoted", Selection(kind=("quote",), channel=("phone", "web"))),),
        (),
    ],
)
def test_the_funnel_counts_leads_that_reached_every_step_in_time(steps):
    tables = made_up()
    found = funnel(tables, cohort(tables), 60, steps)
    rows, end = tables.leads.to_pylist(), tables.data_end / 1e6
    events = tables.interactions.to_pylist()
    left = [r for r in rows if end - r["created_at"].timestamp() >= 60 * 86_400]
    counts = [len(left)]
    for _, selection in steps:
        left = [
            row
            for row in left
            if any(
                e["lead_id"] == row["lead_id"]
                and all(e[field] in values for field, values in selection.conditions())
                and 0 <= (e["occurred_at"] - row["created_at"]).total_seconds() < 60 * 86_400
                and (row["converted_at"] is None or e["occurred_at"] < row["converted_at"])
                for e in events
            )
        ]
        counts.append(len(left))
    bought = [
        row
        for row in left
        if row["converted_at"]
        and (row["converted_at"] - row["created_at"]).total_seconds() <= 60 * 86_400
    ]
    assert [step.leads for step in found] == [*counts, len(bought)]
    assert [step.name for step in found] == ["leads", *(name for name, _ in steps), "bought"]
    assert found[0].of_previous is None
    assert found[-1].of_all.value == pytest.approx(len(bought) / counts[0])


def test_a_contact_before_the_lead_is_created_is_none_in_funnel_and_speed_alike():
    tables = tables_of(
        [{"lead_id": str(i), "created_at": 10} for i in range(40)],
        [{"lead_id": str(i), "occurred_at": 8, "direction": "outbound"} for i in range(40)],
        end_day=200,
    )
    assert [step.leads for step in funnel(tables, cohort(tables), 60)][:2] == [40, 0]
    speed = contact_speed(tables, cohort(tables), 60)
    assert [group.conversion.leads for group in speed.groups][-1] == 40


# Upkeep.


def test_completeness_counts_the_cards_in_which_a_field_is_filled():
    tables = made_up()
    sources = [row["source"] for row in tables.leads.to_pylist()]
    known = sum(source is not None for source in sources)
    assert field_completeness(tables) == (
        FieldCompleteness("source", known, 400),
        FieldCompleteness("owner", 400, 400),
    )


def test_promptness_tells_booked_prompt_and_late_apart():
    lags = {"phone": [0, HOUR, 23 * HOUR, 30 * HOUR], "web": [-2, 5]}
    events = [
        {"lead_id": "a", "occurred_at": 10, "recorded_at": 10 + lag, "channel": channel}
        for channel, some in lags.items()
        for lag in some
    ]
    found = logging_promptness(tables_of([{"lead_id": "a", "created_at": 0}], events))
    assert [one.channel for one in found.channels] == ["phone", "web"]
    phone, web = found.channels
    assert (phone.before, phone.prompt, phone.late) == (0, 3, 1)
    assert (web.before, web.prompt, web.late) == (1, 0, 1)
    assert found.everything.interactions == 6


def test_an_export_that_does_not_say_when_contacts_were_recorded_has_no_promptness():
    tables = made_up()
    assert logging_promptness(tables) is None


# Spending.

SPEND = "channel,month,reach,clicks,cost\nads,1970-01,1000,50,200.50\nads,1970-02,800,40,100\n"


def spend_file(folder: Path, text: str) -> Path:
    path = folder / "spend.csv"
    path.write_text(text)
    return path


def test_a_channels_cost_stands_beside_the_leads_of_the_same_months(tmp_path):
    tables = made_up()
    spend_file(tmp_path, SPEND + "fair,1970-03,10,10,999\n")
    sections = {"leads": {"source": "leads.csv"}, "report": {"spend": "spend.csv"}}
    ads, fair = sorted(
        practice_of(tables, config_of(sections, tmp_path)).spend, key=lambda one: one.channel
    )
    mine = [
        row
        for row in tables.leads.to_pylist()
        if row["source"] == "ads" and row["created_at"].month in (1, 2)
    ]
    assert (ads.months, ads.reach, ads.clicks, ads.cost) == (2, 1800, 90, 300.5)
    assert ads.leads == len(mine) > 0
    assert ads.bought == sum(row["converted_at"] is not None for row in mine)
    assert ads.cost_per_lead == pytest.approx(300.5 / len(mine))
    assert fair.cost == 999


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("channel,month,cost\n", "columns must be channel, month, reach, clicks, cost"),
        ("channel,month,reach,clicks,cost\n", "has no rows"),
        ("", "has no rows"),
        (SPEND + "ads,1970-02,1,1,1\n", "row 4: ads in 1970-02 is in row 3 already"),
        (SPEND + "ads,1970-13,1,1,1\n", "row 4: month must be such as 2025-03, got '1970-13'"),
        (SPEND + "ads,1970-03,1,2,1\n", "row 4: clicks must be from 0 to reach"),
        (SPEND + "ads,1970-03,1,1,-5\n", "row 4: cost must be a number"),
        (SPEND + "ads,1970-03,1,1,1e400\n", "row 4: cost must be a number"),
        (SPEND + "ads,1970-03,1.5,1,1\n", "row 4: reach must be a whole number, got '1.5'"),
        (SPEND + "ads,1970-03,1,1\n", "row 4"),
        (SPEND + ",1970-03,1,1,1\n", "row 4: channel must not be empty"),
    ],
)
def test_a_wrong_table_of_spending_is_refused_with_its_row(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_spend(spend_file(tmp_path, text))


def test_a_channel_that_no_lead_came_by_is_refused_with_the_channels_there_are(tmp_path):
    spend_file(tmp_path, SPEND.replace("ads", "add"))
    sections = {"leads": {"source": "leads.csv"}, "report": {"spend": "spend.csv"}}
    with pytest.raises(ValueError, match=r"'add' as source\. Did you mean 'ads'"):
        practice_of(made_up(), config_of(sections, tmp_path))


# All of it.


def test_practice_survives_json_and_knows_channel_and_owner_by_their_usual_names():
    found = practice_of(made_up(), config())
    assert (found.channels.attribute, found.owners.attribute) == ("source", "owner")
    assert found.source_kinds is None
    assert found.everybody.leads == 400
    again = json.loads(json.dumps(dataclasses.asdict(found)))
    assert TypeAdapter(Practice).validate_python(again) == found


def test_seeds_nets_and_spears_are_told_apart_by_their_channels():
    tables = made_up()
    found = practice_of(
        tables, config(seeds=["friends"], nets=["ads"], spears=["fair"])
    ).source_kinds
    sources = [row["source"] for row in tables.leads.to_pylist()]
    kinds = {"friends": "seed", "ads": "net", "fair": "spear", None: None}
    expected = [kinds[source] for source in sources]
    assert {g.level: g.conversion.leads for g in found.groups} == {
        kind: expected.count(kind) for kind in ("seed", "net", "spear", None)
    }


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"channel": "sauce"}, r"\[report\] channel: .*Did you mean 'source'"),
        ({"seeds": ["frends"]}, "Did you mean 'friends'"),
        ({"seeds": ["ads"], "nets": ["ads"]}, "a channel is of one kind, found in two: ads"),
        ({"seeds": ["ads"], "source_kind": "source"}, "exclude each other"),
        ({"funnel": [{"step": "met"}]}, "selection: is missing"),
    ],
)
def test_a_report_section_that_means_nothing_is_refused(report, message):
    with pytest.raises(ValueError, match=message):
        practice_of(made_up(), config(**report))


def test_the_configured_funnel_is_the_one_that_is_counted():
    steps = [{"step": "quoted", "selection": {"kind": ["quote"]}}]
    found = practice_of(made_up(), config(funnel=steps)).funnel
    assert [step.name for step in found] == ["leads", "quoted", "bought"]
