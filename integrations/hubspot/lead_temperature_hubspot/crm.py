"""HubSpot's API: contacts with their activities in batches, properties, owners, and the answers.

Paths and bodies are those of the CRM API, version 3, and of associations, version 4.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx2

ACTIVITIES: Mapping[str, tuple[str, ...]] = {
    "calls": (
        *("hs_timestamp", "hs_createdate", "hubspot_owner_id"),
        *("hs_call_direction", "hs_call_disposition", "hs_call_duration"),
    ),
    "emails": ("hs_timestamp", "hs_createdate", "hubspot_owner_id", "hs_email_direction"),
    "meetings": (
        *("hs_timestamp", "hs_createdate", "hubspot_owner_id"),
        *("hs_meeting_outcome", "hs_meeting_start_time", "hs_meeting_end_time"),
    ),
}
"""Types of activities, and the properties of each that tell something of a lead."""
BATCH = 100
"""Most records that HubSpot reads or updates in one call."""
LONGEST_WAIT_SECONDS = 30
_PAUSES = (1, 5)
_RETRIED = {408, 423, 429, 500, 502, 503, 504}
_SEARCH_LIMIT = 10_000
_PAGE = 200

Properties = Mapping[str, str | None]


class UnavailableError(Exception):
    """HubSpot cannot answer now; asking later helps."""


class RefusedError(Exception):
    """HubSpot refused a call; asking again does not help.

    Parameters
    ----------
    response : httpx2.Response
        What it said.
    """

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"{response.request.url} {response.status_code}: {response.text[:500]}")
        self.status = response.status_code


class HubSpot:
    """One HubSpot account.

    Parameters
    ----------
    token : str
        The private app's access token.
    address : str
        Where the API is.
    sleep : callable
        Called with the seconds to wait between two tries.
    """

    def __init__(
        self,
        token: str,
        address: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx2.Client(
            base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        self._sleep = sleep

    def properties(self, kind: str) -> list[Mapping[str, Any]]:
        """Properties that records of a kind may have, with their labels and options.

        Parameters
        ----------
        kind : str
            Such as "contacts".
        """
        found: list[Mapping[str, Any]] = self._call("GET", f"/crm/v3/properties/{kind}")["results"]
        return found

    def create_properties(self, kind: str, properties: Sequence[Mapping[str, Any]]) -> None:
        """Make properties that a kind of records does not have yet.

        Parameters
        ----------
        kind : str
            Such as "contacts".
        properties : sequence of mapping
            As HubSpot describes properties.
        """
        known = {existing["name"] for existing in self.properties(kind)}
        missing = [described for described in properties if described["name"] not in known]
        if missing:
            path = f"/crm/v3/properties/{kind}/batch/create"
            self._call("POST", path, {"inputs": missing})

    def owners(self) -> dict[str, str]:
        """Names of the account's owners by their id."""
        names: dict[str, str] = {}
        path = "/crm/v3/owners?limit=100"
        while path:
            page = self._call("GET", path)
            for owner in page["results"]:
                name = f"{owner.get('firstName') or ''} {owner.get('lastName') or ''}".strip()
                names[str(owner["id"])] = name or owner.get("email") or str(owner["id"])
            after = page.get("paging", {}).get("next", {}).get("after")
            path = f"/crm/v3/owners?limit=100&after={after}" if after else ""
        return names

    def read(self, kind: str, ids: Iterable[str], names: Iterable[str]) -> dict[str, Properties]:
        """Properties of records by id; those that are gone are left out.

        Parameters
        ----------
        kind : str
            Such as "contacts".
        ids : iterable of str
            The records.
        names : iterable of str
            The properties to read.
        """
        wanted = list(names)
        records: dict[str, Properties] = {}
        for some in _batches(list(dict.fromkeys(ids))):
            body = {"inputs": [{"id": i} for i in some], "properties": wanted}
            answer = self._call("POST", f"/crm/v3/objects/{kind}/batch/read", body)
            records |= {str(record["id"]): record["properties"] for record in answer["results"]}
        return records

    def linked(self, kind: str, ids: Iterable[str], other: str) -> dict[str, list[str]]:
        """Ids of the records of another kind that belong to each record.

        Parameters
        ----------
        kind : str
            Kind of the records.
        ids : iterable of str
            The records.
        other : str
            Kind of those that belong to them.
        """
        links: dict[str, list[str]] = {}
        asked: list[dict[str, str]] = [{"id": i} for i in dict.fromkeys(ids)]
        while asked:
            inputs, asked = asked[:BATCH], asked[BATCH:]
            path = f"/crm/v4/associations/{kind}/{other}/batch/read"
            for result in self._call("POST", path, {"inputs": inputs})["results"]:
                source = str(result["from"]["id"])
                links.setdefault(source, []).extend(str(to["toObjectId"]) for to in result["to"])
                after = result.get("paging", {}).get("next", {}).get("after")
                if after:
                    asked.append({"id": source, "after": after})
        return links

    def activities(self, contacts: Sequence[str]) -> dict[str, dict[str, list[Properties]]]:
        """Properties of the activities of each contact, by their type.

        Parameters
        ----------
        contacts : sequence of str
            Ids of the contacts.
        """
        found: dict[str, dict[str, list[Properties]]] = {contact: {} for contact in contacts}
        for kind, names in ACTIVITIES.items():
            links = self.linked("contacts", contacts, kind)
            records = self.read(kind, (i for ids in links.values() for i in ids), names)
            for contact in contacts:
                ids = dict.fromkeys(links.get(contact, ()))
                found[contact][kind] = [records[i] for i in ids if i in records]
        return found

    def update(self, changes: Mapping[str, Mapping[str, str]]) -> None:
        """Write properties of contacts; those that HubSpot does not take are raised, one by one.

        Parameters
        ----------
        changes : mapping of str to mapping
            Properties to write, by contact.
        """
        for some in _batches(list(changes)):
            self._update(some, changes)

    def _update(self, contacts: Sequence[str], changes: Mapping[str, Mapping[str, str]]) -> None:
        inputs = [{"id": contact, "properties": changes[contact]} for contact in contacts]
        try:
            self._call("POST", "/crm/v3/objects/contacts/batch/update", {"inputs": inputs})
        except RefusedError as error:
            if error.status == httpx2.codes.NOT_FOUND and len(contacts) == 1:
                return  # it was deleted meanwhile
            if error.status not in {400, 404} or len(contacts) == 1:
                raise
            half = len(contacts) // 2
            self._update(contacts[:half], changes)
            self._update(contacts[half:], changes)

    def stale(self, until: str, now: datetime, closed: Sequence[str]) -> Iterator[str]:
        """Open contacts whose score may no longer be used, or that have none.

        Parameters
        ----------
        until : str
            Name of the property that says how long a score may be used.
        now : datetime
            The present.
        closed : sequence of str
            Lifecycle stages of contacts that need no score.
        """
        stage = "lifecyclestage"
        is_open = {"propertyName": stage, "operator": "NOT_IN", "values": list(closed)}
        has_no_stage = {"propertyName": stage, "operator": "NOT_HAS_PROPERTY"}
        milliseconds = str(int(1000 * now.timestamp()))
        has_run_out = {"propertyName": until, "operator": "LT", "value": milliseconds}
        has_none = {"propertyName": until, "operator": "NOT_HAS_PROPERTY"}
        groups = [
            {"filters": [of_stage, of_score]}
            for of_stage in (is_open, has_no_stage)
            for of_score in (has_run_out, has_none)
        ]
        after: str | None = "0"
        while after is not None and int(after) < _SEARCH_LIMIT:  # the rest is found the next time
            body = {"filterGroups": groups, "properties": [until], "limit": _PAGE, "after": after}
            page = self._call("POST", "/crm/v3/objects/contacts/search", body)
            yield from (str(record["id"]) for record in page["results"])
            after = page.get("paging", {}).get("next", {}).get("after")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        for pause in (*_PAUSES, None):
            asked_wait: int | None = None
            try:
                response = self._http.request(method, path, json=body)
            except httpx2.TransportError as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                if response.is_success:
                    return response.json() if response.content else {}
                if response.status_code not in _RETRIED:
                    raise RefusedError(response)
                reason = f"{response.status_code}: {response.text[:200]}"
                asked = response.headers.get("retry-after", "")
                asked_wait = int(asked) if asked.isascii() and asked.isdigit() else None
            if pause is None or (asked_wait or 0) > LONGEST_WAIT_SECONDS:
                raise UnavailableError(f"HubSpot does not answer at {path}: {reason}")
            self._sleep(pause if asked_wait is None else asked_wait)
        raise AssertionError("the last pause is None")


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), BATCH):
        yield ids[first : first + BATCH]
