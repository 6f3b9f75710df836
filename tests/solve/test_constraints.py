import numpy as np
import pytest

from limeform.solve.constraints import constraint_jacobian, constraint_limits, constraint_values, violation
from tests.solve.examples import HS71, hock_schittkowski_71, rosenbrock, simplex_quadratic

pytestmark = pytest.mark.no_ipopt


def test_none():
    problem = rosenbrock(2)
    assert constraint_values(problem, problem.start).shape == (0,)
    assert constraint_jacobian(problem, problem.start).shape == (0, 2)
    assert constraint_limits(problem)[0].shape == (0,)
    assert violation(problem, problem.start) == 0.0


def test_violation_is_the_largest():
    assert violation(simplex_quadratic(), np.array([1.0, 1.0, 0.0])) == pytest.approx(2.3)
    assert violation(simplex_quadratic(), np.array([0.0, 0.0, 0.5])) == pytest.approx(0.5)
    assert violation(hock_schittkowski_71(), HS71) < 1e-5
