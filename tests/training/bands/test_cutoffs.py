"""Cut-offs keep what was promised, although they are chosen on the rows that say so."""

import dataclasses

import numpy as np
import pytest

from features.spine import Spine
from models.bands import staying_cutoff
from models.policy import Capacity, Economics, FixedCutoff, GuaranteedRate, HighestRate
from tests.support.bundles import SPEC, random_lead, small_bundle
from tests.support.features import feature_matrix
from training.bands.cutoffs import (
    HeldOutLooks,
    bands_for_promises,
    choose_cutoff,
    fit_bands,
    guaranteed_cutoff,
    highest_rate,
    require_order,
)
from training.config import BandSettings
from training.dataset.snapshots import Labels
from training.dataset.split import Split
from training.statistics.rate_bounds import rate_bounds

RATE, HYSTERESIS = 0.3, 0.2


def looks(leads: int, random: np.random.Generator, boast: float = 0.0) -> HeldOutLooks:
    """Looks at leads that share what no score sees, with bounds off by `boast` in log-odds."""
    lead = np.repeat(np.arange(leads), random.geometric(0.25, leads))
    rows = len(lead)
    seen = -3 + 1.6 * random.standard_normal(leads)[lead] + 0.7 * random.standard_normal(rows)
    true = 1 / (1 + np.exp(-seen - random.standard_normal(leads)[lead]))
    # One purchase is foreseen by several looks: most of a lead's looks share their luck.
    luck = np.where(random.random(rows) < 0.3, random.random(rows), random.random(leads)[lead])
    bound = 1 / (1 + np.exp(-0.9 * seen - boast))
    as_of = np.arange(rows, dtype=np.int64)
    return HeldOutLooks(bound, lead, as_of, luck < true, np.ones(rows, bool))


class Truth:
    """Rate above every cut-off, from more looks than any test has."""

    def __init__(self, boast: float) -> None:
        everything = looks(300_000, np.random.default_rng(0), boast)
        order = np.argsort(everything.bound)[::-1]
        self.bound = everything.bound[order]
        self.rate = np.cumsum(everything.converted[order]) / np.arange(1, len(order) + 1)

    def above(self, cutoff: float) -> float:
        place = np.searchsorted(-self.bound, -cutoff, side="right")
        return float(self.rate[max(place - 1, 0)])


@pytest.fixture(scope="module")
def boasting() -> Truth:
    return Truth(boast=1.2)


def test_the_planted_scores_would_break_the_promise_at_their_word(boasting: Truth) -> None:
    assert boasting.above(RATE) < RATE
    assert boasting.above(0.6) > RATE


@pytest.mark.parametrize("leads", [200, 800])
def test_a_promised_rate_holds_in_nine_of_ten_repetitions(boasting: Truth, leads: int) -> None:
    random = np.random.default_rng(leads)
    found = [
        guaranteed_cutoff(looks(leads, random, boast=1.2), RATE, 0.9, HYSTERESIS)
        for _ in range(120)
    ]
    cutoffs = [cutoff for cutoff in found if cutoff is not None]
    assert len(cutoffs) > 60
    broken = sum(boasting.above(staying_cutoff(cutoff, HYSTERESIS)) < RATE for cutoff in cutoffs)
    assert broken <= 12


def test_the_lowest_cutoff_that_looks_good_breaks_it_far_more_often(boasting: Truth) -> None:
    random = np.random.default_rng(1)
    broken = 0
    for _ in range(120):
        drawn = looks(800, random, boast=1.2)
        order = np.argsort(drawn.bound)[::-1]
        rate = np.cumsum(drawn.converted[order]) / np.arange(1, len(order) + 1)
        lowest = np.flatnonzero(rate >= RATE)[-1]
        broken += boasting.above(drawn.bound[order][lowest]) < RATE
    assert broken > 40


def test_scores_that_keep_their_word_are_taken_at_it() -> None:
    """Then the promised rate itself is the cut-off, and no lead below it is carried along."""
    random = np.random.default_rng(2)
    found = [guaranteed_cutoff(looks(1_000, random), RATE, 0.9, HYSTERESIS) for _ in range(20)]
    assert found.count(RATE) >= 19


