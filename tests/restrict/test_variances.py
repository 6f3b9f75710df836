"""Standard deviations, correlations and sigma as functions of the solver's variables."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from limeform.covariance import BlockDiagonal, Diagonal, Unstructured
from limeform.restrict.variances import VarianceName, variance_values

NAMES = [
    *(VarianceName("sd", f"sd({i})", i) for i in range(3)),
    *(VarianceName("variance", f"v({i})", i) for i in range(3)),
    VarianceName("cor", "cor", 1, 0),
    VarianceName("sigma", "sigma", 0),
]


@given(seed=st.integers(0, 10_000))
def test_derivatives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    covariance = BlockDiagonal((Unstructured(2), Diagonal(1)))
    transform = np.zeros((3, 3))
    transform[:2, :2] = np.triu(rng.uniform(0.5, 2, (2, 2)))
    transform[2, 2] = 1.7

    def values(x: np.ndarray):
        return variance_values(NAMES, covariance.covariance(x[:4]), transform, x[4:], 2.5)

    x = rng.normal(size=5) + 2 * np.sign(rng.normal(size=5))
    found = values(x)
    gamma = transform @ covariance.covariance(x[:4]).gamma @ transform.T
    np.testing.assert_allclose(found.value[:3], np.sqrt(np.diag(gamma)), rtol=1e-8)
    np.testing.assert_allclose(found.value[6], gamma[0, 1] / np.sqrt(gamma[0, 0] * gamma[1, 1]), rtol=1e-8)
    np.testing.assert_allclose(found.value[7], np.sqrt(2.5 * np.exp(x[4])), rtol=1e-12)
    steps = np.eye(5) * 1e-6
    first = np.stack([(values(x + e).value - values(x - e).value) / 2e-6 for e in steps], axis=-1)
    second = np.stack([(values(x + e).first - values(x - e).first) / 2e-6 for e in steps], axis=-1)
    np.testing.assert_allclose(found.first, first, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.second, second, rtol=1e-6, atol=1e-5)


def test_zero_has_finite_derivatives() -> None:
    covariance = BlockDiagonal((Diagonal(3),)).covariance(np.zeros(3))
    found = variance_values(NAMES, covariance, np.eye(3), np.zeros(1), 1.0)
    assert np.isfinite(found.value).all()
    assert np.isfinite(found.first).all()
    assert np.isfinite(found.second).all()
