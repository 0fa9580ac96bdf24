"""What tables lack of what a model was trained on: what refuses them, and what is only said.

Tests: tests/serving/bulk/test_selection.py.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.history import MICROSECONDS_PER_DAY
from features.language.spec import Spec
from features.refusals import REFUSAL_KINDS
from features.spine import Spine, iso, microseconds
from features.tables import Tables


def scoring_notes(
    spec: Spec, tables: Tables, spine: Spine, judged_days: float | None
) -> tuple[str, ...]:
    """What a reader of the scores must know: what the model was trained on and did not get here.

    Parameters
    ----------
    spec : Spec
        What the model reads.
    tables : Tables
        What there is to read: the tables that are to be scored.
    spine : Spine
        Which leads are to be scored, and as of when.
    judged_days : float or None
        Greatest age in days at which leads were looked at in training; None where it is unknown.

    Returns
    -------
    tuple of str
        A line each.
    """
    notes = []
    # No lead need be refused, but an export says whether one was.
    refusals = set(REFUSAL_KINDS) & set(tables.attribute_kinds)
    logged = pc.unique(tables.attribute_log["name"]).to_pylist()
    names = {*tables.leads.column_names, *logged, *refusals}
    absent = [name for name in spec.attribute_kinds if name not in names]
    if absent:
        notes.append(f"attributes: not there, taken as missing: {', '.join(absent)}.")
    scored_ids = tables.leads["lead_id"].take(pa.array(np.unique(spine.lead)))
    is_of_scored = pc.is_in(tables.interactions["lead_id"], value_set=scored_ids)
    interactions = tables.interactions.filter(is_of_scored)
    empty = [m for m in tables.measures if interactions[m].null_count == interactions.num_rows]
    if len(scored_ids) and interactions.num_rows == 0:
        notes.append(
            "interactions: no lead that is scored has any, each counts as one without contact."
        )
    elif len(scored_ids) and empty:
        notes.append(f"measures: without any value, taken as missing: {', '.join(empty)}.")
    latest = int(spine.as_of.max(initial=tables.data_end))
    days_after = (latest - tables.data_end) // MICROSECONDS_PER_DAY
    if days_after > 0:
        notes.append(
            f"as_of lies {days_after:,} {'day' if days_after == 1 else 'days'} after the export's "
            f"end, {iso(tables.data_end)[:10]}: what happened since is not known."
        )
    if judged_days is not None:
        age = spine.as_of - microseconds(tables.leads["created_at"])[spine.lead]
        older = int((age > judged_days * MICROSECONDS_PER_DAY).sum())
        if older:
            notes.append(
                f"{older:,} of {len(spine):,} rows look at leads older than {judged_days:g} days: "
                "the model was neither trained nor judged on such."
            )
    return tuple(notes)


def require_schema(
    spec: Spec, tables: Tables, way_out: str, *, may_lack_attributes: bool = False
) -> None:
    """Refuse tables that a model would not see as it was trained to.

    Parameters
    ----------
    spec : Spec
        What the model reads.
    tables : Tables
        What there is to read.
    way_out : str
        Sentence that ends the message.
    may_lack_attributes : bool
        Whether an attribute that is not there is taken as missing; `scoring_notes` says so.

    Raises
    ------
    ValueError
        An attribute is of another kind or not there, or a measure is not there.
    """
    for name, kind in spec.attribute_kinds.items():
        table_kind = tables.attribute_kinds.get(name)
        if table_kind is None and may_lack_attributes:
            continue
        if table_kind != kind:
            state = "is not there" if table_kind is None else f"is read as {table_kind}"
            raise ValueError(
                f"Attribute {name!r} {state}, the bundle was trained with it as {kind}. {way_out}"
            )
    for name in spec.measures:
        if name not in tables.measures:
            raise ValueError(
                f"Measure {name!r} of interactions is not there, the bundle was trained with it. "
                f"{way_out}"
            )
