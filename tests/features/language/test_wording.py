import math

import pytest
from hypothesis import given

from features.language.kinds import (
    AttributeCategory,
    AttributeNumber,
    Calendar,
    Count,
    DaysSinceAttribute,
    DaysSinceFirst,
    DaysSinceLatest,
    DaysToFirst,
    Decayed,
    Distinct,
    Feature,
    Gap,
    KnownAttributes,
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
from features.language.spec import Spec
from features.language.wording import description, family, in_words, signal
from tests.support.histories import specs

ANY = Selection()
CALLS = Selection(kind=("call",), direction=("outbound",))
INBOUND = Selection(direction=("inbound",))


@given(specs)
def test_every_feature_has_words(spec: Spec) -> None:
    for feature in spec.features:
        for value in (0.0, 1.0, math.nan):
            if not math.isnan(value) or type(feature).__name__ not in ALWAYS:
                assert in_words(feature, value)
        assert signal(feature)
        assert description(feature)
        assert family(feature)


ALWAYS = {"LeadAge", "Calendar", "KnownAttributes", "Count", "Rate", "Trend", "Distinct", "Streak",
          "Decayed", "Total"}  # fmt: skip


@pytest.mark.parametrize(
    ("feature", "value", "phrase"),
    [
        (LeadAge(), 3.2, "created 3 days ago"),
        (LeadAge(), 0.0, "created just now"),
        (Calendar("weekday", "UTC"), 6.0, "Sunday"),
        (Calendar("hour", "UTC"), 9.0, "9 o'clock"),
        (AttributeNumber("company_size"), 1234.0, "company size: 1,234"),
        (AttributeNumber("company_size"), 0.125, "company size: 0.125"),
        (AttributeNumber("company_size"), math.nan, "company size: unknown"),
        (AttributeCategory("country", ("it", "pt")), 1.0, "country: pt"),
        (AttributeCategory("country", ("it", "pt")), 2.0, "country: another one"),
        (AttributeCategory("country", ("it", "pt")), math.nan, "country: unknown"),
        (DaysSinceAttribute("trial_ends"), 1.0, "trial ends: 1 day ago"),
        (DaysSinceAttribute("refused_at"), 12.0, "refusal: 12 days ago"),
        (DaysSinceAttribute("refused_at"), math.nan, "refusal: none"),
        (
            AttributeCategory("refusal_reason", ("too_dear",)),
            0.0,
            "reason of the refusal: too dear",
        ),
        (AttributeCategory("refusal_reason", ()), math.nan, "reason of the refusal: unknown"),
        (KnownAttributes(("a", "b", "c")), 2.0, "2 of 3 fields of the card filled"),
        (Count(INBOUND, 1), 4.0, "inbound: 4 in the last day"),
        (Count(INBOUND, None), 0.0, "inbound: 0 so far"),
        (
            Distinct(ANY, "agent", ("ana",), 7),
            2.0,
            "agent of any interaction: 2 different in the last 7 days",
        ),
        (
            Total(ANY, "minutes", 7),
            90.0,
            "minutes of any interaction: 90 in total in the last 7 days",
        ),
        (
            Mean(ANY, "minutes", None),
            math.nan,
            "minutes of any interaction: unknown on average so far",
        ),
        (
            Maximum(ANY, "minutes", 7),
            12.5,
            "minutes of any interaction: 12.5 at most in the last 7 days",
        ),
        (Share(INBOUND, ANY, 30), 0.254, "inbound: 25 % of any interaction in the last 30 days"),
        (Share(INBOUND, ANY, 30), math.nan, "inbound: none of any interaction in the last 30 days"),
        (Rate(CALLS, None), 0.5, "rhythm of call outbound: 0.5 a day so far"),
        (Trend(INBOUND, 7, 30), 0.1, "inbound: more often in the last 7 days than over 30"),
        (Trend(INBOUND, 7, 30), -0.1, "inbound: less often in the last 7 days than over 30"),
        (Trend(INBOUND, 7, 30), 0.0, "inbound: as often in the last 7 days than over 30"),
        (Decayed(INBOUND, 7), 1.25, "inbound: weight 1.2, halved every 7 days"),
        (DaysSinceLatest(INBOUND), math.nan, "inbound: never"),
        (DaysSinceLatest(INBOUND), 1 / 24, "inbound: the latest 1 hour ago"),
        (DaysSinceFirst(INBOUND), 2.0, "inbound: the first 2 days ago"),
        (DaysToFirst(INBOUND), 5 / 1440, "inbound: first after 5 minutes"),
        (DaysToFirst(INBOUND), math.nan, "inbound: not yet"),
        (Streak(CALLS, INBOUND), 3.0, "call outbound: 3 in a row since the latest inbound"),
        (Gap(ANY, "mean"), 2.0, "rhythm of any interaction: usual gap 2 days"),
        (Gap(ANY, "spread"), math.nan, "rhythm of any interaction: gaps vary by unknown"),
        (
            Gap(ANY, "relative"),
            1.52,
            "rhythm of any interaction: present gap 1.5 times the usual one",
        ),
        (LatestValue(ANY, "channel", ("phone",)), 0.0, "channel of any interaction: phone"),
    ],
)
def test_a_value_is_said_in_words(feature: Feature, value: float, phrase: str) -> None:
    assert in_words(feature, value) == phrase


@pytest.mark.parametrize(
    ("feature", "side"),
    [
        (AttributeNumber("size"), "fit"),
        (KnownAttributes(("size",)), "fit"),
        (DaysSinceAttribute("refused_at"), "relationship"),
        (AttributeCategory("refusal_reason", ()), "relationship"),
        (DaysSinceAttribute("met_at"), "fit"),
        (LeadAge(), "timing"),
        (DaysSinceLatest(INBOUND), "timing"),
        (DaysSinceLatest(Selection(direction=("outbound",))), "sales effort"),
        (Count(Selection(by_owner=True), 7), "sales effort"),
        (Count(Selection(outcome=("refused",)), 7), "relationship"),
        (Count(INBOUND, 7), "engagement"),
        (Gap(ANY, "mean"), "relationship"),
    ],
)
def test_a_feature_is_about_one_side_of_the_lead(feature: Feature, side: str) -> None:
    assert family(feature) == side


def test_features_that_look_at_the_same_share_a_signal() -> None:
    same = [Count(INBOUND, 7), Count(INBOUND, 30), DaysSinceLatest(INBOUND), Share(INBOUND, ANY, 7)]
    assert {signal(feature) for feature in same} == {"inbound"}
    assert signal(Count(Selection(channel=("phone", "web"), by_owner=False), 7)) == (
        "via phone or web by others than the owner"
    )


def test_another_language_is_asked_for_its_words() -> None:
    class Shouting:
        def gettext(self, message: str, /, **values: str) -> str:
            return (message % values).upper()

        def ngettext(self, singular: str, plural: str, number: int, /, **values: str) -> str:
            return ((singular if number == 1 else plural) % values).upper()

        def word(self, name: str, /) -> str:
            return f"<{name}>"

    about = description(Count(Selection(kind=("price_question",)), 7), Shouting())
    assert about == "HOW MANY: <PRICE QUESTION>, IN THE LAST 7 DAYS"
