"""What `audit` prints: the figures of every name that was examined, and why some are left out.

Only text and layout are made here; every number comes from a finding.
"""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from training.audit.leaks import Finding, Verdict

_STYLE: dict[Verdict, str] = {
    "leak": "red",
    "dropped": "red",
    "allowed": "magenta",
    "suspect": "yellow",
    "cannot be told": "blue",
    "clear": "green",
}


def show_audit(console: Console, findings: Sequence[Finding]) -> None:
    """Print a table of all findings, the reason of each that is not clear, and what is left out."""
    # Without rules between the columns, so that seven of them have room in 80 characters.
    table = Table(title="What knows the future", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for heading in ("AUC", "today", "won/lost/open", "late", "surest"):
        table.add_column(heading, justify="right", no_wrap=True)
    for finding in findings:
        filled = (_percent(finding, f"had_by_{outcome}") for outcome in ("won", "lost", "open"))
        table.add_row(
            f"{finding.what} {escape(finding.name)}",
            f"[{_STYLE[finding.verdict]}]{finding.verdict}[/]",
            _figure(finding, "auc"),
            _figure(finding, "auc_today"),
            "/".join(filled),
            _percent(finding, "late"),
            _percent(finding, "surest"),
        )
    console.print(table)
    console.print(
        "AUC: how well this alone ranks leads, as known at the look, out of sample, among leads of "
        "the same age and time. Today: the same with the values as stored today. The other columns "
        "are in per cent. Won, lost, open: leads that have it in the end. Late: leads that had it "
        "first with the outcome or after it. Surest: highest share of conversions among leads with "
        "one value. `--json` has the intervals.",
        highlight=False,
    )
    for finding in findings:
        if finding.reason:
            console.print(
                f"[{_STYLE[finding.verdict]}]{finding.verdict}[/]: {finding.what} "
                f"[bold]{escape(finding.name)}[/] – {escape(finding.reason)}.",
                highlight=False,
            )
    for line in _between_exports(findings):
        console.print(line, highlight=False)
    left_out = sum(finding.quarantined for finding in findings)
    suspects = sum(finding.verdict == "suspect" and finding.what != "grid" for finding in findings)
    sentences = [f"train leaves out {left_out:,} of {len(findings):,}."]
    if left_out:
        sentences.append(r'To use one all the same: \[audit] allow = \["…"].')
    if suspects:
        sentences.append(
            f"It uses {suspects:,} suspect: ask who fills it in, and when; to leave one out: "
            r'\[audit] drop = \["…"].'
        )
    console.print(" ".join(sentences), highlight=False)


def _between_exports(findings: Sequence[Finding]) -> Iterator[str]:
    """From which share of rewritten sales on a column would have been noticed by now."""
    compared = [finding for finding in findings if "rewritten_noticeable" in finding.figures]
    if not compared:
        return
    sold = max(int(finding.figures["rewritten_sold_leads"] or 0) for finding in compared)
    noticeable = [finding.figures["rewritten_noticeable"] for finding in compared]
    shares = [share for share in noticeable if isinstance(share, float)]
    yield (
        f"{len(compared):,} columns were compared with an earlier export, in {sold:,} leads that "
        "have been sold since. "
        + (
            f"One that is rewritten in {100 * max(shares):.0f} % of sales would have been noticed."
            if len(shares) == len(noticeable)
            else "These are too few to notice one that is rewritten even in all sales."
        )
    )


def _figure(finding: Finding, name: str) -> str:
    value = finding.figures.get(name)
    return f"{value:.3f}" if isinstance(value, float) else "–"


def _percent(finding: Finding, name: str) -> str:
    value = finding.figures.get(name)
    return f"{100 * value:.0f}" if isinstance(value, float) else "–"
