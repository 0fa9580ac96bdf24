"""The list as a page: whole, safe, in each person's language."""

import re

import pytest

from serving.desk.people import Person
from serving.pages.speech import CODES
from serving.pages.work_page import person_language, work_page
from tests.support.bundles import SPEC
from tests.support.desk import house
from tests.support.pages import Page
from tests.support.work import HOSTILE, lively_list

ZONE = house().zone


def page(code: str | None = None, *, hostile: bool = False) -> str:
    return work_page(lively_list(hostile), SPEC, ZONE, has_previous=True, code=code)


def test_each_person_has_a_list_in_that_persons_language() -> None:
    sections = re.findall(r'<section class="person" lang="(\w+)".*?<bdi>(\w+)</bdi>', page())
    assert sections == [("pt", "ana"), ("ru", "boris"), ("en", "carla")]
    assert "Trabalho de hoje, 05/01/2026" in page()
    assert "Работа на сегодня, 05.01.2026" in page()


@pytest.mark.parametrize("code", CODES)
def test_the_whole_page_may_be_in_one_language(code: str) -> None:
    html = page(code)
    assert {*re.findall(r' lang="(\w+)"', html)} == {code}
    assert not {"None", "nan"} & set(Page(html).text.split())


def test_all_rows_are_there_with_their_links() -> None:
    links = re.findall(r'href="(https://[^"]+)"', page())
    expected = [row.link for row in lively_list().rows]
    assert links == expected
    assert len(links) == 7


def test_a_leads_name_is_text_and_nothing_is_fetched() -> None:
    html = page(hostile=True)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert HOSTILE not in html
    assert not re.search(r"(?:src|srcset)=|url\(|@import|<link", html)


def test_the_language_of_a_list_is_the_first_that_lists_are_written_in() -> None:
    def language_of(*languages: str) -> str:
        return person_language(Person(id="x", capacity=1, languages=languages))

    assert language_of("de", "it", "ru") == "it"
    assert language_of("de") == language_of() == "en"
