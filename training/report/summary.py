"""From a model's card to the figures of the report.

The card is the JSON that training leaves in the bundle: everything that was measured. Here it
becomes a frozen `ReportSummary`. A rate is told however small its group is, because its interval
says how much it is worth; a ranking of fewer than `LEAST_POSITIVES` looks that bought is not.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from models.bands import Temperature
from models.card import MANAGERS
from training.card.values import uncarded
from training.evaluation.dependence import Dependences
from training.evaluation.gains import Gains, Months
from training.report.changes import changes
from training.report.figures import (
    AgeGroup,
    Band,
    Family,
    Horizon,
    Period,
    Quality,
    ReportSummary,
    Segment,
    Signal,
)
from training.report.past import Past, standing
from training.statistics.incidence import LEAST_LEADS
from training.statistics.paired import Difference
from training.statistics.rates import LEAST_POSITIVES, Outcome, RateEstimate
from training.team.aftermath import Aftermaths
from training.team.portrait import Portrait
from training.team.practice import Practice
from training.team.today import OpenLeads


def report_summary(
    card: Mapping[str, Any],
    version: str,
    previous: ReportSummary | None = None,
    past: Past | None = None,
) -> ReportSummary:
    """Figures of a model's card.

    Parameters
    ----------
    card : mapping
        JSON values, as training writes them into the bundle. What could not be measured is null;
        what earlier versions did not measure is not there.
    version : str
        The model's.
    previous : ReportSummary, optional
        Figures of an earlier report, to tell what has changed.
    past : Past, optional
        The latest backtest.

    Raises
    ------
    ValueError
        The card lacks a figure, or figures contradict each other.
    """
    try:
        found = _summary(card, version)
    except KeyError as error:
        raise ValueError(
            f"The card of model {version or '(no version)'} has no {error}, "
            "which the report needs. Train the model again with this version."
        ) from error
    return replace(
        found,
        past=past,
        past_is=standing(past, card),
        changes=None if previous is None else changes(previous, found),
    )


def _summary(card: Mapping[str, Any], version: str) -> ReportSummary:
    export, snapshots, parts = card["export"], card["snapshots"], card.get(MANAGERS) or {}
    return ReportSummary(
        version=version,
        data_end=datetime.fromisoformat(card["data_end"]),
        leads=_count(export["leads"]),
        interactions=_count(export["interactions"]),
        conversions=_count(export["conversions"]),
        rejected_rows=export["rejected_rows"],
        first_created=_moment(export["first_created"]),
        every_days=snapshots["every_days"],
        looks=_count(snapshots["rows"]),
        looked_at=_count(snapshots["leads"]),
        hot=_horizon("hot", card["horizons"]["hot"]),
        warm=_horizon("warm", card["horizons"]["warm"]),
        bands=tuple(_band(t, card["bands"][t.value]) for t in reversed(Temperature)),
        signals=tuple(_signal(s) for s in card["importance"] or ()),
        unused=_pairs(export["unused"]),
        settings=_pairs(card["settings"]),
        libraries=_pairs(card["libraries"]),
        today=_later(OpenLeads | None, parts, "today"),
        aftermath=_later(Aftermaths, parts, "aftermath") or (),
        families=tuple(
            Family(one["family"], one["log_loss_increase"], one["spread"])
            for one in card.get("families") or ()
        ),
        dependence=_later(Dependences, parts, "dependence") or (),
        portrait=_later(Portrait | None, parts, "portrait"),
        practice=_later(Practice | None, parts, "practice"),
        sensitive=tuple(export.get("sensitive_allowed") or ()),
    )


def _later(kind: Any, values: Mapping[str, Any], name: str) -> Any:
    """Value that earlier versions did not measure; None where it is not there."""
    return None if values.get(name) is None else uncarded(kind, values[name], name)


def _signal(data: Mapping[str, Any]) -> Signal:
    swing = data.get("swing") or {}
    return Signal(
        data["signal"],
        data["mean_points"],
        data["log_loss_increase"],
        data["spread"],
        low=swing.get("low"),
        high=swing.get("high"),
        chance=data.get("chance"),
    )


def _horizon(name: str, data: Mapping[str, Any]) -> Horizon:
    return Horizon(
        name=name,
        days=int(data["days"]),
        fit=_period(data["fit"]),
        calibrate=_period(data["calibrate"]),
        test=_period(data["test"]),
        immature_rows=_count(data["immature_rows"]),
        base_rate=data["base_rate"],
        auc=_rate(data["auc"], data["auc_low"], data["auc_high"])
        if _count(data["test"]["positives"]) >= LEAST_POSITIVES
        else None,
        quality=_quality("", data),
        baselines=tuple(_quality(name, b) for name, b in (data["baselines"] or {}).items()),
        groups=tuple(_group(g) for g in data["reliability"] or ()),
        by_age=tuple(_age_group(a) for a in data["by_age"] or ()),
        gains=_later(Gains, data, "gains") or (),
        months=_later(Months, data, "by_month") or (),
        segments=tuple(_segments(data.get("groups") or ())),
    )


def _segments(groups: Iterable[Mapping[str, Any]]) -> Iterator[Segment]:
    for group in groups:
        if group["by"] not in ("score", "age") and group["rate"]["leads"] >= LEAST_LEADS:
            yield Segment(
                group["by"], group["level"], group["rate"]["leads"], _group(group["rate"])
            )


def _band(name: Temperature, data: Mapping[str, Any]) -> Band:
    return Band(
        name=name,
        cutoff=data["cutoff"],
        rows=_count(data["rows"]),
        leads=_count(data["leads"]),
        hot=_band_outcome(data, "hot", data["rows"]),
        warm=_band_outcome(data, "warm", data["warm_rows"]),
    )


def _band_outcome(data: Mapping[str, Any], horizon: str, rows: int | None) -> Outcome:
    return Outcome(
        rows=_count(rows),
        positives=_count(data[f"{horizon}_positives"]),
        promised=data[f"predicted_{horizon}"],
        happened=_rate(*(data[f"{horizon}_{bound}"] for bound in ("rate", "low", "high"))),
    )


def _group(data: Mapping[str, Any]) -> Outcome:
    return Outcome(
        rows=_count(data["rows"]),
        positives=_count(data["positives"]),
        promised=data["predicted"],
        happened=_rate(data["observed"], data["low"], data["high"]),
    )


def _period(data: Mapping[str, Any]) -> Period:
    return Period(
        first=_moment(data["from"]),
        last=_moment(data["to"]),
        rows=_count(data["rows"]),
        leads=_count(data["leads"]),
        positives=_count(data["positives"]),
    )


def _quality(name: str, data: Mapping[str, Any]) -> Quality:
    ahead = data.get("auc_advantage")
    return Quality(
        name,
        data["auc"],
        data["log_loss"],
        data["brier"],
        None if ahead is None else Difference(**ahead),
    )


def _age_group(data: Mapping[str, Any]) -> AgeGroup:
    positives = _count(data["positives"])
    told = positives >= LEAST_POSITIVES
    interval = _rate(data["auc"], data.get("auc_low"), data.get("auc_high"))
    return AgeGroup(
        from_days=data["from_days"],
        to_days=data["to_days"],
        rows=_count(data["rows"]),
        positives=positives,
        auc=data["auc"] if told else None,
        interval=interval if told else None,
    )


def _rate(value: float | None, low: float | None, high: float | None) -> RateEstimate | None:
    """Give the rate, unless a part of it is missing."""
    if value is None or low is None or high is None:
        return None
    # In bundles of earlier versions the bound of "all of them" may be 0.9999999999999999.
    return RateEstimate(round(value, 12), round(low, 12), round(high, 12))


def _count(value: int | None) -> int:
    return int(value or 0)


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _pairs(values: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), _text(value)) for name, value in (values or {}).items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
