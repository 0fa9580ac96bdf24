"""Cards of models: a lifelike one, and one of a model about which nothing could be measured."""

import json
import math
from dataclasses import replace
from typing import Any

from models.bundle import Bundle
from models.card import CardDocument
from models.card_formats import CARD_FORMAT
from tests.support.bundles import small_bundle
from tests.support.report_parts import (
    lifelike_families,
    lifelike_horizon_parts,
    lifelike_parts,
)
from training.card.schema import ModelCard
from training.card.values import read_card
from training.report.figures import ReportSummary
from training.report.past import Past
from training.report.render import report_summary


def document(values: dict[str, Any]) -> CardDocument:
    """Card of JSON values, in the order in which they stand."""
    return CardDocument(json.dumps(values))


def judged_bundle(**options: int) -> Bundle:
    """A `small_bundle` with a lifelike card."""
    return replace(small_bundle(**options), card=document(lifelike_card()))


def card_of(values: dict[str, Any]) -> ModelCard:
    """Typed card of JSON values."""
    return read_card(document(values))


def summary_of(
    values: dict[str, Any],
    version: str,
    previous: ReportSummary | None = None,
    past: Past | None = None,
) -> ReportSummary:
    """What the report says of a card of JSON values."""
    return report_summary(card_of(values), version, previous, past)


# Promised, rows, positives: groups of equal size in the test period of a healthy model.
CALIBRATED = {
        "hot": [
            (0.0009, 2430, 3), (0.0024, 2430, 5), (0.0046, 2430, 12), (0.0079, 2430, 17),
            (0.0123, 2430, 33), (0.0188, 2430, 44), (0.0285, 2430, 73), (0.0452, 2430, 101),
            (0.0795, 2430, 204), (0.2104, 2430, 497),
        ],
        "warm": [
            (0.012, 1100, 11), (0.021, 1100, 27), (0.032, 1100, 31), (0.047, 1100, 55),
            (0.066, 1100, 70), (0.091, 1100, 104), (0.126, 1100, 131), (0.178, 1100, 203),
            (0.262, 1100, 343), (0.468, 1100, 498),
        ],
}  # fmt: skip


def wilson(share: float, leads: float) -> tuple[float, float]:
    """95 % interval of a share that was counted among so many leads."""
    z, p = 1.959964, share
    middle = (p + z * z / (2 * leads)) / (1 + z * z / leads)
    half = z * math.sqrt(p * (1 - p) / leads + z * z / (4 * leads * leads)) / (1 + z * z / leads)
    return max(0.0, middle - half), min(1.0, middle + half)


def _period(first: str, last: str, rows: int, leads: int, positives: int) -> dict[str, Any]:
    moments = {"from": f"{first}T00:00:00+00:00", "to": f"{last}T00:00:00+00:00"}
    return {**moments, "rows": rows, "leads": leads, "positives": positives}


def _group(promised: float, rows: int, positives: int) -> dict[str, Any]:
    leads = rows * 3 // 4
    low, high = wilson(positives / rows, leads)
    return {
        "predicted": promised, "observed": positives / rows, "low": low, "high": high,
        "rows": rows, "leads": leads, "positives": positives,
    }  # fmt: skip


def _band(
    cutoff: float | None,
    leads: int,
    hot: tuple[float, int, int],
    warm: tuple[float, int, int],
) -> dict[str, Any]:
    band: dict[str, Any] = {
        "cutoff": cutoff, "decided_by": "probability", "promise": None, "served": None,
        "reach": None,
        "rows": hot[1], "leads": leads,
        "hot_rows": hot[1], "warm_rows": warm[1],
    }  # fmt: skip
    for name, (promised, rows, positives) in (("hot", hot), ("warm", warm)):
        low, high = wilson(positives / rows, leads * rows / hot[1])
        band |= {
            f"predicted_{name}": promised, f"{name}_rate": positives / rows,
            f"{name}_low": low, f"{name}_high": high, f"{name}_positives": positives,
        }  # fmt: skip
    return band


