"""The managers' report in a real browser, opened from disk."""

from typing import Any

import pytest

from tests.support.browser import chromium
from tests.support.cards import lifelike_card, unmeasured_card
from training.report.language import language
from training.report.render import report_html
from training.report.summary import report_summary

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def hostile_card() -> dict[str, Any]:
    card = lifelike_card()
    card["importance"][0]["signal"] = "<img src=https://example.org/x onerror=alert(1)>" + "x" * 300
    card["export"]["unused"] = {"<script>alert(1)</script>": "y" * 400}
    card["settings"] = {"z" * 200: "&lt;"}
    return card


CARDS = {"lifelike": lifelike_card, "unmeasured": unmeasured_card, "hostile": hostile_card}


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=CARDS)
def address(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / f"{request.param}.html"
    summary = report_summary(CARDS[request.param](), "2026-01-01-0f3a9c41d2")
    path.write_text(report_html(summary, language("en")))
    return path.as_uri()


@pytest.fixture
def opened(browser, address):
    """Open the report in a theme and a width; returns the page and what it complained about."""
    pages = []

    def open_page(scheme: str = "light", width: int = 1280):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                complaints.append(request.url)
                if request.url != address and not request.url.startswith("data:")
                else None
            ),
        )
        page.goto(address)
        return page, complaints

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_opens_without_complaint_request_or_sideways_scrolling(opened, scheme, width):
    page, complaints = opened(scheme, width)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.images.length + document.scripts.length") == 0
    assert complaints == []


def test_each_theme_has_its_own_paper_and_readable_ink(opened):
    luminance = {}
    for scheme in ("light", "dark"):
        page, _ = opened(scheme)
        for property_ in ("color", "backgroundColor"):
            colour = page.evaluate(f"getComputedStyle(document.body).{property_}")
            numbers = [int(n) for n in colour.strip("rgb()").split(",")]
            luminance[scheme, property_] = sum(numbers) / 3
    assert luminance["light", "backgroundColor"] - luminance["light", "color"] > 150
    assert luminance["dark", "color"] - luminance["dark", "backgroundColor"] > 150


@pytest.mark.parametrize("address", ["lifelike"], indirect=True)
def test_pictures_take_their_ink_from_the_theme(opened):
    ink = {}
    for scheme in ("light", "dark"):
        page, _ = opened(scheme)
        ink[scheme] = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
    assert ink["light"] != ink["dark"]


def test_the_keyboard_reaches_contents_and_tables(opened):
    page, _ = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "SUMMARY"} <= reached


def test_it_prints_to_a_few_pages_of_a4(opened):
    page, _ = opened()
    document = page.pdf(prefer_css_page_size=True, print_background=True)
    assert document.startswith(b"%PDF")
    assert 1 <= document.count(b"/Type /Page\n") <= 12
