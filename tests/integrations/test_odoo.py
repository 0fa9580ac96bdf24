"""The module for Odoo, on a stand-in of Odoo, asking the real server."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from serving.answers.limits import Limits
from serving.http.app import create_app
from serving.http.security import api_keys
from serving.http.settings import Settings
from tests.support import odoo
from tests.support.crm_bundles import KNOWN_BEFORE, CrmBundle, crm_bundle
from tests.support.crm_exports import CONTACTS, LEADS, write_rows
from tests.support.exports import micros
from tests.support.faltering import Faltering
from tests.support.servers import answering

MODULE = Path(__file__).parents[2] / "integrations" / "odoo" / "lead_temperature"
pytestmark = pytest.mark.long
KEY = "the-key-of-the-crm"
NOW = datetime.fromisoformat(KNOWN_BEFORE).replace(tzinfo=None)
QUEUED, STALE = "lead_temperature.score_queued", "lead_temperature.queue_stale"
LEAD_COLUMNS = (
    *("id", ".id", "create_date", "stage_id/name", "active", "date_closed"),
    *("lost_reason_id/name", "source_id/name", "country_id/code"),
)
MESSAGE_COLUMNS = ("id", "date", "create_date", "model", "res_id", "message_type")


@dataclass(frozen=True)
class Firm:
    """Odoo of the made-up firm, without the module, and the number of each lead there."""

    env: odoo.Environment
    ids: dict[int, int]


@pytest.fixture
def firm(monkeypatch: pytest.MonkeyPatch) -> Firm:
    return _firm(monkeypatch)


def _firm(monkeypatch: pytest.MonkeyPatch) -> Firm:
    monkeypatch.setattr(odoo.Datetime, "clock", staticmethod(lambda: NOW))
    env = odoo.Environment()

    def named(model: str, name: str, **more: Any) -> Any:
        found = env[model].search([("name", "=", name)])
        return found or env[model].create([{"name": name, **more}])

    def utc(moment: datetime | None) -> Any:
        return moment and moment.replace(tzinfo=None)

    ids = {}
    for lead in LEADS:
        row = {
            "name": f"Lead {lead.number}",
            "create_date": utc(lead.created),
            "active": lead.lost is None,
            "date_closed": utc(lead.won or lead.lost),
            "stage_id": named("crm.stage", "Won", is_won=True)
            if lead.won
            else named("crm.stage", "Proposition"),
            "lost_reason_id": named("utm.source", "Too expensive") if lead.lost else False,
            "source_id": named("utm.source", lead.source),
            "country_id": named("res.country", lead.country, code=lead.country),
        }
        ids[lead.number] = env["crm.lead"].create([row]).id
    for contact in CONTACTS:
        kinds = {"email": "email" if contact.inbound else "email_outgoing", "call": "comment"}
        env["mail.message"].create(
            [
                {
                    "model": "crm.lead",
                    "res_id": ids[contact.lead.number],
                    "date": utc(contact.at),
                    "create_date": utc(contact.at + timedelta(minutes=1)),
                    "message_type": kinds.get(contact.kind, "notification"),
                    "author_id": named("res.partner", contact.seller),
                }
            ]
        )
    env.cr.commit()
    return Firm(env, ids)


RENAMED = {
    '["source_id/name", ': '["source", ',
    'created_at = "create_date"': 'created_at = "create_date"\nsource = "source_id/name"',
    "FROM \"mail\"\n'''": 'FROM "mail"\n\'\'\'\n[interactions.values.kind]\n"Comment" = "talk"',
}
"""What a person may change in the draft: a column and a word get names of their own."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> CrmBundle:
    """Of what Odoo's own export dialog writes, as docs/exports.md tells to use it."""
    return exported(tmp_path_factory.mktemp("odoo"))


def exported(folder: Path, changes: Mapping[str, str] = MappingProxyType({})) -> CrmBundle:
    with pytest.MonkeyPatch.context() as monkeypatch:
        env = _firm(monkeypatch).env
    (folder / "exports").mkdir()
    for model, columns in (("crm.lead", LEAD_COLUMNS), ("mail.message", MESSAGE_COLUMNS)):
        records = env[model].browse(sorted(env.table(model)))
        rows = [
            dict(zip(columns, row, strict=True)) for row in records.export_data(columns)["datas"]
        ]
        write_rows(folder / "exports" / f"{model}.csv", rows)
    return crm_bundle(folder / "exports", folder, changes=changes)


