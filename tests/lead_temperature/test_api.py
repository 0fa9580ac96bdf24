"""The Python door: what a data scientist gets from ``import lead_temperature as lt``."""

import doctest
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import lead_temperature as lt
from features.export.first_seen import FIRST_SEEN, read_first_seen
from features.scale.batch import point_in_time_features
from features.spine import Spine
from lead_temperature import api
from models.bundle import load_bundle
from models.card import CardDocument
from tests.support.folders import contents
from tests.support.report_parts import lifelike_past
from training.audit.findings import audit
from training.audit.quarantine import without_quarantined
from training.card.values import read_card
from training.dataset.frame import training_frame
from training.report.past import PAST, past_text

ROOT = Path(__file__).resolve().parent.parent.parent
AS_OF = "2025-12-01T00:00:00+00:00"


OLD = pytest.mark.filterwarnings("ignore:.* look at leads older than 180 days")


@pytest.fixture(scope="module")
def tables(trained):
    return lt.read_export(trained.config)


@pytest.fixture(scope="module")
def frame(trained, tables):
    return lt.training_frame(tables, trained.config)


@pytest.fixture(scope="module")
def bundle(trained):
    return lt.load_bundle(trained.bundle)


def test_the_examples_in_its_docstrings_are_true() -> None:
    assert doctest.testmod(api).failed == 0


def test_every_public_name_is_there_and_listed() -> None:
    assert dir(lt) == sorted(lt.__all__)
    for name in lt.__all__:
        assert getattr(lt, name) is not None
    assert lt.__version__ == version("lead-temperature")
    with pytest.raises(AttributeError, match=r"no attribute 'fit'. It has: .*train"):
        _ = lt.fit


@pytest.mark.process
def test_without_the_laboratory_a_name_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pandas'] = None\n"
        "import lead_temperature as lt\n"
        "print(lt.__version__, lt.main.__name__)\n"
        "lt.train"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.stdout.split() == [lt.__version__, "main"]
    message = ended.stderr.splitlines()[-1]
    assert message.startswith("ImportError: lead_temperature.train needs the laboratory")
    assert message.endswith("pip install 'lead-temperature[train]'.")


def test_settings_given_by_name_replace_those_of_the_file(trained) -> None:
    config = lt.read_config(trained.folder, model={"seed": 5}, horizons={"hot_days": 10})
    assert (config.model.seed, config.model.trees) == (5, 60)  # the file says 60 trees
    assert (config.horizons.hot_days, config.horizons.warm_days) == (10, 90)
    assert lt.read_config(str(trained.config)).model.seed == 1
    with pytest.raises(ValueError, match="Did you mean 'trees'"):
        lt.read_config(trained.config, model={"tree": 5})


def test_what_is_no_configuration_or_no_export_is_refused_with_a_way_out(trained, tables) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        lt.read_export(trained.folder / "nowhere.toml")
    with pytest.raises(TypeError, match=r"config must be what lt\.read_config returns .* got int"):
        lt.training_frame(tables, 3)
    with pytest.raises(TypeError, match=r"tables = lt\.read_export\(config\)"):
        lt.train(lt.read_config(trained.config), trained.config)


