"""Who has several leads is one person in all that is split, drawn and counted."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.export.sources import read_export
from features.progress import no_progress
from features.worlds.crm import Knobs, write_export
from features.worlds.registry import made_up_crm
from training.config import read_config
from training.dataset.draws import drawn_by_lead
from training.dataset.frame import training_frame
from training.dataset.persons import person_of_lead
from training.evaluation.evaluation import judged_rows


def tables_of(persons, days):
    """Just what a person is read from."""
    created = pa.array([day * 86_400_000_000 for day in days], pa.timestamp("us", "UTC"))
    ids = [f"L{i}" for i in range(len(days))]
    leads = {"lead_id": ids, "created_at": created, "person": pa.array(persons, pa.int64())}
    return type("Tables", (), {"leads": pa.table(leads)})


@given(st.lists(st.tuples(st.none() | st.integers(0, 3), st.integers(0, 5)), max_size=12))
def test_a_person_is_the_first_of_its_leads_and_others_are_their_own(leads):
    persons, days = [p for p, _ in leads], [d for _, d in leads]
    expected = [
        i
        if person is None
        else min(
            (j for j, p in enumerate(persons) if p == person), key=lambda j: (days[j], f"L{j}")
        )
        for i, person in enumerate(persons)
    ]
    assert person_of_lead(tables_of(persons, days)).tolist() == expected


def test_leads_of_one_person_are_drawn_together():
    drawn = drawn_by_lead(tables_of([0, None, 0, None], [3, 1, 2, 0]))
    alone = drawn_by_lead(tables_of([None] * 4, [3, 1, 2, 0]))
    assert drawn.tolist() == [alone[2], alone[1], alone[2], alone[3]]


@pytest.fixture(scope="module")
def crm(tmp_path_factory):
    """Persons who come back, with the column that tells them."""
    folder = tmp_path_factory.mktemp("persons")
    write_export(made_up_crm("persons", 1_500, 3, Knobs()), folder, "csv")
    path = folder / "lead_temperature.toml"
    text = path.read_text().replace("[leads.columns]", "")
    at = text.index("\n[", text.index("[leads]"))
    path.write_text(f'{text[:at]}\n[leads.columns]\nperson = "person_key"\n{text[at:]}')
    config = read_config(path)
    return read_export(config.export), config


def persons_of(tables, keep):
    return set(np.asarray(tables.leads["person"].to_numpy())[keep].tolist())


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("leads", ["shared", "apart"])
def test_persons_are_what_a_frame_counts_splits_and_judges(crm, leads):
    tables, config = crm
    split = config.split.model_copy(update={"leads": leads})
    settings = dataclasses.replace(config.dataset, split=split)
    frame = training_frame(tables, settings, no_progress)
    person = np.asarray(tables.leads["person"].to_numpy())
    assert pc.count_distinct(tables.leads["person"]).as_py() < 0.8 * tables.leads.num_rows
    # Two looks count as one's exactly if they are at leads of one person.
    pairs = np.random.default_rng(1).integers(0, len(frame.spine), (2, 20_000))
    same = person[frame.spine.lead[pairs[0]]] == person[frame.spine.lead[pairs[1]]]
    for counted in (
        frame.person,
        frame.persons.lead,
        frame.looks("hot", np.ones(len(frame.spine), np.bool_)).lead,
        judged_rows(frame, "hot", np.ones(len(frame.spine), np.bool_)).lead,
    ):
        np.testing.assert_array_equal(counted[pairs[0]] == counted[pairs[1]], same)
    for hot in frame.splits.values():
        learned, judged = (persons_of(tables, frame.spine.lead[r]) for r in (hot.refit, hot.test))
        assert bool(learned & judged) == (leads == "shared")


def test_without_the_column_every_lead_is_a_person(crm):
    tables, _ = crm
    place = tables.leads.column_names.index("person")
    nobody = pa.nulls(tables.leads.num_rows, pa.int64())
    without = dataclasses.replace(tables, leads=tables.leads.set_column(place, "person", nobody))
    assert person_of_lead(without).tolist() == list(range(tables.leads.num_rows))
