"""How well the CRM is kept: how complete the leads' cards are, how promptly contacts are logged."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import Float64
from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import microseconds
from features.tables import Tables
from training.dataset.values import coded
from training.team.grouping import attribute_levels

MOST_CHANNELS = 8
PROMPT_HOURS = 24.0


@dataclass(frozen=True, slots=True)
class FieldCompleteness:
    """One field of the leads' cards.

    Parameters
    ----------
    name : str
        The export's.
    known, leads : int
        Leads of which it is known at the end of the data, of all leads.
    """

    name: str
    known: int
    leads: int

    @property
    def share(self) -> float:
        """Part of the cards in which it is filled."""
        return self.known / self.leads if self.leads else 0.0


@dataclass(frozen=True, slots=True)
class LoggingDelays:
    """How long after they occurred interactions were recorded.

    Parameters
    ----------
    channel : str or None
        None for all channels together, or where an interaction has none.
    interactions : int
    before, prompt, late : int
        Recorded before they were to occur (booked), within `PROMPT_HOURS`, later than that.
    """

    channel: str | None
    interactions: int
    before: int
    prompt: int
    late: int


@dataclass(frozen=True, slots=True)
class LoggingPromptness:
    """Promptness of the log, in all and by channel, largest first."""

    everything: LoggingDelays
    channels: tuple[LoggingDelays, ...]


def field_completeness(tables: Tables) -> tuple[FieldCompleteness, ...]:
    """Fields of the leads' cards, the least complete first."""
    found = [
        FieldCompleteness(
            name, int(attribute_levels(tables, name).present.sum()), tables.leads.num_rows
        )
        for name in tables.attribute_kinds
    ]
    return tuple(sorted(found, key=lambda field: (field.known, field.name)))


def logging_promptness(tables: Tables) -> LoggingPromptness | None:
    """How promptly contacts are logged; None where the export does not say when they were."""
    events = tables.interactions
    recorded, occurred = (microseconds(events[name]) for name in ("recorded_at", "occurred_at"))
    hours = (recorded - occurred) / (MICROSECONDS_PER_DAY / 24)
    if not hours.any():
        return None
    channel = coded(events["channel"].cast(pa.string()), "category", occurred)
    counts = np.bincount(channel.codes, minlength=len(channel.words))
    largest = sorted(np.flatnonzero(counts).tolist(), key=lambda code: (-counts[code], code))
    return LoggingPromptness(
        _logged(None, hours),
        tuple(
            _logged(None if code == channel.missing else channel.words[code], hours[chosen])
            for code in largest[:MOST_CHANNELS]
            for chosen in [channel.codes == code]
        ),
    )


def _logged(channel: str | None, hours: Float64) -> LoggingDelays:
    before, late = int((hours < 0).sum()), int((hours > PROMPT_HOURS).sum())
    return LoggingDelays(channel, len(hours), before, len(hours) - before - late, late)
