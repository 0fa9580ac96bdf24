"""Files that name leads and instants: spines, and earlier scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from features.arrays import Int64
from features.spine import microseconds
from features.tables import INSTANT


@dataclass(frozen=True, slots=True)
class LeadInstants:
    """Rows of a file.

    Parameters
    ----------
    lead_id : pa.Array of string
        The lead of each row, as the export names it.
    as_of : int64 array of shape (rows,)
        Microseconds.
    texts : mapping of str to pa.Array of string
        Further columns.
    """

    lead_id: pa.Array
    as_of: Int64
    texts: Mapping[str, pa.Array]


def instants_of(path: Path, *text_columns: str) -> LeadInstants:
    """Leads and instants of a CSV or Parquet file.

    Parameters
    ----------
    path : pathlib.Path
        The file; any suffix but ``.parquet`` is read as CSV.
    *text_columns : str
        Further columns of text that must be there.

    Raises
    ------
    FileNotFoundError, ValueError
        The file is not there or cannot be read, a column is missing, there twice or of another
        kind, or a time has no zone.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    words = ("lead_id", *text_columns)
    try:
        table = _parquet(path) if path.suffix == ".parquet" else _csv(path, words)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as {path.suffix or 'CSV'}: {error}") from error
    for name in (*words, "as_of"):
        times = table.column_names.count(name)
        if times != 1:
            raise ValueError(
                f"{path}: column '{name}' must be there once, is there {times} times. "
                f"Columns found: {', '.join(table.column_names)}."
            )
    as_of = table["as_of"]
    if not (pa.types.is_timestamp(as_of.type) and as_of.type.tz) or as_of.null_count:
        raise ValueError(
            f"{path}: every as_of must be a time with a zone, such as 2026-01-01T00:00:00+00:00; "
            f"found {as_of.type} with {as_of.null_count} missing."
        )
    texts = {}
    for name in words:
        try:
            texts[name] = table[name].cast(pa.string()).combine_chunks()
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise ValueError(f"{path}: {name} must be text, found {table[name].type}.") from error
    # Instants finer than a microsecond are cut, as in an export.
    instants = microseconds(as_of.cast(INSTANT, safe=False))
    return LeadInstants(texts["lead_id"], instants, {name: texts[name] for name in text_columns})


def _parquet(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        return file.read()


def _csv(path: Path, words: tuple[str, ...]) -> pa.Table:
    options = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(words, pa.string()))
    return pyarrow.csv.read_csv(path, convert_options=options)
