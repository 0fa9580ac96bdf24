"""A CRM may speak in its own terms, and means what its export meant; slips are named."""

from dataclasses import replace
from typing import Any

import pytest

from features.export.formats import ColumnFormat
from features.export.terms import ExportTerms, FieldTerms, Notation
from serving.answers.lenient import without_unknown_names
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, describe_model, served_model
from serving.answers.problem import Problem
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from tests.support.bundles import small_bundle

NOW = 40 * 86_400_000_000
EUROPEAN = ColumnFormat(
    decimal=",", thousands=".", dates=("%d/%m/%Y %H:%M", "%d/%m/%Y"), timezone="Europe/Rome"
)
TERMS = ExportTerms(
    lead={
        "lead_id": FieldTerms(("Id",), (Notation(),)),
        "created_at": FieldTerms(("Created On",), (Notation(format_=EUROPEAN),)),
    },
    attributes={
        "country": FieldTerms(
            ("Country/Region",), (Notation({"Italia": "it", "Portogallo": "pt", "--": ""}),)
        ),
        "company_size": FieldTerms(("Staff",), (Notation({"-1": ""}, EUROPEAN),), 1, 500),
        "first_met_at": FieldTerms((), (Notation({"01/01/1900": ""}, EUROPEAN),)),
    },
    interactions={
        "occurred_at": FieldTerms(("Start", "channel"), (Notation(format_=EUROPEAN),)),
        "recorded_at": FieldTerms(("Entered",), (Notation(format_=EUROPEAN),)),
        "kind": FieldTerms(
            ("Type",),
            (
                Notation({"Quote": "price_question", "1": "call", "price": "visit"}),
                Notation({"1": "visit", "2": "call", "call": "price_question"}),
            ),
        ),
    },
    measures={
        "duration_seconds": FieldTerms(
            ("Duration", "kind"), (Notation(format_=ColumnFormat(durations="MM:SS")),)
        )
    },
)


@pytest.fixture(scope="module")
def model() -> ServedModel:
    return served_model(replace(small_bundle(), terms=TERMS), Limits())


def answer(model: ServedModel, lead: Any) -> ScoredLead | Problem:
    (one,) = score_leads(model, [lead], NOW, reasons=3)
    return one


def score(model: ServedModel, lead: Any) -> ScoredLead:
    scored = answer(model, lead)
    assert isinstance(scored, ScoredLead), scored
    return scored


def refusal(model: ServedModel, lead: Any) -> dict[str, str]:
    """Law and finding by field."""
    problem = answer(model, lead)
    assert isinstance(problem, Problem), problem
    return {error.field: f"{error.law}: {error.found}. {error.way_out}" for error in problem.errors}


OURS = {
    "lead_id": "7",
    "created_at": "1970-01-10T08:00:00Z",
    "as_of": "1970-02-01T00:00:00Z",
    "attributes": {"country": "it", "company_size": 120.5, "first_met_at": "1970-01-04T23:00:00Z"},
    "interactions": [
        {
            "occurred_at": "1970-01-28T09:30:00Z",
            "recorded_at": "1970-01-28T09:45:00Z",
            "kind": "price_question",
            "measures": {"duration_seconds": 150},
        }
    ],
}
THEIRS = {
    "Id": 7,
    "Created On": "10/01/1970 09:00",
    "as_of": "01/02/1970 01:00",
    "attributes": {"Country/Region": "Italia", "Staff": "120,5", "first_met_at": "05/01/1970"},
    "interactions": [
        {
            "Start": "28/01/1970 10:30",
            "Entered": "1970-01-28T09:45:00+0000",
            "Type": "Quote",
            "measures": {"Duration": "02:30"},
        }
    ],
}


def test_a_lead_in_the_exports_terms_is_the_lead_in_ours(model):
    assert score(model, THEIRS) == score(model, OURS)


def test_our_terms_mean_the_same_whether_the_export_has_any(model):
    plain = served_model(replace(model.bundle, terms=None), Limits())
    assert score(model, OURS) == score(plain, OURS)


def test_a_bundle_without_terms_refuses_what_it_has_always_refused(model):
    plain = served_model(replace(model.bundle, terms=None), Limits())
    assert {"Id", "lead_id", "created_at"} <= {*refusal(plain, THEIRS)}


def test_neither_lead_is_changed(model):
    before = str(THEIRS)
    score(model, THEIRS)
    assert str(THEIRS) == before


