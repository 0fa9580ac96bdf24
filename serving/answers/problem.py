"""How the server refuses: problem objects as in RFC 9457.

Whatever is wrong with a call, the answer is `application/problem+json`. It names each wrong field,
the law that the field breaks, what was found there and the way out. What a client sent is quoted
cut and escaped (`quoted_value`), so an answer is never longer than a page and never holds text that
JSON cannot carry. The law that was broken first also has a short name, a `Reason`: programs tell
refusals apart by it, and metrics count it. `serving.answers.codes` says what each means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, WithJsonSchema, with_config
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

PROBLEM_PAGES = "/problems"
"""Where the server has a page about each code."""
MAX_ERRORS = 20
"""Most errors of one call that are listed; the problem's detail counts all of them."""
MAX_PROBLEM_NAMES = 50
"""Most known names that are offered in place of an unknown one."""
MAX_QUOTED = 160
"""Longest piece of a client's value that is sent back."""

ALWAYS_SENT = ConfigDict(json_schema_serialization_defaults_required=True)
"""Fields of an answer that have a default are sent all the same: its schema requires them."""

Names = Mapping[tuple[str, ...], Sequence[str]]
"""Known field names of each object, by the path to it without indices."""

Reason = Literal[
    "not_http", "long_head", "slow_head", "not_utf8", "not_json", "too_deep", "name_twice",
    "not_finite", "too_many_digits", "no_key", "other_role", "other_host", "no_such_page",
    "other_method", "slow_body", "broken_bundle", "long_body", "other_type", "compressed",
    "missing", "unknown_name", "other_kind", "no_time", "length", "too_many", "unknown_word",
    "future", "before_creation", "other_value", "failure", "overload", "ending", "other",
    "no_host", "crowd", "key_overload", "deadline", "quota", "not_kept", "no_ledger",
]  # fmt: skip
"""Which law was broken; a metric counts each."""

ERROR_CODE = WithJsonSchema(
    {
        "type": "string",
        "title": "Code",
        "description": "Which law was broken, in one word that never changes its meaning; "
        "`/problems/CODE` tells about it. New ones may come.",
        "examples": ["missing", "overload"],
    }
)
"""No closed list: a client that was generated from the document must take new codes."""
_BY_STATUS: Mapping[int, Reason] = {
    401: "no_key",
    403: "other_role",
    404: "no_such_page",
    405: "other_method",
    408: "slow_body",
    409: "broken_bundle",
    413: "long_body",
    421: "other_host",
    429: "quota",
    500: "failure",
    503: "overload",
}
"""Statuses that only one law leads to."""


