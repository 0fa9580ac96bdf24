"""The JSON of what a sample of leads shows: the answer of ``POST /v1/validate``.

Shares of the sample stand beside those of the training wherever the bundle's card tells them.

Tests: tests/serving/answers/test_sample.py.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Field, WithJsonSchema

from models.course.looks import Band
from serving.answers.problem import ERROR_CODE, Reason

SampleCode = Literal[
    "refused", "unknown_name", "retired_name", "lead_twice", "never_sent", "rarely_sent",
    "often_sent", "unknown_words", "no_known_word", "outside_range", "unused_interactions",
    "early_interactions", "midnights", "copies", "delays", "unlike_training", "bands",
]  # fmt: skip
"""What was noticed, in the order in which it is told."""
SAMPLE_CODES: tuple[SampleCode, ...] = get_args(SampleCode)

FieldReading = Literal["read", "retired", "unknown"]

_SAMPLE_CODE = WithJsonSchema(
    {
        "type": "string",
        "title": "Code",
        "description": "What was noticed, in one word that never changes its meaning. New ones may "
        "come.",
        "examples": ["refused", "never_sent"],
    }
)


@dataclass(frozen=True, slots=True)
class SampleFinding:
    """One difference between the sample and what the model was trained on."""

    code: Annotated[SampleCode, _SAMPLE_CODE]
    field: Annotated[str, Field(description="Path of the field; empty for the whole.")]
    count: Annotated[
        int,
        Field(
            ge=0,
            description="How many leads it concerns; of an interaction's field how many "
            "interactions.",
        ),
    ]
    text: Annotated[str, Field(description="The finding, for people.")]
    way_out: Annotated[str, Field(description="What mends it, if it is no intention.")]


@dataclass(frozen=True, slots=True)
class FieldRefusal:
    """Values of one field that are refused for one reason."""

    code: Annotated[Reason, ERROR_CODE]
    leads: Annotated[int, Field(ge=1, description="How many leads are refused for it.")]
    lead: Annotated[int, Field(ge=0, description="Place of the example in the sample, from 0.")]
    example: Annotated[str, Field(description="The value there.")]
    law: str
    way_out: str


@dataclass(frozen=True, slots=True)
class FieldUse:
    """How a sample uses one field."""

    reading: Annotated[
        FieldReading,
        Field(
            description="`read` by the model, `retired` (accepted, see the contract) or `unknown`: "
            "refused, or left out where the call prefers lenient handling."
        ),
    ]
    is_sent: Annotated[bool, Field(description="Whether its name came, with a value or without.")]
    filled: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="Share of the leads, of an interaction's field that of the interactions, "
            "with a value that is not null and no empty text; null where there are none.",
        ),
    ]
    trained_filled: Annotated[
        float | None,
        Field(description="The same of the training's leads; null where it is not known."),
    ]
    refusals: tuple[FieldRefusal, ...]
    words: Annotated[
        dict[str, int],
        Field(description="Words that the model tells apart, with how often they came."),
    ]
    unknown_words: Annotated[
        dict[str, int],
        Field(
            description="Words that the model does not tell apart, the most frequent first, with "
            "how often they came."
        ),
    ]
    unused_words: Annotated[
        tuple[str, ...], Field(description="Words that the model tells apart and nobody sent.")
    ]
    outside: Annotated[
        int, Field(ge=0, description="Leads with a number outside of those that training had.")
    ]
    lowest: Annotated[float | None, Field(description="Smallest number of the sample.")]
    highest: Annotated[float | None, Field(description="Largest number of the sample.")]
    trained_lowest: Annotated[float | None, Field(description="Smallest of training.")]
    trained_highest: Annotated[float | None, Field(description="Largest of training.")]
    importance: Annotated[
        float | None,
        Field(
            description="Share of the importance of all signals that those have which read the "
            "field, on the test period; null where it was not measured."
        ),
    ]
    moved_points: Annotated[
        float | None,
        Field(
            description="By how many percentage points these signals moved the hot probability of "
            "a lead of the sample, in the mean; of a field that is not sent: its absence."
        ),
    ]


@dataclass(frozen=True, slots=True)
class InteractionsUse:
    """The interactions of a sample."""

    count: int
    per_lead: Annotated[float | None, Field(description="Mean number a lead.")]
    trained_per_lead: Annotated[float | None, Field(description="The same in training.")]
    booked: Annotated[
        float | None, Field(description="Share that was recorded before it occurred.")
    ]
    trained_booked: Annotated[float | None, Field(description="The same in training.")]
    delayed: Annotated[
        float | None, Field(description="Share that was recorded over a day after it occurred.")
    ]
    trained_delayed: Annotated[float | None, Field(description="The same in training.")]
    unused: Annotated[int, Field(description="From `as_of` or later; they do not count.")]
    early: Annotated[int, Field(description="From long before the lead was created.")]
    at_midnight: Annotated[int, Field(description="Of leads with many, none of which has an hour.")]
    copies: Annotated[int, Field(description="Equal to an earlier one in every field.")]


@dataclass(frozen=True, slots=True)
class SampleAnswer:
    """What a sample of leads shows of the mapping that made it. Nothing of it is kept."""

    leads: int
    scored: Annotated[int, Field(description="Leads that are scored, with lenient handling.")]
    refused: Annotated[int, Field(description="Leads that are refused, however handled.")]
    refused_if_strict: Annotated[
        int, Field(description="Leads that are refused without `Prefer: handling=lenient`.")
    ]
    findings: Annotated[
        tuple[SampleFinding, ...],
        Field(description="What differs from training, refusals first; empty where nothing does."),
    ]
    fields: Annotated[
        dict[str, FieldUse],
        Field(description="By path: every name of the contract, and names that were sent."),
    ]
    interactions: InteractionsUse
    signals_outside: Annotated[
        dict[str, float],
        Field(
            description="Signals with values such as training never had, the most frequent first, "
            "with the share of the scored leads."
        ),
    ]
    bands: Annotated[
        dict[Band, float], Field(description="Share of the scored leads in each band.")
    ]
    trained_bands: Annotated[
        dict[str, float],
        Field(description="Share of the looks of the test period; empty if it is not known."),
    ]
    hot_probability: Annotated[
        float | None, Field(description="Mean of the scored leads; compare the base rate.")
    ]
    model_version: str
    request_id: str
