"""Runs over seeds: means with intervals, for each world and size and for all worlds of one use.

A figure that is a ratio is averaged as a logarithm, so that 2 and 1/2 make 1; others as they are.
Intervals are Student's at 95 %, over seeds within a world and size; a count of kept promises has
the exact interval of Clopper and Pearson. With two seeds an interval is as wide as it must be.

References
----------
C. J. Clopper, E. S. Pearson, *The use of confidence or fiducial limits illustrated in the case of
the binomial*, Biometrika 26 (1934), doi:10.1093/biomet/26.4.404.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.worlds_run import Run

LEVEL = 0.95
"""Confidence of all intervals."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean over runs with its interval.

    Parameters
    ----------
    mean : float
        Mean, geometric for ratios.
    low, high : float or None
        95 % interval; None with one run.
    runs : int
        How many there are.
    """

    mean: float
    low: float | None
    high: float | None
    runs: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many of some runs did something.

    Parameters
    ----------
    hits, runs : int
        How many did, of how many.
    """

    hits: int
    runs: int

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's 95 % interval of the share; 0 to 1 without runs."""
        if self.runs == 0:
            return 0.0, 1.0
        ends = stats.binomtest(self.hits, self.runs).proportion_ci(LEVEL, method="exact")
        return float(ends.low), float(ends.high)


def mean_of(values: Iterable[float | None]) -> Estimate | None:
    """Arithmetic mean of the values that are there; None where none is.

    Examples
    --------
    >>> estimate = mean_of([1.0, None, 3.0])
    >>> estimate.mean, round(estimate.low, 2), round(estimate.high, 2)
    (2.0, -10.71, 14.71)
    """
    numbers = np.array([value for value in values if value is not None and math.isfinite(value)])
    if len(numbers) == 0:
        return None
    mean = float(numbers.mean())
    if len(numbers) == 1:
        return Estimate(mean, None, None, 1)
    error = float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(numbers) - 1)) * error
    return Estimate(mean, mean - half, mean + half, len(numbers))


def geometric_mean_of(values: Iterable[float | None]) -> Estimate | None:
    """Geometric mean of the positive values that are there; None where none is.

    Examples
    --------
    >>> round(geometric_mean_of([0.5, 2.0, None]).mean, 12)
    1.0
    """
    logs = mean_of(math.log(value) if value else None for value in values)
    if logs is None:
        return None
    low, high = (None if end is None else math.exp(end) for end in (logs.low, logs.high))
    return Estimate(math.exp(logs.mean), low, high, logs.runs)


def ratio_of_sums(pairs: Iterable[tuple[float, float | None]]) -> Estimate | None:
    """Sum of the first numbers over that of the second ones; None where that says nothing.

    Its error is that of a ratio estimator, from the residuals of the first numbers.

    Parameters
    ----------
    pairs : iterable of (float, float or None)
        Those without a second number are left out.

    References
    ----------
    W. G. Cochran, *Sampling Techniques*, 3rd edition, Wiley (1977), section 2.11.

    Examples
    --------
    >>> ratio_of_sums([(0.1, 0.2), (0.3, 0.6), (0.4, None)])
    Estimate(mean=0.5, low=0.5, high=0.5, runs=2)
    """
    numbers = np.array([pair for pair in pairs if pair[1] is not None], np.float64).reshape(-1, 2)
    numerator, denominator = numbers.T
    if denominator.sum() <= 0:
        return None
    ratio, runs = float(numerator.sum() / denominator.sum()), len(numbers)
    if runs == 1:
        return Estimate(ratio, None, None, 1)
    spread = math.sqrt(float(((numerator - ratio * denominator) ** 2).sum()) / (runs - 1))
    error = spread / (math.sqrt(runs) * float(denominator.mean()))
    half = float(stats.t.ppf((1 + LEVEL) / 2, runs - 1)) * error
    return Estimate(ratio, ratio - half, ratio + half, runs)


