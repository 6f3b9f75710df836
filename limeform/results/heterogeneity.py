"""Heterogeneity of a meta-analysis: Q, tau², I² and H²."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Heterogeneity:
    """Measures of heterogeneity (Higgins & Thompson 2002, Statistics in Medicine 21, 1539–1558).

    Attributes
    ----------
    q, q_pvalue : float
        Cochran's Q of the residuals of the fixed-effects fit, within the constraints if there are any, and its p-value;
        NaN where they are not given.
    q_df : int or None
        Degrees of freedom of Q; None where its distribution is not chi-squared.
    tau2 : float
        Between-study variance; NaN if it is not one number (random slopes).
    i2 : float
        Share of the total variance that is heterogeneity, in percent.
    h2 : float
        Total over sampling variance.
    notes : tuple of str
        What is not given, and why.
    """

    q: float
    q_df: int | None
    q_pvalue: float
    tau2: float
    i2: float
    h2: float
    notes: tuple[str, ...] = ()


def heterogeneity(
    x: FloatArray, variance: FloatArray, q: float, tau2: float | None, distributed: bool = True, reason: str = ""
) -> Heterogeneity:
    """Compute the measures.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Fixed-effects columns.
    variance : ndarray, shape (n,)
        Known sampling variances.
    q : float
        Weighted residual sum of squares of the fixed-effects fit.
    tau2 : float or None
        Between-study variance, NaN if there is no single one; None for a model without random effects, whose I² and H²
        come from Q.
    distributed : bool
        Whether Q is chi-squared with n - p degrees of freedom where there is no heterogeneity.
    reason : str
        Why it is not, or why there is no Q.

    Returns
    -------
    Heterogeneity
    """
    n, p = x.shape
    df = n - p
    p_value = float(chi2.sf(q, df)) if df > 0 and distributed else np.nan
    notes = [reason] if reason else []
    if tau2 is None:
        known = df > 0 and distributed
        h2 = q / df if known else np.nan
        i2 = 100.0 * max(0.0, 1.0 - 1.0 / h2) if h2 > 0 else 0.0 if known else np.nan
        if not distributed:
            notes.append("I² and H² are not given: without random effects they come from Q and its degrees of freedom")
        return Heterogeneity(q, df if distributed else None, p_value, 0.0, i2, h2, tuple(notes))
    if np.isnan(tau2):
        notes.append("tau², I² and H² are not given: with these random effects heterogeneity is not one number")
    typical = typical_variance(x, variance)
    i2, h2 = 100.0 * tau2 / (tau2 + typical), (tau2 + typical) / typical
    return Heterogeneity(q, df if distributed else None, p_value, tau2, i2, h2, tuple(notes))


def typical_variance(x: FloatArray, variance: FloatArray) -> float:
    """Return the typical sampling variance (n - p) / tr(P), P the projection of the fixed-effects fit."""
    n, p = x.shape
    if n <= p:
        return np.nan
    weighted = x / variance[:, None]
    removed = np.linalg.solve(x.T @ weighted, weighted.T @ weighted) if p else np.zeros((0, 0))
    return float((n - p) / (np.sum(1.0 / variance) - np.trace(removed)))
