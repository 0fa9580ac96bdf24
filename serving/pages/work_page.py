"""The day's list as one page: a list for each person, for the phone and for A4.

The page fetches nothing and has no script. Each person's list is in that person's language, or all
of it in one. Whatever a lead is called is shown as text; the only links are those of
``people.toml``. On paper each person's list begins on a page of its own, without the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template
from zoneinfo import ZoneInfo

from features.language.spec import Spec
from serving.desk.people import Person
from serving.desk.worklist import Worklist, WorkRow
from serving.pages.retelling import decimal_text, percent_text
from serving.pages.speech import CODES, Speech, speech
from serving.pages.work_words import ListReader, list_reader, row_texts


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


def _n(singular: str, plural: str) -> tuple[str, str]:
    """Mark a message with a number for the catalogues."""
    return singular, plural


LIST_TITLE = _("Today’s work, %(date)s")
LIST_LENGTH = _n("%(n)s contact", "%(n)s contacts")
PAGE_TEXTS: Mapping[str, str] = {
    "lede": _("In this order: how likely they buy, and how much it presses."),
    "people_label": _("Lists"),
    "shares_title": _("How many of the coming buyers this list holds"),
    "shares_lede": _(
        "Expected purchases among as many leads as the list has, over those among all open leads."
    ),
    "order_label": _("Order"),
    "share_label": _("Share"),
    "left_over": _(
        "Open leads: %(open)s, due today: %(due)s. Without room on a list: %(no_room)s; such as "
        "nobody who works today may have: %(nobody_may)s."
    ),
    "foot": _(
        "Probabilities of model %(version)s as of %(time)s. Points are associations, never causes."
    ),
}
LEAD_TEXTS: Mapping[str, str] = {
    "nothing": _("Nothing is due today."),
    "goal": _("Goal"),
    "offer": _("Offer"),
    "ready": _("Have ready"),
    "mention": _("Name first"),
    "reasons": _("Why"),
    "changes": _("New"),
    "question": _("Ask"),
    "outcomes": _("What comes of it"),
    "course": _("Left alone"),
    "person": _("Why you"),
    "siblings": _("Same customer"),
}
MARKS: Mapping[str, str] = {"hot": "▲", "warm": "◆", "cold": "▼"}
ORDER_NAMES: Mapping[str, str] = {
    "list": _("this list"),
    "newest": _("the newest lead first"),
    "points": _("the CRM’s own points"),
    "turns": _("everybody in turn"),
}

_HERE = Path(__file__).parent


def person_language(person: Person) -> str:
    """Code of the language of a person's list: the first of theirs that lists are written in."""
    return next((code for code in person.languages if code in CODES), "en")


def work_page(
    worklist: Worklist, spec: Spec, zone: ZoneInfo, has_previous: bool, code: str | None = None
) -> str:
    """Page of a day's list.

    Parameters
    ----------
    worklist : Worklist
        The list.
    spec : Spec
        Features of the bundle that made it.
    zone : zoneinfo.ZoneInfo
        Time zone of the house.
    has_previous : bool
        Whether there was a list before.
    code : str, optional
        Language of the whole page; by default each person's list is in that person's.
    """
    readers = {
        language: list_reader(spec, speech(language), zone, has_previous=has_previous)
        for language in CODES
    }
    reader = readers[code or "en"]
    spoken = reader.spoken
    rows_of = {
        person: list(rows) for person, rows in groupby(worklist.rows, key=lambda row: row.person)
    }
    lists = [
        _person_list(
            index,
            person.id,
            rows_of.get(person.id, []),
            readers[code or person_language(person)],
            worklist,
        )
        for index, person in enumerate(worklist.people)
    ]
    values = {
        "open": decimal_text(worklist.open_leads, spoken, 0),
        "due": decimal_text(worklist.due_leads, spoken, 0),
        "no_room": decimal_text(worklist.no_room, spoken, 0),
        "nobody_may": decimal_text(worklist.nobody_may, spoken, 0),
        "version": worklist.model_version,
        "time": reader.time(worklist.as_of),
    }
    sentences = {name: escape(spoken.gettext(text, **values)) for name, text in PAGE_TEXTS.items()}
    people = [
        f'<li><a href="#list-{index}"><bdi>{escape(person.id)}</bdi></a></li>'
        for index, person in enumerate(worklist.people)
    ]
    return Template((_HERE / "work_page.html").read_text(encoding="utf-8")).substitute(
        sentences,
        language=spoken.code,
        title=escape(_title(worklist, spoken)),
        style=(_HERE / "work_page.css").read_text(encoding="utf-8"),
        people="".join(people),
        lists="\n".join(lists) or f"<p>{escape(spoken.gettext(LEAD_TEXTS['nothing']))}</p>",
        shares="".join(
            f'<tr><th scope="row">{escape(spoken.gettext(ORDER_NAMES[share.order]))}</th>'
            f'<td><data value="{share.share:.6f}">{percent_text(share.share, spoken, 1)}</data>'
            "</td></tr>"
            for share in worklist.shares
        ),
    )


