"""When an export was made, where nobody says so, and what in it lies later.

The end of the data decides which looks at a lead are learned from: a horizon that had not ended by
then is no outcome. An end that is too late makes failures of leads that have not had their time; an
end that is too early only leaves rows out. So without ``ends_at`` the end is taken from what a CRM
writes down as it happens: the creation of leads, and the recording of interactions and attributes.
Conversions and closings are not looked at (the end must not depend on the outcome), and neither is
the odd interaction: meetings are booked ahead. Whatever lies later stays in the tables, where the
two clocks keep it out of every feature; `times_after_end` names it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Int64
from features.engine.history import MICROSECONDS_PER_DAY
from features.tables import Tables

# What was recorded after so long a silence does not count if it is no more than a hundredth of
# all: it is a typing error (a lead created in 2106), no second life of the CRM.
SILENT_DAYS = 90
BULK = 0.99
# Of fewer times nobody can say which is the odd one.
FEWEST = 20
# Interactions that were not recorded apart count up to here: fewer than one in twenty is booked
# ahead. They matter where leads ceased to be created long before the export was made.
OCCURRED = 0.95


@dataclass(frozen=True, slots=True)
class TimesAfterEnd:
    """Times of one kind that lie after the end of the data.

    Attributes
    ----------
    table, column : str
        Where they stand.
    rows : int
        How many there are.
    latest : int
        The latest of them, in microseconds since the epoch.
    """

    table: str
    column: str
    rows: int
    latest: int


def latest_recording(leads: pa.Table, interactions: pa.Table, log: pa.Table) -> int:
    """End of the data where the configuration names none.

    Parameters
    ----------
    leads, interactions, log : pa.Table
        Good rows, as `Tables` has them.

    Returns
    -------
    int
        Microseconds since the epoch: the latest time at which something was recorded, but for
        a last hundredth that follows on 90 silent days; or, where that is later, the time by which
        95 % of the interactions that were not recorded apart had occurred. 0 without any time.
    """
    occurred = _micros(interactions["occurred_at"])
    recorded = _micros(interactions["recorded_at"])
    apart = recorded != occurred
    recording_times = [_micros(leads["created_at"]), _micros(log["recorded_at"]), recorded[apart]]
    ends = [_before_the_silence(np.concatenate(recording_times))]
    if not apart.all():
        ends.append(int(np.quantile(occurred[~apart], OCCURRED, method="lower")))
    return max(ends)


def first_in_use(times: Int64) -> int:
    """Earliest time, but for a first hundredth that precedes 90 silent days.

    One lead that was created years before all others, by a typing error or in another system, must
    not make the time that is learned from begin there.

    Parameters
    ----------
    times : int64 array of shape (times,)
        Instants in microseconds, at least one.
    """
    return -_before_the_silence(-times)


def times_after_end(tables: Tables) -> tuple[TimesAfterEnd, ...]:
    """Times in an export that lie after its end, by table and column.

    Returns
    -------
    tuple of TimesAfterEnd
        Empty when there is none.
    """
    return tuple(_later(tables))


def _later(tables: Tables) -> Iterator[TimesAfterEnd]:
    for table, column, times in (
        ("leads", "created_at", tables.leads["created_at"]),
        ("leads", "converted_at", tables.leads["converted_at"]),
        ("leads", "closed_at", tables.leads["closed_at"]),
        ("interactions", "occurred_at", tables.interactions["occurred_at"]),
        ("interactions", "recorded_at", _recorded_apart(tables.interactions)),
        ("attributes", "recorded_at", tables.attribute_log["recorded_at"]),
    ):
        instants = _micros(times.drop_null())
        later = instants[instants > tables.data_end]
        if len(later):
            yield TimesAfterEnd(table, column, len(later), int(later.max()))


def _recorded_apart(interactions: pa.Table) -> pa.ChunkedArray:
    """Times of recording that are not those of the interactions themselves."""
    recorded = interactions["recorded_at"]
    return recorded.filter(pc.not_equal(recorded, interactions["occurred_at"]))


def _before_the_silence(times: Int64) -> int:
    """Latest time, but for a last hundredth that follows on a long silence."""
    if len(times) == 0:
        return 0
    times = np.sort(times)
    if len(times) < FEWEST:
        return int(times[-1])
    tail = times[int(BULK * (len(times) - 1)) :]
    silent = np.flatnonzero(np.diff(tail) > SILENT_DAYS * MICROSECONDS_PER_DAY)
    return int(tail[silent[0]] if len(silent) else tail[-1])


def _micros(times: pa.ChunkedArray) -> Int64:
    return np.asarray(times.cast(pa.int64()).to_numpy(), np.int64)
