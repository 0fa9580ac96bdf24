"""The client that integrations use, against the real server on a socket."""

import hashlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from starlette.responses import HTMLResponse

from serving import client as client_module
from serving.answers.limits import Limits
from serving.client import LONGEST_WAIT_SECONDS, Client, Lead, Refused
from serving.http.app import create_app
from serving.http.security import api_keys
from serving.http.settings import Settings
from tests.support.http import TestClient
from tests.support.servers import answering

KEY = "for-the-crm"
KEYS = api_keys(f"crm:score:{hashlib.sha256(KEY.encode()).hexdigest()}")
LIMITS = Limits(max_batch=3, max_body_bytes=2_000)
CREATED = datetime(1970, 1, 20, 9, 30, tzinfo=UTC)


def lead(name: str = "A-1", **more: Any) -> Lead:
    made: Lead = {"lead_id": name, "created_at": CREATED, "attributes": {"country": "it"}}
    return made | more  # type: ignore[return-value]


@pytest.fixture(scope="module")
def app(bundle_folder: Path, now: int):
    return create_app(bundle_folder, Settings(api_keys=KEYS, limits=LIMITS), clock=lambda: now)


@pytest.fixture(scope="module")
def address(app) -> Iterator[str]:
    with answering(app) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address, KEY) as made:
        yield made


class Refusing:
    """ASGI application that refuses the first POST calls, and counts all calls."""

    def __init__(self, app, calls: int, status: int = 503, **headers: str) -> None:
        self.app, self.left, self.status, self.headers = app, calls, status, headers
        self.calls = 0

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.calls += 1
        self.left -= scope["method"] == "POST"
        if self.left < 0 or scope["method"] == "GET":
            await self.app(scope, receive, send)
            return
        headers = [(k.replace("_", "-").encode(), v.encode()) for k, v in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"<h1>full</h1>"})


def test_a_lead_is_answered_as_by_hand(client, app) -> None:
    found = client.score(lead(), reasons=1)
    named = {"authorization": f"Bearer {KEY}", "x-request-id": found["request_id"]}
    by_hand = TestClient(app, headers=named).post(
        "/v1/score?reasons=1",
        json={**lead(), "created_at": "1970-01-20T09:30:00Z"},
    )
    assert found == by_hand.json()


def test_trend_and_forecast_come_when_asked_for(client) -> None:
    assert client.score(lead())["trend"] is None
    answer = client.score(lead(), include=["trend", "forecast"])
    (batched,) = client.score_batch([lead()], include=["forecast"])
    assert answer["trend"]
    assert answer["forecast"] == batched["forecast"]


def test_times_travel_with_their_zone(client) -> None:
    answer = client.score(lead(as_of=datetime.fromisoformat("1970-02-01T12:00:00+02:00")))
    assert answer["as_of"] == "1970-02-01T10:00:00Z"


def test_a_refusal_says_what_the_server_says(client) -> None:
    with pytest.raises(Refused) as refused:
        client.score(lead(attributes={"contry": "it"}))
    problem = refused.value.problem
    assert problem["status"] == 422
    assert problem["errors"][0]["field"] == "attributes.contry"
    assert "Known: company_size, country, first_met_at." in str(refused.value)
    assert problem["errors"][0]["law"] in str(refused.value)


def test_names_that_the_model_does_not_know_stop_nobody_who_is_lenient(address, client) -> None:
    strange = lead() | {"attributes": {"gone": "yes"}}
    with pytest.raises(Refused, match="gone"):
        client.score(strange)
    with Client(address, KEY, lenient=True) as lenient:
        assert any("gone" in warning for warning in lenient.score(strange)["warnings"])


def test_a_wrong_key_is_told_at_once(address) -> None:
    with (
        Client(address, "guess", sleep=lambda s: pytest.fail("asked again")) as stranger,
        pytest.raises(Refused, match=r"401 .* Authorization: Bearer KEY"),
    ):
        stranger.model()


