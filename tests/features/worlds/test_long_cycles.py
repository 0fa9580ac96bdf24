"""The firm of long cycles: is its truth true, do its two mechanisms say nothing of each other."""

import math
from datetime import timedelta

import numpy as np
import pyarrow.compute as pc
import pytest
from scipy.stats import spearmanr

from features.worlds import long_cycles
from features.worlds.crm import DAY, DAYS, ENDS_AT, MadeUpCrm
from features.worlds.long_cycles import Mechanism, made_up_crm
from tests.support.made_up import HORIZONS, Looks, lead_rows, seconds

pytestmark = [pytest.mark.slow, pytest.mark.long]

IMPULSE_KINDS = {"visit", "price_list", "stock_question", "delivery_time_question"}
OFFICE_KINDS = {"circular", "courtesy_call"}
PROJECT_STATES = 17


@pytest.fixture(scope="module")
def crm() -> MadeUpCrm:
    return made_up_crm(12_000, 2027)


@pytest.fixture(scope="module", params=HORIZONS)
def looks(request: pytest.FixtureRequest, crm: MadeUpCrm) -> Looks:
    return Looks(crm, request.param)


def population(leads: int, seed: int) -> long_cycles._Population:
    return long_cycles._population(np.random.default_rng(seed), leads, DAYS)


def joint_steps(impulses: Mechanism, projects: Mechanism, variants: tuple[int, int]) -> np.ndarray:
    """One day as one matrix over the pairs of states, then won and lost; plain loops."""
    first, second = variants
    pairs = [(i, p) for i in range(2) for p in range(PROJECT_STATES)]
    step = np.zeros((len(pairs) + 2, len(pairs) + 2))
    step[-2, -2] = step[-1, -1] = 1
    for row, (i, p) in enumerate(pairs):
        impulse_won, impulse_lost = impulses.won[first, i], impulses.lost[first, i]
        project_won, project_lost = projects.won[second, p], projects.lost[second, p]
        passed_on = 1 - impulse_won - impulse_lost
        step[row, -2] = impulse_won + passed_on * project_won
        step[row, -1] = impulse_lost + passed_on * project_lost
        stays = 1 - step[row, -2] - step[row, -1]
        for column, (next_i, next_p) in enumerate(pairs):
            moves = impulses.moves[first, i, next_i] * projects.moves[second, p, next_p]
            step[row, column] = stays * moves
    return step


def plain_filter(days: list[list[int]], belief: np.ndarray, step: np.ndarray) -> list[list[float]]:
    """P(is won) within 14 and 90 days at the end of each day, of one lead, states in pairs."""
    pairs = [(i, p) for i in range(2) for p in range(PROJECT_STATES)]
    within = [np.linalg.matrix_power(step, horizon)[:-2, -2] for horizon in (14, 90)]
    answers = [[float(belief @ column) for column in within]]
    for types in days:
        belief = belief.copy()
        for row, (i, p) in enumerate(pairs):
            stage = 0 if p == 0 else 1 + (p - 1) // 4
            for number, kind in enumerate(long_cycles._TYPES):
                if kind in long_cycles._OF_OFFICE:
                    continue
                rate = kind.rates[i if kind in long_cycles._OF_IMPULSE else stage]
                count = types.count(number)
                belief[row] *= math.exp(-rate) * rate**count / math.factorial(count)
        now = (np.r_[belief, 0, 0] @ step)[:-2]
        belief = now / now.sum()
        answers.append([float(belief @ column) for column in within])
    return answers


