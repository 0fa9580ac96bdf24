"""How well the CRM is kept: how complete the leads' fields are, how soon interactions are recorded.

Completeness counts the leads of which a field is known at the end of the data. Promptness compares
the instants at which interactions occurred and were recorded.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import Float64
from features.engine.history import MICROSECONDS_PER_DAY
from features.refusals import REFUSAL_KINDS
from features.spine import microseconds
from features.tables import Tables
from training.dataset.values import encode_values
from training.team.grouping import attribute_levels

MOST_CHANNELS = 8
"""Promptness is counted for at most this many channels, the largest ones."""
PROMPT_HOURS = 24.0
"""An interaction that is recorded within this many hours is recorded promptly."""


@dataclass(frozen=True, slots=True)
class FieldCompleteness:
    """How many leads have one field filled.

    Parameters
    ----------
    name : str
        Name of the field in the export.
    known, leads : int
        Number of leads of which the field is known at the end of the data, and of all leads.
    """

    name: str
    known: int
    leads: int

    @property
    def share(self) -> float:
        """Share of the leads of which the field is known."""
        return self.known / self.leads if self.leads else 0.0


@dataclass(frozen=True, slots=True)
class LoggingDelays:
    """How soon after they occurred the interactions of a channel were recorded.

    Parameters
    ----------
    channel : str or None
        None for all channels together, and for interactions without a channel.
    interactions : int
        Number of interactions.
    before, prompt, late : int
        Number of interactions that were recorded before they occurred (booked ahead), within
        `PROMPT_HOURS` after, and later.
    """

    channel: str | None
    interactions: int
    before: int
    prompt: int
    late: int


@dataclass(frozen=True, slots=True)
class LoggingPromptness:
    """How soon interactions are recorded, over all channels and by channel, largest first."""

    everything: LoggingDelays
    channels: tuple[LoggingDelays, ...]


def field_completeness(tables: Tables) -> tuple[FieldCompleteness, ...]:
    """Completeness of the leads' fields, the least complete first."""
    completeness = [
        FieldCompleteness(
            name, int(attribute_levels(tables, name).present.sum()), tables.leads.num_rows
        )
        for name in tables.attribute_kinds
        if name not in REFUSAL_KINDS  # which no card must have
    ]
    return tuple(sorted(completeness, key=lambda field: (field.known, field.name)))


def logging_promptness(tables: Tables) -> LoggingPromptness | None:
    """How soon interactions are recorded; None where the export does not say when they were."""
    events = tables.interactions
    recorded, occurred = (microseconds(events[name]) for name in ("recorded_at", "occurred_at"))
    hours = (recorded - occurred) / (MICROSECONDS_PER_DAY / 24)
    if not hours.any():
        return None
    channel = encode_values(events["channel"].cast(pa.string()), "category", occurred)
    counts = np.bincount(channel.codes, minlength=len(channel.words))
    by_size = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], code))
    return LoggingPromptness(
        _delays(None, hours),
        tuple(
            _delays(
                None if code == channel.missing else channel.words[code],
                hours[channel.codes == code],
            )
            for code in by_size[:MOST_CHANNELS]
        ),
    )


def _delays(channel: str | None, hours: Float64) -> LoggingDelays:
    booked = int((hours < 0).sum())
    delayed = int((hours > PROMPT_HOURS).sum())
    return LoggingDelays(
        channel=channel,
        interactions=len(hours),
        before=booked,
        prompt=len(hours) - booked - delayed,
        late=delayed,
    )
