"""docs/exports.md: its example reads, and its words are those of the product."""

import re
import tomllib
from pathlib import Path

from features.export.guessing.roles import presets
from features.export.sources import read_export
from tests.support.crm_exports import CONTACTS, LEADS, write_exports
from training.config import config_of

DOCUMENT = (Path(__file__).parents[1] / "docs" / "exports.md").read_text(encoding="utf-8")


def test_the_example_reads_an_export_of_its_crm(tmp_path):
    write_exports("Salesforce", tmp_path / "exports")
    examples = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    (example,) = [text for text in examples if "LeadHistory" in text]
    tables = read_export(config_of(tomllib.loads(example), tmp_path).export)
    converted, closed = tables.leads["converted_at"], tables.leads["closed_at"]
    assert tables.leads.num_rows == len(LEADS)
    assert len(converted) - converted.null_count == sum(1 for lead in LEADS if lead.won)
    assert len(closed) - closed.null_count == sum(1 for lead in LEADS if lead.lost)
    assert tables.interactions.num_rows == len(CONTACTS)
    assert tables.rejects.num_rows == 0


def test_every_crm_that_is_recognised_has_its_chapter():
    chapters = re.findall(r"^## (.*)$", DOCUMENT, re.MULTILINE)
    for preset in presets()["crm"].values():
        assert preset["name"] in chapters
        chapter = DOCUMENT.split(f"## {preset['name']}\n")[1].split("\n## ")[0]
        for heading in ("**Where.**", "**Mind.**", "**Lost on the way.**"):
            assert heading in chapter, (preset["name"], heading)
