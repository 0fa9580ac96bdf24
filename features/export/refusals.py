"""Refusals of an export as versions of attributes, beside those of its own log.

A closing is a refusal unless the lead had bought by then: many a CRM closes what it wins. Its
instant and its reason are known from the same moment on, which is the end of its day where the
export has days alone.
"""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from features.refusals import REFUSAL_KINDS, REFUSAL_REASON, REFUSED_AT
from features.tables import ATTRIBUTE_LOG, WORD, Suspicion, Tables


def with_refusals(tables: Tables, closing_known_at: pa.ChunkedArray | None) -> Tables:
    """Tables whose closings are in the log of attributes, since leads are looked at after them.

    Parameters
    ----------
    tables : Tables
        The export as it was read.
    closing_known_at : pa.ChunkedArray of shape (leads,), or None
        From when on each closing is known, null where there is none; None where the leads have no
        column of closings.

    Raises
    ------
    ValueError
        An attribute of the export has the name of one of refusals.
    """
    for name in REFUSAL_KINDS:
        if name in tables.attribute_kinds:
            raise ValueError(
                f"Attribute {name!r} of the export has the name of ours for what is known of a "
                "refusal, which [snapshots] after_refusal_days asks for: rename it in the export"
            )
    if closing_known_at is None:
        doubt = Suspicion(
            "refusals without a time",
            "leads.closed_at",
            tables.leads.num_rows,
            "no lead was ever refused, as far as the export says",
            'map the time of the refusal: [leads.columns] closed_at = "…"; or take out '
            "after_refusal_days in [snapshots]",
        )
        return replace(tables, suspicions=(*tables.suspicions, doubt))
    versions = refusal_versions(tables.leads, closing_known_at)
    log = pa.concat_tables([tables.attribute_log, versions]).unify_dictionaries()
    has_reasons = tables.leads["closed_reason"].null_count < tables.leads.num_rows
    kinds = {n: kind for n, kind in REFUSAL_KINDS.items() if n == REFUSED_AT or has_reasons}
    return replace(tables, attribute_log=log, attribute_kinds=tables.attribute_kinds | kinds)


def refusal_versions(leads: pa.Table, known_at: pa.ChunkedArray) -> pa.Table:
    """Versions of the two attributes of refusals.

    Parameters
    ----------
    leads : pa.Table
        Accepted leads, as in `features.tables.Tables`.
    known_at : pa.ChunkedArray of shape (leads,)
        From when on each closing is known; null where a lead was not closed.

    Returns
    -------
    pa.Table
        Rows of the log of attributes, first the instants and then the reasons, each in the order
        of the leads.
    """
    converted_at = leads["converted_at"]
    bought_by_then = pc.fill_null(pc.less_equal(converted_at, known_at), False)
    refused = pc.and_(pc.is_valid(known_at), pc.invert(bought_by_then))
    refused_leads, moments = leads.filter(refused), known_at.filter(refused)
    reasons = refused_leads["closed_reason"]
    has_reason = pc.is_valid(reasons)
    return pa.concat_tables(
        [
            _versions(refused_leads, moments, REFUSED_AT, number=_as_numbers(moments)),
            _versions(
                refused_leads.filter(has_reason),
                moments.filter(has_reason),
                REFUSAL_REASON,
                text=reasons.filter(has_reason),
            ),
        ]
    )


def _as_numbers(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    microseconds = moments.cast(ATTRIBUTE_LOG.field("recorded_at").type).cast(pa.int64())
    return microseconds.cast(pa.float64(), safe=False)


def _versions(
    leads: pa.Table, moments: pa.ChunkedArray, name: str, **values: pa.ChunkedArray
) -> pa.Table:
    columns = {
        "lead_id": leads["lead_id"],
        "recorded_at": moments.cast(ATTRIBUTE_LOG.field("recorded_at").type),
        "name": pa.array([name] * leads.num_rows, pa.string()).cast(WORD),
    }
    return pa.table(
        [
            columns.get(field.name, values.get(field.name, pa.nulls(leads.num_rows, field.type)))
            for field in ATTRIBUTE_LOG
        ],
        schema=ATTRIBUTE_LOG,
    )
