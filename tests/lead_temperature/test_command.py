"""The command as a user meets it: every verb, every likely mistake."""

import json
import tomllib
from importlib.metadata import version
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import lead_temperature as lt
from lead_temperature.tables.export import PERIOD_TITLES
from tests.support.crm_exports import write_exports

VERBS = (
    "init",
    "synthesize",
    "check",
    "features",
    "audit",
    "train",
    "tune",
    "backtest",
    "promote",
    "rollback",
    "versions",
    "pull",
    "score",
    "ledger",
    "people",
    "work",
    "write-back",
    "grade",
    "watch",
    "report",
    "serve",
    "sign",
    "verify",
)
AS_OF = "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(run, verb: str) -> None:
    told = run(verb, "--help")
    assert told.returncode == 0
    assert f"Example: lead-temperature {verb}" in " ".join(told.stdout.split())


def test_the_version_is_said(run) -> None:
    assert run("--version").stdout.strip() == version("lead-temperature")


def test_the_short_word_for_help_is_understood(run) -> None:
    for verb in ((), ("train",)):
        told = run(*verb, "-h")
        assert told.returncode == 0
        assert "Usage:" in told.stdout


def test_init_looks_at_exports_and_says_what_it_guessed(run, tmp_path) -> None:
    write_exports("Bitrix24", tmp_path / "exports")
    told = run("init", tmp_path / "crm", "--from", tmp_path / "exports")
    assert told.returncode == 0, told.stderr
    assert "guessed: These are exports of Bitrix24" in told.stdout
    assert "to do: Times such as" in told.stdout
    written = tmp_path / "crm" / "lead_temperature.toml"
    assert tomllib.loads(written.read_text())["horizons"]
    assert run("check", "--config", written).returncode == 1  # the time zone is still to be said
    zone = ("--timezone", "Europe/Rome")
    assert run("init", tmp_path / "other", "--from", tmp_path / "exports", *zone).returncode == 0
    sections = tomllib.loads((tmp_path / "other" / "lead_temperature.toml").read_text())
    assert sections["data"]["timezone"] == "Europe/Rome"
    assert sections["files"]["LEAD"]["path"] == "../exports/LEAD_2024.csv"
    wrong = run("init", tmp_path / "third", "--from", tmp_path / "exports", "--timezone", "Rome")
    assert wrong.returncode == 1
    assert not (tmp_path / "third").exists()
    missing = run("init", tmp_path / "third", "--from", tmp_path / "nowhere")
    assert missing.returncode == 1
    assert "nowhere does not exist" in missing.stderr


