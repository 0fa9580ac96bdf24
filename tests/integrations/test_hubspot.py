"""The app for HubSpot, on a stand-in of HubSpot's API, asking the real server."""

import csv
import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import pytest

from integrations.hubspot.lead_temperature_hubspot import crm, payload, service
from serving.client import Client
from serving.http.app import create_app
from serving.http.security import api_keys
from serving.http.settings import Settings
from tests.support.crm_bundles import KNOWN_BEFORE, CrmBundle, crm_bundle
from tests.support.crm_exports import CONTACTS, LEADS, SELLERS, write_exports, write_rows
from tests.support.exports import micros
from tests.support.faltering import Faltering
from tests.support.http import TestClient
from tests.support.hubspot import TOKEN, Account, described
from tests.support.servers import answering
from tests.support.waiting import until

pytestmark = pytest.mark.long
KEY = "the-key-of-the-crm"
SECRET, TARGET = "client-secret", "https://hooks.example/hubspot"
NOW = datetime.fromisoformat(KNOWN_BEFORE)
PROJECT = Path(__file__).parents[2] / "integrations" / "hubspot"


def contact_id(number: int) -> str:
    return str(51_000_000_000 + 7 * number)


def instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.fixture
def account() -> Account:
    """The made-up firm in HubSpot, with the properties that its export has."""
    sources = {lead.source.upper().replace(" ", "_"): lead.source for lead in LEADS}
    directions = [{"value": d.upper(), "label": d} for d in ("Inbound", "Outbound")]
    owner = described("hubspot_owner_id", "Owner", "enumeration", referencedObjectType="OWNER")
    times = [described("hs_timestamp", "Activity date", "datetime"), owner]
    emails = {"INCOMING_EMAIL": "Incoming Email", "EMAIL": "Email"}
    properties = {
        "contacts": [
            described("createdate", "Create Date", "datetime"),
            described("lifecyclestage", "Lifecycle Stage", "enumeration"),
            described(
                "hs_analytics_source",
                "Original Source",
                "enumeration",
                options=[{"value": v, "label": label} for v, label in sources.items()],
            ),
            described("country", "Country/Region"),
            described("numberofemployees", "Number of Employees", "number"),
            owner,
        ],
        "calls": [
            *times,
            described("hs_call_direction", "Call direction", "enumeration", options=directions),
            described("hs_call_duration", "Call duration (HH:mm:ss)", "number"),
        ],
        "emails": [
            *times,
            described(
                "hs_email_direction",
                "Email direction",
                "enumeration",
                options=[{"value": v, "label": label} for v, label in emails.items()],
            ),
        ],
        "meetings": [*times, described("hs_meeting_outcome", "Meeting outcome", "enumeration")],
    }
    account = Account(properties)
    account.owners = {str(i): tuple(name.split(" ")) for i, name in enumerate(SELLERS)}
    stages = {"won": "customer", "lost": "other", "open": "lead"}
    account.records["contacts"] = {
        contact_id(lead.number): {
            "createdate": instant(lead.created),
            "lifecyclestage": stages[lead.status],
            "hs_analytics_source": lead.source.upper().replace(" ", "_"),
            "country": lead.country,
            "numberofemployees": str(11 * (lead.number + 90)),
        }
        for lead in LEADS
    }
    for kind in crm.ACTIVITIES:
        account.records[kind], account.links[kind] = {}, {}
    for contact in CONTACTS:
        kind, record = f"{contact.kind}s", str(33_000_000_000 + contact.number)
        values = {
            "hs_timestamp": instant(contact.at),
            "hs_createdate": instant(contact.at),
            "hubspot_owner_id": str(contact.number % 2),
        }
        inbound = contact.inbound
        if contact.kind == "call":
            values["hs_call_direction"] = "INBOUND" if inbound else "OUTBOUND"
            values["hs_call_duration"] = str(1000 * contact.seconds)
        elif contact.kind == "email":
            values["hs_email_direction"] = "INCOMING_EMAIL" if inbound else "EMAIL"
        else:
            values["hs_meeting_start_time"] = values["hs_timestamp"]
            end = contact.at + timedelta(seconds=contact.seconds)
            values["hs_meeting_end_time"] = instant(end)
        account.records[kind][record] = values
        links = account.links[kind].setdefault(contact_id(contact.lead.number), [])
        links.append(record)
    return account


