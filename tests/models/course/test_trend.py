"""A trend is made of the scores of then, and its verdict is no noise."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import models.course.trend
from features.engine.history import LeadRecord, single_history
from models.bundle import Bundle
from models.course.looks import known_record, look_at_days
from models.course.trend import TREND_DAYS, ScoreTrend, days_of_trend
from models.evidence import Evidence
from tests.support.bundles import SPEC, blended, carded, small_bundle
from tests.support.features import feature_matrix
from tests.support.histories import DAY
from tests.support.leads import leads, record_of

NOW = 60 * DAY
NAMES = (
    *("hot_probability", "hot_low", "hot_high", "warm_probability", "warm_low", "warm_high"),
    *("not_enough_evidence", "band"),
)
PLAIN = small_bundle()
BUNDLES = {"booster": PLAIN, "blend": blended(PLAIN), "points card": carded(PLAIN)}


@pytest.fixture(params=BUNDLES)
def bundle(request) -> Bundle:
    return BUNDLES[request.param]


def asked(*days: float) -> LeadRecord:
    """A lead that asked for the price on these days."""
    events = [
        {"occurred_at": int(d * DAY), "recorded_at": int(d * DAY), "kind": "price_question"}
        for d in days
    ]
    return LeadRecord(0, events, {"country": "it", "company_size": 100.0})


def trend(bundle: Bundle, record: LeadRecord, as_of: int, most: int = 3) -> ScoreTrend:
    days = days_of_trend(record, as_of)
    return models.course.trend.score_trend(look_at_days(bundle, record, as_of, days), most)


def scored_alone(bundle: Bundle, record: LeadRecord, as_of: int) -> dict[str, Any]:
    """Numbers and band of a lead at one instant, from nothing but what was known by then."""
    history = single_history(*known_record(record, as_of), SPEC.attribute_kinds, SPEC.measures)
    scores = bundle.scores(feature_matrix(SPEC, history, np.array([0]), np.array([as_of])))
    return {name: getattr(scores, name)[0] for name in NAMES}


@settings(max_examples=60, deadline=None)
@given(lead=leads)
def test_each_look_is_the_score_of_then_bit_for_bit(lead) -> None:
    record, as_of = record_of(lead), lead["as_of"]
    for bundle in BUNDLES.values():
        for day, look in zip(TREND_DAYS, trend(bundle, record, as_of).looks, strict=True):
            then = as_of - day * DAY
            if then < record.created_at:
                assert look is None
            else:
                assert look is not None
                assert (look.day, look.as_of) == (-day, then)
                alone = scored_alone(bundle, record, then)
                assert {name: getattr(look, name) for name in alone} == alone


def test_a_lead_is_looked_at_from_its_creation_on(bundle) -> None:
    record = LeadRecord(NOW - 7 * DAY, [], {})
    assert [look is None for look in trend(bundle, record, NOW).looks] == [False, False, True]
    assert [look is None for look in trend(bundle, record, NOW - 1).looks] == [False, True, True]


@pytest.mark.parametrize("most", [1, 3, 100])
@settings(max_examples=40, deadline=None)
@given(lead=leads)
def test_changes_add_up_to_the_difference(most: int, lead) -> None:
    record, as_of = record_of(lead), lead["as_of"]
    for bundle in BUNDLES.values():
        found = trend(bundle, record, as_of, most)
        before = found.looks[1] or found.looks[0]
        if before is None:
            assert found.changes == ()
            continue
        now = scored_alone(bundle, record, as_of)["hot_probability"]
        moved = 100 * (now - before.hot_probability)
        assert sum(one.points for one in found.changes) == pytest.approx(moved, abs=1e-9)
        assert len(found.changes) <= most + 1


def test_a_change_tells_the_leads_own_values_then_and_now(bundle) -> None:
    first = trend(bundle, asked(58, 59, 59.5), NOW).changes[0]
    assert (first.signal, first.points > 0) == ("price question", True)
    assert first.earlier_text != first.text
    assert first.text.startswith("price question: ")


def test_without_signals_to_name_nothing_is_explained(bundle, monkeypatch) -> None:
    monkeypatch.setattr("models.course.trend.signal_changes", None)
    assert trend(bundle, asked(58), NOW, most=0).changes == ()


def verdict(bundle: Bundle, record: LeadRecord) -> str | None:
    return trend(bundle, record, NOW).verdict


def test_who_asks_anew_is_heating_and_who_falls_silent_is_cooling(bundle) -> None:
    assert verdict(bundle, asked(58, 59, 59.5)) == "heating"
    assert verdict(bundle, asked(48, 49, 51, 52, 52.5)) == "cooling"
    assert verdict(bundle, asked()) == "steady"


def test_what_lies_within_the_interval_is_steady() -> None:
    few = Evidence(5, *(getattr(PLAIN.hot.evidence, name) for name in ("low", "high", "missing")))
    unsure = replace(
        PLAIN, hot=replace(PLAIN.hot, evidence=few), warm=replace(PLAIN.warm, evidence=few)
    )
    assert verdict(PLAIN, asked(58, 59, 59.5)) == "heating"
    assert verdict(unsure, asked(58, 59, 59.5)) == "steady"


def test_where_the_hot_probability_stays_the_warm_one_decides() -> None:
    still = replace(PLAIN, hot=replace(PLAIN.hot, predictor=carded(PLAIN).hot.predictor))
    flat = replace(still.hot.predictor, qualities=())
    found = trend(
        replace(still, hot=replace(still.hot, predictor=flat), warm=replace(PLAIN.hot, days=90)),
        asked(58, 59, 59.5),
        NOW,
    )
    assert (found.verdict, found.verdict_reason.split()[0]) == ("heating", "warm")


def test_the_verdict_compares_with_a_week_before_or_with_a_day_for_a_younger_lead() -> None:
    def reason(created_at: int) -> str:
        return trend(PLAIN, asked(59.5)._replace(created_at=created_at), NOW).verdict_reason

    assert reason(NOW - 7 * DAY).endswith("its high end 7 days before")
    assert reason(NOW - 7 * DAY + 1).endswith("its high end a day before")


def test_a_lead_of_today_has_no_verdict(bundle) -> None:
    found = trend(bundle, asked(59.5)._replace(created_at=NOW - DAY + 1), NOW)
    reason = "created less than a day before: there is nothing to compare with"
    assert found == ScoreTrend((None, None, None), None, reason, ())


def test_the_two_numbers_of_a_reason_can_be_told_apart() -> None:
    found = trend(PLAIN, asked(58, 59, 59.5), NOW)
    assert found.looks[1] is not None
    value, end = found.verdict_reason.removeprefix("hot probability ").split(", ")[0].split(" > ")
    assert float(value) > float(end) == pytest.approx(found.looks[1].hot_high, rel=0.01)
