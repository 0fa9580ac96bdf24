"""A small export with a ledger of promises about its leads, some of which are broken."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from features.engine.history import MICROSECONDS_PER_DAY
from ledger.record import Answered, HorizonPromise
from ledger.store import open_ledger

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 364
CONFIG_TEXT = f"""
[data]
ends_at = "{(BEGIN + timedelta(days=DAYS)).isoformat()}"

[leads]
source = "leads.csv"
"""


def write_promised(
    folder: Path, leads: int, *, kept: float = 1.0, name: str = "ledger.db"
) -> tuple[Path, Path]:
    """Configuration of an export, and a ledger whose promises are kept to a share since summer.

    Parameters
    ----------
    folder : pathlib.Path
        Where both are written.
    leads : int
        Number of leads; each is answered about weekly for eight weeks.
    kept : float
        Share of the promised purchases that are made in the second half-year.
    name : str
        Name of the ledger's file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(leads)
    hazard = random.choice([0.002, 0.008], leads)
    created = random.uniform(0, DAYS, leads)
    bought = created + random.exponential(1 / hazard)
    broken = (bought > DAYS / 2) & (random.random(leads) > kept)
    bought[broken] = np.inf
    lines = ["lead_id,created_at,converted_at"]
    for lead in range(leads):
        sold = _iso(bought[lead]) if bought[lead] < DAYS else ""
        lines.append(f"L{lead},{_iso(created[lead])},{sold}")
    (folder / "leads.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = folder / "lead_temperature.toml"
    config.write_text(CONFIG_TEXT, encoding="utf-8")
    ledger = open_ledger(str(folder / name))
    ledger.append(list(_answers(created, bought, hazard)))
    ledger.close()
    return config, folder / name


def _answers(created: np.ndarray, bought: np.ndarray, hazard: np.ndarray) -> Iterator[Answered]:
    begin = round(BEGIN.timestamp()) * 1_000_000
    for lead, born in enumerate(created):
        for age in range(0, 57, 7):
            day = born + age
            if day >= min(bought[lead], DAYS):
                break
            as_of = begin + round(day * MICROSECONDS_PER_DAY)
            yield answered(f"L{lead}", as_of, hazard[lead], ["Ann", "Bo [x]"][lead % 2])


def answered(lead: str, as_of: int, hazard: float = 0.004, owner: str | None = None) -> Answered:
    """An answer about a lead that buys at a constant rate a day."""
    hot, warm = (
        HorizonPromise(days, probability, probability * 0.8, min(1.0, probability * 1.2))
        for days in (14, 90)
        for probability in [float(-np.expm1(-days * hazard))]
    )
    return Answered(
        lead=lead,
        as_of=as_of,
        received_at=as_of + 1,
        model_version="2026-01-01-abc",
        hot=hot,
        warm=warm,
        band="hot" if hazard > 0.005 else "cold",
        doubt=False,
        features=b"",
        purpose="work",
        owner=owner,
        channel="web",
    )


def _iso(day: float) -> str:
    return (BEGIN + timedelta(seconds=round(day * 86_400))).isoformat()
