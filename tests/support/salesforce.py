"""A stand-in for a Salesforce org: records with triggers, SOQL, jobs, callouts and their limits.

Classes, triggers, fields and objects are those of a project folder, as `sf project deploy` takes
them. Fields that stand in no file of it are Salesforce's own.
"""

import copy
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from tree_sitter import Node

from tests.support.apex import (
    COMPARE,
    METHODS,
    Instance,
    Interpreter,
    PlatformError,
    Scope,
    SObject,
    Token,
    parsed,
    text,
    thrown,
    utc,
    walk,
)

STANDARD = {
    "Lead": (
        *("Id", "CreatedDate", "LastName", "Company", "LeadSource", "Country", "Status"),
        *("IsConverted", "Industry", "NumberOfEmployees", "OwnerId"),
    ),
    "Contact": ("Id",),
    "Task": (
        *("Id", "CreatedDate", "WhoId", "Status", "IsClosed", "CompletedDateTime", "TaskSubtype"),
        *("CallType", "CallDisposition", "CallDurationInSeconds", "OwnerId"),
    ),
    "Event": (*("Id", "CreatedDate", "WhoId", "StartDateTime", "DurationInMinutes", "OwnerId"),),
    "AsyncApexJob": ("Id", "Status", "ApexClass.Name"),
}
PREFIXES = {"Lead": "00Q", "Contact": "003", "Task": "00T", "Event": "00U"}
_NS = "{http://soap.sforce.com/2006/04/metadata}"


@dataclass
class Message:
    """A request or a response of HTTP."""

    values: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Job:
    """A queueable job that waits."""

    instance: Instance
    minutes: int


