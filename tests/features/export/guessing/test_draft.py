"""A draft reads exports in each CRM's shape rightly, and says what it cannot know."""

import csv
import tomllib
from collections import Counter
from datetime import timedelta

import pytest

from features.export.guessing.draft import draft
from features.export.sources import read_export
from tests.support.crm_exports import CONTACTS, CRMS, LEADS, write_exports
from tests.support.crm_variants import VARIANTS
from tests.support.exports import write_text
from training.config import config_of

# Zones of times that a CRM writes without one.
ZONES = dict.fromkeys(("Odoo", "Odoo's database", "Pipedrive's API"), "UTC")
WITHOUT_DIRECTION = {
    *("Pipedrive", "Pipedrive's API", "Pipedrive in Portuguese", "Pipedrive in Spanish"),
    *("Odoo", "Odoo's database"),
}
WITHOUT_PERSON = {*VARIANTS} - {"Odoo's database"}


def tables_of(text, base):
    return read_export(config_of(tomllib.loads(text), base).export)


@pytest.fixture(scope="module", params=[*CRMS, *VARIANTS])
def guessed(request, tmp_path_factory):
    base = tmp_path_factory.mktemp("crm")
    (base / "exports").mkdir()
    (CRMS | VARIANTS)[request.param](base / "exports")
    written = draft(base / "exports", base, ZONES.get(request.param, "Europe/Rome"))
    return request.param, written, tables_of(written.text, base)


def test_the_crm_is_known_by_its_headers(guessed):
    shape, written, _ = guessed
    crm = shape.split(" in ")[0]
    if crm in CRMS:
        assert written.crm == crm


def test_nothing_is_left_out_and_no_lead_too_many_is_there(guessed):
    shape, _, tables = guessed
    assert tables.rejects.num_rows == 0
    assert tables.leads.num_rows == len(LEADS)
    persons = set(tables.leads["person"].to_pylist())
    assert len(persons) == (1 if shape in WITHOUT_PERSON else len(LEADS))


def test_each_lead_has_its_times(guessed):
    _, _, tables = guessed
    rows = sorted(tables.leads.to_pylist(), key=lambda row: row["created_at"])
    for row, lead in zip(rows, LEADS, strict=True):
        for name, moment in (
            ("created_at", lead.created),
            ("converted_at", lead.won),
            ("closed_at", lead.lost),
        ):
            assert (row[name] is None) == (moment is None), (name, lead)
            if moment is not None:  # some CRMs write no seconds
                assert abs(row[name] - moment) < timedelta(minutes=1), (name, lead)


def test_each_contact_is_its_leads_with_time_kind_and_direction(guessed):
    crm, _, tables = guessed
    created = dict(
        zip(
            tables.leads["lead_id"].to_pylist(),
            tables.leads["created_at"].to_pylist(),
            strict=True,
        )
    )
    found = Counter(
        (
            created[row["lead_id"]].replace(second=0, microsecond=0),
            row["occurred_at"].replace(second=0, microsecond=0),
        )
        for row in tables.interactions.to_pylist()
    )
    assert found == Counter(
        (c.lead.created.replace(second=0, microsecond=0), c.at.replace(second=0, microsecond=0))
        for c in CONTACTS
    )
    kinds = Counter(tables.interactions["kind"].to_pylist())
    assert sorted(kinds.values()) == sorted(Counter(c.kind for c in CONTACTS).values())
    if crm not in WITHOUT_DIRECTION:
        ways = Counter("inbound" if c.inbound else "outbound" for c in CONTACTS)
        assert Counter(tables.interactions["direction"].to_pylist()) == ways


def test_attributes_that_were_known_at_creation_are_used_and_others_are_not(guessed):
    _, _, tables = guessed
    first = tables.leads[next(iter(tables.attribute_kinds))].to_pylist()
    assert len(set(first)) in (3, 4)  # the source
    outcomes = {"won", "lost", "closed won", "качественный лид", "qualified", "open"}
    values = {
        str(value).lower()
        for name in tables.attribute_kinds
        for value in tables.leads[name].to_pylist()
    }
    assert not values & outcomes


def test_times_without_a_zone_are_left_to_a_person(tmp_path):
    write_exports("Zoho CRM", tmp_path / "exports")
    written = draft(tmp_path / "exports", tmp_path)
    assert '# timezone = "Europe/Lisbon"   # TO DO' in written.text
    assert any("name no zone" in doubt for doubt in written.doubts)
    write_exports("Salesforce", tmp_path / "other")
    assert "timezone" not in draft(tmp_path / "other", tmp_path).text


def test_what_only_the_last_change_tells_is_doubted(tmp_path):
    write_exports("Zoho CRM", tmp_path / "exports")
    doubts = draft(tmp_path / "exports", tmp_path, "Europe/Rome").doubts
    assert any(doubt.startswith("Lost: Modified Time is when the card") for doubt in doubts)