RENAMED = {
    '["Original Source", ': '["source", ',
    'created_at = "Create Date"': 'created_at = "Create Date"\nsource = "Original Source"',
}
"""What a person may change in the draft: a column gets a name of its own."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> CrmBundle:
    return exported(tmp_path_factory.mktemp("hubspot"))


def exported(folder: Path, changes: Mapping[str, str] = MappingProxyType({})) -> CrmBundle:
    """Of the firm's export from HubSpot; e-mails have no duration, and meetings no direction."""
    exports = folder / "exports"
    write_exports("HubSpot", exports)
    empty = {"emails.csv": "Call duration (HH:mm:ss)", "meetings.csv": "Call direction"}
    for name, column in empty.items():
        with (exports / name).open(encoding="utf-8", newline="") as file:
            rows = [row | {column: ""} for row in csv.DictReader(file)]
        write_rows(exports / name, rows)
    return crm_bundle(exports, folder, "Europe/Rome", changes)


@dataclass
class Running:
    """The app between a stand-in of HubSpot and the real server.

    Parameters
    ----------
    worker : Worker
        What works the queue off.
    hubspot, server : Faltering
        Both sides, which may be told to fail.
    waits : list of float
        Seconds for which the app wanted to wait, which nobody did.
    """

    worker: service.Worker
    hubspot: Faltering
    server: Faltering
    waits: list[float]

    def queued(self) -> list[str]:
        return [record for _, _, record in self.worker.queue.first(1_000)]


def app_of(bundle: CrmBundle) -> Any:
    keys = api_keys(f"crm:score:{hashlib.sha256(KEY.encode()).hexdigest()}")
    return create_app(bundle.folder, Settings(api_keys=keys), lambda: micros(KNOWN_BEFORE))


@pytest.fixture(scope="module")
def server(bundle: CrmBundle) -> Iterator[tuple[str, Faltering]]:
    faltering = Faltering(app_of(bundle))
    with answering(faltering) as address:
        yield address, faltering


@pytest.fixture
def running(account: Account, server: tuple[str, Faltering], tmp_path: Path) -> Iterator[Running]:
    waits: list[float] = []
    address, faltering = server
    faltering.answers.clear()
    faltering.asked.clear()
    hubspot = Faltering(account.app())
    with (
        answering(hubspot) as crm_address,
        Client(address, KEY, sleep=waits.append, lenient=True) as client,
    ):
        asked = crm.HubSpot(TOKEN, crm_address, waits.append)
        asked.create_properties("contacts", payload.described_properties())
        asked.create_properties("contacts", payload.described_properties())
        queue = service.Queue(tmp_path / "queue.sqlite")
        worker = service.Worker(asked, client, queue, clock=lambda: NOW)
        yield Running(worker, hubspot, faltering, waits)


def test_a_contact_scores_as_it_does_from_the_export(running, account, bundle, caplog) -> None:
    assert_scores(running.worker, account, bundle)
    assert "scored as missing" not in caplog.text
    assert running.worker.sweep()
    assert running.queued() == []


def test_names_of_ones_own_need_no_table(running, account, tmp_path) -> None:
    bundle = exported(tmp_path, RENAMED)
    with answering(app_of(bundle)) as address, Client(address, KEY) as client:
        running.worker.client = client
        assert_scores(running.worker, account, bundle)
    assert "source" in bundle.tables.attribute_kinds


def assert_scores(worker: service.Worker, account: Account, bundle: CrmBundle) -> None:
    """Queue and score all open contacts: each has the score of the bulk file, bit for bit."""
    assert worker.sweep()
    open_ids = {contact_id(lead.number) for lead in LEADS if lead.status == "open"}
    assert {record for _, _, record in worker.queue.first(1_000)} == open_ids
    assert worker.work()
    assert worker.queue.first(1) == []
    scores = bundle.scores(KNOWN_BEFORE)
    assert set(scores.index) == open_ids
    assert scores.hot_probability.nunique() > 10
    for contact in open_ids:
        written, expected = account.records["contacts"][contact], scores.loc[contact]
        assert float(written["hot_probability"]) == expected.hot_probability
        assert written["lead_temperature"] == expected.band
        assert written["temperature_why"]
        until = datetime.fromtimestamp(int(written["temperature_until"]) / 1000, NOW.tzinfo)
        assert NOW < until <= NOW + timedelta(days=1)


