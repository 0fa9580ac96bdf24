"""What ``lead_temperature.toml`` says of the export: where its tables are, what they mean.

Every CRM names its columns in its own way. The sections ``[data]``, ``[leads]``, ``[interactions]``
and ``[attributes]`` say which file, table or query holds each of our three tables, which of its
columns plays which part, and which values stand for which of ours. ``[files]`` gives files names,
over which ``sql`` joins what the CRM keeps apart. Start at `export_mapping`, which checks the
sections and answers with one `ExportMapping`; `features.export.sources.read_export` reads by it.
"""

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from unicodedata import normalize
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from features.export.formats import ColumnFormat, DurationFormat, date_format_objection
from features.tables import INTERACTION_FIELDS, LEAD_COLUMNS, Kind

INTERACTION_COLUMNS = ("lead_id", "occurred_at", "recorded_at", *INTERACTION_FIELDS)
LOG_COLUMNS = ("lead_id", "recorded_at", "name", "value")

# Where the rows of a table may be.
_PLACES = ("source", "table", "query", "file", "sql")

# The file's name in messages, when the caller does not know a better one.
FILE_NAME = "lead_temperature.toml"


def near_miss(name: str, allowed: Iterable[str]) -> str:
    """Suggestion for a mistyped name, ready to be put into a message.

    Parameters
    ----------
    name : str
        What was written.
    allowed : iterable of str
        What may be written.

    Returns
    -------
    str
        A clause with a leading space, or nothing when no allowed name is near.

    Examples
    --------
    >>> near_miss("delimeter", ["delimiter", "encoding"])
    " Did you mean 'delimiter'?"
    >>> near_miss("colour", ["delimiter", "encoding"])
    ''
    """
    near = get_close_matches(name, list(allowed), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _tuple_of_distinct(value: object) -> object:
    """TOML has arrays, a frozen value has tuples."""
    if not isinstance(value, list | tuple):
        return value
    repeated = sorted({str(item) for item in value if value.count(item) > 1})
    if repeated:
        raise ValueError(f"each name may stand here once, found twice: {', '.join(repeated)}")
    # As the readers write the names of columns: one name, one spelling.
    return tuple(normalize("NFC", item) if isinstance(item, str) else item for item in value)


Names = Annotated[tuple[str, ...], BeforeValidator(_tuple_of_distinct)]


class Section(BaseModel):
    """Settings of every section: unknown keys are errors, and no input is ever echoed."""

    # A mistyped key could hold a password: hide_input keeps it out of the message.
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=False
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: object) -> object:
        # Pydantic alone would only say that an unknown key is extra.
        if isinstance(value, dict):
            for key in sorted(value.keys() - cls.model_fields.keys()):
                allowed = sorted(cls.model_fields.keys() - {"base"})
                raise ValueError(
                    f"unknown key {key!r}.{near_miss(key, allowed)} Allowed: {', '.join(allowed)}"
                )
        return value


def _one_or_several(value: object) -> object:
    return _tuple_of_distinct([value] if isinstance(value, str) else value)


