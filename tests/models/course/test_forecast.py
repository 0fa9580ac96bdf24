"""A forecast is made of the scores of the coming days when nothing more happens."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models.course.forecast
import models.course.looks
from features.engine.history import LeadRecord, single_history
from models.bands import Bands
from models.bundle import Bundle
from models.course.forecast import FORECAST_DAYS, SHOWN, BandChange, Forecast
from models.course.looks import Band, known_record, look_at_days
from models.horizon import Scores
from tests.support.bundles import SPEC, blended, carded, small_bundle
from tests.support.features import feature_matrix
from tests.support.histories import DAY
from tests.support.leads import leads, record_of

PLAIN = replace(small_bundle(), bands=Bands(hot=0.15, warm=0.25, hysteresis=0.2))
BUNDLES = {"booster": PLAIN, "blend": blended(PLAIN), "points card": carded(PLAIN)}
NUMBERS = (
    *("hot_probability", "hot_low", "hot_high", "warm_probability", "warm_low", "warm_high"),
    "not_enough_evidence",
)
NOW = 60 * DAY


@pytest.fixture(params=BUNDLES)
def bundle(request) -> Bundle:
    return BUNDLES[request.param]


def asked(*days: float) -> LeadRecord:
    """A lead that asked for the price on these days."""
    events = [
        {"occurred_at": int(d * DAY), "recorded_at": int(d * DAY), "kind": "price_question"}
        for d in days
    ]
    return LeadRecord(0, events, {"country": "it", "company_size": 100.0})


def forecast(
    bundle: Bundle, record: LeadRecord, as_of: int, previous: Band | None = None
) -> Forecast:
    return models.course.forecast.forecast(
        look_at_days(bundle, record, as_of, FORECAST_DAYS), previous
    )


def scored_alone(bundle: Bundle, record: LeadRecord, as_of: int) -> Scores:
    history = single_history(*record, SPEC.attribute_kinds, SPEC.measures)
    return bundle.scores(feature_matrix(SPEC, history, np.array([0]), np.array([as_of])))


@settings(max_examples=60, deadline=None)
@given(lead=leads, previous=st.sampled_from([None, "cold", "warm", "hot"]))
def test_day_0_is_the_score_bit_for_bit(lead, previous) -> None:
    record, as_of = record_of(lead), lead["as_of"]
    for bundle in BUNDLES.values():
        today = forecast(bundle, record, as_of, previous).looks[0]
        scores = scored_alone(bundle, record, as_of)
        assert [getattr(today, n) for n in NUMBERS] == [getattr(scores, n)[0] for n in NUMBERS]
        assert today.band == bundle.bands.assign(*scores.decisive(bundle.bands), [previous])[0]
        assert (today.day, today.as_of) == (0, as_of)


@settings(max_examples=15, deadline=None)
@given(
    bundle=st.sampled_from(list(BUNDLES.values())),
    lead=leads,
    previous=st.sampled_from([None, "cold", "warm", "hot"]),
)
def test_every_day_is_as_if_it_was_scored_alone_with_the_band_of_the_day_before(
    bundle, lead, previous
) -> None:
    record, as_of = record_of(lead), lead["as_of"]
    found = forecast(bundle, record, as_of, previous)
    looks, changes, before = {look.day: look for look in found.looks}, [], previous
    for day in range(91):
        scores = scored_alone(bundle, known_record(record, as_of), as_of + day * DAY)
        band = str(bundle.bands.assign(*scores.decisive(bundle.bands), [before])[0])
        if day and band != before:
            changes.append(BandChange(day, as_of + day * DAY, band))
        if day in looks:
            numbers = [getattr(looks[day], name) for name in NUMBERS]
            assert numbers == [getattr(scores, name)[0] for name in NUMBERS]
            assert looks[day].band == band
        before = band
    assert list(found.band_changes) == changes
    assert tuple(looks) == SHOWN


def test_a_hot_lead_that_is_left_alone_cools(bundle) -> None:
    record = asked(58, 59, 59.5)
    today = forecast(bundle, record, NOW).looks[0]
    bands = Bands(hot=today.hot_probability, warm=today.warm_probability)
    found = forecast(replace(bundle, bands=bands), record, NOW)
    assert found.looks[0].band == "hot"
    assert found.looks[-1].band == "cold"
    assert found.band_changes[-1].band == "cold"


def test_a_lead_stays_in_its_band_longer_with_hysteresis() -> None:
    record = asked(58, 59, 59.5)
    low = forecast(PLAIN, record, NOW).looks[0].hot_probability

    def changes_on(hysteresis: float) -> int:
        bundle = replace(PLAIN, bands=Bands(hot=low, warm=0.25, hysteresis=hysteresis))
        return forecast(bundle, record, NOW).band_changes[0].day

    assert changes_on(0.0) == 1 < changes_on(0.2)


def test_a_silence_beyond_all_that_was_seen_is_doubtful() -> None:
    found = forecast(PLAIN, asked(58, 59, 59.5), NOW)
    odds = [
        one.hot_high / (1 - one.hot_high) / (one.hot_low / (1 - one.hot_low)) for one in found.looks
    ]
    assert odds[-1] > odds[0]
    assert [found.looks[0].not_enough_evidence, found.looks[-1].not_enough_evidence] == [
        False,
        True,
    ]


def test_what_is_not_known_yet_is_left_out(bundle) -> None:
    booked = {"occurred_at": NOW + DAY, "recorded_at": NOW - DAY, "kind": "price_question"}
    late = {"occurred_at": NOW - DAY, "recorded_at": NOW, "kind": "price_question"}
    record = asked(58)
    more = record._replace(interactions=[*record.interactions, booked, late])
    assert forecast(bundle, more, NOW) == forecast(bundle, record, NOW)


def test_the_executor_is_asked_once_for_all_days(monkeypatch) -> None:
    rows = []
    features_of = models.course.looks.features_of

    def counting(plan, histories, lead, as_of):
        rows.append(len(as_of))
        return features_of(plan, histories, lead, as_of)

    monkeypatch.setattr(models.course.looks, "features_of", counting)
    forecast(PLAIN, asked(58), NOW)
    assert rows == [91]
