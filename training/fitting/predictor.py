"""Fitting a predictor: by default a blend, the mean of a linear model and a booster.

Both learn from the same looks, with penalties that grow with how much alike the looks of one lead
are, so that their mean degrades gracefully: with ten conversions it says little more than the base
rate, and no number of conversions switches it off.

Within the longer horizon outcomes are known later and looks are more alike, so its own booster has
little to learn from. What makes a lead buy soon often makes it buy at all, and those outcomes are
known for many more looks, the latest ones among them. So the booster's half of the longer horizon
is itself a mean, of the shorter horizon's booster and one of its own. How much it borrows is chosen
by cross-fitting over leads: where who buys soon says nothing of who buys later, that is nothing.

A points card is fitted where it is asked for. A card that a person has edited is taken as it is:
calibrated and judged like any other, so that what hand-made points promise is as true as what is
learned.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, assert_never

import lightgbm as lgb
import numpy as np
from scipy.optimize import brentq, minimize_scalar

from features.arrays import Bool, Float64, Int64
from features.language.spec import Spec
from models.calibration import sigmoid
from models.predictors.linear import Linear
from models.predictors.predictor import Blend, Predictor, margin_of
from models.predictors.scorecard import Scorecard
from training.config import ModelSettings
from training.dataset.examples import Examples
from training.fitting.booster import fit_booster, mean_booster
from training.fitting.linear import PRELIMINARY, fit_linear, logistic_margin
from training.fitting.monotone import directions
from training.fitting.scorecard import fit_scorecard, read_scorecard
from training.fitting.side_by_side import side_by_side
from training.statistics.design_effect import design_effect

SHARE_FOLDS = 3
"""Folds over leads by which the borrowed share is chosen."""
USUAL_SHARE, SHARE_SD = 0.5, 0.3
"""Prior of the borrowed share: few conversions say little of it."""


@dataclass(frozen=True, slots=True)
class Borrowed:
    """What a longer horizon takes from a shorter one.

    Parameters
    ----------
    booster : lightgbm.Booster
        Booster of the shorter horizon, by the same instant.
    share : float
        Weight of its margin beside that of the longer horizon's own booster, from 0 to 1.
    """

    booster: lgb.Booster
    share: float


def fit_predictor(
    spec: Spec,
    looks: Examples,
    settings: ModelSettings,
    edited: Path | None = None,
    progress: Callable[[int], object] = lambda trees: None,
    borrowed: Borrowed | None = None,
    looks_per_independent: float | None = None,
) -> Predictor:
    """Predictor of one horizon.

    Parameters
    ----------
    spec : Spec
        Its columns are those of the looks.
    looks : Examples
        The fitting rows, with both outcomes.
    settings : ModelSettings
        Its `kind` decides what is fitted; "auto" is the blend.
    edited : pathlib.Path, optional
        A points card to take in place of learning anything.
    progress : callable, optional
        Called with 1 after each tree.
    borrowed : Borrowed, optional
        What the booster's half of a blend takes from a shorter horizon.
    looks_per_independent : float, optional
        How much alike the looks of a lead are (`alikeness`); measured on these looks by default.

    Raises
    ------
    FileNotFoundError, ValueError
        The edited card is not there, or is none of this spec.
    """
    if edited is not None:
        return read_scorecard(edited, spec)
    match settings.kind:
        case "auto" | "blend":
            if looks_per_independent is None:
                looks_per_independent = alikeness(spec, looks, settings.seed)
            booster = _booster(spec, looks, settings, looks_per_independent, progress)
            if borrowed is not None:
                share = borrowed.share
                booster = mean_booster([(share, borrowed.booster), (1 - share, booster)])
            linear = _linear(spec, looks, settings, looks_per_independent)
            return _levelled(Blend(linear, booster), looks, settings.threads)
        case "booster":
            return fit_booster_alone(spec, looks, settings, progress, looks_per_independent)
        case "scorecard":
            return _card(spec, looks, settings)
        case _:
            assert_never(settings.kind)


def borrowed_share(
    spec: Spec,
    shorter: Examples,
    longer: Examples,
    looks_per_independent: tuple[float, float],
    settings: ModelSettings,
    progress: Callable[[int], object] = lambda trees: None,
) -> float:
    """How much of the shorter horizon's booster the longer horizon's blend takes.

    Both are fitted without a fold of leads and predict it, at nearly full size. The share is the
    likeliest one given the outcomes of all folds, counted in independent looks.

    Parameters
    ----------
    spec : Spec
        Its columns are those of the looks.
    shorter, longer : Examples
        Looks of the same leads with the outcomes of the two horizons, known by the same instant.
    looks_per_independent : tuple of float and float
        How much alike the looks of a lead are within each horizon (`alikeness`).
    settings : ModelSettings
        Settings of the boosters.
    progress : callable, optional
        Called with 1 after each tree.

    Returns
    -------
    float
        Between 0 and 1.

    References
    ----------
    D. H. Wolpert, *Stacked generalization*, Neural Networks 5 (1992),
    doi:10.1016/S0893-6080(05)80023-1.
    """
    if not (_has_both_outcomes(shorter) and _has_both_outcomes(longer)):
        return USUAL_SHARE
    leads = 1 + max(int(shorter.lead.max()), int(longer.lead.max()))
    fold_of_lead = np.random.default_rng(settings.seed).permutation(leads) % SHARE_FOLDS

    def margins_of(fold: int) -> Float64:
        """Margins of the longer horizon's looks of a fold; NaN where there is nothing to fit."""
        out = fold_of_lead[longer.lead] == fold
        margins = np.full((3, len(longer.lead)), np.nan)
        sooner, later = (
            looks.among(fold_of_lead[looks.lead] != fold) for looks in (shorter, longer)
        )
        if not (out.any() and _has_both_outcomes(sooner) and _has_both_outcomes(later)):
            return margins
        boosters = [
            _booster(spec, looks, settings, alike, progress)
            for looks, alike in zip((sooner, later), looks_per_independent, strict=True)
        ]
        linear = _linear(spec, later, settings, looks_per_independent[1])
        margins[:, out] = (
            linear.margin(longer.matrix[out]),
            *(margin_of(booster, longer.matrix[out], settings.threads) for booster in boosters),
        )
        return margins

    of_folds = side_by_side(margins_of, range(SHARE_FOLDS), settings.threads)
    margins = np.fmax.reduce(of_folds)  # Each look has a number in one fold at most.
    predicted = ~np.isnan(margins[0])
    if not longer.converted[predicted].any():
        return USUAL_SHARE
    return _likeliest_share(
        margins[:, predicted], longer.converted[predicted], longer.lead[predicted]
    )


