"""Feature matrices of several specs over the same looks, every feature computed once.

Trainings of different moments of the past see different vocabularies, so their specs differ a
little; most of their features are the same, and a feature's column depends on nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from features.arrays import Float64
from features.language.kinds import Feature
from features.language.spec import Spec
from features.progress import RowProgress, no_row_progress
from features.scale.batch import point_in_time_features
from features.spine import Spine
from features.tables import Tables


def matrices_of(
    tables: Tables,
    spine: Spine,
    specs: Sequence[Spec],
    report_rows: RowProgress = no_row_progress,
) -> list[Float64]:
    """Feature matrix of each of several specs, every feature computed once.

    Parameters
    ----------
    tables : Tables
        The export.
    spine : Spine
        The looks.
    specs : sequence of Spec
        They may differ in anything; what they share is computed together.
    report_rows : callable, optional
        Called with the number of rows that the first pass finished; later passes do not call it.

    Returns
    -------
    list of float64 array of shape (rows, features)
        In the order of the specs.
    """
    passes: list[tuple[Spec, dict[str, Feature]]] = []
    for spec in specs:
        for feature in spec.features:
            fits = (
                held
                for shared, held in passes
                if _alike(shared, spec) and held.get(feature.name, feature) == feature
            )
            held = next(fits, None)
            if held is None:
                held = {}
                passes.append((spec, held))
            held[feature.name] = feature
    computed = [
        point_in_time_features(
            tables,
            spine,
            replace(spec, attribute_kinds=tables.attribute_kinds, features=tuple(held.values())),
            report_rows if number == 0 else no_row_progress,
        )
        for number, (spec, held) in enumerate(passes)
    ]
    places = [{name: i for i, name in enumerate(held)} for _, held in passes]
    return [
        np.column_stack(
            [
                next(
                    matrix[:, place[feature.name]]
                    for (shared, held), matrix, place in zip(passes, computed, places, strict=True)
                    if _alike(shared, spec) and held.get(feature.name) == feature
                )
                for feature in spec.features
            ]
        )
        for spec in specs
    ]


def _alike(one: Spec, other: Spec) -> bool:
    """Whether two specs see the same interactions."""
    return one.ignored == other.ignored and one.owner == other.owner
