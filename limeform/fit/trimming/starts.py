"""Many starts at once: short descents from random subsets, all of them as one array computation.

Each step takes the best fixed effects in closed form, keeps the h units of least derivative, and moves the variances
by one EM step (Laird & Ware 1982); neither raises the criterion. Starts are only ranked here; the best are fitted
exactly afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from limeform.covariance import BlockDiagonal
from limeform.fit.trimming.simplex import FloatArray
from limeform.fit.trimming.steps import LARGE, Search, start_of
from limeform.likelihood import ResidualVariance
from limeform.likelihood.crossproducts import Rows, make_cells, working_rows

STEPS = 4
"""Concentration steps of each start."""

SAMPLE = 5_000
"""Rows in the sample, at least."""

CARRIED = 6
"""How many starts are carried over from the sample to all rows."""

SPREADS = (1.0, 0.1, 0.01)
"""The variances of the random effects at which starts begin, over the default ones: outliers inflate those."""

SETTLING = 10
"""Steps of the variances before the first concentration of a start from whole groups."""

ENTRIES = 3_000_000
"""Weights (starts times rows) taken at a time."""

RIDGE = 1e-9
SMALLEST = 1e-24
"""Keep the arithmetic defined where a subset determines too little, in working units."""


@dataclass(frozen=True)
class Begun:
    """Where a start has come to: ``weights``, shape (units,), variance parameters ``x``, shape (q,), and criterion."""

    weights: FloatArray
    x: FloatArray
    value: float


@dataclass(frozen=True)
class _Start:
    """A start under way: weights (units,), Gamma over the common variance (k, k), (-beta, 1), common variance."""

    weights: FloatArray
    gamma: FloatArray
    rho: FloatArray
    scale: float
    value: float


@dataclass(frozen=True)
class _Columns:
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
class _Fit:
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


def random_starts(search: Search, children: Sequence[np.random.Generator], rng: np.random.Generator) -> list[Begun]:
    """Descend a few steps from random subsets.

    With more than `LARGE` rows the steps are taken on a random sample of about `SAMPLE` of them, whole groups where
    these are small, and only the best few starts are carried over to all rows.

    Parameters
    ----------
    search : Search
        The model.
    children : sequence of Generator
        One a start: each start depends on its own alone.
    rng : Generator
        Draws the sample.

    Returns
    -------
    list of Begun
    """
    few = sampled(search, rng) if len(search.y) > LARGE else search
    columns = _columns(few)
    size = max(1, ENTRIES // len(columns.v))
    ends: list[_Start] = []
    for first in range(0, len(children), size):
        ends += _descend(few, columns, np.array([_subset(few, child) for child in children[first : first + size]]))
    if few is not search:
        all_columns = _columns(search)
        ends = [_carried(search, all_columns, end) for end in sorted(ends, key=lambda end: end.value)[:CARRIED]]
    return [Begun(end.weights, search.setup.covariance.parameters(end.gamma), end.value) for end in ends]


def sampled(search: Search, rng: np.random.Generator) -> Search:
    """Return the search on a random sample of the rows."""
    rows, cells = search.setup.rows, search.setup.rows.cells
    group = cells.group[cells.codes]
    sizes = np.bincount(group, minlength=cells.n_groups)
    order = rng.permutation(cells.n_groups)
    chosen = order[: int(np.searchsorted(np.cumsum(sizes[order]), SAMPLE)) + 1]
    index = np.flatnonzero(np.isin(group, chosen))
    if search.groups is None and len(index) > 2 * SAMPLE:
        index = np.sort(rng.choice(index, SAMPLE, replace=False))
    levels, renumbered = np.unique(group[index], return_inverse=True)
    codes = np.asarray(renumbered.ravel(), dtype=np.int32)
    always = search.always[index] if search.groups is None else search.always[levels]
    share = (search.h - search.always.sum()) / max(int((~search.always).sum()), 1)
    part = Rows(
        x=rows.x[index],
        z=rows.z[index],
        precision=rows.precision[index],
        weights=rows.weights[index],
        cells=make_cells(codes, len(levels), None, 1),
    )
    return replace(
        search,
        setup=replace(search.setup, rows=part),
        y=search.y[index],
        h=int(always.sum()) + max(1, round(share * int((~always).sum()))),
        always=always,
        groups=None if search.groups is None else codes,
    )


def _columns(search: Search) -> _Columns:
    rows, cells = search.setup.rows, search.setup.rows.cells
    z, xy, v = working_rows(search.y, rows, search.setup.products.coordinates, slice(None))
    group = cells.group[cells.codes]
    first = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=cells.n_groups))])
    return _Columns(z, xy, v, group, np.argsort(group, kind="stable").astype(np.int32), first)


def _subset(search: Search, rng: np.random.Generator) -> FloatArray:
    """Return weights of p + 2 random rows, or of as many random groups."""
    size = min(search.n_units, search.setup.products.n_fixed + 2)
    weights = np.zeros(search.n_units)
    weights[rng.choice(search.n_units, size=size, replace=False)] = 1.0
    return weights


def _descend(search: Search, columns: _Columns, weights: FloatArray) -> list[_Start]:
    """Take the steps of a batch of starts, ``weights`` of shape (B, units)."""
    begin = search.setup.covariance.covariance(start_of(search)).gamma
    gamma = begin * np.resize(SPREADS, len(weights))[:, None, None]
    fit = _fit(search, columns, weights, gamma)
    if search.groups is not None:
        for _ in range(SETTLING):
            gamma = _em_step(fit, weights) * _allowed(search.setup.covariance)
            fit = _fit(search, columns, weights, gamma)
    return _advance(search, columns, fit, gamma, STEPS)


def _advance(search: Search, columns: _Columns, fit: _Fit, gamma: FloatArray, steps: int) -> list[_Start]:
    """Concentrate, move the variances, and fit again, several times."""
    allowed = _allowed(search.setup.covariance)
    weights = np.zeros((len(gamma), search.n_units))
    for _ in range(steps):
        weights = _concentrated(search, _slopes(search, columns, fit, gamma))
        gamma = _em_step(fit, weights if search.groups is not None else None) * allowed
        fit = _fit(search, columns, weights, gamma)
    return [
        _Start(w, g, rho, float(scale), float(value))
        for w, g, rho, scale, value in zip(weights, gamma, fit.rho, fit.scale, fit.value, strict=True)
    ]


def _carried(search: Search, columns: _Columns, start: _Start) -> _Start:
    """Take a start found on a sample to all rows: its estimates are held for the first ranking."""
    share = (search.h - search.always.sum()) / max(int((~search.always).sum()), 1)
    weights = np.where(search.always, 1.0, share)[None]
    gamma = start.gamma[None]
    fit = _fit(search, columns, weights, gamma, start.rho[None], np.array([start.scale]))
    return _advance(search, columns, fit, gamma, 2)[0]


def _allowed(covariance: BlockDiagonal) -> FloatArray:
    """Return ones where the structures let Gamma differ from zero, shape (k, k)."""
    if covariance.size == 0:
        return np.zeros((0, 0))
    full = covariance.covariance(covariance.parameters(np.eye(covariance.size) + 1.0)).gamma
    return np.asarray(np.abs(full) > 1e-9, dtype=np.float64)


def _moments(columns: _Columns, weights: FloatArray) -> FloatArray:
    """Return sums of the products of columns by start and group, shape (B, m, c, c); weights are of rows, (B, n)."""
    b, n = weights.shape
    m, c = len(columns.first) - 1, columns.z.shape[1] + columns.xy.shape[1]
    pointer = np.append((columns.first[:-1] + n * np.arange(b)[:, None]).ravel(), b * n)
    data = (weights * columns.v)[:, columns.order].ravel()
    spread = sparse.csr_matrix((data, np.tile(columns.order, b), pointer), shape=(b * m, n))
    return np.asarray(spread @ columns.products).reshape(b, m, c, c)


def _fit(
    search: Search,
    columns: _Columns,
    weights: FloatArray,
    gamma: FloatArray,
    rho: FloatArray | None = None,
    scale: FloatArray | None = None,
) -> _Fit:
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
    return _Fit(rho, np.asarray(scale, dtype=np.float64), modes, conditional, log_det, value)


def _best_fixed(projected: FloatArray) -> FloatArray:
    """Return (-beta, 1) for the best fixed effects, shape (B, p + 1), from [X y]'P[X y], shape (B, p + 1, p + 1)."""
    p = projected.shape[1] - 1
    rho = np.ones((len(projected), p + 1))
    rho[:, :p] = -np.linalg.solve(projected[:, :p, :p] + RIDGE * np.eye(p), projected[:, :p, p:])[:, :, 0]
    return rho


def _em_step(fit: _Fit, kept: FloatArray | None) -> FloatArray:
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


def _slopes(search: Search, columns: _Columns, fit: _Fit, gamma: FloatArray) -> FloatArray:
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


def _group_slopes(columns: _Columns, fit: _Fit, gamma: FloatArray) -> FloatArray:
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


def _concentrated(search: Search, slopes: FloatArray) -> FloatArray:
    """Return weights of one at the h units of least derivative of each start."""
    slopes = np.where(search.always, -np.inf, slopes)
    kept = np.argpartition(slopes, search.h - 1, axis=1)[:, : search.h]
    weights = np.zeros_like(slopes)
    np.put_along_axis(weights, kept, 1.0, axis=1)
    return weights
