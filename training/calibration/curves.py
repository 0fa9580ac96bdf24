"""The curves that may turn margins into probabilities, and how sure each is.

Rows of one lead predict the same purchase, so a thousand rows of a hundred leads teach no more than
a few hundred would: the likelihood is raised to the power that makes its curvature agree with the
scatter of whole leads. The prior then weighs as much as it should, the curve does not chase a few
long-lived leads, and its posterior is as wide as the evidence. Slopes are learned as logarithms,
so that they stay positive without a wall to lean on.

References
----------
A. Niculescu-Mizil, R. Caruana, *Predicting good probabilities with supervised learning*, ICML
(2005), doi:10.1145/1102351.1102430. V. Vovk, I. Petej, *Venn-Abers predictors*, UAI (2014).
R. E. Chandler, S. Bate, *Inference for clustered data using the independence loglikelihood*,
Biometrika 94 (2007), doi:10.1093/biomet/asm015: likelihoods adjusted for clusters.
"""

import warnings
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

import numpy as np
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from features.arrays import Bool, Float64, Int64
from models.calibration import BetaCalibration, Calibration, StepCalibration, StepMethod, sigmoid

Curve: TypeAlias = Literal[
    "anchored", "beta", "wide_beta", "platt", "isotonic", "venn_abers", "base_rate"
]
CURVES: tuple[Curve, ...] = ("anchored", "beta", "wide_beta", "platt", "isotonic", "venn_abers")
"""Those that are chosen among; the first is the one to beat."""

VENN_ABERS_SCORES = 50
"""Venn-Abers fits two isotonic regressions for each distinct score: this many scores are enough."""
# Standard deviations of the prior: of the logarithm of the slopes, of half the difference between
# the two logarithms, of the shift. On made-up CRMs .2 to 1 for the second made no difference to the
# log loss beyond .0002; the narrow one keeps the sparse top from bending the curve.
_SLOPE, _NARROW, _WIDE, _SHIFT = 1.0, 0.35, 1.0, 3.0
ANCHORED_SD = 0.2
"""Prior standard deviation of both for the anchored curve. Margins of penalised fits are near the
truth, and a few hundred conversions say little of a slope; .1 to .4 were alike on made-up CRMs."""
EVIDENCE_POWER = 0.5
"""Power of the share of evidence that counts for slopes above 1; see `_anchored`."""
_NEAR = 1e-4
"""A logarithm of the posterior this near its maximum counts as the maximum."""


def fit_curve(
    method: Curve, margin: Float64, converted: Bool, lead: Int64, evidence_share: float = 1.0
) -> Calibration:
    """Calibration of one kind.

    Parameters
    ----------
    method : str
        Which kind.
    margin : float64 array of shape (rows,)
        Log-odds of each row, by predictors that were not fitted on it.
    converted : bool array of shape (rows,)
        Whether each row's lead converted within the horizon.
    lead : int64 array of shape (rows,)
        Index of each row's lead; evidence is counted in leads, not in rows.
    evidence_share : float, optional
        Converting leads that those predictors had learned from, as a share of those that the one
        to be calibrated has. The anchored curve asks for it.
    """
    match method:
        case "anchored":
            return _anchored(margin, converted, lead, evidence_share)
        case "beta":
            return _beta(margin, converted, lead, _NARROW)
        case "wide_beta":
            return _beta(margin, converted, lead, _WIDE)
        case "platt":
            return _beta(margin, converted, lead, None)
        case "isotonic":
            return _isotonic(margin, converted, lead)
        case "venn_abers":
            return _venn_abers(margin, converted, lead)
        case "base_rate":
            return base_rate(converted, lead)
        case _:
            assert_never(method)


def base_rate(converted: Bool, lead: Int64) -> StepCalibration:
    """One probability for everybody: the share of looks that were followed by a purchase.

    Half a lead is counted on either side, so that it is never 0 or 1.

    Parameters
    ----------
    converted : bool array of shape (rows,)
        Whether each row's lead converted within the horizon.
    lead : int64 array of shape (rows,)
        Index of each row's lead; evidence is counted in leads, not in rows.

    Examples
    --------
    >>> rate = base_rate(np.array([True, False, False, False]), np.arange(4))
    >>> rate.probability(np.array([-9.0, 9.0])).round(2).tolist()
    [0.3, 0.3]
    """
    leads, buyers = (len(np.unique(some)) for some in (lead, lead[converted]))
    share = float(converted.mean()) if leads else 0.5
    rate = (share * leads + 0.5) / (leads + 1)
    variance = 1 / (buyers + 0.5) + 1 / (leads - buyers + 0.5)
    return StepCalibration("isotonic", (), (float(np.log(rate / (1 - rate))),), (variance,))


