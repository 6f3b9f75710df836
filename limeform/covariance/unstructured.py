"""A full covariance matrix, by its Cholesky factor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import solve_triangular

from limeform.covariance.structure import Covariance, FloatArray, Structure

SHIFT = 4e-16
"""Added to the diagonal for each column, so that rounding cannot make a cross-product matrix indefinite."""


@dataclass(frozen=True)
class Unstructured(Structure):
    """Gamma = L L', with the lower triangle of L, row by row, as parameters; ``(x | g)`` in a formula.

    Examples
    --------
    >>> import numpy as np
    >>> Unstructured(2).covariance(np.array([2.0, 1.0, 3.0])).gamma
    array([[ 4.,  2.],
           [ 2., 10.]])
    """

    @property
    def n_parameters(self) -> int:
        """Number of free parameters, k (k + 1) / 2."""
        return self.size * (self.size + 1) // 2

    def start(self, sd: float) -> FloatArray:
        """Return the parameters of ``sd`` times the identity."""
        return sd * np.eye(self.size)[np.tril_indices(self.size)]

    def covariance(self, theta: FloatArray) -> Covariance:
        """Return Gamma and its derivatives; Gamma is quadratic in the factor, so the second ones are constant."""
        basis, second = _factor_basis(self.size)
        factor = (theta @ basis.reshape(len(theta), -1)).reshape(self.size, self.size)
        half = basis @ factor.T
        return Covariance(gamma=factor @ factor.T, first=half + half.transpose(0, 2, 1), second=second)

    def parameters(self, gamma: FloatArray) -> FloatArray:
        """Return the Cholesky factor with a non-negative diagonal, also of a singular ``gamma``."""
        values, vectors = np.linalg.eigh(gamma)
        root = vectors * np.sqrt(np.clip(values, 0.0, None))
        factor = np.asarray(np.linalg.qr(root.T, mode="r")).T
        signs = np.where(np.diag(factor) < 0, -1.0, 1.0)
        return np.asarray((factor * signs)[np.tril_indices(self.size)], dtype=np.float64)

    def canonical(self, theta: FloatArray) -> FloatArray:
        """Return the factor with columns turned so that its diagonal is not negative."""
        rows, columns = np.tril_indices(self.size)
        signs = np.where(theta[rows == columns] < 0, -1.0, 1.0)
        return np.asarray(theta * signs[columns], dtype=np.float64)

    def rescale(self, gram: FloatArray) -> FloatArray:
        """Return the inverse Cholesky factor of ``gram``: any linear map of the effects keeps Gamma unstructured."""
        scale = np.sqrt(np.where(np.diag(gram) > 0, np.diag(gram), 1.0))
        correlation = gram / np.outer(scale, scale)
        factor = np.linalg.cholesky(correlation + SHIFT * self.size * np.eye(self.size))
        inverse = solve_triangular(factor, np.eye(self.size), lower=True)
        return np.asarray(inverse.T / scale[:, None], dtype=np.float64)


@lru_cache(maxsize=64)
def _factor_basis(size: int) -> tuple[FloatArray, FloatArray]:
    """Return the matrices E_j with L = sum_j theta_j E_j, (q, k, k), and E_i E_j' + E_j E_i', (q, q, k, k)."""
    rows, columns = np.tril_indices(size)
    basis = np.zeros((rows.size, size, size))
    basis[np.arange(rows.size), rows, columns] = 1.0
    product = np.einsum("iab,jcb->ijac", basis, basis)
    return basis, product + product.transpose(1, 0, 2, 3)
