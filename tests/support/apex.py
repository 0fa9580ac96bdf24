"""An interpreter of as much of Apex as our classes are written in, over tree-sitter's grammar.

It is strict where Salesforce is: nothing is called on null, a cast checks its value, a field is
read only if it was queried, and what is not known here is an error. The platform is in
`tests.support.salesforce`.
"""

import operator
import re
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tree_sitter import Node
from tree_sitter_language_pack import get_parser

COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


def parsed(source: bytes) -> Node:
    """Root of a source that the grammar takes whole."""
    root = get_parser("apex").parse(source).root_node
    broken = [node for node in walk(root) if node.type == "ERROR" or node.is_missing]
    assert not broken, [(node.start_point, text(node)) for node in broken]
    return root


def walk(node: Node) -> list[Node]:
    return [node, *(found for child in node.children for found in walk(child))]


def text(node: Node | None) -> str:
    """What stands there."""
    assert node is not None
    assert node.text is not None
    return node.text.decode()


class Thrown(Exception):  # noqa: N818 - it is an exception of Apex on its way
    """An exception of Apex."""

    def __init__(self, kinds: Sequence[str], instance: Any) -> None:
        super().__init__(kinds[0], instance)
        self.kinds, self.instance = kinds, instance


def thrown(kind: str, message: str) -> Thrown:
    """An exception of the platform."""
    return Thrown((kind, "Exception"), PlatformError(kind, message))


@dataclass
class PlatformError:
    """An exception that the platform throws."""

    kind: str
    message: str


class Return(Exception):  # noqa: N818
    """The end of a method."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Break(Exception):  # noqa: N818
    """The end of a loop."""


@dataclass
class SObject:
    """A record: its type, its values, and the fields that a query gave it (None: its maker's)."""

    kind: str
    values: dict[str, Any]
    queried: frozenset[str] | None = None


@dataclass(frozen=True)
class Token:
    """A name that stands for a type or a part of the platform."""

    name: str


@dataclass
class Instance:
    """An object of a class of ours."""

    klass: "Klass"
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Klass:
    """A class: its members as they are written, and the values of its static fields."""

    name: str
    base: str = ""
    outer: "Klass | None" = None
    static: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Node | None] = field(default_factory=dict)
    methods: dict[tuple[str, int], Node] = field(default_factory=dict)
    constructors: dict[int, Node] = field(default_factory=dict)
    inner: dict[str, "Klass"] = field(default_factory=dict)
    tests: list[str] = field(default_factory=list)


@dataclass
class Scope:
    """Where an expression stands."""

    klass: Klass | None
    this: Instance | None = None
    locals: ChainMap[str, Any] = field(default_factory=ChainMap)
    types: dict[str, str] = field(default_factory=dict)

    def block(self) -> "Scope":
        return Scope(self.klass, self.this, self.locals.new_child(), self.types)


