"""From conditions a little stricter than a shape to the shape itself: pieces are cut where its derivative is zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from limeform.fit.joint_model import JointModel
from limeform.restrict import Restrictions
from limeform.restrict.rows import CurvedShape
from limeform.restrict.touching import cut_at, lowest_places, rows_at, with_negative_coefficients
from limeform.solve import Solution
from limeform.solve.constraints import constraint_jacobian, constraint_limits, constraint_values
from limeform.solve.problem import EVALUATION_FAILURES
from limeform.solve.quadratic import QuadraticProgramError, quadratic_program

FloatArray = NDArray[np.float64]
Solve = Callable[[JointModel, FloatArray], Solution]

GAIN = 1e-9
"""A gain of the objective that is smaller than this, relative to it, is not followed."""
ROUNDS = 5
EXCHANGES = 30
ACTIVE = 1e-6
"""A row nearer to its limit than this is active."""
BELOW = 1e-9
"""A derivative that is below its limit by less than this part of its size is not: points that are exchanged for less
are so near to each other that the program loses digits."""
LOW = 0.1
"""Pieces are cut where the derivative has a minimum that is lower than this part of its size."""


def with_exact_shapes(model: JointModel, solution: Solution, solve: Solve) -> tuple[JointModel, Solution]:
    """Return the solution within the shapes themselves, if the conditions on coefficients have held it back.

    A quadratic model of the objective, within the sign of the derivative at points that are exchanged until it holds
    everywhere, says where the curve would touch; with pieces cut there, the conditions on coefficients are exact.

    Parameters
    ----------
    model : JointModel
        The model.
    solution : Solution
        Its solution.
    solve : callable
        Solves a model from variables.

    Returns
    -------
    tuple of JointModel and Solution
        The model with the rows of the last solution, and that. Its restrictions say if they may still be stricter.
    """
    shapes = tuple(shape for shape in model.restrictions.shapes if _is_inequality(shape, model.restrictions))
    if not shapes or not solution.success:
        return model, solution
    model = replace(model, restrictions=replace(model.restrictions, shapes=shapes))
    breaks = [np.zeros(0) for _ in shapes]
    for _ in range(ROUNDS):
        try:
            found = _touching(model, shapes, solution, breaks)
        except (QuadraticProgramError, *EVALUATION_FAILURES):
            break
        if found is None:
            return model, solution
        breaks = found
        finer = replace(model, restrictions=cut_at(model.restrictions, breaks))
        again = solve(finer, solution.x)
        gain = solution.value - again.value
        if again.success and gain > 0:
            model, solution = finer, again
        if again.success and gain < GAIN * (1 + abs(solution.value)):
            return model, solution
        if not again.success:
            break
    return replace(model, restrictions=replace(model.restrictions, stricter=True)), solution


def _is_inequality(shape: CurvedShape, restrictions: Restrictions) -> bool:
    own = restrictions.affine.take(restrictions.affine.members == shape.member)
    return bool((own.lower < own.upper).all())


def _touching(
    model: JointModel, shapes: tuple[CurvedShape, ...], solution: Solution, breaks: list[FloatArray]
) -> list[FloatArray] | None:
    """Return where pieces of each shape are to be cut besides ``breaks``, with these; None if nothing is to gain."""
    penalised = model.penalised()
    x, lines = solution.x, penalised.rows()
    problem = penalised.problem(x, lines)
    t, p = penalised.likelihood.n_variance, penalised.likelihood.n_mean
    values, (lower, upper) = constraint_values(problem, x), constraint_limits(problem)
    members = [shape.member for shape in shapes]
    room = np.minimum(values - lower, upper - values)
    if not (np.isin(lines.members, members) & (room <= ACTIVE * (1 + np.abs(values)))).any():
        return None
    others = ~np.isin(lines.members, members) & (lines.members >= 0)
    fixed, beta = penalised.likelihood.coordinates.fixed, penalised.likelihood.beta(x[: penalised.size])
    matrix = constraint_jacobian(problem, x)[others][:, t : t + p]
    low, high = (lower - values)[others], (upper - values)[others]
    gradient, hessian = penalised.gradient(x)[t : t + p], penalised.hessian(x)[t : t + p, t : t + p]
    points = [rows_at(shape, _first_places(shape), p) for shape in shapes]
    limits = [np.full(len(rows), shape.limit) for shape, rows in zip(shapes, points, strict=True)]
    d = np.zeros(p)
    for _ in range(EXCHANGES):
        signs = np.vstack(points)
        body, rest = np.vstack([matrix, signs @ fixed]), np.full(len(signs), np.inf)
        d = quadratic_program(
            gradient,
            hessian,
            body,
            np.concatenate([low, np.concatenate(limits) - signs @ beta]),
            np.concatenate([high, rest]),
        )
        lowest = [lowest_places(shape, beta + fixed @ d) for shape in shapes]
        new = [rows_at(s, at[value < -BELOW], p) for s, (at, value) in zip(shapes, lowest, strict=True)]
        if not sum(map(len, new)):
            break
        points += new
        limits += [np.full(len(rows), shape.limit) for shape, rows in zip(shapes, new, strict=True)]
    gain = -float(gradient @ d + 0.5 * d @ hessian @ d)
    if gain < GAIN * (1 + abs(solution.value)):
        return None
    places = [np.union1d(old, at[value < LOW]) for old, (at, value) in zip(breaks, lowest, strict=True)]
    return [with_negative_coefficients(s, at, beta + fixed @ d) for s, at in zip(shapes, places, strict=True)]


def _first_places(shape: CurvedShape) -> FloatArray:
    """Return ends and quarters of the segments within the domain, and its ends, where a straight line is lowest."""
    assert shape.curve.basis is not None
    ends, low, high = shape.curve.basis.breaks, shape.low, shape.high
    if shape.order > 0:
        low, high = max(low, float(ends[0])), min(high, float(ends[-1]))
    quarters = (ends[:-1, None] + np.diff(ends)[:, None] * np.array([0.0, 0.25, 0.5, 0.75])).ravel()
    return np.unique(np.concatenate([[low], quarters[(quarters > low) & (quarters < high)], [high]]))
