"""From loads to the figures that have goals."""

from collections.abc import Callable, Mapping

from benchmarks.quality_table import AtLeast, AtMost, Figure
from benchmarks.serving_data import BATCH
from benchmarks.serving_load import Run

Runs = Mapping[tuple[str, int], Run]
"""By the name of the contestant and the number of connections."""
AT = 8
"""Connections at which servers are compared."""
FAILED = "some of its requests failed, see the table"


def load_figures(runs: Runs) -> list[Figure]:
    """What the goals are about; a figure that could not be measured says why.

    Parameters
    ----------
    runs : mapping of (contestant, connections) to Run
    """
    bare = runs["bare endpoint", AT]
    figures = [
        _ratio(runs, "ours without reasons", "bare endpoint", 0.6),
        _ratio(runs, "ours with reasons", "bare endpoint", 0.2),
        _ratio(runs, "ours with reasons and a ledger", "ours with reasons", 0.95),
    ]
    figures += [
        _ratio(runs, "ours with reasons", name, 15.0 if name.startswith("MLflow") else None)
        for name, connections in runs
        if connections == AT and not name.startswith(("ours", "bare"))
    ]
    for name in ("ours without reasons", "ours with reasons"):
        run = runs[name, AT]
        what = f"p99 × that of the bare endpoint: {name}"
        figures.append(_figure(what, lambda r, b: r.p99_ms / b.p99_ms, AtMost(3.0), run, bare))
    batch = runs["ours, batches of 1,000", 1]
    for connections, how in ((1, "one by one"), (AT, f"on {AT} connections")):
        single = runs["ours with reasons", connections]
        what = f"leads/s in batches of 1,000 × those of single requests {how}, with reasons"
        figures.append(_figure(what, _leads_per_single, AtLeast(5.0), batch, single))
    return figures


def _leads_per_single(batch: Run, single: Run) -> float:
    return BATCH * batch.per_second / single.per_second


def _ratio(runs: Runs, name: str, other: str, least: float | None) -> Figure:
    one, peer = runs[name, AT], runs[other, AT]
    goal = None if least is None else AtLeast(least)
    return _figure(f"{name} × {other}", lambda o, p: o.per_second / p.per_second, goal, one, peer)


def _figure(
    what: str,
    ratio: Callable[[Run, Run], float],
    goal: AtLeast | AtMost | None,
    one: Run,
    other: Run,
) -> Figure:
    about = f"requests/s at {AT} connections"
    if one.failed or other.failed:  # what answered nothing has no ratio
        return Figure(about, what, None, goal=goal, note=FAILED)
    return Figure(about, what, ratio(one, other), goal=goal, places=2)