class Interpreter:
    """Classes and triggers, and how they run on a platform.

    Parameters
    ----------
    platform : object
        An org: its records and their fields, what new, methods and static methods of the platform
        do, queries and changes of records.
    """

    def __init__(self, platform: Any) -> None:
        self.platform = platform
        self.classes: dict[str, Klass] = {}
        self.triggers: list[tuple[str, set[str], Node]] = []

    def load(self, path: Path) -> None:
        """Read a file of a class or a trigger."""
        for node in parsed(path.read_bytes()).named_children:
            if node.type == "class_declaration":
                klass = self._class(node, None)
                assert path.stem == klass.name
                self.classes[klass.name] = klass
            elif node.type == "trigger_declaration":
                events = {text(child) for child in node.children_by_field_name("events")}
                kind = text(node.child_by_field_name("object"))
                body = node.child_by_field_name("body")
                assert body is not None
                self.triggers.append((kind, events, body.named_children[0]))

    def _class(self, node: Node, outer: Klass | None) -> Klass:
        base = node.child_by_field_name("superclass")
        name = text(node.child_by_field_name("name"))
        klass = Klass(name, text(base.named_children[0]) if base else "", outer)
        body = node.child_by_field_name("body")
        assert body is not None
        for member in body.named_children:
            modifiers = {
                text(m).lower()
                for c in member.children
                if c.type == "modifiers"
                for m in c.children
            }
            match member.type:
                case "class_declaration":
                    inner = self._class(member, klass)
                    klass.inner[inner.name] = inner
                case "field_declaration":
                    declared = member.child_by_field_name("declarator")
                    assert declared is not None
                    value = declared.child_by_field_name("value")
                    field_name = text(declared.child_by_field_name("name"))
                    if "static" in modifiers:
                        klass.static[field_name] = value
                    else:
                        klass.fields[field_name] = value
                case "method_declaration":
                    method_name = text(member.child_by_field_name("name"))
                    klass.methods[method_name, len(_parameters(member))] = member
                    if "@istest" in modifiers:
                        klass.tests.append(method_name)
                case "constructor_declaration":
                    klass.constructors[len(_parameters(member))] = member
                case "line_comment" | "block_comment":
                    pass
                case other:
                    raise NotImplementedError(other)
        for static_name, value in klass.static.items():
            klass.static[static_name] = value and self.value(value, Scope(klass))
        return klass

    # Calling
    def new(self, klass: Klass, arguments: Sequence[Any]) -> Instance:
        """An object of a class."""
        instance = Instance(klass)
        scope = Scope(klass, instance)
        for name, value in klass.fields.items():
            instance.values[name] = value and self.value(value, scope)
        if len(arguments) in klass.constructors:
            self._run(klass.constructors[len(arguments)], arguments, klass, instance)
        elif klass.base == "Exception":
            instance.values["message"] = arguments[0] if arguments else None
        else:
            assert not arguments, f"{klass.name} takes no {len(arguments)} arguments"
        return instance

    def run(self, klass: Klass, name: str, arguments: Sequence[Any], this: Any = None) -> Any:
        """Value of a method."""
        return self._run(klass.methods[name, len(arguments)], arguments, klass, this)

    def run_triggers(self, kind: str, event: str, records: list[SObject]) -> None:
        """Run the triggers of a kind of records."""
        for trigger_kind, events, body in self.triggers:
            if trigger_kind == kind and event in events:
                by_id = {record.values["Id"]: record for record in records}
                context = {"new": records, "newMap": by_id}
                self._block(body, Scope(None, None, ChainMap({"Trigger": context})))

    def _run(self, node: Node, arguments: Sequence[Any], klass: Klass, this: Any) -> Any:
        scope = Scope(klass, this)
        for parameter, value in zip(_parameters(node), arguments, strict=True):
            scope.locals[text(parameter.child_by_field_name("name"))] = value
        body = node.child_by_field_name("body")
        assert body is not None
        try:
            self._block(body, scope)
        except Return as returned:
            return returned.value
        return None

    # Statements
    def _block(self, node: Node, scope: Scope) -> None:
        for statement in node.named_children:
            self._statement(statement, scope)

    def _statement(self, node: Node, scope: Scope) -> None:
        children = node.named_children
        part = node.child_by_field_name
        match node.type:
            case "line_comment" | "block_comment":
                pass
            case "block":
                self._block(node, scope.block())
            case "expression_statement":
                self.value(children[0], scope)
            case "local_variable_declaration":
                declared = part("declarator")
                assert declared is not None
                name, value = (
                    text(declared.child_by_field_name("name")),
                    declared.child_by_field_name("value"),
                )
                scope.types[name] = text(part("type"))
                scope.locals[name] = (
                    self._as(scope.types[name], self.value(value, scope)) if value else None
                )
            case "if_statement":
                branch = part(
                    "consequence" if self.value(part("condition"), scope) else "alternative"
                )
                if branch is not None:
                    self._statement(branch, scope.block())
            case "enhanced_for_statement":
                name, body = text(part("name")), part("body")
                for value in list(self.value(part("value"), scope)):
                    inner = scope.block()
                    inner.locals[name] = value
                    try:
                        self._statement(body, inner)  # type: ignore[arg-type]
                    except Break:
                        break
            case "for_statement":
                inner = scope.block()
                self._statement(part("init"), inner)  # type: ignore[arg-type]
                while self.value(part("condition"), inner):
                    self._statement(part("body"), inner)  # type: ignore[arg-type]
                    self.value(part("update"), inner)
            case "return_statement":
                raise Return(self.value(children[0], scope) if children else None)
            case "break_statement":
                raise Break
            case "throw_statement":
                instance = self.value(children[0], scope)
                raise Thrown((instance.klass.name, instance.klass.base), instance)
            case "try_statement":
                self._try(node, scope)
            case other:
                raise NotImplementedError(f"{other}: {text(node)}")

    def _try(self, node: Node, scope: Scope) -> None:
        try:
            self._statement(node.child_by_field_name("body"), scope)  # type: ignore[arg-type]
        except Thrown as error:
            for clause in node.named_children:
                if clause.type == "catch_clause":
                    caught = clause.named_children[0]
                    if text(caught.child_by_field_name("type")) in error.kinds:
                        inner = scope.block()
                        inner.locals[text(caught.child_by_field_name("name"))] = error.instance
                        self._statement(clause.child_by_field_name("body"), inner)  # type: ignore[arg-type]
                        return
            raise

    # Expressions
    def value(self, node: Node | None, scope: Scope) -> Any:
        """Value of an expression."""
        assert node is not None
        children = [c for c in node.named_children if not c.type.endswith("_comment")]
        part = node.child_by_field_name
        match node.type:
            case "int":
                return int(text(node))
            case "string_literal":
                return text(node)[1:-1].replace(r"\n", "\n").replace(r"\'", "'")
            case "boolean":
                return text(node).lower() == "true"
            case "null_literal":
                return None
            case "this":
                return scope.this
            case "parenthesized_expression":
                return self.value(children[0], scope)
            case "identifier":
                return self._name(text(node), scope)
            case "field_access":
                return self._field(self.value(part("object"), scope), text(part("field")))
            case "array_access":
                return self.value(part("array"), scope)[self.value(part("index"), scope)]
            case "unary_expression":
                assert text(part("operator")) == "!"
                return not self.value(part("operand"), scope)
            case "binary_expression":
                return self._binary(node, scope)
            case "ternary_expression":
                chosen = "consequence" if self.value(part("condition"), scope) else "alternative"
                return self.value(part(chosen), scope)
            case "assignment_expression":
                return self._assign(node, scope)
            case "update_expression":
                name = text(part("operand"))
                next(names for names in scope.locals.maps if name in names)[name] += 1
                return None
            case "cast_expression":
                return _cast(text(part("type")), self.value(part("value"), scope))
            case "array_creation_expression":
                items = part("value")
                assert items is not None
                made = [self.value(item, scope) for item in items.named_children]
                return set(made) if text(part("type")).startswith("Set<") else made
            case "map_creation_expression":
                entries = part("value")
                assert entries is not None
                pairs = (entry.named_children for entry in entries.named_children)
                return {self.value(k, scope): self.value(v, scope) for k, v in pairs}
            case "object_creation_expression":
                return self._create(node, scope)
            case "method_invocation":
                return self._invoke(node, scope)
            case "query_expression":
                return self.platform.query(children[0], scope)
            case "dml_expression":
                return self.platform.dml(
                    text(children[0]).lower(), self.value(part("target"), scope)
                )
        raise NotImplementedError(f"{node.type}: {text(node)}")

    def _name(self, name: str, scope: Scope) -> Any:
        if name in scope.locals:
            return scope.locals[name]
        if scope.this is not None and name in scope.this.values:
            return scope.this.values[name]
        klass = scope.klass
        while klass is not None:
            if name in klass.static:
                return klass.static[name]
            if name in klass.inner:
                return klass.inner[name]
            klass = klass.outer
        return self.classes.get(name) or Token(name)

    def _field(self, owner: Any, name: str) -> Any:
        match owner:
            case None:
                raise thrown("NullPointerException", name)
            case Instance():
                return owner.values[name]
            case Klass():
                return Token(name) if name == "class" else owner.static[name]
            case SObject():
                assert name in self.platform.fields(owner.kind), f"{owner.kind} has no {name}"
                if owner.queried is not None and name not in owner.queried:
                    raise thrown("SObjectException", f"{name} was not queried")
                return owner.values.get(name)
            case dict():
                return owner[name]
            case Token():
                return Token(f"{owner.name}.{name}")
        raise NotImplementedError(f"{owner!r}.{name}")

    def _assign(self, node: Node, scope: Scope) -> Any:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None
        value = self.value(right, scope)
        if left.type == "identifier":
            name = text(left)
            if name in scope.locals:
                value = self._as(scope.types.get(name, ""), value)
                next(names for names in scope.locals.maps if name in names)[name] = value
            elif scope.this is not None and name in scope.this.values:
                scope.this.values[name] = value
            else:
                assert scope.klass is not None
                assert name in scope.klass.static, name
                scope.klass.static[name] = value
            return value
        assert left.type == "field_access"
        owner = self.value(left.child_by_field_name("object"), scope)
        name = text(left.child_by_field_name("field"))
        match owner:
            case Klass():
                assert name in owner.static
                owner.static[name] = value
            case Instance():
                assert name in owner.values, name
                owner.values[name] = value
            case SObject():
                assert name in self.platform.fields(owner.kind), name
                owner.values[name] = value
            case _:
                raise NotImplementedError(text(node))
        return value

    def _as(self, kind: str, value: Any) -> Any:
        """One record of a query where one is declared."""
        if isinstance(value, list) and kind and not kind.startswith(("List<", "Object")):
            if len(value) != 1:
                raise thrown("QueryException", f"{len(value)} rows for one {kind}")
            return value[0]
        return value

    def _binary(self, node: Node, scope: Scope) -> Any:
        sign = text(node.child_by_field_name("operator"))
        left = self.value(node.child_by_field_name("left"), scope)
        if sign in ("&&", "||"):
            if bool(left) != (sign == "&&"):
                return bool(left)
            return bool(self.value(node.child_by_field_name("right"), scope))
        right = self.value(node.child_by_field_name("right"), scope)
        if sign in COMPARE:
            return COMPARE[sign](left, right)
        if sign == "+" and (isinstance(left, str) or isinstance(right, str)):
            return f"{_shown(left)}{_shown(right)}"
        if left is None or right is None:
            raise thrown("NullPointerException", text(node))
        match sign:
            case "+":
                return left + right
            case "*":
                return left * right
            case "/":
                assert isinstance(left, int)
                return left // right
        raise NotImplementedError(sign)

    def _create(self, node: Node, scope: Scope) -> Any:
        kind = text(node.child_by_field_name("type"))
        arguments = node.child_by_field_name("arguments")
        assert arguments is not None
        given = [c for c in arguments.named_children if not c.type.endswith("_comment")]
        if all(c.type == "assignment_expression" for c in given) and self.platform.is_record(kind):
            values = {
                text(c.child_by_field_name("left")): self.value(
                    c.child_by_field_name("right"), scope
                )
                for c in given
            }
            unknown = values.keys() - self.platform.fields(kind)
            assert not unknown, f"{kind} has no {unknown}"
            return SObject(kind, values)
        values_given = [self.value(c, scope) for c in given]
        klass = self._name(kind, scope)
        if isinstance(klass, Klass):
            return self.new(klass, values_given)
        return self.platform.make(kind, values_given)

    def _invoke(self, node: Node, scope: Scope) -> Any:
        name, owner_node = (
            text(node.child_by_field_name("name")),
            node.child_by_field_name("object"),
        )
        listed = node.child_by_field_name("arguments")
        assert listed is not None
        given = [c for c in listed.named_children if not c.type.endswith("_comment")]
        arguments = [self.value(c, scope) for c in given]
        if owner_node is None:
            assert scope.klass is not None
            return self.run(scope.klass, name, arguments, scope.this)
        owner = self.value(owner_node, scope)
        match owner:
            case None:
                raise thrown("NullPointerException", text(node))
            case Klass():
                return self.run(owner, name, arguments)
            case Instance() if (name, len(arguments)) in owner.klass.methods:
                return self.run(owner.klass, name, arguments, owner)
            case Instance() if name == "getMessage":
                return owner.values["message"]
            case Token():
                return self.platform.call(owner.name, name, arguments, scope)
        return self.platform.method(owner, name, arguments)


