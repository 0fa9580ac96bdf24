"""What is prepared once for all requests, and the model's own description."""

from dataclasses import replace

import numpy as np
import pytest

from models.explain import explanation
from serving.answers.limits import Limits
from serving.answers.model import MAX_UNKNOWN_NAMES, describe_model, served_model
from tests.support.bundles import SPEC, small_bundle

LIMITS = Limits(max_batch=7)


@pytest.fixture(scope="module")
def model():
    return served_model(small_bundle(), LIMITS)


def test_known_names_are_those_of_the_schema_by_their_object(model) -> None:
    assert model.names["attributes",] == tuple(SPEC.attribute_kinds)
    assert model.names["interactions", "measures"] == SPEC.measures
    assert {"lead_id", "created_at", "interactions"} <= set(model.names[()])
    assert {"occurred_at", "recorded_at", "kind"} <= set(model.names["interactions",])


def test_an_object_may_have_all_names_of_the_largest_schema_and_some_more(model) -> None:
    more = {f"a{number}": "number" for number in range(50)}
    wide = replace(SPEC, attribute_kinds=SPEC.attribute_kinds | more)
    served = served_model(replace(model.bundle, spec=wide), LIMITS)
    assert served.max_names == 50 + len(SPEC.attribute_kinds) + MAX_UNKNOWN_NAMES


def test_words_are_kept_for_the_fields_that_a_feature_looks_at(model) -> None:
    assert model.vocabulary == {"kind": ("price_question",)}
    assert model.words == {"kind": frozenset({None, "", "price_question"})}


def test_a_word_that_is_ignored_is_none_that_needs_no_warning(model) -> None:
    spec = replace(SPEC, ignored={"kind": ("price_question",), "outcome": ("won",)})
    ignoring = served_model(replace(model.bundle, spec=spec), LIMITS)
    assert ignoring.words == {"kind": frozenset({None, ""}), "outcome": frozenset({None, ""})}


def test_levels_are_those_that_the_model_tells_apart(model) -> None:
    assert model.levels == {"country": ("it", "pt")}


def test_every_feature_is_of_one_signal(model) -> None:
    columns = [column for columns in model.signals.values() for column in columns]
    assert sorted(columns) == list(range(len(SPEC.features)))


def test_windows_are_the_widths_of_the_features(model) -> None:
    assert sorted(model.windows) == [7, 30]


def test_reasons_start_at_the_probability_that_every_lead_shares(model) -> None:
    row = np.full(len(SPEC.features), np.nan)
    start = explanation(model.bundle, row, 0).base_probability
    assert model.base_probability == start
    assert 0 < start < 1


def test_the_description_promises_what_the_bundle_holds(model) -> None:
    description = describe_model(model)
    assert description.model_version == model.bundle.version
    assert description.horizons == {"hot": model.bundle.hot.days, "warm": model.bundle.warm.days}
    assert description.bands == model.bundle.bands.cutoffs
    assert description.base_probability == model.base_probability
    assert description.limits is LIMITS
    assert description.measures == SPEC.measures
    assert description.vocabulary == {"kind": ("price_question",)}
    kinds = {name: attribute.kind for name, attribute in description.attributes.items()}
    assert kinds == SPEC.attribute_kinds
    assert description.attributes["country"].levels == ("it", "pt")
    assert description.attributes["company_size"].levels == ()
