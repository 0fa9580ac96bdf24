import numpy as np
import pytest

from features.engine.history import LeadRecord, single_history
from models.course.looks import known_record, look_at_days
from models.horizon import Scores
from tests.support.bundles import SPEC, small_bundle
from tests.support.features import feature_matrix
from tests.support.histories import DAY

BUNDLE = small_bundle()
NOW = 60 * DAY


def event(occurred: float, recorded: float | None = None, kind: str = "call") -> dict:
    recorded = occurred if recorded is None else recorded
    return {
        "occurred_at": round(occurred * DAY),
        "recorded_at": round(recorded * DAY),
        "kind": kind,
    }


RECORD = LeadRecord(20 * DAY, [event(30), event(40, 70), event(80, 35), event(55), event(60)], {})


def test_a_record_keeps_what_both_clocks_say_is_known() -> None:
    found = known_record(RECORD, NOW)
    assert found.interactions == [event(30), event(55)]
    assert found.created_at == RECORD.created_at
    assert len(RECORD.interactions) == 5


def test_each_day_is_scored_as_a_request_of_that_day_would_be() -> None:
    lead = look_at_days(BUNDLE, RECORD, NOW, [0, -7, 30])
    for row, day in enumerate(lead.days):
        as_of = NOW + day * DAY
        history = single_history(
            *known_record(RECORD, min(as_of, NOW)), SPEC.attribute_kinds, SPEC.measures
        )
        matrix = feature_matrix(SPEC, history, np.array([0]), np.array([as_of]))
        np.testing.assert_array_equal(lead.matrix[row], matrix[0])
        alone: Scores = BUNDLE.scores(matrix)
        assert lead.look(day).hot_probability == alone.hot_probability[0]
        assert lead.look(day).as_of == as_of
        assert lead.look(day).band == alone.band[0]


def test_a_day_is_looked_at_once_and_found_by_its_number() -> None:
    lead = look_at_days(BUNDLE, RECORD, NOW, [0, -7, 0, -7, -1])
    assert lead.days == (0, -7, -1)
    assert lead.rows([-1, 0]) == [2, 0]
    assert len(lead.matrix) == 3
    with pytest.raises(ValueError, match="not in tuple"):
        lead.look(-30)


def test_a_band_that_is_given_is_taken() -> None:
    lead = look_at_days(BUNDLE, RECORD, NOW, [0])
    other = "hot" if lead.look(0).band == "cold" else "cold"
    assert lead.look(0, other).band == other
    assert lead.look(0, other).hot_low == lead.look(0).hot_low