def signed(events: Any, at: datetime = NOW, key: str = SECRET) -> dict[str, Any]:
    body = json.dumps(events).encode()
    timestamp = str(int(1000 * at.timestamp()))
    return {
        "content": body,
        "headers": {
            "X-HubSpot-Request-Timestamp": timestamp,
            "X-HubSpot-Signature-v3": service.signature(key, "POST", TARGET, body, timestamp),
        },
    }


@pytest.fixture
def webhooks(tmp_path: Path) -> tuple[TestClient, service.Queue]:
    queue = service.Queue(tmp_path / "hooks.sqlite")
    return TestClient(service.webhook_app(queue, SECRET, TARGET, clock=lambda: NOW)), queue


def test_the_signature_is_the_one_that_hubspot_documents() -> None:
    # HMAC-SHA256 of method, address, body and timestamp, in base64; computed with openssl.
    assert (
        service.signature(
            "secret", "POST", "https://a.example/h%3Fa", b'[{"a":1}]', "1700000000000"
        )
        == "lVqTE5j7iNe2ZtpOc3X1IcTEqC3JTLMMtankwzYhlXA="
    )


def test_only_signed_and_recent_webhooks_are_taken(webhooks) -> None:
    client, queue = webhooks
    event = [{"subscriptionType": "contact.creation", "objectId": 7}]
    for wrong in (
        signed(event, key="another"),
        signed(event, NOW - timedelta(minutes=6)),
        signed(event, NOW + timedelta(minutes=6)),
        signed(event) | {"content": b"[]"},
        {"content": b"[]"},
        {"content": b"[]", "headers": {"X-HubSpot-Request-Timestamp": "soon"}},
    ):
        assert client.post("/hubspot", **wrong).status_code == 401
    assert queue.first(9) == []
    assert client.post("/hubspot", **signed(event)).status_code == 204
    assert [row[1:] for row in queue.first(9)] == [("contacts", "7")]


@pytest.mark.parametrize(
    ("event", "record"),
    [
        ({"subscriptionType": "object.creation", "objectTypeId": "0-1", "objectId": 1}, "contacts"),
        ({"subscriptionType": "object.creation", "objectTypeId": "0-48", "objectId": 1}, "calls"),
        ({"subscriptionType": "object.creation", "objectTypeId": "0-49", "objectId": 1}, "emails"),
        (
            {"subscriptionType": "object.creation", "objectTypeId": "0-47", "objectId": 1},
            "meetings",
        ),
        ({"subscriptionType": "contact.propertyChange", "objectId": 1}, "contacts"),
        ({"subscriptionType": "contact.merge", "objectId": 5, "newObjectId": 1}, "contacts"),
        ({"subscriptionType": "object.creation", "objectTypeId": "0-3", "objectId": 1}, None),
        (
            {
                "subscriptionType": "contact.propertyChange",
                "propertyName": "lead_temperature",
                "objectId": 1,
            },
            None,
        ),
    ],
)
def test_events_name_the_records_to_score(event, record) -> None:
    assert service.records_of([event, event]) == ([(record, "1")] if record else [])


def test_contacts_without_a_stage_or_whose_score_has_run_out_are_looked_for(
    running, account
) -> None:
    for values in account.records["contacts"].values():
        values["temperature_until"] = str(1000 * (int(NOW.timestamp()) + 60))
    account.records["contacts"][contact_id(2)] |= {"lifecyclestage": None}
    account.records["contacts"][contact_id(2)]["temperature_until"] = "1"
    account.records["contacts"][contact_id(5)]["temperature_until"] = "1"
    account.records["contacts"][contact_id(0)]["temperature_until"] = "1"  # a customer
    assert running.worker.sweep()
    assert sorted(running.queued()) == [contact_id(2), contact_id(5)]


