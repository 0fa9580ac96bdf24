"""The contract with callers: which names, types and words a lead may have, apart from any model.

A model is trained again and again, and its attributes come and go with the export. What callers
send must not break for that. The contract is therefore a file of its own with versions of its own:
it holds every name that a model reads, and names that earlier models read (retired ones), which are
accepted for a stated time and named in the answer's warnings. `models.contract_draft` makes the
next version of it for another model; nothing else changes it.

A version is ``MAJOR.MINOR.PATCH``, as in Semantic Versioning: the first number rises when callers
must change, the second when names come or retire, the third when only words do.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from features.json_values import parse_finite_json
from features.language.kinds import LABEL_FIELDS, AttributeCategory, AttributeKind
from features.language.spec import Spec
from models.bundle import Bundle
from models.golden import vocabulary

CONTRACT = "contract.json"
"""Name of the file that travels with a bundle."""
CONTRACT_FORMAT = 1
FIRST_VERSION = "1.0.0"
ATTRIBUTES, MEASURES, LABELS = "attributes.", "interactions.measures.", "interactions."
"""Where a name stands in a lead: the path before it."""

_CLOSED = ConfigDict(extra="forbid")

ChangeKind = Literal["added", "retired", "read_again", "words", "other_kind", "removed"]


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class Retirement:
    """Since when no model reads a name, and until when it is accepted.

    Parameters
    ----------
    since : datetime.date
        Day of the version that retired it.
    accepted_until : datetime.date
        Last day on which it is surely accepted. It is removed by a later version, never by the
        clock.
    instead : str or None
        Path of the name that took its place, and as which its values are read.
    """

    since: date
    accepted_until: date
    instead: str | None = None


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class ContractName:
    """A name that a lead may have.

    Parameters
    ----------
    kind : {"number", "category", "timestamp"}
        Type of its values: a number, a text, a time.
    words : tuple of str
        Values of a category that the model tells apart; others are accepted and counted as one.
    retirement : Retirement or None
        None while the model reads the name.
    """

    kind: AttributeKind
    words: tuple[str, ...] = ()
    retirement: Retirement | None = None


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class ContractChange:
    """One difference between two versions.

    Parameters
    ----------
    path : str
        Path of the name, such as "attributes.country".
    change : {"added", "retired", "read_again", "words", "other_kind", "removed"}
        What became of it.
    sentence : str
        The same for people.
    """

    path: str
    change: ChangeKind
    sentence: str

    @property
    def breaks_callers(self) -> bool:
        """Whether a call that was answered is refused from then on."""
        return self.change in ("other_kind", "removed")


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class Release:
    """A version of the contract, and what it changed.

    Parameters
    ----------
    version : str
        Such as "1.2.0".
    released : datetime.date
        The day of the promotion that made it.
    model_version : str
        Version of the bundle that was promoted.
    changes : tuple of ContractChange
        Differences from the version before; none in the first.
    """

    version: str
    released: date
    model_version: str
    changes: tuple[ContractChange, ...] = ()


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class Contract:
    """What callers may send.

    Parameters
    ----------
    names : mapping of path to ContractName
        Every name that is accepted, retired ones included.
    releases : tuple of Release
        All versions so far, the present one last.

    Raises
    ------
    ValueError
        There is no version.
    """

    names: Mapping[str, ContractName]
    releases: tuple[Release, ...]

    def __post_init__(self) -> None:
        if not self.releases:
            raise ValueError("A contract must list its versions, found none.")

    @property
    def version(self) -> str:
        """The present version."""
        return self.releases[-1].version

    @property
    def retired(self) -> Mapping[str, Retirement]:
        """Retired names by path."""
        return {
            path: name.retirement
            for path, name in self.names.items()
            if name.retirement is not None
        }

    def kinds(self, prefix: str) -> Mapping[str, AttributeKind]:
        """Kinds of the names under a path, `ATTRIBUTES` or `MEASURES`, retired ones included."""
        return {
            path.removeprefix(prefix): name.kind
            for path, name in self.names.items()
            if path.startswith(prefix)
        }

    @property
    def text(self) -> str:
        """The file's content; `contract_from_text` reads it back."""
        values = {"format": CONTRACT_FORMAT, **_ADAPTER.dump_python(self, mode="json")}
        return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


_ADAPTER = TypeAdapter(Contract)


def contract_from_text(text: str, source: str) -> Contract:
    """Contract of the text that `Contract.text` gave.

    Parameters
    ----------
    text : str
        The file's content.
    source : str
        Where it comes from, for messages.

    Raises
    ------
    ValueError
        It is no contract, or one of a later format.
    """
    way_out = "Pull the bundle again, with this release or a later one."
    try:
        values = dict(parse_finite_json(text))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} is no contract: {error}. {way_out}") from error
    if (number := values.pop("format", None)) != CONTRACT_FORMAT:
        raise ValueError(
            f"{source} has format {number!r}, this release reads {CONTRACT_FORMAT}. {way_out}"
        )
    try:
        # Strict, and from JSON: there a list is a tuple and a text a date.
        return _ADAPTER.validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"]))
        raise ValueError(f"{source}: {field}: {problem['msg']}. {way_out}") from None


def names_of_model(spec: Spec) -> dict[str, ContractName]:
    """Names that a model reads, by path, and the words that it tells apart."""
    levels = {
        feature.attribute: feature.levels
        for feature in spec.features
        if isinstance(feature, AttributeCategory)
    }
    words = vocabulary(spec.features)
    return {
        **{
            ATTRIBUTES + name: ContractName(kind, levels.get(name, ()))
            for name, kind in spec.attribute_kinds.items()
        },
        **{
            LABELS + field: ContractName("category", words.get(field, ())) for field in LABEL_FIELDS
        },
        **{MEASURES + name: ContractName("number") for name in spec.measures},
    }


def first_contract(spec: Spec, model_version: str, released: date) -> Contract:
    """Contract of a model alone: what it reads, and nothing else."""
    return Contract(names_of_model(spec), (Release(FIRST_VERSION, released, model_version),))


def own_contract(bundle: Bundle) -> Contract:
    """Contract of a bundle that has none: its own names, as of the end of its data."""
    return first_contract(bundle.spec, bundle.version, bundle.card.served.data_end.date())


def uncovered_names(contract: Contract, spec: Spec) -> list[str]:
    """Paths of names that a model reads and that the contract lacks, or has otherwise."""
    return [
        path
        for path, name in names_of_model(spec).items()
        if path not in contract.names
        or contract.names[path].kind != name.kind
        or contract.names[path].retirement is not None
    ]


def served_contract(folder: Path, bundle: Bundle) -> Contract:
    """Contract that lies in a bundle's folder; without one, the model's own.

    Raises
    ------
    ValueError
        It is no contract, or not of this model.
    """
    file = folder / CONTRACT
    if not file.exists():
        return own_contract(bundle)
    contract = contract_from_text(file.read_text(encoding="utf-8"), str(file))
    uncovered = uncovered_names(contract, bundle.spec)
    if uncovered:
        raise ValueError(
            f"{file} is not of this model, which reads {', '.join(uncovered)}. "
            "Pull the bundle again."
        )
    return contract
