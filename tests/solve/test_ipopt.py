import sys
from dataclasses import replace

import numpy as np
import pytest

from limeform.errors import OptionError, SolverError
from limeform.solve import Ipopt, LinearConstraints, Problem, Status
from limeform.solve.ipopt_callbacks import Callbacks
from limeform.solve.ipopt_options import declared_type
from tests.solve.examples import (
    disturbed,
    hock_schittkowski_71,
    quadratic,
    random_quadratic,
    rosenbrock,
    simplex_quadratic,
)


@pytest.fixture
def cyipopt():
    return pytest.importorskip("cyipopt")


@pytest.mark.no_ipopt
def test_where_cyipopt_is_missing_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cyipopt", None)
    with pytest.raises(SolverError, match=r"limeform\[ipopt\].*limeform\[ipopt-wheels\].*another solver"):
        Ipopt().minimize(rosenbrock(2))
    assert "limeform[ipopt]" in Ipopt().refuses(rosenbrock(2))
    assert Ipopt().name == "Ipopt"


def test_the_name_tells_the_version(cyipopt):
    version = ".".join(map(str, cyipopt.IPOPT_VERSION))
    assert Ipopt().name == f"Ipopt {version}"
    assert Ipopt().minimize(rosenbrock(2)).solver == f"Ipopt {version}"


@pytest.mark.no_ipopt
def test_options_are_kept_as_sorted_pairs():
    solver = Ipopt(options={"mu_strategy": "adaptive", "max_soc": 3})
    assert solver == Ipopt(options={"max_soc": 3, "mu_strategy": "adaptive"})
    assert hash(solver) == hash(Ipopt(options=solver.options))
    assert solver.options == (("max_soc", 3), ("mu_strategy", "adaptive"))


@pytest.mark.no_ipopt
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tol": 0.0}, "tol has to be a positive number"),
        ({"max_iter": 2.5}, "max_iter has to be a whole number"),
        ({"options": {"tol": 1}}, r"write Ipopt\(tol=1\)"),
        ({"options": {"mu_init": None}}, "'mu_init' has to be text or a number"),
        ({"options": {1: 2}}, "names of Ipopt's options are text"),
    ],
)
def test_arguments_that_make_no_sense(arguments, words):
    with pytest.raises(OptionError, match=words):
        Ipopt(**arguments)


@pytest.mark.no_ipopt
def test_whole_numbers_stay_whole():
    with pytest.raises(OptionError, match="'max_soc' takes a whole number"):
        declared_type("max_soc", 2.5)


def test_every_option_is_passed_on_with_the_type_that_ipopt_wants(cyipopt, capfd):
    options = {"max_soc": 2.0, "mu_init": 1, "mu_strategy": "monotone", "check_derivatives_for_naninf": True}
    assert Ipopt(tol=1, max_iter=50.0, options=options).minimize(rosenbrock(2)).success
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("options", [{"no_such_option": 1}, {"mu_strategy": "sideways"}, {"mu_init": -1.0}])
def test_options_that_ipopt_refuses_are_named(cyipopt, options):
    name = next(iter(options))
    with pytest.raises(OptionError, match=name):
        Ipopt(options=options).minimize(rosenbrock(2))


def test_options_override_the_defaults(cyipopt, capfd):
    Ipopt(options={"print_level": 5}).minimize(rosenbrock(2))
    assert "Number of Iterations" in capfd.readouterr().out


def test_the_lower_triangle_is_filled_as_the_structure_says(cyipopt):
    """With a Hessian of distinct entries a transposed triangle would need more than one step."""
    rng = np.random.default_rng(4)
    root = rng.normal(size=(6, 6))
    hessian, slope = root @ root.T + np.eye(6), rng.normal(size=6)
    solution = Ipopt().minimize(quadratic(hessian, slope))
    assert solution.iterations == 1
    np.testing.assert_allclose(solution.x, np.linalg.solve(hessian, slope), rtol=1e-9)


