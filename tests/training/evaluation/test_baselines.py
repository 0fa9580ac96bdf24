"""Baselines know what they are said to know, and no more; a model is compared with them fairly."""

import dataclasses

import numpy as np
import pytest

from features.language.kinds import (
    AttributeCategory,
    AttributeNumber,
    Count,
    LatestValue,
    LeadAge,
    Selection,
)
from features.language.spec import Spec
from features.spine import Spine
from models.calibration import sigmoid
from training.config import ModelSettings
from training.dataset.snapshots import Labels
from training.dataset.split import Split
from training.evaluation.baselines import baseline_comparison, baseline_probabilities
from training.statistics.figures import JudgedRows, figures
from training.statistics.paired import Difference

ANY = Selection()
SPEC = Spec(
    features=(
        LeadAge(),
        AttributeCategory("source", ("fair", "referral", "web")),
        AttributeNumber("budget"),
        LatestValue(ANY, "kind", ("call", "price_question", "visit")),
        LatestValue(ANY, "outcome", ("answered", "refused")),
        LatestValue(Selection(direction=("inbound",)), "kind", ("price_question", "visit")),
        Count(ANY, 7),
    ),
    attribute_kinds={"source": "category", "budget": "number", "pipeline_stage": "category"},
)
ROWS = 6_000
SETTINGS = ModelSettings(threads=1, trees=30)
ALL = {
    "base rate", "newest first", "age only", "latest interaction only", "tags", "points card",
    "naive Bayes", "logistic regression",
}  # fmt: skip


def drawn(truth: dict[int, dict[float, float]], seed: int = 1, spec: Spec = SPEC):
    """A matrix of levels and counts, and outcomes whose log-odds some of the columns move."""
    random = np.random.default_rng(seed)
    matrix = random.integers(0, 3, (ROWS, len(spec.features))).astype(float)
    matrix[:, 0] = random.integers(0, 100, ROWS)
    matrix[:, 2] = random.exponential(1_000, ROWS)
    matrix[random.random(ROWS) < 0.2, 3] = np.nan
    margin = np.full(ROWS, -1.5)
    for column, effects in truth.items():
        for value, effect in effects.items():
            margin += effect * (matrix[:, column] == value)
    return matrix, random.random(ROWS) < sigmoid(margin), margin


def split() -> Split:
    period = np.arange(ROWS) % 3
    everyone = np.ones(len(period), bool)
    return Split(
        fit=period == 0,
        calibrate=period == 1,
        test=period == 2,
        refit=period < 2,
        fit_eligible=everyone,
        refit_eligible=everyone,
        calibrate_from=1,
        test_from=2,
        origins=(1,),
    )


def probabilities(matrix, converted, spec: Spec = SPEC, lead=None):
    lead = np.arange(ROWS) if lead is None else lead
    period = split()
    spine = Spine(lead, np.arange(ROWS) % 3)
    labels = Labels(14, converted, np.ones(ROWS, np.bool_))
    found = baseline_probabilities(spec, matrix, matrix[:, 0], spine, labels, period, SETTINGS)
    for name, guess in found.items():
        assert guess.shape == (split().test.sum(),), name
        assert np.all((guess > 0) & (guess < 1)), name
    return found


def auc(converted, guess) -> float:
    found = figures(converted[split().test], guess).auc
    assert found is not None
    return found


def test_each_baseline_sees_its_own_signal_and_is_blind_to_the_others() -> None:
    seers = {
        1: ({0: -1.5, 1: 1.5}, {"tags", "points card", "naive Bayes", "logistic regression"}),
        3: (
            {0: -1.5, 1: 1.5},
            {"latest interaction only", "tags", "points card", "logistic regression"},
        ),
        6: ({0: -2.0, 2: 2.0}, {"tags", "points card", "logistic regression"}),
    }
    for column, (effects, expected) in seers.items():
        matrix, converted, _ = drawn({column: effects})
        found = probabilities(matrix, converted)
        assert set(found) == ALL
        seen = {name for name, guess in found.items() if auc(converted, guess) > 0.55}
        assert seen == expected, SPEC.names[column]


