"""What golden leads are made of: all that features look at."""

from features.kinds import Count, Distinct, LatestValue, Selection, Streak
from models.golden import vocabulary

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
