"""What another model changes in the contract: names retire, come, come back, and break."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from features.language.kinds import AttributeKind, LeadAge
from features.language.spec import Spec
from models.contract import Contract, Retirement, first_contract
from models.contract_draft import Terms, draft_contract, new_changes
from tests.support.bundles import small_bundle

TODAY = date(2026, 3, 1)
TERMS = Terms(TODAY, retired_days=30)
UNTIL = TODAY + timedelta(days=30)


@pytest.fixture(scope="module")
def bundle():
    return small_bundle()


def reading(attributes: dict[str, AttributeKind], measures: tuple[str, ...] = ()) -> Spec:
    """What a model reads."""
    return Spec((LeadAge(),), attributes, measures)


@pytest.fixture
def contract() -> Contract:
    """What a model reads that has two attributes and a measure."""
    spec = reading({"company_size": "number", "country": "category"}, ("seconds",))
    return first_contract(spec, "2026-a", date(2026, 1, 1))


def drafted(contract: Contract, spec: Spec, terms: Terms) -> Contract:
    return draft_contract(contract, spec, "2026-b", terms)


def changes(draft: Contract, contract: Contract) -> dict[str, str]:
    return {change.path: change.change for change in new_changes(draft, contract)}


def test_the_same_names_change_nothing(contract) -> None:
    model = reading({"company_size": "number", "country": "category"}, ("seconds",))
    assert drafted(contract, model, TERMS) is contract


def test_a_dropped_name_retires_and_a_new_one_is_optional(contract) -> None:
    draft = drafted(contract, reading({"country": "category", "source": "category"}), TERMS)
    assert draft.version == "1.1.0"
    assert changes(draft, contract) == {
        "attributes.company_size": "retired",
        "attributes.source": "added",
        "interactions.measures.seconds": "retired",
    }
    assert draft.retired == dict.fromkeys(
        ("attributes.company_size", "interactions.measures.seconds"), Retirement(TODAY, UNTIL)
    )
    assert not any(change.breaks_callers for change in draft.releases[-1].changes)
    assert [release.version for release in draft.releases] == ["1.0.0", "1.1.0"]


def test_values_of_a_renamed_name_are_read_as_the_new_one(contract) -> None:
    model = reading({"employees": "number", "country": "category"}, ("seconds",))
    terms = replace(TERMS, renamed={"company_size": "employees"})
    draft = drafted(contract, model, terms)
    successor = draft.retired["attributes.company_size"].instead
    assert successor == "attributes.employees"
    assert "read as attributes.employees" in draft.releases[-1].changes[0].sentence


@pytest.mark.parametrize(
    "renamed", [{"nothing": "country"}, {"company_size": "country"}, {"country": "country"}]
)
def test_a_rename_that_leads_nowhere_is_refused(contract, renamed) -> None:
    terms = replace(TERMS, renamed=renamed)
    with pytest.raises(ValueError, match="--renamed"):
        drafted(contract, reading({"country": "category"}), terms)


def test_a_successor_that_retires_hands_on_to_its_own(contract) -> None:
    terms = replace(TERMS, renamed={"company_size": "employees"})
    second = drafted(contract, reading({"employees": "number"}), terms)
    terms = replace(TERMS, renamed={"employees": "staff"})
    third = drafted(second, reading({"staff": "number"}), terms)
    assert third.retired["attributes.company_size"].instead == "attributes.staff"
    last = drafted(third, reading({}), TERMS)
    assert last.retired["attributes.company_size"].instead is None


def test_a_retired_name_that_is_read_again_is_as_before(contract) -> None:
    retired = drafted(contract, reading({"country": "category"}, ("seconds",)), TERMS)
    model = reading({"company_size": "number", "country": "category"}, ("seconds",))
    again = drafted(retired, model, TERMS)
    assert changes(again, retired) == {"attributes.company_size": "read_again"}
    assert again.version == "1.2.0"
    assert again.names == contract.names


def test_another_kind_breaks_callers(contract) -> None:
    model = reading({"company_size": "category", "country": "category"}, ("seconds",))
    draft = drafted(contract, model, TERMS)
    (change,) = new_changes(draft, contract)
    assert change.breaks_callers
    assert change.sentence == "Was a number and is a category: values as before are refused."
    assert draft.version == "2.0.0"


def test_a_name_is_never_removed_by_the_clock_alone(contract) -> None:
    model = reading({"country": "category"}, ("seconds",))
    retired = drafted(contract, model, TERMS)
    later = replace(TERMS, today=UNTIL + timedelta(days=1))
    assert drafted(retired, model, later) is retired
    removed = drafted(retired, model, replace(later, break_callers=True))
    assert changes(removed, retired) == {"attributes.company_size": "removed"}
    assert removed.version == "2.0.0"
    assert "attributes.company_size" not in removed.names


def test_a_name_is_not_removed_before_its_time_even_if_callers_may_break(contract) -> None:
    model = reading({"country": "category"}, ("seconds",))
    retired = drafted(contract, model, TERMS)
    on_the_last_day = replace(TERMS, today=UNTIL, break_callers=True)
    assert drafted(retired, model, on_the_last_day) is retired


def test_other_words_break_nobody(bundle) -> None:
    first = first_contract(bundle.spec, "2026-a", TODAY)
    fewer = replace(first, names={**first.names})
    name = fewer.names["attributes.country"]
    fewer.names["attributes.country"] = replace(name, words=("it", "ro"))
    draft = drafted(fewer, bundle.spec, TERMS)
    (change,) = new_changes(draft, fewer)
    assert change.sentence == "New words: pt. No longer told apart: ro."
    assert draft.version == "1.0.1"
