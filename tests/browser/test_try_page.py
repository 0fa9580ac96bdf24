"""The page to try a lead on in a real browser, with the server behind it."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from models.bundle import save_bundle
from models.golden import GOLDEN, golden_json
from serving.http.app import create_app
from serving.http.security import api_keys
from serving.http.settings import Settings
from tests.support.browser import chromium
from tests.support.bundles import small_bundle
from tests.support.required import require_module
from tests.support.servers import answering
from training.report.words.language import LANGUAGES

pytestmark = [pytest.mark.slow, pytest.mark.browser]
KEYS = {"score": "for-the-crm", "report": "for-managers"}
HOSTILE = "<img src=x onerror=alert(1)>"
SELECTED = "(e => e.value.slice(e.selectionStart, e.selectionEnd))(document.getElementById('lead'))"
SHOWN = """
answer => JSON.stringify(JSON.parse(document.getElementById('whole').textContent))
  === JSON.stringify(answer)
"""
LEAD = {
    "lead_id": HOSTILE,
    "created_at": "1970-01-20T00:00:00Z",
    "as_of": "1970-02-25T00:00:00Z",
    "attributes": {"country": HOSTILE, "company_size": 50},
    "interactions": [
        {"occurred_at": "1970-01-25T00:00:00Z", "kind": HOSTILE},
        {"occurred_at": "1970-02-24T12:00:00Z", "kind": "price_question"},
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "bundle"
    save_bundle(bundle := small_bundle(), folder, {GOLDEN: golden_json(bundle)})
    return folder


@pytest.fixture(scope="module")
def open_address(folder) -> Iterator[str]:
    with answering(create_app(folder)) as address:
        yield address


@pytest.fixture(scope="module")
def closed_address(folder) -> Iterator[str]:
    hashes = {role: hashlib.sha256(key.encode()).hexdigest() for role, key in KEYS.items()}
    keys = ",".join(f"{role}-key:{role}:{digest}" for role, digest in hashes.items())
    with answering(create_app(folder, Settings(api_keys=api_keys(keys)))) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser):
    """Open the page; returns it, what it complained about and what it asked for."""
    pages = []

    def open_page(address: str, width: int = 1000, scheme: str = "light", **more: Any):
        size = {"width": width, "height": 900}
        page = browser.new_page(viewport=size, color_scheme=scheme, **more)
        pages.append(page)
        complaints: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/leads/try")
        return page, complaints, asked

    yield open_page
    for page in pages:
        page.close()


def answered(page, lead: Any) -> dict[str, Any]:
    """Score a lead by the keyboard; returns the answer that the page was given."""
    page.locator("#answer").wait_for()
    with page.expect_response("**/v1/score*") as response:
        page.fill("#lead", lead if isinstance(lead, str) else json.dumps(lead, indent=2))
        page.keyboard.press("Control+Enter")
    return response.value.json()


def number(text: str) -> float:
    return float(text.strip("% ").replace("−", "-"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000, 1600])
def test_it_scores_without_complaint_or_sideways_scrolling(opened, open_address, width, scheme):
    page, complaints, asked = opened(open_address, width, scheme)
    answered(page, LEAD)
    page.locator("#whole", has_text="img").wait_for(state="attached")
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
    route = f"{open_address}/v1/score?purpose=try&reasons=8&include=trend,forecast"
    assert [url for url in asked if not url.startswith("data:")] == [
        f"{open_address}/leads/try",
        route,
        route,
    ]


def test_hostile_values_are_text(opened, open_address):
    page, complaints, _ = opened(open_address)
    answered(page, LEAD)
    page.locator("#warnings", has_text=HOSTILE).wait_for()
    assert page.evaluate("document.images.length") == 0
    assert complaints == []


def test_what_is_shown_is_what_was_answered_and_the_reasons_add_up(opened, open_address):
    page, _, _ = opened(open_address)
    answer = answered(page, LEAD)
    page.locator("#whole", has_text="img").wait_for(state="attached")
    assert json.loads(page.locator("#whole").text_content()) == answer
    assert page.locator("#band").inner_text().split()[-1].lower() == answer["band"]
    for name in ("hot", "warm"):
        shown = page.locator(f"#{name}-gauge b").inner_text()
        assert shown == f"{100 * answer[f'{name}_probability']:.1f}\N{NO-BREAK SPACE}%"
    cells = page.locator("#reasons tbody tr td:nth-child(2)").all_inner_texts()
    start, *points, end = map(number, cells)
    assert len(points) == len(answer["reasons"])
    assert start + sum(points) == pytest.approx(end, abs=1e-9)
    for one, reason in zip(points[:-1], answer["reasons"][:-1], strict=True):
        assert one == pytest.approx(reason["points"], abs=0.0501)
    rows = page.locator("#looks tbody tr").all_inner_texts()
    looks = [*reversed(answer["trend"]["looks"]), *answer["forecast"]["looks"]]
    assert len(rows) == len(looks) == 11
    for row, look in zip(rows, looks, strict=True):
        assert row.split("\t")[1] == f"{100 * look['hot_probability']:.1f}\N{NO-BREAK SPACE}%"
    assert len(page.locator("#chart polyline").all()) == 2


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_example_is_told_whole_in_every_language(opened, open_address, code):
    page, complaints, _ = opened(open_address, locale=code)
    day_old = {"lead_id": "1", "created_at": "1970-02-24T00:00:00Z", "as_of": LEAD["as_of"]}
    examples = page.evaluate("JSON.parse(document.getElementById('data').textContent).examples")
    for lead in (*(one["text"] for one in examples), day_old):
        answer = answered(page, lead)
        page.wait_for_function(SHOWN, arg=answer)
        assert page.evaluate("document.documentElement.lang") == code
        assert "undefined" not in page.locator("#answer").inner_text()
    assert answer["trend"]["verdict_reason"].endswith("a day before")
    assert complaints == []


def test_a_young_lead_has_no_past_to_show(opened, open_address):
    page, complaints, _ = opened(open_address)
    young = {"lead_id": "young", "created_at": "1970-02-24T12:00:00Z"}
    answer = answered(page, young | {"as_of": "1970-02-25T00:00:00Z"})
    assert answer["trend"]["verdict"] is None
    page.locator("#trend-reason", has_text=answer["trend"]["verdict_reason"]).wait_for()
    assert len(page.locator("#looks tbody tr").all()) == 8
    assert complaints == []


@pytest.mark.parametrize(
    ("path", "value", "selected"),
    [
        (("created_at",), 5, '"created_at"'),
        (("attributes", "contry"), "it", '"contry"'),
        (("interactions", 1, "occurred_at"), "soon", '"occurred_at"'),
        (("interactions", 1), "call", '"call"'),
        (("attributes", "my own"), "it", '"my own"'),
        (("lead_id",), None, '"lead_id"'),
    ],
)
def test_a_problem_leads_to_its_place_in_the_text(opened, open_address, path, value, selected):
    page, _, _ = opened(open_address)
    lead = json.loads(json.dumps(LEAD))
    inner = lead
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    problem = answered(page, lead)
    button = page.locator("#errors li button").first
    assert button.inner_text() == problem["errors"][0]["field"]
    assert problem["errors"][0]["way_out"] in page.locator("#errors").inner_text()
    assert page.locator("#answer").is_hidden()
    button.click()
    assert page.evaluate(SELECTED) == selected
    assert page.evaluate("document.activeElement.id") == "lead"
    if path[0] == "interactions":
        before = page.evaluate("document.getElementById('lead').selectionStart")
        assert before > page.input_value("#lead").index(HOSTILE, 30)


def test_broken_json_is_shown_where_it_breaks(opened, open_address):
    page, _, _ = opened(open_address)
    answered(page, '{"lead_id": "1",\n "created_at" 5}')
    page.locator("#errors button").click()
    assert page.evaluate(SELECTED) == "5"


def test_an_answer_of_an_edited_lead_says_so(opened, open_address):
    page, _, _ = opened(open_address)
    page.locator("#answer").wait_for()
    page.locator("#lead").press_sequentially(" ")
    assert page.locator("#status").inner_text() == "Edited since it was scored."


def test_an_example_is_taken_by_the_keyboard(opened, open_address):
    page, _, _ = opened(open_address)
    page.locator("#answer").wait_for()
    page.locator("#example").focus()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    with page.expect_response("**/v1/score*") as response:
        page.keyboard.press("Enter")
    assert response.value.json()["lead_id"] == "golden"


def test_a_server_that_is_gone_is_told(opened, folder):
    with answering(create_app(folder)) as address:
        page, _, _ = opened(address)
        page.locator("#answer").wait_for()
    page.click("button[type=submit]")
    page.locator("#errors", has_text="cannot be reached").wait_for()


def test_with_keys_it_asks_for_one_and_sends_it_alone(opened, closed_address):
    credentials = {"username": "anna", "password": KEYS["report"]}
    page, _, asked = opened(closed_address, http_credentials=credentials)
    assert page.locator("#answer").is_hidden()
    assert not [url for url in asked if "/v1/score" in url]
    page.click("button[type=submit]")
    page.locator("#errors", has_text="Send a key with the role score").wait_for()
    assert page.evaluate("document.activeElement.id") == "key"
    page.keyboard.type(KEYS["score"])
    page.keyboard.press("Enter")
    page.locator("#answer").wait_for()
    assert page.locator("#errors").inner_text() == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(opened, open_address, scheme):
    axe = require_module("axe_playwright_python.sync_playwright")
    page, _, _ = opened(open_address, scheme=scheme)
    for lead in (LEAD, {"lead_id": 1}):
        answered(page, lead)
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