def test_init_writes_a_configuration_that_is_read_and_never_overwrites_one(run, tmp_path) -> None:
    assert run("init", tmp_path / "crm").returncode == 0
    written = tmp_path / "crm" / "lead_temperature.toml"
    assert set(tomllib.loads(written.read_text())) >= {"data", "leads", "horizons", "bands"}
    again = run("init", tmp_path / "crm")
    assert again.returncode == 1
    assert "exists already" in again.stderr
    missing = run("check", "--config", written)
    assert missing.returncode == 1
    assert "leads.csv" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_check_keeps_rejected_rows_and_names_their_rules(run, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text(
        "lead_id,created_at,converted_at,closed_at\n"
        "a,2025-01-01T00:00:00Z,2025-02-01T00:00:00Z,\n"
        "a,2025-01-02T00:00:00Z,,\n"
        "=cmd,yesterday,,\n"
        "b,2025-01-05T00:00:00Z,,\n"
    )
    (tmp_path / "lead_temperature.toml").write_text('[leads]\nsource = "leads.csv"\n')
    told = run("check", "--config", tmp_path / "lead_temperature.toml")
    assert "duplicate lead" in told.stdout
    assert "unparsable time" in told.stdout
    rejects = (tmp_path / "rejects.csv").read_text()
    assert "'=cmd" in rejects
    assert rejects.count("\n") == 3


@pytest.mark.slow
@pytest.mark.training
def test_check_says_what_train_would_refuse(run, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text(
        "lead_id,created_at,converted_at\n"
        + "".join(
            f"{i},2025-0{1 + i // 28}-{1 + i % 28:02d}T00:00:00Z,"
            + (f"2025-0{2 + i // 28}-01T00:00:00Z\n" if i % 3 == 0 else "\n")
            for i in range(112)
        )
    )
    config = tmp_path / "lead_temperature.toml"
    config.write_text('[leads]\nsource = "leads.csv"\n')
    checked = run("check", "--config", config)
    trained = run("train", "--config", config)
    assert checked.returncode == trained.returncode == 1
    reasons = checked.stderr.splitlines()[1:]
    assert len(reasons) == 2
    assert trained.stderr.splitlines()[-1].removeprefix("Error: ") in reasons


def test_check_shows_the_periods_of_what_train_takes(run, trained) -> None:
    told = run("check", "--config", trained.config)
    assert told.returncode == 0, told.stderr
    card = json.loads((trained.folder / "figures.json").read_text())["horizons"]["hot"]
    for name, heading in PERIOD_TITLES.items():
        row = next(line for line in told.stdout.splitlines() if f" {heading} " in line)
        assert card[name]["from"][:10] in row
        assert f"{card[name]['rows']:,}" in row


def test_check_never_touches_a_file_of_the_users(run, trained, tmp_path: Path) -> None:
    mine = tmp_path / "rejects.csv"
    mine.write_text("reason,customer\nrude,ana\n")
    assert run("check", "--config", trained.config, "--rejects", mine).returncode == 0
    assert mine.read_text() == "reason,customer\nrude,ana\n"


@pytest.mark.training
def test_times_after_the_end_of_the_data_are_named(run, tmp_path: Path) -> None:
    lines = [f"{i},2025-01-{i:02d}T00:00:00Z,,\n" for i in range(1, 29)]
    (tmp_path / "leads.csv").write_text(
        "lead_id,created_at,converted_at,closed_at\n"
        + "".join(lines)
        + "x,2025-01-05T00:00:00Z,2025-01-09T00:00:00Z,2106-02-07T00:00:00Z\n"
    )
    (tmp_path / "lead_temperature.toml").write_text('[leads]\nsource = "leads.csv"\n')
    for verb in ("check", "train"):
        told = run(verb, "--config", tmp_path / "lead_temperature.toml")
        said = " ".join((told.stdout + told.stderr).split())
        assert "leads.closed_at lies after the end of the data, 2025-01-28, in 1 row (" in said
        assert "Then set ends_at in [data]." in said


def test_check_refuses_an_export_without_conversions(run, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text(
        "lead_id,created_at,converted_at,closed_at\na,2025-01-01T00:00:00Z,,\n"
    )
    (tmp_path / "lead_temperature.toml").write_text('[leads]\nsource = "leads.csv"\n')
    told = run("check", "--config", tmp_path / "lead_temperature.toml")
    assert told.returncode == 1
    assert "No lead has converted" in told.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[leads]\nsource = ", "not valid TOML"),
        ('[leads]\nsorce = "leads.csv"\n', "Did you mean 'source'?"),
        ('[leads]\nsource = "leads.csv"\n[horizon]\n', "Did you mean 'horizons'?"),
        ('[leads]\nsource = "leads.csv"\n[bands]\nhot = 0.2\nwarm = 0.6\n', "warm=0.6, hot=0.2"),
        (
            '[leads]\nsource = "leads.csv"\n[horizons]\nhot_days = 99\nwarm_days = 90\n',
            "no more than warm_days",
        ),
        ('[leads]\nsource = "leads.csv"\n[model]\ntrees = "many"\n', "[model] trees"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_clear_message(
    run, tmp_path: Path, text: str, said: str
) -> None:
    config = tmp_path / "lead_temperature.toml"
    config.write_text(text)
    told = run("check", "--config", config)
    assert told.returncode == 1
    assert said in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr


def test_train_writes_all_figures_beside_their_baselines(trained) -> None:
    figures = json.loads((trained.folder / "figures.json").read_text())
    hot = figures["horizons"]["hot"]
    assert hot["auc"] > 0.7
    assert hot["log_loss"] < hot["baselines"]["base rate"]["log_loss"]
    assert {"base rate", "newest first"} <= set(hot["better_than"]) <= set(hot["baselines"])
    assert hot["test"]["rows"] > 0
    assert set(figures["bands"]) == {"hot", "warm", "cold"}
    assert (trained.bundle / "report.html").stat().st_size > 10_000


def test_the_registry_promotes_rolls_back_and_pulls(run, trained, tmp_path: Path) -> None:
    config = ("--config", trained.config)
    nothing = run("rollback", *config)
    assert nothing.returncode == 1
    assert "no earlier champion" in nothing.stderr
    assert run("promote", 99, *config).returncode == 1
    assert run("promote", 1, *config).returncode == 0
    assert "champion" in run("versions", *config).stdout
    assert run("pull", "champion", "-o", tmp_path / "bundle", *config).returncode == 0
    for name in ("hot.txt", "bundle.json", "report.html"):
        assert (tmp_path / "bundle" / name).read_bytes() == (trained.bundle / name).read_bytes()
    assert lt.load_bundle(tmp_path / "bundle").version == lt.load_bundle(trained.bundle).version
    assert json.loads((tmp_path / "bundle" / "contract.json").read_text())["releases"]
    unknown = run("pull", "challenger", "-o", tmp_path / "other", *config)
    assert unknown.returncode == 1
    assert "no version or alias 'challenger'" in unknown.stderr
    assert not (tmp_path / "other").exists()


def test_score_writes_the_same_as_parquet_and_csv(run, trained, tmp_path: Path) -> None:
    given = ("--bundle", trained.bundle, "--config", trained.config, "--as-of", AS_OF)
    for name in ("scores.parquet", "scores.csv"):
        told = run("score", *given, "-o", tmp_path / name)
        assert told.returncode == 0, told.stderr
        assert "converted or closed by then: not scored" in " ".join(told.stderr.split())
    table = pq.read_table(tmp_path / "scores.parquet")
    assert table.column_names == [
        "lead_id",
        "as_of",
        *("hot_probability", "hot_low", "hot_high"),
        *("warm_probability", "warm_low", "warm_high"),
        "not_enough_evidence",
        "band",
        "may_be_left",
        "model_version",
    ]
    text = pyarrow.csv.read_csv(tmp_path / "scores.csv")
    assert text["hot_probability"].to_pylist() == table["hot_probability"].to_pylist()


def test_score_writes_an_order_when_it_is_asked_for(run, trained, tmp_path: Path) -> None:
    given = ("--bundle", trained.bundle, "--config", trained.config, "--as-of", AS_OF)
    told = run("score", *given, "--order", "hot", "-o", tmp_path / "scores.parquet")
    assert told.returncode == 0, told.stderr
    table = pq.read_table(tmp_path / "scores.parquet")
    assert table["rank"].to_pylist() == list(range(1, table.num_rows + 1))
    hot = table["hot_probability"].to_pylist()
    assert hot == sorted(hot, reverse=True)
    told = run("score", *given, "--order", "hot", "--engine", "spark", "-o", tmp_path / "x.parquet")
    assert told.returncode != 0
    assert "--order is for the local engine" in " ".join(told.stderr.split())


def test_score_says_how_many_are_in_each_band(run, trained, tmp_path: Path) -> None:
    given = ("--bundle", trained.bundle, "--config", trained.config, "--as-of", AS_OF)
    told = run("score", *given, "-o", tmp_path / "scores.parquet")
    bands = pq.read_table(tmp_path / "scores.parquet")["band"].to_pylist()
    counts = ", ".join(f"{bands.count(band)} {band}" for band in ("hot", "warm", "cold"))
    assert told.stdout.rstrip().endswith(f": {counts}.")


def test_slips_in_what_score_is_given_are_told_before_any_work(
    run, trained, tmp_path: Path
) -> None:
    given = ("--bundle", trained.bundle, "--config", trained.config)
    told = run("score", *given, "-o", tmp_path / "scores.xlsx")
    assert told.returncode == 1
    assert "must end in .parquet or .csv, got 'scores.xlsx'" in told.stderr
    told = run("score", *given, "-o", tmp_path / "scores.csv", "--as-of", "2026-01-01")
    assert told.returncode == 1
    assert f"such as {AS_OF}, got '2026-01-01'" in told.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("r.docx", (), "must end in .html or .pdf, got 'r.docx'"),
        ("r.pdf", ("--format", "html"), "--format is html, but --output is 'r.pdf'"),
    ],
)
def test_a_report_is_of_the_format_that_its_name_says(
    run, trained, tmp_path: Path, name: str, more: tuple[str, ...], said: str
) -> None:
    told = run("report", "--bundle", trained.bundle, "-o", tmp_path / name, *more)
    assert told.returncode == 1
    assert said in told.stderr
    assert not list(tmp_path.iterdir())


def test_score_takes_files_without_a_configuration_and_a_spine(
    run, trained, tmp_path: Path
) -> None:
    spine = tmp_path / "spine.csv"
    leads = pyarrow.csv.read_csv(trained.folder / "leads.csv").slice(0, 3).to_pylist()
    later = [(one["lead_id"], one["created_at"].isoformat()) for one in leads]
    spine.write_text("lead_id,as_of\n" + "".join(f"{a},{b}\n" for a, b in later))
    told = run(
        "score",
        *("--bundle", trained.bundle, "--leads", trained.folder / "leads.csv"),
        *("--interactions", trained.folder / "interactions.csv", "--spine", spine),
        *("-o", tmp_path / "scores.csv"),
    )
    assert told.returncode == 0, told.stderr
    found = pyarrow.csv.read_csv(tmp_path / "scores.csv")
    assert found["lead_id"].to_pylist() == [one["lead_id"] for one in leads]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("nobody,2026-01-01T00:00:00+00:00", "'nobody' is not among the leads"),
        ("L0000001,2020-01-01T00:00:00+00:00", "before it was created"),
        ("L0000001,2026-01-01T00:00:00", "a time with a zone"),
    ],
)
def test_a_spine_that_cannot_be_scored_is_refused(
    run, trained, tmp_path: Path, row: str, said: str
) -> None:
    spine = tmp_path / "spine.csv"
    spine.write_text(f"lead_id,as_of\n{row}\n")
    told = run(
        "score",
        *("--bundle", trained.bundle, "--config", trained.config, "--spine", spine),
        *("-o", tmp_path / "scores.csv"),
    )
    assert told.returncode == 1
    assert said in " ".join(told.stderr.split())
    assert not (tmp_path / "scores.csv").exists()


