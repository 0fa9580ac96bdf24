"""The law of the gate: what is worse, what is not, and what cannot be told.

Each rule is held from both sides: just below its threshold it passes, just above it fails. The
thresholds come from closed forms with SciPy's normal quantiles, or from plain loops over all cases.
"""

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from models.policy import GuaranteedRate, LimitedRate
from tests.support.cards import card_of, lifelike_card
from training.bands.results import BandPromise
from training.card.schema import ModelCard
from training.config import GateSettings
from training.statistics.figures import BandResult, Figures, ObservedRate
from training.statistics.paired import Difference
from training.versions.comparison import Comparison, HorizonComparison, ModelResult, Segment
from training.versions.gate import judge_against_baselines, judge_against_champion

EQUAL = Difference(0.0, -0.01, 0.01, 0.5)
AHEAD = Difference(0.02, 0.01, 0.03, 1.0)
BEHIND = Difference(-0.02, -0.03, -0.01, 0.0)
LEAST = 30
SETTINGS = GateSettings(least_conversions=LEAST)
HALF_WIDTH = 0.01
"""Half of a difference's own 95 % interval."""
NEAR = 1e-9
"""Distance from a threshold on either side."""


def rate(observed: float, low: float, high: float) -> ObservedRate:
    return ObservedRate(observed, observed, low, high, rows=100, leads=80, positives=10)


def promise(finding: Any) -> BandPromise:
    return BandPromise(
        policy=GuaranteedRate(0.3),
        line=0.25,
        looks=100,
        leads=60,
        positives=40,
        rate=0.4,
        bound=0.3,
        explanation="tested",
        reach=0.45,
        words="at least 30 %",
        finding=finding,
        sentence="12 % did",
    )


def side(finding: str = "kept", hot: ObservedRate | None = None) -> ModelResult:
    nothing = Figures(None, None, None, None)
    rates = {"hot": hot or rate(0.4, 0.3, 0.5), "warm": rate(0.2, 0.15, 0.25)}
    rates["cold"] = rate(0.02, 0.01, 0.03)
    return ModelResult(
        version="2026-01-01-abc",
        figures={"hot": nothing, "warm": nothing},
        calibration_error={"hot": None, "warm": None},
        bands={name: BandResult(100, 80, found, found) for name, found in rates.items()},
        promises={"hot": promise(finding)},
    )


def question(**changed: Any) -> HorizonComparison:
    told: dict[str, Any] = {"days": 14, "looks": 900, "leads": 500, "conversions": 60}
    told |= {"auc": EQUAL, "log_loss": EQUAL, "rank_correlation": 0.9, "segments": ()}
    told["champion_gain"] = 1.0  # so large that no loss here comes near the margin
    return HorizonComparison(**(told | changed))


def compared(
    hot: HorizonComparison | None = None,
    warm: HorizonComparison | None = None,
    champion: ModelResult | None = None,
    challenger: ModelResult | None = None,
) -> Comparison:
    return Comparison(
        since="2026-01-01T00:00:00+00:00",
        until="2026-03-01T00:00:00+00:00",
        champion=champion or side(),
        challenger=challenger or side(),
        questions={"hot": hot or question(), "warm": warm or question(days=90)},
        changed_band=0.1,
        notes=(),
    )


def card(better_than: tuple[str, ...] = (), beaten_by: tuple[str, ...] = ()) -> ModelCard:
    values = lifelike_card()
    values["horizons"]["hot"] |= {"better_than": list(better_than), "beaten_by": list(beaten_by)}
    return card_of(values)


GOOD = card(better_than=("base rate", "age only", "tags"))
UNSURE = card()


def finding(found: Comparison) -> str:
    return judge_against_champion(found, UNSURE, UNSURE, SETTINGS, {}).finding


def test_equals_are_no_worse_and_pass() -> None:
    verdict = judge_against_champion(compared(), UNSURE, UNSURE, SETTINGS, {})
    assert (verdict.finding, verdict.passed) == ("no worse", True)


