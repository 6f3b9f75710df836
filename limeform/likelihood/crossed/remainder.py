"""The dense part of the factorisation: K = I + L'SL of the remainder, its factor and its inverse, by component."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dsymm
from scipy.linalg.lapack import dpotrf, dpotri, dtrtrs

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.plan import Plan, Stack
from limeform.likelihood.crossed.roots import CANCELS, by_level, divide_by_root, root_of
from limeform.likelihood.crossed.statistics import IndexArray
from limeform.solve import EvaluationError


@dataclass
class Factored:
    """The remainder at one Gamma.

    Attributes
    ----------
    plan : Plan
        Where it is kept.
    roots : list of ndarray
        L of each of its factors, (k, k), lower triangular.
    work : ndarray, shape (workspace,)
        S, lower triangles.
    matrices : list of ndarray
        By stack, (count, size, size): the Cholesky factor of K, or after `invert` its inverse; of a single matrix the
        lower triangle only.
    log_det : float
        ln|K|.
    inverted : bool
        Whether ``matrices`` hold the inverses.
    """

    plan: Plan
    roots: list[FloatArray]
    work: FloatArray
    matrices: list[FloatArray]
    log_det: float
    inverted: bool = False

    def invert(self) -> None:
        """Replace the factors of K by its inverse."""
        if self.inverted:
            return
        self.matrices = [_inverse(matrix) for matrix in self.matrices]
        self.inverted = True

    def half(self, border: FloatArray) -> FloatArray:
        """Return b'K^-1 b for b = L'border, shape (h, h), from border of shape (remainder, h)."""
        scaled = self.times_root_transposed(border)
        total = np.zeros((border.shape[1], border.shape[1]))
        for stack, matrix in zip(self.plan.remainder.stacks, self.matrices, strict=True):
            rhs = _rows(scaled, stack)
            if self.inverted:
                product = _times_inverse(matrix, rhs)
                total += np.einsum("cih,cij->hj", rhs, product, optimize=True)
            else:
                solved = _forward(matrix, rhs)
                total += np.einsum("cih,cij->hj", solved, solved, optimize=True)
        return (total + total.T) / 2

    def solve(self, border: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return U = C border and R = border - S U, both (remainder, h), with C = L K^-1 L'; inverted first."""
        self.invert()
        scaled = self.times_root_transposed(border)
        solved = np.zeros_like(scaled)
        for stack, matrix in zip(self.plan.remainder.stacks, self.matrices, strict=True):
            keep = stack.scalars >= 0
            solved[stack.scalars[keep]] = _times_inverse(matrix, _rows(scaled, stack))[keep]
        return by_level(self.plan, self.roots, solved, np.matmul), by_level(
            self.plan, self.roots, solved, divide_by_root
        )

    def times_root_transposed(self, border: FloatArray) -> FloatArray:
        """Return L'border, shape (remainder, h)."""
        return by_level(self.plan, self.roots, border, lambda root, rows: np.matmul(root.T, rows))

    def covariance(self) -> FloatArray:
        """Return C, laid out as the workspace: lower triangles, zeros elsewhere."""
        self.invert()
        laid_out = np.zeros(self.plan.size)
        for stack, matrix in zip(self.plan.remainder.stacks, self.matrices, strict=True):
            place = laid_out[stack.start : stack.stop].reshape(stack.shape)
            place[...] = matrix
            _sandwich(place, self._bands(stack, lower=True))
        return laid_out

    def marginals(self, covariance: FloatArray) -> list[FloatArray]:
        """Return the blocks of S - SCS of every level by factor, each (k, k, m)."""
        self.invert()
        return [self._marginal(f) for f in range(self.plan.products.chain, len(self.plan.products.shapes))]

    def _marginal(self, f: int) -> FloatArray:
        shape, remainder = self.plan.products.shapes[f], self.plan.remainder
        root = self.roots[f - self.plan.products.chain]
        every = self.plan.products.offsets[f] + np.arange(shape.levels) * shape.width
        k = shape.width
        spread = np.mean([self.work[remainder.positions(every + a, every + a)].mean() for a in range(k)])
        if np.min(np.linalg.eigvalsh(root @ root.T)) * spread < CANCELS:
            middle = self._times_cross_products(every - remainder.first, k)
        else:
            middle = np.empty((shape.levels, k, k))
            flat = self._flat()
            for a in range(k):
                for b in range(a + 1):
                    entry = (a == b) - flat[remainder.positions(every + a, every + b) - remainder.stacks[0].start]
                    middle[:, a, b] = middle[:, b, a] = entry
            turned = np.linalg.solve(root.T, middle.transpose(0, 2, 1))
            middle = np.asarray(turned.transpose(0, 2, 1), dtype=np.float64)
        marginal = np.linalg.solve(root.T, middle)
        return np.ascontiguousarray(((marginal + marginal.transpose(0, 2, 1)) / 2).transpose(1, 2, 0))

    def _flat(self) -> FloatArray:
        return (
            np.concatenate([matrix.ravel() for matrix in self.matrices])
            if len(self.matrices) > 1
            else (self.matrices[0].ravel())
        )

    def _times_cross_products(self, every: IndexArray, k: int) -> FloatArray:
        """Return the blocks of K^-1 L'S of the levels whose first effects are ``every``, shape (m, k, k)."""
        blocks = np.zeros((len(every), k, k))
        for stack, matrix in zip(self.plan.remainder.stacks, self.matrices, strict=True):
            moments = _symmetric(self.work[stack.start : stack.stop].reshape(stack.shape))
            _band_rows(moments, self._bands(stack, lower=False))
            inverse = _symmetric(matrix) if stack.shape[0] == 1 else matrix
            where = np.full(self.plan.remainder.size, -1)
            where[stack.scalars[stack.scalars >= 0]] = np.flatnonzero(stack.scalars.ravel() >= 0)
            levels = np.flatnonzero(where[every] >= 0)
            component, row = np.divmod(where[every[levels]], stack.shape[1])
            for a in range(k):
                for b in range(k):
                    right = moments[component, :, row + b]
                    blocks[levels, a, b] = np.einsum("li,li->l", inverse[component, row + a], right)
        return blocks

    def _bands(self, stack: Stack, lower: bool) -> Bands:
        return bands(self.plan, self.roots, stack, lower)


