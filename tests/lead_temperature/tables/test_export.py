"""What `check` and `features` print of an export, with its own words never read as markup."""

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from features.export.blindness import OutcomeCoverage
from features.export.data_end import TimesAfterEnd
from features.export.inspection import (
    Attribute,
    BrokenRule,
    CreationMonth,
    Inspection,
    Vocabulary,
)
from features.tables import Suspicion
from lead_temperature.tables.export import (
    show_after_end,
    show_features,
    show_inspection,
    show_readiness,
    show_rejects,
    show_suspicions,
)
from training.dataset.coverage import FeatureOverview
from training.dataset.readiness import PeriodSize, Readiness

DAY = 86_400_000_000
LATE_ROWS = (TimesAfterEnd("leads", "closed_at", 1, 40 * DAY),)
BROKEN_VALUE = BrokenRule(
    table="leads",
    rule="unknown source",
    left_out="value",
    explanation="A [source] must be listed.",
    rows=1_200,
    examples=(("leads.csv", 7, "source", "[bold]x"), ("leads.csv", 8, None, None)),
)


def inspected(**changed: Any) -> Inspection:
    values: dict[str, Any] = {
        "rows": {"leads": 1_000, "interactions": 5_000, "attributes": 0},
        "rejected": {"leads": 2, "interactions": 0, "attributes": 0},
        "first": 0,
        "data_end": 31 * DAY,
        "after_end": (),
        "vocabularies": (Vocabulary("kind", 2, 3, (("call", 4_000), ("[visit]", 900))),),
        "attributes": (Attribute("budget", "number", True, 0.5, 1_234),),
        "months": (CreationMonth("1970-01", 400, 40), CreationMonth("1970-02", 100, 5)),
        "recorded_late": 0.125,
        "unused": {"notes": "every value is different [text]"},
        "broken_rules": (),
        "coverage": (OutcomeCoverage("won", 1_200, 900, 0.914, 2.25, None, {"size": 0.5}),),
        "suspicions": (),
        "problems": (),
    }
    return Inspection(**(values | changed))


def printed(show: Callable[..., None], *values: object, width: int = 160) -> str:
    console = Console(width=width, file=io.StringIO())
    show(console, *values)
    return console.file.getvalue()


def rows(text: str) -> list[list[str]]:
    lines = (line for line in text.splitlines() if line.startswith("│"))
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_an_inspection_counts_rows_words_attributes_and_months() -> None:
    text = printed(show_inspection, inspected())
    assert "From 1970-01-01 to 1970-02-01" in text
    assert ["leads", "1,000", "2"] in rows(text)
    assert ["kind", "2", "3", "call 4,000, [visit] 900"] in rows(text)
    assert ["budget", "number", "as it changes", "50 %", "1,234"] in rows(text)
    assert "12.5 % of interactions were recorded late." in text
    assert "not used: notes – every value is different [text]" in text


def test_the_bar_of_a_month_is_its_share_of_the_highest_share() -> None:
    assert [row[-2:] for row in rows(printed(show_inspection, inspected()))[-3:-1]] == [
        ["10.0 %", "█" * 20],
        ["5.0 %", "█" * 10],
    ]
    nobody = inspected(months=(CreationMonth("1970-01", 400, 0),))
    assert rows(printed(show_inspection, nobody))[-2] == ["1970-01", "400", "0", "0.0 %", ""]


def test_an_export_without_interactions_has_no_vocabulary() -> None:
    empty = {"leads": 0, "interactions": 0, "attributes": 0}
    text = printed(show_inspection, inspected(rows=empty, first=None, recorded_late=None))
    assert "From – to 1970-02-01" in text
    assert "Vocabulary" not in text
    assert "recorded late" not in text


def test_readiness_counts_each_period_and_what_is_not_yet_known() -> None:
    periods = (
        PeriodSize("fit", 9_000, 1_500, 300, 0, DAY),
        PeriodSize("test", 0, 0, 0, None, None),
    )
    text = printed(show_readiness, [Readiness("hot", 14, periods, 700, None)])
    assert ["hot, 14 d", "first fit", "1970-01-01", "1970-01-02", "9,000", "1,500", "300"] in rows(
        text
    )
    assert ["", "judged on", "–", "–", "0", "0", "0"] in rows(text)
    assert ["", "not yet known", "", "", "700", "", ""] in rows(text)
    assert printed(show_readiness, [Readiness("hot", 14, (), 700, "too short")]) == ""
    assert "base rate" not in text


def test_readiness_says_when_there_is_too_little_to_tell_leads_apart() -> None:
    text = printed(show_readiness, [Readiness("warm", 90, (), 700, None, only_base_rate=True)])
    assert "warm: fewer than 10 leads are known to have bought" in text


def test_features_are_grouped_by_family() -> None:
    features = [
        FeatureOverview("visits", "interactions", "visits [all]", 0.756, 0.2),
        FeatureOverview("age", "age", "days since creation", 1.0, 0.9),
    ]
    text = printed(show_features, features)
    assert rows(text) == [
        ["age", "age", "days since creation", "100 %", "90 %"],
        ["interactions", "visits", "visits [all]", "76 %", "20 %"],
    ]
    assert text.startswith("2 features")


def test_rejects_name_the_rule_the_way_out_and_their_first_rows() -> None:
    assert printed(show_rejects, [BROKEN_VALUE]).splitlines() == [
        "1,200 values, their rows stay, of leads: unknown source. A [source] must be listed.",
        "    leads.csv, row 7, source: '[bold]x'",
        "    leads.csv, row 8: None",
    ]


def test_what_was_read_is_said_by_outcome() -> None:
    text = printed(show_inspection, inspected(), width=200)
    assert ["won", "1,200", "900", "91 %", "2.2", "–", "size 50 %"] in rows(text)


def test_suspicions_name_what_is_doubted_an_example_and_what_mends_it() -> None:
    doubt = Suspicion("words [alike]", "leads.source", 1_200, "'Web' 3", 'write [leads] "a" = "b"')
    assert printed(show_suspicions, [doubt], width=200) == (
        "suspicion: words [alike] in leads.source, 1,200 times ('Web' 3): "
        'write [leads] "a" = "b".\n'
    )


def test_times_after_the_end_are_said_with_the_way_out() -> None:
    text = printed(show_after_end, LATE_ROWS, 31 * DAY, width=400)
    assert text == (
        "leads.closed_at lies after the end of the data, 1970-02-01, in 1 row (the latest: "
        "1970-02-10). Such times count only once they have come. Was the export made later? Then "
        "set ends_at in [data].\n"
    )


def test_an_inspection_ends_with_what_was_left_out_and_what_lies_after_the_end() -> None:
    text = printed(
        show_inspection, inspected(broken_rules=(BROKEN_VALUE,), after_end=LATE_ROWS), width=400
    )
    assert text.index("not used") < text.index("unknown source")
    assert text.index("unknown source") < text.index("lies after the end of the data")