def with_attributes(**attributes: Any) -> dict[str, Any]:
    return {**OURS, "attributes": {**OURS["attributes"], **attributes}}  # type: ignore[dict-item]


def with_event(**fields: Any) -> dict[str, Any]:
    event = {**OURS["interactions"][0], **fields}  # type: ignore[dict-item, index]
    return {**OURS, "interactions": [event]}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"company_size": "1.120,5"}, {"company_size": 1120.5}),
        ({"company_size": " 12\u00a0"}, {"company_size": 12}),
        ({"company_size": "n/a"}, {"company_size": None}),
        ({"company_size": "-1"}, {"company_size": None}),
        ({"company_size": -1}, {"company_size": None}),
        ({"company_size": -1.0}, {"company_size": None}),
        ({"country": "--"}, {"country": None}),
        ({"country": "Portogallo"}, {"country": "pt"}),
        ({"first_met_at": "01/01/1900"}, {"first_met_at": None}),
        ({"first_met_at": "-"}, {"first_met_at": None}),
        ({"first_met_at": "05/01/1970"}, {"first_met_at": "1970-01-04T23:00:00Z"}),
    ],
)
def test_values_are_read_as_the_columns_of_the_export(model, theirs, ours):
    assert score(model, with_attributes(**theirs)) == score(model, with_attributes(**ours))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("28/01/1970", "1970-01-28T22:59:59.999999Z"),
        ("1970-01-28t09:30:00z", "1970-01-28T09:30:00Z"),
        ("1970-01-28 10:30+0100", "1970-01-28T09:30:00Z"),
    ],
)
def test_a_day_is_known_at_its_end(model, theirs, ours):
    left, right = (
        score(model, with_event(occurred_at=at, recorded_at=None)) for at in (theirs, ours)
    )
    assert left == right


def test_what_was_recorded_on_its_day_had_occurred_by_then(model):
    assert score(model, with_event(occurred_at="28/01/1970")) == score(
        model, with_event(occurred_at="1970-01-28T09:45:00Z")
    )


@pytest.mark.parametrize("number", [7, 7.0])
def test_a_whole_number_is_an_id(model, number):
    assert score(model, {**OURS, "lead_id": number}).lead_id == "7"


@pytest.mark.parametrize("value", [7.5, 1e17, True])
def test_what_was_rounded_is_no_id(model, value):
    assert (
        "Must be a text or a whole number" in refusal(model, {**OURS, "lead_id": value})["lead_id"]
    )


def test_a_word_with_several_meanings_is_refused_with_all_of_them(model):
    assert refusal(model, with_event(kind="1"))["interactions[0].kind"] == (
        "Must have one meaning, but it stands for another word in each table of the export: "
        '"1". Send what it stands for: "call" or "visit".'
    )


def test_a_word_of_ours_keeps_its_meaning_and_the_doubt_is_told(model):
    scored = score(model, with_event(kind="call"))
    assert scored.warnings[0] == (
        'interactions.kind: "call" is read as our word; in the export it stands for '
        '"price_question".'
    )
    plain = served_model(replace(model.bundle, terms=None), Limits())
    assert scored.hot_probability == score(plain, with_event(kind="call")).hot_probability


