"""One lead looked at on several instants: what its score was then, or what it would be.

A score is a function of a lead's history as of an instant, so the same history answers for the past
and, if nothing more happens, for the future. All instants of a lead go through the executor in one
pass. Attributes have no history in a request: they are taken as known at every instant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from features.arrays import Float64
from features.engine.executor import features_of
from features.engine.history import (
    MICROSECONDS_PER_DAY,
    LeadRecord,
    is_known,
    single_history,
    when_known,
)
from models.bundle import Bundle
from models.horizon import Scores

Band = Literal["cold", "warm", "hot"]


@dataclass(frozen=True, slots=True)
class Look:
    """The score of a lead on a day before or after the instant that is asked about.

    Parameters
    ----------
    day : int
        Negative before that instant.
    as_of : int
        The look's own instant, in microseconds.
    hot_probability, hot_low, hot_high, warm_probability, warm_low, warm_high : float
        As in `models.horizon.Scores`.
    not_enough_evidence : bool
        Whether what is said of such leads is too wide to act on.
    band : "cold", "warm" or "hot"
        The lead's band on that day.
    """

    day: int
    as_of: int
    hot_probability: float
    hot_low: float
    hot_high: float
    warm_probability: float
    warm_low: float
    warm_high: float
    not_enough_evidence: bool
    band: Band


def known_record(record: LeadRecord, as_of: int) -> LeadRecord:
    """The lead with what had occurred and been recorded before an instant.

    Parameters
    ----------
    record : LeadRecord
        The lead with all of its interactions.
    as_of : int
        Microseconds.
    """
    known_interactions = [
        event
        for event in record.interactions
        if is_known(when_known(event["occurred_at"], event["recorded_at"]), as_of)
    ]
    return record._replace(interactions=known_interactions)


@dataclass(frozen=True, slots=True)
class LeadOverDays:
    """One lead on several days: its features and scores, from one pass of the executor.

    Parameters
    ----------
    bundle : Bundle
        The model that scored the lead.
    as_of : int
        The instant that days are counted from, in microseconds.
    days : tuple of int
        Negative before that instant.
    matrix : float64 array of shape (days, features)
        Features of the lead on each of the days.
    scores : Scores
        Of the days.
    """

    bundle: Bundle
    as_of: int
    days: tuple[int, ...]
    matrix: Float64
    scores: Scores

    def rows(self, days: Iterable[int]) -> list[int]:
        """Rows of some of the days."""
        return [self.days.index(day) for day in days]

    def look(self, day: int, band: Band | None = None) -> Look:
        """The lead on a day, in the band given or, without one, in the band of its own score."""
        (row,), scores = self.rows([day]), self.scores
        return Look(
            day,
            self.as_of + day * MICROSECONDS_PER_DAY,
            **scores.numbers(row),
            not_enough_evidence=bool(scores.not_enough_evidence[row]),
            band=band or cast("Band", str(scores.band[row])),
        )


def look_at_days(
    bundle: Bundle, record: LeadRecord, as_of: int, days: Iterable[int]
) -> LeadOverDays:
    """One lead on several days.

    Parameters
    ----------
    bundle : Bundle
        The model that scores the lead.
    record : LeadRecord
        Only what is known at `as_of` is looked at, and on an earlier day only what was known then.
    as_of : int
        The instant that days are counted from, in microseconds.
    days : iterable of int
        Negative before it; each is looked at once.
    """
    spec, distinct_days = bundle.spec, tuple(dict.fromkeys(days))
    history = single_history(*known_record(record, as_of), spec.attribute_kinds, spec.measures)
    instants = as_of + np.array(distinct_days, np.int64) * MICROSECONDS_PER_DAY
    matrix = features_of(bundle.plan, history, np.zeros(len(distinct_days), np.int64), instants)
    return LeadOverDays(bundle, as_of, distinct_days, matrix, bundle.scores(matrix))
