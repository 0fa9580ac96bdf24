"""Bands stay what they were while chance explains the change, and only then."""

import dataclasses
import math

import numpy as np
import pytest

from models.bands import Bands, Promise, staying_cutoff
from models.policy import (
    Capacity,
    Economics,
    FixedCutoff,
    GuaranteedRate,
    HighestLift,
    HighestRate,
    LimitedRate,
    WantedReach,
)
from training.bands.cutoffs import HeldOutLooks, bands_for_promises, choose_cutoff
from training.bands.stability import (
    NOBODY,
    RESAMPLES,
    answers,
    confirming,
    drawn_cutoffs,
    keeping,
)
from training.config import BandSettings
from training.statistics.rate_bounds import rate_bounds

HYSTERESIS, RATE = 0.2, 0.3
POLICY = GuaranteedRate(RATE)


def looks(leads: int, random: np.random.Generator, off: float = 0.0) -> HeldOutLooks:
    """Looks whose probabilities lie beside the truth by `off` in log-odds."""
    lead = np.repeat(np.arange(leads), 3)
    log_odds = random.normal(-2.0, 1.5, leads)[lead] + random.normal(0, 0.3, len(lead))
    converted = random.random(leads)[lead] < 1 / (1 + np.exp(-log_odds))
    return HeldOutLooks(
        probability=1 / (1 + np.exp(-log_odds - off)),
        lead=lead,
        as_of=np.arange(len(lead), dtype=np.int64),
        converted=converted,
        outcome_known=np.ones(len(lead), np.bool_),
        hotter=np.zeros(len(lead), np.bool_),
    )


def bands_of(cutoff: float | None, policy=POLICY, decided_by="probability") -> Bands:
    promise = Promise(policy, 0.27, 100, 50, 40, 0.4, 0.33, "tested", 0.45)
    return Bands(cutoff, None, HYSTERESIS, {"hot": promise, "warm": promise}, decided_by)


@pytest.mark.slow
def test_trainings_on_other_leads_of_the_same_firm_keep_the_cutoff() -> None:
    """Chosen anew it would move each time; kept it moves where chance gives that or less."""
    random = np.random.default_rng(1)
    fresh, kept = [], [bands_of(choose_cutoff(POLICY, looks(500, random), "hot", 0.2)[0])]
    for seed in range(12):
        drawn = looks(500, random)
        fresh.append(choose_cutoff(POLICY, drawn, "hot", HYSTERESIS)[0])
        cutoff, _ = keeping(kept[-1], seed)(POLICY, drawn, "hot", HYSTERESIS)
        kept.append(bands_of(cutoff))
    moves = {
        name: int(np.count_nonzero(np.diff(cutoffs)))
        for name, cutoffs in (("fresh", fresh), ("kept", [bands.hot for bands in kept]))
    }
    assert moves["fresh"] >= 9
    assert moves["kept"] <= 6


def test_a_change_beyond_chance_moves_the_cutoff() -> None:
    """The same firm, whose probabilities are three times too high in the odds from now on."""
    random = np.random.default_rng(2)
    cutoff, _ = choose_cutoff(POLICY, looks(2_000, random), "hot", HYSTERESIS)
    earlier = bands_of(cutoff)
    overstated = looks(2_000, random, off=math.log(3))
    expected = choose_cutoff(POLICY, overstated, "hot", HYSTERESIS)
    assert keeping(earlier, 0)(POLICY, overstated, "hot", HYSTERESIS) == expected
    understated = looks(2_000, random, off=-math.log(3))
    expected = choose_cutoff(POLICY, understated, "hot", HYSTERESIS)
    assert keeping(earlier, 0)(POLICY, understated, "hot", HYSTERESIS) == expected
    assert expected[0] < cutoff


def test_what_is_kept_tells_what_the_looks_of_today_say_of_it() -> None:
    random = np.random.default_rng(3)
    drawn = looks(800, random)
    fresh, _ = choose_cutoff(POLICY, drawn, "hot", HYSTERESIS)
    earlier = bands_of(fresh * 1.01)
    cutoff, promise = keeping(earlier, 0)(POLICY, drawn, "hot", HYSTERESIS)
    assert cutoff == earlier.hot
    assert promise.policy == POLICY
    held = drawn.probability >= staying_cutoff(cutoff, HYSTERESIS)
    low, _ = rate_bounds(drawn.converted[held], drawn.lead[held], 0.9)
    assert (promise.looks, promise.bound) == (int(held.sum()), low)
    assert f"it would be {fresh:.3f}, which chance explains" in promise.explanation


def test_a_promise_that_the_looks_do_not_bear_on_average_is_not_kept() -> None:
    """Even inside the noise: in doubt, the choice of today."""
    drawn = looks(150, np.random.default_rng(4))
    policy = HighestLift(0.25)
    fresh, promise = choose_cutoff(policy, drawn, "hot", HYSTERESIS)
    assert fresh is not None
    too_much = GuaranteedRate(0.99)
    assert keeping(bands_of(fresh, too_much), 0)(policy, drawn, "hot", HYSTERESIS) == (
        fresh,
        promise,
    )


