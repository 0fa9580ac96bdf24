"""The catalogue of an export: what it lists, what is added and what is dropped."""

from pathlib import Path

import pytest

from features.export.sources import read_export
from features.language.kinds import Count, Selection
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from training.config import config_of, read_config
from training.dataset.coverage import features_overview
from training.dataset.frame import spec_of

ADDED = Count(Selection(kind=("call",), outcome=("answered",)), 5)


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(1_500, seed=2), folder, "parquet")
    config = read_config(folder / "lead_temperature.toml")
    return folder, config, read_export(config.export)


def changed(config, **features):
    settings = config.features.model_copy(update=features)
    return config.model_copy(update={"features": settings})


def test_the_catalogue_has_80_to_150_features_each_with_words_and_a_family(crm) -> None:
    _, config, tables = crm
    found = features_overview(tables, changed(config, owner="owner").dataset)
    assert 80 <= len(found) <= 150
    assert {one.family for one in found} == {
        "fit",
        "engagement",
        "relationship",
        "timing",
        "sales effort",
    }
    assert all(one.description for one in found)
    assert len({one.description for one in found}) == len(found)
    assert all(0 <= one.coverage <= 1 and 0 <= one.varied < 1 for one in found)
    always = {one.name: one.coverage for one in found}
    assert always["lead_age_days"] == 1.0
    assert 0 < always["attribute[budget]"] < 1


def test_features_are_added_by_the_configuration_and_by_a_python_file(crm) -> None:
    folder, config, tables = crm
    item = {
        "feature": "Count",
        "selection": {"kind": ["call"], "outcome": ["answered"]},
        "days": 5,
    }
    by_toml = spec_of(tables, changed(config, add=(item,)).dataset, tables.data_end)
    (folder / "mine.py").write_text(
        "from features.language.kinds import Count, Selection\n"
        "FEATURES = [Count(Selection(kind=('call',), outcome=('answered',)), 5)]\n"
    )
    by_file = spec_of(tables, changed(config, file="mine.py").dataset, tables.data_end)
    assert by_toml.features[-1] == by_file.features[-1] == ADDED


def test_features_are_dropped_by_name_and_by_pattern(crm) -> None:
    _, config, tables = crm
    whole = spec_of(tables, config.dataset, tables.data_end)
    fewer = spec_of(
        tables, changed(config, drop=("calendar_*", "lead_age_days")).dataset, tables.data_end
    )
    assert set(whole.names) - set(fewer.names) == {
        "calendar_hour",
        "calendar_weekday",
        "lead_age_days",
    }


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"drop": ("calender_hour",)}, "No feature to drop is named 'calender_hour'"),
        ({"add": ({"feature": "Cuont"},)}, "Feature kind 'Cuont' is unknown"),
        ({"add": ({"feature": "Count", "dayz": 3},)}, "unknown: ['dayz']"),
        (
            {"add": ({"feature": "Count", "selection": {"color": ["x"]}, "days": 3},)},
            "unknown: ['color']",
        ),
        (
            {"add": ({"feature": "Count", "selection": {}, "days": "soon"},)},
            "does not take these values: days",
        ),
        ({"add": ({"feature": "AttributeNumber", "attribute": "x"},)}, "reads the attribute 'x'"),
        ({"file": "none.py"}, "none.py does not exist"),
    ],
)
def test_a_mistake_in_the_features_is_named(crm, settings, said: str) -> None:
    _, config, tables = crm
    with pytest.raises((ValueError, FileNotFoundError)) as told:
        spec_of(tables, changed(config, **settings).dataset, tables.data_end)
    assert said in str(told.value)


def test_a_mistyped_key_is_named(tmp_path: Path) -> None:
    sections = {"leads": {"source": "leads.csv"}, "features": {"dropp": ["x"]}}
    with pytest.raises(ValueError, match=r"\[features\].*dropp"):
        config_of(sections, tmp_path)
