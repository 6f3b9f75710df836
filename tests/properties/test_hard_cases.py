"""Numerically hard data: every solver ends at the same optimum, and the gradient vanishes there."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.fit.boundary import gamma_gradient
from limeform.likelihood import Objective

FIRST_ORDER = ("Nelder-Mead", "L-BFGS-B", "SLSQP", "trust-constr")
"""Solvers that stop before the last digits, for whose log-likelihood less is asked."""


def grouped(seed: int, sizes: Any, gamma: Any, sigma: float = 1.0) -> pd.DataFrame:
    """Draw y = 1 + x1 + ... + random effects of all columns + errors."""
    rng, k = np.random.default_rng(seed), len(gamma)
    group = np.repeat(np.arange(len(sizes)), sizes)
    x = np.column_stack([np.ones(len(group)), rng.normal(size=(len(group), k - 1))])
    effects = rng.multivariate_normal(np.zeros(k), gamma, size=len(sizes), method="eigh")
    data = pd.DataFrame(x[:, 1:], columns=[f"x{j}" for j in range(1, k)])
    y = x.sum(axis=1) + np.einsum("nk,nk->n", x, effects[group]) + sigma * rng.normal(size=len(group))
    return data.assign(g=group, y=y)


def years() -> pd.DataFrame:
    """Draw 30 series over the years 1950 to 2020 of values of about a million."""
    rng = np.random.default_rng(5)
    group, year = np.repeat(np.arange(30), 36), np.tile(np.arange(1950, 2021, 2), 30)
    level, slope = 1e5 * rng.normal(size=30)[group], 3e3 * rng.normal(size=30)[group]
    y = 1e6 + level + (2e3 + slope) * (year - 1985) + 2e4 * rng.normal(size=len(group))
    return pd.DataFrame({"year": year, "g": group, "y": y, "dose": rng.uniform(0, 1e6, len(group))})


def studies(seed: int, count: int, low: float, high: float, tau: float) -> pd.DataFrame:
    """Draw a meta-analysis with standard errors from 10^low to 10^high."""
    rng = np.random.default_rng(seed)
    se = 10 ** rng.uniform(low, high, count)
    x = rng.normal(size=count)
    y = 1 + 0.5 * x + tau * rng.normal(size=count) + se * rng.normal(size=count)
    return pd.DataFrame({"study": np.arange(count), "se": se, "x": x, "y": y})


def square(seed: int, k: int, rank: int) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(k, rank))
    return 0.3 * root @ root.T


def near_one(correlation: float) -> np.ndarray:
    return np.array([[1.0, correlation], [correlation, 1.0]])


UNEVEN = [1] * 30 + [2, 3, 5, 10, 50, 200, 500]
FOUR = "y ~ x1 + x2 + x3 + (x1 + x2 + x3 | g)"
HARD: dict[str, tuple[str, pd.DataFrame, dict[str, Any]]] = {
    "years": ("y ~ year + (year | g)", years(), {}),
    "years ML": ("y ~ year + (year | g)", years(), {"reml": False}),
    "years, diagonal": ("y ~ year + (year || g)", years(), {}),
    "doses of a million": ("y ~ dose + (dose | g)", years(), {}),
    "years and doses": ("y ~ dose + year + (dose + year | g)", years(), {}),
    "errors from 1e-6 to 1e3": ("y ~ x + (1 | study)", studies(1, 60, -6, 3, 0.3), {"se": "se"}),
    "errors from 1e-6 to 1e3, ML": ("y ~ x + (1 | study)", studies(1, 60, -6, 3, 0.3), {"se": "se", "reml": False}),
    "errors from 1e-6 to 1e3, no heterogeneity": ("y ~ x + (1 | study)", studies(2, 60, -6, 3, 0.0), {"se": "se"}),
    "2000 studies": ("y ~ x + (1 | study)", studies(3, 2000, -1, 0, 0.3), {"se": "se"}),
    "groups of 1 to 500": ("y ~ x1 + (1 | g)", grouped(1, UNEVEN, near_one(0.5)), {}),
    "groups of 1 to 500, slopes": ("y ~ x1 + (x1 | g)", grouped(1, UNEVEN, near_one(0.5)), {}),
    "correlation 0.999": ("y ~ x1 + (x1 | g)", grouped(1, [12] * 25, near_one(0.999)), {}),
    "correlation -0.999": ("y ~ x1 + (x1 | g)", grouped(2, [12] * 25, near_one(-0.999)), {}),
    "correlation 1": ("y ~ x1 + (x1 | g)", grouped(0, [12] * 25, near_one(1.0)), {}),
    "four effects, 12 groups": (FOUR, grouped(1, [10] * 12, square(1, 4, 4)), {}),
    "four effects of rank two": (FOUR, grouped(3, [10] * 12, square(3, 4, 2)), {}),
    "four effects, all zero": (FOUR, grouped(0, [10] * 12, np.zeros((4, 4))), {}),
    "zero variances, diagonal": ("y ~ x1 + x2 + (x1 + x2 || g)", grouped(2, [10] * 12, np.diag([1.0, 0, 0])), {}),
}


def quiet_fit(formula: str, data: pd.DataFrame, **keywords: Any) -> lf.LMMResults:
    """Fit without warnings of singularity."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lf.SingularFitWarning)
        return lf.lmm(formula, data, **keywords).fit()


@pytest.fixture(scope="module", params=HARD)
def results(request: pytest.FixtureRequest) -> lf.LMMResults:
    formula, data, keywords = HARD[request.param]
    return quiet_fit(formula, data, **keywords)


