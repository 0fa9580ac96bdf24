"""A made-up shop whose leads are persons who come back, and whose refused ones may buy later.

Each person has a hidden trait that never changes: a *browser* looks and does not buy, a *careful*
one refuses first and buys later, a *decided* one buys at once or not at all, a *loyal* one buys
again. A person has one lead after another, and each lead is idle or serious, which is hidden, too.
How often it is serious depends on the trait and on how many leads the person had before.

Once a day, counted from its creation, an open lead may buy or refuse. A lead that was refused is
closed with its reason. It may still buy (its `converted_at` then comes after its `closed_at`), and
the person may come back as a new lead, which takes the old one's place. So may a person who bought.
Hazards depend on the class, which is trait and seriousness, and on the days since creation or
refusal; numbers of interactions are Poisson with rates by class. After a refusal there are fewer.
Where a rate of buyers is asked for, one factor moves the hazards of buying and the odds of being
serious; the expected rate follows from convolutions of the times between one lead and the next.

The truth is exact: Bayes' rule over the eight classes. The observer knows everything that occurred
before the instant to any lead *of this person*: attributes, interactions, refusals and reasons,
purchases, when leads were created, and that nothing else has happened. `person_key` says which
leads are one person's. A model that looks at a lead alone stays below the truth by what the other
leads tell, apart from what `earlier_enquiries`, `earlier_purchases` and `previous_end` say of them.
A purchase within the horizon counts whether or not a refusal comes first; `truth_after_refusal`
has the same probabilities for leads that are closed.

Owners, durations, times within a day, names and years of birth tell nothing. `loyalty_card` is
given to a person who buys and stands on all leads of that person: it must not become a feature.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from scipy.signal import fftconvolve

from features.arrays import Bool, Float64, Int64
from features.worlds.crm import (
    DAY,
    ENDS_AT,
    HOT_DAYS,
    SNAPSHOT_EVERY_DAYS,
    SNAPSHOT_UNTIL_DAYS,
    WARM_DAYS,
    WORLDS_OWN,
    Knobs,
    MadeUpCrm,
    config_text,
)
from features.worlds.drawing import (
    as_instants,
    draw_codes,
    draw_creations,
    factor_for_rate,
    lead_ids,
    truth_table,
)
from features.worlds.nuisances import as_world
from features.worlds.records import (
    InteractionType,
    Signal,
    as_probabilities,
    draw_by_row,
    event_tables,
    identity_columns,
)

# Traits: browser, careful, decided, loyal. Class = 2 × trait + serious. Hazards are per day.
_TRAITS, _CLASSES = 4, 8
_TRAIT_SHARES = np.array([0.45, 0.27, 0.16, 0.12])
_SERIOUS = np.array(  # share by trait; of the first, the second, and each later lead of a person
    [[0.05, 0.04, 0.03], [0.15, 0.40, 0.60], [0.60, 0.35, 0.25], [0.50, 0.55, 0.60]]
)
_BUYING = np.array([2e-5, 0.004, 1e-4, 0.010, 2e-4, 0.060, 4e-4, 0.035])
_REFUSING = np.array([0.020, 0.012, 0.025, 0.018, 0.022, 0.012, 0.012, 0.006])
_WARMING_UP = np.array([1e-5, 0.001, 4e-4, 0.016, 1e-4, 0.003, 4e-4, 0.010])
_COMING_BACK = np.repeat([0.004, 0.010, 0.003, 0.006], 2)  # after a refusal
_BUYING_AGAIN = np.repeat([0.0005, 0.001, 0.0008, 0.006], 2)  # comes back after a purchase

_WEEKS = SNAPSHOT_UNTIL_DAYS // SNAPSHOT_EVERY_DAYS + 1  # looks, so evidence too, come weekly
_LAST_HOUR = 3_600  # of a lead's day; ends fall into it, interactions do not


def _by_trait(*shares: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    """Rows for the eight classes from rows for the four traits."""
    return tuple(row for row in shares for _ in range(2))


def _by_seriousness(
    idle: tuple[float, ...], serious: tuple[float, ...]
) -> tuple[tuple[float, ...], ...]:
    """Rows for the eight classes from a row for idle leads and one for serious ones."""
    return (idle, serious) * _TRAITS


# A person's own, the same on all leads.
_PERSON_SIGNALS = (
    Signal(
        "household",
        ("alone", "couple", "family", None),
        _by_trait(
            (0.36, 0.26, 0.20, 0.18),
            (0.22, 0.34, 0.30, 0.14),
            (0.34, 0.30, 0.24, 0.12),
            (0.18, 0.30, 0.42, 0.10),
        ),
    ),
    Signal(
        "district",
        ("harbour", "old_town", "hills", "suburb", "elsewhere"),
        _by_trait(
            (0.18, 0.22, 0.10, 0.26, 0.24),
            (0.20, 0.20, 0.14, 0.28, 0.18),
            (0.22, 0.20, 0.16, 0.26, 0.16),
            (0.22, 0.24, 0.20, 0.26, 0.08),
        ),
    ),
)
# Of each lead anew.
_LEAD_SIGNALS = (
    Signal(
        "occasion",
        ("moving_house", "gift", "replacement", "just_looking", None),
        _by_seriousness((0.06, 0.12, 0.16, 0.40, 0.26), (0.24, 0.14, 0.32, 0.10, 0.20)),
    ),
    Signal(
        "entrance",
        ("app", "shop_window", "invitation", "comparison_site"),
        _by_trait(
            (0.34, 0.22, 0.06, 0.38),
            (0.32, 0.18, 0.12, 0.38),
            (0.30, 0.34, 0.14, 0.22),
            (0.34, 0.20, 0.34, 0.12),
        ),
    ),
    Signal(
        "spending_limit",
        (None, 100, 200, 400, 800),
        _by_seriousness((0.62, 0.14, 0.12, 0.08, 0.04), (0.42, 0.10, 0.16, 0.19, 0.13)),
    ),
)
_REASON = Signal(
    "closed_reason",
    ("too_expensive", "not_now", "bought_elsewhere", "no_need"),
    (
        (0.30, 0.16, 0.10, 0.44),
        (0.34, 0.24, 0.20, 0.22),
        (0.18, 0.44, 0.10, 0.28),
        (0.20, 0.58, 0.10, 0.12),
        (0.20, 0.10, 0.42, 0.28),
        (0.24, 0.16, 0.44, 0.16),
        (0.22, 0.36, 0.12, 0.30),
        (0.26, 0.46, 0.12, 0.16),
    ),
)
_SALESPEOPLE = ("gita", "henk", "ines", "jonas", "kaya")


def _type(
    words: str,
    seconds: int,
    idle: float,
    serious: float,
    of_trait: tuple[float, ...] = (1, 1, 1, 1),
    learnt: tuple[str, str] | None = None,
    is_booked: bool = False,
) -> InteractionType:
    """Interaction type of the words ``channel kind direction [outcome]``."""
    channel, kind, direction, *outcome = words.split()
    rates = np.outer(of_trait, (idle, serious)).ravel()
    return InteractionType(
        channel,
        kind,
        "inbound" if direction == "inbound" else "outbound",
        outcome[0] if outcome else None,
        seconds,
        tuple(rates.tolist()),
        learnt,
        is_booked,
    )


_TYPES = (
    _type("app login inbound", 0, 0.070, 0.110, (1.4, 1.0, 0.6, 1.0)),
    _type("app wish_list inbound", 0, 0.010, 0.034, (1.4, 1.1, 0.6, 0.9)),
    _type("app price_alert inbound", 0, 0.006, 0.016, (1.0, 1.8, 0.4, 0.6)),
    _type("messenger question inbound answered", 0, 0.006, 0.032, (0.8, 1.4, 0.9, 0.9)),
    _type("messenger delivery_question inbound answered", 0, 0.0006, 0.016, (0.5, 0.8, 1.5, 1.3)),
    _type("shop fitting inbound", 1200, 0.003, 0.020, (0.8, 0.8, 1.4, 1.1)),
    _type("app opt_out inbound", 0, 0.004, 0.0008),
    _type("messenger reminder outbound seen", 0, 0.030, 0.046),
    _type("messenger reminder outbound unseen", 0, 0.040, 0.018),
    _type("letter catalogue outbound", 0, 0.010, 0.010),
    _type("shop advice outbound keen", 900, 0.002, 0.016, (0.8, 0.8, 1.3, 1.1)),
    _type("shop advice outbound hesitant", 900, 0.005, 0.010, (0.9, 1.6, 0.4, 0.9)),
    _type("messenger survey outbound replied", 0, 0.001, 0.014, learnt=("buys_by", "this_month")),
    _type("messenger survey outbound replied", 0, 0.006, 0.008, learnt=("buys_by", "this_year")),
    _type("messenger survey outbound replied", 0, 0.010, 0.003, learnt=("buys_by", "no_plan")),
    _type(
        "shop measuring outbound done",
        2400,
        0.0006,
        0.009,
        learnt=("room_measured", "yes"),
        is_booked=True,
    ),
)
_OUTBOUND = np.array([t.direction == "outbound" for t in _TYPES])
_RATES = np.array([t.rates for t in _TYPES])
_RATES_AFTER_REFUSAL = _RATES * np.where(_OUTBOUND, 0.1, 0.35)[:, None]


@as_world
def made_up_crm(rng: np.random.Generator, leads: int, knobs: Knobs) -> MadeUpCrm:
    """Draw a CRM of this world, with its truth; half of the leads are their person's first."""
    return _export(rng, leads, knobs, after_refusal=False)


