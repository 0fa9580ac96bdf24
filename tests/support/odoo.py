"""A stand-in for Odoo: as much of its ORM as the module uses, in memory, with transactions.

Models, fields and ids of views are those that Odoo 18's `base`, `mail`, `calendar` and `crm`
document. A module is installed as Odoo does it: its classes extend the models, then the files of
the manifest are loaded in order, and whatever they name must be there.
"""

import ast
import copy
import csv
import importlib.util
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

FORMAT = "%Y-%m-%d %H:%M:%S"


class Field:
    """A column of a model; on records it reads and writes their values."""

    type = ""
    empty: Any = False

    def __init__(self, string: Any = None, **settings: Any) -> None:
        self.string, self.settings = string, settings
        self.comodel_name = ""

    def __set_name__(self, owner: Any, name: str) -> None:
        self.name = name

    def __get__(self, records: Any, owner: Any) -> Any:
        if records is None:
            return self
        if not records.ids:
            return self.empty
        records.ensure_one()
        return records.row[self.name]

    def __set__(self, records: Any, value: Any) -> None:
        records.write({self.name: value})

    def stored(self, value: Any) -> Any:
        return self.empty if value is None or value is False else value

    def exported(self, value: Any) -> Any:
        return "" if value is False else value


class Text(Field):
    type = "text"


class Char(Field):
    type = "char"


class Integer(Field):
    type, empty = "integer", 0


class Float(Field):
    type, empty = "float", 0.0


class Monetary(Float):
    type = "monetary"


class Boolean(Field):
    type = "boolean"

    def stored(self, value: Any) -> bool:
        return bool(value)

    def exported(self, value: Any) -> Any:
        return value


class Date(Field):
    type = "date"


class Datetime(Field):
    type = "datetime"
    clock: ClassVar[Callable[[], datetime]] = staticmethod(
        lambda: datetime.now(UTC).replace(tzinfo=None)
    )

    @classmethod
    def now(cls) -> datetime:
        return cls.clock().replace(microsecond=0)

    @staticmethod
    def to_datetime(value: Any) -> Any:
        return datetime.strptime(value, FORMAT) if isinstance(value, str) else value  # noqa: DTZ007

    def stored(self, value: Any) -> Any:
        moment = self.to_datetime(value or False)
        assert moment is False or moment.tzinfo is None, "Odoo takes UTC without a zone"
        return moment


class Selection(Field):
    type = "selection"

    def __init__(self, selection: Sequence[tuple[str, str]], string: Any = None, **more: Any):
        super().__init__(string, **more)
        self.labels = dict(selection)

    def stored(self, value: Any) -> Any:
        assert not value or value in self.labels, f"{self.name} has no {value!r}"
        return value or False

    def exported(self, value: Any) -> Any:
        return self.labels.get(value, "")


class Many2one(Field):
    type = "many2one"

    def __init__(self, comodel_name: str, string: Any = None, **settings: Any) -> None:
        super().__init__(string, **settings)
        self.comodel_name = comodel_name

    def __get__(self, records: Any, owner: Any) -> Any:
        if records is None:
            return self
        rows = records.env.table(records._name)
        ids = dict.fromkeys(rows[i][self.name] for i in records.ids)
        return records.env[self.comodel_name].browse([i for i in ids if i])

    def stored(self, value: Any) -> Any:
        return value.id if isinstance(value, Model) else value or False


class Many2many(Many2one):
    type = "many2many"


