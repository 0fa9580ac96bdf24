"""Leads that speak the export's own terms, told in ours.

A CRM may send its own names of fields, its own words, and numbers and times as it writes them:
`features.export.terms.ExportTerms` of the bundle says what they stand for. `Translation` reads them
as the columns of the export were read, so that a request means what its row meant in training. Our
own names, words, times and numbers keep their meaning whatever the export calls so. What cannot be
read, or has several meanings, is an error that names it; nothing is guessed.

A lead in our own terms never comes here: `serving.answers.scorer` asks for a translation where the
schema refuses a lead, or where one of its values is a word of the export (`has_foreign_words`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from features.engine.history import LeadRecord, column
from features.export.formats import PLAIN, ColumnFormat
from features.export.single_values import (
    ReadTime,
    known_part,
    number_reader,
    text_of_scalar,
    time_reader,
)
from features.export.terms import ExportTerms, FieldTerms, Notation
from features.language.kinds import LABEL_FIELDS, AttributeCategory, AttributeKind
from features.language.spec import Spec
from features.refusals import REFUSED_AT
from models.golden import vocabulary
from serving.answers.problem import (
    MAX_ERRORS,
    FieldError,
    Names,
    Reason,
    path_text,
    quoted_value,
)
from serving.answers.schemas import FieldTermsAnswer, NotationAnswer, TermsAnswer
from serving.answers.times import END_OF_TIME, rfc3339

FieldKind = Literal["id", "word", "number", "time", "event"]
"""What a field holds. Of a time of which only the day is sent, an event has the end, other times
the beginning."""

_KINDS: Mapping[AttributeKind, FieldKind] = {
    "number": "number",
    "category": "word",
    "timestamp": "time",
}
_INTERACTION_KINDS: Mapping[str, FieldKind] = {"occurred_at": "event", "recorded_at": "event"}
_read_zoned = time_reader(PLAIN)
_read_plain = number_reader(PLAIN)


@dataclass(frozen=True, slots=True)
class _Field:
    """A field as requests may send it.

    Parameters
    ----------
    name : str
        Our name.
    kind : {"id", "word", "number", "time", "event"}
        What it holds.
    words : mapping of str to tuple of str
        The export's words with all that they stand for; the empty text is a missing value.
    own_words : frozenset of str
        Our words, which keep their meaning.
    read_number, read_time : tuple of callables
        How each table of the export reads it.
    read_zoned : callable
        How a time of ISO 8601 with its zone is read.
    formats : tuple of ColumnFormat
        How those tables write it.
    terms : FieldTerms
        Of the bundle.
    law : str
        What it must be, for people.
    """

    name: str
    kind: FieldKind
    words: Mapping[str, tuple[str, ...]]
    own_words: frozenset[str]
    read_number: tuple[Callable[[str], float | None], ...]
    read_time: tuple[Callable[[str], ReadTime | None], ...]
    read_zoned: Callable[[str], ReadTime | None]
    formats: tuple[ColumnFormat, ...]
    terms: FieldTerms
    law: str


@dataclass(frozen=True, slots=True)
class _Part:
    """Fields of one object of a request, by every name that they may be sent under."""

    fields: Mapping[str, _Field]


@dataclass(slots=True)
class Translated:
    """A lead in our terms.

    Parameters
    ----------
    lead : object
        JSON value with our names and words; what is no part of the schema is as it was sent.
    errors : list of FieldError
        What could not be read.
    warnings : dict of str to None
        Words that are read as ours and stand for something else in the export; each once.
    days : list of ReadTime
        Day on which the interaction that is being read occurred, if its hour is not said.
    """

    lead: object = None
    errors: list[FieldError] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    days: list[ReadTime] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Translation:
    """How leads in the export's terms are read.

    Parameters
    ----------
    parts : mapping of path to _Part
        The objects of a request by their path, as in `serving.answers.problem.Names`.
    foreign_attributes, foreign_measures : mapping of str to frozenset
        Values, as the schema reads them, that are words of the export: by attribute or measure.
    foreign_labels : mapping of str to frozenset of str
        The same by label of interactions.
    reads_days : bool
        Whether midnight stands for a day in a time of the export, so that every lead is read.
    """

    parts: Mapping[tuple[str, ...], _Part]
    foreign_attributes: Mapping[str, frozenset[str | float]]
    foreign_labels: Mapping[str, frozenset[str | float]]
    foreign_measures: Mapping[str, frozenset[str | float]]
    reads_days: bool

    def has_foreign_words(self, record: LeadRecord) -> bool:
        """Whether a lead that the schema accepts has values that stand for others in the export.

        Parameters
        ----------
        record : LeadRecord
            The lead.
        """
        attributes, events = record.attributes, record.interactions
        return (
            self.reads_days
            or any(attributes.get(name) in words for name, words in self.foreign_attributes.items())
            or any(
                not words.isdisjoint(column(events, name))
                for name, words in self.foreign_labels.items()
            )
            or any(
                not words.isdisjoint(column(events, name))
                for name, words in self.foreign_measures.items()
            )
        )

    def names(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the export under which fields of an object may be sent, apart from ours.

        Parameters
        ----------
        path : tuple of str
            Path of the object.
        """
        return tuple(name for name, own_name in self.own_names(path).items() if name != own_name)

    def own_names(self, path: tuple[str, ...]) -> dict[str, str]:
        """Our names of an object's fields by each name that they may be sent under.

        Parameters
        ----------
        path : tuple of str
            Path of the object.
        """
        part = self.parts.get(path)
        fields = {} if part is None else part.fields
        return {name: known_field.name for name, known_field in fields.items()}

    def describe(self) -> TermsAnswer:
        """Terms as ``GET /v1/model`` lists them: those that a request may use."""
        return TermsAnswer(
            lead=self._describe(()),
            attributes=self._describe(("attributes",)),
            interactions=self._describe(("interactions",)),
            measures=self._describe(("interactions", "measures")),
        )

    def _describe(self, path: tuple[str, ...]) -> dict[str, FieldTermsAnswer]:
        names: dict[str, list[str]] = {}
        for name, known_field in self.parts[path].fields.items():
            names.setdefault(known_field.name, []).extend(
                [name] if name != known_field.name else []
            )
        fields = self.parts[path].fields
        return {name: _describe_field(fields[name], aliases) for name, aliases in names.items()}

    def translate(self, lead: object, max_interactions: int) -> Translated:
        """A lead in our terms.

        Parameters
        ----------
        lead : JSON value
            As it was sent; it is not changed.
        max_interactions : int
            Most interactions that a lead may have.
        """
        translated = Translated()
        translated.lead = members = self._object(lead, (), (), translated)
        if not isinstance(members, dict):
            return translated
        if "attributes" in members:
            members["attributes"] = self._object(
                members["attributes"], ("attributes",), ("attributes",), translated
            )
        events = members.get("interactions")
        if isinstance(events, list) and len(events) > max_interactions:
            law = f"Must have at most {max_interactions} entries"
            way_out = "Send fewer: the latest are the ones that count."
            _add_error(translated, ("interactions",), law, events, way_out, "too_many")
        elif isinstance(events, list):
            members["interactions"] = self._interactions(events, translated)
        return translated

    def _interactions(self, events: Sequence[object], translated: Translated) -> list[object]:
        path = ("interactions",)
        interactions: list[object] = []
        for i, sent in enumerate(events):
            translated.days.clear()
            event = self._object(sent, path, ("interactions", i), translated)
            if isinstance(event, dict) and "measures" in event:
                event["measures"] = self._object(
                    event["measures"],
                    (*path, "measures"),
                    ("interactions", i, "measures"),
                    translated,
                )
            if isinstance(event, dict) and translated.days:
                event["occurred_at"] = _end_of_day(translated.days[0], event.get("recorded_at"))
            interactions.append(event)
            if translated.errors:  # to list what is wrong with each of thousands helps nobody
                break
        return interactions

    def _object(
        self,
        sent: object,
        path: tuple[str, ...],
        location: Sequence[str | int],
        translated: Translated,
    ) -> object:
        """Members of an object under our names, and in our terms."""
        if not isinstance(sent, dict):
            return sent
        fields = self.parts[path].fields
        members: dict[str, object] = {}
        for name, value in sent.items():
            known_field = fields.get(name)
            if known_field is None:
                members[name] = value
                continue
            is_alias = known_field.name != name
            if (is_alias and known_field.name in sent) or known_field.name in members:
                law = f"Must be sent once: it is {known_field.name}, which is there, too"
                _add_error(translated, (*location, name), law, value, "Leave one of them out.")
            else:
                members[known_field.name] = _translated_value(
                    known_field, value, (*location, name), translated
                )
        return members