def truth_after_refusal(leads: int, seed: int, knobs: Knobs = WORLDS_OWN) -> pa.Table:
    """True probabilities that leads of the same CRM buy after their refusal.

    Parameters
    ----------
    leads : int
        How many leads; at least 1.
    seed : int
        Seed of the random numbers, not negative.
    knobs : Knobs
        Those of the CRM.

    Returns
    -------
    pyarrow.Table
        Columns as in `MadeUpCrm.truth`: every seventh day from creation to day 180 while the lead
        is closed, has not bought, and its person has not come back as another lead.
    """
    return _refused_crm(leads, seed, knobs).truth


@as_world
def _refused_crm(rng: np.random.Generator, leads: int, knobs: Knobs) -> MadeUpCrm:
    return _export(rng, leads, knobs, after_refusal=True)


def _export(
    rng: np.random.Generator, leads: int, knobs: Knobs, *, after_refusal: bool
) -> MadeUpCrm:
    """Export with the truth of open leads, or of refused ones."""
    mechanism = _mechanism(_factor(knobs.rate, knobs.days), knobs.days)
    lives = _lives(rng, mechanism, leads, knobs.days)
    signal_codes = [s.draw(rng, lives.hidden_class) for s in (*_PERSON_SIGNALS, *_LEAD_SIGNALS)]
    for code in signal_codes[: len(_PERSON_SIGNALS)]:
        code[:] = code[_first_row(lives)]
    events = _events(rng, lives)
    ids = lead_ids(leads)
    owner = pa.array(_SALESPEOPLE).take(pa.array(draw_codes(rng, [0.2] * 5, leads)))
    interactions, log = event_tables(
        rng,
        ids,
        _TYPES,
        events.lead,
        events.occurred_at,
        events.type_code,
        lives.created_at,
        owner,
    )
    belief = _beliefs(mechanism, lives, events, signal_codes)
    truth = _truth(ids, mechanism, lives, belief, after_refusal)
    table = _leads_table(rng, lives, signal_codes, ids, owner)
    return MadeUpCrm(table, interactions, log, truth, _CONFIG)


