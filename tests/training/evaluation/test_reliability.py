"""Figures of calibration that know a promise that is kept from one that is not."""

import numpy as np
import pytest

from features.language.kinds import AttributeCategory, LeadAge
from features.language.spec import Spec
from models.horizon import Scores
from training.evaluation.reliability import (
    brier_parts,
    calibration_error,
    groups,
    judged_by_interval,
)
from training.statistics.figures import JudgedRows

SPEC = Spec((LeadAge(), AttributeCategory("country", ("it", "pt"))), {"country": "category"})


def drawn(rows: int = 6_000, seed: int = 1) -> tuple[np.ndarray, JudgedRows]:
    random = np.random.default_rng(seed)
    probability = random.beta(0.6, 5, rows)
    converted = random.random(rows) < probability
    return probability, JudgedRows(converted, np.arange(rows), random.uniform(0, 150, rows))


def scores(probability: np.ndarray, width: float) -> Scores:
    low, high = probability * (1 - width), np.minimum(1, probability * (1 + width))
    none = np.zeros(len(probability), bool)
    band = np.full(len(probability), "cold")
    return Scores(probability, probability, low, high, low, high, none, band)


def test_the_parts_of_the_brier_score_add_up_to_it() -> None:
    probability, judged = drawn()
    parts = brier_parts(judged.converted, probability)
    assert parts is not None
    whole = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert whole == pytest.approx(np.mean((probability - judged.converted) ** 2))


def test_bending_the_promises_is_miscalibration_and_takes_no_discrimination() -> None:
    probability, judged = drawn()
    honest = brier_parts(judged.converted, probability)
    bent = brier_parts(judged.converted, np.sqrt(probability))
    assert honest is not None
    assert bent is not None
    assert bent.miscalibration > 5 * honest.miscalibration
    assert bent.discrimination == pytest.approx(honest.discrimination)
    assert bent.uncertainty == honest.uncertainty


def test_a_constant_promise_has_neither_discrimination_nor_more_than_its_bias() -> None:
    converted = np.array([True] * 20 + [False] * 80)
    parts = brier_parts(converted, np.full(100, 0.3))
    assert parts is not None
    assert parts.discrimination == pytest.approx(0, abs=1e-12)
    assert parts.miscalibration == pytest.approx(0.01)
    assert parts.uncertainty == pytest.approx(0.16)


def test_the_calibration_error_of_a_hand_made_case() -> None:
    probability = np.repeat([0.1, 0.5], 50)
    converted = np.concatenate([np.arange(50) < 10, np.arange(50) < 20])
    found = calibration_error(JudgedRows(converted, np.arange(100), np.zeros(100)), probability, 1)
    assert found is not None
    assert found.error == pytest.approx(0.1)
    assert found.low < 0.1 < found.high


def test_the_interval_of_the_calibration_error_counts_leads() -> None:
    probability, judged = drawn(600)
    bent = np.repeat(np.minimum(1, 1.6 * probability), 10)
    converted, age = np.repeat(judged.converted, 10), np.zeros(6_000)
    rows = calibration_error(JudgedRows(converted, np.arange(6_000), age), bent, seed=1)
    leads = calibration_error(JudgedRows(converted, np.arange(6_000) // 10, age), bent, seed=1)
    assert rows is not None
    assert leads is not None
    assert leads.high - leads.low > 2 * (rows.high - rows.low)
    assert leads == calibration_error(
        JudgedRows(converted, np.arange(6_000) // 10, age), bent, seed=1
    )


def test_no_rows_have_no_figures() -> None:
    nothing = JudgedRows(np.empty(0, bool), np.empty(0, np.int64), np.empty(0))
    assert brier_parts(nothing.converted, np.empty(0)) is None
    assert calibration_error(nothing, np.empty(0), seed=1) is None
    assert groups(SPEC, np.empty((0, 2)), nothing, scores(np.empty(0), 0.1), "hot") == []


def test_each_kind_of_group_holds_every_row_once() -> None:
    probability, judged = drawn()
    level = np.array([0.0, 1.0, 2.0, np.nan])[np.arange(6_000) % 4]
    matrix = np.column_stack([judged.age_days, level])
    found = groups(SPEC, matrix, judged, scores(probability, 0.2), "hot")
    for by in ("score", "age", "band", "country"):
        assert sum(group.rate.rows for group in found if group.by == by) == 6_000
    names = [group.level for group in found if group.by == "country"]
    assert names == ["it", "pt", "other", "missing"]


def test_groups_whose_interval_is_far_from_what_happened_are_contradicted() -> None:
    probability, judged = drawn(20_000)
    level = (np.arange(20_000) % 2).astype(float)
    wrong = np.where(level == 1, np.minimum(1, 2 * probability), probability)
    matrix = np.column_stack([judged.age_days, level])
    found = groups(SPEC, matrix, judged, scores(wrong, 0.15), "warm")
    by_country = {group.level: group for group in found if group.by == "country"}
    assert not by_country["it"].contradicted
    assert by_country["pt"].contradicted


def test_groups_of_few_leads_are_not_judged() -> None:
    probability, judged = drawn(300)
    few = JudgedRows(judged.converted, np.arange(300) % 20, judged.age_days)
    matrix = np.column_stack([judged.age_days, np.zeros(300)])
    assert judged_by_interval(groups(SPEC, matrix, few, scores(probability, 0.1), "hot")) == []
