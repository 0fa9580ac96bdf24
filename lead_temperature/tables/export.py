"""What `check` and `features` print: what an export holds, and which of its rows are left out.

Only text and layout are made here; every number comes from a value that was computed elsewhere.
`train` and `score` print what was left out of an export as well.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from features.export.blindness import SAME_AGE_DAYS, OutcomeCoverage
from features.export.data_end import TimesAfterEnd
from features.export.inspection import BrokenRule, Inspection
from features.spine import iso
from features.tables import Suspicion
from lead_temperature.tables.plain import plain_table
from training.dataset.split import LEAST_LEARNED_LEADS

if TYPE_CHECKING:
    from features.export.guessing.draft import Draft
    from training.dataset.coverage import FeatureOverview
    from training.dataset.readiness import Readiness


def show_inspection(console: Console, inspection: Inspection) -> None:
    """Print what `check` found in an export."""
    first = "–" if inspection.first is None else iso(inspection.first)[:10]
    rows = plain_table(
        f"From {first} to {iso(inspection.data_end)[:10]}", ("table",), ("rows", "rejected")
    )
    for name, count in inspection.rows.items():
        rows.add_row(name, f"{count:,}", f"{inspection.rejected[name]:,}")
    console.print(rows)
    if inspection.recorded_late is not None:
        console.print(f"{100 * inspection.recorded_late:.1f} % of interactions were recorded late.")
    _show_words(console, inspection)
    _show_months(console, inspection)
    _show_coverage(console, inspection.coverage)
    show_rejects(console, inspection.broken_rules)
    show_suspicions(console, inspection.suspicions)
    show_after_end(console, inspection.after_end, inspection.data_end)


PERIOD_TITLES = {"fit": "first fit", "calibrate": "foretold", "test": "judged on"}
"""What the table calls the periods of a split."""


def show_readiness(console: Console, horizons: Sequence["Readiness"]) -> None:
    """What a training would have to learn from and to judge."""
    table = plain_table(
        "What train would use (a look is one lead at one moment)",
        ("horizon", "period", "from", "to"),
        ("looks", "leads", "bought"),
    )
    for horizon in horizons:
        for period in horizon.periods:
            first = f"{horizon.horizon}, {horizon.days} d" if period.name == "fit" else ""
            span = [
                "–" if instant is None else iso(instant)[:10]
                for instant in (period.first_look, period.last_look)
            ]
            counts = (period.looks, period.leads, period.positives)
            table.add_row(
                first, PERIOD_TITLES[period.name], *span, *(f"{count:,}" for count in counts)
            )
        if horizon.periods:
            table.add_row("", "not yet known", "", "", f"{horizon.immature:,}", "", "")
        table.add_section()
    if any(horizon.periods for horizon in horizons):
        console.print(table)
        console.print(
            "Fits at several dates each learn from what was known by then and foretell what comes "
            "next: this calibrates. What serves learns from every known outcome in the end."
        )
    for horizon in horizons:
        if horizon.only_base_rate:
            console.print(
                f"[yellow]{horizon.horizon}: fewer than {LEAST_LEARNED_LEADS} leads are known to "
                "have bought before the test, too few to tell leads apart. All will be told the "
                "base rate; export a longer time or more leads to learn more.[/]",
                highlight=False,
            )


def show_features(console: Console, features: list["FeatureOverview"]) -> None:
    """The catalogue of an export, family by family."""
    table = plain_table(
        f"{len(features)} features", ("family", "name", "in words"), ("known", "varied")
    )
    for feature in sorted(features, key=lambda feature: feature.family):
        table.add_row(
            feature.family,
            escape(feature.name),
            escape(feature.description),
            f"{100 * feature.coverage:.0f} %",
            f"{100 * feature.varied:.0f} %",
        )
    console.print(table)


def show_rejects(console: Console, rules: Sequence[BrokenRule]) -> None:
    """What of an export was left out, by rule and with examples."""
    for broken in rules:
        left_out = "rows of" if broken.left_out == "row" else "values, their rows stay, of"
        console.print(
            f"[yellow]{broken.rows:,} {left_out} {broken.table}: {escape(broken.rule)}.[/] "
            f"{escape(broken.explanation)}",
            highlight=False,
        )
        for file, row, column, value in broken.examples:
            position = f"{file}, row {row:,}" + (f", {column}" if column else "")
            console.print(f"    {escape(position)}: {escape(repr(value))}", highlight=False)


def show_suspicions(console: Console, suspicions: Sequence[Suspicion]) -> None:
    """What can be read and may be meant otherwise, with what mends it."""
    for doubt in suspicions:
        console.print(
            f"[yellow]suspicion: {escape(doubt.name)}[/] in {escape(doubt.location)}, "
            f"{doubt.rows:,} times ({escape(doubt.example)}): {escape(doubt.way_out)}.",
            highlight=False,
        )


def show_after_end(console: Console, columns: Sequence[TimesAfterEnd], data_end: int) -> None:
    """What lies after the end of the data, so that a wrong end is seen."""
    for column in columns:
        rows = f"{column.rows:,} row" + ("s" if column.rows > 1 else "")
        console.print(
            f"[yellow]{column.table}.{column.column} lies after the end of the data, "
            f"{iso(data_end)[:10]}, in {rows} (the latest: {iso(column.latest)[:10]}).[/] Such "
            "times count only once they have come. Was the export made later? Then set ends_at in "
            "\\[data].",
            highlight=False,
        )


def _show_words(console: Console, inspection: Inspection) -> None:
    words = Table(title="Vocabulary of the interactions", title_justify="left")
    for heading in ("field", "values", "missing", "most frequent"):
        words.add_column(heading, justify="right" if heading in ("values", "missing") else "left")
    for field in inspection.vocabularies:
        frequent = ", ".join(f"{escape(word)} {count:,}" for word, count in field.most_frequent)
        words.add_row(field.field, f"{field.distinct:,}", f"{field.missing:,}", frequent)
    if inspection.rows["interactions"]:
        console.print(words)
    attributes = plain_table(
        "Attributes that are used", ("attribute", "kind", "known"), ("filled", "values")
    )
    for attribute in inspection.attributes:
        attributes.add_row(
            escape(attribute.name),
            attribute.kind,
            "as it changes" if attribute.changes else "at creation",
            f"{100 * attribute.coverage:.0f} %",
            f"{attribute.distinct:,}",
        )
    console.print(attributes)
    for name, reason in inspection.unused.items():
        console.print(f"not used: [bold]{escape(name)}[/] – {escape(reason)}", highlight=False)


def _show_months(console: Console, inspection: Inspection) -> None:
    months = Table(title="Conversion by month of creation (so far)", title_justify="left")
    for heading in ("month", "leads", "converted", "share", ""):
        months.add_column(heading, justify="left" if heading in ("month", "") else "right")
    highest_share = max((month.share for month in inspection.months), default=0.0)
    for month in inspection.months:
        bar = "█" * round(20 * month.share / highest_share) if highest_share else ""
        share = f"{100 * month.share:.1f} %"
        months.add_row(month.month, f"{month.leads:,}", f"{month.converted:,}", share, bar)
    console.print(months)


def show_draft(console: Console, draft: "Draft") -> None:
    """What was taken for what in exports that nobody has described, and what is left to say."""
    for guess in draft.guesses:
        console.print(f"guessed: {escape(guess)}", highlight=False)
    for doubt in draft.doubts:
        console.print(f"[yellow]to do:[/] {escape(doubt)}", highlight=False)


def _show_coverage(console: Console, coverage: Sequence[OutcomeCoverage]) -> None:
    """What was read of won, lost and open leads: alike, or not."""
    table = plain_table(
        f"What was read by outcome, of leads still open at {SAME_AGE_DAYS} days",
        ("outcome",),
        ("leads", "compared", "with contact", "contacts", "rejected", "filled least"),
    )
    for outcome in coverage:
        least = min(outcome.filled.items(), key=lambda item: item[1], default=None)
        table.add_row(
            outcome.outcome,
            f"{outcome.leads:,}",
            f"{outcome.compared:,}",
            _share(outcome.with_contact),
            "–" if outcome.contacts is None else f"{outcome.contacts:.1f}",
            _share(outcome.rejected),
            "–" if least is None else f"{escape(least[0])} {_share(least[1])}",
        )
    console.print(table)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