def translation_of(terms: ExportTerms, spec: Spec) -> Translation:
    """Translation by a bundle's terms.

    Parameters
    ----------
    terms : ExportTerms
        The export's terms.
    spec : Spec
        The features of the bundle, whose words keep their meaning.
    """
    levels = {f.attribute: f.levels for f in spec.features if isinstance(f, AttributeCategory)}
    labels = vocabulary(spec.features)
    attributes = [
        _field(
            name,
            "event" if name == REFUSED_AT else _KINDS[kind],
            terms.attributes.get(name),
            levels.get(name, ()),
        )
        for name, kind in spec.attribute_kinds.items()
    ]
    interactions = [
        _field(name, _INTERACTION_KINDS[name], terms.interactions.get(name))
        for name in _INTERACTION_KINDS
    ]
    interactions += [
        _field(
            name,
            "word",
            terms.interactions.get(name),
            (*labels.get(name, ()), *spec.ignored.get(name, ())),
        )
        for name in LABEL_FIELDS
    ]
    measures = [_field(name, "number", terms.measures.get(name)) for name in spec.measures]
    created = _field("created_at", "time", terms.lead.get("created_at"))
    lead = [
        _field("lead_id", "id", terms.lead.get("lead_id")),
        created,
        _field("as_of", "time", _format_alone(terms.lead.get("created_at"))),
    ]
    return Translation(
        parts={
            (): _part(
                lead, terms.lead, ("previous_band", "previous_as_of", "attributes", "interactions")
            ),
            ("attributes",): _part(attributes, terms.attributes),
            ("interactions",): _part(interactions, terms.interactions, ("measures",)),
            ("interactions", "measures"): _part(measures, terms.measures),
        },
        foreign_attributes=_foreign(attributes),
        foreign_labels=_foreign(f for f in interactions if f.kind == "word"),
        foreign_measures=_foreign(measures),
        reads_days=any(
            known_field.read_zoned is not _read_zoned
            for known_field in (created, *interactions, *attributes)
            if known_field.kind != "time" or known_field is created
        ),
    )


