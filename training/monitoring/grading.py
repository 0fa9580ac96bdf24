"""What came of answers whose horizon has ended: promised beside happened, group by group.

Every answer counts, as it was served. But answers about one lead foresee the same purchase, and
leads of one person hang together, so intervals count persons; and since months differ beyond luck,
every interval of a rate is also as wide as these answers' own months differ. Of answers that were
erased the ledger keeps sums, which count in every rate and not in figures of the ranking.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from scipy.optimize import brentq
from scipy.special import logit

from features.arrays import Bool, Float64, Int64
from features.tables import Tables
from ledger.columns import SumColumns
from ledger.store import Ledger
from models.calibration import sigmoid
from training.monitoring.answers import (
    HORIZON_NAMES,
    PROMISING,
    HorizonAnswers,
    HorizonName,
    LeftOut,
    Names,
    join_answers,
)
from training.statistics.between_months import with_months
from training.statistics.figures import JudgedRows, figures
from training.statistics.intervals import wilson_interval
from training.statistics.levels import (
    MonthLevels,
    between_month_variance,
    month_levels,
    prior_variance,
)
from training.statistics.paired import AUC, LOG_LOSS, Difference, Metric, paired_difference
from training.statistics.rate_bounds import effective_trials
from training.statistics.rates import LEAST_POSITIVES, Outcome, RateEstimate

GRADED_KINDS = ("model", "band", "month", "channel", "owner")
"""Kinds of groups that are graded apart, in the order in which they are told."""
RELIABILITY_BINS = 10
_CONFIDENCE = 0.975
_SEED = 7
_LEAST = 1e-9
_FARTHEST = 40.0


@dataclass(frozen=True, slots=True)
class Grade:
    """What came of some answers.

    Parameters
    ----------
    kind, group : str
        Which answers, such as "band" and "hot"; "all" and an empty group for all of them.
    answers, persons : int
        Number of answers that were given, and of persons whom they are about. Of erased answers
        nobody knows the persons.
    mature : int
        Answers whose horizon has ended; only these are graded.
    outcome : Outcome
        Promised and happened.
    auc, log_loss : float or None
        How well the answers ranked, and their distance from what happened; None where too few
        bought.
    reach : float or None
        Share of all buyers' answers that are in this group; None where nobody bought.
    """

    kind: str
    group: str
    answers: int
    persons: int
    mature: int
    outcome: Outcome
    auc: float | None
    log_loss: float | None
    reach: float | None


@dataclass(frozen=True, slots=True)
class Grades:
    """What came of all answers about one horizon.

    Parameters
    ----------
    horizon : {"hot", "warm"}
        The horizon.
    days : int
        Its length in the latest answer; 0 where there is none.
    overall : Grade
        Of all answers.
    auc : RateEstimate or None
        AUC of all answers with its 95 % interval; None where too few bought.
    gain : Difference or None
        By how much the log loss of all answers is below that of promising everybody the rate that
        happened.
    groups : tuple of Grade
        Of each group, kind by kind.
    reliability : tuple of Outcome
        Promised and happened in tenths of the answers, the lowest probability first.
    month_deviation : float
        Standard deviation between the levels of months, in log-odds.
    left_out : LeftOut
        Answers that could not be graded.
    """

    horizon: HorizonName
    days: int
    overall: Grade
    auc: RateEstimate | None
    gain: Difference | None
    groups: tuple[Grade, ...]
    reliability: tuple[Outcome, ...]
    month_deviation: float
    left_out: LeftOut


def grade(answers: HorizonAnswers, horizon: HorizonName, sums: SumColumns) -> Grades:
    """Grades of a horizon's answers.

    Parameters
    ----------
    answers : HorizonAnswers
        Of this horizon.
    horizon : {"hot", "warm"}
        The horizon.
    sums : SumColumns
        What the ledger keeps of erased answers; those of other horizons and of tries are passed
        over.
    """
    sums = _among(sums, (sums.horizon == horizon) & (sums.purpose != "try"))
    mature = answers.mature
    rows = JudgedRows(
        converted=answers.bought[mature],
        lead=answers.person[mature],
        age_days=np.zeros(int(mature.sum())),
    )
    probability, as_of = answers.probability[mature], answers.as_of[mature]
    month_variance = _month_variance(rows, probability, as_of, sums)
    buyers = int(rows.converted.sum() + sums.happened.sum())
    graded = _Graded(answers, sums, month_variance, buyers)
    groups = tuple(
        graded.grade_of(kind, group, answers.groups[kind] == group, _groups(sums, kind) == group)
        for kind in GRADED_KINDS
        for group in sorted({*answers.groups[kind].tolist(), *_groups(sums, kind).tolist()})
    )
    ranking = _beside_constant(AUC, rows, probability, as_of)
    return Grades(
        horizon=horizon,
        days=answers.latest_days,
        overall=graded.grade_of("all", "", np.full(len(mature), True), np.full(len(sums), True)),
        auc=None if ranking is None else _auc_estimate(ranking),
        gain=_beside_constant(LOG_LOSS, rows, probability, as_of),
        groups=groups,
        reliability=graded.reliability(),
        month_deviation=float(np.sqrt(month_variance)),
        left_out=answers.left_out,
    )


def grade_ledger(
    ledger: Ledger, tables: Tables, hash_lead: Callable[[str], str] | None = None
) -> tuple[Grades, ...]:
    """Grades of both horizons; what is known of an answer is noted in the ledger.

    Parameters
    ----------
    ledger : Ledger
        An open ledger.
    tables : Tables
        A later export.
    hash_lead : callable, optional
        Keyed hash that the ledger holds in place of ids (`ledger.hashing`).
    """
    answers, grades = ledger.read(purposes=PROMISING), []
    for horizon in HORIZON_NAMES:
        joined = join_answers(answers, tables, horizon, hash_lead)
        grades.append(grade(joined, horizon, ledger.sums()))
        fresh = joined.mature & ~joined.settled
        ledger.settle(joined.answer_id[fresh].tolist(), horizon, joined.bought[fresh])
    return tuple(grades)


@dataclass(frozen=True, slots=True)
class _Graded:
    """Answers and sums of a horizon, and what the grade of every group needs beside its own."""

    answers: HorizonAnswers
    sums: SumColumns
    month_variance: float
    buyers: int

    def grade_of(self, kind: str, group: str, members: Bool, erased: Bool) -> Grade:
        """Grade of those answers, and of those sums."""
        mature = members & self.answers.mature
        outcome = self._outcome(mature, _among(self.sums, erased))
        ranking = figures(self.answers.bought[mature], self.answers.probability[mature])
        return Grade(
            kind=kind,
            group=group,
            answers=int(members.sum() + self.sums.answers[erased].sum()),
            persons=len(np.unique(self.answers.person[members])),
            mature=outcome.rows,
            outcome=outcome,
            auc=ranking.auc,
            log_loss=ranking.log_loss,
            reach=outcome.positives / self.buyers if self.buyers else None,
        )

    def reliability(self) -> tuple[Outcome, ...]:
        """Outcomes of tenths by probability; answers of equal probability stay together."""
        mature, probability = self.answers.mature, self.answers.probability
        if not mature.any():
            return ()
        shares = np.arange(1, RELIABILITY_BINS) / RELIABILITY_BINS
        edges = np.unique(np.quantile(probability[mature], shares))
        tenth = np.searchsorted(edges, probability, side="right")
        no_sums = _among(self.sums, np.full(len(self.sums), False))
        outcomes = (
            self._outcome(mature & (tenth == number), no_sums) for number in range(len(edges) + 1)
        )
        return tuple(outcome for outcome in outcomes if outcome.rows)

    def _outcome(self, mature: Bool, sums: SumColumns) -> Outcome:
        """Promised and happened, with an interval that counts persons and covers months."""
        answers = self.answers
        rows = int(mature.sum() + sums.settled.sum())
        if rows == 0:
            return Outcome(0, 0, None, None)
        bought = int(answers.bought[mature].sum() + sums.happened.sum())
        promised = float(answers.probability[mature].sum() + sums.settled_promised.sum()) / rows
        trials = effective_trials(answers.bought[mature], answers.person[mature], _CONFIDENCE)
        trials += _erased_trials(sums)
        months = np.concatenate([answers.groups["month"][mature], sums.month.astype(np.str_)])
        weight = np.concatenate([np.ones(int(mature.sum())), sums.settled])
        share = np.bincount(np.unique(months, return_inverse=True)[1], weight) / rows
        of_months = promised * (1 - promised) * self.month_variance * float((share**2).sum())
        low, high = wilson_interval(bought / rows, 1 / (1 / trials + of_months))
        return Outcome(rows, bought, promised, RateEstimate(bought / rows, low, high))


def _erased_trials(sums: SumColumns) -> float:
    """Independent trials that erased answers are worth: those of one lead hang together."""
    settled, luck = float(sums.settled.sum()), float(sums.settled_variance.sum())
    if luck <= 0:
        return settled
    return settled / max(1.0, float(sums.residual_squares.sum()) / luck)


def _month_variance(
    rows: JudgedRows, probability: Float64, as_of: Int64, sums: SumColumns
) -> float:
    """Variance of the months' levels about their common one, in log-odds.

    What all months share is what is judged: it must not make the intervals wider. Erased parts of
    months are counted.
    """
    log_odds = logit(np.clip(probability, _LEAST, 1 - _LEAST))
    common = _common_level(log_odds, rows.converted)
    log_odds = log_odds + common
    live = month_levels(log_odds, np.zeros(len(log_odds)), rows.converted, rows.lead, as_of)
    month = np.unique(sums.month.astype(np.str_), return_inverse=True)[1]
    information = np.bincount(month, sums.settled_variance)
    expected = sums.settled_promised + common * sums.settled_variance
    residual = np.bincount(month, sums.happened - expected)
    together = max(1.0, float(sums.settled.sum()) / max(_erased_trials(sums), _LEAST))
    levels = MonthLevels(
        information=live.information + tuple(information.tolist()),
        residual=live.residual + tuple(residual.tolist()),
        curve_variance=live.curve_variance + (0.0,) * len(information),
        design_effect=max(live.design_effect, together),
    )
    buyers = len(np.unique(rows.lead[rows.converted])) + int(sums.happened.sum() / together)
    return between_month_variance(levels, prior_variance(buyers))


def _common_level(log_odds: Float64, converted: Bool) -> float:
    """How much all log-odds must be moved for as many to be promised as converted."""
    if converted.all() or not converted.any():
        return 0.0
    bought = int(converted.sum())
    return float(
        brentq(lambda level: sigmoid(log_odds + level).sum() - bought, -_FARTHEST, _FARTHEST)
    )


def _beside_constant(
    metric: Metric, rows: JudgedRows, probability: Float64, as_of: Int64
) -> Difference | None:
    """Advantage over promising everybody the rate that happened; None where too few bought."""
    positives = int(rows.converted.sum())
    if min(positives, len(rows.converted) - positives) < LEAST_POSITIVES:
        return None
    constant = np.full(len(probability), positives / len(probability))
    difference = paired_difference(
        metric, rows.converted, rows.lead, probability, constant, seed=_SEED
    )
    if difference is None:
        return None
    return with_months(difference, metric, rows.converted, rows.lead, probability, constant, as_of)


def _auc_estimate(ranking: Difference) -> RateEstimate:
    """AUC of an advantage over a constant, whose AUC is a half."""
    value = ranking.advantage + 0.5
    low, high = (min(max(0.5 + end, 0.0), 1.0) for end in (ranking.low, ranking.high))
    return RateEstimate(value, min(low, value), max(high, value))


def _groups(sums: SumColumns, kind: str) -> Names:
    """Group of each sum."""
    column = sums.model_version if kind == "model" else getattr(sums, kind)
    return np.asarray(column.astype(np.str_))


def _among(sums: SumColumns, rows: Bool) -> SumColumns:
    return SumColumns(**{part.name: getattr(sums, part.name)[rows] for part in fields(sums)})
