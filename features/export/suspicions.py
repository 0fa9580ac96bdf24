"""Doubts about the good rows of an export: what is readable, and may be meant otherwise.

Rules (`features.export.rules`) reject what cannot be read. What is left may still be wrong: calls
that were joined twice, ``Call`` beside ``call``, a column that says NULL in words, a lead of 2001
among those of last year. Nobody can decide that but the person who knows the CRM, so nothing is
changed here: `suspicions` lists each doubt with its count, an example, and the line that mends it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Int64
from features.engine.history import MICROSECONDS_PER_DAY, is_known
from features.export.blindness import differences
from features.export.data_end import SILENT_DAYS
from features.export.formats import ColumnFormat
from features.export.odd_words import EARLY_DAYS, STAND_INS, fold, is_mojibake
from features.export.rules import UNKNOWN_LEAD
from features.export.toml_text import toml_key, toml_text
from features.spine import iso, microseconds
from features.tables import INTERACTION_FIELDS, LEAD_COLUMNS, Suspicion, Tables

# Copies of interactions that are so rare are what a second of a busy day brings.
_FEW_COPIES = 0.001
# Contacts so long before the lead's creation, and so large a share of them, are no late entries.
_EARLY_SHARE = 0.01
# A date on its own that takes up so much of the span of all dates.
_SPAN = 0.2
_LAST_SHARE = 0.01
# So few negative values among many are slips, whatever the measure is.
_FEW_NEGATIVE = 0.05
_DURATION = re.compile(
    r"durat|durac|duraç|durée|duree|dauer|second|sekund|segund|minut|минут|секунд|длительн|length"
)
# So many different numbers such as 1.250 and 12.500 must be there.
_LEAST_GROUPED = 3
# Levels beyond these are free text: nobody would read a list of them.
_MOST_LEVELS = 10_000
_EXAMPLES = 4


def suspicions(tables: Tables) -> tuple[Suspicion, ...]:
    """List the doubts about an export.

    Parameters
    ----------
    tables : Tables
        What was read from it.

    Returns
    -------
    tuple of Suspicion
        Those that the reading noticed, then those of the good rows, table by table.
    """
    return (
        *tables.suspicions,
        *differences(tables),
        *_days(tables.days),
        *_unknown_outcomes(tables),
        *_near_ids(tables),
        *_lonely_dates(tables),
        *_copies(tables),
        *_early_contacts(tables),
        *_negative_durations(tables),
        *_ties(tables),
        *_beside_the_log(tables),
        *(doubt for column in _levels(tables).items() for doubt in _doubts_of_words(*column)),
    )


def _days(days: Mapping[str, int]) -> Iterator[Suspicion]:
    for location, rows in days.items():
        table, _, column = location.partition(".")
        law = {
            "created_at": "a lead counts from the beginning of its day",
            "converted_at": "a conversion counts for its whole day, from its beginning",
            "closed_at": "a closing counts from the beginning of its day",
        }.get(column, "what happened is known at the end of its day")
        yield Suspicion(
            "days without an hour",
            location,
            rows,
            law,
            'export the time of day if the CRM has it; else write midnight = "day" under '
            f"[{table}.formats.{column}], so that smaller files are read alike",
        )


def _unknown_outcomes(tables: Tables) -> Iterator[Suspicion]:
    if tables.outcome_unknown:
        yield Suspicion(
            "unknown outcomes",
            "leads",
            len(tables.outcome_unknown),
            f"lead {min(tables.outcome_unknown)!r}",
            "these leads are neither learned from nor scored; mend the values, or name the words "
            'that stand for none: missing = ["…"] under [leads.formats.converted_at]',
        )


def _near_ids(tables: Tables) -> Iterator[Suspicion]:
    """Ids of no lead that would be one's if zeros, case or signs were left out."""
    rejects = tables.rejects.filter(pc.equal(tables.rejects["rule"], UNKNOWN_LEAD.name))
    if rejects.num_rows == 0:
        return
    known_ids = tables.leads["lead_id"].to_pylist()
    alike: dict[str, Callable[[str], str]] = {
        "leading zeros": lambda text: text.lstrip("0") or "0",
        "upper and lower case": str.casefold,
        "blanks and signs": lambda text: re.sub(r"[\W_]+", "", text),
        # Salesforce writes ids of 15 characters, or of 18 with a checksum behind them.
        "the last 3 of 18 characters": lambda text: text[:15] if len(text) in (15, 18) else text,
    }
    for table, rows in _by_table(rejects).items():
        for difference, plain in alike.items():
            lead_of = {plain(id_): id_ for id_ in known_ids}
            matching = [id_ for id_ in rows if plain(id_) in lead_of]
            if matching:
                example = f"{matching[0]!r} would be the lead {lead_of[plain(matching[0])]!r}"
                yield Suspicion(
                    f"ids that would match without {difference}",
                    f"{table}.lead_id",
                    len(matching),
                    example,
                    "a spreadsheet may have changed the ids: export them as text in all tables, "
                    "or make them alike in sql",
                )
                break


