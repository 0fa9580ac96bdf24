"""What not every machine has: without it tests are skipped at home, and fail in CI.

CI installs everything (`.ci/run`), so that a test which finds something missing there has found a
mistake. Set ``CI=1`` to see at home what CI sees. Published data sets are not ours to hand on and
no registry has them: without them their tests are skipped everywhere, and the summary counts them.
"""

import importlib
import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import pytest

from features.scale.spark import require_java

SHARED = Path(__file__).parents[3] / "shared"
DATA = SHARED / "data"


def in_ci() -> bool:
    """Whether this is continuous integration, by the variable that all of its services set."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def missing(reason: str) -> NoReturn:
    """Skip the test at home; fail it in CI.

    Parameters
    ----------
    reason : str
        What is missing, and how to get it.
    """
    if in_ci():
        pytest.fail(f"CI must have this: {reason}", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def require_command(name: str, package: str) -> str:
    """Path of a command that a Debian package brings."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed; `apt-get install {package}` brings it")
    return path


def require_module(name: str) -> Any:
    """A module that a package of the development environment brings."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        missing(f"{name} does not load: {error}")


def require_loan_log() -> Path:
    """The published log of the loan leads."""
    return _present(DATA / "bpi2012" / "bpi_challenge_2012_until_2012-01-15.xes.gz")


def require_calls() -> Path:
    """The published telephone campaigns."""
    return _present(DATA / "bank_marketing" / "bank_marketing.zip")


def require_spark() -> None:
    """Java and PySpark."""
    try:
        require_java()
    except OSError as error:
        missing(str(error))
    if importlib.util.find_spec("pyspark") is None:
        missing("PySpark is not installed: `make install-spark` brings it.")


def _present(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"the published data set is not here: {path}", allow_module_level=True)
    return path
