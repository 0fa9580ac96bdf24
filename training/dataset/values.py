"""Values of one name, as known at a look and as stored today.

A column of the leads has one value for each lead, and nothing says since when. The log of
attributes and the interactions carry times, so what was known at an instant can be told from what
stands there today. Here both become small whole numbers for `training.audit.ranking`: the index of
a category's level or of a number's bin, and one more code for "no value".
"""

import itertools
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY, last_known
from features.spine import microseconds
from features.tables import Kind, Tables
from training.dataset.lives import first_by_lead, lead_index

NUMBER_BINS = 20
"""Bins of about equal counts in which a number is looked at."""


@dataclass(frozen=True, slots=True)
class EncodedValues:
    """Values as whole numbers.

    Parameters
    ----------
    codes : int64 array of shape (n,)
        Index into `words`; the last one says that there is no value.
    words : tuple of str
        What each code stands for.
    """

    codes: Int64
    words: tuple[str, ...]

    @property
    def missing(self) -> int:
        """Code of "no value"."""
        return len(self.words) - 1

    @property
    def present(self) -> Bool:
        """Whether there is a value."""
        return np.not_equal(self.codes, self.missing)


def encode_values(column: pa.ChunkedArray, kind: Kind, created_at: Int64) -> EncodedValues:
    """Codes of values.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Texts, numbers or instants; the log's instants are numbers of microseconds.
    kind : {"number", "category", "timestamp"}
        How the values are read: numbers and instants are put into bins, levels are kept.
    created_at : int64 array of shape (n,)
        Creation of each value's lead: an instant is looked at in days since then.
    """
    if kind == "category":
        texts = column.cast(pa.string())
        levels = pc.unique(texts.drop_null())
        codes = pc.fill_null(pc.index_in(texts, value_set=levels), len(levels)).to_numpy()
        return EncodedValues(codes.astype(np.int64), (*levels.to_pylist(), "no value"))
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    numbers = pc.fill_null(column.cast(pa.float64(), safe=False), float("nan"))
    values = np.asarray(numbers.to_numpy(), np.float64)
    if kind == "timestamp":
        values = (values - created_at) / MICROSECONDS_PER_DAY
    return _binned(values, " d after creation" if kind == "timestamp" else "")


def _binned(values: Float64, unit: str) -> EncodedValues:
    finite = values[~np.isnan(values)]
    if len(finite) == 0:
        return EncodedValues(np.zeros(len(values), np.int64), ("no value",))
    edges = np.unique(np.quantile(finite, np.linspace(0, 1, NUMBER_BINS + 1)))
    codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    words = [f"{low:g} to {high:g}{unit}" for low, high in itertools.pairwise(edges)]
    words = words or [f"{edges[0]:g}{unit}"]
    return EncodedValues(np.where(np.isnan(values), len(words), codes), (*words, "no value"))


@dataclass(frozen=True, slots=True)
class EncodedVersions:
    """Versions of one attribute of the log, ordered by lead and time.

    Parameters
    ----------
    lead, recorded_at : int64 arrays of shape (versions,)
        Index of each version's lead, and when it was recorded, in microseconds.
    values : EncodedValues
        Value of each version.
    leads : int
        Number of leads of the export.
    """

    lead: Int64
    recorded_at: Int64
    values: EncodedValues
    leads: int

    def first_known(self) -> Int64:
        """Instant at which each lead first had a value; `NEVER` where it never had."""
        return first_by_lead(
            self.lead[self.values.present], self.recorded_at[self.values.present], self.leads
        )

    def known_before(self, lead: Int64, instant: Int64) -> Int64:
        """Code of each lead's latest version that was recorded strictly before an instant."""
        offsets = np.searchsorted(self.lead, np.arange(self.leads + 1))
        end = last_known(offsets, self.recorded_at, lead, instant)
        codes = np.append(self.values.codes, self.values.missing)
        return np.where(end > offsets[lead], codes[end - 1], self.values.missing)


def attribute_versions(tables: Tables, name: str, created_at: Int64) -> EncodedVersions:
    """Versions of one attribute of the log."""
    log = tables.attribute_log
    log = log.filter(pc.equal(log["name"].cast(pa.string()), name))
    lead = lead_index(tables, log["lead_id"])
    recorded_at = microseconds(log["recorded_at"])
    kind = tables.attribute_kinds[name]
    values = encode_values(log["text" if kind == "category" else "number"], kind, created_at[lead])
    order = np.lexsort((recorded_at, lead))
    ordered = EncodedValues(values.codes[order], values.words)
    return EncodedVersions(lead[order], recorded_at[order], ordered, tables.leads.num_rows)
