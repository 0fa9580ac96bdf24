"""The sections ``[leads]``, ``[interactions]`` and ``[attributes]``: one table of ours each.

A section says where its rows are, which column plays which part, and how values are written; what
its parts are called is checked here, so that a typing error is no column that nobody reads.

Tests: tests/features/export/test_mapping.py.
"""

from collections.abc import Sequence
from typing import Any, Self
from unicodedata import normalize

from pydantic import Field, model_validator

from features.export.file_mapping import FileFormat, ValueFormat
from features.export.formats import ColumnFormat
from features.export.sections import Names, near_miss
from features.tables import INTERACTION_FIELDS, LEAD_COLUMNS, Kind

INTERACTION_COLUMNS = ("lead_id", "occurred_at", "recorded_at", *INTERACTION_FIELDS)
LOG_COLUMNS = ("lead_id", "recorded_at", "name", "value")

# Where the rows of a table may be.
_PLACES = ("source", "table", "query", "file", "sql")


class TableMapping(FileFormat):
    """What the sections of all three tables share: where the rows are and how to read them.

    Attributes
    ----------
    source : str or None
        File, pattern, folder or archive, as `FileMapping` says: CSV, Parquet, Excel (.xlsx), JSON
        or JSON lines.
    table, query : str or None
        In place of a file: a table (``name`` or ``schema.name``) or a query in ``data.database``.
    file, sql : str or None
        In place of these: a name of ``[files]``, or a query over those names in DuckDB's SQL.
    columns : dict of str to str
        Our name to the export's column; a name left out is looked for as it stands.
    values : dict of str to dict
        Our column to {the export's value: the value to use}. The empty text means missing.
    formats : dict of str to ValueFormat
        Our column to how its values are written, where that differs from the table's.
    """

    source: str | None = None
    table: str | None = None
    query: str | None = None
    file: str | None = None
    sql: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, str]] = Field(default_factory=dict)
    formats: dict[str, ValueFormat] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        stated = [name for name in _PLACES if getattr(self, name) is not None]
        if len(stated) != 1:
            raise ValueError(
                "exactly one of source, table, query, file and sql says where the rows are, got "
                f"{' and '.join(stated) or 'none of them'}"
            )
        _known_keys_of_table(self)
        return self

    def identity_columns(self) -> tuple[str, ...]:
        """Columns of the export that tell who a lead is, beside its own id; only leads have any."""
        return ()

    def column(self, name: str) -> str:
        """Export's column that plays a part of ours.

        Parameters
        ----------
        name : str
            Our name of the column.

        Returns
        -------
        str
            The export's name of it.
        """
        return normalize("NFC", self.columns.get(name, name))

    def column_format(self, name: str, defaults: Sequence[ValueFormat]) -> ColumnFormat:
        """How the values of one of our columns are written.

        Parameters
        ----------
        name : str
            Our name of the column.
        defaults : sequence of ValueFormat
            What holds where neither column nor table say anything (`ExportMapping.defaults`).
        """
        nearest_first = (self.formats.get(name, ValueFormat()), self, *defaults)
        values: dict[str, Any] = {}
        level: dict[str, int] = {}
        for key in ValueFormat.model_fields:
            stated = [
                (i, value)
                for i, format_ in enumerate(nearest_first)
                if (value := getattr(format_, key)) is not None
            ]
            if key == "missing":
                values[key] = tuple(word for _, words in stated for word in words)
            elif stated:
                level[key], values[key] = stated[0]
        if values.get("thousands") == values.get("decimal", "."):
            # Both cannot be the same sign: the one that is said nearer to the column is meant.
            if level["thousands"] <= level.get("decimal", len(nearest_first)):
                values["decimal"] = "," if values["thousands"] == "." else "."
            else:
                del values["thousands"]
        return ColumnFormat(**values)


class LeadsMapping(TableMapping):
    """Section ``[leads]``: one row for each lead.

    Attributes
    ----------
    fixed_at_creation : tuple of str
        Attributes whose value is what was known when the lead was created. No other column of the
        table is used: its value may have been written after the outcome.
    also_known_as : tuple of str
        The export's columns with further ids of the lead, by which interactions and the log of
        attributes may name it, such as that of the contact it was converted to.
    merged_into : str or None
        The export's column with the id of the lead that this one was merged into: its interactions
        are that lead's, and it is none itself.
    leave_out : dict of str to tuple of str
        The export's column to the values with which a row is no lead: ``IsDeleted = ["1"]``.
    allow_flags : tuple of str
        Columns or names in the log whose name speaks of personal data and whose values are none,
        such as a consent or a kind of device: they may have no more than 20 different values.
    allow_sensitive : tuple of str
        Sensitive attributes (age, income, family status …) that may be used all the same, be they
        columns of this table or names in the log of attributes.
    kinds : dict of str to {"number", "category", "timestamp"}
        Kind of an attribute, where the guess from its values is wrong.
    """

    fixed_at_creation: Names = ()
    also_known_as: Names = ()
    merged_into: str | None = None
    leave_out: dict[str, Names] = Field(default_factory=dict)
    allow_sensitive: Names = ()
    allow_flags: Names = ()
    kinds: dict[str, Kind] = Field(default_factory=dict)

    def identity_columns(self) -> tuple[str, ...]:
        """Columns of the export that tell who a lead is, beside its own id."""
        merged_into = () if self.merged_into is None else (self.merged_into,)
        return tuple(dict.fromkeys((*self.also_known_as, *merged_into, *self.leave_out)))


class InteractionsMapping(TableMapping):
    """Section ``[interactions]``, or one of several: one row for each contact with a lead.

    Attributes
    ----------
    measures : tuple of str
        Columns with numbers, such as a duration or an amount.
    """

    measures: Names = ()


class AttributesMapping(TableMapping):
    """Section ``[attributes]``: the log of attributes that change.

    Attributes
    ----------
    kinds : dict of str to {"number", "category", "timestamp"}
        Kind of an attribute, where the guess from its values is wrong.
    """

    kinds: dict[str, Kind] = Field(default_factory=dict)


def _known_keys_of_table(table: TableMapping) -> None:
    """Refuse names in columns, values and kinds that mean nothing: they are typing errors."""
    match table:
        case LeadsMapping():
            standard_names: tuple[str, ...] = LEAD_COLUMNS
            declared, list_name = table.fixed_at_creation, "fixed_at_creation"
        case InteractionsMapping():
            standard_names, declared, list_name = INTERACTION_COLUMNS, table.measures, "measures"
        case _:
            standard_names, declared, list_name = LOG_COLUMNS, (), ""
    for name in declared:
        if name in standard_names:
            raise ValueError(f"{name!r} has a part of its own and cannot stand in {list_name}")
        if name == list_name == "measures":
            raise ValueError(
                "a measure cannot be called 'measures', as that is where a request to the server "
                'holds them all; give it another name: measures = ["amount"] and, in '
                '[interactions.columns], amount = "measures"'
            )
    names = (*standard_names, *declared)
    also = f", or a name in {list_name}" if list_name else ""
    for section in ("columns", "values", "formats"):
        # Each attribute of the log may be written in its own way.
        if section == "formats" and isinstance(table, AttributesMapping):
            continue
        for name in getattr(table, section):
            if name not in names:
                raise ValueError(
                    f"{section}: {name!r} is not a name of ours.{near_miss(name, names)} "
                    f"Allowed: {', '.join(standard_names)}{also}"
                )
    if isinstance(table, LeadsMapping):
        for name in table.kinds:
            if name not in declared:
                raise ValueError(
                    f"kinds: {name!r} is not in fixed_at_creation.{near_miss(name, declared)}"
                )
