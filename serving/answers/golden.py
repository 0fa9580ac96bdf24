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
from serving.answers.json_text import json_value
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.problem import Problem
from serving.answers.schemas import as_json
from serving.answers.scorer import scored
from serving.answers.times import rfc3339

ROUNDING = 1e-12
"""By what share of a number, or by how much where it is below 1, processors may differ."""


def replayed(bundle: Bundle, text: str, *, rounded: bool = False) -> int:
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
    body = json.dumps(travelling(model.bundle, lead)).encode()
    (found,) = scored(model, [json_value(body, model.most_names)], lead.as_of, REASONS)
    if isinstance(found, Problem):  # what the text holds is wrong, not its type
        why = found.errors[0]
        raise ValueError(  # noqa: TRY004
            f"Golden lead {number} of {model.bundle.version} is refused: {why.field}: {why.law}, "
            f"found {why.found}. Pull or train the bundle again."
        )
    told = json.loads(as_json(found))
    told["points"] = tuple(reason["points"] for reason in told["reasons"])
    return GoldenAnswer(**{field.name: told[field.name] for field in fields(GoldenAnswer)})


def _require_same(
    bundle: Bundle, number: int, expected: GoldenAnswer, found: GoldenAnswer, *, rounded: bool
) -> None:
    for field in fields(GoldenAnswer):
        name = field.name
        now, before = getattr(found, name), getattr(expected, name)
        if now == before or (rounded and _close(now, before)):
            continue
        way_out = (
            "Install the same versions of NumPy and LightGBM, or train on a machine like this one"
        )
        if _close(now, before):
            way_out += (
                ". No more than the last digits differ: this processor rounds otherwise than "
                "the one that trained. To accept that, serve with LEAD_TEMPERATURE_GOLDEN=rounded, "
                "or `verify --rounded`"
            )
        raise ValueError(
            f"Golden lead {number} of {bundle.version} must have {name} {before!r}, as where the "
            f"bundle was made; here it has {now!r}. {way_out}."
        )


def _close(now: Any, before: Any) -> bool:
    """Whether two values of a golden answer are one, but for a processor's rounding."""
    match now, before:
        case (float(), float()):
            return math.isclose(now, before, rel_tol=ROUNDING, abs_tol=ROUNDING)
        case (tuple(), tuple()):
            return len(now) == len(before) and all(map(_close, now, before))
        case _:
            return bool(now == before)


def travelling(bundle: Bundle, lead: GoldenLead) -> dict[str, Any]:
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
                "occurred_at": rfc3339(one["occurred_at"]),
                "recorded_at": rfc3339(one["recorded_at"]),
                **{name: one[name] for name in LABEL_FIELDS if name in one},
                "measures": {name: one[name] for name in bundle.spec.measures},
            }
            for one in record.interactions
        ],
    }
