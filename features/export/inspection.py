"""What an export holds, as plain values: the summary that ``lead-temperature check`` prints.

`inspection` looks at the `Tables` and answers with counts, spans, vocabularies, conversion by
month, the columns that are not used and the rejects by rule. Nothing here prints or decides, except
for ``problems``: the reasons for which no model can be made of the export at all.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.export.blindness import OutcomeCoverage, coverage_by_outcome
from features.export.data_end import TimesAfterEnd, times_after_end
from features.export.rules import UNKNOWN_LEAD
from features.export.suspicions import suspicions
from features.tables import INTERACTION_FIELDS, Kind, Suspicion, Tables, rejected_rows

TOP = 20
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that stand in one field of the interactions.

    Attributes
    ----------
    field : str
        ``channel``, ``kind``, ``direction``, ``outcome`` or ``agent``.
    distinct, missing : int
        Number of different words, and of interactions without one.
    most_frequent : tuple of (str, int)
        The most frequent words with their counts, at most 20.
    """

    field: str
    distinct: int
    missing: int
    most_frequent: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that may be used.

    Attributes
    ----------
    name : str
        Its name.
    kind : {"number", "category", "timestamp"}
        What its values are.
    changes : bool
        Whether it lives in the log of attributes, instead of being fixed at creation.
    coverage : float
        Share of the leads that have a value (ever, if it changes).
    distinct : int
        Number of different values.
    """

    name: str
    kind: Kind
    changes: bool
    coverage: float
    distinct: int


@dataclass(frozen=True, slots=True)
class CreationMonth:
    """Leads created in one month (UTC).

    Attributes
    ----------
    month : str
        Year and month, such as ``2012-01``.
    leads, converted : int
        How many were created then, and how many of those have converted by now.
    """

    month: str
    leads: int
    converted: int

    @property
    def share(self) -> float:
        """Share of the leads that have converted by now."""
        return self.converted / self.leads


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """Rows of one table that break one rule.

    Attributes
    ----------
    table, rule : str
        The table and the rule's name.
    left_out : str
        ``row``, or ``value`` where the rows stay without it.
    explanation : str
        The law and the way out.
    rows : int
        Number of rows that break it.
    examples : tuple of (str, int, str or None, str or None)
        File, row, column and value of the first of them, at most three.
    """

    table: str
    rule: str
    left_out: str
    explanation: str
    rows: int
    examples: tuple[tuple[str, int, str | None, str | None], ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an export holds.

    Attributes
    ----------
    rows, rejected : dict of str to int
        Good and rejected rows of ``leads``, ``interactions`` and ``attributes``.
    first : int or None
        Creation of the first lead, in microseconds since the epoch; None without leads.
    data_end : int
        The moment at which the export was made, in microseconds since the epoch.
    after_end : tuple of TimesAfterEnd
        The times that lie later.
    vocabularies : tuple of Vocabulary
        The words of the interactions, field by field.
    attributes : tuple of Attribute
        The attributes that may be used.
    months : tuple of CreationMonth
        Conversion by month of creation; months without leads are left out.
    recorded_late : float or None
        Share of the interactions that were recorded later than they occurred; None without any.
    unused : dict of str to str
        Columns that are not used, with the reason.
    broken_rules : tuple of BrokenRule
        The rejects by table and rule, the most frequent first.
    coverage : tuple of OutcomeCoverage
        What was read of won, lost and open leads at the same age.
    suspicions : tuple of Suspicion
        What can be read and may be meant otherwise.
    problems : tuple of str
        Why no model can be made of the export; empty when one can.
    """

    rows: dict[str, int]
    rejected: dict[str, int]
    first: int | None
    data_end: int
    after_end: tuple[TimesAfterEnd, ...]
    vocabularies: tuple[Vocabulary, ...]
    attributes: tuple[Attribute, ...]
    months: tuple[CreationMonth, ...]
    recorded_late: float | None
    unused: dict[str, str]
    broken_rules: tuple[BrokenRule, ...]
    coverage: tuple[OutcomeCoverage, ...]
    suspicions: tuple[Suspicion, ...]
    problems: tuple[str, ...]


def inspection(tables: Tables) -> Inspection:
    """Look at an export.

    Parameters
    ----------
    tables : Tables
        What was read from it.

    Returns
    -------
    Inspection
        What it holds.
    """
    rows = {
        "leads": tables.leads.num_rows,
        "interactions": tables.interactions.num_rows,
        "attributes": tables.attribute_log.num_rows,
    }
    first: int | None = pc.min(tables.leads["created_at"].cast(pa.int64())).as_py()
    rejected = {name: rejected_rows(tables.rejects, name) for name in rows}
    return Inspection(
        rows=rows,
        rejected=rejected,
        first=first,
        data_end=tables.data_end,
        after_end=times_after_end(tables),
        vocabularies=tuple(
            _vocabulary(name, tables.interactions[name]) for name in INTERACTION_FIELDS
        ),
        attributes=_attributes(tables),
        months=_months(tables.leads),
        recorded_late=_recorded_late(tables.interactions),
        unused=dict(tables.unused),
        broken_rules=broken_rules(tables.rejects),
        coverage=coverage_by_outcome(tables),
        suspicions=suspicions(tables),
        problems=_problems(tables, rejected),
    )