def test_the_truth_equals_a_plain_filter_over_pairs_of_states_for_single_leads() -> None:
    crm, drawn = made_up_crm(200, 5), population(200, 5)
    impulses, projects = long_cycles._impulses(1.0), long_cycles._projects(1.0)
    types = [(t.channel, t.kind, t.direction, t.outcome, t.award) for t in long_cycles._TYPES]
    asked, happened = crm.truth.to_pylist(), crm.interactions.to_pylist()
    awards = {
        (row["lead_id"], row["recorded_at"]): row["value"] for row in crm.attributes.to_pylist()
    }
    compared = 0
    for number in range(0, 80, 8):
        lead = crm.leads.slice(number, 1).to_pylist()[0]
        truth = [row for row in asked if row["lead_id"] == lead["lead_id"]]
        open_days = (truth[-1]["as_of"] - lead["created_at"]).days
        days: list[list[int]] = [[] for _ in range(open_days)]
        for row in happened:
            day = (row["occurred_at"] - lead["created_at"]) // timedelta(days=1)
            if row["lead_id"] == lead["lead_id"] and day < open_days:
                noted_at = max(row["occurred_at"], row["recorded_at"])
                award = awards[row["lead_id"], noted_at] if row["outcome"] == "held" else None
                words = row["channel"], row["kind"], row["direction"], row["outcome"], award
                days[day].append(types.index(words))
        belief = np.outer(drawn.impulse_mix[number], drawn.project_mix[number]).ravel()
        variants = int(drawn.impulse_variant[number]), int(drawn.project_variant[number])
        answers = plain_filter(days, belief, joint_steps(impulses, projects, variants))
        got = np.array([[row[band] for band in HORIZONS] for row in truth])
        np.testing.assert_allclose(got, np.array(answers)[::7], rtol=1e-9)
        compared += len(got)
    assert compared > 60


def test_the_chances_of_every_state_and_variant_are_chances() -> None:
    for factor in (0.01, 1.0, 300.0):
        for mechanism in (long_cycles._impulses(factor), long_cycles._projects(factor)):
            assert mechanism.won.min() >= 0
            assert mechanism.lost.min() >= 0
            assert mechanism.open.min() >= 0
            assert mechanism.moves.min() >= 0
            np.testing.assert_allclose(mechanism.moves.sum(axis=2), 1)


def test_a_stage_lasts_as_erlang_s_distribution_says() -> None:
    # From the first phase of tender to the first of award, at the usual speed: four geometric waits
    # with mean 22.5 days each, but for projects that are given up.
    moves = long_cycles._projects(1.0).moves[4]  # private procurement, a rival
    first, following = 1 + 2 * 4, 1 + 3 * 4
    inside = moves[first:following, first:following].copy()
    given_up = long_cycles._GIVEN_UP
    on = 4 / 90
    np.testing.assert_allclose(np.diag(inside), 1 - on - given_up)
    np.testing.assert_allclose(np.diag(inside, 1), on)
    np.testing.assert_allclose(moves[following - 1, following], on)
    fundamental = np.linalg.inv(np.eye(4) - inside)
    reaches = on / (on + given_up)
    assert fundamental[0].sum() == pytest.approx(
        sum(reaches**phase for phase in range(4)) / (on + given_up)
    )


def test_who_buys_soon_says_nothing_of_who_buys_later() -> None:
    # The lead's chances by one mechanism alone, at creation and after four weeks.
    drawn = population(12_000, 2027)
    lives = long_cycles._lives(
        np.random.default_rng(1),
        drawn,
        long_cycles._impulses(1.0),
        long_cycles._projects(1.0),
        DAYS,
    )
    soon, _ = long_cycles._expected(
        long_cycles._within(long_cycles._impulses(1.0), 14),
        drawn.impulse_variant[lives.looks.lead],
        lives.looks.impulse,
    )
    later, _ = long_cycles._expected(
        long_cycles._within(long_cycles._projects(1.0), 90),
        drawn.project_variant[lives.looks.lead],
        lives.looks.project,
    )
    day = (lives.looks.as_of - drawn.created_at[lives.looks.lead]) // DAY
    for age in (0, 28):
        rows = day == age
        correlation = spearmanr(soon[rows].sum(axis=1), later[rows].sum(axis=1)).statistic
        assert abs(correlation) < 3.5 / math.sqrt(rows.sum())


