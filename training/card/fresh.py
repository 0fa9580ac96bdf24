"""A report between two trainings: the same model, and what a fresh export says of the team.

Tests: tests/training/evaluation/test_evidence.py.
"""

import dataclasses

from features.tables import Tables
from models.bundle import Bundle
from training.card.values import card_document, read_card
from training.team.practice import Practice
from training.team.today import open_leads


def with_fresh_export(
    bundle: Bundle, tables: Tables, team_practice: Practice, threads: int
) -> Bundle:
    """Bundle whose card holds the open leads and the team's work of a fresh export.

    What was measured of the model stays: it is still the same one, judged on the same period.

    Parameters
    ----------
    bundle : Bundle
        A judged model.
    tables : Tables
        All of the fresh export.
    team_practice : Practice
        How the team works, by that export (`training.team.practice.practice`).
    threads : int
        Threads of the predictors.

    Raises
    ------
    ValueError
        The export has not what the bundle was trained with.
    """
    _require_schema(bundle, tables)
    card = read_card(bundle.card)
    until_days = card.snapshots.until_days
    if until_days is None:
        raise ValueError("The model card does not say how old leads may be. Train again.")
    managers = dataclasses.replace(
        card.managers, today=open_leads(bundle, tables, until_days, threads), practice=team_practice
    )
    fresh = dataclasses.replace(card, managers=managers)
    return dataclasses.replace(bundle, card=card_document(fresh))


def _require_schema(bundle: Bundle, tables: Tables) -> None:
    """Refuse an export whose leads the bundle would not see as it was trained to."""
    way_out = (
        "The open leads cannot be scored as they should be: name it and its kind in the "
        "configuration as for the training, or train again."
    )
    for name, kind in bundle.spec.attribute_kinds.items():
        export_kind = tables.attribute_kinds.get(name)
        if export_kind != kind:
            state = "is not there" if export_kind is None else f"is read as {export_kind}"
            raise ValueError(
                f"Attribute {name!r} {state}, the bundle was trained with it as {kind}. {way_out}"
            )
    for name in bundle.spec.measures:
        if name not in tables.measures:
            raise ValueError(
                f"Measure {name!r} of interactions is not there, the bundle was trained with it. "
                f"{way_out}"
            )
