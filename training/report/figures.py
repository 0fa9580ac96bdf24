"""What the report says of a model: the card's figures, and the verdicts that follow from them.

The report reads a `training.card.schema.ModelCard`. Here stand the views of it that the page shows
and the rules that turn figures into verdicts; words and pictures are made elsewhere. A figure that
is None was not measured. A *look* is one lead at one moment (a row of the spine), and a look that a
purchase followed within the horizon is said to have bought. A lead is looked at several times.

Tests: tests/training/report/test_render.py.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from models.bands import Temperature
from models.policy import LimitedRate
from training.bands.results import Reach, ServedBand
from training.card.schema import ModelCard, Setting, SuspectedRows
from training.evaluation.baselines import BaselineFigures
from training.evaluation.dependence import Dependences
from training.evaluation.evaluation import BandEvaluation, HorizonEvaluation, Period
from training.evaluation.gains import Gains, Months
from training.evaluation.importance import FamilyImportance
from training.evaluation.outcomes import counted_outcome
from training.evaluation.refits import SignalImportance
from training.report.past import Past, Standing
from training.report.served import ServedHorizon
from training.statistics.figures import AgeFigures
from training.statistics.incidence import LEAST_LEADS
from training.statistics.rates import LEAST_POSITIVES, Outcome, RateEstimate, measured_rate
from training.team.aftermath import Aftermaths
from training.team.portrait import Portrait
from training.team.practice import Practice
from training.team.today import OpenLeads

ENOUGH_GROUPS = 5
"""Judged groups a verdict on the percentages needs."""

Verdict = Literal["held", "mixed", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class BandFigures:
    """The looks that were given one temperature in the test period.

    Parameters
    ----------
    name : Temperature
        The band.
    measured : BandEvaluation
        The card's figures of it.
    """

    name: Temperature
    measured: BandEvaluation

    @property
    def cutoff(self) -> float | None:
        """Probability from which the band begins; the coldest has none."""
        return self.measured.cutoff

    @property
    def reach(self) -> Reach | None:
        """Share of the test period's buyers that the band held, where it was measured."""
        return self.measured.reach

    @property
    def served(self) -> ServedBand | None:
        """The band as it serves, by all looks that no fit had learned from."""
        return self.measured.served

    @property
    def promise_broken(self) -> bool:
        """Whether the test period contradicts what was promised of the band."""
        promise = self.measured.promise
        return promise is not None and promise.finding == "broken"

    @property
    def at_most(self) -> float | None:
        """Share of its looks that the band promises not to exceed; only cold has one."""
        promise = self.measured.promise
        policy = None if promise is None else promise.policy
        return policy.at_most if isinstance(policy, LimitedRate) else None

    @property
    def rows(self) -> int:
        """Looks."""
        return self.measured.rows

    @property
    def leads(self) -> int:
        """Leads that the looks were at."""
        return self.measured.leads

    @property
    def hot(self) -> Outcome:
        """Promise and outcome within the hot horizon."""
        return self.measured.outcome("hot")

    @property
    def warm(self) -> Outcome:
        """Promise and outcome within the warm horizon.

        It has fewer looks: only those whose whole horizon lies before the end of the data.
        """
        return self.measured.outcome("warm")


@dataclass(frozen=True, slots=True)
class Rival:
    """A simpler way of scoring the same looks.

    Parameters
    ----------
    name : str
        The baseline's.
    figures : BaselineFigures
        The card's figures of it.
    """

    name: str
    figures: BaselineFigures

    @property
    def auc(self) -> float | None:
        """Share of pairs in the right order."""
        return self.figures.auc

    @property
    def log_loss(self) -> float | None:
        """Mean logarithmic loss."""
        return self.figures.log_loss

    @property
    def brier(self) -> float | None:
        """Brier score."""
        return self.figures.brier


@dataclass(frozen=True, slots=True)
class AgeSorting:
    """The looks at leads of one age.

    Parameters
    ----------
    measured : AgeFigures
        The card's figures of them.
    """

    measured: AgeFigures

    @property
    def from_days(self) -> float:
        """Least age."""
        return self.measured.from_days

    @property
    def to_days(self) -> float | None:
        """Greatest age; None for no upper end."""
        return self.measured.to_days

    @property
    def rows(self) -> int:
        """Looks."""
        return self.measured.rows

    @property
    def positives(self) -> int:
        """Looks that bought."""
        return self.measured.positives

    @property
    def auc(self) -> float | None:
        """Share of pairs in the right order; None when too few bought to say."""
        return self.measured.auc if self.positives >= LEAST_POSITIVES else None

    @property
    def interval(self) -> RateEstimate | None:
        """The same with its interval, where the card has one."""
        measured = self.measured
        if self.positives < LEAST_POSITIVES:
            return None
        return measured_rate(measured.auc, measured.auc_low, measured.auc_high)


