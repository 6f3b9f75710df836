"""Data and weights reduced to sufficient statistics; nothing after this file sees the n rows.

With B_c the least-squares coefficients of [X y] on Z within cell c, every quadratic form that the likelihood needs is

    [X y]' P [X y] = W + sum_groups B' T B,    T = (S^- + Gamma)^-,

where W is the within-cell residual cross-product, which no variance parameter touches. Splitting it off keeps all
digits when a variance is very large or a standard error very small (MATH: P = V - V Z C Z' V, the same matrix).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from limeform.likelihood.batched import FloatArray, cholesky, solve_lower, solve_upper
from limeform.likelihood.coordinates import Coordinates, chunks, recentre

IntArray = NDArray[np.int32]


@dataclass(frozen=True)
class Cells:
    """Groups divided by variance stratum: the finest division that the statistics need.

    Cells are numbered group by group. With one variance for all rows a cell is a group.

    Attributes
    ----------
    codes : ndarray of int32, shape (n,)
        Cell of each row.
    group, stratum : ndarray of int32, shape (c,)
        Group and stratum of each cell.
    n_groups, n_strata : int
        Number of groups m and of strata s.
    """

    codes: IntArray
    group: IntArray
    stratum: IntArray
    n_groups: int
    n_strata: int

    @property
    def one_per_group(self) -> bool:
        """Whether every group is one cell."""
        return len(self.group) == self.n_groups


@dataclass(frozen=True)
class CrossProducts:
    """Sufficient statistics of the data at fixed weights, in working coordinates (groups or cells in the last axis).

    Attributes
    ----------
    gram : ndarray, shape (k, k, c)
        S = Z'VZ of each cell, at unit variance.
    factor : ndarray, shape (k, k, c)
        F, lower triangular with S = F F'. Made once: where S is nearly singular, rounding would otherwise make another
        F at every residual variance.
    coefficients : ndarray, shape (k, p + 1, c)
        B with S B = Z'V[X y] of each cell.
    within : ndarray, shape (p + 1, p + 1, s)
        W: residual cross-product of [X y] after regression on Z within cells, summed by stratum.
    weight : ndarray, shape (s,)
        Sum of the likelihood weights w by stratum.
    log_precision : float
        Sum of w ln(v / w): the part of the log-determinant that the data fix.
    cells : Cells
        Which group and stratum each cell belongs to.
    coordinates : Coordinates
        The maps back to the user's columns.
    """

    gram: FloatArray
    factor: FloatArray
    coefficients: FloatArray
    within: FloatArray
    weight: FloatArray
    log_precision: float
    cells: Cells
    coordinates: Coordinates

    @property
    def n_fixed(self) -> int:
        """Number of fixed effects p."""
        return int(self.within.shape[0]) - 1


def make_cells(groups: IntArray, n_groups: int, strata: IntArray | None, n_strata: int) -> Cells:
    """Number the combinations of group and stratum that occur.

    Parameters
    ----------
    groups : ndarray of int32, shape (n,)
        Group of each row, in ``range(n_groups)``.
    n_groups : int
        Number of groups m.
    strata : ndarray of int32, shape (n,), or None
        Variance stratum of each row; None for one stratum.
    n_strata : int
        Number of strata s.

    Returns
    -------
    Cells
    """
    if strata is None:
        every = np.arange(n_groups, dtype=np.int32)
        return Cells(groups, every, np.zeros(n_groups, dtype=np.int32), n_groups, 1)
    pair = groups.astype(np.int64) * n_strata + strata
    found, codes = np.unique(pair, return_inverse=True)
    return Cells(
        codes=codes.astype(np.int32),
        group=(found // n_strata).astype(np.int32),
        stratum=(found % n_strata).astype(np.int32),
        n_groups=n_groups,
        n_strata=n_strata,
    )


@dataclass(frozen=True)
class Rows:
    """What the statistics are made from, row by row, in the user's columns.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        Fixed-effects columns of full rank.
    z : ndarray, shape (n, k)
        Random-effects columns of all terms.
    precision : ndarray, shape (n,)
        One over the known sampling variances, or prior weights; without the likelihood weights.
    weights : ndarray, shape (n,)
        w, the power to which each row's conditional density is raised; ones for an untrimmed fit.
    cells : Cells
        Cell of each row.
    """

    x: FloatArray
    z: FloatArray
    precision: FloatArray
    weights: FloatArray
    cells: Cells


def cross_products(y: FloatArray, rows: Rows, coordinates: Coordinates) -> CrossProducts:
    """Reduce the rows to sufficient statistics, touching each twice.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Response less offset.
    rows : Rows
        Columns, precisions, weights and cells.
    coordinates : Coordinates
        Working coordinates.

    Returns
    -------
    CrossProducts
    """
    k, p, cells = rows.z.shape[1], rows.x.shape[1], rows.cells
    c = len(cells.group)
    summed, within = np.zeros((k, c, k + p + 1)), np.zeros((p + 1, cells.n_strata, p + 1))
    weight, log_precision = np.zeros(cells.n_strata), 0.0
    for part in chunks(len(y)):
        z, xy, v = working_rows(y, rows, coordinates, part)
        summed += sum_outer(z * v[:, None], np.hstack([z, xy]), cells.codes[part], c)
    gram = np.ascontiguousarray(summed[:, :, :k].transpose(0, 2, 1))
    factor = cholesky(gram)
    coefficients = _solve(factor, np.ascontiguousarray(summed[:, :, k:].transpose(0, 2, 1)))
    for part in chunks(len(y)):
        z, xy, v = working_rows(y, rows, coordinates, part)
        residual = xy - _fitted(z, coefficients, cells.codes[part])
        stratum, w = cells.stratum[cells.codes[part]], rows.weights[part]
        within += sum_outer(residual * v[:, None], residual, stratum, cells.n_strata)
        weight += np.bincount(stratum, w, cells.n_strata)
        log_precision += float(w[w > 0] @ np.log(rows.precision[part][w > 0] / coordinates.variance))
    return CrossProducts(
        gram=gram,
        factor=factor,
        coefficients=coefficients,
        within=np.ascontiguousarray(within.transpose(0, 2, 1)),
        weight=weight,
        log_precision=log_precision,
        cells=cells,
        coordinates=coordinates,
    )


def with_response(products: CrossProducts, y: FloatArray, rows: Rows) -> CrossProducts:
    """Return the statistics of another response on the same design; all that does not depend on y is kept.

    Parameters
    ----------
    products : CrossProducts
        Statistics of the first response.
    y : ndarray, shape (n,)
        New response less offset.
    rows : Rows
        The rows that ``products`` came from.

    Returns
    -------
    CrossProducts
    """
    cells, p = rows.cells, rows.x.shape[1]
    k, c = products.gram.shape[0], len(cells.group)
    coordinates = recentre(products.coordinates, y, rows.x, rows.precision)
    crossed, within = np.zeros((k, c, 1)), np.zeros((p + 1, cells.n_strata, 1))
    for part in chunks(len(y)):
        z, xy, v = working_rows(y, rows, coordinates, part)
        crossed += sum_outer(z * v[:, None], xy[:, p:], cells.codes[part], c)
    new = _solve(products.factor, np.ascontiguousarray(crossed.transpose(0, 2, 1)))
    for part in chunks(len(y)):
        z, xy, v = working_rows(y, rows, coordinates, part)
        xy[:, p:] -= _fitted(z, new, cells.codes[part])
        within += sum_outer(xy * v[:, None], xy[:, p:], cells.stratum[cells.codes[part]], cells.n_strata)
    bordered = products.within.copy()
    bordered[:, p] = bordered[p] = within[:, :, 0]
    coefficients = np.concatenate([products.coefficients[:, :p], new], axis=1)
    return replace(products, coefficients=coefficients, within=bordered, coordinates=coordinates)


class RowArrays(Protocol):
    """Rows of any model, as far as their columns and precisions go; see `Rows`."""

    @property
    def x(self) -> FloatArray: ...  # noqa: D102
    @property
    def z(self) -> FloatArray: ...  # noqa: D102
    @property
    def precision(self) -> FloatArray: ...  # noqa: D102
    @property
    def weights(self) -> FloatArray: ...  # noqa: D102


def working_rows(
    y: FloatArray, rows: RowArrays, coordinates: Coordinates, part: slice
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Z T, [X A, y - X b0] and the working precisions of some rows."""
    x = rows.x[part]
    xy = np.empty((x.shape[0], x.shape[1] + 1))
    xy[:, :-1] = x @ coordinates.fixed
    xy[:, -1] = y[part] - x @ coordinates.origin
    precision = rows.weights[part] * rows.precision[part] / coordinates.variance
    return rows.z[part] @ coordinates.effects, xy, precision


