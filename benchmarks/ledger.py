"""How soon broken promises are noticed on made-up ledgers, and how often quiet half-years ring.

`make bench-ledger` makes 400 ledgers of each size and horizon (`benchmarks.ledger_data`). Each has
a year and a half without a change, then a half-year that is watched week by week. In a third of
them nothing changes, in a third all hazards fall to 0.7, in a third other leads come whose promises
hold. Beside the watch stands the same alarm on *mature labels*: answers a horizon apart, each
counted when its horizon has ended. The alarm's constants were chosen on plain Poisson counts, not
on these ledgers. Beside both stands the expected AUC by CBPE, with NannyML's limits: it looks at
probabilities alone, so it sees other leads come and no promise break.
"""

import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.ledger_data import MadeUpLedger, made_up_promises
from features.arrays import Bool
from features.engine.history import MICROSECONDS_PER_DAY
from training.monitoring.alarms import HALF_YEAR_WEEKS, AlarmState, alarm
from training.monitoring.drift import CbpeWatch, expected_auc
from training.monitoring.progress import (
    WEEK,
    Progress,
    Promises,
    buying_pace,
    weekly_progress,
)
from training.statistics.figures import figures
from training.statistics.intervals import wilson_interval

RESULTS = Path("artifacts/bench/ledger.json")
LEDGERS, FIRST_JUDGED_SEED = 400, 9_000
SIZES = (20, 50, 150, 500)
HORIZON_DAYS = (90, 14)
FALL = 0.7
OTHER_LEADS = 0.35
QUIET_WEEKS = 78
GOAL_QUIET, GOAL_QUIET_UPPER = 0.05, 0.08
GOAL_SHARE, GOAL_WEEKS_SOONER, GOAL_WEEKS_LATER = 0.7, 6.0, 1.0
WELL_PROMISED, NOTICEABLE = 50, 150

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
PIPED = 150
"""Characters of a line where no terminal says how many it has."""
console = Console(width=None if sys.stdout.isatty() else PIPED)


@dataclass(frozen=True, slots=True)
class Course:
    """When each alarm rings in one ledger, in weeks since the watched half-year began.

    Parameters
    ----------
    watch, mature, cbpe : float
        First week that rings; infinite where none does.
    silent_weeks : int
        Weeks of the half-year in which the watch says that it cannot tell.
    promised : float
        Purchases that were promised in the half-year.
    """

    watch: float
    mature: float
    cbpe: float
    silent_weeks: int
    promised: float


@dataclass(frozen=True, slots=True)
class Cell:
    """What the alarms do in all ledgers of one size and horizon.

    Parameters
    ----------
    days, size : int
        Horizon, and purchases promised in half a year.
    quiet, quiet_low, quiet_high : float
        Share of quiet half-years in which the watch rings, with its 95 % interval.
    noticed : float
        Share of falls that are noticed within the half-year.
    mature_quiet, mature_noticed : float
        The same of mature labels.
    weeks_sooner : float
        Median over falls of the weeks by which the watch rings before mature labels do.
    cbpe_quiet, cbpe_noticed, cbpe_other_leads, watch_other_leads : float
        Shares in which CBPE rings in quiet half-years, after a fall, and where other leads come
        whose promises hold; and the watch there.
    cannot_tell : float
        Share of the quiet weeks in which the watch says that it cannot tell.
    """

    days: int
    size: int
    quiet: float
    quiet_low: float
    quiet_high: float
    noticed: float
    mature_quiet: float
    mature_noticed: float
    weeks_sooner: float
    cbpe_quiet: float
    cbpe_noticed: float
    cbpe_other_leads: float
    watch_other_leads: float
    cannot_tell: float


