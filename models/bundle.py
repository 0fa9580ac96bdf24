"""A trained model as one value, and as a folder of text.

A `Bundle` holds all that turns a lead's history into a banded score: the feature spec, a predictor
and a calibration per horizon, the bands, and a card that says what it was trained on. On disk it
is LightGBM's own text and JSON; loading reads numbers and runs no code, and a manifest of SHA-256
hashes tells a damaged or edited folder from a whole one. The card is there twice, as JSON and as
text for people. The folder appears under its name only when it is complete. `report.html`, the
managers' report, and its translations may lie beside the hashed files.
"""

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.history import Float64
from features.plan import Plan, compiled
from features.spec import Spec, spec_from_json
from models.bands import Bands, bands_from_json
from models.calibration import Calibration, calibration_from_json, sigmoid
from models.evidence import Evidence, evidence_from_json
from models.predictor import (
    Predictor,
    columns_of,
    file_names,
    files_of,
    margin_of,
    predictor_of,
)

FORMAT = 1
"""Number of the folder's layout. Raise it when an older reader would misread the folder, keep the
reader of the earlier number, and add a bundle of that number to the tests."""

HORIZONS = ("hot", "warm")
MANIFEST = "manifest.json"
CARD = "card.md"
REPORT = "report.html"
REPORTS = {"en": REPORT} | {code: f"report.{code}.html" for code in ("pt", "ru", "ro", "it")}
"""The managers' report by language (ISO 639), English first."""

_NUMBERS = ("hot_probability", "hot_low", "hot_high", "warm_probability", "warm_low", "warm_high")

Z = 1.2815515655446004
"""Standard deviations to each end of an interval: each end is a one-sided 90 % bound."""
ENDS = np.array([[-Z], [0.0], [Z]])
LARGEST_SPREAD = 0.55
"""Beyond this standard deviation of the log-odds the ends lie a factor of four apart in odds, and
there is not enough evidence."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a horizon's predictor, calibration and evidence say together.

    Parameters
    ----------
    probability : float64 array of shape (rows,)
    low, high : float64 arrays of shape (rows,)
        Central 80 % interval of the probability of leads like this one.
    not_enough_evidence : bool array of shape (rows,)
        Whether the interval is too wide to act on.
    """

    probability: Float64
    low: Float64
    high: Float64
    not_enough_evidence: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Horizon:
    """The question whether a lead converts within so many days, and who answers it.

    Parameters
    ----------
    days : int
        Length of the horizon.
    predictor : Blend, lightgbm.Booster or Scorecard
        Gives the margin (log-odds) from the feature matrix.
    calibration : BetaCalibration or StepCalibration
        Gives the probability from the margin.
    evidence : Evidence
        What the predictor was fitted on.
    """

    days: int
    predictor: Predictor
    calibration: Calibration
    evidence: Evidence

    def margin(self, matrix: Float64, threads: int = 1) -> Float64:
        """Uncalibrated log-odds of each row, shape (rows,)."""
        return margin_of(self.predictor, matrix, threads)

    def probability(self, matrix: Float64, threads: int = 1) -> Float64:
        """Calibrated probability of each row, shape (rows,)."""
        return self.calibration.probability(self.margin(matrix, threads))

    def estimate(self, matrix: Float64, threads: int = 1) -> Estimate:
        """Calibrated probability of each row, and how sure it is."""
        return self.estimate_of(self.margin(matrix, threads), matrix)

    def estimate_of(self, margin: Float64, matrix: Float64) -> Estimate:
        """Calibrated probability of rows with these margins, and how sure it is.

        The interval is symmetric in log-odds: the posterior variance of the calibration and what
        the predictor could not know about such leads add up.
        """
        log_odds = self.calibration.log_odds(margin)
        spread = np.sqrt(self.calibration.variance(margin) + self.evidence.variance(matrix))
        low, probability, high = sigmoid(log_odds + ENDS * spread)
        return Estimate(probability, low, high, not_enough_evidence=spread > LARGEST_SPREAD)


