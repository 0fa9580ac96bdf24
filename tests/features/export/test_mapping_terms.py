"""What the configuration says as columns, values and formats becomes terms, field by field."""

import pytest

from features.export.formats import ColumnFormat
from features.export.mapping import export_mapping
from features.export.mapping_terms import export_terms
from features.export.sources import read_export
from features.export.terms import ExportTerms, Notation
from features.language.kinds import AttributeCategory, AttributeKind, LeadAge
from features.language.spec import Spec
from tests.support.exports import write_csv

SPEC = Spec(
    (LeadAge(), AttributeCategory("source", ("web",))),
    attribute_kinds={
        "source": "category",
        "staff": "number",
        "stage": "category",
        "debt": "number",
    },
    measures=("seconds",),
)
ROME = ColumnFormat(dates=("%d/%m/%Y %H:%M",), timezone="Europe/Rome")


@pytest.fixture(scope="module")
def terms(tmp_path_factory) -> ExportTerms:
    folder = tmp_path_factory.mktemp("export")
    leads = [
        {"Nr": "1", "Creato": "05/01/2024 10:00", "Origine": "WWW", "Addetti": "1.200"},
        {"Nr": "2", "Creato": "06/01/2024 10:00", "Origine": "?", "Addetti": "8"},
    ]
    write_csv(folder / "leads.csv", leads)
    calls = [{"Nr": "1", "Data": "07/01/2024 10:00", "Esito": "OK", "Durata": "02:30"}]
    write_csv(folder / "calls.csv", calls)
    mails = [{"Lead": "2", "Inviato": "2024-01-08", "tipo": "e"}]
    write_csv(folder / "mails.csv", mails)
    log = [
        {"Nr": "1", "quando": "07/01/2024 11:00", "campo": "Fase", "valore": "aperta"},
        {"Nr": "2", "quando": "07/01/2024 11:00", "campo": "Debiti", "valore": "1.000,5"},
        {"Nr": "2", "quando": "08/01/2024 11:00", "campo": "Debiti", "valore": "-2,5"},
    ]
    write_csv(folder / "log.csv", log)
    sections = {
        "data": {"timezone": "Europe/Rome", "dates": "%d/%m/%Y %H:%M"},
        "leads": {
            "source": "leads.csv",
            "fixed_at_creation": ["source", "staff"],
            "columns": {
                "lead_id": "Nr", "created_at": "Creato", "source": "Origine", "staff": "Addetti",
            },
            "values": {"source": {"WWW": "web"}},
            "formats": {"source": {"missing": "?"}, "staff": {"thousands": "."}},
            "kinds": {"source": "category"},
        },
        "interactions": [
            {
                "source": "calls.csv",
                "columns": {
                    "lead_id": "Nr", "occurred_at": "Data", "recorded_at": "Data",
                    "outcome": "Esito", "seconds": "Durata",
                },
                "measures": ["seconds"],
                "values": {"outcome": {"OK": "reached"}},
                "formats": {"seconds": {"durations": "MM:SS"}},
            },
            {
                "source": "mails.csv",
                "dates": "iso",
                "columns": {"lead_id": "Lead", "occurred_at": "Inviato", "kind": "tipo"},
                "values": {"kind": {"e": "email"}},
            },
        ],
        "attributes": {
            "source": "log.csv",
            "columns": {
                "lead_id": "Nr", "recorded_at": "quando", "name": "campo", "value": "valore",
            },
            "values": {"name": {"Fase": "stage", "Debiti": "debt"}, "value": {"aperta": "open"}},
            "formats": {"debt": {"decimal": ",", "thousands": ".", "missing": "n.n."}},
        },
    }  # fmt: skip
    mapping = export_mapping(sections, folder)
    return export_terms(mapping, read_export(mapping), SPEC)


def test_names_are_those_of_the_export(terms):
    assert terms.lead["lead_id"].columns == ("Nr",)
    assert terms.lead["created_at"].columns == ("Creato",)
    assert terms.attributes["source"].columns == ("Origine",)
    assert terms.interactions["occurred_at"].columns == ("Data", "Inviato")
    assert terms.interactions["kind"].columns == ("tipo",)
    assert terms.measures["seconds"].columns == ("Durata",)


