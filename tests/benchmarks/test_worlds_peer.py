"""The peer: it learns what was known at the cut, by parameters that stay."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.worlds_export import CutExport, cut_export
from benchmarks.worlds_figures import prediction_figures
from benchmarks.worlds_peer import PARAMETERS, ROUNDS, peer_answers
from features.engine.history import MICROSECONDS_PER_DAY
from features.spine import ended_at, microseconds

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def export() -> CutExport:
    return cut_export("chain", 2_500, seed=8)


def test_the_parameters_are_those_that_were_written_down_once() -> None:
    assert ROUNDS == 200
    assert PARAMETERS == {
        "objective": "binary",
        "learning_rate": 0.03,
        "num_leaves": 4,
        "min_data_in_leaf": 100,
        "lambda_l2": 30.0,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": 1,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }


def test_the_base_rate_is_that_of_all_looks_with_a_known_outcome(export: CutExport) -> None:
    leads, end = export.past.leads, export.past.data_end
    created_at, ends = microseconds(leads["created_at"]), ended_at(export.past)
    converted_at = microseconds(leads["converted_at"])
    for name, days in (("hot", 14), ("warm", 90)):
        horizon = days * MICROSECONDS_PER_DAY
        outcomes = [
            as_of <= converted_at[lead] <= as_of + horizon
            for lead in range(leads.num_rows)
            for as_of in created_at[lead] + np.arange(0, 181, 7) * MICROSECONDS_PER_DAY
            if as_of < ends[lead] and as_of + horizon <= end
        ]
        assert peer_answers(export)[name][1] == pytest.approx(np.mean(outcomes), rel=1e-12)


def test_it_knows_no_outcome_from_the_cut_on_and_answers_alike_each_time(
    export: CutExport,
) -> None:
    never = pa.nulls(export.full.leads.num_rows, export.full.leads["converted_at"].type)
    place = export.full.leads.column_names.index("converted_at")
    blind = export.full.leads.set_column(place, "converted_at", never)
    answers = peer_answers(export)
    again = peer_answers(replace(export, full=replace(export.full, leads=blind)))
    for name, (probability, base_rate) in answers.items():
        np.testing.assert_array_equal(probability, again[name][0])
        assert base_rate == again[name][1]


def test_it_is_no_peer_of_straw(export: CutExport) -> None:
    probability, base_rate = peer_answers(export)["hot"]
    assert prediction_figures(probability, export.truth["hot"], base_rate).excess < 0.6
