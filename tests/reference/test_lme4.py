"""lme4, and base R's lm where there is no bar: unknown residual variance. Values and how they were made: lme4/."""

import warnings

import numpy as np
import pytest

import limeform as lf
from tests.reference import agreement
from tests.reference.cases import Case, fit, frame_of, load_cases, model_of

CASES = load_cases("lme4")
MIXED = [case for case in CASES if "|" in case.formula]
SINGULAR = [case for case in MIXED if case.values["singular"]]
by_name = {case.name: case for case in CASES}
each_case = pytest.mark.parametrize("case", CASES, ids=str)
each_mixed_case = pytest.mark.parametrize("case", MIXED, ids=str)


@each_case
def test_log_likelihood(case: Case) -> None:
    assert fit(case).converged
    agreement.same_log_likelihood(fit(case), case)


@each_case
def test_fixed_effects(case: Case) -> None:
    agreement.same_fixed_effects(fit(case), case)


@each_case
def test_residual_variance(case: Case) -> None:
    agreement.within(
        fit(case).scale, case.values["sigma"] ** 2, agreement.VARIANCE * case.values["sigma"] ** 2, "sigma²"
    )


@each_mixed_case
def test_covariance_of_random_effects(case: Case) -> None:
    agreement.same_random_covariance(fit(case), case)


@each_mixed_case
def test_random_effects(case: Case) -> None:
    agreement.same_random_effects(fit(case), case)


@each_case
def test_fitted_values_and_predictions(case: Case) -> None:
    agreement.same_fitted_values(fit(case), case)


@each_mixed_case
def test_singular(case: Case) -> None:
    assert fit(case).singular == case.values["singular"]


@each_case
def test_rows_and_columns(case: Case) -> None:
    results = fit(case)
    assert results.nobs == case.values["nobs"]
    assert results.glance()["n_missing"].item() == case.values["n_missing"]
    assert list(results.dropped_columns) == case.values["dropped"]


def test_there_are_singular_fits_among_them() -> None:
    assert {"dyestuff2_reml", "slope_variance_zero_ml", "correlation_one_reml"} <= {case.name for case in SINGULAR}


@pytest.mark.parametrize("case", SINGULAR, ids=str)
def test_a_singular_fit_is_said_once(case: Case) -> None:
    with pytest.warns(lf.SingularFitWarning, match="singular fit") as caught:
        results = model_of(case).fit()
    assert len(caught) == 1
    assert "Singular" in str(results.summary())


def test_missing_values_are_counted_by_column() -> None:
    assert fit(by_name["missing_values"]).missing == {"Reaction": 3, "Days": 2, "Subject": 3}


def test_a_response_in_other_units_changes_nothing_but_units() -> None:
    plain, scaled = fit(by_name["sleepstudy_slope_reml"]), fit(by_name["response_times_million"])
    np.testing.assert_allclose(scaled.params, 1e6 * plain.params, rtol=1e-9)
    np.testing.assert_allclose(scaled.bse, 1e6 * plain.bse, rtol=1e-6)
    np.testing.assert_allclose(scaled.cov_re, 1e12 * plain.cov_re, rtol=1e-5)


def test_order_of_rows_changes_nothing() -> None:
    case = by_name["four_effects_reml"]
    frame = frame_of(case).sample(frac=1.0, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shuffled = lf.lmm(case.formula, frame, reml=case.reml, **case.keywords).fit()
    agreement.same_log_likelihood(shuffled, case)
    agreement.same_fixed_effects(shuffled, case)
    agreement.same_random_covariance(shuffled, case)
    agreement.same_random_effects(shuffled, case)


def test_balanced_data_have_a_closed_form() -> None:
    """Random effects ten thousand times larger than the noise: lme4's deviance is too rough there to be compared with.

    With the same rows x in every group, REML of y ~ x + (x | g) is: beta the mean of the groups' least squares
    coefficients, Gamma their covariance less sigma² (X'X)^-1, sigma² the pooled residual variance.
    """
    frame = frame_of(by_name["large_effects"])
    X = np.column_stack([np.ones(6), frame["x"][:6]])
    Y = frame["y_sharp"].to_numpy().reshape(-1, 6).T
    b, rss, *_ = np.linalg.lstsq(X, Y, rcond=None)
    sigma2 = rss.sum() / (4 * Y.shape[1])
    results = lf.lmm("y_sharp ~ x + (x | g)", frame).fit()
    np.testing.assert_allclose(results.params, b.mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(results.bse, np.sqrt(np.diag(np.cov(b)) / Y.shape[1]), rtol=1e-5)
    np.testing.assert_allclose(results.scale, sigma2, rtol=1e-4)
    np.testing.assert_allclose(results.cov_re, np.cov(b) - sigma2 * np.linalg.inv(X.T @ X), rtol=1e-4)
