"""The whole card is frozen values, each room's own, and holds every figure of its JSON."""

import dataclasses
import typing
from collections.abc import Iterator

import pytest

from tests.support.cards import card_of, lifelike_card
from training.card.schema import ModelCard
from training.evaluation.evaluation import BandEvaluation, HorizonEvaluation


def parts(kind: object, seen: set[type]) -> Iterator[type]:
    """Every dataclass that a type is composed of."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind not in seen:
        seen.add(kind)
        yield kind
        for hint in typing.get_type_hints(kind).values():
            yield from parts(hint, seen)
    for inner in typing.get_args(kind):
        yield from parts(inner, seen)


ALL = list(parts(ModelCard, set()))


def test_the_card_is_composed_of_the_rooms_values() -> None:
    rooms = {
        kind.__module__.split(".")[1] for kind in ALL if kind.__module__.startswith("training")
    }
    assert rooms >= {"audit", "bands", "calibration", "card", "evaluation", "statistics", "team"}
    assert {HorizonEvaluation, BandEvaluation} <= set(ALL)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_part_is_frozen_and_slotted(kind: type) -> None:
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_no_part_holds_a_dictionary_of_anything(kind: type) -> None:
    for name, hint in typing.get_type_hints(kind).items():
        assert typing.Any not in (hint, *typing.get_args(hint)), name


def test_horizons_and_bands_are_found_by_name() -> None:
    card = card_of(lifelike_card())
    assert (card.horizons["hot"].days, card.horizons["warm"].days) == (14, 90)
    assert card.bands["cold"].cutoff is None
    with pytest.raises(KeyError):
        card.horizons["cold"]


def test_an_interval_is_spelled_once_and_asked_for_as_a_rate() -> None:
    card = card_of(lifelike_card())
    auc = card.horizons.hot.auc_rate
    assert auc is not None
    assert (auc.value, auc.low, auc.high) == (0.831, 0.818, 0.844)
    outcome = card.bands.hot.outcome("warm")
    assert (outcome.rows, outcome.positives, outcome.promised) == (301, 198, 0.641)
    assert dataclasses.replace(card.horizons.hot, auc_low=None).auc_rate is None
