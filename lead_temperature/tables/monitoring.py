"""What `grade` and `watch` print: promised beside what came, and one plain sentence for each.

Only text and layout are made here; every number comes from the grades and from the watch.
"""

import math
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lead_temperature.tables.plain import plain_table
from training.monitoring.alarms import FALLEN, Alarm, AlarmState
from training.monitoring.answers import LeftOut
from training.monitoring.drift import Drift
from training.monitoring.grading import Grade, Grades
from training.monitoring.watching import HorizonWatch
from training.report.served import ServedHorizon
from training.statistics.rates import ENOUGH_PROMISED, Outcome

_STYLE = {
    AlarmState.QUIET: "green",
    AlarmState.RINGING: "red",
    AlarmState.CANNOT_TELL: "yellow",
}
_FINDING = {
    "held": "[green]held[/]",
    "too much": "[red]too much[/]",
    "too little": "[red]too little[/]",
    "unknown": "[yellow]unknown[/]",
}
_NO_GROUP = {True: "", False: "–"}


def show_grades(console: Console, grades: Sequence[Grades]) -> None:
    """Print a table of each horizon's grades, what they mean, and what could not be graded."""
    for horizon in grades:
        # Without rules between the columns, so that nine of them have room in 100 characters.
        table = Table(
            title=f"What came of answers, {horizon.horizon}",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
        )
        table.add_column("answers", overflow="fold")
        for heading in ("", "ended", "promised", "happened, 95 %", "promise"):
            table.add_column(heading, justify="right", no_wrap=True)
        for heading in ("AUC", "loss", "reach"):
            table.add_column(heading, justify="right", no_wrap=True)
        for grade in (horizon.overall, *horizon.groups):
            table.add_row(
                escape(f"{grade.kind} {grade.group or _NO_GROUP[grade.kind == 'all']}"),
                f"{grade.answers:,}",
                f"{grade.mature / grade.answers:.0%}" if grade.answers else "–",
                _percent(grade.outcome.promised),
                _happened(grade.outcome),
                _FINDING[grade.outcome.finding],
                "–" if grade.auc is None else f"{grade.auc:.3f}",
                "–" if grade.log_loss is None else f"{grade.log_loss:.3f}",
                "–" if grade.reach is None else f"{grade.reach:.0%}",
            )
        console.print(table)
        console.print(grade_sentence(horizon), highlight=False)
        _show_left_out(console, horizon.left_out)


def show_served(console: Console, served: Sequence[ServedHorizon]) -> None:
    """Print what a training says of the answers in a ledger: grades, then the watch."""
    if served:
        show_grades(console, [horizon.grades for horizon in served])
        show_watch(console, [horizon.watch for horizon in served])


def grade_sentence(grades: Grades) -> str:
    """One plain sentence about a horizon."""
    grade: Grade = grades.overall
    outcome = grade.outcome
    if outcome.happened is None or outcome.promised is None:
        return f"No horizon of the {grade.answers:,} {grades.horizon} answers has ended yet."
    figures = (
        f"{outcome.promised:.1%} were promised and {outcome.happened.value:.1%} bought "
        f"(95 % interval {outcome.happened.low:.1%} to {outcome.happened.high:.1%})"
    )
    verdict = {
        "held": "Promises held",
        "too much": "Too much was promised",
        "too little": "Too little was promised",
        "unknown": f"Fewer than {ENOUGH_PROMISED} purchases were promised, so nobody can tell",
    }[outcome.finding]
    ranking = (
        ""
        if grades.auc is None
        else (f" AUC {grades.auc.value:.3f} ({grades.auc.low:.3f} to {grades.auc.high:.3f}).")
    )
    return f"{verdict}: {figures}.{ranking}"


def show_watch(console: Console, watches: Sequence[HorizonWatch]) -> None:
    """Print the state of each horizon, a sentence on it, and what other leads do."""
    table = plain_table(
        "Promises whose horizons still run, the latest half-year",
        ("horizon", "state"),
        ("expected", "bought", "level", "95 %", "evidence", "rings at"),
    )
    for horizon in watches:
        alarm = horizon.alarm
        table.add_row(
            f"{horizon.horizon}, {horizon.days} d",
            f"[{_STYLE[alarm.state]}]{alarm.state}[/]",
            f"{alarm.promised:.1f}",
            f"{alarm.bought:.0f}",
            f"{alarm.level.value:.2f}",
            f"{alarm.level.low:.2f}–{alarm.level.high:.2f}",
            _evidence(alarm.evidence),
            f"{alarm.threshold:.2f}",
        )
    console.print(table)
    for horizon in watches:
        console.print(watch_sentence(horizon), highlight=False, style=_STYLE[horizon.alarm.state])
        if horizon.drift is not None:
            console.print(drift_sentence(horizon.drift), highlight=False, markup=False)
        _show_left_out(console, horizon.left_out)


def watch_sentence(watch: HorizonWatch) -> str:
    """One plain sentence about a horizon's alarm."""
    alarm: Alarm = watch.alarm
    figures = f"{alarm.bought:.0f} purchases where {alarm.promised:.1f} were expected"
    match alarm.state:
        case AlarmState.RINGING:
            return (
                f"{watch.horizon}: promises break. {figures}; luck, months and the calibration's "
                "own error rarely explain that. Train again, and look at what has changed."
            )
        case AlarmState.QUIET:
            return f"{watch.horizon}: promises hold so far. {figures}."
        case AlarmState.CANNOT_TELL:
            weeks = alarm.weeks_to_tell
            way_out = (
                "nothing is promised at present, so no time is long enough"
                if weeks is None or math.isinf(weeks)
                else f"at this rate it takes {math.ceil(weeks)} weeks in all"
            )
            return (
                f"{watch.horizon}: cannot tell yet. {figures}, too few to notice a fall to "
                f"{FALLEN:.0%} by; {way_out}."
            )


def drift_sentence(drift: Drift) -> str:
    """What other leads do to the figures that are to be expected; it never rings."""
    sentence = (
        f"Leads of the latest half-year let expect {drift.latest.rate:.1%} buyers an answer "
        f"(earlier {drift.earlier.rate:.1%}) and an AUC of {drift.latest.auc:.3f} "
        f"(earlier {drift.earlier.auc:.3f}), if promises hold."
    )
    mix = drift.mixes[0] if drift.mixes else None
    if mix is None or abs(mix.effect) < 0.001:
        return sentence
    return (
        f"{sentence} Of that, {mix.effect:+.1%} is the mix by {mix.kind}: "
        f"'{mix.group}' went from {mix.share_earlier:.0%} to {mix.share_latest:.0%}."
    )


def _show_left_out(console: Console, left_out: LeftOut) -> None:
    reasons = {
        "about leads that the export does not hold": left_out.not_in_export,
        "about leads whose purchase the export does not tell": left_out.outcome_unknown,
        "about leads that had bought by then": left_out.after_purchase,
        "about an instant after the end of the data": left_out.after_end,
    }
    counted = "; ".join(f"{count:,} {reason}" for reason, count in reasons.items() if count)
    if counted:
        console.print(f"Answers that are not counted: {counted}.", highlight=False)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _happened(outcome: Outcome) -> str:
    rate = outcome.happened
    if rate is None:
        return "–"
    return f"{rate.value:.1%} ({100 * rate.low:.1f}–{100 * rate.high:.1f})"


def _evidence(evidence: float) -> str:
    return "–" if math.isinf(evidence) else f"{evidence:.2f}"
