"""Warnings of an answer: what the model could not use of a lead that it scored all the same.

A lead may lack attributes, name values that the model has never met, repeat an interaction or bring
one from the future. Such a lead is scored, and `cautions` names each of these things: one sentence
for each field, with at most `MAX_VALUES` values and `MAX_CAUTION_NAMES` names in it.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from features.engine.history import (
    MEASURE_SCALE,
    MICROSECONDS_PER_DAY,
    LeadRecord,
    column,
    is_known,
    when_each_known,
)
from features.export.odd_words import (
    EARLY_DAYS,
    LEAST_MIDNIGHTS,
    STAND_INS,
    fold,
    is_mojibake,
)
from features.language.kinds import LabelField
from features.refusals import REFUSAL_KINDS, REFUSAL_REASON, REFUSED_AT
from models.card import older_than_judged
from models.course.forecast import FORECAST_DAYS
from serving.answers.course import Part
from serving.answers.model import ServedModel
from serving.answers.problem import list_names, quoted_value

MAX_VALUES = 5
MAX_CAUTION_NAMES = 20
LEAST_MEASURE = 0.5 / MEASURE_SCALE
"""A measure nearer to 0 is kept as 0."""


def cautions(
    model: ServedModel, record: LeadRecord, as_of: int, include: Collection[Part] = ()
) -> Iterator[str]:
    """What of a lead was missing, unknown or not used; one sentence for each field.

    Parameters
    ----------
    model : ServedModel
        The model that scores the lead.
    record : LeadRecord
        The lead. Its attributes are those that were sent, with or without a value.
    as_of : int
        The instant of the score, in microseconds since the epoch.
    include : collection of "trend", "forecast"
        What the answer holds beside the score.

    Yields
    ------
    str
        One warning.
    """
    yield from _age_warnings(model, record, as_of, include)
    yield from _attribute_warnings(model, record, as_of)
    for field, words in model.words.items():
        values = column(record.interactions, field)
        if not words.issuperset(values):
            yield from _label_warnings(model, values, field)
    yield from _interaction_warnings(record, as_of)
    yield from _number_warnings(model, record)


def _attribute_warnings(model: ServedModel, record: LeadRecord, as_of: int) -> Iterator[str]:
    names = model.bundle.spec.attribute_kinds
    if len(record.attributes) < len(names):  # no other names come
        absent = [name for name in names if name not in {*record.attributes, *REFUSAL_KINDS}]
        if absent:
            absent_names = list_names(absent, MAX_CAUTION_NAMES)
            yield f"attributes: not sent, taken as missing: {absent_names}."
    yield from _refusal_warnings(model, record, as_of)
    for name, levels in model.levels.items():
        level = record.attributes.get(name)
        if level and level not in levels:
            yield (
                f"attributes.{name}: the model has no level {quoted_value(level)}, it counts as "
                f"another one. Known: {list_names(levels, MAX_CAUTION_NAMES)}."
            )
            yield from word_doubts(f"attributes.{name}", [level], levels)


def _refusal_warnings(model: ServedModel, record: LeadRecord, as_of: int) -> Iterator[str]:
    """What of a refusal does not count or was never met: no time, one to come, one long past."""
    refused_at = record.attributes.get(REFUSED_AT)
    if refused_at is None and record.attributes.get(REFUSAL_REASON):
        yield (
            f"attributes.{REFUSAL_REASON}: was not used, since {REFUSED_AT} does not say when the "
            "lead was refused."
        )
    elif refused_at is not None and not is_known(refused_at, as_of):
        yield f"attributes.{REFUSED_AT}: lies at or after as_of, so the refusal was not used."
    elif refused_at is not None:
        days = model.bundle.card.served.after_refusal_days
        if days is not None and is_known(refused_at, as_of - int(days * MICROSECONDS_PER_DAY)):
            yield (
                f"attributes.{REFUSED_AT}: longer ago than any refusal the model was judged on: "
                f"{days:g} day{'' if days == 1 else 's'}."
            )


def _label_warnings(model: ServedModel, values: Iterable[str], field: LabelField) -> Iterator[str]:
    known_values = model.vocabulary.get(field, ())
    ignored = model.bundle.spec.ignored.get(field, ())
    distinct = dict.fromkeys(values)
    ignored_values = [quoted_value(value) for value in distinct if value in ignored]
    if ignored_values:
        yield (
            f"interactions.{field}: {list_names(ignored_values, MAX_VALUES)} does not count: it "
            "was found to know the outcome."
        )
    unseen = [
        v for v in distinct if v and known_values and v not in known_values and v not in ignored
    ]
    if unseen:
        yield (
            f"interactions.{field}: no feature looks at "
            f"{list_names([quoted_value(value) for value in unseen], MAX_VALUES)}, it counts as "
            f"any interaction. Known: {list_names(known_values, MAX_CAUTION_NAMES)}."
        )
        yield from word_doubts(f"interactions.{field}", unseen[:MAX_VALUES], known_values)


def word_doubts(
    field: str, unknown_words: Iterable[str], known_words: Sequence[str]
) -> Iterator[str]:
    """What words may be meant as that the model does not know, as `check` says of an export.

    Parameters
    ----------
    field : str
        Path of their field.
    unknown_words : iterable of str
        The words.
    known_words : sequence of str
        Those that the model tells apart.

    Yields
    ------
    str
        One sentence for a word of which something can be said.
    """
    by_fold = _words_by_fold(tuple(known_words))
    for word in unknown_words:
        if fold(word) in by_fold:
            yield (
                f"{field}: {quoted_value(word)} may be meant as "
                f"{quoted_value(by_fold[fold(word)])}: they differ only by case, blanks or "
                "look-alikes."
            )
        elif word.strip().casefold() in STAND_INS:
            yield f"{field}: {quoted_value(word)} may stand for a missing value: then send null."
        elif is_mojibake(word):
            yield f"{field}: {quoted_value(word)} may have been read in another encoding."


@lru_cache(maxsize=256)
def _words_by_fold(words: tuple[str, ...]) -> Mapping[str, str]:
    """Words of the model by what a reader would notice of them, folded once for all leads."""
    return {fold(word): word for word in words}


def _number_warnings(model: ServedModel, record: LeadRecord) -> Iterator[str]:
    """Numbers beyond those of training, and measures that are too small to be kept."""
    for name, (low, high) in model.attribute_ranges.items():
        number = record.attributes.get(name)
        if number is not None and not low <= number <= high:
            yield _beyond(f"attributes.{name}", [number], low, high)
    for name, (low, high) in model.measure_ranges.items():
        numbers = [n for n in column(record.interactions, name) if n is not None]
        if not numbers:
            continue
        if min(numbers) < low or max(numbers) > high:
            outside = [number for number in numbers if not low <= number <= high]
            yield _beyond(f"interactions.measures.{name}", outside, low, high)
        tiny = [number for number in numbers if 0 < abs(number) < LEAST_MEASURE]
        if tiny:
            yield (
                f"interactions.measures.{name}: {list_names([f'{n:g}' for n in tiny], MAX_VALUES)} "
                "is too small to be kept and counts as 0."
            )


def _beyond(field: str, numbers: Sequence[float], low: float, high: float) -> str:
    values = list_names([f"{number:g}" for number in dict.fromkeys(numbers)], MAX_VALUES)
    return f"{field}: {values} is outside of what training had, {low:g} to {high:g}."


@dataclass(frozen=True, slots=True)
class InteractionDoubts:
    """How many of a lead's interactions are odd.

    Parameters
    ----------
    unused : int
        Those that occurred or were recorded at or after the instant of the score.
    early : int
        Those from over `EARLY_DAYS` days before the lead's creation.
    at_midnight : int
        All of them where there are many and none has an hour; else 0.
    copies : int
        Those that are equal to an earlier one in every field.
    """

    unused: int = 0
    early: int = 0
    at_midnight: int = 0
    copies: int = 0


def interaction_doubts(record: LeadRecord, as_of: int) -> InteractionDoubts:
    """What is odd about a lead's interactions at an instant.

    Parameters
    ----------
    record : LeadRecord
        The lead.
    as_of : int
        The instant of the score, in microseconds since the epoch.
    """
    events = record.interactions
    if not events:
        return InteractionDoubts()
    occurred, known_at = column(events, "occurred_at"), when_each_known(events)
    early = record.created_at - EARLY_DAYS * MICROSECONDS_PER_DAY
    instants = set(occurred)
    are_days = len(instants) >= LEAST_MIDNIGHTS and not any(
        instant % MICROSECONDS_PER_DAY for instant in instants
    )
    return InteractionDoubts(
        unused=0
        if is_known(max(known_at), as_of)
        else sum(not is_known(instant, as_of) for instant in known_at),
        early=sum(is_known(instant, early) for instant in occurred)
        if is_known(min(occurred), early)
        else 0,
        at_midnight=len(events) if are_days else 0,
        copies=_count_copies(events) if len(instants) < len(events) else 0,
    )


def _interaction_warnings(record: LeadRecord, as_of: int) -> Iterator[str]:
    doubts, count = interaction_doubts(record, as_of), len(record.interactions)
    if doubts.unused:
        yield (
            f"interactions: {doubts.unused} of {count} occurred or were recorded at or "
            "after as_of and were not used."
        )
    if doubts.early:
        yield (
            f"interactions: {doubts.early} of {count} occurred over {EARLY_DAYS} days before "
            "created_at."
        )
    if doubts.at_midnight:
        yield (
            f"interactions: all {count} occurred at midnight in UTC. Send their hour or, if "
            "it is not known, the end of the day."
        )
    if doubts.copies:
        yield (
            f"interactions: {doubts.copies} of {count} say in every field what another one says; "
            "each counts."
        )


def _age_warnings(
    model: ServedModel, record: LeadRecord, as_of: int, include: Collection[Part]
) -> Iterator[str]:
    """Say if the lead is, or becomes, older than any lead that the model was judged on."""
    judged_days = model.judged_days
    if judged_days is None:
        return
    days_left = judged_days - (as_of - record.created_at) / MICROSECONDS_PER_DAY
    if days_left < 0:
        yield f"created_at: {older_than_judged(judged_days)}."
    elif "forecast" in include and days_left < FORECAST_DAYS[-1]:
        first = math.floor(days_left) + 1
        yield f"forecast: from day {first} on the lead is {older_than_judged(judged_days)}."


def _count_copies(interactions: Sequence[Mapping[str, Any]]) -> int:
    """How many interactions are equal to an earlier one."""
    times = Counter(event["occurred_at"] for event in interactions)
    several = [event for event in interactions if times[event["occurred_at"]] > 1]
    different = {
        frozenset((n, v) for n, v in event.items() if v not in (None, "")) for event in several
    }
    return len(several) - len(different)
