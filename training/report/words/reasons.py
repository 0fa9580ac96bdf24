"""Why a column was left out, and what is doubted, in the language of the report.

The reading of an export and the audit give their reasons in English, and so a bundle's card holds
them. Here each clause is recognised by its message, taken apart into the values in its places, and
said anew; numbers in it are written as the language writes them. What is not recognised, because an
earlier version said it, stays as it is.

Tests: tests/training/report/words/test_language.py.
"""

import functools
import re

from training.report.words.language import Language
from training.report.words.numerals import decimal, percent, whole

NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?(?: %)?"


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


REASON_MESSAGES = (
    _("sensitive: %(what)s"),
    _("name it in allow_sensitive to use it"),
    _("personal data: its name speaks of %(what)s"),
    _("personal data: its values look like %(what)s"),
    _("if it holds a flag or a few words, name it in allow_flags to use it"),
    _("personal data: a column in allow_flags may have %(most)s different values, it has %(part)s"),
    _("its name is that of a column of ours"),
    _("rename it in the export"),
    _("its values are written in another way: %(what)s"),
    _("not declared in fixed_at_creation"),
    _("it has no value in any row"),
    _(
        "almost all values differ (%(part)s of %(all)s), as those of a name, a number or free "
        "text do"
    ),
    _("name its kind under kinds to use it all the same"),
    _(
        "of %(all)s leads with an outcome that have it, %(part)s had it first with the outcome or "
        "after it"
    ),
    _("%(part)s of %(all)s leads that have it before an outcome convert, against %(base)s of all"),
    _("of %(all)s leads that convert, %(part)s had it first within a day of it: it is the sale"),
    _("it equals %(what)s as of the export in %(part)s of %(all)s leads"),
    _(
        "among %(all)s converted leads it rises with the instant at which they ended: rank "
        "correlation %(correlation)s, at least %(low)s"
    ),
    _(
        "among %(all)s lost leads it rises with the instant at which they ended: rank "
        "correlation %(correlation)s, at least %(low)s"
    ),
    _(
        "%(expected)s of its instants should lie beyond the end of the export, and %(part)s do: "
        "it is written when it happens"
    ),
    _(
        "%(expected)s young leads with '%(word)s' should still be open, and %(part)s are: it is "
        "written when a lead ends"
    ),
    _("named in [audit] drop"),
    # What is doubted of rows that could be read.
    _("contacts that depend on the outcome"),
    _("rejects that depend on the outcome"),
    _("conversions or closings that cannot be read"),
    _("interactions under another id of their leads"),
    _("likely doubles of one person"),
    _("days without an hour"),
    _("unknown outcomes"),
    _("refusals without a time"),
    _("ids that would match without %(what)s"),
    _("dates far from all others"),
    _("same interaction more than once"),
    _("contacts long before creation"),
    _("negative durations"),
    _("negative values"),
    _("several values at the same instant"),
    _("today's value beside a history"),
    _("words that differ only by case, blanks or look-alikes"),
    _("words that stand for a missing value"),
    _("letters in the wrong encoding"),
    _("thousands read as decimals"),
)
"""Clauses; a reason joins them by semicolons."""
AUDITED = _("quarantined by the audit: %(reason)s")
COUNTED = _("%(reason)s (%(rows)s rows)")
"""What may stand around a reason."""

WORDS = frozenset(
    {
        _("the number of interactions"),
        _("the last interaction's instant"),
        _("the last interaction's kind"),
        _("the last interaction's channel"),
        _("the last interaction's outcome"),
        _("a person's name"),
        _("an e-mail address"),
        _("a phone number"),
        _("an address"),
        _("an account or identity number"),
        _("free text"),
        _("e-mail addresses"),
        _("phone numbers"),
        _("account numbers"),
        _("age"),
        _("income"),
        _("family status"),
        _("gender"),
        _("religion"),
        _("ethnicity"),
        _("health"),
        _("politics"),
        _("sexual orientation"),
        _("leading zeros"),
        _("upper and lower case"),
        _("blanks and signs"),
        _("the last 3 of 18 characters"),
    }
)


def reason(text: str, language: Language) -> str:
    """Reason in a language.

    Parameters
    ----------
    text : str
        The reason as the card holds it, in English.
    language : Language
        Language that it is said in.

    Examples
    --------
    >>> from training.report.words.language import language
    >>> reason("sensitive: age; name it in allow_sensitive to use it", language("it"))
    'dato sensibile: età; per usarlo, indicatelo in allow_sensitive'
    """
    around = "%(reason)s"
    for frame in (AUDITED, COUNTED):
        if match := _pattern(frame).fullmatch(text):
            values = match.groupdict()
            text = values.pop("reason")
            values_in_language = {
                name: _value(name, value, language) for name, value in values.items()
            }
            around = language.gettext(frame, reason=around, **values_in_language)
    clauses = "; ".join(_clause(clause, language) for clause in text.split("; "))
    return around.replace("%(reason)s", clauses)


def _clause(text: str, language: Language) -> str:
    for message in REASON_MESSAGES:
        if match := _pattern(message).fullmatch(text):
            values = match.groupdict()
            values_in_language = {
                name: _value(name, value, language) for name, value in values.items()
            }
            return language.gettext(message, **values_in_language)
    return text


@functools.cache
def _pattern(message: str) -> re.Pattern[str]:
    """What finds the values in the places of a message."""
    words = {"reason": ".+", "what": ".+", "word": ".+"}
    parts = re.split(r"%\((\w+)\)s", message)
    patterns = [
        f"(?P<{part}>{words.get(part, NUMBER)})" if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    ]
    return re.compile("".join(patterns), re.DOTALL)


def _value(name: str, text: str, language: Language) -> str:
    if name == "what":
        return language.gettext(text) if text in WORDS else text
    if name == "word":
        return language.word(text)
    if text.endswith("%"):
        return percent(float(text.removesuffix(" %")) / 100, language)
    number = text.replace(",", "")
    return (
        whole(int(number), language) if number.isdecimal() else decimal(float(number), language, 2)
    )
