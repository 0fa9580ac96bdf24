"""A configuration for exports that nobody has described yet: a first draft, with its doubts.

`draft` puts together what the modules of this package guess: which table holds the leads, where
their outcomes stand, which tables hold contacts, how values are written. What was taken for what is
told, and what only a person can know is left as a line to fill in.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from features.export.guessing.contacts import ContactQuery, contact_query, is_no_contact
from features.export.guessing.leads import LeadsTable, Reference, leads_among, sql_name
from features.export.guessing.outcomes import (
    OutcomePlace,
    likeliest_outcome,
    outcomes_of,
    sortable_time,
)
from features.export.guessing.roles import (
    Notes,
    codes_of,
    columns_by_role,
    is_vocabulary,
    presets,
    recognised_crm,
    values_among,
    words_of,
)
from features.export.guessing.survey import SurveyedColumn, SurveyedTable, survey
from features.export.toml_text import toml_key, toml_text

# Characters that a text over several lines may not hold in TOML.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_OUTCOMES = {"converted_at": "Bought", "closed_at": "Lost"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A configuration that was guessed.

    Attributes
    ----------
    crm : str or None
        Name of the CRM whose export it seems to be.
    text : str
        The sections of the export as TOML.
    guesses : tuple of str
        What was taken for what, for a person to look over.
    doubts : tuple of str
        What could not be found out, with the way out.
    """

    crm: str | None
    text: str
    guesses: tuple[str, ...]
    doubts: tuple[str, ...]


def draft(exports: Path, base: Path, timezone: str | None = None) -> Draft:
    """Configuration for the exports in a folder, an archive or a file.

    Parameters
    ----------
    exports : Path
        Where the exports are.
    base : Path
        Folder that the configuration will lie in.
    timezone : str, optional
        Zone of times that are written without one.

    Returns
    -------
    Draft
        The configuration, what was guessed and what could not be.

    Raises
    ------
    FileNotFoundError
        If nothing there can be read.
    ValueError
        If no table can be that of the leads.
    """
    tables, problems = survey(exports, base)
    notes = Notes(doubts=[f"Not read: {problem}" for problem in problems])
    crm = recognised_crm(tables)
    preset = presets()["crm"].get(crm, {})
    if preset:
        notes.guesses.append(f"These are exports of {preset['name']}. {preset['advice']}")
    leads, words = leads_among(tables), words_of(crm)
    sections = _leads_section(leads, words, notes)
    sections += _interactions(leads, words, codes_of(crm), preset.get("durations"), notes)
    used = {leads.table.name, *(reference.table.name for reference in leads.references)}
    notes.doubts += [
        f"{table.name} is not used: {_why_unused(table, leads)}"
        for table in tables
        if table.name not in used
    ]
    notes.doubts += [
        f"The first line of {table.name} holds values ({value}): it seems to have no header. Write "
        "the names of the columns above it."
        for table in tables
        if (value := next((c.name for c in table.columns if c.is_named_like_a_value), None))
    ]
    notes.doubts += [
        f"{table.name}: {', '.join(table.left_out)} cannot be used: such a name stands twice "
        "(capitals make no difference), or is one of ours. Rename what matters in the export."
        for table in tables
        if table.left_out
    ]
    head = [*_data_section(leads, timezone, notes), *_files_section(tables)]
    text = "\n".join([*head, *sections]).rstrip() + "\n"
    return Draft(preset.get("name"), text, tuple(notes.guesses), tuple(notes.doubts))


