"""The firm of `tests.support.crm_exports` in further shapes: answers of programs, other languages.

Codes in the place of words, tables that spell them out, times with AM and PM, titles above a sheet.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from tests.support.crm_exports import (
    CONTACTS,
    LEADS,
    ROME,
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


def _translated_pipedrive(
    folder: Path, deal: Sequence[str], activity: Sequence[str], words: Sequence[str]
) -> None:
    """Deals and activities with the headers and words of a language, in the order used here."""
    states = dict(zip(("won", "lost", "open"), words[:3], strict=True))
    deals = []
    for lead in LEADS:
        expected = local_time(lead.created + timedelta(days=90), "%Y-%m-%d")
        moments = (lead.created, lead.won, lead.lost)
        times = [local_time(moment) for moment in moments]
        values = [lead.number + 1, states[lead.status], *times, expected, lead.source]
        deals.append(dict(zip(deal, values, strict=True)))
    activities = []
    for c in CONTACTS:
        entered = local_time(c.at - timedelta(days=1))
        day = local_time(c.at, "%Y-%m-%d")
        values = [c.number + 1, c.kind, words[3], day, local_time(c.at), entered]
        activities.append(
            dict(zip((*activity, deal[0]), [*values, c.lead.number + 1], strict=True))
        )
    planned = {**activities[0], activity[0]: 99_999, activity[2]: words[4]}
    write_workbook(folder / "deals-7.xlsx", {"1": as_sheet(deals)})
    write_workbook(folder / "activities-7.xlsx", {"1": as_sheet([*activities, planned])})


def _pipedrive_in_portuguese(folder: Path) -> None:
    _translated_pipedrive(
        folder,
        (
            *("Negócio - ID", "Negócio - Status", "Negócio - Negócio criado em"),
            *("Negócio - Ganho em", "Negócio - Data de perda"),
            *("Negócio - Data de fechamento esperada", "Negócio - Origem"),
        ),
        (
            *("Atividade - ID", "Atividade - Tipo", "Atividade - Concluído"),
            *("Atividade - Data de vencimento", "Atividade - Marcado como feito em"),
            "Atividade - Data de criação",
        ),
        ("Ganho", "Perdido", "Aberto", "Feito", "A fazer"),
    )


def _pipedrive_in_spanish(folder: Path) -> None:
    _translated_pipedrive(
        folder,
        (
            *("Negocio - ID", "Negocio - Estado", "Negocio - Negocio creado el"),
            *("Negocio - Fecha de ganado", "Negocio - Fecha de perdido"),
            *("Negocio - Fecha de cierre prevista", "Negocio - Origen"),
        ),
        (
            *("Actividad - ID", "Actividad - Tipo", "Actividad - Completada"),
            *("Actividad - Fecha de vencimiento",),
            *("Actividad - Hora en que se marcó como completada", "Actividad - Fecha de adición"),
        ),
        ("Ganado", "Perdido", "Abierto", "Completada", "Por hacer"),
    )


def _translated_dynamics(
    folder: Path,
    lead_headers: Sequence[str],
    deal_headers: Sequence[str],
    activity_headers: Sequence[str],
    words: Sequence[str],
) -> None:
    """Three sheets as Excel gets them in another language, ids and checksums in front."""

    def clock(moment: datetime | None) -> datetime | None:
        return moment and moment.astimezone(ROME)

    def topic(lead: Lead) -> str:
        return f"Anlage {lead.number} für Ditta {lead.number}"

    def rows_of(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> list[list[object]]:
        exported = datetime(2025, 2, 1, 9)  # noqa: DTZ001 - as Excel has them, all touched at once
        hidden = [[f"8f3a{i:04x}-{i:012x}", f"QmFz/{i:09d}==", exported] for i in range(len(rows))]
        return [[*headers], *([*ids, *row] for ids, row in zip(hidden, rows, strict=True))]

    won, lost, open_, qualified, done, inbound, outbound = words
    ended = {"won": won, "lost": lost}
    leads = [
        (topic(x), open_ if x.status == "open" else qualified, x.source, clock(x.created))
        for x in LEADS
    ]
    deals = [
        (
            *(topic(x), ended[x.status], clock(x.created + timedelta(days=90))),
            *(clock(_end(x)), clock(x.created)),
        )
        for x in LEADS
        if x.status != "open"
    ]
    activities = [
        (
            *(c.kind, topic(c.lead), done, inbound if c.inbound else outbound),
            *(clock(c.at), c.seller, clock(c.at)),
        )
        for c in CONTACTS
    ]
    sheets = {
        "Leads": rows_of(lead_headers, leads),
        "Deals": rows_of(deal_headers, deals),
        "A": rows_of(activity_headers, activities),
    }
    write_workbook(folder / "dynamics.xlsx", sheets)


def _dynamics_in_german(folder: Path) -> None:
    hidden = ("(Nicht ändern) Zeilenprüfsumme", "(Nicht ändern) Geändert am")
    _translated_dynamics(
        folder,
        ("(Nicht ändern) Lead", *hidden, "Thema", "Status", "Leadquelle", "Erstellt am"),
        (
            *("(Nicht ändern) Verkaufschance", *hidden, "Ursprünglicher Lead", "Status"),
            *("Geschätztes Abschlussdatum", "Tatsächliches Abschlussdatum", "Erstellt am"),
        ),
        (
            *("(Nicht ändern) Aktivität", *hidden, "Aktivitätstyp", "Bezug", "Aktivitätsstatus"),
            *("Richtung", "Tatsächliches Ende", "Besitzer", "Erstellt am"),
        ),
        (
            *("Gewonnen", "Verloren", "Offen", "Qualifiziert", "Abgeschlossen"),
            *("Eingehend", "Ausgehend"),
        ),
    )


def _dynamics_in_spanish(folder: Path) -> None:
    hidden = ("(No modificar) Suma de comprobación de fila", "(No modificar) Fecha de modificación")
    _translated_dynamics(
        folder,
        (
            *("(No modificar) Cliente potencial", *hidden, "Tema", "Estado"),
            *("Origen del cliente potencial", "Fecha de creación"),
        ),
        (
            *("(No modificar) Oportunidad", *hidden, "Cliente potencial de origen", "Estado"),
            *("Fecha de cierre estimada", "Fecha de cierre real", "Fecha de creación"),
        ),
        (
            *("(No modificar) Actividad", *hidden, "Tipo de actividad", "Referente a"),
            *("Estado de actividad", "Dirección", "Fin real", "Propietario", "Fecha de creación"),
        ),
        ("Ganada", "Perdida", "Abierto", "Calificado", "Completada", "Entrante", "Saliente"),
    )


VARIANTS: dict[str, Callable[[Path], None]] = {
    "Pipedrive's API": _pipedrive_api,
    "Odoo's database": _odoo_database,
    "Dynamics 365's API": _dynamics_api,
    "American": _american,
    "German": _german,
    "Portuguese": _portuguese,
    "Pipedrive in Portuguese": _pipedrive_in_portuguese,
    "Pipedrive in Spanish": _pipedrive_in_spanish,
    "Dynamics 365 in German": _dynamics_in_german,
    "Dynamics 365 in Spanish": _dynamics_in_spanish,
}
