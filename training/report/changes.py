"""What changed since an earlier report: the same figures, side by side.

Counts simply change. A share that was measured has changed for sure only where the intervals of
then and now have nothing in common; that is stricter than it need be, so little is called a change
that is chance.
"""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from training.report.figures import Change, Changes, ReportSummary
from training.statistics.incidence import MedianEstimate
from training.statistics.rates import RateEstimate

Figure: TypeAlias = float | RateEstimate | MedianEstimate | None
Unit: TypeAlias = Literal["count", "share", "order", "days", "hours"]


def _hours(summary: ReportSummary) -> MedianEstimate | None:
    speed = summary.practice.speed if summary.practice else None
    return speed.hours if speed else None


def _horizon(summary: ReportSummary) -> int | None:
    return summary.practice.horizon_days if summary.practice else None


About: TypeAlias = Callable[[ReportSummary], int | None]
FIGURES: Mapping[str, tuple[Unit, Callable[[ReportSummary], Figure], About]] = {
    "leads": ("count", lambda s: s.leads, lambda _: None),
    "conversions": ("count", lambda s: s.conversions, lambda _: None),
    "open hot leads": (
        *("count", lambda s: s.today.bands[0].leads if s.today else None, lambda _: None),
    ),
    "hot looks that bought": ("share", lambda s: s.bands[0].hot.happened, lambda s: s.hot.days),
    "hot order": ("order", lambda s: s.hot.auc, lambda s: s.hot.days),
    "warm order": ("order", lambda s: s.warm.auc, lambda s: s.warm.days),
    "leads that buy": (
        *("share", lambda s: s.practice.everybody.share if s.practice else None, _horizon),
    ),
    "days to buy": (
        *("days", lambda s: s.practice.everybody.days if s.practice else None, _horizon),
    ),
    "hours to contact": ("hours", _hours, lambda _: None),
}
"""Figures that are compared, with their units, and within how many days they count."""


def changes(before: ReportSummary, now: ReportSummary) -> Changes:
    """What is new since an earlier report.

    What neither of them measured is left out, and what each measured within other days.
    """
    figures = []
    for what, (_, figure, days) in FIGURES.items():
        if days(before) != days(now):
            continue  # another horizon is another figure
        old, new = figure(before), figure(now)
        if old is not None or new is not None:
            figures.append(Change(what, _value(old), _value(new), _apart(old, new)))
    then, today = (
        {signal.name for signal in one.signals if signal.matters} for one in (before, now)
    )
    return Changes(
        before.version,
        before.data_end,
        tuple(figures),
        gained=tuple(s.name for s in now.signals if s.name in today - then),
        lost=tuple(s.name for s in before.signals if s.name in then - today),
    )


def _value(figure: Figure) -> float | None:
    return figure.value if isinstance(figure, RateEstimate | MedianEstimate) else figure


def _apart(old: Figure, new: Figure) -> bool:
    match old, new:
        case ((RateEstimate() | MedianEstimate()), (RateEstimate() | MedianEstimate())):
            return old.high < new.low or new.high < old.low
        case _:
            return False
