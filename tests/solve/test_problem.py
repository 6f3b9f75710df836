import numpy as np
import pytest

from limeform.errors import OptionError
from limeform.solve import LinearConstraints, NonlinearConstraints, Problem
from tests.solve.examples import hock_schittkowski_71

pytestmark = pytest.mark.no_ipopt


def problem(**arguments) -> Problem:
    return Problem(**({"start": np.zeros(2), "value": lambda x: x @ x, "gradient": lambda x: 2 * x} | arguments))


def test_bounds_are_infinite_by_default_and_a_number_holds_for_all():
    assert not problem().bounded
    np.testing.assert_array_equal(problem(lower=-1, upper=[1, 2]).lower, [-1.0, -1.0])
    assert problem(lower=-1).bounded


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"start": np.zeros((2, 1))}, r"shape \(2, 1\)"),
        ({"start": np.array([0.0, np.nan]), "names": ("a", "sd(b)")}, r'start of "sd\(b\)" is nan'),
        ({"lower": np.array([0.0, 3.0]), "upper": 1.0, "names": ("a", "b")}, 'bound of "b" runs from 3 to 1'),
        ({"lower": np.array([0.0, np.nan])}, "bound of variable 1 runs from nan"),
        ({"lower": np.inf}, "bound of variable 0"),
        ({"upper": np.zeros(3)}, r"upper limits of 2 bounds have shape \(3,\)"),
        ({"names": ("a",)}, "1 names were given for 2 variables"),
        ({"linear": LinearConstraints(np.ones((1, 3)), np.zeros(1), np.ones(1))}, "3 columns for 2 variables"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(arguments, words):
    with pytest.raises(OptionError, match=words):
        problem(**arguments)


def test_constraints_check_their_limits():
    with pytest.raises(OptionError, match="linear constraint 1 runs from 2 to 1"):
        LinearConstraints(np.eye(2), np.array([0.0, 2.0]), np.array([1.0, 1.0]))
    with pytest.raises(OptionError, match="not finite"):
        LinearConstraints(np.array([[np.nan, 1.0]]), np.zeros(1), np.zeros(1))
    with pytest.raises(OptionError, match=r"matrix \(m, n\)"):
        LinearConstraints(np.ones(2), np.zeros(1), np.zeros(1))
    with pytest.raises(OptionError, match="nonlinear constraint 0"):
        NonlinearConstraints(lambda x: x, lambda x: x, np.array([1.0]), np.array([0.0]))


def test_a_constraint_without_second_derivatives_leaves_the_problem_without():
    assert hock_schittkowski_71().has_hessian
    assert not hock_schittkowski_71(with_hessian=False).has_hessian
