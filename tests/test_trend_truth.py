"""Where the truth is known, leads that are told to be heating did warm, and cooling ones cooled."""

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from features.export.sources import read_export
from features.scale.requests import requests_of
from features.spine import Spine
from models.bundle import load_bundle
from serving.answers.limits import Limits
from serving.answers.model import served_model
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from serving.answers.times import microseconds
from training.config import read_config

LEADS = 1_200


@pytest.fixture(scope="module")
def fresh(run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CRM that the model has never met."""
    folder: Path = tmp_path_factory.mktemp("fresh")
    assert run("synthesize", folder, "--leads", LEADS, "--seed", 5).returncode == 0
    return folder


def weeks(folder: Path) -> list[tuple[str, int, float]]:
    """A lead, the end of one week of its life, and how its true hot probability changed in it."""
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (row["lead_id"], row["as_of"]))
    return [
        (
            after["lead_id"],
            microseconds(after["as_of"].replace(" ", "T")),
            float(after["hot_probability"]) - float(before["hot_probability"]),
        )
        for before, after in pairwise(rows)
        if after["lead_id"] == before["lead_id"]
    ]


def test_a_verdict_is_right_about_the_truth(trained, fresh: Path) -> None:
    tables = read_export(read_config(fresh / "lead_temperature.toml").export)
    place = {lead_id: i for i, lead_id in enumerate(tables.leads["lead_id"].to_pylist())}
    some = weeks(fresh)[::15]
    spine = Spine(np.array([place[one] for one, _, _ in some]), np.array([t for _, t, _ in some]))
    model = served_model(load_bundle(trained.bundle), Limits())
    leads = requests_of(tables, spine, model.bundle.spec.attribute_kinds)
    moved: dict[str | None, list[float]] = {"heating": [], "cooling": [], "steady": []}
    for answer, (_, _, change) in zip(
        score_leads(model, leads, tables.data_end, 0, ("trend",)), some, strict=True
    ):
        assert isinstance(answer, ScoredLead)
        assert answer.trend is not None
        moved[answer.trend.verdict].append(change)
    heating, cooling = np.array(moved["heating"]), np.array(moved["cooling"])
    assert min(len(heating), len(cooling), len(moved["steady"])) >= 30
    assert (heating > 0).mean() > 0.75
    assert (cooling < 0).mean() > 0.75
