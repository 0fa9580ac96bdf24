"""Codes of problems: each has a page, and none ever changes or goes."""

from pathlib import Path
from typing import get_args

import pytest

from serving.answers.codes import MEANINGS, problems_document
from serving.answers.problem import FieldError, Reason, invalid_fields_problem, problem
from serving.answers.schemas import as_json
from serving.http.app import create_app
from serving.http.docs import problem_page
from serving.http.settings import Settings
from tests.support.http import TestClient

ROOT = Path(__file__).parents[3]
PROMISED = ROOT / "tests" / "data" / "problem_codes.txt"
"""Codes that callers were promised, one a line: the file only grows."""


def test_no_promised_code_is_gone_and_each_new_one_is_promised() -> None:
    assert PROMISED.read_text().split() == sorted(get_args(Reason))


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(get_args(Reason))
    for meaning in MEANINGS.values():
        assert meaning.meaning.endswith(".")
        assert meaning.way_out.endswith(".")
        assert meaning.retry == (meaning.status in (408, 429, 503))


def test_the_document_is_made_of_the_table() -> None:
    document = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    assert document == problems_document(), "python -m serving.answers.codes > docs/problems.md"


@pytest.mark.parametrize("code", MEANINGS)
def test_every_code_has_a_page_at_the_address_that_is_its_type(client, code: Reason) -> None:
    refusal = problem(MEANINGS[code].status, "detail", code)
    page = client.get(refusal.type)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert f"<h1>{code}</h1>" in page.text
    assert page.text == problem_page(code, MEANINGS[code])


def test_pages_need_no_key_and_unknown_codes_have_none(bundle_folder: Path) -> None:
    keys = Settings.model_validate({"api_keys": "crm:score:" + 64 * "0"})
    client = TestClient(create_app(bundle_folder, keys))
    assert client.get("/problems/missing").status_code == 200
    assert client.get("/problems/<b>").status_code == 404


def test_programs_read_the_code_of_a_call_and_of_each_field(client) -> None:
    answer = client.post("/v1/score", json={"lead_id": "1", "phone": "1"}).json()
    assert (answer["code"], answer["type"]) == (
        answer["errors"][0]["code"],
        f"/problems/{answer['code']}",
    )
    assert {error["field"]: error["code"] for error in answer["errors"]} == {
        "created_at": "missing",
        "phone": "unknown_name",
    }
    batch = client.post("/v1/score/batch", json={"leads": [{}]}).json()
    assert batch["results"][0]["code"] == "missing"


def test_a_problem_of_fields_has_the_code_of_the_first() -> None:
    errors = [FieldError("a", "law", "1", "way", "length"), FieldError("b", "law", "1", "way")]
    refusal = invalid_fields_problem(errors)
    assert refusal.code == "length"
    assert b'"code":"other_value"' in as_json(refusal)
