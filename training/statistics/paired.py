"""Two predictors on the same rows: how much better one is, and whether that is more than luck.

The paired bootstrap draws leads with replacement, again and again, and judges both predictors on
the same drawn leads. What makes a period hard or easy then cancels out, and the interval is that of
the difference alone, far narrower than two separate intervals suggest. Whole leads are drawn
because the rows of one lead foresee the same purchase. Baselines and the promotion of a new model
are judged by this comparison.

References
----------
B. Efron, R. Tibshirani, *An Introduction to the Bootstrap*, Chapman & Hall (1993),
doi:10.1201/9780429246593.
C. A. Field, A. H. Welsh, *Bootstrapping clustered data*, Journal of the Royal Statistical Society B
69 (2007), doi:10.1111/j.1467-9868.2007.00593.x.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Float64, Int64

WeightedFigure = Callable[[Float64], float]
"""Function from weights of rows, shape (rows,), to the weighted figure; NaN where it is
undefined."""

REPLICATES = 200
"""Number of bootstrap draws."""
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of probabilities against outcomes, for rows of any weights.

    Parameters
    ----------
    name : str
        Name in words, such as "log loss".
    prepare : callable
        Takes outcomes and probabilities, of shape (rows,), and returns the figure as a function of
        the rows' weights; so what does not depend on the weights, such as an order, is done once.
    higher_is_better : bool
        Whether a predictor with the higher figure is the better one.

    Examples
    --------
    >>> share = Metric("hits", lambda c, p: lambda w: float(w @ ((p > 0.5) == c) / w.sum()), True)
    >>> outcomes, guesses = np.array([True, False]), np.array([0.9, 0.8])
    >>> share.prepare(outcomes, guesses)(np.array([3.0, 1.0]))
    0.75
    """

    name: str
    prepare: Callable[[Bool, Float64], WeightedFigure]
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one predictor is than another on the same rows.

    Parameters
    ----------
    advantage : float
        In the metric's own unit, positive where the first predictor is the better one.
    low, high : float
        95 % interval of the advantage.
    wins : float
        Share of replicates in which the first predictor is the better one; a tie counts half.
    """

    advantage: float
    low: float
    high: float
    wins: float

    @property
    def surely_better(self) -> bool:
        """Whether the whole interval speaks for the first predictor."""
        return self.low > 0

    @property
    def surely_worse(self) -> bool:
        """Whether the whole interval speaks for the second one."""
        return self.high < 0


def paired_differences(
    metric: Metric,
    converted: Bool,
    lead: Int64,
    predictor: Float64,
    rivals: Mapping[str, Float64],
    seed: int,
    replicates: int = REPLICATES,
) -> dict[str, Difference | None]:
    """Advantage of a predictor over each of its rivals, by the paired bootstrap over leads.

    Parameters
    ----------
    metric : Metric
        Figure by which the predictors are compared.
    converted : bool array of shape (rows,)
        Whether the lead converted within the horizon.
    lead : int64 array of shape (rows,)
        Lead of each row; rows of one lead are drawn together.
    predictor : float64 array of shape (rows,)
        Probabilities of the first predictor.
    rivals : mapping of str to float64 array of shape (rows,)
        Probabilities of the others for the same rows.
    seed : int
        Seed of the draws; the same seed gives the same interval.
    replicates : int
        Number of draws.

    Returns
    -------
    dict of str to Difference or None
        None where the metric is undefined for these rows, or where there are fewer than two leads.

    Raises
    ------
    ValueError
        The arrays differ in length.
    """
    for name, values in {"lead": lead, "the predictor": predictor, **rivals}.items():
        if len(values) != len(converted):
            raise ValueError(
                f"Paired predictors must be of the same rows: there are {len(converted)} outcomes, "
                f"{len(values)} of {name}."
            )
    figures = [metric.prepare(converted, one) for one in (predictor, *rivals.values())]
    sign = 1.0 if metric.higher_is_better else -1.0
    estimates = np.array([figure(np.ones(len(converted))) for figure in figures])
    replicated = np.array(
        [[figure(w) for figure in figures] for w in lead_resamples(lead, replicates, seed)]
    ).reshape(-1, len(figures))
    return {
        name: _difference(
            sign * (estimates[0] - estimates[i]), sign * (replicated[:, 0] - replicated[:, i])
        )
        for i, name in enumerate(rivals, start=1)
    }


def paired_difference(
    metric: Metric,
    converted: Bool,
    lead: Int64,
    first: Float64,
    second: Float64,
    seed: int,
    replicates: int = REPLICATES,
) -> Difference | None:
    """Advantage of one predictor over another; see `paired_differences`."""
    rivals = {"second": second}
    return paired_differences(metric, converted, lead, first, rivals, seed, replicates)["second"]


def lead_resamples(lead: Int64, replicates: int, seed: int) -> Iterator[Float64]:
    """Weights of rows, shape (rows,), one array a replicate: how often each row's lead was drawn.

    Every replicate draws as many leads as there are, with replacement. With fewer than two leads
    there is no replicate.
    """
    unique_leads, lead_index = np.unique(lead, return_inverse=True)
    leads = len(unique_leads)
    if leads < 2:
        return
    random = np.random.default_rng(seed)
    for _ in range(replicates):
        draws = random.integers(leads, size=leads)
        yield np.bincount(draws, minlength=leads).astype(np.float64)[lead_index]


def _difference(advantage: float, replicated: Float64) -> Difference | None:
    replicated = replicated[np.isfinite(replicated)]
    if len(replicated) == 0 or not np.isfinite(advantage):
        return None
    low, high = np.quantile(replicated, [_TAIL, 1 - _TAIL])
    wins = (replicated > 0).mean() + (replicated == 0).mean() / 2
    # Adding 0.0 turns the −0.0 of equal predictors into a plain 0.0.
    return Difference(
        advantage=float(advantage) + 0.0,
        low=float(low) + 0.0,
        high=float(high) + 0.0,
        wins=float(wins) + 0.0,
    )


def _auc(converted: Bool, probability: Float64) -> WeightedFigure:
    """Share of pairs of a conversion and a non-conversion in order, ties counting half."""
    order = np.argsort(probability, kind="stable")
    positive = converted[order].astype(np.float64)
    last_of_equals = np.flatnonzero(np.diff(probability[order], append=np.nan) != 0)

    def weighted(weight: Float64) -> float:
        weight = weight[order]
        positives = np.append(0.0, np.cumsum(weight * positive)[last_of_equals])
        negatives = np.append(0.0, np.cumsum(weight)[last_of_equals]) - positives
        pairs = positives[-1] * negatives[-1]
        ordered = np.diff(positives) @ (negatives[1:] + negatives[:-1]) / 2
        return float(ordered / pairs) if pairs > 0 else float("nan")

    return weighted


def _log_loss(converted: Bool, probability: Float64) -> WeightedFigure:
    """Mean of −ln of the probability that was given to what happened, never more than −ln ε."""
    outcome_probability = np.where(converted, probability, 1 - probability)
    loss = -np.log(np.maximum(outcome_probability, np.finfo(np.float64).eps))

    def weighted(weight: Float64) -> float:
        total = weight.sum()
        return float(weight @ loss / total) if total > 0 else float("nan")

    return weighted


AUC = Metric("AUC", _auc, higher_is_better=True)
LOG_LOSS = Metric("log loss", _log_loss, higher_is_better=False)
