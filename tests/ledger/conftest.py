"""Ledgers in a database of their own: SQLite always, PostgreSQL in the slow ring."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ledger.store import Ledger, open_ledger
from tests.support.postgres import PostgresqlServer, postgresql_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresqlServer]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def location(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Where a ledger may be made: a file whose name no URL could hold as is, or a database."""
    if request.param == "sqlite":
        return str(tmp_path / "a?b%20c #d é" / "ledger.db")
    url = request.getfixturevalue("postgres_server").url
    name = f"ledger_{secrets.token_hex(4)}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    monkeypatch.setenv("LEDGER_PASSWORD", url.password)
    return f"postgresql://ana:$LEDGER_PASSWORD@{url.host}:{url.port}/{name}"


@pytest.fixture
def store(location: str) -> Iterator[Ledger]:
    """An empty ledger."""
    ledger = open_ledger(location)
    yield ledger
    ledger.close()
