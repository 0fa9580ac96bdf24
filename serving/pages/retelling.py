"""The server's English sentences in a reader's language, where Python writes the page.

The script of the page on which a person tries a lead does the same in the browser: a sentence is
recognised by its message (`serving.pages.phrases`), taken apart and said anew with the same values.
What is not recognised stays as it is.

Tests: tests/serving/pages/test_work_words.py.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from features.language.kinds import Count
from features.language.spec import Spec, selections
from features.language.wording import signal
from serving.pages.phrases import NUMBER_GROUPS, PHRASE_GROUPS, phrases
from serving.pages.speech import Speech, speech

_SHARE = " %"
_NO_BREAK = "\N{NO-BREAK SPACE}"


def signal_words(spec: Spec, spoken: Speech) -> dict[str, str]:
    """Signals of a spec and usual words of a CRM in a language, by their English names.

    Parameters
    ----------
    spec : Spec
        Features whose signals are named.
    spoken : Speech
        The language.
    """
    words = {name: spoken.word(name) for name in spoken.vocabulary}
    for feature in spec.features:
        words[signal(feature)] = signal(feature, spoken)
        # A reason about a share or a streak names its second selection, too.
        for counted in selections(feature)[1:]:
            count = Count(counted, None)
            words[signal(count)] = signal(count, spoken)
    return words


def decimal_text(value: float, spoken: Speech, digits: int) -> str:
    r"""Number with so many decimals, as the language writes it.

    Parameters
    ----------
    value : float
        The number.
    spoken : Speech
        The language.
    digits : int
        Decimals.

    Examples
    --------
    >>> from serving.pages.speech import speech
    >>> decimal_text(1234.5, speech("ru"), 1), decimal_text(1234.5, speech("en"), 1)
    ('1\xa0234,5', '1,234.5')
    """
    text = f"{value:,.{digits}f}"
    if spoken.code == "en":
        return text
    thousands = {"ru": _NO_BREAK}.get(spoken.code, ".")
    return text.replace(",", "_").replace(".", ",").replace("_", thousands)


def percent_text(share: float, spoken: Speech, digits: int = 0) -> str:
    r"""Share in per cent, as the language writes it.

    Parameters
    ----------
    share : float
        From 0 to 1.
    spoken : Speech
        The language.
    digits : int
        Decimals.

    Examples
    --------
    >>> from serving.pages.speech import speech
    >>> percent_text(0.125, speech("it"), 1)
    '12,5\xa0%'
    """
    return f"{decimal_text(100 * share, spoken, digits)}{_NO_BREAK}%"


@dataclass(frozen=True, slots=True)
class Retelling:
    """Sentences of the server in one language.

    Parameters
    ----------
    spoken : Speech
        The language.
    words : mapping of str to str
        Signals and words of the CRM (`signal_words`).
    """

    spoken: Speech
    words: Mapping[str, str]

    def retell(self, text: str) -> str:
        """Sentence in the language; as it is, if no message is like it.

        Examples
        --------
        >>> from serving.pages.speech import speech
        >>> Retelling(speech("it"), {}).retell("3 in the last 7 days")
        '3 negli ultimi 7 giorni'
        """
        if self.spoken.code == "en":
            return text
        if text in self.words:
            return self.words[text]
        for pattern, names, forms in _patterns(self.spoken.code):
            if match := pattern.search(text):
                values = dict(zip(names, match.groups(), strict=True))
                number = values.get("n", "1").replace(",", "")
                form = self.spoken.form_of(float(number)) if len(forms) > 1 else 0
                parts = {name: self._part(name, value) for name, value in values.items()}
                return forms[form] % {"n": "1", **parts}
        return text

    def retell_value(self, signal_name: str, text: str) -> str:
        """A lead's value of a signal, which stands behind the signal's name.

        Parameters
        ----------
        signal_name : str
            The signal in English.
        text : str
            Such as "call: 3 in the last 7 days".
        """
        name = f"{signal_name}: "
        if signal_name and text.startswith(name):
            return f"{self.retell(signal_name)}: {self.retell(text.removeprefix(name))}"
        return self.retell(text)

    def _part(self, name: str, text: str) -> str:
        if name in NUMBER_GROUPS:
            plain = text.replace(",", "").removesuffix(_SHARE)
            if text.endswith(_SHARE):
                return percent_text(float(plain) / 100, self.spoken)
            _, _, decimals = plain.partition(".")
            return decimal_text(float(plain), self.spoken, 6 if "e" in plain else len(decimals))
        return self.retell(text) if name in (*PHRASE_GROUPS, "names", "found") else text


@functools.cache
def _patterns(code: str) -> list[tuple[re.Pattern[str], tuple[str, ...], tuple[str, ...]]]:
    return [
        (re.compile(phrase.pattern, re.DOTALL), phrase.group_names, phrase.forms)
        for phrase in phrases(speech(code))
    ]
