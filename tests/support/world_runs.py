"""Runs of `benchmarks.worlds` with figures set by hand."""

from benchmarks.worlds_figures import BandFigures, GroupFigures, PredictionFigures
from benchmarks.worlds_run import HorizonFigures, ModelFigures, Run, Task

GROUPS = GroupFigures(10, 1, 1)
BAND = BandFigures(40, 0.2, 0.25, 1.1, 0.3, 0.4, 0.2, 0.6)


def horizon_of(
    excess: float | None,
    peer_excess: float = 0.5,
    top: float = 1.2,
    groups: GroupFigures = GROUPS,
    band: BandFigures = BAND,
    true: float = 0.05,
) -> HorizonFigures:
    """Figures of a horizon; without an excess those of a training that refused."""
    model = None
    if excess is not None:
        model = ModelFigures(PredictionFigures(excess, 1.05, top), groups, band)
    return HorizonFigures(0.04, 0.03, true, PredictionFigures(peer_excess, 0.9, 1.5), model)


def run_of(
    world: str = "chain",
    size: int = 100,
    seed: int = 1,
    hot: HorizonFigures | None = None,
    warm: HorizonFigures | None = None,
    refused: str = "",
    processor_seconds: float = 4.0,
    code: str = "today",
    looks: int = 1_000,
) -> Run:
    """A run; its horizons follow from `refused` where they are not given."""
    default = horizon_of(None if refused else 0.3)
    return Run(
        task=Task(world, size, 10 * size, seed),
        code=code,
        cut="2025-10-03T00:00:00+00:00",
        conversions=size,
        looks=looks,
        judged_leads=looks // 4,
        refused=refused,
        kind="" if refused else "Blend",
        quarantined=(),
        processor_seconds=processor_seconds,
        peak_mebibytes=300.0,
        hot=hot or default,
        warm=warm or default,
    )


def runs_of(*runs: Run) -> dict[Task, Run]:
    """Runs by their tasks."""
    return {run.task: run for run in runs}
