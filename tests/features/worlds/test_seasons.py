"""The builder whose sales follow the calendar: is its truth true, does it keep its calendar."""

import math
import tomllib
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import log_loss

from features.export.sources import read_export
from features.progress import no_progress
from features.worlds import seasons
from features.worlds.crm import DAY, ENDS_AT, Knobs, MadeUpCrm, write_export
from features.worlds.seasons import made_up_crm
from tests.support.made_up import HORIZONS, Looks, lead_rows, require_agreement, seconds, together
from training.config import read_config
from training.dataset.frame import training_frame

pytestmark = [pytest.mark.slow, pytest.mark.long]
TABLES = ("leads", "interactions", "attributes", "truth")
SIZE, SEEDS = 9_000, (3, 4, 5)


@pytest.fixture(scope="module")
def crms() -> list[MadeUpCrm]:
    return [made_up_crm(SIZE, seed) for seed in SEEDS]


@pytest.fixture(scope="module", params=HORIZONS)
def looks(request: pytest.FixtureRequest, crms: list[MadeUpCrm]) -> list[Looks]:
    return [Looks(crm, request.param) for crm in crms]


def is_shut(day: date) -> bool:
    shut = any(begin <= f"{day:%m-%d}" <= end for begin, end in seasons._SHUT)
    return day.weekday() == 6 or f"{day:%m-%d}" in seasons._HOLIDAYS or shut


def work(day: date) -> float:
    return 0.0 if is_shut(day) else 0.5 if day.weekday() == 5 else 1.0


def demand(day: date, product: str) -> float:
    (about,) = (p for p in seasons._PRODUCTS if p.name == product)
    angle = 2 * math.pi * ((day - date(day.year, 1, 1)).days - about.peak) / 365.25
    since = (day - date(2025, 4, 1)).days
    hurry, relief = 1 + 1.5 * max(0, 1 + since / 42), 0.8 - 0.45 * math.exp(-since / 45)
    price = hurry if since < 0 else relief
    return (1 + about.swing * math.cos(angle)) * price


