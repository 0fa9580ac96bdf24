"""Grades by plain counts, and intervals that hold although leads repeat and months differ."""

import dataclasses
import math

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY
from ledger.columns import sums_of
from models.calibration import sigmoid
from tests.support.answered import columns_of, no_sums
from tests.support.tables import tables_of
from training.monitoring.answers import HorizonAnswers, LeftOut, join_answers
from training.monitoring.grading import Grade, Grades, grade
from training.statistics.rate_bounds import effective_trials

DAY = MICROSECONDS_PER_DAY
MONTHS = 12


def answers_of(
    seed: int,
    persons: int,
    looks: int = 3,
    month_deviation: float = 0.0,
    shift: float = 0.0,
) -> HorizonAnswers:
    """Answers about persons, whose looks foresee one purchase, in months that differ."""
    random = np.random.default_rng(seed)
    log_odds = np.repeat(random.normal(-1.5, 0.8, persons), looks)
    month = np.repeat(random.integers(0, MONTHS, persons), looks)
    level = random.normal(0, month_deviation, MONTHS)
    bought = (random.random(persons) < sigmoid(log_odds[::looks] + level[month[::looks]] + shift))[
        np.arange(persons).repeat(looks)
    ]
    rows = persons * looks
    names = np.array([f"2026-{number + 1:02d}" for number in range(MONTHS)])
    as_of = names[month].astype("datetime64[us]").astype(np.int64)
    band = np.where(log_odds > -0.5, "hot", np.where(log_odds > -1.5, "warm", "cold"))
    empty = np.full(rows, "", np.str_)
    return HorizonAnswers(
        answer_id=np.arange(rows).astype(object),
        lead=np.arange(rows) // looks,
        person=np.arange(rows) // looks,
        as_of=as_of,
        days=np.full(rows, 14),
        converted_at=np.where(bought, as_of, np.iinfo(np.int64).max),
        probability=sigmoid(log_odds),
        mature=np.full(rows, True),
        bought=bought,
        settled=np.full(rows, False),
        groups={
            "model": np.full(rows, "v1"),
            "band": band,
            "month": names[month],
            "channel": empty,
            "owner": empty,
        },
        left_out=LeftOut(0, 0, 0, 0),
    )


def of_kind(grades: Grades, kind: str) -> dict[str, Grade]:
    return {one.group: one for one in grades.groups if one.kind == kind}


def test_grades_are_plain_counts() -> None:
    tables = tables_of(
        [
            {"lead_id": "A", "created_at": 0, "converted_at": 12.0},
            {"lead_id": "B", "created_at": 0},
            {"lead_id": "C", "created_at": 0, "converted_at": 40.0},
        ],
        end_day=50,
    )
    answers = columns_of(
        {"lead": "A", "day": 1, "hot": 0.4, "band": "hot", "owner": "Ann"},
        {"lead": "A", "day": 8, "hot": 0.6, "band": "hot", "owner": "Bo"},
        {"lead": "B", "day": 1, "hot": 0.1, "owner": "Ann"},
        {"lead": "B", "day": 45, "hot": 0.2, "model": "v2"},
        {"lead": "C", "day": 30, "hot": 0.5, "band": "hot"},
        {"lead": "nobody", "day": 1},
    )
    grades = grade(join_answers(answers, tables, "hot"), "hot", no_sums())
    whole = grades.overall
    assert (whole.answers, whole.persons, whole.mature) == (5, 3, 4)
    assert (whole.outcome.rows, whole.outcome.positives) == (4, 3)
    assert whole.outcome.promised == pytest.approx(0.4)
    assert whole.outcome.happened is not None
    assert whole.outcome.happened.value == 0.75
    assert whole.reach == 1
    band = of_kind(grades, "band")
    assert list(band) == ["hot", "warm"]
    assert (band["hot"].outcome.positives, band["hot"].reach) == (3, 1)
    assert band["warm"].outcome.happened is not None
    assert band["warm"].outcome.happened.value == 0
    owner = of_kind(grades, "owner")
    assert (owner["Ann"].outcome.rows, owner["Ann"].outcome.positives) == (2, 1)
    assert owner["Ann"].reach == pytest.approx(1 / 3)
    model = of_kind(grades, "model")
    assert (model["v2"].answers, model["v2"].mature, model["v2"].outcome.promised) == (1, 0, None)
    assert model["v2"].reach == 0
    assert grades.left_out.not_in_export == 1
    assert grades.auc is None
    assert grades.gain is None


