"""Small normalised tables, as `read_export` would give them."""

from typing import Any

import pyarrow as pa

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.language.kinds import LABEL_FIELDS
from features.tables import (
    ATTRIBUTE_LOG,
    INSTANT,
    REJECTS,
    Kind,
    Tables,
    interactions_schema,
    leads_schema,
)


def tables_of(
    leads: list[dict[str, Any]],
    interactions: list[dict[str, Any]] | None = None,
    log: list[dict[str, Any]] | None = None,
    *,
    kinds: dict[str, Kind] | None = None,
    fixed: tuple[str, ...] = (),
    measures: tuple[str, ...] = (),
    end_day: float = 100,
) -> Tables:
    """Tables from rows; instants are given in days since the epoch."""
    kinds = kinds or {}
    return Tables(
        leads=_table(leads, leads_schema({name: kinds[name] for name in fixed})),
        interactions=_table(
            [{"recorded_at": row["occurred_at"], **row} for row in interactions or []],
            interactions_schema(measures),
        ),
        attribute_log=_table(log or [], ATTRIBUTE_LOG),
        attribute_kinds=kinds,
        measures=measures,
        data_end=round(end_day * DAY),
        rejects=REJECTS.empty_table(),
        unused={},
    )


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table([_column(rows, field) for field in schema], schema=schema)


def _column(rows: list[dict[str, Any]], field: pa.Field) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    if field.type == INSTANT:
        instants = [None if value is None else round(value * DAY) for value in values]
        return pa.array(instants, pa.int64()).cast(INSTANT)
    if field.name in LABEL_FIELDS or field.name == "name":
        return pa.array(values, pa.string()).dictionary_encode().cast(field.type)
    return pa.array(values, field.type)
