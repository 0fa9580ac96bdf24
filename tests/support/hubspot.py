"""A stand-in for HubSpot: the parts of its CRM API that the app uses, by its public documentation.

It holds records in memory, and refuses what HubSpot refuses: too many records in a call, unknown
properties and options, a wrong token. Pages of associations are short, so that there are several.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

TOKEN = "pat-eu1-the-token"  # noqa: S105 - it opens nothing
MOST, PAGE = 100, 4


class RefusedError(Exception):
    """A call that HubSpot refuses."""


def _option(value: str, label: str) -> dict[str, str]:
    return {"value": value, "label": label}


def described(name: str, label: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    """A property as HubSpot describes it."""
    return {"name": name, "label": label, "type": kind, "options": [], **more}


@dataclass
class Account:
    """A HubSpot account.

    Parameters
    ----------
    properties : mapping of str to list
        Described properties by kind of records.
    records : mapping of str to mapping
        Properties of records by kind and id.
    links : mapping of str to mapping
        Ids of activities, by their kind and the contact.
    owners : mapping of str to (str, str)
        First and last name by id.
    """

    properties: dict[str, list[dict[str, Any]]]
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    links: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)

    def app(self) -> Starlette:
        """The API of the account."""
        objects = "/crm/v3/objects"
        routes = {
            "GET /crm/v3/properties/{kind}": lambda kind, **_: {"results": self.properties[kind]},
            "POST /crm/v3/properties/{kind}/batch/create": self._create_properties,
            "GET /crm/v3/owners": self._owners,
            f"POST {objects}/contacts/search": self._search,
            f"POST {objects}/contacts/batch/update": self._update,
            f"POST {objects}/{{kind}}/batch/read": self._read,
            "POST /crm/v4/associations/{kind}/{other}/batch/read": self._linked,
        }
        return Starlette(routes=[self._route(*name.split(), call) for name, call in routes.items()])

    def _route(self, method: str, path: str, call: Any) -> Route:
        async def answer(request: Request) -> JSONResponse:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return JSONResponse({"status": "error", "category": "INVALID_AUTH"}, 401)
            body = await request.json() if method == "POST" else dict(request.query_params)
            try:
                if len(body.get("inputs", ())) > MOST:
                    raise RefusedError("too many inputs")  # noqa: TRY301
                return JSONResponse(call(body=body, **request.path_params))
            except RefusedError as error:
                return JSONResponse({"status": "error", "message": str(error)}, 400)

        return Route(path, answer, methods=[method])

    def _owners(self, body: Mapping[str, str]) -> dict[str, Any]:
        ids = sorted(self.owners)
        first = int(body.get("after", 0))
        page = [
            {"id": i, "firstName": self.owners[i][0], "lastName": self.owners[i][1]}
            for i in ids[first : first + 1]
        ]
        more = {"paging": {"next": {"after": str(first + 1)}}} if first + 1 < len(ids) else {}
        return {"results": page, **more}

    def _create_properties(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        known = self._names(kind)
        for one in body["inputs"]:
            if one["name"] in known or not {"label", "type", "fieldType", "groupName"} <= set(one):
                raise RefusedError(f"property {one}")
        self.properties[kind] += body["inputs"]
        return {"results": body["inputs"]}

    def _names(self, kind: str) -> set[str]:
        return {p["name"] for p in self.properties[kind]}

    def _read(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        found = {one["id"] for one in body["inputs"]} & set(self.records[kind])
        return {
            "status": "COMPLETE",
            "results": [
                {
                    "id": i,
                    "properties": {n: self.records[kind][i].get(n) for n in body["properties"]},
                }
                for i in sorted(found)
            ],
        }

    def _linked(self, kind: str, other: str, body: Mapping[str, Any]) -> dict[str, Any]:
        results = []
        for one in body["inputs"]:
            if kind == "contacts":
                ids = self.links[other].get(one["id"], [])
            else:
                ids = [c for c, linked in self.links[kind].items() if one["id"] in linked]
            first = int(one.get("after", 0))
            to = [{"toObjectId": int(i), "associationTypes": []} for i in ids[first : first + PAGE]]
            result: dict[str, Any] = {"from": {"id": one["id"]}, "to": to}
            if first + PAGE < len(ids):
                result["paging"] = {"next": {"after": str(first + PAGE)}}
            if to:
                results.append(result)
        return {"status": "COMPLETE", "results": results}

    def _update(self, body: Mapping[str, Any]) -> dict[str, Any]:
        for one in body["inputs"]:
            for name, value in one["properties"].items():
                matching = [p for p in self.properties["contacts"] if p["name"] == name]
                options = [option["value"] for p in matching for option in p.get("options", ())]
                if not matching or (options and value and value not in options):
                    raise RefusedError(f"property {name} = {value}")
                if len(value) > 65_536:
                    raise RefusedError(f"property {name} is too long")
            if one["id"] not in self.records["contacts"]:
                raise RefusedError(f"contact {one['id']}")
        for one in body["inputs"]:
            self.records["contacts"][one["id"]] |= one["properties"]
        return {"status": "COMPLETE", "results": body["inputs"]}

    def _search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        def holds(values: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
            value = values.get(one["propertyName"])
            match one["operator"]:
                case "NOT_IN":
                    return bool(value) and value not in one["values"]
                case "LT":
                    return bool(value) and int(value) < int(one["value"])
                case "NOT_HAS_PROPERTY":
                    return not value
            raise RefusedError(one["operator"])

        if body["limit"] > 200 or int(body["after"]) + body["limit"] > 10_000:
            raise RefusedError("too many results")
        found = [
            i
            for i, values in sorted(self.records["contacts"].items())
            if any(all(holds(values, f) for f in g["filters"]) for g in body["filterGroups"])
        ]
        first = int(body["after"])
        end = first + min(body["limit"], 25)
        more = {"paging": {"next": {"after": str(end)}}} if end < len(found) else {}
        return {"total": len(found), "results": [{"id": i} for i in found[first:end]], **more}
