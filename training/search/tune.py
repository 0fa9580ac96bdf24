"""Looking for better settings of the boosters, inside the fitting period alone.

Settings are compared on rolling origins (`training.search.rolling`) by their log loss, as a share
of the base rate's, so that both horizons weigh alike. The latest stretch takes no part in the
search: there the best settings meet the present ones on the same leads, so that what is told as
gained is not the luck of the best of many. The defaults are made to need no tuning, and "nothing
worth changing" is an answer.
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
from training.fitting.predictor import fit_predictor
from training.search.rolling import Fold, RollingRows, rolling_rows
from training.sqlite import sqlite_url
from training.statistics.paired import LOG_LOSS, Difference, paired_difference

TRIALS_FILE = "tuning.sqlite"
"""File in the registry's folder that keeps what was tried."""
TUNED = ("trees", "leaves", "learning_rate", "least_rows")
"""Settings of section ``[model]`` that are searched."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a search found.

    Parameters
    ----------
    trials : int
        Settings that were drawn, those of earlier searches and those given up early too.
    best, present : mapping of str to float or int
        The best settings and those of the configuration; the same where none were better.
    best_loss, present_loss : float
        Their log loss in the search, as a share of the base rate's.
    gains : mapping of str to Difference
        By horizon, what the best gains in log loss over the present ones at leads that took no part
        in the search.
    """

    trials: int
    best: Mapping[str, float]
    present: Mapping[str, float]
    best_loss: float
    present_loss: float
    gains: Mapping[str, Difference]

    @property
    def worth_changing(self) -> bool:
        """Whether the gain is more than chance for a horizon, and no loss is for another."""
        gains = self.gains.values()
        better = any(gain.surely_better for gain in gains)
        return better and not any(gain.surely_worse for gain in gains)

    def section(self) -> str:
        """Section ``[model]`` with the best settings, to be pasted into the configuration."""
        return "\n".join(["[model]", *(f"{name} = {self.best[name]}" for name in TUNED)])


def tune_boosters(
    tables: Tables,
    dataset: DatasetSettings,
    audit: AuditSettings,
    model: ModelSettings,
    folder: Path,
    trials: int,
    enough: Callable[[], bool] = lambda: False,
    report_progress: Progress = no_progress,
) -> Tuning:
    """Best settings of the boosters that a search finds.

    What was tried is kept in `TRIALS_FILE`, by the data and the settings it was tried on. A search
    that was stopped goes on where it stood; of a killed one, the trial under way is lost.

    Parameters
    ----------
    tables : Tables
        The export.
    dataset : DatasetSettings
        What the rows of a training are made by.
    audit : AuditSettings
        Whether what the leak audit quarantines is left out.
    model : ModelSettings
        The present settings.
    folder : pathlib.Path
        Folder that holds `TRIALS_FILE`; it is made where there is none.
    trials : int
        Settings to draw in all.
    enough : callable, optional
        Asked before each trial whether the search must end.
    report_progress : callable, optional
        Called with each stage, the number of its steps that are done, and their total.

    Raises
    ------
    ValueError
        The fitting period has too few conversions to compare settings inside of it, or the model
        is a points card.
    """
    if model.kind == "scorecard":
        raise ValueError(
            f"[model] kind is scorecard, and {', '.join(TUNED)} are settings of boosters: there is "
            'nothing to tune. Leave kind out, or set it to "blend" or "booster".'
        )
    ground = rolling_rows(
        tables, dataset, audit, lambda done, of: report_progress("features", done, of)
    )
    study = _study(ground, model, folder / TRIALS_FILE)
    losses = [_relative_loss(ground, fold, model) for fold in ground.search]
    present = {name: getattr(model, name) for name in TUNED}
    best, best_loss = present, float(np.mean(losses))
    while (drawn := len(study.get_trials(deepcopy=False))) < trials and not enough():
        # A sampler for each trial: stopped in between or not, it draws from the same seed.
        study.sampler = _sampler(model.seed + drawn)
        _try_one(study, ground, model)
        report_progress("settings tried", drawn + 1, trials)
    for trial in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)):
        if trial.value is not None and trial.value < best_loss:
            best, best_loss = _settings(trial.params), trial.value
    return Tuning(
        trials=len(study.get_trials(deepcopy=False)),
        best=best,
        present=present,
        best_loss=best_loss,
        present_loss=float(np.mean(losses)),
        gains=_gains(ground, model, best) if best != present else {},
    )


