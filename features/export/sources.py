"""Reading an export: from the CRM's own tables, by the mapping, to `Tables`.

`read_export` reads each of the three tables (`features.export.leads_table`,
`features.export.attribute_log`, `features.export.interactions_table`) and puts together what is
left: typed good rows in the order of the export, and everything that was left out with its reason.
Leads come first, because an interaction or a version of an attribute is good only if its lead is.
"""

from collections.abc import Callable
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Bool
from features.export.attribute_log import read_attribute_log
from features.export.blindness import orphan_doubts
from features.export.data_end import latest_recording
from features.export.file_queries import FILE, ROW, FileQueries
from features.export.interactions_table import read_interactions
from features.export.leads_table import read_leads
from features.export.mapping import ExportMapping
from features.export.refusals import with_refusals
from features.export.rules import UNKNOWN_LEAD
from features.export.sections import near_miss
from features.export.table_mapping import LeadsMapping
from features.export.table_part import CLOCKS, TablePart, identities_of
from features.export.texts import texts_of_ids
from features.progress import ReadProgress, no_read_progress
from features.spine import after_refusal_of
from features.tables import ATTRIBUTE_LOG, LEAD_COLUMNS, REJECTS, Suspicion, Tables

# So small a share of interactions without a lead needs no cause: leads that were deleted, say.
_FEW_ORPHANS = 0.01


LeadsRead = Callable[[pa.Table, frozenset[str]], Bool]
"""From the accepted leads and the ids of those whose outcome is unknown to whose contacts count."""


def read_export(
    mapping: ExportMapping,
    report_progress: ReadProgress = no_read_progress,
    with_contacts: LeadsRead | None = None,
) -> Tables:
    """Read an export of a CRM.

    Parameters
    ----------
    mapping : ExportMapping
        Where its tables are, and what their columns and values mean.
    report_progress : callable, optional
        Called with the name of each table and the number of its rows read so far.
    with_contacts : callable, optional
        Which of the accepted leads are looked at. Of the others no interactions are read, good or
        bad; all else is as without it, the end of the data too. By default all leads.

    Returns
    -------
    Tables
        The good rows in the export's order, the rejects, and what is not used.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ValueError
        If a table is empty, lacks a column that it must have, or cannot be read at all.
    """
    log = TablePart(ATTRIBUTE_LOG.empty_table(), REJECTS.empty_table(), {}, {})
    with duckdb.connect() as connection, FileQueries(mapping) as sources:
        report_progress("leads", 0)
        leads = read_leads(connection, sources, mapping, mapping.leads)
        if mapping.attributes is not None:
            report_progress("attributes", 0)
            log = read_attribute_log(connection, sources, mapping, mapping.attributes, leads)
        if with_contacts is not None:
            is_read = with_contacts(leads.accepted, leads.outcome_unknown)
            leads = replace(leads, identities=identities_of(leads).unread_but(is_read))
        interactions = read_interactions(connection, sources, mapping, leads, report_progress)
        orphans = () if with_contacts else _orphan_doubts(sources, mapping, leads, interactions)
    end = mapping.data.end()
    if end is None:
        times = pa.concat_tables([interactions.accepted.select(CLOCKS), interactions.unread_times])
        end = latest_recording(leads.accepted, times, log.accepted)
    parts = (leads, interactions, log)
    tables = Tables(
        leads=leads.accepted,
        interactions=interactions.accepted,
        attribute_log=log.accepted,
        attribute_kinds=leads.kinds | log.kinds,
        measures=mapping.measures,
        data_end=end,
        rejects=pa.concat_tables([part.rejects for part in parts]),
        unused=leads.unused
        | interactions.unused
        | log.unused
        | _allowed_in_vain("allow_sensitive", mapping.leads, leads.names | log.names)
        | _allowed_in_vain("allow_flags", mapping.leads, leads.names | log.names),
        outcome_unknown=leads.outcome_unknown,
        days={name: count for part in parts for name, count in part.days.items()},
        suspicions=(*orphans, *(doubt for part in parts for doubt in part.suspicions)),
    )
    if mapping.after_refusal_days is None:
        return tables
    tables = replace(tables, after_refusal=after_refusal_of(mapping.after_refusal_days))
    return with_refusals(tables, leads.closing_known_at)


def _allowed_in_vain(key: str, leads: LeadsMapping, names: frozenset[str]) -> dict[str, str]:
    """Names that ``key`` allows and that are no names of the export, as mistyped ones are."""
    return {
        f"{key}.{name}": "neither a column of the leads nor a name in the log of "
        f"attributes.{near_miss(name, names)}"
        for name in getattr(leads, key)
        if name not in names
    }


def _orphan_doubts(
    sources: FileQueries, mapping: ExportMapping, leads: TablePart, interactions: TablePart
) -> tuple[Suspicion, ...]:
    """Columns of the leads in which the ids of interactions stand that belong to no lead."""
    rejects = interactions.rejects
    orphans = rejects.filter(pc.equal(rejects["rule"], UNKNOWN_LEAD.name))["lead_id"].drop_null()
    if len(orphans) <= _FEW_ORPHANS * (len(orphans) + interactions.accepted.num_rows):
        return ()
    read_columns = {mapping.leads.column(name) for name in LEAD_COLUMNS}
    read_columns |= {*mapping.leads.identity_columns(), ROW, FILE}
    with sources.open("leads", mapping.leads) as source:
        columns = [
            column
            for column in source.columns
            if column not in read_columns and source.columns.count(column) == 1
        ]
        batches = source.batches([mapping.leads.column("lead_id"), *columns])
        text = pa.Table.from_batches(list(batches))
    lead_ids = texts_of_ids(text["t0"].combine_chunks())
    return orphan_doubts(
        orphans,
        {name: texts_of_ids(text[f"t{i}"].combine_chunks()) for i, name in enumerate(columns, 1)},
        lead_ids,
        leads.accepted,
    )
