"""Exact answers about leads at instants: whole numbers only, in one sweep over the interactions.

An interaction is known at an instant when it has both occurred and been recorded strictly before
it, so it becomes known at ``max(occurred_at, recorded_at)``, and it leaves a window of w days once
``occurred_at < as_of - w``, that is, after ``max(known_at, occurred_at + w)``. What was recorded in
time leaves every window in the order in which it became known, so the events are sorted once by
that, and every windowed sum is the difference of one prefix sum at two places; what was recorded
late is little, and is sorted once more by when it leaves. Only whole numbers are summed (ones,
minutes, ten-thousandths, weights), because prefix sums of floats would depend on where they start
and a lead alone would differ in its last bit from the same lead among others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Int64
from features.engine.events import Events, events_of
from features.engine.history import MICROSECONDS_PER_DAY, MISSING, Histories, last_known
from features.engine.plan import Plan, Sums
from features.engine.questions import Unbroken
from features.language.kinds import LABEL_FIELDS

MICROSECONDS_PER_HOUR = 3_600_000_000
MICROSECONDS_PER_MINUTE = 60_000_000
GAPS = ("gap", "gap_minutes", "gap_squares")
MOST_PAIRS = 500_000
"""Pairs of row and interaction that are looked at together, about."""


@dataclass(frozen=True, slots=True)
class ExactAnswers:
    """Answers to a plan's questions, each an int64 array of shape (questions, rows).

    Parameters
    ----------
    counts : int64 array
        The sums, then the unbroken runs, then the weighted sums.
    instants, largest : int64 arrays
        `MISSING` where there is none.
    latest : int64 array
        Level; −1 where there is none.
    """

    counts: Int64
    instants: Int64
    largest: Int64
    latest: Int64


def exact_answers(plan: Plan, histories: Histories, lead: Int64, as_of: Int64) -> ExactAnswers:
    """Answers for leads at instants.

    Parameters
    ----------
    plan : Plan
        Which questions to answer.
    histories : Histories
        What happened; what a row does not know yet is not counted.
    lead, as_of : int64 arrays of shape (rows,)
        Index of each row's lead in `histories`, and its instant in microseconds.
    """
    events = events_of(plan, histories)
    start = histories.offsets[lead]
    known_end = last_known(histories.offsets, events.known_at, lead, as_of)
    rows = _Rows(lead, as_of, start, known_end)
    largest, weighted = _over_pairs(plan, events, rows)
    sums = _sums(plan.sums, events, rows)
    unbroken = _unbroken(plan.unbroken, events, rows)
    instants, latest = _instants(plan, events, rows)
    return ExactAnswers(
        counts=np.concatenate([sums, unbroken, weighted]),
        instants=instants,
        largest=largest,
        latest=latest,
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that are asked about.

    ``start`` is the place of the lead's first event, ``known_end`` the place after its last known
    one.
    """

    lead: Int64
    as_of: Int64
    start: Int64
    known_end: Int64

    def __len__(self) -> int:
        return len(self.as_of)


def _sums(sums: Sums, events: Events, rows: _Rows) -> Int64:
    """Windowed sums: those known by now, less those that have left the window.

    What was recorded in time leaves a window in the order in which it became known, so one prefix
    sum serves every window. What was recorded late is little, and is put in order by itself.
    """
    values = _values(sums, events)
    width = sums.days[:, None] * MICROSECONDS_PER_DAY
    window_start = last_known(
        events.histories.offsets, events.known_at, rows.lead, rows.as_of - width
    )
    bounds = np.concatenate([rows.known_end[None], rows.start[None], window_start])
    condensed, condensed_bounds = _condensed(np.add, values, bounds)
    prefix = _prefix(condensed)
    windowed_sums: Int64 = _picked(prefix, sums.summand, condensed_bounds[0])
    windowed_sums -= _picked(prefix, sums.summand, condensed_bounds[sums.subtracted])
    late_events = np.flatnonzero(events.known_at != events.histories.occurred_at)
    if len(late_events) and len(window_start):
        summand, window = sums.summand[sums.windowed :], sums.subtracted[sums.windowed :]
        late_known = late_events.searchsorted(bounds)[window]
        windowed_sums[sums.windowed :] += _picked(
            _prefix(values[:, late_events]), summand, late_known
        )
        windowed_sums[sums.windowed :] -= _late_events_gone(sums, events, rows, late_events, values)
    return windowed_sums


