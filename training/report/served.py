"""What came of what was answered, as the report tells it: from a ledger and a later export.

Tests: tests/training/report/test_served.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

from features.tables import Tables
from ledger.store import Ledger
from models.bundle import Bundle
from training.config import SnapshotSettings
from training.monitoring.answers import HorizonName
from training.monitoring.grading import GRADED_KINDS, Grade, Grades, grade_ledger
from training.monitoring.watching import HorizonWatch, watch_ledger
from training.statistics.rates import Outcome


@dataclass(frozen=True, slots=True)
class ServedHorizon:
    """One horizon of what was answered.

    Parameters
    ----------
    grades : Grades
        Answers whose horizon has ended.
    watch : HorizonWatch
        Promises whose horizon still runs.
    """

    grades: Grades
    watch: HorizonWatch

    @property
    def name(self) -> HorizonName:
        """The horizon."""
        return self.grades.horizon

    @property
    def groups(self) -> tuple[Outcome, ...]:
        """Answers in the order of the promise, cut into groups of equal size."""
        return self.grades.reliability

    @property
    def judged(self) -> tuple[Outcome, ...]:
        """Groups in which promise and outcome can be compared."""
        return tuple(group for group in self.groups if group.finding != "unknown")

    @property
    def tables(self) -> tuple[tuple[str, tuple[Grade, ...]], ...]:
        """Grades by kind of group, without kinds of which the ledger says nothing."""
        by_kind = (
            (kind, tuple(grade for grade in self.grades.groups if grade.kind == kind))
            for kind in GRADED_KINDS
        )
        return tuple((kind, grades) for kind, grades in by_kind if any(g.group for g in grades))


def served_horizons(
    ledger: Ledger,
    tables: Tables,
    settings: SnapshotSettings,
    bundle: Bundle | None = None,
    hash_lead: Callable[[str], str] | None = None,
) -> tuple[ServedHorizon, ...]:
    """Grades and watch of both horizons.

    Parameters
    ----------
    ledger : Ledger
        An open ledger.
    tables : Tables
        A later export.
    settings : SnapshotSettings
        When a training looks at leads.
    bundle : Bundle, optional
        The model that serves.
    hash_lead : callable, optional
        Keyed hash that the ledger holds in place of ids (`ledger.hashing`).
    """
    grades = grade_ledger(ledger, tables, hash_lead)
    watches = watch_ledger(ledger, tables, settings, bundle, hash_lead)
    return tuple(ServedHorizon(*pair) for pair in zip(grades, watches, strict=True))
