"""Promise against result, as a sales manager would count it."""

import numpy as np
import pytest
from scipy.stats import beta
from scipy.stats import norm as normal
from scipy.stats import t as student_t

from models.bands import Bands, Promise
from models.policy import Capacity, Economics, FixedCutoff, GuaranteedRate, LimitedRate
from training.bands.results import band_promises, band_reach, promise_result
from training.card.values import to_json
from training.statistics.figures import JudgedRows

DAY = 86_400_000_000
NOBODY = np.zeros(0, bool), np.zeros(0, np.int64)


@pytest.mark.parametrize(
    ("converted", "finding", "told"),
    [
        (80, "kept", "40.0 % converted, at least 3"),
        (40, "broken", "20.0 % converted, at most 2"),
        (62, "cannot be told", "31.0 % converted, 26"),
    ],
)
@pytest.mark.parametrize(
    "policy", [GuaranteedRate(0.3), FixedCutoff(0.3), Economics(sale_value=10, call_cost=3)]
)
def test_a_rate_is_judged_by_its_bounds(policy, converted, finding, told) -> None:
    found = promise_result(policy, np.arange(200) < converted, np.arange(200), [])
    assert found.finding == finding
    assert found.sentence.startswith(told)


@pytest.mark.parametrize(
    ("converted", "finding", "told"),
    [
        (2, "kept", "1.0 % converted, at most 2"),
        (20, "broken", "10.0 % converted, at least 7"),
        (8, "cannot be told", "4.0 % converted, 2"),
    ],
)
def test_cold_keeps_its_promise_when_even_the_upper_bound_does(converted, finding, told) -> None:
    found = promise_result(LimitedRate(0.04), np.arange(200) < converted, np.arange(200), weekly=[])
    assert found.finding == finding
    assert found.sentence.startswith(told)


@pytest.mark.parametrize("seed", range(5))
def test_the_reach_of_the_bands_is_counted_in_buyers(seed: int) -> None:
    random = np.random.default_rng(seed)
    band = random.choice(["hot", "warm", "cold"], 300, p=[0.1, 0.3, 0.6])
    lead, converted = random.integers(0, 80, 300), random.random(300) < 0.3
    bands_of: dict[int, set[str]] = {}
    for one, name in zip(lead[converted].tolist(), band[converted].tolist(), strict=True):
        bands_of.setdefault(one, set()).add(name)
    expected = {
        "hot": sum("hot" in names for names in bands_of.values()),
        "warm": sum(bool(names & {"hot", "warm"}) for names in bands_of.values()),
        "cold": sum(names == {"cold"} for names in bands_of.values()),
    }
    for name, count in expected.items():
        found = band_reach(name, band, converted, lead)
        assert found is not None
        assert found.buyers == len(bands_of)
        assert found.value == pytest.approx(count / len(bands_of))
        assert found.low < found.value < found.high
    assert band_reach("hot", band, np.zeros(300, bool), lead) is None


def test_cold_answers_within_the_warm_horizon() -> None:
    promise = Promise(LimitedRate(0.1), 0.3, 100, 50, 4, 0.04, 0.07, "counted", 0.3)
    bands = Bands(0.3, 0.3, 0.2, {"cold": promise})
    lead, age, everyone = np.arange(200), np.zeros(200), np.ones(200, bool)
    judged = {
        "hot": JudgedRows(lead < 0, lead, age),
        "warm": JudgedRows(lead % 20 == 0, lead, age),
    }
    found = band_promises(
        bands, {"hot": 14, "warm": 90}, np.repeat("cold", 200), judged,
        {"hot": everyone, "warm": everyone}, lead * DAY,
    )["cold"]  # fmt: skip
    assert found.finding == "kept"
    assert found.sentence.startswith("5.0 % converted")
    assert "of 1,000 looks called cold at most 100 convert within 90 days" in found.words
    assert found.reach == 0.3


