"""Which column of a source plays which part, and the text that stands in it.

The mapping names the export's columns in our words. Here those names meet the columns that were
really found: `require` refuses a source that lacks one, with the list of those found and the line
to write; `fields` describes the columns for `features.export.rules`; `chunks` reads them, with the
mapping's values put in the place of the export's and the empty text made null.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from features.export.file_mapping import ValueFormat
from features.export.rows import Source, plain_names
from features.export.rules import ColumnPlan, FieldKind
from features.export.sections import near_miss
from features.export.table_mapping import TableMapping
from features.export.texts import texts_of_ids
from features.tables import Kind

_TIMES = {"created_at", "converted_at", "closed_at", "occurred_at", "recorded_at"}
_OF_DAY: dict[str, Literal["end", "outcome"]] = {
    "occurred_at": "end",
    "recorded_at": "end",
    "converted_at": "outcome",
    "closed_at": "outcome",
}
FIELD_KINDS: dict[Kind, FieldKind] = {
    "number": "number",
    "category": "text",
    "timestamp": "timestamp",
}


def require(
    source: Source,
    section: str,
    table: TableMapping,
    required: Sequence[str],
    declared: Sequence[str],
    optional: Sequence[str] = (),
) -> None:
    """Refuse a source in which a column is missing or named twice.

    Parameters
    ----------
    source : Source
        The open source.
    section : str
        Section of the TOML file, for the message.
    table : TableMapping
        What the section says.
    required : sequence of str
        Our names of the columns that every such table must have.
    declared : sequence of str
        Names of the columns that the section itself speaks of.
    optional : sequence of str
        Our names of columns that are read where they are there.

    Raises
    ------
    ValueError
        If a required or declared column, or one named in ``columns``, is missing, or if a column
        that is read is there twice.
    """
    own_columns = {table.column(name): name for name in (*required, *optional)}
    for name in declared:
        if own_columns.get(table.column(name), name) != name:
            raise ValueError(
                f"[{section}] {name!r} is the column {table.column(name)!r}, which is "
                f"{own_columns[table.column(name)]} of ours: it cannot be an attribute or measure"
            )
    optional = present(source, table, optional)
    for name in dict.fromkeys((*required, *declared, *table.columns, *optional)):
        column = table.column(name)
        times = source.columns.count(column)
        if times == 0:
            column_list = ", ".join(source.columns)
            hint = _header_hint(source, table, [table.column(name) for name in required])
            raise ValueError(
                f"{source.label}: column {column!r} is missing.{near_miss(column, source.columns)} "
                f"Columns found: {column_list}.{hint} Map it in lead_temperature.toml: "
                f'[{section}.columns] {name} = "…"'
            )
        if times > 1:
            raise ValueError(
                f"{source.label}: column {column!r} is there {times} times, and which of them "
                "is meant cannot be known. Rename or leave out all but one"
            )


def require_identity_columns(source: Source, table: TableMapping) -> None:
    """Refuse a source without one of the columns that tell who a lead is.

    Parameters
    ----------
    source : Source
        The open source.
    table : TableMapping
        What the section says.

    Raises
    ------
    ValueError
        If one of the columns is missing or there twice.
    """
    for column in table.identity_columns():
        if source.columns.count(column) != 1:
            finding = "is there more than once" if column in source.columns else "is missing"
            raise ValueError(
                f"{source.label}: column {column!r} {finding}.{near_miss(column, source.columns)} "
                f"Columns found: {', '.join(source.columns)}. Correct also_known_as, merged_into "
                "or leave_out in [leads] of lead_temperature.toml"
            )


# Rows among which the header is looked for, where the first one is none.
_HEADER_ROWS = 50


def _header_hint(source: Source, table: TableMapping, columns: Sequence[str]) -> str:
    """Why the columns may not be there: another delimiter, or a title above the header."""
    if len(source.columns) == 1 and any(mark in source.columns[0] for mark in ";,\t|"):
        return f" Is the delimiter {table.delimiter!r} right?"
    rows = list(islice(source.first_rows(), _HEADER_ROWS))
    for number, names in rows:
        if set(columns) <= set(plain_names(names)):
            return f" Line {number} names them: write skip_rows = {number - 1}."
    widest = max((len([name for name in names if name]) for _, names in rows), default=0)
    for number, names in rows[1:]:
        if len(source.columns) < len([name for name in names if name]) == widest:
            fields = ", ".join(names[:6])
            return f" Is line {number} ({fields}) the header? Then write skip_rows = {number - 1}."
    return ""


def present(source: Source, table: TableMapping, names: Sequence[str]) -> list[str]:
    """Those of our columns that the source has.

    Parameters
    ----------
    source : Source
        The open source.
    table : TableMapping
        What the section says.
    names : sequence of str
        Our names.

    Returns
    -------
    list of str
        The names whose columns are there, in the same order.
    """
    return [name for name in names if table.column(name) in source.columns]


def fields(
    table: TableMapping,
    defaults: Sequence[ValueFormat],
    names: Sequence[str],
    required: Sequence[str],
    *,
    kinds: Mapping[str, Kind] | None = None,
    measures: Sequence[str] = (),
) -> tuple[ColumnPlan, ...]:
    """What the text of each column is to become.

    Parameters
    ----------
    table : TableMapping
        What the section says.
    defaults : sequence of ValueFormat
        How values are written where the section does not say.
    names : sequence of str
        Our names of the columns, in the order in which they are read.
    required : sequence of str
        Those that must have a value in every row; of the others a wrong value is left out alone.
    kinds : mapping of str to {"number", "category", "timestamp"}, optional
        Kinds of the attributes among them.
    measures : sequence of str
        The measures among them.

    Returns
    -------
    tuple of ColumnPlan
        One for each name.
    """

    def kind(name: str) -> FieldKind:
        if name in measures:
            return "measure"
        if kinds and name in kinds:
            return FIELD_KINDS[kinds[name]]
        if name == "lead_id":
            return "id"
        return "time" if name in _TIMES else "text"

    return tuple(
        ColumnPlan(
            name,
            table.column(name),
            kind(name),
            required=name in required,
            value_alone=name not in required,
            format_=table.column_format(name, defaults),
            of_day=_OF_DAY.get(name, "start"),
        )
        for name in names
    )


def chunks(
    source: Source,
    table: TableMapping,
    defaults: Sequence[ValueFormat],
    names: Sequence[str],
    rows: int | None = None,
    plain_columns: Sequence[str] = (),
    is_wanted: Callable[[pa.Array], pa.Array] | None = None,
) -> Iterator[pa.Table]:
    """Text of some columns, in chunks.

    Parameters
    ----------
    source : Source
        The open source.
    table : TableMapping
        Its columns and values.
    defaults : sequence of ValueFormat
        Words for missing values that hold beside those of the section.
    names : sequence of str
        Our names of the columns wanted.
    rows : int, optional
        Rows after which a chunk is full; by default all rows are one chunk.
    plain_columns : sequence of str
        Columns of the export that are read beside ours, as they stand there.
    is_wanted : callable, optional
        From the leads' ids, the first of the columns, to which rows are wanted. The others are
        dropped where nothing else of them was looked at, but for those of the first chunk, whole
        because it tells how the columns are written.

    Yields
    ------
    pa.Table
        The columns ``row``, ``malformed``, ``file``, ``t0``, ``t1`` …; then those that tell who a
        lead is (`TableMapping.identity_columns`), and the plain ones.

    Raises
    ------
    ValueError
        If the source has no rows.
    """
    identity_columns = table.identity_columns()
    is_id = [name == "lead_id" for name in names] + [True] * len(identity_columns)
    is_id += [False] * len(plain_columns)
    columns_wanted = [*(table.column(name) for name in names), *identity_columns, *plain_columns]
    maps = [
        dict.fromkeys(table.column_format(name, defaults).missing, "") | table.values.get(name, {})
        for name in (*names, *identity_columns)
    ]
    maps += [{}] * len(plain_columns)
    gathered: list[pa.RecordBatch] = []
    empty = is_first = True
    for batch in source.batches(columns_wanted):
        empty = empty and batch.num_rows == 0
        if is_wanted is not None and not is_first:
            ids = texts_of_ids(_mapped(batch.column("t0"), maps[0]))
            batch = batch.filter(is_wanted(ids))  # noqa: PLW2901 - the rest of it is not held
        texts = [_mapped(batch.column(f"t{i}"), values) for i, values in enumerate(maps)]
        texts = [
            texts_of_ids(text) if holds_ids else text
            for holds_ids, text in zip(is_id, texts, strict=True)
        ]
        columns = [*(batch.column(name) for name in ("row", "malformed", "file")), *texts]
        gathered.append(pa.RecordBatch.from_arrays(columns, names=batch.schema.names))
        if rows is not None and sum(part.num_rows for part in gathered) >= rows:
            yield pa.Table.from_batches(gathered)
            gathered, is_first = [], False
    if empty:
        raise ValueError(f"{source.label} is empty: it has columns, but no row")
    if gathered:
        yield pa.Table.from_batches(gathered)


def _mapped(texts: pa.Array, values: Mapping[str, str]) -> pa.Array:
    """Text with the mapping's values in the place of the export's; the empty text is missing."""
    if values:
        position = pc.index_in(texts, value_set=pa.array(values.keys(), pa.string()))
        mapped = pa.array(values.values(), pa.string()).take(position)
        texts = pc.coalesce(mapped, texts)
    return pc.if_else(pc.equal(texts, ""), None, texts)
