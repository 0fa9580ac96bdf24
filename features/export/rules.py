"""The rules that a row of an export must keep, and the one place where they are applied.

A `Rule` is a name and one sentence. A `TablePlan` says which columns of text a table has, what each
is to become, and which further conditions hold between them; `check_rows` parses a chunk of text
rows by the plan and answers with the typed good rows and with one record for every check that a bad
row does not pass. A wrong value costs its row where the row is nothing without it (the id, the time
of an event); else that value alone is left out, and is named: a lead with a word for its company's
size is still a lead, a call without a length still a call. DuckDB parses and compares, so the cost
is that of a scan, however many rows there are; of names and values from outside only the words of
the configuration stand in its queries, as literals.

Tests: tests/features/export/test_rules.py, and test_sources.py for each rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.history import MEASURE_LIMIT, MEASURE_SCALE, TEXT_LIMIT
from features.export.csv_rows import UNDECODABLE
from features.export.formats import (
    PLAIN,
    ColumnFormat,
    known_text,
    number_expression,
    sql_literal,
    time_readings,
)
from features.export.odd_words import LEAST_MIDNIGHTS
from features.tables import REJECTS, Kind

FieldKind = Literal["id", "text", "time", "timestamp", "number", "measure"]


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
    "A time must be written as in ISO 8601 (2011-10-01, 2011-10-01 09:30:00 or "
    "2011-10-01T09:30:00+02:00), or as dates in lead_temperature.toml says.",
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
    "unparsable number",
    "A number must be written with digits and a decimal point (1234.5), or as decimal, thousands "
    "and durations in lead_temperature.toml say.",
)
DECIMAL_COMMA = Rule(
    "decimal comma",
    "A number must be written with a decimal point and without thousands separators (1234.5, not "
    "1234,5), unless decimal and thousands in lead_temperature.toml say otherwise.",
)
NOT_FINITE = Rule(
    "not a finite number",
    "A number must be finite; name the word in missing, where it stands for none.",
)
NUMBER_TOO_SMALL = Rule(
    "number too small",
    "A number other than 0 must not be so small that it becomes 0: choose a larger unit.",
)
MEASURE_TOO_LARGE = Rule(
    "measure too large", "A measure must lie between -9e11 and 9e11: sums of it are kept exact."
)
MEASURE_TOO_SMALL = Rule(
    "measure too small",
    f"A measure is kept in whole 1/{MEASURE_SCALE:,}: one that would become 0 needs a smaller "
    "unit, such as cents in place of thousands.",
)
ROUNDED_ID = Rule(
    "rounded id",
    "An id such as 1.23457E+15 was rounded by a spreadsheet or a column of floats, and may be that "
    "of several leads: export the column as text.",
)

TEXT_TOO_LONG = Rule(
    "text too long",
    f"An id, a word or a category must have at most {TEXT_LIMIT} characters; shorten it in the "
    "export, or leave the column out where it holds free text.",
)

_ROUNDED = r"[+-]?\d([.,]\d+)?[eE]\+\d+"
MIDNIGHT_SAMPLE = 1000

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
    kind : {"id", "text", "time", "timestamp", "number", "measure"}
        What its text is to become. A time is that of an event and lies in the years of a CRM, a
        timestamp is any; a measure is a number that has a smallest and a largest value.
    required : bool
        Whether every row must have a value.
    value_alone : bool
        Whether a wrong value is left out alone, as a missing one, and its row stays.
    format_ : ColumnFormat
        How its numbers and times are written.
    of_day : {"start", "end", "outcome"}
        What a day without an hour becomes. What happened on a day is known at its ``end``, its last
        microsecond on the local clock. A lead that was created on a day may be contacted from its
        ``start`` on. An ``outcome`` counts from the start of its day, so that nothing of that day
        is taken for knowledge beforehand; where the lead was created on the same day it is the end.
    midnight_in : str or None
        Zone in which the clock's midnight stands for a day without an hour; None where midnight is
        a time like any other.
    """

    name: str
    column: str
    kind: FieldKind = "text"
    required: bool = False
    value_alone: bool = False
    format_: ColumnFormat = PLAIN
    of_day: Literal["start", "end", "outcome"] = "start"
    midnight_in: str | None = None


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
        Condition in SQL under which a row breaks it, over ``t0`` … (text), ``v0`` … (parsed) and,
        of times, ``begin0`` … (where the day begins, if it is one).
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
    """

    table: str
    fields: tuple[ColumnPlan, ...]
    relations: tuple[Check, ...] = ()

    def place(self, name: str) -> int | None:
        """Position of the column of that name, None where there is none."""
        return next((i for i, field in enumerate(self.fields) if field.name == name), None)


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
    days : dict of str to int
        Accepted values that are days without an hour, by our name of the column.
    outcome_lost : pa.ChunkedArray
        Accepted rows of which a conversion or closing was left out.
    """

    accepted: pa.Table
    is_accepted: pa.ChunkedArray
    rejects: pa.Table
    days: dict[str, int]
    outcome_lost: pa.ChunkedArray


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
    row_order = pa.array(np.arange(chunk.num_rows))
    parsed = run_on(connection, _query(plan, checks), chunk.append_column("row_order", row_order))
    # DuckDB reads the batches of a chunk on several threads, and may answer in another order.
    if not np.array_equal(parsed["row_order"].to_numpy(), row_order.to_numpy()):
        parsed = parsed.sort_by("row_order")
    broken = [parsed[f"broken{i}"] for i in range(len(checks))]
    bad = outcome_lost = broken[0]
    for check, flags in zip(checks, broken, strict=True):
        if not check.value_alone:
            bad = pc.or_(bad, flags)
        elif plan.fields[check.field].of_day == "outcome":
            outcome_lost = pc.or_(outcome_lost, flags)
    rejects = [
        _rejects(plan, check, chunk, flags) for check, flags in zip(checks, broken, strict=True)
    ]
    is_accepted = pc.invert(bad)
    accepted_parsed = parsed.filter(is_accepted)
    names = [field.name for field in plan.fields]
    accepted = accepted_parsed.select([f"v{i}" for i in range(len(names))]).rename_columns(names)
    days = {
        name: count
        for i, name in enumerate(names)
        if plan.fields[i].kind == "time"
        and (
            count := pc.sum(pc.and_(accepted_parsed[f"day{i}"], accepted[name].is_valid())).as_py()
        )
    }
    return CheckedRows(
        accepted,
        is_accepted,
        pa.concat_tables(rejects).sort_by(REJECTS_ORDER),
        days,
        outcome_lost.filter(is_accepted),
    )


