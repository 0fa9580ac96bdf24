"""Truth and outcomes of made-up exports, side by side."""

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

    def __init__(self, crm: MadeUpCrm, band: str) -> None:
        horizon = HORIZONS[band] * DAY
        as_of = seconds(crm.truth["as_of"])
        mature = as_of + horizon <= ENDS_AT
        self.as_of = as_of[mature]
        self.lead = lead_rows(crm, "truth")[mature]
        self.truth = crm.truth[band].to_numpy()[mature]
        self.day = (self.as_of - seconds(crm.leads["created_at"])[self.lead]) // DAY
        converted = seconds(crm.leads["converted_at"])[self.lead]
        self.outcome = (converted > self.as_of) & (converted <= self.as_of + horizon)

    def z_score(self, rows: np.ndarray) -> float:
        """Conversions beyond what the truth says, in standard errors; rows are of several leads."""
        p = self.truth[rows]
        return float((self.outcome[rows].sum() - p.sum()) / np.sqrt((p * (1 - p)).sum()))

    def clustered_z_score(self, rows: np.ndarray) -> float:
        """The same for rows of which several may be of one lead."""
        miss = np.bincount(self.lead[rows], self.outcome[rows] - self.truth[rows])
        return float(miss.sum() / np.sqrt((miss**2).sum()))

    def decile_z_scores(self, rows: np.ndarray) -> np.ndarray:
        """`clustered_z_score` in ten parts by truth, each with a tenth of expected conversions."""
        ordered = rows[np.argsort(self.truth[rows], kind="stable")]
        expected = np.cumsum(self.truth[ordered])
        cuts = np.searchsorted(expected, expected[-1] * np.arange(1, 10) / 10)
        return np.array([self.clustered_z_score(tenth) for tenth in np.split(ordered, cuts)])
