"""Leads with one thing added give what the same leads give that came with it."""

from dataclasses import replace

import numpy as np
import pytest

from features.engine.executor import features_of
from features.engine.history import histories_of_records
from features.engine.plan import compile_plan
from serving.desk.variants import (
    current_labels,
    current_numbers,
    known_histories,
    some_histories,
    with_attribute,
    with_contact,
)
from tests.support.bundles import SPEC
from tests.support.desk import DAY, KINDS, MONDAY, contact, lead, pool

LEADS = {
    "a": lead(30, contact(9), contact(2, kind="price_question", direction="inbound"), country="pt"),
    "b": lead(20, company_size=20.0),
    "c": lead(10, contact(1, outcome="cool"), contact(-2, kind="meeting"), country="it"),
}


def matrix(histories, as_of: int = MONDAY) -> np.ndarray:
    rows = np.arange(histories.leads)
    return features_of(compile_plan(SPEC), histories, rows, np.full(histories.leads, as_of))


def test_one_more_contact_counts_as_if_it_had_been_sent() -> None:
    labels = {"channel": "phone", "kind": "price_question", "direction": "outbound"}
    added = with_contact(pool(LEADS).histories, labels, MONDAY)
    event = {**labels, "occurred_at": MONDAY, "recorded_at": MONDAY}
    sent = [r._replace(interactions=[*r.interactions, event]) for r in LEADS.values()]
    expected = histories_of_records(sent, KINDS, ["duration_seconds"])
    assert np.array_equal(matrix(added, MONDAY + 1), matrix(expected, MONDAY + 1), equal_nan=True)
    assert not np.array_equal(
        matrix(added, MONDAY + 1), matrix(pool(LEADS).histories, MONDAY + 1), equal_nan=True
    )


@pytest.mark.parametrize(("name", "value"), [("country", "it"), ("company_size", 7.0)])
def test_one_more_answer_counts_as_if_it_had_been_sent(name: str, value: str | float) -> None:
    added = with_attribute(pool(LEADS).histories, name, value)
    sent = [r._replace(attributes={**r.attributes, name: value}) for r in LEADS.values()]
    expected = histories_of_records(sent, KINDS, ["duration_seconds"])
    assert np.array_equal(matrix(added), matrix(expected), equal_nan=True)


def test_some_leads_are_as_they_were_among_all() -> None:
    everybody = pool(LEADS).histories
    leads = np.array([2, 0])
    assert np.array_equal(
        matrix(some_histories(everybody, leads)), matrix(everybody)[leads], equal_nan=True
    )


def test_what_is_not_known_yet_never_comes() -> None:
    known = known_histories(pool(LEADS).histories, np.array([2, 1, 0]), MONDAY)
    assert len(known.occurred_at) == 3
    assert np.array_equal(matrix(known), matrix(pool(LEADS).histories)[[2, 1, 0]], equal_nan=True)
    later = matrix(known, MONDAY + 10 * DAY)[0]
    meeting = matrix(pool(LEADS).histories, MONDAY + 10 * DAY)[2]
    assert not np.array_equal(later, meeting, equal_nan=True)


def test_values_as_of_now() -> None:
    histories = pool(LEADS).histories
    labels = current_labels(histories, "country", MONDAY)
    assert [(*labels.vocabulary, None)[code] for code in labels.codes] == ["pt", None, "it"]
    numbers = current_numbers(histories, "company_size", MONDAY)
    assert np.array_equal(numbers, [np.nan, 20.0, np.nan], equal_nan=True)
    with pytest.raises(ValueError, match="'company_size' must be a category"):
        current_labels(histories, "company_size", MONDAY)
    with pytest.raises(ValueError, match="'country' must be a number"):
        current_numbers(histories, "country", MONDAY)


def test_of_several_versions_the_latest_known_one_counts() -> None:
    histories = pool(LEADS).histories
    country = histories.attributes["country"]
    versions = replace(
        country,
        offsets=np.array([0, 2, 2, 3]),
        recorded_at=np.array([MONDAY - 2 * DAY, MONDAY - DAY, MONDAY]),
        labels=replace(country.labels, codes=np.array([0, 1, 1], np.int32)),
        is_fixed=False,
    )
    logged = replace(histories, attributes={**histories.attributes, "country": versions})
    assert current_labels(logged, "country", MONDAY).codes.tolist() == [1, -1, -1]
    assert current_labels(logged, "country", MONDAY - DAY).codes.tolist() == [0, -1, -1]
