"""How many overwritten columns the audit finds, and how many honest ones it accuses.

`make bench-audit` adds honest and overwritten columns (`benchmarks.audit_columns`) to exports of
every made-up world, with at least 700 sales each, and counts what the audit calls a leak or a
suspect. The audit's thresholds may be chosen on two of the
worlds (`benchmarks.worlds_export.USE_OF_WORLD`); the others judge. The
honest columns are those that are added and those of the export itself. Events are not counted:
their times are true. `--weeks 4` also keeps what an export four weeks earlier held of open leads.
"""

import dataclasses
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.audit_columns import Column, columns_for
from benchmarks.worlds_export import USE_OF_WORLD, conversions_of, worlds
from features.arrays import Float64
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.first_seen import FirstSeen, nothing_seen, seen_in
from features.export.sources import read_export
from features.spine import microseconds
from features.tables import INSTANT, Tables
from features.worlds.crm import write_export
from features.worlds.registry import made_up_crm
from training.audit.findings import audit
from training.audit.leaks import Finding
from training.config import Config, read_config

ROOT = Path(__file__).resolve().parents[1]
SALES, SEEDS, FIRST_SEED = 700, 3, 301
GOAL_FOUND = 12 / 17
GOAL_LEAKS_BETWEEN_EXPORTS = 0.8
GOAL_HONEST_SUSPECTS = 0.01

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console()
PIPED = 150
"""Characters of a line where no terminal says how many it has."""


@dataclasses.dataclass(frozen=True, slots=True)
class Verdicts:
    """What the audit says of the columns of one export.

    Parameters
    ----------
    world : str
        World that the export is of.
    seed : int
        Its seed.
    sales : int
        Leads that converted.
    planted, honest : dict of str to str
        Verdict on each column.
    seconds : float
        Processor time of the audit.
    """

    world: str
    seed: int
    sales: int
    planted: dict[str, str]
    honest: dict[str, str]
    seconds: float

    @property
    def found(self) -> int:
        """Planted columns that are called suspect or leak."""
        return sum(verdict in ("suspect", "leak") for verdict in self.planted.values())

    def honest_called(self, verdict: str) -> list[str]:
        """Honest columns with that verdict."""
        return [name for name, called in self.honest.items() if called == verdict]


