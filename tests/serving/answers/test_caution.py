"""Warnings name what the model could not use, and say nothing about a lead that it knows."""

from dataclasses import replace

import pytest

from features.engine.history import LeadRecord
from features.export.terms import ExportTerms, FieldTerms
from models.bands import Promise
from models.card import CardDocument
from models.policy import LimitedRate
from serving.answers.caution import MAX_CAUTION_NAMES, cautions
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.times import rfc3339
from tests.serving.answers.test_scorer import good, lead
from tests.support.bundles import small_bundle
from tests.support.histories import DAY


def test_a_complete_lead_has_no_warnings(model) -> None:
    interaction = {"occurred_at": rfc3339(DAY), "kind": "price_question", "channel": "anything"}
    assert good(model, lead(interactions=[interaction])).warnings == ()


def test_a_promise_that_did_not_hold_is_warned_of_in_each_answer_of_its_band(model) -> None:
    band = good(model, lead()).band
    promise = {"finding": "broken", "words": "W", "sentence": "S"}
    for name in ("hot", "warm", "cold"):
        bands = {name: {"promise": promise}}
        card = CardDocument.of({**model.bundle.card.values, "bands": bands})
        contradicted = served_model(replace(model.bundle, card=card), Limits())
        warnings = good(contradicted, lead()).warnings
        expected = (f"the promise of {name} did not hold in the test period: W; S",)
        assert [one.split(": ", 1)[1].split(". ")[0] for one in warnings] == list(
            expected if name == band else ()
        )


def test_a_cold_lead_may_be_left_only_while_colds_promise_stands(model) -> None:
    cold = Promise(LimitedRate(0.999), 0.1, 900, 400, 9, 0.01, 0.02, "measured")
    bands = replace(model.bundle.bands, hot=1.0, warm=None, promises={"cold": cold})
    promising = replace(model.bundle, bands=bands)
    assert good(served_model(promising, Limits()), lead()).may_be_left
    broken = {"bands": {"cold": {"promise": {"finding": "broken"}}}}
    card = CardDocument.of({**model.bundle.card.values, **broken})
    contradicted = served_model(replace(promising, card=card), Limits())
    assert not good(contradicted, lead()).may_be_left


def test_attributes_that_were_not_sent_are_named(model) -> None:
    answer = good(model, lead(attributes={"country": None}))
    assert answer.warnings == (
        "attributes: not sent, taken as missing: company_size, first_met_at.",
    )


def test_a_level_that_the_model_does_not_know_is_named(model) -> None:
    (warning,) = good(model, lead(attributes=lead()["attributes"] | {"country": "xx"})).warnings
    assert warning.startswith('attributes.country: the model has no level "xx"')
    assert "Known: it, pt." in warning


def test_words_that_no_feature_looks_at_are_named_once_and_bounded(model) -> None:
    interactions = [{"occurred_at": rfc3339(DAY), "kind": f"{i} " + 150 * "x"} for i in range(99)]
    (warning,) = good(model, lead(interactions=interactions)).warnings
    assert warning.startswith('interactions.kind: no feature looks at "0 xxx')
    assert "and 94 more" in warning
    assert "Known: price_question." in warning
    assert len(warning) < 1_200


def test_interactions_at_or_after_the_instant_are_counted(model) -> None:
    before = {"occurred_at": rfc3339(DAY)}
    at = {"occurred_at": rfc3339(2 * DAY)}
    learnt_later = {"occurred_at": rfc3339(DAY), "recorded_at": rfc3339(3 * DAY)}
    one = lead(as_of=rfc3339(2 * DAY), interactions=[before, at, learnt_later])
    (warning,) = good(model, one).warnings
    assert warning.startswith("interactions: 2 of 3 occurred or were recorded at or after as_of")
    assert (
        good(model, one).hot_probability
        == good(model, one | {"interactions": [before]}).hot_probability
    )


def test_what_the_model_ignores_is_named_and_does_not_count(model) -> None:
    spec = replace(model.bundle.spec, ignored={"kind": ("contract",)})
    ignoring = served_model(replace(model.bundle, spec=spec), Limits())
    price, contract = (
        {"occurred_at": rfc3339(DAY), "kind": kind} for kind in ("price_question", "contract")
    )
    found = good(ignoring, lead(interactions=[price, contract]))
    assert found.warnings == (
        'interactions.kind: "contract" does not count: it was found to know the outcome.',
    )
    alone = good(ignoring, lead(interactions=[price]))
    assert replace(found, warnings=()) == alone
    assert (
        good(model, lead(interactions=[price, contract]))
        .warnings[0]
        .startswith(
            'interactions.kind: no feature looks at "contract", it counts as any interaction.'
        )
    )


def test_copies_of_an_interaction_are_counted_and_told(model) -> None:
    call = {"occurred_at": rfc3339(DAY), "channel": "phone", "measures": {"duration_seconds": 5}}
    copy = dict(reversed(call.items())) | {"recorded_at": rfc3339(DAY), "agent": None}
    other = call | {"measures": {"duration_seconds": 6}}
    (warning,) = good(model, lead(interactions=[call, copy, other, copy])).warnings
    assert warning == (
        "interactions: 2 of 4 say in every field what another one says; each counts."
    )
    assert good(model, lead(interactions=[call, other])).warnings == ()