def test_a_row_of_the_training_frame_has_the_features_of_its_lead_and_instant(
    trained, tables, frame
) -> None:
    config = lt.read_config(trained.config)
    examined = without_quarantined(tables, audit(tables, config.dataset, config.audit))
    expected = training_frame(examined, config.dataset, lambda *_: None)
    names = frame.attrs["features"]
    assert names == list(expected.spec.names)
    assert list(frame.columns[:2]) == ["lead_id", "as_of"]
    ids = tables.leads["lead_id"].to_pylist()
    for row in (0, 1_000, len(frame) - 1):
        lead = ids.index(frame.lead_id[row])
        instant = int(frame.as_of[row].value // 1_000)
        spine = Spine(np.array([lead]), np.array([instant]))
        (values,) = point_in_time_features(examined, spine, expected.spec)
        for name, value in zip(names, values, strict=True):
            given = frame[name].iloc[row]
            if isinstance(frame[name].dtype, pd.CategoricalDtype):
                code = -1 if np.isnan(value) else int(value)
                assert frame[name].cat.codes.iloc[row] == code
            else:
                assert given == value or (np.isnan(given) and np.isnan(value))


def test_categories_have_the_names_that_the_export_has(tables, frame) -> None:
    """The value at creation of an attribute that never changes is what the leads' table says."""
    column = frame["attribute[country]"]
    stated = frame.lead_id.map(tables.leads.to_pandas().set_index("lead_id").country)
    named = ~column.isin(["other"]) & column.notna()
    assert named.sum() > 1_000
    assert (column[named].astype(str) == stated[named]).all()
    assert column.isna().equals(stated.isna())


@pytest.mark.parametrize(("name", "days"), [("hot", 14), ("warm", 90)])
def test_a_label_says_what_became_of_the_lead_and_is_missing_while_that_is_open(
    tables, frame, name: str, days: int
) -> None:
    leads = tables.leads.to_pandas().set_index("lead_id")
    converted_at = frame.lead_id.map(leads.converted_at)
    ends = frame.as_of + pd.Timedelta(days=days)
    mature = ends <= pd.Timestamp(tables.data_end, unit="us", tz="UTC")
    label = frame[f"{name}_label"]
    assert label.isna().equals(~mature)
    bought = (converted_at >= frame.as_of) & (converted_at <= ends)
    assert (label[mature] == bought[mature]).all()
    assert 0.01 < label.mean() < 0.5


def test_periods_follow_each_other_in_time_and_hold_only_what_is_known(frame) -> None:
    for name in ("hot", "warm"):
        period = frame[f"{name}_period"]
        assert list(period.cat.categories) == ["fit", "calibrate", "test"]
        assert frame[f"{name}_label"][period.notna()].notna().all()
        spans = [frame.as_of[period == one] for one in period.cat.categories]
        assert spans[0].max() < spans[1].min()
        assert spans[1].max() < spans[2].min()


@pytest.fixture(scope="module")
def command_scores(run, trained, tmp_path_factory) -> pd.DataFrame:
    path = tmp_path_factory.mktemp("scores") / "scores.parquet"
    given = ("--bundle", trained.bundle, "--config", trained.config, "--as-of", AS_OF)
    ended = run("score", *given, "-o", path)
    assert ended.returncode == 0, ended.stderr
    return pd.read_parquet(path)


def given_as(form: str, trained, tables):
    """Arguments of `score` that hold the export in one of its forms."""
    csv = [str(trained.folder / f"{name}.csv") for name in ("leads", "interactions", "attributes")]
    match form:
        case "tables":
            return (tables,)
        case "config":
            return (lt.read_config(trained.config),)
        case "path of the config":
            return (str(trained.config),)
        case "files":
            return csv
        case _:
            return [pd.read_csv(path, dtype={"lead_id": str}) for path in csv]


@pytest.mark.parametrize("form", ["tables", "config", "path of the config", "files", "data frames"])
@OLD
def test_scores_have_the_bits_of_the_command(
    trained, tables, bundle, command_scores, form: str
) -> None:
    scores = bundle.score(*given_as(form, trained, tables), as_of=AS_OF)
    pd.testing.assert_frame_equal(scores, command_scores, check_exact=True)
    assert any("not scored" in note for note in scores.attrs["notes"])


@OLD
def test_an_instant_may_be_a_datetime_of_any_zone_and_a_spine_has_its_own(
    tables, bundle, command_scores
) -> None:
    moment = datetime(2025, 12, 1, tzinfo=UTC)
    for as_of in (moment, pd.Timestamp(moment).tz_convert("Asia/Tokyo")):
        assert bundle.score(tables, as_of=as_of).equals(command_scores)
    spine = command_scores[["lead_id", "as_of"]].iloc[::-3]
    scores = bundle.score(tables, spine=spine)
    assert scores.equals(command_scores.iloc[::-3].reset_index(drop=True))
    with pytest.raises(ValueError, match="as_of needs a time zone"):
        bundle.score(tables, as_of="2025-12-01")
    with pytest.raises(ValueError, match="exclude each other"):
        bundle.score(tables, as_of=AS_OF, spine=spine)


def test_without_an_instant_leads_are_scored_as_of_now(tables, bundle) -> None:
    before = pd.Timestamp.now("UTC").floor("us")
    with pytest.warns(UserWarning, match="after the export's end"):
        scores = bundle.score(tables)
    assert before <= scores.as_of.iloc[0] <= pd.Timestamp.now("UTC")


@OLD
def test_a_lead_near_a_cutoff_stays_in_its_band(tables, bundle, command_scores) -> None:
    cutoffs = replace(bundle.bundle.bands, hot=0.2, warm=0.2, hysteresis=0.5)
    sticky = replace(bundle, bundle=replace(bundle.bundle, bands=cutoffs))
    plain = sticky.score(tables, as_of=AS_OF)
    earlier = plain.assign(band="hot", as_of=plain.as_of - pd.Timedelta(days=7))
    again = sticky.score(tables, as_of=AS_OF, previous=earlier)
    kept = (again.band == "hot") & (plain.band != "hot")
    assert kept.any()
    assert (again.hot_low[kept] < 0.2).all()


def test_what_the_server_says_of_a_model_is_warned_of_here_too(trained, tables, bundle) -> None:
    values = {**bundle.bundle.card.values}
    values["horizons"] = {**values["horizons"]}
    values["horizons"]["warm"] = {**values["horizons"]["warm"], "predictor": "base rate"}
    doubtful = replace(bundle, bundle=replace(bundle.bundle, card=CardDocument.of(values)))
    with pytest.warns(UserWarning, match="warm_probability: too few purchases are known"):
        doubtful.score(trained.config, as_of="2024-03-01T00:00:00+00:00")


def test_rejected_rows_and_missing_tables_are_warned_of(trained, bundle) -> None:
    every_lead = pd.read_csv(trained.folder / "leads.csv", dtype=str)
    is_open = every_lead[["converted_at", "closed_at"]].isna().all(axis=1)
    leads = every_lead[is_open].head(5).reset_index(drop=True)
    leads.loc[0, "created_at"] = "yesterday"
    with warnings.catch_warnings(record=True) as caught:
        bundle.score(leads, as_of=AS_OF)
    messages = [str(warning.message) for warning in caught]
    assert "1 rows of leads break the rule 'unparsable time': the row is left out." in messages
    assert any("no lead that is scored has any" in message for message in messages)


def test_tables_that_the_bundle_would_misread_are_refused(tables, bundle) -> None:
    kinds = {**tables.attribute_kinds, "competitor": "number"}
    with pytest.raises(ValueError, match=r"'competitor' is read as num.*bundle\.score\(config\)"):
        bundle.score(replace(tables, attribute_kinds=kinds), as_of=AS_OF)
    bare = replace(
        tables, interactions=tables.interactions.drop(["duration_seconds"]), measures=("value",)
    )
    with pytest.raises(ValueError, match="'duration_seconds' of interactions is not there"):
        bundle.score(bare, as_of=AS_OF)
    with pytest.raises(ValueError, match="interactions and attributes go with a table of leads"):
        bundle.score(tables, pd.DataFrame(), as_of=AS_OF)
    with pytest.raises(TypeError, match="found Table"):
        bundle.score(pa.table({}), as_of=AS_OF)


def test_a_loaded_bundle_says_what_it_is(trained, bundle) -> None:
    loaded = load_bundle(trained.bundle)
    assert (bundle.version, bundle.folder) == (loaded.version, trained.bundle)
    assert bundle.card == read_card(loaded.card)
    assert bundle.card_text.startswith("#")
    with pytest.raises(FileNotFoundError, match="is not a bundle"):
        lt.load_bundle(str(trained.folder))


def test_a_bundle_is_printed_in_a_line_and_may_stand_in_a_set(trained, bundle) -> None:
    assert repr(bundle) == (
        f"ScoringBundle(version='{bundle.version}', folder='{trained.bundle}', "
        "horizons=hot 14 days, warm 90 days)"
    )
    unsaved = replace(bundle, bundle=replace(bundle.bundle, version=""), folder=None)
    assert repr(unsaved) == ("ScoringBundle(not saved yet, horizons=hot 14 days, warm 90 days)")
    assert len({bundle, unsaved, bundle}) == 2


def test_a_backtest_travels_with_a_bundle_that_is_saved_again(
    trained, bundle, tmp_path: Path
) -> None:
    past = replace(lifelike_past(), recipe=bundle.card.recipe)
    first = tmp_path / "first"
    shutil.copytree(trained.bundle, first)
    (first / PAST).write_text(past_text(past))
    lt.save_bundle(lt.load_bundle(first), tmp_path / "second", reports=False)
    assert (tmp_path / "second" / PAST).read_text() == past_text(past)
    lt.save_bundle(lt.load_bundle(first), first, reports=False)
    assert (first / PAST).read_text() == past_text(past)


LEAD = pd.DataFrame({"lead_id": ["a"], "created_at": [pd.Timestamp("2025-11-01", tz="UTC")]})
CALL = pd.DataFrame(
    {"lead_id": ["a"], "occurred_at": [pd.Timestamp("2025-11-02", tz="UTC")], "kind": ["call"]}
)
EARLIER = pd.DataFrame(
    {"lead_id": ["a"], "as_of": [pd.Timestamp("2025-11-09", tz="UTC")], "band": ["hot"]}
)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"leads": LEAD.set_index("lead_id")},
            r"leads .*'lead_id' in the index.*leads\.reset_index",
        ),
        ({"leads": LEAD.drop(columns="lead_id")}, "^leads: .*'lead_id'"),
        ({"leads": LEAD[["lead_id", "lead_id", "created_at"]]}, "^leads .*Duplicate column"),
        ({"leads": pd.concat([LEAD, LEAD]).assign(x=[1, "b"])}, "^leads .*column x"),
        ({"interactions": CALL.drop(columns="lead_id")}, "^interactions: .*'lead_id'"),
        ({"attributes": CALL.drop(columns="lead_id")}, "^attributes: "),
        ({"previous": EARLIER.drop(columns="band")}, "^previous: column 'band' must be there once"),
        ({"previous": EARLIER.assign(band="x")}, "^previous: row 1 has the band 'x'"),
        ({"spine": EARLIER.drop(columns="as_of")}, "^spine: column 'as_of' must be there once"),
        ({"spine": EARLIER.assign(lead_id="z")}, "^spine: lead_id 'z' is not among the leads"),
        (
            {"spine": EARLIER.assign(as_of="2025-11-09T00:00:00Z")},
            r"^spine: as_of must .*found text",
        ),
        (
            {"spine": EARLIER.assign(as_of=pd.Timestamp("2025-11-09"))},
            r"without a zone\. .*pd\.to_datetime\(spine\['as_of'\], utc=True\)",
        ),
    ],
)
def test_what_is_wrong_with_a_data_frame_is_said_of_its_argument(
    bundle, given: dict, words: str
) -> None:
    moment = {} if "spine" in given else {"as_of": AS_OF}
    with pytest.raises(ValueError, match=words) as refusal:
        bundle.score(**{"leads": LEAD, "interactions": CALL, **moment, **given})
    assert ".parquet" not in str(refusal.value)
    assert gettempdir() not in str(refusal.value)