def _by_table(rejects: pa.Table) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = defaultdict(list)
    for table, lead in zip(
        rejects["table"].to_pylist(), rejects["lead_id"].to_pylist(), strict=True
    ):
        if lead:
            ids[table].append(lead)
    return ids


def _lonely_dates(tables: Tables) -> Iterator[Suspicion]:
    """Few dates far from all others, so that most of the time is empty."""
    for table, column, section in (
        (tables.leads, "created_at", "leads"),
        (tables.interactions, "occurred_at", "interactions"),
    ):
        times = np.sort(microseconds(table[column]))
        for rows, example, gap in _lonely(times):
            yield Suspicion(
                "dates far from all others",
                f"{section}.{column}",
                rows,
                f"{iso(example)[:10]}, {gap:,} days from the nearest other",
                "correct them, or leave the rows out with a filter in sql: a stand-in or a typing "
                "error makes the time that is judged too long",
            )


def _lonely(times: Int64) -> Iterator[tuple[int, int, int]]:
    """Number of times before or behind a long silence, one of them, and the silence in days."""
    if len(times) < 2:
        return
    gaps = np.diff(times)
    least = max(_SPAN * int(times[-1] - times[0]), SILENT_DAYS * MICROSECONDS_PER_DAY)
    tail = max(1, int(_LAST_SHARE * len(times)))
    for at_end, near in ((False, gaps[:tail]), (True, gaps[len(gaps) - tail :])):
        long = np.flatnonzero(near >= least)
        if len(long) == 0 or (at_end and len(times) == 2):
            continue
        gap = int(long[-1]) if not at_end else len(gaps) - tail + int(long[0])
        rows = gap + 1 if not at_end else len(times) - gap - 1
        lonely = times[0] if not at_end else times[-1]
        yield rows, int(lonely), int(gaps[gap] // MICROSECONDS_PER_DAY)


def _copies(tables: Tables) -> Iterator[Suspicion]:
    """The same interaction twice: as after a join, or when it was exported from two lists."""
    events = tables.interactions
    if events.num_rows == 0:
        return
    lead_ids = tables.leads.select(["lead_id", "converted_at"])
    names = {name: f"c{i}" for i, name in enumerate(events.column_names)}
    plain = events.rename_columns(list(names.values()))
    query = f"""
        SELECT sum(n - 1)::BIGINT AS copies,
            sum(CASE WHEN converted_at IS NOT NULL THEN n - 1 END)::BIGINT AS of_buyers,
            max({{'times': n, 'lead': e.{names["lead_id"]},
                'instant': epoch_us({names["occurred_at"]})}}) AS example
        FROM (SELECT {", ".join(names.values())}, count(*) AS n FROM events GROUP BY ALL) AS e
        JOIN leads ON leads.lead_id = e.{names["lead_id"]} WHERE n > 1
        """  # noqa: S608 - own names only
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        connection.register("events", plain)
        connection.register("leads", lead_ids)
        (row,) = connection.sql(query).to_arrow_table().to_pylist()
    copies, example = row["copies"] or 0, row["example"]
    if copies > _FEW_COPIES * events.num_rows:
        yield Suspicion(
            "same interaction more than once",
            "interactions",
            copies,
            f"lead {example['lead']!r} at {iso(example['instant'])}, {example['times']} times; "
            f"{100 * (row['of_buyers'] or 0) / copies:.0f} % are of buyers",
            "a join may have multiplied the rows: take SELECT DISTINCT, or the id of the "
            "interaction into account",
        )


def _early_contacts(tables: Tables) -> Iterator[Suspicion]:
    events = tables.interactions
    if events.num_rows == 0:
        return
    lead = pc.index_in(events["lead_id"], value_set=tables.leads["lead_id"].combine_chunks())
    created = microseconds(tables.leads["created_at"])[np.asarray(lead.to_numpy(), np.int64)]
    occurred_at = microseconds(events["occurred_at"])
    early = is_known(occurred_at, created - EARLY_DAYS * MICROSECONDS_PER_DAY)
    if early.sum() > _EARLY_SHARE * len(early):
        row = int(np.flatnonzero(early)[0])
        yield Suspicion(
            "contacts long before creation",
            "interactions.occurred_at",
            int(early.sum()),
            f"lead {events['lead_id'][row].as_py()!r}: contact on "
            f"{iso(int(occurred_at[row]))[:10]}, created on "
            f"{iso(int(created[row]))[:10]}",
            "created_at may be the day of an import or of a conversion: map the column with the "
            "first enquiry to created_at",
        )


def _negative_durations(tables: Tables) -> Iterator[Suspicion]:
    for name in tables.measures:
        values = tables.interactions[name].drop_null()
        negative = values.filter(pc.less(values, 0))
        is_rare = len(negative) < _FEW_NEGATIVE * len(values)
        if len(negative) and (is_rare or _DURATION.search(name.lower())):
            yield Suspicion(
                "negative durations" if _DURATION.search(name.lower()) else "negative values",
                f"interactions.{name}",
                len(negative),
                f"{negative[0].as_py():g}",
                "an end may lie before its beginning, or a word stand for none: correct them, or "
                f'write missing = ["{negative[0].as_py():g}"] under '
                f"[interactions.formats.{toml_key(name)}]",
            )


def _ties(tables: Tables) -> Iterator[Suspicion]:
    """Versions of an attribute at one instant: which one holds depends on the order of rows."""
    log = tables.attribute_log
    if log.num_rows == 0:
        return
    query = """
        SELECT name, count(*) AS ties, min({'instant': recorded, 'lead': lead_id}) AS example
        FROM (
            SELECT lead_id, name, epoch_us(recorded_at) AS recorded FROM log
            GROUP BY ALL HAVING count(DISTINCT coalesce(text, '') || '|' ||
                coalesce(CAST(number AS VARCHAR), '')) > 1
        ) GROUP BY name ORDER BY name
        """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        connection.register("log", log)
        ties = connection.sql(query).to_arrow_table().to_pylist()
    for tie in ties:
        yield Suspicion(
            "several values at the same instant",
            f"attributes.{tie['name']}",
            tie["ties"],
            f"lead {tie['example']['lead']!r} at {iso(tie['example']['instant'])}",
            "the last of them in the order of rows holds: export the time with its seconds, or "
            "sort the rows by what came first",
        )


def _beside_the_log(tables: Tables) -> Iterator[Suspicion]:
    """Columns of the leads whose history is in the log under nearly the same name."""
    names = pc.unique(tables.attribute_log["name"]).to_pylist()
    history = {fold(name): name for name in names}
    for column in tables.leads.column_names[len(LEAD_COLUMNS) :]:
        name = history.get(fold(column))
        if name is not None and name != column:
            yield Suspicion(
                "today's value beside a history",
                f"leads.{column}",
                tables.leads.num_rows - tables.leads[column].null_count,
                f"the log has {name!r}",
                f"take {column!r} out of fixed_at_creation: the log says what it was at each time",
            )


def _levels(tables: Tables) -> dict[tuple[str, str, str], dict[str, int]]:
    """Words and how often they occur, by table, column and section of their values in TOML."""
    columns: dict[tuple[str, str, str], pa.ChunkedArray] = {
        ("interactions", name, f"interactions.values.{name}"): tables.interactions[name]
        for name in INTERACTION_FIELDS
    }
    log = tables.attribute_log
    for name, kind in tables.attribute_kinds.items():
        if kind != "category":
            continue
        if name in tables.leads.column_names:
            key = ("leads", name, f"leads.values.{toml_key(name)}")
            columns[key] = tables.leads[name]
        else:
            key = ("attributes", name, "attributes.values.value")
            columns[key] = log.filter(pc.equal(log["name"].cast(pa.string()), name))["text"]
    levels = {}
    for key, words in columns.items():
        counts = pc.value_counts(words.drop_null().cast(pa.string())).to_pylist()
        if len(counts) <= _MOST_LEVELS:
            levels[key] = {count["values"]: count["counts"] for count in counts}
    return levels


def _doubts_of_words(key: tuple[str, str, str], levels: Mapping[str, int]) -> Iterator[Suspicion]:
    table, column, section = key
    location = f"{table}.{column}"
    by_fold: dict[str, list[str]] = defaultdict(list)
    for word in levels:
        by_fold[fold(word)].append(word)
    twins = [
        sorted(words, key=lambda word: (-levels[word], not _is_tidy(word), word))
        for words in by_fold.values()
        if len(words) > 1
    ]
    if twins:
        twins.sort(key=lambda words: -sum(levels[word] for word in words))
        common, *variants = twins[0]
        spelt = ", ".join(f"{visible_text(word)} {levels[word]:,}" for word in twins[0])
        lines = ", ".join(
            f"{toml_text(word, only_ascii=common.isascii())} = {toml_text(common)}"
            for word in variants
        )
        yield Suspicion(
            "words that differ only by case, blanks or look-alikes",
            location,
            sum(levels[word] for words in twins for word in words[1:]),
            spelt,
            f"write them alike under [{section}]: {lines}",
        )
    # In lower case, "none" may well be an answer; programs write it otherwise.
    stand_ins = [word for word in levels if word.strip().casefold() in STAND_INS and word != "none"]
    if stand_ins:
        spelt = ", ".join(f"{visible_text(word)} {levels[word]:,}" for word in stand_ins[:20])
        words = ", ".join(toml_text(word) for word in stand_ins)
        name = "value" if table == "attributes" else column
        yield Suspicion(
            "words that stand for a missing value",
            location,
            sum(levels[word] for word in stand_ins),
            spelt,
            f"write missing = [{words}] under [{table}.formats.{toml_key(name)}]",
        )
    broken = [word for word in levels if is_mojibake(word)]
    if broken:
        yield Suspicion(
            "letters in the wrong encoding",
            location,
            sum(levels[word] for word in broken),
            ", ".join(visible_text(word) for word in broken[:_EXAMPLES]),
            "the file is in another encoding than the one it was read in, or was before: correct "
            f"encoding under [{table}], or export it again",
        )


def visible_text(word: str) -> str:
    """Word as it can be told from others that look alike."""
    plain = word.isascii() and word.isprintable() and word == word.strip()
    return repr(word) if plain else ascii(word)


def _is_tidy(word: str) -> bool:
    """Whether a word is written as one would write it for a program."""
    return word.isascii() and word == word.strip().lower()


def thousands_doubt(
    texts: pa.ChunkedArray, format_: ColumnFormat, location: str, section: str
) -> tuple[Suspicion, ...]:
    """Doubt whether a point in numbers is the decimal sign or parts thousands.

    Parameters
    ----------
    texts : pa.ChunkedArray
        Text of a column of numbers.
    format_ : ColumnFormat
        As which it is read.
    location : str
        Table and column, for the doubt.
    section : str
        Section of the TOML file that may say how the column is written.

    Returns
    -------
    tuple of Suspicion
        One where every decimal has three digits and no more than three stand before a point, as in
        1.250 and 12.500; else none.
    """
    sign = format_.decimal
    if format_.thousands is not None:
        return ()
    values = texts.drop_null()
    escaped = re.escape(sign)
    pattern = rf"^[+-]?[1-9]\d{{0,2}}({escaped}\d{{3}})+$"
    grouped = values.filter(pc.match_substring_regex(values, pattern))
    with_sign: int = pc.sum(pc.match_substring(values, sign)).as_py() or 0
    if len(grouped) != with_sign or pc.count_distinct(grouped).as_py() < _LEAST_GROUPED:
        return ()
    signs = f'thousands = "{sign}"'
    if sign == ".":
        signs = f'decimal = ",", {signs}'
    return (
        Suspicion(
            "thousands read as decimals",
            location,
            len(grouped),
            grouped[0].as_py(),
            f"if {grouped[0].as_py()} is {grouped[0].as_py().replace(sign, '')}, write {signs} "
            f"under [{section}]",
        ),
    )
