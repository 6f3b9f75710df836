"""Cholesky factors and triangular solves of many small matrices at once.

Arrays carry the groups in their **last** axis: ``a[i, j]`` is a contiguous vector over the m groups, so every step is
a whole-vector operation and the only Python loops run over the k random effects of a group.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RANK_TOLERANCE = 1e-11
"""A pivot below this fraction of the diagonal entry it came from counts as zero (a rank-deficient group)."""


def cholesky(matrices: FloatArray) -> FloatArray:
    """Factor positive semidefinite matrices, A = F F'.

    A pivot that is zero up to rounding leaves a column of zeros in F, so groups with fewer rows than random effects
    need no special case.

    Parameters
    ----------
    matrices : ndarray, shape (k, k, m)
        Symmetric positive semidefinite matrices.

    Returns
    -------
    ndarray, shape (k, k, m)
        Lower triangular factors.
    """
    k = matrices.shape[0]
    factor = np.zeros_like(matrices)
    for j in range(k):
        column = matrices[j:, j].copy()
        for i in range(j):
            column -= factor[j:, i] * factor[j, i]
        keep = column[0] > RANK_TOLERANCE * matrices[j, j]
        root = np.sqrt(np.where(keep, column[0], 1.0))
        factor[j:, j] = np.where(keep, column / root, 0.0)
    return factor


def cholesky_definite(matrices: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Factor positive definite matrices, A = F F'; no pivot may vanish.

    Parameters
    ----------
    matrices : ndarray, shape (k, k, m)
        Symmetric positive definite matrices.

    Returns
    -------
    factor : ndarray, shape (k, k, m)
        Lower triangular factors; entries above the diagonal are not set.
    inverse_diagonal : ndarray, shape (k, m)
        One over the diagonal of each factor.
    """
    k = matrices.shape[0]
    factor, inverse = np.empty_like(matrices), np.empty_like(matrices[0])
    for j in range(k):
        column = matrices[j:, j]
        for i in range(j):
            column = column - factor[j:, i] * factor[j, i]
        inverse[j] = 1.0 / np.sqrt(column[0])
        factor[j:, j] = column * inverse[j]
    return factor, inverse


def solve_lower(factor: FloatArray, rhs: FloatArray, inverse_diagonal: FloatArray | None = None) -> FloatArray:
    """Solve F x = b by forward substitution; a zero pivot gives a zero in x.

    Parameters
    ----------
    factor : ndarray, shape (k, k, m)
        Lower triangular matrices.
    rhs : ndarray, shape (k, c, m)
        Right-hand sides.
    inverse_diagonal : ndarray, shape (k, m), optional
        One over the diagonal, where it is known.

    Returns
    -------
    ndarray, shape (k, c, m)
    """
    solution = np.empty_like(rhs)
    inverse = reciprocal_diagonal(factor) if inverse_diagonal is None else inverse_diagonal
    for j in range(factor.shape[0]):
        row = rhs[j]
        for i in range(j):
            row = row - factor[j, i] * solution[i]
        solution[j] = row * inverse[j]
    return solution


def solve_upper(factor: FloatArray, rhs: FloatArray) -> FloatArray:
    """Solve F' x = b by back substitution, ``factor`` holding the lower triangular F; shapes as in `solve_lower`."""
    solution = np.empty_like(rhs)
    inverse = reciprocal_diagonal(factor)
    k = factor.shape[0]
    for j in range(k - 1, -1, -1):
        row = rhs[j]
        for i in range(j + 1, k):
            row = row - factor[i, j] * solution[i]
        solution[j] = row * inverse[j]
    return solution


def reciprocal_diagonal(factor: FloatArray) -> FloatArray:
    """Return one over the diagonal entries, zero where the entry is zero; shape (k, m)."""
    diagonal = factor[np.arange(factor.shape[0]), np.arange(factor.shape[0])]
    return np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal != 0)


def multiply(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the products of (a, k, m) and (k, c, m) matrices, shape (a, c, m)."""
    if left.shape[1] == 0:
        return np.zeros((left.shape[0], right.shape[1], right.shape[2]))
    product = left[:, 0, None] * right[None, 0]
    for i in range(1, left.shape[1]):
        product += left[:, i, None] * right[None, i]
    return product


def transpose(matrices: FloatArray) -> FloatArray:
    """Return the transposes of (a, b, m) matrices as a (b, a, m) view."""
    return matrices.transpose(1, 0, 2)


def summed_product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the sum over the matrices of left' right, of (k, i, m) and (k, j, m), shape (i, j)."""
    return np.asarray(np.tensordot(left, right, axes=([0, 2], [0, 2])), dtype=np.float64)


def sandwiched(outer: FloatArray, matrices: FloatArray) -> FloatArray:
    """Return outer @ matrix @ outer' for (k, k) and (k, k, m), shape (k, k, m)."""
    half = np.tensordot(outer, matrices, axes=1)
    return np.asarray(np.tensordot(outer, half, axes=(1, 1)).transpose(1, 0, 2), dtype=np.float64)
