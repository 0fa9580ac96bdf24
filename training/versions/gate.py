"""The gate: whether a version may become the champion.

The gate reads figures on the same later leads (`training.versions.comparison`), never ages: a newer
model is not a better one. A challenger is *worse* if one of these holds:

- its AUC or log loss within either horizon is surely worse: the whole interval lies below zero,
  and the interval is wide enough for all these figures at once and for how far months differ;
- its log loss in a segment is surely worse, by an interval wide enough for all segments at once;
- its bands are out of order (a hotter band converts surely less often than a colder one) and the
  champion's are not;
- it breaks the promise of the hot or the warm band, which the champion does not break.

Otherwise it is *better* if its log loss within a horizon is surely better, and *no worse* if it is
sure to lose no more than a stated share of what the champion gains over the base rate: not to be
surely worse is no proof, least of all with few conversions. What successive champions give up of
that gain is added up, so that many small losses cannot pass where one large loss would not; what is
won back is taken off.

If too few leads have converted since, the finding is *cannot be told* and the champion stays, with
one exception: the challenger's own test period shows that it beats the base rate and the age of a
lead, and the champion's does not. Where there is no champion, that test alone decides.

References
----------
G. Piaggio et al., *Reporting of noninferiority and equivalence randomized trials*, JAMA 308 (2012),
doi:10.1001/jama.2012.87802.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Literal

from models.bands import HORIZONS, LEVELS
from models.policy import LimitedRate
from training.card.schema import ModelCard
from training.config import GateSettings
from training.statistics.figures import BandResult
from training.statistics.paired import Difference
from training.versions.comparison import Comparison, HorizonComparison

SIMPLEST = ("base rate", "age only")
"""Baselines that a first champion must beat."""
DECIDING_FIGURES = 2
"""Figures of each horizon that decide: AUC and log loss."""
CHANCE_OF_WORSE = 0.025
"""Chance that an equal challenger is called worse: once for all figures, once for all segments."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate concludes about a challenger.

    Parameters
    ----------
    finding : {"better", "no worse", "worse", "cannot be told"}
        The conclusion; "better" and "no worse" pass the gate.
    reasons : tuple of str
        Why, a sentence each; the deciding ones first.
    given_up : mapping of "hot", "warm" to float
        Share of the champions' gain over the base rate that is given up, since they were last as
        good, if the challenger becomes the champion; no less than 0.
    """

    finding: Literal["better", "no worse", "worse", "cannot be told"]
    reasons: tuple[str, ...]
    given_up: Mapping[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the challenger may become the champion."""
        return self.finding in ("better", "no worse")


def judge_against_champion(
    comparison: Comparison,
    champion: ModelCard,
    challenger: ModelCard,
    settings: GateSettings,
    given_up: Mapping[str, float],
) -> Verdict:
    """Verdict on a challenger that was compared with the champion.

    Parameters
    ----------
    comparison : Comparison
        Both models' figures on the same later leads.
    champion, challenger : ModelCard
        The models' cards; their own test periods decide if too few leads have converted since.
    settings : GateSettings
        How many leads must have converted within a horizon before it decides anything, and the
        share of the champion's gain that may be given up.
    given_up : mapping of "hot", "warm" to float
        What the champion's own verdict says of it; a horizon that is not in it counts as 0.

    Notes
    -----
    Bands and promises decide even with fewer conversions: they are only called out of order or
    broken where their intervals are sure of it.
    """
    deciding = {
        name: question
        for name, question in comparison.questions.items()
        if question.conversions >= settings.least_conversions
    }
    undecided = tuple(
        f"Within {question.days} days {question.conversions:,} of the later leads converted, "
        f"fewer than the {settings.least_conversions:,} of [gate] least_conversions: nothing is "
        "said about that horizon."
        for name, question in comparison.questions.items()
        if name not in deciding
    )
    worse = (
        *_worse_figures(deciding),
        *_worse_segments(deciding),
        *_worse_bands(comparison),
    )
    if worse:
        return Verdict("worse", (*worse, *undecided), given_up)
    if "hot" not in deciding:
        by_own_cards = _by_own_cards(champion, challenger, undecided)
        return replace(by_own_cards, given_up=given_up)
    now_given_up = {**given_up, **_given_up(deciding, given_up)}
    better = tuple(
        f"Within {question.days} days its log loss is better by {difference.advantage:.4f} "
        f"({difference.low:.4f} to {difference.high:.4f})."
        for question in deciding.values()
        if (difference := question.log_loss) is not None
        and difference.advantage > _reach(difference, DECIDING_FIGURES * len(deciding))
    )
    perhaps_worse = tuple(_perhaps_worse(deciding, settings.margin, given_up))
    if perhaps_worse:
        return Verdict("cannot be told", (*perhaps_worse, *better, *undecided), now_given_up)
    if better:
        return Verdict("better", (*better, *undecided), now_given_up)
    no_worse = (
        "No difference in log loss is beyond chance, and none can be larger than [gate] margin "
        f"allows: {settings.margin:.0%} of what the champion gains over the base rate."
    )
    return Verdict("no worse", (no_worse, *undecided), now_given_up)