@dataclass(frozen=True, slots=True)
class Scores:
    """What is promised about each row.

    Parameters
    ----------
    hot_probability, warm_probability : float64 arrays of shape (rows,)
        Probability of converting within the hot and the warm horizon; the second is never smaller.
    hot_low, hot_high, warm_low, warm_high : float64 arrays of shape (rows,)
        Central 80 % intervals of the two: narrow with much evidence, wide with little, wider for
        leads unlike any that were learned from. Of a group of such leads the share that converts
        lies below the low end one time in ten at most, and so above the high end.
    not_enough_evidence : bool array of shape (rows,)
        Whether an interval is too wide to act on.
    band : str array of shape (rows,)
        "hot", "warm" or "cold", decided by the low ends: in doubt, colder.
    """

    hot_probability: Float64
    warm_probability: Float64
    hot_low: Float64
    hot_high: Float64
    warm_low: Float64
    warm_high: Float64
    not_enough_evidence: npt.NDArray[np.bool_]
    band: npt.NDArray[np.str_]

    def numbers(self, row: int) -> dict[str, float]:
        """Both probabilities of a row with their intervals, by name."""
        return {name: float(getattr(self, name)[row]) for name in _NUMBERS}

    def probability(self, horizon: str) -> Float64:
        """Probability within the horizon named "hot" or "warm"."""
        return {"hot": self.hot_probability, "warm": self.warm_probability}[horizon]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A trained model.

    Parameters
    ----------
    spec : Spec
        The features, in the order of the predictors' columns.
    hot, warm : Horizon
        The two questions; ``hot.days < warm.days``.
    bands : Bands
        The cut-offs.
    card : mapping
        JSON values that say what the model was trained on and what it reached; ``data_end``
        (ISO date) is always there.
    card_text : str
        The same for people, in Markdown; empty when nobody wrote it.
    version : str
        Date of the data's end and a hash of the contents; empty until the bundle is saved.
    plan : Plan
        Of the spec, compiled once for all scores.

    Raises
    ------
    ValueError
        The horizons are not in order, or a predictor does not take the spec's columns.
    """

    spec: Spec
    hot: Horizon
    warm: Horizon
    bands: Bands
    card: Mapping[str, Any]
    card_text: str = ""
    version: str = ""
    plan: Plan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.hot.days < self.warm.days:
            raise ValueError(
                "Horizons must satisfy 0 < hot days < warm days, "
                f"got hot={self.hot.days}, warm={self.warm.days}."
            )
        for name in HORIZONS:
            columns = columns_of(self.horizon(name).predictor)
            if columns != len(self.spec.features):
                raise ValueError(
                    f"The {name} predictor takes {columns} columns, "
                    f"the spec has {len(self.spec.features)} features."
                )
            known = len(self.horizon(name).evidence.low)
            if known != len(self.spec.features):
                raise ValueError(
                    f"The {name} evidence speaks of {known} features, "
                    f"the spec has {len(self.spec.features)}."
                )
        object.__setattr__(self, "plan", compiled(self.spec))

    def horizon(self, name: str) -> Horizon:
        """The horizon named "hot" or "warm"."""
        return {"hot": self.hot, "warm": self.warm}[name]

    def scores(self, matrix: Float64, threads: int = 1) -> Scores:
        """Scores of a feature matrix of shape (rows, features)."""
        return self.scores_of(
            self.hot.estimate(matrix, threads), self.warm.estimate(matrix, threads)
        )

    def scores_of(self, hot: Estimate, warm: Estimate) -> Scores:
        """Scores of rows whose horizons have these estimates.

        Converting soon is converting: where the two predictors disagree about that, the longer
        horizon takes the shorter one's probability.
        """
        warm_low = np.maximum(hot.low, warm.low)
        return Scores(
            hot_probability=hot.probability,
            warm_probability=np.maximum(hot.probability, warm.probability),
            hot_low=hot.low,
            hot_high=hot.high,
            warm_low=warm_low,
            warm_high=np.maximum(hot.high, warm.high),
            not_enough_evidence=hot.not_enough_evidence | warm.not_enough_evidence,
            band=self.bands.of(hot.low, warm_low),
        )


def save_bundle(bundle: Bundle, folder: Path, extras: Mapping[str, str] | None = None) -> Bundle:
    """Write a bundle as a folder of text, all or nothing.

    Parameters
    ----------
    bundle : Bundle
    folder : pathlib.Path
        Where to write; a bundle that lies there is replaced.
    extras : mapping of file name to text, optional
        Files that travel with the bundle but are no part of the model, such as `REPORT`.

    Returns
    -------
    Bundle
        The same one with its version.

    Raises
    ------
    FileExistsError
        `folder` exists and is not a bundle: it is not ours to replace.
    """
    require_replaceable(folder)
    files = {name: text.encode() for name, text in _texts(bundle).items()}
    manifest = _json({"format": FORMAT, "files": {n: _sha256(b) for n, b in files.items()}})
    files[MANIFEST] = manifest.encode()
    files |= {name: text.encode() for name, text in (extras or {}).items()}
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, so that two writers never share a half-written folder.
    part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.part")
    try:
        part.mkdir()
        for name, content in files.items():
            _write_durably(part / name, content)
        saved = load_bundle(part)
        put_in_place(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return saved


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle's folder.

    Raises
    ------
    FileNotFoundError
        There is no bundle, or a file of it is missing.
    ValueError
        The format is unknown, or a file differs from its hash.
    """
    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(
            f"{folder} is not a bundle: it has no {MANIFEST}. "
            "`lead-temperature train` writes one, `lead-temperature pull` fetches one."
        )
    manifest_bytes = (folder / MANIFEST).read_bytes()
    files = _checked_files(folder, manifest_bytes)
    try:
        return _bundle(files, f"{_sha256(manifest_bytes)[:10]}")
    except (KeyError, TypeError, AttributeError, ValueError, lgb.basic.LightGBMError) as error:
        raise ValueError(
            f"{folder} holds what this version cannot read: {type(error).__name__}: {error}. "
            "Serve it with the version that trained it, or train again."
        ) from error


