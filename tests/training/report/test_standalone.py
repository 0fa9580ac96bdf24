"""Each picture is a whole SVG file with the report's style, and the audit is the card's."""

import dataclasses
import json
from xml.etree import ElementTree as ET

import pytest

from tests.support.bundles import small_bundle
from tests.support.cards import document, lifelike_card
from training.report.standalone import run_documents

FINDING = {
    "name": "source",
    "what": "attribute",
    "verdict": "clear",
    "reason": "",
    "figures": {"auc": 0.6},
}
CARD = {**lifelike_card(), "audit": [FINDING]}


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    return run_documents(dataclasses.replace(small_bundle(), card=document(CARD)))


def test_a_run_keeps_the_audit_and_a_picture_of_each_kind(documents) -> None:
    pictures = ("bands_hot", "bands_warm", "importance", "reliability_hot", "reliability_warm")
    assert set(documents) == {"audit.json", *(f"pictures/{name}.svg" for name in pictures)}


def test_a_picture_is_an_svg_file_that_brings_its_colours_along(documents) -> None:
    for name in documents.keys() - {"audit.json"}:
        root = ET.fromstring(documents[name])  # noqa: S314 - our own text
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        style = root.find("{http://www.w3.org/2000/svg}style")
        assert style is not None
        assert "--ink:" in (style.text or "")


def test_the_audit_is_that_of_the_card(documents) -> None:
    assert json.loads(documents["audit.json"]) == [FINDING]
