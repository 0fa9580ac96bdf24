"""A made-up software firm whose leads excite themselves, and whose calls help some and lose others.

Every lead belongs for good to one of five hidden classes: *decided*, *comparing*, *browsing*,
*waiting* and *idle*. In continuous time it goes through interactions and may be won or lost. All
rates are linear in two things that its history tells exactly:

- excitement x: each interaction of its own adds a jump, and it fades with a half-life of 1.7 days;
- the echo of calls y: each answered call adds 1, and it fades with a half-life of 2.8 days.

Excitement brings further interactions (an exponential kernel, as of Hawkes' self-exciting
processes) and calls, for salespeople call whom they see active. An answered call raises the hazard
of buying for some days, most of all among those who compare, and the hazard of loss among those who
only browse. So activity alone misleads: browsers are the most active of all and hardly buy. What
salespeople write down at an answered call (`interest`) depends on the class.

The truth is exact. The class is unknown to an observer; its posterior follows from the likelihood
of what happened and of what did not, including that the lead is still open, which has a closed
form. Given class, x and y, the process is affine, so P(is won within h days) is one integral over
transforms that solve ordinary differential equations [1]_; they are solved to nine digits. The day
has a rhythm: the clock runs slower by night, and a whole day always counts as a day, so looks and
horizons in whole days do not see it.

Where a rate of buyers is asked for, the hazards of being won are multiplied by one factor.

References
----------
.. [1] D. Duffie, J. Pan, K. Singleton: Transform analysis and asset pricing for affine
   jump-diffusions. Econometrica 68 (2000), 1343-1376. https://doi.org/10.1111/1468-0262.00164
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.integrate import solve_ivp

from features.arrays import Bool, Float64, Int64
from features.engine.history import is_known, when_known
from features.worlds.crm import (
    DAY,
    ENDS_AT,
    HOT_DAYS,
    SNAPSHOT_EVERY_DAYS,
    SNAPSHOT_UNTIL_DAYS,
    WARM_DAYS,
    Knobs,
    MadeUpCrm,
    config_text,
)
from features.worlds.drawing import (
    as_instants,
    contact_columns,
    draw_codes,
    draw_creations,
    draw_recorded,
    factor_for_rate,
    lead_ids,
    truth_table,
)
from features.worlds.nuisances import as_world

# The classes: decided, comparing, browsing, waiting, idle. All rates are per day.
_SHARES = np.array([0.03, 0.10, 0.17, 0.25, 0.45])
_FADING = np.array([0.40, 0.25])  # of excitement and of the echo of calls
_ACTIVITY = np.array([0.12, 0.10, 0.10, 0.03, 0.015])  # interactions without excitement
_EXCITABILITY = np.array([0.12, 0.16, 0.40, 0.08, 0.05])  # further ones for each unit of it
_CALLS, _CALLS_EXCITED = 0.02, 0.10
_NOTED = 0.5  # answered calls at which interest is written down

# Hazards of being won and of being lost: constant, for each unit of excitement, and of the echo.
_WON = np.array(
    [
        [0.0200, 0.0020, 0.00020, 0.00120, 0.00005],
        [0.0100, 0.0012, 0.00001, 0.00012, 0.00001],
        [0.0160, 0.0100, 0.00005, 0.00040, 0.00002],
    ]
)
_LOST = np.array(
    [
        [0.010, 0.0080, 0.012, 0.003, 0.020],
        [0.000, 0.0000, 0.000, 0.000, 0.000],
        [0.001, 0.0005, 0.012, 0.001, 0.006],
    ]
)
# How much each class gains, in log share, from an attribute that says keen, or curious.
_KEEN = np.array([1.6, 1.0, 0.1, 0.3, -0.4])
_CURIOUS = np.array([0.0, 0.3, 1.2, -0.2, 0.0])
_LOOKS_PER_CHUNK = 20_000
_RATE_LEADS = 1_000  # of so many leads, evenly spaced, the expected share of buyers is computed


class _Choice(NamedTuple):
    """One value of an attribute: its share, how keen and curious it makes, its factor on buying."""

    value: str | None
    share: float
    keen: float = 0.0
    curious: float = 0.0
    appeal: float = 1.0


_ENTRIES = (
    _Choice("partner", 0.07, 1.3),
    _Choice("exhibition", 0.10, 0.6),
    _Choice("trial_signup", 0.20, 0.5, 0.5),
    _Choice("search_ad", 0.33, -0.2, 0.8),
    _Choice("webinar_guest", 0.14, 0.1, -0.2),
    _Choice("address_list", 0.16, -1.2, -0.8),
)
_ARRIVES_EXCITED = np.array([1.5, 1.0, 2.5, 1.0, 1.0, 0.0])  # by entry
_SEGMENTS = (
    _Choice("agency", 0.25, 0.3),
    _Choice("shop", 0.35, -0.1, 0.2),
    _Choice("factory", 0.22, 0.1, -0.3),
    _Choice("school", 0.13, -0.5, 0.4),
    _Choice(None, 0.05, -0.2),
)
_CONTRACTS = (  # with a competitor
    _Choice("none", 0.55),
    _Choice("expiring", 0.15, 0.2, 0.0, 1.8),
    _Choice("running", 0.30, 0.0, 0.0, 0.5),
)
_REGIONS = (
    _Choice("north", 0.3),
    _Choice("south", 0.4, 0.05),
    _Choice("islands", 0.1, -0.1),
    _Choice("abroad", 0.2),
)
_OWNERS = (("greta", 0.3), ("hamid", 0.3), ("ioana", 0.25), ("jules", 0.15))
_DILIGENCE = np.array([1.7, 1.0, 1.0, 0.6])  # factor on the rate of calls, by owner


class _Type(NamedTuple):
    """One type of interaction and what it does to excitement and echo; shares are by class."""

    channel: str
    kind: str
    direction: str
    outcome: str | None
    interest: str | None
    excites: float
    echoes: float
    shares: tuple[float, float, float, float, float]


_INBOUND = (
    _Type("site", "page_view", "inbound", None, None, 0.4, 0, (0.35, 0.45, 0.70, 0.60, 0.78)),
    _Type("site", "pricing_view", "inbound", None, None, 1.0, 0, (0.20, 0.22, 0.12, 0.12, 0.07)),
    _Type("site", "brochure", "inbound", None, None, 1.5, 0, (0.06, 0.10, 0.07, 0.08, 0.04)),
    _Type("mail", "reply", "inbound", None, None, 1.2, 0, (0.16, 0.09, 0.02, 0.08, 0.02)),
    _Type("event", "webinar", "inbound", None, None, 1.0, 0, (0.04, 0.08, 0.06, 0.07, 0.03)),
    _Type("app", "trial_login", "inbound", None, None, 2.0, 0, (0.18, 0.05, 0.015, 0.03, 0.01)),
    _Type("mail", "opt_out", "inbound", None, None, 0.0, 0, (0.01, 0.01, 0.015, 0.02, 0.05)),
)
_UNANSWERED = np.array([0.30, 0.40, 0.55, 0.50, 0.60])
_REFUSED = np.array([0.02, 0.03, 0.15, 0.05, 0.20])
_ANSWERED = 1 - _UNANSWERED - _REFUSED
_INTEREST = {
    "low": np.array([0.10, 0.15, 0.45, 0.35, 0.70]),
    "medium": np.array([0.30, 0.50, 0.40, 0.50, 0.25]),
    "high": np.array([0.60, 0.35, 0.15, 0.15, 0.05]),
}


def _call(outcome: str, interest: str | None, share: Float64) -> _Type:
    answered = outcome == "answered"
    jumps = (0.4, 1.0) if answered else (0.0, 0.0)
    return _Type("phone", "call", "outbound", outcome, interest, *jumps, tuple(share))


_OUTBOUND = (
    _call("no_answer", None, _UNANSWERED),
    _call("refused", None, _REFUSED),
    _call("answered", None, (1 - _NOTED) * _ANSWERED),
    *(_call("answered", word, _NOTED * _ANSWERED * p) for word, p in _INTEREST.items()),
)
_TYPES = _INBOUND + _OUTBOUND
_IS_CALL = np.array([t.kind == "call" for t in _TYPES])
_IS_BOOKED = np.array([t.kind == "webinar" for t in _TYPES])
_IS_ANSWERED = np.array([t.outcome == "answered" for t in _TYPES])
_JUMP = np.array([(t.excites, t.echoes) for t in _TYPES])
_TYPE_SHARES = np.array([t.shares for t in _TYPES])
# Rates of the types by class: without excitement, and for each unit of it.
_RATE = _TYPE_SHARES * np.where(_IS_CALL[:, None], _CALLS, _ACTIVITY)
_RATE_EXCITED = _TYPE_SHARES * np.where(_IS_CALL[:, None], _CALLS_EXCITED, _EXCITABILITY)


@as_world
def made_up_crm(rng: np.random.Generator, leads: int, knobs: Knobs) -> MadeUpCrm:
    """Draw a CRM of this world, with its truth."""
    population = _with_rate(_population(rng, leads, knobs.days), knobs.rate)
    classes = (rng.random(leads)[:, None] >= np.cumsum(population.mix, axis=1)[:, :-1]).sum(axis=1)
    start = np.column_stack([population.excited, np.zeros(leads)])
    span = _days_between(population.created_at, np.full(leads, ENDS_AT))
    paths = simulate(rng, classes, population.diligence, population.appeal, start, span)
    ids = lead_ids(leads)
    interactions, log = _logs(rng, population, paths, ids)
    return MadeUpCrm(
        leads=_leads(rng, population, paths, interactions, ids),
        interactions=interactions,
        attributes=log,
        truth=_truth(population, paths, span, ids),
        config=_CONFIG,
    )


class _Population(NamedTuple):
    """The leads as created: what is known of each, and what it means for the process."""

    created_at: Int64
    attributes: dict[str, pa.Array]
    owner: Int64
    mix: Float64
    appeal: Float64
    diligence: Float64
    excited: Float64


def _population(rng: np.random.Generator, n: int, days: int) -> _Population:
    attributes, tilt, appeal = {}, np.zeros((n, len(_SHARES))), np.ones(n)
    entry = np.zeros(n, dtype=np.int64)
    for name, choices in (
        ("entry", _ENTRIES),
        ("segment", _SEGMENTS),
        ("rival_contract", _CONTRACTS),
        ("region", _REGIONS),
    ):
        codes = draw_codes(rng, [c.share for c in choices], n)
        entry = codes if name == "entry" else entry
        tilt += np.array([c.keen * _KEEN + c.curious * _CURIOUS for c in choices])[codes]
        appeal *= np.array([c.appeal for c in choices])[codes]
        attributes[name] = pa.array([c.value for c in choices], pa.string()).take(pa.array(codes))
    seats = np.maximum(1, rng.lognormal(2.2, 1.1, n).astype(np.int64))
    missing = rng.random(n) < 0.2
    size = np.where(missing, 0.0, np.clip(np.log(seats) - 2.2, -2, 2))
    tilt += 0.25 * size[:, None] * _KEEN
    owner = draw_codes(rng, [share for _, share in _OWNERS], n)
    attributes["seats"] = pa.array(seats, mask=missing)
    attributes["owner"] = pa.array([name for name, _ in _OWNERS]).take(pa.array(owner))
    mix = _SHARES * np.exp(tilt)
    return _Population(
        created_at=draw_creations(rng, n, days),
        attributes=attributes,
        owner=owner,
        mix=mix / mix.sum(axis=1, keepdims=True),
        appeal=appeal,
        diligence=_DILIGENCE[owner],
        excited=_ARRIVES_EXCITED[entry],
    )


def _with_rate(population: _Population, rate: float | None) -> _Population:
    """Multiply the hazards of being won by the factor that gives the rate, if one is asked for."""
    if rate is None:
        return population
    sample = slice(None, None, max(1, len(population.created_at) // _RATE_LEADS))
    created_at, mix = population.created_at[sample], population.mix[sample]
    diligence, appeal = population.diligence[sample], population.appeal[sample]
    span = _days_between(created_at, np.full(len(created_at), ENDS_AT))
    state = np.column_stack([population.excited[sample], np.zeros(len(created_at))])

    def share_that_buys(factor: float) -> float:
        groups = _Groups.of(diligence, factor * appeal)
        share = 0.0
        ends = np.r_[0.0, span.max() * np.geomspace(1e-5, 1.0, 60)]
        nodes, weights = _panels(ends, 3)
        transforms = _transforms(groups, nodes)
        for group in range(len(groups.appeal)):
            rows = np.flatnonzero(groups.of_row == group)
            density = _density(transforms, group, state[rows], mix[rows])
            by_panel = (density * weights).reshape(len(rows), -1, 3).sum(axis=2)
            bought = np.column_stack([np.zeros(len(rows)), np.cumsum(by_panel, axis=1)])
            panel = np.minimum(np.searchsorted(ends, span[rows], side="right") - 1, 59)
            part = (span[rows] - ends[panel]) / np.diff(ends)[panel]
            row = np.arange(len(rows))
            share += float(((1 - part) * bought[row, panel] + part * bought[row, panel + 1]).sum())
        return share / len(created_at)

    return population._replace(appeal=factor_for_rate(rate, share_that_buys) * population.appeal)


class Paths(NamedTuple):
    """What happened to leads; times in days since creation by the process's own clock.

    Parameters
    ----------
    ended : float64 array of shape (leads,)
        When the lead was won or lost; infinite while it is open.
    is_won : bool array of shape (leads,)
        Whether it was won.
    lead : int64 array of shape (interactions,)
        Position of the lead, ascending.
    time : float64 array of shape (interactions,)
        When the interaction took place, ascending in each lead.
    type : int64 array of shape (interactions,)
        Which type of interaction it is.
    """

    ended: Float64
    is_won: Bool
    lead: Int64
    time: Float64
    type: Int64


def simulate(
    rng: np.random.Generator,
    classes: Int64,
    diligence: Float64,
    appeal: Float64,
    start: Float64,
    span: Float64,
) -> Paths:
    """Draw what happens to leads of known class, by thinning, all of them side by side.

    Between interactions all rates fall, so the rate just after the last one bounds those that
    follow: candidates come at that rate and each is kept with the share that is left of it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random numbers.
    classes : int64 array of shape (leads,)
        Class of each lead, 0 to 4.
    diligence : float64 array of shape (leads,)
        Factor on the rate of calls.
    appeal : float64 array of shape (leads,)
        Factor on the hazard of being won.
    start : float64 array of shape (leads, 2)
        Excitement and echo of calls at time 0.
    span : float64 array of shape (leads,)
        Days that are drawn.
    """
    n, state, time = len(classes), start.astype(np.float64), np.zeros(len(classes))
    types = len(_TYPES)
    # Columns of what may happen: each type of interaction, then won, then lost.
    by_call = np.where(_IS_CALL, diligence[:, None], 1.0)
    constant = np.column_stack(
        [_RATE.T[classes] * by_call, appeal * _WON[0, classes], _LOST[0, classes]]
    )
    excited = np.column_stack(
        [_RATE_EXCITED.T[classes] * by_call, appeal * _WON[1, classes], _LOST[1, classes]]
    )
    echo = np.column_stack([appeal * _WON[2, classes], _LOST[2, classes]])
    ended, is_won = np.full(n, np.inf), np.zeros(n, dtype=bool)
    events: list[tuple[Int64, Float64, Int64]] = []
    lead = np.arange(n)
    while len(lead):
        bound = _rates(constant[lead], excited[lead], echo[lead], state[lead]).sum(axis=1)
        wait = rng.exponential(size=len(lead)) / bound
        time[lead] += wait
        state[lead] *= np.exp(-_FADING * wait[:, None])
        lead_on = time[lead] < span[lead]
        lead, bound = lead[lead_on], bound[lead_on]
        reached = np.cumsum(_rates(constant[lead], excited[lead], echo[lead], state[lead]), axis=1)
        mark = rng.random(len(lead)) * bound
        what_happens = (mark[:, None] >= reached).sum(axis=1)  # beyond all: nothing does
        hit = what_happens < types
        events.append((lead[hit], time[lead[hit]], what_happens[hit]))
        state[lead[hit]] += _JUMP[what_happens[hit]]
        ends = (what_happens == types) | (what_happens == types + 1)
        ended[lead[ends]] = time[lead[ends]]
        is_won[lead[ends]] = what_happens[ends] == types
        lead = lead[~ends]
    leads, times, kinds = (np.concatenate(part) for part in zip(*events, strict=True))
    order = np.lexsort((times, leads))
    return Paths(ended, is_won, leads[order], times[order], kinds[order])


def _rates(constant: Float64, excited: Float64, echo: Float64, state: Float64) -> Float64:
    """Rate of each thing that may happen, leads × things, given excitement and echo."""
    rates = constant + excited * state[:, :1]
    rates[:, -2:] += echo * state[:, 1:]
    return rates


class Beliefs(NamedTuple):
    """What an observer knows at looks.

    Parameters
    ----------
    weight : float64 array of shape (looks, 5)
        Posterior probability of each class.
    state : float64 array of shape (looks, 2)
        Excitement and echo of calls.
    """

    weight: Float64
    state: Float64


def beliefs(population: _Population, paths: Paths, look_lead: Int64, look_time: Float64) -> Beliefs:
    """Posterior over the classes at looks at leads that are open.

    The log likelihood of a class gains log λ for each interaction of rate λ, and loses the integral
    of all its rates, those of being won and lost included.

    Parameters
    ----------
    population : _Population
        What is known of the leads at their creation.
    paths : Paths
        What happened to them.
    look_lead : int64 array of shape (looks,)
        Lead that is looked at.
    look_time : float64 array of shape (looks,)
        When, in days since its creation; interactions before it are known.
    """
    n, looks = len(population.mix), len(look_lead)
    lead = np.concatenate([paths.lead, look_lead])
    time = np.concatenate([paths.time, look_time])
    kind = np.concatenate([paths.type, np.full(looks, -1)])
    order = np.lexsort((kind, time, lead))  # at the same time the look comes first
    lead, time, kind = lead[order], time[order], kind[order]
    rank = np.arange(len(lead)) - np.searchsorted(lead, lead)
    by_rank = np.argsort(rank, kind="stable")
    first = np.searchsorted(rank[by_rank], np.arange(rank.max() + 2))
    log_weight = np.log(population.mix)
    state = np.column_stack([population.excited, np.zeros(n)])
    clock = np.zeros(n)
    weights, states = np.empty((len(lead), 5)), np.empty((len(lead), 2))
    total, total_excited = (
        (rate[~_IS_CALL].sum(axis=0), rate[_IS_CALL].sum(axis=0)) for rate in (_RATE, _RATE_EXCITED)
    )
    for begin, end in pairwise(first):
        rows = by_rank[begin:end]
        leads = lead[rows]
        wait = time[rows] - clock[leads]
        faded = np.exp(-_FADING * wait[:, None])
        area = state[leads] * (1 - faded) / _FADING  # integrals of excitement and echo
        diligence, appeal = (
            factor[leads, None] for factor in (population.diligence, population.appeal)
        )
        log_weight[leads] -= (
            wait[:, None] * (total[0] + diligence * total[1] + appeal * _WON[0] + _LOST[0])
            + area[:, :1]
            * (total_excited[0] + diligence * total_excited[1] + appeal * _WON[1] + _LOST[1])
            + area[:, 1:] * (appeal * _WON[2] + _LOST[2])
        )
        state[leads] *= faded
        clock[leads] = time[rows]
        weights[rows], states[rows] = log_weight[leads], state[leads]
        hit = kind[rows] >= 0
        leads, type_ = leads[hit], kind[rows][hit]
        log_weight[leads] += np.log(_RATE[type_] + _RATE_EXCITED[type_] * state[leads, :1])
        state[leads] += _JUMP[type_]
    at_look = np.empty(len(lead), dtype=np.int64)
    at_look[order] = np.arange(len(lead))
    at_look = at_look[len(paths.lead) :]
    weight = np.exp(weights[at_look] - weights[at_look].max(axis=1, keepdims=True))
    return Beliefs(weight / weight.sum(axis=1, keepdims=True), states[at_look])


class _Groups(NamedTuple):
    """Leads that share diligence and appeal, and so the same transforms."""

    diligence: Float64
    appeal: Float64
    of_row: Int64

    @classmethod
    def of(cls, diligence: Float64, appeal: Float64) -> "_Groups":
        pairs, of_row = np.unique(np.column_stack([diligence, appeal]), axis=0, return_inverse=True)
        return cls(pairs[:, 0], pairs[:, 1], of_row.reshape(-1))


def _transforms(groups: _Groups, days: Float64) -> Float64:
    """Solve for the transforms of the affine process.

    With R the sum of both hazards and w that of being won, at excitement x and echo y,

        E[exp(−∫₀ˢ R) | x, y] = exp(A + B₁ x + B₂ y) and
        E[w(s) exp(−∫₀ˢ R) | x, y] = exp(A + B₁ x + B₂ y) (D + C₁ x + C₂ y).

    Parameters
    ----------
    groups : _Groups
        Diligence and appeal of each group.
    days : float64 array of shape (nodes,)
        Times s, ascending.

    Returns
    -------
    float64 array of shape (nodes, 6, groups, 5)
        A, B₁, B₂, D, C₁, C₂ by class.
    """
    shape = (6, len(groups.appeal), len(_SHARES))
    is_call, jump_x, jump_y = _IS_CALL[:, None, None], *_JUMP.T[:, :, None, None]
    by_call = np.where(is_call, groups.diligence[:, None], 1.0)
    rate, rate_excited = _RATE[:, None] * by_call, _RATE_EXCITED[:, None] * by_call
    won = _WON[:, None] * groups.appeal[:, None]
    killed = won + _LOST[:, None]

    def slope(_: float, flat: Float64) -> Float64:
        _a, b_x, b_y, _d, c_x, c_y = flat.reshape(shape)
        grown = np.exp(jump_x * b_x + jump_y * b_y)
        gain = grown * (jump_x * c_x + jump_y * c_y)
        return np.stack(
            [
                (rate * (grown - 1)).sum(axis=0) - killed[0],
                (rate_excited * (grown - 1)).sum(axis=0) - killed[1] - _FADING[0] * b_x,
                -killed[2] - _FADING[1] * b_y,
                (rate * gain).sum(axis=0),
                (rate_excited * gain).sum(axis=0) - _FADING[0] * c_x,
                -_FADING[1] * c_y,
            ]
        ).reshape(-1)

    start = np.zeros(shape)
    start[3:] = won
    solution = solve_ivp(
        slope,
        (0.0, float(days[-1])),
        start.reshape(-1),
        method="DOP853",
        t_eval=days,
        rtol=1e-9,
        atol=1e-12,
    )
    solved: Float64 = solution.y.T.reshape(len(days), *shape)
    return solved


def _panels(ends: Float64, nodes: int) -> tuple[Float64, Float64]:
    """Nodes and weights of Gauss-Legendre quadrature on each of adjoining intervals."""
    node, weight = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(ends)[:, None] / 2
    return (ends[:-1, None] + half * (node + 1)).reshape(-1), (half * weight).reshape(-1)


def _density(transforms: Float64, group: int, state: Float64, weight: Float64) -> Float64:
    """Density of being won at each node, rows × nodes, over the classes of a row's weights."""
    a, b_x, b_y, d, c_x, c_y = (transforms[:, part, group] for part in range(6))
    density = np.zeros((len(state), len(transforms)))
    for class_, share in enumerate(weight.T):
        x, y = state[:, :1], state[:, 1:]
        open_ = np.exp(a[:, class_] + b_x[:, class_] * x + b_y[:, class_] * y)
        hazard = d[:, class_] + c_x[:, class_] * x + c_y[:, class_] * y
        density += share[:, None] * open_ * hazard
    return density


