"""The triangle of value, first week and outcome: by simulated causes, and against closed forms."""

import dataclasses

import numpy as np
import pytest

from features.arrays import NEVER
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from tests.support.tables import tables_of
from training.audit.triangle import (
    LEAST_CONVERSIONS,
    Triangle,
    Witness,
    scores_of_values,
    triangle,
    witness,
)
from training.dataset.lives import Lives

LEADS = 6_000


@dataclasses.dataclass
class Drawn:
    """Leads with a warmth, the outcome that it brings about, and what their first week says."""

    random: np.random.Generator
    warmth: np.ndarray
    won: np.ndarray
    third: Witness


def drawn(seed: int, luck: np.ndarray | float = 0.0, leads: int = LEADS) -> Drawn:
    random = np.random.default_rng(seed)
    warmth = random.normal(size=leads)
    chance = 1 / (1 + np.exp(-(-2.0 + 1.2 * warmth + luck)))
    won = random.random(leads) < chance
    history = warmth + random.normal(size=leads)
    period = np.arange(leads) // 200
    outcome = won - np.array([won[period == one].mean() for one in range(period.max() + 1)])[period]
    history = (
        history
        - np.array([history[period == one].mean() for one in range(period.max() + 1)])[period]
    )
    fold = random.permutation(leads) % 5
    lead = np.arange(leads)
    return Drawn(random, warmth, won, Witness(lead, fold, period, outcome, history, int(won.sum())))


def judged(third: Witness, codes: np.ndarray) -> Triangle:
    return triangle(third, scores_of_values(third, codes))


def bins(values: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.quantile(values, np.linspace(0, 1, 11)[1:-1]), values)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_value_that_the_outcome_wrote_is_suspect(strength) -> None:
    one = drawn(0)
    written = one.won & (one.random.random(LEADS) < strength)
    found = judged(one.third, np.where(written, 3, one.random.integers(0, 3, LEADS)))
    assert found.cause == "outcome"
    assert found.low < 1 < found.high


def test_a_value_of_the_same_cause_as_the_history_is_not() -> None:
    one = drawn(1)
    found = judged(one.third, bins(one.warmth + one.random.normal(0, 0.3, LEADS)))
    assert found.cause == "other"
    assert found.low > 2


def test_a_value_of_an_independent_cause_is_not() -> None:
    rule = np.random.default_rng(5).integers(0, 2, LEADS)
    one = drawn(2, luck=3.0 * rule)
    found = judged(one.third, rule)
    assert found.cause == "other"
    assert found.high < 0.5


def test_where_the_value_is_the_cause_of_all_kappa_is_one_over_the_squared_correlation() -> None:
    """The closed form: if z says nothing of y beyond s, cov(z, y) is what goes through s."""
    random = np.random.default_rng(3)
    kind = random.integers(0, 2, 40_000)
    base = drawn(3, leads=40_000)
    won = random.random(40_000) < np.where(kind == 1, 0.6, 0.1)
    history = kind + random.normal(0, 1, 40_000)
    third = dataclasses.replace(
        base.third,
        period=np.zeros(40_000, np.int64),
        outcome=won - won.mean(),
        history=history - history.mean(),
        conversions=int(won.sum()),
    )
    found = judged(third, kind)
    expected = 1 / np.corrcoef(kind, won)[0, 1] ** 2
    assert found.kappa == pytest.approx(expected, rel=0.1)
    assert found.low < expected < found.high


@pytest.mark.long
def test_the_interval_holds_the_true_kappa_as_often_as_it_says() -> None:
    """κ is 1 for an overwritten value: 95 % of 300 intervals hold it, give or take four errors."""
    held = 0
    for seed in range(300):
        one = drawn(seed, leads=3_000)
        written = one.won & (one.random.random(3_000) < 0.6)
        found = judged(one.third, np.where(written, 2, one.random.integers(0, 2, 3_000)))
        held += found.low <= 1 <= found.high
    assert abs(held / 300 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 300)


