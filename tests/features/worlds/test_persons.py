"""The shop of persons who come back: is its truth true, is its export what a CRM would write."""

import math
import tomllib
from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.export.sources import read_export
from features.progress import no_progress
from features.worlds import persons
from features.worlds.crm import DAY, ENDS_AT, Knobs, MadeUpCrm, write_export
from features.worlds.persons import made_up_crm, truth_after_refusal
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


def competing(first: float, second: float) -> tuple[float, float]:
    """Probabilities of two ends within a day, from their hazards."""
    ends = 1 - math.exp(-first - second)
    return ends * first / (first + second), ends * second / (first + second)


def open_day(number: int, age: int) -> tuple[float, float]:
    """P(buys), P(refuses) on a day of an open lead of a class."""
    return competing(
        persons._BUYING[number] * (0.5 + 1.5 * math.exp(-age / 20)),
        persons._REFUSING[number] * (1 - 0.7 * math.exp(-age / 12)),
    )


def refused_day(number: int, wait: int) -> tuple[float, float]:
    """P(buys after all), P(comes back as another lead) on a day after the refusal."""
    rise = (wait + 1) / 45 * math.exp(1 - (wait + 1) / 45) + 0.05
    return competing(
        persons._WARMING_UP[number] * rise,
        persons._COMING_BACK[number] * (1 - math.exp(-(wait + 1) / 30)),
    )


@cache
def buys_from_open(number: int, age: int, days: int) -> float:
    if days == 0:
        return 0.0
    buys, refuses = open_day(number, age)
    return (
        buys
        + refuses * buys_from_refused(number, 0, days - 1)
        + (1 - buys - refuses) * buys_from_open(number, age + 1, days - 1)
    )


@cache
def buys_from_refused(number: int, wait: int, days: int) -> float:
    if days == 0:
        return 0.0
    buys, returns = refused_day(number, wait)
    return buys + (1 - buys - returns) * buys_from_refused(number, wait + 1, days - 1)


class PlainPerson:
    """All leads of a person, and Bayes' rule over them, day by day and class by class."""

    def __init__(self, leads: list[dict], interactions: list[dict], log: dict) -> None:
        self.leads = sorted(leads, key=lambda lead: lead["created_at"])
        types = [(t.channel, t.kind, t.direction, t.outcome, t.learnt) for t in persons._TYPES]
        self.counts: dict = defaultdict(lambda: [0] * len(types))
        created = {lead["lead_id"]: lead["created_at"] for lead in leads}
        for row in interactions:
            words = [row[word] for word in ("channel", "kind", "direction", "outcome")]
            learnt = log.get((row["lead_id"], max(row["occurred_at"], row["recorded_at"])))
            day = (row["occurred_at"] - created[row["lead_id"]]) // DAY
            self.counts[row["lead_id"], day][types.index((*words, learnt))] += 1

    def life(self, lead: dict, number: int, instant: int) -> float:
        """P(what a lead of a class did before an instant)."""
        following = [x["created_at"] for x in self.leads if x["created_at"] > lead["created_at"]]
        comes_back = min((next_at for next_at in following if next_at <= instant), default=None)
        likelihood, day, phase, since = 1.0, 0, "open", 0
        while lead["created_at"] + day * DAY < (instant if comes_back is None else comes_back):
            evening = lead["created_at"] + (day + 1) * DAY
            if comes_back is not None and evening > comes_back:
                break
            for code, counted in enumerate(self.counts[lead["lead_id"], day]):
                rate = persons._TYPES[code].rates[number]
                outbound = persons._TYPES[code].direction == "outbound"
                if phase == "open":
                    rate *= 1 + 3 * math.exp(-day / 4) if outbound else 1
                else:
                    rate *= {"refused": 0.1 if outbound else 0.35, "client": 0}[phase]
                likelihood *= math.exp(-rate) * rate**counted / math.factorial(counted)
            back_now = comes_back is not None and evening <= comes_back < evening + DAY
            bought_now = evening - DAY < lead["converted_at"] <= evening
            if phase == "open":
                buys, refuses = open_day(number, since)
                reason = persons._REASON.values.index(lead["closed_reason"] or "no_need")
                if bought_now:
                    likelihood, phase, since = likelihood * buys, "client", -1
                elif evening - DAY < lead["closed_at"] <= evening:
                    share = persons._REASON.shares[number][reason]
                    likelihood, phase, since = likelihood * refuses * share, "refused", -1
                else:
                    likelihood *= 1 - buys - refuses
            elif phase == "refused":
                buys, returns = refused_day(number, since)
                if bought_now:
                    likelihood, phase, since = likelihood * buys, "client", -1
                else:
                    likelihood *= returns if back_now else 1 - buys - returns
            else:
                returns = 1 - math.exp(-persons._BUYING_AGAIN[number])
                likelihood *= returns if back_now else 1 - returns
            day, since = day + 1, since + 1
        return likelihood

    def truth(self, lead: dict, instant: int, refused: bool) -> list[float]:
        """P(buys) within 14 and 90 days of an instant."""
        weights = []
        for number in range(8):
            trait, serious = divmod(number, 2)
            weight = persons._TRAIT_SHARES[trait]
            for signal in persons._PERSON_SIGNALS:
                weight *= signal.shares[number][signal.values.index(lead[signal.name])]
            for order, row in enumerate(self.leads):
                if row["created_at"] > lead["created_at"]:
                    break
                chance = persons._SERIOUS[trait][min(order, 2)]
                by_class = {}
                for seriousness, share in ((0, 1 - chance), (1, chance)):
                    this = 2 * trait + seriousness
                    by_class[seriousness] = share * self.life(row, this, instant)
                    for signal in persons._LEAD_SIGNALS:
                        value = signal.values.index(row[signal.name])
                        by_class[seriousness] *= signal.shares[this][value]
                weight *= by_class[serious] if row is lead else sum(by_class.values())
            weights.append(weight)
        posterior = np.array(weights) / sum(weights)
        day = (instant - lead["created_at"]) // DAY
        wait = day - (lead["closed_at"] - lead["created_at"]) // DAY - 1
        return [
            sum(
                p * (buys_from_refused(k, wait, h) if refused else buys_from_open(k, day, h))
                for k, p in enumerate(posterior)
            )
            for h in HORIZONS.values()
        ]


