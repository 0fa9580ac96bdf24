"""The benchmark of lists: both ways are asked about one firm, and the stated gap holds."""

from benchmarks.desk import made_up_firm, timed


def test_the_stated_gap_holds_for_a_firm_whose_best_is_known() -> None:
    _, best = timed(300, 4, 5, exact=True)
    _, dealt = timed(300, 4, 5, exact=False)
    assert best.gap == 0
    assert dealt.value <= best.value <= dealt.value * (1 + dealt.gap) * (1 + 1e-9)


def test_a_firm_is_the_same_each_time() -> None:
    (value, eligible), (again, allowed) = made_up_firm(50, 3, 1), made_up_firm(50, 3, 1)
    assert (value == again).all()
    assert (eligible == allowed).all()
