"""The telephone campaigns as an export of attributes alone."""

import csv
import io
import tomllib
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.bank_marketing import app, convert
from tests.support.required import require_calls

HEADER = (
    '"age";"job";"marital";"education";"default";"housing";"loan";"contact";"month";"day_of_week";'
    '"duration";"campaign";"pdays";"previous";"poutcome";"emp.var.rate";"cons.price.idx";'
    '"cons.conf.idx";"euribor3m";"nr.employed";"y"'
)


def call(month: str, y: str = "no", pdays: int = 999, job: str = "services") -> str:
    return (
        f'40;"{job}";"married";"basic.4y";"unknown";"no";"no";"telephone";"{month}";"mon";261;1;'
        f'{pdays};0;"nonexistent";1.1;93.994;-36.4;4.857;5191;"{y}"'
    )


def published(path: Path, *lines: str, table: str = "bank-additional-full.csv") -> Path:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(f"bank-additional/{table}", "\n".join(lines) + "\n")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bank-additional.zip", inner.getvalue())
    return path


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "leads.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def configuration(folder: Path) -> dict[str, dict[str, object]]:
    return tomllib.loads((folder / "lead_temperature.toml").read_text(encoding="utf-8"))


def test_a_month_earlier_in_the_calendar_begins_a_new_year(tmp_path: Path) -> None:
    months = ("may", "jun", "dec", "mar", "dec", "mar")
    convert(published(tmp_path / "a.zip", HEADER, *map(call, months)), tmp_path)
    assert [row["created_at"][:7] for row in rows(tmp_path)] == [
        "2008-05",
        "2008-06",
        "2008-12",
        "2009-03",
        "2009-12",
        "2010-03",
    ]
    assert configuration(tmp_path)["data"]["ends_at"] == "2010-04-02T00:00:00+00:00"


def test_the_calls_of_a_month_are_spread_evenly_over_it_in_their_order(tmp_path: Path) -> None:
    convert(published(tmp_path / "a.zip", HEADER, *[call("jun")] * 3), tmp_path)
    assert [row["created_at"] for row in rows(tmp_path)] == [
        "2008-06-06T00:00:00+00:00",
        "2008-06-16T00:00:00+00:00",
        "2008-06-26T00:00:00+00:00",
    ]


def test_the_outcome_is_known_soon_after_the_call_and_before_the_data_end(tmp_path: Path) -> None:
    convert(published(tmp_path / "a.zip", HEADER, call("dec", y="yes"), call("dec")), tmp_path)
    yes, no = rows(tmp_path)
    assert (yes["converted_at"], yes["closed_at"]) == ("2008-12-08T19:00:00+00:00", "")
    assert (no["converted_at"], no["closed_at"]) == ("", "2008-12-24T07:00:00+00:00")
    assert configuration(tmp_path)["data"]["ends_at"] == "2009-01-02T00:00:00+00:00"


def test_unknown_values_and_the_999_of_pdays_are_missing(tmp_path: Path) -> None:
    lines = (call("may", job="unknown"), call("may", pdays=3))
    done = convert(published(tmp_path / "a.zip", HEADER, *lines), tmp_path)
    first, second = rows(tmp_path)
    assert (first["job"], first["pdays"], first["default"]) == ("", "", "")
    assert (second["job"], second["pdays"]) == ("services", "3")
    assert done.missing == {"default": 2, "job": 1, "pdays": 1}


def test_the_length_of_the_call_stays_in_the_table_but_is_not_declared(tmp_path: Path) -> None:
    convert(published(tmp_path / "a.zip", HEADER, call("may")), tmp_path)
    leads = configuration(tmp_path)["leads"]
    (row,) = rows(tmp_path)
    assert row["duration"] == "261"
    times = {"lead_id", "created_at", "converted_at", "closed_at"}
    assert row.keys() - times - set(leads["fixed_at_creation"]) == {"duration"}
    assert set(leads["fixed_at_creation"]) <= row.keys()
    assert leads["allow_sensitive"] == []
    assert leads["kinds"].keys() <= set(leads["fixed_at_creation"])


def test_there_are_no_interactions_and_each_lead_is_looked_at_once(tmp_path: Path) -> None:
    convert(published(tmp_path / "a.zip", HEADER, call("may")), tmp_path)
    config = configuration(tmp_path)
    assert "interactions" not in config
    assert config["horizons"] == {"hot_days": 1, "warm_days": 7}
    assert config["snapshots"]["first_days"] == config["snapshots"]["until_days"] == 0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((HEADER,), "0 rows found, missing columns: none"),
        ((HEADER.replace('"y"', '"z"'), call("may")), "1 rows found, missing columns: y"),
        ((HEADER, call("may"), call("mai")), "row 2 must be complete.*got month='mai', y='no'"),
        ((HEADER, call("may", y="maybe")), "row 1 must be complete.*y='maybe'"),
        ((HEADER, '40;"x"'), "row 1 must be complete"),
        ((HEADER, call("may") + ";1"), "row 1 must be complete"),
    ],
)
def test_a_table_that_is_not_as_published_is_refused_with_its_row(
    tmp_path: Path, lines: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        convert(published(tmp_path / "a.zip", *lines), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_zip_and_no_zip_are_refused_by_name(tmp_path: Path) -> None:
    other = published(tmp_path / "other.zip", HEADER, table="elsewhere.csv")
    with pytest.raises(ValueError, match=r"other.zip: must be the zip as published"):
        convert(other, tmp_path)
    (tmp_path / "none.zip").write_text("no zip")
    with pytest.raises(ValueError, match=r"none.zip: must be the zip as published"):
        convert(tmp_path / "none.zip", tmp_path)


def test_the_command_says_what_it_wrote_and_fails_with_one_line(tmp_path: Path) -> None:
    path = published(tmp_path / "a.zip", HEADER, call("may", y="yes"), call("may"))
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path)])
    assert result.exit_code == 0
    assert "2 leads: 1 converted (50.0%)" in result.output
    assert "default 2, pdays 2" in result.output
    failed = CliRunner().invoke(app, ["convert", str(tmp_path / "no.zip"), str(tmp_path)])
    assert failed.exit_code == 1
    assert failed.output.startswith("Error: ")
    assert "Traceback" not in failed.output


@pytest.mark.training
def test_the_published_zip_gives_the_counts_that_are_described_with_it(tmp_path: Path) -> None:
    done = convert(require_calls(), tmp_path)
    assert (done.leads, done.converted) == (41_188, 4_640)
    assert done.ends_at.isoformat() == "2010-12-02T00:00:00+00:00"
    leads = rows(tmp_path)
    created = [datetime.fromisoformat(row["created_at"]) for row in leads]
    assert len(leads) == 41_188
    assert created == sorted(created)
    assert (created[0].year, created[0].month) == (2008, 5)
    assert (created[-1].year, created[-1].month) == (2010, 11)
    assert created[-1] + timedelta(days=1) < done.ends_at
    years = {2008: [0, 0], 2009: [0, 0], 2010: [0, 0]}
    for row, at in zip(leads, created, strict=True):
        years[at.year][0] += 1
        years[at.year][1] += row["converted_at"] != ""
    share = {year: yes / n for year, (n, yes) in years.items()}
    assert share[2008] < 0.06 < share[2009] < 0.40 < share[2010]  # conversion drifts upwards
