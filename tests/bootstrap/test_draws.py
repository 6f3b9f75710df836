"""What the draws of a bootstrap may be used for: curves, levels that they reach, and the fit that they are of."""

import pickle
import warnings

import numpy as np
import pytest

import limeform as lf
from limeform.bootstrap.intervals import least_draws

SLEEP = lf.datasets.sleepstudy()
FORMULA = "Reaction ~ bspline(Days, knots=2) + (1 | Subject)"


@pytest.fixture(scope="module")
def fit():
    return lf.lmm(FORMULA, SLEEP).fit()


@pytest.fixture(scope="module")
def boot(fit):
    return fit.bootstrap(40, rng=1)


@pytest.mark.parametrize("derivative", [0, 1])
def test_draws_of_a_curve_are_those_of_the_refits(boot, derivative):
    found = boot.curve("Days", [0, 4, 9], derivative)
    again = boot.function(lambda refit: refit.curve("Days", [0, 4, 9], derivative=derivative)["fit"])
    np.testing.assert_allclose(found, again.draws, rtol=1e-6)
    assert found.columns.tolist() == [0, 4, 9]
    assert found.index.equals(boot.draws.index)


def test_curves_that_there_are_not(boot):
    with pytest.raises(lf.OptionError, match="'Dayz' is not a curve"):
        boot.curve("Dayz")
    with pytest.raises(lf.OptionError, match="the draws of all parameters"):
        boot.function(lambda refit: refit.llf).curve("Days")


def test_level_that_the_draws_do_not_reach(boot):
    with pytest.warns(lf.FewDrawsWarning, match=r"40 draws do not reach a level of 0\.999: .* at least 1999 draws"):
        boot.conf_int(0.999)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        boot.conf_int(0.95)
    with pytest.warns(lf.FewDrawsWarning, match="at least 66 draws"):
        boot.conf_int(0.95, "expanded")  # 18 subjects


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.02, 0.001, 1 - 0.95, 1 - 0.999])
def test_least_number_of_draws(alpha):
    least = least_draws(alpha)
    assert alpha / 2 * (least + 1) >= 1 - 1e-8
    assert alpha / 2 * least < 1


def uses(fit, boot):
    return {
        "tidy": lambda: fit.tidy(bootstrap=boot),
        "curve": lambda: fit.curve("Days", [0, 9], draws=boot),
        "plot_curve": lambda: fit.plot_curve("Days", draws=boot),
        "get_prediction": lambda: fit.get_prediction(draws=boot),
    }


@pytest.mark.parametrize("use", ["tidy", "curve", "plot_curve", "get_prediction"])
@pytest.mark.parametrize("other", ["response", "formula", "rows", "ML"])
def test_bootstrap_of_another_fit(fit, use, other):
    fits = {
        "response": lambda: lf.lmm(FORMULA, SLEEP.assign(Reaction=SLEEP["Reaction"][::-1].to_numpy())).fit(),
        "formula": lambda: lf.lmm("Reaction ~ Days + (Days | Subject)", SLEEP).fit(),
        "rows": lambda: lf.lmm(FORMULA, SLEEP[:-20]).fit(),
        "ML": lambda: lf.lmm(FORMULA, SLEEP, reml=False).fit(),
    }
    with pytest.raises(lf.OptionError, match="bootstrap of another fit"):
        uses(fit, fits[other]().bootstrap(3, rng=1))[use]()


def test_same_estimates_from_twice_the_rows(fit, boot):
    heavy = lf.lmm(FORMULA, SLEEP).fit()
    boot = pickle.loads(pickle.dumps(boot))
    boot.replay.refits.fit.design.factors[0].__dict__["levels"] = heavy.design.factors[0].levels[:3]
    with pytest.raises(lf.OptionError, match="bootstrap of another fit"):
        fit.tidy(bootstrap=boot)


@pytest.mark.parametrize("use", ["tidy", "curve", "get_prediction"])
def test_bootstrap_of_a_copy(fit, boot, use, tmp_path):
    fit.save(tmp_path / "fit.lime")
    for copy in (fit, lf.load(tmp_path / "fit.lime"), pickle.loads(pickle.dumps(fit))):
        uses(copy, boot)[use]()
        uses(copy, pickle.loads(pickle.dumps(boot)))[use]()


def test_draws_of_a_function_are_no_draws_of_parameters(fit, boot):
    with pytest.raises(lf.OptionError, match=r"draws= holds draws of a function"):
        fit.get_prediction(draws=boot.function(lambda refit: refit.params))


def test_single_slope_has_its_name():
    data = lf.datasets.contaminated_studies(rng=4)
    slope = lf.lmm("y ~ x + (0 + x | study)", data, se="se").fit()
    intercept = lf.lmm("y ~ x + (1 | study)", data, se="se").fit()
    assert slope.tidy("ran_pars")["term"].tolist() == ["sd(study: x)"]
    assert slope.bootstrap(2, rng=1).draws.columns[-1] == "sd(study: x)"
    assert {"sd(study: x)", "sd(study)"} <= set(lf.table(slope, intercept).frame.index)


@pytest.mark.parametrize("name", ["sd(study: x)", "sd(study)"])
def test_single_slope_may_be_called_by_its_group(name):
    data = lf.datasets.contaminated_studies(rng=4)
    held = lf.lmm("y ~ x + (0 + x | study)", data, se="se", constraints=[lf.bounds(name, upper=0.01)]).fit()
    assert held.var_components()["sd"].iloc[0] == pytest.approx(0.01, abs=1e-6)
    line = next(line for line in str(held.summary()).splitlines() if line.startswith("study"))
    assert line.split()[:2] == ["study", "x"]
