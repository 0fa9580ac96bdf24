"""The firm whose leads excite themselves: is its truth true, do its leads behave as it says."""

import math
from itertools import pairwise

import numpy as np
import pyarrow.compute as pc
import pytest
from scipy.stats import kstest

from features.worlds import excited
from features.worlds.crm import DAY, DAYS, ENDS_AT, MadeUpCrm
from features.worlds.excited import Beliefs, Paths, conversion_probabilities, made_up_crm, simulate
from tests.support.made_up import HORIZONS, Looks, lead_rows, seconds

pytestmark = [pytest.mark.slow, pytest.mark.long]

CLASSES = ("decided", "comparing", "browsing", "waiting", "idle")


@pytest.fixture(scope="module")
def crm() -> MadeUpCrm:
    return made_up_crm(30_000, 2026)


@pytest.fixture(scope="module", params=HORIZONS)
def looks(request: pytest.FixtureRequest, crm: MadeUpCrm) -> Looks:
    return Looks(crm, request.param)


def simulated(class_: int, leads: int, start=(0.0, 0.0), days=90.0, diligence=1.0, seed=1) -> Paths:
    one = np.ones(leads)
    return simulate(
        np.random.default_rng(seed),
        np.full(leads, class_),
        diligence * one,
        one,
        np.tile(start, (leads, 1)),
        days * one,
    )


def plain_state(times: list[float], types: list[int], start: float, now: float) -> list[float]:
    """Excitement and echo just before an instant, summed over all interactions before it."""
    x, y = start * math.exp(-0.40 * now), 0.0
    for time, number in zip(times, types, strict=True):
        if time < now:
            x += excited._TYPES[number].excites * math.exp(-0.40 * (now - time))
            y += excited._TYPES[number].echoes * math.exp(-0.25 * (now - time))
    return [x, y]


def plain_rates(class_: int, x: float, y: float, diligence: float, appeal: float) -> list[float]:
    """Rates of every type of interaction, then the hazards of being won and lost."""
    rates = []
    for type_ in excited._TYPES:
        if type_.kind == "call":
            rates.append(diligence * type_.shares[class_] * (0.02 + 0.10 * x))
        else:
            own, further = excited._ACTIVITY[class_], excited._EXCITABILITY[class_]
            rates.append(type_.shares[class_] * (own + further * x))
    won, lost = excited._WON[:, class_], excited._LOST[:, class_]
    return [*rates, appeal * won @ [1, x, y], lost @ [1, x, y]]


def test_beliefs_equal_a_plain_sum_over_what_happened_and_did_not() -> None:
    population = excited._population(np.random.default_rng(3), 60, DAYS)
    rng = np.random.default_rng(4)
    classes = rng.integers(5, size=60)
    start = np.column_stack([population.excited, np.zeros(60)])
    paths = simulate(
        rng, classes, population.diligence, population.appeal, start, np.full(60, 40.0)
    )
    compared = 0
    for lead in range(0, 60, 6):
        now = min(30.0, float(paths.ended[lead]) * 0.99)
        times, types = (part[paths.lead == lead].tolist() for part in (paths.time, paths.type))
        known = excited.beliefs(population, paths, np.array([lead]), np.array([now]))
        factors = float(population.diligence[lead]), float(population.appeal[lead])
        start_x = float(population.excited[lead])
        weights = []
        for class_ in range(5):
            log_weight = math.log(population.mix[lead, class_])
            edges = [0.0, *(t for t in times if t < now), now]
            for begin, end in pairwise(edges):
                middles = begin + (end - begin) * (np.arange(200) + 0.5) / 200
                total = 0.0
                for at in middles:
                    state = plain_state(times, types, start_x, at)
                    total += sum(plain_rates(class_, *state, *factors))
                log_weight -= total * (end - begin) / 200
            for time, number in zip(times, types, strict=True):
                if time < now:
                    state = plain_state(times, types, start_x, time)
                    log_weight += math.log(plain_rates(class_, *state, *factors)[number])
            weights.append(log_weight)
        weight = np.exp(np.array(weights) - max(weights))
        np.testing.assert_allclose(known.weight[0], weight / weight.sum(), rtol=2e-3, atol=1e-6)
        np.testing.assert_allclose(known.state[0], plain_state(times, types, start_x, now))
        compared += len(times)
    assert compared > 20


