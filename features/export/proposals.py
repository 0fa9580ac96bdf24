"""What to write into the configuration where a column cannot be read as it stands.

A column of dates in ``31/01/2024`` or of numbers in ``1.250,50`` fails as a whole, or in part, or
worst of all is read wrongly: ``1.250`` is then one and a quarter. `number_proposal` and
`time_proposal` try the other ways in which such columns are written, and answer with the line that
would read every value. They never decide: which of ``01/02/2024`` is the month, a person must say.

Tests: tests/features/export/test_proposals.py.
"""

from dataclasses import dataclass, replace
from itertools import product

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.export.checked_rows import midnight_zone, readable, run_on
from features.export.formats import ColumnFormat, DurationFormat, sql_literal
from features.export.rules import ColumnPlan, TablePlan
from features.export.toml_text import toml_key
from features.tables import Kind

# Distinct values that are tried: more say nothing new about how a column is written.
_TRIED = 10_000
# Of these, so many are looked at first.
_SAMPLE = 20
# A column fails as a whole when so large a share of its values cannot be read, or when so many
# cannot and they are no rare slips.
FAILS = 0.5
_MANY, _NO_SLIPS = 10, 0.05
_LEAST = 2

_NUMBERS: tuple[dict[str, str], ...] = (
    {"decimal": ",", "thousands": "."},
    {"thousands": ","},
    {"decimal": ",", "thousands": " "},
    {"decimal": ","},
    {"thousands": " "},
    {"thousands": "'"},
    {"decimal": ",", "thousands": "'"},
)
_DURATIONS: tuple[DurationFormat, ...] = ("HH:MM:SS", "MM:SS", "HH:MM")
_DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d %B %Y"),
    *("%B %d, %Y", "%d-%b-%y", "%Y-%m-%d", "%Y%m%d"),
)
_HOURS = (
    *("", " %H:%M", " %H:%M:%S", ", %H:%M", ", %H:%M:%S", " %I:%M %p", ", %I:%M %p"),
    *(" %I:%M:%S %p", ", %I:%M:%S %p", "T%H:%M:%S", " %H.%M", " %H:%M:%S.%f", " %H:%M:%S %z"),
    " %H:%M %z",
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Ways to write a column's format, each of which reads all its values.

    Attributes
    ----------
    lines : tuple of str
        Lines of TOML, the likeliest first.
    values : int
        How many values were tried.
    """

    lines: tuple[str, ...]
    values: int

    def text(self, section: str, name: str) -> str:
        """What to write, for a person.

        Parameters
        ----------
        section : str
            Section of the TOML file.
        name : str
            Our name of the column.
        """
        ways = " or ".join(self.lines)
        choose = " (only you can say which)" if len(self.lines) > 1 else ""
        return (
            f"all {self.values:,} different values match {ways}{choose}. Write it under "
            f"[{section}.formats.{toml_key(name)}] of lead_temperature.toml, or for the whole file "
            f"under [{section}]"
        )


def fails_as_a_whole(readable_values: int, known_values: int) -> bool:
    """Whether so many values cannot be read that the column is written in another way.

    Parameters
    ----------
    readable_values : int
        How many values can be read.
    known_values : int
        How many are not missing.
    """
    failing = known_values - readable_values
    no_slips = failing >= _MANY and failing >= _NO_SLIPS * known_values
    return known_values >= _LEAST and (failing >= FAILS * known_values or no_slips)


def number_proposal(
    connection: duckdb.DuckDBPyConnection,
    texts: pa.ChunkedArray,
    format_: ColumnFormat,
    *,
    durations: bool = True,
) -> Proposal | None:
    """How a column of numbers may be written, where it is not as its format says.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    texts : pa.ChunkedArray
        The column's text.
    format_ : ColumnFormat
        As which it was read.
    durations : bool
        Whether lengths of time are numbers, too.

    Returns
    -------
    Proposal or None
        None where nothing reads all values.
    """
    values = _different(texts)
    if pc.sum(pc.match_substring_regex(values, r"\d")).as_py() in (None, 0):
        return None
    fitting = [
        signs
        for signs in _NUMBERS
        if _signed(format_, signs) != format_
        and _reads_all(connection, values, "number", _signed(format_, signs))
    ]
    # What needs both signs says no more than what needs one of them.
    simplest = [s for s in fitting if not any(other.items() < s.items() for other in fitting)]
    lines = [", ".join(f'{key} = "{sign}"' for key, sign in signs.items()) for signs in simplest]
    if durations and not lines:
        lines = [
            f'durations = "{duration}"'
            for duration in _DURATIONS
            if _reads_all(connection, values, "number", replace(format_, durations=duration))
        ]
    return _proposal(lines, values)


def _signed(format_: ColumnFormat, signs: dict[str, str]) -> ColumnFormat:
    return replace(format_, decimal=signs.get("decimal", "."), thousands=signs.get("thousands"))


def is_misread(
    connection: duckdb.DuckDBPyConnection, texts: pa.ChunkedArray, format_: ColumnFormat
) -> bool:
    """Whether some numbers of a column prove that the others were read wrongly.

    In ``1.250,50`` and ``3.000`` the first one says that a point parts thousands, so the second one
    is three thousand.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    texts : pa.ChunkedArray
        The column's text.
    format_ : ColumnFormat
        As which it was read.
    """
    if format_.decimal != "." or format_.thousands:
        return False
    if not pc.any(pc.match_substring(texts, ",")).as_py():
        return False
    values = _different(texts)
    swapped = replace(format_, decimal=",", thousands=".")
    proves = pc.any(pc.match_substring_regex(values, r"^[+-]?\d{1,3}(\.\d{3})*,\d+$")).as_py()
    differs = pc.any(pc.match_substring_regex(values, r"^[+-]?\d{1,3}(\.\d{3})+$")).as_py()
    return bool(proves and differs and _reads_all(connection, values, "number", swapped))


def time_proposal(
    connection: duckdb.DuckDBPyConnection,
    texts: pa.ChunkedArray,
    format_: ColumnFormat,
    *,
    numbers: bool = True,
) -> Proposal | None:
    """How a column of times may be written, where it is not as its format says.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    texts : pa.ChunkedArray
        The column's text.
    format_ : ColumnFormat
        As which it was read.
    numbers : bool
        Whether bare numbers may be times, since 1970 or since 1900.

    Returns
    -------
    Proposal or None
        None where nothing reads all values.
    """
    values = _different(texts)
    digits = r"^\d+([.,]\d+)?$"
    if len(values) and pc.all(pc.match_substring_regex(values, digits)).as_py():
        return _number_of_time(connection, values, format_) if numbers else None
    if not pc.all(pc.match_substring_regex(values[:_SAMPLE], "[0-9]")).as_py():
        return None  # words: no pattern reads them
    singles: list[tuple[str, ...]] = [
        (day + hour,) for day, hour in product(_DAYS, _HOURS) if day + hour != "%Y-%m-%d"
    ]
    pairs: list[tuple[str, ...]] = [(day + hour, day) for day, hour in product(_DAYS, _HOURS[1:])]
    for candidates in (singles, pairs):
        fitting = _fitting_dates(connection, values, format_, candidates)
        if fitting:
            return _proposal([_dates_line(dates) for dates in fitting], values)
    return None


def _dates_line(dates: tuple[str, ...]) -> str:
    quoted_dates = ", ".join(f'"{date}"' for date in dates)
    return f"dates = {quoted_dates}" if len(dates) == 1 else f"dates = [{quoted_dates}]"


def _fitting_dates(
    connection: duckdb.DuckDBPyConnection,
    values: pa.Array,
    format_: ColumnFormat,
    candidates: list[tuple[str, ...]],
) -> list[tuple[str, ...]]:
    """Patterns that read all values; a first look at a sample leaves little to try on all."""
    counts = [
        "count(coalesce({}, NULL))".format(
            ", ".join(f"CAST(try_strptime(t0, {sql_literal(date)}) AS VARCHAR)" for date in dates)
        )
        + f" AS c{i}"
        for i, dates in enumerate(candidates)
    ]
    sample = values[:_SAMPLE]
    query = f"SELECT {', '.join(counts)} FROM chunk"  # noqa: S608 - our own patterns
    row = run_on(connection, query, pa.table({"t0": sample})).to_pylist()[0]
    return [
        dates
        for dates, count in zip(candidates, row.values(), strict=True)
        if count == len(sample)
        and _reads_all(connection, values, "timestamp", replace(format_, dates=dates))
    ]


def _number_of_time(
    connection: duckdb.DuckDBPyConnection, values: pa.Array, format_: ColumnFormat
) -> Proposal | None:
    """Numbers that are times: in milliseconds, seconds, or a spreadsheet's days."""
    numbers = pc.replace_substring(values, ",", ".").cast(pa.float64())
    lowest, highest = pc.min(numbers).as_py(), pc.max(numbers).as_py()
    # Times of the years 1990 to 2100 in each unit do not overlap.
    for dates, low, high in (
        ("epoch_ms", 6.3e11, 4.1e12),
        ("epoch_s", 6.3e8, 4.1e9),
        ("excel", 32_000.0, 73_100.0),
    ):
        candidate = replace(format_, dates=(dates,))
        if low <= lowest <= highest <= high and _reads_all(
            connection, values, "timestamp", candidate
        ):
            return _proposal([f'dates = "{dates}"'], values)
    packed = replace(format_, dates=("%Y%m%d",))
    if 19_000_101 <= lowest <= highest <= 22_001_231 and _reads_all(
        connection, values, "timestamp", packed
    ):
        return _proposal(['dates = "%Y%m%d"'], values)
    return None


def _proposal(lines: list[str], values: pa.Array) -> Proposal | None:
    return Proposal(tuple(lines[:3]), len(values)) if lines else None


def _reads_all(
    connection: duckdb.DuckDBPyConnection, values: pa.Array, kind: Kind, format_: ColumnFormat
) -> bool:
    readable_values, known_values = readable(connection, pa.chunked_array([values]), kind, format_)
    return 0 < known_values == readable_values


def _different(texts: pa.ChunkedArray) -> pa.Array:
    distinct = pc.unique(texts.drop_null().slice(0, 50 * _TRIED))
    return distinct.drop_null().slice(0, _TRIED)


def plan_for_text(
    connection: duckdb.DuckDBPyConnection,
    plan: TablePlan,
    section: str,
    text: pa.Table,
    label: str,
) -> TablePlan:
    """Plan that knows which of its columns are days, once each column is readable as it says.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        An empty database that does the work.
    plan : TablePlan
        What the columns are to become.
    section : str
        Section of the TOML file.
    text : pa.Table
        The first rows of the table, or all: ``t0``, ``t1`` …
    label : str
        How messages name the source.

    Returns
    -------
    TablePlan
        The plan, with the zone in which midnight stands for a day where it does.

    Raises
    ------
    ValueError
        If a column of times or measures cannot be read, and it is known how it could be.
    """
    columns = []
    for i, column in enumerate(plan.fields):
        texts = text[f"t{i}"]
        if column.kind in ("time", "measure"):
            _require_readable(connection, section, column, texts, label)
        if column.kind == "time":
            zone = midnight_zone(connection, texts, column.format_)
            columns.append(replace(column, midnight_in=zone))
        else:
            columns.append(column)
    return replace(plan, fields=tuple(columns))


def _require_readable(
    connection: duckdb.DuckDBPyConnection,
    section: str,
    column: ColumnPlan,
    texts: pa.ChunkedArray,
    label: str,
) -> None:
    kind: Kind = "timestamp" if column.kind == "time" else "number"
    format_ = column.format_
    readable_values, known_values = readable(connection, texts, kind, format_)
    misread = kind == "number" and is_misread(connection, texts, format_)
    if readable_values == known_values or not (
        misread or fails_as_a_whole(readable_values, known_values)
    ):
        return
    propose = time_proposal if kind == "timestamp" else number_proposal
    proposal = propose(connection, texts, format_)
    if proposal is not None:
        failing = known_values - readable_values
        raise ValueError(
            f"{label}: column {column.column!r} cannot be read in {failing:,} of {known_values:,} "
            f"values: {proposal.text(section, column.name)}"
        )
