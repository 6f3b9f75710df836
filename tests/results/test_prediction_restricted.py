"""Predictions of restricted and nonlinear fits, and of crossed factors, against dense algebra of one n x n matrix."""

import warnings

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.results.restricted_fits import DATA, MODELS, OTHERS, SHAPE, START

NEW = DATA[::9].assign(study=[0, 3, 14, 99] * 3 + [7, 98], dose=lambda frame: frame["dose"] + 0.5)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lf.SingularFitWarning)
        warnings.simplefilter("ignore", lf.NewLevelWarning)
        warnings.simplefilter("ignore", lf.OutOfBoundsWarning)
        yield


def indicators(codes, levels):
    """Return 1 where a row has a level; rows of unknown levels (-1) are zero."""
    return (codes[:, None] == np.arange(levels)).astype(float)


def expanded(fit, z, codes):
    """Return the columns of all effects, and their covariance matrix."""
    columns, blocks, start = [], [], 0
    for random, code in zip(fit.design.factors, codes, strict=True):
        k, m = len(random.names), len(random.levels)
        own = z[:, start : start + k]
        columns.append(np.einsum("nm,nk->nmk", indicators(code, m), own).reshape(len(z), m * k))
        blocks.append(np.kron(np.eye(m), fit.estimates.gamma[start : start + k, start : start + k]))
        start += k
    gamma = np.zeros((sum(map(len, blocks)),) * 2)
    place = 0
    for block in blocks:
        gamma[place : place + len(block), place : place + len(block)] = block
        place += len(block)
    return np.hstack(columns), gamma


def between(fit, z, codes):
    """Return the variance of the effects of unknown levels."""
    total, start = np.zeros(len(z)), 0
    for random, code in zip(fit.design.factors, codes, strict=True):
        own = slice(start, start + len(random.names))
        total += np.where(code < 0, np.einsum("ni,ij,nj->n", z[:, own], fit.estimates.gamma[own, own], z[:, own]), 0)
        start = own.stop
    return total


def dense(fit, jacobian, covariance, new_jacobian, new_z, new_codes):
    """Return the variance of predictions by Henderson's formula; ``covariance`` None for generalised least squares."""
    kept = fit.weights.to_numpy() > 0.5
    z = np.hstack([random.z for random in fit.design.factors])
    z, gamma = expanded(fit, z, [random.codes for random in fit.design.factors])
    inverse = np.linalg.inv((z @ gamma @ z.T + np.diag(fit.error_variance))[np.ix_(kept, kept)])
    j, z = jacobian[kept], z[kept]
    if covariance is None:
        covariance = np.linalg.inv(j.T @ inverse @ j)
    w, _ = expanded(fit, new_z, new_codes)
    moved = new_jacobian - w @ gamma @ z.T @ inverse @ j
    own = w @ (gamma - gamma @ z.T @ inverse @ z @ gamma) @ w.T
    variance = np.einsum("ni,ij,nj->n", moved, covariance, moved) + np.diag(own)
    return variance + between(fit, new_z, new_codes), inverse


def study_codes(frame):
    return np.where(frame["study"] < 15, frame["study"], -1)


def weighted_residual(fit, inverse):
    return inverse @ (fit.design.y - fit.design.offset - (fit.design.y - fit.resid_marginal)).to_numpy()


# ---------------------------------------------------------------------- one factor


