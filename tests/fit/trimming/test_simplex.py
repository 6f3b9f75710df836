"""The capped simplex: its projection is the nearest point, and its vertices follow a stated order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from limeform.fit.trimming.simplex import project, smallest

POINTS = arrays(np.float64, st.integers(1, 30), elements=st.floats(-50, 50, width=32))


@st.composite
def points_and_totals(draw):
    point = draw(POINTS)
    return point, draw(st.floats(0, len(point)))


@settings(max_examples=200)
@given(points_and_totals())
def test_projection_is_on_the_simplex_and_satisfies_the_optimality_conditions(case):
    """With one shift t: w = point - t between the bounds, 0 only where point <= t, 1 only where point >= 1 + t."""
    point, total = case
    w = project(point, total)
    assert w.min() >= 0
    assert w.max() <= 1
    assert w.sum() == pytest.approx(total, abs=1e-9 * (1 + np.abs(point).sum()))
    shifts = (point - w)[(w > 0) & (w < 1)]  # t, as often as there are weights between the bounds
    least = max(point[w <= 0].max(initial=-np.inf), shifts.max(initial=-np.inf))
    most = min((point - 1.0)[w >= 1].min(initial=np.inf), shifts.min(initial=np.inf))
    assert least <= most + 1e-9


@settings(max_examples=15)
@given(arrays(np.float64, 6, elements=st.floats(-3, 3, width=32)), st.integers(1, 5))
def test_no_feasible_point_is_nearer_by_a_general_solver(point, total):
    found = minimize(
        lambda w: ((w - point) ** 2).sum(),
        np.full(6, total / 6),
        jac=lambda w: 2 * (w - point),
        bounds=[(0, 1)] * 6,
        constraints={"type": "eq", "fun": lambda w: w.sum() - total, "jac": lambda w: np.ones(6)},
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    np.testing.assert_allclose(project(point, total), found.x, atol=1e-6)


@settings(max_examples=50)
@given(points_and_totals(), st.floats(-20, 20))
def test_projection_is_idempotent_and_ignores_a_common_shift(case, shift):
    point, total = case
    w = project(point, total)
    np.testing.assert_allclose(project(w, w.sum()), w, atol=1e-9)
    np.testing.assert_allclose(project(point + shift, total), w, atol=1e-9)


@settings(max_examples=50)
@given(arrays(np.float64, 8, elements=st.floats(-9, 9, width=32)), st.integers(0, 7), st.data())
def test_vertex_minimises_the_linear_function(scores, h, data):
    h += 1
    always = np.array(data.draw(st.lists(st.booleans(), min_size=8, max_size=8)))
    if always.sum() > h:
        always[:] = False
    w = smallest(scores, h, always)
    assert w.sum() == h
    assert (w[always] == 1).all()
    free = np.sort(scores[~always])
    assert w @ scores == pytest.approx(scores[always].sum() + free[: h - always.sum()].sum(), abs=1e-6)


def test_ties_keep_the_earlier_rows():
    scores = np.array([1.0, 5.0, 5.0, 5.0 + 1e-14, 0.0, 5.0])
    assert smallest(scores, 4, np.zeros(6, bool)).tolist() == [1, 1, 1, 0, 1, 0]


def test_a_gross_score_makes_no_ties():
    scores = np.array([3.0, 1e18, 1.0, 2.0, 0.0])
    assert smallest(scores, 3, np.zeros(5, bool)).tolist() == [0, 0, 1, 1, 1]
