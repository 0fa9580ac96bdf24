"""Names that retired: a caller who still sends them is answered, and told."""

from dataclasses import replace
from datetime import date

import pytest

from models.contract import ContractName, Retirement, first_contract
from serving.answers.lenient import without_unknown_names
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.problem import Problem
from serving.answers.retired import retired_names
from serving.answers.scorer import score_leads
from serving.pages.phrases import is_recognised, phrases
from serving.pages.speech import speech

SINCE, UNTIL = date(2026, 1, 1), date(2026, 6, 30)
UNTIL_TEXT = "accepted until 2026-06-30 at least."
SEND_NEW = f"Send that name: the old one is {UNTIL_TEXT}"


@pytest.fixture(scope="module")
def retiring(model: ServedModel) -> ServedModel:
    """The model, with a dropped attribute, a renamed one and a dropped measure in its contract."""
    contract = first_contract(model.bundle.spec, "2026-a", SINCE)
    renamed = Retirement(SINCE, UNTIL, "attributes.company_size")
    names = {
        **contract.names,
        "attributes.colour": ContractName("category", (), Retirement(SINCE, UNTIL)),
        "attributes.staff": ContractName("number", (), renamed),
        "interactions.measures.price": ContractName("number", (), Retirement(SINCE, UNTIL)),
    }
    return served_model(model.bundle, Limits(), replace(contract, names=names))


def answer(model: ServedModel, now: int, attributes=None, interactions=None):
    lead = {"lead_id": "1", "created_at": "1970-01-10T00:00:00Z"}
    lead |= {"attributes": attributes, "interactions": interactions}
    (scored,) = score_leads(model, [lead], now, 3)
    return scored


def test_a_contract_without_retired_names_costs_nothing(model: ServedModel) -> None:
    assert model.retired is None
    assert retired_names(model.contract) is None


def test_a_dropped_name_is_accepted_and_told(retiring, model, now) -> None:
    scored = answer(retiring, now, {"colour": "red", "country": "it"})
    plain = answer(model, now, {"country": "it"})
    assert scored.warnings == (
        f"attributes.colour: retired and not used. Leave it out: it is {UNTIL_TEXT}",
        *plain.warnings,
    )
    assert replace(scored, warnings=()) == replace(plain, warnings=())


def test_a_renamed_name_is_read_as_the_new_one(retiring, model, now) -> None:
    scored = answer(retiring, now, {"staff": 490})
    plain = answer(model, now, {"company_size": 490})
    assert scored.hot_probability == plain.hot_probability
    assert scored.reasons == plain.reasons
    assert scored.warnings == (
        f"attributes.staff: retired and read as attributes.company_size. {SEND_NEW}",
        *plain.warnings,
    )


@pytest.mark.parametrize(("new", "counted"), [(3, 3), (None, 490)])
def test_of_both_names_the_new_one_counts_unless_it_is_missing(
    retiring, model, now, new, counted
) -> None:
    scored = answer(retiring, now, {"staff": 490, "company_size": new})
    plain = answer(model, now, {"company_size": counted})
    assert scored.hot_probability == plain.hot_probability
    assert scored.reasons == plain.reasons


def test_a_dropped_measure_is_told_once(retiring, model, now) -> None:
    times = [f"1970-02-1{day}T00:00:00Z" for day in range(3)]
    sent = [{"occurred_at": time, "measures": {"price": 1}} for time in times]
    scored = answer(retiring, now, None, sent)
    assert [w for w in scored.warnings if "price" in w] == [
        f"interactions.measures.price: retired and not used. Leave it out: it is {UNTIL_TEXT}"
    ]
    plain = answer(model, now, None, [{"occurred_at": time} for time in times])
    assert scored.hot_probability == plain.hot_probability


@pytest.mark.parametrize(("name", "value"), [("staff", "many"), ("colour", 3)])
def test_a_retired_name_keeps_its_kind(retiring, now, name, value) -> None:
    refused = answer(retiring, now, {name: value})
    assert isinstance(refused, Problem)
    assert refused.errors[0].field == f"attributes.{name}"


def test_an_unknown_name_is_offered_the_living_ones_alone(retiring, now) -> None:
    refused = answer(retiring, now, {"colours": "red"})
    assert isinstance(refused, Problem)
    assert "company_size" in refused.errors[0].way_out
    assert "staff" not in refused.errors[0].way_out


@pytest.mark.parametrize("language", ["it", "pt", "ro", "ru"])
def test_pages_say_the_warnings_in_their_language(retiring, now, language: str) -> None:
    scored = answer(retiring, now, {"staff": 490, "colour": "red"})
    retired = [warning for warning in scored.warnings if "retired" in warning]
    assert len(retired) == 2
    assert all(is_recognised(warning, phrases(speech(language))) for warning in retired)


def test_leniency_keeps_retired_names(retiring) -> None:
    lead = {"attributes": {"staff": 3, "strange": 1}}
    kept, unknown = without_unknown_names(lead, retiring.accepted_names)
    assert kept == {"attributes": {"staff": 3}}
    assert unknown == ("attributes.strange",)