@pytest.mark.parametrize("prior", [False, True])
def test_linear_mean(prior):
    """Posterior of a linear mean: a normal prior adds to the information, an equation takes a direction out."""
    priors = [lf.normal("x", 0, 0.02)] if prior else None
    fit = lf.lmm("y ~ 1 + x + dose + (1 + x | study)", DATA, constraints=["x + 10 * dose == 0.2"], priors=priors).fit()
    ones = np.ones(len(NEW))
    rows = np.column_stack([ones, NEW["x"], NEW["dose"]])
    x, z, codes = fit.design.x, np.column_stack([ones, NEW["x"]]), [study_codes(NEW)]
    _, inverse = dense(fit, x, None, rows, z, codes)
    information = x.T @ inverse @ x
    information[1, 1] += prior / 0.02**2
    within = np.linalg.svd([[0.0, 1.0, 10.0]])[2][1:].T
    covariance = within @ np.linalg.inv(within.T @ information @ within) @ within.T
    expected, _ = dense(fit, x, covariance, rows, z, codes)
    found = fit.get_prediction(NEW)
    np.testing.assert_allclose(found.var_mean, expected, rtol=1e-9)
    np.testing.assert_allclose(found.var_obs, expected + fit.scale, rtol=1e-9)
    assert found.level.tolist() == np.where(codes[0] < 0, "new", "known").tolist()
    np.testing.assert_allclose(found.predicted_mean, fit.predict(NEW), rtol=1e-12)


@pytest.mark.parametrize("name", ["decay", "decay, strata", "mean"])
def test_expressions(name):
    fit = (MODELS | OTHERS)[name]().fit()
    a, k = fit.params

    def jacobian(dose):
        return np.column_stack([np.exp(-k * dose), -a * dose * np.exp(-k * dose)])

    z, codes = np.ones((len(NEW), 1)), [study_codes(NEW)]
    data, new = jacobian(DATA["dose"].to_numpy()), jacobian(NEW["dose"].to_numpy())
    _, inverse = dense(fit, data, None, new, z, codes)
    information = data.T @ inverse @ data
    if name != "mean":  # whose second derivatives are unknown: Gauss and Newton's
        dose, weight = DATA["dose"].to_numpy(), inverse @ fit.resid_marginal.to_numpy()
        mixed = weight @ (-dose * np.exp(-k * dose))
        information -= np.array([[0, mixed], [mixed, weight @ (a * dose**2 * np.exp(-k * dose))]])
    expected, _ = dense(fit, data, np.linalg.inv(information), new, z, codes)
    found = fit.get_prediction(NEW)
    np.testing.assert_allclose(found.var_mean, expected, rtol=1e-9 if name != "mean" else 1e-6)
    population = fit.get_prediction(NEW, random="none")
    delta = np.einsum("ni,ij,nj->n", new, np.linalg.inv(information), new)
    np.testing.assert_allclose(population.var_mean, delta, rtol=1e-9 if name != "mean" else 1e-6)
    gamma = fit.estimates.gamma[0, 0]
    extra = fit.scale if name != "decay, strata" else NEW["lev"].map(fit.sigma) ** 2
    np.testing.assert_allclose(population.var_obs, population.var_mean + gamma + extra, rtol=1e-12)
    np.testing.assert_allclose(found.var_obs, found.var_mean + extra, rtol=1e-12)
    assert "delta method" in repr(found)


def test_log_ratios():
    fit = lf.lmm(MODELS["ratio"]().formula.text, DATA, se="se", trim=lf.Trimming(0.1, starts=2)).fit()
    assert list(fit.active_constraints["kind"]) == ["equation"]
    beta, basis = fit.params.to_numpy(), fit.design.curves[0].basis

    def curves(frame):
        low, high = (frame[name].to_numpy() for name in ("low", "high"))
        return basis.averages(low, high), basis.averages(frame["r0"].to_numpy(), frame["r1"].to_numpy())

    def jacobian(frame):
        above, below = curves(frame)
        return above / (above @ beta)[:, None] - below / (below @ beta)[:, None]

    new = NEW.assign(low=NEW["low"] + 1)
    z, codes = np.ones((len(new), 1)), [study_codes(new)]
    _, inverse = dense(fit, jacobian(DATA), None, jacobian(new), z, codes)
    kept = fit.weights.to_numpy() > 0.5
    weight = np.zeros(len(DATA))
    weight[kept] = inverse @ fit.resid_marginal[kept].to_numpy()
    above, below = curves(DATA)
    information = jacobian(DATA)[kept].T @ inverse @ jacobian(DATA)[kept]
    information += (above * (weight / (above @ beta) ** 2)[:, None]).T @ above
    information -= (below * (weight / (below @ beta) ** 2)[:, None]).T @ below
    equation = basis.values([5.0])  # the middle of the reference range, where the scale is fixed
    within = np.linalg.svd(equation)[2][1:].T
    covariance = within @ np.linalg.inv(within.T @ information @ within) @ within.T
    expected, _ = dense(fit, jacobian(DATA), covariance, jacobian(new), z, codes)
    found = fit.get_prediction(new)
    np.testing.assert_allclose(found.var_mean, expected, rtol=1e-8)
    np.testing.assert_allclose(found.var_obs, expected, rtol=1e-8)  # a study's true effect: no sampling error


