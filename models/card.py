"""The model card as it travels in a bundle, and the half of it that serving needs.

Training measures a model and writes what it found into the bundle: the card, a JSON text. Here it
is a `CardDocument`, which only its readers open. The server and bulk scoring read a `ServedCard`:
the end of the data, how old leads were judged, the base rates, and what ``GET /v1/model`` shows.
The whole card, with all figures, is `training.card.schema.ModelCard`. Both are read from the same
text in the newest format (`models.card_formats`).

Bulk scoring and the server warn of a lead in the same words, which stand here too.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from features.json_values import JsonObject
from models.card_formats import newest_format

MANAGERS = "report"
"""Where the card holds what managers read of their team; no other answer shows it."""
_NOT_SHOWN = (MANAGERS, "format")


@dataclass(frozen=True, slots=True)
class ServedCard:
    """What serving reads of a model's card.

    Parameters
    ----------
    data_end : datetime.datetime
        Nothing after it was known to the training.
    judged_days : float or None
        Greatest age, in days, at which leads were looked at in training; None if the card does not
        say.
    test_from : datetime.datetime or None
        First instant that nothing was learned from; None if the card does not say.
    base_rates : mapping of "hot", "warm" to float
        Share of leads' snapshots that converted within each horizon; only those that were measured.
    """

    data_end: datetime
    judged_days: float | None
    test_from: datetime | None
    base_rates: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CardDocument:
    """A model's card as it stands in the bundle: a JSON text, opened by its readers alone.

    Parameters
    ----------
    text : str
        A JSON object.

    Examples
    --------
    >>> CardDocument.of({"data_end": "2026-01-01T00:00:00+00:00"}).served.data_end.year
    2026
    """

    text: str

    @classmethod
    def of(cls, values: JsonObject) -> "CardDocument":
        """Card of JSON values, as a text that is always the same for the same values."""
        text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return cls(text + "\n")

    @property
    def values(self) -> JsonObject:
        """JSON values of the text, in the format that it was written in."""
        return _object(self.text)

    @property
    def served(self) -> ServedCard:
        """The half that serving needs.

        Raises
        ------
        ValueError
            A value is missing or of the wrong type, or the format is unknown.
        """
        return _served_card(self.text)


NO_CARD = CardDocument("{}\n")
"""Card of a model that was fitted and not judged yet."""


def shown_card(document: CardDocument) -> JsonObject:
    """Card as HTTP shows it: without what managers read of their team, its owners by name."""
    card = newest_format(document.values)
    return {name: value for name, value in card.items() if name not in _NOT_SHOWN}


def older_than_judged(days: float) -> str:
    """What a lead is that was created longer ago than `ServedCard.judged_days`, in words.

    Examples
    --------
    >>> older_than_judged(180.0)
    'older than any lead the model was judged on: 180 days'
    """
    return f"older than any lead the model was judged on: {days:g} day{'' if days == 1 else 's'}"


def _object(text: str) -> JsonObject:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError(  # noqa: TRY004 - the text is wrong, not the caller's type
            f"The card must be a JSON object, got {type(values).__name__}."
        )
    return values


@functools.lru_cache(maxsize=8)
def _served_card(text: str) -> ServedCard:
    card = newest_format(_object(text))
    if "data_end" not in card:
        raise ValueError("The card has no data_end: the model was not trained to the end.")
    days = card.get("snapshots", {}).get("until_days")
    rates = {name: horizon.get("base_rate") for name, horizon in card.get("horizons", {}).items()}
    test_from = card.get("settings", {}).get("test_from")
    return ServedCard(
        data_end=datetime.fromisoformat(card["data_end"]),
        judged_days=None if days is None else float(days),
        test_from=None if test_from is None else datetime.fromisoformat(test_from),
        base_rates={name: float(rate) for name, rate in rates.items() if rate is not None},
    )
