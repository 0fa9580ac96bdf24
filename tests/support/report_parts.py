"""The parts of a lifelike card that the managers' report alone reads, as JSON values."""

from datetime import UTC, datetime
from typing import Any

from models.bands import Temperature
from training.card.values import to_json
from training.evaluation.dependence import Bin, Dependence, Dependences
from training.evaluation.gains import SHARES, Gain, Gains, Month, Months
from training.report.past import Course, Past, Spread, Trial
from training.statistics.incidence import Conversion, MedianEstimate, counted_rate
from training.statistics.intervals import wilson_interval
from training.statistics.rates import Outcome, RateEstimate
from training.team.aftermath import Aftermath, Aftermaths
from training.team.contact import Speed, SpeedGroup, Step
from training.team.grouping import Grouping, LeadGroup
from training.team.portrait import LeadTrait, Portrait
from training.team.practice import Practice
from training.team.spend import ChannelSpend
from training.team.today import OpenBand, OpenLeads
from training.team.upkeep import FieldCompleteness, LoggingDelays, LoggingPromptness

HOT, WARM, COLD = Temperature.HOT, Temperature.WARM, Temperature.COLD


def conversion(leads: int, bought: int, days: tuple[float, float, float] | None) -> Conversion:
    """Of leads that are all old enough."""
    old = leads if days else leads // 40
    share = counted_rate(bought, leads) if days else None
    return Conversion(leads, old, bought, share, MedianEstimate(*days) if days else None)


def outcome(promised: float, rows: int, positives: int) -> Outcome:
    """Of looks, four to each lead."""
    share = positives / rows
    low, high = wilson_interval(share, rows / 4)
    return Outcome(rows, positives, promised, RateEstimate(share, low, high))


def lifelike_parts() -> dict[str, Any]:
    """What stands under "report"."""
    return {
        "today": to_json(_today()),
        "aftermath": [to_json(band) for band in _aftermath()],
        "dependence": [to_json(signal) for signal in _dependence()],
        "portrait": to_json(_portrait()),
        "practice": to_json(_practice()),
    }  # fmt: skip


def lifelike_families() -> list[dict[str, Any]]:
    """What stands under "families"."""
    return [
        {"family": family, "log_loss_increase": increase, "spread": 0.0004}
        for family, increase in (
            ("engagement", 0.0191),
            ("fit", 0.0072),
            ("timing", 0.0041),
            ("relationship", 0.0023),
            ("sales effort", -0.0001),
        )
    ]


def lifelike_horizon_parts() -> dict[str, Any]:
    """What stands with each horizon of the card."""
    curves = {
        "": (0, 0.16, 0.3, 0.49, 0.61, 0.67, 0.78, 0.85, 0.89, 0.93, 0.96, 0.98, 0.99, 1),
        "points card": (0, 0.14, 0.27, 0.41, 0.55, 0.62, 0.74, 0.8, 0.86, 0.9, 0.94, 0.97, 0.99, 1),
        "newest first": SHARES,
    }
    gains: Gains = tuple(
        Gain(
            name, tuple(map(float, found)), RateEstimate(found[3], found[3] - 0.03, found[3] + 0.03)
        )
        for name, found in curves.items()
    )
    months: Months = tuple(
        Month(name, outcome(promised, rows, positives))
        for name, promised, rows, positives in (
            ("2025-09", 0.041, 6900, 276),
            ("2025-10", 0.040, 7100, 291),
            ("2025-11", 0.039, 7300, 411),
        )
    )  # fmt: skip
    return {
        "gains": to_json(gains),
        "by_month": [to_json(month) for month in months],
        "groups": [
            _segment("country", "it", 0.04, 5000, 205),
            _segment("source", "fair", 0.1, 900, 20),
        ],
    }  # fmt: skip


def _segment(by: str, level: str, promised: float, rows: int, positives: int) -> dict[str, Any]:
    share = positives / rows
    low, high = wilson_interval(share, rows / 4)
    rate = {
        "predicted": promised, "observed": share, "low": low, "high": high,
        "rows": rows, "leads": rows // 4, "positives": positives,
    }  # fmt: skip
    return {
        "by": by, "level": level, "rate": rate,
        "promised_low": promised, "promised_high": promised, "contradicted": False,
    }  # fmt: skip


def _today() -> OpenLeads:
    return OpenLeads(
        at=datetime(2026, 1, 1, tzinfo=UTC), leads=1711, uncertain=31, older=4,
        bands=(
            OpenBand(HOT, 23, 0.44, 0.66, 10.1),
            OpenBand(WARM, 138, 0.14, 0.39, 19.3),
            OpenBand(COLD, 1550, 0.017, 0.07, 26.4),
        ),
    )  # fmt: skip


def _aftermath() -> Aftermaths:
    return (
        Aftermath(HOT, conversion(480, 280, (5.1, 3, 12)), MedianEstimate(2, 1, 4)),
        Aftermath(WARM, conversion(1190, 390, (12.4, 10, 17)), MedianEstimate(3.5, 2, 6)),
        Aftermath(COLD, conversion(4988, 560, (23.7, 20, 29)), MedianEstimate(8, 7, 9)),
    )


