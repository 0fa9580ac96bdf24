"""What the ledger holds about one lead: its answers, and how each differs from the one before.

The ledger has what was said, not what it rested on. So a history tells by how much a probability
moved, whether band and model are others, and whether the features were the same; why it moved is
told where the lead's own history is sent again (`models.course.change`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from pydantic import Field, with_config

from ledger.record import Answered, Purpose
from serving.answers.course import Probability
from serving.answers.problem import ALWAYS_SENT
from serving.answers.times import Moment, rfc3339


@dataclass(frozen=True, slots=True)
class KeptReason:
    """A signal that was named as a reason."""

    signal: Annotated[str, Field(description="What was looked at; empty for all the rest.")]
    points: Annotated[
        float, Field(description="Percentage points by which it moved the probability.")
    ]


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """How an answer differs from the one before it."""

    hot_points: Annotated[
        float, Field(description="Change of the hot probability, in percentage points.")
    ]
    warm_points: Annotated[
        float | None, Field(description="Change of the warm probability; null without one.")
    ]
    same_band: bool
    same_model: bool
    same_features: Annotated[
        bool,
        Field(
            description="Whether every feature of the model had the same bits; of two models this "
            "says nothing."
        ),
    ]


@with_config(ALWAYS_SENT)
@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it was given."""

    as_of: Moment
    received_at: Annotated[Moment, Field(description="When the question came.")]
    model_version: str
    contract_version: str | None
    hot_days: int
    hot_probability: Probability
    hot_low: Probability
    hot_high: Probability
    warm_days: int | None
    warm_probability: Probability | None
    warm_low: Probability | None
    warm_high: Probability | None
    band: str
    previous_band: str | None
    not_enough_evidence: bool
    purpose: Purpose
    reasons: tuple[KeptReason, ...]
    change: Annotated[
        AnswerChange | None, Field(description="Since the answer before; null for the first one.")
    ]


@with_config(ALWAYS_SENT)
@dataclass(frozen=True, slots=True)
class LeadHistory:
    """What the ledger holds about a lead."""

    lead_id: str
    answers: Annotated[
        tuple[KeptAnswer, ...],
        Field(description="The latest answers, in the order of their instants."),
    ]


def lead_history(lead_id: str, answers: Sequence[Answered]) -> LeadHistory:
    """History of a lead.

    Parameters
    ----------
    lead_id : str
        The lead, as it was asked for.
    answers : sequence of Answered
        What the ledger holds about it, in the order of the instants.
    """
    changes = [None, *(_change(earlier, answer) for earlier, answer in pairwise(answers))]
    return LeadHistory(
        lead_id,
        tuple(
            _kept_answer(answer, change)
            for answer, change in zip(answers, changes[: len(answers)], strict=True)
        ),
    )


def _change(earlier: Answered, answer: Answered) -> AnswerChange:
    return AnswerChange(
        hot_points=100 * (answer.hot.probability - earlier.hot.probability),
        warm_points=100 * (answer.warm.probability - earlier.warm.probability)
        if answer.warm is not None and earlier.warm is not None
        else None,
        same_band=earlier.band == answer.band,
        same_model=earlier.model_version == answer.model_version,
        same_features=earlier.features == answer.features,
    )


def _kept_answer(answer: Answered, change: AnswerChange | None) -> KeptAnswer:
    warm = answer.warm
    return KeptAnswer(
        as_of=rfc3339(answer.as_of),
        received_at=rfc3339(answer.received_at),
        model_version=answer.model_version,
        contract_version=answer.contract_version,
        hot_days=answer.hot.days,
        hot_probability=answer.hot.probability,
        hot_low=answer.hot.low,
        hot_high=answer.hot.high,
        warm_days=None if warm is None else warm.days,
        warm_probability=None if warm is None else warm.probability,
        warm_low=None if warm is None else warm.low,
        warm_high=None if warm is None else warm.high,
        band=answer.band,
        previous_band=answer.previous_band,
        not_enough_evidence=answer.doubt,
        purpose=answer.purpose,
        reasons=tuple(KeptReason(reason.signal, reason.points) for reason in answer.reasons),
        change=change,
    )
