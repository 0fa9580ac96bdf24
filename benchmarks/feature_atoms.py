"""What the compared engines count: the atoms of each feature, and how it is made from them."""

from dataclasses import dataclass
from typing import Literal

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.language.kinds import (
    Count,
    DaysSinceFirst,
    DaysSinceLatest,
    Feature,
    LeadAge,
    Mean,
    Selection,
    Share,
    Total,
    Trend,
)
from features.language.spec import Spec

Operation = Literal["count", "has", "sum", "max", "min"]


@dataclass(frozen=True, slots=True)
class Atom:
    """What an engine adds up (or takes the extreme of) over a window of a selection."""

    operation: Operation
    selection: Selection
    days: int | None
    measure: str = ""

    @property
    def window(self) -> int:
        """Days, or 0 for all of the history."""
        return self.days or 0

    @property
    def whole(self) -> "Atom":
        """The same over all of the history."""
        return Atom(self.operation, self.selection, None, self.measure)


def atoms(feature: Feature) -> tuple[Atom, ...]:
    """What a feature is made from, in the order in which `formula` takes it."""
    match feature:
        case LeadAge():
            return ()
        case Count(selection, days):
            return (Atom("count", selection, days),)
        case Total(selection, measure, days):
            return (Atom("sum", selection, days, measure),)
        case Mean(selection, measure, days):
            return (
                Atom("sum", selection, days, measure),
                Atom("has", selection, days, measure),
            )
        case Share(selection, among, days):
            return (Atom("count", selection, days), Atom("count", among, days))
        case Trend(selection, short_days, long_days):
            return (Atom("count", selection, short_days), Atom("count", selection, long_days))
        case DaysSinceLatest(selection):
            return (Atom("max", selection, None),)
        case DaysSinceFirst(selection):
            return (Atom("min", selection, None),)
        case _:
            raise ValueError(f"The comparison has no formula for {feature}.")


def formula(feature: Feature, values: list[str]) -> str:
    """A feature from its atoms, as SQL that DuckDB and Polars both read."""
    match feature:
        case LeadAge():
            return f"(as_of - created_at) / {DAY}e0"
        case Mean() | Share():
            return f"{values[0]} * 1e0 / nullif({values[1]}, 0)"
        case Trend(_, short_days, long_days):
            return f"{values[0]} / {short_days}e0 - {values[1]} / {long_days}e0"
        case DaysSinceLatest() | DaysSinceFirst():
            return f"(as_of - {values[0]}) / {DAY}e0"
        case _:
            return f"{values[0]} * 1e0"


def numbered_atoms(spec: Spec) -> dict[Atom, int]:
    """Every atom of a spec, numbered; the whole of each window among them."""
    found = [atom for feature in spec.features for atom in atoms(feature)]
    return {a: i for i, a in enumerate(dict.fromkeys([*found, *(a.whole for a in found)]))}


def window_days(wanted: dict[Atom, int]) -> list[int]:
    """Windows of the atoms in days, 0 for all of the history."""
    return sorted({atom.window for atom in wanted})
