"""The made-up CRM: is its truth true, is its export what a CRM would write."""

import hashlib
import io
import math
import tomllib
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest
from sklearn.metrics import roc_auc_score

from features.worlds import chain
from features.worlds.chain import made_up_crm
from features.worlds.crm import DAYS, ENDS_AT, Knobs, MadeUpCrm, write_export

pytestmark = pytest.mark.long

DAY = 86_400
HORIZONS = {"hot_probability": 14, "warm_probability": 90}


def seconds(column: pa.ChunkedArray) -> np.ndarray:
    """Seconds since the epoch, 0 for null."""
    return column.cast(pa.int64()).fill_null(0).to_numpy() // 1_000_000


def lead_number(column: pa.ChunkedArray) -> np.ndarray:
    return pc.utf8_slice_codeunits(column, 1).cast(pa.int64()).to_numpy() - 1


class Snapshots:
    """The truth with what came of it, for the snapshots whose horizon ended before the data did."""

    def __init__(self, crm: MadeUpCrm, band: str) -> None:
        horizon = HORIZONS[band] * DAY
        as_of = seconds(crm.truth["as_of"])
        mature = as_of + horizon <= ENDS_AT
        self.as_of = as_of[mature]
        self.lead = lead_number(crm.truth["lead_id"])[mature]
        self.truth = crm.truth[band].to_numpy()[mature]
        self.day = (self.as_of - seconds(crm.leads["created_at"])[self.lead]) // DAY
        converted = seconds(crm.leads["converted_at"])[self.lead]
        self.outcome = (converted > self.as_of) & (converted <= self.as_of + horizon)

    def z_score(self, rows: np.ndarray) -> float:
        p = self.truth[rows]
        return float((self.outcome[rows].sum() - p.sum()) / np.sqrt((p * (1 - p)).sum()))


@pytest.fixture(scope="module")
def crm() -> MadeUpCrm:
    return made_up_crm(leads=20_000, seed=2012)


@pytest.fixture(scope="module", params=HORIZONS)
def snapshots(request: pytest.FixtureRequest, crm: MadeUpCrm) -> Snapshots:
    return Snapshots(crm, request.param)


def plain_filter(days: list[list[int]], mix, conversion, loss, diligence) -> list[list[float]]:
    """P(converts) within 14 and 90 days at the end of each day, one lead, nothing vectorised.

    `days` holds the types of interaction of each day. States and the two ends form one matrix.
    """
    step = np.zeros((6, 6))
    step[4, 4] = step[5, 5] = 1
    for state in range(4):
        stays = 1 - conversion[state] - loss[state]
        step[state, :4] = stays * chain._DRIFT[state]
        step[state, 4:] = conversion[state], loss[state]
    belief, answers = list(mix), []
    for day, types in enumerate(days):
        effort = diligence * (1 + 6 * np.exp(-day / 2))
        for state in range(4):
            for number, kind in enumerate(chain._TYPES):
                rate = kind.rates[state] * (effort if kind.direction == "outbound" else 1)
                count = types.count(number)
                belief[state] *= math.exp(-rate) * rate**count / math.factorial(count)
        now = (np.array([*belief, 0, 0]) @ step)[:4]  # it is still open, so it did not end
        belief = list(now / now.sum())
        within = [np.linalg.matrix_power(step, horizon)[:4, 4] for horizon in (14, 90)]
        answers.append([float(np.dot(belief, column)) for column in within])
    return answers


