"""Formats of a model's card, and the way from each to the next.

The card is JSON that training leaves in a bundle. Its shape has a number, ``format``. A card that
was written in an earlier format is brought up to the newest one, step by step, when it is read:
whoever reads a card knows the newest shape alone. Bundles are never rewritten. A step refuses
nothing: a value that it does not understand stays as it is, and whoever reads that value says what
is wrong with it. So the server starts on any card whose few fields for the server are right.

| step | from, to | what it does |
|---|---|---|
| `m001_name_the_format` | 1, 2 | Format 1 had no number. What its first cards lack is null. |
| `m002_grade_the_audit` | 2, 3 | The audit's verdicts are grades: leak, suspect. |
| `m003_reach` | 3, 4 | Bands had no reach, and the low end of a probability decided them. |
| `m004_months` | 4, 5 | Months, bands by all looks, and what hangs on suspects were not measured. |

A new step is a function ``mNNN_what_it_does`` at the end of `MIGRATIONS`, a line in this table, and
a bundle of the format before it in ``tests/data``.
"""

from collections.abc import Callable, Mapping
from typing import Any

from features.json_values import JsonObject

ABSENT_IN_FORMAT_1: dict[str, Any] = {
    "data_fingerprint": None,
    "recipe": None,
    "audit": [],
    "families": [],
    "importance": [],
}
ABSENT_IN_EXPORT: dict[str, Any] = {"rejects": [], "unused": {}, "sensitive_allowed": []}
ABSENT_IN_SNAPSHOTS: dict[str, Any] = {"effective_leads": None, "triggers": [], "thin": 1}
ABSENT_IN_SETTINGS: dict[str, Any] = {"test_from": None}
ABSENT_IN_MANAGERS_PART: dict[str, Any] = {
    "practice": None,
    "today": None,
    "aftermath": [],
    "dependence": [],
    "portrait": None,
}
ABSENT_IN_SIGNAL: dict[str, Any] = {"chance": None, "swing": None}
ABSENT_IN_HORIZON: dict[str, Any] = {
    "left_out_rows": 0,
    "gains": [],
    "by_month": [],
    "groups": [],
    "better_than": [],
    "beaten_by": [],
}
ABSENT_IN_BASELINE: dict[str, Any] = {"log_loss_advantage": None, "auc_advantage": None}
ABSENT_IN_AGE: dict[str, Any] = {"auc_low": None, "auc_high": None}
ABSENT_IN_BAND: dict[str, Any] = {"promise": None}
GRADES_BY_VERDICT_IN_FORMAT_2 = {"quarantined": "leak", "warning": "suspect"}
ABSENT_IN_BAND_OF_FORMAT_3: dict[str, Any] = {"decided_by": "low end", "reach": None}
ABSENT_IN_CALIBRATION_OF_FORMAT_4: dict[str, Any] = {
    "month_deviation": None,
    "month_check": None,
    "latest_weeks": None,
}


def m001_name_the_format(card: JsonObject) -> JsonObject:
    """Card of format 2: it names its format, and what was not measured is null or empty."""
    migrated: dict[str, Any] = {**_object_with_absent(card, ABSENT_IN_FORMAT_1), "format": 2}
    migrated["report"] = _with_absent(card.get("report") or {}, ABSENT_IN_MANAGERS_PART)
    migrated["importance"] = _each_with_absent(migrated["importance"] or [], ABSENT_IN_SIGNAL)
    migrated["families"] = migrated["families"] or []
    for section, absent in (
        ("export", ABSENT_IN_EXPORT),
        ("snapshots", ABSENT_IN_SNAPSHOTS),
        ("settings", ABSENT_IN_SETTINGS),
    ):
        if section in card:
            migrated[section] = _with_absent(card[section], absent)
    if isinstance(card.get("horizons"), Mapping):
        migrated["horizons"] = {
            name: _horizon_of_format_2(horizon) for name, horizon in card["horizons"].items()
        }
    if "bands" in card:
        migrated["bands"] = _each_with_absent(card["bands"], ABSENT_IN_BAND)
    return migrated


def _horizon_of_format_2(horizon: object) -> object:
    if not isinstance(horizon, Mapping):
        return horizon
    migrated: dict[str, Any] = {**_object_with_absent(horizon, ABSENT_IN_HORIZON)}
    if "baselines" in horizon:
        migrated["baselines"] = _each_with_absent(horizon["baselines"] or {}, ABSENT_IN_BASELINE)
    if "by_age" in horizon:
        migrated["by_age"] = _each_with_absent(horizon["by_age"] or [], ABSENT_IN_AGE)
    return migrated


