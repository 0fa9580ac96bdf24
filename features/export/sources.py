"""Reading an export: from the CRM's own tables, by the mapping, to `Tables`.

`read_export` opens each of the three tables (`features.export.rows`), decides which attributes may
be used (`features.export.privacy`), parses and checks the rows (`features.export.checked_rows`) and
puts together what is left: typed good rows in the order of the export, and everything that was left
out with its reason. Leads come first, because an interaction or a version of an attribute is good
only if its lead is.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Bool
from features.export.attribute_kinds import UnreadAttribute, kind_and_objection, number_doubts
from features.export.blindness import orphan_doubts
from features.export.checked_rows import REJECTS_ORDER, CheckedRows, check_rows
from features.export.columns import (
    FIELD_KINDS,
    chunks,
    fields,
    present,
    require,
    require_identity_columns,
)
from features.export.csv_rows import UNDECODABLE
from features.export.data_end import latest_recording
from features.export.file_queries import FILE, ROW, FileQueries
from features.export.formats import PLAIN, ColumnFormat
from features.export.identities import (
    Identities,
    doubles_doubt,
    fresh_key,
    merge_targets,
    person_hashes,
    person_numbers,
)
from features.export.mapping import (
    INTERACTION_COLUMNS,
    LOG_COLUMNS,
    AttributesMapping,
    ExportMapping,
    InteractionsMapping,
    LeadsMapping,
    near_miss,
)
from features.export.privacy import name_objection, names_a_contact, sensitive_objection
from features.export.proposals import plan_for_text
from features.export.rows import Source
from features.export.rules import (
    AFTER_END,
    CLOSED_BEFORE_CREATED,
    CONVERTED_BEFORE_CREATED,
    DUPLICATE_LEAD,
    UNKNOWN_LEAD,
    Check,
    TablePlan,
    in_years_of_a_crm,
)
from features.export.suspicions import thousands_doubt
from features.export.texts import texts_of_ids
from features.export.toml_text import toml_key
from features.progress import ReadProgress, no_read_progress
from features.tables import (
    ATTRIBUTE_LOG,
    INTERACTIONS,
    LEAD_COLUMNS,
    REJECTS,
    Kind,
    Suspicion,
    Tables,
    interactions_schema,
    leads_schema,
)

# Interactions are parsed in chunks, so that only their typed form is ever held as a whole.
_CHUNK_ROWS = 1_000_000
# So small a share of interactions without a lead needs no cause: leads that were deleted, say.
_FEW_ORPHANS = 0.01
_CLOCKS = ["occurred_at", "recorded_at"]
_CLOCK_SCHEMA = pa.schema([INTERACTIONS.field(name) for name in _CLOCKS])


@dataclass(frozen=True, slots=True)
class _Part:
    """What was read of one table of the export."""

    accepted: pa.Table
    rejects: pa.Table
    unused: dict[str, str]
    kinds: dict[str, Kind]
    names: frozenset[str] = frozenset()  # of attributes, ours and the export's
    days: Mapping[str, int] = field(default_factory=dict)
    outcome_unknown: frozenset[str] = frozenset()
    suspicions: tuple[Suspicion, ...] = ()
    identities: Identities | None = None
    # Times of the interactions that are not read, which may still tell the end of the data.
    unread_times: pa.Table = field(default_factory=_CLOCK_SCHEMA.empty_table)


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
    log = _Part(ATTRIBUTE_LOG.empty_table(), REJECTS.empty_table(), {}, {})
    with duckdb.connect() as connection, FileQueries(mapping) as sources:
        report_progress("leads", 0)
        leads = _leads(connection, sources, mapping, mapping.leads)
        if mapping.attributes is not None:
            report_progress("attributes", 0)
            log = _attribute_log(connection, sources, mapping, mapping.attributes, leads)
        if with_contacts is not None:
            is_read = with_contacts(leads.accepted, leads.outcome_unknown)
            leads = replace(leads, identities=_identities(leads).unread_but(is_read))
        interactions = _interactions(connection, sources, mapping, leads, report_progress)
        orphans = () if with_contacts else _orphan_doubts(sources, mapping, leads, interactions)
    end = mapping.data.end()
    if end is None:
        times = pa.concat_tables([interactions.accepted.select(_CLOCKS), interactions.unread_times])
        end = latest_recording(leads.accepted, times, log.accepted)
    parts = (leads, interactions, log)
    return Tables(
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


def _allowed_in_vain(key: str, leads: LeadsMapping, names: frozenset[str]) -> dict[str, str]:
    """Names that ``key`` allows and that are no names of the export, as mistyped ones are."""
    return {
        f"{key}.{name}": "neither a column of the leads nor a name in the log of "
        f"attributes.{near_miss(name, names)}"
        for name in getattr(leads, key)
        if name not in names
    }


def _leads(
    connection: duckdb.DuckDBPyConnection,
    sources: FileQueries,
    mapping: ExportMapping,
    table: LeadsMapping,
) -> _Part:
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
    kinds, objections, doubts = _examined(connection, unread)
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
    accepted = _with_schema(accepted, leads_schema(kinds))
    ids_left_out = [lead for ids in left_out.values() for lead in ids]
    return _Part(
        accepted,
        checked.rejects,
        unused,
        kinds,
        column_names,
        days={f"leads.{name}": count for name, count in checked.days.items()},
        outcome_unknown=frozenset(accepted["lead_id"].filter(checked.outcome_lost).to_pylist()),
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


def _examined(
    connection: duckdb.DuckDBPyConnection,
    attributes: Sequence[UnreadAttribute],
    objection_to_name: Callable[[str], str | None] = lambda name: None,
) -> tuple[dict[str, Kind], dict[str, str], list[Suspicion]]:
    """Kinds of the attributes that may be used, objections to the others, and doubts."""
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
            relations += _not_after_end(mapping, i, f"begin{i}", value_alone=i != created)
    names, required = [*standard_names, *kinds], ("lead_id", "created_at")
    columns = fields(table, mapping.defaults(table), names, required, kinds=kinds)
    return TablePlan("leads", columns, tuple(relations))


def _is_first(ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether a row is the first with its id; rows without one break another rule."""
    rows = pa.table({"id": ids, "place": pa.array(range(len(ids)), pa.int64())})
    firsts = rows.group_by("id").aggregate([("place", "min")])["place_min"]
    return pc.or_(pc.is_in(rows["place"], value_set=firsts), pc.is_null(ids))