def plain_rows(table: pa.Table) -> list[dict]:
    """Rows with instants in seconds."""
    for number, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(number, field.name, pa.array(seconds(table[field.name])))
    return table.to_pylist()


@pytest.mark.parametrize("refused", [False, True])
def test_the_truth_equals_plain_loops_over_all_leads_of_a_person(refused: bool) -> None:
    crm = made_up_crm(400, 7)
    log = {(r["lead_id"], r["recorded_at"]): (r["name"], r["value"])
           for r in plain_rows(crm.attributes)}  # fmt: skip
    by_person, by_lead, looked_at = defaultdict(list), defaultdict(list), defaultdict(list)
    for lead in plain_rows(crm.leads):
        by_person[lead["person_key"]].append(lead)
    for row in plain_rows(crm.interactions):
        by_lead[row["lead_id"]].append(row)
    for look in plain_rows(truth_after_refusal(400, 7) if refused else crm.truth):
        looked_at[look["lead_id"]].append(look)
    compared = of_later_leads = 0
    several = [leads for leads in by_person.values() if len(leads) > 1]
    for leads in [*several[:8], *(x for x in by_person.values() if len(x) == 1)][:13]:
        person = PlainPerson(leads, [r for x in leads for r in by_lead[x["lead_id"]]], log)
        for lead in leads:
            for look in looked_at[lead["lead_id"]][::5]:
                if look["as_of"] < ENDS_AT - 20 * DAY:  # what is recorded later is not exported
                    truth = [look[band] for band in HORIZONS]
                    plain = person.truth(lead, look["as_of"], refused)
                    np.testing.assert_allclose(truth, plain, rtol=1e-8)
                    compared += 1
                    of_later_leads += lead["earlier_enquiries"] > 0
    assert compared > 40
    assert of_later_leads > 15


def test_outcomes_agree_with_the_truth_in_every_tenth(looks: list[Looks]) -> None:
    for of_seed in looks:
        require_agreement(of_seed)


