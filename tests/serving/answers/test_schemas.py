"""What a lead may be: any names that the model was trained on, and no others."""

from datetime import date

import pytest
from pydantic import ValidationError

from features.language.kinds import AttributeCategory, LeadAge
from features.language.spec import Spec
from models.contract import Contract, first_contract
from serving.answers.limits import Limits
from serving.answers.schemas import lead_adapter


def contract_of(spec: Spec) -> Contract:
    return first_contract(spec, "2026-a", date(2026, 1, 1))


LEAD = {"lead_id": "1", "created_at": "1970-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    "name",
    ["company size", "class", "model_config", "__proto__", "_x", "", "размер", "a\nb", "self"],
)
def test_attributes_and_measures_may_have_any_name(name: str) -> None:
    spec = Spec((LeadAge(), AttributeCategory(name, ("x",))), {name: "category"}, (name,))
    adapter = lead_adapter(contract_of(spec), Limits())
    interaction = {"occurred_at": "1970-01-01T00:00:00Z", "measures": {name: 1}}
    lead = LEAD | {"attributes": {name: "x"}, "interactions": [interaction]}
    found = adapter.validate_python(lead)
    assert found["attributes"] == {name: "x"}
    assert found["interactions"][0]["measures"] == {name: 1.0}
    with pytest.raises(ValidationError):
        adapter.validate_python(LEAD | {"attributes": {name + "x": "x"}})


def test_a_history_is_bounded_by_the_settings() -> None:
    adapter = lead_adapter(contract_of(Spec((LeadAge(),))), Limits(max_interactions=2))
    interaction = {"occurred_at": "1970-01-01T00:00:00Z"}
    assert adapter.validate_python(LEAD | {"interactions": [interaction] * 2})
    with pytest.raises(ValidationError, match="at most 2"):
        adapter.validate_python(LEAD | {"interactions": [interaction] * 3})
