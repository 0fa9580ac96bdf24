"""What docs/crm.md shows works: commands, payloads for each CRM, and every name in the tables."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from features.export.sources import read_export
from features.scale.catalogue import standard_spec
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from integrations.hubspot.lead_temperature_hubspot.payload import OURS
from models.bands import Bands
from models.bundle import Bundle, save_bundle
from models.calibration import BetaCalibration
from models.card import CardDocument
from models.evidence import Evidence
from models.horizon import HorizonModel
from models.predictors.scorecard import Characteristic, Scorecard
from serving.http.app import create_app
from serving.http.security import api_keys
from serving.http.settings import Settings
from tests.support.exports import micros
from tests.support.http import TestClient
from tests.support.required import require_command
from tests.support.servers import answering
from training.config import read_config

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = (ROOT / "docs" / "crm.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
KEY = "the-key-of-the-crm"
KEYS = api_keys(f"crm:score:{hashlib.sha256(KEY.encode()).hexdigest()}")


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCKS if found == kind]


def code(having: str) -> str:
    """The Python block with a word in it."""
    (found,) = (text for text in blocks("python") if having in text)
    return found


@pytest.fixture(scope="module")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with the schema of the made-up CRM; what it has learnt does not matter here."""
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(1_000, 1), folder)
    tables = read_export(read_config(folder / "lead_temperature.toml").export)
    spec = standard_spec(tables, micros("2026-01-01"))
    width = len(spec.features)
    by_age = Characteristic(0, (7.0, 30.0), (6, 2, -3, 0), (0.3, 0.3, 0.4, 0.0))
    card = Scorecard(base=-3.0, doubling=6.0, qualities=(by_age,), columns=width)
    seen = Evidence(1_000, (-1e9,) * width, (1e9,) * width, (True,) * width)
    hot, warm = (
        HorizonModel(days, card, BetaCalibration(1.0, 1.0, 0.0), seen) for days in (14, 90)
    )
    document = CardDocument.of({"data_end": "2026-01-01T00:00:00Z"})
    made = Bundle(spec, hot, warm, Bands(hot=0.3, warm=0.3), document)
    save_bundle(made, folder / "bundle")
    return folder / "bundle"


@pytest.fixture(scope="module")
def app(bundle_folder: Path):
    return create_app(bundle_folder, Settings(api_keys=KEYS))


@pytest.fixture(scope="module")
def address(app) -> Iterator[str]:
    with answering(app) as found:
        yield found


@pytest.fixture(scope="module")
def crm(app) -> TestClient:
    return TestClient(app, headers={"authorization": f"Bearer {KEY}"})


def scored(crm: TestClient, payload: Any) -> dict[str, Any]:
    answer = crm.post("/v1/score", json=payload)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.process
def test_the_commands_answer(address: str, tmp_path: Path) -> None:
    require_command("curl", "curl")
    setting, commands = blocks("sh")
    (lead,) = blocks("json")
    (tmp_path / "lead.json").write_text(lead)
    assert f"KEY={KEY}" in setting
    script = setting.replace("http://127.0.0.1:8000", address) + commands.replace(
        "\n\n", "\necho\n"
    )
    told = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    one, many, model = map(json.loads, filter(None, told.stdout.split("\n")))
    assert one["lead_id"] == "A-1"
    assert one["reasons"]
    assert one["trend"]
    assert [answer["hot_probability"] for answer in many["results"]] == 2 * [one["hot_probability"]]
    assert many["results"][0]["reasons"] == []
    assert model["model_version"] == one["model_version"]


def test_the_lead_of_the_commands_leaves_nothing_unknown_but_what_it_does_not_send(crm) -> None:
    (lead,) = blocks("json")
    warnings = scored(crm, json.loads(lead))["warnings"]
    assert [one.partition(":")[0] for one in warnings] == ["attributes"]


def test_the_python_script_scores_all(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(compile(code("serving.client"), "crm.md", "exec"), names)  # noqa: S102 - it is ours
    created = datetime(2025, 12, 1, tzinfo=UTC)
    leads = [{"lead_id": "1", "created_at": created}, {"lead_id": "2", "created_at": "soon"}]
    ((lead_id, band, probability),) = names["score_all"](address, KEY, leads)
    assert (lead_id, band) == ("1", "cold")
    assert 0 < probability < 1
    assert "Must be a time" in capsys.readouterr().err
    assert callable(names["main"])


def test_every_name_in_the_tables_is_one_of_the_schema(crm) -> None:
    schemas = crm.get("/openapi.json").json()["components"]["schemas"]
    attributes = set(schemas["Attributes"]["properties"])
    assert set(re.findall(r"`attributes\.(\w+)`", DOCUMENT)) <= attributes
    top = re.search(r"## What to send\n(.*?)\n## ", DOCUMENT, re.DOTALL)
    assert top
    fields = set(re.findall(r"^\| `(\w+)` \|", top[1], re.MULTILINE))
    assert fields == set(schemas["Lead"]["properties"])
    for refused in ("422", "413", "415", "401", "403", "503"):
        assert re.search(rf"^\| [^|]*{refused}", DOCUMENT, re.MULTILINE)


def test_the_custom_fields_of_the_table_are_those_of_the_code() -> None:
    table = re.search(r"^\| `band` .*?\n\n", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert table
    rows = [line.split("|")[2:5] for line in table[0].strip().splitlines()]
    odoo, hubspot, salesforce = (
        [cell.split("`")[1] for cell in column] for column in zip(*rows, strict=True)
    )
    models = ROOT / "integrations" / "odoo" / "lead_temperature" / "models"
    lead = (models / "crm_lead.py").read_text(encoding="utf-8")
    assert all(f"    {name} = fields." in lead for name in odoo)
    assert tuple(hubspot) == OURS
    fields = ROOT / "integrations/salesforce/force-app/main/default/objects/Lead/fields"
    assert {path.name.partition(".")[0] for path in fields.iterdir()} == set(salesforce)
