"""Looks after a refusal win what they are for, and take nothing from leads that are open."""

from io import StringIO

import pytest
from rich.console import Console

from benchmarks.worlds_figures import PredictionFigures
from benchmarks.worlds_refusals import RefusalFigures, refusal_figures, refusal_table


def figures_of(days: float | None, *, refused: bool, excess: float) -> RefusalFigures:
    return RefusalFigures(days, refused, "hot", 100, 0.01, PredictionFigures(excess, 0.9, 1.0))


def test_a_line_is_the_mean_of_the_seeds() -> None:
    figures = [
        figures_of(days, refused=refused, excess=excess)
        for excess in (0.2, 0.4)
        for days in (90.0, None)
        for refused in (True, False)
    ]
    console = Console(width=120, record=True, file=StringIO())
    console.print(refusal_table(figures))
    lines = [
        line.split("│")[1:-1]
        for line in console.export_text().splitlines()
        if " leads " in line and "│" in line
    ]
    assert [[cell.strip() for cell in line] for line in lines] == [
        [f"{kind} leads", "hot", days, "200", "0.010", "0.300", "0.900"]
        for kind in ("open", "refused")
        for days in ("none", "90")
    ]


@pytest.mark.slow
def test_refused_leads_are_told_apart_and_open_ones_as_well_as_before() -> None:
    figures = refusal_figures(1_500, 11, [90.0])
    excess = {
        (one.after_refusal_days, one.refused, one.horizon): one.predictions.excess
        for one in figures
    }
    for horizon in ("hot", "warm"):
        assert excess[90.0, True, horizon] < 0.85 * excess[None, True, horizon]
        assert excess[90.0, True, horizon] < 0.6
        assert excess[90.0, False, horizon] < 1.15 * excess[None, False, horizon]
    assert (
        0.6
        < next(
            one.predictions.said_over_true
            for one in figures
            if one.after_refusal_days and one.refused
        )
        < 1.6
    )