@pytest.mark.parametrize("rate", [0.02, 0.5])
@pytest.mark.parametrize("band", HORIZONS)
def test_outcomes_agree_with_the_truth_at_other_rates(rate: float, band: str) -> None:
    require_agreement(Looks(made_up_crm(20_000, 11, Knobs(rate=rate)), band))


@pytest.mark.parametrize("band", HORIZONS)
def test_outcomes_agree_with_the_truth_after_a_refusal(crms: list[MadeUpCrm], band: str) -> None:
    parts = [
        Looks(crm, band, truth_after_refusal(SIZE, seed))
        for crm, seed in zip(crms, SEEDS, strict=True)
    ]
    require_agreement(together(parts))


def test_a_truth_that_is_wrong_by_a_tenth_would_be_noticed(looks: list[Looks]) -> None:
    every = together(looks)
    for factor in (0.9, 1.1):
        wrong = every.with_truth(np.minimum(every.truth * factor, 1))
        with pytest.raises(AssertionError):
            require_agreement(wrong)


@pytest.mark.parametrize("name", ["previous_end", "earlier_purchases", "occasion", "household"])
def test_outcomes_agree_with_the_truth_whatever_the_person_did_before(
    crms: list[MadeUpCrm], looks: list[Looks], name: str
) -> None:
    values = [np.array([str(v) for v in crm.leads[name].to_pylist()]) for crm in crms]
    for value in np.unique(np.concatenate(values)):
        parts = [
            of_seed.part(column[of_seed.lead] == value)
            for column, of_seed in zip(values, looks, strict=True)
        ]
        every = together([part for part in parts if len(part.lead)])
        if every.truth.sum() > 100:
            assert abs(every.clustered_z_score()) < 3.5, value


def test_the_truth_is_given_every_week_while_the_lead_is_open(crms: list[MadeUpCrm]) -> None:
    crm = crms[0]
    created, converted, closed = (
        seconds(crm.leads[name]) for name in ("created_at", "converted_at", "closed_at")
    )
    ends = np.where(np.array([converted, closed]) == 0, ENDS_AT, [converted, closed])
    grid = created[:, None] + np.arange(0, 181, 7) * DAY
    is_open = grid < ends.min(axis=0)[:, None]
    expected = sorted(zip(np.nonzero(is_open)[0], grid[is_open], strict=True))
    truth = zip(lead_rows(crm, "truth"), seconds(crm.truth["as_of"]), strict=True)
    assert sorted(truth) == expected


def test_after_a_refusal_the_truth_is_given_until_the_person_buys_or_comes_back(
    crms: list[MadeUpCrm],
) -> None:
    crm, table = crms[0], truth_after_refusal(SIZE, SEEDS[0])
    lead, as_of = lead_rows(replace(crm, truth=table), "truth"), seconds(table["as_of"])
    converted, closed = (seconds(crm.leads[name])[lead] for name in ("converted_at", "closed_at"))
    age = as_of - seconds(crm.leads["created_at"])[lead]
    assert (age % (7 * DAY) == 0).all()
    assert age.max() <= 180 * DAY
    assert ((closed > 0) & (closed < as_of) & (as_of < ENDS_AT)).all()
    assert ((converted == 0) | (converted > as_of)).all()
    assert len(set(zip(lead, as_of, strict=True))) == len(lead)
    next_created = next_lead_created(crm)[lead]
    assert (as_of < next_created).all()
    waited = (as_of - closed) // DAY
    assert (np.bincount(waited[(waited < 28)]) > 0).all()


def next_lead_created(crm: MadeUpCrm) -> np.ndarray:
    """When the person of each lead came back as another lead; the end of time where not."""
    created = seconds(crm.leads["created_at"])
    person = crm.leads["person_key"].combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((created, person))
    following = np.full(len(order), np.iinfo(np.int64).max)
    same = np.diff(person[order]) == 0
    following[order[:-1][same]] = created[order[1:][same]]
    return following


