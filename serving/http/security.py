"""Who may use which route: API keys, of which the server knows only the hashes.

A key is a long random text that one client holds. The server knows its SHA-256 hash, a name for the
log, and its roles: ``score`` for the CRM, ``report`` for people who read pages, ``operate`` for
those who run the server. A hash without salt is enough for keys that nobody can guess: at least 128
random bits, such as ``openssl rand -hex 32`` gives. Programs send ``Authorization: Bearer KEY``. A
browser that opens a page asks for a name, which may be any, and for a password, which is the key.
"""

import base64
import functools
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request

Role = Literal["score", "report", "operate"]
ROLES: tuple[Role, ...] = get_args(Role)

KEY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key with the role that the page needs: `score` to score and to read "
    "about the model, `report` for the report, `operate` to run the server.",
}
"""OpenAPI of how a program sends its key."""
CHALLENGE = {
    "WWW-Authenticate": 'Basic realm="lead-temperature", charset="UTF-8", '
    'Bearer realm="lead-temperature"'
}
_FORM = re.compile(r"([A-Za-z0-9._-]{1,40}):([a-z+]+):([0-9a-f]{64})(?::([1-9][0-9]{0,6}))?")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
MAX_KEYS = 400
"""Most keys: for each there is room in the memory that workers share."""
_MAX_HEADER_LETTERS = 4_096
"""Longest Authorization header that may hold a key."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A client that may ask.

    Parameters
    ----------
    name : str
        Its name in the log.
    roles : tuple of Role
        Which routes it may use.
    sha256 : str
        Hash of its key, 64 hexadecimal digits in lower case.
    quota : int or None
        Most requests that it may make a minute; None for what all keys may.

    Raises
    ------
    ValueError
        There is no role, or an unknown one.
    """

    name: str
    roles: tuple[Role, ...]
    sha256: str
    quota: int | None = None

    def __str__(self) -> str:
        """As it stands in the settings."""
        quota = "" if self.quota is None else f":{self.quota}"
        return f"{self.name}:{'+'.join(self.roles)}:{self.sha256}{quota}"

    def __post_init__(self) -> None:
        unknown = [role for role in self.roles if role not in ROLES]
        if unknown or not self.roles:
            raise ValueError(
                f"Key '{self.name}' must have roles among {', '.join(ROLES)}, "
                f"got {', '.join(unknown) or 'none'}."
            )


def api_keys(text: str) -> tuple[ApiKey, ...]:
    """Keys as they stand in the settings, separated by commas.

    Each is ``NAME:ROLE+ROLE:SHA256``, and a quota may follow: ``:REQUESTS`` a minute.

    Raises
    ------
    ValueError
        A part has another form, two keys share a name or a hash, or there are over `MAX_KEYS`.
        The message does not show what stands in place of a hash, because it may be the key.

    Examples
    --------
    >>> api_keys("crm:score:" + 64 * "0")[0].roles
    ('score',)
    """
    keys = []
    for number, part in enumerate(filter(None, map(str.strip, text.split(","))), start=1):
        matched = _FORM.fullmatch(part)
        if not matched:
            raise ValueError(
                f"Key {number} must have the form NAME:ROLES:SHA256 or NAME:ROLES:SHA256:QUOTA, as "
                "in crm:score:… with 64 hexadecimal digits; `printf %s KEY | sha256sum` gives them"
            )
        name, roles, digest, quota = matched.groups()
        quota = None if quota is None else int(quota)
        keys.append(ApiKey(name, tuple(roles.split("+")), digest, quota))  # type: ignore[arg-type]
    if len(keys) > MAX_KEYS:
        raise ValueError(f"There are {len(keys)} keys, at most {MAX_KEYS} have room; take some out")
    for values, attribute in (([k.name for k in keys], "name"), ([k.sha256 for k in keys], "hash")):
        if len(set(values)) < len(values):
            raise ValueError(f"Two keys have one {attribute}; give each its own")
    return tuple(keys)


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@functools.lru_cache(maxsize=64)
def is_for_this_machine(host: str) -> bool:
    """Whether a ``Host`` header asks for a loopback name, with or without a port.

    Examples
    --------
    >>> is_for_this_machine("localhost:8000"), is_for_this_machine("[::1]:8000")
    (True, True)
    >>> is_for_this_machine("crm.example"), is_for_this_machine("127.0.0.1.evil.example")
    (False, False)
    """
    matched = _HOST.fullmatch(host.lower())
    return matched is not None and is_loopback(matched["name"].strip("[]"))


def other_host_text(host: str) -> str:
    """Detail of the problem of a request for another host, on a server without keys."""
    return (
        f"Without API keys the server answers this machine alone, as localhost, 127.0.0.1 or "
        f"[::1]; the request is for {host[:100]!r}. Ask for one of these, or set "
        "LEAD_TEMPERATURE_API_KEYS to answer under any name."
    )


def role_check(
    current_keys: Callable[[], Sequence[ApiKey]],
    roles: Sequence[Role],
    note_use: Callable[[Request, ApiKey], None] = lambda request, key: None,
) -> Callable[[Request], Awaitable[None]]:
    """Check that a request's key has one of the roles.

    Parameters
    ----------
    current_keys : callable
        Gives all keys. Without any, a request may pass if it names this machine by a loopback
        name, or no host at all, which no browser does.
    roles : sequence of Role
        The roles of which a key needs one.
    note_use : callable
        Called with a request that is admitted and its key; it may refuse it all the same.

    Returns
    -------
    async function of a request
        It raises HTTPException: 401 without a known key, 403 if the key has only other roles; 421
        if there are no keys and the request is for another host.
    """
    roles_text = " or ".join(roles)

    async def admit(request: Request) -> None:
        keys = current_keys()
        if not keys:
            # Another site may have made its own name point to this machine (DNS rebinding).
            host = request.headers.get("host")
            if host is not None and not is_for_this_machine(host):
                raise HTTPException(421, other_host_text(host))
            return
        key = _matching_key(keys, _presented_key(request))
        if key is None:
            way_out = f"Send a key with the role {roles_text}: Authorization: Bearer KEY."
            raise HTTPException(
                401, f"No known API key came with the request. {way_out}", CHALLENGE
            )
        request.state.client = key.name
        if not set(roles) & set(key.roles):
            has = " and ".join(key.roles)
            raise HTTPException(
                403, f"The key '{key.name}' has the role {has}; this needs the role {roles_text}."
            )
        note_use(request, key)

    return admit


def _matching_key(keys: Sequence[ApiKey], presented: str | None) -> ApiKey | None:
    """The key that was presented; all are compared, so that the time does not reveal which."""
    digest = hashlib.sha256((presented or "").encode("utf-8", "surrogatepass")).hexdigest()
    matching = None
    for key in keys:
        if hmac.compare_digest(key.sha256, digest) and presented:
            matching = key
    return matching


def _presented_key(request: Request) -> str | None:
    """The key in the Authorization header; a password counts for GET only.

    A browser sends a password that it remembers with every request, even with those that pages of
    other sites make it send. So a password must never let a request change something.
    """
    header = request.headers.get("authorization", "")
    scheme, _, credentials = header.partition(" ")
    if len(header) > _MAX_HEADER_LETTERS:
        return None
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic" and request.method == "GET":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
        except ValueError:  # no base64, or no UTF-8
            return None
    return None