def test_vacuous_constraints_are_those_of_the_linear_path():
    """The same likelihood by two ways: solvers that stop at 1e-10 leave differences of 1e-6 in the variances."""
    plain = lf.lmm("y ~ 1 + x + (1 + x || study)", DATA, reml=False).fit(lf.Ipopt(tol=1e-10))
    fit = lf.lmm("y ~ 1 + x + (1 + x || study)", DATA, constraints="x <= 100").fit(lf.Ipopt(tol=1e-10))
    for random in ("all", "none"):
        for data in (None, NEW):
            ours, theirs = (each.get_prediction(data, random=random) for each in (fit, plain))
            np.testing.assert_allclose(ours.summary_frame(), theirs.summary_frame(), rtol=1e-5, atol=1e-6)
            assert ours.notes == theirs.notes
            assert ours.level.tolist() == theirs.level.tolist()


@pytest.mark.parametrize("name", ["vacuous", "decay", "ratio", "text", "no groups"])
def test_rows_of_the_fit_as_new_data(name):
    fit = MODELS[name]().fit()
    pd.testing.assert_frame_equal(
        fit.get_prediction(DATA).summary_frame(), fit.get_prediction().summary_frame(), rtol=1e-10
    )


# ---------------------------------------------------------------------- active constraints


@pytest.fixture(scope="module")
def bent():
    """An active constraint on the curve, and a coefficient that has nothing to do with it."""
    formula = "y ~ 0 + bspline(dose, knots=[20, 40, 60]) + x + (1 | study)"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lf.lmm(formula, DATA, constraints=[lf.concave("dose"), lf.decreasing("dose", domain=(60, 80))]).fit()


def test_no_normal_interval_where_a_constraint_is_active(bent):
    assert bent.estimates.restricted.held.any()
    for random in ("all", "none"):
        found = bent.get_prediction(NEW, random=random)
        frame = found.summary_frame()
        assert frame["mean"].notna().all()
        assert frame.drop(columns="mean").isna().all(axis=None)
        assert f"{len(NEW)} rows have no interval: an active inequality involves dose[" in repr(found)
        assert "draws=500" in repr(found)


def test_rows_that_do_not_rest_on_an_active_constraint_have_one():
    fit = lf.lmm("y ~ 1 + dose + x + (1 | study)", DATA, constraints="x >= 0.5").fit()
    found = fit.get_prediction({"dose": [1.0, 2.0], "x": [0.0, 1.0]}, random="none")
    rows = np.array([[1, 1.0]])
    covariance = fit.estimates.restricted.covariance[:2, :2]
    assert found.var_mean[0] == pytest.approx((rows @ covariance @ rows.T)[0, 0], rel=1e-12)
    assert np.isnan(found.var_mean[1])
    assert "1 rows have no interval: an active inequality involves x" in repr(found)


