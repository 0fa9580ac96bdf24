"""The figures of the report as values, and the verdicts that follow from them.

Everything the page says is one of these values or a rule below applied to them; words and pictures
are made elsewhere. A figure that is None was not measured. A *look* is one lead at one moment (a
row of the spine), and a look that a purchase followed within the horizon is said to have bought. A
lead is looked at several times.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from models.bands import Temperature
from training.evaluation.dependence import Dependence
from training.evaluation.gains import Gain, Month
from training.report.past import Past, Standing
from training.statistics.paired import Difference
from training.statistics.rates import Outcome, RateEstimate
from training.team.aftermath import Aftermath
from training.team.portrait import Portrait
from training.team.practice import Practice
from training.team.today import OpenLeads

ENOUGH_GROUPS = 5
"""Judged groups a verdict on the percentages needs."""

Verdict = Literal["held", "mixed", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Band:
    """The looks that were given one temperature in the test period.

    Parameters
    ----------
    name : Temperature
    cutoff : float or None
        Probability from which the band begins; the coldest has none.
    rows, leads : int
        Looks, and the leads they were at.
    hot, warm : Outcome
        Within the hot and within the warm horizon. The longer one has fewer looks: only those whose
        whole horizon lies before the end of the data.
    """

    name: Temperature
    cutoff: float | None
    rows: int
    leads: int
    hot: Outcome
    warm: Outcome


@dataclass(frozen=True, slots=True)
class Period:
    """A slice of time and what was in it.

    Parameters
    ----------
    first, last : datetime.datetime or None
        None when the slice is empty.
    rows, leads, positives : int
    """

    first: datetime | None
    last: datetime | None
    rows: int
    leads: int
    positives: int


@dataclass(frozen=True, slots=True)
class Quality:
    """How well one way of scoring did on the test period.

    Parameters
    ----------
    name : str
        Empty for the model itself.
    auc, log_loss, brier : float or None
    ahead : Difference or None
        What the model's AUC has over this one, on the same leads; None for the model itself.
    """

    name: str
    auc: float | None
    log_loss: float | None
    brier: float | None
    ahead: Difference | None = None


@dataclass(frozen=True, slots=True)
class AgeGroup:
    """The looks at leads of one age.

    Parameters
    ----------
    from_days : float
    to_days : float or None
        None for no upper end.
    rows, positives : int
    auc : float or None
        None when too few bought to tell one.
    interval : RateEstimate or None
        The same with its interval; bundles of earlier versions have none.
    """

    from_days: float
    to_days: float | None
    rows: int
    positives: int
    auc: float | None
    interval: RateEstimate | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """The looks at leads with one value of an attribute.

    Parameters
    ----------
    attribute, level : str
        The export's names.
    leads : int
    outcome : Outcome
    """

    attribute: str
    level: str
    leads: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Horizon:
    """One question, "does the lead buy within so many days?", and how its answers did.

    Parameters
    ----------
    name : str
        "hot" or "warm".
    days : int
    fit, calibrate, test : Period
    immature_rows : int
        Looks left out because their horizon reaches past the end of the data.
    base_rate : float or None
        Share of the fit period's looks that a purchase followed.
    auc : RateEstimate or None
        Share of pairs (one look that a purchase followed, one that none did) put in the right
        order.
    quality : Quality
    baselines : tuple of Quality
        Simpler ways of scoring the same looks.
    groups : tuple of Outcome
        Looks in the order of the promise, cut into groups of equal size.
    by_age : tuple of AgeGroup
    gains : tuple of Gain
        The model first; empty where too few bought.
    months : tuple of Month
        Of the test period, earliest first.
    segments : tuple of Segment
        Of attributes with few levels, those with enough leads to judge.
    """

    name: str
    days: int
    fit: Period
    calibrate: Period
    test: Period
    immature_rows: int
    base_rate: float | None
    auc: RateEstimate | None
    quality: Quality
    baselines: tuple[Quality, ...]
    groups: tuple[Outcome, ...]
    by_age: tuple[AgeGroup, ...]
    gains: tuple[Gain, ...]
    months: tuple[Month, ...]
    segments: tuple[Segment, ...]

    @property
    def judged(self) -> tuple[Outcome, ...]:
        """Groups in which promise and outcome can be compared."""
        return tuple(g for g in self.groups if g.finding != "unknown")

    def found(self, finding: str) -> int:
        """Count the groups with this finding."""
        return sum(g.finding == finding for g in self.groups)

    @property
    def rivals(self) -> tuple[Quality, ...]:
        """The simpler ways of scoring, the one that sorts best first."""
        return tuple(sorted(self.baselines, key=lambda b: -(b.auc or 0.0)))

    @property
    def best_baseline(self) -> Quality | None:
        """The simpler way of scoring that sorts best."""
        return next((b for b in self.rivals if b.auc is not None), None)

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
        if rival and rival.ahead:
            return "held" if self.auc.low > 0.5 and rival.ahead.surely_better else "mixed"
        return "held" if self.auc.low > bar else "mixed"

    @property
    def percentages(self) -> Verdict:
        """Whether the promised percentages came true.

        "held" when at most one group in ten misses its 95 % interval, whether it is large or small;
        "failed" when more than half of the judged ones do. With fewer than `ENOUGH_GROUPS` of these
        it is "unknown", unless so many of them miss that more groups could not turn it.
        """
        judged, inside = len(self.judged), self.found("held")
        missed, measured = judged - inside, sum(g.happened is not None for g in self.groups)
        if judged < ENOUGH_GROUPS and 2 * missed <= ENOUGH_GROUPS:
            return "unknown"
        if missed <= measured // 10:
            return "held"
        return "failed" if 2 * inside < judged else "mixed"

    @property
    def verdict(self) -> Verdict:
        """The weaker of both verdicts."""
        weakest: tuple[Verdict, ...] = ("failed", "unknown", "mixed", "held")
        return min(self.sorting, self.percentages, key=weakest.index)

    @property
    def broken(self) -> tuple[Segment, ...]:
        """Segments that were promised too much or too little."""
        return tuple(s for s in self.segments if s.outcome.finding in ("too much", "too little"))

    @property
    def weakest_age(self) -> AgeGroup | None:
        """Age at which the model sorts leads worst, if ages can be compared."""
        measured = [a for a in self.by_age if a.auc is not None]
        return min(measured, key=lambda a: a.auc or 0.0) if len(measured) > 1 else None


@dataclass(frozen=True, slots=True)
class Signal:
    """How much the hot probability leans on one signal.

    Parameters
    ----------
    name : str
        In words; parts of it come from the CRM.
    points : float or None
        Percentage points by which it moves a lead's probability on average, up or down.
    log_loss_increase, spread : float or None
        How much worse the test's log loss gets when its values are shuffled among the looks, and
        the spread of that over repetitions.
    low, high : float or None
        Least and greatest increase of models that were learned from other draws of the leads.
    chance : float or None
        Increase that 95 % of signals without any meaning do not get beyond.
    """

    name: str
    points: float | None
    log_loss_increase: float | None
    spread: float | None
    low: float | None = None
    high: float | None = None
    chance: float | None = None

    @property
    def matters(self) -> bool:
        """Whether shuffling it surely harms: by more than twice the spread, and beyond chance.

        Beyond chance it must be in every refit, where there were any.
        """
        increase = self.log_loss_increase or 0.0
        beyond = self.low is None or self.chance is None or self.low > max(0.0, self.chance)
        return increase > 0 and increase > 2 * (self.spread or 0.0) and beyond


@dataclass(frozen=True, slots=True)
class Family:
    """How much the hot probability leans on one side of the lead.

    Parameters
    ----------
    name : str
        As `features.language.wording.family` has it.
    log_loss_increase, spread : float or None
        As in `Signal`, all its signals shuffled together.
    """

    name: str
    log_loss_increase: float | None
    spread: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of this report beside that of an earlier one.

    Parameters
    ----------
    what : str
        One of `training.report.changes.FIGURES`.
    before, now : float or None
    sure : bool
        Whether the intervals have nothing in common; False too where a figure has none.
    """

    what: str
    before: float | None
    now: float | None
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
    """All figures of the report.

    Parameters
    ----------
    version : str
        The model's.
    data_end : datetime.datetime
        Nothing after it was known.
    leads, interactions, conversions : int
        What the export held.
    rejected_rows : int or None
        Rows of the export that could not be read.
    first_created : datetime.datetime or None
        Creation of the earliest lead.
    every_days : float or None
        Days between two looks at a lead.
    looks, looked_at : int
        Looks in all periods together, and the leads they were at.
    hot, warm : Horizon
    bands : tuple of Band
        Hottest first.
    signals : tuple of Signal
        Strongest first.
    unused : tuple of (str, str)
        Columns of the export that were left out, each with the reason.
    settings, libraries : tuple of (str, str)
        What the model was trained with.
    today : OpenLeads or None
        The leads that are open at the end of the data.
    aftermath : tuple of Aftermath
        What followed on each band in days and contacts, hottest first.
    families : tuple of Family
        Strongest first.
    dependence : tuple of Dependence
        Direction and shape of the strongest signals.
    portrait : Portrait or None
    practice : Practice or None
        How the team works.
    sensitive : tuple of str
        Sensitive attributes that are used, because the configuration allows them by name.
    changes : Changes or None
        None without an earlier report.
    past : Past or None
        The latest backtest.
    past_is : str
        What that is to this model.
    """

    version: str
    data_end: datetime
    leads: int
    interactions: int
    conversions: int
    rejected_rows: int | None
    first_created: datetime | None
    every_days: float | None
    looks: int
    looked_at: int
    hot: Horizon
    warm: Horizon
    bands: tuple[Band, ...]
    signals: tuple[Signal, ...]
    unused: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    libraries: tuple[tuple[str, str], ...]
    today: OpenLeads | None = None
    aftermath: tuple[Aftermath, ...] = ()
    families: tuple[Family, ...] = ()
    dependence: tuple[Dependence, ...] = ()
    portrait: Portrait | None = None
    practice: Practice | None = None
    sensitive: tuple[str, ...] = ()
    changes: Changes | None = None
    past: Past | None = None
    past_is: Standing = "missing"

    @property
    def horizons(self) -> tuple[Horizon, Horizon]:
        """Both questions, the short one first."""
        return self.hot, self.warm

    @property
    def called(self) -> int:
        """Looks of the test period that were given a band."""
        return sum(band.rows for band in self.bands)
