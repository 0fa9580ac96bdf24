"""What changed on the day's list since the one before, and its way back into the CRM.

`changed_leads` compares two lists and gives each lead's new values. `write_back` sends them in the
batches of the CRM's documented API: Odoo's JSON-2, HubSpot's objects, Salesforce's sObject
collections, and the predictive scores of Dynamics 365. Every call sets fields of records that it
names by their ids, so whatever is sent twice, because an answer was lost, is as if it had been sent
once. A batch that the CRM refuses as a whole is halved until the lead that it refuses stands alone.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never, get_args

import httpx2
import pyarrow as pa
import pyarrow.csv

from features.json_values import JsonObject

Crm = Literal["odoo", "hubspot", "salesforce", "dynamics"]
CRMS: tuple[Crm, ...] = get_args(Crm)
WRITTEN_FIELDS = (
    *("person", "rank", "band", "probability", "due_by", "clock", "play"),
    *("mention", "question", "reasons"),
)
"""Columns of a list that go back into the CRM."""
BATCH_SIZES: Mapping[Crm, int] = {"odoo": 100, "hubspot": 100, "salesforce": 200, "dynamics": 100}
"""Records of a call: HubSpot and Salesforce take no more; of the others fewer is safer."""
TRIES = 8
PAUSES_SECONDS = (0.5, 1, 2, 4, 8, 15, 30)
ASK_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
GRADES: Mapping[str, int] = {"hot": 0, "warm": 1, "cold": 2}
"""Grades A, B and C of Dynamics 365."""
SCORES_NAMESPACE = uuid.UUID("8f1a3f4e-6f0b-5b5e-9c39-6f8d6f0f1c55")
"""From it and the lead's id follows the id of its score: writing it again finds the same record."""


@dataclass(frozen=True, slots=True)
class ChangedLead:
    """New values of one lead.

    Parameters
    ----------
    lead_id : str
        The lead, by its id in the CRM.
    values : mapping of str to str
        Value by field of `WRITTEN_FIELDS`; an empty text clears it.
    """

    lead_id: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RefusedLead:
    """A lead whose values the CRM refused.

    Parameters
    ----------
    lead_id : str
        The lead.
    explanation : str
        What the CRM said.
    """

    lead_id: str
    explanation: str


