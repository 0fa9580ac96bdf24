"""The firm in which actions cause: is its truth true, and do actions do what the world says."""

import numpy as np
import pyarrow.compute as pc
import pytest

from features.worlds import acting
from features.worlds.acting import (
    FRESH,
    REFUSED,
    TEMPERATURES,
    WORKED,
    Firm,
    buying_chances,
    draw_firm,
    draw_fresh_leads,
    made_up_crm,
    owner_chances,
    waiting_week,
)
from features.worlds.crm import MadeUpCrm
from tests.support.made_up import HORIZONS, Looks, lead_rows, require_agreement, seconds

TWO = Firm(np.array([[0.3, -0.2, 0.1], [-0.1, 0.4, 0.0]]), np.array([1.0, -1.0]), 0.1)


def log_odds(chance: np.ndarray) -> np.ndarray:
    return np.log(chance / (1 - chance))


def day_as_one_matrix(temperature: int, calls: tuple[float, float, float]) -> np.ndarray:
    """One day over (owner, phase, state), then bought and lost, of the firm `TWO`; plain loops."""
    row_of = {}
    for owner in range(2):
        for phase in range(3):
            for state in range(4):
                row_of[owner, phase, state] = len(row_of)
    bought, lost = len(row_of), len(row_of) + 1
    step = np.zeros((len(row_of) + 2, len(row_of) + 2))
    step[bought, bought] = step[lost, lost] = 1
    for (owner, phase, state), row in row_of.items():
        boost = np.exp(TWO.skill[owner, temperature])
        called_moves = acting._CALLED[state].copy()
        if state in (1, 2):
            called_moves[state + 1] *= boost
            called_moves[state] = 0
            called_moves[state] = 1 - called_moves.sum()
        courses = []
        for outcome, share in zip(acting._OUTCOMES, acting._OUTCOME_SHARES[state], strict=True):
            moves = acting._IDLE[state] if outcome == "no_answer" else called_moves
            next_phase = REFUSED if outcome == "refused" else WORKED
            courses.append((calls[phase] * share, owner, next_phase, moves))
        uncalled = 1 - calls[phase]
        if phase == REFUSED:
            back = 1 - np.exp(-acting._INBOUND_RATES[0, state])
            idle = acting._IDLE[state]
            courses += [(uncalled * back / 2, receiver, FRESH, idle) for receiver in (0, 1)]
            courses.append((uncalled * (1 - back), owner, REFUSED, acting._IDLE[state]))
        else:
            moves = acting._WAITING[state] if phase == FRESH else acting._IDLE[state]
            courses.append((uncalled, owner, phase, moves))
        for chance, receiver, next_phase, moves in courses:
            hazard = acting._BUYING[state] * acting._PHASE_APPEAL[next_phase]
            hazard *= boost if next_phase == WORKED else 1
            buys = (1 - np.exp(-hazard)) * (1 - acting._LOSING[state])
            step[row, bought] += chance * buys
            step[row, lost] += chance * acting._LOSING[state]
            for next_state in range(4):
                stays = chance * (1 - buys - acting._LOSING[state]) * moves[next_state]
                step[row, row_of[receiver, next_phase, next_state]] += stays
    return step


@pytest.mark.parametrize("temperature", range(TEMPERATURES))
def test_chances_are_powers_of_the_day_written_as_one_matrix(temperature: int) -> None:
    usual = tuple(acting._CALL_CHANCE)
    step = day_as_one_matrix(temperature, usual)
    silent = day_as_one_matrix(temperature, (0, 0, 0))
    today = day_as_one_matrix(temperature, (1, 1, 1)) @ np.linalg.matrix_power(step, 89)
    for matrix, chance in (
        (np.linalg.matrix_power(step, 14), buying_chances(TWO, 14)),
        (np.linalg.matrix_power(step, 90), buying_chances(TWO, 90)),
        (np.linalg.matrix_power(silent, 90), buying_chances(TWO, 90, calls=False)),
        (today, buying_chances(TWO, 90, today=True)),
    ):
        np.testing.assert_allclose(chance[:, temperature].ravel(), matrix[:-2, -2], atol=1e-12)


def test_a_week_of_waiting_is_seven_days_without_a_call() -> None:
    bought, stays = waiting_week(TWO)
    silent = np.linalg.matrix_power(day_as_one_matrix(0, (0, 0, 0)), 7)
    np.testing.assert_allclose(bought, silent[:4, -2], atol=1e-12)
    np.testing.assert_allclose(stays, silent[:4, :4], atol=1e-12)


def test_calls_help_and_the_sooner_the_better() -> None:
    silent, usual, today = (
        buying_chances(TWO, 90, **how)[:, :, FRESH, 1:]  # type: ignore[arg-type]
        for how in ({"calls": False}, {}, {"today": True})
    )
    assert (usual > 2 * silent).all()
    assert (today > usual).all()


