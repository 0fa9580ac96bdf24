"""Doubts about rows that can be read: each kind is noticed, and an honest export has none."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.odd_words import fold, is_mojibake
from features.export.sources import read_export
from features.export.suspicions import suspicions
from features.export.toml_text import toml_text
from features.tables import Suspicion
from features.worlds.crm import Knobs, write_export
from features.worlds.registry import made_up_crm
from tests.support.exports import csv_mapping, write_text
from tests.support.tables import tables_of
from training.config import read_config

LEADS = [
    {"lead_id": str(i), "created_at": 2 * i, "converted_at": 2 * i + 30 if i % 3 == 0 else None}
    for i in range(40)
]


def doubts(
    leads=LEADS, interactions=(), log=(), **more: object
) -> dict[tuple[str, str], Suspicion]:
    tables = tables_of(list(leads), list(interactions), list(log), **more)
    return {(doubt.name, doubt.location): doubt for doubt in suspicions(tables)}


def calls(**more: object) -> list[dict[str, object]]:
    return [
        {"lead_id": str(i), "occurred_at": 2 * i + k, "kind": "call", **more}
        for i in range(40)
        for k in (1, 2, 3)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("world", ["chain", "excited", "persons"])
def test_an_honest_export_is_not_doubted(tmp_path, world) -> None:
    write_export(made_up_crm(world, 400, 1, Knobs()), tmp_path, "csv")
    mapping = read_config(tmp_path / "lead_temperature.toml").export
    assert suspicions(read_export(mapping)) == ()


def test_plain_calls_are_not_doubted() -> None:
    assert doubts(interactions=calls()) == {}


def test_the_same_interaction_twice_is_noticed_with_its_share_among_buyers() -> None:
    doubled = [*calls(), *(call for call in calls() if call["lead_id"] in ("0", "1"))]
    (doubt,) = doubts(interactions=doubled).values()
    assert (doubt.name, doubt.rows) == ("same interaction more than once", 6)
    assert "2 times; 50 % are of buyers" in doubt.example
    assert "SELECT DISTINCT" in doubt.way_out


def test_of_equal_examples_the_same_is_shown_in_whatever_order_the_rows_come() -> None:
    doubled = [*calls(), *calls()]
    log = [
        {"lead_id": str(lead), "recorded_at": 3, "name": "stage", "text": text}
        for lead in range(40)
        for text in ("new", "won")
    ]
    kinds = {"stage": "category"}
    forwards = doubts(interactions=doubled, log=log, kinds=kinds)
    assert len(forwards) == 2
    assert doubts(interactions=doubled[::-1], log=log[::-1], kinds=kinds) == forwards


@pytest.mark.parametrize(
    "differing", ["CALL", " call", "call\u00a0", "c\u0430ll", "ca\u200bll", "ｃall"]
)
def test_words_that_only_look_alike_are_noticed_with_the_line(differing) -> None:
    events = [*calls(), *calls(kind=differing)[:3]]
    found = doubts(interactions=events)
    (doubt,) = (doubt for (name, _), doubt in found.items() if name.startswith("words that differ"))
    assert (doubt.location, doubt.rows) == ("interactions.kind", 3)
    _, _, line = doubt.way_out.partition("[interactions.values.kind]: ")
    (mended,) = tomllib.loads(f"values = {{ {line} }}")["values"].items()
    assert mended == (differing, "call")


@pytest.mark.parametrize("differing", ["citta\u0300", "CITTÀ", "città "])
def test_levels_of_attributes_that_only_look_alike_are_noticed(differing) -> None:
    leads = [{**lead, "source": "città" if i else differing} for i, lead in enumerate(LEADS)]
    found = doubts(leads, kinds={"source": "category"}, fixed=("source",))
    assert [doubt.location for doubt in found.values()] == ["leads.source"]


@pytest.mark.parametrize("word", ["NULL", "n/a", "-", "Unknown", "(not set)", " ", "неизвестно"])
def test_words_for_nothing_are_noticed_with_the_line(word) -> None:
    log = [
        {"lead_id": str(i), "recorded_at": 2 * i, "name": "stage", "text": word if i < 9 else "new"}
        for i in range(40)
    ]
    (doubt,) = doubts(log=log, kinds={"stage": "category"}).values()
    assert (doubt.location, doubt.rows) == ("attributes.stage", 9)
    assert f"missing = [{toml_text(word)}] under [attributes.formats.value]" in doubt.way_out


def test_letters_in_the_wrong_encoding_are_noticed() -> None:
    events = calls(kind="réunion".encode().decode("cp1252"))
    ((name, location),) = doubts(interactions=events)
    assert (name, location) == ("letters in the wrong encoding", "interactions.kind")


def test_contacts_long_before_creation_are_noticed() -> None:
    early = [{**call, "occurred_at": -40, "recorded_at": -40} for call in calls()[60:70]]
    assert doubts(interactions=calls()[:60] + early)[
        "contacts long before creation", "interactions.occurred_at"
    ].rows == len(early)


def test_negative_durations_are_noticed() -> None:
    events = [{**call, "talk_seconds": -5.0 if i == 7 else 60.0} for i, call in enumerate(calls())]
    (doubt,) = doubts(interactions=events, measures=("talk_seconds",)).values()
    assert (doubt.name, doubt.rows, doubt.example) == ("negative durations", 1, "-5")
    balances = [{**call, "balance": (-1.0) ** i * 50} for i, call in enumerate(calls())]
    assert doubts(interactions=balances, measures=("balance",)) == {}


def test_a_lead_of_another_age_is_noticed_at_both_ends() -> None:
    for day, lonely in ((-3000, "1961-10-15"), (4000, "1980-12-14")):
        found = doubts([*LEADS, {"lead_id": "old", "created_at": day}], end_day=5000)
        (doubt,) = found.values()
        assert (doubt.location, doubt.rows) == ("leads.created_at", 1)
        assert doubt.example.startswith(lonely)


def test_values_at_one_instant_are_noticed() -> None:
    log = [
        {"lead_id": "1", "recorded_at": 3, "name": "stage", "text": text}
        for text in ("new", "won", "won")
    ] + [{"lead_id": "2", "recorded_at": 3, "name": "stage", "text": "new"}] * 2
    (doubt,) = doubts(log=log, kinds={"stage": "category"}).values()
    assert (doubt.name, doubt.location, doubt.rows) == (
        "several values at the same instant",
        "attributes.stage",
        1,
    )


def test_todays_value_beside_a_history_is_noticed() -> None:
    leads = [{**lead, "Status": "new"} for lead in LEADS]
    log = [{"lead_id": "1", "recorded_at": 3, "name": "status", "text": "new"}]
    kinds = {"Status": "category", "status": "category"}
    (doubt,) = doubts(leads, log=log, kinds=kinds, fixed=("Status",)).values()
    assert doubt.location == "leads.Status"


# What only the reading can notice ---------------------------------------------------------------


def read(folder: Path, header: str, *rows: str, **sections: dict[str, object]):
    write_text(folder / "interactions.csv", header, *rows)
    return suspicions(read_export(csv_mapping(folder, **sections)))


@pytest.mark.parametrize(
    ("leads", "interaction", "what"),
    [
        ("00012", "12", "leading zeros"),
        ("ABC", "abc", "upper and lower case"),
        ("1-2", "12", "blanks and signs"),
        ("00Q5g00000AbCdEFGH", "00Q5g00000AbCdE", "the last 3 of 18 characters"),
    ],
)
def test_ids_that_nearly_match_are_noticed(tmp_path, leads, interaction, what) -> None:
    write_text(tmp_path / "leads.csv", "lead_id,created_at", f"{leads},2024-01-01T00:00:00Z")
    row = f"{interaction},2024-01-02T00:00:00Z"
    (doubt,) = read(tmp_path, "lead_id,occurred_at", row, row)
    assert (doubt.name, doubt.rows) == (f"ids that would match without {what}", 2)


@pytest.mark.parametrize(
    ("values", "is_doubted"),
    [
        (["1.250", "12.500", "3.000", "800"], True),
        (["1.250", "12.500", "3.000", "0.125"], False),
        (["1.250", "12.5", "3.000"], False),
        (["1250", "800"], False),
    ],
)
def test_thousands_read_as_decimals_are_noticed(tmp_path, values, is_doubted) -> None:
    write_text(tmp_path / "leads.csv", "lead_id,created_at", "1,2024-01-01T00:00:00Z")
    rows = [f"1,2024-01-02T00:00:0{i}Z,{value}" for i, value in enumerate(values)]
    interactions: dict[str, object] = {"measures": ["amount"]}
    found = read(tmp_path, "lead_id,occurred_at,amount", *rows, interactions=interactions)
    assert [doubt.name for doubt in found] == ["thousands read as decimals"] * is_doubted
    if is_doubted:
        interactions |= {"decimal": ",", "thousands": "."}
        assert read(tmp_path, "lead_id,occurred_at,amount", *rows, interactions=interactions) == ()


def test_days_and_unknown_outcomes_are_told(tmp_path) -> None:
    write_text(
        tmp_path / "leads.csv",
        "lead_id,created_at,converted_at",
        "1,2024-01-01T00:00:00Z,soon",
        "2,2024-01-01T00:00:00Z,",
        "3,2024-01-01T00:00:00Z,2024-01-02T00:00:00Z",
    )
    found = read(tmp_path, "lead_id,occurred_at", "1,2024-01-05", data={"timezone": "UTC"})
    assert [(doubt.name, doubt.location, doubt.rows) for doubt in found] == [
        ("days without an hour", "interactions.occurred_at", 1),
        ("unknown outcomes", "leads", 1),
    ]


@given(st.text(max_size=20))
def test_a_word_looks_like_itself(word) -> None:
    assert fold(fold(word)) == fold(word)
    assert fold(f" {word}\u00a0") == fold(word)


@given(st.text("абвгдежзийклмнопрстуфхцчшщъыьэюяё", min_size=3, max_size=8), st.booleans())
def test_russian_words_are_no_mojibake(word, capital) -> None:
    if word.count("ё") < 2:
        assert not is_mojibake(word.capitalize() if capital else word)


@pytest.mark.parametrize("word", ["São Paulo", "Müller", "Ærø", "встреча", "naïve", "€ 5", "Ünlü"])
def test_accents_are_no_mojibake(word) -> None:
    assert not is_mojibake(word)
    assert is_mojibake(word.encode().decode("cp1252", errors="replace"))
