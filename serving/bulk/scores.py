"""Bulk scores: an export and instants in, a table of banded probabilities out.

`score_spine` scores on this machine, `score_on_spark` on Spark; `write_scores` writes a file.
`score_blocks` and `write_blocks` do so block by block, so that a run needs no more memory for many
leads than for a few.
Executor and bundle are the same as in the server, so a lead gets the same bits here as over HTTP.
The command reports every lead that is not scored.
"""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from features.arrays import Float64
from features.engine.history import Histories, is_known
from features.scale.batch import features_at, histories_of
from features.spine import Spine, refused_at
from features.tables import INSTANT, Tables, without_formulas
from models.bands import Temperature
from models.bundle import Bundle, load_bundle, read_bundle_files
from models.folder import MANIFEST

if TYPE_CHECKING:
    from features.scale.spark import Columns

BLOCK_ROWS = 50_000
"""Rows that are scored together, and a row group of the file: 40 MB of a hundred features."""


@dataclass(frozen=True, slots=True)
class WrittenScores:
    """What was written to a file of scores.

    Attributes
    ----------
    rows : int
        Number of rows.
    bands : mapping of str to int
        Rows of each band.
    notes : tuple of str
        What a reader of the file must know, one sentence each.
    """

    rows: int
    bands: Mapping[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoredBlock:
    """Rows that were scored together, with what their scores rest on.

    Parameters
    ----------
    table : pa.Table
        The scores, as `score_blocks` gives them.
    matrix : float64 array of shape (rows, features)
        The features.
    histories : Histories
        Of all leads of the export.
    spine : Spine
        Which leads the rows are about, and as of when.
    previous : sequence of str or None, optional
        The earlier band of each row's lead, where it was asked for.
    """

    table: pa.Table
    matrix: Float64
    histories: Histories
    spine: Spine
    previous: Sequence[str | None] | None


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
        lead_id, as_of, where refused leads are looked at ``refused``, and the columns of
        `score_columns`.
    """
    return pa.concat_tables(score_blocks(bundle, tables, spine, threads, previous))


def score_blocks(
    bundle: Bundle,
    tables: Tables,
    spine: Spine,
    threads: int | None = None,
    previous: Sequence[str | None] | None = None,
    block_rows: int = BLOCK_ROWS,
    keep: Callable[[ScoredBlock], None] = lambda block: None,
) -> Iterator[pa.Table]:
    """Scores of a spine, in its order, block by block.

    Parameters
    ----------
    bundle, tables, spine, threads, previous
        As for `score_spine`.
    block_rows : int
        Rows of a block: so many have their features in memory at once.
    keep : callable
        Called with each block before it is given.

    Yields
    ------
    pa.Table
        As `score_spine` gives; of an empty spine one block without rows.
    """
    histories = histories_of(tables, bundle.spec)
    for begin in range(0, max(len(spine), 1), block_rows):
        rows = slice(begin, begin + block_rows)
        block = Spine(spine.lead[rows], spine.as_of[rows])
        matrix = features_at(histories, block, bundle.spec)
        bands_before = None if previous is None else previous[rows]
        table = pa.table(
            {
                "lead_id": tables.leads["lead_id"].take(pa.array(block.lead)),
                "as_of": pa.array(block.as_of).cast(INSTANT),
                **_refusal_column(tables, block),
                **score_columns(bundle, matrix, threads or os.cpu_count() or 1, bands_before),
            }
        )
        keep(ScoredBlock(table, matrix, histories, block, bands_before))
        yield table


def _refusal_column(tables: Tables, rows: Spine) -> dict[str, pa.Array]:
    """Whether each lead had been refused by then, where the bundle looks at refused leads."""
    if tables.after_refusal is None:
        return {}
    return {"refused": pa.array(is_known(refused_at(tables)[rows.lead], rows.as_of))}


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
    from features.scale.spark import (
        local_uri,
        row_count,
        spark_session,
        whole_folder,
        write_features,
        write_tables,
    )

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


def spark_score_columns(folder: Path) -> "Columns":
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


def in_order(blocks: Iterable[pa.Table], horizon: Literal["hot", "warm"]) -> Iterator[pa.Table]:
    """Scores of all blocks with the most promising leads first (`rank_scores`), as one block."""
    yield rank_scores(pa.concat_tables(blocks), horizon)


def rank_scores(table: pa.Table, horizon: Literal["hot", "warm"]) -> pa.Table:
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


def band_counts_text(counts: Mapping[str, int]) -> str:
    """How many scores fell into each band, such as ``3 hot, 12 warm, 128 cold``."""
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
    return write_blocks([table], path).notes


def write_blocks(blocks: Iterable[pa.Table], path: Path) -> WrittenScores:
    """Write scores block by block as Parquet or CSV; the file is there once all are written.

    Parameters
    ----------
    blocks : iterable of pa.Table
        At least one; in Parquet each is a row group.
    path : pathlib.Path
        The file.

    Returns
    -------
    WrittenScores
        How much was written.

    Raises
    ------
    ValueError
        The file's name ends in neither .parquet nor .csv.
    """
    require_scores_suffix(path)
    bands: Counter[str] = Counter()
    changed = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        first, *_ = itertools.islice(remaining := iter(blocks), 1)
        open_file = pq.ParquetWriter if path.suffix == ".parquet" else pyarrow.csv.CSVWriter
        with open_file(part, first.schema) as file:
            for block in itertools.chain([first], remaining):
                table = block
                if path.suffix == ".csv":
                    safe = without_formulas(block["lead_id"])
                    changed += pc.sum(pc.not_equal(safe, block["lead_id"])).as_py() or 0
                    position = block.column_names.index("lead_id")
                    table = block.set_column(position, "lead_id", safe)
                file.write_table(table)
                bands.update(block["band"].to_pylist())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    note = (
        f"{changed:,} rows have a lead_id that a spreadsheet would take for a formula: "
        "they stand with a leading apostrophe. Parquet keeps them as they are."
    )
    return WrittenScores(bands.total(), bands, (note,) if changed else ())
