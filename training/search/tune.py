"""The search for better settings of the boosters, in the time before the test.

Settings are compared on rolling origins (`training.search.rolling`) by their log loss, divided by
the base rate's so that both horizons count alike. The latest stretch takes no part in the search.
There the best settings are compared with the present ones on the same leads: the best of many
settings looks better than it is where it was chosen, and this comparison is free of that. The
defaults are meant to need no tuning, so "nothing worth changing" is a normal result.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna

from features.arrays import Bool, Float64
from features.progress import Progress, no_progress
from features.tables import Tables
from models.calibration import sigmoid
from models.predictors.predictor import margin_of
from training.config import AuditSettings, DatasetSettings, ModelSettings
from training.fitting.predictor import (
    USUAL_SHARE,
    Borrowed,
    fit_booster_alone,
    fit_predictor,
)
from training.search.rolling import Fold, RollingRows, rolling_rows
from training.sqlite import sqlite_url
from training.statistics.paired import LOG_LOSS, Difference, paired_difference

TRIALS_FILE = "tuning.sqlite"
"""File in the registry's folder that keeps all trials."""
TUNED = ("trees", "leaves", "learning_rate", "least_rows")
"""Settings of section ``[model]`` that are searched."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Result of a search.

    Parameters
    ----------
    trials : int
        Number of settings that were drawn, with those of earlier searches and those that were given
        up early.
    best_settings, present_settings : mapping of str to float or int
        The best settings and those of the configuration; the same if none were better.
    best_loss, present_loss : float
        Their mean log loss over the folds of the search, each divided by the base rate's.
    gains : mapping of str to Difference
        By horizon, the advantage in log loss of the best settings over the present ones, on looks
        that took no part in the search; empty if none were better.
    """

    trials: int
    best_settings: Mapping[str, float]
    present_settings: Mapping[str, float]
    best_loss: float
    present_loss: float
    gains: Mapping[str, Difference]

    @property
    def worth_changing(self) -> bool:
        """Whether one horizon surely gains and no horizon surely loses."""
        gains = self.gains.values()
        better = any(gain.surely_better for gain in gains)
        return better and not any(gain.surely_worse for gain in gains)

    def section(self) -> str:
        """Section ``[model]`` with the best settings, to be pasted into the configuration."""
        return "\n".join(["[model]", *(f"{name} = {self.best_settings[name]}" for name in TUNED)])


def tune_boosters(
    tables: Tables,
    dataset: DatasetSettings,
    audit: AuditSettings,
    model: ModelSettings,
    folder: Path,
    trials: int,
    must_stop: Callable[[], bool] = lambda: False,
    report_progress: Progress = no_progress,
) -> Tuning:
    """Search for better settings of the boosters.

    Trials are kept in `TRIALS_FILE`, under a name that follows from the data and from the settings
    that are not searched. A search that was stopped continues where it stood; if it was killed, the
    trial under way is lost.

    Parameters
    ----------
    tables : Tables
        The export.
    dataset : DatasetSettings
        Sections of the configuration that decide which rows a training has.
    audit : AuditSettings
        Settings of the leak audit; if it is enabled, what it quarantines is left out.
    model : ModelSettings
        The present settings.
    folder : pathlib.Path
        Folder that holds `TRIALS_FILE`; it is made if it does not exist.
    trials : int
        Number of settings to draw in all, with those of earlier searches.
    must_stop : callable, optional
        Called before each trial; the search ends when it returns true.
    report_progress : callable, optional
        Called with each stage, the number of its steps that are done, and their total.

    Raises
    ------
    ValueError
        There are too few conversions before the test to compare settings there, or the model is a
        points card.
    """
    if model.kind == "scorecard":
        raise ValueError(
            f"[model] kind is scorecard, and {', '.join(TUNED)} are settings of boosters: there is "
            'nothing to tune. Leave kind out, or set it to "blend" or "booster".'
        )
    rolling = rolling_rows(
        tables, dataset, audit, lambda done, of: report_progress("features", done, of)
    )
    study = _study(rolling, model, folder / TRIALS_FILE)
    losses = [_relative_loss(rolling, fold, model) for fold in rolling.search]
    present_settings = {name: getattr(model, name) for name in TUNED}
    best_settings, best_loss = present_settings, float(np.mean(losses))
    while (trials_drawn := len(study.get_trials(deepcopy=False))) < trials and not must_stop():
        # A new sampler for each trial: a search that was stopped draws what it would have drawn.
        study.sampler = _sampler(model.seed + trials_drawn)
        _try_settings(study, rolling, model)
        report_progress("settings tried", trials_drawn + 1, trials)
    for trial in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)):
        if trial.value is not None and trial.value < best_loss:
            best_settings, best_loss = _pasted_settings(trial.params), trial.value
    return Tuning(
        trials=len(study.get_trials(deepcopy=False)),
        best_settings=best_settings,
        present_settings=present_settings,
        best_loss=best_loss,
        present_loss=float(np.mean(losses)),
        gains=_gains(rolling, model, best_settings) if best_settings != present_settings else {},
    )


