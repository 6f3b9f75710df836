"""Refits of fits that were corrected for the good rows they left out."""

import numpy as np
import pandas as pd
import pytest

import limeform as lf


def studies() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(20), 5)
    x, se = rng.normal(size=100), rng.uniform(0.5, 1.0, 100)
    y = 1.0 + 0.5 * x + 0.7 * rng.normal(size=20)[group] + se * rng.normal(size=100)
    return pd.DataFrame({"y": y, "x": x, "se": se, "group": group})


def corrected(se: str | None) -> lf.LMMResults:
    trim = lf.Trimming(0.1, starts=5, correct=True)
    return lf.lmm("y ~ x + (1 | group)", studies(), se=se, reml=True, trim=trim).fit()


@pytest.mark.parametrize("se", ["se", None])
@pytest.mark.parametrize("kind", ["parametric", "residual"])
def test_held_refits_vary_as_the_corrected_standard_errors_say(se, kind):
    """1,000 draws: 2% Monte Carlo error; not corrected, the slope would vary by a sixth less (known variances)."""
    fit = corrected(se)
    assert fit.trimming.factor < 0.9
    boot = fit.bootstrap(1000, kind, rng=1)
    np.testing.assert_allclose(boot.se.iloc[:2], fit.bse, rtol=0.08)
    centre = boot.draws.mean()
    assert centre["sd(group)"] == pytest.approx(boot.estimate["sd(group)"], rel=0.08)
    if se is None:
        assert centre["sigma"] == pytest.approx(fit.sigma, rel=0.03)


@pytest.mark.parametrize("se", ["se", None])
def test_all_groups_drawn_once_give_the_corrected_fit(se):
    fit = corrected(se)
    again = fit.refit_rows(np.arange(100), np.repeat(np.arange(20, dtype=np.int32), 5))
    np.testing.assert_allclose(again.params, fit.params, rtol=1e-5)
    np.testing.assert_allclose(again.cov_re, fit.cov_re, rtol=1e-4)
    assert again.scale == pytest.approx(fit.scale, rel=1e-5)
    each = fit.bootstrap(1, rng=1).replay.jackknife.of_many([np.arange(20)])
    np.testing.assert_allclose(each.gamma[0], fit.cov_re, rtol=1e-4)


@pytest.mark.parametrize("kind", ["parametric", "cases"])
def test_a_constraint_without_effect_changes_nothing(kind):
    """The same refits by the joint likelihood and by the profiled one, to the accuracy of the solver."""
    trim = lf.Trimming(0.1, starts=5, correct=True)
    draws = []
    for constraints in ([], ["x <= 100"]):
        fit = lf.lmm("y ~ x + (1 | group)", studies(), se="se", reml=False, constraints=constraints, trim=trim).fit()
        draws.append(fit.bootstrap(20, kind, rng=2).draws)
    np.testing.assert_allclose(draws[1], draws[0], atol=1e-4)
