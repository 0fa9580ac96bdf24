"""A made-up CRM whose leads are hidden Markov chains over four states of warmth.

Once a day, counted from its creation, a lead emits interactions (Poisson counts that depend on its
state), may convert or be lost (daily hazards by state, multiplied by what its attributes say), and
drifts between the states; left to itself, warmth fades back towards cold. Where a rate of buyers is
asked for, the hazards of conversion of all leads and states are multiplied by one factor.

The truth is the exact Bayes filter of that chain: P(converts within h days | attributes, all
interactions that *occurred* before the instant, and that the lead is still open). It therefore says
what can be known, not what the hidden state is, and no model fed with this export can beat it in
expectation. Interactions are taken by the time they occurred: a model that honours the time they
were *recorded* sees one in twenty of them a little later, and stays that much below the truth.
Times within a day, talk durations, quoted values, names and ages are drawn without regard to the
state and tell nothing.

The acquisition sources are seeds, nets and spears; beside honest attributes the leads table holds
columns that must not become features: personal data, a sensitive one, and `client_card_number`,
which only converted leads ever get.
"""

from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Float64, Int64
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

# The states of warmth, coldest first: cold, curious, comparing, deciding. All rates are per day.
_BASE_MIX = np.array([0.68, 0.25, 0.06, 0.01])
_DRIFT = np.array(
    [
        [0.981, 0.0165, 0.002, 0.0005],
        [0.060, 0.902, 0.036, 0.002],
        [0.020, 0.060, 0.885, 0.035],
        [0.012, 0.018, 0.040, 0.930],
    ]
)
_CONVERSION = np.array([0.00005, 0.0003, 0.003, 0.070])
_LOSS = np.array([0.022, 0.012, 0.007, 0.006])

_CONVERTED, _LOST, _OPEN = 0, 1, 2
_RATE_LEADS = 500  # of so many leads, evenly spaced, the expected share of buyers is computed


class _Choice(NamedTuple):
    """One value of an attribute: its share, its warmth at creation, its factor on conversion."""

    value: str | None
    share: float
    warmth: float = 0.0
    appeal: float = 1.0


_SOURCES = (  # seeds: few and good; nets: many; spears: few, aimed, cold unless met in person
    _Choice("referral", 0.06, 1.5, 2.1),
    _Choice("word_of_mouth", 0.04, 1.2, 1.8),
    _Choice("search", 0.31, 0.3, 1.0),
    _Choice("social", 0.23, -0.4, 0.7),
    _Choice("newsletter", 0.14, -0.2, 0.85),
    _Choice("trade_fair", 0.09, 0.9, 1.2),
    _Choice("cold_outreach", 0.13, -1.3, 0.7),
)
_SOURCE_KIND = ("seed", "seed", "net", "net", "net", "spear", "spear")
_FORMS = (
    _Choice("consultation_request", 0.22, 0.6),
    _Choice("price_estimate", 0.26, 0.7),
    _Choice("demo_download", 0.24, 0.1),
    _Choice("callback_popup", 0.16, 1.0),
    _Choice("general_call", 0.12, 0.3),
)
_COUNTRIES = (
    _Choice("pt", 0.28),
    _Choice("ru", 0.22, 0.0, 0.85),
    _Choice("ro", 0.18, 0.0, 1.2),
    _Choice("it", 0.20, 0.1, 1.0),
    _Choice("en", 0.12, -0.1, 0.85),
)
_INDUSTRIES = (
    _Choice("manufacturing", 0.24, 0.0, 1.4),
    _Choice("retail", 0.26),
    _Choice("services", 0.25, 0.0, 1.2),
    _Choice("construction", 0.13, -0.1, 0.8),
    _Choice("public", 0.07, -0.3, 0.4),
    _Choice(None, 0.05, -0.3, 0.8),
)
_DECIDES = (_Choice("yes", 0.45, 0.4, 1.8), _Choice("no", 0.40, -0.2, 0.55), _Choice(None, 0.15))
_OWNERS = (  # the appeal of a salesperson is also how diligently they call
    _Choice("ana", 0.20, 0.0, 1.25),
    _Choice("boris", 0.18, 0.0, 1.1),
    _Choice("carla", 0.17),
    _Choice("dinu", 0.16),
    _Choice("elena", 0.15, 0.0, 0.9),
    _Choice("fabio", 0.14, 0.0, 0.7),
)