@pytest.mark.parametrize("leads", [200, 800])
def test_the_highest_rate_that_is_borne_holds_too(boasting: Truth, leads: int) -> None:
    random = np.random.default_rng(leads)
    found = [highest_rate(looks(leads, random, 1.2), 0.5, 0.9, HYSTERESIS) for _ in range(120)]
    rates = [rate for rate in found if rate is not None]
    assert len(rates) > 100
    assert len(set(rates)) > 1
    assert sum(boasting.above(staying_cutoff(rate, HYSTERESIS)) < rate for rate in rates) <= 12


def test_the_highest_rate_becomes_a_guaranteed_one() -> None:
    drawn = looks(1_000, np.random.default_rng(10))
    cutoff, promise = choose_cutoff(HighestRate(0.3), drawn, "hot", HYSTERESIS)
    assert cutoff == 0.3
    assert promise.policy == GuaranteedRate(0.3)
    few = drawn.among(drawn.lead < 8)
    cutoff, promise = choose_cutoff(HighestRate(0.3), few, "hot", HYSTERESIS)
    assert cutoff is None
    assert promise.policy == GuaranteedRate(0.1)


def test_where_no_rate_is_asked_for_warm_begins_no_higher_than_hot() -> None:
    drawn = looks(1_000, np.random.default_rng(11), boast=1.2)
    later = np.random.default_rng(0).random(len(drawn.lead)) < 0.8 * np.sqrt(drawn.bound)
    likelier = dataclasses.replace(
        drawn, bound=np.sqrt(drawn.bound), converted=drawn.converted | later
    )
    found = bands_for_promises(BandSettings(), drawn, likelier, drawn.bound)
    assert found.hot is not None
    assert found.warm is not None
    assert found.warm <= found.hot


def test_a_bundle_is_banded_by_its_calibrating_rows_alone() -> None:
    bundle = small_bundle()
    random = np.random.default_rng(12)
    rows, day = 1_500, 86_400_000_000
    matrix = np.concatenate(
        [
            feature_matrix(SPEC, random_lead(random), np.array([0]), np.array([20 * day]))
            for _ in range(rows)
        ]
    )
    spine = Spine(np.arange(rows), random.integers(0, 100, rows) * day)
    scores = bundle.scores(matrix)
    third = spine.as_of // (34 * day)
    everyone = np.ones(len(third), bool)
    split = Split(
        fit=third == 0,
        calibrate=third == 1,
        test=third == 2,
        refit=third < 2,
        fit_eligible=everyone,
        refit_eligible=everyone,
        calibrate_from=34 * day,
        test_from=68 * day,
    )
    luck = random.random(rows)
    labels = {
        "hot": Labels(14, luck < scores.hot_probability, np.ones(rows, bool)),
        "warm": Labels(90, luck < scores.warm_probability, np.ones(rows, bool)),
    }
    splits, settings = {"hot": split, "warm": split}, BandSettings()
    low = scores.hot_low, scores.warm_low
    found = fit_bands(*low, spine, labels, splits, settings)
    promise = found.promises["hot"]
    counted = split.calibrate & (scores.hot_low >= promise.line)
    assert promise.looks == counted.sum() > 0
    assert promise.positives == labels["hot"].converted[counted].sum()
    shuffled = {
        name: dataclasses.replace(one, converted=one.converted ^ ~split.calibrate)
        for name, one in labels.items()
    }
    assert fit_bands(*low, spine, shuffled, splits, settings) == found


def test_what_the_looks_do_not_bear_is_not_promised() -> None:
    drawn = looks(60, np.random.default_rng(3))
    cutoff, promise = choose_cutoff(GuaranteedRate(0.9), drawn, "hot", HYSTERESIS)
    assert cutoff is None
    assert "nobody is called hot" in promise.explanation
    nothing = drawn.among(np.zeros(len(drawn.lead), bool))
    assert choose_cutoff(GuaranteedRate(0.9), nothing, "hot", HYSTERESIS)[0] is None


def test_more_confidence_never_lowers_a_cutoff() -> None:
    drawn = looks(500, np.random.default_rng(4), boast=1.2)
    levels = (0.6, 0.8, 0.9, 0.95, 0.99)
    found = [guaranteed_cutoff(drawn, RATE, level, HYSTERESIS) or 1.0 for level in levels]
    assert found == sorted(found)


