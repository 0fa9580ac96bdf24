"""What the report says of the model: each figure against a plain loop, or against known truth."""

import copy
import dataclasses
import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.language.kinds import AttributeCategory, AttributeNumber
from features.language.spec import Spec
from models.explain import columns_by_signal
from tests.support.bundles import random_lead, small_bundle
from tests.support.cards import document, lifelike_card, summary_of
from tests.support.features import feature_matrix
from tests.support.tables import tables_of
from training.card.fresh import with_fresh_export
from training.card.values import read_card, to_json
from training.config import ModelSettings, config_of
from training.dataset.examples import Examples
from training.evaluation.dependence import Bin, dependences, shape_of
from training.evaluation.gains import SHARES, by_month, gains
from training.evaluation.importance import family_importance
from training.evaluation.refits import REFITS, refits
from training.report.changes import FIGURES
from training.report.render import bundle_report, report_summary
from training.statistics.figures import JudgedRows
from training.statistics.rates import Outcome, RateEstimate
from training.team.practice import practice

VERSION = "2026-01-01-0f3a9c41d2"


def judged(converted, lead=None) -> JudgedRows:
    rows = len(converted)
    lead = np.arange(rows) if lead is None else lead
    return JudgedRows(np.asarray(converted, bool), lead, np.zeros(rows))


@pytest.fixture(scope="module")
def bundle():
    return small_bundle()


@pytest.fixture(scope="module")
def looks(bundle):
    """Matrix and outcomes of looks that the bundle did not learn from."""
    random = np.random.default_rng(11)
    at, first = np.array([20 * DAY]), np.array([0])
    rows = [feature_matrix(bundle.spec, random_lead(random), first, at) for _ in range(600)]
    matrix = np.concatenate(rows)
    recent = matrix[:, bundle.spec.names.index("count[kind=price_question]_7d")]
    return matrix, judged(random.random(600) < 0.05 + 0.4 * (recent > 0))


# Gains and months.


def test_a_gain_is_the_part_of_the_buyers_in_the_front_of_the_line():
    random = np.random.default_rng(1)
    probability = random.permutation(1000) / 1000
    bought = random.random(1000) < probability**2
    found = gains(judged(bought), probability, {}, seed=1)[0]
    line = sorted(range(1000), key=lambda i: -probability[i])
    for share, part in zip(SHARES, found.found, strict=True):
        front = line[: round(1000 * share)]
        assert part == pytest.approx(sum(bought[i] for i in front) / bought.sum())
    assert found.early.value == pytest.approx(found.found[SHARES.index(0.1)])
    assert found.early.low < found.early.value < found.early.high


def test_looks_that_are_promised_the_same_share_one_place_in_the_line():
    bought = np.arange(100) < 20
    flat = gains(judged(bought), np.full(100, 0.2), {}, seed=1)[0]
    assert flat.found == pytest.approx(SHARES)


def test_gains_compare_with_the_points_card_and_the_newest_first_alone():
    random = np.random.default_rng(2)
    guess = random.random(200)
    baselines = {"points card": guess, "newest first": guess, "naive Bayes": guess}
    found = gains(judged(random.random(200) < 0.3), guess, baselines, seed=1)
    assert [gain.name for gain in found] == ["", "points card", "newest first"]


def test_too_few_buying_leads_have_no_gains_however_often_they_were_looked_at():
    bought, lead = np.arange(300) < 90, np.arange(300) // 10
    assert gains(judged(bought, lead), np.arange(300) / 300, {}, seed=1) == ()


def test_months_are_those_of_the_looks():
    as_of = np.array([10, 25, 40, 70]) * DAY
    months = by_month(judged([True, False, True, False]), np.array([0.2, 0.4, 0.5, 0.1]), as_of)
    told = [(m.month, m.outcome.rows, m.outcome.positives, m.outcome.promised) for m in months]
    assert told == [
        ("1970-01", 2, 1, pytest.approx(0.3)),
        ("1970-02", 1, 1, 0.5),
        ("1970-03", 1, 0, 0.1),
    ]


# Today and afterwards.


