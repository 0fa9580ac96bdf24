"""Freshness comes with every answer, trend and forecast with those that ask for them."""

import dataclasses
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.card import CardDocument
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from serving.answers.times import rfc3339
from tests.support.bundles import blended, carded
from tests.support.histories import DAY
from tests.support.leads import leads, travelling

DOCUMENT = Path(__file__).parents[3] / "docs" / "serving.md"
NOW = 60 * DAY
SCORE = (
    *("hot_probability", "hot_low", "hot_high", "warm_probability", "warm_low", "warm_high"),
    *("not_enough_evidence", "band"),
)


def lead(**fields: Any) -> dict[str, Any]:
    attributes = {"country": "it", "company_size": 100, "first_met_at": None}
    asked = [{"occurred_at": rfc3339(day * DAY), "kind": "price_question"} for day in (58, 59)]
    whole = {"lead_id": "1", "created_at": rfc3339(0), "as_of": rfc3339(NOW)}
    return whole | {"attributes": attributes, "interactions": asked} | fields


def answered(client, one: dict[str, Any], **query: Any) -> dict[str, Any]:
    answer = client.post("/v1/score", params=query, json=one)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_every_field_of_an_answer_is_documented() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## The answer")[2]
    told = set(re.findall("`([a-z_]+)`", section.partition("\n## ")[0]))
    fields = {one.name.replace("warm_", "hot_") for one in dataclasses.fields(ScoredLead)}
    fields -= {"record"}  # what the ledger keeps is not sent
    assert fields <= told


