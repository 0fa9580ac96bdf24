"""A server that remembers nothing keeps a lead from flapping, if it is told the band before."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.engine.history import single_history
from models.bands import Bands
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.problem import Problem
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from serving.answers.times import rfc3339
from tests.support.features import feature_matrix
from tests.support.histories import DAY

LEAD = {"lead_id": "1", "created_at": rfc3339(0), "as_of": rfc3339(20 * DAY)}


def answer(model: ServedModel, **fields: Any) -> ScoredLead:
    (found,) = score_leads(model, [LEAD | fields], 60 * DAY, 0)
    assert isinstance(found, ScoredLead), found
    return found


@pytest.fixture
def near(model: ServedModel) -> ServedModel:
    """The lead's probability lies closely below the hot cut-off and far below the warm one."""
    spec = model.bundle.spec
    history = single_history(0, [], {}, spec.attribute_kinds, spec.measures)
    row = feature_matrix(spec, history, np.array([0]), np.array([20 * DAY]))
    probability = float(model.bundle.scores(row).hot_probability[0])
    bands = Bands(hot=1.05 * probability, warm=1.0, hysteresis=0.2)
    return served_model(replace(model.bundle, bands=bands), Limits())


def test_a_lead_that_was_hot_stays_so_near_the_cutoff(near: ServedModel) -> None:
    assert answer(near).band == "cold"
    assert answer(near, previous_band="hot").band == "hot"
    assert answer(near, previous_band="warm").band == "cold"


def test_the_reason_says_that_it_stays(near: ServedModel) -> None:
    assert "stays hot" in answer(near, previous_band="hot").band_reason
    assert "stays" not in answer(near).band_reason


def test_an_unknown_band_before_is_as_none(near: ServedModel) -> None:
    assert answer(near, previous_band=None) == answer(near)


def test_the_probabilities_do_not_depend_on_the_band_before(near: ServedModel) -> None:
    before, after = answer(near), answer(near, previous_band="hot")
    assert replace(after, band=before.band, band_reason=before.band_reason) == before


@pytest.mark.parametrize("wrong", ["HOT", "", 2, True, ["hot"]])
def test_what_is_no_band_is_refused(model: ServedModel, wrong: Any) -> None:
    (found,) = score_leads(model, [LEAD | {"previous_band": wrong}], 60 * DAY, 0)
    assert isinstance(found, Problem)
    assert found.errors[0].field == "previous_band"


def test_in_a_batch_each_lead_has_its_own_band_before(near: ServedModel) -> None:
    before = ["hot", None, "warm", "hot"]
    found = score_leads(near, [LEAD | {"previous_band": band} for band in before], 60 * DAY, 0)
    bands = [one.band for one in found if isinstance(one, ScoredLead)]
    assert bands == ["hot", "cold", "cold", "hot"]
