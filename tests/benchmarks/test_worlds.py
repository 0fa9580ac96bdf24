"""The command: what is asked for is run, what is there is not run again, two files are compared."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import worlds
from benchmarks.worlds import FILE, app, requested_tasks
from benchmarks.worlds_export import leads_for
from benchmarks.worlds_records import append_run, read_runs
from benchmarks.worlds_run import code_fingerprint
from features.worlds.crm import Knobs
from tests.support.world_runs import horizon_of, run_of

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_small_exports_come_first_and_pilots_say_their_leads() -> None:
    tasks = requested_tasks(["chain"], [60, 30], range(5, 7), Knobs())
    assert [(task.size, task.seed) for task in tasks] == [(30, 5), (30, 6), (60, 5), (60, 6)]
    assert tasks[0].leads == leads_for("chain", 30)
    assert tasks[2].leads == pytest.approx(2 * tasks[0].leads, abs=1)


def test_a_world_that_is_none_is_refused(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["--world=moon", f"--output={tmp_path}"])
    assert ended.exit_code == 2
    assert "there is no world moon" in ended.output
    assert not (tmp_path / FILE).exists()


def test_two_files_are_put_side_by_side_without_running_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (201, 202):
        append_run(tmp_path / FILE, run_of(seed=seed, hot=horizon_of(0.2), code=f"code{seed}"))
        append_run(tmp_path / "other.jsonl", run_of(seed=seed, hot=horizon_of(0.4)))
    monkeypatch.setattr(worlds, "run_missing", lambda *arguments: pytest.fail("ran"))
    monkeypatch.setattr(worlds.console, "width", 200)
    with pytest.raises(SystemExit) as ended:
        app(
            [
                "--show",
                "--world=chain",
                "--size=100",
                f"--output={tmp_path}",
                f"--compare={tmp_path / 'other.jsonl'}",
            ]
        )
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert told.count("0.500") == 2
    assert "0.50 (0.50…0.50)" in told
    assert "These runs are of different code: code201, code202." in told


@pytest.mark.training
@pytest.mark.process
def test_what_is_there_by_the_code_of_today_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    command = ["--world=chain", "--size=20", "--seeds=1", f"--output={tmp_path}"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    runs = read_runs(tmp_path / FILE)
    assert [run.code for run in runs.values()] == [code_fingerprint()]
    text = (tmp_path / FILE).read_text()
    assert CliRunner().invoke(app, command).exit_code == 0
    assert (tmp_path / FILE).read_text() == text
    (tmp_path / FILE).write_text(text.replace(code_fingerprint(), "yesterday"))
    assert CliRunner().invoke(app, command).exit_code == 0
    assert len((tmp_path / FILE).read_text().splitlines()) == 2