class Org:
    """An org with a project deployed to it.

    Parameters
    ----------
    project : path
        Folder of the project.
    address : str
        What the named credential stands for.
    key : str
        What its external credential sends.
    now : datetime
        The present.
    """

    def __init__(self, project: Path, address: str, key: str, now: datetime) -> None:
        self.address, self.key, self.now = address, key, now
        self.kinds = {kind: set(names) for kind, names in STANDARD.items()}
        source = project / "force-app" / "main" / "default"
        for path in sorted(source.glob("objects/*/fields/*.xml")):
            name = ET.parse(path).getroot().findtext(f"{_NS}fullName")  # noqa: S314 - it is ours
            assert name == path.name.partition(".")[0]
            self.kinds.setdefault(path.parts[-3], {"Id", "Name", "CreatedDate"}).add(name)
        self.records: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in self.kinds}
        self.jobs: list[Job] = []
        self.batches: list[Instance] = []
        self.log: list[str] = []
        self.mock: Instance | None = None
        self.last_id, self.started, self.limit = 0, 0, 50
        self.has_written, self.is_testing = False, False
        self.http = httpx2.Client(timeout=60)
        self.interpreter = Interpreter(self)
        for path in sorted(source.glob("*/*.cls")) + sorted(source.glob("*/*.trigger")):
            assert path.with_name(f"{path.name}-meta.xml").exists()
            self.interpreter.load(path)

    # Transactions and jobs
    def transaction(self, action: Callable[[], Any], limit: int = 50) -> Any:
        """Do something at once: all of it is kept, or nothing."""
        state = copy.deepcopy(self.records), list(self.jobs), list(self.batches)
        outer = self.started, self.limit, self.has_written
        self.started, self.limit, self.has_written = 0, limit, False
        for klass in self.interpreter.classes.values():
            if "isWriting" in klass.static and not self.is_testing:
                klass.static["isWriting"] = False  # static fields live for a transaction
        try:
            return action()
        except BaseException:
            self.records, self.jobs, self.batches = state
            raise
        finally:
            self.started, self.limit, self.has_written = outer

    def run_jobs(self, most: int = 20) -> list[int]:
        """Run waiting jobs until there are none; the minutes after which each wanted to run."""
        delays = []
        while self.jobs and len(delays) < most:
            job = self.jobs.pop(0)
            delays.append(job.minutes)
            self.transaction(partial(self._execute, job.instance), 1)
        return delays

    def run_schedule(self, name: str) -> None:
        """Run a scheduled class, and the batches that it starts."""
        scheduled = self.interpreter.new(self.interpreter.classes[name], [])
        self.transaction(lambda: self._execute(scheduled))
        self.run_batches()

    def run_batches(self) -> None:
        """Run waiting batches, in chunks of 200."""
        while self.batches:
            self._run_batch(self.batches.pop(0))

    def _run_batch(self, batch: Instance) -> None:
        def run(name: str, *arguments: Any) -> Any:
            return self.interpreter.run(batch.klass, name, [None, *arguments], batch)

        found = run("start")
        for first in range(0, len(found), 200):
            self.transaction(partial(run, "execute", found[first : first + 200]), 1)
        self.transaction(partial(run, "finish"), 1)

    def _execute(self, instance: Instance) -> None:
        self.interpreter.run(instance.klass, "execute", [None], instance)

    def run_test(self, klass: str, name: str) -> None:
        """Run a test of Apex, which leaves nothing behind."""
        state = copy.deepcopy(self.records)
        self.is_testing, self.jobs, self.batches = True, [], []
        try:
            self.interpreter.run(self.interpreter.classes[klass], name, [])
        finally:
            self.records, self.jobs, self.batches = state, [], []
            self.is_testing, self.mock = False, None

    # Records
    def fields(self, kind: str) -> set[str]:
        return self.kinds[kind]

    def is_record(self, kind: str) -> bool:
        return kind in self.kinds

    def insert(self, kind: str, **values: Any) -> str:
        """Insert a record as a user does; its id."""
        record = SObject(kind, values)
        self.transaction(lambda: self.dml("insert", record))
        return str(record.values["Id"])

    def update(self, kind: str, record_id: str, **values: Any) -> None:
        """Update a record as a user does."""
        self.transaction(lambda: self.dml("update", SObject(kind, values | {"Id": record_id})))

    def dml(self, verb: str, value: Any) -> None:
        records = value if isinstance(value, list) else [value]
        if not records:
            return
        self.has_written = True
        kind = records[0].kind
        for record in records:
            assert record.kind == kind
            unknown = record.values.keys() - self.kinds[kind]
            assert not unknown, f"{kind} has no {unknown}"
            if verb == "delete":
                self.records[kind].pop(record.values["Id"], None)
            elif verb == "update":
                self.records[kind][record.values["Id"]] |= record.values
            else:
                assert verb == "insert"
                self._insert(kind, record)
        if verb in ("insert", "update"):
            whole = [SObject(kind, dict(self.records[kind][r.values["Id"]])) for r in records]
            self.interpreter.run_triggers(kind, f"after {verb}", whole)

    def _insert(self, kind: str, record: SObject) -> None:
        self.last_id += 1
        record.values["Id"] = f"{PREFIXES.get(kind, 'a00')}AA{self.last_id:010d}"
        defaults: dict[str, Any] = {"CreatedDate": self.now}
        if kind == "Lead":
            defaults["IsConverted"] = False
        if kind == "Task":
            closed = record.values.get("Status") == "Completed"
            defaults |= {"IsClosed": closed, "CompletedDateTime": self.now if closed else None}
        if kind.endswith("Queue__c"):
            defaults["Name"] = f"{self.last_id:010d}"
        self.records[kind][record.values["Id"]] = defaults | record.values

    # SOQL
    def query(self, node: Node, scope: Scope) -> Any:
        parts = {child.type: child for child in node.named_children}
        kind = text(parts["from_clause"].named_children[0])
        rows = self._jobs() if kind == "AsyncApexJob" else list(self.records[kind].values())
        where = parts.get("where_clause")
        if where is not None:
            rows = [row for row in rows if self._holds(where.named_children[0], kind, row, scope)]
        select = parts["select_clause"].named_children
        if select[0].type == "count_expression":
            return len(rows)
        names = [text(name) for name in select]
        assert set(names) <= self.kinds[kind], f"{kind} lacks {set(names) - self.kinds[kind]}"
        if "order_by_clause" in parts:
            (order,) = parts["order_by_clause"].named_children
            rows.sort(key=lambda row: row[text(order)])
        if "limit_clause" in parts:
            (bound,) = parts["limit_clause"].named_children
            rows = rows[: self.interpreter.value(bound.named_children[0], scope)]
        queried = frozenset((*names, "Id"))
        return [SObject(kind, {n: row.get(n) for n in queried}, queried) for row in rows]

    def _jobs(self) -> list[dict[str, Any]]:
        return [{"Status": "Queued", "ApexClass.Name": j.instance.klass.name} for j in self.jobs]

    def _holds(self, node: Node, kind: str, row: dict[str, Any], scope: Scope) -> bool:
        parts = node.named_children
        match node.type:
            case "and_expression":
                return all(self._holds(part, kind, row, scope) for part in parts)
            case "or_expression":
                return any(self._holds(part, kind, row, scope) for part in parts)
            case "comparison_expression":
                name, sign, right = parts
                assert text(name) in self.kinds[kind], f"{kind} has no {text(name)}"
                left, value = row.get(text(name)), self._operand(right, scope)
                match " ".join(text(sign).upper().split()):
                    case "IN":
                        return left in value
                    case "NOT IN":
                        return left not in value
                    case "=" | "!=" as equality:
                        return bool(COMPARE[equality](left, value))
                    case other:
                        return left is not None and bool(COMPARE[other](left, value))
        raise NotImplementedError(f"{node.type}: {text(node)}")

    def _operand(self, node: Node, scope: Scope) -> Any:
        if node.type == "bound_apex_expression":
            return self.interpreter.value(node.named_children[0], scope)
        if node.type == "comparable_list":
            return [self._operand(child, scope) for child in node.named_children]
        return self.interpreter.value(node, scope)

    # What the platform has
    def make(self, kind: str, values: Sequence[Any]) -> Any:
        plain = kind.partition("<")[0]
        match plain, values:
            case "List", []:
                return []
            case "List", [some]:
                return list(some)
            case "Set", []:
                return set()
            case "Set", [some]:
                return set(some)
            case "Map", []:
                return {}
            case "Map", [records]:
                return {record.values["Id"]: record for record in records}
            case (("HttpRequest" | "HttpResponse"), []):
                return Message()
            case "Http", []:
                return Token("http")
        raise NotImplementedError(f"new {kind}({values})")

    def method(self, value: Any, name: str, arguments: Sequence[Any]) -> Any:
        match value, name:
            case SObject(), "get":
                names = {known.lower(): known for known in self.kinds[value.kind]}
                return self.interpreter._field(value, names[arguments[0].lower()])
            case str(), "getSObjectType":
                kinds = {prefix: kind for kind, prefix in PREFIXES.items()}
                return Token(f"{kinds[value[:3]]}.SObjectType")
            case PlatformError(), "getMessage":
                return value.message
            case Message(), "setHeader":
                value.headers[arguments[0]] = arguments[1]
                return None
            case Message(), "getHeader":
                found = {k.lower(): v for k, v in value.headers.items()}
                return found.get(arguments[0].lower())
            case Message(), _ if name.startswith("set"):
                value.values[name[3:]] = arguments[0]
                return None
            case Message(), _ if name.startswith("get"):
                return value.values[name[3:]]
        return METHODS[type(value)][name](value, *arguments)

    def call(self, owner: str, name: str, arguments: Sequence[Any], scope: Scope) -> Any:
        match owner, name, *arguments:
            case "http", "send", request:
                return self._send(request)
            case "Database", "insert" | "update" | "delete", records, all_or_none:
                assert all_or_none is False
                return self.dml(name, records)
            case "Database", "query", soql:
                whole = f"class Q {{ Object q = [{soql}]; }}".encode()
                (body,) = [n for n in walk(parsed(whole)) if n.type == "soql_query_body"]
                return self.query(body, scope)
            case "Database", "getQueryLocator", rows:
                return rows
            case "Database", "executeBatch", batch, _:
                self.batches.append(batch)
                return None
            case "System", "enqueueJob", job, *delay:
                assert self.started < self.limit, "System.LimitException: Too many queueable jobs"
                assert not delay or 0 <= delay[0] <= 10
                self.started += 1
                self.jobs.append(Job(job, *(delay or [0])))
                return None
            case "System", "now":
                return self.now
            case "System", "debug", level, message:
                self.log.append(f"{level.name}: {message}")
                return None
            case "Limits", "getQueueableJobs":
                return self.started
            case "Limits", "getLimitQueueableJobs":
                return self.limit
            case "Schema.SObjectType.Lead.fields", "getMap":
                return {known.lower(): Token(known) for known in self.kinds["Lead"]}
            case "JSON", "serialize", value:
                return json.dumps(value, default=_plain)
            case "JSON", "deserializeUntyped", body:
                return json.loads(body, parse_float=Decimal)
            case "String", "join", values, separator:
                return separator.join(values)
            case "Integer", "valueOf", value:
                return int(value)
            case "Math", "max", left, right:
                return max(left, right)
            case "Datetime", "valueOfGmt", value:
                return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            case "Datetime", "newInstanceGmt", *values:
                return datetime(*values, tzinfo=UTC)  # type: ignore[misc]
        return self._test(owner, name, arguments)

    def _test(self, owner: str, name: str, arguments: Sequence[Any]) -> Any:
        match owner, name, *arguments:
            case "Test", "isRunningTest":
                return self.is_testing
            case "Test", "setMock", _, mock:
                self.mock = mock
            case "Test", "startTest":
                pass
            case "Test", "stopTest":
                self.run_batches()
                waiting, self.jobs = self.jobs, []
                for job in waiting:
                    self.transaction(partial(self._execute, job.instance), 1)
                assert not self.jobs, "jobs may not be chained in tests"
            case "Assert", "areEqual", expected, actual:
                assert expected == actual
            case "Assert", "isNull", actual:
                assert actual is None
            case _:
                raise NotImplementedError(f"{owner}.{name}({arguments})")
        return None

    def _send(self, request: Message) -> Message:
        if self.has_written:
            raise thrown("CalloutException", "You have uncommitted work pending.")
        if self.mock is not None:
            response: Message = self.interpreter.run(
                self.mock.klass, "respond", [request], self.mock
            )
            return response
        address = request.values["Endpoint"].replace("callout:Lead_Temperature", self.address)
        headers = request.headers | {"Authorization": f"Bearer {self.key}"}
        try:
            answer = self.http.request(
                request.values["Method"],
                address,
                content=request.values.get("Body"),
                headers=headers,
                timeout=request.values["Timeout"] / 1000,
            )
        except httpx2.TransportError as error:
            raise thrown("CalloutException", str(error)) from error
        values = {"StatusCode": answer.status_code, "Body": answer.text}
        return Message(values, dict(answer.headers))


def _plain(value: Any) -> Any:
    return utc(value) if isinstance(value, datetime) else float(value)
