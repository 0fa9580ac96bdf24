"""Who was handed which lead in an export, how good the lead was then, and what came of it.

A lead is handed over when the attribute that names its owner first has a value. It is scored as of
that instant by a ridge over the bundle's features that neither look at the owner nor at who made
contacts, learned from the leads of other persons: a score that knew the owner, or the outcome,
would explain away what is asked of it. Only leads whose horizon has ended count.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from features.arrays import Bool, Float64, Int64
from features.language.spec import Spec
from features.scale.batch import point_in_time_features
from features.spine import Spine, ended_at, microseconds
from features.tables import Tables
from models.bands import LEVELS, Temperature
from models.bundle import Bundle
from training.dataset.persons import person_of_lead
from training.dataset.snapshots import labels
from training.dataset.values import EncodedValues, attribute_versions
from training.fitting.linear import fit_linear
from training.team.effects import HandOvers
from training.team.grouping import attribute_levels

_FOLDS = 5


def hand_overs(tables: Tables, bundle: Bundle, owner: str, people: Sequence[str]) -> HandOvers:
    """Leads that an export's people were handed, in the order of time.

    Parameters
    ----------
    tables : Tables
        The whole export.
    bundle : Bundle
        Its features score the leads, and its bands are their temperatures.
    owner : str
        Attribute that names who has a lead.
    people : sequence of str
        Names of the people; leads of anybody else are left out.

    Returns
    -------
    HandOvers
        Temperatures are positions in `models.bands.LEVELS`, the horizon is the warm one.

    Raises
    ------
    ValueError
        The export has no such category, or too few of the leads bought, or did not, to learn from.
    """
    if tables.attribute_kinds.get(owner) != "category":
        raise ValueError(
            f"The export must have an attribute {owner!r} that is a category, to say who had which "
            f"lead; it has {', '.join(sorted(tables.attribute_kinds))}."
        )
    spine, person = _first_hand_overs(tables, owner, people)
    outcome = labels(tables, spine, bundle.warm.days)
    rows = np.flatnonzero(outcome.mature)
    spine, person = Spine(spine.lead[rows], spine.as_of[rows]), person[rows]
    bought = outcome.converted[rows]
    fold = person_of_lead(tables)[spine.lead] % _FOLDS
    learned = [bought[fold != left_out] for left_out in np.unique(fold)]
    if not learned or not all(part.any() and not part.all() for part in learned):
        raise ValueError(
            f"Of {len(rows):,} leads that {', '.join(people) or 'nobody'} had and whose "
            f"{bundle.warm.days} days have ended, {int(bought.sum()):,} bought: too few to learn "
            "results from. Ask again when more have had their time."
        )
    matrix = point_in_time_features(tables, spine, bundle.spec)
    scores = bundle.scores(matrix)
    band = bundle.bands.assign(*scores.decisive(bundle.bands))
    return HandOvers(
        person=person,
        temperature=np.array([LEVELS.index(Temperature(b)) for b in band], np.int64),
        margin=_margins(matrix, bundle.spec, owner, bought, fold),
        bought=bought,
    )


def _first_hand_overs(tables: Tables, owner: str, people: Sequence[str]) -> tuple[Spine, Int64]:
    """First hand-over of each lead to one of the people, while it was open, by time."""
    created_at = microseconds(tables.leads["created_at"])
    levels, handed_at = attribute_levels(tables, owner), created_at
    if owner not in tables.leads.column_names:
        versions = attribute_versions(tables, owner, created_at)
        handed_at = np.maximum(versions.first_known(), created_at)
        # What is recorded at an instant is known strictly after it.
        codes = versions.known_before(np.arange(len(created_at)), handed_at + 1)
        levels = EncodedValues(codes, versions.values.words)
    number = {name: position for position, name in enumerate(people)}
    of_word = np.array([number.get(word, -1) for word in levels.words], np.int64)
    person = of_word[levels.codes]
    counts = (person >= 0) & (handed_at < ended_at(tables))
    order = np.flatnonzero(counts)
    order = order[np.argsort(handed_at[order], kind="stable")]
    return Spine(order, handed_at[order]), person[order]


def _margins(matrix: Float64, spec: Spec, owner: str, bought: Bool, fold: Int64) -> Float64:
    """Log-odds of each lead by the leads of the other folds, from what does not tell the owner."""
    columns = [i for i in range(len(spec.features)) if not _tells_owner(spec, i, owner)]
    position = {column: number for number, column in enumerate(columns)}
    categorical = tuple(position[i] for i in spec.categorical if i in position)
    blind = matrix[:, columns]
    margin = np.zeros(len(blind))
    for left_out in range(_FOLDS):
        held_out = fold == left_out
        linear = fit_linear(blind[~held_out], bought[~held_out], categorical, seed=left_out)
        margin[held_out] = linear.margin(blind[held_out])
    return margin


def _tells_owner(spec: Spec, column: int, owner: str) -> bool:
    feature = spec.features[column]
    alone = replace(spec, features=(feature,), ignored={})
    return getattr(feature, "attribute", None) == owner or "agent" in alone.fields
