"""The same bits on Spark, whole folders or none, and clear words where Spark cannot run."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import features.scale.spark
from benchmarks import bpi2012
from features.export.sources import read_export
from features.language.kinds import (
    AttributeCategory,
    AttributeNumber,
    Count,
    LeadAge,
    Selection,
)
from features.language.spec import Spec
from features.scale.batch import point_in_time_features
from features.scale.catalogue import standard_spec
from features.scale.spark import (
    _whole_leads,
    local_uri,
    require_java,
    row_count,
    spark_session,
    whole_folder,
    write_features,
    write_tables,
)
from features.spine import Spine, microseconds
from features.tables import Kind, Tables
from features.worlds.chain import made_up_crm
from features.worlds.crm import write_export
from lead_temperature.command import app
from models.bundle import save_bundle
from tests.support.bundles import small_bundle
from tests.support.histories import DAY, KINDS, leads, specs
from tests.support.required import require_loan_log, require_spark
from tests.support.tables import tables_of
from training.config import read_config

SMALL = {
    "spark.master": "local[2]",
    "spark.driver.memory": "512m",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.coalescePartitions.enabled": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "1000",
}


@pytest.fixture(scope="module")
def spark():
    require_spark()
    with spark_session(SMALL) as session:
        yield session


def drawn_tables(drawn: list[dict]) -> tuple[Tables, Spine]:
    """Leads drawn by Hypothesis, as an export; a lead's name is no matter of ours."""
    names = [f"{i % 3}/'`é {i}" for i in range(len(drawn))]
    tables = tables_of(
        [
            {"lead_id": name, "created_at": lead["created_at"] / DAY, "owner": lead["owner"]}
            for name, lead in zip(names, drawn, strict=True)
        ],
        [
            {
                **event,
                "lead_id": name,
                "occurred_at": event["occurred_at"] / DAY,
                "recorded_at": event["recorded_at"] / DAY,
            }
            for name, lead in zip(names, drawn, strict=True)
            for event in lead["interactions"]
        ],
        [
            {
                "lead_id": name,
                "recorded_at": moment / DAY,
                "name": attribute,
                "text" if KINDS[attribute] == "category" else "number": value,
            }
            for name, lead in zip(names, drawn, strict=True)
            for moment, attribute, value in lead["versions"]
        ],
        kinds=KINDS,
        fixed=("owner",),
        measures=("value",),
    )
    looks = [(i, as_of) for i, lead in enumerate(drawn) for as_of in lead["as_of"]]
    return tables, Spine(*np.array(looks, np.int64).T)


def on_spark(spark, folder: Path, tables: Tables, spine: Spine, spec: Spec) -> pa.Table:
    write_tables(tables, spine, folder / "tables")
    source = local_uri(folder / "tables", read=True)
    write_features(spark, source, spec, local_uri(folder / "features"))
    return pq.read_table(folder / "features").sort_by(
        [("lead_id", "ascending"), ("as_of", "ascending")]
    )


def here(tables: Tables, spine: Spine, spec: Spec) -> pa.Table:
    matrix = point_in_time_features(tables, spine, spec)
    ids = tables.leads["lead_id"].take(pa.array(spine.lead))
    as_of = pa.array(spine.as_of).cast(pa.timestamp("us", "UTC"))
    columns = [ids, as_of, *(pa.array(column) for column in matrix.T)]
    return pa.table(columns, names=["lead_id", "as_of", *spec.names]).sort_by(
        [("lead_id", "ascending"), ("as_of", "ascending")]
    )


def assert_same_bits(found: pa.Table, expected: pa.Table) -> None:
    """Names, rows and every bit of every number; NaN is one value, whatever its sign."""
    assert found.column_names == expected.column_names
    assert found["lead_id"].to_pylist() == expected["lead_id"].to_pylist()
    assert microseconds(found["as_of"]).tolist() == microseconds(expected["as_of"]).tolist()
    for name in expected.column_names[2:]:
        numbers, wanted = found[name].to_numpy(), expected[name].to_numpy()
        np.testing.assert_array_equal(np.isnan(numbers), np.isnan(wanted), err_msg=name)
        known = ~np.isnan(wanted)
        assert numbers[known].tobytes() == wanted[known].tobytes(), name


@pytest.mark.slow
@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(spec=specs, drawn=st.lists(leads(), min_size=5, max_size=30))
def test_any_spec_over_any_histories_has_the_bits_of_one_machine(
    spark, tmp_path_factory: pytest.TempPathFactory, spec: Spec, drawn: list[dict]
) -> None:
    tables, spine = drawn_tables(drawn)
    found = on_spark(spark, tmp_path_factory.mktemp("drawn"), tables, spine, spec)
    assert_same_bits(found, here(tables, spine, spec))


