"""The front door: one command, `lead-temperature`, with a verb for each step of the way.

Each verb imports what it needs when it runs, so that the server's environment needs none of the
laboratory and `--help` answers at once. A mistake of the user's becomes one clear message and a
non-zero exit; only a defect of ours shows a traceback.
"""

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

if TYPE_CHECKING:
    from features.tables import Tables
    from training.config import Config
    from training.registry import Registry

app = typer.Typer(
    name="lead-temperature",
    help="Which leads are about to buy: calibrated probabilities, dated and in bands.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
out = Console()
err = Console(stderr=True)

CONFIG = Path("lead_temperature.toml")
ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The export's mapping and the settings.")
]
BundleOption = Annotated[Path, typer.Option("--bundle", "-b", help="Folder of a trained bundle.")]


@app.command(epilog="Example: `lead-temperature init crm`")
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
) -> None:
    """Write a commented lead_temperature.toml and a data folder to fill."""
    from training.template import TEMPLATE

    target = folder / CONFIG
    if target.exists():
        raise FileExistsError(f"{target} exists already and is left as it is; name another folder.")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    target.write_text(TEMPLATE, encoding="utf-8")
    _say(f"Wrote {target}. Put your export into {folder / 'data'}, then:")
    _say(f"  lead-temperature check --config {_word(target)}")


@app.command(epilog="Example: `lead-temperature synthesize demo --leads 20000 --seed 1`")
def synthesize(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write into.")],
    leads: Annotated[int, typer.Option(min=1, max=5_000_000, help="How many leads.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 1,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["csv", "parquet"], typer.Option(help="Of the tables.")
    ] = "csv",
) -> None:
    """Write a made-up CRM export with known true probabilities (kept apart, in `truth`)."""
    from features.synthetic import synthetic_crm, write_export

    _require_made_up(folder)
    with err.status(f"drawing {leads:,} leads"):
        crm = synthetic_crm(leads, seed)
        write_export(crm, folder, format)
    _say(
        f"Wrote {crm.leads.num_rows:,} leads, {crm.interactions.num_rows:,} interactions and the "
        f"truth to {folder}."
    )
    _say(f"  lead-temperature check --config {_word(folder / CONFIG)}")


@app.command(epilog="Example: `lead-temperature check --config crm/lead_temperature.toml`")
def check(
    config: ConfigOption = CONFIG,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go. [default: rejects.csv beside it]")
    ] = None,
) -> None:
    """Say what is in the export and whether it can be trained on; keep what breaks a rule."""
    from features.inspection import inspection
    from features.tables import keep_rejects
    from training.readiness import readiness
    from training.terminal import show_inspection, show_readiness

    settings = _config(config)
    tables = _tables(settings)
    found = inspection(tables)
    show_inspection(out, found)
    target = rejects or config.resolve().parent / "rejects.csv"
    if keep_rejects(tables.rejects, target):
        _say(f"What was left out, each with its rule: {target}")
    if found.problems:
        raise ValueError("This export cannot be used:\n" + "\n".join(found.problems))
    horizons = readiness(tables, settings)
    show_readiness(out, horizons)
    problems = [horizon.problem for horizon in horizons if horizon.problem]
    if problems:
        raise ValueError("No model can be trained on this export yet:\n" + "\n".join(problems))
    _say("Usable. Next:", f"  lead-temperature train --config {_word(config)}")


