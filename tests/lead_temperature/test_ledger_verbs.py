"""Verbs that fill a ledger and empty it, as a user runs them."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ledger.hashing import lead_hash
from ledger.store import open_ledger
from models.bundle import load_bundle
from tests.support.answers import answer

AS_OF = "2026-01-01T00:00:00+00:00"
KEY = "sixteen letters!"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def filled(file: Path) -> Path:
    ledger = open_ledger(str(file))
    ledger.append([answer("L1"), answer("L1", 3), answer("L2"), answer("L3", purpose="try")])
    ledger.close()
    return file


def leads_of(file: Path) -> list[str]:
    ledger = open_ledger(str(file))
    leads = ledger.read().lead.tolist()
    ledger.close()
    return leads


def test_show_tells_what_is_there_and_nothing_of_a_lead(run, filled: Path) -> None:
    told = run("ledger", "show", "--ledger", filled)
    assert told.returncode == 0, told.stderr
    words = told.stdout.split()
    assert [words.count(word) for word in ("work", "try", "v1")] == [1, 1, 2]
    assert "sums of 0 answers that were erased" in told.stdout
    assert "L1" not in told.stdout


def test_erase_takes_a_person_and_leaves_the_sums(run, filled: Path) -> None:
    told = run("ledger", "erase", "L1", "L9", "--ledger", filled)
    assert told.returncode == 0, told.stderr
    assert "Erased 2 answers about 2 leads" in told.stdout
    assert leads_of(filled) == ["L2", "L3"]
    assert "sums of 2 answers that were erased" in run("ledger", "show", "--ledger", filled).stdout


def test_erase_takes_the_hash_of_a_lead_too(run, file: Path, monkeypatch) -> None:
    ledger = open_ledger(str(file))
    ledger.append([answer(lead_hash(KEY)("L1")), answer(lead_hash(KEY)("L2"))])
    ledger.close()
    monkeypatch.setenv("LEAD_TEMPERATURE_LEDGER_KEY", KEY)
    monkeypatch.setenv("LEAD_TEMPERATURE_LEDGER", str(file))
    assert "Erased 1 answers" in run("ledger", "erase", "L1").stdout
    assert leads_of(file) == [lead_hash(KEY)("L2")]


def test_forget_takes_what_is_old(run, file: Path) -> None:
    ledger = open_ledger(str(file))
    ledger.append([answer("old", -30_000), answer("young", 30_000)])
    ledger.close()
    told = run("ledger", "forget", "--older-than", 365, "--ledger", file)
    assert told.returncode == 0, told.stderr
    assert "Erased 1 answers older than 365 days" in told.stdout
    assert leads_of(file) == ["young"]


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        (("show",), "ledger.db does not exist"),
        (("erase", "L1"), "ledger.db does not exist"),
        (("forget", "--older-than", 3), "ledger.db does not exist"),
    ],
    ids=["show", "erase", "forget"],
)
def test_a_ledger_that_is_not_there_is_not_made(run, file: Path, verb, message: str) -> None:
    told = run("ledger", *verb, "--ledger", file)
    assert told.returncode == 1
    assert message in told.stderr.replace("\n", "")
    assert not file.exists()


@pytest.mark.parametrize("verb", ["show", "erase", "forget"])
def test_every_verb_of_the_ledger_has_help_with_an_example(run, verb: str) -> None:
    told = run("ledger", verb, "--help")
    assert f"Example: lead-temperature ledger {verb}" in " ".join(told.stdout.split())


@pytest.mark.training
def test_bulk_scores_are_kept_as_they_are_written_and_once(
    run, trained, file: Path, tmp_path: Path
) -> None:
    arguments = (
        "score", "--bundle", trained.bundle, "--config", trained.config, "--as-of", AS_OF,
        "--ledger", file, "--ledger-channel", "source",
    )  # fmt: skip
    for _ in range(2):
        told = run(*arguments, "-o", tmp_path / "scores.parquet")
        assert told.returncode == 0, told.stderr
    scores = pq.read_table(tmp_path / "scores.parquet")
    ledger = open_ledger(str(file))
    kept = ledger.read()
    assert kept.lead.tolist() == scores["lead_id"].to_pylist()
    assert kept.hot.probability.tolist() == scores["hot_probability"].to_pylist()
    assert kept.warm.high.tolist() == scores["warm_high"].to_pylist()
    assert kept.band.tolist() == scores["band"].to_pylist()
    assert set(kept.purpose) == {"batch"}
    assert set(kept.model_version) == {load_bundle(trained.bundle).version}
    assert len(set(kept.channel)) > 2
    assert len(set(kept.features)) > len(kept) / 2
    ledger.close()


@pytest.mark.training
def test_bulk_scores_refuse_what_cannot_be_kept(run, trained, file: Path, tmp_path: Path) -> None:
    arguments = (
        "score", "--bundle", trained.bundle, "--config", trained.config, "--as-of", AS_OF,
        "-o", tmp_path / "scores.parquet", "--ledger", file,
    )  # fmt: skip
    told = run(*arguments, "--engine", "spark")
    assert (told.returncode, "--ledger is for the local engine" in told.stderr) == (1, True)
    told = run(*arguments, "--ledger-owner", "no such attribute")
    assert told.returncode == 1
    assert "--ledger-owner must name a category that the model reads" in told.stderr
    assert not (tmp_path / "scores.parquet").exists()
