"""Values become JSON and come back the same; what is no such value is refused where it stands."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import load_bundle
from models.card import CardDocument
from models.card_formats import CARD_FORMAT, newest_format
from tests.support.cards import card_of, lifelike_card, unmeasured_card
from tests.support.format_1 import FORMAT_1
from training.audit.leaks import Finding
from training.bands.learning_curve import LearningCurve
from training.bands.results import BandPromise
from training.card.schema import ExportSummary, ModelCard, SnapshotSummary
from training.card.values import card_document, from_json, read_card, to_json
from training.evaluation.baselines import BaselineFigures
from training.evaluation.evaluation import Period, UnseenLeads
from training.evaluation.refits import SignalImportance
from training.team.practice import Practice

CARD = json.loads(json.dumps(lifelike_card()))


@pytest.mark.parametrize("values", [lifelike_card(), unmeasured_card()])
def test_a_card_comes_back_the_same(values: dict) -> None:
    card = card_of(values)
    assert read_card(card_document(card)) == card
    assert card_document(card).values == json.loads(json.dumps(values))


def test_the_card_of_a_bundle_comes_back_with_every_digit() -> None:
    document = load_bundle(FORMAT_1).card
    again = dict(card_document(read_card(document)).values)
    assert again.pop("format") == CARD_FORMAT
    expected = dict(newest_format(document.values))
    del expected["format"]
    assert again == expected


FINITE = {"allow_nan": False, "allow_infinity": False}
FIGURE = st.floats(**FINITE) | st.integers(-(2**53), 2**53) | st.text() | st.none()
VALUES = st.one_of(
    st.builds(Finding, figures=st.dictionaries(st.text(), FIGURE)),
    st.builds(ExportSummary, unused=st.dictionaries(st.text(), st.text())),
    *map(
        st.builds,
        (LearningCurve, Period, UnseenLeads, BaselineFigures, SignalImportance, SnapshotSummary),
    ),
)


def is_finite(value: object) -> bool:
    """Whether JSON can hold it: no number in it is infinite or none."""
    try:
        json.dumps(to_json(value), allow_nan=False)
    except ValueError:
        return False
    return True


@given(VALUES.filter(is_finite))
def test_any_value_comes_back_the_same(value: object) -> None:
    text = json.dumps(to_json(value))
    assert from_json(type(value), json.loads(text), "value") == value


@given(st.lists(st.floats(**FINITE), min_size=4, max_size=4), st.text(), st.booleans())
def test_any_card_comes_back_the_same(numbers: list[float], word: str, measured: bool) -> None:
    values = copy.deepcopy(CARD if measured else json.loads(json.dumps(unmeasured_card())))
    values["settings"] = {word: word, "rate": numbers[0], "on": measured, "law": {word: word}}
    values["export"]["unused"] = {word: word}
    for horizon in values["horizons"].values():
        horizon |= {"log_loss": numbers[1], "brier": None, "base_rate": numbers[2]}
        horizon["baselines"] = {word: {**horizon["baselines"]["base rate"], "auc": numbers[3]}}
    card = card_of(values)
    assert read_card(card_document(card)) == card
    assert card_document(card).values == values


def changed(path: str, value: object) -> dict:
    """The lifelike card with another value at a path; a name that is not there is added."""
    values = copy.deepcopy(CARD)
    *way, last = path.split(".")
    place = values
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = value
    return values


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("export.leads", "many"),
        ("export.leads", 1.5),
        ("data_end", "yesterday"),
        ("horizons.hot.days", None),
        ("horizons.warm.baselines.base rate.auc", "0.5"),
        ("horizons.hot.predictor", "forest"),
        ("report.practice.funnel.1.leads", "many"),
        ("importance.0.swing.low", True),
    ],
)
def test_a_wrong_type_is_refused_with_its_path(path: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"card\.{path} is wrong: .*Train the model again"):
        card_of(changed(path, value))


@pytest.mark.parametrize("path", ["owner", "horizons.hot.gini", "report.today.bands.0.colour"])
def test_a_name_that_is_not_known_is_refused_with_its_path(path: str) -> None:
    with pytest.raises(ValueError, match=rf"card\.{path} is wrong: nothing of that name"):
        card_of(changed(path, 1))


@pytest.mark.parametrize("path", ["recipe", "horizons.hot.brier", "report.practice.months"])
def test_a_field_that_is_missing_is_refused_with_its_path(path: str) -> None:
    values = copy.deepcopy(CARD)
    *way, last = path.split(".")
    place = values
    for step in way:
        place = place[step]
    del place[last]
    with pytest.raises(ValueError, match=rf"card\.{path} is wrong: .*required"):
        card_of(values)


def test_figures_that_contradict_each_other_are_refused_with_their_path() -> None:
    with pytest.raises(ValueError, match=r"card\.bands\.hot is wrong: .*low <= value <= high"):
        card_of(changed("bands.hot.hot_rate", 0.0))


def test_a_later_format_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="Update lead-temperature"):
        read_card(CardDocument.of({**CARD, "format": CARD_FORMAT + 1}))


def test_a_policy_is_written_as_a_configuration_writes_it() -> None:
    values = {
        "policy": 0.3, "line": 0.25, "looks": 100, "leads": 60, "positives": 40, "rate": 0.4,
        "bound": 0.3, "because": "tested", "reach": 0.4, "words": "at least 30 %",
        "finding": "kept",
        "sentence": "40 % converted",
    }  # fmt: skip
    for policy in (0.3, {"rate": 0.3, "confidence": 0.9}, {"per_week": 40}):
        promise = from_json(BandPromise, {**values, "policy": policy}, "promise")
        assert to_json(promise) == {**values, "policy": policy}
    with pytest.raises(ValueError, match=r"promise\.policy is wrong"):
        from_json(BandPromise, {**values, "policy": "as many as you like"}, "promise")


def test_a_part_is_refused_under_the_name_that_it_is_given() -> None:
    with pytest.raises(ValueError, match=r"work\.horizon_days is wrong"):
        from_json(Practice, {**CARD["report"]["practice"], "horizon_days": None}, "work")


def test_a_value_is_an_object_of_its_fields() -> None:
    finding = Finding("x", "attribute", "clear", "", {"auc": 0.5})
    assert to_json(finding) == {
        "name": "x",
        "what": "attribute",
        "verdict": "clear",
        "reason": "",
        "figures": {"auc": 0.5},
    }
    assert from_json(ModelCard, CARD, "card") == card_of(CARD)
