"""Parquet files of any size, cut into partitions of whole leads that fit into memory.

A feature needs the whole history of its lead and nothing of any other lead, so an export can be
walked over in partitions of leads. Files in order of lead (their row groups' statistics tell) are
read where they lie, range by range. Others are rewritten once, into one Arrow file for each
partition: every row goes to its lead's partition, with its lead's place there instead of the id.
Rows of a lead keep their order, so a partition gives the very numbers that the whole would give.

Tests: tests/features/scale/test_stream.py.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.language.spec import Spec
from features.progress import Progress
from features.scale.batch import RowsByLead
from features.spine import Spine, microseconds
from features.tables import ATTRIBUTE_LOG, INSTANT, interactions_schema, leads_schema

SPINE = pa.schema(
    [pa.field("lead_id", pa.string(), nullable=False), pa.field("as_of", INSTANT, nullable=False)]
)
PARTITION_ROWS = 1_000_000
"""Rows of all files in a partition, about: it takes some 0.5 GB with 100 features."""
MOST_PARTITIONS = 1_000
"""As many files are open at once while rows are grouped."""
_BATCH_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Input:
    """One Parquet file and the columns that are read from it.

    Parameters
    ----------
    path : Path
        The file; it is read piece by piece.
    schema : pa.Schema
        Columns as they are read; `lead_id` is one of them.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is not Parquet, a column is missing, or its type is not the one that is meant.
    """

    path: Path
    schema: pa.Schema

    def __post_init__(self) -> None:
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path}: there is no such file.")
        try:
            file_schema = pq.read_schema(self.path)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.path} is not a whole Parquet file: {error}") from error
        missing = [name for name in self.schema.names if name not in file_schema.names]
        if missing:
            raise ValueError(
                f"{self.path}: columns {missing} are missing. Columns found: {file_schema.names}."
            )
        for field in self.schema:
            if not _readable(file_schema.field(field.name).type, field.type):
                raise ValueError(
                    f"{self.path}: column '{field.name}' must be {field.type}, "
                    f"got {file_schema.field(field.name).type}."
                )

    def file(self) -> pq.ParquetFile:
        """The open file; words come as dictionaries however they were written."""
        words = [field.name for field in self.schema if pa.types.is_dictionary(field.type)]
        return pq.ParquetFile(self.path, read_dictionary=words)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(pq.read_metadata(self.path).num_rows)

    def batches(self) -> Iterator[pa.Table]:
        """All rows, some at a time."""
        columns = self.schema.names
        for batch in self.file().iter_batches(_BATCH_ROWS, columns=columns, use_threads=False):
            yield self.conforming(pa.Table.from_batches([batch]))

    def conforming(self, table: pa.Table) -> pa.Table:
        """Rows with the schema's types, none of them with a null where there must be none."""
        for field in self.schema:
            if not field.nullable and table[field.name].null_count:
                raise ValueError(f"{self.path}: column '{field.name}' must not be null.")
        return table.select(self.schema.names).cast(self.schema)


@dataclass(frozen=True, slots=True)
class Export:
    """The files of an export and the instants at which its leads are looked at.

    Parameters
    ----------
    leads, spine : Input
        The leads, and the rows (lead and instant) that ask for features.
    interactions, attribute_log : Input, or None
        None where the export has none.
    interactions_schema : pa.Schema
        The interactions' columns that are read.
    """

    leads: Input
    interactions: Input | None
    attribute_log: Input | None
    spine: Input
    interactions_schema: pa.Schema

    def inputs(self) -> dict[str, Input]:
        """The files that there are, by name."""
        files = {
            "leads": self.leads,
            "interactions": self.interactions,
            "attribute_log": self.attribute_log,
            "spine": self.spine,
        }
        return {name: file for name, file in files.items() if file is not None}


def export_of(
    leads: Path, interactions: Path | None, attribute_log: Path | None, spine: Path, spec: Spec
) -> Export:
    """Files of an export with the columns that a spec may read."""
    names = pq.read_schema(leads).names if leads.is_file() else []
    kinds = {name: kind for name, kind in spec.attribute_kinds.items() if name in names}
    lead_columns = leads_schema(kinds)
    for outcome in ("converted_at", "closed_at"):  # no feature may look at them
        lead_columns = lead_columns.remove(lead_columns.get_field_index(outcome))
    events = interactions_schema(spec.measures, spec.fields)
    return Export(
        leads=Input(leads, lead_columns),
        interactions=(None if interactions is None else Input(interactions, events)),
        attribute_log=None if attribute_log is None else Input(attribute_log, ATTRIBUTE_LOG),
        spine=Input(spine, SPINE),
        interactions_schema=events,
    )