@app.command(epilog="Example: `lead-temperature audit --config crm/lead_temperature.toml`")
def audit(
    config: ConfigOption = CONFIG,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all findings to this file.")
    ] = None,
) -> None:
    """Find attributes and interactions that know the outcome; train leaves them out."""
    from training.audit import audit as findings_of
    from training.audit_table import show_audit

    settings = _config(config)
    tables = _tables(settings)
    with err.status("examining"):
        findings = findings_of(tables, settings)
    show_audit(out, findings)
    if json_file is not None:
        values = [found.to_json() for found in findings]
        _write(json_file, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


@app.command(epilog="Example: `lead-temperature features --config crm/lead_temperature.toml`")
def features(config: ConfigOption = CONFIG) -> None:
    """List the features that your export gives, in words and with their coverage."""
    from training.overview import features_overview
    from training.terminal import show_features

    settings = _config(config)
    show_features(out, features_overview(_tables(settings), settings))


@app.command(
    epilog="Example: `lead-temperature train --config crm/lead_temperature.toml --json f.json`"
)
def train(
    config: ConfigOption = CONFIG,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Bundle folder. [default: bundle in the registry]"),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
) -> None:
    """Train, calibrate and judge a model; write its bundle and register it in MLflow."""
    from features.data_end import times_after_end
    from features.inspection import broken_rules
    from models.bundle import REPORTS, require_replaceable, save_bundle
    from models.golden import GOLDEN, golden_json
    from training.pipeline import trained_bundle
    from training.registry import record
    from training.report.render import bundle_report
    from training.report.standalone import run_documents
    from training.terminal import (
        progress_bars,
        show_after_end,
        show_ages,
        show_bands,
        show_figures,
        show_rejects,
    )

    settings = _config(config)
    folder = output or settings.registry_folder / "bundle"
    require_replaceable(folder)
    tables = _tables(settings)
    show_rejects(err, broken_rules(tables.rejects))
    show_after_end(err, times_after_end(tables), tables.data_end)
    with progress_bars(err) as told:
        bundle = trained_bundle(tables, settings, told)
    # A folder of its own: another training may write into the other one meanwhile.
    with TemporaryDirectory() as own:
        bundle = save_bundle(bundle, Path(own, "bundle"))
        pages = {name: bundle_report(bundle, code) for code, name in REPORTS.items()}
        pages[GOLDEN] = golden_json(bundle)
        save_bundle(bundle, Path(own, "bundle"), pages)
        save_bundle(bundle, folder, pages)
        with err.status("registering"):
            documents = run_documents(bundle)
            version = record(_registry(settings), Path(own, "bundle"), documents)
    show_figures(out, bundle.card)
    show_ages(out, bundle.card)
    show_bands(out, bundle.card)
    if json_file is not None:
        figures = {"version": bundle.version, "registered": version.number, **bundle.card}
        _write(json_file, json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    _say(
        f"Bundle {bundle.version} in {folder}, registered as version {version.number}. "
        "Make it the champion:",
        f"  lead-temperature promote {version.number} --config {_word(config)}",
    )


@app.command(
    epilog="Example: `lead-temperature backtest --config crm/lead_temperature.toml --origins 5`"
)
def backtest(
    config: ConfigOption = CONFIG,
    origins: Annotated[
        int, typer.Option(min=2, max=50, help="Days of the past at which to train.")
    ] = 5,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
) -> None:
    """Train as on several days of the past and judge each model by what came after."""
    from training.backtest import backtest as backtested
    from training.backtest_table import show_backtest
    from training.terminal import progress_bars

    settings = _config(config)
    tables = _tables(settings)
    with progress_bars(err) as told:
        found = backtested(tables, settings, origins, told)
    show_backtest(out, found)
    if json_file is not None:
        _write(json_file, json.dumps(found.to_json(), indent=1, ensure_ascii=False) + "\n")


@app.command(
    epilog="Example: `lead-temperature tune --config crm/lead_temperature.toml --minutes 5`"
)
def tune(
    config: ConfigOption = CONFIG,
    minutes: Annotated[
        float, typer.Option(min=0, help="No trial begins after so many minutes.")
    ] = 10.0,
    trials: Annotated[
        int, typer.Option(min=1, help="Settings to try in all, those of earlier searches too.")
    ] = 60,
) -> None:
    """Look for better [model] settings inside the fitting period; run it again to go on."""
    from training.terminal import progress_bars
    from training.tune import tuned
    from training.tune_table import show_tuned

    settings = _config(config)
    tables = _tables(settings)
    until = time.monotonic() + 60 * minutes
    with progress_bars(err) as told:
        found = tuned(tables, settings, trials, lambda: time.monotonic() > until, told)
    show_tuned(out, found)
    if found.worth_changing:
        _say(f"Worth changing. Paste into {config}:", "", found.section())
    else:
        _say("Nothing worth changing: what seems better is not better beyond chance.")


@app.command(epilog="Example: `lead-temperature promote 3 --config crm/lead_temperature.toml`")
def promote(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Number that train printed.")],
    config: ConfigOption = CONFIG,
    force: Annotated[
        bool, typer.Option("--force", help="Promote whatever is found; that it was so is kept.")
    ] = False,
) -> None:
    """Make a registered version the champion, if it is not worse on the same later leads."""
    from training.comparison_table import show_examination
    from training.promotion import examination
    from training.registry import keep
    from training.registry import promote as promoted
    from training.registry import versions as registered

    settings = _config(config)
    registry = _registry(settings)
    if any(one.champion and one.number == version for one in registered(registry)):
        _say(f"Version {version} is the champion already.")
        return
    examined = examination(registry, version, settings, lambda: _tables(settings), force)
    show_examination(out, examined)
    judgement = examined.judgement(force)
    if not judgement.promoted:
        keep(registry, version, judgement)
        raise ValueError(
            f"Version {version} is not promoted: {judgement.finding}. `--force` promotes it all "
            "the same, which is kept with the version."
        )
    found = promoted(registry, version, judgement)
    _say(
        f"Version {found.number} ({found.bundle}) is the champion. Fetch it:",
        f"  lead-temperature pull champion -o bundle --config {_word(config)}",
    )


@app.command(epilog="Example: `lead-temperature rollback --config crm/lead_temperature.toml`")
def rollback(config: ConfigOption = CONFIG) -> None:
    """Make the champion before this one the champion again."""
    from training.registry import rollback as rolled_back

    found = rolled_back(_registry(_config(config)))
    _say(f"Version {found.number} ({found.bundle}) is the champion again.")


@app.command(epilog="Example: `lead-temperature versions --config crm/lead_temperature.toml`")
def versions(config: ConfigOption = CONFIG) -> None:
    """List the registered versions and show the champion."""
    from training.registry import versions as registered

    found = registered(_registry(_config(config)))
    for version in found:
        mark = "  champion" if version.champion else ""
        _say(f"{version.number:>5}  {version.bundle}{mark}")
    if not found:
        _say("No version yet: `lead-temperature train` registers one.")


@app.command(
    epilog="Example: `lead-temperature pull champion -o bundle --config crm/lead_temperature.toml`"
)
def pull(
    alias: Annotated[
        str, typer.Argument(metavar="[ALIAS]", help="An alias or a version number.")
    ] = "champion",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder.")] = Path("bundle"),
    config: ConfigOption = CONFIG,
) -> None:
    """Fetch a version's bundle as a folder, checked, ready to serve."""
    from training.registry import pull as pulled

    found = pulled(_registry(_config(config)), alias, output)
    _say(
        f"Version {found.number} ({found.bundle}) is in {output}. Serve it:",
        f"  lead-temperature serve --bundle {_word(output)}",
    )


@app.command(
    epilog="Example: `lead-temperature score --bundle bundle --config crm/lead_temperature.toml "
    "--as-of 2026-01-01T00:00:00+00:00 -o scores.parquet`"
)
def score(
    bundle: BundleOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .parquet or .csv file.")],
    leads: Annotated[Path | None, typer.Option(help="Leads, .csv or .parquet.")] = None,
    interactions: Annotated[Path | None, typer.Option(help="Interactions.")] = None,
    attributes: Annotated[
        Path | None, typer.Option(help="Log of the attributes that change.")
    ] = None,
    spine: Annotated[
        Path | None, typer.Option(help="Table of lead_id and as_of: what to score, and when.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Score all open leads at this instant. [default: now]")
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="Scores of an earlier run: a lead near a cut-off stays in its band."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Mapping; without it, columns have our names."),
    ] = None,
    engine: Annotated[
        Literal["local", "spark"],
        typer.Option(
            help="Where features and scores are computed. `spark` needs Java 17 and the extra "
            "`spark`, and writes a folder of Parquet parts."
        ),
    ] = "local",
    strict: Annotated[
        bool, typer.Option("--strict", help="Score nothing when a row or value is rejected.")
    ] = False,
) -> None:
    """Score many leads at once, by the same code as the server."""
    from features.inspection import broken_rules
    from features.tables import keep_rejects
    from models.bundle import load_bundle
    from training.previous import previous_bands
    from training.scoring import cautions, score_on_spark, scored, write_scores
    from training.terminal import show_rejects
    from training.wanted import Files, read_for_scoring, spine_at, spine_from

    if spine is not None and as_of is not None:
        raise ValueError("--spine and --as-of exclude each other: a spine has its own instants.")
    if previous is not None and engine == "spark":
        raise ValueError("--previous is for the local engine: score without --engine spark.")
    loaded = load_bundle(bundle)
    files = Files(config, leads, interactions, attributes)
    with _reading() as read:
        tables = read_for_scoring(loaded.spec, files, read)
    rejects = output.with_name(f"{output.stem}.rejects.csv")
    show_rejects(err, broken_rules(tables.rejects))
    if keep_rejects(tables.rejects, rejects):
        _say(f"What was left out, each with its rule: {rejects}", to=err)
        if strict:
            raise ValueError("Nothing was scored: with --strict every row must be good.")
    wanted = spine_from(spine, tables) if spine else spine_at(_instant(as_of), tables)
    notes = cautions(loaded, tables, wanted.spine)
    if engine == "spark":
        err.print(f"scoring {len(wanted.spine):,} rows on Spark")  # its own bar comes below
        rows = score_on_spark(bundle, tables, wanted.spine, output)
    else:
        with err.status(f"scoring {len(wanted.spine):,} rows"):
            before = previous_bands(previous, tables, wanted.spine) if previous else None
            table = scored(loaded, tables, wanted.spine, previous=before)
            notes += write_scores(table, output)
        rows = table.num_rows
    _say(*wanted.notes, *notes, to=err, style="yellow")
    place = "folder " if engine == "spark" else ""
    _say(f"Wrote {rows:,} scores of {loaded.version} to {place}{output}.")


@app.command(epilog="Example: `lead-temperature report --bundle bundle -o report.html`")
def report(
    bundle: BundleOption,
    output: Annotated[Path, typer.Option("--output", "-o", help="An HTML or PDF file.")],
    lang: Annotated[
        Literal["en", "pt", "ru", "ro", "it"], typer.Option(help="Language of the report.")
    ] = "en",
    format_: Annotated[
        Literal["html", "pdf"],
        typer.Option("--format", help="`pdf` is A4 and needs the extra `pdf`."),
    ] = "html",
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="A fresh export: open leads and the team's work are counted from it.",
        ),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="Bundle of an earlier report, to tell what has changed since."),
    ] = None,
) -> None:
    """Write the managers' report: one self-contained page, or a PDF to print."""
    from models.bundle import load_bundle
    from training.report.fresh import brought_up_to_date
    from training.report.render import bundle_report

    loaded = load_bundle(bundle)
    if config is not None:
        settings = _config(config)
        loaded = brought_up_to_date(loaded, _tables(settings), settings)
    page = bundle_report(loaded, lang, None if previous is None else load_bundle(previous))
    if format_ == "pdf":
        from training.report.pdf import pdf_of

        _write(output, pdf_of(page))
        _say(f"Wrote {output}.")
    else:
        _write(output, page)
        _say(f"Wrote {output}: open it in any browser.")


