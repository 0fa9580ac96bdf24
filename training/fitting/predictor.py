"""Blend, booster or points card: which of them the conversions at hand can carry.

A booster finds more than a card can hold, but only where enough leads converted; before that it
finds luck. So below a number of converting leads the points card is the model, unless the
configuration says otherwise; above it a blend, the mean of a booster and a linear model. The longer
horizon's booster learns the shorter horizon's outcomes: what makes a lead buy soon makes it buy at
all, and these outcomes are known by now for many more looks, the latest ones among them. Its linear
model learns the longer horizon itself, and sets the level.

A card that a person has edited is taken as it is: calibrated and judged like any other, so that
what hand-made points promise is as true as what is learned.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal, assert_never

import lightgbm as lgb
import numpy as np
from scipy.optimize import brentq

from features.arrays import Float64
from features.language.spec import Spec
from models.calibration import sigmoid
from models.predictors.predictor import Blend, Predictor, margin_of
from models.predictors.scorecard import Scorecard
from training.config import ModelSettings
from training.dataset.examples import Examples
from training.fitting.booster import fit_booster
from training.fitting.linear import fit_linear, logistic_margin
from training.fitting.monotone import directions
from training.fitting.scorecard import fit_scorecard, read_scorecard

LEAST_BOOSTER_LEADS = 150
"""Converting leads of the fitting period from which a booster is worth it. On made-up CRMs, seeds 2
to 5, the excess log loss of a booster alone, less drawn towards nothing than today's, was beside
the card's 50 against 46 per cent of the base rate's with 73 to 97 such leads, 80 against 65 with 95
to 130, 36 against 35 with 154 to 180, 20 against 25 with 422 to 476."""


def fit_predictor(
    spec: Spec,
    looks: Examples,
    settings: ModelSettings,
    edited: Path | None = None,
    progress: Callable[[int], object] = lambda trees: None,
    shorter_horizon_rows: Examples | None = None,
    same_kind_as: Predictor | None = None,
) -> Predictor:
    """Predictor of one horizon.

    Parameters
    ----------
    spec : Spec
        Its columns are those of the looks.
    looks : Examples
        The fitting rows, with both outcomes.
    settings : ModelSettings
        Its `kind` decides, unless that is "auto".
    edited : pathlib.Path, optional
        A points card to take in place of learning anything.
    progress : callable, optional
        Called with 1 after each tree.
    shorter_horizon_rows : Examples, optional
        Rows with the outcomes of a shorter horizon, known by the same time: what a blend's booster
        is fitted on where enough of their leads converted.
    same_kind_as : Blend, lightgbm.Booster or Scorecard, optional
        Predictor of fewer rows; the new one is of the same kind.

    Raises
    ------
    FileNotFoundError, ValueError
        The edited card is not there, or is none of this spec.
    """
    if edited is not None:
        return read_scorecard(edited, spec)
    monotone = directions(spec, settings.monotone)

    def booster(rows: Examples) -> lgb.Booster:
        weighted_rows = rows.with_weight()
        return fit_booster(
            weighted_rows.matrix,
            weighted_rows.converted,
            spec.categorical,
            settings,
            progress,
            monotone,
            weighted_rows.weight,
        )

    kind = settings.kind if same_kind_as is None else kind_of(same_kind_as)
    match kind:
        case "auto" if looks.converting_leads < LEAST_BOOSTER_LEADS:
            return _card(spec, looks, settings)
        case "auto" | "blend":
            use_shorter_horizon = (
                shorter_horizon_rows is not None
                and shorter_horizon_rows.converting_leads >= LEAST_BOOSTER_LEADS
            )
            fitted_booster = booster(
                shorter_horizon_rows
                if shorter_horizon_rows is not None and use_shorter_horizon
                else looks
            )
            weighted_rows = looks.with_weight()
            linear = fit_linear(
                weighted_rows.matrix,
                weighted_rows.converted,
                spec.categorical,
                settings.seed,
                monotone,
                weighted_rows.weight,
            )
            return _levelled(Blend(linear, fitted_booster), looks, settings.threads)
        case "booster":
            return booster(looks)
        case "scorecard":
            return _card(spec, looks, settings)
        case _:
            assert_never(kind)


def kind_of(predictor: Predictor) -> Literal["blend", "booster", "scorecard"]:
    """What ``[model] kind`` calls a predictor."""
    match predictor:
        case Blend():
            return "blend"
        case lgb.Booster():
            return "booster"
        case Scorecard():
            return "scorecard"
        case _:
            assert_never(predictor)


def _card(spec: Spec, looks: Examples, settings: ModelSettings) -> Scorecard:
    matrix, converted = looks.matrix, looks.converted
    every_row = np.ones(len(matrix), np.bool_)
    regression = logistic_margin(matrix, spec.categorical, converted, every_row, settings.seed)
    card = fit_scorecard(spec, matrix, converted, looks.lead, regression)
    return replace(card, base=card.base + shift_to(card.margin(matrix), float(converted.mean())))


def _levelled(blend: Blend, looks: Examples, threads: int) -> Blend:
    """Blend whose mean probability on the looks is the share of them that converted."""
    margin, rate = margin_of(blend, looks.matrix, threads), float(looks.converted.mean())
    linear = blend.linear
    return replace(blend, linear=replace(linear, base=linear.base + 2 * shift_to(margin, rate)))


def shift_to(
    margin: Float64, mean: float, probability: Callable[[Float64], Float64] = sigmoid
) -> float:
    """What must be added to margins so that their mean probability is `mean`.

    Parameters
    ----------
    margin : float64 array of shape (rows,)
        Log-odds of each row.
    mean : float
        Mean probability to reach, between 0 and 1.
    probability : callable, optional
        Gives probabilities from margins and never falls; where it cannot reach the mean, nothing
        is added.
    """

    def excess(shift: float) -> float:
        return float(probability(margin + shift).mean() - mean)

    reach = float(np.abs(margin).max()) + 50.0
    if not excess(-reach) < 0 < excess(reach):
        return 0.0
    return float(brentq(excess, -reach, reach))


def shifted_by(predictor: Predictor, shift: float) -> Predictor:
    """Predictor whose margins are all greater by a constant.

    Parameters
    ----------
    predictor : Blend, lightgbm.Booster or Scorecard
        Any fitted predictor.
    shift : float
        What is added to every margin, in log-odds.
    """
    match predictor:
        case Blend(linear):
            return replace(predictor, linear=replace(linear, base=linear.base + 2 * shift))
        case Scorecard(base):
            return replace(predictor, base=base + shift)
        case lgb.Booster():
            shifted = lgb.Booster(model_str=predictor.model_to_string())
            first = shifted.dump_model()["tree_info"][0]
            for leaf in range(first["num_leaves"]):
                shifted.set_leaf_output(0, leaf, shifted.get_leaf_output(0, leaf) + shift)
            return lgb.Booster(model_str=shifted.model_to_string())
        case _:
            assert_never(predictor)
