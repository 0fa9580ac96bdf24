"""What a world hands over, what may be asked of it, and how it is written."""

import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from features.worlds.chain import made_up_crm
from features.worlds.crm import Knobs, MadeUpCrm, config_text, require_size, write_export


@pytest.fixture(scope="module")
def crm() -> MadeUpCrm:
    return made_up_crm(40, 1)


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, extension: str) -> None:
    for folder, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_export(made_up_crm(300, seed), tmp_path / folder, extension)
    for name in ("leads", "interactions", "attributes", "truth"):
        first, again, other = (
            (tmp_path / folder / f"{name}.{extension}").read_bytes() for folder in "abc"
        )
        assert first == again != other


def test_csv_and_parquet_hold_the_same_tables(tmp_path: Path) -> None:
    crm = made_up_crm(300, 7)
    write_export(crm, tmp_path, "csv")
    write_export(crm, tmp_path, "parquet")
    for name in ("leads", "interactions", "attributes", "truth"):
        table = getattr(crm, name)
        assert pq.read_table(tmp_path / f"{name}.parquet") == table
        options = pa.csv.ConvertOptions(
            column_types=table.schema, strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        assert pa.csv.read_csv(tmp_path / f"{name}.csv", convert_options=options) == table


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="format must be 'csv' or 'parquet', got 'xlsx'"):
        write_export(made_up_crm(5, 1), tmp_path / "out", "xlsx")
    assert not (tmp_path / "out").exists()


def test_a_truth_that_is_no_probability_is_refused(crm: MadeUpCrm) -> None:
    warmer_in_the_short_run = pa.table({"hot_probability": [0.5], "warm_probability": [0.4]})
    with pytest.raises(ValueError, match="0 <= hot_probability <= warm_probability <= 1"):
        MadeUpCrm(crm.leads, crm.interactions, crm.attributes, warmer_in_the_short_run, "")


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("rate", 0.001),
        ("rate", 0.61),
        ("delay_days", -0.1),
        ("noise", 0.95),
        ("noise", -0.1),
        ("duplicates", 1.1),
        ("days", 59),
    ],
)
def test_a_knob_outside_its_range_is_refused(knob: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{knob} must be from .* got {value}"):
        Knobs(**{knob: value})


def test_knobs_at_the_ends_of_their_ranges_are_taken() -> None:
    Knobs(rate=0.002, delay_days=0, noise=0.9, duplicates=1, days=60)
    Knobs(rate=0.6)


@pytest.mark.parametrize(
    ("leads", "seed", "message"),
    [(0, 1, "leads must be at least 1, got 0"), (10, -1, "seed must not be negative, got -1")],
)
def test_a_size_or_seed_outside_its_law_is_refused(leads: int, seed: int, message: str) -> None:
    require_size(1, 0)
    with pytest.raises(ValueError, match=message):
        require_size(leads, seed)


def test_the_text_of_a_configuration_is_toml_that_says_what_it_was_told() -> None:
    names = [f"attribute_{i}" for i in range(20)]
    config = tomllib.loads(config_text(names, "Age is sensitive.", names[:2], ["cost"], ["need"]))
    assert config["leads"]["fixed_at_creation"] == names
    assert config["leads"]["kinds"] == {"attribute_0": "number", "attribute_1": "number"}
    assert config["interactions"] == {"source": "interactions.{ext}", "measures": ["cost"]}
    assert config["attributes"]["kinds"] == {"need": "category"}
    assert config["horizons"] == {"hot_days": 14, "warm_days": 90}
    assert config["snapshots"] == {"first_days": 0, "every_days": 7, "until_days": 180}
