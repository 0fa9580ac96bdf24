"""Late entries, noise and leads entered twice: what they change, and what they must not."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.worlds.chain import made_up_crm
from features.worlds.crm import DAY, ENDS_AT, Knobs, MadeUpCrm
from features.worlds.nuisances import with_nuisances

TABLES = ("leads", "interactions", "attributes", "truth")


@pytest.fixture(scope="module")
def crm() -> MadeUpCrm:
    return made_up_crm(3_000, 5)


def seconds(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.int64()).fill_null(0).to_numpy() // 1_000_000


def rows_of(crm: MadeUpCrm, name: str) -> np.ndarray:
    return pc.index_in(getattr(crm, name)["lead_id"], value_set=crm.leads["lead_id"]).to_numpy()


def end_of(crm: MadeUpCrm) -> np.ndarray:
    ended = seconds(crm.leads["converted_at"]) + seconds(crm.leads["closed_at"])
    return np.where(ended == 0, ENDS_AT, ended)


def test_without_knobs_an_export_stays_the_same_object(crm: MadeUpCrm) -> None:
    assert with_nuisances(crm, 1, Knobs(rate=0.1, days=200)) is crm


@pytest.mark.parametrize("knobs", [Knobs(noise=0.3), Knobs(duplicates=0.4), Knobs(delay_days=2.0)])
def test_the_same_seed_spoils_in_the_same_way(crm: MadeUpCrm, knobs: Knobs) -> None:
    spoilt, again, otherwise = (with_nuisances(crm, seed, knobs) for seed in (1, 1, 2))
    assert all(getattr(spoilt, name) == getattr(again, name) for name in TABLES)
    assert otherwise.interactions != spoilt.interactions


def test_noise_comes_at_the_same_rate_to_every_open_lead(crm: MadeUpCrm) -> None:
    noisy = with_nuisances(crm, 1, Knobs(noise=0.4))
    lead, at = rows_of(noisy, "interactions"), seconds(noisy.interactions["occurred_at"])
    ends_at, created_at = end_of(crm), seconds(crm.leads["created_at"])
    assert (at >= created_at[lead]).all()
    assert (at < ends_at[lead]).all()
    assert (np.diff(lead) >= 0).all()
    assert (np.diff(at)[np.diff(lead) == 0] >= 0).all()
    added = np.bincount(lead, minlength=3_000) - np.bincount(
        rows_of(crm, "interactions"), minlength=3_000
    )
    total = noisy.interactions.num_rows
    assert abs(added.sum() / total - 0.4) < 4 * np.sqrt(0.4 / total) * 1.7
    expected = (ends_at - created_at) / (ends_at - created_at).sum() * added.sum()
    by_age = np.array_split(np.arange(3_000), 10)
    for group in [*by_age, *np.array_split(np.argsort(expected), 10)]:  # by how long they were open
        z = (added[group].sum() - expected[group].sum()) / np.sqrt(expected[group].sum())
        assert abs(z) < 3.5
    bought = crm.leads["converted_at"].is_valid().to_numpy()
    z = (added[bought].sum() - expected[bought].sum()) / np.sqrt(expected[bought].sum())
    assert abs(z) < 3.5


def test_noise_swaps_values_of_attributes_and_nothing_that_tells_the_outcome(
    crm: MadeUpCrm,
) -> None:
    noisy = with_nuisances(crm, 1, Knobs(noise=0.4))
    for name in ("lead_id", "created_at", "converted_at", "closed_at", "client_card_number"):
        assert noisy.leads[name] == crm.leads[name]
    shares = crm.leads["source"].value_counts().to_pylist()
    same = sum((entry["counts"] / 3_000) ** 2 for entry in shares)
    changed = pc.mean(pc.not_equal(noisy.leads["source"], crm.leads["source"])).as_py()
    expected = 0.4 * (1 - same)
    assert abs(changed - expected) < 4 * np.sqrt(expected * (1 - expected) / 3_000)
    assert noisy.truth == crm.truth


def test_a_lead_entered_twice_has_one_fate_and_one_truth(crm: MadeUpCrm) -> None:
    twice = with_nuisances(crm, 1, Knobs(duplicates=0.25))
    extra = twice.leads.num_rows - 3_000
    assert abs(extra - 750) < 4 * np.sqrt(3_000 * 0.25 * 0.75)
    # Names of contacts are each lead's own, so they tell which entries are one lead.
    original = pc.index_in(
        twice.leads["contact_name"], value_set=crm.leads["contact_name"]
    ).to_numpy()
    assert pc.all(pc.equal(pc.unique(twice.leads["lead_id"]), twice.leads["lead_id"])).as_py()
    for name in ("created_at", "converted_at", "closed_at", "source", "client_card_number"):
        assert twice.leads[name].combine_chunks() == crm.leads[name].take(original).combine_chunks()
    truth = {
        (lead, as_of): probability
        for lead, as_of, probability in zip(
            rows_of(crm, "truth"),
            seconds(crm.truth["as_of"]),
            crm.truth["warm_probability"].to_pylist(),
            strict=True,
        )
    }
    entry = rows_of(twice, "truth")
    looks = list(zip(entry, seconds(twice.truth["as_of"]), strict=True))
    assert len(set(looks)) == len(looks)
    for (row, as_of), probability in zip(
        looks, twice.truth["warm_probability"].to_pylist(), strict=True
    ):
        assert truth[original[row], as_of] == probability
    looks_of_lead = np.bincount(rows_of(crm, "truth"), minlength=3_000)
    assert (np.bincount(entry) == looks_of_lead[original]).all()


def test_interactions_of_a_lead_entered_twice_stand_under_either_entry(crm: MadeUpCrm) -> None:
    twice = with_nuisances(crm, 1, Knobs(duplicates=1.0))
    lead = rows_of(twice, "interactions")
    assert (
        np.bincount(lead // 2, minlength=3_000)
        == np.bincount(rows_of(crm, "interactions"), minlength=3_000)
    ).all()
    n = len(lead)
    assert abs((lead % 2).sum() - n / 2) < 4 * np.sqrt(n / 4)
    assert twice.attributes.num_rows == crm.attributes.num_rows


def test_what_was_not_recorded_ahead_waits_as_long_as_asked(crm: MadeUpCrm) -> None:
    late = with_nuisances(crm, 1, Knobs(delay_days=3.0))
    occurred, recorded = (
        seconds(late.interactions[name]) for name in ("occurred_at", "recorded_at")
    )
    assert max(occurred.max(), recorded.max(), seconds(late.attributes["recorded_at"]).max()) < (
        ENDS_AT
    )
    old = occurred < ENDS_AT - 60 * DAY
    original = seconds(crm.interactions["recorded_at"]) - seconds(crm.interactions["occurred_at"])
    ahead = crm.interactions.filter(pa.array(original < 0)).num_rows
    assert (recorded < occurred).sum() == pytest.approx(ahead, abs=0)
    waits = (recorded - occurred)[old & (recorded >= occurred)] / DAY
    own = original[original >= 0].mean() / DAY
    assert abs(waits.mean() - 3.0 - own) < 4 * 3.2 / np.sqrt(len(waits))
    missing = crm.interactions.num_rows - late.interactions.num_rows
    last_days = seconds(crm.interactions["occurred_at"])
    expected = np.exp(-(ENDS_AT - last_days[original >= 0]) / DAY / 3.0).sum()
    assert abs(missing - expected) < 5 * np.sqrt(expected)
