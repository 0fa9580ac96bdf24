"""Many answers as columns, and the sums that are left of answers once they are erased.

Grading reads answers as arrays, one entry an answer. Where a person's answers or old ones must go,
`sums_of` adds them up first: how many there were, what they promised and what came of it, for each
model, horizon, band, month, owner and channel. Nothing in a sum names a lead.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Float64, Int64

Words = npt.NDArray[np.object_]
"""Texts, one a row; None where there is none."""


@dataclass(frozen=True, slots=True)
class HorizonColumns:
    """What answers said about one horizon, and what came of it.

    Parameters
    ----------
    days : int64 array of shape (answers,)
        Length of the horizon; 0 where nothing was said.
    probability, low, high : float64 arrays of shape (answers,)
        What was promised; NaN where nothing was said.
    happened : float64 array of shape (answers,)
        1 where the lead converted within the horizon, 0 where it did not, NaN while nobody knows.
    """

    days: Int64
    probability: Float64
    low: Float64
    high: Float64
    happened: Float64

    def among(self, rows: Bool | Int64) -> "HorizonColumns":
        """These columns for some of the answers."""
        return HorizonColumns(
            **{part.name: getattr(self, part.name)[rows] for part in fields(self)}
        )


@dataclass(frozen=True, slots=True)
class AnswerColumns:
    """Answers as columns, in the order in which they were added.

    Parameters
    ----------
    answer_id, lead, model_version, contract_version, band, previous_band : object arrays
        As in `ledger.record.Answered`, of shape (answers,).
    as_of, received_at : int64 arrays of shape (answers,)
        Microseconds since the epoch.
    hot, warm : HorizonColumns
        What was said about the two horizons.
    doubt : bool array of shape (answers,)
        Whether the answer said that there is not enough evidence.
    features : object array of bytes, shape (answers,)
        Fingerprints.
    purpose, owner, channel : object arrays of shape (answers,)
        As in `ledger.record.Answered`.
    """

    answer_id: Words
    lead: Words
    as_of: Int64
    received_at: Int64
    model_version: Words
    contract_version: Words
    hot: HorizonColumns
    warm: HorizonColumns
    band: Words
    previous_band: Words
    doubt: Bool
    features: Words
    purpose: Words
    owner: Words
    channel: Words

    def __len__(self) -> int:
        return len(self.answer_id)

    def among(self, rows: Bool | Int64) -> "AnswerColumns":
        """These columns for some of the answers.

        Parameters
        ----------
        rows : bool array of shape (answers,), or int64 array of positions
            Which of them.
        """
        columns: dict[str, Any] = {
            part.name: column.among(rows)
            if isinstance(column := getattr(self, part.name), HorizonColumns)
            else column[rows]
            for part in fields(self)
        }
        return AnswerColumns(**columns)


@dataclass(frozen=True, slots=True)
class SumColumns:
    """What is left of erased answers: a row for each cell of all that a grade tells apart.

    Parameters
    ----------
    model_version, horizon, band, month, owner, channel, purpose : object arrays of shape (cells,)
        The cell. The month is that of `as_of`, such as "2026-03"; the horizon is "hot" or "warm";
        owner and channel are empty texts where nothing said them.
    days : int64 array of shape (cells,)
        Length of the horizon.
    answers : int64 array of shape (cells,)
        How many answers there were.
    promised, variance : float64 arrays of shape (cells,)
        Sums of their probabilities ``p`` and of ``p * (1 - p)``.
    settled, happened : int64 arrays of shape (cells,)
        Of how many answers it was known what came, and how many of these leads converted in time.
    settled_promised, settled_variance : float64 arrays of shape (cells,)
        The two sums over answers of which it was known.
    residual_squares : float64 array of shape (cells,)
        Sum over leads of the square of the lead's sum of ``happened - p``: an interval by leads,
        not by answers, follows from it.
    """

    model_version: Words
    horizon: Words
    days: Int64
    band: Words
    month: Words
    owner: Words
    channel: Words
    purpose: Words
    answers: Int64
    promised: Float64
    variance: Float64
    settled: Int64
    settled_promised: Float64
    settled_variance: Float64
    happened: Int64
    residual_squares: Float64

    def __len__(self) -> int:
        return len(self.horizon)


CELL = ("model_version", "horizon", "days", "band", "month", "owner", "channel", "purpose")
"""Fields of a sum that say what it is about; the others add up."""


def months_of(instants: Int64) -> Words:
    """Months of instants in UTC, such as "2026-03".

    Parameters
    ----------
    instants : int64 array of shape (rows,)
        Microseconds since the epoch.

    Examples
    --------
    >>> months_of(np.array([0, -1])).tolist()
    ['1970-01', '1969-12']
    """
    return instants.astype("datetime64[us]").astype("datetime64[M]").astype(str).astype(object)


def sums_of(answers: AnswerColumns) -> SumColumns:
    """Sums of answers over the cells that a grade tells apart.

    Parameters
    ----------
    answers : AnswerColumns
        All answers that are to be added up; those of one lead together, so that the leads' own
        sums are whole.

    Returns
    -------
    SumColumns
        Sorted by cell.
    """
    parts = [_horizon_sums(answers, name, getattr(answers, name)) for name in ("hot", "warm")]
    columns: dict[str, Any] = {
        part.name: np.concatenate([getattr(sums, part.name) for sums in parts])
        for part in fields(SumColumns)
    }
    return SumColumns(**columns)


def _horizon_sums(answers: AnswerColumns, horizon: str, promises: HorizonColumns) -> SumColumns:
    rows = promises.days > 0
    answers, promises = answers.among(rows), promises.among(rows)
    cells = list(
        zip(
            answers.model_version,
            [horizon] * len(answers),
            promises.days.tolist(),
            answers.band,
            months_of(answers.as_of),
            *([text or "" for text in words] for words in (answers.owner, answers.channel)),
            answers.purpose,
            strict=True,
        )
    )
    distinct = sorted(set(cells))
    position = {cell: number for number, cell in enumerate(distinct)}
    cell = np.array([position[one] for one in cells], np.int64)
    settled = ~np.isnan(promises.happened)
    happened = np.where(settled, promises.happened, 0.0)
    variance = promises.probability * (1 - promises.probability)
    _, lead = np.unique(answers.lead.astype(str), return_inverse=True)

    def total(values: Float64 | Bool) -> Float64:
        return np.bincount(cell, values, len(distinct)).astype(np.float64)

    residual = np.where(settled, happened - promises.probability, 0.0)
    of_lead, by_lead = np.unique(np.stack([cell, lead]), axis=1, return_inverse=True)
    squares = np.bincount(by_lead, residual, of_lead.shape[1]) ** 2
    keys = np.empty((len(distinct), len(CELL)), object)
    for row, key in enumerate(distinct):
        keys[row] = key
    by_name: dict[str, Any] = dict(zip(CELL, keys.T, strict=True))
    return SumColumns(
        **by_name | {"days": by_name["days"].astype(np.int64)},
        answers=total(np.ones(len(cell))).astype(np.int64),
        promised=total(promises.probability),
        variance=total(variance),
        settled=total(settled).astype(np.int64),
        settled_promised=total(np.where(settled, promises.probability, 0.0)),
        settled_variance=total(np.where(settled, variance, 0.0)),
        happened=total(happened).astype(np.int64),
        residual_squares=np.bincount(of_lead[0], squares, len(distinct)).astype(np.float64),
    )
