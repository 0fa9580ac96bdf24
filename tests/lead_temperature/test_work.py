"""`lead-temperature work` on a trained CRM."""

import csv
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PEOPLE = """
timezone = "Europe/Lisbon"
link = "https://crm.example.com/leads/{lead_id}"
leader = "carla"

[attributes]
owner = "owner"
source = "source_kind"
form = "form"

[[person]]
id = "ana"
languages = ["pt"]
capacity = 5

[[person]]
id = "carla"
languages = ["it"]
capacity = 4
absences = [2026-01-06]
"""


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.toml"
    path.write_text(PEOPLE)
    return path


def test_two_days_of_work(run, trained, people: Path, tmp_path: Path) -> None:
    given = ("--bundle", trained.bundle, "--config", trained.config, "--people", people)
    today, page = tmp_path / "today.csv", tmp_path / "today.html"
    first = run("work", *given, "--date", "2026-01-05", "-o", today, "-o", page)
    assert first.returncode == 0, first.stderr
    listed = rows(today)
    assert [row["person"] for row in listed] == [*["ana"] * 5, *["carla"] * 4]
    assert [row["rank"] for row in listed] == [*"12345", *"1234"]
    assert re.search(r"this list \d+\.\d%, newest first \d+\.\d%, everybody in turn", first.stdout)
    assert page.read_text().count('<li class="lead">') == 9
    again = tmp_path / "again.csv"
    assert run("work", *given, "--date", "2026-01-05", "-o", again).returncode == 0
    assert again.read_bytes() == today.read_bytes()
    book = tmp_path / "next.xlsx"
    following = ("--date", "2026-01-06", "--previous", today, "-o", tmp_path / "next.csv")
    second = run("work", *given, *following, "-o", book, "--language", "ru")
    assert second.returncode == 0, second.stderr
    assert {row["person"] for row in rows(tmp_path / "next.csv")} == {"ana"}
    assert all(row["changes"] for row in rows(tmp_path / "next.csv"))
    assert book.stat().st_size > 4_000
    earlier = run("work", *given, "--date", "2026-01-02", "--previous", today, "-o", again)
    assert earlier.returncode == 1
    assert "is not earlier than this list" in earlier.stderr


def test_mistakes_are_said_before_anything_is_read(run, trained, people, tmp_path: Path) -> None:
    given = ("--bundle", trained.bundle, "--config", trained.config, "--people", people)
    for wrong, message in (
        (("-o", tmp_path / "list.pdf"), "--output must end in .csv, .xlsx, .html"),
        (("-o", tmp_path / "a.csv", "--date", "tomorrow"), "--date must be a day such as"),
        (("-o", tmp_path / "a.csv", "--date", "9999-12-31"), "must lie in the years 1971 to 2199"),
        (("-o", tmp_path / "a.csv", "--plays", tmp_path / "none.toml"), "Copy the shipped plays"),
    ):
        told = run("work", *given, *wrong)
        assert told.returncode == 1
        assert message in told.stderr
        assert "Traceback" not in told.stderr
