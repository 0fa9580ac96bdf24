"""Telephone marketing of a Portuguese bank (UCI Bank Marketing) as a CRM export.

`python benchmarks/bank_marketing.py convert ZIP DIR` reads the zip as published (in it
`bank-additional.zip`, in that `bank-additional-full.csv`: 41,188 calls that offered a term deposit)
and writes `leads.csv` and a `lead_temperature.toml` that reads it. There are no interactions: the
set shows that an export of attributes alone is served too.

The data: S. Moro, P. Cortez, P. Rita, *A data-driven approach to predict the success of bank
telemarketing*, Decision Support Systems 62 (2014), doi:10.1016/j.dss.2014.03.001; UCI Machine
Learning Repository, data set 222.

Every row is a lead, created when the call is made and scored at that moment.

**Time is partly assumed.** Rows are in the order of time, from May 2008 to November 2010, and name
the month but neither year nor day. Months run on, so a month earlier in the calendar than the one
before it begins a new year. Within a month the calls are spread evenly, in the order of the rows;
the month of `created_at` is a fact, its day and hour are an assumption. The weekday in the column
`day_of_week` is a fact and need not be that of `created_at`.

**The outcome is that of the call**: `converted_at` (y = yes) or `closed_at` (y = no) is
`created_at` plus one hour. The data end one day after the last month, when the hot horizon of the
last call has ended.

**What must not be used.** `duration` is the length of the very call whose result is predicted; it
stays in `leads.csv`, so that an audit can find it, but is not declared as known at creation. `age`
and `marital_status` are sensitive and stay out unless `allow_sensitive` names them. `month` and `y`
are told by the times and are not repeated.

"unknown" and the 999 of `pdays` (never contacted before) become missing values. Columns keep their
names, with `_` for `.`, but `marital`, which is called `marital_status`.
"""

import csv
import io
import zipfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import typer

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIRST_YEAR = 2008
_OUTCOME_AFTER, _HOT_HORIZON = timedelta(hours=1), timedelta(days=1)
_INNER_ZIP = "bank-additional.zip"
_TABLE = "bank-additional/bank-additional-full.csv"
_COLUMNS = {  # ours: theirs
    "age": "age",
    "job": "job",
    "marital_status": "marital",
    "education": "education",
    "default": "default",
    "housing": "housing",
    "loan": "loan",
    "contact": "contact",
    "day_of_week": "day_of_week",
    "duration": "duration",
    "campaign": "campaign",
    "pdays": "pdays",
    "previous": "previous",
    "poutcome": "poutcome",
    "emp_var_rate": "emp.var.rate",
    "cons_price_idx": "cons.price.idx",
    "cons_conf_idx": "cons.conf.idx",
    "euribor3m": "euribor3m",
    "nr_employed": "nr.employed",
}

