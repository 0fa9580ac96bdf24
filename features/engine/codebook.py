"""Which selections look at an interaction, by one look at all of its labels together."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.arrays import Bool, Int64
from features.engine.history import LabelColumn
from features.language.kinds import LABEL_FIELDS, LabelField, Selection

MOST_CODES = 10_000
"""Label fields are looked at together as long as their values have no more combinations."""


@dataclass(frozen=True, slots=True)
class Codebook:
    """Which selections admit which values of some label fields, taken together.

    Parameters
    ----------
    indices : mapping of field to (index of values, stride)
        The values of each field that some selection names. An event's code is the sum of its
        values' places times the strides; all other values, and a missing one, share the last place.
    admitted : bool array of shape (selections, codes)
        Whether a selection admits the events with a code.
    """

    indices: dict[LabelField, tuple[dict[str, int], int]]
    admitted: Bool

    def code(self, labels: Mapping[LabelField, LabelColumn]) -> Int64:
        """Code of each event."""
        codes = [
            labels[name].recode(index, unlisted=len(index), missing=len(index), scale=stride)
            for name, (index, stride) in self.indices.items()
        ]
        return functools.reduce(np.add, codes)


def codebooks(selections: tuple[Selection, ...]) -> tuple[Codebook, ...]:
    """Codebooks of all fields, as many fields together as give no more than `MOST_CODES`."""
    books: list[Codebook] = []
    for name in LABEL_FIELDS:
        allowed_values: list[tuple[str, ...]] = [getattr(one, name) for one in selections]
        if not any(allowed_values):
            continue
        index = {value: i for i, value in enumerate(sorted({v for w in allowed_values for v in w}))}
        admitted = np.zeros((len(selections), len(index) + 1), np.bool_)
        for row, values in zip(admitted, allowed_values, strict=True):
            row[[index[value] for value in values] if values else slice(None)] = True
        if books and books[-1].admitted.shape[1] * admitted.shape[1] <= MOST_CODES:
            book = books.pop()
            stride = book.admitted.shape[1]
            together = admitted[:, :, None] & book.admitted[:, None, :]
            indices = {**book.indices, name: (index, stride)}
            books.append(Codebook(indices, together.reshape(len(selections), -1)))
        else:
            books.append(Codebook({name: (index, 1)}, admitted))
    return tuple(books)