class _Mechanism(NamedTuple):
    """Probabilities per day by class; rows count days from creation, refusal or purchase."""

    serious: Float64
    buys: Float64
    refuses: Float64
    warms_up: Float64
    comes_back: Float64
    buys_again: Float64


def _mechanism(factor: float, days: int) -> _Mechanism:
    """Make the tables for a factor on buying, long enough for looks and their horizons."""
    day = np.arange(max(days, SNAPSHOT_UNTIL_DAYS + 1) + WARM_DAYS + 1)[:, None]
    hazards = factor**0.4
    odds = factor**0.6 * _SERIOUS / (1 - _SERIOUS)
    buying = hazards * _BUYING * (0.5 + 1.5 * np.exp(-day / 20))
    refusing = _REFUSING * (1 - 0.7 * np.exp(-day / 12))
    warming_up = hazards * _WARMING_UP * ((day + 1) / 45 * np.exp(1 - (day + 1) / 45) + 0.05)
    coming_back = _COMING_BACK * (1 - np.exp(-(day + 1) / 30))
    buys, refuses = _per_day(buying, refusing)
    warms_up, comes_back = _per_day(warming_up, coming_back)
    buys_again = np.broadcast_to(-np.expm1(-_BUYING_AGAIN), buys.shape)
    return _Mechanism(odds / (1 + odds), buys, refuses, warms_up, comes_back, buys_again)


