"""The report in five languages: nothing is left in English, and numbers follow the language."""

import ast
import dataclasses
import functools
import gettext
import inspect
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from features.export.privacy import (
    distinct_objection,
    name_objection,
    sensitive_objection,
    value_objection,
)
from features.language.kinds import Count, DaysSinceLatest, LatestValue, LeadAge, Mean, Selection
from features.language.wording import description, signal
from lead_temperature.verbs import report
from models.bundle import save_bundle
from models.plays import shipped_plays
from tests.support.bundles import small_bundle
from tests.support.cards import document, lifelike_card, summary_of, unmeasured_card
from tests.support.pages import Page
from tests.support.tables import tables_of
from training.audit import leaks
from training.audit.ageing import OpenLeadsWithValue
from training.audit.clock import Correlation, Truncation
from training.audit.echo import Agreement, log_quantities
from training.audit.timing import LeadShare, Timing
from training.dataset.lives import Lives
from training.report.render import bundle_report, report_html
from training.report.words.language import LANGUAGES, language
from training.report.words.messages import (
    catalogue_bytes,
    catalogue_path,
    messages,
    page_words_path,
    page_words_text,
)
from training.report.words.numerals import (
    NBSP,
    day,
    decimal,
    not_measured,
    percent,
    whole,
    with_interval,
)
from training.report.words.reasons import reason
from training.statistics.rates import RateEstimate

pytestmark = pytest.mark.long

VERSION = "2026-01-01-0f3a9c41d2"
TRANSLATED = LANGUAGES[1:]
PLACE = re.compile(r"%\((\w+)\)s")
TAG = re.compile(r"<[^>]*>")


def catalogue(code: str) -> Catalog:
    with catalogue_path(code).open("rb") as file:
        return read_po(file, locale=code)


def forms(text: str | tuple[str, ...]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


# The catalogues.


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_message_is_translated_in_every_form(code):
    translated = catalogue(code)
    missing = []
    for message in messages():
        if message.id:
            found = translated.get(message.id, message.context)
            wanted = translated.num_plurals if isinstance(message.id, tuple) else 1
            texts = forms(found.string) if found and not found.fuzzy else []
            if len(texts) != wanted or not all(texts):
                missing.append(message.id)
    assert missing == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_translations_have_the_places_and_the_tags_of_their_message(code):
    for message in catalogue(code):
        one, many = forms(message.id)[0], forms(message.id)[-1]
        for form, text in enumerate(forms(message.string) if message.id else []):
            # The first form is that of the number one alone, but in Russian that of 21, too.
            wanted = one if form == 0 and code != "ru" else many
            assert set(PLACE.findall(text)) == set(PLACE.findall(wanted)), text
            assert TAG.findall(text) == TAG.findall(wanted), text
            assert "%" not in PLACE.sub("", text).replace("%%", ""), text


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_catalogues_are_what_make_messages_writes(code):
    assert catalogue_path(code).read_bytes() == catalogue_bytes(code)


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_words_of_the_servers_pages_are_what_make_messages_writes(code):
    assert page_words_path(code).read_text(encoding="utf-8") == page_words_text(code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", ["1 day", "2 days", "5 days", "21 days"]),
        ("pt", ["1 dia", "2 dias", "5 dias", "21 dias"]),
        ("ru", ["1 день", "2 дня", "5 дней", "21 день"]),
        ("ro", ["1 zi", "2 zile", "5 zile", "21 de zile"]),
        ("it", ["1 giorno", "2 giorni", "5 giorni", "21 giorni"]),
    ],
)
def test_every_language_counts_as_it_does(code, expected):
    one, many = "%(n)s&nbsp;day", "%(n)s&nbsp;days"
    found = [language(code).ngettext(one, many, n, n=str(n)) for n in (1, 2, 5, 21)]
    assert [text.replace("&nbsp;", " ") for text in found] == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", ["0 to 1 day", "7 to 14 days", "60 to 120 days"]),
        ("pt", ["0 a 1 dia", "7 a 14 dias", "60 a 120 dias"]),
        ("ru", ["от 0 до 1 дня", "от 7 до 14 дней", "от 60 до 120 дней"]),
        ("ro", ["0–1 zi", "7–14 zile", "60–120 de zile"]),
        ("it", ["da 0 a 1 giorno", "da 7 a 14 giorni", "da 60 a 120 giorni"]),
    ],
)
def test_a_stretch_of_days_ends_as_its_last_number_wants_it(code, expected):
    one, many = "%(first)s to %(last)s&nbsp;day", "%(first)s to %(last)s&nbsp;days"
    found = [
        language(code).ngettext(one, many, last, first=str(first), last=str(last))
        for first, last in ((0, 1), (7, 14), (60, 120))
    ]
    assert [text.replace("&nbsp;", " ") for text in found] == expected