def _parameters(node: Node) -> list[Node]:
    listed = node.child_by_field_name("parameters")
    return (
        [] if listed is None else [c for c in listed.named_children if c.type == "formal_parameter"]
    )


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)


_CASTS: Mapping[str, Any] = {
    "String": str,
    "Id": str,
    "Integer": int,
    "Decimal": (Decimal, int),
    "Lead": SObject,
}


def _cast(kind: str, value: Any) -> Any:
    """The value, if it is of the kind."""
    plain = re.match(r"\w+", kind)
    assert plain
    types = {"List": list, "Map": dict, "Set": set}.get(plain[0]) or _CASTS[kind]
    if value is not None and not isinstance(value, types):
        raise thrown("TypeException", f"{value!r} is no {kind}")
    return value


METHODS: Mapping[type, Mapping[str, Callable[..., Any]]] = {
    list: {
        "add": list.append,
        "addAll": list.extend,
        "size": len,
        "isEmpty": lambda values: not values,
        "contains": lambda values, value: value in values,
    },
    set: {
        "add": set.add,
        "addAll": lambda values, more: values.update(more),
        "contains": lambda values, value: value in values,
        "isEmpty": lambda values: not values,
        "size": len,
    },
    dict: {
        "put": lambda values, name, value: values.__setitem__(name, value),
        "get": dict.get,
        "containsKey": lambda values, name: name in values,
        "keySet": set,
        "values": lambda values: list(values.values()),
    },
    str: {
        "toLowerCase": str.lower,
        "replace": str.replace,
        "left": lambda value, length: value[:length],
        "isNumeric": str.isdecimal,
    },
}
"""Methods of values that are no records and no objects of ours."""


def utc(moment: datetime) -> str:
    """A time as JSON.serialize writes it."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    )
