"""Derivatives of the blocked statistics: exact first ones, and second ones exact or by average information.

Of the second derivatives only tr(Z'PZ dGamma_a Z'PZ dGamma_b) needs more than solves: it runs over all pairs of levels.
It is computed where the effects are few; where they are many its mean, given the data's variances, serves in its place:
the average information of Gilmour, Thompson & Cullis (1995, Biometrics 51, 1440-1450).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from limeform.covariance import Covariance
from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.projection import multiply_cross_products, project
from limeform.likelihood.crossed.reduction import CrossedReduction
from limeform.likelihood.crossed.statistics import Shape
from limeform.likelihood.derivatives import VarianceDerivatives, gamma_derivatives, outer_product, weigh
from limeform.likelihood.grouped import Reduction

EXACT = 400
"""Most effects N for which the exact second derivatives of the log-determinant are computed."""


@dataclass(frozen=True)
class CrossedDerivatives(VarianceDerivatives):
    """Derivatives in the parameters of Gamma.

    Attributes
    ----------
    covariance : Covariance
        Gamma of all factors with its derivatives.
    reduction : CrossedReduction
        Statistics at that Gamma.
    """

    covariance: Covariance
    reduction: CrossedReduction

    @property
    def exact(self) -> bool:
        """Whether second derivatives are exact; else they are those of the average information."""
        return self.reduction.products.offsets[-1] <= EXACT

    def second(self, half: FloatArray) -> FloatArray:
        """Return tr((T - Q) d²Gamma) + tr((2 Q - T) A T B) with Q = R Omega R' over all pairs of levels, exact."""
        moved = self.moved(half)
        marginal = np.tensordot(self._all_marginal, moved, axes=1)
        between = np.tensordot(moved, marginal, axes=([0, 2], [0, 2]))
        return np.asarray(self.curved(half) + 2.0 * between - self._traces(), dtype=np.float64)

    def _traces(self) -> FloatArray:
        """Return tr(T A T B) over all pairs of levels."""
        every, first = self._all_marginal, self.covariance.first
        shapes, offsets = self.reduction.products.shapes, self.reduction.products.offsets
        traces = np.zeros((len(first), len(first)))
        for f, one in enumerate(shapes):
            for g, other in enumerate(shapes):
                block = every[offsets[f] : offsets[f + 1], offsets[g] : offsets[g + 1]]
                block = block.reshape(one.levels, one.width, other.levels, other.width)
                left, right = first[:, one.columns, one.columns], first[:, other.columns, other.columns]
                pairs = np.tensordot(block, block, axes=([0, 2], [0, 2]))  # a, b, c, d
                traces += np.tensordot(np.tensordot(left, pairs, axes=([1, 2], [0, 2])), right, axes=([1, 2], [1, 2]))
        return traces

    def curved(self, half: FloatArray) -> FloatArray:
        """Return tr((T - R Omega R') d²Gamma), summed over levels, for Omega = half @ half.T."""
        total = np.zeros(self.covariance.second.shape[:2])
        for shape, reduction in self._levels():
            middle = reduction.marginal.sum(axis=2)
            if half.shape[1]:
                middle = middle - outer_product(reduction.crossed, half).sum(axis=2)
            total += weigh(self.covariance.second[:, :, shape.columns, shape.columns], middle)
        return total

    def moved(self, half: FloatArray) -> FloatArray:
        """Return A_a R half of all levels, shape (N, q, h)."""
        q, h = len(self.covariance.first), half.shape[1]
        parts = []
        for shape, reduction in self._levels():
            projected = np.tensordot(reduction.crossed, half, axes=(1, 0))  # k, m, h
            first = self.covariance.first[:, shape.columns, shape.columns]
            moved = np.tensordot(first, projected, axes=1)  # q, k, m, h
            parts.append(moved.transpose(2, 1, 0, 3).reshape(-1, q, h))
        return np.concatenate(parts)

    def information(self, rho: FloatArray) -> FloatArray:
        """Return (Py)' dSigma_a P dSigma_b (Py) for y = [X y] rho, shape (q, q), by solves."""
        columns = self.moved(rho[:, None])[:, :, 0]
        border = multiply_cross_products(self.reduction.ready, columns)
        return project(self.reduction, border, columns.T @ border)

    def _levels(self) -> Iterator[tuple[Shape, Reduction]]:
        return zip(self.reduction.products.shapes, self.reduction.by_factor(), strict=True)

    @cached_property
    def _all_marginal(self) -> FloatArray:
        """Z'PZ of all effects, shape (N, N)."""
        n = self.reduction.products.offsets[-1]
        border = multiply_cross_products(self.reduction.ready, np.eye(n))
        return project(self.reduction, border, border)


def crossed_derivatives(reduction: CrossedReduction, covariance: Covariance) -> CrossedDerivatives:
    """Differentiate the reduction in the parameters of Gamma.

    Parameters
    ----------
    reduction : CrossedReduction
        Statistics at ``covariance.gamma``.
    covariance : Covariance
        Gamma of all factors with its derivatives.

    Returns
    -------
    CrossedDerivatives
    """
    q, columns = len(covariance.first), len(reduction.gram)
    gram_first, log_det_first = np.zeros((q, columns, columns)), np.zeros(q)
    for shape, each in zip(reduction.products.shapes, reduction.by_factor(), strict=True):
        own = slice(shape.columns.start, shape.columns.stop)
        part = Covariance(covariance.gamma[own, own], covariance.first[:, own, own], covariance.second[:, :, own, own])
        found = gamma_derivatives(each, part)
        gram_first += found.gram_first
        log_det_first += found.log_det_first
    return CrossedDerivatives(gram_first, log_det_first, covariance, reduction)