def few_leads(trained, folder: Path, *more: str) -> Path:
    """The header and first leads of the export, and other lines."""
    lines = (trained.folder / "leads.csv").read_text().splitlines()[:6]
    (folder / "leads.csv").write_text("\n".join([*lines, *more]) + "\n")
    return folder / "leads.csv"


def test_score_names_what_is_rejected_and_keeps_it_beside_the_scores(
    run, trained, tmp_path: Path
) -> None:
    leads = few_leads(trained, tmp_path, "late,soon", "short")
    given = ("--bundle", trained.bundle, "--leads", leads, "--as-of", AS_OF)
    told = run("score", *given, "-o", tmp_path / "scores.csv")
    assert told.returncode == 0, told.stderr
    said = " ".join(told.stderr.split())
    assert "2 rows of leads: malformed line" in said
    assert (tmp_path / "scores.rejects.csv").read_text().count("malformed line") == 2
    strict = run("score", *given, "--strict", "-o", tmp_path / "strict.csv")
    assert strict.returncode == 1
    assert "with --strict every row must be good" in strict.stderr
    assert (tmp_path / "strict.rejects.csv").exists()
    assert not (tmp_path / "strict.csv").exists()


def test_leads_alone_are_scored_and_what_is_missing_is_said(run, trained, tmp_path: Path) -> None:
    leads = few_leads(trained, tmp_path)
    early = "2024-01-03T00:00:00+00:00"
    given = ("--bundle", trained.bundle, "--leads", leads, "--as-of", early, "--strict")
    told = run("score", *given, "-o", tmp_path / "scores.csv")
    assert told.returncode == 0, told.stderr
    said = " ".join(told.stderr.split())
    assert "interactions: no lead that is scored has any" in said
    assert "attributes: not there, taken as missing: competitor, known_need, objection." in said
    assert pyarrow.csv.read_csv(tmp_path / "scores.csv").num_rows > 0
    log = ("--attributes", trained.folder / "attributes.csv")
    told = run("score", *given[:-1], *log, "-o", tmp_path / "logged.csv")
    assert told.returncode == 0, told.stderr
    assert "attributes: not there" not in told.stderr