@dataclass(frozen=True)
class Bands:
    """The diagonals of L (``lower``) or L' of a stack, each (count, size), the main one first."""

    diagonals: list[FloatArray]
    lower: bool


def bands(plan: Plan, roots: list[FloatArray], stack: Stack, lower: bool) -> Bands:
    """Return the diagonals of L or L', whose blocks are those of the levels in a stack."""
    products = plan.products
    width = max((len(root) for root in roots), default=1)
    table = np.zeros((width, plan.remainder.size + 1))
    for root, f in zip(roots, range(products.chain, len(products.shapes)), strict=True):
        part = slice(*(np.array(products.offsets[f : f + 2]) - plan.remainder.first))
        k = len(root)
        for d in range(k):
            row = np.zeros(k)
            row[d if lower else 0 : None if lower else k - d] = np.diagonal(root, -d)
            table[d, part] = np.tile(row, products.shapes[f].levels)
    return Bands([diagonal[stack.scalars] for diagonal in table], lower)


def factor(plan: Plan, work: FloatArray, gammas: list[FloatArray]) -> Factored:
    """Factor K = I + L'SL of the remainder.

    Parameters
    ----------
    plan : Plan
        Where it is kept.
    work : ndarray, shape (workspace,)
        S after the elimination of the factors that go level by level.
    gammas : list of ndarray
        Gamma of each factor in the remainder, (k, k).

    Returns
    -------
    Factored
    """
    factored = Factored(plan, [root_of(gamma) for gamma in gammas], work, [], 0.0)
    for stack in plan.remainder.stacks:
        matrix = work[stack.start : stack.stop].reshape(stack.shape).copy()
        _sandwich(matrix, factored._bands(stack, lower=False))
        diagonal = np.einsum("cii->ci", matrix)
        diagonal += 1.0
        matrix = _cholesky(matrix)
        factored.log_det += 2.0 * float(np.log(np.einsum("cii->ci", matrix)).sum())
        factored.matrices.append(matrix)
    return factored


