"""Confidence intervals from bootstrap draws.

Of d draws the k-th smallest is the quantile k / (d + 1), with straight lines between. The d draws and the estimate of
another sample from the same model are in random order, so that 95% of such estimates lie between the ends of 99 draws
as of 999; numpy's default, (k - 1) / (d - 1), would leave out 7% with 99 draws.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from limeform.errors import OptionError

FloatArray = NDArray[np.float64]


def percentile(draws: FloatArray, alpha: float) -> FloatArray:
    """Return the alpha/2 and 1 - alpha/2 quantiles of each column, NaN left out; shape (columns, 2)."""
    ends = np.array([alpha / 2, 1 - alpha / 2])
    if np.isfinite(draws).all():
        return np.asarray(np.quantile(draws, ends, axis=0, method="weibull").T, dtype=np.float64)
    return _quantiles(draws, np.tile(ends, (draws.shape[1], 1)))


def expanded(draws: FloatArray, alpha: float, units: int) -> FloatArray:
    """Return percentile intervals at the levels of `expanded_alpha`; shape (columns, 2)."""
    return percentile(draws, expanded_alpha(alpha, units))


def expanded_alpha(alpha: float, units: int) -> float:
    """Return the alpha at which percentiles are as wide as t intervals from so many units.

    Percentile intervals are normal ones for estimates that are normal, with a variance that is too small by 1 / units.
    The levels make up for both: alpha/2 becomes Phi(-sqrt(n / (n - 1)) t(1 - alpha/2; n - 1)).

    Parameters
    ----------
    alpha : float
        One minus the coverage.
    units : int
        Independent units n of the data: groups, or rows where there are none.

    References
    ----------
    Hesterberg (2015), What teachers should know about the bootstrap, The American Statistician 69, 371-386, sec. 4.4.

    Examples
    --------
    >>> round(expanded_alpha(0.05, 20), 4)
    0.0318
    """
    if units < 2:
        return alpha
    return float(2 * norm.sf(np.sqrt(units / (units - 1)) * t.isf(alpha / 2, units - 1)))


def least_draws(alpha: float) -> int:
    """Return the least d of which alpha/2 is a quantile k / (d + 1).

    Examples
    --------
    >>> least_draws(0.05), least_draws(0.01)
    (39, 199)
    """
    return int(np.ceil(2.0 / alpha * (1 - 1e-9))) - 1


def basic(estimate: FloatArray, draws: FloatArray, alpha: float) -> FloatArray:
    """Return twice the estimate less the opposite quantiles; shape (columns, 2).

    Parameters
    ----------
    estimate : ndarray, shape (columns,)
        Estimates of the fit.
    draws : ndarray, shape (d, columns)
        Those of the refits.
    alpha : float
        One minus the coverage.
    """
    return 2 * estimate[:, None] - percentile(draws, alpha)[:, ::-1]


def bca(estimate: FloatArray, draws: FloatArray, jackknife: FloatArray, alpha: float) -> FloatArray:
    """Return bias-corrected and accelerated intervals; shape (columns, 2).

    Parameters
    ----------
    estimate : ndarray, shape (columns,)
        Estimates of the fit.
    draws : ndarray, shape (d, columns)
        Those of the refits.
    jackknife : ndarray, shape (units, columns)
        Estimates without one unit each.
    alpha : float
        One minus the coverage.

    References
    ----------
    Efron (1987), Better bootstrap confidence intervals, JASA 82, 171-185, eq. (2.3) and (6.6).
    """
    count = np.isfinite(draws).sum(axis=0)
    # Ties, as at a variance of zero, count half: else a pile of draws at the estimate would look like bias.
    below = (draws < estimate).sum(axis=0) + 0.5 * (draws == estimate).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(below / count, 0.5 / count, 1 - 0.5 / count)
    bias = norm.ppf(share)
    present = np.isfinite(jackknife)
    mean = np.where(present, jackknife, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    centred = mean - jackknife
    with np.errstate(divide="ignore", invalid="ignore"):
        acceleration = np.nansum(centred**3, axis=0) / (6 * np.nansum(centred**2, axis=0) ** 1.5)
    # Estimates that never change have none; where there are no estimates, nobody knows it.
    known = present.any(axis=0)
    acceleration = np.where(known, np.nan_to_num(acceleration, posinf=0.0, neginf=0.0), np.nan)
    reach = bias[:, None] + norm.ppf([alpha / 2, 1 - alpha / 2])
    levels = norm.cdf(bias[:, None] + reach / np.maximum(1 - acceleration[:, None] * reach, 1e-3))
    return _quantiles(draws, levels)


def _quantiles(draws: FloatArray, levels: FloatArray) -> FloatArray:
    """Return the quantiles of each column at levels of its own, shape (columns, 2); NaN for a column without draws."""
    ends = np.full(levels.shape, np.nan)
    for column, (values, level) in enumerate(zip(draws.T, levels, strict=True)):
        finite = values[np.isfinite(values)]
        if len(finite) and np.isfinite(level).all():
            ends[column] = np.quantile(finite, level, method="weibull")
    return ends


def alpha_of(level: float | None, alpha: float | None) -> float:
    """Return alpha from either of the two ways to give it."""
    if level is not None and alpha is not None:
        raise OptionError("give level= (the coverage) or alpha= (one minus the coverage), not both")
    name, given = ("alpha", alpha) if alpha is not None else ("level", 0.95 if level is None else level)
    if isinstance(given, bool) or not isinstance(given, (int, float, np.number)) or not 0 < given < 1:
        raise OptionError(f"{name}={given!r} has to lie between 0 and 1, such as {0.05 if name == 'alpha' else 0.95}")
    return float(given) if name == "alpha" else 1.0 - float(given)