def _late_events_gone(
    sums: Sums, events: Events, rows: _Rows, late_events: Int64, values: Int64
) -> Int64:
    """Sums over the events recorded late (or before they occurred) that have left each window."""
    offsets = late_events.searchsorted(events.histories.offsets)
    windows, leads = len(sums.days), len(offsets) - 1
    width = sums.days[:, None] * MICROSECONDS_PER_DAY
    leaves = np.maximum(
        events.known_at[late_events], events.histories.occurred_at[late_events] + width
    ).ravel()
    # The late events of each window are put in order, as if each window had leads of its own.
    window = np.arange(windows)[:, None]
    lead = leads * window + (0 if events.lead is None else events.lead[late_events])
    order = np.lexsort((leaves, np.broadcast_to(lead, (windows, len(late_events))).ravel()))
    begins = np.append(offsets[:-1] + len(late_events) * window, windows * len(late_events))
    as_of = np.broadcast_to(rows.as_of, (windows, len(rows)))
    gone_end = (
        last_known(begins, leaves[order], rows.lead + leads * window, as_of)
        - len(late_events) * window
    )
    summand, window = sums.summand[sums.windowed :], sums.subtracted[sums.windowed :] - 2
    events_by_leaving = late_events[
        order.reshape(windows, -1) - len(late_events) * np.arange(windows)[:, None]
    ]
    prefix = _prefix(_picked(values, summand, events_by_leaving[window]))
    return _picked(prefix, np.arange(len(summand)), gone_end[window])


def _values(sums: Sums, events: Events) -> Int64:
    """What each event adds to each summand."""
    values = np.empty((sums.summand_count, len(events)), np.int64)
    histories = events.histories
    gaps: tuple[Bool | Int64, ...] = ()
    for (of, name), (summand_rows, selections) in sums.summands.items():
        if of in GAPS:
            gaps = gaps or _gaps(events, selections)
            values[summand_rows] = gaps[GAPS.index(of)]
            continue
        is_selected = events.is_selected[selections]
        if of == "value":
            measured = histories.measures[name]
            values[summand_rows] = is_selected * np.where(measured != MISSING, measured, 0)
        elif of == "has" and name in LABEL_FIELDS:
            values[summand_rows] = is_selected & (histories.labels[name].codes >= 0)
        elif of == "has":
            values[summand_rows] = is_selected & (histories.measures[name] != MISSING)
        elif of == "one":
            values[summand_rows] = is_selected
        else:
            raise ValueError(f"A summand must be of 'one', 'value' or 'has', got '{of}'.")
    return values


def _gaps(events: Events, selections: Int64) -> tuple[Bool, Int64, Int64]:
    """Whether each event makes a gap in each selection, of how many minutes, and their square."""
    is_selected = events.is_selected[selections]
    latest_rank = _running(_mark(is_selected, events.rank))[:, :-1] - 1
    occurred_at = events.histories.occurred_at
    previous_at = events.occurred_in_order.take(np.maximum(latest_rank, 0))
    makes_gap = is_selected & (latest_rank >= events.first_place()) & (occurred_at > previous_at)
    minutes = occurred_at // MICROSECONDS_PER_MINUTE - previous_at // MICROSECONDS_PER_MINUTE
    minutes *= makes_gap
    return makes_gap, minutes, minutes * minutes


def _instants(plan: Plan, events: Events, rows: _Rows) -> tuple[Int64, Int64]:
    """When the latest (or first) known event of each selection occurred; levels of the latest.

    The first event is the latest of ranks that run backwards within a lead.
    """
    latest_of, first_of = plan.latest_of, plan.first_of
    instants = np.full((len(latest_of) + len(first_of), len(rows)), MISSING, np.int64)
    levels = np.full((len(plan.latest), len(rows)), -1, np.int64)
    if len(events) and len(instants):
        marks = np.empty((len(instants), len(events)), np.int64)
        _mark(events.is_selected[latest_of], events.rank, marks[: len(latest_of)])
        mirrored = events.first_place() + events.last_place() - events.rank
        _mark(events.is_selected[first_of], mirrored, marks[len(latest_of) :])
        best_rank = _latest_rank(marks, rows)
        is_there = best_rank >= rows.start
        turned = rows.start + events.histories.offsets[rows.lead + 1] - 1
        best_rank[len(latest_of) :] = turned - best_rank[len(latest_of) :]
        instants = np.where(
            is_there, events.occurred_in_order.take(best_rank, mode="clip"), MISSING
        )
        for question, level in enumerate(_levels(plan, events, rows, best_rank)):
            levels[question] = np.where(is_there[plan.latest[question].instant], level, -1)
    return instants, levels


def _levels(plan: Plan, events: Events, rows: _Rows, best_rank: Int64) -> Iterator[Int64]:
    """Level of a field in the latest known event; of several at one instant the greatest."""
    tied = bool(plan.latest) and events.any_tie()
    for question in plan.latest:
        labels = events.histories.labels[question.field]
        index = plan.indices[question.levels]
        level = labels.recode(index, unlisted=len(index), missing=-1)
        rank, own_rank = events.rank, best_rank[question.instant]
        if tied:
            rank = np.empty_like(rank)
            order = events.order(level, events.histories.occurred_at)
            rank[order] = np.arange(len(order))
            is_selected = events.is_selected[plan.latest_of[[question.instant]]]
            own_rank = _latest_rank(_mark(is_selected, rank), rows)[0]
        by_rank = np.empty_like(level)
        by_rank[rank] = level
        yield by_rank.take(own_rank, mode="clip")


def _latest_rank(marks: Int64, rows: _Rows) -> Int64:
    """Largest rank of a marked event that each row knows, shape (selections, rows).

    Ranks by (lead, occurred_at) never fall from one lead to the next, so one running maximum over
    all events serves every lead: a rank from an earlier lead (or −1) lies before the row's own
    first event and is recognised by that.
    """
    marks, known_end = _condensed(np.maximum, marks, rows.known_end)
    return _running(marks).take(known_end, axis=1) - 1


