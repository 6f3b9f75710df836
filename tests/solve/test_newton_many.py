from dataclasses import dataclass

import numpy as np

from limeform.solve.newton_many import minimise_many


@dataclass
class Values:
    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


CENTRES = np.array([[0.0, 0.0], [3.0, -1.0], [-2.0, 5.0]])


def wells(x, which):
    """(a² - 1)²  + b² around each problem's centre: two minima and a saddle between them."""
    a, b = (x - CENTRES[which]).T
    hessian = np.zeros((len(a), 2, 2))
    hessian[:, 0, 0], hessian[:, 1, 1] = 12 * a**2 - 4, 2.0
    return Values((a**2 - 1) ** 2 + b**2, np.column_stack([4 * a * (a**2 - 1), 2 * b]), hessian)


def test_each_problem_reaches_a_minimum_of_its_own():
    found = minimise_many(wells, CENTRES + np.array([[0.1, 1.0], [4.0, 4.0], [-0.2, 0.0]]))
    assert found.converged.all()
    np.testing.assert_allclose(np.abs(found.x - CENTRES), [[1.0, 0.0]] * 3, atol=1e-6)


def test_a_saddle_is_not_called_a_minimum():
    assert not minimise_many(wells, CENTRES.copy()).converged.any()


def test_a_problem_without_value_is_left_alone():
    def broken(x, which):
        values = wells(x, which)
        values.value[which == 1] = np.nan
        return values

    assert minimise_many(broken, CENTRES + 0.5).converged.tolist() == [True, False, True]


def test_no_variables():
    empty = minimise_many(lambda x, _: Values(np.ones(len(x)), x, np.zeros((len(x), 0, 0))), np.zeros((5, 0)))
    assert empty.converged.all()
