"""Each law of the leak audit, just kept and just broken."""

import pytest

from training.audit.leaks import (
    TOO_GOOD,
    WORTH_A_WARNING,
    filled_late_reason,
    gives_away_reason,
    gravest_finding,
    hopeless_reason,
    late_reason,
    learned_later_warning,
    nearly_too_good_warning,
    ranking_figures,
    share_figures,
    too_good_reason,
)
from training.audit.ranking import Ranking
from training.audit.timing import LeadShare, Timing

NOBODY = LeadShare(0, 0)
BASE = LeadShare(2_000, 10_000)


def times(known_late: LeadShare) -> Timing:
    return Timing(
        won=NOBODY,
        lost=NOBODY,
        open=NOBODY,
        known_late=known_late,
        late_won=NOBODY,
        near_won=NOBODY,
    )


def test_the_thresholds_are_those_of_normal_distributions_a_whole_and_half_a_deviation_apart():
    assert pytest.approx(0.7602, abs=5e-5) == TOO_GOOD
    assert pytest.approx(0.6382, abs=5e-5) == WORTH_A_WARNING


@pytest.mark.parametrize(
    ("count", "total", "broken"),
    [(900, 1_000, True), (899, 1_000, False), (10, 10, False), (20, 20, True), (0, 0, False)],
)
def test_late_is_nine_in_ten_and_surely_more_than_half(count, total, broken):
    assert bool(late_reason(times(LeadShare(count, total)))) is broken


@pytest.mark.parametrize(
    ("auc", "low", "reason", "warning"),
    [
        (0.9, TOO_GOOD + 0.001, True, False),
        (0.9, TOO_GOOD, False, True),
        (0.9, WORTH_A_WARNING + 0.001, False, True),
        (0.9, WORTH_A_WARNING, False, False),
        (TOO_GOOD, 0.7, False, False),
    ],
)
def test_too_good_is_surely_above_the_threshold_and_a_warning_where_that_is_unsure(
    auc, low, reason, warning
):
    ranking = Ranking(auc, low, 0.95)
    assert bool(too_good_reason(ranking)) is reason
    assert bool(nearly_too_good_warning(ranking)) is warning


def test_without_an_auc_nothing_is_too_good():
    ranking = Ranking(None, 0.0, 1.0)
    assert not too_good_reason(ranking)
    assert not nearly_too_good_warning(ranking)
    assert not learned_later_warning(ranking, Ranking(0.9, 0.8, 0.95))
    assert not learned_later_warning(Ranking(0.6, 0.5, 0.7), ranking)


def test_it_gives_the_outcome_away_where_nine_tenths_of_the_doubt_are_surely_gone():
    # One in five converts: 1 − low must be below 0.08.
    assert LeadShare(980, 1_000).low > 0.92 > LeadShare(940, 1_000).low
    assert "980 of 1,000 leads with 'x' convert, against 20.0 % of all" in gives_away_reason(
        LeadShare(980, 1_000), BASE, "leads with 'x'"
    )
    assert not gives_away_reason(LeadShare(940, 1_000), BASE, "leads with 'x'")
    assert not gives_away_reason(LeadShare(980, 1_000), NOBODY, "leads with 'x'")


def test_it_is_hopeless_where_nine_tenths_of_the_hope_are_surely_gone():
    # One in five converts: the upper end must be below 0.02.
    assert LeadShare(4, 1_000).high < 0.02 < LeadShare(9, 1_000).high
    assert "4 of 1,000" in hopeless_reason(LeadShare(4, 1_000), BASE, "leads without a value")
    assert not hopeless_reason(LeadShare(9, 1_000), BASE, "leads without a value")
    assert not hopeless_reason(LeadShare(4, 1_000), NOBODY, "leads without a value")


def test_it_is_filled_at_the_end_where_open_leads_have_it_a_tenth_as_often():
    ended = LeadShare(950, 1_000)
    limit = ended.low / 10
    assert LeadShare(50, 1_000).high < limit < LeadShare(80, 1_000).high
    assert "the last 14 days 95.0 % have a value" in filled_late_reason(
        ended, LeadShare(50, 1_000), 14
    )
    assert not filled_late_reason(ended, LeadShare(80, 1_000), 14)
    assert not filled_late_reason(NOBODY, NOBODY, 14)


def test_what_is_stored_today_is_warned_of_where_it_surely_says_more_than_what_was_known():
    as_known = Ranking(0.65, 0.6, 0.7)
    assert "0.90" in learned_later_warning(as_known, Ranking(0.9, 0.71, 0.95))
    assert not learned_later_warning(as_known, Ranking(0.9, 0.7, 0.95))
    weak = Ranking(0.5, 0.45, 0.55)
    assert not learned_later_warning(weak, Ranking(0.7, WORTH_A_WARNING, 0.8))
    assert learned_later_warning(weak, Ranking(0.7, WORTH_A_WARNING + 0.001, 0.8))


@pytest.mark.parametrize(
    ("reasons", "warnings", "verdict", "text"),
    [
        (["", "a", "b"], ["w"], "quarantined", "a; b"),
        (["", ""], ["w", ""], "warning", "w"),
        ([""], [""], "clear", ""),
    ],
)
def test_a_reason_outweighs_every_warning(reasons, warnings, verdict, text):
    finding = gravest_finding("tier", "attribute", reasons, warnings, {"auc": 0.5})
    assert (finding.verdict, finding.reason) == (verdict, text)
    assert finding.quarantined is (verdict == "quarantined")


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
