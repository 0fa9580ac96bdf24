"""Business hours: when the house is open, and when an hour of its time has passed."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from features.export.sections import Section

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DAYS_CLOSED = 400


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class Hours(Section):
    """Section ``[hours]``: when the house is open; Monday to Friday, 9 to 18, without a word.

    Attributes
    ----------
    days : tuple of Weekday
        Days of the week on which it is open.
    opens, closes : datetime.time
        From when and until when, in the time zone of ``people.toml``.
    holidays : tuple of datetime.date
        Days on which it is closed all the same.
    """

    days: Annotated[tuple[Weekday, ...], BeforeValidator(_as_tuple), Field(min_length=1)] = (
        WEEKDAYS[:5]
    )
    opens: time = time(9)
    closes: time = time(18)
    holidays: Annotated[tuple[date, ...], BeforeValidator(_as_tuple)] = ()

    @model_validator(mode="after")
    def _opens_and_closes(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError(
                f"opens must be earlier than closes, got {self.opens:%H:%M} and {self.closes:%H:%M}"
            )
        return self

    def is_open_on(self, day: date) -> bool:
        """Whether the house opens on a day.

        Examples
        --------
        >>> Hours().is_open_on(date(2026, 1, 3))
        False
        """
        return WEEKDAYS[day.weekday()] in self.days and day not in self.holidays

    def opening(self, day: date, zone: ZoneInfo) -> int:
        """Instant at which the house opens on a day, in microseconds.

        Parameters
        ----------
        day : datetime.date
            The day, be the house open on it or not.
        zone : zoneinfo.ZoneInfo
            Its time zone.
        """
        return microseconds_of(datetime.combine(day, self.opens, zone))

    def closing(self, day: date, zone: ZoneInfo) -> int:
        """Instant at which it closes on a day; see `opening`."""
        return microseconds_of(datetime.combine(day, self.closes, zone))

    def later_by(self, instant: int, hours: float, zone: ZoneInfo) -> int:
        """Instant at which so many hours of business have passed.

        Parameters
        ----------
        instant : int
            From when on, in microseconds; outside of business hours they begin at the next opening.
        hours : float
            How many, 0 or more.
        zone : zoneinfo.ZoneInfo
            Time zone of the house.

        Raises
        ------
        ValueError
            The house stays closed for more than a year.

        Examples
        --------
        >>> utc = ZoneInfo("UTC")
        >>> friday = microseconds_of(datetime(2026, 1, 2, 17, 30, tzinfo=UTC))
        >>> as_datetime(Hours().later_by(friday, 1.0, utc), utc).isoformat()
        '2026-01-05T09:30:00+00:00'
        """
        remaining = round(hours * 3_600_000_000)
        day = as_datetime(instant, zone).date()
        days_closed = 0
        while days_closed < _MOST_DAYS_CLOSED:
            if self.is_open_on(day):
                days_closed = 0
                begin = max(instant, self.opening(day, zone))
                end = self.closing(day, zone)
                if begin + remaining <= end:
                    return begin + remaining
                remaining -= max(0, end - begin)
            else:
                days_closed += 1
            day += timedelta(days=1)
        raise ValueError(
            f"[hours] leaves the house closed for {_MOST_DAYS_CLOSED} days in a row from "
            f"{as_datetime(instant, zone).date()} on: take days out of holidays."
        )


def as_datetime(instant: int, zone: ZoneInfo) -> datetime:
    """Instant as a time in a zone.

    Parameters
    ----------
    instant : int
        Microseconds since 1970, UTC.
    zone : zoneinfo.ZoneInfo
        Time zone of the result.
    """
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone)


def microseconds_of(moment: datetime) -> int:
    """Microseconds since 1970 of a time with a zone."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
