"""Derivatives in the weights against differences, and leave-one-out terms against fits without the row."""

from dataclasses import replace

import numpy as np
import pytest

from limeform.covariance import BlockDiagonal, Diagonal, Unstructured
from limeform.likelihood.contributions import contributions
from limeform.likelihood.crossproducts import Rows
from limeform.likelihood.gaussian import ResidualVariance
from tests.likelihood.dense import make_data
from tests.likelihood.test_objective import build

CONSTANT = 0.5 * np.log(2 * np.pi)
STRUCTURES = {
    "none": BlockDiagonal(()),
    "intercept": BlockDiagonal((Unstructured(1),)),
    "full": BlockDiagonal((Unstructured(2),)),
    "diagonal": BlockDiagonal((Diagonal(2),)),
}


def made(structure, residual, reml, weights, seed=3):
    covariance = STRUCTURES[structure]
    data = make_data(seed, k=covariance.size)
    objective = build(data, covariance, residual, reml, weights)
    x = np.concatenate([np.linspace(0.7, 0.2, covariance.n_parameters), np.full(objective.n_strata, 0.1)])
    rows = Rows(data.x, data.z, data.precision, weights, objective.products.cells)
    return data, objective, x, contributions(objective, objective.at(x), data.y, rows)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("residual", list(ResidualVariance))
@pytest.mark.parametrize("reml", [False, True])
def test_slope_is_the_derivative_in_each_weight(structure, residual, reml):
    """At fixed variance parameters; the fixed effects (and a common variance) are at their best, so by the envelope
    theorem they do not contribute."""
    weights = np.random.default_rng(0).uniform(0.2, 1.0, 40)
    data, _, x, each = made(structure, residual, reml, weights)
    slope = each.slope(reml) + CONSTANT
    step = 1e-5
    for j in range(0, 40, 7):
        e = step * np.eye(40)[j]
        up, down = (build(data, STRUCTURES[structure], residual, reml, w) for w in (weights + e, weights - e))
        assert slope[j] == pytest.approx((up.value(x) - down.value(x)) / (2 * step), abs=1e-6 * (1 + abs(slope[j])))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_slope_at_weights_zero_and_one(structure):
    """One-sided differences into the simplex."""
    weights = np.ones(40)
    weights[[2, 11, 30]] = 0.0
    data, objective, x, each = made(structure, ResidualVariance.KNOWN, False, weights)
    slope = each.slope(False) + CONSTANT
    for j in (2, 30, 5):
        step = 1e-6 if weights[j] == 0 else -1e-6
        moved = build(data, STRUCTURES[structure], ResidualVariance.KNOWN, False, weights + step * np.eye(40)[j])
        assert slope[j] == pytest.approx((moved.value(x) - objective.value(x)) / step, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_predictive_terms_are_exact_at_fixed_variances(structure):
    weights = np.ones(40)
    weights[[2, 11, 30]] = 0.0
    data, objective, x, each = made(structure, ResidualVariance.KNOWN, False, weights)
    predictive = each.predictive() + CONSTANT
    for j in range(40):
        other = weights.copy()
        other[j] = 1.0 - other[j]
        change = build(data, STRUCTURES[structure], ResidualVariance.KNOWN, False, other).value(x) - objective.value(x)
        assert (change if weights[j] == 0 else -change) == pytest.approx(predictive[j], abs=1e-9)


def test_standardized_residual_is_that_of_the_row_left_out():
    """e over its standard deviation, for a kept row from the fit without it: both are what `predictive` contains."""
    weights = np.ones(40)
    data, _, x, each = made("intercept", ResidualVariance.KNOWN, False, weights)
    for j in (0, 9, 33):
        without = weights.copy()
        without[j] = 0.0
        _, _, _, left = made("intercept", ResidualVariance.KNOWN, False, without)
        assert abs(left.standardized()[j]) == pytest.approx(abs(each.standardized()[j]), rel=1e-9)
    assert len(data.y) == 40
    assert x.shape == (1,)


@pytest.mark.parametrize("reml", [False, True])
def test_group_terms_sum_to_the_criterion(reml):
    """At full weights the groups' parts add up to the likelihood (REML adds terms that are no sum over groups)."""
    data, objective, x, each = made("full", ResidualVariance.KNOWN, reml, np.ones(40))
    parts = each.by_group(data.groups, objective.at(x).reduction.log_dets, reml=False)
    likelihood = build(data, STRUCTURES["full"], ResidualVariance.KNOWN, False, np.ones(40))
    assert parts.sum() + 40 * CONSTANT == pytest.approx(likelihood.value(x), abs=1e-9)
    more = each.by_group(data.groups, objective.at(x).reduction.log_dets, reml=True)
    assert (more - parts).sum() == pytest.approx(0.5 * data.x.shape[1], abs=1e-9)  # tr(M^-1 M) / 2


def test_weights_are_carried_along():
    weights = np.linspace(0.1, 1, 40)
    _, _, _, each = made("none", ResidualVariance.SHARED, False, weights)
    np.testing.assert_array_equal(replace(each).weights, weights)