@pytest.mark.parametrize("class_", range(5), ids=CLASSES)
@pytest.mark.parametrize(
    ("start", "diligence"), [((0.0, 0.0), 1.0), ((2.5, 1.0), 1.7), ((0.3, 2.0), 0.6)]
)
def test_probabilities_of_a_class_equal_those_of_simulated_leads(
    class_: int, start: tuple[float, float], diligence: float
) -> None:
    # 20,000 leads: at p = 0.1 an error of 0.008 or more fails in 9 of 10 runs.
    n = 20_000
    paths = simulated(class_, n, start, diligence=diligence, seed=class_)
    known = Beliefs(np.eye(5)[[class_]], np.array([start]))
    one = np.ones(1)
    for days, (p,) in zip(
        (14, 90), conversion_probabilities(diligence * one, one, known), strict=True
    ):
        won = int((paths.is_won & (paths.ended < days)).sum())
        assert abs(won - n * p) < 3.5 * math.sqrt(n * p * (1 - p)) + 1, days


def test_a_mixture_of_classes_has_the_mean_of_their_probabilities() -> None:
    states = np.tile([1.2, 0.7], (5, 1))
    ones = np.ones(5)
    alone = conversion_probabilities(ones, ones, Beliefs(np.eye(5), states))
    weight = np.array([[0.1, 0.2, 0.3, 0.25, 0.15]])
    mixed = conversion_probabilities(ones[:1], ones[:1], Beliefs(weight, states[:1]))
    for together, apart in zip(mixed, alone, strict=True):
        assert together[0] == pytest.approx(float((weight @ apart)[0]), rel=1e-9)


@pytest.mark.parametrize("appeal", [0.01, 1.0, 300.0])  # the least and most that rates ask for
def test_without_jumps_the_probability_has_a_closed_form(
    monkeypatch: pytest.MonkeyPatch, appeal: float
) -> None:
    monkeypatch.setattr(excited, "_JUMP", np.zeros_like(excited._JUMP))
    monkeypatch.setattr(excited, "_LOST", np.zeros_like(excited._LOST))
    x, y, one = 2.0, 1.5, np.ones(1)
    for class_ in range(5):
        known = Beliefs(np.eye(5)[[class_]], np.array([[x, y]]))
        for days, (p,) in zip(
            (14, 90), conversion_probabilities(one, appeal * one, known), strict=True
        ):
            constant, by_x, by_y = excited._WON[:, class_]
            hazard = constant * days
            hazard += by_x * x * (1 - math.exp(-0.40 * days)) / 0.40
            hazard += by_y * y * (1 - math.exp(-0.25 * days)) / 0.25
            assert p == pytest.approx(1 - math.exp(-appeal * hazard), rel=1e-6)


@pytest.mark.parametrize("class_", range(5), ids=CLASSES)
def test_interactions_come_at_the_rates_that_the_truth_supposes(class_: int) -> None:
    # Time rescaling: the rates' integrals between happenings are exponential with mean 1.
    paths = simulated(class_, 400, start=(1.5, 0.0), days=200.0, seed=7)
    gaps = []
    total = np.array([plain_rates(class_, *state, 1.0, 1.0) for state in ((0, 0), (1, 0), (0, 1))])
    at_rest, by_x, by_y = total.sum(axis=1)
    by_x, by_y = by_x - at_rest, by_y - at_rest
    for lead in range(400):
        here = paths.lead == lead
        x, y, clock = 1.5, 0.0, 0.0
        ending = [(paths.ended[lead], -1)] if math.isfinite(paths.ended[lead]) else []
        for time, number in [*zip(paths.time[here], paths.type[here], strict=True), *ending]:
            wait = time - clock
            fade_x, fade_y = math.exp(-0.40 * wait), math.exp(-0.25 * wait)
            gaps.append(
                at_rest * wait + by_x * x * (1 - fade_x) / 0.40 + by_y * y * (1 - fade_y) / 0.25
            )
            x, y, clock = x * fade_x, y * fade_y, time
            if number >= 0:
                x += excited._TYPES[number].excites
                y += excited._TYPES[number].echoes
    # Of leads that are open to the end the last gap is cut, one of some twenty: it biases little.
    assert len(gaps) > 1_000
    assert kstest(gaps, "expon").statistic < 1.63 / math.sqrt(len(gaps)) + 0.01


