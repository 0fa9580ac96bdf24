"""Verbs about registered versions: list, fetch and promote them, and take a promotion back.

Tests: tests/lead_temperature/test_command.py.
"""

import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from lead_temperature.inputs import CONFIG, ConfigOption, configuration, registry_of, tables_of
from lead_temperature.output import err, out, say, word

if TYPE_CHECKING:
    from models.contract import Contract
    from models.contract_draft import Terms
    from training.config import Config

app = typer.Typer()


@app.command(epilog="Example: `lead-temperature promote 3 --config crm/lead_temperature.toml`")
def promote(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number that train printed.")],
    config: ConfigOption = CONFIG,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Promote even if the comparison says worse. The override is recorded with the "
            "version.",
        ),
    ] = False,
    renamed: Annotated[
        list[str],
        typer.Option(
            "--renamed",
            metavar="OLD=NEW",
            help="An attribute or measure that has another name in this version: what callers send "
            "under the old name is read as the new one.",
        ),
    ] = [],  # noqa: B006 - typer's own form of an option that comes several times
    break_callers: Annotated[
        bool,
        typer.Option(
            "--break-callers",
            help="Change the contract with callers of the server even where their calls are "
            "refused from then on: another type under the same name, and the end of retired names "
            "whose time is over.",
        ),
    ] = False,
) -> None:
    """Make a registered version the champion, if it is not worse on the same later leads."""
    settings = configuration(config)
    from lead_temperature.tables.comparison import show_examination
    from lead_temperature.tables.contract import show_contract_draft
    from training.versions.promotion import contract_draft, examination
    from training.versions.registry import keep
    from training.versions.registry import promote as promoted
    from training.versions.registry import versions as registered

    registry = registry_of(settings)
    if any(v.champion and v.number == version for v in registered(registry)):
        say(f"Version {version} is the champion already.")
        return
    terms = _terms(settings, renamed_pairs(renamed), break_callers=break_callers)
    draft = contract_draft(registry, version, terms)
    show_contract_draft(out, draft)
    if draft.breaking and not break_callers:
        changes = ", ".join(f"{change.path} ({change.sentence})" for change in draft.breaking)
        raise ValueError(
            f"Version {version} is not promoted: callers of the server would be refused for "
            f"{changes} Give the new values a name of their own in the configuration and train "
            "again, or promote it with --break-callers once no caller sends the old ones."
        )
    examined = examination(registry, version, settings, lambda: tables_of(settings), force)
    show_examination(out, examined)
    judgement = examined.judgement(force)
    if not judgement.promoted:
        keep(registry, version, judgement)
        raise ValueError(
            f"Version {version} is not promoted: {judgement.finding}. `--force` promotes it all "
            "the same and records the override with the version."
        )
    champion = promoted(registry, version, judgement, draft.contract)
    say(
        f"Version {champion.number} ({champion.bundle}) is the champion. Fetch it:",
        f"  lead-temperature pull champion -o bundle --config {word(config)}",
    )


def renamed_pairs(texts: Sequence[str]) -> dict[str, str]:
    """New names by old ones, of texts such as ``company_size=employees``.

    Raises
    ------
    ValueError
        A text has another form.

    Examples
    --------
    >>> renamed_pairs(["company_size=employees"])
    {'company_size': 'employees'}
    """
    pairs = {}
    for text in texts:
        earlier_name, equals, own_name = text.partition("=")
        if not (earlier_name and equals and own_name):
            raise ValueError(f"--renamed must have the form OLD=NEW, got '{text}'.")
        pairs[earlier_name] = own_name
    return pairs


def _terms(settings: "Config", renamed: Mapping[str, str], *, break_callers: bool) -> "Terms":
    """Terms of today, on which the contract changes."""
    from models.contract_draft import Terms

    today = datetime.now(UTC).date()
    return Terms(today, settings.contract.retired_days, renamed, break_callers)


@app.command(epilog="Example: `lead-temperature rollback --config crm/lead_temperature.toml`")
def rollback(config: ConfigOption = CONFIG) -> None:
    """Make the champion before this one the champion again."""
    settings = configuration(config)
    from lead_temperature.tables.contract import show_contract_draft
    from training.versions.promotion import contract_draft
    from training.versions.registry import rollback as rolled_back

    registry = registry_of(settings)

    def contract_with(number: int) -> "Contract":
        """Callers may send by now what only the later champion reads: it is accepted on."""
        draft = contract_draft(registry, number, _terms(settings, {}, break_callers=False))
        show_contract_draft(out, draft)
        return draft.contract

    champion = rolled_back(registry, contract_with)
    say(f"Version {champion.number} ({champion.bundle}) is the champion again.")


@app.command(epilog="Example: `lead-temperature versions --config crm/lead_temperature.toml`")
def versions(config: ConfigOption = CONFIG) -> None:
    """List the registered versions, mark the champion, and say how to open MLflow's pages."""
    settings = configuration(config)
    from training.versions.registry import versions as registered

    registry = registry_of(settings)
    numbered = registered(registry)
    for version in numbered:
        mark = "  champion" if version.champion else ""
        say(f"{version.number:>5}  {version.bundle}{mark}")
    if not numbered:
        say("No version yet: `lead-temperature train` registers one.")
    elif registry.tracking_uri is None:
        say("MLflow's pages on them:", f"  mlflow ui --backend-store-uri {quote(registry.uri)}")


@app.command(
    epilog="Example: `lead-temperature pull champion -o bundle --config crm/lead_temperature.toml`"
)
def pull(
    alias: Annotated[
        str, typer.Argument(metavar="[ALIAS]", help="An alias, or the number of a version.")
    ] = "champion",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the bundle.")] = Path(
        "bundle"
    ),
    config: ConfigOption = CONFIG,
    watch: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            metavar="SECONDS",
            help="Keep running: check the alias at this interval and fetch the bundle whenever "
            "it has moved.",
        ),
    ] = None,
) -> None:
    """Fetch the bundle of a version into a folder, checked and ready to serve."""
    settings = configuration(config)
    from training.versions.registry import pull as pulled
    from training.versions.watch import follow_alias

    registry = registry_of(settings)
    if watch is None:
        version = pulled(registry, alias, output)
        say(
            f"Version {version.number} ({version.bundle}) is in {output}. Serve it:",
            f"  lead-temperature serve --bundle {word(output)}",
        )
        return
    # On SIGTERM the exit runs the clean-up of what is half fetched.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    for event in follow_alias(registry, alias, output, partial(time.sleep, watch)):
        if isinstance(event, Exception):
            say(f"{output} stays as it is: {event}", to=err, style="yellow")
        else:
            say(f"Version {event.number} ({event.bundle}) is in {output}.")
