"""people.toml: what it says, and what is wrong with one."""

import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.engine.history import labels_of
from serving.desk.people import eligibility, read_team, skill_table, team_of

TEXT = """
timezone = "Europe/Lisbon"
link = "https://crm.example.com/leads/{lead_id}"
leader = "carla"

[attributes]
owner = "owner"
language = "language"

[[person]]
id = "carla"
languages = ["it", "en"]
capacity = 3
absences = [2026-01-05, {begin = 2026-08-01, end = 2026-08-15}]

[[person]]
id = "ana"
languages = ["pt"]
capacity = 5
territory = {country = ["pt", ""]}
bands = ["warm", "hot"]
skills = {hot = 1.5}
"""


def sections() -> dict:
    return tomllib.loads(TEXT)


def test_people_come_in_the_order_of_their_ids_and_without_those_who_are_away() -> None:
    team = team_of(sections(), "people.toml")
    assert [p.id for p in team.working_on(date(2026, 1, 6))] == ["ana", "carla"]
    assert [p.id for p in team.working_on(date(2026, 1, 5))] == ["ana"]
    assert [p.id for p in team.working_on(date(2026, 8, 14))] == ["ana"]
    assert team.working_on(date(2026, 1, 4)) == ()  # a Sunday
    assert team.attribute_names == {
        "owner": "[attributes] owner",
        "language": "[attributes] language",
        "country": "[[person]] territory of ana",
    }


def test_eligibility_is_language_territory_and_band() -> None:
    people = team_of(sections(), "people.toml").by_id
    band = np.array(["hot", "warm", "cold", "hot", "hot", "warm"])
    attributes = {
        "country": labels_of(["pt", "pt", "pt", "it", None, "pt"]),
        "language": labels_of(["pt", None, "pt", "pt", "it", "it"]),
    }
    table = eligibility(people, band, attributes, "language")
    assert table[:, 0].tolist() == [True, True, False, False, False, False]
    assert table[:, 1].tolist() == [False, True, False, False, True, True]
    assert skill_table(people, band)[:, 0].tolist() == [1.5, 1, 1, 1.5, 1.5, 1]
    assert eligibility((), band, attributes, "language").shape == (6, 0)


def _first(**values) -> object:
    return lambda team: team["person"][0].update(values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_first(capasity=3), "unknown key 'capasity'. Did"),
        (_first(capacity=-1), "[person] capacity: Input should be greater than or equal to 0"),
        (_first(capacity="many"), "[person] capacity: Input should be a valid integer"),
        (_first(bands=["tepid"]), "[person] bands: Input should be 'hot', 'warm' or 'cold'"),
        (_first(skills={"hot": 50}), "[person] skills.hot: Input should be less than"),
        (
            _first(absences=[{"begin": date(2026, 2, 1), "end": date(2026, 1, 1)}]),
            "begin must not be later than end, got 2026-02-01 and 2026-01-01",
        ),
        (_first(id="ana"), "each id may stand once among the people, 'ana' does twice"),
        (lambda t: t.update(leader="karla"), "leader 'karla' is nobody's id. Did you mean 'carla'"),
        (lambda t: t.update(link="https://crm/{id}"), "[link]: must hold {lead_id} once"),
        (lambda t: t.update(link="javascript:alert('{lead_id}')"), "begins with https:// or http"),
        (lambda t: t.update(timezone="Lisbon"), "[timezone]: must be the IANA name"),
        (lambda t: t.update(person=[]), "[person]: Value should have at least 1 item"),
        (lambda t: t.pop("person"), "[person]: is missing"),
        (lambda t: t.update(stay=0.5), "[stay]: Input should be greater than or equal to 1"),
    ],
    ids=[
        *("mistyped", "negative", "no_number", "band", "skill", "absence", "twice", "leader"),
        *("link", "script", "zone", "nobody", "missing", "stay"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_law(change, message: str) -> None:
    team = sections()
    change(team)
    with pytest.raises(ValueError, match=r"people\.toml") as refusal:
        team_of(team, "people.toml")
    assert message in str(refusal.value)


def test_a_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "people.toml"
    path.write_text(TEXT, encoding="utf-8-sig")
    assert len(read_team(path).person) == 2


def test_a_file_that_is_not_there_says_who_writes_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="lead-temperature people"):
        read_team(tmp_path / "people.toml")