@with_config(ALWAYS_SENT)
@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field."""

    field: Annotated[str, Field(description="Path to the field.")]
    law: str
    found: str
    way_out: str
    code: Annotated[Reason, ERROR_CODE] = "other_value"


@with_config(ALWAYS_SENT)
@dataclass(frozen=True, slots=True)
class Problem:
    """Why a call, or a lead of a batch, was refused (RFC 9457)."""

    type: Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    errors: tuple[FieldError, ...] = ()
    request_id: str = ""
    code: Annotated[Reason, ERROR_CODE] = "other"
    result: Annotated[
        Literal["problem"], Field(description="Tells a problem from a score in a batch.")
    ] = "problem"


class Refused(HTTPException):
    """A call that is refused for a reason that its status alone does not say."""

    def __init__(
        self, status: int, reason: Reason, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.reason = reason


def problem(status: int, detail: str, reason: Reason | None = None) -> Problem:
    """Problem whose type is its status."""
    reason = reason or _BY_STATUS.get(status, "other")
    return Problem(_type_of(reason), HTTPStatus(status).phrase, status, detail, code=reason)


def problem_of(error: HTTPException) -> Problem:
    """Problem of an exception that stands for a refusal."""
    reason = error.reason if isinstance(error, Refused) else None
    return problem(error.status_code, error.detail, reason)


def invalid_fields_problem(errors: Sequence[FieldError], count: int | None = None) -> Problem:
    """Problem of fields that break a law; `count` is given where more are wrong than listed."""
    count = len(errors) if count is None else count
    wrong = "1 field breaks its law" if count == 1 else f"{count} fields break their law"
    listed = f", the first {len(errors)} of them" if count > len(errors) else ""
    detail = f"{wrong}; `errors` names what to mend{listed}."
    code = errors[0].code
    return Problem(_type_of(code), "Invalid fields", 422, detail, tuple(errors), code=code)


def _type_of(code: Reason) -> str:
    """Address of the page about a code, on the server that answers."""
    return f"{PROBLEM_PAGES}/{code}"


_WAYS = {
    "missing": "Send it.",
    "extra_forbidden": "Leave it out, or mend its name.",
    "time_format": "Send a text like 2026-03-01T09:30:00+01:00 or 2026-03-01T08:30:00Z.",
    "time_calendar": "Mend the date.",
    "time_range": "Leave the time out when it stands for 'unknown'.",
    "string_type": "Send a text in quotes.",
    "string_unicode": "Send Unicode text without lone surrogates.",
    "string_too_short": "Send a text that is not empty.",
    "string_too_long": "Send a shorter text.",
    "float_type": "Send a number without quotes; leave it out when it is unknown.",
    "finite_number": "Send a finite number; leave it out when it is unknown.",
    "dict_type": "Send an object: {…}.",
    "list_type": "Send an array: […].",
    "too_long": "Send fewer: the latest are the ones that count.",
}
_REASONS: Mapping[str, Reason] = {
    "missing": "missing",
    "extra_forbidden": "unknown_name",
    "time_format": "no_time",
    "time_calendar": "no_time",
    "time_range": "no_time",
    "string_type": "other_kind",
    "string_unicode": "not_utf8",
    "string_too_short": "length",
    "string_too_long": "length",
    "float_type": "other_kind",
    "finite_number": "not_finite",
    "literal_error": "unknown_word",
    "dict_type": "other_kind",
    "list_type": "other_kind",
    "too_long": "too_many",
}


def validation_problem(details: Sequence[ErrorDetails], names: Names) -> Problem:
    """Problem of the errors that pydantic found.

    Parameters
    ----------
    details : sequence of mapping
        The errors, as `pydantic.ValidationError.errors` gives them.
    names : mapping of path to names
        What to offer in place of an unknown name.
    """
    return invalid_fields_problem(
        [_field_error(d, names) for d in details[:MAX_ERRORS]], len(details)
    )


def _field_error(detail: ErrorDetails, names: Names) -> FieldError:
    location, kind = detail["loc"], detail["type"]
    law, value_text = str(detail["msg"]), quoted_value(detail["input"])
    way_out = _WAYS.get(kind, "Send a value that keeps to this law.")
    if kind == "too_long" and location == ("leads",):
        way_out = "Send them in several calls."
    if kind == "missing":
        law, value_text = "Is required", "nothing"
    if kind == "extra_forbidden":
        law, value_text = "Must be a name that the schema knows", quoted_value(location[-1])
        around = tuple(part for part in location[:-1] if isinstance(part, str))
        way_out += f" Known: {list_names(names.get(around, ()), MAX_PROBLEM_NAMES)}."
    code = _REASONS.get(kind, "other_value")
    return FieldError(path_text(location), law, value_text, way_out, code)


def path_text(location: Sequence[str | int]) -> str:
    """Path as a person writes it; a name that is no plain word stands in quotes and brackets.

    Parameters
    ----------
    location : sequence of str and int
        Names of members and numbers of entries, from the body on.

    Examples
    --------
    >>> path_text(("interactions", 0, "Start time"))
    'interactions[0]["Start time"]'
    """
    path = ""
    for part in location:
        if isinstance(part, str) and part.isidentifier() and len(part) < MAX_QUOTED:
            path += f".{part}" if path else part
        else:
            path += f"[{quoted_value(part)}]"
    return path or "body"


def quoted_value(value: object) -> str:
    """A client's value as text for a message, cut and escaped.

    Examples
    --------
    >>> print(quoted_value("nine o'clock"), quoted_value(None), quoted_value([1, 2]))
    "nine o'clock" null an array of 2
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            text = repr(value[:MAX_QUOTED])[1:-1].replace("\\'", "'")
            return f'"{text[:MAX_QUOTED]}{"…" if max(len(text), len(value)) > MAX_QUOTED else ""}"'
        case list() | tuple():
            return f"an array of {len(value)}"
        case dict():
            return f"an object of {len(value)}"
        case _:
            text = repr(value)
            return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"


def list_names(names: Sequence[str], max_names: int) -> str:
    """Names as part of a sentence, the rest of them counted.

    Examples
    --------
    >>> list_names(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    if not names:
        return "none"
    remainder = f" and {len(names) - max_names} more" if len(names) > max_names else ""
    return ", ".join(names[:max_names]) + remainder
