"""Running a peer in an environment of its own, which is none of the project's.

Frames travel there as Parquet, the test rows without their outcomes; probabilities travel back. The
environment is made by uv from pinned requirements where it is not there yet.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.quality_peer_fit import CONVERTED, LEAD, PEER_FILES, Cost
from features.arrays import Float64
from training.dataset.frame import TrainingFrame

REQUIREMENTS = Path(__file__).with_name("requirements-peers.txt")
SCRIPT = Path(__file__).with_name("quality_peer_fit.py")
SLACK_SECONDS = 900
"""A peer that is not done so long after its budget is stopped."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Probabilities of the test rows.

    Parameters
    ----------
    probability : float64 array of shape (test rows,)
    cost : Cost
        Of the fit alone.
    about : str
        What was found, in words.
    """

    probability: Float64
    cost: Cost
    about: str


def write_frames(frame: TrainingFrame, folder: Path) -> None:
    """The rows that ours learns from, with their outcomes, and the test rows without.

    Levels of a category are written as words, so that nobody takes them for numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    split = frame.splits["hot"]
    learned = split.refit
    outcomes = {
        CONVERTED: frame.labels["hot"].converted[learned].astype(np.int8),
        LEAD: frame.spine.lead[learned],
    }
    for name, chosen, more in (("train", learned, outcomes), ("test", split.test, {})):
        columns = {}
        for column in range(frame.matrix.shape[1]):
            values = pa.array(frame.matrix[chosen, column], from_pandas=True)
            if column in frame.spec.categorical:
                values = values.cast(pa.int64()).cast(pa.string())
            columns[f"f{column}"] = values
        pq.write_table(pa.table({**columns, **more}), folder / f"{name}.parquet")


def peer_answer(python: Path, peer: str, folder: Path, seconds: float, threads: int) -> Answer:
    """What a peer answers to the frames of a folder, in a process of its own.

    Raises
    ------
    RuntimeError
        The peer failed; its output stands in a file that the message names.
    subprocess.TimeoutExpired
        It was far from done when its budget was over.
    """
    log = folder / f"{peer}.log"
    shutil.rmtree(folder / PEER_FILES, ignore_errors=True)
    command = [python, "-I", SCRIPT, peer, folder, seconds, threads]
    with log.open("w", encoding="utf-8") as file:
        run = subprocess.run(
            [str(word) for word in command],
            cwd=folder,  # peers leave files where they run
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=seconds + SLACK_SECONDS,
            check=False,
        )
    if run.returncode != 0:
        told = log.read_text(encoding="utf-8").strip().rsplit("\n", 1)[-1]
        raise RuntimeError(f"failed: {told} (its output: {folder.name}/{log.name})")
    found = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    probability = pq.read_table(folder / "answer.parquet")["probability"].to_numpy()
    shutil.rmtree(folder / PEER_FILES, ignore_errors=True)
    cost = Cost(found["seconds"], found["processor_seconds"])
    return Answer(probability.astype(np.float64), cost, found["about"])


def peers_python(home: Path, requirements: Path = REQUIREMENTS) -> Path:
    """Interpreter of an environment of peers, which is made where it is not there as required.

    Raises
    ------
    FileNotFoundError
        There is no uv to make it with.
    """
    python, made = home / "bin" / "python", home / requirements.name
    required = requirements.read_text(encoding="utf-8")
    if made.is_file() and made.read_text(encoding="utf-8") == required:
        return python
    uv = require_uv()
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)],
        [uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)],
    ):
        subprocess.run(command, check=True)
    made.write_text(required, encoding="utf-8")
    return python


def require_uv() -> str:
    """Path of uv; where the machine has none, it lies in the project's environment.

    Raises
    ------
    FileNotFoundError
        There is none in either place.
    """
    found = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if found is None:
        raise FileNotFoundError("There is no uv to make environments with: run `make install`.")
    return found
