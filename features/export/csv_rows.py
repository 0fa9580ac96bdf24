"""Rows of a CSV file as text, with the number of every row, good or bad.

Files out of CRMs are rarely clean: lines with a column too many, a quote that never closes, bytes
in another encoding than the rest. None of that may stop the good rows or shift their numbers, since
the number is what a person looks for in the file. `csv_header` gives the names of the columns,
`csv_rows` the rows in batches; a line that is no row comes along as the text it is.
"""

import codecs
import csv
import io
import re
from collections.abc import Generator, Iterator
from contextlib import closing

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from features.export.file_mapping import FileFormat
from features.export.files import FilePart, reading

# Stands for bytes that could not be decoded: a noncharacter, which no real text may contain.
UNDECODABLE = "\ufdd0"

# The longest row that is still believed to be one row: a quote left open swallows all that follows.
LONGEST_ROW_BYTES = 4 << 20


_KEEP_ASCII = frozenset(["utf-8", "ascii", "cp1250", "cp1251", "cp1252", "iso8859-1", "iso8859-15"])
"""Encodings in which a piece of ASCII is that and nothing else."""

_NO_TEXT = {
    b"PK\x03\x04": "an Excel workbook or another archive. Name it .xlsx (or .zip), as what it is",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save it as .xlsx or as CSV",
    b"PAR1": "a Parquet file. Name it .parquet",
    b"SQLite format 3": 'a SQLite database. Name it in [data] database = "sqlite:///…"',
    b"\x1f\x8b": "compressed. Name it .csv.gz",
    b"%PDF": "a PDF. Export the table as CSV",
}
"""What files of other kinds begin with, and what they are."""


def csv_header(part: FilePart, form: FileFormat) -> tuple[str, ...]:
    """Names of the columns of a CSV file.

    Parameters
    ----------
    part : FilePart
        The file.
    form : FileFormat
        Its delimiter and encoding.

    Returns
    -------
    tuple of str
        The fields of the first line that is not blank.

    Raises
    ------
    ValueError
        If there is no such line, or the file is damaged.
    """
    _require_text(part, form)
    with closing(first_lines(part, form)) as lines:
        _, header = next(lines, (0, ()))
    if not header:
        raise ValueError(f"{part.label} is empty: its first line must name the columns")
    return header


def first_lines(
    part: FilePart, form: FileFormat
) -> Generator[tuple[int, tuple[str, ...]], None, None]:
    """Lines at the top of a CSV file that are not blank, with their numbers from 1.

    Parameters
    ----------
    part : FilePart
        The file.
    form : FileFormat
        Its delimiter and encoding; lines that it skips come with no field.

    Yields
    ------
    tuple of (int, tuple of str)
        Number of the line in the file, and its fields.

    Raises
    ------
    ValueError
        If a line cannot be read, or the file is damaged.
    """
    try:
        with (
            reading(part),
            io.TextIOWrapper(_utf8(part, form, []), encoding="utf-8-sig", newline="") as text,
        ):
            reader = csv.reader(text, delimiter=form.delimiter)
            number = form.skip_rows + 1
            for fields in reader:
                if fields:
                    yield number, tuple(fields)
                number = form.skip_rows + reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{part.label}: the header cannot be read: {error}") from error


def _require_text(part: FilePart, form: FileFormat) -> None:
    """Refuse a file that is no text, or text in UTF-16 that is read as another encoding."""
    with reading(part), part.open() as file:
        begin = file.read(4096)
    for mark, way_out in _NO_TEXT.items():
        if begin.startswith(mark):
            raise ValueError(f"{part.label} is no CSV file: it is {way_out}")
    if begin.lstrip()[:14].lower().startswith((b"<html", b"<table", b"<!doctype html", b"<?xml")):
        raise ValueError(
            f"{part.label} is no CSV file: it is a page of HTML or XML, as some CRMs export to "
            "Excel. Open it in a spreadsheet and save it as .xlsx, or export CSV"
        )
    wide = ("utf-16", "utf-32")
    if form.encoding.startswith(wide):
        return
    zeros = begin.count(0)
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or zeros > len(begin) / 4:
        encoding = "utf-16"
        if not begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding = "utf-16-le" if begin[1::2].count(0) >= zeros / 2 else "utf-16-be"
        text = begin.decode(encoding, errors="ignore")
        tabs = ' and delimiter = "\\t"' if "\t" in text.partition("\n")[0] else ""
        raise ValueError(
            f"{part.label} is written in {encoding}, as a spreadsheet's Unicode text is: write "
            f'encoding = "{encoding}"{tabs} in lead_temperature.toml'
        )


