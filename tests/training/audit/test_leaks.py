"""Each law of the leak audit, just kept and just broken."""

import pytest

from training.audit.ageing import OpenLeadsWithValue
from training.audit.clock import Correlation, Truncation
from training.audit.echo import Agreement
from training.audit.leaks import (
    WORTH_A_NOTE,
    Finding,
    Grounds,
    clock_reason,
    echo_reason,
    is_the_sale_reason,
    late_reason,
    learned_later_note,
    only_on_ended_reason,
    partial_echo_suspicion,
    ranking_figures,
    share_figures,
    truncation_reason,
    untold_text,
    written_by_outcome_suspicion,
)
from training.audit.overwriting import MissingShare
from training.audit.ranking import Ranking
from training.audit.timing import LeadShare, Timing
from training.audit.triangle import Triangle

NOBODY = LeadShare(0, 0)
BASE = LeadShare(2_000, 10_000)
SURE = Ranking(0.8, 0.6, 0.9)


def times(known_late: LeadShare, within_day_won: LeadShare = NOBODY) -> Timing:
    return Timing(
        won=NOBODY,
        lost=NOBODY,
        open=NOBODY,
        known_late=known_late,
        late_won=NOBODY,
        near_won=NOBODY,
        within_day_won=within_day_won,
        days_before_won=None,
    )


def test_the_threshold_of_a_note_is_that_of_normal_distributions_half_a_deviation_apart():
    assert pytest.approx(0.6382, abs=5e-5) == WORTH_A_NOTE


@pytest.mark.parametrize(
    ("count", "total", "broken"),
    [(900, 1_000, True), (899, 1_000, False), (10, 10, False), (20, 20, True), (0, 0, False)],
)
def test_late_is_nine_in_ten_and_surely_more_than_half(count, total, broken):
    assert bool(late_reason(times(LeadShare(count, total)))) is broken


def test_without_an_auc_nothing_is_learned_later():
    ranking = Ranking(None, 0.0, 1.0)
    assert not learned_later_note(ranking, Ranking(0.9, 0.8, 0.95))
    assert not learned_later_note(Ranking(0.6, 0.5, 0.7), ranking)


@pytest.mark.parametrize(
    ("won_after", "within_day", "broken"),
    [
        # One in five converts: 1 − low must be below 0.08.
        (LeadShare(980, 1_000), LeadShare(900, 1_000), True),
        (LeadShare(940, 1_000), LeadShare(900, 1_000), False),
        (LeadShare(980, 1_000), LeadShare(899, 1_000), False),
        (LeadShare(980, 1_000), LeadShare(10, 10), False),
        (LeadShare(980, 1_000), LeadShare(0, 1_000), False),
        (LeadShare(980, 1_000), NOBODY, False),
    ],
)
def test_it_is_the_sale_where_it_is_as_sure_and_comes_within_a_day(won_after, within_day, broken):
    found = is_the_sale_reason(won_after, BASE, times(NOBODY, within_day))
    assert bool(found) is broken
    assert not is_the_sale_reason(won_after, NOBODY, times(NOBODY, within_day))


def test_the_reason_that_it_is_the_sale_has_both_figures():
    reason = is_the_sale_reason(LeadShare(980, 1_000), BASE, times(NOBODY, LeadShare(950, 1_000)))
    assert "980 of 1,000 leads that have it before an outcome convert, against 20.0 %" in reason
    assert "of 1,000 leads that convert, 950 had it first within a day" in reason


def test_an_echo_names_the_quantity_that_it_equals():
    other = Agreement("the last interaction's kind", "category", LeadShare(500, 1_000), 0.5)
    echo = Agreement("the number of interactions", "number", LeadShare(999, 1_000), 0.1)
    assert echo_reason([other, echo]) == (
        "it equals the number of interactions as of the export in 999 of 1,000 leads"
    )
    assert not echo_reason([other])
    assert not echo_reason([])


def test_a_partial_echo_is_suspected_with_its_share_and_that_of_chance():
    half = Agreement("the number of interactions", "number", LeadShare(500, 1_000), 0.1)
    word = Agreement("the last interaction's kind", "category", LeadShare(500, 1_000), 0.1)
    text = partial_echo_suspicion([word, half])
    assert "in 500 of 1,000 leads, against 10.0 % by chance" in text
    assert not partial_echo_suspicion([word])


