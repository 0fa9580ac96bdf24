"""The bundle's golden leads, asked again on the way that a request takes.

See `models.golden`. A lead is written as it would travel, validated and scored; only then is its
answer compared. On a machine like the one where the bundle was made every answer has the same bits.
Another processor may round exponentials and logarithms otherwise in their last bit, so numbers may
differ by `ROUNDING`; whatever computes another thing, differs by more.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

from features.kinds import LABEL_FIELDS
from models.bundle import Bundle
from models.golden import GOLDEN, REASONS, GoldenAnswer, GoldenLead, golden_leads
from serving.model import served_model
from serving.problem import Problem
from serving.schemas import ScoredLead
from serving.scorer import scored
from serving.settings import Limits
from serving.times import rfc3339

ROUNDING = 1e-12
"""By what share of a number, or by how much where it is below 1, processors may differ."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How many golden leads answered as before, and whether to the last bit."""

    leads: int
    same_bits: bool


def replayed(bundle: Bundle, text: str) -> Replay:
    """Ask the golden leads again.

    Raises
    ------
    ValueError
        An answer is another one, or there are no golden leads in the text.
    """
    leads = golden_leads(text)
    model = served_model(bundle, Limits())
    same_bits = True
    for number, lead in enumerate(leads, start=1):
        (found,) = scored(model, [travelling(bundle, lead)], lead.as_of, REASONS)
        same_bits &= _same_bits(bundle, number, lead.answer, found)
    if not leads:
        raise ValueError(f"{GOLDEN} holds no golden leads. Pull or train the bundle again.")
    return Replay(len(leads), same_bits)


def _same_bits(
    bundle: Bundle, number: int, expected: GoldenAnswer, found: ScoredLead | Problem
) -> bool:
    """Whether an answer that is the same is so to the last bit."""
    if isinstance(found, Problem):  # what the text holds is wrong, not its type
        why = found.errors[0]
        raise ValueError(  # noqa: TRY004
            f"Golden lead {number} of {bundle.version} is refused: {why.field}: {why.law}, "
            f"found {why.found}. Pull or train the bundle again."
        )
    points = tuple(reason.points for reason in found.reasons)
    same_bits = True
    for field in fields(GoldenAnswer):
        name = field.name
        now, before = points if name == "points" else getattr(found, name), getattr(expected, name)
        same_bits &= now == before
        if not _same(now, before):
            raise ValueError(
                f"Golden lead {number} of {bundle.version} must have {name} {before!r}, as where "
                f"the bundle was made; here it has {now!r}. Install the same versions of "
                "NumPy and LightGBM, or train on a machine like this one."
            )
    return same_bits


def _same(now: Any, before: Any) -> bool:
    """Whether two values of a golden answer are one, but for a processor's rounding."""
    match now, before:
        case (float(), float()):
            return math.isclose(now, before, rel_tol=ROUNDING, abs_tol=ROUNDING)
        case (tuple(), tuple()):
            return len(now) == len(before) and all(map(_same, now, before))
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
