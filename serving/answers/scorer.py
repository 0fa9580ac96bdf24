"""From leads as they travel to answers: no HTTP, no clock, no files.

A lead of a request becomes the same `Histories` value that a partition of an export becomes, and
goes through the same executor and the same bundle; that is why a score over HTTP is the bulk score
bit for bit. A lead that cannot be scored becomes a `Problem` in its place. What can be scored but
is not what the model was trained on (a missing attribute, an unknown word, an interaction from the
future) is scored, and said in the answer's warnings.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from features.engine.executor import features_of
from features.engine.history import LeadRecord, histories_of_records
from features.language.kinds import LABEL_FIELDS
from models.course.forecast import DAYS, forecast
from models.course.freshness import freshness
from models.course.looks import Band, look_at_days
from models.course.trend import days_of_trend, score_trend
from models.explain import Reason, explanations
from serving.answers.caution import cautions
from serving.answers.course import (
    Part,
    forecast_answer,
    trend_answer,
)
from serving.answers.model import ServedModel
from serving.answers.problem import FieldError, Problem, invalid_fields_problem, validation_problem
from serving.answers.schemas import Interaction, Lead, ReasonAnswer, ScoredLead
from serving.answers.times import rfc3339


def score_leads(
    model: ServedModel,
    leads: Sequence[object],
    current_time: int,
    reasons: int,
    include: Collection[Part] = (),
) -> list[ScoredLead | Problem]:
    """Answers for leads, in their order.

    Parameters
    ----------
    model : ServedModel
    leads : sequence of JSON values
        As they came; each is validated here.
    now : int
        Microseconds; the default `as_of`, and the limit of a given one but for the clock skew.
    reasons : int
        How many signals to name; 0 gives no reasons.
    include : collection of "trend", "forecast"
        What else the answers are to hold.

    Returns
    -------
    list of ScoredLead or Problem
    """
    prepared = [_prepared(model, lead, current_time, include) for lead in leads]
    accepted = [one for one in prepared if isinstance(one, _Prepared)]
    answers = iter(_answers(model, accepted, reasons, include))
    return [next(answers) if isinstance(one, _Prepared) else one for one in prepared]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A valid lead and the instant at which it is scored."""

    lead_id: str
    as_of: int
    previous_band: Band | None
    record: LeadRecord
    warnings: tuple[str, ...]


def _prepared(
    model: ServedModel, raw: object, current_time: int, include: Collection[Part]
) -> _Prepared | Problem:
    try:
        lead = model.adapter.validate_python(raw)
    except ValidationError as error:
        return validation_problem(
            error.errors(include_url=False, include_context=False), model.names
        )
    as_of = _as_of(lead, current_time, model.limits.clock_skew_seconds * 1_000_000)
    if isinstance(as_of, FieldError):
        return invalid_fields_problem([as_of])
    events = [_event(one) for one in lead.get("interactions") or ()]
    record = LeadRecord(lead["created_at"], events, lead.get("attributes") or {})
    warnings = cautions(model, record, as_of, include)
    return _Prepared(lead["lead_id"], as_of, lead.get("previous_band"), record, tuple(warnings))


def _as_of(lead: Lead, current_time: int, skew: int) -> int | FieldError:
    """The instant to score at, or what is wrong with it."""
    created_at, requested = lead["created_at"], lead.get("as_of")
    latest = current_time + skew
    if created_at > latest:
        return _late("created_at", created_at, latest, "Mend the time of creation, or its zone.")
    if requested is None:
        # The CRM's clock may be ahead: a lead that it has just created is scored at its creation.
        return max(current_time, created_at)
    if requested > latest:
        return _late("as_of", requested, latest, "Leave as_of out to score as of now.")
    if requested < created_at:
        law = f"Must not lie before created_at, {rfc3339(created_at)}"
        way_out = "Score the lead from its creation on."
        return FieldError("as_of", law, rfc3339(requested), way_out, "before_creation")
    return requested


