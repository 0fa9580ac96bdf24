"""The benchmark of ledgers: its rival counts honestly, and goals are said as they are."""

import dataclasses
import math

import numpy as np
import pytest

from benchmarks.ledger import Cell, Course, cbpe_rings, first_week, goals, mature_progress, sooner
from benchmarks.ledger_data import MadeUpLedger, made_up_promises
from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY
from training.monitoring.progress import Promises

DAY = MICROSECONDS_PER_DAY
CELL = Cell(
    days=90,
    size=150,
    quiet=0.03,
    quiet_low=0.02,
    quiet_high=0.05,
    noticed=0.75,
    mature_quiet=0.03,
    mature_noticed=0.1,
    weeks_sooner=9.0,
    cbpe_quiet=0.1,
    cbpe_noticed=0.1,
    cbpe_other_leads=0.9,
    watch_other_leads=0.03,
    cannot_tell=0.0,
)


def test_mature_labels_are_answers_a_horizon_apart() -> None:
    day = np.array([0, 7, 14, 21, 3]) * DAY
    promises = Promises(
        lead=np.array([0, 0, 0, 0, 1]),
        person=np.array([0, 0, 0, 0, 1]),
        as_of=day,
        probability=np.array([0.1, 0.2, 0.3, 0.4, 0.5]),
        days=np.full(5, 14),
        converted_at=np.array([25 * DAY] * 4 + [NEVER]),
    )
    progress = mature_progress(promises, 4)
    np.testing.assert_allclose(progress.expected, [0.6, 0, 0.3, 0])
    assert progress.bought.tolist() == [0, 0, 1, 0]


def test_ledgers_promise_what_happens_in_the_end() -> None:
    """The closed form, without any change: over answers a horizon apart."""
    ledger = MadeUpLedger(14, 600, half_years=2, level_deviation=0, month_deviation=0)
    progress = mature_progress(made_up_promises(ledger, 3), 60)
    expected, bought = progress.expected.sum(), progress.bought.sum()
    assert expected > 500
    assert abs(bought - expected) < 3 * math.sqrt(expected)


def test_a_fall_brings_fewer_purchases_and_the_same_promises() -> None:
    fallen, quiet = (
        mature_progress(made_up_promises(MadeUpLedger(14, 600, 2, 91.0, factor), 3), 60)
        for factor in (0.7, 1.0)
    )
    late = slice(13, 26)
    assert fallen.bought[late].sum() < 0.85 * quiet.bought[late].sum()
    assert fallen.expected[late].sum() == pytest.approx(quiet.expected[late].sum(), rel=0.1)


def test_cbpe_sees_other_leads_come() -> None:
    ledger = MadeUpLedger(14, 1_000, half_years=4, score_shift=3.5)
    ringing = cbpe_rings(made_up_promises(ledger, 1), 104)
    assert ringing[82:].mean() > ringing[:78].mean()


@pytest.mark.parametrize(
    ("watch", "mature", "weeks"),
    [(5.0, 14.0, 9.0), (9.0, 8.0, -1.0), (math.inf, math.inf, 0.0), (3.0, math.inf, math.inf)],
)
def test_how_much_sooner(watch: float, mature: float, weeks: float) -> None:
    assert sooner(Course(watch, mature, math.inf, 0, 50.0)) == weeks


def test_the_first_week_that_rings() -> None:
    assert first_week(np.array([False, True, True])) == 2
    assert math.isinf(first_week(np.zeros(3, np.bool_)))


def test_goals_that_are_met_and_missed() -> None:
    assert [met for _, met in goals(CELL)] == [True, True, True]
    missed = dataclasses.replace(CELL, quiet_high=0.09, weeks_sooner=5.0, noticed=0.69)
    assert [met for _, met in goals(missed)] == [False, False, False]
    short = dataclasses.replace(CELL, days=14, weeks_sooner=-2.0)
    assert [met for _, met in goals(short)] == [True, False]
    small = dataclasses.replace(CELL, size=20, cannot_tell=0.5)
    assert [met for _, met in goals(small)] == [True, False]
