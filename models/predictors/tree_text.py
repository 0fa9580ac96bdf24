"""LightGBM's text of a booster, checked before LightGBM reads it.

LightGBM trusts its text: a child that is no node, a feature beyond the row or a wrong length makes
it read memory that is not its own, now or at the first lead that comes by, and the process dies.
`require_sound_trees` reads the text strictly, as LightGBM itself writes it, and refuses all else:
every name is known and there once, every list has its length, every number is finite, and from the
root of each tree every node and every leaf is reached, once.

References
----------
`GBDT::LoadModelFromString` and the constructor of `Tree` from a text, in LightGBM's sources:
https://github.com/lightgbm-org/LightGBM/tree/v4.7.0/src.
"""

import itertools
import math
import re
from collections.abc import Sequence

MAX_TREES, MAX_LEAVES, MAX_DEPTH = 5_000, 1_024, 64
"""Most trees, leaves of a tree, and nodes from its root to a leaf; a training has fewer."""
MAX_LEVEL_WORDS = 64
"""Most words of 32 levels that a node may list: levels are numbered by how common they are."""

_HEADER = (
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx",
    "objective", "feature_names", "feature_infos", "tree_sizes",
)  # fmt: skip
_FIXED = {
    "version": "v4",
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
    "objective": "binary sigmoid:1",
}
_OPTIONAL_HEADER = ("monotone_constraints",)
_OF_NODES = ("split_feature", "decision_type", "left_child", "right_child", "internal_count")
_NUMBERS_OF_NODES = ("internal_value", "internal_weight")
_UNBOUNDED_NUMBERS_OF_NODES = ("split_gain", "threshold")
"""A threshold is infinite where only what is missing goes right."""
_NUMBERS_OF_LEAVES = ("leaf_value", "leaf_weight")
_OF_CATEGORIES = ("cat_boundaries", "cat_threshold")
_OF_TREES = (
    "num_leaves", "num_cat", *_OF_NODES, *_NUMBERS_OF_NODES, *_UNBOUNDED_NUMBERS_OF_NODES,
    *_NUMBERS_OF_LEAVES, "leaf_count", "is_linear", "shrinkage",
)  # fmt: skip
_END = "end of trees\n"
_INTEGER = re.compile(r"-?[0-9]{1,10}")
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?(e[+-]?[0-9]{1,3})?")
_PARAMETER = re.compile(r"\[[a-z0-9_]{1,60}: [^\n]{0,100000}\]")
_LARGEST_COUNT = 2**31 - 1
_CATEGORICAL, _KINDS_OF_DECISION, _MISSING_OF_NO_KIND = 1, 16, 12


def require_sound_trees(text: str) -> int:
    """Require that a text is a booster of binary trees that LightGBM can read and walk through.

    Parameters
    ----------
    text : str
        As `lightgbm.Booster.model_to_string` writes it.

    Returns
    -------
    int
        How many columns its trees may look at.

    Raises
    ------
    ValueError
        It is something else; the message names the tree and the law.
    """
    if not text.isascii():
        raise ValueError("A booster's text must be ASCII.")
    head, _, trees_text = text.partition("\n\n")
    first, *lines = head.split("\n")
    if first != "tree":
        raise ValueError("A booster's text must begin with 'tree'.")
    header = _members(lines, _HEADER, _OPTIONAL_HEADER, "The booster's head")
    for name, required in _FIXED.items():
        if header[name] != required:
            raise ValueError(f"A booster's {name} must be '{required}', found '{header[name]}'.")
    columns = _integers(header["max_feature_idx"], 1, 0, 100_000, "max_feature_idx")[0] + 1
    for name in ("feature_names", "feature_infos"):
        if len(header[name].split(" ")) != columns:
            raise ValueError(f"A booster's {name} must name {columns} features.")
    if "monotone_constraints" in header:
        _integers(header["monotone_constraints"], columns, -1, 1, "monotone_constraints")
    count = len(header["tree_sizes"].split(" "))
    if count > MAX_TREES:
        raise ValueError(f"A booster has at most {MAX_TREES} trees, found {count}.")
    begin = 0
    sizes = _integers(header["tree_sizes"], count, 1, _LARGEST_COUNT, "tree_sizes")
    for number, size in enumerate(sizes):
        _require_sound_tree(trees_text[begin : begin + size], number, columns)
        begin += size
    if not trees_text.startswith(_END, begin):
        raise ValueError(f"A booster's {count} trees must be followed by '{_END.strip()}'.")
    _require_sound_parameters(trees_text[begin:].split("\n"))
    return columns


def _require_sound_parameters(lines: Sequence[str]) -> None:
    """Require lines of a name and a value: LightGBM's reader dies of one without a value."""
    marks = [line for line in lines if line in ("parameters:", "end of parameters")]
    if marks != ["parameters:", "end of parameters"]:
        raise ValueError("A booster's trees must be followed by its parameters, once.")
    parameters = lines[lines.index("parameters:") + 1 : lines.index("end of parameters")]
    for line in parameters:
        if line and not _PARAMETER.fullmatch(line):
            raise ValueError(f"A booster's parameter must be '[name: value]', found '{line[:40]}'.")


