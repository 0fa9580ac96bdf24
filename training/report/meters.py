"""Meters: small bars within a table's row that show a rate on the scale of its table.

The row holds the numbers too, so a meter is for the eye alone. All meters of a table end where the
highest interval does; a table of nothing but small rates would show nothing on a scale to 100 %.

Tests: tests/training/report/test_sections.py.
"""

from collections.abc import Iterable

from markupsafe import Markup

from training.statistics.rates import Outcome, RateEstimate


def highest(figures: Iterable[Outcome | RateEstimate | None]) -> float:
    """End of the scale that shows all of some rates, and what was promised instead of them.

    Examples
    --------
    >>> highest([RateEstimate(0.2, 0.1, 0.3), None])
    0.3
    """
    ends = [0.0]
    for figure in figures:
        if isinstance(figure, Outcome):
            ends.append(figure.promised or 0.0)
        rate = figure.happened if isinstance(figure, Outcome) else figure
        if rate is not None:
            ends.append(rate.high)
    return max(ends) or 1.0


def meter(rate: RateEstimate | None, scale_end: float, line: float | None) -> Markup:
    """Interval as a bar and the rate as a mark, beside an upright line.

    Parameters
    ----------
    rate : RateEstimate or None
        None leaves the meter without a bar.
    scale_end : float
        End of the scale.
    line : float or None
        What the rate compares with: what was promised, or everybody's rate.
    """
    parts = []
    if rate is not None:
        low, width = (
            _percent_of_scale(rate.low, scale_end),
            _percent_of_scale(rate.high - rate.low, scale_end),
        )
        parts.append(f'<span class="span" style="left: {low}%; width: {width}%"></span>')
        parts.append(
            f'<span class="dot" style="left: {_percent_of_scale(rate.value, scale_end)}%"></span>'
        )
    if line is not None:
        parts.append(
            f'<span class="line" style="left: {_percent_of_scale(line, scale_end)}%"></span>'
        )
    # Nothing in it comes from outside: the numbers are written here.
    return Markup('<span class="meter" aria-hidden="true">{}</span>').format(
        Markup("").join(Markup(part) for part in parts)  # noqa: S704
    )


def _percent_of_scale(share: float, scale_end: float) -> str:
    return f"{100 * min(1.0, share / scale_end):.1f}"
