"""The pictures of the report, each as SVG text to stand in the page.

Every picture is small enough for a phone and keeps its letters as text. Colours are the page's CSS
variables, so that light, dark and paper each get their own; Matplotlib itself draws in stand-in
colours that are exchanged at the end. Temperatures differ by the shape of their mark as well as by
colour. The same figures always give the same text.

Tests: tests/training/report/test_render.py.
"""

import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features.arrays import Float64
from training.evaluation.gains import EARLY, SHARES
from training.evaluation.refits import SignalImportance
from training.report.figures import BandFigures, HorizonFigures
from training.report.meters import highest
from training.report.past import Course
from training.report.served import ServedHorizon
from training.report.words.language import Language
from training.report.words.numerals import (
    axis_percent,
    decimal,
    not_measured,
    order,
    percent,
    short_day,
)
from training.statistics.rates import Outcome

INK, MUTED, LINE = "#010101", "#020202", "#030303"
TEMPERATURE = {"hot": "#040404", "warm": "#050505", "cold": "#060606"}
VARIABLE_OF_COLOUR = {INK: "--ink", MUTED: "--muted", LINE: "--line"} | {
    colour: f"--{name}" for name, colour in TEMPERATURE.items()
}
PAPER = "#070707"
VARIABLE_OF_COLOUR[PAPER] = "--paper"

MARK = {"hot": "^", "warm": "D", "cold": "v"}
WIDTH = 340.0
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lead-temperature",
    "font.size": 11.5,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "lines.solid_capstyle": "round",
}
AXIS_ENDS = (0.1, 0.2, 0.3, 0.5, 0.8, 1.0)
"""Where an axis may end."""

MOST_DAYS = 6
"""So many days have room below an axis."""
LONGEST_NAME = 44
"""Letters of a signal's name that fit above its bar; the table has the whole name."""


@contextmanager
def _style() -> Iterator[None]:
    """Draw in the report's style, whatever the user's own settings of Matplotlib are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


@_style()
def bands_picture(bands: tuple[BandFigures, ...], horizon: str, language: Language) -> str:
    """Promise and outcome of each band within one horizon, hottest on top.

    Parameters
    ----------
    bands : tuple of BandFigures
        Figures of all bands, hottest first.
    horizon : {"hot", "warm"}
        Horizon that promise and outcome are of.
    language : Language
        Language of the labels.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    outcomes = [b.hot if horizon == "hot" else b.warm for b in bands]
    axis_end = _axis_end([o for b in bands for o in (b.hot, b.warm)])
    figure, axes = _canvas(
        height=204, left_margin=12, right_margin=18, bottom_margin=28, top_margin=4
    )
    axes.set(xlim=(0, axis_end), ylim=(-0.45, len(bands) - 0.25), yticks=[])
    axes.spines["bottom"].set_visible(False)
    ticks = _linear_ticks(axis_end)
    names = {
        "hot": language.gettext("Hot"),
        "warm": language.gettext("Warm"),
        "cold": language.gettext("Cold"),
    }
    axes.set_xticks(ticks, _labels(ticks, language))
    axes.grid(axis="x", color=LINE, linewidth=0.7)
    for row, (band, outcome) in enumerate(zip(reversed(bands), reversed(outcomes), strict=True)):
        colour = TEMPERATURE[band.name]
        axes.plot([0, axis_end], [row, row], color=LINE, linewidth=0.7, zorder=1)
        name, rate_text = names[band.name], _in_short(outcome, language)
        axes.text(0, row + 0.34, name, color=colour, weight="bold", va="center")
        axes.text(axis_end, row + 0.34, rate_text, color=MUTED, ha="right", va="center")
        if outcome.happened is None:
            continue
        interval = [outcome.happened.low, outcome.happened.high]
        axes.plot(interval, [row, row], color=colour, linewidth=4, alpha=0.4, zorder=2)
        axes.plot(outcome.happened.value, row, MARK[band.name], color=colour, ms=7.5, zorder=4)
        if outcome.promised is not None:
            promise = [outcome.promised, outcome.promised]
            axes.plot(promise, [row - 0.15, row + 0.15], color=INK, linewidth=1.6, zorder=3)
    return _svg(figure, f"bands-{horizon}")


