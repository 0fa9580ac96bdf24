"""What is costly to make is made once and kept, under a hash of the code that makes it.

A trained bundle depends on nothing but the code and its recipe. `cached` therefore keeps the folder
that a recipe fills under ``artifacts/test-cache``, in a folder named after a hash of every
file of the product, of the lock file, of the installed libraries and of the recipe itself: after
any change it is made anew. A folder appears under its name only when it is whole, and of several
processes that ask at once one makes it while the others wait.
"""

import fcntl
import hashlib
import inspect
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "artifacts" / "test-cache"
ROOMS = ("features", "models", "ledger", "training", "serving", "lead_temperature", "tests/support")
LIBRARIES = ("duckdb", "lightgbm", "mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy")
MADE_IN = ".made_in"
"""File in a kept folder that says which folder its recipe filled, as absolute addresses name it."""
KEPT = 4
"""How many folders of one name are kept; the oldest go first."""


@cache
def code_hash(root: Path = ROOT) -> str:
    """Hash of all files of product and recipes, the lock file and the installed libraries."""
    digest = hashlib.sha256(sys.version.encode())
    paths = [path for room in ROOMS for path in (root / room).rglob("*") if path.suffix != ".pyc"]
    for path in sorted([*paths, root / "uv.lock", root / "tests" / "conftest.py"]):
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
            digest.update(content)
    for library in LIBRARIES:
        digest.update(f"{library} {_version(library)}\n".encode())
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"


def cached(
    name: str, make: Callable[[Path], None], folder: Path = CACHE, code: str | None = None
) -> Path:
    """Folder that a recipe has filled, by this code; to be read or copied, never changed.

    Parameters
    ----------
    name : str
        What the folder holds; a part of its name.
    make : callable
        Recipe. It fills the empty folder that it is given; its own text is a part of the hash.
    folder : pathlib.Path
        Folder of all that is kept.
    code : str or None
        Hash of the code in place of the present one, for tests.
    """
    key = hashlib.sha256(f"{code or code_hash()}{inspect.getsource(make)}".encode()).hexdigest()
    kept = folder / f"{name}-{key[:20]}"
    if kept.is_dir():
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f"{name}.lock"):
        if kept.is_dir():  # another process has just made it
            return kept
        part = Path(tempfile.mkdtemp(prefix=f"part-{name}-", dir=folder))
        try:
            make(part)
            (part / MADE_IN).write_text(os.fspath(part), encoding="utf-8")
            part.rename(kept)
        except BaseException:
            shutil.rmtree(part)
            raise
        earlier = sorted(folder.glob(f"{name}-{'?' * 20}"), key=lambda path: path.stat().st_mtime)
        for old in earlier[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    return kept


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Alone among the processes that ask for the same lock; it ends with its process."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copy_kept(source: Path, target: Path) -> None:
    """Copy a kept folder to be worked in; MLflow's stores in it then name the copy.

    Parameters
    ----------
    source : pathlib.Path
        What `cached` gave.
    target : pathlib.Path
        Folder of the copy; it may exist, but holds nothing that the source holds.
    """
    # MLflow remembers by a run's id where its files lie: those of the copy lie elsewhere.
    if (mlflow := sys.modules.get("mlflow.tracking._tracking_service.utils")) is not None:
        mlflow._artifact_repos_cache.clear()
    made_in = Path((source / MADE_IN).read_text(encoding="utf-8"))
    ignored = shutil.ignore_patterns(MADE_IN)
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignored)
    for path in target.rglob("mlflow.db"):
        with closing(sqlite3.connect(path)) as store, store:
            for table, column in _text_columns(store):
                for old, new in (
                    (made_in.as_uri(), target.as_uri()),
                    (os.fspath(made_in), os.fspath(target)),
                ):
                    store.execute(  # names come from the database itself
                        f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) '  # noqa: S608
                        f'WHERE instr("{column}", ?)',
                        (old, new, old),
                    )


def _text_columns(store: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [
        (table, column)
        for (table,) in tables
        for _, column, kind, *_ in store.execute(f'PRAGMA table_info("{table}")').fetchall()
        if kind.upper().startswith(("VARCHAR", "TEXT", "CHAR"))
    ]