def test_a_batch_is_split_by_the_servers_limits_and_answered_in_order(app) -> None:
    counted = Refusing(app, 0)
    leads = [lead(f"L-{number}") for number in range(8)]
    leads[4] = lead("late", created_at="tomorrow")
    with answering(counted) as at, Client(at, KEY) as crm:
        answers = list(crm.score_batch(iter(leads)))
    assert counted.calls == 1 + 3
    told = [a["errors"][0]["field"] if "status" in a else a["lead_id"] for a in answers]
    assert told == ["L-0", "L-1", "L-2", "L-3", "created_at", "L-5", "L-6", "L-7"]


def test_a_batch_is_split_by_bytes_and_a_lead_too_long_stands_alone(client) -> None:
    long = [lead(f"{n}", interactions=[{"occurred_at": CREATED}] * 18) for n in range(3)]
    leads = [*long, lead("huge", interactions=[{"occurred_at": CREATED}] * 60), lead("after")]
    *scored, problem, after = client.score_batch(leads)
    assert [answer["lead_id"] for answer in scored] == ["0", "1", "2"]
    assert problem["status"] == 413
    assert after["lead_id"] == "after"


def test_a_proxy_that_takes_less_is_the_callers_problem(app) -> None:
    with (
        answering(Refusing(app, 9, 413)) as at,
        Client(at, KEY) as crm,
        pytest.raises(Refused, match="413"),
    ):
        list(crm.score_batch([lead("1"), lead("2")]))


def test_a_sample_is_checked(client) -> None:
    answer = client.validate([lead(), lead("A-2", colour="red")])  # type: ignore[arg-type]
    assert (answer["leads"], answer["scored"], answer["refused_if_strict"]) == (2, 2, 1)
    assert "colour" in {finding["field"] for finding in answer["findings"]}


def test_no_leads_give_no_answers(client) -> None:
    assert list(client.score_batch([])) == []


def test_a_full_server_is_asked_again_when_it_says(app) -> None:
    waits: list[float] = []
    with (
        answering(Refusing(app, 2, retry_after="7")) as at,
        Client(at, KEY, sleep=waits.append) as crm,
    ):
        assert crm.score(lead())["lead_id"] == "A-1"
    assert waits == [7.0, 7.0]


@pytest.mark.parametrize(
    ("status", "headers"),
    [(408, {}), (502, {}), (504, {}), (503, {"retry_after": "Fri, 31 Dec 1999 23:59:59 GMT"})],
)
def test_without_a_number_of_seconds_the_waits_double(app, status, headers) -> None:
    waits: list[float] = []
    with (
        answering(Refusing(app, 9, status, **headers)) as at,
        Client(at, KEY, tries=4, sleep=waits.append) as crm,
        pytest.raises(Refused, match=rf"{status} .*<h1>full</h1>"),
    ):
        crm.score(lead())
    assert waits == [0.5, 1.0, 2.0]


def test_a_page_in_front_of_the_server_is_refused_with_what_it_said() -> None:
    async def login(scope, receive, send) -> None:
        await HTMLResponse("<h1>Please sign in</h1>")(scope, receive, send)

    with (
        answering(login) as at,
        Client(at, KEY) as crm,
        pytest.raises(Refused, match=r"200 .*Please sign in"),
    ):
        crm.score(lead())


def test_a_server_that_asks_for_patience_is_not_waited_for(app) -> None:
    refusing = Refusing(app, 9, retry_after=str(int(LONGEST_WAIT_SECONDS) + 1))
    with answering(refusing) as at, Client(at, KEY) as crm, pytest.raises(Refused, match="503"):
        crm.score(lead())
    assert refusing.calls == 1


@pytest.mark.parametrize("status", [301, 400, 500])
def test_what_asking_again_cannot_mend_is_told_at_once(app, status: int) -> None:
    refusing = Refusing(app, 9, status, location="https://elsewhere.example")
    with answering(refusing) as at, Client(at, KEY) as crm, pytest.raises(Refused, match="full"):
        crm.score(lead())
    assert refusing.calls == 1


def test_a_server_that_comes_back_is_reached(app) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ExitStack() as stack:

        def waited(seconds: float) -> None:
            stack.enter_context(answering(app, port))

        crm = stack.enter_context(Client(f"http://127.0.0.1:{port}", KEY, sleep=waited))
        assert crm.score(lead())["lead_id"] == "A-1"


