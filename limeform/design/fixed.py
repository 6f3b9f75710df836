"""Linear dependence among columns, found in order and reported by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-7
"""A column whose norm falls below this fraction once earlier columns are projected out is dependent (as in R's lm)."""

SAFE = 1e-3
"""Above this fraction the squared norms of the cross-product matrix are accurate enough to decide."""


def independent_columns(x: FloatArray, precision: FloatArray) -> list[int]:
    """Return the indices of columns that no earlier kept column explains.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Columns.
    precision : ndarray, shape (n,)
        Row weights, positive.

    Returns
    -------
    list of int
        In order; all p of them for a matrix of full rank.

    Examples
    --------
    >>> import numpy as np
    >>> independent_columns(np.array([[1.0, 2, 2], [1, 2, 3], [1, 2, 5]]), np.ones(3))
    [0, 2]
    """
    n, p = x.shape
    if p == 0:
        return []
    gram = np.zeros((p, p))
    step = 65_536
    for start in range(0, n, step):
        rows = slice(start, start + step)
        gram += (x[rows] * precision[rows, None]).T @ x[rows]
    if _clearly_independent(gram):
        return list(range(p))
    return _by_projection(x * np.sqrt(precision)[:, None])


def _clearly_independent(gram: FloatArray) -> bool:
    norms = np.sqrt(np.diag(gram))
    if not (norms > 0).all():
        return False
    try:
        factor = np.linalg.cholesky(gram / np.outer(norms, norms))
    except np.linalg.LinAlgError:
        return False
    return bool(np.diag(factor).min() > SAFE)


def _by_projection(columns: FloatArray) -> list[int]:
    """Decide one column after another by Gram-Schmidt, twice for accuracy."""
    norms = np.linalg.norm(columns, axis=0)
    basis = np.empty((columns.shape[0], 0))
    kept: list[int] = []
    for j, norm in enumerate(norms):
        if norm == 0:
            continue
        rest = columns[:, j] / norm
        for _ in range(2):
            rest = rest - basis @ (basis.T @ rest)
        size = np.linalg.norm(rest)
        if size > TOLERANCE and basis.shape[1] < columns.shape[0]:
            basis = np.column_stack([basis, rest / size])
            kept.append(j)
    return kept
