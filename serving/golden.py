"""The bundle's golden leads, asked again on the way that a request takes.

See `models.golden`. A lead is written as it would travel, validated and scored; only then is its
answer compared.
"""

from dataclasses import fields
from typing import Any

from features.kinds import LABEL_FIELDS
from models.bundle import Bundle
from models.golden import GOLDEN, REASONS, GoldenAnswer, GoldenLead, golden_leads
from serving.model import served_model
from serving.problem import Problem
from serving.schemas import ScoredLead, rfc3339
from serving.scorer import scored
from serving.settings import Limits


def replayed(bundle: Bundle, text: str) -> int:
    """How many golden leads were asked again and answered as before, to the last bit.

    Raises
    ------
    ValueError
        An answer is another one, or there are no golden leads in the text.
    """
    leads = golden_leads(text)
    model = served_model(bundle, Limits())
    for number, lead in enumerate(leads, start=1):
        (found,) = scored(model, [_travelling(bundle, lead)], lead.as_of, REASONS)
        _require_same(bundle, number, lead.answer, found)
    if not leads:
        raise ValueError(f"{GOLDEN} holds no golden leads. Pull or train the bundle again.")
    return len(leads)


def _require_same(
    bundle: Bundle, number: int, expected: GoldenAnswer, found: ScoredLead | Problem
) -> None:
    if isinstance(found, Problem):  # what the text holds is wrong, not its type
        why = found.errors[0]
        raise ValueError(  # noqa: TRY004
            f"Golden lead {number} of {bundle.version} is refused: {why.field}: {why.law}, "
            f"found {why.found}. Pull or train the bundle again."
        )
    points = tuple(reason.points for reason in found.reasons)
    for field in fields(GoldenAnswer):
        name = field.name
        now, before = points if name == "points" else getattr(found, name), getattr(expected, name)
        if now != before:
            raise ValueError(
                f"Golden lead {number} of {bundle.version} must have {name} {before!r}, as where "
                f"the bundle was made; here it has {now!r}. Install the same versions of "
                "NumPy and LightGBM, or train on a machine like this one."
            )


def _travelling(bundle: Bundle, lead: GoldenLead) -> dict[str, Any]:
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
