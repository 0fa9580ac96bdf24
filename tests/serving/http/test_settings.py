"""The settings: read from the environment, and all of them documented."""

import hashlib
from pathlib import Path

import pytest

from serving.answers.limits import Limits
from serving.http.settings import DEFAULTS, PREFIX, Settings, settings_from

DOCUMENT = Path(__file__).parents[3] / "docs" / "serving.md"
HASH = hashlib.sha256(b"key").hexdigest()


def rows() -> dict[str, list[str]]:
    """Cells of the table of settings by the setting's name."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells if row[0].startswith(f"`{PREFIX}")}


def fields():
    return Limits.model_fields | {n: f for n, f in Settings.model_fields.items() if n != "limits"}


def test_every_setting_is_documented_with_its_default() -> None:
    documented = rows()
    assert set(documented) == {PREFIX + name.upper() for name in fields()}
    for name, field in fields().items():
        default, told = documented[PREFIX + name.upper()]
        assert default.replace(",", "") == (
            "none" if field.default in ((), None) else str(field.default)
        )
        assert told == field.description


def test_an_empty_environment_gives_the_defaults() -> None:
    assert settings_from({"PATH": "/bin"}) == DEFAULTS


def test_settings_come_from_the_environment() -> None:
    given = {"LEAD_TEMPERATURE_MAX_BATCH": "7", "LEAD_TEMPERATURE_API_KEYS": f"crm:score:{HASH}"}
    found = settings_from(given)
    assert found.limits == Limits(max_batch=7)
    assert found.api_keys[0].name == "crm"


@pytest.mark.parametrize(
    ("name", "value", "law"),
    [
        ("MAX_BATCH", "0", "greater than or equal to 1"),
        ("MAX_BATCH", "many", "valid integer"),
        ("MAX_BATCH", "", "valid integer"),
        ("API_KEYS", "crm:score:my-secret", "NAME:ROLES:SHA256"),
        ("API_KEYS", f"crm:root:{HASH}", "roles among"),
        ("API_KEY", "my-secret", "LEAD_TEMPERATURE_API_KEY is no setting.*_API_KEYS"),
        ("LIMITS", "{}", "LEAD_TEMPERATURE_LIMITS is no setting"),
    ],
)
def test_a_wrong_setting_is_named_with_its_law_and_never_shown(name, value, law) -> None:
    with pytest.raises(ValueError, match=law) as refused:
        settings_from({PREFIX + name: value})
    assert PREFIX + name in str(refused.value)
    assert "secret" not in str(refused.value)
