"""The firm of `tests.support.crm_exports` in further shapes: answers of programs, other languages.

Codes in the place of words, tables that spell them out, times with AM and PM, titles above a sheet.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from tests.support.crm_exports import (
    CONTACTS,
    LEADS,
    Lead,
    as_sheet,
    local_time,
    write_rows,
)
from tests.support.workbooks import write_workbook


def _plain(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _end(lead: Lead) -> datetime | None:
    return lead.won or lead.lost


def _pipedrive_api(folder: Path) -> None:
    deals = [
        {
            "id": lead.number + 1,
            "title": "x",
            "status": lead.status,
            "add_time": _plain(lead.created),
            "won_time": _plain(lead.won) or None,
            "lost_time": _plain(lead.lost) or None,
            "close_time": _plain(_end(lead)) or None,
            "person_id": {"value": lead.number + 7_000, "name": "x"},
            "channel": lead.source,
        }
        for lead in LEADS
    ]
    (folder / "deals.json").write_text(json.dumps({"success": True, "data": deals}))
    activities = [
        {
            "id": c.number + 1,
            "type": c.kind,
            "deal_id": c.lead.number + 1,
            "done": True,
            "due_date": _plain(c.at)[:10],
            "duration": "00:30:00",
            "add_time": _plain(c.at),
            "marked_as_done_time": _plain(c.at),
        }
        for c in CONTACTS
    ]
    lines = "\n".join(json.dumps(activity) for activity in activities)
    (folder / "activities.jsonl").write_text(lines)


def _odoo_database(folder: Path) -> None:
    write_rows(
        folder / "crm_lead.csv",
        [
            {
                "id": lead.number + 1,
                "create_date": _plain(lead.created) + ".000001",
                "date_closed": _plain(_end(lead)),
                "stage_id": 4 if lead.won else 1,
                "active": "f" if lead.lost else "t",
                "lost_reason_id": 3 if lead.lost else "",
                "source_id": lead.number % 3,
                "email_from": lead.email,
            }
            for lead in LEADS
        ],
    )
    stages = [{"id": 1, "name": "New"}, {"id": 2, "name": "Offer"}, {"id": 4, "name": "Won"}]
    write_rows(folder / "crm_stage.csv", stages)
    write_rows(
        folder / "mail_message.csv",
        [
            {
                "id": c.number + 1,
                "date": _plain(c.at),
                "model": "crm.lead",
                "res_id": c.lead.number + 1,
                "message_type": c.kind,
            }
            for c in CONTACTS
        ],
    )


def _dynamics_api(folder: Path) -> None:
    def guid(lead: Lead) -> str:
        return f"8f3a{lead.number:04x}-0000-4000-8000-{lead.number:012x}"

    tables = {
        "leads": [
            {
                "leadid": guid(lead),
                "createdon": _zulu(lead.created),
                "modifiedon": _zulu(lead.created + timedelta(days=90)),
                "statecode": 0 if lead.status == "open" else 1,
                "leadsourcecode": lead.number % 3,
            }
            for lead in LEADS
        ],
        "opportunities": [
            {
                "opportunityid": f"aa{lead.number:06x}",
                "_originatingleadid_value": guid(lead),
                "statecode": 1 if lead.won else 2,
                "actualclosedate": _zulu(end),
                "createdon": _zulu(lead.created),
            }
            for lead in LEADS
            if (end := _end(lead)) is not None
        ],
    }
    for kind, name in (("call", "phonecalls"), ("email", "emails"), ("meeting", "appointments")):
        tables[name] = [
            {
                "activityid": f"bb{c.number:06x}",
                "_regardingobjectid_value": guid(c.lead),
                "directioncode": not c.inbound,
                "actualend": _zulu(c.at),
                "createdon": _zulu(c.at),
            }
            for c in CONTACTS
            if c.kind == kind
        ]
    for name, rows in tables.items():
        document = {"@odata.context": "x", "value": rows}
        (folder / f"{name}.json").write_text(json.dumps(document))


def _american(folder: Path) -> None:
    pattern = "%m/%d/%Y %I:%M %p"
    write_rows(
        folder / "Leads.csv",
        [
            {
                "Record Id": f"zcrm_{lead.number}",
                "Lead Source": lead.source,
                "Lead Status": {"won": "Converted", "lost": "Junk Lead"}.get(lead.status, "New"),
                "Created Time": local_time(lead.created, pattern),
                "Modified Time": local_time(_end(lead) or lead.created, pattern),
                "Converted Date Time": local_time(lead.won, pattern),
            }
            for lead in LEADS
        ],
    )
    write_rows(
        folder / "Activities.csv",
        [
            {
                "Activity Type": c.kind,
                "Direction": "Inbound" if c.inbound else "Outbound",
                "Start Time": local_time(c.at, pattern),
                "Related To.id": f"zcrm_{c.lead.number}",
            }
            for c in CONTACTS
        ],
    )


def _german(folder: Path) -> None:
    pattern = "%d.%m.%Y %H:%M"
    status = {"won": "Gewonnen", "lost": "Verloren", "open": "In Bearbeitung"}
    leads = [
        {
            "Nr": f"I-{lead.number:05d}",
            "Angelegt am": local_time(lead.created, pattern),
            "Status": status[lead.status],
            "Abgeschlossen am": local_time(_end(lead), pattern),
            "Herkunft": lead.source,
            "Verlustgrund": "Preis" if lead.lost else "",
        }
        for lead in LEADS
    ]
    contacts = [
        {
            "Interessent": f"I-{c.lead.number:05d}",
            "Typ": c.kind,
            "Datum": local_time(c.at, pattern),
            "Richtung": "Eingehend" if c.inbound else "Ausgehend",
            "Dauer": f"{c.seconds / 60:.1f}".replace(".", ","),
            "Besitzer": c.seller,
        }
        for c in CONTACTS
    ]
    write_rows(folder / "Interessenten.csv", leads, ";", "cp1252")
    write_rows(folder / "Aktivitäten.csv", contacts, ";", "cp1252")


def _portuguese(folder: Path) -> None:
    pattern = "%d/%m/%Y %H:%M:%S"
    stage = {"won": "Ganho", "lost": "Perdido", "open": "Proposta"}
    deals = [
        {
            "Código": 10_000 + lead.number,
            "Criado em": local_time(lead.created, pattern),
            "Etapa": stage[lead.status],
            "Data de fechamento": local_time(_end(lead), pattern),
            "Motivo da perda": "Preço" if lead.lost else None,
            "Origem": lead.source,
        }
        for lead in LEADS
    ]
    activities = [
        {
            "Negócio": 10_000 + c.lead.number,
            "Tipo": c.kind,
            "Concluído em": local_time(c.at, pattern),
            "Direção": "Entrada" if c.inbound else "Saída",
        }
        for c in CONTACTS
    ]
    sheets = {
        "Negócios": [["Relatório de negócios"], [], *as_sheet(deals)],
        "Atividades": as_sheet(activities),
    }
    write_workbook(folder / "exportação.xlsx", sheets)


VARIANTS: dict[str, Callable[[Path], None]] = {
    "Pipedrive's API": _pipedrive_api,
    "Odoo's database": _odoo_database,
    "Dynamics 365's API": _dynamics_api,
    "American": _american,
    "German": _german,
    "Portuguese": _portuguese,
}
