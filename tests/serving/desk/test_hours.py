"""Business hours, against counting minute by minute."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from serving.desk.hours import Hours, as_datetime, microseconds_of

LISBON = ZoneInfo("Europe/Lisbon")


def later(hours: Hours, moment: datetime, length: float, zone: ZoneInfo = LISBON) -> datetime:
    return as_datetime(hours.later_by(microseconds_of(moment), length, zone), zone)


@pytest.mark.parametrize(
    ("moment", "length"),
    [
        (datetime(2026, 1, 1, 3, 0, tzinfo=LISBON), 0.25),  # a holiday
        (datetime(2026, 1, 2, 17, 45, tzinfo=LISBON), 0.5),  # into the weekend
        (datetime(2026, 3, 27, 16, 0, tzinfo=LISBON), 9.0),  # over the change of the clocks
        (datetime(2026, 6, 3, 18, 0, tzinfo=LISBON), 20.0),  # two days and a half
        (datetime(2026, 6, 3, 8, 59, tzinfo=LISBON), 9.0),  # exactly a day
    ],
    ids=["holiday", "weekend", "clocks", "days", "day"],
)
def test_hours_pass_while_the_house_is_open(moment: datetime, length: float) -> None:
    hours = Hours(holidays=[date(2026, 1, 1)])
    minutes, minute = round(length * 60), moment.astimezone(UTC)
    while minutes:
        local = minute.astimezone(LISBON)
        if local.weekday() < 5 and local.date() not in hours.holidays:
            minutes -= time(9) <= local.time() < time(18)
        minute += timedelta(minutes=1)
    assert later(hours, moment, length) == minute


def test_a_house_of_other_days_and_hours() -> None:
    hours = Hours(days=["sat", "sun"], opens=time(22), closes=time(23, 30))
    assert later(hours, datetime(2026, 1, 2, 12, tzinfo=UTC), 2.0, ZoneInfo("UTC")) == datetime(
        2026, 1, 4, 22, 30, tzinfo=UTC
    )


def test_hours_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="opens must be earlier than closes"):
        Hours(opens=time(18), closes=time(9))
    with pytest.raises(ValidationError, match="at least 1 item"):
        Hours(days=[])
    closed = Hours(days=["mon"], holidays=[date(2026, 1, 5) + timedelta(7 * i) for i in range(80)])
    with pytest.raises(ValueError, match="closed for 400 days in a row"):
        later(closed, datetime(2026, 1, 1, tzinfo=UTC), 1.0)
