"""Truth and outcomes of made-up exports, side by side."""

from copy import copy

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.worlds.crm import DAY, ENDS_AT, MadeUpCrm

HORIZONS = {"hot_probability": 14, "warm_probability": 90}


def seconds(column: pa.ChunkedArray) -> np.ndarray:
    """Seconds since the epoch, 0 for null."""
    return column.cast(pa.int64()).fill_null(0).to_numpy() // 1_000_000


def lead_rows(crm: MadeUpCrm, name: str) -> np.ndarray:
    """Row of the lead that each row of a table is about."""
    return pc.index_in(getattr(crm, name)["lead_id"], value_set=crm.leads["lead_id"]).to_numpy()


def ends_of(crm: MadeUpCrm) -> np.ndarray:
    """When each lead was first converted or closed, in seconds; the export's end if neither."""
    ended = np.array([seconds(crm.leads[name]) for name in ("converted_at", "closed_at")])
    return np.where(ended == 0, ENDS_AT, ended).min(axis=0)


class Looks:
    """The truth with what came of it, for the looks whose horizon ended before the data did."""

    def __init__(self, crm: MadeUpCrm, band: str, truth: pa.Table | None = None) -> None:
        """Those of a CRM's own truth, or of another table of the same form."""
        table = crm.truth if truth is None else truth
        horizon = HORIZONS[band] * DAY
        as_of = seconds(table["as_of"])
        mature = as_of + horizon <= ENDS_AT
        self.as_of = as_of[mature]
        index = pc.index_in(table["lead_id"], value_set=crm.leads["lead_id"]).to_numpy()
        self.lead = index[mature]
        key = "person_key" if "person_key" in crm.leads.column_names else "lead_id"
        persons = crm.leads[key].combine_chunks().dictionary_encode().indices.to_numpy()
        self.person = persons[self.lead]
        self.truth = table[band].to_numpy()[mature]
        self.day = (self.as_of - seconds(crm.leads["created_at"])[self.lead]) // DAY
        converted = seconds(crm.leads["converted_at"])[self.lead]
        self.outcome = (converted > self.as_of) & (converted <= self.as_of + horizon)

    def part(self, rows: np.ndarray) -> "Looks":
        """Some of the looks."""
        part = copy(self)
        for name, column in vars(self).items():
            setattr(part, name, column[rows])
        return part

    def with_truth(self, truth: np.ndarray) -> "Looks":
        """The same looks beside other probabilities."""
        changed = copy(self)
        changed.truth = truth
        return changed

    def z_score(self, rows: np.ndarray) -> float:
        """Conversions beyond what the truth says, in standard errors; rows are of several leads."""
        p = self.truth[rows]
        return float((self.outcome[rows].sum() - p.sum()) / np.sqrt((p * (1 - p)).sum()))

    def clustered_z_score(self, rows: np.ndarray | slice = slice(None)) -> float:
        """The same for rows of which several may be of one lead or person."""
        miss = np.bincount(self.person[rows], self.outcome[rows] - self.truth[rows])
        return float(miss.sum() / np.sqrt((miss**2).sum()))

    def decile_z_scores(self, rows: np.ndarray) -> np.ndarray:
        """`clustered_z_score` in ten parts by truth, each with a tenth of expected conversions."""
        ordered = rows[np.argsort(self.truth[rows], kind="stable")]
        expected = np.cumsum(self.truth[ordered])
        cuts = np.searchsorted(expected, expected[-1] * np.arange(1, 10) / 10)
        return np.array([self.clustered_z_score(tenth) for tenth in np.split(ordered, cuts)])


def together(parts: list[Looks]) -> Looks:
    """Looks of several CRMs; their leads and persons are told apart."""
    joined = copy(parts[0])
    for name in vars(joined):
        columns = [getattr(part, name) for part in parts]
        if name in {"lead", "person"}:
            shifts = np.cumsum([0, *(int(column.max()) + 1 for column in columns)])[:-1]
            columns = [column + shift for column, shift in zip(columns, shifts, strict=True)]
        setattr(joined, name, np.concatenate(columns))
    return joined


def require_agreement(looks: Looks) -> None:
    """Fail where outcomes contradict the truth, in all, or in a tenth of expected conversions.

    Ten normal scores exceed 3.7 in one of 500 cases where the truth is true.
    """
    scores = looks.decile_z_scores(np.arange(len(looks.truth)))
    assert abs(looks.clustered_z_score()) < 3.5
    assert np.abs(scores).max() < 3.7, scores
    assert np.sqrt((scores**2).mean()) < 1.7, scores
