"""The kinds of features: a closed union of frozen values, each one sentence long.

A feature is a function of one lead's history as of one instant. A kind says which function, its
fields say of what: an attribute, or the interactions that a `Selection` looks at, over a window of
days before the instant (None is all of the history). Windows are closed at their start and open at
their end. To add a kind: its dataclass here, its place in `Feature`, and the cases that mypy then
asks for in `features.engine.questions`, `features.engine.executor` and `features.language.wording`.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

AttributeKind = Literal["number", "category", "timestamp"]
LabelField = Literal["channel", "kind", "direction", "outcome", "agent"]
LABEL_FIELDS: tuple[LabelField, ...] = get_args(LabelField)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which interactions a feature looks at.

    Parameters
    ----------
    channel, kind, direction, outcome, agent : tuple of str
        Allowed values of that field; empty means any value, a missing one included.
    by_owner : bool or None
        Only those by the lead's owner (True) or by somebody else (False); where agent or owner is
        missing it is neither. None means by anybody.

    Examples
    --------
    >>> str(Selection(direction=("inbound",)))
    'direction=inbound'
    >>> str(Selection())
    'any'
    """

    channel: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    direction: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    by_owner: bool | None = None

    def __str__(self) -> str:
        parts = [f"{name}={'|'.join(values)}" for name, values in self.conditions()]
        if self.by_owner is not None:
            parts.append("by owner" if self.by_owner else "by others")
        return ",".join(parts) or "any"

    def conditions(self) -> list[tuple[LabelField, tuple[str, ...]]]:
        """Label fields that are restricted, with their allowed values."""
        pairs = [(name, getattr(self, name)) for name in LABEL_FIELDS]
        return [(name, values) for name, values in pairs if values]


@dataclass(frozen=True, slots=True)
class LeadAge:
    """Days since the lead was created."""

    @property
    def name(self) -> str:
        """Column name."""
        return "lead_age_days"


@dataclass(frozen=True, slots=True)
class AttributeNumber:
    """The latest known value of a numeric attribute; NaN when there is none."""

    attribute: str

    @property
    def name(self) -> str:
        """Column name."""
        return f"attribute[{self.attribute}]"


@dataclass(frozen=True, slots=True)
class AttributeCategory:
    """The latest known value of a categorical attribute, as the index of its level.

    A value outside `levels` (rare when the levels were learned, or new since) takes the index
    ``len(levels)``, "other"; a missing value is NaN.
    """

    attribute: str
    levels: tuple[str, ...]

    @property
    def name(self) -> str:
        """Column name."""
        return f"attribute[{self.attribute}]"


@dataclass(frozen=True, slots=True)
class DaysSinceAttribute:
    """Days from the latest known value of a timestamp attribute to the instant."""

    attribute: str

    @property
    def name(self) -> str:
        """Column name."""
        return f"days_since_attribute[{self.attribute}]"


@dataclass(frozen=True, slots=True)
class KnownAttributes:
    """How many of the lead's attributes are known: the completeness of its card."""

    attributes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Column name."""
        return "known_attributes"


@dataclass(frozen=True, slots=True)
class Count:
    """Number of interactions in the window; `days` None means all of the history."""

    selection: Selection
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"count[{self.selection}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Total:
    """Sum of a measure over the window; missing values count as nothing."""

    selection: Selection
    measure: str
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"total_{self.measure}[{self.selection}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean of a measure over the window's interactions that have it; NaN when none has."""

    selection: Selection
    measure: str
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"mean_{self.measure}[{self.selection}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Share:
    """Interactions of `selection` among those of `among` in the window; NaN when there are none."""

    selection: Selection
    among: Selection
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"share[{self.selection} of {self.among}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Trend:
    """Rate per day over the short window minus the rate over the long one.

    Both rates are taken over the full width of their window, so a lead that fell silent has a
    negative trend and a lead that woke up a positive one.
    """

    selection: Selection
    short_days: int
    long_days: int

    def __post_init__(self) -> None:
        if not 0 < self.short_days < self.long_days:
            raise ValueError(
                "Trend needs 0 < short_days < long_days, "
                f"got short_days={self.short_days}, long_days={self.long_days}."
            )

    @property
    def name(self) -> str:
        """Column name."""
        return f"trend[{self.selection}]_{self.short_days}d_{self.long_days}d"


