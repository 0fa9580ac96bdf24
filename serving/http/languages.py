"""The language of a page, chosen from those that the reader's browser asks for.

A browser sends the languages that its reader speaks, such as ``pt-BR, ru;q=0.8``: language ranges
with weights (RFC 9110, 12.5.4). The offered language with the largest weight wins. A range without
an offered language of its own is shortened until one fits (RFC 4647, 3.4), so Brazilians get
Portuguese. Ranges that cannot be read are ignored: a page in another language is better than none.
"""

import re
from collections.abc import Sequence

_RANGE = re.compile(
    r"\s*(?P<tag>\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)\s*(?:;\s*q=(?P<q>0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?",
    re.IGNORECASE,
)


def preferred_language(header: str | None, offered: Sequence[str]) -> str:
    """Offered language that fits an ``Accept-Language`` header best.

    Parameters
    ----------
    header : str or None
        The header as it was sent; None or empty for no preference.
    offered : sequence of str
        Codes of ISO 639; the first one is the default.

    Examples
    --------
    >>> preferred_language("de, pt-BR;q=0.9, ru;q=0.95", ["en", "pt", "ru"])
    'ru'
    >>> preferred_language("en;q=0, *", ["en", "pt", "ru"])
    'pt'
    """
    parts = (_RANGE.fullmatch(part) for part in (header or "").split(","))
    weights = [(part["tag"].lower(), float(part["q"] or 1)) for part in parts if part]
    refused = {tag for tag, weight in weights if weight == 0}
    # Sorting keeps the order of ranges of one weight: the first is what the reader put first.
    for tag, weight in sorted(weights, key=lambda pair: -pair[1]):
        if weight > 0 and (language := _matching_language(tag, offered, refused)):
            return language
    return offered[0]


def _matching_language(tag: str, offered: Sequence[str], refused: set[str]) -> str | None:
    if tag == "*":
        return next((code for code in offered if code not in refused), None)
    while tag:
        if tag in offered and tag not in refused:
            return tag
        tag = tag.rpartition("-")[0]
    return None
