"""A horizon knows what its predictor learned from, and is calibrated by what came later."""

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import Spine
from models.calibration import sigmoid
from models.horizon import Estimate
from models.predictors.predictor import margin_of
from training.config import ModelSettings
from training.dataset.snapshots import Labels
from training.fitting.booster import fit_booster
from training.fitting.horizon import fitted_horizon, out_of_time_calibration

ROWS, DAYS = 20_000, 14


def looks(slope: float, seed: int = 1):
    """Margins of looks all through a year, and outcomes whose log-odds turn about a base rate."""
    random = np.random.default_rng(seed)
    margin = random.normal(-2.0, 1.0, ROWS)
    mean = sigmoid(margin).mean()
    anchor = np.log(mean / (1 - mean))
    converted = random.random(ROWS) < sigmoid(anchor + slope * (margin - anchor))
    day = np.arange(ROWS) * 365 // ROWS
    spine = Spine(np.arange(ROWS), day * MICROSECONDS_PER_DAY)
    return margin, anchor, spine, Labels(DAYS, converted, np.ones(ROWS, np.bool_))


@pytest.mark.parametrize("slope", [0.6, 1.0, 1.4])
def test_margins_are_turned_about_the_base_rate_by_what_came_later(slope: float) -> None:
    margin, anchor, spine, labels = looks(slope)
    everything = np.ones(ROWS, bool)
    end = 365 * MICROSECONDS_PER_DAY
    found = out_of_time_calibration(margin, spine, labels, everything, end, "anchored").calibration
    at = np.array([anchor - 1, anchor, anchor + 1])
    low, level, high = found.log_odds(at)
    # Some 3,000 conversions leave a slope a standard error of .02; the prior pulls by as much.
    assert level == pytest.approx(anchor, abs=1e-9)
    assert (high - low) / 2 == pytest.approx(slope, abs=0.08)


def test_only_the_chosen_rows_are_looked_at() -> None:
    margin, _, spine, labels = looks(0.8)
    rows = np.arange(ROWS) < ROWS // 2
    other = Labels(DAYS, labels.converted ^ ~rows, labels.mature)
    one, two = (
        out_of_time_calibration(np.where(rows, margin, changed), spine, which, rows, 0, "anchored")
        for changed, which in ((margin, labels), (np.nan, other))
    )
    assert one == two


def test_without_rows_margins_are_taken_as_they_are_and_are_less_sure() -> None:
    margin, _, spine, labels = looks(1.0)
    nothing = np.zeros(ROWS, bool)
    found = out_of_time_calibration(margin, spine, labels, nothing, 0, "anchored").calibration
    np.testing.assert_allclose(found.log_odds(margin), margin, atol=1e-6)
    assert (found.variance(np.array([-4.0, 4.0])) > 0.1).all()


def test_the_evidence_counts_the_leads_that_were_learned_from() -> None:
    margin, _, spine, labels = looks(1.0)
    matrix, learned = margin[:, None], np.arange(ROWS) < 5_000
    predictor = fit_booster(matrix[learned], labels.converted[learned], (), ModelSettings(trees=2))
    calibrated = out_of_time_calibration(margin, spine, labels, ~learned, 0, "anchored")
    found = fitted_horizon(
        predictor, matrix, spine, labels, learned, calibrated, margin, ~learned, ()
    )
    assert found.horizon.evidence.conversions == labels.converted[learned].sum()
    assert found.horizon.calibration == calibrated.calibration


def estimated(leads: int, base_log_odds: float) -> tuple[int, Estimate]:
    """Leads that converted where was learned, and estimates of fresh leads."""
    random = np.random.default_rng(2)
    matrix = random.normal(size=(leads, 2))
    converted = random.random(leads) < sigmoid(1.2 * matrix[:, 0] + base_log_odds)
    third = np.arange(leads) * 3 // leads
    day = np.arange(leads) * 3 * 365 // leads
    spine = Spine(np.arange(leads), day * MICROSECONDS_PER_DAY)
    labels = Labels(14, converted, np.ones(leads, np.bool_))
    settings = ModelSettings(trees=40, least_rows=20)
    early, late = (
        fit_booster(matrix[third < ends], converted[third < ends], (), settings) for ends in (1, 2)
    )
    calibrated = out_of_time_calibration(
        margin_of(early, matrix), spine, labels, third == 1, 730 * MICROSECONDS_PER_DAY, "anchored"
    )
    found = fitted_horizon(
        late, matrix, spine, labels, third < 2, calibrated, margin_of(early, matrix), third == 1, ()
    )
    return int(converted[third < 2].sum()), found.horizon.estimate(matrix[third == 2])


