"""Solvers: numbers in, numbers out. A `Problem` goes in, a `Solution` comes out, and a solver is a frozen value."""

from limeform.solve.choose import default_solver, every_solver, why_default
from limeform.solve.interruption import interruptions_passed_on
from limeform.solve.ipopt import Ipopt
from limeform.solve.newton import Newton
from limeform.solve.problem import EvaluationError, LinearConstraints, NonlinearConstraints, Problem
from limeform.solve.scipy import ScipyMinimize
from limeform.solve.solution import Solution, Solver, Status

__all__ = [
    "EvaluationError",
    "Ipopt",
    "LinearConstraints",
    "Newton",
    "NonlinearConstraints",
    "Problem",
    "ScipyMinimize",
    "Solution",
    "Solver",
    "Status",
    "default_solver",
    "every_solver",
    "interruptions_passed_on",
    "why_default",
]
