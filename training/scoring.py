"""Bulk scores: an export and instants in, a table of banded probabilities out.

The same executor and the same bundle as in the server: a lead scored here has the bits it has over
HTTP. A lead that is not scored is told of, never just absent.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from features.batch import Spine, microseconds, point_in_time_features
from features.mapping import ExportMapping, export_mapping
from features.rows import opened
from features.sources import read_export
from features.spec import Spec
from features.tables import INSTANT, Tables, without_formulas
from models.bundle import Bundle
from training.config import read_config
from training.snapshots import ended_at


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be scored.

    Parameters
    ----------
    spine : Spine
    notes : tuple of str
        What was left out and why, a line each.
    """

    spine: Spine
    notes: tuple[str, ...] = ()


def read_for_scoring(
    spec: Spec, leads: Path | None, interactions: Path | None, config: Path | None
) -> Tables:
    """Tables of leads that are to be scored by a bundle's spec.

    Parameters
    ----------
    spec : Spec
        Which attributes and measures are read, and as what: the bundle decides, not the export.
    leads, interactions : pathlib.Path or None
        Files in the place of those that the configuration names.
    config : pathlib.Path or None
        Mapping of the columns; without it they must have our names.

    Raises
    ------
    ValueError
        Nothing says where the leads are, or something that the spec reads cannot be read.
    """
    tables = read_export(_mapping(spec, leads, interactions, config))
    left_out = {name: why for name, why in tables.unused.items() if name in spec.attribute_kinds}
    if left_out:
        reasons = "; ".join(f"{name}: {why}" for name, why in sorted(left_out.items()))
        raise ValueError(f"The bundle reads attributes that this export may not give: {reasons}.")
    return tables


def spine_at(as_of: int, tables: Tables) -> Wanted:
    """Every lead that is open at one instant."""
    created_at = microseconds(tables.leads["created_at"])
    later = created_at > as_of
    ended = ~later & (ended_at(tables) <= as_of)
    lead = np.flatnonzero(~later & ~ended)
    notes = []
    if later.any():
        notes.append(f"{int(later.sum()):,} leads were created after that instant: not scored.")
    if ended.any():
        notes.append(f"{int(ended.sum()):,} leads were converted or closed by then: not scored.")
    spine = Spine(lead.astype(np.int64), np.full(len(lead), as_of, np.int64))
    return Wanted(spine, tuple(notes))


def spine_from(path: Path, tables: Tables) -> Wanted:
    """Leads and instants that a file of ``lead_id`` and ``as_of`` names.

    Raises
    ------
    ValueError
        A column is missing, a time has no zone, or a lead is unknown or not created yet.
    """
    lead_ids, as_of = _spine_columns(path)
    ids = tables.leads["lead_id"].combine_chunks()
    index = pc.index_in(lead_ids, value_set=ids)
    if index.null_count:
        unknown = lead_ids.filter(pc.is_null(index))
        raise ValueError(
            f"{path}: lead_id '{unknown[0].as_py()}' is not among the leads "
            f"({len(unknown)} such rows). Every row of a spine must name an accepted lead."
        )
    spine = Spine(np.asarray(index.to_numpy(), np.int64), as_of)
    early = np.flatnonzero(microseconds(tables.leads["created_at"])[spine.lead] > as_of)
    if len(early):
        raise ValueError(
            f"{path}: row {early[0] + 1} asks for lead '{lead_ids[int(early[0])].as_py()}' before "
            f"it was created ({len(early)} such rows). A score needs as_of >= created_at."
        )
    return Wanted(spine)


def scored(bundle: Bundle, tables: Tables, spine: Spine, threads: int | None = None) -> pa.Table:
    """Scores of a spine, in its order.

    Returns
    -------
    pa.Table
        lead_id, as_of, hot_probability, warm_probability, band, model_version.
    """
    matrix = point_in_time_features(tables, spine, bundle.spec)
    scores = bundle.scores(matrix, threads or os.cpu_count() or 1)
    return pa.table(
        {
            "lead_id": tables.leads["lead_id"].take(pa.array(spine.lead)),
            "as_of": pa.array(spine.as_of).cast(INSTANT),
            "hot_probability": scores.hot_probability,
            "warm_probability": scores.warm_probability,
            "band": pa.array(scores.band.astype(object), pa.string()),
            "model_version": pa.repeat(bundle.version, len(spine)),
        }
    )


