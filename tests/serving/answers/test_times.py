"""Times survive the way in and out, and what is no time with a zone does not come in."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.answers.times import microseconds, rfc3339

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(0, 230 * 365 * 86_400_000_000)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, zones)
def test_a_time_is_its_microseconds_whatever_its_zone(moment: int, zone: timezone) -> None:
    local = (EPOCH + timedelta(microseconds=moment)).astimezone(zone)
    assert microseconds(local.isoformat()) == moment
    assert microseconds(rfc3339(moment)) == moment


def test_digits_finer_than_a_microsecond_are_cut() -> None:
    assert microseconds("1970-01-01T00:00:00.1234569Z") == 123456


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T09:30:00",
        "2026-03-01",
        "2026-03-01 09:30:00Z",
        "2026-03-01T09:30Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T09:30:60Z",
        "2026-03-01T09:30:00+0100",
        "2026-03-01T09:30:00+25:00",
        "2026-W09-7T09:30:00Z",
        "٢٠٢٦-03-01T09:30:00Z",
        "2026-03-01T09:30:00Z\n",
        "1772357400",
        "now",
        "",
        1772357400,
        1772357400.5,
        True,
        None,
        [],
    ],
)
def test_what_is_no_time_with_a_zone_is_refused(text: Any) -> None:
    with pytest.raises(ValidationError, match="time with a zone"):
        microseconds(text)


@pytest.mark.parametrize("text", ["2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z"])
def test_a_day_that_the_calendar_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="calendar"):
        microseconds(text)


@pytest.mark.parametrize(
    "text",
    [
        "1969-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_absurd_years_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="1970 to 2200"):
        microseconds(text)
