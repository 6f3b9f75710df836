"""One unknown residual variance per stratum: pooling of cells, and derivatives in the log-variances psi.

With V_s the part of V in stratum s, M = I - Z C Z'V and d the residuals after the conditional modes,

    d gram / d psi_s = - E_s,  E_s = [X y]' M' V_s M [X y] = exp(-psi_s) W_s + sum_cells d' S_c d,  d = B_c - Gamma R,
    d log_det / d psi_s = - sum_cells tr(C S_c).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from limeform.covariance import Covariance
from limeform.likelihood.batched import FloatArray, cholesky, multiply, solve_lower, solve_upper, transpose
from limeform.likelihood.crossproducts import Cells, CrossProducts
from limeform.likelihood.derivatives import (
    GammaDerivatives,
    VarianceDerivatives,
    gamma_derivatives,
)
from limeform.likelihood.grouped import Groups, Reduction

IndexArray = NDArray[np.intp]


def pool_strata(products: CrossProducts, psi: FloatArray) -> Groups:
    """Weight each cell by its precision exp(-psi) and add the cells of each group.

    Parameters
    ----------
    products : CrossProducts
        Statistics by cell.
    psi : ndarray, shape (s,)
        Log residual variance of each stratum, working units.

    Returns
    -------
    Groups
    """
    cells = products.cells
    scale = np.exp(-psi)
    within = products.within @ scale
    if cells.one_per_group:
        factor = products.factor * np.sqrt(scale)[cells.stratum]
        return Groups(factor=factor, coefficients=products.coefficients, within=within)
    gram = products.gram * scale[cells.stratum]
    crossed = multiply(gram, products.coefficients)
    starts = np.searchsorted(cells.group, np.arange(cells.n_groups))
    factor = cholesky(np.add.reduceat(gram, starts, axis=2))
    pooled = solve_upper(factor, solve_lower(factor, np.add.reduceat(crossed, starts, axis=2)))
    spread = products.coefficients - pooled[:, :, cells.group]
    within = within + np.tensordot(spread, multiply(gram, spread), axes=([0, 2], [0, 2]))
    return Groups(factor=factor, coefficients=pooled, within=within)


@dataclass(frozen=True)
class StrataDerivatives(VarianceDerivatives):
    """Derivatives in the parameters of Gamma, then in psi.

    Attributes
    ----------
    gamma : GammaDerivatives
        The derivatives in the parameters of Gamma.
    cells : Cells
        Which group and stratum each cell belongs to.
    pairs : tuple of ndarray, each shape (d,)
        Ordered pairs of cells of one group.
    conditional : ndarray, shape (k, k, m)
        C, the conditional covariance of the random effects.
    gram : ndarray, shape (k, k, c)
        S_c at the current variances.
    score : ndarray, shape (k, p + 1, c)
        S_c d.
    crossed : ndarray, shape (k, p + 1, c)
        (I - SC) S_c d, minus the derivative of Z'P[X y].
    marginal : ndarray, shape (k, k, c)
        (I - SC) S_c (I - CS), minus the derivative of Z'PZ.
    residual : ndarray, shape (s, p + 1, p + 1)
        E_s.
    """

    gamma: GammaDerivatives
    cells: Cells
    pairs: tuple[IndexArray, IndexArray]
    conditional: FloatArray
    gram: FloatArray
    score: FloatArray
    crossed: FloatArray
    marginal: FloatArray
    residual: FloatArray

    def second(self, half: FloatArray) -> FloatArray:
        """Return the second derivatives of tr(Omega gram) + log_det."""
        return _bordered(self.gamma.second(half), *map(np.add, self._log_det_rows(), self._gram_rows(half)))

    def _log_det_rows(self) -> tuple[FloatArray, FloatArray]:
        """Return the second derivatives of the log-determinant in (theta, psi), shape (q, s), and in psi, (s, s)."""
        mixed = -np.tensordot(self.gamma.covariance.first, self._by_stratum(self.marginal), axes=2)
        weighted = multiply(self.conditional[:, :, self.cells.group], self.gram)
        one, other = self.pairs
        coupled = np.einsum("abd,bad->d", weighted[:, :, one], weighted[:, :, other])
        own = self._by_stratum(np.einsum("aac->c", weighted))
        return mixed, np.diag(own) - self._pair_sums(coupled)

    def _gram_rows(self, half: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return those of tr(Omega gram)."""
        group = self.cells.group
        projected = np.tensordot(half.T, self.gamma.reduction.crossed, axes=([1], [1]))[:, :, group]
        moved = np.tensordot(half.T, self.crossed, axes=([1], [1]))
        turned = np.einsum("hac,hbc->abc", projected, moved)
        mixed = np.tensordot(self.gamma.covariance.first, self._by_stratum(turned + transpose(turned)), axes=2)
        score = np.tensordot(half.T, self.score, axes=([1], [1]))
        one, other = self.pairs
        conditional = self.conditional[:, :, group[one]]
        coupled = np.einsum("had,abd,hbd->d", score[:, :, one], conditional, score[:, :, other])
        own = np.einsum("ih,sij,jh->s", half, self.residual, half)
        return mixed, np.diag(own) - 2.0 * self._pair_sums(coupled)

    def _by_stratum(self, values: FloatArray) -> FloatArray:
        return sum_by_stratum(values, self.cells)

    def _pair_sums(self, values: FloatArray) -> FloatArray:
        """Sum values of pairs of cells into an (s, s) matrix by their strata."""
        s = self.cells.n_strata
        one, other = (self.cells.stratum[cells].astype(np.int64) for cells in self.pairs)
        return np.bincount(one * s + other, values, s * s).astype(np.float64).reshape(s, s)