def test_exports_of_no_known_crm_are_drafted_by_their_values(tmp_path):
    leads = [f"{i};2024-01-{i % 28 + 1:02d}T10:00:00Z;;web;x{i}" for i in range(100, 160)]
    leads[5] = "105;2024-01-05T10:00:00Z;2024-02-05T10:00:00Z;shop;x5"
    write_text(
        tmp_path / "anagrafica.csv", "codice;creato il;data conversione;origine;altro", *leads
    )
    contacts = [f"{i % 60 + 100}|2024-01-{i % 28 + 1:02d}T12:00:00Z|visita" for i in range(200)]
    write_text(tmp_path / "diario.txt", "cliente|quando e|cosa", *contacts)
    written = draft(tmp_path, tmp_path)
    assert written.crm is None
    tables = tables_of(written.text, tmp_path)
    assert (tables.leads.num_rows, tables.interactions.num_rows) == (60, 200)
    assert tables.leads["converted_at"].null_count == 59
    assert list(tables.attribute_kinds) == ["origine"]
    assert any("Lost: no column" in doubt for doubt in written.doubts)


def test_a_table_that_names_no_lead_is_said_to_be_unused(tmp_path):
    write_exports("HubSpot", tmp_path / "exports")
    write_text(tmp_path / "exports" / "prices.csv", "sku,price", "A,1", "B,2")
    written = draft(tmp_path / "exports", tmp_path, "Europe/Rome")
    assert any(doubt.startswith("prices is not used") for doubt in written.doubts)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["it's '''.csv", "two\nlines.csv", 'a "b" \\ c.csv', "Größe & città.csv"]
)
def test_any_name_of_a_file_or_column_can_be_written(tmp_path, name):
    exports = tmp_path / "exports"
    write_exports("Bitrix24", exports)
    text = (exports / "LEAD_2024.csv").read_bytes().decode("cp1251")
    header, rest = text.split("\r\n", 1)
    odd = header.replace("Источник", "it's '''a\\b'' Источник")
    (exports / name).write_bytes(f"{odd}\r\n{rest}".encode("cp1251"))
    (exports / "LEAD_2024.csv").unlink()
    written = draft(exports, tmp_path, "Europe/Rome")
    tables = tables_of(written.text, tmp_path)
    assert tables.leads.num_rows == len(LEADS)
    assert tables.leads["converted_at"].null_count == 60