class _Type(NamedTuple):
    """One type of interaction: its words, its usual length, its daily rate in each state."""

    channel: str
    kind: str
    direction: Literal["inbound", "outbound"]
    outcome: str | None
    seconds: int
    rates: tuple[float, float, float, float]


_TYPES = (
    _Type("email", "newsletter_open", "inbound", None, 0, (0.040, 0.070, 0.060, 0.030)),
    _Type("web", "visit", "inbound", None, 0, (0.015, 0.070, 0.130, 0.160)),
    _Type("chat", "price_question", "inbound", "answered", 0, (0.001, 0.008, 0.050, 0.080)),
    _Type("phone", "callback_request", "inbound", None, 0, (0.001, 0.005, 0.012, 0.080)),
    _Type("email", "payment_terms_question", "inbound", None, 0, (0.0002, 0.001, 0.006, 0.140)),
    _Type("phone", "competitor_mention", "inbound", "answered", 240, (0.001, 0.006, 0.050, 0.007)),
    _Type("phone", "objection", "inbound", "answered", 300, (0.003, 0.010, 0.050, 0.012)),
    _Type("email", "unsubscribe", "inbound", None, 0, (0.004, 0.001, 0.0003, 0.0002)),
    _Type("phone", "call", "outbound", "no_answer", 0, (0.060, 0.040, 0.025, 0.012)),
    _Type("phone", "call", "outbound", "answered", 180, (0.020, 0.040, 0.050, 0.040)),
    _Type("phone", "call", "outbound", "agreed_next_step", 420, (0.002, 0.015, 0.035, 0.090)),
    _Type("phone", "call", "outbound", "cool", 60, (0.025, 0.010, 0.005, 0.002)),
    _Type("phone", "call", "outbound", "refused", 45, (0.010, 0.003, 0.001, 0.0005)),
    _Type("email", "follow_up", "outbound", None, 0, (0.035, 0.035, 0.035, 0.035)),
    _Type("email", "quote_sent", "outbound", None, 0, (0.0005, 0.004, 0.030, 0.095)),
    _Type("meeting", "meeting", "outbound", "answered", 2700, (0.0005, 0.005, 0.020, 0.045)),
    _Type("web", "demo", "outbound", "answered", 1800, (0.001, 0.008, 0.042, 0.010)),
)
_RATES = np.array([t.rates for t in _TYPES])
_OUTBOUND = np.array([t.direction == "outbound" for t in _TYPES])
_BOOKED = np.array([t.kind in {"meeting", "demo"} for t in _TYPES])
_QUOTE = np.array([t.kind == "quote_sent" for t in _TYPES])
# Nobody of ours takes part in these.
_STAFFED = np.array([t.kind not in {"newsletter_open", "visit", "unsubscribe"} for t in _TYPES])

# What the log of changing attributes says, and the interactions from which it is learnt.
_LEARNT = (
    ("known_need", "outcome", "agreed_next_step", ("cost", "quality", "speed", "support")),
    ("objection", "kind", "objection", ("price", "timing", "trust", "missing_feature")),
    ("competitor", "kind", "competitor_mention", ("acme", "globex", "initech")),
)


@as_world
def made_up_crm(rng: np.random.Generator, leads: int, knobs: Knobs) -> MadeUpCrm:
    """Draw a CRM of this world, with its truth."""
    population = _population(rng, leads, knobs.days)
    lives = _lives(rng, population, _hazards(population, knobs), knobs.days)
    ids = lead_ids(leads)
    interactions, learnt = _interactions(rng, population, lives, ids)
    return MadeUpCrm(
        leads=_leads(rng, population, lives, ids),
        interactions=interactions,
        attributes=learnt,
        truth=truth_table(
            ids, lives.truth_lead, lives.truth_as_of, lives.truth_hot, lives.truth_warm
        ),
        config=_CONFIG,
    )


