"""Columns that run with the clock: they tell when a lead ended, or stop where the export ends.

A number that was given out at the sale rises with the instants of the sales, whatever the instant
at which the lead was created. So do counters that grow as long as a lead lives. `clock` measures
that by a partial rank correlation. An instant that is written when something happens never lies
beyond the export's end; an appointment that was made at creation often does. `truncation` counts
how many should.

References
----------
M. G. Kendall, *Partial rank correlation*, Biometrika 32 (1942), doi:10.1093/biomet/32.3-4.277.
E. C. Fieller, H. O. Hartley, E. S. Pearson, *Tests for rank correlation coefficients*, Biometrika
44 (1957), doi:10.1093/biomet/44.3-4.470.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import poisson, rankdata

from features.arrays import NEVER, Bool, Float64, Int64
from training.audit.timing import Z_999
from training.dataset.lives import SAME_MOMENT, Lives

LEAST_CORRELATION = 0.45
"""Lower bound of the correlation from which a column is a clock."""
LEAST_EXPECTED = 10.0
"""Instants that must be expected beyond the export's end before their absence says something."""
MOST_SEEN = 0.1
"""Share of the expected instants that a truncated column shows at most."""
_FIELLER = 1.06
"""Variance of Fisher's transform of a rank correlation, times n − 4."""
_DETERMINED = 1e-6
"""A column whose ranks follow from the creation up to this share of its variance says no more."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A partial rank correlation with the lower bound of its 99.9 % interval.

    Parameters
    ----------
    value, low : float or None
        None where there is none.
    leads : int
        Number of leads.
    """

    value: float | None
    low: float | None
    leads: int

    @property
    def is_clock(self) -> bool:
        """Whether the column runs with the clock, beyond chance."""
        return self.low is not None and self.low > LEAST_CORRELATION


def partial_rank_correlation(values: Float64, ends: Int64, starts: Int64) -> Correlation:
    r"""Rank correlation of values with ends, given starts.

    Parameters
    ----------
    values : float array of shape (leads,)
        Values of the column, none of them missing.
    ends, starts : int64 arrays of shape (leads,)
        When each lead ended and was created.

    Notes
    -----
    With Spearman's correlations of values *v*, ends *e* and starts *s*

    .. math:: r = \frac{r_{ve} - r_{vs} r_{es}}{\sqrt{(1 - r_{vs}^2)(1 - r_{es}^2)}},

    whose Fisher transform has about the variance 1.06 / (n − 4).
    """
    leads = len(values)
    if leads < 10:
        return Correlation(None, None, leads)
    ranks = np.stack([rankdata(column) for column in (values, ends, starts)])
    if (ranks.std(axis=1) == 0).any():
        return Correlation(None, None, leads)
    matrix = np.corrcoef(ranks)
    of_ends, of_starts, between = matrix[0, 1], matrix[0, 2], matrix[1, 2]
    unexplained = (1 - of_starts**2) * (1 - between**2)
    if min(1 - of_starts**2, 1 - between**2) < _DETERMINED:
        return Correlation(None, None, leads)
    value = float(np.clip((of_ends - of_starts * between) / math.sqrt(unexplained), -1, 1))
    half = Z_999 * math.sqrt(_FIELLER / (leads - 4))
    return Correlation(value, math.tanh(math.atanh(min(value, 1 - 1e-12)) - half), leads)


def clock(values: Float64, lives: Lives) -> tuple[Correlation, Correlation]:
    """Correlation of a column with the instant of the end, among converted and among lost leads.

    Parameters
    ----------
    values : float array of shape (leads,)
        Numbers, or instants in microseconds; NaN where there is none.
    lives : Lives
        When the leads were created and ended.
    """
    won, lost = (np.isfinite(values) & group for group in (lives.won, lives.ended & ~lives.won))
    return (
        partial_rank_correlation(values[won], lives.ended_at[won], lives.created_at[won]),
        partial_rank_correlation(values[lost], lives.ended_at[lost], lives.created_at[lost]),
    )


@dataclass(frozen=True, slots=True)
class Truncation:
    """Instants beyond the export's end: how many there are and how many there should be.

    Parameters
    ----------
    expected : float
        Number that should lie there.
    found_beyond : int
        Number that does.
    """

    expected: float
    found_beyond: int

    @property
    def is_truncated(self) -> bool:
        """Whether instants are missing there, beyond chance."""
        under_a_tenth = self.found_beyond < MOST_SEEN * self.expected
        return (
            self.expected >= LEAST_EXPECTED
            and under_a_tenth
            and _surely_fewer(self.found_beyond, self.expected)
        )

    @property
    def lies_ahead(self) -> bool:
        """Whether instants lie beyond the end about as often as they should."""
        return self.expected >= LEAST_EXPECTED and self.found_beyond > self.expected / 2


def _surely_fewer(found_beyond: int, expected: float) -> bool:
    return bool(poisson.cdf(found_beyond, expected) < 0.001)


def truncation(instants: Int64, lives: Lives) -> Truncation:
    """Instants after creation that lie beyond the export's end, and how many should.

    The delays between creation and instant of the older half of the leads say how long the younger
    half has to wait for its instants. Only younger leads that have one count, so a column that
    people have stopped filling in is not taken for one that is truncated.

    Parameters
    ----------
    instants : int64 array of shape (leads,)
        Microseconds; `NEVER` where there is none.
    lives : Lives
        When the leads were created, and when the export ends.
    """
    filled = (instants < NEVER) & (instants > lives.created_at + SAME_MOMENT)
    created_at, delay = lives.created_at[filled], (instants - lives.created_at)[filled]
    if len(delay) == 0:
        return Truncation(0.0, 0)
    older = created_at <= np.median(lives.created_at)
    age = lives.data_end - created_at[~older]
    delays = np.sort(delay[older])
    if len(delays) == 0:
        return Truncation(0.0, 0)
    longer = 1 - np.searchsorted(delays, age, side="right") / len(delays)
    beyond: Bool = delay[~older] > age
    return Truncation(float(longer.sum()), int(beyond.sum()))