def _why_unused(table: SurveyedTable, leads: LeadsTable) -> str:
    """Why a table names no lead, and what may be done."""
    if not table.rows:
        return "it has no row."
    names = [column.name for column in table.columns]
    if names == [column.name for column in leads.table.columns]:
        union = f"SELECT * FROM {leads.table.name} UNION ALL SELECT * FROM {table.name}"  # noqa: S608 - to read
        return (
            f"it has the columns of {leads.table.name}. If it holds more leads, read both: sql = "
            f'"{union}" under [leads]. If it holds the same ones, leave it out.'
        )
    ids = {name.lstrip("0") for name in leads.lead_id.ids}
    for column in table.columns:
        stripped = [name.lstrip("0") for name in column.ids]
        if sum(name in ids for name in stripped) > 0.5 * max(len(stripped), 10):
            return (
                f"its {column.name} holds ids of {leads.table.name} only without leading zeros, "
                "as a spreadsheet strips them. Export it again, or fill them up in sql (lpad)."
            )
    return f"no column of it holds ids of {leads.table.name}."


def _created_doubt(table: SurveyedTable) -> str:
    """What is said where no time of creation is known."""
    doubt = f"{table.name} has no time of creation: map created_at to a column."
    column = next(iter(columns_by_role(table, "created")), None)
    if column is None:
        return doubt
    examples = ", ".join(f"'{value}'" for value in list(column.counts)[:3])
    return (
        f"{doubt} {column.name} is called like one, but not all of its values are times in one "
        f"way of writing: {examples}."
    )


def _toml_list(texts: Iterable[str]) -> str:
    return f"[{', '.join(toml_text(text) for text in texts)}]"


def _sql_lines(sql: str) -> list[str]:
    """A query in TOML, over several lines unless a name in it holds what such a text cannot."""
    if "'''" in sql or _CONTROL.search(sql):
        return [f"sql = {toml_text(sql)}"]
    return ["sql = '''", *sql.split("\n"), "'''"]


def _data_section(leads: LeadsTable, timezone: str | None, notes: Notes) -> list[str]:
    lines = ["[data]"]
    without_zone = [name for name, column in notes.times.items() if not column.has_zone]
    if timezone is not None:
        lines.append(f"timezone = {toml_text(timezone)}")
    elif without_zone:
        examples = ", ".join(without_zone[:3])
        lines.append(f'# timezone = "Europe/Lisbon"   # TO DO: no zone in {toml_text(examples)}')
        notes.doubts.append(
            f"Times such as {examples} name no zone: write timezone under [data] (that of the "
            "account, or of the person who exported), or give --timezone."
        )
    used = [leads.table, *(reference.table for reference in leads.references)]
    number_lines = " ".join(c.number_line or "" for table in used for c in table.columns)
    if 'decimal = ","' in number_lines:
        signs = {*re.findall(r'thousands = "(.)"', number_lines)}
        thousands = signs.pop() if len(signs) == 1 else "."
        lines += ['decimal = ","', f'thousands = "{thousands}"']
        sign = {".": "a point", " ": "a blank", "'": "an apostrophe"}.get(thousands, thousands)
        notes.guesses.append(f"Numbers have a decimal comma, and {sign} parts thousands.")
    return [*lines, ""]


def _files_section(tables: Sequence[SurveyedTable]) -> list[str]:
    lines = ["[files]"]
    for table in tables:
        paths = [part.label for part in table.parts]
        path = toml_text(paths[0]) if len(paths) == 1 else _toml_list(paths)
        form = table.form.model_dump(exclude_defaults=True)
        settings = [
            f"{key} = {value if isinstance(value, int) else toml_text(str(value))}"
            for key, value in form.items()
        ]
        value = f"{{{', '.join([f'path = {path}', *settings])}}}" if settings else path
        lines.append(f"{table.name} = {value}")
    return [*lines, ""]


def _dates(columns: Iterable[SurveyedColumn | None]) -> list[str]:
    """Formats of some times, ISO 8601 last; nothing where it is the only one."""
    formats: list[str] = []
    for column in columns:
        if column is not None and not column.is_history:
            formats += re.findall(r'"([^"]*)"', "".join(column.time_lines[:1])) or ["iso"]
    unique = sorted(dict.fromkeys(formats), key=lambda text: text == "iso")
    return [] if unique == ["iso"] else unique


