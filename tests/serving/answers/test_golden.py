"""Golden leads: a bundle answers as where it was made, or nobody serves it."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import serving.answers.golden
from features.export.terms import ExportTerms, FieldTerms, Notation
from models.bundle import Bundle, load_bundle, save_bundle
from models.golden import GOLDEN, GOLDEN_LEADS, GOLDEN_REASONS, golden_json, golden_leads
from serving.answers.golden import ROUNDING_TOLERANCE, golden_request, replay_golden_leads
from serving.answers.schemas import as_json
from serving.http.app import create_app
from serving.http.settings import Settings
from tests.support.bundles import blended, carded, rehashed, small_bundle, unlisted
from tests.support.http import TestClient

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def text() -> str:
    return golden_json(small_bundle())


def blend() -> Bundle:
    return blended(small_bundle())


def points_card() -> Bundle:
    return carded(small_bundle())


@pytest.fixture
def folder(tmp_path: Path, text: str) -> Path:
    save_bundle(small_bundle(), tmp_path / "bundle", {GOLDEN: text})
    return tmp_path / "bundle"


def test_a_bundle_that_was_written_and_read_answers_as_before(folder: Path, text: str) -> None:
    assert replay_golden_leads(load_bundle(folder), text) == GOLDEN_LEADS


def test_golden_leads_are_in_our_terms_whatever_the_export_calls_so(text: str) -> None:
    numbers = {lead.record.attributes.get("company_size") for lead in golden_leads(text)}
    words = {f"{number:g}": "" for number in numbers if number is not None}
    sizes = FieldTerms(notations=(Notation({**words, "another": "it"}),))
    terms = ExportTerms(attributes={"company_size": sizes, "country": sizes})
    assert replay_golden_leads(replace(small_bundle(), terms=terms), text) == GOLDEN_LEADS


def test_the_same_bundle_has_the_same_golden_leads(text: str) -> None:
    assert golden_json(small_bundle()) == text


def test_golden_leads_look_into_every_corner_of_the_schema(text: str) -> None:
    first, *others = golden_leads(text)
    assert (first.record.interactions, first.record.attributes) == ([], {})
    assert {name for one in others for name in one.record.attributes} == {
        "country", "company_size", "first_met_at",
    }  # fmt: skip
    kinds = {i.get("kind") for one in others for i in one.record.interactions}
    assert kinds >= {"price_question", "another"}
    assert len({one.answer.hot_probability for one in others}) > GOLDEN_LEADS / 2
    late = [i for one in others for i in one.record.interactions if i["recorded_at"] >= one.as_of]
    assert late


def last_bit(answer: dict[str, Any]) -> None:
    answer["hot_probability"] *= 1 + 2**-52


def last_bit_of_a_reason(answer: dict[str, Any]) -> None:
    answer["points"][0] *= 1 - 2**-52


def another_probability(answer: dict[str, Any]) -> None:
    answer["hot_probability"] += 2 * ROUNDING_TOLERANCE


def another_band(answer: dict[str, Any]) -> None:
    answer["band"] = "warm" if answer["band"] == "hot" else "hot"


def another_reason(answer: dict[str, Any]) -> None:
    answer["points"][0] += 2 * ROUNDING_TOLERANCE * max(1, abs(answer["points"][0]))


def a_reason_less(answer: dict[str, Any]) -> None:
    answer["points"].pop()


def changed(text: str, change: Callable[[dict[str, Any]], None], number: int) -> str:
    leads = json.loads(text)
    change(leads[number]["answer"])
    return json.dumps(leads)


@pytest.mark.parametrize("change", [last_bit, last_bit_of_a_reason])
def test_a_processor_that_rounds_otherwise_is_accepted_only_where_that_is_said(
    folder: Path, text: str, change
) -> None:
    bundle, other = load_bundle(folder), changed(text, change, 1)
    with pytest.raises(ValueError, match=r"this processor rounds otherwise.*GOLDEN=rounded"):
        replay_golden_leads(bundle, other)
    assert replay_golden_leads(bundle, other, rounded=True) == GOLDEN_LEADS


@pytest.mark.parametrize(
    "change", [another_probability, another_band, another_reason, a_reason_less]
)
@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("number", [1, GOLDEN_LEADS - 1])
def test_an_answer_that_differs_is_refused_with_both_values(
    folder: Path, text: str, change, rounded: bool, number: int
) -> None:
    said = rf"Golden lead {number + 1} of .* must have .*; here it has [^:]*like this one\.$"
    with pytest.raises(ValueError, match=said):
        replay_golden_leads(load_bundle(folder), changed(text, change, number), rounded=rounded)


@pytest.mark.parametrize("kind", [small_bundle, blend, points_card])
def test_over_http_golden_leads_are_answered_bit_for_bit(tmp_path: Path, kind) -> None:
    bundle = kind()
    text = golden_json(bundle)
    save_bundle(bundle, tmp_path / "bundle", {GOLDEN: text})
    with TestClient(create_app(tmp_path / "bundle")) as client:
        for lead in golden_leads(text):
            query = {"reasons": GOLDEN_REASONS, "include": "trend,forecast"}
            answer = client.post("/v1/score", params=query, json=golden_request(bundle, lead))
            found = answer.json()
            found["points"] = [reason["points"] for reason in found["reasons"]]
            expected = asdict(lead.answer)
            assert found | expected | {"points": list(expected["points"])} == found
            assert found["trend"]
            assert found["forecast"]["looks"][0]["hot_probability"] == found["hot_probability"]


def test_a_number_that_changes_when_it_is_written_is_found(
    folder: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_single_precision(answer: Any) -> bytes:
        read = json.loads(as_json(answer), parse_float=lambda digits: float(np.float32(digits)))
        return json.dumps(read).encode()

    monkeypatch.setattr(serving.answers.golden, "as_json", in_single_precision)
    with pytest.raises(ValueError, match="Golden lead"):
        replay_golden_leads(load_bundle(folder), text)


def test_another_model_does_not_answer_alike(tmp_path: Path, text: str) -> None:
    other = save_bundle(small_bundle(seed=8), tmp_path / "other")
    with pytest.raises(ValueError, match="as where the bundle was made"):
        replay_golden_leads(other, text)


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '[{"record": {}}]', "[null]"])
def test_what_holds_no_golden_leads_is_refused(folder: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"golden.json holds no golden leads.*again"):
        replay_golden_leads(load_bundle(folder), text)


def test_a_lead_that_the_schema_refuses_is_named(folder: Path, text: str) -> None:
    leads = json.loads(text)
    leads[2]["record"]["attributes"] = {"country": 7}
    with pytest.raises(ValueError, match=r"Golden lead 3 of .* is refused: attributes\.country"):
        replay_golden_leads(load_bundle(folder), json.dumps(leads))


def test_a_server_whose_bundle_answers_otherwise_does_not_start(folder: Path, text: str) -> None:
    create_app(folder)
    rehashed(folder, GOLDEN, golden_json(small_bundle(seed=8)).encode())
    with pytest.raises(ValueError, match="Golden lead"):
        create_app(folder)


def test_a_bundle_that_answers_otherwise_takes_nobodys_place(folder: Path) -> None:
    client = TestClient(create_app(folder))
    version = client.get("/readyz").json()["model_version"]
    wrong = {GOLDEN: golden_json(small_bundle())}
    save_bundle(small_bundle(seed=8), folder, wrong)
    assert "Golden lead" in client.post("/v1/model/reload").json()["detail"]
    assert client.get("/readyz").json()["model_version"] == version


def test_an_older_bundle_without_golden_leads_is_served_and_said_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unlisted(folder, GOLDEN)
    create_app(folder)
    assert "has no golden.json" in caplog.text


def test_verify_tells_whether_a_bundle_answers_as_before(run, folder: Path, text: str) -> None:
    told = run("verify", "--bundle", folder)
    assert (told.returncode, told.stderr) == (0, "")
    assert (
        f"answers its {GOLDEN_LEADS} golden leads as where it was made, bit for bit." in told.stdout
    )
    rehashed(folder, GOLDEN, golden_json(small_bundle(seed=8)).encode())
    wrong = run("verify", "--bundle", folder)
    assert wrong.returncode == 1
    assert "Golden lead" in wrong.stderr
    unlisted(folder, GOLDEN)
    none = run("verify", "--bundle", folder)
    assert none.returncode == 1
    assert "Train it again" in none.stderr


def test_verify_tells_of_a_processor_that_rounds_otherwise(run, folder: Path, text: str) -> None:
    leads = json.loads(text)
    leads[1]["answer"]["warm_high"] *= 1 + 2**-52
    rehashed(folder, GOLDEN, json.dumps(leads).encode())
    refused = run("verify", "--bundle", folder)
    assert refused.returncode == 1
    assert "this processor rounds otherwise" in " ".join(refused.stderr.split())
    told = run("verify", "--bundle", folder, "--rounded")
    assert told.returncode == 0
    assert "where it was made, to 12 digits." in " ".join(told.stdout.split())


def test_a_server_that_may_round_serves_what_another_processor_trained(
    folder: Path, text: str
) -> None:
    rehashed(folder, GOLDEN, changed(text, last_bit, 1).encode())
    with pytest.raises(ValueError, match="rounds otherwise"):
        create_app(folder)
    with TestClient(create_app(folder, Settings(golden="rounded"))) as client:
        assert client.get("/readyz").status_code == 200


def test_verify_has_help_with_an_example(run) -> None:
    told = run("verify", "--help")
    assert "Example: lead-temperature verify --bundle bundle" in " ".join(told.stdout.split())


def test_training_puts_golden_leads_into_the_bundle(run, trained) -> None:
    told = run("verify", "--bundle", trained.bundle)
    assert told.returncode == 0, told.stderr
