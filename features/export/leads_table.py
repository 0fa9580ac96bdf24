"""The table of leads: which rows are leads of their own, and which of their columns may be used.

Merged and left-out rows go first, with all ids that other tables may still name; then the columns
that the names or values rule out; then every row meets the rules.
"""

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.export.attribute_kinds import UnreadAttribute, examine_attributes
from features.export.checked_rows import check_rows
from features.export.columns import chunks, fields, present, require, require_identity_columns
from features.export.file_queries import FILE, ROW, FileQueries
from features.export.identities import (
    Identities,
    doubles_doubt,
    fresh_key,
    merge_targets,
    person_hashes,
    person_numbers,
)
from features.export.mapping import ExportMapping
from features.export.privacy import name_objection, names_a_contact, sensitive_objection
from features.export.proposals import plan_for_text
from features.export.rows import Source
from features.export.rules import (
    CLOSED_BEFORE_CREATED,
    CONVERTED_BEFORE_CREATED,
    DUPLICATE_LEAD,
    Check,
    TablePlan,
)
from features.export.table_mapping import LeadsMapping
from features.export.table_part import TablePart, not_after_end, with_schema
from features.tables import LEAD_COLUMNS, Kind, leads_schema


def read_leads(
    connection: duckdb.DuckDBPyConnection,
    sources: FileQueries,
    mapping: ExportMapping,
    table: LeadsMapping,
) -> TablePart:
    """Good leads, with all ids by which other tables may name them, and what is not used of them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    sources : FileQueries
        Opens the tables of the export.
    mapping : ExportMapping
        The export.
    table : LeadsMapping
        The section of the leads.

    Raises
    ------
    ValueError
        If the table is empty, lacks a column that it must have, or cannot be read.
    """
    with sources.open("leads", table) as source:
        required = ("lead_id", "created_at")
        require(source, "leads", table, required, table.fixed_at_creation, LEAD_COLUMNS)
        column_names = frozenset((*source.columns, *table.fixed_at_creation))
        unused = _unused_leads_columns(source, table)
        standard_names = present(source, table, LEAD_COLUMNS)
        attributes = [name for name in table.fixed_at_creation if table.column(name) not in unused]
        names = [*standard_names, *attributes]
        require_identity_columns(source, table)
        contact_columns = [] if "person" in standard_names else _contact_columns(source, unused)
        (text,) = chunks(
            source, table, mapping.defaults(table), names, plain_columns=contact_columns
        )
    lead_ids, width = text["t0"], text.num_columns - len(contact_columns)
    contacts_text, text = text.columns[width:], text.select(range(width))
    text, other_ids, left_out = _leads_alone(table, text, len(names))
    for reason, ids in left_out.items():
        unused[f"leads {reason}"] = f"{len(ids):,} rows are no leads of their own"
    if "person" in standard_names:
        person = f"t{standard_names.index('person')}"
        hashes = pa.chunked_array([person_hashes(text[person].combine_chunks(), fresh_key())])
        text = text.set_column(text.column_names.index(person), person, hashes)
    unread = [
        UnreadAttribute(
            name,
            text[f"t{i}"],
            table.column_format(name, mapping.defaults(table)),
            table.kinds.get(name),
            "leads",
            is_flag=bool({name, table.column(name)} & {*table.allow_flags}),
        )
        for i, name in enumerate(attributes, start=len(standard_names))
    ]
    kinds, objections, doubts = examine_attributes(connection, unread)
    unused |= {table.column(name): objection for name, objection in objections.items()}
    used_columns = [i for i, name in enumerate(names) if i < len(standard_names) or name in kinds]
    row_columns = ("row", "malformed", "file")
    text = text.select([*row_columns, *(f"t{i}" for i in used_columns)]).rename_columns(
        [*row_columns, *(f"t{i}" for i in range(len(used_columns)))]
    )
    text = text.append_column("first", _is_first(text["t0"]))
    plan = _leads_plan(mapping, table, standard_names, kinds)
    plan = plan_for_text(connection, plan, plan.table, text, source.label)
    checked = check_rows(connection, plan, text)
    accepted = checked.accepted
    if "person" in accepted.column_names:
        position = accepted.column_names.index("person")
        accepted = accepted.set_column(position, "person", person_numbers(accepted["person"]))
    accepted = with_schema(accepted, leads_schema(kinds))
    ids_left_out = [lead for ids in left_out.values() for lead in ids]
    return TablePart(
        accepted,
        checked.rejects,
        unused,
        kinds,
        column_names,
        days={f"leads.{name}": count for name, count in checked.days.items()},
        outcome_unknown=frozenset(accepted["lead_id"].filter(checked.outcome_lost).to_pylist()),
        closing_known_at=checked.outcome_known_at.get("closed_at"),
        identities=Identities.of(accepted, other_ids, ids_left_out),
        suspicions=(
            *doubts,
            *(
                doubt
                for column, contacts in zip(contact_columns, contacts_text, strict=True)
                for doubt in doubles_doubt(lead_ids, contacts, column, accepted["lead_id"])
            ),
        ),
    )


