"""The same data have the same fingerprint, and no other data do."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.export.sources import read_export
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from tests.support.tables import tables_of
from training.config import read_config
from training.versions.fingerprint import data_fingerprint

LEADS = [
    {"lead_id": "a", "created_at": 0, "size": 0.0, "country": "it"},
    {"lead_id": "b", "created_at": 1, "converted_at": 9, "size": None, "country": None},
    {"lead_id": "c", "created_at": 1, "size": 3.5, "country": "pt"},
]
EVENTS = [
    {"lead_id": "a", "occurred_at": 2, "kind": "call", "channel": "phone"},
    {"lead_id": "a", "occurred_at": 2, "kind": "visit", "channel": None},
    {"lead_id": "b", "occurred_at": 3, "kind": "call", "channel": "web"},
]
LOG = [{"lead_id": "a", "recorded_at": 2, "name": "budget", "number": 5.0}]


def tables(leads=LEADS, events=EVENTS, log=LOG, **changed) -> Tables:
    kinds = {"size": "number", "country": "category", "budget": "number"}
    given = {"kinds": kinds, "fixed": ("size", "country")} | changed
    return tables_of(leads, events, log, **given)


@settings(max_examples=25, deadline=None)
@given(st.permutations(LEADS), st.permutations(EVENTS))
def test_the_order_of_rows_does_not_matter(leads, events) -> None:
    assert data_fingerprint(tables(leads, events)) == data_fingerprint(tables())


def with_persons(export: Tables, person_of: dict[str, str]) -> Tables:
    """Tables with persons numbered in the order of the rows, as an export is read."""
    names = [person_of.get(lead) for lead in export.leads["lead_id"].to_pylist()]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(filter(None, names)))}
    persons = pa.array([numbers.get(name) for name in names], pa.int64())
    place = export.leads.column_names.index("person")
    return dataclasses.replace(export, leads=export.leads.set_column(place, "person", persons))


@settings(max_examples=10, deadline=None)
@given(st.permutations(LEADS))
def test_persons_matter_and_their_numbers_do_not(leads) -> None:
    together = {"b": "ana", "c": "ana", "a": "bo"}
    expected = data_fingerprint(with_persons(tables(), together))
    assert data_fingerprint(with_persons(tables(leads), together)) == expected
    assert data_fingerprint(with_persons(tables(), {"b": "ana", "a": "ana"})) != expected
    assert data_fingerprint(tables()) != expected


def test_the_order_of_columns_the_chunks_and_the_codes_of_words_do_not_matter() -> None:
    before = tables()
    words = before.interactions["kind"].cast(pa.string())
    reversed_codes = pa.DictionaryArray.from_arrays(
        pc.index_in(words, pa.array(["visit", "call"])).combine_chunks().cast(pa.int32()),
        pa.array(["visit", "call"]),
    )
    place = before.interactions.column_names.index("kind")
    events = before.interactions.set_column(place, "kind", reversed_codes)
    parts = pa.concat_tables([before.leads.slice(0, 1), before.leads.slice(1)])
    assert data_fingerprint(dataclasses.replace(before, interactions=events, leads=parts)) == (
        data_fingerprint(before)
    )


@pytest.mark.parametrize(
    "other",
    [
        tables(LEADS[:2]),
        tables([*LEADS[:2], LEADS[2] | {"size": 3.25}]),
        tables([LEADS[0] | {"size": None}, *LEADS[1:]]),
        tables([LEADS[0] | {"country": "pt"}, LEADS[1], LEADS[2] | {"country": "it"}]),
        tables([*LEADS[:2], LEADS[2] | {"closed_at": 1}]),
        tables(events=[*EVENTS, EVENTS[0]]),
        tables(events=[EVENTS[0] | {"kind": "phone", "channel": "call"}, *EVENTS[1:]]),
        tables(events=[EVENTS[0] | {"recorded_at": 4}, *EVENTS[1:]]),
        tables(log=[]),
        tables(log=[LOG[0] | {"name": "size2"}]),
        tables(end_day=101),
        tables(kinds={"size": "number", "country": "category", "budget": "timestamp"}),
    ],
)
def test_whatever_changes_in_the_data_changes_it(other: Tables) -> None:
    assert data_fingerprint(other) != data_fingerprint(tables())


def test_negative_zero_is_zero() -> None:
    assert data_fingerprint(tables([LEADS[0] | {"size": -0.0}, *LEADS[1:]])) == (
        data_fingerprint(tables())
    )


@pytest.mark.slow
def test_the_same_export_as_csv_and_as_parquet_has_one_fingerprint(tmp_path) -> None:
    found = set()
    for kind in ("csv", "parquet"):
        write_export(made_up_crm(300, seed=2), tmp_path / kind, kind)
        config = read_config(tmp_path / kind / "lead_temperature.toml")
        found.add(data_fingerprint(read_export(config.export)))
    assert len(found) == 1
    assert np.all([len(one) == 32 for one in found])
