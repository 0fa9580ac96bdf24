"""Which of several tables holds the leads, and by which columns the others name them.

No header decides that: ids do. The table of leads is the one whose ids the other tables name, and
which knows of outcomes. Another column of it whose values the others name holds a second id; one
that names rows of the table itself tells what was merged into what.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from features.export.guessing.roles import columns_by_role, presets, times_by_role
from features.export.guessing.survey import SurveyedColumn, SurveyedTable, plain_words

# Share of a column's values that must be ids of leads for it to name leads.
_REFERS = 0.5
# Share of the values of a column of ids that are another id of the lead.
_ALSO = 0.02
_SEPARATORS = (";", ",", "|")
_LOOKUP_ROWS = 300
_FEW = 10


@dataclass(frozen=True, eq=False)
class Reference:
    """A column of a table that names leads.

    Attributes
    ----------
    table : SurveyedTable
        The table.
    column : SurveyedColumn
        The column.
    named_by : SurveyedColumn
        The column of the leads that it names them by: their id, or another one.
    separator : str or None
        What parts several ids in one cell.
    rows : int
        How many rows name a lead.
    """

    table: SurveyedTable
    column: SurveyedColumn
    named_by: SurveyedColumn
    separator: str | None
    rows: int

    @property
    def is_one_to_one(self) -> bool:
        """Whether each lead is named once: a table of persons or firms, no contacts."""
        return self.rows > _FEW and len(self.column.counts) == self.column.filled

    def lead_sql(self) -> str:
        """Expression of the lead's id; it makes several rows of one that names several."""
        column = sql_name(self.column.name)
        if self.separator is None:
            return column
        return f"trim(unnest(string_split({column}, '{self.separator}')))"


@dataclass(frozen=True, eq=False)
class LeadsTable:
    """The table of leads and its columns that say who a lead is.

    Attributes
    ----------
    table : SurveyedTable
        The table.
    lead_id, created : SurveyedColumn, and SurveyedColumn or None
        Its id and the time of creation.
    references : tuple of Reference
        Columns of the other tables that name leads, one of each.
    lookups : tuple of SurveyedTable
        Small tables, which may say what codes in the others mean.
    also_known_as : tuple of SurveyedColumn
        Further ids by which they do.
    merged_into, deleted, person : SurveyedColumn or None
        The lead that a row was merged into, the flag of a deleted one, and what tells a person.
    """

    table: SurveyedTable
    lead_id: SurveyedColumn
    created: SurveyedColumn | None
    references: tuple[Reference, ...]
    lookups: tuple[SurveyedTable, ...]
    also_known_as: tuple[SurveyedColumn, ...]
    merged_into: SurveyedColumn | None
    deleted: SurveyedColumn | None
    person: SurveyedColumn | None

    def id_sql(self, reference: Reference) -> str:
        """Expression of the id by which a table names the leads."""
        return f"{sql_name(self.table.name)}.{sql_name(reference.named_by.name)}"


def sql_name(name: str) -> str:
    """Name as SQL takes it, whatever is in it.

    Examples
    --------
    >>> print(sql_name('Deal "A" - ID'))
    "Deal ""A"" - ID"
    """
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def leads_among(tables: Sequence[SurveyedTable]) -> LeadsTable:
    """The table whose ids the others name most often, and which knows of outcomes.

    Parameters
    ----------
    tables : sequence of SurveyedTable
        The tables of the exports.

    Raises
    ------
    ValueError
        If no table has a column that could be an id.
    """
    candidates = [
        (_likelihood(table, lead_id, tables), table, lead_id)
        for table in tables
        if table.rows and (lead_id := _id_column(table)) is not None
    ]
    if not candidates:
        columns = "; ".join(
            f"{table.name}: {', '.join(c.name for c in table.columns[:12])}" for table in tables
        )
        raise ValueError(
            "No table can be that of the leads: none has a column whose values all differ, as ids "
            f"do. Tables and columns found: {columns}"
        )
    _, table, lead_id = max(candidates, key=lambda candidate: candidate[0])
    also_known_as = _other_ids(table, lead_id, tables)
    flags = [column for column in columns_by_role(table, "deleted") if _is_flag(column)]
    return LeadsTable(
        table,
        lead_id,
        next(iter(times_by_role(table, "created")), None),
        tuple(_references(table, [lead_id, *also_known_as], tables)),
        tuple(t for t in tables if t is not table and t.rows <= _LOOKUP_ROWS),
        tuple(also_known_as),
        next((c for c in table.columns if _names_own_rows(c, lead_id)), None),
        flags[0] if flags else None,
        next(iter(columns_by_role(table, "email")), None),
    )


def _likelihood(
    table: SurveyedTable, lead_id: SurveyedColumn, tables: Sequence[SurveyedTable]
) -> float:
    id_columns = [lead_id, *_other_ids(table, lead_id, tables)]
    rows = 1 + sum(reference.rows for reference in _references(table, id_columns, tables))
    knows_outcome = (
        times_by_role(table, "converted")
        or times_by_role(table, "lost")
        or columns_by_role(table, "status")
    )
    has_creation = bool(times_by_role(table, "created"))
    return rows * (2.0 if knows_outcome else 1.0) * (2.0 if has_creation else 0.05)


