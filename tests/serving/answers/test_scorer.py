"""A score over HTTP is the bulk score, bit for bit, and says what it did not use."""

import math
from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.engine.history import single_history
from features.language.kinds import Distinct, Selection
from models.explain import explanation
from models.predictors.scorecard import Characteristic, Scorecard
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.problem import Problem
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from serving.answers.times import rfc3339
from tests.support.bundles import SPEC, blended, carded
from tests.support.features import feature_matrix
from tests.support.histories import DAY
from tests.support.leads import leads, record_of, travelling

NOW = 60 * DAY


def in_bulk(lead: dict[str, Any]) -> np.ndarray:
    """The lead's features without any of the server."""
    history = single_history(*record_of(lead), SPEC.attribute_kinds, SPEC.measures)
    return feature_matrix(SPEC, history, np.array([0]), np.array([lead["as_of"]]))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lead=leads)
def test_http_score_is_the_bulk_score_bit_for_bit(client, model: ServedModel, lead) -> None:
    answer = client.post("/v1/score", params={"reasons": 0}, json=travelling(lead))
    assert answer.status_code == 200, answer.text
    expected = model.bundle.scores(in_bulk(lead))
    found = answer.json()
    assert found["hot_probability"] == expected.hot_probability[0]
    assert found["warm_probability"] == expected.warm_probability[0]
    assert found["band"] == expected.band[0]
    assert found["as_of"] == rfc3339(lead["as_of"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(many=st.lists(leads, max_size=6))
def test_a_batch_answers_as_its_leads_alone(client, many) -> None:
    bodies = [travelling(lead) for lead in many]
    together = client.post("/v1/score/batch", json={"leads": bodies})
    assert together.status_code == 200
    assert together.json()["results"] == [client.post("/v1/score", json=b).json() for b in bodies]


def lead(**fields: Any) -> dict[str, Any]:
    whole = {"country": "it", "company_size": 1, "first_met_at": None}
    return {"lead_id": "1", "created_at": rfc3339(0), "attributes": whole} | fields


def good(model: ServedModel, one: Any, now: int = NOW, reasons: int = 0) -> ScoredLead:
    (answer,) = score_leads(model, [one], now, reasons)
    assert isinstance(answer, ScoredLead), answer
    return answer


def bad(model: ServedModel, one: Any, now: int = NOW) -> dict[str, str]:
    (answer,) = score_leads(model, [one], now, 0)
    assert isinstance(answer, Problem), answer
    return {error.field: error.law for error in answer.errors}


def test_reasons_start_at_the_base_and_add_up(model) -> None:
    answer = good(model, lead(), reasons=3)
    assert [reason.text for reason in answer.reasons][-1] == "all the rest"
    assert sum(reason.points for reason in answer.reasons) == pytest.approx(
        100 * (answer.hot_probability - answer.base_probability), abs=1e-9
    )
    row = in_bulk(
        {
            "created_at": 0,
            "as_of": NOW,
            "attributes": {"country": "it", "company_size": 1.0},
            "interactions": [],
        }
    )
    told = explanation(model.bundle, row[0], 3)
    assert answer.base_probability == pytest.approx(told.base_probability, abs=1e-15)
    assert [reason.points for reason in answer.reasons] == [
        reason.points for reason in told.reasons
    ]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lead=leads, most=st.integers(1, 20), kind=st.sampled_from([None, blended, carded]))
def test_reasons_of_any_lead_sum_to_what_moved_it(model, lead, most: int, kind) -> None:
    served = served_model(kind(model.bundle), Limits()) if kind else model
    answer = good(served, travelling(lead), reasons=most)
    moved = 100 * (answer.hot_probability - answer.base_probability)
    assert abs(math.fsum(reason.points for reason in answer.reasons) - moved) < 1e-12
    signals = [reason.signal for reason in answer.reasons]
    assert len(set(signals)) == len(signals) <= most + 1
    assert "" not in signals[:-1]


def test_an_interaction_from_before_the_lead_counts(model) -> None:
    asked = {"occurred_at": rfc3339(58 * DAY), "kind": "price_question"}
    late = lead(created_at=rfc3339(59 * DAY))
    found = good(model, late | {"interactions": [asked]})
    assert (found.newest_interaction_days, found.warnings) == (2.0, ())
    assert found.hot_probability > good(model, late).hot_probability


def test_a_batch_asks_each_booster_once_and_compiles_nothing(model, monkeypatch) -> None:
    asked = []
    predict = lgb.Booster.predict

    def counting(self, matrix, **options):
        asked.append(len(matrix))
        return predict(self, matrix, **options)

    def never(*_: object) -> None:
        raise AssertionError("a request works out what could be worked out before it")

    monkeypatch.setattr(lgb.Booster, "predict", counting)
    for name in (
        "models.bundle.compile_plan",
        "features.engine.plan.codebooks",
        "models.explain.columns_by_signal",
        "serving.answers.model.columns_by_signal",
        "serving.answers.model.lead_adapter",
    ):
        monkeypatch.setattr(name, never)
    answers = score_leads(model, [lead(), lead(country=1), lead()], NOW, 3)
    assert [type(one) for one in answers] == [ScoredLead, Problem, ScoredLead]
    # Two margins for the scores, and the contributions for the reasons.
    assert asked == [2] * 3


def test_an_empty_text_is_a_missing_value_as_in_an_export(model) -> None:
    empty = lead(attributes=lead()["attributes"] | {"country": ""})
    missing = lead(attributes=lead()["attributes"] | {"country": None})
    assert good(model, empty) == good(model, missing)


def test_an_empty_text_of_an_interaction_is_a_missing_value_as_in_an_export(model) -> None:
    spec, hot = model.bundle.spec, model.bundle.hot
    channels = Distinct(Selection(), "channel", ("phone",), None)
    spec = replace(spec, features=(channels, *spec.features[1:]))
    card = Scorecard(
        -1.0, 5.0, (Characteristic(0, (1.0,), (0, 9, 0), (0.5, 0.5, 0)),), len(spec.features)
    )
    counting = replace(model.bundle, spec=spec, hot=replace(hot, predictor=card))
    served = served_model(counting, Limits())

    def probability(channel: str | None) -> float:
        interaction = {"occurred_at": rfc3339(DAY), "channel": channel}
        return good(served, lead(interactions=[interaction])).hot_probability

    assert probability("") == probability(None) < probability("e-mail")


def test_the_instant_is_now_when_none_is_given(model) -> None:
    assert good(model, lead()).as_of == rfc3339(NOW)
    assert good(model, lead(as_of=None)).as_of == rfc3339(NOW)


def test_a_clock_may_be_ahead_by_the_skew_and_no_more(model) -> None:
    skew = model.limits.clock_skew_seconds * 1_000_000
    assert good(model, lead(as_of=rfc3339(NOW + skew))).as_of == rfc3339(NOW + skew)
    assert "after 1970-03-02T00:05:00Z" in bad(model, lead(as_of=rfc3339(NOW + skew + 1)))["as_of"]
    assert list(bad(model, lead(created_at=rfc3339(NOW + skew + 1)))) == ["created_at"]


def test_a_lead_created_by_a_clock_that_is_ahead_is_scored_at_its_creation(model) -> None:
    assert good(model, lead(created_at=rfc3339(NOW + 1_000))).as_of == rfc3339(NOW + 1_000)


def test_a_lead_is_not_scored_before_its_creation(model) -> None:
    early = lead(created_at=rfc3339(2 * DAY), as_of=rfc3339(DAY))
    assert bad(model, early) == {"as_of": "Must not lie before created_at, 1970-01-03T00:00:00Z"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"lead_id": ""}, "lead_id"),
        ({"lead_id": 7}, "lead_id"),
        ({"lead_id": 201 * "x"}, "lead_id"),
        ({"lead_id": "\ud800"}, "lead_id"),
        ({"created_at": "2026-01-01"}, "created_at"),
        ({"as_of": 0}, "as_of"),
        ({"extra": 1}, "extra"),
        ({"two words": 1}, '["two words"]'),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"colour": 1}}, "attributes.colour"),
        ({"attributes": {"\ud800": 1}}, "attributes"),
        ({"attributes": {"company_size": "12"}}, "attributes.company_size"),
        ({"attributes": {"company_size": True}}, "attributes.company_size"),
        ({"attributes": {"company_size": float("inf")}}, "attributes.company_size"),
        ({"attributes": {"company_size": 10**400}}, "attributes.company_size"),
        ({"attributes": {"country": 5}}, "attributes.country"),
        ({"attributes": {"country": 201 * "x"}}, "attributes.country"),
        ({"attributes": {"first_met_at": 5.0}}, "attributes.first_met_at"),
        ({"interactions": {}}, "interactions"),
        ({"interactions": [None]}, "interactions[0]"),
        ({"interactions": [{}]}, "interactions[0].occurred_at"),
    ],
)
def test_what_is_not_of_the_schema_is_refused_by_its_name(model, fields, field: str) -> None:
    assert list(bad(model, lead(**fields))) == [field]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": 5}, "kind"),
        ({"recorded_at": "yesterday"}, "recorded_at"),
        ({"colour": "red"}, "colour"),
        ({"measures": {"weight": 1}}, "measures.weight"),
        ({"measures": {"duration_seconds": "1"}}, "measures.duration_seconds"),
        ({"measures": {"duration_seconds": 1e12}}, "measures.duration_seconds"),
    ],
)
def test_an_interaction_is_refused_by_its_place(model, fields, field: str) -> None:
    whole = {"occurred_at": rfc3339(DAY)}
    assert list(bad(model, lead(interactions=[whole, whole | fields]))) == [
        f"interactions[1].{field}"
    ]


