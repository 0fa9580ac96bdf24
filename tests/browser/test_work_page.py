"""The day's lists in a real browser: on a phone, on A4, in five languages, for everybody."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.pages.speech import CODES
from serving.pages.work_page import work_page
from tests.support.browser import chromium
from tests.support.bundles import SPEC
from tests.support.desk import house
from tests.support.required import require_module
from tests.support.work import lively_list

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def opened(browser: Any, folder: Path, code: str, width: int = 390, **settings: Any) -> Any:
    """The page with every kind of row and a hostile lead, opened from disk."""
    path = folder / f"{code}.html"
    path.write_text(work_page(lively_list(hostile=True), SPEC, house().zone, True, code))
    page = browser.new_page(viewport={"width": width, "height": 844}, **settings)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    assert complaints == []
    return page


@pytest.mark.parametrize("code", CODES)
def test_it_fits_a_phone_and_a_desk(browser, tmp_path: Path, code: str) -> None:
    for width in (320, 390, 768, 1280):
        page = opened(browser, tmp_path, code, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("code", CODES)
def test_axe_finds_nothing_to_mend(browser, tmp_path: Path, code: str, scheme: str) -> None:
    axe = require_module("axe_playwright_python.sync_playwright").Axe()
    page = opened(browser, tmp_path, code, color_scheme=scheme)
    found = axe.run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    page.close()


def test_the_keyboard_reaches_every_list_and_every_lead(browser, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, "en")
    links = page.evaluate("document.querySelectorAll('a').length")
    reached = []
    for _ in range(links):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('href')"))
    assert len(set(reached)) == links
    assert reached[:3] == ["#list-0", "#list-1", "#list-2"]
    page.close()


def test_a_lead_whose_name_is_markup_stays_text(browser, tmp_path: Path) -> None:
    page = opened(browser, tmp_path, "en")
    assert page.evaluate("document.querySelectorAll('script').length") == 0
    assert "<script>alert(1)</script>" in page.inner_text("main")
    page.close()


def test_on_paper_each_person_begins_a_page(browser, tmp_path: Path) -> None:
    pdfium = require_module("pypdfium2")
    page = opened(browser, tmp_path, "en")
    document = pdfium.PdfDocument(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    width, height = document[0].get_size()
    assert (round(width), round(height)) == (595, 842)
    first_lines = [sheet.get_textpage().get_text_bounded().split()[0] for sheet in document]
    assert [line for line in first_lines if line in ("ana", "boris", "carla")] == [
        *("ana", "boris", "carla")
    ]
    page.close()
