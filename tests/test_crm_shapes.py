"""One firm as three CRMs export it: each is drafted, read and learned from nearly alike.

The archives lie beside the checkout and are not ours to hand on; without them the tests are
skipped. A person adds to the drafts nothing but the time zone, which no file names.
"""

import csv
import itertools
import json
import tomllib

import pyarrow.compute as pc
import pytest
from scipy.stats import spearmanr

from features.export.file_queries import FileQueries
from features.export.guessing.draft import draft
from features.export.sources import read_export
from tests.support.required import DATA
from training.config import config_of, read_config

SHAPES = DATA / "crm_shapes"
pytestmark = pytest.mark.skipif(not SHAPES.is_dir(), reason="shared/data/crm_shapes is not here")

LEADS, BUYERS, LOST, CONTACTS = 4_000, 876, 1_485, 38_052
ARCHIVES = {"salesforce": "Salesforce", "hubspot": "HubSpot", "zoho_it": "Zoho CRM"}


@pytest.mark.long
@pytest.mark.parametrize("archive", ARCHIVES)
def test_a_draft_reads_the_firm_rightly(archive, tmp_path):
    written = draft(SHAPES / f"{archive}.zip", tmp_path, "Europe/Rome")
    assert written.crm == ARCHIVES[archive]
    tables = read_export(config_of(tomllib.loads(written.text), tmp_path).export)
    assert tables.leads.num_rows == LEADS
    assert pc.count(tables.leads["converted_at"]).as_py() == BUYERS
    assert pc.count(tables.leads["closed_at"]).as_py() == LOST
    assert abs(tables.interactions.num_rows - CONTACTS) <= 0.01 * CONTACTS
    rules = set(tables.rejects["rule"].to_pylist())
    assert rules <= {"duplicate lead"}  # 60 leads stand twice in one of them


NAIVE = """
[data]
timezone = "Europe/Rome"
[leads]
source = "{archive}/Lead.csv"
fixed_at_creation = ["LeadSource"]
[leads.columns]
lead_id = "Id"
created_at = "CreatedDate"
converted_at = "ConvertedDate"
[interactions]
source = "{archive}/Task.csv"
[interactions.columns]
lead_id = "WhoId"
occurred_at = "ActivityDate"
kind = "TaskSubtype"
"""


@pytest.mark.long
@pytest.mark.process
def test_the_mapping_that_loses_the_contacts_of_buyers_is_stopped_with_its_cause(run, tmp_path):
    config = tmp_path / "lead_temperature.toml"
    config.write_text(NAIVE.format(archive=SHAPES / "salesforce.zip"))
    stopped = run("check", "--config", config)
    assert stopped.returncode == 1
    assert 'also_known_as = ["ConvertedContactId"]' in " ".join(stopped.stderr.split())


@pytest.mark.slow
@pytest.mark.training
@pytest.mark.process
@pytest.mark.timeout(2_400)
def test_three_exports_of_one_firm_give_nearly_the_same_model(run, tmp_path):
    scores = {}
    for archive in ARCHIVES:
        folder = tmp_path / archive
        config = folder / "lead_temperature.toml"
        exports = ("--from", SHAPES / f"{archive}.zip", "--timezone", "Europe/Rome")
        assert run("init", folder, *exports).returncode == 0
        trained = run("train", "--config", config, "--output", folder / "bundle")
        assert trained.returncode == 0, trained.stderr
        asked = ("--as-of", "2025-10-01T00:00:00+00:00", "-o", folder / "scores.csv")
        scored = run("score", "--bundle", folder / "bundle", "--config", config, *asked)
        assert scored.returncode == 0, scored.stderr
        card = json.loads((folder / "bundle" / "card.json").read_text())
        assert 0.60 <= card["horizons"]["hot"]["auc"] <= 0.80, archive
        scores[archive] = scores_by_person(folder)
    for one, other in itertools.combinations(scores.values(), 2):
        both = sorted(one.keys() & other.keys())
        assert len(both) > 1_000
        ranks = spearmanr([one[person] for person in both], [other[person] for person in both])
        assert ranks.statistic >= 0.8


def scores_by_person(folder):
    """Scores by e-mail address, which is the same in each export as the leads' ids are not."""
    mapping = read_config(folder / "lead_temperature.toml").export
    columns = [mapping.leads.column("lead_id"), mapping.leads.column("person")]
    address = {}
    with FileQueries(mapping) as sources, sources.open("leads", mapping.leads) as source:
        for batch in source.batches(columns):
            address |= zip(batch["t0"].to_pylist(), batch["t1"].to_pylist(), strict=True)
    with (folder / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {address[row["lead_id"]]: float(row["hot_probability"]) for row in rows}
