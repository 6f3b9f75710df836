"""What every solver has to do alike."""

import pickle
import signal

import numpy as np
import pytest

from limeform.solve import (
    EvaluationError,
    Ipopt,
    LinearConstraints,
    Newton,
    NonlinearConstraints,
    Problem,
    ScipyMinimize,
    Status,
    every_solver,
)
from tests.solve.examples import (
    HS71,
    disturbed,
    hock_schittkowski_71,
    minus_logarithm,
    quadratic,
    random_quadratic,
    rosenbrock,
    simplex_quadratic,
)

pytestmark = pytest.mark.no_ipopt

SOLVERS = {solver.name.split(" 3")[0]: solver for solver in (*every_solver(), ScipyMinimize())}
all_solvers = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS.keys())


def minimize_or_skip(solver, problem):
    reason = solver.refuses(problem)
    if reason is not None:
        pytest.skip(reason)
    return solver.minimize(problem)


def stationarity(problem: Problem, solution) -> float:
    """The largest part of the gradient that the multipliers leave over."""
    left = solution.gradient - solution.lower_multipliers + solution.upper_multipliers
    rows = [np.empty((0, problem.size))]
    if problem.linear is not None:
        rows.append(problem.linear.matrix)
    if problem.nonlinear is not None:
        rows.append(problem.nonlinear.jacobian(solution.x))
    return float(np.abs(left + np.concatenate(rows).T @ solution.constraint_multipliers).max())


@all_solvers
@pytest.mark.parametrize("size", [2, 3])
def test_rosenbrock(solver, size):
    solution = minimize_or_skip(solver, rosenbrock(size))
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.x, 1.0, atol=2e-5)
    assert solution.history[0] == pytest.approx(rosenbrock(size).value(rosenbrock(size).start))
    assert len(solution.history) == solution.iterations + 1
    assert solution.evaluations > 1
    assert solution.solver.startswith(solver.name.removesuffix(" auto"))


@all_solvers
def test_bounds_that_are_active_are_met_exactly(solver):
    problem = random_quadratic(6, 0, lower=-0.5, upper=0.5)
    solution = minimize_or_skip(solver, problem)
    expected = SOLVERS["trust-region Newton"].minimize(problem).x
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.x, expected, atol=1e-6)
    np.testing.assert_array_equal(np.abs(solution.x) == 0.5, np.abs(expected) == 0.5)
    assert stationarity(problem, solution) < 1e-5


@all_solvers
def test_a_minimum_on_a_bound_that_does_not_push(solver):
    solution = minimize_or_skip(solver, quadratic(np.eye(2), np.array([0.0, 1.0]), start=np.ones(2), lower=0.0))
    assert solution.status is Status.CONVERGED
    assert solution.x[0] == pytest.approx(0.0, abs=1e-8)
    assert solution.x[1] == pytest.approx(1.0, abs=1e-6)


@all_solvers
def test_a_minimum_near_a_bound_stays_off_it(solver):
    solution = minimize_or_skip(solver, quadratic(np.eye(1), np.array([5e-5]), start=np.ones(1), lower=0.0))
    assert solution.value < -0.5 * 5e-5**2 + 2e-9
    if "Nelder" not in solution.solver:
        assert solution.x[0] == pytest.approx(5e-5, rel=1e-3)


@all_solvers
@pytest.mark.parametrize("with_hessian", [True, False])
def test_nonlinear_constraints(solver, with_hessian):
    problem = hock_schittkowski_71(with_hessian)
    solution = minimize_or_skip(solver, problem)
    assert solution.success
    np.testing.assert_allclose(solution.x, HS71, atol=1e-5)
    np.testing.assert_allclose(solution.constraint_multipliers, [-0.55229366, 0.16146857], atol=1e-4)
    assert solution.lower_multipliers[0] == pytest.approx(1.0878712, abs=1e-4)
    assert stationarity(problem, solution) < 1e-4


@all_solvers
def test_linear_constraints(solver):
    problem = simplex_quadratic()
    solution = minimize_or_skip(solver, problem)
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.x, [8 / 15, 1 / 12, 23 / 60], atol=1e-7)
    np.testing.assert_allclose(problem.linear.matrix @ solution.x, [1.0, 0.7], atol=1e-13)
    np.testing.assert_allclose(solution.constraint_multipliers, [-47 / 60, 0.75], atol=1e-6)