def test_an_answer_says_how_fresh_it_is(client) -> None:
    booked = {"occurred_at": rfc3339(NOW + DAY // 2), "recorded_at": rfc3339(DAY)}
    found = answered(client, lead(interactions=[*lead()["interactions"], booked]))
    assert found["newest_interaction_days"] == 1.0
    assert found["valid_until"] == rfc3339(NOW + DAY // 2)
    alone = answered(client, lead(interactions=[]))
    assert (alone["newest_interaction_days"], alone["valid_until"]) == (None, rfc3339(NOW + DAY))


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ({}, set()),
        ({"include": "trend"}, {"trend"}),
        ({"include": "forecast"}, {"forecast"}),
        ({"include": "trend,forecast"}, {"trend", "forecast"}),
        ({"include": "forecast,trend"}, {"trend", "forecast"}),
        ({"include": ["trend", "forecast"]}, {"trend", "forecast"}),
    ],
)
def test_an_answer_holds_the_parts_that_are_asked_for(client, query, parts: set[str]) -> None:
    plain = answered(client, lead())
    found = answered(client, lead(), **query)
    assert {name for name in ("trend", "forecast") if found[name] is not None} == parts
    assert found | {"trend": None, "forecast": None} == plain
    batch = client.post("/v1/score/batch", params=query, json={"leads": [lead(), {}]}).json()
    assert batch["results"][0] == found


@pytest.mark.parametrize("path", ["/v1/score", "/v1/score/batch"])
@pytest.mark.parametrize(
    ("include", "strange"), [("moon", "moon"), ("trend,moon", "moon"), ("trend, forecast", None)]
)
def test_an_unknown_part_is_refused_with_the_known_ones(client, path, include, strange) -> None:
    answer = client.post(path, params={"include": include}, json=lead())
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["field"].startswith("query.include")
    assert "'trend', 'forecast' or 'change'" in error["law"]
    assert error["found"] == f'"{strange or " forecast"}"'
    assert error["way_out"]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(one=leads)
def test_a_trend_is_what_the_server_said_then_of_what_was_known_then(client, one) -> None:
    found = answered(client, travelling(one), include="trend", reasons=0)["trend"]
    for day, look in zip((1, 7, 30), found["looks"], strict=True):
        then = one["as_of"] - day * DAY
        if then < one["created_at"]:
            assert look is None
            continue
        known = [
            event
            for event in one["interactions"]
            if max(event["occurred_at"], event.get("recorded_at", 0)) < then
        ]
        earlier = travelling(one | {"as_of": then, "interactions": known})
        expected = answered(client, earlier, reasons=0)
        assert {name: look[name] for name in SCORE} == {name: expected[name] for name in SCORE}
        assert look["as_of"] == expected["as_of"] == rfc3339(then)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(one=leads, previous=st.sampled_from(["cold", "warm", "hot", None]))
def test_a_forecast_begins_with_the_score(client, one, previous) -> None:
    body = travelling(one) | {"previous_band": previous}
    found = answered(client, body, include="forecast", reasons=0)
    first = found["forecast"]["looks"][0]
    assert {name: first[name] for name in SCORE} == {name: found[name] for name in SCORE}


def test_a_trend_tells_what_changed_and_names_as_many_signals_as_are_asked_for(client) -> None:
    found = answered(client, lead(), include="trend", reasons=1)
    trend = found["trend"]
    assert trend["verdict"] == "heating"
    strongest, rest = trend["changes"]
    assert strongest["text"].startswith("price question: ")
    assert strongest["before"].startswith("price question: ")
    assert (rest["signal"], rest["text"]) == ("", "all the rest")
    moved = 100 * (found["hot_probability"] - trend["looks"][1]["hot_probability"])
    assert strongest["points"] + rest["points"] == pytest.approx(moved)
    assert answered(client, lead(), include="trend", reasons=0)["trend"]["changes"] == []


def forecast_of(model: ServedModel, **fields: Any) -> ScoredLead:
    (found,) = score_leads(model, [lead(**fields)], NOW, 0, ("forecast",))
    assert isinstance(found, ScoredLead), found
    return found


def test_days_on_which_a_lead_is_older_than_any_that_was_judged_are_told(model) -> None:
    def warnings(days: float) -> tuple[str, ...]:
        card = CardDocument.of({**model.bundle.card.values, "snapshots": {"until_days": days}})
        served = served_model(replace(model.bundle, card=card), Limits())
        return forecast_of(served).warnings

    judged = "older than any lead the model was judged on"
    assert warnings(59.9) == (f"created_at: {judged}: 59.9 days.",)
    assert warnings(60) == (f"forecast: from day 1 on the lead is {judged}: 60 days.",)
    assert warnings(149.5) == (f"forecast: from day 90 on the lead is {judged}: 149.5 days.",)
    assert warnings(150) == ()


@pytest.mark.parametrize("kind", [blended, carded])
def test_blends_and_points_cards_answer_as_boosters_do(model, kind) -> None:
    served = served_model(kind(model.bundle), Limits())
    (found,) = score_leads(served, [lead()], NOW, 3, ("trend", "forecast"))
    assert isinstance(found, ScoredLead)
    assert found.trend is not None
    assert found.forecast is not None
    assert found.trend.verdict == "heating"
    moved = 100 * (found.hot_probability - found.base_probability)
    assert sum(reason.points for reason in found.reasons) == pytest.approx(moved)
    assert found.forecast.looks[0].hot_probability == found.hot_probability
    assert found.forecast.looks[-1].hot_probability < found.hot_probability
    assert found.band_reason.startswith("hot probability ")


def test_a_change_adds_up_from_what_was_said_then_to_what_is_said_now(client) -> None:
    """The earlier end is what the server said then, from what was known then."""
    late = {"occurred_at": rfc3339(52 * DAY), "recorded_at": rfc3339(57 * DAY), "kind": "call"}
    history = [*lead()["interactions"], late]
    then = answered(client, lead(as_of=rfc3339(55 * DAY), interactions=history))
    asked = lead(previous_as_of=rfc3339(55 * DAY), interactions=history)
    now = answered(client, asked, include="change")
    change = now["change"]
    assert change["previous_as_of"] == then["as_of"]
    assert change["previous_hot_probability"] == then["hot_probability"]
    assert change["band_without_memory"] == now["band"]
    points = {one["cause"]: one["points"] for one in change["causes"]}
    moved = 100 * (now["hot_probability"] - then["hot_probability"])
    assert sum(points.values()) == pytest.approx(moved, abs=1e-9)
    assert points["interactions"] > 0
    assert (points["attributes"], points["model"], points["calibration"]) == (0, 0, 0)
    assert now | {"change": None, "request_id": ""} == answered(client, asked) | {"request_id": ""}


@pytest.mark.parametrize("previous", [None, rfc3339(DAY - 1), rfc3339(NOW), rfc3339(NOW + DAY)])
def test_a_change_needs_an_instant_between_creation_and_now(client, previous: str | None) -> None:
    asked = lead(previous_as_of=previous, created_at=rfc3339(DAY))
    refused = client.post("/v1/score?include=change", json=asked)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "previous_as_of"
    assert client.post("/v1/score", json=asked).status_code == 200, "only a change asks for it"


def test_in_a_batch_each_lead_has_its_own_earlier_instant(client) -> None:
    leads_sent = [lead(previous_as_of=rfc3339(day * DAY)) for day in (50, 55)] + [lead()]
    answer = client.post("/v1/score/batch?include=change", json={"leads": leads_sent}).json()
    first, second, refused = answer["results"]
    assert first["change"]["previous_as_of"] == rfc3339(50 * DAY)
    assert second["change"]["previous_as_of"] == rfc3339(55 * DAY)
    assert refused["errors"][0]["code"] == "missing"
