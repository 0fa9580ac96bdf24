"""One made-up firm, written as exports of seven CRMs would be: files, sheets, locales, code pages.

Headers and words are those of such exports. `write_exports` writes one CRM's files into a folder;
`FIRM` has the right figures. The firm works in Rome; times are told in its zone or with one.
"""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.support.workbooks import write_workbook

ROME = ZoneInfo("Europe/Rome")
COUNTRIES = ("IT", "PT", "RO")
SOURCES = ("Referral", "Web form", "Trade show")
SELLERS = ("Ana São", "Bo Größe")


@dataclass(frozen=True)
class Lead:
    """A lead of the firm."""

    number: int
    created: datetime
    won: datetime | None
    lost: datetime | None

    @property
    def email(self) -> str:
        return f"m{self.number}@example.com"

    @property
    def source(self) -> str:
        return SOURCES[self.number % 3]

    @property
    def country(self) -> str:
        return COUNTRIES[self.number // 3 % 3]

    @property
    def status(self) -> str:
        return "won" if self.won else "lost" if self.lost else "open"


@dataclass(frozen=True)
class Contact:
    """A contact with a lead."""

    number: int
    lead: Lead
    kind: str
    at: datetime
    inbound: bool
    seconds: int

    @property
    def seller(self) -> str:
        return SELLERS[self.number % 2]


def _leads() -> list[Lead]:
    first = datetime(2024, 1, 8, 9, 30, tzinfo=UTC)
    leads = []
    for i in range(90):
        created = first + timedelta(days=3 * i, minutes=7 * i)
        end = created + timedelta(days=10 + i % 17, hours=3)
        leads.append(Lead(i, created, end if i % 3 == 0 else None, end if i % 3 == 1 else None))
    return leads


def _contacts(leads: Sequence[Lead]) -> list[Contact]:
    contacts = []
    for lead in leads:
        for j in range(3 + lead.number % 4):
            number = len(contacts)
            kind = ("call", "email", "meeting")[(lead.number + j) % 3]
            at = lead.created + timedelta(days=2 * j, hours=1, minutes=number % 50)
            contacts.append(Contact(number, lead, kind, at, number % 3 == 0, 30 + number % 400))
    return contacts


LEADS = _leads()
CONTACTS = _contacts(LEADS)


def write_rows(
    path: Path, rows: Sequence[dict[str, object]], delimiter: str = ",", encoding: str = "utf-8"
) -> None:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def as_sheet(rows: Sequence[dict[str, object]]) -> list[list[object]]:
    """Header and rows of a sheet."""
    return [list(rows[0]), *(list(row.values()) for row in rows)]


def local_time(moment: datetime | None, pattern: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Time on the clocks of Rome, without its zone; empty where there is none."""
    return moment.astimezone(ROME).strftime(pattern) if moment else ""


def _utc(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000") if moment else ""


def _salesforce(folder: Path) -> None:
    def lead_id(lead: Lead) -> str:
        return f"00QAA{lead.number:010d}"

    def contact_id(lead: Lead) -> str:
        return f"003AA{lead.number:010d}" if lead.won else ""

    rows = [
        {
            "Id": lead_id(lead),
            "IsDeleted": "0",
            "MasterRecordId": "",
            "Email": lead.email,
            "LeadSource": lead.source,
            "Country": lead.country,
            "Status": {"won": "Closed - Converted", "lost": "Closed - Not Converted"}.get(
                lead.status, "Working"
            ),
            "IsConverted": str(int(lead.won is not None)),
            "ConvertedDate": local_time(lead.won, "%Y-%m-%d"),
            "ConvertedContactId": contact_id(lead),
            "CreatedDate": _utc(lead.created),
            "LastModifiedDate": _utc(lead.created + timedelta(days=200)),
        }
        for lead in LEADS
    ]
    twins = [
        {**row, "Id": f"00QZZ{i:010d}", "IsDeleted": "1", "MasterRecordId": row["Id"]}
        for i, row in enumerate(rows[:5])
    ]
    gone = [{**rows[7], "Id": "00QGONE0000000000", "IsDeleted": "1", "ConvertedContactId": ""}]
    write_rows(folder / "Lead.csv", [*rows, *twins, *gone])
    changes = [
        {
            "Id": f"017{i}",
            "LeadId": lead_id(lead),
            "Field": "Status",
            "OldValue": "Working",
            "NewValue": "Closed - Converted" if lead.won else "Closed - Not Converted",
            "CreatedDate": _utc(lead.won or lead.lost),
        }
        for i, lead in enumerate(LEADS)
        if lead.won or lead.lost
    ]
    write_rows(folder / "LeadHistory.csv", changes)
    tasks = [
        {
            "Id": f"00T{c.number:010d}",
            "WhoId": contact_id(c.lead) or lead_id(c.lead),
            "Status": "Completed",
            "TaskSubtype": c.kind.capitalize(),
            "ActivityDate": local_time(c.at, "%Y-%m-%d"),
            "CallType": "Inbound" if c.inbound else "Outbound",
            "CallDurationInSeconds": c.seconds,
            "OwnerId": f"005{c.number % 2}",
            "CreatedDate": _utc(c.at),
        }
        for c in CONTACTS
    ]
    planned = [{**tasks[0], "Id": f"00TX{i}", "Status": "Not Started"} for i in range(9)]
    write_rows(folder / "Task.csv", [*tasks, *planned])


def _hubspot(folder: Path) -> None:
    def record(lead: Lead) -> int:
        return 51_000_000_000 + 7 * lead.number

    write_rows(
        folder / "all-contacts.csv",
        [
            {
                "Record ID": record(lead),
                "First Name": "Given",
                "Email": lead.email,
                "Lifecycle Stage": "Customer" if lead.won else "Lead",
                "Create Date": local_time(lead.created, "%Y-%m-%d %H:%M"),
                "Original Source": lead.source,
                "Country/Region": lead.country,
                "Number of Employees": f"{11 * (lead.number + 90):,}",
            }
            for lead in LEADS
        ],
    )
    write_rows(
        folder / "all-deals.csv",
        [
            {
                "Record ID": 900_000_000 + lead.number,
                "Deal Stage": {"won": "Closed Won", "lost": "Closed Lost"}.get(
                    lead.status, "Appointment Scheduled"
                ),
                "Close Date": local_time(lead.won or lead.lost, "%Y-%m-%d %H:%M"),
                "Create Date": local_time(lead.created, "%Y-%m-%d %H:%M"),
                "Associated Contact IDs": f"{record(lead)};{99_000_000_000 + lead.number}",
            }
            for lead in LEADS
        ],
    )
    for kind in ("call", "email", "meeting"):
        write_rows(
            folder / f"{kind}s.csv",
            [
                {
                    "Record ID": 33_000_000_000 + c.number,
                    "Call direction": "Inbound" if c.inbound else "Outbound",
                    "Call duration (HH:mm:ss)": str(timedelta(seconds=c.seconds)).zfill(8),
                    "Activity date": local_time(c.at, "%Y-%m-%d %H:%M"),
                    "Create date": local_time(c.at, "%Y-%m-%d %H:%M"),
                    "Activity assigned to": c.seller,
                    "Associated Contact IDs": record(c.lead),
                }
                for c in CONTACTS
                if c.kind == kind
            ],
        )


def _pipedrive(folder: Path) -> None:
    deals = [
        {
            "Deal - ID": lead.number + 1,
            "Deal - Title": f"Deal {lead.number}",
            "Deal - Owner": SELLERS[0],
            "Deal - Status": {"won": "Won", "lost": "Lost"}.get(lead.status, "Open"),
            "Deal - Deal created": local_time(lead.created),
            "Deal - Won time": local_time(lead.won),
            "Deal - Lost time": local_time(lead.lost),
            "Deal - Lost reason": "Price" if lead.lost else "",
            "Deal - Source channel": lead.source,
            "Deal - Update time": local_time(lead.created + timedelta(days=300)),
            "Person - Email": lead.email,
        }
        for lead in LEADS
    ]
    activities = [
        {
            "Activity - ID": c.number + 1,
            "Activity - Type": c.kind.capitalize(),
            "Activity - Subject": "Follow up",
            "Activity - Done": "Done",
            "Activity - Due date": local_time(c.at, "%Y-%m-%d"),
            "Activity - Duration": "00:30",
            "Activity - Marked as done time": local_time(c.at),
            "Activity - Add time": local_time(c.at - timedelta(days=1)),
            "Activity - Assigned to user": c.seller,
            "Deal - ID": c.lead.number + 1,
        }
        for c in CONTACTS
    ]
    planned = {**activities[0], "Activity - Done": "To do", "Activity - ID": 99_999}
    write_workbook(folder / "deals-123.xlsx", {"Deals": as_sheet(deals)})
    write_workbook(folder / "activities-123.xlsx", {"Activities": as_sheet([*activities, planned])})


def _zoho(folder: Path) -> None:
    pattern = "%d/%m/%Y %H:%M"
    rows = [
        {
            "Record Id": f"zcrm_{5_437_000_000 + lead.number}",
            "Lead Owner": SELLERS[0],
            "Lead Source": "Fiera – città" if lead.number % 2 else lead.source,
            "Lead Status": {"won": "Won", "lost": "Lost Lead"}.get(lead.status, "Contacted"),
            "Annual Revenue": f"{1000 + lead.number}".replace("1", "1.", 1) + ",50",
            "Country": lead.country,
            "Created Time": local_time(lead.created, pattern),
            "Modified Time": local_time(lead.won or lead.lost or lead.created, pattern),
            "Converted Date Time": local_time(lead.won, pattern),
            "Email": lead.email,
        }
        for lead in LEADS
    ]
    write_rows(folder / "Leads_001.csv", rows[:50], ";", "cp1252")
    write_rows(folder / "Leads_002.csv", rows[50:], ";", "cp1252")
    for name, kinds in (("Calls_001", {"call"}), ("Tasks_001", {"email", "meeting"})):
        write_rows(
            folder / f"{name}.csv",
            [
                {
                    "Record Id": f"zcrm_{5_438_000_000 + c.number}",
                    "Subject": f"{c.kind}: follow up",
                    "Call Type": "Inbound" if c.inbound else "Outbound",
                    "Call Start Time": local_time(c.at, pattern),
                    "Call Duration (in seconds)": c.seconds,
                    "Related To": f"zcrm_{5_437_000_000 + c.lead.number}",
                    "Created Time": local_time(c.at, pattern),
                }
                for c in CONTACTS
                if c.kind in kinds
            ],
            ";",
            "cp1252",
        )


def _odoo(folder: Path) -> None:
    leads = [
        {
            "id": f"__export__.crm_lead_{lead.number}_ab{lead.number:04x}",
            ".id": lead.number + 501,
            "create_date": lead.created.strftime("%Y-%m-%d %H:%M:%S"),
            "stage_id/name": "Won" if lead.won else "Proposition",
            "active": "False" if lead.lost else "True",
            "date_closed": (
                (lead.won or lead.lost).strftime("%Y-%m-%d %H:%M:%S")
                if lead.status != "open"
                else ""
            ),
            "lost_reason_id/name": "Too expensive" if lead.lost else "",
            "source_id/name": lead.source,
            "country_id/code": lead.country,
            "user_id/name": SELLERS[0],
            "email_from": lead.email,
        }
        for lead in LEADS
    ]
    write_rows(folder / "crm.lead.csv", leads)
    write_rows(
        folder / "mail.message.csv",
        [
            {
                "id": f"__export__.mail_message_{c.number}",
                "date": c.at.strftime("%Y-%m-%d %H:%M:%S"),
                "create_date": c.at.strftime("%Y-%m-%d %H:%M:%S"),
                "message_type": c.kind,
                "model": "crm.lead",
                "res_id": c.lead.number + 501,
                "author_id/name": c.seller,
            }
            for c in CONTACTS
        ],
    )


def _dynamics(folder: Path) -> None:
    def clock(moment: datetime | None) -> datetime | None:
        return moment and moment.astimezone(ROME)

    def topic(lead: Lead) -> str:
        return f"Machine {lead.number} for Ditta {lead.number}"

    leads = [
        {
            "(Do Not Modify) Lead": f"8f3a{lead.number:04x}-0000-4000-8000-{lead.number:012x}",
            "(Do Not Modify) Row Checksum": f"QmFzZTY0{lead.number:06d}==",
            "(Do Not Modify) Modified On": clock(lead.created + timedelta(days=100)),
            "Topic": topic(lead),
            "Status": "Qualified" if lead.status != "open" else "Open",
            "Lead Source": lead.source,
            "Country/Region": lead.country,
            "Email": lead.email,
            "Created On": clock(lead.created),
        }
        for lead in LEADS
    ]
    opportunities = [
        {
            "(Do Not Modify) Opportunity": f"9c0b{lead.number:04x}-0000-{lead.number:012x}",
            "Originating Lead": topic(lead),
            "Status": {"won": "Won", "lost": "Lost"}[lead.status],
            "Actual Close Date": clock(lead.won or lead.lost),
            "Created On": clock(lead.created),
        }
        for lead in LEADS
        if lead.status != "open"
    ]
    activities = [
        {
            "(Do Not Modify) Activity": f"aa{c.number:06x}-0000-4000-8000-{c.number:012x}",
            "Activity Type": {"call": "Phone Call", "email": "Email", "meeting": "Appointment"}[
                c.kind
            ],
            "Regarding": topic(c.lead),
            "Activity Status": "Completed",
            "Direction": "Incoming" if c.inbound else "Outgoing",
            "Actual End": clock(c.at),
            "Owner": c.seller,
            "Created On": clock(c.at),
        }
        for c in CONTACTS
    ]
    title: list[list[object]] = [["My active leads"], []]
    write_workbook(
        folder / "export.xlsx",
        {
            "Leads": [*title, *as_sheet(leads)],
            "Opportunities": as_sheet(opportunities),
            "Activities": as_sheet(activities),
        },
    )


def _bitrix24(folder: Path) -> None:
    pattern = "%d.%m.%Y %H:%M:%S"
    leads = [
        {
            "ID": lead.number + 11,
            "Название лида": f"Заявка {lead.number}",
            "Стадия": {"won": "Качественный лид", "lost": "Некачественный лид"}.get(
                lead.status, "В работе"
            ),
            "Источник": {"Referral": "Рекомендация", "Web form": "Сайт"}.get(
                lead.source, "Выставка"
            ),
            "Ответственный": "Продавец",
            "Дата создания": local_time(lead.created, pattern),
            "Дата завершения": local_time(lead.won or lead.lost, pattern),
            "Дата изменения": local_time(lead.created + timedelta(days=400), pattern),
            "Рабочий e-mail": lead.email,
        }
        for lead in LEADS
    ]
    write_rows(folder / "LEAD_2024.csv", leads, ";", "cp1251")
    activities = [
        {
            "ID": str(c.number + 1),
            "OWNER_ID": str(c.lead.number + 11),
            "OWNER_TYPE_ID": "1",
            "TYPE_ID": {"call": "2", "email": "4", "meeting": "1"}[c.kind],
            "DIRECTION": "1" if c.inbound else "2",
            "START_TIME": c.at.isoformat(),
            "CREATED": c.at.isoformat(),
            "COMPLETED": "Y",
            "RESPONSIBLE_ID": str(c.number % 2 + 1),
        }
        for c in CONTACTS
    ]
    document = {"result": activities, "total": len(activities)}
    (folder / "activity.json").write_text(json.dumps(document), encoding="utf-8")


CRMS: dict[str, Callable[[Path], None]] = {
    "Salesforce": _salesforce,
    "HubSpot": _hubspot,
    "Pipedrive": _pipedrive,
    "Zoho CRM": _zoho,
    "Odoo": _odoo,
    "Dynamics 365": _dynamics,
    "Bitrix24": _bitrix24,
}


def write_exports(crm: str, folder: Path) -> None:
    """Write the firm as one CRM's exports into a folder, which is made."""
    folder.mkdir(parents=True)
    CRMS[crm](folder)