def _anchored(
    margin: Float64, converted: Bool, lead: Int64, evidence_share: float
) -> BetaCalibration:
    """Beta calibration that leaves the mean predicted probability where it is.

    The margins come from fits at several instants, each with the level of its own past. They tell
    how much too sure such fits are; of the level of the latest fit they know less than it does.

    Fits that had little to learn from are drawn towards the base rate by their penalties, and ask
    for a slope s above 1. What a penalty λ makes of n converting leads is n / (n + λ) of the truth:
    s − 1 is λ / n, and of a fit with more of them it is that much less. Not all of it comes of
    that, so the root of the share of evidence is taken: on made-up worlds (chain, excited) and on
    the loan log it did as well as the share itself or better. To be too sure comes of times that
    change, for every fit alike, so slopes below 1 stay.
    """
    mean = float(sigmoid(margin).mean()) if len(margin) else 0.5
    anchor = np.array([np.log(mean / (1 - mean))])
    at_anchor = _bent(anchor)[0] * [1.0, 1.0, 0.0]
    posterior = _Posterior(
        _bent(margin) - at_anchor,
        converted,
        np.array([[1.0, 1.0], [1.0, -1.0], [0.0, 0.0]]),
        np.eye(2) / ANCHORED_SD**2,
        offset=float(anchor[0]),
    )
    rows_per_evidence = posterior.design_effect(posterior.mode(1.0), lead)
    mode = posterior.mode(1 / rows_per_evidence)
    slopes_of_fits = posterior.values(mode)[0][:2].tolist()
    excess = evidence_share**EVIDENCE_POWER
    a, b = (1 + (slope - 1) * (excess if slope > 1 else 1.0) for slope in slopes_of_fits)
    c = float(anchor[0] - at_anchor @ [a, b, 0.0])
    # The shift follows from the slopes: by their logarithms it falls as they pull at the anchor.
    follows = np.array([[1.0, 0.0], [0.0, 1.0], [-a * at_anchor[0], -b * at_anchor[1]]])
    slopes = posterior.covariance(mode, 1 / rows_per_evidence)[:2, :2]
    covariance = follows @ slopes @ follows.T
    covariance = (covariance + covariance.T) / 2
    return BetaCalibration(float(a), float(b), c, tuple(tuple(row) for row in covariance.tolist()))


def _bent(margin: Float64) -> Float64:
    """What a, b and c of a beta calibration are multiplied with, shape (rows, 3)."""
    return np.column_stack(
        [-np.logaddexp(0.0, -margin), np.logaddexp(0.0, margin), np.ones_like(margin)]
    )


