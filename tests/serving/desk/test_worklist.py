"""The day's list of a small house: who gets whom, in which order, and what stands beside it."""

from datetime import date
from functools import cache

import numpy as np
import pytest

from features.engine.executor import features_of
from models.bundle import Bundle
from models.plays import shipped_plays
from serving.desk.optimum import best_pairs
from serving.desk.people import Team
from serving.desk.worklist import (
    LeadPool,
    Mention,
    PreviousList,
    PreviousRow,
    Worklist,
    make_worklist,
)
from tests.support.bundles import small_bundle
from tests.support.desk import DAY, MONDAY, contact, house, lead, pool

DAY_OF_LIST = date(2026, 1, 5)
QUESTION = contact(1, kind="price_question", direction="inbound", channel="web")


@cache
def bundle() -> Bundle:
    return small_bundle()


def worklist(leads: LeadPool, team: Team | None = None, **settings) -> Worklist:
    """List of the leads, dealt out as well as possible."""
    settings = {"solve": best_pairs, **settings}
    return make_worklist(
        bundle(), leads, team or house(), shipped_plays(), MONDAY, DAY_OF_LIST, **settings
    )


def old(**attributes):
    """A lead that was contacted long ago."""
    return lead(60, contact(40, outcome="answered"), **attributes)


def test_each_lead_stands_once_and_stays_with_its_owner() -> None:
    leads = pool({f"L{i}": old(owner="ana" if i % 2 else "boris") for i in range(6)})
    rows = worklist(leads).rows
    assert sorted(row.lead_id for row in rows) == [f"L{i}" for i in range(6)]
    assert {(row.person, row.owner, row.why_person) for row in rows} == {
        ("ana", "ana", "owner"),
        ("boris", "boris", "owner"),
    }
    assert [row.rank for row in rows] == [1, 2, 3, 1, 2, 3]


def test_who_is_away_or_full_gives_way_and_the_list_says_why() -> None:
    leads = pool({f"L{i}": old(owner="ana") for i in range(5)} | {"X": old(owner="zoe")})
    why = {row.lead_id: row.why_person for row in worklist(leads).rows}
    assert sorted(why.values()) == [*["owner"] * 3, *["owner_away", "owner_busy", "owner_busy"]]
    assert why["X"] == "owner_away"


def test_the_hottest_comes_first_and_a_deadline_presses() -> None:
    team = house(person=[{"id": "ana", "capacity": 3}], leader=None)
    asked = pool({"cold": old(), "asked": lead(60, contact(40), QUESTION), "new": lead(0.1)})
    rows = worklist(asked, team).rows
    assert [row.lead_id for row in rows] == ["asked", "new", "cold"]
    assert [row.clock for row in rows] == ["fresh", "fresh", "cooling"]
    assert rows[0].probability > rows[1].probability


def test_several_leads_of_one_customer_are_one_row() -> None:
    customer = np.array([4, 4, -1, -1])
    leads = pool({name: old() for name in "abcd"}, customer=customer)
    by_lead = {row.lead_id: row for row in worklist(leads).rows}
    assert sorted(by_lead) == ["a", "c", "d"]
    assert by_lead["a"].other_leads == ("b",)
    assert by_lead["a"].expected_purchases == pytest.approx(2 * by_lead["c"].probability)


def test_what_to_name_is_the_latest_talk_or_the_referrer() -> None:
    leads = pool(
        {
            "talked": lead(60, contact(40, outcome="answered", channel="phone")),
            "referred": lead(0.1, referrer="Mr Old", source_kind="seed"),
            "unknown": lead(0.1),
        }
    )
    mentions = {row.lead_id: row.mention for row in worklist(leads).rows}
    assert mentions == {
        "talked": Mention(kind="call", channel="phone", days_ago=40),
        "referred": Mention(referrer="Mr Old"),
        "unknown": None,
    }


def test_reasons_add_up_and_outcomes_are_the_models_own_answers() -> None:
    calls = [contact(50, outcome=outcome) for outcome in ("agreed_next_step", "cool", "no_answer")]
    (row,) = worklist(pool({"L": lead(60, *calls)})).rows
    base = row.probability - sum(reason.points for reason in row.details.reasons) / 100
    assert 0 < base < 1
    assert [(e.outcome, e.next_step) for e in row.details.outcomes] == [
        ("agreed", "keep"),
        ("cool", "cold" if row.band != "cold" else "again"),
        ("no_answer", "again"),
    ]
    event = {**contact(0, outcome="cool"), "duration_seconds": None}
    after = pool({"L": lead(60, *calls, event)}).histories
    matrix = features_of(bundle().plan, after, np.array([0]), np.array([MONDAY + 1]))
    cool = next(e for e in row.details.outcomes if e.outcome == "cool")
    assert cool.probability == bundle().scores(matrix).hot_probability[0]


def test_an_export_without_such_outcomes_promises_nothing_of_them() -> None:
    (row,) = worklist(pool({"L": lead(60, contact(40))})).rows
    assert row.details.outcomes == ()