@dataclass(frozen=True, slots=True)
class DaysSinceLatest:
    """Days since the latest known interaction occurred; NaN when there was none."""

    selection: Selection

    @property
    def name(self) -> str:
        """Column name."""
        return f"days_since_latest[{self.selection}]"


@dataclass(frozen=True, slots=True)
class DaysSinceFirst:
    """Days since the first known interaction occurred; NaN when there was none."""

    selection: Selection

    @property
    def name(self) -> str:
        """Column name."""
        return f"days_since_first[{self.selection}]"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Hour of the day (0–23) or day of the week (Monday is 0) of the instant, on local clocks."""

    part: Literal["hour", "weekday"]
    timezone: str

    @property
    def name(self) -> str:
        """Column name."""
        return f"calendar_{self.part}"


@dataclass(frozen=True, slots=True)
class Maximum:
    """Largest value of a measure in the window; NaN when no interaction has it."""

    selection: Selection
    measure: str
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"max_{self.measure}[{self.selection}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Distinct:
    """Number of different values of a field; all values outside of `values` count as one."""

    selection: Selection
    field: LabelField
    values: tuple[str, ...]
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"distinct_{self.field}[{self.selection}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class LatestValue:
    """Level of a field in the interaction that occurred latest; NaN without one or its value.

    A value outside of `levels` is the index ``len(levels)``; of several at the same instant the
    one with the greatest index counts.
    """

    selection: Selection
    field: LabelField
    levels: tuple[str, ...]

    @property
    def name(self) -> str:
        """Column name."""
        return f"latest_{self.field}[{self.selection}]"


@dataclass(frozen=True, slots=True)
class DaysToFirst:
    """Days from the lead's creation to the first known interaction; NaN while there is none."""

    selection: Selection

    @property
    def name(self) -> str:
        """Column name."""
        return f"days_to_first[{self.selection}]"


@dataclass(frozen=True, slots=True)
class Rate:
    """Interactions per day of the window, or of the lead's age (at least a day) where shorter."""

    selection: Selection
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"rate[{self.selection}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Days between interactions, in the order in which they became known.

    A gap is the time from the latest one known before to a new one, in whole minutes; one that was
    recorded late and lies before what is known makes no gap. "mean" and "spread" (standard
    deviation) are over all gaps so far, "relative" is the time since the latest interaction over
    the mean gap. NaN without gaps (with fewer than two for the spread).
    """

    selection: Selection
    statistic: Literal["mean", "spread", "relative"]

    @property
    def name(self) -> str:
        """Column name."""
        return f"gap_{self.statistic}[{self.selection}]"


@dataclass(frozen=True, slots=True)
class Streak:
    """Interactions of `selection` that became known after the latest one of `ended_by`."""

    selection: Selection
    ended_by: Selection

    @property
    def name(self) -> str:
        """Column name."""
        return f"streak[{self.selection} since {self.ended_by}]"


@dataclass(frozen=True, slots=True)
class Decayed:
    """Sum over interactions of one half to the power of their age over the half-life.

    The age is counted in whole hours: warmth fades with time.
    """

    selection: Selection
    half_life_days: int

    def __post_init__(self) -> None:
        if not 1 <= self.half_life_days <= 365:
            raise ValueError(f"A half-life must be 1 to 365 days, got {self.half_life_days}.")

    @property
    def name(self) -> str:
        """Column name."""
        return f"decayed[{self.selection}]_{self.half_life_days}d"


Feature = (
    LeadAge
    | Calendar
    | AttributeNumber
    | AttributeCategory
    | DaysSinceAttribute
    | KnownAttributes
    | Count
    | Total
    | Mean
    | Maximum
    | Share
    | Rate
    | Trend
    | Distinct
    | LatestValue
    | DaysSinceLatest
    | DaysSinceFirst
    | DaysToFirst
    | Gap
    | Streak
    | Decayed
)
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Feature)}


def _window(days: int | None) -> str:
    return "" if days is None else f"_{days}d"
