"""The joint likelihood: derivatives against central differences, and its minimum against the profiled one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limeform.covariance import BlockDiagonal, Diagonal, Unstructured
from limeform.formula.expression import read_expression
from limeform.likelihood import (
    JointObjective,
    Objective,
    ResidualVariance,
    Rows,
    joint_coordinates,
    make_cells,
)
from limeform.likelihood.crossproducts import cross_products
from limeform.mean.parts import Expression, Linear, Mean, Total
from limeform.solve import Newton, Problem

N, M = 40, 8
KINDS = [ResidualVariance.KNOWN, ResidualVariance.SHARED, ResidualVariance.STRATA]


def build(kind: ResidualVariance, nonlinear: bool, reml: bool, rng: np.random.Generator) -> JointObjective:
    codes = np.repeat(np.arange(M), N // M).astype(np.int32)
    t = rng.permutation(np.linspace(0.2, 5, N))  # no two alike: differences of f lose digits where Z'VZ is singular
    x = np.column_stack([np.ones(N), rng.normal(size=N)])
    y = 3 * np.exp(-0.5 * t) + rng.normal(size=N)
    covariance = BlockDiagonal((Unstructured(2),) if rng.integers(2) else (Diagonal(1), Diagonal(1)))
    strata = rng.integers(0, 2, N).astype(np.int32) if kind is ResidualVariance.STRATA else None
    mean: Mean | None = None
    start = None
    if nonlinear:
        curve = Expression(read_expression("A*exp(-k*t)"), ("A", "k"), {"t": t}, N)
        mean, start = Total((Linear(x[:, 1:]), curve), (slice(0, 1), slice(1, 3))), np.array([0.0, 3.0, 0.5])
        value, x = mean.evaluate(start)
    weights = rng.uniform(0.3, 1, N)
    weights[:3] = 0
    z = np.column_stack([np.ones(N), t])
    rows = Rows(x, z, rng.uniform(0.5, 2, N), weights, make_cells(codes, M, strata, 1 if strata is None else 2))
    known = kind is ResidualVariance.KNOWN
    coordinates = joint_coordinates(y if start is None else y - value, x, rows, covariance, known, start)
    return JointObjective.of(cross_products(y, rows, coordinates), covariance, kind, reml, y, rows, mean)


def differences(function, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    return np.array([(function(x + e) - function(x - e)) / (2 * step) for e in np.eye(len(x)) * step])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("nonlinear", "reml"), [(False, False), (False, True), (True, False)])
@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_derivatives(kind: ResidualVariance, nonlinear: bool, reml: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    objective = build(kind, nonlinear, reml, rng)
    x = 0.2 * rng.normal(size=objective.n_variance + objective.n_mean)
    gradient, hessian = objective.gradient(x), objective.hessian(x)
    np.testing.assert_allclose(gradient, differences(objective.value, x), rtol=0, atol=1e-6 * np.abs(gradient).max())
    np.testing.assert_allclose(hessian, differences(objective.gradient, x), rtol=0, atol=1e-5 * np.abs(hessian).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reml", [False, True])
def test_its_minimum_is_that_of_the_profiled_likelihood(kind: ResidualVariance, reml: bool) -> None:
    objective = build(kind, False, reml, np.random.default_rng(5))
    profiled = Objective.of(objective.products, objective.covariance, kind, reml)
    size = objective.n_variance + objective.n_mean
    start = np.concatenate([objective.covariance.start(0.5), np.zeros(size - objective.n_theta)])
    joint = Newton().minimize(Problem(start, objective.value, objective.gradient, objective.hessian))
    first = np.concatenate([objective.covariance.start(0.5), np.zeros(profiled.n_strata)])
    alone = Newton().minimize(Problem(first, profiled.value, profiled.gradient, profiled.hessian))
    assert joint.value == pytest.approx(alone.value, abs=1e-8)


def test_the_slope_in_gamma() -> None:
    objective = build(ResidualVariance.KNOWN, False, False, np.random.default_rng(2))
    rng = np.random.default_rng(0)
    x = np.concatenate([objective.covariance.start(0.7), 0.1 * rng.normal(size=objective.n_mean)])
    slope = objective.gamma_gradient(x)
    direction = objective.covariance.covariance(x[: objective.n_theta]).first
    expected = objective.gradient(x)[: objective.n_theta]
    np.testing.assert_allclose(np.einsum("qab,ab->q", direction, slope), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", [ResidualVariance.KNOWN, ResidualVariance.SHARED])
def test_a_nearly_singular_group_costs_no_digits(kind: ResidualVariance) -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(M), N // M).astype(np.int32)
    t = rng.uniform(0.2, 5, N)
    weights = np.ones(N)
    weights[:3], t[4] = 0.0, t[3] + 2e-4  # the first group keeps two rows, alike in four digits
    x, z = np.column_stack([np.ones(N), rng.normal(size=N)]), np.column_stack([np.ones(N), t])
    y, covariance = rng.normal(size=N), BlockDiagonal((Unstructured(2),))
    rows = Rows(x, z, np.ones(N), weights, make_cells(codes, M, None, 1))
    coordinates = joint_coordinates(y, x, rows, covariance, kind is ResidualVariance.KNOWN)
    objective = JointObjective.of(cross_products(y, rows, coordinates), covariance, kind, False, y, rows)
    at = np.concatenate([covariance.start(0.5), np.zeros(objective.n_variance + 2 - objective.n_theta)])
    gradient = objective.gradient(at)
    steps = 1e-9 * rng.normal(size=(50, len(at)))
    noise = [objective.value(at + step) - objective.value(at) - gradient @ step for step in steps]
    assert np.abs(noise).max() < 1e-11
