"""Features of an export that does not fit into memory: Parquet in, a folder of Parquet out.

`write_features` walks over the leads in partitions (see `features.scale.partition`) and writes one
file for each, under a temporary name that becomes the final one when the file is whole. A run that
was interrupted goes on where it stopped when it is started again with the same files and spec, and
begins anew with others. The folder counts as whole only with its last file, `features.json`, and
`read_features` takes no other. The numbers are those of
`features.scale.batch.point_in_time_features`, bit for bit: both make their `Histories` the same way
and ask the same executor.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from features.arrays import Float64
from features.language.spec import Spec
from features.progress import Progress, no_progress
from features.scale.batch import features_at, keyed_histories
from features.scale.partition import (
    Export,
    Input,
    Part,
    Partitions,
    export_of,
    part_of,
    partitions_of,
    remove_group,
    write_groups,
)
from features.tables import INSTANT

STREAM_FORMAT = 1
"""Raise it when the files change, so that a folder begun by an older version is begun anew."""
_MANIFEST = "manifest.json"
_WHOLE = "features.json"
_GROUPS = "groups"
_PARTIAL = ".partial"
_ROW_GROUP = 100_000
_TILE = 2048


def write_features(
    leads: Path,
    interactions: Path | None,
    attribute_log: Path | None,
    spine: Path,
    spec: Spec,
    output: Path,
    *,
    partitions: int | None = None,
    report_progress: Progress = no_progress,
) -> None:
    """Compute the features of a spine into a folder of Parquet files.

    Parameters
    ----------
    leads, interactions, attribute_log : Path
        Parquet with the columns and types of `features.tables`; None where the export has none.
    spine : Path
        Parquet with `lead_id` and `as_of`.
    spec : Spec
        Which features.
    output : Path
        Folder to write; it is made where it is missing. Each file in it has `lead_id`, `as_of` and
        one float64 column for each feature.
    partitions : int, optional
        How many files; by default as many as keep each partition below about 0.5 GB of memory.
    report_progress : callable, optional
        Called with the stage, the number of its rows that are done, and their total.

    Raises
    ------
    FileNotFoundError
        A file is missing.
    ValueError
        A file does not keep the promise of `features.tables`, a row belongs to no lead, or the
        folder holds something else.
    OSError
        The disk is full, say. What is there counts as unfinished; the same call goes on from it.
    """
    export = export_of(leads, interactions, attribute_log, spine, spec)
    cut = partitions_of(export, partitions)
    manifest = _manifest(export, spec, cut)
    _begin(output, manifest)
    if (output / _WHOLE).exists():
        return
    _group(export, cut, output, report_progress)
    rows, total = {}, export.spine.rows
    for number in range(cut.count):
        path = output / f"part-{number:05d}.parquet"
        if not path.exists():
            _write_part(path, part_of(export, cut, output / _GROUPS, number), spec)
            remove_group(output / _GROUPS, number)
        rows[path.name] = int(pq.read_metadata(path).num_rows)
        report_progress("features", sum(rows.values()), total)
    _write_json(output / _WHOLE, {**manifest, "spec": spec.to_json(), "rows": rows})
    shutil.rmtree(output / _GROUPS)


def read_features(folder: Path) -> ds.Dataset:
    """Features that `write_features` wrote, to be read as a whole or batch by batch.

    Parameters
    ----------
    folder : Path
        Output folder of a finished `write_features`.

    Returns
    -------
    pyarrow.dataset.Dataset
        ``to_table()`` reads it into memory; rows are grouped by partition.

    Raises
    ------
    FileNotFoundError
        There is no such folder.
    ValueError
        The folder is not whole.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder of features.")
    if not (folder / _WHOLE).is_file():
        raise ValueError(
            f"{folder} holds no finished features: {_WHOLE} is missing. Run the command that "
            "writes it again; it goes on where it stopped."
        )
    rows: dict[str, int] = json.loads((folder / _WHOLE).read_text(encoding="utf-8"))["rows"]
    for name, expected in rows.items():
        path = folder / name
        if not path.is_file() or pq.read_metadata(path).num_rows != expected:
            raise ValueError(
                f"{path} is missing or not the file that was written. Remove {folder} and write "
                "the features again."
            )
    return ds.dataset([folder / name for name in rows], format="parquet")


