"""Weights that count h rows: the capped simplex {0 <= w <= 1, sum w = h}, its vertices and projection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

TIE = 1e-10
"""Scores closer than this, relative to the spread of those below the cut, count as tied."""


def project(point: FloatArray, total: float) -> FloatArray:
    """Return the nearest point of the capped simplex, in O(n log n).

    The solution is clip(point - t, 0, 1) for the t at which the sum is right; the sum falls piecewise linearly in t,
    with kinks at ``point`` and ``point - 1``, so t is found by sorting the kinks.

    Parameters
    ----------
    point : ndarray, shape (n,)
        Any point.
    total : float
        h, between 0 and n.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> project(np.array([2.0, 0.5, 0.0]), 2.0)
    array([1.  , 0.75, 0.25])
    """
    n = len(point)
    kinks = np.concatenate([point - 1.0, point])
    order = np.argsort(kinks, kind="stable")
    kinks = kinks[order]
    slopes = np.cumsum(np.where(order < n, -1.0, 1.0))
    sums = n + np.concatenate([[0.0], np.cumsum(slopes[:-1] * np.diff(kinks))])
    last = int(np.searchsorted(-sums, -total, side="right")) - 1
    last = min(max(last, 0), 2 * n - 1)
    shift = kinks[last] + ((total - sums[last]) / slopes[last] if slopes[last] < 0 else 0.0)
    return np.asarray(np.clip(point - shift, 0.0, 1.0), dtype=np.float64)


def smallest(scores: FloatArray, h: int, always: BoolArray) -> FloatArray:
    """Return the vertex that minimises a linear function: one at the h rows of least score.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Derivatives of the criterion in the weights.
    h : int
        How many rows are kept.
    always : ndarray of bool, shape (n,)
        Rows that are kept whatever their score; at most h.

    Returns
    -------
    ndarray, shape (n,)
        Zeros and ones. Ties are kept in the order of the rows.
    """
    lowest, cut = np.partition(scores, [0, min(h, len(scores) - 1)])[[0, min(h, len(scores) - 1)]]
    spread = float(cut - lowest) or 1.0
    rounded = np.round((scores - lowest) / (TIE * spread)) if np.isfinite(spread) else scores
    order = np.lexsort((rounded, ~always))
    weights = np.zeros(len(scores))
    weights[order[:h]] = 1.0
    return weights