def relative_to(first: float, second: float) -> float | None:
    """First over second; None where that says nothing.

    Examples
    --------
    >>> relative_to(1.0, 4.0), relative_to(1.0, 0.0)
    (0.25, None)
    """
    return first / second if second > 0 else None


@dataclass(frozen=True, slots=True)
class HorizonSummary:
    """One horizon of some runs.

    Parameters
    ----------
    excess, peer_excess : Estimate or None
        Excess log loss as a share of the base rate's, by the training and by the peer; the peer's
        also where the training refused.
    over_peer : Estimate or None
        Ratio of the two, run by run.
    said_over_true, said_over_true_top, said_over_true_band : Estimate or None
        Mean probability over mean truth: of all looks, of the top 2 %, and in the band.
    peer_said_over_true_top : Estimate or None
        The peer's, of its own top 2 %.
    held : Estimate or None
        Share of groups whose interval holds their mean truth.
    promises_kept : Count
        Runs whose band promised a rate and kept it, of those that promised one and hold anybody.
    reach, bearable, reach_by_truth : Estimate or None
        Share of the expected buyers in the band or a hotter one; what the model's order bears at
        the promised rate, and what that of the truth bears.
    reach_over_bearable, reach_over_provable : Estimate or None
        Sum of the reaches over the sum of what the orders bear, and of what they can be shown to
        bear, of runs whose band promises a rate.
    """

    excess: Estimate | None
    peer_excess: Estimate | None
    over_peer: Estimate | None
    said_over_true: Estimate | None
    said_over_true_top: Estimate | None
    said_over_true_band: Estimate | None
    peer_said_over_true_top: Estimate | None
    held: Estimate | None
    promises_kept: Count
    reach: Estimate | None
    bearable: Estimate | None
    reach_by_truth: Estimate | None
    reach_over_bearable: Estimate | None
    reach_over_provable: Estimate | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What some runs have shown together.

    Parameters
    ----------
    runs : int
        How many there are.
    refused : int
        How many of them refused to train.
    processor_seconds : Estimate or None
        What a training took that did not refuse.
    hot, warm : HorizonSummary
        Figures by horizon, of the runs that did not refuse but for the peer's excess.
    """

    runs: int
    refused: int
    processor_seconds: Estimate | None
    hot: HorizonSummary
    warm: HorizonSummary

    def horizon(self, name: str) -> HorizonSummary:
        """The horizon named "hot" or "warm"."""
        return {"hot": self.hot, "warm": self.warm}[name]


def summary_of(runs: Sequence[Run]) -> Summary:
    """What some runs have shown together.

    Parameters
    ----------
    runs : sequence of Run
        Runs of one world and size, or of several.
    """
    trained = [run for run in runs if not run.refused]
    return Summary(
        runs=len(runs),
        refused=len(runs) - len(trained),
        processor_seconds=mean_of(run.processor_seconds for run in trained),
        hot=_horizon_summary(runs, "hot"),
        warm=_horizon_summary(runs, "warm"),
    )


def _horizon_summary(runs: Sequence[Run], name: str) -> HorizonSummary:
    horizons = [run.horizon(name) for run in runs if not run.refused]
    models = [horizon.model for horizon in horizons if horizon.model is not None]
    predictions = [model.predictions for model in models]
    bands = [model.band for model in models]
    peers = [horizon.peer for horizon in horizons]
    outcomes = [band.is_kept for band in bands if band.is_kept is not None]
    return HorizonSummary(
        excess=mean_of(one.excess for one in predictions),
        peer_excess=mean_of(run.horizon(name).peer.excess for run in runs),
        over_peer=geometric_mean_of(
            relative_to(model.excess, peer.excess)
            for model, peer in zip(predictions, peers, strict=True)
        ),
        said_over_true=geometric_mean_of(one.said_over_true for one in predictions),
        said_over_true_top=geometric_mean_of(one.said_over_true_top for one in predictions),
        said_over_true_band=geometric_mean_of(band.said_over_true for band in bands),
        peer_said_over_true_top=geometric_mean_of(peer.said_over_true_top for peer in peers),
        held=mean_of(model.groups.held for model in models),
        promises_kept=Count(sum(outcomes), len(outcomes)),
        reach=mean_of(band.reach for band in bands),
        bearable=mean_of(band.bearable for band in bands),
        reach_by_truth=mean_of(band.reach_by_truth for band in bands),
        reach_over_bearable=ratio_of_sums((band.reach, band.bearable) for band in bands),
        reach_over_provable=ratio_of_sums((band.reach, band.provable) for band in bands),
    )


@dataclass(frozen=True, slots=True)
class HorizonComparison:
    """One horizon of pairs of runs on the same leads.

    Parameters
    ----------
    excess_ratio : Estimate or None
        Excess log loss of the first over that of the second, pair by pair.
    wins : Count
        Pairs in which the first one's is less, of those in which both trained.
    held : tuple of Estimate or None
        Share of groups held, by the first and by the second.
    promises_kept : tuple of Count
        Promises kept by both.
    reach : tuple of Estimate or None
        Reach of both.
    said_over_true_top : tuple of Estimate or None
        Mean probability over mean truth in the top 2 % of both.
    """

    excess_ratio: Estimate | None
    wins: Count
    held: tuple[Estimate | None, Estimate | None]
    promises_kept: tuple[Count, Count]
    reach: tuple[Estimate | None, Estimate | None]
    said_over_true_top: tuple[Estimate | None, Estimate | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pairs of runs on the same leads.

    Parameters
    ----------
    pairs : int
        How many there are.
    refused : tuple of int
        How many refused, by the first and by the second.
    processor_ratio : Estimate or None
        Processor time of the first over that of the second, where both trained.
    hot, warm : HorizonComparison
        Figures by horizon, of the pairs in which both trained.
    """

    pairs: int
    refused: tuple[int, int]
    processor_ratio: Estimate | None
    hot: HorizonComparison
    warm: HorizonComparison

    def horizon(self, name: str) -> HorizonComparison:
        """The horizon named "hot" or "warm"."""
        return {"hot": self.hot, "warm": self.warm}[name]


