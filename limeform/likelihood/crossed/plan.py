"""Where every number of the blocked factorisation is kept: made once from the pattern of the data.

The factors at the head of the order are eliminated level by level (their blocks are block-diagonal and stay so). What
is left, the remainder, falls into connected components that share no level; each is a dense matrix. One flat array,
the workspace, holds the lower triangle of what is left of Z'VZ while factors are eliminated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.crossed import components as parts
from limeform.likelihood.crossed.components import SparsePattern, components
from limeform.likelihood.crossed.pattern import sparse_pattern
from limeform.likelihood.crossed.statistics import CrossedProducts, IndexArray, Pair


@dataclass(frozen=True)
class Stack:
    """Components of the remainder of about one size, as a stack of square matrices.

    Attributes
    ----------
    start : int
        Where the stack begins in the workspace.
    scalars : ndarray, shape (components, size)
        Number of each row within the remainder; -1 where a smaller component is filled up.
    """

    start: int
    scalars: IndexArray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Components, size, size."""
        count, size = self.scalars.shape
        return count, size, size

    @property
    def stop(self) -> int:
        """Where the stack ends in the workspace."""
        count, size = self.scalars.shape
        return int(self.start + count * size * size)


@dataclass(frozen=True)
class Remainder:
    """The levels that are not eliminated one by one.

    Attributes
    ----------
    first : int
        Number of its first effect among all.
    stacks : tuple of Stack
        Its components by size.
    start, place, width : ndarray, shape (N - first,)
        For each effect: where its component begins in the workspace, its row there, and the size of the component.
    pattern : SparsePattern, optional
        Its entries if it is one sparse matrix; then there are no stacks.
    """

    first: int
    stacks: tuple[Stack, ...]
    start: IndexArray
    place: IndexArray
    width: IndexArray
    pattern: SparsePattern | None = None

    @property
    def size(self) -> int:
        """Number of effects."""
        return len(self.start)

    def positions(self, rows: IndexArray, columns: IndexArray) -> IndexArray:
        """Return where entries are kept, ``rows >= columns`` counted among all effects."""
        rows, columns = rows - self.first, columns - self.first
        if self.pattern is not None:
            return self.pattern.positions(rows, columns, self.size)
        found: IndexArray = self.start[rows] + self.place[rows] * self.width[rows] + self.place[columns]
        return found


@dataclass(frozen=True)
class Stage:
    """The elimination of one factor, level by level.

    Attributes
    ----------
    factor : int
        The factor, in order of elimination.
    pair_start : ndarray, shape (m + 1,)
        Which of the pairs below belong to each level.
    pair_row : ndarray, shape (pairs,)
        A later effect that meets the level, counted among all effects; sorted within levels.
    source : ndarray, shape (pairs,)
        Which column of the concatenated off-diagonal blocks of the factor each pair is.
    diagonal : ndarray, shape (k, k, m)
        Where the factor's own blocks are kept in the workspace; empty for the first factor, which needs no space.
    entries : ndarray, shape (k, pairs)
        The same for its off-diagonal blocks.
    """

    factor: int
    pair_start: IndexArray
    pair_row: IndexArray
    source: IndexArray
    diagonal: IndexArray
    entries: IndexArray


@dataclass(frozen=True)
class Plan:
    """The whole order of work.

    Attributes
    ----------
    products : CrossedProducts
        The statistics whose pattern this is; numbers are not looked at.
    stages : tuple of Stage
        Factors eliminated level by level.
    remainder : Remainder
        What is left after them.
    diagonal, off_diagonal : tuple of int
        Where the blocks of factors and of pairs of factors begin in the workspace; -1 for those of the first factor and
        those inside the remainder.
    size : int
        Size of the workspace.
    """

    products: CrossedProducts
    stages: tuple[Stage, ...]
    remainder: Remainder
    diagonal: tuple[int, ...]
    off_diagonal: tuple[int, ...]
    size: int

    @property
    def index_type(self) -> np.dtype[np.signedinteger[Any]]:
        """Type of positions in the workspace: the smaller one that is enough."""
        return index_type(self.size)


def index_type(size: int) -> np.dtype[np.signedinteger[Any]]:
    """Return the smallest integer type that counts to ``size``."""
    return np.dtype(np.int32) if size < 2**31 else np.dtype(np.int64)


