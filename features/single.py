"""One lead of a request, counted by walking over its interactions.

Sweeps over arrays pay some calls of NumPy for every sort of question, whatever there is to count;
walking over twenty interactions and adding what each is part of costs a fifth of that. Sums of
whole numbers do not depend on the way in which they are counted, so a lead has the bits that
`features.exact` and `features.engine` give it among others: tests hold the two against each other,
and a server against the golden leads of its bundle before it answers.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from operator import itemgetter
from typing import Any, NamedTuple

from features.additions import OTHER, Added
from features.exact import MICROSECONDS_PER_HOUR, MICROSECONDS_PER_MINUTE
from features.formula import Counted
from features.history import MEASURE_LIMIT, MEASURE_SCALE, MISSING, LeadRecord, fixed_point
from features.plan import Plan

MOST_INTERACTIONS = 200
"""With more of them sweeps are cheaper. Of so few, no sum is too large for an int64."""


class _Event(NamedTuple):
    """An interaction that is known at the instant; its measures are in ten-thousandths."""

    known_at: int
    occurred_at: int
    added: Added
    measures: Mapping[str, int]


def walked(plan: Plan, record: LeadRecord, as_of: int) -> list[float]:
    """Values of every feature of one lead at an instant (microseconds), NaN where there is none.

    Parameters
    ----------
    plan : Plan
    record : LeadRecord
        With at most `MOST_INTERACTIONS`.
    as_of : int
    """
    attributes = {
        name: value
        for name, value in record.attributes.items()
        if value is not None and not _is_nan(value)
    }
    events = _events(plan, record, as_of)
    largest, weighted = _largest_and_weighted(plan, events, as_of)
    instants, latest = _instants(plan, events)
    whole = [*_sums(plan, events, as_of), *_unbroken(plan, events), *weighted]
    lead = Counted(as_of, record.created_at, attributes, whole, instants, largest, latest)
    return [formula(lead) for formula in plan.formulas]


def _events(plan: Plan, record: LeadRecord, as_of: int) -> list[_Event]:
    """What is known at the instant, in the order of becoming known, then of occurring."""
    additions, measures = plan.additions, plan.spec.measures
    owner = record.attributes.get(str(plan.spec.owner)) if additions.by_owner else None
    found = []
    for event in record.interactions:
        occurred_at = event["occurred_at"]
        known_at = max(occurred_at, event["recorded_at"])
        if known_at >= as_of:
            continue
        labels: list[str | bool | None] = [
            words.get(event.get(name), OTHER) for name, words in additions.words
        ]
        if additions.by_owner:
            agent = event.get("agent")
            labels.append(None if agent is None or owner is None else agent == owner)
        added = additions.of(tuple(labels))
        if added is not None:
            found.append(_Event(known_at, occurred_at, added, _measured(event, measures)))
    found.sort(key=itemgetter(0, 1))
    return found


def _measured(event: Mapping[str, Any], measures: Iterable[str]) -> dict[str, int]:
    """Measures that have a value, each rounded as `fixed_point` does."""
    found = {}
    for name in measures:
        value = event.get(name)
        if value is not None and not _is_nan(value):
            if not -MEASURE_LIMIT <= value <= MEASURE_LIMIT:
                fixed_point([value])  # which says what is wrong with it
            found[name] = round(float(value) * MEASURE_SCALE)
    return found


def _sums(plan: Plan, events: Sequence[_Event], as_of: int) -> list[int]:
    sums = [0] * len(plan.sums.summand)
    latest: dict[tuple[int, ...], int] = {}
    for _, occurred_at, added, measures in events:
        left = bisect_left(plan.additions.widths, as_of - occurred_at)
        for place in added.counts[left]:
            sums[place] += 1
        for name, totals, numbers in added.measured if measures else ():
            if name in measures:
                for place in totals[left]:
                    sums[place] += measures[name]
                for place in numbers[left]:
                    sums[place] += 1
        for places in added.gaps:
            before = latest.get(places, occurred_at)
            if occurred_at > before:
                minutes = occurred_at // MICROSECONDS_PER_MINUTE - before // MICROSECONDS_PER_MINUTE
                for place, more in zip(places, (1, minutes, minutes * minutes), strict=True):
                    sums[place] += more
            latest[places] = max(before, occurred_at)
    return sums


def _instants(plan: Plan, events: Sequence[_Event]) -> tuple[list[int], list[int]]:
    """When the latest (or first) of each selection occurred; levels of the latest."""
    instants = [MISSING] * (len(plan.latest_of) + len(plan.first_of))
    levels = [-1] * len(plan.latest)
    for _, occurred_at, added, _ in sorted(events, key=itemgetter(1)):
        for place, instant, level in added.levels:
            tied = occurred_at == instants[instant]
            levels[place] = max(level, levels[place]) if tied else level
        for place in added.latest:
            instants[place] = occurred_at
        for place in added.first:
            if instants[place] == MISSING:
                instants[place] = occurred_at
    return instants, levels


def _unbroken(plan: Plan, events: Sequence[_Event]) -> list[int]:
    """Events of a selection that became known after the latest known one of another."""
    runs, ended_at = [0] * len(plan.unbroken), [MISSING] * len(plan.unbroken)
    for known_at, _, added, _ in events:
        for place in added.ends:
            ended_at[place] = known_at
    for known_at, _, added, _ in events:
        for place in added.runs:
            runs[place] += known_at > ended_at[place]
    return runs


def _largest_and_weighted(
    plan: Plan, events: Sequence[_Event], as_of: int
) -> tuple[list[int], list[int]]:
    largest, weighted = [MISSING] * len(plan.largest), [0] * len(plan.weighted)
    weights = {one.half_life_days: (one.weights.item, len(one.weights) - 1) for one in plan.fading}
    for _, occurred_at, added, measures in events:
        age = as_of - occurred_at
        hours = age // MICROSECONDS_PER_HOUR
        for place, name, width in added.largest:
            if name in measures and (width is None or age <= width):
                largest[place] = max(largest[place], measures[name])
        for place, half_life in added.weighted:
            weight, last = weights[half_life]
            weighted[place] += weight(min(hours, last))
    return largest, weighted


def _is_nan(value: float | str) -> bool:
    return isinstance(value, float) and isnan(value)
