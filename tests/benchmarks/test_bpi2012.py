"""The loan log as a CRM export: its words, its traps, and the published file where present."""

import csv
import gzip
import re
import tomllib
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmarks import bpi2012
from benchmarks.bpi2012 import _ACTIVITIES, _OUTCOME, Case, Event, app, cases, convert, history
from tests.support.required import require_loan_log

AMSTERDAM = timezone(timedelta(hours=1))


def event(at: str, activity: str, transition: str = "COMPLETE", resource: str = "") -> str:
    who = f'<string key="org:resource" value="{resource}"/>' if resource else ""
    return (
        f'<event>{who}<string key="lifecycle:transition" value="{transition}"/>'
        f'<string key="concept:name" value="{activity}"/>'
        f'<date key="time:timestamp" value="2011-{at}+01:00"/></event>'
    )


def trace(name: str, *events: str, registered: str = "2011-11-01T09:00:00.000+01:00") -> str:
    return (
        f'<trace><date key="REG_DATE" value="{registered}"/>'
        f'<string key="concept:name" value="{name}"/>'
        '<string key="AMOUNT_REQ" value="5000">'
        '<string key="concept:name" value="nested"/></string>' + "".join(events) + "</trace>"
    )


def log(*traces: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<log xmlns="http://www.xes-standard.org/" xes.version="1.0">'
        '<global scope="trace"><string key="concept:name" value="UNKNOWN"/></global>'
        '<string key="concept:name" value="a log"/>' + "".join(traces) + "</log>"
    )


def approved() -> str:
    return trace(
        "1",
        event("11-01T09:00:00.100", "A_SUBMITTED", resource="112"),
        event("11-01T10:00:00.000", "W_Completeren aanvraag", "SCHEDULE"),
        event("11-02T10:00:00.000", "W_Completeren aanvraag", "START"),
        event("11-02T10:02:05.500", "W_Completeren aanvraag", resource="10862"),
        event("11-02T11:00:00.000", "O_SENT", resource="10862"),
        event("11-03T11:00:00.000", "O_CANCELLED", resource="10862"),
        event("11-03T11:00:05.000", "O_SENT", resource="10862"),
        event("11-05T09:00:00.000", "O_SENT_BACK", resource="10862"),
        event("11-05T11:59:59.500", "O_ACCEPTED"),
        event("11-05T12:00:00.000", "A_REGISTERED"),
        event("11-05T12:00:00.000", "A_APPROVED"),
        event("11-05T12:00:00.300", "A_ACTIVATED"),
        event("11-05T12:00:09.000", "W_Valideren aanvraag"),
    )


def cancelled() -> str:
    return trace(
        "2",
        event("11-01T09:00:00.000", "A_SUBMITTED", resource="112"),
        event("11-20T12:00:00.000", "W_Nabellen offertes", "START"),
        event("11-20T12:01:00.000", "O_CANCELLED"),
        event("11-20T12:01:00.000", "A_CANCELLED"),
        event("11-20T12:01:02.000", "W_Nabellen offertes"),
    )


def still_open() -> str:
    return trace("3", event("11-30T22:30:00.000", "A_SUBMITTED", resource="112"))


def write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    convert(write(tmp_path / "log.xes", log(approved(), cancelled(), still_open())), tmp_path)
    return tmp_path


def test_leads_convert_when_approved_close_when_cancelled_or_declined_and_stay_open(
    export: Path,
) -> None:
    first, second, third = rows(export / "leads.csv")
    assert first == {
        "lead_id": "1",
        "created_at": "2011-11-01T09:00:00.000+01:00",
        "converted_at": "2011-11-05T12:00:00.000+01:00",
        "closed_at": "",
        "amount_requested": "5000",
    }
    assert (second["converted_at"], second["closed_at"]) == ("", "2011-11-20T12:01:00.000+01:00")
    assert (third["converted_at"], third["closed_at"]) == ("", "")


def test_the_outcome_stays_in_under_its_own_name_when_it_is_to_be_kept(tmp_path: Path) -> None:
    file = write(tmp_path / "log.xes", log(approved(), cancelled(), still_open()))
    done = convert(file, tmp_path, keep_outcome=True)
    assert done.events == done.interactions == 19
    told = {(row["kind"], row["channel"]) for row in rows(tmp_path / "interactions.csv")}
    assert {
        ("A_APPROVED", "application"),
        ("A_REGISTERED", "application"),
        ("A_ACTIVATED", "application"),
        ("O_ACCEPTED", "offer"),
        ("A_CANCELLED", "application"),
    } < told


