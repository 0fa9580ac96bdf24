"""The JSON of requests and answers: the lead that a client sends, and what it reads.

The lead's schema is that of the contract (`models.contract`). `lead_adapter` turns it into one
closed, strict pydantic validator: its fields are the attributes and measures that the model was
trained on, and retired ones; every other name is refused, a number must be a number and a time must
have a zone. Validation
returns the values that the engine takes, with every time as whole microseconds. Answers are frozen
dataclasses that pydantic writes as JSON; floats are written so that they are read back bit for bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NotRequired, get_args, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import (
    TypeAliasType,
    TypedDict,
)  # typing's own does before Python 3.12 not serve pydantic

from features.engine.history import MEASURE_LIMIT, TEXT_LIMIT
from features.language.kinds import AttributeKind, LabelField
from ledger.record import Answered
from models.contract import ATTRIBUTES, MEASURES, Contract, ContractName, Release
from models.course.looks import Band
from serving.answers.course import ForecastAnswer, ScoreChangeAnswer, TrendAnswer
from serving.answers.history import LeadHistory
from serving.answers.limits import Limits
from serving.answers.problem import ALWAYS_SENT, Problem
from serving.answers.sample_schemas import SampleAnswer
from serving.answers.times import Instant, Moment

Text = Annotated[str, Field(max_length=TEXT_LIMIT)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Measure = Annotated[float, Field(ge=-MEASURE_LIMIT, le=MEASURE_LIMIT, allow_inf_nan=False)]

_VALUES: Mapping[AttributeKind, Any] = {"number": Number, "category": Text, "timestamp": Instant}


class Interaction(TypedDict):
    """One contact with the lead."""

    occurred_at: Annotated[Instant, Field(description="When it took place.")]
    recorded_at: NotRequired[
        Annotated[
            Instant | None,
            Field(description="When the CRM learnt of it. Default: `occurred_at`."),
        ]
    ]
    channel: NotRequired[Text | None]
    kind: NotRequired[Text | None]
    direction: NotRequired[Text | None]
    outcome: NotRequired[Text | None]
    agent: NotRequired[Text | None]
    measures: NotRequired[Mapping[str, float | None] | None]


class Lead(TypedDict):
    """A lead with all that is known about it. Null is a missing value, and so is an empty text."""

    lead_id: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]
    created_at: Annotated[Instant, Field(description="When the lead was created.")]
    as_of: NotRequired[
        Annotated[
            Instant | None,
            Field(
                description="The instant to score at: what is known strictly before it counts. "
                "Default: now."
            ),
        ]
    ]
    previous_band: NotRequired[
        Annotated[
            Band | None,
            Field(
                description="The band of the lead's latest score, if the CRM kept it: a lead stays "
                "in its band until it falls clearly below the cut-off. Default: not known."
            ),
        ]
    ]
    previous_as_of: NotRequired[
        Annotated[
            Instant | None,
            Field(
                description="The `as_of` of an earlier answer, which `include=change` compares "
                "with. Default: not known."
            ),
        ]
    ]
    attributes: NotRequired[Mapping[str, float | int | str | None] | None]
    interactions: NotRequired[list[Interaction] | None]


def lead_adapter(contract: Contract, limits: Limits) -> TypeAdapter[Lead]:
    """Validator of a lead, with exactly the names of a contract."""
    attributes = _closed(
        "Attributes",
        "What the card says about the lead, as known at `as_of`.",
        _optional_fields(contract, ATTRIBUTES, _VALUES),
    )
    measures = _closed(
        "Measures",
        "Numbers that belong to an interaction.",
        _optional_fields(contract, MEASURES, {"number": Measure}),
    )
    interaction = _closed(
        "Interaction",
        str(Interaction.__doc__),
        get_type_hints(Interaction, include_extras=True)
        | {"measures": NotRequired[measures | None]},
    )
    interactions: Any = Annotated[
        list[interaction],  # type: ignore[valid-type]  # it is made here, from the spec
        # To list what is wrong with each of 10,000 would take a second: only the first is listed.
        Field(max_length=limits.max_interactions, fail_fast=True),
    ]
    lead = _closed(
        "Lead",
        str(Lead.__doc__),
        get_type_hints(Lead, include_extras=True)
        | {
            "attributes": NotRequired[attributes | None],
            "interactions": NotRequired[interactions | None],
        },
    )
    return TypeAdapter(lead)


def _optional_fields(
    contract: Contract, prefix: str, types: Mapping[AttributeKind, Any]
) -> dict[str, Any]:
    """Fields under a path of the contract, each optional; retired ones are marked."""
    fields: dict[str, Any] = {}
    for path, name in contract.names.items():
        if path.startswith(prefix):
            value: Any = types[name.kind] | None
            if name.retirement is not None:
                value = Annotated[value, Field(json_schema_extra={"deprecated": True})]
            fields[path.removeprefix(prefix)] = NotRequired[value]
    return fields


def batch_adapter(limits: Limits) -> TypeAdapter[Mapping[str, list[object]]]:
    """Validator of the object around a batch; its leads are validated one by one."""
    length = Field(max_length=limits.max_batch)
    return TypeAdapter(
        _closed("Batch", "Leads to score.", {"leads": Annotated[list[object], length]})
    )


def _closed(name: str, description: str, fields: Mapping[str, Any]) -> Any:
    """A strict TypedDict that refuses other fields."""
    schema = TypedDict(name, fields)  # type: ignore[misc]  # names come from the spec
    schema.__doc__ = description
    return with_config(ConfigDict(extra="forbid", strict=True))(schema)


@dataclass(frozen=True, slots=True)
class ReasonAnswer:
    """One signal's share in the hot probability."""

    signal: Annotated[str, Field(description="What was looked at; empty for all the rest.")]
    points: Annotated[
        float, Field(description="Percentage points by which it moved the probability.")
    ]
    text: Annotated[str, Field(description="The lead's own value, in words.")]


