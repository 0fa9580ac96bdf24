"""The worlds by name."""

from typing import get_args

import pytest

from features.worlds import WorldName
from features.worlds.crm import Knobs
from features.worlds.registry import WORLDS, made_up_crm


def test_every_name_has_a_world() -> None:
    assert set(WORLDS) == set(get_args(WorldName))


@pytest.mark.parametrize("world", WORLDS)
def test_a_world_is_drawn_by_name_with_the_knobs_that_are_asked_for(world: str) -> None:
    knobs = Knobs(days=200, duplicates=0.5)
    by_name = made_up_crm(world, 60, 3, knobs)
    itself = WORLDS[world](60, 3, knobs)
    assert by_name.leads == itself.leads
    assert by_name.truth == itself.truth
    assert by_name.leads.num_rows > 60
    assert made_up_crm(world, 60, 4, knobs).leads != by_name.leads


def test_an_unknown_world_is_refused_with_the_names_of_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"world must be one of chain.*, got 'moon'"):
        made_up_crm("moon", 10, 1)