@_style()
def reliability_picture(
    horizon: HorizonFigures | ServedHorizon, language: Language, section: str = "reliability"
) -> str:
    """Outcome over promise for groups of looks; on the diagonal both are the same.

    Both axes are stretched near zero (square root), where most leads are.

    Parameters
    ----------
    horizon : HorizonFigures or ServedHorizon
        Groups of the horizon's looks: those of the test, or those that were answered.
    language : Language
        Language of the labels.
    section : str
        Part of the page that the picture is for; its name begins with it.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    colour, axis_end = TEMPERATURE[horizon.name], _axis_end(horizon.groups)
    ticks = _rooted_ticks(axis_end)
    figure, axes = _canvas(
        height=310, left_margin=60, right_margin=16, bottom_margin=46, top_margin=10
    )
    axes.set_xscale("function", functions=(_root, np.square))
    axes.set_yscale("function", functions=(_root, np.square))
    axes.set(xlim=(0, axis_end), ylim=(0, axis_end))
    axes.set(xlabel=language.gettext("promised"), ylabel=language.gettext("happened"))
    axes.set_xticks(ticks, _labels(ticks, language))
    axes.set_yticks(ticks, _labels(ticks, language))
    axes.grid(color=LINE, linewidth=0.7)
    axes.plot([0, axis_end], [0, axis_end], color=MUTED, linewidth=1, dashes=(4, 3))
    for group in horizon.judged:
        if group.happened is None or group.promised is None:
            continue
        x, rate = group.promised, group.happened
        axes.plot([x, x], [rate.low, rate.high], color=colour, linewidth=3.5, alpha=0.4, zorder=3)
        inside = colour if group.finding == "held" else PAPER
        axes.plot(x, rate.value, "o", ms=6.5, color=colour, mfc=inside, mew=1.6, zorder=4)
    return _svg(figure, f"{section}-{horizon.name}")


@_style()
def gains_picture(horizon: HorizonFigures, language: Language) -> str:
    """Part of the looks that bought over the front of the line, for each way to put them in order.

    Parameters
    ----------
    horizon : HorizonFigures
        Figures of the horizon.
    language : Language
        Language of the labels.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    names = {
        "": language.gettext("this model"),
        "points card": language.gettext("a points card"),
        "newest first": language.gettext("the newest lead first"),
    }
    figure, axes = _canvas(
        height=310, left_margin=60, right_margin=22, bottom_margin=46, top_margin=10
    )
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set(xlabel=language.gettext("front of the line"), ylabel=language.gettext("of the buyers"))
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    axes.set_xticks(ticks, _labels(ticks, language))
    axes.set_yticks(ticks, _labels(ticks, language))
    axes.grid(color=LINE, linewidth=0.7)
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=1)
    for gain in horizon.gains:
        colour = MUTED if gain.name else TEMPERATURE[horizon.name]
        dashes = {"points card": (5, 2), "newest first": (1.5, 2)}.get(gain.name, (1, 0))
        width = 1.6 if gain.name else 2.6
        axes.plot(
            SHARES, gain.found, color=colour, linewidth=width, dashes=dashes, label=names[gain.name]
        )
    early = horizon.gains[0].early
    colour = TEMPERATURE[horizon.name]
    axes.plot([EARLY, EARLY], [early.low, early.high], color=colour, linewidth=5, alpha=0.35)
    axes.legend(loc="lower right", frameon=False, labelcolor=INK, handlelength=2.4)
    return _svg(figure, f"gains-{horizon.name}")


@_style()
def past_picture(course: Course, language: Language) -> str:
    """Pairs in the right order at each training of the past, above promise and outcome.

    Parameters
    ----------
    course : Course
        Figures of one horizon over the trainings of a backtest.
    language : Language
        Language of the labels.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    colour, positions = TEMPERATURE[course.name], range(len(course.trials))
    figure, axes = _canvas(
        height=150, left_margin=48, right_margin=16, bottom_margin=26, top_margin=22
    )
    edge = 0.5 if len(course.trials) > 2 else 0.8
    axes.set(xlim=(-edge, len(course.trials) - 1 + edge))
    rates = [trial.order for trial in course.ordered if trial.order is not None]
    least = min([0.5, *(math.floor(10 * rate.low) / 10 for rate in rates)])
    step = 0.1 if least >= 0.4 else 0.2
    ticks = [1 - step * i for i in range(round((1 - least) / step) + 1)]
    axes.set(ylim=(min(ticks[-1], least), 1.0))
    axes.set_yticks(ticks, [order(tick, language) for tick in ticks])
    axes.grid(axis="y", color=LINE, linewidth=0.7)
    labelled = positions[:: -(-len(course.trials) // MOST_DAYS)]
    days = [short_day(course.trials[position].day, language) for position in labelled]
    axes.set_xticks(list(labelled), days)
    if course.order.mean is not None:
        axes.axhline(course.order.mean, color=MUTED, linewidth=1, dashes=(4, 3))
    for position, trial in enumerate(course.trials):
        if trial.order is not None:
            ends = [trial.order.low, trial.order.high]
            axes.plot([position, position], ends, color=colour, linewidth=4, alpha=0.4)
            axes.plot(position, trial.order.value, MARK[course.name], color=colour, ms=7)
    axes.set_title(
        language.gettext("pairs in the right order, of 100"), loc="left", color=MUTED, size=11.5
    )
    return _svg(figure, f"past-{course.name}")


@_style()
def signals_picture(
    signals: tuple[SignalImportance, ...], language: Language, translated: Mapping[str, str]
) -> str:
    """How much worse the percentages get without each signal, strongest on top.

    Parameters
    ----------
    signals : tuple of SignalImportance
        Signals to draw, strongest first.
    language : Language
        Language of the labels.
    translated : mapping of str to str
        Names of signals in that language.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    figure, axes = _canvas(
        height=8 + 34 * len(signals), left_margin=4, right_margin=4, bottom_margin=4, top_margin=4
    )
    longest = max((_increase(s) + _spread(s) for s in signals), default=0) or 1.0
    axes.set(xlim=(0, longest * 1.02), ylim=(-0.5, len(signals) - 0.35), xticks=[], yticks=[])
    axes.spines["bottom"].set_visible(False)
    names = {}
    for position, signal in enumerate(signals):
        row = len(signals) - 1 - position
        # A name may hold any letter of any script, or what Matplotlib takes for a formula: a
        # stand-in is drawn, and the name takes its place in the finished text.
        names[f"(name {position})"] = _shortened(translated.get(signal.signal, signal.signal))
        axes.text(0, row + 0.22, f"(name {position})", va="center")
        if signal.mean_points is not None:
            number = decimal(signal.mean_points, language, 1)
            points = language.gettext("%(number)s points", number=number)
            axes.text(longest * 1.02, row + 0.22, points, color=MUTED, ha="right", va="center")
        alpha = 0.9 if signal.matters else 0.3
        axes.barh(row - 0.18, _increase(signal), 0.26, color=TEMPERATURE["hot"], alpha=alpha)
        whisker = [_increase(signal) - _spread(signal), _increase(signal) + _spread(signal)]
        axes.plot(whisker, [row - 0.18] * 2, color=INK, linewidth=1)
    return _svg(figure, "signals", names)