def run_on(connection: duckdb.DuckDBPyConnection, query: str, chunk: pa.Table) -> pa.Table:
    """Result of a query over a table of text, which it calls ``chunk``; its zone is UTC."""
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    connection.register("chunk", chunk)
    try:
        return connection.sql(query).to_arrow_table()
    finally:
        connection.unregister("chunk")


def readable(
    connection: duckdb.DuckDBPyConnection, texts: pa.ChunkedArray, kind: Kind, format_: ColumnFormat
) -> tuple[int, int]:
    """How many values of a column can be read as one kind.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    texts : pa.ChunkedArray
        The column's text.
    kind : {"number", "timestamp"}
        What its text is to become.
    format_ : ColumnFormat
        How it is written.

    Returns
    -------
    tuple of (int, int)
        Values that can be read, and values that are not missing.
    """
    reading = number_expression("u0", format_)
    if kind == "timestamp":
        readings = time_readings("u0", format_)
        reading = (
            f"coalesce({', '.join(f'CAST({r.instant or r.wall} AS VARCHAR)' for r in readings)})"
        )
    query = (
        f"SELECT count({reading}) AS readable, count(u0) AS known "  # noqa: S608 - own names only
        f"FROM (SELECT {known_text('t0')} AS u0 FROM chunk)"
    )
    (counts,) = run_on(connection, query, pa.table({"t0": texts})).to_pylist()
    return counts["readable"], counts["known"]