def test_no_outcome_and_nothing_that_came_with_it_or_after_it_is_an_interaction(
    export: Path,
) -> None:
    told = [(row["lead_id"], row["kind"]) for row in rows(export / "interactions.csv")]
    assert told == [
        ("1", "application_submitted"),
        ("1", "application_completion_scheduled"),
        ("1", "application_completion_started"),
        ("1", "application_completion_completed"),
        ("1", "offer_sent"),
        ("1", "offer_replaced"),
        ("1", "offer_sent"),
        ("1", "offer_returned"),
        ("2", "application_submitted"),
        ("2", "offer_call_started"),
        ("3", "application_submitted"),
    ]


def test_the_length_of_a_work_item_stands_on_its_completion_alone(export: Path) -> None:
    lengths = {
        row["kind"]: row["duration_seconds"]
        for row in rows(export / "interactions.csv")
        if row["duration_seconds"]
    }
    assert lengths == {"application_completion_completed": "125.5"}


def test_a_completion_without_a_start_of_its_own_has_no_length(tmp_path: Path) -> None:
    work = "W_Valideren aanvraag"
    twice = trace(
        "1",
        event("11-01T09:00:00.000", work, "START"),
        event("11-01T09:01:00.000", work),
        event("11-01T09:05:00.000", work),
    )
    convert(write(tmp_path / "log.xes", log(twice)), tmp_path)
    lengths = [row["duration_seconds"] for row in rows(tmp_path / "interactions.csv")]
    assert lengths == ["", "60.0", ""]


def test_the_last_event_of_the_log_need_not_be_in_its_last_case(tmp_path: Path) -> None:
    done = convert(write(tmp_path / "log.xes", log(still_open(), approved())), tmp_path)
    assert done.ends_at.isoformat() == "2011-12-01T00:00:00+01:00"


def test_agents_are_staff_numbers_automatic_or_missing(export: Path) -> None:
    agents = [row["agent"] for row in rows(export / "interactions.csv") if row["lead_id"] == "1"]
    assert agents == ["automatic", "", "", "10862", "10862", "10862", "10862", "10862"]


def test_direction_is_given_where_it_is_known(export: Path) -> None:
    known = {row["kind"]: row["direction"] for row in rows(export / "interactions.csv")}
    assert known["offer_sent"] == known["offer_call_started"] == "outbound"
    assert known["offer_returned"] == known["application_submitted"] == "inbound"
    assert known["application_completion_scheduled"] == ""


def test_the_data_end_at_the_midnight_after_the_last_event_in_the_log_s_zone(
    export: Path,
) -> None:
    config = tomllib.loads((export / "lead_temperature.toml").read_text(encoding="utf-8"))
    assert config["data"]["ends_at"] == "2011-12-01T00:00:00+01:00"
    assert config["horizons"] == {"hot_days": 7, "warm_days": 30}
    assert config["snapshots"] == {"first_days": 0.5, "every_days": 1, "until_days": 30}
    assert config["split"] == {"test_from": "2011-12-15"}
    assert config["leads"]["fixed_at_creation"] == ["amount_requested"]


def test_a_lead_is_created_no_later_than_its_first_event(tmp_path: Path) -> None:
    late = trace(
        "1",
        event("11-01T09:00:00.000", "A_SUBMITTED"),
        registered="2011-11-01T09:00:00.250+01:00",
    )
    convert(write(tmp_path / "log.xes", log(late)), tmp_path)
    assert rows(tmp_path / "leads.csv")[0]["created_at"] == "2011-11-01T09:00:00.000+01:00"


def test_compressed_and_plain_logs_give_the_same_export(tmp_path: Path, export: Path) -> None:
    other = tmp_path / "other"
    text = log(approved(), cancelled(), still_open())
    convert(write(tmp_path / "log.xes.gz", text), other)
    for name in ("leads.csv", "interactions.csv", "lead_temperature.toml"):
        assert (other / name).read_bytes() == (export / name).read_bytes()


