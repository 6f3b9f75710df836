"""Sums over chunks of rows to those of all rows: one numbering of levels, and working coordinates from the total."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import block_diag

from limeform.covariance import BlockDiagonal, Unstructured
from limeform.likelihood.batched import FloatArray
from limeform.likelihood.coordinates import Coordinates
from limeform.likelihood.crossed.statistics import IndexArray, LongArray, Partial

SINGULAR = 1e-10
"""A fixed-effects column whose squared norm falls below this part after projection is linearly dependent."""


class DependentColumnError(ValueError):
    """A fixed-effects column is a linear combination of those before it; its number is the argument."""


def renumber(sums: Partial, codes: list[IndexArray], levels: list[int]) -> Partial:
    """Return the sums with other numbers for the levels.

    Parameters
    ----------
    sums : Partial
        Sums of one stratum.
    codes : list of ndarray
        New number of each level of each factor.
    levels : list of int
        Number of levels in the new numbering.

    Returns
    -------
    Partial
    """
    low = (1 << 31) - 1
    cells, diagonal, border = [], [], []
    for f, new in enumerate(codes):
        number = new[sums.cells[f]].astype(np.int64)
        order = np.argsort(number, kind="stable")
        cells.append(number[order])
        diagonal.append(sums.diagonal[f][:, :, order])
        border.append(sums.border[f][:, :, order])
    keys: dict[tuple[int, int], LongArray] = {}
    off = {}
    for (f, g), old in sums.keys.items():
        number = codes[f][old >> 31].astype(np.int64) << 31 | codes[g][old & low]
        order = np.argsort(number, kind="stable")
        keys[f, g], off[f, g] = number[order], sums.off_diagonal[f, g][:, :, order]
    return replace(sums, levels=levels, cells=cells, diagonal=diagonal, border=border, keys=keys, off_diagonal=off)


def into_coordinates(
    sums: Partial, provisional: Coordinates, covariance: BlockDiagonal, known: bool
) -> tuple[Partial, Coordinates]:
    """Move the sums from the coordinates of the first chunk into those that all rows give.

    Parameters
    ----------
    sums : Partial
        Sums over all rows in provisional coordinates, with one stratum.
    provisional : Coordinates
        Those of the first chunk.
    covariance : BlockDiagonal
        Structures of the random effects.
    known : bool
        Whether the precisions are absolute (known sampling variances).

    Returns
    -------
    tuple of Partial and Coordinates

    Raises
    ------
    DependentColumnError
        If the fixed-effects columns are linearly dependent over all rows.
    """
    gram, n = sums.gram[:, :, 0] * provisional.variance, float(sums.weight.sum())
    p = len(gram) - 1
    _refuse_dependent(gram[:p, :p])
    step = np.linalg.solve(gram[:p, :p], gram[:p, p])
    residual = float(gram[p, p] - gram[:p, p] @ step)
    excess = residual / max(n - p, 1.0)
    variance = 1.0 if known or excess <= 0 else excess
    white = Unstructured(p).rescale(gram[:p, :p] / n) * np.sqrt(variance)
    total = [values.sum(axis=2) * provisional.variance for values in sums.diagonal]
    moves = covariance.rescale(np.asarray(block_diag(*total)) / n) * np.sqrt(variance)
    change = np.eye(p + 1)
    change[:p, :p], change[:p, p] = white, -step
    coordinates = Coordinates(
        fixed=provisional.fixed @ white,
        origin=provisional.origin + provisional.fixed @ step,
        effects=provisional.effects @ moves,
        variance=variance,
        excess=excess / variance,
    )
    return _moved(sums, change, moves, provisional.variance / variance), coordinates


def _moved(sums: Partial, change: FloatArray, moves: FloatArray, ratio: float) -> Partial:
    parts = [moves[own, own] for own in sums.columns]

    def turned(left: FloatArray, values: FloatArray, right: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("ab,acm,cd->bdm", left, values, right, optimize=True) * ratio, dtype=np.float64)

    return replace(
        sums,
        diagonal=[turned(part, values, part) for part, values in zip(parts, sums.diagonal, strict=True)],
        border=[turned(part, values, change) for part, values in zip(parts, sums.border, strict=True)],
        off_diagonal={(f, g): turned(parts[f], values, parts[g]) for (f, g), values in sums.off_diagonal.items()},
        gram=turned(change, sums.gram, change),
        log_precision=sums.log_precision + float(np.log(ratio)) * float(sums.weight.sum()),
    )


def _refuse_dependent(gram: FloatArray) -> None:
    scale = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    correlation = gram / np.outer(scale, scale)
    for j in range(len(gram)):
        left = correlation[j, j] - correlation[j, :j] @ np.linalg.lstsq(correlation[:j, :j], correlation[:j, j])[0]
        if left < SINGULAR:
            raise DependentColumnError(j)
