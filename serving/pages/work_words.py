"""What the day's list says, in the reader's language.

`row_texts` turns one row of `serving.desk.worklist` into sentences; the page, the workbook and the
terminal show the same ones. The messages stand here in English for the catalogues
(`training.report.words.messages`), the plays' texts in ``models/plays.toml``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from features.language.spec import Spec
from models.course.forecast import FORECAST_DAYS
from models.plays import NextStep, Outcome
from serving.desk.details import OutcomeEffect
from serving.desk.due import Clock
from serving.desk.hours import as_datetime
from serving.desk.worklist import WhyPerson, WorkRow
from serving.pages.retelling import Retelling, decimal_text, percent_text, signal_words
from serving.pages.speech import Speech


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


def _n(singular: str, plural: str) -> tuple[str, str]:
    """Mark a message with a number for the catalogues."""
    return singular, plural


BAND_NAMES: Mapping[str, str] = {
    "hot": _("hot lead"),
    "warm": _("warm lead"),
    "cold": _("cold lead"),
}
CLOCK_NAMES: Mapping[Clock, str] = {
    "fresh": _("fresh enquiry"),
    "promised": _("agreed"),
    "cooling": _("in touch"),
    "rework": _("warm again"),
}
OUTCOME_NAMES: Mapping[Outcome, str] = {
    "agreed": _("They agree to a next step"),
    "cool": _("They are cool, or do not remember us"),
    "no_answer": _("Nobody answers"),
    "refused": _("They refuse"),
}
STEP_NAMES: Mapping[NextStep, str] = {
    "keep": _("go on so, on the day agreed"),
    "again": _("try again later"),
    "farewell": _("say goodbye"),
    "hot": _("close the deal at once"),
    "warm": _("go on as with a warm lead"),
    "cold": _("go on as with a cold lead, at once"),
}
WHY_PERSON: Mapping[WhyPerson, str] = {
    "owner": _("It is yours."),
    "owner_away": _("%(owner)s has it and does not work today."),
    "owner_busy": _("%(owner)s has it and has no room left today."),
    "territory": _("%(owner)s has it and may not work such leads."),
    "unowned": _("Nobody has it yet."),
    "leader": _("It waited on the last list: it comes to you as the leader."),
    "skill": _("%(owner)s has it; by the skills in people.toml it is worth clearly more with you."),
}
DAYS_AGO = _n("%(kind)s, %(n)s day ago", "%(kind)s, %(n)s days ago")


@dataclass(frozen=True, slots=True)
class RowTexts:
    """One row of the list in sentences.

    Parameters
    ----------
    band, clock, due : str
        Temperature, why it is due, and until when.
    purpose, offer, must_have : str
        The play.
    mention, question, band_change, why_person : str
        What to name first, what to ask, when the band changes, and why this person; empty where
        there is nothing to say.
    reasons, changes : tuple of str
        Why it has its probability, and what changed since the last list; empty for a first list.
    outcomes : tuple of (str, str)
        How the contact may end, and what that would make of it.
    """

    band: str
    clock: str
    due: str
    purpose: str
    offer: str
    must_have: str
    mention: str
    question: str
    band_change: str
    why_person: str
    reasons: tuple[str, ...]
    changes: tuple[str, ...]
    outcomes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ListReader:
    """Somebody who reads the list: a language, and the house's clock.

    Parameters
    ----------
    spoken : Speech
        The language.
    retelling : Retelling
        Sentences of the model in it.
    zone : zoneinfo.ZoneInfo
        Time zone of the house.
    has_previous : bool
        Whether there is a list before.
    """

    spoken: Speech
    retelling: Retelling
    zone: ZoneInfo
    has_previous: bool

    def band(self, name: str) -> str:
        """Name of a band."""
        return self.spoken.gettext(BAND_NAMES[name])

    def word(self, name: str) -> str:
        """Word of the CRM, readable: without underscores, translated where it is a usual one."""
        return self.spoken.word(name.replace("_", " "))

    def percent(self, probability: float) -> str:
        """Probability with as many digits as tell small ones apart."""
        return percent_text(probability, self.spoken, 0 if probability >= 0.0995 else 1)

    def day(self, instant: int) -> str:
        """Day of an instant, such as 2.1. or 02/01."""
        return day_text(as_datetime(instant, self.zone), self.spoken)

    def time(self, instant: int) -> str:
        """Day and time of an instant."""
        moment = as_datetime(instant, self.zone)
        return f"{day_text(moment, self.spoken)} {moment:%H:%M}"


def list_reader(spec: Spec, spoken: Speech, zone: ZoneInfo, *, has_previous: bool) -> ListReader:
    """Reader of lists that a bundle's model made.

    Parameters
    ----------
    spec : Spec
        The bundle's features, whose signals are named.
    spoken : Speech
        The language.
    zone : zoneinfo.ZoneInfo
        Time zone of the house.
    has_previous : bool
        Whether there is a list before.
    """
    retelling = Retelling(spoken, signal_words(spec, spoken))
    return ListReader(spoken, retelling, zone, has_previous)


def day_text(moment: datetime, spoken: Speech) -> str:
    """Day and month as the language writes them.

    Parameters
    ----------
    moment : datetime.datetime
        The day.
    spoken : Speech
        The language.

    Examples
    --------
    >>> from serving.pages.speech import speech
    >>> day_text(datetime(2026, 1, 2), speech("ro")), day_text(datetime(2026, 1, 2), speech("en"))
    ('02.01', '02/01')
    """
    return f"{moment:%d.%m}" if spoken.code in ("ru", "ro") else f"{moment:%d/%m}"


def row_texts(row: WorkRow, reader: ListReader) -> RowTexts:
    """One row of the list in sentences.

    Parameters
    ----------
    row : WorkRow
        The row.
    reader : ListReader
        Who reads it.
    """
    spoken, code = reader.spoken, reader.spoken.code
    due = _("overdue since %(time)s") if row.is_overdue else _("due by %(time)s")
    if row.clock == "promised":
        due = _("agreed for %(time)s")
    return RowTexts(
        band=reader.band(row.band),
        clock=spoken.gettext(CLOCK_NAMES[row.clock]),
        due=spoken.gettext(due, time=reader.time(row.due_by)),
        purpose=row.play.purpose.in_language(code),
        offer=row.play.offer.in_language(code),
        must_have=row.play.must_have.in_language(code),
        mention=_mention_text(row, reader),
        question=_question_text(row, reader),
        band_change=_band_change_text(row, reader),
        why_person=spoken.gettext(WHY_PERSON[row.why_person], owner=row.owner or ""),
        reasons=tuple(
            spoken.gettext(
                _("%(text)s (%(points)s points)"),
                points=_points(reason.points, spoken),
                text=reader.retelling.retell_value(reason.signal, reason.text),
            )
            for reason in row.details.reasons
        ),
        changes=_change_texts(row, reader),
        outcomes=tuple(
            (spoken.gettext(OUTCOME_NAMES[effect.outcome]), _effect_text(effect, reader))
            for effect in row.details.outcomes
        ),
    )


def _points(points: float, spoken: Speech) -> str:
    sign = "+" if points >= 0.05 else "\N{MINUS SIGN}" if points <= -0.05 else ""
    return sign + decimal_text(abs(points), spoken, 1)


def _mention_text(row: WorkRow, reader: ListReader) -> str:
    mention, spoken = row.mention, reader.spoken
    if mention is None:
        return ""
    if mention.referrer is not None:
        return spoken.gettext(_("%(referrer)s, who referred them"), referrer=mention.referrer)
    contact = mention.kind or mention.channel
    kind = spoken.gettext(_("contact")) if contact is None else reader.word(contact)
    if not mention.days_ago:
        return spoken.gettext(_("%(kind)s, today"), kind=kind)
    days = mention.days_ago
    return spoken.ngettext(*DAYS_AGO, days, kind=kind, n=decimal_text(days, spoken, 0))


def _question_text(row: WorkRow, reader: ListReader) -> str:
    question = row.details.question
    if question is None:
        return ""
    value = question.value
    return reader.spoken.gettext(
        _("%(attribute)s. If “%(value)s”: %(band)s, %(probability)s"),
        attribute=reader.word(question.attribute),
        value=reader.word(value) if isinstance(value, str) else f"{value:g}",
        band=reader.band(question.band),
        probability=reader.percent(question.probability),
    )


def _effect_text(effect: OutcomeEffect, reader: ListReader) -> str:
    values = {
        "band": reader.band(effect.band),
        "probability": reader.percent(effect.probability),
    }
    if effect.next_step is None:
        return reader.spoken.gettext(_("%(band)s, %(probability)s"), **values)
    step = reader.spoken.gettext(STEP_NAMES[effect.next_step])
    return reader.spoken.gettext(_("%(band)s, %(probability)s: %(step)s"), **values, step=step)


def _band_change_text(row: WorkRow, reader: ListReader) -> str:
    change = row.details.band_change
    if change is None:
        days = decimal_text(FORECAST_DAYS[-1], reader.spoken, 0)
        return reader.spoken.gettext(_("the same for %(days)s days"), days=days)
    return reader.spoken.gettext(
        _("%(band)s from %(date)s on"), band=reader.band(change.band), date=reader.day(change.as_of)
    )


def _change_texts(row: WorkRow, reader: ListReader) -> tuple[str, ...]:
    if not reader.has_previous:
        return ()
    spoken, previous = reader.spoken, row.previous
    if previous is None:
        return (spoken.gettext(_("new on the list")),)
    texts = []
    if previous.band != row.band:
        texts.append(spoken.gettext(_("was %(band)s"), band=reader.band(previous.band)))
    if previous.person != row.person:
        texts.append(spoken.gettext(_("was with %(person)s"), person=previous.person))
    change = row.details.change
    if change is not None and abs(change.points) >= 0.05:
        texts.append(
            spoken.gettext(
                _("%(text)s, before: %(before)s (%(points)s points)"),
                points=_points(change.points, spoken),
                text=reader.retelling.retell_value(change.signal, change.text),
                before=reader.retelling.retell_value(change.signal, change.earlier_text),
            )
        )
    return tuple(texts) or (spoken.gettext(_("nothing since the last list")),)
