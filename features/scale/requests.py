"""A lead of an export as the CRM would send it to the server.

What a request holds is what the CRM had on record at the instant: the attributes' latest known
values and every interaction that was entered before it. Demonstrations and the tests of parity
between bulk scores and the server are made of these.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.history import is_known
from features.language.kinds import LABEL_FIELDS, AttributeKind
from features.spine import Spine, iso, microseconds
from features.tables import Tables


def requests_of(
    tables: Tables, spine: Spine, kinds: Mapping[str, AttributeKind]
) -> list[dict[str, Any]]:
    """Bodies of ``POST /v1/score``, one for each row of a spine.

    Parameters
    ----------
    tables : Tables
        The export that holds the leads.
    spine : Spine
        Which leads, and when; meant for a few rows.
    kinds : mapping of str to {"number", "category", "timestamp"}
        The attributes that the bundle reads.

    Returns
    -------
    list of dict
        JSON values.
    """
    return [
        _request(tables, lead, as_of, kinds)
        for lead, as_of in zip(spine.lead.tolist(), spine.as_of.tolist(), strict=True)
    ]


def _request(
    tables: Tables, lead: int, as_of: int, kinds: Mapping[str, AttributeKind]
) -> dict[str, Any]:
    row = tables.leads.slice(lead, 1)
    lead_id = row["lead_id"][0].as_py()
    attributes = {}
    for name, kind in kinds.items():
        if name in row.column_names:
            value = row[name][0].as_py()
            attributes[name] = value if kind != "timestamp" else _iso(row[name])
        else:
            attributes[name] = _latest(tables, lead_id, name, as_of, kind)
    return {
        "lead_id": lead_id,
        "created_at": _iso(row["created_at"]),
        "as_of": iso(as_of),
        "attributes": {name: value for name, value in attributes.items() if value is not None},
        "interactions": _interactions(tables, lead_id, as_of, tables.measures),
    }


def _interactions(
    tables: Tables, lead_id: str, as_of: int, measures: Sequence[str]
) -> list[dict[str, Any]]:
    events = tables.interactions.filter(pc.equal(tables.interactions["lead_id"], lead_id))
    events = events.filter(pa.array(is_known(microseconds(events["recorded_at"]), as_of)))
    requests = []
    for event in events.to_pylist():
        sent: dict[str, Any] = {
            "occurred_at": event["occurred_at"].isoformat(),
            "recorded_at": event["recorded_at"].isoformat(),
        }
        sent |= {name: event[name] for name in LABEL_FIELDS if event[name] is not None}
        values = {name: event[name] for name in measures if event[name] is not None}
        requests.append(sent | ({"measures": values} if values else {}))
    return requests


def _latest(tables: Tables, lead_id: str, name: str, as_of: int, kind: AttributeKind) -> Any:
    log = tables.attribute_log
    is_version = pc.and_(
        pc.equal(log["lead_id"], lead_id), pc.equal(log["name"].cast(pa.string()), name)
    )
    log = log.filter(is_version)
    recorded_at = microseconds(log["recorded_at"])
    order = np.argsort(recorded_at, kind="stable")
    known_rows = order[is_known(recorded_at[order], as_of)]
    if len(known_rows) == 0:
        return None
    value = log["text" if kind == "category" else "number"][int(known_rows[-1])].as_py()
    return iso(int(value)) if kind == "timestamp" and value is not None else value


def _iso(column: pa.ChunkedArray) -> str | None:
    value = column[0].as_py()
    return None if value is None else str(value.isoformat())
