"""Small exports that go wrong, each read once: does it give the right answer?

They lie beside the checkout, a folder each, and stand for kinds of fault; the tests of
`features.export` hold the kinds, with inputs of their own. A folder that is not here is skipped,
and one whose answer is not written down here is only read: it may be refused in words, not crash.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features.export.inspection import inspection
from features.export.sources import read_export
from features.tables import Tables
from tests.support.required import SHARED
from training.config import read_config

FOLDER = SHARED / "cases"


@dataclass(frozen=True)
class Reading:
    """What came of an export: its tables, or the refusal; and all that a person is told."""

    tables: Tables | None
    said: str

    def says(self, *words: str) -> bool:
        return all(word.lower() in self.said.lower() for word in words)

    def refused(self, *words: str) -> bool:
        return self.tables is None and self.says(*words)

    def leads(self, column: str) -> list[Any]:
        return [] if self.tables is None else self.tables.leads[column].to_pylist()

    def interactions(self, column: str = "lead_id") -> list[Any]:
        return [] if self.tables is None else self.tables.interactions[column].to_pylist()

    @property
    def unused(self) -> dict[str, str]:
        return {} if self.tables is None else self.tables.unused


def reading(folder: Path) -> Reading:
    try:
        tables = read_export(read_config(folder / "lead_temperature.toml").export)
    except (ValueError, FileNotFoundError) as error:
        return Reading(None, str(error))
    summary = inspection(tables)
    parts = (
        summary.problems,
        summary.broken_rules,
        summary.suspicions,
        summary.unused,
    )
    return Reading(tables, repr(parts))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


RIGHT: dict[str, Callable[[Reading], bool]] = {
    "01-ids-trailing-space": lambda found: sorted(found.interactions()) == ["A1", "A2"],
    "02-ids-nbsp-bom": lambda found: sorted(found.interactions()) == ["A1", "A2"],
    "04-ids-leading-zero": lambda found: found.says("leading zero"),
    "06-ids-float-parquet": lambda found: (
        found.interactions() == ["1000000000000001", "1000000000000002"]
        and len(found.leads("lead_id")) == 3
        and found.says("missing value")
    ),
    "09-ids-excel-1e15": lambda found: found.leads("lead_id") == [] and found.says("spreadsheet"),
    "101-sql-dup-own": lambda found: found.refused("converted_at", "2 times"),
    "103-log-name-lead_id": lambda found: (
        found.refused("lead_id") or "attributes.lead_id" in found.unused
    ),
    "104-one-old-lead": lambda found: found.says("2001-01-01"),
    "11-null-words-converted": lambda found: (
        found.leads("converted_at") == [None, instant("2024-02-01T10:00")]
    ),
    "16-null-words-category": lambda found: (
        set(found.leads("source")) == {"web", None}
        or found.says("NULL", "N/A", "None", "nan", "(not set)", "missing = [")
    ),
    "18-epoch-ms": lambda found: found.says("epoch_ms"),
    "20-excel-serial": lambda found: found.says("excel"),
    "26-date-only-conversion": lambda found: (
        found.leads("lead_id") == ["A1", "A2", "A3"]
        and found.leads("converted_at")[0] > instant("2024-01-05T10:00")
        and found.leads("converted_at")[0] < instant("2024-01-06T00:00")
    ),
    "27-thousands-dot": lambda found: (
        found.says("thousands = ") and (found.tables is None or "budget" in found.unused)
    ),
    "29-measure-na": lambda found: found.interactions("duration_seconds") == [None, 60, 61],
    "30-measure-nan-parquet": lambda found: (
        sorted(found.interactions("duration_seconds"), key=str) == [60, 61, None]
    ),
    "31-measure-negative": lambda found: found.says("duration_seconds", "negative", "-5"),
    "33-zip-code": lambda found: (
        found.leads("zip")[:3] == ["00184", "0184", "20121"]
        and found.leads("plan")[0] == "1e5"
        and found.leads("version")[:2] == ["1.1", "1.10"]
    ),
    "36-case-space-words": lambda found: found.says("Call", "CALL", "values.kind"),
    "37-duplicate-interactions": lambda found: found.says("same interaction", "2"),
    "39-date-only-interactions": lambda found: (
        found.interactions("occurred_at")
        and min(found.interactions("occurred_at")) > instant("2024-01-02T22:59:59")
        and found.says("days without an hour")
    ),
    "40-utf16": lambda found: found.leads("source") == ["web", "fair"] or found.says("utf-16"),
    "43-title-rows": lambda found: found.refused("line 3", "skip_rows = 2"),
    "51-header-nfd": lambda found: (
        found.leads("città") == ["web", "fair"] or found.refused("Unicode")
    ),
    "54-dup-col-own": lambda found: found.refused("converted_at", "2 times"),
    "64-xlsx": lambda found: found.leads("lead_id") != [] or found.refused("Excel"),
    "74-sql-join-star": lambda found: found.refused("'id'", "2 times"),
    "76-parquet-dup": lambda found: found.refused("converted_at", "2 times"),
    "82-log-tie": lambda found: found.says("stage", "same instant"),
    "90-privacy-false": lambda found: (
        found.unused != {} and all("allow_" in reason for reason in found.unused.values())
    ),
}


def folders() -> list[Path]:
    return sorted(path for path in FOLDER.iterdir() if path.is_dir()) if FOLDER.is_dir() else []


@pytest.mark.parametrize("folder", folders(), ids=lambda path: path.name)
def test_a_small_export_that_goes_wrong_gives_its_right_answer(folder: Path) -> None:
    found = reading(folder)
    assert RIGHT.get(folder.name, lambda _: True)(found), found.said


def test_the_small_exports_are_here() -> None:
    if not folders():
        pytest.skip(f"the small exports are not here: {FOLDER}")
    assert {path.name for path in folders()} >= RIGHT.keys()
