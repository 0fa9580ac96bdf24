"""The ledger's database: answers go in once, and come out as columns or by lead.

`open_ledger` opens SQLite or PostgreSQL by a URL, or a SQLite file by its name, and brings it to
the newest format. Every process that answers opens it by itself; SQLite's write-ahead log lets many
read while one writes. What a method has done when it returns is on the disk.

SQLite overwrites what is erased (``secure_delete``); `ledger.forgetting` does the rest.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from features.arrays import Bool, Float64
from features.database_urls import database_url, shown_url, without_secrets
from ledger.columns import AnswerColumns, HorizonColumns, SumColumns, Words
from ledger.migrations import migrate
from ledger.record import Answered, HorizonPromise, Purpose, ReasonPoints
from ledger.schema import ANSWERS_TABLE, OUTCOMES_TABLE, SUMS_TABLE

LOCK_SECONDS = 5.0
"""How long a write waits for another process that writes to the same SQLite file."""
STATEMENT_ROWS = 64
"""Rows of one statement on SQLite. Between two rows Python's driver lets other threads go on: in a
server that cost more than the rows did."""
READ_ROWS = 50_000
"""Rows that are fetched together."""
_WRITES = "ledger_writes"
_REFUSALS = (sa.exc.DataError, sa.exc.IntegrityError, sa.exc.ProgrammingError)
"""Errors that come again however often one tries."""


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """What a ledger has of one model and purpose.

    Parameters
    ----------
    model_version : str
        The model.
    purpose : str
        What the answers were for.
    answers, leads : int
        How many answers there are, and about how many leads.
    earliest, latest : int
        When the first and the last question came, in microseconds since the epoch.
    hot_promised : float
        Sum of the hot probabilities.
    """

    model_version: str
    purpose: str
    answers: int
    leads: int
    earliest: int
    latest: int
    hot_promised: float


class Ledger:
    """An open ledger; it may be used by one thread at a time.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database, in the newest format.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._writing = engine.execution_options(**{_WRITES: True})
        dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(ANSWERS_TABLE)
        self._insert = insert.on_conflict_do_nothing(index_elements=["answer_id"])
        self._file = self._identity()

    @property
    def name(self) -> str:
        """The database in words, without a secret."""
        return shown_url(self.engine.url)

    def append(self, answers: Sequence[Answered]) -> None:
        """Add answers in one transaction; an answer that is there already is left as it is.

        Parameters
        ----------
        answers : sequence of Answered
            All of them are added, or none.

        Raises
        ------
        OSError
            The database does not take them now: it is full, locked or gone.
        ValueError
            It can never take one of them.
        """
        if not answers:
            return
        rows = [_row(answer) for answer in answers]
        is_sqlite = self.engine.dialect.name == "sqlite"
        with self.writing() as connection:
            if not is_sqlite:
                connection.execute(self._insert, rows)
            for begin in range(0, len(rows) if is_sqlite else 0, STATEMENT_ROWS):
                _insert_at_once(connection, rows[begin : begin + STATEMENT_ROWS])
        self._require_same_file()

    def read(
        self,
        begin: int | None = None,
        end: int | None = None,
        purposes: Sequence[Purpose] | None = None,
        lead: str | None = None,
    ) -> AnswerColumns:
        """Answers as columns, in the order in which they were added.

        Parameters
        ----------
        begin, end : int, optional
            Only answers whose question came from the first of these instants on and before the
            second, in microseconds since the epoch.
        purposes : sequence of "work", "try" or "batch", optional
            Only answers for one of these.
        lead : str, optional
            Only answers about this lead.

        Raises
        ------
        OSError
            The database cannot be read.
        """
        conditions: list[sa.ColumnElement[bool]] = []
        if begin is not None:
            conditions.append(ANSWERS_TABLE.c.received_at >= begin)
        if end is not None:
            conditions.append(ANSWERS_TABLE.c.received_at < end)
        if purposes is not None:
            conditions.append(ANSWERS_TABLE.c.purpose.in_(purposes))
        if lead is not None:
            conditions.append(ANSWERS_TABLE.c.lead == storable_text(lead))
        with self.reading() as connection:
            return read_columns(connection, *conditions)

    def history(self, lead: str, limit: int = 100) -> tuple[Answered, ...]:
        """The latest answers about one lead, the earliest instant first.

        Parameters
        ----------
        lead : str
            The lead as it is kept: its id, or its keyed hash.
        limit : int
            How many answers at most.

        Raises
        ------
        OSError
            The database cannot be read.
        """
        latest = (
            sa.select(ANSWERS_TABLE)
            .where(ANSWERS_TABLE.c.lead == storable_text(lead))
            .order_by(ANSWERS_TABLE.c.as_of.desc(), ANSWERS_TABLE.c.number.desc())
            .limit(limit)
        )
        with self.reading() as connection:
            rows = connection.execute(latest).mappings().all()
        return tuple(_answered(row) for row in reversed(rows))

    def settle(
        self, answer_id: Sequence[str], horizon: Literal["hot", "warm"], happened: Bool
    ) -> None:
        """Note what came of answers, so that it is known when their leads are erased.

        What was noted before stays as it is.

        Parameters
        ----------
        answer_id : sequence of str
            The answers; those that the ledger does not have are passed over.
        horizon : {"hot", "warm"}
            The horizon that has ended.
        happened : bool array of shape (answers,)
            Whether the lead of each answer converted within it.

        Raises
        ------
        OSError
            The database does not take them.
        """
        outcomes = dict(zip(answer_id, happened.tolist(), strict=True))
        dialect = postgresql if self.engine.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(OUTCOMES_TABLE).on_conflict_do_nothing()
        with self.writing() as connection:
            for some_ids in _chunks(list(outcomes), 500):
                numbers = connection.execute(
                    sa.select(ANSWERS_TABLE.c.number, ANSWERS_TABLE.c.answer_id).where(
                        ANSWERS_TABLE.c.answer_id.in_(some_ids)
                    )
                ).all()
                if numbers:
                    connection.execute(
                        insert,
                        [
                            {"answer": number, "horizon": horizon, "happened": outcomes[name]}
                            for number, name in numbers
                        ],
                    )

    def summary(self) -> tuple[SummaryLine, ...]:
        """How many answers there are of each model and purpose, the earliest model first.

        Raises
        ------
        OSError
            The database cannot be read.
        """
        columns = ANSWERS_TABLE.c
        earliest = sa.func.min(columns.received_at)
        query = (
            sa.select(
                columns.model_version,
                columns.purpose,
                sa.func.count(),
                sa.func.count(columns.lead.distinct()),
                earliest,
                sa.func.max(columns.received_at),
                sa.func.sum(columns.hot_probability),
            )
            .group_by(columns.model_version, columns.purpose)
            .order_by(earliest, columns.model_version, columns.purpose)
        )
        with self.reading() as connection:
            return tuple(SummaryLine(*row) for row in connection.execute(query))

    def sums(self) -> SumColumns:
        """What is left of the answers that were erased.

        Raises
        ------
        OSError
            The database cannot be read.
        """
        with self.reading() as connection:
            rows = connection.execute(sa.select(SUMS_TABLE).order_by(*SUMS_TABLE.primary_key)).all()
        columns: dict[str, Any] = {
            column.name: np.array([row[position] for row in rows], _dtype(column))
            for position, column in enumerate(SUMS_TABLE.columns)
        }
        return SumColumns(**columns)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _identity(self) -> tuple[int, int] | None:
        """Device and number of a SQLite file; None for a server."""
        if self.engine.dialect.name != "sqlite":
            return None
        status = Path(str(self.engine.url.database)).stat()
        return status.st_dev, status.st_ino

    def _require_same_file(self) -> None:
        """Refuse to have written into a file that was removed or replaced meanwhile."""
        try:
            is_same = self._identity() == self._file
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise OSError(f"ledger {self.name}: the file was removed or replaced. Open it again.")

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection within a transaction that reads."""
        with in_words(self.engine.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection within a transaction that writes; at its end all is on the disk."""
        with in_words(self.engine.url), self._writing.begin() as connection:
            yield connection


