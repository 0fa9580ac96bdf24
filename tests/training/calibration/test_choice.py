"""Calibration finds the truth where there is much data, and knows how little it has where not."""

import warnings

import numpy as np
import pytest

from models.calibration import BetaCalibration, StepCalibration, sigmoid
from training.calibration.choice import (
    ComparedCurve,
    CurveChoice,
    best_curve,
    compare_curves,
    fit_calibration,
    ties,
)
from training.calibration.curves import CURVES, fit_curve

pytestmark = pytest.mark.long

SHARP = BetaCalibration(0.6, 1.3, 0.4)


def drawn(
    rows: int, truth: BetaCalibration = SHARP, seed: int = 3, rows_per_lead: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Margins, outcomes and leads; all rows of a lead have one margin and one outcome."""
    random = np.random.default_rng(seed)
    margin = random.normal(-1.5, 1.5, rows // rows_per_lead)
    converted = random.random(len(margin)) < truth.probability(margin)
    lead = np.arange(len(margin))
    return tuple(np.repeat(values, rows_per_lead) for values in (margin, converted, lead))


@pytest.mark.parametrize("method", CURVES[1:])  # The first leaves the level where it is.
def test_with_much_data_every_curve_that_can_bend_so_is_the_truth(method) -> None:
    truth = BetaCalibration(0.8, 0.8, 0.4) if method == "platt" else SHARP
    found, choice = fit_calibration(*drawn(200_000, truth), method)
    grid = np.linspace(-4, 1.5, 50)
    assert np.max(np.abs(found.probability(grid) - truth.probability(grid))) < 0.04
    assert np.mean(np.abs(found.probability(grid) - truth.probability(grid))) < 0.01
    assert choice == CurveChoice(method, ())


def test_without_data_the_calibration_is_the_identity_and_unsure() -> None:
    found, _ = fit_calibration(np.empty(0), np.empty(0, bool), np.empty(0, np.int64), "beta")
    assert isinstance(found, BetaCalibration)
    assert (found.a, found.b, found.c) == (1.0, 1.0, 0.0)
    assert np.all(found.variance(np.linspace(-3, 3, 5)) > 1)


@pytest.mark.parametrize("method", CURVES)
def test_without_data_each_method_still_answers(method) -> None:
    found, _ = fit_calibration(np.empty(0), np.empty(0, bool), np.empty(0, np.int64), method)
    assert np.all(np.isfinite(found.probability(np.array([-2.0, 2.0]))))


@pytest.mark.parametrize("method", CURVES)
@pytest.mark.parametrize("outcome", [False, True])
def test_a_single_outcome_gives_no_certainty(method, outcome: bool) -> None:
    margin, _, lead = drawn(60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, _ = fit_calibration(margin, np.full(60, outcome), lead, method)
    probability = found.probability(np.array([-30.0, 0.0, 30.0]))
    assert np.all((probability >= 0) & (probability <= 1))
    assert 0.002 < found.probability(np.array([0.0]))[0] < 0.998


def test_the_sparse_top_does_not_pin_a_slope_to_nothing() -> None:
    """A few long-lived leads at the top that never bought would flatten the curve for all."""
    margin, converted, lead = drawn(4_000, BetaCalibration(1.0, 1.0, -1.5), seed=8)
    stale = np.repeat(np.array([3.0, 3.2]), 25), np.zeros(50, bool), np.repeat([9_000, 9_001], 25)
    rows = [np.concatenate(pair) for pair in zip((margin, converted, lead), stale, strict=True)]
    found, _ = fit_calibration(*rows, "beta")
    assert isinstance(found, BetaCalibration)
    assert found.b > 0.4


def test_rows_of_one_lead_are_not_taken_for_so_many() -> None:
    once, _ = fit_calibration(*drawn(2_000), "beta")
    tenfold, _ = fit_calibration(*drawn(20_000, rows_per_lead=10), "beta")
    grid = np.linspace(-4, 1, 9)
    np.testing.assert_allclose(tenfold.variance(grid), once.variance(grid), rtol=0.15)
    np.testing.assert_allclose(tenfold.log_odds(grid), once.log_odds(grid), atol=0.05)


def test_the_posterior_covers_the_true_curve_as_often_as_it_says() -> None:
    margin = np.array([-3.0, -1.5, 0.0])
    below, above = [], []
    for seed in range(120):
        found, _ = fit_calibration(*drawn(3_000, seed=seed, rows_per_lead=5), "beta")
        z, sd = found.log_odds(margin), np.sqrt(found.variance(margin))
        below.append(SHARP.log_odds(margin) < z - 1.2816 * sd)
        above.append(SHARP.log_odds(margin) > z + 1.2816 * sd)
    assert np.all(np.mean(below, axis=0) < 0.2)
    assert np.all(np.mean(above, axis=0) < 0.2)
    assert 0.7 < 1 - np.mean(below) - np.mean(above) < 0.95


def test_the_comparison_judges_every_curve_on_leads_it_has_not_seen() -> None:
    margin, converted, lead = drawn(3_000)
    compared = compare_curves(margin, converted, lead)
    assert [one.method for one in compared] == list(CURVES)
    assert compared[0].gain == compared[0].gain_error == 0
    smooth, steps = (
        next(one for one in compared if one.method == name) for name in ("beta", "isotonic")
    )
    assert steps.log_loss > smooth.log_loss  # on the rows it learned from it would be less


def test_steps_win_where_the_truth_is_a_step() -> None:
    random = np.random.default_rng(4)
    margin = random.normal(-1.5, 1.5, 8_000)
    true = np.where(margin > -1.5, 0.5, 0.05)
    converted = random.random(8_000) < true
    found, choice = fit_calibration(margin, converted, np.arange(8_000), "auto")
    assert isinstance(found, StepCalibration)
    assert best_curve(choice.compared) == choice.curve == found.method
    grid = np.array([-4.0, -1.8, -1.2, 1.0])
    np.testing.assert_allclose(found.probability(grid), [0.05, 0.05, 0.5, 0.5], atol=0.05)


def test_luck_alone_takes_no_other_curve_than_the_first() -> None:
    truth = BetaCalibration(1.0, 1.0, 0.0)
    for seed in range(3):
        found, _ = fit_calibration(*drawn(1_500, truth, seed), "auto")
        assert isinstance(found, BetaCalibration)


def test_too_few_conversions_are_not_compared() -> None:
    margin, _, lead = drawn(500)
    converted = np.zeros(500, bool)
    converted[:3] = True
    assert compare_curves(margin, converted, lead) == ()


def test_steps_tell_their_ties_and_what_they_cost() -> None:
    margin, converted, lead = drawn(1_000)
    steps, _ = fit_calibration(margin, converted, lead, "isotonic")
    fresh, outcome, _ = drawn(5_000, seed=9)
    told = ties(steps, fresh, outcome)
    assert told is not None
    assert told.levels < 50
    assert told.rows > 4_500
    assert told.auc_cost is not None
    assert told.auc_cost > 0
    beta, _ = fit_calibration(margin, converted, lead, "beta")
    assert ties(beta, fresh, outcome) is None
    assert np.all(np.diff(beta.probability(np.sort(fresh))) >= 0)


def test_a_step_of_few_leads_is_unsure() -> None:
    margin = np.concatenate([np.linspace(-3, -1, 1_000), np.linspace(1, 2, 40)])
    converted = np.concatenate([np.arange(1_000) % 20 == 0, np.arange(40) % 2 == 0])
    steps, _ = fit_calibration(margin, converted, np.arange(1_040), "isotonic")
    variance = steps.variance(np.array([-2.0, 1.5]))
    assert variance[1] > 2 * variance[0]


def test_the_identity_is_kept_where_it_is_the_truth() -> None:
    found, _ = fit_calibration(*drawn(30_000, BetaCalibration(1.0, 1.0, 0.0)), "auto")
    grid = np.linspace(-4, 2, 13)
    assert np.max(np.abs(found.probability(grid) - sigmoid(grid))) < 0.03


def test_steps_that_follow_the_times_are_not_taken_for_truth() -> None:
    """Each stretch of time has a level of its own, and margins that are like its number."""
    random = np.random.default_rng(8)
    stretch = np.repeat(np.arange(10), 600)
    margin = 0.25 * stretch - 2.0 + 0.05 * random.normal(size=len(stretch))
    level = np.where(stretch % 2 == 0, 0.6, -0.6)
    converted = random.random(len(margin)) < sigmoid(margin + level)
    lead = np.arange(len(margin))
    _, choice = fit_calibration(margin, converted, lead, "auto")
    assert choice.curve not in {"isotonic", "venn_abers"}
    mixed = random.permutation(len(margin))  # as if the times of leads were not known
    _, blind = fit_calibration(margin[mixed], converted[mixed], lead, "auto")
    assert blind.curve in {"isotonic", "venn_abers"}


def test_cross_fitting_is_what_a_plain_loop_does() -> None:
    """Leads in the order of their first look, in five folds; each is judged by the other four."""
    margin, converted, lead = drawn(400, seed=12, rows_per_lead=2)
    lead = 1_000 - lead  # names say nothing of the order
    order = list(dict.fromkeys(lead.tolist()))
    fold = {name: place * 5 // len(order) for place, name in enumerate(order)}
    of_row = np.array([fold[name] for name in lead.tolist()])
    losses = {}
    for method in CURVES:
        loss = np.empty(len(margin))
        for number in range(5):
            out = of_row == number
            p = fit_curve(method, margin[~out], converted[~out], lead[~out]).probability(
                margin[out]
            )
            loss[out] = -np.where(converted[out], np.log(p), np.log(1 - p))
        losses[method] = loss
    for found in compare_curves(margin, converted, lead):
        gain = losses[CURVES[0]] - losses[found.method]
        by_lead = [float((gain - gain.mean())[lead == name].sum()) for name in order]
        assert found.log_loss == pytest.approx(losses[found.method].mean())
        assert found.gain == pytest.approx(gain.mean(), abs=1e-12)
        assert found.gain_error == pytest.approx(
            np.sqrt(sum(value**2 for value in by_lead)) / len(gain), abs=1e-12
        )


def compared(method, log_loss: float, gain: float, error: float) -> ComparedCurve:
    return ComparedCurve(method, log_loss, gain, error)


@pytest.mark.parametrize(("error", "taken"), [(0.0049, "platt"), (0.0051, "anchored")])
def test_two_standard_errors_decide(error: float, taken: str) -> None:
    first = compared("anchored", 0.20, 0.0, 0.0)
    assert best_curve((first, compared("platt", 0.19, 0.01, error))) == taken


def test_of_those_surely_better_the_least_log_loss_is_taken() -> None:
    curves = (
        compared("beta", 0.20, 0.0, 0.0),
        compared("wide_beta", 0.18, 0.02, 0.05),
        compared("platt", 0.19, 0.01, 0.001),
        compared("isotonic", 0.195, 0.005, 0.0001),
    )
    assert best_curve(curves) == "platt"


def test_ties_are_counted_as_a_loop_counts_them() -> None:
    steps = StepCalibration("isotonic", (0.0, 1.0), (-2.0, 0.0, 1.0), (1.0, 1.0, 1.0))
    margin = np.array([-1.0, -0.5, -0.5, 0.5, 2.0, 2.0, 3.0])
    converted = np.array([False, True, False, True, False, True, True])
    found = ties(steps, margin, converted)
    assert found is not None
    # Three steps are used; the middle one holds one margin alone, and ties nothing.
    assert (found.levels, found.rows) == (3, 6)
    pairs = [(i, j) for i in np.flatnonzero(converted) for j in np.flatnonzero(~converted)]
    probability = steps.probability(margin)

    def auc(score) -> float:
        wins = [(score[i] > score[j]) + 0.5 * (score[i] == score[j]) for i, j in pairs]
        return float(np.mean(wins))

    assert found.auc_cost == pytest.approx(auc(margin) - auc(probability))
    alone = ties(steps, margin, np.ones(7, bool))
    assert alone is not None
    assert alone.auc_cost is None