def names_with_terms(names: Names, translation: Translation) -> Names:
    """Names of the schema, followed by those of the export.

    Parameters
    ----------
    names : mapping of path to names
        Our names.
    translation : Translation
        What the export calls them.
    """
    return {path: (*own, *translation.names(path)) for path, own in names.items()}


def _describe_field(known_field: _Field, aliases: Sequence[str]) -> FieldTermsAnswer:
    return FieldTermsAnswer(
        names=tuple(aliases),
        words={
            word: meanings[0]
            for word, meanings in known_field.words.items()
            if len(meanings) == 1 and word not in known_field.own_words
        },
        notations=tuple(
            NotationAnswer(f.decimal, f.thousands, f.durations, f.dates, f.timezone)
            for f in known_field.formats
        ),
        lowest=known_field.terms.low,
        highest=known_field.terms.high,
    )


def _format_alone(terms: FieldTerms | None) -> FieldTerms:
    """Terms that say how a time is written, and no more."""
    notations = () if terms is None else terms.notations
    return FieldTerms(notations=tuple(Notation(format_=n.format_) for n in notations))


def _part(
    fields: Iterable[_Field], terms: Mapping[str, FieldTerms], our_names: Sequence[str] = ()
) -> _Part:
    by_name = {known_field.name: known_field for known_field in fields}
    claims: dict[str, list[str]] = {}
    for name in by_name:
        for alias in terms[name].columns if name in terms else ():
            claims.setdefault(alias, []).append(name)
    for alias, names in claims.items():
        # A name of ours keeps its meaning, and one that stands for two fields has none.
        if len(names) == 1 and alias not in by_name and alias not in our_names:
            by_name[alias] = by_name[names[0]]
    return _Part(by_name)