def test_the_default_solver_converges_where_the_gradient_vanishes(results: lf.LMMResults) -> None:
    """The slope per standard error of a variable tells how much of the log-likelihood is left to gain."""
    setup, x = results._setup, results.estimates.variables
    objective = Objective.of(setup.products, setup.covariance, setup.residual, results.reml)
    gradient, hessian = objective.gradient(x), objective.hessian(x)
    assert results.converged
    values, vectors = np.linalg.eigh(hessian)
    assert values[0] > -1e-6 * values[-1]
    slopes = np.abs(vectors.T @ gradient)[values > 1e-9 * values[-1]] / np.sqrt(values[values > 1e-9 * values[-1]])
    assert slopes.max() < 1e-4
    assert_no_missing_direction_improves(objective, x)


def assert_no_missing_direction_improves(objective: Objective, x: np.ndarray) -> None:
    """In Gamma = L L' every zero variance is stationary; what counts is the derivative in Gamma."""
    slope = objective.covariance.split(gamma_gradient(objective, x))
    blocks = objective.covariance.split(objective.at(x).covariance.gamma)
    for block, derivative in zip(blocks, slope, strict=True):
        values, vectors = np.linalg.eigh(block)
        missing = vectors[:, values < 1e-8]
        if missing.shape[1]:
            assert np.linalg.eigvalsh(missing.T @ derivative @ missing)[0] > -1e-4


def test_no_other_solver_finds_a_better_optimum_or_claims_a_worse_one(results: lf.LMMResults) -> None:
    table = results.all_fit()
    best = table["llf"].max()
    assert results.llf > best - 1e-6
    for solver, row in table.iterrows():
        if row["converged"]:
            assert row["llf"] > best - (1e-3 if str(solver).endswith(FIRST_ORDER) else 1e-6), solver


def test_centring_years_changes_nothing() -> None:
    plain = quiet_fit("y ~ year + (year | g)", years())
    centred = quiet_fit("y ~ c + (c | g)", years().assign(c=lambda d: d["year"] - 1985))
    assert plain.llf == pytest.approx(centred.llf, abs=1e-6)
    assert plain.params["year"] == pytest.approx(centred.params["c"], rel=1e-5)
    assert plain.cov_re.iloc[1, 1] == pytest.approx(centred.cov_re.iloc[1, 1], rel=1e-4)


@pytest.mark.parametrize("shift", [1e3, 1e5, 1e6])
def test_a_slope_far_from_zero_changes_nothing(shift: float) -> None:
    data = grouped(4, [10] * 20, near_one(0.3))
    plain, moved = (quiet_fit("y ~ x1 + (x1 | g)", data.assign(x1=data["x1"] + by)) for by in (0.0, shift))
    assert moved.converged
    assert moved.llf == pytest.approx(plain.llf, abs=1e-6)
    assert moved.cov_re.iloc[1, 1] == pytest.approx(plain.cov_re.iloc[1, 1], rel=1e-4)


def test_no_heterogeneity_is_exactly_zero_and_said() -> None:
    formula, data, keywords = HARD["errors from 1e-6 to 1e3, no heterogeneity"]
    results = quiet_fit(formula, data, **keywords)
    assert results.tau2 == 0.0
    assert results.i2 == 0.0
    assert results.singular
    assert "Singular fit: a variance is estimated as zero" in str(results.summary())


SEVERAL_OPTIMA = [
    ([-3.350825, 2.949969, 3.013771], [0.898650, 0.105944, 0.010651], False),
    ([2.238772, 6.335572, -4.389410, -2.651705, 2.325242], [0.011968, 0.977866, 6.244701, 1.221391, 0.054850], True),
    ([2.238772, 6.335572, -4.389410, -2.651705, 2.325242], [0.011968, 0.977866, 6.244701, 1.221391, 0.054850], False),
]


@pytest.mark.parametrize(("y", "se", "reml"), SEVERAL_OPTIMA)
def test_the_higher_of_two_optima_is_found(y: list[float], se: list[float], reml: bool) -> None:
    data = pd.DataFrame({"y": y, "se": se, "study": range(len(y))})
    results = quiet_fit("y ~ 1 + (1 | study)", data, se="se", reml=reml)
    variance = np.square(se)[:, None] + np.append(0.0, 10 ** np.linspace(-6, 4, 1001))
    mean = np.average(np.broadcast_to(np.array(y)[:, None], variance.shape), axis=0, weights=1 / variance)
    squares = ((np.array(y)[:, None] - mean) ** 2 / variance).sum(axis=0)
    llf = -0.5 * (np.log(2 * np.pi * variance).sum(axis=0) + squares)
    if reml:
        llf += 0.5 * np.log(2 * np.pi) - 0.5 * np.log((1 / variance).sum(axis=0))
    assert results.llf > llf.max() - 1e-6


@pytest.mark.parametrize("constant", [1e-30, 1e30])
def test_weights_of_any_size(constant: float) -> None:
    data = grouped(1, [10] * 12, near_one(0.5)).assign(w=constant)
    if constant > 1:  # the rounding errors of a constant response are not variance
        with pytest.raises(lf.DataError, match="reproduce the response"):
            quiet_fit("y ~ 1 + (1 | g)", data.assign(y=0.1), weights="w")
    else:
        assert quiet_fit("y ~ x1 + (1 | g)", data, weights="w").converged


def test_random_effects_that_reproduce_the_response_leave_no_residual_variance() -> None:
    data = grouped(1, [10] * 12, near_one(0.5))
    with pytest.raises(lf.DataError, match="reproduce the response"):
        quiet_fit("y ~ 1 + (1 | g)", data.assign(y=1 + 0.3 * data["g"]))
