"""The benchmark of the audit: what it counts, and that it counts it on an export of a world."""

import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.audit import (
    Verdicts,
    goal_lines,
    honest_accused,
    kinds_missed,
    table_of,
    verdicts_of,
    verdicts_on,
)
from benchmarks.audit_columns import STRENGTHS, Column
from training.audit.leaks import Finding

PLANTED = {"fill 0.25": "clear", "fill 1.0": "suspect", "id 0.25": "leak", "id 1.0": "leak"}
JUDGED = Verdicts(
    world="seasons",
    seed=301,
    sales=712,
    planted=PLANTED,
    honest={f"honest {one}": "clear" for one in range(100)},
    seconds=1.5,
)


def with_honest(verdict: str, columns: int) -> Verdicts:
    honest = dict(JUDGED.honest)
    honest.update({f"honest {one}": verdict for one in range(columns)})
    return dataclasses.replace(JUDGED, honest=honest)


def test_suspects_and_leaks_count_as_found() -> None:
    assert JUDGED.found == 3
    assert with_honest("suspect", 2).honest_called("suspect") == ["honest 0", "honest 1"]


def test_each_kind_of_planted_column_has_its_line_by_strength() -> None:
    assert kinds_missed([JUDGED, JUDGED]) == [
        "fill: 0 of 2 at 0.25, 2 of 2 at 1.0",
        "id: 2 of 2 at 0.25, 2 of 2 at 1.0",
    ]


def test_each_honest_column_that_is_accused_has_a_line() -> None:
    assert honest_accused([with_honest("leak", 1)]) == [
        "honest, called leak: honest 0 (seasons, seed 301)"
    ]
    assert honest_accused([JUDGED]) == []


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (JUDGED, ["ok", "ok", "ok"]),
        (with_honest("suspect", 1), ["ok", "ok", "ok"]),
        (with_honest("suspect", 2), ["ok", "missed", "ok"]),
        (with_honest("leak", 1), ["ok", "ok", "missed"]),
        (
            dataclasses.replace(JUDGED, planted={**PLANTED, "id 0.25": "cannot be told"}),
            ["missed", "ok", "ok"],
        ),
    ],
)
def test_the_goals_are_judged_on_the_worlds_that_judge(result: Verdicts, kept: list[str]) -> None:
    assert [line.rsplit(": ", 1)[1] for line in goal_lines([result])] == kept
    assert goal_lines([dataclasses.replace(result, world="chain")]) == []


def test_a_world_has_one_row_with_its_counts() -> None:
    table = table_of([JUDGED, with_honest("suspect", 3)])
    row = [next(iter(column.cells)) for column in table.columns]
    assert row == [
        "seasons", "judging", "2", "712", "6 of 8", "4", "2", "0", "200", "0", "3", "0", "1.5",
    ]  # fmt: skip


def test_planted_columns_stand_apart_from_honest_ones_and_events_are_not_counted() -> None:
    columns = [Column("id 1.0", "number", pa.array([1.0]), True)]
    findings = [
        Finding("id 1.0", "attribute", "leak", "", {}),
        Finding("source", "attribute", "clear", "", {}),
        Finding("call", "kind", "leak", "", {}),
    ]
    found = verdicts_of(findings, columns, "chain", 1, 9, 0.1)
    assert (found.planted, found.honest) == ({"id 1.0": "leak"}, {"source": "clear"})


@pytest.mark.slow
@pytest.mark.training
def test_on_an_export_the_strongest_overwrites_are_found_and_no_honest_column_is_a_leak(
    tmp_path: Path,
) -> None:
    found = verdicts_on("chain", seed=77, sales=300, folder=tmp_path)
    assert found.sales >= 300
    assert len(found.planted) == 8 * len(STRENGTHS)
    strongest = {name: verdict for name, verdict in found.planted.items() if name.endswith("1.0")}
    assert {strongest[f"{kind} 1.0"] for kind in ("id", "status", "instant")} == {"leak"}
    assert found.honest_called("leak") == []


def test_between_two_exports_leaks_alone_count() -> None:
    (line,) = [line for line in goal_lines([JUDGED], weeks=4) if "called leak" in line]
    assert line == "worlds that judge: called leak 50%, goal 80%: missed"
