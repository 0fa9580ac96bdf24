"""What the test period says about a model: both horizons, beside their baselines, and the bands.

`evaluation` scores the test period, which nothing was learned from, and returns an `Evaluation`:
frozen values that are a part of the model card as they stand here. Figures that could not be
measured are None.

Tests: tests/training/test_pipeline.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import Field, PlainSerializer

from features.arrays import Bool, Float64
from features.progress import Progress
from models.bands import HORIZON_OF_BAND, HORIZONS, DecidedBy, Temperature
from models.bundle import Bundle
from models.horizon import Scores
from models.predictors.predictor import Blend
from models.predictors.scorecard import Line, Scorecard, card_lines
from training.bands.results import (
    BandPromise,
    Reach,
    ServedBand,
    band_promises,
    band_reach,
    served_band,
)
from training.calibration.choice import Ties
from training.config import FittingSettings, ModelSettings
from training.dataset.frame import TrainingFrame
from training.evaluation.baselines import (
    BaselineComparison,
    BaselineFigures,
    baseline_comparison,
    baseline_probabilities,
)
from training.evaluation.gains import Gains, Months, by_month, gains
from training.evaluation.reliability import (
    BrierParts,
    CalibrationError,
    Group,
    IntervalCheck,
    reliability_of,
)
from training.fitting.bundle import CalibrationSummary, FittedBundle
from training.fitting.side_by_side import side_by_side
from training.statistics.figures import (
    AgeFigures,
    BandResult,
    JudgedRows,
    ObservedRate,
    auc_interval,
    band_results,
    figures,
    figures_by_age,
    reliability_bins,
)
from training.statistics.rates import Outcome, RateEstimate, measured_rate

Moment: TypeAlias = Annotated[datetime, PlainSerializer(datetime.isoformat)]
"""An instant; as JSON it is ISO 8601 text with its offset, such as 2026-01-01T00:00:00+00:00."""
PredictorKind: TypeAlias = Literal[
    "blend", "booster", "points card", "edited points card", "base rate"
]


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time and the looks in it.

    Parameters
    ----------
    first_look, last_look : datetime.datetime or None
        Earliest and latest look, "from" and "to" as JSON; None when the period is empty.
    rows, leads, positives : int
        Looks, the leads they were at, and the looks that a conversion followed in time.
    """

    first_look: Annotated[Moment | None, Field(alias="from")]
    last_look: Annotated[Moment | None, Field(alias="to")]
    rows: int
    leads: int
    positives: int


@dataclass(frozen=True, slots=True)
class UnseenLeads:
    """Figures of the test rows of leads that nothing was learned from, at no earlier look.

    Parameters
    ----------
    rows, leads, positives : int
        Looks, the leads they were at, and the looks that a conversion followed in time.
    auc, log_loss : float or None
        As in `training.statistics.figures.Figures`.
    """

    rows: int
    leads: int
    positives: int
    auc: float | None
    log_loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonEvaluation:
    """One horizon, "does the lead convert within this many days?", and how its answers did.

    Parameters
    ----------
    days : int
        Length of the horizon.
    fit, calibrate, test : Period
        What was fitted on, calibrated on and judged on.
    immature_rows : int
        Looks left out because their horizon reaches past the end of the data.
    learned_rows : int
        Looks that the model that serves learned from.
    kept_rows : int
        Those of them that have a weight; the others are represented by another look of their lead.
    left_out_rows : int
        Looks that no period has, because leads are kept apart.
    never_learned_from : UnseenLeads
        Figures of the test rows of new leads alone.
    base_rate : float or None
        Share of the looks known before the test that a conversion followed.
    auc, average_precision, log_loss, brier : float or None
        Of the test rows; see `training.statistics.figures.Figures`.
    auc_low, auc_high : float or None
        95 % interval of the AUC.
    predictor : {"blend", "booster", "points card", "edited points card", "base rate"}
        What predicts.
    points_card : tuple of Line or None
        Lines of the points card, where that is what predicts.
    gains : tuple of Gain
        Of the model and of the baselines worth comparing; empty where too few converted.
    baselines : mapping of str to BaselineFigures
        By the baseline's name.
    better_than, beaten_by : tuple of str
        Baselines that the model is surely better, or surely worse, than in log loss.
    reliability : tuple of ObservedRate
        Promised against happened, in bins of about equally many looks, lowest first.
    by_month : tuple of Month
        The same in each month of the test period, earliest first.
    by_age : tuple of AgeFigures
        Figures by age of the lead.
    calibration : CalibrationSummary
        How the calibration was chosen.
    brier_parts, calibration_error, ties, groups, intervals
        As in `training.evaluation.reliability.Reliability`.
    """

    days: int
    fit: Period
    calibrate: Period
    test: Period
    immature_rows: int
    learned_rows: int
    kept_rows: int
    left_out_rows: int
    never_learned_from: UnseenLeads
    base_rate: float | None
    auc: float | None
    average_precision: float | None
    log_loss: float | None
    brier: float | None
    auc_low: float | None
    auc_high: float | None
    predictor: PredictorKind
    points_card: tuple[Line, ...] | None
    gains: Gains
    baselines: Mapping[str, BaselineFigures]
    better_than: tuple[str, ...]
    beaten_by: tuple[str, ...]
    reliability: tuple[ObservedRate, ...]
    by_month: Months
    by_age: tuple[AgeFigures, ...]
    calibration: CalibrationSummary
    brier_parts: BrierParts | None
    calibration_error: CalibrationError | None
    ties: Ties | None
    groups: tuple[Group, ...]
    intervals: IntervalCheck

    def __post_init__(self) -> None:
        _ = self.auc_rate

    @property
    def auc_rate(self) -> RateEstimate | None:
        """AUC with its 95 % interval; None where it was not measured."""
        return measured_rate(self.auc, self.auc_low, self.auc_high)


