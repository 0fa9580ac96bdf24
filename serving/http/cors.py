"""Which other sites' pages may call the server from a browser (CORS).

By default none may. An operator lists exact origins; there is no wildcard, and a browser's own
credentials never come along: a page sends its key itself, as `Authorization: Bearer KEY`.
"""

import re
from collections.abc import Sequence
from typing import TypedDict

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[1-9][0-9]{0,4})?")


class CorsOptions(TypedDict):
    """Options of `starlette.middleware.cors.CORSMiddleware`."""

    allow_origins: Sequence[str]
    allow_methods: Sequence[str]
    allow_headers: Sequence[str]
    expose_headers: Sequence[str]


def require_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """The same origins, each as a browser writes it.

    Parameters
    ----------
    origins : tuple of str
        From the settings.

    Raises
    ------
    ValueError
        One is none, such as ``*``, one with a path, or one in capitals.

    Examples
    --------
    >>> require_origins(("https://crm.example", "http://localhost:5173"))
    ('https://crm.example', 'http://localhost:5173')
    """
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin[:100]!r} is no origin. Write each as https://crm.example, in small "
                "letters, with a port if it is another, without a path, and without *"
            )
    return origins


def cors_options(origins: Sequence[str]) -> CorsOptions:
    """Options by which pages of these origins may call every route and read its headers.

    Parameters
    ----------
    origins : sequence of str
        As `require_origins` passed them.
    """
    return {
        "allow_origins": origins,
        "allow_methods": ("GET", "HEAD", "POST"),
        "allow_headers": ("Authorization", "Content-Type", "Prefer", "X-Request-ID"),
        "expose_headers": (
            "Content-Language",
            "Preference-Applied",
            "RateLimit",
            "RateLimit-Policy",
            "Retry-After",
            "X-Request-ID",
        ),
    }
