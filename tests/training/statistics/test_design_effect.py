"""The design effect is that of whole leads drawn again, and 1 where looks are independent."""

import numpy as np
import pytest

from training.statistics.design_effect import design_effect


def test_it_is_the_variance_of_sums_over_leads_drawn_again() -> None:
    random = np.random.default_rng(3)
    lead = np.repeat(np.arange(400), random.integers(1, 9, 400))
    residual = random.normal(size=400)[lead] + 0.5 * random.normal(size=len(lead))
    sums = np.bincount(lead, residual)
    drawn = [sums[random.integers(400, size=400)].sum() for _ in range(4_000)]
    independent = len(lead) * np.mean(residual**2)
    expected = np.var(drawn) / independent
    # A variance of 4,000 draws has a standard error of 2 %; drawing also takes off the mean's part.
    assert design_effect(residual, lead) == pytest.approx(expected, rel=0.1)


def test_looks_that_share_nothing_are_worth_one_each() -> None:
    random = np.random.default_rng(4)
    lead = np.repeat(np.arange(3_000), 4)
    found = design_effect(random.normal(size=len(lead)), lead)
    # Its standard error is about the square root of 2 · 3 / 3,000.
    assert 1.0 <= found < 1.15


@pytest.mark.parametrize("residual", [np.zeros(4), np.array([1.0, -1.0, 2.0, -2.0])])
def test_it_is_never_less_than_one(residual: np.ndarray) -> None:
    assert design_effect(residual, np.array([0, 0, 1, 1])) == 1.0