def write_scores(table: pa.Table, path: Path) -> tuple[str, ...]:
    """Write scores as Parquet or CSV, all at once.

    Returns
    -------
    tuple of str
        What a reader of the file must know, a line each.

    Raises
    ------
    ValueError
        The file's name ends in neither .parquet nor .csv.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise ValueError(f"--output must end in .parquet or .csv, got '{path.name}'.")
    notes: tuple[str, ...] = ()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.suffix == ".parquet":
            pq.write_table(table, part)
        else:
            safe = without_formulas(table["lead_id"])
            changed = pc.sum(pc.not_equal(safe, table["lead_id"])).as_py() or 0
            if changed:
                told = (
                    f"{changed:,} rows have a lead_id that a spreadsheet would take for a formula: "
                    "they stand with a leading apostrophe. Parquet keeps them as they are."
                )
                notes = (told,)
            place = table.column_names.index("lead_id")
            pyarrow.csv.write_csv(table.set_column(place, "lead_id", safe), part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return notes


def _mapping(
    spec: Spec, leads: Path | None, interactions: Path | None, config: Path | None
) -> ExportMapping:
    if config is None and leads is None:
        raise ValueError("--leads or --config must say where the leads are.")
    mapping = (
        read_config(config).export if config else export_mapping({"leads": _at(leads)}, Path.cwd())
    )
    if leads is not None:
        mapping = mapping.model_copy(
            update={"leads": mapping.leads.model_copy(update=_place(leads))}
        )
    if interactions is not None:
        section = (
            mapping.interactions
            or export_mapping(
                {"leads": {"source": "leads.csv"}, "interactions": _at(interactions)}, Path.cwd()
            ).interactions
        )
        if section is not None:
            update = {**_place(interactions), "measures": spec.measures}
            mapping = mapping.model_copy(update={"interactions": section.model_copy(update=update)})
    return _with_kinds(mapping, spec, declared=config is not None)


def _with_kinds(mapping: ExportMapping, spec: Spec, *, declared: bool) -> ExportMapping:
    """Attributes of the spec, each as the kind it was trained as."""
    fixed = mapping.leads.fixed_at_creation
    if not declared:
        with opened("leads", mapping.leads, mapping.data, mapping.base) as source:
            fixed = tuple(name for name in spec.attribute_kinds if name in source.columns)
    fixed = tuple(name for name in fixed if name in spec.attribute_kinds)
    leads = mapping.leads.model_copy(
        update={
            "fixed_at_creation": fixed,
            "allow_sensitive": tuple(spec.attribute_kinds),
            "kinds": {name: spec.attribute_kinds[name] for name in fixed},
        }
    )
    mapping = mapping.model_copy(update={"leads": leads})
    if mapping.attributes is not None:
        logged = {n: kind for n, kind in spec.attribute_kinds.items() if n not in fixed}
        log = mapping.attributes.model_copy(update={"kinds": logged})
        mapping = mapping.model_copy(update={"attributes": log})
    return mapping


def _at(path: Path | None) -> dict[str, object]:
    return {"source": str(path)}


def _place(path: Path) -> dict[str, object]:
    return {"source": str(path.resolve()), "table": None, "query": None}


def _spine_columns(path: Path) -> tuple[pa.Array, np.ndarray]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    if path.suffix == ".parquet":
        table = pq.read_table(path)
    else:
        options = pyarrow.csv.ConvertOptions(column_types={"lead_id": pa.string()})
        table = pyarrow.csv.read_csv(path, convert_options=options)
    for name in ("lead_id", "as_of"):
        if name not in table.column_names:
            raise ValueError(
                f"{path}: column '{name}' is missing. Columns found: {table.column_names}."
            )
    as_of = table["as_of"]
    if not (pa.types.is_timestamp(as_of.type) and as_of.type.tz) or as_of.null_count:
        raise ValueError(
            f"{path}: every as_of must be a time with a zone, such as 2026-01-01T00:00:00+00:00; "
            f"found {as_of.type} with {as_of.null_count} missing."
        )
    return table["lead_id"].cast(pa.string()).combine_chunks(), microseconds(as_of)