LowEnd = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="Leads like this one: of a group of them, in the weeks to come, the share that "
        "converts lies below this number one time in ten. It says nothing of this lead alone. The "
        "probability decides the band; of models that earlier versions trained, this number does.",
    ),
]
HighEnd = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="Leads like this one: of a group of them the share that converts lies above "
        "this number one time in ten.",
    ),
]
LedgerState = Literal["kept", "queued", "not_kept"]
LedgerHealth = Literal["keeping", "failing"]
MAY_BE_LEFT = (
    "Whether the lead may be left alone: it is cold, and of leads like it even the high end stays "
    "within what cold promises. False where cold promises nothing, or its promise did not hold."
)


@with_config(ALWAYS_SENT)
@dataclass(frozen=True, slots=True)
class ScoredLead:
    """The temperature of one lead at one instant."""

    lead_id: str
    as_of: Moment
    valid_until: Annotated[
        Moment,
        Field(
            description="Use the score until then at the latest: so long no interaction that was "
            "sent comes into or leaves a window of the model, and it is a day at the most. A new "
            "interaction or another attribute ends it at once."
        ),
    ]
    newest_interaction_days: Annotated[
        float | None,
        Field(
            ge=0,
            description="Days from the latest interaction that counts to `as_of`; null without "
            "one.",
        ),
    ]
    hot_probability: Annotated[
        float, Field(ge=0, le=1, description="Probability of converting within `hot_days`.")
    ]
    hot_low: LowEnd
    hot_high: HighEnd
    warm_probability: Annotated[
        float, Field(ge=0, le=1, description="Probability of converting within `warm_days`.")
    ]
    warm_low: LowEnd
    warm_high: HighEnd
    not_enough_evidence: Annotated[
        bool,
        Field(description="Whether what is said of leads like this one is too wide to act on."),
    ]
    hot_days: int
    warm_days: int
    band: Band
    band_reason: Annotated[str, Field(description="The comparison that decided the band.")]
    may_be_left: Annotated[bool, Field(description=MAY_BE_LEFT)]
    base_probability: Annotated[
        float, Field(description="Where the reasons start: the average lead's hot probability.")
    ]
    reasons: Annotated[
        tuple[ReasonAnswer, ...],
        Field(
            description="Strongest first; their points add up to "
            "100 × (hot_probability − base_probability)."
        ),
    ]
    trend: Annotated[TrendAnswer | None, Field(description="Null unless `include` asks for it.")]
    forecast: Annotated[
        ForecastAnswer | None, Field(description="Null unless `include` asks for it.")
    ]
    change: Annotated[
        ScoreChangeAnswer | None, Field(description="Null unless `include` asks for it.")
    ]
    model_version: str
    warnings: Annotated[
        tuple[str, ...],
        Field(
            description="What of the lead was missing, unknown or not used, and a promise of its "
            "band that did not hold."
        ),
    ]
    request_id: Annotated[
        str,
        Field(
            description="The request's `X-Request-ID`, or one that was made for it; the log and "
            "problems have it too."
        ),
    ]
    result: Annotated[
        Literal["score"], Field(description="Tells a score from a problem in a batch.")
    ] = "score"
    ledger: Annotated[
        LedgerState | None,
        Field(
            description="`kept`: the answer is in the server's ledger, on its disk. `queued`: it "
            "will be in a moment, unless the server is killed before. `not_kept`: it will not. "
            "Null where the server has no ledger."
        ),
    ] = None
    record: Annotated[Answered | None, Field(exclude=True)] = None


BatchResult = TypeAliasType(
    "BatchResult", Annotated[ScoredLead | Problem, Field(discriminator="result")]
)
"""A score or a problem; generated clients tell them apart by `result`."""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """Answers to a batch, in the order of its leads."""

    results: Annotated[
        tuple[BatchResult, ...],
        Field(description="A score each, or the problem with a lead that cannot be scored."),
    ]


@dataclass(frozen=True, slots=True)
class AttributeAnswer:
    """An attribute that a lead may carry."""

    kind: AttributeKind
    levels: Annotated[
        tuple[str, ...],
        Field(description="Levels of a category that the model tells apart; others are one."),
    ]


