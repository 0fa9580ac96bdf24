"""Two predictors on the same rows: how much better one is, and whether that is more than luck.

Both are judged on the same leads, drawn again and again with replacement, each time the same leads
for both. What makes a period hard or easy then cancels, and the interval is that of the difference
alone: far narrower than two separate intervals would suggest. Whole leads are drawn, because the
rows of one lead foresee the same purchase. Baselines and the promotion of a new model are both
judged by this.

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
"""Figure of rows that count as often as their weights say; NaN where it cannot be told."""

REPLICATES = 200
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of probabilities against outcomes, for rows of any weights.

    Parameters
    ----------
    name : str
        In words.
    prepare : callable
        Takes outcomes and probabilities, of shape (rows,), and returns the figure as a function of
        the rows' weights; so what does not depend on the weights, such as an order, is done once.
    higher_is_better : bool

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
    converted : bool array of shape (rows,)
    lead : int64 array of shape (rows,)
        Which rows belong together; they are drawn together.
    predictor : float64 array of shape (rows,)
        Probabilities of the first predictor.
    rivals : mapping of str to float64 array of shape (rows,)
        Probabilities of the others for the same rows.
    seed : int
    replicates : int

    Returns
    -------
    dict of str to Difference or None
        None where the metric cannot be told for these rows, or where there are not two leads.

    Raises
    ------
    ValueError
        The arrays differ in length.
    """
    for name, one in {"lead": lead, "the predictor": predictor, **rivals}.items():
        if len(one) != len(converted):
            raise ValueError(
                f"Paired predictors must be of the same rows: there are {len(converted)} outcomes, "
                f"{len(one)} of {name}."
            )
    figures = [metric.prepare(converted, one) for one in (predictor, *rivals.values())]
    sign = 1.0 if metric.higher_is_better else -1.0
    told = np.array([figure(np.ones(len(converted))) for figure in figures])
    drawn = np.array(
        [[figure(w) for figure in figures] for w in lead_resamples(lead, replicates, seed)]
    ).reshape(-1, len(figures))
    return {
        name: _difference(sign * (told[0] - told[i]), sign * (drawn[:, 0] - drawn[:, i]))
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
    """Weights of rows, shape (rows,): how often each row's lead was drawn, replicate by replicate.

    As many leads are drawn as there are, with replacement; with fewer than two leads there is
    nothing to draw, and no replicate.
    """
    found, row = np.unique(lead, return_inverse=True)
    if len(found) < 2:
        return
    random = np.random.default_rng(seed)
    for _ in range(replicates):
        drawn = random.integers(len(found), size=len(found))
        yield np.bincount(drawn, minlength=len(found)).astype(np.float64)[row]


def _difference(advantage: float, drawn: Float64) -> Difference | None:
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0 or not np.isfinite(advantage):
        return None
    low, high = np.quantile(drawn, [_TAIL, 1 - _TAIL])
    wins = (drawn > 0).mean() + (drawn == 0).mean() / 2
    # Adding 0.0 makes a −0.0 of equals a plain 0.0.
    told = (float(value) + 0.0 for value in (advantage, low, high, wins))
    return Difference(*told)


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
    given = np.where(converted, probability, 1 - probability)
    loss = -np.log(np.maximum(given, np.finfo(np.float64).eps))

    def weighted(weight: Float64) -> float:
        total = weight.sum()
        return float(weight @ loss / total) if total > 0 else float("nan")

    return weighted


AUC = Metric("AUC", _auc, higher_is_better=True)
LOG_LOSS = Metric("log loss", _log_loss, higher_is_better=False)