def _per_day(first: Float64, second: Float64) -> tuple[Float64, Float64]:
    """Probability that each of two competing ends comes within a day, from their hazards."""
    total = first + second
    share = -np.expm1(-total) / total
    return first * share, second * share


def _survival(first: Float64, second: Float64 | float = 0.0) -> Float64:
    """Probability that neither end has come before each day; one row more than there are days."""
    start = np.ones((1, _CLASSES))
    return np.concatenate([start, np.cumprod(1 - first - second, axis=0)])


@cache
def _factor(rate: float | None, days: int) -> float:
    if rate is None:
        return 1.0
    return factor_for_rate(rate, lambda factor: _share_that_buys(_mechanism(factor, days), days))


def _share_that_buys(mechanism: _Mechanism, days: int) -> float:
    """Share of leads that have bought by the end, in expectation.

    The times from a lead to its purchase, and to the person's next lead, are sums of independent
    times given the class; so their distributions are convolutions, and so are the expected numbers
    of leads created on each day.
    """

    def density(event: Float64, rival: Float64 | float) -> Float64:
        return (_survival(event, rival)[:-1] * event)[:days]

    def sum_of(first: Float64, second: Float64) -> Float64:
        """Day of a second event that is waited for from the day after the first one on."""
        total = np.zeros((days, _CLASSES))
        total[1:] = fftconvolve(first, second, axes=0)[: days - 1]
        return total

    refused = density(mechanism.refuses, mechanism.buys)
    bought = density(mechanism.buys, mechanism.refuses) + sum_of(
        refused, density(mechanism.warms_up, mechanism.comes_back)
    )
    returned = sum_of(refused, density(mechanism.comes_back, mechanism.warms_up)) + sum_of(
        bought, density(mechanism.buys_again, 0.0)
    )
    next_created = np.concatenate([np.zeros((1, _CLASSES)), returned[:-1]])
    by_end = np.cumsum(bought, axis=0)[::-1]
    arrivals = 1 + np.arange(days) / days
    created = np.outer(arrivals / arrivals.sum(), _TRAIT_SHARES)
    all_leads = buyers = 0.0
    for number in range(30):
        of_class = np.repeat(created, 2, axis=1) * _class_shares(mechanism, number)
        all_leads += float(created.sum())
        buyers += float((of_class * by_end).sum())
        following = fftconvolve(of_class, next_created, axes=0)[:days]
        created = following.reshape(days, _TRAITS, 2).sum(axis=2)
    return buyers / all_leads


def _class_shares(mechanism: _Mechanism, number: int | Int64) -> Float64:
    """P(idle or serious | trait) for each class, of a person's lead of a number from 0."""
    serious = mechanism.serious[:, np.minimum(number, 2)].T
    shares: Float64 = np.stack([1 - serious, serious], axis=-1)
    return shares.reshape(*np.shape(number), _CLASSES)