def test_the_truth_equals_a_plain_filter_for_single_leads() -> None:
    crm = made_up_crm(leads=400, seed=5)
    population = chain._population(np.random.default_rng(5), 400, DAYS)
    types = [(t.channel, t.kind, t.direction, t.outcome) for t in chain._TYPES]
    asked, happened = crm.truth.to_pylist(), crm.interactions.to_pylist()
    compared = 0
    for number in range(0, 60, 3):
        lead = crm.leads.slice(number, 1).to_pylist()[0]
        truth = [row for row in asked if row["lead_id"] == lead["lead_id"]]
        open_days = (truth[-1]["as_of"] - lead["created_at"]).days
        days: list[list[int]] = [[] for _ in range(open_days)]
        for row in happened:
            day = (row["occurred_at"] - lead["created_at"]) // timedelta(days=1)
            if row["lead_id"] == lead["lead_id"] and day < open_days:
                words = row["channel"], row["kind"], row["direction"], row["outcome"]
                days[day].append(types.index(words))
        factor = population.appeal[number], population.reluctance[number]
        answers = plain_filter(
            days,
            population.mix[number],
            factor[0] * chain._CONVERSION,
            factor[1] * chain._LOSS,
            population.diligence[number],
        )
        weekly = np.array(answers[6::7]).reshape(-1, 2)
        got = np.array([[row[band] for band in HORIZONS] for row in truth[1:]]).reshape(-1, 2)
        np.testing.assert_allclose(got, weekly, rtol=1e-9)
        compared += len(weekly)
    assert compared > 60


@pytest.mark.parametrize("day", [0, 7, 28])
def test_outcomes_agree_with_the_truth_in_every_decile(snapshots: Snapshots, day: int) -> None:
    rows = np.flatnonzero(snapshots.day == day)  # one snapshot a lead, so they are independent
    deciles = np.array_split(rows[np.argsort(snapshots.truth[rows])], 10)
    z = np.array([snapshots.z_score(decile) for decile in deciles])
    assert np.abs(z).max() < 3.5
    assert np.sqrt((z**2).mean()) < 1.6


@pytest.mark.parametrize("attribute", ["source", "form", "owner", "industry", "decision_maker"])
def test_outcomes_agree_with_the_truth_for_every_value_of_an_attribute(
    crm: MadeUpCrm, snapshots: Snapshots, attribute: str
) -> None:
    values = crm.leads[attribute].fill_null("missing").to_numpy(zero_copy_only=False)
    for value in np.unique(values):
        rows = np.flatnonzero((snapshots.day == 14) & (values[snapshots.lead] == value))
        assert abs(snapshots.z_score(rows)) < 3.5, value


@pytest.mark.parametrize(
    "kind", ["payment_terms_question", "quote_sent", "competitor_mention", "demo", "visit", "call"]
)
def test_outcomes_agree_with_the_truth_whatever_happened_in_the_last_week(
    crm: MadeUpCrm, snapshots: Snapshots, kind: str
) -> None:
    of_kind = crm.interactions.filter(pc.equal(crm.interactions["kind"], kind))
    lead = lead_number(of_kind["lead_id"])
    age = seconds(of_kind["occurred_at"]) - seconds(crm.leads["created_at"])[lead]
    third_week = np.zeros(crm.leads.num_rows, dtype=bool)
    third_week[lead[(age >= 14 * DAY) & (age < 21 * DAY)]] = True
    for happened in (False, True):
        rows = np.flatnonzero((snapshots.day == 21) & (third_week[snapshots.lead] == happened))
        assert len(rows) > 100
        assert abs(snapshots.z_score(rows)) < 3.5


def test_the_truth_ranks_and_what_happens_after_creation_makes_it_rank_better(
    crm: MadeUpCrm,
) -> None:
    hot, warm = (Snapshots(crm, band) for band in HORIZONS)
    assert 0.80 < roc_auc_score(hot.outcome, hot.truth) < 0.87
    assert 0.68 < roc_auc_score(warm.outcome, warm.truth) < 0.75
    later = hot.day == 28
    at_creation = np.zeros(crm.leads.num_rows)
    at_creation[hot.lead[hot.day == 0]] = hot.truth[hot.day == 0]
    of_old = roc_auc_score(hot.outcome[later], at_creation[hot.lead[later]])
    assert roc_auc_score(hot.outcome[later], hot.truth[later]) > of_old + 0.05


def test_base_rates_are_those_of_a_plausible_crm(crm: MadeUpCrm) -> None:
    assert 0.03 < Snapshots(crm, "hot_probability").outcome.mean() < 0.04
    assert 0.095 < Snapshots(crm, "warm_probability").outcome.mean() < 0.12
    converted = 1 - crm.leads["converted_at"].null_count / crm.leads.num_rows
    assert 0.12 < converted < 0.18
    assert 12 < crm.interactions.num_rows / crm.leads.num_rows < 20


