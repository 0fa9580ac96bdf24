"""Promise against result: what came of each band's promise in a period that nothing learned from.

A rate is kept when its lower bound lies at or above the promise, with the confidence that was
promised, broken when its upper bound lies below, and otherwise the period is too short to say. Of
cold, which promises a rate that is not exceeded, it is the other way round. A capacity is counted
as those who call count it, week by week. Beside each rate stands the reach: the share of those who
bought that the band, or a hotter one, held beforehand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, PlainSerializer, PlainValidator

from features.arrays import Bool, Int64
from models.bands import HORIZON_OF_BAND, LEVELS, Bands, Temperature
from models.policy import (
    Capacity,
    LimitedRate,
    Promised,
    confidence_of,
    policy_to_json,
    promise_in_words,
    promised_from_json,
    promised_rate,
)
from training.bands.capacity import KEPT_WEEKS, weekly_leads
from training.statistics.figures import JudgedRows
from training.statistics.intervals import wilson_interval
from training.statistics.rate_bounds import rate_bounds

Finding: TypeAlias = Literal["kept", "broken", "cannot be told"]


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

    finding: Finding
    sentence: str


@dataclass(frozen=True, slots=True)
class BandPromise:
    """What was promised of a band, what that rests on, and what came of it in the test period.

    Parameters
    ----------
    policy, line, looks, leads, positives, rate, bound, explanation, reach
        As in `models.bands.Promise`; the explanation is "because" as JSON.
    words : str
        The promise in words.
    finding, sentence
        As in `PromiseResult`.
    """

    policy: Annotated[Promised, PlainValidator(promised_from_json), PlainSerializer(policy_to_json)]
    line: float
    looks: int
    leads: int
    positives: int
    rate: float | None
    bound: float | None
    explanation: Annotated[str, Field(alias="because")]
    reach: float | None
    words: str
    finding: Finding
    sentence: str


@dataclass(frozen=True, slots=True)
class ServedBand:
    """A band as it serves: judged by all looks that no fit had learned from, the test's included.

    Parameters
    ----------
    cutoff : float or None
        Where it begins; None where nobody is called so, and of cold.
    words : str
        The promise in words.
    looks, leads, positives, rate, bound, explanation, reach
        As in `models.bands.Promise`; the explanation is "because" as JSON.
    """

    cutoff: float | None
    words: str
    looks: int
    leads: int
    positives: int
    rate: float | None
    bound: float | None
    explanation: Annotated[str, Field(alias="because")]
    reach: float | None


def served_band(bands: Bands, name: str, days: Mapping[str, int]) -> ServedBand | None:
    """A band of those that serve; None where it promises nothing.

    Parameters
    ----------
    bands : Bands
        Bands that serve.
    name : {"hot", "warm", "cold"}
        Which of them.
    days : mapping of "hot", "warm" to int
        Lengths of the horizons.
    """
    promise = bands.promises.get(name)
    if promise is None:
        return None
    return ServedBand(
        cutoff=bands.cutoffs.get(name),
        words=promise_in_words(promise.policy, name, days[HORIZON_OF_BAND[name]]),
        looks=promise.looks,
        leads=promise.leads,
        positives=promise.positives,
        rate=promise.rate,
        bound=promise.bound,
        explanation=promise.explanation,
        reach=promise.reach,
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """Share of the buyers of a period that a band held, with its 95 % interval.

    A buyer is a lead that converted in time after one of its looks. Hot and warm reach it when it
    was in the band, or in a hotter one, at such a look; a buyer that they do not reach was cold.

    Parameters
    ----------
    value, low, high : float
        From 0 to 1, ``low <= value <= high``.
    buyers : int
        Leads that bought.
    """

    value: float
    low: float
    high: float
    buyers: int


def band_reach(name: str, band: npt.NDArray[np.str_], converted: Bool, lead: Int64) -> Reach | None:
    """Share of the buyers that a band held; None without buyers.

    Parameters
    ----------
    name : {"hot", "warm", "cold"}
        The band whose reach is asked for.
    band : str array of shape (rows,)
        Band of each look that is old enough.
    converted : bool array of shape (rows,)
        Whether its lead converted within the band's horizon.
    lead : int64 array of shape (rows,)
        Lead of each look.
    """
    rank = max(LEVELS.index(Temperature(name)), 1)  # cold holds those that warm and hot do not
    reaching = np.isin(band, [level.value for level in LEVELS[rank:]])
    buyers = len(np.unique(lead[converted]))
    if buyers == 0:
        return None
    reached = len(np.unique(lead[converted & reaching]))
    held = buyers - reached if name == Temperature.COLD else reached
    low, high = wilson_interval(held / buyers, buyers)
    return Reach(held / buyers, min(low, held / buyers), max(high, held / buyers), buyers)


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
    limited = isinstance(policy, LimitedRate)
    if (low > promised) if limited else (low >= promised):
        finding: Finding = "broken" if limited else "kept"
        return PromiseResult(finding, f"{happened}, at least {100 * low:.1f} % {sure}")
    if (high <= promised) if limited else (high < promised):
        finding = "kept" if limited else "broken"
        return PromiseResult(finding, f"{happened}, at most {100 * high:.1f} % {sure}")
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
        horizon = HORIZON_OF_BAND[name]
        mature_rows = judged_rows[horizon].among((band == name) & mature[horizon])
        weekly = weekly_leads(band == name, judged_rows[horizon].lead, as_of)
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
            reach=promise.reach,
            words=promise_in_words(promise.policy, name, days[horizon]),
            finding=result.finding,
            sentence=result.sentence,
        )
    return promises
