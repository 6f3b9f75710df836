"""The blocked engine against dense algebra, and its derivatives against central differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from limeform.likelihood import ResidualVariance
from limeform.likelihood.crossed import components, derivatives, products, sparse_factor
from limeform.likelihood.crossed import pattern as sparsity
from limeform.likelihood.crossed.conditional import row_leverages
from limeform.likelihood.crossed.reduction import CrossedReduction
from tests.likelihood.crossed.dense import PATTERNS, dense_at, make_model, objective_of

each_pattern = pytest.mark.parametrize("pattern", PATTERNS)
each_residual = pytest.mark.parametrize("residual", list(ResidualVariance))


@pytest.fixture(autouse=True)
def components_however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide the remainder into components even where it is small."""
    monkeypatch.setattr(components, "WHOLE", 0)


def strata_of(residual: ResidualVariance) -> int:
    return 3 if residual is ResidualVariance.STRATA else 1


@each_pattern
@each_residual
@pytest.mark.parametrize("reml", [False, True])
def test_value_gradient_and_leverages(pattern: str, residual: ResidualVariance, reml: bool) -> None:
    model = make_model(pattern, 3, strata_of(residual))
    objective = objective_of(model, residual, reml)
    x = np.random.default_rng(5).normal(size=objective.n_parameters) * 0.7
    dense = dense_at(objective, model, x)
    assert objective.value(x) == pytest.approx(dense.value, abs=1e-9)
    reduction = objective.at(x).reduction
    assert isinstance(reduction, CrossedReduction)
    np.testing.assert_allclose(row_leverages(reduction, model.rows), dense.leverage, atol=1e-9)
    gradient, step = objective.gradient(x), 1e-5
    for j, e in enumerate(step * np.eye(len(x))):
        difference = (objective.value(x + e) - objective.value(x - e)) / (2 * step)
        assert gradient[j] == pytest.approx(difference, abs=1e-7 * (1 + np.abs(gradient).max()))


@each_pattern
@pytest.mark.parametrize("residual", [ResidualVariance.KNOWN, ResidualVariance.SHARED])
@pytest.mark.parametrize("reml", [False, True])
def test_hessian_of_few_effects_is_exact(pattern: str, residual: ResidualVariance, reml: bool) -> None:
    objective = objective_of(make_model(pattern, 7), residual, reml)
    x = np.random.default_rng(6).normal(size=objective.n_parameters) * 0.7
    hessian, step = objective.hessian(x), 1e-5
    for row, e in zip(hessian, step * np.eye(len(x)), strict=True):
        difference = (objective.gradient(x + e) - objective.gradient(x - e)) / (2 * step)
        np.testing.assert_allclose(row, difference, atol=1e-7 * (1 + np.abs(hessian).max()))


