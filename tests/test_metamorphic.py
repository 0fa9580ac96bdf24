"""An export that is written otherwise is the same export: same tables, same model, or it is told.

Where the tables that a training sees are the same, so is the model, byte for byte; that is cheap to
look at. Where the tables differ though nothing that matters does (other words, other years, other
rows beside them), a model is trained on each, and the models are compared.
"""

import csv
import gzip
import hashlib
import json
import random
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from features.export.inspection import inspection
from features.export.sources import read_export
from features.spine import open_leads_at
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from models.bundle import load_bundle, save_bundle
from models.folder import MANIFEST
from serving.bulk.scores import score_spine
from serving.bulk.selection import ScoringFiles, read_for_scoring
from tests.support.cached import cached
from training.config import read_config
from training.pipeline import trained_bundle

pytestmark = pytest.mark.training

Rows = list[dict[str, str]]
Export = Mapping[str, Rows]
NAMES = ("leads", "interactions", "attributes")
TIMES = ("created_at", "converted_at", "closed_at", "occurred_at", "recorded_at")
WORDS = (
    "source",
    "source_kind",
    "form",
    "country",
    "industry",
    "decision_maker",
    "owner",
    "channel",
    "kind",
    "direction",
    "outcome",
    "agent",
)
CONTACT_KIND = ("interactions", "kind")
END = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
YEARS = timedelta(days=28 * 365 + 7)
"""28 years: weekdays, months and leap days fall as they did."""
MODEL = ("hot.txt", "hot.linear.json", "warm.txt", "warm.linear.json", "spec.json")
SCORES = ("hot_probability", "hot_low", "warm_probability", "warm_high")


def make_plain_export(folder: Path) -> None:
    """Recipe: an export of 1,200 made-up leads, with few trees to learn."""
    write_export(made_up_crm(1200, seed=3), folder, "csv")
    with (folder / "lead_temperature.toml").open("a") as file:
        file.write("\n[model]\ntrees = 20\n")


def make_plain_bundle(folder: Path) -> None:
    """Recipe: the model of that export."""
    train(cached("metamorphic-export", make_plain_export), folder / "bundle")


def train(folder: Path, bundle: Path) -> None:
    config = read_config(folder / "lead_temperature.toml")
    save_bundle(trained_bundle(read_export(config.export), config), bundle)


@pytest.fixture(scope="module")
def plain() -> Path:
    return cached("metamorphic-export", make_plain_export)


@pytest.fixture(scope="module")
def rows(plain) -> Export:
    return {name: read_rows(plain / f"{name}.csv") for name in NAMES}