def _vocabulary(field: str, words: pa.ChunkedArray) -> Vocabulary:
    counts = pc.value_counts(words.drop_null().cast(pa.string())).to_pylist()
    counts.sort(key=lambda word: (-word["counts"], word["values"]))
    most_frequent = tuple((word["values"], word["counts"]) for word in counts[:TOP])
    return Vocabulary(field, len(counts), words.null_count, most_frequent)


def _attributes(tables: Tables) -> tuple[Attribute, ...]:
    leads, log = tables.leads, tables.attribute_log
    attributes = []
    for name, kind in tables.attribute_kinds.items():
        changes = name not in leads.column_names
        if changes:
            versions = log.filter(pc.equal(log["name"], name))
            values = versions["text" if kind == "category" else "number"]
            covered = pc.count_distinct(versions.filter(pc.is_valid(values))["lead_id"]).as_py()
        else:
            values = leads[name]
            covered = len(values) - values.null_count
        distinct = pc.count_distinct(values, mode="only_valid").as_py()
        coverage = covered / leads.num_rows if leads.num_rows else 0.0
        attributes.append(Attribute(name, kind, changes, coverage, distinct))
    return tuple(attributes)


def _months(leads: pa.Table) -> tuple[CreationMonth, ...]:
    # The tables are in UTC: without the zone, Arrow needs no time zone database for the calendar.
    created = leads["created_at"].cast(pa.timestamp("us"))
    counted = pa.table(
        {
            "month": pc.add(pc.multiply(pc.year(created), 12), pc.subtract(pc.month(created), 1)),
            "converted": pc.is_valid(leads["converted_at"]).cast(pa.int64()),
        }
    )
    groups = counted.group_by("month").aggregate([("converted", "sum"), ("converted", "count")])
    return tuple(
        CreationMonth(
            f"{group['month'] // 12}-{group['month'] % 12 + 1:02d}",
            group["converted_count"],
            group["converted_sum"],
        )
        for group in groups.sort_by("month").to_pylist()
    )


def _recorded_late(interactions: pa.Table) -> float | None:
    share_late: float | None = pc.mean(
        pc.greater(interactions["recorded_at"], interactions["occurred_at"])
    ).as_py()
    return share_late


def broken_rules(rejects: pa.Table) -> tuple[BrokenRule, ...]:
    """Rejects by table and rule, the most frequent first; what follows from rejected leads last.

    Parameters
    ----------
    rejects : pa.Table
        As in `Tables`.

    Returns
    -------
    tuple of BrokenRule
        Each with its first examples.
    """
    keys = ["table", "rule", "left_out", "explanation"]
    groups = (
        rejects.group_by([*keys, "file", "row"], use_threads=False)
        .aggregate([])
        .group_by(keys, use_threads=False)
        .aggregate([("row", "count")])
        .to_pylist()
    )
    groups.sort(
        key=lambda group: (
            group["rule"] == UNKNOWN_LEAD.name,
            -group["row_count"],
            group["table"],
            group["rule"],
        )
    )
    broken = []
    for group in groups:
        key = {name: group[name] for name in keys}
        matching = rejects
        for name, value in key.items():
            matching = matching.filter(pc.equal(matching[name], value))
        first_rejects = matching.slice(0, EXAMPLES).to_pylist()
        examples = tuple(
            (reject["file"], reject["row"], reject["column"], reject["value"])
            for reject in first_rejects
        )
        broken.append(BrokenRule(**key, rows=group["row_count"], examples=examples))
    return tuple(broken)


def _problems(tables: Tables, rejected: dict[str, int]) -> tuple[str, ...]:
    leads = tables.leads.num_rows
    converted = leads - tables.leads["converted_at"].null_count
    problems = []
    if leads == 0:
        problems.append(f"No lead can be used: all {rejected['leads']} rows were rejected.")
    elif converted == 0:
        problems.append(
            "No lead has converted, so there is nothing to learn from: is converted_at mapped in "
            "[leads.columns] of lead_temperature.toml?"
        )
    elif converted == leads:
        problems.append(
            "Every lead has converted, so there is nothing to tell apart: the export must hold the "
            "leads that did not convert too."
        )
    if leads and tables.interactions.num_rows == 0 and rejected["interactions"]:
        problems.append(
            f"No interaction can be used: all {rejected['interactions']} rows were rejected."
        )
    return tuple(problems)
