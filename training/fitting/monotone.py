"""Directions that the owner of the data knows: with more of this, a lead is never the colder.

A constraint holds exactly, wherever the data are thin or noisy too: with all else equal, the
booster's margin never moves against it, and as calibrations keep the order, no probability does.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from features.export.sections import near_miss
from features.language.spec import Spec
from training.config import Direction


def directions(spec: Spec, direction_by_pattern: Mapping[str, Direction]) -> tuple[int, ...]:
    """Direction of each feature: 1 increasing, -1 decreasing, 0 free.

    Parameters
    ----------
    spec : Spec
        Features of the matrix, column by column.
    direction_by_pattern : mapping of str to {"increasing", "decreasing"}
        By the names of features, or by patterns with ``*``; the last one that fits a name holds.

    Returns
    -------
    tuple of int
        In the order of the spec's features.

    Raises
    ------
    ValueError
        A name or pattern fits no feature, or one whose numbers are levels without an order.

    Examples
    --------
    >>> from features.language.kinds import Count, LeadAge, Selection
    >>> spec = Spec((LeadAge(), Count(Selection(), 7)))
    >>> directions(spec, {"count*": "increasing"})
    (0, 1)
    """
    signs = [0] * len(spec.names)
    for pattern, direction in direction_by_pattern.items():
        fits = [
            i for i, name in enumerate(spec.names) if pattern == name or fnmatchcase(name, pattern)
        ]
        if not fits:
            raise ValueError(
                f"[model] monotone: no feature is named {pattern!r}."
                f"{near_miss(pattern, spec.names)} `lead-temperature features` lists them."
            )
        unordered = [spec.names[i] for i in fits if i in spec.categorical]
        if unordered:
            raise ValueError(
                f"[model] monotone: {pattern!r} fits '{unordered[0]}', whose values are levels "
                "without an order. Name features that are quantities."
            )
        for i in fits:
            signs[i] = 1 if direction == "increasing" else -1
    return tuple(signs)
