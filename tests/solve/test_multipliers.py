import numpy as np
import pytest

from limeform.solve.multipliers import balancing_multipliers
from tests.solve.examples import HS71, hock_schittkowski_71, random_quadratic, simplex_quadratic

pytestmark = pytest.mark.no_ipopt


def test_bounds_only():
    problem = random_quadratic(3, 1, lower=0.0, upper=1.0)
    found = balancing_multipliers(problem, np.array([0.0, 1.0, 0.5]), np.array([2.0, -3.0, 0.25]), 1e-9)
    np.testing.assert_array_equal(found.lower, [2.0, 0.0, 0.0])
    np.testing.assert_array_equal(found.upper, [0.0, 3.0, 0.0])
    np.testing.assert_array_equal(found.residual, [0.0, 0.0, 0.25])


def test_a_gradient_pointing_inside_has_no_multiplier():
    problem = random_quadratic(1, 1, lower=0.0)
    found = balancing_multipliers(problem, np.zeros(1), np.array([-1.0]), 1e-9)
    assert found.lower[0] == 0.0
    assert found.residual[0] == -1.0


def test_at_known_optima():
    problem, x = simplex_quadratic(), np.array([8 / 15, 1 / 12, 23 / 60])
    found = balancing_multipliers(problem, x, problem.gradient(x), 1e-9)
    np.testing.assert_allclose(found.constraints, [-47 / 60, 0.75], rtol=1e-12)
    np.testing.assert_allclose(found.residual, 0.0, atol=1e-14)
    problem = hock_schittkowski_71()
    found = balancing_multipliers(problem, HS71, problem.gradient(HS71), 1e-5)
    np.testing.assert_allclose(found.constraints, [-0.5522937, 0.1614686], atol=1e-5)
    assert found.lower[0] == pytest.approx(1.0878712, abs=1e-5)
