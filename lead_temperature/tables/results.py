"""What `results` prints: hand-overs and purchases by person, and skills for a list.

Tests: tests/lead_temperature/test_results.py.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape

from features.export.toml_text import toml_text
from lead_temperature.tables.plain import plain_table
from models.bands import LEVELS

if TYPE_CHECKING:
    from training.team.effects import Effects, HandOvers


def show_results(
    console: Console, handed: "HandOvers", effects: "Effects", people: Sequence[str], days: int
) -> None:
    """Print each person's leads in the order of names, which is no ranking.

    Parameters
    ----------
    console : rich.console.Console
        Where to print.
    handed : HandOvers
        What was handed to whom, and what came of it.
    effects : Effects
        Learned from it.
    people : sequence of str
        Names of the people.
    days : int
        Length of the horizon.
    """
    table = plain_table(
        f"Within {days} days of the hand-over",
        ("person",),
        ("leads", "expected to buy", "bought", "given what was handed"),
    )
    leads = np.bincount(handed.person, minlength=len(people))
    expected = np.bincount(handed.person, 1 / (1 + np.exp(-handed.margin)), len(people))
    bought = np.bincount(handed.person, handed.bought, len(people))
    mean = effects.log_odds.mean(axis=1)
    for number, name in enumerate(people):
        table.add_row(
            escape(name),
            f"{leads[number]:,}",
            f"{expected[number]:,.1f}",
            f"{bought[number]:,.0f}",
            f"× {np.exp(mean[number]):.2f}",
        )
    console.print(table)


def skill_lines(effects: "Effects", people: Sequence[str]) -> list[str]:
    """Effects as factors of purchases for each band, in the form of ``people.toml``.

    Parameters
    ----------
    effects : Effects
        Of people and bands, in the order of `models.bands.LEVELS`.
    people : sequence of str
        Names of the people.
    """
    lines = []
    for name, factors in zip(people, np.exp(effects.log_odds), strict=True):
        skills = ", ".join(
            f"{level.value} = {factor:.2f}" for level, factor in zip(LEVELS, factors, strict=True)
        )
        lines += ["[[person]]", f"id = {toml_text(name)}", f"skills = {{ {skills} }}"]
    return lines
