"""The day's list from an export: the open leads in, files of the list out.

`read_pool` reads what the bundle and ``people.toml`` need, `read_previous_list` reads the list
before, and `write_table` writes a list as CSV or as an Excel workbook. Names of columns are English
whatever the language, so that the next list can read them; texts in the cells are in the language
of the list. Nothing in a cell is a formula, and of a customer there are ids alone.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from features.arrays import NEVER
from features.engine.history import is_known
from features.export.sections import near_miss
from features.language.kinds import LABEL_FIELDS
from features.language.spec import Spec
from features.progress import ReadProgress, no_read_progress
from features.scale.batch import histories_of
from features.scale.instants import instants_of
from features.spine import LeadsToScore, open_leads_at, refused_at
from features.tables import Tables, without_formulas
from models.bands import LEVELS
from models.course.looks import Band
from models.plays import Playbook
from serving.bulk.selection import ScoringFiles, asked_about, read_for_scoring
from serving.desk.contacts import OUTBOUND
from serving.desk.due import DUE_CLOCKS, Clock, words_of
from serving.desk.people import Team
from serving.desk.variants import current_labels, some_histories
from serving.desk.worklist import LeadPool, PreviousList, PreviousRow

LIST_SUFFIXES = (".csv", ".xlsx", ".html")


def desk_spec(spec: Spec, team: Team) -> Spec:
    """Spec of a bundle that also reads what the people's file names, and every label.

    Parameters
    ----------
    spec : Spec
        The bundle's.
    team : Team
        The people.
    """
    kinds = dict(spec.attribute_kinds)
    for name, key in team.attribute_names.items():
        if kinds.setdefault(name, "category") != "category":
            raise ValueError(
                f"people.toml: {key}: attribute '{name}' must be a category, the model reads it "
                f"as a {kinds[name]}. Name another."
            )
    if (points := team.attributes.points) is not None:
        kinds.setdefault(points, "number")
    labels = {name: spec.ignored.get(name, ()) for name in LABEL_FIELDS}
    return replace(spec, attribute_kinds=kinds, ignored=labels)


def read_pool(
    spec: Spec,
    team: Team,
    files: ScoringFiles,
    as_of: int,
    report_progress: ReadProgress = no_read_progress,
    after_refusal_days: float | None = None,
) -> tuple[LeadPool, LeadsToScore, Tables]:
    """All leads that are open at an instant.

    Parameters
    ----------
    spec : Spec
        The bundle's.
    team : Team
        The people, who read further attributes.
    files : ScoringFiles
        Where the tables are.
    as_of : int
        The instant, in microseconds.
    report_progress : callable, optional
        Called with the name of each table and the number of its rows read so far.
    after_refusal_days : float, optional
        For how long the bundle looks at refused leads: they are in the pool, too.

    Returns
    -------
    pool : LeadPool
        The open leads.
    selection : LeadsToScore
        Where they are in the export, and what was left out and why.
    tables : Tables
        The export that they are from.

    Raises
    ------
    ValueError
        The export lacks an attribute that the people's file names.
    """
    wider = desk_spec(spec, team)
    selected = asked_about(None, as_of, after_refusal_days)
    tables = read_for_scoring(wider, files, report_progress, selected, after_refusal_days)
    _require_attributes(tables, team)
    selection = open_leads_at(as_of, tables)
    lead = selection.spine.lead
    customer = tables.leads["person"]
    refusals = refused_at(tables)[lead]
    pool = LeadPool(
        lead_ids=tuple(tables.leads["lead_id"].take(pa.array(lead)).to_pylist()),
        histories=some_histories(histories_of(tables, wider), lead),
        customer=(
            None
            if customer.null_count == len(customer)
            else pc.fill_null(customer, -1).to_numpy()[lead].astype(np.int64)
        ),
        refused_at=np.where(is_known(refusals, as_of), refusals, NEVER),
    )
    return pool, selection, tables


def _require_attributes(tables: Tables, team: Team) -> None:
    logged = pc.unique(tables.attribute_log["name"]).to_pylist()
    available = sorted({*tables.attribute_kinds, *logged})
    names = {*tables.leads.column_names, *logged}
    for name, key in team.attribute_names.items():
        if name not in names:
            raise ValueError(
                f"people.toml: {key}: the export has no attribute '{name}'."
                f"{near_miss(name, {*names, *tables.unused})} Declare it in fixed_at_creation or "
                "in the log of attributes, or take it out of people.toml. Attributes: "
                f"{', '.join(available)}."
            )


def pool_notes(
    pool: LeadPool, team: Team, plays: Playbook, as_of: int, *, with_plays: bool
) -> tuple[str, ...]:
    """What of the people's file and of the plays does not fit the export, a line each.

    Parameters
    ----------
    pool : LeadPool
        The open leads.
    team : Team
        The people.
    plays : Playbook
        What is done.
    as_of : int
        The instant of the list, in microseconds.
    with_plays : bool
        Whether the plays are a house's own: the shipped ones name words that an export may lack.
    """
    labels, attributes = pool.histories.labels, team.attributes
    notes = []
    if len(pool.histories.occurred_at) and OUTBOUND not in labels["direction"].vocabulary:
        notes.append(
            "No interaction is outbound, so nobody seems to have been contacted: map the export's "
            "word for it to 'outbound' in [interactions.values]."
        )
    if attributes.owner is not None:
        labels_of_owner = {
            attributes.owner: current_labels(pool.histories, attributes.owner, as_of)
        }
        owners = words_of(labels_of_owner, attributes.owner, pool.histories.leads)
        ids = {None, *(person.id for person in team.person)}
        strangers = sorted(owner for owner in owners if owner not in ids and owner is not None)
        if strangers:
            notes.append(
                f"{len(strangers):,} leads are with somebody who is not in people.toml, such as "
                f"'{strangers[0]}': others get them."
            )
    if with_plays:
        sources, forms = (
            () if name is None else current_labels(pool.histories, name, as_of).vocabulary
            for name in (attributes.source, attributes.form)
        )
        notes += plays.unknown_words(sources, (*forms, *labels["kind"].vocabulary))
    return tuple(notes)


def require_list_suffix(path: Path) -> None:
    """Refuse a file name whose suffix is no format of lists.

    Raises
    ------
    ValueError
        The name ends in none of `LIST_SUFFIXES`.
    """
    if path.suffix not in LIST_SUFFIXES:
        raise ValueError(f"--output must end in {', '.join(LIST_SUFFIXES)}, got '{path}'.")


def read_previous_list(path: Path) -> PreviousList:
    """The list before, as `write_table` wrote it.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file.

    Raises
    ------
    FileNotFoundError, ValueError
        As in `features.scale.instants.instants_of`; or it is no list, or of several instants.
    """
    if path.suffix != ".csv":
        raise ValueError(f"--previous must be a list as CSV, got '{path.name}'. Write one with -o.")
    if path.is_file() and len(path.read_bytes().splitlines()) == 1:
        raise ValueError(f"{path}: the list is empty. Name the one before it, or none.")
    table = instants_of(path, "person", "band", "probability", "clock")
    if len(distinct := np.unique(table.as_of)) > 1:
        raise ValueError(
            f"{path}: as_of must be the same in every row, as in a list; found {len(distinct)} "
            "different ones."
        )
    columns = {name: values.to_pylist() for name, values in table.texts.items()}
    rows: dict[str, PreviousRow] = {}
    for row, lead_id in enumerate(table.lead_id.to_pylist()):
        band, clock = columns["band"][row], columns["clock"][row]
        for name, word, words in (
            ("band", band, [str(level) for level in LEVELS]),
            ("clock", clock, DUE_CLOCKS),
        ):
            if word not in words:
                raise ValueError(
                    f"{path}: row {row + 1} has the {name} {word!r}; it is one of "
                    f"{', '.join(words)}."
                )
        try:
            probability = float(columns["probability"][row])
        except (TypeError, ValueError):
            raise ValueError(
                f"{path}: row {row + 1}: probability must be a number from 0 to 1, found "
                f"{columns['probability'][row]!r}."
            ) from None
        rows[_plain(lead_id)] = PreviousRow(
            person=_plain(columns["person"][row] or ""),
            band=cast("Band", band),
            probability=probability,
            clock=cast("Clock", clock),
        )
    return PreviousList(int(table.as_of[0]), rows)


def _plain(text: str) -> str:
    """Text without the apostrophe that `without_formulas` put before it."""
    return text[1:] if text[:1] == "'" and text[1:2] in set("=+-@\t\r") else text


def write_table(columns: Mapping[str, Sequence[str | float | int]], path: Path) -> None:
    """Write a list as CSV or as an Excel workbook, all at once.

    Parameters
    ----------
    columns : mapping of str to sequence
        Values by column; texts that a spreadsheet would take for formulas get an apostrophe.
    path : pathlib.Path
        The file, which ends in .csv or .xlsx.
    """
    table = pa.table({name: pa.array(list(values)) for name, values in columns.items()})
    for position, name in enumerate(table.column_names):
        if pa.types.is_string(table[name].type):
            safe = without_formulas(table[name])
            table = table.set_column(position, name, safe)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.suffix == ".csv":
            pa.csv.write_csv(table, part)
        else:
            _write_workbook(table, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_workbook(table: pa.Table, path: Path) -> None:
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as workbook:
        sheet = workbook.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, table.column_names, workbook.add_format({"bold": True}))
        for row, values in enumerate(zip(*table.to_pydict().values(), strict=True), start=1):
            sheet.write_row(row, 0, values)
        sheet.autofit(max_width=400)
