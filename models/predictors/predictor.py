"""Who answers the question of a horizon: a blend, a LightGBM booster, or a points card.

A closed union, and all that the rest asks of any. Each gives a margin, which the calibration turns
into a probability, and shares it out among the features exactly, so that reasons add up. A blend is
the mean of a linear model and a booster: the first is steady where few leads converted, the other
finds what no sum of terms can say, and what each gets wrong by chance is halved. Boosters are kept
as LightGBM's own text, all else as JSON: the files' names tell which it is.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

import lightgbm as lgb
import numpy as np

from features.arrays import Float64
from features.json_values import JsonObject, parse_finite_json
from features.language.spec import Spec
from models.predictors.linear import Linear, linear_from_json
from models.predictors.scorecard import Scorecard, scorecard_from_json
from models.predictors.single_row import SingleRow
from models.predictors.tree_shares import TreeShares
from models.predictors.tree_text import require_sound_trees

FEW = 32
"""Up to this many rows, a booster is asked about one by one: its way of preparing itself for many
takes longer."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Mean of the margins of a linear model and of a booster.

    Parameters
    ----------
    linear : Linear
        The linear model of the log-odds.
    booster : lightgbm.Booster
        Trees that give log-odds; not changed from now on.
    single_row : SingleRow
        The booster for few rows.
    shares : TreeShares
        The booster's contributions.

    Raises
    ------
    ValueError
        The two take different numbers of features.
    """

    linear: Linear
    booster: lgb.Booster
    single_row: SingleRow = field(init=False, repr=False, compare=False)
    shares: TreeShares = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        terms, columns = len(self.linear.terms), self.booster.num_feature()
        if terms != columns:
            raise ValueError(
                "A blend's linear model and booster must take the same features, got "
                f"{terms} terms and {columns} columns."
            )
        object.__setattr__(self, "single_row", SingleRow(self.booster))
        object.__setattr__(self, "shares", TreeShares(self.booster))

    def booster_margin(self, matrix: Float64, threads: int = 1) -> Float64:
        """Log-odds by the booster alone, of each row of a matrix of at least one, shape (rows,)."""
        if len(matrix) <= FEW:
            return self.single_row.margins(matrix)
        return margin_of(self.booster, matrix, threads)


Predictor: TypeAlias = Blend | lgb.Booster | Scorecard


def margin_of(predictor: Predictor, matrix: Float64, threads: int = 1) -> Float64:
    """Uncalibrated log-odds of each row of a matrix of shape (rows, features), shape (rows,)."""
    if len(matrix) == 0:
        return np.empty(0, np.float64)
    match predictor:
        case Blend(linear):
            return (linear.margin(matrix) + predictor.booster_margin(matrix, threads)) / 2
        case lgb.Booster():
            margins = predictor.predict(matrix, raw_score=True, num_threads=threads)
            return np.asarray(margins, np.float64)
        case Scorecard():
            return predictor.margin(matrix)
        case _:
            assert_never(predictor)


def margins_of(
    predictors: Sequence[Predictor], matrix: Float64, threads: int = 1
) -> tuple[Float64, ...]:
    """Uncalibrated log-odds by each predictor; a booster that several share is asked once.

    Parameters
    ----------
    predictors : sequence of Predictor
        Those of the horizons.
    matrix : float64 array of shape (rows, features)
        Features of leads at instants.
    threads : int
        How many threads LightGBM may use for many rows.

    Returns
    -------
    tuple of float64 arrays of shape (rows,)
        The bits of `margin_of` for each.
    """
    if len(matrix) == 0:
        return tuple(np.empty(0, np.float64) for _ in predictors)
    by_booster: dict[int, Float64] = {}
    margins = []
    for predictor in predictors:
        match predictor:
            case Blend(linear, booster):
                if id(booster) not in by_booster:
                    by_booster[id(booster)] = predictor.booster_margin(matrix, threads)
                margins.append((linear.margin(matrix) + by_booster[id(booster)]) / 2)
            case _:
                margins.append(margin_of(predictor, matrix, threads))
    return tuple(margins)


def contributions_of(predictor: Predictor, matrix: Float64) -> tuple[float, Float64]:
    """Margin of the average lead, and what each feature adds to it in each row.

    Parameters
    ----------
    predictor : Blend, lightgbm.Booster or Scorecard
        Whose margins to share out.
    matrix : float64 array of shape (rows, features)
        One row at least.

    Returns
    -------
    tuple of float and float64 array of shape (rows, features)
        A row's contributions and the average add up to its margin.
    """
    match predictor:
        case Blend(linear, shares=shares):
            booster_shares = shares.contributions(matrix)
            average = float(booster_shares[0, -1])
            shares_of_both = linear.contributions(matrix) + booster_shares[:, :-1]
            return (linear.base + average) / 2, shares_of_both / 2
        case lgb.Booster():
            raw = np.asarray(predictor.predict(matrix, pred_contrib=True, num_threads=1))
            return float(raw[0, -1]), raw[:, :-1]
        case Scorecard():
            return predictor.contributions(matrix)
        case _:
            assert_never(predictor)


def columns_of(predictor: Predictor) -> int:
    """How many features it takes."""
    match predictor:
        case Blend(_, booster):
            return columns_of(booster)
        case lgb.Booster():
            return int(predictor.num_feature())
        case Scorecard():
            return predictor.columns
        case _:
            assert_never(predictor)


def files_of(predictor: Predictor, spec: Spec, name: str) -> dict[str, str]:
    """Texts of the files that hold it, by their names; `predictor_of` reads them back."""
    match predictor:
        case Blend(linear, booster):
            linear_text = _json(linear.to_json(spec))
            return {f"{name}.linear.json": linear_text, **files_of(booster, spec, name)}
        case lgb.Booster():
            return {f"{name}.txt": str(predictor.model_to_string())}
        case Scorecard():
            return {f"{name}.json": _json(predictor.to_json(spec))}
        case _:
            assert_never(predictor)


def file_names(names: Collection[str], name: str) -> tuple[str, ...]:
    """Those of the files that a predictor of a horizon would be read from."""
    if f"{name}.json" in names:
        return (f"{name}.json",)
    linear = f"{name}.linear.json"
    return (linear, f"{name}.txt") if linear in names else (f"{name}.txt",)


def predictor_of(
    files: Mapping[str, str], spec: Spec, name: str, boosters: dict[str, lgb.Booster] | None = None
) -> Predictor:
    """Predictor that was written as some of the files.

    Parameters
    ----------
    files : mapping of file name to text
        Files of a bundle.
    spec : Spec
        Names the features.
    name : str
        The horizon: "hot" or "warm".
    boosters : dict of text to lightgbm.Booster, optional
        Boosters that were read before, by their texts: the same text is read once. The booster
        that is read now is added.

    Raises
    ------
    KeyError
        A file of it is not among them.
    ValueError, lightgbm.basic.LightGBMError
        A text is not what it must be.
    """
    texts = [files[file] for file in file_names(files, name)]
    if f"{name}.json" in files:
        return scorecard_from_json(parse_finite_json(texts[0]), spec)
    boosters = {} if boosters is None else boosters
    booster = boosters.get(texts[-1])
    if booster is None:
        require_sound_trees(texts[-1])  # LightGBM would trust it
        booster = boosters[texts[-1]] = lgb.Booster(model_str=texts[-1])
    if len(texts) == 1:
        return booster
    return Blend(linear_from_json(parse_finite_json(texts[0]), spec), booster)


def _json(data: JsonObject) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
