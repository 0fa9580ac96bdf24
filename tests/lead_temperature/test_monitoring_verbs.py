"""`grade` and `watch` as a user meets them: tables, sentences, files, exit codes and mistakes."""

import csv
import json
from pathlib import Path

import pytest

from lead_temperature.inputs import instant
from ledger.hashing import lead_hash
from ledger.store import open_ledger
from tests.support.promised import answered, write_promised

HOLDS, BREAKS, FEW = 350, 301, 30
"""Leads of the three ledgers; what is drawn depends on the number."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_promised(tmp_path_factory.mktemp("kept"), HOLDS)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_promised(tmp_path_factory.mktemp("broken"), BREAKS, kept=0.3)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_promised(tmp_path_factory.mktemp("small"), FEW)


def test_grades_are_printed_with_a_sentence_and_written(run, kept, tmp_path: Path) -> None:
    config, ledger = kept
    graded = run(
        "grade", "--ledger", ledger, "--config", config, "--json", tmp_path / "grades.json"
    )
    assert graded.returncode == 0, graded.stderr
    text = " ".join(graded.stdout.split())
    assert "What came of answers, hot" in text
    assert "What came of answers, warm" in text
    assert "Promises held" in text
    assert "Bo [x]" in text
    document = json.loads((tmp_path / "grades.json").read_text(encoding="utf-8"))
    warm = document["warm"]["overall"]["outcome"]
    assert warm["happened"]["low"] < warm["promised"] < warm["happened"]["high"]
    kinds = {grade["kind"] for grade in document["hot"]["groups"]}
    assert kinds == {"model", "band", "month", "channel", "owner"}


@pytest.mark.slow
def test_what_is_known_is_noted_in_the_ledger(run, kept) -> None:
    """So an erased lead's outcome stays in the sums."""
    config, ledger = kept
    assert run("grade", "--ledger", ledger, "--config", config).returncode == 0
    opened = open_ledger(str(ledger))
    answers = opened.read()
    opened.close()
    known = (answers.hot.happened == 0) | (answers.hot.happened == 1)
    assert known.sum() > 0.9 * len(answers)
    assert answers.hot.happened[known].mean() == pytest.approx(
        answers.hot.probability[known].mean(), rel=0.3
    )


@pytest.mark.slow
def test_grading_twice_says_the_same(run, kept) -> None:
    config, ledger = kept
    first, again = (run("grade", "--ledger", ledger, "--config", config) for _ in range(2))
    assert first.stdout == again.stdout


def test_promises_that_hold_are_quiet(run, kept, tmp_path: Path) -> None:
    config, ledger = kept
    watched = run(
        *("watch", "--ledger", ledger, "--config", config),
        *("--json", tmp_path / "watch.json", "--metrics", tmp_path / "promises.prom"),
    )
    assert watched.returncode == 0, watched.stdout + watched.stderr
    assert "warm: promises hold so far" in " ".join(watched.stdout.split())
    document = json.loads((tmp_path / "watch.json").read_text(encoding="utf-8"))
    assert document["warm"]["alarm"]["state"] == "quiet"
    gauges = (tmp_path / "promises.prom").read_text(encoding="utf-8")
    assert 'lead_temperature_promises_state{horizon="warm",state="quiet"} 1.0' in gauges
    assert 'lead_temperature_promises_state{horizon="warm",state="ringing"} 0.0' in gauges


def test_promises_that_break_ring(run, broken) -> None:
    config, ledger = broken
    watched = run("watch", "--ledger", ledger, "--config", config)
    assert watched.returncode == 3, watched.stdout + watched.stderr
    assert "promises break" in " ".join(watched.stdout.split())


def test_where_nobody_can_tell_it_is_not_green(run, small) -> None:
    config, ledger = small
    watched = run("watch", "--ledger", ledger, "--config", config)
    assert watched.returncode == 4, watched.stdout + watched.stderr
    text = " ".join(watched.stdout.split())
    assert "warm: cannot tell yet" in text
    assert "weeks in all" in text


