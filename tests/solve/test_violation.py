"""The nearest point that meets all constraints, and what is left where there is none."""

import numpy as np
import pytest
from numpy.typing import NDArray

from limeform.solve import EvaluationError, LinearConstraints, NonlinearConstraints, Problem
from limeform.solve.violation import missing_at, nearest_point

FloatArray = NDArray[np.float64]


def problem(nonlinear: NonlinearConstraints, linear: LinearConstraints | None = None) -> Problem:
    return Problem(np.array([3.0, 0.5]), lambda x: 0.0, np.zeros_like, linear=linear, nonlinear=nonlinear)


def disc(radius: float) -> NonlinearConstraints:
    return NonlinearConstraints(
        lambda x: np.array([x @ x]), lambda x: 2 * x[None], np.array([-np.inf]), np.array([radius**2])
    )


def line(least: float) -> LinearConstraints:
    return LinearConstraints(np.array([[1.0, 1.0]]) / np.sqrt(2), np.array([least]), np.array([np.inf]))


def test_a_point_inside_is_found() -> None:
    own = problem(disc(1.0), line(0.9))
    found = nearest_point(own, [own.start], lambda x: True)
    assert found.met
    assert found.starts == 1
    assert found.x @ found.x < 1.0
    assert found.x.sum() / np.sqrt(2) > 0.9


def test_what_is_missing_is_told_in_the_units_of_the_rows() -> None:
    own = problem(disc(1.0), line(2.0))
    np.testing.assert_allclose(missing_at(own, np.array([2.0, 0.0])), [2 - np.sqrt(2), 3.0])
    found = nearest_point(own, [own.start, np.zeros(2) - 1], lambda x: True)
    assert not found.met
    assert found.starts == 2
    assert (found.missing > 0).all()


def test_an_only_point_is_found() -> None:
    own = problem(disc(1.0), line(1.0))
    found = nearest_point(own, [own.start], lambda x: True)
    assert found.met
    np.testing.assert_allclose(found.x, np.sqrt(0.5), atol=1e-4)


def test_starts_without_a_value_are_passed_over() -> None:
    def function(x: FloatArray) -> FloatArray:
        if x[0] > 2:
            raise EvaluationError("no value here")
        return np.array([np.log(x[1])])

    rows = NonlinearConstraints(function, lambda x: np.array([[0.0, 1 / x[1]]]), np.array([1.0]), np.array([np.inf]))
    own = problem(rows)
    found = nearest_point(own, [own.start, np.array([1.0, 1.0])], lambda x: True)
    assert found.met
    assert found.starts == 2
    assert np.log(found.x[1]) >= 1


def test_the_objective_has_to_have_a_value_too() -> None:
    own = problem(disc(1.0))
    found = nearest_point(own, [own.start, -own.start], lambda x: bool(x[0] < 0))
    assert found.met
    assert found.x[0] < 0
    assert found.starts == 2


@pytest.mark.filterwarnings("error")
def test_no_start_at_all() -> None:
    rows = NonlinearConstraints(lambda x: np.log(-x[:1]), lambda x: np.ones((1, 2)), np.zeros(1), np.ones(1))
    own = problem(rows)
    found = nearest_point(own, [own.start], lambda x: True)
    assert not found.met
    assert np.isnan(found.missing).all()