@pytest.mark.slow
def test_a_crm_with_a_log_and_leads_without_interactions_has_the_bits_of_one_machine(
    spark, tmp_path: Path
) -> None:
    write_export(made_up_crm(600, seed=3), tmp_path / "crm", "parquet")
    tables = read_export(read_config(tmp_path / "crm" / "lead_temperature.toml").export)
    silent = set(tables.leads["lead_id"].to_pylist()) - set(
        tables.interactions["lead_id"].to_pylist()
    )
    assert silent
    assert tables.attribute_log.num_rows
    spec = standard_spec(tables, tables.data_end)
    spine = weekly(tables, looks=8)
    assert_same_bits(on_spark(spark, tmp_path, tables, spine, spec), here(tables, spine, spec))


@pytest.mark.slow
def test_the_loan_log_whole_has_the_bits_of_one_machine(spark, tmp_path: Path) -> None:
    bpi2012.convert(require_loan_log(), tmp_path / "loans")
    tables = read_export(read_config(tmp_path / "loans" / "lead_temperature.toml").export)
    spec = standard_spec(tables, tables.data_end)
    spine = weekly(tables, looks=8)
    rows = tables.leads.num_rows + tables.interactions.num_rows + len(spine)
    assert rows / 2 > features.scale.spark.ROWS_AT_ONCE  # some task computes more than once
    assert_same_bits(on_spark(spark, tmp_path, tables, spine, spec), here(tables, spine, spec))


def weekly(tables: Tables, looks: int) -> Spine:
    created_at = microseconds(tables.leads["created_at"])
    weeks = np.arange(looks) * 7 * DAY
    lead = np.repeat(np.arange(len(created_at)), looks)
    return Spine(lead, (created_at[:, None] + weeks).ravel())


@pytest.mark.slow
def test_values_of_one_instant_keep_the_order_of_the_export_across_files(
    spark, tmp_path: Path
) -> None:
    """Fifty versions of one moment in two files: the last row of the last file is the value."""
    words = [f"w{i}" for i in range(50)]
    ids = [f"lead {i}" for i in range(20)]
    tables = tables_of(
        [{"lead_id": name, "created_at": 0} for name in ids],
        log=[
            {"lead_id": name, "recorded_at": 1.0, "name": "stage", "text": word}
            for word in words
            for name in ids
        ],
        kinds={"stage": "category"},
    )
    spec = Spec((AttributeCategory("stage", tuple(words)),), {"stage": "category"})
    spine = Spine(np.arange(20), np.full(20, 2 * DAY))
    write_tables(tables, spine, tmp_path / "tables")
    log = tmp_path / "tables" / "attribute_log.parquet"
    log.unlink()
    log.mkdir()
    pq.write_table(tables.attribute_log.slice(500), log / "part 2.parquet")
    pq.write_table(tables.attribute_log.slice(0, 500), log / "part 1.parquet")
    write_features(spark, local_uri(tmp_path / "tables"), spec, local_uri(tmp_path / "features"))
    values = pq.read_table(tmp_path / "features")["attribute[stage]"].to_pylist()
    assert values == [49.0] * 20


@pytest.mark.slow
def test_an_empty_spine_gives_an_empty_folder_with_its_columns(spark, tmp_path: Path) -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 0}])
    none = np.empty(0, np.int64)
    spec = Spec((LeadAge(), Count(Selection(kind=("`;{} =",)), 7)))
    found = on_spark(spark, tmp_path, tables, Spine(none, none), spec)
    assert found.num_rows == 0
    assert found.column_names == ["lead_id", "as_of", *spec.names]


@pytest.mark.slow
def test_names_that_differ_in_case_or_hold_quotes_are_columns_like_any_other(
    spark, tmp_path: Path
) -> None:
    names = ("Size", "size", "a.b`c", "lead_ID")
    kinds: dict[str, Kind] = dict.fromkeys(names, "number")
    values = dict(zip(names, (1.0, 2.0, -0.0, 4.0), strict=True))
    tables = tables_of([{"lead_id": "a", "created_at": 0, **values}], kinds=kinds, fixed=names)
    spec = Spec(tuple(AttributeNumber(name) for name in names), kinds)
    spine = Spine(np.array([0, 0]), np.array([DAY, DAY]))
    assert_same_bits(on_spark(spark, tmp_path, tables, spine, spec), here(tables, spine, spec))


@pytest.mark.slow
def test_a_lead_that_the_tables_do_not_have_stops_the_job_by_its_name(
    spark, tmp_path: Path
) -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 0}])
    write_tables(tables, Spine(np.array([0]), np.array([DAY])), tmp_path)
    spine = pq.read_table(tmp_path / "spine.parquet")
    stranger = pa.table([["stranger"], spine["as_of"]], schema=spine.schema)
    pq.write_table(stranger, tmp_path / "spine.parquet")
    target = tmp_path / "features"
    with pytest.raises(Exception, match="spine: lead_id 'stranger' is not among the leads"):
        write_features(spark, local_uri(tmp_path), Spec((LeadAge(),)), local_uri(target))
    assert not (target / "_SUCCESS").exists()


