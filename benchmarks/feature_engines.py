"""The same features by each engine: this project's, and the best that its peers were brought to.

Every engine reads `leads.parquet`, `interactions.parquet` and `spine.parquet` of a folder (see
`benchmarks.feature_data`) and gives `lead_id`, `as_of` (whole microseconds) and one column for each
feature of the spec, in any order of rows and in the form that comes natural to it. Libraries are
imported by the engine that needs them, so that its memory is its own.

The best that DuckDB and Polars were brought to is not the obvious join of every look with every
interaction (40 million pairs here, several times dearer), nor ASOF joins, but this: each
interaction is compared with its lead's few looks to find the first one that knows it and the first
one at which it has left each window; sums by look of what enters and of what leaves then become
windowed counts by one running sum over the lead's looks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from features.history import MICROSECONDS_PER_DAY as DAY
from features.kinds import (
    LABEL_FIELDS,
    Count,
    DaysSinceFirst,
    DaysSinceLatest,
    Feature,
    LeadAge,
    Mean,
    Selection,
    Share,
    Total,
    Trend,
)
from features.spec import Spec

Operation = Literal["count", "has", "sum", "max", "min"]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Features as this project gives them: rows of a table, and a matrix beside it."""

    rows: Any
    values: Any


@dataclass(frozen=True, slots=True)
class Atom:
    """What an engine adds up (or takes the extreme of) over a window of a selection."""

    operation: Operation
    selection: Selection
    days: int | None
    measure: str = ""

    @property
    def window(self) -> int:
        """Days, or 0 for all of the history."""
        return self.days or 0

    @property
    def whole(self) -> "Atom":
        """The same over all of the history."""
        return Atom(self.operation, self.selection, None, self.measure)


def atoms(feature: Feature) -> tuple[Atom, ...]:
    """What a feature is made from, in the order in which `formula` takes it."""
    match feature:
        case LeadAge():
            return ()
        case Count(selection, days):
            return (Atom("count", selection, days),)
        case Total(selection, measure, days):
            return (Atom("sum", selection, days, measure),)
        case Mean(selection, measure, days):
            return (
                Atom("sum", selection, days, measure),
                Atom("has", selection, days, measure),
            )
        case Share(selection, among, days):
            return (Atom("count", selection, days), Atom("count", among, days))
        case Trend(selection, short_days, long_days):
            return (Atom("count", selection, short_days), Atom("count", selection, long_days))
        case DaysSinceLatest(selection):
            return (Atom("max", selection, None),)
        case DaysSinceFirst(selection):
            return (Atom("min", selection, None),)
        case _:
            raise ValueError(f"The comparison has no formula for {feature}.")


def formula(feature: Feature, values: list[str]) -> str:
    """A feature from its atoms, as SQL that DuckDB and Polars both read."""
    match feature:
        case LeadAge():
            return f"(as_of - created_at) / {DAY}e0"
        case Mean() | Share():
            return f"{values[0]} * 1e0 / nullif({values[1]}, 0)"
        case Trend(_, short_days, long_days):
            return f"{values[0]} / {short_days}e0 - {values[1]} / {long_days}e0"
        case DaysSinceLatest() | DaysSinceFirst():
            return f"(as_of - {values[0]}) / {DAY}e0"
        case _:
            return f"{values[0]} * 1e0"


def read_tables(
    folder: Path, measures: tuple[str, ...], fields: tuple[str, ...] = LABEL_FIELDS
) -> Any:
    """The export as this project's `Tables`; label fields that nobody asks for stay unread."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from features.tables import ATTRIBUTE_LOG, REJECTS, Tables, interactions_schema

    words = list(fields)
    columns = interactions_schema(measures, fields).names
    read = pq.read_table(folder / "interactions.parquet", columns=columns, read_dictionary=words)
    interactions = [
        read[one.name] if one.name in columns else pa.nulls(read.num_rows, one.type)
        for one in interactions_schema(measures)
    ]
    return Tables(
        leads=pq.read_table(folder / "leads.parquet"),
        interactions=pa.table(interactions, schema=interactions_schema(measures)),
        attribute_log=ATTRIBUTE_LOG.empty_table(),
        attribute_kinds={},
        measures=measures,
        data_end=0,
        rejects=REJECTS.empty_table(),
        unused={},
    )


def ours(folder: Path, spec: Spec) -> Any:
    """Features of this project in memory: tables in, a matrix out."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from features.batch import Spine, microseconds, point_in_time_features

    tables = read_tables(folder, spec.measures, spec.fields)
    looks = pq.read_table(folder / "spine.parquet")
    ids = tables.leads["lead_id"].combine_chunks()
    lead = pc.index_in(looks["lead_id"], value_set=ids).to_numpy().astype("int64")
    spine = Spine(lead, microseconds(looks["as_of"]))
    matrix = point_in_time_features(tables, spine, spec)
    return Matrix(pa.table({"lead_id": looks["lead_id"], "as_of": looks["as_of"]}), matrix)