@cache
def a_day(day: date, product: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(buys), P(is lost), P(next state) from each state."""
    buying = seasons._BUYING * demand(day, product) * work(day)
    losing = seasons._LOSING * work(day)
    ends = 1 - np.exp(-buying - losing)
    share = np.divide(buying, buying + losing, where=ends > 0, out=np.zeros(4))
    wakes, gets_ready = (
        1 - math.exp(-rate * demand(day, product)) for rate in (seasons._WAKES, seasons._GETS_READY)
    )
    asleep, cools = seasons._FALLS_ASLEEP, seasons._COOLS
    moves = np.array(
        [
            [1, 0, 0, 0],
            [0, 1 - wakes, wakes, 0],
            [0, asleep, 1 - asleep - gets_ready, gets_ready],
            [0, 0, cools, 1 - cools],
        ]
    )
    return ends * share, ends * (1 - share), moves


@cache
def buys_within(day: date, product: str, days: int) -> np.ndarray:
    if days == 0:
        return np.zeros(4)
    buys, loses, moves = a_day(day, product)
    return buys + (1 - buys - loses) * (
        moves @ buys_within(day + timedelta(days=1), product, days - 1)
    )


def plain_truths(lead: dict, counts: dict) -> list[list[float]]:
    """P(buys) within 14 and 90 days at the beginning of each of the first 60 days."""
    (source,) = (s for s in seasons._SOURCES if s.name == lead["source"])
    belief = list(source.mix)
    for signal in seasons._SIGNALS:
        for state in range(4):
            belief[state] *= signal.shares[state][signal.values.index(lead[signal.name])]
    answers = []
    first = datetime.fromtimestamp(lead["created_at"], UTC).date()
    for age in range(60):
        day = first + timedelta(days=age)
        now = np.array(belief) / sum(belief)
        answers.append(
            [float(now @ buys_within(day, lead["product"], h)) for h in HORIZONS.values()]
        )
        for code, kind in enumerate(seasons._TYPES):
            effort = work(day) * (1 + 3 * math.exp(-age / 5))
            counted = counts[age, code]
            for state in range(4):
                rate = kind.rates[state] * (effort if kind.direction == "outbound" else 1)
                belief[state] *= math.exp(-rate) * rate**counted / math.factorial(counted)
        buys, loses, moves = a_day(day, lead["product"])
        belief = list((np.array(belief) * (1 - buys - loses)) @ moves)
    return answers


def plain_rows(table: pa.Table) -> list[dict]:
    """Rows with instants in seconds."""
    for number, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(number, field.name, pa.array(seconds(table[field.name])))
    return table.to_pylist()


def test_the_truth_equals_a_plain_filter_for_single_leads() -> None:
    crm = made_up_crm(600, 7)
    leads = plain_rows(crm.leads)
    log = {(r["lead_id"], r["recorded_at"]): (r["name"], r["value"])
           for r in plain_rows(crm.attributes)}  # fmt: skip
    types = [(t.channel, t.kind, t.direction, t.outcome, t.learnt) for t in seasons._TYPES]
    counts: dict = defaultdict(lambda: defaultdict(int))
    created = {lead["lead_id"]: lead["created_at"] for lead in leads}
    for row in plain_rows(crm.interactions):
        words = [row[word] for word in ("channel", "kind", "direction", "outcome")]
        code = types.index(
            (*words, log.get((row["lead_id"], max(row["occurred_at"], row["recorded_at"]))))
        )
        midnight = created[row["lead_id"]] // DAY * DAY
        counts[row["lead_id"]][(row["occurred_at"] - midnight) // DAY, code] += 1
    truths = defaultdict(dict)
    for look in plain_rows(crm.truth):
        age = (look["as_of"] - created[look["lead_id"]]) // DAY
        truths[look["lead_id"]][age] = [look[band] for band in HORIZONS]
    compared = 0
    for lead in leads[::12]:
        plain = plain_truths(lead, counts[lead["lead_id"]])
        for age, truth in truths[lead["lead_id"]].items():
            if age < 60 and lead["created_at"] + age * DAY < ENDS_AT - 20 * DAY:
                np.testing.assert_allclose(truth, plain[age], rtol=1e-8)
                compared += 1
    assert compared > 150


def test_outcomes_agree_with_the_truth_in_every_tenth(looks: list[Looks]) -> None:
    for of_seed in looks:
        require_agreement(of_seed)


@pytest.mark.parametrize("rate", [0.02, 0.5])
@pytest.mark.parametrize("band", HORIZONS)
def test_outcomes_agree_with_the_truth_at_other_rates(rate: float, band: str) -> None:
    require_agreement(Looks(made_up_crm(20_000, 11, Knobs(rate=rate)), band))


def test_a_truth_that_is_wrong_by_a_tenth_would_be_noticed(looks: list[Looks]) -> None:
    every = together(looks)
    for factor in (0.9, 1.1):
        wrong = every.with_truth(np.minimum(every.truth * factor, 1))
        with pytest.raises(AssertionError):
            require_agreement(wrong)


@pytest.mark.parametrize("name", ["source", "product", "decides", "fields_filled_in"])
def test_outcomes_agree_with_the_truth_for_every_value_of_an_attribute(
    crms: list[MadeUpCrm], looks: list[Looks], name: str
) -> None:
    values = [np.array([str(v) for v in crm.leads[name].to_pylist()]) for crm in crms]
    for value in np.unique(np.concatenate(values)):
        every = together(
            [
                of_seed.part(column[of_seed.lead] == value)
                for column, of_seed in zip(values, looks, strict=True)
            ]
        )
        assert abs(every.clustered_z_score()) < 3.5, value


@pytest.mark.parametrize(
    ("begin", "end"),
    [("2024-12-10", "2025-01-02"), ("2025-02-20", "2025-03-31"), ("2025-04-01", "2025-05-15"),
     ("2025-07-25", "2025-08-18")],
)  # fmt: skip
def test_outcomes_agree_with_the_truth_around_the_days_that_differ(
    looks: list[Looks], begin: str, end: str
) -> None:
    low, high = (datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
                 for text in (begin, end))  # fmt: skip
    every = together([x.part((x.as_of >= low) & (x.as_of < high)) for x in looks])
    assert every.truth.sum() > 60
    assert abs(every.clustered_z_score()) < 3.5


def dates(column: pa.ChunkedArray) -> list[date]:
    return [instant.date() for instant in column.drop_null().to_pylist()]


def test_nobody_buys_or_is_called_while_the_firm_is_shut(crms: list[MadeUpCrm]) -> None:
    bought = [day for crm in crms for day in dates(crm.leads["converted_at"])]
    lost = [day for crm in crms for day in dates(crm.leads["closed_at"])]
    outbound = pc.equal(crms[0].interactions["direction"], "outbound")
    called = dates(crms[0].interactions.filter(outbound)["occurred_at"])
    for days in (bought, lost, called):
        assert len(days) > 2_000
        assert not any(is_shut(day) for day in days)
    asked = dates(crms[0].interactions.filter(pc.invert(outbound))["occurred_at"])
    assert sum(is_shut(day) for day in asked) > 1_000


def test_people_hurry_before_the_price_rise_and_hesitate_after_it(crms: list[MadeUpCrm]) -> None:
    bought = [day for crm in crms for day in dates(crm.leads["converted_at"])]

    def purchases(year: int, first: tuple[int, int], last: tuple[int, int]) -> int:
        return sum(date(year, *first) <= day <= date(year, *last) for day in bought)

    march, may = ((3, 4), (3, 31)), ((4, 4), (5, 1))
    before, later = (purchases(2025, *span) / purchases(2024, *span) for span in (march, may))
    assert before > 1.5 * later


@pytest.mark.parametrize(("product", "peak", "trough"), [("heating", 10, 4), ("terrace", 4, 10)])
def test_each_product_has_its_season(
    crms: list[MadeUpCrm], product: str, peak: int, trough: int
) -> None:
    months = np.zeros(13)
    for crm in crms:
        leads = crm.leads.filter(pc.equal(crm.leads["product"], product))
        for day in dates(leads["converted_at"]):
            months[day.month] += day.year == 2024
    months = months[[peak - 1, peak, peak + 1]].sum(), months[trough - 1 : trough + 2].sum()
    assert months[0] > 1.5 * months[1]


def test_the_source_tells_nearly_all_about_a_fresh_lead(
    crms: list[MadeUpCrm], looks: list[Looks]
) -> None:
    shares = []
    for crm, of_seed in zip(crms, looks, strict=True):
        fresh = of_seed.part(of_seed.day == 0)
        source = crm.leads["source"].combine_chunks().dictionary_encode().indices.to_numpy()
        source = source[fresh.lead]
        rate = (np.bincount(source, fresh.outcome) / np.bincount(source))[source]
        base, by_source, truth = (
            log_loss(fresh.outcome, p)
            for p in (np.full(len(rate), fresh.outcome.mean()), rate, fresh.truth)
        )
        shares.append((base - by_source) / (base - truth))
    assert 0.75 < np.mean(shares) < 0.95


def test_lists_come_on_single_days_and_campaigns_in_their_weeks(crms: list[MadeUpCrm]) -> None:
    leads = crms[0].leads
    days = defaultdict(set)
    for source, created in zip(
        leads["source"].to_pylist(), dates(leads["created_at"]), strict=True
    ):
        days[source].add(f"{created:%m-%d}")
    assert days["bought_list"] == set(seasons._LISTS_ARRIVE)
    for day in days["campaign"]:
        assert any(begin <= day <= end for begin, end in seasons._CAMPAIGNS)
    assert len(days["website"]) > 300
    rates = {
        source: crms[0].leads.filter(pc.equal(leads["source"], source))["converted_at"]
        for source in ("bought_list", "campaign", "client_referral")
    }
    low, middle, high = (1 - c.null_count / len(c) for c in rates.values())
    assert 30 * low < high
    assert 3 * middle < high
    assert len(rates["bought_list"]) > 0.5 * len(leads)


def test_leads_come_in_by_night_and_all_else_happens_by_day(crms: list[MadeUpCrm]) -> None:
    for name, first, end in (("created_at", 0, 6), ("converted_at", 18, 22), ("closed_at", 18, 22)):
        hours = pc.hour(crms[0].leads[name].drop_null()).to_numpy()
        assert set(hours) == set(range(first, end))
    assert set(pc.hour(crms[0].interactions["occurred_at"]).to_numpy()) == set(range(7, 18))


def test_the_truth_is_given_every_week_while_the_lead_is_open(crms: list[MadeUpCrm]) -> None:
    crm = crms[0]
    created, converted, closed = (
        seconds(crm.leads[name]) for name in ("created_at", "converted_at", "closed_at")
    )
    assert not ((converted > 0) & (closed > 0)).any()
    ended = np.where(converted + closed > 0, converted + closed, ENDS_AT)
    grid = created[:, None] + np.arange(0, 181, 7) * DAY
    is_open = grid < ended[:, None]
    expected = sorted(zip(np.nonzero(is_open)[0], grid[is_open], strict=True))
    truth = zip(lead_rows(crm, "truth"), seconds(crm.truth["as_of"]), strict=True)
    assert sorted(truth) == expected


def test_interactions_lie_between_creation_and_the_lead_s_end(crms: list[MadeUpCrm]) -> None:
    crm = crms[0]
    lead, at = lead_rows(crm, "interactions"), seconds(crm.interactions["occurred_at"])
    created, converted, closed = (
        seconds(crm.leads[name]) for name in ("created_at", "converted_at", "closed_at")
    )
    assert (at >= created[lead]).all()
    assert (at < np.where(converted + closed > 0, converted + closed, ENDS_AT)[lead]).all()
    assert (np.diff(lead) >= 0).all()
    for name in TABLES:
        for field in getattr(crm, name).schema:
            if pa.types.is_timestamp(field.type):
                assert seconds(getattr(crm, name)[field.name]).max() < ENDS_AT, field.name


def test_buyers_alone_have_a_warranty_number(crms: list[MadeUpCrm]) -> None:
    leads = crms[0].leads
    assert leads["warranty_number"].is_valid() == leads["converted_at"].is_valid()


@pytest.mark.parametrize("rate", [0.002, 0.03, 0.3, 0.6])
def test_about_the_share_that_is_asked_for_buys(rate: float) -> None:
    """By four standard errors: at 0.03 it is wrong by less than a sixth."""
    crm = made_up_crm(25_000, 21, Knobs(rate=rate))
    bought = crm.leads.num_rows - crm.leads["converted_at"].null_count
    assert abs(bought - rate * 25_000) < 4 * np.sqrt(25_000 * rate * (1 - rate))


@pytest.mark.parametrize("days", [60, 400, 1_500])
def test_the_export_is_as_long_as_asked_for(days: int) -> None:
    crm = made_up_crm(3_000, 2, Knobs(days=days))
    created = seconds(crm.leads["created_at"])
    assert ENDS_AT - days * DAY <= created.min() < ENDS_AT - (days - 60) * DAY
    assert created.max() < ENDS_AT
    sources = set(crm.leads["source"].to_pylist())
    assert ("campaign" in sources) == (days > 60)  # none is held in November and December


def test_knobs_that_spoil_leave_the_truth_alone() -> None:
    clean = made_up_crm(3_000, 6)
    noisy = made_up_crm(3_000, 6, Knobs(noise=0.3))
    assert noisy.truth == clean.truth
    swapped = pc.mean(pc.not_equal(noisy.leads["region"], clean.leads["region"])).as_py()
    assert abs(swapped - 0.3 * 0.745) < 0.03  # else the same of four regions again
    share = 1 - clean.interactions.num_rows / noisy.interactions.num_rows
    assert abs(share - 0.3) < 0.01
    delayed = made_up_crm(3_000, 6, Knobs(delay_days=5.0))
    wait = (
        seconds(delayed.interactions["recorded_at"]) - seconds(delayed.interactions["occurred_at"])
    ) / DAY
    assert abs(wait[wait >= 0].mean() - 5.0 - 0.05 * 1.5) < 0.15
    twice = made_up_crm(3_000, 6, Knobs(duplicates=0.2))
    assert abs(twice.leads.num_rows / 3_000 - 1.2) < 4 * np.sqrt(0.2 * 0.8 / 3_000)
    assert twice.truth.num_rows > clean.truth.num_rows


def test_the_same_seed_makes_the_same_tables() -> None:
    first, same, other = (made_up_crm(500, seed) for seed in (7, 7, 8))
    for name in TABLES:
        assert getattr(first, name) == getattr(same, name)
        assert getattr(first, name) != getattr(other, name)


def test_the_configuration_declares_no_leak(crms: list[MadeUpCrm]) -> None:
    config = tomllib.loads(crms[0].config.format(ext="csv"))
    declared = set(config["leads"]["fixed_at_creation"])
    out = {"contact_name", "email", "phone", "notes", "birth_year", "warranty_number"}
    times = {"lead_id", "created_at", "converted_at", "closed_at"}
    assert set(crms[0].leads.column_names) == declared | out | times
    assert set(crms[0].attributes["name"].to_pylist()) == set(config["attributes"]["kinds"])


@pytest.mark.training
@pytest.mark.parametrize("knobs", [Knobs(), Knobs(delay_days=3, noise=0.2, duplicates=0.1)])
def test_an_export_is_read_and_becomes_a_training_frame(tmp_path: Path, knobs: Knobs) -> None:
    crm = made_up_crm(4_000, 8, knobs)
    write_export(crm, tmp_path, "parquet")
    config = read_config(tmp_path / "lead_temperature.toml")
    tables = read_export(config.export)
    assert tables.leads.num_rows == crm.leads.num_rows
    assert tables.interactions.num_rows == crm.interactions.num_rows
    frame = training_frame(tables, config.dataset, no_progress)
    looks = zip(frame.spine.lead, frame.spine.as_of // 1_000_000, strict=True)
    truth = zip(lead_rows(crm, "truth"), seconds(crm.truth["as_of"]), strict=True)
    assert set(looks) == set(truth)


def test_a_single_lead_is_a_crm_too() -> None:
    crm = made_up_crm(1, 3)
    assert crm.leads.num_rows == 1
    assert crm.truth.num_rows >= 1


@pytest.mark.parametrize(
    ("leads", "seed", "message"),
    [(0, 1, "leads must be at least 1, got 0"), (10, -1, "seed must not be negative, got -1")],
)
def test_arguments_outside_their_law_are_refused(leads: int, seed: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made_up_crm(leads, seed)
