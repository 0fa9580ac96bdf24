"""What one interaction adds to the answers about its lead, by its labels alone.

A single lead has few interactions, and they repeat a few sets of labels: the same channel, kind,
direction and outcome again and again. Which questions such an interaction is part of is worked out
once and remembered, so that a lead is counted by walking over its interactions and adding.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from features.history import MICROSECONDS_PER_DAY
from features.kinds import LABEL_FIELDS, Distinct, LabelField, LatestValue, Selection
from features.questions import Questions
from features.spec import Spec

MOST_REMEMBERED = 4_096
"""Sets of labels: no client can make the memory grow."""
OTHER = "\0"
"""Stands for all words that no question names."""

Labels = tuple[str | bool | None, ...]
"""Words of the fields that a spec looks at, in their order, then whether it is by the owner."""
Places = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """Which answers an interaction is part of, as their places.

    Parameters
    ----------
    counts : tuple of Places
        Sums that it adds one to: while it is in every window, once it has left the narrowest, the
        two narrowest … and in the end every window.
    measured : tuple of (measure, values, numbers)
        Sums that a measure's value is added to, and those that one is added to where it has a
        value, both as `counts`.
    gaps : tuple of Places
        Sums of gaps, their minutes and squared minutes, of each selection that it belongs to.
    levels : tuple of (answer, instant, level)
        Latest values, the instant that each belongs to, and the interaction's own level.
    latest, first : Places
        Instants.
    largest : tuple of (answer, measure, width in microseconds or None)
    ends, runs : Places
        Unbroken runs that it ends, and that it is one of.
    weighted : tuple of (answer, half-life in days)
    """

    counts: tuple[Places, ...]
    measured: tuple[tuple[str, tuple[Places, ...], tuple[Places, ...]], ...]
    gaps: tuple[Places, ...]
    levels: tuple[tuple[int, int, int], ...]
    latest: Places
    first: Places
    largest: tuple[tuple[int, str, int | None], ...]
    ends: Places
    runs: Places
    weighted: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Additions:
    """What interactions add, by their labels.

    Parameters
    ----------
    words : tuple of (field, mapping of word to word)
        The fields that are looked at; words that are not in the mapping are `OTHER`.
    by_owner : bool
        Whether it matters that an interaction is by the lead's owner.
    widths : tuple of int
        Windows in microseconds, narrowest first.
    of : callable
        What is added by labels; None where such interactions do not exist for any feature.
    """

    words: tuple[tuple[LabelField, Mapping[str | None, str | None]], ...]
    by_owner: bool
    widths: tuple[int, ...]
    of: Callable[[Labels], Added | None]


def additions(asked: Questions, spec: Spec) -> Additions:
    """What interactions add to the answers of a spec's questions."""
    words: dict[LabelField, dict[str | None, str | None]] = {
        name: {None: None} | {word: word for word in spec.ignored.get(name, ())}
        for name in spec.fields
    }
    for selection in asked.selections:
        for name, values in selection.conditions():
            words[name].update((value, value) for value in values)
    for feature in spec.features:
        if isinstance(feature, LatestValue):
            words[feature.field].update((value, value) for value in feature.levels)
        elif isinstance(feature, Distinct):
            words[feature.field].update((value, value) for value in feature.values)
    days = sorted({width for _, width in asked.sums if width is not None})

    @functools.lru_cache(MOST_REMEMBERED)
    def of(labels: Labels) -> Added | None:
        return _added(asked, spec, days, dict(zip((*words, "by_owner"), labels, strict=False)))

    return Additions(
        words=tuple(words.items()),
        by_owner=any(selection.by_owner is not None for selection in asked.selections),
        widths=tuple(width * MICROSECONDS_PER_DAY for width in days),
        of=of,
    )


def _added(
    asked: Questions, spec: Spec, days: list[int], labels: Mapping[str, Any]
) -> Added | None:
    if any(labels[name] in values for name, values in spec.ignored.items()):
        return None
    chosen = {place for one, place in asked.selections.items() if _admits(one, labels)}
    sums = [(key, place) for key, place in asked.sums.items() if key[0].selection in chosen]

    def shrinking(of: str, name: str = "") -> tuple[Places, ...]:
        """Sums of a sort that are left when so many of the windows were left."""
        mine = [(width, p) for (one, width), p in sums if (one.of, one.name) == (of, name)]
        return tuple(
            tuple(p for width, p in mine if width is None or width in days[left:])
            for left in range(len(days) + 1)
        )

    there = [shrinking("has", name) for name in LABEL_FIELDS if labels.get(name) is not None]
    gaps: dict[int, list[int]] = {}
    for of in ("gap", "gap_minutes", "gap_squares"):
        for (one, _), place in sums:
            if one.of == of:
                gaps.setdefault(one.selection, []).append(place)
    instants = [(one, place) for one, place in asked.instants.items() if one.selection in chosen]
    latest = tuple(place for one, place in instants if not one.first)
    return Added(
        counts=tuple(
            tuple(place for part in parts for place in part)
            for parts in zip(shrinking("one"), *there, strict=True)
        ),
        measured=tuple((m, shrinking("value", m), shrinking("has", m)) for m in spec.measures),
        gaps=tuple(tuple(places) for places in gaps.values()),
        levels=tuple(
            (place, one.instant, _level(one.levels, labels[one.field]))
            for one, place in asked.latest.items()
            if one.instant in latest
        ),
        latest=latest,
        first=tuple(place for one, place in instants if one.first),
        largest=tuple(
            (place, one.measure, None if one.days is None else one.days * MICROSECONDS_PER_DAY)
            for one, place in asked.largest.items()
            if one.selection in chosen
        ),
        ends=tuple(place for one, place in asked.unbroken.items() if one.ended_by in chosen),
        runs=tuple(place for one, place in asked.unbroken.items() if one.selection in chosen),
        weighted=tuple(
            (place, one.half_life_days)
            for one, place in asked.weighted.items()
            if one.selection in chosen
        ),
    )


def _admits(selection: Selection, labels: Mapping[str, Any]) -> bool:
    if selection.by_owner is not None and labels["by_owner"] is not selection.by_owner:
        return False
    return all(labels[name] in values for name, values in selection.conditions())


def _level(levels: tuple[str, ...], word: str | None) -> int:
    if word is None:
        return -1
    return levels.index(word) if word in levels else len(levels)