def _dependence() -> Dependences:
    return (
        Dependence(
            "payment terms question", "days since the latest: payment terms question", "falls",
            (
                Bin(0.0, 5.1, None, outcome(0.26, 400, 106)),
                Bin(5.1, 42.0, None, outcome(0.09, 400, 33)),
                Bin(None, None, None, outcome(0.03, 23_000, 700)),
            ),
        ),
        Dependence(
            "source", "source, as known at the moment", "levels",
            (
                Bin(None, None, "search", outcome(0.04, 9000, 366)),
                Bin(None, None, "", outcome(0.02, 300, 5)),
            ),
        ),
    )  # fmt: skip


def _portrait() -> Portrait:
    return Portrait(
        leads=16_800, customers=2010, compared=46,
        more=(
            LeadTrait(
                "source", "referral", None, None, 990, 240, RateEstimate(240 / 990, 0.2, 0.29),
            ),
            LeadTrait(
                "company_size", None, 8.0, 22.0, 4100, 590,
                RateEstimate(590 / 4100, 0.125, 0.165),
            ),
        ),
        less=(
            LeadTrait(
                "decision_maker", None, None, None, 2500, 200, RateEstimate(0.08, 0.065, 0.1),
            ),
        ),
    )  # fmt: skip


def _practice() -> Practice:
    months = (
        LeadGroup("2025-08", conversion(900, 110, (22, 17, 27))),
        LeadGroup("2025-12", conversion(950, 30, None)),
    )
    return Practice(
        horizon_days=90, least_leads=30,
        everybody=conversion(20_000, 2390, (22.8, 20.7, 25.7)),
        channels=Grouping(
            "source",
            (
                LeadGroup("search", conversion(6100, 790, (21.8, 17, 26.1))),
                LeadGroup("word_of_mouth", conversion(830, 190, (18.9, 7.6, 25.2))),
                LeadGroup(None, conversion(120, 9, (30, 11, 60))),
            ),
            small_groups=2, small_leads=17,
        ),
        source_kinds=Grouping(
            "source_kind", (LeadGroup("seed", conversion(2000, 490, (18.9, 13, 23))),), 0, 0
        ),
        owners=Grouping(
            "owner",
            (
                LeadGroup("ana", conversion(4000, 540, (22.9, 18, 26.7))),
                LeadGroup("fabio", conversion(2900, 290, (19.2, 14, 28.8))),
            ),
            small_groups=0, small_leads=0,
        ),
        months=months,
        speed=Speed(
            3, MedianEstimate(2.0, 1.9, 2.1),
            (
                SpeedGroup(0.0, 1.0, conversion(5700, 780, (22.7, 18.9, 28))),
                SpeedGroup(24.0, 72.0, conversion(3800, 390, (25.4, 18.7, 33.9))),
                SpeedGroup(None, None, conversion(1900, 150, (30.7, 23, 38.7))),
            ),
        ),
        funnel=(
            Step("leads", 16_800, counted_rate(16_800, 16_800), None),
            Step("contacted", 16_400, counted_rate(16_400, 16_800), counted_rate(16_400, 16_800)),
            Step("responded", 13_900, counted_rate(13_900, 16_800), counted_rate(13_900, 16_400)),
            Step("bought", 1820, counted_rate(1820, 16_800), counted_rate(1820, 13_900)),
        ),
        fields=(
            FieldCompleteness("budget", 8000, 20_000),
            FieldCompleteness("source", 20_000, 20_000),
        ),
        logging=LoggingPromptness(
            LoggingDelays(None, 301_452, 7000, 286_752, 7700),
            (LoggingDelays("phone", 149_000, 0, 145_300, 3700),),
        ),
        spend=(
            ChannelSpend("search", 6, 540_000, 12_600, 15_600.0, 645, 91),
            ChannelSpend("referral", 12, 1_830_641, 24_246, 20_469.0, 2631, 220),
            ChannelSpend("trade_fair", 2, 0, 0, 900.0, 0, 0),
        ),
    )  # fmt: skip


def lifelike_past() -> Past:
    """Three trainings of the past, of the settings "r" and the data "d"."""
    days = [datetime(2024, 7, 28), datetime(2025, 1, 12), datetime(2025, 6, 28)]  # noqa: DTZ001
    hot = ((0.79, 0.77, 0.81), (0.81, 0.785, 0.83), (0.83, 0.80, 0.85))
    called = (outcome(0.48, 340, 101), outcome(0.30, 400, 124), outcome(0.41, 348, 132))
    courses = []
    for name, horizon, drop in (("hot", 14, 0.0), ("warm", 90, 0.12)):
        trials = tuple(
            Trial(
                day.replace(tzinfo=UTC), RateEstimate(*(one - drop for one in order)), 0.01, promise
            )
            for day, order, promise in zip(days, hot, called, strict=True)
        )
        courses.append(
            Course(
                name, horizon, trials,
                order=Spread(0.81 - drop, 0.02, 0.04), error=Spread(0.01, 0.0, 0.0),
                promised=Spread(0.397, 0.09, -0.07), happened=Spread(0.329, 0.05, 0.08),
            )
        )  # fmt: skip
    return Past(datetime(2026, 1, 1, tzinfo=UTC), "d", "r", *courses)
