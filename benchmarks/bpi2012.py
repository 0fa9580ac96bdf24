"""The loan leads of a Dutch bank (BPI Challenge 2012) as a CRM export.

`python benchmarks/bpi2012.py convert LOG.xes.gz DIR` reads the log as published (XES, IEEE 1849)
and writes `leads.csv`, `interactions.csv` and a `lead_temperature.toml` that reads them. Every case
is a lead: a private person who asks the bank for a loan.

The log: B. van Dongen, *BPI Challenge 2012*, 4TU.ResearchData (2012),
doi:10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f.

**Outcome.** A lead converts at its first `A_APPROVED`; one that never does is lost at its first
`A_DECLINED` or `A_CANCELLED`; the others are still open.

**Nothing of the outcome becomes an interaction.** Seven activities are the outcome or its
paperwork, and are left out wherever they stand: `A_APPROVED`, `A_REGISTERED`, `A_ACTIVATED`,
`O_ACCEPTED`, `A_DECLINED`, `O_DECLINED`, `A_CANCELLED`. So is every event from one second before
the lead's outcome on, because the system writes one decision as several events within a second.
That also takes the `O_CANCELLED` of the offers that fall with the application; in mid-case the same
activity says that staff replaced an offer by a new one, which is history like any other and stays.
The command prints what was left out and why: read = written + left out. With `--keep-outcome`
everything is written, the seven activities under their own names: an export as a careless hand
would make it, on which `lead-temperature audit` must find them.

**Words.** `SCHEDULE`, `START`, `COMPLETE` of a work item become `_scheduled`, `_started`,
`_completed`; `duration_seconds` stands on the completion, the first moment at which it is known.

=================================  =======================  ===========  =========
activity in the log                kind                     channel      direction
=================================  =======================  ===========  =========
`A_SUBMITTED`                      application_submitted    application  inbound
`A_PARTLYSUBMITTED`                application_registered   application
`A_PREACCEPTED`                    application_preaccepted  application
`A_ACCEPTED`                       application_accepted     application
`A_FINALIZED`                      application_finalized    application
`O_SELECTED`                       offer_selected           offer
`O_CREATED`                        offer_created            offer
`O_SENT`                           offer_sent               offer        outbound
`O_SENT_BACK`                      offer_returned           offer        inbound
`O_CANCELLED`                      offer_replaced           offer
`W_Afhandelen leads`               lead_handling            desk
`W_Completeren aanvraag`           application_completion   phone
`W_Nabellen offertes`              offer_call               phone        outbound
`W_Nabellen incomplete dossiers`   missing_papers_call      phone        outbound
`W_Valideren aanvraag`             assessment               desk
`W_Beoordelen fraude`              fraud_check              desk
`W_Wijzigen contractgegevens`      contract_change          desk
=================================  =======================  ===========  =========

**The file's end is the data's end**: the midnight after the last event, in the log's own zone. So
the log as published and any copy of it that is cut at a midnight go through unchanged.
"""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple
from xml.parsers import expat

import typer

_CONVERTED = "A_APPROVED"
_LOST = frozenset({"A_DECLINED", "A_CANCELLED"})
_OUTCOME = _LOST | {_CONVERTED, "A_REGISTERED", "A_ACTIVATED", "O_ACCEPTED", "O_DECLINED"}
_SAME_DECISION = timedelta(seconds=1)
_AUTOMATIC_USER = "112"


class _Words(NamedTuple):
    """How a CRM would name an activity of the log."""

    kind: str
    channel: str
    direction: str = ""


