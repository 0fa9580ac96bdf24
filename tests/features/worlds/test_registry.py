"""The worlds by name, and the laws that every world keeps."""

from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow as pa
import pytest

from features.export.sources import read_export
from features.worlds import WorldName
from features.worlds.crm import DAY, ENDS_AT, Knobs, MadeUpCrm, write_export
from features.worlds.registry import WORLDS, made_up_crm
from tests.support.made_up import HORIZONS, Looks, ends_of, lead_rows, seconds
from training.config import read_config

pytestmark = [pytest.mark.slow, pytest.mark.long]
LEADS = 4_000


@pytest.fixture(scope="module", params=WORLDS)
def world(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def crm(world: str) -> MadeUpCrm:
    return made_up_crm(world, LEADS, 21)


def test_every_name_has_a_world() -> None:
    assert set(WORLDS) == set(get_args(WorldName))


def test_a_world_is_drawn_by_name_with_the_knobs_that_are_asked_for(world: str) -> None:
    knobs = Knobs(days=200, duplicates=0.5)
    by_name, itself = made_up_crm(world, 60, 3, knobs), WORLDS[world](60, 3, knobs)
    for name in ("leads", "interactions", "attributes", "truth"):
        assert getattr(by_name, name) == getattr(itself, name), name
    assert by_name.config == itself.config
    assert by_name.leads.num_rows > 60
    assert made_up_crm(world, 60, 4, knobs).leads != by_name.leads


def test_an_unknown_world_is_refused_with_the_names_of_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"world must be one of .*chain.*, got 'moon'"):
        made_up_crm("moon", 10, 1)


def test_a_world_refuses_a_size_or_seed_outside_its_law(world: str) -> None:
    with pytest.raises(ValueError, match="leads must be at least 1, got 0"):
        made_up_crm(world, 0, 1)
    with pytest.raises(ValueError, match="seed must not be negative, got -1"):
        made_up_crm(world, 10, -1)


def test_a_single_lead_is_a_crm_too(world: str) -> None:
    assert made_up_crm(world, 1, 3).truth.num_rows >= 1


def test_the_truth_is_given_every_week_while_the_lead_is_open(crm: MadeUpCrm) -> None:
    created_at = seconds(crm.leads["created_at"])
    grid = created_at[:, None] + np.arange(0, 181, 7) * DAY
    expected = (grid < ends_of(crm)[:, None]) & (grid < ENDS_AT)
    looks = zip(lead_rows(crm, "truth"), seconds(crm.truth["as_of"]), strict=True)
    assert sorted(looks) == sorted(zip(np.nonzero(expected)[0], grid[expected], strict=True))


def test_leads_are_in_order_and_nothing_follows_a_purchase(crm: MadeUpCrm) -> None:
    created_at = seconds(crm.leads["created_at"])
    assert (np.diff(created_at) >= 0).all()
    won, lost = (seconds(crm.leads[name]) for name in ("converted_at", "closed_at"))
    assert (lost < won)[won > 0].all()  # some buy although they were closed, none the other way
    assert (ends_of(crm) > created_at).all()


def test_interactions_lie_between_creation_and_the_lead_s_end_in_order(
    crm: MadeUpCrm, world: str
) -> None:
    lead, at = lead_rows(crm, "interactions"), seconds(crm.interactions["occurred_at"])
    assert (at >= seconds(crm.leads["created_at"])[lead]).all()
    won = seconds(crm.leads["converted_at"])
    # Persons who were refused go on talking, until they buy.
    end = np.where(won > 0, won, ENDS_AT) if world == "persons" else ends_of(crm)
    assert (at < end[lead]).all()
    assert (np.diff(lead) >= 0).all()
    assert (np.diff(at)[np.diff(lead) == 0] >= 0).all()


def test_nothing_in_the_export_is_as_late_as_its_end(crm: MadeUpCrm) -> None:
    for table in (crm.leads, crm.interactions, crm.attributes, crm.truth):
        for field in table.schema:
            if pa.types.is_timestamp(field.type):
                assert seconds(table[field.name]).max() < ENDS_AT, field.name


def test_the_log_tells_of_leads_that_are_there(crm: MadeUpCrm) -> None:
    lead, at = lead_rows(crm, "attributes"), seconds(crm.attributes["recorded_at"])
    assert crm.attributes.num_rows > 100
    assert (at >= seconds(crm.leads["created_at"])[lead]).all()
    assert (np.diff(at) >= 0).all()


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_the_export_is_read_by_its_configuration_without_a_reject(
    crm: MadeUpCrm, tmp_path: Path, extension: str
) -> None:
    write_export(crm, tmp_path, extension)
    config = read_config(tmp_path / "lead_temperature.toml")
    tables = read_export(config.export)
    assert tables.rejects.num_rows == 0
    assert tables.leads.num_rows == crm.leads.num_rows
    assert tables.interactions.num_rows == crm.interactions.num_rows
    assert tables.attribute_log.num_rows >= crm.attributes.num_rows
    declared = set(config.export.leads.fixed_at_creation)
    assert declared < set(crm.leads.column_names)
    assert {"contact_name", "email", "phone"} < set(crm.leads.column_names) - declared
    assert (config.horizons.hot_days, config.horizons.warm_days) == (14, 90)


@pytest.mark.parametrize("rate", [0.05, 0.4])
def test_the_rate_that_is_asked_for_is_the_share_that_buys(world: str, rate: float) -> None:
    crm = made_up_crm(world, 5_000, 31, Knobs(rate=rate))
    bought = 1 - crm.leads["converted_at"].null_count / crm.leads.num_rows
    assert abs(bought - rate) < 4 * np.sqrt(rate / 5_000) + 0.1 * rate


@pytest.mark.parametrize("knobs", [Knobs(), Knobs(rate=0.3), Knobs(rate=0.02, days=400)])
def test_outcomes_agree_with_the_truth_at_every_level_of_it(world: str, knobs: Knobs) -> None:
    for seed in (41, 42):
        crm = made_up_crm(world, LEADS, seed, knobs)
        for band in HORIZONS:
            looks = Looks(crm, band)
            early, late = (np.flatnonzero(rows) for rows in (looks.day <= 28, looks.day > 28))
            for rows in (early, late):
                expected = looks.truth[rows].sum()
                if expected > 60:
                    assert abs(looks.clustered_z_score(rows)) < 4
                if expected > 300:
                    assert np.abs(looks.decile_z_scores(rows)).max() < 4.5
