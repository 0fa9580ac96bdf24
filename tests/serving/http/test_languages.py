"""The language that a browser asks for, among those that are there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bundle import REPORTS, save_bundle
from serving.http.app import create_app
from serving.http.languages import preferred_language
from tests.support.bundles import small_bundle
from tests.support.http import TestClient

OFFERED = ("en", "pt", "ru", "ro", "it")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("ru", "ru"),
        ("RU", "ru"),
        ("pt-BR", "pt"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("de-DE, de;q=0.9, it;q=0.5, en;q=0.4", "it"),
        ("en;q=0.2, ro ; q=0.9", "ro"),
        ("it;q=0.5, ru;q=0.5", "it"),
        ("de, fr", "en"),
        ("*", "en"),
        ("*;q=0.5, ru;q=0.4", "en"),
        ("en;q=0, *;q=0.1", "pt"),
        ("ru;q=0", "en"),
        ("ru;q=0, ru-RU", "en"),
        ("it;q=1.000, ru;q=1.001", "it"),
        ("ru;q=-1, ro;q=nan, it;q=0.001", "it"),
        ("ru;level=1, it;q=0.1", "it"),
        ("ru_RU, zh-Hant-HK, it-CH-1996", "it"),
        (",,;q=1, ,ro", "ro"),
        ("%s%n\x00, ru", "ru"),
    ],
)
def test_the_weightiest_language_that_is_there_is_given(header, expected):
    assert preferred_language(header, OFFERED) == expected


@given(st.text(alphabet="enrupto-*;q=0.123456789, \t") | st.text(), st.integers(1, 5))
def test_any_header_gets_a_language_that_is_there(header, most):
    offered = OFFERED[:most]
    assert preferred_language(header, offered) in offered


@given(st.lists(st.tuples(st.sampled_from(OFFERED), st.integers(1, 1000)), min_size=1))
def test_no_language_outweighs_the_one_that_is_given(ranges):
    weight: dict[str, int] = {}
    for code, thousandths in ranges:
        weight[code] = max(weight.get(code, 0), thousandths)
    header = ",".join(f"{code};q={thousandths / 1000:.3f}" for code, thousandths in ranges)
    assert weight[preferred_language(header, OFFERED)] == max(weight.values())


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "bundle"
    save_bundle(small_bundle(), folder, {name: code for code, name in REPORTS.items()})
    with TestClient(create_app(folder)) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/report"])
@pytest.mark.parametrize(
    ("header", "code"), [("ru-RU,ru;q=0.9", "ru"), ("pt-BR", "pt"), ("xx", "en")]
)
def test_the_report_comes_in_the_language_of_the_browser(served, path, header, code):
    answer = served.get(path, headers={"Accept-Language": header})
    assert (answer.text, answer.headers["content-language"]) == (code, code)
    assert "Accept-Language" in answer.headers["vary"]


def test_a_bundle_with_one_report_serves_that_one(tmp_path):
    save_bundle(small_bundle(), tmp_path / "bundle", {REPORTS["it"]: "rapporto"})
    answer = TestClient(create_app(tmp_path / "bundle")).get("/report", headers={"Accept": "*/*"})
    assert answer.text == "rapporto"
    assert answer.headers["content-language"] == "it"


def test_a_bundle_without_a_report_says_so(tmp_path):
    save_bundle(small_bundle(), tmp_path / "bundle")
    answer = TestClient(create_app(tmp_path / "bundle")).get("/report")
    assert answer.status_code == 404
    assert "lead-temperature report" in answer.json()["detail"]
