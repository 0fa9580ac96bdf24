"""What a search for better settings says in a terminal."""

from rich.console import Console

from lead_temperature.tables.plain import plain_table
from training.search.tune import Tuning


def show_tuned(console: Console, found: Tuning) -> None:
    """The present and the best settings, and what the best gain where nothing was chosen by."""
    title = f"After {found.trials} trials inside the fitting period"
    table = plain_table(title, ("settings",), (*found.present, "log loss / base rate's"))
    for name, settings, loss in (
        ("present", found.present, found.present_loss),
        ("best", found.best, found.best_loss),
    ):
        table.add_row(name, *(f"{value:g}" for value in settings.values()), f"{loss:.4f}")
    console.print(table)
    for horizon, gain in found.gains.items():
        console.print(
            f"{horizon}: at looks that took no part in the search, the best gain "
            f"{gain.advantage:+.4f} in log loss (95 %: {gain.low:+.4f} to {gain.high:+.4f}).",
            highlight=False,
        )