@pytest.fixture(scope="module")
def app(bundle: CrmBundle) -> Any:
    return app_of(bundle)


def app_of(bundle: CrmBundle) -> Any:
    keys = api_keys(f"crm:score:{hashlib.sha256(KEY.encode()).hexdigest()}")
    return create_app(bundle.folder, Settings(api_keys=keys), lambda: micros(KNOWN_BEFORE))


@pytest.fixture(scope="module")
def server(app: Any) -> Iterator[tuple[str, Faltering]]:
    faltering = Faltering(app)
    with answering(faltering) as address:
        yield address, faltering


@pytest.fixture
def address(server: tuple[str, Faltering]) -> Iterator[str]:
    yield server[0]
    server[1].answers.clear()


def installed(firm: Firm, address: str) -> odoo.Environment:
    firm.env.install(MODULE)
    for name, value in (("address", address), ("key", KEY)):
        firm.env["ir.config_parameter"].set_param(f"lead_temperature.{name}", value)
    firm.env.cr.commit()
    return firm.env


def queued(env: odoo.Environment) -> list[int]:
    return [row.lead_id.id for row in env["lead.temperature.queue"].search([])]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds for which the module wants to wait, which nobody does."""
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds


def test_a_lead_scores_as_it_does_from_the_export(firm, bundle, address, caplog) -> None:
    env = installed(firm, address)
    assert_scores(env, firm, bundle)
    assert "no such column" not in caplog.text
    env.run_cron(STALE)
    assert queued(env) == []


def test_names_and_words_of_ones_own_need_no_table(firm, tmp_path) -> None:
    bundle = exported(tmp_path, RENAMED)
    with answering(app_of(bundle)) as address:
        assert_scores(installed(firm, address), firm, bundle)
    assert "source" in bundle.tables.attribute_kinds
    assert "talk" in bundle.tables.interactions["kind"].to_pylist()


def assert_scores(env: odoo.Environment, firm: Firm, bundle: CrmBundle) -> None:
    """Queue and score all open leads: each has the score of the bulk file, bit for bit."""
    env.run_cron(STALE)
    open_ids = [firm.ids[lead.number] for lead in LEADS if lead.status == "open"]
    assert sorted(queued(env)) == open_ids
    env.run_cron(QUEUED)
    assert queued(env) == []
    scores = bundle.scores(KNOWN_BEFORE)
    assert len(scores) == len(open_ids)
    assert scores.hot_probability.nunique() > 10
    for lead_id in open_ids:
        lead = env["crm.lead"].browse(lead_id)
        expected = scores.loc[f"__export__.crm.lead_{lead_id}"]
        assert lead.hot_probability == expected.hot_probability
        assert lead.temperature == expected.band
        assert lead.temperature_why
        assert NOW < lead.temperature_until <= NOW + timedelta(days=1)
        assert lead.temperature_problem is False


def test_saving_asks_nobody_and_queues_the_lead(firm, server, address) -> None:
    env = installed(firm, address)
    server[1].asked.clear()
    with env.transaction():
        lead = env["crm.lead"].create({"name": "new"})
    assert queued(env) == [lead.id]
    assert env.ref(QUEUED).triggered
    changes = (
        lambda: lead.write({"expected_revenue": 10.0}),
        lambda: lead.message_post(message_type="comment"),
        lambda: env["calendar.event"].create({"opportunity_id": lead, "start": NOW}),
        lambda: env["calendar.event"].search([]).write({"duration": 0.5}),
        lambda: env["calendar.event"].search([]).unlink(),
    )
    for number, change in enumerate(changes, start=2):
        with env.transaction():
            change()
        assert queued(env) == [lead.id] * number
    assert server[1].asked == []
    env.run_cron(QUEUED)
    assert server[1].asked == ["/v1/model", "/v1/score/batch"]
    assert queued(env) == []
    assert lead.temperature


def test_no_transaction_is_open_while_the_server_is_asked(firm, address, monkeypatch) -> None:
    env = installed(firm, address)
    with env.transaction():
        env["crm.lead"].create({"name": "new"})
    happened: list[str] = []
    commit, scorer = env.cr.commit, env.package.models.queue.Scorer
    score, search = scorer.score, odoo.Model.search
    monkeypatch.setattr(env.cr, "commit", lambda: (happened.append("commit"), commit()))
    monkeypatch.setattr(
        scorer, "score", lambda self, leads: (happened.append("ask"), score(self, leads))[1]
    )
    monkeypatch.setattr(
        odoo.Model,
        "search",
        lambda self, *a, **k: (happened.append("read"), search(self, *a, **k))[1],
    )
    env.run_cron(QUEUED)
    asked = happened.index("ask")
    assert happened[asked - 1] == "commit"
    assert happened[asked + 1] == "commit"


def test_a_rule_that_changes_scored_leads_does_not_keep_the_run_going(
    firm, server, address, monkeypatch
) -> None:
    env = installed(firm, address)
    with env.transaction():
        lead = env["crm.lead"].create({"name": "new"})
    write_temperature = env.package.models.crm_lead.CrmLead._write_temperature

    def with_a_rule(self: Any, answer: Any) -> None:
        write_temperature(self, answer)
        self.write({"expected_revenue": self.expected_revenue + 1})

    monkeypatch.setattr(env.package.models.crm_lead.CrmLead, "_write_temperature", with_a_rule)
    server[1].asked.clear()
    env.run_cron(QUEUED)
    assert server[1].asked == ["/v1/model", "/v1/score/batch"]
    assert queued(env) == [lead.id]


def test_what_is_rolled_back_is_not_queued(firm, address) -> None:
    env = installed(firm, address)
    with pytest.raises(AssertionError, match=r"crm\.lead has no"), env.transaction():
        env["crm.lead"].create([{"name": "new"}, {"nonsense": 1}])
    assert queued(env) == []


def test_a_server_that_is_down_keeps_the_queue_and_stops_nobody(
    firm, address, waits, caplog
) -> None:
    env = installed(firm, "http://127.0.0.1:9")
    with env.transaction():
        lead = env["crm.lead"].create({"name": "new"})
    env.run_cron(QUEUED)
    assert queued(env) == [lead.id]
    assert lead.temperature is False
    assert waits == [1, 5]
    assert "The leads stay queued" in caplog.text
    env["ir.config_parameter"].set_param("lead_temperature.address", address)
    env.run_cron(QUEUED)
    assert queued(env) == []
    assert lead.temperature


@pytest.mark.parametrize(
    ("answers", "waited", "scored"),
    [
        ([(503, {"Retry-After": "2"})], [2], True),
        ([(503, {"Retry-After": "2"}), (502, {})], [2, 5], True),
        ([(503, {"Retry-After": "3600"})], [], False),
        ([(429, {})] * 5, [1, 5], False),
        ([(401, {})], [], False),
        ([(403, {})], [], False),
        ([(422, {})], [], False),
    ],
)
def test_tries_are_bounded_and_wait_as_they_are_asked_to(
    firm, server, address, waits, answers, waited, scored
) -> None:
    env = installed(firm, address)
    with env.transaction():
        lead = env["crm.lead"].create({"name": "new"})
    server[1].answers[:] = answers
    env.run_cron(QUEUED)
    assert waits == waited
    assert bool(lead.temperature) == scored
    assert queued(env) == ([] if scored else [lead.id])


def test_a_slow_server_is_asked_once_a_run(firm, server, address, monkeypatch, waits) -> None:
    env = installed(firm, address)
    with env.transaction():
        lead = env["crm.lead"].create({"name": "new"})
    monkeypatch.setattr(env.package.models.queue.Scorer, "TIMEOUT", (5, 0.05))
    server[1].answers[:] = [(0, {})]
    server[1].asked.clear()
    env.run_cron(QUEUED)
    assert server[1].asked == ["/v1/model"]
    assert queued(env) == [lead.id]
    assert waits == []


def test_a_refused_lead_says_why_and_keeps_its_score(firm, address) -> None:
    env = installed(firm, address)
    with env.transaction():
        good, bad = env["crm.lead"].create([{"name": "good"}, {"name": "bad"}])
    env.run_cron(QUEUED)
    score = bad.hot_probability
    assert score == good.hot_probability
    with env.transaction():
        bad.write({"source_id": env["utm.source"].create({"name": "X" * 2_000})})
        good.write({"source_id": env["utm.source"].search([("name", "=", "Referral")])})
    env.run_cron(QUEUED)
    assert queued(env) == []
    assert "source_id/name" in bad.temperature_problem
    assert bad.hot_probability == score
    assert good.hot_probability != score
    with env.transaction():
        bad.write({"source_id": False})
    env.run_cron(QUEUED)
    assert bad.temperature_problem is False


def test_leads_that_are_too_long_together_go_in_halves(firm, bundle) -> None:
    limited = create_app(
        bundle.folder, Settings(limits=Limits(max_body_bytes=900)), lambda: micros(KNOWN_BEFORE)
    )
    with answering(limited) as address:
        env = installed(firm, address)
        with env.transaction():
            leads = env["crm.lead"].create([{"name": str(i)} for i in range(9)])
            for _ in range(20):
                leads[4].message_post(message_type="comment")
        env.run_cron(QUEUED)
    assert queued(env) == []
    assert [bool(lead.temperature) for lead in leads] == [True] * 4 + [False] + [True] * 4
    assert "413" in leads[4].temperature_problem


def test_a_model_with_another_attribute_scores_on(firm, address, caplog) -> None:
    env = installed(firm, address)
    paths = env.package.models.payload.paths_of
    model = {"attributes": {"source": {}, "country_id/code": {}, "tag_ids": {}}}
    known, unknown = paths(model, {}, env["crm.lead"])
    assert known == {"country_id/code": "country_id/code"}
    assert unknown == ["source", "tag_ids"]
    known, unknown = paths(model, {"source": "source_id/name"}, env["crm.lead"])
    assert known["source"] == "source_id/name"
    # Without the path of one the others are scored, and the log says what is missing.
    env["ir.config_parameter"].set_param(
        "lead_temperature.paths", json.dumps({"source_id/name": "gone_id/name"})
    )
    with env.transaction():
        lead = env["crm.lead"].create({"name": "new"})
    with caplog.at_level(logging.WARNING):
        env.run_cron(QUEUED)
    assert "The model reads source_id/name, and crm.lead has no such column" in caplog.text
    assert lead.temperature


def test_without_an_address_nobody_is_asked(firm) -> None:
    env = installed(firm, "")
    with env.transaction():
        lead = env["crm.lead"].create({"name": "new"})
    env.run_cron(QUEUED)
    assert queued(env) == [lead.id]


def test_what_is_missing_is_left_out_and_times_are_utc(firm, address) -> None:
    env = installed(firm, address)
    payload = env.package.models.payload
    lead = env["crm.lead"].create({"name": "new"})
    env["calendar.event"].create({"opportunity_id": lead, "start": NOW})
    model = {"attributes": {}, "measures": ["duration_seconds"], "vocabulary": {"kind": ["call"]}}
    paths = {name: name for name in ("date_closed", "date_deadline", "source_id/name", "active")}
    (sent,) = payload.payloads(lead, model, paths)
    assert sent == {
        "lead_id": str(lead.id),
        "created_at": "2024-10-16T00:00:00+00:00",
        "previous_band": None,
        "attributes": {"active": "True"},
        "interactions": [
            {
                "occurred_at": "2024-10-16T00:00:00+00:00",
                "recorded_at": "2024-10-16T00:00:00+00:00",
                "kind": "meeting",
            }
        ],
    }
    lead.write({"date_closed": NOW, "date_deadline": NOW.date()})
    attributes = payload.payloads(lead, model, paths)[0]["attributes"]
    assert attributes["date_closed"] == "2024-10-16T00:00:00+00:00"
    assert attributes["date_deadline"] == "2024-10-16"


def test_a_copy_of_a_lead_has_no_temperature_and_only_administrators_see_problems(firm) -> None:
    env = installed(firm, "")
    ours = env.package.models.crm_lead.OURS
    fields = env.models["crm.lead"]._fields
    assert all(fields[name].settings["copy"] is False for name in ours)
    assert all(fields[name].settings["readonly"] for name in ours)
    assert fields["temperature_problem"].settings["groups"] == "base.group_system"
    access = env.ref("lead_temperature.access_queue_system")
    assert (access.model_id, access.perm_create) == ("lead.temperature.queue", False)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("form", ["temperature", "hot_probability", "temperature_why", "temperature_until"]),
        ("list", ["temperature", "hot_probability"]),
        ("search", []),
    ],
)
def test_the_views_show_the_temperature(firm, name, fields) -> None:
    env = installed(firm, "")
    view = odoo.view(env, f"lead_temperature.crm_lead_view_{name}")
    shown = [element.attrib["name"] for element in view.iter("field")]
    assert [field for field in shown if field in fields] == fields
    filters = [element.attrib["name"] for element in view.iter("filter")]
    assert filters == (["temperature_hot", "temperature_group"] if name == "search" else [])
