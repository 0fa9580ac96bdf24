"""The memory of `score` follows the leads that are scored, not the export around them."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.bundle import save_bundle
from tests.support.bundles import small_bundle
from tests.support.exports import write_text

pytestmark = [pytest.mark.slow, pytest.mark.process]

MEGABYTE = 1 << 20
HEADER = "lead_id,occurred_at,kind,duration_seconds\n"
OF_CLOSED_LEADS = "".join(
    f"{i % 500},2024-0{1 + i % 9}-{10 + i % 19}T0{i % 10}:00:00Z,call {i % 7},{i % 600}\n"
    for i in range(20_000)
)
OF_OPEN_LEADS = "".join(f"{i},2024-10-02T08:00:00Z,price_question,60\n" for i in range(500, 520))
# Arrow reads up to 32 blocks ahead: small ones, so that neither export fits into them.
COMMAND = """
import resource
from features.export import csv_rows
from lead_temperature.command import run
csv_rows.LONGEST_ROW_BYTES = 1 << 20
try:
    run()
except SystemExit as ended:
    assert not ended.code
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak_of_score(folder: Path, bundle: Path, megabytes: int, data: str) -> int:
    """Greatest resident memory in bytes of a process that scores 20 open leads of 520."""
    folder.mkdir()
    leads = [
        f"{i},2024-01-01T00:00:00Z,{'2024-11-01T00:00:00Z' if i < 500 else ''}" for i in range(520)
    ]
    write_text(folder / "leads.csv", "lead_id,created_at,closed_at", *leads)
    with (folder / "interactions.csv").open("w") as file:
        file.write(HEADER)
        for _ in range(megabytes * MEGABYTE // len(OF_CLOSED_LEADS)):
            file.write(OF_CLOSED_LEADS)
        file.write(OF_OPEN_LEADS)
    write_text(
        folder / "lead_temperature.toml",
        *(data, '[leads]\nsource = "leads.csv"', '[interactions]\nsource = "interactions.csv"'),
        'measures = ["duration_seconds"]',
    )
    arguments = ["--bundle", bundle, "--as-of", "2024-12-01T00:00:00Z"]
    arguments += ["--config", folder / "lead_temperature.toml", "--output", folder / "s.parquet"]
    run = subprocess.run(
        [sys.executable, "-c", COMMAND, "score", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "Wrote 20 scores" in run.stdout
    (folder / "interactions.csv").unlink()
    return int(run.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("data", "most_bytes_a_byte"),
    [
        pytest.param('[data]\nends_at = "2024-12-01T00:00:00Z"', 0.06, id="end is configured"),
        # The times of all interactions tell where the data end: 64 bytes for each row of 35.
        pytest.param("", 0.06 + 64 / 35, id="end is guessed"),
    ],
)
def test_the_memory_of_score_does_not_grow_with_the_export(
    tmp_path, data, most_bytes_a_byte
) -> None:
    bundle = tmp_path / "bundle"
    save_bundle(small_bundle(), bundle)
    small, large = (peak_of_score(tmp_path / f"{size}", bundle, size, data) for size in (40, 240))
    assert (large - small) / (200 * MEGABYTE) < most_bytes_a_byte