def make_plan(products: CrossedProducts) -> Plan:
    """Decide where everything is kept.

    Parameters
    ----------
    products : CrossedProducts
        Statistics, for their pattern.

    Returns
    -------
    Plan
    """
    chain, used = products.chain, 0
    diagonal, off_diagonal = [], []
    for f, shape in enumerate(products.shapes):
        inside = 1 <= f < chain
        diagonal.append(used if inside else -1)
        used += shape.levels * shape.width**2 if inside else 0
    for pair in products.pairs:
        inside = 1 <= pair.first < chain
        off_diagonal.append(used if inside else -1)
        widths = products.shapes[pair.first].width * products.shapes[pair.second].width
        used += len(pair.rows) * widths if inside else 0
    pattern = sparse_pattern(products, used)
    remainder = _remainder(products, used) if pattern is None else _sparse_remainder(products, pattern)
    size = used if pattern is None else used + len(pattern.rows)
    size = remainder.stacks[-1].stop if remainder.stacks else size
    stages = tuple(_stage(products, f, diagonal, off_diagonal, size) for f in range(chain))
    return Plan(products, stages, remainder, tuple(diagonal), tuple(off_diagonal), size)


def _sparse_remainder(products: CrossedProducts, pattern: SparsePattern) -> Remainder:
    first = products.offsets[products.chain]
    none = np.zeros(products.offsets[-1] - first, np.int64)
    return Remainder(first, (), none, none, none, pattern)


def _remainder(products: CrossedProducts, start: int) -> Remainder:
    """Divide what is not eliminated level by level into connected components, and those into stacks by size."""
    first = products.offsets[products.chain]
    n = products.offsets[-1] - first
    component = components(products) if n > parts.WHOLE else np.zeros(n, np.int64)
    sizes = np.bincount(component)
    padded = _size_class(sizes) if len(sizes) > 1 else sizes
    begin, place, width = np.zeros(n, np.int64), np.zeros(n, np.int64), padded[component] if n else np.zeros(0, int)
    order = np.argsort(component, kind="stable")
    place[order] = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes) if n else place
    stacks = []
    for size in np.unique(padded) if n else ():
        members = np.flatnonzero(padded == size)
        rank = np.full(len(sizes), -1)
        rank[members] = np.arange(len(members))
        inside = np.flatnonzero(rank[component] >= 0)
        scalars = np.full((len(members), size), -1)
        scalars[rank[component[inside]], place[inside]] = inside
        begin[inside] = start + rank[component[inside]] * size**2
        stacks.append(Stack(start, scalars))
        start = stacks[-1].stop
    return Remainder(first, tuple(stacks), begin, place, width)


