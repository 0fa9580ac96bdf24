"""Check that a bundle still gives the answers that travel with it.

Tests: tests/lead_temperature/test_command.py.
"""

from typing import Annotated

import typer

from lead_temperature.inputs import BundleOption
from lead_temperature.output import say

app = typer.Typer()


@app.command(epilog="Example: `lead-temperature verify --bundle bundle`")
def verify(
    bundle: BundleOption,
    rounded: Annotated[
        bool,
        typer.Option(
            "--rounded", help="Allow numbers to differ by 1e-12, as processors of two kinds may."
        ),
    ] = False,
) -> None:
    """Ask a bundle about its golden leads: it must answer as on the machine that trained it."""
    from models.bundle import load_bundle
    from models.golden import GOLDEN
    from serving.answers.golden import replay_golden_leads

    loaded, golden = load_bundle(bundle), bundle / GOLDEN
    if not golden.exists():
        raise FileNotFoundError(
            f"{bundle} has no {GOLDEN}: it was trained before bundles had one. Train it again."
        )
    leads = replay_golden_leads(loaded, golden.read_text(encoding="utf-8"), rounded=rounded)
    exactly = "to 12 digits" if rounded else "bit for bit"
    say(
        f"Bundle {loaded.version} answers its {leads} golden leads as where it was made, {exactly}."
    )
