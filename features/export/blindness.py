"""Whether an export was read alike for leads that bought, were lost or are still open.

A model learns whatever tells buyers from others, and that the reading lost the calls of buyers
tells them apart best of all. In one CRM a lead's activities move to a contact when it converts:
read by the lead's id alone, no buyer has a single call, and a model that takes silence for a sale
is blessed by every later check. So contacts, rejects and filled columns are counted for each
outcome, at the same age, and a difference that the reading alone can have made stops training
(`differences`). Buyers who were spoken with *more* than others are no such difference.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import NEVER, Bool, Float64, Int64
from features.engine.history import MICROSECONDS_PER_DAY, is_known
from features.export.mapping import DataMapping
from features.export.rules import UNKNOWN_LEAD
from features.spine import ended_at, is_outcome_unknown, microseconds
from features.tables import LEAD_COLUMNS, Suspicion, Tables, rejected_rows

SAME_AGE_DAYS = 7
"""Age at which contacts are compared, among leads that are still open then."""
LEAST_COMPARED_LEADS = 30
"""Leads of each outcome below which nothing is compared."""
# A difference beyond chance (about one in 30,000), and so large that no firm's habits make it.
_BEYOND_CHANCE = 4.0
_FEWER, _MANY = 0.5, 0.2
# Rows that are rejected for one outcome more than for others, as a share of all.
_REJECTED_MORE = 0.02
# Share of the interactions without a lead that a column must explain.
_FOUND = 0.1
# Conversions that cannot be read, as a share of those that are there.
_UNREADABLE = 0.05


@dataclass(frozen=True, slots=True)
class OutcomeCoverage:
    """What was read of the leads of one outcome.

    Attributes
    ----------
    outcome : {"won", "lost", "open", "unknown"}
        What became of them.
    leads : int
        How many they are.
    compared : int
        How many were still open at the age of seven days, and are counted here.
    with_contact : float or None
        Share of these with any contact by that age; None without such leads.
    contacts : float or None
        Contacts by that age, in the mean.
    rejected : float or None
        Share of all rows of their interactions that were rejected; None without any.
    filled : dict of str to float
        Share of the leads that have a value, by attribute that is fixed at creation.
    """

    outcome: str
    leads: int
    compared: int
    with_contact: float | None
    contacts: float | None
    rejected: float | None
    filled: Mapping[str, float]


def coverage_by_outcome(tables: Tables) -> tuple[OutcomeCoverage, ...]:
    """Count what was read of won, lost and open leads, at the same age.

    Parameters
    ----------
    tables : Tables
        What was read from an export.

    Returns
    -------
    tuple of OutcomeCoverage
        The outcomes that any lead has.
    """
    contacts, is_compared = _contacts_at_same_age(tables)
    accepted, rejected = _rows_by_lead(tables)
    outcomes = []
    for outcome, member in _outcomes(tables).items():
        if not member.any():
            continue
        counted = contacts[member & is_compared]
        rows = accepted[member].sum() + rejected[member].sum()
        outcomes.append(
            OutcomeCoverage(
                outcome,
                int(member.sum()),
                len(counted),
                float((counted > 0).mean()) if len(counted) else None,
                float(counted.mean()) if len(counted) else None,
                float(rejected[member].sum() / rows) if rows else None,
                {
                    name: float(pc.is_valid(tables.leads[name]).to_numpy()[member].mean())
                    for name in tables.leads.column_names[len(LEAD_COLUMNS) :]
                },
            )
        )
    return tuple(outcomes)


def differences(tables: Tables) -> tuple[Suspicion, ...]:
    """Differences between buyers and others that the reading has made.

    Parameters
    ----------
    tables : Tables
        What was read from an export.

    Returns
    -------
    tuple of Suspicion
        Each of which stops training.
    """
    return (*_missing_contacts(tables), *_more_rejects(tables), *_unreadable_outcomes(tables))


def _outcomes(tables: Tables) -> dict[str, Bool]:
    """Leads by what became of them."""
    unknown = is_outcome_unknown(tables)
    won = (microseconds(tables.leads["converted_at"]) < NEVER) & ~unknown
    lost = (microseconds(tables.leads["closed_at"]) < NEVER) & ~won & ~unknown
    return {"won": won, "lost": lost, "open": ~(won | lost | unknown), "unknown": unknown}


def _contacts_at_same_age(tables: Tables) -> tuple[Int64, Bool]:
    """Contacts of each lead by the age of seven days, and whether it was still open then."""
    created = microseconds(tables.leads["created_at"])
    age_reached = created + SAME_AGE_DAYS * MICROSECONDS_PER_DAY
    is_compared = (ended_at(tables) >= age_reached) & (age_reached <= tables.data_end)
    lead = _lead_of_rows(tables, tables.interactions["lead_id"])
    in_time = is_known(microseconds(tables.interactions["occurred_at"]), age_reached[lead])
    return np.bincount(lead[in_time], minlength=len(created)), is_compared


def _lead_of_rows(tables: Tables, ids: pa.ChunkedArray) -> Int64:
    """Row of the lead of each id; -1 where it is no lead."""
    rows = pc.index_in(ids, value_set=tables.leads["lead_id"].combine_chunks())
    return np.asarray(pc.fill_null(rows, -1).to_numpy(), np.int64)


def _rows_by_lead(tables: Tables) -> tuple[Int64, Int64]:
    """Interactions of each lead that were accepted, and those that were rejected as a whole."""
    leads = tables.leads.num_rows
    accepted = _lead_of_rows(tables, tables.interactions["lead_id"])
    rejects = tables.rejects
    of_interactions = pc.and_(
        pc.equal(rejects["table"], "interactions"),
        pc.and_(
            pc.equal(rejects["left_out"], "row"), pc.not_equal(rejects["rule"], UNKNOWN_LEAD.name)
        ),
    )
    rows = rejects.filter(of_interactions).group_by(["file", "row", "lead_id"]).aggregate([])
    rejected = _lead_of_rows(tables, rows["lead_id"])
    return (
        np.bincount(accepted, minlength=leads),
        np.bincount(rejected[rejected >= 0], minlength=leads),
    )


def _missing_contacts(tables: Tables) -> Iterator[Suspicion]:
    """Buyers without contacts, or contacts of buyers alone."""
    contacts, is_compared = _contacts_at_same_age(tables)
    groups = _outcomes(tables)
    won = contacts[groups["won"] & is_compared] > 0
    not_won = contacts[(groups["lost"] | groups["open"]) & is_compared] > 0
    if min(len(won), len(not_won)) < LEAST_COMPARED_LEADS:
        return
    share, other_share = float(won.mean()), float(not_won.mean())
    low, high = sorted((share, other_share))
    pooled = (won.sum() + not_won.sum()) / (len(won) + len(not_won))
    error = math.sqrt(pooled * (1 - pooled) * (1 / len(won) + 1 / len(not_won)))
    fewer = share < _FEWER * other_share and other_share - share > _MANY
    alone = low == 0 and high > _FEWER
    if (fewer or alone) and abs(share - other_share) > _BEYOND_CHANCE * error:
        yield Suspicion(
            "contacts that depend on the outcome",
            "interactions",
            int(groups["won"].sum()),
            f"by the age of {SAME_AGE_DAYS} days {100 * share:.0f} % of the leads that later "
            f"bought have any contact, {100 * other_share:.0f} % of the others",
            "the contacts of some were not read as theirs: on conversion a CRM may move them to "
            'an id of its own (also_known_as = ["…"] under [leads]), or export them apart',
            stops=True,
        )


def _more_rejects(tables: Tables) -> Iterator[Suspicion]:
    """Rows that are rejected more often, or less, for buyers."""
    accepted, rejected = _rows_by_lead(tables)
    groups = _outcomes(tables)
    not_won = groups["lost"] | groups["open"]
    if min(groups["won"].sum(), not_won.sum()) < LEAST_COMPARED_LEADS or not rejected.any():
        return
    rows = (accepted + rejected).astype(np.float64)
    share, error = _ratio(rejected[groups["won"]], rows[groups["won"]])
    other_share, other_error = _ratio(rejected[not_won], rows[not_won])
    difference = abs(share - other_share)
    if difference > max(_REJECTED_MORE, _BEYOND_CHANCE * math.hypot(error, other_error)):
        yield Suspicion(
            "rejects that depend on the outcome",
            "interactions",
            int(rejected[groups["won"]].sum()),
            f"{100 * share:.0f} % of the rows of leads that bought are rejected, "
            f"{100 * other_share:.0f} % of the others'",
            "mend what the rejects name: a model would learn who was rejected",
            stops=True,
        )


def _ratio(part: Int64, rows: Float64) -> tuple[float, float]:
    """Share of rows and its standard error, with leads as the units that are drawn."""
    total = rows.sum()
    if total == 0:
        return 0.0, 0.0
    share = float(part.sum() / total)
    return share, float(np.sqrt(((part - share * rows) ** 2).sum()) / total)


def _unreadable_outcomes(tables: Tables) -> Iterator[Suspicion]:
    """Conversions that cannot be read: who has one has bought, and is not learned from."""
    unknown = len(tables.outcome_unknown)
    won = int(_outcomes(tables)["won"].sum())
    if unknown >= LEAST_COMPARED_LEADS and unknown > _UNREADABLE * (won + unknown):
        yield Suspicion(
            "conversions or closings that cannot be read",
            "leads",
            unknown,
            f"beside {won:,} conversions that can be read",
            "mend the values, write how they are meant (dates = …), or name the words that stand "
            "for none (missing = …) under [leads.formats.converted_at]",
            stops=True,
        )


def orphan_doubts(
    orphans: pa.ChunkedArray, columns: Mapping[str, pa.Array], lead_ids: pa.Array, leads: pa.Table
) -> tuple[Suspicion, ...]:
    """Columns of the leads by which interactions of no lead would find theirs.

    Parameters
    ----------
    orphans : pa.ChunkedArray
        Ids of the interactions that belong to no lead, one for each row.
    columns : mapping of str to pa.Array
        Columns of the leads that are not read, as text.
    lead_ids : pa.Array
        Id of the lead in each of their rows.
    leads : pa.Table
        The accepted leads.

    Returns
    -------
    tuple of Suspicion
        The column that holds most of them, if any; it stops training where the leads that have
        them bought more often, or less, than others.
    """
    distinct = pc.unique(orphans)
    candidates = []
    for name, values in columns.items():
        is_orphan = pc.fill_null(pc.is_in(values, value_set=distinct), False)
        rows: int = pc.sum(pc.is_in(orphans, value_set=values.filter(is_orphan))).as_py() or 0
        candidates.append((rows, name, lead_ids.filter(is_orphan), values.filter(is_orphan)))
    if not candidates:
        return ()
    rows, name, owners, values = max(candidates, key=lambda column: column[0])
    if rows <= _FOUND * len(orphans):
        return ()
    won = pc.is_valid(leads["converted_at"]).to_numpy()
    is_owner = np.asarray(pc.is_in(leads["lead_id"], value_set=owners).to_numpy(), np.bool_)
    owners_won, base = int(won[is_owner].sum()), float(won.mean()) if len(won) else 0.0
    expected = base * is_owner.sum()
    error = math.sqrt(max(expected * (1 - base), 1e-9))
    return (
        Suspicion(
            "interactions under another id of their leads",
            "interactions.lead_id",
            rows,
            f"{values[0].as_py()!r} and others stand in {name!r} of {int(is_owner.sum()):,} leads, "
            f"of which {owners_won:,} bought",
            f'map it: also_known_as = ["{name}"] under [leads]',
            stops=abs(owners_won - expected) > _BEYOND_CHANCE * error,
        ),
    )


def too_many_rejects(tables: Tables, most_rejected: float) -> Iterator[str]:
    """Tables of which so large a share was rejected that nobody should learn from the rest.

    Parameters
    ----------
    tables : Tables
        What was read from an export.
    most_rejected : float
        Share of a table's rows that may be rejected.

    Yields
    ------
    str
        What is wrong, and the way out.
    """
    for name, rows in (
        ("leads", tables.leads.num_rows),
        ("interactions", tables.interactions.num_rows),
        ("attributes", tables.attribute_log.num_rows),
    ):
        rejected = rejected_rows(tables.rejects, name)
        share = rejected / (rows + rejected) if rejected else 0.0
        if share > most_rejected:
            of_table = tables.rejects.filter(pc.equal(tables.rejects["table"], name))
            rules = pc.value_counts(of_table["rule"]).to_pylist()
            rule = max(rules, key=lambda count: count["counts"])
            yield (
                f"{rejected:,} of {rows + rejected:,} rows of {name} were rejected "
                f"({100 * share:.0f} %), most of them for '{rule['values']}'; {most_rejected:.0%} "
                "may be. Mend them, or allow as many: most_rejected = "
                f"{math.ceil(100 * share) / 100:.2f} under [data]"
            )


def require_trustworthy(tables: Tables, data: DataMapping) -> None:
    """Refuse to learn from an export that was not read alike, or of which too much was rejected.

    Parameters
    ----------
    tables : Tables
        What was read from it.
    data : DataMapping
        What may be rejected, and whether differences between outcomes are accepted.

    Raises
    ------
    ValueError
        The message says each reason, and what mends it.
    """
    doubts = () if data.accept_differences else (*tables.suspicions, *differences(tables))
    reasons = [
        f"{doubt.name} in {doubt.location}, {doubt.rows:,} times ({doubt.example}): "
        f"{doubt.way_out}. Where the firm itself makes the difference, write "
        "accept_differences = true under [data]"
        for doubt in doubts
        if doubt.stops
    ]
    reasons += too_many_rejects(tables, data.most_rejected)
    if reasons:
        raise ValueError(
            "No model may be trained on this export as it was read:\n" + "\n".join(reasons)
        )
