"""Typed values of plain texts, cast by Arrow, before any rule is asked.

Almost every cell of an export is written plainly: ``12.5``, ``2024-01-31 09:30:00``, a short word.
Arrow casts a column of such texts in a small part of the time that the rules need for it. So each
column is cast first, and `features.export.checked_rows` asks the rules only about the rows with a
cell that is not plain. A cast never decides otherwise than the rules would: what Arrow reads more
generously than they do (an hour without minutes, an offset of 19 hours, ``nan``) is not plain, and
neither is anything that a rule would refuse.
"""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.history import MEASURE_LIMIT, MEASURE_SCALE, TEXT_LIMIT
from features.export.csv_rows import UNDECODABLE
from features.export.formats import ColumnFormat
from features.tables import INSTANT

_CLOCK = pa.timestamp("us")
_PLAIN_NUMBER = r"^-?\d{1,15}(\.\d{1,15})?$"
# Days that every month has: whether a month has 29 days or more, the rules know.
_PLAIN_TIME = (
    r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])"
    r"([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-](0\d|1[0-8]):[0-5]\d)?)?$"
)
_OFFSET = re.compile(r"[+-](0\d|1[0-8]):[0-5]\d")
_LENGTH_OF_OFFSET = 6
# The shortest texts with hour and minute: with Z, and with an offset.
_SHORTEST_IN_UTC, _SHORTEST_WITH_OFFSET = len("2024-01-31T09:30Z"), len("2024-01-31T09:30+01:00")
_LENGTH_OF_DAY = len("2024-01-31")
_LENGTH_WITHOUT_MINUTES = len("2024-01-31 09")


