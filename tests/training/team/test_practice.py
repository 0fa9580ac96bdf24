"""Which attributes and settings the counts of the team's work follow."""

import dataclasses
import json

import pytest
from pydantic import TypeAdapter

from tests.support.practice import config, made_up, practice_of
from training.team.practice import Practice


def test_practice_survives_json_and_knows_channel_and_owner_by_their_usual_names():
    found = practice_of(made_up(), config())
    assert (found.channels.attribute, found.owners.attribute) == ("source", "owner")
    assert found.source_kinds is None
    assert found.everybody.leads == 400
    again = json.loads(json.dumps(dataclasses.asdict(found)))
    assert TypeAdapter(Practice).validate_python(again) == found


def test_seeds_nets_and_spears_are_told_apart_by_their_channels():
    tables = made_up()
    found = practice_of(
        tables, config(seeds=["friends"], nets=["ads"], spears=["fair"])
    ).source_kinds
    sources = [row["source"] for row in tables.leads.to_pylist()]
    kinds = {"friends": "seed", "ads": "net", "fair": "spear", None: None}
    expected = [kinds[source] for source in sources]
    assert {g.level: g.conversion.leads for g in found.groups} == {
        kind: expected.count(kind) for kind in ("seed", "net", "spear", None)
    }


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"channel": "sauce"}, r"\[report\] channel: .*Did you mean 'source'"),
        ({"seeds": ["frends"]}, "Did you mean 'friends'"),
        ({"seeds": ["ads"], "nets": ["ads"]}, "a channel is of one kind, found in two: ads"),
        ({"seeds": ["ads"], "source_kind": "source"}, "exclude each other"),
        ({"funnel": [{"step": "met"}]}, "selection: is missing"),
    ],
)
def test_a_report_section_that_means_nothing_is_refused(report, message):
    with pytest.raises(ValueError, match=message):
        practice_of(made_up(), config(**report))


def test_the_configured_funnel_is_the_one_that_is_counted():
    steps = [{"step": "quoted", "selection": {"kind": ["quote"]}}]
    found = practice_of(made_up(), config(funnel=steps)).funnel
    assert [step.name for step in found] == ["leads", "quoted", "bought"]
