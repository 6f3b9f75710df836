"""The statistics at given variances: one grouping factor, all groups at once.

With T = F (I + F' Gamma F)^-1 F' for S = F F', the inverse marginal covariance enters through T alone:

    [X y]' P [X y] = W + sum B' T B,        Z' P [X y] = T B,        ln|I + L' S L| = ln|I + F' Gamma F|.

The matrix that is factored is never smaller than the identity, so a variance of zero needs no special case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limeform.likelihood.batched import FloatArray, cholesky_definite, multiply, solve_lower, transpose
from limeform.likelihood.crossproducts import CrossProducts


@dataclass(frozen=True)
class Groups:
    """Statistics pooled over the cells of each group, at given residual variances; groups in the last axis.

    Attributes
    ----------
    factor : ndarray, shape (k, k, m)
        F, lower triangular, with S = F F'.
    coefficients : ndarray, shape (k, p + 1, m)
        B with S B = Z'V[X y].
    within : ndarray, shape (p + 1, p + 1)
        W, summed over all rows.
    """

    factor: FloatArray
    coefficients: FloatArray
    within: FloatArray


@dataclass(frozen=True)
class Reduction:
    """What the Gaussian likelihood needs at one Gamma; groups in the last axis.

    Attributes
    ----------
    marginal : ndarray, shape (k, k, m)
        T = Z'PZ.
    crossed : ndarray, shape (k, p + 1, m)
        Z'P[X y].
    gram : ndarray, shape (p + 1, p + 1)
        [X y]'P[X y], summed over groups.
    log_dets : ndarray, shape (m,)
        ln|I + L'SL| of each group.
    """

    marginal: FloatArray
    crossed: FloatArray
    gram: FloatArray
    log_dets: FloatArray

    @property
    def log_det(self) -> float:
        """Sum of the log-determinants."""
        return float(self.log_dets.sum())


def pool(products: CrossProducts) -> Groups:
    """Return the statistics of the groups at unit variance; every group is one cell.

    Parameters
    ----------
    products : CrossProducts
        Statistics with one cell a group.

    Returns
    -------
    Groups
    """
    return Groups(
        factor=products.factor,
        coefficients=products.coefficients,
        within=products.within.sum(axis=2),
    )


def reduce(groups: Groups, gamma: FloatArray) -> Reduction:
    """Integrate the random effects out.

    Parameters
    ----------
    groups : Groups
        Pooled statistics.
    gamma : ndarray, shape (k, k)
        Covariance of the random effects in working coordinates, positive semidefinite.

    Returns
    -------
    Reduction
    """
    k, _, m = groups.factor.shape
    if k == 0:
        return Reduction(groups.factor, groups.coefficients, groups.within, np.zeros(m))
    factor_t = transpose(groups.factor)
    scaled = (gamma @ groups.factor.reshape(k, k * m)).reshape(k, k, m)
    inner = multiply(factor_t, scaled)
    inner[np.arange(k), np.arange(k)] += 1.0
    root, inverse = cholesky_definite(inner)
    half = solve_lower(root, factor_t, inverse)
    marginal = multiply(transpose(half), half)
    # By halves: where S is nearly singular, B is as large as T is small, and T B would lose the digits of both.
    solved = multiply(half, groups.coefficients)
    crossed = multiply(transpose(half), solved)
    gram = groups.within + (sum(rows @ rows.T for rows in solved) if m else 0.0)
    log_dets = -2.0 * np.log(inverse).sum(axis=0)
    return Reduction(marginal=marginal, crossed=crossed, gram=np.asarray(gram, dtype=np.float64), log_dets=log_dets)
