"""What channels cost: a small table that marketing keeps, beside the leads that came of it.

The table is a CSV file with the columns channel, month, reach, clicks and cost: one row for each
channel and month (such as 2025-03), with what was paid, how many people saw it and how many
clicked. It is read strictly. A wrong row is an error that names the line, because a sum that lacks
a row looks like a bargain. Leads are counted for the months and channels of the table alone.
"""

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.export.mapping import near_miss
from training.dataset.values import Coded
from training.team.grouping import Cohort

COLUMNS = ("channel", "month", "reach", "clicks", "cost")


@dataclass(frozen=True, slots=True)
class SpendRow:
    """One row of the table.

    Parameters
    ----------
    channel : str
    month : str
        Such as "2025-03".
    reach, clicks : int
    cost : float
        In whatever currency the table is kept.
    """

    channel: str
    month: str
    reach: int
    clicks: int
    cost: float

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", self.month):
            raise ValueError(f"month must be such as 2025-03, got {self.month!r}")
        if not 0 <= self.clicks <= self.reach:
            raise ValueError(
                f"clicks must be from 0 to reach, got {self.clicks} of a reach of {self.reach}"
            )
        if not (math.isfinite(self.cost) and self.cost >= 0):
            raise ValueError(f"cost must be a number from 0 on, got {self.cost}")


@dataclass(frozen=True, slots=True)
class ChannelSpend:
    """What one channel cost and brought in the months that the table has for it.

    Parameters
    ----------
    channel : str
    months, reach, clicks : int
    cost : float
    leads : int
        Created in these months.
    bought : int
        Of these leads, so far.
    """

    channel: str
    months: int
    reach: int
    clicks: int
    cost: float
    leads: int
    bought: int

    @property
    def cost_per_lead(self) -> float | None:
        """Cost of one lead; None where none came."""
        return self.cost / self.leads if self.leads else None

    @property
    def cost_per_purchase(self) -> float | None:
        """Cost of one lead that bought; None where none did."""
        return self.cost / self.bought if self.bought else None


def read_spend(path: Path) -> tuple[SpendRow, ...]:
    """Rows of a table of spending.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        A column is missing or unknown, a row breaks a rule, or a channel's month is there twice.
    """
    if not path.is_file():
        raise FileNotFoundError(f"[report] spend: {path} does not exist.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return tuple(_rows(path, csv.reader(file, strict=True)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV file in UTF-8: {error}.") from error


def channel_spend(
    spent: Sequence[SpendRow], levels: Coded, leads: Cohort, attribute: str
) -> tuple[ChannelSpend, ...]:
    """What each channel cost and brought, dearest first.

    Parameters
    ----------
    spent : sequence of SpendRow
    levels : Coded
        Channel of each lead.
    leads : Cohort
    attribute : str
        That holds the channel, for messages.

    Raises
    ------
    ValueError
        The table names a channel that no lead came by.
    """
    codes = {word: code for code, word in enumerate(levels.words[:-1])}
    month = leads.created_at.astype("datetime64[us]").astype("datetime64[M]").astype(str)
    found = []
    for channel in dict.fromkeys(one.channel for one in spent):
        if channel not in codes:
            raise ValueError(
                f"[report] spend: no lead has {channel!r} as {attribute}."
                f"{near_miss(channel, codes)} Channels: {', '.join(sorted(codes))}."
            )
        rows = [one for one in spent if one.channel == channel]
        came = (levels.codes == codes[channel]) & np.isin(month, [one.month for one in rows])
        found.append(
            ChannelSpend(
                channel,
                len(rows),
                sum(one.reach for one in rows),
                sum(one.clicks for one in rows),
                math.fsum(one.cost for one in rows),
                int(came.sum()),
                int((leads.days[came] <= leads.watched[came]).sum()),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.cost, one.channel)))


def _rows(path: Path, lines: Iterable[list[str]]) -> Iterable[SpendRow]:
    seen: dict[tuple[str, str], int] = {}
    header: list[str] | None = None
    for number, cells in enumerate(lines, start=1):
        if header is None:
            header = cells
            if sorted(header) != sorted(COLUMNS):
                raise ValueError(
                    f"{path}: the columns must be {', '.join(COLUMNS)}, got {', '.join(header)}."
                )
            continue
        try:
            row = _row(dict(zip(header, cells, strict=True)))
        except ValueError as error:
            raise ValueError(f"{path}, row {number}: {error}.") from error
        first = seen.setdefault((row.channel, row.month), number)
        if first != number:
            raise ValueError(
                f"{path}, row {number}: {row.channel} in {row.month} is in row {first} already."
            )
        yield row
    if not seen:
        raise ValueError(f"{path} has no rows. It needs one for each channel and month.")


def _row(cells: dict[str, str]) -> SpendRow:
    for name in ("reach", "clicks"):
        if not re.fullmatch(r"\d+", cells[name], re.ASCII):
            raise ValueError(f"{name} must be a whole number, got {cells[name]!r}")
    if not re.fullmatch(r"\d+(\.\d+)?", cells["cost"], re.ASCII):
        raise ValueError(f"cost must be a number such as 1250.50, got {cells['cost']!r}")
    if not cells["channel"]:
        raise ValueError("channel must not be empty")
    return SpendRow(
        cells["channel"],
        cells["month"],
        int(cells["reach"]),
        int(cells["clicks"]),
        float(cells["cost"]),
    )