def _study(rolling: RollingRows, model: ModelSettings, store: Path) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    store.parent.mkdir(parents=True, exist_ok=True)
    return optuna.create_study(
        storage=sqlite_url(store),
        study_name=_fingerprint(rolling, model),
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0),
        load_if_exists=True,
    )


def _sampler(seed: int) -> optuna.samplers.TPESampler:
    # No constant liar: a trial that was killed half-way must not change those after it.
    return optuna.samplers.TPESampler(seed=seed, constant_liar=False)


def _fingerprint(rolling: RollingRows, model: ModelSettings) -> str:
    """Name of a search, from its looks, weights, features, origins and settings not searched."""
    digest = hashlib.sha256(rolling.spec.fingerprint.encode())
    fixed_settings = model.model_dump(exclude=set(TUNED))
    digest.update(repr(sorted(fixed_settings.items())).encode())
    digest.update(np.ascontiguousarray(rolling.matrix).tobytes())
    digest.update(repr(rolling.thinning.largest_block).encode() + rolling.thinning.quiet.tobytes())
    for fold in (*rolling.search, *rolling.confirm):
        labels = rolling.labels[fold.horizon]
        digest.update(repr((fold.horizon, labels.days)).encode())
        for rows in (fold.fit, fold.judge, fold.fit_eligible, labels.converted):
            digest.update(rows.tobytes())
    return digest.hexdigest()[:16]


def _pasted_settings(suggestion: Mapping[str, float]) -> dict[str, float]:
    """Settings rounded as `Tuning.section` prints them, so that what is printed was tried."""
    return {**suggestion, "learning_rate": round(suggestion["learning_rate"], 4)}


def _try_settings(study: optuna.Study, rolling: RollingRows, model: ModelSettings) -> None:
    """Draw settings and judge them on one fold after the other; give up early if they are poor."""
    trial = study.ask()
    suggestion = {
        "trees": trial.suggest_int("trees", 30, 1000, log=True),
        "leaves": trial.suggest_int("leaves", 2, 63, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.005, 0.3, log=True),
        "least_rows": trial.suggest_int("least_rows", 5, 500, log=True),
    }
    settings = model.model_copy(update=_pasted_settings(suggestion))
    losses: list[float] = []
    for step, fold in enumerate(rolling.search):
        losses.append(_relative_loss(rolling, fold, settings))
        trial.report(float(np.mean(losses)), step)
        if step + 1 < len(rolling.search) and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
    study.tell(trial, float(np.mean(losses)))


def _relative_loss(rolling: RollingRows, fold: Fold, settings: ModelSettings) -> float:
    """Log loss on a fold's judged rows, divided by that of the base rate of its fitted rows."""
    converted = rolling.labels[fold.horizon].converted
    base_rate = np.full(int(fold.judge.sum()), converted[fold.fit].mean())
    outcomes = converted[fold.judge]
    return _loss(outcomes, _probabilities(rolling, fold, settings)) / _loss(outcomes, base_rate)


def _loss(converted: Bool, probability: Float64) -> float:
    return LOG_LOSS.prepare(converted, probability)(np.ones(len(converted)))


def _probabilities(rolling: RollingRows, fold: Fold, settings: ModelSettings) -> Float64:
    """Probabilities of a fold's judged rows, by the model that `train` would fit before them."""
    borrowed = None
    if fold.horizon == "warm" and settings.kind in ("auto", "blend"):
        shorter = rolling.looks("hot", shorter_horizon_rows(rolling, fold))
        # Rolling fits are small, and would choose to borrow more than the fit at full size does.
        borrowed = Borrowed(fit_booster_alone(rolling.spec, shorter, settings), USUAL_SHARE)
    predictor = fit_predictor(
        rolling.spec, rolling.looks(fold.horizon, fold.fit), settings, borrowed=borrowed
    )
    return sigmoid(margin_of(predictor, rolling.matrix[fold.judge], settings.threads))


def shorter_horizon_rows(rolling: RollingRows, fold: Fold) -> Bool:
    """Rows whose hot outcome was known at a fold's origin: a warm booster learns from them too."""
    return fold.fit_eligible & rolling.labels["hot"].known_before(rolling.spine, fold.origin)


def _gains(
    rolling: RollingRows, model: ModelSettings, best_settings: Mapping[str, float]
) -> dict[str, Difference]:
    """Gain of the best settings over the present ones on the folds that confirm, by horizon."""
    best_model = model.model_copy(update=dict(best_settings))
    gains = {
        fold.horizon: paired_difference(
            LOG_LOSS,
            rolling.labels[fold.horizon].converted[fold.judge],
            rolling.person[fold.judge],
            _probabilities(rolling, fold, best_model),
            _probabilities(rolling, fold, model),
            model.seed,
        )
        for fold in rolling.confirm
    }
    return {name: gain for name, gain in gains.items() if gain is not None}
