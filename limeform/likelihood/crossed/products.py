"""Sums over the pairs of later effects that meet one level, for all levels at once.

Eliminating a factor adds sum_l B_l' T_l B_l to what is left, where the columns of B_l are the later effects that meet
level l. Each pair of them is one entry of a sparse matrix whose rows are places in the workspace and whose columns are
levels, so that the sum is a product of that matrix with T; the same matrix, transposed, carries covariances back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed.plan import Plan, Stage, targets
from limeform.likelihood.crossed.statistics import IndexArray

STORED = 200_000_000
"""Most products that are kept; more are formed again at every evaluation, some levels at a time."""

AT_A_TIME = 40_000_000
"""Products formed at a time."""


@dataclass(frozen=True)
class Part:
    """The products of some levels.

    Attributes
    ----------
    levels : slice
        The levels.
    left, right : ndarray, shape (products,)
        The two pairs of each product; ``left`` has the later effect.
    start : ndarray, shape (levels + 1,)
        Which products belong to each level.
    target : ndarray, shape (products,)
        Where the product goes in the workspace.
    """

    levels: slice
    left: IndexArray
    right: IndexArray
    start: IndexArray
    target: IndexArray


Matrices = dict[tuple[int, int], sparse.csc_array]


class PairProducts:
    """All products of one stage.

    Parameters
    ----------
    plan : Plan
        Where everything is kept.
    stage : Stage
        The factor that is eliminated.
    constant : bool
        Whether the columns stay the same between evaluations; then only the products are kept, not what they came from.
    """

    def __init__(self, plan: Plan, stage: Stage, constant: bool) -> None:
        self._plan, self._stage, self._constant = plan, stage, constant
        counts = np.diff(stage.pair_start).astype(np.int64)
        self._until = np.concatenate([[0], np.cumsum(counts * (counts + 1) // 2)])
        self._stored = self._until[-1] <= STORED
        self._parts: list[Part] | None = None
        self._matrices: list[tuple[slice, Matrices]] | None = None
        self._beta: FloatArray = np.zeros((0, 0))

    def set_columns(self, beta: FloatArray) -> None:
        """Take the columns B, shape (k, pairs)."""
        self._beta, self._matrices = beta, None

    def forward(self, marginal: FloatArray) -> FloatArray:
        """Return sum_l B_l' T_l B_l laid out as the workspace, for T of shape (k, k, m)."""
        total: FloatArray = np.zeros(0)
        for levels, matrices in self._each():
            for (a, b), matrix in matrices.items():
                added = np.asarray(matrix @ marginal[a, b, levels], dtype=np.float64)
                if total.size:
                    total += added
                else:
                    total = added
        return total if total.size else np.zeros(self._plan.size)

    def backward(self, doubled: FloatArray) -> FloatArray:
        """Return B_l c B_l' of every level, shape (k, k, m).

        Parameters
        ----------
        doubled : ndarray, shape (workspace,)
            The symmetric matrix c, entries off its diagonal doubled.
        """
        k, m = self._stage.diagonal.shape[0], len(self._stage.pair_start) - 1
        back = np.zeros((k, k, m))
        for levels, matrices in self._each():
            for (a, b), matrix in matrices.items():
                sums = matrix.T @ doubled
                back[a, b, levels] = back[b, a, levels] = sums if a == b else sums / 2
        return back

    def meet(self, covariance: FloatArray) -> FloatArray:
        """Return c B_l' at every pair, shape (k, pairs): c between its effect and all those that meet its level."""
        met = np.zeros_like(self._beta)
        for part in self._all_parts():
            weight = covariance[part.target]
            off = part.left != part.right
            for a in range(len(met)):
                met[a] += np.bincount(part.left, weight * self._beta[a, part.right], met.shape[1])
                weighted = weight[off] * self._beta[a, part.left[off]]
                met[a] += np.bincount(part.right[off], weighted, met.shape[1])
        return met

    def _all_parts(self) -> Iterator[Part]:
        if self._parts is not None:
            yield from self._parts
        elif self._stored and not self._constant:
            self._parts = [self._form(levels) for levels in self._slices()]
            yield from self._parts
        else:
            for levels in self._slices():
                yield self._form(levels)

    def _each(self) -> Iterator[tuple[slice, Matrices]]:
        """Iterate over the matrices of products, which are kept until the columns change if they are few enough."""
        if self._matrices is not None:
            yield from self._matrices
        elif self._stored:
            self._matrices = [(part.levels, self._values(part)) for part in self._all_parts()]
            yield from self._matrices
        else:
            for part in self._all_parts():
                yield part.levels, self._values(part)

    def _slices(self) -> list[slice]:
        """Cut the levels so that no part has many more products than are formed at a time."""
        cuts = np.searchsorted(self._until, np.arange(AT_A_TIME, int(self._until[-1]), AT_A_TIME))
        ends = np.unique(np.concatenate([[0], cuts, [len(self._until) - 1]]))
        return [slice(int(a), int(b)) for a, b in pairwise(ends)]

    def _form(self, levels: slice) -> Part:
        starts = self._stage.pair_start[levels.start : levels.stop + 1].astype(np.int64)
        pairs = np.arange(starts[0], starts[-1])
        repeats = pairs - np.repeat(starts[:-1], np.diff(starts)) + 1
        number = np.int32 if starts[-1] < 2**31 else np.int64
        left = np.repeat(pairs.astype(number), repeats)
        shift = (np.cumsum(repeats) - repeats) - (pairs + 1 - repeats)
        right = (np.arange(len(left)) - np.repeat(shift, repeats)).astype(number)
        start = self._until[levels.start : levels.stop + 1] - self._until[levels.start]
        row = self._stage.pair_row
        target = targets(self._plan, row[left], row[right])
        return Part(levels, left, right, start.astype(self._plan.index_type), target)

    def _values(self, part: Part) -> Matrices:
        """Return the products of each pair (a, b) of effects of the eliminated level."""
        beta, matrices = self._beta, {}
        shape = (self._plan.size, part.levels.stop - part.levels.start)
        for a in range(len(beta)):
            for b in range(a + 1):
                data = beta[a][part.left] * beta[b][part.right]
                if a != b:
                    data += beta[b][part.left] * beta[a][part.right]
                matrices[a, b] = sparse.csc_array((data, part.target, part.start), shape=shape)
        return matrices