def _title(worklist: Worklist, spoken: Speech) -> str:
    day = worklist.day
    date_text = f"{day:%d.%m.%Y}" if spoken.code in ("ru", "ro") else f"{day:%d/%m/%Y}"
    return spoken.gettext(LIST_TITLE, date=date_text)


def _person_list(
    index: int, person: str, rows: Sequence[WorkRow], reader: ListReader, worklist: Worklist
) -> str:
    """One person's list, in that person's language."""
    spoken = reader.spoken
    length = spoken.ngettext(*LIST_LENGTH, len(rows), n=decimal_text(len(rows), spoken, 0))
    expected = sum(row.expected_purchases for row in rows)
    purchases = spoken.gettext(
        _("expected purchases: %(number)s"), number=decimal_text(expected, spoken, 1)
    )
    content = f"<p>{escape(spoken.gettext(LEAD_TEXTS['nothing']))}</p>"
    if rows:
        leads = "".join(_lead(row, reader, worklist.hot_days) for row in rows)
        content = f"<ol>{leads}</ol>"
    return (
        f'<section class="person" lang="{spoken.code}" aria-labelledby="list-{index}">'
        f'<h2 id="list-{index}"><bdi>{escape(person)}</bdi></h2>'
        f'<p class="small">{escape(_title(worklist, spoken))} · {escape(length)} · '
        f"{escape(purchases)}</p>{content}</section>"
    )


def _lead(row: WorkRow, reader: ListReader, hot_days: int) -> str:
    """One customer on a list."""
    spoken, texts = reader.spoken, row_texts(row, reader)
    lead_id = f"<bdi>{escape(row.lead_id)}</bdi>"
    name = lead_id if row.link is None else f'<a href="{escape(row.link)}">{lead_id}</a>'
    within = spoken.gettext(
        _("%(probability)s within %(days)s days"),
        probability=reader.percent(row.probability),
        days=decimal_text(hot_days, spoken, 0),
    )
    low = spoken.gettext(_("of leads like this at least %(low)s"), low=reader.percent(row.low))
    due = (
        f'<span class="overdue">{escape(texts.due)}</span>' if row.is_overdue else escape(texts.due)
    )
    band = f'<span class="band {row.band}">{MARKS[row.band]} {escape(texts.band)}</span>'
    siblings = ", ".join(f"<bdi>{escape(lead)}</bdi>" for lead in row.other_leads)
    outcomes = [f"{outcome} → {effect}" for outcome, effect in texts.outcomes]
    entries = (
        ("goal", escape(texts.purpose)),
        ("mention", escape(texts.mention)),
        ("offer", escape(texts.offer)),
        ("ready", escape(texts.must_have)),
        ("question", escape(texts.question)),
        ("reasons", _items(texts.reasons)),
        ("changes", _items(texts.changes)),
        ("outcomes", _items(outcomes)),
        ("course", escape(texts.band_change)),
        ("person", escape(texts.why_person)),
        ("siblings", siblings),
    )
    facts = "".join(
        f"<div><dt>{escape(spoken.gettext(LEAD_TEXTS[key]))}</dt><dd>{value}</dd></div>"
        for key, value in entries
        if value
    )
    return (
        f'<li class="lead"><div class="head"><span class="rank">{row.rank}.</span>'
        f"<h3>{name}</h3>{band}<span>{escape(within)}</span></div>"
        f'<p class="small">{escape(texts.clock)} · {due} · {escape(low)}</p>'
        f"<dl>{facts}</dl></li>"
    )


def _items(sentences: Iterable[str]) -> str:
    """Sentences as a list; nothing where there are none."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""
