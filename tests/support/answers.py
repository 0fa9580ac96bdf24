"""Answers for tests of the ledger."""

from dataclasses import replace

from features.engine.history import MICROSECONDS_PER_DAY
from ledger.record import Answered, HorizonPromise, ReasonPoints

DAY = MICROSECONDS_PER_DAY

ANSWER = Answered(
    lead="L1",
    as_of=20_454 * DAY + 123_456,
    received_at=20_454 * DAY + 123_999,
    model_version="v1",
    contract_version="1.0.0",
    hot=HorizonPromise(14, 0.25, 0.125, 0.5),
    warm=HorizonPromise(90, 0.5, 0.25, 0.75),
    band="warm",
    previous_band="hot",
    doubt=False,
    reasons=(ReasonPoints("price questions", 12.5), ReasonPoints("", -0.1)),
    features=b"\x00\xff row",
    purpose="work",
    owner="ana",
    channel="web",
)


def answer(lead: str, day: int = 0, hot: float = 0.25, **changes: object) -> Answered:
    """An answer about a lead, some days after `ANSWER`."""
    return replace(
        ANSWER,
        lead=lead,
        as_of=ANSWER.as_of + day * DAY,
        received_at=ANSWER.received_at + day * DAY,
        hot=replace(ANSWER.hot, probability=hot),
        **changes,
    )
