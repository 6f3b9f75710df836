"""Three-level meta-analysis: metafor 3.8-1's rma.mv(yi, vi, random = ~ 1 | district/school) on Konstantopoulos (2011).

metafor's variances are good to about 1e-7 and its restricted log-likelihood contains ln|X'X| / 2; the effects of a
level carry the uncertainty of the fixed effects in their standard errors there, so modes are compared, these are not.
"""

from __future__ import annotations

import numpy as np
import pytest

import limeform as lf

VALUES = {
    ("yi ~ 1", True): ([0.18471316367], [0.08455591874], [0.06506194428, 0.03273651703], -7.95872403371),
    ("yi ~ 1", False): ([0.18445538397], [0.08048168217], [0.05773835886, 0.03286479186], -8.39493557126),
    ("yi ~ 1 + I(year - 1990)", True): (
        [0.18071849545, 0.00531181826],
        [0.0886862893, 0.00943579392],
        [0.07226559074, 0.03265019591],
        -7.24046677679,
    ),
    ("yi ~ 1 + I(year - 1990)", False): (
        [0.18029184105, 0.00507372063],
        [0.08005164722, 0.00851135412],
        [0.0564628521, 0.03293903199],
        -8.21814256584,
    ),
}
DISTRICTS = {"11": -0.18998595560, "71": 0.53427780373, "644": -0.01215679022}


@pytest.mark.parametrize(("fixed", "reml"), VALUES)
def test_estimates(fixed: str, reml: bool) -> None:
    beta, se, variances, log_likelihood = VALUES[fixed, reml]
    data = lf.datasets.konstantopoulos2011()
    results = lf.lmm(f"{fixed} + (1 | district/school)", data, variance="vi", reml=reml).fit()
    np.testing.assert_allclose(results.params, beta, rtol=1e-6)
    np.testing.assert_allclose(results.bse, se, rtol=1e-6)
    np.testing.assert_allclose(results.var_components()["variance"], variances, rtol=1e-5)
    x = results.model.exog
    constant = 0.5 * np.linalg.slogdet(x.T @ x)[1] if reml else 0.0
    assert results.llf + constant == pytest.approx(log_likelihood, abs=1e-8)


def test_effects_of_the_districts() -> None:
    data = lf.datasets.konstantopoulos2011()
    results = lf.lmm("yi ~ 1 + (1 | district/school)", data, variance="vi").fit()
    modes = results.random_effects["district"]["Intercept"]
    modes.index = modes.index.astype(str)
    for district, mode in DISTRICTS.items():
        assert modes[district] == pytest.approx(mode, abs=1e-6)
