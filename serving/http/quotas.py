"""How many requests a key may make a minute, over all processes that serve together.

Each process counts in memory that all of them read (`serving.http.figures`), so the bound holds for
the whole server, up to one request a process that comes in the very instant. A minute is one of the
clock: when it is over, or the clock was set, counting begins again. Requests that are refused do
not count. Answers tell a key's quota in the fields of the present draft and in those of an earlier
one, which many clients read.

References
----------
R. Polli, A. Martínez Ruiz, D. Miller, *RateLimit header fields for HTTP*,
draft-ietf-httpapi-ratelimit-headers-11 (2026); the three earlier fields: version 06 of it (2022).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from serving.answers.problem import Refused
from serving.http.figures import Region
from serving.http.security import ApiKey

WINDOW_SECONDS = 60
_MOST_COUNTED = 2**24
"""More than the requests of a minute. Minute and count are one float, which no reader sees half
written."""


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """What is left of a key's quota.

    Parameters
    ----------
    limit : int
        Most requests in a minute.
    remaining : int
        How many of them are left.
    reset_seconds : int
        Seconds until counting begins again, from 1.
    """

    limit: int
    remaining: int
    reset_seconds: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that tell it.

        Examples
        --------
        >>> QuotaUse(600, 12, 30).headers["RateLimit"]
        '"minute";r=12;t=30'
        """
        return {
            "RateLimit-Policy": f'"minute";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"minute";r={self.remaining};t={self.reset_seconds}',
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


class Quotas:
    """Counts the requests of keys; to be used from one event loop only.

    Parameters
    ----------
    clock : callable
        Returns the present, in microseconds since the epoch.
    region : Region
        Where this process counts.
    regions : sequence of Region
        Where all processes count.
    default : int or None
        Quota of keys that have none of their own; None for no bound.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        region: Region,
        regions: Sequence[Region],
        default: int | None,
    ) -> None:
        self._clock, self._region, self._regions = clock, region, regions
        self._default = default

    def take(self, key: ApiKey) -> QuotaUse | None:
        """Count a request of a key; None where the key has no quota.

        Parameters
        ----------
        key : ApiKey
            Whose request it is.

        Raises
        ------
        Refused
            429: the key has made all its requests of this minute.
        """
        limit = key.quota or self._default
        if limit is None:
            return None
        minute, second = divmod(self._clock() // 1_000_000, WINDOW_SECONDS)
        name, reset_seconds = ("quota", key.name), WINDOW_SECONDS - second
        used = sum(_count(region.value(name), minute) for region in self._regions)
        if used >= limit:
            detail = (
                f"The key '{key.name}' has made its {limit} requests of this minute. "
                f"Ask again in {reset_seconds} s or later."
            )
            spent = QuotaUse(limit, 0, reset_seconds)
            raise Refused(
                429, "quota", detail, {"Retry-After": str(reset_seconds), **spent.headers}
            )
        own_count = _count(self._region.value(name), minute) + 1
        self._region.put(self._region.slot(name), float(minute * _MOST_COUNTED + own_count))
        return QuotaUse(limit, limit - used - 1, reset_seconds)


def _count(value: float, minute: int) -> int:
    """Requests of a minute in a value that holds the minute and the count."""
    counted_minute, count = divmod(int(value), _MOST_COUNTED)
    return count if counted_minute == minute else 0
