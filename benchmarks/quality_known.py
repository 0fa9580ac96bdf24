"""Models beside the truth: made-up exports whose true probabilities are known exactly.

The made-up CRM tells of every look how likely the conversion was. Here a model is trained on such
an export as on any other, and what it says of its test period is put beside that truth.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.export.sources import read_export
from features.progress import Progress, no_progress
from features.spine import Spine, microseconds
from features.tables import Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import SNAPSHOT_EVERY_DAYS, write_export
from models.bands import HORIZONS
from models.bundle import Bundle
from models.horizon import Scores
from training.audit.findings import audit
from training.audit.quarantine import without_quarantined
from training.config import Config, read_config
from training.dataset.frame import TrainingFrame, training_frame
from training.evaluation.reliability import Group, groups
from training.fitting.bundle import fit_bundle
from training.statistics.figures import JudgedRows

_STEPS = 1_000
"""More looks than any lead has."""


@dataclass(frozen=True, slots=True)
class Export:
    """A made-up export as read, and the truth that is no part of it.

    Parameters
    ----------
    tables : Tables
    config : Config
    truth : pyarrow.Table
        As of `features.worlds.crm.MadeUpCrm`.
    """

    tables: Tables
    config: Config
    truth: pa.Table


@dataclass(frozen=True, slots=True)
class Known:
    """What one horizon of a model says of the looks that it is judged on, beside the truth.

    Parameters
    ----------
    horizon : {"hot", "warm"}
    judged : JudgedRows
        What happened.
    truth : float64 array of shape (rows,)
        How likely that was.
    scores : Scores
    base_rate : float
        Share that converted in the calibration period.
    groups : tuple of Group
        Of leads by score, age and attribute; what stands as their rate is the mean truth.
    bundle : Bundle
    """

    horizon: str
    judged: JudgedRows
    truth: Float64
    scores: Scores
    base_rate: float
    groups: tuple[Group, ...]
    bundle: Bundle

    @property
    def probability(self) -> Float64:
        """The model's probability of each row."""
        hot = self.horizon == "hot"
        return self.scores.hot_probability if hot else self.scores.warm_probability


def made_up_export(leads: int, seed: int) -> Export:
    """A made-up CRM, written and read as any export."""
    with tempfile.TemporaryDirectory() as folder:
        crm = made_up_crm(leads, seed)
        write_export(crm, folder, "parquet")
        config = read_config(Path(folder) / "lead_temperature.toml")
        return Export(read_export(config.export), config, crm.truth)


def known(export: Export, report_progress: Progress = no_progress) -> tuple[Known, ...]:
    """A model trained on an export beside the truth of its test period, for both horizons."""
    tables, config = export.tables, export.config
    findings = audit(tables, config.dataset, config.audit)
    frame = training_frame(without_quarantined(tables, findings), config.dataset, report_progress)
    bundle = fit_bundle(frame, findings, config.fitting, report_progress).bundle
    truths = true_probabilities(tables, frame.spine, export.truth)
    return tuple(_known(name, frame, bundle, truths[name], config) for name in HORIZONS)


def _known(
    name: str, frame: TrainingFrame, bundle: Bundle, truth: Float64, config: Config
) -> Known:
    split, converted = frame.splits[name], frame.labels[name].converted
    test = split.test
    scores = bundle.scores(frame.matrix[test], config.model.threads)
    judged = JudgedRows(converted[test], frame.spine.lead[test], frame.age_days[test])
    # The truth stands where the outcomes would: what a group "observed" is then its mean truth.
    exact = JudgedRows(cast("Bool", truth[test]), judged.lead, judged.age_days)
    return Known(
        name,
        judged,
        truth[test],
        scores,
        float(converted[split.calibrate].mean()),
        tuple(groups(bundle.spec, frame.matrix[test], exact, scores, name)),
        bundle,
    )


def true_probabilities(tables: Tables, spine: Spine, truth: pa.Table) -> dict[str, Float64]:
    """True probabilities of the rows of a spine, by horizon.

    Raises
    ------
    ValueError
        The truth does not tell of every row.
    """
    ids = tables.leads["lead_id"].combine_chunks()
    lead = pc.index_in(truth["lead_id"], value_set=ids).to_numpy().astype(np.int64)
    created_at = microseconds(tables.leads["created_at"])
    told = _key(created_at, lead, microseconds(truth["as_of"]))
    asked = _key(created_at, spine.lead, spine.as_of)
    order = np.argsort(told)
    place = order[np.minimum(np.searchsorted(told[order], asked), len(told) - 1)]
    unknown = int((told[place] != asked).sum())
    if unknown:
        raise ValueError(f"The truth must tell of every look, it does not of {unknown:,}.")
    return {name: truth[f"{name}_probability"].to_numpy()[place] for name in HORIZONS}


def _key(created_at: Int64, lead: Int64, as_of: Int64) -> Int64:
    """A number for each look: its lead, and which step of the grid it is."""
    every = SNAPSHOT_EVERY_DAYS * MICROSECONDS_PER_DAY
    step, rest = np.divmod(as_of - created_at[lead], every)
    if rest.any():
        raise ValueError(f"Every look must lie on the grid of {SNAPSHOT_EVERY_DAYS} days.")
    return lead * _STEPS + step
