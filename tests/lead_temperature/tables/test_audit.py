"""What `audit` prints: every name, the reasons, and what to do about what is left out."""

import io

from rich.console import Console

from lead_temperature.tables.audit import show_audit
from training.audit.leaks import Finding

FINDINGS = (
    Finding("tier", "attribute", "leak", "it comes late", {"auc": 0.5, "late": 1.0}),
    Finding("size", "attribute", "clear", "", {"auc": 0.612, "auc_today": 0.633, "surest": 0.071}),
    Finding("[red]won[/]", "kind", "leak", "it is the outcome", {"auc": 0.98}),
    Finding(
        "mail", "channel", "allowed", "it gives it away", {"had_by_won": 0.9, "had_by_open": 0.1}
    ),
)


def printed(findings, width: int = 200) -> str:
    console = Console(width=width, file=io.StringIO())
    show_audit(console, findings)
    return console.file.getvalue()


def test_each_name_has_its_figures_and_what_is_unknown_is_a_dash() -> None:
    rows = [line.split() for line in printed(FINDINGS).splitlines()]
    assert ["attribute", "tier", "leak", "0.500", "–", "–/–/–", "100", "–"] in rows
    assert ["attribute", "size", "clear", "0.612", "0.633", "–/–/–", "–", "7"] in rows
    assert ["channel", "mail", "allowed", "–", "–", "90/–/10", "–", "–"] in rows


def test_what_is_not_clear_has_its_reason_and_hostile_words_are_text() -> None:
    text = printed(FINDINGS)
    assert "leak: kind [red]won[/] – it is the outcome." in text
    assert "allowed: channel mail – it gives it away." in text
    assert "attribute size –" not in text


def test_the_last_line_counts_what_is_left_out_and_says_how_to_use_it_all_the_same() -> None:
    last = printed(FINDINGS).splitlines()[-1]
    assert last == (
        'train leaves out 2 of 4. To use one all the same: [audit] allow = ["…"].'
    )  # fmt: skip
    assert printed(FINDINGS[1:2]).splitlines()[-1] == "train leaves out 0 of 1."


def test_suspects_are_counted_and_the_last_line_says_how_to_leave_one_out() -> None:
    suspects = [
        Finding("tier", "attribute", "suspect", "it goes with the outcome", {"auc": 0.9}),
        Finding("calendar", "grid", "suspect", "AUC 0.70 by nothing but the date", {"auc": 0.7}),
    ]
    text = printed(suspects)
    assert text.splitlines()[-1] == (
        "train leaves out 0 of 2. It uses 1 suspect: ask who fills it in, and when; to leave one "
        'out: [audit] drop = ["…"].'
    )
    assert "suspect: attribute tier – it goes with the outcome." in text


def test_no_name_is_cut_off_in_a_narrow_terminal() -> None:
    name = "a_name_of_an_attribute_that_is_long"
    text = printed([Finding(name, "attribute", "clear", "", {"auc": 0.5})], width=80)
    assert name in "".join(line[:40].strip() for line in text.splitlines()).replace(" ", "")


def between(sold: int, *shares: float | None) -> str:
    figures = [{"rewritten_sold_leads": sold, "rewritten_noticeable": share} for share in shares]
    findings = [Finding(str(i), "attribute", "clear", "", one) for i, one in enumerate(figures)]
    return printed(findings).splitlines()[-2]


def test_it_says_which_rewriting_would_have_been_noticed_between_exports() -> None:
    assert between(31, 0.2, 0.26) == (
        "2 columns were compared with an earlier export, in 31 leads that have been sold since. "
        "One that is rewritten in 26 % of sales would have been noticed."
    )
    assert between(2, 0.5, None).endswith(
        "too few to notice one that is rewritten even in all sales."
    )
    assert "earlier export" not in printed(FINDINGS)
