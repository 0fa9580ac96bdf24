"""What came of the leads that each person was handed, given how good they were.

Who sells more may only have been handed better leads. So results are compared with the log-odds
that a model without the owner gave each lead when it was handed over (out of fold). What is left is
shrunk by empirical Bayes: one effect for each person, one for each person and temperature, and
their deviations are weighed over a grid by how well they explain the results.

A score does not see all that those who hand out leads see. Whoever is handed leads that look better
may be handed leads that are better than they look, or may be handed them because of being good. No
export tells which. So the mean score that a person was handed has a slope of its own, and there are
two readings: *given* leaves the slope out of the effects, *earned* counts it in. Estimates credit
half of it; a list acts only where both readings say that it gains (`Effects.gain_chance`). These
are results so far, given what each was handed, and no measure of anybody's ability: only a random
slice of leads could say that.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import expit, ndtr

from features.arrays import Bool, Float64, Int64

_PERSON_DEVIATIONS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45)
_TEMPERATURE_DEVIATIONS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
_LIKELY_DEVIATION = 0.15
"""Scale of the half-normal prior of both deviations, in log-odds."""
_LEVEL_DEVIATION = 0.5
"""How far, in log-odds, results of all people may lie from the score, for each temperature."""
_SLOPE_DEVIATION = 0.5
"""How far results may go with the mean score that a person was handed, both in log-odds."""
_ROUNDS, _LONGEST_STEP = 8, 2.0
_REFERENCE_LEADS = 320
LEAST_GAIN_CHANCE = 0.9
"""A list acts on effects where both readings give at least this chance that it gains."""


@dataclass(frozen=True, slots=True)
class HandOvers:
    """Leads that were handed to somebody, and what came of them.

    Parameters
    ----------
    person : int64 array of shape (leads,)
        Number of the person who was handed each lead, from 0.
    temperature : int64 array of shape (leads,)
        Its temperature then, from 0.
    margin : float64 array of shape (leads,)
        Log-odds of a purchase at the hand-over, by a model that neither knew the owner nor learned
        from the lead.
    bought : bool array of shape (leads,)
        Whether it bought within the horizon, which has ended.

    Raises
    ------
    ValueError
        Lengths differ, a margin is not finite, or a number is negative.
    """

    person: Int64
    temperature: Int64
    margin: Float64
    bought: Bool

    def __post_init__(self) -> None:
        lengths = {len(self.person), len(self.temperature), len(self.margin), len(self.bought)}
        if len(lengths) > 1:
            raise ValueError(
                f"person, temperature, margin and bought must have one length, got {lengths}."
            )
        if not np.isfinite(self.margin).all():
            raise ValueError("Every margin must be finite; clip probabilities of 0 and 1 first.")
        if min(self.person.min(initial=0), self.temperature.min(initial=0)) < 0:
            raise ValueError("person and temperature must be 0 or more; leave out the unowned.")


@dataclass(frozen=True, slots=True)
class Reading:
    """Effects as a mixture of normal distributions, one for each pair of deviations.

    Parameters
    ----------
    mean : float64 array of shape (pairs, cells)
        Mean effect in log-odds, by person and then temperature.
    covariance : float64 array of shape (pairs, cells, cells)
        Their covariance.
    """

    mean: Float64
    covariance: Float64

    def gain_chances(self, weights: Float64) -> Float64:
        """P(the weighted sum of effects is above 0) for each pair of deviations.

        Parameters
        ----------
        weights : float64 array of shape (cells,)
            Weight of each cell.
        """
        deviation = np.sqrt(np.maximum(weights @ self.covariance @ weights, 0.0))
        # Where all are equal, nothing is gained.
        chances: Float64 = np.where(
            deviation > 1e-12, ndtr(self.mean @ weights / np.maximum(deviation, 1e-12)), 0.0
        )
        return chances


@dataclass(frozen=True, slots=True)
class Effects:
    """Results so far of each person and temperature, given what each was handed.

    Parameters
    ----------
    people, temperatures : int
        How many there are.
    weights : float64 array of shape (pairs,)
        Posterior probability of each pair of deviations.
    standing_given, standing_earned : Reading
        Without and with what goes with the mean score that a person was handed.
    """

    people: int
    temperatures: int
    weights: Float64
    standing_given: Reading
    standing_earned: Reading

    @property
    def log_odds(self) -> Float64:
        """Mean effect, half of the slope credited, people × temperatures; 0 in the mean."""
        mean = self.weights @ (self.standing_given.mean + self.standing_earned.mean) / 2
        effects = mean.reshape(self.people, self.temperatures)
        centred: Float64 = effects - effects.mean(axis=0)
        return centred

    def gain_chance(self, excess: Float64) -> float:
        """Probability that handing leads out by these effects gains, by the less sure reading.

        Parameters
        ----------
        excess : float64 array of shape (people, temperatures)
            Variance of outcomes (p times 1 - p, summed) that each person gets of each temperature
            beyond a fair share; 0 in the sum over people.
        """
        readings = (self.standing_given, self.standing_earned)
        chances = (self.weights @ reading.gain_chances(excess.ravel()) for reading in readings)
        return float(min(chances))


def chance_of_gain(effects: Effects, handed: HandOvers) -> float:
    """Chance that handing leads out by these effects gains, tried on the latest hand-overs.

    Everybody gets as many of them as everybody else, by the best list if the effects were true.

    Parameters
    ----------
    effects : Effects
        Learned from these hand-overs.
    handed : HandOvers
        In the order of time.

    Returns
    -------
    float
        By the less sure reading; a list acts on the effects above `LEAST_GAIN_CHANCE`.
    """
    people = effects.people
    share = min(len(handed.margin), max(_REFERENCE_LEADS, people)) // people
    latest = slice(len(handed.margin) - share * people, None)
    margin, temperature = handed.margin[latest], handed.temperature[latest]
    value = expit(margin[:, None] + effects.log_odds[:, temperature].T)
    rows, slots = linear_sum_assignment(np.repeat(value, share, axis=1), maximize=True)
    person = slots[np.argsort(rows)] // max(share, 1)
    return effects.gain_chance(
        excess_over_fair_share(person, temperature, expit(margin), people, effects.temperatures)
    )


def excess_over_fair_share(
    person: Int64, temperature: Int64, probability: Float64, people: int, temperatures: int
) -> Float64:
    """What a list hands to each person beyond a fair share, for `Effects.gain_chance`.

    Parameters
    ----------
    person : int64 array of shape (leads,)
        Who gets each lead on the list.
    temperature : int64 array of shape (leads,)
        Its temperature.
    probability : float64 array of shape (leads,)
        Its probability to buy.
    people, temperatures : int
        How many there are.
    """
    variance = probability * (1 - probability)
    table = np.zeros((people, temperatures))
    np.add.at(table, (person, temperature), variance)
    beyond: Float64 = table - table.mean(axis=0)
    return beyond


def fit_effects(
    handed: HandOvers, people: int, temperatures: int = 3, skill: Float64 | None = None
) -> Effects:
    """Effects of people on purchases, by empirical Bayes.

    The log-odds of a purchase are the margin and, for person p and temperature t,
    ``skill_pt + level_t + slope · score_p + u_p + v_pt``. All but the skill are normal with mean 0;
    the deviations of u and v are averaged over a grid by their posterior probabilities. The
    likelihood of a cell is replaced by the normal one of its score and information (Laplace's way).

    Parameters
    ----------
    handed : HandOvers
        What was handed to whom, and what came of it.
    people, temperatures : int
        How many there are; those without any lead get what the others' results and the skill say.
    skill : float64 array of shape (people, temperatures), optional
        What the manager knows, in log-odds: the centre of the prior. 0 where left out.

    Returns
    -------
    Effects
        Of every person and temperature.

    Raises
    ------
    ValueError
        There is nobody, a number in `handed` is not below `people` or `temperatures`, or `skill`
        is not finite or of another shape.

    Examples
    --------
    Ana and Boris were handed 2,000 equal leads each; 260 of hers bought, 140 of his.

    >>> person = np.repeat([0, 1], 2000)
    >>> bought = np.concatenate([np.arange(2000) < 260, np.arange(2000) < 140])
    >>> leads = HandOvers(person, np.zeros(4000, int), np.full(4000, np.log(0.1 / 0.9)), bought)
    >>> fit_effects(leads, people=2, temperatures=1).log_odds.round(1).tolist()
    [[0.3], [-0.3]]
    """
    if min(people, temperatures) < 1:
        raise ValueError(
            f"people and temperatures must be at least 1, got {people} and {temperatures}."
        )
    highest = (handed.person.max(initial=-1), handed.temperature.max(initial=-1))
    if highest[0] >= people or highest[1] >= temperatures:
        raise ValueError(
            f"person must be below {people} and temperature below {temperatures}, got {highest}."
        )
    cells = people * temperatures
    cell = handed.person * temperatures + handed.temperature
    prior_skill = np.zeros((people, temperatures)) if skill is None else skill
    if prior_skill.shape != (people, temperatures) or not np.isfinite(prior_skill).all():
        raise ValueError(
            f"skill must be {people} × {temperatures} finite numbers, got {prior_skill.shape}."
        )
    centre = np.asarray(prior_skill, np.float64).ravel()
    score = np.repeat(_mean_scores(handed, people), temperatures)
    same_person = np.kron(np.eye(people), np.ones((temperatures, temperatures)))
    same_temperature = np.kron(np.ones((people, people)), np.eye(temperatures))
    slope = _SLOPE_DEVIATION**2 * np.outer(score, score)
    nuisance = _LEVEL_DEVIATION**2 * same_temperature + slope
    pairs = [(a, b) for a in _PERSON_DEVIATIONS for b in _TEMPERATURE_DEVIATIONS]
    individual = np.array([a**2 * same_person + b**2 * np.eye(cells) for a, b in pairs])
    scale = -0.5 * np.sum(np.square(pairs), axis=1) / _LIKELY_DEVIATION**2
    shift = centre
    for _ in range(_ROUNDS):
        response, variance = _working_response(handed, cell, shift)
        marginal = individual + nuisance + np.diag(variance)
        inverse = np.linalg.inv(marginal)
        misfit = response - centre
        fit = -0.5 * (misfit @ inverse @ misfit + np.linalg.slogdet(marginal).logabsdet) + scale
        weights = np.exp(fit - fit.max())
        weights /= weights.sum()
        shift = centre + weights @ ((individual + nuisance) @ inverse @ misfit)
    standing_given, standing_earned = (
        Reading(
            mean=centre + prior @ inverse @ misfit,
            covariance=prior - prior @ inverse @ prior,
        )
        for prior in (individual, individual + slope)
    )
    return Effects(people, temperatures, weights, standing_given, standing_earned)


def _mean_scores(handed: HandOvers, people: int) -> Float64:
    """Mean margin that each person was handed, from that of all; 0 without any lead."""
    leads = np.bincount(handed.person, minlength=people)
    total = np.bincount(handed.person, handed.margin, minlength=people)
    overall = total.sum() / max(int(leads.sum()), 1)
    scores: Float64 = np.where(leads > 0, total / np.maximum(leads, 1) - overall, 0.0)
    return scores


def _working_response(handed: HandOvers, cell: Int64, shift: Float64) -> tuple[Float64, Float64]:
    """Estimate of each cell's shift and its variance, linearised where the shifts are now."""
    probability = expit(handed.margin + shift[cell])
    surplus = np.bincount(cell, handed.bought - probability, minlength=len(shift))
    information = np.bincount(cell, probability * (1 - probability), minlength=len(shift))
    information = np.maximum(information, 1e-6)  # a cell without leads says nothing
    # Newton's step overshoots where outcomes contradict a score that was nearly sure.
    step = np.clip(surplus / information, -_LONGEST_STEP, _LONGEST_STEP)
    return shift + step, 1 / information
