"""The OpenAPI document is true: whatever it allows, forbids or promises, the server keeps to it."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from models.bundle import REPORT, save_bundle
from tests.support.bundles import small_bundle
from tests.support.served import served

KEY = "for-everything"
CONFIG = """
# A document cannot say that created_at <= as_of <= now: leads that break this are refused, too.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "422"]

# A batch with a lead that cannot be scored is answered: the lead's problem stands in its place.
[[operations]]
include-path = "/v1/score/batch"
checks.negative_data_rejection.enabled = false

[[operations]]
include-path = "/v1/validate"
checks.negative_data_rejection.enabled = false
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documented")
    save_bundle(small_bundle(), folder / "bundle", {REPORT: "<h1>report</h1>"})
    (folder / "schemathesis.toml").write_text(CONFIG)
    (folder / "today.html").write_text("<h1>work</h1>")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "keys",
    ["", f"all:score+report+operate:{hashlib.sha256(KEY.encode()).hexdigest()}"],
    ids=["open", "with keys"],
)
def test_the_server_keeps_to_all_of_its_document(folder: Path, keys: str) -> None:
    environment = {
        "LEAD_TEMPERATURE_API_KEYS": keys,
        "LEAD_TEMPERATURE_LEDGER": str(folder / "ledger.db"),
        "LEAD_TEMPERATURE_WORK_PAGE": str(folder / "today.html"),
    }
    with served(folder / "bundle", 1, environment) as server:
        command = [Path(sys.executable).parent / "schemathesis"]
        command += ["--config-file", "schemathesis.toml", "run", f"{server.url}/openapi.json"]
        command += ["--max-examples", "25", "--seed", "1", "--no-color", "--continue-on-failure"]
        command += ["--request-timeout", "60", "--max-response-time", "60"]
        command += ["--header", f"Authorization: Bearer {KEY}"] if keys else []
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout
        assert "14 selected / 14 total" in told.stdout
        assert not [line for line in server.log if line["level"] == "error"]
        assert server.plain == []
