"""Each curve is what its definition says, worked out a second time by plain loops."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from models.calibration import BetaCalibration, StepCalibration, sigmoid
from training.calibration import curves
from training.calibration.curves import base_rate, fit_curve

SLOPE, NARROW, WIDE, SHIFT = 1.0, 0.35, 1.0, 3.0
"""Standard deviations of the prior, as the module states them."""


def drawn(leads: int, looks_each: int, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Margins that differ from look to look, one outcome for all looks of a lead."""
    random = np.random.default_rng(seed)
    lead = np.repeat(np.arange(leads), looks_each)
    margin = random.normal(-1.0, 1.2, leads)[lead] + random.normal(0, 0.3, len(lead))
    converted = (random.random(leads) < sigmoid(random.normal(-0.7, 1.0, leads)))[lead]
    return margin, converted, lead


def log_odds(margin: float, a: float, b: float, c: float) -> float:
    """Beta calibration by its formula: c + a ln p − b ln(1 − p)."""
    p = 1 / (1 + np.exp(-margin))
    return float(c + a * np.log(p) - b * np.log(1 - p))


def of_parameters(parameters, method: str) -> tuple[float, float, float]:
    if method == "platt":
        slope, shift = parameters
        return np.exp(slope), np.exp(slope), shift
    mean, half, shift = parameters
    return np.exp(mean + half), np.exp(mean - half), shift


def deviations(method: str) -> tuple[float, ...]:
    return {
        "platt": (SLOPE, SHIFT),
        "beta": (SLOPE, NARROW, SHIFT),
        "wide_beta": (SLOPE, WIDE, SHIFT),
    }[method]


def mode_by_search(method: str, margin, converted, power: float) -> np.ndarray:
    """Mode of the posterior by a search without derivatives."""

    def loss(parameters) -> float:
        a, b, c = of_parameters(parameters, method)
        total = 0.0
        for value, bought in zip(margin, converted, strict=True):
            z = log_odds(value, a, b, c)
            total += power * (np.log1p(np.exp(z)) - z * bought)
        prior = zip(parameters, deviations(method), strict=True)
        return total + sum(value**2 / (2 * deviation**2) for value, deviation in prior)

    start = np.zeros(len(deviations(method)))
    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 6_000, "maxfev": 6_000}
    return minimize(loss, start, method="Nelder-Mead", options=options).x


def row_terms(method: str, parameters, margin, converted):
    """Score and information of each row, by differences of the log-odds."""
    steps = np.eye(len(parameters)) * 1e-6
    for value, bought in zip(margin, converted, strict=True):
        slope = np.array(
            [
                (
                    log_odds(value, *of_parameters(parameters + step, method))
                    - log_odds(value, *of_parameters(parameters - step, method))
                )
                / 2e-6
                for step in steps
            ]
        )
        p = sigmoid(np.array([log_odds(value, *of_parameters(parameters, method))]))[0]
        yield slope * (bought - p), np.outer(slope, slope) * p * (1 - p)


def design_effect(method: str, parameters, margin, converted, lead) -> float:
    """Rows that are worth one alone: scatter of whole leads beside that of rows."""
    scores, information = {}, 0.0
    for name, (score, part) in zip(
        lead, row_terms(method, parameters, margin, converted), strict=True
    ):
        scores[name] = scores.get(name, 0.0) + score
        information = information + part
    whole = information + np.diag(1 / np.square(deviations(method)))
    by_lead = sum(np.outer(score, score) for score in scores.values())
    inverse = np.linalg.inv(whole)
    return max(1.0, np.trace(inverse @ by_lead) / np.trace(inverse @ information))


@pytest.mark.long
@pytest.mark.parametrize("method", ["beta", "wide_beta", "platt"])
@pytest.mark.parametrize("looks_each", [1, 4])
def test_a_smooth_curve_is_the_mode_of_its_posterior_with_whole_leads(method, looks_each) -> None:
    margin, converted, lead = drawn(60, looks_each)
    rows_alone = mode_by_search(method, margin, converted, 1.0)
    effect = design_effect(method, rows_alone, margin, converted, lead)
    assert effect > 1.5 if looks_each > 1 else effect < 1.5
    mode = mode_by_search(method, margin, converted, 1 / effect)
    found = fit_curve(method, margin, converted, lead)
    assert isinstance(found, BetaCalibration)
    assert (found.a, found.b, found.c) == pytest.approx(of_parameters(mode, method), abs=2e-4)

    information = sum(part for _, part in row_terms(method, mode, margin, converted))
    precision = np.diag(1 / np.square(deviations(method)))
    inner = np.linalg.inv(information / effect + precision)
    basis = np.array(
        [[1, 0], [1, 0], [0, 1]] if method == "platt" else [[1, 1, 0], [1, -1, 0], [0, 0, 1]]
    )
    np.testing.assert_allclose(found.covariance, basis @ inner @ basis.T, rtol=2e-3, atol=1e-5)


