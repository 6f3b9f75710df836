"""A small convex quadratic program, solved exactly by nonnegative least squares."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from limeform.solve.problem import FloatArray


class QuadraticProgramError(ArithmeticError):
    """A quadratic program was not solved: no point meets the limits, or its arithmetic failed."""


def quadratic_program(
    gradient: FloatArray, hessian: FloatArray, matrix: FloatArray, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """Minimise ``gradient @ d + d @ hessian @ d / 2`` subject to ``lower <= matrix @ d <= upper``.

    Least distance programming: Lawson & Hanson (1974), Solving Least Squares Problems, chapter 23.

    Parameters
    ----------
    gradient : ndarray, shape (n,)
        Gradient at zero.
    hessian : ndarray, shape (n, n)
        Symmetric; directions of no or negative curvature are given a little.
    matrix : ndarray, shape (m, n)
        Rows, which some d meets.
    lower, upper : ndarray, shape (m,)
        Limits, infinite where there is none.

    Returns
    -------
    ndarray, shape (n,)
        The minimum d.

    Raises
    ------
    QuadraticProgramError
        If there is none.

    Examples
    --------
    >>> row, none, one = np.array([[1.0, 1.0]]), np.array([-np.inf]), np.array([1.0])
    >>> quadratic_program(np.array([-2.0, 0.0]), np.eye(2), row, none, one)
    array([ 1.5, -0.5])
    """
    try:
        values, vectors = np.linalg.eigh(hessian)
    except np.linalg.LinAlgError as error:
        raise QuadraticProgramError(f"the Hessian has no eigenvalues: {error}") from error
    root = vectors / np.sqrt(np.maximum(values, 1e-10 * max(float(values[-1]), 1e-300)))
    free = -(root.T @ gradient)
    below, above = np.isfinite(lower), np.isfinite(upper)
    rows = np.vstack([matrix[below], -matrix[above]]) @ root
    limits = np.concatenate([lower[below], -upper[above]]) - rows @ free
    length = np.linalg.norm(rows, axis=1)
    used = length > 0
    rows, limits = rows[used] / length[used, None], limits[used] / length[used]
    if not (limits > 0).any():
        return np.asarray(root @ free, dtype=np.float64)
    scale = float(np.abs(limits).max())
    stacked = np.vstack([rows.T, limits[None] / scale])
    try:
        weights, _ = nnls(stacked, np.append(np.zeros(len(free)), 1.0), maxiter=100 * stacked.shape[1])
    except (RuntimeError, ValueError) as error:  # too many iterations; numbers that are not finite
        raise QuadraticProgramError(f"nonnegative least squares: {error}") from error
    residual = stacked @ weights - np.append(np.zeros(len(free)), 1.0)
    if not abs(residual[-1]) > 1e-14:
        raise QuadraticProgramError("no point meets the limits")
    return np.asarray(root @ (free - residual[:-1] / residual[-1] * scale), dtype=np.float64)
