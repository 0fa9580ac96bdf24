"""Small bundles, trained in the blink of an eye on made-up histories."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from features.engine.history import Histories, single_history
from features.language.kinds import (
    AttributeCategory,
    AttributeKind,
    AttributeNumber,
    Count,
    DaysSinceAttribute,
    DaysSinceLatest,
    KnownAttributes,
    LeadAge,
    Mean,
    Selection,
    Total,
)
from features.language.spec import Spec
from features.refusals import REFUSAL_KINDS, REFUSAL_REASON, REFUSED_AT
from models.bands import Bands
from models.bundle import Bundle
from models.calibration import BetaCalibration
from models.card import CardDocument
from models.evidence import Evidence
from models.folder import MANIFEST
from models.horizon import HorizonModel
from models.predictors.linear import Linear, Slope
from models.predictors.predictor import Blend
from models.predictors.scorecard import Characteristic, Scorecard
from tests.support.features import feature_matrix
from tests.support.histories import DAY

ATTRIBUTE_KINDS: dict[str, AttributeKind] = {
    "country": "category",
    "company_size": "number",
    "first_met_at": "timestamp",
}
PRICE = Selection(kind=("price_question",))
SPEC = Spec(
    features=(
        LeadAge(),
        AttributeNumber("company_size"),
        AttributeCategory("country", ("it", "pt")),
        DaysSinceAttribute("first_met_at"),
        KnownAttributes(("country", "company_size", "first_met_at")),
        Count(Selection(), None),
        Count(PRICE, 7),
        Count(PRICE, 30),
        Total(Selection(), "duration_seconds", 30),
        Mean(Selection(), "duration_seconds", None),
        DaysSinceLatest(PRICE),
    ),
    attribute_kinds=ATTRIBUTE_KINDS,
    measures=("duration_seconds",),
)


REFUSAL_SPEC = replace(
    SPEC,
    features=(
        *SPEC.features,
        DaysSinceAttribute(REFUSED_AT),
        AttributeCategory(REFUSAL_REASON, ("later", "price")),
    ),
    attribute_kinds=ATTRIBUTE_KINDS | dict(REFUSAL_KINDS),
)
"""The same features, and what is known of a refusal."""


def random_lead(random: np.random.Generator, spec: Spec = SPEC) -> Histories:
    """A lead created at day 0 with interactions over 30 days."""
    interactions: list[dict[str, Any]] = [
        {
            "occurred_at": (moment := int(random.integers(0, 30 * DAY))),
            "recorded_at": moment,
            "channel": "phone",
            "kind": str(random.choice(["price_question", "call", "visit"])),
            "duration_seconds": float(random.integers(0, 600)),
        }
        for _ in range(random.integers(0, 12))
    ]
    attributes = {
        "country": random.choice(["it", "pt", "ro", None]),
        "company_size": float(random.integers(1, 500)),
    }
    if REFUSED_AT in spec.attribute_kinds and random.random() < 0.5:
        attributes[REFUSED_AT] = int(random.integers(0, 30 * DAY))
        attributes[REFUSAL_REASON] = random.choice(["later", "price"])
    return single_history(0, interactions, attributes, spec.attribute_kinds, ["duration_seconds"])


def small_bundle(rows: int = 400, seed: int = 7, spec: Spec = SPEC) -> Bundle:
    """A bundle in which recent price questions make a lead hot, and a refusal makes it colder."""
    random = np.random.default_rng(seed)
    at, first = np.array([20 * DAY]), np.array([0])
    matrix = np.concatenate(
        [feature_matrix(spec, random_lead(random, spec), first, at) for _ in range(rows)]
    )
    recent = matrix[:, spec.names.index("count[kind=price_question]_7d")]
    chance = 0.05 + 0.4 * (recent > 0)
    if spec is REFUSAL_SPEC:
        chance *= np.where(np.isnan(matrix[:, -2]), 1.0, 0.4 + 0.4 * (matrix[:, -1] == 0))
    hot = random.random(rows) < chance
    warm = hot | (random.random(rows) < 0.3)
    evidence = _evidence(matrix)
    return Bundle(
        spec=spec,
        hot=HorizonModel(
            14, _booster(matrix, hot, spec), BetaCalibration(0.9, 1.1, -0.1), evidence
        ),
        warm=HorizonModel(
            90, _booster(matrix, warm, spec), BetaCalibration(1.0, 1.0, 0.05), evidence
        ),
        bands=Bands(hot=0.3, warm=0.3),
        card=CardDocument.of({"data_end": "1970-02-01T00:00:00+00:00"}),
    )


def _evidence(matrix: np.ndarray) -> Evidence:
    """As if it rested on very many conversions."""
    low, high = np.fmin.reduce(matrix), np.fmax.reduce(matrix)
    missing = [bool(one) for one in np.isnan(matrix).any(axis=0)]
    return Evidence(100_000, tuple(low.tolist()), tuple(high.tolist()), tuple(missing))


def _booster(matrix: np.ndarray, labels: np.ndarray, spec: Spec) -> lgb.Booster:
    data = lgb.Dataset(
        matrix,
        label=labels,
        feature_name=[f"f{i}" for i in range(matrix.shape[1])],
        categorical_feature=list(spec.categorical),
    )
    parameters = {
        "objective": "binary",
        "num_leaves": 7,
        "min_data_in_leaf": 10,
        "verbosity": -1,
        "num_threads": 1,
        "seed": 1,
        "deterministic": True,
    }
    return lgb.train(parameters, data, num_boost_round=30)


def blended(bundle: Bundle) -> Bundle:
    """The bundle with a blend of its booster and a linear model as its hot predictor."""
    asked = SPEC.names.index("count[kind=price_question]_7d")
    terms = [Slope(0.01, 0.02, -0.03)] * len(SPEC.features)
    terms[asked] = Slope(1.5, 0.0, 0.0)
    blend = Blend(Linear(-2.5, tuple(terms)), bundle.hot.predictor)
    return replace(bundle, hot=replace(bundle.hot, predictor=blend))


def rehashed(folder: Path, name: str, content: bytes) -> Path:
    """The folder with another content of a file, and a manifest that agrees."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / MANIFEST).read_text())
    section = "files" if name in manifest["files"] else "companions"
    manifest[section][name] = hashlib.sha256(content).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return folder


def unlisted(folder: Path, name: str) -> None:
    """Take a companion out of a bundle's folder and of its manifest."""
    (folder / name).unlink()
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["companions"][name]
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def carded(bundle: Bundle) -> Bundle:
    """The bundle with a points card as its hot predictor."""
    asked, since = (
        SPEC.names.index(f"{name}[kind=price_question]{window}")
        for name, window in (("count", "_7d"), ("days_since_latest", ""))
    )
    qualities = (
        Characteristic(asked, (1.0, 3.0), (-2, 9, 16, 0), (0.7, 0.2, 0.1, 0.0)),
        Characteristic(since, (3.0, 30.0), (8, 2, -3, -5), (0.1, 0.2, 0.3, 0.4)),
    )
    card = Scorecard(-2.5, 6.0, qualities, len(SPEC.features))
    return replace(bundle, hot=replace(bundle.hot, predictor=card))
