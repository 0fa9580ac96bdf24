"""A bundle of a CRM's own export, as `init --from` drafts it: its names, its words, its formats.

Nothing is trained. The model is a points card that looks at every feature of the standard
catalogue, so that whatever is read otherwise than in the export moves the probability.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from features.export.guessing.draft import draft
from features.export.mapping_terms import export_terms
from features.export.sources import read_export
from features.scale.catalogue import standard_spec
from features.tables import Tables
from lead_temperature import load_bundle
from models.bands import Bands
from models.bundle import Bundle, save_bundle
from models.calibration import BetaCalibration
from models.card import CardDocument
from models.evidence import Evidence
from models.horizon import HorizonModel
from models.predictors.scorecard import Characteristic, Scorecard
from tests.support.exports import micros
from training.config import config_of

KNOWN_BEFORE = "2024-10-16T00:00:00Z"
"""An instant after everything in the exports of `tests.support.crm_exports`."""
_EDGES = (1.0, 2.0, 5.0, 20.0, 90.0)


@dataclass(frozen=True)
class CrmBundle:
    """A bundle in a folder, and the tables that it was made of."""

    folder: Path
    tables: Tables

    def scores(self, as_of: str) -> pd.DataFrame:
        """Scores of the export's open leads, by lead: what any other way to them must give."""
        return load_bundle(self.folder).score(self.tables, as_of=as_of).set_index("lead_id")


def crm_bundle(
    exports: Path,
    folder: Path,
    timezone: str | None = "UTC",
    changes: Mapping[str, str] = MappingProxyType({}),
) -> CrmBundle:
    """Bundle of the exports in a folder, which `folder` holds; a person may change the draft."""
    text = draft(exports, folder, timezone).text
    for drafted, written in changes.items():
        assert drafted in text
        text = text.replace(drafted, written)
    mapping = config_of(tomllib.loads(text), folder).export
    tables = read_export(mapping)
    spec = standard_spec(tables, micros(KNOWN_BEFORE))
    width, bins = len(spec.features), len(_EDGES) + 2
    qualities = tuple(
        Characteristic(
            column,
            _EDGES,
            tuple((7 * column + 5 * i) % 11 - 5 for i in range(bins)),
            (1 / bins,) * bins,
        )
        for column in range(width)
    )
    card = Scorecard(base=-3.0, doubling=20.0, qualities=qualities, columns=width)
    evidence = Evidence(1_000, (-1e9,) * width, (1e9,) * width, (True,) * width)
    hot, warm = (
        HorizonModel(days, card, BetaCalibration(1.0, 1.0, 0.0), evidence) for days in (14, 90)
    )
    document = CardDocument.of({"data_end": KNOWN_BEFORE})
    bundle = Bundle(spec, hot, warm, Bands(hot=0.3, warm=0.3), document)
    save_bundle(replace(bundle, terms=export_terms(mapping, tables, spec)), folder / "bundle")
    return CrmBundle(folder / "bundle", tables)