# The page.


class Bracketed(gettext.NullTranslations):
    """A catalogue that puts every message into brackets."""

    def gettext(self, message):
        return f"⟦{message}⟧"

    def ngettext(self, msgid1, msgid2, n):
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


def outside(text: str) -> str:
    """What stands in no bracket, however deep they lie."""
    while "⟦" in text:
        inner = re.sub(r"⟦[^⟦⟧]*⟧", "", text)
        assert inner != text, "brackets do not match"
        text = inner
    return text


@pytest.mark.parametrize("card", [lifelike_card, unmeasured_card])
def test_every_visible_word_is_a_message_or_the_users_own(card):
    bracketed = dataclasses.replace(language("en"), catalogue=Bracketed())
    html = report_html(summary_of(card(), VERSION), bracketed)
    # What the CRM or the training calls by name is marked as such: it is of any language.
    shown = re.sub(r"<(bdi|style|time)\b[^>]*>.*?</\1>", "", html, flags=re.DOTALL)
    page = Page(re.sub(r"<text[^>]*>[^⟦<]*</text>", _without_signal, shown))
    text = outside(page.text)
    for play_text in play_texts("en"):  # each is written in every language where the plays are
        text = text.replace(play_text, "")
    assert re.findall(r"[^\W\d_]{2,}", text) == []
    labels = [*page.all("aria-label"), *page.all("alt"), *page.all("title")]
    assert [label for label in labels if outside(label)] == []


def play_texts(code: str) -> list[str]:
    plays = [shipped_plays().play_for(band) for band in ("hot", "warm", "cold")]
    texts = [text for p in plays for text in (p.purpose, p.who, p.must_have, p.offer)]
    return [text.in_language(code) for text in texts]


def _without_signal(text: re.Match[str]) -> str:
    signals = {signal["signal"] for signal in lifelike_card()["importance"]}
    return "" if TAG.sub("", text[0]).strip() in signals else text[0]


@functools.cache
def page_in(code: str) -> Page:
    return Page(report_html(summary_of(lifelike_card(), VERSION), language(code)))


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_page_says_its_language_and_speaks_it(code):
    heading = {
        "en": "What should I do?", "pt": "O que devo fazer?", "ru": "Что делать?",
        "ro": "Ce am de făcut?", "it": "Che cosa devo fare?",
    }  # fmt: skip
    page = page_in(code)
    assert ("html", {"lang": code}) in page.tags
    assert heading[code] in page.text
    assert [text for text in play_texts(code) if text not in page.text] == []
    assert not {"None", "nan"} & set(page.text.split())


def test_the_same_figures_are_shown_in_every_language():
    def figures(code: str) -> list[tuple[str, ...]]:
        marked = [values for tag, values in page_in(code).tags if tag in ("data", "time")]
        names = ("value", "data-low", "data-high", "datetime")
        return sorted(tuple(values.get(name, "") for name in names) for values in marked)

    english = figures("en")
    assert len(english) > 100
    assert all(figures(code) == english for code in TRANSLATED)


# Numbers and dates.


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("en", ["12,345", "0.123", "3.5 %", "41 % (35 to 48 %)", "under 0.1 %"]),
        ("pt", ["12.345", "0,123", "3,5%", "41% (35–48%)", "menos de 0,1%"]),
        ("ru", ["12 345", "0,123", "3,5 %", "41 % (35–48 %)", "менее 0,1 %"]),
        ("ro", ["12.345", "0,123", "3,5 %", "41 % (35–48 %)", "sub 0,1 %"]),
        ("it", ["12.345", "0,123", "3,5%", "41% (35–48%)", "meno di 0,1%"]),
    ],
)
def test_numbers_are_written_as_the_language_writes_them(code, expected):
    speech = language(code)
    found = [
        whole(12345, speech),
        decimal(0.12345, speech),
        percent(0.0345, speech),
        with_interval(RateEstimate(0.41, 0.35, 0.48), speech),
        percent(0.0001, speech),
    ]
    assert [plain(text) for text in found] == expected


