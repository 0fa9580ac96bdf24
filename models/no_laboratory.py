"""A process of our own that trains nothing does without the laboratory's libraries.

pyarrow and LightGBM import pandas and scikit-learn wherever they are installed: two seconds and
150 MB, of which a process that only reads an export or asks a bundle needs nothing. The verbs that
train nothing and the server's processes call `forgo_laboratory` first; both libraries then are as
in an environment that has neither, which is the server's own (D49).

Tests: tests/lead_temperature/test_imports.py.
"""

import sys

NOT_NEEDED = frozenset(["pandas", "sklearn", "matplotlib", "graphviz", "dask"])
"""Packages without which tables are read and bundles asked, with the same bits."""


class _NotInstalled:
    """Finder of modules that finds no package of `NOT_NEEDED`, and lets nobody look further."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Refuse one of the packages; of others other finders know."""
        if name in NOT_NEEDED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def forgo_laboratory() -> None:
    """Make this process one in which the packages of `NOT_NEEDED` are not installed.

    Only for a process that is ours from its beginning to its end: whoever imports us may want
    ``pyarrow.Table.to_pandas`` or ``lightgbm.LGBMClassifier``. What is loaded already stays.
    """
    sys.meta_path.insert(0, _NotInstalled)
