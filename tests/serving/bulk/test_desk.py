"""The day's list from an export, and back as the list before."""

from pathlib import Path

import pyarrow.csv
import pytest
from python_calamine import load_workbook

from features.arrays import NEVER
from models.plays import shipped_plays
from serving.bulk.desk import (
    desk_spec,
    pool_notes,
    read_pool,
    read_previous_list,
    require_list_suffix,
    write_table,
)
from serving.bulk.selection import ScoringFiles
from serving.pages.work_table import list_columns
from tests.support.bundles import SPEC
from tests.support.desk import DAY, MONDAY, contact, house, lead, pool
from tests.support.work import HOSTILE, lively_list

LEADS = """lead_id,created_at,converted_at,closed_at,closed_reason,person,owner,source_kind,form,by
a,2025-12-01T00:00:00Z,,,,p1,ana,net,callback_popup,
b,2025-12-02T00:00:00Z,,,,p1,boris,seed,,Mr Old
c,2025-12-03T00:00:00Z,2025-12-20T00:00:00Z,,,,boris,seed,,
d,2025-12-04T00:00:00Z,,,,,,net,,
e,2025-12-01T00:00:00Z,,2025-12-20T00:00:00Z,price,,ana,net,,
"""
INTERACTIONS = """lead_id,occurred_at,recorded_at,channel,kind,direction,outcome,duration_seconds
a,2025-12-10T00:00:00Z,2025-12-10T00:00:00Z,phone,call,outbound,answered,60
b,2026-01-08T00:00:00Z,2025-12-12T00:00:00Z,meeting,meeting,outbound,,
"""


HOUSE = house(attributes={**house().attributes.model_dump(), "referrer": "by"})


def written(folder: Path, leads: str = LEADS) -> ScoringFiles:
    (folder / "leads.csv").write_text(leads)
    (folder / "interactions.csv").write_text(INTERACTIONS)
    return ScoringFiles(None, folder / "leads.csv", folder / "interactions.csv")


def test_the_pool_is_the_open_leads_with_what_was_agreed(tmp_path: Path) -> None:
    pool, selection, _ = read_pool(SPEC, HOUSE, written(tmp_path), MONDAY)
    assert pool.lead_ids == ("a", "b", "d")
    assert pool.histories.leads == 3
    assert pool.histories.offsets.tolist() == [0, 1, 2, 2]
    assert {"owner", "source_kind", "form", "by"} < set(pool.histories.attributes)
    assert selection.notes == ("2 leads were converted or closed by then: not scored.",)


def test_refused_leads_are_in_the_pool_where_the_model_looks_at_them(tmp_path: Path) -> None:
    files = written(tmp_path)
    pool, _, _ = read_pool(SPEC, HOUSE, files, MONDAY, after_refusal_days=90.0)
    assert pool.lead_ids == ("a", "b", "d", "e")
    assert pool.refused_at.tolist()[:3] == [NEVER] * 3
    assert MONDAY - 17 * DAY < pool.refused_at[3] < MONDAY - 15 * DAY


def test_what_does_not_fit_the_export_is_said() -> None:
    calls = contact(9, direction="out")
    leads = {"a": lead(30, calls, owner="zoe", source_kind="net", form="chat")}
    notes = pool_notes(pool(leads), house(), shipped_plays(), MONDAY, with_plays=True)
    assert notes[0].startswith("No interaction is outbound")
    assert notes[1].startswith("1 leads are with somebody who is not in people.toml, such as 'zoe'")
    assert "[[play]] sources 'seed': no lead has it." in notes
    assert "[forms] 'callback_popup': no lead has it." in notes
    fitting = {"a": lead(30, contact(9), owner="ana")}
    assert pool_notes(pool(fitting), house(), shipped_plays(), MONDAY, with_plays=False) == ()
    assert pool_notes(pool({}), house(), shipped_plays(), MONDAY, with_plays=True) == ()


def test_leads_of_one_customer_have_one_number(tmp_path: Path) -> None:
    files = written(tmp_path)
    pool, _, _ = read_pool(SPEC, HOUSE, files, MONDAY)
    assert pool.customer is not None
    assert pool.customer[0] == pool.customer[1] != pool.customer[2] == -1


def test_what_people_toml_names_must_be_in_the_export(tmp_path: Path) -> None:
    attributes = {**house().attributes.model_dump(), "owner": "ownr"}
    files = written(tmp_path)
    with pytest.raises(ValueError, match=r"\[attributes\] owner: the export has no attribute") as e:
        read_pool(SPEC, house(attributes=attributes), files, MONDAY)
    assert "Did you mean 'owner'?" in str(e.value)
    numeric = {**attributes, "owner": "company_size"}
    with pytest.raises(ValueError, match="'company_size' must be a category"):
        desk_spec(SPEC, house(attributes=numeric))


def test_a_list_comes_back_as_the_list_before(tmp_path: Path) -> None:
    worklist = lively_list(hostile=True)
    columns = list_columns(worklist, SPEC, house().zone, has_previous=True)
    write_table(columns, tmp_path / "today.csv")
    previous = read_previous_list(tmp_path / "today.csv")
    assert previous.as_of == worklist.as_of
    assert {
        lead_id: (row.person, row.band, row.probability, row.clock)
        for lead_id, row in previous.rows.items()
    } == {row.lead_id: (row.person, row.band, row.probability, row.clock) for row in worklist.rows}
    assert HOSTILE in previous.rows


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    columns = list_columns(lively_list(hostile=True), SPEC, house().zone, has_previous=True)
    write_table(columns, tmp_path / "today.csv")
    write_table(columns, tmp_path / "today.xlsx")
    assert f"'{HOSTILE}" in pyarrow.csv.read_csv(tmp_path / "today.csv")["lead_id"].to_pylist()
    rows = load_workbook(tmp_path / "today.xlsx").get_sheet_by_index(0).to_python()
    assert rows[0] == list(columns)
    assert f"'{HOSTILE}" in [row[2] for row in rows]
    assert len(rows) == 1 + len(columns["person"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"warm",', '"tepid",'), "has the band 'tepid'"),
        (("promised", "soon"), "has the clock 'soon'"),
        (('"probability"', '"chance"'), "column 'probability' must be there once"),
        (("2026-01-05T09:00:00+00:00", "2026-01-05T10:00:00+00:00"), "as_of must be the same"),
    ],
    ids=["band", "clock", "column", "as_of"],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, change, message: str) -> None:
    path = tmp_path / "today.csv"
    write_table(list_columns(lively_list(), SPEC, house().zone, has_previous=True), path)
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    with pytest.raises(ValueError, match=message):
        read_previous_list(path)


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.csv, \.xlsx, \.html, got 'list\.pdf'"):
        require_list_suffix(Path("list.pdf"))
    with pytest.raises(ValueError, match="must be a list as CSV"):
        read_previous_list(tmp_path / "list.xlsx")
    columns = list_columns(lively_list(), SPEC, house().zone, has_previous=True)
    write_table({name: values[:0] for name, values in columns.items()}, tmp_path / "none.csv")
    with pytest.raises(ValueError, match="the list is empty"):
        read_previous_list(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match=r"empty\.csv"):
        read_previous_list(tmp_path / "empty.csv")
