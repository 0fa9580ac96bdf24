"""The list's sentences in every language: all are translated, and the model's own are retold."""

import pytest

from features.language.wording import signal
from models.explain import Reason
from serving.pages.phrases import phrases
from serving.pages.retelling import Retelling, decimal_text, percent_text, signal_words
from serving.pages.speech import CODES, speech
from serving.pages.work_words import list_reader, row_texts
from tests.support.bundles import SPEC
from tests.support.desk import house
from tests.support.work import lively_list

WORKLIST = lively_list()


@pytest.mark.parametrize("code", CODES[1:])
def test_no_sentence_stays_english(code: str) -> None:
    english = list_reader(SPEC, speech("en"), house().zone, has_previous=True)
    reader = list_reader(SPEC, speech(code), house().zone, has_previous=True)
    for row in WORKLIST.rows:
        said, meant = row_texts(row, reader), row_texts(row, english)
        for name in ("band", "clock", "due", "purpose", "offer", "must_have", "mention"):
            text = getattr(meant, name)
            assert not text or getattr(said, name) != text, (name, text)
        for name in ("reasons", "changes", "outcomes"):
            assert len(getattr(said, name)) == len(getattr(meant, name))
            for one, other in zip(getattr(said, name), getattr(meant, name), strict=True):
                assert one != other


def test_every_reason_of_a_model_is_recognised() -> None:
    """A sentence that no message is like would stay English in the middle of a list."""
    known = [phrase.pattern for phrase in phrases(speech("it"))]
    assert known
    retelling = Retelling(speech("it"), signal_words(SPEC, speech("it")))
    for row in WORKLIST.rows:
        for reason in row.details.reasons:
            told = retelling.retell_value(reason.signal, reason.text)
            assert told != reason.text, reason


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("it", "3 in the last 7 days", "3 negli ultimi 7 giorni"),
        ("ru", "the latest 2 days ago", "в последний раз: 2 дня назад"),
        ("ru", "the latest 5 days ago", "в последний раз: 5 дней назад"),
        ("pt", "weight 1,234.5, halved every 7 days", "peso 1.234,5, pela metade a cada 7 dias"),
        ("ro", "something that no message is like", "something that no message is like"),
        ("en", "3 in the last 7 days", "3 in the last 7 days"),
    ],
    ids=["count", "few", "many", "decimals", "unknown", "english"],
)
def test_sentences_are_retold_as_the_browser_does(code: str, text: str, expected: str) -> None:
    assert Retelling(speech(code), {}).retell(text) == expected


def test_a_value_stands_behind_the_name_of_its_signal() -> None:
    italian = speech("it")
    name = signal(SPEC.features[6])
    retelling = Retelling(italian, signal_words(SPEC, italian))
    reason = Reason(name, 4.0, f"{name}: 2 in the last 7 days")
    assert retelling.retell_value(reason.signal, reason.text) == (
        f"{signal(SPEC.features[6], italian)}: 2 negli ultimi 7 giorni"
    )


def test_numbers_are_written_as_each_language_writes_them() -> None:
    written = {code: decimal_text(-1234.56, speech(code), 1) for code in CODES}
    assert written == {
        "en": "-1,234.6",
        "pt": "-1.234,6",
        "ru": "-1\N{NO-BREAK SPACE}234,6",
        "ro": "-1.234,6",
        "it": "-1.234,6",
    }
    assert percent_text(0.005, speech("ro"), 1) == "0,5\N{NO-BREAK SPACE}%"