def test_people_differ_by_as_much_as_the_firm_says() -> None:
    rng = np.random.default_rng(5)
    firm = draw_firm(rng, standing_follows_skill=True, people=2_000)
    leads = draw_fresh_leads(rng, 4_000)
    chance = buying_chances(firm, 90)[:, :, FRESH]
    effect = np.array([
        log_odds(chance[:, temperature] @ leads.belief[leads.temperature == temperature].mean(0))
        for temperature in range(TEMPERATURES)
    ])  # fmt: skip
    common = np.cov(effect)[np.triu_indices(3, 1)].mean()  # what temperatures share is the person
    assert abs(np.sqrt(common) - 0.2) < 0.03
    assert abs(np.sqrt(np.var(effect, axis=1).mean() - common) - 0.14) < 0.03
    expected = (leads.belief @ acting._usual_chance()).mean()
    assert abs(expected - 0.09) < 0.01


@pytest.mark.parametrize("is_earned", [True, False])
def test_standing_follows_skill_where_it_shall(is_earned: bool) -> None:
    rng = np.random.default_rng(6)
    firm = draw_firm(rng, standing_follows_skill=is_earned, temperature_deviation=0, people=2_000)
    correlation = np.corrcoef(firm.standing, firm.skill[:, 0])[0, 1]
    assert abs(correlation - (0.8 if is_earned else 0.0)) < 0.06


def test_people_of_standing_get_leads_that_look_better_and_are_better_still() -> None:
    rng = np.random.default_rng(7)
    standing = np.array([1.0, -1.0])
    leads = draw_fresh_leads(rng, 60_000)
    chance = acting._usual_chance()
    seen, hidden = {}, {}
    for bias in (0.0, 0.2):
        firm = Firm(np.zeros((2, TEMPERATURES)), standing, bias)
        share = owner_chances(firm, leads)[np.arange(60_000), leads.state]
        looks = share.T @ (leads.belief @ chance) / share.sum(axis=0)
        truth = share.T @ chance[leads.state] / share.sum(axis=0)
        seen[bias] = log_odds(looks) @ standing / 2
        hidden[bias] = (log_odds(truth) - log_odds(looks)) @ standing / 2
    assert seen[0.0] > 0.2
    assert abs(hidden[0.0]) < 0.02
    assert abs(hidden[0.2] - 0.2) < 0.06


def test_wrong_deviations_are_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="hidden_bias and both deviations must be 0 or more"):
        draw_firm(rng, standing_follows_skill=True, hidden_bias=-0.1)
    with pytest.raises(ValueError, match="people must be at least 2, got 1"):
        draw_firm(rng, standing_follows_skill=True, people=1)


@pytest.fixture(scope="module")
def crm() -> MadeUpCrm:
    return made_up_crm(12_000, 2027)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("band", HORIZONS)
def test_outcomes_agree_with_the_truth(crm: MadeUpCrm, band: str) -> None:
    require_agreement(Looks(crm, band))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("owner", acting._NAMES)
def test_outcomes_agree_with_the_truth_for_every_first_owner(crm: MadeUpCrm, owner: str) -> None:
    columns = (crm.attributes[name] for name in ("name", "value"))
    is_owner, is_theirs = (pc.equal(c, w) for c, w in zip(columns, ("owner", owner), strict=True))
    entry = pc.and_(is_owner, is_theirs).to_numpy()
    at = seconds(crm.attributes["recorded_at"])[entry]
    lead = lead_rows(crm, "attributes")[entry]
    first = lead[at == seconds(crm.leads["created_at"])[lead]]
    looks = Looks(crm, "warm_probability")
    assert abs(looks.part(np.isin(looks.lead, first)).clustered_z_score()) < 3.5


@pytest.mark.slow
@pytest.mark.long
def test_owners_have_a_history_that_calls_agree_with(crm: MadeUpCrm) -> None:
    entries = crm.attributes.filter(pc.equal(crm.attributes["name"], "owner"))
    assert entries.num_rows > crm.leads.num_rows + 50  # some of the refused came back
    history: dict[str, list[tuple[object, str]]] = {}
    for entry in entries.to_pylist():
        history.setdefault(entry["lead_id"], []).append((entry["recorded_at"], entry["value"]))
    calls = crm.interactions.filter(pc.equal(crm.interactions["kind"], "call"))
    assert crm.interactions["agent"].null_count == crm.interactions.num_rows - calls.num_rows
    for row in calls.slice(0, 20_000).to_pylist():
        owner = [owner for at, owner in history[row["lead_id"]] if at <= row["occurred_at"]][-1]  # type: ignore[operator]
        assert owner == row["agent"]


@pytest.mark.slow
@pytest.mark.long
def test_buyers_alone_have_a_contract_number(crm: MadeUpCrm) -> None:
    assert crm.leads["contract_number"].is_valid() == crm.leads["converted_at"].is_valid()