@pytest.mark.parametrize("pattern", ["three", "apart"])
@pytest.mark.parametrize("reml", [False, True])
def test_average_information(pattern: str, reml: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is (Py)' dS_a P dS_b (Py) / 2, plus the gradient in Gamma times d²Gamma."""
    model = make_model(pattern, 9)
    objective = objective_of(model, ResidualVariance.KNOWN, reml)
    x = np.random.default_rng(8).normal(size=objective.n_parameters)
    inverse = dense_at(objective, model, x).inverse
    effects = objective.products.coordinates.effects
    rows, fixed = model.rows, model.rows.x
    projected = inverse - inverse @ fixed @ np.linalg.solve(fixed.T @ inverse @ fixed, fixed.T @ inverse)
    covariance, py = model.covariance.covariance(x), projected @ model.y
    kernel = projected if reml else inverse

    def derivative(direction: np.ndarray) -> np.ndarray:
        moved = effects @ direction @ effects.T
        parts = ((rows.z[:, f.columns], f) for f in rows.factors)
        return sum((z @ moved[f.columns, f.columns] @ z.T) * (f.codes[:, None] == f.codes) for z, f in parts)

    first = [derivative(direction) for direction in covariance.first]
    expected = np.array([[0.5 * py @ a @ projected @ b @ py for b in first] for a in first])
    second = [[derivative(direction) for direction in row] for row in covariance.second]
    expected += np.array([[0.5 * (np.sum(kernel * s) - py @ s @ py) for s in row] for row in second])
    monkeypatch.setattr(derivatives, "EXACT", 0)
    np.testing.assert_allclose(objective.hessian(x), expected, atol=1e-9 * np.abs(expected).max())


@each_pattern
def test_variances_of_zero(pattern: str) -> None:
    model = make_model(pattern, 11)
    objective = objective_of(model, ResidualVariance.SHARED, True)
    x = np.zeros(objective.n_parameters)
    assert objective.value(x) == pytest.approx(dense_at(objective, model, x).value, abs=1e-9)
    np.testing.assert_allclose(objective.gradient(x), 0.0, atol=1e-6)
    x[0] = 0.8
    assert objective.value(x) == pytest.approx(dense_at(objective, model, x).value, abs=1e-9)


@each_pattern
def test_large_variances_lose_no_digits(pattern: str) -> None:
    model = make_model(pattern, 13)
    objective = objective_of(model, ResidualVariance.KNOWN, False)
    x = 1e3 * model.covariance.start(1.0)
    assert objective.value(x) == pytest.approx(dense_at(objective, model, x).value, abs=1e-6)


@each_pattern
def test_weight_zero_removes_a_row(pattern: str) -> None:
    model = make_model(pattern, 17)
    gone = np.arange(len(model.y)) % 9 == 0
    zeroed = objective_of(
        model, ResidualVariance.KNOWN, True, replace(model.rows, weights=np.where(gone, 0.0, model.rows.weights))
    )
    fewer = replace(
        model.rows,
        x=model.rows.x[~gone],
        z=model.rows.z[~gone],
        precision=model.rows.precision[~gone],
        weights=model.rows.weights[~gone],
        factors=tuple(replace(f, codes=f.codes[~gone]) for f in model.rows.factors),
    )
    x = np.random.default_rng(2).normal(size=zeroed.n_parameters)
    left = replace(model, y=model.y[~gone], rows=fewer)
    assert zeroed.value(x) == pytest.approx(dense_at(zeroed, left, x).value, abs=1e-9)


def test_products_formed_again_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model("chain and crossed", 19)
    kept = objective_of(model, ResidualVariance.SHARED, True)
    x = np.random.default_rng(3).normal(size=kept.n_parameters)
    value, gradient = kept.value(x), kept.gradient(x)
    monkeypatch.setattr(products, "STORED", 0)
    monkeypatch.setattr(products, "AT_A_TIME", 40)
    again = objective_of(model, ResidualVariance.SHARED, True)
    assert again.value(x) == pytest.approx(value, abs=1e-11)
    np.testing.assert_allclose(again.gradient(x), gradient, atol=1e-10)


@each_pattern
@each_residual
@pytest.mark.parametrize("library", ["SuperLU", "CHOLMOD"])
def test_a_sparse_remainder_gives_the_same(
    library: str, pattern: str, residual: ResidualVariance, monkeypatch: pytest.MonkeyPatch
) -> None:
    if library == "CHOLMOD":
        pytest.importorskip("sksparse.cholmod", reason="scikit-sparse is not installed")
    else:
        monkeypatch.setattr(sparse_factor, "cholmod", lambda: None)
    assert sparse_factor.factor_library() == library
    model = make_model(pattern, 23, strata_of(residual))
    dense = objective_of(model, residual, True)
    x = np.random.default_rng(4).normal(size=dense.n_parameters)
    for name, value in (("SPARSE_FROM", 1), ("SPARSE_PATTERN", 1e9), ("SPARSE_FACTOR", 1e9)):
        monkeypatch.setattr(sparsity, name, value)
    other = objective_of(model, residual, True)
    for at in (x, np.where(np.arange(len(x)) < 1, 1e-6, x), np.zeros(len(x))):
        assert other.value(at) == pytest.approx(dense.value(at), abs=1e-10)
        np.testing.assert_allclose(other.gradient(at), dense.gradient(at), atol=1e-7)
        left, right = other.at(at).reduction, dense.at(at).reduction
        assert isinstance(left, CrossedReduction)
        assert isinstance(right, CrossedReduction)
        for one, two in zip(left.by_factor(), right.by_factor(), strict=True):
            np.testing.assert_allclose(one.marginal, two.marginal, atol=1e-8 * (1 + np.abs(two.marginal).max()))
        np.testing.assert_allclose(row_leverages(left, model.rows), row_leverages(right, model.rows), atol=1e-9)
