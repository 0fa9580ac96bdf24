"""Levels of months and groups: what is luck, what is not, and whether intervals hold."""

import itertools
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from models.calibration import sigmoid
from models.horizon import Z_80
from training.statistics.levels import (
    PRIOR_GROUPS,
    PRIOR_MONTHS,
    GroupLevels,
    MonthLevels,
    between_group_variance,
    between_month_variance,
    check_months,
    group_levels,
    month_levels,
    prior_variance,
)


def instant(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) * 1_000_000


def test_levels_are_those_of_plain_loops_over_calendar_months() -> None:
    looks = [  # log-odds, variance, converted, lead, instant
        (-1.0, 0.1, True, 7, instant(2025, 1, 31, 23)),
        (-2.0, 0.3, False, 7, instant(2025, 2, 1)),
        (0.5, 0.2, True, 8, instant(2025, 2, 28)),
        (0.0, 0.4, True, 8, instant(2025, 2, 20)),
        (0.0, 0.6, False, 8, instant(2024, 2, 20)),
    ]
    columns = [np.array(column) for column in zip(*looks, strict=True)]
    found = month_levels(*columns)
    expected: dict[str, list[float]] = {}
    of_lead: dict[tuple[str, int], float] = {}
    for log_odds, variance, converted, lead, at in looks:
        month = str(np.datetime64(at, "us").astype("datetime64[M]"))
        p = 1 / (1 + np.exp(-log_odds))
        sums = expected.setdefault(month, [0.0, 0.0, 0.0, 0.0])
        for place, value in enumerate((p * (1 - p), converted - p, variance, 1.0)):
            sums[place] += value
        of_lead[month, lead] = of_lead.get((month, lead), 0.0) + converted - p
    in_order = [expected[month] for month in sorted(expected)]
    assert found.information == pytest.approx([sums[0] for sums in in_order])
    assert found.residual == pytest.approx([sums[1] for sums in in_order])
    assert found.curve_variance == pytest.approx([sums[2] / sums[3] for sums in in_order])
    alone = sum((one[2] - 1 / (1 + np.exp(-one[0]))) ** 2 for one in looks)
    together = sum(value**2 for value in of_lead.values())
    assert found.design_effect == pytest.approx(max(1.0, together / alone))


def test_looks_of_a_lead_in_two_months_are_two_outcomes() -> None:
    """In one month they foresee the same purchase, and are worth less than two."""
    one_month, two_months = (
        month_levels(
            np.zeros(4),
            np.zeros(4),
            np.array([True, True, False, False]),
            np.array([0, 0, 1, 1]),
            np.array([instant(2025, 1, 1), instant(2025, month, 2)] * 2),
        ).design_effect
        for month in (1, 2)
    )
    assert (one_month, two_months) == (2.0, 1.0)


def posterior_mean(levels, noise: list[float], centre: float, weight: float) -> float:
    """By numerical integration of the scaled inverse χ² and the normal likelihood over v."""

    def density(variance: float) -> float:
        prior = stats.invgamma.pdf(variance, weight / 2, scale=weight / 2 * centre)
        deviations = [
            (luck + i * i * variance) ** 0.5
            for luck, i in zip(noise, levels.information, strict=True)
        ]
        return prior * np.prod(stats.norm.pdf(levels.residual, scale=deviations))

    points = np.geomspace(1e-4, 4.0, 30).tolist()
    total, first = (
        sum(
            integrate.quad(weighted, low, high, epsabs=0, epsrel=1e-8)[0]
            for low, high in itertools.pairwise(points)
        )
        for weighted in (density, lambda variance: variance * density(variance))
    )
    return first / total


@pytest.mark.parametrize("months", [0, 1, 3, 12])
@pytest.mark.parametrize("centre", [0.003, 0.02])
@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_the_variance_is_the_mean_of_its_posterior(
    months: int, centre: float, spread: float
) -> None:
    random = np.random.default_rng(months)
    information = random.uniform(3, 30, months)
    residual = information * random.normal(0, spread, months)
    levels = MonthLevels(
        tuple(information.tolist()), tuple(residual.tolist()), (0.0,) * months, 1.7
    )
    luck = [1.7 * each for each in levels.information]
    assert between_month_variance(levels, centre) == pytest.approx(
        posterior_mean(levels, luck, centre, PRIOR_MONTHS), rel=0.01
    )
    squares = tuple((information**2 / 9).tolist())
    groups = GroupLevels(levels.information, levels.residual, squares, 1.7)
    with_months = [each + 0.3 * square for each, square in zip(luck, squares, strict=True)]
    assert between_group_variance(groups, 0.3, centre) == pytest.approx(
        posterior_mean(groups, with_months, centre, PRIOR_GROUPS), rel=0.01
    )


