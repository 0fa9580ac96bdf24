"""One order of the leads for every training, whatever order the export has them in.

Folds, the rows that each tree sees, and resamples are drawn by position. An export whose rows come
in another order is the same export, so it must give the same model.

Tests: tests/test_metamorphic.py.
"""

from dataclasses import replace

from features.tables import Tables


def by_creation(tables: Tables) -> Tables:
    """The export with its leads in the order of their creation, equal ones in that of their ids.

    Interactions and versions of attributes keep their order, which decides nothing.

    Parameters
    ----------
    tables : Tables
        The export.

    Returns
    -------
    Tables
        The same rows.
    """
    order = [("created_at", "ascending"), ("lead_id", "ascending")]
    return replace(tables, leads=tables.leads.sort_by(order))