@dataclass(frozen=True, slots=True)
class SegmentOutcome:
    """The looks at leads with one value of an attribute.

    Parameters
    ----------
    attribute, level : str
        The export's names.
    leads : int
        Leads that the looks were at.
    outcome : Outcome
        Promise and result.
    """

    attribute: str
    level: str
    leads: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class HorizonFigures:
    """One question, "does the lead buy within this many days?", and how its answers did.

    Parameters
    ----------
    name : str
        "hot" or "warm".
    measured : HorizonEvaluation
        The card's figures of it.
    """

    name: str
    measured: HorizonEvaluation

    @property
    def days(self) -> int:
        """Length of the horizon."""
        return self.measured.days

    @property
    def fit(self) -> Period:
        """What was fitted on."""
        return self.measured.fit

    @property
    def calibrate(self) -> Period:
        """What was calibrated on."""
        return self.measured.calibrate

    @property
    def test(self) -> Period:
        """What was judged on."""
        return self.measured.test

    @property
    def immature_rows(self) -> int:
        """Looks left out because their horizon reaches past the end of the data."""
        return self.measured.immature_rows

    @property
    def base_rate(self) -> float | None:
        """Share of the fit period's looks that a purchase followed."""
        return self.measured.base_rate

    @property
    def auc(self) -> RateEstimate | None:
        """Share of pairs (one look that bought, one that did not) put in the right order."""
        return self.measured.auc_rate if self.test.positives >= LEAST_POSITIVES else None

    @property
    def quality(self) -> HorizonEvaluation:
        """Log loss and Brier score of the model itself."""
        return self.measured

    @property
    def groups(self) -> tuple[Outcome, ...]:
        """Looks in the order of the promise, cut into groups of equal size."""
        return tuple(counted_outcome(rate) for rate in self.measured.reliability)

    @property
    def by_age(self) -> tuple[AgeSorting, ...]:
        """Figures by age of the lead."""
        return tuple(AgeSorting(group) for group in self.measured.by_age)

    @property
    def gains(self) -> Gains:
        """The model first; empty where too few bought."""
        return self.measured.gains

    @property
    def months(self) -> Months:
        """Months of the test period, earliest first."""
        return self.measured.by_month

    @property
    def segments(self) -> tuple[SegmentOutcome, ...]:
        """Segments of attributes with few levels, those with enough leads to judge."""
        return tuple(
            SegmentOutcome(group.by, group.level, group.rate.leads, counted_outcome(group.rate))
            for group in self.measured.groups
            if group.by not in ("score", "age", "band") and group.rate.leads >= LEAST_LEADS
        )

    @property
    def judged(self) -> tuple[Outcome, ...]:
        """Groups in which promise and outcome can be compared."""
        return tuple(g for g in self.groups if g.finding != "unknown")

    def count(self, finding: str) -> int:
        """Count the groups with this finding."""
        return sum(group.finding == finding for group in self.groups)

    @property
    def rivals(self) -> tuple[Rival, ...]:
        """The simpler ways of scoring, the one that sorts best first."""
        rivals = (Rival(name, figures) for name, figures in self.measured.baselines.items())
        return tuple(sorted(rivals, key=lambda rival: -(rival.auc or 0.0)))

    @property
    def best_baseline(self) -> Rival | None:
        """The simpler way of scoring that sorts best."""
        return next((rival for rival in self.rivals if rival.auc is not None), None)

    @property
    def sorting(self) -> Verdict:
        """Whether the model sorts leads better than the best simpler way does, and than chance.

        "held" when it surely does on the same leads, "mixed" when the difference may be chance.
        Of bundles of earlier versions, which were not compared on the same leads, the low end of
        the model's own interval decides.
        """
        if self.auc is None:
            return "unknown"
        rival = self.best_baseline
        bar = max(0.5, rival.auc or 0.0) if rival else 0.5
        if self.auc.value <= bar:
            return "failed"
        ahead = rival.figures.auc_advantage if rival else None
        if ahead:
            return "held" if self.auc.low > 0.5 and ahead.surely_better else "mixed"
        return "held" if self.auc.low > bar else "mixed"

    @property
    def percentages(self) -> Verdict:
        """Whether the promised percentages came true.

        "held" when at most one group in ten misses its 95 % interval, whether it is large or small;
        "failed" when more than half of the judged ones do. With fewer than `ENOUGH_GROUPS` of these
        it is "unknown", unless so many of them miss that more groups could not turn it.
        """
        judged_count, kept_count = len(self.judged), self.count("held")
        missed_count = judged_count - kept_count
        measured_count = sum(group.happened is not None for group in self.groups)
        if judged_count < ENOUGH_GROUPS and 2 * missed_count <= ENOUGH_GROUPS:
            return "unknown"
        if missed_count <= measured_count // 10:
            return "held"
        return "failed" if 2 * kept_count < judged_count else "mixed"

    @property
    def verdict(self) -> Verdict:
        """The weaker of both verdicts."""
        weakest: tuple[Verdict, ...] = ("failed", "unknown", "mixed", "held")
        return min(self.sorting, self.percentages, key=weakest.index)

    @property
    def broken(self) -> tuple[SegmentOutcome, ...]:
        """Segments that were promised too much or too little."""
        return tuple(s for s in self.segments if s.outcome.finding in ("too much", "too little"))

    @property
    def weakest_age(self) -> AgeSorting | None:
        """Age at which the model sorts leads worst, if ages can be compared."""
        measured = [a for a in self.by_age if a.auc is not None]
        return min(measured, key=lambda a: a.auc or 0.0) if len(measured) > 1 else None


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of this report beside that of an earlier one.

    Parameters
    ----------
    name : str
        One of `training.report.changes.FIGURES`.
    earlier, current : float or None
        Its value in the earlier report and in this one.
    sure : bool
        Whether the intervals have nothing in common; False too where a figure has none.
    """

    name: str
    earlier: float | None
    current: float | None
    sure: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What is new since an earlier report.

    Parameters
    ----------
    version : str
        Of the earlier model.
    data_end : datetime.datetime
        Up to which it knew anything.
    figures : tuple of Change
        Those that were measured in one report at least.
    gained, lost : tuple of str
        Signals that matter now and did not, and the other way round.
    """

    version: str
    data_end: datetime
    figures: tuple[Change, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """All that the report says.

    Parameters
    ----------
    card : ModelCard
        What was measured.
    version : str
        The model's.
    changes : Changes or None
        What is new since an earlier report; None without one.
    past : Past or None
        The latest backtest.
    past_is : {"missing", "other settings", "other data", "same"}
        What that is to this model.
    served : tuple of ServedHorizon
        What came of answers that were given, by horizon; empty without a ledger.
    """

    card: ModelCard
    version: str
    changes: Changes | None = None
    past: Past | None = None
    past_is: Standing = "missing"
    served: tuple[ServedHorizon, ...] = ()

    @property
    def data_end(self) -> datetime:
        """Nothing after it was known."""
        return self.card.data_end

    @property
    def leads(self) -> int:
        """Leads of the export."""
        return self.card.export.leads

    @property
    def interactions(self) -> int:
        """Interactions of the export."""
        return self.card.export.interactions

    @property
    def conversions(self) -> int:
        """Leads of the export that have converted."""
        return self.card.export.conversions

    @property
    def rejected_rows(self) -> int | None:
        """Rows of the export that could not be read."""
        return self.card.export.rejected_rows

    @property
    def first_created(self) -> datetime | None:
        """Creation of the earliest lead."""
        return self.card.export.first_created

    @property
    def every_days(self) -> float | None:
        """Days between two looks at a lead."""
        return self.card.snapshots.every_days

    @property
    def looks(self) -> int:
        """Looks in all periods together."""
        return self.card.snapshots.rows

    @property
    def looked_at(self) -> int:
        """Leads that the looks were at."""
        return self.card.snapshots.leads

    @property
    def hot(self) -> HorizonFigures:
        """The shorter horizon."""
        return HorizonFigures("hot", self.card.horizons.hot)

    @property
    def warm(self) -> HorizonFigures:
        """The longer horizon."""
        return HorizonFigures("warm", self.card.horizons.warm)

    @property
    def horizons(self) -> tuple[HorizonFigures, HorizonFigures]:
        """Both questions, the short one first."""
        return self.hot, self.warm

    @property
    def bands(self) -> tuple[BandFigures, ...]:
        """Hottest first."""
        return tuple(BandFigures(band, self.card.bands[band]) for band in reversed(Temperature))

    @property
    def called(self) -> int:
        """Looks of the test period that were given a band."""
        return sum(band.rows for band in self.bands)

    @property
    def signals(self) -> tuple[SignalImportance, ...]:
        """Strongest first."""
        return self.card.importance

    @property
    def families(self) -> tuple[FamilyImportance, ...]:
        """Families of signals, strongest first."""
        return self.card.families

    @property
    def dependence(self) -> Dependences:
        """Direction and shape of the strongest signals."""
        return self.card.managers.dependence

    @property
    def unused(self) -> tuple[tuple[str, str], ...]:
        """Columns of the export that were left out, each with the reason."""
        return tuple(self.card.export.unused.items())

    @property
    def doubts(self) -> tuple[SuspectedRows, ...]:
        """Doubts about rows of the export that could be read."""
        return self.card.export.suspicions

    @property
    def sensitive(self) -> tuple[str, ...]:
        """Sensitive attributes that are used, because the configuration allows them by name."""
        return self.card.export.sensitive_allowed

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """What the model was trained with."""
        return _texts(self.card.settings)

    @property
    def after_refusal_days(self) -> Setting | None:
        """For how long refused leads are looked at; None where a closing ends a lead."""
        return self.card.settings.get("after_refusal_days")

    @property
    def libraries(self) -> tuple[tuple[str, str], ...]:
        """Versions of the libraries that fitted it."""
        return _texts(self.card.libraries)

    @property
    def today(self) -> OpenLeads | None:
        """The leads that are open at the end of the data."""
        return self.card.managers.today

    @property
    def aftermath(self) -> Aftermaths:
        """What followed on each band in days and contacts, hottest first."""
        return self.card.managers.aftermath

    @property
    def portrait(self) -> Portrait | None:
        """What customers have in common."""
        return self.card.managers.portrait

    @property
    def practice(self) -> Practice | None:
        """How the team works."""
        return self.card.managers.practice


def _texts(values: Mapping[str, Setting]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in values.items()
    )