def _field(
    name: str, kind: FieldKind, terms: FieldTerms | None, own_words: Iterable[str] = ()
) -> _Field:
    terms = terms or FieldTerms()
    notations = terms.notations
    words: dict[str, tuple[str, ...]] = {}
    for notation in notations:
        for word, meaning in notation.words.items():
            words[word] = tuple(dict.fromkeys((*words.get(word, ()), meaning)))
    formats = tuple(dict.fromkeys(notation.format_ for notation in notations))
    ways = tuple(dict.fromkeys((n.format_, n.midnight_in) for n in notations))
    return _Field(
        name,
        kind,
        words,
        frozenset((*own_words, *(ours for meanings in words.values() for ours in meanings)))
        if kind == "word"
        else frozenset(),
        tuple(map(number_reader, formats)) if kind == "number" else (),
        tuple(time_reader(format_, midnight) for format_, midnight in ways)
        if kind in ("time", "event")
        else (),
        _zoned_reader(notations),
        formats if kind in ("number", "time", "event") else (),
        terms,
        _law(kind, formats),
    )


def _zoned_reader(notations: Sequence[Notation]) -> Callable[[str], ReadTime | None]:
    """Reader of times with their zone: where the export has days alone, midnight is one."""
    zones = dict.fromkeys(n.midnight_in for n in notations)
    if None in zones or not zones:
        return _read_zoned
    in_zone = ColumnFormat(timezone=notations[0].format_.timezone)
    # A day that was made a moment is midnight in its zone, or in UTC.
    readers = [time_reader(in_zone, zone) for zone in dict.fromkeys([*zones, "UTC"])]

    def read(text: str) -> ReadTime | None:
        moment = _read_zoned(text)
        if moment is None:
            return None
        days = (day for reader in readers if (day := reader(text)) and day.end is not None)
        return next(days, moment)

    return read


def _law(kind: FieldKind, formats: Sequence[ColumnFormat]) -> str:
    match kind:
        case "number":
            return "Must be a number, or the text of one as the export writes it"
        case "time" | "event":
            patterns = ", ".join(dict.fromkeys(date for f in formats for date in f.dates))
            zones = " or ".join(dict.fromkeys(f.timezone for f in formats if f.timezone))
            zone = f", in {zones} where it names no zone" if zones else " with a zone"
            return f"Must be a time as in RFC 3339, or as the export writes it: {patterns}{zone}"
        case "id":
            return "Must be a text or a whole number"
    return "Must be a text, a number or a truth value"


def _foreign(fields: Iterable[_Field]) -> dict[str, frozenset[str | float]]:
    """Values by field that the schema accepts and the export means otherwise."""
    foreign = {f.name: frozenset(v for v in _values_of_words(f) if v is not None) for f in fields}
    return {name: values for name, values in foreign.items() if values}


