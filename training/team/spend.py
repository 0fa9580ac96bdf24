"""What channels cost: a small table that marketing keeps, beside the leads that it brought.

The table is a CSV file with the columns channel, month, reach, clicks and cost. Each row says for
one channel and month (such as 2025-03) what was paid, how many people saw it and how many clicked.
It is read strictly: a wrong row is an error that names the row, because a channel whose sum lacks a
row looks cheap. Leads are counted only for the months and channels of the table.
"""

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.export.sections import near_miss
from training.dataset.values import EncodedValues
from training.team.grouping import Cohort

COLUMNS = ("channel", "month", "reach", "clicks", "cost")


@dataclass(frozen=True, slots=True)
class SpendRow:
    """One row of the table.

    Parameters
    ----------
    channel : str
        Value of the attribute that holds the channel.
    month : str
        Month in the form "2025-03".
    reach, clicks : int
        Number of people who saw it, and of clicks.
    cost : float
        What was paid, in the currency of the table.
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
        Value of the attribute that holds the channel.
    months, reach, clicks : int
        Number of months in the table, and the sums over them.
    cost : float
        Sum over these months, in the currency of the table.
    leads : int
        Number of leads of the channel that were created in these months.
    bought : int
        Number of these leads that have bought so far.
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
    rows: Sequence[SpendRow], levels: EncodedValues, leads: Cohort, attribute: str
) -> tuple[ChannelSpend, ...]:
    """What each channel cost and brought, the most expensive first.

    Parameters
    ----------
    rows : sequence of SpendRow
        The table of spending.
    levels : EncodedValues
        Channel of each lead.
    leads : Cohort
        The same leads from their creation on.
    attribute : str
        Name of the attribute that holds the channel, for messages.

    Raises
    ------
    ValueError
        The table names a channel that no lead came by.
    """
    codes = {word: code for code, word in enumerate(levels.words[:-1])}
    month = leads.created_at.astype("datetime64[us]").astype("datetime64[M]").astype(str)
    totals = []
    for channel in dict.fromkeys(row.channel for row in rows):
        if channel not in codes:
            raise ValueError(
                f"[report] spend: no lead has {channel!r} as {attribute}."
                f"{near_miss(channel, codes)} Channels: {', '.join(sorted(codes))}."
            )
        of_channel = [row for row in rows if row.channel == channel]
        counted = (levels.codes == codes[channel]) & np.isin(
            month, [row.month for row in of_channel]
        )
        totals.append(
            ChannelSpend(
                channel=channel,
                months=len(of_channel),
                reach=sum(row.reach for row in of_channel),
                clicks=sum(row.clicks for row in of_channel),
                cost=math.fsum(row.cost for row in of_channel),
                leads=int(counted.sum()),
                bought=int((leads.days[counted] <= leads.watched[counted]).sum()),
            )
        )
    return tuple(sorted(totals, key=lambda total: (-total.cost, total.channel)))


def _rows(path: Path, lines: Iterable[list[str]]) -> Iterable[SpendRow]:
    row_numbers: dict[tuple[str, str], int] = {}
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
        first = row_numbers.setdefault((row.channel, row.month), number)
        if first != number:
            raise ValueError(
                f"{path}, row {number}: {row.channel} in {row.month} is in row {first} already."
            )
        yield row
    if not row_numbers:
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
        channel=cells["channel"],
        month=cells["month"],
        reach=int(cells["reach"]),
        clicks=int(cells["clicks"]),
        cost=float(cells["cost"]),
    )
