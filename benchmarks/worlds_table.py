"""The tables of `benchmarks.worlds`: what the training reaches, two trainings compared, the goals.

Each table says of every world whether choices are made on it or it only judges.
"""

from collections.abc import Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.quality_table import AtLeast, AtMost, Figure, Goal
from benchmarks.worlds_export import USE_OF_WORLD, Use
from benchmarks.worlds_run import Run, Task
from benchmarks.worlds_summary import (
    Comparison,
    Count,
    Estimate,
    HorizonSummary,
    comparison_of,
    excess_ratio,
    summary_of,
)
from models.bands import HORIZONS

USES: tuple[Use, ...] = ("choosing", "judging")
TITLES: Mapping[Use, str] = {
    "choosing": "choosing: choices may be made on these worlds",
    "judging": "judging: nothing may be chosen on these worlds",
}
LEAST_JUDGED_SIZE = 60
"""Conversions from which on the goals hold."""
MOST_OVER_PEER = {"hot": 0.85, "warm": 0.75}
SAID_OVER_TRUE = (0.87, 1.15)
HELD = (0.75, 0.88)
LEAST_KEPT_SHARE = 0.9
LEAST_REACH = 0.85
"""Goals: excess over the peer's, said over true at the top and in the band, groups held, share of
runs that keep their promise, and reach over what the order can be shown to bear."""


COMPARISON_HEADINGS = (
    "ratio",
    "wins",
    "top 2 %",
    "held",
    "kept",
    "reach",
    "CPU ratio",
    "refused",
)
"""Headings of two trainings compared, beside what they are about and the horizon."""
LEGEND = (
    "Means over seeds with 95 % intervals. excess: expected log loss beyond the truth's, as a "
    "share of the base rate's (0 is the truth, 1 the base rate). said ÷ true: mean probability "
    "over mean truth, of all looks, of the 2 % most promising, in the band. held: groups whose "
    "interval holds their mean truth. kept: promises of the band. reach: share of all expected "
    "buyers in the band or a hotter one; over what the model's own order bears at the promised "
    "rate (borne); over what a lower 90 % bound on as many looks lets it (shown). Runs that "
    "refused count for the peer alone."
)
COMPARISON_LEGEND = (
    "ratio: excess log loss of ours over the other's, geometric mean of the pairs in which both "
    "trained, with its 95 % interval. wins: pairs in which ours is the lower. Other figures as "
    "ours | the other's, of the same pairs."
)


def summary_tables(runs: Mapping[Task, Run]) -> list[Table]:
    """What the training reaches, a table for each use of worlds.

    A table has a line for each world, size and horizon, and for all sizes of a world.

    Parameters
    ----------
    runs : mapping of Task to Run
        All that is to be shown.
    """
    return [_summary_table(runs, use) for use in uses_of(runs)]


def _summary_table(runs: Mapping[Task, Run], use: Use) -> Table:
    quality = ("excess", "peer", "÷ peer", "said÷true", "top 2 %", "band", "held", "kept", "reach")
    columns = (*quality, "÷ borne", "÷ shown", "CPU s", "refused")
    table = _table(TITLES[use], *columns)
    for world, size, line_runs in lines_of(runs, use):
        summary = summary_of(line_runs)
        for name in HORIZONS:
            is_first = name == HORIZONS[0]
            table.add_row(
                world if is_first else "",
                size if is_first else "",
                name,
                *_horizon_cells(summary.horizon(name)),
                _number(summary.processor_seconds, 1) if is_first else "",
                f"{summary.refused}/{summary.runs}" if is_first else "",
                end_section=not is_first and size == "all",
            )
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("world", no_wrap=True)
    for heading in ("", "", *headings):
        table.add_column(heading, no_wrap=True, justify="right")
    return table


