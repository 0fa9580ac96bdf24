"""A sample's findings say what differs from training, and nothing of leads that are like it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.export.terms import ExportTerms, FieldTerms, Notation
from models.card import CardDocument
from models.card_formats import CARD_FORMAT
from models.contract import ContractName, own_contract
from models.contract_draft import Terms, draft_contract
from models.explain import signal_points
from serving.answers import sample as sample_module
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.problem import Problem
from serving.answers.sample import Sample
from serving.answers.sample_findings import differs
from serving.answers.sample_schemas import SAMPLE_CODES, SampleAnswer, SampleFinding
from serving.answers.schemas import as_json
from serving.answers.scorer import PreparedLead, feature_rows, prepare_lead, score_leads
from tests.support.bundles import small_bundle
from tests.support.histories import DAY
from tests.support.leads import leads as any_leads
from tests.support.leads import travelling

NOW = 30 * DAY
TERMS = ExportTerms(
    attributes={
        "country": FieldTerms(("Country/Region",), (Notation({"Italia": "it"}),)),
        "company_size": FieldTerms(("Staff",), (Notation(),), 1, 500),
    },
    interactions={"kind": FieldTerms(("Activity type",), (Notation({"Quote": "price_question"}),))},
    measures={"duration_seconds": FieldTerms((), (Notation(),), 0, 600)},
)
CARD = {
    "format": CARD_FORMAT,
    "data_end": "1970-02-01T00:00:00+00:00",
    "bands": {"hot": {"rows": 5}, "warm": {"rows": 5}, "cold": {"rows": 90}},
    "importance": [
        {"signal": "price question", "log_loss_increase": 0.03},
        {"signal": "company size", "log_loss_increase": 0.01},
    ],
    "export": {"leads": 100, "interactions": 250},
    "report": {
        "practice": {
            "fields": [{"name": "country", "known": 90, "leads": 100}],
            "logging": {"everything": {"interactions": 250, "before": 0, "late": 125}},
        }
    },
}


@pytest.fixture(scope="module")
def trained() -> ServedModel:
    """A model whose bundle tells its terms and what it was trained on."""
    bundle = replace(small_bundle(), terms=TERMS, card=CardDocument.of(CARD))
    return served_model(bundle, Limits())


def leads(count: int = 40, **more: Any) -> list[dict[str, Any]]:
    """Leads like those of the training."""
    return [
        {
            "lead_id": str(number),
            "created_at": "1970-01-01T00:00:00Z",
            "as_of": "1970-01-21T00:00:00Z",
            "attributes": {"country": "it", "company_size": 40, "first_met_at": None},
            "interactions": [
                {
                    "occurred_at": f"1970-01-{5 + number % 10:02}T10:00:00Z",
                    "kind": "price_question",
                    "measures": {"duration_seconds": 60},
                }
            ],
        }
        | more
        for number in range(count)
    ]


def with_event(**more: Any) -> list[dict[str, Any]]:
    """The same leads, whose interactions have other values."""
    sample = leads()
    for lead in sample:
        lead["interactions"][0] |= more
    return sample


def checked(model: ServedModel, sample: list[Any]) -> SampleAnswer:
    taken = Sample(model)
    taken.add(sample, NOW)
    return taken.answer()


def findings(model: ServedModel, sample: list[Any]) -> dict[tuple[str, str], SampleFinding]:
    return {(one.code, one.field): one for one in checked(model, sample).findings}


def test_a_sample_like_the_training_has_no_findings(model) -> None:
    sample = leads()
    for lead in sample:
        lead["attributes"]["first_met_at"] = "1970-01-02T00:00:00Z"
    answer = checked(model, sample)
    assert [one for one in answer.findings if one.code != "unlike_training"] == []
    assert (answer.leads, answer.scored, answer.refused, answer.refused_if_strict) == (40, 40, 0, 0)


def test_leads_are_refused_scored_and_banded_as_by_score(trained) -> None:
    sample = [*leads(5), {}, leads(1)[0] | {"phone": 1}, 7, leads(1)[0] | {"created_at": "soon"}]
    answers = score_leads(trained, sample, NOW, reasons=0)
    answer = checked(trained, sample)
    assert answer.refused_if_strict == sum(isinstance(one, Problem) for one in answers) == 4
    assert (answer.refused, answer.scored) == (3, 6)
    scored = [one for one in answers if not isinstance(one, Problem)]
    scored.append(scored[0])  # the lead with a phone
    bands = {band: sum(one.band == band for one in scored) / 6 for band in ("cold", "warm", "hot")}
    assert answer.bands == bands
    mean = np.mean([one.hot_probability for one in scored])
    assert answer.hot_probability == pytest.approx(mean, rel=1e-12)


def test_refusals_are_told_by_field_with_an_example(trained) -> None:
    sample = [*leads(3), *({**lead, "created_at": "03.01.1970"} for lead in leads(2))]
    sample.append(leads(1, interactions=[{"occurred_at": 5}])[0])
    found = findings(trained, sample)
    created = found["refused", "created_at"]
    assert created.count == 2
    assert 'the lead at place 3 has "03.01.1970"' in created.text
    assert found["refused", "interactions.occurred_at"].count == 1


def test_unknown_names_are_told_with_those_that_there_are(trained) -> None:
    sample = leads()
    for lead in sample[:10]:
        lead["attributes"] |= {"land": "it"}
    one = findings(trained, sample)["unknown_name", "attributes.land"]
    assert one.count == 10
    assert "Known: country, company_size, first_met_at" in one.way_out


def test_a_field_nobody_sends_is_told_with_what_it_costs(trained) -> None:
    sample = leads(attributes={"country": "it"})
    answer = checked(trained, sample)
    use = answer.fields["attributes.company_size"]
    assert (use.is_sent, use.filled, use.importance) == (False, 0.0, 0.25)
    prepared = [prepare_lead(trained, lead, NOW) for lead in sample]
    good = [lead for lead in prepared if isinstance(lead, PreparedLead)]
    points = signal_points(trained.bundle, feature_rows(trained.bundle, good))["company size"]
    assert use.moved_points == pytest.approx(np.abs(points).mean(), rel=1e-12)
    one = findings(trained, sample)["never_sent", "attributes.company_size"]
    assert "25% of the importance" in one.text
    assert ("never_sent", "attributes.country") not in findings(trained, sample)


def test_a_field_that_is_sent_less_than_in_training_is_told(trained) -> None:
    sample = leads()
    for lead in sample[:30]:
        lead["attributes"]["country"] = ""
    one = findings(trained, sample)["rarely_sent", "attributes.country"]
    assert one.count == 30
    assert "25% of the leads have it, in training 90%" in one.text


def test_a_field_that_is_sent_more_than_in_training_may_be_a_default(trained) -> None:
    fields = [{"name": "country", "known": 20, "leads": 100}]
    card = {**CARD, "report": {"practice": {"fields": fields}}}
    bundle = replace(trained.bundle, card=CardDocument.of(card))
    found = findings(served_model(bundle, Limits()), leads())
    assert ("rarely_sent", "attributes.country") not in found
    one = found["often_sent", "attributes.country"]
    assert (one.count, "100% of the leads have it, in training 20%" in one.text) == (40, True)
    assert "send null" in one.way_out


def test_every_code_of_a_finding_is_documented() -> None:
    document = Path(__file__).parents[3] / "docs" / "serving.md"
    (listed,) = re.findall(r"The codes are (.*?)\. A share", document.read_text(), re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == list(SAMPLE_CODES)


def test_the_exports_own_names_and_words_count_as_ours(trained) -> None:
    sample = [
        {
            **{n: v for n, v in lead.items() if n != "attributes"},
            "attributes": {"Country/Region": "Italia", "Staff": 40, "first_met_at": None},
            "interactions": [{"occurred_at": "1970-01-10T00:00:00Z", "Activity type": "Quote"}],
        }
        for lead in leads()
    ]
    answer = checked(trained, sample)
    assert answer.fields["attributes.country"].words == {"it": 40}
    assert answer.fields["interactions.kind"].words == {"price_question": 40}
    assert answer.fields["attributes.company_size"].filled == 1
    assert answer.refused_if_strict == 0
    assert not {"unknown_name", "no_known_word"} & {one.code for one in answer.findings}


def test_words_that_the_model_does_not_know_are_counted_with_what_they_may_mean(trained) -> None:
    one = findings(trained, with_event(kind="Price_Question"))["no_known_word", "interactions.kind"]
    assert one.count == 40
    assert 'may be meant as "price_question"' in one.way_out
    sample = leads()
    sample[0]["attributes"]["country"] = "France"
    one = findings(trained, sample)["unknown_words", "attributes.country"]
    assert '"France" (1)' in one.text


def test_numbers_beyond_training_are_told_with_both_ranges(trained) -> None:
    found = findings(trained, with_event(measures={"duration_seconds": 60_000}))
    one = found["outside_range", "interactions.measures.duration_seconds"]
    assert one.count == 40
    assert "from 60000 to 60000; in training it lay from 0 to 600" in one.text


@pytest.mark.parametrize(
    ("code", "events", "count"),
    [
        ("unused_interactions", [{"occurred_at": "1970-01-22T00:00:00Z"}], 40),
        ("copies", [{"occurred_at": "1970-01-05T10:00:00Z"}] * 3, 80),
        (
            "midnights",
            [{"occurred_at": f"1970-01-{day:02}T00:00:00Z"} for day in range(1, 21)],
            800,
        ),
    ],
    ids=["unused", "copies", "midnights"],
)
def test_odd_interactions_are_counted(trained, code: str, events, count: int) -> None:
    assert findings(trained, leads(interactions=events))[code, "interactions"].count == count


def test_early_interactions_are_counted(trained) -> None:
    sample = leads(created_at="1970-01-20T00:00:00Z")
    for lead in sample:
        lead["created_at"], lead["as_of"] = "1970-03-01T00:00:00Z", None
    taken = Sample(trained)
    taken.add(sample, 70 * DAY)
    assert taken.answer().interactions.early == 40


def test_delays_unlike_training_are_told(trained) -> None:
    sample = with_event(recorded_at="1970-01-05T09:00:00Z")
    answer = checked(trained, sample)
    assert answer.interactions.booked == pytest.approx(1.0)
    found = [one.text for one in answer.findings if one.code == "delays"]
    assert found == [
        "100% were recorded before they occurred; in training 0% were.",
        "0% were recorded over a day after they occurred; in training 50% were.",
    ]


def test_bands_unlike_training_and_ids_that_come_twice_are_told(trained) -> None:
    sample = [*leads(), leads(1)[0]]
    found = findings(trained, sample)
    assert found["lead_twice", "lead_id"].count == 1
    assert ("bands", "") in found


def test_retired_names_are_told_with_their_successor() -> None:
    bundle = replace(small_bundle(), version="2")
    first = own_contract(bundle)
    earlier = replace(first, names={**first.names, "attributes.staff": ContractName("number")})
    terms = Terms(first.releases[-1].released, 30, {"staff": "company_size"})
    contract = draft_contract(earlier, bundle.spec, "2", terms)
    model = served_model(bundle, Limits(), contract)
    sample = leads(attributes={"staff": 9})
    one = findings(model, sample)["retired_name", "attributes.staff"]
    assert one.way_out == "Send attributes.company_size."
    assert checked(model, sample).refused_if_strict == 0


def rounded(answer: SampleAnswer) -> Any:
    """The answer, whose means do not depend on the order of summation."""
    return json.loads(as_json(answer), parse_float=lambda text: round(float(text), 9))


@pytest.mark.parametrize("sizes", [[1] * 12, [5, 7], [12]], ids=["one by one", "two", "at once"])
def test_parts_do_not_matter(trained, sizes: list[int]) -> None:
    sample = [*leads(8), {}, *with_event(kind="x")[:2], [[]]]
    taken, begin = Sample(trained), 0
    for size in sizes:
        taken.add(sample[begin : begin + size], NOW)
        begin += size
    assert rounded(taken.answer()) == rounded(checked(trained, sample))


def test_nothing_is_compared_with_an_empty_sample(trained) -> None:
    answer = checked(trained, [])
    assert (answer.leads, answer.findings, answer.bands) == (0, (), {})
    assert answer.fields["attributes.country"].filled is None


def test_distinct_names_and_words_are_bounded(trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_module, "MAX_DISTINCT", 60)
    sample = leads(3)
    for lead in sample:
        lead["attributes"] |= {f"x{number}": 1 for number in range(200)}
        lead["interactions"] = [
            {"occurred_at": "1970-01-05T10:00:00Z", "kind": f"word {number}"}
            for number in range(200)
        ]
    answer = checked(trained, sample)
    assert len(answer.fields) == 60
    assert len(answer.fields["interactions.kind"].unknown_words) == 50
    assert answer.fields["attributes.country"].is_sent


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["attributes", "interactions", "kind", "x\ud800"]), inner)
    ),
    max_leaves=10,
)


@settings(max_examples=20, deadline=None)
@given(st.lists(any_leads.map(travelling) | json_values, max_size=4))
def test_any_sample_is_answered_as_its_leads_would_be(trained, sample: list[Any]) -> None:
    answer = checked(trained, sample)
    answers = score_leads(trained, sample, NOW, reasons=0)
    assert answer.refused_if_strict == sum(isinstance(one, Problem) for one in answers)
    assert json.loads(as_json(answer))["leads"] == len(sample)


def test_chance_and_small_differences_are_no_findings() -> None:
    assert differs(0.0, 0.5, 40)
    assert not differs(0.0, 0.5, 2)
    assert not differs(0.45, 0.5, 10**6)
    assert not differs(0.2, 0.0, 2)