def test_seeds_are_few_and_convert_most_nets_are_many(crm: MadeUpCrm) -> None:
    rate, share = {}, {}
    kinds = crm.leads["source_kind"].to_numpy(zero_copy_only=False)
    converted = seconds(crm.leads["converted_at"]) > 0
    for kind in ("seed", "net", "spear"):
        rate[kind] = converted[kinds == kind].mean()
        share[kind] = (kinds == kind).mean()
    assert rate["seed"] > 1.5 * max(rate["net"], rate["spear"])
    assert share["net"] > 0.5 > share["spear"] > share["seed"]


def test_the_truth_is_given_every_week_while_the_lead_is_open(crm: MadeUpCrm) -> None:
    lead, as_of = lead_number(crm.truth["lead_id"]), seconds(crm.truth["as_of"])
    created = seconds(crm.leads["created_at"])
    converted, closed = seconds(crm.leads["converted_at"]), seconds(crm.leads["closed_at"])
    ended = np.where(converted + closed > 0, converted + closed, ENDS_AT)
    days = np.arange(0, 181, 7)
    grid = created[:, None] + days * DAY
    expected = (grid < ended[:, None]) & (grid < ENDS_AT)
    assert expected.sum() == len(as_of)
    assert sorted(zip(lead, as_of, strict=True)) == sorted(
        zip(np.nonzero(expected)[0], grid[expected], strict=True)
    )


def test_interactions_lie_between_creation_and_the_lead_s_end(crm: MadeUpCrm) -> None:
    lead, at = (
        lead_number(crm.interactions["lead_id"]),
        seconds(crm.interactions["occurred_at"]),
    )
    converted, closed = seconds(crm.leads["converted_at"]), seconds(crm.leads["closed_at"])
    assert not ((converted > 0) & (closed > 0)).any()
    ended = np.where(converted + closed > 0, converted + closed, ENDS_AT)
    assert (at >= seconds(crm.leads["created_at"])[lead]).all()
    assert (at < ended[lead]).all()
    assert (np.diff(lead) >= 0).all()
    assert (np.diff(at)[np.diff(lead) == 0] >= 0).all()


def test_nothing_in_the_export_is_as_late_as_its_end(crm: MadeUpCrm) -> None:
    for table in (crm.leads, crm.interactions, crm.attributes, crm.truth):
        for field in table.schema:
            if pa.types.is_timestamp(field.type):
                assert seconds(table[field.name]).max() < ENDS_AT, field.name


def test_some_interactions_are_recorded_late_and_some_meetings_when_they_are_booked(
    crm: MadeUpCrm,
) -> None:
    occurred = seconds(crm.interactions["occurred_at"])
    recorded = seconds(crm.interactions["recorded_at"])
    booked = recorded < occurred
    assert 0.035 < (recorded > occurred).mean() < 0.06
    assert set(crm.interactions.filter(pa.array(booked))["kind"].to_pylist()) == {"meeting", "demo"}
    created = seconds(crm.leads["created_at"])[lead_number(crm.interactions["lead_id"])]
    assert (recorded >= created).all()


def test_diligent_salespeople_make_the_first_call_sooner(crm: MadeUpCrm) -> None:
    calls = crm.interactions.filter(pc.equal(crm.interactions["kind"], "call"))
    lead, first = np.unique(lead_number(calls["lead_id"]), return_index=True)
    wait = seconds(calls["occurred_at"])[first] - seconds(crm.leads["created_at"])[lead]
    owner = crm.leads["owner"].to_numpy(zero_copy_only=False)[lead]
    ana, fabio = (np.median(wait[owner == name]) for name in ("ana", "fabio"))
    assert 60 < ana < fabio < 2 * DAY
    assert np.percentile(wait, 10) < 3600
    assert np.percentile(wait, 90) > DAY


