import pytest
from hypothesis import given, settings

from features.language.kinds import KINDS, LABEL_FIELDS, Count, Decayed, Selection, Trend
from features.language.spec import Spec
from tests.support.histories import specs


def test_the_random_specs_of_the_tests_hold_every_kind() -> None:
    """A new kind must be in the strategies, or no law is tested on it."""
    seen: set[str] = set()

    # The same examples at every run, and enough of them, however few the profile draws elsewhere.
    @settings(max_examples=200, derandomize=True, database=None)
    @given(specs)
    def collect(spec: Spec) -> None:
        seen.update(type(feature).__name__ for feature in spec.features)

    collect()
    assert seen == set(KINDS)


def test_a_selection_is_named_by_what_it_restricts() -> None:
    selection = Selection(channel=("phone", "web"), outcome=("refused",), by_owner=False)
    assert str(selection) == "channel=phone|web,outcome=refused,by others"
    assert selection.conditions() == [("channel", ("phone", "web")), ("outcome", ("refused",))]
    assert str(Selection()) == "any"
    assert Selection().conditions() == []


def test_every_field_of_an_interaction_can_be_restricted() -> None:
    for name in LABEL_FIELDS:
        assert Selection(**{name: ("x",)}).conditions() == [(name, ("x",))]


def test_a_window_of_all_history_has_a_name_without_days() -> None:
    assert Count(Selection(), None).name == "count[any]"
    assert Count(Selection(), 7).name == "count[any]_7d"


@pytest.mark.parametrize(("short", "long"), [(0, 7), (-1, 7), (7, 7), (30, 7)])
def test_a_trend_compares_a_short_window_with_a_longer_one(short: int, long: int) -> None:
    with pytest.raises(ValueError, match="0 < short_days < long_days"):
        Trend(Selection(), short, long)
    assert Trend(Selection(), 1, 2).name == "trend[any]_1d_2d"


@pytest.mark.parametrize("days", [0, -7, 366])
def test_a_half_life_is_a_day_to_a_year(days: int) -> None:
    with pytest.raises(ValueError, match="1 to 365 days"):
        Decayed(Selection(), days)
    assert Decayed(Selection(), 365).name == "decayed[any]_365d"
