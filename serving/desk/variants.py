"""Leads as they are known at an instant, and as they would be if something more were known.

What would an outcome make of a lead, which unknown attribute would change its band, on which day
does it cool: each is the same lead with one thing added, scored by the same executor. So these
functions take `Histories` and give `Histories`.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from features.arrays import Float64, Int64
from features.engine.history import (
    ALWAYS_KNOWN,
    MISSING,
    AttributeVersions,
    Histories,
    LabelColumn,
    is_known,
    last_known,
    when_known,
)
from features.language.kinds import LabelField


def some_histories(histories: Histories, leads: Int64) -> Histories:
    """Some leads alone, with all that happened to them.

    Parameters
    ----------
    histories : Histories
        All leads.
    leads : int64 array of shape (n,)
        Which of them, in the order of the result.
    """
    events, offsets = _parts(histories.offsets, leads)
    attributes = {
        name: _some_versions(versions, leads) for name, versions in histories.attributes.items()
    }
    return _with_events(histories, leads, events, offsets, attributes)


def known_histories(histories: Histories, leads: Int64, as_of: int) -> Histories:
    """Some leads with what was known at an instant, each attribute at its latest value.

    Parameters
    ----------
    histories : Histories
        All leads.
    leads : int64 array of shape (n,)
        Which of them, in the order of the result.
    as_of : int
        The instant, in microseconds.
    """
    events, offsets = _parts(histories.offsets, leads)
    lead = np.repeat(np.arange(len(leads)), np.diff(offsets))
    known_at = when_known(histories.occurred_at[events], histories.recorded_at[events])
    mask = is_known(known_at, as_of)
    offsets = np.searchsorted(lead[mask], np.arange(len(leads) + 1)).astype(np.int64)
    attributes = {
        name: _latest_version(versions, leads, as_of)
        for name, versions in histories.attributes.items()
    }
    return _with_events(histories, leads, events[mask], offsets, attributes)


def _with_events(
    histories: Histories,
    leads: Int64,
    events: Int64,
    offsets: Int64,
    attributes: Mapping[str, AttributeVersions],
) -> Histories:
    return Histories(
        created_at=histories.created_at[leads],
        offsets=offsets,
        occurred_at=histories.occurred_at[events],
        recorded_at=histories.recorded_at[events],
        labels={
            name: LabelColumn(labels.codes[events], labels.vocabulary)
            for name, labels in histories.labels.items()
        },
        measures={name: values[events] for name, values in histories.measures.items()},
        attributes=attributes,
    )


def _some_versions(versions: AttributeVersions, leads: Int64) -> AttributeVersions:
    rows, offsets = _parts(versions.offsets, leads)
    labels = versions.labels
    return AttributeVersions(
        offsets=offsets,
        recorded_at=versions.recorded_at[rows],
        numbers=None if versions.numbers is None else versions.numbers[rows],
        labels=None if labels is None else LabelColumn(labels.codes[rows], labels.vocabulary),
        is_fixed=versions.is_fixed,
    )


def _latest_version(versions: AttributeVersions, leads: Int64, as_of: int) -> AttributeVersions:
    """The value of each lead that is known at an instant, fixed from its creation on."""
    instants = np.full(len(leads), as_of, np.int64)
    end = last_known(versions.offsets, versions.recorded_at, leads, instants)
    position = np.where(end > versions.offsets[leads], end - 1, -1)
    offsets = np.arange(len(leads) + 1, dtype=np.int64)
    always = np.full(len(leads), ALWAYS_KNOWN, np.int64)
    if versions.labels is not None:
        codes = np.append(versions.labels.codes, np.int32(-1))[position]
        labels = LabelColumn(codes, versions.labels.vocabulary)
        return AttributeVersions(offsets, always, labels=labels, is_fixed=True)
    numbers = np.append(np.asarray(versions.numbers, np.float64), np.nan)[position]
    return AttributeVersions(offsets, always, numbers=numbers, is_fixed=True)


def current_labels(histories: Histories, name: str, as_of: int) -> LabelColumn:
    """Value of a category of each lead as known at an instant.

    Parameters
    ----------
    histories : Histories
        The leads.
    name : str
        A category among their attributes.
    as_of : int
        The instant, in microseconds.
    """
    versions = histories.attributes[name]
    if versions.labels is None:
        raise ValueError(f"attribute '{name}' must be a category, found numbers or times.")
    current = _latest_version(versions, np.arange(histories.leads), as_of).labels
    return current if current is not None else LabelColumn(np.empty(0, np.int32), ())


def current_numbers(histories: Histories, name: str, as_of: int) -> Float64:
    """Value of a number of each lead as known at an instant; NaN where it is unknown.

    Parameters
    ----------
    histories : Histories
        The leads.
    name : str
        A number among their attributes.
    as_of : int
        The instant, in microseconds.
    """
    versions = histories.attributes[name]
    if versions.numbers is None:
        raise ValueError(f"attribute '{name}' must be a number, found words.")
    current = _latest_version(versions, np.arange(histories.leads), as_of).numbers
    return np.asarray(current, np.float64)


def with_contact(histories: Histories, labels: Mapping[LabelField, str], instant: int) -> Histories:
    """Every lead with one more interaction.

    Parameters
    ----------
    histories : Histories
        The leads.
    labels : mapping of label field to str
        The interaction's words; fields that are not named are missing.
    instant : int
        When it takes place and is recorded, in microseconds.
    """
    ends = histories.offsets[1:]
    return replace(
        histories,
        offsets=histories.offsets + np.arange(histories.leads + 1),
        occurred_at=np.insert(histories.occurred_at, ends, instant),
        recorded_at=np.insert(histories.recorded_at, ends, instant),
        labels={
            name: _with_label(column, ends, labels.get(name))
            for name, column in histories.labels.items()
        },
        measures={
            name: np.insert(values, ends, MISSING) for name, values in histories.measures.items()
        },
    )


def _with_label(column: LabelColumn, positions: Int64, word: str | None) -> LabelColumn:
    vocabulary, code = column.vocabulary, -1
    if word is not None:
        if word not in vocabulary:
            vocabulary = (*vocabulary, word)
        code = vocabulary.index(word)
    return LabelColumn(np.insert(column.codes, positions, np.int32(code)), vocabulary)


def with_attribute(histories: Histories, name: str, value: str | float) -> Histories:
    """Every lead with one value of an attribute, known from its creation on.

    Parameters
    ----------
    histories : Histories
        The leads.
    name : str
        One of their attributes.
    value : str or float
        A category's word, or a number (of a time its microseconds).
    """
    leads = histories.leads
    offsets = np.arange(leads + 1, dtype=np.int64)
    always = np.full(leads, ALWAYS_KNOWN, np.int64)
    versions = (
        AttributeVersions(
            offsets, always, labels=LabelColumn(np.zeros(leads, np.int32), (value,)), is_fixed=True
        )
        if isinstance(value, str)
        else AttributeVersions(offsets, always, numbers=np.full(leads, value), is_fixed=True)
    )
    return replace(histories, attributes={**histories.attributes, name: versions})


def _parts(offsets: Int64, leads: Int64) -> tuple[Int64, Int64]:
    """Positions of the rows of some leads, one lead after the other, and the leads' offsets."""
    begin, end = offsets[leads], offsets[leads + 1]
    new_offsets = np.concatenate([[0], np.cumsum(end - begin)]).astype(np.int64)
    shift = np.repeat(begin - new_offsets[:-1], end - begin)
    return shift + np.arange(int(new_offsets[-1])), new_offsets