@app.command()
def main(
    world: Annotated[list[str] | None, typer.Option(help="A world; again for more. All.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = SEEDS,
    first_seed: Annotated[int, typer.Option(min=1, help="The first of them.")] = FIRST_SEED,
    sales: Annotated[int, typer.Option(min=1, help="Sales in each export, at least.")] = SALES,
    weeks: Annotated[
        int, typer.Option(min=0, help="Weeks since an earlier export was kept; 0 for none.")
    ] = 0,
    output: Annotated[Path, typer.Option(help="Folder for results.")] = ROOT / "artifacts/bench",
) -> None:
    """Count planted and honest columns that the audit accuses, world by world."""
    results = []
    for name in world or worlds():
        for seed in range(first_seed, first_seed + seeds):
            with console.status(f"{name}, seed {seed}"), tempfile.TemporaryDirectory() as folder:
                results.append(verdicts_on(name, seed, sales, Path(folder), weeks))
    width = None if console.is_terminal else PIPED
    console.print(table_of(results), width=width)
    for line in (*kinds_missed(results), *honest_accused(results), *goal_lines(results, weeks)):
        console.print(line, highlight=False)
    output.mkdir(parents=True, exist_ok=True)
    values = [dataclasses.asdict(result) for result in results]
    (output / "audit.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def verdicts_on(world: str, seed: int, sales: int, folder: Path, weeks: int = 0) -> Verdicts:
    """What the audit says of the columns of one export with enough sales.

    Parameters
    ----------
    world : str
        Name of a world.
    seed : int
        Seed of the export and of the columns.
    sales : int
        Converted leads that the export has at least.
    folder : pathlib.Path
        Where the export is written.
    weeks : int, optional
        How long before it an earlier export was kept; 0 for none.
    """
    tables, truth, config = export_with(world, seed, sales, folder)
    columns = columns_for(tables, truth, seed)
    earlier = kept_before(tables, truth, seed, weeks) if weeks else None
    began = time.process_time()
    findings = audit(with_columns(tables, columns), config.dataset, config.audit, earlier)
    seconds = time.process_time() - began
    return verdicts_of(findings, columns, world, seed, conversions_of(tables), seconds)


def verdicts_of(
    findings: Sequence[Finding],
    columns: Sequence[Column],
    world: str,
    seed: int,
    sales: int,
    seconds: float,
) -> Verdicts:
    """Verdicts on columns, the planted ones apart."""
    planted = {column.name for column in columns if column.planted}
    called = {one.name: one.verdict for one in findings if one.what == "attribute"}
    return Verdicts(
        world=world,
        seed=seed,
        sales=sales,
        planted={name: verdict for name, verdict in called.items() if name in planted},
        honest={name: verdict for name, verdict in called.items() if name not in planted},
        seconds=seconds,
    )


def export_with(world: str, seed: int, sales: int, folder: Path) -> tuple[Tables, Float64, Config]:
    """An export with at least so many sales, the truth at creation, and the configuration."""
    leads = 4 * sales
    while True:
        write_export(made_up_crm(world, leads, seed), folder, "parquet")
        config = read_config(folder / "lead_temperature.toml")
        tables = read_export(config.export)
        if (sold := conversions_of(tables)) >= sales:
            return tables, truth_at_creation(tables, folder), config
        leads = int(leads * min(4.0, 1.1 * sales / max(sold, 1)) + 100)


def truth_at_creation(tables: Tables, folder: Path) -> Float64:
    """True probability of each lead at its first look; the median where there is none."""
    truth = pq.read_table(folder / "truth.parquet", columns=["lead_id", "warm_probability"])
    ids = tables.leads["lead_id"].combine_chunks()
    first = pc.index_in(ids, value_set=truth["lead_id"].combine_chunks())
    chance = truth["warm_probability"].take(first).combine_chunks()
    chance = chance.fill_null(float(np.median(truth["warm_probability"].to_numpy())))
    return np.clip(np.asarray(chance.to_numpy(), np.float64), 1e-5, 1 - 1e-5)


def with_columns(tables: Tables, columns: Sequence[Column]) -> Tables:
    """The export with these columns declared as fixed at creation."""
    leads = tables.leads
    for column in columns:
        leads = leads.append_column(column.name, pa.chunked_array([column.values]))
    kinds = {**tables.attribute_kinds, **{column.name: column.kind for column in columns}}
    return dataclasses.replace(tables, leads=leads, attribute_kinds=kinds)


def kept_before(tables: Tables, truth: Float64, seed: int, weeks: int) -> FirstSeen:
    """What a training some weeks earlier would have kept of the leads that were open then.

    Parameters
    ----------
    tables : Tables
        The export of today.
    truth : float array of shape (leads,)
        True probability of each lead at its creation.
    seed : int
        Seed of the columns: they are drawn as for today, from outcomes and log as of then.
    weeks : int
        How many weeks.
    """
    then = tables.data_end - weeks * 7 * MICROSECONDS_PER_DAY
    leads = tables.leads
    for name in ("converted_at", "closed_at"):
        instants = microseconds(leads[name])
        as_of_then = pa.array(instants, mask=instants >= then).cast(INSTANT)
        leads = leads.set_column(leads.column_names.index(name), name, as_of_then)
    log = tables.interactions.filter(
        pa.array(microseconds(tables.interactions["occurred_at"]) < then)
    )
    before = dataclasses.replace(tables, leads=leads, interactions=log, data_end=then)
    before = with_columns(before, columns_for(before, truth, seed))
    existed = pa.array(microseconds(tables.leads["created_at"]) < then)
    before = dataclasses.replace(before, leads=before.leads.filter(existed))
    return seen_in(before, nothing_seen())


def table_of(results: Sequence[Verdicts]) -> Table:
    """One row a world, then what is printed of all."""
    table = Table(title="The audit beside planted and honest columns", title_justify="left")
    table.add_column("world")
    table.add_column("use")
    for heading in ("exports", "sales", "found", "leak", "suspect", "cannot be told"):
        table.add_column(heading, justify="right")
    for heading in ("honest", "leak", "suspect", "cannot be told", "seconds"):
        table.add_column(heading, justify="right")
    for world in dict.fromkeys(result.world for result in results):
        table.add_row(*_row(world, [result for result in results if result.world == world]))
    return table


def _row(world: str, results: Sequence[Verdicts]) -> list[str]:
    planted = Counter(verdict for result in results for verdict in result.planted.values())
    honest = Counter(verdict for result in results for verdict in result.honest.values())
    grades = ("leak", "suspect", "cannot be told")
    return [
        world,
        USE_OF_WORLD[world],
        str(len(results)),
        f"{min(result.sales for result in results):,}",
        f"{sum(result.found for result in results)} of {planted.total()}",
        *(str(planted[grade]) for grade in grades),
        str(honest.total()),
        *(str(honest[grade]) for grade in grades),
        f"{np.mean([result.seconds for result in results]):.1f}",
    ]


def kinds_missed(results: Sequence[Verdicts]) -> list[str]:
    """A line for each kind of planted column: how often it is found, by strength."""
    found_by_kind: dict[str, dict[str, list[bool]]] = {}
    for result in results:
        for name, verdict in result.planted.items():
            kind, strength = name.rsplit(" ", 1)
            by_strength = found_by_kind.setdefault(kind, {}).setdefault(strength, [])
            by_strength.append(verdict in ("suspect", "leak"))
    return [
        f"{kind}: "
        + ", ".join(f"{sum(hits)} of {len(hits)} at {one}" for one, hits in strengths.items())
        for kind, strengths in found_by_kind.items()
    ]


def honest_accused(results: Sequence[Verdicts]) -> list[str]:
    """A line for each honest column that is called suspect or leak."""
    return [
        f"honest, called {verdict}: {name} ({result.world}, seed {result.seed})"
        for result in results
        for verdict in ("leak", "suspect")
        for name in result.honest_called(verdict)
    ]


def goal_lines(results: Sequence[Verdicts], weeks: int = 0) -> list[str]:
    """The goals on the worlds that only judge, ok or missed."""
    judged = [result for result in results if USE_OF_WORLD[result.world] == "judging"]
    if not judged:
        return []
    found_share = sum(result.found for result in judged) / sum(len(one.planted) for one in judged)
    honest = sum(len(result.honest) for result in judged)
    suspects = sum(len(result.honest_called("suspect")) for result in judged)
    leaks = sum(len(result.honest_called("leak")) for result in judged)
    lines = {
        f"found {found_share:.0%}, goal {GOAL_FOUND:.0%}": found_share >= GOAL_FOUND,
        f"honest suspects {suspects} of {honest}, goal at most {GOAL_HONEST_SUSPECTS:.0%}": (
            suspects <= GOAL_HONEST_SUSPECTS * honest
        ),
        f"honest leaks {leaks}, goal none": leaks == 0,
    }
    if weeks:
        verdicts = [verdict for result in judged for verdict in result.planted.values()]
        leak_share = verdicts.count("leak") / len(verdicts)
        text = f"called leak {leak_share:.0%}, goal {GOAL_LEAKS_BETWEEN_EXPORTS:.0%}"
        lines[text] = leak_share >= GOAL_LEAKS_BETWEEN_EXPORTS
    return [
        f"worlds that judge: {text}: {'ok' if kept else 'missed'}" for text, kept in lines.items()
    ]


if __name__ == "__main__":
    app()
