"""The feature language: what a feature is, as a value that can be written down.

A feature is a function of one lead's history as of one instant. This module only *says* which
function: each kind is a frozen dataclass, the kinds form a closed union, and a `Spec` is an ordered
tuple of them together with the schema of the attributes and measures that they read. A `Spec`
survives a round trip through JSON and has a fingerprint, so a trained model carries its own spec
and an old bundle keeps being served by the features it was trained with. How a feature is computed
is said once, in `features.engine`.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

AttributeKind = Literal["number", "category", "timestamp"]
LabelField = Literal["channel", "kind", "direction", "outcome", "agent"]
LABEL_FIELDS: tuple[LabelField, ...] = get_args(LabelField)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which interactions a feature looks at.

    Parameters
    ----------
    channel, kind, direction, outcome, agent : tuple of str
        Allowed values of that field; empty means any value, a missing one included.

    Examples
    --------
    >>> str(Selection(direction=("inbound",)))
    'direction=inbound'
    >>> str(Selection())
    'any'
    """

    channel: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    direction: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{name}={'|'.join(values)}" for name, values in self.conditions()]
        return ",".join(parts) or "any"

    def conditions(self) -> list[tuple[LabelField, tuple[str, ...]]]:
        """Fields that are restricted, with their allowed values."""
        pairs = [(name, getattr(self, name)) for name in LABEL_FIELDS]
        return [(name, values) for name, values in pairs if values]


@dataclass(frozen=True, slots=True)
class LeadAge:
    """Days since the lead was created."""

    @property
    def name(self) -> str:
        """Column name."""
        return "lead_age_days"


@dataclass(frozen=True, slots=True)
class AttributeNumber:
    """The latest known value of a numeric attribute; NaN when there is none."""

    attribute: str

    @property
    def name(self) -> str:
        """Column name."""
        return f"attribute[{self.attribute}]"


@dataclass(frozen=True, slots=True)
class AttributeCategory:
    """The latest known value of a categorical attribute, as the index of its level.

    A value outside `levels` (rare when the levels were learned, or new since) takes the index
    ``len(levels)``, "other"; a missing value is NaN.
    """

    attribute: str
    levels: tuple[str, ...]

    @property
    def name(self) -> str:
        """Column name."""
        return f"attribute[{self.attribute}]"


@dataclass(frozen=True, slots=True)
class DaysSinceAttribute:
    """Days from the latest known value of a timestamp attribute to the instant."""

    attribute: str

    @property
    def name(self) -> str:
        """Column name."""
        return f"days_since_attribute[{self.attribute}]"


@dataclass(frozen=True, slots=True)
class KnownAttributes:
    """How many of the lead's attributes are known: the completeness of its card (D8, D25)."""

    attributes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Column name."""
        return "known_attributes"


@dataclass(frozen=True, slots=True)
class Count:
    """Number of interactions in the window; `days` None means all of the history."""

    selection: Selection
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"count[{self.selection}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Total:
    """Sum of a measure over the window; missing values count as nothing."""

    selection: Selection
    measure: str
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"total_{self.measure}[{self.selection}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean of a measure over the window's interactions that have it; NaN when none has."""

    selection: Selection
    measure: str
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"mean_{self.measure}[{self.selection}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Share:
    """Interactions of `selection` among those of `among` in the window; NaN when there are none."""

    selection: Selection
    among: Selection
    days: int | None

    @property
    def name(self) -> str:
        """Column name."""
        return f"share[{self.selection} of {self.among}]{_window(self.days)}"


@dataclass(frozen=True, slots=True)
class Trend:
    """Rate per day over the short window minus the rate over the long one.

    Both rates are taken over the full width of their window, so a lead that fell silent has a
    negative trend and a lead that woke up a positive one.
    """

    selection: Selection
    short_days: int
    long_days: int

    def __post_init__(self) -> None:
        if not 0 < self.short_days < self.long_days:
            raise ValueError(
                "Trend needs 0 < short_days < long_days, "
                f"got short_days={self.short_days}, long_days={self.long_days}."
            )

    @property
    def name(self) -> str:
        """Column name."""
        return f"trend[{self.selection}]_{self.short_days}d_{self.long_days}d"


@dataclass(frozen=True, slots=True)
class DaysSinceLatest:
    """Days since the latest known interaction occurred; NaN when there was none."""

    selection: Selection

    @property
    def name(self) -> str:
        """Column name."""
        return f"days_since_latest[{self.selection}]"