_CONFIG = """\
# UCI Bank Marketing. S. Moro, P. Cortez, P. Rita, Decision Support Systems 62 (2014),
# doi:10.1016/j.dss.2014.03.001

[data]
ends_at = "{ends_at}"   # a day after the last month, when the last call's hot horizon has ended

[leads]
source = "leads.csv"
# duration is missing here on purpose: it is the length of the call whose outcome is predicted.
fixed_at_creation = [
    "age", "job", "marital_status", "education", "default", "housing", "loan", "contact",
    "day_of_week", "campaign", "pdays", "previous", "poutcome",
    "emp_var_rate", "cons_price_idx", "cons_conf_idx", "euribor3m", "nr_employed",
]
allow_sensitive = []   # age and marital_status stay out unless they are named here

[leads.kinds]
age = "number"
campaign = "number"
pdays = "number"
previous = "number"
emp_var_rate = "number"
cons_price_idx = "number"
cons_conf_idx = "number"
euribor3m = "number"
nr_employed = "number"

[horizons]   # an outcome is known when the call has ended, so both horizons ask the same
hot_days = 1
warm_days = 7

[snapshots]   # a lead is looked at once, when it is called
first_days = 0.0
every_days = 1.0
until_days = 0.0
"""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was written.

    Parameters
    ----------
    leads, converted : int
        Leads, and how many of them said yes.
    missing : collections.Counter
        Values that stand for "not known" and were written as missing, by column.
    ends_at : datetime.datetime
        A day after the last month.
    """

    leads: int
    converted: int
    missing: Counter[str]
    ends_at: datetime

    def __post_init__(self) -> None:
        if not 0 <= self.converted <= self.leads:
            raise ValueError(f"converted must lie in 0..{self.leads}, got {self.converted}.")


def convert(archive: Path, folder: Path) -> Conversion:
    """Write the published zip as a CRM export.

    Parameters
    ----------
    archive : pathlib.Path
        The zip as published.
    folder : pathlib.Path
        Where to; made when missing. Files of the same names are replaced.

    Returns
    -------
    Conversion
        The counts.

    Raises
    ------
    ValueError
        When the file is not that zip or its table is not as described.
    """
    calls = _calls(archive)
    created = _created([call["month"] for call in calls])
    missing: Counter[str] = Counter()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "leads.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("lead_id", "created_at", "converted_at", "closed_at", *_COLUMNS))
        for number, (call, created_at) in enumerate(zip(calls, created, strict=True), start=1):
            attributes = {ours: _known(theirs, call[theirs]) for ours, theirs in _COLUMNS.items()}
            missing.update(column for column, value in attributes.items() if not value)
            outcome = (created_at + _OUTCOME_AFTER).isoformat()
            times = (outcome, "") if call["y"] == "yes" else ("", outcome)
            lead_id = f"call-{number:05d}"
            writer.writerow((lead_id, created_at.isoformat(), *times, *attributes.values()))
    ends_at = _next_month(created[-1]) + _HOT_HORIZON
    config = _CONFIG.format(ends_at=ends_at.isoformat())
    (folder / "lead_temperature.toml").write_text(config, encoding="utf-8")
    converted = sum(call["y"] == "yes" for call in calls)
    return Conversion(len(calls), converted, missing, ends_at)


def _calls(archive: Path) -> list[dict[str, str]]:
    """Read the rows of the table in the zip in the zip."""
    try:
        with zipfile.ZipFile(archive) as outer:
            inner = io.BytesIO(outer.read(_INNER_ZIP))
        with zipfile.ZipFile(inner) as within, within.open(_TABLE) as file:
            reader = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8"), delimiter=";")
            calls = list(reader)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{archive.name}: must be the zip as published, with {_TABLE} in {_INNER_ZIP}; "
            f"found: {error}."
        ) from error
    absent = {*_COLUMNS.values(), "month", "y"} - set(reader.fieldnames or ())
    if absent or not calls:
        raise ValueError(
            f"{archive.name}: {_TABLE} must have rows and the columns described with the set; "
            f"{len(calls)} rows found, missing columns: {', '.join(sorted(absent)) or 'none'}."
        )
    for row, call in enumerate(calls, start=1):
        # A short row has None for what it lacks, a long one a column more for its surplus.
        torn = None in call.values() or len(call) > len(reader.fieldnames or ())
        if torn or call["y"] not in {"yes", "no"} or call["month"] not in _MONTHS:
            raise ValueError(
                f"{archive.name}: row {row} must be complete, with a month and y = yes or no; "
                f"got month={call['month']!r}, y={call['y']!r}."
            )
    return calls


def _created(months: list[str]) -> list[datetime]:
    """Instants of creation: each month's calls spread evenly over it, a new year when it wraps."""
    created = []
    year, before = _FIRST_YEAR, 0
    for name, calls in groupby(months):
        month = _MONTHS.index(name) + 1
        year += month < before
        before = month
        begin = datetime(year, month, 1, tzinfo=UTC)
        seconds = int((_next_month(begin) - begin).total_seconds())
        n = sum(1 for _ in calls)
        created += [begin + timedelta(seconds=seconds * (2 * i + 1) // (2 * n)) for i in range(n)]
    return created


def _next_month(instant: datetime) -> datetime:
    year, month = instant.year + instant.month // 12, instant.month % 12 + 1
    return datetime(year, month, 1, tzinfo=UTC)


def _known(column: str, value: str) -> str:
    """Give the value, or nothing where it says that it is not known."""
    return "" if value == "unknown" or (column == "pdays" and value == "999") else value


app = typer.Typer(help=__doc__.split("\n", maxsplit=1)[0], add_completion=False)


@app.callback()
def _commands() -> None:
    """Keep `convert` a word of the command line, as long as it is the only one."""


@app.command("convert")
def _convert(archive: Path, folder: Path) -> None:
    """Write ZIP as a CRM export into FOLDER."""
    try:
        done = convert(archive, folder)
    except (OSError, ValueError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    share = done.converted / done.leads
    typer.echo(
        f"{done.leads:,} leads: {done.converted:,} converted ({share:.1%}), the others closed; "
        f"data end at {done.ends_at.isoformat()}.\n"
        "Written as missing: "
        + (", ".join(f"{column} {n:,}" for column, n in done.missing.most_common()) or "nothing")
    )


if __name__ == "__main__":
    app()