@pytest.mark.parametrize("verb", ["grade", "watch"])
def test_a_ledger_that_is_not_there_is_no_empty_one(run, kept, tmp_path: Path, verb: str) -> None:
    config, _ = kept
    refused = run(verb, "--ledger", tmp_path / "nowhere.db", "--config", config)
    assert refused.returncode == 1
    assert "does not exist" in refused.stderr
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize("verb", ["grade", "watch"])
def test_a_file_that_is_no_ledger_is_named(run, kept, tmp_path: Path, verb: str) -> None:
    config, _ = kept
    (tmp_path / "notes.txt").write_text("these are notes, and no database at all " * 50)
    refused = run(verb, "--ledger", tmp_path / "notes.txt", "--config", config)
    assert refused.returncode == 1
    assert "notes.txt" in refused.stderr


def test_an_empty_ledger_has_nothing_to_tell(run, kept, tmp_path: Path) -> None:
    config, _ = kept
    open_ledger(str(tmp_path / "empty.db")).close()
    graded = run("grade", "--ledger", tmp_path / "empty.db", "--config", config)
    assert graded.returncode == 0, graded.stderr
    assert "has ended yet" in " ".join(graded.stdout.split())
    watched = run("watch", "--ledger", tmp_path / "empty.db", "--config", config)
    assert watched.returncode == 4, watched.stderr
    assert "no time is long enough" in " ".join(watched.stdout.split())


@pytest.mark.slow
def test_a_ledger_about_other_leads_is_said_to_be_one(run, kept, tmp_path: Path) -> None:
    config, _ = kept
    _, ledger = write_promised(tmp_path / "more", HOLDS + 100)
    graded = run("grade", "--ledger", ledger, "--config", config)
    assert "about leads that the export does not hold" in " ".join(graded.stdout.split())


def test_gauges_go_only_where_a_collector_reads_them(run, kept, tmp_path: Path) -> None:
    config, ledger = kept
    refused = run(
        *("watch", "--ledger", ledger, "--config", config),
        *("--metrics", tmp_path / "gauges.txt"),
    )
    assert refused.returncode == 1
    assert "must end in .prom" in refused.stderr


def test_a_hashed_ledger_is_read_with_the_servers_key(
    run, kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, _ = kept
    hashed = lead_hash("sixteen letters!")
    opened = open_ledger(str(tmp_path / "hashed.db"))
    as_of = instant("2026-03-01T00:00:00+00:00", "begin")
    opened.append([answered(hashed(f"L{lead}"), as_of) for lead in range(30)])
    opened.close()
    arguments = ("grade", "--ledger", tmp_path / "hashed.db", "--config", config)
    assert "30 about leads that the export" in " ".join(run(*arguments).stdout.split())
    monkeypatch.setenv("LEAD_TEMPERATURE_LEDGER_KEY", "sixteen letters!")
    assert "leads that the export" not in " ".join(run(*arguments).stdout.split())
    monkeypatch.setenv("LEAD_TEMPERATURE_LEDGER_KEY", "short")
    refused = run(*arguments)
    assert refused.returncode == 1
    assert "16 letters or more" in refused.stderr


def test_a_report_on_a_ledger_needs_the_export_that_tells_what_came(run, kept, tmp_path) -> None:
    _, ledger = kept
    refused = run(
        *("report", "--bundle", tmp_path, "--ledger", ledger),
        *("-o", tmp_path / "report.html"),
    )
    assert refused.returncode == 1
    assert "--ledger needs --config" in refused.stderr


@pytest.mark.slow
def test_a_training_says_what_came_of_what_was_said(run, own_crm) -> None:
    """Of the answers that the earlier model gave about the same leads."""
    ledger = own_crm.folder / "ledger.db"
    opened = open_ledger(str(ledger))
    with (own_crm.folder / "leads.csv").open(encoding="utf-8") as file:
        leads = [row["lead_id"] for row in csv.DictReader(file)]
    begin = instant("2025-09-01T00:00:00+00:00", "begin")
    opened.append([answered(lead, begin) for lead in leads[-800:]])
    opened.close()
    trained = run("train", "--config", own_crm.config, "--ledger", ledger)
    assert trained.returncode == 0, trained.stderr
    text = " ".join(trained.stdout.split())
    assert "What came of answers, warm" in text
    assert "Promises whose horizons still run" in text
    page = (own_crm.bundle / "report.ru.html").read_text(encoding="utf-8")
    assert "Что вышло из того, что мы сказали" in page
    reported = run(
        *("report", "--bundle", own_crm.bundle, "--config", own_crm.config),
        *("--ledger", ledger, "-o", own_crm.folder / "fresh.html"),
    )
    assert reported.returncode == 0, reported.stderr
    assert "What came of what we said" in (own_crm.folder / "fresh.html").read_text("utf-8")