def read_list(path: Path) -> dict[str, dict[str, str]]:
    """What goes back into the CRM of a list, by lead.

    Parameters
    ----------
    path : pathlib.Path
        A list as CSV, as `lead-temperature work` writes it.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no list.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    names = ("lead_id", *WRITTEN_FIELDS)
    options = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    try:
        table = pa.csv.read_csv(path, convert_options=options)
    except pa.ArrowException as error:
        raise ValueError(f"{path} cannot be read as CSV: {error}") from error
    for name in names:
        if table.column_names.count(name) != 1:
            raise ValueError(
                f"{path}: column '{name}' must be there once, as in a list that "
                "`lead-temperature work` wrote."
            )
    rows: dict[str, dict[str, str]] = {}
    for row, values in enumerate(table.select(names).to_pylist(), start=1):
        lead_id = _plain(values.pop("lead_id") or "")
        if not lead_id or lead_id in rows:
            law = "stands there twice" if lead_id else "is missing"
            raise ValueError(f"{path}: row {row}: lead_id '{lead_id}' {law}; a list has each once.")
        rows[lead_id] = {name: _plain(value or "") for name, value in values.items()}
    return rows


def _plain(text: str) -> str:
    """Text without the apostrophe by which a spreadsheet takes it for a text."""
    return text[1:] if text[:1] == "'" and text[1:2] in set("=+-@\t\r") else text


def changed_leads(
    current: Mapping[str, Mapping[str, str]], earlier: Mapping[str, Mapping[str, str]]
) -> list[ChangedLead]:
    """Leads whose values differ from those on the list before, in the order of their ids.

    Parameters
    ----------
    current, earlier : mapping of str to mapping
        Values by lead, as `read_list` reads them. A lead that stands on the list no more is
        cleared.

    Examples
    --------
    >>> changed_leads({"a": {"rank": "1"}, "b": {"rank": "2"}}, {"b": {"rank": "2"}})
    [ChangedLead(lead_id='a', values={'rank': '1'})]
    """
    changes = []
    for lead_id in sorted(current.keys() | earlier.keys()):
        earlier_values = earlier.get(lead_id, {})
        values = current.get(lead_id) or dict.fromkeys(earlier_values, "")
        different = {
            name: value for name, value in values.items() if earlier_values.get(name) != value
        }
        if different:
            changes.append(ChangedLead(lead_id, different))
    return changes


@dataclass(frozen=True, slots=True)
class CrmCall:
    """One call of a CRM's API.

    Parameters
    ----------
    method, path : str
        Of the request.
    body : JsonObject
        What is sent.
    leads : tuple of ChangedLead
        Whose values it holds.
    """

    method: str
    path: str
    body: JsonObject
    leads: tuple[ChangedLead, ...]


def crm_call(crm: Crm, leads: Sequence[ChangedLead]) -> CrmCall:
    """The call that sets the values of some leads.

    Parameters
    ----------
    crm : {"odoo", "hubspot", "salesforce", "dynamics"}
        Whose API.
    leads : sequence of ChangedLead
        As many as a batch has, each with values for the same fields where the CRM is Odoo.

    Raises
    ------
    ValueError
        An id cannot be one of this CRM.
    """
    match crm:
        case "odoo":
            names = list(leads[0].values)
            body: JsonObject = {
                "fields": [".id", *(f"x_lead_temperature_{name}" for name in names)],
                "data": [
                    [_number(lead.lead_id), *(lead.values[name] for name in names)]
                    for lead in leads
                ],
            }
            return CrmCall("POST", "/json/2/crm.lead/load", body, tuple(leads))
        case "hubspot":
            body = {
                "inputs": [
                    {
                        "id": lead.lead_id,
                        "properties": {f"lead_temperature_{n}": v for n, v in lead.values.items()},
                    }
                    for lead in leads
                ]
            }
            return CrmCall("POST", "/crm/v3/objects/contacts/batch/update", body, tuple(leads))
        case "salesforce":
            records = [
                {
                    "attributes": {"type": "Lead"},
                    "id": lead.lead_id,
                    **{f"Lead_Temperature_{n.title()}__c": v for n, v in lead.values.items()},
                }
                for lead in leads
            ]
            body = {"allOrNone": False, "records": records}
            return CrmCall("PATCH", "/services/data/v61.0/composite/sobjects", body, tuple(leads))
        case "dynamics":
            path = "/api/data/v9.2/msdyn_predictivescores/Microsoft.Dynamics.CRM.UpsertMultiple"
            return CrmCall(
                "POST", path, {"Targets": [_predictive_score(lead) for lead in leads]}, tuple(leads)
            )
        case _:
            assert_never(crm)


def _number(lead_id: str) -> str:
    if not (lead_id.isascii() and lead_id.isdecimal()):
        raise ValueError(
            f"lead_id '{lead_id}' must be the number of a record in Odoo. Export the column id."
        )
    return lead_id


def _predictive_score(lead: ChangedLead) -> JsonObject:
    """A record of the table msdyn_predictivescore, whose id follows from the lead's."""
    try:
        lead_id = str(uuid.UUID(lead.lead_id))
    except ValueError:
        raise ValueError(
            f"lead_id '{lead.lead_id}' must be the GUID of a lead in Dynamics 365. Export the "
            "column leadid."
        ) from None
    score_id = uuid.uuid5(SCORES_NAMESPACE, lead_id)
    values = lead.values
    record: dict[str, str | int] = {
        "@odata.type": "Microsoft.Dynamics.CRM.msdyn_predictivescore",
        "@odata.id": f"msdyn_predictivescores({score_id})",
        "msdyn_entityid": lead_id,
        "msdyn_entitytype": "lead",
    }
    if values.get("probability"):
        record["msdyn_score"] = round(100 * float(values["probability"]))
    if values.get("band"):
        record["msdyn_grade"] = GRADES[values["band"]]
    if "reasons" in values:
        record["msdyn_scorereasons"] = values["reasons"]
    return record


