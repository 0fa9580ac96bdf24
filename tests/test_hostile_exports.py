"""Exports that are hard to bring in: a draft reads the firm's figures from them, or says what not.

The firm is that of `tests.support.crm_exports`, in files as people and programs leave them. What is
drafted from each must give all leads, outcomes and contacts, without a hand's help.
"""

import csv
import gzip
import io
import json
import tomllib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from features.export.guessing.draft import draft
from features.export.sources import read_export
from features.tables import Tables
from tests.support.crm_exports import CONTACTS, LEADS, ROME
from tests.support.workbooks import write_workbook
from training.config import config_of

pytestmark = [pytest.mark.slow, pytest.mark.long]

Row = Sequence[str | int]
Time = Callable[[datetime | None], str]
HEADER = ("Lead ID", "Created", "Won", "Lost", "Source", "Country")
CONTACTS_HEADER = ("Activity ID", "Lead ID", "Date", "Type", "Duration")
ENGLISH = {"call": "call", "email": "email", "meeting": "meeting"}


def in_zulu(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def in_rome(pattern: str) -> Time:
    return lambda moment: moment.astimezone(ROME).strftime(pattern) if moment else ""


def lead_rows(time: Time = in_zulu, name: Callable[[int], str] = "L{:04}".format) -> list[Row]:
    return [
        (
            name(lead.number),
            *map(time, (lead.created, lead.won, lead.lost)),
            lead.source,
            lead.country,
        )
        for lead in LEADS
    ]


def contact_rows(
    time: Time = in_zulu,
    name: Callable[[int], str] = "L{:04}".format,
    kinds: Mapping[str, str] = ENGLISH,
) -> list[Row]:
    return [
        (c.number + 1, name(c.lead.number), time(c.at), kinds[c.kind], c.seconds) for c in CONTACTS
    ]


def text_of(header: Row, rows: Sequence[Row], delimiter: str = ",", line_end: str = "\r\n") -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()


def put(folder: Path, leads: str, contacts: str, encoding: str = "utf-8") -> None:
    (folder / "leads.csv").write_bytes(leads.encode(encoding))
    (folder / "activities.csv").write_bytes(contacts.encode(encoding))


def german(folder: Path) -> None:
    time = in_rome("%d.%m.%Y %H:%M")
    header = ("Interessenten-Nr.", "Erstellt am", "Gewonnen am", "Verloren am", "Quelle", "Land")
    kinds = {"call": "Anruf", "email": "E-Mail", "meeting": "Besprechung"}
    contacts = text_of(
        ("Aktivitäts-ID", "Interessenten-Nr.", "Datum", "Art", "Dauer"),
        contact_rows(time, kinds=kinds),
        ";",
    )
    put(folder, text_of(header, lead_rows(time), ";"), contacts, "cp1252")


def french(folder: Path) -> None:
    time = in_rome("%d/%m/%Y %H:%M")
    header = ("Identifiant", "Créé le", "Gagné le", "Perdu le", "Origine", "Pays")
    kinds = {"call": "Appel", "email": "Courriel", "meeting": "Réunion"}
    contacts = text_of(
        ("N°", "Identifiant", "Date", "Type", "Durée"),
        contact_rows(time, kinds=kinds),
        ";",
    )
    put(folder, text_of(header, lead_rows(time), ";"), contacts, "utf-8-sig")


def spanish(folder: Path) -> None:
    time = in_rome("%d/%m/%Y %H:%M:%S")
    header = ("ID", "Fecha de creación", "Fecha de ganado", "Fecha de pérdida", "Origen")
    kinds = {"call": "Llamada", "email": "Correo", "meeting": "Reunión"}
    contacts = text_of(
        ("Número", "ID de cliente", "Fecha", "Tipo", "Duración"),
        contact_rows(time, kinds=kinds),
        "\t",
    )
    put(folder, text_of((*header, "País"), lead_rows(time), "\t"), contacts)


def portuguese(folder: Path) -> None:
    time = in_rome("%d/%m/%Y, %H:%M")
    header = (
        "ID do lead",
        "Data de criação",
        "Ganho em",
        "Perdido em",
        "Origem",
        "País",
    )
    kinds = {"call": "Ligação", "email": "E-mail", "meeting": "Reunião"}
    contacts = text_of(
        ("ID", "ID do lead", "Data", "Tipo", "Duração"),
        contact_rows(time, kinds=kinds),
        ";",
    )
    put(folder, text_of(header, lead_rows(time), ";"), contacts, "iso-8859-1")


def russian(folder: Path) -> None:
    time = in_rome("%d.%m.%Y %H:%M:%S")
    header = ("ID лида", "Дата создания", "Дата выигрыша", "Дата отказа", "Источник", "Страна")
    kinds = {"call": "Звонок", "email": "Письмо", "meeting": "Встреча"}
    contacts = text_of(
        ("ID", "ID лида", "Дата", "Тип", "Длительность"), contact_rows(time, kinds=kinds), ";"
    )
    put(folder, text_of(header, lead_rows(time), ";"), contacts, "cp1251")


def american(folder: Path) -> None:
    time = in_rome("%m/%d/%Y %I:%M %p")
    put(folder, text_of(HEADER, lead_rows(time)), text_of(CONTACTS_HEADER, contact_rows(time)))


def unicode_text(folder: Path) -> None:
    """What a spreadsheet saves as Unicode text."""
    contacts = text_of(CONTACTS_HEADER, contact_rows(), "\t")
    put(folder, text_of(HEADER, lead_rows(), "\t"), contacts, "utf-16")


def old_mac(folder: Path) -> None:
    contacts = text_of(CONTACTS_HEADER, contact_rows(), line_end="\r")
    put(folder, text_of(HEADER, lead_rows(), line_end="\r"), contacts)


def line_ends_in_cells(folder: Path) -> None:
    rows = [(*row, 'called "twice"\r\n\r\nsecond line\n') for row in lead_rows()]
    leads = text_of((*HEADER, "Note\r\n(internal)"), rows)
    put(folder, leads, text_of(CONTACTS_HEADER, contact_rows()))


def cell_of_a_million(folder: Path) -> None:
    rows = [(*row, "я" * (1_000_000 if i == 3 else 1)) for i, row in enumerate(lead_rows())]
    put(folder, text_of((*HEADER, "Notes"), rows), text_of(CONTACTS_HEADER, contact_rows()))


def ids_as_floats(folder: Path) -> None:
    leads = text_of(HEADER, lead_rows(name=lambda i: str(1000 + i)))
    put(folder, leads, text_of(CONTACTS_HEADER, contact_rows(name=lambda i: f"{1000 + i}.0")))


def two_zones(folder: Path) -> None:
    zone = timezone(timedelta(hours=-3))
    contacts = contact_rows(lambda m: m.astimezone(zone).isoformat() if m else "")
    leads = lead_rows(in_rome("%Y-%m-%d %H:%M:%S"))
    put(folder, text_of(HEADER, leads), text_of(CONTACTS_HEADER, contacts))


def days_as_spreadsheets_count(folder: Path) -> None:
    """Days since 1899-12-30, with a decimal comma."""

    def serial(moment: datetime | None) -> str:
        if moment is None:
            return ""
        local = moment.astimezone(ROME).replace(tzinfo=UTC)
        days = (local - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
        return f"{days:.6f}".replace(".", ",")

    contacts = text_of(CONTACTS_HEADER, contact_rows(serial), ";")
    put(folder, text_of(HEADER, lead_rows(serial), ";"), contacts)


def history_backwards(folder: Path) -> None:
    """A history of statuses, the latest change first, in which a purchase is noted twice."""
    put(
        folder,
        text_of(HEADER[:2], [row[:2] for row in lead_rows()]),
        text_of(CONTACTS_HEADER, contact_rows()),
    )
    changes: list[Row] = []
    for lead, row in zip(LEADS, lead_rows(), strict=True):
        changes.append((row[0], in_zulu(lead.created), "", "New"))
        if lead.won:
            later = in_zulu(lead.won + timedelta(days=3))
            changes += [(row[0], row[2], "New", "Won"), (row[0], later, "Won", "Won")]
        if lead.lost:
            changes.append((row[0], row[3], "New", "Lost"))
    history = text_of(("Lead ID", "Changed", "Old value", "New value"), changes[::-1])
    (folder / "lead_history.csv").write_text(history)


def salesforce_contacts(folder: Path) -> None:
    """Activities of converted leads hang on the contact; a conversion is a day."""

    def lead_id(number: int) -> str:
        return f"{'003' if LEADS[number].won else '00Q'}{number:012d}"

    header = ("Id", "CreatedDate", "ConvertedDate", "ConvertedContactId", "Status", "LeadSource")
    status = {"won": "Closed - Converted", "lost": "Closed - Not Converted", "open": "Open"}
    rows = [
        (
            *(f"00Q{lead.number:012d}", in_zulu(lead.created), in_rome("%Y-%m-%d")(lead.won)),
            *(lead_id(lead.number) if lead.won else "", status[lead.status], lead.source),
        )
        for lead in LEADS
    ]
    (folder / "Lead.csv").write_text(text_of(header, rows))
    tasks = [
        (c.number, lead_id(c.lead.number), in_zulu(c.at), c.kind, "Completed") for c in CONTACTS
    ]
    task_header = ("Id", "WhoId", "CreatedDate", "TaskSubtype", "Status")
    (folder / "Task.csv").write_text(text_of(task_header, tasks))
    changes = [
        (f"00Q{lead.number:012d}", in_zulu(lead.lost), "Status", "Open", status["lost"])
        for lead in LEADS
        if lead.lost
    ]
    changes_header = ("LeadId", "CreatedDate", "Field", "OldValue", "NewValue")
    (folder / "LeadHistory.csv").write_text(text_of(changes_header, changes))


def workbook_with_a_merged_title(folder: Path) -> None:
    empty = [""] * 6
    top = [["Leads of 2024", *empty[1:]], empty, ["Who", "When", "", "", "Details", ""]]
    sheets = {"Leads": [*top, HEADER, *lead_rows()], "Calls": [CONTACTS_HEADER, *contact_rows()]}
    write_workbook(folder / "export.xlsx", {name: list(map(list, s)) for name, s in sheets.items()})


def archive_from_a_mac(folder: Path) -> None:
    with zipfile.ZipFile(folder / "Export é (1).zip", "w") as archive:
        archive.writestr("Export/leads.csv", text_of(HEADER, lead_rows()))
        archive.writestr("Export/activities.csv", text_of(CONTACTS_HEADER, contact_rows()))
        archive.writestr("__MACOSX/Export/._leads.csv", b"\0\5\x16\7")
        archive.writestr("Export/.DS_Store", b"\0\0\0\1Bud1")


def among_other_files(folder: Path) -> None:
    put(folder, text_of(HEADER, lead_rows()), text_of(CONTACTS_HEADER, contact_rows()))
    for name in (".DS_Store", "Thumbs.db", "~$leads.xlsx", "readme.pdf", "leads.csv.tmp", "a.csv"):
        (folder / name).write_bytes(b"")
    (folder / "notes.csv").write_text("Lead ID,Note\n")
    (folder / "again").symlink_to(folder)


def odd_names(folder: Path) -> None:
    (folder / "Léads (1) [new]'s *.csv").write_text(text_of(HEADER, lead_rows()))
    (folder / 'act;ivi,"ties".csv').write_text(text_of(CONTACTS_HEADER, contact_rows()))


def commas_at_line_ends(folder: Path) -> None:
    leads, contacts = text_of(HEADER, lead_rows()), text_of(CONTACTS_HEADER, contact_rows())
    put(folder, leads.replace("\r\n", ",\r\n"), contacts.replace("\r\n", ",,\n"))


def gzip_in_pieces(folder: Path) -> None:
    data = text_of(HEADER, lead_rows()).encode()
    (folder / "leads.csv.gz").write_bytes(gzip.compress(data[:999]) + gzip.compress(data[999:]))
    (folder / "activities.csv").write_text(text_of(CONTACTS_HEADER, contact_rows()))


def programs_answers(folder: Path) -> None:
    """JSON lines with a mark at their beginning, and JSON within an envelope."""
    leads = [dict(zip(HEADER, row, strict=True)) for row in lead_rows()]
    leads[4]["Country"] = None
    del leads[5]["Country"]
    lines = "\n".join(json.dumps(lead) for lead in leads)
    (folder / "leads.jsonl").write_text(lines, encoding="utf-8-sig")
    contacts = [dict(zip(CONTACTS_HEADER, row, strict=True)) for row in contact_rows()]
    envelope = {"meta": {"count": len(contacts)}, "results": contacts}
    (folder / "activities.json").write_text(json.dumps(envelope))


def persons_with_several_leads(folder: Path) -> None:
    rows = [(*row, f"p{i // 3}@example.org") for i, row in enumerate(lead_rows())]
    put(folder, text_of((*HEADER, "Email"), rows), text_of(CONTACTS_HEADER, contact_rows()))


@pytest.mark.parametrize(
    "write",
    [
        german,
        french,
        spanish,
        portuguese,
        russian,
        american,
        unicode_text,
        old_mac,
        line_ends_in_cells,
        cell_of_a_million,
        ids_as_floats,
        two_zones,
        days_as_spreadsheets_count,
        history_backwards,
        salesforce_contacts,
        workbook_with_a_merged_title,
        archive_from_a_mac,
        among_other_files,
        odd_names,
        commas_at_line_ends,
        gzip_in_pieces,
        programs_answers,
        persons_with_several_leads,
    ],
    ids=lambda write: write.__name__,
)
def test_a_hostile_export_is_drafted_and_read_to_the_last_row(tmp_path, write) -> None:
    (tmp_path / "exports").mkdir()
    write(tmp_path / "exports")
    drafted = draft(tmp_path / "exports", tmp_path, "Europe/Rome")
    tables = read_export(config_of(tomllib.loads(drafted.text), tmp_path).export)
    assert tables.rejects.num_rows == 0, drafted.text
    assert tables.leads.num_rows == len(LEADS)
    assert tables.interactions.num_rows == len(CONTACTS)
    require_times(tables, whole_days=write is salesforce_contacts)
    persons = len(LEADS) // 3 if write is persons_with_several_leads else 0
    assert len(set(tables.leads["person"].drop_null().to_pylist())) == persons


def require_times(tables: Tables, *, whole_days: bool) -> None:
    """Fail where an outcome is not the firm's, to the minute or to the day."""
    rows = sorted(tables.leads.to_pylist(), key=lambda row: row["created_at"])
    for row, lead in zip(rows, LEADS, strict=True):
        moments = {"created_at": lead.created, "converted_at": lead.won, "closed_at": lead.lost}
        for name, moment in moments.items():
            assert (row[name] is None) == (moment is None), (name, lead)
            if moment is not None:
                tolerance = timedelta(days=1 if whole_days else 0, minutes=1)
                assert abs(row[name] - moment) < tolerance, (name, lead)
