"""What counts as knowing the future: the laws of the leak audit, each with its threshold.

The audit asks *when* a value came to stand there, never how good it is: a strong honest signal is
what a model is made for. Its verdicts are grades, and only the first one removes anything.

**Leak.** Times show that the value was written with the outcome or after it.

1. *Late* (whatever carries times: interactions, the log of attributes, columns of instants): of
   the leads with an outcome that have it, at least nine in ten, and beyond chance more than half,
   had it first with the outcome or later.
2. *It is the sale* (interactions and the log): it takes away nine tenths of the doubt, beyond
   chance, 1 − P(converts | seen) < (1 − P(converts)) / 10, **and** of the converted leads that have
   it, at least nine in ten, and beyond chance more than half, had it first within a day of the
   conversion. A value that is as sure and comes days earlier is an honest sign.
3. *An echo* (columns of the leads): it equals the number, the last instant or the last word of the
   lead's interactions as of the export (`training.audit.echo`).
4. *A clock* (columns of numbers and instants): given the creation, it rises with the instant at
   which leads ended (`training.audit.clock`). An instant that lies beyond the export's end as often
   as it should is an appointment and no clock.
5. *Truncated* (columns of instants): none lies beyond the export's end where many should
   (`training.audit.clock`).
6. *Only on ended leads* (what stood there at creation, as far as the export says): young leads with
   the value are open less than half as often as older ones were at their age
   (`training.audit.ageing`).

7. *Rewritten* (columns of the leads): since an earlier export it has changed more often in leads
   that were sold or ended meanwhile than in others (`training.audit.rewriting`).

**Suspect.** What the value says of the outcome is missing in leads that are still open
(`training.audit.overwriting`), and it goes with the first week's history as one could that the
outcome has written (`training.audit.triangle`), but no time proves it. It is used, and somebody
should ask who fills it in, and when. So is a number or an instant that repeats the log in a part of
the leads.

**Cannot be told.** The value foretells the outcome, and the export has too few sales or too little
timed history to say why.

**Clear.** Nothing was found.

"Beyond chance" means the end of a 99.9 % interval, because dozens of names are examined at once.
With few conversions the intervals are wide and nothing is left out.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

from training.audit.ageing import OpenLeadsWithValue
from training.audit.clock import Correlation, Truncation
from training.audit.echo import Agreement
from training.audit.overwriting import MissingShare
from training.audit.ranking import Ranking
from training.audit.timing import LeadShare, Timing
from training.audit.triangle import Triangle

WORTH_A_NOTE = NormalDist().cdf(0.5 / math.sqrt(2))
"""AUC of two normal distributions whose means lie half a standard deviation apart, 0.638."""
A_TENTH = 0.1
"""What may be left of the doubt."""

InteractionField = Literal["kind", "outcome", "channel"]
AUDITED_FIELDS: tuple[InteractionField, ...] = get_args(InteractionField)
"""Fields of the interactions whose values are examined."""
Subject = Literal["attribute", "kind", "outcome", "channel", "grid"]
"""What carries the name that a finding is about."""
Verdict = Literal["leak", "dropped", "allowed", "suspect", "cannot be told", "clear"]
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
    verdict : {"leak", "dropped", "allowed", "suspect", "cannot be told", "clear"}
        Left out of training because times show that it knows the outcome; left out because the
        configuration drops it; used because the configuration allows it; used, but somebody should
        ask who fills it in; too little to say; nothing found.
    reason : str
        Why, in words. A clear finding may carry a note.
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
        return self.verdict in ("leak", "dropped")


@dataclass(frozen=True, slots=True)
class Grounds:
    """Texts that speak for each verdict on one name; empty texts do not count.

    Parameters
    ----------
    leak, suspect, cannot_be_told : sequence of str
        Reasons for these verdicts.
    note : sequence of str
        What is worth knowing though nothing speaks against the name.
    """

    leak: Sequence[str] = ()
    suspect: Sequence[str] = ()
    cannot_be_told: Sequence[str] = ()
    note: Sequence[str] = ()

    def and_also(
        self, leak: Sequence[str] = (), suspect: Sequence[str] = (), note: Sequence[str] = ()
    ) -> "Grounds":
        """The same, and more reasons for a leak or a suspicion, and notes."""
        return Grounds(
            (*leak, *self.leak),
            (*suspect, *self.suspect),
            self.cannot_be_told,
            (*self.note, *note),
        )


def gravest_finding(
    name: str, subject: Subject, grounds: Grounds, figures: FindingFigures
) -> Finding:
    """Finding with the gravest verdict that there is a reason for."""
    grades: tuple[tuple[Verdict, Sequence[str]], ...] = (
        ("leak", grounds.leak),
        ("suspect", grounds.suspect),
        ("cannot be told", grounds.cannot_be_told),
        ("clear", grounds.note),
    )
    for verdict, texts in grades:
        if any(texts):
            return Finding(
                name, subject, verdict, "; ".join(text for text in texts if text), figures
            )
    return Finding(name, subject, "clear", "", figures)


def late_reason(times: Timing) -> str:
    """Why the first law is broken; empty where it is not."""
    share = times.known_late.share
    if share is None or share < 1 - A_TENTH or times.known_late.low <= 0.5:
        return ""
    return (
        f"of {times.known_late.total:,} leads with an outcome that have it, "
        f"{times.known_late.count:,} had it first with the outcome or after it"
    )


def is_the_sale_reason(won_after: LeadShare, base: LeadShare, times: Timing) -> str:
    """Why the second law is broken; empty where it is not.

    Parameters
    ----------
    won_after : LeadShare
        Leads that convert, among those that have the value before an outcome.
    base : LeadShare
        Leads that convert, among all.
    times : Timing
        When the value was first known.
    """
    if base.share is None or 1 - won_after.low >= A_TENTH * (1 - base.share):
        return ""
    within_day = times.within_day_won
    if within_day.share is None or within_day.share < 1 - A_TENTH or within_day.low <= 0.5:
        return ""
    return (
        f"{won_after.count:,} of {won_after.total:,} leads that have it before an outcome convert, "
        f"against {_percent(base.share)} of all; of {within_day.total:,} leads that convert, "
        f"{within_day.count:,} had it first within a day of it: it is the sale"
    )


def echo_reason(agreements: Iterable[Agreement]) -> str:
    """Why the third law is broken; empty where it is not."""
    for agreement in agreements:
        if agreement.is_echo:
            return (
                f"it equals {agreement.quantity} as of the export in {agreement.equal.count:,} of "
                f"{agreement.equal.total:,} leads"
            )
    return ""


def partial_echo_suspicion(agreements: Iterable[Agreement]) -> str:
    """Suspicion that a part of a column repeats the log; empty where there is none."""
    for agreement in agreements:
        if agreement.is_partial_echo:
            return (
                f"it equals {agreement.quantity} as of the export in {agreement.equal.count:,} of "
                f"{agreement.equal.total:,} leads, against {_percent(agreement.by_chance)} by "
                "chance: ask whether it is kept up to date"
            )
    return ""


def clock_reason(won: Correlation, lost: Correlation) -> str:
    """Why the fourth law is broken; empty where it is not."""
    for outcome, correlation in (("converted", won), ("lost", lost)):
        if correlation.is_clock:
            return (
                f"among {correlation.leads:,} {outcome} leads it rises with the instant at which "
                f"they ended: rank correlation {correlation.value:.2f}, at least "
                f"{correlation.low:.2f}"
            )
    return ""


def truncation_reason(beyond: Truncation) -> str:
    """Why the fifth law is broken; empty where it is not."""
    if not beyond.is_truncated:
        return ""
    return (
        f"{beyond.expected:,.0f} of its instants should lie beyond the end of the export, and "
        f"{beyond.found_beyond:,} do: it is written when it happens"
    )


def only_on_ended_reason(open_leads: OpenLeadsWithValue | None) -> str:
    """Why the sixth law is broken; empty where it is not."""
    if open_leads is None or not open_leads.too_few:
        return ""
    return (
        f"{open_leads.expected:,.0f} young leads with '{open_leads.value}' should still be open, "
        f"and {open_leads.still_open:,} are: it is written when a lead ends"
    )


def written_by_outcome_suspicion(third: Triangle, missing: MissingShare | None) -> str:
    """Suspicion that the outcome wrote a value; empty where there is none.

    The first week's history must not speak against it, and what the value says of the outcome must
    be missing in open leads.

    Parameters
    ----------
    third : Triangle
        What the first week's history says.
    missing : MissingShare or None
        What open leads say.
    """
    possible = third.cause in ("outcome", "unknown") and third.correlation is not None
    if not possible or missing is None or not missing.is_that_of_overwriting:
        return ""
    kappa = "" if third.kappa is None else f", {_kappa_text(third)}"
    return (
        "what it says of the outcome is missing in leads that are still open: "
        f"λ {missing.share:.2f}, at least {missing.low:.2f}, where 0 is a value from creation and "
        f"1 one that the sale writes{kappa}: ask who fills it in, and when"
    )


def untold_text(third: Triangle, missing: MissingShare | None, ranking: Ranking) -> str:
    """Why it cannot be told whether the outcome has written a value; empty where it can.

    Parameters
    ----------
    third : Triangle
        What the first week's history says.
    missing : MissingShare or None
        What open leads say.
    ranking : Ranking
        Ranking by the value, which says whether it foretells the outcome where too few leads with
        a first week converted.
    """
    if third.cause not in ("outcome", "unknown"):
        return ""
    if third.correlation is None and ranking.low <= 0.5:
        return ""
    if missing is not None and missing.high < 1:
        return ""
    if third.kappa is None:
        return (
            "it foretells the outcome, and too few sales or too little of the first week's history "
            "say whether the outcome has written it"
        )
    return (
        "it foretells the outcome, and neither the first week's history nor open leads decide "
        f"whether the outcome has written it: {_kappa_text(third)}"
    )


def _kappa_text(third: Triangle) -> str:
    return f"κ {third.kappa:.2f} ({third.low:.2f}–{third.high:.2f})"


def learned_later_note(as_known: Ranking, as_stored_today: Ranking) -> str:
    """Note where what is stored today says more of the outcome than what was known."""
    if (
        as_known.auc is None
        or as_stored_today.auc is None
        or as_stored_today.low <= max(as_known.high, WORTH_A_NOTE)
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
