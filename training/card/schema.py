"""The model card: everything that was measured of a model, as frozen values.

A `ModelCard` is composed of what the rooms of training return: the export's counts, the audit's
findings, both horizons' evaluation, the importance of signals, how the team works. Whoever reads a
card (the gate, the report, the terminal, the registry, a notebook) reads these values. As JSON the
card travels in a bundle; `training.card.values` writes and reads it there. The half that the server
needs is `models.card.ServedCard`.

A figure that could not be measured is None. To add a figure, give it a field in the room that
measures it; a field that older cards lack needs a step in `models.card_formats` too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from models.card_formats import CARD_FORMAT
from training.audit.leaks import Finding
from training.bands.learning_curve import LearningCurve
from training.evaluation.dependence import Dependences
from training.evaluation.evaluation import BandEvaluations, HorizonEvaluations, Moment
from training.evaluation.importance import FamilyImportance
from training.evaluation.refits import SignalImportance
from training.evaluation.suspects import WithoutSuspects
from training.team.aftermath import Aftermaths
from training.team.portrait import Portrait
from training.team.practice import Practice
from training.team.today import OpenLeads

Setting: TypeAlias = str | int | float | bool | tuple[str, ...] | Mapping[str, str] | None
"""A value of the configuration, as the card and a run in the registry show it."""


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """Rows or values of the export that broke one rule.

    Parameters
    ----------
    table, rule : str
        The table, and the rule's name.
    left_out : {"row", "value"}
        Whether the whole row is left out, or the value alone.
    rows : int
        Rows that broke it.
    """

    table: str
    rule: str
    left_out: Literal["row", "value"]
    rows: int


@dataclass(frozen=True, slots=True)
class SuspectedRows:
    """A doubt about rows that could be read, and may be meant otherwise.

    Parameters
    ----------
    name, location : str
        What is suspected, and the table and column.
    rows : int
        How many rows or values it concerns.
    way_out : str
        What mends it.
    """

    name: str
    location: str
    rows: int
    way_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary:
    """What the export held that the model was trained on.

    Parameters
    ----------
    leads, interactions, conversions : int
        Rows of the tables, and leads that have converted.
    rejected_rows : int or None
        Rows that could not be read.
    rejects : tuple of RejectedRows
        The same by rule.
    suspicions : tuple of SuspectedRows
        Doubts about the rows that could be read.
    first_created : datetime.datetime or None
        Creation of the earliest lead.
    unused : mapping of str to str
        Columns that were left out, each with the reason.
    sensitive_allowed : tuple of str
        Sensitive attributes that are used, because the configuration allows them by name.
    """

    leads: int
    interactions: int
    conversions: int
    rejected_rows: int | None
    rejects: tuple[RejectedRows, ...]
    suspicions: tuple[SuspectedRows, ...]
    first_created: Moment | None
    unused: Mapping[str, str]
    sensitive_allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSummary:
    """The looks at leads that the model was trained and judged on, and the settings they follow.

    Parameters
    ----------
    rows, leads : int
        Looks in all periods together, and the leads they were at.
    effective_leads : float or None
        Leads with equally many looks each that the looks are worth.
    first_days, every_days, until_days : float or None
        Age of a lead at its first look, days between two looks, and age at the last look.
    triggers : tuple of str
        Interactions that cause another look.
    thin : int
        Of this many looks in a row without news, the model learned from one.
    """

    rows: int
    leads: int
    effective_leads: float | None
    first_days: float | None
    every_days: float | None
    until_days: float | None
    triggers: tuple[str, ...]
    thin: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagersPart:
    """What only the managers' report shows of the team and of the leads.

    Parameters
    ----------
    practice : Practice or None
        How the team works.
    today : OpenLeads or None
        The leads that are open at the end of the data.
    aftermath : tuple of Aftermath
        What followed on each band in days and contacts, hottest first.
    dependence : tuple of Dependence
        Direction and shape of the strongest signals.
    portrait : Portrait or None
        What customers have in common.
    """

    practice: Practice | None
    today: OpenLeads | None
    aftermath: Aftermaths
    dependence: Dependences
    portrait: Portrait | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Everything that was measured of a model.

    Parameters
    ----------
    data_end : datetime.datetime
        End of the export; nothing after it was known.
    data_fingerprint, recipe : str or None
        Fingerprints of the export and of the settings.
    export : ExportSummary
        What the export held.
    audit : tuple of Finding
        What was found of each value that might know the outcome; empty if nothing was examined.
    snapshots : SnapshotSummary
        The looks at leads.
    settings : mapping of str to Setting
        Settings that the training followed, by name.
    libraries : mapping of str to str
        Versions of the libraries that fitted it.
    horizons : HorizonEvaluations
        How well each horizon's probabilities rank and hold.
    bands : BandEvaluations
        What each band promised and what came of it.
    managers : ManagersPart
        What only the managers' report shows; "report" as JSON.
    importance : tuple of SignalImportance
        Strongest signal first.
    families : tuple of FamilyImportance
        Strongest family of signals first.
    learning_curve : LearningCurve
        How many more conversions it takes until the hot rate is known well.
    without_suspects : WithoutSuspects or None
        What hangs on the audit's suspects; None where there are none.
    format : int
        Of the JSON.
    """

    data_end: Moment
    data_fingerprint: str | None
    recipe: str | None
    export: ExportSummary
    audit: tuple[Finding, ...]
    snapshots: SnapshotSummary
    settings: Mapping[str, Setting]
    libraries: Mapping[str, str]
    horizons: HorizonEvaluations
    bands: BandEvaluations
    managers: Annotated[ManagersPart, Field(alias="report")]
    importance: tuple[SignalImportance, ...]
    families: tuple[FamilyImportance, ...]
    learning_curve: LearningCurve
    without_suspects: WithoutSuspects | None = None
    format: int = CARD_FORMAT
