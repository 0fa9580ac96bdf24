"""A spec survives a round trip through JSON, and what is unknown is refused by name."""

import json
import math

import pytest
from hypothesis import given

from features.engine.plan import compile_plan
from features.language.kinds import KINDS, Count, Gap, Selection, Total
from features.language.spec import Spec, spec_from_json
from features.language.wording import description, family, in_words, signal
from tests.support.histories import specs


@given(specs)
def test_a_spec_survives_json(spec: Spec) -> None:
    again = spec_from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.fingerprint == spec.fingerprint


@given(specs)
def test_every_feature_has_words(spec: Spec) -> None:
    for feature in spec.features:
        for value in (0.0, 1.0, math.nan):
            if not math.isnan(value) or type(feature).__name__ not in ALWAYS:
                assert in_words(feature, value)
        assert signal(feature)
        assert description(feature)
        assert family(feature)


ALWAYS = {"LeadAge", "Calendar", "KnownAttributes", "Count", "Rate", "Trend", "Distinct", "Streak",
          "Decayed", "Total"}  # fmt: skip


def test_another_spec_has_another_fingerprint() -> None:
    one = Spec((Count(Selection(), 7),))
    assert one.fingerprint != Spec((Count(Selection(), 8),)).fingerprint
    assert one.fingerprint != Spec((Count(Selection(), 7),), ignored={"kind": ("x",)}).fingerprint


def test_the_random_specs_of_the_tests_hold_every_kind() -> None:
    """A new kind must be in the strategies, or no law is tested on it."""
    seen: set[str] = set()

    @given(specs)
    def collect(spec: Spec) -> None:
        seen.update(type(feature).__name__ for feature in spec.features)

    collect()
    assert seen == set(KINDS)


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


def test_features_share_their_questions() -> None:
    spec = Spec(
        (Gap(Selection(), "mean"), Gap(Selection(), "spread"), Gap(Selection(), "relative"))
    )
    plan = compile_plan(spec)
    assert len(plan.sums.summand) == 3
    assert len(plan.latest_of) == 1