def _bundle(files: Mapping[str, str], contents: str) -> Bundle:
    settings = json.loads(files["bundle.json"])
    spec = spec_from_json(json.loads(files["spec.json"]))
    horizons = {
        name: Horizon(
            days=settings["horizons"][name]["days"],
            predictor=predictor_of(files, spec, name),
            calibration=calibration_from_json(settings["horizons"][name]["calibration"]),
            evidence=evidence_from_json(settings["horizons"][name]["evidence"]),
        )
        for name in HORIZONS
    }
    card = json.loads(files["card.json"])
    return Bundle(
        spec=spec,
        hot=horizons["hot"],
        warm=horizons["warm"],
        bands=bands_from_json(settings["bands"]),
        card=card,
        card_text=files[CARD],
        version=f"{card['data_end'][:10]}-{contents}",
    )


def require_replaceable(folder: Path) -> None:
    """Refuse a folder that is not ours to replace: one that holds something else than a bundle.

    Raises
    ------
    FileExistsError
        With the way out.
    """
    if not folder.exists() or (folder / MANIFEST).exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise FileExistsError(f"{folder} exists and is not a bundle; name another folder.")


def put_in_place(part: Path, folder: Path) -> None:
    """Give a finished folder its name; a bundle of that name is moved out of the way first.

    Between the two renames, a kill leaves the earlier bundle whole under a hidden name. Where
    others do the same at the same time, one after the other has its way, the last one for good.
    """
    moved = []
    while True:
        require_replaceable(folder)
        try:
            part.rename(folder)
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        earlier = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.earlier")
        with suppress(FileNotFoundError):  # another one has just moved it away
            folder.rename(earlier)
            moved.append(earlier)
    for earlier in moved:
        shutil.rmtree(earlier)


def _texts(bundle: Bundle) -> dict[str, str]:
    horizons = {
        name: {
            "days": bundle.horizon(name).days,
            "calibration": bundle.horizon(name).calibration.to_json(),
            "evidence": bundle.horizon(name).evidence.to_json(),
        }
        for name in HORIZONS
    }
    return {
        "bundle.json": _json({"horizons": horizons, "bands": bundle.bands.to_json()}),
        "spec.json": _json(bundle.spec.to_json()),
        "card.json": _json(bundle.card),
        CARD: bundle.card_text,
        **{
            file: text
            for n in HORIZONS
            for file, text in files_of(bundle.horizon(n).predictor, bundle.spec, n).items()
        },
    }


def _checked_files(folder: Path, manifest_bytes: bytes) -> dict[str, str]:
    manifest = _manifest(folder, manifest_bytes)
    if manifest.get("format") != FORMAT:
        raise ValueError(
            f"{folder} has bundle format {manifest.get('format')!r}, this version reads {FORMAT}. "
            "Use the version that wrote it, or train again."
        )
    files, wrong = {}, []
    for name, expected in manifest["files"].items():
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} is not whole: {name} is missing.")
        content = (folder / name).read_bytes()
        found = _sha256(content)
        if found != expected:
            wrong.append(f"{name} has SHA-256 {found[:12]}…, the manifest says {expected[:12]}…")
        files[name] = content
    if wrong:
        raise ValueError(
            f"{folder} was changed after it was written: {'; '.join(wrong)}. "
            "Pull or train the bundle again."
        )
    return {name: content.decode() for name, content in files.items()}


def _manifest(folder: Path, manifest_bytes: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(manifest_bytes)
        names = dict(manifest["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / MANIFEST} is not a bundle's manifest: {error}.") from error
    kinds = (file_names(names, horizon) for horizon in HORIZONS)
    expected = {"bundle.json", "spec.json", "card.json", CARD, *chain.from_iterable(kinds)}
    if set(names) != expected:
        raise ValueError(
            f"{folder / MANIFEST} must list {sorted(expected)}, it lists {sorted(names)}."
        )
    return dict(manifest)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