def _manifest(export: Export, spec: Spec, cut: Partitions) -> dict[str, Any]:
    """What makes two runs one and the same."""
    return {
        "format": STREAM_FORMAT,
        "spec_fingerprint": spec.fingerprint,
        "inputs": {name: _identity(file) for name, file in export.inputs().items()},
        "partitions": cut.count,
        "ranges_from": list(cut.lows),
    }


def _identity(file: Input) -> dict[str, Any]:
    """Tells a file from any other and from what it was before it was written anew."""
    with file.path.open("rb") as source:
        source.seek(-8, os.SEEK_END)  # Parquet ends with the footer's length and a magic word
        length = int.from_bytes(source.read(4), "little")
        source.seek(-8 - length, os.SEEK_END)
        footer = hashlib.sha256(source.read(length)).hexdigest()
    status = file.path.stat()
    return {"bytes": status.st_size, "modified_ns": status.st_mtime_ns, "footer_sha256": footer}


def _begin(output: Path, manifest: Mapping[str, Any]) -> None:
    """Prepare the folder: keep what this run left there, remove what another run did."""
    output.mkdir(parents=True, exist_ok=True)
    manifest_path = output / _MANIFEST
    if not manifest_path.is_file():
        if any(path.name != _MANIFEST + _PARTIAL for path in output.iterdir()):
            raise ValueError(
                f"{output} holds other files. Name a folder that is empty or does not exist."
            )
    elif json.loads(manifest_path.read_text(encoding="utf-8")) == manifest:
        for partial in output.glob(f"*{_PARTIAL}"):
            partial.unlink()
        return
    # The mark of being whole goes first, the manifest is replaced last: killed in between, the
    # folder is still an unfinished one of the other run.
    (output / _WHOLE).unlink(missing_ok=True)
    for part in [*output.glob("part-*.parquet"), *output.glob(f"*{_PARTIAL}")]:
        part.unlink()
    shutil.rmtree(output / _GROUPS, ignore_errors=True)
    _write_json(manifest_path, manifest)


def _group(export: Export, cut: Partitions, output: Path, report_progress: Progress) -> None:
    """Group rows by partition, unless an earlier start has finished that."""
    folder = output / _GROUPS
    if (folder / _WHOLE).exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    write_groups(export, cut, folder, report_progress)
    _write_json(folder / _WHOLE, {})


def _write_part(path: Path, part: Part, spec: Spec) -> None:
    """Compute and write one partition."""
    histories = keyed_histories(part.leads, part.interactions, part.attribute_log, spec)
    columns = _columns(features_at(histories, part.spine, spec))
    lead_id = part.leads["lead_id"].take(pa.array(part.spine.lead))
    as_of = pa.array(part.spine.as_of).cast(INSTANT)
    table = pa.table([lead_id, as_of, *columns], names=["lead_id", "as_of", *spec.names])
    with _whole(path) as partial:
        # Half the time and not much more room than the defaults, measured on counts and days.
        pq.write_table(
            table,
            partial,
            row_group_size=_ROW_GROUP,
            compression="lz4",
            use_dictionary=["lead_id"],
            use_byte_stream_split=list(spec.names),
        )


def _columns(matrix: Float64) -> list[pa.Array]:
    """Columns of a matrix in C order, turned in tiles that stay in the processor's cache."""
    turned = np.empty(matrix.shape[::-1], np.float64)
    for begin in range(0, len(matrix), _TILE):
        turned[:, begin : begin + _TILE] = matrix[begin : begin + _TILE].T
    return [pa.array(column) for column in turned]


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    with _whole(path) as partial:
        partial.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A temporary name, which becomes `path` when all is written and on the disk."""
    partial = path.with_name(path.name + _PARTIAL)
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
