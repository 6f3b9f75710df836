import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import limeform as lf

SLEEP = lf.datasets.sleepstudy()
NAMES = ["mean", "mean_se", "mean_ci_lower", "mean_ci_upper", "obs_ci_lower", "obs_ci_upper"]


@pytest.fixture(scope="module")
def fit():
    return lf.lmm("Reaction ~ Days + (Days | Subject)", SLEEP).fit()


def test_without_groups_it_is_that_of_statsmodels():
    new = pd.DataFrame({"Days": [0.0, 4.5, 12.0]})
    theirs = smf.ols("Reaction ~ Days", SLEEP).fit(use_t=False).get_prediction(new).summary_frame(alpha=0.1)
    ours = lf.lmm("Reaction ~ Days", SLEEP).fit().get_prediction(new).summary_frame(alpha=0.1)
    assert list(ours.columns) == NAMES == list(theirs.columns)
    np.testing.assert_allclose(ours.iloc[:, :4], theirs.iloc[:, :4], rtol=1e-8)


def test_known_groups_by_the_mixed_model_equations(fit):
    """Henderson: the inverse of the coefficient matrix of all effects is the covariance of their errors."""
    random, n = fit.design.random, fit.nobs
    z = np.zeros((n, 36))
    for row, level in enumerate(random.codes):
        z[row, 2 * level : 2 * level + 2] = random.z[row]
    both = np.hstack([fit.design.x, z])
    coefficients = both.T @ both / fit.scale
    coefficients[2:, 2:] += np.kron(np.eye(18), np.linalg.inv(fit.cov_re.to_numpy()))
    variance = np.einsum("ij,jk,ik->i", both, np.linalg.inv(coefficients), both)
    found = fit.get_prediction()
    np.testing.assert_allclose(found.var_mean, variance, rtol=1e-9)
    np.testing.assert_allclose(found.var_obs, variance + fit.scale, rtol=1e-9)
    np.testing.assert_allclose(found.predicted_mean, fit.fittedvalues)
    assert set(found.level) == {"known"}


def test_training_rows_as_new_data(fit):
    pd.testing.assert_frame_equal(fit.get_prediction(SLEEP).summary_frame(), fit.get_prediction().summary_frame())


def test_new_groups_and_the_population(fit):
    x = np.array([[1.0, 3.0]])
    mean = np.sqrt(x @ fit.cov_params().to_numpy() @ x.T)[0, 0]
    between = (x @ fit.cov_re.to_numpy() @ x.T)[0, 0]
    population = fit.get_prediction({"Days": [3.0]}, random="none")
    assert population.se_mean[0] == pytest.approx(mean)
    assert population.var_obs[0] == pytest.approx(mean**2 + between + fit.scale)
    with pytest.warns(lf.NewLevelWarning, match="with the variance of the random effects"):
        new = fit.get_prediction({"Days": [3.0, 3.0], "Subject": ["308", "stranger"]})
    assert new.level.tolist() == ["known", "new"]
    assert new.var_mean[1] == pytest.approx(mean**2 + between)
    assert new.var_obs[1] == pytest.approx(population.var_obs[0])
    assert new.var_mean[0] < new.var_mean[1]


def test_it_says_which_variances_enter(fit):
    assert "the random effects of a new group and the residual variance" in repr(fit.get_prediction(random="none"))
    assert fit.get_prediction().summary_frame().attrs["notes"] == fit.get_prediction().notes


def test_missing_values_keep_their_rows(fit):
    frame = pd.DataFrame({"Days": [1.0, np.nan, 2.0], "Subject": ["308", "309", None]}, index=["a", "b", "c"])
    found = fit.get_prediction(frame).summary_frame()
    assert found.index.tolist() == ["a", "b", "c"]
    assert found.isna().all(axis=1).tolist() == [False, True, True]


def test_true_effects_of_a_meta_analysis():
    """metafor's prediction interval: mean ± z sqrt(se² + tau²), without sampling error."""
    data = SLEEP.assign(se=20.0)
    fit = lf.lmm("Reaction ~ 1 + (1 | Subject)", data, se="se").fit()
    found = fit.get_prediction(pd.DataFrame(index=[0, 1]).assign(Subject="308"), random="none")
    assert found.var_obs[0] == pytest.approx(fit.bse["Intercept"] ** 2 + fit.tau2)
    assert "without sampling error" in repr(found)


def test_weights_and_strata_of_new_rows():
    data = SLEEP.assign(w=np.linspace(1, 2, 180), late=SLEEP["Days"] > 4)
    weighted = lf.lmm("Reaction ~ Days + (1 | Subject)", data, weights="w").fit()
    new = pd.DataFrame({"Days": [1.0], "Subject": ["308"], "w": [4.0]})
    found = weighted.get_prediction(new)
    assert found.var_obs[0] - found.var_mean[0] == pytest.approx(weighted.scale / 4)
    without = weighted.get_prediction(new[["Days", "Subject"]])
    assert np.isnan(without.var_obs[0])
    assert "unknown" in repr(without)
    strata = lf.lmm("Reaction ~ Days + (1 | Subject)", data, sigma="late").fit()
    both = strata.get_prediction(new.assign(late=True))
    assert both.var_obs[0] - both.var_mean[0] == pytest.approx(strata.sigma[True] ** 2)


def test_offsets():
    data = SLEEP.assign(shift=np.arange(180.0))
    fit = lf.lmm("Reaction ~ Days + (1 | Subject)", data, offset="shift").fit()
    np.testing.assert_allclose(fit.get_prediction(data, offset="shift").predicted_mean, fit.fittedvalues)
    np.testing.assert_allclose(fit.get_prediction(data).predicted_mean, fit.fittedvalues)
    with pytest.raises(lf.LimeformError, match="offset"):
        fit.get_prediction(data.drop(columns="shift"))


def test_coverage_of_the_intervals():
    """New observations fall into the 90% intervals nine times in ten: 3,000 rows have a Monte Carlo error of 0.5%."""
    rng = np.random.default_rng(1)
    group, x = np.repeat(np.arange(300), 10), rng.normal(size=3000)
    u = rng.normal(size=(300, 2)) * [1.0, 0.5]
    y = 1 + x + u[group, 0] + u[group, 1] * x + 0.7 * rng.normal(size=3000)
    data = pd.DataFrame({"y": y, "x": x, "g": group})
    seen = np.tile(np.arange(10) < 5, 300)
    found = lf.lmm("y ~ x + (x || g)", data[seen]).fit().get_prediction(data[~seen])
    frame = found.summary_frame(alpha=0.1)
    inside = (y[~seen] > frame["obs_ci_lower"]) & (y[~seen] < frame["obs_ci_upper"])
    assert 0.87 < inside.mean() < 0.93
    truth = (1 + x + u[group, 0] + u[group, 1] * x)[~seen]
    assert 0.86 < ((truth > frame["mean_ci_lower"]) & (truth < frame["mean_ci_upper"])).mean() < 0.94
