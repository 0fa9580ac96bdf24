"""What the records of a made-up firm show of the hidden classes of its leads.

In some worlds every lead belongs to a hidden class. The class shows in attributes (`Signal`: the
share of each value in each class) and in interactions (`InteractionType`: a rate per day in each
class). Given the class, values and counts are independent, so the logarithm of the likelihood of
all that was recorded is a sum, and Bayes' rule says exactly what an observer can know.

`event_tables` writes interactions and what was learnt in them as an export holds them;
`identity_columns` makes the columns that say who somebody is, which must not become features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from features.arrays import Float64, Int64
from features.engine.history import is_known, when_known
from features.worlds.crm import ENDS_AT
from features.worlds.drawing import as_instants, contact_columns, draw_recorded

_NOTES = ("prefers the evening", 'asked twice, "in no hurry"', "met at the counter")


@dataclass(frozen=True, slots=True)
class Signal:
    """An attribute of the lead whose distribution depends on the hidden class.

    Parameters
    ----------
    name : str
        Column of the leads table.
    values : tuple of str, int or None
        Values that it takes; None is a missing one.
    shares : tuple of tuple of float
        Share of each value, one row a class; each row adds up to 1.

    Raises
    ------
    ValueError
        A row of `shares` has another length than `values`, or does not add up to 1.
    """

    name: str
    values: tuple[str | int | None, ...]
    shares: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        for row in self.shares:
            if len(row) != len(self.values) or abs(sum(row) - 1) > 1e-9:
                raise ValueError(
                    f"shares of {self.name!r} must be {len(self.values)} numbers that add up to 1 "
                    f"in each class, got {row}."
                )

    def draw(self, rng: np.random.Generator, hidden_class: Int64) -> Int64:
        """Draw the position in `values` of each lead's value, given its class."""
        return draw_by_row(rng, np.array(self.shares)[hidden_class])

    def log_likelihood(self, codes: Int64) -> Float64:
        """Log of the share of each lead's value in each class, leads × classes."""
        likelihood: Float64 = np.log(np.array(self.shares))[:, codes].T
        return likelihood

    def column(self, codes: Int64) -> pa.Array:
        """Values at these positions, as a column of the leads table."""
        return pa.array(self.values).take(pa.array(codes))


class InteractionType(NamedTuple):
    """One type of interaction: its words, its usual length, its rate per day in each class.

    Attributes
    ----------
    channel, kind : str
        Words of the export.
    direction : {"inbound", "outbound"}
        Who began it. The rate of outbound ones is multiplied by the staff's effort.
    outcome : str or None
        How it ended, where that is written down.
    seconds : int
        Median duration; 0 where none is measured.
    rates : tuple of float
        Interactions per day in each class.
    learnt : tuple of str, optional
        Name and value of the entry that staff make in the log of attributes once the interaction
        has taken place and is written down.
    is_booked : bool, default False
        Whether it is an appointment, half of which are written down when they are made.
    """

    channel: str
    kind: str
    direction: Literal["inbound", "outbound"]
    outcome: str | None
    seconds: int
    rates: tuple[float, ...]
    learnt: tuple[str, str] | None = None
    is_booked: bool = False


def draw_by_row(rng: np.random.Generator, probabilities: Float64) -> Int64:
    """Draw one column for each row of probabilities.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    probabilities : float64 array of shape (rows, columns)
        Each row adds up to 1.

    Returns
    -------
    int64 array of shape (rows,)
        Position of the column.
    """
    below = np.cumsum(probabilities[:, :-1], axis=1)
    column: Int64 = (rng.random(len(probabilities))[:, None] >= below).sum(axis=1)
    return column


def as_probabilities(log_weights: Float64) -> Float64:
    """Probabilities in proportion to ``exp(log_weights)``, along the last axis."""
    weights = np.exp(log_weights - log_weights.max(axis=-1, keepdims=True))
    probabilities: Float64 = weights / weights.sum(axis=-1, keepdims=True)
    return probabilities


def event_tables(
    rng: np.random.Generator,
    ids: pa.Array,
    types: Sequence[InteractionType],
    lead: Int64,
    occurred_at: Int64,
    type_code: Int64,
    created_at: Int64,
    agents: pa.Array,
) -> tuple[pa.Table, pa.Table]:
    """Write interactions, and what was learnt in them, as an export holds them.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    ids : pyarrow.Array
        Name of each lead.
    types : sequence of InteractionType
        The types.
    lead : int64 array of shape (events,)
        Position of the lead in `ids`.
    occurred_at : int64 array of shape (events,)
        Instants in seconds.
    type_code : int64 array of shape (events,)
        Position of the type in `types`.
    created_at : int64 array of shape (leads,)
        When each lead came in, in seconds.
    agents : pyarrow.Array
        Who of ours works on each lead; stands in outbound interactions.

    Returns
    -------
    interactions, attributes : pyarrow.Table
        Interactions ordered by lead and time, and the log of attributes ordered by time. What is
        recorded after the end of the export is not in them.
    """
    order = np.lexsort((type_code, occurred_at, lead))
    lead, occurred_at, type_code = lead[order], occurred_at[order], type_code[order]
    is_booked = np.array([t.is_booked for t in types])[type_code]
    recorded_at = draw_recorded(rng, created_at[lead], occurred_at, is_booked)
    exported = is_known(when_known(occurred_at, recorded_at), ENDS_AT)
    lead, occurred_at, recorded_at, type_code = (
        column[exported] for column in (lead, occurred_at, recorded_at, type_code)
    )
    usual = np.array([t.seconds for t in types])[type_code]
    seconds = 1 + (usual * rng.lognormal(0.0, 0.6, len(lead))).astype(np.int64)
    outbound = np.array([t.direction == "outbound" for t in types])[type_code]
    words = {
        word: pa.array([getattr(t, word) for t in types], pa.string()).take(pa.array(type_code))
        for word in ("channel", "kind", "direction", "outcome")
    }
    interactions = pa.table(
        {
            "lead_id": ids.take(pa.array(lead)),
            "occurred_at": as_instants(occurred_at),
            "recorded_at": as_instants(recorded_at),
            **words,
            "agent": agents.take(pa.array(lead, mask=~outbound)),
            "duration_seconds": pa.array(seconds, mask=usual == 0),
        }
    )
    learnt = np.flatnonzero(np.array([t.learnt is not None for t in types])[type_code])
    entries = [t.learnt or (None, None) for t in types]
    code = pa.array(type_code[learnt])
    log = pa.table(
        {
            "lead_id": ids.take(pa.array(lead[learnt])),
            "recorded_at": as_instants(when_known(occurred_at, recorded_at)[learnt]),
            "name": pa.array([name for name, _ in entries], pa.string()).take(code),
            "value": pa.array([value for _, value in entries], pa.string()).take(code),
        }
    )
    by_time = [("recorded_at", "ascending"), ("lead_id", "ascending")]
    return interactions, log.sort_by(by_time)


def identity_columns(rng: np.random.Generator, person: Int64) -> dict[str, pa.Array]:
    """Columns that say who somebody is, the same on all leads of a person but for the notes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    person : int64 array of shape (leads,)
        Number of the person behind each lead, from 0.
    """
    people = int(person.max()) + 1
    contacts = contact_columns(people) | {"birth_year": pa.array(rng.integers(1950, 2004, people))}
    note = pa.array(rng.integers(len(_NOTES), size=len(person)), mask=rng.random(len(person)) < 0.7)
    return {
        **{name: column.take(pa.array(person)) for name, column in contacts.items()},
        "notes": pa.array(_NOTES).take(note),
    }
