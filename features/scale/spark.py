"""The same features where one machine ends: Parquet in, the one executor on Spark, Parquet out.

A folder with four normalised tables (`write_tables` says which) becomes one stream of rows that
Spark hands out by lead and sorts by lead, so that whole leads arrive together, and a task holds
some `ROWS_AT_ONCE` rows whatever the size of its partition. Over these rows runs
`features.scale.batch.point_in_time_features`, nothing else: a lead has the bits that it has on one
machine. What travels to the tasks is text (the spec's JSON, a bundle's files), and a folder is
whole when Spark has put ``_SUCCESS`` into it. `docs/spark.md` says what a cluster needs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

from features.arrays import Float64
from features.language.spec import Spec, spec_from_json
from features.scale.batch import point_in_time_features
from features.scale.partition import SPINE
from features.spine import Spine, microseconds
from features.tables import (
    ATTRIBUTE_LOG,
    INSTANT,
    REJECTS,
    WORD,
    Tables,
    interactions_schema,
    leads_schema,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

JAVA = 17
"""The oldest Java that Spark 4 runs on."""
ROWS_AT_ONCE = 100_000
"""Leads, interactions, versions and instants that a task computes in one go, about."""
BATCH_ROWS = 10_000
"""Rows that a task hands back to Spark in one go."""
SUCCESS = "_SUCCESS"
LOG = """\
rootLogger.level = fatal
rootLogger.appenderRef.terminal.ref = terminal
appender.terminal.type = Console
appender.terminal.name = terminal
appender.terminal.target = SYSTEM_ERR
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = fatal
"""
"""Log of a Spark of our own: an error comes back as an exception and is not reported twice."""
SPARK_TYPES = {
    INSTANT: "timestamp",
    pa.string(): "string",
    WORD: "string",
    pa.float64(): "double",
    pa.int64(): "bigint",
}

Columns = Callable[[Float64], Mapping[str, pa.Array]]
"""What is written of a feature matrix, by name; of no rows it is the schema."""


def require_java() -> None:
    """Refuse to start Spark where it cannot run.

    Raises
    ------
    FileNotFoundError
        There is no Java.
    OSError
        There is one, and it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(Path(home, "bin", "java") if home else "java")
    searched = f"in JAVA_HOME={home}" if home else "on the PATH, and JAVA_HOME is not set"
    way_out = (
        f"Install Java {JAVA} (Debian: apt-get install openjdk-{JAVA}-jre-headless) "
        "or set JAVA_HOME; without Spark, score with --engine local."
    )
    if java is None:
        raise FileNotFoundError(
            f"Spark needs Java {JAVA} or newer, found none {searched}. {way_out}"
        )
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - the user's own Java
    number = re.search(r'version "(\d+)', output)
    if number is None or int(number[1]) < JAVA:
        version = output.strip().partition("\n")[0] or "one that does not tell its version"
        raise OSError(f"Spark needs Java {JAVA} or newer, found {version} ({java}). {way_out}")


@contextmanager
def spark_session(settings: Mapping[str, str] | None = None) -> Iterator["SparkSession"]:
    """The running Spark, or one that is started here and stopped at the end.

    Under ``spark-submit`` its settings hold; otherwise Spark runs on this machine alone, on the
    loopback address and silent but for its progress bar.

    Parameters
    ----------
    settings : mapping of str to str, optional
        Spark's own settings, before all others.

    Raises
    ------
    OSError
        Java is missing or too old.
    ImportError
        PySpark is not installed.
    """
    require_java()
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ImportError(
            "Spark needs PySpark: pip install 'lead-temperature[train,spark]'."
        ) from error
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    with TemporaryDirectory() as folder, _quiet_about_pandas():
        defaults = {} if submitted else _on_this_machine(Path(folder))
        builder = SparkSession.builder.appName("lead-temperature")
        for name, value in {**defaults, **(settings or {})}.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def _on_this_machine(folder: Path) -> dict[str, str]:
    """Settings of a Spark that nobody else is to see or to hear; it reads `folder` once."""
    log = folder / "log4j2.properties"
    log.write_text(LOG, encoding="utf-8")
    # Read from the environment alone: the tasks' interpreter, and the address of the first sockets.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return {
        "spark.master": "local[*]",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower(),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log.as_uri()}",
    }


@contextmanager
def _quiet_about_pandas() -> Iterator[None]:
    """No word of pandas 3: PySpark checks its version, and nothing here goes through it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", Warning)
        yield


def write_tables(tables: Tables, spine: Spine, folder: Path) -> None:
    """Write what `write_features` reads: four tables as Parquet.

    ``leads.parquet``, ``interactions.parquet`` and ``attribute_log.parquet`` are those of `Tables`;
    ``spine.parquet`` has ``lead_id`` and ``as_of``. Each may also be a folder of parts.

    Parameters
    ----------
    tables : Tables
        The export.
    spine : Spine
        Which of its leads to look at, and when.
    folder : Path
        Made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lead_ids = tables.leads["lead_id"].take(pa.array(spine.lead))
    rows = pa.table([lead_ids, pa.array(spine.as_of).cast(INSTANT)], schema=SPINE)
    for name, table in {
        "leads": tables.leads,
        "interactions": tables.interactions,
        "attribute_log": tables.attribute_log,
        "spine": rows,
    }.items():
        pq.write_table(table, folder / f"{name}.parquet")


