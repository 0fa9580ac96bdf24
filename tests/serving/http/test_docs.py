"""The page of the routes: complete, without scripts, and deaf to what a bundle's names say."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from serving.http.docs import docs_page


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def document(client) -> dict[str, Any]:
    return client.get("/openapi.json").json()


@pytest.fixture(scope="module")
def page(client) -> Page:
    return Page(client.get("/docs").text)


def test_the_page_may_neither_run_scripts_nor_load_anything(client, page) -> None:
    answer = client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?://", answer.text)


def test_every_route_stands_with_its_examples_and_refusals(page, document) -> None:
    words = " ".join(page.text.split())
    for path, routes in document["paths"].items():
        for method, route in routes.items():
            assert f"{method.upper()} {path} {route['summary']}" in words
            for status, answer in route["responses"].items():
                assert f"{status} {answer['description']}" in words
    assert '"lead_id": "L-1001"' in page.text
    assert '"hot_probability":' in page.text
    assert "reasons integer, 0 to 20 How many signals to name. Default: 3." in words
    assert (
        'include array of "trend", "forecast" or "change", at least 1 What else to answer' in words
    )


def test_every_example_stands_with_what_it_is_of(page, document) -> None:
    answers = document["paths"]["/v1/score"]["post"]["responses"]
    examples = answers["200"]["content"]["application/json"]["examples"]
    assert len(examples) == 2
    for name, example in examples.items():
        assert f"{name}\n{json.dumps(example['value'], indent=2, ensure_ascii=False)}" in page.text


def test_a_text_that_is_no_json_stands_as_it_is(page, document) -> None:
    figures = document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]["text/plain"]
    assert figures["example"] in page.text


def test_every_schema_stands_with_its_fields(page, document) -> None:
    words = " ".join(page.text.split())
    for name, schema in document["components"]["schemas"].items():
        assert name in words
        for field in schema.get("properties", {}):
            assert field in words
    assert "created_at required text, date-time When the lead was created." in words
    assert "interactions array of Interaction, at most 10,000, or null" in words
    assert 'band required "cold", "warm" or "hot"' in words


def test_every_reference_leads_somewhere(page) -> None:
    ids = [values["id"] for _, values in page.tags if "id" in values]
    wanted = [values["href"] for _, values in page.tags if "href" in values]
    assert len(ids) == len(set(ids))
    assert set(wanted) - {"openapi.json", "leads/try", "data:,"} <= {f"#{name}" for name in ids}


def test_hostile_names_of_a_bundle_show_as_text(page, document) -> None:
    hostile = "<script>alert(1)</script>\"'&amp;"
    schemas = document["components"]["schemas"]
    evil = schemas["Attributes"] | {"properties": {hostile: {"type": "string", "title": hostile}}}
    made = Page(docs_page(document | {"components": {"schemas": schemas | {"Attributes": evil}}}))
    assert hostile in made.text
    assert {tag for tag, _ in made.tags} == {tag for tag, _ in page.tags}
