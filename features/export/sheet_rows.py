"""Rows of an Excel workbook's sheet as text.

A workbook is read by calamine. The first row that is not blank names the columns, of those left by
``skip_rows``; empty rows below are no rows, but are counted, so that row 1 is the one under the
header. Cells become text as those
of any other typed source do (`features.export.texts.texts_of_values`).
"""

import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    load_workbook,
)

from features.export.file_mapping import FileFormat
from features.export.files import FilePart, require_modest
from features.export.sections import near_miss
from features.export.texts import texts_of_values

_BATCH_ROWS = 50_000


class Sheet:
    """One sheet, open for reading.

    Parameters
    ----------
    part : FilePart
        The workbook.
    form : FileFormat
        Which of its sheets.

    Attributes
    ----------
    columns : tuple of str
        Names of the columns.

    Raises
    ------
    ValueError
        If the workbook cannot be read, has no such sheet, or does not say which one is meant.
    """

    def __init__(self, part: FilePart, form: FileFormat) -> None:
        self._sheet = _sheet(part, form)
        self._skipped = form.skip_rows
        header = next((list(cells) for _, cells in self.first_rows()), [])
        while header and not header[-1]:
            header = header[:-1]
        if not header:
            raise ValueError(
                f"{part.label} is empty: the first row of the sheet must name the columns"
            )
        self.columns = tuple(header)

    def first_rows(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Numbers, from 1, and texts of the rows at the top that are not blank."""
        for number, cells in enumerate(self._sheet.iter_rows(), start=1):
            if number > self._skipped and any(cell != "" for cell in cells):
                texts = texts_of_values([None if cell == "" else cell for cell in cells])
                yield number, tuple(text or "" for text in texts.to_pylist())

    def rows(self) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
        """Rows below the header, batch by batch: their numbers from 1, and their columns."""
        width = len(self.columns)
        number = -1  # rows above the header are not counted, the header is row 0
        numbers: list[int] = []
        gathered: list[list[Any]] = []
        for cells in islice(self._sheet.iter_rows(), self._skipped, None):
            is_blank = all(cell == "" for cell in cells)
            if number >= 0 or not is_blank:
                number += 1
            if number > 0 and not is_blank:
                numbers.append(number)
                gathered.append([None if cell == "" else cell for cell in cells[:width]])
            if len(numbers) >= _BATCH_ROWS:
                yield _batch(numbers, gathered, width)
                numbers, gathered = [], []
        yield _batch(numbers, gathered, width)


def sheet_names(part: FilePart) -> tuple[str, ...]:
    """Names of a workbook's sheets that hold cells.

    Raises
    ------
    ValueError
        If the workbook cannot be read.
    """
    workbook = _workbook(part)
    sheets = [workbook.get_sheet_by_name(name) for name in _worksheets(workbook)]
    return tuple(sheet.name for sheet in sheets if sheet.end is not None)


def top_rows(part: FilePart, form: FileFormat, number: int) -> list[list[str | None]]:
    """Text of the first rows of a sheet, blank ones too."""
    return [_texts(cells) for cells in islice(_sheet(part, form).iter_rows(), number)]


def _batch(
    numbers: list[int], rows: list[list[Any]], width: int
) -> tuple[pa.Array, list[pa.Array]]:
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    return pa.array(numbers, pa.int64()), [texts_of_values(column) for column in columns]


def _texts(cells: list[Any]) -> list[str | None]:
    return list(texts_of_values([None if cell == "" else cell for cell in cells]).to_pylist())


def _workbook(part: FilePart) -> CalamineWorkbook:
    data = part.whole()
    require_modest(part, data)
    try:
        return load_workbook(io.BytesIO(data))
    except CalamineError as error:
        raise ValueError(
            f"{part.label} cannot be read as an Excel workbook: {error}. Save it again as .xlsx"
        ) from error


def _worksheets(workbook: CalamineWorkbook) -> list[str]:
    return [s.name for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]


def _sheet(part: FilePart, form: FileFormat) -> CalamineSheet:
    workbook = _workbook(part)
    names = _worksheets(workbook)
    match form.sheet:
        case str() if form.sheet in names:
            return workbook.get_sheet_by_name(form.sheet)
        case int() if form.sheet <= len(names):
            return workbook.get_sheet_by_name(names[form.sheet - 1])
        case None:
            sheets = [workbook.get_sheet_by_name(name) for name in names]
            filled = [sheet for sheet in sheets if sheet.end is not None]
            if len(filled) == 1:
                return filled[0]
            if not filled:
                raise ValueError(f"{part.label} is empty: none of its sheets holds a cell")
            names = [sheet.name for sheet in filled]
    hint = near_miss(form.sheet, names) if isinstance(form.sheet, str) else ""
    raise ValueError(
        f"{part.label} has {len(names)} sheets, and "
        + ("none is named" if form.sheet is None else f"{form.sheet!r} is none of them")
        + f'.{hint} Name one: sheet = "{names[0] if names else "…"}". Sheets: {", ".join(names)}'
    )