def _contact_columns(source: Source, unused: Mapping[str, str]) -> list[str]:
    """Columns with e-mail addresses or phone numbers: how often each is there is counted."""
    return [
        column for column in unused if names_a_contact(column) and source.columns.count(column) == 1
    ]


def _leads_alone(
    table: LeadsMapping, text: pa.Table, width: int
) -> tuple[pa.Table, list[tuple[str, str]], dict[str, list[str]]]:
    """Rows that are leads of their own, pairs of another id and the lead's, and ids left out."""
    columns = {column: text[f"t{width + i}"] for i, column in enumerate(table.identity_columns())}
    rows = text.select([*text.column_names[: -len(columns)]] if columns else text.column_names)
    ids = text["t0"].to_pylist()
    merged: dict[str, str] = {}
    if table.merged_into is not None:
        merged = merge_targets(ids, columns[table.merged_into].to_pylist())
    is_lead = np.array([lead not in merged for lead in ids], np.bool_)
    left_out = {"merged_into": [*merged]} if merged else {}
    for column, values in table.leave_out.items():
        lower = pa.array([value.strip().lower() for value in values], pa.string())
        leaves = pc.fill_null(pc.is_in(pc.utf8_lower(columns[column]), value_set=lower), False)
        leaves = np.asarray(leaves.to_numpy(), np.bool_) & is_lead
        if leaves.any():
            left_out[f"leave_out.{column}"] = [ids[row] for row in np.flatnonzero(leaves)]
        is_lead &= ~leaves
    other_ids = list(merged.items())
    for column in table.also_known_as:
        pairs = zip(columns[column].to_pylist(), ids, strict=True)
        other_ids += [(other, merged.get(lead, lead)) for other, lead in pairs if other and lead]
    return rows.filter(pa.array(is_lead)), other_ids, left_out


def _unused_leads_columns(source: Source, table: LeadsMapping) -> dict[str, str]:
    """Columns that the names alone rule out, with the reason."""
    name_of_column = {
        table.column(name): name for name in (*LEAD_COLUMNS, *table.fixed_at_creation)
    }
    unused: dict[str, str] = {}
    for column in source.columns:
        name = name_of_column.get(column, column)
        if name in LEAD_COLUMNS or column in (ROW, FILE, *table.identity_columns()):
            continue
        objection = None
        if not {name, column} & {*table.allow_flags}:
            objection = name_objection(name) or name_objection(column)
        if name not in table.allow_sensitive and column not in table.allow_sensitive:
            objection = objection or sensitive_objection(name) or sensitive_objection(column)
        if objection is None and column not in name_of_column:
            objection = "not declared in fixed_at_creation"
        if objection is not None:
            unused[column] = objection
    return unused


def _leads_plan(
    mapping: ExportMapping,
    table: LeadsMapping,
    standard_names: Sequence[str],
    kinds: Mapping[str, Kind],
) -> TablePlan:
    created = standard_names.index("created_at")
    relations = [Check(DUPLICATE_LEAD, 0, "NOT first")]
    for i, name in enumerate(standard_names):
        early = f"v{i} < v{created}"
        if name == "converted_at":
            relations.append(Check(CONVERTED_BEFORE_CREATED, i, early, value_alone=True))
        if name == "closed_at":
            relations.append(Check(CLOSED_BEFORE_CREATED, i, early, value_alone=True))
        if name not in ("lead_id", "closed_reason", "person"):
            relations += not_after_end(mapping, i, f"begin{i}", value_alone=i != created)
    names, required = [*standard_names, *kinds], ("lead_id", "created_at")
    columns = fields(table, mapping.defaults(table), names, required, kinds=kinds)
    return TablePlan("leads", columns, tuple(relations))


def _is_first(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether a row is the first with its id; rows without one break another rule."""
    rows = pa.table({"id": ids, "place": pa.array(range(len(ids)), pa.int64())})
    firsts = rows.group_by("id").aggregate([("place", "min")])["place_min"]
    return pc.or_(pc.is_in(rows["place"], value_set=firsts), pc.is_null(ids))
