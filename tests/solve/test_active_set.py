from dataclasses import replace

import numpy as np
import pytest

from limeform.solve import LinearConstraints, Problem, Solution, Status
from limeform.solve.active_set import put_on_active_limits
from limeform.solve.evaluation import Evaluations
from limeform.solve.multipliers import balancing_multipliers
from tests.solve.examples import quadratic, simplex_quadratic

pytestmark = pytest.mark.no_ipopt


def moved(problem: Problem, x: np.ndarray, refine: bool = True) -> np.ndarray:
    gradient = problem.gradient(x)
    found = balancing_multipliers(problem, x, gradient, 1e-4)
    solution = Solution(
        x=x,
        value=problem.value(x),
        gradient=gradient,
        status=Status.CONVERGED,
        message="",
        solver="",
        lower_multipliers=found.lower,
        upper_multipliers=found.upper,
        constraint_multipliers=found.constraints,
    )
    return put_on_active_limits(problem, Evaluations(problem), solution, refine).x


@pytest.mark.parametrize("refine", [True, False])
def test_an_active_bound_is_met_exactly(refine):
    problem = quadratic(np.eye(2), np.array([-1.0, 0.5]), lower=0.0)
    np.testing.assert_allclose(moved(problem, np.array([3e-7, 0.5]), refine), [0.0, 0.5], atol=1e-15)


@pytest.mark.parametrize("refine", [True, False])
def test_a_variable_that_is_only_near_its_bound_stays(refine):
    problem = quadratic(np.eye(1), np.array([5e-5]), lower=0.0)
    assert moved(problem, np.array([5e-5]), refine)[0] == 5e-5


def test_free_variables_follow_by_a_newton_step():
    """The rows hold exactly, and the point is the optimum, not only the nearest point that meets the rows."""
    problem, optimum = simplex_quadratic(), np.array([8 / 15, 1 / 12, 23 / 60])
    near = optimum + np.array([2e-6, -3e-6, 1e-6])
    np.testing.assert_allclose(moved(problem, near), optimum, atol=1e-15)
    shortest = moved(problem, near, refine=False)
    np.testing.assert_allclose(problem.linear.matrix @ shortest, [1.0, 0.7], atol=1e-15)


def test_no_move_that_breaks_another_constraint():
    """The first variable is near its bound, but the row keeps it off."""
    row = LinearConstraints(np.array([[1.0, 0.0]]), np.array([5e-5]), np.array([np.inf]))
    problem = quadratic(np.eye(2), np.array([-1.0, 0.5]), lower=0.0, linear=row)
    x = moved(problem, np.array([5e-5, 0.5]))
    assert x[0] == pytest.approx(5e-5, abs=1e-8)


def test_no_move_to_where_there_is_no_value():
    problem = quadratic(np.eye(1), np.array([-1.0]), lower=0.0)
    walled = replace(problem, value=lambda x: problem.value(x) if x[0] > 0 else np.nan)
    assert moved(walled, np.array([1e-7]), refine=False)[0] == 1e-7