def _with_absent(values: object, absent: JsonObject) -> object:
    """Values as `_object_with_absent` completes them; what is no object stays as it is."""
    return _object_with_absent(values, absent) if isinstance(values, Mapping) else values


def _object_with_absent(values: JsonObject, absent: JsonObject) -> JsonObject:
    """Values in their order, then those that are absent."""
    return {**values, **{name: value for name, value in absent.items() if name not in values}}


def _each_with_absent(values: object, absent: JsonObject) -> object:
    """Objects of a list or of an object, each `_with_absent`; anything else stays as it is."""
    match values:
        case list():
            return [_with_absent(item, absent) for item in values]
        case Mapping():
            return {name: _with_absent(item, absent) for name, item in values.items()}
        case _:
            return values


def m002_grade_the_audit(card: JsonObject) -> JsonObject:
    """Card of format 3: ``quarantined`` is now ``leak``, ``warning`` is ``suspect``."""
    migrated: dict[str, Any] = {**card, "format": 3}
    if isinstance(card.get("audit"), list):
        migrated["audit"] = [_with_grade(finding) for finding in card["audit"]]
    return migrated


def _with_grade(finding: object) -> object:
    if not isinstance(finding, Mapping) or not isinstance(finding.get("verdict"), str):
        return finding
    verdict = finding["verdict"]
    return {**finding, "verdict": GRADES_BY_VERDICT_IN_FORMAT_2.get(verdict, verdict)}


def m003_reach(card: JsonObject) -> JsonObject:
    """Card of format 4: bands say what decides them, and have a reach, which was not measured."""
    migrated: dict[str, Any] = {**card, "format": 4}
    if isinstance(card.get("bands"), Mapping):
        migrated["bands"] = {name: _band_of_format_4(band) for name, band in card["bands"].items()}
    return migrated


def _band_of_format_4(band: object) -> object:
    if not isinstance(band, Mapping):
        return band
    migrated: dict[str, Any] = {**_object_with_absent(band, ABSENT_IN_BAND_OF_FORMAT_3)}
    migrated["promise"] = _with_absent(band.get("promise"), {"reach": None})
    return migrated


def m004_months(card: JsonObject) -> JsonObject:
    """Card of format 5: months, what serves by all looks, suspects and doubts had no place."""
    migrated: dict[str, Any] = {"without_suspects": None, **card, "format": 5}
    if isinstance(card.get("export"), Mapping):
        migrated["export"] = {"suspicions": [], **card["export"]}
    if isinstance(card.get("horizons"), Mapping):
        migrated["horizons"] = {
            name: _horizon_of_format_5(horizon) for name, horizon in card["horizons"].items()
        }
    if isinstance(card.get("bands"), Mapping):
        migrated["bands"] = {name: _band_of_format_5(band) for name, band in card["bands"].items()}
    return migrated


def _band_of_format_5(band: object) -> object:
    return _with_absent(band, {"served": None})


def _horizon_of_format_5(horizon: object) -> object:
    if not isinstance(horizon, Mapping) or "calibration" not in horizon:
        return horizon
    calibration = _with_absent(horizon["calibration"], ABSENT_IN_CALIBRATION_OF_FORMAT_4)
    return {**horizon, "calibration": calibration}


MIGRATIONS: tuple[Callable[[JsonObject], JsonObject], ...] = (
    m001_name_the_format,
    m002_grade_the_audit,
    m003_reach,
    m004_months,
)
"""Step number n leads from format n to format n + 1."""
CARD_FORMAT = 1 + len(MIGRATIONS)
"""Format in which cards are written."""


def newest_format(card: JsonObject) -> JsonObject:
    """Card in the newest format.

    Parameters
    ----------
    card : JSON object
        Of any format up to `CARD_FORMAT`; without a number it is of format 1.

    Raises
    ------
    ValueError
        The number is none, or that of a later version of this software.

    Examples
    --------
    >>> newest_format({"data_end": "2026-01-01T00:00:00+00:00"})["format"] == CARD_FORMAT
    True
    """
    number = card.get("format", 1)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ValueError(
            f"The card's format must be a whole number from 1 on, found {str(number)[:40]}. "
            "Train the model again, or fetch its bundle again where it was changed by hand."
        )
    if number > CARD_FORMAT:
        raise ValueError(
            f"The card has format {str(number)[:40]}, this version of lead-temperature reads "
            f"formats up to {CARD_FORMAT}. Update lead-temperature to the version that trained "
            "the model, or train again with this one."
        )
    for migrate in MIGRATIONS[number - 1 :]:
        card = migrate(card)
    return card