def test_the_order_of_kinds_is_that_of_the_table() -> None:
    grades = grade(answers_of(1, 60), "hot", no_sums())
    kinds = list(dict.fromkeys(one.kind for one in grades.groups))
    assert kinds == ["model", "band", "month", "channel", "owner"]


def test_looks_of_one_person_count_once_in_an_interval() -> None:
    """Where months do not differ, thrice the looks do not make an interval narrower."""
    once, thrice = (
        grade(answers_of(2, 400, looks=looks), "hot", no_sums()).overall.outcome.happened
        for looks in (1, 3)
    )
    assert once is not None
    assert thrice is not None
    assert thrice.value == once.value
    assert thrice.high - thrice.low == pytest.approx(once.high - once.low, rel=0.1)


def test_an_interval_is_wilsons_for_persons_and_months() -> None:
    answers = answers_of(4, 500, month_deviation=0.5)
    grades = grade(answers, "hot", no_sums())
    outcome = grades.overall.outcome
    assert outcome.happened is not None
    assert outcome.promised is not None
    trials = effective_trials(answers.bought, answers.person, 0.975)
    share = np.unique(answers.groups["month"], return_counts=True)[1] / len(answers.lead)
    of_months = (
        outcome.promised * (1 - outcome.promised) * grades.month_deviation**2 * (share**2).sum()
    )
    all_trials = 1 / (1 / trials + of_months)
    z = 1.959963984540054
    centre = (outcome.happened.value + z * z / (2 * all_trials)) / (1 + z * z / all_trials)
    assert (outcome.happened.low + outcome.happened.high) / 2 == pytest.approx(centre)
    assert grades.month_deviation > 0.25


@pytest.mark.slow
@pytest.mark.long
def test_intervals_hold_although_months_differ() -> None:
    """Of 60 ledgers whose promises hold on average: what was promised lies in the interval."""
    held = 0
    for seed in range(60):
        outcome = grade(answers_of(seed, 500, looks=2, month_deviation=0.4), "hot", no_sums())
        held += outcome.overall.outcome.finding == "held"
    assert held >= 52


def test_a_promise_that_is_broken_is_called_so() -> None:
    outcome = grade(answers_of(3, 1_500, shift=-0.8), "hot", no_sums()).overall.outcome
    assert outcome.finding == "too much"
    outcome = grade(answers_of(3, 1_500, shift=0.8), "hot", no_sums()).overall.outcome
    assert outcome.finding == "too little"


def test_what_all_months_share_does_not_widen_the_intervals() -> None:
    """It is what is judged."""
    shifted = grade(answers_of(9, 1_200, shift=-1.0), "hot", no_sums())
    assert shifted.month_deviation < 0.4
    assert shifted.overall.outcome.finding == "too much"


def test_the_ranking_has_an_interval_and_beats_the_rate() -> None:
    answers = answers_of(5, 800)
    grades = grade(answers, "hot", no_sums())
    assert grades.auc is not None
    assert grades.gain is not None
    assert grades.auc.value == pytest.approx(grades.overall.auc)
    assert 0.55 < grades.auc.low < grades.auc.value < grades.auc.high < 0.85
    rate = answers.bought.mean()
    entropy = -(rate * math.log(rate) + (1 - rate) * math.log(1 - rate))
    assert grades.overall.log_loss == pytest.approx(entropy - grades.gain.advantage)
    assert grades.gain.low > 0


def test_months_that_differ_make_the_rankings_interval_wider() -> None:
    """The same answers beside themselves, with each person's month drawn anew."""
    answers = answers_of(6, 900, month_deviation=1.0)
    restless = grade(answers, "hot", no_sums()).gain
    order = np.random.default_rng(1).permutation(900).repeat(3) * 3
    shuffled = grade(dataclasses.replace(answers, as_of=answers.as_of[order]), "hot", no_sums())
    still = shuffled.gain
    assert restless is not None
    assert still is not None
    assert restless.high - restless.low > 1.1 * (still.high - still.low)


def test_reliability_adds_up_to_all_answers() -> None:
    answers = answers_of(7, 300)
    bins = grade(answers, "hot", no_sums()).reliability
    assert sum(one.rows for one in bins) == len(answers.lead)
    assert sum(one.positives for one in bins) == answers.bought.sum()
    assert [one.promised for one in bins] == sorted(one.promised for one in bins)
    assert len(bins) == 10


