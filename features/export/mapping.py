"""What ``lead_temperature.toml`` says of the export: where its tables are, what they mean.

Every CRM names its columns in its own way. The sections ``[data]``, ``[leads]``, ``[interactions]``
and ``[attributes]`` say which file, table or query holds each of our three tables, which of its
columns plays which part, and which values stand for which of ours. ``[files]`` gives files names,
over which ``sql`` joins what the CRM keeps apart. Start at `export_mapping`, which checks the
sections and answers with one `ExportMapping`; `features.export.sources.read_export` reads by it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from features.export.file_mapping import FileMapping, ValueFormat
from features.export.sections import FILE_NAME, Section, explanation, near_miss
from features.export.table_mapping import (
    AttributesMapping,
    InteractionsMapping,
    LeadsMapping,
    TableMapping,
)


class DataMapping(ValueFormat):
    """Section ``[data]``: what holds for the export as a whole, with how its values are written.

    Attributes
    ----------
    timezone : str or None
        IANA name of the zone of times that are written without one.
    ends_at : datetime or None
        The moment at which the export was made; nothing can have been recorded later. By default
        `features.export.data_end.latest_recording`.
    most_rejected : float
        Share of the rows of any table that may be rejected before a model is trained.
    accept_differences : bool
        Whether to train although contacts or rejects depend on the outcome
        (`features.export.blindness`).
    database : SecretStr or None
        SQLAlchemy URL of the database that tables and queries are read from. ``$NAME`` stands for
        an environment variable and is replaced only when the export is read.
    """

    ends_at: datetime | None = None
    most_rejected: float = Field(default=0.1, ge=0, le=1)
    accept_differences: bool = False
    database: SecretStr | None = None

    @field_validator("ends_at", mode="before")
    @classmethod
    def _is_moment(cls, value: object) -> object:
        # Pydantic alone would also take bare numbers for moments.
        if value is None or isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(value if isinstance(value, str) else "")
        except ValueError as error:
            raise ValueError(
                f"must be a moment such as '2012-01-15T00:00:00+01:00', got {value!r}"
            ) from error

    @model_validator(mode="after")
    def _end_has_zone(self) -> Self:
        if self.ends_at is not None and self.ends_at.tzinfo is None and self.timezone is None:
            raise ValueError(
                f"ends_at {self.ends_at.isoformat(sep=' ')!r} names no time zone: write it with an "
                "offset ('2012-01-15T00:00:00+01:00') or set timezone"
            )
        return self

    def end(self) -> int | None:
        """Moment at which the export was made.

        Returns
        -------
        int or None
            Whole microseconds since the epoch, UTC; None when the file does not say.
        """
        if self.ends_at is None:
            return None
        zoned = self.ends_at
        if zoned.tzinfo is None:
            zoned = zoned.replace(tzinfo=ZoneInfo(str(self.timezone)))
        since = zoned.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class ExportMapping(Section):
    """Where an export's tables are, and what their columns and values mean.

    Attributes
    ----------
    data : DataMapping
        What holds for the export as a whole.
    files : dict of str to FileMapping
        Files by the names under which the sections speak of them.
    leads : LeadsMapping
        The table of leads.
    interactions : tuple of InteractionsMapping
        The tables of interactions, all rows of which count; an export may lack them.
    attributes : AttributesMapping or None
        The log of attributes; an export may lack it.
    base : Path
        Folder that relative files are relative to.
    after_refusal_days : float or None
        For how long a closed lead is still looked at (`features.refusals`); ``[snapshots]`` says
        it, and of a bundle that is asked to score its card. None where a closing ends a lead.
    """

    data: DataMapping = DataMapping()
    files: dict[str, FileMapping] = Field(default_factory=dict)
    leads: LeadsMapping
    interactions: tuple[InteractionsMapping, ...] = ()
    attributes: AttributesMapping | None = None
    base: Path
    after_refusal_days: float | None = None

    @field_validator("files", mode="before")
    @classmethod
    def _are_names(cls, value: object) -> object:
        names = list(value) if isinstance(value, dict) else []
        for name in names:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", str(name)):
                raise ValueError(
                    f"{name!r} cannot be a table's name in SQL: take letters, digits and _ only, "
                    'as in Lead = "Lead.csv"'
                )
        repeated = sorted(
            {name for name in names if [n.lower() for n in names].count(name.lower()) > 1}
        )
        if repeated:
            raise ValueError(f"SQL tells names apart by letters alone: rename one of {repeated}")
        return value

    @field_validator("interactions", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, dict | InteractionsMapping) else value

    @model_validator(mode="after")
    def _places_are_there(self) -> Self:
        for name, table in self.tables():
            if (table.table or table.query) and self.data.database is None:
                raise ValueError(
                    f"[{name}] reads a table or query, so [data] must name the database: "
                    'database = "sqlite:///crm.db"'
                )
            if table.file is not None and table.file not in self.files:
                raise ValueError(
                    f"[{name}] reads the file {table.file!r}, which [files] does not name."
                    f"{near_miss(table.file, self.files)} Named there: "
                    f"{', '.join(self.files) or 'nothing'}"
                )
            if table.sql is not None and not self.files:
                raise ValueError(
                    f"[{name}] has sql, so [files] must name what it reads: "
                    'Lead = "exports/Lead.csv"'
                )
        return self

    def named_interactions(self) -> tuple[tuple[str, InteractionsMapping], ...]:
        """Sections of interactions, each with its name for messages, such as ``interactions 2``."""
        several = len(self.interactions) > 1
        return tuple(
            (f"interactions {i}" if several else "interactions", table)
            for i, table in enumerate(self.interactions, start=1)
        )

    def tables(self) -> tuple[tuple[str, TableMapping], ...]:
        """All sections with rows, each with its name for messages."""
        log = () if self.attributes is None else (("attributes", self.attributes),)
        return (("leads", self.leads), *self.named_interactions(), *log)

    def defaults(self, table: TableMapping) -> tuple[ValueFormat, ...]:
        """How values are written where a section does not say: as in its file, then as in all."""
        files = () if table.file is None else (self.files[table.file],)
        return (*files, self.data)

    @property
    def measures(self) -> tuple[str, ...]:
        """Measures of all interactions, each once."""
        return tuple(dict.fromkeys(m for table in self.interactions for m in table.measures))


def export_mapping(
    sections: Mapping[str, object], base: Path, file: str = FILE_NAME
) -> ExportMapping:
    """Mapping that the four sections of the TOML file describe.

    Parameters
    ----------
    sections : mapping of str to object
        The sections ``data``, ``files``, ``leads``, ``interactions`` and ``attributes``, as plain
        values.
    base : Path
        Folder that relative files are relative to.
    file : str
        Name of the TOML file, for messages.

    Returns
    -------
    ExportMapping
        The checked mapping.

    Raises
    ------
    ValueError
        If a section, key or value is not allowed; the message has one line for each finding.

    Examples
    --------
    >>> mapping = export_mapping({"leads": {"source": "leads.csv"}}, Path("."))
    >>> mapping.leads.column("lead_id")
    'lead_id'
    >>> export_mapping({"leads": {"sorce": "leads.csv"}}, Path("."))
    Traceback (most recent call last):
    ...
    ValueError: lead_temperature.toml: [leads]: unknown key 'sorce'. Did you mean 'source'? ...
    """
    try:
        return ExportMapping.model_validate({**sections, "base": base})
    except ValidationError as error:
        # The input stays out of the chain: it may hold the database's password.
        raise ValueError(explanation(error, file)) from None
