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
from features.language.kinds import (
    KINDS,
    AttributeCategory,
    AttributeNumber,
    Calendar,
    Count,
    DaysSinceAttribute,
    DaysSinceFirst,
    DaysSinceLatest,
    DaysToFirst,
    Decayed,
    Distinct,
    Gap,
    KnownAttributes,
    LatestValue,
    LeadAge,
    Maximum,
    Mean,
    Rate,
    Selection,
    Share,
    Streak,
    Total,
    Trend,
)
from features.language.wording import in_words, signal
from models.bands import Bands
from models.card import CardDocument
from serving.answers.model import ServedModel
from serving.pages.phrases import PAGE_MESSAGES, is_recognised, phrases
from serving.pages.speech import CODES, NAMES, speech
from serving.pages.try_page import TEXTS, Example, page_examples, try_page

FILES = Path(serving.__file__).parent / "pages"
HOSTILE = "</script><script>alert(1)</script><!--'\"&amp;"
NO_WORDS = {"language", "languages", "style", "script", "data"}
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
    others = {f"?lang={code}" for code in CODES[1:]}
    assert addresses == {None, "data:,", "../report?lang=en", "../docs"} | others
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
    (example,) = page_examples(model, None)
    assert example.lead["lead_id"] == "L-1001"


def test_hostile_names_are_text(model: ServedModel, page) -> None:
    made = Page(try_page(model, [Example({HOSTILE: HOSTILE}, "hot")], False).content.decode())
    assert json.loads(data(made)["examples"][0]["text"]) == {HOSTILE: HOSTILE}
    assert made.elements == page.elements


@pytest.mark.parametrize("needs_key", [True, False])
def test_the_script_is_told_whether_scoring_needs_a_key(model: ServedModel, needs_key) -> None:
    made = try_page(model, page_examples(model, None), needs_key)
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
    for name, values in re.findall(r'say\("(\w+)"(?:, \{([^}]*)\})?', script):
        given = set(re.findall(r"(\w+)(?=\s*[:,}]|\s*$)", values))
        assert set(re.findall(r"%\((\w+)\)s", TEXTS[name])) <= given, name


def test_the_script_makes_no_markup_of_text() -> None:
    script = (FILES / "try_page.js").read_text()
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(", script
    )


# In five languages.


@pytest.mark.parametrize("code", CODES)
def test_the_page_comes_in_the_language_that_the_browser_asks_for(client, code) -> None:
    answer = client.get("/leads/try", headers={"accept-language": f"{code}-MD, de;q=0.5"})
    assert answer.headers["content-language"] == code
    assert answer.headers["vary"] == "Accept-Language"
    made = Page(answer.text)
    assert made.text("h1") == speech(code).gettext(TEXTS["title"])
    assert ("html", {"lang": code}) in made.elements


def test_its_links_change_the_language_whatever_the_browser_asks_for(client, page) -> None:
    for code in CODES[1:]:
        assert page.text("a", href=f"?lang={code}") == NAMES[code]
        answer = client.get(f"/leads/try?lang={code}", headers={"accept-language": "en"})
        assert answer.headers["content-language"] == code
    unknown = client.get("/leads/try?lang=de", headers={"accept-language": "ro"})
    assert unknown.headers["content-language"] == "ro"


@pytest.mark.parametrize("code", CODES[1:])
def test_no_text_of_the_page_or_of_the_server_is_untranslated(code) -> None:
    spoken = speech(code)
    english = [*TEXTS.values(), *PAGE_MESSAGES]
    assert [text for text in english if not all(spoken.forms(text))] == []
    for text in english:
        assert (text if isinstance(text, str) else text[0]) in spoken.messages
    alike = {text for text in english if spoken.forms(text)[0] == text}
    # Words that two languages share, and what is but places.
    assert alike <= {"%(n)s %(when)s", "%(number)s\N{NO-BREAK SPACE}%%", "Model", "API", "none"}


@pytest.mark.parametrize("code", CODES[1:])
def test_the_words_of_the_page_are_those_of_the_language(model: ServedModel, code) -> None:
    made = try_page(model, page_examples(model, None), False, code).content.decode()
    shown = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", made, flags=re.DOTALL)
    left = [text for text in TEXTS.values() if len(text) > 8 and f">{text}<" in shown]
    assert left == []
    texts = data(Page(made))["texts"]
    assert set(texts) == set(TEXTS)
    places = {name: sorted(re.findall(r"%\((\w+)\)s", text)) for name, text in TEXTS.items()}
    assert {n: sorted(re.findall(r"%\((\w+)\)s", text)) for n, text in texts.items()} == places


@pytest.mark.parametrize("code", CODES[1:])
def test_numbers_count_as_the_language_does(code) -> None:
    said = [speech(code).ngettext("%(n)s day", "%(n)s days", n, n=str(n)) for n in (1, 3, 5, 21)]
    assert (
        said
        == {
            "pt": ["1 dia", "3 dias", "5 dias", "21 dias"],
            "ru": ["1 день", "3 дня", "5 дней", "21 день"],
            "ro": ["1 zi", "3 zile", "5 zile", "21 de zile"],
            "it": ["1 giorno", "3 giorni", "5 giorni", "21 giorni"],
        }[code]
    )


