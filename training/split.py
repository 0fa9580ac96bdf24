"""The split by time: fit, then calibrate, then test, a horizon's gap between each two.

A row may be learned from only when its label was known before the next period began: its horizon
must have ended by then. That is the gap, and it follows from the label, not from a habit. So the
model that is judged could have been trained on the day before its test began.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.batch import Spine
from features.history import MICROSECONDS_PER_DAY
from training.config import SplitSettings
from training.snapshots import Labels

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Split:
    """Which rows do what, for one horizon.

    Parameters
    ----------
    fit, calibrate, test : bool arrays of shape (rows,)
        No row is in two of them; all of them are mature.
    calibrate_from, test_from : int
        Microseconds. Labels of rows in `fit` ended before the first, those of rows in `calibrate`
        before the second.
    """

    fit: Bool
    calibrate: Bool
    test: Bool
    calibrate_from: int
    test_from: int


def default_test_from(spine: Spine, data_end: int, warm_days: int, share: float) -> int:
    """Start of the test period where the configuration names none.

    The warm horizon must have ended for the last rows that are judged, so the period is that long
    plus a share of the time before.
    """
    latest = data_end - warm_days * MICROSECONDS_PER_DAY
    first = int(spine.as_of.min())
    return latest - round(share * max(latest - first, 0))


def time_split(spine: Spine, labels: Labels, settings: SplitSettings, test_from: int) -> Split:
    """Split of a spine by time.

    Parameters
    ----------
    spine : Spine
    labels : Labels
        Of the horizon that is split for; its length is the gap.
    settings : SplitSettings
        `calibrate_share` is used.
    test_from : int
        Microseconds.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        The time before `test_from` is too short for two periods and their gaps.
    """
    gap = labels.days * MICROSECONDS_PER_DAY
    first = int(spine.as_of.min())
    usable = test_from - first - 2 * gap
    if usable <= 0:
        raise ValueError(
            f"The export is too short for a horizon of {labels.days} days: fitting and calibrating "
            f"need two gaps of that length, but only {_days(test_from - first):.1f} days lie "
            "between the first look and the test period. Export a longer time, shorten "
            "[horizons], or set a later [split] test_from."
        )
    calibrate_from = test_from - gap - round(settings.calibrate_share * usable)
    ends_at = spine.as_of + gap
    return Split(
        fit=labels.mature & (ends_at < calibrate_from),
        calibrate=labels.mature & (spine.as_of >= calibrate_from) & (ends_at < test_from),
        test=labels.mature & (spine.as_of >= test_from),
        calibrate_from=calibrate_from,
        test_from=test_from,
    )


def _days(microseconds: int) -> float:
    return microseconds / MICROSECONDS_PER_DAY
