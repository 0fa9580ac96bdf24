"""What `train` prints: the figures of a model card as tables, the most important first.

Only text and layout are made here; every number comes from the card. The progress bars that long
verbs show while they work are here as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBars
from rich.text import Text

from features.progress import Progress
from lead_temperature.tables.plain import plain_table
from lead_temperature.tables.rivals import show_points_cards, show_rivals
from models.bands import HORIZON_OF_BAND, HORIZONS, Temperature
from models.policy import Capacity, GuaranteedRate, LimitedRate, Promised, promised_rate, within
from training.bands.results import BandPromise, Reach, ServedBand
from training.card.schema import ModelCard
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
        tasks: dict[str, TaskID] = {}

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
    show_suspects(console, card)
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
            horizon = HORIZON_OF_BAND[band]
            happened = evaluation.outcome(horizon).happened
            cutoff = evaluation.cutoff
            table.add_row(
                f"[bold]{band.value}[/]",
                _promise_text(promise.policy),
                "–" if cutoff is None else f"{cutoff:.3f}",
                _evidence(promise),
                "–" if happened is None else _test_text(happened, evaluation.reach),
                Text(promise.finding, _VERDICT_STYLE[promise.finding]),
            )
            sentences.append(_promise_sentence(band, promise, card.horizons[horizon].days))
            if evaluation.served is not None:
                sentences.append(_served_sentence(band, evaluation.served))
    if sentences:
        console.print(table)
    for sentence in sentences:
        console.print(sentence)
    console.print(card.learning_curve.sentence, highlight=False)


def show_suspects(console: Console, card: ModelCard) -> None:
    """Print what hangs on the audit's suspects, where there are any."""
    if card.without_suspects is None:
        return
    names = ", ".join(card.without_suspects.names)
    table = plain_table(
        "With and without what the audit suspects",
        ("horizon",),
        ("AUC with", "without", "log loss with", "without", "ahead with (95 %)"),
    )
    for name, worth in card.without_suspects.horizons.items():
        used, unused, ahead = worth.with_them, worth.without_them, worth.log_loss
        table.add_row(
            name,
            *(_decimals(value, 3) for value in (used.auc, unused.auc)),
            *(_decimals(value, 4) for value in (used.log_loss, unused.log_loss)),
            "–"
            if ahead is None
            else f"{ahead.advantage:.4f} ({ahead.low:.4f} to {ahead.high:.4f})",
        )
    console.print(table)
    console.print(
        f"Suspects: {escape(names)}. Ask who fills them in, and when; "
        r"\[audit] drop leaves one out."
    )


def _decimals(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _promise_text(policy: Promised) -> str:
    match policy:
        case Capacity(per_week):
            return f"≤ {per_week:,} leads a week"
        case LimitedRate(at_most, confidence):
            return f"≤ {1000 * at_most:.3g} of 1,000 with {100 * confidence:.3g} % confidence"
        case GuaranteedRate(rate, confidence):
            return f"≥ {100 * rate:.3g} % with {100 * confidence:.3g} % confidence"
        case _:
            return f"≥ {100 * promised_rate(policy):.3g} %"


def _evidence(promise: BandPromise) -> str:
    """What the held-out looks from the evidence line on showed, of cold those below it."""
    limited = isinstance(promise.policy, LimitedRate)
    side = f"below {promise.line:.3f}" if limited else f"from {promise.line:.3f} on"
    if promise.rate is None or promise.bound is None:
        return f"no look {side}"
    reach = "" if promise.reach is None else f"reach {100 * promise.reach:.0f} %; "
    return (
        f"{100 * promise.rate:.1f} %, at {'most' if limited else 'least'} "
        f"{100 * promise.bound:.1f} %; {reach}"
        f"{promise.looks:,} looks at {promise.leads:,} leads {side}"
    )


def _test_text(happened: RateEstimate, reach: Reach | None) -> str:
    """Rate and reach of the test period."""
    if reach is None:
        return _interval(happened)
    return (
        f"{_interval(happened)}; reach {100 * reach.value:.0f} % "
        f"({100 * reach.low:.0f}–{100 * reach.high:.0f}) of {reach.buyers:,} buyers"
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
        f"{_rests_on(promise.policy)}: {promise.explanation}.",
    )


def _served_sentence(band: Temperature, served: ServedBand) -> Text:
    """The band as it serves, by all looks that no fit had learned from."""
    if served.cutoff is None and band != Temperature.COLD:
        return Text.assemble((f"{band.value} as it serves: ", "bold"), f"{served.explanation}.")
    cutoff = "" if served.cutoff is None else f", from {served.cutoff:.3f} on"
    text = served.words
    if served.rate is not None and served.bound is not None:
        side = "most" if band == Temperature.COLD else "least"
        reach = "" if served.reach is None else f"; reach {100 * served.reach:.0f} %"
        text += (
            f". Of all {served.looks:,} looks there that no fit had learned from "
            f"{100 * served.rate:.1f} % converted, at {side} {100 * served.bound:.1f} %{reach}"
        )
    return Text.assemble((f"{band.value} as it serves{cutoff}: ", "bold"), f"{text}.")


def _rests_on(policy: Promised) -> str:
    return "Bound" if isinstance(policy, LimitedRate) else "Cut-off"


def show_bands(console: Console, card: ModelCard) -> None:
    """Print the predicted and the observed conversion of each band within each horizon."""
    table = plain_table(
        "Conversion by band in the test period",
        ("band", "horizon"),
        ("looks", "leads", "predicted", "observed", "95 %", "reach"),
    )
    for band in reversed(Temperature):
        evaluation = card.bands[band]
        for name in HORIZONS:
            outcome = evaluation.outcome(name)
            first = band.value if name == "hot" else ""
            cells = [first, f"{card.horizons[name].days} d", f"{outcome.rows:,}"]
            cells.append(f"{evaluation.leads:,}" if name == "hot" else "")
            if outcome.promised is None or outcome.happened is None:
                table.add_row(*cells, "–", "–", "–", "")
            else:
                happened, reach = outcome.happened, evaluation.reach
                is_own = name == HORIZON_OF_BAND[band]
                table.add_row(
                    *cells,
                    f"{100 * outcome.promised:.1f} %",
                    f"{100 * happened.value:.1f} %",
                    f"{100 * happened.low:.1f}–{100 * happened.high:.1f}",
                    f"{100 * reach.value:.0f} %" if reach is not None and is_own else "",
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
            f"{_day(test.first_look)} to {_day(test.last_look)}",
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
        check = card.horizons[name].calibration.month_check
        if check is not None and check.months:
            console.print(
                f"{name}: intervals of groups of leads, nominal {100 * check.nominal:.0f} %, held "
                f"{100 * check.held / check.months:.0f} % of {check.months} months, each judged by "
                "the others.",
                highlight=False,
            )
        latest = card.horizons[name].calibration.latest_weeks
        if latest is not None and latest.changed:
            console.print(
                f"[yellow]{name}: of {latest.looks:,} looks from {latest.first_look[:10]} to "
                f"{latest.last_look[:10]} {latest.bought:,} bought, where the months before let "
                f"expect {latest.expected:,.0f}. Intervals are wider for it; take percentages with "
                "care until the next training.[/]",
                highlight=False,
            )
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


def _day(instant: datetime | None) -> str:
    return "–" if instant is None else instant.date().isoformat()


def _interval(rate: RateEstimate) -> str:
    return f"{100 * rate.value:.1f} % (95 %: {100 * rate.low:.1f}–{100 * rate.high:.1f})"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(part: int, total: int) -> str:
    return f"{100 * part / total:.1f} %" if total else "–"