@pytest.mark.parametrize(
    "earlier",
    [
        bands_of(None),
        bands_of(0.2, GuaranteedRate(0.2)),
        bands_of(0.2, decided_by="low end"),
        Bands(0.2, None, HYSTERESIS),
    ],
    ids=["nobody", "another rate", "low ends", "no promise"],
)
def test_what_is_not_the_same_promise_is_not_kept(earlier: Bands) -> None:
    drawn = looks(500, np.random.default_rng(5))
    expected = choose_cutoff(POLICY, drawn, "hot", HYSTERESIS)
    assert keeping(earlier, 0)(POLICY, drawn, "hot", HYSTERESIS) == expected


@pytest.mark.parametrize(
    ("asked", "promised", "kept"),
    [
        (FixedCutoff(0.2), FixedCutoff(0.2), False),
        (Capacity(5), Capacity(5), False),
        (Economics(900, 90), Economics(900, 90), True),
        (Economics(900, 90), Economics(900, 80), False),
        (HighestRate(0.3), GuaranteedRate(0.25), True),
        (HighestRate(0.2), GuaranteedRate(0.25), False),
        (HighestRate(0.3, 0.95), GuaranteedRate(0.25), False),
        (WantedReach(0.5), GuaranteedRate(0.25), True),
        (WantedReach(0.5, 0.1, 0.95), GuaranteedRate(0.25), False),
        (HighestLift(0.25), LimitedRate(0.25), False),
        (HighestLift(0.25), Economics(900, 90), False),
    ],
)
def test_only_a_promise_that_answers_what_is_asked_can_be_kept(asked, promised, kept) -> None:
    assert answers(asked, promised) is kept


def test_draws_are_of_whole_leads_and_repeat_with_their_seed() -> None:
    drawn = looks(300, np.random.default_rng(6))
    first, again, other = (drawn_cutoffs(POLICY, drawn, "hot", 0.2, seed) for seed in (1, 1, 2))
    assert first.shape == (RESAMPLES,)
    assert first.tobytes() == again.tobytes() != other.tobytes()
    nobody_buys = dataclasses.replace(drawn, converted=np.zeros(len(drawn.lead), np.bool_))
    assert (drawn_cutoffs(POLICY, nobody_buys, "hot", 0.2, 1) == NOBODY).all()
    # Of one lead and nobody else, every draw is the same: it holds all of that lead's looks.
    single = dataclasses.replace(drawn, lead=np.zeros(len(drawn.lead), np.int64))
    assert len(set(drawn_cutoffs(POLICY, single, "hot", 0.2, 1).tolist())) == 1


def test_all_looks_confirm_the_judged_bands_and_tell_their_own_figures() -> None:
    random = np.random.default_rng(7)
    judged = bands_of(choose_cutoff(POLICY, looks(600, random), "hot", HYSTERESIS)[0])
    everything = looks(1_500, random)
    cutoff, promise = confirming(judged)(POLICY, everything, "hot", HYSTERESIS)
    assert cutoff == judged.hot
    held = everything.probability >= staying_cutoff(cutoff, HYSTERESIS)
    assert promise.looks == held.sum()
    assert promise.rate == pytest.approx(everything.converted[held].mean())
    assert promise.explanation == judged.promises["hot"].explanation


def test_a_promise_that_all_looks_contradict_is_chosen_anew() -> None:
    random = np.random.default_rng(8)
    judged = bands_of(choose_cutoff(POLICY, looks(600, random), "hot", HYSTERESIS)[0])
    worse = looks(2_000, random, off=1.5)
    held = worse.probability >= staying_cutoff(judged.hot, HYSTERESIS)
    assert rate_bounds(worse.converted[held], worse.lead[held], 0.9)[1] < RATE
    chosen = confirming(judged)(POLICY, worse, "hot", HYSTERESIS)
    assert chosen == choose_cutoff(POLICY, worse, "hot", HYSTERESIS)
    assert chosen[0] > judged.hot


def test_what_a_short_past_did_not_bear_all_looks_may_bear() -> None:
    drawn = looks(2_000, np.random.default_rng(9))
    assert confirming(bands_of(None))(POLICY, drawn, "hot", HYSTERESIS) == choose_cutoff(
        POLICY, drawn, "hot", HYSTERESIS
    )


def test_looks_whose_outcome_is_not_known_neither_confirm_nor_contradict() -> None:
    random = np.random.default_rng(10)
    judged = bands_of(choose_cutoff(POLICY, looks(600, random), "hot", HYSTERESIS)[0])
    unknown = dataclasses.replace(
        looks(2_000, random, off=1.5), outcome_known=np.zeros(6_000, np.bool_)
    )
    cutoff, promise = confirming(judged)(POLICY, unknown, "hot", HYSTERESIS)
    assert cutoff == judged.hot
    assert (promise.looks, promise.rate) == (0, None)


def test_hysteresis_and_hotter_bands_are_left_to_the_choice() -> None:
    drawn = looks(900, np.random.default_rng(11))
    settings = BandSettings(hot=0.5, warm=0.3)
    fresh = bands_for_promises(settings, drawn, drawn, drawn.probability)
    kept = bands_for_promises(settings, drawn, drawn, drawn.probability, keeping(fresh, 0))
    assert kept == fresh