@pytest.mark.parametrize("day", [0, 7, 28])
def test_outcomes_agree_with_the_truth_in_every_decile(looks: Looks, day: int) -> None:
    rows = np.flatnonzero(looks.day == day)  # one look a lead, so they are independent
    tenths = np.array_split(rows[np.argsort(looks.truth[rows])], 10)
    z = np.array([looks.z_score(tenth) for tenth in tenths])
    assert np.abs(z).max() < 3.5
    assert np.sqrt((z**2).mean()) < 1.6


@pytest.mark.parametrize("attribute", ["entry", "segment", "rival_contract", "owner"])
def test_outcomes_agree_with_the_truth_for_every_value_of_an_attribute(
    crm: MadeUpCrm, looks: Looks, attribute: str
) -> None:
    values = crm.leads[attribute].fill_null("missing").to_numpy(zero_copy_only=False)
    for value in np.unique(values):
        rows = np.flatnonzero((looks.day == 14) & (values[looks.lead] == value))
        assert abs(looks.z_score(rows)) < 3.5, value


@pytest.mark.parametrize("kind", ["page_view", "pricing_view", "trial_login", "call", "reply"])
def test_outcomes_agree_with_the_truth_whatever_happened_in_the_last_week(
    crm: MadeUpCrm, looks: Looks, kind: str
) -> None:
    of_kind = pc.equal(crm.interactions["kind"], kind).to_numpy()
    lead = lead_rows(crm, "interactions")[of_kind]
    occurred_at = seconds(crm.interactions["occurred_at"])[of_kind]
    age = occurred_at - seconds(crm.leads["created_at"])[lead]
    third_week = np.zeros(crm.leads.num_rows, dtype=bool)
    third_week[lead[(age >= 14 * DAY) & (age < 21 * DAY)]] = True
    for happened in (False, True):
        rows = np.flatnonzero((looks.day == 21) & (third_week[looks.lead] == happened))
        assert len(rows) > 100
        assert abs(looks.z_score(rows)) < 3.5


def test_an_answered_call_helps_those_who_compare_and_loses_those_who_browse() -> None:
    leads, seed = 20_000, 5
    for class_, helps in ((1, True), (2, False)):
        without, after = (
            simulated(class_, leads, (0.5, echo), 10.0, diligence=0.0, seed=seed)
            for echo in (0.0, 1.0)
        )
        won, lost = (
            [(paths.is_won == is_won)[np.isfinite(paths.ended)].sum() for paths in (without, after)]
            for is_won in (True, False)
        )
        before, later = won if helps else lost
        assert later > before + 4 * math.sqrt(before + later)


def test_browsers_are_the_most_active_and_hardly_buy() -> None:
    activity, bought = [], []
    for class_ in range(5):
        paths = simulated(class_, 2_000, (1.0, 0.0), 60.0)
        until = np.minimum(paths.ended, 60.0).sum()
        activity.append((~excited._IS_CALL[paths.type]).sum() / until)
        bought.append(paths.is_won.mean())
    assert np.argmax(activity) == CLASSES.index("browsing")
    assert bought[CLASSES.index("browsing")] < 0.2 * bought[CLASSES.index("comparing")]


