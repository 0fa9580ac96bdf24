"""Whether what is promised is what happens: figures of calibration on the test period.

The Brier score falls into three parts: how far promises are from the rates they stand for, how much
they tell leads apart, and how uncertain the outcome is to begin with. The calibration error says
the first in points, and groups of leads of one score, age or attribute say where it lies. What a
group really converts at is not known, only what it did: an interval is contradicted when it does
not even touch the interval of what happened.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from features.arrays import Bool, Float64, Int64
from features.language.kinds import AttributeCategory
from features.language.spec import Spec
from models.bands import LEVELS
from models.bundle import Bundle
from models.horizon import Scores
from training.calibration.choice import Ties, ties
from training.statistics.figures import AGE_EDGES, JudgedRows, ObservedRate, observed_rate
from training.statistics.incidence import LEAST_LEADS

PROBABILITY_BINS = 10
MOST_SEGMENT_LEVELS = 12
"""Attributes of more levels make no segments: each would be too small to judge."""


@dataclass(frozen=True, slots=True)
class BrierParts:
    """Brier score = miscalibration − discrimination + uncertainty.

    Parameters
    ----------
    miscalibration : float
        What the best increasing curve through the outcomes would take off the score; 0 is best.
    discrimination : float
        What that curve gains over promising everybody the base rate.
    uncertainty : float
        Brier score of the base rate.

    References
    ----------
    T. Dimitriadis, T. Gneiting, A. I. Jordan, *Stable reliability diagrams for probabilistic
    classifiers*, PNAS 118 (2021), doi:10.1073/pnas.2016191118.
    """

    miscalibration: float
    discrimination: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Mean distance of promise and result over bins of about equally many rows.

    Parameters
    ----------
    error : float
        Mean over the rows, as a probability; chance alone makes it more than 0.
    low, high : float
        95 % of the bootstrap over leads. Resampling adds its own chance, so that both ends are
        rather too high than too low.
    """

    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Group:
    """Leads of one kind: what they were promised, between which bounds, and what happened.

    Parameters
    ----------
    by : str
        What the kind is of: "score", "age", "band", or the name of an attribute.
    level : str
        Which; for a score or an age the bounds.
    promised_low, promised_high : float
        Means of the ends of the leads' intervals.
    rate : ObservedRate
        What happened.
    contradicted : bool
        Whether the promised interval and the one of what happened have nothing in common.
    """

    by: str
    level: str
    promised_low: float
    promised_high: float
    rate: ObservedRate
    contradicted: bool


@dataclass(frozen=True, slots=True)
class IntervalCheck:
    """How often groups of leads contradict their promised interval.

    Parameters
    ----------
    groups : int
        Groups of at least `LEAST_LEADS` leads.
    contradicted : int
        Those of them that contradict it.
    not_enough_evidence : int
        Looks of the test period with too little evidence to act on.
    """

    groups: int
    contradicted: int
    not_enough_evidence: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """Whether the probabilities of one horizon and their intervals hold on the test period.

    Parameters
    ----------
    brier_parts : BrierParts or None
        None without rows.
    calibration_error : CalibrationError or None
        None without rows.
    ties : Ties or None
        None where the calibration keeps the order of all leads.
    groups : tuple of Group
        By score, by age, by band and by each attribute of few levels.
    intervals : IntervalCheck
        Summary of those groups.
    """

    brier_parts: BrierParts | None
    calibration_error: CalibrationError | None
    ties: Ties | None
    groups: tuple[Group, ...]
    intervals: IntervalCheck


def brier_parts(converted: Bool, probability: Float64) -> BrierParts | None:
    """Parts of the Brier score of probabilities against outcomes; None without rows."""
    if len(converted) == 0:
        return None
    outcome = converted.astype(float)
    isotonic = IsotonicRegression(y_min=0, y_max=1).fit_transform(probability, outcome)
    score, least, base = (
        float(np.mean((guess - outcome) ** 2)) for guess in (probability, isotonic, outcome.mean())
    )
    return BrierParts(score - least, base - least, base)


def calibration_error(
    rows: JudgedRows, probability: Float64, seed: int, replicates: int = 200
) -> CalibrationError | None:
    """Calibration error with its interval; None without rows.

    Parameters
    ----------
    rows : JudgedRows
        Outcomes of the test rows.
    probability : float64 array of shape (rows,)
        What was promised of the same rows.
    seed : int
        Seed of the bootstrap over leads.
    replicates : int
        Resamples that the interval is taken from, from 1 on.
    """
    if len(probability) == 0:
        return None
    bin_of_row = _bin_of_row(probability)
    miss = probability - rows.converted
    _, lead = np.unique(rows.lead, return_inverse=True)
    leads, bins = int(lead.max()) + 1, int(bin_of_row.max()) + 1

    def error(weight: Float64) -> float:
        distance = np.abs(np.bincount(bin_of_row, weight * miss, bins))
        return float(distance.sum() / weight.sum())

    random = np.random.default_rng(seed)
    share = np.full(leads, 1 / leads)
    error_replicates = [
        error(random.multinomial(leads, share)[lead].astype(np.float64)) for _ in range(replicates)
    ]
    low, high = np.quantile(error_replicates, [0.025, 0.975])
    return CalibrationError(error(np.ones(len(miss))), float(low), float(high))


