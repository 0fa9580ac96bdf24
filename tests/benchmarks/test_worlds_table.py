"""The tables: which worlds judge, what was reached, who is better, which goals were missed."""

from io import StringIO

from rich.box import HEAVY_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.worlds_figures import BandFigures, GroupFigures
from benchmarks.worlds_table import (
    TITLES,
    comparison_tables,
    goal_figures,
    lines_of,
    pairs_table,
    refusal_lines,
    summary_tables,
    uses_of,
)
from tests.support.world_runs import horizon_of, run_of, runs_of


def printed(table: Table) -> list[list[str]]:
    """Cells of the lines that hold any."""
    table.box = HEAVY_HEAD
    console = Console(file=StringIO(), width=220)
    console.print(table)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]


def test_lines_go_by_use_world_and_size_and_sum_up_each() -> None:
    runs = runs_of(
        run_of("seasons", 100, 1),
        run_of("chain", 400, 1),
        run_of("chain", 100, 1),
        run_of("chain", 100, 2),
        run_of("excited", 100, 1),
    )
    assert uses_of(runs) == ["choosing", "judging"]
    lines = [(world, size, len(of_line)) for world, size, of_line in lines_of(runs, "choosing")]
    assert lines == [
        ("chain", "100", 2),
        ("chain", "400", 1),
        ("chain", "all", 3),
        ("excited", "100", 1),
        ("all choosing", "all", 4),
    ]
    assert [line[:2] for line in lines_of(runs, "judging")] == [("seasons", "100")]
    assert [table.title for table in summary_tables(runs)] == list(TITLES.values())


def test_the_table_tells_use_figures_and_refusals() -> None:
    band = BandFigures(40, 0.2, 0.25, 1.12, 0.3, 0.4, 0.2, 0.6)
    runs = runs_of(
        run_of(seed=1, hot=horizon_of(0.2, 0.4, top=1.3, band=band), processor_seconds=6.0),
        run_of(seed=2, hot=horizon_of(0.3, 0.4, top=1.3, band=band), processor_seconds=8.0),
        run_of(seed=3, refused="too few"),
    )
    (table,) = summary_tables(runs)
    assert str(table.title).startswith("choosing: choices may be made")
    hot, warm = printed(table)
    assert hot[:3] == ["chain", "100", "hot"]
    assert hot[3].startswith("0.25 (-0.39…0.89)")
    assert hot[4:] == [
        "0.43", hot[5], "1.05", "1.30", "1.12", "0.80", "2/2", "0.30", "0.75", "1.50", "7.0", "1/3",
    ]  # fmt: skip
    assert hot[5].startswith("0.61 (")
    assert warm[2] == "warm"


def test_a_comparison_tells_each_pair_and_both_together() -> None:
    pairs = [
        (
            run_of(seed=seed, hot=horizon_of(ours), processor_seconds=3.0),
            run_of(seed=seed, hot=horizon_of(0.4), processor_seconds=6.0),
        )
        for seed, ours in ((1, 0.2), (2, 0.8), (3, 0.1))
    ] + [(run_of(seed=4), run_of(seed=4, refused="too few"))]
    rows = printed(pairs_table(list(reversed(pairs))))
    assert [row[3] for row in rows] == ["0.500", "2.000", "0.250", "–"]
    assert [row[5] for row in rows] == ["0.50"] * 3 + ["–"]
    assert rows[-1][6:] == ["", "refused"]
    (table,) = comparison_tables(pairs)
    hot, _ = printed(table)
    assert hot[:3] == ["chain", "100", "hot"]
    assert hot[3].startswith("0.63 (")
    assert hot[4] == "2/3"
    assert hot[-2:] == ["0.50", "0 | 1 of 4"]


def test_goals_are_about_worlds_that_judge_and_not_about_the_smallest_exports() -> None:
    assert goal_figures(runs_of(run_of("chain"), run_of("seasons", 30))) == []
    good = horizon_of(
        0.3, 0.5, top=1.0, groups=GroupFigures(10, 1, 1),
        band=BandFigures(40, 0.2, 0.25, 1.1, 0.36, 0.4, 0.2, 0.6),
    )  # fmt: skip
    runs = [run_of("seasons", 60, seed, hot=good, warm=good) for seed in (1, 2)]
    figures = goal_figures(runs_of(*runs))
    assert {figure.verdict for figure in figures} == {"ok"}
    assert len(figures) == 19
    bad = horizon_of(
        0.5, 0.5, top=1.3, groups=GroupFigures(10, 3, 1),
        band=BandFigures(40, 0.2, 0.15, 1.2, 0.2, 0.4, 0.3, 0.6),
    )  # fmt: skip
    runs = [run_of("persons", 60, seed, hot=bad, warm=good) for seed in (1, 2)]
    runs.append(run_of("persons", 60, 3, refused="too few"))
    missed = [one.what for one in goal_figures(runs_of(*runs)) if one.verdict == "missed"]
    assert missed == [
        "trainings refused",
        "hot: excess log loss over the peer's",
        "hot: said ÷ true in the top 2 %",
        "hot: said ÷ true in the band",
        "hot: share of groups held",
        "hot: share of promises kept",
        "hot: reach over what the order can be shown to bear",
    ]


def test_goals_that_nothing_was_measured_for_say_so() -> None:
    runs = runs_of(run_of("seasons", 60, 1, refused="too few"))
    figures = goal_figures(runs)
    assert [figure.verdict for figure in figures] == ["missed"] + ["skipped"] * 18
    assert refusal_lines(runs) == ["seasons, 60 conversions, seed 1: too few"]
