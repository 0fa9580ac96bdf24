"""A report between two trainings: the same model, and what a fresh export says of the team.

Tests: tests/training/evaluation/test_evidence.py.
"""

import dataclasses

from features.scale.scoring_notes import require_schema
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
    require_schema(
        bundle.spec,
        tables,
        "The open leads cannot be scored as they should be: name it and its kind in the "
        "configuration as for the training, or train again.",
    )
    card = read_card(bundle.card)
    until_days = card.snapshots.until_days
    if until_days is None:
        raise ValueError("The model card does not say how old leads may be. Train again.")
    managers = dataclasses.replace(
        card.managers, today=open_leads(bundle, tables, until_days, threads), practice=team_practice
    )
    fresh = dataclasses.replace(card, managers=managers)
    return dataclasses.replace(bundle, card=card_document(fresh))
