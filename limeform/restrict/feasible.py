"""Linear constraints that clash, found by linear programs before anything is fitted, and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from limeform.errors import InfeasibleError
from limeform.restrict.rows import AffineRows, Restrictions

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Limits = Sequence[tuple[float | None, float | None]]

TINIEST = float(np.finfo(np.float64).tiny)
MARGIN = 1e-9
"""Rows of length one broken by no more than this are met; those that never have more slack are equations."""


def prepare_rows(restrictions: Restrictions, scale: FloatArray) -> Restrictions:
    """Check that the linear constraints can be met together, and turn those without slack into equations.

    An interior-point method needs room between its limits: where a curve is to be increasing and decreasing, the
    rows of both become equations here.

    Parameters
    ----------
    restrictions : Restrictions
        All restrictions.
    scale : ndarray, shape (p, p)
        Coefficients in units of which the rows are judged.

    Returns
    -------
    Restrictions

    Raises
    ------
    InfeasibleError
        If they clash; a smallest set of members that do is named.
    """
    rows, p = restrictions.affine, restrictions.n_mean
    _check_variances(rows, p, restrictions)
    linear = np.asarray(~rows.matrix[:, p:].any(axis=1), dtype=bool)
    matrix, lower, upper = _scaled(rows.take(linear), p, scale)
    if not len(matrix):
        return restrictions
    if _met_with_room(matrix, lower, upper):
        return restrictions
    members = rows.members[linear]
    if _excess(matrix, lower, upper) > MARGIN:
        clash = _clash(matrix, lower, upper, members)
        named = "; ".join(restrictions.labels[i] for i in clash)
        what = "cannot be met" if len(clash) == 1 else "cannot be met together"
        raise InfeasibleError(f"these constraints {what}: {named}. Take one of them out, or change its limits")
    tight = _without_slack(matrix, lower, upper)
    if not tight.any():
        return restrictions
    low, high = rows.lower.copy(), rows.upper.copy()
    where = np.flatnonzero(linear)[tight]
    value = np.where(np.isfinite(low[where]), low[where], high[where])
    low[where] = high[where] = value
    return replace(restrictions, affine=replace(rows, lower=low, upper=high))


def least_value(rows: AffineRows, direction: FloatArray, scale: FloatArray) -> float:
    """Return the least value of a linear function where linear rows hold.

    Parameters
    ----------
    rows : AffineRows
        Rows on the mean's parameters alone.
    direction : ndarray, shape (p,)
        The function, of the scaled coefficients.
    scale : ndarray, shape (p, p)
        Coefficients in units of which the rows are judged.

    Returns
    -------
    float
        Minus infinity if nothing limits it.
    """
    p = len(scale)
    matrix, lower, upper = _scaled(rows, p, scale)
    cost, relax = np.append(direction, 0.0), np.zeros((len(matrix), 1))
    value, _ = _program(matrix, lower, upper, cost, relax, [(None, None)] * p + [(0, 0)])
    return value if np.isfinite(value) else -np.inf


def _scaled(rows: AffineRows, p: int, scale: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    matrix = rows.matrix[:, :p] @ scale
    length = np.linalg.norm(matrix, axis=1)
    length = np.where(length > 0, length, 1.0)
    return matrix / length[:, None], rows.lower / length, rows.upper / length


def _check_variances(rows: AffineRows, p: int, restrictions: Restrictions) -> None:
    """Compare the limits of single variance parameters, and of those with what they can be."""
    for j, variance in enumerate(restrictions.variances):
        only = (np.count_nonzero(rows.matrix, axis=1) == 1) & (rows.matrix[:, p + j] != 0)
        if not only.any():
            continue
        own = rows.take(only)
        factor = own.matrix[:, p + j]
        ends = np.sort(np.column_stack([own.lower / factor, own.upper / factor]), axis=1)
        natural = {"cor": (-1.0, 1.0), "sigma": (TINIEST, np.inf)}.get(variance.kind, (0.0, np.inf))
        if max(ends[:, 0].max(), natural[0]) > min(ends[:, 1].min(), natural[1]):
            named = "; ".join(dict.fromkeys(restrictions.labels[i] for i in own.members))
            label = variance.label.replace("variance(", "sd(")
            words = {"cor": "between -1 and 1", "sigma": "more than 0"}
            possible = words.get(variance.kind, "0 or more")
            raise InfeasibleError(f"no value of {label}, which is {possible}, meets {named}: change the limits")


def _program(
    matrix: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    cost: FloatArray,
    relax: FloatArray,
    bounds: Limits,
) -> tuple[float, FloatArray]:
    """Minimise ``cost`` over (x, t) with ``lower - relax t <= matrix x <= upper + relax t``; return value and x."""
    below, above = np.isfinite(lower), np.isfinite(upper)
    left = np.vstack([np.hstack([-matrix, -relax])[below], np.hstack([matrix, -relax])[above]])
    right = np.concatenate([-lower[below], upper[above]])
    result: Any = linprog(cost, A_ub=left, b_ub=right, bounds=list(bounds), method="highs")
    if result.x is None:
        return np.inf, np.zeros(matrix.shape[1])
    return float(result.fun), np.asarray(result.x[: matrix.shape[1]])


def _excess(matrix: FloatArray, lower: FloatArray, upper: FloatArray) -> float:
    """Return by how much the most broken row is broken at the best point, relative to the size of the limits."""
    p = matrix.shape[1]
    cost = np.append(np.zeros(p), 1.0)
    relax = np.ones((len(matrix), 1))
    value, _ = _program(matrix, lower, upper, cost, relax, [(None, None)] * p + [(0, None)])
    return value / max(1.0, _size(lower, upper))


def _size(lower: FloatArray, upper: FloatArray) -> float:
    limits = np.abs(np.concatenate([lower[np.isfinite(lower)], upper[np.isfinite(upper)]]))
    return float(limits.max(initial=0.0))


def _clash(matrix: FloatArray, lower: FloatArray, upper: FloatArray, members: NDArray[np.intp]) -> list[int]:
    """Return a set of members that clash of which none can be left out."""
    kept = list(dict.fromkeys(members.tolist()))
    for member in list(kept):
        rest = np.isin(members, [other for other in kept if other != member])
        if rest.any() and _excess(matrix[rest], lower[rest], upper[rest]) > MARGIN:
            kept.remove(member)
    return kept


def _met_with_room(matrix: FloatArray, lower: FloatArray, upper: FloatArray) -> bool:
    """Say whether one point meets all rows, each inequality with room to spare: then one program answers it all."""
    loose = lower < upper
    if not loose.any():
        return False
    room, point = _widest(matrix, lower, upper, loose)
    value = matrix @ point
    broken = np.maximum(lower - value, value - upper).max()
    return bool(room > MARGIN and broken <= MARGIN * max(1.0, _size(lower, upper)))


def _without_slack(matrix: FloatArray, lower: FloatArray, upper: FloatArray) -> BoolArray:
    """Return which inequalities no allowed point meets with room to spare."""
    loose = lower < upper
    tight = np.zeros(len(matrix), dtype=bool)
    if not loose.any() or _room(matrix, lower, upper, loose) > MARGIN:
        return tight
    for i in np.flatnonzero(loose):
        if _room(matrix, lower, upper, np.arange(len(matrix)) == i) <= MARGIN:
            tight[i] = True
    return tight


def _room(matrix: FloatArray, lower: FloatArray, upper: FloatArray, rows: BoolArray) -> float:
    """Return the largest t up to one by which some point meets the given rows, the others being met without it."""
    return _widest(matrix, lower, upper, rows)[0]


def _widest(matrix: FloatArray, lower: FloatArray, upper: FloatArray, rows: BoolArray) -> tuple[float, FloatArray]:
    """Return the room of `_room` and the point that has it."""
    p = matrix.shape[1]
    cost = np.append(np.zeros(p), -1.0)
    relax = np.where(rows, -1.0, 0.0)[:, None]
    value, point = _program(matrix, lower, upper, cost, relax, [(None, None)] * p + [(0, 1)])
    return -value, point


def independent_equations(matrix: FloatArray, equal: BoolArray) -> BoolArray:
    """Return which rows to keep so that no equation follows from others; inequalities are all kept.

    Parameters
    ----------
    matrix : ndarray, shape (m, n)
        Rows.
    equal : ndarray of bool, shape (m,)
        Which of them are equations.

    Returns
    -------
    ndarray of bool, shape (m,)
    """
    keep = np.ones(len(matrix), dtype=bool)
    basis = np.zeros((0, matrix.shape[1]))
    for i in np.flatnonzero(equal):
        row = matrix[i] / max(float(np.linalg.norm(matrix[i])), 1e-300)
        rest = row - (row @ basis.T) @ basis
        rest -= (rest @ basis.T) @ basis
        size = float(np.linalg.norm(rest))
        if size < 1e-9:
            keep[i] = False
        else:
            basis = np.vstack([basis, rest / size])
    return keep
