"""What a configuration says of an export's columns, values and formats, as terms for the server.

Each table that has a field says how it writes it; several tables may say it in several ways, and
all of them travel. Of the numbers that were trained on, the smallest and the largest come along, so
that the server can tell when it is asked beyond them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from features.export.formats import PLAIN, ColumnFormat
from features.export.mapping import ExportMapping
from features.export.rows import plain_names
from features.export.sql_names import names_passed_on
from features.export.table_mapping import TableMapping
from features.export.terms import ExportTerms, FieldTerms, Notation
from features.language.spec import Spec
from features.refusals import REFUSAL_REASON, REFUSED_AT
from features.tables import INTERACTION_FIELDS, Tables

_LEAD_FIELDS = ("lead_id", "created_at")
_INTERACTION_TIMES = ("occurred_at", "recorded_at")
_COLUMNS_OF_REFUSALS = {REFUSED_AT: "closed_at", REFUSAL_REASON: "closed_reason"}
_WORDS = ("lead_id", "closed_reason", *INTERACTION_FIELDS)
"""Fields that are text, whatever the formats of numbers and times."""


def export_terms(mapping: ExportMapping, tables: Tables, spec: Spec) -> ExportTerms:
    """Terms of an export, for the fields that a model reads.

    Parameters
    ----------
    mapping : ExportMapping
        What the configuration says.
    tables : Tables
        What was read by it.
    spec : Spec
        The model's features, which say what attributes and measures a request may have.

    Returns
    -------
    ExportTerms
        Names, words and formats of each field, and the range of its numbers.
    """
    leads = [mapping.leads]
    sections = mapping.interactions
    return ExportTerms(
        lead={
            name: _with_days(_field_terms(mapping, leads, name), tables, "leads", name)
            for name in _LEAD_FIELDS
        },
        attributes={name: _attribute_terms(mapping, tables, name) for name in spec.attribute_kinds},
        interactions={
            name: _with_days(_field_terms(mapping, sections, name), tables, "interactions", name)
            for name in (*_INTERACTION_TIMES, *INTERACTION_FIELDS)
        },
        measures={
            name: _with_range(
                _field_terms(mapping, [s for s in sections if name in s.measures], name),
                tables.interactions[name],
            )
            for name in spec.measures
        },
    )


def _field_terms(mapping: ExportMapping, tables: Sequence[TableMapping], name: str) -> FieldTerms:
    """Terms of a field that is a column of some tables."""
    columns = [column for table in tables for column in _columns(mapping, table, name)]
    if name == "recorded_at":  # where it is the same column, nothing was recorded apart
        occurred = {column for t in tables for column in _columns(mapping, t, "occurred_at")}
        columns = [column for column in columns if column not in occurred]
    notations = [_notation(mapping, table, name) for table in tables]
    return FieldTerms(_apart_from(name, columns), _distinct(notations))


def _columns(mapping: ExportMapping, table: TableMapping, name: str) -> tuple[str, ...]:
    """What the export calls a column of ours, in a query's result and in the files behind it."""
    column = table.column(name)
    if table.sql is None:
        return (column,)
    in_files = plain_names(names_passed_on(table.sql, tuple(mapping.files)).get(column, ()))
    return (column, *in_files)


def _attribute_terms(mapping: ExportMapping, tables: Tables, name: str) -> FieldTerms:
    """Terms of an attribute, which is a column of the leads or a name in the log."""
    is_number = tables.attribute_kinds[name] == "number"
    if name in tables.leads.column_names:
        terms = _field_terms(mapping, [mapping.leads], name)
        return _with_range(terms, tables.leads[name]) if is_number else terms
    if name in _COLUMNS_OF_REFUSALS and tables.after_refusal is not None:
        return _refusal_terms(mapping, tables, name)
    log = mapping.attributes
    if log is None:  # made-up tables, that no configuration describes
        return FieldTerms()
    columns = [word for word, ours in log.values.get("name", {}).items() if ours == name]
    format_name = name if name in log.formats else "value"
    words = _words(mapping, log, format_name) | log.values.get("value", {})
    notation = Notation(words, _plain_format(mapping, log, format_name))
    terms = FieldTerms(_apart_from(name, columns), (notation,))
    if not is_number:
        return terms
    rows = tables.attribute_log.filter(pc.equal(tables.attribute_log["name"].cast("string"), name))
    return _with_range(terms, rows["number"])


def _refusal_terms(mapping: ExportMapping, tables: Tables, name: str) -> FieldTerms:
    """Terms of what is known of a refusal: a column of the leads under a name of its own."""
    column = _COLUMNS_OF_REFUSALS[name]
    terms = _field_terms(mapping, [mapping.leads], column)
    closings = pc.count(tables.leads["closed_at"]).as_py()
    if column == "closed_at" and closings and tables.days.get("leads.closed_at", 0) == closings:
        terms = _with_midnights(terms)
    return replace(terms, columns=(*terms.columns, column))


def _notation(mapping: ExportMapping, table: TableMapping, name: str) -> Notation:
    # In this order the columns of the export are read, too: words of `values` come first.
    words = _words(mapping, table, name) | table.values.get(name, {})
    return Notation(words, PLAIN if name in _WORDS else _plain_format(mapping, table, name))


def _words(mapping: ExportMapping, table: TableMapping, name: str) -> dict[str, str]:
    """Words for a missing value, each read as the empty text."""
    return dict.fromkeys(table.column_format(name, mapping.defaults(table)).missing, "")


def _plain_format(mapping: ExportMapping, table: TableMapping, name: str) -> ColumnFormat:
    return replace(table.column_format(name, mapping.defaults(table)), missing=())


def _apart_from(name: str, columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for column in columns if column != name))


def _distinct(notations: Iterable[Notation]) -> tuple[Notation, ...]:
    different: list[Notation] = []
    for notation in notations:
        if notation not in different:
            different.append(notation)
    return tuple(different)


def _with_days(terms: FieldTerms, tables: Tables, section: str, name: str) -> FieldTerms:
    """The terms of a column; where all of its values are days, midnight stands for one."""
    rows = getattr(tables, section).num_rows
    if not rows or tables.days.get(f"{section}.{name}", 0) < rows:
        return terms
    return _with_midnights(terms)


def _with_midnights(terms: FieldTerms) -> FieldTerms:
    return replace(
        terms,
        notations=tuple(
            replace(n, midnight_in=n.format_.timezone or "UTC")
            for n in terms.notations
            if n.format_.midnight != "moment"
        ),
    )


def _with_range(terms: FieldTerms, values: pa.ChunkedArray) -> FieldTerms:
    """The terms, with the range of the field's numbers."""
    limits = pc.min_max(values)
    return replace(terms, low=limits["min"].as_py(), high=limits["max"].as_py())
