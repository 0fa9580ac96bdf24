"""A horizon watched: whose pace is used, how wide levels are, and from when on."""

import dataclasses

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import Spine
from models.calibration import BetaCalibration, StepCalibration
from models.evidence import Evidence
from models.horizon import HorizonModel
from models.predictors.scorecard import Scorecard
from tests.support.answered import columns_of
from tests.support.tables import tables_of
from training.monitoring.alarms import AlarmState, LevelSpread
from training.monitoring.answers import join_answers
from training.monitoring.watching import HorizonWatch, level_spread, watch_horizon

DAY = MICROSECONDS_PER_DAY


def watched(leads: int, end: float = 60, first_day: float = 0) -> HorizonWatch:
    """Leads that all buy ten days after their only answer, promised for sure within 14."""
    tables = tables_of(
        [
            {"lead_id": f"L{number}", "created_at": first_day, "converted_at": first_day + 10}
            for number in range(leads)
        ],
        end_day=end,
    )
    answers = columns_of(
        *(
            {"lead": f"L{number}", "day": first_day, "hot": 0.9, "owner": "Ann"}
            for number in range(leads)
        )
    )
    looks = Spine(np.zeros(3, np.int64), np.full(3, round(first_day * DAY)))
    joined = join_answers(answers, tables, "hot")
    return watch_horizon(joined, "hot", tables, looks, LevelSpread(), tables.data_end)


def test_a_young_ledger_takes_the_exports_pace_and_an_old_one_its_own() -> None:
    assert watched(60, end=60).pace_source == "export"
    assert watched(60, end=26 * 7 + 14).pace_source == "ledger"
    assert watched(49, end=26 * 7 + 14).pace_source == "export"


def test_weeks_are_counted_from_the_first_answer_on() -> None:
    assert watched(5, end=28.5).alarm.weeks == 5
    assert watched(5, end=28.0).alarm.weeks == 4
    assert watched(5, end=7 * 200.0).alarm.weeks == 130
    assert watched(5).days == 14


def test_what_was_bought_is_beside_what_was_expected() -> None:
    quiet = watched(80, end=28)
    assert quiet.alarm.bought == 80
    assert quiet.alarm.state is AlarmState.QUIET
    # Until day 10 the export's buyers have not bought, nor has anybody promised it.
    assert 0 < quiet.alarm.promised < 80 * 2.4


def test_without_two_half_years_there_is_no_drift() -> None:
    assert watched(60).drift is None


def model(calibration: BetaCalibration | StepCalibration, month: float | None) -> HorizonModel:
    return HorizonModel(
        days=14,
        predictor=Scorecard(base=0.0, doubling=10.0, qualities=(), columns=0),
        calibration=calibration,
        evidence=Evidence(conversions=50, low=(), high=(), missing=(), month_variance=month),
    )


def test_a_models_own_variances_are_taken_where_it_promises() -> None:
    covariance = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.03))
    spread = level_spread(model(BetaCalibration(1.0, 1.0, -2.0, covariance), 0.05), 0.1)
    assert spread.calibration == pytest.approx(0.03)
    assert spread.month == 0.05
    steps = StepCalibration("isotonic", (0.0,), (-2.0, 1.0), (0.1, 0.4))
    assert level_spread(model(steps, 0.05), 0.1).calibration == pytest.approx(0.1)
    assert level_spread(model(steps, 0.05), 0.7).calibration == pytest.approx(0.4)


def test_a_model_that_does_not_say_has_the_usual_variances() -> None:
    usual = LevelSpread()
    spread = level_spread(model(BetaCalibration(1.0, 1.0, 0.0), None), 0.1)
    assert spread.month == usual.month
    assert 0 < spread.calibration < usual.calibration
    assert dataclasses.replace(spread, calibration=usual.calibration) == usual
