"""Plays: what is done with a lead of each temperature, and what each outcome of it leads to.

``plays.toml`` beside this file holds the shipped plays with their texts in every language of the
report. A house that works otherwise copies it and changes what it likes. The managers' report shows
the texts; the day's work (`serving.desk`) follows the numbers.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from features.export.sections import Names, Section, explanation, near_miss, read_toml
from models.bundle import REPORTS

PlayBand = Literal["hot", "warm", "cold", "farewell"]
"""What a play is for: leads of a band, or leads that refused."""
NextStep = Literal["keep", "again", "farewell", "hot", "warm", "cold"]
"""What an outcome leads to: the same play on the agreed day, another try, or another play."""
Outcome = Literal["agreed", "cool", "no_answer", "refused"]
"""How a contact of ours can end."""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
SHIPPED_PLAYS = Path(__file__).with_name("plays.toml")


def _in_every_language(value: object) -> object:
    return dict.fromkeys(REPORTS, value) if isinstance(value, str) else value


class PlayText(Section):
    """A text by language; one text alone stands for all.

    Attributes
    ----------
    en, pt, ru, ro, it : str
        The text in each language of the report.
    """

    en: str = Field(min_length=1)
    pt: str = Field(min_length=1)
    ru: str = Field(min_length=1)
    ro: str = Field(min_length=1)
    it: str = Field(min_length=1)

    def in_language(self, code: str) -> str:
        """Text in a language of the report, by its code."""
        return str(getattr(self, code))


Text = Annotated[PlayText, BeforeValidator(_in_every_language)]


class Play(Section):
    """One play, ``[[play]]``.

    Attributes
    ----------
    band : {"hot", "warm", "cold", "farewell"}
        Leads that it is for.
    sources : tuple of str
        Kinds of source that it is for; empty for all that no other play of the band names.
    purpose, who, must_have, offer : PlayText
        What the contact is for, who makes it, what must be ready, and what is offered.
    first_contact_hours : float or None
        Business hours from an enquiry to our first contact; None where nothing was asked.
    next_contact_days : float
        Days from one contact of ours to the next, where no other day was agreed.
    most_contacts : int
        Contacts of ours without an answer, after which the lead is left alone.
    outcomes : mapping of Outcome to NextStep
        What each outcome of a contact leads to.
    """

    band: PlayBand
    sources: Names = ()
    purpose: Text
    who: Text
    must_have: Text
    offer: Text
    first_contact_hours: float | None = Field(default=None, gt=0, le=1000)
    next_contact_days: float = Field(gt=0, le=3650)
    most_contacts: int = Field(ge=1, le=1000)
    outcomes: dict[Outcome, NextStep] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name in lists: the band, and the kinds of source where it has any."""
        return f"{self.band} ({', '.join(self.sources)})" if self.sources else self.band


class OutcomeWords(Section):
    """Section ``[words]``: how the export says how a contact ended, the usual word first.

    Attributes
    ----------
    agreed, cool, no_answer, refused : tuple of str
        They agreed to a next step; they did not remember us or were cool; nobody answered; they
        refused.
    """

    agreed: Names = ("agreed_next_step",)
    cool: Names = ("cool",)
    no_answer: Names = ("no_answer",)
    refused: Names = ("refused",)

    def words_for(self, outcome: Outcome) -> tuple[str, ...]:
        """The export's words for an outcome."""
        words: tuple[str, ...] = getattr(self, outcome)
        return words


class Playbook(Section):
    """All of ``plays.toml``.

    Attributes
    ----------
    play : tuple of Play
        The plays; each band has exactly one without ``sources``.
    forms : mapping of str to float
        Business hours from an enquiry to our first contact, in place of the play's, by its form or
        by the kind of an interaction in which they turn to us.
    words : OutcomeWords
        The export's words for outcomes.
    """

    play: tuple[Play, ...]
    forms: dict[str, Annotated[float, Field(gt=0, le=1000)]] = Field(default_factory=dict)
    words: OutcomeWords = OutcomeWords()

    @field_validator("play", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _each_lead_has_one_play(self) -> Self:
        for band in ("hot", "warm", "cold", "farewell"):
            sources = [play.sources for play in self.play if play.band == band]
            if sources.count(()) != 1:
                raise ValueError(
                    f"exactly one {band} play must be without sources, for the leads that no "
                    f"other names; there are {sources.count(())}"
                )
            names = [name for several in sources for name in several]
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"two {band} plays name the source {repeated[0]!r}: keep one")
        return self

    def play_for(self, band: str, source: str | None = None) -> Play:
        """The play for a lead of a band that came from a kind of source.

        Parameters
        ----------
        band : {"hot", "warm", "cold", "farewell"}
            The lead's band.
        source : str, optional
            Kind of its source, such as "seed"; None where nobody knows.

        Examples
        --------
        >>> shipped_plays().play_for("cold", "seed").sources
        ('seed',)
        >>> shipped_plays().play_for("hot", "seed").name
        'hot'
        """
        of_band = [play for play in self.play if play.band == band]
        return next(
            (play for play in of_band if source is not None and source in play.sources),
            next(play for play in of_band if not play.sources),
        )

    def unknown_words(self, sources: Sequence[str], forms: Sequence[str]) -> tuple[str, ...]:
        """What the plays name and the export does not have, a sentence each.

        Parameters
        ----------
        sources : sequence of str
            Kinds of source of the export's leads; empty where it has none.
        forms : sequence of str
            Forms of its enquiries and kinds of interactions; empty where it has none.
        """
        named_sources = [name for play in self.play for name in play.sources]
        return tuple(
            f"{key} {name!r}: no lead has it.{near_miss(name, words)}"
            for key, names, words in (
                ("[[play]] sources", named_sources, sources),
                ("[forms]", list(self.forms), forms),
            )
            if words
            for name in dict.fromkeys(names)
            if name not in words
        )


def read_plays(path: Path) -> Playbook:
    """Plays of a TOML file.

    Parameters
    ----------
    path : pathlib.Path
        A file such as `SHIPPED_PLAYS`.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no TOML, or a key or value is not allowed.
    """
    sections = read_toml(path, f"Copy the shipped plays, {SHIPPED_PLAYS}, and change them.")
    return playbook_of(sections, str(path))


def playbook_of(sections: Mapping[str, object], file: str) -> Playbook:
    """Plays of the sections of a file.

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
        return Playbook.model_validate(sections)
    except ValidationError as error:
        raise ValueError(explanation(error, file)) from None


@functools.cache
def shipped_plays() -> Playbook:
    """The plays that come with the product."""
    return read_plays(SHIPPED_PLAYS)
