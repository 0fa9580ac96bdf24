"""A report between two trainings: the same model, and what a fresh export says of the team."""

import dataclasses

from features.tables import Tables
from models.bundle import Bundle
from models.card import MANAGERS
from training.config import Config
from training.report.carded import carded
from training.report.practice import Practice, practice
from training.report.today import Today, today


def brought_up_to_date(bundle: Bundle, tables: Tables, config: Config) -> Bundle:
    """Bundle whose card holds the open leads and the team's work of a fresh export.

    What was measured of the model stays: it is still the same one, judged on the same period.

    Parameters
    ----------
    bundle : Bundle
    tables : Tables
        All of the export.
    config : Config
    """
    until_days, threads = bundle.card["snapshots"]["until_days"], config.model.threads
    parts = {
        **bundle.card.get(MANAGERS, {}),
        "today": carded(Today, today(bundle, tables, until_days, threads)),
        "practice": carded(Practice, practice(tables, config)),
    }
    return dataclasses.replace(bundle, card={**bundle.card, "report": parts})
