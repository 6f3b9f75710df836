"""Derivatives of the reduced statistics in the variance parameters (MATH §3, in closed form).

For a direction A = dGamma, with T, R = Z'P[X y] of each group and sums over groups:

    d gram = - R'AR,                               d log_det = tr(TA),
    d² gram = R'(ATB + BTA)R - R'(d²Gamma)R,       d² log_det = tr(T d²Gamma) - tr(TATB).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from limeform.covariance import Covariance
from limeform.likelihood.batched import FloatArray
from limeform.likelihood.grouped import Reduction


@dataclass(frozen=True)
class VarianceDerivatives(ABC):
    """First and second derivatives of ``gram`` and ``log_det`` in q variance parameters.

    Attributes
    ----------
    gram_first : ndarray, shape (q, p + 1, p + 1)
        Derivatives of [X y]'P[X y].
    log_det_first : ndarray, shape (q,)
        Derivatives of the log-determinant.
    """

    gram_first: FloatArray
    log_det_first: FloatArray

    @abstractmethod
    def second(self, half: FloatArray) -> FloatArray:
        """Return the second derivatives of tr(Omega gram) + log_det for Omega = half @ half.T.

        Parameters
        ----------
        half : ndarray, shape (p + 1, h)
            A factor of the symmetric weight matrix Omega.

        Returns
        -------
        ndarray, shape (q, q)
        """


@dataclass(frozen=True)
class GammaDerivatives(VarianceDerivatives):
    """Derivatives in the parameters of Gamma.

    Attributes
    ----------
    covariance : Covariance
        Gamma with its derivatives in the q parameters.
    reduction : Reduction
        Statistics at that Gamma.
    """

    covariance: Covariance
    reduction: Reduction

    def second(self, half: FloatArray) -> FloatArray:
        """Return tr((2 Q - T) A T B) + tr((T - Q) d²Gamma) with Q = R Omega R', summed over groups."""
        marginal = self.reduction.marginal
        weighted = outer_product(self.reduction.crossed, half)
        curved = weigh(self.covariance.second, (marginal - weighted).sum(axis=2))
        return contract_pairs(self.covariance.first, 2.0 * weighted - marginal, marginal) + curved


def gamma_derivatives(reduction: Reduction, covariance: Covariance) -> GammaDerivatives:
    """Differentiate the reduction in the parameters of Gamma.

    Parameters
    ----------
    reduction : Reduction
        Statistics at ``covariance.gamma``.
    covariance : Covariance
        Gamma with its derivatives.

    Returns
    -------
    GammaDerivatives
    """
    k, columns, m = reduction.crossed.shape
    stacked = reduction.crossed.reshape(k * columns, m)
    squares = (stacked @ stacked.T).reshape(k, columns, k, columns).transpose(0, 2, 1, 3)
    q = len(covariance.first)
    gram = covariance.first.reshape(q, k * k) @ squares.reshape(k * k, columns * columns)
    return GammaDerivatives(
        gram_first=-gram.reshape(q, columns, columns),
        log_det_first=weigh(covariance.first, reduction.marginal.sum(axis=2)),
        covariance=covariance,
        reduction=reduction,
    )


def weigh(directions: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return tr(A M) for each symmetric A of a (..., k, k) stack; shape (...)."""
    leading = directions.shape[:-2]
    rows = directions.reshape(math.prod(leading), matrix.size)
    return np.asarray((rows @ matrix.ravel()).reshape(leading), dtype=np.float64)


def contract_pairs(directions: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """Return sum over groups of tr(L A_x R A_y) for symmetric (k, k, m) stacks L and R; shape (q, q).

    Summed over groups, the products L_da R_bc are one (k², k²) matrix; directions enter after the sum.
    """
    q, k, _ = directions.shape
    m = left.shape[2]
    products = (left.reshape(k * k, m) @ right.reshape(k * k, m).T).reshape(k, k, k, k)
    inner = products.transpose(1, 2, 0, 3).reshape(k * k, k * k)
    once = (directions.reshape(q, k * k) @ inner).reshape(q, k, k)
    twice = once.transpose(0, 2, 1).reshape(q, k * k) @ directions.reshape(q, k * k).T
    return np.asarray((twice + twice.T) / 2, dtype=np.float64)


def outer_product(crossed: FloatArray, half: FloatArray) -> FloatArray:
    """Return R Omega R' of each group for Omega = half @ half.T; (k, p + 1, m) and (p + 1, h) give (k, k, m)."""
    projected = half.T @ crossed
    if half.shape[1] == 1:
        return np.asarray(projected * projected.transpose(1, 0, 2), dtype=np.float64)
    return np.asarray(np.einsum("ahm,bhm->abm", projected, projected), dtype=np.float64)
