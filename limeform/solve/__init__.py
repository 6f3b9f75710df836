"""Solvers: numbers in, numbers out. A `Problem` goes in, a `Solution` comes out, and a solver is a frozen value."""
from limeform.solve.problem import EvaluationError, LinearConstraints, NonlinearConstraints, Problem
from limeform.solve.solution import Solution, Status, Solver
from limeform.solve.newton import Newton
from limeform.solve.ipopt import Ipopt
from limeform.solve.scipy import ScipyMinimize
def default_solver(): return Ipopt()
def every_solver(): return [Newton(),Ipopt(),ScipyMinimize()]
