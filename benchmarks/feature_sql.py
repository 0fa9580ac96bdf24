"""The same features in DuckDB's SQL: as one would write it first, and the best it was brought to.

The best is not the obvious join of every look with every interaction (40 million pairs here,
several times dearer), nor ASOF joins, but this: each interaction is compared with its lead's few
looks to find the first one that knows it and the first one at which it has left each window; sums
by look of what enters and of what leaves then become windowed counts by one running sum over the
lead's looks.
"""

from pathlib import Path
from typing import Any

from benchmarks.feature_atoms import Atom, atoms, formula, numbered_atoms, window_days
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.language.spec import Spec

VIEWS = """
    looks AS (
        SELECT lead_id, epoch_us(as_of) AS as_of, epoch_us(created_at) AS created_at
        FROM spine JOIN leads USING (lead_id)
    ), events AS (
        SELECT lead_id, epoch_us(occurred_at) AS occurred_at,
            greatest(epoch_us(occurred_at), epoch_us(recorded_at)) AS known_at,
            channel, kind, direction, duration_seconds
        FROM interactions
    )
"""
"""Common table expressions of DuckDB: looks and events in whole microseconds."""


def bare(folder: Path, _spec: Spec) -> Any:
    """A scan, a join and a count in DuckDB: what no engine that pairs rows can do without."""
    return _answered(
        folder,
        """
        SELECT lead_id, as_of, count(*) AS known
        FROM spine JOIN interactions USING (lead_id)
        WHERE occurred_at < as_of AND recorded_at < as_of
        GROUP BY lead_id, as_of
        """,
    )


def duckdb_obvious(folder: Path, spec: Spec) -> Any:
    """DuckDB as one would write it first: every look with every interaction, and filters."""
    wanted = numbered_atoms(spec)
    values = ", ".join(
        f"{_aggregate(atom, _in_window(atom.days))} AS a{number}" for atom, number in wanted.items()
    )
    return _answered(
        folder,
        f"""
        WITH {VIEWS}, known AS (
            SELECT l.lead_id, l.as_of, any_value(l.created_at) AS created_at, {values}
            FROM looks l
            LEFT JOIN events e ON l.lead_id = e.lead_id AND known_at < l.as_of
            GROUP BY l.lead_id, l.as_of
        )
        SELECT lead_id, as_of, {_columns(spec, wanted)} FROM known
        """,  # noqa: S608 - own names only
    )


def duckdb_best(folder: Path, spec: Spec) -> Any:
    """DuckDB: sums of what enters and leaves by look, then running sums over the lead's looks."""
    counted = _answered(
        folder, "SELECT max(n) AS n FROM (SELECT count(*) AS n FROM spine GROUP BY lead_id)"
    )
    most = counted["n"][0].as_py()
    wanted = numbered_atoms(spec)
    windows = window_days(wanted)
    places = ", ".join(
        f"first + {' + '.join(_passed(look, days) for look in range(1, most + 1))} AS look_{days}"
        for days in windows
    )
    sums = ", ".join(
        f"sums_{days} AS (SELECT look_{days} AS look, {values} FROM placed "  # noqa: S608 - own names only
        f"WHERE look_{days} < first + looks GROUP BY ALL)"
        for days in windows
        if (values := _sums(wanted, days))
    )
    running = ", ".join(f"{_running(atom, wanted)} AS a{number}" for atom, number in wanted.items())
    return _answered(
        folder,
        f"""
        WITH {VIEWS}, looked AS (
            SELECT lead_id, list(as_of ORDER BY as_of) AS times, any_value(created_at) AS created_at
            FROM looks GROUP BY lead_id
        ), numbered AS (
            SELECT *, len(times) AS looks,
                (sum(len(times)) OVER (ROWS UNBOUNDED PRECEDING) - len(times))::BIGINT AS first
            FROM looked
        ), placed AS MATERIALIZED (
            SELECT e.*, first, looks, {places} FROM events e JOIN numbered USING (lead_id)
        ), {sums}, rows AS (
            SELECT lead_id, created_at, first, unnest(times) AS as_of,
                first + unnest(range(looks)) AS look
            FROM numbered
        ), known AS (
            SELECT lead_id, as_of, created_at, {running}
            FROM rows {" ".join(f"LEFT JOIN sums_{days} USING (look)" for days in windows)}
            WINDOW so_far AS (PARTITION BY first ORDER BY look ROWS UNBOUNDED PRECEDING)
        )
        SELECT lead_id, as_of, {_columns(spec, wanted)} FROM known
        """,  # noqa: S608 - own names only
    )


def _answered(folder: Path, query: str) -> Any:
    """Answer of DuckDB to a query about the files of a folder, as an Arrow table."""
    import duckdb

    with duckdb.connect() as connection:
        for path in folder.glob("*.parquet"):
            connection.read_parquet(str(path)).create_view(path.stem)
        return connection.sql(query).to_arrow_table()


def _aggregate(atom: Atom, *conditions: str) -> str:
    tests = [
        f"{name} IN ({', '.join(map(repr, values))})"
        for name, values in atom.selection.conditions()
    ]
    tests += [condition for condition in conditions if condition]
    where = f" FILTER ({' AND '.join(tests)})" if tests else ""
    match atom.operation:
        case "count":
            return f"count(occurred_at){where}"
        case "has":
            return f"count({atom.measure}){where}"
        case "sum":
            return f"coalesce(sum({atom.measure}){where}, 0)"
        case "max" | "min":
            return f"{atom.operation}(occurred_at){where}"


def _in_window(days: int | None) -> str:
    return "" if days is None else f"occurred_at >= l.as_of - {days * DAY}"


def _passed(look: int, days: int) -> str:
    """1 where a look is not after the moment at which an event enters or leaves, else 0."""
    moment = f"greatest(known_at, occurred_at + {days * DAY})" if days else "known_at"
    return f"coalesce((times[{look}] <= {moment})::TINYINT, 0)"


def _sums(wanted: dict[Atom, int], days: int) -> str:
    return ", ".join(f"{_aggregate(a)} AS g{n}" for a, n in wanted.items() if a.window == days)


def _running(atom: Atom, wanted: dict[Atom, int]) -> str:
    entered = f"g{wanted[atom.whole]}"
    if atom.operation in {"max", "min"}:
        return f"{atom.operation}({entered}) OVER so_far"
    left = "" if atom.days is None else f" - coalesce(g{wanted[atom]}, 0)"
    return f"sum(coalesce({entered}, 0){left}) OVER so_far"


def _columns(spec: Spec, wanted: dict[Atom, int]) -> str:
    return ", ".join(
        f'{formula(feature, [f"a{wanted[atom]}" for atom in atoms(feature)])} AS "{feature.name}"'
        for feature in spec.features
    )
