"""The factor of a sparse symmetric positive definite matrix: CHOLMOD where scikit-sparse is installed, else SuperLU.

CHOLMOD (Chen, Davis, Hager & Rajamanickam 2008) keeps one triangle and works on dense panels; SuperLU keeps two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from limeform.likelihood.batched import FloatArray
from limeform.solve import EvaluationError

NOT_POSITIVE = "the cross-products of the random effects are not positive definite"


@dataclass(frozen=True)
class SymmetricFactor:
    """A factored matrix A, shape (N, N).

    Attributes
    ----------
    log_det : float
        ln|A|.
    solve : callable
        From b, shape (N, h), to A^-1 b, shape (N, h).
    count_entries : callable
        Returns the number of entries of one triangular factor.
    """

    log_det: float
    solve: Callable[[FloatArray], FloatArray]
    count_entries: Callable[[], int]


@cache
def cholmod() -> ModuleType | None:
    """Return scikit-sparse's CHOLMOD module; None if it is not installed."""
    try:
        from sksparse import cholmod as found
    except ImportError:
        return None
    return found if isinstance(found, ModuleType) else None


def factor_library() -> str:
    """Return the name of the library that factors sparse matrices here."""
    return "SuperLU" if cholmod() is None else "CHOLMOD"


def factor_symmetric(matrix: sparse.csc_array) -> SymmetricFactor:
    """Factor a sparse symmetric positive definite matrix in an order that keeps it sparse.

    Parameters
    ----------
    matrix : csc_array, shape (N, N)
        Both triangles.

    Returns
    -------
    SymmetricFactor

    Raises
    ------
    EvaluationError
        If it is not positive definite in floating-point arithmetic.
    """
    module = cholmod()
    if module is None:
        return _by_superlu(matrix)
    # The interface changed with 0.5: `cholesky` returned an object before, and returns the matrix L since.
    by = _by_cholmod if hasattr(module, "cho_factor") else _by_cholmod_before_05
    try:
        return by(module, matrix.sorted_indices())
    except module.CholmodNotPositiveDefiniteError as error:
        raise EvaluationError(NOT_POSITIVE) from error


def _by_superlu(matrix: sparse.csc_array) -> SymmetricFactor:
    factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})

    def solve(rhs: FloatArray) -> FloatArray:
        return np.asarray(factor.solve(np.ascontiguousarray(rhs)), dtype=np.float64)

    return SymmetricFactor(_sum_of_logs(factor.U.diagonal()), solve, lambda: int(factor.L.nnz))


def _by_cholmod(module: Any, matrix: sparse.csc_array) -> SymmetricFactor:
    factor = module.cho_factor(matrix, lower=True, order="default")

    def solve(rhs: FloatArray) -> FloatArray:
        return np.asarray(factor.solve(np.asfortranarray(rhs)), dtype=np.float64)

    return SymmetricFactor(2.0 * _sum_of_logs(factor.get_factor().diagonal()), solve, lambda: int(factor.nnz))


def _by_cholmod_before_05(module: Any, matrix: sparse.csc_array) -> SymmetricFactor:
    factor = module.cholesky(matrix)

    def solve(rhs: FloatArray) -> FloatArray:
        return np.asarray(factor(np.asfortranarray(rhs)), dtype=np.float64)

    return SymmetricFactor(_sum_of_logs(factor.D()), solve, lambda: int(factor.copy().L().nnz))


def _sum_of_logs(pivots: FloatArray) -> float:
    """Return the sum of logarithms; an LDL' factorisation goes on past pivots that are not positive, so look."""
    if not (pivots > 0).all():
        raise EvaluationError(NOT_POSITIVE)
    return float(np.log(pivots).sum())
