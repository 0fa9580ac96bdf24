"""The server's memory stays flat; `benchmarks/serving_soak.py` asks a hundred thousand times."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.serving_contestants import Server
from benchmarks.serving_soak import MOST_MIB, Sample, Soak, example_lead, soak
from tests.support.served import served

REQUESTS = 20_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thousands_of_requests_of_all_kinds_leave_nothing_behind(bundle_folder: Path) -> None:
    with served(bundle_folder, 1, {"LEAD_TEMPERATURE_LOG_LEVEL": "warning"}) as server:
        asked = Server(server.process.pid, server.url)
        found = soak(asked, example_lead(asked), REQUESTS, lambda _: None)
    assert set(found.statuses) == {200, 400, 404, 422}
    assert found.statuses.total() == REQUESTS
    assert found.growth_mib <= MOST_MIB, found.samples


def test_a_leak_of_a_kilobyte_a_request_would_be_told() -> None:
    counted = range(0, REQUESTS + 1, REQUESTS // 20)
    leaking = Soak(tuple(Sample(n, n, 200 + n / 1_024) for n in counted), Counter())
    assert leaking.growth_mib > MOST_MIB
    flat = Soak(tuple(Sample(n, n, 200 + n % 3) for n in counted), Counter())
    assert flat.growth_mib <= MOST_MIB