def midnight_zone(
    connection: duckdb.DuckDBPyConnection, texts: pa.ChunkedArray, format_: ColumnFormat
) -> str | None:
    """Zone in which all times of a column are midnight, as days are when they were made moments.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    texts : pa.ChunkedArray
        The column's text.
    format_ : ColumnFormat
        How it is written; ``midnight`` says outright what midnight means.

    Returns
    -------
    str or None
        The configured zone or UTC; None where midnight is a time like any other, or too few times
        are there to tell.
    """
    zone = format_.timezone or "UTC"
    if format_.midnight == "moment":
        return None
    sample = texts.drop_null()[:MIDNIGHT_SAMPLE]
    for part in (sample, texts):
        times, in_zone, in_utc = _midnights(connection, part, format_, zone)
        if format_.midnight == "day":
            return "UTC" if in_utc > in_zone else zone
        if times < LEAST_MIDNIGHTS or max(in_zone, in_utc) < times:
            return None
    return zone if in_zone == times else "UTC"


def _midnights(
    connection: duckdb.DuckDBPyConnection, texts: pa.ChunkedArray, format_: ColumnFormat, zone: str
) -> tuple[int, int, int]:
    """Times of a column, and those that are midnight on the zone's clock and on that of UTC."""
    column = ColumnPlan("t0", "t0", "time", format_=format_)
    clock = "coalesce(wall0, timezone({}, zoned0))"
    is_midnight = f"count(*) FILTER (CAST({clock} AS TIME) = TIME '00:00:00')"
    query = (
        "SELECT count(*) FILTER (wall0 IS NOT NULL OR zoned0 IS NOT NULL) AS known, "  # noqa: S608
        f"{is_midnight.format(sql_literal(zone))} AS in_zone, "
        f"{is_midnight.format(sql_literal('UTC'))} AS in_utc FROM ({_with_candidates((column,))})"
    )
    table = pa.table({"t0": texts, "row": pa.nulls(len(texts), pa.int64())})
    (counts,) = run_on(connection, query, table).to_pylist()
    return counts["known"], counts["in_zone"], counts["in_utc"]


def _with_candidates(columns: Sequence[ColumnPlan]) -> str:
    """Query of the chunk with each text as it is read, and each time as instant and wall clock."""
    texts = [
        f"{known_text(f't{i}')} AS u{i}"
        for i, field in enumerate(columns)
        if field.kind not in ("id", "text")
    ]
    candidates = [
        part
        for i, field in enumerate(columns)
        if field.kind in ("time", "timestamp")
        for part in _candidates(field, i)
    ]
    source = f"SELECT {', '.join(['*', *texts])} FROM chunk"  # noqa: S608 - own names only
    return f"SELECT {', '.join(['*', *candidates])} FROM ({source})"  # noqa: S608


def _candidates(field: ColumnPlan, i: int) -> list[str]:
    """Read a time's text: an instant where it names its zone, else a wall clock; maybe a day."""
    readings = time_readings(f"u{i}", field.format_)
    instants = [reading.instant for reading in readings if reading.instant]
    walls = [reading.wall for reading in readings if reading.wall]
    zoned = f"coalesce({', '.join(instants)}, NULL)" if instants else "CAST(NULL AS TIMESTAMPTZ)"
    wall = f"coalesce({', '.join(walls)}, NULL)" if walls else "CAST(NULL AS TIMESTAMP)"
    is_day = " OR ".join(reading.is_day for reading in readings)
    return [
        f"{zoned} AS zoned{i}",
        f"CAST({wall} AS TIMESTAMP) AS wall{i}",
        f"coalesce({is_day}, false) AS day_text{i}",
    ]


