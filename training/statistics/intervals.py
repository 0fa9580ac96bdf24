"""Intervals of shares."""

import math


def wilson_interval(
    share: float, trials: float, z: float = 1.959963984540054
) -> tuple[float, float]:
    """Wilson's interval of a share.

    References
    ----------
    E. B. Wilson, *Probable inference, the law of succession, and statistical inference*,
    Journal of the American Statistical Association 22 (1927), doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> low, high = wilson_interval(0.0, 10)
    >>> low, round(high, 3)
    (0.0, 0.278)
    """
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # "All of them" and "none of them" are ends of their own intervals, whatever rounding says.
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return max(0.0, min(share, low)), min(1.0, max(share, high))