def test_derivatives_agree_with_differences():
    """Ipopt's own check would print; this is the same one on the callbacks."""
    linear = LinearConstraints(np.array([[1.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 3.0]]), np.zeros(2), np.ones(2))
    base = hock_schittkowski_71()
    problem = Problem(base.start, base.value, base.gradient, base.hessian, linear=linear, nonlinear=base.nonlinear)
    callbacks = Callbacks(problem)
    x, multipliers, step = np.array([1.3, 2.1, 3.2, 1.7]), np.array([0.3, -0.2, 0.5, 0.7]), 1e-6
    steps = step * np.eye(4)
    jacobian, lower = np.zeros((4, 4)), np.zeros((4, 4))
    jacobian[callbacks.jacobianstructure()] = callbacks.jacobian(x)
    lower[callbacks.hessianstructure()] = callbacks.hessian(x, multipliers, 2.0)
    assert np.triu(lower, 1).max() == 0.0

    def lagrangian_slope(x):
        dense = np.zeros((4, 4))
        dense[callbacks.jacobianstructure()] = callbacks.jacobian(x)
        return 2.0 * callbacks.gradient(x) + dense.T @ multipliers

    differences = [(callbacks.constraints(x + h) - callbacks.constraints(x - h)) / (2 * step) for h in steps]
    np.testing.assert_allclose(jacobian, np.array(differences).T, atol=1e-7)
    differences = [(lagrangian_slope(x + h) - lagrangian_slope(x - h)) / (2 * step) for h in steps]
    np.testing.assert_allclose(np.tril(np.array(differences)), lower, atol=1e-7)


def test_limited_memory_where_there_is_no_hessian():
    assert not hasattr(Callbacks(hock_schittkowski_71(with_hessian=False)), "hessian")


def test_bounds_are_never_left_on_the_way(cyipopt):
    seen = []
    problem = disturbed(random_quadratic(5, 3, lower=0.0, start=np.ones(5)), lambda count, x: seen.append(x))
    Ipopt().minimize(problem)
    assert np.min(seen) >= 0.0


def test_linear_constraints_hold_exactly(cyipopt):
    problem = simplex_quadratic()
    solution = Ipopt().minimize(problem)
    np.testing.assert_allclose(problem.linear.matrix @ solution.x, [1.0, 0.7], rtol=0, atol=4e-16)


def test_an_error_in_a_constraint_passes_through(cyipopt):
    base = hock_schittkowski_71()
    calls = []

    def broken(x):
        calls.append(x)
        raise KeyError("a mistake in the constraint")

    problem = replace(base, nonlinear=replace(base.nonlinear, jacobian=broken))
    with pytest.raises(KeyError, match="a mistake in the constraint"):
        Ipopt().minimize(problem)
    assert len(calls) == 1


def test_history_is_of_the_objective_itself(cyipopt):
    """Ipopt scales objectives with large gradients; what is reported is not scaled."""
    solution = Ipopt().minimize(rosenbrock(3))
    assert solution.history[0] == pytest.approx(rosenbrock(3).value(rosenbrock(3).start), rel=1e-14)
    assert solution.history[-1] == pytest.approx(solution.value, abs=1e-12)


def test_no_point_is_evaluated_twice(cyipopt):
    """The first steps overshoot; a second-order correction without constraints would be the same step again."""
    seen = []
    solution = Ipopt().minimize(disturbed(rosenbrock(3), lambda count, x: seen.append(tuple(x))))
    assert solution.evaluations == len(set(seen))
    assert seen[-1] == seen[-2] == tuple(solution.x)  # Newton's method takes over where Ipopt ends: the caller's cache
    assert len(seen) == len(set(seen)) + 1


def test_away_from_a_saddle_that_has_no_valley(cyipopt):
    saddle = quadratic(np.diag([1.0, -1.0]), np.zeros(2))
    assert Ipopt().minimize(saddle).status is Status.UNBOUNDED


def test_newton_steps_count_as_iterations(cyipopt):
    """Ipopt starts at a saddle and is content with it."""
    solution = Ipopt().minimize(
        Problem(
            np.zeros(1),
            lambda x: float(x[0] ** 4 - x[0] ** 2),
            lambda x: 4.0 * x**3 - 2.0 * x,
            lambda x: np.array([[12.0 * x[0] ** 2 - 2.0]]),
        )
    )
    assert abs(solution.x[0]) == pytest.approx(np.sqrt(0.5), abs=1e-8)
    assert solution.iterations == len(solution.history) - 1 > 0
    assert solution.history[-1] == solution.value


def test_after_failure_the_best_point_is_returned(cyipopt):
    solution = Ipopt(max_iter=5).minimize(rosenbrock(5))
    assert solution.status is Status.ITERATION_LIMIT
    assert solution.value <= min(solution.history)
    assert solution.value == rosenbrock(5).value(solution.x)
