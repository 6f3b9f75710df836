"""What the effects of known levels add to the prediction of new rows, several grouping factors.

For a new row let g = Gamma z at the effects of its levels and zero elsewhere. Given the fixed effects, z'u has the
variance z'Gamma z - g'Z'PZ g, and its mode falls with the fixed effects by z'Gamma Z'PX (Henderson 1975, Biometrics
31). The levels of a new row need not have met in the data, so that no stored covariance has all that is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.conditional import row_leverages
from limeform.likelihood.crossed.projection import multiply_cross_products, project
from limeform.likelihood.crossed.reduction import CrossedReduction
from limeform.likelihood.crossed.statistics import CrossedRows

IntArray = NDArray[np.int32]

TOGETHER = 128
"""Rows that are projected at a time."""


def variances_of_new_rows(reduction: CrossedReduction, z: FloatArray, codes: Sequence[IntArray]) -> FloatArray:
    """Return the conditional variance of the random part of new rows, at unit variance; unknown levels add nothing.

    Parameters
    ----------
    reduction : CrossedReduction
        The factorisation at the estimates.
    z : ndarray, shape (c, k)
        Random-effects columns of all factors, in the user's units.
    codes : sequence of ndarray of int32, each shape (c,)
        Level of each factor, in the order of the formula; -1 for an unknown one.

    Returns
    -------
    ndarray, shape (c,)
    """
    working = z @ reduction.products.coordinates.effects
    parts = [slice(start, start + TOGETHER) for start in range(0, len(z), TOGETHER)]
    found = [_projected(reduction, working[part], [each[part] for each in codes]) for part in parts]
    return np.concatenate([np.zeros(0), *found])


def _projected(reduction: CrossedReduction, z: FloatArray, codes: Sequence[IntArray]) -> FloatArray:
    products = reduction.products
    gammas = [each.gamma for each in reduction.eliminated] + [root @ root.T for root in reduction.factored.roots]
    moved = np.zeros((products.offsets[-1], len(z)))
    total = np.zeros(len(z))
    for f, shape, gamma, start in zip(products.order, products.shapes, gammas, products.offsets, strict=False):
        row = np.flatnonzero(codes[f] >= 0)
        own = z[row, shape.columns]
        effect = own @ gamma
        total[row] += np.einsum("nk,nk->n", effect, own)
        moved[start + codes[f][row, None] * shape.width + np.arange(shape.width), row[:, None]] = effect
    border = multiply_cross_products(reduction.ready, moved)
    explained = np.diag(project(reduction, border, moved.T @ border))
    return np.clip(total - explained, 0.0, None)


def slopes_of_new_rows(reduction: CrossedReduction, z: FloatArray, codes: Sequence[IntArray]) -> FloatArray:
    """Return by how much the random part of new rows falls with the fixed effects, (c, p); parameters as above."""
    products = reduction.products
    working, p = z @ products.coordinates.effects, products.n_fixed
    total = np.zeros((len(z), p))
    for f, shape, values in zip(products.order, products.shapes, reduction.effects(), strict=True):
        row = np.flatnonzero(codes[f] >= 0)
        total[row] += np.einsum("na,apn->np", working[row, shape.columns], values[:, :p, codes[f][row]], optimize=True)
    return np.asarray(total @ np.linalg.inv(products.coordinates.fixed), dtype=np.float64)


def variances_of_rows(reduction: CrossedReduction, rows: CrossedRows) -> FloatArray:
    """Return the same variances for the rows of the fit, (n,), which the factorisation has at hand."""
    return row_leverages(reduction, rows)
