"""The languages of the report: their words, and how they write numbers and dates.

The English of the templates and of the code is the source; ``locale/<code>/LC_MESSAGES/report.po``
holds the other languages, as text that translators' tools read, and is compiled in memory. A
message stands whole, with named places for what changes: no sentence is glued together of parts,
since their order, case and gender differ between languages. Places are written ``%(name)s``, and a
per cent sign of the text ``%%``. How many is told by `Language.ngettext`, which knows that Russian
and Romanian count in three ways. ``make messages`` brings the catalogues up to the sources.
"""

import functools
import gettext
import io
from dataclasses import dataclass
from importlib.resources import files

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from models.bundle import REPORTS
from training.report.words.vocabulary import VOCABULARY

LANGUAGES = tuple(REPORTS)
_LOCALE = {"en": "en_GB"}  # dates as 1 January 2026, as the rest of the project writes them


@dataclass(frozen=True, slots=True)
class Language:
    """A language to write a report in.

    Parameters
    ----------
    code : str
        Of ISO 639, such as "ru".
    locale : babel.Locale
        How it writes numbers and dates.
    catalogue : gettext.NullTranslations
        Its words; what is not in it stays English.
    """

    code: str
    locale: Locale
    catalogue: gettext.NullTranslations

    def gettext(self, message: str, /, **values: str) -> str:
        """Message in this language, with values in its places."""
        return self.catalogue.gettext(message) % values

    def ngettext(self, singular: str, plural: str, number: int, /, **values: str) -> str:
        """Message in the form that goes with a number, with values in its places."""
        return self.catalogue.ngettext(singular, plural, number) % values

    def word(self, name: str, /) -> str:
        """Word of a CRM: translated if it is one of the standard ones, else as it is."""
        return self.catalogue.gettext(name) if name in VOCABULARY else name


@functools.cache
def language(code: str) -> Language:
    """Language by its code.

    Parameters
    ----------
    code : str
        One of `LANGUAGES`.

    Raises
    ------
    ValueError
        The report does not speak it.

    Examples
    --------
    >>> language("ru").gettext("not measured")
    'не измерено'
    """
    if code not in LANGUAGES:
        raise ValueError(
            f"The report speaks {', '.join(LANGUAGES)}; got '{code}'. Choose one of these."
        )
    locale = Locale.parse(_LOCALE.get(code, code))
    return Language(code, locale, gettext.NullTranslations() if code == "en" else _catalogue(code))


def _catalogue(code: str) -> gettext.GNUTranslations:
    path = files("training.report.words").joinpath("locale", code, "LC_MESSAGES", "report.po")
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