def test_draws_give_intervals_within_the_constraints(bent):
    dose = np.linspace(62, 78, 6)
    new = pd.DataFrame({"dose": dose, "x": 0.0})
    draws = bent.bootstrap(20, rng=1)
    found = bent.get_prediction(new, random="none", draws=draws)
    frame = found.summary_frame(alpha=0.2)
    values = np.array([bent.design.curves[0].rows(dose) @ row[:-1] for row in draws.params.to_numpy()])
    assert (np.diff(values, axis=1) <= 1e-6).all()
    np.testing.assert_allclose(frame["mean_ci_lower"], np.quantile(values, 0.1, axis=0), rtol=1e-9)
    np.testing.assert_allclose(frame["mean_ci_upper"], np.quantile(values, 0.9, axis=0), rtol=1e-9)
    assert (np.diff(frame["mean_ci_upper"]) <= 1e-6).all()
    np.testing.assert_allclose(frame["mean_se"], values.std(axis=0, ddof=1))
    assert (frame["obs_ci_upper"] > frame["mean_ci_upper"]).all()
    assert "in 20 draws, as quantiles" in repr(found)
    pd.testing.assert_frame_equal(
        bent.get_prediction(new, random="none", draws=20, rng=1).summary_frame(alpha=0.2), frame
    )
    pd.testing.assert_frame_equal(
        bent.get_prediction(new, random="none", draws=draws.params.to_numpy()).summary_frame(alpha=0.2), frame
    )


@pytest.mark.parametrize("name", ["vacuous", "decay"])
def test_normal_draws_give_the_normal_intervals(name):
    """Draws from the normal approximation: quantiles of 4,000 have a Monte Carlo error of 4% of a standard error."""
    fit = MODELS[name]().fit()
    rng = np.random.default_rng(1)
    draws = rng.multivariate_normal(fit.params, fit.cov_params(), size=4000)
    by_draws, normal = fit.get_prediction(NEW, draws=draws), fit.get_prediction(NEW)
    gap = by_draws.summary_frame() - normal.summary_frame()
    assert (gap.abs().max(axis=1) < 0.12 * normal.se_mean).all()
    assert by_draws.level.tolist() == normal.level.tolist()


def test_modes_of_a_nonlinear_mean_follow_each_draw():
    fit = MODELS["decay"]().fit()
    beta = fit.params.to_numpy() * [1.05, 0.9]
    found = fit.get_prediction(draws=np.stack([beta, fit.params])).draws.values
    np.testing.assert_allclose(found[1], fit.fittedvalues, rtol=1e-10)
    gamma, mean = fit.estimates.gamma[0, 0], beta[0] * np.exp(-beta[1] * DATA["dose"])
    residual = (DATA["c"] - mean).groupby(DATA["study"]).transform("mean").to_numpy()
    shrunk = gamma / (gamma + fit.scale / 8) * residual  # groups of eight rows
    np.testing.assert_allclose(found[0], mean + shrunk, rtol=1e-9)


@pytest.mark.slow
def test_coverage_within_an_active_constraint():
    """A slope of zero that may not be negative: intervals of draws of the mean cover at least as often as they say."""
    rng, hits = np.random.default_rng(5), 0
    group, x = np.repeat(np.arange(10), 4), np.tile([0.0, 1.0, 2.0, 3.0], 10)
    for _ in range(40):
        y = rng.normal(size=10)[group] + rng.normal(size=40)
        fit = lf.lmm("y ~ x + (1 | g)", {"y": y, "x": x, "g": group}, constraints="x >= 0").fit()
        frame = fit.get_prediction({"x": [3.0]}, random="none", draws=60, rng=1).summary_frame(alpha=0.2)
        hits += int(frame["mean_ci_lower"][0] < 0 < frame["mean_ci_upper"][0])
    assert hits >= 24  # 80% of 40 less three Monte Carlo errors of 2.5


# ---------------------------------------------------------------------- several factors


@pytest.mark.parametrize("name", ["crossed", "crossed, trimmed"])
def test_several_factors(name):
    fit = OTHERS[name]().fit()
    new = NEW.assign(rater=[0, 1, 2, 77, 5, 0, 1] * 2)
    z = np.column_stack([np.ones(len(new)), np.ones(len(new)), new["x"]])[:, : fit.estimates.gamma.shape[0]]
    codes = [study_codes(new), np.where(new["rater"] < 6, new["rater"], -1)]
    rows = np.column_stack([np.ones(len(new)), new["x"]])
    expected, _ = dense(fit, fit.design.x, fit.cov_params().to_numpy(), rows, z, codes)
    found = fit.get_prediction(new)
    np.testing.assert_allclose(found.var_mean, expected, rtol=1e-9)
    np.testing.assert_allclose(found.var_obs, expected + fit.scale, rtol=1e-9)
    unknown = (codes[0] < 0).astype(int) + (codes[1] < 0)
    assert found.level.tolist() == [["known", "partly new", "new"][count] for count in unknown]
    np.testing.assert_allclose(found.predicted_mean, fit.predict(new), rtol=1e-12)
    old = np.hstack([random.z for random in fit.design.factors])
    expected, _ = dense(
        fit, fit.design.x, fit.cov_params().to_numpy(), fit.design.x, old, [f.codes for f in fit.design.factors]
    )
    np.testing.assert_allclose(fit.get_prediction().var_mean, expected, rtol=1e-9)
    pd.testing.assert_frame_equal(
        fit.get_prediction(DATA).summary_frame(), fit.get_prediction().summary_frame(), rtol=1e-9
    )
    assert "of the known levels given their data" in repr(found)


