"""Text of any cell of an export, the way a person would write it.

Every source comes to us as text: a bad value can then be shown to the person who has to mend it,
and one set of rules (`features.export.rules`) judges all kinds of source. Here is the one
conversion: `text_of` for single values, as database drivers, spreadsheets and JSON give them, and
`texts_of_column` for the typed columns of Parquet. Both keep the same law, so that one table
written in every format reads the same:

- a missing value is null, and so is NaN, which stands for it in columns of floats;
- a whole float is written with its digits (``1001.0`` is ``1001``), since a column of ids becomes
  floats as soon as one is missing; from 2**53 on floats no longer tell whole numbers apart, and the
  text says so with an exponent;
- a length of time is its seconds, a moment is ISO 8601, bytes are UTF-8.
"""

import datetime as dt
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.export.csv_rows import UNDECODABLE
from features.export.single_values import EXACT_FLOAT

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
"""Characters that nobody sees: blanks of no width, marks of byte order, soft hyphens."""
# A decimal number of more digits than that is written with an exponent.
_MOST_DIGITS = 40


def texts_of_values(values: Sequence[object]) -> pa.Array:
    """Text of each value of one column.

    Parameters
    ----------
    values : sequence of object
        Values as a database driver, a spreadsheet or JSON gives them.

    Returns
    -------
    pa.Array
        Their texts, null where a value is missing.
    """
    if all(value is None or type(value) is str for value in values):
        return pa.array(values, pa.string())
    return pa.array([text_of(value) for value in values], pa.string())


def text_of(value: object) -> str | None:
    r"""Text of one value.

    Parameters
    ----------
    value : object
        Any single value; a list or an object becomes JSON.

    Returns
    -------
    str or None
        None where the value is missing.

    Examples
    --------
    >>> [text_of(3.0), text_of(2.5), text_of(1e16), text_of(float("nan")), text_of(True)]
    ['3', '2.5', '1e+16', None, 'true']
    >>> [text_of(b"caf\xc3\xa9"), text_of(Decimal("12.50")), text_of(dt.timedelta(minutes=5))]
    ['café', '12.5', '300']
    """
    match value:
        case None | str():
            return value
        case bool() | np.bool_():
            return str(bool(value)).lower()
        case float() | np.floating():
            return _text_of_float(value)
        case Decimal():
            return _text_of_decimal(value)
        case dt.datetime():
            # pandas' missing moment is the only one that differs from itself.
            return value.isoformat(sep=" ") if value == value else None  # noqa: PLR0124
        case dt.timedelta():
            return _text_of_decimal(Decimal(value // dt.timedelta(microseconds=1)) / 1_000_000)
        case bytes() | bytearray() | memoryview():
            text = bytes(value).decode(errors="surrogateescape")
            return re.sub("[\udc80-\udcff]", UNDECODABLE, text)
        case dict() | list() | tuple():
            return json.dumps(value, ensure_ascii=False, default=text_of)
    return str(value)


def _text_of_float(number: float | np.floating[Any]) -> str | None:
    if np.isnan(number):
        return None
    if abs(float(number)) < EXACT_FLOAT and float(number).is_integer():
        return str(int(number))
    if abs(float(number)) >= EXACT_FLOAT and np.isfinite(number):
        return str(np.format_float_scientific(number, trim="-"))
    # NumPy's own str knows how many digits a float of its width has.
    return str(number)


def _text_of_decimal(number: Decimal) -> str | None:
    if number.is_nan():
        return None
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        return str(number)
    text = f"{number:f}"
    shortest = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if shortest == "-0" else shortest


def texts_of_column(column: pa.Array) -> pa.Array:
    """Text of each value of a typed column.

    Parameters
    ----------
    column : pa.Array
        Values of any single type.

    Returns
    -------
    pa.Array
        Their texts, null where a value is missing.

    Raises
    ------
    pa.ArrowNotImplementedError
        If the values are lists or records.
    """
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_floating(kind):
        return _texts_of_floats(column)
    if pa.types.is_decimal(kind):
        return _texts_of_decimals(column)
    if (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    ):
        return texts_of_values(column.to_pylist())
    if pa.types.is_duration(kind):
        return texts_of_values(column.cast(pa.duration("us"), safe=False).to_pylist())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        # In UTC the text ends in Z, whatever zone the file speaks of.
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    return column.cast(pa.string())


def _texts_of_floats(column: pa.Array) -> pa.Array:
    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    is_whole = pc.and_(pc.less(pc.abs(column), EXACT_FLOAT), pc.equal(pc.trunc(column), column))
    digits = pc.if_else(is_whole, column, pa.scalar(None, column.type)).cast(pa.int64())
    return pc.coalesce(digits.cast(pa.string()), column.cast(pa.string()))


def _texts_of_decimals(column: pa.Array) -> pa.Array:
    texts = column.cast(pa.string())
    if column.type.scale <= 0:
        return texts
    return pc.replace_substring_regex(texts, r"^(-?\d+)(?:\.0*|(\.\d*[1-9])0*)$", r"\1\2")


def texts_of_ids(texts: pa.Array) -> pa.Array:
    """Ids as they match those of other tables.

    What nobody sees in an id is no part of it: blanks about it (as columns of fixed width have)
    and invisible characters in it. A whole number that was written as a float has its digits alone.

    Parameters
    ----------
    texts : pa.Array
        Texts of a column of ids.

    Returns
    -------
    pa.Array
        The ids; null where nothing is left.

    Examples
    --------
    >>> texts_of_ids(pa.array([" A1\u00a0", "\u200bA2", "1001.0", "00184", "  "])).to_pylist()
    ['A1', 'A2', '1001', '00184', None]
    """
    # Interactions name the same leads again and again: each id is looked at once.
    encoded = texts.dictionary_encode()
    ids = pc.replace_substring_regex(encoded.dictionary, f"[{INVISIBLE}]", "")
    ids = pc.utf8_trim_whitespace(ids)
    ids = pc.replace_substring_regex(ids, r"^(-?\d{1,16})\.0+$", r"\1")
    ids = pc.if_else(pc.equal(ids, ""), None, ids)
    return texts if ids.equals(encoded.dictionary) else ids.take(encoded.indices)
