"""Who had a lead, as the export knew it then."""

import numpy as np
import pytest

from features.engine.history import AttributeVersions, Histories, LabelColumn
from features.spine import Spine
from serving.bulk.recorded import texts_known_at

VERSIONS = AttributeVersions(
    offsets=np.array([0, 3, 3]),
    recorded_at=np.array([10, 20, 30]),
    labels=LabelColumn(np.array([1, 0, -1], np.int32), ("bob", "ana")),
)
NUMBERS = AttributeVersions(np.array([0, 1, 1]), np.array([0]), numbers=np.array([1.0]))
EMPTY = np.empty(0, np.int64)
HISTORIES = Histories(
    created_at=np.zeros(2, np.int64),
    offsets=np.zeros(3, np.int64),
    occurred_at=EMPTY,
    recorded_at=EMPTY,
    labels={},
    measures={},
    attributes={"owner": VERSIONS, "size": NUMBERS},
)


def test_a_text_is_the_latest_that_was_known_strictly_before() -> None:
    spine = Spine(np.array([0, 0, 0, 0, 1]), np.array([10, 11, 21, 31, 100]))
    assert texts_known_at(HISTORIES, "owner", spine, "owner") == [None, "ana", "bob", None, None]


def test_without_an_attribute_nobody_is_named() -> None:
    spine = Spine(np.array([0, 1]), np.array([10, 10]))
    assert texts_known_at(HISTORIES, None, spine, "owner") == [None, None]


@pytest.mark.parametrize("name", ["size", "nobody"])
def test_what_is_no_category_of_the_model_is_refused(name: str) -> None:
    law = f"--ledger-channel must name a category that the model reads, got '{name}'.*: owner"
    with pytest.raises(ValueError, match=law):
        texts_known_at(HISTORIES, name, Spine(np.array([0]), np.array([10])), "channel")
