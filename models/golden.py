"""Leads with the answers that a bundle gave where it was made.

A few made-up leads of the bundle's own schema travel with it in `GOLDEN`, and what it said about
each: probabilities, intervals, band, reasons. Whoever serves the bundle asks it again, and serves
nothing before every answer is the same, but for what processors round otherwise. So a library that
computes otherwise is found before it meets a lead.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any

import numpy as np

from features.arrays import Float64
from features.engine.executor import features_of
from features.engine.history import MICROSECONDS_PER_DAY, LeadRecord, histories_of_records
from features.json_values import JsonObject
from features.language.kinds import (
    LABEL_FIELDS,
    AttributeCategory,
    Distinct,
    Feature,
    LabelField,
    LatestValue,
)
from features.language.spec import selections
from features.refusals import REFUSED_AT
from models.bundle import Bundle
from models.explain import explanations
from models.horizon import Scores

GOLDEN = "golden.json"
GOLDEN_LEADS = 8
GOLDEN_CANDIDATES = 1_000
"""Made-up leads from which the golden ones are chosen: hot leads are rare among them."""
GOLDEN_REASONS = 3
_SECOND = 1_000_000
_OLDEST_DAYS = 100


@dataclass(frozen=True, slots=True)
class GoldenAnswer:
    """What a bundle says about a lead, but for the words.

    Parameters
    ----------
    hot_probability, hot_low, hot_high, warm_probability, warm_low, warm_high : float
        As in `models.horizon.Scores`.
    band : str
        "hot", "warm" or "cold".
    points : tuple of float
        Of the reasons, strongest first.
    """

    hot_probability: float
    hot_low: float
    hot_high: float
    warm_probability: float
    warm_low: float
    warm_high: float
    band: str
    points: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class GoldenLead:
    """A lead, the instant to score it at (microseconds), and the answer."""

    record: LeadRecord
    as_of: int
    answer: GoldenAnswer


def vocabulary(features: Iterable[Feature]) -> dict[LabelField, tuple[str, ...]]:
    """Values of interactions' fields that features look at, in the order of their first use."""
    values_of_field: dict[LabelField, dict[str, None]] = {}
    for feature in features:
        used = [one for selection in selections(feature) for one in selection.conditions()]
        match feature:
            case Distinct(field=name, values=values) | LatestValue(field=name, levels=values):
                used.append((name, values))
        for name, values in used:
            values_of_field.setdefault(name, {}).update(dict.fromkeys(values))
    return {name: tuple(values) for name, values in values_of_field.items()}


def golden_json(bundle: Bundle) -> str:
    """Made-up leads of the bundle's schema and what it says about them, as text.

    The first one is a lead about which nothing is known; the others have what the features look at,
    from the warmest of those that were drawn to the coldest.
    """
    as_of = _end(bundle)
    random = np.random.default_rng(1)
    candidates = [_lead(bundle, random, as_of) for _ in range(GOLDEN_CANDIDATES)]
    warmest_first = np.argsort(-_scores(bundle, candidates, as_of)[1].hot_low, kind="stable")
    golden_places = warmest_first[
        np.geomspace(1, GOLDEN_CANDIDATES, GOLDEN_LEADS - 1).round().astype(np.int64) - 1
    ]
    records = [LeadRecord(as_of - MICROSECONDS_PER_DAY, [], {})]
    records += [candidates[place] for place in golden_places]
    golden = [
        {"record": record._asdict(), "as_of": as_of, "answer": asdict(answer)}
        for record, answer in zip(records, _answers(bundle, records, as_of), strict=True)
    ]
    return json.dumps(golden, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def golden_leads(text: str) -> list[GoldenLead]:
    """Leads of `golden_json`.

    Raises
    ------
    ValueError
        The text is something else.
    """
    try:
        return [
            GoldenLead(
                LeadRecord(**lead["record"]),
                lead["as_of"],
                GoldenAnswer(**lead["answer"] | {"points": tuple(lead["answer"]["points"])}),
            )
            for lead in json.loads(text)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{GOLDEN} holds no golden leads: {error}. Pull or train the bundle again."
        ) from error


def _scores(bundle: Bundle, records: Sequence[LeadRecord], as_of: int) -> tuple[Float64, Scores]:
    """Features and scores of leads."""
    spec = bundle.spec
    histories = histories_of_records(records, spec.attribute_kinds, spec.measures)
    leads = np.arange(len(records))
    matrix = features_of(bundle.plan, histories, leads, np.full(len(records), as_of))
    return matrix, bundle.scores(matrix)


def _answers(bundle: Bundle, records: Sequence[LeadRecord], as_of: int) -> list[GoldenAnswer]:
    matrix, scores = _scores(bundle, records, as_of)
    reasons_by_row = explanations(
        bundle, matrix, GOLDEN_REASONS, probability=scores.hot_probability
    )
    return [
        GoldenAnswer(
            **scores.numbers(int(row)),
            band=str(scores.band[row]),
            points=tuple(float(reason.points) for reason in reasons_by_row[row].reasons),
        )
        for row in range(len(records))
    ]


def _end(bundle: Bundle) -> int:
    """End of the data that the bundle was trained on, in whole seconds of microseconds."""
    end = bundle.card.served.data_end
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    return int(end.timestamp()) * _SECOND


def _lead(bundle: Bundle, random: np.random.Generator, as_of: int) -> LeadRecord:
    age = (1 + int(random.integers(_OLDEST_DAYS * 86_400) * random.random())) * _SECOND
    created_at = max(0, as_of - age)
    words = vocabulary(bundle.spec.features)
    interactions = [
        _interaction(bundle, random, words, created_at, as_of)
        for _ in range(int(random.integers(0, 13)))
    ]
    levels = {
        f.attribute: f.levels for f in bundle.spec.features if isinstance(f, AttributeCategory)
    }
    attributes: dict[str, Any] = {}
    for name, kind in bundle.spec.attribute_kinds.items():
        if random.random() < 0.2:
            continue
        if kind == "category":
            attributes[name] = str(random.choice([*levels.get(name, ()), "another"]))
        elif kind == "number":
            attributes[name] = float(random.integers(0, 1_000))
        elif name == REFUSED_AT:
            refused_at = random.integers(created_at // _SECOND, as_of // _SECOND)
            attributes[name] = int(refused_at) * _SECOND
        else:
            attributes[name] = max(0, created_at - int(random.integers(0, 10**7)) * _SECOND)
    return LeadRecord(created_at, interactions, attributes)


def _interaction(
    bundle: Bundle,
    random: np.random.Generator,
    words: Mapping[LabelField, tuple[str, ...]],
    created_at: int,
    as_of: int,
) -> JsonObject:
    occurred_at = int(random.integers(created_at // _SECOND, as_of // _SECOND)) * _SECOND
    delay = int(random.integers(0, 20 * 86_400)) * _SECOND if random.random() < 0.3 else 0
    labels: dict[str, Any] = {
        name: str(random.choice([*words.get(name, ()), "another"]))
        for name in LABEL_FIELDS
        if random.random() < 0.9
    }
    measures = {name: int(random.integers(0, 6_000)) / 10 for name in bundle.spec.measures}
    return {"occurred_at": occurred_at, "recorded_at": occurred_at + delay, **labels, **measures}