def _unbroken(questions: tuple[Unbroken, ...], events: Events, rows: _Rows) -> Int64:
    """Events of a selection that became known after the latest known one of another."""
    if not questions or len(events) == 0:
        return np.zeros((len(questions), len(rows)), np.int64)
    ended_by = events.is_selected[[question.ended_by for question in questions]]
    latest_end = _latest_rank(_mark(ended_by, np.arange(len(events))), rows)
    ended_at = events.known_at.take(latest_end, mode="clip")
    end_of_instant = last_known(events.histories.offsets, events.known_at, rows.lead, ended_at + 1)
    since = np.where(latest_end >= rows.start, end_of_instant, rows.start)
    is_selected = events.is_selected[[question.selection for question in questions]]
    prefix = _prefix(is_selected)
    runs: Int64 = prefix.take(rows.known_end, axis=1) - _picked(
        prefix, np.arange(len(questions)), since
    )
    return runs


def _over_pairs(plan: Plan, events: Events, rows: _Rows) -> tuple[Int64, Int64]:
    """Largest values over windows, and sums of weights by age in whole hours.

    Neither is a difference of prefixes: every row looks at each event that it knows.
    """
    largest = np.full((len(plan.largest), len(rows)), MISSING, np.int64)
    weighted = np.zeros((len(plan.weighted), len(rows)), np.int64)
    histories = events.histories
    for chunk, row, event, begins in _pairs(rows) if plan.largest or plan.weighted else ():
        age = rows.as_of[row] - histories.occurred_at[event]
        hours = age // MICROSECONDS_PER_HOUR
        for answer, question in enumerate(plan.largest):
            is_selected = events.is_selected[question.selection][event]
            if question.days is not None:
                is_selected = is_selected & (age <= question.days * MICROSECONDS_PER_DAY)
            values = np.where(is_selected, histories.measures[question.measure][event], MISSING)
            largest[answer, chunk] = np.maximum.reduceat(values, begins)
        for fading in plan.fading:
            weight = fading.weights.take(hours, mode="clip")
            values = weight * events.is_selected[fading.selections].take(event, axis=1)
            weighted[fading.answer_rows[:, None], chunk] = np.add.reduceat(values, begins, axis=1)
    return largest, weighted


def _pairs(rows: _Rows) -> Iterator[tuple[Int64, Int64, Int64, Int64]]:
    """Every row with every event it knows, in chunks of about `MOST_PAIRS`.

    Yields the rows of a chunk that know any event; then, pair by pair, the row and the event; then
    where each row's pairs begin.
    """
    known_events = rows.known_end - rows.start
    asked_rows = np.flatnonzero(known_events)
    total = known_events.cumsum()
    edges = np.arange(MOST_PAIRS, total[-1] if len(known_events) else 0, MOST_PAIRS)
    chunks = (
        np.split(asked_rows, np.unique(total[asked_rows].searchsorted(edges)))
        if len(edges)
        else [asked_rows]
    )
    for chunk in chunks:
        if len(chunk):
            sizes = known_events[chunk]
            begins = np.cumsum(sizes) - sizes
            event = np.arange(sizes.sum()) - np.repeat(begins - rows.start[chunk], sizes)
            yield chunk, np.repeat(chunk, sizes), event, begins


def _mark(is_selected: Bool, rank: Int64, out: Int64 | None = None) -> Int64:
    """Rank of each chosen event, counted from 1; 0 of all others."""
    return np.multiply(is_selected, rank + 1, out=out)


def _running(marks: Int64) -> Int64:
    """Largest of the first 0, 1, …, n marks of each row; 0 of none."""
    largest = np.empty((len(marks), marks.shape[1] + 1), np.int64)
    largest[:, 0] = 0
    np.maximum.accumulate(marks, axis=1, out=largest[:, 1:])
    return largest


def _condensed(ufunc: np.ufunc, values: Int64, positions: Int64) -> tuple[Int64, Int64]:
    """Values put together between the places that are asked for, and the places among them.

    A lead with many events is asked about at few instants: then this is several times cheaper.
    """
    if positions.size * 4 >= values.shape[1]:
        return values, positions
    begins = np.unique(np.append(positions, 0))
    begins = begins[begins < values.shape[1]]
    return ufunc.reduceat(values, begins, axis=1), begins.searchsorted(positions)


def _picked(values: npt.NDArray[Any], rows: Int64, positions: Int64) -> npt.NDArray[Any]:
    """Values of some rows at places, shape (rows, places); places are for all rows, or by row."""
    picked: npt.NDArray[Any] = values.ravel().take((rows * values.shape[1])[:, None] + positions)
    return picked


def _prefix(values: npt.NDArray[np.generic]) -> Int64:
    """Sums of the first 0, 1, …, n values of each row."""
    sums = np.empty((len(values), values.shape[1] + 1), np.int64)
    sums[:, 0] = 0
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums
