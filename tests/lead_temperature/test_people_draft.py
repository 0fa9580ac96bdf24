"""A first people.toml of an export is one that is read, and says who has leads."""

import tomllib
from pathlib import Path

import pytest

from features.export.sources import read_export
from lead_temperature.people_draft import draft_people
from serving.desk.people import team_of
from training.config import config_of

LEADS = '''lead_id,created_at,{owner},source_kind,referred_by
a,2026-01-01T00:00:00Z,ana,seed,x
b,2026-01-02T00:00:00Z,"say ""b""",net,
c,2026-01-03T00:00:00Z,,net,
'''


def drafted(folder: Path, column: str = "owner", **features: str) -> str:
    (folder / "leads.csv").write_text(LEADS.format(owner=column))
    leads = {
        "source": "leads.csv",
        "fixed_at_creation": [column, "source_kind", "referred_by"],
        "kinds": dict.fromkeys([column, "source_kind", "referred_by"], "category"),
    }
    sections = {"leads": leads, "data": {"timezone": "Europe/Lisbon"}, "features": features}
    settings = config_of(sections, folder)
    return draft_people(read_export(settings.export), settings, 7)


def test_every_owner_is_a_person(tmp_path: Path) -> None:
    team = team_of(tomllib.loads(drafted(tmp_path)), "people.toml")
    assert [(person.id, person.capacity) for person in team.person] == [("ana", 7), ('say "b"', 7)]
    assert team.timezone == "Europe/Lisbon"
    stated = team.attributes.model_dump(exclude_none=True)
    assert stated == {"owner": "owner", "source": "source_kind", "referrer": "referred_by"}


def test_the_configuration_names_the_owner(tmp_path: Path) -> None:
    team = team_of(tomllib.loads(drafted(tmp_path, "seller", owner="seller")), "people.toml")
    assert team.attributes.owner == "seller"
    with pytest.raises(ValueError, match="says who has a lead"):
        drafted(tmp_path, "seller")
