"""Every mean against central differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limeform.formula.expression import read_expression
from limeform.mean.parts import Expression, Linear, LogRatio, OutsideDomainError, Total, UserFunction

N = 7
RNG = np.random.default_rng(3)
T = RNG.uniform(0.2, 2, N)
TEXTS = {
    "A*exp(-k*t)": 2,
    "A*exp(-k*t)/(1 + A**2) - k**t + sqrt(A + k)*tanh(k*t)": 2,
    "expit(A*t - k)*log(C) + log1p(A)**k + sin(A)*cos(k)/tan(C) + expm1(C)": 3,
    "(A + k*t)**3 - 2/(A*t)": 2,
    "A - (-k) + +C*1e-3": 3,
}


def check(mean, beta: np.ndarray, weights: np.ndarray) -> None:
    step = 1e-6
    value, jacobian = mean.evaluate(beta)
    np.testing.assert_allclose(mean.value(beta), value)
    unit = np.eye(len(beta)) * step
    first = np.column_stack([(mean.value(beta + e) - mean.value(beta - e)) / (2 * step) for e in unit])
    np.testing.assert_allclose(jacobian, first, rtol=1e-6, atol=1e-6)
    second = [(weights @ (mean.evaluate(beta + e)[1] - mean.evaluate(beta - e)[1])) / (2 * step) for e in unit]
    np.testing.assert_allclose(mean.curvature(beta, weights), second, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("text", TEXTS)
@given(seed=st.integers(0, 1000))
def test_expressions(text: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    q = TEXTS[text]
    mean = Expression(read_expression(text), ("A", "k", "C")[:q], {"t": T}, N)
    check(mean, rng.uniform(0.5, 1.5, q), rng.normal(size=N))


@given(seed=st.integers(0, 1000))
def test_log_ratios_and_sums(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ratio = LogRatio(rng.uniform(0, 1, (N, 3)), rng.uniform(0, 1, (N, 3)))
    beta = rng.uniform(0.5, 2, 3)
    check(ratio, beta, rng.normal(size=N))
    np.testing.assert_allclose(ratio.evaluate(beta)[1] @ beta, 0, atol=1e-13)  # the scale changes nothing
    both = Total((Linear(rng.normal(size=(N, 2))), ratio), (slice(0, 2), slice(2, 5)))
    check(both, np.concatenate([rng.normal(size=2), beta]), rng.normal(size=N))


def test_outside_of_the_domain() -> None:
    with pytest.raises(OutsideDomainError):
        LogRatio(np.eye(2), np.ones((2, 2))).evaluate(np.array([1.0, -0.5]))
    with pytest.raises(OutsideDomainError):
        Expression(read_expression("log(a)"), ("a",), {}, 2).evaluate(np.array([-1.0]))


def test_functions_by_differences() -> None:
    import pandas as pd

    data = pd.DataFrame({"t": T})
    mean = UserFunction(lambda b, d: b["A"] * np.exp(-b["k"] * d["t"]), None, ("A", "k"), data)
    beta = np.array([2.0, 0.5])
    exact = Expression(read_expression("A*exp(-k*t)"), ("A", "k"), {"t": T}, N)
    np.testing.assert_allclose(mean.evaluate(beta)[1], exact.evaluate(beta)[1], rtol=1e-8)
    assert mean.curvature(beta, T) is None