def test_an_activity_scores_its_contacts_and_no_others(running, account) -> None:
    lead = next(lead for lead in LEADS if lead.status == "open")
    call = account.links["calls"][contact_id(lead.number)][0]
    running.worker.queue.add([("calls", call)])
    assert running.worker.work()
    written = {i for i, p in account.records["contacts"].items() if "lead_temperature" in p}
    assert written == {contact_id(lead.number)}


def test_contacts_that_are_gone_or_closed_leave_the_queue_without_a_score(running, account) -> None:
    won = contact_id(next(lead for lead in LEADS if lead.status == "won").number)
    running.worker.queue.add([("contacts", won), ("contacts", "404")])
    assert running.worker.work()
    assert running.queued() == []
    assert "lead_temperature" not in account.records["contacts"][won]
    assert "/v1/score/batch" not in running.server.asked


@pytest.mark.parametrize("side", ["server", "hubspot"])
@pytest.mark.parametrize(
    ("answers", "scored"),
    [
        ([(503, {"Retry-After": "2"})], True),
        ([(503, {"Retry-After": "2"}), (502, {})], True),
        ([(503, {"Retry-After": "3600"})], False),
        ([(503, {})] * 20, False),
        ([(401, {})], False),
    ],
    ids=["full", "restarting", "long", "down", "key"],
)
def test_tries_are_bounded_and_what_fails_stays_queued(
    running, account, side, answers, scored
) -> None:
    lead = contact_id(next(lead for lead in LEADS if lead.status == "open").number)
    running.worker.queue.add([("contacts", lead)])
    faltering = running.server if side == "server" else running.hubspot
    faltering.asked.clear()
    faltering.answers[:] = answers
    assert running.worker.work() == scored
    assert len(running.waits) <= 3
    if answers[0] == (503, {"Retry-After": "2"}):
        assert running.waits[0] == 2
    assert running.queued() == ([] if scored else [lead])
    assert ("lead_temperature" in account.records["contacts"][lead]) == scored
    faltering.answers.clear()
    assert running.worker.work()
    assert running.queued() == []


def test_nobody_there_keeps_the_queue(running, account, tmp_path) -> None:
    worker = running.worker
    worker.queue.add([("contacts", contact_id(2))])
    with Client("http://127.0.0.1:9", KEY, sleep=running.waits.append) as client:
        worker.client = client
        assert not worker.work()
    assert running.queued() == [contact_id(2)]


def test_a_refused_contact_says_why_and_the_others_are_scored(running, account) -> None:
    good, bad = [contact_id(lead.number) for lead in LEADS if lead.status == "open"][:2]
    account.records["contacts"][bad]["country"] = "X" * 2_000
    account.records["contacts"][bad]["lead_temperature"] = "warm"
    running.worker.queue.add([("contacts", good), ("contacts", bad)])
    assert running.worker.work()
    records = account.records["contacts"]
    assert records[good]["temperature_problem"] == ""
    assert "Country/Region" in records[bad]["temperature_problem"]
    assert records[bad]["lead_temperature"] == "warm"
    records[bad]["country"] = "PT"
    running.worker.queue.add([("contacts", bad)])
    assert running.worker.work()
    assert records[bad]["temperature_problem"] == ""


def test_an_event_during_the_work_is_not_lost(running, account, monkeypatch) -> None:
    lead = contact_id(2)
    queue = running.worker.queue
    queue.add([("contacts", lead)])
    update = running.worker.hubspot.update

    def update_and_hear(changes: Any) -> None:
        if len(queue.first(9)) == 1 and queue.first(1)[0][0] == 1:
            queue.add([("contacts", lead)])
        update(changes)

    monkeypatch.setattr(running.worker.hubspot, "update", update_and_hear)
    assert running.worker.work()
    assert running.server.asked.count("/v1/score/batch") == 2


def test_a_model_with_another_attribute_scores_on(running, account, caplog) -> None:
    for described_property in account.properties["contacts"]:
        if described_property["name"] == "country":
            described_property["label"] = "Land"
    lead = contact_id(2)
    running.worker.queue.add([("contacts", lead)])
    with caplog.at_level(logging.WARNING):
        assert running.worker.work()
    assert "The model reads Country/Region" in caplog.text
    without = account.records["contacts"][lead]["hot_probability"]
    running.worker.aliases = {"Country/Region": "country"}
    running.worker.queue.add([("contacts", lead)])
    assert running.worker.work()
    assert account.records["contacts"][lead]["hot_probability"] != without


