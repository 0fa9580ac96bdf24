"""The server's English sentences as patterns, so that a page can translate them.

Answers to programs are in English. The page on which a person tries a lead compares each sentence
of an answer with the messages below, extracts the values, and writes the translated message with
the same values; a sentence without a message stays in English. The catalogues of
`training.report.words.messages` hold the translations.

Tests: tests/serving/pages/test_try_page.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from serving.pages.speech import Speech


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


def _n(singular: str, plural: str) -> tuple[str, str]:
    """Mark a message with a number for the catalogues."""
    return singular, plural


PAGE_MESSAGES: tuple[str | tuple[str, str], ...] = (
    # Lengths of time, and windows: parts of what follows.
    _n("%(n)s day", "%(n)s days"),
    _n("%(n)s hour", "%(n)s hours"),
    _n("%(n)s minute", "%(n)s minutes"),
    _("no time"),
    _("so far"),
    _n("in the last day", "in the last %(n)s days"),
    # Values of features, as `features.language.wording.in_words` says them.
    _("created %(time)s ago"),
    _("created just now"),
    _("Monday"),
    _("Tuesday"),
    _("Wednesday"),
    _("Thursday"),
    _("Friday"),
    _("Saturday"),
    _("Sunday"),
    _("%(n)s o'clock"),
    _("unknown"),
    _("another one"),
    _("%(n)s of %(all)s fields of the card filled"),
    _("%(n)s %(when)s"),
    _("%(n)s different %(when)s"),
    _("%(n)s in total %(when)s"),
    _("unknown in total %(when)s"),
    _("%(n)s on average %(when)s"),
    _("unknown on average %(when)s"),
    _("%(n)s at most %(when)s"),
    _("unknown at most %(when)s"),
    _("none of %(other)s %(when)s"),
    _("%(share)s of %(other)s %(when)s"),
    _("%(n)s a day %(when)s"),
    _("more often in the last %(n)s days than over %(all)s"),
    _("less often in the last %(n)s days than over %(all)s"),
    _("as often in the last %(n)s days than over %(all)s"),
    _("weight %(n)s, halved every %(all)s days"),
    _("never"),
    _("just now"),
    _("%(time)s ago"),
    _("the latest %(time)s ago"),
    _("the latest just now"),
    _("the first %(time)s ago"),
    _("the first just now"),
    _("not yet"),
    _("first after %(time)s"),
    _("%(n)s in a row since the latest %(other)s"),
    _("present gap unknown"),
    _("present gap %(n)s times the usual one"),
    _("usual gap %(time)s"),
    _("usual gap unknown"),
    _("gaps vary by %(time)s"),
    _("gaps vary by unknown"),
    _("all the rest"),
    # Why the band is what it is.
    _("no %(band)s cut-off: the data bear no promise, so nobody is called %(band)s"),
    _("%(band)s lower bound %(n)s >= %(band)s cut-off %(all)s"),
    _("%(band)s lower bound %(n)s < %(band)s cut-off %(all)s"),
    _(
        "%(band)s lower bound %(n)s >= %(all)s, down to which a %(previous)s lead stays %(band)s "
        "(cut-off %(cutoff)s)"
    ),
    _(
        "%(band)s lower bound %(n)s < %(all)s, down to which a %(previous)s lead stays %(band)s "
        "(cut-off %(cutoff)s)"
    ),
    _("%(band)s probability %(n)s >= %(band)s cut-off %(all)s"),
    _("%(band)s probability %(n)s < %(band)s cut-off %(all)s"),
    _(
        "%(band)s probability %(n)s >= %(all)s, down to which a %(previous)s lead stays %(band)s "
        "(cut-off %(cutoff)s)"
    ),
    _(
        "%(band)s probability %(n)s < %(all)s, down to which a %(previous)s lead stays %(band)s "
        "(cut-off %(cutoff)s)"
    ),
    # The trend.
    _n("a day before", "%(n)s days before"),
    _("created less than a day before: there is nothing to compare with"),
    _("%(band)s probability %(n)s > %(all)s, its high end %(ago)s"),
    _("%(band)s probability %(n)s < %(all)s, its low end %(ago)s"),
    _("%(first)s, %(second)s: the intervals of %(ago)s"),
    _("%(band)s probability %(n)s within %(low)s–%(high)s"),
    # Warnings.
    _(
        "band: the promise of %(band)s did not hold in the test period: %(found)s. Take the band "
        "as an order of leads, not as a rate, until the next training."
    ),
    _("%(field)s: too few purchases are known to tell leads apart: all have the same."),
    _(
        "%(field)s: of the leads of %(since)s to %(until)s %(times)s times as many bought as the "
        "months before let expect. The ranges are wider for it; take the percentages with care "
        "until the next training."
    ),
    _("created_at: older than any lead the model was judged on: %(time)s."),
    _(
        "forecast: from day %(n)s on the lead is older than any lead the model was judged on: "
        "%(time)s."
    ),
    _("attributes: not sent, taken as missing: %(names)s."),
    _("attributes.refused_at: longer ago than any refusal the model was judged on: %(time)s."),
    _("attributes.refused_at: lies at or after as_of, so the refusal was not used."),
    _(
        "attributes.refusal_reason: was not used, since refused_at does not say when the lead was "
        "refused."
    ),
    _(
        "attributes.%(name)s: the model has no level %(found)s, it counts as another one. Known: "
        "%(names)s."
    ),
    _("interactions.%(name)s: %(found)s does not count: it was found to know the outcome."),
    _(
        "interactions.%(name)s: no feature looks at %(found)s, it counts as any interaction. "
        "Known: %(names)s."
    ),
    _(
        "interactions: %(n)s of %(all)s occurred or were recorded at or after as_of and were not "
        "used."
    ),
    _(
        "interactions: %(n)s of %(all)s say in every field what another one says; each counts."
    ),
    _("interactions: %(n)s of %(all)s occurred over 30 days before created_at."),
    _(
        "interactions: all %(n)s occurred at midnight in UTC. Send their hour or, if it is not "
        "known, the end of the day."
    ),
    _(
        "%(name)s: %(found)s may be meant as %(names)s: they differ only by case, blanks or "
        "look-alikes."
    ),
    _("%(name)s: %(found)s may stand for a missing value: then send null."),
    _("%(name)s: %(found)s may have been read in another encoding."),
    _("%(name)s: %(found)s is outside of what training had, %(low)s to %(all)s."),
    _("%(name)s: %(found)s is too small to be kept and counts as 0."),
    _("%(name)s: %(found)s is read as our word; in the export it stands for %(names)s."),
    _("%(found)s: retired and not used. Leave it out: it is accepted until %(key)s at least."),
    _(
        "%(found)s: retired and read as %(names)s. Send that name: the old one is accepted until "
        "%(key)s at least."
    ),
    _("%(names)s and %(n)s more"),
    _("none"),
    # What is to mend: the law, and the way out.
    _("Is required"),
    _("nothing"),
    _("Must be a name that the schema knows"),
    _("Must be a time with a zone, as in RFC 3339"),
    _("Must be a time as in RFC 3339, or as the export writes it: %(names)s with a zone"),
    _(
        "Must be a time as in RFC 3339, or as the export writes it: %(names)s, in %(found)s where "
        "it names no zone"
    ),
    _("Must be a number, or the text of one as the export writes it"),
    _("Must be a text or a whole number"),
    _("Must be sent once: it is %(name)s, which is there, too"),
    _("Must have one meaning, but it stands for another word in each table of the export"),
    _("Must have one meaning, but the tables of the export write this field in several ways"),
    _n("Must have at most %(n)s entry", "Must have at most %(n)s entries"),
    _("Must be a day of the calendar"),
    _("Must lie in the years 1970 to 2200, in UTC"),
    _("Must not lie before created_at, %(found)s"),
    _("Must not lie after %(found)s, which is now and the allowed clock skew"),
    _("Input should be a valid string"),
    _("Input should be a valid number"),
    _("Input should be a finite number"),
    _("Input should be a valid dictionary"),
    _("Input should be a valid list"),
    _("Input should be %(found)s"),
    _n(
        "String should have at least %(n)s character",
        "String should have at least %(n)s characters",
    ),
    _n("String should have at most %(n)s character", "String should have at most %(n)s characters"),
    _n(
        "List should have at most %(n)s item after validation, not %(all)s",
        "List should have at most %(n)s items after validation, not %(all)s",
    ),
    _("Send it."),
    _("Leave it out, or mend its name. Known: %(names)s."),
    _("Send a text like %(name)s or %(other)s."),
    _("Mend the date."),
    _("Mend the time of creation, or its zone."),
    _("Leave as_of out to score as of now."),
    _("Score the lead from its creation on."),
    _("Leave the time out when it stands for 'unknown'."),
    _("Send a text in quotes."),
    _("Send Unicode text without lone surrogates."),
    _("Send a text that is not empty."),
    _("Send a shorter text."),
    _("Send a number without quotes; leave it out when it is unknown."),
    _("Send a finite number; leave it out when it is unknown."),
    _("Send what it stands for: %(names)s."),
    _("Leave one of them out."),
    _(
        "Send it as JSON has it: a number without quotes, a time like %(name)s."
    ),
    _("Send an object: {…}."),
    _("Send an array: […]."),
    _("Send fewer: the latest are the ones that count."),
    _("Send a value that keeps to this law."),
    _("The body is not JSON: %(found)s, line %(n)s, column %(all)s."),
    _("An object in the body has the name %(found)s twice."),
    _("The server has as much to do as it can. Ask again in %(n)s s or later."),
    _("No known API key came with the request. %(other)s"),
    _("Send a key with the role %(name)s: Authorization: Bearer KEY."),
    _("The key '%(key)s' has the role %(has)s; this needs the role %(name)s."),
)  # fmt: skip

_NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?"
_TIME = r"\d+ (?:days?|hours?|minutes?)|no time"
_KINDS = {
    **dict.fromkeys(("n", "all", "low", "high", "cutoff"), _NUMBER),
    "share": r"\d+ %",
    "time": _TIME,
    "when": r"in the last (?:day|\d+ days)|so far",
    "ago": r"a day before|\d+ days before",
    "band": "hot|warm|cold",
    "previous": "hot|warm|cold",
    "name": r"\S+?",
}
"""Regular expression of the values that may stand for a name; any text for other names."""
NUMBER_GROUPS = ("n", "all", "low", "high", "cutoff", "share")
"""Names that stand for numbers."""
PHRASE_GROUPS = ("time", "when", "ago", "band", "previous", "other", "first", "second")
"""Names that stand for phrases to be translated themselves; all others stay as they are."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A message as a script recognises and translates it.

    Parameters
    ----------
    pattern : str
        Regular expression of the English sentence, valid in JavaScript and in Python.
    group_names : tuple of str
        Names of the groups, in their order.
    forms : tuple of str
        Translation, or one for each plural form, with ``%(name)s`` for each value.
    """

    pattern: str
    group_names: tuple[str, ...]
    forms: tuple[str, ...]


def phrases(speech: Speech) -> list[Phrase]:
    """All messages with their translations into a language."""
    result = []
    for message in PAGE_MESSAGES:
        several = (message,) if isinstance(message, str) else message
        forms = speech.forms(message)
        result += [Phrase(*_pattern(text), forms) for text in several]
    return result


def _pattern(message: str) -> tuple[str, tuple[str, ...]]:
    """Regular expression of a message, and the names of its groups."""
    parts = re.split(r"%\((\w+)\)s", message)
    groups: list[str] = []
    pattern = ""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            pattern += _escaped(part)
        elif part in groups:
            pattern += f"\\{groups.index(part) + 1}"
        else:
            groups.append(part)
            pattern += f"({_KINDS.get(part, '.+')})"
    return f"^{pattern}$", tuple(groups)


def _escaped(text: str) -> str:
    """Text as a regular expression, escaped as JavaScript's flag ``u`` needs it, too."""
    return re.sub(r"([\\^$.*+?()\[\]{}|/])", r"\\\1", text)


def is_recognised(text: str, phrases: Sequence[Phrase]) -> bool:
    """Whether one of the phrases matches a sentence."""
    return any(re.search(phrase.pattern, text, re.DOTALL) for phrase in phrases)
