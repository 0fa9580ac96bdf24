"""Why a lead's score is another one than at an earlier instant: a cause at a time.

The lead is replayed from the earlier answer to the later one, and each step changes one thing, in
the order in which a firm learns of them:

1. `late_records`: what had occurred before the earlier instant but was recorded after it, counted
   as if it had been known then;
2. `silence`: time goes on to the later instant, and nothing more is known;
3. `interactions`: what occurred since;
4. `attributes`: they are what they are now, no longer as known then;
5. `model`: another predictor gives the margin;
6. `calibration`: another curve gives the probability.

What a step adds to the log-odds is its share. The shares are differences of neighbouring steps, so
they add up to the whole difference exactly. Another order would share it otherwise: this one is
stated, and each share is what that cause did when it came. The band may also depend on the band
before it, which moves no probability; `band_without_memory` shows it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

import numpy as np

from features.arrays import Float64
from features.engine.executor import features_of
from features.engine.history import (
    LeadRecord,
    histories_of_records,
    is_known,
    when_known,
)
from models.bundle import Bundle
from models.calibration import sigmoid
from models.course.looks import Band, known_record

Cause = Literal["late_records", "silence", "interactions", "attributes", "model", "calibration"]
CAUSES: tuple[Cause, ...] = (
    "late_records", "silence", "interactions", "attributes", "model", "calibration",
)  # fmt: skip
"""In the order in which a lead is replayed."""


@dataclass(frozen=True, slots=True)
class AnsweredLook:
    """A lead as it was answered about, or is.

    Parameters
    ----------
    bundle : Bundle
        The model that answers.
    as_of : int
        The instant, in microseconds.
    attributes : mapping of str to value
        The lead's attributes, as known then.
    previous_band : "cold", "warm", "hot" or None
        The earlier band that the answer knows of.
    """

    bundle: Bundle
    as_of: int
    attributes: Mapping[str, float | int | str | None]
    previous_band: Band | None = None


@dataclass(frozen=True, slots=True)
class CauseShare:
    """What one cause did to the hot probability.

    Parameters
    ----------
    cause : str
        One of `CAUSES`.
    log_odds : float
        What it added to the log-odds.
    points : float
        Its part of the change of the probability, in percentage points.
    """

    cause: Cause
    log_odds: float
    points: float


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """Why a lead's hot probability is another one than at an earlier instant.

    Parameters
    ----------
    earlier_probability, probability : float
        Hot probability then and now.
    earlier_band, band : "cold", "warm" or "hot"
        The bands, each with the earlier band that its answer knows of.
    band_without_memory : "cold", "warm" or "hot"
        The band now, if nobody knew of an earlier one.
    shares : tuple of CauseShare
        Each of `CAUSES`, in that order. Their log-odds add up to the difference of the log-odds,
        their points to 100 times that of the probabilities.
    """

    earlier_probability: float
    probability: float
    earlier_band: Band
    band: Band
    band_without_memory: Band
    shares: tuple[CauseShare, ...]


def score_change(record: LeadRecord, earlier: AnsweredLook, later: AnsweredLook) -> ScoreChange:
    """Why a lead's hot probability is another one than at an earlier instant.

    Parameters
    ----------
    record : LeadRecord
        The lead with all that is known of its interactions now; its attributes are not read.
    earlier, later : AnsweredLook
        The two answers.

    Raises
    ------
    ValueError
        The earlier instant does not lie before the later one, or lies before the lead's creation.
    """
    if not record.created_at <= earlier.as_of < later.as_of:
        raise ValueError(
            "A change needs two instants, the earlier one from the lead's creation on: "
            f"{record.created_at} <= {earlier.as_of} < {later.as_of} does not hold."
        )
    past_record = known_record(record, earlier.as_of)._replace(attributes=earlier.attributes)
    completed_record = _with_late_records(past_record, record, earlier.as_of, later.as_of)
    present_record = known_record(record, later.as_of)
    replayed = [
        (past_record, earlier.as_of),
        (completed_record, earlier.as_of),
        (completed_record, later.as_of),
        (present_record._replace(attributes=earlier.attributes), later.as_of),
        (present_record._replace(attributes=later.attributes), later.as_of),
    ]
    earlier_bundle, bundle = earlier.bundle, later.bundle
    rows = _rows(earlier_bundle, replayed)
    own_rows = rows[-1:] if bundle is earlier_bundle else _rows(bundle, replayed[-1:])
    margin = bundle.hot.margin(own_rows)
    log_odds = [
        *earlier_bundle.hot.calibration.log_odds(earlier_bundle.hot.margin(rows)).tolist(),
        float(earlier_bundle.hot.calibration.log_odds(margin)[0]),
        float(bundle.hot.calibration.log_odds(margin)[0]),
    ]
    probability, earlier_probability = (
        float(bundle.hot.calibration.probability(margin)[0]),
        float(earlier_bundle.hot.probability(rows[:1])[0]),
    )
    return ScoreChange(
        earlier_probability,
        probability,
        _band(earlier_bundle, rows[:1], earlier.previous_band),
        _band(bundle, own_rows, later.previous_band),
        _band(bundle, own_rows, None),
        _shares(log_odds, 100 * (probability - earlier_probability)),
    )


def _with_late_records(
    past_record: LeadRecord, record: LeadRecord, earlier: int, later: int
) -> LeadRecord:
    """A lead of the earlier instant with what was recorded between the two, as if in time."""
    late_events = [
        {**event, "recorded_at": event["occurred_at"]}
        for event in record.interactions
        if is_known(event["occurred_at"], earlier)
        and not is_known(when_known(event["occurred_at"], event["recorded_at"]), earlier)
        and is_known(when_known(event["occurred_at"], event["recorded_at"]), later)
    ]
    return past_record._replace(interactions=[*past_record.interactions, *late_events])


def _rows(bundle: Bundle, replayed: Sequence[tuple[LeadRecord, int]]) -> Float64:
    """Features of each step of a replay."""
    spec = bundle.spec
    records = [record for record, _ in replayed]
    histories = histories_of_records(records, spec.attribute_kinds, spec.measures)
    as_of = np.array([instant for _, instant in replayed], np.int64)
    return features_of(bundle.plan, histories, np.arange(len(replayed)), as_of)


def _band(bundle: Bundle, row: Float64, previous: Band | None) -> Band:
    scores = bundle.scores(row)
    bands = bundle.bands.assign(*scores.decisive(bundle.bands), previous=[previous])
    return cast("Band", str(bands[0]))


def _shares(log_odds: Sequence[float], points: float) -> tuple[CauseShare, ...]:
    """Shares of each step, of a change by so many points in all."""
    steps = [value - earlier for earlier, value in pairwise(log_odds)]
    difference = math.fsum(steps)
    # Causes that cancel leave the probability where it was; there the slope is the limit.
    probability = float(sigmoid(np.array(log_odds[0])))
    slope = points / difference if abs(difference) > 1e-9 else 100 * probability * (1 - probability)
    return tuple(
        CauseShare(cause, step, slope * step) for cause, step in zip(CAUSES, steps, strict=True)
    )
