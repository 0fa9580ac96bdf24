"""From a frame to a model: both horizons, and the bands that their promises bear."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Float64
from features.progress import Progress, no_progress
from models.bands import Bands
from models.bundle import HORIZONS, Bundle
from models.card import NO_CARD
from models.predictors.predictor import Predictor
from training.audit.leaks import Finding
from training.audit.quarantine import quarantined_values
from training.bands.cutoffs import fit_bands
from training.calibration.choice import ComparedCurve
from training.calibration.curves import Curve
from training.calibration.drift import DriftSummary
from training.config import FittingSettings
from training.dataset.frame import TrainingFrame
from training.fitting.horizon import FittedHorizon, fit_horizon
from training.fitting.predictor import fit_predictor


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
    """

    curve: Curve
    compared: tuple[ComparedCurve, ...]
    drift: DriftSummary | None


@dataclass(frozen=True, slots=True)
class FittedBundle:
    """A model, and what it would have said of the looks that its bands were chosen by.

    Parameters
    ----------
    bundle : Bundle
        Without a card.
    calibrations : mapping of "hot", "warm" to CalibrationSummary
        Chosen curve and drift of each horizon's calibration.
    hot_held_out, warm_held_out : float64 arrays of shape (rows,)
        Probabilities by predictors that had not learned from the calibrating rows;
        NaN from the test period on.
    """

    bundle: Bundle
    calibrations: Mapping[str, CalibrationSummary]
    hot_held_out: Float64
    warm_held_out: Float64


def fit_bundle(
    frame: TrainingFrame,
    findings: Sequence[Finding],
    settings: FittingSettings,
    report_progress: Progress,
) -> FittedBundle:
    """Predictors, calibrations and bands learned from a frame.

    Parameters
    ----------
    frame : TrainingFrame
        Its test rows are not looked at.
    findings : sequence of Finding
        Findings of the audit; the frame holds nothing that they quarantine.
    settings : FittingSettings
        Sections that decide the model: model, calibration, bands and scorecard.
    report_progress : callable
        Called with the stage, and how many of its trees are fitted of how many.

    Raises
    ------
    ValueError
        The bands' rates are not in order.
    """
    hot, warm = (fit_frame_horizon(frame, name, settings, report_progress) for name in HORIZONS)
    bundle = Bundle(
        spec=dataclasses.replace(frame.spec, ignored=quarantined_values(findings)),
        hot=hot.horizon,
        warm=warm.horizon,
        bands=Bands(hot=None, warm=None),
        card=NO_CARD,
    )
    hot_held_out, warm_held_out = np.full((2, len(frame.spine)), np.nan)
    rows = frame.spine.as_of < frame.splits["hot"].test_from
    matrix = frame.matrix[rows]
    held_out = bundle.scores_of(
        hot.horizon.estimate_of(hot.held_out[rows], matrix),
        warm.horizon.estimate_of(warm.held_out[rows], matrix),
    )
    hot_held_out[rows] = held_out.hot_probability
    warm_held_out[rows] = held_out.warm_probability
    bands = fit_bands(
        hot_held_out, warm_held_out, frame.spine, frame.labels, frame.splits, settings.bands
    )
    return FittedBundle(
        bundle=dataclasses.replace(bundle, bands=bands),
        calibrations={
            name: CalibrationSummary(
                horizon.choice.curve, horizon.choice.compared, horizon.drift.summary()
            )
            for name, horizon in (("hot", hot), ("warm", warm))
        },
        hot_held_out=hot_held_out,
        warm_held_out=warm_held_out,
    )


def shorter_horizon_rows(frame: TrainingFrame, final: bool = True) -> Bool:
    """Rows that the warm booster learns from: their hot outcome was known by then.

    Parameters
    ----------
    frame : TrainingFrame
        Looks of both horizons with their splits and labels.
    final : bool, optional
        Whether by the start of the test period, or else by that of the calibration.
    """
    split = frame.splits["warm"]
    learned_before, eligible = split.calibrate_from, split.fit_eligible
    if final:
        learned_before, eligible = split.test_from, split.refit_eligible
    return eligible & frame.labels["hot"].known_before(frame.spine, learned_before)


def fit_frame_horizon(
    frame: TrainingFrame,
    name: str,
    settings: FittingSettings,
    report_progress: Progress = no_progress,
) -> FittedHorizon:
    """One horizon learned from a frame.

    Parameters
    ----------
    frame : TrainingFrame
        Its test rows are not looked at.
    name : {"hot", "warm"}
        The horizon to fit.
    settings : FittingSettings
        Sections that decide the model: model, calibration, bands and scorecard.
    report_progress : callable, optional
        Called with the stage, and how many of its trees are fitted of how many.
    """
    split = frame.splits[name]
    finished_trees = 0

    def report_trees(trees: int) -> None:
        nonlocal finished_trees
        finished_trees += trees
        report_progress(f"trees of the {name} horizon", finished_trees, 2 * settings.model.trees)

    def fit_rows(rows: Bool, first_fit: Predictor | None) -> Predictor:
        shorter_rows = None
        if name == "warm":
            shorter_rows = frame.looks(
                "hot", shorter_horizon_rows(frame, final=first_fit is not None)
            )
        return fit_predictor(
            frame.spec,
            frame.looks(name, rows),
            settings.model,
            settings.edited_scorecard(name),
            report_trees,
            shorter_rows,
            first_fit,
        )

    return fit_horizon(
        fit_rows,
        frame.spec.categorical,
        frame.matrix,
        frame.spine,
        frame.labels[name],
        split,
        settings.model,
        settings.calibration.method,
    )
