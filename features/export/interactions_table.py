"""The tables of interactions, all rows of which count, whichever section they stand in.

They are parsed in chunks, so that only their typed form is ever held as a whole.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.export.checked_rows import check_rows
from features.export.columns import chunks, fields, present, require
from features.export.file_queries import FILE, ROW, FileQueries
from features.export.mapping import ExportMapping
from features.export.proposals import plan_for_text
from features.export.rules import UNKNOWN_LEAD, Check, TablePlan, in_years_of_a_crm
from features.export.suspicions import thousands_doubt
from features.export.table_mapping import INTERACTION_COLUMNS, InteractionsMapping
from features.export.table_part import (
    CLOCK_SCHEMA,
    CLOCKS,
    TablePart,
    identities_of,
    mark_known,
    not_after_end,
    with_own_ids,
    with_schema,
)
from features.export.toml_text import toml_key
from features.progress import ReadProgress
from features.tables import REJECTS, Suspicion, interactions_schema

_CHUNK_ROWS = 50_000


def read_interactions(
    connection: duckdb.DuckDBPyConnection,
    sources: FileQueries,
    mapping: ExportMapping,
    leads: TablePart,
    report_progress: ReadProgress,
) -> TablePart:
    """Rows of all sections of interactions, one section after the other.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    sources : FileQueries
        Opens the tables of the export.
    mapping : ExportMapping
        The export.
    leads : TablePart
        The leads, as they were read; of those that nobody asks about only times are read, and those
        only where the end of the data is not configured.
    report_progress : callable
        Called with the number of rows read so far.

    Raises
    ------
    ValueError
        If a table is empty, lacks a column that it must have, or cannot be read.
    """
    identities = identities_of(leads)
    schema = interactions_schema(mapping.measures)
    goods, rejects = [schema.empty_table()], [REJECTS.empty_table()]
    unread_times = [CLOCK_SCHEMA.empty_table()]
    unused: dict[str, str] = {}
    doubts: list[Suspicion] = []
    days: Counter[str] = Counter()
    is_wanted = None
    if len(identities.unread) and mapping.data.end() is not None:

        def is_wanted(ids: pa.Array) -> pa.Array:
            return pc.invert(identities.is_unread(ids))

    read = 0
    for section, table in mapping.named_interactions():
        defaults = mapping.defaults(table)
        with sources.open(section, table) as source:
            required = ("lead_id", "occurred_at")
            require(source, section, table, required, table.measures, INTERACTION_COLUMNS)
            names = [*present(source, table, INTERACTION_COLUMNS), *table.measures]
            mapped = {table.column(name) for name in names} | {ROW, FILE}
            unused |= {
                f"{section}.{column}": "no part of an interaction; name it in measures if it is one"
                for column in source.columns
                if column not in mapped
            }
            plan = _interactions_plan(mapping, table, names)
            report_progress("interactions", read)
            for i, text in enumerate(
                chunks(source, table, defaults, names, _CHUNK_ROWS, is_wanted=is_wanted)
            ):
                if i == 0:
                    plan = plan_for_text(connection, plan, section, text, source.label)
                    doubts += _measure_doubts(plan, section, text)
                read += text.num_rows
                rows_to_read = text
                if len(identities.unread):
                    is_unread = identities.is_unread(text["t0"])
                    rows_to_read = text.filter(pc.invert(is_unread))
                    if mapping.data.end() is None:
                        unread = text.filter(is_unread)
                        unread_times.append(_times_alone(connection, mapping, table, plan, unread))
                checked = check_rows(connection, plan, mark_known(rows_to_read, identities))
                accepted = with_own_ids(checked.accepted, identities, "occurred_at")
                goods.append(with_schema(_with_recorded(accepted), schema))
                rejects.append(checked.rejects)
                days.update({f"interactions.{name}": n for name, n in checked.days.items()})
                report_progress("interactions", read)
    accepted = pa.concat_tables(goods).unify_dictionaries()
    return TablePart(
        accepted,
        pa.concat_tables(rejects),
        unused,
        {},
        days=dict(days),
        suspicions=tuple(doubts),
        unread_times=pa.concat_tables(unread_times),
    )


def _times_alone(
    connection: duckdb.DuckDBPyConnection,
    mapping: ExportMapping,
    table: InteractionsMapping,
    plan: TablePlan,
    text: pa.Table,
) -> pa.Table:
    """Times of the rows that would be good; nothing else of them is read."""
    if text.num_rows == 0:
        return CLOCK_SCHEMA.empty_table()
    positions = [plan.place(name) for name in ("lead_id", *CLOCKS)]
    columns = [(plan.fields[i], text[f"t{i}"]) for i in positions if i is not None]
    names = [column.name for column, _ in columns]
    of_times = replace(
        _interactions_plan(mapping, table, names), fields=tuple(column for column, _ in columns)
    )
    times = text.select(["row", "malformed", "file"])
    for i, (_, texts) in enumerate(columns):
        times = times.append_column(f"t{i}", texts)
    times = times.append_column("known", pa.repeat(pa.scalar(True), text.num_rows))
    accepted = check_rows(connection, of_times, times).accepted
    return with_schema(_with_recorded(accepted), CLOCK_SCHEMA)


def _measure_doubts(plan: TablePlan, section: str, text: pa.Table) -> list[Suspicion]:
    return [
        doubt
        for i, column in enumerate(plan.fields)
        if column.kind == "measure"
        for doubt in thousands_doubt(
            text[f"t{i}"],
            column.format_,
            f"interactions.{column.name}",
            f"{section}.formats.{toml_key(column.name)}",
        )
    ]


def _interactions_plan(
    mapping: ExportMapping, table: InteractionsMapping, names: Sequence[str]
) -> TablePlan:
    required = ("lead_id", "occurred_at")
    columns = fields(table, mapping.defaults(table), names, required, measures=table.measures)
    occurred = names.index("occurred_at")
    recorded = names.index("recorded_at") if "recorded_at" in names else occurred
    recorded_or_occurred = f"coalesce({in_years_of_a_crm(f'begin{recorded}')}, begin{occurred})"
    relations = (
        Check(UNKNOWN_LEAD, 0, "NOT known"),
        *not_after_end(mapping, recorded, recorded_or_occurred),
    )
    return TablePlan("interactions", columns, relations)


def _with_recorded(interactions: pa.Table) -> pa.Table:
    """Give the time of recording: what was not recorded apart was recorded as it occurred."""
    occurred = interactions["occurred_at"]
    if "recorded_at" not in interactions.column_names:
        return interactions.append_column("recorded_at", occurred)
    position = interactions.column_names.index("recorded_at")
    filled = pc.coalesce(interactions["recorded_at"], occurred)
    return interactions.set_column(position, "recorded_at", filled)
