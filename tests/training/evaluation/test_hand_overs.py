"""Hand-overs of an export: whose they are, when, and that their scores do not know the owner."""

import dataclasses

import numpy as np
import pytest

from features.engine.history import MICROSECONDS_PER_DAY
from features.export.sources import read_export
from features.spine import microseconds
from features.tables import Tables
from models.bundle import Bundle, load_bundle
from training.config import read_config
from training.evaluation.hand_overs import hand_overs
from training.team.effects import HandOvers, chance_of_gain, fit_effects

pytestmark = pytest.mark.slow

OWNERS = ("ana", "boris", "carla", "dinu", "elena", "fabio")


@pytest.fixture(scope="module")
def tables(trained) -> Tables:
    return read_export(read_config(trained.config).export)


@pytest.fixture(scope="module")
def bundle(trained) -> Bundle:
    return load_bundle(trained.bundle)


@pytest.fixture(scope="module")
def handed(tables: Tables, bundle: Bundle) -> HandOvers:
    return hand_overs(tables, bundle, "owner", OWNERS)


def test_every_lead_counts_once_from_its_first_owner_on(
    handed: HandOvers, tables: Tables, bundle: Bundle
) -> None:
    """Owners of this CRM are known at creation: plain loops over the leads."""
    owner = tables.leads["owner"].to_pylist()
    days = bundle.warm.days * MICROSECONDS_PER_DAY
    expected = []
    created, bought = (microseconds(tables.leads[n]) for n in ("created_at", "converted_at"))
    for row in range(len(owner)):
        if created[row] + days <= tables.data_end:
            within = created[row] <= bought[row] <= created[row] + days
            expected.append((created[row], row, OWNERS.index(owner[row]), within))
    expected.sort()
    assert handed.person.tolist() == [person for _, _, person, _ in expected]
    assert handed.bought.tolist() == [within for _, _, _, within in expected]


def test_scores_are_calibrated_and_do_not_know_the_owner(handed: HandOvers) -> None:
    probability = 1 / (1 + np.exp(-handed.margin))
    assert abs(probability.mean() / handed.bought.mean() - 1) < 0.05
    means = [handed.margin[handed.person == person].mean() for person in range(len(OWNERS))]
    assert np.ptp(means) < 0.3 * handed.margin.std()


def test_leads_of_nobody_on_the_list_are_left_out(
    handed: HandOvers, tables: Tables, bundle: Bundle
) -> None:
    some = hand_overs(tables, bundle, "owner", ("fabio", "nobody", "ana"))
    assert set(some.person.tolist()) == {0, 2}
    for position, person in ((0, 5), (2, 0)):
        assert (some.person == position).sum() == (handed.person == person).sum()


def test_results_say_who_sold_more_of_equal_leads(handed: HandOvers) -> None:
    """In this CRM leads of ana buy more often, and those of fabio less."""
    effects = fit_effects(handed, len(OWNERS))
    by_person = effects.log_odds.mean(axis=1)
    assert by_person[0] > by_person[5]
    assert 0 <= chance_of_gain(effects, handed) <= 1


def test_an_export_without_owner_or_results_is_refused(tables: Tables, bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="must have an attribute 'seller' that is a category"):
        hand_overs(tables, bundle, "seller", OWNERS)
    with pytest.raises(ValueError, match="Of 0 leads that nobody had"):
        hand_overs(tables, bundle, "owner", ())
    with pytest.raises(ValueError, match="too few to learn results from"):
        hand_overs(dataclasses.replace(tables, data_end=0), bundle, "owner", OWNERS)
