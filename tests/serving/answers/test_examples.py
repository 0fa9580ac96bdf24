"""Examples work with the bundle that is served, whatever its schema is."""

from dataclasses import replace
from datetime import datetime, timedelta

from serving.answers.examples import EXAMPLE_REQUEST_ID, example_answers, example_leads
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from serving.answers.times import microseconds
from serving.pages.try_page import page_examples
from tests.support.bundles import REFUSAL_SPEC, SPEC, small_bundle


def test_the_first_example_sends_everything_that_the_model_reads(model: ServedModel) -> None:
    lead, _ = example_leads(model)
    assert lead["attributes"].keys() == model.bundle.spec.attribute_kinds.keys()
    (interaction,) = lead["interactions"]
    assert interaction["measures"].keys() == set(model.bundle.spec.measures)
    assert interaction["kind"] == "price_question"


def test_examples_are_scored_and_the_complete_one_without_a_warning(model: ServedModel) -> None:
    complete, bare = example_answers(model)
    assert (complete.lead_id, bare.lead_id) == ("L-1001", "L-1002")
    assert complete.warnings == ()
    assert bare.warnings != ()
    assert len(complete.reasons) == 4
    assert {complete.request_id, bare.request_id} == {EXAMPLE_REQUEST_ID}


def test_an_example_is_as_of_the_end_of_the_data_and_two_days_after_its_interaction(
    model: ServedModel,
) -> None:
    lead, _ = example_leads(model)
    as_of, occurred_at, created_at = (
        datetime.fromisoformat(text)
        for text in (lead["as_of"], lead["interactions"][0]["occurred_at"], lead["created_at"])
    )
    assert as_of - occurred_at == timedelta(days=2)
    assert as_of - created_at == timedelta(days=10)
    assert example_answers(model)[0].as_of == lead["as_of"]


def test_the_course_comes_where_it_is_asked_for(model: ServedModel) -> None:
    for answer in example_answers(model, include=("trend", "forecast")):
        assert answer.trend is not None
        assert answer.forecast is not None
    for answer in example_answers(model):
        assert (answer.trend, answer.forecast) == (None, None)


def test_examples_fit_whatever_else_the_schema_has(model: ServedModel) -> None:
    spec = model.bundle.spec
    wide = replace(
        spec,
        attribute_kinds={**spec.attribute_kinds, "trade": "category", "since": "timestamp"},
        measures=(*spec.measures, "euros"),
    )
    served = served_model(replace(model.bundle, spec=wide), Limits())
    lead, _ = example_leads(served)
    assert lead["attributes"]["trade"] == "any"
    assert lead["attributes"]["country"] == "it"
    assert lead["interactions"][0]["measures"] == {"duration_seconds": 120.5, "euros": 120.5}
    validated = served.adapter.validate_python(lead)
    assert validated["attributes"]["since"] == microseconds(lead["created_at"])


def test_examples_answer_as_any_client_is_answered(model: ServedModel) -> None:
    leads = example_leads(model)
    later = microseconds(leads[0]["as_of"]) + 86_400_000_000
    for example, answer in zip(
        example_answers(model), score_leads(model, leads, later, reasons=3), strict=True
    ):
        assert isinstance(answer, ScoredLead)
        assert replace(example, request_id="") == answer


def test_a_bundle_that_looks_at_refused_leads_has_one_among_its_examples() -> None:
    served = served_model(small_bundle(spec=REFUSAL_SPEC), Limits())
    complete, _, refused = example_leads(served)
    assert complete["attributes"].keys() == SPEC.attribute_kinds.keys()
    assert refused["attributes"]["refusal_reason"] == "later"
    answers = example_answers(served)
    assert answers[2].warnings == answers[0].warnings == ()
    assert answers[2].hot_probability < answers[0].hot_probability
    assert [one.lead for one in page_examples(served, None)] == [complete, refused]