def write_features(
    session: "SparkSession", source: str, spec: Spec, target: str, columns: Columns | None = None
) -> None:
    """Compute features on Spark, from a folder of Parquet tables to a folder of Parquet parts.

    Parameters
    ----------
    session : SparkSession
        The running Spark; its settings stay as they are.
    source : str
        Folder or URI of the four tables, see `write_tables`. Each row of the spine is answered,
        in no particular order.
    spec : Spec
        Which features to compute.
    target : str
        Folder or URI that is not there yet: ``lead_id``, ``as_of`` and the columns. It is whole
        when it holds ``_SUCCESS``.
    columns : callable, optional
        What is written of a feature matrix. Default: one column for each feature.

    Raises
    ------
    ValueError
        A table lacks a column, or has it in another type.
    """
    # A session of its own: these settings are not its owner's affair.
    private_session = session.newSession()
    private_session.conf.set("spark.sql.session.timeZone", "UTC")
    private_session.conf.set(
        "spark.sql.caseSensitive", "true"
    )  # "Size" and "size" are two attributes
    private_session.conf.set(
        "spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS"
    )  # as everywhere else
    columns_of_leads = set(private_session.read.parquet(f"{source}/leads.parquet").columns)
    fixed_attributes = tuple(name for name in spec.attribute_kinds if name in columns_of_leads)
    make_columns = columns or partial(_feature_columns, spec.names)
    compute = partial(_computed, json.dumps(spec.to_json()), fixed_attributes, make_columns)
    empty = np.empty((0, len(spec.features)), np.float64)
    answer = [
        *(field.with_nullable(True) for field in SPINE),
        *pa.table(dict(make_columns(empty))).schema,
    ]
    with _quiet_about_pandas():
        from pyspark.sql.pandas.types import from_arrow_schema

        (
            _rows(private_session, source, _schemas(spec, fixed_attributes))
            .repartition("lead_id")
            .sortWithinPartitions("lead_id", "file", "row")
            .mapInArrow(compute, from_arrow_schema(pa.schema(answer)))
            .write.parquet(target)
        )


