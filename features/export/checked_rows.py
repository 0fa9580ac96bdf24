"""Rows of text become typed rows and rejects: the one place where the rules are applied.

`check_rows` parses a chunk of text by its plan and answers with the typed good rows and with one
record for every check that a bad row does not pass. Plain cells are cast by Arrow
(`features.export.casts`); the rows with any other cell are read by DuckDB, text and all. Times then
meet the same queries whoever read them: what a day is, which instant a clock shows, what must hold
between columns. Of names and values from outside only the words of the configuration stand in the
queries, as literals.

Each rule has its test in test_leads_table.py or test_interactions_table.py.

Tests: tests/features/export/test_rules.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.export.casts import (
    Times,
    are_plain,
    cast_numbers,
    cast_times,
    plain_numbers,
    plain_texts,
)
from features.export.csv_rows import UNDECODABLE
from features.export.formats import (
    ColumnFormat,
    known_text,
    number_expression,
    sql_literal,
    time_readings,
)
from features.export.odd_words import LEAST_MIDNIGHTS
from features.export.rules import ROUNDED_TEXT, Check, ColumnPlan, TablePlan, checks_of
from features.tables import REJECTS, Kind

MIDNIGHT_SAMPLE = 1000

REJECTS_ORDER = [(name, "ascending") for name in ("file", "row", "rule", "column")]
"""Order of one table's rejects."""


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
    outcome_known_at : dict of str to pa.ChunkedArray
        When each conversion and closing of the accepted rows is known, by our name of the column:
        at the end of its day, where no hour is said.
    """

    accepted: pa.Table
    is_accepted: pa.ChunkedArray
    rejects: pa.Table
    days: dict[str, int]
    outcome_lost: pa.ChunkedArray
    outcome_known_at: dict[str, pa.ChunkedArray]


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
    checks = checks_of(plan)
    parsed = _parsed(connection, plan, checks, chunk)
    broken = [
        (check, flags)
        for i, check in enumerate(checks)
        if pc.any(flags := parsed[f"broken{i}"]).as_py()
    ]
    bad = outcome_lost = pa.chunked_array([pa.repeat(pa.scalar(False), chunk.num_rows)])
    for check, flags in broken:
        if not check.value_alone:
            bad = pc.or_(bad, flags)
        elif plan.fields[check.field].of_day == "outcome":
            outcome_lost = pc.or_(outcome_lost, flags)
    rejects = [_rejects(plan, check, chunk, flags) for check, flags in broken]
    is_accepted = pc.invert(bad)
    accepted_parsed = parsed.filter(is_accepted) if pc.any(bad).as_py() else parsed
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
        pa.concat_tables([REJECTS.empty_table(), *rejects]).sort_by(REJECTS_ORDER),
        days,
        outcome_lost.filter(is_accepted),
        {
            name: pc.if_else(accepted[name].is_valid(), accepted_parsed[f"known{i}"], None)
            for i, name in enumerate(names)
            if plan.fields[i].of_day == "outcome"
        },
    )


def _parsed(
    connection: duckdb.DuckDBPyConnection, plan: TablePlan, checks: list[Check], chunk: pa.Table
) -> pa.Table:
    """Values of every row, days and broken checks: by casts where they do, else by the rules."""
    row_order = pa.array(np.arange(chunk.num_rows))
    cast, plain_rows = _cast(plan, chunk.append_column("row_order", row_order))
    by_rules = chunk.append_column("row_order", row_order)
    if plain_rows is None:
        return _cast_values(connection, plan, checks, cast)
    if not plain_rows.any():
        return _in_row_order(run_on(connection, _query(plan, checks), by_rules))
    is_plain = pa.array(plain_rows)
    parts = (
        _cast_values(connection, plan, checks, cast.filter(is_plain)),
        run_on(connection, _query(plan, checks), by_rules.filter(pc.invert(is_plain))),
    )
    return pa.concat_tables(parts).sort_by("row_order")


def _in_row_order(parsed: pa.Table) -> pa.Table:
    """Rows as they stood: DuckDB works on several threads, and may answer in another order."""
    order = parsed["row_order"].to_numpy()
    return parsed if (order[1:] > order[:-1]).all() else parsed.sort_by("row_order")


def _cast(plan: TablePlan, chunk: pa.Table) -> tuple[pa.Table, np.ndarray | None]:
    """Rows with cast values, and which of them are plain in every cell; None where all are."""
    malformed = chunk["malformed"]
    masks = [pc.is_null(malformed) if malformed.null_count < len(malformed) else None]
    for i, field in enumerate(plan.fields):
        texts = chunk[f"t{i}"]
        if field.required and texts.null_count:
            masks.append(pc.is_valid(texts))
        match field.kind:
            case "id" | "text":
                masks.append(plain_texts(texts))
                if field.kind == "id" and pc.any(pc.match_substring(texts, "+")).as_py():
                    is_rounded = pc.match_substring_regex(texts, f"^({ROUNDED_TEXT})$")
                    masks.append(pc.fill_null(pc.invert(is_rounded), True))
                columns = {f"v{i}": texts}
            case "number" | "measure":
                numbers = cast_numbers(texts, field.format_)
                if numbers is None:
                    return chunk, np.zeros(chunk.num_rows, np.bool_)
                numbers = plain_numbers(numbers, texts, measure=field.kind == "measure")
                masks.append(numbers.is_plain)
                columns = {f"v{i}": numbers.values}
            case "time" | "timestamp":
                times = cast_times(texts, field.format_)
                if times is None:
                    return chunk, np.zeros(chunk.num_rows, np.bool_)
                masks.append(times.is_plain)
                columns = _candidates_of(times, i)
        for name, column in columns.items():
            chunk = chunk.append_column(name, column)
    return chunk, are_plain(*masks)


def _candidates_of(times: Times, i: int) -> dict[str, pa.ChunkedArray]:
    return {f"zoned{i}": times.zoned, f"wall{i}": times.wall, f"day_text{i}": times.day_text}


def _cast_values(
    connection: duckdb.DuckDBPyConnection, plan: TablePlan, checks: list[Check], cast: pa.Table
) -> pa.Table:
    """What `_query` gives of rows whose cells were cast: only times and relations need DuckDB."""
    texts = [f"t{i}" for i in range(len(plan.fields))]
    values = [f"v{i}" for i, f in enumerate(plan.fields) if f.kind not in ("time", "timestamp")]
    times = cast.drop_columns(["row", "malformed", "file", *texts, *values])
    answers = _in_row_order(run_on(connection, _cast_query(plan, checks), times))
    no_row = pa.chunked_array([pa.repeat(pa.scalar(False), cast.num_rows)])
    columns = {
        "row_order": answers["row_order"],
        **{
            f"v{i}": cast[f"v{i}"] if f"v{i}" in values else answers[f"v{i}"]
            for i in range(len(plan.fields))
        },
        **{
            name: answers[name]
            for name in answers.column_names
            if name.startswith(("day", "known"))
        },
        **{
            f"broken{i}": no_row if check.of_text else answers[f"broken{i}"]
            for i, check in enumerate(checks)
        },
    }
    return pa.table(columns)


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
    cast = (cast_times if kind == "timestamp" else cast_numbers)(texts, format_)
    known_values = len(texts) - texts.null_count
    if cast is not None and cast.is_plain is None:
        return known_values, known_values
    if cast is not None:
        # What is not plain may still be readable, or stand for a missing value.
        not_plain = texts.filter(pc.invert(cast.is_plain))
        readable_others, known_others = _readable_by_rules(connection, not_plain, kind, format_)
        plain_values = known_values - len(not_plain)
        return plain_values + readable_others, plain_values + known_others
    return _readable_by_rules(connection, texts, kind, format_)


def _readable_by_rules(
    connection: duckdb.DuckDBPyConnection, texts: pa.ChunkedArray, kind: Kind, format_: ColumnFormat
) -> tuple[int, int]:
    reading = number_expression("u0", format_)
    if kind == "timestamp":
        readings = time_readings("u0", format_)
        reading = (
            f"coalesce({', '.join(f'CAST({r.instant or r.wall} AS VARCHAR)' for r in readings)})"
        )
    query = (
        f"SELECT CAST(sum(copies) FILTER (WHERE {reading} IS NOT NULL) AS BIGINT) AS readable, "  # noqa: S608
        f"CAST(sum(copies) FILTER (WHERE u0 IS NOT NULL) AS BIGINT) AS known "
        f"FROM (SELECT copies, {known_text('t0')} AS u0 FROM chunk)"
    )
    different = pc.value_counts(texts)
    table = pa.table({"t0": different.field("values"), "copies": different.field("counts")})
    (counts,) = run_on(connection, query, table).to_pylist()
    return counts["readable"] or 0, counts["known"] or 0


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
    values = [f"{_value(plan, i)} AS v{i}" for i in range(len(plan.fields))]
    # A line that is no row breaks that one rule only.
    guards = ["true" if check.field < 0 else "malformed IS NULL" for check in checks]
    flags = [
        f"coalesce(({check.broken}) AND {guard}, false) AS broken{i}"
        for i, (check, guard) in enumerate(zip(checks, guards, strict=True))
    ]
    kept_values = [_kept_value(checks, i) for i in range(len(plan.fields))]
    return _query_of(plan, _with_candidates(plan.fields), values, kept_values, flags)


def _cast_query(plan: TablePlan, checks: list[Check]) -> str:
    """The same of rows whose candidates were cast: what the text cannot tell is left."""
    times = [i for i, field in enumerate(plan.fields) if field.kind in ("time", "timestamp")]
    values = [f"{_value(plan, i)} AS v{i}" for i in times]
    of_values = [check for check in checks if not check.of_text]
    flags = [
        f"coalesce({check.broken}, false) AS broken{i}"
        for i, check in enumerate(checks)
        if not check.of_text
    ]
    return _query_of(plan, "FROM chunk", values, [_kept_value(of_values, i) for i in times], flags)


def _query_of(
    plan: TablePlan, candidates: str, values: list[str], kept_values: list[str], flags: list[str]
) -> str:
    times = [i for i, field in enumerate(plan.fields) if field.kind in ("time", "timestamp")]
    days = [part for i in times for part in _days(plan.fields[i], i)]
    instants = [part for i in times for part in _instants(plan.fields[i], i)]
    outcomes = [i for i in times if plan.fields[i].of_day == "outcome"]
    values = [
        *values,
        *(f"CASE WHEN day{i} THEN end{i} ELSE begin{i} END AS known{i}" for i in outcomes),
    ]
    known_times = [f"known{i}" for i in outcomes]
    results = ["row_order", *kept_values, *(f"day{i}" for i in times), *known_times, *flags]
    query = candidates
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