def test_nested_factors_and_strata():
    data = DATA.assign(half=np.arange(120) % 2)
    fit = lf.lmm("y ~ x + (1 | study / half)", data, sigma="lev").fit()
    old = np.hstack([random.z for random in fit.design.factors])
    expected, _ = dense(
        fit, fit.design.x, fit.cov_params().to_numpy(), fit.design.x, old, [f.codes for f in fit.design.factors]
    )
    np.testing.assert_allclose(fit.get_prediction().var_mean, expected, rtol=1e-9)
    np.testing.assert_allclose(fit.get_prediction(data).var_mean, expected, rtol=1e-9)


def test_draws_of_several_factors():
    fit = OTHERS["crossed"]().fit()
    draws = np.random.default_rng(1).multivariate_normal(fit.params, fit.cov_params(), size=4000)
    gap = fit.get_prediction(DATA[:9], draws=draws).summary_frame() - fit.get_prediction(DATA[:9]).summary_frame()
    assert (gap.abs().max(axis=1) < 0.12 * fit.get_prediction(DATA[:9]).se_mean).all()


# ---------------------------------------------------------------------- what is refused


def test_bad_draws():
    fit = MODELS["vacuous"]().fit()
    for draws in (np.zeros((5, 3)), np.zeros(2), np.full((3, 2), np.nan), "many", np.zeros((1, 2))):
        with pytest.raises(lf.OptionError, match="draws="):
            fit.get_prediction(draws=draws)
    for number in (0, -1, True):
        with pytest.raises(lf.OptionError, match="n="):
            fit.get_prediction(draws=number)
    with pytest.raises(lf.OptionError, match="rng="):
        fit.get_prediction(rng=1)
    reduced = fit.bootstrap(3, rng=1).function(lambda refit: refit.scale)
    with pytest.raises(lf.OptionError, match="draws="):
        fit.get_prediction(draws=reduced)


def test_rows_where_the_mean_has_no_value():
    data = DATA.assign(t=DATA["dose"] + 1)
    fit = lf.lmm("c ~ 0 + nl(A * log(k * t)) + (1 | study)", data, start=START).fit()
    with pytest.raises(lf.DataError, match="cannot be evaluated on these rows"):
        fit.get_prediction(data[:2].assign(t=-1.0))


def test_missing_values_and_no_rows():
    fit = MODELS["decay"]().fit()
    frame = DATA[:3].assign(dose=[1.0, np.nan, 2.0])
    assert fit.get_prediction(frame).summary_frame().isna().all(axis=1).tolist() == [False, True, False]
    assert fit.get_prediction(frame[1:2]).summary_frame().isna().all(axis=None)
    draws = np.stack([fit.params, fit.params])
    assert fit.get_prediction(frame, draws=draws).summary_frame().isna().all(axis=1).tolist() == [False, True, False]


def test_shapes_are_of_the_curve():
    fit = lf.lmm(SHAPE, DATA, se="se", constraints=lf.increasing("dose")).fit()
    grid = pd.DataFrame({"dose": np.linspace(1, 79, 12)})
    ends = fit.get_prediction(grid, random="none", draws=15, rng=1).conf_int()
    assert (np.diff(ends.to_numpy(), axis=0) >= -1e-7).all()
