"""What lies in a folder of exports, before anybody has said what it means.

`survey` opens every file that can be read, finds out how it is written (delimiter, encoding, rows
above the header, sheets) and looks at the columns: which hold ids, times and in what pattern,
numbers and with what signs, words. Files of one name that differ by a number are parts of one
table. Nothing is decided here; `features.export.guessing.draft` makes a configuration of it.
"""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, takewhile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from python_calamine import CalamineError

from features.export.checked_rows import readable
from features.export.file_mapping import FileFormat
from features.export.file_queries import namable
from features.export.files import FilePart, file_parts, reading
from features.export.formats import PLAIN, ColumnFormat
from features.export.proposals import is_misread, number_proposal, time_proposal
from features.export.rows import open_files
from features.export.sheet_rows import sheet_names, top_rows
from features.export.texts import texts_of_ids

# Rows of a table that are looked at; more say nothing new about what a column is.
MOST_ROWS = 100_000
_SAMPLE_BYTES, _MOST_BYTES = 1 << 18, 1 << 25
_DELIMITERS = ",;\t|"
_ALMOST_ALL = 0.98
_CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщыэюя",
        (
            *("a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r"),
            *("s", "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "y", "e", "yu", "ya"),
        ),
        strict=True,
    )
)
# What may be a time, a number or a length of time: the others are not tried.
_TIME_LIKE = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d"
    r"|[A-Za-z]{3,9} \d{1,2}, \d|\d{8,13}$|\d{5}([.,]\d+)?$"
)
_NUMBER_LIKE = re.compile(r"[+-]?[\d.,'\u2019 \u00a0\u202f]+$|\d+(:\d\d){1,2}$")


def plain_words(text: str) -> str:
    """Text as headers and words are compared: lower case, no accents, blanks for signs.

    Examples
    --------
    >>> plain_words("ConvertedContactId"), plain_words("Call Duration (in seconds)")
    ('converted contact id', 'call duration in seconds')
    >>> plain_words("Città / Proprietà"), plain_words("DATE_CREATE")
    ('citta proprieta', 'date create')
    """
    split = re.sub(r"(?<=[a-zа-я0-9])(?=[A-ZА-Я])", " ", text)
    # A Cyrillic й is a letter of its own, no и with an accent.
    characters = [
        character
        for character in unicodedata.normalize("NFKD", split.replace("й", "\0").replace("Й", "\0"))
        if not unicodedata.combining(character)
    ]
    lower = "".join(characters).replace("\0", "й").lower().replace("ё", "е")
    return " ".join(re.findall(r"[^\W_]+", lower))


