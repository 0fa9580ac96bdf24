"""What `train` and `check` print: the figures of a model card and of an export as tables.

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
from lead_temperature.tables.rivals import show_points_cards, show_rivals
from models.bands import Temperature
from models.bundle import HORIZONS
from models.policy import Capacity, GuaranteedRate, Promised, promised_rate, within
from training.bands.results import BandPromise
from training.card.schema import ModelCard
from training.dataset.coverage import FeatureOverview
from training.dataset.readiness import Readiness
from training.statistics.rates import RateEstimate

_VERDICT_STYLE = {"kept": "green", "broken": "red", "cannot be told": "yellow"}


@contextmanager
def progress_bars(console: Console) -> Iterator[Progress]:
    """Bars on the console, one for each stage that reports its progress."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with ProgressBars(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def report_progress(stage: str, completed: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=completed, total=total)

        yield report_progress


def show_training(console: Console, card: ModelCard) -> None:
    """Print what a training reached, the most important first: bands, verdicts, then details."""
    show_promises(console, card)
    show_bands(console, card)
    show_test_period(console, card)
    show_rivals(console, card)
    show_ages(console, card)
    show_points_cards(console, card)


def show_promises(console: Console, card: ModelCard) -> None:
    """Print each band's promise with its evidence and its verdict, and a sentence for each."""
    table = plain_table(
        "What the bands promise, and whether the test period bears it out",
        ("band", "promise", "cut-off", "evidence", "test period", "verdict"),
        (),
    )
    sentences = []
    for band in reversed(Temperature):
        evaluation = card.bands[band]
        if (promise := evaluation.promise) is not None:
            horizon = "hot" if band == Temperature.HOT else "warm"
            happened = evaluation.outcome(horizon).happened
            cutoff = evaluation.cutoff
            table.add_row(
                f"[bold]{band.value}[/]",
                _promise_text(promise.policy),
                "–" if cutoff is None else f"{cutoff:.3f}",
                _evidence(promise),
                "–" if happened is None else _interval(happened),
                Text(promise.finding, _VERDICT_STYLE[promise.finding]),
            )
            sentences.append(_promise_sentence(band, promise, card.horizons[horizon].days))
    if sentences:
        console.print(table)
    for sentence in sentences:
        console.print(sentence)
    console.print(card.learning_curve.sentence, highlight=False)


def _promise_text(policy: Promised) -> str:
    match policy:
        case Capacity(per_week):
            return f"≤ {per_week:,} leads a week"
        case GuaranteedRate(rate, confidence):
            return f"≥ {100 * rate:.3g} % with {100 * confidence:.3g} % confidence"
        case _:
            return f"≥ {100 * promised_rate(policy):.3g} %"


def _evidence(promise: BandPromise) -> str:
    """What the calibrating looks from the evidence line on showed."""
    if promise.rate is None or promise.bound is None:
        return f"no look from {promise.line:.3f} on"
    return (
        f"{100 * promise.rate:.1f} %, at least {100 * promise.bound:.1f} %; "
        f"{promise.looks:,} looks at {promise.leads:,} leads from {promise.line:.3f} on"
    )


def _promise_sentence(band: Temperature, promise: BandPromise, days: int) -> Text:
    """Verdict on the promise in the test period, and why the cut-off lies where it is."""
    verdict = {
        "kept": "The promise held in the test period",
        "broken": "The promise did not hold in the test period",
        "cannot be told": "Too few conversions to say whether the promise held",
    }[promise.finding]
    horizon = "" if isinstance(promise.policy, Capacity) else f" {within(days)}"
    return Text.assemble(
        (f"{band.value}: ", "bold"),
        (verdict, _VERDICT_STYLE[promise.finding]),
        f": {promise.sentence} (promised: {_promise_text(promise.policy)}{horizon}). "
        f"Cut-off: {promise.explanation}.",
    )


def show_bands(console: Console, card: ModelCard) -> None:
    """Print the predicted and the observed conversion of each band within each horizon."""
    table = plain_table(
        "Conversion by band in the test period",
        ("band", "horizon"),
        ("looks", "leads", "predicted", "observed", "95 %"),
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


def show_test_period(console: Console, card: ModelCard) -> None:
    """Print what each horizon was judged on; a look is one lead at one moment."""
    table = plain_table(
        "What was judged (a look is one lead at one moment)",
        ("horizon", "period"),
        ("looks", "leads", "converted", "share", "not yet known"),
    )
    for name in HORIZONS:
        horizon = card.horizons[name]
        test, unseen = horizon.test, horizon.never_learned_from
        table.add_row(
            f"{name}, {horizon.days} d",
            f"{_day(test.first)} to {_day(test.last)}",
            f"{test.rows:,}",
            f"{test.leads:,}",
            f"{test.positives:,}",
            _percent(test.positives, test.rows),
            f"{horizon.immature_rows:,}",
        )
        table.add_row(
            "",
            "new leads only",
            f"{unseen.rows:,}",
            f"{unseen.leads:,}",
            f"{unseen.positives:,}",
            _percent(unseen.positives, unseen.rows),
            "",
        )
        table.add_section()
    console.print(table)
    for name in HORIZONS:
        horizon = card.horizons[name]
        left_out = horizon.learned_rows - horizon.kept_rows
        if left_out:
            console.print(
                f"{name}: {left_out:,} of the {horizon.learned_rows:,} looks to learn from have no "
                "weight, because another look of the same lead knew just as much.",
                highlight=False,
            )


def show_ages(console: Console, card: ModelCard) -> None:
    """Print the AUC of the hot horizon by age of the lead: age alone must not pass for skill."""
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


def show_features(console: Console, features: list[FeatureOverview]) -> None:
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
    show_rejects(console, inspection.broken_rules)
    show_after_end(console, inspection.after_end, inspection.data_end)


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
            span = [
                "–" if at is None else iso(at)[:10] for at in (period.first_look, period.last_look)
            ]
            counts = (period.looks, period.leads, period.positives)
            table.add_row(first, period.name, *span, *(f"{count:,}" for count in counts))
        if horizon.periods:
            table.add_row("", "not yet known", "", "", f"{horizon.immature:,}", "", "")
        table.add_section()
    if any(horizon.periods for horizon in horizons):
        console.print(table)


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


def show_rejects(console: Console, rules: Sequence[BrokenRule]) -> None:
    """What of an export was left out, by rule and with examples."""
    for broken in rules:
        left_out = "rows of" if broken.left_out == "row" else "values, their rows stay, of"
        console.print(
            f"[yellow]{broken.rows:,} {left_out} {broken.table}: {escape(broken.rule)}.[/] "
            f"{escape(broken.explanation)}",
            highlight=False,
        )
        for row, column, value in broken.examples:
            position = f"row {row:,}" + (f", {column}" if column else "")
            console.print(f"    {escape(position)}: {escape(repr(value))}", highlight=False)


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


def _day(instant: datetime | None) -> str:
    return "–" if instant is None else instant.date().isoformat()


def _interval(rate: RateEstimate) -> str:
    return f"{100 * rate.value:.1f} % (95 %: {100 * rate.low:.1f}–{100 * rate.high:.1f})"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(part: int, total: int) -> str:
    return f"{100 * part / total:.1f} %" if total else "–"
