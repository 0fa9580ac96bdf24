"""One small bundle on disk and one server around it, with a clock that stands still."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.bundle import load_bundle, save_bundle
from models.golden import GOLDEN, golden_json
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.http.app import create_app
from tests.support.bundles import small_bundle
from tests.support.histories import DAY
from tests.support.http import TestClient

NOW = 60 * DAY
"""1970-03-02T00:00:00Z, where the tests' histories lie in the past."""


@pytest.fixture(scope="session")
def now() -> int:
    return NOW


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "bundle"
    save_bundle(bundle := small_bundle(), folder, {GOLDEN: golden_json(bundle)})
    return folder


@pytest.fixture(scope="session")
def client(bundle_folder: Path) -> Iterator[TestClient]:
    # All requests have one name, so that answers to equal leads are equal.
    named = {"x-request-id": "from-the-crm"}
    with TestClient(create_app(bundle_folder, clock=lambda: NOW), headers=named) as client:
        yield client


@pytest.fixture(scope="session")
def model(bundle_folder: Path) -> ServedModel:
    return served_model(load_bundle(bundle_folder), Limits())
