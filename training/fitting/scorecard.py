"""Learning a points card from the customers so far: which qualities, how many points.

Every feature that a person can read is cut into a few bins at plain numbers, blind to the outcome.
What a bin says is its weight of evidence, drawn towards nothing where few leads converted, and in
one direction only where more of a thing should not be now better and now worse. The most telling
features are taken one after the other, one of each signal, and weighed together, so that what two
of them say alike is not counted twice. The weights become whole numbers.

Which qualities a hundred conversions favour is largely luck. So the outcomes are drawn towards what
a logistic regression on all features says of each look, which is less moved by luck than any choice
of a dozen: on made-up CRMs that took a fifth off the card's excess log loss with 30 converting
leads, and a twentieth with 170.

References
----------
L. C. Thomas, J. N. Crook, D. B. Edelman, *Credit Scoring and Its Applications*, SIAM (2017),
doi:10.1137/1.9781611974560.
G. Hinton, O. Vinyals, J. Dean, *Distilling the knowledge in a neural network* (2015),
arXiv:1503.02531.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from features.arrays import Bool, Float64, Int64
from features.language.kinds import (
    AttributeCategory,
    AttributeNumber,
    Calendar,
    DaysSinceAttribute,
    Decayed,
    Feature,
    Gap,
    LatestValue,
    LeadAge,
    Rate,
    Share,
    Trend,
)
from features.language.spec import Spec
from features.language.wording import signal
from models.calibration import sigmoid
from models.predictors.scorecard import Characteristic, Scorecard, scorecard_from_json

DOUBLING = 10.0
"""So many points double the odds: whole numbers of two digits are then fine enough."""
MOST_QUALITIES = 12
POINTS_BINS = 4
# Tried on made-up CRMs of 700 to 8,000 leads, seeds 2 to 7: all of it matters little beside the
# share by which outcomes are drawn towards the regression's.
_DRAWN = 0.75
_PRIOR_CONVERSIONS = 5.0
_LEAST_GAIN = 0.5
_RIDGE = 1.0
_LEAST_SHARE = 0.005


def fit_scorecard(
    spec: Spec, matrix: Float64, converted: Bool, lead: Int64, regression: Float64
) -> Scorecard:
    """Points card of the fitting rows.

    Parameters
    ----------
    spec : Spec
        Its columns are those of `matrix`.
    matrix : float64 array of shape (rows, features)
        Features of each row.
    converted : bool array of shape (rows,)
        Whether each row's lead converted; both outcomes occur.
    lead : int64 array of shape (rows,)
        Index of each row's lead; evidence is counted in leads, not in rows.
    regression : float64 array of shape (rows,)
        Log-odds of a logistic regression of the same rows.

    Returns
    -------
    Scorecard
        The most telling quality first; without any, where nothing tells enough.
    """
    outcome = (1 - _DRAWN) * converted + _DRAWN * sigmoid(regression)
    rows_per_lead = converted.sum() / len(np.unique(lead[converted]))
    candidates = _candidates(spec, matrix, outcome, _PRIOR_CONVERSIONS * rows_per_lead)
    selected, weights, base = _chosen(spec, list(candidates), outcome, rows_per_lead)
    qualities = [
        _quality(candidate, weight * DOUBLING / math.log(2))
        for candidate, weight in zip(selected, weights, strict=True)
    ]
    telling = [quality for quality in qualities if any(quality.points)]
    return Scorecard(base, DOUBLING, tuple(sorted(telling, key=_spread)), len(spec.features))


def read_scorecard(path: Path, spec: Spec) -> Scorecard:
    """Card that a person has edited.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is not a card of this spec's features; the message names the quality.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist; [scorecard] names it. A bundle with a points card holds one "
            "as hot.json and warm.json: copy it there and edit its points."
        )
    try:
        return scorecard_from_json(json.loads(path.read_text(encoding="utf-8")), spec)
    except KeyError as error:
        raise ValueError(f"{path} is no points card: the key {error} is missing.") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is no points card: {error}") from error


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A feature in bins, with the evidence of each: by how much it moves the log-odds."""

    column: int
    edges: tuple[float, ...]
    bins: npt.NDArray[np.uint8]
    evidence: Float64
    shares: Float64


def _candidates(
    spec: Spec, matrix: Float64, outcome: Float64, prior: float
) -> Iterator[_Candidate]:
    base = float(outcome.mean())
    for column, feature in enumerate(spec.features):
        plain_edges = _edges(feature, matrix[:, column])
        if plain_edges is None:
            continue
        edges, bins = plain_edges, _bins(plain_edges, matrix[:, column])
        if _one_way(feature):
            edges = _merged(edges, bins, outcome)
            bins = _bins(edges, matrix[:, column])
        rows = np.bincount(bins, minlength=len(edges) + 2).astype(np.float64)
        conversions = np.bincount(bins, weights=outcome, minlength=len(edges) + 2)
        rate = (conversions + prior) / (rows + prior / base)
        evidence = np.log(rate / (1 - rate)) - math.log(base / (1 - base))
        if np.count_nonzero(rows) > 1:
            yield _Candidate(column, edges, bins, evidence, rows / rows.sum())


def _bins(edges: Sequence[float], values: Float64) -> npt.NDArray[np.uint8]:
    points = (0,) * (len(edges) + 2)
    shares = (1.0, *(0.0,) * (len(edges) + 1))
    return Characteristic(0, tuple(edges), points, shares).bins(values).astype(np.uint8)


def _edges(feature: Feature, values: Float64) -> tuple[float, ...] | None:
    """Where a feature's bins begin, by its values alone; None for one that no person would count.

    Levels are bins of their own. Of a number that is often at its least, such as a count of 0, that
    is one bin; the others hold about equally many looks and begin at numbers of two digits.
    """
    match feature:
        case AttributeCategory(_, levels) | LatestValue(_, _, levels):
            return tuple(float(level) for level in range(1, len(levels) + 1))
        case Calendar() | Rate() | Trend() | Decayed() | Gap() | Share():
            return None
    observed = values[~np.isnan(values)]
    if len(observed) == 0:
        return None
    least = observed.min()
    above = observed[observed > least]
    if len(above) < (1 - 1 / POINTS_BINS) * len(observed):
        cuts = np.linspace(0, 1, POINTS_BINS)[:-1]  # 0 is the least value above
        quantiles = np.quantile(above, cuts).tolist() if len(above) else []
    else:
        quantiles = np.quantile(observed, np.linspace(0, 1, POINTS_BINS + 1)[1:-1]).tolist()
    plain = sorted({float(f"{edge:.2g}") for edge in quantiles})
    return tuple(e for e in plain if e > least and (observed >= e).mean() >= _LEAST_SHARE)


def _one_way(feature: Feature) -> bool:
    """Whether more of it should be better throughout, or worse throughout."""
    match feature:
        case AttributeCategory() | LatestValue() | LeadAge():
            return False
        case AttributeNumber() | DaysSinceAttribute():
            return False
        case _:
            return True


def _merged(
    edges: tuple[float, ...], bins: npt.NDArray[np.uint8], outcome: Float64
) -> tuple[float, ...]:
    """Edges that are left when neighbours out of order become one bin, rising or falling.

    Of the two directions it is the one that explains the outcome better.
    """
    count = len(edges) + 1
    rows = np.bincount(bins, minlength=count)[:count].tolist()
    conversions = np.bincount(bins, weights=outcome, minlength=count)[:count].tolist()
    pooled = [_pooled(edges, rows, conversions, sign) for sign in (1.0, -1.0)]
    return max(pooled, key=lambda pooling: pooling[0])[1]


def _pooled(
    edges: tuple[float, ...], rows: list[float], conversions: list[float], sign: float
) -> tuple[float, tuple[float, ...]]:
    """Log-likelihood and edges after pooling adjacent violators."""
    pools: list[tuple[float, float, float]] = []  # where it begins, conversions, rows
    for start, positive, number in zip((-math.inf, *edges), conversions, rows, strict=True):
        pool = (start, positive, number)
        while pools and (sign * pools[-1][1] * pool[2] >= sign * pool[1] * pools[-1][2]):
            previous = pools.pop()
            pool = (previous[0], previous[1] + pool[1], previous[2] + pool[2])
        pools.append(pool)
    log_likelihood = sum(
        k * math.log(k / n) + (n - k) * math.log(1 - k / n) for _, k, n in pools if 0 < k < n
    )
    return log_likelihood, tuple(start for start, _, _ in pools[1:])


def _chosen(
    spec: Spec, candidates: list[_Candidate], outcome: Float64, rows_per_lead: float
) -> tuple[list[_Candidate], Float64, float]:
    """Most telling candidates, their weights, and the log-odds where none of them says anything.

    Each is the one of the greatest score statistic beside those before it, counted in leads.
    """
    selected: list[_Candidate] = []
    weights, base = _weighed(selected, outcome, np.empty(0))
    while len(selected) < MOST_QUALITIES:
        log_odds = base + sum(
            (
                weight * candidate.evidence[candidate.bins]
                for candidate, weight in zip(selected, weights, strict=True)
            ),
            start=np.zeros(len(outcome)),
        )
        selected_signals = {signal(spec.features[candidate.column]) for candidate in selected}
        free = [
            candidate
            for candidate in candidates
            if signal(spec.features[candidate.column]) not in selected_signals
        ]
        probability = sigmoid(log_odds)
        gains = [_gain(candidate, outcome, probability) / rows_per_lead for candidate in free]
        if max(gains, default=0.0) < _LEAST_GAIN:
            break
        selected.append(free[int(np.argmax(gains))])
        weights, base = _weighed(selected, outcome, np.append(weights, 0.5))
    return selected, weights, base


def _gain(candidate: _Candidate, outcome: Float64, probability: Float64) -> float:
    """Score statistic: how much a candidate would explain of what is left to explain."""
    residual = np.bincount(candidate.bins, outcome - probability, minlength=len(candidate.evidence))
    weight = np.bincount(
        candidate.bins, probability * (1 - probability), minlength=len(candidate.evidence)
    )
    slope = float(residual @ candidate.evidence)
    centred = candidate.evidence - weight @ candidate.evidence / weight.sum()
    information = float(weight @ centred**2)
    return slope * slope / information if slope > 0 and information > 0 else 0.0


def _weighed(
    selected: Sequence[_Candidate], outcome: Float64, guess: Float64
) -> tuple[Float64, float]:
    """Weights, none negative, and intercept of a logistic regression on the chosen evidence.

    The search for them begins at a guess. A negative weight would turn around what a quality shows
    by itself; it is 0 instead.
    """
    design = np.column_stack(
        [*(candidate.evidence[candidate.bins] for candidate in selected), np.ones(len(outcome))]
    )
    base = float(outcome.mean())
    start = np.append(guess, math.log(base / (1 - base)))

    def loss(parameters: Float64) -> tuple[float, Float64]:
        log_odds = design @ parameters
        penalty = np.append(parameters[:-1], 0.0) / _RIDGE
        value = np.logaddexp(0.0, log_odds).sum() - outcome @ log_odds + penalty @ parameters / 2
        return value, design.T @ (sigmoid(log_odds) - outcome) + penalty

    bounds = [(0.0, None)] * len(selected) + [(None, None)]
    parameters = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return parameters[:-1], float(parameters[-1])


def _quality(candidate: _Candidate, points_of_evidence: float) -> Characteristic:
    points = [round(float(value)) for value in points_of_evidence * candidate.evidence]
    return Characteristic(
        candidate.column, candidate.edges, tuple(points), tuple(candidate.shares.tolist())
    )


def _spread(quality: Characteristic) -> float:
    """Minus the variance of the points among looks: the least belongs to the most telling one."""
    deviation = np.array(quality.points) - quality.average
    return -float(np.array(quality.shares) @ deviation**2)
