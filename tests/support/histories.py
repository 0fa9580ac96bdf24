"""Random histories and specs, and the slow, obvious way to compute every feature."""

import math
from typing import Any, assert_never

import numpy as np
from hypothesis import strategies as st

from features.history import (
    MEASURE_SCALE,
    MICROSECONDS_PER_DAY,
    Float64,
    Histories,
    Versions,
    fixed_point,
    labels_of,
)
from features.spec import (
    LABEL_FIELDS,
    AttributeCategory,
    AttributeNumber,
    Count,
    DaysSinceAttribute,
    DaysSinceFirst,
    DaysSinceLatest,
    Feature,
    KnownAttributes,
    LeadAge,
    Mean,
    Selection,
    Share,
    Spec,
    Total,
    Trend,
)

DAY = MICROSECONDS_PER_DAY
WORDS = ("a", "b", "c", "d")
KINDS: dict[str, Any] = {"size": "number", "source": "category", "met_at": "timestamp"}

instants = st.one_of(
    st.integers(0, 20).map(lambda day: day * DAY),  # whole days, so that edges coincide
    st.integers(0, 20 * DAY),
)
words = st.one_of(st.none(), st.sampled_from(WORDS))
selections = st.builds(
    Selection,
    kind=st.sampled_from([(), ("a",), ("a", "b"), ("absent",)]),
    channel=st.sampled_from([(), ("c",)]),
    direction=st.sampled_from([(), ("b",)]),
)
windows = st.one_of(st.none(), st.sampled_from([1, 3, 7]))
features = st.one_of(
    st.just(LeadAge()),
    st.just(AttributeNumber("size")),
    st.builds(AttributeCategory, st.just("source"), st.sampled_from([(), ("a",), ("b", "a")])),
    st.just(DaysSinceAttribute("met_at")),
    st.just(KnownAttributes(("size", "source", "met_at"))),
    st.builds(Count, selections, windows),
    st.builds(Total, selections, st.just("value"), windows),
    st.builds(Mean, selections, st.just("value"), windows),
    st.builds(Share, selections, selections, windows),
    st.builds(Trend, selections, st.just(1), st.sampled_from([3, 7])),
    st.builds(DaysSinceLatest, selections),
    st.builds(DaysSinceFirst, selections),
)
specs = st.lists(features, min_size=1, max_size=12, unique_by=lambda f: f.name).map(
    lambda chosen: Spec(tuple(chosen), KINDS, ("value",))
)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """An interaction, recorded before, when or after it occurred."""
    occurred_at = draw(instants)
    return {
        "occurred_at": occurred_at,
        "recorded_at": draw(st.one_of(st.just(occurred_at), instants)),
        "value": draw(st.one_of(st.none(), st.sampled_from([0.1, 0.2, 1e6 + 1 / 3, -5.0]))),
        **{name: draw(words) for name in LABEL_FIELDS},
    }


@st.composite
def versions(draw: st.DrawFn) -> list[tuple[int, str, Any]]:
    """A log of attribute versions of one lead, in order of recording."""
    found: list[tuple[int, str, Any]] = []
    for name, values in (
        ("size", st.one_of(st.just(math.nan), st.integers(0, 9).map(float))),
        ("source", words),
        ("met_at", st.one_of(st.just(math.nan), instants.map(float))),
    ):
        moments = draw(st.lists(instants, max_size=3, unique=True).map(sorted))
        found += [(moment, name, draw(values)) for moment in moments]
    return found


@st.composite
def leads(draw: st.DrawFn) -> dict[str, Any]:
    """One lead with all that will ever happen to it, and the instants it is looked at."""
    return {
        "created_at": draw(instants),
        "interactions": draw(st.lists(events(), max_size=8)),
        "versions": draw(versions()),
        "as_of": draw(st.lists(instants, min_size=1, max_size=4)),
    }


