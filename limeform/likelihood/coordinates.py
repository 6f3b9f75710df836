"""Working coordinates: units in which every column and every variance is of order one.

A year in 1950–2020 or a dose of a million would make cross-products lose digits and a solver crawl. So the engine
works with y - X b0, X A and Z T, where A and T are triangular and b0 is the least-squares fit; the likelihood of the
original columns is recovered exactly, because each change of variables is linear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from limeform.covariance import BlockDiagonal
from limeform.likelihood.batched import FloatArray

CHUNK = 65_536
"""Rows taken at a time, so that no temporary array is as large as the data."""


@dataclass(frozen=True)
class Coordinates:
    """The linear maps between the user's columns and the working ones.

    Attributes
    ----------
    fixed : ndarray, shape (p, p)
        A: working fixed-effects columns are ``X @ A``; beta = origin + A @ working beta.
    origin : ndarray, shape (p,)
        Weighted least-squares coefficients of y - offset, subtracted from the response.
    effects : ndarray, shape (k, k)
        T: working random-effects columns are ``Z @ T``; Gamma = T @ working Gamma @ T'.
    variance : float
        c²: working precisions are ``precision / c²``. One where the sampling variances are known.
    excess : float
        Weighted residual variance of the least-squares fit in working units; one where c² is estimated from it.
    """

    fixed: FloatArray
    origin: FloatArray
    effects: FloatArray
    variance: float
    excess: float


def chunks(n: int, size: int = CHUNK) -> list[slice]:
    """Return slices that cover ``range(n)`` in order, at most ``size`` rows each."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def choose_coordinates(
    y: FloatArray, x: FloatArray, z: FloatArray, precision: FloatArray, covariance: BlockDiagonal, known: bool
) -> Coordinates:
    """Choose the working coordinates from the data.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Response less offset.
    x : ndarray, shape (n, p)
        Fixed-effects columns of full rank.
    z : ndarray, shape (n, k)
        Random-effects columns of all terms.
    precision : ndarray, shape (n,)
        v: weights over known sampling variances, or prior weights.
    covariance : BlockDiagonal
        Structure of the random effects: says which changes of their basis are allowed.
    known : bool
        Whether the precisions are absolute (known sampling variances).

    Returns
    -------
    Coordinates
    """
    n, p = x.shape
    gram, cross, gram_z = np.zeros((p, p)), np.zeros(p), np.zeros((z.shape[1], z.shape[1]))
    for rows in chunks(n):
        weighted = x[rows] * precision[rows, None]
        gram += weighted.T @ x[rows]
        cross += weighted.T @ y[rows]
        gram_z += (z[rows] * precision[rows, None]).T @ z[rows]
    effective = max(int(np.count_nonzero(precision)), 1)
    fixed = _inverse_factor(gram / effective)
    origin = fixed @ (fixed.T @ cross) / effective
    rss = sum(float(precision[rows] @ (y[rows] - x[rows] @ origin) ** 2) for rows in chunks(n))
    excess = rss / max(effective - p, 1)
    variance = 1.0 if known or excess <= 0 else excess
    return Coordinates(
        fixed=fixed * np.sqrt(variance),
        origin=origin,
        effects=covariance.rescale(gram_z / (effective * variance)),
        variance=variance,
        excess=excess / variance,
    )


def _inverse_factor(gram: FloatArray) -> FloatArray:
    """Return upper triangular A with A' gram A near the identity; ``gram`` is positive definite, perhaps barely."""
    p = gram.shape[0]
    if p == 0:
        return np.zeros((0, 0))
    scale = np.sqrt(np.diag(gram))
    correlation = gram / np.outer(scale, scale)
    correlation[np.diag_indices(p)] += 4 * p * np.finfo(np.float64).eps
    factor = np.linalg.cholesky(correlation)
    inverse = solve_triangular(factor, np.eye(p), lower=True)
    return np.asarray(inverse.T / scale[:, None], dtype=np.float64)
