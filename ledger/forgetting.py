"""Erasure: leads and old answers leave the ledger, and their sums stay.

What a grade needs of erased answers is added to the table of sums first, in the same transaction.
Then the database is rewritten, so that no byte of what was erased is left in its files. On
PostgreSQL copies may be left where the database keeps its log, its replicas and its backups: they
follow the rules of whoever runs it.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from features.engine.history import MICROSECONDS_PER_DAY
from ledger.columns import CELL, SumColumns, sums_of
from ledger.schema import ANSWERS_TABLE, OUTCOMES_TABLE, SUMS_TABLE
from ledger.store import Ledger, in_words, read_columns, storable_text

ERASURE_LOCK = 7_267_402_140
"""Number of the lock that keeps two erasures of one PostgreSQL database apart."""
MOST_RETENTION_DAYS = 36_500
"""A century: nothing that was answered is older."""
LEADS_AT_ONCE = 500
"""How many leads one statement names."""


def erase_leads(ledger: Ledger, leads: Sequence[str]) -> int:
    """Erase all answers about some leads, but for their sums.

    Parameters
    ----------
    ledger : Ledger
        The ledger.
    leads : sequence of str
        The leads as they are kept: their ids, or their keyed hashes. One that the ledger does not
        have is no error: nobody can tell that it was erased before.

    Returns
    -------
    int
        How many answers there were.

    Raises
    ------
    OSError
        The database cannot erase them now; nothing was erased, or what was erased may still be in
        its files. The message says which; erasing again ends it.
    """
    distinct = list(dict.fromkeys(map(storable_text, leads)))
    erased = sum(
        _erase(ledger, ANSWERS_TABLE.c.lead.in_(distinct[begin : begin + LEADS_AT_ONCE]))
        for begin in range(0, len(distinct), LEADS_AT_ONCE)
    )
    _rewrite(ledger)
    return erased


def forget_older(ledger: Ledger, days: int, current_time: int) -> int:
    """Erase all answers that are older than a number of days, but for their sums.

    Parameters
    ----------
    ledger : Ledger
        The ledger.
    days : int
        How long answers are kept, from 1 to `MOST_RETENTION_DAYS`.
    current_time : int
        The present, in microseconds since the epoch.

    Returns
    -------
    int
        How many answers there were.

    Raises
    ------
    OSError
        As for `erase_leads`.
    ValueError
        The days are not within these bounds.
    """
    if not 1 <= days <= MOST_RETENTION_DAYS:
        raise ValueError(f"--older-than must be 1 to {MOST_RETENTION_DAYS:,} days, got {days}.")
    erased = _erase(
        ledger, ANSWERS_TABLE.c.received_at < current_time - days * MICROSECONDS_PER_DAY
    )
    _rewrite(ledger)
    return erased


def _erase(ledger: Ledger, condition: sa.ColumnElement[bool]) -> int:
    with ledger.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ERASURE_LOCK)))
        # What is added meanwhile is for the next erasure.
        latest = connection.scalar(sa.select(sa.func.max(ANSWERS_TABLE.c.number))) or 0
        rows = condition & (ANSWERS_TABLE.c.number <= latest)
        answers = read_columns(connection, rows)
        if len(answers) == 0:
            return 0
        _add_sums(connection, sums_of(answers))
        numbers = sa.select(ANSWERS_TABLE.c.number).where(rows)
        connection.execute(sa.delete(OUTCOMES_TABLE).where(OUTCOMES_TABLE.c.answer.in_(numbers)))
        connection.execute(sa.delete(ANSWERS_TABLE).where(rows))
        return len(answers)


def _add_sums(connection: sa.Connection, sums: SumColumns) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(SUMS_TABLE)
    grown = {
        part.name: SUMS_TABLE.c[part.name] + insert.excluded[part.name]
        for part in fields(SumColumns)
        if part.name not in CELL
    }
    rows = [
        dict(zip((part.name for part in fields(SumColumns)), row, strict=True))
        for row in zip(
            *(getattr(sums, part.name).tolist() for part in fields(SumColumns)), strict=True
        )
    ]
    connection.execute(insert.on_conflict_do_update(index_elements=list(CELL), set_=grown), rows)


def _rewrite(ledger: Ledger) -> None:
    """Leave no byte of what was erased in the database's files."""
    engine = ledger.engine
    with in_words(engine.url):
        if engine.dialect.name == "postgresql":
            with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                for table in (ANSWERS_TABLE, OUTCOMES_TABLE):
                    connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table.name}")
            return
        with closing(engine.raw_connection()) as sqlite_connection:
            cursor = sqlite_connection.cursor()
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            is_busy = any(row[0] for row in cursor.fetchall())
    if is_busy:
        raise OSError(
            f"ledger {ledger.name}: the answers are erased, but another process is reading, so "
            "their bytes may still be in its files. Erase again when it has finished."
        )
