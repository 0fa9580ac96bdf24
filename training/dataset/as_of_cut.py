"""An export as it stood at an earlier instant.

What must not look at a later time, such as a training of the past that is to be judged by what came
after it, is given tables that end there. Nothing in them was known at or after the instant, so no
care is needed downstream and none can be forgotten.
"""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from features.engine.history import is_known, when_known
from features.spine import microseconds
from features.tables import INSTANT, Tables


def cut_at(tables: Tables, instant: int) -> Tables:
    """Export that holds only what was known strictly before an instant.

    Parameters
    ----------
    tables : Tables
        Leads, interactions and attribute log of the export.
    instant : int
        Microseconds; the end of the data that are returned.

    Returns
    -------
    Tables
        Leads created later are gone, outcomes that came later have not come, and interactions and
        versions of attributes that occurred or were recorded later are not there.
    """
    instant_scalar = pa.scalar(instant, INSTANT)
    leads = tables.leads.filter(pc.less(tables.leads["created_at"], instant_scalar))
    for name in ("converted_at", "closed_at"):
        past_only = pc.if_else(pc.less(leads[name], instant_scalar), leads[name], None)
        leads = leads.set_column(
            leads.column_names.index(name), leads.schema.field(name), past_only
        )
    events, log = tables.interactions, tables.attribute_log
    known_at = when_known(microseconds(events["occurred_at"]), microseconds(events["recorded_at"]))
    events = events.filter(pa.array(is_known(known_at, instant)))
    log = log.filter(pa.array(is_known(microseconds(log["recorded_at"]), instant)))
    ids = leads["lead_id"].combine_chunks()
    return replace(
        tables,
        leads=leads,
        interactions=events.filter(pc.is_in(events["lead_id"], value_set=ids)),
        attribute_log=log.filter(pc.is_in(log["lead_id"], value_set=ids)),
        data_end=instant,
    )
