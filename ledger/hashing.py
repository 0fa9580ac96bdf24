"""Keyed hashes in place of lead ids: without the key nobody can tell whose answers they are."""

import hashlib
from collections.abc import Callable

HASHED_BYTES = 16
SHORTEST_KEY = 16
"""Letters that a key has at least."""


def lead_hash(key: str) -> Callable[[str], str]:
    """Function from a lead's id to its keyed hash (BLAKE2b with a key, RFC 7693).

    Parameters
    ----------
    key : str
        The secret; whoever has it can tell which id a hash stands for.

    Raises
    ------
    ValueError
        The key is too short to be a secret. The message does not show it.

    Examples
    --------
    >>> hashed = lead_hash("sixteen letters!")
    >>> len(hashed("L1")), hashed("L1") == hashed("L2")
    (32, False)
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"The ledger's key must have {SHORTEST_KEY} letters or more.")
    secret = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()

    def hashed(lead: str) -> str:
        content = lead.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(content, key=secret, digest_size=HASHED_BYTES).hexdigest()

    return hashed
