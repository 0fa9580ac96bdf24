"""The report on paper: A4, numbered, nothing cut off, nothing torn apart."""

import dataclasses
import re
import socket
import sys

import numpy as np
import pytest

from models.bundle import save_bundle
from tests.support.bundles import small_bundle
from tests.support.cards import document, lifelike_card, summary_of, unmeasured_card
from tests.support.pages import Page
from tests.support.required import require_module
from training.report.pdf import pdf_of
from training.report.render import report_html
from training.report.words.language import language

pdfium = require_module("pypdfium2")
require_module("weasyprint")
pytestmark = [pytest.mark.slow, pytest.mark.long]

MILLIMETRE = 72 / 25.4
SIDE = 15 * MILLIMETRE
VERSION = "2026-01-01-0f3a9c41d2"


def long_card():
    """A lifelike card whose tables, of signals and of their values, do not fit on one page."""
    card = lifelike_card()
    card["importance"] = [
        {**card["importance"][0], "signal": f"signal number {place}"} for place in range(90)
    ]
    (several, *_) = card["report"]["dependence"]
    one = several["bins"][0]
    card["report"]["dependence"] = [
        {
            **several,
            "signal": f"signal {place}",
            "bins": [{**one, "low": 10.0 * place + low, "high": 10.0 * place + low + 0.5}
                     for low in range(6 + place % 5)],
        }
        for place in range(8)
    ]  # fmt: skip
    return card


@pytest.fixture(scope="module", params=["en", "ru"])
def html(request):
    return report_html(summary_of(long_card(), VERSION), language(request.param))


@pytest.fixture(scope="module")
def pages(html):
    return list(pdfium.PdfDocument(pdf_of(html)))


@pytest.fixture(scope="module")
def texts(pages):
    return [page.get_textpage().get_text_bounded() for page in pages]


def test_no_row_of_a_table_is_lost(html, texts):
    def bare(text: str) -> str:
        return re.sub(r"[\s\x02\u00ad\u2060\ufffe]+", "", text)

    printed = bare("".join(texts))
    lost = [row for row in Page(html).rows if bare("".join(row)) not in printed]
    assert lost == []


def test_every_page_is_a4_and_numbered(pages, texts):
    assert 5 <= len(pages) <= 20
    for number, (page, text) in enumerate(zip(pages, texts, strict=True), 1):
        assert page.get_size() == pytest.approx((210 * MILLIMETRE, 297 * MILLIMETRE), abs=1)
        assert f"{number} / {len(pages)}" in text


def test_no_letter_lies_outside_the_margins(pages):
    for page in pages:
        width, _ = page.get_size()
        letters = page.get_textpage()
        for place in range(letters.count_chars()):
            left, bottom, right, top = letters.get_charbox(place)
            if right > left:
                assert left >= SIDE - 2, letters.get_text_range(place, 20)
                assert right <= width - SIDE + 2, letters.get_text_range(max(place - 20, 0), 20)
                assert bottom >= 0
                assert top <= page.get_size()[1]


def test_no_picture_and_no_bar_reaches_into_the_margins(pages):
    for page in pages:
        seen = page.render(scale=1).to_numpy()
        edge = int(SIDE) - 3
        assert seen[:, :edge].min() == 255
        assert seen[:, -edge:].min() == 255
        assert seen.min() < 100


def test_the_head_of_a_table_is_repeated_on_each_of_its_pages(texts):
    tables = [text for text in texts if text.count("signal number") > 20]
    assert len(tables) >= 2
    assert all(re.search(r"^(Signal|Признак)\b", text, re.MULTILINE) for text in tables)


def test_no_heading_is_the_last_line_of_a_page(html, texts):
    speech = {line.strip() for text in texts for line in text.splitlines()}
    headings = {
        " ".join(re.sub(r"<[^>]+>", "", text).split())
        for text in re.findall(r"<h[23][^>]*>(.*?)</h[23]>", html, re.DOTALL)
    }
    assert len(headings & speech) >= 8
    for text in texts:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        assert not {lines[-1], lines[-2]} & headings


def test_pictures_have_the_colours_of_paper(pages):
    pixels = np.concatenate([page.render(scale=0.5).to_numpy().reshape(-1, 3) for page in pages])
    blue, green, red = pixels.astype(int).T
    assert ((red > 150) & (green < 90) & (blue < 90)).sum() > 50
    assert ((blue > 130) & (red < 90)).sum() > 50


@pytest.mark.parametrize("name", ["var(--x)", "var(--ink)"])
def test_a_signal_named_like_a_colour_is_a_name(name):
    card = long_card()
    card["importance"][0]["signal"] = name
    page = report_html(summary_of(card, VERSION), language("en"))
    document = pdfium.PdfDocument(pdf_of(page))
    assert name in "".join(page.get_textpage().get_text_bounded() for page in document)


def test_the_same_page_gives_the_same_file():
    page = report_html(summary_of(unmeasured_card(), VERSION), language("it"))
    assert pdf_of(page) == pdf_of(page)


def test_nothing_is_fetched_whatever_the_page_names():
    page = report_html(summary_of(unmeasured_card(), VERSION), language("en"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/spy.png"
        made = pdf_of(page.replace("<main>", f'<main><img alt="" src="{address}">'))
        assert made.startswith(b"%PDF")
        with pytest.raises(TimeoutError):
            server.accept()


def test_the_command_writes_a_pdf(run, tmp_path):
    bundle = dataclasses.replace(small_bundle(), card=document(unmeasured_card()))
    save_bundle(bundle, tmp_path / "bundle")
    output = tmp_path / "report.pdf"
    done = run("report", "--bundle", tmp_path / "bundle", "-o", output, "--lang", "pt")
    assert done.returncode == 0, done.stderr
    text = pdfium.PdfDocument(output)[0].get_textpage().get_text_bounded()
    assert "O que devo fazer?" in text


def test_without_weasyprint_the_command_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    bundle = dataclasses.replace(small_bundle(), card=document(unmeasured_card()))
    save_bundle(bundle, tmp_path / "bundle")
    done = run(
        "report", "--bundle", tmp_path / "bundle", "-o", tmp_path / "r.pdf", "--format", "pdf"
    )
    assert done.returncode == 1
    assert "lead-temperature[pdf]" in " ".join(done.stderr.split())
    assert not (tmp_path / "r.pdf").exists()