def export():
    """Forty leads, every other one with price questions lately; one closed, one a customer."""
    events = [
        {"lead_id": str(i), "occurred_at": day, "kind": "price_question", "duration_seconds": 60.0}
        for i in range(0, 40, 2)
        for day in (27.0, 28.5)
    ]
    rows = [{"lead_id": str(i), "created_at": 0 if i < 30 else 15} for i in range(40)]
    rows[3]["closed_at"] = 12
    rows[4]["converted_at"] = 12
    kinds = {"country": "category", "company_size": "number", "first_met_at": "timestamp"}
    return tables_of(
        rows,
        events,
        kinds=kinds,
        fixed=tuple(kinds),
        measures=("duration_seconds",),
        end_day=30,
    )


def test_a_fresh_export_renews_the_open_leads_and_the_work_and_leaves_the_model(bundle):
    carded_bundle = dataclasses.replace(bundle, card=document(lifelike_card()))
    settings = config_of({"leads": {"source": "leads.csv"}}, Path())
    found = with_fresh_export(
        carded_bundle,
        export(),
        practice(export(), settings.practice, settings.horizons.warm_days),
        1,
    )
    summary = report_summary(read_card(found.card), VERSION)
    assert (summary.today.leads, summary.today.at) == (38, datetime(1970, 1, 31, tzinfo=UTC))
    assert summary.practice.everybody.leads == 40
    assert summary.hot == summary_of(lifelike_card(), VERSION).hot
    page = bundle_report(found, previous=carded_bundle)
    assert "What has changed?" in page
    assert "What has changed?" not in bundle_report(found)


def without_size(tables):
    kinds = {name: kind for name, kind in tables.attribute_kinds.items() if name != "company_size"}
    leads = tables.leads.drop_columns("company_size")
    return dataclasses.replace(tables, leads=leads, attribute_kinds=kinds)


def size_as_category(tables):
    place = tables.leads.column_names.index("company_size")
    words = tables.leads["company_size"].cast(pa.string())
    return dataclasses.replace(
        tables,
        leads=tables.leads.set_column(place, "company_size", words),
        attribute_kinds={**tables.attribute_kinds, "company_size": "category"},
    )


def without_duration(tables):
    interactions = tables.interactions.drop_columns("duration_seconds")
    return dataclasses.replace(tables, interactions=interactions, measures=())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (without_size, "Attribute 'company_size' is not there, the bundle was trained"),
        (size_as_category, "Attribute 'company_size' is read as category, .* as number"),
        (without_duration, "Measure 'duration_seconds' of interactions is not there"),
    ],
)
def test_an_export_that_is_not_as_in_training_is_refused(bundle, changed, said):
    carded_bundle = dataclasses.replace(bundle, card=document(lifelike_card()))
    settings = config_of({"leads": {"source": "leads.csv"}}, Path())
    worked = practice(export(), settings.practice, settings.horizons.warm_days)
    with pytest.raises(ValueError, match=f"{said}.*train again"):
        with_fresh_export(carded_bundle, changed(export()), worked, 1)


# Direction and shape, portrait.


def bins(*promised: float) -> list[Bin]:
    return [
        Bin(i, i, None, Outcome(100, 10, share, RateEstimate(0.1, 0.05, 0.2)))
        for i, share in enumerate(promised)
    ]


@pytest.mark.parametrize(
    ("promised", "shape"),
    [
        ((0.1, 0.2, 0.3), "rises"),
        ((0.1, 0.1, 0.3), "rises"),
        ((0.3, 0.2, 0.1), "falls"),
        ((0.1, 0.3, 0.1), "peaks"),
        ((0.3, 0.1, 0.3), "dips"),
        ((0.2, 0.21, 0.2), "flat"),
        ((0.1, 0.3, 0.1, 0.3), "uneven"),
        ((0.2,), "flat"),
        ((), "flat"),
    ],
)
def test_the_shape_follows_the_promise_over_the_values(promised, shape):
    assert shape_of(bins(*promised)) == shape
    assert shape_of([*bins(*promised), Bin(None, None, None, bins(0.9)[0].outcome)]) == shape


