"""Heterogeneity of fits with constraints, priors and nonlinear means."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import lsq_linear
from scipy.stats import chi2

import limeform as lf


def frame(seed: int = 0, n: int = 60, m: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g, x, z, se = np.arange(n) % m, rng.uniform(0, 4, n), rng.normal(size=n), rng.uniform(0.5, 1.5, n)
    y = 1 + 0.5 * x + 0.5 * z + rng.normal(0, 0.7, m)[g] + rng.normal(0, se)
    return pd.DataFrame({"y": y, "x": x, "z": z, "g": g, "se": se})


def fit(formula: str = "y ~ x + z + (1 | g)", **keywords: object):
    return lf.lmm(formula, frame(), se="se", reml=keywords.pop("reml", False), **keywords).fit()


MEASURES = ["q", "q_df", "q_pvalue", "tau2", "i2", "h2"]


@pytest.mark.parametrize("trim", [0.0, 0.1, lf.Trimming(0.1, correct=True)])
def test_limits_on_a_variance_leave_all_measures(trim: object) -> None:
    ours = fit(constraints=[lf.bounds("sd(g)", upper=1e6)], trim=trim).heterogeneity
    plain = fit(trim=trim).heterogeneity
    for name in MEASURES:
        assert getattr(ours, name) == pytest.approx(getattr(plain, name), rel=1e-5), name
    assert ours.notes == ()


@pytest.mark.parametrize("trim", [0.0, 0.1])
def test_an_equation_is_the_model_with_one_column(trim: float) -> None:
    """x + z on one coefficient has the same mean as x and z with equal ones; only the names differ."""
    ours = fit(constraints=["x == z"], trim=trim).heterogeneity
    plain = fit("y ~ I(x + z) + (1 | g)", trim=trim).heterogeneity
    for name in MEASURES:
        assert getattr(ours, name) == pytest.approx(getattr(plain, name), rel=1e-5), name


def test_inequalities_have_q_and_no_p_value() -> None:
    """Q equals SciPy's bounded least squares."""
    results = fit(constraints=[lf.bounds("x", lower=0.9)])
    data, found = frame(), results.heterogeneity
    design = np.column_stack([np.ones(60), data["x"], data["z"]]) / data["se"].to_numpy()[:, None]
    low = np.array([-np.inf, 0.9, -np.inf])
    direct = lsq_linear(design, data["y"] / data["se"], (low, np.inf), tol=1e-14)
    assert found.q == pytest.approx(2 * direct.cost, rel=1e-7)
    assert found.q > fit().heterogeneity.q + 0.5
    assert found.q_df is None
    assert np.isnan(found.q_pvalue)
    text = str(results.summary())
    assert "Q has no p-value: inequalities restrict the mean" in text
    assert f"{found.i2:.2f}" in text
    assert "P>Q" not in text


def test_i2_has_the_typical_variance_of_all_columns() -> None:
    results = fit(constraints=[lf.bounds("x", lower=0.9)])
    data = frame()
    x, w = np.column_stack([np.ones(60), data["x"], data["z"]]), 1 / data["se"].to_numpy() ** 2
    p = np.diag(w) - (w[:, None] * x) @ np.linalg.solve((x.T * w) @ x, x.T * w)
    typical = (60 - 3) / np.trace(p)
    assert results.tau2 == results.estimates.gamma[0, 0]
    assert results.i2 == pytest.approx(100 * results.tau2 / (results.tau2 + typical))
    assert results.h2 == pytest.approx(1 + results.tau2 / typical)


def test_priors_have_q_of_the_penalised_fit() -> None:
    found = fit(priors=[lf.normal("x", 0, 0.1)]).heterogeneity
    data = frame()
    design = np.column_stack([np.ones(60), data["x"], data["z"]])
    w = 1 / data["se"].to_numpy() ** 2
    beta = np.linalg.solve((design.T * w) @ design + np.diag([0, 100, 0]), (design.T * w) @ data["y"])
    assert found.q == pytest.approx(w @ (data["y"] - design @ beta) ** 2, rel=1e-7)
    assert "priors inform" in found.notes[0]
    assert np.isnan(found.q_pvalue)


def test_a_nonlinear_mean_has_no_q() -> None:
    """An expression that is linear has the tau², I² and H² of the linear model."""
    results = fit("y ~ 0 + nl(a + b*x + c*z) + (1 | g)", start={"a": 0, "b": 0, "c": 0}, reml=None)
    plain = fit()
    for name in ("tau2", "i2", "h2"):
        assert getattr(results, name) == pytest.approx(getattr(plain, name), rel=1e-5), name
    assert np.isnan(results.q)
    assert "this one is not linear" in str(results.summary())
    assert "tau²" in str(results.summary())


def test_random_slopes_say_why_there_is_no_tau2() -> None:
    results = fit("y ~ x + (0 + x | g)", constraints=[lf.bounds("x", lower=0)])
    assert np.isnan(results.i2)
    assert "not one number" in str(results.summary())
    both = fit("y ~ 0 + nl(a*x) + (0 + x | g)", start={"a": 1}, reml=None)
    assert "P>Q" not in str(both.summary())


def test_without_random_effects() -> None:
    """Equations keep I² = 1 - df / Q; inequalities do not."""
    equation, limit = (fit("y ~ x + z", constraints=[given]) for given in ("x == z", "x >= 0.9"))
    found = equation.heterogeneity
    assert found.q_df == 58
    assert found.q_pvalue == pytest.approx(chi2.sf(found.q, 58))
    assert found.i2 == pytest.approx(100 * max(0, 1 - 58 / found.q))
    assert np.isnan(limit.i2)
    assert "without random effects they come from Q" in str(limit.summary())


def test_curves_and_penalties() -> None:
    curve = fit("y ~ 0 + bspline(x, knots=2) + (1 | g)", constraints=[lf.increasing("x")])
    assert curve.i2 > 0
    assert "inequalities restrict" in str(curve.summary())
    penalty = fit(priors=[lf.penalty(lambda phi: 50 * phi["x"] ** 2)])
    assert "a penalty may involve the mean" in str(penalty.summary())
    curved = fit(constraints=["x**2 + z**2 <= 0.2"])
    assert "a constraint that is not linear" in str(curved.summary())
    assert curved.glance()["q_pvalue"].isna().all()
