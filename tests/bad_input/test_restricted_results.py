"""Wrong arguments to what restricted, nonlinear and crossed fits can be asked for are refused by name."""

import numpy as np
import pytest

import limeform as lf
from tests.results.restricted_fits import MODELS, OTHERS


@pytest.fixture(scope="module")
def fit():
    return MODELS["shape"]().fit()


@pytest.fixture(scope="module")
def boot(fit):
    return fit.bootstrap(3, rng=1)


@pytest.mark.parametrize("term", ["absent", "", 5, None, ["dose"], "dose "])
def test_terms_of_curves(fit, term):
    if term == "dose ":  # white space does not count
        assert len(fit.curve(term)) == 200
        return
    for ask in (fit.curve, fit.plot_curve):
        with pytest.raises(lf.OptionError, match="is not a curve of the model; curves: 'dose'"):
            ask(term)


@pytest.mark.parametrize("level", [0, 1, 1.5, -0.1, 95, np.nan, np.inf, "95%", True, [0.1]])
def test_levels(fit, boot, level):
    decay = MODELS["decay"]().fit()
    for ask in (
        lambda: fit.curve("dose", alpha=level),
        lambda: fit.plot_curve("dose", alpha=level),
        lambda: fit.summary(alpha=level),
        lambda: decay.conf_int(alpha=level),
        lambda: decay.get_prediction().summary_frame(alpha=level),
        lambda: fit.get_prediction(draws=boot).summary_frame(alpha=level),
        lambda: fit.plot_random_effects(alpha=level),
        lambda: boot.conf_int(alpha=level),
    ):
        with pytest.raises(lf.OptionError, match="alpha="):
            ask()
    with pytest.raises(lf.OptionError, match="level="):
        boot.conf_int(level)


@pytest.mark.filterwarnings("ignore::limeform.SingularFitWarning")
@pytest.mark.parametrize("n", [0, -1, True, 2.5])
def test_numbers_of_draws(fit, n):
    crossed = OTHERS["crossed"]().fit()
    for ask in (
        lambda: fit.curve("dose", draws=n),
        lambda: fit.get_prediction(draws=n),
        lambda: fit.bootstrap(n),
        lambda: fit.bootstrap(n, "cases"),
        lambda: fit.simulate(n),
        lambda: crossed.bootstrap(n),
        lambda: crossed.simulate(n),
    ):
        with pytest.raises(lf.OptionError, match="n="):
            ask()


@pytest.mark.parametrize(
    "draws", ["many", np.zeros(3), np.zeros((3, 2)), np.zeros((1, 7)), np.full((3, 7), np.nan), [["a"] * 7] * 2]
)
def test_draws_that_are_none(fit, draws):
    for ask in (lambda: fit.curve("dose", draws=draws), lambda: fit.get_prediction(draws=draws)):
        with pytest.raises(lf.OptionError, match="draws="):
            ask()


@pytest.mark.parametrize("backend", ["absent", "ray", 3])
def test_backends_that_are_not_installed(fit, boot, backend):
    for ask in (
        lambda: fit.bootstrap(3, backend=backend),
        lambda: boot.function(lambda refit: refit.llf, backend=backend),
    ):
        with pytest.raises(lf.OptionError, match=f"backend={backend!r} cannot be used"):
            ask()


def test_randomness(fit):
    for ask in (
        lambda: fit.curve("dose", draws=3, rng="seed"),
        lambda: fit.get_prediction(draws=3, rng="seed"),
        lambda: fit.bootstrap(3, "cases", rng="seed"),
    ):
        with pytest.raises(lf.OptionError, match="rng='seed'"):
            ask()


def test_new_rows():
    decay = MODELS["decay"]().fit()
    with pytest.raises(lf.UnknownColumnError, match="study"):
        decay.get_prediction({"dose": [1.0]})
    for wrong in ("a", np.inf):
        with pytest.raises(lf.DataError):
            decay.get_prediction({"dose": [wrong], "study": [1]})
    with pytest.raises(lf.DataError, match="cannot be evaluated on these rows"):
        decay.get_prediction({"dose": [-1e5], "study": [1]})
