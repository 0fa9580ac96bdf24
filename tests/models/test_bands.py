"""Bands: in order, without flapping, and decided as they say."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bands import LEVELS, Bands, Promise, bands_from_json, format_distinct, staying_cutoff
from models.policy import GuaranteedRate, LimitedRate

shares = st.floats(0, 1)
before = st.sampled_from([None, "cold", "warm", "hot"])
bands = st.builds(
    Bands,
    hot=st.none() | shares,
    warm=st.none() | shares,
    hysteresis=st.floats(0, 0.95),
)
RANK = {band.value: rank for rank, band in enumerate(LEVELS)}


def band_of(found: Bands, hot: float, warm: float, previous: str | None = None) -> str:
    return str(found.assign(np.array([hot]), np.array([warm]), [previous])[0])


@given(bands, st.lists(st.tuples(shares, shares, before), max_size=5), st.data())
def test_bands_are_those_of_a_plain_loop(found, rows, data) -> None:
    """Also at a cut-off itself and at the line down to which a lead stays."""
    lines = [
        line
        for cutoff in (found.hot, found.warm)
        if cutoff is not None
        for line in (cutoff, staying_cutoff(cutoff, found.hysteresis))
    ]
    if lines:
        at_a_line = st.sampled_from(lines)
        rows = [*rows, (data.draw(at_a_line), data.draw(at_a_line), data.draw(before))]
    expected = []
    for hot, warm, previous in rows:
        band = "cold"
        for name, bound, cutoff in (("warm", warm, found.warm), ("hot", hot, found.hot)):
            stays = RANK[previous or "cold"] >= RANK[name]
            if cutoff is None:
                continue
            if bound >= (staying_cutoff(cutoff, found.hysteresis) if stays else cutoff):
                band = name
        expected.append(band)
    hots, warms = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    assert found.assign(hots, warms, [row[2] for row in rows]).tolist() == expected


@given(st.floats(0.001, 0.999), st.floats(0, 0.95))
def test_a_lead_stays_down_to_a_share_of_the_odds(cutoff: float, hysteresis: float) -> None:
    line = staying_cutoff(cutoff, hysteresis)
    assert line / (1 - line) == pytest.approx((1 - hysteresis) * cutoff / (1 - cutoff))
    assert staying_cutoff(cutoff, 0.0) == cutoff
    assert (staying_cutoff(0.0, hysteresis), staying_cutoff(1.0, hysteresis)) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "texts"),
    [
        (0.25, 0.25, ("0.250", "0.250")),
        (0.25, 0.3, ("0.250", "0.300")),
        (0.2501, 0.25, ("0.2501", "0.2500")),
        (0.25004, 0.25, ("0.25004", "0.25000")),
    ],
)
def test_two_numbers_are_written_so_that_they_differ(first, second, texts) -> None:
    assert format_distinct(first, second, "f") == texts


@given(bands, shares, shares, shares, before)
def test_a_surer_lead_is_never_colder(found, low, high, warm, previous) -> None:
    low, high = min(low, high), max(low, high)
    ranks = [RANK[band_of(found, hot, warm, previous)] for hot in (low, high)]
    assert ranks[0] <= ranks[1]


@given(bands, shares, shares, before)
def test_a_band_before_never_warms_a_lead_above_it(found, hot, warm, previous) -> None:
    alone = RANK[band_of(found, hot, warm)]
    together = RANK[band_of(found, hot, warm, previous)]
    assert alone <= together <= max(alone, RANK[previous or "cold"])


@given(bands, shares, shares, st.sampled_from(["warm", "hot"]))
def test_a_lead_that_stays_would_come_in_at_slightly_better_odds(found, hot, warm, previous):
    stays = band_of(found, hot, warm, previous)
    if stays != band_of(found, hot, warm):
        cutoff, bound = (found.hot, hot) if stays == "hot" else (found.warm, warm)
        assert cutoff is not None
        assert staying_cutoff(cutoff, found.hysteresis) <= bound < cutoff


@given(
    st.lists(st.tuples(st.sampled_from(["hot", "warm", "cold"]), st.floats(0, 1)), max_size=20),
    st.floats(0.001, 0.999),
)
def test_leads_may_be_left_that_are_cold_to_their_high_end(rows, at_most: float) -> None:
    cold = Promise(LimitedRate(at_most), 0.1, 90, 40, 9, 0.01, at_most, "measured")
    bands = Bands(hot=0.3, warm=0.1, promises={"cold": cold})
    band, high = (np.array([row[column] for row in rows]) for column in (0, 1))
    expected = [name == "cold" and end <= at_most for name, end in rows]
    assert bands.may_be_left(band, high).tolist() == expected
    nothing_promised = Bands(hot=0.3, warm=0.1)
    everybody_cold = Bands(hot=None, warm=None, promises={"cold": cold})
    for bands in (nothing_promised, everybody_cold):
        assert not bands.may_be_left(band, high).any()


def test_a_lead_near_a_cutoff_does_not_flap() -> None:
    found = Bands(hot=0.3, warm=0.3, hysteresis=0.2)
    bounds, previous, seen = [0.29, 0.31, 0.29, 0.31, 0.27, 0.25, 0.29], None, []
    for bound in bounds:
        previous = band_of(found, bound, 0.9, previous)
        seen.append(previous)
    assert seen == ["warm", "hot", "hot", "hot", "hot", "warm", "warm"]
    assert band_of(found, 0.29, 0.9) == "warm"


def test_where_a_promise_cannot_be_made_nobody_is_called_so() -> None:
    found = Bands(hot=None, warm=0.3, hysteresis=0.2)
    assert band_of(found, 1.0, 1.0, "hot") == "warm"
    assert "nobody is called hot" in found.comparison_text(1.0, 1.0)
    assert band_of(Bands(None, None), 1.0, 1.0, "hot") == "cold"


def test_why_shows_as_many_decimals_as_it_takes_to_differ() -> None:
    found = Bands(0.3, 0.3)
    assert "0.29996 < hot cut-off 0.30000" in found.comparison_text(0.29996, 0.5)
    assert found.comparison_text(0.3, 0.5) == "hot probability 0.300 >= hot cut-off 0.300"


@given(bands, shares, shares, before)
def test_why_gives_the_comparison_that_decided(found, hot, warm, previous) -> None:
    told = found.comparison_text(hot, warm, previous).split("; ")
    band = band_of(found, hot, warm, previous)
    assert len(told) == (1 if band == "hot" else 2)
    assert [" >= " in part for part in told] == [band == "hot", band == "warm"][: len(told)]


def test_why_says_that_a_lead_stays() -> None:
    told = Bands(0.3, 0.2, hysteresis=0.2).comparison_text(0.1, 0.18, "hot")
    assert told == (
        "hot probability 0.100 < 0.255, down to which a hot lead stays hot (cut-off 0.300); "
        "warm probability 0.180 >= 0.167, down to which a hot lead stays warm (cut-off 0.200)"
    )


@given(bands, shares, shares)
def test_what_decides_is_the_probability_or_the_low_end_as_the_bands_say(found, high, low) -> None:
    assert found.decisive(high, low=low) == high
    assert dataclasses.replace(found, decided_by="low end").decisive(high, low=low) == low


def test_bands_without_a_word_of_what_decides_compare_the_low_end_and_are_written_the_same() -> (
    None
):
    """So bundles of earlier versions give the answers that they gave."""
    written = {"hot": 0.3, "warm": 0.2, "hysteresis": 0.2, "promises": {}}
    found = bands_from_json(written)
    assert found.decided_by == "low end"
    assert "hot lower bound 0.310 >= hot cut-off 0.300" in found.comparison_text(0.31, 0.31)
    assert found.to_json() == written
    with pytest.raises(ValueError, match=r"decided_by must be one of .*, got 'luck'"):
        bands_from_json({**written, "decided_by": "luck"})


def test_a_promise_without_a_reach_is_written_without_one() -> None:
    promise = Promise(LimitedRate(0.01), 0.2, 500, 200, 2, 0.004, 0.01, "counted")
    assert "reach" not in promise.to_json()
    found = Bands(0.3, 0.2, promises={"cold": promise})
    assert bands_from_json(json.loads(json.dumps(found.to_json()))) == found


def test_bands_survive_json_with_what_they_promise() -> None:
    promise = Promise(GuaranteedRate(0.3), 0.27, 500, 200, 180, 0.36, 0.32, "tested", 0.45)
    found = Bands(0.31, None, 0.2, {"hot": promise})
    assert found.to_json() == {
        "hot": 0.31,
        "warm": None,
        "hysteresis": 0.2,
        "promises": {
            "hot": {
                "policy": {"rate": 0.3, "confidence": 0.9},
                "line": 0.27,
                "looks": 500,
                "leads": 200,
                "positives": 180,
                "rate": 0.36,
                "bound": 0.32,
                "because": "tested",
                "reach": 0.45,
            }
        },
        "decided_by": "probability",
    }
    assert bands_from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("wrong", "law"),
    [
        ({"hot": 1.2}, "hot cut-off must lie within 0 and 1, got 1.2"),
        ({"warm": -0.1}, "warm cut-off"),
        ({"hot": float("nan")}, "hot cut-off"),
        ({"warm": 1.0001}, "warm cut-off"),
        ({"hysteresis": 1.0}, "hysteresis must be from 0 to below 1"),
        ({"hysteresis": -0.01}, "hysteresis must be from 0 to below 1"),
    ],
)
def test_bands_that_make_no_sense_are_refused(wrong, law) -> None:
    with pytest.raises(ValueError, match=law):
        Bands(**({"hot": 0.3, "warm": 0.3} | wrong))


def test_the_ends_of_the_range_are_cutoffs_too() -> None:
    everybody, only_sure = Bands(hot=0.0, warm=0.0), Bands(hot=1.0, warm=1.0)
    assert (band_of(everybody, 0.0, 0.0), band_of(only_sure, 1.0, 1.0)) == ("hot", "hot")
    assert band_of(only_sure, 0.999, 1.0) == "warm"


def test_a_promise_to_reach_the_highest_rate_is_no_promise_of_a_trained_band() -> None:
    data = Bands(0.3, 0.3, 0.0, {"hot": Promise(GuaranteedRate(0.3), 0.3, 0, 0, 0, None, None, "")})
    written = data.to_json()
    for sought in ({"up_to": 0.3}, {"least_reach": 0.3}, {"reach": 0.3}):
        written["promises"]["hot"]["policy"] = sought
        with pytest.raises(ValueError, match="promises one rate"):
            bands_from_json(written)
