"""What an operator may set: the limits within which the server answers, and who may ask.

Everything has a default that suits a CRM, so `Settings()` is a complete configuration. A setting
comes from the environment variable ``LEAD_TEMPERATURE_`` and its name in capitals. The limits bound
the cost of one call; a call beyond them is refused, never cut. ``docs/serving.md`` lists all
settings.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ledger.hashing import SHORTEST_KEY
from serving.answers.limits import Limits
from serving.http.cors import require_origins
from serving.http.keys import keys_of_file
from serving.http.security import ApiKey, api_keys

PREFIX = "LEAD_TEMPERATURE_"


class Settings(BaseModel):
    """All settings of the server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limits: Limits = Limits()
    api_keys: Annotated[
        tuple[ApiKey, ...],
        BeforeValidator(lambda given: api_keys(given) if isinstance(given, str) else given),
        Field(
            description="Who may ask: `NAME:ROLES:SHA256` for each key, separated by commas. Roles "
            "are `score`, `report` and `operate`, joined by `+`. Without a key the server answers "
            "this machine alone."
        ),
    ] = ()
    api_keys_file: Annotated[
        str | None,
        Field(
            min_length=1,
            description="File of such keys, one a line, in place of `API_KEYS`: when it changes, "
            "the server takes its keys within a second, without a restart.",
        ),
    ] = None
    max_requests: Annotated[
        int,
        Field(ge=1, description="Most requests at work at once; more are told to ask again later."),
    ] = 64
    max_key_requests: Annotated[
        int,
        Field(
            ge=1,
            description="Most of them that one API key may have, so that no client takes all; more "
            "are told to ask again later.",
        ),
    ] = 48
    key_quota: Annotated[
        int | None,
        Field(
            ge=1,
            le=9_999_999,
            description="Most requests that one API key may make a minute, over all workers, to "
            "score or to read; a key's own number, `NAME:ROLES:SHA256:600`, goes first.",
        ),
    ] = None
    cors_origins: Annotated[
        tuple[str, ...],
        BeforeValidator(lambda given: given.split(",") if isinstance(given, str) else given),
        AfterValidator(require_origins),
        Field(
            description="Sites whose pages may call the server from a browser, exactly as in "
            "`https://crm.example`, separated by commas.",
        ),
    ] = ()
    max_connections: Annotated[
        int,
        Field(
            ge=1,
            description="Most connections to one worker. Where another one comes, the one that has "
            "been idle for longest is closed; it is refused if none is idle.",
        ),
    ] = 1_000
    max_batches: Annotated[
        int,
        Field(
            ge=1,
            le=32,
            description="Most batches and bodies beyond 64 KiB at work at once; more are told to "
            "ask again later.",
        ),
    ] = 4
    body_seconds: Annotated[
        float,
        Field(
            gt=0,
            allow_inf_nan=False,
            description="How long a request's head may take to come, and then its body; and how "
            "long a client may take nothing of an answer that waits for it.",
        ),
    ] = 10.0
    reload_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=3_600,
            allow_inf_nan=False,
            description="How often the bundle's folder is looked at for another bundle; 0 for "
            "never.",
        ),
    ] = 5.0
    golden: Annotated[
        Literal["exact", "rounded"],
        Field(
            description="How a bundle must answer its golden leads: to the last bit, or `rounded` "
            "to 12 digits where another kind of processor trained it."
        ),
    ] = "exact"
    bundle_key: Annotated[
        str | None,
        Field(
            min_length=16,
            repr=False,
            description="Secret that bundles must be signed with, by `lead-temperature sign`; "
            "without it none need be.",
        ),
    ] = None
    copies_folder: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Folder of this server alone, in which the last good copy of a bundle "
            "outlives it: a server that starts beside a broken bundle serves that copy.",
        ),
    ] = None
    ledger: Annotated[
        str | None,
        Field(
            min_length=1,
            repr=False,
            description="Database in which every answer is kept, as with `--ledger`: a SQLite "
            "file, or a URL of SQLite or PostgreSQL, in which `$NAME` stands for a variable.",
        ),
    ] = None
    ledger_strict: Annotated[
        bool,
        Field(
            description="Whether an answer waits until it is kept, and is refused where it cannot "
            "be, as with `--ledger-strict`."
        ),
    ] = False
    ledger_key: Annotated[
        str | None,
        Field(
            min_length=SHORTEST_KEY,
            repr=False,
            description="Secret; with it the ledger has keyed hashes in place of lead ids.",
        ),
    ] = None
    ledger_owner: Annotated[
        str | None,
        Field(min_length=1, description="Attribute that says who has a lead, for the ledger."),
    ] = None
    ledger_channel: Annotated[
        str | None,
        Field(
            min_length=1, description="Attribute that says where a lead came from, for the ledger."
        ),
    ] = None
    work_page: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Page of the day's lists, as `lead-temperature work -o today.html` writes "
            "it: `/work` shows it, read anew each time.",
        ),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning"],
        Field(
            description="What is logged: `debug` tells of every request, `info` of refused ones, "
            "`warning` of failures."
        ),
    ] = "info"

    @property
    def has_quotas(self) -> bool:
        """Whether some key may make so many requests a minute and no more."""
        quotas = (key.quota or self.key_quota for key in self.api_keys)
        return any(quota is not None for quota in quotas)


DEFAULTS = Settings()


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Settings of an environment; a setting that is not there has its default.

    Parameters
    ----------
    environment : mapping of name to text
        Environment variables; those whose names do not begin with `PREFIX` are ignored.

    Returns
    -------
    Settings

    Raises
    ------
    ValueError
        A name is unknown, or a value breaks its law. The message does not show the value, because
        it may be a secret.

    Examples
    --------
    >>> settings_from({"LEAD_TEMPERATURE_MAX_BATCH": "50"}).limits.max_batch
    50
    """
    texts = {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environment.items()
        if name.startswith(PREFIX)
    }
    known_names = [
        *Limits.model_fields,
        *(name for name in Settings.model_fields if name != "limits"),
    ]
    unknown = sorted(texts.keys() - known_names)
    if unknown:
        raise ValueError(
            f"{PREFIX}{unknown[0].upper()} is no setting of the server. "
            f"Known: {', '.join(PREFIX + name.upper() for name in known_names)}."
        )
    if "api_keys_file" in texts:
        texts["api_keys"] = _keys_text(texts)
    limits = {name: texts.pop(name) for name in Limits.model_fields if name in texts}
    try:
        return Settings.model_validate_strings({"limits": limits, **texts})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = next(str(part) for part in first["loc"] if part != "limits")
        law = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise ValueError(f"{PREFIX}{name.upper()}: {law}.") from None


def _keys_text(texts: Mapping[str, str]) -> str:
    """Keys of the file that the settings name, as they would stand in `API_KEYS`."""
    if "api_keys" in texts:
        raise ValueError(
            f"{PREFIX}API_KEYS and {PREFIX}API_KEYS_FILE exclude each other: set one of them."
        )
    try:
        keys = keys_of_file(Path(texts["api_keys_file"]))
    except ValueError as error:
        raise ValueError(f"{PREFIX}API_KEYS_FILE: {error}.") from None
    return ",".join(map(str, keys))