def ours_streamed(folder: Path, spec: Spec) -> Any:
    """Features of this project from Parquet to Parquet."""
    from features.stream import read_features, write_features

    output = folder / "features"
    write_features(
        folder / "leads.parquet",
        folder / "interactions.parquet",
        None,
        folder / "spine.parquet",
        spec,
        output,
    )
    return read_features(output)


def bare(folder: Path, spec: Spec) -> Any:  # noqa: ARG001
    """A scan, a join and a count in DuckDB: what no engine that pairs rows can do without."""
    return _answered(
        f"""
        SELECT lead_id, as_of, count(*) AS known
        FROM read_parquet('{folder}/spine.parquet') s
        JOIN read_parquet('{folder}/interactions.parquet') i USING (lead_id)
        WHERE occurred_at < as_of AND recorded_at < as_of
        GROUP BY lead_id, as_of
        """  # noqa: S608
    )


def duckdb_obvious(folder: Path, spec: Spec) -> Any:
    """DuckDB as one would write it first: every look with every interaction, and filters."""
    wanted = _wanted(spec)
    values = ", ".join(
        f"{_aggregate(atom, _in_window(atom.days))} AS a{number}" for atom, number in wanted.items()
    )
    return _answered(
        f"""
        WITH {_views(folder)}, known AS (
            SELECT l.lead_id, l.as_of, any_value(l.created_at) AS created_at, {values}
            FROM looks l
            LEFT JOIN events e ON l.lead_id = e.lead_id AND known_at < l.as_of
            GROUP BY l.lead_id, l.as_of
        )
        SELECT lead_id, as_of, {_columns(spec, wanted)} FROM known
        """  # noqa: S608
    )


def duckdb_best(folder: Path, spec: Spec) -> Any:
    """DuckDB: sums of what enters and leaves by look, then running sums over the lead's looks."""
    counted = _answered(
        f"SELECT max(n) AS n FROM (SELECT count(*) AS n FROM '{folder}/spine.parquet' "  # noqa: S608
        "GROUP BY lead_id)"
    )
    most = counted["n"][0].as_py()
    wanted = _wanted(spec)
    windows = _windows(wanted)
    places = ", ".join(
        f"first + {' + '.join(_passed(look, days) for look in range(1, most + 1))} AS look_{days}"
        for days in windows
    )
    sums = ", ".join(
        f"sums_{days} AS (SELECT look_{days} AS look, {values} FROM placed "  # noqa: S608
        f"WHERE look_{days} < first + looks GROUP BY ALL)"
        for days in windows
        if (values := _sums(wanted, days))
    )
    running = ", ".join(f"{_running(atom, wanted)} AS a{number}" for atom, number in wanted.items())
    return _answered(
        f"""
        WITH {_views(folder)}, looked AS (
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
        """  # noqa: S608
    )


