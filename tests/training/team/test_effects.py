"""Effects of people: the posterior they are, and when they may be acted on."""

import doctest
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from features.arrays import Float64, Int64
from training.team.effects import (
    LEAST_GAIN_CHANCE,
    Effects,
    HandOvers,
    chance_of_gain,
    excess_over_fair_share,
    fit_effects,
)

BASE = float(np.log(0.1 / 0.9))


def hand_overs(
    rng: np.random.Generator, leads: int, effect: Float64, scores: Float64 | float = 0.0
) -> HandOvers:
    """Leads in turn to people whose leads look better by their scores, with these true effects."""
    people, temperatures = effect.shape
    person = np.arange(leads) % people
    temperature = rng.integers(temperatures, size=leads)
    margin = BASE + np.broadcast_to(scores, people)[person] + rng.normal(0, 0.5, leads)
    bought = rng.random(leads) < expit(margin + effect[person, temperature])
    return HandOvers(person, temperature, margin, bought)


def best_list(effects: Effects) -> Float64:
    """What is moved where each person gets the temperature in which the effect is highest."""
    table = np.where(effects.log_odds == effects.log_odds.max(axis=0), 10.0, 0.0)
    return table - table.mean(axis=0)


def test_estimates_are_the_posterior_of_the_model_by_weighted_draws() -> None:
    """Two people, one temperature: draws from the prior, weighed by the binomial likelihood."""
    leads = np.array([400, 500])
    bought = np.array([60, 45])
    scores = np.array([0.2, -0.1])
    person = np.repeat([0, 1], leads)
    purchases = np.concatenate([np.arange(n) < b for n, b in zip(leads, bought, strict=True)])
    handed = HandOvers(person, 0 * person, BASE + scores[person], purchases)
    effects = fit_effects(handed, 2, 1)

    rng = np.random.default_rng(1)
    draws = 400_000
    person_deviations = np.array([0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45])
    cell_deviations = np.array([0, 0.05, 0.1, 0.15, 0.2, 0.3])
    a, b = rng.choice(person_deviations, draws), rng.choice(cell_deviations, draws)
    own = a[:, None] * rng.normal(size=(draws, 2)) + b[:, None] * rng.normal(size=(draws, 2))
    level, slope = (0.5 * rng.normal(size=(draws, 1)) for _ in range(2))
    seen = scores - (BASE + scores[person]).mean() + BASE
    with_slope = own + slope * seen
    chance = expit(BASE + scores + level + with_slope)
    log_weight = (bought * np.log(chance) + (leads - bought) * np.log1p(-chance)).sum(axis=1)
    log_weight -= (a**2 + b**2) / (2 * 0.15**2)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    expected = weight @ (own + with_slope) / 2
    np.testing.assert_allclose(effects.log_odds[:, 0], expected - expected.mean(), atol=0.015)
    for reading, values in ((effects.standing_given, own), (effects.standing_earned, with_slope)):
        chance_of_gain = float(effects.weights @ reading.gain_chances(np.array([1.0, -1.0])))
        assert abs(chance_of_gain - weight @ (values[:, 0] > values[:, 1])) < 0.03


def test_with_many_leads_the_effects_are_the_true_ones() -> None:
    rng = np.random.default_rng(2)
    true = rng.normal(0, 0.2, (6, 1)) + rng.normal(0, 0.14, (6, 3))
    effects = fit_effects(hand_overs(rng, 600_000, true), 6)
    np.testing.assert_allclose(effects.log_odds, true - true.mean(axis=0), atol=0.07)
    assert effects.gain_chance(best_list(effects)) > 0.99


def test_few_leads_are_shrunk_to_nearly_nothing() -> None:
    rng = np.random.default_rng(3)
    effects = fit_effects(hand_overs(rng, 120, np.zeros((6, 3))), 6)
    assert np.abs(effects.log_odds).max() < 0.12


def test_what_goes_with_the_score_handed_is_credited_half() -> None:
    """Those with the better leads sell more than the leads say: earned or given, nobody knows."""
    rng = np.random.default_rng(4)
    scores = np.array([-0.4, -0.2, 0.0, 0.0, 0.2, 0.4])
    handed = hand_overs(rng, 60_000, np.repeat(scores[:, None], 3, axis=1), scores)
    effects = fit_effects(handed, 6)
    given, earned = (
        float(np.polyfit(scores, (effects.weights @ reading.mean).reshape(6, 3)[:, 0], 1)[0])
        for reading in (effects.standing_given, effects.standing_earned)
    )
    half = float(np.polyfit(scores, effects.log_odds[:, 0], 1)[0])
    assert abs(given) < 0.35
    assert 0.8 < earned < 1.1
    assert abs(half - (given + earned) / 2) < 1e-9
    best_person_gets_all = excess_over_fair_share(
        np.full(30, 5), np.arange(30) % 3, np.full(30, 0.1), 6, 3
    )
    assert effects.gain_chance(best_person_gets_all) < LEAST_GAIN_CHANCE