def _beta(
    margin: Float64, converted: Bool, lead: Int64, asymmetry: float | None
) -> BetaCalibration:
    """Beta calibration with a normal prior at the identity, by its posterior mode.

    Parameters
    ----------
    margin, converted, lead : arrays of shape (rows,)
        Log-odds, outcome and lead of each row.
    asymmetry : float or None
        Standard deviation of the prior of half of ``ln a − ln b``; None keeps a = b.
    """
    if asymmetry is None:
        basis, deviations = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [_SLOPE, _SHIFT]
    else:
        basis = [[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
        deviations = [_SLOPE, asymmetry, _SHIFT]
    posterior = _Posterior(
        _bent(margin), converted, np.array(basis), np.diag(1 / np.square(deviations))
    )
    rows_per_evidence = posterior.design_effect(posterior.mode(1.0), lead)
    mode = posterior.mode(1 / rows_per_evidence)
    covariance = posterior.covariance(mode, 1 / rows_per_evidence)
    (a, b, c), _ = posterior.values(mode)
    return BetaCalibration(
        float(a), float(b), float(c), tuple(tuple(row) for row in covariance.tolist())
    )


@dataclass(frozen=True, slots=True)
class _Posterior:
    """Posterior of what (ln a, ln b, c) are made of.

    Parameters
    ----------
    bent : float64 array of shape (rows, 3)
        What a, b and c are multiplied with.
    converted : bool array of shape (rows,)
        Whether each row's lead converted within the horizon.
    basis : float64 array of shape (3, parameters)
        How (ln a, ln b, c) follow from what has a prior.
    precision : float64 array of shape (parameters, parameters)
        Inverse covariance of the prior, whose mean is 0.
    offset : float
        What is added to all log-odds.
    """

    bent: Float64
    converted: Bool
    basis: Float64
    precision: Float64
    offset: float = 0.0

    def values(self, parameters: Float64) -> tuple[Float64, Float64]:
        """Values of (a, b, c), and their derivatives by (ln a, ln b, c)."""
        logarithms = self.basis @ parameters
        slopes = np.exp(np.clip(logarithms[:2], -10, 10))
        return np.append(slopes, logarithms[2]), np.append(slopes, 1.0)

    def mode(self, power: float) -> Float64:
        """Where the posterior is greatest, the likelihood being raised to a power."""

        def loss(parameters: Float64) -> tuple[float, Float64]:
            values, slopes = self.values(parameters)
            z = self.bent @ values + self.offset
            cost = np.logaddexp(0.0, z).sum() - z[self.converted].sum()
            gradient = self.basis.T @ (slopes * (self.bent.T @ (sigmoid(z) - self.converted)))
            pull = self.precision @ parameters
            return power * cost + parameters @ pull / 2, power * gradient + pull

        search = minimize(
            loss,
            np.zeros(len(self.precision)),
            jac=True,
            hess=lambda at: self._curvature(at, power),
            method="trust-exact",
            options={"gtol": 1e-6},
        )
        mode = np.asarray(search.x, np.float64)
        gradient = loss(mode)[1]
        # What one more step of Newton's would gain: a search that rounding ended may well be there.
        gain = gradient @ np.linalg.solve(self._curvature(mode, power), gradient) / 2
        if not search.success and gain > _NEAR:
            warnings.warn(f"The calibration did not settle: {search.message}", stacklevel=2)
        return mode

    def design_effect(self, parameters: Float64, lead: Int64) -> float:
        """How many rows are worth one that stands alone; never less than 1."""
        tangent, p = self._tangent(parameters)
        scores = tangent * (self.converted - p)[:, None]
        _, index = np.unique(lead, return_inverse=True)
        sums = np.column_stack([np.bincount(index, column) for column in scores.T])
        information = (tangent * (p * (1 - p))[:, None]).T @ tangent
        curvature = information + self.precision
        by_lead = np.trace(np.linalg.solve(curvature, sums.T @ sums))
        by_row = np.trace(np.linalg.solve(curvature, information))
        return max(1.0, float(by_lead / by_row)) if by_row > 0 else 1.0

    def covariance(self, parameters: Float64, power: float) -> Float64:
        """Covariance of (ln a, ln b, c) around the mode, shape (3, 3), symmetric."""
        covariance = self.basis @ np.linalg.inv(self._curvature(parameters, power)) @ self.basis.T
        return np.asarray((covariance + covariance.T) / 2, np.float64)

    def _curvature(self, parameters: Float64, power: float) -> Float64:
        """Of minus the log of the posterior, by Fisher's information."""
        tangent, p = self._tangent(parameters)
        information = (tangent * (p * (1 - p))[:, None]).T @ tangent
        return np.asarray(power * information + self.precision, np.float64)

    def _tangent(self, parameters: Float64) -> tuple[Float64, Float64]:
        """Derivatives of each row's log-odds by the parameters, and its probability."""
        values, slopes = self.values(parameters)
        log_odds = self.bent @ values + self.offset
        return (self.bent * slopes) @ self.basis, sigmoid(log_odds)


def _isotonic(margin: Float64, converted: Bool, lead: Int64) -> StepCalibration:
    if len(margin) == 0:
        return StepCalibration("isotonic", (), (0.0,), (_SHIFT**2,))
    order = np.argsort(margin, kind="stable")
    rate = IsotonicRegression().fit_transform(margin[order], converted[order].astype(float))
    return _steps("isotonic", margin[order], rate, lead[order])


def _venn_abers(margin: Float64, converted: Bool, lead: Int64) -> StepCalibration:
    """Venn-Abers prediction, merged to the one probability of least regret.

    Each distinct score is added once as converted and once as not; the two isotonic regressions
    give p1 and p0, and the probability is ``p1 / (1 − p0 + p1)``.
    """
    if len(margin) == 0:
        return StepCalibration("venn_abers", (), (0.0,), (_SHIFT**2,))
    edges = np.unique(np.quantile(margin, np.linspace(0, 1, VENN_ABERS_SCORES + 1)[1:-1]))
    score_index = np.searchsorted(edges, margin, side="right")
    scores, score_index, rows = np.unique(score_index, return_inverse=True, return_counts=True)
    positives = np.bincount(score_index, weights=converted)
    merged = np.empty(len(scores))
    for i in range(len(scores)):
        added_row = (np.arange(len(scores)) == i).astype(float)
        low, high = (
            IsotonicRegression().fit_transform(
                scores,
                (positives + outcome * added_row) / (rows + added_row),
                sample_weight=rows + added_row,
            )[i]
            for outcome in (0.0, 1.0)
        )
        merged[i] = high / (1 - low + high)
    order = np.argsort(margin, kind="stable")
    rate = np.maximum.accumulate(merged)[score_index][order]
    return _steps("venn_abers", margin[order], rate, lead[order])


def _steps(method: StepMethod, margin: Float64, rate: Float64, lead: Int64) -> StepCalibration:
    """Steps from the rates of rows in order of their margins, each as sure as its leads."""
    starts = np.flatnonzero(np.diff(rate, prepend=-1.0) > 1e-12)
    step = np.searchsorted(starts, np.arange(len(margin)), side="right") - 1
    edges = (margin[starts[1:]] + margin[starts[1:] - 1]) / 2
    # As many leads as there are in the step, converting at its rate; half a lead each way on top.
    leads = np.bincount(np.unique(np.stack([step, lead]), axis=1)[0])
    surest = 0.5 / max(1, len(np.unique(lead)))
    level = np.clip(rate[starts], surest, 1 - surest)
    variance = 1 / (leads * level + 0.5) + 1 / (leads * (1 - level) + 0.5)
    log_odds = np.log(level) - np.log1p(-level)
    return StepCalibration(
        method, *(tuple(float(v) for v in part) for part in (edges, log_odds, variance))
    )
