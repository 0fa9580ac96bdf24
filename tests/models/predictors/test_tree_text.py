"""What LightGBM writes is read; what would lead it into strange memory is refused before."""

import re

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.predictors import tree_text
from models.predictors.tree_text import require_sound_trees
from tests.support.bundles import SPEC, small_bundle

TEXT = small_bundle().hot.predictor.model_to_string()


def booster_text(cats: list[int], **parameters: object) -> str:
    random = np.random.default_rng(3)
    matrix = random.random((200, 3))
    matrix[:, 2] = random.integers(0, 70, 200)
    matrix[::7, 0] = np.nan
    data = lgb.Dataset(matrix, label=random.random(200) > 0.5, categorical_feature=cats)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1, **parameters}
    return str(lgb.train(settings, data, num_boost_round=4).model_to_string())


@pytest.mark.parametrize("cats", [[], [2]])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"num_leaves": 120, "min_data_in_leaf": 1},
        {"monotone_constraints": [1, -1, 0]},
        {"min_data_in_leaf": 150},
    ],
)
def test_what_lightgbm_writes_is_sound(cats: list[int], parameters: dict) -> None:
    text = booster_text(cats, **parameters)
    assert require_sound_trees(text) == 3
    again = lgb.Booster(model_str=text).model_to_string()
    assert require_sound_trees(again) == 3


def test_the_number_of_columns_is_told() -> None:
    assert require_sound_trees(TEXT) == len(SPEC.features)


def replaced(pattern: str, replacement: str, text: str = TEXT) -> str:
    """The text with its first match replaced, and sizes of trees that agree."""
    changed, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
    assert count == 1
    assert changed != text
    head, _, rest = changed.partition("\n\n")
    trees = re.findall(r"Tree=\d+\n.*?\n\n\n", rest, re.DOTALL)
    sizes = " ".join(str(len(tree)) for tree in trees)
    return re.sub(r"(?m)^tree_sizes=.*$", f"tree_sizes={sizes}", head) + "\n\n" + rest


HARM = [
    (r"^left_child=\S+", "left_child=99", "left_child must lie between"),
    (r"^right_child=\S+", "right_child=-99", "right_child must lie between"),
    (r"^left_child=\S+ ", "left_child=0 ", "twice"),
    (r"^(left_child=\S+ )\S+", r"\g<1>1", "twice"),
    (r"^right_child=(\S+) \S+", r"right_child=\1 \1", "twice"),
    (r"^split_feature=\S+", "split_feature=11", "split_feature must lie between"),
    (r"^split_feature=\S+", "split_feature=-1", "split_feature must lie between"),
    (r"^split_feature=\S+ ", "split_feature=", "split_feature must have 6 whole"),
    (r"^leaf_value=\S+", "leaf_value=nan", "leaf_value must have 7 numbers"),
    (r"^leaf_value=\S+", "leaf_value=1e999", "must have finite numbers"),
    (r"^leaf_value=\S+", "leaf_value=inf", "leaf_value must have 7 numbers"),
    (r"^threshold=\S+", "threshold=nan", "threshold must have"),
    (r"^internal_count=\S+", "internal_count=0", "internal_count must lie"),
    (r"^num_leaves=7", "num_leaves=8", "must have 8 numbers"),
    (r"^num_leaves=7", "num_leaves=2000000000", "num_leaves must lie"),
    (r"^decision_type=\S+", "decision_type=12", "names no way"),
    (r"^decision_type=\S+", "decision_type=9", "asks for levels and lists none"),
    (r"^is_linear=0", "is_linear=1", "is_linear must be 0"),
    (r"^cat_boundaries=0 1", "cat_boundaries=0 2", "cat_boundaries must lie"),
    (r"^cat_boundaries=0 1", "cat_boundaries=1 1", "must divide"),
    (r"^cat_threshold=\S+", "cat_threshold=4294967296", "cat_threshold must lie"),
    (r"^num_cat=0", "num_cat=1", "must list levels"),
    (r"^shrinkage=1\n", "shrinkage=1\nshrinkage=1\n", "unknown or twice"),
    (r"^is_linear=0", "leaf_const=0", "unknown or twice"),
    (r"^is_linear=0\n", "", "has no is_linear"),
    (r"^num_tree_per_iteration=1", "num_tree_per_iteration=0", "num_tree_per_iteration must be"),
    (r"^objective=.*", "objective=lambdarank", "objective must be"),
    (r"^max_feature_idx=10", "max_feature_idx=11", "must name 12 features"),
    (r"^max_feature_idx=10", "max_feature_idx=-1", "max_feature_idx must lie"),
    (r"^end of trees", "the end", "must be followed by"),
    (r"^tree$", "forest", "must begin with"),
    (r"^\[zero_as_missing: 0\]", "[zer", r"parameter must be '\[name: value\]', found '\[zer'"),
    (r"^\[zero_as_missing: 0\]", "[]", "parameter must be"),
    (r"^end of parameters", "", "followed by its parameters, once"),
    (r"^end of parameters", "end of parameters\nparameters:\n[", "its parameters, once"),
]