@pytest.mark.parametrize("figure", ["auc", "log_loss"])
@pytest.mark.parametrize("horizon", ["hot", "warm"])
def test_an_interval_wholly_on_the_wrong_side_is_worse(figure: str, horizon: str) -> None:
    verdict = judge_against_champion(
        compared(**{horizon: question(**{figure: BEHIND})}), UNSURE, UNSURE, SETTINGS, {}
    )
    assert (verdict.finding, verdict.passed) == ("worse", False)
    assert "worse by 0.0200 (0.0100 to 0.0300)" in verdict.reasons[0]


def test_a_better_log_loss_never_makes_up_for_what_is_worse() -> None:
    assert finding(compared(question(log_loss=AHEAD))) == "better"
    assert finding(compared(question(log_loss=AHEAD), question(auc=BEHIND))) == "worse"


@pytest.mark.parametrize("figure", ["auc", "log_loss"])
def test_four_figures_are_looked_at_so_one_that_is_hardly_worse_is_chance(figure: str) -> None:
    hardly = question(**{figure: Difference(-0.010, -0.019, -0.001, 0.02)})
    assert finding(compared(hardly)) == "no worse"


def test_one_of_many_segments_is_worse_only_beyond_the_chance_of_them_all() -> None:
    hardly = Segment("country", "it", 50, Difference(-0.012, -0.023, -0.001, 0.01))
    others = [
        dataclasses.replace(hardly, level=str(i), log_loss=Difference(0, -0.01, 0.01, 0.5))
        for i in range(40)
    ]
    assert finding(compared(question(segments=(hardly,)))) == "worse"
    assert finding(compared(question(segments=(hardly, *others)))) == "no worse"
    surely = dataclasses.replace(hardly, log_loss=Difference(-0.05, -0.06, -0.04, 0))
    verdict = judge_against_champion(
        compared(question(segments=(surely, *others))), UNSURE, UNSURE, SETTINGS, {}
    )
    assert verdict.finding == "worse"
    assert "country = it" in verdict.reasons[0]


def test_a_promise_that_the_champion_does_not_break_must_not_be_broken() -> None:
    broken = side("broken")
    assert finding(compared(challenger=broken)) == "worse"
    assert finding(compared(champion=side("cannot be told"), challenger=broken)) == "worse"
    assert finding(compared(champion=broken, challenger=broken)) == "no worse"
    assert finding(compared(champion=broken)) == "no worse"


def test_what_cold_was_measured_to_promise_refuses_nobody() -> None:
    cold = dataclasses.replace(promise("broken"), policy=LimitedRate(0.01))
    broken = dataclasses.replace(side(), promises={"cold": cold})
    assert finding(compared(challenger=broken)) == "no worse"


def test_bands_out_of_order_are_worse_where_the_champions_are_in_order() -> None:
    hardly_hot = side(hot=rate(0.1, 0.08, 0.12))
    assert finding(compared(challenger=hardly_hot)) == "worse"
    assert finding(compared(champion=hardly_hot, challenger=hardly_hot)) == "no worse"
    assert finding(compared(challenger=side(hot=rate(0.1, 0.02, 0.2)))) == "no worse"


def test_too_few_conversions_tell_nothing_and_the_champion_stays() -> None:
    few = compared(question(conversions=LEAST - 1, log_loss=AHEAD))
    verdict = judge_against_champion(few, UNSURE, UNSURE, SETTINGS, {})
    assert (verdict.finding, verdict.passed) == ("cannot be told", False)
    assert "fewer than the 30 of [gate] least_conversions" in verdict.reasons[0]


def test_with_too_few_conversions_what_the_own_cards_show_decides() -> None:
    few = compared(question(conversions=3))
    assert judge_against_champion(few, UNSURE, GOOD, SETTINGS, {}).finding == "better"
    assert judge_against_champion(few, GOOD, GOOD, SETTINGS, {}).finding == "cannot be told"
    assert judge_against_champion(few, GOOD, UNSURE, SETTINGS, {}).finding == "cannot be told"


def test_too_few_conversions_in_the_longer_horizon_leave_the_shorter_one_to_decide() -> None:
    few = question(days=90, conversions=3, auc=BEHIND)
    verdict = judge_against_champion(compared(warm=few), UNSURE, UNSURE, SETTINGS, {})
    assert verdict.finding == "no worse"
    assert "Within 90 days 3 of the later leads converted" in verdict.reasons[-1]