def test_each_mechanism_wins_about_half_of_the_sales(crm: MadeUpCrm) -> None:
    drawn = population(12_000, 2027)
    days = (seconds(crm.leads["created_at"]).max() - seconds(crm.leads["created_at"])) // DAY
    shares = []
    for without in ("impulse", "project"):
        impulses, projects = long_cycles._impulses(1.0), long_cycles._projects(1.0)
        if without == "impulse":
            impulses = impulses._replace(won=np.zeros_like(impulses.won))
        else:
            projects = projects._replace(won=np.zeros_like(projects.won))
        daily = long_cycles._daily_wins(
            long_cycles._expected(
                long_cycles._within(impulses, 731), drawn.impulse_variant, drawn.impulse_mix
            ),
            long_cycles._expected(
                long_cycles._within(projects, 731), drawn.project_variant, drawn.project_mix
            ),
        )
        shares.append(daily[np.arange(731) < days[:, None]].sum() / 12_000)
    by_project, by_impulse = shares
    assert 0.5 < by_project / by_impulse < 2
    bought = crm.leads["converted_at"].is_valid().to_numpy().mean()
    assert max(shares) < bought < sum(shares) + 4 * math.sqrt(0.16 / 12_000)


@pytest.mark.parametrize("day", [0, 7, 28, 91])
def test_outcomes_agree_with_the_truth_in_every_decile(looks: Looks, day: int) -> None:
    rows = np.flatnonzero(looks.day == day)  # one look a lead, so they are independent
    tenths = np.array_split(rows[np.argsort(looks.truth[rows])], 10)
    z = np.array([looks.z_score(tenth) for tenth in tenths])
    assert np.abs(z).max() < 3.5
    assert np.sqrt((z**2).mean()) < 1.6


@pytest.mark.parametrize(
    "attribute", ["request", "trade", "ordered_before", "entry", "procurement", "incumbent"]
)
def test_outcomes_agree_with_the_truth_for_every_value_of_an_attribute(
    crm: MadeUpCrm, looks: Looks, attribute: str
) -> None:
    values = crm.leads[attribute].fill_null("missing").to_numpy(zero_copy_only=False)
    for value in np.unique(values):
        rows = np.flatnonzero((looks.day == 14) & (values[looks.lead] == value))
        assert abs(looks.z_score(rows)) < 3.5, value


def test_outcomes_agree_with_the_truth_whether_or_not_a_project_s_value_is_known(
    crm: MadeUpCrm, looks: Looks
) -> None:
    is_valued = crm.leads["project_value"].is_valid().to_numpy()
    for valued in (False, True):
        rows = np.flatnonzero((looks.day == 0) & (is_valued[looks.lead] == valued))
        assert abs(looks.z_score(rows)) < 3.5
    if looks.truth.mean() > 0.05:  # warm
        first = looks.day == 0
        low, high = (
            looks.truth[first & (is_valued[looks.lead] == v)].mean() for v in (False, True)
        )
        assert high > 1.3 * low


@pytest.mark.parametrize("kind", ["price_list", "stock_question", "terms_talk", "tender_document"])
def test_outcomes_agree_with_the_truth_whatever_happened_in_the_last_month(
    crm: MadeUpCrm, looks: Looks, kind: str
) -> None:
    of_kind = pc.equal(crm.interactions["kind"], kind).to_numpy()
    lead = lead_rows(crm, "interactions")[of_kind]
    occurred_at = seconds(crm.interactions["occurred_at"])[of_kind]
    age = occurred_at - seconds(crm.leads["created_at"])[lead]
    lately = np.zeros(crm.leads.num_rows, dtype=bool)
    lately[lead[(age >= 14 * DAY) & (age < 42 * DAY)]] = True
    for happened in (False, True):
        rows = np.flatnonzero((looks.day == 42) & (lately[looks.lead] == happened))
        assert len(rows) > 100
        assert abs(looks.z_score(rows)) < 3.5


def test_base_rates_are_those_of_a_plausible_crm(crm: MadeUpCrm) -> None:
    assert 0.013 < Looks(crm, "hot_probability").outcome.mean() < 0.021
    assert 0.075 < Looks(crm, "warm_probability").outcome.mean() < 0.10
    kinds = crm.interactions["kind"].to_numpy(zero_copy_only=False)
    of_project = ~np.isin(kinds, list(IMPULSE_KINDS | OFFICE_KINDS))
    assert 2 < of_project.sum() / crm.leads.num_rows < 6  # signs of projects are rare


