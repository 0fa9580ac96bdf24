"""Many requests while bundles come and go, one in five of them hostile: nothing is lost.

`SOAK_REQUESTS=100000 SOAK_RELOADS=50` is the whole of it, some ten minutes on two processors.
"""

import http.client
import json
import os
import random
import shutil
import threading
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from benchmarks.serving_load import memory_mib
from models.bundle import load_bundle, save_bundle
from models.golden import GOLDEN, golden_json
from tests.support.bundles import blended, small_bundle
from tests.support.hostile import harmed
from tests.support.served import Served, served

pytestmark = [pytest.mark.slow, pytest.mark.process, pytest.mark.timeout(1_800)]

REQUESTS = int(os.environ.get("SOAK_REQUESTS", "4000"))
RELOADS = int(os.environ.get("SOAK_RELOADS", "10"))
CLIENTS = 4
MAX_GROWTH_MIB = 24.0
"""By how much the server may be larger at the end than after a third of the reloads."""


class Asker(threading.Thread):
    """Asks for its share of the scores, over one connection as long as it holds."""

    def __init__(self, server: Served, versions: set[str]) -> None:
        super().__init__(daemon=True)
        self.server, self.versions = server, versions
        self.statuses: Counter[int] = Counter()
        self.lost: list[str] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=120)
        headers = {"content-type": "application/json"}
        for number in range(REQUESTS // CLIENTS):
            lead = {"lead_id": str(number), "created_at": "1970-01-01T00:00:00Z"}
            try:
                connection.request("POST", "/v1/score", json.dumps(lead), headers)
                answer = connection.getresponse()
                told = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.lost.append(repr(error))
                connection.close()
                continue
            self.statuses[answer.status] += 1
            if answer.status == 200 and (
                told["lead_id"] != str(number) or told["model_version"] not in self.versions
            ):
                self.lost.append(str(told))
            if answer.status == 503 and "code" not in told:
                self.lost.append(str(told))
        connection.close()


def test_no_answer_is_lost_while_good_and_hostile_bundles_come(tmp_path: Path) -> None:
    good = [tmp_path / "first", tmp_path / "second"]
    for folder, seed in zip(good, (7, 8), strict=True):
        bundle = blended(small_bundle(seed=seed))
        save_bundle(bundle, folder, {GOLDEN: golden_json(bundle)})
    served_folder = tmp_path / "bundle"
    shutil.copytree(good[0], served_folder)
    versions = {load_bundle(folder).version for folder in good}
    environment = {"LEAD_TEMPERATURE_RELOAD_SECONDS": "0"}
    with served(served_folder, 2, environment) as server:
        workers = server.children()
        askers = [Asker(server, versions) for _ in range(CLIENTS)]
        for asker in askers:
            asker.start()
        sizes, statuses = list[float](), list[int]()
        for number in range(RELOADS):
            shutil.rmtree(served_folder)
            shutil.copytree(good[number % 2], served_folder)
            if is_hostile := number % 5 == 4:
                (served_folder / GOLDEN).unlink()
                harmed(served_folder, random.Random(number))  # noqa: S311 - no secret
            answer = httpx2.post(f"{server.url}/v1/model/reload", timeout=120)
            statuses.append(answer.status_code)
            assert answer.status_code == 200 or is_hostile, answer.text
            sizes.append(memory_mib(server.process.pid)[0])
        for asker in askers:
            asker.join(1_500)
        assert server.children() == workers
        assert not [line for line in server.log if "request" in line and line["level"] == "error"]
    assert [asker.lost for asker in askers] == [[]] * CLIENTS
    answered = sum((asker.statuses for asker in askers), Counter[int]())
    assert set(answered) <= {200, 503}
    assert answered.total() == REQUESTS // CLIENTS * CLIENTS
    assert answered[200] > 0.9 * answered.total()
    assert statuses.count(409) == RELOADS // 5
    assert max(sizes[-3:]) - max(sizes[: max(1, RELOADS // 3)]) <= MAX_GROWTH_MIB, sizes
