"""The fixed peer: what a data scientist gets from LightGBM in forty lines.

It has the standard features, learns from every look whose outcome was known at the cut, has no
audit, no calibration and no bands, and the same parameters for every world and size. They are those
that did best of six sets on chains of 60 to 400 conversions whose seeds nothing else uses: the
library's defaults lose three to ten times what the base rate loses there, and a peer of straw would
be no yardstick. From then on **they are never tuned**: the peer stays when the training changes.
"""

import lightgbm as lgb

from benchmarks.worlds_export import CutExport
from features.arrays import Float64
from features.scale.batch import point_in_time_features
from training.dataset.frame import spec_of
from training.dataset.snapshots import labels, snapshots

ROUNDS = 200
PARAMETERS = {
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


def peer_answers(export: CutExport) -> dict[str, tuple[Float64, float]]:
    """Probability of each later look by the peer, and the base rate, by horizon.

    Parameters
    ----------
    export : CutExport
        Its past is learned from.

    Returns
    -------
    dict of "hot", "warm" to (float64 array of shape (looks,), float)
        The base rate is the share that converted of all looks with a known outcome.
    """
    settings, past = export.config.dataset, export.past
    spine = snapshots(past, settings.snapshots)
    spec = spec_of(past, settings, past.data_end)
    matrix = point_in_time_features(past, spine, spec)
    later = point_in_time_features(export.full, export.looks, spec)
    answers = {}
    for name, days in settings.horizon_days.items():
        outcomes = labels(past, spine, days)
        converted = outcomes.converted[outcomes.mature]
        examples = lgb.Dataset(
            matrix[outcomes.mature], converted, categorical_feature=list(spec.categorical)
        )
        booster = lgb.train(PARAMETERS, examples, ROUNDS)
        answers[name] = booster.predict(later, num_threads=1), float(converted.mean())
    return answers
