"""What is to be scored: spines as people write them, and their mistakes."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.export.mapping import export_mapping
from features.scale.scoring_notes import scoring_notes
from features.spine import Spine, open_leads_at
from serving.bulk.scores import score_spine
from serving.bulk.selection import ScoringFiles, asked_about, read_for_scoring, read_spine
from tests.support.bundles import SPEC, small_bundle
from tests.support.exports import write_text
from tests.support.tables import tables_of

MOMENT = datetime(1970, 1, 5, tzinfo=UTC)
TABLES = tables_of([{"lead_id": "1", "created_at": 1}, {"lead_id": "2", "created_at": 2}])


def parquet(folder: Path, *columns: tuple[str, pa.Array]) -> Path:
    names, arrays = zip(*columns, strict=True)
    path = folder / "spine.parquet"
    pq.write_table(pa.table(list(arrays), names=list(names)), path)
    return path


IDS = ("lead_id", pa.array(["1"]))
TIMES = ("as_of", pa.array([MOMENT], pa.timestamp("us", "UTC")))


@pytest.mark.parametrize(
    "columns",
    [
        (("lead_id", pa.array([1])), TIMES),
        (("lead_id", pa.array(["1"]).dictionary_encode()), TIMES),
        (IDS, ("as_of", pa.array([MOMENT], pa.timestamp("ns", "Europe/Lisbon")))),
        (IDS, ("as_of", pa.array([MOMENT], pa.timestamp("s", "UTC")))),
    ],
)
def test_a_spine_of_any_types_that_mean_the_same_is_read(tmp_path: Path, columns) -> None:
    spine = read_spine(parquet(tmp_path, *columns), TABLES).spine
    assert (spine.lead.tolist(), spine.as_of.tolist()) == ([0], [4 * DAY])


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ((IDS, IDS, TIMES), r"column 'lead_id' must be there once, is there 2 times"),
        ((IDS,), r"column 'as_of' must be there once, is there 0 times\. Columns found: lead_id"),
        ((("lead_id", pa.array([["1"]])), TIMES), r"lead_id must be text, found list"),
        ((IDS, ("as_of", pa.array([5]))), r"every as_of must be a time with a zone.*found int64"),
        ((IDS, ("as_of", pa.array([None], TIMES[1].type))), r"with 1 missing"),
    ],
)
def test_a_spine_that_cannot_be_read_is_one_clear_message(tmp_path: Path, columns, said) -> None:
    with pytest.raises(ValueError, match=said):
        read_spine(parquet(tmp_path, *columns), TABLES)


def test_a_csv_spine_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spine.csv"
    write_text(path, "lead_id,lead_id,as_of", "1,1,1970-01-05T00:00:00Z")
    with pytest.raises(ValueError, match="'lead_id' must be there once"):
        read_spine(path, TABLES)


@pytest.mark.parametrize("name", ["spine.csv", "spine.parquet"])
def test_a_spine_file_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=rf"{name} cannot be read"):
        read_spine(tmp_path / name, TABLES)


def test_leads_without_interactions_are_scored_like_leads_without_a_contact(tmp_path) -> None:
    write_text(
        tmp_path / "leads.csv",
        "lead_id,created_at,country,company_size",
        "1,1970-01-01T00:00:00Z,it,12",
        "2,1970-01-01T00:00:00Z,pt,",
    )
    bundle = small_bundle()
    tables = read_for_scoring(SPEC, ScoringFiles(leads=tmp_path / "leads.csv"))
    assert tables.measures == ("duration_seconds",)
    spine = Spine(np.array([0, 1]), np.array([5 * DAY, 400 * DAY]))
    write_text(tmp_path / "interactions.csv", "lead_id,occurred_at", "1,1971-06-01T00:00:00Z")
    later = ScoringFiles(leads=tmp_path / "leads.csv", interactions=tmp_path / "interactions.csv")
    assert score_spine(bundle, tables, spine) == score_spine(
        bundle, read_for_scoring(SPEC, later), spine
    )


def test_an_attribute_of_the_log_may_stand_among_the_leads_columns_too(tmp_path) -> None:
    """With today's value, which is not what the bundle reads."""
    line = "1,1970-01-01T00:00:00Z,{}"
    write_text(tmp_path / "leads.csv", "lead_id,created_at,country", line.format("pt"))
    write_text(
        tmp_path / "attributes.csv", "lead_id,recorded_at,name,value", line.format("country,it")
    )
    sections = {
        "leads": {"source": "leads.csv"},
        "attributes": {"source": "attributes.csv"},
    }
    mapping = export_mapping(sections, tmp_path)
    tables = read_for_scoring(SPEC, ScoringFiles(mapping))
    assert tables.attribute_log["text"].to_pylist() == ["it"]
    assert "country" not in tables.leads.column_names
    # Without a log it is the only one, and must be declared.
    alone = export_mapping({"leads": sections["leads"]}, tmp_path)
    with pytest.raises(ValueError, match="country: not declared in fixed_at_creation"):
        read_for_scoring(SPEC, ScoringFiles(alone))