class RowGroup(NamedTuple):
    """A row group of a file in order of lead."""

    least: str
    greatest: str
    rows: int


@dataclass(frozen=True, slots=True)
class Partitions:
    """How the leads of an export are cut into partitions.

    Parameters
    ----------
    count : int
        Number of partitions.
    lows : tuple of str
        Where partitions are ranges of ids, the least id of each but the first.
    row_groups : mapping of str to list of RowGroup
        What the ranges are read from, by name of the file; empty where partitions go by a hash.
    """

    count: int
    lows: tuple[str, ...]
    row_groups: Mapping[str, list[RowGroup]]


@dataclass(frozen=True, slots=True)
class Part:
    """All that is known about the leads of one partition, and when they are looked at."""

    leads: pa.Table
    interactions: RowsByLead
    attribute_log: RowsByLead
    spine: Spine


def partitions_of(export: Export, count: int | None = None) -> Partitions:
    """Partitions of an export.

    Parameters
    ----------
    export : Export
        The files to divide.
    count : int, optional
        How many; where all files are in order of lead there may be fewer, since row groups are not
        cut. By default as many as keep each within `PARTITION_ROWS`, about.

    Raises
    ------
    ValueError
        `count` is not between 1 and `MOST_PARTITIONS`.
    """
    if count is not None and not 1 <= count <= MOST_PARTITIONS:
        raise ValueError(f"partitions must lie between 1 and {MOST_PARTITIONS}, got {count}.")
    files = export.inputs()
    largest = max(files.values(), key=lambda file: file.rows)
    total = sum(file.rows for file in files.values())
    count = count or min(MOST_PARTITIONS, max(1, -(-total // PARTITION_ROWS)))
    row_groups = {name: _row_groups(file) for name, file in files.items()}
    if any(groups is None for groups in row_groups.values()):
        return Partitions(count, (), {})
    walked = {name: groups or [] for name, groups in row_groups.items()}
    lows = _lows(next(walked[n] for n, file in files.items() if file is largest), count)
    return Partitions(len(lows) + 1, lows, walked)


def write_groups(
    export: Export, partitions: Partitions, folder: Path, report_progress: Progress
) -> None:
    """Write the rows of files that are not in order of lead, grouped by partition."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {} if partitions.row_groups else export.inputs()
    total, finished = sum(file.rows for file in files.values()), 0
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, file in files.items():
            paths = [_group_file(folder, name, number) for number in range(partitions.count)]
            writers = [pa.ipc.new_stream(path, file.schema) for path in paths]
            for rows in file.batches():
                groups = _grouped(rows, partitions.count, connection)
                for writer, group in zip(writers, groups, strict=True):
                    writer.write_table(group)
                finished += rows.num_rows
                report_progress("grouping by lead", finished, total)
            for writer in writers:
                writer.close()


def remove_group(folder: Path, number: int) -> None:
    """Remove what `write_groups` wrote for a partition."""
    for path in folder.glob(f"*-{number:05d}.arrow"):
        path.unlink()


def part_of(export: Export, partitions: Partitions, folder: Path, number: int) -> Part:
    """One partition, from files in order of lead or from what `write_groups` wrote.

    Raises
    ------
    ValueError
        A lead is listed twice, or a row belongs to no lead.
    """

    def rows(name: str, file: Input) -> pa.Table:
        if partitions.row_groups:
            edges = ("", *partitions.lows, None)
            low, high = str(edges[number]), edges[number + 1]
            return _range(file, partitions.row_groups[name], low, high)
        with pa.OSFile(str(_group_file(folder, name, number))) as source:
            return pa.ipc.open_stream(source).read_all()

    leads = rows("leads", export.leads)
    ids = leads["lead_id"].combine_chunks()
    _check_unique(export.leads, ids)

    def keyed(name: str, file: Input | None, schema: pa.Schema) -> RowsByLead:
        table = schema.empty_table() if file is None else rows(name, file)
        positions = pc.index_in(table["lead_id"], value_set=ids)
        if file is not None and positions.null_count:
            unknown = table["lead_id"].filter(pc.is_null(positions))[0].as_py()
            raise ValueError(
                f"{file.path}: lead_id '{unknown}' is not among the leads. Every row needs its "
                "lead: add it to the leads or take the row out."
            )
        return RowsByLead(table, np.asarray(positions.to_numpy(), np.int64))

    looks = keyed("spine", export.spine, SPINE)
    return Part(
        leads=leads,
        interactions=keyed("interactions", export.interactions, export.interactions_schema),
        attribute_log=keyed("attribute_log", export.attribute_log, ATTRIBUTE_LOG),
        spine=Spine(looks.lead, microseconds(looks.rows["as_of"])),
    )


def _grouped(
    rows: pa.Table, count: int, connection: duckdb.DuckDBPyConnection
) -> Iterator[pa.Table]:
    """Rows of each partition, in their order."""
    # DuckDB's hash of the lead: ten times faster than looking each lead up among all.
    connection.register("lead_ids", rows.select(["lead_id"]))
    query = "SELECT (hash(lead_id) % $count::UBIGINT)::USMALLINT AS partition FROM lead_ids"
    hashes = connection.execute(query, {"count": count}).fetchnumpy()["partition"]
    partition = np.asarray(hashes, np.uint16)
    order = np.argsort(partition, kind="stable")  # a radix sort, since numbers have 16 bits
    rows = rows.take(order).combine_chunks()
    edges = np.searchsorted(partition[order], np.arange(count + 1))
    for begin, end in itertools.pairwise(edges.tolist()):
        yield rows.slice(begin, end - begin)


def _range(file: Input, groups: list[RowGroup], low: str, high: str | None) -> pa.Table:
    """Rows with ``low <= lead_id < high`` of a file in order of lead."""
    row_groups = [
        number
        for number, group in enumerate(groups)
        if group.greatest >= low and (high is None or group.least < high)
    ]
    columns = file.schema.names
    table = file.conforming(
        file.file().read_row_groups(row_groups, columns=columns, use_threads=False)
    )
    inside = pc.greater_equal(table["lead_id"], low)
    if high is not None:
        inside = pc.and_(inside, pc.less(table["lead_id"], high))
    return table.filter(inside)


def _row_groups(file: Input) -> list[RowGroup] | None:
    """Row groups of a file in order of lead; None of another, and of one whose are too large."""
    metadata = pq.read_metadata(file.path)
    column = metadata.schema.to_arrow_schema().get_field_index("lead_id")
    groups: list[RowGroup] = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        bounds = group.column(column).statistics
        if bounds is None or not bounds.has_min_max or group.num_rows > 2 * PARTITION_ROWS:
            return None
        if groups and groups[-1].greatest > bounds.min:
            return None
        groups.append(RowGroup(bounds.min, bounds.max, group.num_rows))
    return groups


def _lows(groups: list[RowGroup], count: int) -> tuple[str, ...]:
    """Ids at which new partitions begin, each with about as many rows."""
    lows = [groups[0].least if groups else ""]
    rows_so_far, rows_each = 0, sum(group.rows for group in groups) / count
    for group in groups:
        if rows_so_far and rows_so_far + group.rows > rows_each and group.least > lows[-1]:
            lows.append(group.least)
            rows_so_far = 0
        rows_so_far += group.rows
    return tuple(lows[1:])


def _check_unique(file: Input, ids: pa.Array) -> None:
    counts = pc.value_counts(ids)
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        raise ValueError(f"{file.path}: lead_id '{repeated[0].as_py()}' is listed more than once.")


def _readable(file_type: pa.DataType, expected: pa.DataType) -> bool:
    """Whether a column of one type can be read as another without a loss of meaning."""
    if pa.types.is_dictionary(file_type):
        file_type = file_type.value_type
    if pa.types.is_timestamp(expected):
        return bool(pa.types.is_timestamp(file_type)) and file_type.tz is not None
    if pa.types.is_integer(expected):
        return bool(pa.types.is_integer(file_type))
    if pa.types.is_floating(expected):
        return bool(pa.types.is_floating(file_type) or pa.types.is_integer(file_type))
    return bool(pa.types.is_string(file_type) or pa.types.is_large_string(file_type))


def _group_file(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}-{number:05d}.arrow"
