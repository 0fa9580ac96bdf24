"""How files and values are written, and which files a name stands for: keys of many sections.

Tests: tests/features/export/test_mapping.py.
"""

import codecs
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, field_validator, model_validator

from features.export.formats import DurationFormat, date_format_objection
from features.export.sections import Section, near_miss, one_or_several


class ValueFormat(Section):
    """How numbers, times and missing values are written: in an export, a file or a column.

    What a column says goes before what its file says, and that before what the export says; only
    the words for missing values add up. `features.export.formats.ColumnFormat` says what each is.
    """

    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    dates: Annotated[tuple[str, ...] | None, BeforeValidator(one_or_several)] = None
    durations: DurationFormat | None = None
    missing: Annotated[tuple[str, ...] | None, BeforeValidator(one_or_several)] = None
    timezone: str | None = None
    midnight: Literal["day", "moment"] | None = None

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        # "localtime" is another zone on every machine.
        if value is not None and value not in (zones := available_timezones() - {"localtime"}):
            raise ValueError(
                f"must be the IANA name of a time zone, such as 'Europe/Lisbon', got {value!r}."
                f"{near_miss(value, zones)}"
            )
        return value

    @field_validator("dates")
    @classmethod
    def _readable_dates(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for text in value or ():
            if objection := date_format_objection(text):
                raise ValueError(f"{text!r} {objection}")
        return value

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands cannot both be {self.decimal!r}")
        return self


class FileFormat(ValueFormat):
    """How a file is written; a setting that a file's kind does not have is not looked at.

    How its values are written may stand here too, as in `ValueFormat`.

    Attributes
    ----------
    delimiter, encoding : str
        Of a CSV file; the encoding of JSON too.
    skip_rows : int
        Lines above the header of a CSV file, such as a report's title.
    sheet : str, int or None
        Sheet of an Excel workbook, by its name or its number from 1. By default the only one that
        is not empty.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    skip_rows: int = Field(default=0, ge=0, le=1000)
    sheet: str | Annotated[int, Field(ge=1)] | None = None

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        if len(value) != 1 or not value.isascii() or value in '"\r\n':
            raise ValueError(f"must be one ASCII character such as ';' or '\\t', got {value!r}")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError as error:
            raise ValueError(
                f"must be an encoding such as 'utf-8' or 'cp1252', got {value!r}"
            ) from error


class FileMapping(FileFormat):
    """One name of the section ``[files]``: which files it stands for.

    Attributes
    ----------
    path : tuple of str
        Files, patterns with ``*``, folders or zip archives, relative to the folder of the TOML
        file; ``weekly.zip/Lead*.csv`` is what an archive holds. All rows together are one table.
    """

    path: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: object) -> object:
        """A name may be given its path or paths alone, without a format."""
        if isinstance(value, str | list | tuple):
            return {"path": value}
        return value

    @field_validator("path", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return one_or_several(value)
