"""Tables and queries of a database, and URLs that never show a password."""

import pytest

from features.export.mapping import export_mapping
from features.export.sources import read_export
from tests.support.exports import at, write_database

LEADS = [
    {"lead_id": str(i), "created_at": at("2024-01-01 10:00:00"), "source": source}
    for i, source in enumerate(["web", 'w"eb', "web", "fair"])
]


def test_a_query_is_read_as_it_is_written(tmp_path):
    write_database(f"sqlite:///{tmp_path / 'crm.db'}", "leads", LEADS)
    query = "SELECT lead_id, created_at, '%s :x' AS source FROM leads WHERE source LIKE '%w%'"
    leads = {"query": query, "fixed_at_creation": ["source"]}
    mapping = export_mapping({"data": {"database": "sqlite:///crm.db"}, "leads": leads}, tmp_path)
    assert read_export(mapping).leads["source"].to_pylist() == ["%s :x"] * 3


def test_a_database_file_that_is_not_there_is_not_made(tmp_path):
    sections = {"data": {"database": "sqlite:///crm.db"}, "leads": {"table": "leads"}}
    with pytest.raises(FileNotFoundError, match=r"crm\.db does not exist"):
        read_export(export_mapping(sections, tmp_path))
    assert not (tmp_path / "crm.db").exists()


def test_a_table_that_is_not_there_is_named(tmp_path):
    write_database(f"sqlite:///{tmp_path / 'crm.db'}", "leads", LEADS)
    sections = {"data": {"database": "sqlite:///crm.db"}, "leads": {"table": "clients"}}
    with pytest.raises(
        ValueError, match=r"table clients cannot be read from sqlite.*no such table"
    ):
        read_export(export_mapping(sections, tmp_path))


@pytest.mark.parametrize("url", ["crm:s3cret", "postgresql://ana:s3cret@host:port/crm"])
def test_a_url_that_cannot_be_parsed_is_not_shown(tmp_path, url):
    sections = {"data": {"database": url}, "leads": {"table": "leads"}}
    with pytest.raises(ValueError, match=r"must be a URL such as") as caught:
        read_export(export_mapping(sections, tmp_path))
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana@127.0.0.1:1/crm?password=s3cret",
        "postgresql://ana:s3cret@127.0.0.1:1/crm?passwrd=s3cret",
        "postgresql://ana@127.0.0.1:1/crm?password=$CRM_PASSWORD",
        "sqlite:///crm.db?uri=false&timeout=s3cret",
    ],
)
def test_no_part_of_a_url_can_carry_a_password_into_a_message(tmp_path, monkeypatch, url):
    monkeypatch.setenv("CRM_PASSWORD", "s3cret")
    (tmp_path / "crm.db").write_bytes(b"")
    mapping = export_mapping({"data": {"database": url}, "leads": {"table": "leads"}}, tmp_path)
    with pytest.raises(ValueError, match=r"table leads cannot be read from") as caught:
        read_export(mapping)
    assert "s3cret" not in str(caught.value)


def test_variables_in_the_query_of_a_url_are_replaced(tmp_path, monkeypatch):
    monkeypatch.delenv("CRM_PASSWORD", raising=False)
    sections = {
        "data": {"database": "postgresql://ana@127.0.0.1:1/crm?password=$CRM_PASSWORD"},
        "leads": {"table": "leads"},
    }
    with pytest.raises(ValueError, match=r"\$CRM_PASSWORD, which is not set"):
        read_export(export_mapping(sections, tmp_path))
