"""The functions of a problem in the form in which cyipopt calls them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from limeform.solve.constraints import constraint_limits, constraint_values
from limeform.solve.evaluation import Evaluations
from limeform.solve.problem import EVALUATION_FAILURES, FloatArray, Problem

IntArray = NDArray[np.intp]


class Callbacks:
    """A problem as cyipopt sees it.

    Where a function has no value it returns nan, and Ipopt shortens its step. Any other exception is kept in
    ``stopped``, no function of the problem is called again, and the run ends at Ipopt's next opportunity.

    Attributes
    ----------
    evaluations : Evaluations
    stopped : BaseException or None
    history : list of float
        The objective after each iteration, the start first.
    iterations : int
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.evaluations = Evaluations(problem)
        self.stopped: BaseException | None = None
        self.history: list[float] = []
        self.iterations = 0
        self.limits = constraint_limits(problem)
        self._linear_part, self._rows, self._columns = _jacobian_pattern(problem, self.limits[0].size)
        self._triangle = np.tril_indices(problem.size)
        if problem.has_hessian:
            # cyipopt takes the absence of this attribute as a wish for the limited-memory approximation.
            self.hessian = self._hessian

    def objective(self, x: FloatArray) -> float:
        """Return the objective."""
        if self.stopped is not None:
            return math.nan
        try:
            return self.evaluations.value(x)
        except BaseException as error:
            self.stopped = error
            return math.nan

    def gradient(self, x: FloatArray) -> FloatArray:
        """Return the gradient (n,)."""
        return self._guarded(self.evaluations.gradient, x, x.size)

    def constraints(self, x: FloatArray) -> FloatArray:
        """Return the values of the constraints (m,)."""
        return self._guarded(self._constraint_values, x, self.limits[0].size)

    def jacobianstructure(self) -> tuple[IntArray, IntArray]:
        """Return the rows and columns of the entries that `jacobian` gives."""
        return self._rows, self._columns

    def jacobian(self, x: FloatArray) -> FloatArray:
        """Return the entries of the Jacobian of the constraints."""
        return self._guarded(self._jacobian_entries, x, self._rows.size)

    def hessianstructure(self) -> tuple[IntArray, IntArray]:
        """Return the rows and columns of the lower triangle."""
        return self._triangle

    def _hessian(self, x: FloatArray, multipliers: FloatArray, factor: float) -> FloatArray:
        """Return the lower triangle of the Hessian of the Lagrangian."""
        return self._guarded(
            lambda point: self._lagrangian_hessian(point, multipliers, factor)[self._triangle],
            x,
            self._triangle[0].size,
        )

    def intermediate(self, mode: int, iteration: int, value: float, *_: float) -> bool:
        """Note the iteration; return whether to go on. Nothing may be raised from here: cyipopt would lose it."""
        self.iterations = iteration
        self.history.append(value)
        return self.stopped is None

    def _guarded(self, function: Callable[[FloatArray], FloatArray], x: FloatArray, size: int) -> FloatArray:
        """Call a function unless the run has been stopped; stop it at an exception."""
        if self.stopped is None:
            try:
                return function(x)
            except BaseException as error:
                self.stopped = error
        return np.full(size, math.nan)

    def _constraint_values(self, x: FloatArray) -> FloatArray:
        size = self.limits[0].size
        try:
            values = constraint_values(self.problem, x)
        except EVALUATION_FAILURES:
            return np.full(size, math.nan)
        if values.size != size:
            raise ValueError(f"{size} constraints have {values.size} values")
        return values

    def _jacobian_entries(self, x: FloatArray) -> FloatArray:
        nonlinear = self.problem.nonlinear
        if nonlinear is None:
            return self._linear_part
        shape = (nonlinear.lower.size, x.size)
        try:
            jacobian = np.asarray(nonlinear.jacobian(x), dtype=np.float64)
        except EVALUATION_FAILURES:
            jacobian = np.full(shape, math.nan)
        if jacobian.shape != shape:
            raise ValueError(f"the Jacobian of the nonlinear constraints has shape {jacobian.shape} instead of {shape}")
        return np.concatenate([self._linear_part, jacobian.ravel()])

    def _lagrangian_hessian(self, x: FloatArray, multipliers: FloatArray, factor: float) -> FloatArray:
        """Return the Hessian (n, n) of ``factor * value + multipliers @ constraints``."""
        hessian = factor * self.evaluations.hessian(x) if factor != 0.0 else np.zeros((x.size, x.size))
        nonlinear = self.problem.nonlinear
        if nonlinear is None or nonlinear.hessian is None:
            return hessian
        try:
            curvature = np.asarray(nonlinear.hessian(x, multipliers[-nonlinear.lower.size :]), dtype=np.float64)
        except EVALUATION_FAILURES:
            return np.full_like(hessian, math.nan)
        if curvature.shape != hessian.shape:
            raise ValueError(f"the Hessian of the nonlinear constraints has shape {curvature.shape}")
        return hessian + curvature


def _jacobian_pattern(problem: Problem, size: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Return the nonzero entries of the linear rows, and rows and columns of these and of all nonlinear entries."""
    values, rows, columns = np.empty(0), np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    if problem.linear is not None:
        rows, columns = np.nonzero(problem.linear.matrix)
        values = problem.linear.matrix[rows, columns]
    if problem.nonlinear is not None:
        count = problem.nonlinear.lower.size
        dense = np.indices((count, problem.size)).reshape(2, -1)
        rows = np.concatenate([rows, dense[0] + size - count])
        columns = np.concatenate([columns, dense[1]])
    return values, rows, columns