def test_a_clock_names_the_outcome_and_its_lower_bound():
    clock, none = Correlation(0.8, 0.46, 300), Correlation(0.8, 0.45, 300)
    assert "among 300 converted leads" in clock_reason(clock, none)
    assert "among 300 lost leads" in clock_reason(none, clock)
    assert "0.80, at least 0.46" in clock_reason(none, clock)
    assert not clock_reason(none, Correlation(None, None, 3))


def test_a_truncated_column_has_the_expected_and_the_seen_number():
    assert truncation_reason(Truncation(40.4, 3)).startswith("40 of its instants should lie beyond")
    assert not truncation_reason(Truncation(40.4, 5))


def test_a_value_only_on_ended_leads_has_the_expected_and_the_seen_number():
    few = OpenLeadsWithValue("client", 2, 30.0, -5.0, -4.0)
    assert only_on_ended_reason(few) == (
        "30 young leads with 'client' should still be open, and 2 are: it is written when a lead "
        "ends"
    )
    assert not only_on_ended_reason(OpenLeadsWithValue("client", 2, 30.0, -3.9, -4.0))
    assert not only_on_ended_reason(None)


OVERWRITTEN, HONEST, UNSURE = MissingShare(1.0, 0.2), MissingShare(0.1, 0.2), MissingShare(0.5, 1.0)


@pytest.mark.parametrize(
    ("third", "missing", "suspected", "untold"),
    [
        (Triangle("outcome", 1.02, 0.9, 1.1, 0.5), OVERWRITTEN, True, True),
        (Triangle("outcome", 1.02, 0.9, 1.1, 0.5), UNSURE, False, True),
        (Triangle("outcome", 1.02, 0.9, 1.1, 0.5), None, False, True),
        (Triangle("outcome", 1.02, 0.9, 1.1, 0.5), HONEST, False, False),
        (Triangle("unknown", 1.2, 0.1, 2.3, 0.5), OVERWRITTEN, True, True),
        (Triangle("unknown", None, None, None, 0.5), OVERWRITTEN, True, True),
        (Triangle("unknown", None, None, None, 0.5), None, False, True),
        (Triangle("unknown", None, None, None, None), OVERWRITTEN, False, True),
        (Triangle("other", 4.0, 3.0, 5.0, 0.5), OVERWRITTEN, False, False),
        (Triangle("none", None, None, None, 0.01), OVERWRITTEN, False, False),
    ],
)
def test_a_suspect_is_missing_in_open_leads_and_the_history_does_not_clear_it(
    third, missing, suspected, untold
):
    suspicion, text = (
        written_by_outcome_suspicion(third, missing),
        untold_text(third, missing, SURE),
    )
    assert (bool(suspicion), bool(text)) == (suspected, untold)
    if suspicion:
        assert "λ 1.00, at least 0.67" in suspicion
        if third.kappa is not None:
            assert f"κ {third.kappa:.2f} ({third.low:.2f}–{third.high:.2f})" in suspicion


def test_without_conversions_it_cannot_be_told_of_what_foretells_the_outcome_alone():
    third = Triangle("unknown", None, None, None, None)
    assert untold_text(third, None, SURE)
    assert not untold_text(third, None, Ranking(0.6, 0.5, 0.7))
    assert not untold_text(third, None, Ranking(None, 0.0, 1.0))


def test_more_leaks_and_notes_stand_beside_the_others():
    grounds = Grounds(["a"], ["s"], ["u"], ["n"]).and_also(["b"], ["t"], ["m"])
    assert grounds == Grounds(("b", "a"), ("t", "s"), ["u"], ("n", "m"))


@pytest.mark.parametrize(
    ("verdict", "left_out"),
    [("leak", True), ("dropped", True), ("allowed", False), ("suspect", False), ("clear", False)],
)
def test_a_leak_and_what_is_dropped_by_hand_are_left_out(verdict, left_out):
    assert Finding("tier", "attribute", verdict, "", {}).quarantined is left_out


def test_figures_carry_their_interval_and_their_leads():
    assert ranking_figures("auc", Ranking(0.6, 0.5, 0.7)) == {
        "auc": 0.6,
        "auc_low": 0.5,
        "auc_high": 0.7,
    }
    share = LeadShare(30, 100)
    assert share_figures("late", share) == {
        "late": 0.3,
        "late_low": share.low,
        "late_high": share.high,
        "late_leads": 100,
    }