@dataclass(frozen=True, eq=False)
class SurveyedColumn:
    """A column of a table and what its values look like.

    Attributes
    ----------
    name : str
        Its name in the file.
    texts : pa.ChunkedArray
        Its values as text; a missing one is null.
    """

    name: str
    texts: pa.ChunkedArray

    @cached_property
    def words(self) -> str:
        """Its name as headers are compared."""
        return plain_words(self.name)

    @cached_property
    def filled(self) -> int:
        """How many rows have a value."""
        return int(len(self.texts) - self.texts.null_count)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value occurs."""
        pairs = pc.value_counts(self.texts.drop_null()).to_pylist()
        return Counter({pair["values"]: pair["counts"] for pair in pairs})

    def _looks_like(self, pattern: re.Pattern[str]) -> bool:
        """Whether nearly all of the first values begin as the pattern says."""
        values = list(islice(self.counts, 100))
        return sum(1 for value in values if pattern.match(value)) > 0.9 * len(values)

    @cached_property
    def time_lines(self) -> tuple[str, ...]:
        """Lines of TOML by which its values are times, the likeliest first; none if they are not.

        The empty line stands for ISO 8601, which needs none.
        """
        if not self._looks_like(_TIME_LIKE):
            return ()
        with duckdb.connect() as connection:
            read, filled = readable(connection, self.texts, "timestamp", PLAIN)
            if filled and read == filled:
                return ("",)
            looks_numeric = all(value.isdigit() for value in islice(self.counts, 20))
            is_named_time = bool({"time", "timestamp", "date", "at"} & set(self.words.split()))
            if filled < 1 or (looks_numeric and not is_named_time):
                return ()
            proposal = time_proposal(connection, self.texts, PLAIN)
        if proposal is None:
            return ("",) if read >= _ALMOST_ALL * filled else ()
        return proposal.lines

    @cached_property
    def is_time(self) -> bool:
        """Whether its values are times."""
        return bool(self.time_lines)

    @cached_property
    def is_day(self) -> bool:
        """Whether its values are days without an hour."""
        return self.is_time and not any(
            re.search(r"\d\d:\d\d|\d{10}", value) for value in islice(self.counts, 200)
        )

    @cached_property
    def has_zone(self) -> bool:
        """Whether its values, being times, say in which zone."""
        line = self.time_lines[0] if self.time_lines else ""
        if "epoch" in line or "%z" in line:
            return True
        if self.is_history:
            return bool(re.search(r'(Z|[+-]\d\d:?\d\d)"', next(iter(self.counts))))
        return all(
            re.search(r"(Z|UTC|GMT|[+-]\d\d:?\d\d)$", value) for value in islice(self.counts, 200)
        )

    @cached_property
    def is_named_like_a_value(self) -> bool:
        """Whether its name is a time as its values are: then the table has no header."""
        return bool(_TIME_LIKE.match(self.name)) and self.is_time

    @cached_property
    def ids(self) -> Counter[str]:
        """How often each value occurs, as the ids of other tables match it (`texts_of_ids`)."""
        ids = texts_of_ids(pa.array(self.counts.keys(), pa.string())).to_pylist()
        occurrences: Counter[str] = Counter()
        for name, count in zip(ids, self.counts.values(), strict=True):
            if name is not None:
                occurrences[name] += count
        return occurrences

    @cached_property
    def is_history(self) -> bool:
        """Whether its values are lists of versions in JSON, each with a value and a timestamp."""
        first = next(iter(self.counts), "")
        return first.startswith("[") and '"timestamp"' in first and '"value"' in first

    @cached_property
    def number_line(self) -> str | None:
        """Line of TOML by which its values are numbers; the empty one needs none; None if not."""
        if not self._looks_like(_NUMBER_LIKE):
            return None
        with duckdb.connect() as connection:
            read, filled = readable(connection, self.texts, "number", PLAIN)
            if 0 < filled == read and not is_misread(connection, self.texts, PLAIN):
                return ""
            proposal = number_proposal(connection, self.texts, ColumnFormat())
        if proposal is None:
            return "" if filled and read >= _ALMOST_ALL * filled else None
        return proposal.lines[0]


@dataclass(frozen=True, eq=False)
class SurveyedTable:
    """One table of the exports.

    Attributes
    ----------
    name : str
        Name for it in SQL.
    parts : tuple of FilePart
        Its files.
    form : FileFormat
        How they are written.
    columns : tuple of SurveyedColumn
        Its columns, at most of the first 100,000 rows.
    rows : int
        How many rows were looked at.
    left_out : tuple of str
        Names of columns that SQL cannot name, such as one that stands twice: they can play no part.
    """

    name: str
    parts: tuple[FilePart, ...]
    form: FileFormat
    columns: tuple[SurveyedColumn, ...]
    rows: int
    left_out: tuple[str, ...] = ()

    @property
    def rows_text(self) -> str:
        """How many rows it has, in words; of a large table only the first are looked at."""
        return f"{self.rows:,} rows" if self.rows < MOST_ROWS else f"more than {MOST_ROWS:,} rows"

    def column(self, name: str) -> SurveyedColumn:
        """Column of a name."""
        return next(column for column in self.columns if column.name == name)


def survey(folder: Path, base: Path) -> tuple[list[SurveyedTable], list[str]]:
    """Tables that lie in a folder, an archive or a file.

    Parameters
    ----------
    folder : Path
        Where the exports are.
    base : Path
        Folder that the configuration will lie in; paths are relative to it where they can be.

    Returns
    -------
    tuple of (list of SurveyedTable, list of str)
        The tables, and what could not be read with the reason.

    Raises
    ------
    FileNotFoundError
        If there is nothing that can be read.
    """
    paths = [folder]
    if folder.is_dir():
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "~$")))
    tables: list[SurveyedTable] = []
    problems: list[str] = []
    files_taken: set[tuple[Path, str | None]] = set()
    groups: dict[tuple[str, ...], list[tuple[FilePart, FileFormat, str]]] = {}
    for path in paths:
        try:
            parts = file_parts([_relative(path, base)], base, "files")
        except (FileNotFoundError, ValueError) as error:
            problems.append(str(error))
            continue
        for part in parts:
            # A link may lead to what stands here, too.
            file = (part.path.resolve(), part.member)
            if file in files_taken:
                continue
            files_taken.add(file)
            try:
                for form, title in _forms(part):
                    columns = open_files([part], form).columns
                    stem = re.sub(r"[\W\d_]+$", "", Path(part.member or part.path.name).stem)
                    key = (title, stem.lower() or part.label, *columns)
                    groups.setdefault(key, []).append((part, form, title or stem))
            except (ValueError, OSError, CalamineError) as error:
                problems.append(f"{part.label}: {error}")
    for members in groups.values():
        first_part, form, title = members[0]
        name = _sql_name(title or first_part.label, {table.name.lower() for table in tables})
        try:
            tables.append(_table(name, tuple(part for part, _, _ in members), form))
        except ValueError as error:
            problems.append(f"{first_part.label}: {error}")
    if not tables:
        reasons = "; ".join(problems) or "it holds no file"
        raise FileNotFoundError(f"{folder} holds no table that can be read: {reasons}")
    return tables, problems


def _relative(path: Path, base: Path) -> str:
    """Path from a folder to a file, up and down again; the whole path where they share nothing."""
    path, base = path.resolve(), base.resolve()
    common = len(list(takewhile(_same, zip(path.parts, base.parts, strict=False))))
    if common <= 1:
        return path.as_posix()
    return "/".join([*([".."] * (len(base.parts) - common)), *path.parts[common:]])


def _same(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]


def _sql_name(title: str, used_names: set[str]) -> str:
    words = re.findall(r"[a-zA-Z0-9]+", _latin(Path(title).stem or title))
    name = "_".join(words)[:40] or "table"
    name = f"t_{name}" if name[0].isdigit() else name
    number, free = 1, name
    while free.lower() in used_names:
        number += 1
        free = f"{name}_{number}"
    return free


def _latin(text: str) -> str:
    """Text with Cyrillic letters and accents written in plain Latin ones."""
    spelt = "".join(_CYRILLIC.get(c) or _CYRILLIC.get(c.lower(), c.lower()).upper() for c in text)
    spelt = spelt if any(c.lower() in _CYRILLIC for c in text) else text
    decomposed = unicodedata.normalize("NFKD", spelt)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _table(name: str, parts: tuple[FilePart, ...], form: FileFormat) -> SurveyedTable:
    source = open_files(parts, form)
    names = namable(source.columns)
    batches, rows = [], 0
    for batch in source.batches(names):
        rows_alone = batch.filter(pc.is_null(batch["malformed"]))
        batches.append(rows_alone)
        rows += rows_alone.num_rows
        if rows >= MOST_ROWS:
            break
    text = pa.Table.from_batches(batches)
    columns = []
    for i, column_name in enumerate(names):
        texts = pc.utf8_trim_whitespace(text[f"t{i}"])
        columns.append(SurveyedColumn(column_name, pc.if_else(pc.equal(texts, ""), None, texts)))
    left_out = tuple(dict.fromkeys(n for n in source.columns if n and n not in names))
    return SurveyedTable(name, parts, form, tuple(columns), rows, left_out)


def _forms(part: FilePart) -> list[tuple[FileFormat, str]]:
    """How a file is written; a workbook has one table for each sheet, with the sheet's title."""
    match part.kind:
        case "csv":
            return [(_csv_form(part), "")]
        case "xlsx":
            names = sheet_names(part)
            if len(names) == 1:
                return [(FileFormat(skip_rows=_rows_above(part, FileFormat())), "")]
            forms = [(FileFormat(sheet=name), name) for name in names]
            return [
                (form.model_copy(update={"skip_rows": _rows_above(part, form)}), name)
                for form, name in forms
            ]
    return [(FileFormat(), "")]