def test_the_question_is_about_what_is_unknown() -> None:
    known = {f"K{i}": old(country="pt", company_size=float(i)) for i in range(1, 30)}
    leads = pool({"L": old(country="it"), "M": old(country="it", company_size=3.0), **known})
    team = house(person=[{"id": "ana", "capacity": 40}], leader=None)
    questions = {row.lead_id: row.details.question for row in worklist(leads, team).rows}
    assert questions["M"] is None
    assert questions["L"] is None or questions["L"].attribute == "company_size"


def test_the_list_says_what_changed() -> None:
    before = PreviousList(MONDAY - 3 * DAY, {"L": PreviousRow("boris", "cold", 0.1, "cooling")})
    leads = pool({"L": lead(60, contact(40), QUESTION), "N": old()})
    rows = {row.lead_id: row for row in worklist(leads, previous=before).rows}
    assert rows["L"].previous == before.rows["L"]
    assert rows["L"].details.change.signal == "price question"
    assert rows["L"].details.change.points > 5
    assert rows["N"].previous is None


def test_an_overdue_enquiry_that_waited_goes_to_the_leader() -> None:
    leads = pool({"L": lead(3, owner="ana")})
    assert worklist(leads).rows[0].person == "ana"
    before = PreviousList(MONDAY - DAY, {"L": PreviousRow("ana", "warm", 0.1, "fresh")})
    (row,) = worklist(leads, previous=before).rows
    assert (row.person, row.why_person, row.is_overdue) == ("carla", "leader", True)
    unled = worklist(leads, house(leader=None), previous=before).rows[0]
    assert (unled.person, unled.why_person) == ("ana", "owner")


def test_shares_are_of_all_expected_buyers() -> None:
    team = house(person=[{"id": "ana", "capacity": 2}], leader=None)
    leads = {"hot": lead(60, contact(40), QUESTION)} | {f"L{i}": old() for i in range(9)}
    shares = {s.order: s.share for s in worklist(pool(leads), team).shares}
    assert shares["turns"] == pytest.approx(0.2)
    assert shares["list"] > shares["newest"] > 0
    everybody = house(person=[{"id": "ana", "capacity": 20}], leader=None)
    assert {s.order: s.share for s in worklist(pool(leads), everybody).shares} == {
        "list": pytest.approx(1),
        "newest": pytest.approx(1),
        "turns": pytest.approx(1),
    }


def test_the_crms_own_points_are_an_order_to_compare_with() -> None:
    attributes = {**house().attributes.model_dump(), "points": "company_size"}
    team = house(person=[{"id": "ana", "capacity": 1}], leader=None, attributes=attributes)
    asked = lead(60, contact(40), QUESTION, company_size=9.0)
    others = {f"L{i}": old(company_size=float(i)) for i in range(4)} | {"unknown": old()}

    def points_share(**leads) -> tuple[float, float]:
        shares = {s.order: s.share for s in worklist(pool(leads), team).shares}
        return shares["points"], shares["list"]

    with_the_best_first, listed = points_share(asked=asked, **others)
    assert with_the_best_first == pytest.approx(listed)
    asked_last = asked._replace(attributes={"company_size": -1.0})
    assert points_share(asked=asked_last, **others)[0] < listed


def test_the_order_of_the_leads_changes_nothing() -> None:
    leads = {f"L{i}": old(owner="ana", company_size=float(i)) for i in range(12)}
    shuffled = dict(sorted(leads.items(), reverse=True))
    first, second = worklist(pool(leads)), worklist(pool(shuffled))
    assert first.rows == second.rows
    assert first.shares == second.shares


def test_nobody_works_on_a_sunday_and_nothing_breaks() -> None:
    closed = make_worklist(
        bundle(), pool({"L": old()}), house(), shipped_plays(), MONDAY, date(2026, 1, 4)
    )
    assert (closed.people, closed.rows, closed.nobody_may) == ((), (), 1)
    assert worklist(pool({})).rows == ()


def test_learned_effects_move_leads() -> None:
    leads = pool({"a": old(), "b": old()})
    effects = np.ones((2, 3))
    effects[:, 1] = 3.0
    assert {row.person for row in worklist(leads, effects=effects).rows} == {"boris"}


def test_links_hold_no_more_than_an_id() -> None:
    odd = 'a/b?"><script>'
    (row,) = worklist(pool({odd: old()})).rows
    assert row.link == "https://crm.example.com/leads/a%2Fb%3F%22%3E%3Cscript%3E"
    assert worklist(pool({odd: old()}), without_link()).rows[0].link is None


def without_link() -> Team:
    return house().model_copy(update={"link": None})


def test_without_scipy_leads_are_dealt_out() -> None:
    leads = pool({f"L{i}": old() for i in range(20)})
    dealt = worklist(leads, solve=None)
    assert len(dealt.rows) == 8
    assert dealt.gap == pytest.approx(0, abs=1e-6)
    assert dealt.no_room == 12