@contextmanager
def whole_folder(output: Path) -> Iterator[Path]:
    """A hidden folder to work in, whose ``rows`` take the name `output` once Spark has succeeded.

    Parameters
    ----------
    output : Path
        Folder of Parquet parts. An earlier one, or a file, is replaced.

    Raises
    ------
    FileExistsError
        `output` is a folder that Spark did not finish: it is not ours to replace.
    """
    _require_replaceable(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.resolve().with_name(f".{output.name}.{uuid.uuid4().hex}.part")
    part.mkdir()
    try:
        yield part
        if not (part / "rows" / SUCCESS).is_file():
            raise OSError(
                f"Spark did not finish the output for {output}; what was there is unchanged."
            )
        _require_replaceable(output)
        _put_in_place(part / "rows", output)
    finally:
        shutil.rmtree(part)


def row_count(folder: Path) -> int:
    """Rows of a folder of Parquet parts."""
    return int(pyarrow.dataset.dataset(folder, format="parquet").count_rows())


def local_uri(path: Path, *, read: bool = False) -> str:
    r"""A path of this machine as Spark takes it, whatever its default file system.

    To be read, characters that would be a pattern are escaped; names to write are no patterns.

    Examples
    --------
    >>> local_uri(Path("/crm [new]"), read=True)
    'file:///crm \\[new\\]'
    """
    text = str(path.resolve())
    return "file://" + (re.sub(r"([{}\[\]*?\\])", r"\\\1", text) if read else text)


def _put_in_place(rows: Path, output: Path) -> None:
    """Between the two renames, a kill leaves the earlier output whole under a hidden name."""
    earlier = output.with_name(f".{output.name}.{uuid.uuid4().hex}.earlier")
    replaced = output.exists()
    if replaced:
        output.rename(earlier)
    rows.rename(output)
    if replaced and earlier.is_dir():
        shutil.rmtree(earlier)
    elif replaced:
        earlier.unlink()


def _require_replaceable(output: Path) -> None:
    if output.is_dir() and any(output.iterdir()) and not (output / SUCCESS).is_file():
        raise FileExistsError(
            f"{output} is a folder without {SUCCESS}, so no whole output of Spark's; "
            "name another one, or remove it."
        )


def _schemas(spec: Spec, fixed_attributes: tuple[str, ...]) -> dict[str, pa.Schema]:
    """Tables by name, with what is read of them."""
    return {
        "leads": leads_schema({name: spec.attribute_kinds[name] for name in fixed_attributes}),
        "interactions": interactions_schema(spec.measures),
        "attribute_log": ATTRIBUTE_LOG,
        "spine": SPINE,
    }


def _rows(session: "SparkSession", source: str, schemas: Mapping[str, pa.Schema]) -> "DataFrame":
    """All tables' rows as one stream: lead_id, place in the export, one struct for each table."""
    rows, *further = [_packed(session, source, name, schema) for name, schema in schemas.items()]
    for frame in further:
        rows = rows.unionByName(frame, allowMissingColumns=True)
    return rows


def _packed(session: "SparkSession", source: str, name: str, schema: pa.Schema) -> "DataFrame":
    from pyspark.sql import functions as F  # noqa: N812 - its name everywhere

    path = f"{source}/{name}.parquet"
    frame = session.read.parquet(path)
    type_names = {field.name: field.dataType.simpleString() for field in frame.schema}
    for field in schema:
        expected = SPARK_TYPES[field.type]
        if type_names.get(field.name) != expected:
            raise ValueError(
                f"{path}: column '{field.name}' must be there as {expected}, "
                f"found {type_names.get(field.name, 'none')}. Columns found: {type_names}."
            )

    def column(field: pa.Field) -> "Column":
        quoted = F.col("`" + field.name.replace("`", "``") + "`")
        # Whole numbers travel as they are; a timestamp would be turned through time zones.
        return (F.unix_micros(quoted) if field.type == INSTANT else quoted).alias(field.name)

    return frame.select(
        column(schema.field("lead_id")),
        # Where two rows have one instant, the executor takes them in the export's order.
        F.col("_metadata.file_path").alias("file"),
        F.col("_metadata.row_index").alias("row"),
        F.struct(*[column(field) for field in schema if field.name != "lead_id"]).alias(name),
    )


def _feature_columns(names: tuple[str, ...], matrix: Float64) -> dict[str, pa.Array]:
    return {name: pa.array(matrix[:, i]) for i, name in enumerate(names)}


def _computed(
    spec_json: str,
    fixed_attributes: tuple[str, ...],
    columns: Columns,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    """What one task does with the rows of its partition."""
    spec = spec_from_json(json.loads(spec_json))
    schemas = _schemas(spec, fixed_attributes)
    for part in _whole_leads(batches):
        parts = {name: _unpacked(part, name, schema) for name, schema in schemas.items()}
        _require_leads(parts)
        spine = parts.pop("spine")
        tables = Tables(
            **parts,
            attribute_kinds=dict(spec.attribute_kinds),
            measures=spec.measures,
            data_end=0,  # no feature looks at it
            rejects=REJECTS.empty_table(),
            unused={},
        )
        ids = tables.leads["lead_id"].combine_chunks()
        lead = pc.index_in(spine["lead_id"], value_set=ids).to_numpy().astype(np.int64)
        rows = Spine(lead, microseconds(spine["as_of"]))
        written_columns = columns(point_in_time_features(tables, rows, spec))
        answers = pa.table(
            {"lead_id": spine["lead_id"], "as_of": spine["as_of"], **written_columns}
        )
        yield from answers.combine_chunks().to_batches(max_chunksize=BATCH_ROWS)


def _whole_leads(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Rows in parts of `ROWS_AT_ONCE` or more that cut no lead in two; they come sorted by lead."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows == 0:
            continue
        ids = batch["lead_id"]
        last_begins = pc.index(ids, ids[-1]).as_py()
        another = bool(waiting) and waiting[-1]["lead_id"][-1] != ids[0]
        is_full = sum(held.num_rows for held in waiting) + last_begins >= ROWS_AT_ONCE
        if is_full and (last_begins > 0 or another):
            yield pa.Table.from_batches([*waiting, batch.slice(0, last_begins)])
            waiting = [batch.slice(last_begins)]
        else:
            waiting.append(batch)
    if waiting:
        yield pa.Table.from_batches(waiting)


def _unpacked(part: pa.Table, name: str, schema: pa.Schema) -> pa.Table:
    """One table out of the stream, in its own types."""
    rows = part.filter(pc.is_valid(part[name]))
    fields = pa.Table.from_struct_array(rows[name].combine_chunks())
    arrays = []
    for field in schema:
        column = rows["lead_id"] if field.name == "lead_id" else fields[field.name]
        encoded = column.dictionary_encode() if field.type == WORD else column
        arrays.append(encoded.cast(field.type))
    return pa.table(arrays, schema=schema)


def _require_leads(parts: Mapping[str, pa.Table]) -> None:
    """Every row belongs to a lead, and each lead is there once."""
    ids = parts["leads"]["lead_id"].combine_chunks()
    counts = pc.value_counts(ids)
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if len(repeated):
        raise ValueError(f"leads: lead_id '{repeated[0]}' stands there more than once.")
    for name, table in parts.items():
        strangers = table["lead_id"].filter(pc.invert(pc.is_in(table["lead_id"], value_set=ids)))
        if len(strangers):
            raise ValueError(
                f"{name}: lead_id '{strangers[0]}' is not among the leads. "
                "The tables must be normalised: read_export sees to it, and keeps such rows apart."
            )
