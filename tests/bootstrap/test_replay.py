"""Functions of refits, done again in this process or in others."""

import warnings

import joblib
import numpy as np
import pytest

import limeform as lf
from limeform.bootstrap import refits

SLEEP = lf.datasets.sleepstudy()


@pytest.fixture(scope="module")
def boot():
    return lf.lmm("Reaction ~ Days + (Days | Subject)", SLEEP).fit().bootstrap(40, rng=1)


def largest_mode(refit):
    """Return a quantity that can be imported."""
    return refit.ranef()["mode"].abs().max()


def test_processes_do_not_change_the_result(boot):
    by_name = [boot.function(largest_mode, n_jobs=jobs).draws for jobs in (1, 2)]
    np.testing.assert_array_equal(*by_name)
    limit = 3.0
    inside = [boot.function(lambda refit: refit.ranef()["mode"].abs().max() + limit, n_jobs=j).draws for j in (1, 2)]
    np.testing.assert_array_equal(*inside)
    np.testing.assert_allclose(inside[0] - limit, by_name[0], rtol=1e-9)


def test_restricted_fits_too():
    data = SLEEP.assign(se=20.0)
    formula = "Reaction ~ 0 + bspline(Days, knots=2) + (1 | Subject)"
    fit = lf.lmm(formula, data, se="se", constraints=lf.increasing("Days")).fit()
    for kind in ("parametric", "cases"):
        boot = fit.bootstrap(9, kind, rng=1)
        draws = [boot.function(lambda refit: refit.params, n_jobs=jobs).draws for jobs in (1, 2)]
        np.testing.assert_array_equal(*draws)
        np.testing.assert_allclose(draws[0], boot.params, rtol=1e-6)


def test_threads_and_lists_that_are_filled(boot):
    """In this process, and in its threads, a function can leave something behind."""
    seen = []
    boot.function(lambda refit: seen.append(refit.llf) or 1.0)
    assert len(seen) == 41  # the fit itself, then its refits
    with joblib.parallel_config(backend="threading"):
        boot.function(lambda refit: seen.append(refit.llf) or 1.0, n_jobs=2)
    assert len(seen) == 82


class UnwieldyError(Exception):
    """Cannot be sent to another process: it is made from two arguments and keeps one."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def test_errors_survive_the_way(boot):
    def picky(refit):
        if refit.params["Days"] > 10.4 and len(refit.design.y) and refit.llf != boot.replay.refits.fit.llf:
            raise UnwieldyError("this", "that")
        return 1.0

    found = []
    for jobs in (1, 2):
        with pytest.warns(lf.ConvergenceWarning, match="the function raised UnwieldyError: this and that"):
            found.append(boot.function(picky, n_jobs=jobs))
    assert found[0].failures.equals(found[1].failures)
    assert found[0].n_converged == found[1].n_converged == (boot.draws["Days"] <= 10.4).sum()


def test_progress(boot, capsys):
    boot.function(lambda refit: refit.llf, progress=True)
    assert "40/40" in capsys.readouterr().err


def test_interruption_returns_what_is_done(boot, monkeypatch):
    calls = []
    again = refits.estimate_again

    def stopped(*arguments):
        calls.append(1)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return again(*arguments)

    monkeypatch.setattr(refits, "estimate_again", stopped)
    found = boot.function(lambda refit: refit.llf)
    assert found.interrupted
    assert found.n_converged == 19  # the twentieth was not finished
    assert "Interrupted" in str(found.summary())


def test_wrong_options(boot):
    for options, match in (
        ({"n_jobs": 0}, "n_jobs=0"),
        ({"n_jobs": "two"}, "n_jobs='two'"),
        ({"backend": "absent"}, "backend='absent' cannot be used"),
    ):
        with pytest.raises(lf.OptionError, match=match):
            boot.function(lambda refit: refit.llf, **options)


def test_draws_that_failed_are_left_out():
    data = SLEEP.assign(site=(SLEEP["Subject"] == "308").astype(float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        boot = lf.lmm("Reaction ~ Days + site + (1 | Subject)", data).fit().bootstrap(20, "cases", rng=2)
        assert len(boot.failures)
        found = boot.function(lambda refit: refit.params["Days"], n_jobs=2)
    assert found.draws.index.equals(boot.draws.index)
    np.testing.assert_allclose(found.draws["value"], boot.draws["Days"], rtol=1e-4)


def test_a_function_that_fails_without_one_unit():
    """The acceleration of a BCa interval comes from refits without one unit; there is none where all of them fail."""
    boot = lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP).fit().bootstrap(20, "cases", rng=1)
    levels = len(SLEEP["Subject"].unique())

    def of_whole_samples(refit):
        if len(refit.design.random.levels) < levels:
            raise ValueError("too few subjects")
        return refit.params["Days"]

    found = boot.function(of_whole_samples)
    with pytest.raises(lf.OptionError, match=f"in all {levels} the function raised ValueError: too few subjects"):
        found.conf_int(method="bca")
    with pytest.raises(lf.OptionError, match="the function gave 1 values, 2 for the fit"):
        boot.function(lambda refit: np.ones(1 + (len(refit.design.random.levels) == levels))).conf_int(method="bca")


def test_a_function_that_fails_without_some_units():
    boot = lf.lmm("Reaction ~ Days + (1 | Subject)", SLEEP).fit().bootstrap(20, "cases", rng=1)
    levels, least = len(SLEEP["Subject"].unique()), SLEEP["Reaction"].min()

    def with_the_least(refit):
        if len(refit.design.random.levels) < levels and refit.design.y.min() > least:
            raise ValueError("it is missing")
        return refit.params["Days"]

    found = boot.function(with_the_least)
    with pytest.warns(lf.UnknownBandWarning, match=f"in 1 of {levels} refits .* it is missing"):
        assert np.isfinite(found.conf_int(method="bca").to_numpy()).all()


def test_warnings_of_the_function_are_the_users_own(boot):
    whole = boot.replay.refits.fit.llf

    def warns(refit):
        if refit.llf != whole:
            warnings.warn("mine", RuntimeWarning, stacklevel=1)
        return refit.llf

    with pytest.warns(RuntimeWarning, match="mine"):
        boot.function(warns)
