"""The rules that a row of an export must keep.

A `Rule` is a name and one sentence. A `TablePlan` says which columns of text a table has, what each
is to become, and which further conditions hold between them; `checks_of` lists all that its rows
must pass, as conditions in SQL. A wrong value costs its row where the row is nothing without it
(the id, the time of an event); else that value alone is left out, and is named: a lead with a word
for its company's size is still a lead, a call without a length still a call. They are applied in
`features.export.checked_rows`.

Tests: tests/features/export/test_rules.py, and the tests of the tables for each rule.
"""

from dataclasses import dataclass, replace
from typing import Literal

from features.engine.history import MEASURE_LIMIT, MEASURE_SCALE, TEXT_LIMIT
from features.export.csv_rows import UNDECODABLE
from features.export.formats import PLAIN, ColumnFormat, sql_literal

FieldKind = Literal["id", "text", "time", "timestamp", "number", "measure"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that rows must keep.

    Attributes
    ----------
    name : str
        Short name, under which rejects are counted.
    law : str
        The law and the way out, in one sentence for the person who can mend the export.
    """

    name: str
    law: str


MALFORMED_LINE = Rule(
    "malformed line",
    "A line must have as many fields as the header; quote a field that holds the delimiter, and "
    "close every quote.",
)
WRONG_ENCODING = Rule(
    "wrong encoding",
    "Text must be written in the encoding that lead_temperature.toml names (default utf-8).",
)
MISSING_VALUE = Rule("missing value", "This column must have a value in every row.")
DUPLICATE_LEAD = Rule(
    "duplicate lead",
    "A lead_id names one lead: the first row with it counts, even if that one is rejected for "
    "another reason.",
)
UNKNOWN_LEAD = Rule(
    "unknown lead", "The lead_id must be that of an accepted row of the leads table."
)
UNPARSABLE_TIME = Rule(
    "unparsable time",
    "A time must be written as in ISO 8601 (2011-10-01, 2011-10-01 09:30:00 or "
    "2011-10-01T09:30:00+02:00), or as dates in lead_temperature.toml says.",
)
TIME_WITHOUT_ZONE = Rule(
    "time without zone",
    "A time must carry its zone (Z or +02:00), unless timezone stands in [data] of "
    "lead_temperature.toml.",
)
NONEXISTENT_TIME = Rule(
    "nonexistent local time",
    "The clocks of the configured timezone skip this time; an hour that they repeat is read as "
    "the first of the two.",
)
ABSURD_YEAR = Rule(
    "absurd year",
    "An event must lie in the years 1970 to 2200; map a stand-in for 'never' to '' under values in "
    "lead_temperature.toml.",
)
AFTER_END = Rule(
    "after the end of the data", "Nothing can have been recorded after ends_at, when it is set."
)
CONVERTED_BEFORE_CREATED = Rule(
    "converted before created", "A lead cannot be converted before it was created."
)
CLOSED_BEFORE_CREATED = Rule(
    "closed before created", "A lead cannot be closed before it was created."
)
UNPARSABLE_NUMBER = Rule(
    "unparsable number",
    "A number must be written with digits and a decimal point (1234.5), or as decimal, thousands "
    "and durations in lead_temperature.toml say.",
)
DECIMAL_COMMA = Rule(
    "decimal comma",
    "A number must be written with a decimal point and without thousands separators (1234.5, not "
    "1234,5), unless decimal and thousands in lead_temperature.toml say otherwise.",
)
NOT_FINITE = Rule(
    "not a finite number",
    "A number must be finite; name the word in missing, where it stands for none.",
)
NUMBER_TOO_SMALL = Rule(
    "number too small",
    "A number other than 0 must not be so small that it becomes 0: choose a larger unit.",
)
MEASURE_TOO_LARGE = Rule(
    "measure too large", "A measure must lie between -9e11 and 9e11: sums of it are kept exact."
)
MEASURE_TOO_SMALL = Rule(
    "measure too small",
    f"A measure is kept in whole 1/{MEASURE_SCALE:,}: one that would become 0 needs a smaller "
    "unit, such as cents in place of thousands.",
)
ROUNDED_ID = Rule(
    "rounded id",
    "An id such as 1.23457E+15 was rounded by a spreadsheet or a column of floats, and may be that "
    "of several leads: export the column as text.",
)

TEXT_TOO_LONG = Rule(
    "text too long",
    f"An id, a word or a category must have at most {TEXT_LIMIT} characters; shorten it in the "
    "export, or leave the column out where it holds free text.",
)

ROUNDED_TEXT = r"[+-]?\d([.,]\d+)?[eE]\+\d+"


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One column of a table: what it is called and what its text is to become.

    Attributes
    ----------
    name : str
        Our name.
    column : str
        The export's name, for the person who reads the rejects.
    kind : {"id", "text", "time", "timestamp", "number", "measure"}
        What its text is to become. A time is that of an event and lies in the years of a CRM, a
        timestamp is any; a measure is a number that has a smallest and a largest value.
    required : bool
        Whether every row must have a value.
    value_alone : bool
        Whether a wrong value is left out alone, as a missing one, and its row stays.
    format_ : ColumnFormat
        How its numbers and times are written.
    of_day : {"start", "end", "outcome"}
        What a day without an hour becomes. What happened on a day is known at its ``end``, its last
        microsecond on the local clock. A lead that was created on a day may be contacted from its
        ``start`` on. An ``outcome`` counts from the start of its day, so that nothing of that day
        is taken for knowledge beforehand; where the lead was created on the same day it is the end.
    midnight_in : str or None
        Zone in which the clock's midnight stands for a day without an hour; None where midnight is
        a time like any other.
    """

    name: str
    column: str
    kind: FieldKind = "text"
    required: bool = False
    value_alone: bool = False
    format_: ColumnFormat = PLAIN
    of_day: Literal["start", "end", "outcome"] = "start"
    midnight_in: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A rule applied to a column of a table.

    Attributes
    ----------
    rule : Rule
        The rule.
    field : int
        Position of the field whose value the reject shows; -1 for the line as a whole.
    broken : str
        Condition in SQL under which a row breaks it, over ``t0`` … (text), ``v0`` … (parsed) and,
        of times, ``begin0`` … (where the day begins, if it is one).
    value_alone : bool
        Whether it costs the value only, not the row.
    of_text : bool
        Whether it looks at the text: a value that was cast keeps it.
    """

    rule: Rule
    field: int
    broken: str
    value_alone: bool = False
    of_text: bool = False


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How the rows of one table are parsed and checked.

    Attributes
    ----------
    table : {"leads", "interactions", "attributes"}
        Name of the table in the rejects.
    fields : tuple of ColumnPlan
        The columns, in the order of ``t0``, ``t1`` …; the first is the lead's id.
    relations : tuple of Check
        What must hold beyond the single columns.
    """

    table: str
    fields: tuple[ColumnPlan, ...]
    relations: tuple[Check, ...] = ()

    def place(self, name: str) -> int | None:
        """Position of the column of that name, None where there is none."""
        return next((i for i, field in enumerate(self.fields) if field.name == name), None)


def checks_of(plan: TablePlan) -> list[Check]:
    """All checks that the rows of a table must pass.

    Parameters
    ----------
    plan : TablePlan
        What the columns are to become, and what must hold between them.
    """
    return [
        Check(MALFORMED_LINE, -1, "malformed IS NOT NULL", of_text=True),
        *(check for i in range(len(plan.fields)) for check in _field_checks(plan, i)),
        *plan.relations,
    ]


def _field_checks(plan: TablePlan, i: int) -> list[Check]:
    """List the checks that concern one column alone."""
    field = plan.fields[i]
    checks = [Check(WRONG_ENCODING, i, f"contains(t{i}, chr({ord(UNDECODABLE)}))", of_text=True)]
    checks += _kind_checks(plan, i)
    checks = [replace(check, value_alone=field.value_alone) for check in checks]
    if field.required:
        text = f"t{i}" if field.kind in ("id", "text") else f"u{i}"
        checks.append(Check(MISSING_VALUE, i, f"{text} IS NULL", of_text=True))
    return checks


def _kind_checks(plan: TablePlan, i: int) -> list[Check]:
    """List the checks that a column's kind asks for."""
    field = plan.fields[i]
    checks: list[Check] = []
    match field.kind:
        case "id" | "text":
            checks.append(Check(TEXT_TOO_LONG, i, f"length(t{i}) > {TEXT_LIMIT}", of_text=True))
        case "time" | "timestamp":
            checks = _time_checks(field, i)
        case "number" | "measure":
            comma = f"regexp_full_match(u{i}, '[+-]?[0-9. ]*,[0-9]+')"
            unparsed = f"u{i} IS NOT NULL AND v{i} IS NULL"
            digits = f"regexp_matches(split_part(lower(u{i}), 'e', 1), '[1-9]')"
            checks = [
                Check(DECIMAL_COMMA, i, f"{unparsed} AND {comma}", of_text=True),
                Check(UNPARSABLE_NUMBER, i, f"{unparsed} AND NOT {comma}", of_text=True),
                Check(NOT_FINITE, i, f"NOT isfinite(v{i})", of_text=True),
                Check(NUMBER_TOO_SMALL, i, f"v{i} = 0 AND {digits}", of_text=True),
            ]
    if field.kind == "id":
        checks.append(
            Check(ROUNDED_ID, i, f"regexp_full_match(t{i}, '{ROUNDED_TEXT}')", of_text=True)
        )
    if field.kind == "time":
        checks.append(
            Check(ABSURD_YEAR, i, f"v{i} IS NOT NULL AND {in_years_of_a_crm(f'v{i}')} IS NULL")
        )
    if field.kind == "measure":
        large = f"isfinite(v{i}) AND abs(v{i}) > {MEASURE_LIMIT}"
        small = f"v{i} != 0 AND abs(v{i}) < {0.5 / MEASURE_SCALE}"
        checks += [
            Check(MEASURE_TOO_LARGE, i, large, of_text=True),
            Check(MEASURE_TOO_SMALL, i, small, of_text=True),
        ]
    return checks


def in_years_of_a_crm(instant: str) -> str:
    """Expression of an instant, null where it does not lie in the years of a CRM."""
    first, end = "TIMESTAMPTZ '1970-01-01 00:00:00+00'", "TIMESTAMPTZ '2201-01-01 00:00:00+00'"
    return f"CASE WHEN {instant} >= {first} AND {instant} < {end} THEN {instant} END"


def _time_checks(field: ColumnPlan, i: int) -> list[Check]:
    unparsed = f"u{i} IS NOT NULL AND zoned{i} IS NULL AND wall{i} IS NULL"
    zone = field.format_.timezone
    if zone is None:
        local = Check(TIME_WITHOUT_ZONE, i, f"wall{i} IS NOT NULL AND begin{i} IS NULL")
    else:
        # Midnight need not exist: the day begins when the clocks have been put forward.
        skipped = f"NOT day{i} AND wall{i} IS NOT NULL"
        skipped += f" AND timezone({sql_literal(zone)}, begin{i}) != wall{i}"
        local = Check(NONEXISTENT_TIME, i, skipped)
    return [Check(UNPARSABLE_TIME, i, unparsed, of_text=True), local]