class _Lives(NamedTuple):
    """What became of the leads, one row a lead, in the order of creation.

    Instants are in seconds; 0 is an instant that is not in the export, −1 an end that never comes.
    """

    person: Int64
    number: Int64  # of the person's lead, from 0
    previous: Int64  # row of the person's lead before, −1 for the first
    created_at: Int64
    hidden_class: Int64
    open_days: Int64  # the day of the end is one of them
    refused: Bool
    refused_days: Int64
    bought: Bool
    client_days: Int64
    came_back: Bool
    reason: Int64
    converted_at: Int64
    closed_at: Int64


def _lives(rng: np.random.Generator, mechanism: _Mechanism, leads: int, days: int) -> _Lives:
    """Draw persons, lead after lead, until there are enough leads.

    Persons are drawn alike and taken one by one. The last one's later leads may be missing, which
    changes nothing in what becomes of the earlier ones.
    """
    trait = draw_by_row(rng, np.broadcast_to(_TRAIT_SHARES, (leads, _TRAITS)))
    person = np.arange(leads)
    created_at = rng.permutation(draw_creations(rng, leads, days))
    generations: list[_Lives] = []
    while len(person):
        lives = _one_lead_each(rng, mechanism, person, trait[person], created_at, len(generations))
        generations.append(lives)
        boundary = created_at + DAY * (lives.open_days + lives.refused_days + lives.client_days)
        clock = rng.triangular(32_400, 46_800, 68_400, len(person)).astype(np.int64)
        next_at = boundary + (clock - boundary) % DAY
        returns = lives.came_back & (next_at < ENDS_AT)
        person, created_at = person[returns], next_at[returns]
    columns = [np.concatenate(column) for column in zip(*generations, strict=True)]
    together = _Lives(*columns)
    order = np.lexsort((together.number, together.person))[:leads]
    order = order[np.lexsort((together.person[order], together.created_at[order]))]
    lives = _Lives(*(column[order] for column in columns))
    row_of = {key: row for row, key in enumerate(zip(lives.person, lives.number, strict=True))}
    previous_keys = zip(lives.person, lives.number - 1, strict=True)
    return lives._replace(previous=np.array([row_of.get(key, -1) for key in previous_keys]))


def _one_lead_each(
    rng: np.random.Generator,
    mechanism: _Mechanism,
    person: Int64,
    trait: Int64,
    created_at: Int64,
    number: int,
) -> _Lives:
    """Draw one lead of each of these persons, from its creation until the person comes back."""
    serious = rng.random(len(person)) < mechanism.serious[trait, min(number, 2)]
    hidden_class = 2 * trait + serious
    age, end = _first_end(rng, mechanism.buys, mechanism.refuses, hidden_class)
    refused = end == 1
    wait, turn = _first_end(rng, mechanism.warms_up, mechanism.comes_back, hidden_class)
    late_purchase = refused & (turn == 0)
    bought = (end == 0) | late_purchase
    idle, new_need = _first_end(
        rng, mechanism.buys_again, np.zeros_like(mechanism.buys), hidden_class
    )
    open_days = age + 1
    refused_days = np.where(refused, wait + 1, 0)
    client_days = np.where(bought, idle + 1, 0)
    closed_at, converted_at = (
        created_at + DAY * lived - rng.integers(1, _LAST_HOUR, len(person))
        for lived in (open_days, open_days + refused_days)
    )
    return _Lives(
        person=person,
        number=np.full(len(person), number),
        previous=np.full(len(person), -1),
        created_at=created_at,
        hidden_class=hidden_class,
        open_days=open_days,
        refused=refused,
        refused_days=refused_days,
        bought=bought,
        client_days=client_days,
        came_back=np.where(bought, new_need == 0, refused & (turn == 1)),
        reason=_REASON.draw(rng, hidden_class),
        converted_at=np.where(bought & (converted_at < ENDS_AT), converted_at, 0),
        closed_at=np.where(refused & (closed_at < ENDS_AT), closed_at, 0),
    )