def test_attributes_of_the_log_are_called_as_in_the_log(terms):
    assert terms.attributes["stage"].columns == ("Fase",)
    assert terms.attributes["stage"].notations[0].words == {"aperta": "open"}


def test_a_word_that_stands_for_missing_in_one_attribute_of_the_log_does_so_in_no_other(terms):
    assert terms.attributes["debt"].notations[0].words == {"n.n.": "", "aperta": "open"}
    assert terms.attributes["stage"].notations[0].words == {"aperta": "open"}


def test_a_name_that_a_query_over_files_passes_on_is_one_of_the_export(tmp_path):
    leads = [{"Id": "1", "Created": "2024-01-01T00:00:00Z", "Citta\u0300": "Roma"}]
    write_csv(tmp_path / "leads.csv", leads)
    write_csv(
        tmp_path / "calls.csv", [{"Who": "1", "Date": "2024-01-02T00:00:00Z", "Type": "Call"}]
    )
    sections = {
        "files": {"Lead": "leads.csv", "Call": "calls.csv"},
        "leads": {
            "sql": 'SELECT Id AS nr, Created AS created_at, "Città" AS source FROM Lead',
            "columns": {"lead_id": "nr"},
            "fixed_at_creation": ["source"],
        },
        "interactions": {
            "sql": 'SELECT Who AS lead_id, "Date" AS occurred_at, "Date" AS recorded_at, '
            "lower(Type) AS kind, Type AS outcome FROM Call"
        },
    }
    mapping = export_mapping(sections, tmp_path)
    kinds: dict[str, AttributeKind] = {"source": "category"}
    terms = export_terms(mapping, read_export(mapping), Spec((LeadAge(),), attribute_kinds=kinds))
    assert terms.lead["lead_id"].columns == ("nr", "Id")
    assert terms.attributes["source"].columns == ("Città",)
    assert terms.interactions["occurred_at"].columns == ("Date",)
    assert terms.interactions["recorded_at"].columns == ()
    assert terms.interactions["outcome"].columns == ("Type",)
    assert terms.interactions["kind"].columns == ()  # computed: it has no name in the CRM


def test_words_for_missing_values_and_others_are_one_vocabulary(terms):
    assert terms.attributes["source"].notations[0].words == {"?": "", "WWW": "web"}


def test_formats_are_those_of_the_column_the_table_or_the_export(terms):
    assert terms.lead["created_at"].notations == (Notation(format_=ROME),)
    occurred = [n.format_.dates for n in terms.interactions["occurred_at"].notations]
    assert occurred == [ROME.dates, ("iso",)]
    assert terms.measures["seconds"].notations[0].format_.durations == "MM:SS"
    debt = terms.attributes["debt"].notations[0].format_
    assert (debt.decimal, debt.thousands) == (",", ".")


def test_a_column_that_is_both_times_of_an_interaction_is_one_of_them(terms):
    assert terms.interactions["recorded_at"].columns == ()


def test_only_tables_that_have_a_measure_say_how_it_is_written(terms):
    assert len(terms.measures["seconds"].notations) == 1


def test_numbers_have_their_range_and_nothing_else_has(terms):
    assert (terms.attributes["staff"].low, terms.attributes["staff"].high) == (8, 1200)
    assert (terms.attributes["debt"].low, terms.attributes["debt"].high) == (-2.5, 1000.5)
    assert (terms.measures["seconds"].low, terms.measures["seconds"].high) == (150, 150)
    assert terms.attributes["source"].low is None


@pytest.mark.parametrize(("hour", "midnight_in"), [("00:00", "Europe/Rome"), ("00:01", None)])
def test_a_column_of_midnights_is_one_of_days(tmp_path, hour, midnight_in):
    rows = [{"lead_id": f"{i}", "created_at": f"2024-01-{i:02}T00:00"} for i in range(1, 25)]
    write_csv(tmp_path / "leads.csv", [*rows[:-1], rows[-1] | {"created_at": f"2024-02-01T{hour}"}])
    sections = {"data": {"timezone": "Europe/Rome"}, "leads": {"source": "leads.csv"}}
    mapping = export_mapping(sections, tmp_path)
    terms = export_terms(mapping, read_export(mapping), Spec((LeadAge(),)))
    (notation,) = terms.lead["created_at"].notations
    assert notation.midnight_in == midnight_in
    assert terms.lead["lead_id"].notations[0].midnight_in is None
