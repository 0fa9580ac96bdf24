"""What the leak audit says in a terminal: what is left out and why, then the figures of everything.

Only text and layout are made here; every number comes from a finding.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from training.leaks import Finding, Verdict

_STYLE: dict[Verdict, str] = {
    "quarantined": "red",
    "allowed": "magenta",
    "warning": "yellow",
    "clear": "green",
}


def show_audit(console: Console, findings: Sequence[Finding]) -> None:
    """Print the findings: a table of all, and the reason of each that is not clear."""
    table = Table(title="What knows the future", title_justify="left")
    for heading in ("what", "name", "verdict"):
        table.add_column(heading, overflow="fold")
    for heading in ("AUC alone", "99.9 %", "stored today", "won", "lost", "open", "late", "surest"):
        table.add_column(heading, justify="right")
    for found in findings:
        table.add_row(
            found.what,
            escape(found.name),
            f"[{_STYLE[found.verdict]}]{found.verdict}[/]",
            _figure(found, "auc"),
            _interval(found),
            _figure(found, "auc_today"),
            *(_percent(found, name) for name in ("had_by_won", "had_by_lost", "had_by_open")),
            _percent(found, "late"),
            _percent(found, "surest"),
        )
    console.print(table)
    console.print(
        "AUC alone: by this value as known at the look, out of sample, among leads of the same age "
        "and time. Won, lost, open: leads that have it in the end. Late: first known with the "
        "outcome or after it. Surest: highest share of conversions where it is seen.",
        highlight=False,
    )
    for found in findings:
        if found.reason:
            console.print(
                f"[{_STYLE[found.verdict]}]{found.verdict}[/]: {found.what} "
                f"[bold]{escape(found.name)}[/] – {escape(found.reason)}.",
                highlight=False,
            )
    left_out = sum(found.quarantined for found in findings)
    overrule = r'; \[audit] allow = \["…"] in the configuration overrules' if left_out else ""
    console.print(
        f"{left_out:,} of {len(findings):,} are left out by train{overrule}.", highlight=False
    )


def _figure(found: Finding, name: str) -> str:
    value = found.figures.get(name)
    return f"{value:.3f}" if isinstance(value, float) else "–"


def _interval(found: Finding) -> str:
    low, high = (found.figures.get(f"auc_{end}") for end in ("low", "high"))
    if found.figures.get("auc") is None or low is None or high is None:
        return "–"
    return f"{low:.2f}–{high:.2f}"


def _percent(found: Finding, name: str) -> str:
    value = found.figures.get(name)
    return f"{100 * value:.1f} %" if isinstance(value, float) else "–"
