"""The JSON of a lead's course: what its temperature was, and what it becomes.

`models.course.trend` and `models.course.forecast` compute the two. The dataclasses here give them
the field names and descriptions that clients read, and `trend_answer` and `forecast_answer` convert
them.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from models.course.change import Cause, ScoreChange
from models.course.forecast import FORECAST_DAYS, SHOWN, Forecast
from models.course.looks import Band, Look
from models.course.trend import TREND_DAYS, ScoreTrend, Verdict
from serving.answers.times import Moment, rfc3339

Part: TypeAlias = Literal["trend", "forecast", "change"]
"""What an answer may hold on request."""

Probability = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class LookAnswer:
    """What the score was on a day before `as_of`, or would be on a day after it."""

    day: Annotated[int, Field(description="Days from the answer's `as_of`; negative before it.")]
    as_of: Moment
    hot_probability: Probability
    hot_low: Probability
    hot_high: Probability
    warm_probability: Probability
    warm_low: Probability
    warm_high: Probability
    not_enough_evidence: Annotated[
        bool, Field(description="Whether what is said of such leads is too wide to act on.")
    ]
    band: Band


@dataclass(frozen=True, slots=True)
class ChangeAnswer:
    """One signal's share in the change of the hot probability."""

    signal: Annotated[str, Field(description="What was looked at; empty for all the rest.")]
    points: Annotated[
        float, Field(description="Percentage points by which it moved the probability.")
    ]
    before: Annotated[str, Field(description="The lead's own value then, in words.")]
    text: Annotated[str, Field(description="The lead's own value now, in words.")]


@dataclass(frozen=True, slots=True)
class TrendAnswer:
    """How the score came to be what it is, from what was known on days before `as_of`.

    Attributes are taken as they are now, and no look knows of a band before it.
    """

    looks: Annotated[
        tuple[LookAnswer | None, ...],
        Field(
            min_length=len(TREND_DAYS),
            max_length=len(TREND_DAYS),
            description=f"The lead {TREND_DAYS[0]}, {TREND_DAYS[1]} and {TREND_DAYS[2]} days "
            "before; null where it had not been created.",
        ),
    ]
    verdict: Annotated[
        Verdict | None,
        Field(
            description="Heating when the hot probability lies above the high end of what it was 7 "
            "days before (a day before, for a younger lead), cooling when it lies below the low "
            "end; within them the warm probability decides alike, and else it is steady. Null for "
            "a lead that was created less than a day before."
        ),
    ]
    verdict_reason: Annotated[str, Field(description="The comparison that decided the verdict.")]
    changes: Annotated[
        tuple[ChangeAnswer, ...],
        Field(
            description="What moved the hot probability since the look that the verdict compares "
            "with, strongest first; the points add up to the difference in percentage points. As "
            "many signals are named as `reasons` asks for."
        ),
    ]


@dataclass(frozen=True, slots=True)
class BandChangeAnswer:
    """A day on which the band becomes another one."""

    day: Annotated[
        int, Field(ge=1, le=FORECAST_DAYS[-1], description="Days from the answer's `as_of`.")
    ]
    as_of: Moment
    band: Annotated[Band, Field(description="The band from then on.")]


@dataclass(frozen=True, slots=True)
class ForecastAnswer:
    """What the score becomes when nothing more happens and the attributes stay as they are.

    The lead is looked at every 24 hours, each time with the band of the day before.
    """

    looks: Annotated[
        tuple[LookAnswer, ...],
        Field(
            min_length=len(SHOWN),
            max_length=len(SHOWN),
            description=f"The lead on days {', '.join(map(str, SHOWN[:-1]))} and {SHOWN[-1]}; day "
            "0 is the score itself.",
        ),
    ]
    band_changes: Annotated[
        tuple[BandChangeAnswer, ...],
        Field(
            description=f"Every change of the band up to day {FORECAST_DAYS[-1]}, in order of time."
        ),
    ]


@dataclass(frozen=True, slots=True)
class CauseAnswer:
    """What one cause did to the hot probability."""

    cause: Annotated[
        Cause,
        Field(
            description="`late_records`: what had occurred by then and was recorded later. "
            "`silence`: time went on. `interactions`: what occurred since. `attributes`, `model` "
            "and `calibration`: they are others; 0 here, because a request has neither the "
            "attributes nor the model of then."
        ),
    ]
    log_odds: Annotated[float, Field(description="What it added to the log-odds.")]
    points: Annotated[
        float, Field(description="Percentage points by which it moved the probability.")
    ]


@dataclass(frozen=True, slots=True)
class ScoreChangeAnswer:
    """Why the hot probability is another one than at `previous_as_of`, by this model."""

    previous_as_of: Moment
    previous_hot_probability: Annotated[
        Probability,
        Field(description="What this model says of that instant, from what was known by then."),
    ]
    band_without_memory: Annotated[
        Band, Field(description="The band now, if `previous_band` had not been sent.")
    ]
    causes: Annotated[
        tuple[CauseAnswer, ...],
        Field(
            description="In the order in which the lead is replayed; the log-odds add up to their "
            "whole difference, the points to that of the probabilities."
        ),
    ]


def score_change_answer(change: ScoreChange, previous_as_of: int) -> ScoreChangeAnswer:
    """Convert a change to its JSON form."""
    return ScoreChangeAnswer(
        rfc3339(previous_as_of),
        change.earlier_probability,
        change.band_without_memory,
        tuple(CauseAnswer(share.cause, share.log_odds, share.points) for share in change.shares),
    )


def trend_answer(trend: ScoreTrend) -> TrendAnswer:
    """Convert a trend to its JSON form."""
    return TrendAnswer(
        looks=tuple(None if look is None else _look(look) for look in trend.looks),
        verdict=trend.verdict,
        verdict_reason=trend.verdict_reason,
        changes=tuple(
            ChangeAnswer(change.signal, change.points, change.earlier_text, change.text)
            for change in trend.changes
        ),
    )


def forecast_answer(forecast: Forecast) -> ForecastAnswer:
    """Convert a forecast to its JSON form."""
    return ForecastAnswer(
        looks=tuple(_look(look) for look in forecast.looks),
        band_changes=tuple(
            BandChangeAnswer(change.day, rfc3339(change.as_of), change.band)
            for change in forecast.band_changes
        ),
    )


def _look(look: Look) -> LookAnswer:
    return LookAnswer(
        day=look.day,
        as_of=rfc3339(look.as_of),
        hot_probability=look.hot_probability,
        hot_low=look.hot_low,
        hot_high=look.hot_high,
        warm_probability=look.warm_probability,
        warm_low=look.warm_low,
        warm_high=look.warm_high,
        not_enough_evidence=look.not_enough_evidence,
        band=look.band,
    )