def _canvas(
    height: float, left_margin: float, right_margin: float, bottom_margin: float, top_margin: float
) -> tuple[Figure, Axes]:
    """Lay out one pair of axes with margins in points; a point is a unit of the drawing."""
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    figure.patch.set_visible(False)
    inner_width, inner_height = (
        WIDTH - left_margin - right_margin,
        height - bottom_margin - top_margin,
    )
    axes = figure.add_axes(
        (left_margin / WIDTH, bottom_margin / height, inner_width / WIDTH, inner_height / height)
    )
    axes.patch.set_visible(False)
    axes.tick_params(length=0, pad=6)
    axes.set_axisbelow(True)
    for side in ("left", "top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _svg(figure: Figure, name: str, words: Mapping[str, str] | None = None) -> str:
    """Draw, and fit the drawing into the page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The finished drawing.
    name : str
        Prefix of the picture's ids, so that they differ from those of other pictures; the page's
        caption has the id ``{name}-caption``.
    words : mapping of str to str, optional
        Texts to put in the place of stand-ins.
    """
    file = io.StringIO()
    figure.savefig(
        file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
    )
    body = file.getvalue()
    # What matplotlib writes for a file of its own: a rule for all elements of the page, the size.
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = body[body.index("<svg") :]
    attributes = f'viewBox="0 0 {WIDTH:g} {figure.get_figheight() * 72:g}" role="img"'
    opening = f'<svg {attributes} aria-labelledby="{name}-caption">'
    body = re.sub(r"<svg[^>]*>", opening, body, count=1)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", body).replace("xlink:href", "href")
    body = re.sub(r"font-family: [^;\"]*(;|(?=\"))", "", body)
    for colour, variable in VARIABLE_OF_COLOUR.items():
        body = body.replace(colour, f"var({variable})")
    if words:
        stand_ins = "|".join(re.escape(stand_in) for stand_in in words)
        body = re.sub(stand_ins, lambda match: str(escape(words[match[0]])), body)
    return body


def _axis_end(outcomes: Iterable[Outcome]) -> float:
    """End of an axis that shows all of them."""
    highest_rate = highest(outcomes)
    return next(end for end in AXIS_ENDS if highest_rate <= end)


def _linear_ticks(axis_end: float) -> list[float]:
    step = 0.02 if axis_end <= 0.1 else 0.05 if axis_end <= 0.2 else 0.1 if axis_end <= 0.5 else 0.2
    return [round(step * i, 2) for i in range(int(axis_end / step + 1.01))]


def _rooted_ticks(axis_end: float) -> list[float]:
    """Ticks of an axis stretched near zero, from the top down, so far apart that labels fit."""
    ticks = [axis_end]
    for tick in reversed([0.01, 0.05, *AXIS_ENDS]):
        apart = min(np.sqrt(ticks[-1]) - np.sqrt(tick), np.sqrt(tick))
        if tick < axis_end and apart >= 0.13 * np.sqrt(axis_end):
            ticks.append(tick)
    return [0.0, *reversed(ticks)]


def _labels(ticks: list[float], language: Language) -> list[str]:
    return [axis_percent(share, language) for share in ticks]


def _root(values: Float64) -> Float64:
    return np.asarray(np.sqrt(np.maximum(values, 0.0)))


def _in_short(outcome: Outcome, language: Language) -> str:
    if outcome.rows == 0:
        return language.gettext("no looks")
    if outcome.happened is None:
        return not_measured(language)
    return language.gettext(
        "%(happened)s, promised %(promised)s",
        happened=percent(outcome.happened.value, language),
        promised=percent(outcome.promised, language),
    )


def _increase(signal: SignalImportance) -> float:
    return max(0.0, signal.log_loss_increase or 0.0)


def _spread(signal: SignalImportance) -> float:
    return signal.spread or 0.0


def _shortened(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
