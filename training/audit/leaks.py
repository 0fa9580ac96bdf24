"""What counts as knowing the future: the laws of the leak audit, each with its threshold.

Something is quarantined for one of five reasons; `training.audit.ranking` and
`training.audit.timing` count.

1. **Late** (what carries times: interactions, the log of attributes, columns of instants): of the
   leads with an outcome that have it nine in ten, and beyond chance more than half, had it first
   with the outcome or later.
2. **Too good** (what stood there at creation): it alone ranks leads better than
   AUC = Φ(1/√2) = 0.760, beyond chance. Of two normal distributions that is one standard deviation
   apart; whole models of sales leads, made of dozens of signals, reach about as much.
3. **Gives it away**: with one of its values, or any, nine tenths of the doubt are gone, beyond
   chance: 1 − P(converts | seen) < (1 − P(converts)) / 10. Conversion at any time counts here.
4. **Hopeless** (columns of the leads): with a value, or without one, nine tenths of the hope are
   gone, beyond chance: P(converts | filled or not) < P(converts) / 10. So looks what is filled in
   for clients, or for those who were lost.
5. **Filled at the end** (columns of the leads): those that ended in the export's last days have a
   value, and those that stayed open have one at most a tenth as often, beyond chance.

"Beyond chance" is the end of a 99.9 % interval, because dozens of names are examined at once; with
few conversions the intervals are wide and nothing is quarantined. A true signal may be strong late
in a lead's life, so strength counts only against what stood there at creation.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal, get_args

from training.audit.ranking import Ranking
from training.audit.timing import LeadShare, Timing

TOO_GOOD = NormalDist().cdf(1 / math.sqrt(2))
"""AUC of two normal distributions that lie one standard deviation apart, 0.760."""
WORTH_A_WARNING = NormalDist().cdf(0.5 / math.sqrt(2))
"""The same for half a standard deviation, 0.638."""
A_TENTH = 0.1

InteractionField = Literal["kind", "outcome", "channel"]
FIELDS: tuple[InteractionField, ...] = get_args(InteractionField)
"""Fields of the interactions whose values are examined."""
Subject = Literal["attribute", "kind", "outcome", "channel", "grid"]
Verdict = Literal["quarantined", "allowed", "warning", "clear"]
FindingFigures = Mapping[str, float | int | str | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the audit says of one name.

    Parameters
    ----------
    name : str
        Of an attribute, a value of a field of the interactions, or a property of the grid.
    what : {"attribute", "kind", "outcome", "channel", "grid"}
        What carries the name.
    verdict : {"quarantined", "allowed", "warning", "clear"}
        Left out; used because the configuration allows it; used, but look at it; nothing found.
    reason : str
        Why, in words; empty when clear.
    figures : mapping of str to float, int, str or None
        The numbers behind it.
    """

    name: str
    what: Subject
    verdict: Verdict
    reason: str
    figures: FindingFigures

    @property
    def quarantined(self) -> bool:
        """Whether it is left out."""
        return self.verdict == "quarantined"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**dataclasses.asdict(self), "figures": dict(self.figures)}


def gravest_finding(
    name: str,
    what: Subject,
    reasons: Sequence[str],
    warnings: Sequence[str],
    figures: FindingFigures,
) -> Finding:
    """Finding with the gravest verdict that there is a reason for; empty texts are none."""
    verdict: Verdict = "quarantined" if any(reasons) else "warning" if any(warnings) else "clear"
    said = [text for text in (reasons if any(reasons) else warnings) if text]
    return Finding(name, what, verdict, "; ".join(said), figures)


def late_reason(times: Timing) -> str:
    """Reason by the first law; empty where it is kept."""
    share = times.late.share
    if share is None or share < 1 - A_TENTH or times.late.low <= 0.5:
        return ""
    return (
        f"of {times.late.whole:,} leads with an outcome that have it, {times.late.part:,} had it "
        "first with the outcome or after it"
    )


def too_good_reason(found: Ranking) -> str:
    """Reason by the second law; empty where it is kept."""
    if found.auc is None or found.low <= TOO_GOOD:
        return ""
    return (
        f"it alone ranks leads at AUC {found.auc:.2f} ({found.low:.2f}–{found.high:.2f}); what is "
        f"known at creation does not exceed {TOO_GOOD:.2f}, so it was probably written later"
    )


def nearly_too_good_warning(found: Ranking) -> str:
    """Warning where the second law would be broken, were there more conversions to be sure."""
    if found.auc is None or found.auc <= TOO_GOOD or not WORTH_A_WARNING < found.low <= TOO_GOOD:
        return ""
    return (
        f"it alone ranks leads at AUC {found.auc:.2f}, but {found.low:.2f} is possible too with so "
        "few conversions: ask who fills it in, and when"
    )


def gives_away_reason(share: LeadShare, base: LeadShare, of: str) -> str:
    """Reason by the third law; empty where it is kept."""
    if base.share is None or 1 - share.low >= A_TENTH * (1 - base.share):
        return ""
    return f"{share.part:,} of {share.whole:,} {of} convert, against {_percent(base.share)} of all"


def hopeless_reason(share: LeadShare, base: LeadShare, of: str) -> str:
    """Reason by the fourth law; empty where it is kept."""
    if base.share is None or share.high >= A_TENTH * base.share:
        return ""
    return (
        f"{share.part:,} of {share.whole:,} {of} convert, against {_percent(base.share)} of all: "
        "whether it is filled in follows from the outcome"
    )


def filled_late_reason(ended_lately: LeadShare, open_still: LeadShare, days: int) -> str:
    """Reason by the fifth law; empty where it is kept."""
    if open_still.high >= A_TENTH * ended_lately.low:
        return ""
    return (
        f"of the leads that ended in the last {days} days {_percent(ended_lately.share)} have a "
        f"value, of those that stayed open {_percent(open_still.share)}: it is filled at the end"
    )


def learned_later_warning(then: Ranking, today: Ranking) -> str:
    """Warning where what is stored today says more of the outcome than what was known."""
    if then.auc is None or today.auc is None or today.low <= max(then.high, WORTH_A_WARNING):
        return ""
    return (
        f"as stored today it ranks leads at AUC {today.auc:.2f}, as known at the look at "
        f"{then.auc:.2f}: never make a column of what stands there today"
    )


def ranking_figures(name: str, found: Ranking) -> FindingFigures:
    """AUC and its interval."""
    return {name: found.auc, f"{name}_low": found.low, f"{name}_high": found.high}


def share_figures(name: str, found: LeadShare) -> FindingFigures:
    """Share, its interval and the number of leads."""
    return {
        name: found.share,
        f"{name}_low": found.low,
        f"{name}_high": found.high,
        f"{name}_leads": found.whole,
    }


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
