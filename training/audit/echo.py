"""Columns that repeat what the log says as of the export: its number, last instant or last word.

A number of contacts, a date of the last contact or its kind, kept up to date on the lead, is known
as of the export and not as of the look. The log of interactions tells what such a column would hold
at both times. A column that holds the later one, among leads of which the log tells two different
things, is an echo.

Agreement beyond chance is Cohen's: what is left of the disagreement that two independent columns
with the same frequencies would have.

References
----------
J. Cohen, *A coefficient of agreement for nominal scales*, Educational and Psychological Measurement
20 (1960), doi:10.1177/001316446002000104.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import NEVER, Bool, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import microseconds
from features.tables import Kind, Tables
from training.audit.timing import LeadShare
from training.dataset.lives import SAME_MOMENT, Lives, lead_index
from training.dataset.values import encode_values

LEAST_AGREEMENT = 0.95
"""Share of leads in which a column must equal the log, beyond chance."""
MOST_DISAGREEMENT = 0.1
"""What may be left of the disagreement that chance would leave."""
LEAST_PARTIAL = 0.2
"""Cohen's κ, beyond chance, from which a column of numbers or instants echoes the log in part."""


@dataclass(frozen=True, slots=True)
class LogQuantity:
    """One quantity of each lead's log, as of its creation and as of the export.

    Parameters
    ----------
    name : str
        What it is, in words.
    kind : {"number", "category", "timestamp"}
        Kind of a column that could echo it.
    at_creation, at_export : int64 arrays of shape (leads,)
        A number, a code, or an instant in microseconds; `NEVER` where there is none.
    words : tuple of str
        What the codes of a category stand for.
    """

    name: str
    kind: Kind
    at_creation: Int64
    at_export: Int64
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often a column equals a quantity of the log, among leads whose log has gone on.

    Parameters
    ----------
    quantity : str
        The quantity of the log.
    kind : {"number", "category", "timestamp"}
        Its kind.
    equal : LeadShare
        Leads in which the column equals it as of the export.
    by_chance : float
        Share that two independent columns of the same frequencies would have.
    """

    quantity: str
    kind: Kind
    equal: LeadShare
    by_chance: float

    @property
    def is_partial_echo(self) -> bool:
        """Whether a column of numbers or instants equals the log more than chance explains.

        Words are left out: a preferred channel honestly equals the last one in many leads.
        """
        if self.kind == "category" or self.by_chance >= 1:
            return False
        return (self.equal.low - self.by_chance) / (1 - self.by_chance) > LEAST_PARTIAL

    @property
    def is_echo(self) -> bool:
        """Whether the column equals the log in almost all leads, beyond chance."""
        allowed_disagreement = MOST_DISAGREEMENT * (1 - self.by_chance)
        return self.equal.low > max(LEAST_AGREEMENT, 1 - allowed_disagreement)


def log_quantities(tables: Tables, lives: Lives) -> tuple[LogQuantity, ...]:
    """Number, last instant and last words of the interactions of each lead.

    Parameters
    ----------
    tables : Tables
        The export.
    lives : Lives
        When its leads were created.
    """
    events = tables.interactions
    leads = len(lives.created_at)
    lead = lead_index(tables, events["lead_id"])
    occurred_at = microseconds(events["occurred_at"])
    recorded_at = microseconds(events["recorded_at"])
    order = np.lexsort((recorded_at, occurred_at, lead))
    lead, occurred_at, recorded_at = lead[order], occurred_at[order], recorded_at[order]
    at_creation = occurred_at <= lives.created_at[lead] + SAME_MOMENT
    everything = np.ones(len(lead), np.bool_)
    quantities = [
        LogQuantity(
            "the number of interactions",
            "number",
            np.bincount(lead[at_creation], minlength=leads),
            np.bincount(lead, minlength=leads),
        ),
        *(
            LogQuantity(
                "the last interaction's instant",
                "timestamp",
                _last(lead, instants, at_creation, leads, NEVER),
                _last(lead, instants, everything, leads, NEVER),
            )
            for instants in (occurred_at, recorded_at)
        ),
    ]
    for field in ("kind", "channel", "outcome"):
        words = encode_values(events[field], "category", lives.created_at[lead])
        codes = words.codes[order]
        quantities.append(
            LogQuantity(
                f"the last interaction's {field}",
                "category",
                _last(lead, codes, at_creation, leads, words.missing),
                _last(lead, codes, everything, leads, words.missing),
                words.words,
            )
        )
    return tuple(quantities)


def _last(lead: Int64, values: Int64, among: Bool, leads: int, absent: int) -> Int64:
    """Value of each lead's last row; rows are ordered by lead and time."""
    last_values = np.full(leads, absent, np.int64)
    last_values[lead[among]] = values[among]
    return last_values


def agreements(
    column: pa.ChunkedArray, kind: Kind, quantities: tuple[LogQuantity, ...]
) -> Iterator[Agreement]:
    """How often a column of the leads equals each quantity of its kind.

    Only leads count of which the log tells something else as of the export than as of the creation:
    a column that was filled in at creation does not agree with it by itself.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Values of shape (leads,).
    kind : {"number", "category", "timestamp"}
        Kind of the column.
    quantities : tuple of LogQuantity
        What the log says.
    """
    for quantity in quantities:
        if quantity.kind != kind:
            continue
        values, step = _comparable(column, quantity)
        later, earlier = quantity.at_export // step, quantity.at_creation // step
        went_on = later != earlier
        equal = values // step == later if kind == "timestamp" else values == later
        yield Agreement(
            quantity.name,
            kind,
            LeadShare.of(equal, went_on),
            _equal_by_chance(values[went_on] // step, later[went_on]),
        )


def _comparable(column: pa.ChunkedArray, quantity: LogQuantity) -> tuple[Int64, int]:
    """Values of the column as the quantity's are written, and the width of what counts as equal."""
    match quantity.kind:
        case "category":
            codes = {word: code for code, word in enumerate(quantity.words[:-1])}
            texts = column.cast(pa.string()).to_pylist()
            return np.array([codes.get(text, -1) for text in texts], np.int64), 1
        case "timestamp":
            instants = microseconds(column)
            filled = instants[instants < NEVER]
            whole_days = bool(len(filled)) and not (filled % MICROSECONDS_PER_DAY).any()
            return instants, MICROSECONDS_PER_DAY if whole_days else SAME_MOMENT
        case "number":
            numbers = np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
            is_whole = (
                np.isfinite(numbers) & (numbers == np.rint(numbers)) & (np.abs(numbers) < 2**52)
            )
            return np.where(is_whole, np.nan_to_num(numbers), -1).astype(np.int64), 1


def _equal_by_chance(values: Int64, log_values: Int64) -> float:
    """Share of equal pairs, were the two columns independent."""
    if len(values) == 0:
        return 1.0
    levels, codes = np.unique(np.concatenate([values, log_values]), return_inverse=True)
    column_codes, log_codes = codes[: len(values)], codes[len(values) :]
    shares = np.bincount(column_codes, minlength=len(levels)) / len(values)
    return float(shares @ np.bincount(log_codes, minlength=len(levels)) / len(values))
