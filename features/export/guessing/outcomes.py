"""Where a purchase or a loss stands: in a column of the leads, in a deal, in a history.

Every place that says when a lead was won or lost is an `OutcomePlace`: how many leads it knows of,
and the SQL of its time. `likeliest_outcome` takes the one that knows of the most; when a card was
last changed stands for an outcome only where nothing else knows of it.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from features.export.guessing.leads import LeadsTable, Reference, filled_pairs, sql_name
from features.export.guessing.roles import (
    columns_by_role,
    is_expected,
    is_history,
    is_vocabulary,
    presets,
    times_by_role,
    values_among,
)
from features.export.guessing.survey import SurveyedColumn, SurveyedTable, plain_words

Ending = Literal["won", "lost"]
_ENOUGH = 0.9


@dataclass(frozen=True, eq=False)
class OutcomePlace:
    """A place where a purchase or a loss stands.

    Attributes
    ----------
    description : str
        The place in words.
    column : SurveyedColumn
        The column of its time.
    leads : int
        How many leads it knows of.
    expression : str
        SQL of the time.
    join : str
        SQL that joins the table it is in; empty where that is the leads'.
    last_change : bool
        Whether the time is only that of the card's last change.
    """

    description: str
    column: SurveyedColumn
    leads: int
    expression: str
    join: str = ""
    last_change: bool = False


def likeliest_outcome(outcomes: Sequence[OutcomePlace]) -> OutcomePlace | None:
    """Place that knows of the most leads; of those that know of about as many, one with hours.

    Parameters
    ----------
    outcomes : sequence of OutcomePlace
        All places.
    """
    proper = [outcome for outcome in outcomes if not outcome.last_change and outcome.leads]
    most_leads = max((outcome.leads for outcome in outcomes), default=0)
    if max((outcome.leads for outcome in proper), default=0) < 0.5 * most_leads:
        proper = [outcome for outcome in outcomes if outcome.leads == most_leads]
    most_leads = max((outcome.leads for outcome in proper), default=0)
    candidates = [o for o in proper if o.leads >= max(_ENOUGH * most_leads, 1)]
    return min(candidates, key=lambda o: (o.column.is_day, bool(o.join), -o.leads), default=None)


def outcomes_of(leads: LeadsTable, ending: Ending, words: Collection[str]) -> list[OutcomePlace]:
    """Every place where an ending of the leads may stand.

    Parameters
    ----------
    leads : LeadsTable
        The leads, with what refers to them.
    ending : {"won", "lost"}
        The ending.
    words : collection of str
        Words of a status that say so.
    """
    outcomes = _in_own_table(leads, ending, words)
    for reference in leads.references:
        outcomes += _in_versions(leads, reference, ending, words)
        outcomes += _in_status(leads, reference, ending, words)
    return outcomes


def _in_own_table(leads: LeadsTable, ending: Ending, words: Collection[str]) -> list[OutcomePlace]:
    table = leads.table
    statuses = [c for c in columns_by_role(table, "status") if is_vocabulary(c)]
    saying = [(c, values) for c in statuses if (values := _values_saying(c, words, leads.lookups))]
    outcomes = []
    for column in times_of_ending(table, ending):
        closes = _closes(column)
        told_apart = [_where_status(table, column, *status) for status in saying[:1]]
        # A time of closing is that of either end, unless a status tells them apart.
        if told_apart and (closes or told_apart[0].leads < _ENOUGH * column.filled):
            outcomes += told_apart
        elif told_apart or not (statuses and closes):
            description = f"{table.name}.{column.name}"
            outcomes.append(OutcomePlace(description, column, column.filled, _own(table, column)))
    if ending == "lost":
        # Some CRMs put lost leads into an archive and leave their status as it was.
        archive = [(c, no) for c in columns_by_role(table, "active") if (no := _no(c))]
        outcomes += [
            _where_status(table, closing, *status)
            for closing in times_of_ending(table, "won")
            if _closes(closing)
            for status in saying[:1] or archive[:1]
        ]
    outcomes += [
        _where_status(table, column, *status, last_change=True)
        for column in times_by_role(table, "modified")[:1]
        for status in saying[:1]
    ]
    return outcomes


def times_of_ending(table: SurveyedTable, ending: Ending) -> list[SurveyedColumn]:
    """Times of an ending by their headers; for purchases also any time of closing.

    Parameters
    ----------
    table : SurveyedTable
        The table.
    ending : {"won", "lost"}
        The ending.
    """
    if ending == "lost":
        return times_by_role(table, "lost")
    closings = [
        c for c in table.columns if _closes(c) and c.is_time and c.filled and not is_expected(c)
    ]
    return list(dict.fromkeys([*times_by_role(table, "converted"), *closings]))


def _values_saying(
    column: SurveyedColumn, words: Collection[str], lookups: Sequence[SurveyedTable]
) -> list[str]:
    """Values of a status that tell an ending, themselves or by a table that spells them out."""
    values = values_among(column, words)
    if values or not is_vocabulary(column):
        return values
    for lookup in lookups:
        for code in lookup.columns:
            if not column.counts.keys() <= code.counts.keys():
                continue
            for label in lookup.columns:
                meaning = {*values_among(label, words)}
                codes = [c for c, text in filled_pairs(code, label) if text in meaning]
                if codes and label is not code:
                    return [value for value in column.counts if value in codes]
    return []


def _no(column: SurveyedColumn) -> list[str]:
    """Values of a flag that say no; none where the column is no flag."""
    flags = presets()["words"]
    yes, no = values_among(column, {*flags["yes"]}), values_among(column, {*flags["no"]})
    return no if len(yes) + len(no) == len(column.counts) else []


def _own(table: SurveyedTable, column: SurveyedColumn) -> str:
    return f"{sql_name(table.name)}.{sql_name(column.name)}"


def _closes(column: SurveyedColumn) -> bool:
    """Whether a header speaks of the end of a deal, whichever it is."""
    stems = (
        *("clos", "chius", "закр", "заверш", "fecham", "cierre", "cerra", "inchid", "abschl"),
        *("abgeschl", "geschl", "clotur"),
    )
    return any(word.startswith(stems) for word in column.words.split())


def _where_status(
    table: SurveyedTable,
    column: SurveyedColumn,
    status: SurveyedColumn,
    values: Sequence[str],
    *,
    last_change: bool = False,
) -> OutcomePlace:
    return OutcomePlace(
        f"{table.name}.{column.name} where {status.name} is {', '.join(values)}",
        column,
        sum(1 for _, value in filled_pairs(column, status) if value in values),
        f"CASE WHEN {_own(table, status)} IN ({literals(values)}) THEN {_own(table, column)} END",
        last_change=last_change,
    )


def _in_versions(
    leads: LeadsTable, reference: Reference, ending: Ending, words: Collection[str]
) -> list[OutcomePlace]:
    """Outcomes in columns that hold lists of versions in JSON."""
    outcomes = []
    for column in reference.table.columns:
        if not column.is_history:
            continue
        versions = re.findall(r'"value": "([^"]*)"', " ".join(column.counts))
        values = [value for value in dict.fromkeys(versions) if plain_words(value) in words]
        if not values:
            continue
        marks = [f'"value": "{value}"' for value in values]
        leads_known = sum(
            count for text, count in column.counts.items() if any(m in text for m in marks)
        )
        fields = """'[{"value": "VARCHAR", "timestamp": "VARCHAR"}]'"""
        rows = (
            f"SELECT {sql_name(reference.column.name)} AS lead, "  # noqa: S608 - for a person to read
            f"unnest(from_json({sql_name(column.name)}, {fields})) AS version "
            f"FROM {sql_name(reference.table.name)}"
        )
        sql = f"SELECT lead, version.timestamp AS instant FROM ({rows}) WHERE version.value IN"  # noqa: S608
        name, join = _joined(leads, reference, ending, f"{sql} ({literals(values)})")
        description = f"{reference.table.name}.{column.name}, version {', '.join(values)}"
        outcomes.append(OutcomePlace(description, column, leads_known, f"{name}.instant", join))
    return outcomes


def _in_status(
    leads: LeadsTable, reference: Reference, ending: Ending, words: Collection[str]
) -> list[OutcomePlace]:
    """Outcome in a deal's status or a history's new value, with the time beside it."""
    table = reference.table
    roles = ("new_value", "status") if is_history(table) else ("status",)
    saying = [
        (column, values)
        for role in roles
        for column in columns_by_role(table, role)
        if (values := _values_saying(column, words, leads.lookups))
    ]
    times = [
        *times_of_ending(table, ending),
        *times_of_ending(table, "won"),
        *times_by_role(table, "modified"),
    ]
    if is_history(table):
        changes = ("modified", "created", "occurred")
        times = [column for role in changes for column in times_by_role(table, role)]
    if not saying or not times:
        return []
    (status, values), time = saying[0], times[0]
    sql = (
        f"SELECT {reference.lead_sql()} AS lead, "  # noqa: S608 - for a person to read
        f"{sortable_time(time, sql_name(time.name))} AS instant FROM {sql_name(table.name)} "
        f"WHERE {sql_name(status.name)} IN ({literals(values)})"
    )
    name, join = _joined(leads, reference, ending, sql)
    pairs = filled_pairs(reference.column, status)
    leads_known = len({lead for lead, value in pairs if value in values})
    description = f"{table.name}.{time.name} where {status.name} is {', '.join(values)}"
    last_change = time in times_by_role(table, "modified") and not is_history(table)
    return [OutcomePlace(description, time, leads_known, f"{name}.instant", join, last_change)]


def _joined(leads: LeadsTable, reference: Reference, ending: Ending, rows: str) -> tuple[str, str]:
    """Name of the joined rows and the join: the first purchase, or the last loss, of each lead."""
    name = f"{reference.table.name}_{ending}"
    aggregate = "min" if ending == "won" else "max"
    join = (
        f"LEFT JOIN (\n    SELECT lead, {aggregate}(instant) AS instant FROM (\n"  # noqa: S608
        f"        {rows}\n    ) GROUP BY lead\n) {name} ON {name}.lead = {leads.id_sql(reference)}"
    )
    return name, join


def literals(words: Iterable[str]) -> str:
    """Words as SQL writes them.

    Examples
    --------
    >>> print(literals(["won", "d'accordo"]))
    'won', 'd''accordo'
    """
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)


def sortable_time(column: SurveyedColumn, expression: str) -> str:
    """Expression of a time of which a first can be found: ISO 8601 sorts as text, others do not.

    Parameters
    ----------
    column : SurveyedColumn
        The column of times.
    expression : str
        SQL of its text.
    """
    patterns = [p for p in re.findall(r'"([^"]*)"', "".join(column.time_lines[:1])) if "%" in p]
    readings = [f"try_strptime({expression}, {literals([pattern])})" for pattern in patterns]
    if len(readings) < 2:
        return readings[0] if readings else expression
    return f"coalesce({', '.join(readings)})"
