"""Cross-products of a model with several grouping factors: one block a factor, one a pair of factors.

Of Z'VZ only the blocks of levels that meet in some row are kept, as arrays with the pairs of levels in the last axis.
All is in working coordinates and at unit error variance; with variance strata the sums are kept stratum by stratum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limeform.likelihood.batched import FloatArray
from limeform.likelihood.coordinates import Coordinates, chunks
from limeform.likelihood.crossproducts import IntArray, sum_outer, working_rows

LongArray = NDArray[np.int64]
IndexArray = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class FactorRows:
    """One grouping factor, row by row.

    Attributes
    ----------
    codes : ndarray of int32, shape (n,)
        Level of each row.
    n_levels : int
        Number of levels m.
    columns : slice
        Its columns among all random-effects columns.
    """

    codes: IntArray
    n_levels: int
    columns: slice

    @property
    def width(self) -> int:
        """Number of random effects of a level, k."""
        return int(self.columns.stop - self.columns.start)


@dataclass(frozen=True)
class CrossedRows:
    """What the statistics are made from, row by row, in the user's columns.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        Fixed-effects columns of full rank.
    z : ndarray, shape (n, k)
        Random-effects columns of all terms of all factors.
    precision : ndarray, shape (n,)
        One over the known sampling variances, or prior weights; without the likelihood weights.
    weights : ndarray, shape (n,)
        w, the power to which each row's conditional density is raised; ones for an untrimmed fit.
    factors : tuple of FactorRows
        The grouping factors.
    strata : ndarray of int32, shape (n,), or None
        Variance stratum of each row; None for one stratum.
    n_strata : int
        Number of strata s.
    """

    x: FloatArray
    z: FloatArray
    precision: FloatArray
    weights: FloatArray
    factors: tuple[FactorRows, ...]
    strata: IntArray | None = None
    n_strata: int = 1


@dataclass(frozen=True)
class Shape:
    """Size of one factor: m levels of k effects, and its slice of the columns of all factors."""

    levels: int
    columns: slice

    @property
    def width(self) -> int:
        """Number of random effects of a level, k."""
        return int(self.columns.stop - self.columns.start)

    @property
    def size(self) -> int:
        """Number of random effects of all levels, mk."""
        return self.levels * self.width


@dataclass(frozen=True)
class Sums:
    """Sums of products over the rows of each owner (a level, or a pair of levels), by variance stratum.

    Attributes
    ----------
    values : ndarray, shape (a, b, c)
        One matrix a cell; a cell is an owner, or a combination of owner and stratum that occurs.
    owner, stratum : ndarray of int32, shape (c,), or None
        Owner and stratum of each cell; None where there is one stratum and cells are owners.
    n_owners : int
        Number of owners.
    """

    values: FloatArray
    owner: IntArray | None
    stratum: IntArray | None
    n_owners: int

    def at(self, scale: FloatArray | None) -> FloatArray:
        """Return the sums by owner, each stratum times its entry of ``scale``, shape (s,); shape (a, b, owners)."""
        if self.owner is None or self.stratum is None:
            return self.values if scale is None else self.values * scale[0]
        weight = np.ones(int(self.stratum.max(initial=0)) + 1) if scale is None else scale
        flat = (self.values * weight[self.stratum]).reshape(-1, len(self.owner))
        summed = [np.bincount(self.owner, row, self.n_owners) for row in flat]
        return np.asarray(summed, dtype=np.float64).reshape(*self.values.shape[:2], self.n_owners)


@dataclass(frozen=True)
class Pair:
    """The levels of two factors that meet in some row, sorted by ``rows``, then ``columns``.

    Attributes
    ----------
    first, second : int
        The two factors, in order of elimination.
    rows, columns : ndarray of int32, shape (c,)
        Level of the first, and of the second factor.
    """

    first: int
    second: int
    rows: IntArray
    columns: IntArray


@dataclass(frozen=True, eq=False)
class CrossedProducts:
    """Sufficient statistics of a model with several grouping factors, factors in order of elimination.

    Attributes
    ----------
    shapes : tuple of Shape
        Sizes of the factors.
    order : tuple of int
        Which factor of the formula each of them is.
    chain : int
        How many leading factors are eliminated level by level: the largest, and those it is nested in.
    pairs : tuple of Pair
        Which levels meet.
    diagonal : tuple of Sums
        Z_f'VZ_f by level of each factor, (k, k, m).
    off_diagonal : tuple of Sums
        Z_f'VZ_g by pair of levels, (k_f, k_g, c), as ``pairs``.
    border : tuple of Sums
        Z_f'V[X y] by level, (k, p + 1, m).
    gram : ndarray, shape (p + 1, p + 1, s)
        [X y]'V[X y] by stratum.
    weight : ndarray, shape (s,)
        Sum of the likelihood weights w by stratum.
    log_precision : float
        Sum of w ln(v / w): the part of the log-determinant that the data fix.
    coordinates : Coordinates
        The maps back to the user's columns.
    derived : dict
        What was made from these statistics and is used again, such as the plan of the factorisation.
    """

    shapes: tuple[Shape, ...]
    order: tuple[int, ...]
    chain: int
    pairs: tuple[Pair, ...]
    diagonal: tuple[Sums, ...]
    off_diagonal: tuple[Sums, ...]
    border: tuple[Sums, ...]
    gram: FloatArray
    weight: FloatArray
    log_precision: float
    coordinates: Coordinates
    derived: dict[str, object] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Leave out of a pickle what can be made again."""
        return {**self.__dict__, "derived": {}}

    @property
    def n_fixed(self) -> int:
        """Number of fixed effects p."""
        return int(self.gram.shape[0]) - 1

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Number of the first random effect of each factor, and their number in all, N."""
        return tuple(int(total) for total in np.cumsum([0, *(shape.size for shape in self.shapes)]))


@dataclass
class Partial:
    """Sums over some of the rows, factors in the order of the formula; the sum of two is that of all their rows.

    Attributes
    ----------
    levels : list of int
        Number of levels of each factor.
    columns : list of slice
        Columns of each factor.
    diagonal, border : list of ndarray
        (k, k, cells) and (k, p + 1, cells).
    cells : list of ndarray of int64
        Sorted keys level * s + stratum of these cells.
    off_diagonal : dict
        (k_f, k_g, cells) by pair f < g of factors.
    keys : dict
        Sorted keys (level_f << 31 | level_g) * s + stratum of these cells.
    gram, weight : ndarray
        As in `CrossedProducts`.
    log_precision : float
        As in `CrossedProducts`.
    """

    levels: list[int]
    columns: list[slice]
    diagonal: list[FloatArray]
    border: list[FloatArray]
    cells: list[LongArray]
    off_diagonal: dict[tuple[int, int], FloatArray]
    keys: dict[tuple[int, int], LongArray]
    gram: FloatArray
    weight: FloatArray
    log_precision: float


def partial_sums(y: FloatArray, rows: CrossedRows, coordinates: Coordinates) -> Partial:
    """Sum the products of some rows.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Response less offset.
    rows : CrossedRows
        Columns, precisions, weights and levels.
    coordinates : Coordinates
        Working coordinates.

    Returns
    -------
    Partial
    """
    p, s, factors = rows.x.shape[1], rows.n_strata, rows.factors
    cells = [_number(factor.codes.astype(np.int64), rows) for factor in factors]
    keys = {
        (f, g): _number(factors[f].codes.astype(np.int64) << 31 | factors[g].codes, rows)
        for f in range(len(factors))
        for g in range(f + 1, len(factors))
    }
    widths = [factor.width for factor in factors]
    diagonal = [np.zeros((k, k, len(c[0]))) for k, c in zip(widths, cells, strict=True)]
    border = [np.zeros((k, p + 1, len(c[0]))) for k, c in zip(widths, cells, strict=True)]
    off = {(f, g): np.zeros((widths[f], widths[g], len(c[0]))) for (f, g), c in keys.items()}
    gram = np.zeros((p + 1, p + 1, s))
    for part in chunks(len(y), 1 << 20):
        z, xy, v = working_rows(y, rows, coordinates, part)
        for f, factor in enumerate(factors):
            weighted, (found, codes) = z[:, factor.columns] * v[:, None], cells[f]
            diagonal[f] += _by_cell(weighted, z[:, factor.columns], codes[part], len(found))
            border[f] += _by_cell(weighted, xy, codes[part], len(found))
            for g in range(f + 1, len(factors)):
                found, codes = keys[f, g]
                off[f, g] += _by_cell(weighted, z[:, factors[g].columns], codes[part], len(found))
        stratum = np.zeros(len(v), np.int32) if rows.strata is None else rows.strata[part]
        gram += _by_cell(xy * v[:, None], xy, stratum, s)
    kept = rows.weights > 0
    log_precision = np.log(rows.precision[kept] / coordinates.variance)
    return Partial(
        levels=[factor.n_levels for factor in factors],
        columns=[factor.columns for factor in factors],
        diagonal=diagonal,
        border=border,
        cells=[found for found, _ in cells],
        off_diagonal=off,
        keys={pair: found for pair, (found, _) in keys.items()},
        gram=gram,
        weight=np.bincount(np.zeros(len(y), np.int32) if rows.strata is None else rows.strata, rows.weights, s).astype(
            np.float64
        ),
        log_precision=float(rows.weights[kept] @ log_precision),
    )


def _number(keys: LongArray, rows: CrossedRows) -> tuple[LongArray, IntArray]:
    """Return the sorted distinct keys with their strata, and the number of each row's key among them."""
    if rows.strata is not None:
        keys = keys * rows.n_strata + rows.strata
    found, codes = np.unique(keys, return_inverse=True)
    return found, codes.astype(np.int32)