def test_what_is_missing_is_left_out_and_never_0() -> None:
    reading = payload.Reading(
        attributes={
            "Size": payload.Property("size", {}),
            "Flag": payload.Property("flag", {"true": "Yes"}),
        },
        kinds={"Size": "number", "Flag": "category"},
        unknown=(),
        measures=frozenset({"duration_seconds"}),
        vocabulary={"kind": ["call"]},
        activities={"calls": {}, "meetings": {}},
        owners={},
    )
    moment = "2024-10-01T00:00:00Z"
    contact = {"createdate": moment, "size": "", "flag": "true"}
    call = {"hs_timestamp": moment, "hs_createdate": moment, "hs_call_duration": None}
    canceled = {"hs_timestamp": moment, "hs_meeting_outcome": "CANCELED"}
    lead = payload.lead_of("7", contact, {"calls": [call], "meetings": [canceled]}, reading)
    assert lead == {
        "lead_id": "7",
        "created_at": moment,
        "previous_band": None,
        "attributes": {"Flag": "Yes"},
        "interactions": [{"occurred_at": moment, "recorded_at": moment, "kind": "call"}],
    }
    lead = payload.lead_of("7", contact, {"calls": [call | {"hs_call_duration": "0"}]}, reading)
    assert lead["interactions"][0]["measures"] == {"duration_seconds": 0.0}


@pytest.mark.process
def test_the_app_runs_as_the_document_says(account, server, tmp_path) -> None:
    """Properties are made, a webhook comes in by HTTP, and the contact has its temperature."""
    hubspot = account.app()
    contact = contact_id(2)
    port = free_port()
    with answering(hubspot) as crm_address:
        settings = {
            "HUBSPOT_ADDRESS": crm_address,
            "HUBSPOT_TOKEN": TOKEN,
            "HUBSPOT_SECRET": SECRET,
            "HUBSPOT_TARGET": TARGET,
            "HUBSPOT_QUEUE": str(tmp_path / "queue.sqlite"),
            "LEAD_TEMPERATURE_ADDRESS": server[0],
            "LEAD_TEMPERATURE_KEY": KEY,
            "PORT": str(port),
            "PYTHONPATH": str(PROJECT.parents[1]),
        }
        command = [sys.executable, "-m", "lead_temperature_hubspot"]
        environment = os.environ | settings
        subprocess.run([*command, "setup"], cwd=PROJECT, env=environment, check=True)
        account.records["contacts"] = {contact: account.records["contacts"][contact]}
        values = account.records["contacts"][contact]
        with subprocess.Popen(command, cwd=PROJECT, env=environment) as process:
            try:
                # It finds by itself the open contacts that have no score.
                assert until(lambda: "hot_probability" in values)
                values.pop("hot_probability")
                event = [{"subscriptionType": "contact.propertyChange", "objectId": int(contact)}]
                address = f"http://127.0.0.1:{port}/hubspot"
                assert until(lambda: is_open(port))
                assert httpx2.post(address, **signed(event, datetime.now(UTC))).status_code == 204
                assert until(lambda: "hot_probability" in values)
            finally:
                process.terminate()


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return listener.getsockname()[1]


def is_open(port: int) -> bool:
    with closing(socket.socket()) as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_the_project_subscribes_to_what_the_app_understands() -> None:
    hooks = json.loads((PROJECT / "src/app/webhooks/webhooks-hsmeta.json").read_text())
    subscriptions = hooks["config"]["subscriptions"]["crmObjects"]
    kinds = {f"{one['objectType']}s" for one in subscriptions}
    assert kinds == set(service._KINDS.values())
    app = json.loads((PROJECT / "src/app/app-hsmeta.json").read_text())
    scopes = app["config"]["auth"]["requiredScopes"]
    assert {"crm.objects.contacts.write", "crm.objects.owners.read"} <= set(scopes)
    project = json.loads((PROJECT / "hsproject.json").read_text())
    assert (PROJECT / project["srcDir"] / "app").is_dir()
