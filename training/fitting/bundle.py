"""From a frame to a model: the same fits at rolling origins, where the test begins, and at the end.

At every origin both horizons are fitted on all looks whose outcomes are known by then. What each
fit says of the looks up to the next origin is out of time, and together it calibrates and chooses
the bands. The fit at the start of the test period is judged on what comes after it: these are the
figures of the model card. What serves is the same fit once more, on every outcome that is known at
the end of the data, calibrated by the looks of the test period too. It keeps the bands that the
test period has judged, unless all out-of-time looks together contradict a promise.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

import numpy as np

from features.arrays import Bool, Float64
from features.language.spec import Spec
from features.progress import Progress
from models.bands import HORIZONS, Bands
from models.bundle import Bundle
from models.card import NO_CARD
from models.predictors.predictor import Blend, Predictor, margin_of
from training.audit.leaks import Finding
from training.audit.quarantine import quarantined_values
from training.bands.cutoffs import fit_bands
from training.bands.stability import confirming, keeping
from training.calibration.choice import ComparedCurve
from training.calibration.curves import Curve
from training.calibration.drift import DriftSummary
from training.config import FittingSettings
from training.dataset.frame import TrainingFrame
from training.dataset.split import LEAST_LEARNED_LEADS, converting_leads, only_base_rate
from training.fitting.horizon import (
    FittedHorizon,
    base_rate_alone,
    fitted_horizon,
    out_of_time_calibration,
)
from training.fitting.predictor import (
    SHARE_FOLDS,
    Borrowed,
    alikeness,
    borrowed_share,
    fit_predictor,
)
from training.fitting.side_by_side import side_by_side
from training.statistics.latest_weeks import LatestWeeks
from training.statistics.levels import MonthCheck


@dataclass(frozen=True, slots=True)
class CalibrationSummary:
    """How a horizon's calibration was chosen, in the figures of the model card.

    Parameters
    ----------
    curve : str
        The curve that was taken.
    compared : tuple of ComparedCurve
        The curves that were compared; empty where there was nothing to choose.
    drift : DriftSummary or None
        How the level wandered; None where it stood still.
    month_deviation : float or None
        Standard deviation, in log-odds, by which months differ from what is said of them; None on
        cards of earlier versions.
    month_check : MonthCheck or None
        In how many months, left out in turn, the interval that the others give held; None on cards
        of earlier versions.
    latest_weeks : LatestWeeks or None
        The latest weeks beside the months before them; None with too little of either, and on cards
        of earlier versions.
    """

    curve: Curve
    compared: tuple[ComparedCurve, ...]
    drift: DriftSummary | None
    month_deviation: float | None
    month_check: MonthCheck | None
    latest_weeks: LatestWeeks | None


@dataclass(frozen=True, slots=True)
class FittedBundle:
    """The model that serves, the one that the test period judges, and what chose their bands.

    Parameters
    ----------
    bundle : Bundle
        What serves: it has learned from every known outcome. Without a card.
    judged_bundle : Bundle
        The same, learned from what was known when the test period begins.
    calibrations : mapping of "hot", "warm" to CalibrationSummary
        Chosen curve and drift of each horizon's calibration, as it serves.
    learned : mapping of "hot", "warm" to bool array of shape (rows,)
        Looks that what serves has learned from.
    hot_held_out, warm_held_out : float64 arrays of shape (rows,)
        Probabilities by predictors that had not learned from the rows; NaN from the test period on
        and before the first origin.
    """

    bundle: Bundle
    judged_bundle: Bundle
    calibrations: Mapping[str, CalibrationSummary]
    learned: Mapping[str, Bool]
    hot_held_out: Float64
    warm_held_out: Float64


def fit_bundle(
    frame: TrainingFrame,
    findings: Sequence[Finding],
    settings: FittingSettings,
    report_progress: Progress,
    *,
    final: bool = False,
    earlier: Bands | None = None,
) -> FittedBundle:
    """Predictors, calibrations and bands learned from a frame.

    Parameters
    ----------
    frame : TrainingFrame
        Looks with their splits and labels.
    findings : sequence of Finding
        Findings of the audit; the frame holds nothing that they quarantine.
    settings : FittingSettings
        Sections that decide the model: model, calibration, bands and scorecard.
    report_progress : callable
        Called with the stage, and how many of its trees are fitted of how many.
    final : bool, optional
        Whether to fit once more at the end of the data, for what is to serve: no known outcome can
        judge it. By default what is judged is the bundle, and the outcomes and features of test
        rows are not looked at.
    earlier : Bands, optional
        Bands of the model that serves until now: they are kept while the change may be chance.

    Raises
    ------
    ValueError
        The bands' rates are not in order.
    """
    rolling = _RollingFits(frame, settings, report_progress, final)
    refit = {name: frame.splits[name].refit for name in HORIZONS}
    mature = {name: frame.labels[name].mature for name in HORIZONS}
    learned = mature if final else refit
    of_origins, judged_predictors, predictors = rolling.fits(refit, learned)
    margins = rolling.out_of_time_margins(of_origins)
    judged_horizons = {
        name: rolling.horizon(name, judged_predictors[name], margins[name], refit[name], False)
        for name in HORIZONS
    }
    ignored_spec = dataclasses.replace(frame.spec, ignored=quarantined_values(findings))
    judged_bundle = _bundle(ignored_spec, judged_horizons)
    hot_held_out, warm_held_out = _probabilities(judged_bundle, frame, margins)
    bands = fit_bands(
        hot_held_out,
        warm_held_out,
        frame.persons,
        frame.labels,
        frame.splits,
        settings.bands,
        None if earlier is None else keeping(earlier, settings.model.seed),
    )
    judged_bundle = dataclasses.replace(judged_bundle, bands=bands)
    serving, horizons = judged_bundle, judged_horizons
    if final:
        for name in HORIZONS:
            rows = frame.spine.as_of >= frame.splits[name].test_from
            predictor = judged_predictors[name]
            margins[name][rows] = margin_of(predictor, frame.matrix[rows], settings.model.threads)
        horizons = {
            name: rolling.horizon(name, predictors[name], margins[name], learned[name], True)
            for name in HORIZONS
        }
        serving = _bundle(ignored_spec, horizons)
        confirmed_bands = fit_bands(
            *_probabilities(serving, frame, margins),
            frame.persons,
            frame.labels,
            frame.splits,
            settings.bands,
            confirming(bands),
            with_test_period=True,
        )
        serving = dataclasses.replace(serving, bands=confirmed_bands)
    return FittedBundle(
        bundle=serving,
        judged_bundle=judged_bundle,
        calibrations={name: _summary(one) for name, one in horizons.items()},
        learned=learned,
        hot_held_out=hot_held_out,
        warm_held_out=warm_held_out,
    )


@dataclass(frozen=True, slots=True)
class _Traits:
    """What the looks before the test period say of all fits alike.

    Parameters
    ----------
    looks_per_independent : mapping of "hot", "warm" to float
        How much alike the looks of a lead are.
    borrowed_share : float or None
        How much the longer horizon takes from the shorter one; None where it takes nothing.
    """

    looks_per_independent: Mapping[str, float]
    borrowed_share: float | None


class _RollingFits:
    """Fits of both horizons of a frame at several instants, all by the same settings."""

    def __init__(
        self,
        frame: TrainingFrame,
        settings: FittingSettings,
        progress: Progress,
        final: bool,
        traits: _Traits | None = None,
    ) -> None:
        self.frame, self.settings, self.report_progress = frame, settings, progress
        self.finished_trees, self.counting = 0, Lock()
        edited = any(settings.edited_scorecard(name) for name in HORIZONS)
        one_horizon = frame.labels["hot"].days == frame.labels["warm"].days
        self.fits_once = one_horizon and not edited
        self.borrows = settings.model.kind in ("auto", "blend") and not (edited or one_horizon)
        self.origins = self._usable_origins()
        fits = len(self.origins) + 1 + final + SHARE_FOLDS * self.borrows
        self.all_trees = fits * (2 - self.fits_once) * settings.model.trees
        self.traits = traits or self._traits()

    def _count_trees(self, trees: int) -> None:
        with self.counting:
            self.finished_trees += trees
            self.report_progress("trees", self.finished_trees, self.all_trees)

    def _traits(self) -> _Traits:
        frame, model = self.frame, self.settings.model
        looks = {name: frame.looks(name, frame.splits[name].refit) for name in HORIZONS}
        measured = side_by_side(
            lambda name: alikeness(frame.spec, looks[name], model.seed), HORIZONS, model.threads
        )
        share = None
        if self.borrows:
            hot, warm = looks["hot"], looks["warm"]
            alike = measured[0], measured[1]
            share = borrowed_share(frame.spec, hot, warm, alike, model, self._count_trees)
        return _Traits(dict(zip(HORIZONS, measured, strict=True)), share)

    def fit(self, rows: Mapping[str, Bool]) -> dict[str, Predictor]:
        """Predictors of both horizons, each learned from its rows, known by the same instant."""
        predictors: dict[str, Predictor] = {}
        for name in HORIZONS:
            shorter = predictors.get("hot")
            if shorter is not None and self.fits_once:
                predictors[name] = shorter
                continue
            borrowed = None
            if self.traits.borrowed_share is not None and isinstance(shorter, Blend):
                borrowed = Borrowed(shorter.booster, self.traits.borrowed_share)
            predictors[name] = fit_predictor(
                self.frame.spec,
                self.frame.looks(name, rows[name]),
                self.settings.model,
                self.settings.edited_scorecard(name),
                self._count_trees,
                borrowed,
                self.traits.looks_per_independent[name],
            )
        return predictors

    def fits(
        self, refit: Mapping[str, Bool], learned: Mapping[str, Bool]
    ) -> tuple[list[dict[str, Predictor]], dict[str, Predictor], dict[str, Predictor]]:
        """Predictors at each origin, where the test begins, and of what serves.

        The last two are the same where they learn from the same rows.
        """
        jobs = [*(known_rows for known_rows, _ in self.origins), refit]
        if learned is not refit:
            jobs.append(learned)
        # The latest learn from the most: begun first, none of them is left over alone.
        predictors = side_by_side(self.fit, reversed(jobs), self.settings.model.threads)[::-1]
        origins = len(self.origins)
        return predictors[:origins], predictors[origins], predictors[-1]

    def out_of_time_margins(
        self, of_origins: Sequence[Mapping[str, Predictor]]
    ) -> dict[str, Float64]:
        """Margins of each look before the test by the fit at the latest origin before it."""
        frame, threads = self.frame, self.settings.model.threads
        margins = {name: np.full(len(frame.spine), np.nan) for name in HORIZONS}
        for (_, rows), predictors in zip(self.origins, of_origins, strict=True):
            for name, predictor in predictors.items():
                margins[name][rows] = margin_of(predictor, frame.matrix[rows], threads)
        return margins

    def _usable_origins(self) -> list[tuple[dict[str, Bool], Bool]]:
        """Looks to learn from at each origin with enough conversions, and those to foretell."""
        frame, split = self.frame, self.frame.splits["warm"]
        usable_origins = []
        for origin, end in pairwise([*split.origins, split.test_from]):
            known_rows = {
                name: frame.splits[name].fit_eligible
                & frame.labels[name].known_before(frame.spine, origin)
                for name in HORIZONS
            }
            if all(self._enough(name, rows) for name, rows in known_rows.items()):
                foretold_rows = (frame.spine.as_of >= origin) & (frame.spine.as_of < end)
                usable_origins.append((known_rows, foretold_rows))
        return usable_origins

    def _buyers(self, name: str, rows: Bool) -> int:
        return converting_leads(self.frame.labels[name], self.frame.person, rows)

    def _enough(self, name: str, rows: Bool) -> bool:
        everybody_buys = self.frame.labels[name].converted[rows].all()
        return self._buyers(name, rows) >= LEAST_LEARNED_LEADS and not everybody_buys

    def evidence_share(self, name: str, held_out: Bool, learned: Bool) -> float:
        """Buyers that fits of held-out looks had learned from, as a share of those of `learned`.

        The mean over these looks, at most 1; 1 where there are none.
        """
        split = self.frame.splits[name]
        fits = [(rows[name], foretold) for rows, foretold in self.origins]
        fits.append((split.refit, split.test))
        looks = [np.count_nonzero(held_out & foretold) for _, foretold in fits]
        if not any(looks):
            return 1.0
        buyers = np.average([self._buyers(name, rows) for rows, _ in fits], weights=looks)
        return min(1.0, float(buyers) / self._buyers(name, learned))

    def horizon(
        self, name: str, predictor: Predictor, margin: Float64, learned: Bool, final: bool
    ) -> FittedHorizon:
        """Horizon of a predictor, calibrated by the out-of-time margins known by its instant."""
        frame, split, labels = self.frame, self.frame.splits[name], self.frame.labels[name]
        rows, level_at = split.calibrate, split.test_from
        if final:
            rows, level_at = rows | split.test, int(frame.spine.as_of.max())
        held_out = rows & ~np.isnan(margin)
        if only_base_rate(split, labels, frame.person):
            calibrated = base_rate_alone(frame.persons, labels, learned)
        else:
            calibrated = out_of_time_calibration(
                margin,
                frame.persons,
                labels,
                held_out,
                level_at,
                self.settings.calibration.method,
                self.evidence_share(name, held_out, learned),
            )
        return fitted_horizon(
            predictor,
            frame.matrix,
            frame.persons,
            labels,
            learned,
            calibrated,
            margin,
            held_out,
            frame.spec.categorical,
        )


def _bundle(spec: Spec, horizons: Mapping[str, FittedHorizon]) -> Bundle:
    return Bundle(
        spec=spec,
        hot=horizons["hot"].horizon,
        warm=horizons["warm"].horizon,
        bands=Bands(hot=None, warm=None),
        card=NO_CARD,
    )


def _probabilities(
    bundle: Bundle, frame: TrainingFrame, margins: Mapping[str, Float64]
) -> tuple[Float64, Float64]:
    """Probabilities of both horizons by out-of-time margins; NaN where there are none."""
    hot_probability, warm_probability = np.full((2, len(frame.spine)), np.nan)
    rows = ~np.isnan(margins["hot"])
    if rows.any():
        hot, warm = (
            bundle.horizon(name).estimate_of(margins[name][rows], frame.matrix[rows])
            for name in HORIZONS
        )
        scores = bundle.scores_of(hot, warm)
        hot_probability[rows] = scores.hot_probability
        warm_probability[rows] = scores.warm_probability
    return hot_probability, warm_probability


def _summary(fitted: FittedHorizon) -> CalibrationSummary:
    choice, month_variance = fitted.calibrated.choice, fitted.horizon.evidence.month_variance
    return CalibrationSummary(
        curve=choice.curve,
        compared=choice.compared,
        drift=fitted.calibrated.drift.summary(),
        month_deviation=None if month_variance is None else month_variance**0.5,
        month_check=fitted.month_check,
        latest_weeks=fitted.latest_weeks,
    )
