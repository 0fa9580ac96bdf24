"""Bulk scores: an export and instants in, a table of banded probabilities out.

`score_spine` scores on this machine, `score_on_spark` on Spark; `write_scores` writes a file.
Executor and bundle are the same as in the server, so a lead gets the same bits here as over HTTP.
The command reports every lead that is not scored.
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from features.arrays import Float64
from features.scale.batch import point_in_time_features
from features.scale.spark import (
    Columns,
    local_uri,
    row_count,
    spark_session,
    whole_folder,
    write_features,
    write_tables,
)
from features.spine import Spine
from features.tables import INSTANT, Tables, without_formulas
from models.bands import Temperature
from models.bundle import Bundle, load_bundle, read_bundle_files
from models.folder import MANIFEST


def score_spine(
    bundle: Bundle,
    tables: Tables,
    spine: Spine,
    threads: int | None = None,
    previous: Sequence[str | None] | None = None,
) -> pa.Table:
    """Scores of a spine, in its order.

    Parameters
    ----------
    bundle : Bundle
        The model that scores.
    tables : Tables
        Leads and interactions, as `serving.bulk.selection.read_for_scoring` reads them.
    spine : Spine
        Which leads to score, and as of when.
    threads : int, optional
        Threads of the model; all cores by default.
    previous : sequence of "hot", "warm", "cold" or None, optional
        Earlier band of each row's lead (`serving.bulk.previous`); near a cut-off it stays.

    Returns
    -------
    pa.Table
        lead_id, as_of and the columns of `score_columns`.
    """
    matrix = point_in_time_features(tables, spine, bundle.spec)
    return pa.table(
        {
            "lead_id": tables.leads["lead_id"].take(pa.array(spine.lead)),
            "as_of": pa.array(spine.as_of).cast(INSTANT),
            **score_columns(bundle, matrix, threads or os.cpu_count() or 1, previous),
        }
    )


def score_columns(
    bundle: Bundle,
    matrix: Float64,
    threads: int = 1,
    previous: Sequence[str | None] | None = None,
) -> dict[str, pa.Array]:
    """Columns of a table of scores by name: those of `models.horizon.Scores`, band and version."""
    scores = bundle.scores(matrix, threads)
    band = scores.band
    if previous is not None:
        band = bundle.bands.assign(*scores.decisive(bundle.bands), previous=previous)
    return {
        "hot_probability": pa.array(scores.hot_probability),
        "hot_low": pa.array(scores.hot_low),
        "hot_high": pa.array(scores.hot_high),
        "warm_probability": pa.array(scores.warm_probability),
        "warm_low": pa.array(scores.warm_low),
        "warm_high": pa.array(scores.warm_high),
        "not_enough_evidence": pa.array(scores.not_enough_evidence),
        "band": pa.array(band.astype(object), pa.string()),
        "may_be_left": pa.array(bundle.may_be_left(band, scores.warm_high)),
        "model_version": pa.repeat(bundle.version, len(matrix)),
    }


def score_on_spark(bundle: Path, tables: Tables, spine: Spine, output: Path) -> int:
    """Score a spine on Spark: `output` becomes a folder of Parquet parts, all at once.

    Returns
    -------
    int
        How many rows were written.

    Raises
    ------
    ValueError
        The folder's name does not end in .parquet.
    """
    if output.suffix != ".parquet":
        raise ValueError(
            f"With --engine spark, --output must end in .parquet, got '{output.name}'."
        )
    with whole_folder(output) as part, spark_session() as session:
        write_tables(tables, spine, part / "tables")
        source, target = local_uri(part / "tables", read=True), local_uri(part / "rows")
        spec = load_bundle(bundle).spec
        write_features(session, source, spec, target, spark_score_columns(bundle))
        rows_written = row_count(part / "rows")
        if rows_written != len(spine):
            raise OSError(
                f"Spark wrote {rows_written:,} rows of {len(spine):,}: {output} is left out."
            )
    return rows_written


def spark_score_columns(folder: Path) -> Columns:
    """Columns of scores for Spark's `write_features`; they carry the bundle's files to the tasks.

    Parameters
    ----------
    folder : Path
        Folder of the bundle, on this machine.
    """
    bundle_files = read_bundle_files(folder, with_companions=False)
    files = {name: text.encode() for name, text in bundle_files.model.items()}
    return partial(_task_scores, files | {MANIFEST: bundle_files.manifest})


def _task_scores(files: dict[str, bytes], matrix: Float64) -> dict[str, pa.Array]:
    """Score by a bundle given as files; with one thread, as Spark gives a task one core."""
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        return score_columns(load_bundle(Path(folder), with_companions=False), matrix)


def in_order(table: pa.Table, horizon: Literal["hot", "warm"]) -> pa.Table:
    """Scores with the most promising leads of each instant first, and their rank from 1 on.

    An order is there whatever the bands bear: where nobody can be called hot, somebody is still the
    first to call. Equal probabilities are told apart by the other horizon's, then by ``lead_id``.

    Parameters
    ----------
    table : pyarrow.Table
        Scores, as `score_spine` gives them.
    horizon : {"hot", "warm"}
        Whose probability decides.

    Returns
    -------
    pyarrow.Table
        The same rows, sorted by instant and rank, with the column ``rank`` in front.
    """
    tie_breaker = {"hot": "warm", "warm": "hot"}[horizon]
    keys = [
        ("as_of", "ascending"),
        (f"{horizon}_probability", "descending"),
        (f"{tie_breaker}_probability", "descending"),
        ("lead_id", "ascending"),
    ]
    ordered = table.sort_by(keys)
    instant = ordered["as_of"].cast(pa.int64()).to_numpy()
    _, first_row, rows = np.unique(instant, return_index=True, return_counts=True)
    rank = np.arange(1, len(instant) + 1) - np.repeat(first_row, rows)
    return ordered.add_column(0, "rank", pa.array(rank, pa.int64()))


def band_counts_text(table: pa.Table) -> str:
    """How many scores fell into each band, such as ``3 hot, 12 warm, 128 cold``."""
    counts = {row["values"]: row["counts"] for row in pc.value_counts(table["band"]).to_pylist()}
    return ", ".join(
        f"{counts.get(band.value, 0):,} {band.value}" for band in reversed(Temperature)
    )


def require_scores_suffix(path: Path) -> None:
    """Refuse a file name whose suffix is no format of scores.

    Raises
    ------
    ValueError
        The name ends in neither .parquet nor .csv.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise ValueError(f"--output must end in .parquet or .csv, got '{path.name}'.")


def write_scores(table: pa.Table, path: Path) -> tuple[str, ...]:
    """Write scores as Parquet or CSV, all at once.

    Returns
    -------
    tuple of str
        What a reader of the file must know, one sentence each.

    Raises
    ------
    ValueError
        The file's name ends in neither .parquet nor .csv.
    """
    require_scores_suffix(path)
    notes: tuple[str, ...] = ()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.suffix == ".parquet":
            pq.write_table(table, part)
        else:
            safe = without_formulas(table["lead_id"])
            changed = pc.sum(pc.not_equal(safe, table["lead_id"])).as_py() or 0
            if changed:
                note = (
                    f"{changed:,} rows have a lead_id that a spreadsheet would take for a formula: "
                    "they stand with a leading apostrophe. Parquet keeps them as they are."
                )
                notes = (note,)
            column = table.column_names.index("lead_id")
            pyarrow.csv.write_csv(table.set_column(column, "lead_id", safe), part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return notes
