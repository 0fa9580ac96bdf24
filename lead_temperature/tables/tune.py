"""What `tune` prints: the present and the best settings, and what the best ones gain."""

from rich.console import Console

from lead_temperature.tables.plain import plain_table
from training.search.tune import Tuning


def show_tuned(console: Console, tuning: Tuning) -> None:
    """Print both settings with their loss, and the gain on leads outside the search."""
    title = f"Settings after {tuning.trials} trials in the time before the test"
    table = plain_table(title, ("settings",), (*tuning.present_settings, "log loss / base rate's"))
    for name, settings, loss in (
        ("present", tuning.present_settings, tuning.present_loss),
        ("best", tuning.best_settings, tuning.best_loss),
    ):
        table.add_row(name, *(f"{value:g}" for value in settings.values()), f"{loss:.4f}")
    console.print(table)
    gains = plain_table(
        "Gain in log loss of the best settings, on leads outside the search",
        ("horizon",),
        ("gain", "95 %", "verdict"),
    )
    for horizon, gain in tuning.gains.items():
        verdict = "no clear difference"
        if gain.surely_better:
            verdict = "better"
        elif gain.surely_worse:
            verdict = "worse"
        gains.add_row(
            horizon,
            f"{gain.advantage:+.4f}",
            f"{gain.low:+.4f} to {gain.high:+.4f}",
            verdict,
        )
    if tuning.gains:
        console.print(gains)