def polars_best(folder: Path, spec: Spec) -> Any:
    """Polars: the same way as `duckdb_best`, in lazy expressions."""
    import polars as pl

    wanted = _wanted(spec)
    windows = _windows(wanted)
    created = pl.scan_parquet(folder / "leads.parquet").select(
        "lead_id", pl.col("created_at").cast(pl.Int64)
    )
    rows = (
        pl.scan_parquet(folder / "spine.parquet")
        .with_columns(pl.col("as_of").cast(pl.Int64))
        .sort("lead_id", "as_of")
        .with_row_index("look")
        .join(created, on="lead_id", maintain_order="left")
        .with_columns(pl.col("look").min().over("lead_id").alias("first"))
        .collect()
    )
    leads = rows.group_by("lead_id", "first").agg(pl.len().alias("looks"), pl.col("as_of"))
    most = leads["looks"].max()
    times = [f"time_{i}" for i in range(most)]  # type: ignore[arg-type]
    leads = leads.with_columns(
        pl.col("as_of").list.get(i, null_on_oob=True).alias(name) for i, name in enumerate(times)
    ).drop("as_of")

    def look(days: int) -> pl.Expr:
        leaves = pl.max_horizontal("known_at", pl.col("occurred_at") + days * DAY)
        passed = [(pl.col(name) <= leaves).fill_null(False).cast(pl.UInt8) for name in times]
        return (pl.col("first") + pl.sum_horizontal(passed)).alias(f"look_{days}")

    def chosen(selection: Selection) -> pl.Expr:
        tests = [pl.col(name).is_in(values) for name, values in selection.conditions()]
        return pl.all_horizontal(pl.lit(value=True), *tests).fill_null(value=False)

    selections = {atom.selection: chosen(atom.selection) for atom in wanted}
    names = {selection: f"chosen_{i}" for i, selection in enumerate(selections)}
    placed = (
        pl.scan_parquet(folder / "interactions.parquet")
        .select(
            "lead_id",
            pl.col("occurred_at").cast(pl.Int64),
            pl.max_horizontal("occurred_at", "recorded_at").cast(pl.Int64).alias("known_at"),
            *spec.measures,
            *(mask.alias(names[selection]) for selection, mask in selections.items()),
        )
        .join(leads.lazy(), on="lead_id")
        .select(
            *("first", "looks", "occurred_at", *spec.measures, *names.values()),
            *(look(days) for days in windows),
        )
        .collect()
    )

    def total(atom: Atom) -> pl.Expr:
        mask = pl.col(names[atom.selection])
        match atom.operation:
            case "count":
                return mask.sum().cast(pl.Int64)
            case "has":
                return (mask & pl.col(atom.measure).is_not_null()).sum().cast(pl.Int64)
            case "sum":
                return pl.col(atom.measure).filter(mask).sum()
            case "max":
                return pl.col("occurred_at").filter(mask).max()
            case "min":
                return pl.col("occurred_at").filter(mask).min()

    def running(atom: Atom) -> pl.Expr:
        entered = pl.col(f"g{wanted[atom.whole]}")
        if atom.operation == "max":
            return entered.cum_max().forward_fill()
        if atom.operation == "min":
            return entered.cum_min().forward_fill()
        entered = entered.fill_null(0)
        if atom.days is not None:
            entered = entered - pl.col(f"g{wanted[atom]}").fill_null(0)
        return entered.cum_sum()

    for days in windows:
        sums = (
            placed.lazy()
            .filter(pl.col(f"look_{days}") < pl.col("first") + pl.col("looks"))
            .group_by(pl.col(f"look_{days}").alias("look"))
            .agg(total(a).alias(f"g{number}") for a, number in wanted.items() if a.window == days)
            .collect()
        )
        rows = rows.join(sums, on="look", how="left", maintain_order="left")
    known = rows.lazy().with_columns(
        running(atom).over("first").alias(f"a{number}") for atom, number in wanted.items()
    )
    columns = (
        pl.sql_expr(formula(feature, [f"a{wanted[atom]}" for atom in atoms(feature)])).alias(
            feature.name
        )
        for feature in spec.features
    )
    return known.select("lead_id", "as_of", *columns).collect().to_arrow()


def pandas_usual(folder: Path, spec: Spec) -> Any:
    """Pandas as it is usually written: merge, mask, group by lead and instant; one by one."""
    import pandas as pd

    keys = ["lead_id", "as_of"]
    looks = pd.read_parquet(folder / "spine.parquet")
    created = pd.read_parquet(folder / "leads.parquet", columns=["lead_id", "created_at"])
    events = pd.read_parquet(folder / "interactions.parquet")
    looks = looks.merge(created, on="lead_id").set_index(keys)
    pairs = looks.reset_index()[keys].merge(events, on="lead_id")
    pairs = pairs[(pairs["occurred_at"] < pairs["as_of"]) & (pairs["recorded_at"] < pairs["as_of"])]
    cache: dict[Atom, Any] = {}

    def value(atom: Atom) -> Any:
        if atom not in cache:
            chosen = pairs
            if atom.days is not None:
                opens = chosen["as_of"] - pd.Timedelta(days=atom.days)
                chosen = chosen[chosen["occurred_at"] >= opens]
            for name, values in atom.selection.conditions():
                chosen = chosen[chosen[name].isin(values)]
            grouped = chosen.groupby(keys)
            match atom.operation:
                case "count":
                    found = grouped.size().reindex(looks.index, fill_value=0)
                case "has":
                    found = grouped[atom.measure].count().reindex(looks.index, fill_value=0)
                case "sum":
                    found = grouped[atom.measure].sum().reindex(looks.index, fill_value=0)
                case "max":
                    found = grouped["occurred_at"].max().reindex(looks.index)
                case "min":
                    found = grouped["occurred_at"].min().reindex(looks.index)
            cache[atom] = found
        return cache[atom]

    day: Any = pd.Timedelta(days=1)
    as_of = pd.Series(looks.index.get_level_values("as_of"), index=looks.index)
    columns: dict[str, Any] = {}
    for feature in spec.features:
        values = [value(atom) for atom in atoms(feature)]
        match feature:
            case LeadAge():
                columns[feature.name] = (as_of - looks["created_at"]) / day
            case Mean() | Share():
                columns[feature.name] = values[0] / values[1].where(values[1] != 0)
            case Trend(_, short_days, long_days):
                columns[feature.name] = values[0] / short_days - values[1] / long_days
            case DaysSinceLatest() | DaysSinceFirst():
                columns[feature.name] = (as_of - values[0]) / day
            case _:
                columns[feature.name] = values[0].astype("float64")
    return pd.DataFrame(columns).reset_index()


