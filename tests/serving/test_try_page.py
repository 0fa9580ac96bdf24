"""The page to try a lead on: one answer, one script that its policy knows, words in one place."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import serving
from serving.model import ServedModel
from serving.try_page import TEXTS, Example, examples_of, try_page

FILES = Path(serving.__file__).parent
HOSTILE = "</script><script>alert(1)</script><!--'\"&amp;"
NO_WORDS = {"language", "style", "script", "data"}
"""Places of the page that hold no words."""


class Page(HTMLParser):
    """Elements of the page in their order, and the text that each begins with."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.texts.append("")
        self.inside = True

    def handle_endtag(self, tag):  # noqa: ARG002 - the parent names it
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.texts[-1] += data

    def text(self, tag: str, **attributes: str) -> str:
        (found,) = (
            text
            for (name, having), text in zip(self.elements, self.texts, strict=True)
            if name == tag and attributes.items() <= having.items()
        )
        return found


def data(page: Page) -> dict[str, Any]:
    return json.loads(page.text("script", id="data"))


@pytest.fixture(scope="module")
def answer(client):
    return client.get("/leads/try")


@pytest.fixture(scope="module")
def page(answer) -> Page:
    return Page(answer.text)


def test_the_policy_knows_the_pages_own_script_and_style_alone(answer, page) -> None:
    def hashed(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'sha256-{hashed(page.text('script', type='module'))}'",
        "style-src": f"'sha256-{hashed(page.text('style'))}'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_the_page_needs_no_other_address(answer, page) -> None:
    addresses = {values.get("href") or values.get("src") for _, values in page.elements}
    assert addresses == {None, "data:,", "../report", "../docs"}
    found = set(re.findall(r"https?://[^\s\"'`]+", answer.text))
    assert found == {"http://www.w3.org/2000/svg"}
    handlers = [name for _, values in page.elements for name in values if name.startswith("on")]
    assert handlers == []
    assert "style" not in {name for _, values in page.elements for name in values}


def test_every_example_scores(client, page) -> None:
    examples = data(page)["examples"]
    assert len(examples) == 1 + 8
    for example in examples:
        scored = client.post(
            "/v1/score" + data(page)["query"],
            content=example["text"],
            headers={"content-type": "application/json"},
        ).json()
        assert TEXTS[scored["band"]] in example["label"]
        assert scored["trend"]
        assert scored["forecast"]


def test_a_bundle_without_golden_leads_has_an_example(model: ServedModel) -> None:
    (example,) = examples_of(model, None)
    assert example.lead["lead_id"] == "L-1001"


def test_hostile_names_are_text(model: ServedModel, page) -> None:
    made = Page(try_page(model, [Example({HOSTILE: HOSTILE}, "hot")], False).content.decode())
    assert json.loads(data(made)["examples"][0]["text"]) == {HOSTILE: HOSTILE}
    assert made.elements == page.elements


@pytest.mark.parametrize("needs_key", [True, False])
def test_the_script_is_told_whether_scoring_needs_a_key(model: ServedModel, needs_key) -> None:
    made = try_page(model, examples_of(model, None), needs_key)
    assert data(Page(made.content.decode()))["needsKey"] is needs_key


def test_the_script_is_told_the_cut_offs(model: ServedModel, page) -> None:
    assert data(page)["cutoffs"] == {"hot": 0.3, "warm": 0.3}


def test_every_word_stands_among_the_texts_and_each_is_used() -> None:
    html, script = ((FILES / f"try_page.{suffix}").read_text() for suffix in ("html", "js"))
    in_html = set(re.findall(r"\$(\w+)", html)) - NO_WORDS
    in_script = set(re.findall(r"texts\.(\w+)|say\(\"(\w+)\"", script))
    named = in_html | {name for pair in in_script for name in pair if name}
    # Some are found by a word of the answer.
    named |= {"hot", "warm", "cold", "heating", "cooling", "steady", "example"}
    named |= {name for name in TEXTS if f'["{name}", ' in script}
    assert named == set(TEXTS)
    assert not re.findall(r">\s*[A-Za-z][^<$]*<", re.sub(r"<(script|style)>.*", "", html))


def test_each_place_in_a_text_has_a_value_in_the_script() -> None:
    script = (FILES / "try_page.js").read_text()
    spread = {"change": {"text", "before"}}  # of an object of the answer
    for name, values in re.findall(r'say\("(\w+)"(?:, \{([^}]*)\})?', script):
        given = set(re.findall(r"(\w+)(?=\s*[:,}]|\s*$)", values))
        assert set(re.findall(r"\{(\w+)\}", TEXTS[name])) <= given | spread.get(name, set()), name


def test_the_script_makes_no_markup_of_text() -> None:
    script = (FILES / "try_page.js").read_text()
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(", script
    )
