"""Short names for what a model was trained on: the data, and the settings.

Two exports with the same fingerprint hold the same leads, interactions and versions of attributes.
The fingerprint is computed from the normalised tables, so neither the order of rows nor the kind of
file matters. Each row becomes one number, and the numbers are added up: a row that stands twice
counts twice. It detects that data changed; it does not protect against forged data.
"""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.tables import INTERACTIONS, LEADS, Tables
from training.config import Config
from training.dataset.persons import person_of_lead

Word = npt.NDArray[np.uint64]
RECIPE = (
    "horizons",
    "snapshots",
    "split",
    "bands",
    "model",
    "scorecard",
    "calibration",
    "audit",
    "features",
)
"""Sections of the configuration that decide what a training computes."""
_MISSING = np.uint64(0x9E3779B97F4A7C15)


def data_fingerprint(tables: Tables) -> str:
    """Fingerprint of an export's normalised tables.

    Parameters
    ----------
    tables : Tables
        The export.

    Returns
    -------
    str
        32 hexadecimal digits. They change with any value, any row, the kind of an attribute and
        the end of the data; not with the order of rows or columns, nor with rejected rows.
    """
    parts = {
        "leads": _table(_with_named_persons(tables), LEADS.names),
        "interactions": _table(tables.interactions, INTERACTIONS.names),
        "attribute log": _table(tables.attribute_log, []),
        "kinds": sorted(tables.attribute_kinds.items()),
        "data end": tables.data_end,
    }
    return hashlib.blake2b(repr(sorted(parts.items())).encode(), digest_size=16).hexdigest()


def recipe_fingerprint(config: Config) -> str:
    """Fingerprint of the settings that decide which model an export gives.

    Parameters
    ----------
    config : Config
        The whole configuration.

    Returns
    -------
    str
        32 hexadecimal digits. They change with every setting in `RECIPE` and with the contents of
        the files that these sections name; not with those of the registry, the gate, the contract
        or the report.
    """
    # `repr` names the kind of each policy; JSON would hold only its numbers.
    recipe = repr([(name, getattr(config, name)) for name in RECIPE])
    file_names = (config.features.file, config.scorecard.hot, config.scorecard.warm)
    paths = [Path(config.export.base, name) for name in file_names if name is not None]
    files = [path.read_bytes() for path in paths if path.is_file()]
    parts = [recipe.encode(), *(hashlib.blake2b(one).digest() for one in files)]
    return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()


def _with_named_persons(tables: Tables) -> pa.Table:
    """Leads with the id of each person's first lead, since a number depends on the rows' order."""
    ids = tables.leads["lead_id"].combine_chunks()
    first = ids.take(pa.array(person_of_lead(tables)))
    persons = pc.if_else(pc.is_valid(tables.leads["person"]), first, pa.scalar(None, pa.string()))
    return tables.leads.set_column(tables.leads.column_names.index("person"), "person", persons)


def _table(table: pa.Table, always: list[str]) -> tuple[int, list[str], int]:
    """Rows, further columns, and the sum of the rows' numbers."""
    row = np.zeros(table.num_rows, np.uint64)
    for name in sorted(table.column_names):
        salt = np.uint64(_hashed(name))
        row += _mixed(_values(table[name]) ^ salt)
    further_columns = sorted(set(table.column_names) - set(always))
    return table.num_rows, further_columns, int(_mixed(row).sum(dtype=np.uint64))


def _values(column: pa.ChunkedArray) -> Word:
    """One number for each value; equal values have equal numbers, whatever their encoding."""
    missing = pc.is_null(column).to_numpy()
    if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
        coded = column.combine_chunks()
        if pa.types.is_string(column.type):
            coded = coded.dictionary_encode()
        words = np.array([_hashed(word) for word in coded.dictionary.to_pylist()], np.uint64)
        codes = pc.fill_null(coded.indices, 0).to_numpy(zero_copy_only=False)
        numbers = words[codes] if len(words) else np.zeros(len(missing), np.uint64)
    elif pa.types.is_floating(column.type):
        # Adding 0.0 makes a −0.0 a plain 0.0, which it equals.
        numbers = (pc.fill_null(column, 0.0).to_numpy() + 0.0).view(np.uint64)
    else:
        numbers = pc.fill_null(column.cast(pa.int64()), 0).to_numpy().view(np.uint64)
    return np.where(missing, _MISSING, numbers)


def _hashed(text: str | None) -> int:
    digest = hashlib.blake2b((text or "").encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _mixed(word: Word) -> Word:
    """Finaliser of SplitMix64: every bit of the input affects every bit of the result.

    References
    ----------
    G. L. Steele, D. Lea, C. H. Flood, *Fast splittable pseudorandom number generators*, OOPSLA
    (2014), doi:10.1145/2660193.2660195.
    """
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Word = word ^ (word >> np.uint64(31))
    return mixed
