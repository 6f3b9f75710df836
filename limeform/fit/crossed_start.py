"""Where the search for the variance parameters of crossed factors begins: moment estimates by least squares.

Minimum norm quadratic estimation with all variances a priori zero (MINQUE(0), Rao 1971, Journal of Multivariate
Analysis 1, 445-456): with u_f = Z_f'V r and S = Z'VZ, E |u_f|² = sum_g gamma_g |S_fg|² + sigma² tr S_ff.
"""

from __future__ import annotations

import numpy as np

from limeform.covariance import BlockDiagonal
from limeform.likelihood import CrossedProducts, Objective, ResidualVariance
from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.reduction import Ready, ready_of

SMALLEST, LARGEST = 1e-3, 1e4
"""Limits of a variance at the start, relative to that of the errors."""


def crossed_start(objective: Objective, products: CrossedProducts) -> FloatArray:
    """Return variance parameters at which each term has the variance that moments give it, equal for its effects.

    Parameters
    ----------
    objective : Objective
        The criterion, of a model with several grouping factors.
    products : CrossedProducts
        Its statistics.

    Returns
    -------
    ndarray, shape (q,)
    """
    terms, ready = _places(objective.covariance), ready_of(products)
    left, right = _moments(ready, terms)
    known = objective.criterion.residual is ResidualVariance.KNOWN
    if known:
        right, left = (right - left[:, -1])[:-1], left[:-1, :-1]
    weight = 1.0 / np.sqrt(np.maximum(np.diag(left), 1e-300)) if known else 1.0 / np.maximum(left[:, -1], 1e-300)
    solved = np.linalg.lstsq(left * weight[:, None], right * weight, rcond=1e-10)[0]
    error = 1.0 if known else max(float(solved[-1]), 0.05)
    variances = np.clip(solved[: len(terms)] / error, SMALLEST, LARGEST)
    parts = [
        structure.start(float(np.sqrt(variance)))
        for structure, variance in zip(objective.covariance.structures, variances, strict=True)
    ]
    return np.concatenate([*parts, np.zeros(objective.n_strata)])


def _places(covariance: BlockDiagonal) -> list[slice]:
    """Return the columns of each term."""
    stops = np.cumsum([structure.size for structure in covariance.structures])
    return [slice(int(stop) - each.size, int(stop)) for stop, each in zip(stops, covariance.structures, strict=True)]


def _moments(ready: Ready, terms: list[slice]) -> tuple[FloatArray, FloatArray]:
    """Return the coefficients of the variances (terms, then error) in the mean of each square, and the squares."""
    products = ready.plan.products
    rows: list[tuple[int, slice]] = []
    for term in terms:
        f = next(i for i, shape in enumerate(products.shapes) if shape.columns.start <= term.start < shape.columns.stop)
        begin = products.shapes[f].columns.start
        rows.append((f, slice(term.start - begin, term.stop - begin)))
    left, right = np.zeros((len(terms) + 1, len(terms) + 1)), np.zeros(len(terms) + 1)
    pairs = {(pair.first, pair.second): i for i, pair in enumerate(products.pairs)}
    for i, (f, own) in enumerate(rows):
        right[i] = float((ready.border[f][own, -1] ** 2).sum())
        left[i, -1] = left[-1, i] = float(np.einsum("aam->", ready.diagonal[f][own, own]))
        for j, (g, other) in enumerate(rows):
            if f == g:
                block = ready.diagonal[f][own, other]
            elif f < g:
                block = ready.off_diagonal[pairs[f, g]][own, other]
            else:
                block = ready.off_diagonal[pairs[g, f]][other, own]
            left[i, j] = float((block**2).sum())
    left[-1, -1] = float(products.weight.sum())
    right[-1] = float(ready.gram[-1, -1])
    return left, right