_ACTIVITIES = {
    "A_SUBMITTED": _Words("application_submitted", "application", "inbound"),
    "A_PARTLYSUBMITTED": _Words("application_registered", "application"),
    "A_PREACCEPTED": _Words("application_preaccepted", "application"),
    "A_ACCEPTED": _Words("application_accepted", "application"),
    "A_FINALIZED": _Words("application_finalized", "application"),
    "O_SELECTED": _Words("offer_selected", "offer"),
    "O_CREATED": _Words("offer_created", "offer"),
    "O_SENT": _Words("offer_sent", "offer", "outbound"),
    "O_SENT_BACK": _Words("offer_returned", "offer", "inbound"),
    "O_CANCELLED": _Words("offer_replaced", "offer"),
    "W_Afhandelen leads": _Words("lead_handling", "desk"),
    "W_Completeren aanvraag": _Words("application_completion", "phone"),
    "W_Nabellen offertes": _Words("offer_call", "phone", "outbound"),
    "W_Nabellen incomplete dossiers": _Words("missing_papers_call", "phone", "outbound"),
    "W_Valideren aanvraag": _Words("assessment", "desk"),
    "W_Beoordelen fraude": _Words("fraud_check", "desk"),
    "W_Wijzigen contractgegevens": _Words("contract_change", "desk"),
}
_OUTCOME_WORDS = {
    activity: _Words(activity, "application" if activity.startswith("A_") else "offer")
    for activity in _OUTCOME
}
_TRANSITIONS = {"SCHEDULE": "_scheduled", "START": "_started", "COMPLETE": "_completed"}

_LEAD_COLUMNS = ("lead_id", "created_at", "converted_at", "closed_at", "amount_requested")
_INTERACTION_COLUMNS = (
    "lead_id",
    "occurred_at",
    "channel",
    "kind",
    "direction",
    "agent",
    "duration_seconds",
)

_CONFIG = """\
# BPI Challenge 2012: loan leads of a Dutch bank. B. van Dongen, 4TU.ResearchData,
# doi:10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f

[data]
ends_at = "{ends_at}"   # the midnight after the log's last event

[leads]
source = "leads.csv"
fixed_at_creation = ["amount_requested"]

[leads.kinds]
amount_requested = "number"

[interactions]
source = "interactions.csv"
measures = ["duration_seconds"]

[horizons]   # half of those who convert do so within 14 days, 95 in 100 within 35
hot_days = 7
warm_days = 30

[snapshots]   # the system declines one lead in four within two minutes: look later than that
first_days = 0.5
every_days = 1.0
until_days = 30.0

[split]
# Fitted on what was known by then, judged on the month that remained when the log was cut on
# 2012-01-15; all but the last week of it is old enough to tell who converted within 7 days.
test_from = "2011-12-15"
"""


class Event(NamedTuple):
    """One event of a case: when, what, which transition, and who (empty when the log is silent)."""

    at: datetime
    activity: str
    transition: str
    resource: str


class Case(NamedTuple):
    """One case of the log; its events in the order of time, at least one."""

    name: str
    registered_at: datetime
    amount: str
    events: list[Event]


class Interaction(NamedTuple):
    """One event in the words of a CRM; `seconds` is empty but on a completed work item."""

    occurred_at: datetime
    channel: str
    kind: str
    direction: str
    agent: str
    seconds: float | None


