"""Names that the model does not read any more, but that callers may still send.

The contract says which they are (`models.contract`). `take_retired` takes them out of a lead that
was validated, moves the values of a renamed one to the name that took its place, and says so in the
words of a warning. A lead is as quick as before where the contract has no such name.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from models.contract import ATTRIBUTES, MEASURES, Contract, Retirement
from serving.answers.problem import Names
from serving.answers.schemas import Lead

Fields: TypeAlias = MutableMapping[str, float | int | str | None]
"""Attributes of a lead, or measures of an interaction."""


@dataclass(frozen=True, slots=True)
class RetiredNames:
    """Retired names of a contract, without their paths.

    Parameters
    ----------
    attributes, measures : mapping of name to Retirement
        Those of the lead and those of its interactions.
    """

    attributes: Mapping[str, Retirement]
    measures: Mapping[str, Retirement]


def retired_names(contract: Contract) -> RetiredNames | None:
    """Retired names of a contract; None if it has none."""
    by_prefix = (
        {
            path.removeprefix(prefix): retirement
            for path, retirement in contract.retired.items()
            if path.startswith(prefix)
        }
        for prefix in (ATTRIBUTES, MEASURES)
    )
    attributes, measures = by_prefix
    return RetiredNames(attributes, measures) if attributes or measures else None


def names_with_retired(names: Names, retired: RetiredNames) -> Names:
    """Names of the schema that the model reads, followed by retired ones."""
    return {
        **names,
        ("attributes",): (*names["attributes",], *retired.attributes),
        ("interactions", "measures"): (*names["interactions", "measures"], *retired.measures),
    }


def take_retired(lead: Lead, retired: RetiredNames | None) -> Iterator[str]:
    """Take retired names out of a lead, which is changed.

    Parameters
    ----------
    lead : Lead
        As validation gave it.
    retired : RetiredNames or None
        Of the contract.

    Yields
    ------
    str
        A warning for each name that was sent.
    """
    if retired is None:
        return
    attributes: Any = lead.get("attributes") or {}
    yield from _take(ATTRIBUTES, [attributes], retired.attributes)
    if retired.measures:
        interactions = lead.get("interactions") or ()
        measures: list[Any] = [one.get("measures") or {} for one in interactions]
        yield from _take(MEASURES, measures, retired.measures)


def _take(
    prefix: str, values: Sequence[Fields], retirements: Mapping[str, Retirement]
) -> Iterator[str]:
    """Take names out of objects of one kind; one warning for each that any of them has."""
    for name, retirement in retirements.items():
        holders = [each for each in values if name in each]
        if not holders:
            continue
        successor = (retirement.instead or "").removeprefix(prefix)
        for holder in holders:
            value = holder.pop(name)
            if successor and holder.get(successor) is None:
                holder[successor] = value
        yield _warning(prefix + name, retirement)


def _warning(path: str, retirement: Retirement) -> str:
    """What an answer says of a retired name that was sent."""
    last_day = retirement.accepted_until.isoformat()
    if retirement.instead is None:
        return (
            f"{path}: retired and not used. Leave it out: it is accepted until {last_day} at least."
        )
    return (
        f"{path}: retired and read as {retirement.instead}. Send that name: the old one is "
        f"accepted until {last_day} at least."
    )
