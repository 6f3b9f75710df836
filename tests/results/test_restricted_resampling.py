"""Bootstrap, bands and files of fits with constraints."""

import numpy as np
import pandas as pd
import pytest

import limeform as lf
from limeform.bootstrap import refits
from limeform.fit import estimate_joint


def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(20), 10)
    frame = pd.DataFrame({"dose": rng.uniform(0, 80, 200), "study": group, "se": rng.uniform(0.1, 0.3, 200)})
    mean = 0.02 * frame["dose"] - 0.0001 * frame["dose"] ** 2
    return frame.assign(y=mean + 0.2 * rng.normal(size=20)[group] + frame["se"] * rng.normal(size=200))


@pytest.fixture(scope="module")
def fit():
    shape = [lf.increasing("dose"), lf.concave("dose")]
    formula = "y ~ 0 + bspline(dose, knots=[20, 40, 60]) + (1 | study)"
    return lf.lmm(formula, data(), se="se", constraints=shape).fit()


@pytest.fixture(scope="module")
def boot(fit):
    return fit.bootstrap(25, rng=1)


def test_every_draw_obeys_the_constraints(boot):
    at = np.linspace(1, 79, 30)
    curves = boot.function(lambda refit: refit.curve("dose", at=at)["fit"].to_numpy()).draws.to_numpy()
    assert curves.shape == (25, 30)
    slopes = np.diff(curves, axis=1)
    assert (slopes >= -1e-6).all()
    assert (np.diff(slopes, axis=1) <= 1e-6).all()


def test_draws_are_the_bands_of_the_curve(fit, boot):
    band = fit.curve("dose", at=[40.0], draws=boot)
    values = boot.function(lambda refit: refit.curve("dose", at=[40.0])["fit"].to_numpy()).conf_int()
    np.testing.assert_allclose(band[["mean_lower", "mean_upper"]].to_numpy()[0], values.to_numpy()[0], rtol=1e-6)


def test_default_intervals_reflect_only_what_is_free(boot):
    """The shape acts on the coefficients of the curve, and not on the standard deviation."""
    found = boot.conf_int()
    pd.testing.assert_frame_equal(found[:-1], boot.conf_int(method="expanded")[:-1])
    pd.testing.assert_frame_equal(found[-1:], boot.conf_int(method="basic")[-1:])
    assert "expanded percentile (constrained parameters) and basic intervals" in str(boot.summary())
    wider = boot.conf_int(method="expanded")
    assert (wider[0] <= boot.conf_int(method="percentile")[0]).all()
    assert "expanded percentile intervals" in str(boot.summary(method="expanded"))


def test_default_interval_of_a_bounded_standard_deviation_obeys_its_bound():
    """Reflection at an estimate on the upper bound would end beyond it."""
    limit = lf.bounds("sd(study)", upper=0.1)
    fit = lf.lmm("y ~ dose + (1 | study)", data(), se="se", constraints=[limit]).fit()
    assert fit.var_components()["sd"][0] == pytest.approx(0.1)
    boot = fit.bootstrap(20, rng=1)
    assert boot.restricted.tolist() == [False, False, True]
    assert boot.conf_int().loc["sd(study)", 1] <= 0.1 + 1e-9
    assert boot.conf_int(method="basic").loc["sd(study)", 1] > 0.101
    pd.testing.assert_frame_equal(boot.conf_int()[:2], boot.conf_int(method="basic")[:2])
    ratio = boot.function(lambda refit: refit.var_components()["sd"].to_numpy() / 2.0)
    assert ratio.conf_int()[1].max() <= 0.05 + 1e-9


def test_residual_draws(fit):
    assert fit.bootstrap(4, "residual", rng=1).n_converged == 4


def test_bca_ends_are_draws_within_the_constraints(fit, boot):
    ends = boot.conf_int(method="bca")
    assert boot._jackknife().shape == (20, len(ends))
    assert np.isfinite(ends).all(axis=None)
    assert (ends[0] >= boot.draws.min() - 1e-12).all()
    assert (ends[1] <= boot.draws.max() + 1e-12).all()
    at = np.linspace(1, 79, 6)
    curve = boot.function(lambda refit: refit.curve("dose", at=at)["fit"].to_numpy())
    assert (np.diff(curve.conf_int(method="bca").to_numpy(), axis=0) >= -1e-6).all()


def test_every_draw_of_cases_obeys_the_constraints(fit):
    at = np.linspace(1, 79, 30)
    boot = fit.bootstrap(15, "cases", rng=1)
    curves = boot.function(lambda refit: refit.curve("dose", at=at)["fit"].to_numpy()).draws.to_numpy()
    assert (np.diff(curves, axis=1) >= -1e-6).all()
    assert (np.diff(curves, n=2, axis=1) <= 1e-6).all()
    assert boot.draws.iloc[:, :3].std().min() > 0


def test_population_predictions_are_made(fit):
    found = fit.get_prediction(random="none")
    np.testing.assert_allclose(found.predicted_mean, fit.predict(random="none"))


def test_a_curve_without_constraints_is_saved(tmp_path):
    fit = lf.lmm("y ~ 1 + bspline(dose, knots=3) + (1 | study)", data(), se="se").fit()
    fit.save(tmp_path / "fit.lime")
    found = lf.load(tmp_path / "fit.lime")
    pd.testing.assert_series_equal(found.predict(data()), fit.predict(data()))
    pd.testing.assert_frame_equal(found.curve("dose"), fit.curve("dose"))


def test_no_likelihood_ratio_test(fit):
    other = lf.lmm("y ~ 0 + bspline(dose, knots=[20, 40, 60]) + (1 | study)", data(), se="se", reml=False).fit()
    assert lf.compare(fit, other).frame["p_value"].isna().all()


def test_an_unexpected_error_costs_one_draw(fit, monkeypatch):
    """The others are there, and the failure says what was raised."""
    calls = []

    def sometimes(*given):
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("negative dimensions are not allowed")
        if len(calls) == 3:
            raise AssertionError
        return estimate_joint(*given)

    monkeypatch.setattr(refits, "estimate_joint", sometimes)
    found = fit.bootstrap(5, rng=1)
    assert list(found.draws.index) == [0, 3, 4]
    assert found.failures.to_dict() == {
        1: "unexpected ValueError: negative dimensions are not allowed",
        2: "unexpected AssertionError: AssertionError",
    }