def test_dependence_tells_every_look_once_and_in_which_direction_the_signal_points(bundle, looks):
    matrix, outcomes = looks
    signals = sorted(columns_by_signal(bundle.spec), key=lambda name: name != "price question")
    found = dependences(bundle, matrix, outcomes, signals)
    assert [one.signal for one in found] == signals[:8]
    strongest = found[0]
    probability = bundle.hot.probability(matrix)
    for one in found:
        assert sum(part.outcome.rows for part in one.bins) == len(matrix)
        assert sum(part.outcome.positives for part in one.bins) == outcomes.converted.sum()
        told = sum(part.outcome.rows * part.outcome.promised for part in one.bins)
        assert told == pytest.approx(probability.sum())
    ends = [(part.low, part.high) for part in strongest.bins if part.low is not None]
    assert ends == sorted(ends)
    assert strongest.bins[0].outcome.promised > 3 * strongest.bins[-1].outcome.promised


def test_rare_levels_are_told_together_and_no_look_is_lost(bundle):
    levels = tuple("abcdefghijkl")
    column = bundle.spec.names.index("attribute[country]")
    features = list(bundle.spec.features)
    features[column] = AttributeCategory("country", levels)
    bundle = dataclasses.replace(
        bundle, spec=dataclasses.replace(bundle.spec, features=tuple(features))
    )
    random = np.random.default_rng(3)
    matrix = np.zeros((1_300, len(features)))
    matrix[:, column] = random.integers(0, len(levels) + 1, 1_300)  # the last one is unnamed
    (found,) = dependences(bundle, matrix, judged(random.random(1_300) < 0.1), ["country"])
    assert sum(part.outcome.rows for part in found.bins) == 1_300
    assert [part.level for part in found.bins].count("") == 1
    assert set(levels) > {part.level for part in found.bins} - {""}


def test_levels_of_a_category_are_told_by_name(bundle, looks):
    matrix, outcomes = looks
    country = {
        d.signal: d
        for d in dependences(
            bundle, matrix, outcomes, list(columns_by_signal(bundle.spec)), max_signals=20
        )
    }["country"]
    counts = {part.level: part.outcome.rows for part in country.bins}
    column = matrix[:, bundle.spec.names.index("attribute[country]")]
    assert counts == {
        "it": (column == 0).sum(),
        "pt": (column == 1).sum(),
        "": (column == 2).sum(),
        None: np.isnan(column).sum(),
    }
    assert country.shape == "levels"


# Refits and families.