def test_a_first_champion_must_beat_the_base_rate_and_the_age_of_a_lead() -> None:
    assert judge_against_baselines(GOOD).finding == "better"
    assert judge_against_baselines(UNSURE).finding == "cannot be told"
    assert judge_against_baselines(card(better_than=("base rate",))).finding == "cannot be told"
    beaten = card(better_than=("base rate",), beaten_by=("age only",))
    assert judge_against_baselines(beaten).finding == "worse"


def difference(advantage: float, half_width: float = HALF_WIDTH) -> Difference:
    return Difference(advantage, advantage - half_width, advantage + half_width, 0.5)


def threshold(count: int) -> float:
    """Advantage whose interval for `count` differences at once ends at zero (Bonferroni)."""
    standard_error = HALF_WIDTH / norm.ppf(0.975)
    return float(norm.isf(0.025 / count)) * standard_error


@pytest.mark.parametrize(("beyond", "conclusion"), [(-NEAR, "no worse"), (NEAR, "worse")])
@pytest.mark.parametrize("figure", ["auc", "log_loss"])
@pytest.mark.parametrize("horizon", ["hot", "warm"])
def test_each_of_four_figures_is_worse_from_its_threshold_on(
    horizon: str, figure: str, beyond: float, conclusion: str
) -> None:
    behind = difference(-threshold(4) - beyond)
    assert finding(compared(**{horizon: question(**{figure: behind})})) == conclusion


@pytest.mark.parametrize(("beyond", "conclusion"), [(-NEAR, "no worse"), (NEAR, "worse")])
def test_where_one_horizon_decides_two_figures_share_the_chance(
    beyond: float, conclusion: str
) -> None:
    undecided = question(days=90, conversions=LEAST - 1)
    hot = question(auc=difference(-threshold(2) - beyond))
    assert finding(compared(hot, undecided)) == conclusion
    assert finding(compared(hot, question(days=90, conversions=LEAST))) == "no worse"


@pytest.mark.parametrize(("beyond", "conclusion"), [(-NEAR, "no worse"), (NEAR, "better")])
@pytest.mark.parametrize("horizon", ["hot", "warm"])
def test_log_loss_alone_makes_a_challenger_better_from_its_threshold_on(
    horizon: str, beyond: float, conclusion: str
) -> None:
    ahead = difference(threshold(4) + beyond)
    assert finding(compared(**{horizon: question(log_loss=ahead)})) == conclusion
    assert finding(compared(**{horizon: question(auc=ahead)})) == "no worse"


@pytest.mark.parametrize(("beyond", "conclusion"), [(-NEAR, "no worse"), (NEAR, "worse")])
@pytest.mark.parametrize(("hot", "warm"), [(1, 0), (1, 1), (3, 2), (0, 7)])
def test_a_segment_is_worse_from_the_threshold_of_all_segments_on(
    hot: int, warm: int, beyond: float, conclusion: str
) -> None:
    """Segments of both horizons share one chance."""
    behind = Segment("country", "it", 50, difference(-threshold(hot + warm) - beyond))
    others = [Segment("country", str(i), 50, EQUAL) for i in range(hot + warm - 1)]
    everyone = [behind, *others] if hot else [*others, behind]
    found = compared(
        question(segments=tuple(everyone[:hot])), question(days=90, segments=tuple(everyone[hot:]))
    )
    assert finding(found) == conclusion


def loss_bound(advantage: float, horizons: int) -> float:
    """Largest loss that cannot be ruled out, by one-sided tests that share a chance of 2.5 %."""
    return threshold(horizons) - advantage


