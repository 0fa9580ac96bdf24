"""Whether leads that have bought since an earlier export had values changed that others had not.

An attribute that is said to be known at creation should never change. If it changes as often in
leads that were sold since as in others, somebody tidies up; if it changes more often in leads that
were sold, or that ended, the outcome writes it. Fisher's exact test says whether that is beyond
chance. Where nothing is found, it says from which share of overwritten sales on it would have been.

References
----------
R. A. Fisher, *Statistical Methods for Research Workers*, 5th edition (1934), section 21.02.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, hypergeom

from features.arrays import NEVER
from features.export.first_seen import NOT_SEEN, FirstSeen, digests_of
from features.spine import ended_at, microseconds
from features.tables import Tables
from training.audit.timing import LeadShare

LEAST_CHANCE = 0.0005
"""A test's chance to call an honest column; there are two tests of a column, by sale and by end."""
SURE_TO_NOTICE = 0.8
"""Chance to notice that the noticeable share stands for."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How often a column changed since leads were first seen, by what became of them.

    Parameters
    ----------
    sold, unsold : LeadShare
        Leads whose value changed, of those that have bought since and of all others.
    ended, still_open : LeadShare
        The same of those that have bought or been closed since, and of those that are open.
    """

    sold: LeadShare
    unsold: LeadShare
    ended: LeadShare
    still_open: LeadShare

    @property
    def goes_with(self) -> str:
        """What the changes go with beyond chance: "sale", "end", or nothing."""
        if chance_of(self.sold, self.unsold) < LEAST_CHANCE:
            return "sale"
        if chance_of(self.ended, self.still_open) < LEAST_CHANCE:
            return "end"
        return ""

    @property
    def noticeable(self) -> float | None:
        """Share of sales that, overwritten, would probably be noticed; None where none would."""
        return noticeable_share(self.sold.total, self.unsold)


def rewritings(tables: Tables, earlier: FirstSeen) -> dict[str, Rewriting]:
    """Changes of each column of the leads since they were first seen, by name.

    Parameters
    ----------
    tables : Tables
        The export of today.
    earlier : FirstSeen
        What earlier exports held of leads that were open.
    """
    lead = digests_of(tables.leads["lead_id"], "lead_id", earlier.key)
    _, rows, earlier_rows = np.intersect1d(lead, earlier.lead, return_indices=True)
    seen_at = earlier.seen_at[earlier_rows]
    sold, ended = (
        np.asarray((instant[rows] > seen_at) & (instant[rows] < NEVER), np.bool_)
        for instant in (microseconds(tables.leads["converted_at"]), ended_at(tables))
    )
    if not ended.any():
        return {}
    changes_by_column: dict[str, Rewriting] = {}
    for name, cells in earlier.cells.items():
        if name not in tables.attribute_kinds or name not in tables.leads.column_names:
            continue
        first_cells = cells[earlier_rows]
        changed = digests_of(tables.leads[name], name, earlier.key)[rows] != first_cells
        comparable = first_cells != NOT_SEEN
        groups = (sold, ~sold, ended, ~ended)
        changes_by_column[name] = Rewriting(
            *(LeadShare.of(changed, comparable & group) for group in groups)
        )
    return changes_by_column


def chance_of(first: LeadShare, second: LeadShare) -> float:
    """Chance of so many changes in the first group, or more, if both groups are alike.

    Parameters
    ----------
    first, second : LeadShare
        Changed leads of two groups.

    Examples
    --------
    >>> round(chance_of(LeadShare(3, 4), LeadShare(1, 4)), 4)  # Fisher's lady tasting tea
    0.2429
    """
    changed = first.count + second.count
    if not first.total or not second.total:
        return 1.0
    return float(hypergeom.sf(first.count - 1, first.total + second.total, changed, first.total))


def noticeable_share(sold: int, unsold: LeadShare) -> float | None:
    """Share of sales whose overwriting would be noticed with `SURE_TO_NOTICE`.

    Parameters
    ----------
    sold : int
        Leads that have bought.
    unsold : LeadShare
        Changed leads among the others.
    """
    for changed in range(1, sold + 1):
        if chance_of(LeadShare(changed, sold), unsold) < LEAST_CHANCE:
            if changed == sold:
                return 1.0
            return float(beta.ppf(SURE_TO_NOTICE, changed, sold - changed + 1))
    return None


def rewriting_reason(changes: Rewriting | None) -> str:
    """Why a column is a leak by what changed in it; empty where it is none.

    Parameters
    ----------
    changes : Rewriting or None
        Its changes; None where no earlier export has it.
    """
    if changes is None or not changes.goes_with:
        return ""
    pair = (
        (changes.sold, changes.unsold)
        if changes.goes_with == "sale"
        else (changes.ended, changes.still_open)
    )
    since = "been sold" if changes.goes_with == "sale" else "ended"
    return (
        f"since an earlier export its value has changed in {pair[0].count:,} of {pair[0].total:,} "
        f"leads that have {since} since then, and in {pair[1].count:,} of {pair[1].total:,} others"
    )


def rewriting_figures(changes: Rewriting | None) -> Mapping[str, float | int | None]:
    """Figures of a finding; empty where no earlier export has the column.

    Parameters
    ----------
    changes : Rewriting or None
        Its changes.
    """
    if changes is None:
        return {}
    return {
        "rewritten_sold": changes.sold.share,
        "rewritten_sold_leads": changes.sold.total,
        "rewritten_others": changes.unsold.share,
        "rewritten_others_leads": changes.unsold.total,
        "rewritten_noticeable": changes.noticeable,
    }
