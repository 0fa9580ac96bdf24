"""The sentences of `grade` and `watch`: one for each state, with its figures."""

import dataclasses
import io
import math

import pytest
from rich.console import Console

from lead_temperature.tables.monitoring import (
    drift_sentence,
    grade_sentence,
    show_watch,
    watch_sentence,
)
from training.monitoring.alarms import Alarm, AlarmState, Level
from training.monitoring.answers import LeftOut
from training.monitoring.drift import Drift, ExpectedFigures, MixShift
from training.monitoring.grading import Grade, Grades
from training.monitoring.watching import HorizonWatch
from training.statistics.rates import Outcome, RateEstimate

ALARM = Alarm(
    state=AlarmState.QUIET,
    promised=150.0,
    bought=144.0,
    level=Level(0.97, 0.84, 1.11),
    evidence=-1.0,
    threshold=2.2,
    weeks=60,
    weeks_to_tell=None,
)
WATCH = HorizonWatch(
    horizon="warm",
    days=90,
    alarm=ALARM,
    drift=None,
    pace_source="ledger",
    left_out=LeftOut(0, 0, 0, 0),
)
DRIFT = Drift(
    earlier=ExpectedFigures(0.10, 0.75, 0.3),
    latest=ExpectedFigures(0.14, 0.72, 0.35),
    rate_low=0.02,
    rate_high=0.06,
    mixes=(MixShift("channel", "[fair]", 0.1, 0.4, 0.03),),
)


def with_state(state: AlarmState, weeks_to_tell: float | None = None) -> HorizonWatch:
    alarm = dataclasses.replace(ALARM, state=state, weeks_to_tell=weeks_to_tell)
    return dataclasses.replace(WATCH, alarm=alarm)


@pytest.mark.parametrize(
    ("state", "weeks", "text"),
    [
        (AlarmState.QUIET, None, "warm: promises hold so far. 144 purchases where 150.0 were"),
        (AlarmState.RINGING, None, "warm: promises break. 144 purchases where 150.0 were expected"),
        (AlarmState.CANNOT_TELL, 64.2, "cannot tell yet. 144 purchases where 150.0 were expected"),
        (AlarmState.CANNOT_TELL, 64.2, "at this rate it takes 65 weeks in all."),
        (AlarmState.CANNOT_TELL, math.inf, "nothing is promised at present"),
    ],
)
def test_each_state_has_its_sentence(state: AlarmState, weeks: float | None, text: str) -> None:
    assert text in watch_sentence(with_state(state, weeks))


def test_what_other_leads_do_is_weighed() -> None:
    sentence = drift_sentence(DRIFT)
    assert "let expect 14.0% buyers an answer (earlier 10.0%)" in sentence
    assert "+3.0% is the mix by channel: '[fair]' went from 10% to 40%." in sentence
    plain = dataclasses.replace(DRIFT, mixes=(dataclasses.replace(DRIFT.mixes[0], effect=0.0),))
    assert "mix" not in drift_sentence(plain)
    assert "mix" not in drift_sentence(dataclasses.replace(DRIFT, mixes=()))


def test_the_watch_shows_states_names_as_they_are_and_what_is_left_out() -> None:
    console = Console(file=io.StringIO(), width=100)
    watched = dataclasses.replace(WATCH, drift=DRIFT, left_out=LeftOut(3, 0, 2, 0))
    show_watch(console, [watched, with_state(AlarmState.RINGING)])
    text = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]
    assert "'[fair]'" in text
    assert "ringing" in text
    assert "3 about leads that the export does not hold; 2 about leads that had bought" in text


def grades_with(outcome: Outcome, auc: RateEstimate | None = None) -> Grades:
    overall = Grade("all", "", 1_200, 300, outcome.rows, outcome, None, None, None)
    return Grades("hot", 14, overall, auc, None, (), (), 0.1, LeftOut(0, 0, 0, 0))


@pytest.mark.parametrize(
    ("promised", "text"),
    [
        (0.2, "Promises held: 20.0% were promised and 20.0% bought (95 % interval 15.0% to 25.0%)"),
        (0.3, "Too much was promised: 30.0%"),
        (0.1, "Too little was promised: 10.0%"),
    ],
)
def test_a_grade_has_its_sentence(promised: float, text: str) -> None:
    outcome = Outcome(1_000, 200, promised, RateEstimate(0.2, 0.15, 0.25))
    assert text in grade_sentence(grades_with(outcome))


def test_a_grade_of_few_purchases_says_so() -> None:
    outcome = Outcome(20, 4, 0.2, RateEstimate(0.2, 0.1, 0.4))
    assert "nobody can tell" in grade_sentence(grades_with(outcome))
    nothing = grade_sentence(grades_with(Outcome(0, 0, None, None)))
    assert nothing == "No horizon of the 1,200 hot answers has ended yet."


def test_the_ranking_stands_behind_the_verdict() -> None:
    outcome = Outcome(1_000, 200, 0.2, RateEstimate(0.2, 0.15, 0.25))
    sentence = grade_sentence(grades_with(outcome, RateEstimate(0.71, 0.66, 0.75)))
    assert sentence.endswith("AUC 0.710 (0.660 to 0.750).")