def test_a_person_has_one_lead_after_another(crms: list[MadeUpCrm]) -> None:
    crm = crms[0]
    converted, closed = (seconds(crm.leads[name]) for name in ("converted_at", "closed_at"))
    next_created = next_lead_created(crm)
    returns = next_created < ENDS_AT
    assert 0.3 < returns.mean() < 0.6
    latest = np.maximum(converted, closed)[returns]
    assert (latest > 0).all()
    assert (latest < next_created[returns]).all()
    by_person = defaultdict(list)
    for lead in crm.leads.select(
        ["person_key", "earlier_enquiries", "earlier_purchases", "previous_end",
         "converted_at", "closed_reason", "household", "district", "email", "loyalty_card"]
    ).to_pylist():  # fmt: skip
        by_person[lead["person_key"]].append(lead)
    for leads in by_person.values():
        assert [lead["earlier_enquiries"] for lead in leads] == list(range(len(leads)))
        assert len({(x["household"], x["district"], x["email"]) for x in leads}) == 1
        purchases = 0
        for lead, previous in zip(leads, [None, *leads], strict=False):
            assert lead["earlier_purchases"] == purchases
            bought = lead["converted_at"] is not None
            ended = previous and ("purchase" if previous["converted_at"] else
                                  previous["closed_reason"])  # fmt: skip
            assert lead["previous_end"] == ended
            purchases += bought
        assert {lead["loyalty_card"] is not None for lead in leads} == {purchases > 0}


def test_the_refused_return_in_both_ways(crms: list[MadeUpCrm]) -> None:
    crm = crms[0]
    converted, closed = (seconds(crm.leads[name]) for name in ("converted_at", "closed_at"))
    after_refusal = (closed > 0) & (converted > 0)
    assert (converted[after_refusal] > closed[after_refusal]).all()
    assert 0.1 < after_refusal.sum() / (converted > 0).sum() < 0.35
    came_after_refusal = np.isin(
        crm.leads["previous_end"].to_numpy(zero_copy_only=False), persons._REASON.values
    )
    assert (converted > 0)[came_after_refusal].mean() > 0.15
    assert crm.leads["closed_reason"].is_valid() == crm.leads["closed_at"].is_valid()


def test_interactions_end_with_the_purchase_and_become_fewer_after_a_refusal(
    crms: list[MadeUpCrm],
) -> None:
    crm = crms[0]
    created, converted, closed = (
        seconds(crm.leads[name]) for name in ("created_at", "converted_at", "closed_at")
    )
    lead, at = lead_rows(crm, "interactions"), seconds(crm.interactions["occurred_at"])
    assert (at >= created[lead]).all()
    assert (at < np.where(converted > 0, converted, ENDS_AT)[lead]).all()
    assert (at < next_lead_created(crm)[lead]).all()
    assert (np.diff(lead) >= 0).all()
    refused = np.flatnonzero(closed > 0)
    ended = np.minimum(np.where(converted > 0, converted, ENDS_AT), next_lead_created(crm))
    open_days, refused_days = (
        part[refused].sum() / DAY for part in (closed - created, ended - closed)
    )
    is_late = at > closed[lead]
    late = (is_late & (closed > 0)[lead]).sum() / refused_days
    assert 0 < late < 0.3 * (~is_late & (closed > 0)[lead]).sum() / open_days


def test_nothing_in_the_export_is_as_late_as_its_end(crms: list[MadeUpCrm]) -> None:
    for name in TABLES:
        table = getattr(crms[0], name)
        for field in table.schema:
            if pa.types.is_timestamp(field.type):
                assert seconds(table[field.name]).max() < ENDS_AT, field.name


@pytest.mark.parametrize("rate", [0.002, 0.03, 0.3, 0.6])
def test_about_the_share_that_is_asked_for_buys(rate: float) -> None:
    """By four standard errors, clustered by person: at 0.03 it is wrong by less than a sixth."""
    crm = made_up_crm(25_000, 21, Knobs(rate=rate))
    bought = crm.leads["converted_at"].is_valid().to_numpy() - rate
    person = crm.leads["person_key"].combine_chunks().dictionary_encode().indices.to_numpy()
    missed = np.bincount(person, bought)
    assert abs(missed.sum()) < 4 * np.sqrt((missed**2).sum()) + 0.01 * rate * len(bought)


