"""The profiled likelihood against dense algebra, and its derivatives against central differences."""

from __future__ import annotations

import numpy as np
import pytest

from limeform.covariance import BlockDiagonal, Diagonal, Unstructured
from limeform.likelihood.coordinates import choose_coordinates
from limeform.likelihood.crossproducts import Rows, cross_products, make_cells, with_response
from limeform.likelihood.gaussian import ResidualVariance
from limeform.likelihood.objective import Objective
from tests.likelihood.dense import Data, FloatArray, make_data, minus_log_likelihood

STRUCTURES = {
    "intercept": BlockDiagonal((Unstructured(1),)),
    "full": BlockDiagonal((Unstructured(2),)),
    "diagonal": BlockDiagonal((Diagonal(2),)),
    "two terms": BlockDiagonal((Unstructured(2), Diagonal(1))),
    "full of four": BlockDiagonal((Unstructured(4),)),
    "none": BlockDiagonal(()),
}


def build(
    data: Data, covariance: BlockDiagonal, residual: ResidualVariance, reml: bool, weights: FloatArray | None = None
) -> Objective:
    """Take a data set to its objective."""
    n = len(data.y)
    groups = data.groups if covariance.size else np.zeros(n, np.int32)
    stratified = residual is ResidualVariance.STRATA
    n_strata = int(data.strata.max()) + 1 if stratified else 1
    cells = make_cells(groups, int(groups.max()) + 1, data.strata if stratified else None, n_strata)
    known = residual is ResidualVariance.KNOWN
    coordinates = choose_coordinates(data.y, data.x, data.z, data.precision, covariance, known)
    rows = Rows(data.x, data.z, data.precision, np.ones(n) if weights is None else weights, cells)
    return Objective.of(cross_products(data.y, rows, coordinates), covariance, residual, reml)


def dense_at(objective: Objective, data: Data, x: FloatArray) -> float:
    """Evaluate the same model by dense algebra at the same variance parameters."""
    coordinates, covariance = objective.products.coordinates, objective.covariance
    transform = coordinates.effects
    theta, psi = x[: covariance.n_parameters], x[covariance.n_parameters :]
    gamma = transform @ covariance.covariance(theta).gamma @ transform.T
    residual = objective.criterion.residual
    scale = coordinates.variance * objective.at(x).profile.scale
    if residual is ResidualVariance.SHARED:
        return minus_log_likelihood(
            data, gamma * objective.at(x).profile.scale, scale / data.precision, objective.criterion.reml
        )[0]
    factor = np.exp(psi)[data.strata] if residual is ResidualVariance.STRATA else 1.0
    return minus_log_likelihood(data, gamma, scale * factor / data.precision, objective.criterion.reml)[0]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("residual", list(ResidualVariance))
@pytest.mark.parametrize("reml", [False, True])
def test_value_and_derivatives(structure: str, residual: ResidualVariance, reml: bool) -> None:
    covariance = STRUCTURES[structure]
    data = make_data(seed=3, k=covariance.size)
    objective = build(data, covariance, residual, reml)
    rng = np.random.default_rng(5)
    x = rng.normal(size=objective.n_parameters) * 0.7
    assert objective.value(x) == pytest.approx(dense_at(objective, data, x), abs=1e-9)
    gradient, hessian = objective.gradient(x), objective.hessian(x)
    step = 1e-5
    for j in range(len(x)):
        e = step * np.eye(len(x))[j]
        assert gradient[j] == pytest.approx(
            (objective.value(x + e) - objective.value(x - e)) / (2 * step), abs=1e-7 * (1 + np.abs(gradient).max())
        )
        difference = (objective.gradient(x + e) - objective.gradient(x - e)) / (2 * step)
        np.testing.assert_allclose(hessian[j], difference, atol=1e-7 * (1 + np.abs(hessian).max()))


def test_fixed_effects_of_the_profile() -> None:
    data = make_data(seed=11)
    objective = build(data, BlockDiagonal((Unstructured(2),)), ResidualVariance.KNOWN, reml=True)
    x = np.array([0.8, -0.3, 0.5])
    coordinates = objective.products.coordinates
    gamma = coordinates.effects @ objective.covariance.covariance(x).gamma @ coordinates.effects.T
    beta = coordinates.origin + coordinates.fixed @ objective.at(x).profile.beta
    np.testing.assert_allclose(beta, minus_log_likelihood(data, gamma, 1 / data.precision, True)[1], rtol=1e-10)


def test_strata_that_are_groups() -> None:
    data = make_data(seed=7)
    data = Data(data.y, data.x, data.z, data.groups, data.precision, data.groups)
    objective = build(data, BlockDiagonal((Diagonal(2),)), ResidualVariance.STRATA, reml=True)
    x = np.random.default_rng(0).normal(size=objective.n_parameters) * 0.4
    assert objective.value(x) == pytest.approx(dense_at(objective, data, x), abs=1e-9)
    step = 1e-5
    for j in range(len(x)):
        e = step * np.eye(len(x))[j]
        difference = (objective.gradient(x + e) - objective.gradient(x - e)) / (2 * step)
        np.testing.assert_allclose(objective.hessian(x)[j], difference, atol=1e-6)


def test_new_response_equals_new_statistics() -> None:
    data = make_data(seed=13)
    covariance = BlockDiagonal((Unstructured(2),))
    objective = build(data, covariance, ResidualVariance.STRATA, reml=False)
    new_y = data.y[::-1].copy()
    rows = Rows(data.x, data.z, data.precision, np.ones(len(new_y)), objective.products.cells)
    quick = with_response(objective.products, new_y, rows)
    slow = cross_products(new_y, rows, quick.coordinates)
    np.testing.assert_allclose(quick.coefficients, slow.coefficients, atol=1e-12)
    np.testing.assert_allclose(quick.within, slow.within, atol=1e-11)


def test_weight_zero_removes_a_row() -> None:
    data = make_data(seed=17)
    weights = np.ones(len(data.y))
    weights[[3, 20]] = 0.0
    kept = weights > 0
    fewer = Data(data.y[kept], data.x[kept], data.z[kept], data.groups[kept], data.precision[kept], data.strata[kept])
    covariance = BlockDiagonal((Unstructured(2),))
    for residual in (ResidualVariance.KNOWN, ResidualVariance.SHARED):
        zeroed = build(data, covariance, residual, reml=True, weights=weights)
        x = np.array([0.9, 0.2, 0.4])
        assert zeroed.value(x) == pytest.approx(dense_at(zeroed, fewer, x), abs=1e-9)