def crm_client(url: str, key: str) -> httpx2.Client:
    """Client of a CRM's API.

    Parameters
    ----------
    url : str
        Address of the CRM.
    key : str
        API key or access token, sent as a bearer token.
    """
    return httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def write_back(
    client: httpx2.Client,
    crm: Crm,
    changes: Sequence[ChangedLead],
    sleep: Callable[[float], None] = time.sleep,
) -> list[RefusedLead]:
    """Send the changes to a CRM until each was taken or refused.

    Parameters
    ----------
    client : httpx2.Client
        With the CRM's address and its authorization.
    crm : {"odoo", "hubspot", "salesforce", "dynamics"}
        Whose API.
    changes : sequence of ChangedLead
        What to write.
    sleep : callable
        Called with the seconds to wait before another try.

    Returns
    -------
    list of RefusedLead
        Leads whose values the CRM does not take; sending them again does not help.

    Raises
    ------
    ConnectionError
        The CRM could not be reached, or was not able to answer, for all tries. Sending everything
        again later is safe.
    """
    refused: list[RefusedLead] = []
    waiting = list(_batches(crm, changes))
    while waiting:
        batch = waiting.pop(0)
        response = _answer(client, crm_call(crm, batch), sleep)
        refusals = _refusals(crm, batch, response)
        if refusals is None and len(batch) > 1:  # refused as a whole
            middle = len(batch) // 2
            waiting[:0] = [batch[:middle], batch[middle:]]
        elif refusals is None:
            refused.append(RefusedLead(batch[0].lead_id, _said(response)))
        else:
            refused += refusals
    return refused


def _batches(crm: Crm, changes: Sequence[ChangedLead]) -> Iterator[tuple[ChangedLead, ...]]:
    """Changes in batches; those of Odoo have the same fields in each."""
    groups: dict[tuple[str, ...], list[ChangedLead]] = {}
    for lead in changes:
        groups.setdefault(tuple(lead.values) if crm == "odoo" else (), []).append(lead)
    for group in groups.values():
        for begin in range(0, len(group), BATCH_SIZES[crm]):
            yield tuple(group[begin : begin + BATCH_SIZES[crm]])


def _answer(
    client: httpx2.Client, call: CrmCall, sleep: Callable[[float], None]
) -> httpx2.Response:
    """Answer to a call, which is sent again where none came or the CRM says to ask later."""
    for attempt in range(TRIES):
        try:
            response = client.request(call.method, call.path, json=call.body)
        except httpx2.TransportError as error:
            failure = f"{type(error).__name__}: {error}"
        else:
            if response.status_code not in ASK_AGAIN:
                return response
            failure = f"status {response.status_code}"
        if attempt + 1 < TRIES:
            sleep(PAUSES_SECONDS[min(attempt, len(PAUSES_SECONDS) - 1)])
    raise ConnectionError(
        f"{call.path}: no answer in {TRIES} tries ({failure}). What was sent may be sent again: "
        "run the command once more when the CRM answers."
    )


def _refusals(
    crm: Crm, batch: Sequence[ChangedLead], response: httpx2.Response
) -> list[RefusedLead] | None:
    """Leads of a batch that were refused; None where the whole batch was."""
    if response.status_code in (401, 403):
        raise PermissionError(
            f"The CRM does not let this key write ({response.status_code}): {_said(response)} "
            "Check the key and what it may do."
        )
    if response.is_error:
        return None
    match crm:
        case "odoo":
            return [] if response.json()["ids"] else None
        case "hubspot":
            # 207: some were taken; each error names the records that were not.
            updated_ids = {str(record["id"]) for record in response.json()["results"]}
            return [
                RefusedLead(lead.lead_id, _said(response))
                for lead in batch
                if lead.lead_id not in updated_ids
            ]
        case "salesforce":
            return [
                RefusedLead(lead.lead_id, str(result["errors"])[:300])
                for lead, result in zip(batch, response.json(), strict=True)
                if not result["success"]
            ]
        case "dynamics":
            return []
        case _:
            assert_never(crm)


def _said(response: httpx2.Response) -> str:
    return response.text[:300]
