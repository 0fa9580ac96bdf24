"""Looks at leads of a made-up world with their true probabilities and what came of them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.worlds.crm import DAY, ENDS_AT, MadeUpCrm

HORIZONS = {"hot_probability": 14, "warm_probability": 90}


def seconds(column: pa.ChunkedArray) -> np.ndarray:
    """Seconds since the epoch, 0 for null."""
    return column.cast(pa.int64()).fill_null(0).to_numpy() // 1_000_000


def rows_of(table: pa.Table, leads: pa.Table) -> np.ndarray:
    """Row in the leads table of each row's lead."""
    return pc.index_in(table["lead_id"], value_set=leads["lead_id"]).to_numpy().astype(np.int64)


@dataclass(frozen=True)
class Looks:
    """The looks whose horizon ended before the data did."""

    lead: np.ndarray
    person: np.ndarray
    as_of: np.ndarray
    age: np.ndarray
    truth: np.ndarray
    outcome: np.ndarray

    def part(self, rows: np.ndarray) -> "Looks":
        columns = (self.lead, self.person, self.as_of, self.age, self.truth, self.outcome)
        return Looks(*(column[rows] for column in columns))

    def z_score(self) -> float:
        """Purchases beyond those expected, in standard errors clustered by person."""
        missed = np.bincount(self.person, self.outcome - self.truth)
        return float(missed.sum() / np.sqrt((missed**2).sum()))

    def tenths(self) -> list["Looks"]:
        """Ten parts by rising truth, with equally many expected purchases each."""
        order = np.argsort(self.truth, kind="stable")
        expected = np.cumsum(self.truth[order])
        cuts = np.searchsorted(expected, expected[-1] * np.arange(1, 10) / 10)
        return [self.part(rows) for rows in np.split(order, cuts)]


def looks_of(crm: MadeUpCrm, band: str, truth: pa.Table | None = None) -> Looks:
    """Looks of a CRM's truth, or of another table of the same form."""
    table = crm.truth if truth is None else truth
    horizon = HORIZONS[band] * DAY
    lead, as_of = rows_of(table, crm.leads), seconds(table["as_of"])
    converted = seconds(crm.leads["converted_at"])[lead]
    key = "person_key" if "person_key" in crm.leads.column_names else "email"
    person = crm.leads[key].combine_chunks().dictionary_encode().indices.to_numpy()[lead]
    looks = Looks(
        lead=lead,
        person=person,
        as_of=as_of,
        age=(as_of - seconds(crm.leads["created_at"])[lead]) // DAY,
        truth=table[band].to_numpy(),
        outcome=((converted > as_of) & (converted <= as_of + horizon)).astype(float),
    )
    return looks.part(as_of + horizon <= ENDS_AT)


def together(parts: list[Looks]) -> Looks:
    """Looks of several CRMs; their leads and persons are told apart."""
    shifted, leads, people = [], 0, 0
    for part in parts:
        columns = (part.as_of, part.age, part.truth, part.outcome)
        shifted.append((part.lead + leads, part.person + people, *columns))
        leads += int(part.lead.max()) + 1
        people += int(part.person.max()) + 1
    return Looks(*(np.concatenate(column) for column in zip(*shifted, strict=True)))


def require_agreement(looks: Looks) -> None:
    """Fail where outcomes contradict the truth, in all, or in a tenth of the expected purchases.

    Ten normal scores exceed 3.7 in one of 500 cases where the truth is true.
    """
    scores = np.array([tenth.z_score() for tenth in looks.tenths()])
    assert abs(looks.z_score()) < 3.5
    assert np.abs(scores).max() < 3.7, scores
    assert np.sqrt((scores**2).mean()) < 1.7, scores
