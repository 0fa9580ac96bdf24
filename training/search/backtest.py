"""The backtest: the same training at several origins, each judged by what came after it.

One test period says how good a model was in one stretch of time. Here the model is trained as it
would have been on several days of the past, from nothing but what was known on that day: its audit,
its vocabulary, its boosters, calibrations and bands. Each is judged on the time up to the next
origin, the last one on the time that is left. Mean, spread and trend of every figure say what to
expect of the next one. Features are functions of a lead's history as of one instant, so they are
computed once for all origins; which of them an origin has follows from its own past alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.engine.history import MICROSECONDS_PER_DAY
from features.language.spec import Spec
from features.progress import Progress, no_progress
from features.spine import Spine, iso, microseconds
from features.tables import Tables
from models.bundle import HORIZONS
from training.audit.findings import audit
from training.audit.leaks import Finding
from training.audit.quarantine import quarantined_values, without_quarantined
from training.config import Config
from training.dataset.as_of_cut import cut_at
from training.dataset.frame import TrainingFrame, spec_of
from training.dataset.matrices import matrices_of
from training.dataset.snapshots import Labels, labels, snapshots
from training.dataset.split import Split, judged_from, require_conversions, split_of
from training.dataset.thinning import thinning_of
from training.evaluation.evaluation import Evaluation, evaluation
from training.fitting.bundle import fit_bundle

CANDIDATES = 60
"""The first origin is looked for among so many evenly spaced instants."""


@dataclass(frozen=True, slots=True)
class FigureSeries:
    """One figure over the origins.

    Parameters
    ----------
    about, name : str
        In words: whose figure it is, and which.
    values : tuple of float or None
        In the order of the origins; None where it cannot be told.
    mean, spread, trend : float or None
        Mean; standard deviation; change from the first to the last origin along the line of least
        squares. None with fewer than one, two or three values.
    """

    about: str
    name: str
    values: tuple[float | None, ...]
    mean: float | None
    spread: float | None
    trend: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """What several trainings of the past were worth.

    Parameters
    ----------
    origins : tuple of int
        Microseconds; each training knew what came before and is judged up to the next.
    evaluations : tuple of Evaluation
        Of each training.
    series : tuple of FigureSeries
    """

    origins: tuple[int, ...]
    evaluations: tuple[Evaluation, ...]
    series: tuple[FigureSeries, ...]


@dataclass(frozen=True, slots=True)
class _Past:
    """What one origin learns by: its splits, what its audit found, and its features."""

    splits: Mapping[str, Split]
    findings: tuple[Finding, ...]
    spec: Spec


def backtest(
    tables: Tables, config: Config, origins: int, report_progress: Progress = no_progress
) -> Backtest:
    """Trainings at several origins, each judged by what came after it.

    Parameters
    ----------
    tables : Tables
        The export.
    config : Config
        The whole configuration.
    origins : int
        How many, 2 or more. The last one is where the test period of a training begins, the first
        one is the earliest at which there is enough to learn from; they are evenly spaced.
    report_progress : callable, optional
        Called with each stage, the number of its steps that are done, and their total.

    Raises
    ------
    ValueError
        There is too little to learn from before the test period, or before any earlier origin.
    """
    spine = _looks(tables, config)
    days = config.dataset.horizon_days
    found = {name: labels(tables, spine, days[name]) for name in HORIZONS}
    instants = _origins(tables, spine, found, config, origins)
    pasts = []
    for i, at in enumerate(instants):
        until = instants[i + 1] if i + 1 < len(instants) else None
        splits = {n: split_of(tables, spine, found[n], config.dataset, at, until) for n in HORIZONS}
        pasts.append(_past(tables, config, at, splits))
        report_progress("audits and vocabularies", i + 1, len(instants))
    done = 0

    def report_rows(rows: int) -> None:
        nonlocal done
        done += rows
        report_progress("features", done, len(spine))

    matrices = matrices_of(tables, spine, [past.spec for past in pasts], report_rows)
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    age_days = (spine.as_of - created_at) / MICROSECONDS_PER_DAY
    evaluations: list[Evaluation] = []
    for past, matrix in zip(pasts, matrices, strict=True):
        # As a training has it: what the origin's audit quarantines is no news of a lead.
        examined = without_quarantined(tables, past.findings)
        thinning = thinning_of(examined, spine, config.snapshots.thin)
        frame = TrainingFrame(spine, past.spec, matrix, found, thinning, past.splits, age_days)
        fitted = fit_bundle(frame, past.findings, config.fitting, no_progress)
        evaluations.append(evaluation(fitted, frame, config.fitting, no_progress))
        report_progress("origins", len(evaluations), len(instants))
    return Backtest(instants, tuple(evaluations), _series(evaluations))


def _looks(tables: Tables, config: Config) -> Spine:
    """Looks at all leads; nothing that any audit quarantines triggers one."""
    if config.snapshots.triggers and config.audit.enabled:
        tables = without_quarantined(tables, audit(tables, config.dataset, config.audit))
    return snapshots(tables, config.snapshots)


def _origins(
    tables: Tables, spine: Spine, found: Mapping[str, Labels], config: Config, count: int
) -> tuple[int, ...]:
    if count < 2:
        raise ValueError(f"A backtest needs at least 2 origins, got {count}.")
    last = judged_from(config.dataset, spine, tables.data_end)
    _require_enough(tables, spine, found, config, last)
    candidates = np.linspace(int(spine.as_of.min()), last, CANDIDATES + 1).astype(np.int64)
    for first in candidates[1:-1].tolist():
        try:
            _require_enough(tables, spine, found, config, first)
        except ValueError:
            continue
        return tuple(np.linspace(first, last, count).astype(np.int64).tolist())
    raise ValueError(
        f"There is enough to learn from at {iso(last)[:10]}, where the test period begins, but at "
        "no earlier origin: there is nothing to compare it with. Export a longer time, or let the "
        "test period begin later ([split] test_from)."
    )


def _require_enough(
    tables: Tables, spine: Spine, found: Mapping[str, Labels], config: Config, at: int
) -> None:
    for name in HORIZONS:
        split = split_of(tables, spine, found[name], config.dataset, at)
        require_conversions(split, found[name], spine.lead)


def _past(tables: Tables, config: Config, at: int, splits: Mapping[str, Split]) -> _Past:
    """What an origin knows: nothing that was known at it or later is looked at."""
    before = cut_at(tables, at)
    findings = audit(before, config.dataset, config.audit) if config.audit.enabled else ()
    until = min(split.calibrate_from for split in splits.values())
    spec = spec_of(without_quarantined(before, findings), config.dataset, until)
    return _Past(splits, findings, replace(spec, ignored=quarantined_values(findings)))


def _series(evaluations: Sequence[Evaluation]) -> tuple[FigureSeries, ...]:
    found: dict[tuple[str, str], list[float | None]] = {}
    for judged in evaluations:
        for about, name, value in _figures(judged):
            found.setdefault((about, name), []).append(value)
    return tuple(series_of(about, name, values) for (about, name), values in found.items())


def _figures(judged: Evaluation) -> Iterator[tuple[str, str, float | None]]:
    """Figures of one evaluation: what each is about, its name, its value."""
    for name in HORIZONS:
        horizon = judged.horizons[name]
        about, test, error = f"{name}, {horizon.days} d", horizon.test, horizon.calibration_error
        yield about, "converted", test.positives / test.rows if test.rows else None
        yield about, "AUC", horizon.auc
        yield about, "log loss", horizon.log_loss
        yield about, "log loss of base rate", horizon.baselines["base rate"].log_loss
        yield about, "calibration error", None if error is None else error.error
    for band, name in (("hot", "hot"), ("warm", "warm"), ("cold", "warm")):
        about = f"called {band}, {judged.horizons[name].days} d"
        outcome = judged.bands[band].outcome(name)
        yield about, "promised", outcome.promised
        yield about, "happened", None if outcome.happened is None else outcome.happened.value


def series_of(about: str, name: str, values: Sequence[float | None]) -> FigureSeries:
    """Series of values with its mean, spread and trend.

    Examples
    --------
    >>> found = series_of("hot, 14 d", "AUC", (0.70, None, 0.80, 0.85))
    >>> round(found.mean, 3), round(found.spread, 3), round(found.trend, 3)
    (0.783, 0.076, 0.15)
    """
    place = np.array([i for i, value in enumerate(values) if value is not None])
    there = np.array([value for value in values if value is not None])
    slope = np.polyfit(place, there, 1)[0] if len(there) >= 3 else None
    return FigureSeries(
        about,
        name,
        tuple(values),
        mean=float(there.mean()) if len(there) else None,
        spread=float(there.std(ddof=1)) if len(there) >= 2 else None,
        trend=None if slope is None else float(slope * (len(values) - 1)),
    )
