"""What each feature adds to the margin of a booster: exact TreeSHAP, looked up.

LightGBM walks over every leaf of every tree anew for each row, which costs more than all else that
a reason needs. A tree of few leaves can only answer in few ways: where the decisions at its nodes
are the same, so are the contributions. So they are worked out once for every way in which the nodes
of a tree can decide, and for a row only its way through each tree is looked up. For one tree they
are Shapley values by their definition, of the game in which a feature that is not known splits a
row in the proportion of the rows that the tree was grown on. Trees of more leaves have too many
ways: they are left to LightGBM's own TreeSHAP.

References
----------
S. Lundberg et al., *From local explanations to global understanding with explainable AI for trees*,
Nature Machine Intelligence 2 (2020), doi:10.1038/s42256-019-0138-9.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from features.arrays import Bool, Float64, Int64
from features.json_values import JsonObject

NODES = 6
"""A tree with more of them has too many ways: each doubles their number."""
WAYS = 2**NODES
ROOM = 8
"""Places for the nodes of a tree: their decisions are the bits of one byte."""
SHARE_BLOCK_ROWS, GROWN = 64, 16
"""Rows, and trees, that are looked at together: what is computed on the way fits the caches."""


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree, with places for `ROOM` nodes.

    ``slot`` says which of the tree's features a node looks at, ``columns`` which columns these are.
    ``agree`` has shape (leaves, slots, ways): whether all nodes of a feature on the way to a leaf
    decide for it; ``share`` of shape (leaves, slots) is the share of rows that they let through.
    """

    feature: list[int]
    threshold: list[float]
    unknown_left: list[bool]
    levels: list[tuple[int, ...] | None]
    columns: list[int]
    agree: Bool
    share: Float64
    value: Float64


class TreeShares:
    """What each feature adds to the margin of a booster.

    Parameters
    ----------
    booster : lightgbm.Booster
        Is not changed from now on.
    """

    __slots__ = ("_booster", "_prepared", "_tables")
    _tables: "_Tables | None"

    def __init__(self, booster: lgb.Booster) -> None:
        self._booster = booster
        self._prepared, self._tables = False, None

    def contributions(self, matrix: Float64) -> Float64:
        """Of a matrix of shape (rows, features): what each adds, then the average's margin.

        Returns
        -------
        float64 array of shape (rows, features + 1)
            A row has the bits that it has alone.
        """
        if not self._prepared:  # only now: nobody asks about most boosters
            self._tables, self._prepared = _tables(self._booster), True
        if self._tables is None:
            shares = self._booster.predict(matrix, pred_contrib=True, num_threads=1)
            return np.asarray(shares, np.float64)
        blocks = range(0, len(matrix), SHARE_BLOCK_ROWS)
        return np.concatenate(
            [self._tables.of(matrix[begin : begin + SHARE_BLOCK_ROWS]) for begin in blocks]
        )


@dataclass(frozen=True, slots=True)
class _Tables:
    """Contributions of every way through each tree.

    Parameters
    ----------
    feature, threshold, unknown_left : arrays of shape (trees * ROOM,)
        What each node looks at, up to which number a row goes left, and whether one without does.
    by_level : int64 array of shape (nodes,)
        Nodes that ask for a category's level, and
    admitted : bool array of shape (nodes, levels + 1)
        which levels go left there; the last one stands for all others.
    shares : float64 array of shape (pairs * WAYS,)
        Of each pair of a tree and a feature it looks at, pairs in the order of features: what the
        feature adds in each way through the tree.
    tree, first : int64 arrays of shape (pairs,)
        Tree of each pair, and where its shares begin.
    begins, columns : int64 arrays
        Where each feature's pairs begin, and which feature it is.
    average : float
        Margin of the average row.
    number : int
        How many features there are.
    """

    feature: Int64
    threshold: Float64
    unknown_left: Bool
    by_level: Int64
    admitted: Bool
    shares: Float64
    tree: Int64
    first: Int64
    begins: Int64
    columns: Int64
    average: float
    number: int

    def of(self, matrix: Float64) -> Float64:
        """Contributions of some rows, and the average."""
        values = matrix[:, self.feature]
        goes_left = values <= self.threshold
        goes_left |= np.isnan(values) & self.unknown_left
        if len(self.by_level):
            level = values[:, self.by_level]
            other_level = self.admitted.shape[1] - 1
            # As LightGBM has it, a level is cut to a whole number; most is what no node admits.
            is_listed = (level > -1) & (level < other_level)
            level = np.where(is_listed, level, other_level).astype(np.int64)
            goes_left[:, self.by_level] = self.admitted[np.arange(len(self.by_level)), level]
        rows = len(matrix)
        way = np.packbits(goes_left.reshape(rows, -1, ROOM), axis=2, bitorder="little")[:, :, 0]
        shares = self.shares.take(way.take(self.tree, axis=1) + self.first)
        contributions = np.zeros((rows, self.number + 1))
        contributions[:, self.columns] = np.add.reduceat(shares, self.begins, axis=1)
        contributions[:, -1] = self.average
        return contributions