@pytest.mark.parametrize(("beyond", "conclusion"), [(-NEAR, "cannot be told"), (NEAR, "no worse")])
@pytest.mark.parametrize("horizon", ["hot", "warm"])
@pytest.mark.parametrize("given_up", [0.0, 0.04])
def test_no_worse_is_who_surely_loses_less_than_what_is_left_of_the_margin(
    given_up: float, horizon: str, beyond: float, conclusion: str
) -> None:
    gain = loss_bound(-0.002, 2) / (SETTINGS.margin - given_up)
    behind = question(log_loss=difference(-0.002), champion_gain=gain + beyond)
    found = compared(**{horizon: behind})
    verdict = judge_against_champion(found, UNSURE, UNSURE, SETTINGS, {horizon: given_up})
    assert verdict.finding == conclusion
    assert verdict.given_up[horizon] == pytest.approx(given_up + 0.002 / behind.champion_gain)


def test_what_may_be_worse_tells_how_many_conversions_would_decide() -> None:
    hot = question(log_loss=difference(0.0), champion_gain=0.05)
    verdict = judge_against_champion(compared(hot), UNSURE, UNSURE, SETTINGS, {"hot": 0.02})
    allowed = (0.1 - 0.02) * 0.05
    assert verdict.finding == "cannot be told"
    assert f"allows {allowed:.4f}" in verdict.reasons[0]
    assert "less 2% that earlier champions gave up" in verdict.reasons[0]
    needed = hot.conversions * (threshold(2) / allowed) ** 2
    assert f"About {needed:,.0f} conversions would decide" in verdict.reasons[0]


def test_small_losses_add_up_and_what_is_won_back_is_taken_off() -> None:
    """Each loses 1 % of the gain, not surely; the sum may not pass the margin."""
    slightly = question(log_loss=Difference(-0.001, -0.0025, 0.0005, 0.1), champion_gain=0.1)
    given_up: dict[str, float] = {}
    promoted = 0
    while True:
        verdict = judge_against_champion(compared(slightly), UNSURE, UNSURE, SETTINGS, given_up)
        if not verdict.passed:
            break
        given_up = dict(verdict.given_up)
        promoted += 1
        assert given_up["hot"] == pytest.approx(0.01 * promoted)
    assert 5 <= promoted <= 9
    ahead = compared(question(log_loss=difference(0.02), champion_gain=0.1))
    verdict = judge_against_champion(ahead, UNSURE, UNSURE, SETTINGS, given_up)
    assert (verdict.finding, verdict.given_up["hot"]) == ("better", 0.0)


@pytest.mark.parametrize("gain", [None, 0.0, -0.01])
def test_a_champion_that_gains_nothing_has_nothing_to_lose(gain: float | None) -> None:
    found = compared(question(champion_gain=gain), question(days=90, champion_gain=gain))
    verdict = judge_against_champion(found, UNSURE, UNSURE, SETTINGS, {"hot": 0.05})
    assert (verdict.finding, verdict.given_up) == ("no worse", {"hot": 0.05})


def test_segments_of_a_horizon_with_too_few_conversions_neither_decide_nor_count() -> None:
    behind = Segment("country", "it", 50, difference(-threshold(1) - NEAR))
    undecided = question(days=90, conversions=LEAST - 1, segments=(behind, behind))
    assert finding(compared(warm=undecided)) == "no worse"
    assert finding(compared(question(segments=(behind,)), undecided)) == "worse"


@pytest.mark.parametrize(("colder", "hotter"), [("cold", "warm"), ("cold", "hot"), ("warm", "hot")])
@pytest.mark.parametrize(("gap", "conclusion"), [(0.0, "no worse"), (NEAR, "worse")])
def test_two_bands_are_out_of_order_where_their_intervals_part(
    colder: str, hotter: str, gap: float, conclusion: str
) -> None:
    everywhere = BandResult(100, 80, rate(0.5, 0.0, 1.0), None)
    bands = {
        "cold": everywhere,
        "warm": everywhere,
        "hot": everywhere,
        colder: BandResult(100, 80, rate(0.4, 0.3, 0.5), None),
        hotter: BandResult(100, 80, rate(0.2, 0.1, 0.3 - gap), None),
    }
    found = compared(challenger=dataclasses.replace(side(), bands=bands))
    assert finding(found) == conclusion
    unseen = bands | {hotter: BandResult(0, 0, None, None)}
    assert finding(compared(challenger=dataclasses.replace(side(), bands=unseen))) == "no worse"


FINDINGS = ("kept", "cannot be told", "broken")


