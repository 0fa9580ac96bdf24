"""The leak audit: it catches what knows the future, and leaves what is honest alone."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks import bank_marketing, bpi2012
from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.export.first_seen import nothing_seen, seen_in
from features.export.sources import read_export
from features.spine import microseconds
from features.tables import ATTRIBUTE_LOG, INSTANT, Kind, Tables
from features.worlds import persons
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from tests.support.required import require_calls, require_loan_log
from tests.support.tables import tables_of
from training.audit.findings import audit
from training.audit.leaks import Finding
from training.config import Config, read_config
from training.dataset.lives import lead_index

pytestmark = pytest.mark.training

OUTCOME_KINDS = {
    "A_APPROVED", "A_REGISTERED", "A_ACTIVATED", "O_ACCEPTED",
    "A_DECLINED", "A_CANCELLED", "O_DECLINED",
}  # fmt: skip


def findings_of(tables: Tables, config: Config) -> tuple[Finding, ...]:
    return audit(tables, config.dataset, config.audit)


def export(folder: Path) -> tuple[Tables, Config]:
    config = read_config(folder / "lead_temperature.toml")
    return read_export(config.export), config


def synthetic(folder: Path, leads: int, seed: int) -> tuple[Tables, Config]:
    write_export(made_up_crm(leads, seed), folder, "parquet")
    return export(folder)


@pytest.fixture(scope="module")
def crm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crm")
    write_export(made_up_crm(4_000, 3), folder, "parquet")
    return folder


@pytest.fixture(scope="module")
def crm(crm_folder: Path) -> tuple[Tables, Config]:
    """A made-up CRM to plant leaks in; without its own interactions, for speed."""
    tables, config = export(crm_folder)
    return dataclasses.replace(tables, interactions=tables.interactions.slice(0, 0)), config


@pytest.fixture(scope="module")
def loans(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Config]:
    folder = tmp_path_factory.mktemp("loans")
    bpi2012.convert(require_loan_log(), folder)
    return export(folder)


@pytest.fixture(scope="module")
def loans_with_outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Config]:
    folder = tmp_path_factory.mktemp("loans_with_outcome")
    bpi2012.convert(require_loan_log(), folder, keep_outcome=True)
    return export(folder)


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Config]:
    """The calls with their duration and the sensitive columns declared, as a careless hand does."""
    folder = tmp_path_factory.mktemp("calls")
    bank_marketing.convert(require_calls(), folder)
    file = folder / "lead_temperature.toml"
    text = file.read_text(encoding="utf-8")
    text = text.replace('"day_of_week", ', '"day_of_week", "duration", ')
    text = text.replace("allow_sensitive = []", 'allow_sensitive = ["age", "marital_status"]')
    file.write_text(text, encoding="utf-8")
    return export(folder)


def quarantined(findings: tuple[Finding, ...]) -> set[str]:
    return {found.name for found in findings if found.quarantined}


def accused(findings: tuple[Finding, ...]) -> set[str]:
    """Names, not of the grid, that are called suspect or leak."""
    verdicts = ("leak", "suspect")
    return {found.name for found in findings if found.what != "grid" and found.verdict in verdicts}


def found(name: str, findings: tuple[Finding, ...]) -> Finding:
    (one,) = (finding for finding in findings if finding.name == name)
    return one


def with_column(tables: Tables, name: str, values: pa.Array, kind: Kind) -> Tables:
    return dataclasses.replace(
        tables,
        leads=tables.leads.append_column(name, pa.chunked_array([values])),
        attribute_kinds={**tables.attribute_kinds, name: kind},
    )


def with_log(tables: Tables, name: str, won_after_days: float) -> Tables:
    """A logged attribute that converted leads get so long after their conversion."""
    won = tables.leads.filter(pc.is_valid(tables.leads["converted_at"]))
    at = pa.array(microseconds(won["converted_at"]) + round(won_after_days * DAY)).cast(INSTANT)
    rows = {
        "lead_id": won["lead_id"],
        "recorded_at": at,
        "name": pa.array([name] * len(won), pa.string()).dictionary_encode(),
        "text": pa.array(["gold"] * len(won)),
        "number": pa.nulls(len(won), pa.float64()),
    }
    more = pa.table(rows).cast(ATTRIBUTE_LOG)
    return dataclasses.replace(
        tables,
        attribute_log=pa.concat_tables([tables.attribute_log, more]).unify_dictionaries(),
        attribute_kinds={**tables.attribute_kinds, name: "category"},
    )


def with_events(
    tables: Tables,
    kind: str,
    lead: np.ndarray[Any, Any],
    occurred_at: np.ndarray[Any, Any],
    recorded_at: np.ndarray[Any, Any] | None = None,
) -> Tables:
    schema = tables.interactions.schema
    columns: dict[str, pa.Array] = {field.name: pa.nulls(len(lead), field.type) for field in schema}
    columns |= {
        "lead_id": tables.leads["lead_id"].take(pa.array(lead)),
        "occurred_at": pa.array(occurred_at).cast(INSTANT),
        "recorded_at": pa.array(occurred_at if recorded_at is None else recorded_at).cast(INSTANT),
        "kind": pa.array([kind] * len(lead), pa.string()).dictionary_encode(),
    }
    more = pa.table(columns).cast(schema)
    both = pa.concat_tables([tables.interactions, more]).unify_dictionaries()
    return dataclasses.replace(tables, interactions=both)


def won(tables: Tables) -> np.ndarray[Any, Any]:
    return np.asarray(tables.leads["converted_at"].is_valid())


def lost(tables: Tables) -> np.ndarray[Any, Any]:
    return np.asarray(tables.leads["closed_at"].is_valid())


# What is honest.


@pytest.mark.slow
@pytest.mark.parametrize(("leads", "seed"), [(300, 1), (300, 2), (1_000, 3), (2_000, 4)])
def test_nothing_honest_of_a_made_up_crm_is_accused_however_small(
    tmp_path: Path, leads: int, seed: int
) -> None:
    tables, config = synthetic(tmp_path, leads, seed)
    findings = findings_of(tables, config)
    assert accused(findings) == set()
    assert {one.name for one in findings if one.what == "attribute"} == set(tables.attribute_kinds)
    assert len([one for one in findings if one.what == "kind"]) == 13


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_honest_of_a_large_made_up_crm_is_quarantined(tmp_path: Path, seed: int) -> None:
    tables, config = synthetic(tmp_path, 20_000, seed)
    assert accused(findings_of(tables, config)) == set()


@pytest.mark.slow
def test_nothing_of_the_loan_log_as_converted_is_quarantined(
    loans: tuple[Tables, Config],
) -> None:
    findings = findings_of(*loans)
    assert accused(findings) == set()
    assert len([one for one in findings if one.what == "kind"]) == 29


def test_a_kind_that_goes_on_with_clients_for_a_year_is_honest(
    crm: tuple[Tables, Config],
) -> None:
    """Nine in ten leads with a webinar have their first one as clients: they live longer."""
    tables, config = crm
    random = np.random.default_rng(0)
    created = microseconds(tables.leads["created_at"])
    ends = np.where(won(tables), created + 365 * DAY, microseconds(tables.leads["closed_at"]))
    ends = np.minimum(ends, tables.data_end)
    lead = np.repeat(np.arange(len(created)), random.poisson((ends - created) / (60 * DAY)))
    at = created[lead] + (random.random(len(lead)) * (ends - created)[lead]).astype(np.int64)
    webinar = found("webinar", findings_of(with_events(tables, "webinar", lead, at), config))
    assert webinar.verdict == "clear"
    assert webinar.figures["late_leads"] > 100


def test_strong_drift_is_suspected_of_the_calendar_and_of_no_attribute() -> None:
    """The rate of interest says when a lead was called, and conversion drifts from 5 % to 60 %."""
    random = np.random.default_rng(0)
    day = np.sort(random.random(3_000) * 300)
    converts = random.random(3_000) < 0.05 + 0.55 * (day > 200)
    leads = [
        {
            "lead_id": f"L{i}",
            "created_at": at,
            "converted_at": at + 1 if yes else None,
            "closed_at": None if yes else at + 1,
            "interest": round(5 - at // 10 / 10, 1),
        }
        for i, (at, yes) in enumerate(zip(day.tolist(), converts.tolist(), strict=True))
    ]
    tables = tables_of(leads, kinds={"interest": "number"}, fixed=("interest",), end_day=320)
    findings = findings_of(tables, quick_config())
    assert found("interest", findings).verdict == "clear"
    assert found("calendar", findings).verdict == "suspect"


# What knows the future: columns.


@pytest.mark.slow
def test_without_timed_history_it_cannot_be_told_of_the_duration_and_nothing_is_left_out(
    calls: tuple[Tables, Config],
) -> None:
    """Each lead of Bank Marketing is one call: no time says when a value was written."""
    tables, config = calls
    findings = findings_of(tables, config)
    assert len(tables.attribute_kinds) == 19
    assert quarantined(findings) == set()
    duration = found("duration", findings)
    assert duration.verdict == "cannot be told"
    assert "too little of the first week's history" in duration.reason
    assert duration.figures["auc_low"] > 0.8
    assert found("calendar", findings).verdict == "suspect"


@pytest.mark.slow
def test_a_clients_card_that_only_converted_leads_get_is_caught(crm_folder: Path) -> None:
    text = (crm_folder / "lead_temperature.toml").read_text(encoding="utf-8")
    text = text.replace('"budget",\n]', '"budget", "client_card_number",\n]')
    text = text.replace("[leads.kinds]", '[leads.kinds]\nclient_card_number = "category"')
    file = crm_folder / "with_card.toml"
    file.write_text(text, encoding="utf-8")
    config = read_config(file)
    findings = findings_of(read_export(config.export), config)
    assert quarantined(findings) == {"client_card_number"}
    card = found("client_card_number", findings)
    assert (card.figures["had_by_won"], card.figures["had_by_lost"]) == (1.0, 0.0)
    assert card.figures["presence_auc"] > 0.95


def test_a_column_that_sales_rewrite_is_a_leak_from_the_second_export_on(
    crm: tuple[Tables, Config],
) -> None:
    """Half of the leads sold in four weeks lose their note: one export does not tell it."""
    tables, config = crm
    then = tables.data_end - 28 * DAY
    sold_since = won(tables) & (microseconds(tables.leads["converted_at"]) >= then)
    notes = np.random.default_rng(2).choice(np.array(["a", "b", "c"], object), len(sold_since))
    rewritten = sold_since & (np.arange(len(notes)) % 2 == 0)
    today = with_column(
        tables, "note", pa.array(np.where(rewritten, "d", notes), pa.string()), "category"
    )
    ids = pa.array(np.flatnonzero(microseconds(tables.leads["created_at"]) < then))
    leads = with_column(tables, "note", pa.array(notes, pa.string()), "category").leads.take(ids)
    for name in ("converted_at", "closed_at"):
        instants = microseconds(leads[name])
        as_of_then = pa.array(instants, mask=instants >= then).cast(INSTANT)
        leads = leads.set_column(leads.column_names.index(name), name, as_of_then)
    earlier = seen_in(dataclasses.replace(today, leads=leads, data_end=then), nothing_seen())
    alone = found("note", findings_of(today, config))
    both = audit(today, config.dataset, config.audit, earlier)
    assert alone.verdict != "leak"
    assert found("note", both).verdict == "leak"
    assert "since an earlier export its value has changed" in found("note", both).reason
    others = {one.name for one in both if one.verdict == "leak"} - {"note"}
    assert others == {one.name for one in findings_of(today, config) if one.verdict == "leak"}


def planted(tables: Tables, name: str) -> pa.Array:
    """Columns that were written with the outcome or after it."""
    random = np.random.default_rng(1)
    chance, converted, closed = random.random(len(won(tables))), won(tables), lost(tables)
    either = np.where(chance < 0.5, "a", "b")
    match name:
        case "overwritten":
            return pa.array(np.select([converted, closed], ["client", "refused"], "open"))
        case "filled for some clients":
            return pa.array(either, mask=~(converted & (random.random(len(chance)) < 0.4)))
        case "completed for clients":
            return pa.array(either, mask=~(converted | (random.random(len(chance)) < 0.4)))
        case "filled for the lost":
            return pa.array(either, mask=~(closed & (random.random(len(chance)) < 0.4)))
        case _:
            raise ValueError(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("overwritten", "leak"),
        ("filled for the lost", "leak"),
        ("filled for some clients", "suspect"),
        ("completed for clients", "cannot be told"),  # with 500 sales
    ],
)
def test_a_column_written_after_the_outcome_is_graded_by_what_times_show(
    crm_folder: Path, name: str, verdict: str
) -> None:
    tables, config = export(crm_folder)
    findings = findings_of(with_column(tables, name, planted(tables, name), "category"), config)
    assert found(name, findings).verdict == verdict
    assert accused(findings) <= {name}


def test_a_column_of_instants_that_lie_at_the_outcome_is_caught(
    crm: tuple[Tables, Config],
) -> None:
    tables, config = crm
    leads = tables.leads
    changed = pc.coalesce(leads["converted_at"], leads["closed_at"], leads["created_at"])
    tables = with_column(tables, "changed_at", changed.combine_chunks(), "timestamp")
    findings = findings_of(tables, config)
    assert quarantined(findings) == {"changed_at"}
    assert "the outcome or after it" in found("changed_at", findings).reason


@pytest.mark.slow
def test_with_few_conversions_and_no_history_it_cannot_be_told(tmp_path: Path) -> None:
    tables, config = synthetic(tmp_path, 300, 1)
    tables = dataclasses.replace(tables, interactions=tables.interactions.slice(0, 0))
    tables = with_column(tables, "tier", planted(tables, "completed for clients"), "category")
    tier = found("tier", findings_of(tables, config))
    assert tier.verdict == "cannot be told"
    assert "too few sales" in tier.reason


@pytest.mark.slow
def test_a_strong_honest_channel_is_clear_however_well_it_foretells(tmp_path: Path) -> None:
    """The true probability at creation, in ten levels: the better half of all that can be known."""
    tables, config = synthetic(tmp_path, 4_000, 3)
    truth = pq.read_table(tmp_path / "truth.parquet")
    first = pc.index_in(tables.leads["lead_id"].combine_chunks(), truth["lead_id"].combine_chunks())
    chance = truth["warm_probability"].to_numpy()[first.fill_null(0).to_numpy()]
    level = np.searchsorted(np.quantile(chance, np.linspace(0, 1, 11)[1:-1]), chance)
    column = pa.array([f"c{one}" for one in level])
    channel = found(
        "channel", findings_of(with_column(tables, "channel", column, "category"), config)
    )
    assert channel.verdict == "clear"
    assert channel.figures["auc_low"] > 0.6
    assert channel.figures["kappa_low"] > 1.5


def test_a_counter_that_is_kept_up_to_date_is_an_echo(crm_folder: Path) -> None:
    tables, config = export(crm_folder)
    lead = lead_index(tables, tables.interactions["lead_id"])
    number = pa.array(np.bincount(lead, minlength=tables.leads.num_rows).astype(float))
    findings = findings_of(with_column(tables, "contacts", number, "number"), config)
    assert accused(findings) == {"contacts"}
    assert (
        "it equals the number of interactions as of the export"
        in found("contacts", findings).reason
    )


def test_a_number_given_out_at_the_sale_is_a_clock(crm: tuple[Tables, Config]) -> None:
    tables, config = crm
    converted_at = microseconds(tables.leads["converted_at"])
    rank = np.argsort(np.argsort(converted_at)).astype(float)
    tables = with_column(tables, "client", pa.array(rank, mask=~won(tables)), "number")
    findings = findings_of(tables, config)
    assert accused(findings) == {"client"}
    assert "converted leads it rises with the instant" in found("client", findings).reason


def test_an_appointment_is_honest_and_an_instant_that_stops_at_the_end_is_not(
    crm: tuple[Tables, Config],
) -> None:
    tables, config = crm
    delay = np.random.default_rng(0).lognormal(3.0, 1.0, tables.leads.num_rows)
    at = microseconds(tables.leads["created_at"]) + np.rint(delay * DAY).astype(np.int64)
    ahead, happened = pa.array(at).cast(INSTANT), pa.array(at, mask=at >= tables.data_end)
    tables = with_column(tables, "appointment", ahead, "timestamp")
    findings = findings_of(
        with_column(tables, "visited", happened.cast(INSTANT), "timestamp"), config
    )
    assert accused(findings) == {"visited"}
    assert "should lie beyond the end of the export" in found("visited", findings).reason


# What knows the future: the log of attributes and the interactions.


@pytest.mark.slow
def test_the_outcome_left_in_the_loan_log_is_caught_and_nothing_else(
    loans_with_outcome: tuple[Tables, Config],
) -> None:
    findings = findings_of(*loans_with_outcome)
    assert quarantined(findings) == OUTCOME_KINDS
    late = {one.name: one.figures["late"] for one in findings if one.what == "kind"}
    assert {late[name] for name in OUTCOME_KINDS} == {1.0}
    assert max(late[name] or 0.0 for name in set(late) - OUTCOME_KINDS) < 0.6


@pytest.mark.parametrize("days_after", [0.0, 2.0])
def test_a_logged_attribute_that_comes_with_the_outcome_or_after_it_is_caught(
    crm: tuple[Tables, Config], days_after: float
) -> None:
    tables, config = crm
    findings = findings_of(with_log(tables, "client_tier", days_after), config)
    assert quarantined(findings) == {"client_tier"}
    tier = found("client_tier", findings)
    assert tier.figures["auc"] == pytest.approx(0.5, abs=0.02)
    assert tier.figures["auc_today"] > 0.76  # a column would have the final value


def test_a_logged_attribute_that_was_backfilled_to_the_leads_creation_is_caught(
    crm: tuple[Tables, Config],
) -> None:
    tables, config = crm
    tables = with_log(tables, "client_tier", 0.0)
    log = tables.attribute_log
    mine = pc.equal(log["name"].cast(pa.string()), "client_tier")
    place = pc.index_in(log["lead_id"], value_set=tables.leads["lead_id"].combine_chunks())
    recorded = pc.if_else(mine, tables.leads["created_at"].take(place), log["recorded_at"])
    log = log.set_column(log.column_names.index("recorded_at"), ATTRIBUTE_LOG.field(1), recorded)
    assert quarantined(findings_of(dataclasses.replace(tables, attribute_log=log), config)) == {
        "client_tier"
    }


def test_a_logged_status_whose_last_value_is_the_outcome_is_clear_with_a_note(
    crm: tuple[Tables, Config],
) -> None:
    """Harmless as a log, because the clock hides the last value; as a column it would leak."""
    tables, config = crm
    tables = with_log(tables, "status", 0.0)
    new = {
        "lead_id": tables.leads["lead_id"],
        "recorded_at": tables.leads["created_at"],
        "name": pa.array(["status"] * tables.leads.num_rows, pa.string()).dictionary_encode(),
        "text": pa.array(["new"] * tables.leads.num_rows),
        "number": pa.nulls(tables.leads.num_rows, pa.float64()),
    }
    log = pa.concat_tables([tables.attribute_log, pa.table(new).cast(ATTRIBUTE_LOG)])
    tables = dataclasses.replace(tables, attribute_log=log.unify_dictionaries())
    status = found("status", findings_of(tables, config))
    assert status.verdict == "clear"
    assert "never make a column" in status.reason


@pytest.mark.parametrize("minutes_before", [0.0, 5.0, 24 * 60.0])
def test_a_kind_that_is_the_conversion_under_another_name_is_caught(
    crm: tuple[Tables, Config], minutes_before: float
) -> None:
    tables, config = crm
    lead = np.flatnonzero(won(tables))
    at = microseconds(tables.leads["converted_at"])[lead] - round(minutes_before * 60_000_000)
    at = np.maximum(at, microseconds(tables.leads["created_at"])[lead])
    findings = findings_of(with_events(tables, "contract_signed", lead, at), config)
    assert quarantined(findings) == {"contract_signed"}


@pytest.mark.parametrize("days_before", [3, 10])
def test_a_kind_that_is_as_sure_and_comes_days_before_the_sale_is_honest(
    crm: tuple[Tables, Config], days_before: int
) -> None:
    tables, config = crm
    at = microseconds(tables.leads["converted_at"]) - days_before * DAY
    lead = np.flatnonzero(won(tables) & (at > microseconds(tables.leads["created_at"])))
    findings = findings_of(with_events(tables, "sends_the_form", lead, at[lead]), config)
    form = found("sends_the_form", findings)
    assert not form.quarantined
    assert form.figures["surest"] == 1.0
    assert form.figures["days_before_won"] == days_before


def test_a_kind_that_is_dated_back_after_the_outcome_is_caught(
    crm: tuple[Tables, Config],
) -> None:
    """Entered when the lead converted, dated ten days before: known only with the outcome."""
    tables, config = crm
    lead = np.flatnonzero(won(tables))
    converted = microseconds(tables.leads["converted_at"])[lead]
    at = np.maximum(converted - 10 * DAY, microseconds(tables.leads["created_at"])[lead])
    tables = with_events(tables, "good_talk", lead, at, converted)
    talk = found("good_talk", findings_of(tables, config))
    assert talk.quarantined
    assert talk.figures["auc_today"] > talk.figures["auc_high"]


# The verdict in use.


def test_the_configuration_overrules_by_name(crm: tuple[Tables, Config]) -> None:
    tables, config = crm
    tables = with_column(tables, "status", planted(tables, "overwritten"), "category")
    status = found("status", findings_of(tables, allowing(config, "status")))
    assert status.verdict == "allowed"
    assert status.reason


def test_the_configuration_drops_by_name(crm: tuple[Tables, Config]) -> None:
    tables, config = crm
    audit_settings = config.audit.model_copy(update={"drop": ("owner",)})
    findings = findings_of(tables, config.model_copy(update={"audit": audit_settings}))
    owner = found("owner", findings)
    assert (owner.verdict, owner.reason) == ("dropped", "named in [audit] drop")
    assert quarantined(findings) == {"owner"}


def test_dropping_a_name_that_is_nowhere_is_an_error(crm: tuple[Tables, Config]) -> None:
    tables, config = crm
    audit_settings = config.audit.model_copy(update={"drop": ("ovner",)})
    with pytest.raises(ValueError, match=r"\[audit\] drop: 'ovner' .* Did you mean 'owner'\?"):
        findings_of(tables, config.model_copy(update={"audit": audit_settings}))


def test_allowing_a_name_that_is_nowhere_is_an_error(crm: tuple[Tables, Config]) -> None:
    tables, config = crm
    with pytest.raises(ValueError, match=r"'ovner' .* Did you mean 'owner'\?"):
        findings_of(tables, allowing(config, "ovner"))


def test_a_lead_entered_when_it_was_won_is_suspected() -> None:
    leads = [
        {"lead_id": f"L{i}", "created_at": i / 4, "converted_at": i / 4 + (i % 8) * 2}
        if i % 4 == 0
        else {"lead_id": f"L{i}", "created_at": i / 4, "closed_at": i / 4 + 5}
        for i in range(400)
    ]
    findings = findings_of(tables_of(leads, end_day=130), quick_config())
    assert found("won when created", findings).verdict == "suspect"


def test_an_export_without_mature_outcomes_has_findings_and_no_verdict() -> None:
    leads = [{"lead_id": "L1", "created_at": 1, "size": None}, {"lead_id": "L2", "created_at": 2}]
    tables = tables_of(leads, kinds={"size": "number"}, fixed=("size",), end_day=3)
    findings = findings_of(tables, quick_config())
    assert {finding.verdict for finding in findings} == {"clear"}
    assert found("size", findings).figures["auc"] is None


def quick_config() -> Config:
    return Config.model_validate(
        {
            "export": {"leads": {"source": "leads.csv"}, "base": Path()},
            "horizons": {"hot_days": 2, "warm_days": 7},
            "snapshots": {"until_days": 7},
        }
    )


def allowing(config: Config, *names: str) -> Config:
    audit_settings = config.audit.model_copy(update={"allow": names})
    return config.model_copy(update={"audit": audit_settings})


@pytest.fixture(scope="module", params=[None, 90.0], ids=["closing ends", "looked at after"])
def refusing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Tables, Config]:
    """A shop whose refused leads may buy, each written a letter on the day after its refusal."""
    folder = tmp_path_factory.mktemp("persons")
    write_export(persons.made_up_crm(1_500, 5), folder, "parquet")
    file = folder / "lead_temperature.toml"
    if request.param is not None:  # [snapshots] is the last section
        file.write_text(f"{file.read_text()}after_refusal_days = {request.param}\n")
    tables, config = export(folder)
    refused = tables.leads.filter(pc.is_valid(tables.leads["closed_at"]))
    at = pa.array(microseconds(refused["closed_at"]) + DAY).cast(INSTANT)
    letters = {
        "lead_id": refused["lead_id"],
        "occurred_at": at,
        "recorded_at": at,
        "kind": pa.array(["farewell"] * len(at)).dictionary_encode(),
    }
    schema = tables.interactions.schema
    rows = pa.table(
        [
            letters[field.name].cast(field.type)
            if field.name in letters
            else pa.nulls(len(at), field.type)
            for field in schema
        ],
        schema=schema,
    )
    events = pa.concat_tables([tables.interactions, rows]).unify_dictionaries()
    return dataclasses.replace(tables, interactions=events), config


@pytest.mark.slow
def test_what_follows_on_a_refusal_is_late_only_where_it_ends_a_lead(refusing) -> None:
    tables, config = refusing
    ends = tables.after_refusal is None
    assert ("farewell" in quarantined(findings_of(tables, config))) == ends


@pytest.mark.slow
def test_what_is_known_of_a_refusal_is_no_leak(refusing) -> None:
    tables, config = refusing
    names = {"refused_at", "refusal_reason"} & set(tables.attribute_kinds)
    assert len(names) == (0 if tables.after_refusal is None else 2)
    assert not names & accused(findings_of(tables, config))


@pytest.mark.slow
def test_a_column_that_a_refusal_fills_is_a_leak_however_long_leads_are_looked_at(refusing) -> None:
    tables, config = refusing
    code = pc.if_else(pc.is_valid(tables.leads["closed_at"]), "X1", None).combine_chunks()
    findings = findings_of(with_column(tables, "exit_code", code, "category"), config)
    assert "exit_code" in quarantined(findings)
