import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limeform.errors import OptionError, SolverError
from limeform.solve import EvaluationError, Newton, Problem, Status
from tests.solve.examples import (
    disturbed,
    hock_schittkowski_71,
    minus_logarithm,
    quadratic,
    random_quadratic,
    rosenbrock,
)

pytestmark = pytest.mark.no_ipopt


def optimality_gap(problem: Problem, x: np.ndarray) -> float:
    """How far a projected gradient step moves x: zero at an optimum within bounds."""
    step = np.clip(x - problem.gradient(x), problem.lower, problem.upper)
    return float(np.abs(step - x).max())


@settings(max_examples=150)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_convex_quadratics_with_bounds(size, seed):
    rng = np.random.default_rng(seed)
    lower, upper = -rng.exponential(size=size), rng.exponential(size=size)
    lower[rng.random(size) < 0.3] = -np.inf
    upper[rng.random(size) < 0.3] = np.inf
    start = rng.normal(size=size)
    problem = random_quadratic(size, seed, start=start, lower=lower, upper=upper)
    solution = Newton().minimize(problem)
    assert solution.status is Status.CONVERGED
    assert ((lower <= solution.x) & (solution.x <= upper)).all()
    assert optimality_gap(problem, solution.x) < 1e-8 * max(1.0, abs(solution.value))
    balance = solution.gradient - solution.lower_multipliers + solution.upper_multipliers
    np.testing.assert_allclose(balance, 0.0, atol=1e-8 * max(1.0, abs(solution.value)))


@settings(max_examples=100)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1), st.booleans())
def test_from_anywhere_the_value_never_rises_and_the_end_is_a_minimum(size, seed, bounded):
    """A quartic with wells, hills and saddles: the sum of (x² - 1)² with a coupling."""
    rng = np.random.default_rng(seed)
    coupling = 0.3 * rng.normal(size=(size, size))
    coupling += coupling.T
    problem = Problem(
        start=np.round(2.0 * rng.normal(size=size)) * (rng.random(size) < 0.7),
        value=lambda x: float(np.sum((x**2 - 1.0) ** 2) + 0.5 * x @ coupling @ x),
        gradient=lambda x: 4.0 * x * (x**2 - 1.0) + coupling @ x,
        hessian=lambda x: np.diag(12.0 * x**2 - 4.0) + coupling,
        lower=-0.5 if bounded else -np.inf,
    )
    solution = Newton().minimize(problem)
    assert solution.status is Status.CONVERGED
    assert (np.diff(solution.history) <= 0.0).all()
    assert optimality_gap(problem, solution.x) < 1e-6
    inside = solution.x > problem.lower
    curvature = problem.hessian(solution.x)[np.ix_(inside, inside)]
    assert not curvature.size or np.linalg.eigvalsh(curvature)[0] > -1e-6


@pytest.mark.parametrize("size", range(2, 11))
def test_rosenbrock_ends_where_the_gradient_is_nil(size):
    problem = rosenbrock(size)
    solution = Newton().minimize(problem)
    assert solution.status is Status.CONVERGED
    assert np.abs(problem.gradient(solution.x)).max() < 1e-5
    if size <= 3:
        np.testing.assert_allclose(solution.x, 1.0, atol=1e-6)


def test_saddle_at_the_start():
    hessian = np.diag([1.0, -1.0])
    problem = Problem(
        np.zeros(2),
        lambda x: float(0.5 * x @ hessian @ x + 0.25 * x[1] ** 4),
        lambda x: hessian @ x + np.array([0.0, x[1] ** 3]),
        lambda x: hessian + np.diag([0.0, 3.0 * x[1] ** 2]),
    )
    solution = Newton().minimize(problem)
    np.testing.assert_allclose(np.abs(solution.x), [0.0, 1.0], atol=1e-7)
    assert solution.status is Status.CONVERGED


def test_maximum_at_the_start_within_bounds():
    problem = quadratic(-np.eye(2), np.zeros(2), lower=np.array([-1.0, 0.0]), upper=np.array([0.5, 2.0]))
    solution = Newton().minimize(problem)
    np.testing.assert_array_equal(solution.x, [-1.0, 2.0])


def test_a_bound_that_is_active_is_met_exactly():
    problem = rosenbrock(2, upper=np.array([0.3, np.inf]))
    solution = Newton().minimize(problem)
    assert solution.x[0] == 0.3
    assert solution.x[1] == pytest.approx(0.09, abs=1e-9)
    assert solution.upper_multipliers[0] == pytest.approx(1.4, abs=1e-7)


def test_a_bound_at_the_minimum_is_met_exactly():
    """The optimum lies on the bound although the bound does not push: a variance that is just zero."""
    problem = quadratic(np.eye(1), np.zeros(1), start=np.array([3.0]), lower=0.0)
    assert Newton().minimize(problem).x[0] == 0.0