def _sandwich(matrix: FloatArray, by: Bands) -> None:
    """Multiply lower triangles by a banded matrix from the left and its transpose from the right, in place."""
    for d in range(1, len(by.diagonals)):
        inner = np.arange(matrix.shape[1] - d)
        matrix[:, inner, inner + d] = matrix[:, inner + d, inner]
    _band_rows(matrix, by)
    _band_rows(matrix.transpose(0, 2, 1), by)


def _band_rows(matrix: FloatArray, by: Bands) -> None:
    """Multiply by a banded matrix from the left, in place."""
    original = matrix.copy() if len(by.diagonals) > 1 else matrix
    matrix *= by.diagonals[0][:, :, None]
    for d, diagonal in enumerate(by.diagonals[1:], 1):
        if by.lower:
            matrix[:, d:] += diagonal[:, d:, None] * original[:, :-d]
        else:
            matrix[:, :-d] += diagonal[:, :-d, None] * original[:, d:]


def _cholesky(matrix: FloatArray) -> FloatArray:
    """Return lower Cholesky factors, (count, size, size); above the diagonal nothing is looked at."""
    if matrix.shape[0] == 1:
        root, failed = dpotrf(matrix[0].T, lower=0, clean=0, overwrite_a=1)
        if failed:
            raise EvaluationError("the cross-products of the random effects are not positive definite")
        return np.asarray(root.T[None], dtype=np.float64)
    try:
        return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise EvaluationError("the cross-products of the random effects are not positive definite") from error


def _inverse(root: FloatArray) -> FloatArray:
    """Return (FF')^-1; of a single matrix the lower triangle only."""
    if root.shape[0] == 1:
        inverse, _ = dpotri(root[0].T, lower=0, overwrite_c=1)
        return np.asarray(inverse.T[None], dtype=np.float64)
    half = np.linalg.solve(root, np.broadcast_to(np.eye(root.shape[1]), root.shape))
    return np.asarray(half.transpose(0, 2, 1) @ half, dtype=np.float64)


def _forward(root: FloatArray, rhs: FloatArray) -> FloatArray:
    """Solve F x = rhs; (count, size, h)."""
    if root.shape[0] == 1:
        return np.asarray(dtrtrs(root[0].T, rhs[0], lower=0, trans=1)[0][None], dtype=np.float64)
    return np.asarray(np.linalg.solve(root, rhs), dtype=np.float64)


def _times_inverse(inverse: FloatArray, rhs: FloatArray) -> FloatArray:
    """Return K^-1 rhs, (count, size, h)."""
    if inverse.shape[0] == 1:
        return np.asarray(dsymm(1.0, inverse[0].T, rhs[0], lower=0)[None], dtype=np.float64)
    return np.asarray(inverse @ rhs, dtype=np.float64)


def _symmetric(matrix: FloatArray) -> FloatArray:
    """Return the symmetric matrices whose lower triangles are given."""
    lower = np.tril(matrix)
    return np.asarray(lower + np.tril(matrix, -1).transpose(0, 2, 1), dtype=np.float64)


def _rows(border: FloatArray, stack: Stack) -> FloatArray:
    """Return the border of a stack, (count, size, h), zero where it is filled up."""
    if stack.shape[0] == 1:
        return np.asarray(border[stack.scalars[0]][None], dtype=np.float64)
    padded = np.vstack([border, np.zeros((1, border.shape[1]))])
    return np.asarray(padded[stack.scalars], dtype=np.float64)
