"""Keyed hashes of lead ids."""

import pytest

from ledger.hashing import lead_hash

KEY = "sixteen letters!"


def test_a_hash_depends_on_lead_and_key_and_on_nothing_else() -> None:
    assert lead_hash(KEY)("L1") == lead_hash(KEY)("L1")
    assert len({lead_hash(KEY)("L1"), lead_hash(KEY)("L2"), lead_hash(KEY * 2)("L1")}) == 3


def test_a_key_of_any_length_and_an_id_of_any_letters_are_taken() -> None:
    assert len(lead_hash("é" * 1000)("a\0\ud800")) == 32


def test_a_short_key_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="must have 16 letters or more") as refused:
        lead_hash("s3cret")
    assert "s3cret" not in str(refused.value)
