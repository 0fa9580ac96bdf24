"""What changed since an earlier report: the same figures, side by side.

Counts simply change. A share that was measured has changed for sure only where the intervals of
then and now have nothing in common; that is stricter than it need be, so little is called a change
that is chance.

Tests: tests/training/evaluation/test_evidence.py.
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


def changes(earlier: ReportSummary, current: ReportSummary) -> Changes:
    """What is new since an earlier report.

    What neither of them measured is left out, and what each measured within other days.
    """
    figures = []
    for name, (_, figure, days) in FIGURES.items():
        if days(earlier) != days(current):
            continue  # another horizon is another figure
        earlier_value, value = figure(earlier), figure(current)
        if earlier_value is not None or value is not None:
            figures.append(
                Change(name, _value(earlier_value), _value(value), _apart(earlier_value, value))
            )
    earlier_signals, signals = (
        {signal.signal for signal in summary.signals if signal.matters}
        for summary in (earlier, current)
    )
    return Changes(
        earlier.version,
        earlier.data_end,
        tuple(figures),
        gained=tuple(s.signal for s in current.signals if s.signal in signals - earlier_signals),
        lost=tuple(s.signal for s in earlier.signals if s.signal in earlier_signals - signals),
    )


def _value(figure: Figure) -> float | None:
    return figure.value if isinstance(figure, RateEstimate | MedianEstimate) else figure


def _apart(earlier: Figure, current: Figure) -> bool:
    match earlier, current:
        case ((RateEstimate() | MedianEstimate()), (RateEstimate() | MedianEstimate())):
            return earlier.high < current.low or current.high < earlier.low
        case _:
            return False