@all_solvers
def test_linear_and_nonlinear_constraints_together(solver):
    """The point of the unit circle with x1 = x2 nearest to (1, 0)."""
    problem = Problem(
        start=np.array([0.5, 0.5]),
        value=lambda x: float((x[0] - 1.0) ** 2 + x[1] ** 2),
        gradient=lambda x: np.array([2.0 * (x[0] - 1.0), 2.0 * x[1]]),
        hessian=lambda x: 2.0 * np.eye(2),
        linear=LinearConstraints(np.array([[1.0, -1.0], [1.0, 1.0]]), np.array([0.0, -np.inf]), np.array([0.0, 9.0])),
        nonlinear=NonlinearConstraints(
            lambda x: np.array([x @ x]),
            lambda x: 2.0 * x[None, :],
            np.array([1.0]),
            np.array([np.inf]),
            lambda x, multipliers: 2.0 * multipliers[0] * np.eye(2),
        ),
    )
    solution = minimize_or_skip(solver, problem)
    assert solution.success
    np.testing.assert_allclose(solution.x, np.sqrt(0.5), atol=1e-6)
    assert stationarity(problem, solution) < 1e-5


@all_solvers
def test_infeasible_constraints(solver):
    constraint = LinearConstraints(np.ones((1, 3)), np.array([-2.0]), np.array([-1.0]))
    solution = minimize_or_skip(solver, random_quadratic(3, 1, lower=0.0, linear=constraint))
    assert solution.status is Status.INFEASIBLE
    assert (solution.x >= 0.0).all()


@all_solvers
def test_steps_are_cut_where_there_is_no_value(solver):
    solution = minimize_or_skip(solver, minus_logarithm())
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.x, 0.2, rtol=1e-5)


@all_solvers
@pytest.mark.parametrize("error", [EvaluationError, np.linalg.LinAlgError, FloatingPointError])
def test_steps_are_cut_at_evaluation_errors(solver, error):
    def forbid(count, x):
        if not (x > 0).all():
            raise error("no value here")

    solution = minimize_or_skip(solver, disturbed(minus_logarithm(), forbid))
    np.testing.assert_allclose(solution.x, 0.2, rtol=1e-5)


@all_solvers
def test_bounds_are_where_the_domain_ends(solver):
    """sqrt(x) has no value below its bound, where the optimum is."""
    problem = Problem(
        np.array([2.0]),
        lambda x: float(x[0] + x[0] ** 1.5) if x[0] >= 0 else np.nan,
        lambda x: 1.0 + 1.5 * np.sqrt(x),
        lower=0.0,
    )
    assert minimize_or_skip(solver, problem).x[0] == pytest.approx(0.0, abs=1e-8)


@all_solvers
def test_no_value_at_the_start(solver):
    solution = minimize_or_skip(solver, minus_logarithm(start=-1.0))
    assert solution.status is Status.NOT_EVALUABLE
    np.testing.assert_array_equal(solution.x, -1.0)


@all_solvers
@pytest.mark.parametrize("at", [1, 9])
def test_interruption_hands_back_the_best_point(solver, at):
    clean = rosenbrock(3)
    values = []

    def press(count, x):
        if count == at:
            raise KeyboardInterrupt
        values.append(clean.value(x))

    solution = minimize_or_skip(solver, disturbed(clean, press))
    assert solution.status is Status.INTERRUPTED
    assert solution.evaluations == at == len(values) + 1
    if at == 1:
        np.testing.assert_array_equal(solution.x, clean.start)
        assert np.isnan(solution.value)
    else:
        assert solution.value == min(values) == clean.value(solution.x)


@all_solvers
def test_interruption_at_the_last_evaluation(solver):
    counts = []
    minimize_or_skip(solver, disturbed(rosenbrock(2), lambda count, x: counts.append(count)))
    last = counts[-1]

    def press(count, x):
        if count == last:
            raise KeyboardInterrupt

    solution = solver.minimize(disturbed(rosenbrock(2), press))
    assert solution.status is Status.INTERRUPTED
    assert np.isfinite(solution.value)


@all_solvers
def test_a_real_control_c(solver):
    def press(count, x):
        if count == 4:
            signal.raise_signal(signal.SIGINT)

    solution = minimize_or_skip(solver, disturbed(rosenbrock(2), press))
    assert solution.status is Status.INTERRUPTED
    assert solution.evaluations == 4


@all_solvers
def test_other_exceptions_stop_at_once_and_pass_through(solver):
    calls = []

    def fail(count, x):
        calls.append(count)
        if count == 5:
            raise KeyError("a mistake in the callback")

    problem = disturbed(rosenbrock(3), fail)
    with pytest.raises(KeyError, match="a mistake"):
        minimize_or_skip(solver, problem)
    assert calls == [1, 2, 3, 4, 5]
    # The solver is not spoilt by it.
    np.testing.assert_allclose(minimize_or_skip(solver, rosenbrock(3)).x, 1.0, atol=2e-5)


@all_solvers
@pytest.mark.parametrize("part", ["gradient", "hessian"])
def test_derivatives_of_the_wrong_shape_are_named(solver, part):
    wrong = {"gradient": lambda x: x[:1], "hessian": lambda x: np.eye(1)}
    parts = {"value": lambda x: float(x @ x), "gradient": lambda x: 2 * x, "hessian": lambda x: 2 * np.eye(2)}
    problem = Problem(np.ones(2), **(parts | {part: wrong[part]}))
    with pytest.raises(ValueError, match=f"the {part.replace('h', 'H', 1)} of 2 variables has shape"):
        minimize_or_skip(solver, problem)