@dataclass(frozen=True, slots=True)
class DaysSinceFirst:
    """Days since the first known interaction occurred; NaN when there was none."""

    selection: Selection

    @property
    def name(self) -> str:
        """Column name."""
        return f"days_since_first[{self.selection}]"


Feature = (
    LeadAge
    | AttributeNumber
    | AttributeCategory
    | DaysSinceAttribute
    | KnownAttributes
    | Count
    | Total
    | Mean
    | Share
    | Trend
    | DaysSinceLatest
    | DaysSinceFirst
)
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Feature)}


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

    Raises
    ------
    ValueError
        Two features have one name, a measure has the name of another field, or a feature reads an
        attribute or a measure that the schema does not have (or has with another kind).
    """

    features: tuple[Feature, ...]
    attribute_kinds: Mapping[str, AttributeKind] = field(default_factory=dict)
    measures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [feature.name for feature in self.features]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"Features of a spec must differ in name, found twice: {twice}.")
        taken = sorted(set(self.measures) & {*LABEL_FIELDS, "occurred_at", "recorded_at"})
        if taken:
            raise ValueError(f"A measure cannot have the name of another field, found {taken}.")
        for feature in self.features:
            self._check(feature)

    def _check(self, feature: Feature) -> None:
        match feature:
            case AttributeNumber(name):
                needed: list[tuple[str, AttributeKind]] = [(name, "number")]
            case AttributeCategory(name):
                needed = [(name, "category")]
            case DaysSinceAttribute(name):
                needed = [(name, "timestamp")]
            case KnownAttributes(names):
                needed = [(n, self.attribute_kinds[n]) for n in names if n in self.attribute_kinds]
                if len(needed) < len(names):
                    missing = sorted(set(names) - set(self.attribute_kinds))
                    raise ValueError(
                        f"Feature '{feature.name}' reads unknown attributes {missing}."
                    )
            case Total() | Mean():
                needed = []
                if feature.measure not in self.measures:
                    raise ValueError(
                        f"Feature '{feature.name}' reads the measure '{feature.measure}', "
                        f"the schema has {list(self.measures)}."
                    )
            case _:
                needed = []
        for name, kind in needed:
            if self.attribute_kinds.get(name) != kind:
                raise ValueError(
                    f"Feature '{feature.name}' reads '{name}' as {kind}, "
                    f"the schema says {self.attribute_kinds.get(name)}."
                )

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def categorical(self) -> tuple[int, ...]:
        """Column indices that hold level indices, not quantities."""
        return tuple(i for i, f in enumerate(self.features) if isinstance(f, AttributeCategory))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; `spec_from_json` reads it back."""
        return {
            "attribute_kinds": dict(self.attribute_kinds),
            "measures": list(self.measures),
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
    >>> spec = Spec((LeadAge(), Count(Selection(kind=("call",)), 7)))
    >>> spec_from_json(spec.to_json()) == spec
    True
    """
    return Spec(
        features=tuple(_feature_from_json(item) for item in data["features"]),
        attribute_kinds=dict(data["attribute_kinds"]),
        measures=tuple(data["measures"]),
    )


def _window(days: int | None) -> str:
    return "" if days is None else f"_{days}d"


def _feature_to_json(feature: Feature) -> dict[str, Any]:
    parameters = dataclasses.asdict(feature)
    for name in ("selection", "among"):
        if name in parameters:
            parameters[name] = {k: v for k, v in parameters[name].items() if v}
    return {"feature": type(feature).__name__, **parameters}


def _feature_from_json(item: Mapping[str, Any]) -> Feature:
    parameters = dict(item)
    name = parameters.pop("feature", None)
    kind = KINDS.get(str(name))
    if kind is None:
        raise ValueError(
            f"Feature kind '{name}' is unknown to this version, which knows {sorted(KINDS)}. "
            "Serve the bundle with the version that trained it, or train again."
        )
    for key in ("selection", "among"):
        if key in parameters:
            chosen = {k: tuple(v) for k, v in parameters[key].items()}
            parameters[key] = _built(Selection, chosen)
    for key in ("levels", "attributes"):
        if key in parameters:
            parameters[key] = tuple(parameters[key])
    feature: Feature = _built(kind, parameters)
    return feature


def _built(kind: type[Any], parameters: Mapping[str, Any]) -> Any:
    expected = {f.name for f in dataclasses.fields(kind)}
    unknown = sorted(set(parameters) - expected)
    required = {
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    missing = sorted(required - set(parameters))
    if unknown or missing:
        raise ValueError(
            f"Feature kind '{kind.__name__}' takes {sorted(expected)}; "
            f"unknown: {unknown}, missing: {missing}."
        )
    return kind(**parameters)
