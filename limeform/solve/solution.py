"""What a solver returns: the point it reached, and in words how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, runtime_checkable

import numpy as np

from limeform.solve.problem import FloatArray, Problem


class Status(Enum):
    """How a solver ended. The values are the sentences that a reader of a summary sees."""

    CONVERGED = "converged"
    ACCEPTABLE = "converged, to a looser tolerance than was asked for"
    ITERATION_LIMIT = "stopped at the iteration limit: the estimates may not be at the optimum"
    TIME_LIMIT = "stopped at the time limit: the estimates may not be at the optimum"
    STALLED = "stopped where no step made progress: the estimates may not be at the optimum"
    NOT_EVALUABLE = "stopped where the function has no finite value: the estimates may not be at the optimum"
    UNBOUNDED = "stopped because the objective falls without limit: there is no optimum"
    INFEASIBLE = "stopped because no point was found that meets all constraints"
    INTERRUPTED = "interrupted: these are the best estimates up to then"
    FAILED = "the solver failed: the estimates may not be at the optimum"

    @property
    def success(self) -> bool:
        """Whether the estimates can be taken for the optimum."""
        return self in (Status.CONVERGED, Status.ACCEPTABLE)


@dataclass(frozen=True, eq=False)
class Solution:
    """Where a solver ended.

    The multipliers meet ``gradient - lower_multipliers + upper_multipliers + jacobian.T @ constraint_multipliers = 0``
    at an optimum: those of bounds are not negative, that of a constraint is positive where its upper limit holds and
    negative where its lower limit does.

    Parameters
    ----------
    x : array (n,)
        The point reached.
    value : float
        The objective there; nan where it was never evaluated.
    gradient : array (n,)
        The first derivatives there.
    status : Status
    message : str
        The solver's own words.
    solver : str
        Name of the solver, with its version where that matters.
    iterations, evaluations : int
        Steps taken, and evaluations of the objective.
    lower_multipliers, upper_multipliers : array (n,)
        Multipliers of the bounds.
    constraint_multipliers : array (m,)
        Multipliers of the linear, then of the nonlinear constraints.
    history : tuple of float
        The objective after each iteration, the start first.
    """

    x: FloatArray
    value: float
    gradient: FloatArray
    status: Status
    message: str
    solver: str
    iterations: int = 0
    evaluations: int = 0
    lower_multipliers: FloatArray = field(default_factory=lambda: np.empty(0))
    upper_multipliers: FloatArray = field(default_factory=lambda: np.empty(0))
    constraint_multipliers: FloatArray = field(default_factory=lambda: np.empty(0))
    history: tuple[float, ...] = ()

    @property
    def success(self) -> bool:
        """Whether the estimates can be taken for the optimum."""
        return self.status.success


@runtime_checkable
class Solver(Protocol):
    """A frozen value that minimises problems."""

    @property
    def name(self) -> str:
        """The solver's name for a summary."""

    def minimize(self, problem: Problem) -> Solution:
        """Minimise a problem from its start."""

    def refuses(self, problem: Problem) -> str | None:
        """Say why this solver cannot take the problem; None where it can."""
