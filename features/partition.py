"""Parquet files of any size, cut into partitions of whole leads that fit into memory.

A feature needs the whole history of its lead and nothing of any other lead, so an export can be
walked over in partitions of leads. Files in order of lead (their row groups' statistics tell) are
read where they lie, range by range. Others are rewritten once, into one Arrow file for each
partition: every row goes to its lead's partition, with its lead's place there instead of the id.
Rows of a lead keep their order, so a partition gives the very numbers that the whole would give.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.batch import Keyed, Spine, microseconds
from features.history import Int64
from features.spec import Spec
from features.tables import ATTRIBUTE_LOG, INSTANT, interactions_schema, leads_schema

Told = Callable[[str, int, int], object]
"""Told what is being done, how many rows of it are done, and how many there are."""

SPINE = pa.schema(
    [pa.field("lead_id", pa.string(), nullable=False), pa.field("as_of", INSTANT, nullable=False)]
)
PLACE = pa.field("place", pa.int32(), nullable=False)
PARTITION_ROWS = 1_000_000
"""Interactions and looks in a partition, about: it takes some 0.5 GB with 100 features."""
_BATCH_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Input:
    """One Parquet file and the columns that are read from it.

    Parameters
    ----------
    path : Path
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
            found = pq.read_schema(self.path)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{self.path} is not a whole Parquet file: {error}") from error
        missing = [name for name in self.schema.names if name not in found.names]
        if missing:
            raise ValueError(
                f"{self.path}: columns {missing} are missing. Columns found: {found.names}."
            )
        for field in self.schema:
            if not _readable(found.field(field.name).type, field.type):
                raise ValueError(
                    f"{self.path}: column '{field.name}' must be {field.type}, "
                    f"got {found.field(field.name).type}."
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
            yield self.checked(pa.Table.from_batches([batch]))

    def checked(self, table: pa.Table) -> pa.Table:
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
    interactions, attribute_log : Input, or None
        None where the export has none.
    measures : tuple of str
        The interactions' measures that are read.
    """

    leads: Input
    interactions: Input | None
    attribute_log: Input | None
    spine: Input
    measures: tuple[str, ...]

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
    written = pq.read_schema(leads).names if leads.is_file() else []
    kinds = {name: kind for name, kind in spec.attribute_kinds.items() if name in written}
    lead_columns = leads_schema(kinds)
    for outcome in ("converted_at", "closed_at"):  # no feature may look at them
        lead_columns = lead_columns.remove(lead_columns.get_field_index(outcome))
    return Export(
        leads=Input(leads, lead_columns),
        interactions=(
            None
            if interactions is None
            else Input(interactions, interactions_schema(spec.measures))
        ),
        attribute_log=None if attribute_log is None else Input(attribute_log, ATTRIBUTE_LOG),
        spine=Input(spine, SPINE),
        measures=spec.measures,
    )


class RowGroup(NamedTuple):
    """A row group of a file in order of lead."""

    least: str
    greatest: str
    rows: int


@dataclass(frozen=True, slots=True)
class Partitions:
    """Which lead belongs to which partition, and at what place.

    Parameters
    ----------
    ids : pa.Array of strings
        Every lead in the order of the file.
    partition, place : int32 arrays of shape (leads,)
        Partition of each lead, and its place among the leads of that.
    count : int
        Number of partitions.
    lows : tuple of str
        Where partitions are ranges of ids, the least id of each but the first.
    walked : mapping of str to list of RowGroup
        Files in order of lead, which are read where they lie.
    """

    ids: pa.Array
    partition: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]
    count: int
    lows: tuple[str, ...]
    walked: Mapping[str, list[RowGroup]]


@dataclass(frozen=True, slots=True)
class Part:
    """All that is known about the leads of one partition, and when they are looked at."""

    leads: pa.Table
    interactions: Keyed
    attribute_log: Keyed
    spine: Spine


def partitions_of(export: Export, count: int | None = None) -> Partitions:
    """Partitions of an export.

    Parameters
    ----------
    export : Export
    count : int, optional
        How many; where the interactions are in order of lead there may be fewer, since their row
        groups are not cut. By default as many as keep each within `PARTITION_ROWS`, about.

    Raises
    ------
    ValueError
        A lead is listed twice, or `count` is not positive.
    """
    if count is not None and count < 1:
        raise ValueError(f"partitions must be 1 or more, got {count}.")
    ids = pa.chunked_array(
        [batch["lead_id"].combine_chunks() for batch in export.leads.batches()], pa.string()
    ).combine_chunks()
    _check_unique(export.leads, ids)
    events = export.interactions
    total = export.spine.rows + (events.rows if events else 0)
    count = count or -(-total // PARTITION_ROWS) or 1
    walked = {name: _sorted_groups(file) for name, file in export.inputs().items()}
    groups = walked.get("interactions", [])
    if events and groups and max(group.rows for group in groups) <= 2 * PARTITION_ROWS:
        lows = _lows(groups, events.rows / count)
        names = ids.to_numpy(zero_copy_only=False)
        partition = np.searchsorted(np.array(lows, object), names, side="right").astype(np.int32)
        walked = {name: groups for name, groups in walked.items() if groups}
        return Partitions(ids, partition, _places(partition), len(lows) + 1, tuple(lows), walked)
    # In turn, so that no run of busy leads ends up in one partition.
    partition = np.arange(len(ids), dtype=np.int32) % np.int32(count)
    return Partitions(ids, partition, _places(partition), count, (), {})


def write_groups(export: Export, partitions: Partitions, folder: Path, progress: Told) -> None:
    """Write the rows of every file that is not in order of lead, grouped by partition."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {n: file for n, file in export.inputs().items() if n not in partitions.walked}
    total, done = sum(file.rows for file in files.values()), 0
    for name, file in files.items():
        schema = file.schema if name == "leads" else file.schema.set(0, PLACE)
        paths = [_group_file(folder, name, number) for number in range(partitions.count)]
        writers = [pa.ipc.new_stream(path, schema) for path in paths]
        for rows in file.batches():
            for writer, part in zip(writers, _grouped(rows, name, file, partitions), strict=True):
                writer.write_table(part)
            done += rows.num_rows
            progress("grouping by lead", done, total)
        for writer in writers:
            writer.close()


def remove_group(folder: Path, number: int) -> None:
    """Remove what `write_groups` wrote for a partition."""
    for path in folder.glob(f"*-{number:05d}.arrow"):
        path.unlink()


def part_of(export: Export, partitions: Partitions, folder: Path, number: int) -> Part:
    """One partition, from the files in order of lead and from what `write_groups` wrote."""

    def rows(name: str, file: Input) -> pa.Table:
        if name in partitions.walked:
            edges = ("", *partitions.lows, None)
            return _range(file, partitions.walked[name], str(edges[number]), edges[number + 1])
        with pa.OSFile(str(_group_file(folder, name, number))) as source:
            return pa.ipc.open_stream(source).read_all()

    leads = rows("leads", export.leads)

    def keyed(name: str, file: Input | None, empty: pa.Schema) -> Keyed:
        if file is None:
            return Keyed(empty.empty_table(), np.empty(0, np.int64))
        table = rows(name, file)
        if PLACE.name in table.column_names:
            return Keyed(table, table[PLACE.name].to_numpy().astype(np.int64))
        return Keyed(table, _places_in(file, table["lead_id"], leads["lead_id"].combine_chunks()))

    looks = keyed("spine", export.spine, SPINE)
    return Part(
        leads=leads,
        interactions=keyed(
            "interactions", export.interactions, interactions_schema(export.measures)
        ),
        attribute_log=keyed("attribute_log", export.attribute_log, ATTRIBUTE_LOG),
        spine=Spine(looks.lead, microseconds(looks.rows["as_of"])),
    )


def _grouped(rows: pa.Table, name: str, file: Input, partitions: Partitions) -> Iterator[pa.Table]:
    """Rows of each partition, in their order."""
    lead = _places_in(file, rows["lead_id"], partitions.ids)
    partition = partitions.partition[lead]
    if name != "leads":
        rows = rows.set_column(0, PLACE, pa.array(partitions.place[lead]))
    small = partition.astype(np.uint16) if partitions.count <= 1 << 16 else partition
    order = np.argsort(small, kind="stable")  # a radix sort where numbers have 16 bits
    rows = rows.take(order).combine_chunks()
    edges = np.searchsorted(partition[order], np.arange(partitions.count + 1))
    for begin, end in itertools.pairwise(edges.tolist()):
        yield rows.slice(begin, end - begin)


def _range(file: Input, groups: list[RowGroup], low: str, high: str | None) -> pa.Table:
    """Rows with ``low <= lead_id < high`` of a file in order of lead."""
    wanted = [
        number
        for number, group in enumerate(groups)
        if group.greatest >= low and (high is None or group.least < high)
    ]
    columns = file.schema.names
    table = file.checked(file.file().read_row_groups(wanted, columns=columns, use_threads=False))
    inside = pc.greater_equal(table["lead_id"], low)
    if high is not None:
        inside = pc.and_(inside, pc.less(table["lead_id"], high))
    return table.filter(inside)


def _sorted_groups(file: Input) -> list[RowGroup]:
    """Row groups of a file in order of lead, by their statistics; none of any other file."""
    metadata = pq.read_metadata(file.path)
    column = metadata.schema.to_arrow_schema().get_field_index("lead_id")
    groups: list[RowGroup] = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        bounds = group.column(column).statistics
        if bounds is None or not bounds.has_min_max:
            return []
        if groups and groups[-1].greatest > bounds.min:
            return []
        groups.append(RowGroup(bounds.min, bounds.max, group.num_rows))
    return groups


def _lows(groups: list[RowGroup], rows: float) -> list[str]:
    """Ids at which new partitions begin, each of about `rows` rows."""
    lows = [""]
    taken = 0
    for group in groups:
        if taken + group.rows > rows and taken and group.least > max(lows[-1], groups[0].least):
            lows.append(group.least)
            taken = 0
        taken += group.rows
    return lows[1:]


def _places(partition: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Place of each lead among those of its partition."""
    order = np.argsort(partition, kind="stable")
    starts = np.searchsorted(partition[order], partition[order])
    place = np.empty(len(partition), np.int32)
    place[order] = np.arange(len(partition)) - starts
    return place


def _places_in(file: Input, lead_ids: pa.ChunkedArray, ids: pa.Array) -> Int64:
    """Place of each row's lead among `ids`."""
    found = pc.index_in(lead_ids, value_set=ids)
    if found.null_count:
        unknown = lead_ids.filter(pc.is_null(found))[0].as_py()
        raise ValueError(
            f"{file.path}: lead_id '{unknown}' is not among the leads. Every row needs its lead: "
            "add it to the leads or take the row out."
        )
    return np.asarray(found.to_numpy(), np.int64)


def _check_unique(file: Input, ids: pa.Array) -> None:
    counts = pc.value_counts(ids)
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        raise ValueError(f"{file.path}: lead_id '{twice[0].as_py()}' is listed more than once.")


def _readable(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column of one type can be read as another without a loss of meaning."""
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_timestamp(wanted):
        return bool(pa.types.is_timestamp(found)) and found.tz is not None
    if pa.types.is_floating(wanted):
        return bool(pa.types.is_floating(found) or pa.types.is_integer(found))
    return bool(pa.types.is_string(found) or pa.types.is_large_string(found))


def _group_file(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}-{number:05d}.arrow"
