"""A list with every kind of row, for the tests of what is made of it."""

from datetime import date
from functools import cache

from models.plays import shipped_plays
from serving.desk.optimum import best_pairs
from serving.desk.worklist import PreviousList, PreviousRow, Worklist, make_worklist
from tests.support.bundles import small_bundle
from tests.support.desk import DAY, MONDAY, contact, house, lead, pool

HOSTILE = '=1+1"><script>alert(1)</script>'


@cache
def lively_list(hostile: bool = False) -> Worklist:
    """Rows of every clock, with and without an owner, a talk, a change and a question."""
    calls = [contact(50, outcome=word) for word in ("agreed_next_step", "cool", "no_answer")]
    meeting = {**contact(-0.2, kind="meeting"), "recorded_at": MONDAY - 9 * DAY}
    question = contact(1, kind="price_question", direction="inbound", channel="web")
    leads = {
        "A1": lead(60, *calls, owner="ana", country="pt", company_size=20.0),
        "A2": lead(60, contact(30), question, owner="ana", country="it"),
        "B1": lead(60, contact(9, outcome="answered"), meeting, owner="boris"),
        "B2": lead(0.5, form="callback_popup", source_kind="net", country="ro"),
        "C1": lead(3, owner="boris", referrer="Mr Old", source_kind="seed"),
        "C2": lead(90, contact(40), owner="zoe", company_size=400.0),
        HOSTILE if hostile else "D1": lead(70, contact(20, outcome="answered")),
    }
    previous = PreviousList(
        MONDAY - 3 * DAY,
        {
            "A2": PreviousRow("boris", "cold", 0.1, "cooling"),
            "C1": PreviousRow("boris", "warm", 0.1, "fresh"),
            "B1": PreviousRow("boris", "warm", 0.1, "promised"),
        },
    )
    return make_worklist(
        small_bundle(),
        pool(leads),
        house(),
        shipped_plays(),
        MONDAY,
        date(2026, 1, 5),
        previous,
        solve=best_pairs,
    )
