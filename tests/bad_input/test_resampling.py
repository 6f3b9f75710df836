"""Wrong arguments of the bootstrap, of pictures and of files are refused by name."""

import numpy as np
import pytest

import limeform as lf

SLEEP = lf.datasets.sleepstudy()


@pytest.fixture(scope="module")
def fit():
    return lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP).fit()


@pytest.mark.parametrize("n", [0, -3, 2.5, "ten", None, True])
def test_numbers_of_draws(fit, n):
    with pytest.raises(lf.OptionError, match="n="):
        fit.bootstrap(n)
    with pytest.raises(lf.OptionError, match="n="):
        fit.simulate(n)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"kind": "wild"}, "kind='wild': give 'parametric', 'residual', 'cases'"),
        ({"refit": "again"}, "refit='again'"),
        ({"rng": "seed"}, "rng='seed'"),
        ({"rng": np.random.RandomState(1)}, "rng="),
        ({"n_jobs": 0}, "n_jobs=0"),
        ({"n_jobs": "two"}, "n_jobs='two'"),
        ({"backend": "absent"}, "backend='absent' cannot be used"),
    ],
)
def test_options(fit, options, match):
    with pytest.raises(lf.OptionError, match=match):
        fit.bootstrap(5, **options)


@pytest.mark.parametrize("level", [0, 1, 1.5, -0.1, 95, np.nan, "95%", True])
def test_levels(fit, level):
    boot = fit.bootstrap(5, rng=1)
    for ask in (boot.conf_int, boot.summary):
        with pytest.raises(lf.OptionError, match="level="):
            ask(level)
        with pytest.raises(lf.OptionError, match="alpha="):
            ask(alpha=level)
    with pytest.raises(lf.OptionError, match="alpha="):
        fit.get_prediction().summary_frame(alpha=level)


def test_level_and_alpha_at_once(fit):
    boot = fit.bootstrap(5, rng=1)
    np.testing.assert_allclose(boot.conf_int(0.9), boot.conf_int(alpha=0.1))
    with pytest.raises(lf.OptionError, match="not both"):
        boot.conf_int(0.9, alpha=0.1)
    with pytest.raises(lf.OptionError, match="method='studentized'"):
        boot.conf_int(method="studentized")


def test_one_draw_says_nothing(fit):
    boot = fit.bootstrap(1, rng=1)
    for ask in (boot.conf_int, lambda: boot.se, lambda: boot.cov, boot.summary):
        with pytest.raises(lf.OptionError, match="1 of 1 refits converged"):
            ask()


def test_predictions(fit):
    with pytest.raises(lf.OptionError, match="random="):
        fit.get_prediction(random="some")
    with pytest.raises(lf.OptionError, match="random="):
        fit.simulate(1, random="none")
    with pytest.raises(lf.UnknownColumnError, match="Days"):
        fit.get_prediction({"Subject": ["308"]})
    slopes = lf.lmm("Reaction ~ 1 + (0 + Days | Subject)", SLEEP).fit()
    with pytest.raises(lf.UnknownColumnError, match="Days"):
        slopes.get_prediction({"Subject": ["308"]}, random="none")


def test_quantile_plots(fit):
    none = lf.lmm("Reaction ~ Days", SLEEP).fit()
    with pytest.raises(lf.OptionError, match="no random effects"):
        none.plot_qq("random_effects")
    for options, match in (
        ({"of": "errors"}, "of='errors'"),
        ({"alpha": 2}, "alpha=2"),
        ({"draws": -1}, "draws=-1"),
        ({"draws": 10}, "at least 40"),
        ({"ax": []}, "0 axes for 1 panels"),
    ):
        with pytest.raises(lf.OptionError, match=match):
            fit.plot_qq(**options)
