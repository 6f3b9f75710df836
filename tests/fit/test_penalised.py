"""The solver's problem with priors, slacks and constraints of all kinds: derivatives against central differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import limeform as lf
from limeform.fit.penalised import Penalised
from tests.fit.dose_data import dose_data

FORMULA = "y ~ 0 + bspline(dose, knots=[10, 30, 55], bounds=(0, 80)) + (1 + dose | study)"
CONSTRAINTS = [
    lf.increasing("dose"),
    "sd(study: 1) <= 2",
    "cor(study: 1, dose) >= -0.9",
    "sigma * exp(dose[1]) + sd(study: dose)**2 <= 9",
    "dose[2] + 3*sd(study: dose) <= 4",
    lf.constraint(lambda b: [b["dose[0]"] * b["sigma"], b["dose[3]"] ** 2], upper=50),
]
PRIORS = [
    lf.normal("dose", 0, 0.1, derivative=3),
    lf.normal("dose", 0, 0.5, derivative=1, domain=(5, 40)),
    lf.laplace("dose[4]", 1, 0.2),
    lf.laplace("sd(study: 1)", 0.1, 0.2),
    lf.normal("sigma", 0.3, 0.1),
    lf.normal("cor(study: 1, dose)", 0, 0.3),
    lf.penalty(lambda b: float(np.cosh(b["dose[5]"] - b["sigma"]))),
]


@pytest.fixture(scope="module")
def penalised() -> Penalised:
    joint = lf.lmm(FORMULA, dose_data(), constraints=CONSTRAINTS, priors=PRIORS).joint
    assert joint is not None
    return Penalised(joint.objective(), joint.restrictions)


def differences(function, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    return np.stack([(function(x + e) - function(x - e)) / (2 * step) for e in np.eye(len(x)) * step], axis=-1)


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_derivatives(penalised: Penalised, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = 0.3 * rng.normal(size=penalised.size + penalised.n_slacks)
    x[:3] = [1.0 + rng.uniform(), 0.3 * rng.normal(), 1.0 + rng.uniform()]  # a correlation needs variances
    gradient, hessian = penalised.gradient(x), penalised.hessian(x)
    np.testing.assert_allclose(gradient, differences(penalised.value, x), atol=1e-5 * np.abs(gradient).max())
    np.testing.assert_allclose(hessian, differences(penalised.gradient, x), atol=1e-4 * np.abs(hessian).max())
    constraints = penalised.nonlinear()
    assert constraints is not None
    assert constraints.hessian is not None
    jacobian = constraints.jacobian(x)
    np.testing.assert_allclose(jacobian, differences(constraints.function, x), atol=1e-5 * np.abs(jacobian).max())
    weights = rng.normal(size=len(jacobian))
    curvature = constraints.hessian(x, weights)
    expected = differences(lambda at: weights @ constraints.jacobian(at), x)
    np.testing.assert_allclose(curvature, expected, atol=1e-4 * np.abs(curvature).max())


def test_it_can_be_fitted_with_all_of_them() -> None:
    results = lf.lmm(FORMULA, dose_data(), constraints=CONSTRAINTS, priors=PRIORS).fit()
    assert results.converged
    assert len(results.log_priors) == len(PRIORS)
    text = str(results.summary())
    assert "Priors" in text
    assert "penalty" in text


def test_arrays_take_constraints_too() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = x @ [1.0, 2.0] + rng.normal(size=60)
    model = lf.LMM(y, x, lf.Random(np.repeat(np.arange(12), 5)), constraints=["x2 <= 1.5"])
    assert model.fit().params["x2"] == pytest.approx(1.5, abs=1e-8)
