import pytest

from tests.support.old_cards import figures_in, require_same

WRITTEN = {"auc": 0.81, "bands": {"hot": {"rate": 0.2}}, "bins": [{"rows": 3}, {"rows": 4}]}


def test_what_was_written_and_what_was_not_measured_is_the_same() -> None:
    require_same({**WRITTEN, "reach": None, "gains": []}, WRITTEN)


@pytest.mark.parametrize(
    "shown",
    [
        {**WRITTEN, "auc": 0.82},
        {**WRITTEN, "reach": 0.4},
        {name: value for name, value in WRITTEN.items() if name != "auc"},
        {**WRITTEN, "bands": {"hot": {"rate": 0.3}}},
        {**WRITTEN, "bins": WRITTEN["bins"][:1]},
        {**WRITTEN, "bins": [{"rows": 3}, {"rows": 5}]},
    ],
)
def test_another_figure_is_noticed(shown: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        require_same(shown, WRITTEN)


def test_figures_of_tables_are_compared_without_their_words() -> None:
    text = "about 3\n| hot | 0.81 (0.7 to 0.9) |\n| a | b |\n| warm | 1,204 |\n"
    assert figures_in(text) == [["0.81", "0.7", "0.9"], ["1,204"]]
