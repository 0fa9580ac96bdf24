"""A trained model as one value, and as a folder of text.

A `Bundle` holds all that turns a lead's history into a banded score: the feature spec, a predictor
and a calibration per horizon, the bands, and a card that says what it was trained on. On disk it
is LightGBM's own text and JSON; loading reads numbers and runs no code, and a manifest of SHA-256
hashes tells a damaged or edited folder from a whole one. The card is there twice, as JSON and as
text for people. The folder appears under its name only when it is complete. Companions, such as
`report.html`, its translations and the golden leads, have hashes too. They are no part of the
model, so the version does not depend on them. Bundles of earlier releases list no companions.

What serves has learned from every known outcome, so no known outcome can judge it. The fit that
the test period judges therefore travels along, as a bundle in the folder `JUDGED_FIT`: versions are
compared by it (`training.versions.comparison`). A server does not read it.
"""

import dataclasses
import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.arrays import Bool, Float64
from features.engine.plan import Plan, compile_plan
from features.export.terms import ExportTerms, terms_from_json
from features.json_values import JsonObject, parse_finite_json
from features.language.spec import Spec, spec_from_json
from models.bands import HORIZONS, Bands, bands_from_json
from models.calibration import calibration_from_json
from models.card import CardDocument
from models.evidence import evidence_from_json
from models.folder import (
    MANIFEST,
    MAX_ENTRIES,
    OpenFolder,
    put_in_place,
    require_replaceable,
    write_durably,
)
from models.horizon import Estimate, HorizonModel, Scores
from models.predictors.predictor import (
    columns_of,
    file_names,
    files_of,
    margins_of,
    predictor_of,
)

BUNDLE_FORMAT = 1
"""Number of the folder's layout. Raise it when an older reader would misread the folder, keep the
reader of the earlier number, and add a bundle of that number to the tests."""

