"""How much one request may bring.

The limits bound the cost of a call. An operator sets them by environment variables
(`serving.http.settings`), and `GET /v1/model` shows them to clients.

Tests: tests/serving/http/test_settings.py.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Limits of what one call may ask; `GET /v1/model` tells them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clock_skew_seconds: Annotated[
        int, Field(ge=0, description="How far `as_of` may lie in the future of the server's clock.")
    ] = 300
    max_batch: Annotated[int, Field(ge=1, description="Most leads in one batch.")] = 1_000
    max_interactions: Annotated[
        int, Field(ge=0, description="Most interactions that one lead may bring.")
    ] = 10_000
    max_body_bytes: Annotated[int, Field(ge=1, description="Longest request body.")] = 8 * 2**20
