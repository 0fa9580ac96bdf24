"""Write the managers' report.

Tests: tests/lead_temperature/test_command.py.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from lead_temperature.inputs import BundleOption, configuration, tables_of
from lead_temperature.output import say, write
from lead_temperature.verbs.monitoring import OwnLedgerOption, served_by

app = typer.Typer()
PageFormat: TypeAlias = Literal["html", "pdf"]


@app.command(epilog="Example: `lead-temperature report --bundle bundle -o report.html`")
def report(
    bundle: BundleOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="An HTML or PDF file.")],
    lang: Annotated[
        Literal["en", "pt", "ru", "ro", "it"], typer.Option(help="Language of the report.")
    ] = "en",
    format_: Annotated[
        PageFormat | None,
        typer.Option(
            "--format",
            help="`pdf` is A4 and needs the extra `pdf`. [default: what the file's name ends in]",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="A fresh export: open leads and the team's work are counted from it, and the "
            "latest backtest is taken from beside its registry.",
        ),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="Bundle of an earlier report: the page says what has changed since."),
    ] = None,
    ledger: OwnLedgerOption = None,
) -> None:
    """Write the managers' report: one self-contained page, or a PDF to print."""
    if ledger is not None and config is None:
        raise ValueError("--ledger needs --config: only a later export tells what came of answers.")
    settings = None if config is None else configuration(config)
    from lead_temperature.api import brought_up_to_date
    from models.bundle import load_bundle
    from training.report.past import PAST, read_past
    from training.report.render import bundle_report
    from training.report.served import ServedHorizon

    page_format = _page_format(output, format_)
    loaded, past = load_bundle(bundle), read_past(bundle / PAST)
    served: tuple[ServedHorizon, ...] = ()
    if settings is not None:
        tables = tables_of(settings)
        loaded, latest = brought_up_to_date(loaded, settings, tables)
        past = latest or past
        if ledger is not None:
            served = served_by(ledger, tables, settings.dataset.snapshots, loaded)
    earlier = None if previous is None else load_bundle(previous)
    page = bundle_report(loaded, lang, earlier, past, served)
    if page_format == "pdf":
        from training.report.pdf import pdf_of

        write(output, pdf_of(page))
        say(f"Wrote {output}.")
    else:
        write(output, page)
        say(f"Wrote {output}: open it in any browser.")


def _page_format(output: Path, requested: PageFormat | None) -> PageFormat:
    """Format of a report: the requested one, else the one that the file's name ends in."""
    endings: dict[str, PageFormat] = {".html": "html", ".pdf": "pdf"}
    ending = endings.get(output.suffix.lower())
    page_format = requested or ending
    if page_format is None:
        raise ValueError(f"--output must end in .html or .pdf, got '{output.name}'.")
    if ending not in (None, page_format):
        raise ValueError(
            f"--format is {page_format}, but --output is '{output.name}': drop --format."
        )
    return page_format