def _id_column(table: SurveyedTable) -> SurveyedColumn | None:
    """Column that can be a table's id: filled everywhere, hardly ever twice, no time, no text."""
    unique = [
        column
        for column in table.columns
        if column.filled >= 0.99 * table.rows
        and len(column.counts) >= 0.9 * table.rows
        and not column.is_time
        and not any(" " in value for value in list(column.counts)[:50])
        and "checksum" not in column.words
    ]

    def order(column: SurveyedColumn) -> tuple[int, int]:
        words = {*column.words.split()}
        is_id = bool({"id", "ид", "guid"} & words) or column.words.startswith("do not modify")
        tells_person = bool({"email", "phone", "name", "mail"} & words)
        return (2 if tells_person else 0 if is_id else 1, table.columns.index(column))

    return min(unique, key=order, default=None)


def _share_in(column: SurveyedColumn, ids: set[str]) -> float:
    matching = sum(count for value, count in column.ids.items() if value in ids)
    return matching / column.filled if column.filled else 0.0


def _references(
    table: SurveyedTable, id_columns: Sequence[SurveyedColumn], tables: Sequence[SurveyedTable]
) -> list[Reference]:
    """Column of each other table that names the most leads."""
    references = []
    for other_table in tables:
        if other_table is table:
            continue
        # A table of persons or firms does not name leads: the leads name its rows.
        own_id = _id_column(other_table)
        matches = [
            reference
            for column in other_table.columns
            if (
                reference := _reference(
                    other_table, column, id_columns[:1] if column is own_id else id_columns
                )
            )
        ]
        if matches:
            references.append(max(matches, key=_aptness))
    return references


def _aptness(reference: Reference) -> float:
    """How likely a column names leads: small whole numbers match by chance, and own ids, too."""
    hints = {*presets()["hints"]["reference"]} & {*reference.column.words.split()}
    is_own_id = reference.column is _id_column(reference.table)
    return reference.rows * (3.0 if hints else 1.0) * (0.3 if is_own_id else 1.0)


def _reference(
    table: SurveyedTable, column: SurveyedColumn, id_columns: Sequence[SurveyedColumn]
) -> Reference | None:
    if not column.filled or column.is_time:
        return None
    ids = {value for id_column in id_columns for value in id_column.ids}
    # A column of one number, or two, names nobody, though they may be somebody's ids.
    if len(column.counts) < min(_FEW, 0.02 * len(ids)) or len(column.counts) < min(2, len(ids)):
        return None
    named_by = max(id_columns, key=lambda c: _share_in(column, set(c.ids)))
    for separator in _SEPARATORS:
        lists = [
            [part.strip() for part in value.split(separator)]
            for value in column.counts
            if separator in value and value not in ids
        ]
        naming = sum(any(part in ids for part in parts) for parts in lists)
        if lists and naming > _REFERS * len(lists):
            named_by = max(id_columns, key=lambda c: sum(p in c.counts for ps in lists for p in ps))
            return Reference(table, column, named_by, separator, column.filled)
    share = _share_in(column, ids)
    if share < _REFERS or share * column.filled < _ALSO * table.rows:
        return None
    return Reference(table, column, named_by, None, round(share * column.filled))


def _other_ids(
    table: SurveyedTable, lead_id: SurveyedColumn, tables: Sequence[SurveyedTable]
) -> list[SurveyedColumn]:
    """Columns of the table by which other tables name its rows where they do not by the id."""
    own_ids = set(lead_id.counts)
    by_id = {r.table.name: r.column for r in _references(table, [lead_id], tables)}
    other_ids = []
    for column in table.columns:
        if column is lead_id or column.is_time:
            continue
        values = set(column.counts) - own_ids
        differs = len(column.counts) >= 0.8 * column.filled and len(values) >= 2
        if not differs:
            continue
        for other_table in tables:
            if other_table is table:
                continue
            reference = by_id.get(other_table.name)
            if reference is not None:
                names_leads = _share_in(reference, values) > _ALSO
            else:
                names_leads = any(
                    not reference_by_it.is_one_to_one or columns_by_role(other_table, "status")
                    for candidate in other_table.columns
                    if candidate is not _id_column(other_table)
                    and (reference_by_it := _reference(other_table, candidate, [column]))
                )
            if names_leads:
                other_ids.append(column)
                break
    return other_ids


def _names_own_rows(column: SurveyedColumn, lead_id: SurveyedColumn) -> bool:
    """Whether a column names other rows of its own table."""
    if column is lead_id or not column.filled or _share_in(column, set(lead_id.counts)) <= 0.9:
        return False
    # Small numbers are ids of other tables, too.
    is_said = bool({*presets()["hints"]["merged"]} & {*column.words.split()})
    if not is_said and all(value.isdigit() for value in column.counts):
        return False
    return all(value != own for value, own in filled_pairs(column, lead_id))


def filled_pairs(column: SurveyedColumn, second: SurveyedColumn) -> Iterable[tuple[str, str]]:
    """Values of two columns in the rows in which both have one."""
    pairs = zip(column.texts.to_pylist(), second.texts.to_pylist(), strict=True)
    return ((one, two) for one, two in pairs if one is not None and two is not None)


def _is_flag(column: SurveyedColumn) -> bool:
    flags = {*presets()["words"]["yes"], *presets()["words"]["no"]}
    return len(column.counts) <= 3 and all(plain_words(value) in flags for value in column.counts)