def plain(text: str) -> str:
    """Text without what keeps it on one line."""
    return text.replace(NBSP, " ").replace("\N{WORD JOINER}", "")


def test_a_number_and_its_unit_are_not_parted():
    for code in LANGUAGES:
        assert " " not in percent(0.41, language(code))
        assert " " not in day(datetime(2026, 1, 1, tzinfo=UTC), language(code))


def test_dates_are_written_as_the_language_writes_them():
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    found = [day(moment, language(code)).replace(NBSP, " ") for code in ("en", "ru", "it")]
    assert [text.split()[:3] for text in found] == [
        ["1", "March", "2026"],
        ["1", "марта", "2026"],
        ["1", "marzo", "2026"],
    ]


def test_what_was_not_measured_is_said_in_every_language():
    said = {not_measured(language(code)) for code in LANGUAGES}
    assert len(said) == len(LANGUAGES)
    for code in LANGUAGES:
        speech = language(code)
        assert {percent(None, speech), whole(None, speech), day(None, speech)} <= said


# Names of signals.


@pytest.mark.parametrize(
    ("feature", "english", "russian"),
    [
        (LeadAge(), "age of the lead", "возраст лида"),
        (Count(Selection(direction=("inbound",)), 7), "inbound", "входящие"),
        (Count(Selection(kind=("call", "chat")), 7), "call or chat", "звонок или чат"),
        (Count(Selection(channel=("fax",)), 7), "via fax", "по каналу «fax»"),
        (
            LatestValue(Selection(), "outcome", ()),
            "outcome of any interaction",
            "исход: любое взаимодействие",
        ),
        (
            Mean(Selection(kind=("call",)), "duration_seconds", None),
            "duration seconds of call",
            "длительность в секундах: звонок",
        ),
    ],
)
def test_signals_are_named_in_the_language(feature, english, russian):
    assert signal(feature) == english
    assert signal(feature, language("en")) == english
    assert signal(feature, language("ru")) == russian


def test_features_are_described_in_the_language():
    latest, calls = DaysSinceLatest(Selection(kind=("visit",))), Selection(kind=("call",))
    assert description(latest) == "days since the latest: visit"
    assert description(latest, language("it")) == "giorni dall’ultimo: visita"
    found = [description(Count(calls, days), language("ro")) for days in (1, 7, 30)]
    assert found == [
        "de câte ori: apel, în ultima zi",
        "de câte ori: apel, în ultimele 7 zile",
        "de câte ori: apel, în ultimele 30 de zile",
    ]


@pytest.mark.parametrize("name", ["100%", "%(n)s", "Reason", "hot", "{x}", "<b>"])
def test_words_of_the_users_own_stay_as_they_are(name):
    """Whatever they hold, and even if a message of the page happens to read the same."""
    assert signal(Count(Selection(kind=(name,)), 7), language("ru")) == name.replace("_", " ")


def test_the_names_of_signals_reach_the_page():
    card = lifelike_card()
    bundle = small_bundle()
    names = [signal(feature) for feature in bundle.spec.features]
    for shown, name in zip(card["importance"], dict.fromkeys(names), strict=False):
        shown["signal"] = name
    page = Page(bundle_report(dataclasses.replace(bundle, card=document(card)), "it"))
    assert "lead age" not in page.text
    assert page.words.count(signal(bundle.spec.features[0], language("it"))) >= 2


# Why columns were left out.


