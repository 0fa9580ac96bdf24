"""Reads what is to be scored: leads from an export or from plain files, and the instants.

`read_for_scoring` reads the tables and `read_spine` the leads and instants to score. The bundle
decides which attributes and measures are read, and of which kind; a configuration only says where
they are. Every lead that cannot be scored is reported.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from features.arrays import Bool
from features.export.file_queries import FileQueries
from features.export.mapping import ExportMapping, export_mapping
from features.export.sources import LeadsRead, read_export
from features.export.table_mapping import InteractionsMapping
from features.language.spec import Spec
from features.progress import ReadProgress, no_read_progress
from features.scale.instants import instants_of
from features.spine import LeadsToScore, Spine, after_refusal_of, is_open_at, microseconds
from features.tables import INTERACTIONS, Tables


@dataclass(frozen=True, slots=True)
class ScoringFiles:
    """Files and mapping of the tables that are to be scored.

    Parameters
    ----------
    mapping : ExportMapping or None
        Where tables and columns are, from the configuration; without it they must have our names.
    leads, interactions, attributes : pathlib.Path or None
        Files that replace those of the configuration.
    """

    mapping: ExportMapping | None = None
    leads: Path | None = None
    interactions: Path | None = None
    attributes: Path | None = None

    def __post_init__(self) -> None:
        if self.mapping is None and self.leads is None:
            raise ValueError("--leads or --config must say where the leads are.")

    def by_section(self) -> dict[str, Path]:
        """Files by the section whose table they replace."""
        paths = {name: getattr(self, name) for name in ("leads", "interactions", "attributes")}
        return {name: path for name, path in paths.items() if path is not None}


def read_for_scoring(
    spec: Spec,
    files: ScoringFiles,
    report_progress: ReadProgress = no_read_progress,
    with_contacts: LeadsRead | None = None,
    after_refusal_days: float | None = None,
) -> Tables:
    """Tables of leads that are to be scored by a bundle's spec.

    Parameters
    ----------
    spec : Spec
        The bundle's spec: it decides which attributes and measures are read, and of which kind.
    files : ScoringFiles
        Where the tables are.
    report_progress : callable, optional
        Called with the name of each table and the number of its rows read so far.
    with_contacts : callable, optional
        Which leads are to be scored (`asked_about`): of the others no interactions are read.
    after_refusal_days : float, optional
        For how long the bundle looks at refused leads, as its card says; the configuration's own
        setting is for the next training.

    Returns
    -------
    Tables
        The tables, with every measure of the spec; a measure that the export lacks is empty.

    Raises
    ------
    ValueError
        Something that the spec reads cannot be read.
    """
    mapping = _mapping(spec, files).model_copy(update={"after_refusal_days": after_refusal_days})
    tables = read_export(mapping, report_progress, with_contacts)
    # An attribute of the log may stand among the leads' columns too, with today's value: that is
    # not the one the bundle reads.
    logged = mapping.attributes is not None
    of_leads = mapping.leads.fixed_at_creation if logged else spec.attribute_kinds
    names = {mapping.leads.column(name): name for name in of_leads}
    names |= {f"attributes.{name}": name for name in spec.attribute_kinds}
    left_out = [f"{names[key]}: {reason}" for key, reason in tables.unused.items() if key in names]
    if left_out:
        reasons = "; ".join(sorted(left_out))
        raise ValueError(f"The bundle reads attributes that this export may not give: {reasons}.")
    interactions = tables.interactions
    for name in spec.measures:
        if name not in tables.measures:
            empty = pa.nulls(interactions.num_rows, pa.float64())
            interactions = interactions.append_column(name, empty)
    interactions = interactions.select([*INTERACTIONS.names, *spec.measures])
    return replace(tables, interactions=interactions, measures=spec.measures)


def asked_about(
    spine: Path | None, as_of: int, after_refusal_days: float | None = None
) -> LeadsRead:
    """Leads that a scoring asks about.

    Parameters
    ----------
    spine : pathlib.Path or None
        File of ``lead_id`` and ``as_of``, as for `read_spine`.
    as_of : int
        Where there is no such file, the instant at which all open leads are scored, in
        microseconds.
    after_refusal_days : float, optional
        As for `read_for_scoring`.

    Returns
    -------
    callable
        For `read_for_scoring`.
    """
    if spine is None:
        return partial(is_open_at, as_of, after_refusal=after_refusal_of(after_refusal_days))
    named_ids = pc.unique(instants_of(spine).lead_id)

    def is_named(leads: pa.Table, _: frozenset[str]) -> Bool:
        return np.asarray(pc.is_in(leads["lead_id"], value_set=named_ids).to_numpy(), np.bool_)

    return is_named


def read_spine(path: Path, tables: Tables) -> LeadsToScore:
    """Leads and instants that a file of ``lead_id`` and ``as_of`` names.

    Raises
    ------
    ValueError
        The file cannot be read, a column is missing or there twice, a time has no zone, or a lead
        is unknown or not yet created.
    """
    table = instants_of(path)
    lead_ids, as_of = table.lead_id, table.as_of
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
    return LeadsToScore(spine)


def _mapping(spec: Spec, files: ScoringFiles) -> ExportMapping:
    """Mapping of the configuration, with its tables replaced by the given files."""
    plain = {name: {"source": str(path.resolve())} for name, path in files.by_section().items()}
    if files.mapping is None:
        mapping = export_mapping(plain, Path.cwd())
    else:
        mapping = files.mapping
        bare = export_mapping({"leads": {"source": "leads.csv"}, **plain}, Path.cwd())
        for name, source in plain.items():
            section = getattr(mapping, name)
            elsewhere = dict.fromkeys(("table", "query", "file", "sql"))
            if isinstance(section, tuple):  # one file takes the place of all interactions
                section = section[0] if section else None
            update = {**elsewhere, **source}
            replaced = section.model_copy(update=update) if section else getattr(bare, name)
            if isinstance(section, InteractionsMapping):
                replaced = (replaced,)
            mapping = mapping.model_copy(update={name: replaced})
    mapping = _with_kinds(mapping, spec, declared=files.mapping is not None)
    return _with_measures(mapping, spec)


def _with_measures(mapping: ExportMapping, spec: Spec) -> ExportMapping:
    """Mapping with the measures of the spec that the interactions have."""
    sections = []
    with FileQueries(mapping) as sources:
        for name, section in mapping.named_interactions():
            measures = spec.measures
            if not set(measures) <= set(section.measures):
                with sources.open(name, section) as source:
                    measures = tuple(m for m in measures if section.column(m) in source.columns)
            sections.append(section.model_copy(update={"measures": measures}))
    return mapping.model_copy(update={"interactions": tuple(sections)})


def _with_kinds(mapping: ExportMapping, spec: Spec, *, declared: bool) -> ExportMapping:
    """Mapping with the attributes of the spec, each of the kind it was trained as."""
    fixed_at_creation = mapping.leads.fixed_at_creation
    if not declared:
        with FileQueries(mapping) as sources, sources.open("leads", mapping.leads) as source:
            fixed_at_creation = tuple(
                name for name in spec.attribute_kinds if name in source.columns
            )
    fixed_at_creation = tuple(name for name in fixed_at_creation if name in spec.attribute_kinds)
    leads = mapping.leads.model_copy(
        update={
            "fixed_at_creation": fixed_at_creation,
            "allow_sensitive": tuple(spec.attribute_kinds),
            "allow_flags": tuple(
                name for name in mapping.leads.allow_flags if name in spec.attribute_kinds
            ),
            "kinds": {name: spec.attribute_kinds[name] for name in fixed_at_creation},
        }
    )
    mapping = mapping.model_copy(update={"leads": leads})
    if mapping.attributes is not None:
        logged = {n: kind for n, kind in spec.attribute_kinds.items() if n not in fixed_at_creation}
        log = mapping.attributes.model_copy(update={"kinds": logged})
        mapping = mapping.model_copy(update={"attributes": log})
    return mapping