@app.command(epilog="Example: `lead-temperature verify --bundle bundle`")
def verify(
    bundle: BundleOption,
    rounded: Annotated[
        bool,
        typer.Option("--rounded", help="Let numbers differ by 1e-12, as between processors."),
    ] = False,
) -> None:
    """Ask a bundle its golden leads again: it must answer as where it was made."""
    from models.bundle import load_bundle
    from models.golden import GOLDEN
    from serving.golden import replayed

    loaded, golden = load_bundle(bundle), bundle / GOLDEN
    if not golden.exists():
        raise FileNotFoundError(
            f"{bundle} has no {GOLDEN}: it was trained before bundles had one. Train it again."
        )
    leads = replayed(loaded, golden.read_text(encoding="utf-8"), rounded=rounded)
    exactly = "to 12 digits" if rounded else "bit for bit"
    _say(
        f"Bundle {loaded.version} answers its {leads} golden leads as where it was made, {exactly}."
    )


@app.command(epilog="Example: `lead-temperature serve --bundle bundle --port 8000`")
def serve(
    bundle: BundleOption,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8000,
    workers: Annotated[
        int,
        typer.Option(min=1, max=256, help="Processes that answer; another replaces one that ends."),
    ] = 1,
) -> None:
    """Serve scores over HTTP until stopped; the environment holds the settings and API keys."""
    from serving.run import run
    from serving.settings import settings_from

    run(bundle, host, port, settings_from(os.environ), workers)