def _by_cell(left: FloatArray, right: FloatArray, codes: IntArray, n_cells: int) -> FloatArray:
    return sum_outer(left, right, codes, n_cells).transpose(0, 2, 1)


def add(parts: Sequence[Partial]) -> Partial:
    """Add the sums of several sets of rows; later ones may have more levels.

    Parameters
    ----------
    parts : sequence of Partial
        At least one.

    Returns
    -------
    Partial
    """
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    cells, diagonal, border = [], [], []
    for f in range(len(first.levels)):
        found, codes = _merge([part.cells[f] for part in parts])
        cells.append(found)
        diagonal.append(_merged([part.diagonal[f] for part in parts], codes, len(found)))
        border.append(_merged([part.border[f] for part in parts], codes, len(found)))
    keys, off = {}, {}
    for pair in first.keys:
        keys[pair], codes = _merge([part.keys[pair] for part in parts])
        off[pair] = _merged([part.off_diagonal[pair] for part in parts], codes, len(keys[pair]))
    return Partial(
        levels=[max(part.levels[f] for part in parts) for f in range(len(first.levels))],
        columns=first.columns,
        diagonal=diagonal,
        border=border,
        cells=cells,
        off_diagonal=off,
        keys=keys,
        gram=np.sum([part.gram for part in parts], axis=0),
        weight=np.sum([part.weight for part in parts], axis=0),
        log_precision=float(sum(part.log_precision for part in parts)),
    )


def _merge(keys: list[LongArray]) -> tuple[LongArray, NDArray[np.intp]]:
    return np.unique(np.concatenate(keys), return_inverse=True)


def _merged(values: list[FloatArray], codes: NDArray[np.intp], n: int) -> FloatArray:
    joined = np.concatenate(values, axis=2)
    flat = joined.reshape(-1, joined.shape[2])
    summed = [np.bincount(codes, row, n) for row in flat]
    return np.asarray(summed, dtype=np.float64).reshape(*joined.shape[:2], n)
