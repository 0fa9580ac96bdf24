"""How the team works: what an export says about selling, without any model.

Everything is counted from the leads' creation to the warm horizon. Which attributes are channel,
kind of source and owner stands in ``[report]``, or is guessed by name.
"""

from dataclasses import dataclass

import numpy as np

from features.export.mapping import near_miss
from features.tables import Tables
from training.config import Config
from training.dataset.values import Coded
from training.statistics.incidence import LEAST_LEADS, Conversion, conversion
from training.team.contact import FUNNEL, Speed, Step, contact_speed, funnel
from training.team.grouping import (
    Cohort,
    Grouping,
    LeadGroup,
    attribute_levels,
    cohort,
    grouping,
    groups_by_month,
)
from training.team.spend import ChannelSpend, channel_spend, read_spend
from training.team.upkeep import (
    FieldCompleteness,
    LoggingPromptness,
    field_completeness,
    logging_promptness,
)

CHANNEL_NAMES = ("channel", "source", "lead_source", "utm_source")
SOURCE_KIND_NAMES = ("source_kind",)
OWNER_NAMES = ("owner", "owner_id", "salesperson")


@dataclass(frozen=True, slots=True)
class Practice:
    """How leads are worked and what comes of it.

    Parameters
    ----------
    horizon_days : int
        A purchase counts so many days from the lead's creation.
    least_leads : int
        Groups of fewer are not shown.
    everybody : Conversion
    channels, source_kinds, owners : Grouping or None
        None where the export does not say.
    months : tuple of LeadGroup
        By creation, earliest first.
    speed : Speed or None
    funnel : tuple of Step
    fields : tuple of FieldCompleteness
    logging : LoggingPromptness or None
    spend : tuple of ChannelSpend
        Empty without a table of spending.
    """

    horizon_days: int
    least_leads: int
    everybody: Conversion
    channels: Grouping | None
    source_kinds: Grouping | None
    owners: Grouping | None
    months: tuple[LeadGroup, ...]
    speed: Speed | None
    funnel: tuple[Step, ...]
    fields: tuple[FieldCompleteness, ...]
    logging: LoggingPromptness | None
    spend: tuple[ChannelSpend, ...]


def practice(tables: Tables, config: Config) -> Practice:
    """How the team works, by an export.

    Parameters
    ----------
    tables : Tables
        All of the export: what the audit quarantines is work done too.
    config : Config

    Raises
    ------
    FileNotFoundError, ValueError
        ``[report]`` names what is not in the export, or its table of spending breaks a rule.
    """
    chosen, horizon, leads = config.report, config.horizons.warm_days, cohort(tables)
    channel = named_attribute(tables, "channel", chosen.channel, CHANNEL_NAMES)
    owner = owner_attribute(tables, config)
    steps = tuple((step.step, step.selection) for step in chosen.funnel) or FUNNEL
    return Practice(
        horizon_days=horizon,
        least_leads=LEAST_LEADS,
        everybody=conversion(leads.days, leads.watched, horizon),
        channels=_grouped(tables, channel, leads, horizon),
        source_kinds=_source_kinds(tables, config, channel, leads),
        owners=_grouped(tables, owner, leads, horizon),
        months=groups_by_month(leads, horizon),
        speed=contact_speed(tables, leads, horizon),
        funnel=funnel(tables, leads, horizon, steps),
        fields=field_completeness(tables),
        logging=logging_promptness(tables),
        spend=_spend(tables, config, channel, leads),
    )


def owner_attribute(tables: Tables, config: Config) -> str | None:
    """Attribute that says who works a lead; None where there is none."""
    name = config.report.owner or config.features.owner
    return named_attribute(tables, "owner", name, OWNER_NAMES)


def named_attribute(
    tables: Tables, role: str, name: str | None, usual: tuple[str, ...]
) -> str | None:
    """Attribute that plays a part in the report; None where there is none.

    Parameters
    ----------
    tables : Tables
    role : str
        Its key in ``[report]``, for messages.
    name : str or None
        What the configuration says.
    usual : tuple of str
        Names that are looked for when it says nothing.

    Raises
    ------
    ValueError
        The configuration names no attribute that is a category.
    """
    categories = [one for one, kind in tables.attribute_kinds.items() if kind == "category"]
    if name is None:
        return next((one for one in usual if one in categories), None)
    if name not in categories:
        raise ValueError(
            f"[report] {role}: the export has no attribute {name!r} that is a category."
            f"{near_miss(name, categories)} Categories: {', '.join(categories) or 'none'}."
        )
    return name


def _grouped(tables: Tables, name: str | None, leads: Cohort, horizon: int) -> Grouping | None:
    if name is None:
        return None
    return grouping(name, attribute_levels(tables, name), leads, horizon)


def _source_kinds(
    tables: Tables, config: Config, channel: str | None, leads: Cohort
) -> Grouping | None:
    """Leads by seed, net and spear: as ``[report]`` tells channels apart, or by an attribute."""
    chosen, horizon = config.report, config.horizons.warm_days
    kinds = {"seed": chosen.seeds, "net": chosen.nets, "spear": chosen.spears}
    if not any(kinds.values()):
        name = named_attribute(tables, "source_kind", chosen.source_kind, SOURCE_KIND_NAMES)
        return _grouped(tables, name, leads, horizon)
    if channel is None:
        raise ValueError("[report] seeds, nets and spears are values of a channel: name it there.")
    levels = attribute_levels(tables, channel)
    for word in (word for words in kinds.values() for word in words):
        if word not in levels.words[:-1]:
            raise ValueError(
                f"[report] seeds, nets, spears: no lead has {word!r} as {channel}."
                f"{near_miss(word, levels.words[:-1])}"
            )
    code = {word: place for place, words in enumerate(kinds.values()) for word in words}
    codes = np.array([code.get(word, len(kinds)) for word in levels.words[:-1]] + [len(kinds)])
    return grouping(channel, Coded(codes[levels.codes], (*kinds, "no value")), leads, horizon)


def _spend(
    tables: Tables, config: Config, channel: str | None, leads: Cohort
) -> tuple[ChannelSpend, ...]:
    path = config.report.spend
    if path is None:
        return ()
    if channel is None:
        raise ValueError("[report] spend needs a channel: name the attribute that holds it there.")
    spent = read_spend(config.export.base / path)
    return channel_spend(spent, attribute_levels(tables, channel), leads, channel)
