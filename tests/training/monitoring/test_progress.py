"""What is expected so far: beside a plain loop, at every border, and true on made-up ledgers."""

import dataclasses
import math

import numpy as np
import pytest

from benchmarks.ledger_data import MadeUpLedger, made_up_promises
from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY
from training.monitoring.progress import (
    STEADY_BUYERS,
    WEEK,
    BuyingPace,
    Progress,
    Promises,
    buying_pace,
    weekly_progress,
)

DAY = MICROSECONDS_PER_DAY
EVEN = BuyingPace(np.array([]))


def promises_of(
    *rows: tuple[int, float, float, float | None], days: int = 14, person: int | None = None
) -> Promises:
    """Answers as (lead, day, probability, day of the purchase)."""
    lead, day, probability, bought = zip(*rows, strict=True)
    instants = [NEVER if at is None else round(at * DAY) for at in bought]
    return Promises(
        lead=np.array(lead),
        person=np.array(lead) if person is None else np.full(len(lead), person),
        as_of=np.array([round(at * DAY) for at in day]),
        probability=np.array(probability, np.float64),
        days=np.full(len(lead), days),
        converted_at=np.array(instants),
    )


def looped(promises: Promises, pace: BuyingPace, until: int, weeks: int) -> Progress:
    """The same by plain loops over answers and weeks."""
    expected, bought = [0.0] * weeks, [0.0] * weeks
    by_person: dict[int, int] = {}
    rows = range(len(promises.lead))
    for row in rows:
        lead, as_of, buys = (
            int(column[row]) for column in (promises.lead, promises.as_of, promises.converted_at)
        )
        later = [
            int(promises.as_of[other])
            for other in rows
            if promises.lead[other] == lead and (int(promises.as_of[other]), other) > (as_of, row)
        ]
        length = int(promises.days[row]) * DAY
        again = min(later, default=NEVER)
        end = min(as_of + length, again, buys, until)
        for week in range(weeks):
            begin = max(until - (weeks - week) * WEEK, as_of)
            close = min(until - (weeks - week - 1) * WEEK, end)
            if close <= begin:
                continue
            survived = [
                -math.log(
                    1
                    - promises.probability[row] * float(pace.share(np.array((at - as_of) / length)))
                )
                for at in (begin, close)
            ]
            expected[week] += survived[1] - survived[0]
        if buys <= min(as_of + length, until) and buys < again:
            week = weeks - 1 - (until - buys) // WEEK
            if week >= 0:
                bought[week] += 1
                person = int(promises.person[row])
                by_person[person] = by_person.get(person, 0) + 1
    counts = by_person.values()
    effect = sum(count**2 for count in counts) / sum(counts) if counts else 1.0
    return Progress(np.array(expected), np.array(bought), effect)


@pytest.mark.parametrize("seed", range(12))
def test_progress_is_what_plain_loops_count(seed: int) -> None:
    """Instants on a grid of half days, so that all borders are met."""
    random = np.random.default_rng(seed)
    rows = 60
    lead = random.integers(9, size=rows)
    bought_day = np.where(random.random(9) < 0.7, random.integers(40, 150, 9) / 2, np.inf)
    as_of = random.integers(0, 160, rows) * DAY // 2
    bought = np.array([NEVER if math.isinf(day) else round(day * DAY) for day in bought_day])[lead]
    allowed = bought >= as_of
    promises = Promises(
        lead=lead[allowed],
        person=lead[allowed] // 2,
        as_of=as_of[allowed],
        probability=random.random(rows)[allowed],
        days=np.where(random.random(rows) < 0.5, 14, 30)[allowed],
        converted_at=bought[allowed],
    )
    pace = BuyingPace(random.random(5))
    until, weeks = 70 * DAY, 8
    counted = weekly_progress(promises, pace, until, weeks)
    by_loop = looped(promises, pace, until, weeks)
    np.testing.assert_allclose(counted.expected, by_loop.expected, atol=1e-12)
    np.testing.assert_array_equal(counted.bought, by_loop.bought)
    assert counted.design_effect == by_loop.design_effect


def test_a_promise_alone_is_spread_over_its_horizon() -> None:
    progress = weekly_progress(promises_of((0, 0, 0.3, None)), EVEN, 14 * DAY, 2)
    np.testing.assert_allclose(
        progress.expected, [-math.log(0.85), math.log(0.85) - math.log(0.7)], rtol=1e-12
    )
    assert progress.bought.tolist() == [0, 0]


def test_nothing_is_expected_of_a_lead_that_has_bought() -> None:
    promises = promises_of((0, 0, 0.3, 3.5))
    progress = weekly_progress(promises, EVEN, 14 * DAY, 2)
    np.testing.assert_allclose(progress.expected, [-math.log(1 - 0.3 / 4), 0], rtol=1e-12)
    assert progress.bought.tolist() == [1, 0]