def histories_of(found: list[dict[str, Any]]) -> Histories:
    """Many leads as the engine takes them."""
    interactions = [event for lead in found for event in lead["interactions"]]
    return Histories(
        created_at=np.array([lead["created_at"] for lead in found], np.int64),
        offsets=_offsets([len(lead["interactions"]) for lead in found]),
        occurred_at=np.array([event["occurred_at"] for event in interactions], np.int64),
        recorded_at=np.array([event["recorded_at"] for event in interactions], np.int64),
        labels={name: labels_of([e[name] for e in interactions]) for name in LABEL_FIELDS},
        measures={
            "value": fixed_point(
                [math.nan if e["value"] is None else e["value"] for e in interactions]
            )
        },
        attributes={name: _versions(found, name) for name in KINDS},
    )


def _offsets(sizes: list[int]) -> Any:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _versions(found: list[dict[str, Any]], name: str) -> Versions:
    mine = [[v for v in lead["versions"] if v[1] == name] for lead in found]
    flat = [version for lead in mine for version in lead]
    recorded_at = np.array([moment for moment, _, _ in flat], np.int64)
    offsets = _offsets([len(lead) for lead in mine])
    values = [value for _, _, value in flat]
    if KINDS[name] == "category":
        return Versions(offsets, recorded_at, labels=labels_of(values))
    return Versions(offsets, recorded_at, numbers=np.array(values, np.float64))


def naive_row(spec: Spec, lead: dict[str, Any], as_of: int) -> Float64:
    """Every feature of one lead at one instant by plain loops: the oracle."""
    known = [
        e for e in lead["interactions"] if e["occurred_at"] < as_of and e["recorded_at"] < as_of
    ]
    return np.array([_naive(feature, lead, known, as_of) for feature in spec.features])


def _naive(feature: Feature, lead: dict[str, Any], known: list[Any], as_of: int) -> float:
    def within(selection: Selection, days: int | None) -> list[Any]:
        return [
            e
            for e in known
            if all(e[name] in values for name, values in selection.conditions())
            and (days is None or e["occurred_at"] >= as_of - days * DAY)
        ]

    def latest(name: str) -> Any:
        past = [v for v in lead["versions"] if v[1] == name and v[0] < as_of]
        return past[-1][2] if past else None

    def fixed(found: list[Any]) -> list[int]:
        return [round(e["value"] * MEASURE_SCALE) for e in found if e["value"] is not None]

    match feature:
        case LeadAge():
            return (as_of - lead["created_at"]) / DAY
        case AttributeNumber(attribute):
            value = latest(attribute)
            return math.nan if value is None else float(value)
        case AttributeCategory(attribute, levels):
            value = latest(attribute)
            if value is None:
                return math.nan
            return float(levels.index(value) if value in levels else len(levels))
        case DaysSinceAttribute(attribute):
            value = latest(attribute)
            return math.nan if value is None else (as_of - value) / DAY
        case KnownAttributes(attributes):
            values = [latest(name) for name in attributes]
            return float(sum(v is not None and v == v for v in values))  # noqa: PLR0124
        case Count(selection, days):
            return float(len(within(selection, days)))
        case Total(selection, _, days):
            return sum(fixed(within(selection, days))) / MEASURE_SCALE
        case Mean(selection, _, days):
            numbers = fixed(within(selection, days))
            return sum(numbers) / (len(numbers) * MEASURE_SCALE) if numbers else math.nan
        case Share(selection, among, days):
            whole = len(within(among, days))
            return len(within(selection, days)) / whole if whole else math.nan
        case Trend(selection, short, long):
            return len(within(selection, short)) / short - len(within(selection, long)) / long
        case DaysSinceLatest(selection):
            times = [e["occurred_at"] for e in within(selection, None)]
            return (as_of - max(times)) / DAY if times else math.nan
        case DaysSinceFirst(selection):
            times = [e["occurred_at"] for e in within(selection, None)]
            return (as_of - min(times)) / DAY if times else math.nan
        case _:
            assert_never(feature)
