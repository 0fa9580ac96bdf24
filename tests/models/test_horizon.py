"""What a model answers, row by row."""

from dataclasses import fields

import numpy as np

from tests.support.bundles import SPEC, random_lead, small_bundle
from tests.support.features import feature_matrix
from tests.support.histories import DAY


def test_chosen_rows_have_the_scores_that_they_have_alone() -> None:
    leads = [random_lead(np.random.default_rng(seed)) for seed in range(20)]
    one, at = np.array([0]), np.array([25 * DAY])
    matrix = np.concatenate([feature_matrix(SPEC, lead, one, at) for lead in leads])
    bundle, chosen = small_bundle(), np.arange(20) % 3 == 0
    among, alone = bundle.scores(matrix).among(chosen), bundle.scores(matrix[chosen])
    for value in fields(alone):
        expected = getattr(alone, value.name)
        assert len(np.unique(expected)) > 1 or value.name == "not_enough_evidence"
        np.testing.assert_array_equal(getattr(among, value.name), expected)