class History(NamedTuple):
    """One case as a lead: its instants, its interactions, and the activities that were left out."""

    created_at: datetime
    converted_at: datetime | None
    closed_at: datetime | None
    interactions: list[Interaction]
    outcome_events: list[str]
    events_from_outcome: list[str]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was read, written and left out.

    Parameters
    ----------
    cases, converted, lost : int
        Leads written, and how many of them converted or were lost.
    events, interactions : int
        Events read and interactions written.
    outcome_events, events_from_outcome : collections.Counter
        Activities left out because they are the outcome, or because they came with or after it.
    ends_at : datetime.datetime
        The midnight after the last event.
    """

    cases: int
    converted: int
    lost: int
    events: int
    interactions: int
    outcome_events: Counter[str]
    events_from_outcome: Counter[str]
    ends_at: datetime

    def __post_init__(self) -> None:
        left_out = self.outcome_events.total() + self.events_from_outcome.total()
        if self.events != self.interactions + left_out:
            raise ValueError(
                f"Events read must be written or left out, got {self.events} read, "
                f"{self.interactions} written and {left_out} left out."
            )


def convert(log: Path, folder: Path, *, keep_outcome: bool = False) -> Conversion:
    """Write a log as a CRM export.

    Parameters
    ----------
    log : pathlib.Path
        The XES log, `.xes` or `.xes.gz`.
    folder : pathlib.Path
        Where to; made when missing. Files of the same names are replaced.
    keep_outcome : bool, default False
        Write the outcome, and what came with or after it, as interactions too.

    Returns
    -------
    Conversion
        The counts.

    Raises
    ------
    ValueError
        When the file is no XES log, or holds an activity or transition that is not of this log.
    """
    tally: Counter[str] = Counter()
    outcome_events: Counter[str] = Counter()
    events_from_outcome: Counter[str] = Counter()
    last = None
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "leads.csv").open("w", newline="", encoding="utf-8") as leads_file,
        (folder / "interactions.csv").open("w", newline="", encoding="utf-8") as interactions_file,
    ):
        leads, interactions = csv.writer(leads_file), csv.writer(interactions_file)
        leads.writerow(_LEAD_COLUMNS)
        interactions.writerow(_INTERACTION_COLUMNS)
        for case in cases(log):
            lead = history(case, keep_outcome=keep_outcome)
            leads.writerow((case.name, *map(_iso, lead[:3]), case.amount))
            interactions.writerows((case.name, _iso(i[0]), *i[1:]) for i in lead.interactions)
            outcome_events.update(lead.outcome_events)
            events_from_outcome.update(lead.events_from_outcome)
            tally["cases"] += 1
            tally["converted"] += lead.converted_at is not None
            tally["lost"] += lead.closed_at is not None
            tally["events"] += len(case.events)
            tally["interactions"] += len(lead.interactions)
            last = max(case.events[-1].at, last or case.events[-1].at)
    if last is None:
        raise ValueError(f"{log.name}: a log must hold at least one trace, found none.")
    ends_at = datetime.combine(last.date() + timedelta(days=1), time(), last.tzinfo)
    config = _CONFIG.format(ends_at=ends_at.isoformat())
    (folder / "lead_temperature.toml").write_text(config, encoding="utf-8")
    return Conversion(
        **tally,
        outcome_events=outcome_events,
        events_from_outcome=events_from_outcome,
        ends_at=ends_at,
    )


def history(case: Case, *, keep_outcome: bool = False) -> History:
    """Tell a case as the history of a lead, without its outcome and what came from then on."""
    approved = [e.at for e in case.events if e.activity == _CONVERTED]
    refused = [e.at for e in case.events if e.activity in _LOST]
    outcome = min(approved or refused, default=None)
    told = []
    outcome_events, events_from_outcome = [], []
    started: dict[str, datetime] = {}
    for event in case.events:
        if keep_outcome:
            told.append(_interaction(event, started))
        elif event.activity in _OUTCOME:
            outcome_events.append(event.activity)
        elif outcome is not None and event.at >= outcome - _SAME_DECISION:
            events_from_outcome.append(event.activity)
        else:
            told.append(_interaction(event, started))
    return History(
        created_at=min(case.registered_at, case.events[0].at),
        converted_at=outcome if approved else None,
        closed_at=None if approved else outcome,
        interactions=told,
        outcome_events=outcome_events,
        events_from_outcome=events_from_outcome,
    )


def _interaction(event: Event, started: dict[str, datetime]) -> Interaction:
    """Put an event into words; `started` keeps the work items that are under way."""
    words, seconds = (_ACTIVITIES | _OUTCOME_WORDS)[event.activity], None
    kind, direction = words.kind, words.direction
    if event.activity.startswith("W_"):
        kind += _TRANSITIONS[event.transition]
        if event.transition == "SCHEDULE":
            direction = ""  # planned, nobody has spoken to the customer
        elif event.transition == "START":
            started[event.activity] = event.at
        elif begun := started.pop(event.activity, None):
            seconds = (event.at - begun).total_seconds()
    agent = "automatic" if event.resource == _AUTOMATIC_USER else event.resource
    return Interaction(event.at, words.channel, kind, direction, agent, seconds)


def cases(log: Path) -> Iterator[Case]:
    """Stream the cases of an XES log, `.xes` or `.xes.gz`.

    A document type declaration is refused: logs have none, and it could define entities that grow
    without bound or read other files.
    """
    opened = gzip.open if log.suffix == ".gz" else open
    try:
        with opened(log, "rb") as stream:
            for number, (attributes, events) in enumerate(_traces(stream), start=1):
                yield _case(number, attributes, events)
    except expat.ExpatError as error:
        raise ValueError(f"{log.name}: a log must be well-formed XML, found {error}.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{log.name}: a .gz file must be complete, found: {error}.") from error
    except ValueError as error:
        raise ValueError(f"{log.name}: {error}") from error


Attributes = dict[str, str]


def _traces(stream: io.BufferedIOBase) -> Iterator[tuple[Attributes, list[Attributes]]]:
    """Attributes of each trace and of its events, no more than a chunk of the file in memory."""
    path: list[str] = []  # the elements that are open
    traces: list[tuple[Attributes, list[Attributes]]] = []

    def start(name: str, attributes: Attributes) -> None:
        parent = path[-1] if path else ""
        path.append(name)
        if name == "trace":
            traces.append(({}, []))
        elif name == "event" and parent == "trace":
            traces[-1][1].append({})
        elif "key" in attributes and "value" in attributes:
            if parent == "trace":
                traces[-1][0][attributes["key"]] = attributes["value"]
            elif parent == "event":
                traces[-1][1][-1][attributes["key"]] = attributes["value"]

    def end(name: str) -> None:  # noqa: ARG001 (expat's signature)
        path.pop()

    def refuse(*_: object) -> None:
        raise ValueError("a document type declaration (<!DOCTYPE) is not allowed in a log.")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = refuse
    while chunk := stream.read(1 << 20):
        parser.Parse(chunk)
        under_way = 1 if "trace" in path else 0
        yield from traces[: len(traces) - under_way]
        del traces[: len(traces) - under_way]
    parser.Parse(b"", True)
    yield from traces


def _case(number: int, attributes: Attributes, events: list[Attributes]) -> Case:
    """Check what a trace holds and bring its events into the order of time."""
    name = attributes.get("concept:name")
    if not name or not events:
        raise ValueError(f"trace {number} must have a concept:name and at least one event.")
    told = []
    for event in events:
        activity = event.get("concept:name", "")
        transition = event.get("lifecycle:transition", "COMPLETE")
        if activity not in _OUTCOME and activity not in _ACTIVITIES:
            raise ValueError(f"case {name}: {activity!r} is not an activity of this log.")
        if transition not in _TRANSITIONS:
            raise ValueError(f"case {name}: {transition!r} is not a transition of this log.")
        at = _instant(name, "time:timestamp", event)
        told.append(Event(at, activity, transition, event.get("org:resource", "")))
    return Case(
        name=name,
        registered_at=_instant(name, "REG_DATE", attributes),
        amount=attributes.get("AMOUNT_REQ", ""),
        events=sorted(told, key=lambda event: event.at),
    )


def _instant(case: str, key: str, attributes: Attributes) -> datetime:
    text = attributes.get(key, "")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"case {case}: {key} must be an ISO 8601 time, got {text!r}.") from error
    if instant.tzinfo is None:
        raise ValueError(f"case {case}: {key} must carry its zone, got {text!r}.")
    return instant


def _iso(instant: datetime | None) -> str:
    return "" if instant is None else instant.isoformat(timespec="milliseconds")


app = typer.Typer(help=__doc__.split("\n", maxsplit=1)[0], add_completion=False)


@app.callback()
def _commands() -> None:
    """Keep `convert` a word of the command line, as long as it is the only one."""


@app.command("convert")
def _convert(
    log: Path,
    folder: Path,
    keep_outcome: Annotated[
        bool, typer.Option("--keep-outcome", help="Leave the outcome in, for the audit to find.")
    ] = False,
) -> None:
    """Write LOG (.xes or .xes.gz) as a CRM export into FOLDER."""
    try:
        done = convert(log, folder, keep_outcome=keep_outcome)
    except (OSError, ValueError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(
        f"{done.cases:,} leads: {done.converted:,} converted, {done.lost:,} lost, "
        f"{done.cases - done.converted - done.lost:,} open at {done.ends_at.isoformat()}.\n"
        f"{done.events:,} events: {done.interactions:,} written as interactions; left out"
    )
    for why, counts in (
        ("the outcome itself", done.outcome_events),
        ("with the outcome or after it", done.events_from_outcome),
    ):
        named = ", ".join(f"{activity} {n:,}" for activity, n in counts.most_common())
        typer.echo(f"  {counts.total():,} {why}: {named or 'none'}")


if __name__ == "__main__":
    app()
