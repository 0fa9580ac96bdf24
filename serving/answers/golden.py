"""The bundle's golden leads, asked again on the way that a request takes.

See `models.golden`. A lead is written as the body of a request, read, validated and scored, and its
answer is written as it would travel and read again; only then is it compared, to the last bit. A
processor of another kind than the one that trained may round
exponentials otherwise in their last bit; who wants to serve there all the same has to say so, and
then numbers may differ by `ROUNDING`.
"""

import json
import math
from dataclasses import fields
from typing import Any

from features.language.kinds import LABEL_FIELDS
from models.bundle import Bundle
from models.golden import GOLDEN, REASONS, GoldenAnswer, GoldenLead, golden_leads
from serving.answers.json_text import parse_json
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.problem import Problem
from serving.answers.schemas import as_json
from serving.answers.scorer import score_leads
from serving.answers.times import rfc3339

ROUNDING_TOLERANCE = 1e-12
"""By what share of a number, or by how much where it is below 1, processors may differ."""


def replay_golden_leads(bundle: Bundle, text: str, *, rounded: bool = False) -> int:
    """How many golden leads were asked again and answered as before.

    Parameters
    ----------
    bundle : Bundle
    text : str
        What `models.golden.GOLDEN` holds.
    rounded : bool
        Whether numbers may differ by `ROUNDING`; otherwise not by a bit.

    Raises
    ------
    ValueError
        An answer is another one, or there are no golden leads in the text.
    """
    leads = golden_leads(text)
    model = served_model(bundle, Limits())
    for number, lead in enumerate(leads, start=1):
        _require_same(bundle, number, lead.answer, _answer(model, number, lead), rounded=rounded)
    if not leads:
        raise ValueError(f"{GOLDEN} holds no golden leads. Pull or train the bundle again.")
    return len(leads)


def _answer(model: ServedModel, number: int, lead: GoldenLead) -> GoldenAnswer:
    """What whoever asks about the lead reads."""
    body = json.dumps(golden_request(model.bundle, lead)).encode()
    (scored,) = score_leads(model, [parse_json(body, model.max_names)], lead.as_of, REASONS)
    if isinstance(scored, Problem):  # what the text holds is wrong, not its type
        error = scored.errors[0]
        raise ValueError(  # noqa: TRY004
            f"Golden lead {number} of {model.bundle.version} is refused: "
            f"{error.field}: {error.law}, found {error.found}. Pull or train the bundle again."
        )
    answer = json.loads(as_json(scored))
    answer["points"] = tuple(reason["points"] for reason in answer["reasons"])
    return GoldenAnswer(**{field.name: answer[field.name] for field in fields(GoldenAnswer)})


def _require_same(
    bundle: Bundle, number: int, expected: GoldenAnswer, answer: GoldenAnswer, *, rounded: bool
) -> None:
    for field in fields(GoldenAnswer):
        name = field.name
        actual, required = getattr(answer, name), getattr(expected, name)
        if actual == required or (rounded and _close(actual, required)):
            continue
        way_out = (
            "Install the same versions of NumPy and LightGBM, or train on a machine like this one"
        )
        if _close(actual, required):
            way_out += (
                ". No more than the last digits differ: this processor rounds otherwise than "
                "the one that trained. To accept that, serve with LEAD_TEMPERATURE_GOLDEN=rounded, "
                "or `verify --rounded`"
            )
        raise ValueError(
            f"Golden lead {number} of {bundle.version} must have {name} {required!r}, as where the "
            f"bundle was made; here it has {actual!r}. {way_out}."
        )


def _close(actual: Any, required: Any) -> bool:
    """Whether two values of a golden answer are one, but for a processor's rounding."""
    match actual, required:
        case (float(), float()):
            return math.isclose(
                actual, required, rel_tol=ROUNDING_TOLERANCE, abs_tol=ROUNDING_TOLERANCE
            )
        case (tuple(), tuple()):
            return len(actual) == len(required) and all(map(_close, actual, required))
        case _:
            return bool(actual == required)


def golden_request(bundle: Bundle, lead: GoldenLead) -> dict[str, Any]:
    """The lead as a client would send it."""
    kinds, record = bundle.spec.attribute_kinds, lead.record
    return {
        "lead_id": "golden",
        "created_at": rfc3339(record.created_at),
        "as_of": rfc3339(lead.as_of),
        "attributes": {
            name: rfc3339(value) if kinds.get(name) == "timestamp" else value
            for name, value in record.attributes.items()
        },
        "interactions": [
            {
                "occurred_at": rfc3339(event["occurred_at"]),
                "recorded_at": rfc3339(event["recorded_at"]),
                **{name: event[name] for name in LABEL_FIELDS if name in event},
                "measures": {name: event[name] for name in bundle.spec.measures},
            }
            for event in record.interactions
        ],
    }
