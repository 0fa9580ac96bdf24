"""A report between two trainings: the same model, and what a fresh export says of the team."""

import dataclasses

from features.tables import Tables
from models.bundle import Bundle
from models.card import MANAGERS
from training.card.values import carded
from training.config import Config
from training.team.practice import Practice, practice
from training.team.today import OpenLeads, open_leads


def brought_up_to_date(bundle: Bundle, tables: Tables, config: Config) -> Bundle:
    """Bundle whose card holds the open leads and the team's work of a fresh export.

    What was measured of the model stays: it is still the same one, judged on the same period.

    Parameters
    ----------
    bundle : Bundle
    tables : Tables
        All of the export.
    config : Config

    Raises
    ------
    ValueError
        The export has not what the bundle was trained with.
    """
    _require_schema(bundle, tables)
    until_days, threads = bundle.card["snapshots"]["until_days"], config.model.threads
    parts = {
        **bundle.card.get(MANAGERS, {}),
        "today": carded(OpenLeads, open_leads(bundle, tables, until_days, threads)),
        "practice": carded(Practice, practice(tables, config.practice, config.horizons.warm_days)),
    }
    return dataclasses.replace(bundle, card={**bundle.card, MANAGERS: parts})


def _require_schema(bundle: Bundle, tables: Tables) -> None:
    """Refuse an export whose leads the bundle would not see as it was trained to."""
    way_out = (
        "The open leads cannot be scored as they should be: name it and its kind in the "
        "configuration as for the training, or train again."
    )
    for name, kind in bundle.spec.attribute_kinds.items():
        found = tables.attribute_kinds.get(name)
        if found != kind:
            there = "is not there" if found is None else f"is read as {found}"
            raise ValueError(
                f"Attribute {name!r} {there}, the bundle was trained with it as {kind}. {way_out}"
            )
    for name in bundle.spec.measures:
        if name not in tables.measures:
            raise ValueError(
                f"Measure {name!r} of interactions is not there, the bundle was trained with it. "
                f"{way_out}"
            )