def _horizon_cells(summary: HorizonSummary) -> tuple[str, ...]:
    return (
        _with_interval(summary.excess, 2),
        _number(summary.peer_excess, 2),
        _with_interval(summary.over_peer, 2),
        _number(summary.said_over_true, 2),
        _number(summary.said_over_true_top, 2),
        _number(summary.said_over_true_band, 2),
        _number(summary.held, 2),
        _count(summary.promises_kept),
        _number(summary.reach, 2),
        _number(summary.reach_over_bearable, 2),
        _number(summary.reach_over_provable, 2),
    )


def uses_of(runs: Mapping[Task, Run]) -> list[Use]:
    """Uses of the worlds of some runs, choosing first."""
    return [use for use in USES if any(USE_OF_WORLD[task.world] == use for task in runs)]


def lines_of(runs: Mapping[Task, Run], use: Use) -> Iterator[tuple[str, str, list[Run]]]:
    """Lines of a table: world, size, and the runs that the line is about.

    "all" stands for all sizes of a world, and for all sizes of all worlds of the use.

    Parameters
    ----------
    runs : mapping of Task to Run
        All that was run.
    use : {"choosing", "judging"}
        Worlds of other uses are left out.
    """
    worlds = [world for world, its_use in USE_OF_WORLD.items() if its_use == use]
    of_use = [run for task, run in runs.items() if task.world in worlds]
    for world in worlds:
        of_world = [run for run in of_use if run.task.world == world]
        sizes = sorted({run.task.size for run in of_world})
        for size in sizes:
            yield world, f"{size:,}", [run for run in of_world if run.task.size == size]
        if len(sizes) > 1:
            yield world, "all", of_world
    if len({run.task.world for run in of_use}) > 1:
        yield f"all {use}", "all", of_use


def pairs_table(pairs: Sequence[tuple[Run, Run]]) -> Table:
    """Two trainings on the same leads, pair by pair.

    Parameters
    ----------
    pairs : sequence of (Run, Run)
        Ours and the other's, of the same task.
    """
    table = Table("world", title="Pair by pair: excess log loss of ours over the other's")
    for heading in ("conversions", "seed", "hot", "warm", "CPU", "ours refused", "other refused"):
        table.add_column(heading, justify="right")
    for first, second in sorted(pairs, key=lambda pair: _order(pair[0].task)):
        trained = not first.refused and not second.refused
        table.add_row(
            first.task.world,
            f"{first.task.size:,}",
            str(first.task.seed),
            *(_plain(excess_ratio(first, second, name), 3) for name in HORIZONS),
            _plain(
                first.processor_seconds / second.processor_seconds
                if trained and second.processor_seconds
                else None,
                2,
            ),
            "refused" if first.refused else "",
            "refused" if second.refused else "",
        )
    return table


def comparison_tables(pairs: Sequence[tuple[Run, Run]]) -> list[Table]:
    """Two trainings on the same leads over seeds, a table for each use of worlds.

    Parameters
    ----------
    pairs : sequence of (Run, Run)
        Ours and the other's, of the same task.
    """
    runs = {first.task: first for first, _ in pairs}
    rivals = {first.task: second for first, second in pairs}
    tables = []
    for use in uses_of(runs):
        table = _table(f"Ours beside the other; {TITLES[use]}", *COMPARISON_HEADINGS)
        for world, size, line_runs in lines_of(runs, use):
            compared = comparison_of([(run, rivals[run.task]) for run in line_runs])
            for name in HORIZONS:
                table.add_row(*comparison_cells(world, size, name, compared))
        tables.append(table)
    return tables


def comparison_cells(first: str, second: str, name: str, compared: Comparison) -> tuple[str, ...]:
    """Cells of one horizon of a comparison, under `COMPARISON_HEADINGS` after three.

    Parameters
    ----------
    first, second : str
        What the comparison is about; told with the first horizon alone.
    name : {"hot", "warm"}
        The horizon, the third cell.
    compared : Comparison
        What is told.
    """
    horizon, is_first = compared.horizon(name), name == HORIZONS[0]
    refused, rival_refused = compared.refused
    return (
        first if is_first else "",
        second if is_first else "",
        name,
        _with_interval(horizon.excess_ratio, 2),
        _count(horizon.wins),
        " | ".join(_number(side, 2) for side in horizon.said_over_true_top),
        " | ".join(_number(side, 2) for side in horizon.held),
        " | ".join(_count(side) for side in horizon.promises_kept),
        " | ".join(_number(side, 2) for side in horizon.reach),
        _number(compared.processor_ratio, 2) if is_first else "",
        f"{refused} | {rival_refused} of {compared.pairs}" if is_first else "",
    )


