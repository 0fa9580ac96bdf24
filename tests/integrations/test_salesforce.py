"""The project for Salesforce: its Apex runs on a stand-in of an org, and asks the real server."""

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from serving.answers.limits import Limits
from serving.http.app import create_app
from serving.http.security import api_keys
from serving.http.settings import Settings
from tests.support.crm_bundles import KNOWN_BEFORE, CrmBundle, crm_bundle
from tests.support.crm_exports import CONTACTS, LEADS, write_exports
from tests.support.exports import micros
from tests.support.faltering import Faltering
from tests.support.salesforce import Org
from tests.support.servers import answering

PROJECT = Path(__file__).parents[2] / "integrations" / "salesforce"
SOURCE = PROJECT / "force-app" / "main" / "default"
pytestmark = pytest.mark.long
KEY = "the-key-of-the-crm"
NOW = datetime.fromisoformat(KNOWN_BEFORE)
QUEUE = "Lead_Temperature_Queue__c"
TESTS = (
    "leadsAreScored",
    "leadsStayQueuedWhenTheServerIsAway",
    "leadsStayQueuedWhenTheKeyIsWrong",
    "leadsWithoutAScoreAreQueuedByTheSchedule",
)


RENAMED = {
    '["LeadSource", ': '["source", ',
    'created_at = "CreatedDate"': 'created_at = "CreatedDate"\nsource = "LeadSource"',
    "[interactions.values.direction]": '[interactions.values.kind]\n"Call" = "talk"\n'
    "[interactions.values.direction]",
}
"""What a person may change in the draft: a column and a word get names of their own."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> CrmBundle:
    return exported(tmp_path_factory.mktemp("salesforce"))


def exported(folder: Path, changes: Mapping[str, str] = MappingProxyType({})) -> CrmBundle:
    write_exports("Salesforce", folder / "exports")
    return crm_bundle(folder / "exports", folder, changes=changes)


def app_of(bundle: CrmBundle) -> Any:
    keys = api_keys(f"crm:score:{hashlib.sha256(KEY.encode()).hexdigest()}")
    return create_app(bundle.folder, Settings(api_keys=keys), lambda: micros(KNOWN_BEFORE))


@pytest.fixture(scope="module")
def server(bundle: CrmBundle) -> Iterator[tuple[str, Faltering]]:
    faltering = Faltering(app_of(bundle))
    with answering(faltering) as address:
        yield address, faltering


@pytest.fixture
def faltering(server: tuple[str, Faltering]) -> Faltering:
    server[1].answers.clear()
    server[1].asked.clear()
    return server[1]


@pytest.fixture
def org(server: tuple[str, Faltering], faltering: Faltering) -> Org:
    return Org(PROJECT, server[0], KEY, NOW)


def with_the_firm(org: Org) -> list[str]:
    """The made-up firm in an org; the ids of its open leads."""
    stages = {"won": "Closed - Converted", "lost": "Closed - Not Converted", "open": "Working"}
    for lead in LEADS:
        record = f"00QAA{lead.number:010d}"
        org.records["Lead"][record] = {
            "Id": record,
            "CreatedDate": lead.created,
            "LeadSource": lead.source,
            "Country": lead.country,
            "Status": stages[lead.status],
            "IsConverted": lead.won is not None,
        }
    for contact in CONTACTS:
        record = f"00T{contact.number:010d}"
        org.records["Task"][record] = {
            "Id": record,
            "WhoId": f"00QAA{contact.lead.number:010d}",
            "CreatedDate": contact.at,
            "CompletedDateTime": contact.at,
            "IsClosed": True,
            "TaskSubtype": contact.kind.capitalize(),
            "CallType": "Inbound" if contact.inbound else "Outbound",
            "CallDurationInSeconds": contact.seconds,
            "OwnerId": f"005{contact.number % 2}",
        }
    return [f"00QAA{lead.number:010d}" for lead in LEADS if lead.status == "open"]


def queued(org: Org) -> list[str]:
    return [row["Lead__c"] for row in org.records[QUEUE].values()]


def test_a_lead_scores_as_it_does_from_the_export(org, bundle, faltering) -> None:
    assert_scores(org, bundle)
    assert org.log == []
    assert faltering.asked == ["/v1/model", "/v1/score/batch"]
    org.run_schedule("LeadTemperatureSchedule")
    assert queued(org) == []


def test_names_and_words_of_ones_own_need_no_table(tmp_path) -> None:
    bundle = exported(tmp_path, RENAMED)
    with answering(app_of(bundle)) as address:
        assert_scores(Org(PROJECT, address, KEY, NOW), bundle)
    assert "source" in bundle.tables.attribute_kinds
    assert "talk" in bundle.tables.interactions["kind"].to_pylist()


def assert_scores(org: Org, bundle: CrmBundle) -> None:
    """Queue and score all open leads: each has the score of the bulk file, bit for bit."""
    open_ids = with_the_firm(org)
    org.run_schedule("LeadTemperatureSchedule")
    assert sorted(queued(org)) == open_ids
    org.run_jobs()
    assert queued(org) == []
    scores = bundle.scores(KNOWN_BEFORE)
    assert sorted(scores.index) == open_ids
    assert scores.hot_probability.nunique() > 10
    for record in open_ids:
        lead, expected = org.records["Lead"][record], scores.loc[record]
        assert lead["Hot_Probability__c"] == 100 * Decimal(str(expected.hot_probability))
        assert lead["Temperature__c"] == expected.band
        assert lead["Temperature_Why__c"]
        assert NOW < lead["Temperature_Until__c"] <= NOW + timedelta(days=1)
        assert lead["Temperature_Problem__c"] is None


def test_saving_asks_nobody_and_queues_the_lead(org, faltering) -> None:
    lead = org.insert("Lead", LastName="L", Company="C", Status="Working")
    org.insert("Task", WhoId=lead, Status="Completed", TaskSubtype="Call")
    org.insert("Event", WhoId=lead, StartDateTime=NOW)
    org.update("Lead", lead, LeadSource="Referral")
    assert queued(org) == [lead] * 4
    assert faltering.asked == []
    assert len(org.jobs) == 1
    assert org.run_jobs() == [0]
    assert queued(org) == []
    assert org.records["Lead"][lead]["Temperature__c"]


def test_tasks_of_contacts_and_of_nobody_are_left_alone(org) -> None:
    org.insert("Task", WhoId="003AA0000000001", Status="Completed")
    org.insert("Task", Status="Completed")
    assert queued(org) == []
    assert org.jobs == []


def test_many_leads_go_in_batches(org, faltering) -> None:
    leads = [org.insert("Lead", LastName=str(i), Company="C", Status="Working") for i in range(250)]
    org.run_jobs()
    assert queued(org) == []
    assert faltering.asked.count("/v1/score/batch") == 3
    assert all(org.records["Lead"][lead]["Temperature__c"] for lead in leads)


@pytest.mark.parametrize(
    ("answers", "delays", "scored"),
    [
        ([(503, {"Retry-After": "5"})], [0, 1], True),
        ([(503, {"Retry-After": "180"})], [0, 3], True),
        ([(503, {"Retry-After": "3600"})], [0], False),
        ([(503, {})] * 9, [0, 1, 5, 10], False),
        ([(502, {}), (429, {})], [0, 1, 5], True),
        ([(401, {})], [0], False),
        ([(422, {})], [0], False),
    ],
    ids=["full", "ending", "long", "down", "proxy", "key", "contract"],
)
def test_tries_are_bounded_and_what_fails_stays_queued(
    org, faltering, answers, delays, scored
) -> None:
    lead = org.insert("Lead", LastName="L", Company="C", Status="Working")
    faltering.answers[:] = answers
    assert org.run_jobs() == delays
    assert org.jobs == []
    assert queued(org) == ([] if scored else [lead])
    assert bool(org.records["Lead"][lead].get("Temperature__c")) == scored
    assert bool(org.log)
    # An hour later the schedule starts the job again.
    faltering.answers.clear()
    org.run_schedule("LeadTemperatureSchedule")
    org.run_jobs()
    assert queued(org) == []
    assert org.records["Lead"][lead]["Temperature__c"]


def test_a_server_that_is_not_there_stops_nobody(server) -> None:
    org = Org(PROJECT, "http://127.0.0.1:9", KEY, NOW)
    lead = org.insert("Lead", LastName="L", Company="C", Status="Working")
    assert org.run_jobs() == [0, 1, 5, 10]
    assert queued(org) == [lead]


def test_a_refused_lead_says_why_and_keeps_its_score(org) -> None:
    good, bad = (
        org.insert("Lead", LastName=str(i), Company="C", Status="Working") for i in range(2)
    )
    org.run_jobs()
    score = org.records["Lead"][bad]["Hot_Probability__c"]
    org.update("Lead", bad, Country="X" * 2_000)
    org.update("Lead", good, Country="PT")
    org.run_jobs()
    leads = org.records["Lead"]
    assert "attributes.Country" in leads[bad]["Temperature_Problem__c"]
    assert leads[bad]["Hot_Probability__c"] == score
    assert leads[good]["Temperature_Problem__c"] is None
    assert queued(org) == []
    org.update("Lead", bad, Country="RO")
    org.run_jobs()
    assert leads[bad]["Temperature_Problem__c"] is None


def test_leads_that_are_too_long_together_go_in_halves(bundle) -> None:
    limited = create_app(
        bundle.folder, Settings(limits=Limits(max_body_bytes=900)), lambda: micros(KNOWN_BEFORE)
    )
    with answering(limited) as address:
        org = Org(PROJECT, address, KEY, NOW)
        leads = [
            org.insert("Lead", LastName=str(i), Company="C", Status="Working") for i in range(9)
        ]
        for _ in range(20):
            org.insert("Task", WhoId=leads[4], Status="Completed", TaskSubtype="Call")
        org.run_jobs(100)
    assert queued(org) == []
    records = [org.records["Lead"][lead] for lead in leads]
    assert [bool(r.get("Temperature__c")) for r in records] == [True] * 4 + [False] + [True] * 4
    assert "413" in records[4]["Temperature_Problem__c"]


def test_a_model_with_another_attribute_scores_on(org) -> None:
    org.kinds["Lead"].remove("Country")
    org.kinds["Lead"].add("Country_of_Origin__c")
    lead = org.insert(
        "Lead", LastName="L", Company="C", Status="Working", Country_of_Origin__c="PT"
    )
    org.run_jobs()
    without = org.records["Lead"][lead]["Hot_Probability__c"]
    assert "The model reads Country, and Lead has no such field" in org.log[0]
    org.records["Lead_Temperature_Field__mdt"]["m01"] = {
        "Attribute__c": "Country",
        "Field__c": "Country_of_Origin__c",
    }
    org.update("Lead", lead, LastName="M")
    org.run_jobs()
    assert org.records["Lead"][lead]["Hot_Probability__c"] != without


def test_what_is_missing_is_left_out_and_times_are_utc(org) -> None:
    lead = org.insert("Lead", LastName="L", Company="C", Status="Working")
    org.insert("Task", WhoId=lead, Status="Completed", TaskSubtype="Call")
    org.insert("Task", WhoId=lead, Status="Completed", CallDurationInSeconds=0)
    org.insert("Event", WhoId=lead, StartDateTime=NOW, DurationInMinutes=2)
    model: Any = {
        "attributes": {"LeadSource": {}, "LastName": {}},
        "measures": ["duration_seconds"],
        "vocabulary": {"kind": ["call"], "agent": ["x"], "outcome": []},
    }
    run, klass = org.interpreter, org.interpreter.classes["LeadTemperaturePayload"]
    (sent,) = run.run(klass, "leads", [{lead}], run.new(klass, [model]))
    at = {"occurred_at": NOW, "recorded_at": NOW}
    assert sent == {
        "lead_id": lead,
        "created_at": NOW,
        "attributes": {"LastName": "L"},
        "interactions": [
            {**at, "kind": "call"},
            {**at, "measures": {"duration_seconds": 0}},
            {**at, "kind": "meeting", "measures": {"duration_seconds": 120}},
        ],
    }
    text = org.call("JSON", "serialize", [sent], None)  # type: ignore[arg-type]
    assert '"created_at": "2024-10-16T00:00:00.000Z"' in text


@pytest.mark.parametrize("name", TESTS)
def test_the_tests_that_salesforce_asks_for_pass(org, name) -> None:
    org.run_test("LeadTemperatureTest", name)


def test_no_test_of_apex_is_left_out(org) -> None:
    assert tuple(org.interpreter.classes["LeadTemperatureTest"].tests) == TESTS


def test_the_files_of_the_project_fit_together(org) -> None:
    namespace = {"": "http://soap.sforce.com/2006/04/metadata"}

    def texts(path: str, tag: str) -> list[str]:
        (file,) = SOURCE.glob(path)
        root = ET.parse(file).getroot()  # noqa: S314 - it is ours
        return [e.text or "" for e in root.iterfind(f".//{tag}", namespace)]

    permitted = texts("permissionsets/*.xml", "field")
    ours = {name for name in org.kinds["Lead"] if name.endswith("__c")}
    assert {name.removeprefix("Lead.") for name in permitted} == ours
    assert texts("permissionsets/*.xml", "externalCredentialPrincipal") == [
        "Lead_Temperature-Server"
    ]
    assert texts("namedCredentials/*.xml", "externalCredential") == ["Lead_Temperature"]
    assert texts("externalCredentials/*.xml", "parameterName")[0] == "Server"
    assert texts("namedCredentials/*.xml", "generateAuthorizationHeader") == ["false"]
    assert texts("objects/Lead/fields/Temperature__c*.xml", "fullName")[1:] == [
        "cold",
        "warm",
        "hot",
    ]