class Model:
    """Records of one model; every class of a module that extends a model is one of its bases."""

    _name = ""
    _inherit = ""
    _order = "id"
    _fields: ClassVar[dict[str, Field]] = {}
    classes: ClassVar[list[Any]] = []

    def __init_subclass__(cls, **more: Any) -> None:
        if not cls.__dict__.get("_composed"):
            Model.classes.append(cls)

    def __init__(self, env: "Environment", ids: Iterable[int] = ()) -> None:
        self.env, self.ids = env, list(ids)

    # Collections
    def browse(self, ids: Any = ()) -> Any:
        return type(self)(self.env, [ids] if isinstance(ids, int) else ids)

    def __iter__(self) -> Iterator[Any]:
        return (self.browse(i) for i in self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and (self._name, self.ids) == (other._name, other.ids)

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return getattr(self, key)
        return self.browse(self.ids[key])

    def __or__(self, other: Any) -> Any:
        return self.browse(list(dict.fromkeys([*self.ids, *other.ids])))

    def filtered(self, test: Callable[[Any], Any]) -> Any:
        return self.browse([record.id for record in self if test(record)])

    def ensure_one(self) -> None:
        assert len(self) == 1, f"expected one record of {self._name}, got {self.ids}"

    def exists(self) -> Any:
        return self.browse([i for i in self.ids if i in self.env.table(self._name)])

    @property
    def id(self) -> Any:
        return self.ids[0] if self.ids else False

    @property
    def row(self) -> dict[str, Any]:
        return self.env.table(self._name)[self.ids[0]]

    def sudo(self) -> Any:
        return self

    def with_context(self, **_: Any) -> Any:
        return self

    # Reading and writing
    def search(self, domain: Sequence[Any], limit: int | None = None, order: str = "") -> Any:
        assert order in ("", "id")
        terms = [term[0] for term in domain if not isinstance(term, str)]
        hidden = "active" in self._fields and "active" not in terms
        found = [
            i
            for i in sorted(self.env.table(self._name))
            if _holds(self.browse(i), domain) and (not hidden or self.browse(i).active)
        ]
        return self.browse(found[:limit])

    def create(self, vals_list: Any) -> Any:
        ids = []
        for vals in [vals_list] if isinstance(vals_list, dict) else vals_list:
            row = {name: field.stored(self._default(field)) for name, field in self._fields.items()}
            self.env.last_id += 1
            self.env.table(self._name)[self.env.last_id] = row | {"id": self.env.last_id}
            ids.append(self.env.last_id)
            self.browse(self.env.last_id)._set(vals)
            missing = [n for n, f in self._fields.items() if f.settings.get("required")]
            assert all(self.browse(ids[-1]).row[name] for name in missing), missing
        return self.browse(ids)

    def _default(self, field: Field) -> Any:
        if field.name == "create_date":
            return Datetime.now()
        return field.settings.get("default")

    def write(self, vals: dict[str, Any]) -> bool:
        self._set(vals)
        return True

    def _set(self, vals: dict[str, Any]) -> None:
        unknown = vals.keys() - self._fields.keys()
        assert not unknown, f"{self._name} has no {unknown}"
        for i in self.ids:
            row = self.env.table(self._name)[i]
            row.update({name: self._fields[name].stored(value) for name, value in vals.items()})

    def unlink(self) -> bool:
        for i in self.ids:
            del self.env.table(self._name)[i]
            for name, model in self.env.models.items():
                cascading = [
                    f.name
                    for f in model._fields.values()
                    if f.comodel_name == self._name and f.settings.get("ondelete") == "cascade"
                ]
                rows = self.env.table(name)
                dead = [j for j, row in rows.items() if any(row[c] == i for c in cascading)]
                self.env[name].browse(dead).unlink()
        return True

    def export_data(self, paths: Sequence[str]) -> dict[str, Any]:
        return {"datas": [[record._exported(path) for path in paths] for record in self]}

    def _exported(self, path: str) -> Any:
        step, _, rest = path.partition("/")
        if step in (".id", "id") and self:
            return self.id if step == ".id" else f"__export__.{self._name}_{self.id}"
        if not self:
            return ""
        field = self._fields[step]
        assert field.type != "many2many", "it would take several rows"
        if field.type == "many2one":
            record = self[step]
            return record._exported(rest or "name")
        return field.exported(self.row[step])


def _holds(record: Any, domain: Sequence[Any]) -> bool:
    """Whether a record is in a domain, which is in prefix notation."""
    terms = iter(domain)

    def term() -> bool:
        part = next(terms)
        if part in ("|", "&"):
            sides = [term(), term()]
            return any(sides) if part == "|" else all(sides)
        if part == "!":
            return not term()
        path, operator, value = part
        found = record
        for step in path.split("."):
            found = found[step]
        found = found.id if isinstance(found, Model) else found
        match operator:
            case "=":
                return found == value
            case "!=":
                return found != value
            case "in":
                return found in value
            case "<=":
                return found is not False and found <= value
            case "<":
                return found is not False and found < value
        raise NotImplementedError(operator)

    holds = True
    for _ in range(len(domain)):
        try:
            holds &= term()
        except StopIteration:
            break
    return holds


def model_create_multi(method: Callable[..., Any]) -> Callable[..., Any]:
    """`create` takes one dictionary or several."""
    return lambda self, vals: method(self, [vals] if isinstance(vals, dict) else vals)


def model(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a model as such."""
    return method


class Cursor:
    """One transaction after the other."""

    def __init__(self, env: "Environment") -> None:
        self.env = env
        self.commit()

    def commit(self) -> None:
        self.committed = copy.deepcopy(self.env.tables)

    def rollback(self) -> None:
        self.env.tables = copy.deepcopy(self.committed)


class Environment:
    """A database with the models of Odoo and of what is installed on it."""

    def __init__(self) -> None:
        self.models: dict[str, type[Any]] = {}
        self.tables: dict[str, dict[int, dict[str, Any]]] = {}
        self.external_ids: dict[str, Any] = {}
        self.last_id = 500
        self.extend(BASE)
        self.cr = Cursor(self)
        for name, (model_name, values) in RECORDS.items():
            self.external_ids[name] = self[model_name].create([values])
        self.cr.commit()

    def __getitem__(self, name: str) -> Any:
        return self.models[name](self)

    def table(self, name: str) -> dict[int, dict[str, Any]]:
        return self.tables.setdefault(name, {})

    def ref(self, name: str, raise_if_not_found: bool = True) -> Any:
        if name not in self.external_ids and not raise_if_not_found:
            return None
        return self.external_ids[name]

    def extend(self, classes: Sequence[type[Any]]) -> None:
        """Models of classes, which stand before those they extend."""
        for cls in classes:
            name = cls.__dict__.get("_name") or cls._inherit
            bases = (cls, *((self.models[name],) if name in self.models else ()))
            composed: Any = type(cls.__name__, bases, {"_composed": True, "_name": name})
            members = (vars(base) for base in reversed(composed.__mro__))
            composed._fields = {
                n: f for own in members for n, f in own.items() if isinstance(f, Field)
            }
            for row in self.table(name).values():
                for field in composed._fields.values():
                    row.setdefault(field.name, field.stored(field.settings.get("default")))
            self.models[name] = composed
            self.external_ids[f"model_{name.replace('.', '_')}"] = name

    @contextmanager
    def transaction(self) -> Iterator["Environment"]:
        """What a user does at once: all of it is kept, or nothing."""
        try:
            yield self
        except BaseException:
            self.cr.rollback()
            raise
        self.cr.commit()

    def run_cron(self, name: str) -> None:
        """Run a scheduled action as Odoo does: its code, in a transaction of its own."""
        cron = self.ref(name)
        cron._fields["triggered"].__set__(cron, False)
        self.cr.commit()
        with self.transaction():
            exec(cron.code, {"model": self[cron.model_id], "env": self})  # noqa: S102 - it is ours

    def install(self, folder: Path) -> None:
        """Install a module from its folder."""
        manifest = ast.literal_eval((folder / "__manifest__.py").read_text(encoding="utf-8"))
        assert set(manifest["depends"]) <= {"base", "mail", "calendar", "crm"}
        Model.classes.clear()
        self.package = _imported(folder)
        self.extend(Model.classes)
        for name in manifest["data"]:
            path = folder / name
            (_load_access if path.suffix == ".csv" else _load_records)(self, path, folder.name)
        self.cr.commit()


def _imported(folder: Path) -> ModuleType:
    """The module's package, with this file in the place of Odoo."""
    odoo = ModuleType("odoo")
    for name in ("api", "fields", "models"):
        setattr(odoo, name, sys.modules[__name__])
    name = f"odoo_addons_{folder.name}"
    for old in [old for old in sys.modules if old.partition(".")[0] == name]:
        del sys.modules[old]
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    assert spec
    assert spec.loader
    package = importlib.util.module_from_spec(spec)
    before = sys.modules.get("odoo")
    sys.modules.update({"odoo": odoo, name: package})
    try:
        spec.loader.exec_module(package)
    finally:
        del sys.modules["odoo"]
        if before is not None:
            sys.modules["odoo"] = before
    return package


def _load_access(env: Environment, path: Path, module: str) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values = {
                "name": row["name"],
                "model_id": env.external_ids[row["model_id:id"]],
                "group_id": env.ref(row["group_id:id"]),
                **{n: row[n] == "1" for n in row if n.startswith("perm_")},
            }
            env.external_ids[f"{module}.{row['id']}"] = env["ir.model.access"].create([values])


def _load_records(env: Environment, path: Path, module: str) -> None:
    root = ET.parse(path).getroot()  # noqa: S314 - it is ours
    assert root.tag == "odoo"
    for record in root:
        assert record.tag == "record"
        model_name = record.attrib["model"]
        values = {}
        for element in record:
            name, kind = element.attrib["name"], env.models[model_name]._fields
            assert name in kind, f"{model_name} has no field {name}: {path.name}"
            values[name] = _value(env, element, kind[name])
        env.external_ids[f"{module}.{record.attrib['id']}"] = env[model_name].create([values])


def _value(env: Environment, element: ET.Element, field: Field) -> Any:
    if element.attrib.get("type") == "xml":
        return ET.tostring(element, encoding="unicode")
    if "ref" in element.attrib:
        return env.external_ids[element.attrib["ref"]]
    text = element.text or False
    return int(text) if text and field.type == "integer" else text


def view(env: Environment, name: str) -> ET.Element:
    """A view as users get it, after the changes of one that extends it."""
    changes = env.ref(name)
    whole = ET.fromstring(f"<data>{changes.inherit_id.arch}</data>")  # noqa: S314 - it is ours
    for change in ET.fromstring(changes.arch):  # noqa: S314
        is_xpath = change.tag == "xpath"
        path = change.attrib["expr"] if is_xpath else f"//field[@name='{change.attrib['name']}']"
        target = whole.find(f".{path}")
        assert target is not None, f"{name}: nothing at {path}"
        if change.attrib["position"] == "inside":
            target.extend(list(change))
        else:
            assert change.attrib["position"] == "after"
            (parent,) = (p for p in whole.iter() if target in list(p))
            at = list(parent).index(target) + 1
            parent[at:at] = list(change)
    known = env.models[changes.model]._fields
    for element in whole.iter("field"):
        assert element.attrib["name"] in known, element.attrib["name"]
    return whole[0]


class Named(Model):
    """Any model that has a name and no more."""

    _name = "utm.source"
    name = Char()


class Country(Named):
    _name = "res.country"
    code = Char()


class Stage(Named):
    _name = "crm.stage"
    is_won = Boolean()


class Users(Named):
    _name = "res.users"


class Partner(Named):
    _name = "res.partner"


class Group(Named):
    _name = "res.groups"


class ActivityType(Named):
    _name = "mail.activity.type"


class Message(Model):
    _name = "mail.message"
    model = Char()
    res_id = Integer()
    date = Datetime()
    create_date = Datetime()
    message_type = Selection(
        [
            ("email", "Incoming Email"),
            ("comment", "Comment"),
            ("email_outgoing", "Outgoing Email"),
            ("notification", "System notification"),
        ]
    )
    author_id = Many2one("res.partner")
    mail_activity_type_id = Many2one("mail.activity.type")


class Lead(Named):
    _name = "crm.lead"
    active = Boolean(default=True)
    create_date = Datetime()
    date_closed = Datetime()
    date_deadline = Date()
    stage_id = Many2one("crm.stage")
    source_id = Many2one("utm.source")
    country_id = Many2one("res.country")
    user_id = Many2one("res.users")
    lost_reason_id = Many2one("utm.source")
    tag_ids = Many2many("utm.source")
    email_from = Char()
    expected_revenue = Monetary()

    def message_post(self, **values: Any) -> Any:
        now = Datetime.now()
        message = self.env["mail.message"].create(
            [{"model": self._name, "res_id": self.id, "date": now, "create_date": now, **values}]
        )
        self._message_post_after_hook(message, values)
        return message

    def _message_post_after_hook(self, message: Any, msg_vals: Any) -> None:
        """What mail does after a message."""


class Event(Model):
    _name = "calendar.event"
    opportunity_id = Many2one("crm.lead")
    start = Datetime()
    create_date = Datetime()
    duration = Float()
    user_id = Many2one("res.users")


class Parameter(Model):
    _name = "ir.config_parameter"
    key = Char(required=True)
    value = Text()

    def get_param(self, key: str) -> Any:
        return self.search([("key", "=", key)]).value

    def set_param(self, key: str, value: str) -> None:
        self.search([("key", "=", key)]).write({"value": value})


class Cron(Named):
    _name = "ir.cron"
    model_id = Char(required=True)
    state = Selection([("code", "Execute Code")])
    code = Text()
    user_id = Many2one("res.users")
    interval_number = Integer()
    interval_type = Selection([("minutes", "Minutes"), ("hours", "Hours"), ("days", "Days")])
    priority = Integer()
    active = Boolean(default=True)
    triggered = Boolean()

    def _trigger(self) -> None:
        self.write({"triggered": True})


class View(Named):
    _name = "ir.ui.view"
    model = Char()
    inherit_id = Many2one("ir.ui.view")
    arch = Text()


class Access(Named):
    _name = "ir.model.access"
    model_id = Char(required=True)
    group_id = Many2one("res.groups")
    perm_read = Boolean()
    perm_write = Boolean()
    perm_create = Boolean()
    perm_unlink = Boolean()


BASE = tuple(Model.classes)
RECORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "base.user_root": ("res.users", {"name": "OdooBot"}),
    "base.group_system": ("res.groups", {"name": "Settings"}),
    "crm.crm_lead_view_form": (
        "ir.ui.view",
        {
            "model": "crm.lead",
            "arch": "<form><sheet><field name='name'/><notebook/></sheet></form>",
        },
    ),
    "crm.crm_case_tree_view_oppor": (
        "ir.ui.view",
        {
            "model": "crm.lead",
            "arch": "<list><field name='name'/><field name='stage_id'/></list>",
        },
    ),
    "crm.view_crm_case_opportunities_filter": (
        "ir.ui.view",
        {"model": "crm.lead", "arch": "<search><field name='name'/></search>"},
    ),
}