def conversion_probabilities(
    diligence: Float64, appeal: Float64, belief: Beliefs
) -> tuple[Float64, Float64]:
    """P(is won within 14 and within 90 days) at looks.

    Parameters
    ----------
    diligence : float64 array of shape (looks,)
        Factor on the rate of calls.
    appeal : float64 array of shape (looks,)
        Factor on the hazard of being won.
    belief : Beliefs
        Posterior over the classes, excitement and echo of calls.
    """
    groups = _Groups.of(diligence, appeal)
    # Short panels first: at a high rate some leads buy within the hour.
    ends = np.array(
        [0.0, 5e-4, 4e-3, 0.02, 0.1, 0.4, 1.2, 3.0, 7.0, HOT_DAYS, 30.0, 55.0, WARM_DAYS]
    )
    nodes, weights = _panels(ends, 6)
    transforms = _transforms(groups, nodes)
    hot, warm = np.empty(len(appeal)), np.empty(len(appeal))
    is_hot = nodes < HOT_DAYS
    for group in range(len(groups.appeal)):
        of_group = np.flatnonzero(groups.of_row == group)
        for rows in np.array_split(of_group, 1 + len(of_group) // _LOOKS_PER_CHUNK):
            part = weights * _density(transforms, group, belief.state[rows], belief.weight[rows])
            hot[rows] = part[:, is_hot].sum(axis=1)
            warm[rows] = hot[rows] + part[:, ~is_hot].sum(axis=1)
    return hot, warm


def _truth(population: _Population, paths: Paths, span: Float64, ids: pa.Array) -> pa.Table:
    """Make the true probabilities on the grid of looks."""
    day = np.arange(0, SNAPSHOT_UNTIL_DAYS + 1, SNAPSHOT_EVERY_DAYS)
    as_of = population.created_at[:, None] + day * DAY
    ended = np.where(np.isinf(paths.ended), span, paths.ended)
    lead, step = np.nonzero((day < ended[:, None]) & (as_of < ENDS_AT))
    belief = beliefs(population, paths, lead, day[step].astype(np.float64))
    hot, warm = conversion_probabilities(
        population.diligence[lead], population.appeal[lead], belief
    )
    return truth_table(ids, lead, as_of[lead, step], hot, warm)


# The clock: share of the day's doings that lie before an hour.
_HOURS = np.array([0.0, 6.5, 8.5, 12.5, 13.5, 18.5, 22.5, 24.0]) / 24
_DONE = np.array([0.0, 0.02, 0.09, 0.44, 0.49, 0.87, 0.98, 1.0])


def _days_between(created_at: Int64, instant: Int64) -> Float64:
    """Days of the process's own clock from creation to an instant."""
    elapsed: Float64 = _process_days(instant) - _process_days(created_at)
    return elapsed


def _process_days(instant: Int64) -> Float64:
    day, second = np.divmod(instant, DAY)
    days: Float64 = day + np.interp(second / DAY, _HOURS, _DONE)
    return days


def _instants_after(created_at: Int64, time: Float64) -> Int64:
    """Instants, in whole seconds, that lie so many days of the process's own clock on."""
    day, part = np.divmod(_process_days(created_at) + time, 1.0)
    return (DAY * (day + np.interp(part, _DONE, _HOURS))).astype(np.int64)


def _ended_at(population: _Population, paths: Paths) -> Int64:
    """When the leads ended, in seconds; the end of the export for those that are open."""
    is_open = np.isinf(paths.ended)
    ended_at = _instants_after(population.created_at, np.where(is_open, 0.0, paths.ended))
    return np.where(is_open, ENDS_AT, np.maximum(ended_at, population.created_at + 1))


def _logs(
    rng: np.random.Generator, population: _Population, paths: Paths, ids: pa.Array
) -> tuple[pa.Table, pa.Table]:
    """Make the interactions as the export shows them, and the log of what was written down."""
    created_at = population.created_at[paths.lead]
    occurred_at = _instants_after(created_at, paths.time)
    recorded_at = draw_recorded(rng, created_at, occurred_at, _IS_BOOKED[paths.type])
    exported = is_known(when_known(occurred_at, recorded_at), ENDS_AT)
    # A second is the export's grain: what falls into the second of the end is not told apart.
    exported &= occurred_at < _ended_at(population, paths)[paths.lead]
    lead, kind = paths.lead[exported], paths.type[exported]
    occurred_at, recorded_at = occurred_at[exported], recorded_at[exported]
    words = {
        word: pa.array([getattr(t, word) for t in _TYPES], pa.string()).take(pa.array(kind))
        for word in ("channel", "kind", "direction", "outcome", "interest")
    }
    interest = words.pop("interest")
    owners = pa.array([name for name, _ in _OWNERS])
    seconds = 20 + rng.lognormal(4.8, 0.7, len(lead)).astype(np.int64)
    table = pa.table(
        {
            "lead_id": ids.take(pa.array(lead)),
            "occurred_at": as_instants(occurred_at),
            "recorded_at": as_instants(recorded_at),
            **words,
            "agent": owners.take(pa.array(population.owner[lead], mask=~_IS_CALL[kind])),
            "call_seconds": pa.array(seconds, mask=~_IS_ANSWERED[kind]),
        }
    )
    log = pa.table(
        {
            "lead_id": table["lead_id"],
            "recorded_at": table["recorded_at"],
            "name": pa.array(["interest"] * table.num_rows, pa.string()),
            "value": interest,
        }
    ).filter(pc.is_valid(interest))
    return table, log.sort_by([("recorded_at", "ascending"), ("lead_id", "ascending")])


def _leads(
    rng: np.random.Generator,
    population: _Population,
    paths: Paths,
    interactions: pa.Table,
    ids: pa.Array,
) -> pa.Table:
    n = len(ids)
    ended_at = _ended_at(population, paths)
    is_lost = ~paths.is_won & ~np.isinf(paths.ended)
    lead = pc.index_in(interactions["lead_id"], value_set=ids).to_numpy()
    touches = np.bincount(lead, minlength=n)
    status = np.select([paths.is_won, is_lost], [0, 1], 2)
    return pa.table(
        {
            "lead_id": ids,
            "created_at": as_instants(population.created_at),
            "converted_at": as_instants(np.where(paths.is_won, ended_at, 0)),
            "closed_at": as_instants(np.where(is_lost, ended_at, 0)),
            **population.attributes,
            "birth_year": rng.integers(1955, 2004, n),
            **contact_columns(n),
            "contract_number": pa.array(
                [f"C-{i:06d}" for i in range(1, n + 1)], mask=~paths.is_won
            ),
            "status": pa.array(["customer", "lost", "open"]).take(pa.array(status)),
            "touches": touches,
        }
    )


_CONFIG = config_text(
    fixed_at_creation=("entry", "segment", "rival_contract", "region", "seats", "owner"),
    left_out=(
        "The others are not used: contact_name, email and phone are personal data, birth_year is "
        "sensitive, and contract_number, status and touches are overwritten as the lead goes on, "
        "so they would tell the outcome."
    ),
    numbers=("seats",),
    measures=("call_seconds",),
    log=("interest",),
)