def _query(plan: TablePlan, checks: list[Check]) -> str:
    """Query in steps: text to candidates, days, instants, values, and at last broken rules."""
    times = [i for i, field in enumerate(plan.fields) if field.kind in ("time", "timestamp")]
    days = [part for i in times for part in _days(plan.fields[i], i)]
    instants = [part for i in times for part in _instants(plan.fields[i], i)]
    values = [f"{_value(plan, i)} AS v{i}" for i in range(len(plan.fields))]
    flags = []
    for i, check in enumerate(checks):
        # A line that is no row breaks that one rule only.
        guard = "true" if check.field < 0 else "malformed IS NULL"
        flags.append(f"coalesce(({check.broken}) AND {guard}, false) AS broken{i}")
    kept_values = [_kept_value(checks, i) for i in range(len(plan.fields))]
    results = ["row_order", *kept_values, *(f"day{i}" for i in times), *flags]
    query = _with_candidates(plan.fields)
    for step in (days, instants, values):
        query = f"SELECT {', '.join(['*', *step])} FROM ({query})"  # noqa: S608 - own names only
    return f"SELECT {', '.join(results)} FROM ({query})"  # noqa: S608


def _kept_value(checks: list[Check], i: int) -> str:
    """Value of one column, missing where it alone is left out."""
    alone = [f"({check.broken})" for check in checks if check.field == i and check.value_alone]
    if not alone:
        return f"v{i}"
    return f"CASE WHEN coalesce({' OR '.join(alone)}, false) THEN NULL ELSE v{i} END AS v{i}"


def _days(field: ColumnPlan, i: int) -> list[str]:
    """Whether a time is a day without an hour, and which, on the wall clock."""
    if field.midnight_in is None:
        return [f"day_text{i} AS day{i}", f"wall{i} AS clock{i}"]
    clock = f"coalesce(wall{i}, timezone({sql_literal(field.midnight_in)}, zoned{i}))"
    at_midnight = f"coalesce(CAST({clock} AS TIME) = TIME '00:00:00', false)"
    return [
        f"day_text{i} OR {at_midnight} AS day{i}",
        f"CASE WHEN {at_midnight} THEN {clock} ELSE wall{i} END AS clock{i}",
    ]


def _instants(field: ColumnPlan, i: int) -> list[str]:
    """Instant of a time, or the first one of a day and the last."""
    zone = field.format_.timezone
    if zone is None:
        # Only times that name their own zone: of a day in UTC, if midnight stands for one.
        next_day = "INTERVAL 86399999999 MICROSECONDS"
        return [
            f"zoned{i} AS begin{i}",
            f"CASE WHEN day{i} THEN zoned{i} + {next_day} END AS end{i}",
        ]
    local = first_reading(f"clock{i}", zone)
    next_day = first_reading(f"(date_trunc('day', clock{i}) + INTERVAL 1 DAY)", zone)
    return [
        f"CASE WHEN day{i} THEN {local} ELSE coalesce(zoned{i}, {local}) END AS begin{i}",
        f"CASE WHEN day{i} THEN make_timestamptz(epoch_us({next_day}) - 1) END AS end{i}",
    ]


def _value(plan: TablePlan, i: int) -> str:
    field = plan.fields[i]
    match field.kind:
        case "id" | "text":
            return f"t{i}"
        case "number" | "measure":
            # Negative zero is zero.
            return f"{number_expression(f'u{i}', field.format_)} + 0.0"
    match field.of_day:
        case "start":
            return f"begin{i}"
        case "end":
            return _end_of_day(plan, i)
        case "outcome":
            created = plan.place("created_at")
            same_day = f"begin{created} BETWEEN begin{i} AND end{i}"
            return f"CASE WHEN day{i} AND {same_day} THEN end{i} ELSE begin{i} END"


def _end_of_day(plan: TablePlan, i: int) -> str:
    """End of a day; but what was recorded on that day, at an hour, had occurred by then."""
    plain = f"CASE WHEN day{i} THEN end{i} ELSE begin{i} END"
    recorded = plan.place("recorded_at")
    if plan.fields[i].name != "occurred_at" or recorded is None:
        return plain
    within = f"NOT day{recorded} AND begin{recorded} BETWEEN begin{i} AND end{i}"
    return f"CASE WHEN day{i} AND {within} THEN begin{recorded} ELSE {plain} END"


