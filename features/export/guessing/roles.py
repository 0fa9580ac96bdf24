"""Which column of a table may play which part, by its header and its values.

What exports call things stands in ``presets.toml``, for any CRM and for each that is known by its
headers. Headers and words are compared as `survey.plain_words` writes them.
"""

import tomllib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from features.export.guessing.survey import SurveyedColumn, SurveyedTable, plain_words

# A column of words has no more different ones.
MOST_WORDS = 40
# Headers of a CRM that must stand in the exports for it to be recognised.
_LEAST_HEADERS = 2


@cache
def presets() -> dict[str, Any]:
    """What exports of CRMs call things, as ``presets.toml`` has it."""
    text = files("features.export.guessing").joinpath("presets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass
class Notes:
    """What is told of a draft, gathered while it is made.

    Attributes
    ----------
    guesses, doubts : list of str
        What was taken for what, and what could not be found out.
    times : dict of str to SurveyedColumn
        Columns of times that are used, by table and name.
    """

    guesses: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    times: dict[str, SurveyedColumn] = field(default_factory=dict)

    def use_times(self, table: str, columns: Iterable[SurveyedColumn | None]) -> None:
        """Note that columns are read as times; which of two patterns is right may be open."""
        for column in columns:
            if column is None:
                continue
            self.times[f"{table}.{column.name}"] = column
            if len(column.time_lines) > 1:
                ways = " or by ".join(column.time_lines)
                self.doubts.append(
                    f"{table}.{column.name} can be read by {ways}: the first was taken. Correct it "
                    "if the month comes first."
                )


def recognised_crm(tables: Sequence[SurveyedTable]) -> str | None:
    """Key of the CRM most of whose own headers stand in the tables; None where none has two.

    Parameters
    ----------
    tables : sequence of SurveyedTable
        The tables of the exports.
    """
    headers = {column.name for table in tables for column in table.columns}
    counts = {
        crm: len(headers & set(preset["headers"])) for crm, preset in presets()["crm"].items()
    }
    likeliest = max(counts, key=lambda crm: counts[crm])
    return likeliest if counts[likeliest] >= _LEAST_HEADERS else None


def words_of(crm: str | None) -> dict[str, set[str]]:
    """Words for outcomes, directions and the like; those of a CRM beside everybody's.

    Parameters
    ----------
    crm : str or None
        Key of the CRM in ``presets.toml``.
    """
    preset = presets()["crm"].get(crm, {})
    return {kind: {*words, *preset.get(kind, ())} for kind, words in presets()["words"].items()}


def codes_of(crm: str | None) -> dict[str, dict[str, str]]:
    """What numbers in the columns of a CRM mean, by column.

    Parameters
    ----------
    crm : str or None
        Key of the CRM in ``presets.toml``.
    """
    codes: dict[str, dict[str, str]] = presets()["crm"].get(crm, {}).get("codes", {})
    return codes


def columns_by_role(table: SurveyedTable, role: str) -> list[SurveyedColumn]:
    """Columns that may play a part, the likeliest first; those that are empty are left out.

    Parameters
    ----------
    table : SurveyedTable
        The table.
    role : str
        Name of the part in ``presets.toml``.
    """
    terms: list[str] = presets()["roles"][role]
    ranked = [
        (rank, column)
        for column in table.columns
        if column.filled and (rank := header_rank(column.words, terms)) is not None
    ]
    return [column for _, column in sorted(ranked, key=lambda pair: pair[0])]


def header_rank(header: str, terms: Sequence[str]) -> int | None:
    """Place of a header among the terms of a part, likely ones first; None where it is no such one.

    Parameters
    ----------
    header : str
        A header in plain words.
    terms : sequence of str
        The terms, the likeliest first. A header that ends in one comes after those that are one.

    Examples
    --------
    >>> terms = ["won time", "date"]
    >>> [header_rank(h, terms) for h in ("won time", "deal won time", "date", "due date", "dates")]
    [0, 2, 1, 5, None]
    """
    if header in terms:
        return terms.index(header)
    endings = [i for i, term in enumerate(terms) if header.endswith(f" {term}")]
    if not endings:
        return None
    of_several_words = [i for i in endings if " " in terms[i]]
    return len(terms) + of_several_words[0] if of_several_words else 2 * len(terms) + endings[0]


def times_by_role(table: SurveyedTable, role: str) -> list[SurveyedColumn]:
    """Columns of times that may play a part, the likeliest first; none of what was expected."""
    return [c for c in columns_by_role(table, role) if c.is_time and not is_expected(c)]


def is_expected(column: SurveyedColumn) -> bool:
    """Whether a header speaks of what was expected, and need not have come."""
    return any(f" {words}" in f" {column.words}" for words in presets()["hints"]["expected"])


def values_among(column: SurveyedColumn, words: Collection[str]) -> list[str]:
    """Values of a column that are among some words, the most frequent first."""
    return [
        value for value, _ in column.counts.most_common(500) if _forms_of(column, value) & {*words}
    ]


def _forms_of(column: SurveyedColumn, value: str) -> set[str]:
    """What a value may be known as: itself, within its pipeline (``C1:WON``), under its header."""
    plain = plain_words(value)
    return {plain, plain_words(value.rpartition(":")[2]), f"{column.words} {plain}"}


def is_vocabulary(column: SurveyedColumn) -> bool:
    """Whether a column holds words of which there are few, each in several rows."""
    return 0 < len(column.counts) <= MOST_WORDS and len(column.counts) < max(0.5 * column.filled, 3)


def is_history(table: SurveyedTable) -> bool:
    """Whether a table holds changes: by its name, old and new values, or lists of versions."""
    name = {*plain_words(table.name).split()}
    is_named_so = any(w.endswith(hint) for w in name for hint in presets()["hints"]["history"])
    has_versions = any(column.is_history for column in table.columns)
    return is_named_so or has_versions or bool(columns_by_role(table, "old_value"))
