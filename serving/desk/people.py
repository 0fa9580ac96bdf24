"""Who works the leads: the people of ``people.toml``, and which leads each of them may have.

A person has languages, a territory (values of the leads' attributes), bands, skills, a capacity a
day and absences. What the file does not say limits nothing. `eligibility` turns that into a table
of leads by people that the assignment never breaks.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from features.arrays import Bool, Float64
from features.engine.history import LabelColumn
from features.export.sections import Names, Section, explanation, near_miss, read_toml
from serving.desk.hours import Hours

BandName = Literal["hot", "warm", "cold"]
UNKNOWN = ""
"""In a territory: leads of which nobody knows the value."""


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_interval(value: object) -> object:
    return {"begin": value, "end": value} if isinstance(value, date | str) else value


class Absence(Section):
    """Days on which a person does not work.

    Attributes
    ----------
    begin, end : datetime.date
        From when to when, both included.
    """

    begin: date
    end: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.begin > self.end:
            raise ValueError(f"begin must not be later than end, got {self.begin} and {self.end}")
        return self


class Person(Section):
    """One person, ``[[person]]``.

    Attributes
    ----------
    id : str
        As the export names the owners of leads.
    capacity : int
        Leads that the person can contact on a day.
    languages : tuple of str
        Languages that the person speaks, the one of the list first: one of en, pt, ru, ro and it,
        else the list is in English. Where the export says a lead's language, the person gets only
        leads of these; empty means any.
    territory : mapping of str to tuple of str
        Values that attributes of the person's leads must have; "" stands for an unknown value.
    bands : tuple of {"hot", "warm", "cold"}
        Bands of the person's leads; empty means any.
    skills : mapping of band to float
        How many times as many leads of the band buy when this person works them as when others do,
        as far as the manager knows; 1 where the band is not named.
    absences : tuple of Absence
        Days, and intervals of days, on which the person does not work.
    """

    id: str = Field(min_length=1, max_length=200)
    capacity: int = Field(ge=0, le=1000)
    languages: Names = ()
    territory: dict[str, Names] = Field(default_factory=dict)
    bands: Annotated[tuple[BandName, ...], BeforeValidator(_as_tuple)] = ()
    skills: dict[BandName, Annotated[float, Field(ge=0.1, le=10)]] = Field(default_factory=dict)
    absences: Annotated[
        tuple[Annotated[Absence, BeforeValidator(_as_interval)], ...], BeforeValidator(_as_tuple)
    ] = ()

    def is_away_on(self, day: date) -> bool:
        """Whether the person does not work on a day."""
        return any(absence.begin <= day <= absence.end for absence in self.absences)


class LeadAttributes(Section):
    """Section ``[attributes]``: what of the export says whose a lead is, and whence it comes.

    Attributes
    ----------
    owner, language, source, form, referrer : str or None
        Attributes that hold who has the lead, which language it speaks, its kind of source, the
        form of its enquiry, and who referred it. None where the export has no such attribute.
    points : str or None
        A number by which the CRM itself puts leads in order, to be compared with.
    """

    owner: str | None = None
    language: str | None = None
    source: str | None = None
    form: str | None = None
    referrer: str | None = None
    points: str | None = None


class Pressure(Section):
    """Section ``[pressure]``: how much sooner than others a lead is due, as a factor.

    Attributes
    ----------
    promised, overdue, fresh, rework : float
        Of leads with a talk agreed for today, enquiries beyond their deadline, other enquiries, and
        leads that refused and have warmed. Of all others it is 1.
    """

    promised: float = Field(default=4.0, ge=1, le=1000)
    overdue: float = Field(default=4.0, ge=1, le=1000)
    fresh: float = Field(default=2.0, ge=1, le=1000)
    rework: float = Field(default=1.0, ge=1, le=1000)


class Team(Section):
    """All of ``people.toml``.

    Attributes
    ----------
    person : tuple of Person
        The people, each with an id of its own.
    timezone : str
        IANA name of the time zone of the house.
    link : str or None
        Address of a lead in the CRM, with ``{lead_id}`` for its id.
    leader : str or None
        Id of the person who may have any overdue enquiry.
    stay : float
        A lead stays with its owner unless it is worth this many times as much elsewhere.
    hours : Hours
        When the house is open.
    attributes : LeadAttributes
        What of the export says whose a lead is.
    pressure : Pressure
        How much sooner than others a lead is due.
    """

    person: Annotated[tuple[Person, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    timezone: str = "UTC"
    link: str | None = None
    leader: str | None = None
    stay: float = Field(default=1.25, ge=1, le=100)
    hours: Hours = Hours()
    attributes: LeadAttributes = LeadAttributes()
    pressure: Pressure = Pressure()

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        if value not in (zones := available_timezones() - {"localtime"}):
            raise ValueError(
                f"must be the IANA name of a time zone, such as 'Europe/Lisbon', got {value!r}."
                f"{near_miss(value, zones)}"
            )
        return value

    @field_validator("link")
    @classmethod
    def _link_names_the_lead(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(("https://", "http://")):
            raise ValueError("must be an address that begins with https:// or http://")
        if value.count("{lead_id}") != 1 or "{" in value.replace("{lead_id}", ""):
            raise ValueError("must hold {lead_id} once, where the lead's id stands")
        return value

    @model_validator(mode="after")
    def _ids_are_distinct(self) -> Self:
        ids = [person.id for person in self.person]
        if repeated := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"each id may stand once among the people, {repeated[0]!r} does twice")
        if self.leader is not None and self.leader not in ids:
            raise ValueError(
                f"leader {self.leader!r} is nobody's id.{near_miss(self.leader, ids)} "
                f"Ids: {', '.join(ids)}"
            )
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the house."""
        return ZoneInfo(self.timezone)

    @property
    def by_id(self) -> tuple[Person, ...]:
        """The people in the order of their ids."""
        return tuple(sorted(self.person, key=lambda person: person.id))

    @property
    def attribute_names(self) -> dict[str, str]:
        """Category attributes that a list reads, each with the key that names it."""
        names = {
            name: f"[attributes] {key}"
            for key in ("owner", "language", "source", "form", "referrer")
            if (name := getattr(self.attributes, key)) is not None
        }
        for person in self.person:
            for name in person.territory:
                names.setdefault(name, f"[[person]] territory of {person.id}")
        return names

    def working_on(self, day: date) -> tuple[Person, ...]:
        """People who work on a day, in the order of their ids; nobody where the house is closed."""
        if not self.hours.is_open_on(day):
            return ()
        return tuple(person for person in self.by_id if not person.is_away_on(day))


