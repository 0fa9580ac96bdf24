"""What is known of a refusal: two attributes that any lead may have, and when they are known.

A lead that was refused may still buy. Where a configuration says for how long (``[snapshots]
after_refusal_days``), its refusal is no end but a part of its history: its instant and its reason
are versions of two attributes, known strictly after the refusal like any other version. An export
says them by ``closed_at`` and ``closed_reason``, a request by these two names; features, training
and serving treat both as they treat all attributes.

Tests: tests/features/export/test_refusals.py.
"""

from collections.abc import Mapping
from typing import Literal

REFUSED_AT = "refused_at"
"""Attribute that holds when the lead was refused, and from when on that is known."""
REFUSAL_REASON = "refusal_reason"
"""Attribute that holds the reason of the refusal, as the CRM words it."""
REFUSAL_KINDS: Mapping[str, Literal["number", "category", "timestamp"]] = {
    REFUSED_AT: "timestamp",
    REFUSAL_REASON: "category",
}
"""Both attributes, with their kinds."""
