"""Fits with constraints, priors and nonlinear means come back from a file as they were, digit by digit."""

import pickle
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import limeform as lf
from tests.results.restricted_fits import DATA, MODELS, OTHERS, SHAPE


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lf.SingularFitWarning)
        yield


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.lime"


def assert_same_fit(found, fit):
    """Compare everything that stored numbers give, exactly."""
    assert str(found.summary()) == str(fit.summary())
    for name in ("params", "bse", "fittedvalues", "resid", "weights", "log_priors"):
        pd.testing.assert_series_equal(getattr(found, name), getattr(fit, name), check_exact=True)
    for name in ("ranef", "glance", "outliers", "tidy", "var_components"):
        pd.testing.assert_frame_equal(getattr(found, name)(), getattr(fit, name)(), check_exact=True)
    pd.testing.assert_frame_equal(found.active_constraints, fit.active_constraints, check_exact=True)
    assert found.model.trim.rng == fit.model.trim.rng


@pytest.mark.parametrize("name", MODELS)
def test_round_trip(name, path):
    fit = MODELS[name]().fit()
    fit.save(path)
    found = lf.load(path)
    assert_same_fit(found, fit)
    new = DATA[::7]
    pd.testing.assert_series_equal(found.predict(new), fit.predict(new), check_exact=True)
    for curve in fit.design.curves:
        at = np.linspace(5, 70, 9)
        pd.testing.assert_frame_equal(found.curve(curve.name, at), fit.curve(curve.name, at), check_exact=True)
    draws = [each.bootstrap(3, rng=1).draws for each in (found, fit)]
    np.testing.assert_allclose(*draws, rtol=1e-6, atol=1e-8)  # solvers stop at 1e-8 of the objective
    assert found.model.fit().llf == pytest.approx(fit.llf, abs=1e-6)


@pytest.mark.parametrize("name", ["shape, trimmed", "ratio"])
def test_bands_and_pictures(name, path):
    fit = MODELS[name]().fit()
    fit.save(path)
    found, curve = lf.load(path), fit.design.curves[0].name
    at = np.linspace(5, 70, 4)
    bands = [each.curve(curve, at, draws=4, rng=2) for each in (found, fit)]
    np.testing.assert_allclose(*bands, rtol=1e-5)
    points = [each.plot_curve(curve).collections[-1].get_offsets() for each in (found, fit)]
    np.testing.assert_array_equal(*points)
    assert found.plot_residuals().get_xlabel() == fit.plot_residuals().get_xlabel()
    plt.close("all")


def test_funnel(path):
    fit = lf.lmm("y ~ 1 + (1 | study)", DATA, se="se", constraints="Intercept >= 0").fit()
    fit.save(path)
    assert lf.load(path).plot_funnel().get_xlim() == fit.plot_funnel().get_xlim()
    plt.close("all")


@pytest.mark.parametrize("name", ["ratio", "shape, trimmed", "decay, strata"])
def test_refits_of_other_responses(name, path):
    fit = MODELS[name]().fit()
    refit = fit.refit(fit.simulate(1, rng=4)["sim_1"])
    refit.save(path)
    found = lf.load(path)
    pd.testing.assert_series_equal(found.params, refit.params, check_exact=True)
    pd.testing.assert_series_equal(found.resid, refit.resid, check_exact=True)
    pd.testing.assert_frame_equal(found.ranef(), refit.ranef(), check_exact=True)


def test_members_of_an_ensemble(path):
    ensemble = lf.knot_ensemble(MODELS["shape, trimmed"](), draws=2, rng=1)
    for member in ensemble.members:
        member.save(path)
        found = lf.load(path)
        assert_same_fit(found, member)
        assert found.model.fit().llf == pytest.approx(member.llf, abs=1e-6)


def test_rows_that_are_never_trimmed_are_kept_by_other_knots_too(path):
    data = DATA.assign(good=np.arange(120) % 5 == 0)
    for keep in ("good", [3, 4, 5], data["good"]):
        model = lf.lmm(SHAPE, data, se="se", constraints=lf.increasing("dose"), trim=lf.Trimming(0.4, keep=keep))
        model.fit().save(path)
        member = lf.knot_ensemble(lf.load(path).model, draws=1, rng=1).members[0]
        np.testing.assert_array_equal(member.model._always, model._always)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("mean", r"its mean is a function \(mean=decay\).* nl\("),
        ("function", r"constraint\(slope_of_x\) is a function.* text"),
        ("penalty", r"penalty\(square_of_x\) is a function.* lf.normal"),
    ],
)
def test_functions_are_refused_by_name(name, match, path):
    with pytest.raises(lf.ArchiveError, match=match + ".* pickle"):
        OTHERS[name]().fit().save(path)
    assert not path.exists()


@pytest.mark.parametrize("name", MODELS | OTHERS)
def test_models_and_results_pickle(name):
    model = (MODELS | OTHERS)[name]()
    fit = pickle.loads(pickle.dumps(model)).fit()
    found = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_series_equal(found.fittedvalues, fit.fittedvalues, rtol=1e-12)
    assert str(found.summary()) == str(fit.summary())
    np.testing.assert_allclose(found.bootstrap(2, rng=1).draws, fit.bootstrap(2, rng=1).draws, rtol=1e-6, atol=1e-8)
