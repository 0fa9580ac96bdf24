"""What the leak audit says in a terminal: what is left out and why, then the figures of everything.

Only text and layout are made here; every number comes from a finding.
"""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from training.audit.leaks import Finding, Verdict

_STYLE: dict[Verdict, str] = {
    "quarantined": "red",
    "allowed": "magenta",
    "warning": "yellow",
    "clear": "green",
}


def show_audit(console: Console, findings: Sequence[Finding]) -> None:
    """Print the findings: a table of all, and the reason of each that is not clear."""
    # Without rules between the columns, so that seven of them have room in 80 characters.
    table = Table(title="What knows the future", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for heading in ("AUC", "today", "won/lost/open", "late", "surest"):
        table.add_column(heading, justify="right", no_wrap=True)
    for found in findings:
        had = (_percent(found, f"had_by_{outcome}") for outcome in ("won", "lost", "open"))
        table.add_row(
            f"{found.what} {escape(found.name)}",
            f"[{_STYLE[found.verdict]}]{found.verdict}[/]",
            _figure(found, "auc"),
            _figure(found, "auc_today"),
            "/".join(had),
            _percent(found, "late"),
            _percent(found, "surest"),
        )
    console.print(table)
    console.print(
        "AUC: by this value alone as known at the look, out of sample, among leads of the same age "
        "and time; today: by the value as it is stored today. The rest in per cent. Won, lost, "
        "open: leads that have it in the end. Late: first known with the outcome or after it. "
        "Surest: highest share of conversions where it is seen. `--json` has the intervals.",
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


def _percent(found: Finding, name: str) -> str:
    value = found.figures.get(name)
    return f"{100 * value:.0f}" if isinstance(value, float) else "–"
