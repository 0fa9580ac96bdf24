"""What the benchmark of quality measured: figures, the goals set for them, and the one table.

A figure is a value first. Whether its goal was reached follows from the two alone, and is told of
every figure that has a goal, the missed ones too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, assert_never

from rich.console import Console
from rich.table import Table
from rich.text import Text

Verdict = Literal["ok", "missed", "cannot be told", "skipped", ""]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The figure must reach the bound."""

    bound: float


@dataclass(frozen=True, slots=True)
class AtMost:
    """The figure must not pass the bound."""

    bound: float


@dataclass(frozen=True, slots=True)
class NotWorse:
    """The figure is an advantage, and must not be less than 0; an interval may leave that open."""


Goal: TypeAlias = AtLeast | AtMost | NotWorse


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Parameters
    ----------
    about, what : str
        In words: what was judged, and which figure it is.
    value : float or None
        None where it was not measured; `note` then says why.
    low, high : float or None
        95 % interval, where there is one.
    goal : Goal or None
    note : str
        What else a reader should know.
    places : int
        Decimals that are printed.
    """

    about: str
    what: str
    value: float | None
    low: float | None = None
    high: float | None = None
    goal: Goal | None = None
    note: str = ""
    places: int = 3

    def __post_init__(self) -> None:
        if self.value is None and not self.note:
            raise ValueError(
                f"A figure without a value needs a note that says why, got none for {self.what!r}."
            )

    @property
    def verdict(self) -> Verdict:
        """Whether the goal was reached; empty where there is none.

        Examples
        --------
        >>> Figure("calls", "AUC", 0.84, goal=AtLeast(0.85)).verdict
        'missed'
        >>> Figure("calls", "advantage", -0.001, -0.004, 0.002, NotWorse()).verdict
        'cannot be told'
        """
        if self.value is None:
            return "skipped"
        match self.goal:
            case None:
                return ""
            case AtLeast(bound):
                return "ok" if self.value >= bound else "missed"
            case AtMost(bound):
                return "ok" if self.value <= bound else "missed"
            case NotWorse():
                lucky = self.high is not None and self.high >= 0
                return "ok" if self.value >= 0 else "cannot be told" if lucky else "missed"
            case _:
                assert_never(self.goal)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "goal": self.goal_in_words, "verdict": self.verdict}

    @property
    def goal_in_words(self) -> str:
        """The goal as the table prints it.

        Examples
        --------
        >>> Figure("calls", "AUC", 0.84, goal=AtLeast(0.85), places=2).goal_in_words
        '≥ 0.85'
        """
        match self.goal:
            case None:
                return ""
            case AtLeast(bound):
                return f"≥ {bound:g}"
            case AtMost(bound):
                return f"≤ {bound:g}"
            case NotWorse():
                return "no worse"
            case _:
                assert_never(self.goal)


def quality_table(sections: Mapping[str, Sequence[Figure]]) -> Table:
    """The one table: every figure of the sections that were run.

    Parameters
    ----------
    sections : mapping of str to sequence of Figure
        By the option that runs the section alone.
    """
    table = Table("figure")
    for heading in ("measured", "95 %", "goal", "", "command"):
        table.add_column(heading, no_wrap=True, justify="left" if heading == "" else "right")
    for option, figures in sections.items():
        about = ""
        for figure in figures:
            if figure.about != about:
                about = figure.about
                table.add_row(Text(about, style="bold"))
            table.add_row(
                Text(figure.what) + Text(f"\n{figure.note}" if figure.note else "", style="dim"),
                "–" if figure.value is None else f"{figure.value:.{figure.places}f}",
                _interval(figure),
                figure.goal_in_words,
                figure.verdict,
                option,
            )
        table.add_section()
    return table


def show_quality(console: Console, sections: Mapping[str, Sequence[Figure]]) -> None:
    """Print the table and how many of the goals were reached."""
    console.print(quality_table(sections))
    verdicts = [figure.verdict for figures in sections.values() for figure in figures]
    counts = {one: verdicts.count(one) for one in dict.fromkeys(verdicts) if one}
    console.print(
        f"Goals: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}. "
        "A section alone: python -m benchmarks.quality and the command of its lines."
    )


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.{figure.places}f} … {figure.high:.{figure.places}f}"