def test_an_unknown_name_is_answered_with_the_known_ones(model) -> None:
    one = lead(
        attributes={"colour": 1},
        interactions=[{"occurred_at": rfc3339(0), "measures": {"weight": 1}, "type": "x"}],
    )
    (answer,) = score_leads(model, [one], NOW, 0)
    assert isinstance(answer, Problem)
    ways = {error.field: error.way_out for error in answer.errors}
    assert "Known: company_size, country, first_met_at." in ways["attributes.colour"]
    assert "Known: duration_seconds." in ways["interactions[0].measures.weight"]
    assert "Known: occurred_at, recorded_at, channel" in ways["interactions[0].type"]


def test_many_errors_are_counted_and_the_first_are_listed(model) -> None:
    unknown = {f"unknown_{number}": 1 for number in range(500)}
    (answer,) = score_leads(model, [lead(attributes=unknown)], NOW, 0)
    assert isinstance(answer, Problem)
    assert answer.detail.startswith("500 fields break their law")
    assert len(answer.errors) == 20


def test_of_many_wrong_interactions_the_first_is_told(model) -> None:
    whole = {"occurred_at": rfc3339(DAY)}
    assert list(bad(model, lead(interactions=[whole, {"kind": 5}, *[{}] * 9_000]))) == [
        "interactions[1].occurred_at",
        "interactions[1].kind",
    ]


def test_a_long_value_is_not_sent_back(model) -> None:
    (answer,) = score_leads(model, [lead(created_at=10_000 * "\x00", lead_id=[1] * 10_000)], NOW, 0)
    assert isinstance(answer, Problem)
    assert all(len(error.found) <= 200 for error in answer.errors)
