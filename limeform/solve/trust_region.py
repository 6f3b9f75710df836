"""One step of a trust-region Newton method: the lowest point of a quadratic model within a radius and a box.

The model is ``gradient @ p + p @ hessian @ p / 2``; the radius bounds the length of ``scale * p``. Few variables are
expected, so the exact minimiser is found by an eigendecomposition (Moré & Sorensen 1983, Computing a trust region
step, SIAM J. Sci. Stat. Comput. 4, 553-572), after a Cholesky factorisation has been tried.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dposv, dsyevd

from limeform.solve.problem import BoolArray, FloatArray

FLAT = 1e-10
"""Curvature below this part of the largest one counts as none (in variables scaled to unit diagonal)."""

LONGEST = 1e10
"""First radius where the model has no curvature to go by."""


class ModelStep(NamedTuple):
    """The lowest point of a model within the radius (and the box).

    Attributes
    ----------
    p : array (n,)
        The step.
    convex : bool
        Whether the model has no direction of negative curvature.
    decrement : float
        How far a convex model falls in all, ``gradient @ inverse(hessian) @ gradient / 2``; inf where it is not convex.
    length : float
        Length of ``scale * p``.
    edge : bool
        Whether the radius held the step back.
    """

    p: FloatArray
    convex: bool
    decrement: float
    length: float
    edge: bool


def step_in_ball(hessian: FloatArray, gradient: FloatArray, scale: FloatArray, radius: float) -> ModelStep:
    """Minimise the model within the radius.

    Parameters
    ----------
    hessian : array (n, n)
    gradient : array (n,)
    scale : array (n,)
        Positive; the length of a step is that of ``scale * p``.
    radius : float
        May be inf: then a model that is not convex is followed about as far as its curvature is trusted.

    Returns
    -------
    ModelStep
    """
    _, newton, info = dposv(hessian, gradient, lower=1)
    if info == 0:
        length = math.sqrt(_sum_of_squares(scale * newton))
        if length <= radius:
            return ModelStep(-newton, True, 0.5 * float(gradient.dot(newton)), length, False)
    values, vectors, _ = dsyevd(hessian / (scale[:, None] * scale))
    slopes = (gradient / scale).dot(vectors)
    largest = max(abs(float(values[0])), abs(float(values[-1])))
    convex = float(values[0]) >= -FLAT * largest
    decrement = _decrement(values, slopes, FLAT * largest + 1e-300) if convex else math.inf
    if math.isinf(radius):
        trusted = np.maximum(np.abs(values), 1e-3 * largest + 1e-300)
        radius = min(max(1.0, float(np.abs(slopes / trusted).max())), LONGEST)
    along, edge = _eigen_step(values, slopes, radius)
    return ModelStep(vectors.dot(along) / scale, convex, decrement, math.sqrt(_sum_of_squares(along)), edge)


def step_in_box(
    hessian: FloatArray,
    gradient: FloatArray,
    scale: FloatArray,
    radius: float,
    low: FloatArray,
    high: FloatArray,
    free: BoolArray,
) -> ModelStep:
    """Lower the model within the radius and a box ``low <= p <= high`` that holds p = 0.

    The free variables go to the lowest point of the model; where a bound is met on the way its variable is held
    there and the rest goes on.

    Parameters
    ----------
    hessian, gradient, scale, radius
        As in `step_in_ball`.
    low, high : array (n,)
        The box: ``low <= 0 <= high``.
    free : array (n,) of bool
        Variables that may move, from `free_variables`.

    Returns
    -------
    ModelStep
        ``convex`` and ``decrement`` are those of the model in all variables that are free at p = 0.
    """
    if free.all():
        step = step_in_ball(hessian, gradient, scale, radius)
        if _inside(step.p, low, high):
            return step
    free = free.copy()
    p = np.zeros_like(gradient)
    convex, decrement, edge = True, 0.0, False
    for piece in range(gradient.size):
        index = np.flatnonzero(free)
        if not index.size:
            break
        slope = (gradient + hessian.dot(p))[index]
        step = step_in_ball(hessian[index[:, None], index], slope, scale[index], radius)
        if piece == 0:
            convex, decrement = step.convex, step.decrement
        edge = step.edge
        if _inside(p[index] + step.p, low[index], high[index]):
            p[index] += step.p
            break
        move, reach = _towards_the_box(step.p, slope, low[index] - p[index], high[index] - p[index])
        share = min(1.0, float(reach.min()))
        p[index] += share * move
        held = reach <= share * (1.0 + 1e-12)
        p[index[held]] = np.where(move[held] < 0.0, low[index[held]], high[index[held]])
        free[index[held]] = False
        if share == 1.0:
            break
    return ModelStep(p, convex, decrement, math.sqrt(_sum_of_squares(scale * p)), edge)


def _inside(p: FloatArray, low: FloatArray, high: FloatArray) -> bool:
    return bool(((p > low) & (p < high)).all())


def free_variables(gradient: FloatArray, low: FloatArray, high: FloatArray) -> BoolArray:
    """Say which variables may move: not those fixed, nor those at a bound that the gradient pushes against."""
    held = ((low >= 0.0) & (gradient > 0.0)) | ((high <= 0.0) & (gradient < 0.0)) | (low >= high)
    return ~held


def _towards_the_box(
    step: FloatArray, slope: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the step, and for each variable which part of it the box allows.

    Where the slope along the step is nil (a saddle), forth and back are equally good and the roomier one is taken.
    """
    reach = _reach(step, low, high)
    descent = abs(float(slope.dot(step)))
    if reach.min() < 1.0 and descent <= 1e-14 * math.sqrt(_sum_of_squares(slope) * _sum_of_squares(step)):
        back = _reach(-step, low, high)
        if back.min() > reach.min():
            return -step, back
    return step, reach


