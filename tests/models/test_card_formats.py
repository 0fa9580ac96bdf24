"""Every format of the card is brought up to the newest one; a later one is refused."""

import copy
import inspect
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import card_formats
from models.card import CardDocument
from models.card_formats import CARD_FORMAT, MIGRATIONS, newest_format
from tests.support.format_1 import FORMAT_1


def of_format_1() -> dict:
    return json.loads((FORMAT_1 / "card.json").read_text(encoding="utf-8"))


def test_a_card_without_a_number_is_of_format_1_and_gets_the_newest() -> None:
    card = of_format_1()
    assert "format" not in card
    newest = newest_format(card)
    for name, band in newest["bands"].items():
        assert (band.pop("decided_by"), band.pop("reach")) == ("low end", None), name
        assert band.pop("served") is None, name
        if band["promise"] is not None:
            assert band["promise"].pop("reach") is None
    for horizon in newest["horizons"].values():
        assert horizon["calibration"].pop("month_deviation") is None
        assert horizon["calibration"].pop("month_check") is None
        assert horizon["calibration"].pop("latest_weeks") is None
    assert newest["export"].pop("suspicions") == []
    assert newest == {**card, "without_suspects": None, "format": CARD_FORMAT}


def test_a_card_of_the_newest_format_stays_as_it_is() -> None:
    card = newest_format(of_format_1())
    assert newest_format(card) is card


def test_what_the_first_cards_lack_becomes_null_or_empty() -> None:
    card = of_format_1()
    del card["report"], card["families"], card["recipe"], card["settings"]["test_from"]
    del card["export"]["sensitive_allowed"], card["importance"][0]["swing"]
    del card["bands"]["hot"]["promise"]
    hot = card["horizons"]["hot"]
    del hot["gains"], hot["beaten_by"], hot["baselines"]["age only"]["auc_advantage"]
    del hot["by_age"][0]["auc_low"]
    newest = newest_format(card)
    assert newest["report"] == {
        "practice": None, "today": None, "aftermath": [], "dependence": [], "portrait": None,
    }  # fmt: skip
    assert (newest["families"], newest["recipe"], newest["settings"]["test_from"]) == (
        [],
        None,
        None,
    )
    assert newest["export"]["sensitive_allowed"] == []
    assert newest["importance"][0]["swing"] is None
    assert newest["bands"]["hot"]["promise"] is None
    horizon = newest["horizons"]["hot"]
    assert (horizon["gains"], horizon["beaten_by"]) == ([], [])
    assert horizon["baselines"]["age only"]["auc_advantage"] is None
    assert horizon["by_age"][0]["auc_low"] is None


def test_a_step_changes_nothing_of_what_it_is_given() -> None:
    card = of_format_1()
    for step in MIGRATIONS:
        before = copy.deepcopy(card)
        migrated = step(card)
        assert card == before
        card = migrated


def test_a_later_format_is_refused_with_a_way_out() -> None:
    with pytest.raises(
        ValueError, match=rf"format {CARD_FORMAT + 1}, .* up to {CARD_FORMAT}\. Update lead"
    ):
        newest_format({"format": CARD_FORMAT + 1})
    with pytest.raises(ValueError, match="Update lead-temperature"):
        _ = CardDocument.of({"format": CARD_FORMAT + 1, "data_end": "2026-01-01"}).served


@pytest.mark.parametrize("number", [0, -1, "2", 1.0, True, None])
def test_what_is_no_number_of_a_format_is_refused(number: object) -> None:
    with pytest.raises(ValueError, match="whole number from 1 on"):
        newest_format({"format": number})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(of_format_1())), part, max_size=3)
        | st.dictionaries(st.sampled_from(["hot", "baselines", "by_age"]), part, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(of_format_1())), JSON))
def test_a_step_leaves_what_it_does_not_understand_to_the_readers(card: dict) -> None:
    """It adds what is absent and takes nothing away: whoever reads a field says what is wrong."""
    newest = newest_format(card)
    assert set(card) <= set(newest)
    for name, value in card.items():
        if value and not isinstance(value, (dict, list)):
            assert newest[name] == value


def test_steps_are_numbered_and_stand_in_the_table() -> None:
    names = [step.__name__ for step in MIGRATIONS]
    assert [int(name[1:4]) for name in names] == list(range(1, len(names) + 1))
    assert (
        re.findall(r"^\| `(m\d{3}_\w+)` \|", inspect.getdoc(card_formats) or "", re.MULTILINE)
        == names
    )
    assert all(step.__doc__ for step in MIGRATIONS)


def test_the_audits_verdicts_become_grades_and_other_words_stay() -> None:
    old = ["quarantined", "allowed", "warning", "clear", "odd", None]
    card = {"format": 2, "audit": [{"name": "tier", "verdict": one} for one in old] + ["odd"]}
    newest = newest_format(card)
    assert [one["verdict"] for one in newest["audit"][:-1]] == [
        "leak", "allowed", "suspect", "clear", "odd", None,
    ]  # fmt: skip
    assert newest["audit"][-1] == "odd"
    assert card["audit"][0]["verdict"] == "quarantined"
    assert newest_format({"format": 2, "audit": "odd"})["audit"] == "odd"