def test_a_purchase_counts_once_however_often_the_lead_was_asked_about() -> None:
    daily = promises_of(*((0, float(day), 0.3, 10.0) for day in range(10)))
    assert weekly_progress(daily, EVEN, 14 * DAY, 2).bought.tolist() == [0, 1]


def test_of_two_answers_about_an_instant_the_later_row_is_current() -> None:
    progress = weekly_progress(promises_of((0, 0, 0.9, None), (0, 0, 0.1, None)), EVEN, 14 * DAY, 2)
    assert progress.expected.sum() == pytest.approx(-math.log(0.9))


@pytest.mark.parametrize(("bought", "counts"), [(14.0, 1), (14.0 + 1e-6, 0)], ids=["at", "after"])
def test_a_purchase_after_the_horizon_was_not_promised(bought: float, counts: int) -> None:
    progress = weekly_progress(promises_of((0, 0, 0.3, bought)), EVEN, 28 * DAY, 4)
    assert progress.bought.sum() == counts


def test_purchases_and_promises_after_the_end_are_not_known() -> None:
    promises = promises_of((0, 0, 0.3, 9.0), (1, 8, 0.9, None))
    progress = weekly_progress(promises, EVEN, 7 * DAY, 1)
    assert progress.bought.tolist() == [0]
    assert progress.expected[0] == pytest.approx(-math.log(0.85))


def test_a_certain_promise_expects_a_finite_number() -> None:
    assert np.isfinite(
        weekly_progress(promises_of((0, 0, 1.0, None)), EVEN, 14 * DAY, 2).expected
    ).all()


def test_no_answers_expect_nothing() -> None:
    none = promises_of((0, 0, 0.3, None)).among(np.array([], np.int64))
    progress = weekly_progress(none, EVEN, 14 * DAY, 2)
    assert progress.expected.tolist() == [0, 0]
    assert progress.design_effect == 1


def test_purchases_of_one_person_are_less_evidence() -> None:
    pair = promises_of((0, 0, 0.3, 3.0), (1, 0, 0.3, 4.0), person=0)
    assert weekly_progress(pair, EVEN, 14 * DAY, 2).design_effect == 2


def test_the_pace_counts_only_horizons_that_have_ended() -> None:
    """Of looks whose horizon still runs only the quick purchases are known."""
    as_of = np.array([0, 0, 10]) * DAY
    bought = np.array([7, 20, 11]) * DAY
    days = np.full(3, 14)
    assert buying_pace(as_of, bought, days, 14 * DAY).elapsed.tolist() == [0.5]
    assert len(buying_pace(as_of, bought, days, 24 * DAY).elapsed) == 2


def test_the_pace_is_the_share_of_buyers_drawn_to_an_even_one() -> None:
    pace = BuyingPace(np.array([0.5, 0.25, 0.5, 1.0]))
    weight = STEADY_BUYERS
    assert float(pace.share(np.array(0.25))) == pytest.approx((1 + weight * 0.25) / (4 + weight))
    assert float(pace.share(np.array(1.0))) == pytest.approx(1)
    elapsed = np.linspace(0, 1, 50)
    assert (np.diff(pace.share(elapsed)) > 0).all()


@pytest.mark.parametrize(
    ("column", "values", "law"),
    [
        ("probability", np.array([1.5]), "from 0 to 1"),
        ("probability", np.array([np.nan]), "from 0 to 1"),
        ("converted_at", np.array([-1]), "has bought"),
        ("days", np.array([14, 14]), "one length"),
    ],
    ids=["above 1", "no number", "bought", "lengths"],
)
def test_promises_refuse(column: str, values: np.ndarray, law: str) -> None:
    fine = promises_of((0, 0, 0.3, None))
    with pytest.raises(ValueError, match=law):
        dataclasses.replace(fine, **{column: values})


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("days", [14, 90])
def test_on_made_up_ledgers_what_is_expected_is_what_comes(days: int) -> None:
    """The pace differs from lead to lead there; the sum over all leads holds."""
    expected, bought = 0.0, 0.0
    for seed in range(6):
        ledger = MadeUpLedger(days, 400, half_years=2, level_deviation=0, month_deviation=0)
        promises = made_up_promises(ledger, seed)
        until = round(ledger.until) * DAY
        pace = buying_pace(promises.as_of, promises.converted_at, promises.days, until - 26 * WEEK)
        progress = weekly_progress(promises, pace, until, 26)
        expected += progress.expected.sum()
        bought += progress.bought.sum()
    assert abs(bought - expected) < 3 * math.sqrt(expected)
    assert expected > 2_000
