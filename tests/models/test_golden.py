"""What golden leads are made of: all that features look at."""

from features.language.kinds import Count, Distinct, LatestValue, Selection, Streak
from models.golden import golden_json, golden_leads, vocabulary
from tests.support.bundles import small_bundle

CALL, MEETING = Selection(kind=("call",)), Selection(kind=("meeting",))


def test_the_vocabulary_holds_whatever_a_feature_reads() -> None:
    features = [
        Count(Selection(direction=("inbound",)), 7),
        Streak(CALL, ended_by=MEETING),
        Distinct(Selection(), "agent", ("ana", "boris"), 30),
        LatestValue(Selection(), "outcome", ("answered",)),
    ]
    assert vocabulary(features) == {
        "direction": ("inbound",),
        "kind": ("call", "meeting"),
        "agent": ("ana", "boris"),
        "outcome": ("answered",),
    }


def test_golden_leads_are_of_every_temperature_that_could_be_drawn() -> None:
    nothing_known, *others = golden_leads(golden_json(small_bundle()))
    assert nothing_known.record.interactions == []
    assert nothing_known.record.attributes == {}
    lows = [one.answer.hot_low for one in others]
    assert lows == sorted(lows, reverse=True)
    assert lows[0] > 2 * lows[-1]
