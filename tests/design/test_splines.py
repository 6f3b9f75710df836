"""The spline basis: against scipy, against numerical integration, and its conditions on signs."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from scipy.optimize import linprog

from limeform.design.knot_choice import KnotChoice, make_basis
from limeform.design.splines import SplineBasis
from limeform.errors import OptionError

INTERIOR = np.array([1.0, 2.5, 4.0])
DEGREES = range(6)


def basis(degree: int = 3, left: bool = False, right: bool = False) -> SplineBasis:
    return SplineBasis(INTERIOR, 0.0, 6.0, degree, left, right)


def gauss(function, low: float, high: float, breaks: np.ndarray) -> np.ndarray:
    """Integrate by Gauss' rule with twelve nodes on pieces cut at the breaks and in half: an independent average."""
    inside = breaks[(breaks > low) & (breaks < high)]
    ends = np.concatenate([[low], inside, [high]])
    ends = np.sort(np.concatenate([ends, (ends[:-1] + ends[1:]) / 2]))
    nodes, weights = np.polynomial.legendre.leggauss(12)
    total = 0.0
    for a, b in pairwise(ends):
        total = total + (b - a) / 2 * weights @ function(a + (b - a) * (nodes + 1) / 2)
    return total / (high - low)


@pytest.mark.parametrize("degree", DEGREES)
def test_inside_it_is_scipys_basis(degree: int) -> None:
    x = np.linspace(0, 6, 301)[:-1]
    knots = np.concatenate([np.repeat(0.0, degree + 1), INTERIOR, np.repeat(6.0, degree + 1)])
    np.testing.assert_allclose(basis(degree).values(x), BSpline.design_matrix(x, knots, degree).toarray(), atol=1e-14)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_sums_to_one_and_continues_along_the_tangent(degree: int, left: bool, right: bool) -> None:
    own = basis(degree, left, right)
    x = np.linspace(-3, 9, 241)
    np.testing.assert_allclose(own.values(x).sum(axis=1), 1.0, atol=1e-13)
    assert own.size == 4 - left - right + degree
    for tail in (x[x <= (1.0 if left else 0.0)], x[x >= (4.0 if right else 6.0)]):
        values = own.values(tail)
        np.testing.assert_allclose(np.diff(values, 2, axis=0), 0.0, atol=1e-12)
        np.testing.assert_allclose(own.values(tail[1:-1], 2), 0.0, atol=1e-12)
    if degree:
        ends = np.array([own.breaks[0], own.breaks[-1]])
        slopes = (own.values(ends + 1e-6) - own.values(ends - 1e-6)) / 2e-6
        np.testing.assert_allclose(slopes, own.values(ends, 1), atol=1e-4)


@given(
    degree=st.sampled_from(DEGREES),
    tails=st.tuples(st.booleans(), st.booleans()),
    low=st.floats(-3, 8),
    width=st.floats(1e-6, 9),
)
def test_averages_equal_numerical_integration(degree: int, tails: tuple[bool, bool], low: float, width: float) -> None:
    own = basis(degree, *tails)
    found = own.averages(np.array([low]), np.array([low + width]))[0]
    expected = gauss(own.values, low, low + width, own.breaks)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * max(1.0, np.abs(expected).max()))


def test_points_and_intervals_mix() -> None:
    own = basis()
    low, high = np.array([0.5, 2.0, 3.0]), np.array([0.5, 2.0 + 1e-9, 5.0])
    found = own.averages(low, high)
    np.testing.assert_array_equal(found[0], own.values([0.5])[0])
    np.testing.assert_allclose(found[1], own.values([2.0])[0], atol=1e-8)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("domain", [(-np.inf, np.inf), (0.7, 3.3), (-2.0, 1.5), (3.0, 9.0), (6.5, 9.0)])
def test_sign_rows_suffice(degree: int, order: int, domain: tuple[float, float]) -> None:
    if order > degree + 1:
        return
    own = basis(degree, right=degree > 0)
    rows = own.sign_rows(order, *domain)
    rng = np.random.default_rng(degree + 10 * order)
    grid = np.linspace(max(domain[0], -2), min(domain[1], 9), 10_000)
    for _ in range(3):
        # A vertex of the allowed set in a random direction: as far from the inside as can be.
        found = linprog(rng.normal(size=own.size), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=[(-1, 1)] * own.size)
        values = own.values(grid) @ found.x
        assert np.diff(values, order).min() > -1e-9 if order else values.min() > -1e-9 or not np.isfinite(domain[0])


@pytest.mark.parametrize(("order", "degree"), [(1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3)])
def test_sign_rows_are_necessary_where_the_derivative_is_at_most_linear(order: int, degree: int) -> None:
    own = basis(degree)
    rng = np.random.default_rng(1)
    grid = np.linspace(0.7, 5.3, 20_001)
    rows, seen = own.sign_rows(order, 0.7, 5.3), 0
    for _ in range(400):
        c = (
            np.cumsum(np.cumsum(rng.normal(0.6, 1.0, own.size)))
            if order == 2
            else np.cumsum(rng.normal(0.6, 1, own.size))
        )
        # Steps of a cumulated curve are seen in differences over more than one step of the grid.
        if np.diff((own.values(grid) @ c)[::10], order).min() >= -1e-13:
            seen += 1
            assert (rows @ c).min() > -1e-6
    assert seen > 5


def test_too_low_a_degree_for_convexity() -> None:
    with pytest.raises(OptionError, match="degree 0 cannot be convex"):
        basis(0).sign_rows(2, -np.inf, np.inf)


def test_knots_by_number_position_fraction_and_range() -> None:
    x = np.linspace(0, 10, 101) ** 2
    assert KnotChoice(3).positions(x, 0, 100).tolist() == pytest.approx(np.quantile(x, [0.25, 0.5, 0.75]).tolist())
    assert KnotChoice(3, "even").positions(x, 0, 100).tolist() == [25, 50, 75]
    assert KnotChoice([10, 20]).positions(x, 0, 100).tolist() == [10, 20]
    assert KnotChoice([0.5], "fraction").positions(x, 0, 100).tolist() == [25]
    assert KnotChoice([0.1, 0.5], "range").positions(x, 0, 100).tolist() == [10, 50]


@pytest.mark.parametrize(
    ("knots", "arguments", "message"),
    [
        ([1, 1], {}, "occurs twice"),
        ([2, 1], {}, "increasing order"),
        ([1, 11], {}, "between the bounds"),
        ([np.nan], {}, "finite number"),
        (1.5, {}, "whole number"),
        (-1, {}, "whole number"),
        ([1], {"placement": "somewhere"}, "placement="),
        ([1], {"degree": 6}, "degree=6"),
        ([1], {"bounds": (3, 1)}, "bounds="),
        ([1], {"linear_left": True, "linear_right": True}, "linear tail"),
        ([2.0], {"placement": "fraction"}, "between 0 and 1"),
    ],
)
def test_bad_knots_are_named(knots: object, arguments: dict, message: str) -> None:
    options = {"degree": 3, "bounds": None, "linear_left": False, "linear_right": False} | arguments
    choice = KnotChoice(knots, options.pop("placement", "quantile"))
    with pytest.raises(OptionError, match=message):
        make_basis(np.linspace(0, 10, 50), choice, **options)
