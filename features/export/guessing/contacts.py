"""Tables of contacts: calls, e-mails, meetings, each as a query with our columns.

A table that names leads and has times is one of contacts, unless it is a history or holds deals.
`contact_query` says which of its columns play which part, and leaves out what is only planned.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from features.export.guessing.leads import Reference, sql_name
from features.export.guessing.outcomes import literals, times_of_ending
from features.export.guessing.roles import (
    columns_by_role,
    is_history,
    is_vocabulary,
    presets,
    times_by_role,
    values_among,
)
from features.export.guessing.survey import SurveyedColumn, SurveyedTable, plain_words


@dataclass(frozen=True, eq=False)
class ContactQuery:
    """A query for the contacts in one table, and how its values are written.

    Attributes
    ----------
    sql : str
        The query.
    occurred, recorded : SurveyedColumn, and SurveyedColumn or None
        When a contact took place, and when it was entered.
    words : dict of str to dict
        Our column to {the export's word: ours}.
    measure : tuple of (str, SurveyedColumn) or None
        Our name of its length, and the column.
    unfinished : tuple of (str, tuple of str) or None
        The column and words of contacts that have not taken place, which are left out.
    """

    sql: str
    occurred: SurveyedColumn
    recorded: SurveyedColumn | None
    words: Mapping[str, Mapping[str, str]]
    measure: tuple[str, SurveyedColumn] | None
    unfinished: tuple[str, tuple[str, ...]] | None


def is_no_contact(table: SurveyedTable, words: Mapping[str, set[str]]) -> bool:
    """Whether a table is a history, or holds deals: rows that are closed, of which some are won."""
    statuses = [c for c in columns_by_role(table, "status") if is_vocabulary(c)]
    holds_deals = times_of_ending(table, "won") and any(
        values_among(c, words["won"]) and values_among(c, words["lost"]) for c in statuses
    )
    return bool(holds_deals) or is_history(table)


def contact_query(
    reference: Reference,
    words: Mapping[str, set[str]],
    codes: Mapping[str, Mapping[str, str]],
) -> ContactQuery | None:
    """Query for the contacts of a table.

    Parameters
    ----------
    reference : Reference
        The table and its column that names leads.
    words : mapping of str to set of str
        Words for directions and outcomes.
    codes : mapping of str to mapping of str to str
        What numbers mean, by column.

    Returns
    -------
    ContactQuery or None
        None where the table has no time, or is a history or holds deals.
    """
    table = reference.table
    occurred, recorded = _times(table)
    if occurred is None or reference.is_one_to_one or is_no_contact(table, words):
        return None
    direction = _direction(table, words, codes)
    kind = _kind(table, direction)
    finished, unfinished = _completion(table, words)
    duration = next(
        (c for c in columns_by_role(table, "duration") if c.number_line is not None), None
    )
    measure = None if duration is None else (_duration_name(duration), duration)
    used_columns = {column for column in (kind, direction, finished) if column is not None}
    outcome = next(
        (
            c
            for c in columns_by_role(table, "outcome")
            if is_vocabulary(c) and c not in used_columns
        ),
        None,
    )
    agent = next(
        (c for c in columns_by_role(table, "agent") if len(c.counts) < 0.2 * c.filled), None
    )
    noun = _noun(table)
    channel = None if noun is None else presets()["contacts"][noun].get("channel")
    parts = {
        "lead_id": reference.lead_sql(),
        "occurred_at": sql_name(occurred.name),
        "recorded_at": _name(recorded),
        "kind": _name(kind) or literals([noun or plain_words(table.name).replace(" ", "_")]),
        "channel": None if channel is None else literals([channel]),
        "direction": _name(direction),
        "outcome": _name(outcome),
        "agent": _name(agent),
        **({} if measure is None else {measure[0]: sql_name(measure[1].name)}),
    }
    selected = ",\n    ".join(f"{sql} AS {name}" for name, sql in parts.items() if sql is not None)
    sql = f"SELECT {selected},\n    _file, _row\nFROM {sql_name(table.name)}"
    left_out = None if finished is None else (finished.name, tuple(unfinished))
    if left_out is not None:
        column, states = left_out
        sql += f"\nWHERE coalesce({sql_name(column)}, '') NOT IN ({literals(states)})"
    meanings = {
        name: meaning
        for name, column in (("kind", kind), ("direction", direction))
        if column is not None and (meaning := _meanings(name, column, words, codes))
    }
    return ContactQuery(sql, occurred, recorded, meanings, measure, left_out)


def _meanings(
    name: str,
    column: SurveyedColumn,
    words: Mapping[str, set[str]],
    codes: Mapping[str, Mapping[str, str]],
) -> dict[str, str]:
    """What the words of a column become: codes their meaning, directions one of two words."""
    of_codes = codes.get(column.name, {})
    if name != "direction" or of_codes:
        return {code: meaning for code, meaning in of_codes.items() if code in column.counts}
    return {
        word: way
        for way in ("inbound", "outbound")
        for word in values_among(column, words[way])
        if word != way
    }


def _duration_name(duration: SurveyedColumn) -> str:
    """Name of a length of time with its unit, where the header or the way it is written says it."""
    if "durations" in (duration.number_line or "") or re.search(r"\bsec|сек", duration.words):
        return "duration_seconds"
    return "duration_minutes" if re.search(r"min|мин", duration.words) else "duration"


def _name(column: SurveyedColumn | None) -> str | None:
    return None if column is None else sql_name(column.name)


def _times(table: SurveyedTable) -> tuple[SurveyedColumn | None, SurveyedColumn | None]:
    """When a contact took place, and when it was entered.

    A day without an hour tells less than the time at which the contact was entered.
    """
    often = 0.5 * table.rows
    occurred = [c for c in times_by_role(table, "occurred") if c.filled >= often]
    created = [c for c in times_by_role(table, "created") if c.filled >= often]
    with_hours = [column for column in occurred if not column.is_day]
    if with_hours:
        return with_hours[0], next((c for c in created if c is not with_hours[0]), None)
    if created and not created[0].is_day:
        return created[0], None
    other_times = [c for c in table.columns if c.is_time and c.filled >= often]
    return next(iter([*occurred, *created, *other_times]), None), None


def _noun(table: SurveyedTable) -> str | None:
    """Kind of the contacts in a table, by a noun in its name."""
    path = Path(table.parts[0].member or table.parts[0].path.name)
    words = {*plain_words(table.name).split(), *plain_words(path.stem).split()}
    for kind, contact in presets()["contacts"].items():
        nouns = {*contact["words"]}
        if words & nouns or any(w.endswith(n) for w in words for n in nouns if len(n) > 4):
            return str(kind)
    return None


def _direction(
    table: SurveyedTable,
    words: Mapping[str, set[str]],
    codes: Mapping[str, Mapping[str, str]],
) -> SurveyedColumn | None:
    """Column all of whose words are directions; one way alone says nothing."""
    ways = words["inbound"] | words["outbound"]
    for column in columns_by_role(table, "direction"):
        if column.counts.keys() <= codes.get(column.name, {}).keys():
            return column
    return next(
        (
            column
            for column in table.columns
            if is_vocabulary(column)
            and all(plain_words(value) in ways for value in column.counts)
            and values_among(column, words["inbound"])
        ),
        None,
    )


def _kind(table: SurveyedTable, direction: SurveyedColumn | None) -> SurveyedColumn | None:
    """Column of what kind a contact is; one word for all tells no more than the table's name."""
    kinds = columns_by_role(table, "kind")
    topic_words = {*presets()["hints"]["topic"]}
    topics = [column for column in table.columns if topic_words & {*column.words.split()}]
    return next(
        (
            column
            for column in (*kinds, *topics)
            if is_vocabulary(column) and column is not direction and len(column.counts) > 1
        ),
        None,
    )


def _completion(
    table: SurveyedTable, words: Mapping[str, set[str]]
) -> tuple[SurveyedColumn | None, list[str]]:
    """Column that tells contacts that took place from those that are planned, and its words."""
    state_words = {*presets()["hints"]["state"]}
    yes_or_no = words["yes"] | words["no"]
    for column in filter(is_vocabulary, table.columns):
        finished = values_among(column, words["finished"])
        unfinished = values_among(column, words["unfinished"])
        # "Done" and "To do" speak for themselves under any header; "yes" and "no" do not.
        says_it_all = len({*finished, *unfinished}) == len(column.counts) and not any(
            plain_words(value) in yes_or_no for value in column.counts
        )
        if finished and unfinished and (says_it_all or state_words & {*column.words.split()}):
            return column, unfinished
    return None, []
