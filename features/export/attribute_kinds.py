"""Which kind an attribute of the export is of, and whether its values may be used at all.

The configuration may declare the kind; else almost all values must be numbers, or times, for the
attribute to be one. What the values themselves rule out is named with its reason: addresses, codes
that are no flags, numbers and dates that are written in another way than the configuration says.
What the name alone rules out is the matter of `features.export.privacy`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from features.export.checked_rows import readable
from features.export.codes import are_codes
from features.export.formats import ColumnFormat
from features.export.privacy import distinct_objection, flag_objection, value_objection
from features.export.proposals import (
    fails_as_a_whole,
    is_misread,
    number_proposal,
    time_proposal,
)
from features.export.suspicions import thousands_doubt
from features.export.toml_text import toml_key
from features.tables import Kind, Suspicion

# Share of values that must be numbers (or times) for the attribute to count as one; the others
# are named.
_ALMOST_ALL = 0.95


@dataclass(frozen=True, slots=True)
class UnreadAttribute:
    """An attribute of which the kind is not yet known.

    Attributes
    ----------
    name : str
        Its name, ours where the configuration gives it another.
    texts : pa.ChunkedArray
        Its values as text.
    format_ : ColumnFormat
        How they are written.
    declared : {"number", "category", "timestamp"} or None
        The kind that the configuration says.
    section : {"leads", "attributes"}
        Section of the configuration in which its format may stand.
    is_flag : bool
        Whether the configuration allows its name as that of a flag.
    """

    name: str
    texts: pa.ChunkedArray
    format_: ColumnFormat
    declared: Kind | None
    section: str
    is_flag: bool = False


def kind_and_objection(
    connection: duckdb.DuckDBPyConnection, attribute: UnreadAttribute
) -> tuple[Kind, str | None]:
    """Kind of an attribute, and the reason for which its values rule it out.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    attribute : UnreadAttribute
        The attribute.

    Returns
    -------
    tuple of (str, str or None)
        The kind as declared or guessed, and the objection where there is one.
    """
    texts, declared = attribute.texts, attribute.declared
    if declared is None and texts.null_count == len(texts):
        return "category", "it has no value in any row"
    kind = declared or _guessed_kind(connection, attribute)
    if attribute.is_flag and (objection := flag_objection(texts)):
        return kind, objection
    objection = None if kind == "timestamp" else value_objection(texts)
    if objection is None:
        objection = _format_objection(connection, attribute, kind)
    if objection is None and kind == "category" and declared is None:
        objection = distinct_objection(texts)
    return kind, objection


def examine_attributes(
    connection: duckdb.DuckDBPyConnection,
    attributes: Sequence[UnreadAttribute],
    objection_to_name: Callable[[str], str | None] = lambda name: None,
) -> tuple[dict[str, Kind], dict[str, str], list[Suspicion]]:
    """Kinds of the attributes that may be used, objections to the others, and doubts.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    attributes : sequence of UnreadAttribute
        The attributes of one table.
    objection_to_name : callable, optional
        Reason for which a name alone rules an attribute out, or None.
    """
    kinds: dict[str, Kind] = {}
    objections: dict[str, str] = {}
    doubts: list[Suspicion] = []
    for attribute in attributes:
        kind, objection = kind_and_objection(connection, attribute)
        objection = objection_to_name(attribute.name) or objection
        if objection:
            objections[attribute.name] = objection
        else:
            kinds[attribute.name] = kind
            doubts += number_doubts(attribute, kind)
    return kinds, objections, doubts


def number_doubts(attribute: UnreadAttribute, kind: Kind) -> tuple[Suspicion, ...]:
    """Doubt whether the decimals of an attribute of numbers are thousands.

    Parameters
    ----------
    attribute : UnreadAttribute
        The attribute.
    kind : {"number", "category", "timestamp"}
        Its kind; of other kinds there is no such doubt.
    """
    if kind != "number":
        return ()
    return thousands_doubt(
        attribute.texts,
        attribute.format_,
        f"{attribute.section}.{attribute.name}",
        f"{attribute.section}.formats.{toml_key(attribute.name)}",
    )


def _guessed_kind(connection: duckdb.DuckDBPyConnection, attribute: UnreadAttribute) -> Kind:
    """Kind of almost all values: one odd word among numbers does not make words of them all."""
    kinds: tuple[Kind, ...] = ("number", "timestamp")
    for kind in kinds:
        readable_values, known_values = readable(
            connection, attribute.texts, kind, attribute.format_
        )
        if known_values and readable_values >= _ALMOST_ALL * known_values:
            is_code = kind == "number" and are_codes(attribute.name, attribute.texts)
            return "category" if is_code else kind
    return "category"


def _format_objection(
    connection: duckdb.DuckDBPyConnection, attribute: UnreadAttribute, kind: Kind
) -> str | None:
    """What to write where numbers or dates are there, but cannot be read as they stand."""
    texts, format_, proposal = attribute.texts, attribute.format_, None
    if kind == "number" or (kind == "category" and attribute.declared is None):
        counts = readable(connection, texts, "number", format_)
        if is_misread(connection, texts, format_) or fails_as_a_whole(*counts):
            proposal = number_proposal(connection, texts, format_, durations=kind == "number")
    if proposal is None and kind != "number" and attribute.declared != "category":
        counts = readable(connection, texts, "timestamp", format_)
        if fails_as_a_whole(*counts):
            proposal = time_proposal(connection, texts, format_, numbers=kind == "timestamp")
    if proposal is None:
        return None
    way_out = proposal.text(attribute.section, attribute.name)
    return f"its values are written in another way: {way_out}"