@pytest.mark.parametrize(
    ("field", "value", "law"),
    [
        ("company_size", "12.5.1", "Must be a number, or the text of one as the export writes it"),
        ("company_size", True, "Must be a number, or the text of one as the export writes it"),
        ("company_size", "1,2,3", "Must be a number"),
        ("first_met_at", "30/02/1970", "%d/%m/%Y %H:%M, %d/%m/%Y, in Europe/Rome where it names"),
        ("first_met_at", "05/01/2345", "Must be a time"),
        ("first_met_at", 86_400, "Must be a time"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_law(model, field, value, law):
    assert law in refusal(model, with_attributes(**{field: value}))[f"attributes.{field}"]


def test_a_field_under_two_names_is_refused(model):
    finding = refusal(model, with_attributes(Staff="12"))
    assert "Must be sent once: it is company_size" in finding["attributes.Staff"]


def test_errors_name_fields_as_they_were_sent(model):
    event = {"Start": "yesterday", "Type": "Quote"}
    assert [*refusal(model, {**THEIRS, "interactions": [event]})] == ["interactions[0].Start"]


def test_names_of_ours_are_never_names_of_the_export(model):
    """A column called channel holds the times of interactions, and one called kind a measure."""
    assert score(model, with_event(channel="28/01/1970 10:30")) == score(model, OURS)
    scored = score(model, {**OURS, "interactions": [
        {"occurred_at": "1970-01-28T09:30:00Z", "measures": {"kind": "02:30"}},
    ]})  # fmt: skip
    assert scored == score(model, {**OURS, "interactions": [
        {"occurred_at": "1970-01-28T09:30:00Z", "measures": {"duration_seconds": 150}},
    ]})  # fmt: skip


def test_unknown_names_are_still_refused_and_known_ones_of_the_export_offered(model):
    finding = refusal(model, {**OURS, "attributes": {"Colour": "red"}})["attributes.Colour"]
    assert "Known: country, company_size, first_met_at, Country/Region, Staff." in finding


def test_lenience_keeps_the_names_of_the_export(model):
    surplus = {**THEIRS, "Owner": "x", "interactions": [{**THEIRS["interactions"][0], "Note": "y"}]}  # type: ignore[dict-item, index]
    lead, unknown = without_unknown_names(surplus, model.names)
    assert unknown == ("Owner", "interactions.Note")
    assert score(model, lead) == score(model, OURS)


@pytest.mark.parametrize("lead", [None, 7, [], {}, {"attributes": 7}, {"interactions": {"a": 1}}])
def test_what_is_no_lead_is_refused_as_ever(model, lead):
    assert refusal(model, lead)


def test_too_many_interactions_are_not_read_one_by_one(model):
    events = [{"Start": "28/01/1970"}] * (Limits().max_interactions + 1)
    assert [*refusal(model, {**OURS, "interactions": events})] == ["interactions"]


def test_a_word_of_a_label_is_translated_though_the_schema_accepts_it(model):
    assert score(model, with_event(kind="Quote")) == score(model, OURS)


def test_the_model_tells_its_terms(model):
    terms = describe_model(model).terms
    assert terms is not None
    assert terms.lead["lead_id"].names == ("Id",)
    country, size = terms.attributes["country"], terms.attributes["company_size"]
    assert country.words == {"Italia": "it", "Portogallo": "pt", "--": ""}
    assert country.notations == ()
    (notation,) = size.notations
    assert (notation.decimal, notation.thousands, notation.timezone) == (",", ".", "Europe/Rome")
    assert (size.lowest, size.highest) == (1, 500)
    assert terms.interactions["kind"].words == {
        "Quote": "price_question", "price": "visit", "2": "call",
    }  # fmt: skip
    assert terms.interactions["occurred_at"].names == ("Start",)
    assert terms.measures["duration_seconds"].names == ("Duration", "kind")


def test_a_bundle_without_terms_tells_none(model):
    assert describe_model(served_model(small_bundle(), Limits())).terms is None


@pytest.fixture(scope="module")
def of_days() -> ServedModel:
    """The export has no hours: its times are midnight in Rome."""
    notation = Notation(format_=ColumnFormat(timezone="Europe/Rome"), midnight_in="Europe/Rome")
    times = FieldTerms(notations=(notation,))
    terms = ExportTerms({"created_at": times}, {}, {"occurred_at": times, "recorded_at": times})
    return served_model(replace(small_bundle(), terms=terms), Limits())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("1970-01-28T00:00:00+01:00", "1970-01-28T22:59:59.999999Z"),
        ("1970-01-28T00:00:00Z", "1970-01-28T22:59:59.999999Z"),
        ("1970-01-28", "1970-01-28T22:59:59.999999Z"),
        ("1970-01-28T00:00:01Z", "1970-01-28T00:00:01Z"),
    ],
)
def test_midnight_is_a_day_where_the_export_has_days_alone(of_days, theirs, ours):
    event = {"occurred_at": theirs, "recorded_at": None}
    scored = score(of_days, with_event(**event))
    plain = served_model(replace(of_days.bundle, terms=None), Limits())
    assert scored == score(plain, with_event(**event | {"occurred_at": ours}))


def test_a_lead_of_a_day_is_created_at_its_beginning(of_days):
    lead = {**OURS, "created_at": "1970-01-10T00:00:00+01:00"}
    plain = served_model(replace(of_days.bundle, terms=None), Limits())
    assert score(of_days, lead) == score(plain, lead)
