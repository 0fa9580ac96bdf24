"""The benchmark of lists: years add up, runs are kept, and goals are said as they are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.work import (
    YEAR_WEEKS,
    Case,
    Run,
    TrueChances,
    app,
    code_fingerprint,
    goals,
    learned_from,
    replayed,
    run_of,
    share_of_gain,
    stored_runs,
    worse_share,
)
from benchmarks.work_policies import PolicyName
from features.worlds.acting import FRESH, buying_chances, draw_firm, draw_fresh_leads
from training.team.effects import LEAST_GAIN_CHANCE

CASE = Case(seed=7, leads=2_000, hidden_bias=0.1)


def run(case: Case, gained: float, turns: float = 100.0, chance: float = 1.0) -> Run:
    """A run in which lists gain so much and true effects gain 10."""
    purchases: dict[PolicyName, float] = {
        "turns": turns,
        "learned": turns + gained,
        "gated": turns + gained,
        "true_effects": turns + 10,
    }
    return Run(case, code_fingerprint(), chance, purchases)


def test_a_year_is_the_sum_of_its_leads_by_plain_loops() -> None:
    """Three calls a week for five leads: two of them wait, cool, and are called or never are."""
    rng = np.random.default_rng(1)
    firm = draw_firm(rng, standing_follows_skill=True, people=3)
    truth = TrueChances.of(firm)
    weeks = []
    for _ in range(4):
        leads = draw_fresh_leads(rng, 5)
        weeks.append((leads.belief, leads.temperature, rng.normal(-2, 1, 5)))
    _, beliefs, _ = learned_from(firm, CASE)
    expected = 0.0
    waiting: list[tuple[np.ndarray, int]] = []
    for belief, temperature, _ in weeks:
        waiting += list(zip(belief, temperature.tolist(), strict=True))
        called, waiting = waiting[:3], waiting[3:]
        for mass, look in called:
            chances = [
                mass @ buying_chances(firm, 90, today=True)[p, look, FRESH] for p in (0, 1, 2)
            ]
            expected += sum(chances) / 3
        expected += sum(mass @ truth.bought for mass, _ in waiting)
        waiting = [(mass @ truth.stays, look) for mass, look in waiting]
    expected += sum(mass @ truth.silent for mass, _ in waiting)
    assert replayed(truth, weeks, "turns", beliefs, 1, False) == pytest.approx(expected)


def test_true_effects_gain_most_and_equal_lists_gain_nothing_where_all_are_called() -> None:
    result = run_of(CASE)
    best = result.purchases["true_effects"]
    assert all(
        best > purchases for name, purchases in result.purchases.items() if name != "true_effects"
    )
    assert result.purchases["equal"] == pytest.approx(result.purchases["turns"])
    assert result.purchases["turns"] > 2 * YEAR_WEEKS
    assert run_of(CASE) == result


def test_where_calls_are_short_the_hot_are_called_first_and_more_buy() -> None:
    short = run_of(replace(CASE, calls=3))
    assert short.purchases["equal"] > 1.1 * short.purchases["turns"]
    assert short.purchases["turns"] < run_of(CASE).purchases["turns"]


def test_equal_people_are_only_asked_whether_they_are_told_apart() -> None:
    equal = run_of(replace(CASE, are_equal=True))
    assert equal.purchases == {}
    assert 0 <= equal.gain_chance <= 1


def test_a_share_is_the_ratio_of_sums_over_firms() -> None:
    runs = [run(replace(CASE, seed=seed), gained) for seed, gained in enumerate((8, 2, -1))]
    share, low, high = share_of_gain(runs, "gated")
    assert share == pytest.approx(0.3)
    assert low == pytest.approx(-0.1)
    assert high == pytest.approx(0.8)
    assert worse_share(runs, "gated") == pytest.approx(1 / 3)


def test_goals_are_said_with_their_figures_and_missed_ones_too() -> None:
    runs = [run(replace(CASE, seed=seed), 5, chance=LEAST_GAIN_CHANCE) for seed in range(4)]
    equal = Run(replace(CASE, are_equal=True), code_fingerprint(), 0.95, {})
    assert goals([*runs, equal]) == [
        ("2,000 leads, hidden bias 0.1: learned ≥ 40% of the gain", "50.0%", True),
        ("2,000 leads, hidden bias 0.1: behind the gate ≥ 20% of the gain", "50.0%", True),
        ("2,000 leads, hidden bias 0.1: behind the gate worse than turns in ≤ 5%", "0%", True),
        ("2,000 leads, hidden bias 0.1: equal people told apart in ≤ 10%", "100%", False),
    ]
    missed = [run(replace(CASE, leads=30_000, hidden_bias=0.0), 7)]
    assert goals(missed)[0] == (
        "30,000 leads, hidden bias 0: learned ≥ 80% of the gain",
        "70.0%",
        False,
    )


def test_runs_are_kept_and_only_what_is_missing_is_run(tmp_path: Path) -> None:
    kept = tmp_path / "deep" / "work.jsonl"
    command = ["--firms", "2", "--history", "500", "--bias", "0", "--runs-file", str(kept)]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    lines = kept.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    kept.write_text("\n".join(lines[:4]) + "\n", encoding="utf-8")
    second = CliRunner().invoke(app, command)
    assert second.output == first.output
    assert kept.read_text(encoding="utf-8").splitlines() == lines
    older = kept.read_text(encoding="utf-8").replace(code_fingerprint(), "older")
    kept.write_text(older, encoding="utf-8")
    assert stored_runs(kept) == {}


def test_a_line_that_was_cut_off_is_named(tmp_path: Path) -> None:
    (tmp_path / "work.jsonl").write_text('{"case": {"se', encoding="utf-8")
    with pytest.raises(ValueError, match=r"work.jsonl, line 1 is no run .* remove the line"):
        stored_runs(tmp_path / "work.jsonl")


def test_show_runs_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--show", "--runs-file", str(tmp_path / "none.jsonl")])
    assert result.exit_code == 0
    assert not (tmp_path / "none.jsonl").exists()
