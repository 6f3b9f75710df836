"""Derivatives in the log residual variances psi of strata, several grouping factors.

With V_s the part of V in stratum s and M = I - Z C Z'V,

    d gram / d psi_s = - [X y]'M'V_s M[X y],      d log_det / d psi_s = - tr(C Z'V_sZ),

where C is needed only between levels that meet in some row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.conditional import own_covariances, pair_covariances
from limeform.likelihood.crossed.derivatives import CrossedDerivatives
from limeform.likelihood.crossed.projection import multiply_cross_products, project
from limeform.likelihood.crossed.statistics import IndexArray, Sums
from limeform.likelihood.crossproducts import IntArray, sum_outer


@dataclass(frozen=True)
class CrossedStrataDerivatives(CrossedDerivatives):
    """Derivatives in the parameters of Gamma, then in psi; second ones by average information.

    Attributes
    ----------
    scale : ndarray, shape (s,)
        Precision of each stratum, exp(-psi).
    """

    scale: FloatArray

    @property
    def exact(self) -> bool:
        """Second derivatives are those of the average information."""
        return False

    def curved(self, half: FloatArray) -> FloatArray:
        """Return what the curvature of Gamma and of exp(psi) adds to the second derivatives."""
        q, s = len(self.covariance.first), len(self.scale)
        total = np.zeros((q + s, q + s))
        total[:q, :q] = super().curved(half)
        weight = self.reduction.products.weight
        last = np.arange(q, q + s)
        total[last, last] = weight + self.log_det_first[q:]
        total[last, last] += np.einsum("ih,sij,jh->s", half, self.gram_first[q:], half)
        return total

    def information(self, rho: FloatArray) -> FloatArray:
        """Return (Py)' dSigma_a P dSigma_b (Py) for y = [X y] rho, shape (q + s, q + s), by solves."""
        q, s = len(self.covariance.first), len(self.scale)
        columns = self.moved(rho[:, None])[:, :, 0]
        residual = self._residual_border(rho)
        border = np.hstack([multiply_cross_products(self.reduction.ready, columns), residual])
        gram = np.zeros((q + s, q + s))
        gram[:q, :q] = columns.T @ border[:, :q]
        gram[:q, q:] = columns.T @ residual
        gram[q:, :q] = gram[:q, q:].T
        last = np.arange(q, q + s)
        gram[last, last] = -np.einsum("i,sij,j->s", rho, self.gram_first[q:], rho)
        return project(self.reduction, border, gram)

    def _residual_border(self, rho: FloatArray) -> FloatArray:
        """Return Z'V_s M y of every stratum, shape (N, s), for y = [X y] rho."""
        products, s = self.reduction.products, len(self.scale)
        effects = [np.einsum("kim,i->km", each, rho) for each in self.reduction.effects()]
        total = np.zeros((products.offsets[-1], s))
        for f, shape in enumerate(products.shapes):
            own = total[products.offsets[f] : products.offsets[f + 1]].reshape(shape.levels, shape.width, s)
            owner, stratum = _cells(products.border[f])
            _add_at(own, owner, stratum, np.einsum("kic,i->ck", products.border[f].values, rho))
            owner, stratum = _cells(products.diagonal[f])
            moved = np.einsum("abc,bc->ca", products.diagonal[f].values, effects[f][:, owner])
            _add_at(own, owner, stratum, -moved)
        for pair, sums in zip(products.pairs, products.off_diagonal, strict=True):
            owner, stratum = _cells(sums)
            for f, g, level, other, how in (
                (pair.first, pair.second, pair.rows[owner], pair.columns[owner], "abc,bc->ca"),
                (pair.second, pair.first, pair.columns[owner], pair.rows[owner], "bac,bc->ca"),
            ):
                shape = products.shapes[f]
                own = total[products.offsets[f] : products.offsets[f + 1]].reshape(shape.levels, shape.width, s)
                moved = np.einsum(how, sums.values, effects[g][:, other])
                _add_at(own, level, stratum, -moved)
        return total * self.scale


