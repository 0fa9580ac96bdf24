"""What the ledger keeps of an answer is what the answer said."""

from dataclasses import replace

import numpy as np
import pytest

from features.engine.executor import features_of
from features.engine.history import histories_of_records
from ledger.record import Answered, fingerprint
from models.bundle import Bundle
from serving.answers.limits import Limits
from serving.answers.model import ServedModel, served_model
from serving.answers.recording import Recording
from serving.answers.schemas import ScoredLead, as_json
from serving.answers.scorer import score_leads
from tests.support.bundles import small_bundle
from tests.support.histories import DAY

LEAD = {
    "lead_id": "Maria Rossi",
    "created_at": "1970-01-01T00:00:00Z",
    "as_of": "1970-01-21T00:00:00Z",
    "previous_band": "hot",
    "attributes": {"country": "it", "company_size": 12.0},
    "interactions": [{"occurred_at": "1970-01-19T00:00:00Z", "kind": "price_question"}],
}
NOW = 60 * DAY


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return small_bundle()


@pytest.fixture(scope="module")
def model(bundle: Bundle) -> ServedModel:
    return served_model(bundle, Limits())


def recorded(
    model: ServedModel, recording: Recording, **changes: object
) -> tuple[ScoredLead, Answered]:
    (answer,) = score_leads(model, [LEAD | changes], NOW, 3, recording=recording)
    assert isinstance(answer, ScoredLead)
    assert answer.record is not None
    return answer, answer.record


def test_a_record_says_what_the_answer_said(model: ServedModel) -> None:
    recording = Recording("work", "2.1.0", owner="country", channel="company_size")
    answer, record = recorded(model, recording)
    assert (record.lead, record.as_of, record.received_at) == ("Maria Rossi", 20 * DAY, NOW)
    assert (record.model_version, record.contract_version) == (answer.model_version, "2.1.0")
    assert (record.band, record.previous_band, record.purpose) == (answer.band, "hot", "work")
    assert record.doubt == answer.not_enough_evidence
    for horizon in ("hot", "warm"):
        promise = getattr(record, horizon)
        assert promise.days == getattr(answer, f"{horizon}_days")
        assert promise.probability == getattr(answer, f"{horizon}_probability")
        assert promise.low == getattr(answer, f"{horizon}_low")
        assert promise.high == getattr(answer, f"{horizon}_high")
    assert [(r.signal, r.points) for r in record.reasons] == [
        (r.signal, r.points) for r in answer.reasons
    ]
    assert (record.owner, record.channel) == ("it", "12.0")


def test_a_fingerprint_is_that_of_the_features(model: ServedModel, bundle: Bundle) -> None:
    from features.engine.history import LeadRecord

    interaction = {
        "occurred_at": 18 * DAY, "recorded_at": 18 * DAY, "kind": "price_question",
        "channel": None, "direction": None, "outcome": None, "agent": None,
    }  # fmt: skip
    known = LeadRecord(0, [interaction], LEAD["attributes"])
    spec = bundle.spec
    histories = histories_of_records([known], spec.attribute_kinds, spec.measures)
    row = features_of(bundle.plan, histories, np.array([0]), np.array([20 * DAY]))[0]
    assert recorded(model, Recording("work"))[1].features == fingerprint(row)


def test_an_attribute_that_was_not_sent_is_none(model: ServedModel) -> None:
    recording = Recording("work", owner="country", channel="no such attribute")
    for attributes in ({}, {"country": ""}, {"country": None}):
        _, record = recorded(model, recording, attributes=attributes)
        assert (record.owner, record.channel) == (None, None)


def test_a_lead_is_called_as_the_ledger_wants_it(model: ServedModel) -> None:
    answer, record = recorded(model, Recording("try", name_of=lambda lead: lead[::-1]))
    assert (answer.lead_id, record.lead, record.purpose) == ("Maria Rossi", "issoR airaM", "try")


def test_a_record_is_no_part_of_the_answer_as_json(model: ServedModel) -> None:
    answer, _ = recorded(model, Recording("work"))
    assert as_json(answer) == as_json(replace(answer, record=None))
    assert b"record" not in as_json(answer)


def test_nothing_is_recorded_unless_it_is_asked_for(model: ServedModel) -> None:
    (answer,) = score_leads(model, [LEAD], NOW, 3)
    assert isinstance(answer, ScoredLead)
    assert answer.record is None
    assert answer.ledger is None