def excess_ratio(first: Run, second: Run, horizon: str) -> float | None:
    """Excess log loss of one run over that of another; None where one of them refused.

    Parameters
    ----------
    first, second : Run
        Of the same task.
    horizon : {"hot", "warm"}
        Which of their figures.
    """
    model, rival = first.horizon(horizon).model, second.horizon(horizon).model
    if model is None or rival is None:
        return None
    return relative_to(model.predictions.excess, rival.predictions.excess)


def comparison_of(pairs: Sequence[tuple[Run, Run]]) -> Comparison:
    """What pairs of runs show together.

    Parameters
    ----------
    pairs : sequence of (Run, Run)
        Each of the same task.
    """
    trained = [pair for pair in pairs if not pair[0].refused and not pair[1].refused]
    sides = [summary_of([pair[side] for pair in trained]) for side in (0, 1)]
    return Comparison(
        pairs=len(pairs),
        refused=(sum(bool(a.refused) for a, _ in pairs), sum(bool(b.refused) for _, b in pairs)),
        processor_ratio=geometric_mean_of(
            relative_to(a.processor_seconds, b.processor_seconds) for a, b in trained
        ),
        hot=_horizon_comparison(trained, sides[0].hot, sides[1].hot, "hot"),
        warm=_horizon_comparison(trained, sides[0].warm, sides[1].warm, "warm"),
    )


def _horizon_comparison(
    trained: Sequence[tuple[Run, Run]], first: HorizonSummary, second: HorizonSummary, name: str
) -> HorizonComparison:
    ratios = [excess_ratio(run, rival, name) for run, rival in trained]
    numbers = [ratio for ratio in ratios if ratio is not None]
    return HorizonComparison(
        excess_ratio=geometric_mean_of(numbers),
        wins=Count(sum(ratio < 1 for ratio in numbers), len(numbers)),
        held=(first.held, second.held),
        promises_kept=(first.promises_kept, second.promises_kept),
        reach=(first.reach, second.reach),
        said_over_true_top=(first.said_over_true_top, second.said_over_true_top),
    )
