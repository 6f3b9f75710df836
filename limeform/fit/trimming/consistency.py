"""What trimming does to variances, and what undoes it.

Rows are trimmed because their residuals are large, so the kept errors are a truncated normal sample: with the cut at
a standard deviations they have variance g(a) sigma², g(a) = 1 - 2 a phi(a) / (2 Phi(a) - 1). Here a is read off the
residuals, halfway between the largest kept and the smallest trimmed one, not from the fraction trimmed: of that an
unknown part are outliers. On clean data both agree, and g is the correction of LTS (Croux & Rousseeuw 1992). The
location estimate of a sample trimmed by its own residuals has 1/g² times the variance that the kept rows alone suggest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LARGEST = 8.0
"""A cut beyond this many standard deviations truncates nothing."""


def truncated_variance(cut: float) -> float:
    """Return g, the variance of a standard normal variable truncated at plus and minus ``cut``.

    Examples
    --------
    >>> round(truncated_variance(1.2816), 4)
    0.4378
    """
    if cut >= LARGEST:
        return 1.0
    if cut < 1e-3:
        return cut**2 / 3.0
    return float(1.0 - 2.0 * cut * norm.pdf(cut) / (2.0 * norm.cdf(cut) - 1.0))


def cut_in_true_units(cut: float) -> float | None:
    """Return the cut in units of sigma for one in units of the raw estimate sqrt(g) sigma; None if there is none.

    The standardized residuals of a truncated sample reach at least sqrt(3) of its own standard deviations.
    """
    if cut >= LARGEST:
        return cut
    if cut <= np.sqrt(3.0) + 1e-6:
        return None
    return float(brentq(lambda a: a / np.sqrt(truncated_variance(a)) - cut, 1e-2, LARGEST))


def cut_of_share(share: float) -> float:
    """Return the cut that keeps a share of a clean normal sample."""
    return float(norm.ppf(0.5 + share / 2.0))


def consistency_factor(standardized: FloatArray, weights: FloatArray, known: bool, always: BoolArray) -> float:
    """Return g for a trimmed fit.

    Parameters
    ----------
    standardized : ndarray, shape (n,)
        Residuals over their standard deviations, by the raw estimates.
    weights : ndarray, shape (n,)
        Ones and zeros.
    known : bool
        Whether the error variances are known, so that residuals are in true units already.
    always : ndarray of bool, shape (n,)
        Rows that could not be trimmed; they say nothing of where the cut lies.

    Returns
    -------
    float
    """
    trimmed = weights <= 0.5
    if not trimmed.any():
        return 1.0
    size = np.abs(standardized)
    kept = size[~trimmed & ~always]
    cut = 0.5 * float(size[trimmed].min() + (kept.max() if len(kept) else size[trimmed].min()))
    true = cut if known else cut_in_true_units(cut)
    return truncated_variance(cut_of_share(float(1.0 - trimmed.mean())) if true is None else true)
