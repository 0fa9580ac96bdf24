"""What is read of one table of the export, and the laws that hold for more than one of them.

`TablePart` is what `features.export.leads_table`, `features.export.interactions_table` and
`features.export.attribute_log` answer with, and `features.export.sources` puts together.

Tests: tests/features/export/test_sources.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from features.export.identities import Identities
from features.export.mapping import ExportMapping
from features.export.rules import AFTER_END, Check
from features.tables import INTERACTIONS, Kind, Suspicion

CLOCKS = ["occurred_at", "recorded_at"]
CLOCK_SCHEMA = pa.schema([INTERACTIONS.field(name) for name in CLOCKS])


@dataclass(frozen=True, slots=True)
class TablePart:
    """What was read of one table of the export.

    Attributes
    ----------
    accepted : pa.Table
        The good rows.
    rejects : pa.Table
        One record for each law that a row or value breaks.
    unused : dict of str to str
        Columns and attributes that are not used, with the reason.
    kinds : dict of str to {"number", "category", "timestamp"}
        Kinds of the attributes that are used.
    names : frozenset of str
        All names of attributes that the table has, ours and the export's.
    days : mapping of str to int
        Accepted values that are days without an hour, by column.
    outcome_unknown : frozenset of str
        Leads of which a conversion or closing could not be read.
    closing_known_at : pa.ChunkedArray or None
        Of the table of leads: when each closing is known; None where it has no such column.
    suspicions : tuple of Suspicion
        Doubts about the good rows.
    identities : Identities or None
        Of the table of leads: the ids by which other tables may name them.
    unread_times : pa.Table
        Times of the interactions that are not read, which may still tell the end of the data.
    """

    accepted: pa.Table
    rejects: pa.Table
    unused: dict[str, str]
    kinds: dict[str, Kind]
    names: frozenset[str] = frozenset()
    days: Mapping[str, int] = field(default_factory=dict)
    outcome_unknown: frozenset[str] = frozenset()
    closing_known_at: pa.ChunkedArray | None = None
    suspicions: tuple[Suspicion, ...] = ()
    identities: Identities | None = None
    unread_times: pa.Table = field(default_factory=CLOCK_SCHEMA.empty_table)


def identities_of(leads: TablePart) -> Identities:
    """Ids by which other tables may name the leads.

    Parameters
    ----------
    leads : TablePart
        What was read of the table of leads.
    """
    return leads.identities or Identities.of(leads.accepted, ())


def mark_known(text: pa.Table, identities: Identities) -> pa.Table:
    """Mark the rows whose lead is an accepted one; rows without a lead_id break another rule.

    Parameters
    ----------
    text : pa.Table
        Rows of text, with the lead's id as ``t0``.
    identities : Identities
        The ids of the accepted leads.

    Returns
    -------
    pa.Table
        With the column ``known``. Rows that belong to what the configuration leaves out are gone.
    """
    if len(identities.left_out):
        text = text.filter(pc.invert(identities.is_left_out(text["t0"])))
    is_known_lead = identities.is_known(text["t0"])
    return text.append_column("known", pc.or_(is_known_lead, pc.is_null(text["t0"])))


def with_own_ids(table: pa.Table, identities: Identities, time: str) -> pa.Table:
    """Rows under the lead's own id, whichever of its ids they name.

    Parameters
    ----------
    table : pa.Table
        Good rows with ``lead_id``.
    identities : Identities
        The ids of the accepted leads.
    time : str
        Column that tells which of several leads an id meant then.
    """
    own_ids = identities.own_ids(table["lead_id"], table[time])
    return table.set_column(table.column_names.index("lead_id"), "lead_id", own_ids)


def not_after_end(
    mapping: ExportMapping, field: int, instant: str, *, value_alone: bool = False
) -> tuple[Check, ...]:
    """Check that a time is no later than the end of the data, where the configuration says one.

    Parameters
    ----------
    mapping : ExportMapping
        The export.
    field : int
        Place of the column.
    instant : str
        Expression of its instant in SQL.
    value_alone : bool
        Whether a later time costs the value alone.
    """
    end = mapping.data.end()
    if end is None:
        return ()
    return (Check(AFTER_END, field, f"epoch_us({instant}) > {end}", value_alone),)


def with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Columns of the schema in its types; a column that the export lacks is null.

    Parameters
    ----------
    table : pa.Table
        Good rows.
    schema : pa.Schema
        Names and types.
    """
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
