"""The backtest: the same training at several origins, each judged by what came after it.

One test period says how good a model was in one stretch of time. A backtest trains the model as it
would have been trained on several days of the past, the origins. Each training uses only what was
known on its day: for its audit, vocabulary, boosters, calibrations and bands. Each model is judged
on the time up to the next origin; the last one on the time that is left. Mean, spread and trend of
every figure show what to expect of the next training. A feature depends on a lead's history up to
one instant only, so features are computed once for all origins. Which features a training has
follows from its own past.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.arrays import Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.language.spec import Spec
from features.progress import Progress, no_progress
from features.spine import Spine, iso, microseconds
from features.tables import Tables
from models.bands import HORIZONS
from training.audit.findings import audit
from training.audit.leaks import Finding
from training.audit.quarantine import quarantined_values, without_quarantined
from training.config import Config
from training.dataset.as_of_cut import cut_at
from training.dataset.frame import TrainingFrame, spec_of
from training.dataset.lead_order import by_creation
from training.dataset.matrices import matrices_of
from training.dataset.persons import person_of_lead
from training.dataset.snapshots import Labels, labels, snapshots
from training.dataset.split import (
    LEAST_LEARNED_LEADS,
    Split,
    converting_leads,
    first_look,
    judged_from,
    require_conversions,
    split_of,
)
from training.dataset.thinning import thinning_of
from training.evaluation.evaluation import Evaluation, evaluation
from training.fitting.bundle import fit_bundle

CANDIDATE_ORIGINS = 60
"""Number of evenly spaced instants among which the first origin is chosen."""


@dataclass(frozen=True, slots=True)
class FigureSeries:
    """One figure over the origins.

    Parameters
    ----------
    about : str
        What the figure describes: a horizon ("hot, 14 d") or a band ("called hot, 14 d").
    name : str
        Which figure it is, such as "AUC".
    values : tuple of float or None
        One value for each origin, earliest first; None where it could not be computed.
    mean, spread, trend : float or None
        Mean; standard deviation; change from the first to the last origin along the least-squares
        line. None with fewer than one, two or three values.
    """

    about: str
    name: str
    values: tuple[float | None, ...]
    mean: float | None
    spread: float | None
    trend: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """Trainings at several origins of the past, with their evaluations.

    Parameters
    ----------
    origins : tuple of int
        Microseconds, earliest first. Each training knew what came before its origin and is judged
        up to the next one.
    evaluations : tuple of Evaluation
        One for each origin.
    series : tuple of FigureSeries
        The same figures, each followed over the origins.
    """

    origins: tuple[int, ...]
    evaluations: tuple[Evaluation, ...]
    series: tuple[FigureSeries, ...]


@dataclass(frozen=True, slots=True)
class _Past:
    """What one origin is trained with: its splits, the findings of its audit, its features."""

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
        Number of trainings, 2 or more. The last origin is where the test period of `train` begins;
        the first is the earliest at which there is enough to learn from and, if anywhere, to
        calibrate by. They are evenly spaced.
    report_progress : callable, optional
        Called with each stage, the number of its steps that are done, and their total.

    Raises
    ------
    ValueError
        There is too little to learn from before the test period, or before any earlier origin.
    """
    tables = by_creation(tables)
    spine = _looks(tables, config)
    days = config.dataset.horizon_days
    labels_by_horizon = {name: labels(tables, spine, days[name]) for name in HORIZONS}
    origin_instants = _origins(tables, spine, labels_by_horizon, config, origins)
    pasts = []
    for i, origin in enumerate(origin_instants):
        next_origin = origin_instants[i + 1] if i + 1 < len(origin_instants) else None
        splits = {
            n: split_of(tables, spine, labels_by_horizon[n], config.dataset, origin, next_origin)
            for n in HORIZONS
        }
        pasts.append(_past(tables, config, origin, splits))
        report_progress("audits and vocabularies", i + 1, len(origin_instants))
    rows_done = 0

    def report_rows(rows: int) -> None:
        nonlocal rows_done
        rows_done += rows
        report_progress("features", rows_done, len(spine))

    matrices = matrices_of(tables, spine, [past.spec for past in pasts], report_rows)
    created_at = microseconds(tables.leads["created_at"])[spine.lead]
    age_days = (spine.as_of - created_at) / MICROSECONDS_PER_DAY
    person = person_of_lead(tables)[spine.lead]
    evaluations: list[Evaluation] = []
    for past, matrix in zip(pasts, matrices, strict=True):
        # As in a training: a value that the origin's audit quarantines does not count as news.
        examined = without_quarantined(tables, past.findings)
        thinning = thinning_of(examined, spine, config.snapshots.thin)
        frame = TrainingFrame(
            spine, past.spec, matrix, labels_by_horizon, thinning, person, past.splits, age_days
        )
        fitted = fit_bundle(frame, past.findings, config.fitting, no_progress)
        evaluations.append(evaluation(fitted, frame, config.fitting, no_progress))
        report_progress("origins", len(evaluations), len(origin_instants))
    return Backtest(origin_instants, tuple(evaluations), _series(evaluations))


def _looks(tables: Tables, config: Config) -> Spine:
    """Looks at all leads; values that the audit of the whole export quarantines trigger none."""
    if config.snapshots.triggers and config.audit.enabled:
        tables = without_quarantined(tables, audit(tables, config.dataset, config.audit))
    return snapshots(tables, config.snapshots)