def course_of(ledger: MadeUpLedger, seed: int) -> Course:
    """What each alarm says of a ledger, week by week from the end of its quiet time on."""
    promises = made_up_promises(ledger, seed)
    until = round(ledger.until) * MICROSECONDS_PER_DAY
    weeks = until // WEEK
    known_until = QUIET_WEEKS * WEEK
    pace = buying_pace(promises.as_of, promises.converted_at, promises.days, known_until)
    progress = weekly_progress(promises, pace, until, weeks)
    matured = mature_progress(promises, weeks)
    ringing, silent = rings(progress, QUIET_WEEKS)
    late, _ = rings(matured, QUIET_WEEKS)
    cbpe = cbpe_rings(promises, weeks)
    half_year = slice(QUIET_WEEKS, QUIET_WEEKS + HALF_YEAR_WEEKS)
    return Course(
        watch=first_week(ringing),
        mature=first_week(late) + math.ceil(ledger.days / 7),
        cbpe=first_week(cbpe[QUIET_WEEKS:]),
        silent_weeks=int(silent[:HALF_YEAR_WEEKS].sum()),
        promised=float(progress.expected[half_year].sum()),
    )


def mature_progress(promises: Promises, weeks: int) -> Progress:
    """Answers a horizon apart, by the week of the answer: promised, and bought in the end."""
    order = np.lexsort((promises.as_of, promises.lead))
    promises = promises.among(order)
    rows, lead, ends = [], -1, -1
    length = int(promises.days[0]) * MICROSECONDS_PER_DAY if len(promises.days) else 0
    for row, (of_lead, as_of) in enumerate(
        zip(promises.lead.tolist(), promises.as_of.tolist(), strict=True)
    ):
        if of_lead != lead or as_of >= ends:
            rows.append(row)
            lead, ends = of_lead, as_of + length
    counted = promises.among(np.array(rows, np.int64))
    week = counted.as_of // WEEK
    bought = counted.converted_at <= counted.as_of + length
    return Progress(
        expected=np.bincount(week, counted.probability, weeks)[:weeks].astype(np.float64),
        bought=np.bincount(week, bought, weeks)[:weeks].astype(np.float64),
        design_effect=1.0,
    )


def rings(progress: Progress, first: int) -> tuple[Bool, Bool]:
    """Of each week from `first` on: whether it rings, and whether it cannot be told."""
    states = [
        alarm(Progress(progress.expected[:week], progress.bought[:week], 1.0)).state
        for week in range(first + 1, len(progress.expected) + 1)
    ]
    return (
        np.array([state is AlarmState.RINGING for state in states]),
        np.array([state is AlarmState.CANNOT_TELL for state in states]),
    )


def cbpe_rings(promises: Promises, weeks: int) -> Bool:
    """Of each week: whether the expected AUC of the latest four lies outside its limits."""
    week = promises.as_of // WEEK
    bought = promises.converted_at <= promises.as_of + promises.days * MICROSECONDS_PER_DAY
    chunks = [np.flatnonzero((week >= end - 4) & (week < end)) for end in range(1, weeks + 1)]
    came = [chunks[end] for end in range(3, QUIET_WEEKS, 4)]
    reference = [figures(bought[rows], promises.probability[rows]).auc for rows in came]
    limits = CbpeWatch.of(np.array([np.nan if auc is None else auc for auc in reference]))
    return np.array([limits.rings(expected_auc(promises.probability[rows])) for rows in chunks])


def first_week(ringing: Bool) -> float:
    """Number of the first week that rings, from 1 on; infinite where none does."""
    return float(np.argmax(ringing)) + 1 if ringing.any() else math.inf


def cell_of(days: int, size: int, ledgers: int) -> Cell:
    """All ledgers of one size and horizon."""
    seeds = range(FIRST_JUDGED_SEED, FIRST_JUDGED_SEED + ledgers)
    quiet = [course_of(MadeUpLedger(days, size), seed) for seed in seeds]
    # A year after the fall, for alarms that take longer than the half-year.
    fallen = [course_of(MadeUpLedger(days, size, half_years=5, factor=FALL), s) for s in seeds]
    other = [course_of(MadeUpLedger(days, size, score_shift=OTHER_LEADS), s) for s in seeds]
    share = within(quiet, "watch")
    low, high = wilson_interval(share, ledgers)
    return Cell(
        days=days,
        size=size,
        quiet=share,
        quiet_low=low,
        quiet_high=high,
        noticed=within(fallen, "watch"),
        mature_quiet=within(quiet, "mature"),
        mature_noticed=within(fallen, "mature"),
        weeks_sooner=float(np.median([sooner(course) for course in fallen])),
        cbpe_quiet=within(quiet, "cbpe"),
        cbpe_noticed=within(fallen, "cbpe"),
        cbpe_other_leads=within(other, "cbpe"),
        watch_other_leads=within(other, "watch"),
        cannot_tell=float(np.mean([course.silent_weeks for course in quiet]) / HALF_YEAR_WEEKS),
    )