def test_an_interaction_without_a_measure_is_scored_and_that_is_said(
    run, trained, tmp_path: Path
) -> None:
    leads = tmp_path / "leads.csv"
    leads.write_text("lead_id,created_at\nnew,2025-11-01T00:00:00Z\n")
    (tmp_path / "interactions.csv").write_text(
        "lead_id,occurred_at,kind,value\nnew,2025-11-02T00:00:00Z,call,\n"
    )
    told = run(
        "score",
        *("--bundle", trained.bundle, "--leads", leads, "--as-of", AS_OF),
        *("--interactions", tmp_path / "interactions.csv", "-o", tmp_path / "scores.csv"),
    )
    assert told.returncode == 0, told.stderr
    said = " ".join(told.stderr.split())
    assert "measures: without any value, taken as missing: duration_seconds, value." in said


def test_synthesize_writes_over_its_own_exports_alone(run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for _ in range(2):
        assert run("synthesize", tmp_path, "--leads", 20).returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    (other / "leads.csv").write_text("my leads")
    told = run("synthesize", other, "--leads", 20)
    assert told.returncode == 1
    assert "holds leads.csv, which this command did not write" in " ".join(told.stderr.split())
    assert [(path.name, path.read_text()) for path in other.iterdir()] == [
        ("leads.csv", "my leads")
    ]


def test_synthesize_asks_a_world_for_what_its_options_say(run, tmp_path: Path) -> None:
    asked = ("--rate", 0.3, "--noise", 0.2, "--delay-days", 1, "--duplicates", 1, "--days", 200)
    told = run("synthesize", tmp_path, "--leads", 30, "--seed", 4, "--world", "chain", *asked)
    assert told.returncode == 0, told.stderr
    assert "Wrote 60 leads" in " ".join((told.stdout + told.stderr).split())
    lt.synthesize(
        tmp_path / "same",
        30,
        4,
        world="chain",
        rate=0.3,
        noise=0.2,
        delay_days=1.0,
        duplicates=1.0,
        days=200,
    )
    for path in (tmp_path / "same").iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
    refused = run("synthesize", tmp_path, "--rate", 0.9)
    assert refused.returncode == 1
    assert "rate must be from 0.002 to 0.6, got 0.9." in " ".join(refused.stderr.split())


def test_paths_are_printed_as_they_are_and_commands_on_one_line(run, tmp_path: Path) -> None:
    folder = tmp_path / f"[red]a b[/] {'long' * 30}"
    told = run("init", folder)
    config = folder / "lead_temperature.toml"
    assert f"Wrote {config}." in told.stdout
    assert f"  lead-temperature check --config '{config}'\n" in told.stdout
    missing = run("check", "--config", folder / "no.toml")
    assert f"Error: {folder / 'no.toml'} does not exist." in missing.stderr


@pytest.mark.parametrize(
    "words", [("report", "-o", "r.html"), pytest.param(("serve",), marks=pytest.mark.process)]
)
def test_a_bundle_that_is_none_is_said_to_be_none(
    run, tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.process.run.log_as_json_lines", lambda level: None)
    verb, *rest = words
    told = run(verb, "--bundle", tmp_path, *rest)
    assert told.returncode == 1
    assert "is not a bundle" in told.stderr
    assert "Traceback" not in told.stderr
