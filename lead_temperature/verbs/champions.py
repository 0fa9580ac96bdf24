"""Verbs about registered versions, and which of them is the champion."""

import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lead_temperature.inputs import CONFIG, ConfigOption, configuration, registry_of, tables_of
from lead_temperature.output import err, out, say, word

app = typer.Typer()


@app.command(epilog="Example: `lead-temperature promote 3 --config crm/lead_temperature.toml`")
def promote(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number that train printed.")],
    config: ConfigOption = CONFIG,
    force: Annotated[
        bool, typer.Option("--force", help="Promote whatever is found; that it was so is kept.")
    ] = False,
) -> None:
    """Make a registered version the champion, if it is not worse on the same later leads."""
    from lead_temperature.tables.comparison import show_examination
    from training.versions.promotion import examination
    from training.versions.registry import keep
    from training.versions.registry import promote as promoted
    from training.versions.registry import versions as registered

    settings = configuration(config)
    registry = registry_of(settings)
    if any(one.champion and one.number == version for one in registered(registry)):
        say(f"Version {version} is the champion already.")
        return
    examined = examination(registry, version, settings, lambda: tables_of(settings), force)
    show_examination(out, examined)
    judgement = examined.judgement(force)
    if not judgement.promoted:
        keep(registry, version, judgement)
        raise ValueError(
            f"Version {version} is not promoted: {judgement.finding}. `--force` promotes it all "
            "the same, which is kept with the version."
        )
    found = promoted(registry, version, judgement)
    say(
        f"Version {found.number} ({found.bundle}) is the champion. Fetch it:",
        f"  lead-temperature pull champion -o bundle --config {word(config)}",
    )


@app.command(epilog="Example: `lead-temperature rollback --config crm/lead_temperature.toml`")
def rollback(config: ConfigOption = CONFIG) -> None:
    """Make the champion before this one the champion again."""
    from training.versions.registry import rollback as rolled_back

    found = rolled_back(registry_of(configuration(config)))
    say(f"Version {found.number} ({found.bundle}) is the champion again.")


@app.command(epilog="Example: `lead-temperature versions --config crm/lead_temperature.toml`")
def versions(config: ConfigOption = CONFIG) -> None:
    """List the registered versions and show the champion."""
    from training.versions.registry import versions as registered

    found = registered(registry_of(configuration(config)))
    for version in found:
        mark = "  champion" if version.champion else ""
        say(f"{version.number:>5}  {version.bundle}{mark}")
    if not found:
        say("No version yet: `lead-temperature train` registers one.")


@app.command(
    epilog="Example: `lead-temperature pull champion -o bundle --config crm/lead_temperature.toml`"
)
def pull(
    alias: Annotated[
        str, typer.Argument(metavar="[ALIAS]", help="An alias or a version number.")
    ] = "champion",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder.")] = Path("bundle"),
    config: ConfigOption = CONFIG,
    watch: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            metavar="SECONDS",
            help="Stay, look again and again, and fetch what the alias means then.",
        ),
    ] = None,
) -> None:
    """Fetch a version's bundle as a folder, checked, ready to serve."""
    from training.versions.registry import pull as pulled
    from training.versions.watch import follow_alias

    registry = registry_of(configuration(config))
    if watch is None:
        found = pulled(registry, alias, output)
        say(
            f"Version {found.number} ({found.bundle}) is in {output}. Serve it:",
            f"  lead-temperature serve --bundle {word(output)}",
        )
        return
    # Told to end, it clears away what it has half fetched.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    for now in follow_alias(registry, alias, output, partial(time.sleep, watch)):
        if isinstance(now, Exception):
            say(f"{output} stays as it is: {now}", to=err, style="yellow")
        else:
            say(f"Version {now.number} ({now.bundle}) is in {output}.")
