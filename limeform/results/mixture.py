"""Quantiles of draws to which a normal variable is added."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

FloatArray = NDArray[np.float64]

HALVINGS = 50
"""Of the range in which a quantile lies: it is found to one part in 1e15 of it."""


def mixture_quantiles(values: FloatArray, variance: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Return quantiles of draws plus an independent normal variable with mean zero, without random numbers.

    Parameters
    ----------
    values : ndarray, shape (d, n)
        Draws.
    variance : ndarray, shape (n,)
        Variance that is added to each column; where it is zero the quantiles are those of the draws.
    levels : sequence of float, length q
        Which quantiles.

    Returns
    -------
    ndarray, shape (q, n)
        NaN where a draw or the variance is.

    Examples
    --------
    >>> mixture_quantiles(np.array([[0.0], [0.0]]), np.array([4.0]), [0.975]).round(2)
    array([[3.92]])
    """
    result = np.quantile(values, levels, axis=0)
    result[:, np.isnan(variance)] = np.nan
    mixed = np.flatnonzero((variance > 0) & np.isfinite(result).all(axis=0))
    for row, level in enumerate(levels):
        result[row, mixed] = _quantile(values[:, mixed], np.sqrt(variance[mixed]), level)
    return np.asarray(result, dtype=np.float64)


def _quantile(values: FloatArray, sd: FloatArray, level: float) -> FloatArray:
    """Return where the mean of the normal distribution functions around all draws is ``level``, shape (n,)."""
    reach = sd * ndtri(level)
    low, high = values.min(axis=0) + reach, values.max(axis=0) + reach
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = ndtr((middle - values) / sd).mean(axis=0) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2, dtype=np.float64)