def _leads_section(leads: LeadsTable, words: Mapping[str, set[str]], notes: Notes) -> list[str]:
    table = leads.table
    notes.guesses.append(
        f"A lead is a row of {table.name}, known by {leads.lead_id.name} ({table.rows_text})."
    )
    outcomes = {
        "converted_at": likeliest_outcome(outcomes_of(leads, "won", words["won"])),
        "closed_at": likeliest_outcome(outcomes_of(leads, "lost", words["lost"])),
    }
    for name, outcome in outcomes.items():
        _note_outcome(name, outcome, notes)
    if leads.created is None:
        notes.doubts.append(_created_doubt(table))
    notes.use_times(table.name, [leads.created])
    known_places = {name: outcome for name, outcome in outcomes.items() if outcome is not None}
    lines, columns = _rows_of_leads(leads, known_places)
    reasons = [c for c in columns_by_role(table, "reason") if is_vocabulary(c)]
    parts = {
        "lead_id": leads.lead_id,
        "created_at": leads.created,
        "closed_reason": reasons[0] if reasons else None,
        "person": leads.person,
    }
    columns |= {name: column.name for name, column in parts.items() if column is not None}
    dates = _dates([leads.created, *(o.column for o in known_places.values() if not o.join)])
    if dates or any(sortable_time(o.column, "") for o in known_places.values() if o.join):
        dates = [*(date for date in dates if date != "iso"), "iso"]
        lines += [f"dates = {_toml_list(dates)}"] if dates != ["iso"] else []
    return [*lines, *_identity_lines(leads, words, notes), *_columns(leads, columns, notes), ""]


def _note_outcome(name: str, outcome: OutcomePlace | None, notes: Notes) -> None:
    if outcome is None:
        notes.doubts.append(
            f"{_OUTCOMES[name]}: no column, deal or history says when. Map {name} in "
            "[leads.columns], or join it in sql."
        )
        return
    notes.guesses.append(f"{_OUTCOMES[name]}: {outcome.description} ({outcome.leads:,} leads).")
    notes.use_times(outcome.description.split(".")[0], [outcome.column])
    if outcome.last_change:
        notes.doubts.append(
            f"{_OUTCOMES[name]}: {outcome.column.name} is when the card was last touched, not when "
            "that happened. A history of the status would know."
        )


def _rows_of_leads(
    leads: LeadsTable, outcomes: Mapping[str, OutcomePlace]
) -> tuple[list[str], dict[str, str]]:
    """Lines that say where the rows are, and the columns of the outcomes where they need no SQL."""
    table = sql_name(leads.table.name)
    plain = {
        name: outcome.column.name
        for name, outcome in outcomes.items()
        if outcome.expression == f"{table}.{sql_name(outcome.column.name)}"
    }
    if len(plain) == len(outcomes):
        return ["[leads]", f"file = {toml_text(leads.table.name)}"], plain
    own_names = [c.name for c in leads.table.columns if c.name.lower() in outcomes]
    all_columns = f"{table}.*"
    if own_names:
        all_columns += f" EXCLUDE ({', '.join(map(sql_name, own_names))})"
    selected = [all_columns, *(f"{o.expression} AS {name}" for name, o in outcomes.items())]
    joins = [outcome.join for outcome in outcomes.values() if outcome.join]
    sql = "\n".join(["SELECT " + ",\n    ".join(selected), f"FROM {table}", *joins])
    return ["[leads]", *_sql_lines(sql)], {}


def _identity_lines(leads: LeadsTable, words: Mapping[str, set[str]], notes: Notes) -> list[str]:
    lines = []
    if leads.also_known_as:
        names = [column.name for column in leads.also_known_as]
        lines.append(f"also_known_as = {_toml_list(names)}")
        notes.guesses.append(f"Other tables name leads by {', '.join(names)}, too.")
    if leads.merged_into is not None:
        merged = leads.merged_into
        lines.append(f"merged_into = {toml_text(merged.name)}")
        notes.guesses.append(
            f"{merged.name} names the lead that another was merged into ({merged.filled:,} rows)."
        )
    flags = [] if leads.deleted is None else values_among(leads.deleted, words["yes"])
    if leads.deleted is not None and flags:
        lines.append(f"leave_out = {{{toml_key(leads.deleted.name)} = {_toml_list(flags)}}}")
        rows = sum(leads.deleted.counts[flag] for flag in flags)
        notes.guesses.append(f"Rows with {leads.deleted.name} are no leads ({rows:,}).")
    return lines


