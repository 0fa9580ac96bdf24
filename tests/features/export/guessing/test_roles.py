"""Which column plays which part."""

import re

import pyarrow as pa
import pytest

from features.export.guessing.roles import (
    codes_of,
    columns_by_role,
    header_rank,
    is_expected,
    is_vocabulary,
    presets,
    recognised_crm,
    times_by_role,
    values_among,
    words_of,
)
from features.export.guessing.survey import SurveyedColumn, plain_words, survey
from tests.support.exports import write_text


def surveyed(folder, header, *rows):
    write_text(folder / "a.csv", header, *rows)
    (table,), _ = survey(folder, folder)
    return table


def test_terms_and_words_are_written_as_headers_are_compared():
    for lists in (presets()["roles"], presets()["words"], presets()["hints"]):
        for terms in lists.values():
            assert [plain_words(term) for term in terms] == terms
            assert len(set(terms)) == len(terms)


def test_no_word_is_both_of_two_that_exclude_each_other():
    words = presets()["words"]
    for one, other in (("won", "lost"), ("inbound", "outbound"), ("yes", "no")):
        assert not {*words[one]} & {*words[other]}
    assert not {*words["finished"]} & {*words["unfinished"]}


def test_every_crm_has_headers_of_its_own():
    headers = {crm: {*preset["headers"]} for crm, preset in presets()["crm"].items()}
    assert len(headers) == 7
    for crm, own in headers.items():
        others = set().union(*(h for name, h in headers.items() if name != crm))
        assert len(own - others) >= 5, crm


def test_a_likelier_header_comes_first_and_an_empty_column_never(tmp_path):
    header = "Due date,Activity date,Start time,Completed Date Time,note"
    row = "2024-01-01,2024-01-02,,2024-01-03,x"
    table = surveyed(tmp_path, header, row, row)
    names = [column.name for column in times_by_role(table, "occurred")]
    assert names == ["Completed Date Time", "Activity date", "Due date"]
    assert columns_by_role(table, "reason") == []


@pytest.mark.parametrize(
    ("header", "rank"), [("won time", 0), ("deal won time", 2), ("due date", 5), ("dates", None)]
)
def test_a_header_that_ends_in_a_term_is_less_likely_than_the_term(header, rank):
    assert header_rank(header, ["won time", "date"]) == rank


def test_one_header_alone_is_no_crm(tmp_path):
    assert recognised_crm([surveyed(tmp_path, "WhoId,a", "1,2")]) is None
    assert recognised_crm([surveyed(tmp_path, "WhoId,TaskSubtype", "1,2")]) == "salesforce"


def test_a_crms_own_words_are_added_to_everybodys(tmp_path):
    rows = [f"{word},{i}" for i, word in enumerate(["S", "F", "Won"] * 3)]
    table = surveyed(tmp_path, "stage,x", *rows)
    stage = table.column("stage")
    assert is_vocabulary(stage)
    assert not is_vocabulary(table.column("x"))
    assert values_among(stage, words_of(None)["won"]) == ["Won"]
    assert sorted(values_among(stage, words_of("bitrix24")["won"])) == ["S", "Won"]
    assert codes_of("bitrix24")["DIRECTION"]["1"] == "inbound"
    assert codes_of(None) == {}


def test_a_code_says_something_only_under_its_header(tmp_path):
    table = surveyed(tmp_path, "statecode,other", *["1,1", "2,2"] * 5)
    words = words_of("dynamics")["won"]
    assert values_among(table.column("statecode"), words) == ["1"]
    assert values_among(table.column("other"), words) == []


def test_presets_name_no_person_and_no_address():
    text = repr(presets())
    assert not re.search(r"\w@\w", text)


@pytest.mark.parametrize(
    "header",
    [
        "Expected close date",
        "Est. Close Date",
        "Data di chiusura prevista",
        "Gesch. Abschluss",
        "Voraussichtliches Abschlussdatum",
        "Geschätztes Abschlussdatum",
        "Date de clôture prévue",
        "Fecha de cierre estimada",
        "Data de fechamento esperada",
        "Предполагаемая дата закрытия",
    ],
)
def test_what_was_expected_is_told_from_what_came(header):
    texts = pa.chunked_array([["2024-01-01"]])
    assert is_expected(SurveyedColumn(header, texts))
    for came in ("Geschlossen am", "Fecha de cierre", "Data di chiusura", "Closed on", "Estado el"):
        assert not is_expected(SurveyedColumn(came, texts))
