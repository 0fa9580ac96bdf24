"""One lead looked at on several instants: what its score was then, or what it would be.

A score is a function of a lead's history as of an instant, so the same history answers for the past
and, if nothing more happens, for the future. All instants of a lead go through the executor in one
pass. Attributes have no history in a request: they are taken as known at every instant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.engine import features_of
from features.history import MICROSECONDS_PER_DAY, Float64, LeadRecord, single_history
from models.bundle import Bundle, Scores

Band = Literal["cold", "warm", "hot"]
_NUMBERS = ("hot_probability", "hot_low", "hot_high", "warm_probability", "warm_low", "warm_high")


@dataclass(frozen=True, slots=True)
class Look:
    """The score of a lead so many days from the instant that is asked about.

    Parameters
    ----------
    day : int
        Negative before that instant.
    as_of : int
        The look's own instant, in microseconds.
    hot_probability, hot_low, hot_high, warm_probability, warm_low, warm_high : float
        As in `models.bundle.Scores`.
    not_enough_evidence : bool
        Whether an interval is too wide to act on.
    band : "cold", "warm" or "hot"
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


def known(record: LeadRecord, as_of: int) -> LeadRecord:
    """The lead with what had occurred and been recorded before an instant.

    Parameters
    ----------
    record : LeadRecord
    as_of : int
        Microseconds.
    """
    before = [
        event
        for event in record.interactions
        if event["occurred_at"] < as_of and event["recorded_at"] < as_of
    ]
    return record._replace(interactions=before)


def matrix_of(bundle: Bundle, record: LeadRecord, as_of: int, days: Sequence[int]) -> Float64:
    """Features of one lead on several days, in one pass of the executor.

    Parameters
    ----------
    bundle : Bundle
    record : LeadRecord
        What happens at or after a day's instant may be in it and is not looked at.
    as_of : int
        The instant that days are counted from, in microseconds.
    days : sequence of int
        Negative before it.

    Returns
    -------
    float64 array of shape (days, features)
    """
    spec = bundle.spec
    history = single_history(*record, spec.attribute_kinds, spec.measures)
    instants = as_of + np.array(days, np.int64) * MICROSECONDS_PER_DAY
    return features_of(bundle.plan, history, np.zeros(len(days), np.int64), instants)


def look(scores: Scores, row: int, day: int, as_of: int, band: Band) -> Look:
    """One row of scores as a look.

    Parameters
    ----------
    scores : Scores
    row, day : int
        Which row, and how many days from `as_of` it is.
    as_of : int
        The instant that days are counted from, in microseconds.
    band : "cold", "warm" or "hot"
    """
    numbers = {name: float(getattr(scores, name)[row]) for name in _NUMBERS}
    instant, doubtful = as_of + day * MICROSECONDS_PER_DAY, bool(scores.not_enough_evidence[row])
    return Look(day, instant, **numbers, not_enough_evidence=doubtful, band=band)
