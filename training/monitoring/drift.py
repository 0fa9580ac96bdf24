"""Other leads than before: what that does to the figures that are to be expected.

Leads change all the time: a new campaign, another channel, a new team. As long as promises hold,
that is no fault, so a change of the leads never rings by itself. It is weighed by what it does to
the figures that calibrated probabilities let expect: how many purchases, how well ranked. These
expected figures are NannyML's CBPE (confidence-based performance estimation). They take the
probabilities for true, so they say what other leads do to a model that holds, and nothing of
whether it holds: that is what `training.monitoring.alarms` is for.

References
----------
NannyML, *Confidence-based performance estimation*,
https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.arrays import Float64, Int64
from training.statistics.intervals import Z_95

LIMIT_DEVIATIONS = 3.0
"""NannyML's limits: so many standard deviations of the reference's chunks to each side."""


@dataclass(frozen=True, slots=True)
class ExpectedFigures:
    """Figures that probabilities let expect if they are true.

    Parameters
    ----------
    rate : float
        Share of the looks that will buy.
    auc : float
        Share of pairs of a buyer and another that will be in order; NaN without probabilities.
    log_loss : float
        Mean of the entropies of the outcomes.
    """

    rate: float
    auc: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class MixShift:
    """What the mix of one kind of group does to the expected share of buyers.

    Parameters
    ----------
    kind : str
        What the groups are, such as "channel".
    group : str
        The group whose share changed what is expected most.
    share_earlier, share_latest : float
        Its share of the looks.
    effect : float
        By how much the mix of all groups of this kind moves the expected share of buyers, each
        group taken at its earlier rate.
    """

    kind: str
    group: str
    share_earlier: float
    share_latest: float
    effect: float


@dataclass(frozen=True, slots=True)
class Drift:
    """Expected figures of the latest looks beside those of earlier ones.

    Parameters
    ----------
    earlier, latest : ExpectedFigures
        Of looks until half a year ago, and since.
    rate_low, rate_high : float
        95 % interval of the change of the expected share of buyers, counted in persons.
    mixes : tuple of MixShift
        Of each kind of group, that with the largest effect first.
    """

    earlier: ExpectedFigures
    latest: ExpectedFigures
    rate_low: float
    rate_high: float
    mixes: tuple[MixShift, ...]


@dataclass(frozen=True, slots=True)
class CbpeWatch:
    """NannyML's alarm: an expected figure that lies outside of what the reference's chunks had.

    What they had is what came of them (0.13.1), so it is taken once their outcomes are known.

    Parameters
    ----------
    low, high : float
        Limits of a chunk's expected figure.
    """

    low: float
    high: float

    @classmethod
    def of(cls, reference: Float64) -> "CbpeWatch":
        """Limits by what came of the reference's chunks, shape (chunks,)."""
        mean, spread = np.nanmean(reference), LIMIT_DEVIATIONS * np.nanstd(reference)
        return cls(float(mean - spread), float(mean + spread))

    def rings(self, figure: float) -> bool:
        """Whether a chunk's figure lies outside the limits; one that is NaN does not."""
        return figure < self.low or figure > self.high


def expected_figures(probability: Float64) -> ExpectedFigures:
    """Figures that probabilities of shape (rows,) let expect; NaN without any.

    Examples
    --------
    >>> figures = expected_figures(np.array([0.0, 0.5, 0.5, 1.0]))
    >>> figures.rate, round(figures.auc, 3), round(figures.log_loss, 3)
    (0.5, 0.875, 0.347)
    """
    if len(probability) == 0:
        return ExpectedFigures(float("nan"), float("nan"), float("nan"))
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -(probability * np.log(probability) + (1 - probability) * np.log1p(-probability))
    return ExpectedFigures(
        rate=float(probability.mean()),
        auc=expected_auc(probability),
        log_loss=float(np.nan_to_num(entropy).mean()),
    )


def expected_auc(probability: Float64) -> float:
    """Expected share of pairs in order: pairs of a look that buys, p, and another that does not.

    A pair of looks i and j counts by p_i (1 − p_j) and is in order where p_i is the larger; looks
    of equal probability count half.
    """
    levels, count = np.unique(probability, return_counts=True)
    buyers, other_looks = levels * count, (1 - levels) * count
    below = np.cumsum(other_looks) - other_looks / 2
    pairs = buyers.sum() * other_looks.sum()
    return float(buyers @ below / pairs) if pairs > 0 else float("nan")


def drift(
    probability: Float64,
    person: Int64,
    latest: npt.NDArray[np.bool_],
    groups: Mapping[str, npt.NDArray[np.str_]],
) -> Drift | None:
    """What other leads do to the expected figures; None where one of the periods has no look.

    Parameters
    ----------
    probability : float64 array of shape (rows,)
        Promised probabilities.
    person : int64 array of shape (rows,)
        Person of each look's lead: the looks of one are no independent evidence.
    latest : bool array of shape (rows,)
        Looks of the latest half-year.
    groups : mapping of str to str array of shape (rows,)
        Of each kind of group, such as "channel", the group of each look.
    """
    if latest.all() or not latest.any():
        return None
    earlier_figures, latest_figures = (
        expected_figures(probability[period]) for period in (~latest, latest)
    )
    variance = sum(
        _variance_of_mean(probability[period], person[period]) for period in (~latest, latest)
    )
    change, half_width = latest_figures.rate - earlier_figures.rate, Z_95 * float(np.sqrt(variance))
    mixes = [_mix_shift(kind, group, probability, latest) for kind, group in groups.items()]
    return Drift(
        earlier=earlier_figures,
        latest=latest_figures,
        rate_low=change - half_width,
        rate_high=change + half_width,
        mixes=tuple(sorted(mixes, key=lambda mix: -abs(mix.effect))),
    )


def _mix_shift(
    kind: str, group: npt.NDArray[np.str_], probability: Float64, latest: npt.NDArray[np.bool_]
) -> MixShift:
    names, index = np.unique(group, return_inverse=True)
    earlier_count, latest_count = (
        np.bincount(index[period], minlength=len(names)) for period in (~latest, latest)
    )
    earlier_share = earlier_count / earlier_count.sum()
    latest_share = latest_count / latest_count.sum()
    # A group that is new has the rate of its own looks.
    of_earlier = np.bincount(index[~latest], probability[~latest], len(names))
    of_latest = np.bincount(index[latest], probability[latest], len(names))
    rate = np.where(
        earlier_count > 0,
        of_earlier / np.maximum(earlier_count, 1),
        of_latest / np.maximum(latest_count, 1),
    )
    effects = (latest_share - earlier_share) * (rate - probability[~latest].mean())
    largest = int(np.argmax(np.abs(effects)))
    return MixShift(
        kind=kind,
        group=str(names[largest]),
        share_earlier=float(earlier_share[largest]),
        share_latest=float(latest_share[largest]),
        effect=float(effects.sum()),
    )


def _variance_of_mean(probability: Float64, person: Int64) -> float:
    """Variance of the mean over whole persons."""
    index = np.unique(person, return_inverse=True)[1]
    excess = np.bincount(index, probability - probability.mean())
    return float(excess @ excess) / len(probability) ** 2
