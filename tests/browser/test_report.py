"""The report in a real browser: from disk and from the server, in five languages, for everybody."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from models.bundle import REPORTS, Bundle, save_bundle
from serving.http.app import create_app
from tests.support.browser import chromium
from tests.support.bundles import small_bundle
from tests.support.cards import document, lifelike_card, unmeasured_card
from tests.support.required import require_module
from tests.support.servers import answering
from training.report.render import bundle_report
from training.report.words.language import LANGUAGES

pytestmark = [pytest.mark.slow, pytest.mark.browser]

WIDTHS = (360, 768, 1000, 1280, 1600)
SCHEMES = ("light", "dark")
HOSTILE = "<img src=https://example.org/x onerror=alert(1)>=cmd|' /C calc'!A0 {{ 7 * 7 }} %(n)s"
OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"
FIGURES = """
() => [...document.querySelectorAll('data')].map(
  d => [d.value, d.dataset.low, d.dataset.high, d.innerText])
"""
CUT_OFF = """
() => [...document.querySelectorAll('svg')].flatMap(picture => {
  const frame = picture.getBoundingClientRect();
  return [...picture.querySelectorAll('text')].filter(text => {
    const place = text.getBoundingClientRect();
    return place.left < frame.left - 0.5 || place.right > frame.right + 0.5
      || place.top < frame.top - 0.5 || place.bottom > frame.bottom + 0.5;
  }).map(text => text.textContent);
})
"""
TORN = """
() => [...document.querySelectorAll('table:not(.words) tbody th bdi')].flatMap(name => {
  const texts = document.createTreeWalker(name, NodeFilter.SHOW_TEXT);
  const torn = [];
  while (texts.nextNode()) {
    for (const word of texts.currentNode.data.matchAll(/\\p{L}+/gu)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, word.index);
      range.setEnd(texts.currentNode, word.index + word[0].length);
      if (range.getClientRects().length > 1) torn.push(word[0]);
    }
  }
  return torn;
})
"""
BESIDE = """
() => {
  const column = document.querySelector('main');
  const inside = parseFloat(getComputedStyle(column).paddingRight);
  const edge = column.getBoundingClientRect().right - inside + 1;
  return [...document.querySelectorAll('table')]
    .filter(table => table.getBoundingClientRect().right > edge)
    .map(table => table.caption.innerText);
}
"""
UNMARKED = """
() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const inside = texts.currentNode.parentElement.closest('data, time, bdi, svg, style');
    if (!inside) found.push(texts.currentNode.data);
  }
  return found.join(' ');
}
"""


def bundle_with(card: dict[str, Any]) -> Bundle:
    return dataclasses.replace(small_bundle(), card=document(card))


def hostile_card() -> dict[str, Any]:
    card = lifelike_card()
    for signal in card["importance"]:
        signal["signal"] = HOSTILE + "x" * 200
    card["export"]["unused"] = {HOSTILE: HOSTILE, "y" * 300: "=1+1"}
    card["settings"] = {"z" * 200: HOSTILE}
    return card


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle with its reports, one for each language, a hostile one and one without figures."""
    folder = tmp_path_factory.mktemp("reports") / "bundle"
    bundle = save_bundle(bundle_with(lifelike_card()), folder)
    pages = {name: bundle_report(bundle, code) for code, name in REPORTS.items()}
    for name, card in (("hostile", hostile_card()), ("unmeasured", unmeasured_card())):
        pages[f"{name}.html"] = bundle_report(bundle_with(card))
    save_bundle(bundle, folder, pages)
    return folder


class Opened:
    """A page, and all that it complained about or asked for."""

    def __init__(self, browser: Any, address: str, **context: Any) -> None:
        self.page = browser.new_page(**context)
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self._asked(request.url, address))
        self.answer = self.page.goto(address)
        self.page.evaluate(OPEN_ALL)

    def _asked(self, url: str, address: str) -> None:
        if url != address and not url.startswith("data:"):
            self.complaints.append(url)


@pytest.fixture
def opened(browser):
    pages: list[Opened] = []

    def open_page(address: str, **context: Any) -> Opened:
        pages.append(Opened(browser, address, **context))
        return pages[-1]

    yield open_page
    for one in pages:
        one.page.close()


@pytest.mark.parametrize("name", [*REPORTS.values(), "hostile.html", "unmeasured.html"])
def test_from_disk_it_fits_every_screen_in_both_themes_and_asks_for_nothing(opened, folder, name):
    one = opened((folder / name).as_uri())
    for scheme in SCHEMES:
        one.page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            one.page.set_viewport_size({"width": width, "height": 900})
            assert one.page.evaluate("document.documentElement.scrollWidth") <= width, width
    assert one.complaints == []


@pytest.mark.parametrize("name", REPORTS.values())
def test_no_word_is_cut_off_or_torn_and_no_table_leaves_its_column(opened, folder, name):
    one = opened((folder / name).as_uri())
    for width in WIDTHS:
        one.page.set_viewport_size({"width": width, "height": 900})
        assert one.page.evaluate(CUT_OFF) == [], width
        assert one.page.evaluate(TORN) == [], width
        if width > 700:  # a phone's margin may take some of a table
            assert one.page.evaluate(BESIDE) == [], width


