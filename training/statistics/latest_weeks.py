"""Whether the latest weeks differ from those before them by more than months usually do.

What changed four weeks ago, a price or a campaign, can hardly be learned: a dozen conversions tell
of it, beside hundreds from before. But it can be seen, and said, and intervals can be as wide as
the change is large. The latest looks whose outcome is known are held beside what an earlier fit
said of them, moved to the level of the months before. Luck, counted in whole leads, the level of
those months and what months differ by anyway all widen what passes for no change.
"""

import math
from dataclasses import dataclass

from features.arrays import Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import iso
from models.calibration import sigmoid
from training.statistics.design_effect import design_effect
from training.statistics.intervals import Z_95

LATEST_DAYS = 28
"""Length of the latest weeks: with fewer days there are too few conversions to see a change by."""
DAYS_BEFORE_THEM = 91
"""Length of the time before them that gives the level."""
LEAST_FORETOLD = 5.0
"""Independent conversions that must be foretold of the latest weeks, lest one more be a change."""


@dataclass(frozen=True, slots=True)
class LatestWeeks:
    """What came of the latest looks beside what the months before them let expect.

    Parameters
    ----------
    first_look, last_look : str
        First and last instant of a look, in ISO 8601.
    looks, bought : int
        Number of looks, and of those that bought.
    expected : float
        Looks that would have bought at the level of the months before.
    changed : bool
        Whether the difference is beyond chance and beyond what months usually differ by.
    log_odds : float
        By how much the level changed, in log-odds, as far as these looks tell.
    """

    first_look: str
    last_look: str
    looks: int
    bought: int
    expected: float
    changed: bool
    log_odds: float


def latest_weeks(
    log_odds: Float64, converted: Bool, lead: Int64, as_of: Int64, month_variance: float
) -> LatestWeeks | None:
    """The latest weeks beside the months before; None where there is too little of either.

    Parameters
    ----------
    log_odds : float64 array of shape (rows,)
        Calibrated log-odds of each look by a predictor that had not learned from it.
    converted : bool array of shape (rows,)
        Whether each look's lead converted within the horizon.
    lead, as_of : int64 arrays of shape (rows,)
        Lead of each look, and its instant in microseconds.
    month_variance : float
        Variance of the months' levels, in log-odds.
    """
    if len(as_of) == 0:
        return None
    last_look = int(as_of.max())
    days_ago = (last_look - as_of) / MICROSECONDS_PER_DAY
    latest = days_ago < LATEST_DAYS
    compared = (days_ago >= LATEST_DAYS) & (days_ago < LATEST_DAYS + DAYS_BEFORE_THEM)
    probability = sigmoid(log_odds)
    looks_per_independent = design_effect(converted - probability, lead)
    information = float((probability * (1 - probability))[compared].sum()) / looks_per_independent
    # A normal prior with the months' variance draws the level to what the calibration says.
    certainty = information + 1 / month_variance
    residual = float((converted - probability)[compared].sum()) / looks_per_independent
    at_their_level = sigmoid(log_odds[latest] + residual / certainty)
    expected, bought = float(at_their_level.sum()), int(converted[latest].sum())
    if min(expected / looks_per_independent, information) < LEAST_FORETOLD:
        return None
    information = float((at_their_level * (1 - at_their_level)).sum())
    luck = looks_per_independent * information
    spread = math.sqrt(luck + information**2 * (month_variance + 1 / certainty))
    return LatestWeeks(
        first_look=iso(int(as_of[latest].min())),
        last_look=iso(last_look),
        looks=int(latest.sum()),
        bought=bought,
        expected=expected,
        changed=abs(bought - expected) > Z_95 * spread,
        log_odds=(bought - expected) / information,
    )
