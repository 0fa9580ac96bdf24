"""What a person should know of a lead that stands on the list, beside its score.

Why it has its probability, what changed since the list before, which question would most likely
change its band, what each outcome of today's contact would make of it, and on which day its band
changes if nobody does anything. All of it is the model's own answer about the same lead with one
thing added (`serving.desk.variants`).

Tests: tests/serving/desk/test_worklist.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import cast

import numpy as np
import numpy.typing as npt

from features.arrays import Float64
from features.engine.executor import features_of
from features.engine.history import MICROSECONDS_PER_DAY, Histories, LabelColumn
from features.language.kinds import LabelField
from models.bundle import Bundle
from models.course.forecast import FORECAST_DAYS, BandChange, forecast
from models.course.looks import Band, LeadOverDays
from models.explain import Reason, SignalChange, columns_by_signal, explanations, signal_changes
from models.horizon import Scores
from models.plays import OUTCOMES, NextStep, Outcome, Play, Playbook
from serving.desk.contacts import OUTBOUND
from serving.desk.variants import known_histories, with_attribute, with_contact

REASONS_TOLD = 3
MOST_ANSWERS = 5
"""Values of an unknown attribute that are tried, the most frequent ones."""
QUANTILES = (0.1, 0.5, 0.9)
"""Values of an unknown number that are tried, each as likely as the others."""
LEAST_MOVE = 0.1
"""Expected change, as a share of the probability, below which a question is not worth asking."""
FORECASTS_AT_ONCE = 200
"""Leads that are forecast together: as many rows as days of them."""


@dataclass(frozen=True, slots=True)
class OutcomeEffect:
    """What an outcome of today's contact would make of a lead.

    Parameters
    ----------
    outcome : {"agreed", "cool", "no_answer"}
        How the contact ends.
    band : "cold", "warm" or "hot"
        The lead's band then.
    probability : float
        Its hot probability then.
    next_step : NextStep or None
        What the play says to do then; None where it says nothing.
    """

    outcome: Outcome
    band: Band
    probability: float
    next_step: NextStep | None


@dataclass(frozen=True, slots=True)
class Question:
    """An unknown attribute of a lead, and what knowing it may change.

    Parameters
    ----------
    attribute : str
        What to ask.
    chance : float
        How likely its answer changes the band, were answers as frequent as among other leads.
    value : str or float
        The answer that would change the probability the most.
    band : "cold", "warm" or "hot"
        The lead's band with that answer.
    probability : float
        Its hot probability with that answer.
    """

    attribute: str
    chance: float
    value: str | float
    band: Band
    probability: float


@dataclass(frozen=True, slots=True)
class LeadDetails:
    """What is told of one lead on the list.

    Parameters
    ----------
    reasons : tuple of Reason
        Strongest first; with all the rest their points add up.
    change : SignalChange or None
        What moved the probability the most since the list before; None without one.
    outcomes : tuple of OutcomeEffect
        What each outcome would make of it, where the export has such outcomes.
    question : Question or None
        What to ask; None where no answer would change anything.
    band_change : BandChange or None
        When its band changes if nobody does anything; None within the days of a forecast.
    """

    reasons: tuple[Reason, ...]
    change: SignalChange | None
    outcomes: tuple[OutcomeEffect, ...]
    question: Question | None
    band_change: BandChange | None


def lead_details(
    bundle: Bundle,
    histories: Histories,
    everybody: Histories,
    band: npt.NDArray[np.str_],
    plays: Sequence[Play],
    playbook: Playbook,
    attribute_names: Sequence[str],
    as_of: int,
    previous_as_of: int | None = None,
) -> list[LeadDetails]:
    """What is told of the leads on a list, in their order.

    Parameters
    ----------
    bundle : Bundle
        The model that scored them.
    histories : Histories
        The leads on the list, as known at `as_of` (`serving.desk.variants.known_histories`).
    everybody : Histories
        All open leads as known then: how frequent answers and contacts are.
    band : str array of shape (leads,)
        Band of each lead on the list.
    plays : sequence of Play
        What is to be done with each.
    playbook : Playbook
        The export's words for outcomes.
    attribute_names : sequence of str
        Attributes that a person may ask for.
    as_of : int
        The instant of the list, in microseconds.
    previous_as_of : int, optional
        The instant of the list before.
    """
    if histories.leads == 0:
        return []
    columns = columns_by_signal(bundle.spec)
    matrix = _features(bundle, histories, as_of)
    probability = bundle.scores(matrix).hot_probability
    explained = explanations(bundle, matrix, REASONS_TOLD, columns, probability)
    changes: list[SignalChange | None] = [None] * histories.leads
    if previous_as_of is not None:
        earlier = _features(bundle, histories, previous_as_of)
        earlier_probability = bundle.scores(earlier).hot_probability
        for lead in np.flatnonzero(histories.created_at <= previous_as_of).tolist():
            looks = np.stack([earlier[lead], matrix[lead]])
            probabilities = np.array([earlier_probability[lead], probability[lead]])
            strongest = signal_changes(bundle, looks, probabilities, 1, columns)[0]
            changes[lead] = strongest if strongest.signal else None
    effects = _outcome_effects(bundle, histories, everybody, band, plays, playbook, as_of)
    questions = _questions(bundle, histories, everybody, band, probability, attribute_names, as_of)
    band_changes = _band_changes(bundle, histories, band, as_of)
    return [
        LeadDetails(explained[lead].reasons, changes[lead], effects[lead], question, band_change)
        for lead, (question, band_change) in enumerate(zip(questions, band_changes, strict=True))
    ]


def _features(bundle: Bundle, histories: Histories, as_of: int) -> Float64:
    leads = np.arange(histories.leads)
    return features_of(bundle.plan, histories, leads, np.full(histories.leads, as_of, np.int64))


def _scores(
    bundle: Bundle, histories: Histories, band: npt.NDArray[np.str_], as_of: int
) -> tuple[list[float], list[Band]]:
    """Hot probability of each lead, and its band when it was in another one before."""
    scores = bundle.scores(_features(bundle, histories, as_of))
    bands = bundle.bands.assign(*scores.decisive(bundle.bands), previous=band.tolist())
    return scores.hot_probability.tolist(), bands.tolist()


def _outcome_effects(
    bundle: Bundle,
    histories: Histories,
    everybody: Histories,
    band: npt.NDArray[np.str_],
    plays: Sequence[Play],
    playbook: Playbook,
    as_of: int,
) -> list[tuple[OutcomeEffect, ...]]:
    effects: list[list[OutcomeEffect]] = [[] for _ in range(histories.leads)]
    for outcome in OUTCOMES[:3]:  # a refusal ends the lead
        contact = _usual_contact(everybody, playbook.words.words_for(outcome))
        if contact is None:
            continue
        probability, bands = _scores(
            bundle, with_contact(histories, contact, as_of), band, as_of + 1
        )
        for lead, play in enumerate(plays):
            effect = OutcomeEffect(
                outcome, bands[lead], probability[lead], play.outcomes.get(outcome)
            )
            effects[lead].append(effect)
    return [tuple(lead_effects) for lead_effects in effects]


def _usual_contact(histories: Histories, words: Sequence[str]) -> dict[LabelField, str] | None:
    """Labels of the most frequent contact of ours that ended so; None where none did."""
    names: tuple[LabelField, ...] = ("channel", "kind", "direction", "outcome")
    columns = [histories.labels[name] for name in names]
    is_ours = _has_word(columns[2], (OUTBOUND,)) & _has_word(columns[3], words)
    codes, counts = np.unique(
        np.stack([column.codes[is_ours] for column in columns]), axis=1, return_counts=True
    )
    if not len(counts):
        return None
    contacts = [
        {
            name: column.vocabulary[code]
            for name, column, code in zip(names, columns, contact, strict=True)
            if code >= 0
        }
        for contact in codes.T.tolist()
    ]
    pairs = zip(counts.tolist(), contacts, strict=True)
    ranks = [(-times, sorted(contact.items())) for times, contact in pairs]
    return contacts[ranks.index(min(ranks))]


def _has_word(labels: LabelColumn, words: Sequence[str]) -> npt.NDArray[np.bool_]:
    matches = [word in words for word in labels.vocabulary]
    return np.array([*matches, False], np.bool_)[labels.codes]


def _questions(
    bundle: Bundle,
    histories: Histories,
    everybody: Histories,
    band: npt.NDArray[np.str_],
    probability: Float64,
    attribute_names: Sequence[str],
    as_of: int,
) -> list[Question | None]:
    strongest: list[tuple[float, float, Question] | None] = [None] * histories.leads
    for name in attribute_names:
        unknown = np.flatnonzero(_is_unknown(histories, name))
        answers = _usual_answers(everybody, name)
        if not len(unknown) or not answers:
            continue
        subset = known_histories(histories, unknown, as_of)
        variants = [
            (
                value,
                share,
                *_scores(bundle, with_attribute(subset, name, value), band[unknown], as_of),
            )
            for value, share in answers
        ]
        for position, lead in enumerate(unknown.tolist()):
            moves = [
                (abs(p[position] - probability[lead]), share, value, bands[position], p[position])
                for value, share, p, bands in variants
            ]
            chance = sum(share for _, share, _, new_band, _ in moves if new_band != band[lead])
            expected_move = sum(share * move for move, share, *_ in moves)
            _, _, value, new_band, reached = max(moves, key=lambda move: move[0])
            merit = (chance, expected_move)
            incumbent = strongest[lead]
            is_worth_it = chance > 0 or expected_move >= LEAST_MOVE * probability[lead]
            if is_worth_it and (incumbent is None or merit > incumbent[:2]):
                strongest[lead] = (*merit, Question(name, chance, value, new_band, reached))
    return [None if choice is None else choice[2] for choice in strongest]


def _is_unknown(histories: Histories, name: str) -> npt.NDArray[np.bool_]:
    versions = histories.attributes[name]
    if versions.labels is not None:
        return np.asarray(versions.labels.codes < 0, np.bool_)
    return np.isnan(np.asarray(versions.numbers, np.float64))


def _usual_answers(histories: Histories, name: str) -> list[tuple[str | float, float]]:
    """Values of an attribute among the leads that have one, each with its share."""
    versions = histories.attributes[name]
    if versions.labels is not None:
        codes = versions.labels.codes[versions.labels.codes >= 0]
        words, counts = np.unique(codes, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:MOST_ANSWERS]
        share = counts[order] / max(counts[order].sum(), 1)
        vocabulary = versions.labels.vocabulary
        return [(vocabulary[words[i]], float(s)) for i, s in zip(order, share, strict=True)]
    numbers = np.asarray(versions.numbers, np.float64)
    numbers = numbers[~np.isnan(numbers)]
    if not len(numbers):
        return []
    values = np.quantile(numbers, QUANTILES, method="nearest")
    return [(float(value), 1 / len(QUANTILES)) for value in values]


def _band_changes(
    bundle: Bundle, histories: Histories, band: npt.NDArray[np.str_], as_of: int
) -> list[BandChange | None]:
    """The first change of each lead's band if nothing more happens."""
    changes: list[BandChange | None] = []
    days = np.array(FORECAST_DAYS, np.int64)
    for begin in range(0, histories.leads, FORECASTS_AT_ONCE):
        leads = np.arange(begin, min(begin + FORECASTS_AT_ONCE, histories.leads))
        instants = np.tile(as_of + days * MICROSECONDS_PER_DAY, len(leads))
        matrix = features_of(bundle.plan, histories, np.repeat(leads, len(days)), instants)
        scores = bundle.scores(matrix)
        for index, lead in enumerate(leads.tolist()):
            rows = slice(index * len(days), (index + 1) * len(days))
            looks = LeadOverDays(
                bundle, as_of, tuple(FORECAST_DAYS), matrix[rows], _rows_of(scores, rows)
            )
            course = forecast(looks, cast("Band", str(band[lead])))
            changes.append(next(iter(course.band_changes), None))
    return changes


def _rows_of(scores: Scores, rows: slice) -> Scores:
    return Scores(**{column.name: getattr(scores, column.name)[rows] for column in fields(scores)})