CALLS, VISITS = Selection(kind=("call",)), Selection(kind=("visit",), channel=("web",))
FEATURES = (
    LeadAge(),
    Calendar("hour", "UTC"),
    Calendar("weekday", "UTC"),
    AttributeNumber("size"),
    AttributeCategory("source", ("referral",)),
    DaysSinceAttribute("met_at"),
    DaysSinceAttribute("refused_at"),
    AttributeCategory("refusal_reason", ("referral",)),
    KnownAttributes(("a", "b")),
    *(
        made(CALLS, *more, days)
        for days in (1, 7, None)
        for made, more in (
            (Count, ()),
            (Total, ("seconds",)),
            (Mean, ("seconds",)),
            (Maximum, ("seconds",)),
            (Share, (VISITS,)),
        )
    ),
    Rate(CALLS, 7),
    Trend(CALLS, 7, 28),
    Distinct(CALLS, "agent", ("anna",), 7),
    LatestValue(CALLS, "outcome", ("refused",)),
    DaysSinceLatest(CALLS),
    DaysSinceFirst(CALLS),
    DaysToFirst(CALLS),
    *(Gap(CALLS, statistic) for statistic in ("mean", "spread", "relative")),
    Streak(CALLS, VISITS),
    Decayed(CALLS, 7),
)


def test_no_kind_of_feature_is_left_out() -> None:
    assert {type(feature) for feature in FEATURES} == set(KINDS.values())


ALWAYS_KNOWN = (Calendar, LeadAge, KnownAttributes, Count, Distinct, Rate, Trend, Decayed, Streak)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda one: type(one).__name__)
def test_every_value_of_a_feature_is_recognised(feature) -> None:
    known = phrases(speech("ru"))
    values = (0.0, 0.0001, 0.02, 1.0, 2.5, 6.0)
    unknown = () if isinstance(feature, ALWAYS_KNOWN) else (float("nan"),)
    for value in (*values, *unknown):
        said = in_words(feature, value).removeprefix(f"{signal(feature)}: ")
        number = re.fullmatch(r"-?[\d.,]+(e-?\d+)?", said)
        assert number or said in ("referral", "refused") or is_recognised(said, known), said


@pytest.mark.parametrize(
    ("bands", "previous"),
    [
        (Bands(hot=0.3, warm=0.2), None),
        (Bands(hot=0.3, warm=0.2, hysteresis=0.2), "hot"),
        (Bands(hot=None, warm=0.2), None),
        (Bands(hot=0.3, warm=0.2, decided_by="low end"), None),
        (Bands(hot=0.3, warm=0.2, hysteresis=0.2, decided_by="low end"), "hot"),
    ],
)
def test_every_reason_of_a_band_is_recognised(bands: Bands, previous) -> None:
    known = phrases(speech("it"))
    for low in (0.01, 0.19, 0.25, 0.28, 0.5):
        for part in bands.comparison_text(low, low, previous).split("; "):
            assert is_recognised(part, known), part


def test_a_warning_of_a_promise_that_did_not_hold_is_recognised() -> None:
    promise = {"finding": "broken", "words": "of 1,000 at most 20 buy", "sentence": "3 % bought"}
    end = {"data_end": "2026-01-01T00:00:00+00:00"}
    card = CardDocument.of({**end, "bands": {"cold": {"promise": promise}}})
    for language in ("it", "pt", "ro", "ru"):
        assert is_recognised(card.served.promise_warnings["cold"], phrases(speech(language)))


def test_what_every_answer_says_of_the_model_is_recognised() -> None:
    day = "2025-11-28T00:00:00+00:00"
    latest = {"first_look": day, "last_look": day, "bought": 9, "expected": 30.0, "changed": True}
    hot = {"hot": {"predictor": "base rate", "calibration": {"latest_weeks": latest}}}
    cautions = CardDocument.of({"data_end": day, "horizons": hot}).served.cautions
    assert len(cautions) == 2
    for language in ("it", "pt", "ro", "ru"):
        for caution in cautions:
            assert is_recognised(caution, phrases(speech(language)))


def test_what_the_server_answers_of_its_examples_is_recognised(client, page) -> None:
    known = phrases(speech("ro"))
    for example in data(page)["examples"]:
        lead = json.loads(example["text"])
        lead["attributes"] = {"country": "atlantis"}
        sent = json.dumps(lead)
        answer = client.post(
            "/v1/score?include=trend,forecast",
            content=sent,
            headers={"content-type": "application/json"},
        ).json()
        for said in (*answer["warnings"], answer["trend"]["verdict_reason"]):
            assert is_recognised(said, known), said
        assert any("atlantis" in warning for warning in answer["warnings"])


@pytest.mark.parametrize(
    "lead",
    [
        {"lead_id": 1, "created_at": "x", "foo": 3},
        {"lead_id": "", "created_at": "2026-02-31T00:00:00Z"},
        {"lead_id": "a" * 5000, "created_at": "1812-01-01T00:00:00Z"},
        {"lead_id": "1", "created_at": "2199-01-01T00:00:00Z"},
        {"lead_id": "1", "created_at": "1970-01-10T00:00:00Z", "as_of": "1970-01-09T00:00:00Z"},
        {"lead_id": "1", "created_at": "1970-01-10T00:00:00Z", "previous_band": "boiling"},
        {"lead_id": "1", "created_at": "1970-01-10T00:00:00Z", "interactions": {}},
        {"lead_id": "1", "created_at": "1970-01-10T00:00:00Z", "attributes": []},
        {"lead_id": "1", "created_at": "1970-01-10T00:00:00Z", "interactions": [{"measures": 1}]},
    ],
)
def test_what_is_to_mend_is_recognised(client, lead) -> None:
    known = phrases(speech("pt"))
    answer = client.post("/v1/score", json=lead)
    assert answer.status_code == 422
    for error in answer.json()["errors"]:
        for part in ("law", "way_out"):
            assert is_recognised(error[part], known), error