@dataclass(frozen=True, slots=True, kw_only=True)
class BandEvaluation:
    """The looks that were given one band in the test period: promised against happened.

    Parameters
    ----------
    cutoff : float or None
        Where the band begins; the coldest has none.
    decided_by : {"probability", "low end"}
        What is compared with it: the probability or, by earlier versions, its lower bound.
    promise : BandPromise or None
        What was promised of the band and what came of it.
    served : ServedBand or None
        The band as it serves; None on cards of earlier versions.
    reach : Reach or None
        Share of the test period's buyers that it held: within the hot horizon of hot, else within
        the warm one. None where nobody bought or nobody is called so.
    rows, leads : int
        Looks, and the leads they were at.
    hot_rows, hot_positives, warm_rows, warm_positives : int
        Looks whose horizon has ended, and those of them that a conversion followed in time.
    predicted_hot, predicted_warm : float or None
        Mean of the probabilities that were given.
    hot_rate, hot_low, hot_high, warm_rate, warm_low, warm_high : float or None
        Share that converted, with its 95 % interval.
    """

    cutoff: float | None
    decided_by: DecidedBy
    promise: BandPromise | None
    served: ServedBand | None
    reach: Reach | None
    rows: int
    leads: int
    hot_rows: int
    hot_positives: int
    predicted_hot: float | None
    hot_rate: float | None
    hot_low: float | None
    hot_high: float | None
    warm_rows: int
    warm_positives: int
    predicted_warm: float | None
    warm_rate: float | None
    warm_low: float | None
    warm_high: float | None

    def __post_init__(self) -> None:
        for name in HORIZONS:
            self.outcome(name)

    def outcome(self, horizon: str) -> Outcome:
        """Promise and outcome within the "hot" or the "warm" horizon."""
        if horizon == "hot":
            happened = measured_rate(self.hot_rate, self.hot_low, self.hot_high)
            return Outcome(self.hot_rows, self.hot_positives, self.predicted_hot, happened)
        happened = measured_rate(self.warm_rate, self.warm_low, self.warm_high)
        return Outcome(self.warm_rows, self.warm_positives, self.predicted_warm, happened)


@dataclass(frozen=True, slots=True)
class HorizonEvaluations:
    """Both horizons.

    Parameters
    ----------
    hot, warm : HorizonEvaluation
        The shorter one and the longer one.
    """

    hot: HorizonEvaluation
    warm: HorizonEvaluation

    def __getitem__(self, name: str) -> HorizonEvaluation:
        return {"hot": self.hot, "warm": self.warm}[name]


