"""Which solver is used where the user names none, and which ones there are."""

from __future__ import annotations

from functools import cache

from limeform.errors import SolverError
from limeform.solve.ipopt import Ipopt, import_cyipopt
from limeform.solve.newton import Newton
from limeform.solve.scipy import ScipyMinimize
from limeform.solve.scipy_methods import METHODS
from limeform.solve.solution import Solver


@cache
def default_solver() -> Solver:
    """Return Ipopt where cyipopt imports, else SciPy's minimize.

    Returns
    -------
    Ipopt or ScipyMinimize
    """
    return Ipopt() if _missing_ipopt() is None else ScipyMinimize()


def why_default() -> str:
    """Say in a sentence which solver is the default here, and why."""
    missing = _missing_ipopt()
    if missing is None:
        return f"{Ipopt().name} is the default solver, as cyipopt is installed"
    return f"SciPy is the default solver, as Ipopt cannot be used: {missing}"


def every_solver() -> tuple[Solver, ...]:
    """Return every solver that can be used here, in the order in which they are worth trying.

    Returns
    -------
    tuple of solvers
        Some of them refuse some problems.

    Examples
    --------
    >>> [solver.name for solver in every_solver()][-1]
    'SciPy Nelder-Mead'
    """
    ipopt: tuple[Solver, ...] = (Ipopt(),) if _missing_ipopt() is None else ()
    return (*ipopt, Newton(), *(ScipyMinimize(method) for method in METHODS))


@cache
def _missing_ipopt() -> str | None:
    """Return why Ipopt cannot be used; None where it can. Looked up once: an import that fails is slow."""
    try:
        import_cyipopt()
    except SolverError as error:
        return str(error)
    return None
