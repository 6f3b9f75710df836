import numpy as np
import pytest

from limeform.errors import OptionError, SolverError
from limeform.solve import Problem, ScipyMinimize, Status
from tests.solve.examples import hock_schittkowski_71, quadratic, random_quadratic, rosenbrock, simplex_quadratic

pytestmark = pytest.mark.no_ipopt


def without_hessian(problem: Problem) -> Problem:
    return Problem(problem.start, problem.value, problem.gradient, lower=problem.lower, upper=problem.upper)


def test_refusals_name_the_reason_and_who_can():
    bounded = random_quadratic(3, 1, lower=0.0)
    assert ScipyMinimize("trust-exact").refuses(bounded) == (
        "SciPy's trust-exact takes no bounds; trust-constr, L-BFGS-B, SLSQP, Nelder-Mead can take it"
    )
    assert ScipyMinimize("L-BFGS-B").refuses(hock_schittkowski_71()) == (
        "SciPy's L-BFGS-B takes no constraints; trust-constr, SLSQP can take it"
    )
    assert "second derivatives" in ScipyMinimize("trust-exact").refuses(without_hessian(rosenbrock(2)))
    with pytest.raises(SolverError, match="takes no bounds"):
        ScipyMinimize("trust-exact").minimize(bounded)


@pytest.mark.parametrize(
    ("problem", "method"),
    [
        (rosenbrock(2), "trust-exact"),
        (without_hessian(rosenbrock(2)), "L-BFGS-B"),
        (random_quadratic(3, 1, lower=0.0), "L-BFGS-B"),
        (simplex_quadratic(), "SLSQP"),
    ],
)
def test_auto_takes_a_method_that_can(problem, method):
    solution = ScipyMinimize().minimize(problem)
    assert solution.solver == f"SciPy {method}"
    assert solution.success


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "simplex"}, "'simplex' is not among auto, trust-exact"),
        ({"tol": -1.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
    ],
)
def test_arguments_that_make_no_sense(arguments, words):
    with pytest.raises(OptionError, match=words):
        ScipyMinimize(**arguments)


def test_a_claim_of_success_is_not_believed_far_from_the_optimum():
    """A gradient too small to notice for the method; the Hessian shows that the optimum is far away."""
    problem = quadratic(1e-12 * np.eye(1), np.array([1e-9]))
    assert ScipyMinimize("L-BFGS-B").minimize(problem).x[0] == pytest.approx(1e3, rel=1e-3)
    steep = Problem(np.array([1e4]), lambda x: 1e-9 * float(x @ x), lambda x: 2e-9 * x)
    solution = ScipyMinimize("L-BFGS-B", tol=1e-3).minimize(steep)
    assert solution.x[0] == 1e4
    assert solution.status is not Status.CONVERGED or np.abs(solution.gradient).max() < 1e-4


def test_a_loose_end_is_called_acceptable_or_worse():
    problem = rosenbrock(2)
    statuses = [ScipyMinimize("L-BFGS-B", tol=tol).minimize(problem).status for tol in (1e-8, 1e-2, 1.0, 10.0)]
    assert statuses[0] is Status.CONVERGED
    assert statuses[-1] is Status.STALLED


def test_an_iteration_limit_is_not_hidden_by_newton_steps():
    problem = rosenbrock(3, lower=-5.0, upper=0.9)
    assert ScipyMinimize("trust-constr").minimize(problem).status is Status.CONVERGED
    assert ScipyMinimize("trust-constr", max_iter=2).minimize(problem).status is Status.ITERATION_LIMIT


def test_history_falls():
    history = ScipyMinimize("L-BFGS-B").minimize(rosenbrock(4)).history
    assert (np.diff(history) <= 0.0).all()
