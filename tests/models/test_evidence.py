"""Evidence: an interval narrows with what was seen and widens for what was not."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bands import Bands
from models.bundle import Bundle, load_bundle, save_bundle
from models.calibration import BetaCalibration
from models.evidence import MOST_UNSEEN, Evidence, evidence_from_json
from models.folder import MANIFEST
from tests.support.bundles import SPEC, small_bundle

BUNDLE = small_bundle()


def evidence(conversions: int, features: int = 3) -> Evidence:
    return Evidence(conversions, (0.0,) * features, (1.0,) * features, (False,) * features)


def test_the_variance_falls_with_conversions_and_never_vanishes() -> None:
    row = np.full((1, 3), 0.5)
    found = [float(evidence(n).variance(row)[0]) for n in (0, 30, 300, 3_000_000)]
    assert found == sorted(found, reverse=True)
    assert found[-1] > 0


@pytest.mark.parametrize("conversions", [0, 1, 11, 12, 300, 10**7])
@pytest.mark.parametrize("unseen", range(7))
def test_the_variance_is_that_of_its_formula(conversions: int, unseen: int) -> None:
    """Of earlier versions: a twelfth of the conversions (and one more), 0.12 squared, and 0.4
    squared up to four times.

    The numbers stand here again: they were measured, and bundles that exist answer by them.
    """
    row = np.where(np.arange(7) < unseen, 9.0, 0.5)[None, :]
    expected = 1 / (0.08 * (conversions + 1)) + 0.12**2 + 0.4**2 * min(unseen, 4)
    assert evidence(conversions, features=7).variance(row)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("month_variance", [0.0, 0.04])
@pytest.mark.parametrize("unseen", range(7))
def test_months_rare_levels_and_strange_features_add_up(month_variance: float, unseen: int) -> None:
    row = np.where(np.arange(7) < unseen, 9.0, 0.0)[None, :]
    measured = Evidence(
        *(300, (0.0,) * 7, (1.0,) * 7, (False,) * 7),
        month_variance,
        0.03,
        {5: (40, 9), 6: (3, 200, 0)},
    )
    # Column 5 is strange from 6 on, 6 never here: until then the rarest of both levels is of 6.
    fewest = 3 if unseen < 6 else 0
    expected = month_variance + 0.03 + 0.05 / (fewest + 1) + 0.4**2 * min(unseen, 4)
    assert measured.variance(row)[0] == pytest.approx(expected, rel=1e-12)


level_values = st.sampled_from([0.0, 1.0, 2.0, 3.0, 7.0, np.nan, np.inf, -1.0, 0.5])


@given(
    counts=st.dictionaries(
        st.integers(0, 3), st.lists(st.integers(0, 9), min_size=1, max_size=4), max_size=4
    ),
    rows=st.lists(st.tuples(*[level_values] * 4), min_size=1, max_size=4),
)
def test_the_rarest_level_of_a_row_is_that_of_plain_loops(
    counts: dict[int, list[int]], rows: list[tuple[float, ...]]
) -> None:
    seen = Evidence(
        *(77, (0.0,) * 4, (1.0,) * 4, (True,) * 4),
        0.01,
        0.0,
        {column: tuple(numbers) for column, numbers in counts.items()},
    )
    expected = []
    for row in rows:
        fewest = 77 if not counts else 10**9
        for column, numbers in counts.items():
            value = row[column]
            fewest = min(fewest, 77)
            if not value >= 0:
                fewest = min(fewest, numbers[-1])
            else:
                level = max(0, int(min(value, 99.0)))
                fewest = min(fewest, numbers[level] if level < len(numbers) - 1 else 0)
        expected.append(fewest)
    assert seen.fewest_converted(np.array(rows)).tolist() == expected


def test_leads_of_a_rare_level_have_wider_intervals() -> None:
    seen = Evidence(300, (0.0,), (1.0,), (False,), 0.005, 0.0, {0: (250, 2, 0)})
    of_common, of_rare = seen.variance(np.array([[0.0], [1.0]]))
    assert of_rare > 2 * of_common


values = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0, 2.0, np.inf, np.nan])


@settings(deadline=None)
@given(
    bounds=st.lists(
        st.tuples(
            st.sampled_from([-1.0, 0.0, np.nan]), st.sampled_from([0.0, 1.0, np.nan]), st.booleans()
        ),
        min_size=1,
        max_size=4,
    ),
    data=st.data(),
)
def test_a_feature_is_unseen_beyond_its_values_or_missing_for_the_first_time(
    bounds: list[tuple[float, float, bool]], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.tuples(*[values] * len(bounds)), min_size=1, max_size=4))
    low, high, missing = zip(*bounds, strict=True)
    found = Evidence(5, low, high, missing).count_unseen(np.array(rows))
    for row, unseen in zip(rows, found.tolist(), strict=True):
        expected = 0
        for value, least, greatest, was_missing in zip(row, low, high, missing, strict=True):
            if np.isnan(value):
                expected += not was_missing
            else:
                expected += not (least <= value <= greatest)
        assert unseen == expected


def test_each_strange_feature_widens_up_to_a_limit() -> None:
    rows = np.where(np.arange(6)[None, :] < np.arange(7)[:, None], 9.0, 0.5)
    found = evidence(300, features=6).variance(rows)
    assert np.all(np.diff(found[: MOST_UNSEEN + 1]) > 0)
    assert found[-1] == found[MOST_UNSEEN]


def test_evidence_survives_json() -> None:
    before = Evidence(12, (0.0, np.nan), (1.0, np.nan), (False, True))
    after = evidence_from_json(json.loads(json.dumps(before.to_json(), allow_nan=False)))
    assert after.to_json() == before.to_json()
    rows = np.array([[0.5, np.nan], [2.0, 1.0]])
    assert after.count_unseen(rows).tolist() == before.count_unseen(rows).tolist() == [0, 2]


def test_what_was_measured_of_months_and_levels_survives_json() -> None:
    before = Evidence(12, (0.0, 0.0), (1.0, 2.0), (False, True), 0.07, 0.02, {1: (3, 9, 0)})
    after = evidence_from_json(json.loads(json.dumps(before.to_json(), allow_nan=False)))
    assert (after.month_variance, after.group_variance) == (0.07, 0.02)
    assert after.converted_by_level == {1: (3, 9, 0)}
    rows = np.array([[0.5, 0.0], [0.5, 1.0], [2.0, np.nan]])
    assert after.variance(rows).tobytes() == before.variance(rows).tobytes()


def test_what_was_never_known_is_null_in_json() -> None:
    found = Evidence(12, (0.0, np.nan), (1.0, np.nan), (False, True))
    assert found.to_json() == {
        "conversions": 12,
        "low": [0.0, None],
        "high": [1.0, None],
        "missing": [False, True],
    }


@pytest.mark.parametrize(
    "wrong",
    [
        (-1, (0.0,), (1.0,), (True,)),
        (3, (0.0,), (1.0, 2.0), (True,)),
        (3, (0.0, 0.0), (1.0,), (True,)),
        (3, (0.0,), (1.0,), (True, False)),
        (3, (0.0,), (1.0,), (True,), -0.1),
        (3, (0.0,), (1.0,), (True,), np.nan),
        (3, (0.0,), (1.0,), (True,), np.inf),
        (3, (0.0,), (1.0,), (True,), 0.1, -0.1),
        (3, (0.0,), (1.0,), (True,), 0.1, np.nan),
        (3, (0.0,), (1.0,), (True,), 0.1, 0.0, {1: (3,)}),
        (3, (0.0,), (1.0,), (True,), 0.1, 0.0, {-1: (3,)}),
        (3, (0.0,), (1.0,), (True,), 0.1, 0.0, {0: ()}),
        (3, (0.0,), (1.0,), (True,), 0.1, 0.0, {0: (3, -1)}),
    ],
)
def test_evidence_that_does_not_fit_together_is_refused(wrong: tuple) -> None:
    with pytest.raises(ValueError, match="Evidence needs"):
        Evidence(*wrong)
    assert Evidence(0, (0.0,), (1.0,), (True,)).conversions == 0


@settings(deadline=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=22, max_size=22),
    st.floats(0.0, 25.0),
)
def test_the_probability_lies_within_its_interval_for_any_values(
    values: list[float], variance: float
) -> None:
    bundle = _with_variance(variance)
    scores = bundle.scores(np.array(values).reshape(2, 11))
    for name in ("hot", "warm"):
        low, middle, high = (
            getattr(scores, f"{name}_{part}") for part in ("low", "probability", "high")
        )
        assert np.all((low <= middle) & (middle <= high))
        assert np.all((low >= 0) & (high <= 1))
    for part in ("low", "probability", "high"):
        assert np.all(getattr(scores, f"warm_{part}") >= getattr(scores, f"hot_{part}"))


def test_bands_of_earlier_versions_are_decided_by_the_low_ends_and_others_are_not() -> None:
    rows = np.full((1, len(SPEC.features)), 0.0)
    sure, unsure = BUNDLE.scores(rows), _with_variance(25.0).scores(rows)
    assert unsure.hot_low[0] < sure.hot_low[0]
    cutoff = float(unsure.hot_probability[0]) * 0.99
    bands = Bands(hot=cutoff, warm=None)
    by_probability = dataclasses.replace(_with_variance(25.0), bands=bands)
    by_low_end = dataclasses.replace(
        by_probability, bands=dataclasses.replace(bands, decided_by="low end")
    )
    assert unsure.hot_low[0] < cutoff
    assert by_probability.scores(rows).band[0] == "hot"
    assert by_low_end.scores(rows).band[0] == "cold"
    assert unsure.not_enough_evidence[0]


def _with_variance(variance: float) -> Bundle:
    covariance = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, variance))
    horizons = {
        name: dataclasses.replace(
            BUNDLE.horizon(name),
            calibration=BetaCalibration(1.0, 1.0, 0.0, covariance),
        )
        for name in ("hot", "warm")
    }
    return dataclasses.replace(BUNDLE, **horizons)


def test_intervals_of_a_row_alone_have_the_bits_they_have_among_others() -> None:
    random = np.random.default_rng(3)
    rows = random.normal(20, 30, (37, len(SPEC.features)))
    together = BUNDLE.scores(rows, threads=2)
    for i in range(len(rows)):
        alone = BUNDLE.scores(rows[i : i + 1])
        for name in ("hot_low", "hot_high", "warm_low", "warm_high", "not_enough_evidence"):
            assert getattr(alone, name)[0] == getattr(together, name)[i]


def test_intervals_are_the_same_bits_after_saving_and_loading(tmp_path: Path) -> None:
    saved = save_bundle(_with_variance(0.3), tmp_path / "bundle")
    rows = np.random.default_rng(3).normal(20, 30, (20, len(SPEC.features)))
    for name in ("hot_low", "hot_high", "warm_low", "warm_high"):
        before = getattr(_with_variance(0.3).scores(rows), name)
        assert getattr(saved.scores(rows), name).tobytes() == before.tobytes()


def test_a_bundle_from_before_there_was_evidence_is_refused_with_the_way_out(
    tmp_path: Path,
) -> None:
    save_bundle(BUNDLE, tmp_path / "bundle")
    settings, manifest = tmp_path / "bundle" / "bundle.json", tmp_path / "bundle" / MANIFEST
    data = json.loads(settings.read_text())
    del data["horizons"]["hot"]["evidence"]
    settings.write_text(json.dumps(data))
    told = json.loads(manifest.read_text())
    told["files"]["bundle.json"] = hashlib.sha256(settings.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(told))
    with pytest.raises(ValueError, match=r"evidence.*train again"):
        load_bundle(tmp_path / "bundle")