def test_each_theme_has_its_own_paper_and_readable_ink(opened, folder):
    one = opened((folder / "report.html").as_uri())
    luminance = {}
    for scheme in SCHEMES:
        one.page.emulate_media(color_scheme=scheme)
        for kind in ("color", "backgroundColor"):
            colour = one.page.evaluate(f"getComputedStyle(document.body).{kind}")
            luminance[scheme, kind] = np.mean([int(n) for n in colour.strip("rgb()").split(",")])
    assert luminance["light", "backgroundColor"] - luminance["light", "color"] > 150
    assert luminance["dark", "color"] - luminance["dark", "backgroundColor"] > 150


def test_pictures_take_their_ink_from_the_theme(opened, folder):
    one = opened((folder / "report.html").as_uri())
    ink = []
    for scheme in SCHEMES:
        one.page.emulate_media(color_scheme=scheme)
        ink.append(one.page.evaluate("getComputedStyle(document.querySelector('svg text')).fill"))
    assert ink[0] != ink[1]


def test_on_a_phone_the_text_speaks_of_no_bar_that_is_not_shown(opened, folder):
    one = opened((folder / "report.html").as_uri())
    for width, shown in ((1280, True), (360, False)):
        one.page.set_viewport_size({"width": width, "height": 900})
        for kind in (".meter", ".bars"):
            assert one.page.locator(kind).first.is_visible() == shown, (width, kind)


def test_the_keyboard_reaches_contents_and_tables(opened, folder):
    one = opened((folder / "report.html").as_uri())
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(30):
        one.page.keyboard.press("Tab")
        reached.add(one.page.evaluate("document.activeElement.tagName"))
    assert {"A", "SUMMARY"} <= reached


@pytest.mark.parametrize("name", ["report.html", "unmeasured.html"])
def test_printed_it_wastes_no_page_of_a4(opened, folder, name):
    pdfium = require_module("pypdfium2")
    one = opened((folder / name).as_uri())
    pages = pdfium.PdfDocument(one.page.pdf(prefer_css_page_size=True, print_background=True))
    filled = []
    for page in pages:
        assert page.get_size() == pytest.approx((595, 842), abs=1)
        # Without the page's number, which stands in the margin.
        rows = np.flatnonzero((page.render(scale=1).to_numpy()[:790] < 200).any(axis=(1, 2)))
        filled.append(float(rows.max()) / 790)
    assert min(filled[:-1], default=1.0) > 0.5, filled


def test_from_the_server_it_comes_in_the_language_of_the_browser(opened, folder):
    with answering(create_app(folder)) as address:
        for code in LANGUAGES:
            one = opened(f"{address}/report", locale=f"{code}-MD")
            assert one.answer.headers["content-language"] == code
            assert one.page.evaluate("document.documentElement.lang") == code
            assert one.complaints == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["report.html", "report.ru.html", "hostile.html"])
def test_it_breaks_no_rule_of_accessibility(opened, folder, name, scheme):
    axe = require_module("axe_playwright_python.sync_playwright")
    one = opened((folder / name).as_uri(), color_scheme=scheme)
    for width in (360, 1280):
        one.page.set_viewport_size({"width": width, "height": 900})
        found = axe.Axe().run(one.page).response
        assert len(found["passes"]) > 20
        broken = [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found["violations"]]
        assert broken == []


def shown_numbers(text: str) -> list[tuple[float, float, bool]]:
    """Numbers in an English text: value, half a unit of the last place, whether per cent."""
    found = re.findall(r"(\d[\d,]*)(\.\d+)?", text)
    per_cent = "%" in text
    return [
        (
            float(f"{whole.replace(',', '')}{rest}"),
            0.5 * 10 ** -(len(rest) - 1 if rest else 0),
            per_cent,
        )
        for whole, rest in found
    ]


def agrees(value: float, number: tuple[float, float, bool]) -> bool:
    shown, half, per_cent = number
    # Pairs in the right order are told out of 100.
    scales = (100,) if per_cent else (1, 100)
    return any(abs(abs(value) * scale - shown) <= half + 1e-9 for scale in scales)


def test_every_figure_that_is_shown_is_the_one_that_was_measured(opened, folder):
    one = opened((folder / "report.html").as_uri())
    figures = one.page.evaluate(FIGURES)
    assert len(figures) > 200
    for value, low, high, text in figures:
        if "under 0.1" in text:
            assert float(value) < 0.0005 or float(low) < 0.0005
            continue
        numbers = shown_numbers(text)
        wanted = [float(part) for part in (value, low, high) if part is not None]
        assert len(numbers) == len(wanted), text
        assert all(agrees(*pair) for pair in zip(wanted, numbers, strict=True)), (wanted, text)


def test_no_number_stands_on_the_page_unmarked(opened, folder):
    """But for those that belong to a sentence, such as the 95 of "95 % intervals"."""
    one = opened((folder / "report.html").as_uri())
    version = re.search(r"model ([\w-]+)", one.page.title())[1]
    words = one.page.evaluate(UNMARKED).replace(version, "")
    assert set(re.findall(r"\d+", words)) <= {"30", "50", "95", "100"}


def test_hostile_names_are_text(opened, folder):
    one = opened((folder / "hostile.html").as_uri())
    assert one.page.evaluate("document.images.length + document.scripts.length") == 0
    assert one.page.get_by_text(HOSTILE, exact=True).count() >= 3
    assert one.complaints == []
