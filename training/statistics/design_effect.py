"""How many looks are worth one that stands alone.

The looks of one lead foresee the same purchase, so a thousand of them teach no more than a few
hundred independent ones would: about half within a short horizon, an eighth within a long one. What
is learned from looks is therefore penalised that much more strongly. How much alike they are shows
in the residuals of a plain model, summed lead by lead.

References
----------
L. Kish, *Survey Sampling*, Wiley (1965), section 8.2: the design effect of clusters.
"""

import numpy as np

from features.arrays import Float64, Int64


def design_effect(residual: Float64, lead: Int64) -> float:
    """Variance of a sum of residuals, in whole leads, over what independent looks would give.

    Parameters
    ----------
    residual : float64 array of shape (rows,)
        Outcome of each look, 0 or 1, less the probability that a model gives it.
    lead : int64 array of shape (rows,)
        Index of each look's lead.

    Returns
    -------
    float
        At least 1.

    Examples
    --------
    >>> design_effect(np.array([0.5, 0.5, -0.5, -0.5]), np.array([0, 0, 1, 1]))
    2.0
    >>> design_effect(np.array([0.5, -0.5]), np.array([0, 0]))
    1.0
    """
    _, index = np.unique(lead, return_inverse=True)
    by_lead = np.bincount(index, residual)
    independent = float(residual @ residual)
    return max(1.0, float(by_lead @ by_lead) / independent) if independent > 0 else 1.0
