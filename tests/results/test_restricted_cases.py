"""Rows of restricted, nonlinear and trimmed fits that are drawn again."""

import warnings

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.results.restricted_fits import DATA, MODELS, OTHERS

EVERY = {**MODELS, **{name: OTHERS[name] for name in ("mean", "function", "penalty")}}


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lf.SingularFitWarning)
        yield


def places(fit):
    n = fit.nobs
    return np.arange(n), (np.arange(n) if fit.design.random is None else fit.design.random.codes).astype(np.int32)


@pytest.mark.parametrize("name", EVERY)
def test_all_rows_again_are_the_fit(name):
    """Solvers stop at 1e-8 of the objective, which leaves 1e-4 of a standard error."""
    fit = EVERY[name]().fit()
    same = fit.refit_rows(*places(fit))
    assert same.llf == pytest.approx(fit.llf, abs=1e-5)
    error = fit.bse.to_numpy()
    error = np.where(np.isfinite(error), error, np.nanmin(error, initial=1.0))  # held ones have none
    assert (np.abs(same.params - fit.params) / error).max() < 1e-4


@pytest.mark.parametrize("name", ["shape", "ratio", "decay", "text", "shape, trimmed"])
def test_every_group_twice_has_the_same_estimates(name):
    """Maximum likelihood of independent groups: twice the data, twice the log-likelihood."""
    fit = MODELS[name]().fit()
    rows, place = places(fit)
    twice = fit.refit_rows(np.concatenate([rows, rows]), np.concatenate([place, place + 15]).astype(np.int32))
    assert twice.llf == pytest.approx(2 * fit.llf, abs=1e-4)
    np.testing.assert_allclose(twice.params, fit.params, rtol=1e-3, atol=1e-3)
    assert len(twice.design.random.levels) == 30
    at = DATA["dose"].to_numpy()
    for curve in twice.design.curves:
        expected = DATA["high"] if name == "ratio" else at
        np.testing.assert_allclose(curve.exposure.high, np.concatenate([expected, expected]))


@pytest.mark.parametrize("name", EVERY)
def test_draws_converge(name):
    boot = EVERY[name]().fit().bootstrap(4, "cases", rng=1)
    assert boot.n_converged + len(boot.failures) == 4
    assert boot.n_converged >= 3
    assert len(boot.draws.drop_duplicates()) == boot.n_converged


def test_vacuous_constraints_are_those_of_the_linear_path():
    fit = lf.lmm("y ~ 1 + x + (1 | study)", DATA, constraints="x <= 100").fit()
    plain = lf.lmm("y ~ 1 + x + (1 | study)", DATA, reml=False).fit()
    draws = [each.bootstrap(8, "cases", rng=3).draws for each in (fit, plain)]
    np.testing.assert_allclose(*draws, atol=1e-4)
    ends = [each.bootstrap(8, rng=3).conf_int(method="bca") for each in (fit, plain)]
    np.testing.assert_allclose(*ends, atol=1e-4)


@pytest.mark.parametrize("name", ["shape, trimmed", "ratio, trimmed"])
def test_trimmed_fits(name):
    """Held weights stay with their rows; retrimmed refits keep as many of the rows that were drawn."""
    fit = MODELS[name]().fit()
    held = fit.bootstrap(3, "cases", rng=2)
    again = fit.bootstrap(3, "cases", rng=2, refit="retrimmed")
    assert held.n_converged == again.n_converged == 3
    kept = again.function(lambda refit: [refit.n_kept, len(refit.weights), refit.weights.sum()]).draws
    assert (kept[0] == kept[1] - np.floor(0.1 * kept[1])).all()
    assert (kept[2] == kept[0]).all()
    rows, place = places(fit)
    weights = fit.refit_rows(rows[8:], place[8:])._setup.rows.weights
    np.testing.assert_array_equal(weights, fit.weights[8:])
    assert np.isfinite(fit.bootstrap(12, rng=2).conf_int(method="bca")).all(axis=None)


def test_a_stratum_that_is_not_drawn_is_a_failure_with_a_reason():
    data = DATA.assign(rare=np.where(DATA["study"] == 3, "rare", "common"))
    fit = lf.lmm("c ~ 0 + nl(A * exp(-k * dose)) + (1 | study)", data, start={"A": 9, "k": 0.05}, sigma="rare").fit()
    with pytest.warns(lf.ConvergenceWarning, match="a level of 'rare' was not drawn|was not drawn"):
        boot = fit.bootstrap(20, "cases", rng=1)
    # A study is not drawn with probability (1 - 1/15)^15 = 0.355.
    assert 2 <= len(boot.failures) <= 14


def test_functions_as_mean_get_the_rows_that_were_drawn():
    fit = OTHERS["mean"]().fit()
    rows, place = places(fit)
    part = fit.refit_rows(rows[16:], place[16:])
    pd.testing.assert_series_equal(
        part.fittedvalues,
        part.predict(DATA[16:], random="none") + part.fittedvalues - part.predict(random="none"),
        check_names=False,
    )


@pytest.mark.parametrize("name", ["crossed", "crossed, trimmed"])
def test_crossed_factors(name):
    fit = OTHERS[name]().fit()
    with pytest.raises(lf.OptionError, match=r'study, rater are crossed.*"parametric" or "residual"'):
        fit.bootstrap(4, "cases")
    boot = fit.bootstrap(6, rng=1)
    with pytest.raises(lf.OptionError, match=r'study, rater are crossed.*"basic" or "percentile"'):
        boot.conf_int(method="bca")
    assert fit.simulate(2, rng=1).shape == (120, 2)
    for kind in ("parametric", "residual"):
        assert fit.bootstrap(4, kind, rng=1).n_converged == 4