def _first_end(
    rng: np.random.Generator, first: Float64, second: Float64, hidden_class: Int64
) -> tuple[Int64, Int64]:
    """Draw the day on which the first of two ends comes, and which: 0, 1, or −1 for never."""
    chance, lot = rng.random((2, len(hidden_class)))
    survival = _survival(first, second)[1:]
    day = np.zeros(len(hidden_class), np.int64)
    for number in range(_CLASSES):
        rows = hidden_class == number
        day[rows] = np.searchsorted(-survival[:, number], -chance[rows])
    ends = day < len(survival)
    day = np.minimum(day, len(survival) - 1)
    share = (first / np.maximum(first + second, 1e-300))[day, hidden_class]
    return day, np.where(ends, (lot >= share).astype(np.int64), -1)


def _first_row(lives: _Lives) -> Int64:
    """Row of the first lead of each lead's person."""
    row = np.arange(len(lives.person))
    while (lives.number[row] > 0).any():
        row = np.where(lives.number[row] > 0, lives.previous[row], row)
    return row


class _Events(NamedTuple):
    """Interactions, with the day since the lead's creation on which they fall."""

    lead: Int64
    day: Int64
    type_code: Int64
    after_refusal: Bool
    occurred_at: Int64


def _effort(days: Int64) -> Float64:
    """Sum of the staff's effort over the first days of a lead: most of it in the first week."""
    upto = np.arange(int(days.max()) + 1)
    daily = 1 + 3 * np.exp(-upto / 4)
    total: Float64 = np.concatenate([[0.0], np.cumsum(daily)])[days]
    return total


