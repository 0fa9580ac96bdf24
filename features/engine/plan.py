"""What must be counted for a spec: the exact questions behind its features, each asked once.

The executor answers all questions of one sort in one sweep over the interactions. A `Plan` is the
list of questions (`features.engine.questions`), sort by sort, and for each feature the places of
its answers. It depends on the spec alone and is made once, when a model is loaded or a batch
begins.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache

import numpy as np

from features.arrays import Int64
from features.engine.codebook import Codebook, codebooks
from features.engine.questions import (
    WEIGHT_SCALE,
    Instant,
    Largest,
    Latest,
    Questions,
    Summand,
    Unbroken,
    Weighted,
    form,
)
from features.language.kinds import AttributeCategory, Distinct, Feature, LatestValue, Selection
from features.language.spec import Spec


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """Features of one kind (or of one form), which become floats together.

    Parameters
    ----------
    features : tuple of Feature
        All of one kind, or of kinds of one form.
    answers : tuple of int64 array
        What `Questions.ask` says of the features: the first number of each, the second …; where
        features have different numbers of them, all numbers of the first, the second … feature in
        one array, and where each feature's begin in another.
    """

    features: tuple[Feature, ...]
    answers: tuple[Int64, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """Windowed sums, with those of all history first.

    Parameters
    ----------
    summands : mapping of (of, name) to (places, selections)
        Which summands add what: places among the summands, and the selection of each.
    summand_count : int
        How many summands there are.
    summand : int64 array of shape (sums,)
        Summand of each sum.
    windowed : int
        Place of the first sum that has a window.
    days : int64 array of shape (windows,)
        Widths of the windows.
    subtracted : int64 array of shape (sums,)
        What each sum leaves out: 1 for what precedes the lead, 2, 3 … for what has left the first,
        second … window.
    """

    summands: dict[tuple[str, str], tuple[Int64, Int64]]
    summand_count: int
    summand: Int64
    windowed: int
    days: Int64
    subtracted: Int64


@dataclass(frozen=True, slots=True)
class Fading:
    """Weighted sums of one half-life.

    Parameters
    ----------
    answer_rows, selections : int64 arrays of shape (sums,)
        Place of each among all weighted sums, and its selection.
    weights : int64 array
        Weight of each age in hours; the last one is 0.
    """

    answer_rows: Int64
    selections: Int64
    weights: Int64


@dataclass(frozen=True, slots=True)
class Plan:
    """Questions behind a spec, and where each feature finds its answers.

    Parameters
    ----------
    spec : Spec
        The features, in the order of the matrix's columns.
    selections : tuple of Selection
        Which interactions are looked at, each once.
    sums : Sums
        The windowed sums.
    latest_of, first_of : int64 arrays
        Selections whose latest interaction is asked for, then those whose first is.
    largest, latest, unbroken, weighted
        The other questions.
    indices : mapping of levels to mapping of level to index
        Of each category's levels.
    groups : tuple of FeatureGroup
        Features by kind, with the places of their answers.
    rows : int64 array of shape (features,)
        Where each feature stands when the groups stand one after the other.
    codebooks : tuple of Codebook
        For the fields that some selection restricts.
    fading : tuple of Fading
        The weighted sums, by half-life.
    """

    spec: Spec
    selections: tuple[Selection, ...]
    sums: Sums
    latest_of: Int64
    first_of: Int64
    largest: tuple[Largest, ...]
    latest: tuple[Latest, ...]
    unbroken: tuple[Unbroken, ...]
    weighted: tuple[Weighted, ...]
    groups: tuple[FeatureGroup, ...]
    rows: Int64
    codebooks: tuple[Codebook, ...]
    fading: tuple[Fading, ...]
    indices: dict[tuple[str, ...], dict[str, int]]


def compile_plan(spec: Spec) -> Plan:
    """Plan of a spec.

    Examples
    --------
    >>> from features.language.kinds import Count, Rate
    >>> plan = compile_plan(Spec((Count(Selection(), 7), Rate(Selection(), 7))))
    >>> len(plan.sums.summand)
    1
    """
    questions = Questions()
    for feature in spec.features:
        questions.ask(feature)
    # Sums of all history go first, and latest instants; then every feature learns where its
    # answers stand.
    questions.sums = {
        key: position for position, key in enumerate(sorted(questions.sums, key=_has_window))
    }
    questions.instants = {
        key: position for position, key in enumerate(sorted(questions.instants, key=_is_first))
    }
    questions.latest.clear()
    answers_of = [questions.ask(feature) for feature in spec.features]
    by_form: dict[type[Feature] | str, list[int]] = {}
    for column, feature in enumerate(spec.features):
        by_form.setdefault(form(feature), []).append(column)
    columns = list(by_form.values())
    return Plan(
        spec=spec,
        selections=tuple(questions.selections),
        sums=_sums(list(questions.sums)),
        latest_of=_whole(one.selection for one in questions.instants if not one.first),
        first_of=_whole(one.selection for one in questions.instants if one.first),
        largest=tuple(questions.largest),
        latest=tuple(questions.latest),
        unbroken=tuple(questions.unbroken),
        weighted=tuple(questions.weighted),
        groups=tuple(_group(spec, answers_of, mine) for mine in columns),
        rows=np.argsort(_whole(column for mine in columns for column in mine)),
        codebooks=codebooks(tuple(questions.selections)),
        fading=_fading(list(questions.weighted)),
        indices={
            feature.levels: {level: i for i, level in enumerate(feature.levels)}
            for feature in spec.features
            if isinstance(feature, AttributeCategory | LatestValue)
        },
    )


def _has_window(key: tuple[Summand, int | None]) -> bool:
    return key[1] is not None


def _is_first(key: Instant) -> bool:
    return key.first


def _sums(keys: list[tuple[Summand, int | None]]) -> Sums:
    number_of = {summand: i for i, summand in enumerate(dict.fromkeys(key[0] for key in keys))}
    sorts: dict[tuple[str, str], list[Summand]] = {}
    for summand in number_of:
        sorts.setdefault((summand.of, summand.name), []).append(summand)
    days = [width for _, width in keys if width is not None]
    widths = sorted(set(days))
    return Sums(
        summands={
            sort: (
                _whole(number_of[one] for one in summands),
                _whole(one.selection for one in summands),
            )
            for sort, summands in sorts.items()
        },
        summand_count=len(number_of),
        summand=_whole(number_of[summand] for summand, _ in keys),
        windowed=len(keys) - len(days),
        days=_whole(widths),
        subtracted=_whole(1 if width is None else 2 + widths.index(width) for _, width in keys),
    )


def _whole(numbers: Iterable[int]) -> Int64:
    return np.array(list(numbers), np.int64)


def _group(spec: Spec, answers_of: list[tuple[int, ...]], columns: list[int]) -> FeatureGroup:
    features = tuple(spec.features[column] for column in columns)
    group_answers = [answers_of[column] for column in columns]
    if isinstance(features[0], Distinct):
        begins = np.cumsum([0, *(len(one) for one in group_answers[:-1])])
        return FeatureGroup(features, (_whole(itertools.chain(*group_answers)), begins))
    return FeatureGroup(features, tuple(_whole(one) for one in zip(*group_answers, strict=True)))


def _fading(weighted: list[Weighted]) -> tuple[Fading, ...]:
    by_half_life: dict[int, list[int]] = {}
    for row, question in enumerate(weighted):
        by_half_life.setdefault(question.half_life_days, []).append(row)
    return tuple(
        Fading(_whole(rows), _whole(weighted[i].selection for i in rows), _weights(half_life))
        for half_life, rows in by_half_life.items()
    )


@cache
def _weights(half_life_days: int) -> Int64:
    """Weight of each age in whole hours, until it is nothing; correctly rounded everywhere.

    They are shared by all plans, so nobody may write to them.
    """
    with localcontext() as context:
        context.prec = 30
        step = Decimal(2) ** (Decimal(-1) / Decimal(24 * half_life_days))
        weight, weights = Decimal(WEIGHT_SCALE), []
        while weight >= Decimal("0.5"):
            weights.append(int(weight.to_integral_value()))
            weight *= step
    shared_weights = np.array([*weights, 0], np.int64)
    shared_weights.flags.writeable = False
    return shared_weights