def test_erased_answers_count_in_every_rate() -> None:
    tables = tables_of([{"lead_id": "A", "created_at": 0, "converted_at": 12.0}], end_day=50)
    erased = sums_of(
        columns_of(
            {"lead": "X", "hot": 0.5, "band": "hot", "happened": 1.0},
            {"lead": "X", "hot": 0.5, "band": "hot", "day": 3, "happened": 1.0},
            {"lead": "Y", "hot": 0.25, "model": "v0", "happened": 0.0},
            {"lead": "Z", "hot": 0.25, "model": "v0"},
            {"lead": "Z", "hot": 0.9, "purpose": "try", "happened": 0.0},
        )
    )
    answers = join_answers(columns_of({"lead": "A", "day": 2, "hot": 0.2}), tables, "hot")
    grades = grade(answers, "hot", erased)
    whole = grades.overall
    assert (whole.answers, whole.mature, whole.outcome.positives) == (5, 4, 3)
    assert whole.outcome.promised == pytest.approx((0.2 + 0.5 + 0.5 + 0.25) / 4)
    assert of_kind(grades, "band")["hot"].reach == pytest.approx(2 / 3)
    assert of_kind(grades, "model")["v0"].answers == 2
    assert of_kind(grades, "model")["v0"].mature == 1


def test_erased_looks_of_one_lead_are_as_little_evidence_as_live_ones() -> None:
    """Erasing all answers leaves the rate, and an interval of much the same width."""
    random = np.random.default_rng(8)
    rows = []
    for lead in range(300):
        probability = float(random.uniform(0.05, 0.5))
        happened = float(random.random() < probability)
        rows += [
            {"lead": f"L{lead}", "day": day, "hot": probability, "happened": happened}
            for day in (0, 7, 14)
        ]
    columns = columns_of(*rows)
    tables = tables_of([{"lead_id": "nobody", "created_at": 0}], end_day=100)
    live = grade(join_answers(columns, tables, "hot"), "hot", no_sums()).overall.outcome
    nothing = join_answers(columns.among(np.array([], np.int64)), tables, "hot")
    erased = grade(nothing, "hot", sums_of(columns)).overall.outcome
    assert live.happened is not None
    assert erased.happened is not None
    assert (erased.rows, erased.positives) == (live.rows, live.positives)
    assert erased.promised == pytest.approx(live.promised)
    live_width, erased_width = (one.happened.high - one.happened.low for one in (live, erased))
    assert erased_width == pytest.approx(live_width, rel=0.2)


def test_an_empty_ledger_has_empty_grades() -> None:
    tables = tables_of([{"lead_id": "A", "created_at": 0}], end_day=50)
    nothing = join_answers(columns_of({}).among(np.array([], np.int64)), tables, "hot")
    grades = grade(nothing, "hot", no_sums())
    assert (grades.overall.answers, grades.overall.reach, grades.groups) == (0, None, ())
    assert grades.overall.outcome.finding == "unknown"


def test_what_was_promised_for_sure_is_graded_too() -> None:
    """A probability of 0 or 1 has no finite log-odds."""
    answers = answers_of(10, 200)
    sure = np.where(answers.probability > 0.3, 1.0, np.where(answers.probability < 0.1, 0.0, 0.2))
    grades = grade(dataclasses.replace(answers, probability=sure), "hot", no_sums())
    assert grades.overall.kind == "all"
    assert grades.overall.outcome.promised == pytest.approx(sure.mean())
    assert math.isfinite(grades.month_deviation)


def test_erased_answers_that_stand_alone_are_worth_their_number() -> None:
    columns = columns_of(
        *(
            {"lead": f"L{number}", "hot": 0.5, "happened": float(number % 2)}
            for number in range(400)
        )
    )
    tables = tables_of([{"lead_id": "nobody", "created_at": 0}], end_day=100)
    nobody = join_answers(columns.among(np.array([], np.int64)), tables, "hot")
    grades = grade(nobody, "hot", sums_of(columns))
    happened = grades.overall.outcome.happened
    assert happened is not None
    trials = 1 / (1 / 400 + 0.25 * grades.month_deviation**2)
    z = 1.959963984540054
    half_width = z * math.sqrt(0.25 / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    assert (happened.high - happened.low) / 2 == pytest.approx(half_width)