def test_a_log_of_more_than_one_chunk_keeps_every_case(tmp_path: Path) -> None:
    text = log(*(trace(str(n), event("11-01T09:00:00.000", "A_SUBMITTED")) for n in range(6000)))
    assert len(text) > 2 * (1 << 20)
    names = [case.name for case in cases(write(tmp_path / "log.xes", text))]
    assert names == [str(n) for n in range(6000)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '<!DOCTYPE log [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + log().partition("?>")[2],
            r"bad.xes: a document type declaration \(<!DOCTYPE\) is not allowed",
        ),
        (log(trace("1", event("11-01T09:00:00.000", "X_NEW"))), "bad.xes: case 1: 'X_NEW' is not"),
        (
            log(trace("1", event("11-01T09:00:00.000", "A_SUBMITTED", "SUSPEND"))),
            "case 1: 'SUSPEND' is not a transition",
        ),
        (log(trace("1")), "trace 1 must have a concept:name and at least one event"),
        (
            log(trace("1", event("11-01T09:00:00.000", "A_SUBMITTED").replace("+01:00", ""))),
            "case 1: time:timestamp must carry its zone",
        ),
        (
            log(trace("1", event("99-01T09:00:00.000", "A_SUBMITTED"))),
            "case 1: time:timestamp must be an ISO 8601 time, got '2011-99-01T09",
        ),
        (log(), "bad.xes: a log must hold at least one trace, found none"),
        (log()[:-4], "bad.xes: a log must be well-formed XML, found"),
        ("", "bad.xes: a log must be well-formed XML, found"),
    ],
)
def test_what_is_not_this_log_is_refused_with_its_reason(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        convert(write(tmp_path / "bad.xes", text), tmp_path / "out")


def test_a_truncated_gz_file_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "log.xes.gz", log(approved()))
    whole.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"log.xes.gz: a .gz file must be complete"):
        convert(whole, tmp_path)


def test_the_command_accounts_for_every_event(tmp_path: Path) -> None:
    path = write(tmp_path / "log.xes", log(approved(), cancelled(), still_open()))
    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path)])
    assert result.exit_code == 0
    assert "3 leads: 1 converted, 1 lost, 1 open" in result.output
    assert "19 events: 11 written as interactions" in result.output
    assert "5 the outcome itself" in result.output
    assert "3 with the outcome or after it" in result.output


def test_the_command_fails_with_one_line_for_a_missing_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["convert", str(tmp_path / "no.xes"), str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "Traceback" not in result.output


def test_a_lead_that_was_declined_and_approved_later_has_converted() -> None:
    begin = datetime(2011, 11, 1, tzinfo=AMSTERDAM)
    activities = ("A_SUBMITTED", "A_DECLINED", "O_SENT", "A_APPROVED")
    events = [
        Event(begin + timedelta(days=day), activity, "COMPLETE", "")
        for day, activity in enumerate(activities)
    ]
    told = history(Case("1", begin, "", events))
    assert (told.converted_at, told.closed_at) == (begin + timedelta(days=3), None)
    assert [i.kind for i in told.interactions] == ["application_submitted", "offer_sent"]


def test_the_table_of_words_in_the_documentation_is_the_one_in_use() -> None:
    rows = re.findall(r"^`([AOW]_[^`]+)` +(\w[\w ]*)$", bpi2012.__doc__ or "", re.MULTILINE)
    table = {activity: words.split() for activity, words in rows}
    assert table == {
        activity: [word for word in words if word] for activity, words in _ACTIVITIES.items()
    }


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from(sorted(_OUTCOME | _ACTIVITIES.keys()))),
        min_size=1,
    )
)
def test_whatever_the_order_every_event_is_told_or_left_out_and_none_tells_the_outcome(
    drawn: list[tuple[int, str]],
) -> None:
    begin = datetime(2011, 11, 1, tzinfo=AMSTERDAM)
    events = [
        Event(begin + timedelta(seconds=second), activity, "COMPLETE", "")
        for second, activity in sorted(drawn)
    ]
    told = history(Case("1", begin, "", events))
    assert len(events) == sum(
        map(len, (told.interactions, told.outcome_events, told.events_from_outcome))
    )
    outcome = told.converted_at or told.closed_at
    if outcome is None:
        assert told.events_from_outcome == []
    else:
        limit = outcome - timedelta(seconds=1)
        assert all(interaction.occurred_at < limit for interaction in told.interactions)


@pytest.mark.slow
@pytest.mark.training
def test_the_published_log_gives_the_counts_that_are_described_with_it(tmp_path: Path) -> None:
    done = convert(require_loan_log(), tmp_path)
    assert (done.cases, done.events) == (8_766, 161_584)
    assert (done.converted, done.lost) == (1_277, 6_649)
    assert done.ends_at.isoformat() == "2012-01-15T00:00:00+01:00"
    leads, interactions = rows(tmp_path / "leads.csv"), rows(tmp_path / "interactions.csv")
    assert len(leads) == 8_766
    assert len(interactions) == done.interactions == 142_722
    outcome = {
        row["lead_id"]: datetime.fromisoformat(row["converted_at"] or row["closed_at"])
        for row in leads
        if row["converted_at"] or row["closed_at"]
    }
    for row in interactions:
        if row["lead_id"] in outcome:
            assert datetime.fromisoformat(row["occurred_at"]) < outcome[row["lead_id"]]
    kinds = Counter(row["kind"] for row in interactions)
    assert kinds["offer_returned"] == 1_985
    assert kinds["offer_replaced"] == 2_065 - done.events_from_outcome["O_CANCELLED"] > 1_000
