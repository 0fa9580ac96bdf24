"""From the JSON of leads to answers: no HTTP, no clock, no files.

`score_leads` validates each lead, computes its features, scores it and explains the score. A lead
of a request becomes the same `Histories` value as a partition of an export, and goes through the
same executor and the same bundle; that is why a score over HTTP equals the bulk score bit for bit.
A lead that cannot be scored gets a `Problem` in its place. A lead that differs from what the model
was trained on (a missing attribute, an unknown word, an interaction from the future) is scored, and
the answer's warnings say so.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from features.arrays import Float64
from features.engine.executor import features_of
from features.engine.history import LeadRecord, histories_of_records
from features.language.kinds import LABEL_FIELDS
from ledger.record import HorizonPromise
from models.bundle import Bundle
from models.course.change import AnsweredLook, score_change
from models.course.forecast import FORECAST_DAYS, forecast
from models.course.freshness import freshness
from models.course.looks import Band, look_at_days
from models.course.trend import days_of_trend, score_trend
from models.explain import Reason, explanations
from serving.answers.caution import cautions
from serving.answers.course import (
    ForecastAnswer,
    Part,
    ScoreChangeAnswer,
    TrendAnswer,
    forecast_answer,
    score_change_answer,
    trend_answer,
)
from serving.answers.model import ServedModel
from serving.answers.problem import FieldError, Problem, invalid_fields_problem, validation_problem
from serving.answers.recording import Recording
from serving.answers.retired import take_retired
from serving.answers.schemas import Interaction, Lead, ReasonAnswer, ScoredLead
from serving.answers.times import rfc3339


def score_leads(
    model: ServedModel,
    leads: Sequence[object],
    current_time: int,
    reasons: int,
    include: Collection[Part] = (),
    recording: Recording | None = None,
) -> list[ScoredLead | Problem]:
    """Answers for leads, in their order.

    Parameters
    ----------
    model : ServedModel
        The model that scores.
    leads : sequence of JSON values
        Leads as they were sent; each is validated here.
    current_time : int
        The present, in microseconds since the epoch: the default `as_of`. An `as_of` that was sent
        may lie after it by the allowed clock skew.
    reasons : int
        How many signals to name; 0 gives no reasons.
    include : collection of "trend", "forecast" or "change"
        What the answers hold beside the scores.
    recording : Recording, optional
        How the answers are recorded for the ledger; by default they are not.

    Returns
    -------
    list of ScoredLead or Problem
    """
    prepared = [prepare_lead(model, lead, current_time, include) for lead in leads]
    accepted = [one for one in prepared if isinstance(one, PreparedLead)]
    answers = iter(_answers(model, accepted, current_time, reasons, include, recording))
    return [next(answers) if isinstance(one, PreparedLead) else one for one in prepared]


@dataclass(frozen=True, slots=True)
class PreparedLead:
    """A valid lead and the instant at which it is scored.

    Parameters
    ----------
    lead_id : str
        As it was sent.
    as_of : int
        The instant, in microseconds since the epoch.
    previous_band : Band or None
        As it was sent.
    previous_as_of : int or None
        As it was sent, in microseconds since the epoch.
    record : LeadRecord
        The lead in our terms, as the engine takes it.
    warnings : tuple of str
        What of it was not used or not known.
    """

    lead_id: str
    as_of: int
    previous_band: Band | None
    previous_as_of: int | None
    record: LeadRecord
    warnings: tuple[str, ...]


def prepare_lead(
    model: ServedModel, raw: object, current_time: int, include: Collection[Part] = ()
) -> PreparedLead | Problem:
    """A lead that can be scored, or why it cannot.

    Parameters
    ----------
    model : ServedModel
        The model that scores.
    raw : JSON value
        The lead as it was sent.
    current_time : int
        The present, in microseconds since the epoch.
    include : collection of "trend", "forecast" or "change"
        What the answer will hold beside the score.
    """
    valid = _valid_lead(model, raw)
    if isinstance(valid, Problem):
        return valid
    lead, record, term_warnings = valid
    as_of = _as_of(lead, current_time, model.limits.clock_skew_seconds * 1_000_000)
    if isinstance(as_of, FieldError):
        return invalid_fields_problem([as_of])
    previous_as_of = lead.get("previous_as_of")
    if "change" in include and (objection := _change_objection(lead, previous_as_of, as_of)):
        return invalid_fields_problem([objection])
    warnings = (*term_warnings, *cautions(model, record, as_of, include))
    return PreparedLead(
        lead["lead_id"], as_of, lead.get("previous_band"), previous_as_of, record, warnings
    )


class _ValidLead(NamedTuple):
    """A lead that the schema accepts, as it was sent and as the engine takes it."""

    lead: Lead
    record: LeadRecord
    warnings: tuple[str, ...] = ()


def _valid_lead(model: ServedModel, raw: object) -> _ValidLead | Problem:
    """Lead of JSON in our terms or, where it has any, in those of the export."""
    valid, translation = _validated(model, raw), model.translation
    if translation is None or (
        not isinstance(valid, Problem) and not translation.has_foreign_words(valid.record)
    ):
        return valid
    translated = translation.translate(raw, model.limits.max_interactions)
    if translated.errors:
        return invalid_fields_problem(translated.errors)
    valid = _validated(model, translated.lead)
    if isinstance(valid, Problem):
        return valid
    return valid._replace(warnings=(*translated.warnings, *valid.warnings))


def _validated(model: ServedModel, raw: object) -> _ValidLead | Problem:
    """Lead of JSON in our terms."""
    try:
        lead = model.adapter.validate_python(raw)
    except ValidationError as error:
        return validation_problem(
            error.errors(include_url=False, include_context=False), model.names
        )
    retired_warnings = tuple(take_retired(lead, model.retired))
    events = [_engine_event(one) for one in lead.get("interactions") or ()]
    record = LeadRecord(lead["created_at"], events, lead.get("attributes") or {})
    return _ValidLead(lead, record, retired_warnings)


def _as_of(lead: Lead, current_time: int, skew: int) -> int | FieldError:
    """The instant of the score, or what is wrong with the one that was sent."""
    created_at, requested = lead["created_at"], lead.get("as_of")
    latest = current_time + skew
    if created_at > latest:
        return _future_error(
            "created_at", created_at, latest, "Mend the time of creation, or its zone."
        )
    if requested is None:
        # The CRM's clock may be ahead: a lead that it has just created is scored at its creation.
        return max(current_time, created_at)
    if requested > latest:
        return _future_error("as_of", requested, latest, "Leave as_of out to score as of now.")
    if requested < created_at:
        law = f"Must not lie before created_at, {rfc3339(created_at)}"
        way_out = "Score the lead from its creation on."
        return FieldError("as_of", law, rfc3339(requested), way_out, "before_creation")
    return requested


def _change_objection(lead: Lead, previous_as_of: int | None, as_of: int) -> FieldError | None:
    """What is wrong with the earlier instant that a change is asked for."""
    way_out = "Send the as_of of an earlier answer about the lead, or leave change out of include."
    if previous_as_of is None:
        law = "Is required with include=change"
        return FieldError("previous_as_of", law, "nothing", way_out, "missing")
    if not lead["created_at"] <= previous_as_of < as_of:
        created_at = rfc3339(lead["created_at"])
        law = f"Must lie from created_at, {created_at}, on and before as_of, {rfc3339(as_of)}"
        return FieldError("previous_as_of", law, rfc3339(previous_as_of), way_out)
    return None


def _future_error(field: str, instant: int, latest: int, way_out: str) -> FieldError:
    law = f"Must not lie after {rfc3339(latest)}, which is now and the allowed clock skew"
    return FieldError(field, law, rfc3339(instant), way_out, "future")


_EMPTY_EVENT = dict.fromkeys((*LABEL_FIELDS, "recorded_at"))
"""Fields of an interaction without a value; with all of them present a column is read at once."""


def _engine_event(sent: Interaction) -> Mapping[str, Any]:
    """An interaction as the engine takes it: measures beside other fields, and both times."""
    event: dict[str, Any] = {**_EMPTY_EVENT, **sent}
    if event["recorded_at"] is None:
        event["recorded_at"] = event["occurred_at"]
    measures = event.pop("measures", None)
    return {**measures, **event} if measures else event


def feature_rows(bundle: Bundle, leads: Sequence[PreparedLead]) -> Float64:
    """Features of leads, each at its instant, of shape (leads, features).

    Parameters
    ----------
    bundle : Bundle
        The model, whose features these are.
    leads : sequence of PreparedLead
        The leads.
    """
    spec = bundle.spec
    records = [lead.record for lead in leads]
    histories = histories_of_records(records, spec.attribute_kinds, spec.measures)
    as_of = np.array([lead.as_of for lead in leads], np.int64)
    return features_of(bundle.plan, histories, np.arange(len(leads)), as_of)


def _answers(
    model: ServedModel,
    accepted: Sequence[PreparedLead],
    current_time: int,
    reasons: int,
    include: Collection[Part],
    recording: Recording | None,
) -> Iterable[ScoredLead]:
    if not accepted:
        return
    bundle = model.bundle
    spec = bundle.spec
    matrix = feature_rows(bundle, accepted)
    scores = bundle.scores(matrix)
    reasons_by_lead: Sequence[tuple[Reason, ...]] = [()] * len(accepted)
    if reasons:
        explained = explanations(bundle, matrix, reasons, model.signals, scores.hot_probability)
        reasons_by_lead = [explanation.reasons for explanation in explained]
    previous = [lead.previous_band for lead in accepted]
    hots = np.column_stack([scores.hot_probability, scores.hot_low, scores.hot_high])
    warms = np.column_stack([scores.warm_probability, scores.warm_low, scores.warm_high])
    bands = bundle.bands.assign(*scores.decisive(bundle.bands), previous=previous)
    may_be_left = bundle.may_be_left(bands, scores.warm_high)
    columns = (hots, warms, scores.not_enough_evidence, bands, may_be_left)
    rows = zip(
        accepted, matrix, reasons_by_lead, *(column.tolist() for column in columns), strict=True
    )
    for lead, row, lead_reasons, hot, warm, not_enough_evidence, band, may_leave in rows:
        hot_probability, hot_low, hot_high = hot
        warm_probability, warm_low, warm_high = warm
        lead_trend, lead_forecast = _course(model, lead, reasons, include)
        lead_change = _change(model, lead) if "change" in include else None
        warning = model.promise_warnings.get(band)
        promise_warning = () if warning is None else (warning,)
        fresh = freshness(lead.record, lead.as_of, model.windows, spec.ignored)
        record = None
        if recording is not None:
            record = recording.record_of(
                lead.lead_id,
                lead.record.attributes,
                as_of=lead.as_of,
                received_at=current_time,
                model_version=bundle.version,
                hot=HorizonPromise(bundle.hot.days, *hot),
                warm=HorizonPromise(bundle.warm.days, *warm),
                band=band,
                previous_band=lead.previous_band,
                doubt=not_enough_evidence,
                reasons=lead_reasons,
                row=row,
            )
        yield ScoredLead(
            lead_id=lead.lead_id,
            as_of=rfc3339(lead.as_of),
            valid_until=rfc3339(fresh.valid_until),
            newest_interaction_days=fresh.newest_interaction_days,
            hot_probability=hot_probability,
            hot_low=hot_low,
            hot_high=hot_high,
            warm_probability=warm_probability,
            warm_low=warm_low,
            warm_high=warm_high,
            not_enough_evidence=not_enough_evidence,
            hot_days=bundle.hot.days,
            warm_days=bundle.warm.days,
            band=band,
            band_reason=bundle.bands.comparison_text(
                bundle.bands.decisive(hot_probability, low=hot_low),
                bundle.bands.decisive(warm_probability, low=warm_low),
                lead.previous_band,
            ),
            may_be_left=may_leave,
            base_probability=model.base_probability,
            reasons=tuple(ReasonAnswer(r.signal, r.points, r.text) for r in lead_reasons),
            trend=lead_trend,
            forecast=lead_forecast,
            change=lead_change,
            model_version=bundle.version,
            warnings=(*lead.warnings, *promise_warning, *model.cautions),
            request_id="",  # HTTP sets it
            record=record,
        )


def _course(
    model: ServedModel, lead: PreparedLead, reasons: int, include: Collection[Part]
) -> tuple[TrendAnswer | None, ForecastAnswer | None]:
    """Trend and forecast of a lead; None for what was not asked for."""
    if not {"trend", "forecast"} & {*include}:
        return None, None
    days = [*days_of_trend(lead.record, lead.as_of)] if "trend" in include else []
    days += FORECAST_DAYS if "forecast" in include else ()
    looks = look_at_days(model.bundle, lead.record, lead.as_of, days)
    lead_trend = lead_forecast = None
    if "trend" in include:
        lead_trend = trend_answer(score_trend(looks, reasons, model.signals))
    if "forecast" in include:
        lead_forecast = forecast_answer(forecast(looks, lead.previous_band))
    return lead_trend, lead_forecast


def _change(model: ServedModel, lead: PreparedLead) -> ScoreChangeAnswer | None:
    """Why a lead's score is another one than at the earlier instant that it names."""
    if lead.previous_as_of is None:
        return None
    bundle, attributes = model.bundle, lead.record.attributes
    earlier = AnsweredLook(bundle, lead.previous_as_of, attributes)
    later = AnsweredLook(bundle, lead.as_of, attributes, lead.previous_band)
    return score_change_answer(score_change(lead.record, earlier, later), lead.previous_as_of)
