import numpy as np
import pytest

from limeform.solve import LinearConstraints, Problem
from limeform.solve.scaling import natural_scale, rescaled
from tests.solve.examples import hock_schittkowski_71, minus_logarithm, quadratic, rosenbrock

pytestmark = pytest.mark.no_ipopt


def test_scale_brings_curvatures_near_one():
    scale = natural_scale(quadratic(np.diag([1e12, 1.0, 1e-12]), np.zeros(3)))
    curvature = np.array([1e12, 1.0, 1e-12]) / scale**2
    assert ((curvature >= 0.5) & (curvature <= 2.0)).all()
    np.testing.assert_array_equal(np.log2(scale) % 1, 0.0)


@pytest.mark.parametrize(
    "problem",
    [
        Problem(np.ones(2), lambda x: x @ x, lambda x: 2 * x),
        quadratic(np.zeros((2, 2)), np.ones(2)),
        minus_logarithm(start=0.0),
    ],
    ids=["no Hessian", "no curvature", "no value"],
)
def test_scale_is_one_where_there_is_no_curvature_to_go_by(problem):
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(natural_scale(problem), 1.0)


def test_derivatives_of_the_rescaled_problem_follow_the_chain_rule():
    base, scale = hock_schittkowski_71(), np.array([4.0, 0.5, 1.0, 1024.0])
    linear = LinearConstraints(np.array([[1.0, 2.0, 3.0, 4.0]]), np.zeros(1), np.ones(1))
    base = Problem(base.start, base.value, base.gradient, base.hessian, base.lower, base.upper, linear, base.nonlinear)
    other, x = rescaled(base, scale), np.array([1.5, 2.0, 3.0, 4.0])
    u, multipliers = x * scale, np.array([0.3, -2.0])
    assert other.value(u) == base.value(x)
    np.testing.assert_array_equal(other.gradient(u) * scale, base.gradient(x))
    np.testing.assert_array_equal(other.hessian(u) * np.outer(scale, scale), base.hessian(x))
    np.testing.assert_array_equal(other.lower / scale, base.lower)
    np.testing.assert_array_equal(other.linear.matrix @ u, linear.matrix @ x)
    np.testing.assert_array_equal(other.nonlinear.function(u), base.nonlinear.function(x))
    np.testing.assert_array_equal(other.nonlinear.jacobian(u) * scale, base.nonlinear.jacobian(x))
    np.testing.assert_array_equal(
        other.nonlinear.hessian(u, multipliers) * np.outer(scale, scale), base.nonlinear.hessian(x, multipliers)
    )


def test_without_hessian_stays_without():
    base = rosenbrock(2)
    assert rescaled(Problem(base.start, base.value, base.gradient), np.ones(2)).hessian is None
