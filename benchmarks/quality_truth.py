"""Synthetic truth: what a model says of leads whose true probabilities are known exactly.

Here, and only here, a model can be compared with the best that there could be, its probabilities
with the true ones in place of a handful of outcomes, its intervals with what they should hold, and
the promises of its bands with what is really so. Nothing was ever tuned on these seeds.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from benchmarks.quality_known import Known, known, made_up_export
from benchmarks.quality_table import AtLeast, AtMost, Figure
from features.arrays import Float64
from features.progress import Progress
from models.bands import HORIZONS
from models.policy import Capacity, promised_rate
from training.evaluation.reliability import judged_by_interval
from training.statistics.paired import REPLICATES, lead_resamples

SEED = 100
PROMISE_SEEDS = tuple(range(101, 121))
PROMISE_LEADS = 6_000
LEADS = 50_000
SMALL_LEADS, SMALL_SEEDS = 5_000, PROMISE_SEEDS[:2]
BINS = 10
MOST_EXCESS = 0.10
MOST_ERROR = 0.01
LEAST_COVERED = 0.90
LEAST_KEPT = 0.90


def truth_figures(small: bool, report_progress: Progress) -> list[Figure]:
    """Every figure that the truth allows.

    Parameters
    ----------
    small : bool
        Fewer leads and seeds.
    report_progress : callable
        Called with each stage, the number of its steps that are done, and their total.
    """
    leads = SMALL_LEADS if small else LEADS
    found = known(made_up_export(leads, SEED), report_progress)
    seeds = SMALL_SEEDS if small else PROMISE_SEEDS
    many, refused = {}, []
    for done, seed in enumerate(seeds, start=1):
        try:
            many[seed] = known(made_up_export(PROMISE_LEADS, seed))
        except ValueError as error:
            refused.append(f"seed {seed} refused: {error}")
        report_progress(f"seeds of {PROMISE_LEADS:,} leads", done, len(seeds))
    by_horizon = [{seed: one[i] for seed, one in many.items()} for i in range(len(HORIZONS))]
    about = f"{leads:,} made-up leads"
    by_seed = f"{len(seeds)} seeds of {PROMISE_LEADS:,} leads"
    return [
        *(figure for one in found for figure in excess_figures(one, about)),
        *(error_figure(one, about) for one in found),
        *(covered_figure([one], about) for one in found),
        *(covered_figure(models.values(), by_seed) for models in by_horizon),
        *(kept_figure(models, refused, by_seed) for models in by_horizon),
    ]


def excess_figures(known: Known, about: str) -> list[Figure]:
    """What the model loses beyond the truth, as a share of what the base rate loses.

    By the outcomes, as the goal has it, and in expectation over all outcomes that there could have
    been: the second is the same figure without the luck of this one draw.
    """
    truth = known.truth
    base = np.full(len(truth), known.base_rate)

    def share(outcome: Float64) -> Callable[[Float64], float]:
        ours, best, least = (_loss(outcome, p) for p in (known.probability, truth, base))
        return lambda weight: float(weight @ (ours - best) / (weight @ (least - best)))

    what = f"{known.horizon}: excess log loss over the base rate's"
    happened = known.judged.converted.astype(np.float64)
    ours, best, least = (float(_loss(happened, p).mean()) for p in (known.probability, truth, base))
    note = f"log loss {ours:.4f}, of the truth {best:.4f}, of the base rate {least:.4f}"
    return [
        _figure(about, what, share(happened), known, AtMost(MOST_EXCESS), note),
        _figure(about, f"{what}, in expectation", share(truth), known),
    ]


def error_figure(known: Known, about: str) -> Figure:
    """Calibration error against the true probability, over bins of equally many rows."""
    probability, bins = known.probability, np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(probability, bins))
    place = np.searchsorted(edges, probability, side="right")
    miss = probability - known.truth

    def error(weight: Float64) -> float:
        return float(np.abs(np.bincount(place, weight * miss)).sum() / weight.sum())

    what = f"{known.horizon}: calibration error against the truth"
    return _figure(about, what, error, known, AtMost(MOST_ERROR), places=4)


def covered_figure(found: Iterable[Known], about: str) -> Figure:
    """Share of groups whose promised interval holds the group's true rate."""
    models = list(found)
    enough = [group for one in models for group in judged_by_interval(list(one.groups))]
    below = sum(group.rate.observed < group.promised_low for group in enough)
    above = sum(group.rate.observed > group.promised_high for group in enough)
    return Figure(
        about,
        f"{models[0].horizon}: share of groups whose interval holds the truth",
        (len(enough) - above - below) / len(enough),
        goal=AtLeast(LEAST_COVERED),
        note=f"of {len(enough)} groups by score, age and attribute {below} truly lie below their "
        f"interval and {above} above",
    )


def kept_figure(by_seed: Mapping[int, Known], refused: Sequence[str], about: str) -> Figure:
    """Seeds in which a band's promised rate is not above what its leads truly convert at.

    Parameters
    ----------
    by_seed : mapping of int to Known
        Models of one horizon by seed.
    refused : sequence of str
        Why the trainings of other seeds refused; none of them has kept anything.
    about : str
    """
    promised, broken = 0, []
    horizon = ""
    for seed, one in by_seed.items():
        horizon = one.horizon
        rate, true = promise_and_truth(one)
        promised += true is not None
        if rate is not None and true is not None and true < rate:
            broken.append(f"seed {seed}: {100 * rate:.3g} % promised, {100 * true:.3g} % true")
    told = f"called {horizon} is anybody in {promised}"
    return Figure(
        about,
        f"{horizon}: seeds in which the band's promise is kept",
        len(by_seed) - len(broken),
        goal=AtLeast(math.ceil(LEAST_KEPT * (len(by_seed) + len(refused)))),
        note="; ".join([told, *broken, *refused]),
        places=0,
    )


def promise_and_truth(one: Known) -> tuple[float | None, float | None]:
    """Rate that a band promises, and the mean truth of the looks that are in it; None without."""
    if one.bundle.bands.cutoffs[one.horizon] is None:
        return None, None
    policy = one.bundle.bands.promises[one.horizon].policy
    if isinstance(policy, Capacity):
        raise TypeError(f"The {one.horizon} band must promise a rate, it promises {policy}.")
    inside = one.scores.band == one.horizon
    return promised_rate(policy), float(one.truth[inside].mean()) if inside.any() else None


def _loss(outcome: Float64, probability: Float64) -> Float64:
    """Log loss of each row; an outcome may be a probability, then it is the expected one."""
    p = np.clip(probability, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    return -(outcome * np.log(p) + (1 - outcome) * np.log1p(-p))


def _figure(
    about: str,
    what: str,
    figure: Callable[[Float64], float],
    known: Known,
    goal: AtMost | None = None,
    note: str = "",
    places: int = 3,
) -> Figure:
    """Figure with its 95 % interval, by drawing whole leads again and again."""
    lead = known.judged.lead
    drawn = [figure(weight) for weight in lead_resamples(lead, REPLICATES, SEED)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = figure(np.ones(len(lead)))
    return Figure(about, what, value, float(low), float(high), goal, note, places)
