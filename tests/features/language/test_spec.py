"""A spec survives a round trip through JSON, and what is unknown is refused by name."""

import json

import pytest
from hypothesis import given

from features.language.kinds import Count, Selection, Total
from features.language.spec import Spec, spec_from_json
from tests.support.histories import specs


@given(specs)
def test_a_spec_survives_json(spec: Spec) -> None:
    again = spec_from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.fingerprint == spec.fingerprint


def test_another_spec_has_another_fingerprint() -> None:
    one = Spec((Count(Selection(), 7),))
    assert one.fingerprint != Spec((Count(Selection(), 8),)).fingerprint
    assert one.fingerprint != Spec((Count(Selection(), 7),), ignored={"kind": ("x",)}).fingerprint


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"feature": "Telepathy"}, "Feature kind 'Telepathy' is unknown to this version"),
        ({"dayz": 7}, r"unknown: \['dayz'\]"),
        ({"selection": {"colour": ["red"]}}, r"unknown: \['colour'\]"),
        ({"days": [7]}, "does not take these values: days"),
    ],
)
def test_what_is_unknown_is_refused_by_name(change: dict, said: str) -> None:
    data = Spec((Count(Selection(), 7),)).to_json()
    data["features"][0] |= change
    with pytest.raises(ValueError, match=said):
        spec_from_json(data)


def test_a_spec_that_reads_what_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="reads the measure 'value'"):
        Spec((Total(Selection(), "value", 7),))
    with pytest.raises(ValueError, match="reads the attribute"):
        Spec((Count(Selection(by_owner=True), 7),))
    with pytest.raises(ValueError, match="differ in name"):
        Spec((Count(Selection(), 7), Count(Selection(), 7)))
