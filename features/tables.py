"""The three tables that all else is computed from, and the promise that they keep.

An export comes in as the CRM writes it; `features.export.sources.read_export` turns it into one
`Tables`: leads, interactions and the log of attributes that change, each an Arrow table with the
columns, types and nulls that are written here. Whoever holds a `Tables` need not check anything
again. Rows and values that break a rule are not in it, and not lost either: they stand in
``rejects`` with row, column, rule and value, and `keep_rejects` hands them to the person who can
mend them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

Kind = Literal["number", "category", "timestamp"]
LEAD_COLUMNS = ("lead_id", "created_at", "converted_at", "closed_at", "closed_reason", "person")
INTERACTION_FIELDS = ("channel", "kind", "direction", "outcome", "agent")


INSTANT = pa.timestamp("us", tz="UTC")
WORD = pa.dictionary(pa.int32(), pa.string())

LEADS = pa.schema(
    [
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("created_at", INSTANT, nullable=False),
        pa.field("converted_at", INSTANT),
        pa.field("closed_at", INSTANT),
        pa.field("closed_reason", pa.string()),
        # Number of the person within the export, never a name or an address.
        pa.field("person", pa.int64()),
    ]
)
INTERACTIONS = pa.schema(
    [
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("occurred_at", INSTANT, nullable=False),
        pa.field("recorded_at", INSTANT, nullable=False),
        *(pa.field(name, WORD) for name in INTERACTION_FIELDS),
    ]
)
ATTRIBUTE_LOG = pa.schema(
    [
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("recorded_at", INSTANT, nullable=False),
        pa.field("name", WORD, nullable=False),
        pa.field("text", pa.string()),
        pa.field("number", pa.float64()),
    ]
)
REJECTS = pa.schema(
    [
        pa.field("table", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("lead_id", pa.string()),
        pa.field("column", pa.string()),
        # "row", or "value" where the row stays without it.
        pa.field("left_out", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.string()),
        pa.field("explanation", pa.string(), nullable=False),
        # Where the row stands, as messages name it: a file, table or query.
        pa.field("file", pa.string(), nullable=False),
    ]
)

ATTRIBUTE_TYPES: dict[Kind, pa.DataType] = {
    "number": pa.float64(),
    "category": pa.string(),
    "timestamp": INSTANT,
}


def leads_schema(kinds: dict[str, Kind]) -> pa.Schema:
    """Schema of the table of leads.

    Parameters
    ----------
    kinds : dict of str to {"number", "category", "timestamp"}
        The attributes that are columns of it.

    Returns
    -------
    pa.Schema
        The columns of every lead, then one for each attribute.
    """
    attributes = [pa.field(name, ATTRIBUTE_TYPES[kind]) for name, kind in kinds.items()]
    return pa.schema([*LEADS, *attributes])


def interactions_schema(
    measures: tuple[str, ...], fields: tuple[str, ...] = INTERACTION_FIELDS
) -> pa.Schema:
    """Schema of the table of interactions.

    Parameters
    ----------
    measures : tuple of str
        Names of the columns with numbers.
    fields : tuple of str
        Names of the columns with labels; all of them unless only some are read.

    Returns
    -------
    pa.Schema
        The columns of every interaction, then one for each measure.
    """
    base_fields = [
        field
        for field in INTERACTIONS
        if field.name not in INTERACTION_FIELDS or field.name in fields
    ]
    return pa.schema([*base_fields, *(pa.field(name, pa.float64()) for name in measures)])


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A doubt about rows that can be read, and may be meant otherwise.

    Attributes
    ----------
    name : str
        What is suspected, in a few words.
    location : str
        Table and column, such as ``interactions.kind``.
    rows : int
        How many rows or values it concerns.
    example : str
        One of them.
    way_out : str
        What mends it, with the line to write where there is one.
    stops : bool
        Whether nothing may be learned from the export before it is mended.
    """

    name: str
    location: str
    rows: int
    example: str
    way_out: str
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Tables:
    """An export in the form that features are computed from.

    Attributes
    ----------
    leads : pa.Table
        One row for each lead: ``lead_id``, ``created_at``, ``converted_at``, ``closed_at``,
        ``closed_reason``, ``person`` and the attributes that are fixed at creation.
    interactions : pa.Table
        One row for each contact: ``lead_id``, ``occurred_at``, ``recorded_at``, five words
        (null = missing) and one float64 column for each measure.
    attribute_log : pa.Table
        One row for each version of an attribute that changes: ``text`` holds a category,
        ``number`` a number or the microseconds of a timestamp.
    attribute_kinds : dict of str to {"number", "category", "timestamp"}
        Every attribute that may be used, whether a column of ``leads`` or a name in the log.
    measures : tuple of str
        Names of the interactions' measures.
    data_end : int
        The moment at which the export was made, in whole microseconds since the epoch, UTC.
    rejects : pa.Table
        One row for each check that a row or value of the export did not pass.
    unused : dict of str to str
        Columns and log names that are not used, with the reason. Those of the two other tables
        have the table before the name: ``interactions.notes``. A name in ``allow_sensitive`` that
        is no name of the export stands as ``allow_sensitive.agee``.
    outcome_unknown : frozenset of str
        Ids of the leads whose conversion or closing could not be read. They are neither learned
        from nor scored: nobody knows whether they are open.
    days : mapping of str to int
        Columns with days without an hour, such as ``interactions.occurred_at``, and how many of
        their values are such. What happened on a day is known at its end.
    suspicions : tuple of Suspicion
        Doubts that only the reading can have; `features.export.suspicions` has the others.
    after_refusal : int or None
        For how many microseconds a lead that was closed is still looked at, since it may buy; its
        closing is then in the log (`features.refusals`). None where a closing ends a lead.
    """

    leads: pa.Table
    interactions: pa.Table
    attribute_log: pa.Table
    attribute_kinds: dict[str, Kind]
    measures: tuple[str, ...]
    data_end: int
    rejects: pa.Table
    unused: dict[str, str]
    outcome_unknown: frozenset[str] = frozenset()
    days: Mapping[str, int] = field(default_factory=dict)
    suspicions: tuple[Suspicion, ...] = ()
    after_refusal: int | None = None

    def __post_init__(self) -> None:
        fixed_attributes = self.leads.column_names[len(LEAD_COLUMNS) :]
        unknown = [name for name in fixed_attributes if name not in self.attribute_kinds]
        if unknown:
            raise ValueError(f"leads: attribute_kinds must name every attribute, lacks {unknown}")
        logged = pc.unique(self.attribute_log["name"]).to_pylist()
        in_both = sorted(set(fixed_attributes) & set(logged))
        if in_both:
            raise ValueError(
                f"An attribute is fixed at creation or changes in the log, never both: {in_both}"
            )
        kinds = {name: self.attribute_kinds[name] for name in fixed_attributes}
        _check("leads", self.leads, leads_schema(kinds))
        _check("interactions", self.interactions, interactions_schema(self.measures))
        _check("attribute_log", self.attribute_log, ATTRIBUTE_LOG)
        _check("rejects", self.rejects, REJECTS)