def crossed_strata_derivatives(gamma: CrossedDerivatives, psi: FloatArray) -> CrossedStrataDerivatives:
    """Add the derivatives in psi to those in the parameters of Gamma.

    Parameters
    ----------
    gamma : CrossedDerivatives
        Derivatives in the parameters of Gamma.
    psi : ndarray, shape (s,)
        Log residual variances, working units.

    Returns
    -------
    CrossedStrataDerivatives
    """
    reduction, scale = gamma.reduction, np.exp(-psi)
    products = reduction.products
    residual = np.ascontiguousarray(products.gram.transpose(2, 0, 1))
    traces = np.zeros(len(psi))
    effects = reduction.effects()
    for f, own in enumerate(own_covariances(reduction)):
        explained = _outer(effects[f], products.border[f], len(psi))
        residual -= explained + explained.transpose(0, 2, 1)
        residual += _quadratic(effects[f], effects[f], products.diagonal[f], None, len(psi))
        traces += _trace(own, products.diagonal[f], len(psi))
    for number, (pair, met) in enumerate(zip(products.pairs, pair_covariances(reduction), strict=True)):
        levels = pair.rows, pair.columns
        sums = products.off_diagonal[number]
        between = _quadratic(effects[pair.first], effects[pair.second], sums, levels, len(psi))
        residual += between + between.transpose(0, 2, 1)
        traces += 2.0 * _trace(met, sums, len(psi))
    return CrossedStrataDerivatives(
        gram_first=np.concatenate([gamma.gram_first, -residual * scale[:, None, None]]),
        log_det_first=np.concatenate([gamma.log_det_first, -traces * scale]),
        covariance=gamma.covariance,
        reduction=reduction,
        scale=scale,
    )


def _add_at(total: FloatArray, level: IndexArray, stratum: IndexArray, values: FloatArray) -> None:
    """Add values (c, k) to ``total``, (m, k, s), at levels and strata that may repeat."""
    for a in range(values.shape[1]):
        np.add.at(total[:, a], (level, stratum), values[:, a])


def _cells(sums: Sums) -> tuple[IndexArray, IntArray]:
    """Return owner and stratum of every cell."""
    if sums.owner is None or sums.stratum is None:
        every = np.arange(sums.values.shape[2])
        return every, np.zeros(len(every), np.int32)
    return sums.owner, sums.stratum


def _outer(effects: FloatArray, border: Sums, s: int) -> FloatArray:
    """Return U'B_s of every stratum, (s, p + 1, p + 1)."""
    owner, stratum = _cells(border)
    parts = [
        sum_outer(mine[:, owner].T, values.T, stratum, s).transpose(1, 0, 2)
        for mine, values in zip(effects, border.values, strict=True)
    ]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _quadratic(
    left: FloatArray, right: FloatArray, sums: Sums, levels: tuple[IntArray, IntArray] | None, s: int
) -> FloatArray:
    """Return U_f'S_s U_g of every stratum, (s, p + 1, p + 1)."""
    owner, stratum = _cells(sums)
    one, other = (owner, owner) if levels is None else (levels[0][owner], levels[1][owner])
    moved = np.einsum("abc,bjc->ajc", sums.values, right[:, :, other], optimize=True)
    parts = [
        sum_outer(mine[:, one].T, values.T, stratum, s).transpose(1, 0, 2)
        for mine, values in zip(left, moved, strict=True)
    ]
    return np.asarray(np.sum(parts, axis=0), dtype=np.float64)


def _trace(covariance: FloatArray, sums: Sums, s: int) -> FloatArray:
    """Return the sum of the entries of C times those of S_s, by stratum."""
    owner, stratum = _cells(sums)
    products = np.einsum("abc,abc->c", covariance[:, :, owner], sums.values)
    return np.bincount(stratum, products, s).astype(np.float64)