def _reach(step: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return which part of the step (k,) each variable can take before it meets its bound; inf where it meets none."""
    room = np.where(step < 0.0, low, high)
    reach = np.full(step.size, math.inf)
    np.divide(room, step, out=reach, where=step != 0.0)
    return reach


def _decrement(values: FloatArray, slopes: FloatArray, flat: float) -> float:
    """Return how far a convex model falls, flat directions counted as if they had the least curvature seen."""
    return 0.5 * float((slopes**2 / np.maximum(values, flat)).sum())


def _eigen_step(values: FloatArray, slopes: FloatArray, radius: float) -> tuple[FloatArray, bool]:
    """Minimise ``slopes @ y + values @ y**2 / 2`` over ``|y| <= radius``.

    The minimiser is ``-slopes / (values + shift)`` with the smallest shift >= 0 that makes all divisors positive and
    meets the radius. Where no shift reaches the radius (the slope along the lowest curvature is nil) the
    rest of the way is gone along that direction.

    Returns
    -------
    y : array (n,)
    edge : bool
        Whether the radius held the step back.
    """
    lowest, slope = float(values[0]), float(slopes[0])
    margin = 1e-14 * max(abs(lowest), abs(float(values[-1]))) + 1e-300
    shift = max(0.0, abs(slope) / radius - lowest, margin - lowest)
    divisor = values + shift
    y = -slopes / divisor
    length = math.sqrt(_sum_of_squares(y))
    if length <= radius:
        if shift == 0.0:
            return y, False
        y[0] += math.copysign(math.sqrt(radius**2 - length**2), -slope)
        return y, True
    for _ in range(50):
        if length <= 1.01 * radius:
            break
        # Newton's method for 1/radius - 1/length = 0, which is nearly linear in the shift and climbs from the left.
        shift += (length - radius) / radius * length**2 / float((y * y / divisor).sum())
        divisor = values + shift
        y = -slopes / divisor
        length = math.sqrt(_sum_of_squares(y))
    return y, True


def _sum_of_squares(vector: FloatArray) -> float:
    return float(vector.dot(vector))
