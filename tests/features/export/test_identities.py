"""Other ids of a lead, merged leads, leads that are none, and persons."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from features.export.identities import Identities, merge_targets, person_hashes, person_numbers
from features.export.mapping import export_mapping
from features.export.sources import read_export
from tests.support.exports import write_text

NAMES = st.sampled_from("abcdef")


def by_hand(ids, into):
    """Where each merged lead ends, one step after the other."""
    next_of = {a: b for a, b in zip(ids, into, strict=True) if b is not None and a != b}
    ends = {}
    for lead in next_of:
        path = [lead]
        while path[-1] in next_of and len(path) < 20:
            path.append(next_of[path[-1]])
        if len(path) < 20 and path[-1] in ids:
            ends[lead] = path[-1]
    return ends


@given(st.dictionaries(NAMES, st.none() | NAMES))
def test_a_merged_lead_is_what_the_chain_of_merges_ends_in(into):
    assert merge_targets(list(into), list(into.values())) == by_hand(list(into), into.values())


def leads_of(ids, days):
    created = pa.array([day * 86_400_000_000 for day in days], pa.timestamp("us", "UTC"))
    return pa.table({"lead_id": ids, "created_at": created})


@example(aliases=[("u", "a"), ("u", "b")], asked=[("u", 5), ("u", 4), ("u", 1)])
@given(
    aliases=st.lists(st.tuples(st.sampled_from("uvwa"), st.sampled_from("abcx")), max_size=8),
    asked=st.lists(st.tuples(st.sampled_from("abcuvwz"), st.integers(0, 9)), min_size=1),
)
def test_an_id_is_that_of_its_lead_and_a_shared_one_of_the_latest_created_by_then(aliases, asked):
    created = {"a": 2, "b": 5, "c": 5}
    identities = Identities.of(leads_of(list(created), created.values()), aliases)
    ids = pa.chunked_array([[other for other, _ in asked]])
    times = pa.chunked_array(
        [pa.array([day * 86_400_000_000 for _, day in asked], pa.timestamp("us", "UTC"))]
    )
    expected, known = [], []
    for other, day in asked:
        leads = [lead for name, lead in aliases if name == other and lead in created]
        before = [lead for lead in sorted(set(leads)) if created[lead] <= day]
        ranked = sorted(set(leads), key=lambda lead: (created[lead], lead))
        known.append(other in created or bool(leads))
        if other in created or not leads:
            expected.append(other)
        else:
            expected.append(
                [lead for lead in ranked if lead in before][-1] if before else ranked[0]
            )
    assert identities.is_known(ids).to_pylist() == known
    assert identities.own_ids(ids, times).to_pylist() == expected


def test_persons_are_numbered_as_they_come_and_nothing_tells_who_they_are():
    texts = pa.array(["Ana@x.org", None, "bo@x.org", " ana@X.ORG ", ""])
    hashes = person_hashes(texts, b"key")
    assert "ana" not in "".join(filter(None, hashes.to_pylist()))
    numbers = person_numbers(pa.chunked_array([hashes]))
    assert numbers.to_pylist() == [0, None, 1, 0, None]
    others = person_hashes(texts, b"another key")
    assert set(others.drop_null().to_pylist()).isdisjoint(hashes.to_pylist())
    assert person_numbers(pa.chunked_array([others])) == numbers


LEADS = [
    "id,made,contact,master,gone,mail",
    "L1,2024-01-01T00:00:00Z,C1,,0,ana@x.org",
    "L2,2024-01-02T00:00:00Z,C2,L1,1,",
    "L3,2024-01-03T00:00:00Z,,,TRUE,bo@x.org",
    "L4,2024-01-04T00:00:00Z,C1,,0,Ana@x.org",
    "L5,2024-01-05T00:00:00Z,,,0,caf\udce9@x.org",
]
INTERACTIONS = [
    "lead_id,occurred_at",
    "L1,2024-02-01T00:00:00Z",
    "L2,2024-02-01T00:00:00Z",
    "C2,2024-02-01T00:00:00Z",
    "C1,2024-01-02T00:00:00Z",
    "C1,2024-02-01T00:00:00Z",
    "L3,2024-02-01T00:00:00Z",
    "L9,2024-02-01T00:00:00Z",
]


@pytest.fixture
def tables(tmp_path):
    lines = "".join(f"{line}\n" for line in LEADS)
    (tmp_path / "leads.csv").write_bytes(lines.encode(errors="surrogateescape"))
    write_text(tmp_path / "interactions.csv", *INTERACTIONS)
    write_text(
        tmp_path / "log.csv",
        "lead_id,recorded_at,name,value",
        "C2,2024-02-01T00:00:00Z,stage,new",
        "L3,2024-02-01T00:00:00Z,stage,new",
    )
    leads = {
        "source": "leads.csv",
        "columns": {"lead_id": "id", "created_at": "made", "person": "mail"},
        "also_known_as": ["contact"],
        "merged_into": "master",
        "leave_out": {"gone": ["1", "true"]},
    }
    mapping = export_mapping(
        {
            "leads": leads,
            "interactions": {"source": "interactions.csv"},
            "attributes": {"source": "log.csv"},
        },
        tmp_path,
    )
    return read_export(mapping)


def test_what_belongs_to_a_merged_or_converted_lead_is_its_leads(tables):
    assert tables.leads["lead_id"].to_pylist() == ["L1", "L4", "L5"]
    # L2 and its contact are L1's; the shared contact was L1's until L4 was created.
    assert tables.interactions["lead_id"].to_pylist() == ["L1", "L1", "L1", "L1", "L4"]
    assert tables.attribute_log["lead_id"].to_pylist() == ["L1"]


def test_what_belongs_to_a_lead_that_is_left_out_is_no_fault_and_an_unknown_id_is(tables):
    rejects = [(r["table"], r["lead_id"], r["rule"]) for r in tables.rejects.to_pylist()]
    assert ("interactions", "L9", "unknown lead") in rejects
    assert all(lead != "L3" for _, lead, _ in rejects)
    assert tables.unused["leads merged_into"].startswith("1 rows")
    assert tables.unused["leads leave_out.gone"].startswith("1 rows")


def test_leads_of_one_address_are_one_person_and_the_address_is_kept_nowhere(tables):
    assert tables.leads["person"].to_pylist() == [0, 0, 1]
    everything = repr([tables.leads.to_pylist(), tables.rejects.to_pylist(), tables.unused]).lower()
    assert "@x.org" not in everything


@pytest.mark.parametrize(
    ("leads", "message"),
    [
        ({"also_known_as": ["kontact"]}, "column 'kontact' is missing. Did you mean 'contact'?"),
        ({"merged_into": "id2"}, "column 'id2' is missing"),
        ({"leave_out": {"gonne": ["1"]}}, "Did you mean 'gone'?"),
    ],
)
def test_a_column_that_is_not_there_is_named(tmp_path, leads, message):
    write_text(tmp_path / "leads.csv", LEADS[0], LEADS[1])
    columns = {"lead_id": "id", "created_at": "made"}
    mapping = export_mapping(
        {"leads": {"source": "leads.csv", "columns": columns, **leads}}, tmp_path
    )
    with pytest.raises(ValueError, match=r"also_known_as, merged_into or leave_out") as caught:
        read_export(mapping)
    assert message in str(caught.value)


def doubts_of(folder, header, *rows, **sections):
    write_text(folder / "leads.csv", header, *rows)
    leads = {"source": "leads.csv", **sections}
    tables = read_export(export_mapping({"data": {"timezone": "UTC"}, "leads": leads}, folder))
    return [doubt for doubt in tables.suspicions if doubt.name == "likely doubles of one person"]


SHARED = [f"{i},2024-01-{i + 1:02},{'A@x.org ' if i % 2 else 'a@x.org'}" for i in range(4)]
APART = [f"{i},2024-01-{i + 1:02},m{i}@x.org" for i in range(4, 20)]


def test_leads_with_one_address_are_likely_doubles(tmp_path):
    (doubt,) = doubts_of(tmp_path, "lead_id,created_at,E-mail", *SHARED, *APART)
    assert (doubt.location, doubt.rows) == ("leads.E-mail", 4)
    assert doubt.way_out.startswith('write person = "E-mail" under [leads.columns]')
    assert "x.org" not in f"{doubt}"  # whose they are is nobody's business


@pytest.mark.parametrize(
    "rows",
    [
        APART,  # each has its own
        [f"{i},2024-01-{i + 1:02},info@x.org" for i in range(20)],  # an office's
        [f"{i},2024-01-{i + 1:02}," for i in range(20)],  # none
    ],
)
def test_other_leads_are_no_doubles(tmp_path, rows):
    assert doubts_of(tmp_path, "lead_id,created_at,E-mail", *rows) == []


def test_who_names_the_person_has_no_doubt(tmp_path):
    columns = {"person": "E-mail"}
    assert doubts_of(tmp_path, "lead_id,created_at,E-mail", *SHARED, *APART, columns=columns) == []


def test_rows_that_are_no_leads_are_no_doubles(tmp_path):
    rows = [f"{row},{int(i > 0)}" for i, row in enumerate(SHARED)]
    header = "lead_id,created_at,E-mail,gone"
    apart = [f"{row},0" for row in APART]
    assert doubts_of(tmp_path, header, *rows, *apart, leave_out={"gone": ["1"]}) == []