def _require_sound_tree(text: str, number: int, columns: int) -> None:
    context = f"Tree {number}"
    title, *lines = text.split("\n")
    if title != f"Tree={number}" or not text.endswith("\n\n"):
        raise ValueError(f"{context} must lie where tree_sizes says.")
    tree = _members(lines[: len(lines) - 3], _OF_TREES, _OF_CATEGORIES, context)
    (leaves,) = _integers(tree["num_leaves"], 1, 1, MAX_LEAVES, f"{context}: num_leaves")
    (categories,) = _integers(tree["num_cat"], 1, 0, leaves - 1, f"{context}: num_cat")
    if tree["is_linear"] != "0":
        raise ValueError(f"{context}: is_linear must be 0.")
    _require_numbers(tree["shrinkage"], 1, f"{context}: shrinkage")
    if leaves == 1:  # LightGBM writes and reads the value of the leaf alone
        _require_numbers(tree["leaf_value"], 1, f"{context}: leaf_value")
        return
    for name in _NUMBERS_OF_LEAVES:
        _require_numbers(tree[name], leaves, f"{context}: {name}")
    for name in _NUMBERS_OF_NODES:
        _require_numbers(tree[name], leaves - 1, f"{context}: {name}")
    for name in _UNBOUNDED_NUMBERS_OF_NODES:
        finite = re.sub(r"(?<![^ ])-?inf(?![^ ])", "0", tree[name])
        _require_numbers(finite, leaves - 1, f"{context}: {name}")
    _integers(tree["leaf_count"], leaves, 0, _LARGEST_COUNT, f"{context}: leaf_count")
    _integers(tree["internal_count"], leaves - 1, 1, _LARGEST_COUNT, f"{context}: internal_count")
    _integers(tree["split_feature"], leaves - 1, 0, columns - 1, f"{context}: split_feature")
    children = [
        _integers(tree[name], leaves - 1, -leaves, leaves - 2, f"{context}: {name}")
        for name in ("left_child", "right_child")
    ]
    _require_one_way_to_each_leaf(children, leaves, context)
    decisions = _integers(
        tree["decision_type"], leaves - 1, 0, _KINDS_OF_DECISION - 1, f"{context}: decision_type"
    )
    if any(decision & _MISSING_OF_NO_KIND == _MISSING_OF_NO_KIND for decision in decisions):
        raise ValueError(f"{context}: decision_type names no way to treat what is missing.")
    _require_sound_levels(tree, decisions, categories, context)


def _require_one_way_to_each_leaf(
    children: Sequence[Sequence[int]], leaves: int, context: str
) -> None:
    """Require that each node and leaf is reached from the root, once, and not from too far."""
    left_child, right_child = children
    reached: set[int] = {0}
    to_visit = [(0, 1)]
    while to_visit:
        node, depth = to_visit.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"{context} is deeper than {MAX_DEPTH} nodes.")
        for child in (left_child[node], right_child[node]):
            if child in reached:
                raise ValueError(f"{context} reaches a node or leaf twice.")
            reached.add(child)
            if child >= 0:
                to_visit.append((child, depth + 1))
    if len(reached) != 2 * leaves - 1:
        raise ValueError(f"{context} has nodes or leaves that its root does not reach.")


def _require_sound_levels(
    tree: dict[str, str], decisions: Sequence[int], categories: int, context: str
) -> None:
    """Require that each node that asks for a category's level has a list of levels."""
    thresholds = tree["threshold"].split(" ")
    asked_thresholds = [
        threshold
        for threshold, decision in zip(thresholds, decisions, strict=True)
        if decision & _CATEGORICAL
    ]
    if (categories > 0) != all(name in tree for name in _OF_CATEGORIES):
        raise ValueError(f"{context} must list levels where its num_cat is not 0, and only there.")
    if not categories:
        if asked_thresholds:
            raise ValueError(f"{context} asks for levels and lists none.")
        return
    _integers(
        " ".join(asked_thresholds),
        categories,
        0,
        categories - 1,
        f"{context}: threshold of a category",
    )
    words = len(tree["cat_threshold"].split(" "))
    begins = _integers(
        tree["cat_boundaries"], categories + 1, 0, words, f"{context}: cat_boundaries"
    )
    widths = [end - begin for begin, end in itertools.pairwise(begins)]
    if begins[0] != 0 or begins[-1] != words or not 1 <= min(widths) <= max(widths):
        raise ValueError(f"{context}: cat_boundaries must divide the words of cat_threshold.")
    if max(widths) > MAX_LEVEL_WORDS:
        raise ValueError(f"{context} lists levels beyond {32 * MAX_LEVEL_WORDS}.")
    _integers(tree["cat_threshold"], words, 0, 2**32 - 1, f"{context}: cat_threshold")


def _members(
    lines: Sequence[str], required: Sequence[str], optional: Sequence[str], context: str
) -> dict[str, str]:
    """Values of lines of a name, '=' and a value, each name once."""
    members: dict[str, str] = {}
    for line in lines:
        name, sign, value = line.partition("=")
        if not sign or name in members or name not in (*required, *optional):
            raise ValueError(
                f"{context} has the line '{line[:40]}', which is unknown or twice there."
            )
        members[name] = value
    missing = [name for name in required if name not in members]
    if missing:
        raise ValueError(f"{context} has no {missing[0]}.")
    return members


def _integers(text: str, count: int, least: int, greatest: int, context: str) -> list[int]:
    """Whole numbers with one blank between them."""
    parts = text.split(" ")
    if len(parts) != count or not all(map(_INTEGER.fullmatch, parts)):
        raise ValueError(f"{context} must have {count} whole numbers.")
    numbers = list(map(int, parts))
    if not least <= min(numbers) <= max(numbers) <= greatest:
        raise ValueError(f"{context} must lie between {least} and {greatest}.")
    return numbers


def _require_numbers(text: str, count: int, context: str) -> None:
    parts = text.split(" ")
    if len(parts) != count or not all(map(_NUMBER.fullmatch, parts)):
        raise ValueError(f"{context} must have {count} numbers.")
    if not all(map(math.isfinite, map(float, parts))):
        raise ValueError(f"{context} must have finite numbers.")
