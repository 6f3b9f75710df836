"""The methods of scipy.optimize.minimize as solvers."""

from __future__ import annotations

from dataclasses import dataclass

from limeform.errors import OptionError, SolverError
from limeform.solve.evaluation import only_point
from limeform.solve.limits import check_limits
from limeform.solve.problem import Problem
from limeform.solve.scipy_methods import METHODS
from limeform.solve.scipy_run import ScipyRun
from limeform.solve.solution import Solution

AUTO = "auto"


@dataclass(frozen=True)
class ScipyMinimize:
    """A method of `scipy.optimize.minimize`.

    Where second derivatives are known the variables are scaled by the curvature at the start. SciPy's methods differ in
    when they call a point the optimum; the status reported here is judged alike for all: by what the quadratic model
    still promises there, or by the slopes that the multipliers leave over.

    Parameters
    ----------
    method : str
        "trust-exact" (no bounds), "L-BFGS-B", "Nelder-Mead" (bounds), "SLSQP", "trust-constr" (bounds and
        constraints), or "auto": the first of trust-exact, L-BFGS-B and SLSQP that can take the problem.
    tol : float
        Tolerance of the gradient; Nelder-Mead takes it for values and variables.
    max_iter : int, optional
        Most iterations; the default depends on the method.

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem(np.zeros(2), lambda x: (x - 1) @ (x - 1), lambda x: 2 * (x - 1), upper=0.5)
    >>> ScipyMinimize("trust-exact").refuses(problem)
    "SciPy's trust-exact needs second derivatives, and this problem has none; trust-constr, ... can take it"
    >>> ScipyMinimize("L-BFGS-B").minimize(problem).x
    array([0.5, 0.5])
    """

    method: str = AUTO
    tol: float = 1e-8
    max_iter: int | None = None

    def __post_init__(self) -> None:
        """Check the options."""
        if self.method != AUTO and self.method not in METHODS:
            raise OptionError(f"method {self.method!r} is not among {', '.join([AUTO, *METHODS])}")
        check_limits(self.tol, self.max_iter)

    @property
    def name(self) -> str:
        """The solver's name for a summary."""
        return f"SciPy {self.method}"

    def refuses(self, problem: Problem) -> str | None:
        """Say why this solver cannot take the problem; None where it can."""
        if self.method == AUTO:
            return None
        reason = _lack(self.method, problem)
        if reason is None:
            return None
        able = [name for name in METHODS if _lack(name, problem) is None]
        return f"{reason}; {', '.join(able)} can take it"

    def minimize(self, problem: Problem) -> Solution:
        """Minimise a problem from its start.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        Solution
            With status INTERRUPTED and the best point so far where the user pressed Ctrl-C. The history is of the
            best values so far.

        Raises
        ------
        SolverError
            Where the method cannot take the problem.
        """
        reason = self.refuses(problem)
        if reason is not None:
            raise SolverError(reason)
        chosen = self._chosen(problem)
        trivial = only_point(problem, f"SciPy {chosen}")
        return trivial if trivial is not None else ScipyRun(problem, chosen, self.tol, self.max_iter).solution()

    def _chosen(self, problem: Problem) -> str:
        if self.method != AUTO:
            return self.method
        return next(name for name in ("trust-exact", "L-BFGS-B", "SLSQP") if _lack(name, problem) is None)


def _lack(name: str, problem: Problem) -> str | None:
    """Say what a method lacks for a problem; None where it lacks nothing."""
    method = METHODS[name]
    if method.hessian == "required" and problem.hessian is None:
        return f"SciPy's {name} needs second derivatives, and this problem has none"
    if problem.constrained and not method.constraints:
        return f"SciPy's {name} takes no constraints"
    if problem.bounded and not method.bounds:
        return f"SciPy's {name} takes no bounds"
    return None