def _events(rng: np.random.Generator, lives: _Lives) -> _Events:
    """Draw the interactions of open and of refused leads, until the export ends."""
    exported_days = -(-(ENDS_AT - lives.created_at) // DAY)
    open_days = np.minimum(lives.open_days, exported_days)
    refused_days = np.minimum(lives.refused_days, exported_days - open_days)
    steady = np.arange(int(exported_days.max()) + 1)
    inbound, outbound = np.flatnonzero(~_OUTBOUND), np.flatnonzero(_OUTBOUND)
    parts = []
    for types, rates, lived, effort in (
        (inbound, _RATES, open_days, steady.astype(float)),
        (outbound, _RATES, open_days, _effort(steady)),
        (np.arange(len(_TYPES)), _RATES_AFTER_REFUSAL, refused_days, steady.astype(float)),
    ):
        of_types = rates[types]
        total = of_types.sum(axis=0)
        counts = rng.poisson(total[lives.hidden_class] * effort[lived])
        lead = np.repeat(np.arange(len(counts)), counts)
        spent = rng.random(len(lead)) * effort[lived[lead]]
        day = np.searchsorted(effort, spent, "right") - 1
        shares = (of_types / total).T[lives.hidden_class[lead]]
        parts.append((lead, day, types[draw_by_row(rng, shares)]))
    parts[-1][1][:] += open_days[parts[-1][0]]
    refused = np.repeat([False, False, True], [len(lead) for lead, _, _ in parts])
    lead, day, type_code = (np.concatenate(column) for column in zip(*parts, strict=True))
    created_at = lives.created_at[lead]
    clock = rng.triangular(30_600, 50_400, 72_000, len(lead)).astype(np.int64)
    second = (clock - created_at) % DAY
    second -= np.where(second >= DAY - _LAST_HOUR, _LAST_HOUR, 0)
    occurred_at = created_at + DAY * day + second
    return _Events(lead, day, type_code, refused, occurred_at)


class _Beliefs(NamedTuple):
    """What the observer of a person knows of each lead, as logs of likelihoods by class.

    What `_log_life` says of the days until a look comes on top.
    """

    at_creation: Float64  # leads × classes: the person's history, and the lead's attributes
    interactions: Float64  # leads × weeks × classes: those before each weekly look


def _beliefs(
    mechanism: _Mechanism, lives: _Lives, events: _Events, signal_codes: list[Int64]
) -> _Beliefs:
    """Gather the evidence, from each person's first lead to the latest."""
    weights = np.where(
        events.after_refusal[:, None],
        np.log(_RATES_AFTER_REFUSAL)[events.type_code],
        np.log(_RATES)[events.type_code],
    )
    weekly = np.zeros((len(lives.person), _WEEKS + 1, _CLASSES))
    week = np.minimum(events.day // SNAPSHOT_EVERY_DAYS + 1, _WEEKS)
    np.add.at(weekly, (events.lead, week), weights)
    interactions = np.cumsum(weekly, axis=1)
    of_person = len(_PERSON_SIGNALS)
    lead_evidence = np.log(_class_shares(mechanism, lives.number)) + sum(
        signal.log_likelihood(codes)
        for signal, codes in zip(_LEAD_SIGNALS, signal_codes[of_person:], strict=True)
    )
    of_trait = np.log(_TRAIT_SHARES) + sum(
        signal.log_likelihood(codes)[:, ::2]
        for signal, codes in zip(_PERSON_SIGNALS, signal_codes[:of_person], strict=True)
    )
    all_days = lives.open_days + lives.refused_days + lives.client_days
    whole_life = lead_evidence + interactions[:, -1]
    whole_life += _log_life(mechanism, lives, np.arange(len(all_days)), all_days)
    for number in range(1, int(lives.number.max()) + 1):
        rows = np.flatnonzero(lives.number == number)
        previous = lives.previous[rows]
        by_class = whole_life[previous].reshape(-1, _TRAITS, 2)
        of_trait[rows] = of_trait[previous] + np.logaddexp(by_class[..., 0], by_class[..., 1])
    return _Beliefs(np.repeat(of_trait, 2, axis=1) + lead_evidence, interactions[:, :_WEEKS])


def _log_life(mechanism: _Mechanism, lives: _Lives, row: Int64, day: Int64) -> Float64:
    """Log-likelihood of how leads lived until the beginning of a day since their creation.

    It holds that ends came when they did and no other, and that there were no more interactions
    than there were; the likelihood of those that there were is not in it.
    """
    open_days, refused_days, client_days = (
        column[row] for column in (lives.open_days, lives.refused_days, lives.client_days)
    )
    refused, bought = lives.refused[row], lives.bought[row]
    has_ended = day >= open_days
    age = np.where(has_ended, open_days - 1, day)
    log = np.log(_survival(mechanism.buys, mechanism.refuses))[age]
    end = np.where(
        refused[:, None],
        np.log(mechanism.refuses)[age] + _REASON.log_likelihood(lives.reason[row]),
        np.log(mechanism.buys)[age],
    )
    log += np.where(has_ended[:, None], end, 0.0)
    contacted = np.minimum(day, open_days)
    log -= np.outer(contacted, _RATES[~_OUTBOUND].sum(axis=0))
    log -= np.outer(_effort(contacted), _RATES[_OUTBOUND].sum(axis=0))

    waits = has_ended & refused
    waited = np.where(waits, np.minimum(day - open_days, refused_days), 0)
    log -= np.outer(waited, _RATES_AFTER_REFUSAL.sum(axis=0))
    wait_is_over = waits & (waited == refused_days)
    wait = np.where(wait_is_over, refused_days - 1, waited)
    log += np.log(_survival(mechanism.warms_up, mechanism.comes_back))[wait]
    turn = np.where(
        bought[:, None], np.log(mechanism.warms_up)[wait], np.log(mechanism.comes_back)[wait]
    )
    log += np.where(wait_is_over[:, None], turn, 0.0)

    is_client = bought & (day == open_days + refused_days + client_days)
    idle = np.where(is_client, client_days - 1, 0)
    new_need = np.log(_survival(mechanism.buys_again))[idle] + np.log(mechanism.buys_again)[idle]
    return log + np.where(is_client[:, None], new_need, 0.0)


def _truth(
    ids: pa.Array, mechanism: _Mechanism, lives: _Lives, beliefs: _Beliefs, after_refusal: bool
) -> pa.Table:
    """Make the table of true probabilities, for open leads or for refused ones."""
    day = SNAPSHOT_EVERY_DAYS * np.arange(_WEEKS)
    open_days, end_of_wait = lives.open_days[:, None], lives.open_days + lives.refused_days
    looks = day < open_days
    if after_refusal:
        looks = ~looks & (day < end_of_wait[:, None])
    looks &= lives.created_at[:, None] + DAY * day < ENDS_AT
    row, week = np.nonzero(looks)
    day = day[week]
    log = beliefs.at_creation[row] + beliefs.interactions[row, week]
    posterior = as_probabilities(log + _log_life(mechanism, lives, row, day))
    time = day - lives.open_days[row] if after_refusal else day
    hot, warm = (
        (posterior * _buys_within(mechanism, horizon)[int(after_refusal)][time]).sum(axis=1)
        for horizon in (HOT_DAYS, WARM_DAYS)
    )
    return truth_table(ids, row, lives.created_at[row] + DAY * day, hot, warm)


def _buys_within(mechanism: _Mechanism, days: int) -> tuple[Float64, Float64]:
    """P(buys within some days | class) by days since creation, and by days since refusal."""
    buys, refuses, warms_up, comes_back = mechanism[1:5]
    when_open, when_refused = np.zeros((2, *buys.shape))
    for _ in range(days):
        next_open, next_refused = (
            np.concatenate([later[1:], later[-1:]]) for later in (when_open, when_refused)
        )
        when_open = buys + refuses * when_refused[0] + (1 - buys - refuses) * next_open
        when_refused = warms_up + (1 - warms_up - comes_back) * next_refused
    return when_open, when_refused


def _leads_table(
    rng: np.random.Generator,
    lives: _Lives,
    signal_codes: list[Int64],
    ids: pa.Array,
    owner: pa.Array,
) -> pa.Table:
    """Make the leads as the export shows them."""
    signals = (*_PERSON_SIGNALS, *_LEAD_SIGNALS)
    columns = {s.name: s.column(c) for s, c in zip(signals, signal_codes, strict=True)}
    bought = lives.converted_at > 0
    purchases = np.zeros(len(ids), np.int64)
    for number in range(1, int(lives.number.max()) + 1):
        rows = np.flatnonzero(lives.number == number)
        purchases[rows] = (purchases + bought)[lives.previous[rows]]
    reasons = _REASON.column(lives.reason)
    ends = pa.array([*_REASON.values, "purchase"])
    previous_end = np.where(bought, len(_REASON.values), lives.reason)[lives.previous]
    client = np.zeros(int(lives.person.max()) + 1, bool)
    client[lives.person[bought]] = True
    return pa.table(
        {
            "lead_id": ids,
            "created_at": as_instants(lives.created_at),
            "converted_at": as_instants(lives.converted_at),
            "closed_at": as_instants(lives.closed_at),
            **columns,
            "owner": owner,
            "earlier_enquiries": lives.number,
            "earlier_purchases": purchases,
            "previous_end": ends.take(pa.array(previous_end, mask=lives.number == 0)),
            "closed_reason": pa.array(reasons.to_pylist(), mask=lives.closed_at == 0),
            "person_key": pa.array([f"P{i + 1:07d}" for i in lives.person]),
            **identity_columns(rng, lives.person),
            "loyalty_card": pa.array(
                [f"C{i + 1:07d}" for i in lives.person], mask=~client[lives.person]
            ),
        }
    )


_CONFIG = config_text(
    fixed_at_creation=(
        *(signal.name for signal in (*_PERSON_SIGNALS, *_LEAD_SIGNALS)),
        *("owner", "earlier_enquiries", "earlier_purchases", "previous_end"),
    ),
    left_out="The others are not used: contact_name, email, phone, notes and person_key say who "
    "somebody is, birth_year is sensitive, closed_reason is written when a lead is refused, and "
    "loyalty_card is given to a person who buys, so both would tell the outcome.",
    numbers=("spending_limit", "earlier_enquiries", "earlier_purchases"),
    measures=("duration_seconds",),
    log=("buys_by", "room_measured"),
)
