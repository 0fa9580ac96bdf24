"""Each CRM's export is drafted, trained on, scored, and asked over HTTP in the CRM's own terms.

The exports have columns that nothing asks for, and so have the requests. Whatever way a lead comes
(bulk, our terms, the export's terms), its scores are the same bits.
"""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from features.export.guessing.draft import draft
from features.export.mapping import ExportMapping
from features.export.sources import read_export
from features.export.terms import FieldTerms
from features.scale.requests import requests_of
from features.spine import Spine
from features.tables import Tables
from models.bundle import Bundle, load_bundle, save_bundle
from models.golden import GOLDEN, golden_json
from serving.bulk.scores import score_spine
from serving.bulk.selection import ScoringFiles, read_for_scoring
from serving.http.app import create_app
from tests.support.crm_exports import CRMS, write_exports
from tests.support.http import TestClient
from training.config import config_of
from training.pipeline import trained_bundle

pytestmark = [pytest.mark.slow, pytest.mark.training]

QUICK = {
    "horizons": {"hot_days": 7, "warm_days": 21},
    "model": {"trees": 5},
    "audit": {"enabled": False},
}
ANSWERED = ("hot_probability", "hot_low", "warm_probability", "warm_high", "band", "may_be_left")
LENIENT = {"prefer": "handling=lenient"}


@dataclass(frozen=True)
class Trained:
    """A CRM whose export a model was trained on."""

    folder: Path
    mapping: ExportMapping
    tables: Tables
    bundle: Bundle
    spine: Spine

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The leads as the CRM has them, in our terms."""
        return requests_of(self.tables, self.spine, self.bundle.spec.attribute_kinds)


@pytest.fixture(scope="module", params=CRMS)
def trained_preset(request, tmp_path_factory) -> Trained:
    base = tmp_path_factory.mktemp("crm")
    write_exports(request.param, base / "exports")
    zone = "UTC" if request.param == "Odoo" else "Europe/Rome"
    text = draft(base / "exports", base, zone).text
    config = config_of(tomllib.loads(text) | QUICK, base)
    tables = read_export(config.export)
    bundle = trained_bundle(tables, config)
    save_bundle(bundle, base / "bundle", {GOLDEN: golden_json(bundle)})
    bundle = load_bundle(base / "bundle")
    leads = np.arange(tables.leads.num_rows)
    return Trained(
        base, config.export, tables, bundle, Spine(leads, np.full(len(leads), tables.data_end))
    )


def test_the_export_that_was_trained_on_can_be_scored(trained_preset: Trained) -> None:
    files = ScoringFiles(trained_preset.mapping)
    tables = read_for_scoring(trained_preset.bundle.spec, files)
    bulk = score_spine(trained_preset.bundle, tables, trained_preset.spine)
    expected = score_spine(trained_preset.bundle, trained_preset.tables, trained_preset.spine)
    assert bulk.equals(expected)


def test_over_http_surplus_columns_change_nothing(trained_preset: Trained) -> None:
    surplus = [
        {
            **lead,
            "Owner": "x",
            "attributes": {**lead["attributes"], "Modified Time": "31/12/2030"},
            "interactions": [{**event, "Record Image": "y"} for event in lead["interactions"]],
        }
        for lead in trained_preset.requests
    ]
    require_bulk_scores(trained_preset, surplus)


def test_over_http_the_exports_own_terms_change_nothing(trained_preset: Trained) -> None:
    theirs = [in_their_terms(trained_preset.bundle, lead) for lead in trained_preset.requests]
    assert theirs != trained_preset.requests
    require_bulk_scores(trained_preset, theirs)


def require_bulk_scores(crm: Trained, leads: list[dict[str, Any]]) -> None:
    bulk = score_spine(crm.bundle, crm.tables, crm.spine)
    with TestClient(create_app(crm.folder / "bundle")) as client:
        answer = client.post("/v1/score/batch", json={"leads": leads}, headers=LENIENT).json()
    results = answer["results"]
    assert [result for result in results if "errors" in result] == []
    for name in ANSWERED:
        assert [result[name] for result in results] == bulk[name].to_pylist(), name


def in_their_terms(bundle: Bundle, lead: dict[str, Any]) -> dict[str, Any]:
    """A lead with the export's names, words, numbers and times, wherever it has any."""
    terms = bundle.terms
    assert terms is not None
    interactions = [
        translated(terms.interactions, event)
        | {"measures": translated(terms.measures, event.get("measures", {}))}
        for event in lead["interactions"]
    ]
    plain = {name: lead[name] for name in ("lead_id", "created_at", "as_of")}
    attributes = translated(terms.attributes, lead["attributes"])
    return {
        **translated(terms.lead, plain),
        "attributes": attributes,
        "interactions": interactions,
    }


def translated(terms: dict[str, FieldTerms], values: dict[str, Any]) -> dict[str, Any]:
    theirs = {}
    for name, value in values.items():
        if name == "measures":
            continue
        field = terms.get(name, FieldTerms())
        alias = field.columns[0] if field.columns else name
        theirs[alias] = their_value(field, value)
    return theirs


def their_value(field: FieldTerms, value: Any) -> Any:
    for notation in field.notations[:1]:
        format_ = notation.format_
        for word, meaning in notation.words.items():
            if meaning == value and word:
                return word
        if isinstance(value, int | float):
            if format_.durations == "HH:MM:SS":
                return f"{int(value) // 3600:02}:{int(value) // 60 % 60:02}:{int(value) % 60:02}"
            return repr(value).replace(".", format_.decimal)
        if is_time(value) and format_.timezone and not value.endswith("999999+00:00"):
            local = datetime.fromisoformat(value).astimezone(ZoneInfo(format_.timezone))
            pattern = format_.dates[0]
            return local.strftime("%Y-%m-%d %H:%M:%S.%f" if pattern == "iso" else pattern)
    return value


def is_time(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= 20 and value[4] == "-" and value[10] == "T"


def test_each_preset_tells_its_terms_over_http(trained_preset: Trained) -> None:
    with TestClient(create_app(trained_preset.folder / "bundle")) as client:
        terms = client.get("/v1/model").json()["terms"]
    assert terms["lead"]["lead_id"]["names"]
    assert terms["lead"]["created_at"]["names"]
    assert terms["interactions"]["occurred_at"]["notations"]
