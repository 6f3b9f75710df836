"""Fits of many sets of weights at once: fixed effects in closed form, an EM step for the variances, derivatives.

All starts share the data, so sums over the rows of each group are one sparse product, and everything after it is array
arithmetic over starts and groups. The statistics are plain cross-products: enough to rank starts, not to report.
Laird & Ware (1982), Random-effects models for longitudinal data, Biometrics 38, 963–974, for the EM step.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from limeform.fit.trimming.simplex import FloatArray
from limeform.fit.trimming.steps import Search
from limeform.likelihood import ResidualVariance
from limeform.likelihood.crossproducts import Rows, working_rows

RIDGE = 1e-9
SMALLEST = 1e-24
"""Keep the arithmetic defined where a subset determines too little, in working units."""


@dataclass(frozen=True)
class Columns:
    """Working columns, prepared once: z (n, k), xy (n, p + 1), v (n,), order (n,) by group and first rows (m + 1,)."""

    z: FloatArray
    xy: FloatArray
    v: FloatArray
    group: NDArray[np.int32]
    order: NDArray[np.int32]
    first: NDArray[np.int64]

    @cached_property
    def products(self) -> FloatArray:
        """Products of all pairs of columns, shape (n, (k + p + 1)²)."""
        every = np.hstack([self.z, self.xy])
        return np.asarray((every[:, :, None] * every[:, None, :]).reshape(len(every), -1), dtype=np.float64)


@dataclass(frozen=True)
class BatchFit:
    """Fits of B starts at their variances.

    Attributes
    ----------
    rho : ndarray, shape (B, p + 1)
        (-beta, 1).
    scale : ndarray, shape (B,)
        Common variance; ones where the sampling variances are known.
    modes : ndarray, shape (B, m, k)
        Conditional modes.
    conditional : ndarray, shape (B, m, k, k)
        Their covariances over ``scale``.
    log_det : ndarray, shape (B, m)
        ln|I + L'SL| of each group.
    value : ndarray, shape (B,)
        Criterion (ML), up to a constant.
    """

    rho: FloatArray
    scale: FloatArray
    modes: FloatArray
    conditional: FloatArray
    log_det: FloatArray
    value: FloatArray


def columns_of(search: Search) -> Columns:
    """Prepare the working columns of a search."""
    rows = search.setup.rows
    assert isinstance(rows, Rows)
    cells = rows.cells
    z, xy, v = working_rows(search.y, rows, search.setup.products.coordinates, slice(None))
    group = cells.group[cells.codes]
    first = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=cells.n_groups))])
    return Columns(z, xy, v, group, np.argsort(group, kind="stable").astype(np.int32), first)


def _moments(columns: Columns, weights: FloatArray) -> FloatArray:
    """Return sums of the products of columns by start and group, shape (B, m, c, c); weights are of rows, (B, n)."""
    b, n = weights.shape
    m, c = len(columns.first) - 1, columns.z.shape[1] + columns.xy.shape[1]
    pointer = np.append((columns.first[:-1] + n * np.arange(b)[:, None]).ravel(), b * n)
    data = (weights * columns.v)[:, columns.order].ravel()
    spread = sparse.csr_matrix((data, np.tile(columns.order, b), pointer), shape=(b * m, n))
    return np.asarray(spread @ columns.products).reshape(b, m, c, c)


def fit_batch(
    search: Search,
    columns: Columns,
    weights: FloatArray,
    gamma: FloatArray,
    rho: FloatArray | None = None,
    scale: FloatArray | None = None,
) -> BatchFit:
    """Fit fixed effects and modes at given variances; fixed effects and common variance are held if they are given."""
    k = columns.z.shape[1]
    row_weights = weights if search.groups is None else weights[:, search.groups]
    moments = _moments(columns, row_weights)
    gram, crossed = moments[:, :, :k, :k], moments[:, :, :k, k:]
    inner = np.eye(k) + gamma[:, None] @ gram
    conditional = np.asarray(np.linalg.solve(inner, np.broadcast_to(gamma[:, None], inner.shape)), dtype=np.float64)
    log_det = np.asarray(np.linalg.slogdet(inner)[1], dtype=np.float64)
    projected = moments[:, :, k:, k:].sum(axis=1)
    projected -= np.einsum("bmkc,bmkd->bcd", crossed, conditional @ crossed)
    rho = _best_fixed(projected) if rho is None else rho
    quadratic = np.einsum("bc,bcd,bd->b", rho, projected, rho)
    total = row_weights.sum(axis=1)
    known = search.setup.residual is ResidualVariance.KNOWN
    if scale is None:
        scale = np.ones(len(weights)) if known else np.maximum(quadratic / total, SMALLEST)
    value = 0.5 * (quadratic / scale + total * np.log(scale) + log_det.sum(axis=1) - row_weights @ np.log(columns.v))
    modes = (conditional @ (crossed @ rho[:, None, :, None]))[..., 0]
    return BatchFit(rho, np.asarray(scale, dtype=np.float64), modes, conditional, log_det, value)


def _best_fixed(projected: FloatArray) -> FloatArray:
    """Return (-beta, 1) for the best fixed effects, shape (B, p + 1), from [X y]'P[X y], shape (B, p + 1, p + 1)."""
    p = projected.shape[1] - 1
    rho = np.ones((len(projected), p + 1))
    gram = projected[:, :p, :p]
    size = np.maximum(np.trace(gram, axis1=1, axis2=2) / max(p, 1), 1.0)[:, None, None]
    rho[:, :p] = -np.linalg.solve(gram + RIDGE * size * np.eye(p), projected[:, :p, p:])[:, :, 0]
    return rho


