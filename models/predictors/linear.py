"""A linear model of the log-odds: every feature adds its own term, whatever the others say.

A number counts by its logarithm, because counts and days are skewed; a category by its level; and
what is unknown has a term of its own. Terms are written as what they add to the average look of the
fitting period, so they are the contributions that reasons are made of. Sums run in one order over
each row alone: a lead scored by itself gets the bits that it gets among thousands.
"""

import math
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

import numpy as np

from features.arrays import Float64, Int64
from features.json_values import JsonObject
from features.language.spec import Spec

LINEAR_BLOCK_ROWS = 256
"""Rows that are added up together: what is computed on the way fits into the caches."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Term of a number: ``at_zero + slope * sign(x) * log(1 + |x|)``, x within what was seen.

    Parameters
    ----------
    slope : float
        Log-odds for each unit of the logarithm.
    at_zero : float
        Log-odds that 0 adds.
    unknown : float
        Log-odds that a missing value adds.
    least, greatest : float, optional
        A number beyond them counts as the nearer one: nobody has seen where the slope leads to.
    """

    slope: float
    at_zero: float
    unknown: float
    least: float = -math.inf
    greatest: float = math.inf

    def __post_init__(self) -> None:
        _require_finite("A slope", (self.slope, self.at_zero, self.unknown))
        if not self.least <= self.greatest:
            raise ValueError(
                f"A slope's least must not exceed its most, got {self.least} and {self.greatest}."
            )


@dataclass(frozen=True, slots=True)
class Levels:
    """Term of a category.

    Parameters
    ----------
    weights : tuple of float
        Log-odds that each level adds, by its index.
    unlisted : float
        Log-odds that a level beyond them adds.
    unknown : float
        Log-odds that a missing value adds.
    """

    weights: tuple[float, ...]
    unlisted: float
    unknown: float

    def __post_init__(self) -> None:
        _require_finite("Levels", (*self.weights, self.unlisted, self.unknown))


Term: TypeAlias = Slope | Levels


@dataclass(frozen=True, slots=True)
class Linear:
    """Log-odds as a sum of one term for each feature.

    Parameters
    ----------
    base : float
        Log-odds of the average look of the fitting period.
    terms : tuple of Term
        In the order of the spec's features.

    Examples
    --------
    >>> model = Linear(-2.0, (Slope(1.0, -0.5, 0.25), Levels((0.5, -0.5), 0.0, 0.125)))
    >>> model.margin(np.array([[0.0, 1.0], [np.nan, 0.0], [0.0, np.nan]])).tolist()
    [-3.0, -1.25, -2.375]
    """

    base: float
    terms: tuple[Term, ...]
    _slopes: Float64 = field(init=False, repr=False, compare=False)
    _categories: Int64 = field(init=False, repr=False, compare=False)
    _counts: Int64 = field(init=False, repr=False, compare=False)
    _levels: Float64 = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _require_finite("A linear model's base", (self.base,))
        # Arrays of shape (5, features), (categories,) twice, and (categories, most levels + 2).
        levels = {j: term for j, term in enumerate(self.terms) if isinstance(term, Levels)}
        counts = [len(term.weights) for term in levels.values()]
        table = np.zeros((len(levels), max(counts, default=0) + 2))
        for row, term in zip(table, levels.values(), strict=True):
            row[: len(term.weights) + 2] = (*term.weights, term.unlisted, term.unknown)
        slopes = np.array([_line(term) for term in self.terms]).reshape(-1, 5).T
        object.__setattr__(self, "_slopes", np.ascontiguousarray(slopes))
        object.__setattr__(self, "_categories", np.array(list(levels), np.int64))
        object.__setattr__(self, "_counts", np.array(counts, np.int64))
        object.__setattr__(self, "_levels", table)

    def contributions(self, matrix: Float64) -> Float64:
        """What each feature adds to `base` in each row, shape (rows, features)."""
        matrix = np.ascontiguousarray(matrix)
        slope, at_zero, unknown, least, greatest = self._slopes
        is_unknown = np.isnan(matrix)
        within = np.minimum(np.maximum(matrix, least), greatest)
        added: Float64 = np.where(is_unknown, unknown, at_zero + slope * logarithm(within))
        if len(self._categories):
            values = np.where(is_unknown, np.inf, matrix)[:, self._categories]
            level = np.minimum(values, self._counts + is_unknown[:, self._categories])
            rows = np.arange(len(self._categories))
            added[:, self._categories] = self._levels[rows, level.astype(np.int64)]
        return added

    def margin(self, matrix: Float64) -> Float64:
        """Log-odds of each row, shape (rows,)."""
        total = np.empty(len(matrix))
        for begin in range(0, len(matrix), LINEAR_BLOCK_ROWS):
            rows = slice(begin, begin + LINEAR_BLOCK_ROWS)
            # No product of matrices: BLAS adds in another order when there are more rows.
            total[rows] = self.base + self.contributions(matrix[rows]).sum(axis=1)
        return total

    def to_json(self, spec: Spec) -> JsonObject:
        """As plain JSON values by feature; `linear_from_json` reads it back."""
        terms = zip(spec.names, self.terms, strict=True)
        return {"base": self.base, "terms": {name: _term_to_json(term) for name, term in terms}}


def linear_from_json(data: JsonObject, spec: Spec) -> Linear:
    """Linear model that was written by `Linear.to_json`.

    Raises
    ------
    KeyError, TypeError, ValueError
        The terms are not those of the spec's features, or not what they must be.
    """
    terms = data["terms"]
    if set(terms) != set(spec.names):
        strange = sorted(set(terms) ^ set(spec.names))
        raise ValueError(
            f"A linear model needs one term for each of the {len(spec.names)} features of the "
            f"spec; these are only in one of the two: {strange[:5]}."
        )
    return Linear(float(data["base"]), tuple(_term_from_json(terms[name]) for name in spec.names))


def logarithm(values: Float64) -> Float64:
    """Logarithm that keeps the sign, and 0 where it is: ``sign(x) * log(1 + |x|)``."""
    logarithms: Float64 = np.copysign(np.log1p(np.abs(values)), values)
    return logarithms


def _line(term: Term) -> tuple[float, float, float, float, float]:
    match term:
        case Slope(slope, at_zero, unknown, least, greatest):
            return slope, at_zero, unknown, least, greatest
        case Levels():
            return 0.0, 0.0, 0.0, 0.0, 0.0  # looked up instead
        case _:
            assert_never(term)


def _term_to_json(term: Term) -> JsonObject:
    match term:
        case Slope(slope, at_zero, unknown, least, greatest):
            ends = {"least": least, "most": greatest}
            finite_ends = {name: end for name, end in ends.items() if math.isfinite(end)}
            return {"slope": slope, "at_zero": at_zero, "unknown": unknown, **finite_ends}
        case Levels(weights, unlisted, unknown):
            return {"levels": list(weights), "other": unlisted, "unknown": unknown}
        case _:
            assert_never(term)


def _term_from_json(data: JsonObject) -> Term:
    if "levels" in data:
        weights = tuple(float(weight) for weight in data["levels"])
        return Levels(weights, float(data["other"]), float(data["unknown"]))
    return Slope(
        float(data["slope"]),
        float(data["at_zero"]),
        float(data["unknown"]),
        float(data.get("least", -math.inf)),
        float(data.get("most", math.inf)),
    )


def _require_finite(name: str, numbers: tuple[float, ...]) -> None:
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"{name} must be of finite numbers, got {list(numbers)}.")