@pytest.mark.parametrize(("pattern", "replacement", "words"), HARM)
def test_what_would_lead_into_strange_memory_is_refused(
    pattern: str, replacement: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        require_sound_trees(replaced(pattern, replacement))


def test_a_wrong_size_of_a_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="must lie where tree_sizes says"):
        require_sound_trees(re.sub(r"tree_sizes=(\d+)", "tree_sizes=9", TEXT))


def chain(nodes: int) -> str:
    """A booster of one tree whose every right child is a leaf."""
    text = replaced(r"^num_leaves=7", f"num_leaves={nodes + 1}")
    for name in ("split_gain", "threshold", "internal_value", "internal_weight"):
        text = replaced(rf"^{name}=.*", f"{name}={' '.join(['0'] * nodes)}", text)
    for name in ("leaf_value", "leaf_weight", "leaf_count"):
        text = replaced(rf"^{name}=.*", f"{name}={' '.join(['0'] * (nodes + 1))}", text)
    for name in ("split_feature", "decision_type", "internal_count"):
        text = replaced(rf"^{name}=.*", f"{name}={' '.join(['1'] * nodes)}", text)
    text = replaced(r"^decision_type=.*", f"decision_type={' '.join(['2'] * nodes)}", text)
    left = [*range(1, nodes), -1]
    right = [-i for i in range(2, nodes + 2)]
    text = replaced(r"^left_child=.*", f"left_child={' '.join(map(str, left))}", text)
    return replaced(r"^right_child=.*", f"right_child={' '.join(map(str, right))}", text)


def test_a_tree_is_at_most_so_deep() -> None:
    deepest = tree_text.MAX_DEPTH
    require_sound_trees(chain(deepest))
    with pytest.raises(ValueError, match=f"deeper than {deepest}"):
        require_sound_trees(chain(deepest + 1))


def test_a_cycle_beside_the_root_is_refused() -> None:
    """Each node and leaf is somebody's child, but two nodes only each other's."""
    left, right = [-1, 2, 1], [-2, -3, -4]
    text = replaced(r"^num_leaves=8", "num_leaves=4", chain(7))
    for name, length in (
        *((n, 3) for n in ("split_gain", "threshold", "internal_value", "internal_weight")),
        *((n, 3) for n in ("split_feature", "internal_count")),
        *((n, 4) for n in ("leaf_value", "leaf_weight", "leaf_count")),
    ):
        text = replaced(rf"^{name}=.*", f"{name}={' '.join(['1'] * length)}", text)
    text = replaced(r"^decision_type=.*", "decision_type=2 2 2", text)
    text = replaced(r"^left_child=.*", f"left_child={' '.join(map(str, left))}", text)
    text = replaced(r"^right_child=.*", f"right_child={' '.join(map(str, right))}", text)
    with pytest.raises(ValueError, match="does not reach"):
        require_sound_trees(text)


@given(st.integers(0, len(TEXT)))
def test_a_text_that_is_cut_off_is_read_or_refused(length: int) -> None:
    try:
        require_sound_trees(TEXT[:length])
    except ValueError:
        return
    assert lgb.Booster(model_str=TEXT[:length]).num_feature() == len(SPEC.features)


@given(st.data())
def test_a_text_with_other_bytes_is_read_or_refused(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(TEXT) - 1))
    length = data.draw(st.integers(0, 30))
    instead = data.draw(st.text("0123456789-. =\nTreinaf", max_size=30))
    text = TEXT[:place] + instead + TEXT[place + length :]
    try:
        require_sound_trees(text)
        booster = lgb.Booster(model_str=text)
    except (ValueError, lgb.basic.LightGBMError):
        return
    rows = np.random.default_rng(place).normal(0, 100, (20, len(SPEC.features)))
    assert np.isfinite(booster.predict(rows, num_threads=1)).all()
    assert np.isfinite(booster.predict(rows, pred_contrib=True, num_threads=1)).all()
