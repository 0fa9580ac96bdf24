"""The rules that a row of an export must keep, and the one place where they are applied.

A `Rule` is a name and one sentence. A `TablePlan` says which columns of text a table has, what each
is to become, and which further conditions hold between them; `check_rows` parses a chunk of text
rows by the plan and answers with the typed good rows and with one record for every check that a bad
row does not pass. A wrong value costs its row, except where it is one attribute of many: a lead
with an ``n/a`` for its company's size is still a lead, so that value alone is left out, and is
named. DuckDB parses and compares, so the cost is that of a scan, however many rows there are; only
our own column names (``t0``, ``v0`` …) stand in its queries, never a name or value from outside.

Tests: tests/features/export/test_sources.py.
"""

from dataclasses import dataclass, replace
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.history import MEASURE_LIMIT, TEXT_LIMIT
from features.export.csv_rows import UNDECODABLE
from features.tables import REJECTS

FieldKind = Literal["text", "time", "timestamp", "number", "measure"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that rows must keep.

    Attributes
    ----------
    name : str
        Short name, under which rejects are counted.
    law : str
        The law and the way out, in one sentence for the person who can mend the export.
    """

    name: str
    law: str


MALFORMED_LINE = Rule(
    "malformed line",
    "A line must have as many fields as the header; quote a field that holds the delimiter, and "
    "close every quote.",
)
WRONG_ENCODING = Rule(
    "wrong encoding",
    "Text must be written in the encoding that lead_temperature.toml names (default utf-8).",
)
MISSING_VALUE = Rule("missing value", "This column must have a value in every row.")
DUPLICATE_LEAD = Rule(
    "duplicate lead",
    "A lead_id names one lead: the first row with it counts, even if that one is rejected for "
    "another reason.",
)
UNKNOWN_LEAD = Rule(
    "unknown lead", "The lead_id must be that of an accepted row of the leads table."
)
UNPARSABLE_TIME = Rule(
    "unparsable time",
    "A time must be written as in ISO 8601: 2011-10-01, 2011-10-01 09:30:00 or "
    "2011-10-01T09:30:00+02:00.",
)
TIME_WITHOUT_ZONE = Rule(
    "time without zone",
    "A time must carry its zone (Z or +02:00), unless timezone stands in [data] of "
    "lead_temperature.toml.",
)
NONEXISTENT_TIME = Rule(
    "nonexistent local time",
    "The clocks of the configured timezone skip this time; an hour that they repeat is read as "
    "the first of the two.",
)
ABSURD_YEAR = Rule(
    "absurd year",
    "An event must lie in the years 1970 to 2200; map a stand-in for 'never' to '' under values in "
    "lead_temperature.toml.",
)
AFTER_END = Rule(
    "after the end of the data", "Nothing can have been recorded after ends_at, when it is set."
)
CONVERTED_BEFORE_CREATED = Rule(
    "converted before created", "A lead cannot be converted before it was created."
)
CLOSED_BEFORE_CREATED = Rule(
    "closed before created", "A lead cannot be closed before it was created."
)
UNPARSABLE_NUMBER = Rule(
    "unparsable number", "A number must be written with digits and a decimal point: 1234.5."
)
DECIMAL_COMMA = Rule(
    "decimal comma",
    "A number must be written with a decimal point and without thousands separators: 1234.5, not "
    "1234,5; change it in the export or the query.",
)
NOT_FINITE = Rule(
    "not a finite number",
    "A number must be finite; map nan or inf to '' (missing) under values in "
    "lead_temperature.toml.",
)
MEASURE_TOO_LARGE = Rule(
    "measure too large", "A measure must lie between -9e11 and 9e11: sums of it are kept exact."
)

TEXT_TOO_LONG = Rule(
    "text too long",
    f"An id, a word or a category must have at most {TEXT_LIMIT} characters; shorten it in the "
    "export, or leave the column out where it holds free text.",
)

_LOCAL = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?"
_ZONED = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)? ?(Z|[+-](0\d|1[0-8])(:?[0-5]\d)?)"
IS_TIME = f"({_LOCAL})|({_ZONED})"
"""Pattern of the times that can be read, as a whole match."""

IS_NUMBER = r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:nan|inf|infinity))"
"""Pattern of what counts as a number in the guess of a kind, as a whole match."""

REJECTS_ORDER = [(name, "ascending") for name in ("file", "row", "rule", "column")]
"""Order of one table's rejects."""


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One column of a table: what it is called and what its text is to become.

    Attributes
    ----------
    name : str
        Our name.
    column : str
        The export's name, for the person who reads the rejects.
    kind : {"text", "time", "timestamp", "number", "measure"}
        What its text is to become. A time is that of an event and lies in the years of a CRM, a
        timestamp is any; a measure is a number that has a largest value.
    required : bool
        Whether every row must have a value.
    value_alone : bool
        Whether a wrong value is left out alone, as a missing one, and its row stays.
    """

    name: str
    column: str
    kind: FieldKind = "text"
    required: bool = False
    value_alone: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A rule applied to a column of a table.

    Attributes
    ----------
    rule : Rule
        The rule.
    field : int
        Position of the field whose value the reject shows; -1 for the line as a whole.
    broken : str
        Condition in SQL over ``t0`` … (text) and ``v0`` … (parsed) under which a row breaks it.
    value_alone : bool
        Whether it costs the value only, not the row.
    """

    rule: Rule
    field: int
    broken: str
    value_alone: bool = False


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How the rows of one table are parsed and checked.

    Attributes
    ----------
    table : {"leads", "interactions", "attributes"}
        Name of the table in the rejects.
    fields : tuple of ColumnPlan
        The columns, in the order of ``t0``, ``t1`` …; the first is the lead's id.
    relations : tuple of Check
        What must hold beyond the single columns.
    timezone : str or None
        Zone of times that are written without one.
    """

    table: str
    fields: tuple[ColumnPlan, ...]
    relations: tuple[Check, ...] = ()
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """What became of rows of text.

    Attributes
    ----------
    accepted : pa.Table
        The good rows, with one typed column for each field.
    is_accepted : pa.ChunkedArray
        Which rows of the chunk they are.
    rejects : pa.Table
        One record for each check that a row or value does not pass.
    """

    accepted: pa.Table
    is_accepted: pa.ChunkedArray
    rejects: pa.Table


def check_rows(
    connection: duckdb.DuckDBPyConnection, plan: TablePlan, chunk: pa.Table
) -> CheckedRows:
    """Parse and check rows of text.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work; opening one costs more than a small chunk.
    plan : TablePlan
        What the columns are to become and which rules hold.
    chunk : pa.Table
        The columns ``row``, ``malformed``, ``file``, ``t0`` … and any other that a relation speaks
        of.

    Returns
    -------
    CheckedRows
        The good rows and the rejects.
    """
    checks = [
        Check(MALFORMED_LINE, -1, "malformed IS NOT NULL"),
        *(check for i in range(len(plan.fields)) for check in _field_checks(plan, i)),
        *plan.relations,
    ]
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    connection.register("chunk", chunk)
    parsed = connection.sql(_query(plan, checks)).to_arrow_table()
    connection.unregister("chunk")
    broken = [parsed[f"broken{i}"] for i in range(len(checks))]
    bad = broken[0]
    for check, flags in zip(checks, broken, strict=True):
        if not check.value_alone:
            bad = pc.or_(bad, flags)
    rejects = [
        _rejects(plan, check, chunk, flags) for check, flags in zip(checks, broken, strict=True)
    ]
    is_accepted = pc.invert(bad)
    accepted_parsed = parsed.filter(is_accepted)
    names = [field.name for field in plan.fields]
    accepted = accepted_parsed.select([f"v{i}" for i in range(len(names))]).rename_columns(names)
    return CheckedRows(accepted, is_accepted, pa.concat_tables(rejects).sort_by(REJECTS_ORDER))


def _query(plan: TablePlan, checks: list[Check]) -> str:
    """Query in three steps: text to candidates, candidates to values, values to broken rules."""
    candidates = [part for i, field in enumerate(plan.fields) for part in _candidates(field, i)]
    values = [f"{_value(field, i, plan.timezone)} AS v{i}" for i, field in enumerate(plan.fields)]
    flags = []
    for i, check in enumerate(checks):
        # A line that is no row breaks that one rule only.
        guard = "true" if check.field < 0 else "malformed IS NULL"
        flags.append(f"coalesce(({check.broken}) AND {guard}, false) AS broken{i}")
    kept_values = [_kept_value(checks, i) for i in range(len(plan.fields))]
    results = ", ".join([*kept_values, *flags])
    inner = f"SELECT {', '.join(['*', *candidates])} FROM chunk"  # noqa: S608 - own names only
    return f"SELECT {results} FROM (SELECT *, {', '.join(values)} FROM ({inner}))"  # noqa: S608


def _kept_value(checks: list[Check], i: int) -> str:
    """Value of one column, missing where it alone is left out."""
    alone = [f"({check.broken})" for check in checks if check.field == i and check.value_alone]
    if not alone:
        return f"v{i}"
    return f"CASE WHEN coalesce({' OR '.join(alone)}, false) THEN NULL ELSE v{i} END AS v{i}"


def _candidates(field: ColumnPlan, i: int) -> list[str]:
    """Read a time's text both ways: an instant where it names its zone, a wall clock where not."""
    if field.kind not in ("time", "timestamp"):
        return []
    readings = (
        ("zoned", _ZONED, "TIMESTAMPTZ", rf"regexp_replace(t{i}, ' ([Z+-])', '\1')"),
        ("wall", _LOCAL, "TIMESTAMP", f"t{i}"),
    )
    return [
        f"CASE WHEN regexp_full_match(t{i}, '{form}') THEN try_cast({text} AS {kind}) END {name}{i}"
        for name, form, kind, text in readings
    ]


def _value(field: ColumnPlan, i: int, timezone: str | None) -> str:
    match field.kind:
        case "text":
            return f"t{i}"
        case "number" | "measure":
            return f"try_cast(t{i} AS DOUBLE)"
        case "time" | "timestamp":
            if timezone is None:
                return f"zoned{i}"
            return f"coalesce(zoned{i}, {_first_reading(f'wall{i}', timezone)})"


def _first_reading(wall: str, timezone: str) -> str:
    """Instant of a wall clock's time; the first of two where the clocks were put back.

    DuckDB reads a repeated time as the second. The offset that held a day before gives the first,
    if the clock did show that time at the instant which results.
    """
    zone = _quoted(timezone)
    second = f"timezone({zone}, {wall})"
    day_before = f"make_timestamptz(epoch_us({second}) - 86400000000)"
    offset = f"(epoch_us(timezone({zone}, {day_before})) - epoch_us({day_before}))"
    first = f"make_timestamptz(epoch_us({wall}) - {offset})"
    return (
        f"CASE WHEN timezone({zone}, {first}) = {wall} THEN least({first}, {second}) "
        f"ELSE {second} END"
    )


def _field_checks(plan: TablePlan, i: int) -> list[Check]:
    """List the checks that concern one column alone."""
    field = plan.fields[i]
    checks = [Check(WRONG_ENCODING, i, f"contains(t{i}, chr({ord(UNDECODABLE)}))")]
    if field.required:
        checks.append(Check(MISSING_VALUE, i, f"t{i} IS NULL"))
    return checks + [
        replace(check, value_alone=field.value_alone) for check in _kind_checks(plan, i)
    ]


def _kind_checks(plan: TablePlan, i: int) -> list[Check]:
    """List the checks that a column's kind asks for."""
    field = plan.fields[i]
    checks: list[Check] = []
    match field.kind:
        case "text":
            checks.append(Check(TEXT_TOO_LONG, i, f"length(t{i}) > {TEXT_LIMIT}"))
        case "time" | "timestamp":
            checks = _time_checks(i, plan.timezone)
        case "number" | "measure":
            comma = f"regexp_full_match(t{i}, '[+-]?[0-9. ]*,[0-9]+')"
            unparsed = f"t{i} IS NOT NULL AND v{i} IS NULL"
            checks = [
                Check(DECIMAL_COMMA, i, f"{unparsed} AND {comma}"),
                Check(UNPARSABLE_NUMBER, i, f"{unparsed} AND NOT {comma}"),
                Check(NOT_FINITE, i, f"NOT isfinite(v{i})"),
            ]
    if field.kind == "time":
        first, end = "TIMESTAMPTZ '1970-01-01 00:00:00+00'", "TIMESTAMPTZ '2201-01-01 00:00:00+00'"
        checks.append(Check(ABSURD_YEAR, i, f"v{i} < {first} OR v{i} >= {end}"))
    if field.kind == "measure":
        checks.append(
            Check(MEASURE_TOO_LARGE, i, f"isfinite(v{i}) AND abs(v{i}) > {MEASURE_LIMIT}")
        )
    return checks


def _time_checks(i: int, timezone: str | None) -> list[Check]:
    unparsed = f"t{i} IS NOT NULL AND zoned{i} IS NULL AND wall{i} IS NULL"
    if timezone is None:
        local = Check(TIME_WITHOUT_ZONE, i, f"wall{i} IS NOT NULL")
    else:
        skipped = f"wall{i} IS NOT NULL AND timezone({_quoted(timezone)}, v{i}) != wall{i}"
        local = Check(NONEXISTENT_TIME, i, skipped)
    return [Check(UNPARSABLE_TIME, i, unparsed), local]


def _rejects(plan: TablePlan, check: Check, chunk: pa.Table, broken: pa.ChunkedArray) -> pa.Table:
    """One record for each row that breaks a check."""
    rows = chunk.filter(broken)
    whole_line = check.field < 0

    def everywhere(text: str | None) -> pa.Array:
        return pa.array([text] * rows.num_rows, pa.string())

    value = rows["malformed" if whole_line else f"t{check.field}"]
    return pa.table(
        [
            everywhere(plan.table),
            rows["row"],
            _shown(rows["t0"]),
            everywhere(None if whole_line else plan.fields[check.field].column),
            everywhere("value" if check.value_alone else "row"),
            everywhere(check.rule.name),
            _shown(value),
            everywhere(check.rule.law),
            rows["file"],
        ],
        schema=REJECTS,
    )


def _shown(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.replace_substring(texts, UNDECODABLE, "\ufffd")


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