def em_step(fit: BatchFit, kept: FloatArray | None) -> FloatArray:
    """Return the next Gamma over the common variance, shape (B, k, k): the mean of E[u u' | y] over the groups.

    Where whole groups are trimmed, ``kept`` of shape (B, m), a group without rows tells nothing and would only slow the
    steps down.
    """
    second = fit.modes[..., :, None] * fit.modes[..., None, :] / fit.scale[:, None, None, None] + fit.conditional
    return np.asarray(
        second.mean(axis=1)
        if kept is None
        else np.einsum("bm,bmkl->bkl", kept, second) / kept.sum(axis=1)[:, None, None],
        dtype=np.float64,
    )


def slopes_of(search: Search, columns: Columns, fit: BatchFit, gamma: FloatArray) -> FloatArray:
    """Return the derivative of the criterion in the weight of each unit, shape (B, units)."""
    if search.groups is not None:
        return _group_slopes(columns, fit, gamma)
    spread = fit.rho @ columns.xy.T
    for a in range(columns.z.shape[1]):
        spread -= fit.modes[:, columns.group, a] * columns.z[:, a]
    spread **= 2
    spread /= fit.scale[:, None]
    for a in range(columns.z.shape[1]):
        for b in range(columns.z.shape[1]):
            spread += fit.conditional[:, columns.group, a, b] * (columns.z[:, a] * columns.z[:, b])
    return np.asarray(0.5 * (columns.v * spread - np.log(columns.v)), dtype=np.float64)


def _group_slopes(columns: Columns, fit: BatchFit, gamma: FloatArray) -> FloatArray:
    """Return each group's part of the criterion at full weights, densities in the unit of a typical error variance."""
    k = columns.z.shape[1]
    moments = _moments(columns, np.ones((1, len(columns.v))))
    gram, crossed = moments[:, :, :k, :k], moments[:, :, :k, k:]
    inner = np.eye(k) + gamma[:, None] @ gram
    conditional = np.linalg.solve(inner, np.broadcast_to(gamma[:, None], inner.shape))
    score = crossed @ fit.rho[:, None, :, None]
    quadratic = np.einsum("bc,amcd,bd->bm", fit.rho, moments[:, :, k:, k:], fit.rho)
    quadratic -= np.einsum("bmki,bmki->bm", score, conditional @ score)
    log_v = np.log(columns.v)
    sizes = np.diff(columns.first)
    own = np.bincount(columns.group, weights=log_v - log_v.mean(), minlength=len(sizes))
    log_det = np.linalg.slogdet(inner)[1]
    return np.asarray(
        0.5 * (quadratic / fit.scale[:, None] + log_det + np.log(fit.scale)[:, None] * sizes - own), dtype=np.float64
    )