def _likeliest_share(margins: Float64, converted: Bool, lead: Int64) -> float:
    """Most likely share, given margins of the linear model and of the two boosters."""
    linear, sooner, later = margins
    rate = float(converted.mean())

    def blend(share: float) -> Float64:
        margin: Float64 = (linear + share * sooner + (1 - share) * later) / 2
        return margin + shift_to(margin, rate)

    likelihood_power = 1 / design_effect(converted - sigmoid(blend(USUAL_SHARE)), lead)

    def cost(share: float) -> float:
        margin = blend(share)
        loss = float(np.logaddexp(0.0, margin).sum() - margin[converted].sum())
        return likelihood_power * loss + ((share - USUAL_SHARE) / SHARE_SD) ** 2 / 2

    return float(minimize_scalar(cost, bounds=(0.0, 1.0), method="bounded").x)


def fit_booster_alone(
    spec: Spec,
    looks: Examples,
    settings: ModelSettings,
    progress: Callable[[int], object] = lambda trees: None,
    looks_per_independent: float | None = None,
) -> lgb.Booster:
    """Booster of looks, whatever kind of predictor the settings ask for.

    Parameters
    ----------
    spec : Spec
        Its columns are those of the looks.
    looks : Examples
        The fitting rows, with both outcomes.
    settings : ModelSettings
        Settings of the booster.
    progress : callable, optional
        Called with 1 after each tree.
    looks_per_independent : float, optional
        How much alike the looks of a lead are (`alikeness`); measured on these looks by default.
    """
    if looks_per_independent is None:
        looks_per_independent = alikeness(spec, looks, settings.seed)
    return _booster(spec, looks, settings, looks_per_independent, progress)


def _booster(
    spec: Spec,
    looks: Examples,
    settings: ModelSettings,
    looks_per_independent: float,
    progress: Callable[[int], object],
) -> lgb.Booster:
    weighted = looks.with_weight()
    return fit_booster(
        weighted.matrix,
        weighted.converted,
        spec.categorical,
        settings,
        progress,
        directions(spec, settings.monotone),
        weighted.weight,
        looks_per_independent,
    )


def _linear(
    spec: Spec, looks: Examples, settings: ModelSettings, looks_per_independent: float
) -> Linear:
    weighted = looks.with_weight()
    return fit_linear(
        weighted.matrix,
        weighted.converted,
        spec.categorical,
        settings.seed,
        directions(spec, settings.monotone),
        weighted.weight,
        looks_per_independent,
    )


def _has_both_outcomes(looks: Examples) -> bool:
    return bool(looks.converted.any() and not looks.converted.all())


def alikeness(spec: Spec, looks: Examples, seed: int) -> float:
    """How much alike the looks of a lead are: the design effect of a plain model's residuals.

    Parameters
    ----------
    spec : Spec
        Its columns are those of the looks.
    looks : Examples
        The fitting rows.
    seed : int
        Seed of the sample that is fitted on where there are very many rows.

    Returns
    -------
    float
        As many looks as this tell as much as one that stands alone; at least 1. 1 where all looks
        have the same outcome.
    """
    if not _has_both_outcomes(looks):
        return 1.0
    weighted = looks.with_weight()
    linear = fit_linear(
        weighted.matrix,
        weighted.converted,
        spec.categorical,
        seed,
        weight=weighted.weight,
        looks_per_independent=PRELIMINARY,
    )
    residual = looks.converted - sigmoid(linear.margin(looks.matrix))
    return design_effect(residual, looks.lead)


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
