"""Whatever a bundle does to the process that proves it, it is a refusal and nothing more."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from models.bundle import load_bundle
from serving.http.settings import Settings
from serving.process import prover
from serving.process.prover import ProvedBundle, proof, prove
from tests.support.folders import contents

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def private_folder(tmp_path: Path) -> Path:
    (tmp_path / "private").mkdir()
    return tmp_path / "private"


def proved(folder: Path, private_folder: Path) -> ProvedBundle:
    return asyncio.run(prove(folder, private_folder, Settings(), ENVIRONMENT))


@pytest.mark.process
def test_a_good_bundle_is_copied_and_named(bundle_folder: Path, private_folder: Path) -> None:
    bundle = proved(bundle_folder, private_folder)
    assert bundle.version == load_bundle(bundle_folder).version
    assert bundle.folder.parent == private_folder
    assert contents(bundle.folder) == contents(bundle_folder)


@pytest.mark.process
def test_a_refusal_leaves_nothing_behind(tmp_path: Path, private_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"absent is not a bundle: it has no manifest\.json"):
        proved(tmp_path / "absent", private_folder)
    assert list(private_folder.iterdir()) == []


ENDS = {
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "by signal SIGSEGV",
    "raise SystemExit(3)": "by code 3",
    "print(60_000 * '[')": "what is no verdict",
    """import sys; sys.stdout.write('{"version": "' + 10**6 * "x")""": "what is no verdict",
}


@pytest.mark.process
@pytest.mark.parametrize("code", ENDS)
def test_a_prover_that_ends_is_a_refusal(
    code: str, bundle_folder: Path, private_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prover, "_PROVER", code)
    with pytest.raises(ValueError, match=ENDS[code]):
        proved(bundle_folder, private_folder)
    assert list(private_folder.iterdir()) == []


@pytest.mark.process
def test_a_prover_that_hangs_is_a_refusal(
    bundle_folder: Path, private_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prover, "_PROVER", "import time; time.sleep(100)")
    monkeypatch.setattr(prover, "PROVE_SECONDS", 0.2)
    with pytest.raises(ValueError, match=r"longer than 0\.2 s"):
        proved(bundle_folder, private_folder)
    assert list(private_folder.iterdir()) == []


LOADED_BEFORE_LIMITS = """
import sys
from serving.process import prover

prover.limit_this_process = lambda: sys.exit(7 if "lightgbm" in sys.modules else 3)
prover.main()
"""


@pytest.mark.slow
@pytest.mark.process
def test_the_limits_are_on_the_bundle_and_not_on_the_libraries(
    bundle_folder: Path, private_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prover, "_PROVER", LOADED_BEFORE_LIMITS)
    with pytest.raises(ValueError, match="by code 7"):
        proved(bundle_folder, private_folder)


LIMITED = """
import sys
from serving.process import prover
prover.PROVE_CPU_SECONDS, prover.PROVE_BYTES = 1, 100 * 2**20
prover.limit_this_process()
"""
GREEDY = {
    "while True: pass": -signal.SIGXCPU,
    "try:\n    bytearray(200 * 2**20)\nexcept MemoryError: sys.exit(7)": 7,
    "try:\n    [open('/dev/null') for _ in range(100)]\nexcept OSError: sys.exit(7)": 7,
}


@pytest.mark.process
@pytest.mark.parametrize("code", GREEDY)
def test_a_prover_has_bounded_time_memory_and_files(code: str) -> None:
    async def ended() -> int:
        child = await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", LIMITED + code], env=ENVIRONMENT
        )
        return await child.wait()

    assert asyncio.run(ended()) == GREEDY[code]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("It is odd."), "It is odd."),
        (MemoryError(), "It needs more memory than a bundle may. Train the bundle again."),
        (KeyError("secret"), "KeyError while it was read. Train the bundle again."),
    ],
)
def test_a_refusal_is_said_in_words(
    error: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> str:
        raise error

    monkeypatch.setattr("serving.process.proof.prove_bundle", fails)
    assert proof(tmp_path, tmp_path, Settings()) == {"refused": words}
    assert json.dumps(words)