def test_a_lead_older_than_any_that_was_judged_is_warned_of(model) -> None:
    card = CardDocument.of({**model.bundle.card.values, "snapshots": {"until_days": 30.0}})
    judged = served_model(replace(model.bundle, card=card), Limits())
    assert good(judged, lead(as_of=rfc3339(30 * DAY))).warnings == ()
    (warning,) = good(judged, lead(as_of=rfc3339(30 * DAY + 1))).warnings
    assert warning == "created_at: older than any lead the model was judged on: 30 days."
    assert good(model, lead(as_of=rfc3339(59 * DAY))).warnings == ()


@pytest.mark.parametrize(
    ("days", "include", "warnings"),
    [
        (100, (), []),
        (100, ("trend",), []),
        (10, ("forecast",), []),
        (11, ("forecast",), ["forecast: from day 90 on the lead is older than"]),
        (100, ("forecast",), ["forecast: from day 1 on the lead is older than"]),
        (101, ("forecast",), ["created_at: older than"]),
    ],
)
def test_a_forecast_warns_of_the_day_on_which_the_lead_becomes_too_old(
    model: ServedModel, days: int, include: tuple, warnings: list[str]
) -> None:
    judged = replace(model, judged_days=100.0)
    complete = dict.fromkeys(model.bundle.spec.attribute_kinds)
    found = [*cautions(judged, LeadRecord(0, [], complete), days * DAY, include)]
    assert len(found) == len(warnings)
    for text, start in zip(found, warnings, strict=True):
        assert text.startswith(start)
        assert text.endswith("any lead the model was judged on: 100 days.")


@pytest.mark.parametrize(
    ("word", "doubt"),
    [
        ("IT", 'may be meant as "it": they differ only by case, blanks or look-alikes.'),
        ("рt", 'may be meant as "pt": they differ only by case, blanks or look-alikes.'),
        (" N/A", "may stand for a missing value: then send null."),
        ("cittÃ\xa0", "may have been read in another encoding."),
    ],
)
def test_a_word_that_may_be_meant_otherwise_is_doubted(model, word: str, doubt: str) -> None:
    sent = lead(attributes=lead()["attributes"] | {"country": word})
    unknown, second = good(model, sent).warnings
    assert unknown.startswith("attributes.country: the model has no level")
    assert second.startswith("attributes.country: ")
    assert second.endswith(doubt)


def test_words_of_interactions_are_doubted_alike(model) -> None:
    event = {"occurred_at": rfc3339(DAY), "kind": "Price Question"}
    _, second = good(model, lead(interactions=[event])).warnings
    assert second.startswith('interactions.kind: "Price Question" may be meant as "price_question"')


@pytest.fixture(scope="module")
def ranged() -> ServedModel:
    terms = ExportTerms(
        attributes={"company_size": FieldTerms(low=1.0, high=500.0)},
        measures={"duration_seconds": FieldTerms(low=0.0, high=3600.0)},
    )
    return served_model(replace(small_bundle(), terms=terms), Limits())


@pytest.mark.parametrize("size", [1, 500, None])
def test_numbers_that_training_had_are_not_warned_of(ranged, size) -> None:
    event = {"occurred_at": rfc3339(DAY), "measures": {"duration_seconds": 3600}}
    attributes = lead()["attributes"] | {"company_size": size}
    assert good(ranged, lead(attributes=attributes, interactions=[event])).warnings == ()


def test_numbers_beyond_those_of_training_are_named(ranged) -> None:
    events = [
        {"occurred_at": rfc3339((i + 1) * DAY), "measures": {"duration_seconds": n}}
        for i, n in enumerate([-5, 60, 7200, 7200, None])
    ]
    attributes = lead()["attributes"] | {"company_size": 12_000_000}
    measure = "interactions.measures.duration_seconds"
    assert good(ranged, lead(attributes=attributes, interactions=events)).warnings == (
        "attributes.company_size: 1.2e+07 is outside of what training had, 1 to 500.",
        f"{measure}: -5, 7200 is outside of what training had, 0 to 3600.",
    )


def test_a_measure_that_counts_as_0_is_named(ranged) -> None:
    event = {"occurred_at": rfc3339(DAY), "measures": {"duration_seconds": 0.00002}}
    assert good(ranged, lead(interactions=[event])).warnings == (
        "interactions.measures.duration_seconds: 2e-05 is too small to be kept and counts as 0.",
    )


def test_contacts_long_before_the_creation_are_counted(model) -> None:
    events = [{"occurred_at": rfc3339(day * DAY)} for day in (1, 9, 10, 39)]
    sent = lead(created_at=rfc3339(40 * DAY), interactions=events)
    assert good(model, sent).warnings == (
        "interactions: 2 of 4 occurred over 30 days before created_at.",
    )


@pytest.mark.parametrize(("hour", "warnings"), [(0, 1), (1, 0)])
def test_times_that_are_all_midnight_are_doubted(model, hour: int, warnings: int) -> None:
    events = [{"occurred_at": rfc3339(day * DAY)} for day in range(1, 20)]
    events.append({"occurred_at": rfc3339(20 * DAY + hour * DAY // 24)})
    told = good(model, lead(interactions=events)).warnings
    assert [text.startswith("interactions: all 20 occurred at midnight") for text in told] == [
        True
    ] * warnings


def test_names_in_a_warning_are_bounded(model: ServedModel) -> None:
    more = {f"a{number:02}": "number" for number in range(MAX_CAUTION_NAMES)}
    spec = replace(model.bundle.spec, attribute_kinds=model.bundle.spec.attribute_kinds | more)
    wide = served_model(replace(model.bundle, spec=spec), Limits())
    (warning,) = cautions(wide, LeadRecord(0, [], {}), DAY)
    assert warning.endswith(" and 3 more.")
