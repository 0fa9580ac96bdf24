"""Made-up ledgers: what leads do by a process of their own, and what an exact model says of them.

Each lead has a visible score and a hidden urge. Its hazard of buying is the urge, which fades with
the lead's age, in some channels within days, in others within weeks. Given the score, urges are
gamma distributed, so the probability of buying within a horizon, for a lead of this score that has
not bought so far, has a closed form (Lomax). That is what the ledger promises at every answer: it
is exact as long as nothing changes, and the pace of buyers is not the one that the watch assumes
(a common pace for all). Answers come about weekly until the lead buys, is closed or is forgotten.

What changes is the level of all hazards: by the calibration's own error, from month to month, and
when promises break. No lead tells of it but by buying or not.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from features.arrays import NEVER, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from training.monitoring.progress import Promises

HALF_YEAR = 182.0
MONTH = 365.25 / 12
FADING_DAYS = (12.0, 45.0)
"""After so many days a lead's urge has faded to 37 %: quick and slow channels."""
SHAPE = 1.2
"""Shape of the urges' gamma distribution among leads of one score."""
LONGEST_DAYS = 120.0
"""Age at which a lead is no longer asked about."""
PILOT_LEADS = 200_000


@dataclass(frozen=True, slots=True)
class MadeUpLedger:
    """Settings of a ledger.

    Parameters
    ----------
    days : int
        Horizon of its answers.
    promised : float
        Purchases that are promised in half a year, on average.
    half_years : int
        Its length.
    changes_at : float
        Day from 0 on at which promises break, or at which other leads come.
    factor : float
        Hazards are multiplied by this from then on.
    score_shift : float
        Scores of leads that arrive from then on are higher by this.
    level_deviation, month_deviation : float
        Standard deviations of the level's and of each month's log hazard; on average hazards are
        what was promised.
    """

    days: int
    promised: float
    half_years: int = 4
    changes_at: float = 3 * HALF_YEAR
    factor: float = 1.0
    score_shift: float = 0.0
    level_deviation: float = 0.1
    month_deviation: float = 0.15

    @property
    def until(self) -> float:
        """Day on which the ledger ends."""
        return self.half_years * HALF_YEAR


def made_up_promises(ledger: MadeUpLedger, seed: int) -> Promises:
    """Answers of a ledger, and when their leads bought."""
    arrivals = ledger.promised / HALF_YEAR / _promised_per_lead(ledger.days)
    start = -LONGEST_DAYS
    random = np.random.default_rng([seed, ledger.days, int(ledger.promised)])
    leads = random.poisson(arrivals * (ledger.until - start))
    arrived = np.sort(random.uniform(start, ledger.until, leads))
    return _answers(ledger, arrived, random)


@lru_cache
def _promised_per_lead(days: int) -> float:
    """Purchases within a promise of each lead that arrives, while nothing changes."""
    still = MadeUpLedger(days, 1.0, level_deviation=0.0, month_deviation=0.0)
    random = np.random.default_rng(1)
    arrived = np.zeros(PILOT_LEADS)
    answers = _answers(still, arrived, random)
    last = np.append(answers.lead[1:] != answers.lead[:-1], True)
    ends = answers.as_of + days * MICROSECONDS_PER_DAY
    return float((last & (answers.converted_at <= ends)).sum() / PILOT_LEADS)


def _answers(ledger: MadeUpLedger, arrived: Float64, random: np.random.Generator) -> Promises:
    leads = len(arrived)
    score = random.normal(0, 1, leads) + ledger.score_shift * (arrived >= ledger.changes_at)
    fading = np.array(FADING_DAYS)[random.integers(len(FADING_DAYS), size=leads)]
    rate = SHAPE / np.exp(-2.75 + 0.9 * score)
    urge = random.gamma(SHAPE, 1 / rate)
    bought = _purchases(ledger, arrived, fading, urge, random)
    closed = arrived + np.minimum(random.exponential(60, leads), LONGEST_DAYS)
    asked_until = np.minimum(np.minimum(bought, closed), ledger.until)
    count = np.maximum(0, np.ceil((asked_until - arrived) / 7)).astype(np.int64)
    lead = np.repeat(np.arange(leads), count)
    number = np.arange(len(lead)) - np.repeat(np.cumsum(count) - count, count)
    age = np.where(number > 0, 7 * number + random.uniform(-2, 2, len(lead)), 0.0)
    age = np.minimum(age, 0.999 * (asked_until - arrived)[lead])

    def faded(days: Float64) -> Float64:
        return np.asarray(rate[lead] + 1 - np.exp(-days / fading[lead]), np.float64)

    probability = 1 - (faded(age) / faded(age + ledger.days)) ** SHAPE
    as_of = arrived[lead] + age
    recorded = as_of >= 0
    lead = lead[recorded]
    return Promises(
        lead=lead,
        person=lead,
        as_of=_microseconds(as_of[recorded]),
        probability=probability[recorded],
        days=np.full(len(lead), ledger.days),
        converted_at=_microseconds(bought[lead]),
    )


def _purchases(
    ledger: MadeUpLedger,
    arrived: Float64,
    fading: Float64,
    urge: Float64,
    random: np.random.Generator,
) -> Float64:
    """Day on which each lead buys; infinite where it never does."""
    months = int((ledger.until + LONGEST_DAYS) / MONTH) + 2
    begins = random.uniform(-MONTH, 0) - LONGEST_DAYS + MONTH * np.arange(months + 1)
    # Lognormal levels with a mean of 1: promises hold on average.
    level = random.normal(-(ledger.level_deviation**2) / 2, ledger.level_deviation)
    of_month = random.normal(-(ledger.month_deviation**2) / 2, ledger.month_deviation, months + 1)
    of_month = np.exp(level + of_month)
    edges = np.sort(np.append(begins, ledger.changes_at))
    month = np.searchsorted(begins, edges, side="right") - 1
    factor = of_month[month] * np.where(edges >= ledger.changes_at, ledger.factor, 1.0)
    edges = np.append(edges, np.inf)
    patience = random.exponential(1, len(arrived))
    bought = np.full(len(arrived), np.inf)
    for begin, end, times in zip(edges[:-1], edges[1:], factor, strict=True):
        age_begin = np.maximum(begin, arrived) - arrived
        age_end = np.maximum(np.maximum(end, arrived) - arrived, age_begin)
        left = np.exp(-age_begin / fading)
        hazard = urge * times * (left - np.exp(-age_end / fading))
        buys = np.isinf(bought) & (hazard >= patience)
        remaining = left[buys] - patience[buys] / (urge[buys] * times)
        bought[buys] = arrived[buys] - fading[buys] * np.log(remaining)
        patience = patience - hazard
    return bought


def _microseconds(day: Float64) -> Int64:
    """Instants of days since the ledger began; `NEVER` for those that never come."""
    comes = np.isfinite(day)
    whole = np.rint(np.where(comes, day, 0.0) * MICROSECONDS_PER_DAY).astype(np.int64)
    return np.where(comes, whole, NEVER)
