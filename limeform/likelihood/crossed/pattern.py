"""Whether the remainder is kept as a sparse matrix, decided from its pattern before and after the factorisation."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from limeform.likelihood.crossed.components import SparsePattern, component_sizes
from limeform.likelihood.crossed.sparse_factor import factor_symmetric
from limeform.likelihood.crossed.statistics import CrossedProducts, IndexArray

SPARSE_FROM = 4_000
"""A component of the remainder of this size or more is looked at as a sparse matrix."""

SPARSE_PATTERN, SPARSE_FACTOR = 0.005, 0.02
"""It is kept so if at most these parts of its lower triangle are filled before the factorisation, and within the band
of a banded order, which bounds what the factorisation fills. (A trial factorisation of a random graph would fill all.)
"""


def sparse_pattern(products: CrossedProducts, start: int) -> SparsePattern | None:
    """Return the pattern of the remainder if it is large and its factor nearly empty; None if it is kept dense.

    Parameters
    ----------
    products : CrossedProducts
        Statistics, for their pattern.
    start : int
        Where the remainder begins in the workspace.

    Returns
    -------
    SparsePattern or None
    """
    sizes = component_sizes(products)
    if sizes.max(initial=0) < SPARSE_FROM:
        return None
    triangle = float((sizes.astype(float) ** 2).sum()) / 2
    filled = _filled(products, SPARSE_PATTERN * triangle)
    if filled is None or filled.nnz > SPARSE_PATTERN * triangle:
        return None
    filled.sort_indices()
    rows = np.repeat(np.arange(filled.shape[0]), np.diff(filled.indptr))
    if _envelope(rows, filled.indices, filled.shape[0]) > SPARSE_FACTOR * triangle:
        return None
    entries = _factor_entries(rows, filled.indices, filled.shape[0])
    return SparsePattern(start, rows, filled.indices.astype(rows.dtype), entries)


def _filled(products: CrossedProducts, most: float) -> sparse.csr_array | None:
    """Return the lower triangle of the remainder's pattern after the eliminations; None if it has more entries."""
    first, n = products.offsets[products.chain], products.offsets[-1]
    total = sparse.kron(sparse.eye_array(1), sparse.eye_array(n - first), format="csr")
    for f in range(products.chain):
        counts = np.bincount(
            np.concatenate([pair.rows for pair in products.pairs if pair.first == f]),
            minlength=products.shapes[f].levels,
        )
        if float(counts @ counts) / 2 > 50 * most:
            return None
    for number, (rows, columns) in enumerate(_meetings(products)):
        pair = products.pairs[number]
        if pair.first >= products.chain:
            total = total + _matrix(rows, columns, n)[first:, first:]
    for f in range(products.chain):
        meets = sum(
            (
                _matrix(r, c, n)
                for pair, (r, c) in zip(products.pairs, _meetings(products), strict=True)
                if pair.first == f
            ),
            start=sparse.csr_array((n, n)),
        )
        later = meets[first:]
        total = total + later @ later.T
    for f in range(products.chain, len(products.shapes)):
        shape = products.shapes[f]
        block = sparse.kron(sparse.eye_array(shape.levels), np.ones((shape.width, shape.width)), format="coo")
        shift = products.offsets[f] - first
        total = total + _matrix(block.row + shift, block.col + shift, n - first)
    return sparse.csr_array(sparse.tril(total))


def _meetings(products: CrossedProducts) -> list[tuple[IndexArray, IndexArray]]:
    """Return rows (later effects) and columns (earlier ones) that meet, by pair of factors."""
    found = []
    for pair in products.pairs:
        one, other = products.shapes[pair.first], products.shapes[pair.second]
        column = products.offsets[pair.first] + pair.rows.astype(np.int64) * one.width
        row = products.offsets[pair.second] + pair.columns.astype(np.int64) * other.width
        rows = np.concatenate([row + b for b in range(other.width) for _ in range(one.width)])
        columns = np.concatenate([column + a for _ in range(other.width) for a in range(one.width)])
        found.append((rows, columns))
    return found


def _matrix(rows: IndexArray, columns: IndexArray, n: int) -> sparse.csr_array:
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))


def _envelope(rows: IndexArray, columns: IndexArray, n: int) -> int:
    """Return the entries between the first of each row and the diagonal, in the order of Cuthill & McKee (1969)."""
    graph = sparse.csr_array(_matrix(rows, columns, n) + _matrix(columns, rows, n))
    place = np.empty(n, np.int64)
    place[reverse_cuthill_mckee(sparse.csr_matrix(graph), symmetric_mode=True)] = np.arange(n)
    one, other = place[rows], place[columns]
    reach = np.zeros(n, np.int64)
    np.maximum.at(reach, np.maximum(one, other), np.abs(one - other))
    return int(reach.sum()) + n


def _factor_entries(rows: IndexArray, columns: IndexArray, n: int) -> int:
    """Return the entries of the Cholesky factor of a matrix with this pattern, by a trial."""
    below = rows > columns
    whole = sparse.csc_array((-np.ones(below.sum()), (rows[below], columns[below])), shape=(n, n))
    whole = whole + whole.T
    dominant = sparse.csc_array(whole + sparse.diags_array(1.0 - whole.sum(axis=0)))
    return factor_symmetric(dominant).count_entries()
