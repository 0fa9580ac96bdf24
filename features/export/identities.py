"""Who a lead is: its other ids, the leads that were merged into it, the person behind it.

On conversion a CRM moves a lead's activities to a contact with an id of its own; of two leads that
were merged one goes on with the history of both; and one person may come back as a new lead.
`merge_targets` and `Identities` give every contact back to its lead, and `person_numbers` tells
which leads are one person's without keeping who that is.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.arrays import Bool, Int64
from features.export.toml_text import toml_text
from features.tables import Suspicion

# One address of so many leads is that of an office or an agency, and of no person.
_MOST_OF_ONE_PERSON = 10
# So few doubles are typing errors; where most are some, the column tells no persons apart.
_FEW_DOUBLES, _LEAST_DOUBLES, _MOST_DOUBLES = 0.002, 3, 0.5


def doubles_doubt(
    lead_ids: pa.ChunkedArray, contacts: pa.ChunkedArray, column: str, accepted: pa.ChunkedArray
) -> tuple[Suspicion, ...]:
    """Doubt whether several leads are one person's: they share an e-mail address or a number.

    Parameters
    ----------
    lead_ids, contacts : pa.ChunkedArray
        Id and address or number of each row of the leads, as text. Only how often they are there
        is looked at; no value is kept or shown.
    column : str
        Name of the column with the addresses or numbers.
    accepted : pa.ChunkedArray
        Ids of the leads that were read; other rows are no leads.
    """
    folded = pc.utf8_lower(pc.utf8_trim_whitespace(contacts))
    folded = pc.if_else(pc.equal(folded, ""), None, folded)
    rows = pa.table({"lead": lead_ids, "contact": folded})
    rows = rows.filter(pc.and_(pc.is_valid(folded), pc.is_in(lead_ids, value_set=accepted)))
    groups = rows.group_by("contact").aggregate(
        [("lead", "count_distinct"), ("lead", "min"), ("lead", "max")]
    )
    sizes = groups["lead_count_distinct"]
    shared = groups.filter(pc.and_(pc.greater(sizes, 1), pc.less_equal(sizes, _MOST_OF_ONE_PERSON)))
    leads = pc.sum(shared["lead_count_distinct"]).as_py() or 0
    fewest = max(_LEAST_DOUBLES, _FEW_DOUBLES * len(accepted))
    if not fewest <= leads <= _MOST_DOUBLES * rows.num_rows:
        return ()
    first, second = min(
        zip(shared["lead_min"].to_pylist(), shared["lead_max"].to_pylist(), strict=True)
    )
    return (
        Suspicion(
            "likely doubles of one person",
            f"leads.{column}",
            leads,
            f"leads {first!r} and {second!r} have the same",
            f"write person = {toml_text(column)} under [leads.columns]: leads of one person then "
            "count as one in every split and interval; merge doubles with merged_into",
        ),
    )


def merge_targets(ids: Sequence[str | None], into: Sequence[str | None]) -> dict[str, str]:
    """Lead that each merged lead has become, at the end of the chain of merges.

    Parameters
    ----------
    ids, into : sequence of str or None
        The id of each row of the leads, and that of the lead it was merged into.

    Returns
    -------
    dict of str to str
        From the id of a merged lead to that of a lead that was not. A lead that was merged into
        one that is not in the table, or in a circle, is not among them.

    Examples
    --------
    >>> merge_targets(["1", "2", "3", "4"], ["2", "3", None, "9"])
    {'1': '3', '2': '3'}
    """
    next_of = {
        lead: target
        for lead, target in zip(ids, into, strict=True)
        if lead is not None and target is not None and lead != target
    }
    all_leads = set(ids)
    ends = {}
    for lead, target in next_of.items():
        chain, end = {lead}, target
        while end in next_of and end not in chain:
            chain.add(end)
            end = next_of[end]
        if end in all_leads and end not in chain:
            ends[lead] = end
    return ends


@dataclass(frozen=True, slots=True)
class Identities:
    """All ids by which interactions and the log of attributes may name a lead.

    Attributes
    ----------
    lead_ids : pa.Array
        Ids of the accepted leads.
    rows_by_alias : dict of str to tuple of int
        From any other id to the leads that have it, as rows, in the order of their creation.
    created_at : int64 array of shape (leads,)
        Creation of each accepted lead in microseconds.
    left_out : pa.Array
        Ids of rows that are no leads by the configuration: what concerns them is no fault.
    unread : pa.Array
        Ids of accepted leads that nobody asks about: what concerns them is not read.
    """

    lead_ids: pa.Array
    rows_by_alias: Mapping[str, tuple[int, ...]]
    created_at: Int64
    left_out: pa.Array
    unread: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))

    @classmethod
    def of(
        cls,
        leads: pa.Table,
        other_ids: Sequence[tuple[str, str]],
        left_out: Sequence[str] = (),
    ) -> "Identities":
        """Identities of accepted leads.

        Parameters
        ----------
        leads : pa.Table
            The accepted leads, with ``lead_id`` and ``created_at``.
        other_ids : sequence of (str, str)
            Other ids, each with the ``lead_id`` it stands for. One that is a lead's own is not
            looked at.
        left_out : sequence of str
            Ids of rows that the configuration leaves out.
        """
        lead_ids = leads["lead_id"].combine_chunks()
        created_at = np.asarray(leads["created_at"].cast(pa.int64()).to_numpy(), np.int64)
        row_of = {lead: row for row, lead in enumerate(lead_ids.to_pylist())}
        rows_by_id: dict[str, set[int]] = {}
        for alias, lead in other_ids:
            if alias not in row_of and lead in row_of:
                rows_by_id.setdefault(alias, set()).add(row_of[lead])
        rows_by_alias = {
            alias: tuple(sorted(rows, key=lambda row: (created_at[row], row)))
            for alias, rows in rows_by_id.items()
        }
        no_leads = [lead for lead in left_out if lead not in row_of and lead not in rows_by_alias]
        return cls(lead_ids, rows_by_alias, created_at, pa.array(no_leads, pa.string()))

    def unread_but(self, is_read: Bool) -> "Identities":
        """The same identities, of which only some leads are asked about.

        Parameters
        ----------
        is_read : bool array of shape (leads,)
            Which of the accepted leads those are. An id that such a lead shares with others is
            read.
        """
        aliases = [
            alias for alias, rows in self.rows_by_alias.items() if not is_read[list(rows)].any()
        ]
        own_ids = self.lead_ids.filter(pa.array(~is_read))
        return replace(self, unread=pa.concat_arrays([own_ids, pa.array(aliases, pa.string())]))

    def is_known(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Whether each id is that of an accepted lead, of whatever kind."""
        all_ids = pa.concat_arrays(
            [self.lead_ids, pa.array(self.rows_by_alias.keys(), pa.string())]
        )
        return pc.is_in(ids, value_set=all_ids)

    def is_unread(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Whether each id is that of a lead that nobody asks about."""
        return pc.is_in(ids, value_set=self.unread)

    def is_left_out(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Whether each id is that of a row which is no lead by the configuration."""
        return pc.is_in(ids, value_set=self.left_out)

    def own_ids(self, ids: pa.ChunkedArray, instants: pa.ChunkedArray) -> pa.ChunkedArray:
        """The lead's own id in the place of any other.

        Parameters
        ----------
        ids : pa.ChunkedArray
            Ids that are known.
        instants : pa.ChunkedArray
            When what they belong to took place. An id that several leads share, as the contact of
            one who came back, is that of the latest lead created by then, else of the first.

        Returns
        -------
        pa.ChunkedArray
            The leads' own ids.
        """
        if not self.rows_by_alias:
            return ids
        keys = pa.array(self.rows_by_alias.keys(), pa.string())
        position = pc.index_in(ids, value_set=keys)
        row = np.array([rows[0] for rows in self.rows_by_alias.values()], np.int64)
        lead_row = row[np.asarray(pc.fill_null(position, 0).to_numpy(), np.int64)]
        shared = [i for i, rows in enumerate(self.rows_by_alias.values()) if len(rows) > 1]
        if shared:
            times = np.asarray(instants.cast(pa.int64()).to_numpy(), np.int64)
            of_other = np.asarray(pc.fill_null(position, -1).to_numpy(), np.int64)
            candidates = list(self.rows_by_alias.values())
            for row_number in np.flatnonzero(np.isin(of_other, shared)):
                rows = np.array(candidates[of_other[row_number]], np.int64)
                latest = np.searchsorted(self.created_at[rows], times[row_number], side="right") - 1
                lead_row[row_number] = rows[max(latest, 0)]
        return pc.if_else(
            pc.is_null(position), ids, pa.chunked_array([self.lead_ids.take(pa.array(lead_row))])
        )


def person_hashes(texts: pa.Array, key: bytes) -> pa.Array:
    """Keyed hash in the place of what tells a person, such as an e-mail address.

    Parameters
    ----------
    texts : pa.Array
        The values; capitals and blanks make no difference, an empty one tells nobody.
    key : bytes
        Secret, without which the hash of a guessed address cannot be computed.

    Returns
    -------
    pa.Array
        32 hexadecimal digits each, or null.
    """
    return pa.array([_hash(text, key) for text in texts.to_pylist()], pa.string())


def _hash(text: str | None, key: bytes) -> str | None:
    plain = "".join((text or "").casefold().split())
    return hashlib.blake2b(plain.encode(), key=key, digest_size=16).hexdigest() if plain else None


def fresh_key() -> bytes:
    """Key for one reading; it is written nowhere."""
    return secrets.token_bytes(32)


def person_numbers(hashes: pa.ChunkedArray) -> pa.ChunkedArray:
    """Number of each person, from 0 in the order in which they come; null where nobody is told.

    The numbers are the same whenever the same export is read, the hashes are not.
    """
    encoded = hashes.combine_chunks().dictionary_encode()
    return pa.chunked_array([encoded.indices.cast(pa.int64())])