@pytest.mark.parametrize("argument", ["interactions", "attributes", "previous", "spine"])
def test_what_is_no_table_is_refused_by_its_argument(bundle, argument: str) -> None:
    moment = {} if argument == "spine" else {"as_of": AS_OF}
    with pytest.raises(TypeError, match=rf"^{argument} must be a data frame .* found list\. Use"):
        bundle.score(LEAD, **moment, **{argument: [1, 2]})


def test_other_arguments_of_a_wrong_type_are_refused_with_a_way_out(trained, bundle) -> None:
    with pytest.raises(TypeError, match=r"^model must be a mapping .*found int\. Use .*model=\{"):
        lt.read_config(trained.folder, model=3)
    with pytest.raises(TypeError, match=r"^as_of must be .*found int"):
        bundle.score(LEAD, as_of=5)
    with pytest.raises(ValueError, match=r"^as_of must be .*found NaT"):
        bundle.score(LEAD, as_of=pd.NaT)
    with pytest.raises(TypeError, match=r"^leads must be .*found list\. Use"):
        bundle.score([1, 2], as_of=AS_OF)
    for call, argument in (
        (lambda: lt.read_config(3), "path"),
        (lambda: lt.load_bundle(3), "folder"),
        (lambda: lt.save_bundle(bundle, 3), "folder"),
        (lambda: lt.synthesize(3), "folder"),
        (lambda: lt.report(3), "bundle"),
        (lambda: lt.report(bundle, previous=3), "previous"),
        (lambda: lt.save_bundle(trained.bundle, "x"), "bundle"),
    ):
        with pytest.raises(TypeError, match=rf"^{argument} must be .*found \w+\. Use"):
            call()