def first_reading(wall: str, timezone: str) -> str:
    """Expression of the instant of a wall clock's time.

    The first of two where the clocks were put back. Where they skip the time, as some skip
    midnight, it is the instant at which they were put forward, and so the first of that day.

    Parameters
    ----------
    wall : str
        Expression of the wall clock's time.
    timezone : str
        Name of its zone.
    """
    # DuckDB reads a repeated time as the second. The offset that held a day before gives the
    # first, if the clock did show that time at the instant which results.
    zone = sql_literal(timezone)
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
    checks += _kind_checks(plan, i)
    checks = [replace(check, value_alone=field.value_alone) for check in checks]
    if field.required:
        text = f"t{i}" if field.kind in ("id", "text") else f"u{i}"
        checks.append(Check(MISSING_VALUE, i, f"{text} IS NULL"))
    return checks


def _kind_checks(plan: TablePlan, i: int) -> list[Check]:
    """List the checks that a column's kind asks for."""
    field = plan.fields[i]
    checks: list[Check] = []
    match field.kind:
        case "id" | "text":
            checks.append(Check(TEXT_TOO_LONG, i, f"length(t{i}) > {TEXT_LIMIT}"))
        case "time" | "timestamp":
            checks = _time_checks(field, i)
        case "number" | "measure":
            comma = f"regexp_full_match(u{i}, '[+-]?[0-9. ]*,[0-9]+')"
            unparsed = f"u{i} IS NOT NULL AND v{i} IS NULL"
            digits = f"regexp_matches(split_part(lower(u{i}), 'e', 1), '[1-9]')"
            checks = [
                Check(DECIMAL_COMMA, i, f"{unparsed} AND {comma}"),
                Check(UNPARSABLE_NUMBER, i, f"{unparsed} AND NOT {comma}"),
                Check(NOT_FINITE, i, f"NOT isfinite(v{i})"),
                Check(NUMBER_TOO_SMALL, i, f"v{i} = 0 AND {digits}"),
            ]
    if field.kind == "id":
        checks.append(Check(ROUNDED_ID, i, f"regexp_full_match(t{i}, '{_ROUNDED}')"))
    if field.kind == "time":
        checks.append(
            Check(ABSURD_YEAR, i, f"v{i} IS NOT NULL AND {in_years_of_a_crm(f'v{i}')} IS NULL")
        )
    if field.kind == "measure":
        checks += [
            Check(MEASURE_TOO_LARGE, i, f"isfinite(v{i}) AND abs(v{i}) > {MEASURE_LIMIT}"),
            Check(MEASURE_TOO_SMALL, i, f"v{i} != 0 AND abs(v{i}) < {0.5 / MEASURE_SCALE}"),
        ]
    return checks


def in_years_of_a_crm(instant: str) -> str:
    """Expression of an instant, null where it does not lie in the years of a CRM."""
    first, end = "TIMESTAMPTZ '1970-01-01 00:00:00+00'", "TIMESTAMPTZ '2201-01-01 00:00:00+00'"
    return f"CASE WHEN {instant} >= {first} AND {instant} < {end} THEN {instant} END"


def _time_checks(field: ColumnPlan, i: int) -> list[Check]:
    unparsed = f"u{i} IS NOT NULL AND zoned{i} IS NULL AND wall{i} IS NULL"
    zone = field.format_.timezone
    if zone is None:
        local = Check(TIME_WITHOUT_ZONE, i, f"wall{i} IS NOT NULL AND begin{i} IS NULL")
    else:
        # Midnight need not exist: the day begins when the clocks have been put forward.
        skipped = f"NOT day{i} AND wall{i} IS NOT NULL"
        skipped += f" AND timezone({sql_literal(zone)}, begin{i}) != wall{i}"
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
