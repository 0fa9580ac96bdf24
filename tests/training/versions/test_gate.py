"""The law of the gate: what is worse, what is not, and what cannot be told."""

import dataclasses
from typing import Any

import pytest

from models.policy import GuaranteedRate
from tests.support.cards import card_of, lifelike_card
from training.bands.results import BandPromise
from training.card.schema import ModelCard
from training.statistics.figures import BandResult, Figures, ObservedRate
from training.statistics.paired import Difference
from training.versions.comparison import Comparison, HorizonComparison, ModelResult, Segment
from training.versions.gate import judge_against_baselines, judge_against_champion

EQUAL = Difference(0.0, -0.01, 0.01, 0.5)
AHEAD = Difference(0.02, 0.01, 0.03, 1.0)
BEHIND = Difference(-0.02, -0.03, -0.01, 0.0)
LEAST = 30


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
    return judge_against_champion(found, UNSURE, UNSURE, LEAST).finding


def test_equals_are_no_worse_and_pass() -> None:
    verdict = judge_against_champion(compared(), UNSURE, UNSURE, LEAST)
    assert (verdict.finding, verdict.passed) == ("no worse", True)


@pytest.mark.parametrize("figure", ["auc", "log_loss"])
@pytest.mark.parametrize("horizon", ["hot", "warm"])
def test_an_interval_wholly_on_the_wrong_side_is_worse(figure: str, horizon: str) -> None:
    verdict = judge_against_champion(
        compared(**{horizon: question(**{figure: BEHIND})}), UNSURE, UNSURE, LEAST
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
        compared(question(segments=(surely, *others))), UNSURE, UNSURE, LEAST
    )
    assert verdict.finding == "worse"
    assert "country = it" in verdict.reasons[0]


def test_a_promise_that_the_champion_does_not_break_must_not_be_broken() -> None:
    broken = side("broken")
    assert finding(compared(challenger=broken)) == "worse"
    assert finding(compared(champion=side("cannot be told"), challenger=broken)) == "worse"
    assert finding(compared(champion=broken, challenger=broken)) == "no worse"
    assert finding(compared(champion=broken)) == "no worse"


def test_bands_out_of_order_are_worse_where_the_champions_are_in_order() -> None:
    hardly_hot = side(hot=rate(0.1, 0.08, 0.12))
    assert finding(compared(challenger=hardly_hot)) == "worse"
    assert finding(compared(champion=hardly_hot, challenger=hardly_hot)) == "no worse"
    assert finding(compared(challenger=side(hot=rate(0.1, 0.02, 0.2)))) == "no worse"


def test_too_few_conversions_tell_nothing_and_the_champion_stays() -> None:
    few = compared(question(conversions=LEAST - 1, log_loss=AHEAD))
    verdict = judge_against_champion(few, UNSURE, UNSURE, LEAST)
    assert (verdict.finding, verdict.passed) == ("cannot be told", False)
    assert "fewer than the 30 of [gate] least_conversions" in verdict.reasons[0]


def test_with_too_few_conversions_what_the_own_cards_show_decides() -> None:
    few = compared(question(conversions=3))
    assert judge_against_champion(few, UNSURE, GOOD, LEAST).finding == "better"
    assert judge_against_champion(few, GOOD, GOOD, LEAST).finding == "cannot be told"
    assert judge_against_champion(few, GOOD, UNSURE, LEAST).finding == "cannot be told"


def test_too_few_conversions_in_the_longer_horizon_leave_the_shorter_one_to_decide() -> None:
    few = question(days=90, conversions=3, auc=BEHIND)
    verdict = judge_against_champion(compared(warm=few), UNSURE, UNSURE, LEAST)
    assert verdict.finding == "no worse"
    assert "Within 90 days 3 of the later leads converted" in verdict.reasons[-1]


def test_a_first_champion_must_beat_the_base_rate_and_the_age_of_a_lead() -> None:
    assert judge_against_baselines(GOOD).finding == "better"
    assert judge_against_baselines(UNSURE).finding == "cannot be told"
    assert judge_against_baselines(card(better_than=("base rate",))).finding == "cannot be told"
    beaten = card(better_than=("base rate",), beaten_by=("age only",))
    assert judge_against_baselines(beaten).finding == "worse"