def sum_outer(left: FloatArray, right: FloatArray, codes: IntArray, n_codes: int) -> FloatArray:
    """Return the sums over rows of ``left[:, a] * right[:, b]`` by code, shape (a, n_codes, b)."""
    if n_codes == 1:
        return (left.T @ right)[:, None, :]
    if right.shape[1] == 1:
        single = (left * right).T
        sums = np.array([np.bincount(codes, row, n_codes) for row in single], dtype=np.float64)
        return sums.reshape(len(single), n_codes, 1)
    pointer = np.arange(len(codes) + 1, dtype=np.int32)
    sums = np.empty((left.shape[1], n_codes, right.shape[1]))
    for a in range(left.shape[1]):
        spread = sparse.csc_matrix((left[:, a], codes, pointer), shape=(n_codes, len(codes)))
        sums[a] = np.asarray(spread @ right)
    return sums


def _solve(factor: FloatArray, crossed: FloatArray) -> FloatArray:
    """Return B with F F' B = ``crossed``, also where that is rank-deficient; shape (k, columns, c)."""
    return solve_upper(factor, solve_lower(factor, crossed))


def _fitted(z: FloatArray, coefficients: FloatArray, codes: IntArray) -> FloatArray:
    """Return Z B row by row, shape (rows, columns)."""
    fitted = np.zeros((z.shape[0], coefficients.shape[1]))
    for a in range(z.shape[1]):
        fitted += z[:, a, None] * coefficients[a].T[codes]
    return fitted