class ValueFormat(Section):
    """How numbers, times and missing values are written: in an export, a file or a column.

    What a column says goes before what its file says, and that before what the export says; only
    the words for missing values add up. `features.export.formats.ColumnFormat` says what each is.
    """

    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    dates: Annotated[tuple[str, ...] | None, BeforeValidator(_one_or_several)] = None
    durations: DurationFormat | None = None
    missing: Annotated[tuple[str, ...] | None, BeforeValidator(_one_or_several)] = None
    timezone: str | None = None
    midnight: Literal["day", "moment"] | None = None

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        # "localtime" is another zone on every machine.
        if value is not None and value not in (zones := available_timezones() - {"localtime"}):
            raise ValueError(
                f"must be the IANA name of a time zone, such as 'Europe/Lisbon', got {value!r}."
                f"{near_miss(value, zones)}"
            )
        return value

    @field_validator("dates")
    @classmethod
    def _readable_dates(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for text in value or ():
            if objection := date_format_objection(text):
                raise ValueError(f"{text!r} {objection}")
        return value

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands cannot both be {self.decimal!r}")
        return self


class DataMapping(ValueFormat):
    """Section ``[data]``: what holds for the export as a whole, with how its values are written.

    Attributes
    ----------
    timezone : str or None
        IANA name of the zone of times that are written without one.
    ends_at : datetime or None
        The moment at which the export was made; nothing can have been recorded later. By default
        `features.export.data_end.latest_recording`.
    most_rejected : float
        Share of the rows of any table that may be rejected before a model is trained.
    accept_differences : bool
        Whether to train although contacts or rejects depend on the outcome
        (`features.export.blindness`).
    database : SecretStr or None
        SQLAlchemy URL of the database that tables and queries are read from. ``$NAME`` stands for
        an environment variable and is replaced only when the export is read.
    """

    ends_at: datetime | None = None
    most_rejected: float = Field(default=0.1, ge=0, le=1)
    accept_differences: bool = False
    database: SecretStr | None = None

    @field_validator("ends_at", mode="before")
    @classmethod
    def _is_moment(cls, value: object) -> object:
        # Pydantic alone would also take bare numbers for moments.
        if value is None or isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value if isinstance(value, str) else "")
        except ValueError as error:
            raise ValueError(
                f"must be a moment such as '2012-01-15T00:00:00+01:00', got {value!r}"
            ) from error

    @model_validator(mode="after")
    def _end_has_zone(self) -> Self:
        if self.ends_at is not None and self.ends_at.tzinfo is None and self.timezone is None:
            raise ValueError(
                f"ends_at {self.ends_at.isoformat(sep=' ')!r} names no time zone: write it with an "
                "offset ('2012-01-15T00:00:00+01:00') or set timezone"
            )
        return self

    def end(self) -> int | None:
        """Moment at which the export was made.

        Returns
        -------
        int or None
            Whole microseconds since the epoch, UTC; None when the file does not say.
        """
        if self.ends_at is None:
            return None
        zoned = self.ends_at
        if zoned.tzinfo is None:
            zoned = zoned.replace(tzinfo=ZoneInfo(str(self.timezone)))
        since = zoned.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class FileFormat(ValueFormat):
    """How a file is written; a setting that a file's kind does not have is not looked at.

    How its values are written may stand here too, as in `ValueFormat`.

    Attributes
    ----------
    delimiter, encoding : str
        Of a CSV file; the encoding of JSON too.
    skip_rows : int
        Lines above the header of a CSV file, such as a report's title.
    sheet : str, int or None
        Sheet of an Excel workbook, by its name or its number from 1. By default the only one that
        is not empty.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    skip_rows: int = Field(default=0, ge=0, le=1000)
    sheet: str | Annotated[int, Field(ge=1)] | None = None

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        if len(value) != 1 or not value.isascii() or value in '"\r\n':
            raise ValueError(f"must be one ASCII character such as ';' or '\\t', got {value!r}")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError as error:
            raise ValueError(
                f"must be an encoding such as 'utf-8' or 'cp1252', got {value!r}"
            ) from error


class FileMapping(FileFormat):
    """One name of the section ``[files]``: which files it stands for.

    Attributes
    ----------
    path : tuple of str
        Files, patterns with ``*``, folders or zip archives, relative to the folder of the TOML
        file; ``weekly.zip/Lead*.csv`` is what an archive holds. All rows together are one table.
    """

    path: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: object) -> object:
        """A name may be given its path or paths alone, without a format."""
        if isinstance(value, str | list | tuple):
            return {"path": value}
        return value

    @field_validator("path", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return _tuple_of_distinct([value] if isinstance(value, str) else value)


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
    columns: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    formats: dict[str, ValueFormat] = {}

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
    leave_out: dict[str, Names] = {}
    allow_sensitive: Names = ()
    allow_flags: Names = ()
    kinds: dict[str, Kind] = {}

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

    kinds: dict[str, Kind] = {}


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


class ExportMapping(Section):
    """Where an export's tables are, and what their columns and values mean.

    Attributes
    ----------
    data : DataMapping
        What holds for the export as a whole.
    files : dict of str to FileMapping
        Files by the names under which the sections speak of them.
    leads : LeadsMapping
        The table of leads.
    interactions : tuple of InteractionsMapping
        The tables of interactions, all rows of which count; an export may lack them.
    attributes : AttributesMapping or None
        The log of attributes; an export may lack it.
    base : Path
        Folder that relative files are relative to.
    """

    data: DataMapping = DataMapping()
    files: dict[str, FileMapping] = {}
    leads: LeadsMapping
    interactions: tuple[InteractionsMapping, ...] = ()
    attributes: AttributesMapping | None = None
    base: Path

    @field_validator("files", mode="before")
    @classmethod
    def _are_names(cls, value: object) -> object:
        names = list(value) if isinstance(value, dict) else []
        for name in names:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", str(name)):
                raise ValueError(
                    f"{name!r} cannot be a table's name in SQL: take letters, digits and _ only, "
                    'as in Lead = "Lead.csv"'
                )
        repeated = sorted(
            {name for name in names if [n.lower() for n in names].count(name.lower()) > 1}
        )
        if repeated:
            raise ValueError(f"SQL tells names apart by letters alone: rename one of {repeated}")
        return value

    @field_validator("interactions", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, dict | InteractionsMapping) else value

    @model_validator(mode="after")
    def _places_are_there(self) -> Self:
        for name, table in self.tables():
            if (table.table or table.query) and self.data.database is None:
                raise ValueError(
                    f"[{name}] reads a table or query, so [data] must name the database: "
                    'database = "sqlite:///crm.db"'
                )
            if table.file is not None and table.file not in self.files:
                raise ValueError(
                    f"[{name}] reads the file {table.file!r}, which [files] does not name."
                    f"{near_miss(table.file, self.files)} Named there: "
                    f"{', '.join(self.files) or 'nothing'}"
                )
            if table.sql is not None and not self.files:
                raise ValueError(
                    f"[{name}] has sql, so [files] must name what it reads: "
                    'Lead = "exports/Lead.csv"'
                )
        return self

    def named_interactions(self) -> tuple[tuple[str, InteractionsMapping], ...]:
        """Sections of interactions, each with its name for messages, such as ``interactions 2``."""
        several = len(self.interactions) > 1
        return tuple(
            (f"interactions {i}" if several else "interactions", table)
            for i, table in enumerate(self.interactions, start=1)
        )

    def tables(self) -> tuple[tuple[str, TableMapping], ...]:
        """All sections with rows, each with its name for messages."""
        log = () if self.attributes is None else (("attributes", self.attributes),)
        return (("leads", self.leads), *self.named_interactions(), *log)

    def defaults(self, table: TableMapping) -> tuple[ValueFormat, ...]:
        """How values are written where a section does not say: as in its file, then as in all."""
        files = () if table.file is None else (self.files[table.file],)
        return (*files, self.data)

    @property
    def measures(self) -> tuple[str, ...]:
        """Measures of all interactions, each once."""
        return tuple(dict.fromkeys(m for table in self.interactions for m in table.measures))


def export_mapping(
    sections: Mapping[str, object], base: Path, file: str = FILE_NAME
) -> ExportMapping:
    """Mapping that the four sections of the TOML file describe.

    Parameters
    ----------
    sections : mapping of str to object
        The sections ``data``, ``files``, ``leads``, ``interactions`` and ``attributes``, as plain
        values.
    base : Path
        Folder that relative files are relative to.
    file : str
        Name of the TOML file, for messages.

    Returns
    -------
    ExportMapping
        The checked mapping.

    Raises
    ------
    ValueError
        If a section, key or value is not allowed; the message has one line for each finding.

    Examples
    --------
    >>> mapping = export_mapping({"leads": {"source": "leads.csv"}}, Path("."))
    >>> mapping.leads.column("lead_id")
    'lead_id'
    >>> export_mapping({"leads": {"sorce": "leads.csv"}}, Path("."))
    Traceback (most recent call last):
    ...
    ValueError: lead_temperature.toml: [leads]: unknown key 'sorce'. Did you mean 'source'? ...
    """
    try:
        return ExportMapping.model_validate({**sections, "base": base})
    except ValidationError as error:
        # The input stays out of the chain: it may hold the database's password.
        raise ValueError(explanation(error, file)) from None


def explanation(error: ValidationError, file: str = FILE_NAME) -> str:
    """Findings of a failed validation in words for the person who wrote the file.

    Parameters
    ----------
    error : ValidationError
        What pydantic raised for a section of the file.
    file : str
        Name of the file.

    Returns
    -------
    str
        One line for each finding: file, section, key, law and way out.
    """
    return "\n".join(
        f"{file}: {_place(finding)}{_law(finding)}" for finding in error.errors(include_input=False)
    )


def _place(finding: ErrorDetails) -> str:
    # One section of interactions, and the first of several, need no number.
    match [
        str(part + 1 if isinstance(part, int) else part) for part in finding["loc"] if part != 0
    ]:
        case []:
            return ""
        case [section]:
            return f"[{section}]: "
        case [section, *keys]:
            return f"[{section}] {'.'.join(keys)}: "
    return ""


def _law(finding: ErrorDetails) -> str:
    if finding["type"] == "missing":
        return "is missing"
    if finding["type"] == "model_type":
        return "must be a section with keys, not a single value"
    return finding["msg"].removeprefix("Value error, ")
