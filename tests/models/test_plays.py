"""Plays: the shipped file, and what is wrong with one of a house's own."""

import tomllib
from pathlib import Path

import pytest

from models.bundle import REPORTS
from models.plays import OUTCOMES, SHIPPED_PLAYS, playbook_of, read_plays, shipped_plays


def sections() -> dict:
    return tomllib.loads(SHIPPED_PLAYS.read_text(encoding="utf-8"))


def test_the_shipped_plays_speak_every_language_in_its_own_words() -> None:
    for play in shipped_plays().play:
        for text in (play.purpose, play.who, play.must_have, play.offer):
            said = [text.in_language(code) for code in REPORTS]
            assert len(set(said)) == len(REPORTS), said


def test_every_play_says_what_each_of_our_outcomes_leads_to() -> None:
    for play in shipped_plays().play:
        expected = set(OUTCOMES) if play.band != "farewell" else set()
        assert set(play.outcomes) == expected, play.name


def test_who_does_not_remember_us_gets_the_cold_play_at_once() -> None:
    assert shipped_plays().play_for("warm").outcomes["cool"] == "cold"
    assert shipped_plays().play_for("hot").outcomes["cool"] == "cold"


def test_a_kind_of_source_without_a_play_of_its_own_gets_the_play_of_its_band() -> None:
    plays = shipped_plays()
    assert plays.play_for("cold", "spear").first_contact_hours is None
    assert plays.play_for("cold", "net").sources == ()
    assert plays.play_for("cold", None).sources == ()


def test_one_text_alone_stands_for_every_language() -> None:
    changed = sections()
    changed["play"][0]["offer"] = "A ten per cent discount."
    offer = playbook_of(changed, "plays.toml").play_for("hot").offer
    assert {offer.in_language(code) for code in REPORTS} == {"A ten per cent discount."}


def _without_hot(plays: dict) -> None:
    plays["play"] = [play for play in plays["play"] if play["band"] != "hot"]


def _seed_twice(plays: dict) -> None:
    plays["play"].append(dict(next(p for p in plays["play"] if p.get("sources") == ["seed"])))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p["play"][0].update(most_contact=3), "unknown key 'most_contact'. Did you mean"),
        (lambda p: p["play"][0].pop("who"), "[play] who: is missing"),
        (lambda p: p["play"][1].update(band="tepid"), "[play] 2.band: Input should be 'hot'"),
        (lambda p: p["play"][0]["offer"].pop("ro"), "[play] offer.ro: is missing"),
        (lambda p: p["play"][0]["outcomes"].update(cool="hotter"), "[play] outcomes.cool: Input"),
        (lambda p: p["play"][0].update(next_contact_days=0), "[play] next_contact_days: Input"),
        (lambda p: p["forms"].update(callback_popup=-1), "[forms] callback_popup: Input should"),
        (_without_hot, "exactly one hot play must be without sources"),
        (_seed_twice, "two cold plays name the source 'seed'"),
        (lambda p: p.update(plays=[]), "unknown key 'plays'. Did you mean 'play'?"),
        (lambda p: p.pop("play"), "[play]: is missing"),
    ],
    ids=[
        *("mistyped", "missing", "band", "language", "outcome", "days", "hours", "no_hot"),
        *("source_twice", "section", "empty"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_law(change, message: str) -> None:
    plays = sections()
    change(plays)
    with pytest.raises(ValueError, match=r"plays\.toml") as refusal:
        playbook_of(plays, "plays.toml")
    assert message in str(refusal.value)


def test_a_file_that_is_not_there_or_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Copy the shipped plays"):
        read_plays(tmp_path / "plays.toml")
    (tmp_path / "plays.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is not valid TOML"):
        read_plays(tmp_path / "plays.toml")


def test_words_that_no_lead_has_are_named() -> None:
    notes = shipped_plays().unknown_words(["seeds", "net", "spear"], ["callback_popup"])
    assert notes[0] == "[[play]] sources 'seed': no lead has it. Did you mean 'seeds'?"
    assert len(notes) == 8
    assert shipped_plays().unknown_words([], []) == ()
