"""Peers on the same rows and features: AutoGluon and FLAML, in an environment of their own.

Each set is split as this project splits it. Ours fits and calibrates on all that was known when the
test begins; a peer is given the same rows as one frame, ready-made features and all, and may do
with it what it likes for as long as its budget lasts. Both are then judged on the same later
rows: the log loss by the paired bootstrap over leads, the time by the clock, features and imports
not counted.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality_known import made_up_export
from benchmarks.quality_logs import BANK_ZIP, LOAN_LOG, bank_export, loan_export, missing
from benchmarks.quality_peer_fit import timed
from benchmarks.quality_peer_run import Answer, peer_answer, peers_python, write_frames
from benchmarks.quality_table import AtLeast, Figure, NotWorse
from benchmarks.quality_truth import SEED as CRM_SEED
from features.progress import Progress, no_progress
from features.tables import Tables
from training.audit.findings import audit
from training.audit.quarantine import without_quarantined
from training.config import Config
from training.dataset.frame import TrainingFrame, training_frame
from training.fitting.bundle import fit_bundle
from training.statistics.paired import LOG_LOSS, paired_difference

LEADS, SMALL_LEADS = 20_000, 2_500
TIMES = 10.0
"""So many times our time a peer's must be, for our time to be a tenth."""
SEED = 1


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer with its budget.

    Parameters
    ----------
    name : str
        In words.
    peer : str
        Of `quality_peer_fit.PEERS`.
    share : float
        Of the minutes that are given.
    """

    name: str
    peer: str
    share: float


PEERS = (
    Peer("FLAML in a tenth of the minutes", "flaml", 0.1),
    Peer("FLAML", "flaml", 1.0),
    Peer("AutoGluon", "autogluon", 1.0),
)


def peer_figures(
    data: Path, home: Path, small: bool, minutes: float, report_progress: Progress
) -> list[Figure]:
    """Every peer on every set.

    Parameters
    ----------
    data : pathlib.Path
        Folder of the real sets; what is not there is skipped.
    home : pathlib.Path
        Folder for the peers' environment and the frames they are given.
    small : bool
        Fewer made-up leads.
    minutes : float
        What the peers may take.
    report_progress : callable
        Called with each stage, the number of its steps that are done, and their total.
    """
    python = peers_python(home / "peers")
    figures = []
    for name, found in _exports(data, small):
        if isinstance(found, Figure):
            figures.append(found)
            continue
        tables, config = found
        frame = _frame(tables, config)
        folder = home / "peer-frames" / name.split(",")[0].replace(" ", "-")
        write_frames(frame, folder)
        mine = our_answer(frame, config)
        for done, peer in enumerate(PEERS):
            report_progress(f"peers on {name}", done, len(PEERS))
            seconds = 60 * minutes * peer.share
            try:
                theirs = peer_answer(python, peer.peer, folder, seconds, config.model.threads)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                figures.append(Figure(name, _what(peer), None, note=str(error)))
                continue
            figures += compared(name, frame, mine, peer, theirs)
        report_progress(f"peers on {name}", len(PEERS), len(PEERS))
    return figures


def _exports(data: Path, small: bool) -> Iterator[tuple[str, tuple[Tables, Config] | Figure]]:
    """Each set with its name; a line that says why in place of one that is not there."""
    leads = SMALL_LEADS if small else LEADS
    crm = made_up_export(leads, CRM_SEED)
    yield f"made-up CRM, {leads:,} leads", (crm.tables, crm.config)
    for name, file, read in (
        ("loan leads", LOAN_LOG, loan_export),
        ("telephone calls", BANK_ZIP, bank_export),
    ):
        absent = missing(data, file, name)
        yield name, absent[0] if absent else read(data)


def _frame(tables: Tables, config: Config) -> TrainingFrame:
    examined = without_quarantined(tables, audit(tables, config.dataset, config.audit))
    return training_frame(examined, config.dataset, no_progress)


def our_answer(frame: TrainingFrame, config: Config) -> Answer:
    """What this project's training says of the hot horizon."""
    split = frame.splits["hot"]
    horizon, cost = timed(lambda: fit_bundle(frame, (), config.fitting, no_progress).bundle.hot)
    probability = horizon.probability(frame.matrix[split.test], config.model.threads)
    return Answer(probability, cost, type(horizon.predictor).__name__)


def compared(
    name: str, frame: TrainingFrame, mine: Answer, peer: Peer, theirs: Answer
) -> list[Figure]:
    """Log loss and time of a peer beside ours.

    Parameters
    ----------
    name : str
        Of the set.
    frame : TrainingFrame
        Which both learned from.
    mine : Answer
    peer : Peer
    theirs : Answer
        The peer's.
    """
    what, test = _what(peer), frame.splits["hot"].test
    converted, lead = frame.labels["hot"].converted[test], frame.spine.lead[test]
    found = paired_difference(LOG_LOSS, converted, lead, mine.probability, theirs.probability, SEED)
    if found is None:
        return [Figure(name, what, None, note="fewer than two leads to compare on")]
    weight = np.ones(len(converted))
    ours, rival = (LOG_LOSS.prepare(converted, one.probability)(weight) for one in (mine, theirs))
    return [
        Figure(
            name,
            what,
            found.advantage,
            found.low,
            found.high,
            NotWorse(),
            f"{ours:.4f} against {rival:.4f} on {len(converted):,} looks; {theirs.about}",
            places=4,
        ),
        Figure(
            name,
            f"time of {peer.name} over ours",
            theirs.cost.seconds / mine.cost.seconds,
            goal=AtLeast(TIMES) if peer.share == 1 else None,
            note=f"{theirs.cost.seconds:.0f} s against {mine.cost.seconds:.1f} s; of the "
            f"processors {theirs.cost.processor_seconds:.0f} s against "
            f"{mine.cost.processor_seconds:.1f} s",
            places=1,
        ),
    ]


def _what(peer: Peer) -> str:
    return f"log loss of {peer.name} minus ours"
