"""A registered version is a model of MLflow's, and answers with the bits of the server."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from lead_temperature.mlflow_model import LeadModel, _load_pyfunc, input_example
from models.bundle import load_bundle, save_bundle
from models.golden import GOLDEN, golden_json
from serving.answers.limits import Limits
from serving.answers.model import served_model
from serving.answers.schemas import ScoredLead
from serving.answers.scorer import score_leads
from tests.support.bundles import unlisted
from tests.support.cards import judged_bundle
from tests.support.stores import new_registry
from training.versions.mlflow_store import INPUT_EXAMPLE, MODEL_LOADER, Registry
from training.versions.registry import ARTIFACT, promote, pull, record

pytestmark = [pytest.mark.mlflow, pytest.mark.process]

LEADS = [
    {
        "lead_id": "a",
        "created_at": "2026-01-01T00:00:00Z",
        "as_of": "2026-01-20T00:00:00Z",
        "attributes": {"country": "it", "company_size": 7},
        "interactions": [
            {
                "occurred_at": "2026-01-18T09:00:00Z",
                "kind": "price_question",
                "measures": {"duration_seconds": 620},
            },
            {"occurred_at": "2026-01-19T09:00:00Z", "kind": "call", "channel": "phone"},
        ],
    },
    {"lead_id": "b", "created_at": "2026-01-05T00:00:00Z", "as_of": "2026-01-20T00:00:00Z"},
    {
        "lead_id": "c",
        "created_at": "2026-01-05T00:00:00Z",
        "as_of": "2026-01-20T00:00:00Z",
        "previous_band": "hot",
        "attributes": None,
        "interactions": [],
    },
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "bundle"
    bundle = save_bundle(judged_bundle(), path)
    save_bundle(bundle, path, {GOLDEN: golden_json(bundle)})
    return path


@pytest.fixture(scope="module")
def registry(tmp_path_factory, folder: Path) -> Registry:
    """A registry in a folder of odd letters, whose first version is the champion."""
    made = new_registry(tmp_path_factory.mktemp("register ‘Übung’ [1]"))
    example = {f"{ARTIFACT}/{INPUT_EXAMPLE}": input_example(load_bundle(folder))}
    promote(made, record(made, folder, example).number)
    return made


@pytest.fixture
def loaded(registry: Registry):
    mlflow.set_tracking_uri(registry.uri)
    yield mlflow.pyfunc.load_model(f"models:/{registry.model}@champion")
    mlflow.set_tracking_uri(None)  # Takes it out of the environment again.


@pytest.fixture(scope="module")
def model(folder: Path) -> LeadModel:
    return _load_pyfunc(str(folder))


def server_answers(folder: Path, reasons: int = 3) -> list[ScoredLead]:
    served = served_model(load_bundle(folder), Limits())
    answers = score_leads(served, LEADS, time.time_ns() // 1_000, reasons)
    assert all(isinstance(answer, ScoredLead) for answer in answers)
    return answers


def require_same(table: pd.DataFrame, answers: list[ScoredLead]) -> None:
    rows = table.to_dict(orient="records")
    for row, answer in zip(rows, answers, strict=True):
        assert row.pop("problem") is None
        assert row == {name: asdict(answer)[name] for name in row}
    assert {"hot_probability", "warm_low", "band", "reasons", "warnings"} <= set(table.columns)


def test_rows_of_a_data_frame_are_answered_as_over_http(model, folder: Path) -> None:
    require_same(model.predict(pd.DataFrame(LEADS)), server_answers(folder))
    require_same(model.predict(LEADS), server_answers(folder))
    assert LEADS[0]["attributes"]["company_size"] == 7


def test_what_a_table_makes_of_lists_and_times_is_understood(
    model, folder: Path, tmp_path: Path
) -> None:
    table = pd.DataFrame(LEADS[:1])
    for name in ("created_at", "as_of"):
        table[name] = pd.to_datetime(table[name])
    table["interactions"] = [np.array(lead) for lead in table["interactions"]]
    require_same(model.predict(table), server_answers(folder)[:1])
    table.to_parquet(tmp_path / "leads.parquet")
    again = pd.read_parquet(tmp_path / "leads.parquet")
    require_same(model.predict(again), server_answers(folder)[:1])


def test_a_lead_that_cannot_be_scored_has_its_problem_in_its_row(model) -> None:
    wrong = {**LEADS[0], "lead_id": "x", "colour": "blue"}
    table = model.predict([LEADS[0], wrong])
    assert table.lead_id.tolist() == ["a", "x"]
    assert table.problem[0] is None
    assert table.problem[1].startswith("colour: ")
    assert table.hot_probability[1] is None
    assert table.hot_probability[0] == model.predict(LEADS[:1]).hot_probability[0]
    (typo,) = model.predict(pd.DataFrame(LEADS[:1]).rename(columns={"as_of": "asof"})).problem
    assert typo.startswith("asof: ")


def test_reasons_are_as_many_as_asked_for(model, folder: Path) -> None:
    require_same(model.predict(LEADS, {"reasons": 1}), server_answers(folder, 1))
    assert [len(r) for r in model.predict(LEADS, {"reasons": 0}).reasons] == [0, 0, 0]
    for reasons in (-1, 21):
        with pytest.raises(ValueError, match=f"from 0 to 20, found {reasons}"):
            model.predict(LEADS, {"reasons": reasons})


@pytest.mark.parametrize("reasons", [None, 2.9, True, "3", float("nan")])
def test_reasons_that_are_no_whole_number_are_refused(model, reasons: object) -> None:
    with pytest.raises(ValueError, match=r"^reasons must be a whole number from 0 to 20, found"):
        model.predict(LEADS, {"reasons": reasons})


@pytest.mark.parametrize(
    "missing", [np.nan, np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT")]
)
def test_a_value_that_is_missing_inside_a_lead_is_a_field_that_is_left_out(
    model, folder: Path, missing: object
) -> None:
    lead = {**LEADS[0], "previous_band": missing}
    lead["attributes"] = {**LEADS[0]["attributes"], "source": missing}
    first, second = LEADS[0]["interactions"]
    first = {**first, "channel": missing, "measures": {**first["measures"], "value": missing}}
    lead["interactions"] = [first, {**second, "measures": missing}]
    require_same(model.predict([lead]), server_answers(folder)[:1])
    require_same(model.predict(pd.DataFrame([lead])), server_answers(folder)[:1])


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 20, tzinfo=UTC),
        pd.Timestamp("2026-01-20", tz="UTC"),
        pd.Timestamp("2026-01-20T09:00:00", tz="Asia/Tokyo"),
    ],
)
def test_a_time_may_be_a_datetime(model, folder: Path, moment: datetime) -> None:
    require_same(model.predict([{**LEADS[0], "as_of": moment}]), server_answers(folder)[:1])


def test_a_time_without_a_zone_is_the_problem_of_its_row(model) -> None:
    for moment in (datetime(2026, 1, 20), np.datetime64("2026-01-20T00:00:00", "ns")):  # noqa: DTZ001
        (problem,) = model.predict([{**LEADS[0], "as_of": moment}]).problem
        assert problem.startswith("as_of: ")
        assert "zone" in problem


def test_a_lead_alone_is_one_row(model, folder: Path) -> None:
    require_same(model.predict(LEADS[0]), server_answers(folder)[:1])
    require_same(model.predict(pd.DataFrame(LEADS).iloc[0]), server_answers(folder)[:1])


@pytest.mark.parametrize("given", [3, "a", None, ["a"], [LEADS[0], 3]])
def test_what_is_no_lead_is_refused(model, given: object) -> None:
    with pytest.raises(TypeError, match=r"^model_input must be a data frame, .* found \w+\. Use"):
        model.predict(given)


def test_a_column_that_is_there_twice_is_refused(model) -> None:
    table = pd.DataFrame(LEADS)
    table = pd.concat([table, table[["as_of"]]], axis=1)
    with pytest.raises(ValueError, match=r"each column once, found 'as_of' 2 times\. Use"):
        model.predict(table)


def test_no_lead_is_no_row(model) -> None:
    table = model.predict(pd.DataFrame(LEADS[:0]))
    assert len(table) == 0
    assert "hot_probability" in table.columns


def test_a_bundle_that_answers_otherwise_than_where_it_was_made_is_not_loaded(
    folder: Path, tmp_path: Path
) -> None:
    changed = json.loads((folder / GOLDEN).read_text())
    changed[0]["answer"]["hot_probability"] += 0.01
    other = tmp_path / "bundle"
    save_bundle(load_bundle(folder), other, {GOLDEN: json.dumps(changed)})
    with pytest.raises(ValueError, match="Golden lead 1"):
        _load_pyfunc(str(other))
    unlisted(other, GOLDEN)
    assert len(_load_pyfunc(str(other)).predict(LEADS)) == len(LEADS)


@pytest.mark.mlflow
def test_the_champion_loaded_by_mlflow_answers_with_the_bits_of_the_server(
    loaded, folder: Path
) -> None:
    assert loaded.metadata.flavors["python_function"]["loader_module"] == MODEL_LOADER
    require_same(loaded.predict(pd.DataFrame(LEADS)), server_answers(folder))
    require_same(loaded.predict(LEADS, params={"reasons": 1}), server_answers(folder, 1))
    assert loaded.predict(loaded.input_example).problem.tolist() == [None] * 2


@pytest.mark.mlflow
def test_a_version_is_pulled_as_before_and_no_file_of_it_is_a_pickle(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    pull(registry, "champion", tmp_path / "bundle")
    for path in folder.iterdir():
        assert (tmp_path / "bundle" / path.name).read_bytes() == path.read_bytes()
    for path in (tmp_path / "bundle").iterdir():
        path.read_text(encoding="utf-8")
    require_same(_load_pyfunc(str(tmp_path / "bundle")).predict(LEADS), server_answers(folder))


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.mlflow
def test_mlflow_serves_the_champion(registry: Registry, folder: Path, tmp_path: Path) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    command += ["-m", f"models:/{registry.model}@champion", "-h", "127.0.0.1", "-p", str(port)]
    bin_folder = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": registry.uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
    }
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        ) as server,
    ):
        try:
            body = json.dumps({"dataframe_records": LEADS, "params": {"reasons": 2}})
            answer = post_when_ready(port, body, server, log)
        finally:
            os.killpg(server.pid, 15)
    rows = answer["predictions"]
    expected = [json.loads(json.dumps(asdict(one))) for one in server_answers(folder, 2)]
    for row, one in zip(rows, expected, strict=True):
        assert row.pop("problem") is None
        assert row == {name: one[name] for name in row}


def post_when_ready(port: int, body: str, server: subprocess.Popen, log: Path) -> dict:
    """What the server answers as soon as it is there."""
    while server.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port)
            connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode()
            assert response.status == 200, text
            return json.loads(text)
        except ConnectionRefusedError:
            time.sleep(0.5)
    raise AssertionError(log.read_text())
