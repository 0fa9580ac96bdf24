"""Every number of the learning has a line or a reason, and a variant changes it everywhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import training.fitting.bundle as fitting
from benchmarks.worlds_constants import (
    CONSTANTS,
    NOT_MEASURED,
    SETTINGS,
    USUAL,
    Constant,
    Variant,
    constants_table,
    run_missing,
    runs_of,
)
from benchmarks.worlds_run import Task
from training.config import ModelSettings
from training.dataset import split

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [
    *(f"training/{room}" for room in ("dataset", "fitting", "calibration", "bands", "statistics")),
    "models",
]


def numbers() -> Iterator[str]:
    """Module and name of every public number that stands in the rooms of the learning."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).glob("*.py")):
            module = f"{folder.replace('/', '.')}.{file.stem}"
            for line in ast.parse(file.read_text()).body:
                if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
                    continue
                name = line.targets[0].id
                constant = name[0].isalpha() and name.isupper() and not name.endswith("_FORMAT")
                if constant and is_number(line.value):
                    yield f"{module}.{name}"


def is_number(value: ast.expr) -> bool:
    if isinstance(value, ast.BinOp):
        return is_number(value.left) and is_number(value.right)
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)


def test_every_number_has_a_line_or_a_reason() -> None:
    measured = {f"{one.module}.{one.name}" for one in CONSTANTS if one.module != SETTINGS}
    not_of_learning = {
        name for name in numbers() if name.startswith(("models.folder", "models.go"))
    }
    found = set(numbers()) - not_of_learning
    assert measured | set(NOT_MEASURED) == found
    assert not measured & set(NOT_MEASURED)


@pytest.mark.parametrize("constant", CONSTANTS, ids=lambda constant: constant.name)
def test_the_usual_value_lies_between_those_that_are_tried(constant: Constant) -> None:
    assert min(constant.others) < constant.usual < max(constant.others)


def test_a_variant_changes_the_constant_wherever_it_was_imported_and_back() -> None:
    constant = next(one for one in CONSTANTS if one.name == "LEAST_LEARNED_LEADS")
    settings = ModelSettings()
    with Variant(constant, 5).applied(settings) as model:
        assert split.LEAST_LEARNED_LEADS == fitting.LEAST_LEARNED_LEADS == 5
        assert type(split.LEAST_LEARNED_LEADS) is int
        assert model == settings
    assert split.LEAST_LEARNED_LEADS == fitting.LEAST_LEARNED_LEADS == 10


def test_a_setting_is_changed_in_the_settings_alone() -> None:
    constant = next(one for one in CONSTANTS if one.name == "trees")
    with Variant(constant, 50).applied(ModelSettings()) as model:
        assert model == ModelSettings(trees=50)
    with USUAL.applied(ModelSettings()) as model:
        assert model == ModelSettings()


@pytest.mark.slow
@pytest.mark.training
def test_a_value_that_changes_nothing_is_said_to_and_another_has_its_ratio(tmp_path: Path) -> None:
    by_name = {one.name: one for one in CONSTANTS}
    task = Task("chain", 60, 1_500, 5)
    variants = [USUAL, Variant(by_name["MOST_BINS"], 64), Variant(by_name["PENALTY"], 450.0)]
    assert [variant for variant, _ in runs_of(task, variants[:1])] == [USUAL]
    run_missing([task], variants, tmp_path, jobs=1)
    sizes = {file: file.stat().st_size for file in tmp_path.iterdir()}
    assert {file.name for file in sizes} == {f"{one.file_name}.jsonl" for one in variants}
    run_missing([task], variants, tmp_path, jobs=1)  # what is there is not run again
    assert sizes == {file: file.stat().st_size for file in tmp_path.iterdir()}
    table = constants_table([task], variants, tmp_path)
    names, values, _, ratios = (list(column.cells) for column in table.columns[:4])
    assert names[-2:] == ["PENALTY", ""]
    assert values[-2:] == ["450 for 150", ""]
    assert 0.5 < float(ratios[-1]) < 2
    assert float(ratios[-1]) != 1
