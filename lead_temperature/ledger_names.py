"""What the ledger calls a lead: its id or, where the environment has a key, the keyed hash of it.

Tests: tests/lead_temperature/test_ledger_verbs.py.
"""

from collections.abc import Callable, Mapping

LEDGER_KEY_VARIABLE = "LEAD_TEMPERATURE_LEDGER_KEY"


def lead_names(environment: Mapping[str, str]) -> Callable[[str], str]:
    """Function from a lead's id to its name in the ledger.

    Parameters
    ----------
    environment : mapping of str to str
        Environment variables; the key is that of the server.

    Raises
    ------
    ValueError
        The key is too short.
    """
    from ledger.hashing import lead_hash

    key = environment.get(LEDGER_KEY_VARIABLE)
    return str if key is None else lead_hash(key)