def _interactions(
    connection: duckdb.DuckDBPyConnection,
    sources: FileQueries,
    mapping: ExportMapping,
    leads: _Part,
    report_progress: ReadProgress,
) -> _Part:
    """Rows of all sections of interactions, one section after the other."""
    identities = _identities(leads)
    schema = interactions_schema(mapping.measures)
    goods, rejects = [schema.empty_table()], [REJECTS.empty_table()]
    unread_times = [_CLOCK_SCHEMA.empty_table()]
    unused: dict[str, str] = {}
    doubts: list[Suspicion] = []
    days: Counter[str] = Counter()
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
            for i, text in enumerate(chunks(source, table, defaults, names, _CHUNK_ROWS)):
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
                checked = check_rows(connection, plan, _with_known(rows_to_read, identities))
                accepted = _with_own_ids(checked.accepted, identities, "occurred_at")
                goods.append(_with_schema(_with_recorded(accepted), schema))
                rejects.append(checked.rejects)
                days.update({f"interactions.{name}": n for name, n in checked.days.items()})
                report_progress("interactions", read)
    accepted = pa.concat_tables(goods).unify_dictionaries()
    return _Part(
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
        return _CLOCK_SCHEMA.empty_table()
    positions = [plan.place(name) for name in ("lead_id", *_CLOCKS)]
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
    return _with_schema(_with_recorded(accepted), _CLOCK_SCHEMA)


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


def _orphan_doubts(
    sources: FileQueries, mapping: ExportMapping, leads: _Part, interactions: _Part
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
        *_not_after_end(mapping, recorded, recorded_or_occurred),
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


def _attribute_log(
    connection: duckdb.DuckDBPyConnection,
    sources: FileQueries,
    mapping: ExportMapping,
    table: AttributesMapping,
    leads: _Part,
) -> _Part:
    with sources.open("attributes", table) as source:
        require(source, "attributes", table, LOG_COLUMNS, ())
        (text,) = chunks(source, table, mapping.defaults(table), LOG_COLUMNS)
    names = pc.unique(text["t2"].drop_null()).to_pylist()
    repeated = next((name for name in names if name in leads.kinds), None)
    if repeated is not None:
        raise ValueError(
            f"Attribute {repeated!r} is declared fixed at creation and changes in {source.label}: "
            "take it out of fixed_at_creation in [leads] of lead_temperature.toml"
        )
    attributes = list(_attributes_of_log(mapping, table, text, names))
    kinds, objections, doubts = _examined(
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
    text = _with_known(text, _identities(leads))
    text = text.append_column("place", pa.array(range(text.num_rows), pa.int64()))
    columns = fields(table, mapping.defaults(table), LOG_COLUMNS, LOG_COLUMNS[:3])
    relations = (Check(UNKNOWN_LEAD, 0, "NOT known"), *_not_after_end(mapping, 1, "begin1"))
    plan = TablePlan("attributes", columns, relations)
    plan = plan_for_text(connection, plan, plan.table, text, source.label)
    checked_by_kind = [
        _log_of_kind(connection, plan, kind, format_, text.filter(rows), _identities(leads))
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
    return _Part(
        pa.concat_tables(goods).take(order).unify_dictionaries(),
        rejects.sort_by(REJECTS_ORDER),
        unused,
        kinds,
        frozenset(names),
        days=dict(days),
        suspicions=tuple(doubts),
    )


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
    accepted = _with_own_ids(checked.accepted, identities, "recorded_at")
    value = accepted["value"]
    if kind == "category":
        accepted = accepted.append_column("text", value)
    else:
        exact = value.cast(pa.int64()) if kind == "timestamp" else value
        accepted = accepted.append_column("number", exact.cast(pa.float64(), safe=False))
    accepted_places = text["place"].filter(checked.is_accepted).combine_chunks()
    return replace(checked, accepted=_with_schema(accepted, ATTRIBUTE_LOG)), accepted_places


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


def _identities(leads: _Part) -> Identities:
    return leads.identities or Identities.of(leads.accepted, ())


def _with_known(text: pa.Table, identities: Identities) -> pa.Table:
    """Mark the rows whose lead is an accepted one; rows without a lead_id break another rule.

    Rows that belong to what the configuration leaves out are gone.
    """
    if len(identities.left_out):
        text = text.filter(pc.invert(identities.is_left_out(text["t0"])))
    is_known_lead = identities.is_known(text["t0"])
    return text.append_column("known", pc.or_(is_known_lead, pc.is_null(text["t0"])))


def _with_own_ids(table: pa.Table, identities: Identities, time: str) -> pa.Table:
    """Rows under the lead's own id, whichever of its ids they name."""
    own_ids = identities.own_ids(table["lead_id"], table[time])
    return table.set_column(table.column_names.index("lead_id"), "lead_id", own_ids)


def _not_after_end(
    mapping: ExportMapping, field: int, instant: str, *, value_alone: bool = False
) -> tuple[Check, ...]:
    end = mapping.data.end()
    if end is None:
        return ()
    return (Check(AFTER_END, field, f"epoch_us({instant}) > {end}", value_alone),)


def _with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Columns of the schema in its types; a column that the export lacks is null."""
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
