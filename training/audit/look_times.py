"""Whether the instants of the looks give the outcome away: a suspicion, nothing is left out.

The instants at which leads are looked at must not depend on what became of them. If the position in
the grid, the calendar, the hour or the trigger of a look ranks leads well by itself, part of a
model's AUC comes from there. And if leads are created at the moment they convert, no look sees them
before the outcome.
"""

from collections.abc import Iterator

import numpy as np

from features.arrays import Int64
from features.engine.history import MICROSECONDS_PER_DAY
from training.audit.leaks import (
    WORTH_A_NOTE,
    Finding,
    Grounds,
    gravest_finding,
    ranking_figures,
    share_figures,
)
from training.audit.ranking import ComparableLooks, Ranking, ranking
from training.audit.timing import LeadShare
from training.dataset.lives import SAME_MOMENT, Lives

PERIODS = 20
"""The calendar is divided into this many periods of equally many looks."""
_MANY = 0.1


def grid_findings(
    looks: ComparableLooks, first_looks: ComparableLooks, lives: Lives
) -> Iterator[Finding]:
    """Findings on the position in the grid, the calendar, the hour, and conversions at creation.

    Parameters
    ----------
    looks, first_looks : ComparableLooks
        All looks with a known outcome, and the first of each lead.
    lives : Lives
        When the leads were created and converted.
    """
    rank = np.argsort(np.argsort(looks.as_of, kind="stable"), kind="stable")
    period = rank * PERIODS // max(len(rank), 1)
    hour = first_looks.as_of // (MICROSECONDS_PER_DAY // 24) % 24
    whole_period = looks.across_ages_and_periods()
    yield _grid_finding("position", ranking(whole_period, looks.step), "the age of the lead")
    yield _grid_finding("calendar", ranking(whole_period, period), "the date: the base rate drifts")
    yield _grid_finding("hour", ranking(first_looks, hour), "the hour at which a lead is created")
    yield _won_when_created(lives)


def trigger_finding(looks: ComparableLooks, trigger: Int64) -> Finding:
    """Finding on what triggers looks, among looks at leads of one age at about the same time.

    Parameters
    ----------
    looks : ComparableLooks
        All looks with a known outcome, those of the grid and those that a trigger added.
    trigger : int64 array of shape (rows,)
        Number of the trigger that added the look; another number for looks of the grid.
    """
    return _grid_finding("triggers", ranking(looks, trigger), "the trigger that a look follows on")


def _grid_finding(name: str, by_property: Ranking, property_text: str) -> Finding:
    suspicion = ""
    if by_property.auc is not None and by_property.low > WORTH_A_NOTE:
        suspicion = f"AUC {by_property.auc:.2f} by nothing but {property_text}"
    return gravest_finding(
        name, "grid", Grounds(suspect=[suspicion]), ranking_figures("auc", by_property)
    )


def _won_when_created(lives: Lives) -> Finding:
    at_once = lives.won & (lives.converted_at <= lives.created_at + SAME_MOMENT)
    share = LeadShare.of(at_once, lives.won)
    suspicion = ""
    if share.low > _MANY:
        suspicion = (
            f"{share.count:,} of {share.total:,} conversions are the moment at which the lead was "
            "created: they were entered when they were won, and no look sees them before"
        )
    return gravest_finding(
        "won when created", "grid", Grounds(suspect=[suspicion]), share_figures("share", share)
    )