def _origins(
    tables: Tables,
    spine: Spine,
    labels_by_horizon: Mapping[str, Labels],
    config: Config,
    count: int,
) -> tuple[int, ...]:
    if count < 2:
        raise ValueError(f"A backtest needs at least 2 origins, got {count}.")
    latest_origin = judged_from(config.dataset, spine, tables.data_end)
    person = person_of_lead(tables)[spine.lead]
    for split, outcomes in _splits(tables, spine, labels_by_horizon, config, latest_origin):
        require_conversions(split, outcomes, person)
        if not _learns(split, outcomes, person):
            raise ValueError(
                f"A backtest needs {LEAST_LEARNED_LEADS} leads that are known to have converted "
                f"within {outcomes.days} days by {iso(latest_origin)[:10]}, where the test period "
                "begins: with fewer, train says the base rate of all. Export a longer time."
            )
    candidates = np.linspace(first_look(spine), latest_origin, CANDIDATE_ORIGINS + 1).astype(
        np.int64
    )
    for condition in (_calibrates, _learns):
        for first_origin in candidates[1:-1].tolist():
            try:
                splits = _splits(tables, spine, labels_by_horizon, config, first_origin)
            except ValueError:
                continue
            if all(condition(split, outcomes, person) for split, outcomes in splits):
                return tuple(
                    np.linspace(first_origin, latest_origin, count).astype(np.int64).tolist()
                )
    raise ValueError(
        f"There is enough to learn from at {iso(latest_origin)[:10]}, where the test period "
        "begins, but at no earlier origin: there is nothing to compare it with. Export a longer "
        "time, or let the test period begin later ([split] test_from)."
    )


def _splits(
    tables: Tables,
    spine: Spine,
    labels_by_horizon: Mapping[str, Labels],
    config: Config,
    origin: int,
) -> list[tuple[Split, Labels]]:
    """Split and outcomes of each horizon, judged from an origin on."""
    return [
        (split_of(tables, spine, outcomes, config.dataset, origin), outcomes)
        for outcomes in labels_by_horizon.values()
    ]


def _learns(split: Split, outcomes: Labels, lead: Int64) -> bool:
    return converting_leads(outcomes, lead, split.refit) >= LEAST_LEARNED_LEADS


def _calibrates(split: Split, outcomes: Labels, lead: Int64) -> bool:
    """Whether there is also enough out of time to calibrate by, as a later training will have."""
    return (
        _learns(split, outcomes, lead)
        and converting_leads(outcomes, lead, split.calibrate) >= LEAST_LEARNED_LEADS
    )


def _past(tables: Tables, config: Config, origin: int, splits: Mapping[str, Split]) -> _Past:
    """What is trained with at an origin; only what was known before it is used."""
    tables_before = cut_at(tables, origin)
    findings = audit(tables_before, config.dataset, config.audit) if config.audit.enabled else ()
    spec = spec_of(without_quarantined(tables_before, findings), config.dataset, origin)
    return _Past(splits, findings, replace(spec, ignored=quarantined_values(findings)))


def _series(evaluations: Sequence[Evaluation]) -> tuple[FigureSeries, ...]:
    values_by_figure: dict[tuple[str, str], list[float | None]] = {}
    for origin_evaluation in evaluations:
        for subject, name, value in _figures(origin_evaluation):
            values_by_figure.setdefault((subject, name), []).append(value)
    return tuple(
        series_of(subject, name, values) for (subject, name), values in values_by_figure.items()
    )


def _figures(origin_evaluation: Evaluation) -> Iterator[tuple[str, str, float | None]]:
    """Figures of one evaluation: what each is about, its name, its value."""
    for name in HORIZONS:
        horizon = origin_evaluation.horizons[name]
        subject, test, error = f"{name}, {horizon.days} d", horizon.test, horizon.calibration_error
        yield subject, "converted", test.positives / test.rows if test.rows else None
        yield subject, "AUC", horizon.auc
        yield subject, "log loss", horizon.log_loss
        yield subject, "log loss of base rate", horizon.baselines["base rate"].log_loss
        yield subject, "calibration error", None if error is None else error.error
    for band, name in (("hot", "hot"), ("warm", "warm"), ("cold", "warm")):
        subject = f"called {band}, {origin_evaluation.horizons[name].days} d"
        outcome = origin_evaluation.bands[band].outcome(name)
        yield subject, "promised", outcome.promised
        yield subject, "happened", None if outcome.happened is None else outcome.happened.value


def series_of(subject: str, name: str, values: Sequence[float | None]) -> FigureSeries:
    """Series of values with its mean, spread and trend.

    Examples
    --------
    >>> series = series_of("hot, 14 d", "AUC", (0.70, None, 0.80, 0.85))
    >>> round(series.mean, 3), round(series.spread, 3), round(series.trend, 3)
    (0.783, 0.076, 0.15)
    """
    positions = np.array([i for i, value in enumerate(values) if value is not None])
    measured = np.array([value for value in values if value is not None])
    slope = np.polyfit(positions, measured, 1)[0] if len(measured) >= 3 else None
    return FigureSeries(
        subject,
        name,
        tuple(values),
        mean=float(measured.mean()) if len(measured) else None,
        spread=float(measured.std(ddof=1)) if len(measured) >= 2 else None,
        trend=None if slope is None else float(slope * (len(values) - 1)),
    )
