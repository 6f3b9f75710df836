"""Working coordinates: units in which every column and every variance is of order one.

A year in 1950–2020 or a dose of a million would make cross-products lose digits and a solver crawl. So the engine
works with y - X b0, X A and Z T, where A and T are triangular and b0 is the least-squares fit; the likelihood of the
original columns is recovered exactly, because each change of variables is linear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from limeform.covariance import BlockDiagonal, Unstructured
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
    fixed = _normalise(x, precision, Unstructured(x.shape[1]).rescale)
    effects = _normalise(z, precision, covariance.rescale)
    unit = recentre(Coordinates(fixed, np.zeros(x.shape[1]), effects, 1.0, 1.0), y, x, precision)
    variance = 1.0 if known or unit.excess <= 0 else unit.excess
    return Coordinates(
        fixed=fixed * np.sqrt(variance),
        origin=unit.origin,
        effects=effects * np.sqrt(variance),
        variance=variance,
        excess=unit.excess / variance,
    )


def recentre(coordinates: Coordinates, y: FloatArray, x: FloatArray, precision: FloatArray) -> Coordinates:
    """Return the coordinates with the origin at the least-squares fit of another response.

    Parameters
    ----------
    coordinates : Coordinates
        Coordinates of the same columns.
    y : ndarray, shape (n,)
        Response less offset.
    x : ndarray, shape (n, p)
        Fixed-effects columns.
    precision : ndarray, shape (n,)
        v.

    Returns
    -------
    Coordinates
    """
    (n, p), cross = x.shape, np.zeros(x.shape[1])
    for rows in chunks(n):
        cross += (x[rows] @ coordinates.fixed).T @ (precision[rows] * y[rows])
    origin = coordinates.fixed @ cross / (n * coordinates.variance)
    rss = sum(float(precision[rows] @ (y[rows] - x[rows] @ origin) ** 2) for rows in chunks(n))
    return replace(coordinates, origin=origin, excess=rss / max(n - p, 1) / coordinates.variance)


def _normalise(columns: FloatArray, precision: FloatArray, rescale: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Return T such that the columns times T have a mean cross-product near the identity, as far as ``rescale`` allows.

    Columns that are nearly collinear (a year, a time in seconds) are normalised a second time: the first pass has only
    half of float64's digits.
    """
    square = _mean_square(columns, precision, np.eye(columns.shape[1]))
    transform = rescale(square)
    if _condition(square) > 1e6:
        transform = transform @ rescale(_mean_square(columns, precision, transform))
    return transform


def _condition(square: FloatArray) -> float:
    """Return the condition number of a cross-product matrix once its columns have equal norms."""
    norms = np.sqrt(np.where(np.diag(square) > 0, np.diag(square), 1.0))
    values = np.linalg.eigvalsh(square / np.outer(norms, norms)) if len(square) else np.ones(1)
    return float(values[-1] / max(values[0], 1e-300))


def _mean_square(columns: FloatArray, precision: FloatArray, transform: FloatArray) -> FloatArray:
    """Return the mean weighted cross-product of ``columns @ transform``, shape (k, k)."""
    k, n = columns.shape[1], columns.shape[0]
    total = np.zeros((k, k))
    for rows in chunks(n):
        part = columns[rows] @ transform
        total += (part * precision[rows, None]).T @ part
    return np.asarray(total / n, dtype=np.float64)