@pytest.mark.parametrize(
    ("by_champion", "by_challenger"), list(itertools.product(FINDINGS, repeat=2))
)
def test_of_all_pairs_only_a_promise_newly_broken_is_worse(
    by_champion: str, by_challenger: str
) -> None:
    newly_broken = by_challenger == "broken" and by_champion != "broken"
    found = compared(champion=side(by_champion), challenger=side(by_challenger))
    assert (finding(found) == "worse") == newly_broken
    promised_more = compared(
        champion=dataclasses.replace(side(), promises={}), challenger=side(by_challenger)
    )
    assert (finding(promised_more) == "worse") == (by_challenger == "broken")


@pytest.mark.parametrize(("conversions", "decides"), [(LEAST - 1, False), (LEAST, True)])
@pytest.mark.parametrize("horizon", ["hot", "warm"])
def test_a_horizon_decides_from_the_least_number_of_conversions_on(
    horizon: str, conversions: int, decides: bool
) -> None:
    behind = question(conversions=conversions, auc=BEHIND)
    assert (finding(compared(**{horizon: behind})) == "worse") == decides


SUBSETS = [(), ("base rate",), ("age only",), ("base rate", "age only")]


@pytest.mark.parametrize(("hot", "warm"), list(itertools.product(SUBSETS, repeat=2)))
def test_baselines_decide_by_a_plain_loop_over_all_cases(
    hot: tuple[str, ...], warm: tuple[str, ...]
) -> None:
    """Both must be beaten within one horizon; to lose to either of them anywhere is worse."""
    better, beaten = lifelike_card(), lifelike_card()
    for name, rivals in (("hot", hot), ("warm", warm)):
        better["horizons"][name] |= {"better_than": list(rivals), "beaten_by": []}
        beaten["horizons"][name] |= {"better_than": SUBSETS[-1], "beaten_by": list(rivals)}
    both_beaten = any(len(rivals) == 2 for rivals in (hot, warm))
    expected = "better" if both_beaten else "cannot be told"
    assert judge_against_baselines(card_of(better)).finding == expected
    expected = "worse" if hot or warm else "better"
    assert judge_against_baselines(card_of(beaten)).finding == expected


@st.composite
def differences(draw: st.DrawFn) -> Difference | None:
    if draw(st.integers(0, 5)) == 0:
        return None
    return difference(draw(st.floats(-0.02, 0.02)), draw(st.floats(0.001, 0.02)))


@st.composite
def questions(draw: st.DrawFn) -> HorizonComparison:
    measured = st.builds(difference, st.floats(-0.02, 0.02), st.floats(0.001, 0.02))
    segments = st.builds(Segment, st.just("country"), st.just("it"), st.just(50), measured)
    return question(
        conversions=draw(st.sampled_from([LEAST - 1, LEAST, 500])),
        auc=draw(differences()),
        log_loss=draw(differences()),
        segments=tuple(draw(st.lists(segments, max_size=4))),
    )


def surely(value: Difference | None, count: int, sign: int) -> bool:
    """Whether the interval that `count` differences share lies on one side of zero."""
    if value is None:
        return False
    widening = norm.isf(0.025 / count) / norm.ppf(0.975)
    half = widening * (value.high - value.low) / 2
    return value.advantage - half > 0 if sign > 0 else value.advantage + half < 0


@given(questions(), questions())
def test_any_two_horizons_get_the_finding_of_a_plain_loop(
    hot: HorizonComparison, warm: HorizonComparison
) -> None:
    deciding = [one for one in (hot, warm) if one.conversions >= LEAST]
    worse = better = False
    for one in deciding:
        for figure in (one.auc, one.log_loss):
            worse |= surely(figure, 2 * len(deciding), -1)
        better |= surely(one.log_loss, 2 * len(deciding), 1)
        for segment in one.segments:
            worse |= surely(segment.log_loss, sum(len(d.segments) for d in deciding), -1)
    expected = "worse" if worse else "better" if better else "no worse"
    if not worse and hot.conversions < LEAST:
        expected = "cannot be told"
    assert finding(compared(hot, warm)) == expected