def test_outcomes_that_may_not_be_looked_at_choose_nothing() -> None:
    drawn = looks(500, np.random.default_rng(5), boast=1.2)
    known = drawn.lead < 400
    some = HeldOutLooks(drawn.bound, drawn.lead, drawn.as_of, drawn.converted, known)
    other = HeldOutLooks(drawn.bound, drawn.lead, drawn.as_of, drawn.converted | ~known, known)
    policy = GuaranteedRate(RATE)
    assert choose_cutoff(policy, some, "hot", 0.2) == choose_cutoff(policy, other, "hot", 0.2)


def test_a_call_that_must_pay_is_a_rate_that_must_hold() -> None:
    drawn = looks(800, np.random.default_rng(6), boast=1.2)
    by_money, promise = choose_cutoff(Economics(900, 270), drawn, "hot", HYSTERESIS)
    by_rate, _ = choose_cutoff(GuaranteedRate(0.3), drawn, "hot", HYSTERESIS)
    assert by_money == by_rate
    assert promise.bound is not None
    assert 900 * promise.bound >= 270


def test_a_fixed_cutoff_is_taken_as_it_is_and_its_rate_told() -> None:
    drawn = looks(800, np.random.default_rng(7))
    cutoff, promise = choose_cutoff(FixedCutoff(0.25), drawn, "warm", 0.0)
    above = drawn.among(drawn.bound >= 0.25)
    assert cutoff == 0.25
    assert (promise.looks, promise.leads) == (len(above.lead), len(np.unique(above.lead)))
    assert promise.rate == above.converted.mean()


def test_a_hot_lead_is_not_counted_as_warm() -> None:
    drawn = looks(2_000, np.random.default_rng(8))
    likelier = HeldOutLooks(
        np.sqrt(drawn.bound), drawn.lead, drawn.as_of, drawn.converted, drawn.outcome_known
    )
    found = bands_for_promises(BandSettings(warm=Capacity(5)), drawn, likelier, drawn.bound)
    assert found.hot == RATE
    assert found.promises["warm"].looks <= (drawn.bound < staying_cutoff(RATE, HYSTERESIS)).sum()


def test_bands_in_the_wrong_order_are_refused_but_not_for_noise() -> None:
    random = np.random.default_rng(9)
    band = np.repeat(["hot", "warm", "cold"], 300)
    lead = np.arange(900)
    rates = np.repeat([0.2, 0.5, 0.05], 300)
    with pytest.raises(ValueError, match=r"(?s)hot horizon at most .* called hot .* called warm"):
        require_order("hot", band, random.random(900) < rates, lead)
    require_order("hot", band, random.random(900) < np.repeat([0.3, 0.3, 0.3], 300), lead)
    require_order("warm", band[300:], random.random(600) < rates[300:], lead[300:])


def held(drawn: HeldOutLooks, cutoff: float, rate: float, allowed: float) -> bool:
    """Whether the lower bound of what a band from `cutoff` on may hold is at least the rate."""
    line = cutoff * (1 - HYSTERESIS) / (1 - HYSTERESIS * cutoff)  # odds less by the hysteresis
    inside = [i for i, bound in enumerate(drawn.bound) if bound >= line]
    low, _ = rate_bounds(drawn.converted[inside], drawn.lead[inside], 1 - allowed)
    return low >= rate


def cutoff_by_loop(drawn: HeldOutLooks, rate: float, confidence: float) -> float | None:
    """The search by its description: halve the looks and the error, then go down until it fails."""
    above = sorted((bound for bound in drawn.bound if bound >= rate), reverse=True)
    start, rows, allowed = rate, len(above), (1 - confidence) / 2
    later: list[float] = []
    while not held(drawn, start, rate, allowed):
        if rows < 2:
            return None
        half = rows // 2
        numbers = [int(half + (rows - half) * step / 16) - 1 for step in range(16)]
        tried = sorted({above[number] for number in numbers}, reverse=True)
        start, later = tried[0], tried[1:]
        rows, allowed = half, allowed / 2
    for cutoff in later:
        if not held(drawn, cutoff, rate, allowed):
            break
        start = cutoff
    return start


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_search_goes_step_by_step_as_it_is_described(seed: int, confidence: float) -> None:
    drawn = looks(150 + 40 * seed, np.random.default_rng(100 + seed), boast=0.3 * (seed % 5))
    expected = cutoff_by_loop(drawn, RATE, confidence)
    assert guaranteed_cutoff(drawn, RATE, confidence, HYSTERESIS) == expected


