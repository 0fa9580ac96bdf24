"""The features of an export with their coverage: what `lead-temperature features` prints."""

from dataclasses import dataclass

import numpy as np

from features.language.wording import Family, description, family
from features.scale.batch import point_in_time_features
from features.tables import Tables
from training.config import DatasetSettings
from training.dataset.frame import spec_of
from training.dataset.snapshots import snapshots

MOST_LOOKS = 20_000


@dataclass(frozen=True, slots=True)
class FeatureOverview:
    """A feature of the catalogue and how often it says something.

    Parameters
    ----------
    name : str
        The column's name, by which it is dropped.
    family : str
        Which side of the lead it is about.
    description : str
        What it is, in words.
    coverage : float
        Share of looks at which it has a value.
    varied : float
        Share of looks at which it has another value than its most common one.
    """

    name: str
    family: Family
    description: str
    coverage: float
    varied: float


def features_overview(tables: Tables, settings: DatasetSettings) -> list[FeatureOverview]:
    """Features of an export, in the catalogue's order.

    Parameters
    ----------
    tables : Tables
        Leads, interactions and attribute log of the export.
    settings : DatasetSettings
        Sections that decide the rows: horizons, snapshots, split and features.

    Returns
    -------
    list of FeatureOverview
        Coverage is over the looks of the grid; of many, every n-th.
    """
    spec = spec_of(tables, settings, tables.data_end)
    spine = snapshots(tables, settings.snapshots)
    step = max(1, len(spine) // MOST_LOOKS)
    sampled_looks = type(spine)(spine.lead[::step], spine.as_of[::step])
    matrix = point_in_time_features(tables, sampled_looks, spec)
    overviews = []
    for column, feature in enumerate(spec.features):
        values = matrix[:, column]
        has_value = ~np.isnan(values)
        _, counts = np.unique(values, return_counts=True)
        varied = 1 - float(counts.max(initial=0)) / len(values)
        overviews.append(
            FeatureOverview(
                name=feature.name,
                family=family(feature),
                description=description(feature),
                coverage=float(has_value.mean()),
                varied=varied,
            )
        )
    return overviews
