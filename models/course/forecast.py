"""How a lead cools: what its score becomes when nothing more happens, and when its band changes.

Warmth fades with time. The history up to now is looked at again on each of the coming days, so
the forecast is the model's own answer on that day and no curve that was laid through anything. What
was sent but is not known yet, such as a booked meeting, is a further interaction and left out. Each
day knows the band of the day before it, as a lead does that is scored every day.
"""

from dataclasses import dataclass

from features.engine.history import MICROSECONDS_PER_DAY
from models.bands import LEVELS
from models.course.looks import Band, LeadOverDays, Look

FORECAST_DAYS = range(91)
"""The days that are looked at: every 24 hours from now on."""
SHOWN = (0, 1, 3, 7, 14, 30, 60, 90)
"""The days whose looks the forecast returns."""


@dataclass(frozen=True, slots=True)
class BandChange:
    """A day on which a lead has another band than on the day before.

    Parameters
    ----------
    day : int
        Days from now.
    as_of : int
        Its instant, in microseconds.
    band : "cold", "warm" or "hot"
        The band from then on.
    """

    day: int
    as_of: int
    band: Band


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a lead's score becomes when nothing more happens.

    Parameters
    ----------
    looks : tuple of Look
        The lead on each of the days `SHOWN`; the first is the score now.
    band_changes : tuple of BandChange
        Every change of the band on the way, in order of time.
    """

    looks: tuple[Look, ...]
    band_changes: tuple[BandChange, ...]


def forecast(lead: LeadOverDays, previous_band: Band | None = None) -> Forecast:
    """What a lead's score becomes when nothing more happens.

    Parameters
    ----------
    lead : LeadOverDays
        The lead on each of `FORECAST_DAYS`, and on others.
    previous_band : "hot", "warm", "cold" or None
        Band of the lead before today, where it is known.
    """
    bands = _bands(lead, previous_band)
    changes = [day for day in FORECAST_DAYS[1:] if bands[day] != bands[day - 1]]
    return Forecast(
        looks=tuple(lead.look(day, bands[day]) for day in SHOWN),
        band_changes=tuple(
            BandChange(day, lead.as_of + day * MICROSECONDS_PER_DAY, bands[day]) for day in changes
        ),
    )


def _bands(lead: LeadOverDays, previous: Band | None) -> list[Band]:
    """Band of each day, where each day knows the band of the day before it."""
    rows = lead.rows(FORECAST_DAYS)
    bands_of_model = lead.bundle.bands
    hot, warm = (values[rows] for values in lead.scores.decisive(bands_of_model))
    band_after: dict[str, list[Band]] = {
        band: bands_of_model.assign(hot, warm, [band] * len(rows)).tolist() for band in LEVELS
    }
    bands: list[Band] = []
    for day in FORECAST_DAYS:
        # A lead without a band before is as one that was cold.
        band_before = bands[-1] if bands else previous or "cold"
        bands.append(band_after[band_before][day])
    return bands