def test_ten_conversions_leave_the_odds_open_by_a_factor_of_two() -> None:
    conversions, found = estimated(300, base_log_odds=-3.2)
    assert 5 < conversions < 16
    odds = found.high / (1 - found.high) / (found.low / (1 - found.low))
    assert odds.min() > 2


def test_months_that_differ_widen_the_intervals_and_are_told() -> None:
    """Half of the months convert far more often than the other half, the same leads as before."""
    margin, _, spine, labels = looks(1.0)
    month = spine.as_of.astype("datetime64[us]").astype("datetime64[M]").astype(int)
    random = np.random.default_rng(8)
    restless = random.random(ROWS) < sigmoid(margin + np.where(month % 2, 0.6, -0.6))
    rows, matrix = np.ones(ROWS, bool), margin[:, None]
    predictor = fit_booster(matrix, labels.converted, (), ModelSettings(trees=2))
    variances, checks = [], []
    for converted in (labels.converted, restless):
        outcomes = Labels(DAYS, converted, labels.mature)
        calibrated = out_of_time_calibration(margin, spine, outcomes, rows, 0, "anchored")
        found = fitted_horizon(
            predictor, matrix, spine, outcomes, rows, calibrated, margin, rows, ()
        )
        variances.append(found.horizon.evidence.month_variance)
        checks.append(found.month_check)
    assert variances[0] < 0.1**2
    assert 0.4**2 < variances[1] < 0.9**2
    assert [check.months for check in checks] == [12, 12]
    assert min(check.held for check in checks) >= 8


def test_a_change_of_the_latest_weeks_is_told_and_widens_the_intervals() -> None:
    """A price rise four weeks before the end: what serves has hardly learned of it."""
    margin, _, spine, labels = looks(1.0)
    random = np.random.default_rng(8)
    latest = spine.as_of > spine.as_of.max() - 28 * MICROSECONDS_PER_DAY
    fallen = random.random(ROWS) < sigmoid(margin - 1.2 * latest)
    rows, matrix = np.ones(ROWS, bool), margin[:, None]
    predictor = fit_booster(matrix, labels.converted, (), ModelSettings(trees=2))
    deviations, told = [], []
    for converted in (labels.converted, fallen):
        outcomes = Labels(DAYS, converted, labels.mature)
        calibrated = out_of_time_calibration(margin, spine, outcomes, rows, 0, "anchored")
        found = fitted_horizon(
            predictor, matrix, spine, outcomes, rows, calibrated, margin, rows, ()
        )
        deviations.append(np.sqrt(found.horizon.evidence.month_variance))
        told.append(found.latest_weeks.changed)
    assert told == [False, True]
    assert deviations[0] < 0.1
    assert 0.6 < deviations[1] < 1.5


def test_thousands_of_conversions_are_enough_for_nearly_all() -> None:
    conversions, found = estimated(30_000, base_log_odds=-2.0)
    assert conversions > 3_000
    assert found.not_enough_evidence.mean() < 0.02
    assert np.median(found.high - found.low) < 0.05


def test_the_interval_narrows_as_conversions_grow() -> None:
    widths = [
        float(np.median(np.log(e.high / e.low))) for _, e in map(_of_size, (1_500, 6_000, 24_000))
    ]
    assert widths[0] > 1.3 * widths[1] > 1.3 * widths[2]


def _of_size(leads: int) -> tuple[int, Estimate]:
    return estimated(leads, base_log_odds=-2.5)


@pytest.mark.parametrize("evidence_share", [1.0, 0.5, 0.01])
def test_what_early_fits_shrank_too_much_a_later_one_shrinks_less(evidence_share: float) -> None:
    """Fits of few conversions lie nearer to the base rate than one of many that they stand for."""
    margin, anchor, spine, labels = looks(1.4)
    rows = np.ones(ROWS, np.bool_)
    told = out_of_time_calibration(margin, spine, labels, rows, 0, "anchored", evidence_share)
    low, level, high = told.calibration.log_odds(np.array([anchor - 1, anchor, anchor + 1]))
    assert level == pytest.approx(anchor, abs=1e-9)
    assert (high - low) / 2 == pytest.approx(1 + 0.4 * evidence_share**0.5, abs=0.08)


def test_fits_that_are_too_sure_stay_so_however_much_is_learned() -> None:
    margin, _, spine, labels = looks(0.6)
    rows = np.ones(ROWS, np.bool_)
    of_few, of_all = (
        out_of_time_calibration(margin, spine, labels, rows, 0, "anchored", share).calibration
        for share in (0.01, 1.0)
    )
    assert of_few == of_all