def test_without_a_look_the_posterior_is_the_prior() -> None:
    nothing = np.empty(0), np.empty(0, bool), np.empty(0, np.int64)
    wide = fit_curve("wide_beta", *nothing)
    assert isinstance(wide, BetaCalibration)
    np.testing.assert_allclose(wide.covariance, [[2, 0, 0], [0, 2, 0], [0, 0, 9]], atol=1e-9)
    platt = fit_curve("platt", *nothing)
    assert isinstance(platt, BetaCalibration)
    np.testing.assert_allclose(platt.covariance, [[1, 1, 0], [1, 1, 0], [0, 0, 9]], atol=1e-9)
    for method in ("isotonic", "venn_abers"):
        steps = fit_curve(method, *nothing)
        assert steps == StepCalibration(method, (), (0.0,), (9.0,))


def pooled(rates: list[float], weights: list[float]) -> list[float]:
    """Isotonic regression by pooling neighbours that are out of order."""
    blocks: list[list[float]] = []
    for rate, weight in zip(rates, weights, strict=True):
        blocks.append([rate, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            later, earlier = blocks.pop(), blocks.pop()
            total = earlier[1] + later[1]
            mean = (earlier[0] * earlier[1] + later[0] * later[1]) / total
            blocks.append([mean, total, earlier[2] + later[2]])
    return [rate for rate, _, count in blocks for _ in range(int(count))]


def steps_of(margin, rate, lead) -> tuple[list[float], list[float], list[float]]:
    """Edges, log-odds and variances of the runs of equal rates, as the module describes them."""
    leads = len(set(lead.tolist()))
    edges, values, variances = [], [], []
    position = 0
    for value, run in itertools.groupby(rate, key=lambda number: round(number, 10)):
        size = len(list(run))
        part = slice(position, position + size)
        if position:
            edges.append((margin[position - 1] + margin[position]) / 2)
        level = min(max(value, 0.5 / leads), 1 - 0.5 / leads)
        count = len(set(lead[part].tolist()))
        values.append(np.log(level / (1 - level)))
        variances.append(1 / (count * level + 0.5) + 1 / (count * (1 - level) + 0.5))
        position += size
    return edges, values, variances


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 3))
def test_isotonic_steps_are_pooled_neighbours(seed: int, leads: int, looks_each: int) -> None:
    margin, converted, lead = drawn(leads, looks_each, seed)
    order = np.argsort(margin)
    rate = pooled(converted[order].astype(float).tolist(), [1.0] * len(order))
    edges, values, variances = steps_of(margin[order], rate, lead[order])
    found = fit_curve("isotonic", margin, converted, lead)
    assert isinstance(found, StepCalibration)
    assert found.edges == pytest.approx(edges)
    assert found.levels == pytest.approx(values)
    assert found.variances == pytest.approx(variances)


def test_venn_abers_merges_two_regressions_for_each_score(monkeypatch) -> None:
    """With four scores: each is added once as bought and once as not, p = p1 / (1 − p0 + p1)."""
    monkeypatch.setattr(curves, "VENN_ABERS_SCORES", 4)
    margin, converted, lead = drawn(48, 1, seed=5)
    edges = np.quantile(margin, [0.25, 0.5, 0.75])
    group = np.searchsorted(edges, margin, side="right")
    rows = [int((group == number).sum()) for number in range(4)]
    bought = [int(converted[group == number].sum()) for number in range(4)]
    merged = []
    for number in range(4):
        ends = []
        for outcome in (0, 1):
            counts = [rows[i] + (i == number) for i in range(4)]
            rates = [(bought[i] + outcome * (i == number)) / counts[i] for i in range(4)]
            ends.append(pooled(rates, counts)[number])
        merged.append(ends[1] / (1 - ends[0] + ends[1]))
    merged = np.maximum.accumulate(merged)
    found = fit_curve("venn_abers", margin, converted, lead)
    np.testing.assert_allclose(found.probability(margin), merged[group], rtol=1e-9)


def test_the_base_rate_is_one_probability_as_sure_as_its_buyers() -> None:
    lead = np.repeat(np.arange(50), 4)
    converted = lead < 5
    curve = base_rate(converted, lead)
    margin = np.linspace(-9, 9, 7)
    np.testing.assert_allclose(curve.probability(margin), (5 + 0.5) / 51)
    np.testing.assert_allclose(curve.variance(margin), 1 / 5.5 + 1 / 45.5)


def test_a_base_rate_is_never_0_or_1() -> None:
    lead = np.arange(20)
    for outcome in (False, True):
        assert 0 < base_rate(np.full(20, outcome), lead).probability(np.zeros(1))[0] < 1