@dataclass(frozen=True, slots=True)
class Times:
    """A column of texts as times.

    Attributes
    ----------
    zoned : pa.ChunkedArray
        Instants, of texts that name their zone.
    wall : pa.ChunkedArray
        Times on a wall clock, of texts that name none.
    day_text : pa.ChunkedArray
        Whether a text is a day without an hour.
    is_plain : pa.ChunkedArray or None
        Which texts are missing or were cast; None where all are.
    """

    zoned: pa.ChunkedArray
    wall: pa.ChunkedArray
    day_text: pa.ChunkedArray
    is_plain: pa.ChunkedArray | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of texts as numbers.

    Attributes
    ----------
    values : pa.ChunkedArray
        Finite numbers.
    is_plain : pa.ChunkedArray or None
        Which texts are missing or were cast; None where all are.
    """

    values: pa.ChunkedArray
    is_plain: pa.ChunkedArray | None


def cast_times(texts: pa.ChunkedArray, format_: ColumnFormat) -> Times | None:
    """Cast texts of ISO 8601 to times.

    Parameters
    ----------
    texts : pa.ChunkedArray
        The column's text.
    format_ : ColumnFormat
        How it is written.

    Returns
    -------
    Times or None
        None where it is written otherwise.
    """
    if format_.dates != ("iso",):
        return None
    is_plain = None
    candidates = _whole_column(texts)
    if candidates is None:
        looks_plain = pc.match_substring_regex(texts, _PLAIN_TIME)
        is_plain = pc.fill_null(looks_plain, True)
        has_zone = pc.match_substring_regex(texts, r"(Z|[+-]\d\d:\d\d)$")
        zoned = pc.if_else(pc.and_(looks_plain, has_zone), texts, None)
        wall = pc.if_else(pc.and_(looks_plain, pc.invert(has_zone)), texts, None)
        candidates = zoned.cast(INSTANT), wall.cast(_CLOCK)
    is_day = pc.equal(pc.binary_length(texts), _LENGTH_OF_DAY)
    return Times(*candidates, pc.fill_null(is_day, False), is_plain)


def _whole_column(texts: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray] | None:
    """Instants and wall clocks, where all texts of a column are plain and of one kind."""
    nulls = pa.chunked_array([pa.nulls(len(texts), pa.string())])
    zoned, wall = (texts, nulls) if _all_zoned(texts) else (nulls, texts)
    if pc.any(pc.equal(pc.binary_length(wall), _LENGTH_WITHOUT_MINUTES)).as_py():
        return None
    try:
        return zoned.cast(INSTANT), wall.cast(_CLOCK)
    except pa.ArrowInvalid:
        return None


def _all_zoned(texts: pa.ChunkedArray) -> bool:
    """Whether all texts name their zone, as the rules read one."""
    shortest = pc.min(pc.binary_length(texts)).as_py() or 0
    if shortest < _SHORTEST_IN_UTC:
        return False
    if pc.all(pc.ends_with(texts, "Z")).as_py():
        return True
    if shortest < _SHORTEST_WITH_OFFSET or not pc.all(pc.string_is_ascii(texts)).as_py():
        return False
    offsets = pc.unique(pc.utf8_slice_codeunits(texts, -_LENGTH_OF_OFFSET).drop_null()).to_pylist()
    return all(_OFFSET.fullmatch(offset) for offset in offsets)


def cast_numbers(texts: pa.ChunkedArray, format_: ColumnFormat) -> Numbers | None:
    """Cast texts with a decimal point to finite numbers.

    Parameters
    ----------
    texts : pa.ChunkedArray
        The column's text.
    format_ : ColumnFormat
        How it is written.

    Returns
    -------
    Numbers or None
        None where it is written otherwise.
    """
    if (format_.decimal, format_.thousands, format_.durations) != (".", None, None):
        return None
    is_plain = None
    try:
        values = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        looks_plain = pc.match_substring_regex(texts, _PLAIN_NUMBER)
        is_plain = pc.fill_null(looks_plain, True)
        values = pc.if_else(looks_plain, texts, None).cast(pa.float64())
    if not pc.all(pc.is_finite(values)).as_py():
        is_plain = _both(is_plain, pc.fill_null(pc.is_finite(values), True))
    return Numbers(values, is_plain)


def plain_numbers(numbers: Numbers, texts: pa.ChunkedArray, *, measure: bool) -> Numbers:
    """Numbers that no rule refuses, as they are kept; the others are not plain.

    Parameters
    ----------
    numbers : Numbers
        The column as it was cast.
    texts : pa.ChunkedArray
        Its text.
    measure : bool
        Whether it has a smallest and a largest value.
    """
    values, is_plain = numbers.values, numbers.is_plain
    is_zero = pc.equal(values, 0.0)
    if pc.any(is_zero).as_py():
        zeros = pc.if_else(is_zero, texts, None)
        is_true_zero = pc.invert(pc.match_substring_regex(zeros, "[1-9eE]"))
        if not pc.all(is_true_zero).as_py():
            is_plain = _both(is_plain, pc.fill_null(is_true_zero, True))
    if measure:
        size = pc.abs(values)
        is_kept = pc.or_(is_zero, pc.greater_equal(size, 0.5 / MEASURE_SCALE))
        is_kept = pc.fill_null(pc.and_(is_kept, pc.less_equal(size, MEASURE_LIMIT)), True)
        if not pc.all(is_kept).as_py():
            is_plain = _both(is_plain, is_kept)
    return Numbers(pc.add(values, 0.0), is_plain)  # negative zero is zero


def plain_texts(texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Which texts are missing, or decoded and short; None where all are.

    Parameters
    ----------
    texts : pa.ChunkedArray
        A column of words or ids.
    """
    is_plain = None
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > TEXT_LIMIT:
        is_plain = pc.fill_null(pc.less_equal(pc.utf8_length(texts), TEXT_LIMIT), True)
    if not pc.all(pc.string_is_ascii(texts)).as_py():
        is_decoded = pc.invert(pc.match_substring(texts, UNDECODABLE))
        is_plain = _both(is_plain, pc.fill_null(is_decoded, True))
    return is_plain


def are_plain(*masks: pa.ChunkedArray | None) -> np.ndarray | None:
    """Rows that are plain by every mask; None where all rows are.

    Parameters
    ----------
    *masks : pa.ChunkedArray or None
        One for each column; None where all of its cells are plain.
    """
    rows = None
    for mask in masks:
        if mask is not None:
            plain = np.asarray(mask.to_numpy(), np.bool_)
            rows = plain if rows is None else rows & plain
    return None if rows is None or rows.all() else rows


def _both(mask: pa.ChunkedArray | None, further: pa.ChunkedArray) -> pa.ChunkedArray:
    return further if mask is None else pc.and_(mask, further)
