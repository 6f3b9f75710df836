"""The remainder as one sparse matrix, where it is large and its factor has few entries.

Only the entries of the inverse that lie on the pattern are needed; they come from solves with some columns of the
identity at a time, which takes the size of the remainder times the entries of the factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.components import SparsePattern
from limeform.likelihood.crossed.plan import Plan
from limeform.likelihood.crossed.roots import CANCELS, by_level, divide_by_root, root_of
from limeform.likelihood.crossed.sparse_factor import SymmetricFactor, factor_symmetric
from limeform.likelihood.crossed.statistics import IndexArray

COLUMNS = 256
"""Columns solved for at a time."""


@dataclass
class SparseFactored:
    """The remainder at one Gamma.

    Attributes
    ----------
    plan : Plan
        Where it is kept.
    pattern : SparsePattern
        Its entries.
    roots : list of ndarray
        L of each of its factors, (k, k), lower triangular.
    moments : csc_array
        S, symmetric.
    root : csc_array
        L of all of its levels.
    factor : SymmetricFactor
        Of K = I + L'SL.
    """

    plan: Plan
    pattern: SparsePattern
    roots: list[FloatArray]
    moments: sparse.csc_array
    root: sparse.csc_array
    factor: SymmetricFactor

    @property
    def log_det(self) -> float:
        """Return ln|K|."""
        return self.factor.log_det

    def half(self, border: FloatArray) -> FloatArray:
        """Return b'K^-1 b for b = L'border, shape (h, h), from border of shape (remainder, h)."""
        scaled = np.asarray(self.root.T @ border, dtype=np.float64)
        total = scaled.T @ self.factor.solve(scaled)
        return np.asarray((total + total.T) / 2, dtype=np.float64)

    def solve(self, border: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return U = C border and R = border - S U, both (remainder, h), with C = L K^-1 L'."""
        solved = self.factor.solve(np.asarray(self.root.T @ border, dtype=np.float64))
        return np.asarray(self.root @ solved), by_level(self.plan, self.roots, solved, divide_by_root)

    def covariance(self) -> FloatArray:
        """Return C on the pattern, laid out as the workspace: lower triangles, zeros elsewhere."""
        laid_out = np.zeros(self.plan.size)
        entries = laid_out[self.pattern.start :]
        order = np.argsort(self.pattern.columns, kind="stable")
        starts = np.searchsorted(self.pattern.columns[order], np.arange(self.plan.remainder.size + 1))
        for first in range(0, self.plan.remainder.size, COLUMNS):
            last = min(first + COLUMNS, self.plan.remainder.size)
            columns = self.root @ self.factor.solve(self.root[first:last].toarray().T)
            chosen = order[starts[first] : starts[last]]
            entries[chosen] = columns[self.pattern.rows[chosen], self.pattern.columns[chosen] - first]
        return laid_out

    def marginals(self, covariance: FloatArray) -> list[FloatArray]:
        """Return the blocks of S - SCS of every level by factor, each (k, k, m), from `covariance`."""
        return [self._marginal(f, covariance) for f in range(self.plan.products.chain, len(self.plan.products.shapes))]

    def _marginal(self, f: int, covariance: FloatArray) -> FloatArray:
        shape, remainder = self.plan.products.shapes[f], self.plan.remainder
        root, k = self.roots[f - self.plan.products.chain], shape.width
        every = self.plan.products.offsets[f] + np.arange(shape.levels) * k
        own = np.empty((shape.levels, k, k))
        spread = self.moments.diagonal()[every - remainder.first].mean()
        if np.linalg.eigvalsh(root @ root.T)[0] * spread < CANCELS:
            own = self._by_solves(every - remainder.first, k)
        else:
            for a in range(k):
                for b in range(a + 1):
                    own[:, a, b] = own[:, b, a] = covariance[remainder.positions(every + a, every + b)]
            inverse = np.linalg.inv(root)
            precision = inverse.T @ inverse
            own = precision - precision @ own @ precision
        return np.ascontiguousarray(((own + own.transpose(0, 2, 1)) / 2).transpose(1, 2, 0))

    def _by_solves(self, every: IndexArray, k: int) -> FloatArray:
        """Return the blocks of S - SCS of the levels whose first effects are ``every``, shape (m, k, k)."""
        blocks = np.empty((len(every), k, k))
        step = max(COLUMNS // k, 1)
        for first in range(0, len(every), step):
            part = slice(first, first + step)
            chosen = (every[part, None] + np.arange(k)).ravel()
            columns = self.moments[:, chosen].toarray()
            explained = columns.T @ (self.root @ self.factor.solve(self.root.T @ columns))
            left = columns[chosen] - explained
            count = len(chosen) // k
            blocks[part] = left.reshape(count, k, count, k)[np.arange(count), :, np.arange(count)]
        return blocks


def factor_sparse(plan: Plan, pattern: SparsePattern, work: FloatArray, gammas: list[FloatArray]) -> SparseFactored:
    """Factor K = I + L'SL; parameters as in `remainder.factor`.

    Raises
    ------
    EvaluationError
        If K is not positive definite in floating-point arithmetic.
    """
    roots = [root_of(gamma) for gamma in gammas]
    shapes = plan.products.shapes[plan.products.chain :]
    root = sparse.block_diag(
        [sparse.kron(sparse.eye_array(s.levels), r) for s, r in zip(shapes, roots, strict=True)], format="csc"
    )
    moments = symmetric(pattern, work[pattern.start :], plan.remainder.size)
    kernel = sparse.csc_array(root.T @ moments @ root + sparse.eye_array(plan.remainder.size))
    return SparseFactored(plan, pattern, roots, moments, sparse.csc_array(root), factor_symmetric(kernel))


def symmetric(pattern: SparsePattern, lower: FloatArray, size: int) -> sparse.csc_array:
    """Return the symmetric matrix with the given entries on and below the diagonal."""
    below = pattern.rows > pattern.columns
    rows = np.concatenate([pattern.rows, pattern.columns[below]])
    columns = np.concatenate([pattern.columns, pattern.rows[below]])
    return sparse.csc_array((np.concatenate([lower, lower[below]]), (rows, columns)), shape=(size, size))
