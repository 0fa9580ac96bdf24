"""Answers of the ledger beside the export that tells what became of their leads.

An answer is joined with its lead by the id, or by its keyed hash. What cannot be joined is counted
and said, never dropped in silence. Of leads that an export no longer holds, the ledger itself may
know what came: outcomes are settled there as soon as they are known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from features.arrays import NEVER, Bool, Float64, Int64
from features.spine import Spine, is_outcome_unknown, microseconds
from features.tables import Tables
from ledger.columns import AnswerColumns, Words, months_of
from ledger.record import Purpose
from ledger.store import storable_text
from training.dataset.persons import person_of_lead
from training.dataset.snapshots import labels
from training.monitoring.progress import Promises

HorizonName = Literal["hot", "warm"]
HORIZON_NAMES: tuple[HorizonName, ...] = ("hot", "warm")
PROMISING: tuple[Purpose, ...] = ("work", "batch")
"""Purposes of answers that are promises; a person who tries the model is promised nothing."""
Names = npt.NDArray[np.str_]
"""Names of groups, one a row; empty where nothing was said."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many answers say nothing of whether promises hold, and why.

    Parameters
    ----------
    not_in_export : int
        Answers about leads that the export does not hold, and whose outcome is not settled.
    outcome_unknown : int
        Answers about leads whose purchase the export does not tell.
    after_purchase : int
        Answers about leads that had bought by then.
    after_end : int
        Answers about an instant after the end of the data.
    """

    not_in_export: int
    outcome_unknown: int
    after_purchase: int
    after_end: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.not_in_export + self.outcome_unknown + self.after_purchase + self.after_end


@dataclass(frozen=True, slots=True)
class HorizonAnswers:
    """What was answered about one horizon, and what came of it.

    Parameters
    ----------
    answer_id : object array of shape (rows,)
        Ids in the ledger.
    lead : int64 array of shape (rows,)
        Row of the lead in the export; -1 where only the ledger knows what came.
    person : int64 array of shape (rows,)
        Whose answers are no independent evidence.
    as_of, days, converted_at : int64 arrays of shape (rows,)
        As in `training.monitoring.progress.Promises`.
    probability : float64 array of shape (rows,)
        What was promised.
    mature, bought : bool arrays of shape (rows,)
        Whether the horizon has ended, and whether the lead bought within it so far.
    settled : bool array of shape (rows,)
        Whether the ledger has noted what came.
    groups : mapping of str to str array of shape (rows,)
        For "model", "band", "month", "channel" and "owner": what each answer belongs to.
    left_out : LeftOut
        Answers that are not among the rows.
    """

    answer_id: Words
    lead: Int64
    person: Int64
    as_of: Int64
    days: Int64
    converted_at: Int64
    probability: Float64
    mature: Bool
    bought: Bool
    settled: Bool
    groups: Mapping[str, Names]
    left_out: LeftOut

    @property
    def latest_days(self) -> int:
        """Length of the horizon in the latest answer; 0 where there is none."""
        return int(self.days[np.argmax(self.as_of)]) if len(self.days) else 0

    @property
    def promises(self) -> Promises:
        """Those whose leads the export holds."""
        rows = self.lead >= 0
        return Promises(
            lead=self.lead[rows],
            person=self.person[rows],
            as_of=self.as_of[rows],
            probability=self.probability[rows],
            days=self.days[rows],
            converted_at=self.converted_at[rows],
        )


def join_answers(
    answers: AnswerColumns,
    tables: Tables,
    horizon: HorizonName,
    hash_lead: Callable[[str], str] | None = None,
) -> HorizonAnswers:
    """Answers about one horizon beside what became of their leads.

    Parameters
    ----------
    answers : AnswerColumns
        Of the ledger; tries are not promises, so they are better left out.
    tables : Tables
        A later export.
    horizon : {"hot", "warm"}
        The horizon.
    hash_lead : callable, optional
        Keyed hash that the ledger holds in place of ids (`ledger.hashing`).
    """
    promise = getattr(answers, horizon)
    answers = answers.among(promise.days > 0)
    promise = promise.among(promise.days > 0)
    lead = _rows_of(answers.lead, tables, hash_lead)
    joined = lead >= 0
    converted_at, mature, bought = (
        np.full(len(lead), NEVER),
        ~np.isnan(promise.happened),
        promise.happened == 1,
    )
    for days in np.unique(promise.days):
        rows = np.flatnonzero(joined & (promise.days == days))
        became = labels(tables, Spine(lead[rows], answers.as_of[rows]), int(days))
        mature[rows], bought[rows] = became.mature, became.converted
    converted_at[joined] = microseconds(tables.leads["converted_at"])[lead[joined]]
    unknown = joined & np.append(is_outcome_unknown(tables), False)[lead]
    after_purchase = joined & ~unknown & (converted_at < answers.as_of)
    at_end = labels(tables, Spine(np.where(joined, lead, 0), answers.as_of), 0).mature
    after_end = joined & ~unknown & ~after_purchase & ~at_end
    not_in_export = ~joined & ~mature
    rows = ~(unknown | after_purchase | after_end | not_in_export)
    persons = np.append(person_of_lead(tables), -1)[lead]
    strangers = np.unique(answers.lead.astype(np.str_), return_inverse=True)[1]
    answers = answers.among(rows)
    return HorizonAnswers(
        answer_id=answers.answer_id,
        lead=lead[rows],
        person=np.where(joined, persons, tables.leads.num_rows + strangers)[rows],
        as_of=answers.as_of,
        days=promise.days[rows],
        converted_at=converted_at[rows],
        probability=promise.probability[rows],
        mature=mature[rows],
        bought=bought[rows],
        settled=~np.isnan(promise.happened[rows]),
        groups={
            "model": _names(answers.model_version),
            "band": _names(answers.band),
            "month": _names(months_of(answers.as_of)),
            "channel": _names(answers.channel),
            "owner": _names(answers.owner),
        },
        left_out=LeftOut(
            not_in_export=int(not_in_export.sum()),
            outcome_unknown=int(unknown.sum()),
            after_purchase=int(after_purchase.sum()),
            after_end=int(after_end.sum()),
        ),
    )


def _rows_of(leads: Words, tables: Tables, hash_lead: Callable[[str], str] | None) -> Int64:
    """Row of each lead in the export, by its id or its hash; -1 where there is none."""
    row_of: dict[str, int] = {}
    for row, lead_id in enumerate(tables.leads["lead_id"].to_pylist()):
        row_of[storable_text(lead_id)] = row
        if hash_lead is not None:
            row_of[hash_lead(lead_id)] = row
    return np.array([row_of.get(lead, -1) for lead in leads], np.int64)


def _names(words: Words) -> Names:
    return np.array([word or "" for word in words], np.str_)
