from pathlib import Path

import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.language.kinds import Calendar, Count, DaysSinceLatest, LeadAge, Selection, Share
from features.language.spec import Spec
from features.scale.catalogue import (
    MINIMUM_LEADS,
    MOST_VALUES,
    customised_spec,
    features_of_file,
    standard_spec,
)
from features.tables import Kind
from tests.support.tables import tables_of

ANY = Selection()
SPEC = Spec((LeadAge(), Count(ANY, 7), Count(ANY, 30), DaysSinceLatest(ANY)))


def test_the_catalogue_does_not_look_behind_its_instant() -> None:
    """A kind, a level and a late entry that appear later leave the spec as it is."""
    early = [{"lead_id": f"{i}", "occurred_at": 5.0, "kind": "call"} for i in range(MINIMUM_LEADS)]
    late = [
        {"lead_id": f"{i}", "occurred_at": 50.0, "kind": "signed"} for i in range(MINIMUM_LEADS)
    ]
    entered_late = [
        {"lead_id": f"{i}", "occurred_at": 5.0, "recorded_at": 50.0, "kind": "won"}
        for i in range(MINIMUM_LEADS)
    ]
    leads = [
        {
            "lead_id": f"{i}",
            "created_at": 0 if i < MINIMUM_LEADS else 40,
            "country": "it" if i < MINIMUM_LEADS else "pt",
        }
        for i in range(2 * MINIMUM_LEADS)
    ]
    kinds: dict[str, Kind] = {"country": "category"}
    short = tables_of(leads[:MINIMUM_LEADS], early, kinds=kinds, fixed=("country",))
    whole = tables_of(leads, early + late + entered_late, kinds=kinds, fixed=("country",))
    assert standard_spec(whole, 30 * DAY) == standard_spec(short, 30 * DAY)
    assert "signed" in str(standard_spec(whole, 60 * DAY).names)


def test_a_value_that_few_leads_have_gets_no_feature_of_its_own() -> None:
    often = [{"lead_id": f"{i}", "occurred_at": 5.0, "kind": "call"} for i in range(MINIMUM_LEADS)]
    rare = [
        {"lead_id": f"{i}", "occurred_at": 5.0, "kind": "fax"} for i in range(MINIMUM_LEADS - 1)
    ]
    many_by_one = [{"lead_id": "0", "occurred_at": 5.0, "kind": "visit"} for _ in range(500)]
    leads = [{"lead_id": f"{i}", "created_at": 0} for i in range(MINIMUM_LEADS)]
    names = str(standard_spec(tables_of(leads, often + rare + many_by_one), 30 * DAY).names)
    assert "call" in names
    assert "fax" not in names
    assert "visit" not in names


def test_only_the_most_common_values_of_a_field_get_features() -> None:
    names = [f"kind {i:02d}" for i in range(MOST_VALUES["kind"] + 2)]
    events = [
        {"lead_id": f"{lead}", "occurred_at": 5.0, "kind": name}
        for place, name in enumerate(names)
        for lead in range(MINIMUM_LEADS + len(names) - place)
    ]
    leads = [{"lead_id": f"{i}", "created_at": 0} for i in range(MINIMUM_LEADS + len(names))]
    spec = standard_spec(tables_of(leads, events), 30 * DAY)
    counted = {
        feature.selection.kind[0]
        for feature in spec.features
        if isinstance(feature, Count) and feature.selection.kind
    }
    assert counted == set(names[: MOST_VALUES["kind"]])


def test_an_owner_tells_contacts_apart_and_clocks_are_those_of_the_zone() -> None:
    leads = [{"lead_id": f"{i}", "created_at": 0, "owner": "ana"} for i in range(MINIMUM_LEADS)]
    events = [{"lead_id": f"{i}", "occurred_at": 5.0, "kind": "call"} for i in range(MINIMUM_LEADS)]
    kinds: dict[str, Kind] = {"owner": "category"}
    tables = tables_of(leads, events, kinds=kinds, fixed=("owner",))
    spec = standard_spec(tables, 30 * DAY, owner="owner", timezone="Europe/Lisbon")
    assert spec.owner == "owner"
    assert Share(Selection(by_owner=True), ANY, None) in spec.features
    assert Calendar("hour", "Europe/Lisbon") in spec.features
    without = standard_spec(tables, 30 * DAY)
    assert not any("owner" in str(getattr(f, "selection", "")) for f in without.features)


def test_an_added_feature_takes_the_place_of_one_of_its_name() -> None:
    added = customised_spec(SPEC, [Count(ANY, 90), Count(ANY, 7)], [])
    assert added.names == (
        "lead_age_days", "count[any]_30d", "days_since_latest[any]", "count[any]_90d",
        "count[any]_7d",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "remaining"),
    [
        ("count[any]_7d", 3),  # its own name, although [any] is a pattern too
        ("count*", 2),
        ("count[[]any*", 2),
    ],
)
def test_features_are_dropped_by_name_or_pattern(pattern: str, remaining: int) -> None:
    spec = customised_spec(SPEC, [], [pattern])
    assert len(spec.features) == remaining
    assert LeadAge() in spec.features


def test_a_pattern_that_drops_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"No feature to drop is named 'count\[fax\]'"):
        customised_spec(SPEC, [], ["count*", "count[fax]"])


def test_a_spec_without_features_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is left"):
        customised_spec(SPEC, [], ["*"])
    assert customised_spec(SPEC, [Count(ANY, 90)], ["*"]).features == (Count(ANY, 90),)


def test_a_file_lists_features_of_our_own(tmp_path: Path) -> None:
    path = tmp_path / "features.py"
    path.write_text(
        "from features.language.kinds import LeadAge\nFEATURES = [LeadAge()]\n", encoding="utf-8"
    )
    assert features_of_file(path) == [LeadAge()]


@pytest.mark.parametrize("text", ["", "FEATURES = None", "FEATURES = ['lead_age_days']"])
def test_a_file_without_a_list_of_features_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "features.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="must set FEATURES to a list of features"):
        features_of_file(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        features_of_file(tmp_path / "other.py")
