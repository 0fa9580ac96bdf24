"""Promise against result: what came of each band's promise in a period that nothing learned from.

A rate is kept when its lower bound lies at or above the promise, with the confidence that was
promised, broken when its upper bound lies below, and otherwise the period is too short to say. A
capacity is counted as those who call count it, week by week.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, PlainSerializer, PlainValidator

from features.arrays import Bool, Int64
from models.bands import Bands
from models.policy import (
    Capacity,
    Promised,
    confidence_of,
    policy_from_json,
    policy_to_json,
    promise_in_words,
    promised_rate,
)
from training.bands.capacity import KEPT_WEEKS, weekly_leads
from training.statistics.figures import JudgedRows
from training.statistics.rate_bounds import rate_bounds


@dataclass(frozen=True, slots=True)
class PromiseResult:
    """What came of a band's promise in the test period.

    Parameters
    ----------
    finding : {"kept", "broken", "cannot be told"}
        Whether the test period shows that the promise held.
    sentence : str
        The figures behind it.
    """

    finding: Literal["kept", "broken", "cannot be told"]
    sentence: str


@dataclass(frozen=True, slots=True)
class BandPromise:
    """What was promised of a band, what that rests on, and what came of it in the test period.

    Parameters
    ----------
    policy, line, looks, leads, positives, rate, bound, explanation
        As in `models.bands.Promise`; the explanation is "because" as JSON.
    words : str
        The promise in words.
    finding, sentence
        As in `PromiseResult`.
    """

    policy: Annotated[Promised, PlainValidator(policy_from_json), PlainSerializer(policy_to_json)]
    line: float
    looks: int
    leads: int
    positives: int
    rate: float | None
    bound: float | None
    explanation: Annotated[str, Field(alias="because")]
    words: str
    finding: Literal["kept", "broken", "cannot be told"]
    sentence: str


def promise_result(
    policy: Promised, converted: Bool, lead: Int64, weekly: Sequence[int]
) -> PromiseResult:
    """Promise against result.

    Parameters
    ----------
    policy : Promised
        What was promised.
    converted : bool array of shape (rows,)
        Outcome within the band's horizon of the looks in the band that are old enough.
    lead : int64 array of shape (rows,)
        Lead of each of the same looks.
    weekly : sequence of int
        Leads in the band in each complete week.
    """
    if isinstance(policy, Capacity):
        return _capacity_result(policy, weekly)
    promised = promised_rate(policy)
    if len(converted) == 0:
        return PromiseResult("cannot be told", "no look in the band is old enough to know")
    confidence = confidence_of(policy)
    low, high = rate_bounds(converted, lead, confidence)
    happened = f"{100 * converted.mean():.1f} % converted"
    sure = f"with {100 * confidence:.3g} % confidence"
    if low >= promised:
        return PromiseResult("kept", f"{happened}, at least {100 * low:.1f} % {sure}")
    if high < promised:
        return PromiseResult("broken", f"{happened}, at most {100 * high:.1f} % {sure}")
    sentence = f"{happened}, {100 * low:.1f} to {100 * high:.1f} % with the same confidence"
    return PromiseResult("cannot be told", sentence)


def _capacity_result(policy: Capacity, weekly: Sequence[int]) -> PromiseResult:
    if not weekly:
        return PromiseResult("cannot be told", "there was no complete week")
    within = sum(leads <= policy.per_week for leads in weekly)
    sentence = f"in {within} of {len(weekly)} weeks, at most {max(weekly):,} leads"
    return PromiseResult("kept" if within >= KEPT_WEEKS * len(weekly) else "broken", sentence)


def band_promises(
    bands: Bands,
    days: Mapping[str, int],
    band: npt.NDArray[np.str_],
    judged_rows: Mapping[str, JudgedRows],
    mature: Mapping[str, Bool],
    as_of: Int64,
) -> dict[str, BandPromise]:
    """Promise, what it rests on and what came of it, for each band that has one.

    Parameters
    ----------
    bands : Bands
        Bands whose promises are judged.
    days : mapping of "hot", "warm" to int
        Lengths of the horizons.
    band : str array of shape (rows,)
        Band of each look of the test period.
    judged_rows : mapping of "hot", "warm" to JudgedRows
        Outcomes of the same looks within each horizon.
    mature : mapping of "hot", "warm" to bool array of shape (rows,)
        Whether the horizon of each of the same looks has ended.
    as_of : int64 array of shape (rows,)
        Instants of the same looks, in microseconds.
    """
    promises = {}
    for name, promise in bands.promises.items():
        mature_rows = judged_rows[name].among((band == name) & mature[name])
        weekly = weekly_leads(band == name, judged_rows[name].lead, as_of)
        result = promise_result(promise.policy, mature_rows.converted, mature_rows.lead, weekly)
        promises[name] = BandPromise(
            policy=promise.policy,
            line=promise.line,
            looks=promise.looks,
            leads=promise.leads,
            positives=promise.positives,
            rate=promise.rate,
            bound=promise.bound,
            explanation=promise.explanation,
            words=promise_in_words(promise.policy, name, days[name]),
            finding=result.finding,
            sentence=result.sentence,
        )
    return promises