LIBRARIES = {
    "ours": ("pyarrow.parquet", "pyarrow.compute", "features.batch"),
    "ours streamed": ("features.stream",),
    "bare DuckDB": ("duckdb", "pyarrow"),
    "DuckDB best": ("duckdb", "pyarrow"),
    "DuckDB obvious": ("duckdb", "pyarrow"),
    "Polars best": ("polars", "pyarrow"),
    "pandas usual": ("pandas", "pyarrow.parquet"),
}
"""What is imported before an engine's time begins to count."""
ENGINES: dict[str, Callable[[Path, Spec], Any]] = {
    "ours": ours,
    "ours streamed": ours_streamed,
    "bare DuckDB": bare,
    "DuckDB best": duckdb_best,
    "DuckDB obvious": duckdb_obvious,
    "Polars best": polars_best,
    "pandas usual": pandas_usual,
}


def write_answer(result: Any, spec: Spec, path: Path, nth: int) -> None:
    """Write what an engine gave for every nth lead, in order of lead and instant, as NumPy."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    if isinstance(result, Matrix):
        columns = dict(zip(spec.names, map(pa.array, result.values.T), strict=True))
        result = pa.table({**dict(zip(["lead_id", "as_of"], result.rows, strict=True)), **columns})
    elif isinstance(result, ds.Dataset):
        result = result.to_table()
    elif isinstance(result, pd.DataFrame):
        microseconds = result["as_of"].dt.as_unit("us").astype("int64")
        result = pa.Table.from_pandas(result.assign(as_of=microseconds), preserve_index=False)
    number = pc.utf8_slice_codeunits(result["lead_id"].cast(pa.string()), 5).cast(pa.int64())
    number = number.to_numpy()
    kept = np.flatnonzero(number % nth == 0)
    as_of = result["as_of"].cast(pa.int64()).to_numpy()[kept]
    order = np.lexsort((as_of, number[kept]))
    np.savez(
        path,
        keys=np.column_stack([number[kept], as_of])[order],
        names=np.array(spec.names),
        whole=np.array([isinstance(feature, Count | Total) for feature in spec.features]),
        values=np.column_stack(
            [result[name].cast(pa.float64()).to_numpy()[kept][order] for name in spec.names]
        ),
    )


def _answered(query: str) -> Any:
    """Answer of DuckDB to a query, as an Arrow table."""
    import duckdb

    relation: Any = duckdb.sql(query)
    return relation.to_arrow_table()


def _wanted(spec: Spec) -> dict[Atom, int]:
    """Every atom of a spec, numbered; the whole of each window among them."""
    found = [atom for feature in spec.features for atom in atoms(feature)]
    return {a: i for i, a in enumerate(dict.fromkeys([*found, *(a.whole for a in found)]))}


def _windows(wanted: dict[Atom, int]) -> list[int]:
    return sorted({atom.window for atom in wanted})


def _views(folder: Path) -> str:
    """Common table expressions of DuckDB: looks and events in whole microseconds."""
    return f"""
    looks AS (
        SELECT lead_id, epoch_us(as_of) AS as_of, epoch_us(created_at) AS created_at
        FROM read_parquet('{folder}/spine.parquet') s
        JOIN read_parquet('{folder}/leads.parquet') l USING (lead_id)
    ), events AS (
        SELECT lead_id, epoch_us(occurred_at) AS occurred_at,
            greatest(epoch_us(occurred_at), epoch_us(recorded_at)) AS known_at,
            channel, kind, direction, duration_seconds
        FROM read_parquet('{folder}/interactions.parquet')
    )
    """  # noqa: S608


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
