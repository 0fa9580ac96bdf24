"""What follows on a band is counted from its first look, by hand."""

import numpy as np

from features.engine.history import MICROSECONDS_PER_DAY as DAY
from features.spine import Spine
from tests.support.tables import tables_of
from training.team.aftermath import aftermaths


def test_what_follows_on_a_band_counts_from_its_first_look_and_only_our_contacts():
    rows = [
        {"lead_id": str(i), "created_at": 0, "converted_at": 20 + i if i < 40 else None}
        for i in range(60)
    ]
    events = [
        {"lead_id": str(i), "occurred_at": day, "direction": way}
        for i in range(60)
        for day, way in ((5, "outbound"), (12, "outbound"), (13, "inbound"), (15, "outbound"))
    ]
    lead = np.repeat(np.arange(60), 2)
    spine = Spine(lead, np.tile([10 * DAY, 14 * DAY], 60))
    band = np.tile(["cold", "hot"], 60)
    hot, warm, cold = aftermaths(tables_of(rows, events), spine, band, horizon=30)
    assert (hot.conversion.leads, warm.conversion.leads, cold.conversion.leads) == (60, 0, 60)
    # Within 30 days of day 14, those that convert up to day 44; of day 10, up to day 40.
    assert (hot.conversion.bought, cold.conversion.bought) == (25, 21)
    assert cold.conversion.days.value == 20
    assert (cold.contacts.value, hot.contacts.value) == (2, 1)
    assert warm.contacts is None


def test_without_directions_every_interaction_is_a_contact_and_who_had_none_counts_as_zero():
    rows = [{"lead_id": str(i), "created_at": 0, "converted_at": 20} for i in range(20)]
    events = [{"lead_id": str(i), "occurred_at": 12, "kind": "call"} for i in range(12)]
    spine = Spine(np.arange(20), np.full(20, 10 * DAY))
    hot, _, _ = aftermaths(tables_of(rows, events), spine, np.full(20, "hot"), horizon=30)
    assert (hot.contacts.low, hot.contacts.value, hot.contacts.high) == (0, 1, 1)