def test_what_the_model_was_trained_on_and_did_not_get_is_said(tmp_path) -> None:
    write_text(tmp_path / "leads.csv", "lead_id,created_at,country", "1,1970-01-01T00:00:00Z,it")
    tables = read_for_scoring(SPEC, ScoringFiles(leads=tmp_path / "leads.csv"))
    bundle = small_bundle()
    told = scoring_notes(
        bundle.spec,
        tables,
        Spine(np.array([0, 0]), np.array([180 * DAY, 181 * DAY])),
        180.0,
    )
    assert told[:-1] == (
        "attributes: not there, taken as missing: company_size, first_met_at.",
        "interactions: no lead that is scored has any, each counts as one without contact.",
        "as_of lies 181 days after the export's end, 1970-01-01: what happened since is not known.",
    )
    soon = scoring_notes(bundle.spec, tables, Spine(np.array([0]), np.array([DAY - 1])), 180.0)
    assert not any("export's end" in line for line in soon)
    assert told[-1].startswith("1 of 2 rows look at leads older than 180 days")


@pytest.mark.parametrize(
    ("lead", "note"),
    [(0, "interactions: no lead that is scored"), (1, "measures: without any value")],
)
def test_only_the_contacts_of_leads_that_are_scored_count_as_there(tmp_path, lead, note) -> None:
    write_text(
        tmp_path / "leads.csv",
        "lead_id,created_at,country,company_size,first_met_at",
        *(f"{i},1970-01-01T00:00:00Z,it,5,1970-01-01T00:00:00Z" for i in range(3)),
    )
    write_text(
        tmp_path / "calls.csv",
        "lead_id,occurred_at,kind,duration_seconds",
        "1,1970-01-02T00:00:00Z,call,",
        "2,1970-01-02T00:00:00Z,call,9",
    )
    files = ScoringFiles(None, tmp_path / "leads.csv", tmp_path / "calls.csv")
    tables = read_for_scoring(SPEC, files)
    asked_at = np.array([lead]), np.array([DAY + 1])
    (told,) = scoring_notes(SPEC, tables, Spine(*asked_at), None)
    assert told.startswith(note)
    nobody = Spine(np.array([], np.int64), np.array([], np.int64))
    assert scoring_notes(SPEC, tables, nobody, None) == ()


def test_something_must_say_where_the_leads_are() -> None:
    with pytest.raises(ValueError, match="--leads or --config"):
        ScoringFiles()


@pytest.mark.parametrize("by_spine", [False, True])
def test_the_contacts_of_leads_that_are_not_scored_change_no_score(tmp_path, by_spine) -> None:
    write_text(
        tmp_path / "leads.csv",
        "lead_id,created_at,converted_at\n1,1970-01-01T00:00:00Z,\n"
        "2,1970-01-01T00:00:00Z,1970-01-02T00:00:00Z\n3,1970-01-02T00:00:00Z,\n",
    )
    write_text(
        tmp_path / "calls.csv",
        "lead_id,occurred_at,kind,duration_seconds\n1,1970-01-03T00:00:00Z,price_question,60\n"
        "2,1970-01-02T00:00:00Z,call,9\n3,1970-01-04T00:00:00Z,price_question,5\n",
    )
    write_text(tmp_path / "spine.csv", "lead_id,as_of\n3,1970-01-05T00:00:00Z\n")
    files = ScoringFiles(None, tmp_path / "leads.csv", tmp_path / "calls.csv")
    spine = tmp_path / "spine.csv" if by_spine else None
    whole = read_for_scoring(SPEC, files)
    asked = read_for_scoring(SPEC, files, with_contacts=asked_about(spine, 4 * DAY))
    scored = read_spine(spine, whole) if spine else open_leads_at(4 * DAY, whole)
    assert asked.interactions["lead_id"].to_pylist() == (["3"] if by_spine else ["1", "3"])
    bundle = small_bundle()
    assert score_spine(bundle, asked, scored.spine).equals(score_spine(bundle, whole, scored.spine))
