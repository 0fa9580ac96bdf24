"""Runs on disk: they come back as they were, and are never mixed with others in silence."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.worlds_records import append_run, codes_of, missing, pairs_of, read_runs
from features.worlds.crm import Knobs
from tests.support.world_runs import horizon_of, run_of, runs_of


def test_runs_come_back_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "worlds.jsonl"
    assert read_runs(file) == {}
    knobs = Knobs(rate=0.02, noise=0.1)
    refused = run_of(seed=2, refused="too few, „sagt sie“")
    runs = [run_of(seed=1), refused, replace(refused, task=replace(refused.task, knobs=knobs))]
    for run in runs:
        append_run(file, run)
    assert read_runs(file) == runs_of(*runs)
    assert len(file.read_text(encoding="utf-8").splitlines()) == 3


def test_of_several_runs_of_a_task_the_latest_counts(tmp_path: Path) -> None:
    file = tmp_path / "worlds.jsonl"
    for code in ("yesterday", "today"):
        append_run(file, run_of(code=code))
    assert [run.code for run in read_runs(file).values()] == ["today"]


def test_a_line_that_is_no_run_is_named(tmp_path: Path) -> None:
    file = tmp_path / "worlds.jsonl"
    append_run(file, run_of())
    with file.open("a") as stream:
        stream.write('{"task": 1}\n')
    with pytest.raises(ValueError, match="line 2 is no run of this version"):
        read_runs(file)


def test_what_is_missing_has_not_been_run_by_the_code_of_today() -> None:
    runs = runs_of(run_of(seed=1), run_of(seed=2, code="yesterday"))
    tasks = [run_of(seed=seed).task for seed in (1, 2, 3)]
    assert [task.seed for task in missing(tasks, runs, "today")] == [2, 3]


def test_pairs_are_of_the_same_task() -> None:
    ours = runs_of(run_of(seed=1), run_of(seed=2), run_of(world="excited", seed=1))
    rivals = runs_of(run_of(seed=2, code="other"), run_of(seed=3, code="other"))
    assert [(a.task.seed, b.code) for a, b in pairs_of(ours, rivals)] == [(2, "other")]


def test_a_world_that_has_changed_cannot_be_compared() -> None:
    for changed in (run_of(looks=999), run_of(hot=horizon_of(0.3, true=0.051))):
        with pytest.raises(ValueError, match="the world has changed since"):
            pairs_of(runs_of(run_of()), runs_of(changed))


def test_codes_are_told_once_each() -> None:
    assert codes_of([run_of(code="b"), run_of(code="a"), run_of(code="b")]) == ["a", "b"]
