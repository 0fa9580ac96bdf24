"""The next version of the contract: what another model changes in it, and what breaks callers.

A name that the new model does not read retires: it is accepted on, for a stated time, and answers
warn of it. A new name is optional. Two changes break callers, because a call that was answered is
refused from then on: another kind of value under the same name, and the removal of a retired name.
The first is refused and the second left undone, unless whoever promotes says otherwise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from features.language.spec import Spec
from models.contract import (
    ATTRIBUTES,
    MEASURES,
    Contract,
    ContractChange,
    ContractName,
    Release,
    Retirement,
    names_of_model,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a model changes the contract.

    Parameters
    ----------
    today : datetime.date
        The day of the change.
    retired_days : int
        For how many days a name is accepted after it retires.
    renamed : mapping of str to str
        New names by old ones, without their paths: values of the old are read as the new.
    break_callers : bool
        Whether another kind of value is allowed, and retired names whose time is over are removed.
    """

    today: date
    retired_days: int
    renamed: Mapping[str, str] = field(default_factory=dict)
    break_callers: bool = False


def draft_contract(contract: Contract, spec: Spec, model_version: str, terms: Terms) -> Contract:
    """The contract as it would be with another model; the same one if nothing changes.

    Parameters
    ----------
    contract : Contract
        The contract in force.
    spec : Spec
        What the model reads that is to serve.
    model_version : str
        Its version.
    terms : Terms
        The day, the time for retired names, renames, and whether callers may break.

    Raises
    ------
    ValueError
        A rename is not from a name that retires to a name of its kind that the model reads.
    """
    own_names = names_of_model(spec)
    renamed = _renamed_paths(contract, own_names, terms.renamed)
    parts = {
        path: _read_name(path, contract.names.get(path), name) for path, name in own_names.items()
    } | {
        path: _unread_name(path, name, terms, renamed.get(path))
        for path, name in contract.names.items()
        if path not in own_names
    }
    changes = [change for _, (_, change) in sorted(parts.items()) if change is not None]
    names = {path: name for path, (name, _) in sorted(parts.items()) if name is not None}
    names = {path: _with_living_successor(name, names) for path, name in names.items()}
    if not changes:
        return contract
    version = next_version(contract.version, changes)
    release = Release(version, terms.today, model_version, tuple(changes))
    return Contract(names, (*contract.releases, release))


def new_changes(draft: Contract, contract: Contract | None) -> tuple[ContractChange, ...]:
    """What a draft changes in the contract that it was drafted from."""
    if contract is None or draft.version == contract.version:
        return ()
    return draft.releases[-1].changes


def next_version(version: str, changes: list[ContractChange]) -> str:
    """Version after some changes.

    Examples
    --------
    >>> next_version("1.2.3", [ContractChange("attributes.a", "words", "")])
    '1.2.4'
    >>> next_version("1.2.3", [ContractChange("attributes.a", "added", "")])
    '1.3.0'
    >>> next_version("1.2.3", [ContractChange("attributes.a", "removed", "")])
    '2.0.0'
    """
    major, minor, patch = map(int, version.split("."))
    if any(change.breaks_callers for change in changes):
        return f"{major + 1}.0.0"
    if any(change.change != "words" for change in changes):
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def _read_name(
    path: str, earlier: ContractName | None, own_name: ContractName
) -> tuple[ContractName, ContractChange | None]:
    """A name that the new model reads, and what changes for it."""
    if earlier is None:
        return own_name, ContractChange(path, "added", f"New and optional: a {own_name.kind}.")
    if earlier.kind != own_name.kind:
        sentence = f"Was a {earlier.kind} and is a {own_name.kind}: values as before are refused."
        return own_name, ContractChange(path, "other_kind", sentence)
    if earlier.retirement is not None:
        return own_name, ContractChange(path, "read_again", "Was retired, and is read again.")
    if set(earlier.words) != set(own_name.words):
        return own_name, ContractChange(
            path, "words", " ".join(_word_changes(earlier.words, own_name.words))
        )
    return own_name, None


def _unread_name(
    path: str, earlier: ContractName, terms: Terms, successor: str | None
) -> tuple[ContractName | None, ContractChange | None]:
    """A name that the new model does not read, and what changes for it; None once removed."""
    retirement = earlier.retirement
    if retirement is not None and retirement.accepted_until < terms.today and terms.break_callers:
        return None, ContractChange(path, "removed", "Refused from now on: its time is over.")
    if retirement is not None and successor in (None, retirement.instead):
        return earlier, None
    since = terms.today if retirement is None else retirement.since
    last_day = terms.today + timedelta(days=terms.retired_days)
    if retirement is not None:
        last_day = max(last_day, retirement.accepted_until)
    use = "it is not used" if successor is None else f"it is read as {successor}"
    sentence = f"Retired: {use}, and accepted until {last_day.isoformat()} at least."
    retired = replace(earlier, retirement=Retirement(since, last_day, successor))
    return retired, ContractChange(path, "retired", sentence)


def _word_changes(earlier: tuple[str, ...], own_words: tuple[str, ...]) -> Iterator[str]:
    for label, words in (
        ("New words:", [word for word in own_words if word not in earlier]),
        ("No longer told apart:", [word for word in earlier if word not in own_words]),
    ):
        if words:
            yield f"{label} {', '.join(words)}."


def _renamed_paths(
    contract: Contract, own_names: Mapping[str, ContractName], renamed: Mapping[str, str]
) -> dict[str, str]:
    """New paths by old ones.

    Raises
    ------
    ValueError
        A rename leads from or to a name that it cannot.
    """
    paths = dict[str, str]()
    for earlier_name, own_name in renamed.items():
        fits = [
            (prefix + earlier_name, prefix + own_name)
            for prefix in (ATTRIBUTES, MEASURES)
            if prefix + earlier_name in contract.names
            and prefix + earlier_name not in own_names
            and prefix + own_name in own_names
            and own_names[prefix + own_name].kind == contract.names[prefix + earlier_name].kind
        ]
        if not fits:
            raise ValueError(
                f"--renamed {earlier_name}={own_name}: must lead from a name that the new model "
                "does not read any more to one of the same kind that it reads. It reads "
                f"{', '.join(path for path in own_names if path.startswith(ATTRIBUTES))}."
            )
        paths |= dict(fits)
    return paths


def _with_living_successor(name: ContractName, names: Mapping[str, ContractName]) -> ContractName:
    """The name, whose successor is one that the model reads: that of a retired one is followed."""
    retirement = name.retirement
    if retirement is None or retirement.instead is None:
        return name
    successor: str | None = retirement.instead
    visited = set[str]()
    while successor is not None and successor not in visited:
        visited.add(successor)
        target = names.get(successor)
        if target is not None and target.retirement is None and target.kind == name.kind:
            return replace(name, retirement=replace(retirement, instead=successor))
        successor = (
            None if target is None or target.retirement is None else (target.retirement.instead)
        )
    return replace(name, retirement=replace(retirement, instead=None))