@pytest.mark.parametrize("seed", range(8))
def test_rates_are_tried_upwards_and_the_first_that_fails_ends_it(seed: int) -> None:
    drawn = looks(120 * (seed + 1), np.random.default_rng(200 + seed), boast=0.4 * (seed % 3))
    expected = None
    for rate in (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.42):
        if not held(drawn, rate, rate, 0.1):
            break
        expected = rate
    assert highest_rate(drawn, 0.42, 0.9, HYSTERESIS) == expected


def test_a_rate_below_the_lowest_is_tried_alone() -> None:
    drawn = looks(1_000, np.random.default_rng(3))
    assert highest_rate(drawn, 0.05, 0.9, HYSTERESIS) == 0.05


def test_a_promise_rests_on_all_looks_that_the_band_may_keep() -> None:
    drawn = looks(400, np.random.default_rng(21))
    cutoff, promise = choose_cutoff(FixedCutoff(0.3), drawn, "hot", HYSTERESIS)
    line = staying_cutoff(0.3, HYSTERESIS)
    inside = drawn.bound >= line
    assert cutoff == 0.3
    assert line < 0.3
    assert (promise.line, promise.looks) == (line, int(inside.sum()))
    assert promise.leads == len(set(drawn.lead[inside].tolist()))
    assert promise.positives == int(drawn.converted[inside].sum())
    assert promise.rate == pytest.approx(promise.positives / promise.looks)
    assert promise.bound == rate_bounds(drawn.converted[inside], drawn.lead[inside], 0.9)[0]


def test_a_promise_of_nobody_has_no_figures() -> None:
    drawn = looks(50, np.random.default_rng(22))
    _, promise = choose_cutoff(FixedCutoff(0.999999), drawn, "hot", 0.0)
    assert (promise.looks, promise.leads, promise.positives) == (0, 0, 0)
    assert promise.rate is None
    assert promise.bound is None


def test_a_cutoff_is_found_where_the_data_bear_it_in_most_repetitions(boasting: Truth) -> None:
    """The other side of the promise: a search that refused everybody would keep every promise.

    The true cut-off for the rate is known. With 800 leads at least 95 of 100 repetitions must find
    one, and half of them one that lets in a third or more of the looks that could be let in.
    """
    random = np.random.default_rng(31)
    first = int(np.flatnonzero(boasting.rate >= RATE)[-1])
    possible = boasting.bound[first]
    share = []
    for _ in range(100):
        drawn = looks(800, random, boast=1.2)
        cutoff = guaranteed_cutoff(drawn, RATE, 0.9, HYSTERESIS)
        line = 1.1 if cutoff is None else staying_cutoff(cutoff, HYSTERESIS)
        share.append((drawn.bound >= line).sum() / (drawn.bound >= possible).sum())
    assert np.mean(np.array(share) > 0) >= 0.95
    assert np.median(share) > 0.33


@pytest.mark.parametrize(("hot", "refused"), [(15, True), (40, False), (60, False)])
def test_bands_are_refused_by_their_bounds_and_not_by_their_rates(hot: int, refused: bool) -> None:
    """Of 200 hot leads `hot` converted, of 200 warm ones 60: refused only where it is sure."""
    band = np.repeat(["hot", "warm"], 200)
    converted = np.concatenate([np.arange(200) < hot, np.arange(200) < 60])
    lead = np.arange(400)
    high = rate_bounds(converted[:200], lead[:200], 0.95)[1]
    low = rate_bounds(converted[200:], lead[200:], 0.95)[0]
    assert (high < low) == refused
    if not refused:
        require_order("warm", band, converted, lead)
        return
    with pytest.raises(ValueError, match=f"{100 * high:.1f} %.*hot.*{100 * low:.1f} %.*warm"):
        require_order("warm", band, converted, lead)