CARD = "card.md"
JUDGED_FIT = "judged_fit"
"""Folder of the fit that the test period judges. Earlier versions have none: what serves was it."""
REPORT = "report.html"
REPORTS = {"en": REPORT} | {code: f"report.{code}.html" for code in ("pt", "ru", "ro", "it")}
"""The managers' report by language (ISO 639), English first."""

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A trained model.

    Parameters
    ----------
    spec : Spec
        The features, in the order of the predictors' columns.
    hot, warm : HorizonModel
        The two questions; ``hot.days <= warm.days``, and where they are equal, they are one.
    bands : Bands
        The cut-offs.
    card : CardDocument
        What the model was trained on and what it reached, as JSON.
    card_text : str
        The same for people, in Markdown; empty when nobody wrote it.
    version : str
        Date of the data's end and a hash of the contents; empty until the bundle is saved.
    terms : ExportTerms or None
        What the export that it was trained on calls and writes its fields; None where bundles of
        earlier versions do not say.
    judged_fit : Bundle or None
        The same model as it was learned where its test period begins; None where this is it, or
        where it was not read.
    plan : Plan
        Of the spec, compiled once for all scores.

    Raises
    ------
    ValueError
        The horizons are not in order, or a predictor does not take the spec's columns.
    """

    spec: Spec
    hot: HorizonModel
    warm: HorizonModel
    bands: Bands
    card: CardDocument
    card_text: str = ""
    version: str = ""
    terms: ExportTerms | None = None
    judged_fit: "Bundle | None" = None
    plan: Plan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.hot.days <= self.warm.days:
            raise ValueError(
                "Horizons must satisfy 0 < hot days <= warm days, "
                f"got hot={self.hot.days}, warm={self.warm.days}."
            )
        for name in HORIZONS:
            columns = columns_of(self.horizon(name).predictor)
            if columns != len(self.spec.features):
                raise ValueError(
                    f"The {name} predictor takes {columns} columns, "
                    f"the spec has {len(self.spec.features)} features."
                )
            evidence_features = len(self.horizon(name).evidence.low)
            if evidence_features != len(self.spec.features):
                raise ValueError(
                    f"The {name} evidence speaks of {evidence_features} features, "
                    f"the spec has {len(self.spec.features)}."
                )
        object.__setattr__(self, "plan", compile_plan(self.spec))

    @property
    def judged_model(self) -> "Bundle":
        """The model that knows nothing of the test period: the judged fit or, without one, this."""
        return self.judged_fit or self

    def horizon(self, name: str) -> HorizonModel:
        """The horizon named "hot" or "warm"."""
        return {"hot": self.hot, "warm": self.warm}[name]

    def scores(self, matrix: Float64, threads: int = 1) -> Scores:
        """Scores of a feature matrix of shape (rows, features)."""
        predictors = (self.hot.predictor, self.warm.predictor)
        hot_margin, warm_margin = margins_of(predictors, matrix, threads)
        return self.scores_of(
            self.hot.estimate_of(hot_margin, matrix), self.warm.estimate_of(warm_margin, matrix)
        )

    def may_be_left(self, band: npt.NDArray[np.str_], warm_high: Float64) -> Bool:
        """Which leads may be left alone: none where cold's promise did not hold.

        Parameters
        ----------
        band : str array of shape (rows,)
            Band of each lead.
        warm_high : float64 array of shape (rows,)
            High end within the warm horizon (`models.bands.Bands.may_be_left`).
        """
        if "cold" in self.card.served.broken_promises:
            return np.zeros(len(band), np.bool_)
        return self.bands.may_be_left(band, warm_high)

    def scores_of(self, hot: Estimate, warm: Estimate) -> Scores:
        """Scores of rows whose horizons have these estimates.

        Converting soon is converting: where the two predictors disagree about that, the longer
        horizon takes the shorter one's probability.
        """
        warm_probability = np.maximum(hot.probability, warm.probability)
        warm_low = np.maximum(hot.low, warm.low)
        bands = self.bands
        return Scores(
            hot_probability=hot.probability,
            warm_probability=warm_probability,
            hot_low=hot.low,
            hot_high=hot.high,
            warm_low=warm_low,
            warm_high=np.maximum(hot.high, warm.high),
            not_enough_evidence=hot.not_enough_evidence | warm.not_enough_evidence,
            band=bands.assign(
                bands.decisive(hot.probability, low=hot.low),
                bands.decisive(warm_probability, low=warm_low),
            ),
        )


def save_bundle(bundle: Bundle, folder: Path, extras: Mapping[str, str] | None = None) -> Bundle:
    """Write a bundle as a folder of text, all or nothing.

    Parameters
    ----------
    bundle : Bundle
        The model to write; its ``version`` is not looked at.
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
    files = _files(bundle, {name: text.encode() for name, text in (extras or {}).items()})
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, so that two writers never share a half-written folder.
    part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.part")
    try:
        part.mkdir()
        for name, content in files.items():
            (part / name).parent.mkdir(exist_ok=True)
            write_durably(part / name, content)
        saved = load_bundle(part, with_judged_fit=True)
        put_in_place(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return saved


def load_bundle(
    folder: Path, *, with_judged_fit: bool = False, with_companions: bool = True
) -> Bundle:
    """Read a bundle's folder.

    Parameters
    ----------
    folder : pathlib.Path
        As `save_bundle` wrote it.
    with_judged_fit : bool, optional
        Whether to read `Bundle.judged_fit` too, which comparing needs and serving does not.
    with_companions : bool, optional
        Whether the companions must be there and whole, which scoring alone does not need.

    Raises
    ------
    FileNotFoundError
        There is no bundle, or a file of it is missing.
    ValueError
        The format is unknown, or a file differs from its hash.
    """
    files = read_bundle_files(folder, with_companions=with_companions)
    card = CardDocument(files.model["card.json"])
    try:
        end = card.served.data_end
    except ValueError as error:
        raise ValueError(f"{folder / 'card.json'}: {error}") from error
    version = f"{end.date().isoformat()}-{_version_hash(files.manifest)[:10]}"
    try:
        bundle, judged_fit_hash = _bundle(files.model, card, version)
    except (
        KeyError, TypeError, AttributeError, ValueError, OverflowError, RecursionError,
        lgb.basic.LightGBMError,
    ) as error:  # fmt: skip
        raise ValueError(
            f"{folder} holds what this version cannot read: {_in_words(error)}. "
            "Serve it with the version that trained it, or train again."
        ) from error
    if not with_judged_fit or judged_fit_hash is None:
        return bundle
    read_judged_fit_files(folder, judged_fit_hash)
    judged_fit = load_bundle(folder / JUDGED_FIT)
    return dataclasses.replace(bundle, judged_fit=judged_fit)


@dataclass(frozen=True, slots=True)
class BundleFiles:
    """The files of a bundle's folder, whose hashes were compared with the manifest.

    Parameters
    ----------
    manifest : bytes
        Content of `MANIFEST`.
    model : mapping of file name to text
        The files that are the model.
    companions : mapping of file name to bytes
        The files that travel with it.
    lists_companions : bool
        Whether the manifest lists companions: those of earlier releases do not.
    """

    manifest: bytes
    model: Mapping[str, str]
    companions: Mapping[str, bytes]
    lists_companions: bool

    @property
    def judged_fit_hash(self) -> str | None:
        """Hash of the manifest in `JUDGED_FIT`; None for a bundle without that folder."""
        settings = parse_finite_json(self.model["bundle.json"])
        digest = settings.get("judged_fit")
        return None if digest is None else str(digest)


def read_bundle_files(folder: Path, *, with_companions: bool = True) -> BundleFiles:
    """Read the files of a bundle's folder, all of one folder, and compare their hashes.

    Parameters
    ----------
    folder : pathlib.Path
        The bundle's folder.
    with_companions : bool, optional
        Whether to read the companions too.

    Raises
    ------
    FileNotFoundError
        There is no bundle, or a file of it is missing.
    ValueError
        The format is unknown, a file differs from its hash, is too long, or is no regular file.
    """
    try:
        with OpenFolder(folder) as opened:
            return _checked_files(opened, with_companions=with_companions)
    except NotADirectoryError:
        raise _no_bundle(folder) from None
    except FileNotFoundError as error:
        if error.errno is None:  # ours, which says what is missing
            raise
        raise _no_bundle(folder) from None


def add_companion(folder: Path, name: str, text: str) -> None:
    """Put a companion into a bundle's folder that nobody reads yet; the version stays.

    Parameters
    ----------
    folder : pathlib.Path
        The folder. Where its manifest is of an earlier release, which lists no companions, the
        files beside the model are listed too.
    name : str
        Name of the file; one of that name is replaced.
    text : str
        Its content.

    Raises
    ------
    FileNotFoundError, ValueError
        The bundle is not whole.
    """
    files = read_bundle_files(folder)
    companions = dict(files.companions)
    if not files.lists_companions:
        with OpenFolder(folder) as opened:
            companions = {
                file: opened.read(file)
                for file, is_folder in opened.names().items()
                if not is_folder and file not in files.model and file != MANIFEST
            }
    companions[name] = text.encode()
    manifest = {**json.loads(files.manifest), "companions": _hashes(companions)}
    write_durably(folder / name, companions[name])
    write_durably(folder / MANIFEST, _json(manifest).encode())


def read_judged_fit_files(folder: Path, manifest_hash: str) -> BundleFiles:
    """Files of a bundle's folder `JUDGED_FIT`, which must be the one that the bundle names.

    Raises
    ------
    FileNotFoundError, ValueError
        It is not, or is not whole.
    """
    files = read_bundle_files(folder / JUDGED_FIT)
    if _sha256(files.manifest) != manifest_hash:
        raise ValueError(
            f"{folder / JUDGED_FIT} is not the fit that this bundle was judged by. "
            "Pull or train the bundle again."
        )
    return files


def _no_bundle(folder: Path) -> FileNotFoundError:
    return FileNotFoundError(
        f"{folder} is not a bundle: it has no {MANIFEST}. "
        "`lead-temperature train` writes one, `lead-temperature pull` fetches one."
    )


def _in_words(error: Exception) -> str:
    """What is wrong with a bundle's files, without the words of Python."""
    match error:
        case KeyError():
            return f"the name '{error.args[0]}' is missing"
        case ValueError() | lgb.basic.LightGBMError():
            return str(error).rstrip(".")
        case _:
            return "a value has another type or size than it must have"


def _bundle(
    files: Mapping[str, str], card: CardDocument, version: str
) -> tuple[Bundle, str | None]:
    """Bundle of its files, and the hash that its judged fit's manifest must have."""
    settings = parse_finite_json(files["bundle.json"])
    spec = spec_from_json(parse_finite_json(files["spec.json"]))
    boosters: dict[str, lgb.Booster] = {}  # both horizons mostly have the same one
    horizons = {
        name: HorizonModel(
            days=settings["horizons"][name]["days"],
            predictor=predictor_of(files, spec, name, boosters),
            calibration=calibration_from_json(settings["horizons"][name]["calibration"]),
            evidence=evidence_from_json(settings["horizons"][name]["evidence"]),
        )
        for name in HORIZONS
    }
    bundle = Bundle(
        spec=spec,
        hot=horizons["hot"],
        warm=horizons["warm"],
        bands=bands_from_json(settings["bands"]),
        card=card,
        card_text=files[CARD],
        version=version,
        terms=None if settings.get("terms") is None else terms_from_json(settings["terms"]),
    )
    judged_fit_hash = settings.get("judged_fit")
    return bundle, None if judged_fit_hash is None else str(judged_fit_hash)


def _files(bundle: Bundle, companions: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Contents of a bundle's files by their names, the manifest and the judged fit included."""
    companions = companions or {}
    fit_files = {} if bundle.judged_fit is None else _files(bundle.judged_fit)
    tie = {"judged_fit": _sha256(fit_files[MANIFEST])} if fit_files else {}
    texts = {"bundle.json": _json({**_settings(bundle), **tie}), **_texts(bundle)}
    files = {name: text.encode() for name, text in texts.items()}
    manifest = {"format": BUNDLE_FORMAT, "files": _hashes(files)}
    if companions:
        manifest["companions"] = _hashes(companions)
    files |= companions
    files[MANIFEST] = _json(manifest).encode()
    return files | {f"{JUDGED_FIT}/{name}": content for name, content in fit_files.items()}


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: _sha256(content) for name, content in files.items()}


def _version_hash(manifest: bytes) -> str:
    """Hash of the model's files: what a manifest would be that lists no companions."""
    listed = json.loads(manifest)
    if "companions" not in listed:
        return _sha256(manifest)
    return _sha256(_json({n: value for n, value in listed.items() if n != "companions"}).encode())


def _settings(bundle: Bundle) -> JsonObject:
    horizons = {
        name: {
            "days": bundle.horizon(name).days,
            "calibration": bundle.horizon(name).calibration.to_json(),
            "evidence": bundle.horizon(name).evidence.to_json(),
        }
        for name in HORIZONS
    }
    terms = {} if bundle.terms is None else {"terms": bundle.terms.to_json()}
    return {"horizons": horizons, "bands": bundle.bands.to_json(), **terms}


def _texts(bundle: Bundle) -> dict[str, str]:
    """Texts of the hashed files but for bundle.json."""
    return {
        "spec.json": _json(bundle.spec.to_json()),
        "card.json": bundle.card.text,
        CARD: bundle.card_text,
        **{
            file: text
            for n in HORIZONS
            for file, text in files_of(bundle.horizon(n).predictor, bundle.spec, n).items()
        },
    }


def _checked_files(opened: OpenFolder, *, with_companions: bool) -> BundleFiles:
    folder = opened.path
    try:
        manifest_bytes = opened.read(MANIFEST)
    except FileNotFoundError:
        raise _no_bundle(folder) from None
    manifest = _manifest(folder, manifest_bytes)
    if manifest.get("format") != BUNDLE_FORMAT:
        raise ValueError(
            f"{folder} has bundle format {manifest.get('format')!r}, this version reads "
            f"{BUNDLE_FORMAT}. Use the version that wrote it, or train again."
        )
    files, wrong = {}, []
    companions = dict(manifest.get("companions", {})) if with_companions else {}
    for name, expected in {**companions, **manifest["files"]}.items():
        try:
            content = opened.read(name)
        except FileNotFoundError:
            raise FileNotFoundError(f"{folder} is not whole: {name} is missing.") from None
        digest = _sha256(content)
        if digest != expected:
            wrong.append(f"{name} has SHA-256 {digest[:12]}…, the manifest says {expected[:12]}…")
        files[name] = content
    if wrong:
        raise ValueError(
            f"{folder} was changed after it was written: {'; '.join(wrong)}. "
            "Pull or train the bundle again."
        )
    return BundleFiles(
        manifest_bytes,
        {name: files[name].decode() for name in manifest["files"]},
        {name: files[name] for name in companions},
        "companions" in manifest,
    )


def _manifest(folder: Path, manifest_bytes: bytes) -> JsonObject:
    try:
        manifest = json.loads(manifest_bytes)
        names = dict(manifest["files"])
        companions = dict(manifest.get("companions", {}))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{folder / MANIFEST} is not a bundle's manifest: {error}.") from error
    kinds = (file_names(names, horizon) for horizon in HORIZONS)
    expected = {"bundle.json", "spec.json", "card.json", CARD, *chain.from_iterable(kinds)}
    if set(names) != expected:
        raise ValueError(
            f"{folder / MANIFEST} must list {sorted(expected)}, it lists {sorted(names)}."
        )
    hashes = [*names.values(), *companions.values()]
    if not all(isinstance(digest, str) for digest in hashes):
        raise ValueError(f"{folder / MANIFEST} must give each file's SHA-256 as a text.")
    strange = [n for n in companions if not _FILE_NAME.fullmatch(n) or n in {*expected, MANIFEST}]
    if strange or len(companions) > MAX_ENTRIES:
        raise ValueError(
            f"{folder / MANIFEST} lists companions that are no files beside the model: "
            f"{strange[:3]}. Pull or train the bundle again."
        )
    return dict(manifest)


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
