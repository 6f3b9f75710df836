"""Ipopt, through cyipopt: an interior-point method for any number of variables, bounds and constraints.

Wächter & Biegler 2006, On the implementation of an interior-point filter line-search algorithm for large-scale
nonlinear programming, Mathematical Programming 106, 25-57.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from limeform.errors import OptionError, SolverError
from limeform.solve.active_set import put_on_active_limits
from limeform.solve.constraints import constraint_limits
from limeform.solve.evaluation import only_point
from limeform.solve.interruption import pass_on
from limeform.solve.ipopt_callbacks import Callbacks
from limeform.solve.ipopt_options import OptionValue, set_option, text_pairs
from limeform.solve.limits import check_limits
from limeform.solve.problem import Problem
from limeform.solve.solution import Solution, Status

STATUS = {
    0: Status.CONVERGED,
    1: Status.ACCEPTABLE,
    2: Status.INFEASIBLE,
    3: Status.STALLED,
    4: Status.UNBOUNDED,
    5: Status.INTERRUPTED,
    6: Status.CONVERGED,
    -1: Status.ITERATION_LIMIT,
    -4: Status.TIME_LIMIT,
    -5: Status.TIME_LIMIT,
    -13: Status.NOT_EVALUABLE,
}
"""What Ipopt's return codes mean; those that are not here are failures."""
INVALID_OPTION = -12