def _tables(booster: lgb.Booster) -> _Tables | None:
    """Tables of a booster; None where a tree has too many ways, or decides in another manner."""
    model = booster.dump_model()
    trees: list[_Tree] = []
    average = 0.0
    for tree_dump in model["tree_info"]:
        tree = _tree(tree_dump["tree_structure"])
        if tree is None:
            return None
        trees.append(tree)
        average += math.fsum(tree.value * tree.share.prod(axis=1))
    if not trees:
        return None
    columns = np.array([tree.columns for tree in trees]).ravel()
    order = np.flatnonzero(columns >= 0)
    order = order[np.argsort(columns[order], kind="stable")]
    if not len(order):
        return None
    blocks = range(0, len(trees), GROWN)
    shares = np.concatenate([_shapley(trees[begin : begin + GROWN]) for begin in blocks])
    begins = np.flatnonzero(np.diff(columns[order], prepend=-1))
    node_levels = enumerate(levels for tree in trees for levels in tree.levels)
    levels = [(node, admitted_levels) for node, admitted_levels in node_levels if admitted_levels]
    other_level = max((max(admitted_levels) for _, admitted_levels in levels), default=0) + 1
    admitted = np.zeros((len(levels), other_level + 1), np.bool_)
    for row, (_, admitted_levels) in zip(admitted, levels, strict=True):
        row[list(admitted_levels)] = True
    return _Tables(
        feature=np.array([tree.feature for tree in trees]).ravel(),
        threshold=np.array([tree.threshold for tree in trees]).ravel(),
        unknown_left=np.array([tree.unknown_left for tree in trees]).ravel(),
        by_level=np.array([i for i, _ in levels], np.int64),
        admitted=admitted,
        shares=shares.reshape(-1, WAYS)[order].ravel(),
        tree=order // NODES,
        first=np.arange(len(order)) * WAYS,
        begins=begins,
        columns=columns[order][begins],
        average=average,
        number=int(booster.num_feature()),
    )


def _tree(root: JsonObject) -> _Tree | None:
    """A tree as LightGBM dumps it."""
    nodes = list(_nodes(root))
    for node in nodes:
        if node["decision_type"] not in ("<=", "==") or node["missing_type"] not in ("None", "NaN"):
            return None
    if len(nodes) > NODES:
        return None
    number_of = {node["split_index"]: i for i, node in enumerate(nodes)}
    columns = list(dict.fromkeys(node["split_feature"] for node in nodes))
    slot = [columns.index(node["split_feature"]) for node in nodes]
    leaves = list(_leaves(root, ()))
    decided = (np.arange(WAYS)[None] >> np.arange(NODES)[:, None]) & 1 == 1
    agree = np.ones((NODES + 1, NODES, WAYS), np.bool_)
    share = np.ones((NODES + 1, NODES))
    value = np.zeros(NODES + 1)
    for leaf, (margin, path) in enumerate(leaves):
        value[leaf] = margin
        for index, goes_left, part in path:
            number = number_of[index]
            agree[leaf, slot[number]] &= decided[number] == goes_left
            share[leaf, slot[number]] *= part
    spare = ROOM - len(nodes)
    numeric = [node["decision_type"] == "<=" for node in nodes]
    return _Tree(
        feature=[node["split_feature"] for node in nodes] + [0] * spare,
        threshold=[
            float(node["threshold"]) if number else math.nan
            for node, number in zip(nodes, numeric, strict=True)
        ]
        + [math.nan] * spare,
        unknown_left=[number and _unknown_left(n) for n, number in zip(nodes, numeric, strict=True)]
        + [False] * spare,
        levels=[
            None if number else tuple(map(int, str(node["threshold"]).split("||")))
            for node, number in zip(nodes, numeric, strict=True)
        ]
        + [None] * spare,
        columns=columns + [-1] * (NODES - len(columns)),
        agree=agree,
        share=share,
        value=value,
    )


def _nodes(node: JsonObject) -> Iterator[JsonObject]:
    if "split_index" in node:
        yield node
        yield from _nodes(node["left_child"])
        yield from _nodes(node["right_child"])


_Path = tuple[tuple[int, bool, float], ...]


def _leaves(node: JsonObject, path: _Path) -> Iterator[tuple[float, _Path]]:
    """Value of each leaf, and the way to it: node, whether it goes left, share of rows."""
    if "split_index" not in node:
        yield float(node["leaf_value"]), path
        return
    for name, goes_left in (("left_child", True), ("right_child", False)):
        child = node[name]
        part = child.get("internal_count", child.get("leaf_count")) / node["internal_count"]
        yield from _leaves(child, (*path, (node["split_index"], goes_left, part)))


def _unknown_left(node: JsonObject) -> bool:
    """Whether a missing number goes left; where none was seen in fitting, it counts as 0."""
    if node["missing_type"] == "NaN":
        return bool(node["default_left"])
    return float(node["threshold"]) >= 0


def _shapley(trees: list[_Tree]) -> Float64:
    """Shapley values of each tree's features in every way, shape (trees, slots, ways)."""
    # What each leaf adds where only the features of a set are known: sets are bits of a number.
    value = np.array([tree.value for tree in trees])
    reached = np.repeat(value[None, :, :, None], WAYS, axis=3)
    agree, share = np.array([t.agree for t in trees]), np.array([t.share for t in trees])
    for slot in range(NODES):
        unknown, decided = share[:, :, slot, None], agree[:, :, slot]
        reached = np.concatenate([reached * unknown, reached * decided])
    worth = reached.sum(axis=2)
    sets, shapley = np.arange(WAYS), np.empty((NODES, len(trees), WAYS))
    for slot in range(NODES):
        without = sets[sets >> slot & 1 == 0]
        weights = [_weight(subset.bit_count()) for subset in without.tolist()]
        steps = worth[without | 1 << slot] - worth[without]
        shapley[slot] = (np.array(weights)[:, None, None] * steps).sum(axis=0)
    return shapley.transpose(1, 0, 2)


def _weight(size: int) -> float:
    """Share of the orders of features in which just a set of this size comes before one of them."""
    return math.factorial(size) * math.factorial(NODES - 1 - size) / math.factorial(NODES)