def _study(ground: RollingRows, model: ModelSettings, store: Path) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    store.parent.mkdir(parents=True, exist_ok=True)
    return optuna.create_study(
        storage=sqlite_url(store),
        study_name=_fingerprint(ground, model),
        direction="minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0),
        load_if_exists=True,
    )


def _sampler(seed: int) -> optuna.samplers.TPESampler:
    # No constant liar: a trial that was killed half-way must not change those after it.
    return optuna.samplers.TPESampler(seed=seed, constant_liar=False)


def _fingerprint(ground: RollingRows, model: ModelSettings) -> str:
    """Name of a search: the same looks, weights, features, origins and settings not searched."""
    digest = hashlib.sha256(ground.spec.fingerprint.encode())
    fixed = model.model_dump(exclude=set(TUNED))
    digest.update(repr(sorted(fixed.items())).encode())
    digest.update(np.ascontiguousarray(ground.matrix).tobytes())
    digest.update(repr(ground.thinning.largest_block).encode() + ground.thinning.quiet.tobytes())
    for fold in (*ground.search, *ground.confirm):
        found = ground.labels[fold.horizon]
        digest.update(repr((fold.horizon, found.days)).encode())
        for rows in (fold.fit, fold.judge, fold.fit_eligible, found.converted):
            digest.update(rows.tobytes())
    return digest.hexdigest()[:16]


def _settings(drawn: Mapping[str, float]) -> dict[str, float]:
    """Settings as they are pasted: what was tried is what the section will say."""
    return {**drawn, "learning_rate": round(drawn["learning_rate"], 4)}


def _try_one(study: optuna.Study, ground: RollingRows, present: ModelSettings) -> None:
    """Draw settings and judge them at one origin after the other, until it is hopeless."""
    trial = study.ask()
    drawn = {
        "trees": trial.suggest_int("trees", 30, 1000, log=True),
        "leaves": trial.suggest_int("leaves", 2, 63, log=True),
        "learning_rate": trial.suggest_float("learning_rate", 0.005, 0.3, log=True),
        "least_rows": trial.suggest_int("least_rows", 5, 500, log=True),
    }
    settings = present.model_copy(update=_settings(drawn))
    losses: list[float] = []
    for step, fold in enumerate(ground.search):
        losses.append(_relative_loss(ground, fold, settings))
        trial.report(float(np.mean(losses)), step)
        if step + 1 < len(ground.search) and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
    study.tell(trial, float(np.mean(losses)))


def _relative_loss(ground: RollingRows, fold: Fold, settings: ModelSettings) -> float:
    """Log loss on a fold's judged rows, as a share of what its fitted rows' base rate reaches."""
    converted = ground.labels[fold.horizon].converted
    base = np.full(int(fold.judge.sum()), converted[fold.fit].mean())
    judged = converted[fold.judge]
    return _loss(judged, _guesses(ground, fold, settings)) / _loss(judged, base)


def _loss(converted: Bool, probability: Float64) -> float:
    return LOG_LOSS.prepare(converted, probability)(np.ones(len(converted)))


def _guesses(ground: RollingRows, fold: Fold, settings: ModelSettings) -> Float64:
    """Probabilities of a fold's judged rows by what `train` would fit on its earlier ones."""
    soon = None
    if fold.horizon == "warm":
        soon = ground.looks("hot", shorter_horizon_rows(ground, fold))
    # What is searched is of boosters, so a points card is no answer, however few converted.
    kind = "blend" if settings.kind == "auto" else settings.kind
    predictor = fit_predictor(
        ground.spec,
        ground.looks(fold.horizon, fold.fit),
        settings.model_copy(update={"kind": kind}),
        shorter_horizon_rows=soon,
    )
    return sigmoid(margin_of(predictor, ground.matrix[fold.judge], settings.threads))


def shorter_horizon_rows(ground: RollingRows, fold: Fold) -> Bool:
    """Rows that a warm booster learns from at an origin: their hot outcome was known by then."""
    return fold.fit_eligible & ground.labels["hot"].known_before(ground.spine, fold.at)


def _gains(
    ground: RollingRows, present: ModelSettings, best: Mapping[str, float]
) -> dict[str, Difference]:
    """What the best settings gain over the present ones on the stretch that took no part."""
    better = present.model_copy(update=dict(best))
    gains = {
        fold.horizon: paired_difference(
            LOG_LOSS,
            ground.labels[fold.horizon].converted[fold.judge],
            ground.spine.lead[fold.judge],
            _guesses(ground, fold, better),
            _guesses(ground, fold, present),
            present.seed,
        )
        for fold in ground.confirm
    }
    return {name: gain for name, gain in gains.items() if gain is not None}