def drawn(random: np.random.Generator, months: int, information: float, deviation: float):
    """Months whose levels wander by a standard deviation, with the luck of their conversions."""
    level = random.normal(0, deviation, months)
    luck = random.normal(0, (1.7 * information) ** 0.5, months)
    residual = tuple((information * level + luck).tolist())
    return MonthLevels((information,) * months, residual, (0.0,) * months, 1.7)


def test_the_plain_estimate_is_zero_half_of_the_time_and_this_one_never() -> None:
    random = np.random.default_rng(3)
    plain, drawn_to_prior = [], []
    for _ in range(200):
        levels = drawn(random, months=13, information=7.0, deviation=0.1)
        residual, information = np.array(levels.residual), np.array(levels.information)
        excess = (residual**2 - levels.design_effect * information).sum()
        plain.append(max(0.0, excess / (information**2).sum()))
        drawn_to_prior.append(between_month_variance(levels, 0.01))
    assert 0.35 < np.mean(np.array(plain) == 0) < 0.65
    assert min(drawn_to_prior) > 0.004
    truth = 0.1**2
    of_plain, of_drawn = (
        np.mean((np.array(found) - truth) ** 2) for found in (plain, drawn_to_prior)
    )
    assert of_drawn < 0.5 * of_plain


def test_levels_that_wander_are_noticed() -> None:
    random = np.random.default_rng(4)
    found = [
        np.median(
            [between_month_variance(drawn(random, 15, 60.0, sd), 0.01) ** 0.5 for _ in range(40)]
        )
        for sd in (0.0, 0.3, 0.6)
    ]
    assert found[0] < 0.12
    assert found[1] == pytest.approx(0.3, rel=0.25)
    assert found[2] == pytest.approx(0.6, rel=0.25)


@given(st.integers(0, 10**7))
def test_the_prior_narrows_with_conversions_and_never_vanishes(conversions: int) -> None:
    assert prior_variance(conversions) == pytest.approx(1 / (conversions + 1) + 0.05**2)


@pytest.mark.parametrize("deviation", [0.1, 0.4])
@pytest.mark.parametrize("information", [8.0, 60.0])
def test_a_left_out_month_is_held_as_often_as_it_says(deviation: float, information: float) -> None:
    """Both sides: at most as often as it should, at least as often."""
    random = np.random.default_rng(5)
    held = months = 0
    for _ in range(100):
        found = check_months(drawn(random, 14, information, deviation), deviation**2)
        held, months = held + found.held, months + found.months
    assert months == 1_400
    assert 0.77 < held / months < 0.87


def test_a_check_without_the_months_own_variance_would_hold_far_fewer() -> None:
    """What the check is for: by luck alone two in five months would be held of these."""
    random = np.random.default_rng(6)
    levels = [drawn(random, 14, 60.0, 0.4) for _ in range(50)]
    by_luck_alone = np.mean([np.abs(one.residual) <= Z_80 * (1.7 * 60.0) ** 0.5 for one in levels])
    checked = np.mean([check_months(one, 0.01).held / 14 for one in levels])
    assert by_luck_alone < 0.45
    assert checked > 0.73


def test_a_month_unlike_all_others_is_not_held() -> None:
    levels = MonthLevels((50.0,) * 12, (0.0,) * 11 + (40.0,), (0.0,) * 12, 1.0)
    found = check_months(levels, 0.01)
    assert (found.months, found.held, found.nominal) == (12, 11, 0.8)


def test_what_the_curve_does_not_know_widens_the_interval_of_a_month() -> None:
    residual = (0.0,) * 11 + (40.0,)
    sure, unsure = (
        check_months(MonthLevels((50.0,) * 12, residual, (variance,) * 12, 1.0), 0.01).held
        for variance in (0.0, 1.0)
    )
    assert (sure, unsure) == (11, 12)