def reasons() -> list[str]:
    """All reasons that there are, by those who give them."""
    base, many = LeadShare(800, 8000), LeadShare(3990, 4000)
    timed = Timing(*[many] * 7, days_before_won=0.2)
    nothing = np.zeros(0, np.int64)
    empty = Lives(nothing, nothing, nothing, 0)
    agreed = [
        Agreement(one.name, one.kind, many, 0.1) for one in log_quantities(tables_of([]), empty)
    ]
    certain, none = Correlation(0.912, 0.887, 1234), Correlation(None, None, 0)
    audited = [
        leaks.late_reason(timed),
        leaks.is_the_sale_reason(many, base, timed),
        *(leaks.echo_reason([one]) for one in agreed),
        leaks.clock_reason(certain, none),
        leaks.clock_reason(none, certain),
        leaks.truncation_reason(Truncation(1234.5, 3)),
        leaks.only_on_ended_reason(OpenLeadsWithValue("gold", 0, 1234.5, -9.0, -4.0)),
        leaks.only_on_ended_reason(OpenLeadsWithValue("gold; (3 rows)", 3, 44.5, -9.0, -4.0)),
    ]
    assert all(audited)
    names = [sensitive_objection(word) for word in ("age", "renda", "дети", "sesso", "religie")]
    names += [
        name_objection(word) for word in ("contactName", "email", "phone", "rua", "iban", "notes")
    ]
    values = [["a@b.it"] * 9, ["+39 055 123456"] * 9, ["one two three four five six seven"] * 9]
    valued = [value_objection(pa.chunked_array([texts])) for texts in values]
    distinct = distinct_objection(pa.chunked_array([[f"id {i}" for i in range(5000)]]))
    found = [*names, *valued, distinct, "it has no value in any row"]
    assert all(found)
    found = [one for one in found if one]
    return [
        *found,
        *(f"{one} (1234 rows)" for one in found),
        *(f"quarantined by the audit: {one}" for one in audited),
        f"quarantined by the audit: {'; '.join(audited)}",
        "named in [audit] drop",
    ]


@pytest.mark.parametrize("text", [one for one in reasons() if "gold;" not in one])
def test_every_reason_is_said_in_the_language(text):
    assert _rounded(reason(text, language("en"))) == _rounded(text)
    russian = reason(text, language("ru"))
    left = re.sub(
        r"AUC|gold|\[audit\] drop|allow_sensitive|allow_flags|kinds|fixed_at_creation", "", russian
    )
    assert not re.search(r"[A-Za-z]", left), russian


def _rounded(text: str) -> str:
    """Text without its percentages, which the report rounds in its own way."""
    return re.sub(r"[\d.]+ %", "%", text.replace(NBSP, " ").replace(",", ""))


@given(st.text() | st.lists(st.sampled_from(reasons()), max_size=3).map("; ".join))
def test_any_reason_is_said_whatever_it_holds(text):
    assert isinstance(reason(text, language("it")), str)


def test_a_reason_that_nobody_gives_stays_as_it_is():
    for text in ("seen by the moon", "100%", "%(what)s", "sensitive: ", "; ; (x rows)"):
        assert reason(text, language("ru")) == text


ROOT = Path(__file__).resolve().parents[4]


def doubts() -> list[str]:
    """Names of all suspicions, as the modules that have them write them."""
    names = []
    for path in sorted((ROOT / "features" / "export").glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Suspicion":
                names += [ast.unparse(text) for text in literals(call.args[0])]
    texts = [str(ast.literal_eval(name)) for name in names if not name.startswith("f")]
    alike = ("leading zeros", "upper and lower case", "blanks and signs")
    return [*texts, *(f"ids that would match without {difference}" for difference in alike)]


def literals(node: ast.expr) -> list[ast.expr]:
    """Texts that an argument may be."""
    return [*literals(node.body), *literals(node.orelse)] if isinstance(node, ast.IfExp) else [node]


@pytest.mark.parametrize("name", doubts())
@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_every_doubt_is_said_in_the_language(name, code):
    assert reason(name, language("en")) == name
    assert reason(name, language(code)) != name


def test_doubts_are_found_where_they_are():
    assert len(doubts()) > 20


# The command.


def test_the_command_offers_all_languages():
    annotation = inspect.signature(report.report, eval_str=True).parameters["lang"]
    assert get_args(get_args(annotation.annotation)[0]) == LANGUAGES


def test_the_command_writes_the_report_in_a_language(run, tmp_path):
    bundle = dataclasses.replace(small_bundle(), card=document(lifelike_card()))
    save_bundle(bundle, tmp_path / "bundle")
    command = ("report", "--bundle", tmp_path / "bundle", "-o", tmp_path / "report.html")
    assert run(*command, "--lang", "ro").returncode == 0
    assert '<html lang="ro">' in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert run(*command, "--lang", "de").returncode == 2


def test_a_language_that_is_not_spoken_is_refused_by_name():
    with pytest.raises(ValueError, match="speaks en, pt, ru, ro, it; got 'de'"):
        language("de")
