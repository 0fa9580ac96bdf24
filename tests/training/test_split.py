"""No row is learned from before its label was known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.batch import Spine
from features.history import MICROSECONDS_PER_DAY as DAY
from training.config import SplitSettings
from training.snapshots import Labels
from training.split import default_test_from, time_split


def daily(days: int, horizon: int) -> tuple[Spine, Labels]:
    as_of = np.arange(days, dtype=np.int64) * DAY
    mature = as_of + horizon * DAY <= days * DAY
    return Spine(np.arange(days), as_of), Labels(horizon, np.zeros(days, bool), mature)


@given(
    st.integers(1, 30),
    st.integers(80, 400),
    st.floats(0.05, 0.8),
    st.floats(0.1, 0.9),
)
def test_every_label_that_is_learned_from_ended_before_the_next_period(
    horizon: int, days: int, calibrate_share: float, at: float
) -> None:
    spine, labels = daily(days, horizon)
    test_from = round(max(2 * horizon + 1, at * days)) * DAY
    split = time_split(spine, labels, SplitSettings(calibrate_share=calibrate_share), test_from)
    gap = horizon * DAY
    assert not np.any(split.fit & split.calibrate | split.calibrate & split.test)
    assert np.all(spine.as_of[split.fit] + gap < split.calibrate_from)
    assert np.all(spine.as_of[split.calibrate] >= split.calibrate_from)
    assert np.all(spine.as_of[split.calibrate] + gap < split.test_from)
    assert np.all(spine.as_of[split.test] >= split.test_from)
    assert np.all(labels.mature[split.fit | split.calibrate | split.test])


def test_too_short_an_export_says_what_is_missing() -> None:
    spine, labels = daily(50, 30)
    with pytest.raises(
        ValueError, match=r"only 45\.0 days lie between the first look and the test"
    ):
        time_split(spine, labels, SplitSettings(), 45 * DAY)


def test_the_default_test_period_leaves_time_for_the_warm_horizon() -> None:
    spine, _ = daily(400, 30)
    test_from = default_test_from(spine, 400 * DAY, warm_days=90, share=0.2)
    assert test_from == (310 - 62) * DAY
