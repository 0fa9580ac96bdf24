"""What every made-up world hands over: an export, its configuration and, apart from it, the truth.

A real export shows what happened, never how likely it was, so nobody can say from it how good a
model could have been. A *world* is a module of this package that makes up a firm from a hidden
mechanism and computes, for any look at a lead, the probability that whoever knows the mechanism
and the lead's history gives to a purchase. Worlds differ in the mechanism; what they hand over
(`MadeUpCrm`), what can be asked of them (`Knobs`) and how it is written (`write_export`) is here.

All exports end at `ENDS_AT`. Instants are whole seconds since the epoch until they become columns.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

DAY = 86_400
ENDS_AT = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
DAYS = 731
"""Length of an export unless asked otherwise: the years 2024 and 2025."""
HOT_DAYS = 14
WARM_DAYS = 90
SNAPSHOT_EVERY_DAYS = 7
SNAPSHOT_UNTIL_DAYS = 180
_TABLES = ("leads", "interactions", "attributes", "truth")


@dataclass(frozen=True, slots=True)
class Knobs:
    """What can be asked of every world beside its size.

    The truth is that of an observer to whom delay, noise and duplicates do nothing: who knows of
    each interaction when it occurs, sees through meaningless ones and knows which entries are one
    lead. A model that is given the export stays below it by what these knobs hide.

    Parameters
    ----------
    rate : float or None, default None
        Expected share of the leads that have bought by the end of the export, from 0.002 to 0.6;
        None leaves the world's own.
    delay_days : float, default 0.0
        Mean of a further delay, in days and exponential, after which an interaction or an entry of
        the attribute log is recorded. What was recorded before it took place is not delayed.
    noise : float, default 0.0
        Share, from 0 to 0.9, of interactions that mean nothing, and of values of attributes known
        at creation that were replaced by another lead's.
    duplicates : float, default 0.0
        Share, from 0 to 1, of leads that were entered twice at the same instant; each interaction
        then stands under one of the two entries, and both have the outcome.
    days : int, default 731
        Length of the export in days, at least 60. The first leads come in on its first day, so
        nobody is older.

    Raises
    ------
    ValueError
        A value is outside its range.
    """

    rate: float | None = None
    delay_days: float = 0.0
    noise: float = 0.0
    duplicates: float = 0.0
    days: int = DAYS

    def __post_init__(self) -> None:
        if self.rate is not None and not 0.002 <= self.rate <= 0.6:
            raise ValueError(f"rate must be from 0.002 to 0.6, got {self.rate}.")
        if not 0 <= self.delay_days <= 365:
            raise ValueError(f"delay_days must be from 0 to 365, got {self.delay_days}.")
        if not 0 <= self.noise <= 0.9:
            raise ValueError(f"noise must be from 0 to 0.9, got {self.noise}.")
        if not 0 <= self.duplicates <= 1:
            raise ValueError(f"duplicates must be from 0 to 1, got {self.duplicates}.")
        if not 60 <= self.days <= 3_660:
            raise ValueError(f"days must be from 60 to 3660, got {self.days}.")


WORLDS_OWN = Knobs()
"""Every knob as the world itself has it."""


@dataclass(frozen=True, slots=True)
class MadeUpCrm:
    """A CRM export and, apart from it, the truth.

    Parameters
    ----------
    leads : pyarrow.Table
        One row a lead, ordered by creation: `lead_id`, `created_at`, `converted_at`, `closed_at`,
        then attributes, those that must be left out among them.
    interactions : pyarrow.Table
        `lead_id`, `occurred_at`, `recorded_at`, `channel`, `kind`, `direction`, `outcome`,
        `agent` and measures; ordered by lead and time.
    attributes : pyarrow.Table
        The log of attributes that change: `lead_id`, `recorded_at`, `name`, `value`.
    truth : pyarrow.Table
        `lead_id`, `as_of`, `hot_probability` (14 days), `warm_probability` (90 days): every seventh
        day from creation to day 180 while the lead is open and the data last.
    config : str
        The `lead_temperature.toml` of this export; ``{ext}`` stands for the suffix of its tables.
    """

    leads: pa.Table
    interactions: pa.Table
    attributes: pa.Table
    truth: pa.Table
    config: str

    def __post_init__(self) -> None:
        hot, warm = (self.truth[f"{band}_probability"].to_numpy() for band in ("hot", "warm"))
        if not ((hot >= 0) & (hot <= warm) & (warm <= 1)).all():
            raise ValueError("truth must satisfy 0 <= hot_probability <= warm_probability <= 1.")


class World(Protocol):
    """A made-up firm: a function that draws its CRM."""

    def __call__(self, leads: int, seed: int, knobs: Knobs = ...) -> MadeUpCrm:
        """Draw a CRM with its truth.

        Parameters
        ----------
        leads : int
            How many leads; at least 1. Those that are entered twice count once.
        seed : int
            Seed of the random numbers, not negative. The same seed gives the same tables.
        knobs : Knobs
            Rate of buyers, delay of logging, noise, duplicates and length.

        Raises
        ------
        ValueError
            When `leads` is below 1 or `seed` is negative, or the world cannot have the rate.
        """
        ...


def require_size(leads: int, seed: int) -> None:
    """Refuse what no world can draw.

    Parameters
    ----------
    leads : int
        How many leads are asked for.
    seed : int
        Seed of the random numbers.

    Raises
    ------
    ValueError
        When `leads` is below 1 or `seed` is negative.
    """
    if leads < 1:
        raise ValueError(f"leads must be at least 1, got {leads}.")
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}.")


def config_text(
    fixed_at_creation: Sequence[str],
    left_out: str,
    numbers: Sequence[str],
    measures: Sequence[str],
    log: Sequence[str],
) -> str:
    """Write the `lead_temperature.toml` of a world, its horizons and looks those of its truth.

    Parameters
    ----------
    fixed_at_creation : sequence of str
        Columns of the leads whose value is what was known when the lead was created.
    left_out : str
        A sentence that says which other columns there are and why they are not used.
    numbers : sequence of str
        Those of `fixed_at_creation` that are numbers.
    measures : sequence of str
        Columns of the interactions that are measures.
    log : sequence of str
        Names in the log of attributes that change; their values are categories.
    """
    quoted = ", ".join(f'"{name}"' for name in fixed_at_creation)
    paragraphs = (
        "A made-up CRM whose true probabilities are known: those in truth.{ext}, no part of it.",
        "Attribute columns whose value is what was known when the lead was created. " + left_out,
    )
    header, attributes = (
        textwrap.fill(text, 98, initial_indent="# ", subsequent_indent="# ") for text in paragraphs
    )
    listed = textwrap.fill(quoted, 94, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(
        [
            header,
            "",
            "[data]",
            'ends_at = "2026-01-01T00:00:00Z"   # the moment the export was made',
            "",
            "[leads]",
            'source = "leads.{ext}"',
            attributes,
            f"fixed_at_creation = [\n{listed},\n]",
            "",
            "[leads.kinds]",
            *(f'{name} = "number"' for name in numbers),
            "",
            "[interactions]",
            'source = "interactions.{ext}"',
            "measures = [" + ", ".join(f'"{name}"' for name in measures) + "]",
            "",
            "[attributes]   # what staff learnt about a lead, and when they wrote it down",
            'source = "attributes.{ext}"',
            "[attributes.kinds]",
            *(f'{name} = "category"' for name in log),
            "",
            "[horizons]",
            f"hot_days = {HOT_DAYS}",
            f"warm_days = {WARM_DAYS}",
            "",
            "[snapshots]",
            "first_days = 0.0",
            f"every_days = {SNAPSHOT_EVERY_DAYS}.0",
            f"until_days = {SNAPSHOT_UNTIL_DAYS}.0",
            "",
        ]
    )


def write_export(
    crm: MadeUpCrm,
    folder: str | Path,
    format: Literal["csv", "parquet"] = "csv",  # noqa: A002
) -> None:
    """Write the export, its `lead_temperature.toml` and, beside them, the truth.

    Parameters
    ----------
    crm : MadeUpCrm
        What a world made up.
    folder : str or pathlib.Path
        Where to; made when missing. Files of the same names are replaced.
    format : {"csv", "parquet"}, default "csv"
        The form of the tables.

    Raises
    ------
    ValueError
        When `format` is neither.
    """
    if format not in {"csv", "parquet"}:
        raise ValueError(f"format must be 'csv' or 'parquet', got {format!r}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _TABLES:
        table, path = getattr(crm, name), folder / f"{name}.{format}"
        if format == "parquet":
            pq.write_table(table, path, compression="zstd")
        else:
            pa.csv.write_csv(_in_whole_seconds(table), path)
    config = folder / "lead_temperature.toml"
    config.write_text(crm.config.format(ext=format), encoding="utf-8")


def _in_whole_seconds(table: pa.Table) -> pa.Table:
    """Drop the microseconds, which are all zero, for a file that people open."""
    seconds = pa.timestamp("s", tz="UTC")
    return table.cast(
        pa.schema(
            [f.with_type(seconds) if pa.types.is_timestamp(f.type) else f for f in table.schema]
        )
    )
