"""The OpenAPI document says what the export calls each field, and how it writes it."""

from dataclasses import replace

import pytest

from features.export.formats import ColumnFormat
from features.export.terms import ExportTerms, FieldTerms, Notation
from models.bundle import save_bundle
from serving.http.app import create_app
from tests.support.bundles import small_bundle
from tests.support.http import TestClient

ITALIAN = ColumnFormat(decimal=",", thousands=".", dates=("%d/%m/%Y",), timezone="Europe/Rome")
WORDS = {f"Paese {i}": f"p{i}" for i in range(9)}
TERMS = ExportTerms(
    lead={"created_at": FieldTerms(("Creato il",), (Notation(format_=ITALIAN),))},
    attributes={
        "country": FieldTerms(("Paese",), (Notation({"--": "", **WORDS}),)),
        "company_size": FieldTerms(("Addetti",), (Notation(format_=ITALIAN),)),
    },
    interactions={"kind": FieldTerms(("Tipo",), (Notation({"Preventivo": "price_question"}),))},
    measures={
        "duration_seconds": FieldTerms(
            ("Durata",), (Notation(format_=ColumnFormat(durations="MM:SS")),)
        )
    },
)


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "bundle"
    save_bundle(replace(small_bundle(), terms=TERMS), folder)
    return TestClient(create_app(folder)).get("/openapi.json").json()["components"]["schemas"]


@pytest.mark.parametrize(
    ("schema", "field", "text"),
    [
        (
            "Lead",
            "created_at",
            "When the lead was created. In the export: `Creato il`. The export writes it with the",
        ),
        (
            "Lead",
            "created_at",
            "decimal sign `,` with thousands parted by `.` as `%d/%m/%Y` in the zone Europe/Rome",
        ),
        ("Interaction", "kind", "In the export: `Tipo`. Words of the export: `Preventivo` for "),
        ("Measures", "duration_seconds", "In the export: `Durata`. The export writes it as `MM:SS"),
        ("Attributes", "company_size", "In the export: `Addetti`. The export writes it with the "),
        ("Attributes", "country", "`--` for a missing value, `Paese 0` for `p0`"),
        ("Attributes", "country", "`Paese 6` for `p6` and 2 more."),
    ],
)
def test_a_field_says_what_the_export_calls_it(schemas, schema, field, text) -> None:
    assert text in schemas[schema]["properties"][field]["description"]


def test_what_the_export_has_no_terms_for_stands_as_it_is(schemas) -> None:
    assert "description" not in schemas["Attributes"]["properties"]["first_met_at"]
    assert "terms` of `GET /v1/model" in schemas["Lead"]["description"]


def test_a_bundle_without_terms_says_nothing_of_an_export(client) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert "export" not in schemas["Lead"]["description"]
