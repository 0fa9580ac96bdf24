"""A trained model as one value, and as a folder of text.

A `Bundle` holds all that turns a lead's history into a banded score: the feature spec, one booster
and one calibration per horizon, the bands, and a card that says what it was trained on. On disk it
is LightGBM's own text and JSON; loading reads numbers and runs no code, and a manifest of SHA-256
hashes tells a damaged or edited folder from a whole one. The folder appears under its name only
when it is complete. `report.html`, the managers' report, may lie beside the hashed files.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.history import Float64
from features.plan import Plan, compiled
from features.spec import Spec, spec_from_json
from models.bands import Bands, bands_from_json
from models.calibration import BetaCalibration, calibration_from_json

FORMAT = 1
"""Number of the folder's layout. Raise it when an older reader would misread the folder, keep the
reader of the earlier number, and add a bundle of that number to the tests."""

HORIZONS = ("hot", "warm")
MANIFEST = "manifest.json"
REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class Horizon:
    """The question whether a lead converts within so many days, and who answers it.

    Parameters
    ----------
    days : int
        Length of the horizon.
    booster : lightgbm.Booster
        Gives the margin (log-odds) from the feature matrix.
    calibration : BetaCalibration
        Gives the probability from the margin.
    """

    days: int
    booster: lgb.Booster
    calibration: BetaCalibration

    def margin(self, matrix: Float64, threads: int = 1) -> Float64:
        """Uncalibrated log-odds of each row, shape (rows,)."""
        if len(matrix) == 0:
            return np.empty(0, np.float64)
        margins = self.booster.predict(matrix, raw_score=True, num_threads=threads)
        return np.asarray(margins, np.float64)

    def probability(self, matrix: Float64, threads: int = 1) -> Float64:
        """Calibrated probability of each row, shape (rows,)."""
        return self.calibration.probability(self.margin(matrix, threads))


@dataclass(frozen=True, slots=True)
class Scores:
    """What is promised about each row.

    Parameters
    ----------
    hot_probability, warm_probability : float64 arrays of shape (rows,)
        Probability of converting within the hot and the warm horizon; the second is never smaller.
    band : str array of shape (rows,)
        "hot", "warm" or "cold".
    """

    hot_probability: Float64
    warm_probability: Float64
    band: npt.NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A trained model.

    Parameters
    ----------
    spec : Spec
        The features, in the order of the boosters' columns.
    hot, warm : Horizon
        The two questions; ``hot.days < warm.days``.
    bands : Bands
        The cut-offs.
    card : mapping
        JSON values that say what the model was trained on and what it reached; ``data_end``
        (ISO date) is always there.
    version : str
        Date of the data's end and a hash of the contents; empty until the bundle is saved.
    plan : Plan
        Of the spec, compiled once for all scores.

    Raises
    ------
    ValueError
        The horizons are not in order, or a booster does not take the spec's columns.
    """

    spec: Spec
    hot: Horizon
    warm: Horizon
    bands: Bands
    card: Mapping[str, Any]
    version: str = ""
    plan: Plan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.hot.days < self.warm.days:
            raise ValueError(
                "Horizons must satisfy 0 < hot days < warm days, "
                f"got hot={self.hot.days}, warm={self.warm.days}."
            )
        for name in HORIZONS:
            columns = self.horizon(name).booster.num_feature()
            if columns != len(self.spec.features):
                raise ValueError(
                    f"The {name} booster takes {columns} columns, "
                    f"the spec has {len(self.spec.features)} features."
                )
        object.__setattr__(self, "plan", compiled(self.spec))

    def horizon(self, name: str) -> Horizon:
        """The horizon named "hot" or "warm"."""
        return {"hot": self.hot, "warm": self.warm}[name]

    def scores(self, matrix: Float64, threads: int = 1) -> Scores:
        """Scores of a feature matrix of shape (rows, features).

        Converting soon is converting: where the two boosters disagree about that, the longer
        horizon takes the shorter one's probability.
        """
        hot = self.hot.probability(matrix, threads)
        warm = np.maximum(hot, self.warm.probability(matrix, threads))
        return Scores(hot, warm, self.bands.of(hot, warm))


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
        put_in_place(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return load_bundle(folder)


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
    horizons = {
        name: Horizon(
            days=settings["horizons"][name]["days"],
            booster=lgb.Booster(model_str=files[f"{name}.txt"]),
            calibration=calibration_from_json(settings["horizons"][name]["calibration"]),
        )
        for name in HORIZONS
    }
    card = json.loads(files["card.json"])
    return Bundle(
        spec=spec_from_json(json.loads(files["spec.json"])),
        hot=horizons["hot"],
        warm=horizons["warm"],
        bands=bands_from_json(settings["bands"]),
        card=card,
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

    Between the two renames, a kill leaves the earlier bundle whole under a hidden name.
    """
    require_replaceable(folder)
    if not folder.exists():
        part.rename(folder)
        return
    earlier = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.earlier")
    folder.rename(earlier)
    part.rename(folder)
    shutil.rmtree(earlier)


def _texts(bundle: Bundle) -> dict[str, str]:
    horizons = {
        name: {
            "days": bundle.horizon(name).days,
            "calibration": bundle.horizon(name).calibration.to_json(),
        }
        for name in HORIZONS
    }
    return {
        "bundle.json": _json({"horizons": horizons, "bands": bundle.bands.to_json()}),
        "spec.json": _json(bundle.spec.to_json()),
        "card.json": _json(bundle.card),
        **{f"{n}.txt": bundle.horizon(n).booster.model_to_string() for n in HORIZONS},
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
    expected = {"bundle.json", "spec.json", "card.json", *(f"{n}.txt" for n in HORIZONS)}
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
