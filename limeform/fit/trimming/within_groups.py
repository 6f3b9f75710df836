"""Swaps of a trimmed for a kept row of the same group.

An outlier that is kept can bend the random effects of a small group so far that a good row of it is trimmed instead.
Given the parameters groups are independent, so that what such a swap changes is known exactly from the group alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

WIDEST = 10
"""Kept rows of a group that are tried: those with the largest residuals."""


def group_swap(
    residual: FloatArray,
    variance: FloatArray,
    z: FloatArray,
    gamma: FloatArray,
    groups: IntArray,
    weights: FloatArray,
    fixed: NDArray[np.bool_],
) -> tuple[int, int, float] | None:
    """Return the swap within a group that lowers minus the log-likelihood most at given parameters.

    Parameters
    ----------
    residual, variance : ndarray, shape (n,)
        Marginal residuals and error variances.
    z : ndarray, shape (n, k)
        Random-effects columns.
    gamma : ndarray, shape (k, k)
        Covariance of the random effects.
    groups : ndarray of int32, shape (n,)
        Group of each row.
    weights : ndarray, shape (n,)
        One for the rows that are kept, else zero.
    fixed : ndarray of bool, shape (n,)
        Rows that are never trimmed.

    Returns
    -------
    tuple of (int, int, float), or None
        The kept row, the trimmed row, and the gain; None where no swap gains.
    """
    best: tuple[int, int, float] | None = None
    for group in np.unique(groups[weights < 0.5]):
        rows = np.flatnonzero(groups == group)
        kept = rows[weights[rows] > 0.5]
        leaving = kept[~fixed[kept]]
        leaving = leaving[np.argsort(-np.abs(residual[leaving]) / np.sqrt(variance[leaving]))[:WIDEST]]
        if not len(leaving):
            continue
        now = _minus_log_likelihood(residual, variance, z, gamma, kept)
        for entering in rows[weights[rows] < 0.5]:
            for leaves in leaving:
                after = np.append(kept[kept != leaves], entering)
                gain = now - _minus_log_likelihood(residual, variance, z, gamma, after)
                if gain > (best[2] if best is not None else 1e-6):
                    best = (int(leaves), int(entering), gain)
    return best


def _minus_log_likelihood(
    residual: FloatArray, variance: FloatArray, z: FloatArray, gamma: FloatArray, rows: NDArray[np.intp]
) -> float:
    own = z[rows]
    matrix = np.diag(variance[rows]) + own @ gamma @ own.T
    root = np.linalg.cholesky(matrix)
    white = np.linalg.solve(root, residual[rows])
    return 0.5 * float(white @ white) + float(np.log(np.diag(root)).sum())
