"""Whether the instants of the looks give the label away: a warning, never a quarantine.

The instants at which leads are looked at must be blind to what became of them. If the position in
the grid, the calendar, the hour or what triggered a look ranks leads well by itself, a model's AUC
is partly theirs; if leads are created the moment they convert, no look sees them before.
"""

from collections.abc import Iterator

import numpy as np

from features.arrays import Int64
from features.engine.history import MICROSECONDS_PER_DAY
from training.audit.leaks import (
    WORTH_A_WARNING,
    Finding,
    gravest_finding,
    ranking_figures,
    share_figures,
)
from training.audit.ranking import ComparableLooks, Ranking, ranking
from training.audit.timing import LeadShare
from training.dataset.lives import SAME_MOMENT, Lives

PERIODS = 20
"""The calendar is looked at in so many periods of equally many looks."""
_MANY = 0.1


def grid_findings(
    looks: ComparableLooks, first_looks: ComparableLooks, lives: Lives
) -> Iterator[Finding]:
    """Findings on the grid.

    Parameters
    ----------
    looks, first_looks : ComparableLooks
        All looks with a known outcome, and the first of each lead.
    lives : Lives
    """
    rank = np.argsort(np.argsort(looks.as_of, kind="stable"), kind="stable")
    period = rank * PERIODS // max(len(rank), 1)
    hour = first_looks.as_of // (MICROSECONDS_PER_DAY // 24) % 24
    everywhere = looks.across_ages_and_periods()
    yield _by_itself("position", ranking(everywhere, looks.step), "the age of the lead")
    yield _by_itself("calendar", ranking(everywhere, period), "the date: the base rate drifts")
    yield _by_itself("hour", ranking(first_looks, hour), "the hour at which a lead is created")
    yield _won_when_created(lives)


def trigger_finding(looks: ComparableLooks, trigger: Int64) -> Finding:
    """Finding on what triggers looks, among looks at leads of one age at about the same time.

    Parameters
    ----------
    looks : ComparableLooks
        All looks with a known outcome, those of the grid and those that follow on a trigger.
    trigger : int64 array of shape (rows,)
        Which trigger each look follows on; another number for the grid.
    """
    return _by_itself("triggers", ranking(looks, trigger), "the trigger that a look follows on")


def _by_itself(name: str, found: Ranking, what: str) -> Finding:
    warning = ""
    if found.auc is not None and found.low > WORTH_A_WARNING:
        warning = f"AUC {found.auc:.2f} by nothing but {what}"
    return gravest_finding(name, "grid", [], [warning], ranking_figures("auc", found))


def _won_when_created(lives: Lives) -> Finding:
    at_once = lives.won & (lives.converted_at <= lives.created_at + SAME_MOMENT)
    share = LeadShare.of(at_once, lives.won)
    warning = ""
    if share.low > _MANY:
        warning = (
            f"{share.part:,} of {share.whole:,} conversions are the moment at which the lead was "
            "created: they were entered when they were won, and no look sees them before"
        )
    return gravest_finding("won when created", "grid", [], [warning], share_figures("share", share))
