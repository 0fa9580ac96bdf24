"""What a training says in a terminal: the card's figures as tables, for people.

Only text and layout are made here; every number comes from a value that was computed elsewhere.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBars
from rich.table import Table
from rich.text import Text

from features.export.data_end import TimesAfterEnd
from features.export.inspection import BrokenRule, Inspection
from features.progress import Progress
from features.spine import iso
from lead_temperature.tables.plain import plain_table
from lead_temperature.tables.rivals import advantage_text, baselines_weakest_first, show_rivals
from models.bands import Temperature
from models.bundle import HORIZONS
from models.policy import within
from training.bands.results import BandPromise
from training.card.schema import ModelCard
from training.dataset.coverage import FeatureOverview
from training.dataset.readiness import Readiness


@contextmanager
def progress_bars(console: Console) -> Iterator[Progress]:
    """Bars on the console, one for each stage that tells of itself."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with ProgressBars(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def report_progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report_progress


def show_figures(console: Console, card: ModelCard) -> None:
    """Figures of both horizons beside their baselines."""
    for name in HORIZONS:
        horizon = card.horizons[name]
        table = plain_table(
            f"{name}: converts {within(horizon.days)}; judged after all it learned from",
            ("predictor",),
            ("AUC (95 %)", "log loss", "model ahead by 10⁻³ (95 %)"),
        )
        for baseline in baselines_weakest_first(horizon.baselines):
            figures = horizon.baselines[baseline]
            cells = (_figure(figures.auc), _figure(figures.log_loss))
            table.add_row(baseline, *cells, advantage_text(figures.log_loss_advantage))
        table.add_section()
        interval = ""
        if (rate := horizon.auc_rate) is not None:
            interval = f" ({rate.low:.3f}–{rate.high:.3f})"
        reached = f"{_figure(horizon.auc)}{interval}"
        table.add_row("model", reached, _figure(horizon.log_loss), "", style="bold")
        console.print(table)
    for name in HORIZONS:
        horizon = card.horizons[name]
        test = horizon.test
        console.print(
            f"{name}: judged on {test.rows:,} looks at {test.leads:,} leads, of which "
            f"{test.positives:,} led to a conversion {within(horizon.days)} "
            f"(base rate {_percent(test.positives, test.rows)}), "
            f"from {_day(test.first)} to {_day(test.last)}; "
            f"{horizon.immature_rows:,} looks are too young to judge.",
            highlight=False,
        )
        learned, kept = horizon.learned_rows, horizon.kept_rows
        if kept < learned:
            console.print(
                f"    {learned - kept:,} of {learned:,} looks to learn from were left to another "
                "look of the same lead: nothing new had become known between the two.",
                highlight=False,
            )
        new = horizon.never_learned_from
        console.print(
            f"    of these at leads that nothing was learned from: {new.rows:,} looks, "
            f"{new.positives:,} conversions, AUC {_figure(new.auc)}, "
            f"log loss {_figure(new.log_loss)}.",
            highlight=False,
        )
    show_rivals(console, card)


def show_ages(console: Console, card: ModelCard) -> None:
    """AUC of the hot horizon by age of the lead: age alone must not pass for skill."""
    table = plain_table(
        "Hot horizon by age of the lead", (), ("age in days", "looks", "conversions", "AUC")
    )
    for group in card.horizons.hot.by_age:
        table.add_row(
            f"{group.from_days:g}–{group.to_days:g}",
            f"{group.rows:,}",
            f"{group.positives:,}",
            _figure(group.auc),
        )
    console.print(table)


def show_bands(console: Console, card: ModelCard) -> None:
    """What each band promised and what came of it."""
    table = plain_table(
        "What the bands meant in the test period",
        ("band", "horizon"),
        ("looks", "leads", "promised", "happened", "95 %"),
    )
    for band in reversed(Temperature):
        evaluation = card.bands[band]
        for name in HORIZONS:
            outcome = evaluation.outcome(name)
            first = band.value if name == "hot" else ""
            cells = [first, f"{card.horizons[name].days} d", f"{outcome.rows:,}"]
            cells.append(f"{evaluation.leads:,}" if name == "hot" else "")
            if outcome.promised is None or outcome.happened is None:
                table.add_row(*cells, "–", "–", "–")
            else:
                happened = outcome.happened
                table.add_row(
                    *cells,
                    f"{100 * outcome.promised:.1f} %",
                    f"{100 * happened.value:.1f} %",
                    f"{100 * happened.low:.1f}–{100 * happened.high:.1f}",
                )
    console.print(table)
    show_promises(console, card)


def show_promises(console: Console, card: ModelCard) -> None:
    """What was promised of the bands, what that rests on, and what came of it."""
    for band in reversed(Temperature):
        if promise := card.bands[band].promise:
            console.print(_promise(band, card.bands[band].cutoff, promise))
    console.print(card.learning_curve.sentence, highlight=False)


def _promise(band: str, cutoff: float | None, promise: BandPromise) -> Text:
    """What a band promises, what that rests on, and what came of it."""
    colour = {"kept": "green", "broken": "red"}.get(promise.finding, "yellow")
    rests = "" if cutoff is None else f"from a lower bound of {cutoff:.3f} on, "
    counted = f" (there was none with a lower bound of {promise.line:.3f} or more)"
    if promise.rate is not None and promise.bound is not None:
        looks = f"{promise.looks:,} looks at {promise.leads:,} leads"
        rate, bound = 100 * promise.rate, 100 * promise.bound
        counted = (
            f" (of the {looks} with {promise.line:.3f} or more {rate:.1f} % converted, "
            f"at least {bound:.1f} %)"
        )
    return Text.assemble(
        (f"{band}: ", "bold"),
        f"{promise.words}; {rests}{promise.explanation}{counted}. In the test period ",
        (promise.finding, colour),
        f": {promise.sentence}.",
    )


