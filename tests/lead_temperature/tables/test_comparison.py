"""What `promote` prints: both models' figures, what surely differs, and the verdict."""

import io

import pytest
from rich.console import Console

from lead_temperature.tables.comparison import show_examination
from models.policy import Capacity, GuaranteedRate
from training.bands.results import BandPromise
from training.evaluation.reliability import CalibrationError
from training.statistics.figures import BandResult, Figures, ObservedRate
from training.statistics.paired import Difference
from training.versions.comparison import Comparison, HorizonComparison, ModelResult, Segment
from training.versions.gate import Verdict
from training.versions.promotion import Examination

NO_WORSE = Verdict("no worse", ("No difference in log loss is beyond chance.",))
GAIN, SURE_GAIN, SURE_LOSS = (
    Difference(0.0012, -0.0034, 0.0056, 0.7),
    Difference(0.02, 0.01, 0.03, 1.0),
    Difference(-0.02, -0.03, -0.01, 0.0),
)


def promise(policy, finding) -> BandPromise:
    return BandPromise(
        policy=policy,
        line=0.25,
        looks=100,
        leads=60,
        positives=40,
        rate=0.4,
        bound=0.3,
        explanation="tested",
        reach=0.45,
        words="at least 30 %",
        finding=finding,
        sentence="12 % did",
    )


def model_result(auc: float | None, promises) -> ModelResult:
    figures = Figures(auc=auc, average_precision=None, log_loss=0.1234, brier=None)
    rate = ObservedRate(0.31, 0.28, 0.2, 0.37, rows=1_100, leads=80, positives=30)
    return ModelResult(
        version="2026-01-01-abc",
        figures={"hot": figures, "warm": figures},
        calibration_error={"hot": CalibrationError(0.0321, 0.01, 0.05), "warm": None},
        bands={
            "hot": BandResult(1_100, 80, rate, None),
            "warm": BandResult(0, 0, None, None),
            "cold": BandResult(9, 8, None, rate),
        },
        promises=promises,
    )


def question(days: int, segments: tuple[Segment, ...] = ()) -> HorizonComparison:
    return HorizonComparison(
        days=days,
        looks=9_000,
        leads=1_500,
        conversions=60,
        auc=GAIN,
        log_loss=None,
        champion_gain=0.03,
        rank_correlation=0.9123,
        segments=segments,
    )


SEGMENTS = (
    Segment("country", "it", 50, SURE_GAIN),
    Segment("country", "[ro]", 50, SURE_LOSS),
    Segment("country", "pt", 50, GAIN),
)
BOTH = Comparison(
    since="2026-01-01T00:00:00+00:00",
    until="2026-03-01T00:00:00+00:00",
    champion=model_result(0.7512, {"hot": promise(GuaranteedRate(0.3), "kept")}),
    challenger=model_result(None, {"hot": promise(Capacity(40), "broken")}),
    questions={"hot": question(14, SEGMENTS), "warm": question(90)},
    changed_band=0.1234,
    notes=("champion: the export has no attribute 'budget'",),
)


def printed(examination: Examination) -> str:
    console = Console(width=160, file=io.StringIO())
    show_examination(console, examination)
    return console.file.getvalue()


def rows(text: str) -> list[list[str]]:
    lines = (line for line in text.splitlines() if line.startswith("│"))
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_figures_stand_side_by_side_with_the_gain_and_its_interval() -> None:
    text = printed(Examination(2, 1, NO_WORSE, BOTH))
    gain = ["+0.0012", "-0.0034 to +0.0056"]
    assert ["hot, 14 d", "AUC", "0.7512", "–", *gain] in rows(text)
    assert ["", "log loss", "0.1234", "0.1234", "–", "–"] in rows(text)
    assert ["", "calibration error", "0.0321", "0.0321", "", ""] in rows(text)
    assert ["", "calibration error", "–", "–", "", ""] in rows(text)
    assert "from 2026-01-01 to 2026-03-01" in text


def test_only_segments_that_differ_surely_are_listed() -> None:
    listed = [row[1] for row in rows(printed(Examination(2, 1, NO_WORSE, BOTH)))]
    assert "log loss, country = it" in listed
    assert "log loss, country = [ro]" in listed  # and no markup swallows the brackets
    assert "log loss, country = pt" not in listed


def test_each_model_has_a_row_for_each_band_with_what_became_of_its_promise() -> None:
    text = printed(Examination(2, 1, NO_WORSE, BOTH))
    rate = "31.0 → 28.0 (20–37)"
    assert ["hot", "champion", "1,100", "80", rate, "–", "30 %, reach 45 %: kept"] in rows(text)
    assert ["", "challenger", "1,100", "80", rate, "–", "broken"] in rows(text)
    assert ["warm", "champion", "0", "0", "–", "–", ""] in rows(text)


def test_counts_ranks_changed_bands_and_notes_are_sentences() -> None:
    text = printed(Examination(2, 1, NO_WORSE, BOTH))
    assert "Within 14 days 60 of 1,500 leads converted (9,000 looks)." in text
    assert "Rank correlation of the two models: 0.9123." in text
    assert "The challenger gives 12.3 % of these leads another band." in text
    assert "champion: the export has no attribute 'budget'" in text


@pytest.mark.parametrize(
    ("champion", "words"),
    [(1, "Version 2 against champion 1: worse."), (None, "Version 2 against baselines: worse.")],
)
def test_the_verdict_comes_last_with_every_reason(champion: int | None, words: str) -> None:
    verdict = Verdict("worse", ("Its AUC is worse.", "Of leads with [x] too."))
    text = printed(Examination(2, champion, verdict, None if champion is None else BOTH))
    assert text.splitlines()[-3:] == [words, "  Its AUC is worse.", "  Of leads with [x] too."]
    assert ("another band" in text) == (champion is not None)
