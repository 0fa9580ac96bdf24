"""What counts as knowing the future: the laws of the leak audit, each with its threshold.

A name is quarantined for one of five reasons. `training.audit.ranking` and `training.audit.timing`
compute the figures that the laws compare.

1. **Late** (whatever carries times: interactions, the log of attributes, columns of instants): of
   the leads with an outcome that have it, at least nine in ten, and beyond chance more than half,
   had it first with the outcome or later.
2. **Too good** (what stood there at creation): it alone ranks leads better than
   AUC = Φ(1/√2) = 0.760, beyond chance. That is the AUC of two normal distributions whose means lie
   one standard deviation apart. Whole models of sales leads, made of dozens of signals, reach about
   as much.
3. **Gives it away**: one of its values, or any value, takes away nine tenths of the doubt, beyond
   chance: 1 − P(converts | seen) < (1 − P(converts)) / 10. Conversion at any time counts here.
4. **Hopeless** (columns of the leads): a value, or its absence, takes away nine tenths of the hope,
   beyond chance: P(converts | filled or not) < P(converts) / 10. This is how a column looks that is
   filled in for clients only, or for lost leads only.
5. **Filled at the end** (columns of the leads): leads that ended in the export's last days have a
   value, and leads that stayed open have one at most a tenth as often, beyond chance.

"Beyond chance" means the end of a 99.9 % interval, because dozens of names are examined at once.
With few conversions the intervals are wide and nothing is quarantined. A true signal may be strong
late in a lead's life, so strength counts only against what stood there at creation.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

from training.audit.ranking import Ranking
from training.audit.timing import LeadShare, Timing

TOO_GOOD = NormalDist().cdf(1 / math.sqrt(2))
"""AUC of two normal distributions whose means lie one standard deviation apart, 0.760."""
WORTH_A_WARNING = NormalDist().cdf(0.5 / math.sqrt(2))
"""The same for half a standard deviation, 0.638."""
A_TENTH = 0.1
"""What may be left of the doubt, of the hope, or of the open leads with a value."""

InteractionField = Literal["kind", "outcome", "channel"]
AUDITED_FIELDS: tuple[InteractionField, ...] = get_args(InteractionField)
"""Fields of the interactions whose values are examined."""
Subject = Literal["attribute", "kind", "outcome", "channel", "grid"]
"""What carries the name that a finding is about."""
Verdict = Literal["quarantined", "allowed", "warning", "clear"]
FindingFigures = Mapping[str, float | int | str | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the audit says of one name.

    Parameters
    ----------
    name : str
        Name of an attribute, value of a field of the interactions, or property of the grid.
    what : {"attribute", "kind", "outcome", "channel", "grid"}
        What carries the name.
    verdict : {"quarantined", "allowed", "warning", "clear"}
        Left out of training; used because the configuration allows it; used, but worth a look;
        nothing found.
    reason : str
        Why, in words; empty when clear.
    figures : mapping of str to float, int, str or None
        The numbers behind the verdict, by name.
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


def gravest_finding(
    name: str,
    subject: Subject,
    reasons: Sequence[str],
    warnings: Sequence[str],
    figures: FindingFigures,
) -> Finding:
    """Finding with the gravest verdict that there is a reason for; empty texts do not count."""
    verdict: Verdict = "quarantined" if any(reasons) else "warning" if any(warnings) else "clear"
    texts = [text for text in (reasons if any(reasons) else warnings) if text]
    return Finding(name, subject, verdict, "; ".join(texts), figures)


def late_reason(times: Timing) -> str:
    """Why the first law is broken; empty where it is not."""
    share = times.known_late.share
    if share is None or share < 1 - A_TENTH or times.known_late.low <= 0.5:
        return ""
    return (
        f"of {times.known_late.total:,} leads with an outcome that have it, "
        f"{times.known_late.count:,} had it first with the outcome or after it"
    )


def too_good_reason(ranking: Ranking) -> str:
    """Why the second law is broken; empty where it is not."""
    if ranking.auc is None or ranking.low <= TOO_GOOD:
        return ""
    return (
        f"it alone ranks leads at AUC {ranking.auc:.2f} ({ranking.low:.2f}–{ranking.high:.2f}); "
        f"what is known at creation does not exceed {TOO_GOOD:.2f}, so it was probably written "
        "later"
    )


def nearly_too_good_warning(ranking: Ranking) -> str:
    """Warning where the second law would be broken, were there more conversions to be sure."""
    if (
        ranking.auc is None
        or ranking.auc <= TOO_GOOD
        or not WORTH_A_WARNING < ranking.low <= TOO_GOOD
    ):
        return ""
    return (
        f"it alone ranks leads at AUC {ranking.auc:.2f}, but {ranking.low:.2f} is possible too "
        "with so few conversions: ask who fills it in, and when"
    )


def gives_away_reason(share: LeadShare, base: LeadShare, of: str) -> str:
    """Why the third law is broken; empty where it is not."""
    if base.share is None or 1 - share.low >= A_TENTH * (1 - base.share):
        return ""
    return f"{share.count:,} of {share.total:,} {of} convert, against {_percent(base.share)} of all"


def hopeless_reason(share: LeadShare, base: LeadShare, of: str) -> str:
    """Why the fourth law is broken; empty where it is not."""
    if base.share is None or share.high >= A_TENTH * base.share:
        return ""
    return (
        f"{share.count:,} of {share.total:,} {of} convert, against {_percent(base.share)} of all: "
        "whether it is filled in follows from the outcome"
    )


def filled_late_reason(ended_lately: LeadShare, still_open: LeadShare, days: int) -> str:
    """Why the fifth law is broken; empty where it is not."""
    if still_open.high >= A_TENTH * ended_lately.low:
        return ""
    return (
        f"of the leads that ended in the last {days} days {_percent(ended_lately.share)} have a "
        f"value, of those that stayed open {_percent(still_open.share)}: it is filled at the end"
    )


def learned_later_warning(as_known: Ranking, as_stored_today: Ranking) -> str:
    """Warning where what is stored today says more of the outcome than what was known."""
    if (
        as_known.auc is None
        or as_stored_today.auc is None
        or as_stored_today.low <= max(as_known.high, WORTH_A_WARNING)
    ):
        return ""
    return (
        f"as stored today it ranks leads at AUC {as_stored_today.auc:.2f}, as known at the look at "
        f"{as_known.auc:.2f}: never make a column of what stands there today"
    )


def ranking_figures(name: str, ranking: Ranking) -> FindingFigures:
    """AUC and its interval."""
    return {
        name: ranking.auc,
        f"{name}_low": ranking.low,
        f"{name}_high": ranking.high,
    }


def share_figures(name: str, share: LeadShare) -> FindingFigures:
    """Share, its interval and the number of leads."""
    return {
        name: share.share,
        f"{name}_low": share.low,
        f"{name}_high": share.high,
        f"{name}_leads": share.total,
    }


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
