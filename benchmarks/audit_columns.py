"""Columns for the benchmark of the audit: honest ones, and ones that the outcome has overwritten.

Each planted column is honest at creation, and then written over when its lead ends, in a stated
share of the leads (`STRENGTHS`). What is written over is known only from the export's outcome and
log, as in a CRM. Honest columns are known at creation and may foretell a good deal: one is the true
probability itself, with noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.arrays import NEVER, Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.spine import ended_at, microseconds
from features.tables import INSTANT, Kind, Tables
from training.dataset.lives import lead_index

STRENGTHS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the leads concerned that are written over."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column to add to the leads of an export.

    Parameters
    ----------
    name : str
        Name of the column; for a planted one, what was done to it and the strength.
    kind : {"number", "category", "timestamp"}
        How it is declared.
    values : pa.Array
        One value for each lead.
    planted : bool
        Whether the outcome has overwritten it.
    """

    name: str
    kind: Kind
    values: pa.Array
    planted: bool


@dataclass(frozen=True, slots=True)
class _Leads:
    """What columns are made from: one entry for each lead."""

    random: np.random.Generator
    created_at: Int64
    converted_at: Int64
    ended_at: Int64
    data_end: int
    interactions: Int64
    last_contact: Int64
    truth: Float64

    @property
    def won(self) -> Bool:
        return self.converted_at < NEVER

    @property
    def ended(self) -> Bool:
        return self.ended_at < NEVER

    def chance(self, share: float) -> Bool:
        """A draw for each lead that is true for this share of them."""
        return np.less(self.random.random(len(self.won)), share)

    def word(self, *words: str) -> np.ndarray:
        """One of the words for each lead, each as likely as the other."""
        return np.asarray(self.random.choice(np.array(words, object), len(self.won)))


def columns_for(tables: Tables, truth: Float64, seed: int) -> tuple[Column, ...]:
    """Honest and planted columns for an export.

    Parameters
    ----------
    tables : Tables
        The export.
    truth : float array of shape (leads,)
        True probability of each lead at its creation.
    seed : int
        Seed of the columns.
    """
    lead = lead_index(tables, tables.interactions["lead_id"])
    occurred_at = microseconds(tables.interactions["occurred_at"])
    created_at = microseconds(tables.leads["created_at"])
    last_contact = created_at.copy()
    np.maximum.at(last_contact, lead, occurred_at)
    leads = _Leads(
        random=np.random.default_rng(seed),
        created_at=created_at,
        converted_at=microseconds(tables.leads["converted_at"]),
        ended_at=ended_at(tables),
        data_end=tables.data_end,
        interactions=np.bincount(lead, minlength=len(created_at)),
        last_contact=last_contact,
        truth=truth,
    )
    planted = [column for strength in STRENGTHS for column in _planted(leads, strength)]
    return (*_honest(leads), *planted)


def _honest(leads: _Leads) -> Iterator[Column]:
    random, size, day = leads.random, len(leads.won), leads.created_at / DAY
    logit = np.log(leads.truth / (1 - leads.truth))
    spread = max(float(logit.std()), 1e-9)
    appointment = leads.created_at + np.rint(random.lognormal(2.5, 1.0, size) * DAY).astype(
        np.int64
    )
    campaign = (np.argsort(np.argsort(day)) * 8 // size).astype(str).astype(object)
    quality = np.select(
        [logit > np.quantile(logit, 0.9), logit > np.median(logit)], ["a", "b"], "c"
    )
    yield _category("honest noise", leads.word("a", "b", "c", "d"))
    yield _number("honest number", random.lognormal(3.0, 1.0, size))
    yield _number("honest sequence", np.argsort(np.argsort(leads.created_at)) + 1000.0)
    yield _category("honest campaign", np.where(leads.chance(0.8), campaign, "none"))
    yield _instant("honest appointment", appointment, leads.chance(0.6))
    yield _instant("honest birthday", leads.created_at - 20 * DAY, leads.chance(0.7))
    yield _number("honest score", logit / spread + random.normal(0, 1.0, size))
    yield _number("honest sharp score", logit / spread + random.normal(0, 0.25, size))
    yield _category("honest quality", quality.astype(object))
    yield _category(
        "honest fill", leads.word("a", "b"), leads.chance(0.5) & (logit > np.median(logit))
    )
    yield _category("honest field since lately", leads.word("a", "b"), day > np.quantile(day, 0.8))
    yield _category("honest field until lately", leads.word("a", "b"), day < np.quantile(day, 0.9))


def _planted(leads: _Leads, strength: float) -> Iterator[Column]:
    random, size = leads.random, len(leads.won)
    won = leads.won & leads.chance(strength)
    ended = leads.ended & leads.chance(strength)
    any_lead = leads.chance(strength)
    soon = np.minimum(leads.created_at + 20 * DAY, leads.data_end)
    some = leads.created_at + (random.random(size) * (soon - leads.created_at)).astype(np.int64)
    rank = np.argsort(np.argsort(leads.ended_at)) + 5000.0
    score = random.normal(0, 1, size)
    letters, owners = leads.word("a", "b", "c", "d"), leads.word("ana", "ben", "cem", "dan", "eva")
    outcome = np.where(leads.won, "client", "lost")
    end = np.where(leads.ended, leads.ended_at, leads.created_at) + DAY // 24

    yield _category(f"fill {strength}", leads.word("x", "y"), won | leads.chance(0.3), True)
    yield _category(f"level {strength}", np.where(won, "a", letters), planted=True)
    yield _number(
        f"count {strength}",
        np.where(any_lead, leads.interactions, np.minimum(leads.interactions, 1)),
        planted=True,
    )
    yield _instant(f"instant {strength}", np.where(ended, end, some), planted=True)
    yield _number(f"id {strength}", rank, won, True)
    yield _number(f"score {strength}", score + 2 * won, planted=True)
    yield _category(
        f"owner {strength}", np.where(won, leads.word("ana", "key"), owners), planted=True
    )
    yield _category(f"status {strength}", np.where(ended, outcome, "new"), planted=True)


def _category(
    name: str, words: np.ndarray, filled: Bool | None = None, planted: bool = False
) -> Column:
    mask = None if filled is None else ~filled
    return Column(name, "category", pa.array(words, pa.string(), mask=mask), planted)


def _number(
    name: str, numbers: np.ndarray, filled: Bool | None = None, planted: bool = False
) -> Column:
    mask = None if filled is None else ~filled
    return Column(name, "number", pa.array(numbers.astype(float), pa.float64(), mask=mask), planted)


def _instant(
    name: str, instants: Int64, filled: Bool | None = None, planted: bool = False
) -> Column:
    mask = None if filled is None else ~filled
    return Column(name, "timestamp", pa.array(instants, mask=mask).cast(INSTANT), planted)
