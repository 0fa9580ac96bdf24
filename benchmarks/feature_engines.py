"""The same features by each engine: this project's, and the best that its peers were brought to.

Every engine reads `leads.parquet`, `interactions.parquet` and `spine.parquet` of a folder (see
`benchmarks.feature_data`) and gives `lead_id`, `as_of` (whole microseconds) and one column for each
feature of the spec, in any order of rows and in the form that comes natural to it. Libraries are
imported by the engine that needs them, so that its memory is its own.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.language.kinds import (
    LABEL_FIELDS,
    Count,
    Total,
)
from features.language.spec import Spec


@dataclass(frozen=True, slots=True)
class Matrix:
    """Features as this project gives them: rows of a table, and a matrix beside it."""

    rows: Any
    values: Any


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

    from features.scale.batch import point_in_time_features
    from features.spine import Spine, microseconds

    tables = read_tables(folder, spec.measures, spec.fields)
    looks = pq.read_table(folder / "spine.parquet")
    ids = tables.leads["lead_id"].combine_chunks()
    lead = pc.index_in(looks["lead_id"], value_set=ids).to_numpy().astype("int64")
    spine = Spine(lead, microseconds(looks["as_of"]))
    matrix = point_in_time_features(tables, spine, spec)
    return Matrix(pa.table({"lead_id": looks["lead_id"], "as_of": looks["as_of"]}), matrix)


def ours_streamed(folder: Path, spec: Spec) -> Any:
    """Features of this project from Parquet to Parquet."""
    from features.scale.stream import read_features, write_features

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


LIBRARIES = {
    "ours": ("pyarrow.parquet", "pyarrow.compute", "features.scale.batch"),
    "ours streamed": ("features.scale.stream",),
    "bare DuckDB": ("duckdb", "pyarrow"),
    "DuckDB best": ("duckdb", "pyarrow"),
    "DuckDB obvious": ("duckdb", "pyarrow"),
    "Polars best": ("polars", "pyarrow"),
    "pandas usual": ("pandas", "pyarrow.parquet"),
}
"""What is imported before an engine's time begins to count."""
ENGINES = {
    "ours": "benchmarks.feature_engines:ours",
    "ours streamed": "benchmarks.feature_engines:ours_streamed",
    "bare DuckDB": "benchmarks.feature_sql:bare",
    "DuckDB best": "benchmarks.feature_sql:duckdb_best",
    "DuckDB obvious": "benchmarks.feature_sql:duckdb_obvious",
    "Polars best": "benchmarks.feature_polars:polars_best",
    "pandas usual": "benchmarks.feature_pandas:pandas_usual",
}
"""Module and function of each engine; a module brings its engine's library alone."""


def engine(name: str) -> Callable[[Path, Spec], Any]:
    """Function of an engine, with its libraries imported."""
    for library in LIBRARIES[name]:
        importlib.import_module(library)
    module, function = ENGINES[name].split(":")
    found: Callable[[Path, Spec], Any] = getattr(importlib.import_module(module), function)
    return found


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