@dataclass(frozen=True)
class Ipopt:
    """Ipopt with exact derivatives; without second derivatives, with its limited-memory approximation.

    Ipopt ends a little inside the limits that hold at the optimum, and may end at a saddle. So where second derivatives
    are known, Newton steps finish its solution and count as iterations; mostly there is nothing left for them to do.

    Parameters
    ----------
    tol : float
        Ipopt's ``tol``.
    max_iter : int
        Most iterations.
    options : mapping of str to str, int, float or bool
        Any other options of Ipopt. They come after limeform's own and override them.

    Examples
    --------
    >>> Ipopt(options={"mu_strategy": "adaptive"})
    Ipopt(tol=1e-08, max_iter=200, options=(('mu_strategy', 'adaptive'),))
    """

    tol: float = 1e-8
    max_iter: int = 200
    options: Mapping[str, OptionValue] | tuple[tuple[str, OptionValue], ...] = ()

    def __post_init__(self) -> None:
        """Check the options and keep them as pairs, so that the value can be hashed."""
        check_limits(self.tol, self.max_iter, least=0)
        object.__setattr__(self, "options", text_pairs(self.options))

    @property
    def name(self) -> str:
        """The solver's name for a summary, with the version of Ipopt where it is installed."""
        version = ipopt_version()
        return "Ipopt" if version is None else f"Ipopt {version}"

    def refuses(self, problem: Problem) -> str | None:
        """Say why this solver cannot take the problem: only where cyipopt is not installed."""
        try:
            import_cyipopt()
        except SolverError as error:
            return str(error)
        return None

    def minimize(self, problem: Problem) -> Solution:
        """Minimise a problem from its start.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        Solution
            With status INTERRUPTED and the best point so far where the user pressed Ctrl-C.

        Raises
        ------
        SolverError
            Where cyipopt is not installed.
        OptionError
            Where Ipopt does not know an option or its value.
        """
        cyipopt = import_cyipopt()
        trivial = only_point(problem, self.name)
        if trivial is not None:
            return trivial
        callbacks = Callbacks(problem)
        ipopt = self._prepare(cyipopt, problem, callbacks)
        try:
            x, info = ipopt.solve(callbacks.evaluations.best)
            if callbacks.stopped is None:
                return self._solution(problem, callbacks, x, info)
        except KeyboardInterrupt as interruption:
            pass_on(interruption)
            return self._interrupted(callbacks)
        if isinstance(callbacks.stopped, KeyboardInterrupt):
            pass_on(callbacks.stopped)
            return self._interrupted(callbacks)
        raise callbacks.stopped

    def _prepare(self, cyipopt: ModuleType, problem: Problem, callbacks: Callbacks) -> Any:
        """Return a fresh cyipopt problem: one that has seen an error in a callback would raise it again."""
        lower, upper = constraint_limits(problem)
        ipopt = cyipopt.Problem(
            n=problem.size,
            m=lower.size,
            problem_obj=callbacks,
            lb=problem.lower,
            ub=problem.upper,
            cl=lower,
            cu=upper,
        )
        for keyword, value in self._all_options(problem).items():
            set_option(ipopt, keyword, value)
        return ipopt

    def _all_options(self, problem: Problem) -> dict[str, OptionValue]:
        """Return limeform's options with those of the user on top."""
        options: dict[str, OptionValue] = {
            "print_level": 0,
            "sb": "yes",
            "tol": self.tol,
            "max_iter": self.max_iter,
            # By default Ipopt widens all limits by 1e-8: a variance could be negative on the way, and in the answer.
            "bound_relax_factor": 0.0,
            "honor_original_bounds": "yes",
            # A derivative that is not finite would otherwise reach the factorisation, which can end the process.
            "check_derivatives_for_naninf": "yes",
        }
        curved = problem.nonlinear
        if problem.linear is not None:
            equations = curved is not None and bool((curved.lower == curved.upper).any())
            inequalities = curved is not None and bool((curved.lower < curved.upper).any())
            options["jac_c_constant"] = "no" if equations else "yes"
            options["jac_d_constant"] = "no" if inequalities else "yes"
        if not problem.constrained:
            # Corrections for the curvature of constraints would only try the same point again.
            options["max_soc"] = 0
        return options | dict(self.options)

    def _solution(self, problem: Problem, callbacks: Callbacks, x: Any, info: dict[str, Any]) -> Solution:
        """Turn what Ipopt returned into a Solution."""
        if info["status"] == INVALID_OPTION:
            raise OptionError(f"Ipopt refuses a value among its options {dict(self.options)}")
        status = STATUS.get(info["status"], Status.FAILED)
        evaluations = callbacks.evaluations
        solution = Solution(
            x=x,
            value=float(info["obj_val"]),
            gradient=np.zeros(x.size),
            status=status,
            message=info["status_msg"].decode(errors="replace"),
            solver=self.name,
            iterations=callbacks.iterations,
            lower_multipliers=info["mult_x_L"],
            upper_multipliers=info["mult_x_U"],
            constraint_multipliers=info["mult_g"],
            history=tuple(callbacks.history),
        )
        if status.success:
            solution = put_on_active_limits(problem, evaluations, solution)
        else:  # where not even the start has a value that is NaN, whatever Ipopt's own field says
            solution = replace(solution, x=evaluations.best, value=evaluations.best_value)
        return replace(solution, gradient=evaluations.gradient(solution.x), evaluations=evaluations.count)

    def _interrupted(self, callbacks: Callbacks) -> Solution:
        """Return the best point that was seen before Ctrl-C."""
        evaluations = callbacks.evaluations
        size = evaluations.best.size
        return Solution(
            x=evaluations.best,
            value=evaluations.best_value,
            gradient=np.full(size, math.nan),
            status=Status.INTERRUPTED,
            message=f"interrupted in iteration {callbacks.iterations + 1}",
            solver=self.name,
            iterations=callbacks.iterations,
            evaluations=evaluations.count,
            lower_multipliers=np.zeros(size),
            upper_multipliers=np.zeros(size),
            constraint_multipliers=np.zeros(callbacks.limits[0].size),
            history=tuple(callbacks.history),
        )


def import_cyipopt() -> ModuleType:
    """Return the module cyipopt.

    Raises
    ------
    SolverError
        Where it is not installed or does not load.
    """
    try:
        import cyipopt
    except ImportError as error:
        raise SolverError(
            f"Ipopt needs the package cyipopt, which does not import here ({error}). Install limeform[ipopt] where "
            "Ipopt and a C compiler are present, or limeform[ipopt-wheels] for ready-made binaries; "
            "or choose another solver, such as ScipyMinimize()."
        ) from error
    module: ModuleType = cyipopt
    return module


def ipopt_version() -> str | None:
    """Return the version of Ipopt behind cyipopt; None where it is not installed."""
    try:
        version = import_cyipopt().IPOPT_VERSION
    except SolverError:
        return None
    return ".".join(str(part) for part in version)
