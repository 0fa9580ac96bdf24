"""The service that BentoML is told to serve; see `benchmarks.serving_peer`."""

from typing import Any

import bentoml  # type: ignore[import-not-found]  # only where the peers live

from benchmarks.serving_peer import answering


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Score:
    """One lead at a time."""

    def __init__(self) -> None:
        self.answer = answering()

    @bentoml.api  # type: ignore[untyped-decorator]
    def score(self, lead: dict[str, Any]) -> dict[str, Any]:
        """What is done for a lead."""
        return self.answer(lead)
