import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine import history
from features.engine.history import (
    ALWAYS_KNOWN,
    MEASURE_LIMIT,
    MEASURE_SCALE,
    MISSING,
    LabelColumn,
    LeadRecord,
    column,
    fixed_point,
    histories_of_records,
    is_known,
    labels_of,
    last_known,
    single_history,
    when_known,
)

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("features", "models", "ledger", "training", "serving", "lead_temperature")
HOME = "features/engine/history.py"
CLOCKS = {"occurred_at", "recorded_at", "known_at", "occurred", "recorded"}
ORDERINGS = {"less", "less_equal", "greater", "greater_equal", "searchsorted"}
LATER_OF_TWO = {"max", "maximum", "fmax", "max_element_wise", "greatest"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
HANDS_ON = {"microseconds", "_micros", "int", "to_numpy", "cast", "asarray", "drop_null"}

# Comparisons of these clocks that ask something else than what is known at an instant.
OTHER_QUESTIONS = {
    ("features/engine/events.py", "events_of"): "whether events stand in the order of the clocks",
    ("features/engine/events.py", "_rank"): "whether events stand in the order of occurring",
    ("features/engine/exact.py", "_gaps"): "whether one event occurred after another one",
    ("features/engine/exact.py", "_late_events_gone"): "when an event leaves a window",
    ("features/export/data_end.py", "_later"): "which times lie after the end of the data",
    ("features/export/inspection.py", "_recorded_late"): "whether recording came after occurring",
    ("serving/answers/translation.py", "_end_of_day"): "whether recording came on the same day",
    ("features/export/refusals.py", "refusal_versions"): "which leads had bought when closed",
    ("features/worlds/acting.py", "_with_agents"): "who had a lead when it was called",
    ("serving/desk/contacts.py", "contacts_at"): "which contacts came after the latest talk",
    ("serving/desk/due.py", "due_leads"): "whether an enquiry came after the refusal",
    ("features/worlds/excited.py", "_logs"): "which events fall into the second of the lead's end",
    ("features/worlds/nuisances.py", "_with_delay"): "which events were recorded ahead",
    ("training/audit/echo.py", "log_quantities"): "which events came with the creation",
    ("training/team/contact.py", "contact_speed"): "which contacts came after the creation",
    ("training/team/contact.py", "funnel"): "which contacts came between creation and end",
    ("training/dataset/thinning.py", "quiet_looks"): "how many instants precede each other one",
}


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """Parts of an expression; what is only counted or looked up by is no part of its value."""
    yield node
    for child in ast.iter_child_nodes(node):
        counted = isinstance(child, ast.Call) and getattr(child.func, "id", "") == "len"
        looked_up = isinstance(node, ast.Subscript) and child is node.slice
        if not counted and (not looked_up or isinstance(child, ast.Constant)):
            yield from parts(child)


def mentions(node: ast.AST, clocks: set[str]) -> bool:
    """Whether an expression names a clock, by a variable, an attribute or a column."""
    return any(
        (isinstance(part, ast.Name) and part.id in clocks)
        or (isinstance(part, ast.Attribute) and part.attr in CLOCKS)
        or (isinstance(part, ast.Constant) and part.value in CLOCKS)
        for part in parts(node)
    )


def is_clock(node: ast.AST, clocks: set[str]) -> bool:
    """Whether an expression is a clock itself: named, looked up, or handed on unchanged."""
    match node:
        case ast.Name() | ast.Constant():
            return mentions(node, clocks)
        case ast.Attribute(value=value, attr=attr):
            return attr in CLOCKS or is_clock(value, clocks)
        case ast.Subscript(value=value, slice=index):
            return is_clock(value, clocks) or (
                isinstance(index, ast.Constant) and index.value in CLOCKS
            )
        case ast.Call(func=function, args=arguments):
            name = getattr(function, "attr", getattr(function, "id", ""))
            receiver = [function.value] if isinstance(function, ast.Attribute) else []
            return name in HANDS_ON and any(is_clock(x, clocks) for x in [*receiver, *arguments])
        case _:
            return False


def bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Targets that a node binds, each with the expression that it gets or goes through."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield target, value
        case ast.NamedExpr(target=target, value=value):
            yield target, value
        case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
            # Each item of a display is a value of its own.
            items = value.elts if isinstance(value, ast.Tuple | ast.List | ast.Set) else [value]
            yield from ((target, item) for item in items)
            match value:
                case ast.Call(func=ast.Name(id="zip"), args=arguments) if isinstance(
                    target, ast.Tuple
                ):
                    yield from zip(target.elts, arguments, strict=False)
                case ast.Call(func=ast.Name(id="enumerate"), args=[counted]) if isinstance(
                    target, ast.Tuple
                ):
                    yield target.elts[-1], counted


def aliases(function: ast.AST) -> set[str]:
    """Names of clocks in a function, those that it gives to them included."""
    clocks = set(CLOCKS)
    while True:
        names = {
            name.id
            for node in ast.walk(function)
            for target, value in bindings(node)
            for name, part in (
                zip(target.elts, value.elts, strict=False)
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                else [(target, value)]
            )
            if isinstance(name, ast.Name) and is_clock(part, clocks)
        }
        if names <= clocks:
            return clocks
        clocks |= names


def is_spelling(node: ast.AST, clocks: set[str]) -> bool:
    """Whether a node puts a clock in order with something, or takes the later of two clocks."""
    match node:
        case ast.Compare(ops=operators):
            orders = any(isinstance(x, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for x in operators)
            return orders and mentions(node, clocks)
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
            if name in ORDERINGS:
                return mentions(node, clocks)
            return name in LATER_OF_TWO and sum(mentions(x, clocks) for x in node.args) > 1
        case ast.Constant(value=str(text)):
            clock = r"\b(occurred_at|recorded_at|known_at)\b"
            ordered = rf"{clock}\"?\s*[<>]|[<>]=?\s*\"?(\w+\.)?{clock}"
            return bool(re.search(rf"{ordered}|\bgreatest\s*\([^)]*{clock}", text, re.IGNORECASE))
        case _:
            return False


def spellings(source: str) -> Iterator[tuple[str, int]]:
    """Functions of a module that spell the law, each with a line."""
    tree = ast.parse(source)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if node.body and isinstance(node.body[0], ast.Expr)
    } | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    module = ast.Module(list(outside_functions(tree)), [])
    for scope in [module, *functions]:
        clocks = aliases(scope)
        for node in ast.walk(scope):
            if id(node) not in documentation and is_spelling(node, clocks):
                yield getattr(scope, "name", "<module>"), getattr(node, "lineno", 0)


def outside_functions(node: ast.AST) -> Iterator[ast.stmt]:
    """Statements of a module and of its classes that stand in no function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from outside_functions(child)
        elif isinstance(child, ast.stmt) and not isinstance(child, FUNCTIONS):
            yield child


@pytest.mark.long
def test_what_is_known_at_an_instant_is_spelled_in_one_place_alone() -> None:
    elsewhere: dict[tuple[str, str], list[int]] = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            for function, line in spellings(path.read_text(encoding="utf-8")):
                if name != HOME:
                    elsewhere.setdefault((name, function), []).append(line)
    unexpected = {
        place: lines for place, lines in elsewhere.items() if place not in OTHER_QUESTIONS
    }
    assert not unexpected, "call is_known, when_known or last_known of features.engine.history"
    assert not set(OTHER_QUESTIONS) - set(elsewhere), "take off the list what is not there any more"


@pytest.mark.parametrize(
    "planted",
    [
        'known = [e for e in events if e["occurred_at"] < as_of and e["recorded_at"] < as_of]',
        'events = events.filter(pc.less(events["recorded_at"], instant))',
        "known = histories.recorded_at <= as_of",
        "place = np.searchsorted(versions.recorded_at, as_of)",
        "known_at = np.maximum(histories.occurred_at, histories.recorded_at)",
        'query = "SELECT * FROM events WHERE recorded_at < ?"',
        'at = microseconds(events["recorded_at"])\n    known = at < as_of',
        'first, second = event["occurred_at"], event["recorded_at"]\n    return as_of > second',
        "for at in events.occurred_at:\n        if at < as_of: return at",
        "known = [at for at in events.occurred_at if at < as_of]",
        "known = any(at < as_of for at in (events.occurred_at, events.recorded_at))",
        "known = all(at < as_of for at in [events.occurred_at, as_of])",
        "at: int = events.occurred_at\n    return at < as_of",
        "for one, two in zip(kinds, events.recorded_at):\n        if two < as_of: return one",
        "for row, at in enumerate(events.recorded_at):\n        if at < as_of: return row",
        "if (at := events.recorded_at) and at < as_of: return at",
        "later = at\n    at = events.recorded_at\n    return later < as_of",
        'query = "SELECT greatest(occurred_at, recorded_at) FROM events"',
        'query = "SELECT GREATEST(e.occurred_at, e.recorded_at) FROM events e"',
    ],
)
def test_a_second_spelling_would_be_noticed(planted: str) -> None:
    source = f'"""A module."""\n\n\ndef known(events, as_of):\n    {planted}\n'
    assert "known" in [function for function, _ in spellings(source)]


@pytest.mark.parametrize("before", ["", "class Known:\n    ", "if found:\n    "])
def test_a_spelling_outside_functions_would_be_noticed(before: str) -> None:
    assert list(spellings(f"{before}known = occurred_at < as_of")) == [
        ("<module>", before.count("\n") + 1)
    ]


def test_other_comparisons_are_left_alone() -> None:
    source = """
def later(created_at, as_of):
    known = is_known(event["recorded_at"], as_of)
    return known, created_at < as_of, len(occurred_at) > 1, times[event["occurred_at"]] > 1
"""
    assert not list(spellings(source))


clock = st.integers(0, 12)


@given(occurred_at=clock, recorded_at=clock, as_of=clock)
def test_an_interaction_is_known_when_both_clocks_lie_strictly_before(
    occurred_at: int, recorded_at: int, as_of: int
) -> None:
    known = is_known(when_known(occurred_at, recorded_at), as_of)
    assert known == (occurred_at < as_of and recorded_at < as_of)


@given(st.lists(st.tuples(clock, clock)), clock)
def test_arrays_are_answered_as_their_numbers_are(pairs: list[tuple[int, int]], as_of: int) -> None:
    clocks = np.array(pairs, np.int64).reshape(-1, 2)
    known = is_known(when_known(clocks[:, 0], clocks[:, 1]), as_of)
    assert known.tolist() == [is_known(when_known(*pair), as_of) for pair in pairs]


@pytest.mark.parametrize("compared", [0, 10**6], ids=["searched", "compared"])
@given(
    leads=st.lists(st.lists(clock, max_size=6).map(sorted), min_size=1, max_size=4),
    asked=st.lists(st.tuples(st.integers(0, 3), clock), max_size=8),
    windows=st.lists(st.integers(0, 5), max_size=3),
)
def test_the_known_part_ends_where_a_plain_loop_ends(
    leads: list[list[int]], asked: list[tuple[int, int]], windows: list[int], compared: int
) -> None:
    asked = [(lead % len(leads), as_of) for lead, as_of in asked]
    offsets = np.cumsum([0, *map(len, leads)])
    lead = np.array([lead for lead, _ in asked], np.int64)
    as_of = np.array([instant for _, instant in asked], np.int64)
    times = np.array([time for times in leads for time in times], np.int64)
    instants = as_of - np.array([[0], *([width] for width in windows)], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "MOST_COMPARED", compared)
        ends = last_known(offsets, times, lead, instants)
    for row, before in enumerate([0, *windows]):
        for place, (which, instant) in enumerate(asked):
            known = sum(is_known(time, instant - before) for time in leads[which])
            assert ends[row, place] == offsets[which] + known


def test_measures_are_rounded_to_the_nearest_ten_thousandth() -> None:
    values = [0.00004, 0.00006, -1.23456, 12.0, float("nan")]
    expected = [0, 1, -12346, 12 * MEASURE_SCALE, MISSING]
    assert fixed_point(values).tolist() == expected


@pytest.mark.parametrize("value", [MEASURE_LIMIT * 1.01, -MEASURE_LIMIT * 1.01, float("inf")])
def test_a_measure_beyond_the_limit_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="must lie within"):
        fixed_point([1.0, value])
    assert fixed_point([MEASURE_LIMIT, -MEASURE_LIMIT]).tolist() == [
        900_000_000_000 * MEASURE_SCALE,
        -900_000_000_000 * MEASURE_SCALE,
    ]


def test_none_and_an_empty_text_are_missing_labels() -> None:
    labels = labels_of(["call", None, "", "visit", "call"])
    assert labels.codes.tolist() == [0, -1, -1, 1, 0]
    assert labels.vocabulary == ("call", "visit")


def test_labels_take_the_codes_of_another_index() -> None:
    labels = LabelColumn(np.array([1, -1, 0, 2], np.int32), ("call", "visit", "fax"))
    recoded = labels.recode({"visit": 4, "call": 7}, unlisted=9, missing=-1, scale=10)
    assert recoded.tolist() == [40, -10, 70, 90]
    assert labels.part(1, 3).codes.tolist() == [-1, 0]


def test_a_column_lacks_what_an_event_lacks() -> None:
    assert column([{"kind": "call"}, {"kind": "visit"}], "kind") == ["call", "visit"]
    assert column([{"kind": "call"}, {}], "kind") == ["call", None]
    assert column([], "kind") == []


def test_a_request_of_several_leads_is_grouped_by_lead() -> None:
    call = {"occurred_at": 5, "recorded_at": 6, "kind": "call", "minutes": 2.5}
    visit = {"occurred_at": 3, "recorded_at": 9, "channel": "web"}
    leads = [
        LeadRecord(1, [call, visit], {"country": "it", "size": 40.0}),
        LeadRecord(2, [], {"country": "", "other": "not read"}),
        LeadRecord(3, [visit], {}),
    ]
    found = histories_of_records(leads, {"country": "category", "size": "number"}, ["minutes"])
    assert found.leads == 3
    assert found.created_at.tolist() == [1, 2, 3]
    assert found.offsets.tolist() == [0, 2, 2, 3]
    assert found.occurred_at.tolist() == [5, 3, 3]
    assert found.recorded_at.tolist() == [6, 9, 9]
    assert found.measures["minutes"].tolist() == [25_000, MISSING, MISSING]
    kinds = found.labels["kind"]
    assert [kinds.vocabulary[code] if code >= 0 else None for code in kinds.codes] == [
        "call",
        None,
        None,
    ]
    country, size = found.attributes["country"], found.attributes["size"]
    assert country.labels is not None
    assert country.labels.codes.tolist() == [0, -1, -1]
    assert size.numbers is not None
    np.testing.assert_array_equal(size.numbers, [40.0, np.nan, np.nan])
    assert country.is_fixed
    assert country.recorded_at.tolist() == [ALWAYS_KNOWN] * 3
    assert set(found.attributes) == {"country", "size"}


def test_a_part_holds_its_leads_alone() -> None:
    event = {"occurred_at": 5, "recorded_at": 6, "kind": "call", "minutes": 1.0}
    leads = [
        LeadRecord(i, [event | {"occurred_at": 10 * i + j} for j in range(i)], {"size": float(i)})
        for i in range(4)
    ]
    kinds = {"size": "number"}
    part = histories_of_records(leads, kinds, ["minutes"]).part(1, 3)
    alone = histories_of_records(leads[1:3], kinds, ["minutes"])
    assert part.created_at.tolist() == alone.created_at.tolist() == [1, 2]
    assert part.offsets.tolist() == alone.offsets.tolist()
    assert part.occurred_at.tolist() == alone.occurred_at.tolist() == [10, 20, 21]
    assert part.measures["minutes"].tolist() == alone.measures["minutes"].tolist()
    assert part.attributes["size"].numbers.tolist() == [1.0, 2.0]
    assert part.attributes["size"].offsets.tolist() == [0, 1, 2]


def test_events_take_another_order_together() -> None:
    events = [
        {"occurred_at": 5, "recorded_at": 6, "kind": "call", "minutes": 1.0},
        {"occurred_at": 3, "recorded_at": 9, "kind": "visit"},
    ]
    turned = single_history(0, events, {}, {}, ["minutes"]).with_event_order(np.array([1, 0]))
    assert turned.occurred_at.tolist() == [3, 5]
    assert turned.recorded_at.tolist() == [9, 6]
    assert turned.measures["minutes"].tolist() == [MISSING, MEASURE_SCALE]
    kinds = turned.labels["kind"]
    assert [kinds.vocabulary[code] for code in kinds.codes] == ["visit", "call"]
