"""Ways to hand out fresh leads, from turns to the list with true effects.

A policy sees what a firm sees on a morning: how likely each waiting lead is said to buy, how long
it has waited, and what it believes of people. It says who calls which lead. All policies share the
people's capacities.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.special import expit

from features.arrays import Float64, Int64
from serving.desk.assignment import NO_PERSON, assign
from serving.desk.optimum import best_pairs
from training.team.effects import Effects

PolicyName = Literal[
    "turns",
    "newest",
    "ring",
    "win_rates",
    "equal",
    "learned",
    "gated",
    "true_effects",
]
POLICIES: tuple[PolicyName, ...] = get_args(PolicyName)
"""Turns in the order of arrival; newest first; the hottest to the first in the ring; then lists: by
win rates; where all are equal; by learned effects, always or behind the gate; by true effects."""
WAITS, FAIRLY = NO_PERSON, -2
"""In place of a person: nobody calls the lead yet; whose turn it is, anybody's alike."""


@dataclass(frozen=True, slots=True)
class Beliefs:
    """What policies take people for, people × temperatures in log-odds.

    Parameters
    ----------
    learned : Effects
        Learned from the firm's history.
    win_rates : float64 array of shape (people, temperatures)
        Log-odds of each person's share of buyers in each temperature, whatever was handed out.
    """

    learned: Effects
    win_rates: Float64


@dataclass(frozen=True, slots=True)
class Morning:
    """Leads that wait for a call, oldest first.

    Parameters
    ----------
    margin : float64 array of shape (leads,)
        Served log-odds of a purchase.
    temperature : int64 array of shape (leads,)
        Served temperature.
    true_effect : float64 array of shape (leads, people)
        True effect of each person on each lead, in log-odds; for the upper bound alone.
    """

    margin: Float64
    temperature: Int64
    true_effect: Float64


def hand_out(
    policy: PolicyName, morning: Morning, beliefs: Beliefs, capacity: int, acts: bool
) -> Int64:
    """Who calls each lead, or `WAITS`, or `FAIRLY`.

    Parameters
    ----------
    policy : PolicyName
        How leads are handed out.
    morning : Morning
        The leads that wait.
    beliefs : Beliefs
        What is taken for known of people.
    capacity : int
        Calls that each person can make.
    acts : bool
        Whether the list behind the gate uses what was learned.
    """
    people = morning.true_effect.shape[1]
    leads = np.arange(len(morning.margin))
    hottest_first = np.argsort(-morning.margin, kind="stable")
    total = people * capacity
    match policy:
        case "turns":
            return in_fair_turns(leads, total)
        case "newest":
            return in_fair_turns(leads[::-1], total)
        case "equal":
            return in_fair_turns(hottest_first, total)
        case "ring":
            person = np.full(len(leads), WAITS)
            person[hottest_first[:total]] = leads[:total] % people
            return person
        case "gated" if not acts:
            return in_fair_turns(hottest_first, total)
        case "true_effects":
            effect = morning.true_effect
        case "win_rates":
            effect = beliefs.win_rates[:, morning.temperature].T
            effect = effect - effect.mean(axis=1, keepdims=True)
        case "learned" | "gated":
            effect = beliefs.learned.log_odds[:, morning.temperature].T
    return best_list(morning.margin, effect, capacity)


def in_fair_turns(order: Int64, total: int) -> Int64:
    """The first leads of an order, as many as there are calls, to anybody alike."""
    person = np.full(len(order), WAITS)
    person[order[:total]] = FAIRLY
    return person


def best_list(margin: Float64, effect: Float64, capacity: int) -> Int64:
    """The list of `serving.desk.assignment` if people were as believed.

    Parameters
    ----------
    margin : float64 array of shape (leads,)
        Log-odds of each lead.
    effect : float64 array of shape (leads, people)
        What each person adds to them.
    capacity : int
        Leads that each person can call.
    """
    value = expit(margin[:, None] + effect)
    names = [f"{lead:06}" for lead in range(len(margin))]
    everybody = np.ones(value.shape, np.bool_)
    capacities = [capacity] * value.shape[1]
    return assign(value, everybody, capacities, names, solve=best_pairs).person
