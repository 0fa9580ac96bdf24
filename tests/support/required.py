"""What not every machine has: tests that need it are skipped where it is not."""

import importlib.util
from pathlib import Path

import pytest

from features.scale.spark import require_java

DATA = Path(__file__).parents[3] / "shared" / "data"


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
        pytest.skip(str(error))
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed: the extra `spark` brings it.")


def _present(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"the published data set is not here: {path}")
    return path
