"""How the team works: what an export says about selling, without any model.

`practice` counts how many leads buy by channel, kind of source, owner and month, how soon leads are
contacted, how far they get, how well the CRM is kept, and what the channels cost. Purchases count
from a lead's creation to the end of the warm horizon. The section ``[report]`` of the configuration
names the attributes that hold channel, kind of source and owner; without it they are found by their
usual names.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features.export.sections import near_miss
from features.tables import Tables
from training.config import ReportSettings
from training.dataset.values import EncodedValues
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
        Days from a lead's creation within which a purchase counts.
    least_leads : int
        Smallest group of leads that is shown.
    everybody : Conversion
        Purchases of all leads.
    channels, source_kinds, owners : Grouping or None
        Leads by these attributes; None where the export has no such attribute.
    months : tuple of LeadGroup
        Leads by the month of their creation, earliest first.
    speed : Speed or None
        How soon leads are contacted; None where no interaction is outbound.
    funnel : tuple of Step
        How far leads get.
    fields : tuple of FieldCompleteness
        How often each field of the leads is filled, the rarest first.
    logging : LoggingPromptness or None
        How soon interactions are recorded; None where the export does not say.
    spend : tuple of ChannelSpend
        Costs of each channel; empty without a table of spending.
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


def practice(tables: Tables, settings: ReportSettings, horizon_days: int) -> Practice:
    """How the team works, by an export.

    Parameters
    ----------
    tables : Tables
        The whole export, with what the audit quarantines, because that is the team's work too.
    settings : ReportSettings
        Attributes to group by, funnel and spending; see `training.config.Config.practice`.
    horizon_days : int
        Days from a lead's creation within which a purchase counts.

    Raises
    ------
    FileNotFoundError, ValueError
        ``[report]`` names what is not in the export, or its table of spending breaks a rule.
    """
    leads = cohort(tables)
    channel = named_attribute(tables, "channel", settings.channel, CHANNEL_NAMES)
    owner = owner_attribute(tables, settings.owner)
    steps = tuple((step.step, step.selection) for step in settings.funnel) or FUNNEL
    return Practice(
        horizon_days=horizon_days,
        least_leads=LEAST_LEADS,
        everybody=conversion(leads.days, leads.watched, horizon_days),
        channels=_grouped(tables, channel, leads, horizon_days),
        source_kinds=_source_kinds(tables, settings, channel, leads, horizon_days),
        owners=_grouped(tables, owner, leads, horizon_days),
        months=groups_by_month(leads, horizon_days),
        speed=contact_speed(tables, leads, horizon_days),
        funnel=funnel(tables, leads, horizon_days, steps),
        fields=field_completeness(tables),
        logging=logging_promptness(tables),
        spend=_spend(tables, settings.spend, channel, leads),
    )


def owner_attribute(tables: Tables, name: str | None) -> str | None:
    """Attribute that says who works a lead, of the configured name or a usual one, or None."""
    return named_attribute(tables, "owner", name, OWNER_NAMES)


def named_attribute(
    tables: Tables, role: str, name: str | None, usual: tuple[str, ...]
) -> str | None:
    """Attribute that has a role in the report; None where there is none.

    Parameters
    ----------
    tables : Tables
        The export.
    role : str
        Key of the role in ``[report]``, for messages.
    name : str or None
        Attribute that the configuration names, if it names one.
    usual : tuple of str
        Usual names, which are tried in this order where the configuration names none.

    Raises
    ------
    ValueError
        The configuration names something that is no attribute of the export, or no category.
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
    tables: Tables, settings: ReportSettings, channel: str | None, leads: Cohort, horizon: int
) -> Grouping | None:
    """Leads by seed, net and spear: by channel as ``[report]`` says, or by an attribute."""
    kinds = {"seed": settings.seeds, "net": settings.nets, "spear": settings.spears}
    if not any(kinds.values()):
        name = named_attribute(tables, "source_kind", settings.source_kind, SOURCE_KIND_NAMES)
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
    code = {word: index for index, words in enumerate(kinds.values()) for word in words}
    codes = np.array([code.get(word, len(kinds)) for word in levels.words[:-1]] + [len(kinds)])
    return grouping(
        channel, EncodedValues(codes[levels.codes], (*kinds, "no value")), leads, horizon
    )


def _spend(
    tables: Tables, path: Path | None, channel: str | None, leads: Cohort
) -> tuple[ChannelSpend, ...]:
    if path is None:
        return ()
    if channel is None:
        raise ValueError("[report] spend needs a channel: name the attribute that holds it there.")
    rows = read_spend(path)
    return channel_spend(rows, attribute_levels(tables, channel), leads, channel)
