"""Stand-ins for the parts of four CRMs' APIs that writing back uses, by their documentation.

Each holds records in memory and refuses what its CRM refuses: too many records, unknown ids and
fields, a wrong key. `Faulty` loses a share of the answers, before or after the call was done.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
import numpy as np

KEY = "the-key"
Answer = tuple[int, object]


@dataclass
class CrmTable:
    """Records of a CRM by id, and how often each value of each field was changed."""

    records: dict[str, dict[str, object]]
    fields: frozenset[str]
    most: int
    writes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def put(self, record_id: str, values: dict[str, object]) -> None:
        """Set fields of a record; only what differs from before counts as a write."""
        record = self.records.setdefault(record_id, {})
        for name, value in values.items():
            if record.get(name) != value:
                record[name] = value
                self.writes[record_id, name] += 1


def hubspot(table: CrmTable, method: str, path: str, body: dict) -> Answer:
    """Batch update of contacts: 200, or 207 where some ids are unknown."""
    if (method, path) != ("POST", "/crm/v3/objects/contacts/batch/update"):
        return 404, {"message": "no such page"}
    if len(body["inputs"]) > table.most:
        return 400, {"message": "too many inputs"}
    if any(set(one["properties"]) - table.fields for one in body["inputs"]):
        return 400, {"message": "Property values were not valid"}
    known = [one for one in body["inputs"] if one["id"] in table.records]
    for one in known:
        table.put(one["id"], one["properties"])
    results = [{"id": one["id"], "properties": one["properties"]} for one in known]
    unknown = [one["id"] for one in body["inputs"] if one["id"] not in table.records]
    if not unknown:
        return 200, {"status": "COMPLETE", "results": results}
    errors = [{"category": "OBJECT_NOT_FOUND", "context": {"ids": unknown}}]
    return 207, {"status": "COMPLETE", "results": results, "errors": errors}


def salesforce(table: CrmTable, method: str, path: str, body: dict) -> Answer:
    """PATCH of a collection of records; a result for each, in their order."""
    if method != "PATCH" or not path.endswith("/composite/sobjects"):
        return 404, [{"errorCode": "NOT_FOUND"}]
    if len(body["records"]) > table.most:
        return 400, [{"errorCode": "LIMIT_EXCEEDED"}]
    results = []
    for record in body["records"]:
        values = {k: v for k, v in record.items() if k not in ("attributes", "id")}
        if record["id"] not in table.records or set(values) - table.fields:
            errors = [{"statusCode": "ENTITY_IS_DELETED", "message": "no such record"}]
            results.append({"success": False, "errors": errors})
        else:
            table.put(record["id"], values)
            results.append({"id": record["id"], "success": True, "errors": []})
    return 200, results


def odoo(table: CrmTable, method: str, path: str, body: dict) -> Answer:
    """`load` of crm.lead by database ids, in one transaction: all rows or none."""
    if (method, path) != ("POST", "/json/2/crm.lead/load") or body["fields"][0] != ".id":
        return 404, {"name": "werkzeug.exceptions.NotFound"}
    names = body["fields"][1:]
    wrong = [row for row in body["data"] if row[0] not in table.records]
    if wrong or set(names) - table.fields or len(body["data"]) > table.most:
        return 200, {"ids": False, "messages": [{"type": "error", "message": f"No record {wrong}"}]}
    for record_id, *values in body["data"]:
        table.put(record_id, dict(zip(names, values, strict=True)))
    return 200, {"ids": [int(row[0]) for row in body["data"]], "messages": []}


def dynamics(table: CrmTable, method: str, path: str, body: dict) -> Answer:
    """UpsertMultiple of predictive scores: a record of a new id is made; all or none."""
    action = "/api/data/v9.2/msdyn_predictivescores/Microsoft.Dynamics.CRM.UpsertMultiple"
    if (method, path) != ("POST", action) or len(body["Targets"]) > table.most:
        return 404, {"error": {"message": "no such action"}}
    targets = []
    for target in body["Targets"]:
        values = {k: v for k, v in target.items() if not k.startswith("@")}
        if set(values) - table.fields or target["msdyn_entityid"] not in table.records:
            return 400, {"error": {"message": f"refused {target['msdyn_entityid']}"}}
        targets.append((target["@odata.id"], values))
    for score_id, values in targets:
        table.put(score_id, values)
    return 204, None


def client_of(
    table: CrmTable, answer: Callable[[CrmTable, str, str, dict], Answer], lost: float, seed: int
) -> httpx2.Client:
    """Client of a stand-in that loses a share of its answers, half of them after the call."""
    random = np.random.default_rng(seed)

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return httpx2.Response(401, json={"message": "wrong key"})
        fate = random.random()
        if fate < lost / 3:
            raise httpx2.ConnectError("connection refused", request=request)
        if fate < lost / 2:
            return httpx2.Response(429, json={"message": "slow down"})
        status, body = answer(table, request.method, request.url.path, json.loads(request.content))
        if fate < lost:
            raise httpx2.ReadTimeout("the answer was lost", request=request)
        if body is None:
            return httpx2.Response(status)
        return httpx2.Response(status, json=body)

    return httpx2.Client(
        transport=httpx2.MockTransport(handle),
        base_url="https://crm.example.com",
        headers={"Authorization": f"Bearer {KEY}"},
    )
