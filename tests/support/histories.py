"""Random histories and specs, and the slow, obvious way to compute every feature."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from features.arrays import Float64
from features.engine.history import (
    ALWAYS_KNOWN,
    MEASURE_SCALE,
    MICROSECONDS_PER_DAY,
    AttributeVersions,
    Histories,
    fixed_point,
    labels_of,
)
from features.language.kinds import (
    LABEL_FIELDS,
    AttributeCategory,
    AttributeNumber,
    Calendar,
    Count,
    DaysSinceAttribute,
    DaysSinceFirst,
    DaysSinceLatest,
    DaysToFirst,
    Decayed,
    Distinct,
    Feature,
    Gap,
    KnownAttributes,
    LatestValue,
    LeadAge,
    Maximum,
    Mean,
    Rate,
    Selection,
    Share,
    Streak,
    Total,
    Trend,
)
from features.language.spec import Spec

DAY = MICROSECONDS_PER_DAY
WORDS = ("a", "b", "c", "d")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR, MINUTE = DAY // 24, DAY // 1440
KINDS: dict[str, Any] = {
    "size": "number",
    "source": "category",
    "met_at": "timestamp",
    "owner": "category",
}
LOGGED = ("size", "source", "met_at")

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
    by_owner=st.sampled_from([None, None, True, False]),
)
windows = st.one_of(st.none(), st.sampled_from([1, 3, 7]))
features = st.one_of(
    st.just(LeadAge()),
    st.builds(
        Calendar,
        st.sampled_from(["hour", "weekday"]),
        st.sampled_from(["UTC", "Europe/Lisbon", "Asia/Kathmandu"]),
    ),
    st.just(AttributeNumber("size")),
    st.builds(AttributeCategory, st.just("source"), st.sampled_from([(), ("a",), ("b", "a")])),
    st.just(DaysSinceAttribute("met_at")),
    st.just(KnownAttributes(("size", "source", "met_at", "owner"))),
    st.builds(Count, selections, windows),
    st.builds(Total, selections, st.just("value"), windows),
    st.builds(Mean, selections, st.just("value"), windows),
    st.builds(Maximum, selections, st.just("value"), windows),
    st.builds(Share, selections, selections, windows),
    st.builds(Rate, selections, windows),
    st.builds(Trend, selections, st.just(1), st.sampled_from([3, 7])),
    st.builds(
        Distinct,
        selections,
        st.sampled_from(["kind", "agent"]),
        st.sampled_from([(), ("a",), ("c", "a")]),
        windows,
    ),
    st.builds(LatestValue, selections, st.sampled_from(["kind", "outcome"]), st.just(("b", "a"))),
    st.builds(DaysSinceLatest, selections),
    st.builds(DaysSinceFirst, selections),
    st.builds(DaysToFirst, selections),
    st.builds(Gap, selections, st.sampled_from(["mean", "spread", "relative"])),
    st.builds(Streak, selections, selections),
    st.builds(Decayed, selections, st.sampled_from([1, 7])),
)
ignored = st.sampled_from([{}, {}, {"kind": ("c",)}, {"outcome": ("a", "b")}])
specs = st.builds(
    lambda chosen, left_out: Spec(tuple(chosen), KINDS, ("value",), "owner", left_out),
    st.lists(features, min_size=1, max_size=12, unique_by=lambda one: one.name),
    ignored,
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
        "owner": draw(words),
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
        attributes={
            **{name: _versions(found, name) for name in LOGGED},
            "owner": AttributeVersions(
                offsets=np.arange(len(found) + 1, dtype=np.int64),
                recorded_at=np.full(len(found), ALWAYS_KNOWN, np.int64),
                labels=labels_of([lead["owner"] for lead in found]),
                is_fixed=True,
            ),
        },
    )


def _offsets(sizes: list[int]) -> Any:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _versions(found: list[dict[str, Any]], name: str) -> AttributeVersions:
    mine = [[v for v in lead["versions"] if v[1] == name] for lead in found]
    flat = [version for lead in mine for version in lead]
    recorded_at = np.array([moment for moment, _, _ in flat], np.int64)
    offsets = _offsets([len(lead) for lead in mine])
    values = [value for _, _, value in flat]
    if KINDS[name] == "category":
        return AttributeVersions(offsets, recorded_at, labels=labels_of(values))
    return AttributeVersions(offsets, recorded_at, numbers=np.array(values, np.float64))


def naive_row(spec: Spec, lead: dict[str, Any], as_of: int) -> Float64:
    """Every feature of one lead at one instant by plain loops: the oracle."""
    known = [
        e
        for e in lead["interactions"]
        if e["occurred_at"] < as_of
        and e["recorded_at"] < as_of
        and not any(e[name] in values for name, values in spec.ignored.items())
    ]
    return np.array([_naive(feature, lead, known, as_of) for feature in spec.features])


def known_at(event: dict[str, Any]) -> int:
    """When an interaction became known."""
    return max(event["occurred_at"], event["recorded_at"])


def _naive(feature: Feature, lead: dict[str, Any], known: list[Any], as_of: int) -> float:
    def within(selection: Selection, days: int | None) -> list[Any]:
        return [
            e
            for e in known
            if all(e[name] in values for name, values in selection.conditions())
            and (days is None or e["occurred_at"] >= as_of - days * DAY)
            and (
                selection.by_owner is None
                or (
                    None not in (e["agent"], lead["owner"])
                    and (e["agent"] == lead["owner"]) is selection.by_owner
                )
            )
        ]

    def latest(name: str) -> Any:
        if name == "owner":
            return lead["owner"]
        past = [v for v in lead["versions"] if v[1] == name and v[0] < as_of]
        return past[-1][2] if past else None

    def fixed(found: list[Any]) -> list[int]:
        return [round(e["value"] * MEASURE_SCALE) for e in found if e["value"] is not None]

    match feature:
        case LeadAge():
            return (as_of - lead["created_at"]) / DAY
        case Calendar(part, timezone):
            local = EPOCH + timedelta(microseconds=as_of)
            local = local.astimezone(ZoneInfo(timezone))
            return float(local.hour if part == "hour" else local.weekday())
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
            return float(sum(v is not None and v == v for v in values))  # noqa: PLR0124 - NaN is not
        case Count(selection, days):
            return float(len(within(selection, days)))
        case Total(selection, _, days):
            return sum(fixed(within(selection, days))) / MEASURE_SCALE
        case Mean(selection, _, days):
            numbers = fixed(within(selection, days))
            return sum(numbers) / (len(numbers) * MEASURE_SCALE) if numbers else math.nan
        case Maximum(selection, _, days):
            numbers = fixed(within(selection, days))
            return max(numbers) / MEASURE_SCALE if numbers else math.nan
        case Share(selection, among, days):
            whole = len(within(among, days))
            return len(within(selection, days)) / whole if whole else math.nan
        case Rate(selection, days):
            age = max((as_of - lead["created_at"]) / DAY, 1.0)
            return len(within(selection, days)) / (age if days is None else min(age, days))
        case Trend(selection, short, long):
            return len(within(selection, short)) / short - len(within(selection, long)) / long
        case Distinct(selection, field, values, days):
            there = {e[field] for e in within(selection, days)} - {None}
            return float(len(there & set(values)) + bool(there - set(values)))
        case LatestValue(selection, field, levels):
            chosen = within(selection, None)
            last = max((e["occurred_at"] for e in chosen), default=None)
            codes = [
                -1 if (v := e[field]) is None else levels.index(v) if v in levels else len(levels)
                for e in chosen
                if e["occurred_at"] == last
            ]
            return math.nan if not codes or max(codes) < 0 else float(max(codes))
        case DaysSinceLatest(selection):
            times = [e["occurred_at"] for e in within(selection, None)]
            return (as_of - max(times)) / DAY if times else math.nan
        case DaysSinceFirst(selection):
            times = [e["occurred_at"] for e in within(selection, None)]
            return (as_of - min(times)) / DAY if times else math.nan
        case DaysToFirst(selection):
            times = [e["occurred_at"] for e in within(selection, None)]
            return (min(times) - lead["created_at"]) / DAY if times else math.nan
        case Gap(selection, statistic):
            return _naive_gap(within(selection, None), statistic, as_of)
        case Streak(selection, ended_by):
            end = max((known_at(e) for e in within(ended_by, None)), default=-1)
            return float(sum(known_at(e) > end for e in within(selection, None)))
        case Decayed(selection, half_life):
            hours = [(as_of - e["occurred_at"]) // HOUR for e in within(selection, None)]
            return sum(round(2**32 * 2 ** (-h / (24 * half_life))) for h in hours) / 2**32
        case _:
            assert_never(feature)


def _naive_gap(chosen: list[Any], statistic: str, as_of: int) -> float:
    latest, gaps = None, []
    for event in sorted(chosen, key=lambda e: (known_at(e), e["occurred_at"])):
        now = event["occurred_at"]
        if latest is not None and now > latest:
            gaps.append(now // MINUTE - latest // MINUTE)
        latest = now if latest is None else max(latest, now)
    number, total = len(gaps), sum(gaps)
    if statistic == "spread":
        if number < 2:
            return math.nan
        squares = number * sum(gap * gap for gap in gaps) - total * total
        return math.sqrt(squares / (number * number)) / 1440
    if number == 0:
        return math.nan
    mean = total / (number * 1440)
    if statistic == "mean":
        return mean
    assert latest is not None
    return ((as_of - latest) / DAY) / mean if mean else math.nan