def test_the_attribute_log_only_tells_what_an_interaction_told(crm: MadeUpCrm) -> None:
    when = ["lead_id", "recorded_at"]
    assert crm.attributes.join(crm.interactions, keys=when, join_type="left anti").num_rows == 0
    assert set(crm.attributes["name"].to_pylist()) == {"known_need", "objection", "competitor"}


def test_converted_leads_alone_have_a_client_card(crm: MadeUpCrm) -> None:
    assert crm.leads["client_card_number"].is_valid() == crm.leads["converted_at"].is_valid()


def test_measures_are_whole_seconds_and_whole_cents(crm: MadeUpCrm) -> None:
    assert crm.interactions["duration_seconds"].type == pa.int64()
    cents = 100 * crm.interactions["value"].drop_null().to_numpy()
    assert len(cents) > 1000
    assert np.abs(cents - cents.round()).max() < 1e-6


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_the_configuration_reads_the_export_and_declares_no_leak(
    tmp_path: Path, extension: str
) -> None:
    crm = made_up_crm(50, 7)
    write_export(crm, tmp_path, extension)
    config = tomllib.loads((tmp_path / "lead_temperature.toml").read_text(encoding="utf-8"))
    for section in ("leads", "interactions", "attributes"):
        assert (tmp_path / config[section]["source"]).is_file()
    declared = set(config["leads"]["fixed_at_creation"])
    out = {"contact_name", "email", "phone", "notes", "age", "client_card_number"}
    times = {"lead_id", "created_at", "converted_at", "closed_at"}
    assert set(crm.leads.column_names) == declared | out | times
    assert set(config["interactions"]["measures"]) <= set(crm.interactions.column_names)
    assert config["horizons"] == {"hot_days": 14, "warm_days": 90}
    assert config["snapshots"] == {"first_days": 0, "every_days": 7, "until_days": 180}


@pytest.mark.parametrize(
    ("leads", "seed", "message"),
    [(0, 1, "leads must be at least 1, got 0"), (10, -1, "seed must not be negative, got -1")],
)
def test_arguments_outside_their_law_are_refused(leads: int, seed: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made_up_crm(leads, seed)


def test_a_single_lead_is_a_crm_too() -> None:
    assert made_up_crm(1, 3).truth.num_rows >= 1


@pytest.mark.parametrize(
    ("leads", "seed", "digest"),
    [
        (300, 7, "28db337141b0b7152aa7ca873a814402203c43c7d0c510b796af9f75c65d0a88"),
        (1200, 3, "512695734b6260e3bad4afa521159c0cd4e526f932ae797204731e3621366488"),
    ],
)
def test_the_tables_of_a_seed_never_change(leads: int, seed: int, digest: str) -> None:
    crm, hashed = made_up_crm(leads, seed), hashlib.sha256()
    for name in ("leads", "interactions", "attributes", "truth"):
        text = io.BytesIO()
        pyarrow.csv.write_csv(getattr(crm, name), text)
        hashed.update(text.getvalue())
    assert hashed.hexdigest() == digest


@pytest.mark.parametrize("rate", [0.01, 0.30])
def test_a_rate_that_is_asked_for_is_the_share_that_buys_and_keeps_the_truth_true(
    rate: float,
) -> None:
    crm = made_up_crm(20_000, 8, Knobs(rate=rate))
    bought = 1 - crm.leads["converted_at"].null_count / crm.leads.num_rows
    # Four standard errors of 20,000 leads, and what 500 leads miss of the expected share.
    assert abs(bought - rate) < 4 * np.sqrt(rate / 20_000) + 0.12 * rate
    for band in HORIZONS:
        snapshots = Snapshots(crm, band)
        for day in (0, 14):
            assert abs(snapshots.z_score(snapshots.day == day)) < 3.5


def test_a_shorter_export_begins_later_and_keeps_the_truth_true() -> None:
    crm = made_up_crm(10_000, 9, Knobs(days=300))
    assert seconds(crm.leads["created_at"]).min() >= ENDS_AT - 300 * DAY
    snapshots = Snapshots(crm, "hot_probability")
    assert abs(snapshots.z_score(snapshots.day == 7)) < 3.5