def groups(
    spec: Spec, matrix: Float64, rows: JudgedRows, scores: Scores, horizon: str
) -> list[Group]:
    """Leads by score, age, band and each attribute of few levels; kinds without rows are left out.

    Parameters
    ----------
    spec : Spec
        Features that the columns of the matrix hold.
    matrix : float64 array of shape (rows, features)
        Features of the test rows.
    rows : JudgedRows
        Outcomes of the same rows.
    scores : Scores
        The model's scores of the same rows.
    horizon : {"hot", "warm"}
        Horizon whose probabilities are compared.
    """
    probability, low, high = (
        getattr(scores, f"{horizon}_{part}") for part in ("probability", "low", "high")
    )
    all_groups = []
    for by, names, level_of_row in _kinds(spec, matrix, rows, probability, scores.band):
        for index, name in enumerate(names):
            in_group = level_of_row == index
            happened = observed_rate(rows.among(in_group), probability[in_group])
            if happened is not None:
                ends = float(low[in_group].mean()), float(high[in_group].mean())
                all_groups.append(Group(by, name, *ends, happened, _apart(ends, happened)))
    return all_groups


def reliability_of(
    bundle: Bundle,
    name: str,
    matrix: Float64,
    rows: JudgedRows,
    scores: Scores,
    seed: int,
    threads: int,
) -> Reliability:
    """Whether probabilities and their intervals hold on the test period.

    Parameters
    ----------
    bundle : Bundle
        The model that is judged.
    name : {"hot", "warm"}
        The horizon.
    matrix : float64 array of shape (rows, features)
        The rows that are judged on.
    rows : JudgedRows
        Outcomes of the same rows.
    scores : Scores
        The model's scores of the same rows.
    seed : int
        Seed of the bootstrap over leads.
    threads : int
        Threads of the predictor.
    """
    horizon = bundle.horizon(name)
    probability = scores.probability(name)
    all_groups = groups(bundle.spec, matrix, rows, scores, name)
    large_groups = judged_by_interval(all_groups)
    return Reliability(
        brier_parts=brier_parts(rows.converted, probability),
        calibration_error=calibration_error(rows, probability, seed),
        ties=ties(horizon.calibration, horizon.margin(matrix, threads), rows.converted),
        groups=tuple(all_groups),
        intervals=IntervalCheck(
            groups=len(large_groups),
            contradicted=sum(group.contradicted for group in large_groups),
            not_enough_evidence=int(scores.not_enough_evidence.sum()),
        ),
    )


def judged_by_interval(all_groups: list[Group]) -> list[Group]:
    """Groups that have leads enough to be judged by their interval."""
    return [group for group in all_groups if group.rate.leads >= LEAST_LEADS]


def _apart(promised: tuple[float, float], happened: ObservedRate) -> bool:
    """Whether a promised interval and that of what happened have nothing in common."""
    low, high = promised
    return high < happened.low or happened.high < low


def _kinds(
    spec: Spec,
    matrix: Float64,
    rows: JudgedRows,
    probability: Float64,
    band: npt.NDArray[np.str_],
) -> Iterator[tuple[str, list[str], Int64]]:
    """What each kind is of, its names, and the place of each row among them."""
    if len(probability) == 0:
        return
    bin_of_row = _bin_of_row(probability)
    ends = [probability[bin_of_row == index] for index in range(int(bin_of_row.max()) + 1)]
    yield "score", [f"{p.min():.4f}–{p.max():.4f}" for p in ends], bin_of_row
    edges = [f"{edge:g}" for edge in AGE_EDGES]
    spans = [f"{a}–{b} days" for a, b in zip(edges, [*edges[1:], "…"], strict=True)]
    yield "age", spans, np.searchsorted(AGE_EDGES, rows.age_days, side="right") - 1
    bands = [level.value for level in LEVELS]
    yield "band", bands, np.array([bands.index(name) for name in band.tolist()], np.int64)
    yield from segments(spec, matrix)


def segments(spec: Spec, matrix: Float64) -> Iterator[tuple[str, list[str], Int64]]:
    """Attributes of few levels: the attribute, its levels, and the place of each row among them."""
    for column, feature in enumerate(spec.features):
        if isinstance(feature, AttributeCategory) and len(feature.levels) <= MOST_SEGMENT_LEVELS:
            names = [*feature.levels, "other", "missing"]
            level = np.where(np.isnan(matrix[:, column]), len(names) - 1, matrix[:, column])
            yield feature.attribute, names, level.astype(np.int64)


def _bin_of_row(probability: Float64) -> Int64:
    """Bin of each row, of about equally many; equal probabilities are never torn apart."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, PROBABILITY_BINS + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, probability, side="right"), return_inverse=True)[1]
