"""The gate to becoming the champion: a model must not be worse, and that must be known.

What is compared are figures on the same later leads (`training.versions.comparison`), never ages: a
newer model is not a better one. *Worse* is a challenger

- whose AUC or log loss, within either horizon, is the worse one with its whole interval, which is
  wide enough for all these figures at once;
- whose log loss in a segment is, by an interval that is wide enough for all segments at once;
- whose bands are out of order where the champion's are in order: a hotter band converts surely
  less often than a colder one;
- that breaks a promise of a band that the champion does not break.

Everything else is no worse, and *better* where the log loss of a horizon says so as surely. Where
too few leads have converted since, nothing of that can be told, and the champion stays, unless the
challenger's own test period shows that it beats the base rate and the age of a lead, and the
champion's showed no such thing. Where there is no champion, that test alone decides.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from models.bands import LEVELS
from models.bundle import HORIZONS
from training.card.schema import ModelCard
from training.statistics.figures import BandResult
from training.statistics.paired import Difference
from training.versions.comparison import Comparison, HorizonComparison

SIMPLEST = ("base rate", "age only")
"""Baselines that a first champion must beat."""
DECIDING_FIGURES = 2
"""Figures of each horizon that decide: AUC and log loss."""
CHANCE_OF_WORSE = 0.025
"""Of calling an equal challenger worse, in all figures together, and in all segments together."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate finds.

    Parameters
    ----------
    finding : {"better", "no worse", "worse", "cannot be told"}
    reasons : tuple of str
        A sentence each.
    """

    finding: Literal["better", "no worse", "worse", "cannot be told"]
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the challenger may become the champion."""
        return self.finding in ("better", "no worse")


def judge_against_champion(
    found: Comparison,
    champion: ModelCard,
    challenger: ModelCard,
    least_conversions: int,
) -> Verdict:
    """Verdict on a challenger that was compared with the champion.

    Parameters
    ----------
    found : Comparison
    champion, challenger : ModelCard
        The models' cards.
    least_conversions : int
        Leads that must have converted within a horizon before anything is said about it.

    Notes
    -----
    Horizons with fewer conversions decide nothing. Bands count even then: that they are out of
    order, or a promise broken, is only said where it is sure.
    """
    judged = {
        name: question
        for name, question in found.questions.items()
        if question.conversions >= least_conversions
    }
    few = tuple(
        f"Within {question.days} days {question.conversions:,} of the later leads converted, "
        f"fewer than the {least_conversions:,} of [gate] least_conversions: nothing is said about "
        "that horizon."
        for name, question in found.questions.items()
        if name not in judged
    )
    worse = (
        *_worse_figures(judged),
        *_worse_segments(judged),
        *_worse_bands(found),
    )
    if worse:
        return Verdict("worse", (*worse, *few))
    if "hot" not in judged:
        return _by_own_cards(champion, challenger, few)
    better = tuple(
        f"Within {question.days} days its log loss is better by {ahead.advantage:.4f} "
        f"({ahead.low:.4f} to {ahead.high:.4f})."
        for question in judged.values()
        if (ahead := question.log_loss) is not None
        and ahead.advantage > _reach(ahead, DECIDING_FIGURES * len(judged))
    )
    if better:
        return Verdict("better", (*better, *few))
    return Verdict("no worse", ("No difference in log loss is beyond chance.", *few))


def judge_against_baselines(card: ModelCard) -> Verdict:
    """Verdict on a model where there is no champion: by its own test period.

    It must be surely better, in log loss, than the base rate and than the age of a lead alone
    within one horizon at least, and surely worse than neither within the other.

    Parameters
    ----------
    card : ModelCard
        The model's.
    """
    horizons = [card.horizons[name] for name in HORIZONS]
    beaten = tuple(
        f"In its own test period it is surely worse within {horizon.days} days than: {rival}."
        for horizon in horizons
        for rival in SIMPLEST
        if rival in horizon.beaten_by
    )
    if beaten:
        return Verdict("worse", beaten)
    shown = tuple(
        f"In its own test period it is surely better within {horizon.days} days than the base "
        "rate and than the age of a lead alone."
        for horizon in horizons
        if set(SIMPLEST) <= set(horizon.better_than)
    )
    if shown:
        return Verdict("better", shown)
    nothing = (
        "In its own test period it is not surely better than the base rate and than the age of a "
        "lead alone, within either horizon."
    )
    return Verdict("cannot be told", (nothing,))


def _by_own_cards(champion: ModelCard, challenger: ModelCard, few: tuple[str, ...]) -> Verdict:
    own = judge_against_baselines(challenger)
    if own.passed and not judge_against_baselines(champion).passed:
        return Verdict("better", (*own.reasons, "The champion's own card shows no such thing."))
    return Verdict("cannot be told", few)


def _worse_figures(judged: Mapping[str, HorizonComparison]) -> Iterator[str]:
    count = DECIDING_FIGURES * len(judged)
    for question in judged.values():
        for name, ahead in (("AUC", question.auc), ("log loss", question.log_loss)):
            if ahead is not None and ahead.advantage < -_reach(ahead, count):
                yield (
                    f"Within {question.days} days its {name} is worse by {-ahead.advantage:.4f} "
                    f"({-ahead.high:.4f} to {-ahead.low:.4f}), surely so among {count} figures."
                )


def _worse_segments(judged: Mapping[str, HorizonComparison]) -> Iterator[str]:
    count = sum(len(question.segments) for question in judged.values())
    for question in judged.values():
        for segment in question.segments:
            if segment.log_loss.advantage < -_reach(segment.log_loss, count):
                yield (
                    f"Within {question.days} days its log loss is worse by "
                    f"{-segment.log_loss.advantage:.4f} for leads with {segment.attribute} = "
                    f"{segment.level}, surely so among {count} segments."
                )


def _reach(difference: Difference, count: int) -> float:
    """Half of an interval that is wide enough for so many differences at once.

    References
    ----------
    O. J. Dunn, *Multiple comparisons among means*, Journal of the American Statistical Association
    56 (1961), doi:10.1080/01621459.1961.10482090.
    """
    normal = NormalDist()
    error = (difference.high - difference.low) / (2 * normal.inv_cdf(1 - CHANCE_OF_WORSE))
    return normal.inv_cdf(1 - CHANCE_OF_WORSE / count) * error


def _worse_bands(found: Comparison) -> Iterator[str]:
    if not list(_out_of_order(found.champion.bands)):
        yield from _out_of_order(found.challenger.bands)
    for band, promise in found.challenger.promises.items():
        by_champion = found.champion.promises.get(band)
        broken_before = by_champion is not None and by_champion.finding == "broken"
        if promise.finding == "broken" and not broken_before:
            yield f"It breaks what it promises: {promise.words}; {promise.sentence}."


def _out_of_order(bands: Mapping[str, BandResult]) -> Iterator[str]:
    for colder, hotter in itertools.combinations([band.value for band in LEVELS], 2):
        low, high = bands[colder].hot, bands[hotter].hot
        if low is not None and high is not None and high.high < low.low:
            yield (
                f"Its bands are out of order: of the looks called {hotter} at most "
                f"{100 * high.high:.1f} % converted, of those called {colder} at least "
                f"{100 * low.low:.1f} %."
            )