def _config(path: Path) -> "Config":
    from training.config import read_config

    return read_config(path)


def _tables(settings: "Config") -> "Tables":
    from features.sources import read_export

    with _reading() as read:
        return read_export(settings.export, read)


@contextmanager
def _reading() -> Iterator[Callable[[str, int], None]]:
    """Tell how far the reading of an export is."""
    with err.status("reading the export") as status:

        def read(table: str, rows: int) -> None:
            status.update(f"reading {table}" + (f": {rows:,} rows" if rows else ""))

        yield read


def _registry(settings: "Config") -> "Registry":
    from training.registry import Registry

    # The file is what was agreed on: an environment left over from something else never moves a
    # champion elsewhere.
    address = settings.registry.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    return Registry(settings.registry_folder, settings.registry.model, address)


def _instant(text: str | None) -> int:
    if text is None:
        return time.time_ns() // 1_000
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"--as-of must be an ISO 8601 time such as 2026-01-01T00:00:00+00:00, got '{text}'."
        ) from error
    if found.tzinfo is None:
        raise ValueError(f"--as-of needs a time zone, such as {text}+00:00, got '{text}'.")
    return round((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)


def _require_made_up(folder: Path) -> None:
    """Refuse to write over an export that is no made-up one: the truth does not lie beside it."""
    tables = ("leads", "interactions", "attributes", "truth")
    names = [f"{name}.{suffix}" for name in tables for suffix in ("csv", "parquet")]
    there = [name for name in (CONFIG.name, *names) if (folder / name).exists()]
    if there and not any(name.startswith("truth.") for name in there):
        raise FileExistsError(
            f"{folder} holds {', '.join(there)}, which this command did not write, and is left as "
            "it is; name another folder."
        )


def _say(*lines: str, to: Console = out, style: str | None = None) -> None:
    """Print lines as they are: nothing in them is markup, and a command stays on one line."""
    for line in lines:
        to.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def _word(path: Path) -> str:
    """Path as one word of a command that can be copied."""
    return shlex.quote(str(path))


def _write(path: Path, content: str | bytes) -> None:
    """Write a file all at once: a reader sees the earlier one or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content if isinstance(content, bytes) else content.encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def main() -> None:
    """Run the command; a user's mistake becomes a message and exit code 1."""
    try:
        app()
    except (ValueError, OSError, ImportError) as error:
        if isinstance(error, ModuleNotFoundError):
            message = (
                f"This verb needs the laboratory, and '{error.name}' is not installed: "
                "pip install 'lead-temperature[train]'."
            )
        else:
            message = str(error)
        _say(f"Error: {message}", to=err, style="red")
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)


if __name__ == "__main__":
    main()
