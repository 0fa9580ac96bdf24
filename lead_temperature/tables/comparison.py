"""What `promote` prints: the comparison of champion and challenger, and the verdict."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from lead_temperature.tables.plain import plain_table
from models.bands import Temperature
from models.policy import (
    Economics,
    FixedCutoff,
    GuaranteedRate,
    LimitedRate,
    promised_rate,
)
from training.bands.results import BandPromise
from training.statistics.figures import ObservedRate
from training.statistics.paired import Difference
from training.versions.comparison import Comparison, HorizonComparison, Segment
from training.versions.promotion import Examination

COLOURS = {"better": "green", "no worse": "green", "worse": "red", "cannot be told": "yellow"}


def show_examination(console: Console, examination: Examination) -> None:
    """Print both models' figures and bands, then the verdict on the challenger with its reasons."""
    if examination.comparison is not None:
        _show_figures(console, examination.comparison)
        _show_bands(console, examination.comparison)
        for note in examination.comparison.notes:
            console.print(Text(note, "yellow"))
    against = "baselines" if examination.champion is None else f"champion {examination.champion}"
    finding = (examination.verdict.finding, COLOURS[examination.verdict.finding])
    console.print(Text.assemble(f"Version {examination.number} against {against}: ", finding, "."))
    for reason in examination.verdict.reasons:
        console.print(Text(f"  {reason}"))


def _show_figures(console: Console, comparison: Comparison) -> None:
    table = plain_table(
        f"The same leads for both, from {comparison.since[:10]} to {comparison.until[:10]}",
        ("horizon", "figure"),
        ("champion", "challenger", "challenger's gain", "95 %"),
    )
    for name, question in comparison.questions.items():
        champion, challenger = (
            comparison.champion.figures[name],
            comparison.challenger.figures[name],
        )
        errors = [
            side.calibration_error[name] for side in (comparison.champion, comparison.challenger)
        ]
        aucs = (_figure(champion.auc), _figure(challenger.auc), *_difference(question.auc))
        table.add_row(f"{name}, {question.days} d", "AUC", *aucs)
        losses = (_figure(champion.log_loss), _figure(challenger.log_loss))
        table.add_row("", "log loss", *losses, *_difference(question.log_loss))
        error_cells = (_figure(None if error is None else error.error) for error in errors)
        table.add_row("", "calibration error", *error_cells, "", "")
        for segment in _notable(question):
            words = Text(f"log loss, {segment.attribute} = {segment.level}")
            table.add_row("", words, "", "", *_difference(segment.log_loss))
        table.add_section()
    console.print(table)
    for question in comparison.questions.values():
        ranks = _figure(question.rank_correlation)
        console.print(
            f"Within {question.days} days {question.conversions:,} of {question.leads:,} leads "
            f"converted ({question.looks:,} looks). Rank correlation of the two models: {ranks}.",
            highlight=False,
        )
    console.print(
        f"The challenger gives {100 * comparison.changed_band:.1f} % of these leads another band.",
        highlight=False,
    )


def _notable(question: HorizonComparison) -> Iterator[Segment]:
    """Segments in which the two surely differ, each looked at alone."""
    for segment in question.segments:
        if segment.log_loss.surely_better or segment.log_loss.surely_worse:
            yield segment


def _show_bands(console: Console, comparison: Comparison) -> None:
    table = plain_table(
        "Predicted → observed in per cent (95 %), by each model's own bands",
        ("band", "model"),
        ("looks", "leads", "hot", "warm", "promise"),
    )
    for band in reversed(Temperature):
        for role, side in (
            ("champion", comparison.champion),
            ("challenger", comparison.challenger),
        ):
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
    """What came of a promise, with its reach and, if it is one of a rate, the rate."""
    if promise is None:
        return ""
    reach = "" if promise.reach is None else f", reach {100 * promise.reach:.0f} %"
    match promise.policy:
        case FixedCutoff() | GuaranteedRate() | Economics() as policy:
            return f"{100 * promised_rate(policy):.3g} %{reach}: {promise.finding}"
        case LimitedRate(at_most):
            return f"≤ {1000 * at_most:.3g} of 1,000{reach}: {promise.finding}"
        case _:
            return promise.finding


def _rate(rate: ObservedRate | None) -> str:
    if rate is None:
        return "–"
    predicted, observed = 100 * rate.predicted, 100 * rate.observed
    return f"{predicted:.1f} → {observed:.1f} ({100 * rate.low:.0f}–{100 * rate.high:.0f})"


def _difference(difference: Difference | None) -> tuple[str, str]:
    if difference is None:
        return "–", "–"
    return f"{difference.advantage:+.4f}", f"{difference.low:+.4f} to {difference.high:+.4f}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