def show_features(console: Console, found: list[FeatureOverview]) -> None:
    """The catalogue of an export, family by family."""
    table = plain_table(
        f"{len(found)} features", ("family", "name", "in words"), ("known", "varied")
    )
    for feature in sorted(found, key=lambda one: one.family):
        table.add_row(
            feature.family,
            escape(feature.name),
            escape(feature.description),
            f"{100 * feature.known:.0f} %",
            f"{100 * feature.varied:.0f} %",
        )
    console.print(table)


def show_inspection(console: Console, found: Inspection) -> None:
    """What `check` found in an export."""
    first = "–" if found.first is None else iso(found.first)[:10]
    rows = plain_table(
        f"From {first} to {iso(found.data_end)[:10]}", ("table",), ("rows", "rejected")
    )
    for name, count in found.rows.items():
        rows.add_row(name, f"{count:,}", f"{found.rejected[name]:,}")
    console.print(rows)
    if found.recorded_late is not None:
        console.print(f"{100 * found.recorded_late:.1f} % of interactions were recorded late.")
    _show_words(console, found)
    _show_months(console, found)
    show_rejects(console, found.broken_rules)
    show_after_end(console, found.after_end, found.data_end)


def show_readiness(console: Console, horizons: Sequence[Readiness]) -> None:
    """What a training would have to learn from and to judge."""
    table = plain_table(
        "What train would use (a look is one lead at one moment)",
        ("horizon", "period", "from", "to"),
        ("looks", "leads", "bought"),
    )
    for horizon in horizons:
        for period in horizon.periods:
            first = f"{horizon.horizon}, {horizon.days} d" if period.name == "fit" else ""
            span = ["–" if at is None else iso(at)[:10] for at in (period.first, period.last)]
            counts = (period.looks, period.leads, period.positives)
            table.add_row(first, period.name, *span, *(f"{count:,}" for count in counts))
        if horizon.periods:
            table.add_row("", "too young to tell", "", "", f"{horizon.immature:,}", "", "")
        table.add_section()
    if any(horizon.periods for horizon in horizons):
        console.print(table)


def _show_words(console: Console, found: Inspection) -> None:
    words = Table(title="Vocabulary of the interactions", title_justify="left")
    for heading in ("field", "values", "missing", "most frequent"):
        words.add_column(heading, justify="right" if heading in ("values", "missing") else "left")
    for field in found.vocabularies:
        top = ", ".join(f"{escape(word)} {count:,}" for word, count in field.most_frequent)
        words.add_row(field.field, f"{field.distinct:,}", f"{field.missing:,}", top)
    if found.rows["interactions"]:
        console.print(words)
    attributes = plain_table(
        "Attributes that are used", ("attribute", "kind", "known"), ("filled", "values")
    )
    for one in found.attributes:
        attributes.add_row(
            escape(one.name),
            one.kind,
            "as it changes" if one.changes else "at creation",
            f"{100 * one.coverage:.0f} %",
            f"{one.distinct:,}",
        )
    console.print(attributes)
    for name, why in found.unused.items():
        console.print(f"not used: [bold]{escape(name)}[/] – {escape(why)}", highlight=False)


def _show_months(console: Console, found: Inspection) -> None:
    months = Table(title="Conversion by month of creation (so far)", title_justify="left")
    for heading in ("month", "leads", "converted", "share", ""):
        months.add_column(heading, justify="left" if heading in ("month", "") else "right")
    most = max((month.share for month in found.months), default=0.0)
    for month in found.months:
        bar = "█" * round(20 * month.share / most) if most else ""
        share = f"{100 * month.share:.1f} %"
        months.add_row(month.month, f"{month.leads:,}", f"{month.converted:,}", share, bar)
    console.print(months)


def show_rejects(console: Console, rules: Sequence[BrokenRule]) -> None:
    """What of an export was left out, by rule and with examples."""
    for broken in rules:
        what = "rows of" if broken.left_out == "row" else "values, their rows stay, of"
        console.print(
            f"[yellow]{broken.rows:,} {what} {broken.table}: {escape(broken.rule)}.[/] "
            f"{escape(broken.explanation)}",
            highlight=False,
        )
        for row, column, value in broken.examples:
            where = f"row {row:,}" + (f", {column}" if column else "")
            console.print(f"    {escape(where)}: {escape(repr(value))}", highlight=False)


def show_after_end(console: Console, found: Sequence[TimesAfterEnd], data_end: int) -> None:
    """What lies after the end of the data, so that a wrong end is seen."""
    for one in found:
        rows = f"{one.rows:,} row" + ("s" if one.rows > 1 else "")
        console.print(
            f"[yellow]{one.table}.{one.column} lies after the end of the data, "
            f"{iso(data_end)[:10]}, in {rows} (the latest: {iso(one.latest)[:10]}).[/] Such times "
            "count only once they have come. Was the export made later? Then set ends_at in "
            "\\[data].",
            highlight=False,
        )


def _day(instant: datetime | None) -> str:
    return "–" if instant is None else instant.date().isoformat()


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"
