"""Products with P at the variances of a reduction: W'PW for further columns W, by solves alone."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from limeform.likelihood.batched import FloatArray, multiply, solve_lower, solve_upper, summed_product
from limeform.likelihood.crossed.reduction import CrossedReduction, Eliminated, Ready


def project(reduction: CrossedReduction, border: FloatArray, gram: FloatArray) -> FloatArray:
    """Return W'PW = W'VW - (Z'VW)' C (Z'VW).

    Parameters
    ----------
    reduction : CrossedReduction
        The factorisation.
    border : ndarray, shape (N, h)
        Z'VW, effects in order of elimination.
    gram : ndarray, shape (h, h)
        W'VW.

    Returns
    -------
    ndarray, shape (h, h)
    """
    products = reduction.products
    first = products.offsets[1]
    later = border[first:]
    for each in reduction.eliminated:
        f, k = each.stage.factor, len(each.gamma)
        own = border[:first] if f == 0 else later[products.offsets[f] - first : products.offsets[f + 1] - first]
        rows = np.ascontiguousarray(own.reshape(-1, k, border.shape[1]).transpose(1, 2, 0))
        gram, later = _eliminate(each, rows, gram, later)
    rest = later[reduction.ready.plan.remainder.first - first :]
    return gram - reduction.factored.half(rest)


def _eliminate(
    each: Eliminated, rows: FloatArray, gram: FloatArray, later: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Take one factor out: b' (D - T) b leaves the gram, and B' (D - T) b the border of later effects."""
    root = each.columns.groups.factor
    coefficients = solve_upper(root, solve_lower(root, rows))
    explained = rows - multiply(each.marginal, coefficients)
    gram = gram - summed_product(coefficients, explained)
    for matrix, part in zip(each.columns.beta, explained, strict=True):
        later = later - matrix @ part.T
    return gram, later


def multiply_cross_products(ready: Ready, columns: FloatArray) -> FloatArray:
    """Return Z'VZ times (N, h) columns."""
    products = ready.plan.products
    result = np.empty_like(columns)
    parts = [slice(*products.offsets[f : f + 2]) for f in range(len(products.shapes))]
    for part, shape, blocks in zip(parts, products.shapes, ready.diagonal, strict=True):
        rows = columns[part].reshape(-1, shape.width, columns.shape[1])
        result[part] = (blocks.transpose(2, 0, 1) @ rows).reshape(-1, columns.shape[1])
    for pair, blocks in zip(products.pairs, ready.off_diagonal, strict=True):
        first, second = products.shapes[pair.first], products.shapes[pair.second]
        start = np.searchsorted(pair.rows, np.arange(first.levels + 1)).astype(np.int32)
        for a in range(first.width):
            own = slice(parts[pair.first].start + a, parts[pair.first].stop, first.width)
            for b in range(second.width):
                other = slice(parts[pair.second].start + b, parts[pair.second].stop, second.width)
                block = sparse.csr_array((blocks[a, b], pair.columns, start), shape=(first.levels, second.levels))
                result[own] += block @ columns[other]
                result[other] += block.T @ columns[own]
    return result
