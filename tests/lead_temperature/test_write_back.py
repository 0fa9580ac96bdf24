"""`lead-temperature write-back`: a file to import, and one clear word on mistakes."""

from pathlib import Path

import pytest

from serving.bulk.desk import write_table
from serving.pages.work_table import list_columns
from tests.support.bundles import SPEC
from tests.support.desk import house
from tests.support.work import lively_list

pytestmark = [pytest.mark.slow, pytest.mark.process]


@pytest.fixture
def today(tmp_path: Path) -> Path:
    path = tmp_path / "today.csv"
    write_table(list_columns(lively_list(), SPEC, house().zone, has_previous=True), path)
    return path


def test_only_what_changed_is_in_the_file(run, today: Path, tmp_path: Path) -> None:
    changes = tmp_path / "changes.csv"
    first = run("write-back", today, "-o", changes)
    assert first.returncode == 0, first.stderr
    assert "Wrote 7 changed leads" in first.stdout
    assert changes.read_text().count("\n") == 8
    again = run("write-back", today, "--previous", today, "-o", changes)
    assert "Wrote 0 changed leads" in again.stdout
    assert changes.read_text().count("\n") == 1


def test_a_list_is_never_overwritten_by_its_changes(run, today: Path) -> None:
    listed = today.read_bytes()
    told = run("write-back", today, "-o", today)
    assert told.returncode == 1
    assert "is one of the lists" in told.stderr
    assert today.read_bytes() == listed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Say where to write"),
        (("--crm", "odoo"), "--crm and --url belong together"),
        (("-o", "changes.pdf"), "--output must end in .csv or .xlsx"),
        (("--crm", "odoo", "--url", "https://crm.invalid"), "LEAD_TEMPERATURE_CRM_KEY must hold"),
    ],
    ids=["nowhere", "no_url", "suffix", "no_key"],
)
def test_a_mistake_is_one_message(run, today: Path, options, message: str) -> None:
    told = run("write-back", today, *options)
    assert told.returncode == 1
    assert message in told.stderr
    assert "Traceback" not in told.stderr
