"""What the card says of the leads that the model was trained on, for samples to be compared with.

A sample of leads that a CRM sends is checked against these shares (`serving.answers.sample`). They
are no part of the model: what a card does not say, or says in another way, is left out here, and
nothing is compared with it.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from features.json_values import JsonObject
from models.card import MANAGERS, CardDocument
from models.card_formats import newest_format


@dataclass(frozen=True, slots=True)
class TrainingShares:
    """Shares of the training's leads, looks and interactions.

    Parameters
    ----------
    bands : mapping of band to float
        Share of the test period's looks that were in each band.
    filled : mapping of attribute to float
        Share of the leads of which the attribute was known at the end of the data.
    importance : mapping of signal to float
        Share that each signal has of the importance of all.
    interactions_per_lead : float or None
        Mean number of interactions.
    booked, delayed : float or None
        Shares of the interactions that were recorded before they occurred, and over a day after.
    """

    bands: Mapping[str, float] = field(default_factory=dict)
    filled: Mapping[str, float] = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    interactions_per_lead: float | None = None
    booked: float | None = None
    delayed: float | None = None


def training_shares(document: CardDocument) -> TrainingShares:
    """Shares that a card tells.

    Parameters
    ----------
    document : CardDocument
        The model's card, in any format.

    Examples
    --------
    >>> card = {"bands": {"hot": {"rows": 20}, "cold": {"rows": 60}}, "export": {"leads": 9}}
    >>> training_shares(CardDocument.of(card)).bands
    {'cold': 0.75, 'hot': 0.25}
    """
    card = newest_format(document.values)
    bands = _mapping(card, "bands")
    rises = {
        str(entry.get("signal")): max(_number(entry, "log_loss_increase") or 0.0, 0.0)
        for entry in _entries(card, "importance")
    }
    export = _mapping(card, "export")
    practice = _mapping(_mapping(card, MANAGERS), "practice")
    logging = _mapping(_mapping(practice, "logging"), "everything")
    return TrainingShares(
        bands=_parts_of_whole({name: _number(_mapping(bands, name), "rows") for name in bands}),
        filled={
            str(entry.get("name")): share
            for entry in _entries(practice, "fields")
            if (share := _share(entry, "known", "leads")) is not None
        },
        importance=_parts_of_whole(rises),
        interactions_per_lead=_ratio(export, "interactions", "leads"),
        booked=_share(logging, "before", "interactions"),
        delayed=_share(logging, "late", "interactions"),
    )


def _mapping(card: JsonObject, name: str) -> JsonObject:
    value = card.get(name)
    return value if isinstance(value, dict) else {}


def _entries(card: JsonObject, name: str) -> Iterator[JsonObject]:
    value = card.get(name)
    yield from (
        (entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else ()
    )


def _number(values: JsonObject, name: str) -> float | None:
    match values.get(name):
        case bool():
            return None
        case int() | float() as number if 0 <= number <= sys.float_info.max:
            return float(number)
    return None


def _ratio(values: JsonObject, part: str, total: str) -> float | None:
    numerator, denominator = _number(values, part), _number(values, total)
    return numerator / denominator if numerator is not None and denominator else None


def _share(values: JsonObject, part: str, total: str) -> float | None:
    ratio = _ratio(values, part, total)
    return ratio if ratio is not None and ratio <= 1 else None


def _parts_of_whole(counts: Mapping[str, float | None]) -> dict[str, float]:
    """Each count's share of the sum of all; none where there is nothing to share."""
    total = sum(count or 0.0 for count in counts.values())
    return {name: (count or 0.0) / total for name, count in counts.items()} if total else {}
