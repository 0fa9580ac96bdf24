"""Features of many leads: tables in, the one executor, a matrix out.

An export becomes `Histories` once (interactions grouped by lead), and the executor walks over it in
partitions of whole leads, so that its working memory does not grow with the export. The
numbers are the executor's own: a lead in a partition has the bits it has alone.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Float64, Int64
from features.engine.executor import features_of
from features.engine.history import (
    ALWAYS_KNOWN,
    AttributeVersions,
    Histories,
    LabelColumn,
    fixed_point,
)
from features.engine.plan import compile_plan
from features.language.kinds import AttributeKind
from features.language.spec import Spec
from features.progress import RowProgress, no_row_progress
from features.spine import Spine, microseconds
from features.tables import Tables

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class RowsByLead:
    """Rows of a table, each with the index of its lead.

    Parameters
    ----------
    rows : pa.Table
        Interactions, or versions of attributes, as in `Tables`.
    lead : int64 array of shape (rows,)
        Index of each row's lead.
    """

    rows: pa.Table
    lead: Int64


def point_in_time_features(
    tables: Tables,
    spine: Spine,
    spec: Spec,
    report_rows: RowProgress = no_row_progress,
) -> Float64:
    """Feature matrix of a spine.

    Parameters
    ----------
    tables : Tables
        The export.
    spine : Spine
        Which leads to look at, and when.
    spec : Spec
        Which features to compute.
    report_rows : callable, optional
        Called with the number of rows of each partition that was finished.

    Returns
    -------
    float64 array of shape (rows, features)
        Rows in the order of the spine.
    """
    return features_at(histories_of(tables, spec), spine, spec, report_rows)


def features_at(
    histories: Histories,
    spine: Spine,
    spec: Spec,
    report_rows: RowProgress = no_row_progress,
) -> Float64:
    """Feature matrix of a spine whose leads are those of `histories`; see the executor."""
    return features_of(compile_plan(spec), histories, spine.lead, spine.as_of, report_rows)


def histories_of(tables: Tables, spec: Spec) -> Histories:
    """All leads of an export, in the order of ``tables.leads``, with what a spec reads of them."""
    events, log = tables.interactions, tables.attribute_log
    return keyed_histories(
        tables.leads,
        RowsByLead(events, _lead_index(tables, events["lead_id"])),
        RowsByLead(log, _lead_index(tables, log["lead_id"])),
        spec,
    )


def keyed_histories(
    leads: pa.Table,
    interactions: RowsByLead,
    attribute_log: RowsByLead,
    spec: Spec,
) -> Histories:
    """Leads with the rows that are keyed by their index: the one way from Arrow to `Histories`.

    Parameters
    ----------
    leads : pa.Table
        As in `Tables`, in any order.
    interactions, attribute_log : RowsByLead
        As in `Tables`, in any order; nothing is read of an empty table but its labels.
    spec : Spec
        Its attributes are taken, be they columns of `leads` or names in the log, and its measures
        and label fields.

    Returns
    -------
    Histories
        Leads in the order of the table.
    """
    events = interactions.rows
    order = _by_lead(interactions.lead)
    return Histories(
        created_at=microseconds(leads["created_at"]),
        offsets=_offsets(_taken(interactions.lead, order), leads.num_rows),
        occurred_at=_taken(microseconds(events["occurred_at"]), order),
        recorded_at=_taken(microseconds(events["recorded_at"]), order),
        labels={name: _labels(events[name], order) for name in spec.fields},
        measures={
            name: fixed_point(_taken(_floats(events[name]), order)) for name in spec.measures
        },
        attributes={
            name: _versions(leads, attribute_log, name, kind)
            for name, kind in spec.attribute_kinds.items()
        },
    )


def _versions(
    leads: pa.Table, log: RowsByLead, name: str, kind: AttributeKind
) -> AttributeVersions:
    """Versions of one attribute: a fixed column of the leads, or its part of the log."""
    if name in leads.column_names:
        offsets = np.arange(leads.num_rows + 1, dtype=np.int64)
        always = np.full(leads.num_rows, ALWAYS_KNOWN, np.int64)
        return replace(_typed(offsets, always, leads[name], kind, None), is_fixed=True)
    is_attribute = pc.equal(log.rows["name"].cast(pa.string()), name)
    rows, lead = log.rows.filter(is_attribute), log.lead[is_attribute.to_numpy()]
    recorded_at = microseconds(rows["recorded_at"])
    order = np.lexsort((recorded_at, lead))
    values = rows["text"] if kind == "category" else rows["number"]
    return _typed(_offsets(lead[order], leads.num_rows), recorded_at[order], values, kind, order)


def _typed(
    offsets: Int64,
    recorded_at: Int64,
    values: pa.ChunkedArray,
    kind: AttributeKind,
    order: Int64 | None,
) -> AttributeVersions:
    if kind == "category":
        return AttributeVersions(offsets, recorded_at, labels=_labels(values, order))
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).cast(pa.float64())
    return AttributeVersions(offsets, recorded_at, numbers=_taken(_floats(values), order))


def _lead_index(tables: Tables, lead_ids: pa.ChunkedArray) -> Int64:
    """Index of each row's lead; `Tables` guarantees that there is one."""
    ids = tables.leads["lead_id"].combine_chunks()
    return np.asarray(pc.index_in(lead_ids, value_set=ids).to_numpy(), np.int64)


def _offsets(sorted_lead: Int64, leads: int) -> Int64:
    return np.searchsorted(sorted_lead, np.arange(leads + 1)).astype(np.int64)


def _by_lead(lead: Int64) -> Int64 | None:
    """Order of rows by lead, rows of one lead as they stand; None when they stand so already.

    Lead and row share one integer, whose plain sort is several times faster than a stable argsort.
    """
    if not np.any(lead[1:] < lead[:-1]):
        return None
    bits = len(lead).bit_length()
    keys = (lead << bits) | np.arange(len(lead))
    keys.sort()
    keys &= (1 << bits) - 1
    return keys


def _taken(values: npt.NDArray[T], order: Int64 | None) -> npt.NDArray[T]:
    return values if order is None else values[order]


def _labels(column: pa.ChunkedArray, order: Int64 | None) -> LabelColumn:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    array = encoded.unify_dictionaries().combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # no rows, no chunks
        return LabelColumn(np.empty(0, np.int32), ())
    codes = pc.fill_null(array.indices, -1).to_numpy().astype(np.int32, copy=False)
    return LabelColumn(_taken(codes, order), tuple(array.dictionary.to_pylist()))


def _floats(column: pa.ChunkedArray) -> Float64:
    return np.asarray(pc.fill_null(column, float("nan")).to_numpy(), np.float64)
