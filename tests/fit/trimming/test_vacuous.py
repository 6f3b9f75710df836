"""Every option of trimming with restrictions that restrict nothing equals the same fit without them."""

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.results import LMMResults

MODELS = {
    "known": ("y ~ x + (1 | g)", {"se": "se"}),
    "shared": ("y ~ x + (1 | g)", {}),
    "slopes": ("y ~ x + (x | g)", {"se": "se"}),
    "strata": ("y ~ x + (0 + x | g)", {"sigma": "s"}),
    "fixed": ("y ~ x", {}),
}
OPTIONS = {
    "correct": {"correct": True},
    "power": {"interpolation": "power"},
    "group": {"level": "group", "fraction": 0.25},
    "reweight": {"reweight": 0.975, "correct": True},
    "keep": {"keep": "trusted"},
    "step": {"step": 2.0},
}
BOUNDS = {"constraints": [lf.bounds("x", -1e6, 1e6)]}
PRIOR = {"priors": [lf.normal("x", 0, 1e6)]}
CASES = [
    (model, options)
    for model in MODELS
    for options in OPTIONS
    if not (options == "power" and "se" not in MODELS[model][1]) and (model, options) != ("fixed", "group")
]


def frame(seed: int = 0, n: int = 80, m: int = 10, outliers: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g, x, se = np.concatenate([np.arange(m), rng.integers(0, m, n - m)]), rng.uniform(0, 4, n), rng.uniform(0.7, 1.4, n)
    noisy = np.arange(n) % 2 == 1
    y = 1 + 2 * x + rng.normal(0, 1.5, m)[g] + rng.normal(0, 0.5, m)[g] * x
    y += rng.normal(size=n) * np.where(noisy, 1.6, 0.8)
    y[rng.choice(n, outliers, replace=False)] += 15 + 20 * rng.random(outliers)
    s = np.where(noisy, "b", "a")
    return pd.DataFrame({"y": y, "x": x, "g": g, "se": se, "s": s, "trusted": np.arange(n) % 7 == 0})


def fit(model: str, options: str, restricted: dict, **more: object) -> LMMResults:
    formula, keywords = MODELS[model]
    trim = lf.Trimming(**{"fraction": 0.15, **OPTIONS[options]})
    return lf.lmm(formula, frame(), trim=trim, **keywords, **restricted, **more).fit()


def assert_same(ours: LMMResults, plain: LMMResults) -> None:
    """Rows, objective and factor to rounding; what a solver finds to its tolerance, in standard errors."""
    np.testing.assert_array_equal(ours.inliers, plain.inliers)
    assert ours.trimming.found.best.value == pytest.approx(plain.trimming.found.best.value, abs=1e-6)
    assert ours.trimming.factor == pytest.approx(plain.trimming.factor, abs=1e-6)
    assert ours.llf == pytest.approx(plain.llf, abs=1e-6)
    assert np.abs((ours.params.to_numpy() - plain.params.to_numpy()) / plain.bse.to_numpy()).max() < 1e-4
    np.testing.assert_allclose(ours.bse, plain.bse, rtol=1e-4)
    np.testing.assert_allclose(ours.cov_params(), plain.cov_params(), rtol=1e-3, atol=1e-8)
    np.testing.assert_allclose(ours.estimates.gamma, plain.estimates.gamma, atol=1e-4)
    np.testing.assert_allclose(ours.estimates.residual_variance, plain.estimates.residual_variance, rtol=1e-4)
    pd.testing.assert_frame_equal(ours.outliers(), plain.outliers(), rtol=1e-3, atol=1e-6)


@pytest.mark.filterwarnings("ignore::limeform.SingularFitWarning")
@pytest.mark.parametrize(("model", "options"), CASES)
@pytest.mark.parametrize("restriction", ["bounds", "prior"])
def test_what_restricts_nothing_changes_nothing(model: str, options: str, restriction: str) -> None:
    plain = fit(model, options, {}, reml=False)
    assert_same(fit(model, options, BOUNDS if restriction == "bounds" else PRIOR), plain)


@pytest.mark.parametrize("model", ["known", "shared"])
def test_bounds_on_a_variance_leave_the_restricted_likelihood(model: str) -> None:
    loose = {"constraints": [lf.bounds("sd(g)", upper=1e6)]}
    assert_same(fit(model, "correct", loose, reml=True), fit(model, "correct", {}, reml=True))


@pytest.mark.parametrize("options", ["correct", "reweight", "keep"])
@pytest.mark.parametrize("model", ["known", "shared", "strata"])
def test_an_expression_that_is_linear_is_the_linear_model(model: str, options: str) -> None:
    """`nl` goes the way of nonlinear means: its own statistics at each step, its own starts."""
    formula, keywords = MODELS[model]
    trim = lf.Trimming(**{"fraction": 0.15, **OPTIONS[options]})
    ours = lf.lmm(formula.replace("x +", "0 + nl(a + b*x) +"), frame(), trim=trim, start={"a": 0, "b": 1}, **keywords)
    assert_same(ours.fit(), fit(model, options, {}, reml=False))


def test_correction_by_dense_algebra() -> None:
    """With an active equation: the inverse Hessian in its null space, at error variances of 1/g times the corrected."""
    data = frame()
    given = {"constraints": ["x == 2"], "sigma": "s"}
    results = lf.lmm("y ~ x + (1 | g)", data, trim=lf.Trimming(0.15, correct=True), **given).fit()
    kept, factor = results.inliers.to_numpy(), results.trimming.factor
    levels = list(results.design.errors.strata_levels)
    sigma2 = results.estimates.residual_variance[[levels.index(level) for level in data["s"][kept]]]
    z = pd.get_dummies(data["g"]).to_numpy(float)[kept]
    v = np.diag(sigma2 / factor) + results.estimates.gamma[0, 0] * z @ z.T
    assert factor < 0.999
    assert results.bse["Intercept"] == pytest.approx(np.sqrt(1 / np.linalg.inv(v).sum()), rel=1e-6)
    assert np.isnan(results.bse["x"])


def apart(one: lf.BootstrapResults, other: lf.BootstrapResults) -> float:
    """Return the largest difference of draws in standard deviations of theirs, as of a fit in standard errors."""
    return float((np.abs(one.draws - other.draws) / one.draws.std()).to_numpy().max())


def test_refit_and_bootstrap_hold_the_correction() -> None:
    """A refit to the same response is the fit; held refits of simulated responses, not truncated, are not corrected."""
    plain, ours = fit("shared", "correct", {}, reml=False), fit("shared", "correct", BOUNDS)
    assert_same(ours.refit(frame()["y"]), plain)
    other = frame()["y"] + np.random.default_rng(1).normal(size=80)
    assert_same(ours.refit(other), plain.refit(other))
    boots = [results.bootstrap(8, rng=1) for results in (plain, ours)]
    assert apart(*boots) < 1e-4
    boots = [results.bootstrap(8, "cases", rng=1) for results in (plain, ours)]
    assert apart(*boots) < 1e-4
    boots = [results.bootstrap(3, rng=1, refit="retrimmed") for results in (plain, ours)]
    assert apart(*boots) < 1e-4


def test_path_of_fractions() -> None:
    fractions = [0.0, 0.05, 0.15]
    plain = lf.trim_path(lf.lmm("y ~ x + (1 | g)", frame(), se="se", reml=False), fractions)
    ours = lf.trim_path(lf.lmm("y ~ x + (1 | g)", frame(), se="se", **BOUNDS), fractions)
    pd.testing.assert_frame_equal(ours.frame.drop(columns="agreeing"), plain.frame.drop(columns="agreeing"), rtol=1e-4)
    assert len(ours.plot()) == 3


def test_variance_per_stratum_has_the_same_floor() -> None:
    """Rows of one stratum on a line would take the likelihood to infinity."""
    data = frame()
    exact = data["s"] == "a"
    data.loc[exact, "y"] = 1 + 2 * data.loc[exact, "x"]
    fits = [lf.lmm("y ~ x", data, sigma="s", reml=False, trim=0.15, **restricted).fit() for restricted in ({}, BOUNDS)]
    np.testing.assert_array_equal(*(results.inliers for results in fits))
    np.testing.assert_allclose(*(results.estimates.residual_variance for results in fits), rtol=1e-4)


def test_linear_limits_on_strata_hold_where_a_common_variance_could_not() -> None:
    limits = [lf.bounds("sigma(a)", upper=0.8), lf.bounds("sigma(b)", lower=1.8)]
    results = lf.lmm("y ~ x + (1 | g)", frame(), sigma="s", reml=False, constraints=limits, trim=0.15).fit()
    assert results.converged
    sigma = np.sqrt(results.estimates.residual_variance)
    assert sigma[0] <= 0.8 + 1e-6
    assert sigma[1] >= 1.8 - 1e-6


def test_refit_by_ml_keeps_the_constraints() -> None:
    limit = {"constraints": [lf.bounds("sd(g)", upper=1.0)]}
    ours = fit("known", "correct", limit, reml=True)
    again = ours.refit_by_ml()
    assert again.method == "ML"
    assert np.sqrt(again.cov_re.iloc[0, 0]) <= 1 + 1e-6
    kept = frame()[ours.inliers.to_numpy()]
    direct = lf.lmm("y ~ x + (1 | g)", kept, se="se", reml=False, **limit).fit()
    assert again.llf == pytest.approx(direct.llf, abs=1e-6)