@pytest.mark.slow
@pytest.mark.parametrize("crm", ["Salesforce", "HubSpot", "Zoho CRM"])
@pytest.mark.parametrize(
    "prefix",
    ['\n[files]\nother = "x.csv"\n', "\r\n\x01\u2028", """"; DROP TABLE Lead; -- ''' " """],
    ids=["toml", "control", "sql"],
)
def test_names_of_columns_are_data_and_never_lines_of_toml_or_sql(tmp_path, crm, prefix):
    exports = tmp_path / "exports"
    write_exports(crm, exports)
    as_written = tables_of(draft(exports, tmp_path, "Europe/Rome").text, tmp_path)
    delimiter = ";" if crm == "Zoho CRM" else ","
    encoding = "cp1252" if crm == "Zoho CRM" else "utf-8"
    for path in exports.glob("*.csv"):
        with path.open(encoding=encoding, newline="") as file:
            header, *rows = csv.reader(file, delimiter=delimiter)
        with path.open("w", encoding=encoding, errors="ignore", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(
                [[f"{prefix} {name}" for name in header], *rows]
            )
    written = draft(exports, tmp_path, "Europe/Rome")
    tables = tables_of(written.text, tmp_path)
    assert tables.rejects.num_rows == 0
    for name in ("lead_id", "created_at", "converted_at", "closed_at"):
        assert tables.leads[name].equals(as_written.leads[name]), name
    for name in ("lead_id", "occurred_at"):
        assert tables.interactions[name].equals(as_written.interactions[name]), name


def test_columns_that_sql_cannot_tell_apart_are_left_out_and_said(tmp_path):
    exports = tmp_path / "exports"
    write_exports("Salesforce", exports)
    lines = (exports / "Lead.csv").read_text().splitlines()
    more = [",leadsource,leadsource,CREATEDBYID,_Row", *[",a,b,c,1"] * (len(lines) - 1)]
    write_text(exports / "Lead.csv", *(line + end for line, end in zip(lines, more, strict=True)))
    written = draft(exports, tmp_path)
    assert list(tables_of(written.text, tmp_path).attribute_kinds) == ["Country"]
    assert any(
        doubt.startswith("Lead: LeadSource, leadsource, _Row cannot be used")
        for doubt in written.doubts
    )


def test_a_folder_without_leads_is_refused_with_what_was_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no table that can be read"):
        draft(tmp_path, tmp_path)
    write_text(tmp_path / "a.csv", "day,rain", "2024-01-01,1", "2024-01-01,1", "2024-01-01,1")
    with pytest.raises(ValueError, match=r"No table can be that of the leads.*a: day, rain"):
        draft(tmp_path, tmp_path)


def test_lengths_of_two_parts_are_what_the_crm_means_by_them(tmp_path):
    write_exports("Pipedrive", tmp_path / "exports")
    written = draft(tmp_path / "exports", tmp_path, "Europe/Rome")
    tables = tables_of(written.text, tmp_path)
    assert set(tables.interactions["duration_seconds"].to_pylist()) == {1_800.0}
    assert not any("two parts" in doubt for doubt in written.doubts)


def test_lengths_of_two_parts_are_doubted_where_no_crm_is_known(tmp_path):
    days = [f"2024-01-{day:02} 10:00:00" for day in range(1, 29)]
    leads = [f"L{i},{day},{day if i % 3 else ''}" for i, day in enumerate(days)]
    calls = [f"L{i // 2},{day},03:{i:02}" for i, day in enumerate(days)]
    (tmp_path / "exports").mkdir()
    write_text(tmp_path / "exports" / "leads.csv", "lead,created_at,won_at", *leads)
    write_text(tmp_path / "exports" / "calls.csv", "lead,date,duration", *calls)
    written = draft(tmp_path / "exports", tmp_path, "UTC")
    (doubt,) = (doubt for doubt in written.doubts if "two parts" in doubt)
    assert 'durations = "HH:MM" under [interactions.formats.duration_seconds]' in doubt
    seconds = tables_of(written.text, tmp_path).interactions["duration_seconds"].to_pylist()
    assert sorted(seconds)[:2] == [180.0, 181.0]


ROWS = [f"A{i:02},2024-01-{i:02}T08:00:00Z,2024-02-{i:02}T08:00:00Z" for i in range(1, 29)]
CALLS = [f"A{i:02},2024-01-{i:02}T09:00:00Z,call" for i in range(1, 29) for _ in range(2)]


def doubts_of(folder, **tables):
    (folder / "exports").mkdir()
    for name, (header, rows) in tables.items():
        write_text(folder / "exports" / f"{name}.csv", header, *rows)
    return " ".join(draft(folder / "exports", folder).doubts)


HEADER = "Lead ID,Created,Won"
CALLS_HEADER = "Lead ID,Date,Type"


def test_a_second_table_with_the_leads_columns_is_asked_about(tmp_path):
    first, second = (HEADER, ROWS), (HEADER, [row.replace("A", "B") for row in ROWS[:9]])
    told = doubts_of(tmp_path, north=first, south=second, calls=(CALLS_HEADER, CALLS))
    assert 'sql = "SELECT * FROM north UNION ALL SELECT * FROM south"' in told


def test_ids_that_lost_their_zeros_are_told(tmp_path):
    leads = [f"{i:05},2024-01-{i:02}T08:00:00Z," for i in range(1, 29)]
    calls = [f"{i},2024-01-{i:02}T09:00:00Z,call" for i in range(1, 29)]
    told = doubts_of(tmp_path, leads=(HEADER, leads), calls=(CALLS_HEADER, calls))
    assert "calls is not used: its Lead ID holds ids of leads only without leading zeros" in told


def test_a_table_without_rows_is_said_to_have_none(tmp_path):
    told = doubts_of(tmp_path, leads=(HEADER, ROWS), calls=(CALLS_HEADER, []))
    assert "calls is not used: it has no row." in told


@pytest.mark.parametrize("created", ["08/01/2024 10:30 a. m.", "yesterday"])
def test_a_creation_that_cannot_be_read_is_named_with_what_stands_in_it(tmp_path, created):
    rows = [f"A{i},{created}," for i in range(28)]
    told = doubts_of(tmp_path, leads=(HEADER, rows))
    assert "Created is called like one, but not all of its values are times" in told
    assert f"'{created}'" in told


def test_a_first_line_of_values_is_no_header(tmp_path):
    told = doubts_of(tmp_path, leads=(ROWS[0], ROWS[1:]), calls=(CALLS[0], CALLS[1:]))
    assert "The first line of leads holds values (2024-01-01T08:00:00Z)" in told


@pytest.mark.parametrize(("sign", "line"), [(".", "."), (" ", " "), ("\u202f", " "), ("", ".")])
def test_what_parts_thousands_is_read_off_the_numbers(tmp_path, sign, line):
    rows = [f'{row},"{i}{sign}250,5"' for i, row in enumerate(ROWS, 1)]
    (tmp_path / "exports").mkdir()
    write_text(tmp_path / "exports" / "leads.csv", f"{HEADER},Employees", *rows)
    write_text(tmp_path / "exports" / "calls.csv", CALLS_HEADER, *CALLS)
    data = tomllib.loads(draft(tmp_path / "exports", tmp_path).text)["data"]
    assert (data["decimal"], data["thousands"]) == (",", line)
