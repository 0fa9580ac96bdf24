from features.engine.history import MEASURE_SCALE
from features.engine.questions import (
    FOREVER_DAYS,
    MINUTES_PER_DAY,
    WEIGHT_SCALE,
    Instant,
    Latest,
    Questions,
    Summand,
    Unbroken,
    Weighted,
    form,
)
from features.language.kinds import (
    Count,
    DaysSinceFirst,
    DaysSinceLatest,
    DaysToFirst,
    Decayed,
    Distinct,
    Gap,
    LatestValue,
    LeadAge,
    Maximum,
    Mean,
    Rate,
    Selection,
    Share,
    Streak,
    Total,
    Trend,
)

ANY = Selection()
CALLS = Selection(kind=("call",))


def test_a_question_is_asked_once_whoever_asks() -> None:
    questions = Questions()
    assert questions.ask(Count(CALLS, 7)) == (0, 1)
    assert questions.ask(Rate(CALLS, 7)) == (0, 7)
    assert questions.ask(Share(CALLS, ANY, 7)) == (0, 1, 1)
    assert questions.ask(Trend(CALLS, 7, 30)) == (0, 7, 2, 30)
    assert questions.sums == {
        (Summand(0, "one"), 7): 0,
        (Summand(1, "one"), 7): 1,
        (Summand(0, "one"), 30): 2,
    }
    assert questions.selections == {CALLS: 0, ANY: 1}


def test_a_feature_of_the_lead_alone_asks_nothing() -> None:
    questions = Questions()
    assert questions.ask(LeadAge()) == ()
    assert questions == Questions()


def test_measures_are_sums_of_values_and_of_their_presence() -> None:
    questions = Questions()
    assert questions.ask(Total(ANY, "minutes", None)) == (0, MEASURE_SCALE)
    assert questions.ask(Mean(ANY, "minutes", None)) == (0, 1, MEASURE_SCALE)
    assert questions.ask(Maximum(ANY, "minutes", 7)) == (0,)
    assert questions.ask(Maximum(ANY, "minutes", 30)) == (1,)
    assert list(questions.sums) == [
        (Summand(0, "value", "minutes"), None),
        (Summand(0, "has", "minutes"), None),
    ]


def test_a_rate_over_all_history_has_a_window_that_no_lead_outlives() -> None:
    assert Questions().ask(Rate(ANY, None)) == (0, FOREVER_DAYS)


def test_instants_are_of_the_latest_or_of_the_first() -> None:
    questions = Questions()
    assert questions.ask(DaysSinceLatest(CALLS)) == (0,)
    assert questions.ask(DaysSinceFirst(CALLS)) == questions.ask(DaysToFirst(CALLS)) == (1,)
    assert questions.ask(LatestValue(CALLS, "outcome", ("won",))) == (0,)
    assert questions.instants == {Instant(0, first=False): 0, Instant(0, first=True): 1}
    assert questions.latest == {Latest(0, "outcome", ("won",)): 0}


def test_values_that_a_selection_cannot_have_are_not_counted_apart() -> None:
    questions = Questions()
    asked = questions.ask(Distinct(CALLS, "kind", ("call", "visit"), None))
    assert asked == (1, 0)  # all with a kind, and calls; a visit is never among calls
    assert questions.ask(Distinct(ANY, "channel", ("a", "b"), None)) == (4, 2, 3)


def test_gaps_ask_for_number_minutes_and_squares_together() -> None:
    questions = Questions()
    assert questions.ask(Gap(ANY, "mean")) == (1, 0, MINUTES_PER_DAY)
    assert questions.ask(Gap(ANY, "spread")) == (0, 1, 2, 0)
    assert questions.ask(Gap(ANY, "relative")) == (0, 1, 2, 0)
    assert len(questions.sums) == 3


def test_runs_stand_behind_sums_and_weights_behind_runs() -> None:
    questions = Questions()
    questions.ask(Count(ANY, 7))
    assert questions.ask(Streak(CALLS, ANY)) == (1, 1)
    assert questions.ask(Decayed(CALLS, 7)) == (2, WEIGHT_SCALE)
    assert questions.ask(Decayed(CALLS, 30)) == (3, WEIGHT_SCALE)
    assert questions.unbroken == {Unbroken(1, 0): 0}
    assert questions.weighted == {Weighted(1, 7): 0, Weighted(1, 30): 1}


def test_features_that_become_floats_alike_have_one_form() -> None:
    assert form(Total(ANY, "minutes", 7)) == form(Streak(ANY, ANY)) == form(Count(ANY, 7))
    assert form(Share(ANY, ANY, 7)) == form(Gap(ANY, "mean")) == form(Mean(ANY, "minutes", 7))
    assert form(DaysSinceFirst(ANY)) == form(DaysSinceLatest(ANY))
    assert len({form(Gap(ANY, name)) for name in ("mean", "spread", "relative")}) == 3