def test_a_visit_s_note_is_written_after_the_visit(crm: MadeUpCrm) -> None:
    held = crm.interactions.filter(pc.equal(crm.interactions["outcome"], "held"))
    noted_at = np.maximum(seconds(held["occurred_at"]), seconds(held["recorded_at"]))
    expected = sorted(zip(held["lead_id"].to_pylist(), noted_at, strict=True))
    log = zip(
        crm.attributes["lead_id"].to_pylist(), seconds(crm.attributes["recorded_at"]), strict=True
    )
    assert sorted(log) == expected
    assert set(crm.attributes["value"].to_pylist()) == {"this_quarter", "this_year", "later"}


@pytest.mark.parametrize("rate", [0.02, 0.4])
def test_the_factor_gives_the_rate_that_powers_of_a_matrix_show(rate: float) -> None:
    drawn = population(40, 6)
    factor = long_cycles._factor(drawn, rate)
    impulses, projects = long_cycles._impulses(factor), long_cycles._projects(factor)
    bought = []
    for lead in range(40):
        variants = int(drawn.impulse_variant[lead]), int(drawn.project_variant[lead])
        step = joint_steps(impulses, projects, variants)
        days = int((ENDS_AT - drawn.created_at[lead]) // DAY) + 1
        belief = np.outer(drawn.impulse_mix[lead], drawn.project_mix[lead]).ravel()
        bought.append(belief @ np.linalg.matrix_power(step, days)[:-2, -2])
    assert np.mean(bought) == pytest.approx(rate, rel=1e-4)


def test_the_impulse_acts_first_on_each_day() -> None:
    impulses, projects = long_cycles._impulses(1.0), long_cycles._projects(1.0)
    always = impulses._replace(won=np.ones_like(impulses.won), lost=np.zeros_like(impulses.lost))
    never = projects._replace(won=np.zeros_like(projects.won), lost=np.ones_like(projects.lost))
    drawn = population(50, 1)
    with np.errstate(invalid="ignore"):  # nobody is open, so there is no belief to update
        lives = long_cycles._lives(np.random.default_rng(1), drawn, always, never, DAYS)
    assert (lives.won_at[drawn.created_at < ENDS_AT - DAY] > 0).all()
    assert not lives.lost_at.any()


@pytest.mark.parametrize(
    ("attribute", "most", "least", "mechanism"),
    [
        ("trade", "workshop", "authority", "impulse"),
        ("ordered_before", "yes", "no", "impulse"),
        ("procurement", "group", "public", "project"),
        ("incumbent", "us", "rival", "project"),
    ],
)
def test_an_attribute_helps_the_mechanism_that_it_is_about_alone(
    attribute: str, most: str, least: str, mechanism: str
) -> None:
    drawn = population(4_000, 3)
    impulses, _ = long_cycles._expected(
        long_cycles._within(long_cycles._impulses(1.0), 90),
        drawn.impulse_variant,
        drawn.impulse_mix,
    )
    projects, _ = long_cycles._expected(
        long_cycles._within(long_cycles._projects(1.0), 90),
        drawn.project_variant,
        drawn.project_mix,
    )
    values = drawn.attributes[attribute].fill_null("").to_numpy(zero_copy_only=False)
    of_most, of_least = values == most, values == least
    for name, daily in (("impulse", impulses), ("project", projects)):
        chances = daily.sum(axis=1)
        high, low = chances[of_most].mean(), chances[of_least].mean()
        if name == mechanism:
            assert high > 1.2 * low
        else:
            spread = chances.std() * math.sqrt(1 / of_most.sum() + 1 / of_least.sum())
            assert abs(high - low) < 4 * spread


def test_what_is_overwritten_tells_the_outcome(crm: MadeUpCrm) -> None:
    won = crm.leads["converted_at"].is_valid()
    assert crm.leads["order_number"].is_valid() == won
    ended = pc.or_(won, crm.leads["closed_at"].is_valid())
    assert pc.equal(crm.leads["pipeline_stage"], "closed") == ended