def _rows_above(part: FilePart, form: FileFormat) -> int:
    """Rows of a sheet above the header: those of fewer cells than the table is wide."""
    return _title_rows(top_rows(part, form, 30))


def _title_rows(rows: Sequence[Sequence[str | None]]) -> int:
    widths = [sum(1 for cell in row if cell) for row in rows]
    usual = max(widths, default=0)
    for i, width in enumerate(widths):
        if width >= max(2, 0.6 * usual) or (usual <= 1 and width):
            return i
    return 0


def _csv_form(part: FilePart) -> FileFormat:
    with reading(part), part.open() as file:
        data = file.read(_MOST_BYTES)
    if len(data) == _MOST_BYTES:
        data = data[: data.rfind(b"\n") + 1] or data
    encoding = guessed_encoding(data)
    text = data[:_SAMPLE_BYTES].decode(encoding, errors="replace").lstrip("\ufeff")
    delimiter, skip_rows = _delimiter(text)
    return FileFormat(encoding=encoding, delimiter=delimiter, skip_rows=skip_rows)


def guessed_encoding(data: bytes) -> str:
    r"""Encoding of the beginning of a text file.

    Parameters
    ----------
    data : bytes
        Whole lines of it.

    Returns
    -------
    str
        ``utf-8`` where it can be, ``utf-16`` by its mark, else the code page that gives words:
        ``cp1251`` for Cyrillic, ``cp1250`` for Romanian and Polish, ``cp1252`` for Western Europe.

    Examples
    --------
    >>> [guessed_encoding("Имя;Città".encode(e)) for e in ("utf-8", "utf-16")]
    ['utf-8', 'utf-16']
    >>> guessed_encoding("Стадия;Источник".encode("cp1251")), guessed_encoding(b"Citt\xe0")
    ('cp1251', 'cp1252')
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    runs = re.findall(rb"[\x80-\xff]+", data)
    long_runs = sum(len(run) for run in runs if len(run) >= 3)
    if long_runs > 0.6 * sum(map(len, runs)):
        return "cp1251"
    # ş, ţ, ă, ł, ą, ę of Central Europe stand where Western Europe has º, þ, ã, ³, ¹, ê.
    central = sum(data.count(byte) for byte in (b"\xba", b"\xfe", b"\xb3", b"\xb9", b"\x9c"))
    western = sum(data.count(byte) for byte in (b"\xe0", b"\xe8", b"\xf2", b"\xf5", b"\xfc"))
    return "cp1250" if central > western else "cp1252"


def _delimiter(text: str) -> tuple[str, int]:
    """Delimiter and lines above the header: what parts most lines into equally many fields."""
    lines = text.splitlines(keepends=True)[:60]
    likeliest = (0.0, ",", 0)
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter))
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        score = count / max(len(rows), 1) + min(width, 50) / 1_000
        above = next(i for i, row in enumerate(rows) if len(row) == width)
        if score > likeliest[0]:
            likeliest = (score, delimiter, above)
    return likeliest[1], likeliest[2]