def strata_derivatives(
    products: CrossProducts, psi: FloatArray, reduction: Reduction, covariance: Covariance
) -> StrataDerivatives:
    """Differentiate the reduction in the parameters of Gamma and in psi.

    Parameters
    ----------
    products : CrossProducts
        Statistics by cell.
    psi : ndarray, shape (s,)
        Log residual variances, working units.
    reduction : Reduction
        Statistics at ``psi`` and ``covariance.gamma``.
    covariance : Covariance
        Gamma with its derivatives.

    Returns
    -------
    StrataDerivatives
    """
    cells, gamma = products.cells, covariance.gamma
    group, k = cells.group, len(covariance.gamma)
    scale = np.exp(-psi)
    gram = products.gram * scale[cells.stratum]
    shrink = np.eye(k)[:, :, None] - np.tensordot(gamma, reduction.marginal, axes=1)
    conditional = np.einsum("abm,bd->adm", shrink, gamma)
    deviation = products.coefficients - np.tensordot(gamma, reduction.crossed, axes=1)[:, :, group]
    score = multiply(gram, deviation)
    shrink_cells = shrink[:, :, group]
    marginal = multiply(transpose(shrink_cells), multiply(gram, shrink_cells))
    squares = np.einsum("aic,ajc->ijc", deviation, score)
    residual = (products.within * scale).transpose(2, 0, 1) + sum_by_stratum(squares, cells).transpose(2, 0, 1)
    base = gamma_derivatives(reduction, covariance)
    own = np.einsum("abc,abc->c", conditional[:, :, group], gram)
    return StrataDerivatives(
        gram_first=np.concatenate([base.gram_first, -residual]),
        log_det_first=np.concatenate([base.log_det_first, -sum_by_stratum(own, cells)]),
        gamma=base,
        cells=cells,
        pairs=cell_pairs(cells),
        conditional=conditional,
        gram=gram,
        score=score,
        crossed=multiply(transpose(shrink_cells), score),
        marginal=marginal,
        residual=residual,
    )


def sum_by_stratum(values: FloatArray, cells: Cells) -> FloatArray:
    """Sum the last axis, cells, into strata."""
    flat = values.reshape(-1, values.shape[-1])
    sums = [np.bincount(cells.stratum, weights=row, minlength=cells.n_strata) for row in flat]
    return np.asarray(sums, dtype=np.float64).reshape(*values.shape[:-1], cells.n_strata)


def cell_pairs(cells: Cells) -> tuple[IndexArray, IndexArray]:
    """Return all ordered pairs of cells that share a group."""
    if cells.one_per_group:
        every = np.arange(len(cells.group))
        return every, every
    sizes = np.bincount(cells.group, minlength=cells.n_groups)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    repeats = sizes[cells.group]
    one = np.repeat(np.arange(len(cells.group)), repeats)
    position = np.arange(len(one)) - np.repeat(np.concatenate([[0], np.cumsum(repeats)[:-1]]), repeats)
    return one, starts[cells.group[one]] + position


def _bordered(corner: FloatArray, side: FloatArray, rest: FloatArray) -> FloatArray:
    """Return the symmetric matrix [[corner, side], [side', rest]]."""
    return np.block([[corner, side], [side.T, rest]])
