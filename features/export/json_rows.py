"""Rows of JSON documents and JSON lines as text.

CRMs' programs write a list of records, a document that holds one (``{"results": […]}``), or one
record a line. Nested fields of a record become columns with dotted names, such as
``properties.createdate``; a list stays the JSON text it is, for SQL to take apart. Numbers keep the
digits that were written. `json_columns` gives the columns that occur, `json_rows` the rows; a line
that is no record comes along as the text it is.
"""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from features.export.csv_rows import UNDECODABLE
from features.export.file_mapping import FileFormat
from features.export.files import FilePart, reading

MOST_COLUMNS = 2_000
_DEEPEST = 8
_BATCH_ROWS = 20_000
# A line that is longer is no record: it is a document, or no JSON.
LONGEST_LINE = 8 << 20

Record = dict[str, str | None]


def json_columns(part: FilePart, form: FileFormat) -> tuple[str, ...]:
    """Names of the columns that occur in any record, in the order in which they come.

    Parameters
    ----------
    part : FilePart
        The file.
    form : FileFormat
        Its encoding.

    Returns
    -------
    tuple of str
        The columns.

    Raises
    ------
    ValueError
        If there is no record, or there are more columns than a table has.
    """
    columns: dict[str, None] = {}
    for _, record in _records(part, form):
        if isinstance(record, dict):
            columns |= dict.fromkeys(record)
        if len(columns) > MOST_COLUMNS:
            raise ValueError(
                f"{part.label}: the records have more than {MOST_COLUMNS} different fields; are "
                "values used as names of fields?"
            )
    if not columns:
        raise ValueError(
            f"{part.label} holds no records: a list of objects, an object with such a list, or one "
            "object a line is read"
        )
    return tuple(columns)


def json_rows(
    part: FilePart, form: FileFormat, columns: tuple[str, ...]
) -> Iterator[tuple[pa.Array, list[pa.Array], list[tuple[int, str]]]]:
    """Rows of a JSON file, batch by batch.

    Parameters
    ----------
    part : FilePart
        The file.
    form : FileFormat
        Its encoding.
    columns : tuple of str
        The columns wanted.

    Yields
    ------
    tuple of (pa.Array, list of pa.Array, list of (int, str))
        Numbers of the records from 1, their columns as text, and the lines that are no record as
        number and text.
    """
    numbers: list[int] = []
    records: list[Record] = []
    malformed: list[tuple[int, str]] = []
    for number, record in _records(part, form):
        if isinstance(record, dict):
            numbers.append(number)
            records.append(record)
        else:
            malformed.append((number, record))
        if len(numbers) + len(malformed) >= _BATCH_ROWS:
            yield pa.array(numbers, pa.int64()), _columns(records, columns), malformed
            numbers, records, malformed = [], [], []
    yield pa.array(numbers, pa.int64()), _columns(records, columns), malformed


def _columns(records: list[Record], names: tuple[str, ...]) -> list[pa.Array]:
    return [pa.array([record.get(name) for record in records], pa.string()) for name in names]


def _records(part: FilePart, form: FileFormat) -> Iterator[tuple[int, Record | str]]:
    """Flattened records with their numbers; what is no record comes as its text."""
    if part.kind == "json":
        yield from _records_of_document(part, form)
        return
    with (
        reading(part),
        io.TextIOWrapper(part.open(), encoding=_encoding(form), errors="surrogateescape") as file,
    ):
        number = 0
        while line := file.readline(LONGEST_LINE):
            if not line.strip():
                continue
            number += 1
            if len(line) == LONGEST_LINE:
                raise ValueError(
                    f"{part.label}: line {number} is longer than {LONGEST_LINE >> 20} MB. Name the "
                    "file .json if it is one document"
                )
            yield number, _record(_without_surrogates(line))


def _encoding(form: FileFormat) -> str:
    return "utf-8-sig" if form.encoding == "utf-8" else form.encoding


def _without_surrogates(text: str) -> str:
    return re.sub("[\ud800-\udfff]", UNDECODABLE, text)


def _record(line: str) -> Record | str:
    try:
        value = _loads(line)
    except (ValueError, RecursionError):
        return line.strip()
    return _flat(value) if isinstance(value, dict) else line.strip()


def _loads(text: str) -> Any:
    return json.loads(
        text,
        object_pairs_hook=_distinct,
        parse_int=str,
        parse_float=_digits,
        parse_constant=str,
    )


def _digits(number: str) -> str:
    """Digits of a number as written; a whole one may be an id, which has no point."""
    return re.sub(r"\.0+$", "", number)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a field stands twice in one object")
    return record


def _records_of_document(part: FilePart, form: FileFormat) -> Iterator[tuple[int, Record | str]]:
    text = part.whole().decode(_encoding(form), errors="surrogateescape")
    try:
        document = _loads(_without_surrogates(text))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{part.label} is no JSON document: {error}. One record a line is read from .jsonl"
        ) from error
    for number, value in enumerate(_list_of(part, document), start=1):
        yield number, _flat(value) if isinstance(value, dict) else json.dumps(value)


def _list_of(part: FilePart, document: Any) -> list[Any]:
    """Records of a document: its list, or the one list of objects in it."""
    if isinstance(document, list):
        return document
    lists = {
        name: value
        for name, value in (document.items() if isinstance(document, dict) else ())
        if isinstance(value, list) and value and isinstance(value[0], dict)
    }
    if len(lists) != 1:
        raise ValueError(
            f"{part.label} must be a list of records, or an object with one such list; found "
            f"{len(lists)} lists of records"
        )
    return next(iter(lists.values()))


def _flat(value: dict[str, Any], prefix: str = "", depth: int = 1) -> Record:
    flat: Record = {}
    for name, field in value.items():
        if isinstance(field, dict) and field and depth < _DEEPEST:
            flat |= _flat(field, f"{prefix}{name}.", depth + 1)
        else:
            flat[prefix + name] = _text(field)
    return flat


def _text(value: Any) -> str | None:
    match value:
        case None | str():
            # A lone half of a pair can be written in JSON, and is no text.
            return value and _without_surrogates(value)
        case bool():
            return str(value).lower()
    return _without_surrogates(json.dumps(value, ensure_ascii=False))