class _Population(NamedTuple):
    """The leads as created: what is known of each, and what it means for the chain."""

    created_at: Int64
    attributes: dict[str, pa.Array]
    owner: Int64
    mix: Float64
    appeal: Float64
    reluctance: Float64
    diligence: Float64


def _population(rng: np.random.Generator, n: int, days: int) -> _Population:
    categories = {
        "source": (_SOURCES, _codes(rng, _SOURCES, n)),
        "form": (_FORMS, _codes(rng, _FORMS, n)),
        "country": (_COUNTRIES, _codes(rng, _COUNTRIES, n)),
        "industry": (_INDUSTRIES, _codes(rng, _INDUSTRIES, n)),
        "decision_maker": (_DECIDES, _codes(rng, _DECIDES, n)),
        "owner": (_OWNERS, _codes(rng, _OWNERS, n)),
    }
    source, owner = categories["source"][1], categories["owner"][1]
    no_form = np.array(_SOURCE_KIND)[source] == "spear"  # we went to them, they filled in nothing
    warmth, appeal = np.zeros(n), np.ones(n)
    attributes = {"source_kind": pa.array(_SOURCE_KIND).take(pa.array(source))}
    for name, (choices, codes) in categories.items():
        absent = no_form if name == "form" else np.zeros(n, dtype=bool)
        warmth += np.where(absent, 0.0, np.array([c.warmth for c in choices])[codes])
        appeal *= np.where(absent, 1.0, np.array([c.appeal for c in choices])[codes])
        values = pa.array([c.value for c in choices], pa.string())
        attributes[name] = values.take(pa.array(codes, mask=absent))
    size = np.maximum(1, rng.lognormal(3.0, 1.4, n).astype(np.int64))
    budget = 100 * np.maximum(1, (rng.lognormal(4.5, 0.9, n) * size**0.3).astype(np.int64))
    no_size, no_budget = rng.random(n) < 0.15, rng.random(n) < 0.60
    attributes["company_size"] = pa.array(size, mask=no_size)
    attributes["budget"] = pa.array(budget, mask=no_budget)
    # A missing value means "unknown", and shifts nothing but what its being missing tells.
    warmth += np.where(no_budget, -0.1, 0.3)
    appeal *= np.where(no_size, 0.9, np.exp(-0.15 * (np.log(size) - 3.0) ** 2) + 0.15)
    mix = _BASE_MIX * np.exp(warmth[:, None] * np.array([0.0, 0.8, 1.3, 1.7]))
    return _Population(
        created_at=draw_creations(rng, n, days),
        attributes=attributes,
        owner=owner,
        mix=mix / mix.sum(axis=1, keepdims=True),
        appeal=appeal,
        reluctance=np.where(source == len(_SOURCES) - 1, 1.3, 1.0),
        diligence=np.array([c.appeal for c in _OWNERS])[owner] ** 2,
    )


def _codes(rng: np.random.Generator, choices: tuple[_Choice, ...], n: int) -> Int64:
    return draw_codes(rng, [c.share for c in choices], n)


class _Hazards(NamedTuple):
    """Daily chances by lead and state: to convert, and to be still open at the day's end."""

    conversion: Float64
    survival: Float64