def test_newest_first_and_age_know_the_age_alone() -> None:
    matrix, _, _ = drawn({})
    random = np.random.default_rng(3)
    converted = random.random(ROWS) < sigmoid(1.0 - matrix[:, 0] / 25)
    found = probabilities(matrix, converted)
    newest = found["newest first"]
    order = np.argsort(matrix[split().test, 0])
    assert np.all(np.diff(newest[order]) <= 0)
    assert auc(converted, newest) > 0.7
    assert auc(converted, found["age only"]) > 0.7
    assert auc(converted, found["naive Bayes"]) < 0.55


def test_an_attribute_that_tells_the_stage_takes_the_place_of_the_latest_interaction() -> None:
    stage = AttributeCategory("pipeline_stage", ("new", "quoted", "won over"))
    staged = dataclasses.replace(SPEC, features=(*SPEC.features[:-1], stage))
    matrix, converted, _ = drawn({6: {0: -1.5, 2: 1.5}}, spec=staged)
    found = probabilities(matrix, converted, staged)
    assert "latest interaction only" not in found
    assert auc(converted, found["stage only"]) > 0.65
    assert len(np.unique(found["stage only"])) == 3


def test_tags_are_three_and_few_leads_are_hot() -> None:
    matrix, converted, _ = drawn({1: {1: 1.5}, 3: {1: 1.0}, 6: {2: 1.0}})
    levels, counts = np.unique(probabilities(matrix, converted)["tags"], return_counts=True)
    assert 2 <= len(levels) <= 3
    assert counts[-1] / counts.sum() <= 0.15


def test_every_baseline_is_calibrated_on_the_later_slice() -> None:
    matrix, converted, _ = drawn({1: {0: -1.5, 1: 1.5}, 3: {1: 1.0}})
    for name, guess in probabilities(matrix, converted).items():
        happened = converted[split().test].mean()
        assert guess.mean() == pytest.approx(happened, abs=0.03), name


def test_labels_of_the_test_period_are_not_looked_at() -> None:
    matrix, converted, _ = drawn({1: {1: 1.5}})
    other = np.where(split().test, ~converted, converted)
    first, second = probabilities(matrix, converted), probabilities(matrix, other)
    for name in ALL:
        assert first[name].tobytes() == second[name].tobytes(), name


def test_features_that_are_not_there_leave_the_base_rate() -> None:
    spec = Spec((LeadAge(),))
    random = np.random.default_rng(5)
    matrix = random.integers(0, 100, (ROWS, 1)).astype(float)
    found = probabilities(matrix, random.random(ROWS) < 0.2, spec)
    assert set(found) == ALL
    for name in ("latest interaction only", "naive Bayes"):
        assert len(np.unique(found[name])) == 1


def test_a_model_is_called_better_only_where_the_whole_interval_says_so() -> None:
    matrix, converted, truth = drawn({1: {0: -1.5, 1: 1.5}})
    test = split().test
    judged = JudgedRows(converted[test], np.arange(ROWS)[test], matrix[test, 0])
    probability = sigmoid(truth)[test]
    rivals = {
        "itself": probability,
        "blind": np.full(len(probability), converted.mean()),
        "clairvoyant": np.where(converted[test], 0.9, 0.1),
    }
    found = baseline_comparison(judged, probability, rivals, seed=1)
    assert found.better_than == ("blind",)
    assert found.beaten_by == ("clairvoyant",)
    assert found.baselines["itself"].log_loss_advantage == Difference(0.0, 0.0, 0.0, 0.5)
    assert found.baselines["blind"].auc_advantage.low > 0


def test_what_cannot_be_compared_is_neither_better_nor_worse() -> None:
    nothing = JudgedRows(np.empty(0, bool), np.empty(0, np.int64), np.empty(0))
    found = baseline_comparison(nothing, np.empty(0), {"base rate": np.empty(0)}, seed=1)
    assert found.better_than == found.beaten_by == ()
    assert found.baselines["base rate"].log_loss_advantage is None