def test_refits_tell_a_signal_from_shadows_and_from_noise():
    random = np.random.default_rng(3)
    kinds = {"country": "category", **{f"noise {i}": "number" for i in range(10)}}
    spec = Spec(
        (
            AttributeCategory("country", ("it", "pt")),
            *(AttributeNumber(name) for name in kinds if name != "country"),
        ),
        kinds,
        (),
    )

    def drawn(rows: int) -> Examples:
        matrix = np.column_stack([random.integers(0, 2, rows), random.normal(size=(rows, 10))])
        converted = random.random(rows) < np.where(matrix[:, 0] == 1, 0.5, 0.1)
        return Examples(matrix, converted, np.arange(rows) // 2, np.ones(rows))

    told: list[int] = []
    found = refits(
        spec,
        drawn(2000),
        drawn(1500),
        columns_by_signal(spec),
        ModelSettings(kind="booster", trees=30, threads=1),
        lambda done, of: told.append(done),
    )
    country = found.swings["country"]
    assert country.low > 5 * max(found.chance, 0)
    assert country.low <= country.high
    noise = [swing for name, swing in found.swings.items() if name != "country"]
    assert sum(swing.low > found.chance for swing in noise) <= 1
    assert told == list(range(1, REFITS + 1))


@pytest.mark.parametrize("kind", ["blend", "booster"])
def test_refits_whose_buyers_are_all_stood_for_by_others_are_none(bundle, looks, kind):
    matrix, judged = looks
    bought = np.arange(len(matrix)) == 0
    lead = np.zeros(len(matrix), np.int64)
    few = Examples(matrix, bought, lead, np.where(bought, 0.0, 1.0))
    test = Examples(matrix, judged.converted, judged.lead, np.ones(len(matrix)))
    columns = columns_by_signal(bundle.spec)
    assert refits(bundle.spec, few, test, columns, ModelSettings(kind=kind, trees=2)) is None


def test_refits_without_anything_to_test_on_are_none(bundle):
    nothing = Examples(np.empty((0, 11)), np.empty(0, bool), np.empty(0, np.int64), np.empty(0))
    columns = columns_by_signal(bundle.spec)
    assert refits(bundle.spec, nothing, nothing, columns, ModelSettings(kind="booster")) is None


def test_families_are_shuffled_whole(bundle, looks):
    matrix, outcomes = looks
    found = family_importance(bundle, matrix, outcomes.converted, seed=1)
    assert {one.family for one in found} == {"engagement", "fit", "timing"}
    rises = [one.log_loss_increase for one in found]
    assert rises == sorted(rises, reverse=True)
    assert found[0].family in ("engagement", "timing")
    assert rises[0] > 0.01


@pytest.mark.parametrize(
    ("low", "chance", "matters"),
    [(0.001, 0.0002, True), (-0.0001, -0.001, False), (0.001, 0.002, False), (None, None, True)],
)
def test_a_signal_matters_when_it_beats_chance_in_every_refit(low, chance, matters):
    card = lifelike_card()
    card["importance"][0] |= {"chance": chance, "swing": low and {"low": low, "high": 0.02}}
    assert summary_of(card, VERSION).signals[0].matters is matters


# The card, and an earlier report.


def test_values_survive_the_card_and_wrong_ones_are_refused_by_name():
    card = json.loads(json.dumps(lifelike_card()))
    found = summary_of(card, VERSION)
    assert to_json(found.today) == card["report"]["today"]
    card["report"]["practice"]["funnel"][1]["leads"] = "many"
    with pytest.raises(ValueError, match=r"card\.report\.practice\.funnel\.1\.leads is wrong"):
        summary_of(card, VERSION)


def test_a_card_of_an_earlier_version_lacks_the_new_parts_and_is_read_all_the_same():
    card = lifelike_card()
    del card["format"], card["report"], card["families"]
    for horizon in card["horizons"].values():
        del horizon["gains"], horizon["by_month"], horizon["groups"]
    found = summary_of(card, VERSION)
    assert (found.today, found.practice, found.hot.gains) == (None, None, ())


def test_only_differences_beyond_their_intervals_are_sure_changes():
    before = summary_of(lifelike_card(), "2025-10-01-aaaa")
    card = lifelike_card()
    card["export"]["leads"] += 500
    card["report"]["practice"]["everybody"]["share"] = {"value": 0.2, "low": 0.19, "high": 0.21}
    card["horizons"]["hot"] |= {"auc": 0.84, "auc_low": 0.825, "auc_high": 0.855}
    card["report"]["today"] = None
    card["importance"][5]["log_loss_increase"] = -0.001
    other = copy.deepcopy(card)
    other["horizons"]["hot"]["days"] += 7
    later = {change.name for change in summary_of(other, VERSION, before).changes.figures}
    assert set(FIGURES) - later == {"hot looks that bought", "hot order"}
    found = summary_of(card, VERSION, before).changes
    told = {change.name: change for change in found.figures}
    assert set(told) == set(FIGURES)
    assert (told["leads"].earlier, told["leads"].current, told["leads"].sure) == (
        20_000,
        20_500,
        False,
    )
    assert told["leads that buy"].sure
    assert not told["hot order"].sure
    assert (told["open hot leads"].earlier, told["open hot leads"].current) == (23, None)
    assert (found.gained, found.lost) == ((), ("age of the lead",))
    assert found.version == "2025-10-01-aaaa"


def test_segments_whose_promise_was_broken_are_named():
    hot = summary_of(lifelike_card(), VERSION).hot
    assert [(s.attribute, s.level) for s in hot.broken] == [("source", "fair")]
    assert [s.attribute for s in hot.segments] == ["country", "source"]


def test_groups_by_score_and_tiny_ones_are_no_segments():
    card = lifelike_card()
    groups = card["horizons"]["hot"]["groups"]
    small = {**groups[0], "rate": {**groups[0]["rate"], "leads": 29}}
    card["horizons"]["hot"]["groups"] = [{**groups[0], "by": "score"}, small]
    assert summary_of(card, VERSION).hot.segments == ()


def test_a_rate_of_nothing_is_no_number():
    found = summary_of(lifelike_card(), VERSION).practice
    empty = next(one for one in found.spend if one.leads == 0)
    assert (empty.cost_per_lead, empty.cost_per_purchase) == (None, None)
    assert all(math.isfinite(one.share) for one in found.fields)
    assert dataclasses.replace(found.fields[0], known=0, leads=0).share == 0.0
