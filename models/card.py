"""What a model's card says about where the model may be trusted.

The card is the JSON that training leaves in a bundle. Bulk scoring and the server both ask it here
and use the same words, so that a lead is warned of alike, however it comes.
"""

from collections.abc import Mapping
from typing import Any

MANAGERS = "report"
"""Where the card holds what managers read of their team; no other answer shows it."""


def judged_days(card: Mapping[str, Any]) -> float | None:
    """Greatest age at which leads were looked at in training, in days; None if it is not told.

    Examples
    --------
    >>> judged_days({"snapshots": {"until_days": 180.0}})
    180.0
    """
    days = card.get("snapshots", {}).get("until_days")
    return None if days is None else float(days)


def older_than_judged(days: float) -> str:
    """What a lead is that was created longer ago than `judged_days`, in words.

    Examples
    --------
    >>> older_than_judged(180.0)
    'older than any lead the model was judged on: 180 days'
    """
    return f"older than any lead the model was judged on: {days:g} day{'' if days == 1 else 's'}"
