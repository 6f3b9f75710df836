"""Small quadratic programs against the conditions that an optimum meets."""

import numpy as np
import pytest
from scipy.optimize import minimize

from limeform.solve.quadratic import quadratic_program


@pytest.mark.parametrize("seed", range(8))
def test_no_other_method_finds_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = 5, 12
    root, gradient = rng.normal(size=(n, n)), rng.normal(size=n) * 3
    hessian, matrix = root @ root.T + 0.1 * np.eye(n), rng.normal(size=(m, n))
    lower, upper = -rng.uniform(0.1, 1, m), rng.uniform(0.1, 1, m)
    lower[:4], upper[4:8] = -np.inf, np.inf
    d = quadratic_program(gradient, hessian, matrix, lower, upper)
    values = matrix @ d
    assert (values >= lower - 1e-9).all()
    assert (values <= upper + 1e-9).all()
    rows = [{"type": "ineq", "fun": lambda x: (matrix @ x - lower)[4:]}]
    rows += [{"type": "ineq", "fun": lambda x: (upper - matrix @ x)[[0, 1, 2, 3, 8, 9, 10, 11]]}]
    other = minimize(lambda x: gradient @ x + x @ hessian @ x / 2, np.zeros(n), method="SLSQP", constraints=rows)
    assert gradient @ d + d @ hessian @ d / 2 == pytest.approx(other.fun, abs=1e-6)


def test_equations_and_rows_of_zeros() -> None:
    matrix = np.array([[1.0, 1.0], [0.0, 0.0]])
    d = quadratic_program(np.zeros(2), np.eye(2), matrix, np.array([1.0, -1.0]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(d, 0.5, atol=1e-12)
