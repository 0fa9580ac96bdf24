"""The routes: what they answer, how they refuse, and that nothing brings them down."""

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.bundle import REPORT, load_bundle, save_bundle
from models.card import CardDocument, shown_card
from serving.answers.limits import Limits
from serving.http.app import create_app
from serving.http.settings import Settings
from tests.support.bundles import small_bundle
from tests.support.histories import DAY
from tests.support.http import TestClient

JSON = {"content-type": "application/json"}
LEAD = {
    "lead_id": "1",
    "created_at": "1970-01-01T00:00:00Z",
    "as_of": "1970-01-20T00:00:00Z",
    "attributes": {"country": "it", "company_size": 5, "first_met_at": "1970-01-01T00:00:00Z"},
    "interactions": [
        {
            "occurred_at": "1970-01-19T00:00:00+01:00",
            "recorded_at": None,
            "kind": "price_question",
            "measures": {"duration_seconds": 2.5},
        }
    ],
}


def refused(answer: Any, status: int) -> dict[str, Any]:
    """The problem that the answer must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status
    assert found["request_id"] == answer.headers["x-request-id"]
    assert found.keys() >= {"type", "title", "detail"}
    return found


def test_a_score_holds_what_a_crm_needs(client) -> None:
    found = client.post("/v1/score", json=LEAD).json()
    assert set(found) == {
        "lead_id", "as_of", "valid_until", "newest_interaction_days", "hot_probability", "hot_low",
        "hot_high", "warm_probability", "warm_low", "warm_high", "not_enough_evidence", "hot_days",
        "warm_days", "band", "band_reason", "may_be_left", "base_probability", "reasons", "trend",
        "forecast", "change", "model_version", "warnings", "request_id", "result", "ledger",
    }  # fmt: skip
    assert (found["hot_days"], found["warm_days"]) == (14, 90)
    assert found["reasons"][0].keys() == {"signal", "points", "text"}


def test_every_answer_and_problem_has_the_id_of_its_request(client) -> None:
    mine = {"x-request-id": "crm-7"}
    leads = {"leads": [LEAD, {"lead_id": 1}]}
    one = client.post("/v1/score", json=LEAD, headers=mine)
    score, refused = client.post("/v1/score/batch", json=leads, headers=mine).json()["results"]
    assert one.json()["request_id"] == score["request_id"] == refused["request_id"] == "crm-7"
    given = client.post("/v1/score", json=LEAD, headers={"x-request-id": ""})
    assert given.json()["request_id"] == given.headers["x-request-id"] not in {"", "crm-7"}


@pytest.mark.parametrize(("asked", "given_"), [(0, 0), (1, 2), (2, 3)])
def test_as_many_reasons_come_as_are_asked_for_and_the_rest(
    client, asked: int, given_: int
) -> None:
    assert len(client.post(f"/v1/score?reasons={asked}", json=LEAD).json()["reasons"]) == given_


@pytest.mark.parametrize("reasons", ["-1", "21", "many", "1.5", ""])
def test_a_senseless_number_of_reasons_is_refused(client, reasons: str) -> None:
    found = refused(client.post("/v1/score", params={"reasons": reasons}, json=LEAD), 422)
    assert found["errors"][0]["field"] == "query.reasons"


@pytest.mark.parametrize("path", ["/v1/score", "/v1/score/batch"])
def test_an_unknown_query_parameter_is_refused_and_the_known_one_offered(client, path: str) -> None:
    body = LEAD if path == "/v1/score" else {"leads": [LEAD]}
    found = refused(client.post(f"{path}?reason=1", json=body), 422)
    (error,) = found["errors"]
    assert error["field"] == "query.reason"
    assert error["found"] == '"reason"'
    assert "Known: reasons, include, purpose." in error["way_out"]


def test_a_batch_keeps_its_order_and_puts_problems_in_their_place(client) -> None:
    leads = [LEAD, {"lead_id": "2"}, LEAD | {"lead_id": "3"}, None]
    answer = client.post("/v1/score/batch", json={"leads": leads})
    assert answer.status_code == 200
    first, second, third, fourth = answer.json()["results"]
    assert (first["lead_id"], third["lead_id"]) == ("1", "3")
    assert second["errors"][0]["field"] == "created_at"
    assert fourth["status"] == 422
    assert fourth["request_id"] == answer.headers["x-request-id"]


def test_an_empty_batch_has_no_results(client) -> None:
    assert client.post("/v1/score/batch", json={"leads": []}).json() == {"results": []}


@pytest.mark.parametrize("body", [{}, [], {"leads": {}}, {"leads": [], "more": 1}, 7])
def test_a_batch_without_a_list_of_leads_is_refused_as_a_whole(client, body: Any) -> None:
    refused(client.post("/v1/score/batch", json=body), 422)


def test_the_limits_are_the_settings(bundle_folder: Path) -> None:
    limits = Settings(limits=Limits(max_batch=2, max_interactions=1, max_body_bytes=2_000))
    client = TestClient(create_app(bundle_folder, limits, clock=lambda: 60 * DAY))
    many = client.post("/v1/score/batch", json={"leads": [{}] * 3})
    (error,) = refused(many, 422)["errors"]
    assert "at most 2" in error["law"]
    assert error["way_out"] == "Send them in several calls."
    long = LEAD | {"interactions": LEAD["interactions"] * 2}
    (error,) = refused(client.post("/v1/score", json=long), 422)["errors"]
    assert error["field"] == "interactions"
    assert "the latest are the ones that count" in error["way_out"]
    padded = json.dumps(LEAD).encode()
    padded += b" " * (2_000 - len(padded))
    assert client.post("/v1/score", content=padded, headers=JSON).status_code == 200
    for content in (padded + b" ", iter([padded, b" "])):  # with a declared length and without
        detail = refused(client.post("/v1/score", content=content, headers=JSON), 413)["detail"]
        assert "2000 bytes" in detail


def test_a_whole_card_is_told_by_name_and_what_is_no_card_as_a_whole(client) -> None:
    card, flood = ({f"property_{n}": n for n in range(most)} for most in (900, 2_000))
    told = refused(client.post("/v1/score", json=LEAD | {"attributes": card}), 422)
    assert told["detail"].startswith("900 fields break their law")
    assert "Known: " in told["errors"][0]["way_out"]
    told = refused(client.post("/v1/score", json=LEAD | {"attributes": flood}), 400)
    assert "2000 names" in told["detail"]
    assert "GET /v1/model" in told["detail"]


def test_a_long_history_is_scored_as_a_short_one(client) -> None:
    long = LEAD | {"interactions": LEAD["interactions"] * 1_000}
    assert len(json.dumps(long)) > 65_536
    assert client.post("/v1/score", json=long).json()["reasons"]


@pytest.mark.parametrize(
    "headers",
    [{}, {"content-type": "text/plain"}, {"content-type": ""}, JSON | {"content-encoding": "br"}],
)
def test_what_is_not_declared_as_plain_json_is_refused(client, headers) -> None:
    refused(client.post("/v1/score", content=json.dumps(LEAD), headers=headers), 415)


def test_the_declared_type_may_have_parameters(client) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert client.post("/v1/score", content=json.dumps(LEAD), headers=headers).status_code == 200


def test_an_unknown_page_is_a_problem(client) -> None:
    assert '"/v2/score"' in refused(client.get("/v2/score"), 404)["detail"]
    refused(client.post("/v1/score/", json=LEAD), 404)


def test_a_wrong_method_is_a_problem_that_names_the_right_one(client) -> None:
    answer = client.get("/v1/score")
    assert "takes POST" in refused(answer, 405)["detail"]
    assert answer.headers["allow"] == "POST"


def test_the_model_describes_itself(client, bundle_folder: Path) -> None:
    found = client.get("/v1/model").json()
    bundle = load_bundle(bundle_folder)
    assert found["model_version"] == bundle.version
    assert found["horizons"] == {"hot": 14, "warm": 90}
    assert found["bands"] == {"hot": 0.3, "warm": 0.3}
    assert found["attributes"]["country"] == {"kind": "category", "levels": ["it", "pt"]}
    assert found["attributes"]["company_size"] == {"kind": "number", "levels": []}
    assert found["measures"] == ["duration_seconds"]
    assert found["vocabulary"] == {"kind": ["price_question"]}
    assert found["limits"]["max_batch"] == 1_000
    assert found["card"] == shown_card(bundle.card)


def test_what_managers_read_of_their_team_is_not_told_to_whoever_scores(tmp_path: Path) -> None:
    bundle = small_bundle()
    values = {**bundle.card.values, "report": {"owners": [{"name": "anna", "bought": 3}]}}
    save_bundle(dataclasses.replace(bundle, card=CardDocument.of(values)), tmp_path / "bundle")
    with TestClient(create_app(tmp_path / "bundle")) as client:
        answer = client.get("/v1/model")
    assert answer.json()["card"] == shown_card(bundle.card)
    assert "anna" not in answer.text


def test_health_and_readiness(client, bundle_folder: Path) -> None:
    version = load_bundle(bundle_folder).version
    no_ledger = {"model_version": version, "ledger": None}
    assert client.get("/healthz").json() == {"status": "alive", **no_ledger}
    assert client.get("/readyz").json() == {"status": "ready", **no_ledger}


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/v1/model", "/docs", "/openapi.json"])
def test_what_can_be_read_can_be_asked_for_its_head(client, page: str) -> None:
    whole, head = client.get(page), client.head(page)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["content-type"] == whole.headers["content-type"]


def test_the_head_of_what_is_not_there_has_its_status(client) -> None:
    assert client.head("/none").status_code == 404
    assert client.head("/v1/score").status_code == 405


def test_a_server_without_a_bundle_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a bundle"):
        create_app(tmp_path)


def test_the_report_may_neither_run_scripts_nor_load_anything(tmp_path: Path) -> None:
    save_bundle(small_bundle(), tmp_path / "bundle", {REPORT: "<h1>Bericht</h1>"})
    client = TestClient(create_app(tmp_path / "bundle"))
    for page in ("/", "/report"):
        answer = client.get(page)
        assert answer.text == "<h1>Bericht</h1>"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        policy = answer.headers["content-security-policy"].split("; ")
        assert "default-src 'none'" in policy
        assert not [rule for rule in policy if rule.startswith(("script-src", "connect-src"))]


def test_the_report_stays_that_of_the_model_that_scores(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    served = save_bundle(small_bundle(), folder, {REPORT: "the first model"})
    client = TestClient(create_app(folder))
    save_bundle(small_bundle(seed=8), folder, {REPORT: "another model"})
    assert client.get("/report").text == "the first model"
    assert client.get("/v1/model").json()["model_version"] == served.version


def test_the_days_lists_are_those_that_were_written_last(tmp_path: Path) -> None:
    save_bundle(small_bundle(), tmp_path / "bundle")
    page = tmp_path / "today.html"
    client = TestClient(create_app(tmp_path / "bundle", Settings(work_page=str(page))))
    assert "`lead-temperature work -o today.html`" in refused(client.get("/work"), 404)["detail"]
    for text in ("<h1>Monday</h1>", "<h1>Tuesday</h1>"):
        page.write_text(text)
        answer = client.get("/work")
        assert answer.text == text
        assert "script-src" not in answer.headers["content-security-policy"]
    unset = TestClient(create_app(tmp_path / "bundle"))
    assert "LEAD_TEMPERATURE_WORK_PAGE" in refused(unset.get("/work"), 404)["detail"]


def test_a_missing_report_says_how_it_is_made(client) -> None:
    detail = refused(client.get("/report"), 404)["detail"]
    assert "`lead-temperature report`" in detail
    assert "report.html" in detail


def test_a_request_id_comes_back(client) -> None:
    sent = {"x-request-id": "crm-7f.2:1"}
    assert client.get("/healthz", headers=sent).headers["x-request-id"] == "crm-7f.2:1"
    assert refused(client.get("/none", headers=sent), 404)["request_id"] == "crm-7f.2:1"


@pytest.mark.parametrize("sent", ["", "two words", 101 * "x", 'a"b', "a\tb"])
def test_a_request_id_that_is_no_plain_word_is_replaced(client, sent: str) -> None:
    found = client.get("/healthz", headers={"x-request-id": sent}).headers["x-request-id"]
    assert found != sent
    assert len(found) == 32


def test_an_unexpected_failure_tells_the_log_where_and_nobody_what(
    bundle_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    message = "Maria Rossi, +39 055 1234567"

    def broken() -> int:
        raise RuntimeError(message)

    client = TestClient(create_app(bundle_folder, clock=broken))
    with caplog.at_level(logging.DEBUG):
        answer = client.post("/v1/score", json=LEAD)
    found = refused(answer, 500)
    assert message not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text
    assert "in broken" in caplog.text
    assert found["request_id"] in caplog.text
    assert "Traceback" not in answer.text
    assert "broken" not in answer.text


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=20),
        st.sampled_from(["1970-01-02T00:00:00Z", "it", 10**400, "\ud800", 201 * "x"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.text(st.characters(), max_size=8), st.sampled_from([*LEAD, "leads"])),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


def mutants(value: Any) -> st.SearchStrategy[Any]:
    """The value with anything in any place."""
    if isinstance(value, dict):
        places = [mutants(v).map(lambda new, k=k: value | {k: new}) for k, v in value.items()]
        gone = [st.just({k: v for k, v in value.items() if k != g}) for g in value]
        return st.one_of(json_values, *places, *gone)
    if isinstance(value, list):
        return st.one_of(json_values, *(mutants(v).map(lambda new: [new]) for v in value))
    return json_values


def answers_well(client: TestClient, path: str, content: bytes) -> None:
    answer = client.post(path, content=content, headers=JSON)
    if answer.status_code != 200:
        assert answer.status_code in {400, 422}
        refused(answer, answer.status_code)


fuzz = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@fuzz
@given(value=mutants(LEAD))
def test_no_json_brings_the_single_score_down(client, value: Any) -> None:
    answers_well(client, "/v1/score", json.dumps(value).encode())


@fuzz
@given(value=mutants({"leads": [LEAD]}))
def test_no_json_brings_the_batch_down(client, value: Any) -> None:
    answers_well(client, "/v1/score/batch", json.dumps(value).encode())


@fuzz
@given(content=st.binary(max_size=200))
def test_no_bytes_bring_a_score_down(client, content: bytes) -> None:
    answers_well(client, "/v1/score", content)
    answers_well(client, "/v1/score/batch", content)
