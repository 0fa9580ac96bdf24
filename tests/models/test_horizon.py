"""What a model answers, row by row."""

import math
from dataclasses import fields
from statistics import NormalDist

import numpy as np
import pytest

from models.calibration import BetaCalibration
from models.evidence import Evidence
from models.horizon import LARGEST_SPREAD, HorizonModel
from models.predictors.scorecard import Scorecard
from tests.support.bundles import SPEC, random_lead, small_bundle
from tests.support.features import feature_matrix
from tests.support.histories import DAY


def test_chosen_rows_have_the_scores_that_they_have_alone() -> None:
    leads = [random_lead(np.random.default_rng(seed)) for seed in range(20)]
    one, at = np.array([0]), np.array([25 * DAY])
    matrix = np.concatenate([feature_matrix(SPEC, lead, one, at) for lead in leads])
    bundle, chosen = small_bundle(), np.arange(20) % 3 == 0
    among, alone = bundle.scores(matrix).among(chosen), bundle.scores(matrix[chosen])
    for value in fields(alone):
        expected = getattr(alone, value.name)
        assert len(np.unique(expected)) > 1 or value.name == "not_enough_evidence"
        np.testing.assert_array_equal(getattr(among, value.name), expected)


def horizon_of(variance: float, conversions: int = 300) -> HorizonModel:
    covariance = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, variance))
    return HorizonModel(
        days=14,
        predictor=Scorecard(base=-1.0, doubling=10.0, qualities=(), columns=1),
        calibration=BetaCalibration(1.0, 1.0, 0.25, covariance),
        evidence=Evidence(conversions, (0.0,), (1.0,), (False,)),
    )


@pytest.mark.parametrize("margin", [-4.0, -1.0, 0.0, 3.0])
@pytest.mark.parametrize("variance", [0.0, 0.04, 1.0])
@pytest.mark.parametrize("value", [0.5, 7.0])
def test_the_interval_holds_the_central_eighty_percent(
    margin: float, variance: float, value: float
) -> None:
    """Calibration's and evidence's variances add up, in log-odds, to both sides alike."""
    unseen = 0.4**2 if value > 1 else 0.0
    total = variance + 1 / (0.08 * 301) + 0.12**2 + unseen
    half = NormalDist().inv_cdf(0.9) * math.sqrt(total)
    found = horizon_of(variance).estimate_of(np.array([margin]), np.array([[value]]))
    for end, shift in ((found.low, -half), (found.probability, 0.0), (found.high, half)):
        expected = 1 / (1 + math.exp(-(margin + 0.25 + shift)))
        assert end[0] == pytest.approx(expected, rel=1e-9)


def test_one_group_in_ten_lies_beyond_each_end() -> None:
    """Of 20,000 groups drawn around the estimate; five standard errors to each side are allowed."""
    horizon, margin, row = horizon_of(0.09), np.array([-1.0]), np.array([[0.5]])
    found = horizon.estimate_of(margin, row)
    spread = math.sqrt(0.09 + 1 / (0.08 * 301) + 0.12**2)
    log_odds = -0.75 + spread * np.random.default_rng(5).standard_normal(20_000)
    rate = 1 / (1 + np.exp(-log_odds))
    error = 5 * math.sqrt(0.1 * 0.9 / 20_000)
    assert abs(np.mean(rate < found.low[0]) - 0.1) < error
    assert abs(np.mean(rate > found.high[0]) - 0.1) < error


@pytest.mark.parametrize(("beyond", "doubtful"), [(-1e-6, False), (1e-6, True)])
def test_evidence_is_not_enough_beyond_the_largest_spread(beyond: float, doubtful: bool) -> None:
    of_evidence = 1 / (0.08 * 301) + 0.12**2
    horizon = horizon_of((LARGEST_SPREAD + beyond) ** 2 - of_evidence)
    found = horizon.estimate_of(np.array([0.0]), np.array([[0.5]]))
    assert found.not_enough_evidence.tolist() == [doubtful]


def test_margin_probability_and_estimate_agree() -> None:
    horizon, matrix = horizon_of(0.0), np.array([[0.5], [9.0]])
    assert horizon.margin(matrix).tolist() == [-1.0, -1.0]
    np.testing.assert_array_equal(horizon.probability(matrix), horizon.estimate(matrix).probability)
