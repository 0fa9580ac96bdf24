"""What changed since an earlier report: the same figures, side by side.

Counts simply change. A share that was measured has changed for sure only where the intervals of
then and now have nothing in common; that is stricter than it need be, so little is called a change
that is chance.
"""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from training.report.figures import Change, Changes, ReportSummary
from training.report.incidence import Middle
from training.report.rates import Rate

Figure: TypeAlias = float | Rate | Middle | None
Unit: TypeAlias = Literal["count", "share", "order", "days", "hours"]


def _hours(summary: ReportSummary) -> Middle | None:
    speed = summary.practice.speed if summary.practice else None
    return speed.hours if speed else None


FIGURES: Mapping[str, tuple[Unit, Callable[[ReportSummary], Figure]]] = {
    "leads": ("count", lambda s: s.leads),
    "conversions": ("count", lambda s: s.conversions),
    "open hot leads": ("count", lambda s: s.today.bands[0].leads if s.today else None),
    "hot looks that bought": ("share", lambda s: s.bands[0].hot.happened),
    "hot order": ("order", lambda s: s.hot.auc),
    "warm order": ("order", lambda s: s.warm.auc),
    "leads that buy": ("share", lambda s: s.practice.everybody.share if s.practice else None),
    "days to buy": ("days", lambda s: s.practice.everybody.days if s.practice else None),
    "hours to contact": ("hours", _hours),
}
"""Figures that are compared, with their units."""


def changes(before: ReportSummary, now: ReportSummary) -> Changes:
    """What is new since an earlier report; what neither of them measured is left out."""
    figures = []
    for what, (_, figure) in FIGURES.items():
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
    return figure.value if isinstance(figure, Rate | Middle) else figure


def _apart(old: Figure, new: Figure) -> bool:
    match old, new:
        case ((Rate() | Middle()), (Rate() | Middle())):
            return old.high < new.low or new.high < old.low
        case _:
            return False
