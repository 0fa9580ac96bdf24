"""The half of a model card that serving reads, and what it shows."""

import json
from datetime import UTC, datetime

import pytest

from models.card import CardDocument, older_than_judged, shown_card

END = {"data_end": "2026-01-01T00:00:00+00:00"}


def test_serving_reads_its_half_of_the_card() -> None:
    served = CardDocument.of(
        {
            **END,
            "snapshots": {"until_days": 180},
            "horizons": {"hot": {"base_rate": 0.03}, "warm": {"base_rate": None}},
        }
    ).served
    assert served.data_end == datetime(2026, 1, 1, tzinfo=UTC)
    assert served.judged_days == 180.0
    assert served.base_rates == {"hot": 0.03}


@pytest.mark.parametrize("card", [{}, {"snapshots": {}}, {"snapshots": {"until_days": None}}])
def test_a_card_that_does_not_say_until_when_leads_were_looked_at_sets_no_limit(card) -> None:
    assert CardDocument.of({**END, **card}).served.judged_days is None


def test_the_first_instant_of_the_test_period_is_read_where_it_is_asked_for() -> None:
    card = CardDocument.of({"settings": {"test_from": "2025-06-01T12:00:00+00:00"}})
    assert card.test_from == datetime(2025, 6, 1, 12, tzinfo=UTC)
    assert CardDocument.of({"settings": None}).test_from is None
    with pytest.raises(ValueError, match=r"settings\.test_from must be an ISO 8601 time"):
        _ = CardDocument.of({"settings": {"test_from": "soon"}}).test_from


@pytest.mark.parametrize(
    "part",
    [
        {"report": [1]},
        {"importance": 3},
        {"bands": [1, 2]},
        {"settings": None},
        {"settings": {"test_from": "soon"}},
        {"snapshots": None, "horizons": None},
        {"horizons": {"hot": {"baselines": 3, "by_age": [1]}}},
    ],
)
@pytest.mark.parametrize("number", [{}, {"format": 2}])
def test_what_serving_does_not_read_never_stops_it(part: dict, number: dict) -> None:
    document = CardDocument.of({**END, **part, **number})
    assert document.served.data_end == datetime(2026, 1, 1, tzinfo=UTC)
    assert shown_card(document)["data_end"] == END["data_end"]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (
            {"horizons": {"hot": {"base_rate": 10**400}}},
            r"horizons\.hot\.base_rate must be",
        ),
        ({"horizons": {"hot": {"base_rate": "x"}}}, r'from 0 to 1, found "x"\. Train'),
        ({"horizons": {"hot": {"base_rate": True}}}, "found true"),
        ({"horizons": {"hot": {"base_rate": 1.5}}}, r"found 1\.5"),
        ({"horizons": {"hot": 3}}, r"horizons\.hot must be an object, found 3"),
        ({"horizons": ["hot"]}, "horizons must be an object"),
        ({"snapshots": 1}, "snapshots must be an object"),
        ({"snapshots": {"until_days": 10**400}}, r"snapshots\.until_days must be a number of days"),
        ({"snapshots": {"until_days": -1}}, "from 0 on, found -1"),
        ({"data_end": 5}, "data_end must be an ISO 8601 time"),
        ({"data_end": "yesterday"}, 'found "yesterday"'),
        ({"data_end": "0001-01-01T00:00:00+00:00"}, "data_end must be an ISO 8601 time from 1970"),
        ({"data_end": "9999-12-31T23:59:59-23:00"}, "data_end must be an ISO 8601 time from 1970"),
    ],
)
def test_a_bad_value_that_serving_reads_is_refused_in_plain_words(part: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        _ = CardDocument.of({**END, **part}).served
    assert "Train the model again" in str(refusal.value)
    assert ".." not in str(refusal.value)
    assert len(str(refusal.value)) < 250


def test_a_change_of_the_latest_weeks_is_warned_of_in_every_answer() -> None:
    latest = {
        "first_look": "2025-11-01T00:00:00+00:00",
        "last_look": "2025-11-28T00:00:00+00:00",
        "bought": 9,
        "expected": 30.0,
    }
    horizons = {
        name: {"calibration": {"latest_weeks": {**latest, "changed": changed}}}
        for name, changed in (("hot", True), ("warm", False))
    }
    (warning,) = CardDocument.of({**END, "horizons": horizons}).served.cautions
    assert warning.startswith(
        "hot_probability: of the leads of 2025-11-01 to 2025-11-28 0.3 times as many bought"
    )
    for odd in (None, {}, {"latest_weeks": None}, {"latest_weeks": {"changed": True}}):
        hot = {"hot": {"calibration": odd}}
        assert CardDocument.of({**END, "horizons": hot}).served.cautions == ()


def test_where_the_base_rate_is_all_that_is_known_every_answer_says_so() -> None:
    horizons = {"hot": {"predictor": "blend"}, "warm": {"predictor": "base rate"}}
    served = CardDocument.of({**END, "horizons": horizons}).served
    assert served.cautions == (
        "warm_probability: too few purchases are known to tell leads apart: all have the same.",
    )
    assert served.notes == served.cautions


def test_bands_whose_promise_did_not_hold_are_warned_of() -> None:
    promise = {"words": "at least 30 % convert", "sentence": "12.0 % converted, at most 20.0 %"}
    bands = {
        "hot": {"promise": {**promise, "finding": "broken"}},
        "warm": {"promise": {**promise, "finding": "kept"}},
        "cold": {"promise": None},
    }
    served = CardDocument.of({**END, "bands": bands}).served
    assert served.broken_promises == {
        "hot": "at least 30 % convert; 12.0 % converted, at most 20.0 %"
    }
    assert set(served.promise_warnings) == {"hot"}
    assert "the promise of hot did not hold" in served.promise_warnings["hot"]
    assert "until the next training" in served.promise_warnings["hot"]
    assert served.notes == tuple(served.promise_warnings.values())
    assert CardDocument.of(END).served.promise_warnings == {}


@pytest.mark.parametrize(
    "bands", [None, 3, [1], {"hot": None}, {"hot": 7}, {"hot": {"promise": "broken"}}]
)
def test_bands_that_are_none_break_no_promise(bands: object) -> None:
    assert CardDocument.of({**END, "bands": bands}).served.broken_promises == {}


def test_a_time_without_a_zone_is_of_utc() -> None:
    end = CardDocument.of({"data_end": "2026-01-01T00:00:00"}).served.data_end
    assert end == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [("{}", "no data_end"), ("[]", "must be a JSON object"), ("{", "Expecting property name")],
)
def test_what_is_no_card_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        _ = CardDocument(text).served


def test_a_card_is_shown_without_what_managers_read_and_without_its_format() -> None:
    card = {**END, "format": 2, "report": {"practice": {"owners": "anna"}}, "recipe": "r"}
    assert shown_card(CardDocument.of(card)) == {"without_suspects": None, **END, "recipe": "r"}


def test_the_same_values_make_the_same_text_in_whatever_order_they_stand() -> None:
    text = CardDocument.of({"b": 1, "a": {"d": 2, "c": "ж"}}).text
    assert text == CardDocument.of({"a": {"c": "ж", "d": 2}, "b": 1}).text
    assert json.loads(text) == {"a": {"c": "ж", "d": 2}, "b": 1}


@pytest.mark.parametrize(
    ("days", "words"), [(180.0, "180 days"), (1.0, "1 day"), (0.5, "0.5 days"), (0.0, "0 days")]
)
def test_the_limit_is_told_in_words(days: float, words: str) -> None:
    assert older_than_judged(days) == f"older than any lead the model was judged on: {words}"
