"""A set of features as a value that can be written down.

A `Spec` is an ordered tuple of features (`features.language.kinds`) together with the schema of the
attributes and measures that they read. It survives a round trip through JSON and has a fingerprint,
so a trained model carries its own spec, and an old bundle keeps being served by the features it was
trained with.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from features.language.kinds import (
    KINDS,
    LABEL_FIELDS,
    AttributeCategory,
    AttributeKind,
    AttributeNumber,
    DaysSinceAttribute,
    Distinct,
    Feature,
    KnownAttributes,
    LabelField,
    LatestValue,
    Selection,
)


@dataclass(frozen=True, slots=True)
class Spec:
    """An ordered set of features and the schema of what they read.

    Parameters
    ----------
    features : tuple of Feature
        One column each, in this order.
    attribute_kinds : mapping of str to {"number", "category", "timestamp"}
        Every attribute a lead may carry.
    measures : tuple of str
        Every measure an interaction may carry.
    owner : str or None
        The category attribute that names the lead's owner, for selections by owner.
    ignored : mapping of label field to tuple of str
        Interactions with one of these values do not exist for any feature: a leak audit found that
        they know the outcome.

    Raises
    ------
    ValueError
        Two features have one name, a measure has the name of another field, or a feature reads an
        attribute, a measure or an owner that the schema does not have (or has as another kind).
    """

    features: tuple[Feature, ...]
    attribute_kinds: Mapping[str, AttributeKind] = field(default_factory=dict)
    measures: tuple[str, ...] = ()
    owner: str | None = None
    ignored: Mapping[LabelField, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"Features of a spec must differ in name, found twice: {repeated}.")
        reserved = sorted(set(self.measures) & {*LABEL_FIELDS, "occurred_at", "recorded_at"})
        if reserved:
            raise ValueError(f"A measure cannot have the name of another field, found {reserved}.")
        for feature in self.features:
            self._check(feature)

    def _check(self, feature: Feature) -> None:
        for name, kind in _attributes_read(feature, self):
            if self.attribute_kinds.get(name) != kind:
                raise ValueError(
                    f"Feature '{feature.name}' reads the attribute '{name}' as {kind}, "
                    f"the schema has it as {self.attribute_kinds.get(name, 'unknown')}."
                )
        measure = getattr(feature, "measure", None)
        if measure is not None and measure not in self.measures:
            raise ValueError(
                f"Feature '{feature.name}' reads the measure '{measure}', "
                f"the schema has {list(self.measures)}."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def categorical(self) -> tuple[int, ...]:
        """Column indices that hold level indices, not quantities."""
        kinds = (AttributeCategory, LatestValue)
        return tuple(i for i, feature in enumerate(self.features) if isinstance(feature, kinds))

    @property
    def fields(self) -> tuple[LabelField, ...]:
        """Label fields of interactions that some feature looks at."""
        read: set[str] = set(self.ignored)
        for feature in self.features:
            if isinstance(feature, Distinct | LatestValue):
                read.add(feature.field)
            for selection in selections(feature):
                read |= {name for name, _ in selection.conditions()}
                read |= set() if selection.by_owner is None else {"agent"}
        return tuple(name for name in LABEL_FIELDS if name in read)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `spec_from_json` reads it back."""
        return {
            "attribute_kinds": dict(self.attribute_kinds),
            "measures": list(self.measures),
            "owner": self.owner,
            "ignored": {name: list(values) for name, values in self.ignored.items()},
            "features": [_feature_to_json(feature) for feature in self.features],
        }

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def spec_from_json(data: Mapping[str, Any]) -> Spec:
    """Spec that was written by `Spec.to_json`.

    Raises
    ------
    ValueError
        A feature kind or a parameter is unknown here: the spec was written by a newer version.

    Examples
    --------
    >>> from features.language.kinds import Count, LeadAge
    >>> spec = Spec((LeadAge(), Count(Selection(kind=("call",)), 7)))
    >>> spec_from_json(spec.to_json()) == spec
    True
    """
    return Spec(
        features=tuple(feature_from_json(item) for item in data["features"]),
        attribute_kinds=dict(data["attribute_kinds"]),
        measures=tuple(data["measures"]),
        owner=data["owner"],
        ignored={name: tuple(values) for name, values in data["ignored"].items()},
    )


def feature_from_json(data: Mapping[str, Any]) -> Feature:
    """Feature from its kind's name and its parameters.

    Raises
    ------
    ValueError
        The kind or a parameter is unknown, missing or of the wrong type.

    Examples
    --------
    >>> feature_from_json({"feature": "Count", "selection": {"kind": ["call"]}, "days": 7}).name
    'count[kind=call]_7d'
    """
    parameters = dict(data)
    name = parameters.pop("feature", None)
    kind = KINDS.get(str(name))
    if kind is None:
        raise ValueError(
            f"Feature kind '{name}' is unknown to this version, which knows {sorted(KINDS)}. "
            "A bundle with it must be served by the version that trained it, or trained again."
        )
    _require_names(kind, parameters)
    for key in SELECTIONS:
        if key in parameters:
            _require_names(Selection, parameters[key])
    try:
        feature: Feature = _adapter(str(name)).validate_python(parameters)
    except ValidationError as error:
        problems = "; ".join(f"{_path(one)}: {one['msg']}" for one in error.errors())
        raise ValueError(f"Feature kind '{name}' does not take these values: {problems}.") from None
    return feature


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    """Reader of a kind; it takes longer to make than to ask a thousand times."""
    return TypeAdapter(KINDS[name])


SELECTIONS = ("selection", "among", "ended_by")
"""Parameters of features that are selections."""


def selections(feature: Feature) -> tuple[Selection, ...]:
    """Selections of interactions that a feature looks at."""
    return tuple(getattr(feature, name) for name in SELECTIONS if hasattr(feature, name))


def _attributes_read(feature: Feature, spec: Spec) -> list[tuple[str, AttributeKind]]:
    """Attributes that a feature reads, each with the kind that it must have."""
    match feature:
        case AttributeNumber(name):
            return [(name, "number")]
        case AttributeCategory(name):
            return [(name, "category")]
        case DaysSinceAttribute(name):
            return [(name, "timestamp")]
        case KnownAttributes(names):
            return [(name, spec.attribute_kinds.get(name, "category")) for name in names]
    if any(selection.by_owner is not None for selection in selections(feature)):
        return [(spec.owner or "(owner)", "category")]
    return []


def _feature_to_json(feature: Feature) -> dict[str, Any]:
    parameters = dataclasses.asdict(feature)
    for name in SELECTIONS:
        if name in parameters:
            conditions = parameters[name].items()
            parameters[name] = {k: v for k, v in conditions if v not in ((), None)}
    return {"feature": type(feature).__name__, **parameters}


def _require_names(kind: type[Any], parameters: Mapping[str, Any]) -> None:
    fields = dataclasses.fields(kind)
    expected = {one.name for one in fields}
    required = {one.name for one in fields if one.default is dataclasses.MISSING}
    unknown = sorted(set(parameters) - expected)
    missing = sorted(required - set(parameters))
    if unknown or missing:
        raise ValueError(
            f"{kind.__name__} takes {sorted(expected)}; unknown: {unknown}, missing: {missing}."
        )


def _path(error: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in error["loc"])
