"""Why a score changed: each cause alone, all together, and shares that add up."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine.executor import features_of
from features.engine.history import LeadRecord, single_history
from models.bands import Bands
from models.bundle import Bundle
from models.calibration import BetaCalibration
from models.course.change import CAUSES, AnsweredLook, ScoreChange, score_change
from models.course.looks import known_record
from tests.support.bundles import small_bundle
from tests.support.histories import DAY

THEN, NOW = 10 * DAY, 20 * DAY
ITALY = {"country": "it", "company_size": 20.0}
BUNDLE, OTHER = small_bundle(), small_bundle(seed=8)
RECALIBRATED = dataclasses.replace(
    BUNDLE, hot=dataclasses.replace(BUNDLE.hot, calibration=BetaCalibration(1.2, 0.9, 0.3))
)


def event(occurred: float, recorded: float | None = None, kind: str = "price_question") -> dict:
    return {
        "occurred_at": int(occurred * DAY),
        "recorded_at": int((occurred if recorded is None else recorded) * DAY),
        "kind": kind,
        "duration_seconds": 60.0,
    }


def changed(*events: dict, later: Bundle = BUNDLE, attributes: dict = ITALY) -> ScoreChange:
    record = LeadRecord(0, list(events), {})
    return score_change(
        record, AnsweredLook(BUNDLE, THEN, ITALY), AnsweredLook(later, NOW, attributes)
    )


def shares(change: ScoreChange) -> dict[str, float]:
    return {share.cause: share.log_odds for share in change.shares}


def moved(change: ScoreChange) -> set[str]:
    return {cause for cause, log_odds in shares(change).items() if log_odds}


def probability_at(bundle: Bundle, record: LeadRecord, as_of: int) -> float:
    """Hot probability as the server would have given it then."""
    spec = bundle.spec
    history = single_history(*known_record(record, as_of), spec.attribute_kinds, spec.measures)
    row = features_of(bundle.plan, history, np.array([0]), np.array([as_of]))
    return float(bundle.scores(row).hot_probability[0])


def test_time_alone_is_silence() -> None:
    assert moved(changed(event(5))) <= {"silence"}
    assert moved(changed(event(9), event(8))) == {"silence"}


def test_what_occurred_since_is_an_interaction() -> None:
    assert shares(changed(event(19.5)))["interactions"] > 0
    assert moved(changed(event(19.5))) <= {"silence", "interactions"}


def test_what_was_recorded_late_is_no_interaction_of_now() -> None:
    change = shares(changed(event(9.5, recorded=15)))
    assert change["late_records"] > 0
    assert change["interactions"] == 0


def test_what_is_not_yet_recorded_moves_nothing() -> None:
    assert shares(changed(event(9.5, recorded=25))) == shares(changed())


def test_attributes_are_those_known_then_and_now() -> None:
    grown = changed(attributes={"country": "pt", "company_size": 400.0})
    assert shares(grown)["attributes"] != 0
    assert shares(changed())["attributes"] == 0


def test_another_predictor_is_the_model_and_another_curve_the_calibration() -> None:
    assert moved(changed(event(19), later=OTHER)) - {"silence", "interactions"} == {"model"}
    recalibrated = changed(event(19), later=RECALIBRATED)
    assert moved(recalibrated) - {"silence", "interactions"} == {"calibration"}


def test_memory_moves_the_band_and_no_probability() -> None:
    bands = Bands(hot=1.05 * changed(event(19.5)).probability, warm=1.0, hysteresis=0.2)
    near = dataclasses.replace(BUNDLE, bands=bands)
    record = LeadRecord(0, [event(19.5)], {})
    change = score_change(
        record, AnsweredLook(near, THEN, ITALY), AnsweredLook(near, NOW, ITALY, previous_band="hot")
    )
    assert change.band == "hot"
    assert change.band_without_memory != "hot"
    assert shares(change) == shares(changed(event(19.5)))


EVENTS = st.lists(
    st.tuples(
        st.floats(0, 25, width=32), st.floats(0, 12, width=32),
        st.sampled_from(["price_question", "call"]),
    ),
    max_size=6,
)  # fmt: skip


@settings(max_examples=60)
@given(EVENTS, st.sampled_from([BUNDLE, OTHER, RECALIBRATED]), st.booleans())
def test_shares_add_up_and_both_ends_are_what_was_served(drawn, later, has_moved) -> None:
    events = [event(occurred, occurred + delay, kind) for occurred, delay, kind in drawn]
    attributes = {"country": "ro", "company_size": 3.0} if has_moved else ITALY
    change = changed(*events, later=later, attributes=attributes)
    assert [share.cause for share in change.shares] == list(CAUSES)
    record = LeadRecord(0, events, ITALY)
    assert change.earlier_probability == probability_at(BUNDLE, record, THEN)
    served = probability_at(later, record._replace(attributes=attributes), NOW)
    assert change.probability == served
    logit = [math.log(p / (1 - p)) for p in (change.earlier_probability, change.probability)]
    total = math.fsum(share.log_odds for share in change.shares)
    assert total == pytest.approx(logit[1] - logit[0], abs=1e-12)
    points = math.fsum(share.points for share in change.shares)
    expected = 100 * (change.probability - change.earlier_probability)
    assert points == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("then", "now"), [(NOW, NOW), (NOW, THEN), (-1, NOW)])
def test_instants_that_give_no_change_are_refused(then: int, now: int) -> None:
    with pytest.raises(ValueError, match="the earlier one from the lead's creation on"):
        score_change(
            LeadRecord(0, [], {}), AnsweredLook(BUNDLE, then, {}), AnsweredLook(BUNDLE, now, {})
        )