def _ages(*groups: tuple[int, int, int, int, float | None]) -> list[dict[str, Any]]:
    names = ("from_days", "to_days", "rows", "positives", "auc", "auc_low", "auc_high")
    ends = [(None, None) if auc is None else (auc - 0.03, auc + 0.02) for *_, auc in groups]
    return [
        dict(zip(names, (*group, *both), strict=True))
        for group, both in zip(groups, ends, strict=True)
    ]


def baseline(auc: float | None, log_loss: float | None, brier: float | None) -> dict[str, Any]:
    return {
        "auc": auc, "average_precision": None, "log_loss": log_loss, "brier": brier,
        "auc_advantage": None, "log_loss_advantage": None,
    }  # fmt: skip


def _common_horizon_parts() -> dict[str, Any]:
    return {
        "left_out_rows": 0,
        "never_learned_from": {
            "rows": 900, "leads": 300, "positives": 40, "auc": 0.8, "log_loss": 0.15,
        },
        "predictor": "blend", "points_card": None, "better_than": [], "beaten_by": [],
        "calibration": {
            "curve": "beta", "compared": [], "drift": None, "month_deviation": 0.15,
            "month_check": {"months": 12, "held": 10, "nominal": 0.8}, "latest_weeks": None,
        },
        "brier_parts": None, "calibration_error": None, "ties": None,
        "intervals": {"groups": 2, "contradicted": 0, "not_enough_evidence": 0},
        **lifelike_horizon_parts(),
    }  # fmt: skip


def lifelike_doubts() -> list[dict[str, Any]]:
    """Doubts about the export."""
    return [
        {
            "name": "same interaction more than once", "location": "interactions", "rows": 1_482,
            "way_out": "take SELECT DISTINCT, or the id of the interaction into account",
        },
        {
            "name": "ids that would match without leading zeros",
            "location": "interactions.lead_id", "rows": 7,
            "way_out": "export them as text in all tables",
        },
    ]  # fmt: skip


