"""A lifelike part of the report on what came of answers: grades and a watch for both horizons."""

from training.monitoring.alarms import Alarm, AlarmState, Level
from training.monitoring.answers import HorizonName, LeftOut
from training.monitoring.grading import Grade, Grades
from training.monitoring.watching import HorizonWatch
from training.report.served import ServedHorizon
from training.statistics.intervals import wilson_interval
from training.statistics.rates import Outcome, RateEstimate

OWNER = "<b>Bo & co</b>"


def lifelike_served(state: AlarmState = AlarmState.QUIET) -> tuple[ServedHorizon, ...]:
    """Hot answers that promised too much, and warm ones that held."""
    return (
        _horizon("hot", 14, promised=0.10, bought=60, state=state),
        _horizon("warm", 90, promised=0.22, bought=218, state=state),
    )


def nothing_served() -> tuple[ServedHorizon, ...]:
    """A ledger without an answer."""
    empty = Grade("all", "", 0, 0, 0, Outcome(0, 0, None, None), None, None, None)
    grades = Grades("hot", 0, empty, None, None, (), (), 0.1, LeftOut(0, 0, 0, 0))
    return (ServedHorizon(grades, _watch("hot", 0, AlarmState.CANNOT_TELL)),)


def _horizon(
    name: HorizonName, days: int, promised: float, bought: int, state: AlarmState
) -> ServedHorizon:
    overall = _grade("all", "", 1_000, promised, bought)
    groups = (
        _grade("model", "2026-01-01-0f3a", 1_000, promised, bought),
        _grade("band", "cold", 700, promised / 2, bought // 4),
        _grade("band", "hot", 300, promised * 2, bought - bought // 4),
        _grade("month", "2026-03", 1_000, promised, bought),
        Grade("month", "2026-04", 250, 90, 0, Outcome(0, 0, None, None), None, None, 0.0),
        _grade("channel", "", 1_000, promised, bought),
        _grade("owner", OWNER, 800, promised, bought),
        _grade("owner", "", 200, promised, bought // 5),
    )
    bins = tuple(
        Outcome(100, round(110 * share), share, RateEstimate(share * 1.1, share * 0.8, share * 1.5))
        for share in (0.04, 0.12, 0.3)
    )
    grades = Grades(
        horizon=name,
        days=days,
        overall=overall,
        auc=RateEstimate(0.71, 0.66, 0.75),
        gain=None,
        groups=groups,
        reliability=bins,
        month_deviation=0.12,
        left_out=LeftOut(7, 0, 2, 0),
    )
    return ServedHorizon(grades, _watch(name, days, state))


def _grade(kind: str, group: str, rows: int, promised: float, bought: int) -> Grade:
    low, high = wilson_interval(bought / rows, rows / 3)
    outcome = Outcome(rows, bought, promised, RateEstimate(bought / rows, low, high))
    return Grade(kind, group, rows + 200, rows // 3, rows, outcome, 0.7, 0.3, 0.5)


def _watch(name: HorizonName, days: int, state: AlarmState) -> HorizonWatch:
    alarm = Alarm(state, 152.4, 101.0, Level(0.78, 0.65, 0.92), 3.1, 2.2, 60, None)
    return HorizonWatch(name, days, alarm, None, "ledger", LeftOut(7, 0, 2, 0))
