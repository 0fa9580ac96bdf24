"""Writing back: only what changed, and every field ends right whatever answers are lost."""

import uuid
from pathlib import Path

import httpx2
import pytest

from serving.bulk.desk import write_table
from serving.bulk.writeback import (
    BATCH_SIZES,
    CRMS,
    WRITTEN_FIELDS,
    ChangedLead,
    changed_leads,
    read_list,
    write_back,
)
from serving.pages.work_table import list_columns
from tests.support import crm_tables
from tests.support.bundles import SPEC
from tests.support.desk import house
from tests.support.work import HOSTILE, lively_list

SERVERS = {name: getattr(crm_tables, name) for name in CRMS}
FIELD_NAMES = {
    "odoo": [f"x_lead_temperature_{name}" for name in WRITTEN_FIELDS],
    "hubspot": [f"lead_temperature_{name}" for name in WRITTEN_FIELDS],
    "salesforce": [f"Lead_Temperature_{name.title()}__c" for name in WRITTEN_FIELDS],
    "dynamics": [
        *("msdyn_score", "msdyn_grade", "msdyn_scorereasons"),
        *("msdyn_entityid", "msdyn_entitytype"),
    ],
}


def lead_id(crm: str, number: int) -> str:
    return str(uuid.UUID(int=number)) if crm == "dynamics" else str(number)


def table(crm: str, leads: int) -> crm_tables.CrmTable:
    records = {lead_id(crm, number): {} for number in range(leads)}
    return crm_tables.CrmTable(records, frozenset(FIELD_NAMES[crm]), BATCH_SIZES[crm])


def changes(crm: str, leads: int) -> list[ChangedLead]:
    return [
        ChangedLead(
            lead_id(crm, i),
            {"person": "ana", "rank": str(i), "probability": str(i / 1000), "band": "hot"}
            if i % 3
            else {"rank": str(i), "reasons": f"call: {i}"},
        )
        for i in range(leads)
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("crm", CRMS)
def test_with_a_fifth_of_the_answers_lost_every_field_ends_right_once(crm, seed) -> None:
    crm_table, wanted = table(crm, 650), changes(crm, 650)
    client = crm_tables.client_of(crm_table, SERVERS[crm], lost=0.2, seed=seed)
    assert write_back(client, crm, wanted, sleep=lambda _: None) == []
    assert set(crm_table.writes.values()) == {1}
    for lead in wanted:
        if crm == "dynamics":
            (score,) = (
                record
                for name, record in crm_table.records.items()
                if name.startswith("msdyn") and record["msdyn_entityid"] == lead.lead_id
            )
            if "probability" in lead.values:
                assert score["msdyn_score"] == round(100 * float(lead.values["probability"]))
                assert score["msdyn_grade"] == 0
            else:
                assert score["msdyn_scorereasons"] == lead.values["reasons"]
        else:
            record = crm_table.records[lead.lead_id]
            names = dict(zip(WRITTEN_FIELDS, FIELD_NAMES[crm], strict=True))
            assert record == {names[name]: value for name, value in lead.values.items()}


@pytest.mark.parametrize("crm", CRMS)
def test_what_is_written_again_changes_nothing(crm) -> None:
    crm_table, wanted = table(crm, 20), changes(crm, 20)
    client = crm_tables.client_of(crm_table, SERVERS[crm], lost=0, seed=1)
    for _ in range(2):
        assert write_back(client, crm, wanted) == []
    assert set(crm_table.writes.values()) == {1}


@pytest.mark.parametrize("crm", CRMS)
def test_a_lead_that_the_crm_does_not_have_is_named_and_the_others_are_written(crm) -> None:
    crm_table, wanted = table(crm, 40), changes(crm, 43)
    client = crm_tables.client_of(crm_table, SERVERS[crm], lost=0.2, seed=5)
    refused = write_back(client, crm, wanted, sleep=lambda _: None)
    assert sorted(lead.lead_id for lead in refused) == sorted(lead_id(crm, i) for i in (40, 41, 42))
    written = {record for record, _ in crm_table.writes}
    assert len(written) == 40
    assert all(lead.explanation for lead in refused)


def test_a_crm_that_is_down_is_told_after_some_tries() -> None:
    waits: list[float] = []
    client = crm_tables.client_of(table("hubspot", 1), SERVERS["hubspot"], lost=3.0, seed=1)
    with pytest.raises(ConnectionError, match=r"no answer in 8 tries .* may be sent again"):
        write_back(client, "hubspot", changes("hubspot", 1), waits.append)
    assert waits == [0.5, 1, 2, 4, 8, 15, 30]


def test_a_key_that_may_not_write_is_refused_at_once() -> None:
    client = crm_tables.client_of(table("odoo", 1), SERVERS["odoo"], lost=0, seed=1)
    client.headers["Authorization"] = "Bearer other"
    with pytest.raises(PermissionError, match="Check the key"):
        write_back(client, "odoo", changes("odoo", 1))


@pytest.mark.parametrize(
    ("crm", "wrong"), [("odoo", "L001"), ("dynamics", "12")], ids=["odoo", "dynamics"]
)
def test_an_id_that_is_none_of_the_crm_is_refused(crm, wrong: str) -> None:
    with pytest.raises(ValueError, match=f"lead_id '{wrong}' must be the"):
        write_back(httpx2.Client(), crm, [ChangedLead(wrong, {"rank": "1"})])


def test_only_what_changed_is_written_and_who_left_the_list_is_cleared(tmp_path: Path) -> None:
    columns = list_columns(lively_list(hostile=True), SPEC, house().zone, has_previous=True)
    write_table(columns, tmp_path / "today.csv")
    today = read_list(tmp_path / "today.csv")
    assert HOSTILE in today
    assert changed_leads(today, today) == []
    assert [lead.lead_id for lead in changed_leads(today, {})] == sorted(today)
    yesterday = {"gone": today["A1"], "A1": {**today["A1"], "rank": "9"}}
    changed = {lead.lead_id: lead.values for lead in changed_leads(today, yesterday)}
    assert changed["A1"] == {"rank": today["A1"]["rank"]}
    assert set(changed["gone"].values()) == {""}


def test_a_file_that_is_no_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_list(path)
    path.write_text("lead_id,person\na,b\n")
    with pytest.raises(ValueError, match="column 'rank' must be there once"):
        read_list(path)
    names = ",".join(("lead_id", *WRITTEN_FIELDS))
    path.write_text(
        f"{names}\n{'a' + ',' * len(WRITTEN_FIELDS)}\n{'a' + ',' * len(WRITTEN_FIELDS)}\n"
    )
    with pytest.raises(ValueError, match="row 2: lead_id 'a' stands there twice"):
        read_list(path)