def test_months_of_hardly_any_conversions_are_not_counted() -> None:
    levels = MonthLevels((3.3, 3.5, 0.0), (0.0, 0.0, 0.0), (0.0,) * 3, 1.7)
    assert check_months(levels, 0.01).months == 1
    nothing = np.zeros(0)
    empty = month_levels(
        nothing, nothing, np.zeros(0, bool), np.zeros(0, np.int64), np.zeros(0, np.int64)
    )
    assert check_months(empty, 0.01).months == 0
    assert between_month_variance(empty, 0.01) > 0.01


@pytest.mark.parametrize(("deviation", "most"), [(0.0, 1.0), (0.2, 0.95), (0.4, 0.95)])
def test_a_years_looks_give_intervals_that_hold_the_months_to_come(
    deviation: float, most: float
) -> None:
    """The mean level of three months; where levels stand still, the fit's own error is held too."""
    random = np.random.default_rng(7)
    first_days = np.array([instant(2020 + m // 12, 1 + m % 12, 15) for m in range(12)])
    held = []
    for _ in range(150):
        month = np.repeat(np.arange(12), 150)
        log_odds = random.normal(-1.5, 0.7, len(month))
        level = random.normal(0, prior_variance(300) ** 0.5 / 2) + random.normal(0, deviation, 15)
        levels = month_levels(
            log_odds=log_odds,
            curve_variance=np.zeros(len(month)),
            converted=random.random(len(month)) < sigmoid(log_odds + level[month]),
            lead=np.arange(len(month)),
            as_of=first_days[month],
        )
        found = between_month_variance(levels, prior_variance(300))
        held.append(abs(level[12:].mean()) <= Z_80 * found**0.5)
    assert 0.74 < np.mean(held) <= most


def test_groups_are_those_of_plain_loops() -> None:
    random = np.random.default_rng(9)
    rows = 400
    log_odds = random.normal(-0.5, 1.0, rows)
    converted, lead = random.random(rows) < 0.4, random.integers(0, 90, rows)
    as_of = np.array([instant(2025, 1 + m, 9) for m in range(4)])[random.integers(0, 4, rows)]
    kind = random.integers(0, 3, rows)
    kind[:4] = 5  # a group of four looks: too little to count
    found = group_levels(log_odds, converted, lead, as_of, [kind])
    p = 1 / (1 + np.exp(-log_odds))
    residual = converted - p
    by_lead = sum(residual[lead == one].sum() ** 2 for one in set(lead.tolist()))
    d = max(1.0, by_lead / (residual**2).sum())
    ranked = np.searchsorted(np.quantile(log_odds, np.arange(1, 10) / 10), log_odds, side="right")
    expected = []
    for level in (ranked, kind):
        for value in range(int(level.max()) + 1):
            mine = level == value
            information = sum(one * (1 - one) for one in p[mine])
            months = [(p * (1 - p))[mine & (as_of == at)].sum() for at in sorted(set(as_of))]
            if information >= 2 * d:
                expected.append((information, residual[mine].sum(), sum(m * m for m in months)))
    assert len(expected) == 13
    assert found.design_effect == pytest.approx(d)
    columns = zip(found.information, found.residual, found.squared_by_month, strict=True)
    np.testing.assert_allclose(list(columns), expected)


def test_groups_that_differ_widen_and_months_are_not_taken_for_groups() -> None:
    information = 40.0
    random = np.random.default_rng(10)
    found = {}
    for name, of_groups, of_months in (("still", 0, 0), ("groups", 0.4, 0), ("months", 0, 0.4)):
        # A level of each of 8 months moves all groups together; here it is drawn for each alone.
        residual = (
            information * random.normal(0, of_groups, 50)
            + information / 8 * random.normal(0, of_months, (50, 8)).sum(axis=1)
            + random.normal(0, (1.7 * information) ** 0.5, 50)
        )
        levels = GroupLevels((information,) * 50, tuple(residual), (information**2 / 8,) * 50, 1.7)
        found[name] = between_group_variance(levels, of_months**2, 0.01) ** 0.5
    assert found["still"] < 0.15
    assert found["groups"] == pytest.approx(0.4, rel=0.25)
    assert found["months"] < 0.2


def test_without_groups_the_prior_decides() -> None:
    nothing = np.zeros(0)
    empty = group_levels(
        nothing, np.zeros(0, bool), np.zeros(0, np.int64), np.zeros(0, np.int64), []
    )
    assert empty.information == ()
    assert 0.005 < between_group_variance(empty, 0.1, 0.01) < 0.03
