"""What a comparison of champion and challenger says in a terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from lead_temperature.tables.plain import plain_table
from models.bands import Temperature
from models.policy import (
    Economics,
    FixedCutoff,
    GuaranteedRate,
    promised_rate,
)
from training.bands.results import BandPromise
from training.statistics.figures import ObservedRate
from training.statistics.paired import Difference
from training.versions.comparison import Comparison, HorizonComparison, Segment
from training.versions.promotion import Examination

COLOURS = {"better": "green", "no worse": "green", "worse": "red", "cannot be told": "yellow"}


def show_examination(console: Console, found: Examination) -> None:
    """Verdict on a challenger with its reasons, and what it rests on."""
    if found.comparison is not None:
        _show_figures(console, found.comparison)
        _show_bands(console, found.comparison)
        for note in found.comparison.notes:
            console.print(Text(note, "yellow"))
    against = "baselines" if found.champion is None else f"champion {found.champion}"
    finding = (found.verdict.finding, COLOURS[found.verdict.finding])
    console.print(Text.assemble(f"Version {found.number} against {against}: ", finding, "."))
    for reason in found.verdict.reasons:
        console.print(Text(f"  {reason}"))


def _show_figures(console: Console, found: Comparison) -> None:
    table = plain_table(
        f"The same leads for both, from {found.since[:10]} to {found.until[:10]}",
        ("horizon", "figure"),
        ("champion", "challenger", "challenger ahead by", "95 %"),
    )
    for name, question in found.questions.items():
        before, after = found.champion.figures[name], found.challenger.figures[name]
        errors = [side.calibration_error[name] for side in (found.champion, found.challenger)]
        ahead = (_figure(before.auc), _figure(after.auc), *_difference(question.auc))
        table.add_row(f"{name}, {question.days} d", "AUC", *ahead)
        losses = (_figure(before.log_loss), _figure(after.log_loss))
        table.add_row("", "log loss", *losses, *_difference(question.log_loss))
        miss = (_figure(None if error is None else error.error) for error in errors)
        table.add_row("", "calibration error", *miss, "", "")
        for segment in _notable(question):
            words = Text(f"log loss, {segment.attribute} = {segment.level}")
            table.add_row("", words, "", "", *_difference(segment.log_loss))
        table.add_section()
    console.print(table)
    for question in found.questions.values():
        ranks = _figure(question.rank_correlation)
        console.print(
            f"Within {question.days} days: {question.looks:,} looks at {question.leads:,} leads, "
            f"of which {question.conversions:,} converted; rank correlation of the two {ranks}.",
            highlight=False,
        )
    console.print(
        f"With the challenger {100 * found.changed_band:.1f} % of these leads get another band.",
        highlight=False,
    )


def _notable(question: HorizonComparison) -> Iterator[Segment]:
    """Segments in which the two surely differ, each looked at alone."""
    for segment in question.segments:
        if segment.log_loss.surely_better or segment.log_loss.surely_worse:
            yield segment


def _show_bands(console: Console, found: Comparison) -> None:
    table = plain_table(
        "Promised → happened in per cent (95 %), by each one's own bands",
        ("band", "model"),
        ("looks", "leads", "hot", "warm", "promise"),
    )
    for band in reversed(Temperature):
        for role, side in (("champion", found.champion), ("challenger", found.challenger)):
            result = side.bands[band.value]
            table.add_row(
                band.value if role == "champion" else "",
                role,
                f"{result.rows:,}",
                f"{result.leads:,}",
                _rate(result.hot),
                _rate(result.warm),
                _promise(side.promises.get(band.value)),
            )
        table.add_section()
    console.print(table)


def _promise(promise: BandPromise | None) -> str:
    """What came of a promise, with the rate that was promised, if it is one of a rate."""
    if promise is None:
        return ""
    match promise.policy:
        case FixedCutoff() | GuaranteedRate() | Economics() as policy:
            return f"{100 * promised_rate(policy):.3g} %: {promise.finding}"
        case _:
            return promise.finding


def _rate(rate: ObservedRate | None) -> str:
    if rate is None:
        return "–"
    promised, happened = 100 * rate.predicted, 100 * rate.observed
    return f"{promised:.1f} → {happened:.1f} ({100 * rate.low:.0f}–{100 * rate.high:.0f})"


def _difference(found: Difference | None) -> tuple[str, str]:
    if found is None:
        return "–", "–"
    return f"{found.advantage:+.4f}", f"{found.low:+.4f} to {found.high:+.4f}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
