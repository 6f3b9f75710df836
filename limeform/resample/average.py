"""The curves of several fits as one: weighted averages, and bands of the variance within and between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

FloatArray = NDArray[np.float64]


def averaged(
    tables: Sequence[pd.DataFrame], weights: FloatArray, alpha: float, used: NDArray[np.bool_]
) -> pd.DataFrame:
    """Return the average of curves with bands.

    Parameters
    ----------
    tables : sequence of DataFrame
        The curve of each member at the same places, with its bands.
    weights : ndarray, shape (members,)
        Weights, summing to one.
    alpha : float
        One minus the coverage of the bands.
    used : ndarray of bool, shape (members,)
        Members whose bands are known; the others' weights are shared out among them.

    Returns
    -------
    DataFrame
        Columns ``at, fit, mean_lower, mean_upper, new_lower, new_upper, knots_lower, knots_upper``.
    """
    fits = np.array([table["fit"].to_numpy() for table in tables])
    fit = weights @ fits
    z = norm.isf(alpha / 2)
    result = pd.DataFrame({"at": tables[0]["at"], "fit": fit})
    share = weights[used] / weights[used].sum()
    between = share @ (fits[used] - fit) ** 2
    for kind in ("mean", "new"):
        ends = np.array([table[[f"{kind}_lower", f"{kind}_upper"]].to_numpy() for table in tables])[used]
        # Each side has its own width, so that bands that are not symmetric stay so.
        lower = np.sqrt(share @ ((fits[used] - ends[:, :, 0]) / z) ** 2 + between)
        upper = np.sqrt(share @ ((ends[:, :, 1] - fits[used]) / z) ** 2 + between)
        result[f"{kind}_lower"], result[f"{kind}_upper"] = fit - z * lower, fit + z * upper
    quantiles = np.array([_weighted_quantiles(column, weights, alpha) for column in fits.T])
    result["knots_lower"], result["knots_upper"] = quantiles[:, 0], quantiles[:, 1]
    return result


def _weighted_quantiles(values: FloatArray, weights: FloatArray, alpha: float) -> tuple[float, float]:
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    low, high = np.searchsorted(cumulative, [alpha / 2, 1 - alpha / 2 - 1e-12])
    return float(values[order][low]), float(values[order][min(high, len(values) - 1)])