def test_the_export_is_as_long_as_asked_for() -> None:
    for days in (120, 900):
        created = seconds(made_up_crm(2_000, 2, Knobs(days=days)).leads["created_at"])
        assert ENDS_AT - days * DAY <= created.min() < ENDS_AT - (days - 30) * DAY


def test_knobs_that_spoil_leave_persons_and_truth_alone() -> None:
    clean = made_up_crm(3_000, 6)
    noisy = made_up_crm(3_000, 6, Knobs(noise=0.3))
    assert noisy.truth == clean.truth
    for name in ("person_key", "loyalty_card", "closed_reason", "email"):
        assert noisy.leads[name] == clean.leads[name]
    swapped = pc.mean(pc.not_equal(noisy.leads["entrance"], clean.leads["entrance"])).as_py()
    assert 0.18 < swapped < 0.26  # three in ten swapped, a quarter of them for the same value
    share = 1 - clean.interactions.num_rows / noisy.interactions.num_rows
    assert abs(share - 0.3) < 0.01
    delayed = made_up_crm(3_000, 6, Knobs(delay_days=5.0))
    wait = (
        seconds(delayed.interactions["recorded_at"]) - seconds(delayed.interactions["occurred_at"])
    ) / DAY
    assert abs(wait[wait >= 0].mean() - 5.0 - 0.05 * 1.5) < 0.15
    twice = made_up_crm(3_000, 6, Knobs(duplicates=0.2))
    entries = twice.leads.num_rows / 3_000
    assert abs(entries - 1.2) < 4 * np.sqrt(0.2 * 0.8 / 3_000)
    assert set(twice.leads["person_key"].to_pylist()) == set(clean.leads["person_key"].to_pylist())


def test_noise_does_not_tell_which_refused_leads_will_buy() -> None:
    noisy, clean = (made_up_crm(8_000, 6, Knobs(noise=share)) for share in (0.5, 0.0))
    closed, converted = (seconds(clean.leads[name]) for name in ("closed_at", "converted_at"))

    def after_refusal(crm: MadeUpCrm) -> np.ndarray:
        lead = lead_rows(crm, "interactions")
        is_late = (seconds(crm.interactions["occurred_at"]) > closed[lead]) & (closed[lead] > 0)
        return np.bincount(lead[is_late], minlength=8_000)

    added = after_refusal(noisy) - after_refusal(clean)
    assert (added == 0).all()
    assert ((closed > 0) & (converted > 0)).sum() > 100


def test_the_same_seed_makes_the_same_tables() -> None:
    first, same, other = (made_up_crm(500, seed) for seed in (7, 7, 8))
    for name in TABLES:
        assert getattr(first, name) == getattr(same, name)
        assert getattr(first, name) != getattr(other, name)
    assert truth_after_refusal(500, 7) == truth_after_refusal(500, 7)


def test_the_configuration_declares_no_leak(crms: list[MadeUpCrm]) -> None:
    config = tomllib.loads(crms[0].config.format(ext="csv"))
    declared = set(config["leads"]["fixed_at_creation"])
    out = {"contact_name", "email", "phone", "notes", "birth_year", "person_key"}
    out |= {"closed_reason", "loyalty_card"}
    times = {"lead_id", "created_at", "converted_at", "closed_at"}
    assert set(crms[0].leads.column_names) == declared | out | times
    assert set(crms[0].attributes["name"].to_pylist()) == set(config["attributes"]["kinds"])


@pytest.mark.training
@pytest.mark.parametrize("knobs", [Knobs(), Knobs(delay_days=3, noise=0.2, duplicates=0.1)])
def test_an_export_is_read_and_becomes_a_training_frame(tmp_path: Path, knobs: Knobs) -> None:
    crm = made_up_crm(2_500, 8, knobs)
    write_export(crm, tmp_path, "parquet")
    config = read_config(tmp_path / "lead_temperature.toml")
    tables = read_export(config.export)
    assert tables.leads.num_rows == crm.leads.num_rows
    assert tables.interactions.num_rows == crm.interactions.num_rows
    frame = training_frame(tables, config.dataset, no_progress)
    assert len(frame.spine) == crm.truth.num_rows
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
    for make in (made_up_crm, truth_after_refusal):
        with pytest.raises(ValueError, match=message):
            make(leads, seed)
