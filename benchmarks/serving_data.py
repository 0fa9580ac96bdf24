"""What every server of the benchmark is given: one bundle, and the same leads to score.

The made-up CRM is given attributes that tell nothing, as cards are full of them, until a lead has
twenty. A bundle is trained on it by the defaults, and leads are chosen that had twenty interactions
by the instant at which they are scored, so every request carries twenty of each.
"""

import dataclasses
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.serving_load import write_bodies
from features.arrays import Int64
from features.export.sources import read_export
from features.progress import no_progress
from features.scale.requests import requests_of
from features.spine import Spine, iso, microseconds
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import ENDS_AT, write_export
from models.bundle import Bundle, save_bundle
from models.card import CardDocument
from models.golden import GOLDEN, golden_json
from training.config import read_config
from training.dataset.frame import training_frame
from training.fitting.bundle import fit_bundle

LEADS, SMALL = 8_000, 2_500
ATTRIBUTES = INTERACTIONS = 20
BODIES = 64
"""Different leads that are asked about, over and over."""
BATCH = 1_000
SEED = 11
_LAST_FIXED = '"company_size", "budget",\n]'
_WORDS = ("none", "some", "much", "unknown to us")


def prepare(folder: Path, small: bool) -> None:
    """Write export, bundle and leads into a folder, anew: what is measured is today's code.

    `leads.json` holds the bodies of requests, `bundle` the model, `export` what it learned from.
    """
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as made:
        write_wide_export(Path(made), SMALL if small else LEADS)
        config = read_config(Path(made) / "lead_temperature.toml")
        tables = read_export(config.export)
        frame = training_frame(tables, config.dataset, no_progress)
        bundle = fit_bundle(frame, (), config.fitting, no_progress).bundle
        card = CardDocument.of({"data_end": iso(tables.data_end)})
        bundle = dataclasses.replace(bundle, card=card)
        save_bundle(bundle, folder / "bundle", {GOLDEN: golden_json(bundle)})
        leads = full_leads(tables, bundle)
        shutil.copytree(made, folder / "export")
    (folder / "leads.json").write_text(json.dumps(leads), encoding="utf-8")


def write_wide_export(folder: Path, leads: int) -> None:
    """A made-up export whose leads have twenty attributes."""
    crm = made_up_crm(leads, SEED)
    random = np.random.default_rng(SEED)
    numbers = {f"figure_{i}": pa.array(random.integers(0, 900, leads) / 4) for i in range(4)}
    words = {f"word_{i}": pa.array(random.choice(_WORDS, leads).tolist()) for i in range(4)}
    table = crm.leads
    for name, column in (numbers | words).items():
        table = table.append_column(name, column)
    write_export(dataclasses.replace(crm, leads=table), folder, "parquet")
    config = folder / "lead_temperature.toml"
    names = ", ".join(f'"{name}"' for name in numbers | words)
    text = config.read_text(encoding="utf-8").replace(_LAST_FIXED, f"{_LAST_FIXED[:-1]}{names}\n]")
    config.write_text(text, encoding="utf-8")


def full_leads(tables: Tables, bundle: Bundle) -> list[dict[str, Any]]:
    """Bodies of `BODIES` requests, with 20 attributes and 20 interactions each.

    Raises
    ------
    ValueError
        The bundle does not read twenty attributes.
    """
    kinds = bundle.spec.attribute_kinds
    if len(kinds) != ATTRIBUTES:
        raise ValueError(f"The bundle must read {ATTRIBUTES} attributes, it reads {len(kinds)}.")
    spine = _instants(tables)
    leads = requests_of(tables, spine, kinds)
    for number, lead in enumerate(leads):
        given = lead["attributes"]
        absent = (name for name in kinds if name not in given)
        given |= {n: _WORDS[number % 4] if kinds[n] == "category" else number for n in absent}
    return leads


def _instants(tables: Tables) -> Spine:
    """Leads spread over the export, as soon as the twentieth interaction was recorded."""
    ids = tables.leads["lead_id"].combine_chunks()
    place = tables.interactions["lead_id"].combine_chunks()
    lead = _index(place, ids)
    recorded_at = microseconds(tables.interactions["recorded_at"])
    order = np.lexsort((recorded_at, lead))
    lead, recorded_at = lead[order], recorded_at[order]
    begins = np.searchsorted(lead, np.arange(len(ids)))
    last = begins + INTERACTIONS - 1
    enough = np.flatnonzero(np.append(lead, -1)[np.minimum(last, len(lead))] == np.arange(len(ids)))
    at = recorded_at[last[enough]]
    following = np.append(recorded_at, np.int64(ENDS_AT) * 1_000_000)[last[enough] + 1]
    alone = enough[following > at]  # the next one came later, so that there are twenty and no more
    chosen = alone[np.linspace(0, len(alone) - 1, BODIES).astype(np.int64)]
    return Spine(chosen, recorded_at[last[chosen]] + 1)


def _index(values: pa.Array, among: pa.Array) -> Int64:
    found: Int64 = pc.index_in(values.cast(among.type), value_set=among).to_numpy().astype(np.int64)
    return found


def write_bodies_of(folder: Path) -> dict[str, Path]:
    """Scripts for wrk with the bodies of a folder that was prepared, by the form they have."""
    leads = json.loads((folder / "leads.json").read_text(encoding="utf-8"))
    batch = [leads[number % len(leads)] for number in range(BATCH)]
    forms: dict[str, list[Any]] = {
        "single": leads,
        "batch": [{"leads": batch}],
        "bentoml": [{"lead": lead} for lead in leads],
        "mlflow": [{"dataframe_records": [lead]} for lead in leads],
    }
    return {form: write_bodies(bodies, folder, form) for form, bodies in forms.items()}
