"""Wilson's interval of a share: the one formula behind the intervals of rates in this project."""

import math

Z_95 = 1.959963984540054
"""Half the width of a 95 % interval, in standard errors."""


def wilson_interval(share: float, trials: float, z: float = Z_95) -> tuple[float, float]:
    r"""Wilson's interval of a share.

    .. math::

        \frac{p + z^2 / 2n \pm z \sqrt{p (1 - p) / n + z^2 / 4n^2}}{1 + z^2 / n}

    Parameters
    ----------
    share : float
        Share of successes p, from 0 to 1.
    trials : float
        Number of independent trials n, above 0; an effective number need not be whole.
    z : float, default 1.96
        Half-width in standard errors; the default gives 95 %.

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
    # Rounding must not push the interval off a share of exactly 0 or 1.
    low, high = (centre - spread) / scale, (centre + spread) / scale
    return max(0.0, min(share, low)), min(1.0, max(share, high))