def _hazards(population: _Population, knobs: Knobs) -> _Hazards:
    """Multiply the hazards of the states by what the leads' attributes say and the rate asks."""
    conversion = population.appeal[:, None] * _CONVERSION
    loss = population.reluctance[:, None] * _LOSS
    if knobs.rate is None:
        return _Hazards(conversion, 1 - conversion - loss)
    sample = slice(0, None, max(1, len(conversion) // _RATE_LEADS))
    days = (ENDS_AT - population.created_at[sample]) // DAY + 1

    def scaled(factor: float, rows: slice) -> _Hazards:
        # 1 − (1 − h)^f: f times the hazard in continuous time, which never exceeds 1.
        chance = -np.expm1(factor * np.log1p(-conversion[rows]))
        return _Hazards(chance, (1 - chance) * (1 - loss[rows]))

    def share_that_buys(factor: float) -> float:
        hazards = scaled(factor, sample)
        mix, probability = population.mix[sample], np.zeros_like(hazards.conversion)
        bought = np.zeros(len(days))
        for day in range(1, days.max() + 1):
            probability = hazards.conversion + hazards.survival * (probability @ _DRIFT.T)
            bought = np.where(days == day, (mix * probability).sum(axis=1), bought)
        return float(bought.mean())

    return scaled(factor_for_rate(knobs.rate, share_that_buys), slice(None))


class _Lives(NamedTuple):
    """What happened to the leads; instants in seconds, 0 for what did not happen."""

    converted_at: Int64
    closed_at: Int64
    event_lead: Int64
    event_at: Int64
    event_type: Int64
    truth_lead: Int64
    truth_as_of: Int64
    truth_hot: Float64
    truth_warm: Float64


def _lives(
    rng: np.random.Generator, population: _Population, hazards: _Hazards, days: int
) -> _Lives:
    """Live through all leads side by side, day by day, and filter as an observer would."""
    created = population.created_at
    ended = np.zeros((2, len(created)), dtype=np.int64)
    conversion, survival = hazards
    hot = _conversion_within(HOT_DAYS, conversion, survival)
    warm = _conversion_within(WARM_DAYS, conversion, survival)
    lead, belief = np.arange(len(created)), population.mix
    state = _stepped(rng, belief)
    events, truth = [], []
    for day in range(days + 1):
        dawn = created[lead] + day * DAY
        if day % SNAPSHOT_EVERY_DAYS == 0 and day <= SNAPSHOT_UNTIL_DAYS:
            truth.append(
                (lead, dawn, (belief * hot[lead]).sum(axis=1), (belief * warm[lead]).sum(axis=1))
            )
        effort = population.diligence[lead] * (1 + 6 * np.exp(-day / 2))
        position, kind = _emissions(rng, state, effort)
        second = _seconds_of_day(rng, created[lead[position]], kind, effort[position], day)
        end, end_second = _ends(rng, created[lead], conversion[lead, state], survival[lead, state])
        for how in (_CONVERTED, _LOST):
            ended[how, lead[end == how]] = (dawn + end_second)[end == how]
        happened = second < end_second[position]  # nothing happens to a lead that has ended
        position, kind, second = position[happened], kind[happened], second[happened]
        events.append((lead[position], dawn[position] + second, kind))
        belief = _updated(belief, position, kind, effort, survival[lead])
        state = _stepped(rng, _DRIFT[state])
        stays = (end == _OPEN) & (dawn + DAY < ENDS_AT)
        lead, belief, state = lead[stays], belief[stays], state[stays]
    converted_at, closed_at = np.where(ended < ENDS_AT, ended, 0)
    event_lead, event_at, event_type = map(np.concatenate, zip(*events, strict=True))
    truth_lead, truth_as_of, truth_hot, truth_warm = map(np.concatenate, zip(*truth, strict=True))
    return _Lives(
        converted_at=converted_at,
        closed_at=closed_at,
        event_lead=event_lead,
        event_at=event_at,
        event_type=event_type,
        truth_lead=truth_lead,
        truth_as_of=truth_as_of,
        truth_hot=truth_hot,
        truth_warm=truth_warm,
    )


def _conversion_within(days: int, conversion: Float64, survival: Float64) -> Float64:
    """P(converts within a number of days | state now), leads × states, by backward recursion."""
    probability = np.zeros_like(conversion)
    for _ in range(days):
        probability = conversion + survival * (probability @ _DRIFT.T)
    return probability


def _stepped(rng: np.random.Generator, probabilities: Float64) -> Int64:
    """Draw one state for each row of probabilities."""
    below = np.cumsum(probabilities[:, :-1], axis=1)
    state: Int64 = (rng.random(len(probabilities))[:, None] >= below).sum(axis=1)
    return state


def _ends(
    rng: np.random.Generator, created_at: Int64, conversion: Float64, survival: Float64
) -> tuple[Int64, Int64]:
    """Draw how the day ends for each lead, and the second in it at which it does."""
    chance = rng.random(len(created_at))
    end = np.select([chance < conversion, chance < 1 - survival], [_CONVERTED, _LOST], _OPEN)
    # Not at second 0, which is the instant of the snapshot at which the lead is still open.
    second = np.maximum(_working_seconds(rng, created_at), 1)
    return end, np.where(end == _OPEN, DAY, second)


def _emissions(rng: np.random.Generator, state: Int64, effort: Float64) -> tuple[Int64, Int64]:
    """Draw a day's interactions: the position of the lead and the type of each."""
    positions, kind = [], []
    for outbound in (False, True):
        types = np.flatnonzero(_OUTBOUND if outbound else ~_OUTBOUND)
        total = _RATES[types].sum(axis=0)
        share = np.cumsum(_RATES[types] / total, axis=0)[:-1].T
        counts = rng.poisson(total[state] * (effort if outbound else 1.0))
        position = np.repeat(np.arange(len(state)), counts)
        chance = rng.random(len(position))
        positions.append(position)
        kind.append(types[(chance[:, None] >= share[state[position]]).sum(axis=1)])
    return np.concatenate(positions), np.concatenate(kind)


def _updated(
    belief: Float64, position: Int64, kind: Int64, effort: Float64, survival: Float64
) -> Float64:
    """Bayes' rule for one day that the lead has survived, then the drift into the next.

    The likelihood of Poisson counts n_k with rates λ_k(state) is ∏ λ_k^n_k · exp(−∑ λ_k); factors
    that are the same in all states cancel.
    """
    inbound, outbound = (_RATES[side].sum(axis=0) for side in (~_OUTBOUND, _OUTBOUND))
    log_likelihood = -inbound - effort[:, None] * outbound
    np.add.at(log_likelihood, position, np.log(_RATES)[kind])
    log_likelihood -= log_likelihood.max(axis=1, keepdims=True)
    posterior = (belief * np.exp(log_likelihood) * survival) @ _DRIFT
    updated: Float64 = posterior / posterior.sum(axis=1, keepdims=True)
    return updated


def _working_seconds(rng: np.random.Generator, created_at: Int64) -> Int64:
    """Seconds since the start of the lead's own day that fall, by the clock, into working hours."""
    clock = rng.triangular(28_800, 43_200, 68_400, len(created_at)).astype(np.int64)
    return (clock - created_at) % DAY


def _seconds_of_day(
    rng: np.random.Generator, created_at: Int64, kind: Int64, effort: Float64, day: int
) -> Int64:
    """When in the lead's day each interaction falls; the first calls come as fast as staff work."""
    second = _working_seconds(rng, created_at)
    if day == 0:
        wait = rng.exponential(3 * 3600 * 7 / effort).astype(np.int64)
        second = np.where(_OUTBOUND[kind], np.minimum(60 + wait, DAY - 1), second)
    return second


def _interactions(
    rng: np.random.Generator, population: _Population, lives: _Lives, ids: pa.Array
) -> tuple[pa.Table, pa.Table]:
    """Make the interactions as the export shows them, and the log of what was learnt in them."""
    order = np.lexsort((lives.event_type, lives.event_at, lives.event_lead))
    lead, occurred_at, kind = (
        column[order] for column in (lives.event_lead, lives.event_at, lives.event_type)
    )
    recorded_at = draw_recorded(rng, population.created_at[lead], occurred_at, _BOOKED[kind])
    exported = is_known(when_known(occurred_at, recorded_at), ENDS_AT)
    lead, occurred_at, kind, recorded_at = (
        column[exported] for column in (lead, occurred_at, kind, recorded_at)
    )
    usual = np.array([t.seconds for t in _TYPES])[kind]
    seconds = 1 + (usual * rng.lognormal(0.0, 0.6, len(lead))).astype(np.int64)
    cents = (100 * rng.lognormal(8.0, 0.8, len(lead))).astype(np.int64)
    owners = pa.array([c.value for c in _OWNERS])
    words = {
        word: pa.array([getattr(t, word) for t in _TYPES]).take(pa.array(kind))
        for word in ("channel", "kind", "direction", "outcome")
    }
    table = pa.table(
        {
            "lead_id": ids.take(pa.array(lead)),
            "occurred_at": as_instants(occurred_at),
            "recorded_at": as_instants(recorded_at),
            **words,
            "agent": owners.take(pa.array(population.owner[lead], mask=~_STAFFED[kind])),
            "duration_seconds": pa.array(seconds, mask=usual == 0),
            "value": pa.array(cents / 100, mask=~_QUOTE[kind]),
        }
    )
    return table, _learnt(rng, table)


def _learnt(rng: np.random.Generator, interactions: pa.Table) -> pa.Table:
    """Make the attribute log: what staff wrote down when an interaction told them."""
    parts = []
    for name, column, word, values in _LEARNT:
        telling = interactions.filter(pc.equal(interactions[column], word))
        n = telling.num_rows
        parts.append(
            pa.table(
                {
                    "lead_id": telling["lead_id"],
                    "recorded_at": telling["recorded_at"],
                    "name": pa.array([name] * n, pa.string()),
                    "value": pa.array(values).take(pa.array(rng.integers(len(values), size=n))),
                }
            )
        )
    return pa.concat_tables(parts).sort_by([("recorded_at", "ascending"), ("lead_id", "ascending")])


def _leads(
    rng: np.random.Generator, population: _Population, lives: _Lives, ids: pa.Array
) -> pa.Table:
    n = len(ids)
    numbers = range(1, n + 1)
    converted = lives.converted_at > 0
    notes = pa.array(['prefers mornings, "not Mondays"', "asked for a brochure", "met by chance"])
    return pa.table(
        {
            "lead_id": ids,
            "created_at": as_instants(population.created_at),
            "converted_at": as_instants(lives.converted_at),
            "closed_at": as_instants(lives.closed_at),
            **population.attributes,
            "age": rng.integers(20, 70, n),
            **contact_columns(n),
            "notes": notes.take(
                pa.array(rng.integers(len(notes), size=n), mask=rng.random(n) < 0.7)
            ),
            "client_card_number": pa.array([f"K{i:07d}" for i in numbers], mask=~converted),
        }
    )


_CONFIG = """\
# A made-up CRM whose true probabilities are known: they stand in truth.{ext}, no part of it.

[data]
ends_at = "2026-01-01T00:00:00Z"   # the moment the export was made: nothing after it is known

[leads]
source = "leads.{ext}"
# Attribute columns whose value is what was known when the lead was created. The others are not
# used: contact_name, email, phone and notes are personal data, age is sensitive, and
# client_card_number is given to a lead when it converts, so it would tell the outcome.
fixed_at_creation = [
    "source", "source_kind", "form", "country", "industry", "decision_maker", "owner",
    "company_size", "budget",
]

[leads.kinds]
company_size = "number"
budget = "number"

[interactions]
source = "interactions.{ext}"
measures = ["duration_seconds", "value"]

[attributes]   # what staff learnt about a lead, and when they wrote it down
source = "attributes.{ext}"
[attributes.kinds]
known_need = "category"
objection = "category"
competitor = "category"

[horizons]
hot_days = 14
warm_days = 90

[snapshots]
first_days = 0.0
every_days = 7.0
until_days = 180.0
"""
