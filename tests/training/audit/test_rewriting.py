"""Columns that sales rewrite, between two exports, beside SciPy's exact test and simulation."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from features.export.first_seen import nothing_seen, seen_in
from features.tables import Tables
from tests.features.export.test_first_seen import export
from training.audit.rewriting import (
    LEAST_CHANCE,
    SURE_TO_NOTICE,
    chance_of,
    noticeable_share,
    rewriting_figures,
    rewriting_reason,
    rewritings,
)
from training.audit.timing import LeadShare

LEADS = 600


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 300), st.integers(0, 300))
def test_the_chance_is_fishers(first: int, second: int, others: int, more: int) -> None:
    shares = LeadShare(first, first + others), LeadShare(second, second + more)
    expected = fisher_exact([[first, others], [second, more]], alternative="greater").pvalue
    assert chance_of(*shares) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("sold", "unsold"), [(40, LeadShare(0, 800)), (120, LeadShare(40, 800))])
def test_what_is_noticeable_is_noticed_as_often_as_said(sold: int, unsold: LeadShare) -> None:
    share = noticeable_share(sold, unsold)
    assert share is not None
    draws = np.random.default_rng(1).binomial(sold, share, 4_000)
    noticed = np.mean([chance_of(LeadShare(int(n), sold), unsold) < LEAST_CHANCE for n in draws])
    assert noticed == pytest.approx(SURE_TO_NOTICE, abs=0.02)


def test_with_very_few_sales_nothing_would_be_noticed() -> None:
    assert noticeable_share(1, LeadShare(0, 50)) is None
    assert noticeable_share(0, LeadShare(0, 50)) is None
    assert noticeable_share(3, LeadShare(0, 50)) == 1.0


def later(sold: list[int], lost: list[int], rewritten: list[int]) -> Tables:
    """The same leads some weeks later: who has ended since, and whose country is another."""
    return export(
        [
            {
                "lead_id": f"L{i}",
                "country": "client" if i in rewritten else "it",
                "size": float(i),
                "sold": 40 if i in sold else None,
                "lost": 41 if i in lost else None,
            }
            for i in range(LEADS)
        ],
        end_day=58,
    )


BEFORE = seen_in(later([], [], []), nothing_seen())
BEFORE = replace(BEFORE, seen_at=np.full(LEADS, later([], [], []).data_end - 28 * 86_400_000_000))
SOLD, LOST = list(range(40)), list(range(100, 220))


def test_a_column_that_sales_rewrite_is_named_and_one_that_stays_is_not() -> None:
    found = rewritings(later(SOLD, LOST, SOLD[:15]), BEFORE)
    country, size = found["country"], found["size"]
    assert (country.sold, country.unsold) == (LeadShare(15, 40), LeadShare(0, LEADS - 40))
    assert (country.ended, country.still_open) == (LeadShare(15, 160), LeadShare(0, LEADS - 160))
    assert (country.goes_with, size.goes_with) == ("sale", "")
    assert "changed in 15 of 40 leads that have been sold since then" in rewriting_reason(country)
    assert rewriting_reason(size) == rewriting_reason(None) == ""
    figures = rewriting_figures(size)
    assert figures["rewritten_noticeable"] == noticeable_share(40, LeadShare(0, LEADS - 40))
    assert rewriting_figures(None) == {}


def test_what_the_end_of_a_lead_rewrites_is_named_too() -> None:
    changes = rewritings(later(SOLD, LOST, LOST[::2]), BEFORE)["country"]
    assert changes.goes_with == "end"
    assert "60 of 160 leads that have ended since then, and in 0 of 440" in rewriting_reason(
        changes
    )


def test_a_column_that_somebody_tidies_up_in_all_leads_alike_is_not_named() -> None:
    """Two-sided by simulation: the test holds its level, and a real effect is found."""
    random = np.random.default_rng(7)
    called = sum(
        bool(
            rewritings(
                later(SOLD, LOST, np.flatnonzero(random.random(LEADS) < 0.2).tolist()), BEFORE
            )["country"].goes_with
        )
        for _ in range(20)
    )
    assert called == 0
    everywhere = np.flatnonzero(random.random(LEADS) < 0.2).tolist()
    both = rewritings(later(SOLD, LOST, [*everywhere, *SOLD[:25]]), BEFORE)["country"]
    assert both.goes_with == "sale"


def test_the_same_export_and_an_older_one_say_nothing() -> None:
    tables = later(SOLD, LOST, SOLD)
    assert rewritings(tables, seen_in(tables, nothing_seen())) == {}
    newer = replace(BEFORE, seen_at=BEFORE.seen_at + 10**15)
    assert rewritings(tables, newer) == {}
    assert rewritings(tables, nothing_seen()) == {}


def test_shuffled_rows_and_leads_that_are_gone_or_new_change_nothing_of_the_others() -> None:
    tables = later(SOLD, LOST, SOLD[:15])
    order = np.random.default_rng(3).permutation(LEADS)
    shuffled = replace(tables, leads=tables.leads.take(pa.array(order)))
    assert rewritings(shuffled, BEFORE) == rewritings(tables, BEFORE)
    fewer = replace(tables, leads=tables.leads.slice(0, 300))
    assert rewritings(fewer, BEFORE)["country"].sold == LeadShare(15, 40)
    assert rewritings(fewer, BEFORE)["country"].unsold == LeadShare(0, 260)
