"""metafor: known sampling variances. Values and how they were made: metafor/."""

import numpy as np
import pytest

import limeform as lf
from tests.reference import agreement
from tests.reference.cases import Case, fit, frame_of, load_cases, model_of

CASES = load_cases("metafor")
MIXED = [case for case in CASES if "|" in case.formula]
FIXED = [case for case in CASES if "|" not in case.formula]
ONE_ROW_A_STUDY = [case for case in CASES if "tau2" in case.values]
each_case = pytest.mark.parametrize("case", CASES, ids=str)
each_mixed_case = pytest.mark.parametrize("case", MIXED, ids=str)


@each_case
def test_log_likelihood(case: Case) -> None:
    assert fit(case).converged
    agreement.same_log_likelihood(fit(case), case)


@each_case
def test_fixed_effects(case: Case) -> None:
    agreement.same_fixed_effects(fit(case), case)


@each_mixed_case
def test_covariance_of_random_effects(case: Case) -> None:
    agreement.same_random_covariance(fit(case), case)


@each_mixed_case
def test_random_effects(case: Case) -> None:
    agreement.same_random_effects(fit(case), case)


@each_case
def test_fitted_values_and_predictions(case: Case) -> None:
    agreement.same_fitted_values(fit(case), case)


@each_case
def test_q(case: Case) -> None:
    assert fit(case).q == pytest.approx(case.values["Q"], rel=1e-8)
    assert fit(case).q_pvalue == pytest.approx(case.values["Q_pvalue"], rel=1e-6)


@pytest.mark.parametrize("case", ONE_ROW_A_STUDY, ids=str)
def test_heterogeneity(case: Case) -> None:
    results = fit(case)
    zero = agreement.ZERO_VARIANCE * agreement.residual_variance(case)
    assert results.tau2 == pytest.approx(case.values["tau2"], rel=agreement.VARIANCE, abs=zero)
    assert results.i2 == pytest.approx(case.values["I2"], rel=agreement.VARIANCE, abs=1e-4)
    assert results.h2 == pytest.approx(case.values["H2"], rel=agreement.VARIANCE)


@each_mixed_case
def test_singular(case: Case) -> None:
    sd = np.array(case.values["sd_re"])
    gamma = np.array(case.values["cov_re"])
    correlation = gamma / np.outer(sd, sd) if (sd > 1e-9).all() else np.zeros((1, 1))
    assert fit(case).singular == (np.linalg.eigvalsh(correlation)[0] < 1e-6)


def test_there_are_singular_fits_among_them() -> None:
    singular = {case.name for case in MIXED if fit(case).singular}
    assert {"alike_rows_reml", "alike_intercept_ml", "alike_slope_reml", "line_slope_reml"} <= singular


@each_case
def test_rows(case: Case) -> None:
    assert fit(case).nobs == case.values["nobs"]
    assert fit(case).glance()["n_missing"].item() == case.values["n_missing"]


@pytest.mark.parametrize("case", FIXED, ids=str)
def test_restricted_likelihood_without_random_effects(case: Case) -> None:
    results = model_of(case, reml=True).fit()
    assert results.llf == pytest.approx(case.values["logLik_reml_here"], abs=agreement.LOG_LIKELIHOOD)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_restricted_likelihood_of_metafor_has_another_constant(case: Case) -> None:
    """metafor adds ln|X'X| / 2 to the restricted log-likelihood, lme4 and limeform do not."""
    results = fit(case)
    constant = np.linalg.slogdet(results.model.exog.T @ results.model.exog)[1] / 2 if case.reml else 0.0
    assert results.llf + constant == pytest.approx(case.values["logLik_metafor"], abs=agreement.LOG_LIKELIHOOD)


@pytest.mark.parametrize("unit", [1e-5, 1e6])
@pytest.mark.parametrize("name", ["bcg_ablat_reml", "dose_slope_ml", "dose_three_effects_reml", "line_slope_reml"])
def test_other_units_change_nothing_but_units(name: str, unit: float) -> None:
    case = next(case for case in CASES if case.name == name)
    frame = frame_of(case).eval(f"yi = yi * {unit}\nvi = vi * {unit} ** 2")
    results, before = lf.lmm(case.formula, frame, variance="vi", reml=case.reml).fit(), fit(case)
    free_rows = before.nobs - (len(before.params) if case.reml else 0)
    assert results.llf == pytest.approx(before.llf - free_rows * np.log(unit), abs=agreement.LOG_LIKELIHOOD)
    np.testing.assert_allclose(results.params / unit, before.params, rtol=1e-6)
    np.testing.assert_allclose(results.cov_re / unit**2, before.cov_re, rtol=1e-4)


@pytest.mark.parametrize("name", ["dose_slope_ml", "dose_slope_reml"])
def test_a_slope_may_be_counted_from_anywhere(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    moved = lf.lmm(case.formula, frame_of(case).eval("dose = dose + 2000"), variance="vi", reml=case.reml).fit()
    assert moved.llf == pytest.approx(case.values["logLik"], abs=agreement.LOG_LIKELIHOOD)
    assert moved.params["dose"] == pytest.approx(fit(case).params["dose"], rel=1e-5)
