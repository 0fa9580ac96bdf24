"""The whole way once, on a made-up CRM: from an export to banded scores over HTTP.

`make demo` runs this. Every step is a command of `lead-temperature`, printed before it runs, so the
demonstration is also the list of what to type. All it makes lies under ``artifacts/demo``.
"""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from features.export.sources import read_export
from features.scale.requests import requests_of
from features.spine import Spine
from models.bundle import load_bundle
from training.config import read_config

ROOT = Path(__file__).resolve().parent
CRM = Path("artifacts/demo")
CONFIG = CRM / "lead_temperature.toml"
TRAINED = CRM / "artifacts" / "bundle"
CHAMPION = CRM / "champion"
SCORES = CRM / "scores.parquet"
REPORT = CRM / "report.html"
PEOPLE = CRM / "people.toml"
TODAY = CRM / "today.html"
console = Console()


def main(leads: int = 20_000) -> None:
    """Run every step; stop at the first that fails."""
    began = time.monotonic()
    step("synthesize", CRM, "--leads", leads, "--seed", 1)
    step("check", "--config", CONFIG)
    figures = CRM / "figures.json"
    step("train", "--config", CONFIG, "--json", figures)
    as_of = "2026-01-01T00:00:00+00:00"
    step("score", "--bundle", TRAINED, "--config", CONFIG, "--as-of", as_of, "-o", SCORES)
    console.print(f"The first leads are scored after {time.monotonic() - began:.0f} s.")
    version = json.loads((ROOT / figures).read_text())["registered"]
    step("promote", version, "--config", CONFIG)
    step("pull", "champion", "-o", CHAMPION, "--config", CONFIG)
    with running_server(CHAMPION) as url:
        show_answers(url)
    step("backtest", "--config", CONFIG, "--origins", 2)
    step("report", "--bundle", CHAMPION, "--config", CONFIG, "-o", REPORT)
    (ROOT / PEOPLE).unlink(missing_ok=True)
    step("people", "--config", CONFIG, "-o", PEOPLE, "--capacity", 8)
    model = ("--bundle", CHAMPION, "--config", CONFIG, "--people", PEOPLE)
    step("work", *model, "--date", "2026-01-02", "-o", TODAY, "-o", TODAY.with_suffix(".csv"))
    console.print(
        f"\nDone in {time.monotonic() - began:.0f} s. What to do next:\n"
        f"  open {REPORT}                      the managers' report\n"
        f"  open {TODAY}                       today's list for each of the six salespeople\n"
        f"  lead-temperature serve --bundle {CHAMPION}    scores over HTTP; /docs shows how\n"
        f"  lead-temperature versions --config {CONFIG}    what the registry holds\n"
        "  lead-temperature init crm                       begin with your own export\n"
        "  lead-temperature --help                         every other command",
        highlight=False,
    )


def step(verb: str, *arguments: object) -> None:
    """Print a command and run it."""
    words = [verb, *map(str, arguments)]
    console.rule(f"lead-temperature {' '.join(words)}", align="left")
    subprocess.run([sys.executable, "-m", "lead_temperature", *words], cwd=ROOT, check=True)


@contextmanager
def running_server(bundle: Path) -> Iterator[str]:
    """Run the server on a free loopback port; give its address; stop it at the end."""
    command = [sys.executable, "-m", "lead_temperature", "serve", "--bundle", str(bundle)]
    console.rule(f"lead-temperature serve --bundle {bundle} --port 0", align="left")
    with subprocess.Popen(
        [*command, "--port", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            yield address(server)
        finally:
            server.terminate()
    if server.returncode != 0:
        raise RuntimeError(f"The server ended with exit code {server.returncode}.")


def address(server: "subprocess.Popen[str]") -> str:
    """The address that the server prints when it is ready."""
    printed = []
    for line in server.stderr or ():
        printed.append(line)
        if line.startswith("serving http"):
            return line.split()[1]
    raise RuntimeError("The server did not start:\n" + "".join(printed))


def show_answers(url: str) -> None:
    """Post leads of every temperature and show what comes back."""
    tables = read_export(read_config(ROOT / CONFIG).export)
    bulk = pq.read_table(ROOT / SCORES).sort_by([("hot_probability", "descending")])
    bands = [bulk.filter(pc.equal(bulk["band"], band)) for band in ("hot", "warm", "cold")]
    examples = pa.concat_tables([spread(band, 3) for band in bands])
    ids = tables.leads["lead_id"].combine_chunks()
    lead = pc.index_in(examples["lead_id"], value_set=ids).to_numpy().astype(np.int64)
    spine = Spine(lead, examples["as_of"].cast(pa.int64()).to_numpy())
    leads = requests_of(tables, spine, load_bundle(ROOT / CHAMPION).spec.attribute_kinds)
    answers = [post(f"{url}/v1/score", body) for body in leads]
    table = Table(title=f"POST {url}/v1/score", title_justify="left")
    for heading in ("lead", "hot", "warm", "band", "reasons (points on the hot probability)"):
        table.add_column(heading, justify="right" if heading in ("hot", "warm") else "left")
    for answer in answers:
        reasons = "\n".join(f"{r['points']:+.1f} {r['text']}" for r in answer["reasons"])
        table.add_row(
            answer["lead_id"],
            f"{100 * answer['hot_probability']:.1f} %",
            f"{100 * answer['warm_probability']:.1f} %",
            answer["band"],
            reasons,
        )
    console.print(table)
    expected = examples["hot_probability"].to_pylist()
    equal = [answer["hot_probability"] for answer in answers] == expected
    console.print(f"Bit for bit the scores of {SCORES}: {'yes' if equal else 'NO'}")
    if not equal:
        raise RuntimeError("The server's scores differ from the bulk scores.")


def spread(table: pa.Table, rows: int) -> pa.Table:
    """First, middle and last rows of a table; all of them where there are few."""
    rows_taken = np.linspace(0, table.num_rows - 1, min(rows, table.num_rows)).astype(np.int64)
    return table.take(pa.array(rows_taken))


def post(url: str, body: dict[str, Any]) -> Any:
    """Answer of the server to one lead."""
    request = urllib.request.Request(  # noqa: S310 - the address is our own loopback server's
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
