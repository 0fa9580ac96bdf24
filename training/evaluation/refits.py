"""What importance chance alone gives, and how far it swings when other leads had been learned from.

The model is learned anew from leads drawn with replacement. Beside the real signals stand shadows:
copies of some, shuffled among the rows, which have their values but nothing to say. Whatever
importance the shadows get on the test period is chance; a signal matters when it gets more than
nearly all of them do, in each of the refits.

References
----------
M. B. Kursa, W. R. Rudnicki, *Feature selection with the Boruta package*, Journal of Statistical
Software 36 (2010), doi:10.18637/jss.v036.i11: shadows.

Tests: tests/training/evaluation/test_evidence.py.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import log_loss

from features.arrays import Float64
from features.language.kinds import AttributeCategory, AttributeNumber, Feature, LatestValue
from features.language.spec import Spec
from features.progress import StepProgress, no_step_progress
from models.calibration import sigmoid
from models.predictors.predictor import Predictor, margin_of
from training.config import ModelSettings
from training.dataset.examples import Examples
from training.evaluation.importance import Importance, rises
from training.fitting.predictor import fit_predictor

REFITS = 3
SHADOWS = 12
MOST_FITTED = 8_000
MOST_TESTED = 4_000
CHANCE_QUANTILE = 0.95
"""Share of the shadows' importances that lie at or below what counts as chance."""


@dataclass(frozen=True, slots=True)
class Swing:
    """Rise in log loss, when a signal is shuffled, over the refits.

    Parameters
    ----------
    low, high : float
        Least and greatest rise of all refits.
    """

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Refits:
    """Importance over refits.

    Parameters
    ----------
    chance : float
        What 95 % of the shadows do not get beyond.
    swings : mapping of str to Swing
        By signal.
    """

    chance: float
    swings: Mapping[str, Swing]


@dataclass(frozen=True, slots=True)
class SignalImportance:
    """How much the hot probability relies on one signal, beside chance and other draws of leads.

    Parameters
    ----------
    signal : str
        In words; parts of it come from the CRM.
    log_loss_increase, spread, mean_points : float or None
        As in `training.evaluation.importance.Importance`.
    chance : float or None
        Rise that 95 % of signals without any meaning do not get beyond; None without refits.
    swing : Swing or None
        Least and greatest rise of the refits; None without refits.
    """

    signal: str
    log_loss_increase: float | None
    spread: float | None
    mean_points: float | None
    chance: float | None
    swing: Swing | None

    @property
    def matters(self) -> bool:
        """Whether shuffling it surely harms: by more than twice the spread, and beyond chance.

        Beyond chance it must be in every refit, where there were any.
        """
        increase = self.log_loss_increase or 0.0
        beyond = self.swing is None or self.chance is None or self.swing.low > max(0.0, self.chance)
        return increase > 0 and increase > 2 * (self.spread or 0.0) and beyond


def beside_chance(
    ranked: Sequence[Importance], repeated: Refits | None
) -> tuple[SignalImportance, ...]:
    """Importance of signals, each with what chance gives and how far it swings.

    Parameters
    ----------
    ranked : sequence of Importance
        Strongest first.
    repeated : Refits or None
        Of the same signals; None where there was nothing to refit on.
    """
    return tuple(
        SignalImportance(
            signal=importance.signal,
            log_loss_increase=importance.log_loss_increase,
            spread=importance.spread,
            mean_points=importance.mean_points,
            chance=None if repeated is None else repeated.chance,
            swing=None if repeated is None else repeated.swings[importance.signal],
        )
        for importance in ranked
    )