@dataclass(frozen=True, slots=True)
class PromiseAnswer:
    """What a band promises, and what that rests on."""

    words: Annotated[str, Field(description="The promise, in words.")]
    rate: Annotated[
        float | None,
        Field(description="Share of such looks that converted in time; null without looks."),
    ]
    bound: Annotated[
        float | None,
        Field(description="What that share is at least, of cold at most, with its confidence."),
    ]
    reach: Annotated[
        float | None,
        Field(
            description="Share of all buyers that were in the band or in a hotter one beforehand, "
            "of cold in none; null where it was not measured."
        ),
    ]


@dataclass(frozen=True, slots=True)
class NotationAnswer:
    """How the export writes numbers or times, which texts of a request may be, too."""

    decimal: Annotated[str, Field(description="Decimal sign.")]
    thousands: Annotated[str | None, Field(description="What parts thousands; null: nothing.")]
    durations: Annotated[
        str | None, Field(description="How lengths of time are written that are no number.")
    ]
    dates: Annotated[
        tuple[str, ...],
        Field(
            description="`iso`, `epoch_s`, `epoch_ms`, `excel` (days since 1899-12-30) or patterns."
        ),
    ]
    timezone: Annotated[
        str | None,
        Field(description="Zone of times that name none; null: they are refused."),
    ]


@dataclass(frozen=True, slots=True)
class FieldTermsAnswer:
    """The export's own terms for one field: a request may use them in place of ours."""

    names: Annotated[tuple[str, ...], Field(description="Names of the field in the export.")]
    words: Annotated[
        dict[str, str],
        Field(
            description="Words of the export and what each is read as; the empty text is a missing "
            "value."
        ),
    ]
    notations: Annotated[
        tuple[NotationAnswer, ...],
        Field(description="How tables of the export write the field; empty where it is a word."),
    ]
    lowest: Annotated[float | None, Field(description="Smallest number in training.")]
    highest: Annotated[float | None, Field(description="Largest number in training.")]


@dataclass(frozen=True, slots=True)
class TermsAnswer:
    """The terms of the export that the model was trained on, by our names of the fields."""

    lead: dict[str, FieldTermsAnswer]
    attributes: dict[str, FieldTermsAnswer]
    interactions: dict[str, FieldTermsAnswer]
    measures: dict[str, FieldTermsAnswer]


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """The model that is served: what it promises and what it reads."""

    model_version: str
    horizons: Annotated[dict[str, int], Field(description="Days of the two questions.")]
    base_rates: Annotated[
        dict[str, float],
        Field(description="Share of conversions by horizon where the model was fitted."),
    ]
    bands: Annotated[
        dict[str, float | None],
        Field(description="Cut-offs of the bands; null where nobody is called so."),
    ]
    promises: Annotated[
        dict[str, PromiseAnswer],
        Field(
            description="What each band promises of the leads in it. Rate and reach are those of "
            "all looks that no fit had learned from; `card` has those of the test period alone."
        ),
    ]
    base_probability: float
    attributes: dict[str, AttributeAnswer]
    measures: tuple[str, ...]
    vocabulary: Annotated[
        dict[LabelField, tuple[str, ...]],
        Field(description="Values of an interaction's fields that the model tells apart."),
    ]
    terms: Annotated[
        TermsAnswer | None,
        Field(
            description="Names, words and formats of the export, which a request may use as well; "
            "null where the bundle is older and does not know them."
        ),
    ]
    limits: Limits
    card: Annotated[dict[str, Any], Field(description="What it was trained on and reached.")]


@dataclass(frozen=True, slots=True)
class ContractAnswer:
    """What callers may send, whichever model serves."""

    version: Annotated[
        str,
        Field(
            description="Version of the contract. The first number rises when callers must change, "
            "the second when names come or retire, the third when only words do."
        ),
    ]
    released: Annotated[date, Field(description="The day of the version.")]
    names: Annotated[
        dict[str, ContractName],
        Field(
            description="Names by their path in a lead, with the type of their values and the "
            "words that the model tells apart. All are optional. One with a `retirement` is "
            "accepted and not read, or read as another one."
        ),
    ]


@dataclass(frozen=True, slots=True)
class ContractChanges:
    """What became of the contract."""

    version: Annotated[str, Field(description="The present version.")]
    releases: Annotated[
        tuple[Release, ...],
        Field(description="All versions, the newest first, with what each changed."),
    ]


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the process lives, and what it serves."""

    status: Literal["alive", "ready"]
    model_version: str
    ledger: Annotated[
        LedgerHealth | None,
        Field(
            description="Whether this process's ledger took its latest answers; null without one."
        ),
    ] = None


Answer = (
    ScoredLead
    | LeadHistory
    | BatchAnswer
    | SampleAnswer
    | ModelAnswer
    | ContractAnswer
    | ContractChanges
    | Health
    | Problem
)
ANSWERS: Mapping[type[Answer], TypeAdapter[Any]] = {
    answer: TypeAdapter(answer) for answer in get_args(Answer)
}


def as_json(answer: Answer) -> bytes:
    """An answer as JSON text."""
    return ANSWERS[type(answer)].dump_json(answer)