def _values_of_words(known_field: _Field) -> Iterator[str | float | None]:
    for word, meanings in known_field.words.items():
        if meanings == (word,):
            continue
        match known_field.kind:
            case "word":
                yield word
            case "number":
                # A CRM that sends numbers sends the word -1 as the number.
                yield _read_plain(word)
            case "time":
                instant = _read_zoned(word)
                yield None if instant is None else instant.begin


def _translated_value(
    known_field: _Field, value: Any, location: Sequence[str | int], translated: Translated
) -> object:
    if value is None or isinstance(value, dict | list):
        return value  # of an object or an array the schema says what is wrong
    text = value if isinstance(value, str) else text_of_scalar(value)
    meanings = known_field.words.get(text, ())
    if text in known_field.own_words:
        if meanings not in ((), (text,)):
            path = ".".join(
                part for part in (*location[:-1], known_field.name) if isinstance(part, str)
            )
            translated.warnings[
                f"{path}: {quoted_value(text)} is read as our word; in the export it "
                f"stands for {' or '.join(map(quoted_value, meanings))}."
            ] = None
        return text
    if len(meanings) > 1:
        law = "Must have one meaning, but it stands for another word in each table of the export"
        way_out = f"Send what it stands for: {' or '.join(map(quoted_value, meanings))}."
        _add_error(translated, location, law, value, way_out)
        return value
    if meanings == ("",):
        return None
    (meaning,) = meanings or (text,)
    return _typed(known_field, value, meaning, location, translated)


def _typed(
    known_field: _Field,
    value: Any,
    text: str,
    location: Sequence[str | int],
    translated: Translated,
) -> object:
    """A word's meaning, or the text of a value, as the schema takes it."""
    results: set[Any]
    match known_field.kind:
        case "word":
            return text
        case "id":
            if isinstance(value, str):
                return text
            if text.lstrip("-").isdigit():
                return text
            results = set()  # a truth value, or a number that was rounded
        case "number":
            if not isinstance(value, str | bool) and text == text_of_scalar(value):
                return value
            digits = known_part(text)
            if digits is None:
                return None
            results = {read(digits) for read in known_field.read_number} - {None}
        case _:
            time_text = known_part(text)
            if time_text is None:
                return None
            # A time of ISO 8601 with its zone is one, however the export writes times.
            instant = known_field.read_zoned(time_text)
            results = (
                {instant}
                if instant is not None
                else {
                    moment
                    for read in known_field.read_time
                    if (moment := read(time_text)) is not None and 0 <= moment.begin < END_OF_TIME
                }
            )
    if len(results) == 1:
        (result,) = results
        if not isinstance(result, ReadTime):
            return result
        if known_field.kind == "time" or result.end is None:
            return rfc3339(result.begin)
        if known_field.name == "occurred_at":
            translated.days.append(result)
        return rfc3339(result.end)
    law = known_field.law
    if results:
        law = "Must have one meaning, but the tables of the export write this field in several ways"
    way_out = "Send it as JSON has it: a number without quotes, a time like 2026-03-01T08:30:00Z."
    code: Reason = "no_time" if known_field.kind in ("time", "event") else "other_kind"
    _add_error(translated, location, law, value, way_out, code)
    return value


def _end_of_day(day: ReadTime, recorded_at: object) -> str:
    """When an interaction of a day had occurred: by its end, or when it was recorded on that day.

    The law is that of `features.export.rules`.
    """
    recorded = _read_zoned(recorded_at) if isinstance(recorded_at, str) else None
    end = day.begin if day.end is None else day.end
    if recorded is not None and day.begin <= recorded.begin < end:
        return rfc3339(recorded.begin)
    return rfc3339(end)


def _add_error(
    translated: Translated,
    location: Sequence[str | int],
    law: str,
    value: object,
    way_out: str,
    code: Reason = "other_value",
) -> None:
    if len(translated.errors) < MAX_ERRORS:
        error = FieldError(path_text(location), law, quoted_value(value), way_out, code)
        translated.errors.append(error)