@pytest.mark.long
def test_noise_is_called_a_value_of_no_cause() -> None:
    """One-sided at 99.9 %: of 200 columns of noise at most three foretell the outcome."""
    one = drawn(4)
    causes = [judged(one.third, one.random.integers(0, 6, LEADS)).cause for _ in range(200)]
    assert sum(cause != "none" for cause in causes) <= 3


def test_a_weak_history_cannot_tell() -> None:
    one = drawn(5)
    noise = one.random.normal(size=LEADS)
    third = dataclasses.replace(one.third, history=noise - noise.mean())
    found = judged(third, one.won.astype(np.int64))
    assert (found.cause, found.kappa) == ("unknown", None)
    assert found.correlation == pytest.approx(1.0, abs=0.01)


def test_with_few_conversions_it_cannot_be_told() -> None:
    one = drawn(6)
    third = dataclasses.replace(one.third, conversions=LEAST_CONVERSIONS - 1)
    assert judged(third, one.won.astype(np.int64)) == Triangle("unknown", None, None, None, None)


def test_the_score_of_a_value_is_its_mean_outcome_in_the_other_folds() -> None:
    one = drawn(8, leads=500)
    codes = one.random.integers(0, 3, 500)
    found = scores_of_values(one.third, codes)
    for lead in range(0, 500, 37):
        same = (codes == codes[lead]) & (one.third.fold != one.third.fold[lead])
        expected = one.third.outcome[same].sum() / (same.sum() + 10)
        assert found[lead] == pytest.approx(expected, abs=1e-12)


def days(values: list[float | None]) -> np.ndarray:
    return np.array([NEVER if one is None else round(one * DAY) for one in values], np.int64)


def test_the_witness_asks_leads_that_ended_after_their_first_week() -> None:
    #         won,  won early, lost, lost early, open, won young
    created = [0.0, 0.0, 0.0, 0.0, 0.0, 80.0]
    converted = [20.0, 6.0, None, None, None, 95.0]
    ended = [20.0, 6.0, 30.0, 5.0, None, 95.0]
    tables = tables_of(
        [{"lead_id": f"L{one}", "created_at": at} for one, at in enumerate(created)], end_day=100
    )
    lives = Lives(days(created), days(converted), days(ended), 100 * DAY)
    assert witness(tables, lives, 30).lead.tolist() == [0, 2]
    without_losses = dataclasses.replace(lives, ended_at=lives.converted_at)
    assert witness(tables, without_losses, 30).lead.tolist() == [0, 2, 3, 4]
    assert len(witness(tables, lives, 101).lead) == 0


def test_the_witness_hears_the_first_week_alone_and_not_the_creation() -> None:
    random = np.random.default_rng(7)
    leads, events, ends = [], [], []
    for one in range(1_000):
        wins, created = one % 4 == 0, one / 10
        leads.append({"lead_id": f"L{one}", "created_at": created})
        ends.append((created, created + 30 if wins else None, created + 30))
        telling = {"lead_id": f"L{one}", "kind": "call"}
        if random.random() < (0.8 if wins else 0.2):
            events += [{**telling, "occurred_at": created}, {**telling, "occurred_at": created + 8}]
        if random.random() < (0.8 if wins else 0.2):
            events.append({**telling, "occurred_at": created + 3})
    lives = Lives(*(days(list(column)) for column in zip(*ends, strict=True)), 300 * DAY)
    third = witness(tables_of(leads, events, end_day=300), lives, 30)
    assert third.conversions == 250
    assert third.speaks
    muted = [event for event in events if not _in_first_week(event, leads)]
    assert muted
    assert not witness(tables_of(leads, muted, end_day=300), lives, 30).speaks


def _in_first_week(event: dict, leads: list[dict]) -> bool:
    created = leads[int(event["lead_id"][1:])]["created_at"]
    return created < event["occurred_at"] < created + 7
