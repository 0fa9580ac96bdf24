"""The command as a user meets it: every verb, every likely mistake."""

import json
import tomllib
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

VERBS = (
    "init",
    "synthesize",
    "check",
    "train",
    "promote",
    "rollback",
    "versions",
    "pull",
    "score",
    "report",
    "serve",
)
AS_OF = "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(run, verb: str) -> None:
    told = run(verb, "--help")
    assert told.returncode == 0
    assert f"Example: lead-temperature {verb}" in " ".join(told.stdout.split())


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
    assert told.returncode == 0, told.stderr
    assert "duplicate lead" in told.stdout
    assert "unparsable time" in told.stdout
    rejects = (tmp_path / "rejects.csv").read_text()
    assert "'=cmd" in rejects
    assert rejects.count("\n") == 3


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
        ('[leads]\nsource = "leads.csv"\n[horizons]\nhot_days = 99\n', "less than warm_days"),
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
    assert hot["log_loss"] < min(one["log_loss"] for one in hot["baselines"].values())
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
    for name in ("manifest.json", "hot.txt", "report.html"):
        assert (tmp_path / "bundle" / name).read_bytes() == (trained.bundle / name).read_bytes()
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
        "hot_probability",
        "warm_probability",
        "band",
        "model_version",
    ]
    text = pyarrow.csv.read_csv(tmp_path / "scores.csv")
    assert text["hot_probability"].to_pylist() == table["hot_probability"].to_pylist()


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


def test_a_bundle_that_is_none_is_said_to_be_none(run, tmp_path: Path) -> None:
    for verb, *rest in (("report", "-o", tmp_path / "r.html"), ("serve",)):
        told = run(verb, "--bundle", tmp_path, *rest)
        assert told.returncode == 1
        assert "is not a bundle" in told.stderr
        assert "Traceback" not in told.stderr