def refits(
    spec: Spec,
    fit: Examples,
    test: Examples,
    columns: Mapping[str, Sequence[int]],
    settings: ModelSettings,
    report_progress: StepProgress = no_step_progress,
) -> Refits | None:
    """Importance of each signal over refits; None where there is nothing to test on.

    Parameters
    ----------
    spec : Spec
        Features that the columns of the matrices hold.
    fit, test : Examples
        The looks that the model may learn from, and those of the test period.
    columns : mapping of str to sequence of int
        Columns of each signal, as `models.explain.columns_by_signal` gives them.
    settings : ModelSettings
        Its `kind` must not be "auto": every refit is to be of the same one.
    report_progress : callable, optional
        Called with the number of refits that are done and their total.
    """
    if len(test.matrix) == 0:
        return None
    random = np.random.default_rng(settings.seed)
    test = test.among(random.permutation(len(test.matrix))[:MOST_TESTED])
    rises_by_refit: list[dict[str, float]] = []
    for refit in range(REFITS):
        looks = _resampled_looks(fit, random)
        outcomes = looks.with_weight().converted
        if outcomes.all() or not outcomes.any():
            continue
        signal_indices = random.permutation(len(columns))[:SHADOWS]
        copied_columns = [
            list(columns[name]) for name in np.array(list(columns), dtype=object)[signal_indices]
        ]
        all_columns = {**columns, **_shadow_columns(copied_columns, len(spec.features))}
        shadowed, tested = (_with_shadows(one, copied_columns, random) for one in (looks, test))
        predictor = fit_predictor(
            _spec_with_shadows(spec, copied_columns),
            shadowed,
            settings,
        )
        rises_by_refit.append(_rises(predictor, tested, all_columns, settings.threads, random))
        report_progress(refit + 1, REFITS)
    if not rises_by_refit:
        return None
    chance = [
        rise for rises in rises_by_refit for name, rise in rises.items() if name not in columns
    ]
    swings = {
        name: Swing(
            min(rises[name] for rises in rises_by_refit),
            max(rises[name] for rises in rises_by_refit),
        )
        for name in columns
    }
    return Refits(float(np.quantile(chance, CHANCE_QUANTILE)), swings)


def _resampled_looks(looks: Examples, random: np.random.Generator) -> Examples:
    """Looks of leads that are drawn with replacement, until there are enough."""
    order = np.argsort(looks.lead, kind="stable")
    _, starts, counts = np.unique(looks.lead[order], return_index=True, return_counts=True)
    sampled_leads = random.integers(len(starts), size=len(starts))
    sampled_leads = sampled_leads[
        np.cumsum(counts[sampled_leads]) <= max(MOST_FITTED, counts[sampled_leads[0]])
    ]
    rows = [order[starts[one] : starts[one] + counts[one]] for one in sampled_leads.tolist()]
    return looks.among(np.concatenate(rows))


def _with_shadows(
    looks: Examples, copied_columns: Sequence[Sequence[int]], random: np.random.Generator
) -> Examples:
    """Looks with a shuffled copy of the columns of each of some signals."""
    shadows = [
        looks.matrix[random.permutation(len(looks.matrix))][:, group] for group in copied_columns
    ]
    return dataclasses.replace(looks, matrix=np.column_stack([looks.matrix, *shadows]))


def _shadow_columns(copied_columns: Sequence[Sequence[int]], first: int) -> dict[str, list[int]]:
    """Columns of each shadow, by a name that no signal has."""
    ends = first + np.cumsum([len(group) for group in copied_columns])
    return {
        f"shadow {index}\n": list(range(int(end) - len(group), int(end)))
        for index, (end, group) in enumerate(zip(ends, copied_columns, strict=True))
    }


def _spec_with_shadows(spec: Spec, copied_columns: Sequence[Sequence[int]]) -> Spec:
    """Spec of a matrix with shadows: each column of them is a number or a category of its own."""
    shadows: list[Feature] = []
    kinds = dict(spec.attribute_kinds)
    for column in (column for group in copied_columns for column in group):
        name = f"shadow {len(shadows)}\n"
        match spec.features[column]:
            case AttributeCategory(_, levels) | LatestValue(_, _, levels):
                shadows.append(AttributeCategory(name, levels))
                kinds[name] = "category"
            case _:
                shadows.append(AttributeNumber(name))
                kinds[name] = "number"
    return dataclasses.replace(spec, features=(*spec.features, *shadows), attribute_kinds=kinds)


def _rises(
    predictor: Predictor,
    test: Examples,
    columns: Mapping[str, Sequence[int]],
    threads: int,
    random: np.random.Generator,
) -> dict[str, float]:
    """Rise in log loss when each signal is shuffled."""

    def loss(matrix: Float64) -> float:
        probability = sigmoid(margin_of(predictor, matrix, threads))
        return float(log_loss(test.converted, probability, labels=[False, True]))

    rise_by_signal = rises(loss, test.matrix, columns, random, repeats=1)
    return {name: rise for name, (rise, _) in rise_by_signal.items()}
