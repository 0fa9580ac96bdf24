"""A refused lead, all the way: over HTTP, in the CRM's own words and days, and in bulk."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from features.export.mapping import ExportMapping, export_mapping
from features.export.mapping_terms import export_terms
from features.refusals import REFUSED_AT
from features.scale.requests import requests_of
from features.spine import iso, open_leads_at
from features.tables import Tables
from models.bundle import Bundle
from models.card import CardDocument
from serving.answers.limits import Limits
from serving.answers.model import describe_model, served_model
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from serving.bulk.scores import score_spine
from serving.bulk.selection import ScoringFiles, asked_about, read_for_scoring
from serving.pages.phrases import is_recognised, phrases
from serving.pages.speech import speech
from tests.support.bundles import REFUSAL_SPEC, small_bundle
from tests.support.exports import micros, write_text

DAYS_AFTER = 60.0
AS_OF = micros("2024-02-20 12:00:00")
LEADS = (
    "id,creato,acquistato,perso,motivo,country,company_size,first_met_at",
    "never,01/01/2024,,,,it,12,",
    "that day,01/01/2024,,20/02/2024,prezzo,it,12,",
    "the day before,01/01/2024,,19/02/2024,prezzo,it,12,",
    "no reason,01/01/2024,,10/02/2024,,it,12,",
    "other word,01/01/2024,,10/02/2024,altro,pt,40,02/01/2024",
    "too long ago,01/11/2023,,20/12/2023,prezzo,it,12,",
    "bought,01/01/2024,18/02/2024,10/02/2024,prezzo,it,12,",
    "buys later,01/01/2024,01/03/2024,10/02/2024,dopo,it,12,",
)
CALLS = "lead_id,occurred_at,kind,duration_seconds", "no reason,15/02/2024,price_question,60"
SECTIONS: dict[str, dict[str, Any]] = {
    "data": {"timezone": "Europe/Rome", "dates": "%d/%m/%Y", "ends_at": "2024-03-10T00:00:00Z"},
    "leads": {
        "source": "leads.csv",
        "fixed_at_creation": ["country", "company_size", "first_met_at"],
        "columns": {
            "lead_id": "id",
            "created_at": "creato",
            "converted_at": "acquistato",
            "closed_at": "perso",
            "closed_reason": "motivo",
        },
        "values": {"closed_reason": {"prezzo": "price", "dopo": "later"}},
    },
    "interactions": {"source": "calls.csv", "measures": ["duration_seconds"]},
}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    card = {"data_end": "2024-03-10T00:00:00Z", "settings": {"after_refusal_days": DAYS_AFTER}}
    return replace(small_bundle(spec=REFUSAL_SPEC), card=CardDocument.of(card))


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> ExportMapping:
    folder: Path = tmp_path_factory.mktemp("refused")
    write_text(folder / "leads.csv", *LEADS)
    write_text(folder / "calls.csv", *CALLS)
    return export_mapping(SECTIONS, folder)


@pytest.fixture(scope="module")
def tables(bundle: Bundle, mapping: ExportMapping) -> Tables:
    days = bundle.card.served.after_refusal_days
    asked = asked_about(None, AS_OF, days)
    return read_for_scoring(
        bundle.spec, ScoringFiles(mapping), with_contacts=asked, after_refusal_days=days
    )


def test_a_refused_lead_is_scored_within_its_time_and_marked(bundle, tables) -> None:
    selection = open_leads_at(AS_OF, tables)
    scores = score_spine(bundle, tables, selection.spine, threads=1)
    assert dict(zip(scores["lead_id"].to_pylist(), scores["refused"].to_pylist(), strict=True)) == {
        "never": False,
        "that day": False,
        "the day before": True,
        "no reason": True,
        "other word": True,
        "buys later": True,
    }
    assert selection.notes == (
        "2 leads were converted or refused too long ago by then: not scored.",
    )


def test_a_refusal_is_seen_by_the_model(bundle, tables) -> None:
    scores = score_spine(bundle, tables, open_leads_at(AS_OF, tables).spine, threads=1)
    hot = dict(
        zip(scores["lead_id"].to_pylist(), scores["hot_probability"].to_pylist(), strict=True)
    )
    assert hot["never"] == hot["that day"]
    assert hot["never"] > hot["the day before"]


def test_a_bundle_that_ends_leads_at_their_closing_scores_as_ever(bundle, mapping) -> None:
    tables = read_for_scoring(small_bundle().spec, ScoringFiles(mapping))
    scores = score_spine(small_bundle(), tables, open_leads_at(AS_OF, tables).spine, threads=1)
    assert scores["lead_id"].to_pylist() == ["never"]
    assert "refused" not in scores.column_names


def test_http_answers_a_refused_lead_with_the_bits_of_the_bulk_score(bundle, tables) -> None:
    model = served_model(bundle, Limits())
    spine = open_leads_at(AS_OF, tables).spine
    expected = score_spine(bundle, tables, spine, threads=1).to_pylist()
    bodies = requests_of(tables, spine, bundle.spec.attribute_kinds)
    for row, answer in zip(expected, score_leads(model, bodies, AS_OF, 0), strict=True):
        assert isinstance(answer, ScoredLead), answer
        assert answer.hot_probability == row["hot_probability"]
        assert answer.warm_probability == row["warm_probability"]
        assert not any(REFUSED_AT in warning for warning in answer.warnings)


@pytest.mark.parametrize("name", ["the day before", "no reason", "other word", "that day"])
@pytest.mark.parametrize("names", [("refused_at", "refusal_reason"), ("perso", "motivo")])
def test_a_crm_may_send_its_own_days_and_words(bundle, mapping, tables, name, names) -> None:
    terms = export_terms(mapping, tables, bundle.spec)
    model = served_model(replace(bundle, terms=terms), Limits())
    spine = open_leads_at(AS_OF, tables).spine
    expected = score_spine(bundle, tables, spine, threads=1).to_pylist()
    (row,) = [row for row in expected if row["lead_id"] == name]
    (line,) = [line for line in LEADS if line.startswith(name)]
    lead_id, created, _, lost, reason, country, size, met = line.split(",")
    attributes = {"country": country, "company_size": size, "first_met_at": met or None}
    attributes |= {names[0]: lost, names[1]: reason}
    calls = [{"occurred_at": "15/02/2024", "kind": "price_question"}]
    calls[0]["measures"] = {"duration_seconds": 60}  # type: ignore[assignment]
    body = {
        "lead_id": lead_id,
        "created_at": created,
        "as_of": iso(AS_OF),
        "attributes": attributes,
        "interactions": calls if name == "no reason" else [],
    }
    (answer,) = score_leads(model, [body], AS_OF, 0)
    assert isinstance(answer, ScoredLead), answer
    assert answer.hot_probability == row["hot_probability"]


def test_the_model_lists_what_a_refusal_may_be_called(bundle, mapping, tables) -> None:
    terms = export_terms(mapping, tables, bundle.spec)
    described = describe_model(served_model(replace(bundle, terms=terms), Limits()))
    assert described.terms is not None
    listed = described.terms.attributes
    assert listed["refused_at"].names == ("perso", "closed_at")
    assert listed["refusal_reason"].names == ("motivo", "closed_reason")
    assert listed["refusal_reason"].words["prezzo"] == "price"


def lead(**attributes: Any) -> dict[str, Any]:
    known = {"country": "it", "company_size": 1, "first_met_at": None}
    return {
        "lead_id": "1",
        "created_at": "2024-01-01T00:00:00Z",
        "as_of": "2024-02-01T00:00:00Z",
        "attributes": known | attributes,
    }


def test_a_refusal_longer_ago_than_any_in_training_is_warned_of(bundle) -> None:
    sent = lead(refused_at="2023-12-02T23:59:59Z")
    (answer,) = score_leads(served_model(bundle, Limits()), [sent], AS_OF, 0)
    assert isinstance(answer, ScoredLead)
    assert answer.warnings == (
        "attributes.refused_at: longer ago than any refusal the model was judged on: 60 days.",
    )
    assert is_recognised(answer.warnings[0], phrases(speech("ru")))


@pytest.mark.parametrize(
    ("attributes", "warning"),
    [
        ({}, None),
        ({"refused_at": None, "refusal_reason": None}, None),
        ({"refused_at": "2024-01-20T00:00:00Z"}, None),
        ({"refused_at": "2024-02-01T00:00:00Z"}, "attributes.refused_at: lies at or after as_of"),
        ({"refusal_reason": "price"}, "attributes.refusal_reason: was not used"),
        ({"refused_at": "2023-12-03T00:00:00Z"}, None),
    ],
)
def test_what_of_a_refusal_does_not_count_is_said(bundle, attributes, warning) -> None:
    model = served_model(bundle, Limits())
    (answer, never) = score_leads(model, [lead(**attributes), lead()], AS_OF, 0)
    assert isinstance(answer, ScoredLead)
    assert isinstance(never, ScoredLead)
    assert [text.split(",")[0] for text in answer.warnings] == ([warning] if warning else [])
    if warning:
        assert answer.hot_probability == never.hot_probability
