"""What an operator may set: the limits within which the server answers.

Every limit has a default that suits a CRM, so `Settings()` is a complete configuration. The limits
bound what one call may cost; beyond them a call is refused, never cut.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Limits of the server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clock_skew_seconds: Annotated[
        int, Field(ge=0, description="How far `as_of` may lie in the future of the server's clock.")
    ] = 300
    max_batch: Annotated[int, Field(ge=1, description="Most leads in one batch.")] = 1_000
    max_interactions: Annotated[
        int, Field(ge=0, description="Most interactions that one lead may bring.")
    ] = 10_000
    max_body_bytes: Annotated[int, Field(ge=1, description="Longest request body.")] = 8 * 2**20


DEFAULTS = Settings()
