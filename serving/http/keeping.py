"""Answers on their way into the ledger, and what an answer says of that.

Without a ledger there is no `Keeper`, and SQLAlchemy is never loaded. With one, every answer waits
to be kept by a thread (`ledger.writer`) and says "queued"; it is on the disk a moment later, unless
the process is killed before. In strict mode the answer is sent only once it is on the disk, and
says "kept"; where that takes too long, the call is refused.
"""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future, wait
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ledger.hashing import lead_hash
from ledger.record import Answered, Purpose
from ledger.writer import GATHER_SECONDS, LedgerWriter
from serving.answers.problem import Problem, Refused, problem_of
from serving.answers.recording import Recording
from serving.answers.schemas import LedgerHealth, LedgerState, ScoredLead
from serving.http.load import overload_refusal
from serving.http.settings import Settings
from serving.http.telemetry import Telemetry

if TYPE_CHECKING:
    from ledger.store import Ledger

_LOG = logging.getLogger(__name__)

STRICT_SECONDS = 5.0
"""How long an answer waits to be on the disk, in strict mode."""
FLUSH_ANSWERS_SECONDS = 10.0
"""How long the end of the process waits for answers to be kept."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps the answers of one process.

    Parameters
    ----------
    writer : LedgerWriter
        The thread and its queue.
    is_strict : bool
        Whether an answer waits until it is on the disk.
    recording : Recording
        How answers are recorded; `recording_for` says what each is for.
    location : str
        Where the ledger is.
    """

    writer: LedgerWriter
    is_strict: bool
    recording: Recording
    location: str

    def recording_for(self, purpose: Purpose, contract_version: str) -> Recording:
        """How answers for a purpose are recorded, read by a version of the contract."""
        return replace(self.recording, purpose=purpose, contract_version=contract_version)

    async def keep(self, answer: ScoredLead | Problem) -> ScoredLead | Problem:
        """An answer that says what becomes of it.

        Parameters
        ----------
        answer : ScoredLead or Problem
            A problem is not kept.

        Raises
        ------
        Refused
            503: it is not kept, in strict mode.
        """
        if not self.is_strict:
            return self._offered([answer])[0]
        is_kept = self.writer.put(_records([answer]))
        if not is_kept.done() and not self.writer.is_failing:
            await asyncio.wait([asyncio.wrap_future(is_kept)], timeout=STRICT_SECONDS)
        if not _is_decided_well(is_kept) and isinstance(answer, ScoredLead):
            raise not_kept_refusal()
        return _with_state(answer, "kept")

    def keep_in_thread(self, answers: Sequence[ScoredLead | Problem]) -> list[ScoredLead | Problem]:
        """Answers that say what becomes of them, for a thread that may wait.

        In strict mode those that are not kept become problems.

        Parameters
        ----------
        answers : sequence of ScoredLead or Problem
            They are kept together.
        """
        if not self.is_strict:
            return self._offered(answers)
        is_kept = self.writer.put(_records(answers))
        if not self.writer.is_failing:
            wait([is_kept], timeout=STRICT_SECONDS)
        if _is_decided_well(is_kept):
            return [_with_state(answer, "kept") for answer in answers]
        refusal = problem_of(not_kept_refusal())
        return [answer if isinstance(answer, Problem) else refusal for answer in answers]

    def _offered(self, answers: Sequence[ScoredLead | Problem]) -> list[ScoredLead | Problem]:
        state: LedgerState = "queued" if self.writer.offer(_records(answers)) else "not_kept"
        return [_with_state(answer, state) for answer in answers]

    @property
    def health(self) -> LedgerHealth:
        """Whether the ledger takes answers."""
        return "failing" if self.writer.is_failing else "keeping"

    def history(self, lead_id: str) -> tuple[Answered, ...]:
        """The latest answers about a lead that are kept, the earliest instant first.

        Parameters
        ----------
        lead_id : str
            The lead, as it is named in requests.

        Raises
        ------
        OSError
            The ledger cannot be read now.
        """
        with closing(_open_store(self.location)) as store:
            return store.history(self.recording.name_of(lead_id))

    def close(self) -> None:
        """Keep what waits, and end."""
        self.writer.close(FLUSH_ANSWERS_SECONDS)


def not_kept_refusal() -> Refused:
    """Refusal of an answer that a strict server could not keep."""
    return overload_refusal(
        "The ledger does not take the answer, and none is given that is not kept.", "not_kept"
    )


def _records(answers: Sequence[ScoredLead | Problem]) -> list[Answered]:
    records = (answer.record for answer in answers if isinstance(answer, ScoredLead))
    return [record for record in records if record is not None]


def _is_decided_well(is_kept: Future[bool]) -> bool:
    """Whether answers are kept; what is not decided is taken back: it is refused."""
    return False if is_kept.cancel() else is_kept.result()


def _with_state(answer: ScoredLead | Problem, state: LedgerState) -> ScoredLead | Problem:
    return answer if isinstance(answer, Problem) else replace(answer, ledger=state)


def answer_keeper(settings: Settings, telemetry: Telemetry) -> Keeper | None:
    """Keeper of the answers of one process; None where the settings name no ledger.

    Parameters
    ----------
    settings : Settings
        Those that begin with `ledger`.
    telemetry : Telemetry
        Counts what is kept and lost.

    Raises
    ------
    ValueError
        The key is too short.
    """
    if settings.ledger is None:
        return None
    writer = LedgerWriter(
        partial(_open_store, settings.ledger),
        telemetry.count_ledger,
        0.0 if settings.ledger_strict else GATHER_SECONDS,
    )
    name_of = str if settings.ledger_key is None else lead_hash(settings.ledger_key)
    recording = Recording(
        "work", name_of=name_of, owner=settings.ledger_owner, channel=settings.ledger_channel
    )
    return Keeper(writer, settings.ledger_strict, recording, settings.ledger)


def require_ledger(location: str) -> None:
    """Refuse a ledger that can never be used; one that cannot be reached now is tried again later.

    Parameters
    ----------
    location : str
        As `ledger.store.open_ledger` takes it.

    Raises
    ------
    ValueError
        It names no database that we can use, its driver is not installed, or a newer version of
        the project wrote it.
    """
    try:
        _open_store(location).close()
    except ModuleNotFoundError as error:
        raise ValueError(
            f"--ledger needs the extra `ledger`, {error.name} is missing: "
            "pip install 'lead-temperature[ledger]'."
        ) from error
    except OSError as error:
        _LOG.warning("answers wait to be kept until the ledger can be opened: %s", error)


def _open_store(location: str) -> "Ledger":
    # Here alone the server loads SQLAlchemy.
    from ledger.store import open_ledger

    return open_ledger(location)