def test_equal_people_are_seldom_acted_on() -> None:
    opened = 0
    for seed in range(60):
        rng = np.random.default_rng([5, seed])
        scores = rng.normal(0, 0.3, 8)
        effects = fit_effects(hand_overs(rng, 4_000, np.zeros((8, 3)), scores), 8)
        opened += effects.gain_chance(best_list(effects)) > LEAST_GAIN_CHANCE
    assert opened <= 6


def test_where_nothing_is_known_the_manager_s_word_stands() -> None:
    nobody = HandOvers(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0, bool))
    skill = np.log([[1.5, 1.0], [1.0, 1.0]])
    effects = fit_effects(nobody, 2, 2, skill)
    np.testing.assert_allclose(effects.log_odds, skill - skill.mean(axis=0), atol=1e-9)


def test_a_person_without_leads_is_in_the_middle_of_the_others() -> None:
    rng = np.random.default_rng(6)
    true = np.array([[0.4], [-0.4], [0.0]]) * np.ones((1, 3))
    handed = hand_overs(rng, 60_000, true[:2])
    effects = fit_effects(handed, 3)
    assert np.abs(effects.log_odds[2]).max() < 0.05


@pytest.mark.parametrize("margin", [-40.0, -15.0, 15.0, 40.0])
def test_a_score_that_was_wrongly_sure_does_not_blow_effects_up(margin: float) -> None:
    sure = np.where(np.arange(400) % 2 == 0, margin, -2.0)
    handed = HandOvers(np.arange(400) % 4, np.zeros(400, int), sure, np.arange(400) % 3 == 0)
    assert np.abs(fit_effects(handed, 4, 1).log_odds).max() < 5


def test_a_list_is_tried_on_the_latest_hand_overs() -> None:
    """Two people, one better: the chance is that of moving the likelier half of them to her."""
    rng = np.random.default_rng(9)
    handed = hand_overs(rng, 1_000, np.array([[0.4], [-0.4]]))
    effects = fit_effects(handed, 2, 1)
    probability = expit(handed.margin[-320:])
    likelier = probability >= np.sort(probability)[160]
    person = np.where(likelier == (effects.log_odds[0, 0] > 0), 0, 1)
    excess = excess_over_fair_share(person, np.zeros(320, int), probability, 2, 1)
    assert chance_of_gain(effects, handed) == pytest.approx(effects.gain_chance(excess), abs=0.01)
    nobody = HandOvers(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0, bool))
    assert chance_of_gain(effects, nobody) == 0


def test_the_order_of_leads_changes_nothing() -> None:
    rng = np.random.default_rng(8)
    handed = hand_overs(rng, 500, np.zeros((4, 3)))
    order = rng.permutation(500)
    columns = (handed.person, handed.temperature, handed.margin, handed.bought)
    person, temperature, margin, bought = (column[order] for column in columns)
    shuffled = HandOvers(person, temperature, margin, bought)
    first, second = (fit_effects(leads, 4).log_odds for leads in (handed, shuffled))
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_a_fair_share_moves_nothing() -> None:
    person: Int64 = np.repeat([0, 1], 3)
    temperature = np.tile([0, 1, 2], 2)
    fair = excess_over_fair_share(person, temperature, np.full(6, 0.2), 2, 3)
    np.testing.assert_allclose(fair, 0.0)
    unfair = excess_over_fair_share(0 * person, temperature, np.full(6, 0.2), 2, 3)
    np.testing.assert_allclose(unfair, [[0.16] * 3, [-0.16] * 3])


def test_wrong_hand_overs_are_refused() -> None:
    one = np.zeros(1, int)
    with pytest.raises(ValueError, match="must have one length"):
        HandOvers(one, one, np.zeros(2), np.zeros(1, bool))
    with pytest.raises(ValueError, match="Every margin must be finite"):
        HandOvers(one, one, np.array([np.inf]), np.zeros(1, bool))
    with pytest.raises(ValueError, match="leave out the unowned"):
        HandOvers(one - 1, one, np.zeros(1), np.zeros(1, bool))
    nobody = HandOvers(one[:0], one[:0], np.zeros(0), np.zeros(0, bool))
    with pytest.raises(ValueError, match="people and temperatures must be at least 1, got 0 and 3"):
        fit_effects(nobody, 0)
    for skill in (np.zeros(3), np.array([[np.nan], [0.0]])):
        with pytest.raises(ValueError, match="skill must be 2 × 1 finite numbers"):
            fit_effects(nobody, 2, 1, skill)
    with pytest.raises(ValueError, match="person must be below 1"):
        fit_effects(HandOvers(one + 1, one, np.zeros(1), np.zeros(1, bool)), 1)


def test_the_page_on_what_helps_prints_what_it_says() -> None:
    page = Path(__file__).parents[3] / "docs" / "does_it_help.md"
    failures, examples = doctest.testfile(str(page), module_relative=False)
    assert (failures, examples) == (0, 11)