def csv_rows(
    part: FilePart, form: FileFormat, width: int
) -> Iterator[tuple[pa.Array, list[pa.Array], list[tuple[int, str]]]]:
    """Rows of a CSV file, batch by batch.

    Parameters
    ----------
    part : FilePart
        The file.
    form : FileFormat
        Its delimiter and encoding.
    width : int
        Number of columns in the header.

    Yields
    ------
    tuple of (pa.Array, list of pa.Array, list of (int, str))
        Numbers of the rows (the first after the header is 1), their columns as text, and the
        malformed lines among them as number and text.

    Raises
    ------
    ValueError
        If a row is so long that it cannot be one, or the file is damaged.
    """
    invalid: list[tuple[int, str]] = []
    quotes: list[int] = []
    start = 0  # the header counts as row 0
    try:
        with reading(part):
            reader = _reader(part, form, width, invalid, quotes)
            batch = next(reader, None)
            while batch is not None:
                following = next(reader, None)
                numbers = _numbers(start, batch.num_rows, [number for number, _ in invalid])
                if following is None and sum(quotes) % 2:
                    batch, numbers = _without_open_quote(batch, numbers, form.delimiter, invalid)
                # A later batch may have been parsed already: its invalid rows wait for their turn.
                end = np.iinfo(np.int64).max
                if following is not None:
                    end = int(numbers[-1]) + 1 if len(numbers) else start
                first = int(len(numbers) > 0 and numbers[0] == 0)
                yield (
                    pa.array(numbers[first:]),
                    batch.slice(first).columns,
                    [line for line in invalid if line[0] < end],
                )
                invalid[:] = [line for line in invalid if line[0] >= end]
                start, batch = end, following
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{part.label} cannot be read on after about row {start}: a row there is longer than "
            f"{LONGEST_ROW_BYTES >> 20} MB. Most likely a quote is opened and never closed "
            f"({error})"
        ) from error


def _reader(
    part: FilePart, form: FileFormat, width: int, invalid: list[tuple[int, str]], quotes: list[int]
) -> pa_csv.CSVStreamingReader:
    """Arrow's reader, noting the rows of another width in ``invalid``."""

    def keep(row: pa_csv.InvalidRow) -> str:
        invalid.append((row.number - 1, row.text))
        return "skip"

    names = [str(i) for i in range(width)]
    return pa_csv.open_csv(
        _utf8(part, form, quotes),
        # Only a single thread knows the number of an invalid row.
        read_options=pa_csv.ReadOptions(
            use_threads=False, column_names=names, block_size=LONGEST_ROW_BYTES
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=keep
        ),
        # All columns, used or not: the quote left open may stand in any of them.
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def _utf8(part: FilePart, form: FileFormat, quotes: list[int]) -> pa.NativeFile:
    """Stream of the file in UTF-8, with a mark where bytes could not be decoded.

    Arrow stops at the first undecodable byte; with the mark in its place the row is read, and is
    rejected by name. The quotes in each piece are counted on the way.
    """
    decoder = codecs.getincrementaldecoder(form.encoding)("surrogateescape")
    keeps_ascii = form.encoding in _KEEP_ASCII
    to_skip = form.skip_rows

    def decoded(piece: pa.Buffer) -> bytes:
        nonlocal to_skip
        data: bytes = piece.to_pybytes()
        if keeps_ascii and not to_skip and data and data.isascii() and not decoder.getstate()[0]:
            quotes.append(data.count(b'"'))
            return data
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{part.label} is not written in {form.encoding} ({error.reason}). Correct "
                "encoding in lead_temperature.toml"
            ) from error
        while to_skip and text:
            _, line_end, text = text.partition("\n")
            to_skip -= bool(line_end)
        quotes.append(text.count('"'))
        try:
            return text.encode()
        except UnicodeEncodeError:
            return re.sub("[\ud800-\udfff]", UNDECODABLE, text).encode()

    return pa.TransformInputStream(part.stream(), decoded)


def _numbers(start: int, rows: int, invalid: list[int]) -> np.ndarray:
    """Numbers of a batch's rows, leaving out those of the invalid rows between them."""
    skipped = np.asarray(invalid, dtype=np.int64) - np.arange(len(invalid))
    plain = start + np.arange(rows, dtype=np.int64)
    return plain + np.searchsorted(skipped, plain, side="right")


def _without_open_quote(
    batch: pa.RecordBatch, numbers: np.ndarray, delimiter: str, invalid: list[tuple[int, str]]
) -> tuple[pa.RecordBatch, np.ndarray]:
    """Take out the file's last row where a quote left open has swallowed the lines after it."""
    last_row = [column[-1].as_py() for column in batch.columns]
    if (invalid and invalid[-1][0] > numbers[-1]) or not any("\n" in value for value in last_row):
        return batch, numbers
    invalid.append((int(numbers[-1]), delimiter.join(last_row)))
    return batch.slice(0, batch.num_rows - 1), numbers[:-1]