def read_team(path: Path) -> Team:
    """People of a TOML file.

    Parameters
    ----------
    path : pathlib.Path
        Such as ``people.toml``.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no TOML, or a key or value is not allowed.
    """
    way_out = "`lead-temperature people` drafts one from an export."
    return team_of(read_toml(path, way_out), str(path))


def team_of(sections: Mapping[str, object], file: str) -> Team:
    """People of the sections of a file.

    Parameters
    ----------
    sections : mapping of str to object
        Plain values by section.
    file : str
        Name of the file, for messages.

    Raises
    ------
    ValueError
        A key or value is not allowed; one line for each finding.
    """
    try:
        return Team.model_validate(sections)
    except ValidationError as error:
        raise ValueError(explanation(error, file)) from None


def eligibility(
    people: Sequence[Person],
    band: npt.NDArray[np.str_],
    attributes: Mapping[str, LabelColumn],
    language: str | None,
) -> Bool:
    """Which leads each person may have.

    Parameters
    ----------
    people : sequence of Person
        Those who work.
    band : str array of shape (leads,)
        Band of each lead.
    attributes : mapping of str to LabelColumn
        Value of each lead, by attribute; territories and `language` name only these.
    language : str, optional
        Attribute that holds a lead's language.

    Returns
    -------
    bool array of shape (leads, people)
    """
    table = np.ones((len(band), len(people)), np.bool_)
    for column, person in enumerate(people):
        if person.bands:
            table[:, column] &= np.isin(band, person.bands)
        for name, values in person.territory.items():
            table[:, column] &= _is_among(attributes[name], values)
        if language is not None and person.languages:
            table[:, column] &= _is_among(attributes[language], (*person.languages, UNKNOWN))
    return table


def _is_among(labels: LabelColumn, values: Sequence[str]) -> Bool:
    allowed = [value in values for value in labels.vocabulary]
    return np.array([*allowed, UNKNOWN in values], np.bool_)[labels.codes]


def skill_table(people: Sequence[Person], band: npt.NDArray[np.str_]) -> Float64:
    """Skill of each person with each lead's band, of shape (leads, people).

    Parameters
    ----------
    people : sequence of Person
        Those who work.
    band : str array of shape (leads,)
        Band of each lead.
    """
    table = np.ones((len(band), len(people)))
    for column, person in enumerate(people):
        for name, factor in person.skills.items():
            table[band == name, column] = factor
    return table