@all_solvers
def test_iteration_limit(solver):
    limited = type(solver)(**{**vars(solver), "max_iter": 2})
    solution = minimize_or_skip(limited, rosenbrock(3))
    assert solution.status is Status.ITERATION_LIMIT
    assert np.isfinite(solution.gradient).all()


@all_solvers
def test_no_variables(solver):
    problem = Problem(np.empty(0), lambda x: 3.0, lambda x: x, lambda x: np.empty((0, 0)))
    solution = solver.minimize(problem)
    assert solution.status is Status.CONVERGED
    assert solution.value == 3.0
    assert solution.x.shape == solution.gradient.shape == (0,)


@all_solvers
def test_all_variables_fixed(solver):
    problem = quadratic(np.eye(2), np.ones(2), start=np.zeros(2), lower=3.0, upper=3.0)
    solution = minimize_or_skip(solver, problem)
    np.testing.assert_array_equal(solution.x, 3.0)
    assert solution.value == 3.0
    assert stationarity(problem, solution) == 0.0


@all_solvers
def test_one_variable_fixed(solver):
    lower, upper = np.array([0.3, -0.5, -0.5]), np.array([0.3, 0.5, 0.5])
    problem = random_quadratic(3, 8, lower=lower, upper=upper)
    solution = minimize_or_skip(solver, problem)
    assert solution.status is Status.CONVERGED
    assert solution.x[0] == 0.3
    np.testing.assert_allclose(solution.x, SOLVERS["trust-region Newton"].minimize(problem).x, atol=1e-6)


@all_solvers
def test_badly_scaled_variables(solver):
    rng = np.random.default_rng(2)
    units = np.array([1e6, 1.0, 1e-6])
    root = rng.normal(size=(3, 3))
    hessian, slope = root @ root.T + np.eye(3), rng.normal(size=3)
    solution = minimize_or_skip(solver, quadratic(hessian * np.outer(units, units), slope * units))
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(solution.x * units, np.linalg.solve(hessian, slope), atol=1e-5)


@all_solvers
def test_an_indefinite_start(solver):
    """The start is a ridge; both valleys lie at the same depth."""
    problem = Problem(
        np.array([0.01, 1.0]),
        lambda x: float((x[0] ** 2 - 1.0) ** 2 + x[1] ** 2),
        lambda x: np.array([4.0 * x[0] * (x[0] ** 2 - 1.0), 2.0 * x[1]]),
        lambda x: np.diag([12.0 * x[0] ** 2 - 4.0, 2.0]),
    )
    solution = minimize_or_skip(solver, problem)
    assert solution.status is Status.CONVERGED
    np.testing.assert_allclose(np.abs(solution.x), [1.0, 0.0], atol=1e-5)


@all_solvers
def test_a_saddle_is_not_called_an_optimum(solver):
    problem = Problem(
        np.zeros(2),
        lambda x: float(x[0] ** 4 - x[0] ** 2 + x[1] ** 2),
        lambda x: np.array([4.0 * x[0] ** 3 - 2.0 * x[0], 2.0 * x[1]]),
        lambda x: np.array([[12.0 * x[0] ** 2 - 2.0, 0.0], [0.0, 2.0]]),
    )
    solution = minimize_or_skip(solver, problem)
    at_saddle = bool(np.abs(solution.x[0]) < 1e-3)
    assert solution.success != at_saddle
    if isinstance(solver, Ipopt | Newton):
        assert solution.success


@all_solvers
def test_without_second_derivatives(solver):
    clean = rosenbrock(2)
    problem = Problem(clean.start, clean.value, clean.gradient)
    np.testing.assert_allclose(minimize_or_skip(solver, problem).x, 1.0, atol=1e-4)


@all_solvers
def test_solvers_are_values(solver):
    again = pickle.loads(pickle.dumps(solver))
    assert again == solver
    assert hash(again) == hash(solver)
    assert type(solver)(**{**vars(solver), "tol": 1e-3}) != solver


@all_solvers
def test_solutions_can_be_sent_to_another_process(solver):
    solution = minimize_or_skip(solver, rosenbrock(2))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(solution)).x, solution.x)


@all_solvers
def test_nothing_is_printed_or_warned(solver, capfd, recwarn):
    for problem in (rosenbrock(2), hock_schittkowski_71(), minus_logarithm(), random_quadratic(3, 8, lower=0.3)):
        if solver.refuses(problem) is None:
            solver.minimize(problem)
    assert capfd.readouterr() == ("", "")
    assert not [str(warning.message) for warning in recwarn if "invalid value" not in str(warning.message)]


def test_ipopt_is_among_them_where_it_is_installed():
    pytest.importorskip("cyipopt")
    assert isinstance(next(iter(SOLVERS.values())), Ipopt)
