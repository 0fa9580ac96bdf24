"""The page on which a person tries a lead: its JSON on one side, its temperature on the other.

The page asks its server as any client would, so it shows what a CRM gets. One response holds
everything: words, examples, one style and one script. The policy allows style and script by their
hashes, so no other script ever runs, whatever a lead is called, and the browser refuses markup that
a script would make of text (trusted types). All words stand in `TEXTS`. The page exists in every
language of the report: the browser writes numbers and dates, and `serving.pages.phrases` translates
the server's English sentences.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from features.json_values import JsonObject
from models.golden import golden_leads
from serving.answers.examples import example_answers, example_leads
from serving.answers.golden import golden_request
from serving.answers.model import ServedModel
from serving.pages.phrases import NUMBER_GROUPS, PHRASE_GROUPS, phrases
from serving.pages.retelling import signal_words
from serving.pages.speech import CODES, NAMES, Speech, speech

QUERY = "?purpose=try&reasons=8&include=trend,forecast"
"""Query with which the page asks for a score, its reasons and its course."""


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


TEXTS: Mapping[str, str] = {
    "title": _("Try a lead"),
    "lede": _(
        "Take an example or paste what your CRM would send, change something, and see what the "
        "lead’s temperature makes of it. Nothing is kept."
    ),
    "report": _("The managers’ report"),
    "docs": _("The routes"),
    "languages_label": _("Language"),
    "examples_label": _("An example"),
    "example": _("Example %(number)s: %(band)s, interactions: %(interactions)s"),
    "take": _("Take it"),
    "key_label": _("API key"),
    "key_hint": _("One with the role score. It stays in this page and is gone with it."),
    "lead_label": _("The lead, as JSON"),
    "lead_hint": _("Ctrl+Enter scores it from here."),
    "score": _("Score it"),
    "no_script": _("This page needs JavaScript; the one it needs came with it."),
    "asking": _("Asking …"),
    "percent": _("%(number)s\N{NO-BREAK SPACE}%%"),
    "scored": _("%(band)s: %(hot)s within %(days)s days."),
    "edited": _("Edited since it was scored."),
    "unreachable": _(
        "The server cannot be reached: %(error)s. See whether it runs, then score again."
    ),
    "go_there": _("Go there"),
    "mend": _("To mend in the lead:"),
    "found": _("found %(found)s."),
    "hot": _("Hot"),
    "warm": _("Warm"),
    "cold": _("Cold"),
    "doubt": _("Not enough evidence: what is said of such leads is too wide to act on."),
    "may_be_left": _("May be left: leads like this buy no more often than cold promises."),
    "within": _("Converts within %(days)s days"),
    "interval": _("Leads like this: %(low)s to %(high)s."),
    "cutoff": _("%(band)s from %(cutoff)s on."),
    "cutoff_of_low_end": _("%(band)s from %(cutoff)s on, and the low end decides."),
    "no_cutoff": _("Nobody is called %(band)s: the past bears no such promise."),
    "as_of": _("Scored as of"),
    "valid_until": _("Good until"),
    "newest": _("Latest interaction"),
    "no_interaction": _("none"),
    "model": _("Model"),
    "reasons_title": _("Why"),
    "reasons_caption": _(
        "Percentage points by which each signal moves the probability of this lead. "
        "They add up, and they are associations, never causes."
    ),
    "reasons_signal": _("Signal"),
    "reasons_points": _("Points"),
    "start": _("The average lead"),
    "rest": _("All the rest"),
    "course_title": _("Where it comes from, where it goes"),
    "heating": _("Heating"),
    "cooling": _("Cooling"),
    "steady": _("Steady"),
    "change": _("%(points)s points: %(text)s (before: %(before)s)"),
    "change_rest": _("%(points)s points: all the rest"),
    "becomes": _("If nothing more happens: %(steps)s."),
    "band_change": _("%(band)s from %(date)s on (day %(day)s)"),
    "stays": _("If nothing more happens, it stays %(band)s for %(days)s days."),
    "key": _("%(band)s: within %(days)s days"),
    "looks_caption": _("From what was known then, and, from tomorrow on, if nothing more happens."),
    "looks_when": _("When"),
    "looks_band": _("Band"),
    "now": _("now"),
    "warnings_title": _("What the model could not use"),
    "whole": _("The whole answer"),
}
"""Words of the page, in English, with placeholders for values."""

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class TryPage:
    """The page and its Content-Security-Policy."""

    content: bytes
    policy: str


@dataclass(frozen=True, slots=True)
class Example:
    """A lead as a client would send it, and its band."""

    lead: JsonObject
    band: str


def page_examples(model: ServedModel, golden: str | None) -> list[Example]:
    """Leads that the OpenAPI document shows, and the golden leads if the bundle has them."""
    answered = zip(example_leads(model), example_answers(model), strict=True)
    invented = [Example(lead, answer.band) for lead, answer in answered if "attributes" in lead]
    leads = () if golden is None else golden_leads(golden)
    return [
        *invented,
        *(Example(golden_request(model.bundle, one), one.answer.band) for one in leads),
    ]


def try_pages(
    model: ServedModel, examples: Sequence[Example], needs_key: bool
) -> dict[str, TryPage]:
    """The page of one bundle in every language, by its code; English first."""
    return {code: try_page(model, examples, needs_key, code) for code in CODES}


def try_page(
    model: ServedModel, examples: Sequence[Example], needs_key: bool, code: str = "en"
) -> TryPage:
    """The page of one bundle in one language.

    Parameters
    ----------
    model : ServedModel
        The model that the page asks.
    examples : sequence of Example
        One or more; the page begins with the first. They are shown as text.
    needs_key : bool
        Whether scoring needs an API key.
    code : str
        Code of the language, one of `serving.pages.speech.CODES`.
    """
    spoken = speech(code)
    texts = {name: spoken.forms(text)[0] for name, text in TEXTS.items()}
    data = {
        "texts": texts,
        "examples": [_example(number, one, texts) for number, one in enumerate(examples, start=1)],
        "cutoffs": model.bundle.bands.cutoffs,
        "byLowEnd": model.bundle.bands.decided_by == "low end",
        "needsKey": needs_key,
        "query": QUERY,
        **_translations(model, spoken),
    }
    style, script = _file("css"), _file("js")
    words = {name: escape(text) for name, text in texts.items()}
    content = Template(_file("html")).substitute(
        words,
        language=code,
        languages=_languages(code),
        style=style,
        script=script,
        # Nothing in the data may look like the end of the element that holds it.
        data=json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    )
    return TryPage(content.encode(), _policy(style, script))


def _translations(model: ServedModel, spoken: Speech) -> JsonObject:
    """What the script needs to translate answers: patterns of sentences, and words."""
    if spoken.code == "en":
        return {"phrases": [], "words": {}, "values": NUMBER_GROUPS, "parts": PHRASE_GROUPS}
    words = signal_words(model.bundle.spec, spoken)
    words |= {band: spoken.gettext(TEXTS[band]) for band in ("hot", "warm", "cold")}
    return {
        "phrases": [[one.pattern, one.group_names, one.forms] for one in phrases(spoken)],
        "words": words,
        "values": NUMBER_GROUPS,
        "parts": PHRASE_GROUPS,
    }


def _languages(code: str) -> str:
    """Links to the page in the other languages."""
    links = [
        f'<a href="?lang={language}" lang="{language}" hreflang="{language}">{NAMES[language]}</a>'
        for language in CODES
        if language != code
    ]
    return f'<b lang="{code}">{NAMES[code]}</b> · {" · ".join(links)}'


def _example(number: int, example: Example, texts: Mapping[str, str]) -> dict[str, str]:
    label = texts["example"] % {
        "number": number,
        "band": texts[example.band],
        "interactions": len(example.lead.get("interactions", ())),
    }
    return {"label": label, "text": json.dumps(example.lead, indent=2, ensure_ascii=False)}


def _file(suffix: str) -> str:
    return (_HERE / f"try_page.{suffix}").read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Own style, own script, own server; nothing else, and no markup made of text."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
