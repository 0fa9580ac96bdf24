"""A program on the Python client that was generated from the server's document."""

import json
import sys
from datetime import UTC, datetime

import openapi_client as api

url, key, wrong_key = sys.argv[1:]


def asked(key: str) -> api.ScoreApi:
    return api.ScoreApi(api.ApiClient(api.Configuration(host=url, access_token=key)))


created = datetime(1970, 1, 10, tzinfo=UTC)
call = api.Interaction(occurred_at=datetime(1970, 1, 30, tzinfo=UTC), kind="price_question")
lead = api.Lead(
    lead_id="L-1",
    created_at=created,
    as_of=datetime(1970, 2, 1, tzinfo=UTC),
    attributes=api.Attributes(country="it", company_size=40),
    interactions=[call],
)
early = api.Lead(lead_id="L-2", created_at=created, as_of=datetime(1970, 1, 9, tzinfo=UTC))
score = asked(key).score(lead, reasons=2)
batch = asked(key).score_batch(api.Batch(leads=[lead, early]))
first, second = (result.actual_instance for result in batch.results)
contract = api.ContractApi(
    api.ApiClient(api.Configuration(host=url, access_token=key))
).show_contract()
try:
    asked(wrong_key).score(lead)
    refused = None
except api.ApiException as error:
    refused = (error.status, json.loads(error.body)["code"])
print(
    json.dumps(
        {
            "band": score.band,
            "hot_probability": score.hot_probability,
            "reasons": len(score.reasons),
            "results": [first.result, second.result],
            "code": second.errors[0].code,
            "refused": refused,
            "contract": contract.version,
            "kind": contract.names["attributes.company_size"].kind,
        }
    )
)
