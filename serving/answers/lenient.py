"""Leads with names that the schema does not know, for callers who prefer to be told of them.

A call is strict by default: a name that is unknown is refused, because it is mostly a mistake of
the mapping. With ``Prefer: handling=lenient`` such names are left out before the lead is validated,
and the answer's warnings say which. Everything else that is wrong is refused as before.
"""

from collections.abc import Sequence
from dataclasses import replace

from serving.answers.problem import Names, Problem, list_names, quoted_value
from serving.answers.schemas import ScoredLead

MAX_TOLD = 20
"""Most unknown names that a warning lists."""


def without_unknown_names(lead: object, names: Names) -> tuple[object, tuple[str, ...]]:
    """A lead without what its schema does not know, and the names that were left out.

    Parameters
    ----------
    lead : JSON value
        As it was sent; it is not changed.
    names : mapping of path to names
        Known names of each object, as `serving.answers.model.ServedModel` holds them.

    Returns
    -------
    tuple of JSON value and tuple of str
        Names have the path of their object, such as "interactions.note"; each is there once.

    Examples
    --------
    >>> names = {(): ("lead_id", "attributes"), ("attributes",): ("country",)}
    >>> without_unknown_names({"lead_id": "1", "attributes": {"phone": "2"}, "x": 3}, names)
    ({'lead_id': '1', 'attributes': {}}, ('attributes.phone', 'x'))
    """
    unknown: set[str] = set()
    known_lead = _known(lead, (), names, unknown)
    return known_lead, tuple(sorted(unknown))


def _known(value: object, path: tuple[str, ...], names: Names, unknown: set[str]) -> object:
    """Known members of an object, and of all objects in it.

    Lists within lists are no part of a lead; they are left as they are, however deep.
    """
    if isinstance(value, list):
        return [
            _known(entry, path, names, unknown) if isinstance(entry, dict) else entry
            for entry in value
        ]
    if not isinstance(value, dict) or path not in names:
        return value
    known_names = names[path]
    unknown.update(".".join((*path, name)) for name in value if name not in known_names)
    return {
        name: _known(member, (*path, name), names, unknown)
        for name, member in value.items()
        if name in known_names
    }


def with_warning(answer: ScoredLead | Problem, unknown: Sequence[str]) -> ScoredLead | Problem:
    """The answer, whose warnings name what was left out."""
    if isinstance(answer, Problem) or not unknown:
        return answer
    listed = list_names([quoted_value(name) for name in unknown], MAX_TOLD)
    warning = f"Not used, because the schema does not know it: {listed}."
    return replace(answer, warnings=(*answer.warnings, warning))
