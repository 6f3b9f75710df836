"""Cholesky factors L of Gamma by factor, and products with them level by level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import solve_triangular

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.plan import Plan
from limeform.solve import EvaluationError

FLOOR = 1e-13
"""A variance of zero in the remainder is taken as this much, in working units, so that its factor has an inverse."""

CANCELS = 1e-4
"""Below this product of variance and cross-product, I - K^-1 would lose digits, and a longer formula is taken."""


def root_of(gamma: FloatArray) -> FloatArray:
    """Return lower triangular L with LL' = Gamma, or Gamma plus the floor where Gamma is singular."""
    if np.linalg.eigvalsh(gamma)[0] < FLOOR:
        gamma = gamma + FLOOR * np.eye(len(gamma))
    try:
        return np.asarray(np.linalg.cholesky(gamma), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise EvaluationError("a covariance matrix of random effects is not positive definite") from error


def by_level(
    plan: Plan, roots: list[FloatArray], rows: FloatArray, operation: Callable[[FloatArray, FloatArray], FloatArray]
) -> FloatArray:
    """Apply an operation with L to the k rows of each level of the remainder; rows of shape (remainder, h)."""
    result, products = np.empty_like(rows), plan.products
    for root, f in zip(roots, range(products.chain, len(products.shapes)), strict=True):
        part = slice(products.offsets[f] - plan.remainder.first, products.offsets[f + 1] - plan.remainder.first)
        result[part] = operation(root, rows[part].reshape(-1, len(root), rows.shape[1])).reshape(-1, rows.shape[1])
    return result


def divide_by_root(root: FloatArray, rows: FloatArray) -> FloatArray:
    """Return L^-T times the k rows of each level."""
    inverse = solve_triangular(root, np.eye(len(root)), lower=True)
    return np.asarray(np.matmul(inverse.T, rows), dtype=np.float64)