def within(courses: Sequence[Course], name: str) -> float:
    """Share of ledgers in which an alarm rings within the half-year."""
    return float(np.mean([getattr(course, name) <= HALF_YEAR_WEEKS for course in courses]))


def sooner(course: Course) -> float:
    """Weeks by which the watch rings before mature labels do; 0 where neither does."""
    if math.isinf(course.watch) and math.isinf(course.mature):
        return 0.0
    return course.mature - course.watch


def goals(cell: Cell) -> list[tuple[str, bool]]:
    """Each goal that is set for a cell, and whether it is met."""
    texts = [
        (
            f"quiet ≤ {GOAL_QUIET:.0%}, upper end ≤ {GOAL_QUIET_UPPER:.0%}",
            cell.quiet <= GOAL_QUIET and cell.quiet_high <= GOAL_QUIET_UPPER,
        )
    ]
    if cell.days == max(HORIZON_DAYS) and cell.size >= WELL_PROMISED:
        texts.append(
            (
                f"≥ {GOAL_WEEKS_SOONER:.0f} weeks sooner",
                cell.weeks_sooner >= GOAL_WEEKS_SOONER,
            )
        )
    if cell.days == min(HORIZON_DAYS) and cell.size >= WELL_PROMISED:
        texts.append(("at most a week later", cell.weeks_sooner >= -GOAL_WEEKS_LATER))
    if cell.days == max(HORIZON_DAYS) and cell.size >= NOTICEABLE:
        texts.append((f"≥ {GOAL_SHARE:.0%} noticed", cell.noticed >= GOAL_SHARE))
    if cell.size < WELL_PROMISED:
        texts.append(("hardly ever green", cell.cannot_tell >= 0.9))
    return texts


def show(cells: Sequence[Cell]) -> None:
    """Print all cells, and each goal, missed ones too."""
    table = Table(title="Ledgers: promised purchases per half-year", title_justify="left")
    for heading in (
        "days",
        "size",
        "quiet rings",
        "95 %",
        "fall noticed",
        "mature: quiet",
        "noticed",
        "weeks sooner",
        "cbpe: quiet",
        "fall",
        "other leads",
        "watch: other leads",
        "cannot tell",
    ):
        table.add_column(heading, justify="right")
    for cell in cells:
        table.add_row(
            str(cell.days),
            str(cell.size),
            f"{cell.quiet:.1%}",
            f"{cell.quiet_low:.1%}–{cell.quiet_high:.1%}",
            f"{cell.noticed:.0%}",
            f"{cell.mature_quiet:.1%}",
            f"{cell.mature_noticed:.0%}",
            f"{cell.weeks_sooner:.1f}",
            f"{cell.cbpe_quiet:.1%}",
            f"{cell.cbpe_noticed:.0%}",
            f"{cell.cbpe_other_leads:.0%}",
            f"{cell.watch_other_leads:.1%}",
            f"{cell.cannot_tell:.0%}",
        )
    console.print(table)
    for cell in cells:
        for text, met in goals(cell):
            console.print(
                f"{'ok    ' if met else 'MISSED'} {cell.days} days, {cell.size}: {text}",
                highlight=False,
            )


@app.command()
def main(
    ledgers: Annotated[int, typer.Option(min=2, help="Ledgers of each kind.")] = LEDGERS,
    size: Annotated[list[int] | None, typer.Option(help="Promised purchases.")] = None,
    days: Annotated[list[int] | None, typer.Option(help="Horizons.")] = None,
) -> None:
    """Make the ledgers, watch them, and print what the alarms do beside the goals."""
    cells = []
    for horizon in days or HORIZON_DAYS:
        for promised in size or SIZES:
            began = time.process_time()
            cells.append(cell_of(horizon, promised, ledgers))
            took = time.process_time() - began
            console.print(f"{horizon} days, {promised}: {took:.0f} s of processor time")
    show(cells)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(cell) for cell in cells], indent=1), encoding="utf-8")


if __name__ == "__main__":
    app()
