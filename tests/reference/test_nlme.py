"""nlme: a residual variance for each level of a column. Values and how they were made: nlme/."""

import numpy as np
import pytest

from tests.reference import agreement
from tests.reference.cases import Case, fit, load_cases

CASES = load_cases("nlme")
MIXED = [case for case in CASES if "|" in case.formula]
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
def test_residual_variances(case: Case) -> None:
    sigma, levels = fit(case).sigma, case.values["sigma_levels"]
    if levels == ["shared"]:
        ours = [sigma]
    else:
        assert sorted(map(str, sigma.index)) == sorted(levels)
        ours = sigma.rename(str)[levels]
    theirs = case.vector("sigma", "sigma_levels") ** 2
    zero = agreement.ZERO_VARIANCE * agreement.residual_variance(case)
    agreement.within(np.square(ours), theirs, agreement.VARIANCE * theirs + zero, "residual variance")


@each_mixed_case
def test_covariance_of_random_effects(case: Case) -> None:
    agreement.same_random_covariance(fit(case), case)


@each_mixed_case
def test_random_effects(case: Case) -> None:
    agreement.same_random_effects(fit(case), case)


@each_case
def test_fitted_values_and_predictions(case: Case) -> None:
    agreement.same_fitted_values(fit(case), case)