def _columns(leads: LeadsTable, columns: Mapping[str, str], notes: Notes) -> list[str]:
    """Attributes known at creation, and which column of the export is which of ours."""
    attributes = [
        column
        for column in columns_by_role(leads.table, "at_creation")
        if column.filled >= 0.02 * leads.table.rows
        and (len(column.counts) <= 0.5 * column.filled or column.number_line is not None)
        and not column.is_time
        and column.name not in columns.values()
    ]
    if not attributes:
        notes.doubts.append(
            "No attribute was recognised: name those known at creation in fixed_at_creation."
        )
    lines = [
        "# What was known when the lead was created and did not change later: look it over.",
        f"fixed_at_creation = {_toml_list(column.name for column in attributes)}",
        "[leads.columns]",
    ]
    lines += [f"{name} = {toml_text(column)}" for name, column in columns.items()]
    for column in attributes:
        line = column.number_line
        if line and "decimal" not in line:
            lines += [f"[leads.formats.{toml_key(column.name)}]", *line.split(", ")]
    return lines


def _interactions(
    leads: LeadsTable,
    words: Mapping[str, set[str]],
    codes: Mapping[str, Mapping[str, str]],
    short_durations: str | None,
    notes: Notes,
) -> list[str]:
    lines: list[str] = []
    for reference in leads.references:
        query = contact_query(reference, words, codes)
        if query is not None:
            lines += [*_interaction_lines(reference, query, short_durations, notes), ""]
        elif not is_no_contact(reference.table, words):
            reason = (
                "it names each once" if reference.is_one_to_one else "no column of it is a time"
            )
            notes.doubts.append(
                f"{reference.table.name} names leads, but {reason}: its rows are no contacts."
            )
    if not lines:
        notes.doubts.append(
            "No table of contacts was found: calls, e-mails and meetings tell the most."
        )
    return lines


def _interaction_lines(
    reference: Reference, query: ContactQuery, short_durations: str | None, notes: Notes
) -> list[str]:
    name = reference.table.name
    recorded = "" if query.recorded is None else f", entered at {query.recorded.name}"
    notes.guesses.append(
        f"{name}: contacts with the lead in {reference.column.name}, at {query.occurred.name}"
        f"{recorded} ({reference.table.rows_text})."
    )
    if query.unfinished is not None:
        column, unfinished = query.unfinished
        notes.guesses.append(
            f"{name}: rows whose {column} is {', '.join(unfinished)} are no contacts yet."
        )
    notes.use_times(name, [query.occurred, query.recorded])
    lines = ["[[interactions]]", *_sql_lines(query.sql)]
    if query.measure is not None:
        lines.append(f"measures = {_toml_list([query.measure[0]])}")
    dates = _dates([query.occurred, query.recorded])
    if dates:
        lines.append(f"dates = {_toml_list(dates)}")
    for column, meanings in query.words.items():
        lines.append(f"[interactions.values.{column}]")
        lines += [f"{toml_text(word)} = {toml_text(ours)}" for word, ours in meanings.items()]
    if query.measure is not None:
        measure, lengths = query.measure
        line = lengths.number_line or ""
        if '"MM:SS"' in line and short_durations is not None:
            line = f'durations = "{short_durations}"'
        elif '"MM:SS"' in line:
            notes.doubts.append(
                f"{name}: lengths of two parts in {lengths.name} are read as minutes and seconds. "
                f'Write durations = "HH:MM" under [interactions.formats.{measure}] if they are '
                "hours and minutes."
            )
        if "durations" in line:
            lines += [f"[interactions.formats.{measure}]", line]
    return lines