def test_a_variable_leaves_a_bound_that_it_starts_at():
    problem = random_quadratic(4, 2, lower=0.0)
    inner = Newton().minimize(problem)
    again = Newton().minimize(random_quadratic(4, 2, start=np.full(4, 2.0), lower=0.0))
    np.testing.assert_allclose(inner.x, again.x, atol=1e-9)
    assert (inner.x > 0).any()
    assert (inner.x == 0).any()


def test_start_outside_the_bounds_is_moved_onto_them():
    solution = Newton().minimize(random_quadratic(3, 1, start=np.full(3, 9.0), upper=1.0))
    assert solution.status is Status.CONVERGED
    assert (solution.x <= 1.0).all()


def test_where_there_is_no_value_the_step_is_cut():
    solution = Newton().minimize(minus_logarithm())
    np.testing.assert_allclose(solution.x, 0.2, rtol=1e-7)
    assert solution.evaluations > solution.iterations + 1


def test_evaluation_errors_cut_the_step_too():
    def forbid(count, x):
        if (x > 1.5).any():
            raise EvaluationError("beyond the edge")

    problem = disturbed(rosenbrock(2), forbid)
    np.testing.assert_allclose(Newton().minimize(problem).x, 1.0, atol=1e-6)


def test_no_value_at_the_start():
    solution = Newton().minimize(minus_logarithm(start=-1.0))
    assert solution.status is Status.NOT_EVALUABLE
    np.testing.assert_array_equal(solution.x, -1.0)


def test_interruption_hands_back_the_best_point():
    def press(count, x):
        if count == 10:
            raise KeyboardInterrupt

    problem = disturbed(rosenbrock(2), press)
    solution = Newton().minimize(problem)
    assert solution.status is Status.INTERRUPTED
    assert solution.evaluations == 10
    assert solution.value == min(solution.history) < rosenbrock(2).value(problem.start)
    assert rosenbrock(2).value(solution.x) == solution.value


def test_interruption_at_the_first_evaluation():
    def press(count, x):
        raise KeyboardInterrupt

    solution = Newton().minimize(disturbed(rosenbrock(2), press))
    assert solution.status is Status.INTERRUPTED
    np.testing.assert_array_equal(solution.x, [-1.2, 1.0])


def test_other_exceptions_pass_through():
    def fail(count, x):
        raise KeyError("a mistake in the callback")

    with pytest.raises(KeyError, match="a mistake"):
        Newton().minimize(disturbed(rosenbrock(2), fail))


def test_iteration_limit():
    solution = Newton(max_iter=3).minimize(rosenbrock(2))
    assert solution.status is Status.ITERATION_LIMIT
    assert solution.iterations == 3
    assert len(solution.history) == 4


def test_an_objective_without_end():
    solution = Newton().minimize(quadratic(-np.eye(2), np.ones(2)))
    assert solution.status is Status.UNBOUNDED


def test_linear_objective_goes_to_its_bound():
    solution = Newton().minimize(quadratic(np.zeros((2, 2)), np.array([1.0, -1.0]), lower=-3.0, upper=2.0))
    np.testing.assert_array_equal(solution.x, [2.0, -3.0])
    assert solution.status is Status.CONVERGED


def test_badly_scaled_variables():
    rng = np.random.default_rng(2)
    units = np.array([1e6, 1.0, 1e-6])
    root = rng.normal(size=(3, 3))
    hessian, slope = root @ root.T + np.eye(3), rng.normal(size=3)
    solution = Newton().minimize(quadratic(hessian * np.outer(units, units), slope * units))
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.x * units, np.linalg.solve(hessian, slope), rtol=1e-6)


def test_a_noisy_objective_converges_at_its_noise():
    """Rounding far above machine precision must not be reported as a failure, nor run to the iteration limit."""
    clean = rosenbrock(2)
    noisy = Problem(clean.start, lambda x: round(1e3 + clean.value(x), 9), clean.gradient, clean.hessian)
    solution = Newton(tol=1e-14).minimize(noisy)
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.x, 1.0, atol=1e-3)


def test_a_gradient_that_does_not_fit_is_not_called_converged():
    problem = Problem(np.array([1.0]), lambda x: float(x[0] ** 2), lambda x: -2.0 * x, lambda x: np.array([[2.0]]))
    solution = Newton().minimize(problem)
    assert solution.status is Status.STALLED
    assert solution.x[0] == 1.0


def test_refusals():
    assert "second derivatives" in Newton().refuses(Problem(np.ones(1), lambda x: x @ x, lambda x: 2 * x))
    assert "no other constraints" in Newton().refuses(hock_schittkowski_71())
    assert Newton().refuses(rosenbrock(2)) is None
    with pytest.raises(SolverError, match="no other constraints"):
        Newton().minimize(hock_schittkowski_71())
    with pytest.raises(OptionError, match="tol"):
        Newton(tol=0.0)
    with pytest.raises(OptionError, match="max_iter"):
        Newton(max_iter=0)
