"""What may be asked of a band: a policy, from which training chooses the band's cut-off.

A manager says what a band must keep, in the words of the business: at least such a share of the
leads called hot buys, or that the hot leads hold such a share of all buyers (their reach), or no
more of them than can be called, or every call pays on average. A number is a policy too, the
simplest one. How a cut-off follows from a policy is `training.bands.cutoffs`'s business; here is
only what was asked, so that a bundle can tell it. Cold is promised something as well: that few of
the leads in it buy.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import assert_never

from typing_extensions import TypeIs  # in typing itself from Python 3.13 on

CONFIDENCE = 0.90


@dataclass(frozen=True, slots=True)
class FixedCutoff:
    """A lead is in the band from this number on, whatever came of such leads.

    Parameters
    ----------
    cutoff : float
        Probability, within 0 and 1.
    """

    cutoff: float

    def __post_init__(self) -> None:
        if not 0 < self.cutoff < 1:
            raise ValueError(f"a cut-off must lie between 0 and 1, got {self.cutoff}")


@dataclass(frozen=True, slots=True)
class GuaranteedRate:
    """Of the leads in the band at least this share converts within the band's horizon.

    Parameters
    ----------
    rate : float
        The share, within 0 and 1.
    confidence : float
        Confidence of the promise, between 0.5 and 1.
    """

    rate: float
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise ValueError(f"rate must lie between 0 and 1, got {self.rate}")
        _require_confidence(self.confidence)


@dataclass(frozen=True, slots=True)
class HighestRate:
    """As high a guaranteed rate as the data bear: it becomes a `GuaranteedRate` in training.

    Parameters
    ----------
    up_to : float
        Highest rate that is asked for, within 0 and 1.
    confidence : float
        Confidence of the promise, between 0.5 and 1.
    """

    up_to: float
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        if not 0 < self.up_to < 1:
            raise ValueError(f"up_to must lie between 0 and 1, got {self.up_to}")
        _require_confidence(self.confidence)


@dataclass(frozen=True, slots=True)
class HighestLift:
    """The highest multiple of the base rate that the data bear with a reach that is worth having.

    It becomes a `GuaranteedRate` in training. The base rate is the share of all looks that convert.

    Parameters
    ----------
    least_reach : float
        Share of all buyers that the band, with the hotter one, is to hold, within 0 and 1.
    confidence : float
        Confidence of the promise, between 0.5 and 1.
    """

    least_reach: float
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        if not 0 < self.least_reach < 1:
            raise ValueError(f"least_reach must lie between 0 and 1, got {self.least_reach}")
        _require_confidence(self.confidence)


@dataclass(frozen=True, slots=True)
class WantedReach:
    """The band, with the hotter one, holds such a share of all buyers.

    It becomes a `GuaranteedRate` in training: of the rate that the data bear at that reach.

    Parameters
    ----------
    reach : float
        The share, within 0 and 1.
    rate : float
        Lowest rate that is worth having, from 0 to below 1. Where the data do not bear it at the
        wanted reach, it is guaranteed at the reach that they bear.
    confidence : float
        Confidence of the promise, between 0.5 and 1.
    """

    reach: float
    rate: float = 0.0
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        if not 0 < self.reach < 1:
            raise ValueError(f"reach must lie between 0 and 1, got {self.reach}")
        if not 0 <= self.rate < 1:
            raise ValueError(f"rate must be from 0 to below 1, got {self.rate}")
        _require_confidence(self.confidence)


@dataclass(frozen=True, slots=True)
class LimitedRate:
    """Of the leads in the band at most this share converts: what cold promises.

    Training measures it; it cannot be asked for.

    Parameters
    ----------
    at_most : float
        The share, within 0 and 1.
    confidence : float
        Confidence of the promise, between 0.5 and 1.
    """

    at_most: float
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        if not 0 < self.at_most < 1:
            raise ValueError(f"at_most must lie between 0 and 1, got {self.at_most}")
        _require_confidence(self.confidence)


@dataclass(frozen=True, slots=True)
class Capacity:
    """At most a given number of leads are in the band in a week.

    Counted are different leads that are in the band at one look or more from a Monday 00:00 UTC to
    the next, whether they came into it that week or before.

    Parameters
    ----------
    per_week : int
        At least 1.
    """

    per_week: int

    def __post_init__(self) -> None:
        if self.per_week != int(self.per_week) or self.per_week < 1:
            raise ValueError(f"per_week must be a whole number from 1 on, got {self.per_week}")


@dataclass(frozen=True, slots=True)
class Economics:
    """A call to a lead of the band is expected to bring at least what it costs.

    Parameters
    ----------
    sale_value, call_cost : float
        What a conversion brings and what a call costs, in one currency; 0 < cost < value.
    confidence : float
        Confidence of the promise, between 0.5 and 1.
    """

    sale_value: float
    call_cost: float
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        if not 0 < self.call_cost < self.sale_value < math.inf:
            raise ValueError(
                "call_cost must be more than 0 and less than sale_value, "
                f"got call_cost={self.call_cost}, sale_value={self.sale_value}"
            )
        _require_confidence(self.confidence)


Promised = FixedCutoff | GuaranteedRate | LimitedRate | Capacity | Economics
"""What a trained band can promise."""
Policy = (
    FixedCutoff | GuaranteedRate | HighestRate | HighestLift | WantedReach | Capacity | Economics
)
"""What may be asked of a band."""
TABLES: tuple[type[Policy], ...] = (
    GuaranteedRate,
    HighestRate,
    HighestLift,
    WantedReach,
    Capacity,
    Economics,
)


def promised_rate(policy: FixedCutoff | GuaranteedRate | LimitedRate | Economics) -> float:
    """Share of conversions that a policy promises, of cold the highest.

    Examples
    --------
    >>> promised_rate(Economics(sale_value=900, call_cost=90))
    0.1
    """
    match policy:
        case FixedCutoff(cutoff):
            return cutoff
        case GuaranteedRate(rate) | LimitedRate(rate):
            return rate
        case Economics(value, cost):
            return cost / value
        case _:
            assert_never(policy)


def confidence_of(policy: Promised) -> float:
    """Confidence of a policy's promise; `CONFIDENCE` where the policy does not say.

    Examples
    --------
    >>> confidence_of(GuaranteedRate(0.3, 0.95)), confidence_of(FixedCutoff(0.3))
    (0.95, 0.9)
    """
    match policy:
        case GuaranteedRate() | LimitedRate() | Economics():
            return policy.confidence
        case FixedCutoff() | Capacity():
            return CONFIDENCE
        case _:
            assert_never(policy)


def within(days: int) -> str:
    """Name a horizon in words.

    Examples
    --------
    >>> within(14), within(1)
    ('within 14 days', 'within 1 day')
    """
    return f"within {days} day{'' if days == 1 else 's'}"


def promise_in_words(policy: Promised, band: str, days: int) -> str:
    """What a policy promises of a band.

    Examples
    --------
    >>> promise_in_words(GuaranteedRate(0.3), "hot", 14)
    'of the looks called hot at least 30 % convert within 14 days, with 90 % confidence'
    """
    match policy:
        case FixedCutoff(cutoff):
            return (
                f"of the looks called {band} at least {100 * cutoff:.3g} % convert {within(days)}"
            )
        case GuaranteedRate(rate, confidence):
            return (
                f"of the looks called {band} at least {100 * rate:.3g} % convert {within(days)}, "
                f"with {100 * confidence:.3g} % confidence"
            )
        case LimitedRate(at_most, confidence):
            return (
                f"of 1,000 looks called {band} at most {1000 * at_most:.3g} convert "
                f"{within(days)}, with {100 * confidence:.3g} % confidence"
            )
        case Economics(value, cost, confidence):
            return (
                f"a call to a lead called {band} pays on average, with {100 * confidence:.3g} % "
                f"confidence: it costs {cost:g} and a sale brings {value:g}, so at least "
                f"{100 * cost / value:.3g} % of them must convert {within(days)}"
            )
        case Capacity(per_week):
            return f"no more than {per_week:,} leads are called {band} in a week, in 9 weeks of 10"
        case _:
            assert_never(policy)


def policy_to_json(policy: Policy | Promised) -> object:
    """As plain JSON values; the same that a configuration may hold."""
    return policy.cutoff if isinstance(policy, FixedCutoff) else asdict(policy)


def policy_from_json(value: object) -> Policy:
    """Policy that a configuration holds.

    Parameters
    ----------
    value : object
        A number, or a mapping with the parameters of one of `TABLES`.

    Raises
    ------
    ValueError
        It is neither, or a number is out of its bounds.

    Examples
    --------
    >>> policy_from_json(0.3)
    FixedCutoff(cutoff=0.3)
    >>> policy_from_json({"rate": 0.15, "reach": 0.5})
    WantedReach(reach=0.5, rate=0.15, confidence=0.9)
    """
    if isinstance(value, Policy):
        return value
    if _is_number(value):
        return FixedCutoff(float(value))
    for kind in TABLES:
        if isinstance(value, Mapping) and _has_names_of(value, kind):
            return kind(**value)
    raise ValueError(
        "must be a cut-off such as 0.30 or one of {least_reach = 0.25}, {rate = 0.30}, {reach = "
        "0.50}, {rate = 0.15, reach = 0.50}, {up_to = 0.30}, {per_week = 40} and {sale_value = "
        "900, call_cost = 60}, each but the capacity with confidence = 0.90 if you like; got "
        f"{value!r:.200}"
    )


def promised_from_json(value: object) -> Promised:
    """What a trained band promises, of what a bundle or a card holds.

    Raises
    ------
    ValueError
        It is no policy, or one that says only what is sought.

    Examples
    --------
    >>> promised_from_json({"at_most": 0.02, "confidence": 0.9})
    LimitedRate(at_most=0.02, confidence=0.9)
    """
    if isinstance(value, LimitedRate):
        return value
    if isinstance(value, Mapping) and _has_names_of(value, LimitedRate):
        return LimitedRate(**value)
    policy = policy_from_json(value)
    if isinstance(policy, HighestRate | HighestLift | WantedReach):
        raise ValueError(f"A trained band promises one rate, got {value}.")  # noqa: TRY004
    return policy


def _has_names_of(value: Mapping[object, object], kind: type[Policy | Promised]) -> bool:
    """Whether a value is numbers by the names of a policy, without some of those with a default."""
    if not all(map(_is_number, value.values())):
        return False
    required = {field.name for field in fields(kind) if field.default is MISSING}
    return required <= set(value) <= {field.name for field in fields(kind)}


def _is_number(value: object) -> TypeIs[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require_confidence(confidence: float) -> None:
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence must be more than 0.5 and less than 1, got {confidence}")
