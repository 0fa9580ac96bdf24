"""What stood in open leads when they were first seen: keyed digests, no values.

A column whose value was overwritten because of a sale looks like any other in one export. Between
two exports it shows: the value of leads that were open then and have bought since has changed. So
each training and scoring keeps a digest of every cell of the leads that are open (BLAKE2b with a
key that is drawn on this machine, 8 bytes), and the next one compares (`training.audit.rewriting`).
Digests tell whether a value is still the same, and without the key nothing of what it was.

A lead and each of its cells are taken in once, when they are first seen, and stay: what is found
rewritten today is found again tomorrow.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from features.arrays import NEVER, Int64
from features.spine import ended_at
from features.tables import Tables

Digests = npt.NDArray[np.uint64]

FIRST_SEEN = "first_seen"
"""Folder beside the registry."""
_KEY, _CELLS = "key", "cells.parquet"
_KEY_BYTES = 32
_LEAD, _SEEN_AT, _COLUMN = "lead", "seen_at", "column."
NOT_SEEN = np.uint64(0)
"""Stands for a cell of a column that no export had while the lead was open."""


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Digests of the cells of leads that were open in an earlier export.

    Parameters
    ----------
    key : bytes
        What the digests were made with; never written beside them.
    lead : uint64 array of shape (leads,)
        Digests of their ids, rising.
    seen_at : int64 array of shape (leads,)
        End of the export in which each was first open, in microseconds.
    cells : mapping of str to uint64 array of shape (leads,)
        By column: what stood there first; `NOT_SEEN` where no export had such a column.
    """

    key: bytes = field(repr=False)
    lead: Digests
    seen_at: Int64
    cells: Mapping[str, Digests]


def nothing_seen(key: bytes | None = None) -> FirstSeen:
    """Before any export: no leads.

    Parameters
    ----------
    key : bytes, optional
        Key of the digests to come; drawn by default.
    """
    empty = np.empty(0, np.uint64)
    return FirstSeen(key or secrets.token_bytes(_KEY_BYTES), empty, np.empty(0, np.int64), {})


def seen_in(tables: Tables, earlier: FirstSeen) -> FirstSeen:
    """What was seen before, and the open leads of an export that were not.

    Parameters
    ----------
    tables : Tables
        The export.
    earlier : FirstSeen
        What was seen before it; its leads and cells stay as they are.
    """
    open_leads = np.flatnonzero(ended_at(tables) == NEVER)
    leads = tables.leads.take(pa.array(open_leads))
    lead = digests_of(leads["lead_id"], "lead_id", earlier.key)
    order = np.argsort(lead)
    lead = lead[order]
    every_lead = np.union1d(earlier.lead, lead)
    known_rows = np.searchsorted(every_lead, earlier.lead)
    open_rows = np.searchsorted(every_lead, lead)
    seen_at = np.full(len(every_lead), tables.data_end, np.int64)
    seen_at[known_rows] = earlier.seen_at
    columns = [name for name in tables.attribute_kinds if name in tables.leads.column_names]
    cells = {}
    for column in sorted({*earlier.cells, *columns}):
        stood_there = np.full(len(every_lead), NOT_SEEN, np.uint64)
        if column in columns:
            stood_there[open_rows] = digests_of(leads[column], column, earlier.key)[order]
        if column in earlier.cells:
            stood_there[known_rows] = earlier.cells[column]
        cells[column] = stood_there
    return FirstSeen(earlier.key, every_lead, seen_at, cells)


def digests_of(values: pa.ChunkedArray, column: str, key: bytes) -> Digests:
    """Keyed digest of each value of a column, shape (rows,); a missing value has one too.

    Parameters
    ----------
    values : pyarrow.ChunkedArray of shape (rows,)
        The values.
    column : str
        Its name: the same value in two columns has two digests.
    key : bytes
        The key, at most 64 bytes.
    """
    coded = values.combine_chunks().dictionary_encode(null_encoding="encode")
    words = [repr(word) for word in _plain(coded.dictionary)]
    by_word = np.array([_digest(f"{column}\0{word}", key) for word in words], np.uint64)
    digests: Digests = by_word[coded.indices.to_numpy()]
    return digests


def _plain(values: pa.Array) -> list[object]:
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    plain: list[object] = values.to_pylist()
    return plain


def _digest(text: str, key: bytes) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=8)
    return max(1, int.from_bytes(digest.digest(), "big"))  # 0 stands for what was not seen


def read_first_seen(folder: Path) -> FirstSeen:
    """What was kept in a folder; nothing where it holds nothing, or its key is another.

    Parameters
    ----------
    folder : pathlib.Path
        Written by `keep_first_seen`; it need not exist.

    Raises
    ------
    ValueError
        A file in it is damaged.
    """
    try:
        key = (folder / _KEY).read_bytes()
        table = pq.read_table(folder / _CELLS)
    except FileNotFoundError:
        return nothing_seen()
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{folder / _CELLS} is damaged ({error}). Remove the folder: it only serves to notice "
            "columns that sales rewrite, and begins anew."
        ) from error
    if (table.schema.metadata or {}).get(b"key") != _fingerprint(key):
        return nothing_seen(key)
    return FirstSeen(
        key,
        table[_LEAD].to_numpy(),
        table[_SEEN_AT].to_numpy(),
        {
            name.removeprefix(_COLUMN): table[name].to_numpy()
            for name in table.column_names
            if name.startswith(_COLUMN)
        },
    )


def keep_first_seen(folder: Path, first_seen: FirstSeen) -> None:
    """Keep digests in a folder; the key is a file of its own that only its owner may read.

    Parameters
    ----------
    folder : pathlib.Path
        Made if it does not exist.
    first_seen : FirstSeen
        What to keep in place of what is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    columns = {f"{_COLUMN}{name}": cells for name, cells in first_seen.cells.items()}
    table = pa.table({_LEAD: first_seen.lead, _SEEN_AT: first_seen.seen_at, **columns})
    table = table.replace_schema_metadata({b"key": _fingerprint(first_seen.key)})
    key_file = folder / _KEY
    if not key_file.exists() or key_file.read_bytes() != first_seen.key:
        _put(key_file, lambda part: _write_secret(part, first_seen.key))
    _put(folder / _CELLS, lambda part: pq.write_table(table, part))


def _put(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside a file and move into its place: whoever reads sees one of the two, whole."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_secret(path: Path, key: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key)


def _fingerprint(key: bytes) -> bytes:
    return hashlib.blake2b(b"key", key=key, digest_size=8).hexdigest().encode()