def test_a_whole_day_is_a_whole_day_of_the_process_and_nights_are_quiet(crm: MadeUpCrm) -> None:
    created_at = np.arange(ENDS_AT - 3 * DAY, ENDS_AT - 2 * DAY, 997)
    for days in (1, 7, 90):
        later = excited._instants_after(created_at, np.full(len(created_at), float(days)))
        assert np.abs(later - created_at - days * DAY).max() <= 1
    half = excited._days_between(created_at, created_at + DAY // 2)
    back = excited._instants_after(created_at, half)
    assert np.abs(back - created_at - DAY // 2).max() <= 1
    hour = seconds(crm.interactions["occurred_at"]) % DAY / 3_600
    n = len(hour)
    assert abs((hour < 6.5).mean() - 0.02) < 4 * math.sqrt(0.02 / n) * 3  # they come in clusters


def test_the_truth_ranks_and_what_happens_after_creation_makes_it_rank_better(
    crm: MadeUpCrm,
) -> None:
    looks = Looks(crm, "warm_probability")
    at_creation = np.zeros(crm.leads.num_rows)
    at_creation[looks.lead[looks.day == 0]] = looks.truth[looks.day == 0]
    rows = np.flatnonzero(looks.day == 28)

    def loss(p: np.ndarray) -> np.ndarray:
        return -np.log(np.where(looks.outcome[rows], p, 1 - p))

    gain = loss(at_creation[looks.lead[rows]]) - loss(looks.truth[rows])
    assert gain.mean() > 4 * gain.std() / math.sqrt(len(rows))


def test_base_rates_are_those_of_a_plausible_crm(crm: MadeUpCrm) -> None:
    assert 0.015 < Looks(crm, "hot_probability").outcome.mean() < 0.022
    assert 0.06 < Looks(crm, "warm_probability").outcome.mean() < 0.08
    assert 8 < crm.interactions.num_rows / crm.leads.num_rows < 16


def test_interest_is_written_down_at_answered_calls_alone(crm: MadeUpCrm) -> None:
    answered = crm.interactions.filter(pc.equal(crm.interactions["outcome"], "answered"))
    when = ["lead_id", "recorded_at"]
    assert crm.attributes.join(answered, keys=when, join_type="left anti").num_rows == 0
    share = crm.attributes.num_rows / answered.num_rows
    assert abs(share - 0.5) < 4 * math.sqrt(0.25 / answered.num_rows)


def test_customers_alone_have_a_contract(crm: MadeUpCrm) -> None:
    assert crm.leads["contract_number"].is_valid() == crm.leads["converted_at"].is_valid()
    touches = np.bincount(lead_rows(crm, "interactions"), minlength=crm.leads.num_rows)
    assert (crm.leads["touches"].to_numpy() == touches).all()


def test_the_factor_gives_the_rate_that_simulated_leads_show() -> None:
    drawn = excited._population(np.random.default_rng(9), 400, 300)
    asked = excited._with_rate(drawn, 0.25)
    span = excited._days_between(drawn.created_at, np.full(400, ENDS_AT))
    # Each lead 60 times over: an error of 0.01 in the rate fails in 9 of 10 runs.
    copies = np.repeat(np.arange(400), 60)
    rng = np.random.default_rng(10)
    below = np.cumsum(drawn.mix[copies], axis=1)[:, :-1]
    classes = (rng.random(len(copies))[:, None] >= below).sum(axis=1)
    start = np.column_stack([drawn.excited[copies], np.zeros(len(copies))])
    paths = simulate(
        rng, classes, drawn.diligence[copies], asked.appeal[copies], start, span[copies]
    )
    assert abs(paths.is_won.mean() - 0.25) < 3.5 * math.sqrt(0.19 / len(copies))


@pytest.mark.parametrize("rate", [0.02, 0.5])
def test_the_factor_gives_the_rate_to_each_lead_s_own_end(rate: float) -> None:
    drawn = excited._population(np.random.default_rng(9), 30, 300)
    appeal = excited._with_rate(drawn, rate).appeal
    spans = excited._days_between(drawn.created_at, np.full(30, ENDS_AT))
    bought = []
    for lead, span in enumerate(spans):
        alone = slice(lead, lead + 1)
        groups = excited._Groups.of(drawn.diligence[alone], appeal[alone])
        nodes, weights = excited._panels(np.r_[0.0, span * np.geomspace(1e-6, 1.0, 60)], 5)
        state = np.array([[drawn.excited[lead], 0.0]])
        transforms = excited._transforms(groups, nodes)
        bought.append(excited._density(transforms, 0, state, drawn.mix[alone])[0] @ weights)
    assert np.mean(bought) == pytest.approx(rate, rel=3e-3)
