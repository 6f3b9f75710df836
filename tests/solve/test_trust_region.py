"""The step against the conditions that mark the lowest point of a quadratic in a ball (Moré & Sorensen 1983)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limeform.solve.trust_region import free_variables, step_in_ball, step_in_box

pytestmark = pytest.mark.no_ipopt


def model(hessian, gradient, p):
    return gradient @ p + 0.5 * p @ hessian @ p


@settings(max_examples=200)
@given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.floats(0.01, 100.0))
def test_step_is_the_lowest_point_within_the_radius(size, seed, radius):
    rng = np.random.default_rng(seed)
    hessian = rng.normal(size=(size, size))
    hessian += hessian.T
    gradient = rng.normal(size=size)
    step = step_in_ball(hessian, gradient, np.ones(size), radius)
    assert np.linalg.norm(step.p) <= 1.02 * radius
    # Any shift that is at least as large as the lowest curvature bounds the model from below within the ball.
    shift = max(0.0, float(-(gradient + hessian @ step.p) @ step.p / (step.p @ step.p)))
    np.testing.assert_allclose(hessian @ step.p + shift * step.p, -gradient, atol=1e-7 * (1.0 + shift * radius))
    assert np.linalg.eigvalsh(hessian)[0] + shift >= -1e-8 * (1.0 + shift)
    assert step.edge or shift < 1e-7


def test_a_saddle_is_left_along_negative_curvature_to_the_radius():
    step = step_in_ball(np.diag([2.0, -1.0]), np.zeros(2), np.ones(2), 3.0)
    np.testing.assert_allclose(np.abs(step.p), [0.0, 3.0], atol=1e-12)
    assert step.edge
    assert not step.convex


def test_hard_case_goes_the_rest_of_the_way_along_the_lowest_curvature():
    # The slope has no part along the lowest curvature; the shifted step (-1/3, 0) is shorter than the radius.
    step = step_in_ball(np.diag([2.0, -1.0]), np.array([1.0, 0.0]), np.ones(2), 1.0)
    np.testing.assert_allclose(np.abs(step.p), [1.0 / 3.0, np.sqrt(8.0) / 3.0], rtol=1e-6)


def test_scale_changes_units_only():
    rng = np.random.default_rng(3)
    hessian = rng.normal(size=(3, 3))
    hessian += hessian.T
    gradient, units = rng.normal(size=3), np.array([1e6, 1.0, 1e-6])
    plain = step_in_ball(hessian, gradient, np.ones(3), 0.5)
    scaled = step_in_ball(hessian * np.outer(units, units), gradient * units, units, 0.5)
    np.testing.assert_allclose(scaled.p * units, plain.p, rtol=1e-8)


def test_a_flat_direction_with_a_slope_promises_a_fall():
    step = step_in_ball(np.diag([1.0, 0.0]), np.array([0.0, 1.0]), np.ones(2), np.inf)
    assert step.convex
    assert step.decrement > 1e6
    assert step.p[1] < 0.0


@settings(max_examples=200)
@given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.booleans())
def test_step_in_box_stays_inside_and_lowers_the_model(size, seed, convex):
    rng = np.random.default_rng(seed)
    hessian = rng.normal(size=(size, size))
    hessian = hessian @ hessian.T if convex else hessian + hessian.T
    gradient = rng.normal(size=size)
    low, high = -rng.exponential(size=size), rng.exponential(size=size)
    low[rng.random(size) < 0.3] = 0.0
    free = free_variables(gradient, low, high)
    step = step_in_box(hessian, gradient, np.ones(size), 2.0, low, high, free)
    assert ((low <= step.p) & (step.p <= high)).all()
    assert (step.p[~free] == 0.0).all()
    if free.any():
        moved = np.abs(step.p).max() > 0.0
        assert model(hessian, gradient, step.p) < 0.0 if moved else model(hessian, gradient, step.p) == 0.0


def test_at_a_saddle_on_a_bound_the_roomy_side_is_taken():
    free = np.array([True])
    for low, high, expected in ((0.0, 5.0, 5.0), (-5.0, 0.0, -5.0)):
        step = step_in_box(np.array([[-1.0]]), np.zeros(1), np.ones(1), 10.0, np.array([low]), np.array([high]), free)
        assert step.p == [expected]
