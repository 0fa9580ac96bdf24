"""Two trainings, with a renamed, a dropped and a new attribute: an unchanged client goes on.

The whole way is walked: `train`, `promote`, `pull` into the folder that a server
serves, and a client that sends the same lead all the time.
"""

import csv
import json
from pathlib import Path

import httpx2
import pytest

from models.contract import contract_from_text
from tests.support.exports import write_csv
from tests.support.served import Served, served
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.mlflow, pytest.mark.training]


def champion(run, crm, version: int, folder: Path, *options: str) -> str:
    """Promote a version, pull it into the served folder; what `promote` said."""
    config = ("--config", crm.config)
    told = run("promote", version, *config, *options)
    assert told.returncode == 0, told.stderr + told.stdout
    pulled = run("pull", "champion", "-o", folder, *config)
    assert pulled.returncode == 0, pulled.stderr
    return " ".join(told.stdout.split())


def attributes_of(server: Served) -> dict[str, object]:
    """An attribute of each name that the model reads, of its kind."""
    values = {"number": 10, "category": "any", "timestamp": "2025-11-01T00:00:00Z"}
    told = httpx2.get(f"{server.url}/v1/model", timeout=60).json()["attributes"]
    return {name: values[one["kind"]] for name, one in told.items()}


def model_version(server: Served) -> str:
    return str(httpx2.get(f"{server.url}/readyz", timeout=60).json()["model_version"])


def change_attributes(crm) -> tuple[str, str]:
    """Drop an attribute from the export's mapping, rename one and add one; the first two names."""
    leads = crm.folder / "leads.csv"
    with leads.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        row["company_size_now"] = row.pop("company_size")
        row["newcomer"] = "even" if number % 2 == 0 else "odd"
    write_csv(leads, rows)
    text = crm.config.read_text(encoding="utf-8")
    for earlier, later in (
        ('"company_size", "budget"', '"company_size_now", "budget", "newcomer"'),
        ("company_size =", "company_size_now ="),
        ('"industry", ', ""),
    ):
        assert earlier in text
        text = text.replace(earlier, later)
    crm.config.write_text(text, encoding="utf-8")
    return "industry", "company_size"


def test_an_unchanged_client_goes_on_through_two_trainings(run, own_crm, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    champion(run, own_crm, 1, folder)
    assert contract_from_text((folder / "contract.json").read_text(), "it").version == "1.0.0"
    with served(folder, 1, {"LEAD_TEMPERATURE_RELOAD_SECONDS": "0.2"}) as server:
        attributes = attributes_of(server)
        times = {"created_at": "2025-12-01T00:00:00Z", "as_of": "2026-01-01T00:00:00Z"}
        lead = {"lead_id": "1", **times, "attributes": attributes}

        def answer() -> dict:
            response = httpx2.post(f"{server.url}/v1/score", json=lead, timeout=60)
            assert response.status_code == 200, response.text
            return response.json()

        first = answer()
        assert not [warning for warning in first["warnings"] if "retired" in warning]
        dropped, renamed = change_attributes(own_crm)
        done = run("train", "--config", own_crm.config)
        assert done.returncode == 0, done.stderr
        named = f"{renamed}={renamed}_now"
        told = champion(run, own_crm, 2, folder, "--force", "--renamed", named)
        assert f"attributes.{dropped} Retired" in told.replace("│", "").replace("  ", " ")
        assert until(lambda: model_version(server) != first["model_version"])
        second = answer()
        retired = [warning for warning in second["warnings"] if "retired" in warning]
        assert len(retired) == 2, second["warnings"]
        assert any(f"attributes.{dropped}: retired and not used" in one for one in retired)
        assert any(f"read as attributes.{renamed}_now" in one for one in retired)
        contract = httpx2.get(f"{server.url}/v1/contract", timeout=60).json()
        assert contract["version"] == "1.1.0"
        assert contract["names"]["attributes.newcomer"]["retirement"] is None
        document = httpx2.get(f"{server.url}/openapi.json", timeout=60).json()
        assert document["info"]["version"] == "1.1.0"
        changes = httpx2.get(f"{server.url}/v1/contract/changes", timeout=60).json()
        assert {change["change"] for change in changes["releases"][0]["changes"]} >= {
            "retired",
            "added",
        }
        back = run("rollback", "--config", own_crm.config)
        assert back.returncode == 0, back.stderr
        pulled = run("pull", "champion", "-o", folder, "--config", own_crm.config)
        assert pulled.returncode == 0, pulled.stderr
        assert until(lambda: model_version(server) == first["model_version"])
        lead["attributes"] = {**attributes, f"{renamed}_now": attributes[renamed], "newcomer": "x"}
        third = answer()
        assert len([warning for warning in third["warnings"] if "retired" in warning]) == 2
        assert third["hot_probability"] == first["hot_probability"]
    assert json.loads((folder / "contract.json").read_text())["releases"][-1]["version"] == "1.2.0"