def open_ledger(location: str, setting: str = "--ledger", *, make: bool = True) -> Ledger:
    """Open a ledger, in the newest format.

    Parameters
    ----------
    location : str
        URL of a database, in which ``$NAME`` stands for a variable of the environment, or the name
        of a SQLite file.
    setting : str
        What named it, for messages.
    make : bool
        Whether a SQLite file that does not exist is made.

    Raises
    ------
    FileNotFoundError
        The file does not exist, and was not to be made.
    OSError
        The database cannot be reached or made.
    ValueError
        The URL is of no database that we can use, or a newer version wrote the ledger.
    """
    url = _ledger_url(location, setting)
    if url.get_backend_name() == "sqlite":
        path = Path(str(url.database))
        if not make and not path.is_file():
            raise FileNotFoundError(
                f"{setting}: {path} does not exist. `serve --ledger` and `score --ledger` make it."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
    with in_words(url, ImportError, TypeError):
        engine = _engine(url)
        with engine.execution_options(**{_WRITES: True}).begin() as connection:
            migrate(connection)
    return Ledger(engine)


def _ledger_url(location: str, setting: str) -> sa.URL:
    if "://" not in location and not location.startswith("$"):
        # Built, never pasted: a file's name may hold ? or %.
        return sa.URL.create("sqlite", database=location)
    url = database_url(location, setting)
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ValueError(
            f"{setting} must name SQLite or PostgreSQL, got {url.get_backend_name()}. Use "
            "'sqlite:///artifacts/ledger.db' or 'postgresql://user:$PASSWORD@host/database'."
        )
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError(f"{setting} must name a file: what is in memory is gone with the process.")
    return url


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() == "postgresql":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": LOCK_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the event below begins transactions
        _write_ahead(connection)
        for setting in (
            "synchronous = FULL",  # a commit outlives the machine's power
            "secure_delete = ON",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {setting}").close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A transaction that reads before it writes could not get the lock for writing any more.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch a file to the write-ahead log; SQLite does not wait where another one does so."""
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def in_words(url: sa.URL, *errors: type[Exception]) -> Iterator[None]:
    """Say in the driver's words, and nobody's secrets, what the database does not do.

    Parameters
    ----------
    url : sqlalchemy.URL
        The database.
    *errors : type of Exception
        What is reworded beside SQLAlchemy's own errors.

    Raises
    ------
    ValueError
        The database can never take what it was given.
    OSError
        In place of every other such error.
    """
    reworded: tuple[type[Exception], ...] = (sa.exc.SQLAlchemyError, sqlite3.Error, *errors)
    try:
        yield
    except reworded as error:
        words = (str(getattr(error, "orig", None) or error).strip().splitlines() or [""])[0]
        kind = ValueError if isinstance(error, _REFUSALS) else OSError
        raise kind(f"ledger {shown_url(url)}: {without_secrets(words, url)}") from None


def _insert_at_once(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows by one statement of SQLite, whose driver keeps the parsed text."""
    names = list(rows[0])
    values = f"({', '.join('?' * len(names))})"
    # No value is in the text: only the names of our columns are.
    text = f"INSERT INTO answers ({', '.join(names)}) VALUES {', '.join([values] * len(rows))}"  # noqa: S608
    connection.exec_driver_sql(
        f"{text} ON CONFLICT (answer_id) DO NOTHING",
        tuple(row[name] for row in rows for name in names),
    )


def storable_text(text: str) -> str:
    r"""Text as every database takes it: U+0000 is drawn as ␀, lone surrogates are spelled out.

    Parameters
    ----------
    text : str
        A lead's id, or another text of an answer.

    Examples
    --------
    >>> storable_text("a\0b")
    'a␀b'
    """
    return text.replace("\0", "␀").encode("utf-8", "backslashreplace").decode()


def _storable(text: str | None) -> str | None:
    return None if text is None else storable_text(text)


def _row(answer: Answered) -> dict[str, Any]:
    """An answer as a row of `ANSWERS_TABLE`."""
    hot, warm = answer.hot, answer.warm
    reasons = [[reason.signal, reason.points] for reason in answer.reasons]
    return {
        "answer_id": answer.answer_id,
        "lead": storable_text(answer.lead),
        "as_of": answer.as_of,
        "received_at": answer.received_at,
        "model_version": answer.model_version,
        "contract_version": answer.contract_version,
        "hot_days": hot.days,
        "hot_probability": hot.probability,
        "hot_low": hot.low,
        "hot_high": hot.high,
        "warm_days": None if warm is None else warm.days,
        "warm_probability": None if warm is None else warm.probability,
        "warm_low": None if warm is None else warm.low,
        "warm_high": None if warm is None else warm.high,
        "band": answer.band,
        "previous_band": answer.previous_band,
        "doubt": answer.doubt,
        "reasons": storable_text(_JSON(reasons)),
        "features": answer.features,
        "purpose": answer.purpose,
        "owner": _storable(answer.owner),
        "channel": _storable(answer.channel),
    }


def _answered(row: sa.RowMapping) -> Answered:
    """The answer of a row."""
    hot, warm = (
        None
        if row[f"{horizon}_days"] is None
        else HorizonPromise(
            *(row[f"{horizon}_{part}"] for part in ("days", "probability", "low", "high"))
        )
        for horizon in ("hot", "warm")
    )
    assert hot is not None  # noqa: S101 - the column is never null
    reasons = tuple(ReasonPoints(signal, points) for signal, points in json.loads(row["reasons"]))
    return Answered(
        **{name: row[name] for name in _SAME},
        hot=hot,
        warm=warm,
        doubt=bool(row["doubt"]),
        features=bytes(row["features"]),
        reasons=reasons,
    )


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_SAME = ("lead", "as_of", "received_at", "model_version", "contract_version", "band",
         "previous_band", "purpose", "owner", "channel")  # fmt: skip
"""Columns that are fields of an answer as they are."""
_TEXT_COLUMNS = ("answer_id", "lead", "model_version", "contract_version", "band", "previous_band",
                 "features", "purpose", "owner", "channel")  # fmt: skip
_COLUMNS = [column for column in ANSWERS_TABLE.columns if column.name not in ("number", "reasons")]


def read_columns(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> AnswerColumns:
    """Answers that meet all conditions, as columns, in the order in which they were added.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Within a transaction.
    *conditions : sqlalchemy expressions
        Over the columns of `ledger.schema.ANSWERS_TABLE`.
    """
    outcomes = [OUTCOMES_TABLE.alias(horizon) for horizon in ("hot", "warm")]
    source: sa.FromClause = ANSWERS_TABLE
    for outcome in outcomes:
        is_own = (outcome.c.answer == ANSWERS_TABLE.c.number) & (outcome.c.horizon == outcome.name)
        source = source.outerjoin(outcome, is_own)
    query = (
        sa.select(*_COLUMNS, *(outcome.c.happened for outcome in outcomes))
        .select_from(source)
        .where(*conditions)
        .order_by(ANSWERS_TABLE.c.number)
        .execution_options(yield_per=READ_ROWS)
    )
    result = connection.execute(query)
    parts = [list(zip(*rows, strict=True)) for rows in result.partitions()]
    names = [column.name for column in _COLUMNS] + ["hot_happened", "warm_happened"]
    columns = {
        name: [value for part in parts for value in part[position]]
        for position, name in enumerate(names)
    }
    return AnswerColumns(
        **{name: _words(columns[name]) for name in _TEXT_COLUMNS},
        as_of=np.array(columns["as_of"], np.int64),
        received_at=np.array(columns["received_at"], np.int64),
        doubt=np.array(columns["doubt"], bool),
        hot=_horizon_columns(columns, "hot"),
        warm=_horizon_columns(columns, "warm"),
    )


def _horizon_columns(columns: Mapping[str, Sequence[Any]], horizon: str) -> HorizonColumns:
    return HorizonColumns(
        days=np.array([days or 0 for days in columns[f"{horizon}_days"]], np.int64),
        probability=_floats(columns[f"{horizon}_probability"]),
        low=_floats(columns[f"{horizon}_low"]),
        high=_floats(columns[f"{horizon}_high"]),
        happened=_floats(columns[f"{horizon}_happened"]),
    )


def _floats(values: Sequence[float | None]) -> Float64:
    """Numbers, NaN for None."""
    return np.array(values, np.float64)


def _words(values: Sequence[object]) -> Words:
    words = np.empty(len(values), object)
    words[:] = values
    return words


def _dtype(column: "sa.Column[Any]") -> type:
    python_type = column.type.python_type
    return {str: object, int: np.int64, float: np.float64}[python_type]


def _chunks(values: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (values[begin : begin + size] for begin in range(0, len(values), size))
