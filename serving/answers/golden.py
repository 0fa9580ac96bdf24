"""Replay of a bundle's golden leads: it must answer here as it did where it was trained.

`models.golden` writes the leads and their answers when a bundle is trained. `replay_golden_leads`
sends each lead the way of a request: it writes the body, reads it, validates and scores it, writes
the answer as JSON and reads that again. Then it compares every number to the last bit. Another kind
of processor may round the last bit of an exponential differently. An operator may accept that;
numbers may then differ by `ROUNDING_TOLERANCE`.
"""

import json
import math
from dataclasses import fields, replace
from typing import Any

from features.json_values import JsonObject
from features.language.kinds import LABEL_FIELDS
from models.bundle import Bundle
from models.golden import GOLDEN, GOLDEN_REASONS, GoldenAnswer, GoldenLead, golden_leads
from serving.answers.json_text import parse_json
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.problem import Problem
from serving.answers.schemas import as_json
from serving.answers.scorer import score_leads
from serving.answers.times import rfc3339

ROUNDING_TOLERANCE = 1e-12
"""Relative difference of two processors' numbers that may be accepted; absolute below 1."""


def replay_golden_leads(bundle: Bundle, text: str, *, rounded: bool = False) -> int:
    """Score the golden leads again and require the answers of before.

    Parameters
    ----------
    bundle : Bundle
        The bundle that must give the answers.
    text : str
        Content of the bundle's file `models.golden.GOLDEN`.
    rounded : bool
        Whether numbers may differ by `ROUNDING_TOLERANCE`; otherwise every bit must agree.

    Returns
    -------
    int
        How many golden leads were compared.

    Raises
    ------
    ValueError
        An answer differs, or the text holds no golden leads.
    """
    leads = golden_leads(text)
    # They are in our terms: what the export calls so is not asked.
    model = served_model(replace(bundle, terms=None), Limits())
    for number, lead in enumerate(leads, start=1):
        _require_same(bundle, number, lead.answer, _answer(model, number, lead), rounded=rounded)
    if not leads:
        raise ValueError(f"{GOLDEN} holds no golden leads. Pull or train the bundle again.")
    return len(leads)


def _answer(model: ServedModel, number: int, lead: GoldenLead) -> GoldenAnswer:
    """The answer to a golden lead, as a client reads it."""
    body = json.dumps(golden_request(model.bundle, lead)).encode()
    (scored,) = score_leads(model, [parse_json(body, model.max_names)], lead.as_of, GOLDEN_REASONS)
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
    """Whether two values of a golden answer agree up to a processor's rounding."""
    match actual, required:
        case (float(), float()):
            return math.isclose(
                actual, required, rel_tol=ROUNDING_TOLERANCE, abs_tol=ROUNDING_TOLERANCE
            )
        case (tuple(), tuple()):
            return len(actual) == len(required) and all(map(_close, actual, required))
        case _:
            return bool(actual == required)


def golden_request(bundle: Bundle, lead: GoldenLead) -> JsonObject:
    """JSON of a golden lead, as a client would send it."""
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
