"""The bare endpoint: FastAPI and pydantic with the same body and a constant answer.

No server of this kind can be faster than one that reads the lead, validates it and does nothing.
`uvicorn --app-dir benchmarks serving_limit:app` serves it.
"""

from datetime import datetime

from fastapi import FastAPI
from pydantic import BaseModel


class Interaction(BaseModel):
    """As in a request to the server that is measured."""

    occurred_at: datetime
    recorded_at: datetime | None = None
    channel: str | None = None
    kind: str | None = None
    direction: str | None = None
    outcome: str | None = None
    agent: str | None = None
    measures: dict[str, float] = {}


class Lead(BaseModel):
    """As in a request to the server that is measured."""

    lead_id: str
    created_at: datetime
    as_of: datetime | None = None
    attributes: dict[str, float | str | None] = {}
    interactions: list[Interaction] = []


class Answer(BaseModel):
    """The same for every lead."""

    lead_id: str
    hot_probability: float
    warm_probability: float
    band: str


app = FastAPI()


@app.get("/readyz")
async def ready() -> None:
    """It answers."""


@app.post("/v1/score")
async def score(lead: Lead) -> Answer:
    """A constant."""
    return Answer(lead_id=lead.lead_id, hot_probability=0.1, warm_probability=0.2, band="warm")
