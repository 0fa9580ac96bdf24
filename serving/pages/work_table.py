"""The day's list as columns, for a file that a spreadsheet or the CRM reads.

Names of columns and the words of ``clock`` and ``band`` are the same in every language, so that the
next list and an import into the CRM can rely on them; sentences are in the reader's.
"""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from features.language.spec import Spec
from serving.desk.hours import as_datetime
from serving.desk.worklist import Worklist, WorkRow
from serving.pages.speech import CODES, speech
from serving.pages.work_page import person_language
from serving.pages.work_words import RowTexts, list_reader, row_texts

Cell = str | float | int
SENTENCES = (
    *("purpose", "offer", "must_have", "mention", "question", "band_change", "why_person"),
    *("reasons", "changes", "outcomes"),
)


def list_columns(
    worklist: Worklist, spec: Spec, zone: ZoneInfo, has_previous: bool, code: str | None = None
) -> Mapping[str, Sequence[Cell]]:
    """Columns of a day's list, by name; all of one length.

    Parameters
    ----------
    worklist : Worklist
        The list.
    spec : Spec
        Features of the bundle that made it.
    zone : zoneinfo.ZoneInfo
        Time zone of the house: ``due_by`` is in it.
    has_previous : bool
        Whether there was a list before.
    code : str, optional
        Language of all sentences; by default each person's.
    """
    readers = {
        language: list_reader(spec, speech(language), zone, has_previous=has_previous)
        for language in CODES
    }
    languages = {person.id: code or person_language(person) for person in worklist.people}
    columns: dict[str, list[Cell]] = {name: [] for name in (*_IDENTITY, *SENTENCES)}
    as_of = as_datetime(worklist.as_of, ZoneInfo("UTC")).isoformat()
    for row in worklist.rows:
        texts = row_texts(row, readers[languages[row.person]])
        values = {
            **_identity(row, as_of, zone),
            **{name: _joined(texts, name) for name in SENTENCES},
        }
        for name, value in values.items():
            columns[name].append(value)
    return columns


_IDENTITY = (
    *("person", "rank", "lead_id", "link", "band", "probability", "low", "expected_purchases"),
    *("due_by", "overdue", "clock", "play", "owner", "other_leads", "as_of"),
)


def _identity(row: WorkRow, as_of: str, zone: ZoneInfo) -> dict[str, Cell]:
    """What programs read of a row."""
    return {
        "person": row.person,
        "rank": row.rank,
        "lead_id": row.lead_id,
        "link": row.link or "",
        "band": row.band,
        "probability": row.probability,
        "low": row.low,
        "expected_purchases": row.expected_purchases,
        "due_by": as_datetime(row.due_by, zone).isoformat(timespec="minutes"),
        "overdue": "yes" if row.is_overdue else "no",
        "clock": row.clock,
        "play": row.play.name,
        "owner": row.owner or "",
        "other_leads": " ".join(row.other_leads),
        "as_of": as_of,
    }


def _joined(texts: RowTexts, name: str) -> str:
    """Sentences of a kind as one cell."""
    match getattr(texts, name):
        case str(text):
            return text
        case sentences:
            return "; ".join(
                part if isinstance(part, str) else " → ".join(part) for part in sentences
            )
