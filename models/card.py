"""The model card as it travels in a bundle, and the half of it that serving needs.

Training measures a model and writes what it found into the bundle: the card, a JSON text. Here it
is a `CardDocument`, which only its readers open. The server and bulk scoring read a `ServedCard`:
the end of the data, how old leads were judged, the base rates, and which promises did not hold.
Whatever else the card holds never stops them.
The whole card, with all figures, is `training.card.schema.ModelCard`. Both are read from the same
text in the newest format (`models.card_formats`).

Bulk scoring and the server warn of a lead in the same words, which stand here too.
"""

import functools
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from typing_extensions import TypeIs  # in typing itself from Python 3.13 on

from features.json_values import JsonObject, parse_finite_json
from models.card_formats import newest_format

MANAGERS = "report"
"""Where the card holds what managers read of their team; no other answer shows it."""
_NOT_SHOWN = (MANAGERS, "format")
_WAY_OUT = "Train the model again, or fetch its bundle again where it was changed by hand."
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
_MOST_SHOWN = 40
"""Most characters of a wrong value that a message shows."""


@dataclass(frozen=True, slots=True)
class ServedCard:
    """What serving reads of a model's card.

    Parameters
    ----------
    data_end : datetime.datetime
        Nothing after it was known to the training. It has a time zone: UTC where the card names
        none.
    judged_days : float or None
        Greatest age, in days, at which leads were looked at in training; None if the card does not
        say.
    base_rates : mapping of "hot", "warm" to float
        Share of leads' snapshots that converted within each horizon; only those that were measured.
    broken_promises : mapping of band to str
        Bands whose promise the test period contradicts, each with the promise and what happened.
    cautions : tuple of str
        What every answer says until the next training: that the base rate is all that is known, or
        that the latest weeks differ from the months before.
    after_refusal_days : float or None
        For how many days after a refusal leads were looked at in training; None where a closing
        ended them.
    """

    data_end: datetime
    judged_days: float | None
    base_rates: Mapping[str, float]
    broken_promises: Mapping[str, str]
    cautions: tuple[str, ...] = ()
    after_refusal_days: float | None = None

    @property
    def promise_warnings(self) -> Mapping[str, str]:
        """What every answer about a lead in a band says until the next training, by band."""
        return {
            band: f"band: the promise of {band} did not hold in the test period: {what_happened}. "
            "Take the band as an order of leads, not as a rate, until the next training."
            for band, what_happened in self.broken_promises.items()
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever scores many leads is told once: all that answers may say of the model."""
        return (*self.promise_warnings.values(), *self.cautions)


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

    @property
    def test_from(self) -> datetime | None:
        """Start of the test period; None if the card does not say.

        Raises
        ------
        ValueError
            The card is no JSON object, or the value is no time.
        """
        return self._instant_setting("test_from")

    @property
    def learned_until(self) -> datetime | None:
        """First instant that nothing was learned from; None if the card does not say.

        Cards of earlier versions say where the test period begins: nothing was learned from it.

        Raises
        ------
        ValueError
            The card is no JSON object, or a value is no time.
        """
        return self._instant_setting("learned_until") or self.test_from

    def _instant_setting(self, name: str) -> datetime | None:
        value = _section(newest_format(self.values), "settings").get(name)
        return None if value is None else _instant(value, f"settings.{name}")


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
    try:
        return parse_finite_json(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"The card must be JSON: {error}. {_WAY_OUT}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(
            "The card must be a JSON object of ordinary size: a number in it is too long or not "
            f"finite, or it is nested too deep. {_WAY_OUT}"
        ) from error


@functools.lru_cache(maxsize=8)
def _served_card(text: str) -> ServedCard:
    card = newest_format(_object(text))
    if "data_end" not in card:
        raise ValueError(
            f"The card has no data_end: the model was not trained to the end. {_WAY_OUT}"
        )
    days = _section(card, "snapshots").get("until_days")
    after_refusal_days = _section(card, "settings").get("after_refusal_days")
    horizons = _section(card, "horizons")
    rates = {name: _section(horizons, name, "horizons.").get("base_rate") for name in horizons}
    return ServedCard(
        data_end=_instant(card["data_end"], "data_end"),
        judged_days=None if days is None else _days(days, "snapshots.until_days"),
        base_rates={
            name: _base_rate(rate, name) for name, rate in rates.items() if rate is not None
        },
        broken_promises=_broken_promises(card.get("bands")),
        cautions=tuple(
            caution
            for name in ("hot", "warm")
            for caution in _cautions(name, _section(horizons, name, "horizons."))
        ),
        after_refusal_days=None
        if after_refusal_days is None
        else _days(after_refusal_days, "settings.after_refusal_days"),
    )


def _cautions(name: str, horizon: JsonObject) -> Iterator[str]:
    """What is said of "hot" or "warm" in every answer; what is no such finding is passed over."""
    if horizon.get("predictor") == "base rate":
        yield (
            f"{name}_probability: too few purchases are known to tell leads apart: all have the "
            "same."
        )
    calibration = horizon.get("calibration")
    latest = calibration.get("latest_weeks") if isinstance(calibration, Mapping) else None
    if not isinstance(latest, Mapping) or latest.get("changed") is not True:
        return
    bought, expected = latest.get("bought"), latest.get("expected")
    if not (isinstance(bought, int) and isinstance(expected, int | float) and expected > 0):
        return
    first_day, last_day = (str(latest.get(end))[:10] for end in ("first_look", "last_look"))
    yield (
        f"{name}_probability: of the leads of {first_day} to {last_day} "
        f"{bought / expected:.1f} times as many bought as the months before let expect. "
        "The ranges are wider for it; take the percentages with care until the next training."
    )


def _broken_promises(bands: object) -> dict[str, str]:
    """Promise and outcome of each band whose promise was broken in the test period.

    What is no such promise stops no server: it is passed over.
    """
    broken_promises = {}
    for name, band in bands.items() if isinstance(bands, Mapping) else ():
        promise = band.get("promise") if isinstance(band, Mapping) else None
        if isinstance(promise, Mapping) and promise.get("finding") == "broken":
            words, sentence = promise.get("words"), promise.get("sentence")
            broken_promises[name] = f"{words}; {sentence}"
    return broken_promises


def _section(card: JsonObject, name: str, path: str = "") -> JsonObject:
    """Object of a name in a card; an empty one where it is missing or null."""
    section = card.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise _refusal(path + name, "an object", section)
    return section


def _instant(value: object, field: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        law = f"an ISO 8601 time from {_FIRST_YEAR} to {_LAST_YEAR}"
        raise _refusal(field, law, value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _days(value: object, field: str) -> float:
    if not _is_number(value) or not 0 <= value <= sys.float_info.max:
        raise _refusal(field, "a number of days from 0 on", value)
    return float(value)


def _base_rate(value: object, horizon: str) -> float:
    if not _is_number(value) or not 0 <= value <= 1:
        raise _refusal(f"horizons.{horizon}.base_rate", "a number from 0 to 1", value)
    return float(value)


def _is_number(value: object) -> TypeIs[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refusal(field: str, law: str, value: object) -> ValueError:
    return ValueError(f"The card's {field} must be {law}, found {_shortened(value)}. {_WAY_OUT}")


def _shortened(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"