@dataclass(frozen=True, slots=True)
class BandEvaluations:
    """All bands.

    Parameters
    ----------
    hot, warm, cold : BandEvaluation
        By the name of the band.
    """

    hot: BandEvaluation
    warm: BandEvaluation
    cold: BandEvaluation

    def __getitem__(self, name: str) -> BandEvaluation:
        return {"hot": self.hot, "warm": self.warm, "cold": self.cold}[name]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that the test period says about a model.

    Parameters
    ----------
    horizons : HorizonEvaluations
        How well each horizon's probabilities rank and hold.
    bands : BandEvaluations
        What each band promised and what came of it.
    """

    horizons: HorizonEvaluations
    bands: BandEvaluations


def evaluation(
    fitted: FittedBundle,
    frame: TrainingFrame,
    settings: FittingSettings,
    report_progress: Progress,
) -> Evaluation:
    """Everything that the test period says about a fitted model.

    Parameters
    ----------
    fitted : FittedBundle
        The model; judged is what it had learned when the test period begins.
    frame : TrainingFrame
        The frame that it was fitted on, with its test rows.
    settings : FittingSettings
        Settings that it was fitted by: of these the seed, the threads, the settings of boosters
        for the baselines, and whether a person edited the points card.
    report_progress : callable
        Called with each stage, the number of its steps that are done, and their total; from
        several threads.
    """
    bundle = fitted.judged_bundle
    hot_test = frame.splits["hot"].test
    # A look that is old enough for the warm horizon is so for the hot one: these are all.
    scores = bundle.scores(frame.matrix[hot_test], settings.model.threads)
    rows_by_horizon = {name: judged_rows(frame, name, hot_test) for name in HORIZONS}
    results = band_results(
        scores,
        rows_by_horizon["hot"],
        rows_by_horizon["warm"],
        frame.labels["warm"].mature[hot_test],
    )
    cutoffs: dict[str, float | None] = {**bundle.bands.cutoffs, "cold": None}
    days = {name: frame.labels[name].days for name in HORIZONS}
    promises = band_promises(
        bundle.bands,
        days,
        scores.band,
        rows_by_horizon,
        {name: frame.labels[name].mature[hot_test] for name in HORIZONS},
        frame.spine.as_of[hot_test],
    )

    def horizon(name: str) -> HorizonEvaluation:
        tested = scores.among(frame.splits[name].test[hot_test])
        return _horizon(fitted, frame, name, tested, settings, report_progress)

    horizons = dict(
        zip(HORIZONS, side_by_side(horizon, HORIZONS, settings.model.threads), strict=True)
    )
    bands = {}
    for band in Temperature:
        rows = rows_by_horizon[HORIZON_OF_BAND[band]]
        mature = frame.labels[HORIZON_OF_BAND[band]].mature[hot_test]
        reach = band_reach(band, scores.band[mature], rows.converted[mature], rows.lead[mature])
        has_reach = cutoffs[band.value] is not None or band == Temperature.COLD
        bands[band.value] = _band(
            results[band.value],
            cutoffs[band.value],
            bundle.bands.decided_by,
            promises.get(band.value),
            served_band(fitted.bundle.bands, band.value, days),
            reach if has_reach else None,
        )
    return Evaluation(HorizonEvaluations(**horizons), BandEvaluations(**bands))


def judged_rows(frame: TrainingFrame, name: str, mask: Bool) -> JudgedRows:
    """Outcomes of some rows of a frame within a horizon."""
    all_rows = JudgedRows(frame.labels[name].converted, frame.person, frame.age_days)
    return all_rows.among(mask)


def _horizon(
    fitted: FittedBundle,
    frame: TrainingFrame,
    name: str,
    scores: Scores,
    settings: FittingSettings,
    report_progress: Progress,
) -> HorizonEvaluation:
    model = settings.model
    split, labels, bundle = frame.splits[name], frame.labels[name], fitted.judged_bundle
    learned = fitted.learned[name]
    probability = scores.probability(name)
    rows = judged_rows(frame, name, split.test)
    stage = f"evaluation of the {name} horizon"
    interval = auc_interval(
        rows,
        probability,
        model.seed,
        report_progress=lambda done, of: report_progress(stage, done, of),
    )
    test_figures = figures(rows.converted, probability)
    kind, points_card = _predictor(fitted, name, settings)
    baselines = _baselines(frame, name, kind, model)
    comparison: BaselineComparison = baseline_comparison(rows, probability, baselines, model.seed)
    reliability = reliability_of(
        bundle, name, frame.matrix[split.test], rows, scores, model.seed, model.threads
    )
    return HorizonEvaluation(
        days=labels.days,
        fit=_period(frame, name, split.fit),
        calibrate=_period(frame, name, split.calibrate),
        test=_period(frame, name, split.test),
        immature_rows=int((~labels.mature).sum()),
        learned_rows=int(learned.sum()),
        kept_rows=_kept_rows(bundle, frame, name, learned),
        left_out_rows=split.left_out,
        never_learned_from=_unseen_leads(frame, name, probability),
        base_rate=float(labels.converted[split.refit].mean()),
        auc=test_figures.auc,
        average_precision=test_figures.average_precision,
        log_loss=test_figures.log_loss,
        brier=test_figures.brier,
        auc_low=None if interval is None else interval[0],
        auc_high=None if interval is None else interval[1],
        predictor=kind,
        points_card=points_card,
        gains=gains(rows, probability, baselines, model.seed),
        baselines=comparison.baselines,
        better_than=comparison.better_than,
        beaten_by=comparison.beaten_by,
        reliability=tuple(reliability_bins(rows, probability)),
        by_month=by_month(rows, probability, frame.spine.as_of[split.test]),
        by_age=tuple(figures_by_age(rows, probability, model.seed)),
        calibration=fitted.calibrations[name],
        brier_parts=reliability.brier_parts,
        calibration_error=reliability.calibration_error,
        ties=reliability.ties,
        groups=reliability.groups,
        intervals=reliability.intervals,
    )


def _kept_rows(bundle: Bundle, frame: TrainingFrame, name: str, learned: Bool) -> int:
    """Looks that a horizon is learned from; others stand for the rest, but not in a points card."""
    if isinstance(bundle.horizon(name).predictor, Scorecard):
        return int(learned.sum())
    return int(np.count_nonzero(frame.thinning.weight(learned)))


def _predictor(
    fitted: FittedBundle, name: str, settings: FittingSettings
) -> tuple[PredictorKind, tuple[Line, ...] | None]:
    """What predicts within a horizon, and its lines if it is a points card."""
    if fitted.calibrations[name].curve == "base_rate":
        return "base rate", None
    predictor = fitted.judged_bundle.horizon(name).predictor
    if not isinstance(predictor, Scorecard):
        return "blend" if isinstance(predictor, Blend) else "booster", None
    edited = settings.edited_scorecard(name) is not None
    kind: PredictorKind = "edited points card" if edited else "points card"
    return kind, tuple(card_lines(predictor, fitted.judged_bundle.spec))


def _baselines(
    frame: TrainingFrame, name: str, kind: PredictorKind, model: ModelSettings
) -> dict[str, Float64]:
    """Probabilities of the test rows by each baseline that is not the model itself."""
    baselines = baseline_probabilities(
        frame.spec,
        frame.matrix,
        frame.age_days,
        frame.persons,
        frame.labels[name],
        frame.splits[name],
        model,
    )
    if kind in ("points card", "base rate"):
        del baselines[kind]
    return baselines


def _unseen_leads(frame: TrainingFrame, name: str, probability: Float64) -> UnseenLeads:
    split, lead = frame.splits[name], frame.person
    learned = split.refit
    if name == "warm":
        learned = learned | frame.splits["hot"].refit
    unseen = ~np.isin(lead[split.test], lead[learned])
    converted = frame.labels[name].converted[split.test][unseen]
    unseen_figures = figures(converted, probability[unseen])
    return UnseenLeads(
        rows=len(converted),
        leads=len(np.unique(lead[split.test][unseen])),
        positives=int(converted.sum()),
        auc=unseen_figures.auc,
        log_loss=unseen_figures.log_loss,
    )


def _period(frame: TrainingFrame, name: str, mask: Bool) -> Period:
    as_of = frame.spine.as_of[mask]
    return Period(
        first_look=instant(int(as_of.min())) if len(as_of) else None,
        last_look=instant(int(as_of.max())) if len(as_of) else None,
        rows=len(as_of),
        leads=len(np.unique(frame.spine.lead[mask])),
        positives=int(frame.labels[name].converted[mask].sum()),
    )


def instant(microseconds: int) -> datetime:
    """Instant of microseconds since 1970, in UTC.

    Examples
    --------
    >>> instant(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _band(
    result: BandResult,
    cutoff: float | None,
    decided_by: DecidedBy,
    promise: BandPromise | None,
    served: ServedBand | None,
    reach: Reach | None,
) -> BandEvaluation:
    hot, warm = result.hot, result.warm
    return BandEvaluation(
        cutoff=cutoff,
        decided_by=decided_by,
        promise=promise,
        served=served,
        reach=reach,
        rows=result.rows,
        leads=result.leads,
        hot_rows=hot.rows if hot else 0,
        hot_positives=hot.positives if hot else 0,
        predicted_hot=hot.predicted if hot else None,
        hot_rate=hot.observed if hot else None,
        hot_low=hot.low if hot else None,
        hot_high=hot.high if hot else None,
        warm_rows=warm.rows if warm else 0,
        warm_positives=warm.positives if warm else 0,
        predicted_warm=warm.predicted if warm else None,
        warm_rate=warm.observed if warm else None,
        warm_low=warm.low if warm else None,
        warm_high=warm.high if warm else None,
    )
