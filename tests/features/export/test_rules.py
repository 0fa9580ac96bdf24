"""Days without an hour: when they are known, when they end, and columns of midnights."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.export.sources import read_export
from features.tables import Tables
from tests.support.exports import csv_mapping, write_text

LAST = dt.timedelta(microseconds=1)
# Zones whose clocks skip or repeat midnight, or a whole day.
ZONES = [
    "Europe/Rome",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Beirut",
    "America/Santiago",
    "Africa/Cairo",
    "Pacific/Apia",
    "UTC",
]


def day_begins(day: dt.date, zone: str) -> dt.datetime:
    """First instant at which the zone's clocks show the day or a later one, by halving hours."""
    around = dt.datetime.combine(day, dt.time(), dt.UTC) - dt.timedelta(hours=30)
    low, high = 0, 60 * 60
    while low < high:
        middle = (low + high) // 2
        shown = (around + dt.timedelta(minutes=middle)).astimezone(ZoneInfo(zone)).date()
        low, high = (low, middle) if shown >= day else (middle + 1, high)
    return around + dt.timedelta(minutes=low)


def read(folder: Path, leads: list[str], interactions: list[str], zone: str | None) -> Tables:
    write_text(folder / "leads.csv", "lead_id,created_at,converted_at", *leads)
    if interactions:
        write_text(folder / "interactions.csv", "lead_id,occurred_at,recorded_at", *interactions)
    data = {} if zone is None else {"timezone": zone}
    return read_export(csv_mapping(folder, data=data))


SKIPPED = [
    ("America/Sao_Paulo", dt.date(2018, 11, 4)),
    ("America/Havana", dt.date(2024, 3, 10)),
    ("America/Havana", dt.date(2024, 11, 3)),
    ("Asia/Beirut", dt.date(2024, 3, 31)),
    ("America/Santiago", dt.date(2024, 9, 8)),
    ("Pacific/Apia", dt.date(2011, 12, 29)),
    ("Pacific/Apia", dt.date(2011, 12, 31)),
]
days = st.dates(dt.date(2000, 1, 1), dt.date(2030, 12, 31))


@pytest.mark.parametrize(("zone", "day"), SKIPPED)
def test_midnight_need_not_exist(tmp_path, zone, day) -> None:
    check_day(tmp_path, zone, day)


@given(zone=st.sampled_from(ZONES), day=days)
@settings(max_examples=25)
def test_an_event_of_a_day_is_known_at_the_end_of_its_local_day(
    tmp_path_factory, zone, day
) -> None:
    if (zone, day) != ("Pacific/Apia", dt.date(2011, 12, 30)):  # there was no such day
        check_day(tmp_path_factory.mktemp("days"), zone, day)


def check_day(folder: Path, zone: str, day: dt.date) -> None:
    begin = day_begins(day, zone)
    end = day_begins(day + dt.timedelta(days=1), zone) - LAST
    earlier = day - dt.timedelta(days=9)
    tables = read(
        folder,
        [
            f"1,{day},{day}",
            f"2,{(begin + dt.timedelta(hours=9)).isoformat()},{day}",
            f"3,{earlier},{day}",
        ],
        [f"1,{day},"],
        zone,
    )
    assert tables.rejects.num_rows == 0
    assert tables.leads["created_at"][0].as_py() == begin
    # Who was created on the day was bought from on it; who was there before is no lead on it.
    assert tables.leads["converted_at"].to_pylist() == [end, end, begin]
    assert tables.interactions["occurred_at"].to_pylist() == [end]
    assert tables.interactions["recorded_at"].to_pylist() == [end]


def test_what_was_recorded_on_its_day_at_an_hour_had_occurred_by_then(tmp_path) -> None:
    tables = read(
        tmp_path,
        ["1,2024-01-01T00:00:00Z,"],
        [
            "1,2024-01-10,2024-01-10T15:00:00Z",
            "1,2024-01-10,2024-01-12T15:00:00Z",
            "1,2024-01-10,2024-01-08T15:00:00Z",
            "1,2024-01-10,2024-01-10",
        ],
        "UTC",
    )
    end = dt.datetime(2024, 1, 11, tzinfo=dt.UTC) - LAST
    same = dt.datetime(2024, 1, 10, 15, tzinfo=dt.UTC)
    assert tables.interactions["occurred_at"].to_pylist() == [same, end, end, end]
    assert tables.days == {"interactions.occurred_at": 4, "interactions.recorded_at": 1}


def test_a_day_that_began_before_the_end_of_the_data_is_not_after_it(tmp_path) -> None:
    write_text(tmp_path / "leads.csv", "lead_id,created_at", "1,2024-01-01")
    write_text(tmp_path / "interactions.csv", "lead_id,occurred_at", "1,2024-01-09", "1,2024-01-10")
    data = {"timezone": "UTC", "ends_at": "2024-01-09T12:00:00Z"}
    tables = read_export(csv_mapping(tmp_path, data=data))
    assert tables.interactions.num_rows == 1
    assert tables.rejects["row"].to_pylist() == [2]


def test_a_day_needs_a_zone_like_any_other_time(tmp_path) -> None:
    tables = read(tmp_path, ["1,2024-01-01,"], [], None)
    assert tables.rejects["rule"].to_pylist() == ["time without zone"]


MIDNIGHTS = [f"2024-01-{day:02}" for day in range(1, 29)]


@pytest.mark.parametrize(
    ("suffix", "zone", "begins"),
    [
        (" 00:00:00", "Europe/Rome", 23),
        ("T00:00:00Z", "Europe/Rome", 23),
        ("T00:00:00+01:00", "Europe/Rome", 23),
        ("T00:00:00Z", None, 0),
    ],
)
def test_a_column_of_midnights_alone_is_one_of_days(tmp_path, suffix, zone, begins) -> None:
    """As days become in databases, Parquet and spreadsheets."""
    rows = [f"1,{day}{suffix}," for day in MIDNIGHTS]
    tables = read(tmp_path, ["1,2023-12-01T09:00:00Z,"], rows, zone)
    begin = dt.datetime(2024, 1, 2, begins, tzinfo=dt.UTC)
    begin -= dt.timedelta(days=begins > 0)
    assert tables.interactions["occurred_at"][1].as_py() == begin + dt.timedelta(days=1) - LAST
    assert tables.days["interactions.occurred_at"] == len(MIDNIGHTS)


def test_one_hour_among_midnights_makes_moments_of_them(tmp_path) -> None:
    rows = [f"1,{day} 00:00:00," for day in MIDNIGHTS] + ["1,2024-01-05 10:00:00,"]
    tables = read(tmp_path, ["1,2023-12-01T09:00:00Z,"], rows, "UTC")
    assert tables.interactions["occurred_at"][0].as_py() == dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    assert tables.days == {}


@pytest.mark.parametrize(("midnight", "known"), [("day", 2), ("moment", 1)])
def test_what_midnight_means_can_be_said(tmp_path, midnight, known) -> None:
    write_text(tmp_path / "leads.csv", "lead_id,created_at", "1,2023-12-01T09:00:00Z")
    write_text(tmp_path / "interactions.csv", "lead_id,occurred_at", "1,2024-01-01T00:00:00Z")
    formats = {"formats": {"occurred_at": {"midnight": midnight}}}
    tables = read_export(csv_mapping(tmp_path, interactions=formats))
    moment = dt.datetime(2024, 1, known, tzinfo=dt.UTC) - LAST * (known - 1)
    assert tables.interactions["occurred_at"].to_pylist() == [moment]