def read_rows(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: Rows, encoding: str = "utf-8", delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def write(folder: Path, plain: Path, rows: Export, *changes: tuple[str, str]) -> Path:
    """The export as a folder, with its configuration and what is changed in it."""
    for name, table in rows.items():
        write_rows(folder / f"{name}.csv", table)
    text = (plain / "lead_temperature.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "lead_temperature.toml").write_text(text)
    return folder


def each(rows: Export, change: Callable[[str, str, str], str]) -> Export:
    """The export with each value that is there changed by its table and column."""
    return {
        name: [
            {column: change(name, column, value) if value else value for column, value in r.items()}
            for r in table
        ]
        for name, table in rows.items()
    }


def in_times(rows: Export, change: Callable[[datetime], str]) -> Export:
    return each(
        rows,
        lambda _, column, value: (
            change(datetime.fromisoformat(value)) if column in TIMES else value
        ),
    )


def seen_in_training(folder: Path) -> tuple[object, ...]:
    """What a training sees of an export: two exports in which it is equal give equal models."""
    tables = read_export(read_config(folder / "lead_temperature.toml").export)
    return (
        tables.leads,
        tables.interactions,
        tables.attribute_log,
        tables.attribute_kinds,
        tables.measures,
        tables.data_end,
        tables.outcome_unknown,
        tables.days,
    )


# The same tables ---------------------------------------------------------------------------------


def in_other_zones(folder: Path, plain: Path, rows: Export) -> Path:
    zones = [timezone(timedelta(hours=hours)) for hours in (-9.5, 0, 5.75, 14)]
    return write(
        folder, plain, in_times(rows, lambda t: t.astimezone(zones[t.second % 4]).isoformat())
    )


def in_a_pattern(folder: Path, plain: Path, rows: Export) -> Path:
    written = in_times(rows, lambda t: t.strftime("%d.%m.%Y, %H:%M:%S"))
    dates = '[data]\ndates = "%d.%m.%Y, %H:%M:%S"\ntimezone = "UTC"\n'
    return write(folder, plain, written, ("[data]\n", dates))


def with_surplus_columns(folder: Path, plain: Path, rows: Export) -> Path:
    written = {
        name: [{"Nr.": str(i), **row, "Löschen?": "=1+1", "": ""} for i, row in enumerate(table)]
        for name, table in rows.items()
    }
    return write(folder, plain, written)


def in_parts(folder: Path, plain: Path, rows: Export) -> Path:
    """A zip archive, a folder with a compressed file, and a list of files."""
    write(
        folder,
        plain,
        {},
        ('source = "leads.csv"', 'file = "Lead"'),
        ('source = "interactions.csv"', 'source = "contacts"'),
        ('source = "attributes.csv"', 'file = "Log"'),
        ("[leads]\n", '[files]\nLead = "all.zip/*.csv"\nLog = ["a.csv", "b.csv"]\n\n[leads]\n'),
    )
    (folder / "contacts").mkdir()
    halves = {
        name: (table[: len(table) // 3], table[len(table) // 3 :]) for name, table in rows.items()
    }
    write_rows(folder / "1.csv", halves["leads"][0])
    write_rows(folder / "2.csv", halves["leads"][1])
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for name in ("1.csv", "2.csv"):
            archive.write(folder / name, name)
    write_rows(folder / "contacts" / "1.csv", halves["interactions"][0])
    write_rows(folder / "rest.csv", halves["interactions"][1])
    packed = gzip.compress((folder / "rest.csv").read_bytes())
    (folder / "contacts" / "2.csv.gz").write_bytes(packed)
    write_rows(folder / "a.csv", halves["attributes"][0])
    write_rows(folder / "b.csv", halves["attributes"][1])
    return folder


def through_sql(folder: Path, plain: Path, rows: Export) -> Path:
    return write(
        folder,
        plain,
        rows,
        ('source = "leads.csv"', 'sql = "SELECT * FROM L WHERE lead_id IS NOT NULL"'),
        ('source = "interactions.csv"', 'sql = "SELECT I.* FROM I"'),
        ('source = "attributes.csv"', 'sql = "FROM A"'),
        (
            "[leads]\n",
            '[files]\nL = "leads.csv"\nI = "interactions.csv"\nA = "attributes.csv"\n\n[leads]\n',
        ),
    )


def under_other_ids(folder: Path, plain: Path, rows: Export) -> Path:
    """Half of the contacts hang on the id of the contact that the lead became."""
    leads = [{**row, "contact": f"C{row['lead_id']}"} for row in rows["leads"]]
    contacts = [
        {**row, "lead_id": f"C{row['lead_id']}" if i % 2 else row["lead_id"]}
        for i, row in enumerate(rows["interactions"])
    ]
    moved = {**rows, "leads": leads, "interactions": contacts}
    return write(folder, plain, moved, ("[leads]\n", '[leads]\nalso_known_as = ["contact"]\n'))


def in_capitals(folder: Path, plain: Path, rows: Export) -> Path:
    """Other words, which the configuration reads as the ones that they stand for."""
    kinds = {row["kind"] for row in rows["interactions"] if row["kind"]}
    written = each(
        rows,
        lambda name, c, value: value.upper() if (name, c) == ("interactions", "kind") else value,
    )
    words = "\n".join(f'"{kind.upper()}" = "{kind}"' for kind in sorted(kinds))
    section = f"[interactions.values.kind]\n{words}\n\n[attributes] "
    return write(folder, plain, written, ("[attributes] ", section))


def in_two_sections(folder: Path, plain: Path, rows: Export) -> Path:
    """Contacts with a value and those without are two tables, one after the other."""
    cut = len(rows["interactions"]) // 2
    parts = {"calls": rows["interactions"][:cut], "rest": rows["interactions"][cut:]}
    measures = '\nmeasures = ["duration_seconds", "value"]\n'
    sections = "\n".join(f'[[interactions]]\nsource = "{name}.csv"{measures}' for name in parts)
    old = f'[interactions]\nsource = "interactions.csv"{measures}'
    tables = {name: rows[name] for name in ("leads", "attributes")} | parts
    return write(folder, plain, tables, (old, sections))


@pytest.mark.parametrize(
    "rewrite",
    [
        in_other_zones,
        in_a_pattern,
        with_surplus_columns,
        in_parts,
        through_sql,
        under_other_ids,
        in_capitals,
        in_two_sections,
    ],
    ids=lambda rewrite: rewrite.__name__,
)
def test_an_export_that_is_written_otherwise_is_the_same_to_a_training(
    tmp_path, plain, rows, rewrite
) -> None:
    few = {name: table[:400] for name, table in rows.items()}
    for name in ("as_it_was", "otherwise"):
        (tmp_path / name).mkdir()
    expected = seen_in_training(write(tmp_path / "as_it_was", plain, few))
    assert seen_in_training(rewrite(tmp_path / "otherwise", plain, few)) == expected


# Other tables, the same model --------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """A model, what was read for it, and its scores of the leads that are open before the end."""

    tables: Tables
    files: Mapping[str, str]
    scores: Mapping[str, tuple[float, ...]]
    spec_text: str

    def model(self) -> dict[str, str]:
        """Hashes of the files that a score is computed by."""
        return {name: self.files[name] for name in MODEL}

    def doubts(self) -> set[str]:
        return {doubt.name for doubt in inspection(self.tables).suspicions}


def trained_on(folder: Path, bundle: Path, end: datetime = END) -> Trained:
    config = read_config(folder / "lead_temperature.toml")
    if not bundle.is_dir():
        train(folder, bundle)
    model = load_bundle(bundle)
    tables = read_for_scoring(model.spec, ScoringFiles(config.export))
    as_of = round((end - timedelta(days=10)).timestamp()) * 1_000_000
    table = score_spine(model, tables, open_leads_at(as_of, tables).spine)
    scores = {row["lead_id"]: tuple(row[name] for name in SCORES) for row in table.to_pylist()}
    manifest = json.loads((bundle / MANIFEST).read_text())
    return Trained(
        read_export(config.export), manifest["files"], scores, (bundle / "spec.json").read_text()
    )


@pytest.fixture(scope="module")
def expected(plain) -> Trained:
    return trained_on(plain, cached("metamorphic-bundle", make_plain_bundle) / "bundle")


def otherwise(folder: Path, plain: Path, rows: Export, *changes: tuple[str, str]) -> Trained:
    return trained_on(write(folder, plain, rows, *changes), folder / "bundle")


@pytest.mark.slow
def test_the_order_of_rows_and_columns_changes_no_byte(tmp_path, plain, rows, expected) -> None:
    draw = random.Random(5)  # noqa: S311 - no secret
    shuffled = {}
    for name, table in rows.items():
        columns = draw.sample(list(table[0]), len(table[0]))
        shuffled[name] = [{c: row[c] for c in columns} for row in draw.sample(table, len(table))]
    model = otherwise(tmp_path, plain, shuffled)
    assert model.files == expected.files
    assert model.scores == expected.scores


@pytest.mark.slow
def test_rows_that_are_left_out_change_no_model_and_are_told(
    tmp_path, plain, rows, expected
) -> None:
    """Contacts of strangers and from after the end, versions that stand twice, a lead once more."""
    some = rows["interactions"][::97]
    strangers = [{**row, "lead_id": f"X{row['lead_id']}"} for row in some]
    late = dict.fromkeys(("occurred_at", "recorded_at"), "2026-02-01 00:00:00Z")
    more = {
        "leads": [*rows["leads"], *rows["leads"][:20]],
        "interactions": [*strangers, *rows["interactions"], *({**row, **late} for row in some)],
        "attributes": rows["attributes"] * 2,
    }
    model = otherwise(tmp_path, plain, more)
    assert model.model() == expected.model()
    assert model.scores == expected.scores
    told = {rule.rule for rule in inspection(model.tables).broken_rules}
    assert told == {"duplicate lead", "unknown lead", "after the end of the data"}


def other_word(word: str) -> str:
    return f"w{hashlib.sha256(word.encode()).hexdigest()[:8]}"


@pytest.mark.slow
def test_other_words_give_the_same_scores(tmp_path, plain, rows, expected) -> None:
    """Words sort otherwise, so sums run in another order: the last bits may differ."""
    renamed = each(
        rows,
        lambda name, c, value: (
            other_word(value) if c in WORDS or (name, c) == ("attributes", "value") else value
        ),
    )
    model = otherwise(tmp_path, plain, renamed)
    assert model.scores.keys() == expected.scores.keys()
    for lead, scores in model.scores.items():
        assert scores == pytest.approx(expected.scores[lead], rel=1e-9, abs=1e-12)
    kinds = {row["kind"] for row in rows["interactions"] if row["kind"] in expected.spec_text}
    assert kinds
    assert all(other_word(kind) in model.spec_text for kind in kinds)


@pytest.mark.slow
def test_other_years_give_the_same_scores(tmp_path, plain, rows, expected) -> None:
    earlier = in_times(rows, lambda t: (t - YEARS).isoformat())
    end = END - YEARS
    folder = write(tmp_path, plain, earlier, ("2026-01-01T00:00:00Z", end.isoformat()))
    model = trained_on(folder, tmp_path / "bundle", end)
    assert model.model() == expected.model()
    assert model.scores == expected.scores


@pytest.mark.slow
def test_other_ids_draw_other_folds_and_rank_leads_alike(tmp_path, plain, rows, expected) -> None:
    """Who calibrates and who judges is drawn by ids, so these are what a seed is elsewhere."""
    moved = each(rows, lambda _, c, value: other_word(value) if c == "lead_id" else value)
    model = otherwise(tmp_path, plain, moved)
    assert model.files["spec.json"] == expected.files["spec.json"]
    leads = sorted(expected.scores)
    assert model.scores.keys() == {other_word(lead) for lead in leads}
    warm = SCORES.index("warm_probability")
    pairs = [(expected.scores[i][warm], model.scores[other_word(i)][warm]) for i in leads]
    assert spearmanr(*np.transpose(pairs)).statistic > 0.9


@pytest.mark.slow
def test_contacts_that_stand_twice_are_told(plain, rows, tmp_path, expected) -> None:
    twice = {**rows, "interactions": rows["interactions"] * 2}
    folder = write(tmp_path, plain, twice)
    tables = read_export(read_config(folder / "lead_temperature.toml").export)
    doubts = {doubt.name for doubt in inspection(tables).suspicions}
    assert doubts - expected.doubts() == {"same interaction more than once"}


def test_leads_that_stand_twice_stop_a_training(plain, rows, tmp_path) -> None:
    few = {name: table[:400] for name, table in rows.items()}
    config = read_config(
        write(tmp_path, plain, {**few, "leads": few["leads"] * 2}) / "lead_temperature.toml"
    )
    with pytest.raises(ValueError, match=r"400 of 800 rows of leads .* 'duplicate lead'"):
        trained_bundle(read_export(config.export), config)