@pytest.mark.slow
def test_a_column_of_another_type_is_named(spark, tmp_path: Path) -> None:
    tables = tables_of([{"lead_id": "a", "created_at": 0}])
    write_tables(tables, Spine(np.array([0]), np.array([DAY])), tmp_path)
    spine = pq.read_table(tmp_path / "spine.parquet")
    naive = spine.set_column(1, "as_of", spine["as_of"].cast(pa.timestamp("us")))
    pq.write_table(naive, tmp_path / "spine.parquet")
    with pytest.raises(ValueError, match=r"spine\.parquet: column 'as_of' must be .* timestamp"):
        write_features(
            spark, local_uri(tmp_path), Spec((LeadAge(),)), local_uri(tmp_path / "features")
        )


@pytest.mark.slow
def test_the_verb_scores_on_spark_what_it_scores_here(spark, tmp_path: Path) -> None:
    """Into a folder whose name is a pattern, over an earlier output."""
    folder = tmp_path / "crm [new] {1} * é"
    made = Path(folder, "crm")
    save_bundle(small_bundle(), folder / "bundle")
    write_export(made_up_crm(300, seed=2), made, "parquet")
    config = made / "lead_temperature.toml"
    arguments = ["score", "--bundle", str(folder / "bundle"), "--as-of", "2025-06-01T00:00:00Z"]
    arguments += ["--config", str(config)]
    one, many = folder / "one.parquet", folder / "many.parquet"
    many.write_text("an earlier output")
    for output, engine in ((one, "local"), (many, "spark")):
        done = CliRunner().invoke(app, [*arguments, "-o", str(output), "--engine", engine])
        assert done.exit_code == 0, done.output
    order = [("lead_id", "ascending")]
    expected, found = (pq.read_table(path).sort_by(order) for path in (one, many))
    assert found.num_rows > 10
    assert found.equals(expected)
    left = {path.name for path in folder.iterdir()}
    assert left == {"bundle", "crm", "one.parquet", "many.parquet"}


def test_an_output_that_is_not_whole_leaves_the_earlier_one(tmp_path: Path) -> None:
    output = tmp_path / "scores.parquet"
    with whole_folder(output) as part:
        written(part / "rows", "earlier")
    with pytest.raises(OSError, match="did not finish the output"), whole_folder(output) as part:
        (part / "rows").mkdir()
    with pytest.raises(ZeroDivisionError), whole_folder(output) as part:
        written(part / "rows", f"cut off {1 / 0}")
    assert pq.read_table(output)["word"].to_pylist() == ["earlier"]
    with whole_folder(output) as part:
        written(part / "rows", "later")
    assert pq.read_table(output)["word"].to_pylist() == ["later"]
    assert row_count(output) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["scores.parquet"]


def written(rows: Path, word: str) -> None:
    rows.mkdir()
    pq.write_table(pa.table({"word": [word]}), rows / "part-0.parquet")
    (rows / "_SUCCESS").touch()


def test_a_folder_that_spark_did_not_finish_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(FileExistsError, match="without _SUCCESS"), whole_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@given(
    sizes=st.lists(st.integers(1, 12), max_size=12),
    batch_rows=st.integers(1, 9),
    enough=st.integers(1, 20),
)
def test_no_part_cuts_a_lead_in_two(sizes: list[int], batch_rows: int, enough: int) -> None:
    ids = [f"{i:02}" for i, size in enumerate(sizes) for _ in range(size)]
    stream = pa.table({"lead_id": pa.array(ids, pa.string()), "row": range(len(ids))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features.scale.spark, "ROWS_AT_ONCE", enough)
        parts = list(_whole_leads(iter(stream.to_batches(max_chunksize=batch_rows))))
    if ids:
        assert pa.concat_tables(parts).equals(stream)
    found = [set(part["lead_id"].to_pylist()) for part in parts]
    assert sum(map(len, found)) == len(set(ids))
    assert all(part.num_rows >= enough for part in parts[:-1])
    assert all(part.num_rows < enough + 2 * batch_rows + max(sizes) for part in parts)


def test_without_java_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(
            FileNotFoundError, match=r"needs Java 17 or newer, found none.*Install Java 17"
        ),
        spark_session(),
    ):
        pass


@pytest.mark.process
def test_a_java_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(
        OSError, match=r'needs Java 17 or newer, found openjdk version "1\.8\.0_392"'
    ):
        require_java()


def test_without_pyspark_it_says_which_extra_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features.scale.spark, "require_java", lambda: None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with (
        pytest.raises(ImportError, match=r"pip install 'lead-temperature\[train,spark\]'"),
        spark_session(),
    ):
        pass