def test_a_server_that_never_comes_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    waits: list[float] = []
    with (
        Client(f"http://127.0.0.1:{port}", tries=3, sleep=waits.append) as crm,
        pytest.raises(ConnectionError, match=rf"127\.0\.0\.1:{port}.*asked 3 times"),
    ):
        crm.model()
    assert len(waits) == 2


def test_a_silent_server_is_given_up() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2) as crm,
        pytest.raises(TimeoutError, match="silent for too long at v1/model"),
    ):
        crm.model()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"created_at": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001 - it is refused
        ({"attributes": {"company_size": float("nan")}}, "finite"),
        ({"attributes": {"country": {"it"}}}, "set is no value of a lead"),
    ],
)
def test_what_json_cannot_carry_is_refused_here_with_the_leads_name(client, wrong, told) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        client.score(lead(**wrong))
    assert "'A-1'" in str(refused.value)


@pytest.mark.parametrize(
    ("given", "law"), [(("ftp://x",), "https://"), (("http://x", "k", 1, 0), "tries")]
)
def test_an_address_and_tries_are_checked(given, law) -> None:
    with pytest.raises(ValueError, match=law):
        Client(*given)


@pytest.mark.process
def test_the_file_works_alone(tmp_path: Path) -> None:
    copy = tmp_path / "scores.py"
    copy.write_text(Path(client_module.__file__).read_text())
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import scores\n"
        "print([m for m in ('fastapi', 'pydantic', 'numpy', 'lightgbm', 'serving') "
        "if m in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-P", "-c", code, tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "[]\n"


def shape(annotation: Any) -> Any:
    """What a type lets through, as JSON Schema says it."""
    options = get_args(annotation)
    match get_origin(annotation):
        case origin if origin is NotRequired:
            return shape(options[0])
        case origin if origin is Literal:
            return {"enum": list(options)}
        case origin if origin is dict:
            return {"additionalProperties": shape(options[1])}
        case origin if origin is list:
            return {"items": shape(options[0])}
        case None if is_typeddict(annotation):
            return {"$ref": f"#/components/schemas/{annotation.__name__}"}
        case None:
            names = {str: "string", float: "number", int: "integer", bool: "boolean"}
            return {"type": names[annotation]} if annotation in names else {}
        case _:
            return [{"type": "null"} if o is type(None) else shape(o) for o in options]


def said(schema: Any) -> Any:
    """The same of a schema in the document."""
    match schema:
        case {"anyOf": options}:
            return [said(option) for option in options]
        case {"const": value}:
            return {"enum": [value]}
        case {"$ref": _} | {"enum": _}:
            return {key: schema[key] for key in ("$ref", "enum") if key in schema}
        case {"items": items}:
            return {"items": said(items)}
        case {"additionalProperties": dict() as values}:
            return {"additionalProperties": said(values)}
        case {"type": "object"}:
            return {"additionalProperties": {}}
        case {"type": kind}:
            return {"type": kind}
        case _:
            return {}


@pytest.fixture(scope="module")
def schemas(app) -> dict[str, Any]:
    document = TestClient(app, headers={"authorization": f"Bearer {KEY}"}).get("/openapi.json")
    return document.json()["components"]["schemas"]


TYPES = {n: t for n, t in vars(client_module).items() if is_typeddict(t)}
SENT = ("Lead", "Interaction")


@pytest.mark.parametrize("name", TYPES)
def test_the_types_have_the_documents_fields(schemas, name: str) -> None:
    assert set(TYPES[name].__annotations__) == set(schemas[name]["properties"])
    required = set(schemas[name].get("required", ()))
    if name == "Problem":  # the client makes one of what a proxy answers, which says less
        required &= {"type", "title", "status", "detail"}
    # An answer may promise more than the document: what has a default is sent all the same.
    assert required <= TYPES[name].__required_keys__
    if name in SENT:
        assert required == TYPES[name].__required_keys__


@pytest.mark.parametrize("name", [name for name in TYPES if name not in SENT])
def test_the_types_of_answers_are_the_documents(schemas, name: str) -> None:
    hints = get_type_hints(TYPES[name])
    for field, schema in schemas[name]["properties"].items():
        assert shape(hints[field]) == said(schema), field