def _check(name: str, table: pa.Table, schema: pa.Schema) -> None:
    """Compare names, types and nulls of a table with what it promises."""
    if table.column_names != schema.names:
        raise ValueError(
            f"{name}: columns must be {', '.join(schema.names)}, "
            f"got {', '.join(table.column_names)}"
        )
    for part in schema:
        column = table[part.name]
        if column.type != part.type:
            raise ValueError(f"{name}.{part.name} must be {part.type}, got {column.type}")
        if not part.nullable and column.null_count:
            raise ValueError(f"{name}.{part.name} must not be null, is {column.null_count} times")


def without_formulas(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts that no spreadsheet takes for a formula: those that begin like one get an apostrophe.

    Examples
    --------
    >>> without_formulas(pa.chunked_array([["=1+1", "a=b"]])).to_pylist()
    ["'=1+1", 'a=b']
    """
    return pc.replace_substring_regex(texts, r"^([=+\-@\t\r])", r"'\1")


def rejected_rows(rejects: pa.Table, table: str) -> int:
    """Rows of one table of the export that were left out as a whole.

    Parameters
    ----------
    rejects : pa.Table
        As in `Tables`.
    table : {"leads", "interactions", "attributes"}
        The table.

    Returns
    -------
    int
        How many rows; one that breaks several rules counts once.
    """
    is_whole_row = pc.and_(pc.equal(rejects["table"], table), pc.equal(rejects["left_out"], "row"))
    # Files number their rows each from 1.
    rows = rejects.filter(is_whole_row).group_by(["file", "row"]).aggregate([])
    return int(rows.num_rows)


def keep_rejects(rejects: pa.Table, path: Path) -> bool:
    """Write the rejects as CSV that is safe to open in a spreadsheet, all at once.

    A value that a spreadsheet would run as a formula (one that begins with ``=``, ``+``, ``-``,
    ``@``, a tab or a carriage return) gets a leading apostrophe. A file of earlier rejects is
    replaced, or taken away when there are none now: it would speak of rows that are mended. Any
    other file is left as it is.

    Parameters
    ----------
    rejects : pa.Table
        As in `Tables`.
    path : Path
        File to write; its folder is made where it is missing.

    Returns
    -------
    bool
        Whether there are rejects, and so the file.

    Raises
    ------
    FileExistsError
        There is something to write, and another file in its place.
    """
    replaceable = not path.exists() or _holds_rejects(path)
    if rejects.num_rows == 0:
        if replaceable:
            path.unlink(missing_ok=True)
        return False
    if not replaceable:
        raise FileExistsError(
            f"{path} is no file of rejected rows (its first line is another) and is left as it is. "
            "Move it, or have the rejected rows written elsewhere."
        )
    columns = [
        without_formulas(column) if pa.types.is_string(column.type) else column
        for column in rejects.columns
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        pa.csv.write_csv(pa.table(columns, names=rejects.column_names), part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return True


def _holds_rejects(path: Path) -> bool:
    """Whether a file's first line is that of the rejects; earlier ones did not name the file."""
    header = ",".join(f'"{name}"' for name in REJECTS.names).encode()
    with path.open("rb") as file:
        first_line = file.readline(len(header) + 1).rstrip()
    return first_line in (header, header.removesuffix(b',"file"'))