def judge_against_baselines(card: ModelCard) -> Verdict:
    """Verdict on a model where there is no champion: by its own test period.

    It must be surely better, in log loss, than the base rate and than the age of a lead alone
    within one horizon at least, and surely worse than neither within the other.

    Parameters
    ----------
    card : ModelCard
        Card of the model that would become the champion.
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
    ahead_of_simplest = tuple(
        f"In its own test period it is surely better within {horizon.days} days than the base "
        "rate and than the age of a lead alone."
        for horizon in horizons
        if set(SIMPLEST) <= set(horizon.better_than)
    )
    if ahead_of_simplest:
        return Verdict("better", ahead_of_simplest)
    no_evidence = (
        "In its own test period it is not surely better than the base rate and than the age of a "
        "lead alone, within either horizon."
    )
    return Verdict("cannot be told", (no_evidence,))


def _by_own_cards(
    champion: ModelCard, challenger: ModelCard, undecided: tuple[str, ...]
) -> Verdict:
    own_verdict = judge_against_baselines(challenger)
    if own_verdict.passed and not judge_against_baselines(champion).passed:
        return Verdict(
            "better", (*own_verdict.reasons, "The champion's own card shows no such thing.")
        )
    return Verdict("cannot be told", undecided)


def _worse_figures(deciding: Mapping[str, HorizonComparison]) -> Iterator[str]:
    count = DECIDING_FIGURES * len(deciding)
    for question in deciding.values():
        for name, difference in (("AUC", question.auc), ("log loss", question.log_loss)):
            if difference is not None and difference.advantage < -_reach(difference, count):
                yield (
                    f"Within {question.days} days its {name} is worse by "
                    f"{-difference.advantage:.4f} ({-difference.high:.4f} to "
                    f"{-difference.low:.4f}), surely so among {count} figures."
                )


def _perhaps_worse(
    deciding: Mapping[str, HorizonComparison], margin: float, given_up: Mapping[str, float]
) -> Iterator[str]:
    """Horizons within which a loss beyond the margin cannot be ruled out."""
    for name, question in deciding.items():
        gain, difference = question.champion_gain, question.log_loss
        if gain is None or gain <= 0 or difference is None:
            continue  # A champion that gains nothing has nothing to lose.
        reach, earlier_loss = _reach(difference, len(deciding)), given_up.get(name, 0.0)
        allowed = (margin - earlier_loss) * gain
        if reach - difference.advantage <= allowed:
            continue
        lost = f", less {earlier_loss:.0%} that earlier champions gave up" if earlier_loss else ""
        reason = (
            f"Within {question.days} days its log loss may be worse by up to "
            f"{reach - difference.advantage:.4f}. [gate] margin = {margin:g} allows {allowed:.4f}: "
            f"{margin:.0%} of the {gain:.4f} that the champion gains over the base rate{lost}."
        )
        if allowed + difference.advantage > 0:
            # An error falls with the square root of how much is seen.
            times = (reach / (allowed + difference.advantage)) ** 2
            reason += (
                f" About {question.conversions * times:,.0f} conversions would decide, in place of "
                f"{question.conversions:,}."
            )
        yield reason


def _given_up(
    deciding: Mapping[str, HorizonComparison], given_up: Mapping[str, float]
) -> dict[str, float]:
    return {
        name: max(
            0.0, given_up.get(name, 0.0) - question.log_loss.advantage / question.champion_gain
        )
        for name, question in deciding.items()
        if question.log_loss is not None and question.champion_gain and question.champion_gain > 0
    }


def _worse_segments(deciding: Mapping[str, HorizonComparison]) -> Iterator[str]:
    count = sum(len(question.segments) for question in deciding.values())
    for question in deciding.values():
        for segment in question.segments:
            if segment.log_loss.advantage < -_reach(segment.log_loss, count):
                yield (
                    f"Within {question.days} days its log loss is worse by "
                    f"{-segment.log_loss.advantage:.4f} for leads with {segment.attribute} = "
                    f"{segment.level}, surely so among {count} segments."
                )


def _reach(difference: Difference, count: int) -> float:
    """Half the width of an interval that is wide enough for `count` differences at once.

    The Bonferroni correction: each difference gets an equal share of `CHANCE_OF_WORSE`.

    References
    ----------
    O. J. Dunn, *Multiple comparisons among means*, Journal of the American Statistical Association
    56 (1961), doi:10.1080/01621459.1961.10482090.
    """
    normal = NormalDist()
    error = (difference.high - difference.low) / (2 * normal.inv_cdf(1 - CHANCE_OF_WORSE))
    return normal.inv_cdf(1 - CHANCE_OF_WORSE / count) * error


def _worse_bands(comparison: Comparison) -> Iterator[str]:
    if not list(_out_of_order(comparison.champion.bands)):
        yield from _out_of_order(comparison.challenger.bands)
    for band, promise in comparison.challenger.promises.items():
        by_champion = comparison.champion.promises.get(band)
        broken_before = by_champion is not None and by_champion.finding == "broken"
        asked_for = not isinstance(promise.policy, LimitedRate)  # cold's bound is only measured
        if asked_for and promise.finding == "broken" and not broken_before:
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