@pytest.mark.slow
def test_a_saved_bundle_has_all_that_the_command_writes(trained, bundle, tmp_path: Path) -> None:
    saved = lt.save_bundle(bundle, tmp_path / "bundle")
    assert saved.version == bundle.version
    assert contents(tmp_path / "bundle") == contents(trained.bundle)
    bare = lt.save_bundle(bundle, tmp_path / "bare", reports=False)
    assert (bare.version, bare.folder) == (bundle.version, tmp_path / "bare")
    assert not list((tmp_path / "bare").glob("*.html"))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is not a bundle"):
        lt.save_bundle(bundle, tmp_path)


@pytest.mark.slow
def test_the_report_is_the_page_that_the_command_writes(
    run, trained, bundle, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    given = ("--bundle", trained.bundle, "--lang", "pt", "-o", path)
    assert run("report", *given).returncode == 0
    assert lt.report(bundle, "pt") == lt.report(trained.bundle, language="pt") == path.read_text()
    assert run("report", *given, "--config", trained.config).returncode == 0
    assert lt.report(bundle, "pt", config=trained.config) == path.read_text()


@pytest.mark.slow
def test_training_from_python_gives_the_bundle_of_the_command(trained, tables, tmp_path) -> None:
    stages = set()
    model = lt.train(tables, trained.config, lambda stage, done, total: stages.add(stage))
    assert model.version == ""
    assert model.folder is None
    saved = lt.save_bundle(model, tmp_path / "bundle", reports=False)
    assert saved.version == lt.load_bundle(trained.bundle).version
    assert {"features", "importance of signals"} <= stages


def test_training_from_python_keeps_bands_and_remembers_exports_as_the_command_does(
    trained, tables, bundle, monkeypatch
) -> None:
    asked = {}

    def stand_in(tables, config, report_progress, earlier, first_seen):
        asked.update(earlier=earlier, first_seen=first_seen)
        return bundle.bundle

    monkeypatch.setattr("training.pipeline.trained_bundle", stand_in)
    lt.train(tables, trained.config, earlier=bundle)
    assert asked["earlier"] == bundle.bundle.bands
    kept_by_the_command = read_first_seen(trained.folder / "artifacts" / FIRST_SEEN)
    assert len(kept_by_the_command.lead) > 0
    np.testing.assert_array_equal(asked["first_seen"].lead, kept_by_the_command.lead)
    lt.train(tables, trained.config)
    assert asked["earlier"] is None


@pytest.mark.slow
def test_a_backtest_is_a_table_of_figures_by_day(trained, tables) -> None:
    table = lt.backtest(tables, trained.config, origins=2)
    assert list(table.columns[2:]) == ["mean", "spread", "trend"]
    auc = table.loc[("hot, 14 d", "AUC")]
    assert auc["mean"] == pytest.approx(auc.iloc[:2].mean())
    assert pd.Timestamp(table.columns[0]) < pd.Timestamp(table.columns[1])


def test_nothing_is_warned_of_where_nothing_is_missing(trained, bundle) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = bundle.score(trained.config, as_of="2024-03-01T00:00:00+00:00")
    assert len(scores) > 10