def _size_class(sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Round sizes up, by an eighth at most from 16 on, so that few stacks hold all components."""
    step = 2 ** np.maximum(np.floor(np.log2(np.maximum(sizes, 1))).astype(np.intp) - 3, 0)
    rounded: NDArray[np.intp] = -(-sizes // step) * step
    return rounded


def _stage(products: CrossedProducts, f: int, diagonal: list[int], off: list[int], size: int) -> Stage:
    """Collect which later effects meet each level of a factor."""
    k, m = products.shapes[f].width, products.shapes[f].levels
    levels, rows, entries = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)], [np.zeros((k, 0), np.int64)]
    for number, pair in enumerate(products.pairs):
        if pair.first != f:
            continue
        width, count = products.shapes[pair.second].width, len(pair.rows)
        for b in range(width):
            levels.append(pair.rows)
            rows.append(products.offsets[pair.second] + pair.columns.astype(np.int64) * width + b)
            if f:
                each = np.arange(k)[:, None] * width + b
                entries.append(off[number] + each * count + np.arange(count))
    level, row = np.concatenate(levels), np.concatenate(rows)
    order = np.argsort(level.astype(np.int64) * products.offsets[-1] + row, kind="stable")
    blocks = diagonal[f] + np.arange(k * k * m).reshape(k, k, m) if f else np.zeros((k, k, 0), np.int64)
    index = index_type(size)
    return Stage(
        factor=f,
        pair_start=np.concatenate([[0], np.cumsum(np.bincount(level, minlength=m))]),
        pair_row=row[order].astype(index_type(products.offsets[-1])),
        source=order,
        diagonal=blocks.astype(index),
        entries=np.concatenate(entries, axis=1)[:, order].astype(index) if f else np.zeros((k, 0), index),
    )


def off_diagonal_values(products: CrossedProducts, f: int, blocks: list[FloatArray]) -> FloatArray:
    """Return the off-diagonal blocks of one factor as columns, shape (k, pairs), before they are sorted by level."""
    parts = [np.zeros((products.shapes[f].width, 0))]
    parts += [
        blocks[number][:, b]
        for number, pair in enumerate(products.pairs)
        if pair.first == f
        for b in range(products.shapes[pair.second].width)
    ]
    return np.concatenate(parts, axis=1)


def targets(plan: Plan, rows: IndexArray, columns: IndexArray) -> IndexArray:
    """Return where entries among later effects are kept; ``rows >= columns`` count all effects."""
    offsets = plan.products.offsets
    if len(columns) == 0 or columns.min() >= plan.remainder.first:
        return plan.remainder.positions(rows, columns).astype(plan.index_type)
    found = np.empty(len(rows), plan.index_type)
    factor = np.searchsorted(offsets, columns, side="right") - 1
    other = np.searchsorted(offsets, rows, side="right") - 1
    inside = columns >= plan.remainder.first
    found[inside] = plan.remainder.positions(rows[inside], columns[inside])
    for f in range(1, plan.products.chain):
        shape = plan.products.shapes[f]
        own = (factor == f) & (other == f)
        level, a, b = _split(columns[own], offsets[f], shape.width, rows[own])
        found[own] = plan.diagonal[f] + (a * shape.width + b) * shape.levels + level
        for number, pair in enumerate(plan.products.pairs):
            if pair.first == f:
                chosen = (factor == f) & (other == pair.second)
                found[chosen] = _pair_positions(plan, number, pair, rows[chosen], columns[chosen])
    return found


def _split(columns: IndexArray, offset: int, width: int, rows: IndexArray) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Return the level that two effects share, and the number of each within it (row first)."""
    return (columns - offset) // width, (rows - offset) % width, (columns - offset) % width


def _pair_positions(plan: Plan, number: int, pair: Pair, rows: IndexArray, columns: IndexArray) -> IndexArray:
    """Return where entries of the off-diagonal blocks of an eliminated factor are kept."""
    shapes, offsets = plan.products.shapes, plan.products.offsets
    first, second = shapes[pair.first], shapes[pair.second]
    level, a = np.divmod(columns.astype(np.int64) - offsets[pair.first], first.width)
    other, b = np.divmod(rows.astype(np.int64) - offsets[pair.second], second.width)
    index = find_pairs(pair, level, other)
    found: IndexArray = plan.off_diagonal[number] + (a * second.width + b) * len(pair.rows) + index
    return found


def find_pairs(pair: Pair, rows: IndexArray, columns: IndexArray) -> NDArray[np.intp]:
    """Return the number of each combination of levels in ``pair``; all of them occur there."""
    keys = pair.rows.astype(np.int64) << 31 | pair.columns
    return np.searchsorted(keys, rows.astype(np.int64) << 31 | columns.astype(np.int64))


def initial_workspace(plan: Plan, diagonal: list[FloatArray], off_diagonal: list[FloatArray]) -> FloatArray:
    """Return the workspace before the first elimination: the blocks of all factors but the first.

    Parameters
    ----------
    plan : Plan
        Where they go.
    diagonal, off_diagonal : list of ndarray
        Blocks of Z'VZ, (k, k, m) by factor and (k_f, k_g, c) by pair.

    Returns
    -------
    ndarray, shape (size,)
    """
    products, offsets = plan.products, plan.products.offsets
    work = np.zeros(plan.size)
    for f, shape in enumerate(products.shapes):
        if plan.diagonal[f] >= 0:
            work[plan.diagonal[f] : plan.diagonal[f] + diagonal[f].size] = diagonal[f].ravel()
        elif f >= products.chain:
            every = offsets[f] + np.arange(shape.levels) * shape.width
            for a in range(shape.width):
                for b in range(a + 1):
                    work[plan.remainder.positions(every + a, every + b)] = diagonal[f][a, b]
    for number, pair in enumerate(products.pairs):
        first, second = products.shapes[pair.first], products.shapes[pair.second]
        if plan.off_diagonal[number] >= 0:
            start = plan.off_diagonal[number]
            work[start : start + off_diagonal[number].size] = off_diagonal[number].ravel()
        elif pair.first >= products.chain:
            column = offsets[pair.first] + pair.rows.astype(np.int64) * first.width
            row = offsets[pair.second] + pair.columns.astype(np.int64) * second.width
            for a in range(first.width):
                for b in range(second.width):
                    work[plan.remainder.positions(row + b, column + a)] = off_diagonal[number][a, b]
    return work
