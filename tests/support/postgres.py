"""A PostgreSQL server for tests: on loopback, with a password that no URL could hold as is."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from tests.support.required import missing

PASSWORD = "p@ss/$w:rd %41"  # noqa: S105 - made up for this server


@dataclass(frozen=True)
class PostgresqlServer:
    """A server that is running.

    Parameters
    ----------
    url : sqlalchemy.URL
        Its database `postgres`, for its user `ana`.
    folder : pathlib.Path
        Where its data are.
    programs : pathlib.Path
        Folder of its programs.
    """

    url: sa.URL
    folder: Path
    programs: Path

    def run(self, program: str, *arguments: str) -> None:
        """Run a program of the server."""
        user = "postgres" if os.geteuid() == 0 else None  # initdb refuses to run as root
        command = [str(self.programs / program), "-D", f"{self.folder}/data", *arguments]
        subprocess.run(
            command,
            user=user,
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=120,
        )

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = (
            f"-p {self.url.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -F"
        )
        self.run("pg_ctl", "-w", "-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, as in a crash."""
        self.run("pg_ctl", "-m", "immediate", "stop")


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A running server; where PostgreSQL is not installed the test is skipped."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    installed = [path for path in homes if (path / "initdb").exists()]
    if not installed and (program := shutil.which("initdb")):
        installed = [Path(program).resolve().parent]
    if not installed:
        missing("initdb is not installed; `apt-get install postgresql` brings it")
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        secret = Path(folder, "password")
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (Path(folder), secret):
                shutil.chown(path, "postgres")
        url = sa.URL.create("postgresql+psycopg", "ana", PASSWORD, "127.0.0.1", port, "postgres")
        server = PostgresqlServer(url, Path(folder), installed[0])
        server.run("initdb", "-U", "ana", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            server.stop()
