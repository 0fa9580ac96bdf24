"""How far the levels of months and of groups lie beside a prediction, and whether intervals hold.

A model says that 30 % of such leads buy; in March 24 % do, in April 38 %. Part of that is luck, the
more the fewer leads there are. The rest is the month's own *level*: a campaign, a price, holidays,
and whatever the fit itself got wrong. Leads of one channel or one score have a level of their own
too, which stays from month to month. An interval that is to hold for a group of leads in another
month has to be as wide as levels differ.

The looks of a month or a group, which the predictor had not learned from, tell a residual r
(conversions less what was expected) and an information I, the sum of p (1 − p). A level that lies δ
log-odds beside the prediction moves r by I δ, and luck spreads it with variance d I, d being the
design effect: looks of one lead foresee the same purchase. So r has mean 0 and variance d I + I² v,
where v is the variance between levels; of groups the months' levels come on top. With a dozen
months of a few conversions the plain estimate of v is 0 half of the time and far too high now and
then. It is therefore drawn to a prior, a scaled inverse χ² that weighs as much as a few months or
groups: v is the mean of its posterior.

References
----------
R. DerSimonian, N. Laird, *Meta-analysis in clinical trials*, Controlled Clinical Trials 7 (1986),
doi:10.1016/0197-2456(86)90046-2: the plain estimate.
A. Gelman, *Prior distributions for variance parameters in hierarchical models*, Bayesian Analysis 1
(2006), doi:10.1214/06-BA117A.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Float64, Int64
from models.calibration import sigmoid
from models.horizon import Z_80
from training.statistics.design_effect import design_effect

PRIOR_MONTHS = 1.5
"""Months that the prior weighs. Simulated levels with standard deviations of 0 to .4, twelve months
of 5 to 60 independent conversions: the mean level of the next three months was then held 80 to 99 %
of the time; with 2 months from 76 % on, with 4 from 71 % on."""
PRIOR_GROUPS = 10.0
"""Groups that the prior weighs: groups overlap, so that fifty tell less than fifty would alone."""
SETTLED_SD = 0.05
"""Standard deviation of levels, in log-odds, at the prior's centre with any number of conversions.
One conversion alone has a variance of 1, n have 1 / n."""
HELD_SHARE = 0.8
"""Share of months that an interval is to hold."""
LEAST_INDEPENDENT = 2.0
"""Independent conversions a month or a group needs to be counted: with fewer, luck hides a level.
"""
SCORE_GROUPS = 10
_VARIANCES = np.geomspace(1e-4, 4.0, 200)
_SMALLEST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class MonthLevels:
    """What came of the looks of each month beside what was said of them.

    Parameters
    ----------
    information : tuple of float
        Of each month: the sum over its looks of p (1 − p).
    residual : tuple of float
        Of each month: its conversions less the sum of p.
    curve_variance : tuple of float
        Of each month: the mean variance of its looks' log-odds that the calibration says it has by
        itself.
    design_effect : float
        Looks that are worth one that stands alone, at least 1.
    """

    information: tuple[float, ...]
    residual: tuple[float, ...]
    curve_variance: tuple[float, ...]
    design_effect: float

    def without(self, month: int) -> "MonthLevels":
        """All months but one."""
        return MonthLevels(
            information=self.information[:month] + self.information[month + 1 :],
            residual=self.residual[:month] + self.residual[month + 1 :],
            curve_variance=self.curve_variance[:month] + self.curve_variance[month + 1 :],
            design_effect=self.design_effect,
        )


@dataclass(frozen=True, slots=True)
class GroupLevels:
    """What came of the looks of each group beside what was said of them.

    Parameters
    ----------
    information, residual : tuple of float
        As in `MonthLevels`, of each group.
    squared_by_month : tuple of float
        Of each group: the sum over the months of its information in the month, squared. So much
        does a variance of the months' levels add to that of its residual.
    design_effect : float
        Looks that are worth one that stands alone, at least 1.
    """

    information: tuple[float, ...]
    residual: tuple[float, ...]
    squared_by_month: tuple[float, ...]
    design_effect: float


@dataclass(frozen=True, slots=True)
class MonthCheck:
    """Months that were left out in turn, and in how many of them the interval held.

    Parameters
    ----------
    months : int
        Months with conversions enough to be counted.
    held : int
        Those of them whose outcome lies within the interval that the other months gave, luck
        included.
    nominal : float
        Share of months that the interval is to hold.
    """

    months: int
    held: int
    nominal: float = HELD_SHARE


def month_levels(
    log_odds: Float64, curve_variance: Float64, converted: Bool, lead: Int64, as_of: Int64
) -> MonthLevels:
    """Levels of the calendar months (UTC) of looks.

    Parameters
    ----------
    log_odds : float64 array of shape (rows,)
        Calibrated log-odds of each look, by a predictor that had not learned from it.
    curve_variance : float64 array of shape (rows,)
        Variance of the same that the calibration says it has.
    converted : bool array of shape (rows,)
        Whether each look's lead converted within the horizon.
    lead, as_of : int64 arrays of shape (rows,)
        Lead of each look, and its instant in microseconds.
    """
    probability, month = sigmoid(log_odds), month_index(as_of)
    looks = np.bincount(month).astype(np.float64)
    # A lead is one thing in each month: what it does in two of them are two months' outcomes.
    lead_in_month = lead * max(1, len(looks)) + month
    return MonthLevels(
        information=_sums(month, probability * (1 - probability)),
        residual=_sums(month, converted - probability),
        curve_variance=_sums(month, curve_variance / looks[month]),
        design_effect=design_effect(converted - probability, lead_in_month),
    )


def group_levels(
    log_odds: Float64, converted: Bool, lead: Int64, as_of: Int64, kinds: Sequence[Int64]
) -> GroupLevels:
    """Levels of groups of looks: of tenths by score, and of every level of each kind.

    Parameters
    ----------
    log_odds, converted, lead, as_of : arrays of shape (rows,)
        As in `month_levels`.
    kinds : sequence of int64 array of shape (rows,)
        Of each kind the level of each look, from 0 on. Groups with less than `LEAST_INDEPENDENT`
        conversions are left out.
    """
    probability, month = sigmoid(log_odds), month_index(as_of)
    information, residual = probability * (1 - probability), converted - probability
    looks_per_independent = design_effect(residual, lead)
    shares = np.arange(1, SCORE_GROUPS) / SCORE_GROUPS
    edges = np.quantile(log_odds, shares) if len(lead) else np.zeros(0)
    columns = []
    for level in (np.searchsorted(edges, log_odds, side="right"), *kinds):
        levels, months = (int(index.max(initial=0)) + 1 for index in (level, month))
        by_month = np.bincount(level * months + month, information, levels * months)
        of_group = by_month.reshape(levels, -1)
        columns.append(
            np.array(
                [
                    of_group.sum(axis=1),
                    np.bincount(level, residual, levels),
                    (of_group**2).sum(axis=1),
                ]
            )
        )
    groups = np.concatenate(columns, axis=1)
    counted = groups[:, groups[0] >= LEAST_INDEPENDENT * looks_per_independent]
    return GroupLevels(
        information=tuple(counted[0].tolist()),
        residual=tuple(counted[1].tolist()),
        squared_by_month=tuple(counted[2].tolist()),
        design_effect=looks_per_independent,
    )


def prior_variance(conversions: int) -> float:
    """Variance of levels at the prior's centre, for a fit on so many converting leads.

    Examples
    --------
    >>> round(prior_variance(99), 4)
    0.0125
    """
    return 1 / (conversions + 1) + SETTLED_SD**2


def between_month_variance(levels: MonthLevels, centre: float) -> float:
    """Variance of the months' levels, in log-odds: the mean of its posterior.

    Parameters
    ----------
    levels : MonthLevels
        Of any number of months; without one the prior decides alone.
    centre : float
        The prior's scale, above 0 (`prior_variance`).

    Examples
    --------
    >>> still = MonthLevels((50.0,) * 24, (0.0,) * 24, (0.0,) * 24, design_effect=1.0)
    >>> restless = MonthLevels((50.0,) * 24, (25.0, -25.0) * 12, (0.0,) * 24, design_effect=1.0)
    >>> [round(between_month_variance(one, 0.01), 3) for one in (still, restless)]
    [0.004, 0.233]
    """
    information = np.array(levels.information)
    luck = levels.design_effect * information
    return _posterior_mean(information, np.array(levels.residual), luck, centre, PRIOR_MONTHS)


def between_group_variance(levels: GroupLevels, month_variance: float, centre: float) -> float:
    """Variance of the groups' levels, in log-odds, beyond that of the months.

    Parameters
    ----------
    levels : GroupLevels
        Of any number of groups; without one the prior decides alone.
    month_variance : float
        Variance of the months' levels.
    centre : float
        The prior's scale, above 0 (`prior_variance`).
    """
    information = np.array(levels.information)
    luck = levels.design_effect * information
    of_months = month_variance * np.array(levels.squared_by_month)
    residual = np.array(levels.residual)
    return _posterior_mean(information, residual, luck + of_months, centre, PRIOR_GROUPS)


def check_months(levels: MonthLevels, centre: float) -> MonthCheck:
    """Leave one month out: how many lie in the 80 % interval that the other months give.

    The interval of a month's residual has the variance of the level, that of the calibration's
    curve and that of luck. If the level's variance is right, `HELD_SHARE` of the months are held.

    Parameters
    ----------
    levels : MonthLevels
        Of all months.
    centre : float
        As in `between_month_variance`.
    """
    least = LEAST_INDEPENDENT * levels.design_effect
    counted_months = [month for month, each in enumerate(levels.information) if each >= least]
    held = 0
    for month in counted_months:
        information = levels.information[month]
        level_variance = between_month_variance(levels.without(month), centre)
        of_level = information**2 * (level_variance + levels.curve_variance[month])
        deviation = math.sqrt(of_level + levels.design_effect * information)
        held += abs(levels.residual[month]) <= Z_80 * deviation
    return MonthCheck(months=len(counted_months), held=held)


def _posterior_mean(
    information: Float64, residual: Float64, noise: Float64, centre: float, weight: float
) -> float:
    """Mean of the posterior of v, where residuals have variance ``noise + information² v``."""
    columns = (information, residual, noise)
    information, residual, noise = (column[:, None] for column in columns)
    spread = np.maximum(noise + information**2 * _VARIANCES, _SMALLEST)
    log_likelihood = -0.5 * (np.log(spread) + residual**2 / spread).sum(axis=0)
    log_prior = -weight / 2 * (np.log(_VARIANCES) + centre / _VARIANCES)
    log_posterior = log_likelihood + log_prior
    density = np.exp(log_posterior - log_posterior.max())
    return float(density @ _VARIANCES / density.sum())


def month_index(as_of: Int64) -> Int64:
    """Index of each instant's calendar month (UTC) among those that there are.

    Parameters
    ----------
    as_of : int64 array of shape (rows,)
        Instants in microseconds.
    """
    month = as_of.astype("datetime64[us]").astype("datetime64[M]")
    return np.unique(month, return_inverse=True)[1]


def _sums(month: Int64, value: Float64) -> tuple[float, ...]:
    """Sum of the values of each month; no months give no sums."""
    return tuple(np.bincount(month, value).tolist())
