"""The log of attributes that change: every version with its time, each name of its own kind.

What a name or its values rule out is not used; the versions of each kind and format are read
together and put back into the order of the log.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.export.attribute_kinds import UnreadAttribute, examine_attributes
from features.export.checked_rows import REJECTS_ORDER, CheckedRows, check_rows
from features.export.columns import FIELD_KINDS, chunks, fields, require
from features.export.csv_rows import UNDECODABLE
from features.export.file_queries import FileQueries
from features.export.formats import PLAIN, ColumnFormat
from features.export.identities import Identities
from features.export.mapping import ExportMapping
from features.export.privacy import name_objection, sensitive_objection
from features.export.proposals import plan_for_text
from features.export.rules import UNKNOWN_LEAD, Check, TablePlan
from features.export.table_mapping import LOG_COLUMNS, AttributesMapping, LeadsMapping
from features.export.table_part import (
    TablePart,
    identities_of,
    mark_known,
    not_after_end,
    with_own_ids,
    with_schema,
)
from features.tables import ATTRIBUTE_LOG, LEAD_COLUMNS, REJECTS, Kind


def read_attribute_log(
    connection: duckdb.DuckDBPyConnection,
    sources: FileQueries,
    mapping: ExportMapping,
    table: AttributesMapping,
    leads: TablePart,
) -> TablePart:
    """Good versions of the log of attributes, and what is not used of it.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    sources : FileQueries
        Opens the tables of the export.
    mapping : ExportMapping
        The export.
    table : AttributesMapping
        The section of the log.
    leads : TablePart
        The leads, as they were read.

    Raises
    ------
    ValueError
        If an attribute of the log is declared fixed at creation too, or the table cannot be read.
    """
    with sources.open("attributes", table) as source:
        require(source, "attributes", table, LOG_COLUMNS, ())
        (text,) = chunks(source, table, mapping.defaults(table), LOG_COLUMNS)
    text = _without_missing_words(mapping, table, text)
    names = pc.unique(text["t2"].drop_null()).to_pylist()
    repeated = next((name for name in names if name in leads.kinds), None)
    if repeated is not None:
        raise ValueError(
            f"Attribute {repeated!r} is declared fixed at creation and changes in {source.label}: "
            "take it out of fixed_at_creation in [leads] of lead_temperature.toml"
        )
    attributes = list(_attributes_of_log(mapping, table, text, names))
    kinds, objections, doubts = examine_attributes(
        connection, attributes, lambda name: _log_name_objection(mapping.leads, name)
    )
    rows = {attribute.name: len(attribute.texts) for attribute in attributes}
    unused = {
        f"attributes.{name}": f"{objection} ({rows[name]} rows)"
        for name, objection in objections.items()
    }
    values_of = {
        attribute.name: (kinds[attribute.name], attribute.format_)
        for attribute in attributes
        if attribute.name in kinds
    }
    text = mark_known(text, identities_of(leads))
    text = text.append_column("place", pa.array(range(text.num_rows), pa.int64()))
    columns = fields(table, mapping.defaults(table), LOG_COLUMNS, LOG_COLUMNS[:3])
    relations = (Check(UNKNOWN_LEAD, 0, "NOT known"), *not_after_end(mapping, 1, "begin1"))
    plan = TablePlan("attributes", columns, relations)
    plan = plan_for_text(connection, plan, plan.table, text, source.label)
    checked_by_kind = [
        _log_of_kind(connection, plan, kind, format_, text.filter(rows), identities_of(leads))
        for (kind, format_), rows in _rows_by_kind(text["t2"], values_of, unused)
    ]
    days: Counter[str] = Counter()
    for part, _ in checked_by_kind:
        days.update({f"attributes.{name}": count for name, count in part.days.items()})
    goods = [ATTRIBUTE_LOG.empty_table(), *(part.accepted for part, _ in checked_by_kind)]
    order = pc.sort_indices(pa.chunked_array([place for _, place in checked_by_kind], pa.int64()))
    rejects = pa.concat_tables(
        [REJECTS.empty_table(), *(part.rejects for part, _ in checked_by_kind)]
    )
    return TablePart(
        pa.concat_tables(goods).take(order).unify_dictionaries(),
        rejects.sort_by(REJECTS_ORDER),
        unused,
        kinds,
        frozenset(names),
        days=dict(days),
        suspicions=tuple(doubts),
    )


def _without_missing_words(
    mapping: ExportMapping, table: AttributesMapping, text: pa.Table
) -> pa.Table:
    """The log without the words that stand for a missing value of one attribute alone."""
    value = text["t3"]
    for name, format_ in table.formats.items():
        if format_.missing and name not in LOG_COLUMNS:
            words = pa.array(table.column_format(name, mapping.defaults(table)).missing)
            is_word = pc.and_(pc.equal(text["t2"], name), pc.is_in(value, value_set=words))
            value = pc.if_else(pc.fill_null(is_word, False), pa.scalar(None, pa.string()), value)
    return text.set_column(text.column_names.index("t3"), "t3", value)


def _attributes_of_log(
    mapping: ExportMapping, table: AttributesMapping, text: pa.Table, names: Sequence[str]
) -> Iterator[UnreadAttribute]:
    """Attributes that the log names; the rows of a name that cannot be decoded are rejects."""
    for name in names:
        if UNDECODABLE in name:
            continue
        format_name = name if name in table.formats else "value"
        yield UnreadAttribute(
            name,
            text.filter(pc.equal(text["t2"], name))["t3"],
            table.column_format(format_name, mapping.defaults(table)),
            table.kinds.get(name),
            "attributes",
            is_flag=name in mapping.leads.allow_flags,
        )


def _log_name_objection(leads: LeadsMapping, name: str) -> str | None:
    """Reason for which the name of an attribute of the log rules it out."""
    objection = None
    if name not in leads.allow_flags:
        objection = name_objection(name)
    if objection is None and name not in leads.allow_sensitive:
        objection = sensitive_objection(name)
    if objection is None and name in LEAD_COLUMNS:
        objection = "its name is that of a column of ours; rename it in the export"
    return objection


def _log_of_kind(
    connection: duckdb.DuckDBPyConnection,
    plan: TablePlan,
    kind: Kind,
    format_: ColumnFormat,
    text: pa.Table,
    identities: Identities,
) -> tuple[CheckedRows, pa.Array]:
    """Good rows, their places and rejects of the attributes of one kind and format."""
    value_plan = replace(plan.fields[3], kind=FIELD_KINDS[kind], format_=format_)
    plan = replace(plan, fields=(*plan.fields[:3], value_plan))
    checked = check_rows(connection, plan, text)
    accepted = with_own_ids(checked.accepted, identities, "recorded_at")
    value = accepted["value"]
    if kind == "category":
        accepted = accepted.append_column("text", value)
    else:
        exact = value.cast(pa.int64()) if kind == "timestamp" else value
        accepted = accepted.append_column("number", exact.cast(pa.float64(), safe=False))
    accepted_places = text["place"].filter(checked.is_accepted).combine_chunks()
    return replace(checked, accepted=with_schema(accepted, ATTRIBUTE_LOG)), accepted_places


def _rows_by_kind(
    names: pa.ChunkedArray,
    values_of: Mapping[str, tuple[Kind, ColumnFormat]],
    unused: Mapping[str, str],
) -> list[tuple[tuple[Kind, ColumnFormat], pa.ChunkedArray]]:
    """Rows of the log by how their values are read; nameless rows count as categories."""
    left_out = [name.removeprefix("attributes.") for name in unused]
    used = pc.invert(pc.is_in(names, value_set=pa.array(left_out, pa.string())))
    nameless: tuple[Kind, ColumnFormat] = ("category", PLAIN)
    groups = list(dict.fromkeys([nameless, *values_of.values()]))
    position = pc.index_in(names, value_set=pa.array(values_of.keys(), pa.string()))
    group = pa.array([groups.index(value) for value in values_of.values()], pa.int64())
    group_of_row = pc.fill_null(group.take(position), 0)
    by_group = [(g, pc.and_(used, pc.equal(group_of_row, i))) for i, g in enumerate(groups)]
    return [(g, rows) for g, rows in by_group if pc.any(rows).as_py()]
