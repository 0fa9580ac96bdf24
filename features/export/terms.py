"""The export's own terms: what it calls each field, which words it has, how it writes values.

The configuration says how an export becomes our tables. A CRM that asks the server knows its own
names, words and times, not ours. So what the configuration says as columns, values and formats
travels with the model as `ExportTerms`, and the server reads a request as the export was read
(`serving.answers.translation`). `features.export.mapping_terms` makes it of a configuration.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from features.export.formats import PLAIN, ColumnFormat, date_format_objection


@dataclass(frozen=True, slots=True)
class Notation:
    """How one table of the export writes a field.

    Attributes
    ----------
    words : mapping of str to str
        The export's word to the one that it is read as; the empty text is a missing value.
    format_ : ColumnFormat
        How its numbers and times are written. Words for missing values stand among `words`.
    midnight_in : str or None
        Zone in which midnight stands for a day without an hour, as in all of the column.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    format_: ColumnFormat = PLAIN
    midnight_in: str | None = None

    def __post_init__(self) -> None:
        for date in self.format_.dates:
            if objection := date_format_objection(date):
                raise ValueError(f"dates: {date!r} {objection}")
        for zone in (self.format_.timezone, self.midnight_in):
            if zone is not None:
                _require_zone(zone)


def _require_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} must be a time zone of the IANA database") from error


@dataclass(frozen=True, slots=True)
class FieldTerms:
    """The export's terms for one field of a lead or an interaction.

    Attributes
    ----------
    columns : tuple of str
        Names that the export has for the field, apart from ours.
    notations : tuple of Notation
        How the tables that have the field write it; equal ones are one.
    low, high : float or None
        Smallest and largest number of the field that was trained on.
    """

    columns: tuple[str, ...] = ()
    notations: tuple[Notation, ...] = ()
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for limit in (self.low, self.high):
            if limit is not None and not math.isfinite(limit):
                raise ValueError(f"low and high must be finite, found {limit}")


@dataclass(frozen=True, slots=True)
class ExportTerms:
    """The export's terms for all fields that a request may have, by our names of them.

    Attributes
    ----------
    lead : mapping of str to FieldTerms
        ``lead_id`` and ``created_at``.
    attributes : mapping of str to FieldTerms
        Attributes of the lead.
    interactions : mapping of str to FieldTerms
        ``occurred_at``, ``recorded_at`` and the labels of an interaction.
    measures : mapping of str to FieldTerms
        Measures of an interaction.
    """

    lead: Mapping[str, FieldTerms] = field(default_factory=dict)
    attributes: Mapping[str, FieldTerms] = field(default_factory=dict)
    interactions: Mapping[str, FieldTerms] = field(default_factory=dict)
    measures: Mapping[str, FieldTerms] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, without what is as everywhere; `terms_from_json` reads it back."""
        values: dict[str, Any] = _TERMS.dump_python(self, mode="json", exclude_defaults=True)
        return values


_TERMS = TypeAdapter(ExportTerms)


def terms_from_json(data: object) -> ExportTerms:
    """Terms that were written by `ExportTerms.to_json`.

    Parameters
    ----------
    data : JSON value
        What a bundle holds.

    Returns
    -------
    ExportTerms
        The terms.

    Raises
    ------
    ValueError
        It is something else, or a format of it is unknown to this version.

    Examples
    --------
    >>> terms = ExportTerms(lead={"lead_id": FieldTerms(("Id",), (Notation(),))})
    >>> terms.to_json()
    {'lead': {'lead_id': {'columns': ['Id'], 'notations': [{}]}}}
    >>> terms_from_json(terms.to_json()) == terms
    True
    """
    try:
        return _TERMS.validate_python(data)
    except ValidationError as error:
        findings = "; ".join(
            f"{'.'.join(map(str, finding['loc']))}: {finding['msg'].removeprefix('Value error, ')}"
            for finding in error.errors()
        )
        raise ValueError(f"The terms of the export are not of this version: {findings}") from None
