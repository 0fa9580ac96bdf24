r"""How much of what a value says of the outcome is missing in leads that are still open.

A value that stood there at creation says the same of leads that are open today as it said of leads
that were open at an instant in the past. One that the outcome writes says nothing of them yet,
while those that were open in the past have got it since.

Among young leads of one age, let *b* be the slope of "is still open" on the value's score
(`training.audit.triangle`). It is measured at the export's end, *b(E)*, and at placebo ends in the
past, twice: with the values as they stand today, *b₀* in the mean, and with those of leads that
converted later taken back, *b₁*: they get the mean score of leads that did not convert. Then

.. math:: \lambda = \frac{b(E) - b_0}{b_1 - b_0}

is 0 for a value from creation and 1 for one that the sale writes. A slope does not change with how
frequent the values are, so drift of that moves nothing; what else drifts widens the spread of the
placebo ends, which the error counts.

References
----------
A. Abadie, A. Diamond, J. Hainmueller, *Synthetic control methods for comparative case studies*,
JASA 105 (2010), doi:10.1198/jasa.2009.ap08746: placebos in time.
H. White, *A heteroskedasticity-consistent covariance matrix estimator*, Econometrica 48 (1980),
doi:10.2307/1912934.
"""

from dataclasses import dataclass

import numpy as np

from features.arrays import NEVER, Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.data_end import first_in_use
from training.audit.ageing import LEAST_PLACEBOS
from training.dataset.lives import Lives

Z_95_ONE_SIDED = 1.6448536269514722
"""Half-width of the interval in standard errors: 95 % on each side."""
LEAST_YOUNG = 50
_LEAST_WINDOWS = 5
_AGE_CELLS = 6
_PRIOR_PLACEBOS = 5.0
"""Placebo ends that the spread expected by chance counts for, beside those that are measured."""


@dataclass(frozen=True, slots=True)
class MissingShare:
    """Share λ of what a value says of the outcome that is missing in open leads.

    Parameters
    ----------
    share : float
        λ: 0 for a value from creation, 1 for one that the sale writes.
    error : float
        Its standard error.
    """

    share: float
    error: float

    @property
    def is_that_of_overwriting(self) -> bool:
        """Whether the interval lies above 0, and not above 1 alone, which only drift can do."""
        return 0 < self.low <= 1

    @property
    def low(self) -> float:
        """Lower 95 % bound."""
        return self.share - Z_95_ONE_SIDED * self.error

    @property
    def high(self) -> float:
        """Upper 95 % bound."""
        return self.share + Z_95_ONE_SIDED * self.error


def missing_share(scores: Float64, lives: Lives, days: float) -> MissingShare | None:
    """Share of a value's say that is missing in open leads; None without enough history.

    Parameters
    ----------
    scores : float array of shape (leads,)
        What the value says of the outcome, higher for more sales.
    lives : Lives
        When the leads were created and ended.
    days : float
        Age up to which leads are called young; less in an export shorter than five times that.
    """
    if len(scores) == 0:
        return None
    begin = first_in_use(lives.created_at)
    window = min(round(days * MICROSECONDS_PER_DAY), (lives.data_end - begin) // _LEAST_WINDOWS)
    if window < _AGE_CELLS:
        return None
    ends = np.arange(lives.data_end - window, begin + window, -(window // 2))
    taken_back = [_slope(scores, lives, int(end), window, take_back=True) for end in ends]
    as_stored = [_slope(scores, lives, int(end), window, take_back=False) for end in ends]
    at_end = _slope(scores, lives, lives.data_end, window, take_back=False)
    stored = np.array([slope for slope in as_stored if slope is not None])
    undone = np.array([slope for slope in taken_back if slope is not None])
    if at_end is None or min(len(stored), len(undone)) < LEAST_PLACEBOS:
        return None
    honest, overwritten = stored[:, 0].mean(), undone[:, 0].mean()
    if overwritten >= honest:
        return None
    deviations = (stored[:, 0] - honest) / stored[:, 1]
    overlapping = 2.0
    spread = (_PRIOR_PLACEBOS + (deviations**2).sum() / overlapping) / (
        _PRIOR_PLACEBOS + (len(stored) - 1) / overlapping
    )
    error = at_end[1] * np.sqrt(spread * (1 + overlapping / len(stored)))
    return MissingShare(
        float((at_end[0] - honest) / (overwritten - honest)), float(error / (honest - overwritten))
    )


def _slope(
    scores: Float64, lives: Lives, end: int, window: int, take_back: bool
) -> tuple[float, float] | None:
    """Slope of "is open" on the score among leads of one age, and its standard error."""
    age = end - lives.created_at
    young = (age >= 0) & (age < window)
    lifetime = np.where(lives.ended, lives.ended_at - lives.created_at, NEVER)[young]
    is_open: Bool = lifetime > age[young]
    score, won = scores[young].copy(), lives.won[young]
    if len(score) < LEAST_YOUNG or won.all():
        return None
    if take_back:
        score[is_open & won] = score[~won].mean()
    cell = age[young] * _AGE_CELLS // window
    centred, outcome = _minus_mean(score, cell), _minus_mean(is_open.astype(np.float64), cell)
    variation = (centred**2).sum()
    if variation <= 0:
        return None
    slope = (centred * outcome).sum() / variation
    error = np.sqrt(((centred * (outcome - slope * centred)) ** 2).sum()) / variation
    return (float(slope), float(error)) if error > 0 else None


def _minus_mean(values: Float64, cell: Int64) -> Float64:
    rows = np.maximum(np.bincount(cell), 1)
    centred: Float64 = values - (np.bincount(cell, weights=values) / rows)[cell]
    return centred