def test_a_rate_that_rests_on_few_leads_is_judged_with_care() -> None:
    converted = np.arange(200) < 80
    found = promise_result(GuaranteedRate(0.3), converted, np.arange(200) // 20, [])
    assert found.finding == "cannot be told"


def test_more_confidence_is_harder_to_satisfy() -> None:
    converted, lead = np.arange(200) < 70, np.arange(200)
    assert promise_result(GuaranteedRate(0.3, 0.9), converted, lead, []).finding == "kept"
    assert promise_result(GuaranteedRate(0.3, 0.99), converted, lead, []).finding != "kept"


def test_without_looks_nothing_can_be_told() -> None:
    assert promise_result(GuaranteedRate(0.3), *NOBODY, []).finding == "cannot be told"
    assert promise_result(Capacity(5), *NOBODY, []).finding == "cannot be told"


@pytest.mark.parametrize(("full", "finding"), [(0, "kept"), (1, "kept"), (2, "broken")])
def test_a_capacity_is_counted_week_by_week(full: int, finding: str) -> None:
    found = promise_result(Capacity(40), *NOBODY, [41] * full + [40] * (10 - full))
    assert found.finding == finding
    assert f"in {10 - full} of 10 weeks" in found.sentence


def test_each_band_answers_for_its_own_horizon_as_far_as_it_is_known() -> None:
    promise = Promise(GuaranteedRate(0.3), 0.27, 100, 50, 40, 0.4, 0.33, "tested")
    bands = Bands(0.3, 0.3, 0.2, {"hot": promise, "warm": promise})
    band = np.repeat(["hot", "warm", "warm"], 100)
    lead, age = np.arange(300), np.zeros(300)
    judged = {
        "hot": JudgedRows(np.arange(300) % 2 == 0, lead, age),
        "warm": JudgedRows((np.arange(300) % 10 == 0) | (lead >= 200), lead, age),
    }
    mature = {"hot": np.ones(300, bool), "warm": lead < 200}
    found = band_promises(
        bands, {"hot": 14, "warm": 90}, band, judged, mature, np.arange(300) * DAY
    )
    assert [found[name].finding for name in ("hot", "warm")] == ["kept", "broken"]
    assert found["warm"].sentence.startswith("10.0 % converted")
    assert "within 14 days" in found["hot"].words
    assert "within 90 days" in found["warm"].words
    assert to_json(found["hot"])["policy"] == {"rate": 0.3, "confidence": 0.9}


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_verdict_turns_where_the_exact_binomial_bounds_cross_the_promise(confidence) -> None:
    """With one look a lead the bounds are Clopper and Pearson's, but for Student's factor."""
    rows, promised = 120, 0.3
    factor = (student_t.ppf(confidence, rows - 1) / normal.ppf(confidence)) ** 2
    verdicts = []
    for converted in range(1, rows):
        design = rows / (rows - 1)  # variance over leads, with one degree of freedom less
        trials = min(rows / design, rows) / factor
        won = converted / rows * trials
        low = beta.ppf(1 - confidence, won, trials - won + 1)
        high = beta.ppf(confidence, won + 1, trials - won)
        expected = "kept" if low >= promised else "broken" if high < promised else "cannot be told"
        policy = GuaranteedRate(promised, confidence)
        found = promise_result(policy, np.arange(rows) < converted, np.arange(rows), [])
        assert found.finding == expected, converted
        verdicts.append(expected)
    assert set(verdicts) == {"kept", "broken", "cannot be told"}


@pytest.mark.parametrize(("true", "wrong"), [(0.3, "broken"), (0.2999, "kept")])
def test_a_wrong_verdict_is_as_rare_as_was_promised(true: float, wrong: str) -> None:
    """At the promise itself, 10 % of periods may be told wrong; of 400, 40 ± 6, so 58 at most."""
    random = np.random.default_rng(5)
    findings = [
        promise_result(
            GuaranteedRate(0.3, 0.9), random.random(300) < true, np.arange(300), []
        ).finding
        for _ in range(400)
    ]
    assert findings.count(wrong) <= 58


@pytest.mark.parametrize(("true", "right"), [(0.4, "kept"), (0.2, "broken")])
def test_ten_points_beside_the_promise_are_told_in_most_periods(true: float, right: str) -> None:
    """Power: 300 leads, ten points away, at 90 % confidence; 98 % of periods by the formula."""
    random = np.random.default_rng(6)
    findings = [
        promise_result(
            GuaranteedRate(0.3, 0.9), random.random(300) < true, np.arange(300), []
        ).finding
        for _ in range(200)
    ]
    assert findings.count(right) >= 180
