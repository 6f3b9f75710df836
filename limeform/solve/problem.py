"""What a solver is given: a smooth function of a few variables, with bounds and constraints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from limeform.errors import OptionError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class EvaluationError(ArithmeticError):
    """The function has no value here (a matrix is not positive definite, a logarithm of zero): try a shorter step."""


EVALUATION_FAILURES = (ArithmeticError, np.linalg.LinAlgError)
"""Exceptions of a callback that mean "no value here". Any other exception is a mistake and reaches the caller."""


@dataclass(frozen=True, eq=False)
class LinearConstraints:
    """Rows of ``lower <= matrix @ x <= upper``.

    Parameters
    ----------
    matrix : array (m, n)
        One constraint in each row.
    lower, upper : array (m,)
        Limits; ``-inf`` and ``inf`` where there is none, equal numbers for an equation.
    """

    matrix: FloatArray
    lower: FloatArray
    upper: FloatArray

    def __post_init__(self) -> None:
        """Check the shapes and that no limit is missing or reversed."""
        matrix = np.asarray(self.matrix, dtype=np.float64)
        if matrix.ndim != 2:
            raise OptionError(f"a linear constraint needs a matrix (m, n), found shape {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise OptionError("the matrix of the linear constraints has entries that are not finite")
        object.__setattr__(self, "matrix", matrix)
        _set_limits(self, matrix.shape[0], "linear constraint")


@dataclass(frozen=True, eq=False)
class NonlinearConstraints:
    """Rows of ``lower <= function(x) <= upper``.

    Parameters
    ----------
    function : callable
        x (n,) to the values (m,).
    jacobian : callable
        x (n,) to the derivatives (m, n).
    lower, upper : array (m,)
        Limits, as in `LinearConstraints`.
    hessian : callable, optional
        x (n,) and multipliers (m,) to the second derivatives (n, n) of ``multipliers @ function(x)``.
        Without it solvers approximate the curvature.
    """

    function: Callable[[FloatArray], FloatArray]
    jacobian: Callable[[FloatArray], FloatArray]
    lower: FloatArray
    upper: FloatArray
    hessian: Callable[[FloatArray, FloatArray], FloatArray] | None = None

    def __post_init__(self) -> None:
        """Check that no limit is missing or reversed."""
        _set_limits(self, np.size(self.lower), "nonlinear constraint")


@dataclass(frozen=True, eq=False)
class Problem:
    """Minimise ``value(x)`` over x within bounds and constraints.

    The three callables share their work: asking for value, gradient and Hessian at the same x costs one evaluation.
    Outside the domain they return nan or inf, or raise `EvaluationError`, and the solver shortens its step.

    Parameters
    ----------
    start : array (n,)
        Where to begin; a start outside the bounds is moved onto them by the solver.
    value : callable
        x (n,) to a float.
    gradient : callable
        x (n,) to the first derivatives (n,).
    hessian : callable, optional
        x (n,) to the symmetric second derivatives (n, n).
    lower, upper : array (n,) or a number for all variables
        Bounds; infinite by default.
    linear : LinearConstraints, optional
    nonlinear : NonlinearConstraints, optional
    names : tuple of str
        Names of the variables, for messages; empty or n of them.

    Raises
    ------
    OptionError
        Where a shape is wrong, the start is not finite, or a lower bound lies above its upper one.

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem(start=np.zeros(2), value=lambda x: x @ x, gradient=lambda x: 2 * x, lower=1.0)
    >>> problem.size, problem.lower
    (2, array([1., 1.]))
    """

    start: FloatArray
    value: Callable[[FloatArray], float]
    gradient: Callable[[FloatArray], FloatArray]
    hessian: Callable[[FloatArray], FloatArray] | None = None
    lower: FloatArray = field(default_factory=lambda: np.asarray(-np.inf))
    upper: FloatArray = field(default_factory=lambda: np.asarray(np.inf))
    linear: LinearConstraints | None = None
    nonlinear: NonlinearConstraints | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes, the start and the bounds."""
        start = np.asarray(self.start, dtype=np.float64)
        if start.ndim != 1:
            raise OptionError(f"the start has to be a vector (n,), found shape {start.shape}")
        object.__setattr__(self, "start", start)
        if self.names and len(self.names) != start.size:
            raise OptionError(f"{len(self.names)} names were given for {start.size} variables")
        if not np.isfinite(start).all():
            wrong = int(np.flatnonzero(~np.isfinite(start))[0])
            raise OptionError(f"the start of {self.label(wrong)} is {start[wrong]}: give a finite number")
        _set_limits(self, start.size, "bound")
        if self.linear is not None and self.linear.matrix.shape[1] != start.size:
            columns = self.linear.matrix.shape[1]
            raise OptionError(f"the linear constraints have {columns} columns for {start.size} variables")

    @property
    def size(self) -> int:
        """The number of variables n."""
        return int(self.start.size)

    @property
    def bounded(self) -> bool:
        """Whether any variable has a finite bound."""
        return bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())

    @property
    def constrained(self) -> bool:
        """Whether there are linear or nonlinear constraints."""
        return self.linear is not None or self.nonlinear is not None

    @property
    def has_hessian(self) -> bool:
        """Whether all second derivatives are known, those of nonlinear constraints included."""
        return self.hessian is not None and (self.nonlinear is None or self.nonlinear.hessian is not None)

    def label(self, index: int) -> str:
        """Return the name of a variable for a message."""
        return f'"{self.names[index]}"' if self.names else f"variable {index}"


def _set_limits(owner: Problem | LinearConstraints | NonlinearConstraints, size: int, what: str) -> None:
    """Turn ``lower`` and ``upper`` into arrays (size,) and refuse missing or reversed ones."""
    for side in ("lower", "upper"):
        limit = np.asarray(getattr(owner, side), dtype=np.float64)
        if limit.ndim == 0:
            limit = np.full(size, limit)
        if limit.shape != (size,):
            raise OptionError(f"the {side} limits of {size} {what}s have shape {limit.shape}")
        object.__setattr__(owner, side, limit)
    good = (owner.lower <= owner.upper) & (owner.lower < np.inf) & (owner.upper > -np.inf)
    if not good.all():
        wrong = int(np.flatnonzero(~good)[0])
        which = f"{what} of {owner.label(wrong)}" if isinstance(owner, Problem) else f"{what} {wrong}"
        raise OptionError(
            f"the {which} runs from {owner.lower[wrong]:g} to {owner.upper[wrong]:g}: no number lies between them"
        )
