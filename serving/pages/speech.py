"""The languages of the pages that the server itself makes.

``make messages`` compiles the report's catalogues for these pages into ``locale/<code>.json``: the
translation of each message, or one for each plural form. So the server needs no library that reads
catalogues or templates. The messages themselves are English.
"""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from models.bundle import REPORTS

CODES = tuple(REPORTS)
NAMES = {
    "en": "English", "pt": "Português", "ru": "Русский", "ro": "Română", "it": "Italiano",
}  # fmt: skip
"""What each language calls itself."""


def _western(n: int) -> int:
    return int(n != 1)


def _slavic(n: int) -> int:
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else 2


def _romanian(n: int) -> int:
    if n == 1:
        return 0
    return 1 if n == 0 or 1 <= n % 100 <= 19 else 2


_FORM: Mapping[str, Callable[[int], int]] = {"ru": _slavic, "ro": _romanian}


@dataclass(frozen=True, slots=True)
class Speech:
    """A language: messages with ``%(name)s`` for values, and the usual words of a CRM.

    Parameters
    ----------
    code : str
        Code of ISO 639, such as "ru".
    messages : mapping of str to tuple of str
        Translations by English message, each in all its plural forms; others stay English.
    vocabulary : frozenset of str
        English words of a CRM that have a translation.
    """

    code: str
    messages: Mapping[str, tuple[str, ...]]
    vocabulary: frozenset[str]

    def forms(self, message: str | tuple[str, str], /) -> tuple[str, ...]:
        """Message in all its plural forms, with its placeholders."""
        english = (message,) if isinstance(message, str) else message
        return self.messages.get(english[0], english)

    def gettext(self, message: str, /, **values: str) -> str:
        """Message in this language, with its values."""
        return self.forms(message)[0] % values

    def ngettext(self, singular: str, plural: str, number: int, /, **values: str) -> str:
        """Message in the plural form of a number, with its values."""
        return self.forms((singular, plural))[self.form_of(number)] % values

    def form_of(self, number: float, /) -> int:
        """Which of a message's plural forms goes with a number; a fraction is as many."""
        form = _FORM.get(self.code, _western)
        return form(int(number)) if number == int(number) else form(5)

    def word(self, name: str, /) -> str:
        """Word of a CRM: translated if the vocabulary has it, else as it is."""
        return self.forms(name)[0] if name in self.vocabulary else name


@functools.cache
def speech(code: str) -> Speech:
    """Language by its code, one of `CODES`.

    Examples
    --------
    >>> speech("it").gettext("so far")
    'finora'
    """
    if code == "en":
        return Speech(code, {}, frozenset())
    text = files("serving.pages").joinpath("locale", f"{code}.json").read_text(encoding="utf-8")
    catalogue = json.loads(text)
    messages = {message: tuple(forms) for message, forms in catalogue["messages"].items()}
    return Speech(code, messages, frozenset(catalogue["vocabulary"]))
