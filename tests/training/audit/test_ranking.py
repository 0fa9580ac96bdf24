"""How well one value alone ranks leads: judged out of sample, among equals in age and time."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from training.audit.ranking import ComparableLooks, comparable_looks, ranking, surest_value
from training.audit.timing import LeadShare


def looks_at(days: np.ndarray, converted: np.ndarray) -> ComparableLooks:
    """One look at each lead."""
    lead = np.arange(len(days))
    as_of = np.rint(days * DAY).astype(np.int64)
    return comparable_looks(lead, as_of, np.zeros(len(days), np.int64), converted)


def test_a_value_that_is_the_outcome_ranks_perfectly_and_needs_conversions_to_be_sure() -> None:
    converted = np.arange(1_000) % 10 == 0
    found = ranking(looks_at(np.arange(1_000.0), converted), converted.astype(np.int64))
    assert found.auc == 1.0
    few = np.arange(1_000) % 100 == 0
    unsure = ranking(looks_at(np.arange(1_000.0), few), few.astype(np.int64))
    assert unsure.auc == 1.0
    assert unsure.low < 0.55
    assert found.low > 0.85


def test_an_order_need_not_be_known_and_need_not_be_monotone() -> None:
    random = np.random.default_rng(0)
    code = random.integers(0, 5, 4_000)
    converted = random.random(4_000) < np.array([0.4, 0.1, 0.4, 0.1, 0.4])[code]
    found = ranking(looks_at(np.arange(4_000.0), converted), code)
    assert found.auc == pytest.approx(roc_auc_score(converted, code % 2 == 0), abs=0.02)


def test_noise_of_many_values_is_no_knowledge() -> None:
    random = np.random.default_rng(1)
    converted = random.random(3_000) < 0.1
    found = ranking(looks_at(np.arange(3_000.0), converted), random.integers(0, 300, 3_000))
    assert found.auc == pytest.approx(0.5, abs=0.05)
    assert found.low < 0.5 < found.high


def test_drift_is_no_knowledge_within_a_period_though_it_is_over_all_of_them() -> None:
    random = np.random.default_rng(2)
    late = np.arange(4_000) >= 2_000
    converted = random.random(4_000) < np.where(late, 0.6, 0.05)
    looks = looks_at(np.arange(4_000.0), converted)
    assert ranking(looks, late.astype(np.int64)).auc == pytest.approx(0.5, abs=0.01)
    assert ranking(looks.across_ages_and_periods(), late.astype(np.int64)).auc > 0.7


def test_leads_are_compared_with_leads_of_their_own_age_only() -> None:
    random = np.random.default_rng(3)
    lead, old = np.repeat(np.arange(1_000), 2), np.tile([False, True], 1_000)
    converted = random.random(2_000) < np.where(old, 0.5, 0.05)
    age = np.where(old, 30 * DAY, 0)
    looks = comparable_looks(lead, lead * DAY + age, age, converted)
    assert ranking(looks, old.astype(np.int64)).auc == 0.5


def test_the_interval_counts_leads_and_not_looks() -> None:
    converted = np.arange(200) % 5 == 0
    value = np.where(np.arange(200) % 7 == 0, ~converted, converted).astype(np.int64)
    lead = np.repeat(np.arange(200), 10)
    age = np.tile(np.arange(10) * DAY, 200)
    many = ranking(comparable_looks(lead, lead * DAY + age, age, converted[lead]), value[lead])
    once = ranking(looks_at(np.arange(200.0), converted), value)
    assert many.auc == pytest.approx(once.auc, abs=0.02)
    assert many.low == pytest.approx(once.low, abs=0.03)


def test_without_both_outcomes_there_is_no_figure_and_no_certainty() -> None:
    looks = looks_at(np.arange(50.0), np.zeros(50, np.bool_))
    found = ranking(looks, np.zeros(50, np.int64))
    assert (found.auc, found.low, found.high) == (None, 0.0, 1.0)
    nobody = np.zeros(50, np.bool_)
    empty = ranking(looks.among(nobody), np.zeros(0, np.int64))
    assert empty.auc is None


def test_the_surest_value_is_the_one_with_enough_leads_to_be_sure() -> None:
    codes = np.array([0] * 100 + [1] * 3 + [2] * 50)
    converted = np.array([True] * 95 + [False] * 5 + [True] * 3 + [False] * 50)
    assert surest_value(codes, converted, 4) == (0, LeadShare(95, 100))