def goal_figures(runs: Mapping[Task, Run]) -> list[Figure]:
    """The goals, on the worlds that only judge and from `LEAST_JUDGED_SIZE` conversions on.

    Parameters
    ----------
    runs : mapping of Task to Run
        All that was run.
    """
    judging = [
        run
        for task, run in runs.items()
        if USE_OF_WORLD[task.world] == "judging" and task.size >= LEAST_JUDGED_SIZE
    ]
    if not judging:
        return []
    summary = summary_of(judging)
    worlds = ", ".join(dict.fromkeys(run.task.world for run in judging))
    subject = f"{len(judging)} runs of {worlds}, from {LEAST_JUDGED_SIZE} conversions on"
    figures = [Figure(subject, "trainings refused", summary.refused, goal=AtMost(0), places=0)]
    for name in HORIZONS:
        horizon = summary.horizon(name)
        ratio = f"{name}: excess log loss over the peer's"
        figures.append(_figure(subject, ratio, horizon.over_peer, AtMost(MOST_OVER_PEER[name])))
        for figure, estimate, (lowest, highest) in (
            ("said ÷ true in the top 2 %", horizon.said_over_true_top, SAID_OVER_TRUE),
            ("said ÷ true in the band", horizon.said_over_true_band, SAID_OVER_TRUE),
            ("share of groups held", horizon.held, HELD),
        ):
            figures.append(_figure(subject, f"{name}: {figure}", estimate, AtLeast(lowest)))
            figures.append(_figure(subject, f"{name}: {figure}", estimate, AtMost(highest)))
        figures.append(_kept_figure(subject, name, horizon.promises_kept))
        reach = f"{name}: reach over what the order can be shown to bear"
        figures.append(_figure(subject, reach, horizon.reach_over_provable, AtLeast(LEAST_REACH)))
    return figures


def _kept_figure(subject: str, name: str, count: Count) -> Figure:
    title = f"{name}: share of promises kept"
    if count.runs == 0:
        return Figure(subject, title, None, note="no band promised anything")
    low, high = count.interval
    share = count.hits / count.runs
    return Figure(subject, title, share, low, high, AtLeast(LEAST_KEPT_SHARE), f"of {count.runs}")


def _figure(subject: str, title: str, estimate: Estimate | None, goal: Goal) -> Figure:
    if estimate is None:
        return Figure(subject, title, None, note="no run has it")
    return Figure(subject, title, estimate.mean, estimate.low, estimate.high, goal)


def refusal_lines(runs: Mapping[Task, Run]) -> list[str]:
    """Why trainings refused, a line each.

    Parameters
    ----------
    runs : mapping of Task to Run
        All that was run.
    """
    return [
        f"{task.world}, {task.size:,} conversions, seed {task.seed}: {run.refused}"
        for task, run in sorted(runs.items(), key=lambda item: _order(item[0]))
        if run.refused
    ]


def _order(task: Task) -> tuple[int, int, int]:
    return list(USE_OF_WORLD).index(task.world), task.size, task.seed


def _plain(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def _number(estimate: Estimate | None, decimals: int) -> str:
    return _plain(None if estimate is None else estimate.mean, decimals)


def _with_interval(estimate: Estimate | None, decimals: int) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return _number(estimate, decimals)
    return (
        f"{estimate.mean:.{decimals}f} ({estimate.low:.{decimals}f}…{estimate.high:.{decimals}f})"
    )


def _count(count: Count) -> str:
    return f"{count.hits}/{count.runs}" if count.runs else "–"
