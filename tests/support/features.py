"""Feature matrices for tests, from a spec that nobody has compiled yet."""

from features.arrays import Float64, Int64
from features.engine.executor import features_of
from features.engine.history import Histories
from features.engine.plan import compile_plan
from features.language.spec import Spec


def feature_matrix(spec: Spec, histories: Histories, lead: Int64, as_of: Int64) -> Float64:
    """Values of every feature for leads at instants, shape (rows, features)."""
    return features_of(compile_plan(spec), histories, lead, as_of)
