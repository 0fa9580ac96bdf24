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
        Leads, interactions and attribute log of the export.
    spine : Spine
        Lead and instant of each look; one look is one row.
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
                features_by_name
                for shared, features_by_name in passes
                if _alike(shared, spec) and features_by_name.get(feature.name, feature) == feature
            )
            features_by_name = next(fits, None)
            if features_by_name is None:
                features_by_name = {}
                passes.append((spec, features_by_name))
            features_by_name[feature.name] = feature
    computed = [
        point_in_time_features(
            tables,
            spine,
            replace(
                spec,
                attribute_kinds=tables.attribute_kinds,
                features=tuple(features_by_name.values()),
            ),
            report_rows if number == 0 else no_row_progress,
        )
        for number, (spec, features_by_name) in enumerate(passes)
    ]
    columns_by_name = [
        {name: i for i, name in enumerate(features_by_name)} for _, features_by_name in passes
    ]
    return [
        np.column_stack(
            [
                next(
                    matrix[:, column_of[feature.name]]
                    for (shared, features_by_name), matrix, column_of in zip(
                        passes, computed, columns_by_name, strict=True
                    )
                    if _alike(shared, spec) and features_by_name.get(feature.name) == feature
                )
                for feature in spec.features
            ]
        )
        for spec in specs
    ]


def _alike(first: Spec, second: Spec) -> bool:
    """Whether two specs see the same interactions."""
    return first.ignored == second.ignored and first.owner == second.owner