def lifelike_card() -> dict[str, Any]:
    """Card of a model that was trained on a made-up CRM of 20,000 leads."""
    return {
        "format": CARD_FORMAT, "data_fingerprint": None, "recipe": None, "audit": [],
        "without_suspects": None,
        "learning_curve": {"points": [], "more": None, "sentence": "It cannot be told."},
        "report": lifelike_parts(),
        "families": lifelike_families(),
        "data_end": "2026-01-01T00:00:00+00:00",
        "export": {
            "leads": 20000, "interactions": 301_452, "conversions": 2913, "rejected_rows": 12,
            "rejects": [], "sensitive_allowed": [], "suspicions": lifelike_doubts(),
            "first_created": "2024-01-01T08:12:00+00:00",
            "unused": {
                "age": "sensitive; name it in allow_sensitive to use it",
                "client_card_number": "not declared fixed at creation: it may be known later only",
                "contact_name": "looks like names of persons",
                "email": "looks like e-mail addresses",
                "notes": "free text",
                "phone": "looks like phone numbers",
            },
        },
        "snapshots": {
            "rows": 152_310, "leads": 19_412,
            "first_days": 0.0, "every_days": 7.0, "until_days": 180.0,
            "effective_leads": 2300.0, "triggers": [], "thin": 2,
        },
        "horizons": {
            "hot": {
                "days": 14,
                "fit": _period("2024-01-01", "2025-04-20", 84_410, 11_873, 2980),
                "calibrate": _period("2025-05-04", "2025-08-17", 27_105, 6120, 941),
                "test": _period("2025-08-31", "2025-12-18", 24_300, 5614, 989),
                "immature_rows": 3388, "learned_rows": 124_902, "kept_rows": 118_337,
                "base_rate": 2980 / 84_410,
                "auc": 0.831, "auc_low": 0.818, "auc_high": 0.844, "average_precision": 0.262,
                "log_loss": 0.1392, "brier": 0.0347,
                "baselines": {
                    "base rate": baseline(0.5, 0.1702, 0.0391),
                    "age only": baseline(0.613, 0.1661, 0.0389),
                },
                "reliability": [_group(*g) for g in CALIBRATED["hot"]],
                **_common_horizon_parts(),
                "by_age": _ages(
                    (0, 7, 5210, 251, 0.762), (7, 30, 8120, 402, 0.835),
                    (30, 90, 7340, 273, 0.846), (90, 180, 3582, 56, 0.811),
                    (180, 240, 48, 7, 0.701),
                ),
            },
            "warm": {
                "days": 90,
                "fit": _period("2024-01-01", "2025-02-03", 65_021, 9934, 7544),
                "calibrate": _period("2025-05-04", "2025-06-01", 9850, 3011, 1201),
                "test": _period("2025-08-31", "2025-10-03", 11_000, 3402, 1473),
                "immature_rows": 16_688, "learned_rows": 98_211, "kept_rows": 92_960,
                "base_rate": 7544 / 65_021,
                "auc": 0.768, "auc_low": 0.755, "auc_high": 0.781, "average_precision": 0.391,
                "log_loss": 0.3321, "brier": 0.0988,
                "baselines": {
                    "base rate": baseline(0.5, 0.3937, 0.116),
                    "age only": baseline(0.588, 0.3852, 0.1148),
                },
                "reliability": [_group(*g) for g in CALIBRATED["warm"]],
                **_common_horizon_parts(),
                "by_age": _ages(
                    (0, 7, 2310, 322, 0.722), (7, 30, 3705, 561, 0.774),
                    (30, 90, 3388, 447, 0.781), (90, 180, 1597, 143, 0.752),
                ),
            },
        },
        "bands": {
            "hot": _band(0.30, 480, (0.428, 617, 254), (0.641, 301, 198)),
            "warm": _band(0.30, 1190, (0.131, 2904, 352), (0.404, 1490, 588)),
            "cold": _band(None, 4988, (0.0176, 20_779, 383), (0.0741, 9209, 687)),
        },
        "importance": [
            {
                "signal": name, "log_loss_increase": increase, "spread": spread,
                "mean_points": points, "chance": 0.0002,
                "swing": {"low": increase - 2 * spread, "high": increase + 2 * spread},
            }
            for name, increase, spread, points in (
                ("payment terms question", 0.0102, 0.0006, 1.92),
                ("inbound", 0.0061, 0.0005, 1.31),
                ("any interaction", 0.0040, 0.0004, 1.04),
                ("agreed next step", 0.0031, 0.0004, 0.83),
                ("price question", 0.0022, 0.0003, 0.71),
                ("age of the lead", 0.0019, 0.0003, 0.66),
                ("source", 0.0011, 0.0002, 0.48),
                ("duration seconds of inbound phone call", 0.0008, 0.0002, 0.37),
                ("decision maker", 0.0004, 0.0002, 0.25),
                ("newsletter open", 0.0001, 0.0002, 0.12),
                ("country", -0.0001, 0.0001, 0.08),
            )
        ],
        "settings": {"hot_days": 14, "warm_days": 90, "test_from": None, "seed": 1, "leaves": 15},
        "libraries": {"lightgbm": "4.7.0", "numpy": "2.4.0"},
    }  # fmt: skip


def unmeasured_card() -> dict[str, Any]:
    """Card of a model whose export was too short for a test period: every figure is missing."""
    nothing = {"from": None, "to": None, "rows": 0, "leads": 0, "positives": 0}
    card = lifelike_card()
    for horizon in card["horizons"].values():
        horizon |= {"test": nothing, "immature_rows": 0, "reliability": [], "by_age": []}
        horizon |= {"gains": [], "by_month": [], "groups": []}
        for name in ("auc", "auc_low", "auc_high", "average_precision", "log_loss", "brier"):
            horizon[name] = None
        horizon["base_rate"] = None
        horizon["baselines"] = {name: baseline(None, None, None) for name in horizon["baselines"]}
    for band in card["bands"].values():
        for name in set(band) - {"cutoff", "decided_by"}:
            band[name] = 0 if name.endswith(("rows", "leads", "positives")) else None
    card["importance"] = []
    nobody = {"practice": None, "today": None, "aftermath": [], "dependence": [], "portrait": None}
    card |= {"families": [], "report": nobody}
    nothing = {"first_created": None, "rejected_rows": None, "unused": {}, "suspicions": []}
    card["export"] |= nothing
    card["snapshots"]["every_days"] = None
    return card
