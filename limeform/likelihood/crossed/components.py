"""The remainder's connected components, and its entries where it is sparse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from limeform.likelihood.crossed.statistics import CrossedProducts, IndexArray

WHOLE = 256
"""A remainder of this size or less is one dense matrix, whatever its components."""


@dataclass(frozen=True)
class SparsePattern:
    """The entries of a remainder that is kept as one sparse matrix.

    Attributes
    ----------
    start : int
        Where they begin in the workspace.
    rows, columns : ndarray, shape (entries,)
        Effects counted within the remainder, ``rows >= columns``, sorted by rows.
    factor_entries : int
        Entries of its Cholesky factor.
    """

    start: int
    rows: IndexArray
    columns: IndexArray
    factor_entries: int

    def positions(self, rows: IndexArray, columns: IndexArray, size: int) -> IndexArray:
        """Return where entries are kept; all of them are on the pattern."""
        keys = self.rows.astype(np.int64) * size + self.columns
        return self.start + np.searchsorted(keys, rows.astype(np.int64) * size + columns)


def component_sizes(products: CrossedProducts) -> NDArray[np.int64]:
    """Return the sizes of the dense matrices that the remainder is kept as, before they are rounded up."""
    n = products.offsets[-1] - products.offsets[products.chain]
    if n > WHOLE:
        return np.bincount(components(products)).astype(np.int64)
    return np.full(1 if n else 0, n, np.int64)


def components(products: CrossedProducts) -> NDArray[np.int64]:
    """Return the connected component of each effect of the remainder, numbered from zero."""
    begin = np.cumsum([0, *(shape.levels for shape in products.shapes)])
    ends = [(begin[pair.first] + pair.rows, begin[pair.second] + pair.columns) for pair in products.pairs]
    rows, columns = (np.concatenate([end[i] for end in ends]) for i in (0, 1))
    graph = sparse.coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(begin[-1], begin[-1]))
    labels = connected_components(graph, directed=False)[1]
    kept = [
        np.repeat(labels[begin[f] : begin[f + 1]], shape.width)
        for f, shape in enumerate(products.shapes)
        if f >= products.chain
    ]
    return np.unique(np.concatenate(kept), return_inverse=True)[1].astype(np.int64)