def _late(field: str, instant: int, latest: int, way_out: str) -> FieldError:
    law = f"Must not lie after {rfc3339(latest)}, which is now and the allowed clock skew"
    return FieldError(field, law, rfc3339(instant), way_out, "future")


_NOTHING = dict.fromkeys((*LABEL_FIELDS, "recorded_at"))
"""What an interaction says that says nothing; columns of such are read at once."""


def _event(sent: Interaction) -> dict[str, Any]:
    """An interaction as the engine takes it: measures beside the rest, and both clocks."""
    event: dict[str, Any] = {**_NOTHING, **sent}
    if event["recorded_at"] is None:
        event["recorded_at"] = event["occurred_at"]
    measures = event.pop("measures", None)
    return {**measures, **event} if measures else event


def _answers(
    model: ServedModel, accepted: Sequence[_Prepared], reasons: int, include: Collection[Part]
) -> Iterable[ScoredLead]:
    if not accepted:
        return
    bundle = model.bundle
    spec = bundle.spec
    records = [lead.record for lead in accepted]
    histories = histories_of_records(records, spec.attribute_kinds, spec.measures)
    as_of = np.array([lead.as_of for lead in accepted], np.int64)
    matrix = features_of(bundle.plan, histories, np.arange(len(accepted)), as_of)
    scores = bundle.scores(matrix)
    reasons_by_lead: Sequence[tuple[Reason, ...]] = [()] * len(accepted)
    if reasons:
        hot_probability = scores.hot_probability
        explained = explanations(bundle, matrix, reasons, model.signals, hot_probability)
        reasons_by_lead = [lead.reasons for lead in explained]
    previous = [lead.previous_band for lead in accepted]
    hots = np.column_stack([scores.hot_probability, scores.hot_low, scores.hot_high])
    warms = np.column_stack([scores.warm_probability, scores.warm_low, scores.warm_high])
    bands = bundle.bands.assign(scores.hot_low, scores.warm_low, previous=previous)
    columns = (hots, warms, scores.not_enough_evidence, bands)
    rows = zip(accepted, reasons_by_lead, *(column.tolist() for column in columns), strict=True)
    for lead, lead_reasons, (hot, hot_low, hot_high), (
        warm,
        warm_low,
        warm_high,
    ), doubtful, band in rows:
        fresh = freshness(lead.record, lead.as_of, model.windows, spec.ignored)
        yield ScoredLead(
            lead_id=lead.lead_id,
            as_of=rfc3339(lead.as_of),
            valid_until=rfc3339(fresh.valid_until),
            newest_interaction_days=fresh.newest_interaction_days,
            hot_probability=hot,
            hot_low=hot_low,
            hot_high=hot_high,
            warm_probability=warm,
            warm_low=warm_low,
            warm_high=warm_high,
            not_enough_evidence=doubtful,
            hot_days=bundle.hot.days,
            warm_days=bundle.warm.days,
            band=band,
            band_reason=bundle.bands.comparison_text(hot_low, warm_low, lead.previous_band),
            base_probability=model.base_probability,
            reasons=tuple(ReasonAnswer(r.signal, r.points, r.text) for r in lead_reasons),
            **_course(model, lead, reasons, include),
            model_version=bundle.version,
            warnings=lead.warnings,
            request_id="",  # whoever was asked knows it
        )


def _course(
    model: ServedModel, prepared: _Prepared, reasons: int, include: Collection[Part]
) -> dict[str, Any]:
    """Where a lead comes from and where it goes, as far as that is asked for."""
    course: dict[str, Any] = {"trend": None, "forecast": None}
    if not include:
        return course
    days = [*days_of_trend(prepared.record, prepared.as_of)] if "trend" in include else []
    days += DAYS if "forecast" in include else ()
    look_series = look_at_days(model.bundle, prepared.record, prepared.as_of, days)
    if "trend" in include:
        course["trend"] = trend_answer(score_trend(look_series, reasons, model.signals))
    if "forecast" in include:
        course["forecast"] = forecast_answer(forecast(look_series, prepared.previous_band))
    return course
